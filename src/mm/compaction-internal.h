/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One compaction of a zone on its way: what compaction.c (decisions), compaction-scan.c (the two scanners) and
 * compaction-fast.c (searches by free list) hand each other. Kernel counterpart: mm/internal.h (struct compact_control).
 */
#ifndef MM_COMPACTION_INTERNAL_H
#define MM_COMPACTION_INTERNAL_H

#include "base/vec.h"
#include "mm/buddy.h"
#include "mm/compaction.h"

/* Pages that are isolated at a time, SWAP_CLUSTER_MAX. */
#define COMPACT_CLUSTER_MAX 32u
#define WHOLE_ZONE (-1)	/* compact_control.order: not for a request */

/*
 * Pages in [migrate_pfn, free_pfn) are still to be looked at: migrate_pfn goes up and finds pages to move, free_pfn goes down
 * pageblock by pageblock and finds frames to move them to. nr_migratepages counts base pages that have no frame yet.
 */
struct compact_control {
	struct memory *mem;
	struct zone *zone;
	struct pfn_list freepages[MAX_ORDER_LIMIT];	/* isolated free blocks by order */
	VEC(pfn_t) migratepages;			/* isolated folios by their heads, in the order found */
	uint64_t nr_freepages, nr_migratepages;		/* base pages of each */
	pfn_t migrate_pfn, free_pfn;
	pfn_t fast_start_pfn;		/* lowest block the fast search found; 0 none, PFN_NONE used up */
	unsigned fast_search_fail;	/* in a row */
	int search_order;		/* where the fast search for free blocks begins */
	int order;			/* wanted, or WHOLE_ZONE */
	gfp_t gfp;
	enum migratetype migratetype;
	unsigned alloc_flags;
	enum zone_type highest;
	enum compact_mode mode;
	bool direct;			/* an allocation waits for it */
	bool whole_zone;		/* from end to end */
	bool ignore_skip_hint, ignore_block_suitable;
	bool proactive;
	bool finish_pageblock;		/* look at all of this pageblock before going on */
	uint64_t total_migrate_scanned, total_free_scanned;
};

enum isolate_result { ISOLATE_NONE, ISOLATE_SUCCESS };

static inline pfn_t pageblock_start(const struct zone *zone, pfn_t pfn)
{
	return pfn & ~((1u << zone->pageblock_order) - 1);
}

static inline pfn_t pageblock_end(const struct zone *zone, pfn_t pfn)
{
	return pageblock_start(zone, pfn) + (1u << zone->pageblock_order);
}

static inline bool pageblock_aligned(const struct zone *zone, pfn_t pfn)
{
	return pageblock_start(zone, pfn) == pfn;
}

/* The free scanner has come down to the pageblock of the migrate scanner: the zone is done. */
static inline bool compact_scanners_met(const struct compact_control *cc)
{
	return cc->free_pfn >> cc->zone->pageblock_order <= cc->migrate_pfn >> cc->zone->pageblock_order;
}

bool get_pageblock_skip(const struct memory *mem, pfn_t pfn);
void set_pageblock_skip(struct memory *mem, pfn_t pfn);
void clear_pageblock_skip(struct memory *mem, pfn_t pfn);
/* What stands in the pageblock that holds pfn. */
enum block_kind {
	BLOCK_PAGES,		/* struct pages to look at */
	BLOCK_FREE_HEAD,	/* never touched: the first pageblock of a free block of the largest order */
	BLOCK_FREE_REST,	/* never touched: a further one of it */
	BLOCK_BOOT,		/* nothing of it was ever the allocator's */
	BLOCK_HOLE,		/* not of this zone */
};
enum block_kind pageblock_kind(const struct zone *zone, pfn_t pfn);

/* compaction-scan.c: up to COMPACT_CLUSTER_MAX pages of the next suitable pageblock onto cc->migratepages. */
enum isolate_result isolate_migratepages(struct compact_control *cc);
/* Puts back what was isolated and did not move: to the young end of its list. */
void putback_movable_pages(struct compact_control *cc);
/* Until there are as many free pages as pages to move, or the scanners meet. */
void isolate_freepages(struct compact_control *cc);
/* Of [*start, end), each stride-th frame looked at; *start: where it came to. */
uint64_t isolate_freepages_block(struct compact_control *cc, pfn_t *start, pfn_t end, unsigned stride);
/* Takes a block off the free lists onto cc->freepages. False: the zone has not enough left. */
bool isolate_free_block(struct compact_control *cc, pfn_t pfn, unsigned order);

/* compaction-fast.c: where the migrate scanner goes on: a pageblock with free pages, or where it was. */
pfn_t fast_find_migrateblock(struct compact_control *cc);
/* Looks for a free block near the end of the zone by the free lists. */
void fast_isolate_freepages(struct compact_control *cc);

/* compaction-hints.c: the hints of a zone whose scanners met are dropped, cached positions with them. */
void __reset_isolation_suitable(struct zone *zone);
void reset_cached_positions(struct zone *zone);

/* compaction-daemon.c */
bool kswapd_is_running(const struct pglist_data *pgdat);
unsigned fragmentation_score_zone(const struct zone *zone);
/* Above the upper one of them kcompactd begins unasked, at the lower one it stops. */
unsigned fragmentation_score_wmark(const struct memory *mem, bool low);

/* compaction.c */
enum compact_result compact_zone(struct compact_control *cc);
enum compact_result compaction_suit_allocation_order(const struct zone *zone, unsigned order, enum zone_type highest,
						     unsigned alloc_flags, bool async, bool kcompactd);

#endif
