/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of buddy share: putting a block on a list and taking it off. */
#ifndef MM_BUDDY_INTERNAL_H
#define MM_BUDDY_INTERNAL_H

#include "mm/buddy.h"

static inline void account_freepages(struct zone *zone, int64_t nr, enum migratetype mt)
{
	if (unlikely(mt >= MIGRATE_PCPTYPES)) {
		if (mt == MIGRATE_ISOLATE)	/* nobody can have them */
			return;
		if (mt == MIGRATE_HIGHATOMIC)
			zone->nr_free_highatomic += (uint64_t)nr;
		else
			zone->vm_stat[NR_FREE_CMA_PAGES] += (uint64_t)nr;
	}
	zone->vm_stat[NR_FREE_PAGES] += (uint64_t)nr;
}

static inline void add_to_free_list(struct zone *zone, pfn_t pfn, unsigned order,
				    enum migratetype mt, bool tail)
{
	struct free_area *area = &zone->free_area[order];

	zone->mem_map[pfn].flags = PG_BUDDY | order << PAGE_ORDER_SHIFT | zone->page_flags;
	if (tail)
		pfn_list_add_tail(zone->mem_map, &area->free_list[mt], pfn);
	else
		pfn_list_add(zone->mem_map, &area->free_list[mt], pfn);
	area->nr_free++;
	zone->nonempty[mt] |= 1u << order;
}

static inline bool has_virgin(const struct zone *zone)
{
	return zone->virgin_first < zone->nr_virgin;
}

static inline void del_from_free_list(struct zone *zone, pfn_t pfn, unsigned order,
				      enum migratetype mt)
{
	struct free_area *area = &zone->free_area[order];

	pfn_list_del(zone->mem_map, &area->free_list[mt], pfn);
	zone->mem_map[pfn].flags = zone->page_flags;
	area->nr_free--;
	if (pfn_list_empty(&area->free_list[mt]) &&
	    !(order == zone->max_order && mt == MIGRATE_MOVABLE && has_virgin(zone)))
		zone->nonempty[mt] &= ~(1u << order);
}

/*
 * Is the block at pfn free, of that order and in this zone? The frame lies in the same largest
 * block as ours.
 */
static inline bool is_free_buddy(const struct zone *zone, pfn_t pfn, unsigned order)
{
	return (zone->mem_map[pfn].flags & (PG_BUDDY | PAGE_ORDER_MASK | PAGE_ZONE_MASK)) ==
	       (PG_BUDDY | order << PAGE_ORDER_SHIFT | zone->page_flags);
}

static inline void set_block_types(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt)
{
	uint8_t *type = &zone->mem->blocktype[pfn >> zone->pageblock_order];
	uint32_t nr = order > zone->pageblock_order ? 1u << (order - zone->pageblock_order) : 1;

	while (nr--)
		*type++ = (uint8_t)mt;
}

/*
 * Does reclaim or migration know how to empty the page? (PageLRU: what user space or the page cache
 * holds; or its owner moves it.)
 */
static inline bool is_movable_page(const struct page *map, pfn_t pfn)
{
	const struct page *page = &map[map[pfn].flags & PG_TAIL ? map[pfn].next : pfn];

	return page->flags & (PG_LRU | PG_ANON | PG_MOVABLE_OPS) || page->mapping;
}

/* All free blocks of a pageblock go to the tails of the lists of another type. */
void buddy_move_freepages(struct zone *zone, pfn_t start, enum migratetype from,
			  enum migratetype to);

#endif
