/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What an allocation does when no zone is above its low mark. Kernel counterpart:
 * __alloc_pages_slowpath().
 *
 * Modelled: kswapd woken once per node, retry at the min mark with the reserves of the request;
 * compaction before reclaim for costly orders and for what does not move; direct reclaim, then
 * compaction, again and again with rising priority as long as either may help (should_reclaim_retry,
 * should_compact_retry); per-cpu lists and highatomic blocks given back; OOM killer; reserves for its
 * victim.
 * Simplified: per-cpu lists are drained once also when reclaim got nowhere (the kernel's CPUs drain
 * theirs while one waits). MAX_SLOW_LOOPS ends what would go on for ever, as when reclaim reports
 * progress that is none. __GFP_NOFAIL uses everything that is left, then fails after all.
 */
#include "mm/compact_defer.h"
#include "mm/page_alloc-internal.h"

#define MAX_RECLAIM_RETRIES 16
#define MAX_COMPACT_RETRIES 16
#define MAX_SLOW_LOOPS 10000
#define MIN_COMPACT_COSTLY_PRIORITY COMPACT_PRIO_SYNC_LIGHT
#define MIN_COMPACT_PRIORITY COMPACT_PRIO_SYNC_FULL

/* One allocation on the slow path. */
struct slowpath {
	const struct alloc_context *ac;
	gfp_t gfp;
	unsigned order, alloc_flags;
	bool costly, may_reclaim;
	bool drained;			/* per-cpu lists, without progress of reclaim */
	enum compact_priority prio;
	enum compact_result compact_result;
	unsigned compaction_retries, no_progress_loops;
};

static unsigned gfp_to_alloc_flags(const struct memory *mem, gfp_t gfp, unsigned order)
{
	unsigned alloc_flags = WMARK_MIN | alloc_flags_cma(gfp_migratetype(gfp));

	if (mem->conf.defrag_mode)
		alloc_flags |= ALLOC_NOFRAGMENT;

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

/* Who frees memory, or was told to die, may use the reserves. (__gfp_pfmemalloc_flags) */
static unsigned reserve_flags(const struct memory *mem, gfp_t gfp)
{
	if (gfp & __GFP_NOMEMALLOC)
		return 0;
	if (gfp & __GFP_MEMALLOC || mem->memalloc)
		return ALLOC_NO_WATERMARKS;
	return current_is_oom_victim(mem) ? ALLOC_OOM : 0;
}

static pfn_t try_again(const struct slowpath *s)
{
	return get_page_from_freelist(s->ac, s->gfp, s->order, s->alloc_flags);
}

/* Another look after memory came free; then once more with what per-cpu lists and reserves held. */
static pfn_t retry_drained(const struct slowpath *s)
{
	pfn_t pfn = try_again(s);

	if (pfn != PFN_NONE)
		return pfn;
	unreserve_highatomic_pageblock(s->ac, false);
	drain_all_pages(s->ac->mem);
	return try_again(s);
}

static struct alloc_request request_of(const struct slowpath *s)
{
	const struct alloc_context *ac = s->ac;

	return (struct alloc_request){
		.order = s->order, .gfp = s->gfp, .nodemask = ac->nodemask, .highest = ac->highest,
		.nid = ac->preferred->zone ? (int)ac->preferred->zone->zone_pgdat->node_id : NUMA_NO_NODE,
		.alloc_flags = s->alloc_flags,
	};
}

/* --- compaction --------------------------------------------------------------------------------- */

/* The block that compaction made, caught as it came free or from the lists. */
static pfn_t take_compacted(const struct slowpath *s, pfn_t captured)
{
	struct zone *zone;

	if (captured == PFN_NONE) {
		captured = try_again(s);
		if (captured == PFN_NONE)
			return PFN_NONE;
		zone = page_zone(s->ac->mem, captured);
	} else {
		zone = page_zone(s->ac->mem, captured);
		prep_isolated_page(zone, captured, s->order, s->gfp);
	}
	zone->compact.blockskip_flush = false;
	compaction_defer_reset(zone, s->order, true);
	return captured;
}

static pfn_t direct_compact(struct slowpath *s, enum compact_priority prio)
{
	struct alloc_request req = request_of(s);
	struct memory *mem = s->ac->mem;
	const struct pressure_ops *ops = mem->pressure;
	pfn_t pfn = PFN_NONE;

	s->compact_result = COMPACT_SKIPPED;
	if (!s->order || !ops || !ops->try_to_compact_pages)
		return PFN_NONE;
	mem->memalloc = true;
	s->compact_result = ops->try_to_compact_pages(mem, &req, prio, &pfn);
	mem->memalloc = false;
	if (s->compact_result == COMPACT_SKIPPED)
		return PFN_NONE;
	count_vm_event(mem, COMPACTSTALL);
	mem->compact_order[s->order].attempts++;
	pfn = take_compacted(s, pfn);
	count_vm_event(mem, pfn == PFN_NONE ? COMPACTFAIL : COMPACTSUCCESS);
	if (pfn == PFN_NONE)
		mem->compact_order[s->order].fail++;
	else
		mem->compact_order[s->order].success++;
	return pfn;
}

/* Does another round help compaction? Raises its priority when it does not otherwise. */
static bool should_compact_retry(struct slowpath *s)
{
	const struct pressure_ops *ops = s->ac->mem->pressure;
	unsigned max_retries = s->costly ? MAX_COMPACT_RETRIES / 4 : MAX_COMPACT_RETRIES;
	enum compact_priority min_prio = s->costly ? MIN_COMPACT_COSTLY_PRIORITY : MIN_COMPACT_PRIORITY;
	struct alloc_request req = request_of(s);

	if (!s->order || !ops)
		return false;
	/* It had no free pages to move to: reclaim may make some. */
	if (s->compact_result == COMPACT_SKIPPED)
		return ops->compaction_zonelist_suitable && ops->compaction_zonelist_suitable(s->ac->mem, &req);
	if (s->compact_result == COMPACT_SUCCESS && ++s->compaction_retries <= max_retries)
		return true;
	if (s->prio <= min_prio)
		return false;
	s->prio--;
	s->compaction_retries = 0;
	return true;
}

/*
 * Costly orders most likely have enough single pages and need no reclaim; what does not move shall
 * not have to mix pageblocks.
 */
static bool should_compact_first(const struct slowpath *s)
{
	return s->may_reclaim && s->gfp & __GFP_IO && s->order &&
	       (s->costly || s->ac->migratetype != MIGRATE_MOVABLE) && !reserve_flags(s->ac->mem, s->gfp);
}

/* --- reclaim ------------------------------------------------------------------------------------ */

static pfn_t direct_reclaim(struct slowpath *s, uint64_t *ret_progress)
{
	struct alloc_request req = request_of(s);
	struct memory *mem = s->ac->mem;
	bool drain = !s->drained;

	*ret_progress = 0;
	if (mem->pressure && mem->pressure->try_to_free_pages) {
		mem->memalloc = true;
		*ret_progress = mem->pressure->try_to_free_pages(mem, &req);
		mem->memalloc = false;
	}
	s->drained = true;
	return *ret_progress || drain ? retry_drained(s) : PFN_NONE;
}

void reclaim_before_alloc(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	struct slowpath s = { .ac = ac, .gfp = gfp, .order = order };
	struct alloc_request req;
	struct memory *mem = ac->mem;

	if (!(gfp & __GFP_DIRECT_RECLAIM) || mem->memalloc || !ac->preferred->zone || !mem->pressure ||
	    !mem->pressure->try_to_free_pages)
		return;
	req = request_of(&s);
	mem->memalloc = true;
	mem->pressure->try_to_free_pages(mem, &req);
	mem->memalloc = false;
}

/* Would there be enough if all went that reclaim could free? Gives highatomic blocks up when not. */
static bool should_reclaim_retry(struct slowpath *s, bool progress)
{
	const struct pressure_ops *ops = s->ac->mem->pressure;

	/* For costly orders progress says little: their blocks may never come together. */
	s->no_progress_loops = progress && !s->costly ? 0 : s->no_progress_loops + 1;
	for (const struct zoneref *z = s->ac->preferred;
	     z->zone && s->no_progress_loops <= MAX_RECLAIM_RETRIES; z++) {
		const struct zone *zone = z->zone;
		uint64_t available = zone->vm_stat[NR_FREE_PAGES];

		if (!zoneref_allowed(s->ac, zone))
			continue;
		if (ops && ops->zone_reclaimable_pages)
			available += ops->zone_reclaimable_pages(zone);
		if (__zone_watermark_ok(zone, s->order, wmark_pages(zone, WMARK_MIN), s->ac->highest,
					s->alloc_flags, available))
			return true;
	}
	return unreserve_highatomic_pageblock(s->ac, true);
}

/* --- the killer --------------------------------------------------------------------------------- */

/*
 * It helps neither costly orders, nor requests for low zones or one node, nor those that may fail.
 * *ret_progress: something was killed.
 */
static pfn_t alloc_pages_may_oom(struct slowpath *s, uint64_t *ret_progress)
{
	struct alloc_request req = request_of(s);
	const struct pressure_ops *ops = s->ac->mem->pressure;
	pfn_t pfn;

	*ret_progress = 0;
	/* Somebody else may have killed meanwhile: is there plenty now? */
	pfn = get_page_from_freelist(s->ac, (s->gfp | __GFP_HARDWALL) & ~__GFP_DIRECT_RECLAIM, s->order,
				     WMARK_HIGH);
	if (pfn != PFN_NONE || !ops || !ops->out_of_memory || s->costly)
		return pfn;
	if (s->gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE) || s->ac->highest < ZONE_NORMAL)
		return PFN_NONE;
	*ret_progress = ops->out_of_memory(s->ac->mem, &req);
	return PFN_NONE;
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* The caller will not have more done for it. */
static bool gives_up(const struct slowpath *s)
{
	return s->gfp & __GFP_NORETRY ||
	       (s->costly && !(s->gfp & __GFP_RETRY_MAYFAIL && s->gfp & __GFP_IO));
}

static pfn_t reclaim_loop(struct slowpath *s)
{
	struct memory *mem = s->ac->mem;
	uint64_t progress;
	pfn_t pfn;

	for (unsigned loops = 0; loops < MAX_SLOW_LOOPS; loops++) {
		if (s->alloc_flags & ALLOC_KSWAPD)
			wake_all_kswapds(s->ac, s->order);
		s->alloc_flags |= reserve_flags(mem, s->gfp);
		pfn = try_again(s);
		if (pfn != PFN_NONE || !s->may_reclaim || mem->memalloc)
			return pfn;
		pfn = direct_reclaim(s, &progress);
		if (pfn == PFN_NONE)
			pfn = direct_compact(s, s->prio);
		if (pfn != PFN_NONE || gives_up(s))
			return pfn;
		if (should_reclaim_retry(s, progress) || (progress && should_compact_retry(s)))
			continue;
		if (s->alloc_flags & ALLOC_NOFRAGMENT) {
			s->alloc_flags &= ~ALLOC_NOFRAGMENT;
			continue;
		}
		pfn = alloc_pages_may_oom(s, &progress);
		if (pfn != PFN_NONE || !progress ||
		    (current_is_oom_victim(mem) && (s->alloc_flags & ALLOC_OOM || s->gfp & __GFP_NOMEMALLOC)))
			return pfn;
		s->no_progress_loops = 0;
	}
	return PFN_NONE;
}

pfn_t alloc_pages_slowpath(const struct alloc_context *ac, gfp_t gfp, unsigned order)
{
	struct slowpath s = {
		.ac = ac, .gfp = gfp, .order = order, .alloc_flags = gfp_to_alloc_flags(ac->mem, gfp, order),
		.costly = order > PAGE_ALLOC_COSTLY_ORDER, .may_reclaim = gfp & __GFP_DIRECT_RECLAIM,
		.prio = COMPACT_PRIO_SYNC_LIGHT, .compact_result = COMPACT_SKIPPED,
	};
	pfn_t pfn;

	if (s.alloc_flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac, order);
	pfn = try_again(&s);
	if (pfn == PFN_NONE && should_compact_first(&s)) {
		pfn = direct_compact(&s, COMPACT_PRIO_ASYNC);
		if (pfn == PFN_NONE && s.costly && gfp & __GFP_NORETRY) {
			/* No memory to work with, or in vain lately: reclaim would hardly make whole pageblocks. */
			if (s.compact_result == COMPACT_SKIPPED || s.compact_result == COMPACT_DEFERRED)
				return PFN_NONE;
			s.prio = COMPACT_PRIO_ASYNC;
		}
	}
	if (pfn == PFN_NONE)
		pfn = reclaim_loop(&s);
	if (pfn == PFN_NONE && gfp & __GFP_NOFAIL)
		pfn = get_page_from_freelist(ac, gfp, order, s.alloc_flags | ALLOC_NO_WATERMARKS);
	return pfn;
}
