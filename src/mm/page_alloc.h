/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page allocator: zonelists, watermarks, per-cpu lists, slow path. Kernel counterpart:
 * mm/page_alloc.c.
 *
 * Modelled: zonelists by distance; the fast path at the low mark and the slow path at the min mark
 * with the reserves that GFP flags open; fragmentation avoidance (ALLOC_NOFRAGMENT); highatomic
 * reserves; per-cpu lists of orders 0-3 and of PMD-sized pages with the kernel's automatic high
 * mark and batch; NUMA statistics; cpusets; pageblocks of CMA areas for movable requests; node reclaim
 * before a farther node; charges to memory cgroups; single pages in batches.
 * Simplified: reclaim, compaction and the OOM killer are reached through memory->pressure
 * (page_alloc-slow.c says in which order). Zeroing costs nothing. Left out: memory hotplug, page
 * poisoning, the dirty-page balance between zones, PCPF_FREE_HIGH_BATCH (large CPU caches keep more
 * high-order pages).
 *
 * Interface:
 *   - alloc_pages(): 2^order pages near the wanted node; PFN_NONE when there are none (counted in
 *     alloc_fail)
 *   - free_pages_pfn(): gives them back, whatever the reference count says; put_page(): drops a
 *     reference
 *   - page_alloc_setup(): once the zones have their memory: zonelists, watermarks, per-cpu lists
 *   - without memory->pressure an allocation fails where the kernel would have to reclaim
 */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "mm/memmap.h"
#include "mm/mempolicy.h"

/*
 * nid NUMA_NO_NODE: as the running task's policy says, by default the node of memory->cpu. On
 * success the head page has _refcount 1, and its flags hold the order. With __GFP_COMP the pages behind it are PG_TAIL and point to it. An order
 * above the machine's largest fails.
 */
pfn_t alloc_pages(struct memory *mem, gfp_t gfp, unsigned order, int nid);
/* The same without a policy, from nodes whose bit is set only. */
pfn_t alloc_pages_nodemask(struct memory *mem, gfp_t gfp, unsigned order, int nid,
			   uint64_t nodemask);
/*
 * By a policy; NULL: local. ilx: index for interleaving; NO_INTERLEAVE_INDEX goes by the task's
 * counter. A huge page by index is tried on the one node first, and there alone unless gfp may
 * reclaim. Counts numa_interleave.
 */
pfn_t alloc_pages_mpol(struct memory *mem, gfp_t gfp, unsigned order, const struct mempolicy *pol,
		       uint64_t ilx);
/*
 * Up to nr single pages into ret[], all from one zone of the wanted node and with one look at its
 * marks; one page by the usual way when no such zone has nr to spare. Returns how many: fewer than nr
 * is no failure, 0 is. Kernel: alloc_pages_bulk(). Simplified: the policy of the task is not asked.
 */
size_t alloc_pages_bulk(struct memory *mem, gfp_t gfp, int nid, size_t nr, pfn_t *ret);
/* Frees without looking at the count. */
void free_pages_pfn(struct memory *mem, pfn_t pfn, unsigned order);
/* Drops a reference; the last one frees (the head's order pages). */
void put_page(struct memory *mem, pfn_t pfn);

/*
 * The pages of an allocation of that order (without __GFP_COMP) become pages of their own, one
 * reference each.
 */
void split_page(struct memory *mem, pfn_t pfn, unsigned order);

static inline void get_page(struct memory *mem, pfn_t pfn)
{
	pfn_to_page(mem, pfn)->_refcount++;
}

/* Bits of vm.zone_reclaim_mode */
#define RECLAIM_ZONE	1u	/* on */
#define RECLAIM_WRITE	2u	/* dirty pages too */
#define RECLAIM_UNMAP	4u	/* mapped pages too */

/* Moves all pages of all per-cpu lists back to the free areas. */
void drain_all_pages(struct memory *mem);
void drain_pages(struct memory *mem, unsigned cpu);
/* Of one zone only; cpu -1: of all. */
void drain_zone_pages(struct zone *zone, int cpu);
/* What the vmstat worker does each second: idle per-cpu lists shrink. */
void decay_pcp_high(struct memory *mem);

/*
 * Builds zonelists, min_free_kbytes, watermarks, lowmem reserves and per-cpu lists from the zones'
 * sizes.
 */
void page_alloc_setup(struct memory *mem);
void page_alloc_finish(struct memory *mem);
/* Again from memory->conf after it (or the zones' sizes) changed. */
void setup_per_zone_wmarks(struct memory *mem);

/*
 * Would an allocation of that order leave the zone above `mark`? highest: zone type that was asked
 * for.
 */
bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags);

/* The same, as if so many pages were free. */
bool __zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
			 enum zone_type highest, unsigned alloc_flags, uint64_t free_pages);
/* Frames that compaction took off the free lists become an allocation of that order, as alloc_pages() returns it. */
void prep_isolated_page(struct zone *zone, pfn_t pfn, unsigned order, gfp_t gfp);

static inline enum migratetype gfp_migratetype(gfp_t gfp)
{
	_Static_assert(__GFP_MOVABLE >> 3 == MIGRATE_MOVABLE &&
			       __GFP_RECLAIMABLE >> 3 == MIGRATE_RECLAIMABLE,
		       "the mobility bits are the migrate type");
	return (enum migratetype)((gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3);
}

static inline uint64_t wmark_pages(const struct zone *zone, enum zone_watermarks w)
{
	return zone->watermark[w] + zone->watermark_boost;
}

#endif
