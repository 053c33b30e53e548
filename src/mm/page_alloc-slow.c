/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What an allocation does when no zone is above its low mark. Kernel counterpart:
 * __alloc_pages_slowpath().
 *
 * Modelled: kswapd woken once per node, retry at the min mark with the reserves of the request,
 * direct compaction for costly orders, direct reclaim, per-cpu lists and highatomic blocks given
 * back, OOM killer.
 * Simplified: the kernel goes on as long as all that is reclaimable would lift a zone over its
 * mark; here as long as reclaim frees something, at most MAX_RECLAIM_RETRIES rounds. Compaction is
 * asked without priorities and modes. __GFP_NOFAIL uses everything that is left, then fails after
 * all.
 */
#include "mm/page_alloc-internal.h"

#define MAX_RECLAIM_RETRIES 16

static unsigned gfp_to_alloc_flags(gfp_t gfp, unsigned order)
{
	unsigned alloc_flags = WMARK_MIN | alloc_flags_cma(gfp_migratetype(gfp));

	if (gfp & __GFP_HIGH)
		alloc_flags |= ALLOC_MIN_RESERVE;
	if (gfp & __GFP_KSWAPD_RECLAIM)
		alloc_flags |= ALLOC_KSWAPD;
	if (!(gfp & __GFP_DIRECT_RECLAIM) && !(gfp & __GFP_NOMEMALLOC)) {
		alloc_flags |= ALLOC_NON_BLOCK;
		if (order > 0 && gfp & __GFP_HIGH)
			alloc_flags |= ALLOC_HIGHATOMIC;
	}
	return alloc_flags;
}

static void wake_all_kswapds(const struct alloc_context *ac, unsigned order)
{
	const struct pressure_ops *ops = ac->mem->pressure;
	const struct pglist_data *last = NULL;

	if (!ops || !ops->wake_kswapd)
		return;
	for (const struct zoneref *z = ac->preferred; z->zone; z++) {
		if (!zoneref_allowed(ac, z->zone) || z->zone->zone_pgdat == last)
			continue;
		last = z->zone->zone_pgdat;
		ops->wake_kswapd(ac->mem, z->zone, order, ac->highest);
	}
}

static void unreserve_block(struct zone *zone, pfn_t pfn)
{
	uint64_t block = 1u << zone->pageblock_order;
	unsigned order = page_order(&zone->mem_map[pfn]);

	/*
	 * A block larger than a pageblock keeps its type but for the first: rare, and the kernel is
	 * as coarse.
	 */
	if (order > zone->pageblock_order)
		return;
	if (buddy_convert_block(zone, pfn, MIGRATE_HIGHATOMIC, MIGRATE_MOVABLE))
		zone->nr_reserved_highatomic -= block < zone->nr_reserved_highatomic ?
						block : zone->nr_reserved_highatomic;
}

/*
 * Gives one highatomic pageblock with free pages back to the movable ones; the last of a zone only
 * by force.
 */
static bool unreserve_highatomic_pageblock(const struct alloc_context *ac, bool force)
{
	for (const struct zoneref *z = ac->preferred; z->zone; z++) {
		struct zone *zone = z->zone;

		if (!zoneref_allowed(ac, zone))
			continue;
		if (!force && zone->nr_reserved_highatomic <= 1u << zone->pageblock_order)
			continue;
		zone_lock(zone);
		if (!zone->nonempty[MIGRATE_HIGHATOMIC])
			continue;
		unreserve_block(zone,
				zone->free_area[__builtin_ctz(zone->nonempty[MIGRATE_HIGHATOMIC])]
					.free_list[MIGRATE_HIGHATOMIC]
					.first);
		return true;
	}
	return false;
}

/* Another look after memory came free; then once more with what per-cpu lists and reserves held. */
static pfn_t retry_drained(const struct alloc_context *ac, gfp_t gfp, unsigned order,
			   unsigned alloc_flags)
{
	pfn_t pfn = get_page_from_freelist(ac, gfp, order, alloc_flags);

	if (pfn != PFN_NONE)
		return pfn;
	unreserve_highatomic_pageblock(ac, false);
	drain_all_pages(ac->mem);
	return get_page_from_freelist(ac, gfp, order, alloc_flags);
}

static struct alloc_request request_of(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	return (struct alloc_request){
		.order = order, .gfp = gfp, .nodemask = ac->nodemask, .highest = ac->highest,
		.nid = ac->preferred->zone ? (int)ac->preferred->zone->zone_pgdat->node_id : NUMA_NO_NODE,
	};
}

static pfn_t direct_compact(const struct alloc_context *ac, gfp_t gfp, unsigned order,
			    unsigned alloc_flags)
{
	struct alloc_request req = request_of(ac, gfp, order);
	struct memory *mem = ac->mem;
	const struct pressure_ops *ops = mem->pressure;
	pfn_t captured = PFN_NONE;
	bool got;

	if (!order || !ops || !ops->try_to_compact_pages)
		return PFN_NONE;
	mem->memalloc = true;
	got = ops->try_to_compact_pages(mem, &req, COMPACT_PRIO_ASYNC, &captured) == COMPACT_SUCCESS;
	mem->memalloc = false;
	return got ? get_page_from_freelist(ac, gfp, order, alloc_flags) : PFN_NONE;
}

static uint64_t direct_reclaim(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	struct alloc_request req = request_of(ac, gfp, order);
	struct memory *mem = ac->mem;
	uint64_t progress = 0;

	if (mem->pressure && mem->pressure->try_to_free_pages) {
		mem->memalloc = true;
		progress = mem->pressure->try_to_free_pages(mem, &req);
		mem->memalloc = false;
	}
	return progress;
}

/*
 * The killer helps neither costly orders, nor requests for low zones or one node, nor those that
 * may fail.
 */
static bool may_oom(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	struct alloc_request req = request_of(ac, gfp, order);
	const struct pressure_ops *ops = ac->mem->pressure;

	if (!ops || !ops->out_of_memory || order > PAGE_ALLOC_COSTLY_ORDER)
		return false;
	if (gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE) || ac->highest < ZONE_NORMAL)
		return false;
	return ops->out_of_memory(ac->mem, &req);
}

static pfn_t reclaim_loop(const struct alloc_context *ac, gfp_t gfp, unsigned order,
			  unsigned alloc_flags)
{
	bool costly = order > PAGE_ALLOC_COSTLY_ORDER, retry = true;
	pfn_t pfn;

	for (unsigned loops = 0; loops < MAX_RECLAIM_RETRIES; loops++) {
		uint64_t progress = direct_reclaim(ac, gfp, order);

		/* Also without progress, what the per-cpu lists hoard is to be had, once. */
		if (progress || retry) {
			pfn = retry_drained(ac, gfp, order, alloc_flags);
			if (pfn != PFN_NONE)
				return pfn;
		}
		retry = false;
		pfn = direct_compact(ac, gfp, order, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
		if (gfp & __GFP_NORETRY || (costly && !(gfp & __GFP_RETRY_MAYFAIL)))
			return PFN_NONE;
		if (progress)
			continue;
		retry = unreserve_highatomic_pageblock(ac, true);
		if (retry)
			continue;
		if (!may_oom(ac, gfp, order))
			return PFN_NONE;
		pfn = retry_drained(ac, gfp, order, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

pfn_t alloc_pages_slowpath(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	unsigned alloc_flags = gfp_to_alloc_flags(gfp, order);
	bool may_reclaim = gfp & __GFP_DIRECT_RECLAIM;
	struct memory *mem = ac->mem;
	pfn_t pfn;

	if (alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac, order);
	pfn = get_page_from_freelist(ac, gfp, order, alloc_flags);
	if (pfn != PFN_NONE)
		return pfn;
	if (may_reclaim && order > PAGE_ALLOC_COSTLY_ORDER && !mem->memalloc) {
		pfn = direct_compact(ac, gfp, order, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	if ((gfp & __GFP_MEMALLOC || mem->memalloc) && !(gfp & __GFP_NOMEMALLOC)) {
		pfn = get_page_from_freelist(ac, gfp, order, alloc_flags | ALLOC_NO_WATERMARKS);
		if (pfn != PFN_NONE)
			return pfn;
	}
	if (may_reclaim && !mem->memalloc) {
		pfn = reclaim_loop(ac, gfp, order, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	if (gfp & __GFP_NOFAIL)
		pfn = get_page_from_freelist(ac, gfp, order, alloc_flags | ALLOC_NO_WATERMARKS);
	return pfn;
}
