/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Areas of memory that are kept for contiguous allocations and lent to movable ones. Kernel
 * counterpart: mm/cma.c (cma_declare_contiguous_nid, cma_activate_area), kernel/dma/contiguous.c
 * (dma_contiguous_reserve, dma_pernuma_cma_reserve).
 *
 * Modelled: one default area for the machine (memory.cma, the kernel's cma=) and one for each node
 * with memory (memory.cma_pernuma, cma_pernuma=), in whole pageblocks of one zone, placed as the
 * kernel does: at the lowest free place above 4 GiB, else at the highest free place; the frames are
 * managed and free from boot on, in pageblocks of their own type.
 * Simplified: one bit a page (order_per_bit 0), as DMA areas have. An area that has nowhere a
 * place is an error; the kernel warns and boots without it.
 *
 * Interface:
 *   - cma_declare_areas(), cma_free_areas(): with the machine; cma_area_of(): what serves a node
 *   - allocation from it: mm/contig.h
 */
#ifndef MM_CMA_H
#define MM_CMA_H

#include "base/err.h"
#include "mm/mm_types.h"

#define NR_CMA_AREAS	(MAX_NUMNODES + 1)

struct cma {
	const char *name;	/* "reserved" or "pernuma", as the kernel calls them */
	pfn_t base_pfn;
	uint64_t count;		/* pages */
	uint64_t available_count;	/* pages whose bit is clear */
	uint64_t *bitmap;	/* by page from base_pfn on: handed out by cma_alloc() */
	int nid;		/* NUMA_NO_NODE: the default area */
};

/*
 * At boot, when the zones have their memory and before anybody has taken of it. 0; -EINVAL with the
 * reason: an area fits nowhere.
 */
int cma_declare_areas(struct memory *mem, struct mmr_error *err);
void cma_free_areas(struct memory *mem);

/*
 * The area of the node if it has one, else the default area; nid -1: the default area. NULL: there
 * is none.
 */
struct cma *cma_area_of(struct memory *mem, int nid);

#endif
