/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Free frames by their place, and the isolation of pageblocks: see buddy.h. Kernel counterpart:
 * mm/page_alloc.c (__move_freepages_block_isolate, split_large_buddy, find_large_buddy),
 * mm/compaction.c (isolate_freepages_range), mm/page_isolation.c (set_migratetype_isolate,
 * unset_migratetype_isolate).
 */
#include <string.h>

#include "base/bitmap.h"
#include "mm/buddy-internal.h"

/* --- memory that was never touched ------------------------------------------------------------ */

/* The part [start, end) of range i becomes blocks on the free list. */
static void cut_virgin(struct zone *zone, size_t i, pfn_t start, pfn_t end)
{
	struct pfn_range old = zone->virgin[i];

	if (old.start < start && end < old.end) {
		zone->virgin = xrealloc(zone->virgin, zone->nr_virgin + 1, sizeof(*zone->virgin));
		memmove(&zone->virgin[i + 1], &zone->virgin[i],
			(zone->nr_virgin - i) * sizeof(*zone->virgin));
		zone->nr_virgin++;
		zone->virgin[i].end = start;
		zone->virgin[i + 1].start = end;
	} else if (old.start < start) {
		zone->virgin[i].end = start;
	} else if (end < old.end) {
		zone->virgin[i].start = end;
	} else {
		zone->nr_virgin--;
		memmove(&zone->virgin[i], &zone->virgin[i + 1],
			(zone->nr_virgin - i) * sizeof(*zone->virgin));
	}
	for (; start < end; start += 1u << zone->max_order) {
		memmap_touch(zone->mem, start);
		zone->free_area[zone->max_order].nr_free--;	/* it was counted as virgin */
		add_to_free_list(zone, start, zone->max_order, MIGRATE_MOVABLE, true);
	}
}

void buddy_touch_range(struct zone *zone, pfn_t start, pfn_t end)
{
	start = (pfn_t)align_down(start, 1u << zone->max_order);
	end = (pfn_t)align_up(end, 1u << zone->max_order);
	for (size_t i = zone->virgin_first; i < zone->nr_virgin;) {
		struct pfn_range r = zone->virgin[i];

		if (r.end <= start || r.start >= end)
			i++;
		else	/* what is there then is looked at again */
			cut_virgin(zone, i, r.start > start ? r.start : start,
				   r.end < end ? r.end : end);
	}
}

bool buddy_is_virgin(const struct zone *zone, pfn_t pfn)
{
	for (size_t i = zone->virgin_first; i < zone->nr_virgin; i++)
		if (pfn >= zone->virgin[i].start && pfn < zone->virgin[i].end)
			return true;
	return false;
}

/* --- blocks by their place -------------------------------------------------------------------- */

/*
 * Every block starts at a multiple of its size, so one of the few aligned frames below pfn is the
 * start of what holds it. Frames inside a free block may still look like the blocks they were: the
 * outermost counts.
 */
pfn_t buddy_block_start(const struct zone *zone, pfn_t pfn)
{
	for (unsigned order = zone->max_order + 1; order-- > 0;) {
		pfn_t start = pfn & ~((1u << order) - 1);
		const struct page *page = &zone->mem_map[start];

		if (start < zone->zone_start_pfn)
			continue;
		if ((page->flags & (PG_BUDDY | PG_PCP) || page->_refcount > 0) &&
		    start + (1u << page_order(page)) > pfn)
			return start;
	}
	return pfn;
}

bool buddy_range_is_free(const struct zone *zone, pfn_t start, pfn_t end)
{
	while (start < end) {
		const struct page *page;

		if (buddy_is_virgin(zone, start)) {
			start = (pfn_t)align_down(start, 1u << zone->max_order) +
				(1u << zone->max_order);
			continue;
		}
		if (!pfn_is_touched(zone->mem, start))
			return false;
		start = buddy_block_start(zone, start);
		page = &zone->mem_map[start];
		if (!(page->flags & PG_BUDDY))
			return false;
		start += 1u << page_order(page);
	}
	return true;
}

void buddy_free_range(struct zone *zone, pfn_t start, pfn_t end)
{
	while (start < end) {
		unsigned order = start ? (unsigned)__builtin_ctz(start) : zone->pageblock_order;

		if (order > zone->pageblock_order)
			order = zone->pageblock_order;
		while (start + (1u << order) > end)
			order--;
		buddy_free(zone, start, order, pageblock_type(zone->mem, start));
		start += 1u << order;
	}
}

/* A free block goes off its list; it may lie in pageblocks of one type only. */
static unsigned take_block(struct zone *zone, pfn_t pfn)
{
	unsigned order = page_order(&zone->mem_map[pfn]);
	enum migratetype mt = pageblock_type(zone->mem, pfn);

	del_from_free_list(zone, pfn, order, mt);
	account_freepages(zone, -((int64_t)1 << order), mt);
	return order;
}

void buddy_take_range(struct zone *zone, pfn_t start, pfn_t end)
{
	pfn_t at = buddy_block_start(zone, start);

	while (at < end) {
		pfn_t stop = at + (1u << take_block(zone, at));

		/* Its neighbours are off their lists: what sticks out cannot merge back. */
		if (at < start)
			buddy_free_range(zone, at, start);
		if (stop > end)
			buddy_free_range(zone, end, stop);
		for (pfn_t pfn = at > start ? at : start; pfn < stop && pfn < end; pfn++)
			zone->mem_map[pfn].flags = zone->page_flags;
		at = stop;
	}
}

void buddy_set_range_type(struct zone *zone, pfn_t start, pfn_t end, enum migratetype mt)
{
	for (; start < end; start += 1u << zone->pageblock_order)
		set_block_types(zone, start, zone->pageblock_order, mt);
}

/* --- isolation -------------------------------------------------------------------------------- */

static uint8_t *blocktype_of(struct zone *zone, pfn_t pfn)
{
	return &zone->mem->blocktype[pfn >> zone->pageblock_order];
}

static bool spans_block(const struct zone *zone, pfn_t pfn)
{
	return pfn >= zone->zone_start_pfn &&
	       pfn + (1u << zone->pageblock_order) <= zone->zone_end_pfn;
}

/* Of the pageblock's free blocks, the types being `from` in the lists and `to` afterwards. */
static void change_type(struct zone *zone, pfn_t pfn, enum migratetype from, uint8_t to)
{
	pfn_t large = buddy_block_start(zone, pfn);
	const struct page *page = &zone->mem_map[large];
	unsigned order = page_order(page);

	/* Part of a larger free block: that one falls into pageblocks. */
	if (page->flags & PG_BUDDY && order > zone->pageblock_order) {
		take_block(zone, large);
		*blocktype_of(zone, pfn) = to;
		buddy_free_range(zone, large, large + (1u << order));
		return;
	}
	buddy_move_freepages(zone, pfn, from, to & BLOCKTYPE_MASK);
	*blocktype_of(zone, pfn) = to;
}

bool buddy_isolate_block(struct zone *zone, pfn_t pfn)
{
	enum migratetype mt = pageblock_type(zone->mem, pfn);

	if (mt == MIGRATE_ISOLATE || !spans_block(zone, pfn))
		return false;
	change_type(zone, pfn, mt, (uint8_t)(MIGRATE_ISOLATE | mt << BLOCKTYPE_SHIFT));
	zone->nr_isolate_pageblock++;
	return true;
}

void buddy_unisolate_block(struct zone *zone, pfn_t pfn)
{
	const struct page *page = &zone->mem_map[pfn];
	uint8_t *type = blocktype_of(zone, pfn), old = *type >> BLOCKTYPE_SHIFT;
	unsigned order = page_order(page);

	BUG_ON((*type & BLOCKTYPE_MASK) != MIGRATE_ISOLATE);
	zone->nr_isolate_pageblock--;
	/* Nothing is free around it but what could not merge with it: freed again, it does. */
	if (page->flags & PG_BUDDY && order == zone->pageblock_order &&
	    order < zone->max_order) {
		take_block(zone, pfn);
		*type = old;
		buddy_free(zone, pfn, order, (enum migratetype)old);
		return;
	}
	change_type(zone, pfn, MIGRATE_ISOLATE, old);
}
