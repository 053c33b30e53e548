/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Writing dirty files back. Kernel counterpart: fs/fs-writeback.c, mm/page-writeback.c (write_cache_pages,
 * balance_dirty_pages), mm/rmap.c (folio_mkclean).
 *
 * Modelled: the flusher, which runs each vm.dirty_writeback_centisecs and writes files that have been dirty for
 * vm.dirty_expire_centisecs, and everything while there is more than the background limit; folios in order of their
 * index; entries that map a folio become clean and write-protected before it is written, so that the next write faults
 * again; writers above half way between the limits are held up for as long as the device needs for what they dirtied, by
 * the kernel's control line (pos_ratio), at most 200 ms a time.
 * Simplified: the flusher does its work at once, the device takes its time; one device for all files, whose bandwidth is
 * known (io.write_bandwidth), not estimated; one control line for the machine, none a group or a device. Left out: b_io,
 * b_more_io and the chunks in which files take turns, metadata, journals.
 */
#ifndef MM_FS_WRITEBACK_H
#define MM_FS_WRITEBACK_H

#include "mm/writeback.h"

/*
 * The folio is about to be written: its entries become clean and read-only (their dirty bits go to the folio first), the flag
 * goes. True: it was dirty, and is the caller's to write.
 */
bool folio_clear_dirty_for_io(struct memory *mem, pfn_t head);
/* Entries of shared areas that map the folio lose their dirty bit and the permission to write. Returns how many. */
unsigned folio_mkclean(struct memory *mem, pfn_t head);

/*
 * Starts writeback of the dirty pages in [first, last] of the file, no more than nr pages. sync: those under writeback, and
 * dirty again, are waited for. Returns how many.
 */
uint64_t filemap_fdatawrite_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last,
				  uint64_t nr, bool sync);
/* Waits for what is under writeback there. */
void filemap_fdatawait_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last,
			     enum io_stall why);

/* The flusher's turn: the model's clock has come to the next interval. */
void wb_workfn(struct memory *mem);
/* Reclaim met too many dirty pages: writeback of all of them starts now. */
void wakeup_flusher_threads(struct memory *mem);
/* sync(2): all files. */
void sync_inodes(struct memory *mem);

void balance_dirty_pages(struct memory *mem);
/* Who runs has dirtied pages of files: it may have to wait. */
static inline void balance_dirty_pages_ratelimited(struct memory *mem)
{
	const struct task_struct *task = mem->current;

	if (task && task->nr_dirtied >= (task->nr_dirtied_pause ? task->nr_dirtied_pause : 32))
		balance_dirty_pages(mem);
}

#endif
