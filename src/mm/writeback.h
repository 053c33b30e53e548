/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Dirty pages and the device they go to. Kernel counterpart: mm/page-writeback.c (dirty accounting, folio_start_writeback,
 * folio_mark_dirty), mm/filemap.c (folio_end_writeback), block/ in so far as it takes time.
 *
 * Modelled: PG_DIRTY and PG_WRITEBACK of folios and what the kernel counts of them, by node and group (nr_dirty,
 * nr_writeback, nr_dirtied, nr_written); which pages of a file are dirty (its tags) and since when the file is; folios under
 * writeback, each with the time at which its device is done with it.
 *
 * The device's time. A device works off its requests one behind the other at its bandwidth, each after its latency, on the
 * model's clock. Nothing waits for real: whoever would have waited for it calls io_wait(), which counts the time
 * (memory->writeback->stall_ns) and lets the device go on for as long: its time is the clock plus all that was waited
 * so far. Several tasks that wait at once are therefore held to wait one after the other.
 *
 * Who frees a folio, or takes it out of its cache, first makes sure that it is not under writeback (folio_wait_writeback).
 * Reclaim, splitting and migration leave such folios alone, as the kernel does.
 *
 * Low in the order of modules, so that unmapping may dirty folios; what walks files and page tables to write them back is
 * mm/fs_writeback.h. mem->writeback may be NULL (tests): then writeback ends as it starts, and nothing has to be waited for.
 */
#ifndef MM_WRITEBACK_H
#define MM_WRITEBACK_H

#include "base/strbuf.h"
#include "mm/mm_types.h"

/* Who waits, for what: the result's table of stalls. X(NAME, "key", "meaning") */
#define IO_STALLS(X) \
	X(READ, "read", "other reads that missed the page cache, faults included") \
	X(THRASHING, "thrashing", "reads of pages that had been of the working set when they were evicted") \
	X(SWAPIN, "swapin", "reads from swap") \
	X(DIRTY, "dirty", "writers held up by balance_dirty_pages()") \
	X(SYNC, "sync", "fsync, msync and writes through the cache") \
	X(WRITEBACK, "writeback", "for the end of writeback: truncation, reclaim, writes to pages under writeback") \
	X(DIRECT, "direct", "transfers beside the page cache (O_DIRECT)")

enum io_stall {
#define IO_STALL_ENUM(NAME, key, meaning) IO_STALL_##NAME,
	IO_STALLS(IO_STALL_ENUM)
#undef IO_STALL_ENUM
	NR_IO_STALLS
};

struct io_stall_info {
	const char *key, *meaning;
};
extern const struct io_stall_info io_stall_info[NR_IO_STALLS];

/* A folio under writeback. A heap by (done_ns, seq): mm/writeback.c. */
struct writeback_entry {
	uint64_t done_ns, seq;		/* device time */
	pfn_t head;
};

/* Pages of a file that the device reads: locked until it is done. */
struct io_read {
	uint32_t mapping;		/* handle */
	uint64_t first, end;		/* pages */
	uint64_t done_ns;		/* device time */
};
#define NR_IO_READS 16			/* so many are known; of more the one that ends first is forgotten */

struct writeback {
	struct list_head b_dirty;	/* files with dirty pages, the longest dirty first (dirty_inodes) */
	VEC(struct writeback_entry) in_flight;
	uint64_t seq;
	struct io_read reads[NR_IO_READS];
	unsigned nr_reads;		/* some of them may be done */
	uint64_t read_free_ns, write_free_ns;	/* device time at which the device is free again */
	uint64_t waited_ns;		/* all io_wait() so far: device time - clock */
	uint64_t stall_ns[NR_IO_STALLS], stalls[NR_IO_STALLS];
	uint64_t flusher_wakeups;	/* before its time: too much is dirty, or reclaim asked */
	uint64_t bytes_read, bytes_written;	/* by system calls, through the cache */
	uint64_t bytes_direct_read, bytes_direct_written, bytes_spliced;
	uint64_t bytes_mapped;		/* of files, faulted in: what was used without copying */
};

void writeback_create(struct memory *mem);
void writeback_destroy(struct memory *mem);

/* ---- dirty ---- */

/*
 * The folio's content differs from what is on disk or in swap. True: it was clean. Files' pages are counted and tagged, and
 * their file joins b_dirty; anonymous memory and shmem only get the flag, as in the kernel. The head's flag holds for all.
 */
bool folio_mark_dirty(struct memory *mem, pfn_t head);
/* Takes the flag away again without writing: truncation, lazy freeing. */
void folio_cancel_dirty(struct memory *mem, pfn_t head);
/* dst, with the flags and the place of src, is what is dirty now: the counters of its node and zone. */
void folio_migrate_dirty(struct memory *mem, pfn_t src, pfn_t dst);
/* Is page `index` of the file dirty? */
bool mapping_page_dirty(const struct address_space *mapping, uint64_t index);
/*
 * The flag goes because the content is about to be written, with entries left alone: callers want folio_clear_dirty_for_io()
 * of mm/fs_writeback.h. True: it was dirty.
 */
bool __folio_clear_dirty_for_io(struct memory *mem, pfn_t head);

/* ---- under writeback ---- */

/*
 * The device has the folio until done_ns (io_submit_write()). The head gets PG_WRITEBACK, file pages count in nr_writeback
 * and others too, as in the kernel.
 */
void folio_start_writeback(struct memory *mem, pfn_t head, uint64_t done_ns);
/* Returns at which device time `bytes` written now will be on the device of the files, behind what it has to do already. */
uint64_t io_submit_write(struct memory *mem, uint64_t bytes);
/* The same for a read. */
uint64_t io_submit_read(struct memory *mem, uint64_t bytes);
/* A folio has come into the cache to be read, behind the one before: locked already, although its read is not submitted yet. */
void io_read_begin(struct memory *mem, pfn_t head);
/* It is submitted, and done at that time (io_submit_read()). */
void io_read_submitted(struct memory *mem, uint64_t done_ns);
/* Device time at which the page will have been read: UINT64_MAX while its read is not submitted yet, 0: it is not being read. */
uint64_t __folio_read_done(const struct memory *mem, const struct page *page);
static inline uint64_t folio_read_done(const struct memory *mem, pfn_t head)
{
	if (likely(!mem->reading.mapping && (!mem->writeback || !mem->writeback->nr_reads)))
		return 0;
	return __folio_read_done(mem, pfn_to_page(mem, head));
}
/* Now, on the device's clock. */
static inline uint64_t io_time(const struct memory *mem)
{
	return mem->now_ns + (mem->writeback ? mem->writeback->waited_ns : 0);
}
/* Waits until that device time: counted under `why`. What is done by then, is done. */
void io_wait(struct memory *mem, uint64_t until_ns, enum io_stall why);
/* What a wait for that folio to be read counts as. */
static inline enum io_stall read_stall(const struct memory *mem, pfn_t head)
{
	return pfn_to_page(mem, head)->flags & PG_WORKINGSET ? IO_STALL_THRASHING : IO_STALL_READ;
}
/* Is it being read at the moment? */
static inline bool folio_is_read(const struct memory *mem, pfn_t head)
{
	uint64_t done = folio_read_done(mem, head);

	return unlikely(done) && done > io_time(mem);
}
/* Waits for its read to end, when it is being read. True: it was. */
static inline bool folio_wait_read(struct memory *mem, pfn_t head)
{
	if (likely(!folio_is_read(mem, head)))
		return false;
	io_wait(mem, folio_read_done(mem, head), read_stall(mem, head));
	return true;
}
/* Ends all writeback that the device is done with by now. */
void io_complete(struct memory *mem);
/* Waits for the end of writeback of that folio, when it is under writeback. */
void folio_wait_writeback(struct memory *mem, pfn_t head);

/* ---- limits ---- */

/* Pages that may be dirty before the flusher starts, and before writers are held up (nr_dirty_background_threshold, ...). */
void global_dirty_limits(const struct memory *mem, uint64_t *ret_background, uint64_t *ret_thresh);

/* Tags against flags, counters against frames, the heap. False: `why` gets a line for each contradiction. */
bool writeback_consistent(const struct memory *mem, struct strbuf *why);

#endif
