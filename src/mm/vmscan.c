/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page reclaim: see vmscan.h. Here: nodes, and who reclaims but kswapd. */
#include "mm/vmscan-internal.h"

#include <string.h>

#include "mm/compaction.h"
#include "mm/page_alloc.h"
#include "mm/psi.h"
#include "mm/shrinker.h"
#include "mm/swapfile.h"
#include "mm/writeback.h"

#define NSEC_PER_MSEC		1000000ull
#define THROTTLE_WRITEBACK_NS	(100 * NSEC_PER_MSEC)
#define NODE_RECLAIM_PRIORITY	4
#define GFP_RECLAIM_MASK	(__GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | \
				 __GFP_NOFAIL | __GFP_NORETRY | __GFP_MEMALLOC | __GFP_NOMEMALLOC)

/* ---- one lruvec ---- */

static bool has_more(const uint64_t nr[NR_LRU_LISTS])
{
	return nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE];
}

static uint64_t shrink_list(enum lru_list lru, uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc)
{
	bool file = lru >= LRU_INACTIVE_FILE;

	if (!(lru & LRU_ACTIVE))
		return shrink_inactive_list(nr_to_scan, lruvec, sc, lru);
	if (sc->may_deactivate[file])
		shrink_active_list(nr_to_scan, lruvec, sc, lru);
	else
		sc->skipped_deactivate = true;
	return 0;
}

/* One cluster of each list that has still to be looked at. */
static uint64_t shrink_round(struct lruvec *lruvec, struct scan_control *sc, uint64_t nr[NR_LRU_LISTS])
{
	uint64_t reclaimed = 0;

	for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++) {
		uint64_t nr_to_scan = nr[lru] < SWAP_CLUSTER_MAX ? nr[lru] : SWAP_CLUSTER_MAX;

		if (!nr_to_scan)
			continue;
		nr[lru] -= nr_to_scan;
		reclaimed += shrink_list((enum lru_list)lru, nr_to_scan, lruvec, sc);
	}
	return reclaimed;
}

/* Enough was reclaimed: the kind with less left has had its share, the other goes on to the same share. False: it is all. */
static bool finish_proportionally(const uint64_t targets[NR_LRU_LISTS], uint64_t nr[NR_LRU_LISTS])
{
	uint64_t nr_file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	uint64_t nr_anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	unsigned stop = nr_file > nr_anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	unsigned go_on = stop ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	uint64_t percentage;

	if (!nr_file || !nr_anon)
		return false;
	percentage = (stop ? nr_file : nr_anon) * 100 / (targets[stop] + targets[stop + LRU_ACTIVE] + 1);
	nr[stop] = nr[stop + LRU_ACTIVE] = 0;
	for (unsigned lru = go_on; lru <= go_on + LRU_ACTIVE; lru++) {
		uint64_t scanned = targets[lru] - nr[lru];

		nr[lru] = targets[lru] * (100 - percentage) / 100;
		nr[lru] -= nr[lru] < scanned ? nr[lru] : scanned;
	}
	return true;
}

static void shrink_lruvec(struct lruvec *lruvec, struct scan_control *sc)
{
	struct memory *mem = sc->mem;
	uint64_t nr[NR_LRU_LISTS], targets[NR_LRU_LISTS], nr_reclaimed = 0;
	bool all = !cgroup_reclaim(sc) && !sc->is_kswapd && sc->priority == DEF_PRIORITY;

	if (mem->lru_policy && !root_reclaim(sc)) {
		mem->lru_policy->shrink_lruvec(lruvec, sc);
		return;
	}
	get_scan_count(lruvec, sc, nr);
	memcpy(targets, nr, sizeof(targets));
	while (has_more(nr)) {
		nr_reclaimed += shrink_round(lruvec, sc, nr);
		if (nr_reclaimed >= sc->nr_to_reclaim && !all && !finish_proportionally(targets, nr))
			break;
	}
	sc->nr_reclaimed += nr_reclaimed;
	if (can_age_anon_pages(lruvec, sc) && inactive_is_low(lruvec, LRU_INACTIVE_ANON))
		shrink_active_list(SWAP_CLUSTER_MAX, lruvec, sc, LRU_ACTIVE_ANON);
}

/* ---- one node ---- */

void flush_reclaim_state(struct scan_control *sc)
{
	/* Slab pages say nothing of a group: their objects may be anybody's. */
	if (root_reclaim(sc))
		sc->nr_reclaimed += sc->slab_reclaimed;
	sc->slab_reclaimed = 0;
}

/* False: the group is protected from this reclaim. */
static bool may_shrink_memcg(struct mem_cgroup *memcg, struct scan_control *sc)
{
	mem_cgroup_calculate_protection(sc->target_mem_cgroup, memcg);
	if (mem_cgroup_below_min(sc->target_mem_cgroup, memcg))
		return false;
	if (mem_cgroup_below_low(sc->target_mem_cgroup, memcg)) {
		if (!sc->memcg_low_reclaim) {
			sc->memcg_low_skipped = true;
			return false;
		}
		memcg_memory_event(memcg, MEMCG_LOW);
	}
	return true;
}

static void shrink_node_memcgs(struct pglist_data *pgdat, struct scan_control *sc)
{
	struct memory *mem = sc->mem;
	struct mem_cgroup_reclaim_cookie cookie = { .pgdat = pgdat };
	struct mem_cgroup_reclaim_cookie *partial = sc->is_kswapd || sc->memcg_full_walk ? NULL : &cookie;
	struct mem_cgroup *memcg = mem_cgroup_iter(mem, sc->target_mem_cgroup, NULL, partial);

	for (; memcg; memcg = mem_cgroup_iter(mem, sc->target_mem_cgroup, memcg, partial)) {
		if (!may_shrink_memcg(memcg, sc))
			continue;
		shrink_lruvec(mem_cgroup_lruvec(memcg, pgdat), sc);
		sc->slab_reclaimed += shrink_slab(mem, sc->gfp_mask, (int)pgdat->node_id, memcg, sc->priority);
		if (partial && sc->nr_reclaimed >= sc->nr_to_reclaim)
			break;
	}
}

/* The zones of the node that help, from above: each has its own lists and its own balance. */
static void shrink_node_zones(struct pglist_data *pgdat, struct scan_control *sc)
{
	for (int z = (int)sc->reclaim_idx; z >= 0; z--) {
		struct lruvec *lruvec = pgdat->node_zones[z].lruvec;

		if (!lruvec)
			continue;
		prepare_scan_control(lruvec, sc);
		shrink_lruvec(lruvec, sc);
	}
	sc->slab_reclaimed += shrink_slab(sc->mem, sc->gfp_mask, (int)pgdat->node_id, NULL, sc->priority);
}

static void shrink_node_once(struct pglist_data *pgdat, struct lruvec *target, struct scan_control *sc)
{
	memset(&sc->nr, 0, sizeof(sc->nr));
	if (!sc->mem->lru_enabled) {
		sc->slab_reclaimed += shrink_slab(sc->mem, sc->gfp_mask, (int)pgdat->node_id, NULL, sc->priority);
	} else if (sc->mem->conf.lru_per_zone) {
		shrink_node_zones(pgdat, sc);
	} else {
		prepare_scan_control(target, sc);
		if (!mem_cgroup_disabled(sc->mem)) {
			shrink_node_memcgs(pgdat, sc);
		} else {
			shrink_lruvec(target, sc);
			sc->slab_reclaimed += shrink_slab(sc->mem, sc->gfp_mask, (int)pgdat->node_id, NULL, sc->priority);
		}
	}
	flush_reclaim_state(sc);
}

/* Notes what the lists are full of, for kswapd and for those that must wait. */
static void note_congestion(struct pglist_data *pgdat, struct lruvec *target, struct scan_control *sc)
{
	struct kswapd *k = &pgdat->kswapd;

	if (sc->is_kswapd) {
		k->pgdat_writeback |= sc->nr.writeback && sc->nr.writeback == sc->nr.taken;
		k->pgdat_dirty |= sc->nr.unqueued_dirty && sc->nr.unqueued_dirty == sc->nr.file_taken;
		if (sc->nr.immediate)
			reclaim_throttle(sc, pgdat, VMSCAN_THROTTLE_WRITEBACK);
	}
	if (sc->nr.dirty && sc->nr.dirty == sc->nr.congested &&
	    (sc->is_kswapd || (cgroup_reclaim(sc) && !memcg_is_v1(sc->mem))))
		target->congested = true;
	if (!sc->is_kswapd && target->congested)
		reclaim_throttle(sc, pgdat, VMSCAN_THROTTLE_CONGESTED);
}

static bool in_reclaim_compaction(const struct scan_control *sc)
{
	return sc->gfp_mask & __GFP_IO && sc->order > 0 &&
	       (sc->order > PAGE_ALLOC_COSTLY_ORDER || sc->priority < DEF_PRIORITY - 2);
}

bool should_continue_reclaim(struct pglist_data *pgdat, uint64_t nr_reclaimed, struct scan_control *sc)
{
	uint64_t inactive;

	if (!in_reclaim_compaction(sc) || !nr_reclaimed)
		return false;
	for (unsigned z = 0; z <= sc->reclaim_idx; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (zone->managed_pages && (zone_watermark_ok(zone, (unsigned)sc->order, wmark_pages(zone, WMARK_MIN),
							      sc->reclaim_idx, 0) ||
					    compaction_suitable(zone, (unsigned)sc->order, wmark_pages(zone, WMARK_MIN),
								sc->reclaim_idx)))
			return false;
	}
	inactive = pgdat->vm_stat[NR_INACTIVE_FILE];
	if (can_reclaim_anon_pages(sc->mem, NULL, pgdat->node_id))
		inactive += pgdat->vm_stat[NR_INACTIVE_ANON];
	return inactive > compact_gap((unsigned)sc->order);
}

void shrink_node(struct pglist_data *pgdat, struct scan_control *sc)
{
	struct memory *mem = sc->mem;
	struct lruvec *target = mem_cgroup_lruvec(sc->target_mem_cgroup, pgdat);
	bool reclaimable = false;
	uint64_t before;

	if (mem->lru_enabled && mem->lru_policy && root_reclaim(sc)) {
		memset(&sc->nr, 0, sizeof(sc->nr));
		mem->lru_policy->shrink_node(pgdat, sc);
		return;
	}
	do {
		before = sc->nr_reclaimed;
		shrink_node_once(pgdat, target, sc);
		reclaimable |= sc->nr_reclaimed > before;
		note_congestion(pgdat, target, sc);
	} while (should_continue_reclaim(pgdat, sc->nr_reclaimed - before, sc));
	if (reclaimable)
		pgdat->kswapd.failures = 0;
	else if (sc->cache_trim_mode)
		sc->cache_trim_mode_failed = true;
}

/* ---- waiting ---- */

/* What scanning takes. */
uint64_t reclaim_scan_ns(const struct memory *mem, uint64_t nr_pages)
{
	return nr_pages * 1000000000ull / mem->conf.kswapd_rate;
}

/* The device goes on while somebody reclaims. */
void let_device_run(struct memory *mem, uint64_t ns)
{
	if (!mem->writeback)
		return;
	mem->writeback->waited_ns += ns;
	io_complete(mem);
}

/* Until a cluster of pages has been written, at most 100 ms. */
static uint64_t wait_for_writeback(struct memory *mem)
{
	uint64_t start, end;

	if (!mem->writeback)
		return 0;
	start = io_time(mem);
	end = start + THROTTLE_WRITEBACK_NS;
	for (unsigned i = 0; i < SWAP_CLUSTER_MAX && mem->writeback->in_flight.nr && io_time(mem) < end; i++) {
		uint64_t done = mem->writeback->in_flight.data[0].done_ns;

		io_wait(mem, done < end ? done : end, IO_STALL_WRITEBACK);
	}
	return io_time(mem) - start;
}

/* Unmapping a page, finding it a slot and handing it to the device takes longer than looking at it. */
#define PAGEOUT_NS 3000

/* A device's queue takes 256 requests (nr_requests), here of 4 pages: who wants to write more waits. */
#define QUEUE_PAGES 1024

static void wait_for_queue(struct scan_control *sc, struct pglist_data *pgdat)
{
	struct memory *mem = sc->mem;

	while (mem->writeback && mem->writeback->in_flight.nr > QUEUE_PAGES) {
		uint64_t done = mem->writeback->in_flight.data[0].done_ns, now = io_time(mem);

		if (sc->is_kswapd) {
			pgdat->kswapd.debt_ns += done > now ? (int64_t)(done - now) : 0;
			return;
		}
		io_wait(mem, done, IO_STALL_WRITEBACK);
		mem->reclaim_times.throttle_ns += io_time(mem) - now;
	}
}

void account_reclaim_time(struct scan_control *sc, struct pglist_data *pgdat, uint64_t nr_scanned, uint64_t nr_pageout)
{
	struct reclaim_times *t = &sc->mem->reclaim_times;
	uint64_t ns = reclaim_scan_ns(sc->mem, nr_scanned) + nr_pageout * PAGEOUT_NS;

	if (sc->is_kswapd) {
		pgdat->kswapd.debt_ns += (int64_t)ns;
		t->kswapd_ns += ns;
		return;
	}
	*(cgroup_reclaim(sc) ? &t->memcg_ns : &t->direct_ns) += ns;
	psi_memstall(sc->mem, ns);
	let_device_run(sc->mem, ns);
	if (nr_pageout)
		wait_for_queue(sc, pgdat);
}

void reclaim_throttle(struct scan_control *sc, struct pglist_data *pgdat, enum vmscan_throttle reason)
{
	struct memory *mem = sc->mem;
	uint64_t tick = 1000000000ull / (mem->conf.hz ? mem->conf.hz : 250);

	if (sc->is_kswapd) {
		pgdat->kswapd.debt_ns += reason == VMSCAN_THROTTLE_WRITEBACK ? THROTTLE_WRITEBACK_NS : tick;
		return;
	}
	if (reason == VMSCAN_THROTTLE_WRITEBACK) {
		mem->reclaim_times.throttle_ns += wait_for_writeback(mem);
		return;
	}
	let_device_run(mem, tick);
	mem->reclaim_times.throttle_ns += tick;
	psi_memstall(mem, tick);
}

/* ---- direct reclaim ---- */

/* Is there enough for compaction to go on with, or for the request already? */
static bool compaction_ready(const struct zone *zone, const struct scan_control *sc)
{
	if (!(sc->gfp_mask & __GFP_IO))
		return false;
	return zone_watermark_ok(zone, (unsigned)sc->order, wmark_pages(zone, WMARK_MIN), sc->reclaim_idx, 0) ||
	       compaction_suitable(zone, (unsigned)sc->order, wmark_pages(zone, WMARK_HIGH), sc->reclaim_idx);
}

/* Whoever makes no progress at high pressure waits a tick. */
static void consider_throttle(struct pglist_data *pgdat, struct scan_control *sc)
{
	if (sc->nr_reclaimed <= sc->nr_scanned >> 3 && !cgroup_reclaim(sc) && sc->priority == 1 && !sc->nr_reclaimed)
		reclaim_throttle(sc, pgdat, VMSCAN_THROTTLE_NOPROGRESS);
}

/* Every node of the list, once, as far as its zones help. */
static void shrink_zones(const struct zoneref *zonelist, struct scan_control *sc)
{
	struct pglist_data *first = NULL, *last = NULL;

	for (const struct zoneref *z = zonelist; z->zone; z++) {
		struct zone *zone = z->zone;
		struct pglist_data *pgdat = zone->zone_pgdat;

		if ((enum zone_type)(zone - pgdat->node_zones) > sc->reclaim_idx || !(sc->nodemask >> pgdat->node_id & 1))
			continue;
		if (!cgroup_reclaim(sc) && sc->order > PAGE_ALLOC_COSTLY_ORDER && compaction_ready(zone, sc)) {
			sc->compaction_ready = true;
			continue;
		}
		if (!first)
			first = pgdat;
		if (pgdat == last)
			continue;
		last = pgdat;
		shrink_node(pgdat, sc);
	}
	if (first)
		consider_throttle(first, sc);
}

static void finish_zones(const struct zoneref *zonelist, struct scan_control *sc)
{
	const struct pglist_data *last = NULL;

	if (!sc->mem->lru_enabled || sc->mem->lru_policy)
		return;
	for (const struct zoneref *z = zonelist; z->zone; z++) {
		struct lruvec *target = mem_cgroup_lruvec(sc->target_mem_cgroup, z->zone->zone_pgdat);

		if (z->zone->lruvec)
			snapshot_refaults(z->zone->lruvec);
		if (z->zone->zone_pgdat == last)
			continue;
		last = z->zone->zone_pgdat;
		snapshot_refaults(target);
		if (cgroup_reclaim(sc))
			target->congested = false;
	}
}

static void shrink_priorities(const struct zoneref *zonelist, struct scan_control *sc)
{
	struct memory *mem = sc->mem;

	if (!cgroup_reclaim(sc))
		count_vm_event(mem, (enum vm_event_item)(ALLOCSTALL_DMA + sc->reclaim_idx));
	for (sc->priority = DEF_PRIORITY; sc->priority >= 0; sc->priority--) {
		sc->nr_scanned = 0;
		shrink_zones(zonelist, sc);
		if (sc->nr_reclaimed >= sc->nr_to_reclaim || sc->compaction_ready)
			break;
		if (sc->priority < DEF_PRIORITY - 2)
			sc->may_writepage = true;
	}
	finish_zones(zonelist, sc);
}

/* What is to be tried next, when nothing could be freed. False: nothing. */
static bool try_harder(struct scan_control *sc)
{
	if (!sc->memcg_full_walk && !mem_cgroup_disabled(sc->mem)) {
		sc->memcg_full_walk = true;
		return true;
	}
	if (sc->skipped_deactivate) {
		sc->force_deactivate = true;
		sc->skipped_deactivate = false;
		return true;
	}
	if (sc->memcg_low_skipped) {
		sc->force_deactivate = false;
		sc->memcg_low_reclaim = true;
		sc->memcg_low_skipped = false;
		return true;
	}
	return false;
}

/* The worker that flushes the counters of groups each 2 seconds: on the clock and in what was waited beside it. */
#define FLUSH_TIME_NS	2000000000ull

static uint64_t do_try_to_free_pages(const struct zoneref *zonelist, struct scan_control *sc)
{
	sc->mem->stats_epoch = (uint32_t)(io_time(sc->mem) / FLUSH_TIME_NS);
	do {
		shrink_priorities(zonelist, sc);
		if (sc->nr_reclaimed)
			return sc->nr_reclaimed;
		if (sc->compaction_ready)
			return 1;
	} while (try_harder(sc));
	return 0;
}

uint64_t try_to_free_pages(struct memory *mem, const struct alloc_request *req)
{
	unsigned nid = req->nid == NUMA_NO_NODE ? mem->cpu_node[mem->cpu] : (unsigned)req->nid;
	struct scan_control sc = {
		.mem = mem, .nr_to_reclaim = SWAP_CLUSTER_MAX, .gfp_mask = req->gfp, .reclaim_idx = req->highest,
		.order = (int)req->order, .nodemask = req->nodemask, .swappiness = SWAPPINESS_DEFAULT,
		.may_writepage = true, .may_unmap = true, .may_swap = true,
	};
	const struct zoneref *zonelist =
		req->gfp & __GFP_THISNODE ? mem->nodes[nid]->zonelist_thisnode : mem->nodes[nid]->zonelist;

	throttle_direct_reclaim(mem, zonelist, &sc);
	return do_try_to_free_pages(zonelist, &sc);
}

/* ---- groups, and by request ---- */

uint64_t try_to_free_mem_cgroup_pages(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp,
				      unsigned options, int swappiness)
{
	struct scan_control sc = {
		.mem = mem, .nr_to_reclaim = nr_pages > SWAP_CLUSTER_MAX ? nr_pages : SWAP_CLUSTER_MAX,
		.gfp_mask = (gfp & GFP_RECLAIM_MASK) | (GFP_HIGHUSER_MOVABLE & ~GFP_RECLAIM_MASK),
		.reclaim_idx = MAX_NR_ZONES - 1, .nodemask = NODEMASK_ALL, .target_mem_cgroup = memcg,
		.swappiness = swappiness, .may_writepage = true, .may_unmap = true,
		.may_swap = options & MEMCG_RECLAIM_MAY_SWAP, .proactive = options & MEMCG_RECLAIM_PROACTIVE,
	};
	bool was_memalloc = mem->memalloc;
	uint64_t freed;

	if (!mem->lru_enabled)
		return 0;
	mem->memalloc = true;
	freed = do_try_to_free_pages(mem->nodes[mem->cpu_node[mem->cpu]]->zonelist, &sc);
	mem->memalloc = was_memalloc;
	return freed;
}

/* Passes over one node with rising pressure, until there is enough. */
static uint64_t shrink_one_node(struct pglist_data *pgdat, struct scan_control *sc, int priority)
{
	struct memory *mem = sc->mem;
	bool was_memalloc = mem->memalloc;

	mem->memalloc = true;
	for (sc->priority = priority; sc->priority >= 0 && sc->nr_reclaimed < sc->nr_to_reclaim; sc->priority--) {
		sc->nr_scanned = 0;
		shrink_node(pgdat, sc);
	}
	mem->memalloc = was_memalloc;
	return sc->nr_reclaimed;
}

uint64_t node_reclaim_pages(struct memory *mem, struct pglist_data *pgdat, unsigned order, gfp_t gfp)
{
	uint64_t want = 1ull << order, mode = mem->conf.zone_reclaim_mode;
	struct scan_control sc = {
		.mem = mem, .nr_to_reclaim = want > SWAP_CLUSTER_MAX ? want : SWAP_CLUSTER_MAX, .gfp_mask = gfp,
		.order = (int)order, .nodemask = NODEMASK_ALL, .swappiness = SWAPPINESS_DEFAULT,
		.may_writepage = mode & RECLAIM_WRITE, .may_unmap = mode & RECLAIM_UNMAP, .may_swap = true,
		.reclaim_idx = gfp_zone(gfp),
	};

	return shrink_one_node(pgdat, &sc, NODE_RECLAIM_PRIORITY);
}

uint64_t reclaim_node_proactively(struct memory *mem, unsigned nid, uint64_t nr_pages, int swappiness)
{
	struct scan_control sc = {
		.mem = mem, .nr_to_reclaim = nr_pages > SWAP_CLUSTER_MAX ? nr_pages : SWAP_CLUSTER_MAX,
		.gfp_mask = GFP_KERNEL, .nodemask = NODEMASK_ALL, .swappiness = swappiness, .proactive = true,
		.may_writepage = true, .may_unmap = true, .may_swap = true, .reclaim_idx = MAX_NR_ZONES - 1,
	};

	return shrink_one_node(mem->nodes[nid], &sc, DEF_PRIORITY);
}

uint64_t zone_reclaimable_pages(const struct zone *zone)
{
	const struct pglist_data *pgdat = zone->zone_pgdat;
	uint64_t nr = zone->vm_stat[NR_ZONE_INACTIVE_FILE] + zone->vm_stat[NR_ZONE_ACTIVE_FILE];

	if (can_reclaim_anon_pages(pgdat->mem, NULL, pgdat->node_id))
		nr += zone->vm_stat[NR_ZONE_INACTIVE_ANON] + zone->vm_stat[NR_ZONE_ACTIVE_ANON];
	/* Rather try again than say that there is nothing while there are free pages. */
	return nr ? nr : zone->vm_stat[NR_FREE_PAGES];
}
