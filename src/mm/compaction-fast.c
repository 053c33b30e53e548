/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The short searches by free list that spare the scanners long walks: see compaction.h. A search that fails makes the next
 * one shorter (freelist_scan_limit), a list that was searched goes on behind what was looked at.
 */
#include "mm/compaction-internal.h"

static unsigned freelist_scan_limit(const struct compact_control *cc)
{
	return (cc->fast_search_fail < 31 ? COMPACT_CLUSTER_MAX >> cc->fast_search_fail : 0) + 1;
}

/* The list goes round until pfn is the first of it. */
static void rotate_to_first(struct page *map, struct pfn_list *list, pfn_t pfn)
{
	if (list->first == pfn)
		return;
	map[list->last].next = list->first;
	map[list->first].prev = list->last;
	list->last = map[pfn].prev;
	list->first = pfn;
	map[list->last].next = map[pfn].prev = PFN_NONE;
}

static void rotate_to_last(struct page *map, struct pfn_list *list, pfn_t pfn)
{
	if (list->last != pfn)
		rotate_to_first(map, list, map[pfn].next);
}

/* ---- a pageblock to empty ---- */

static void update_fast_start_pfn(struct compact_control *cc, pfn_t pfn)
{
	if (cc->fast_start_pfn != PFN_NONE && (!cc->fast_start_pfn || pfn < cc->fast_start_pfn))
		cc->fast_start_pfn = pfn;
}

/* The search failed: go on, once, at the lowest block that it ever found. */
static pfn_t reinit_migrate_pfn(struct compact_control *cc)
{
	if (cc->fast_start_pfn && cc->fast_start_pfn != PFN_NONE) {
		cc->migrate_pfn = cc->fast_start_pfn;
		cc->fast_start_pfn = PFN_NONE;
	}
	return cc->migrate_pfn;
}

/* Linear is better where hints do not count, within a pageblock, for small orders and for what must not empty movable blocks. */
static bool want_linear(const struct compact_control *cc)
{
	return cc->ignore_skip_hint || cc->finish_pageblock ||
	       (cc->migrate_pfn != cc->zone->zone_start_pfn && !pageblock_aligned(cc->zone, cc->migrate_pfn)) ||
	       cc->order <= PAGE_ALLOC_COSTLY_ORDER || (cc->direct && cc->migratetype != MIGRATE_MOVABLE);
}

/* The first block of one list that lies low and was not looked at lately. PFN_NONE: none within the limit. */
static pfn_t search_source(struct compact_control *cc, struct pfn_list *list, pfn_t high_pfn, unsigned limit,
			   unsigned *nr_scanned)
{
	struct page *map = cc->zone->mem_map;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; pfn = map[pfn].next) {
		if ((*nr_scanned)++ >= limit) {
			rotate_to_last(map, list, pfn);
			return PFN_NONE;
		}
		if (pfn >= high_pfn || get_pageblock_skip(cc->mem, pfn))
			continue;
		rotate_to_last(map, list, pfn);
		return pfn;
	}
	return PFN_NONE;
}

pfn_t fast_find_migrateblock(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	unsigned limit = freelist_scan_limit(cc), nr_scanned = 0;
	uint64_t distance = cc->free_pfn > cc->migrate_pfn ? (cc->free_pfn - cc->migrate_pfn) >> 1 : 0;
	pfn_t pfn = PFN_NONE, high_pfn;

	if (want_linear(cc))
		return cc->migrate_pfn;
	/* In the first half to begin with; then near, so that targets do not become sources later. */
	if (cc->migrate_pfn != zone->zone_start_pfn)
		distance >>= 2;
	high_pfn = pageblock_start(zone, cc->migrate_pfn + (pfn_t)distance);
	for (int order = cc->order - 1; order >= PAGE_ALLOC_COSTLY_ORDER && pfn == PFN_NONE && nr_scanned < limit; order--) {
		if (!zone->free_area[order].nr_free)
			continue;
		zone_lock(zone);
		pfn = search_source(cc, &zone->free_area[order].free_list[MIGRATE_MOVABLE], high_pfn, limit, &nr_scanned);
	}
	cc->total_migrate_scanned += nr_scanned;
	if (pfn == PFN_NONE) {
		cc->fast_search_fail++;
		return reinit_migrate_pfn(cc);
	}
	update_fast_start_pfn(cc, pfn);
	cc->fast_search_fail = 0;
	pfn = pageblock_start(zone, pfn);
	return pfn > zone->zone_start_pfn ? pfn : zone->zone_start_pfn;
}

/* ---- frames to move to ---- */

/* One search for a free block near the end. */
struct free_search {
	pfn_t low_pfn, min_pfn;		/* good from low_pfn on, will do from min_pfn on */
	pfn_t highest;			/* pageblock of the highest seen, 0 none */
	unsigned limit, nr_scanned;
	bool found;
};

static pfn_t at_least(pfn_t a, pfn_t b)
{
	return a > b ? a : b;
}

/* Round robin over the orders below the wanted one; -1: all were searched. */
static int next_search_order(struct compact_control *cc, int order)
{
	order = order ? order - 1 : cc->order - 1;
	if (order != cc->search_order)
		return order;
	cc->search_order = cc->search_order ? cc->search_order - 1 : cc->order - 1;
	return -1;
}

/* The best block of one list, from its old end; the list goes on from there. PFN_NONE: none in the upper half. */
static pfn_t search_target(struct compact_control *cc, struct free_search *s, int order, unsigned *order_scanned)
{
	struct pfn_list *list = &cc->zone->free_area[order].free_list[MIGRATE_MOVABLE];
	struct page *map = cc->zone->mem_map;
	pfn_t high_pfn = 0, at = PFN_NONE;

	for (pfn_t pfn = list->last; pfn != PFN_NONE; pfn = map[pfn].prev) {
		(*order_scanned)++;
		s->nr_scanned++;
		at = pfn;
		if (pfn >= s->highest)
			s->highest = at_least(pageblock_start(cc->zone, pfn), cc->zone->zone_start_pfn);
		if (pfn >= s->low_pfn) {
			cc->fast_search_fail = 0;
			cc->search_order = order;
			rotate_to_first(map, list, pfn);
			return pfn;
		}
		if (pfn >= s->min_pfn && pfn > high_pfn) {
			high_pfn = pfn;
			s->limit >>= 1;
		}
		if (*order_scanned >= s->limit)
			break;
		at = PFN_NONE;	/* the whole list: its order stays */
	}
	if (high_pfn)
		at = high_pfn;
	if (at != PFN_NONE)
		rotate_to_first(map, list, at);
	return high_pfn ? high_pfn : PFN_NONE;
}

static void search_targets(struct compact_control *cc, struct free_search *s, pfn_t *ret_pfn)
{
	for (int order = cc->search_order; *ret_pfn == PFN_NONE && order >= 0; order = next_search_order(cc, order)) {
		unsigned order_scanned = 0;

		if (!cc->zone->free_area[order].nr_free)
			continue;
		zone_lock(cc->zone);
		*ret_pfn = search_target(cc, s, order, &order_scanned);
		if (*ret_pfn != PFN_NONE) {
			if (isolate_free_block(cc, *ret_pfn, (unsigned)order)) {
				s->nr_scanned += (1u << order) - 1;
			} else {	/* the zone is too short of memory: give up */
				order = cc->search_order + 1;
				*ret_pfn = PFN_NONE;
			}
		}
		if (cc->nr_freepages >= cc->nr_migratepages)
			break;
		if (order_scanned >= s->limit)
			s->limit = s->limit > 1 ? s->limit >> 1 : 1;
	}
}

/* Takes what else is free in the pageblock. */
static void fast_isolate_around(struct compact_control *cc, pfn_t pfn)
{
	struct zone *zone = cc->zone;
	pfn_t start = at_least(pageblock_start(zone, pfn), zone->zone_start_pfn), end = pageblock_end(zone, pfn);

	if (cc->nr_freepages >= cc->nr_migratepages || (cc->direct && cc->mode == COMPACT_MODE_ASYNC))
		return;
	end = end < zone->zone_end_pfn ? end : zone->zone_end_pfn;
	if (pageblock_kind(zone, start) != BLOCK_PAGES)
		return;
	isolate_freepages_block(cc, &start, end, 1);
	if (start == end)
		set_pageblock_skip(cc->mem, pfn);
}

/* Nothing good was found at the start of a scan: the linear scan begins at the best that was seen. */
static pfn_t fall_back(struct compact_control *cc, const struct free_search *s)
{
	if (s->highest >= s->min_pfn) {
		cc->free_pfn = s->highest;
		return s->highest;
	}
	if (!cc->direct || pageblock_kind(cc->zone, s->min_pfn) == BLOCK_HOLE)
		return PFN_NONE;
	cc->free_pfn = s->min_pfn;
	return s->min_pfn;
}

void fast_isolate_freepages(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	unsigned limit = freelist_scan_limit(cc) >> 1;
	struct free_search s = { .limit = limit ? limit : 1, .low_pfn = PFN_NONE, .min_pfn = PFN_NONE };
	bool scan_start = cc->free_pfn >= zone->compact.init_free_pfn;
	pfn_t pfn = PFN_NONE, distance = cc->free_pfn - cc->migrate_pfn;

	if (cc->order <= 0)
		return;
	if (scan_start)
		s.limit = 1u << (zone->pageblock_order - 1);
	/* Behind the migrate scanner nothing is good. */
	if (cc->free_pfn >= cc->migrate_pfn) {
		s.low_pfn = pageblock_start(zone, cc->free_pfn - (distance >> 2));
		s.min_pfn = pageblock_start(zone, cc->free_pfn - (distance >> 1));
	}
	if (cc->search_order > cc->order - 1)
		cc->search_order = cc->order - 1;
	search_targets(cc, &s, &pfn);
	if (pfn == PFN_NONE) {
		cc->fast_search_fail++;
		if (scan_start && s.min_pfn != PFN_NONE)
			pfn = fall_back(cc, &s);
	}
	if (s.highest && s.highest >= zone->compact.cached_free_pfn)
		zone->compact.cached_free_pfn = s.highest - (1u << zone->pageblock_order);
	cc->total_free_scanned += s.nr_scanned;
	if (pfn != PFN_NONE)
		fast_isolate_around(cc, pfn);
}
