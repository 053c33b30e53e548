/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading a file before it is asked for. Kernel counterpart: mm/readahead.c.
 *
 * Modelled: the window of an open file (start, size, where its mark stands); the first window by the size of the request, then
 * growing fourfold and twofold up to the limit; the mark that starts the next window when it is reached; interleaved
 * streams by what the cache holds before and behind; small random reads, which leave the window alone; forced read-ahead in
 * chunks of 2M; folios that grow by four with each window, cut at its natural boundary and at the end of the file.
 * Simplified: what is read is there at once: the wait is counted (mm/writeback.h: io_wait()) where somebody would have
 * waited; a device's largest transfer (io_pages) is the same for all. Left out: congestion by cgroup, file systems with a
 * least folio order, the retry of folios that could not be read.
 *
 *	               |<----- async_size -----|
 *	|--------------------- size ---------->|
 *	^ start        ^ a folio with PG_READAHEAD
 *
 * Interface: below. Pages and windows are in base pages of the machine.
 */
#ifndef MM_READAHEAD_H
#define MM_READAHEAD_H

#include "mm/filemap.h"

/* One request: where it starts, for whom. */
struct readahead_control {
	struct memory *mem;
	struct address_space *mapping;
	struct file_ra_state *ra;
	uint64_t index;			/* first page */
	bool random;			/* FMODE_RANDOM: read what is asked for, no more */
	uint64_t nr_read;		/* pages that were read: the sum over the calls */
};

/* Fresh: nothing read yet, the window's limit as the device's. */
void file_ra_state_init(const struct memory *mem, struct file_ra_state *ra);
/* A read of req_count pages at ractl->index missed the cache. */
void page_cache_sync_ra(struct readahead_control *ractl, uint64_t req_count);
/* The mark was met, on the folio `head`: ractl->index is the page that was wanted. */
void page_cache_async_ra(struct readahead_control *ractl, pfn_t head, uint64_t req_count);
/* ra->size pages from ractl->index on, in folios of up to ra->order. */
void page_cache_ra_order(struct readahead_control *ractl, struct file_ra_state *ra);
/* nr pages without any window (readahead(2), WILLNEED), no more than the window's limit or the device's largest transfer. */
void force_page_cache_ra(struct readahead_control *ractl, uint64_t nr);

#endif
