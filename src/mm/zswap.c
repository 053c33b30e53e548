/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A compressed store before the swap areas: see zswap.h. */
#include "mm/zswap.h"

#include <stdlib.h>

#include "mm/page_alloc.h"
#include "mm/swap_state.h"
#include "mm/zspool.h"

struct zswap *zswap_create(struct memory *mem)
{
	struct zswap *zswap = xcalloc(1, sizeof(*zswap));

	zswap->mem = mem;
	for (unsigned i = 0; i < mem->swap->nr_info; i++) {
		zswap->pool[i] = zspool_create(mem, mem->swap->info[i]->max);
		zswap->slots[i] = xcalloc(mem->swap->info[i]->max, sizeof(*zswap->slots[i]));
	}
	return zswap;
}

void zswap_destroy(struct zswap *zswap)
{
	if (!zswap)
		return;
	for (unsigned i = 0; i < MAX_SWAPFILES; i++) {
		zspool_destroy(zswap->pool[i]);
		free(zswap->slots[i]);
	}
	free(zswap);
}

uint64_t zswap_total_pages(const struct zswap *zswap)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < MAX_SWAPFILES && zswap->pool[i]; i++)
		nr += zswap->pool[i]->nr_frames;
	return nr;
}

/* ---- the order of stores ---- */

static struct zswap_slot *slot_of(const struct zswap *zswap, uint32_t val)
{
	swp_entry_t entry = { val };

	return &zswap->slots[swp_type(entry)][swp_offset(entry)];
}

static void lru_add(struct zswap *zswap, uint32_t val)
{
	struct zswap_slot *slot = slot_of(zswap, val);

	slot->next = 0;
	slot->prev = zswap->newest;
	if (zswap->newest)
		slot_of(zswap, zswap->newest)->next = val;
	else
		zswap->oldest = val;
	zswap->newest = val;
}

static void lru_del(struct zswap *zswap, uint32_t val)
{
	struct zswap_slot *slot = slot_of(zswap, val);

	if (slot->next)
		slot_of(zswap, slot->next)->prev = slot->prev;
	else
		zswap->newest = slot->prev;
	if (slot->prev)
		slot_of(zswap, slot->prev)->next = slot->next;
	else
		zswap->oldest = slot->next;
}

/* ---- pages ---- */

bool zswap_has(const struct zswap *zswap, swp_entry_t entry)
{
	return zspool_has(zswap->pool[swp_type(entry)], swp_offset(entry));
}

static void entry_free(struct zswap *zswap, swp_entry_t entry)
{
	lru_del(zswap, entry.val);
	zspool_free(zswap->pool[swp_type(entry)], swp_offset(entry));
	zswap->nr_stored--;
}

void zswap_invalidate(struct zswap *zswap, swp_entry_t entry, unsigned nr)
{
	for (; nr; nr--, entry.val++)
		if (zswap_has(zswap, entry))
			entry_free(zswap, entry);
}

static bool store_page(struct zswap *zswap, swp_entry_t entry)
{
	if (zswap_has(zswap, entry))
		lru_del(zswap, entry.val);
	else if (zspool_store(zswap->pool[swp_type(entry)], swp_offset(entry),
			      __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE))
		zswap->nr_stored++;
	else
		return false;
	slot_of(zswap, entry.val)->referenced = true;
	lru_add(zswap, entry.val);
	return true;
}

bool zswap_load(struct memory *mem, swp_entry_t entry, bool to_cache)
{
	struct zswap *zswap = mem->swap->zswap;

	if (!zswap || !zswap_has(zswap, entry))
		return false;
	count_vm_event(mem, ZSWPIN);
	if (to_cache)
		entry_free(zswap, entry);
	return true;
}

/* ---- writing back ---- */

static uint64_t max_pages(const struct zswap *zswap)
{
	return zswap->mem->totalram_pages * zswap->mem->conf.zswap_max_pool_percent / 100;
}

static uint64_t accept_pages(const struct zswap *zswap)
{
	return max_pages(zswap) * zswap->mem->conf.zswap_accept_threshold_percent / 100;
}

static bool is_full(struct zswap *zswap)
{
	uint64_t pages = zswap_total_pages(zswap);

	if (pages >= max_pages(zswap)) {
		zswap->pool_limit_hit++;
		zswap->reached_full = true;
	} else if (zswap->reached_full && pages <= accept_pages(zswap)) {
		zswap->reached_full = false;
	}
	return zswap->reached_full;
}

/* Out of the pool, into the swap cache and on to its area, to be reclaimed when it is there. False: no memory. */
static bool writeback_entry(struct zswap *zswap, swp_entry_t entry)
{
	struct memory *mem = zswap->mem;
	pfn_t head = swap_cache_alloc(mem, entry, GFP_HIGHUSER_MOVABLE, NULL, 0);

	if (head == PFN_NONE)
		return false;
	entry_free(zswap, entry);
	pfn_to_page(mem, head)->flags |= PG_UPTODATE | PG_RECLAIM;
	count_vm_event(mem, ZSWPWB);
	zswap->written_back++;
	swap_writepage(mem, head);
	put_page(mem, head);
	return true;
}

/* Until the pool is small enough; each page is passed over once. */
static void shrink(struct zswap *zswap)
{
	uint64_t tries = 2 * zswap->nr_stored;

	zswap->writing_back = true;
	while (tries-- && zswap->oldest && zswap_total_pages(zswap) > accept_pages(zswap)) {
		swp_entry_t entry = { zswap->oldest };
		struct zswap_slot *slot = slot_of(zswap, entry.val);

		if (slot->referenced || swap_cache_get_folio(zswap->mem, entry) != PFN_NONE) {
			slot->referenced = false;
			lru_del(zswap, entry.val);
			lru_add(zswap, entry.val);
		} else if (!writeback_entry(zswap, entry)) {
			break;
		}
	}
	zswap->writing_back = false;
}

bool zswap_store(struct memory *mem, pfn_t head)
{
	struct zswap *zswap = mem->swap->zswap;
	swp_entry_t entry = page_swap_entry(mem, head);
	unsigned nr = 1u << page_order(pfn_to_page(mem, head)), i = 0;
	bool full = is_full(zswap);

	for (; !full && i < nr && store_page(zswap, (swp_entry_t){ entry.val + i }); i++)
		;
	if (i == nr) {
		count_vm_events(mem, ZSWPOUT, nr);
		if (zswap->nr_stored > zswap->stored_max)
			zswap->stored_max = zswap->nr_stored;
		return true;
	}
	zswap->reject_alloc_fail += !full;
	/* What is there of this folio is old now. */
	zswap_invalidate(zswap, entry, nr);
	if (zswap->reached_full && !zswap->writing_back)
		shrink(zswap);
	return false;
}

bool zswap_consistent(const struct zswap *zswap)
{
	uint64_t stored = 0, on_list = 0;
	uint32_t prev = 0;

	for (unsigned i = 0; i < MAX_SWAPFILES && zswap->pool[i]; i++) {
		if (!zspool_consistent(zswap->pool[i]))
			return false;
		stored += zswap->pool[i]->nr_objects;
	}
	for (uint32_t val = zswap->oldest; val && on_list <= stored; val = slot_of(zswap, val)->next) {
		if (!zswap_has(zswap, (swp_entry_t){ val }) || slot_of(zswap, val)->prev != prev)
			return false;
		prev = val;
		on_list++;
	}
	return stored == zswap->nr_stored && on_list == stored && prev == zswap->newest;
}
