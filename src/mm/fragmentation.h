/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How broken up free memory is. Kernel counterpart: mm/vmstat.c (unusable_free_index,
 * __fragmentation_index, /sys/kernel/debug/extfrag).
 *
 * All figures are integers in thousandths, as the kernel prints them. Pages on per-cpu lists are
 * not free here, as in /proc/buddyinfo.
 *
 * Mixed pageblocks are those of mm/page_owner.c (pagetypeinfo_showmixedcount_print): a block counts
 * once, under its own type, when it holds an allocated page of another mobility. What the kernel
 * reads from the page's owner is concluded here from what the page is: anonymous memory, page cache
 * and what its owner can move are movable, slabs of reclaimable caches reclaimable, the kernel's
 * other memory is unmovable.
 */
#ifndef MM_FRAGMENTATION_H
#define MM_FRAGMENTATION_H

#include "mm/mm_types.h"

struct fragmentation {
	uint64_t free_pages;
	uint64_t free_blocks_total;			/* of all orders */
	uint64_t free_blocks[MAX_ORDER_LIMIT];		/* by order, as /proc/buddyinfo */
	uint64_t free_blocks_type[MAX_ORDER_LIMIT][MIGRATE_TYPES];	/* as /proc/pagetypeinfo */
	int largest_order;				/* of a free block, -1: nothing is free */
	/*
	 * Share of free memory that is in blocks too small for the order: 0 none, 1000 all (and
	 * when nothing is free).
	 */
	uint32_t unusable_index[MAX_ORDER_LIMIT];
	/*
	 * Why a request of the order would fail: near 0 for want of memory, near 1000 for
	 * fragmentation; -1000 when it would not fail.
	 */
	int32_t fragmentation_index[MAX_ORDER_LIMIT];
	uint64_t pageblocks[MIGRATE_TYPES];		/* by type, as /proc/pagetypeinfo; no holes */
	uint64_t mixed_pageblocks[MIGRATE_TYPES];	/* of these: by fragmentation_count_mixed() */
};

/*
 * Adds the blocks of a zone; then call fragmentation_finish(). Several zones of a node make its
 * figures.
 */
void fragmentation_add_zone(struct fragmentation *f, const struct zone *zone);
void fragmentation_finish(struct fragmentation *f, unsigned max_order);
/* Of one zone and order alone, as the kernel has them at hand: -1000 to 1000; percent of free memory that is unusable. */
int zone_fragmentation_index(const struct zone *zone, unsigned order);
unsigned zone_extfrag_percent(const struct zone *zone, unsigned order);
/* Of one zone, complete but for mixed pageblocks. */
void fragmentation_of_zone(struct fragmentation *ret, const struct zone *zone);
/* Free blocks of one migrate type out of those of a zone or node, with their figures. */
void fragmentation_of_type(struct fragmentation *ret, const struct fragmentation *all,
			   enum migratetype mt, unsigned max_order);
/* Adds a zone's mixed pageblocks: a walk over every page of the zone that was ever touched. */
void fragmentation_count_mixed(struct fragmentation *f, const struct zone *zone);
/* The mobility of an allocated page. */
enum migratetype page_mobility(const struct memory *mem, pfn_t pfn);

#endif
