/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Contiguous frames of any number: ranges that are emptied, and areas of CMA. Kernel counterpart:
 * mm/page_alloc.c (alloc_contig_range, alloc_contig_pages), mm/page_isolation.c
 * (has_unmovable_pages), mm/cma.c, kernel/dma/contiguous.c.
 *
 * Modelled: the pageblocks of a range are isolated, per-cpu lists drained, what is in use and can be
 * moved migrates away, the range is taken from the free lists and what surrounds it goes back; a
 * failure leaves everything usable. alloc_contig_pages() tries one aligned range after the other in
 * the zones of a zonelist. CMA areas with a bitmap of one bit a page; an area lends its free frames
 * to movable allocations (mm/buddy.c) and empties them on demand.
 * Simplified: migration never waits, so a range that stays busy is tried MAX_MIGRATE_ROUNDS times
 * without a pause. Boundaries are isolated by whole pageblocks, and a folio that lies across the
 * boundary of the range is moved whole. Left out: free hugetlb pages are replaced (a pool page in the
 * range makes it busy), memory offlining.
 *
 * Interface:
 *   - alloc_contig_range(), alloc_contig_pages(), free_contig_range()
 *   - cma_area_of(): the area for a node; cma_alloc(), cma_release()
 *   - the areas are made at boot by memory_create() from memory.cma and memory.cma_pernuma
 */
#ifndef MM_CONTIG_H
#define MM_CONTIG_H

#include "mm/cma.h"

/*
 * Frames [start, end) of one zone become the caller's: _refcount 1 each, order 0. With __GFP_COMP
 * they must be one aligned power of two, at most the machine's largest order, and come as one folio.
 * `cma`: the range is of a CMA area. Counts contig_alloc_success or contig_alloc_fail. 0, -EBUSY: something there cannot be moved, or
 * there is no room to move it to; -EINVAL: no such frames.
 */
int alloc_contig_range(struct memory *mem, pfn_t start, pfn_t end, bool cma, gfp_t gfp);
/*
 * The first range of nr frames, aligned to their number rounded up to a power of two when that is
 * what nr is, else to a page, on the node (NUMA_NO_NODE: that of memory->cpu) or, without
 * __GFP_THISNODE, on those behind it whose bit is set. Not from CMA areas. Counts as one. PFN_NONE:
 * none.
 */
pfn_t alloc_contig_pages(struct memory *mem, uint64_t nr, gfp_t gfp, int nid, uint64_t nodemask);
/* Gives back frames that one of the two gave, or a part of them; a folio goes back whole. */
void free_contig_range(struct memory *mem, pfn_t pfn, uint64_t nr);

/*
 * `count` frames aligned to 2^align_order frames from the area, each order 0 with _refcount 1.
 * PFN_NONE: no room in the bitmap, or no range there that could be emptied. Counts cma_alloc_success
 * or cma_alloc_fail.
 */
pfn_t cma_alloc(struct memory *mem, struct cma *cma, uint64_t count, unsigned align_order);
/* False when the frames are not the area's: then nothing is done, and the caller frees them himself. */
bool cma_release(struct memory *mem, struct cma *cma, pfn_t pfn, uint64_t count);

#endif
