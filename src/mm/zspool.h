/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Compressed pages in memory. Kernel counterpart: mm/zsmalloc.c.
 *
 * Modelled: the memory that compressed pages take: all are equally large (swap.compressed_percent), so they lie in zspages of
 * one size class: as many frames as waste least, up to 8; a new one goes into a zspage that has room, the last one that
 * got some; a zspage goes back to the page allocator with its last object.
 * Simplified: what a page compresses to does not depend on it: a trace knows no contents. Left out: compaction of zspages,
 * handles and their slabs.
 */
#ifndef MM_ZSPOOL_H
#define MM_ZSPOOL_H

#include "mm/mm_types.h"

#define ZSPOOL_MAX_CHAIN 8	/* CONFIG_ZSMALLOC_CHAIN_SIZE */

struct zspage {
	pfn_t pfn[ZSPOOL_MAX_CHAIN];
	uint32_t nr_objects;		/* in use */
	uint32_t next, prev;		/* with room: a list by index + 1; next of an unused struct: the next such */
};

struct zspool {
	struct memory *mem;
	uint32_t object_bytes, chain, per_zspage;
	VEC(struct zspage) pages;	/* index 0 is never used */
	uint32_t with_room, unused;	/* first of the lists, 0 none */
	uint32_t *where;		/* by slot: zspage, 0 none */
	uint32_t nr_slots;
	uint64_t nr_objects, nr_frames;
	uint64_t failed;		/* stores that got no memory */
};

/* A store for pages 0 to nr_slots - 1. */
struct zspool *zspool_create(struct memory *mem, uint32_t nr_slots);
/* NULL is nothing. Its frames go with the memory. */
void zspool_destroy(struct zspool *pool);
/* The page is there; again: in its place. False: no memory. */
bool zspool_store(struct zspool *pool, uint32_t slot, gfp_t gfp);
bool zspool_has(const struct zspool *pool, uint32_t slot);
/* Nothing when it is not there. */
void zspool_free(struct zspool *pool, uint32_t slot);
/* Objects and frames against the slots. */
bool zspool_consistent(const struct zspool *pool);

#endif
