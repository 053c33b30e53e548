/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Allocation and freeing through the per-cpu lists, and the choice of the zone: see page_alloc.h.
 */
#include "mm/page_alloc.h"

#include "mm/deferred_split.h"
#include "mm/folio_touched.h"
#include "mm/memcg.h"
#include "mm/mm_inline.h"
#include "mm/page_alloc-internal.h"
#include "mm/seeded_bug.h"

#define NR_LOWORDER_PCP_LISTS ((PAGE_ALLOC_COSTLY_ORDER + 1) * MIGRATE_PCPTYPES)

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint32_t clamp_u32(uint32_t x, uint32_t low, uint32_t high)
{
	return min_u32(max_u32(x, low), high);
}

/* --- per-cpu lists ---------------------------------------------------------------------------- */

static inline unsigned pmd_order(const struct memory *mem)
{
	return mem->geo->level[1].shift - mem->geo->page_shift;
}

static inline bool pcp_allowed_order(const struct memory *mem, unsigned order)
{
	return (order <= PAGE_ALLOC_COSTLY_ORDER || order == pmd_order(mem)) && mem->conf.pcp;
}

static inline unsigned order_to_pindex(enum migratetype mt, unsigned order)
{
	if (order > PAGE_ALLOC_COSTLY_ORDER)
		return NR_LOWORDER_PCP_LISTS + (mt == MIGRATE_MOVABLE);
	return MIGRATE_PCPTYPES * order + mt;
}

static inline unsigned pindex_to_order(const struct memory *mem, unsigned pindex)
{
	return pindex >= NR_LOWORDER_PCP_LISTS ? pmd_order(mem) : pindex / MIGRATE_PCPTYPES;
}

/* Gives `count` pages back, list after list from pindex on, of each the coldest first. */
static void free_pcppages_bulk(struct zone *zone, int64_t count, struct per_cpu_pages *pcp,
			       unsigned pindex)
{
	if (count > pcp->count)
		count = pcp->count;
	zone_lock(zone);
	while (count > 0) {
		struct pfn_list *list = &pcp->lists[pindex];
		unsigned order = pindex_to_order(zone->mem, pindex);

		while (count > 0 && !pfn_list_empty(list)) {
			pfn_t pfn = list->last;

			pfn_list_del(zone->mem_map, list, pfn);
			count -= 1 << order;
			pcp->count -= 1u << order;
			buddy_free(zone, pfn, order, pageblock_type(zone->mem, pfn));
		}
		if (++pindex == NR_PCP_LISTS)
			pindex = 0;
	}
}

/* How many blocks to take now. Doubles while nothing is freed, and lets the high mark grow. */
static uint32_t nr_pcp_alloc(struct per_cpu_pages *pcp, const struct zone *zone, unsigned order)
{
	uint32_t base = pcp->batch, high, batch, room;

	high = pcp->high = clamp_u32(pcp->high, pcp->high_min, pcp->high_max);
	if (high < base)
		return 1;
	batch = order ? base : base << pcp->alloc_factor;
	if (pcp->high_min != pcp->high_max && !(zone->flags & ZONE_BELOW_HIGH))
		high = pcp->high = min_u32(high + batch, pcp->high_max);
	if (!order) {
		room = high > pcp->count + base ? max_u32(high - pcp->count - base, base) : base;
		if (batch <= room && pcp->alloc_factor < PCP_BATCH_SCALE_MAX)
			pcp->alloc_factor++;
		batch = min_u32(batch, room);
	}
	return batch > 1 ? max_u32(batch >> order, 2) : batch;
}

static inline pfn_t rmqueue_pcplist(struct zone *zone, unsigned order, enum migratetype mt,
				    unsigned alloc_flags)
{
	struct memory *mem = zone->mem;
	struct per_cpu_pages *pcp = &zone->pcp[mem->cpu];
	struct pfn_list *list = &pcp->lists[order_to_pindex(mt, order)];
	pfn_t pfn;

	pcp->free_count >>= 1;
	if (unlikely(pfn_list_empty(list))) {
		uint32_t nr;

		zone_lock(zone);
		nr = buddy_rmqueue_bulk(zone, order, nr_pcp_alloc(pcp, zone, order), list, mt,
					alloc_flags);
		if (nr == 0)
			return PFN_NONE;
		pcp->count += nr << order;
	} else {
		count_vm_event(mem, PCP_HIT);
	}
	pfn = list->first;
	pfn_list_del(zone->mem_map, list, pfn);
	pcp->count -= SEEDED_BUG(mem, PCP_COUNT) ? 0 : 1u << order;
	return pfn;
}

/*
 * How full the list may be now; grows when frees outrun it, shrinks while the zone is short of
 * memory.
 */
static uint32_t nr_pcp_high(struct per_cpu_pages *pcp, const struct zone *zone, uint32_t batch,
			    bool free_high)
{
	uint32_t high_min = pcp->high_min, high_max = pcp->high_max, high, lower;

	high = pcp->high = clamp_u32(pcp->high, high_min, high_max);
	if (unlikely(!high))
		return 0;
	if (unlikely(free_high)) {
		lower = batch << PCP_BATCH_SCALE_MAX;
		pcp->high = max_u32(high > lower ? high - lower : 0, high_min);
		return 0;
	}
	lower = high > pcp->free_count ? high - pcp->free_count : 0;
	if (zone->flags & ZONE_RECLAIM_ACTIVE) {
		pcp->high = max_u32(lower, high_min);
		return min_u32(batch << 2, pcp->high);
	}
	if (high_min == high_max)
		return high;
	if (zone->flags & ZONE_BELOW_HIGH) {
		pcp->high = max_u32(lower, high_min);
		return max_u32(pcp->count, high_min);
	}
	if (pcp->count >= high) {
		uint32_t need_high = pcp->free_count + batch;

		if (pcp->high < need_high)
			pcp->high = clamp_u32(need_high, high_min, high_max);
	}
	return high;
}

/* How many pages to give back: more, the longer only frees come. */
static uint32_t nr_pcp_free(const struct per_cpu_pages *pcp, uint32_t batch, uint32_t high,
			    bool free_high)
{
	if (unlikely(free_high))
		return min_u32(pcp->count, batch << PCP_BATCH_SCALE_MAX);
	if (unlikely(high < batch))
		return 1;
	return high - batch < batch ? high - batch
				    : clamp_u32(pcp->free_count, batch, high - batch);
}

static bool pcp_frees_high_order(struct per_cpu_pages *pcp, unsigned order)
{
	bool free_high = false;

	if (order && order <= PAGE_ALLOC_COSTLY_ORDER) {
		/* A run of high-order frees goes straight back: no use in hoarding them. */
		free_high = pcp->free_count >= pcp->batch + pcp->high_min / 2 &&
			    pcp->prev_free_high_order;
		pcp->prev_free_high_order = true;
	} else {
		pcp->prev_free_high_order = false;
	}
	return free_high;
}

static __attribute__((noinline)) void pcp_trim(struct zone *zone, struct per_cpu_pages *pcp,
					       unsigned pindex, uint32_t high, bool free_high)
{
	free_pcppages_bulk(zone, nr_pcp_free(pcp, pcp->batch, high, free_high), pcp, pindex);
	if (zone->flags & ZONE_BELOW_HIGH &&
	    zone_watermark_ok(zone, 0, wmark_pages(zone, WMARK_HIGH), ZONE_MOVABLE, 0))
		zone->flags &= ~ZONE_BELOW_HIGH;
}

static inline void free_pcp_commit(struct zone *zone, pfn_t pfn, enum migratetype mt,
				   unsigned order)
{
	struct per_cpu_pages *pcp = &zone->pcp[zone->mem->cpu];
	unsigned pindex = order_to_pindex(mt, order);
	uint32_t high, most = pcp->batch << PCP_BATCH_SCALE_MAX;
	bool free_high;

	pcp->alloc_factor >>= 1;
	zone->mem_map[pfn].flags = PG_PCP | order << PAGE_ORDER_SHIFT | zone->page_flags;
	pfn_list_add(zone->mem_map, &pcp->lists[pindex], pfn);
	pcp->count += 1u << order;
	free_high = pcp_frees_high_order(pcp, order);
	if (pcp->free_count < most)
		pcp->free_count = min_u32(pcp->free_count + (1u << order), most);
	high = nr_pcp_high(pcp, zone, pcp->batch, free_high);
	if (unlikely(pcp->count >= high))
		pcp_trim(zone, pcp, pindex, high, free_high);
}

static void drain_zone(struct zone *zone, unsigned cpu)
{
	struct per_cpu_pages *pcp = &zone->pcp[cpu];

	while (pcp->count)
		free_pcppages_bulk(zone, min_u32(pcp->count, pcp->batch << PCP_BATCH_SCALE_MAX),
				   pcp, 0);
}

void drain_pages(struct memory *mem, unsigned cpu)
{
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			if (mem->nodes[nid]->node_zones[z].managed_pages)
				drain_zone(&mem->nodes[nid]->node_zones[z], cpu);
}

void drain_zone_pages(struct zone *zone, int cpu)
{
	for (unsigned i = 0; i < zone->mem->nr_cpus; i++)
		if (cpu < 0 || i == (unsigned)cpu)
			drain_zone(zone, i);
}

void drain_all_pages(struct memory *mem)
{
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		drain_pages(mem, cpu);
}

static void decay_zone(struct zone *zone, struct per_cpu_pages *pcp)
{
	uint32_t most = pcp->batch << PCP_BATCH_SCALE_MAX;

	if (pcp->high > pcp->high_min) {
		uint32_t high = pcp->count > most ? pcp->count - most : 0;

		high = max_u32(high, pcp->high - (pcp->high >> 3));
		pcp->high = max_u32(high, pcp->high_min);
	}
	if (pcp->count > pcp->high)
		free_pcppages_bulk(zone, pcp->count - pcp->high, pcp, 0);
}

void decay_pcp_high(struct memory *mem)
{
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++) {
				struct zone *zone = &mem->nodes[nid]->node_zones[z];

				if (zone->managed_pages)
					decay_zone(zone, &zone->pcp[cpu]);
			}
}

/* --- watermarks ------------------------------------------------------------------------------- */

static inline int64_t unusable_free(const struct zone *zone, unsigned order, unsigned alloc_flags)
{
	int64_t nr = ((int64_t)1 << order) - 1;

	if (!(alloc_flags & ALLOC_RESERVES))
		nr += (int64_t)zone->nr_free_highatomic;
	if (!(alloc_flags & ALLOC_CMA))
		nr += (int64_t)zone->vm_stat[NR_FREE_CMA_PAGES];
	return nr;
}

static bool has_suitable_block(const struct zone *zone, unsigned order, unsigned alloc_flags)
{
	uint32_t orders = zone->nonempty[MIGRATE_UNMOVABLE] | zone->nonempty[MIGRATE_MOVABLE] |
			  zone->nonempty[MIGRATE_RECLAIMABLE];

	if (alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM))
		orders |= zone->nonempty[MIGRATE_HIGHATOMIC];
	if (alloc_flags & ALLOC_CMA)
		orders |= zone->nonempty[MIGRATE_CMA];
	return orders >> order;
}

static inline bool watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
				enum zone_type highest, unsigned alloc_flags, uint64_t free_pages)
{
	int64_t free = (int64_t)free_pages - unusable_free(zone, order, alloc_flags);
	int64_t min = (int64_t)mark;

	if (alloc_flags & ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (alloc_flags & ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	if (free <= min + (int64_t)zone->lowmem_reserve[highest])
		return false;
	return order == 0 || has_suitable_block(zone, order, alloc_flags);
}

bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags)
{
	return watermark_ok(zone, order, mark, highest, alloc_flags, zone->vm_stat[NR_FREE_PAGES]);
}

bool __zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
			 enum zone_type highest, unsigned alloc_flags, uint64_t free_pages)
{
	return watermark_ok(zone, order, mark, highest, alloc_flags, free_pages);
}

static inline bool zone_watermark_fast(const struct zone *zone, unsigned order, uint64_t mark,
				       const struct alloc_context *ac, unsigned alloc_flags)
{
	if (order == 0) {
		int64_t usable = (int64_t)zone->vm_stat[NR_FREE_PAGES] -
				 unusable_free(zone, 0, alloc_flags);

		if (usable > (int64_t)(mark + zone->lowmem_reserve[ac->highest]))
			return true;
	}
	if (zone_watermark_ok(zone, order, mark, ac->highest, alloc_flags))
		return true;
	/* The boost must not make an urgent order-0 request fail. */
	return order == 0 && alloc_flags & ALLOC_MIN_RESERVE && zone->watermark_boost &&
	       (alloc_flags & ALLOC_WMARK_MASK) == WMARK_MIN &&
	       zone_watermark_ok(zone, 0, zone->watermark[WMARK_MIN], ac->highest, alloc_flags);
}

/* --- allocation ------------------------------------------------------------------------------- */

static inline void zone_statistics(const struct zone *preferred, struct zone *zone)
{
	struct memory *mem = zone->mem;
	unsigned nid = zone->zone_pgdat->node_id;

	if (likely(nid == preferred->zone_pgdat->node_id)) {
		zone->vm_stat[NUMA_HIT]++;
	} else {
		zone->vm_stat[NUMA_MISS]++;
		preferred->zone_pgdat->node_zones[preferred->type].vm_stat[NUMA_FOREIGN]++;
	}
	zone->vm_stat[nid == mem->cpu_node[mem->cpu] ? NUMA_LOCAL : NUMA_OTHER]++;
}

static pfn_t rmqueue_buddy(struct zone *zone, unsigned order, enum migratetype mt,
			   unsigned alloc_flags)
{
	enum rmqueue_mode mode = RMQUEUE_NORMAL;
	pfn_t pfn = PFN_NONE;

	zone_lock(zone);
	if (alloc_flags & ALLOC_HIGHATOMIC)
		pfn = buddy_rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC);
	if (pfn == PFN_NONE)
		pfn = buddy_rmqueue(zone, order, mt, alloc_flags, &mode);
	if (pfn == PFN_NONE && alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK))
		pfn = buddy_rmqueue_smallest(zone, order, MIGRATE_HIGHATOMIC);
	return pfn;
}

static void wake_for_boost(struct zone *zone)
{
	struct memory *mem = zone->mem;

	zone->flags &= ~ZONE_BOOSTED_WATERMARK;
	if (mem->pressure && mem->pressure->wake_kswapd)
		mem->pressure->wake_kswapd(mem, zone, 0, (enum zone_type)(zone - zone->zone_pgdat->node_zones));
}

static inline pfn_t rmqueue(const struct alloc_context *ac, struct zone *zone, unsigned order,
			    unsigned alloc_flags)
{
	struct memory *mem = ac->mem;
	pfn_t pfn = PFN_NONE;

	if (likely(pcp_allowed_order(mem, order)))
		pfn = rmqueue_pcplist(zone, order, ac->migratetype, alloc_flags);
	if (unlikely(pfn == PFN_NONE))
		pfn = rmqueue_buddy(zone, order, ac->migratetype, alloc_flags);
	if (likely(pfn != PFN_NONE)) {
		count_vm_events(mem, (enum vm_event_item)(PGALLOC_DMA + zone->type), 1ull << order);
		zone_statistics(ac->preferred->zone, zone);
	}
	if (unlikely(alloc_flags & ALLOC_KSWAPD && zone->flags & ZONE_BOOSTED_WATERMARK))
		wake_for_boost(zone);
	return pfn;
}

static inline void prep_new_page(struct zone *zone, pfn_t pfn, unsigned order, gfp_t gfp)
{
	struct page *page = &zone->mem_map[pfn];
	bool comp = gfp & __GFP_COMP && order;

	*page = (struct page){
		.flags = zone->page_flags | order << PAGE_ORDER_SHIFT | (comp ? PG_HEAD : 0),
		._refcount = 1, .next = PFN_NONE, .prev = PFN_NONE,
	};
	for (uint32_t i = 1; i < 1u << order; i++)
		page[i] = (struct page){
			.flags = zone->page_flags | (comp ? PG_TAIL : 0),
			.next = comp ? pfn : PFN_NONE, .prev = PFN_NONE,
		};
}

void prep_isolated_page(struct zone *zone, pfn_t pfn, unsigned order, gfp_t gfp)
{
	prep_new_page(zone, pfn, order, gfp);
}

/*
 * A pageblock that served an urgent high-order request stays for such ones, up to 1 % of the zone.
 */
static void reserve_highatomic_pageblock(struct zone *zone, pfn_t pfn, unsigned order)
{
	uint64_t block = 1u << zone->pageblock_order, most = zone->managed_pages / 100;
	enum migratetype mt = pageblock_type(zone->mem, pfn);

	if (most < block || zone->nr_reserved_highatomic >= (most + block - 1) / block * block)
		return;
	zone_lock(zone);
	if (mt >= MIGRATE_PCPTYPES)
		return;
	if (order < zone->pageblock_order) {
		if (!buddy_convert_block(zone, pfn, mt, MIGRATE_HIGHATOMIC))
			return;
		zone->nr_reserved_highatomic += block;
	} else {
		for (uint32_t i = 0; i < 1u << order; i += (uint32_t)block)
			zone->mem->blocktype[(pfn + i) >> zone->pageblock_order] =
				MIGRATE_HIGHATOMIC;
		zone->nr_reserved_highatomic += 1u << order;
	}
}

/*
 * May the zone serve the request? Notes when it falls below its high mark: per-cpu lists then
 * shrink.
 */
static inline bool zone_has_enough(const struct alloc_context *ac, struct zone *zone,
				   unsigned order, unsigned alloc_flags)
{
	if (!(zone->flags & ZONE_BELOW_HIGH)) {
		if (likely(zone_watermark_fast(zone, order, wmark_pages(zone, WMARK_HIGH), ac,
					       alloc_flags)))
			return true;
		zone->flags |= ZONE_BELOW_HIGH;
	}
	return zone_watermark_fast(
		       zone, order,
		       wmark_pages(zone, (enum zone_watermarks)(alloc_flags & ALLOC_WMARK_MASK)),
		       ac, alloc_flags) ||
	       alloc_flags & ALLOC_NO_WATERMARKS;
}

pfn_t get_page_from_freelist(const struct alloc_context *ac, gfp_t gfp, unsigned order,
			     unsigned alloc_flags)
{
	const struct zoneref *z;
	pfn_t pfn;

retry:
	for (z = ac->preferred; z->zone; z++) {
		struct zone *zone = z->zone;

		if (unlikely(!zoneref_allowed(ac, zone)))
			continue;
		/* Better a mixed pageblock here than memory of another node. */
		if (alloc_flags & ALLOC_NOFRAGMENT && !ac->mem->conf.defrag_mode &&
		    zone->zone_pgdat != ac->preferred->zone->zone_pgdat) {
			alloc_flags &= ~ALLOC_NOFRAGMENT;
			goto retry;
		}
		if (unlikely(!zone_has_enough(ac, zone, order, alloc_flags)) &&
		    !node_reclaim_helps(ac, zone, gfp, order, alloc_flags))
			continue;
		pfn = rmqueue(ac, zone, order, alloc_flags);
		if (likely(pfn != PFN_NONE)) {
			prep_new_page(zone, pfn, order, gfp);
			if (unlikely(alloc_flags & ALLOC_HIGHATOMIC))
				reserve_highatomic_pageblock(zone, pfn, order);
			return pfn;
		}
	}
	/* With vm.defrag_mode compaction shall make blocks first; the slow path gives in, in the end. */
	if (alloc_flags & ALLOC_NOFRAGMENT && !ac->mem->conf.defrag_mode) {
		alloc_flags &= ~ALLOC_NOFRAGMENT;
		goto retry;
	}
	return PFN_NONE;
}

/*
 * Before pageblocks of Normal get mixed, DMA32 of the same node serves. Only worth it when there is
 * one: the kernel looks at the zone below on machines of several nodes only.
 */
static inline unsigned alloc_flags_nofragment(const struct zone *zone, gfp_t gfp)
{
	unsigned alloc_flags = gfp & __GFP_KSWAPD_RECLAIM ? ALLOC_KSWAPD : 0;

	if (unlikely(zone->mem->conf.defrag_mode))
		return alloc_flags | ALLOC_NOFRAGMENT;
	if (zone->type != ZONE_NORMAL)
		return alloc_flags;
	if (zone->mem->nr_nodes > 1 && !zone->zone_pgdat->node_zones[ZONE_DMA32].present_pages)
		return alloc_flags;
	return alloc_flags | ALLOC_NOFRAGMENT;
}

/*
 * A cpuset and no page inside it yet. Requests of the kernel's own may leave the cpuset now; those for
 * programs (__GFP_HARDWALL) stay, but count as if the nearest node had been wanted, as in the kernel.
 */
static __attribute__((noinline)) void cpuset_slowpath(struct alloc_context *ac, gfp_t gfp,
						      uint64_t nodemask)
{
	uint64_t mems = ac->nodemask;

	ac->nodemask = nodemask;
	for (ac->preferred = ac->zonelist; ac->preferred->zone; ac->preferred++)
		if (zoneref_allowed(ac, ac->preferred->zone))
			break;
	if (gfp & __GFP_HARDWALL)
		ac->nodemask = mems;
}

static inline struct alloc_context prepare_alloc_pages(struct memory *mem, gfp_t gfp, int nid,
						       uint64_t nodemask)
{
	const struct pglist_data *pgdat =
		mem->nodes[nid == NUMA_NO_NODE ? mem->cpu_node[mem->cpu] : nid];
	struct alloc_context ac = {
		.mem = mem,
		.nodemask = nodemask & current_mems_allowed(mem),
		.highest = gfp_zone(gfp),
		.migratetype = gfp_migratetype(gfp),
		.zonelist = gfp & __GFP_THISNODE ? pgdat->zonelist_thisnode : pgdat->zonelist,
	};

	for (ac.preferred = ac.zonelist; ac.preferred->zone; ac.preferred++)
		if (zoneref_allowed(&ac, ac.preferred->zone))
			break;
	return ac;
}

pfn_t __alloc_pages(struct memory *mem, gfp_t gfp, unsigned order, int nid, uint64_t nodemask)
{
	struct alloc_context ac;
	pfn_t pfn = PFN_NONE;

	if (unlikely(order > mem->geo->max_order))
		return PFN_NONE;
	ac = prepare_alloc_pages(mem, gfp, nid, nodemask);
	if (unlikely(mem->reclaim_always))
		reclaim_before_alloc(&ac, gfp, order);
	if (likely(ac.preferred->zone))
		pfn = get_page_from_freelist(
			&ac, gfp, order,
			WMARK_LOW | alloc_flags_nofragment(ac.preferred->zone, gfp) |
				alloc_flags_cma(ac.migratetype));
	if (unlikely(pfn == PFN_NONE)) {
		if (ac.nodemask != nodemask)
			cpuset_slowpath(&ac, gfp, nodemask);
		if (ac.preferred->zone)
			pfn = alloc_pages_slowpath(&ac, gfp, order);
	}
	if (likely(pfn != PFN_NONE)) {
		mem->alloc_order[ac.migratetype][order]++;
		if (unlikely(!memcg_charge_page(mem, pfn, order, gfp))) {
			free_pages_pfn(mem, pfn, order);
			pfn = PFN_NONE;
		}
	}
	return pfn;
}

void alloc_pages_failed(struct memory *mem, gfp_t gfp, unsigned order)
{
	if (order >= MAX_ORDER_LIMIT)
		order = MAX_ORDER_LIMIT - 1;
	mem->alloc_order_failed[gfp_migratetype(gfp)][order]++;
	count_vm_event(mem, ALLOC_FAIL);
}

pfn_t alloc_pages_nodemask(struct memory *mem, gfp_t gfp, unsigned order, int nid,
			   uint64_t nodemask)
{
	pfn_t pfn = __alloc_pages(mem, gfp, order, nid, nodemask);

	if (unlikely(pfn == PFN_NONE))
		alloc_pages_failed(mem, gfp, order);
	return pfn;
}

pfn_t alloc_pages(struct memory *mem, gfp_t gfp, unsigned order, int nid)
{
	const struct task_struct *task = mem->current;

	if (nid == NUMA_NO_NODE && task && unlikely(task->mempolicy) && !(gfp & __GFP_THISNODE))
		return alloc_pages_mpol(mem, gfp, order, task->mempolicy, NO_INTERLEAVE_INDEX);
	return alloc_pages_nodemask(mem, gfp, order, nid, NODEMASK_ALL);
}

/*
 * The zone that can give all of nr single pages and stay above its low mark; NULL when none of the
 * wanted node can: memory of other nodes is left to single allocations.
 */
static struct zone *bulk_zone(const struct alloc_context *ac, size_t nr, unsigned alloc_flags)
{
	for (const struct zoneref *z = ac->preferred; z->zone; z++) {
		struct zone *zone = z->zone;

		if (!zoneref_allowed(ac, zone))
			continue;
		if (zone->zone_pgdat != ac->preferred->zone->zone_pgdat)
			return NULL;
		if (zone_watermark_fast(zone, 0, wmark_pages(zone, WMARK_LOW) + nr, ac,
					alloc_flags))
			return zone;
	}
	return NULL;
}

size_t alloc_pages_bulk(struct memory *mem, gfp_t gfp, int nid, size_t nr, pfn_t *ret)
{
	struct alloc_context ac = prepare_alloc_pages(mem, gfp, nid, NODEMASK_ALL);
	unsigned alloc_flags = WMARK_LOW | alloc_flags_cma(ac.migratetype);
	struct zone *zone = NULL;
	size_t done = 0;

	if (nr > 1 && mem->conf.pcp)
		zone = bulk_zone(&ac, nr, alloc_flags);
	for (; zone && done < nr; done++) {
		ret[done] = rmqueue_pcplist(zone, 0, ac.migratetype, alloc_flags);
		if (ret[done] == PFN_NONE)
			break;
		prep_new_page(zone, ret[done], 0, gfp);
		count_vm_event(mem, (enum vm_event_item)(PGALLOC_DMA + zone->type));
		zone_statistics(ac.preferred->zone, zone);
	}
	mem->alloc_order[ac.migratetype][0] += done;
	if (done || !nr)
		return done;
	ret[0] = alloc_pages_nodemask(mem, gfp, 0, nid, NODEMASK_ALL);
	return ret[0] != PFN_NONE;
}

/* --- freeing ---------------------------------------------------------------------------------- */

void free_pages_pfn(struct memory *mem, pfn_t pfn, unsigned order)
{
	struct page *page = pfn_to_page(mem, pfn);
	struct zone *zone = page_zone(mem, pfn);
	enum migratetype mt = pageblock_type(mem, pfn);

	/* Not free already, not the kernel's own; the flags are in hand anyway. */
	BUG_ON(page->flags & (PG_BUDDY | PG_PCP | PG_TAIL | PG_RESERVED));
	VM_BUG_ON(page->_mapcount || page_order(page) != order);
	page->_refcount = 0;
	mem_cgroup_uncharge(mem, pfn, order);
	for (uint32_t i = 1; i < 1u << order; i++)
		page[i].flags = zone->page_flags;
	count_vm_events(mem, PGFREE, 1ull << order);
	if (likely(pcp_allowed_order(mem, order) && mt != MIGRATE_ISOLATE)) {
		count_vm_event(mem, PCP_FREE);
		free_pcp_commit(zone, pfn, mt < MIGRATE_PCPTYPES ? mt : MIGRATE_MOVABLE, order);
		return;
	}
	zone_lock(zone);
	if (unlikely(order > zone->pageblock_order))	/* its pageblocks may differ in type */
		buddy_free_range(zone, pfn, pfn + (1u << order));
	else
		buddy_free(zone, pfn, order, mt);
}

/* A folio that stands on some list, or a large one: lists and counts let go of it. */
static __attribute__((noinline)) void release_folio(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	if (page->flags & PG_LRU)
		lruvec_release_folio(mem, head);
	if ((page->flags & (PG_HEAD | PG_ANON)) != (PG_HEAD | PG_ANON))
		return;
	folio_unqueue_deferred_split(mem, head);
	count_large_pages(mem, -(1ll << page_order(page)));
	folio_touched_end(mem, head);
	mem->mthp_stat[page_order(page)][MTHP_STAT_NR_ANON]--;
}

void put_page(struct memory *mem, pfn_t pfn)
{
	struct page *page = pfn_to_page(mem, pfn);

	if (page->flags & PG_TAIL) {
		pfn = page->next;
		page = pfn_to_page(mem, pfn);
	}
	BUG_ON(page->_refcount <= 0);
	if (--page->_refcount > 0)
		return;
	if (unlikely(page->flags & (PG_LRU | PG_HEAD)))
		release_folio(mem, pfn);
	if (unlikely(mem->page_gen))
		mem->page_gen[pfn] = 0;
	free_pages_pfn(mem, pfn, page_order(page));
}

void split_page(struct memory *mem, pfn_t pfn, unsigned order)
{
	struct page *page = pfn_to_page(mem, pfn);

	VM_BUG_ON(page->flags & PG_HEAD || page_order(page) != order);
	page->flags &= ~PAGE_ORDER_MASK;
	mem_cgroup_split(mem, pfn, order, 0);
	for (uint32_t i = 1; i < 1u << order; i++)
		page[i]._refcount = page->_refcount;
}
