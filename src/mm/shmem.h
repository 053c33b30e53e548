/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory that is a file: tmpfs, memfd, shared anonymous memory, SysV segments. Kernel counterpart: mm/shmem.c.
 *
 * Modelled: holes are filled with zeroed pages when they are touched or written, and read as zeroes from none; pages are
 * swap-backed: reclaim gives them a slot in swap, which stands in mapping->exceptional (shmem_swap_to_entry()) until they are
 * asked for again; fallocate and hole punching.
 *
 * Interface: below.
 */
#ifndef MM_SHMEM_H
#define MM_SHMEM_H

#include "mm/filemap.h"

enum sgp_type {
	SGP_READ,	/* a hole stays one: PFN_NONE */
	SGP_CACHE,	/* a page, for a fault */
	SGP_WRITE,	/* a page, to be written by a system call */
	SGP_FALLOC	/* a page, for fallocate */
};

/*
 * The page at `index`: from the cache, from swap (*ret_major when it had to be read), or fresh. PFN_NONE: no memory, or a hole
 * with SGP_READ.
 */
pfn_t shmem_get_folio(struct memory *mem, struct address_space *mapping, uint64_t index, enum sgp_type sgp,
		      bool *ret_major);
/* Reclaim: the unmapped folio goes to swap. True: writeback has started or is done; false: it stays, and is dirty. */
bool shmem_writeout(struct memory *mem, pfn_t head);
/* What pageout() came to (mm/vmscan.c has the same names). */
enum pageout_result {
	PAGE_KEEP,	/* in use, or under writeback already */
	PAGE_ACTIVATE,	/* not now: back to the active list (no swap, or the flusher's business) */
	PAGE_SUCCESS,	/* writeback started; it may be done already (PG_WRITEBACK says) */
	PAGE_CLEAN	/* nothing to write */
};
/*
 * Reclaim wants a dirty folio clean. Anonymous folios of the swap cache and shmem go to swap; files' pages are left to the
 * flusher (6.18 writes none of them from reclaim): PAGE_ACTIVATE. The folio is locked in the kernel's sense: nobody else has it.
 */
enum pageout_result pageout(struct memory *mem, pfn_t head);

#endif
