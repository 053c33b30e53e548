/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The free lists of a zone: see buddy.h. */
#include "mm/buddy-internal.h"
#include "mm/seeded_bug.h"

#include <stdlib.h>

#include "base/bitmap.h"


/* Which types lend to a type that has nothing left, the first asked first. */
static const uint8_t fallbacks[MIGRATE_PCPTYPES][MIGRATE_PCPTYPES - 1] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

/* Types of pageblocks whose free blocks may merge into one another's. */
static bool migratetype_is_mergeable(enum migratetype mt)
{
	return mt < MIGRATE_PCPTYPES;
}

/* Makes the lowest virgin block a block on the (empty) list of the largest movable ones. */
static __attribute__((noinline)) void carve_virgin(struct zone *zone)
{
	struct pfn_range *range = &zone->virgin[zone->virgin_first];
	pfn_t pfn = range->start;

	memmap_touch(zone->mem, pfn);
	range->start += 1u << zone->max_order;
	if (range->start == range->end)
		zone->virgin_first++;
	zone->free_area[zone->max_order].nr_free--;	/* it was counted as virgin */
	add_to_free_list(zone, pfn, zone->max_order, MIGRATE_MOVABLE, false);
}

/* First block of a list that is not empty. */
static inline pfn_t first_free(struct zone *zone, unsigned order, enum migratetype mt)
{
	struct pfn_list *list = &zone->free_area[order].free_list[mt];

	if (unlikely(pfn_list_empty(list)))
		carve_virgin(zone);
	return list->first;
}

/*
 * Cuts a block that is on no list from order `high` to `low`: upper halves to the heads of their
 * lists.
 */
static inline void expand(struct zone *zone, pfn_t pfn, unsigned low, unsigned high,
			  enum migratetype mt)
{
	while (high > low) {
		high--;
		add_to_free_list(zone, pfn + (1u << high), high, mt, false);
	}
}

/*
 * A whole block that may merge next is likely when the buddy one order up is free already: then
 * keep it cold.
 */
static bool buddy_merge_likely(const struct zone *zone, pfn_t pfn, unsigned order)
{
	pfn_t higher = pfn & ~(1u << order);

	if (order + 1 >= zone->max_order)
		return false;
	return is_free_buddy(zone, higher ^ (1u << (order + 1)), order + 1);
}

static __attribute__((noinline)) bool compaction_capture(struct zone *zone, struct capture_control *capc, pfn_t pfn,
							 unsigned order, enum migratetype mt)
{
	if (capc->page != PFN_NONE || order != capc->order || mt == MIGRATE_CMA || mt == MIGRATE_ISOLATE)
		return false;
	/* A small block must not mix a movable pageblock. */
	if (order < zone->pageblock_order && mt == MIGRATE_MOVABLE && capc->migratetype != MIGRATE_MOVABLE)
		return false;
	capc->page = pfn;
	zone->mem_map[pfn].flags = zone->page_flags;
	account_freepages(zone, -((int64_t)1 << order), mt);
	return true;
}

void buddy_free(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt)
{
	struct capture_control *capc = zone->capture;

	account_freepages(zone, SEEDED_BUG(zone->mem, FREE_COUNT) ? 0 : (int64_t)1 << order, mt);
	while (order < zone->max_order) {
		pfn_t buddy = pfn ^ (1u << order);
		enum migratetype buddy_mt = mt;

		if (unlikely(capc) && compaction_capture(zone, capc, pfn, order, mt))
			return;
		if (!is_free_buddy(zone, buddy, order) || SEEDED_BUG(zone->mem, BUDDY_MERGE))
			break;
		if (order >= zone->pageblock_order) {
			buddy_mt = pageblock_type(zone->mem, buddy);
			if (mt != buddy_mt &&
			    !(migratetype_is_mergeable(mt) && migratetype_is_mergeable(buddy_mt)))
				break;
		}
		del_from_free_list(zone, buddy, order, buddy_mt);
		if (unlikely(buddy_mt != mt))
			set_block_types(zone, buddy, order, mt);
		pfn &= ~(1u << order);
		order++;
	}
	add_to_free_list(zone, pfn, order, mt, buddy_merge_likely(zone, pfn, order));
}

/* Takes the block off its list, gives back what is more than `low`, all of the list's own type. */
static inline void del_and_expand(struct zone *zone, pfn_t pfn, unsigned low, unsigned high,
				  enum migratetype mt)
{
	del_from_free_list(zone, pfn, high, mt);
	expand(zone, pfn, low, high, mt);
	account_freepages(zone, -((int64_t)1 << low), mt);
}

pfn_t buddy_rmqueue_smallest(struct zone *zone, unsigned order, enum migratetype mt)
{
	uint32_t orders = zone->nonempty[mt] >> order << order;
	unsigned high;
	pfn_t pfn;

	if (!orders)
		return PFN_NONE;
	high = (unsigned)__builtin_ctz(orders);
	pfn = first_free(zone, high, mt);
	del_and_expand(zone, pfn, order, high, mt);
	return pfn;
}

/* The type that lends a block of this order, -1 for none. */
static int find_fallback(const struct zone *zone, unsigned order, enum migratetype mt)
{
	for (unsigned i = 0; i < MIGRATE_PCPTYPES - 1; i++)
		if (free_area_has(zone, order, fallbacks[mt][i]))
			return fallbacks[mt][i];
	return -1;
}

/*
 * May the whole pageblock around a free block of that order be claimed? Unmovable pages in a
 * movable block spoil it for long, so they always try to take the block for themselves; movable
 * ones only when much is free.
 */
static bool should_try_claim_block(const struct zone *zone, unsigned order, enum migratetype mt)
{
	return order >= zone->pageblock_order / 2 || mt != MIGRATE_MOVABLE;
}

/* Mixing types in pageblocks is a sign of too few free pages: let kswapd free more of them. */
static bool boost_watermark(struct zone *zone)
{
	uint64_t block = 1u << zone->pageblock_order, max_boost;
	const struct pressure_ops *ops = zone->mem->pressure;

	/* Only reclaim takes the boost away again. */
	if (!ops || !ops->wake_kswapd || block * 4 > zone->managed_pages)
		return false;
	max_boost = zone->watermark[WMARK_HIGH] * zone->mem->conf.watermark_boost_factor / 10000;
	if (!max_boost)
		return false;
	if (max_boost < block)
		max_boost = block;
	zone->watermark_boost += block;
	if (zone->watermark_boost > max_boost)
		zone->watermark_boost = max_boost;
	return true;
}

int buddy_find_suitable_fallback(const struct zone *zone, unsigned order, enum migratetype mt, bool claimable)
{
	if (mt >= MIGRATE_PCPTYPES || (claimable && !should_try_claim_block(zone, order, mt)))
		return -1;
	return find_fallback(zone, order, mt);
}

struct block_census {
	pfn_t start;
	uint32_t free, movable;	/* pages */
};

/* Counts the pages of the pageblock of pfn. False when the zone does not hold all of it. */
static bool take_census(const struct zone *zone, pfn_t pfn, struct block_census *census)
{
	pfn_t start = pfn & ~((1u << zone->pageblock_order) - 1);
	pfn_t end = start + (1u << zone->pageblock_order);

	*census = (struct block_census){ .start = start };
	if (start < zone->zone_start_pfn || end > zone->zone_end_pfn)
		return false;
	while (start < end) {
		const struct page *page = &zone->mem_map[start];

		if (page->flags & PG_BUDDY) {
			census->free += 1u << page_order(page);
			start += 1u << page_order(page);
			continue;
		}
		census->movable += is_movable_page(zone->mem_map, start);
		start++;
	}
	return true;
}

void buddy_move_freepages(struct zone *zone, pfn_t start, enum migratetype from,
			  enum migratetype to)
{
	pfn_t end = start + (1u << zone->pageblock_order);

	while (start < end) {
		const struct page *page = &zone->mem_map[start];
		unsigned order = page_order(page);

		if (!(page->flags & PG_BUDDY)) {
			start++;
			continue;
		}
		del_from_free_list(zone, start, order, from);
		add_to_free_list(zone, start, order, to, true);
		account_freepages(zone, -((int64_t)1 << order), from);
		account_freepages(zone, (int64_t)1 << order, to);
		start += 1u << order;
	}
}

bool buddy_convert_block(struct zone *zone, pfn_t pfn, enum migratetype from, enum migratetype to)
{
	struct block_census census;

	if (!take_census(zone, pfn, &census))
		return false;
	buddy_move_freepages(zone, census.start, from, to);
	set_block_types(zone, census.start, zone->pageblock_order, to);
	return true;
}

/*
 * Makes the pageblock around a foreign free block of order `high` ours, if enough of it is free or
 * alike.
 */
static pfn_t try_to_claim_block(struct zone *zone, unsigned high, unsigned order,
				enum migratetype mt, enum migratetype block_mt,
				unsigned alloc_flags)
{
	pfn_t pfn = first_free(zone, high, block_mt);
	struct block_census census;
	uint32_t alike = 0;

	if (high >= zone->pageblock_order) {
		count_vm_event(zone->mem, PAGEBLOCK_CLAIM);
		del_from_free_list(zone, pfn, high, block_mt);
		account_freepages(zone, -((int64_t)1 << high), block_mt);
		set_block_types(zone, pfn, high, mt);
		expand(zone, pfn, order, high, mt);
		account_freepages(zone, ((int64_t)1 << high) - ((int64_t)1 << order), mt);
		return pfn;
	}
	if (boost_watermark(zone) && alloc_flags & ALLOC_KSWAPD)
		zone->flags |= ZONE_BOOSTED_WATERMARK;
	if (!take_census(zone, pfn, &census))
		return PFN_NONE;
	if (mt == MIGRATE_MOVABLE)
		alike = census.movable;
	else if (block_mt == MIGRATE_MOVABLE)	/* what does not move there suits us as well */
		alike = (1u << zone->pageblock_order) - (census.free + census.movable);
	if (census.free + alike < 1u << (zone->pageblock_order - 1))
		return PFN_NONE;
	count_vm_event(zone->mem, PAGEBLOCK_CONVERT);
	buddy_move_freepages(zone, census.start, block_mt, mt);
	set_block_types(zone, census.start, zone->pageblock_order, mt);
	return buddy_rmqueue_smallest(zone, order, mt);
}

/*
 * From the largest block down: the more is free around it, the better is the chance to claim a
 * pageblock.
 */
static pfn_t rmqueue_claim(struct zone *zone, unsigned order, enum migratetype mt,
			   unsigned alloc_flags)
{
	unsigned least = order;
	pfn_t pfn;

	if (order < zone->pageblock_order && alloc_flags & ALLOC_NOFRAGMENT)
		least = zone->pageblock_order;
	for (unsigned high = zone->max_order + 1; high-- > least;) {
		int block_mt;

		if (!should_try_claim_block(zone, high, mt))
			break;
		block_mt = find_fallback(zone, high, mt);
		if (block_mt < 0)
			continue;
		pfn = try_to_claim_block(zone, high, order, mt, (enum migratetype)block_mt,
					 alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

/* From the smallest block up; the pageblock stays what it was. */
static pfn_t rmqueue_steal(struct zone *zone, unsigned order, enum migratetype mt)
{
	for (unsigned high = order; high <= zone->max_order; high++) {
		int block_mt = find_fallback(zone, high, mt);

		if (block_mt >= 0) {
			pfn_t pfn = first_free(zone, high, (enum migratetype)block_mt);

			del_and_expand(zone, pfn, order, high, (enum migratetype)block_mt);
			count_vm_event(zone->mem, PAGEBLOCK_STEAL);
			return pfn;
		}
	}
	return PFN_NONE;
}

uint32_t buddy_isolate_free(struct zone *zone, pfn_t pfn)
{
	unsigned order = page_order(&zone->mem_map[pfn]);
	enum migratetype mt = pageblock_type(zone->mem, pfn);
	pfn_t end = pfn + (1u << order), block = 1u << zone->pageblock_order;
	uint64_t free = zone->vm_stat[NR_FREE_PAGES] - zone->nr_free_highatomic;

	/* As if it were allocated: the block exists, so a mark for single pages does. */
	if (mt != MIGRATE_ISOLATE && free <= zone->watermark[WMARK_MIN] + (1u << order) + zone->lowmem_reserve[0])
		return 0;
	del_from_free_list(zone, pfn, order, mt);
	account_freepages(zone, -((int64_t)1 << order), mt);
	if (order + 1 >= zone->pageblock_order)
		for (pfn_t at = pfn; at < end; at += block)
			if (migratetype_is_mergeable(pageblock_type(zone->mem, at)))
				buddy_convert_block(zone, at, pageblock_type(zone->mem, at), MIGRATE_MOVABLE);
	return 1u << order;
}

uint64_t zone_free_pages_blocks(const struct zone *zone)
{
	uint64_t nr = 0;

	for (unsigned order = zone->pageblock_order; order <= zone->max_order; order++) {
		const struct free_area *area = &zone->free_area[order];

		nr += (area->nr_free - area->free_list[MIGRATE_ISOLATE].nr) << order;
	}
	return nr;
}

static pfn_t rmqueue_cma(struct zone *zone, unsigned order)
{
	pfn_t pfn = buddy_rmqueue_smallest(zone, order, MIGRATE_CMA);

	if (pfn != PFN_NONE)
		count_vm_events(zone->mem, CMA_LENT, 1ull << order);
	return pfn;
}

/*
 * Movable allocations use CMA pageblocks and others evenly: those of CMA first while they hold more
 * than half of what is free.
 */
static inline bool cma_holds_most(const struct zone *zone, unsigned alloc_flags)
{
	return alloc_flags & ALLOC_CMA &&
	       zone->vm_stat[NR_FREE_CMA_PAGES] > zone->vm_stat[NR_FREE_PAGES] / 2;
}

pfn_t buddy_rmqueue(struct zone *zone, unsigned order, enum migratetype mt, unsigned alloc_flags,
		    enum rmqueue_mode *mode)
{
	pfn_t pfn = PFN_NONE;

	if (unlikely(cma_holds_most(zone, alloc_flags))) {
		pfn = rmqueue_cma(zone, order);
		if (pfn != PFN_NONE)
			return pfn;
	}
	if (*mode == RMQUEUE_NORMAL)
		pfn = buddy_rmqueue_smallest(zone, order, mt);
	if (likely(pfn != PFN_NONE))
		return pfn;
	if (*mode <= RMQUEUE_CMA && alloc_flags & ALLOC_CMA) {
		pfn = rmqueue_cma(zone, order);
		if (pfn != PFN_NONE) {
			*mode = RMQUEUE_CMA;
			return pfn;
		}
	}
	if (*mode <= RMQUEUE_CLAIM) {
		pfn = rmqueue_claim(zone, order, mt, alloc_flags);
		if (pfn != PFN_NONE) {
			*mode = RMQUEUE_NORMAL;
			return pfn;
		}
	}
	if (!(alloc_flags & ALLOC_NOFRAGMENT)) {
		pfn = rmqueue_steal(zone, order, mt);
		if (pfn != PFN_NONE)
			*mode = RMQUEUE_STEAL;
	}
	return pfn;
}

/* Hangs `nr` neighbouring blocks, from pfn up, behind the end of a per-cpu list. */
static void append_run(struct zone *zone, struct pfn_list *list, pfn_t pfn, unsigned order,
		       uint32_t nr)
{
	uint32_t flags = PG_PCP | order << PAGE_ORDER_SHIFT | zone->page_flags;
	pfn_t prev = list->last, step = 1u << order;

	if (prev == PFN_NONE)
		list->first = pfn;
	else
		zone->mem_map[prev].next = pfn;
	for (uint32_t i = 0; i < nr; i++, prev = pfn, pfn += step) {
		struct page *page = &zone->mem_map[pfn];

		page->flags = flags;
		page->prev = prev;
		page->next = pfn + step;
	}
	zone->mem_map[prev].next = PFN_NONE;
	list->last = prev;
	list->nr += nr;
}

/*
 * Blocks from the smallest block that is large enough. Taken one by one they would come in order of
 * address, all lists between the two orders being empty; so they are cut off in one go, and what is
 * left falls into one block for each of these lists.
 */
static uint32_t take_run(struct zone *zone, unsigned order, uint32_t nr, struct pfn_list *list,
			 enum migratetype mt)
{
	unsigned high = (unsigned)__builtin_ctz(zone->nonempty[mt] >> order) + order;
	pfn_t start = first_free(zone, high, mt), end = start + (1u << high), at;

	if (nr > 1u << (high - order))
		nr = 1u << (high - order);
	del_from_free_list(zone, start, high, mt);
	account_freepages(zone, -((int64_t)nr << order), mt);
	append_run(zone, list, start, order, nr);
	for (at = start + (nr << order); at < end; at += at & -at)
		add_to_free_list(zone, at, (unsigned)__builtin_ctz(at), mt, false);
	return nr;
}

/* A run ends where CMA pageblocks come to hold the most. */
static inline uint32_t run_limit(const struct zone *zone, unsigned order, uint32_t nr,
				 unsigned alloc_flags)
{
	uint64_t cma = zone->vm_stat[NR_FREE_CMA_PAGES], limit;

	if (likely(!cma || !(alloc_flags & ALLOC_CMA)))
		return nr;
	limit = ((zone->vm_stat[NR_FREE_PAGES] - 2 * cma) >> order) + 1;
	return limit < nr ? (uint32_t)limit : nr;
}

uint32_t buddy_rmqueue_bulk(struct zone *zone, unsigned order, uint32_t nr, struct pfn_list *list,
			    enum migratetype mt, unsigned alloc_flags)
{
	enum rmqueue_mode mode = RMQUEUE_NORMAL;
	uint32_t done = 0;

	while (done < nr) {
		pfn_t pfn;

		/* Once blocks of other types had to be cut up, the own lists stay empty. */
		if (mode == RMQUEUE_NORMAL && zone->nonempty[mt] >> order &&
		    !cma_holds_most(zone, alloc_flags)) {
			done += take_run(zone, order, run_limit(zone, order, nr - done, alloc_flags),
					 list, mt);
			continue;
		}
		pfn = buddy_rmqueue(zone, order, mt, alloc_flags, &mode);
		if (pfn == PFN_NONE)
			break;
		append_run(zone, list, pfn, order, 1);
		done++;
	}
	return done;
}

void buddy_init(struct zone *zone)
{
	zone->mem_map = zone->mem->mem_map;
	zone->max_order = zone->mem->geo->max_order;
	zone->pageblock_order = zone->mem->geo->pageblock_order;
	zone->page_flags = (uint32_t)zone->type << PAGE_ZONE_SHIFT;
	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			pfn_list_init(&zone->free_area[order].free_list[mt]);
}

void buddy_finish(struct zone *zone)
{
	free(zone->virgin);
	zone->virgin = NULL;
	zone->nr_virgin = zone->virgin_first = 0;
}

static void add_virgin(struct zone *zone, pfn_t start, pfn_t end)
{
	struct pfn_range *last = zone->nr_virgin ? &zone->virgin[zone->nr_virgin - 1] : NULL;
	uint64_t nr = end - start;

	zone->free_area[zone->max_order].nr_free += nr >> zone->max_order;
	zone->nonempty[MIGRATE_MOVABLE] |= 1u << zone->max_order;
	account_freepages(zone, (int64_t)nr, MIGRATE_MOVABLE);
	if (last && last->end == start) {
		last->end = end;
		return;
	}
	zone->virgin = xrealloc(zone->virgin, zone->nr_virgin + 1, sizeof(*zone->virgin));
	zone->virgin[zone->nr_virgin++] = (struct pfn_range){ start, end };
}

void buddy_add_range(struct zone *zone, pfn_t start, pfn_t end)
{
	pfn_t block = 1u << zone->max_order;

	zone->managed_pages += end - start;
	while (start < end) {
		unsigned order = start ? (unsigned)__builtin_ctz(start) : zone->max_order;

		if (!(start & (block - 1)) && end - start >= block) {
			pfn_t whole = start + (pfn_t)align_down(end - start, block);

			add_virgin(zone, start, whole);
			start = whole;
			continue;
		}
		if (order > zone->max_order)
			order = zone->max_order;
		while (start + (1u << order) > end)
			order--;
		memmap_touch(zone->mem, start);
		add_to_free_list(zone, start, order, MIGRATE_MOVABLE, true);
		account_freepages(zone, (int64_t)1 << order, MIGRATE_MOVABLE);
		start += 1u << order;
	}
}

uint64_t zone_virgin_blocks(const struct zone *zone)
{
	uint64_t nr = 0;

	for (size_t i = zone->virgin_first; i < zone->nr_virgin; i++)
		nr += (uint64_t)(zone->virgin[i].end - zone->virgin[i].start) >> zone->max_order;
	return nr;
}
