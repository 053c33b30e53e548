/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A compressed store in memory before the swap areas. Kernel counterpart: mm/zswap.c of 6.18.
 *
 * Modelled: pages on their way to swap are kept compressed (mm/zspool.h) until the pool has max_pool_percent of memory; from then
 * on until it is below accept_threshold_percent of that, pages go to their area, and the oldest of the pool are written
 * there too, each with a second chance; a page that comes back to the swap cache leaves the pool and is dirty.
 * Simplified: a store for each area; the worker that writes back runs at once; memory of the pool is charged to no group.
 * Left out: the shrinker (shrinker_enabled), limits of groups, pages that do not compress.
 */
#ifndef MM_ZSWAP_H
#define MM_ZSWAP_H

#include "mm/swapfile.h"

struct zswap_slot {
	uint32_t next, prev;	/* in the order of stores, by swp_entry_t, 0 none */
	bool referenced;
};

struct zswap {
	struct memory *mem;
	struct zspool *pool[MAX_SWAPFILES];	/* by area */
	struct zswap_slot *slots[MAX_SWAPFILES];
	uint32_t oldest, newest;
	uint64_t nr_stored;
	bool reached_full;
	bool writing_back;
	uint64_t pool_limit_hit, reject_alloc_fail, written_back, stored_max;
};

/* For the areas that memory->swap has now. */
struct zswap *zswap_create(struct memory *mem);
void zswap_destroy(struct zswap *zswap);
/* All pages of the folio, which is in the swap cache. False: none of them; write it to its area. */
bool zswap_store(struct memory *mem, pfn_t head);
/* Is the page of the slot here? */
bool zswap_has(const struct zswap *zswap, swp_entry_t entry);
/* The page came back: to the swap cache, which then keeps it alone, or beside it. False: it is not here. */
bool zswap_load(struct memory *mem, swp_entry_t entry, bool to_cache);
/* Nothing names the slots any more. */
void zswap_invalidate(struct zswap *zswap, swp_entry_t entry, unsigned nr);
/* Frames of the pool. */
uint64_t zswap_total_pages(const struct zswap *zswap);
bool zswap_consistent(const struct zswap *zswap);

#endif
