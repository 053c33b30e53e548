/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What compaction remembers of a zone: a skip hint for each pageblock, and where its scanners stopped. See compaction.h.
 * The hints are a bit map beside struct page (the kernel has a bit in the pageblock flags).
 */
#include "mm/compaction-internal.h"

#include <stdlib.h>

#include "base/bitmap.h"
#include "mm/page_alloc.h"

static struct compaction *compaction_of(struct memory *mem)
{
	if (unlikely(!mem->compaction)) {
		mem->compaction = xcalloc(1, sizeof(*mem->compaction));
		mem->compaction->skip =
			xcalloc((mem->max_pfn >> mem->geo->pageblock_order) / 64 + 1, sizeof(uint64_t));
	}
	return mem->compaction;
}

void compaction_destroy(struct memory *mem)
{
	if (!mem->compaction)
		return;
	free(mem->compaction->skip);
	free(mem->compaction);
	mem->compaction = NULL;
}

bool get_pageblock_skip(const struct memory *mem, pfn_t pfn)
{
	return mem->compaction && bitmap_test(mem->compaction->skip, pfn >> mem->geo->pageblock_order);
}

void set_pageblock_skip(struct memory *mem, pfn_t pfn)
{
	bitmap_set(compaction_of(mem)->skip, pfn >> mem->geo->pageblock_order);
}

void clear_pageblock_skip(struct memory *mem, pfn_t pfn)
{
	bitmap_clear(compaction_of(mem)->skip, pfn >> mem->geo->pageblock_order);
}

enum block_kind pageblock_kind(const struct zone *zone, pfn_t pfn)
{
	const struct memory *mem = zone->mem;

	if (pfn < zone->zone_start_pfn || pfn >= zone->zone_end_pfn ||
	    mem->sections[pfn >> SECTION_SHIFT].node != zone->zone_pgdat->node_id)
		return BLOCK_HOLE;
	if (buddy_is_virgin(zone, pfn))
		return pageblock_start(zone, pfn) & ((1u << zone->max_order) - 1) ? BLOCK_FREE_REST : BLOCK_FREE_HEAD;
	return pfn_is_touched(mem, pfn) ? BLOCK_PAGES : BLOCK_BOOT;
}

void reset_cached_positions(struct zone *zone)
{
	zone->compact.cached_migrate_pfn[0] = zone->compact.cached_migrate_pfn[1] = zone->zone_start_pfn;
	zone->compact.cached_free_pfn = pageblock_start(zone, zone->zone_end_pfn - 1);
}

/* Is there a page that could move, or a free one to move to? One frame in eight is looked at. */
static bool block_has(const struct zone *zone, pfn_t start, pfn_t end, bool source, bool target)
{
	for (pfn_t pfn = start; pfn < end; pfn += 1u << PAGE_ALLOC_COSTLY_ORDER) {
		const struct page *page = &zone->mem_map[pfn];

		if (source && (page->flags & PG_LRU || (!zone->mem->lru_enabled && page->_refcount > 0 && page->mapping)))
			return true;
		if (target && page->flags & PG_BUDDY)
			return true;
	}
	return false;
}

/* A page of a folio that fills the pageblock: it is skipped for as long as it lives. */
static bool skip_persistent(const struct zone *zone, pfn_t pfn)
{
	const struct memory *mem = zone->mem;
	const struct page *page = pfn_to_page(mem, folio_pfn(mem, pfn));

	return page->flags & PG_HEAD && page->_refcount > 0 && page_order(page) >= zone->pageblock_order;
}

/* Clears the hint of the pageblock if there is reason to look at it again. True: the scanners may begin there. */
static bool reset_isolation_pfn(struct zone *zone, pfn_t pfn, bool source, bool target)
{
	enum block_kind kind = pageblock_kind(zone, pfn);
	pfn_t start = pageblock_start(zone, pfn), end = pageblock_end(zone, pfn);
	bool has;

	if (kind == BLOCK_HOLE || (kind == BLOCK_PAGES && skip_persistent(zone, pfn)))
		return false;
	if (source && target && !get_pageblock_skip(zone->mem, pfn))
		return true;
	if (!source && target && pageblock_type(zone->mem, pfn) != MIGRATE_MOVABLE)
		return false;
	start = start > zone->zone_start_pfn ? start : zone->zone_start_pfn;
	end = end < zone->zone_end_pfn ? end : zone->zone_end_pfn;
	has = kind == BLOCK_PAGES ? block_has(zone, start, end, source, target) : target && kind == BLOCK_FREE_HEAD;
	if (has)
		clear_pageblock_skip(zone->mem, pfn);
	return has;
}

void __reset_isolation_suitable(struct zone *zone)
{
	struct zone_compaction *c = &zone->compact;
	pfn_t block = 1u << zone->pageblock_order;
	int64_t migrate = zone->zone_start_pfn, free = (int64_t)zone->zone_end_pfn - 1;
	int64_t reset_migrate = free, reset_free = migrate;
	bool source_set = false, free_set = false;

	if (!c->blockskip_flush)
		return;
	c->blockskip_flush = false;
	for (; migrate < free; migrate += block, free -= block) {
		if (reset_isolation_pfn(zone, (pfn_t)migrate, true, source_set) && migrate < reset_migrate) {
			source_set = true;
			reset_migrate = migrate;
			c->init_migrate_pfn = c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = (pfn_t)migrate;
		}
		if (reset_isolation_pfn(zone, (pfn_t)free, free_set, true) && free > reset_free) {
			free_set = true;
			reset_free = free;
			c->init_free_pfn = c->cached_free_pfn = (pfn_t)free;
		}
	}
	/* Nothing suitable: the scanners shall meet at once. */
	if (reset_migrate >= reset_free) {
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = (pfn_t)migrate;
		c->cached_free_pfn = (pfn_t)free;
	}
}

void reset_isolation_suitable(struct pglist_data *pgdat)
{
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (pgdat->node_zones[t].managed_pages)
			__reset_isolation_suitable(&pgdat->node_zones[t]);
}

static bool zone_consistent(const struct zone *zone, struct strbuf *why)
{
	const struct zone_compaction *c = &zone->compact;

	if (!zone->capture && c->defer_shift <= COMPACT_MAX_DEFER_SHIFT && c->considered <= 1u << c->defer_shift &&
	    c->order_failed <= zone->max_order + 1)
		return true;
	strbuf_addf(why, "%s: compaction deferred %u of %u times from order %u on%s\n", zone->name, c->considered,
		    1u << (c->defer_shift & 31), c->order_failed, zone->capture ? ", a block is waited for" : "");
	return false;
}

bool compaction_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t attempts = 0;
	bool ok = true;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; mem->nodes[n] && t < MAX_NR_ZONES; t++)
			ok &= !mem->nodes[n]->node_zones[t].managed_pages || zone_consistent(&mem->nodes[n]->node_zones[t], why);
	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++) {
		const struct compact_order_stats *s = &mem->compact_order[order];

		attempts += s->attempts;
		if (s->attempts == s->success + s->fail && s->daemon >= s->daemon_success + s->daemon_fail)
			continue;
		strbuf_addf(why, "compaction of order %u: attempts, successes and failures do not add up\n", order);
		ok = false;
	}
	if (attempts == mem->vm_event[COMPACTSTALL])
		return ok;
	strbuf_addf(why, "compact_stall is not what was tried by order\n");
	return false;
}
