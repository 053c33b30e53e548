/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * kswapd of each node. Kernel counterpart: mm/vmscan.c (wakeup_kswapd, kswapd, kswapd_try_to_sleep, balance_pgdat,
 * kswapd_shrink_node, kswapd_age_node, allow_direct_reclaim, throttle_direct_reclaim).
 *
 * Modelled: all of these, with balance_pgdat() broken up into its passes, so that it can stop where its time is up: see
 * vmscan.h. Who is throttled lets kswapd run until the reserves are half full again, and counts the time. Simplified: there is no
 * short sleep of 100 ms before the long one: kswapd that is woken within that time counts as hit quickly.
 */
#include "mm/vmscan-internal.h"

#include "mm/compaction.h"
#include "mm/page_alloc.h"
#include "mm/writeback.h"
#include "mm/psi.h"

#define SHORT_SLEEP_NS		100000000ull
#define PASS_NS			1000	/* what a pass takes beside scanning */
#define THROTTLE_MAX_PASSES	1000	/* who waits for kswapd gives up: no progress */

/* ---- balance ---- */

/* Has one zone up to `highest` enough? */
static bool pgdat_balanced(const struct pglist_data *pgdat, unsigned order, enum zone_type highest)
{
	bool tiering = pgdat->mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING, any = false;

	for (unsigned z = 0; z <= highest && z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (!zone->managed_pages)
			continue;
		any = true;
		if (zone_watermark_ok(zone, order, wmark_pages(zone, tiering ? WMARK_PROMO : WMARK_HIGH), highest, 0))
			return true;
	}
	return !any;
}

static bool pgdat_watermark_boosted(const struct pglist_data *pgdat, enum zone_type highest)
{
	for (unsigned z = 0; z <= highest && z < MAX_NR_ZONES; z++)
		if (pgdat->node_zones[z].watermark_boost)
			return true;
	return false;
}

static void update_reclaim_active(struct pglist_data *pgdat, bool active)
{
	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		struct zone *zone = &pgdat->node_zones[z];

		zone->flags = active ? zone->flags | ZONE_RECLAIM_ACTIVE : zone->flags & ~ZONE_RECLAIM_ACTIVE;
	}
}

/* ---- one pass ---- */

static void age_active_anon(struct pglist_data *pgdat, struct scan_control *sc)
{
	struct memory *mem = sc->mem;
	struct lruvec *root = mem_cgroup_lruvec(NULL, pgdat);
	struct mem_cgroup *memcg = NULL;

	if (!can_age_anon_pages(root, sc) || !inactive_is_low(root, LRU_INACTIVE_ANON))
		return;
	if (mem_cgroup_disabled(mem))
		shrink_active_list(SWAP_CLUSTER_MAX, root, sc, LRU_ACTIVE_ANON);
	else
		while ((memcg = mem_cgroup_iter(mem, NULL, memcg, NULL)))
			shrink_active_list(SWAP_CLUSTER_MAX, mem_cgroup_lruvec(memcg, pgdat), sc, LRU_ACTIVE_ANON);
}

static void age_active_anon_zones(struct pglist_data *pgdat, struct scan_control *sc)
{
	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		struct lruvec *lruvec = pgdat->node_zones[z].lruvec;

		if (lruvec && can_age_anon_pages(lruvec, sc) && inactive_is_low(lruvec, LRU_INACTIVE_ANON))
			shrink_active_list(SWAP_CLUSTER_MAX, lruvec, sc, LRU_ACTIVE_ANON);
	}
}

static void kswapd_age_node(struct pglist_data *pgdat, struct scan_control *sc)
{
	struct memory *mem = sc->mem;

	if (!mem->lru_enabled)
		return;
	if (mem->lru_policy)
		mem->lru_policy->age_node(pgdat, sc);
	else if (mem->conf.lru_per_zone)
		age_active_anon_zones(pgdat, sc);
	else
		age_active_anon(pgdat, sc);
}

/* True: it scanned or freed as much as it should, so pressure need not rise. */
static bool kswapd_shrink_node(struct pglist_data *pgdat, struct scan_control *sc)
{
	uint64_t before = sc->nr_reclaimed, freed;

	sc->nr_to_reclaim = 0;
	for (unsigned z = 0; z <= sc->reclaim_idx; z++) {
		const struct zone *zone = &pgdat->node_zones[z];
		uint64_t high = wmark_pages(zone, WMARK_HIGH);

		if (zone->managed_pages)
			sc->nr_to_reclaim += high > SWAP_CLUSTER_MAX ? high : SWAP_CLUSTER_MAX;
	}
	shrink_node(pgdat, sc);
	if (sc->order && sc->nr_reclaimed >= compact_gap((unsigned)sc->order))
		sc->order = 0;
	freed = sc->nr_reclaimed - before;
	return (sc->nr_scanned > freed ? sc->nr_scanned : freed) >= sc->nr_to_reclaim;
}

static void start_balancing(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;

	count_vm_event(pgdat->mem, PAGEOUTRUN);
	k->running = true;
	k->priority = DEF_PRIORITY;
	k->woken_order = k->run_order = k->order;
	k->run_highest = k->highest == MAX_NR_ZONES ? k->run_highest : k->highest;
	k->order = 0;
	k->highest = MAX_NR_ZONES;
	k->reclaimed = 0;
	k->no_cache_trim_mode = k->cache_trim_mode_failed = false;
	k->boost_reclaim = 0;
	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		k->zone_boosts[z] = z <= k->run_highest ? pgdat->node_zones[z].watermark_boost : 0;
		k->boost_reclaim += k->zone_boosts[z];
	}
	k->boosted = k->boost_reclaim;
	update_reclaim_active(pgdat, true);
}

static void finish_balancing(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;
	struct memory *mem = pgdat->mem;

	k->running = false;
	update_reclaim_active(pgdat, false);
	for (unsigned z = 0; k->boosted && z < MAX_NR_ZONES; z++) {
		struct zone *zone = &pgdat->node_zones[z];

		zone->watermark_boost -= zone->watermark_boost < k->zone_boosts[z] ? zone->watermark_boost : k->zone_boosts[z];
	}
	if (k->boosted && mem->pressure && mem->pressure->wake_kcompactd)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			if (k->zone_boosts[z])
				mem->pressure->wake_kcompactd(mem, &pgdat->node_zones[z], mem->geo->pageblock_order,
							      k->run_highest);
	if (!mem->lru_enabled || mem->lru_policy)
		return;
	snapshot_refaults(mem_cgroup_lruvec(NULL, pgdat));
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (pgdat->node_zones[z].lruvec)
			snapshot_refaults(pgdat->node_zones[z].lruvec);
}

/* The end of all priorities. False: it starts again, looking at anonymous memory too. */
static bool gave_up(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;

	if (!k->reclaimed && !k->no_cache_trim_mode && k->cache_trim_mode_failed) {
		k->no_cache_trim_mode = true;
		k->priority = DEF_PRIORITY;
		return false;
	}
	if (!k->reclaimed)
		k->failures++;
	return true;
}

/* What the pass did to pressure and boost. True: that was the last one. */
static bool end_pass(struct pglist_data *pgdat, const struct scan_control *sc, bool raise_priority)
{
	struct kswapd *k = &pgdat->kswapd;
	uint64_t reclaimed = sc->nr_reclaimed - k->reclaimed;

	k->reclaimed = sc->nr_reclaimed;
	k->run_order = (unsigned)sc->order;
	k->cache_trim_mode_failed |= sc->cache_trim_mode_failed;
	k->boost_reclaim -= k->boost_reclaim < reclaimed ? k->boost_reclaim : reclaimed;
	if (k->boost_reclaim && !reclaimed)
		return gave_up(pgdat);
	if (raise_priority || !reclaimed)
		k->priority--;
	return k->priority < 1 && gave_up(pgdat);
}

/* One turn of the loop of balance_pgdat(). False: it is over. */
static bool balance_pass(struct memory *mem, struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;
	struct scan_control sc = {
		.mem = mem, .gfp_mask = GFP_KERNEL, .order = (int)k->run_order, .may_unmap = true, .is_kswapd = true,
		.nodemask = NODEMASK_ALL, .swappiness = SWAPPINESS_DEFAULT, .reclaim_idx = k->run_highest,
		.priority = (int)k->priority, .nr_reclaimed = k->reclaimed, .no_cache_trim_mode = k->no_cache_trim_mode,
	};
	bool balanced = pgdat_balanced(pgdat, k->run_order, k->run_highest), raise;

	if (!balanced && k->boost_reclaim) {
		k->boost_reclaim = 0;
		k->priority = DEF_PRIORITY;
		sc.priority = DEF_PRIORITY;
	}
	if (!k->boost_reclaim && balanced)
		return false;
	raise = !(k->boost_reclaim && k->priority == DEF_PRIORITY - 2);
	sc.may_writepage = !k->boost_reclaim || sc.priority < DEF_PRIORITY - 2;
	sc.may_swap = !k->boost_reclaim;
	kswapd_age_node(pgdat, &sc);
	sc.nr_scanned = 0;
	if (kswapd_shrink_node(pgdat, &sc))
		raise = false;
	k->debt_ns += PASS_NS;
	mem->reclaim_times.kswapd_ns += PASS_NS;
	return !end_pass(pgdat, &sc, raise);
}

/* ---- sleep ---- */

static bool hopeless(const struct pglist_data *pgdat)
{
	return pgdat->kswapd.failures >= MAX_RECLAIM_RETRIES;
}

static void go_to_sleep(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;
	struct memory *mem = pgdat->mem;

	mem->kswapd_nodes &= ~(1ull << pgdat->node_id);
	k->pgdat_dirty = k->pgdat_writeback = false;
	mem_cgroup_lruvec(NULL, pgdat)->congested = false;
	k->slept_ns = io_time(mem);
	k->has_slept = true;
	k->debt_ns = 0;
	reset_isolation_suitable(pgdat);
	if (mem->pressure && mem->pressure->wake_kcompactd) {
		int z = MAX_NR_ZONES - 1;

		while (z > 0 && !pgdat->node_zones[z].managed_pages)
			z--;
		mem->pressure->wake_kcompactd(mem, &pgdat->node_zones[z], k->woken_order, k->run_highest);
	}
}

/* balance_pgdat() is over: it sleeps, unless the node is still, or for what was asked for meanwhile, out of balance. */
static void try_to_sleep(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;
	unsigned order = k->run_order < k->woken_order ? k->run_order : k->order;
	enum zone_type highest = k->highest == MAX_NR_ZONES ? k->run_highest : k->highest;

	if (hopeless(pgdat) || pgdat_balanced(pgdat, order, highest)) {
		go_to_sleep(pgdat);
		return;
	}
	count_vm_event(pgdat->mem, KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	start_balancing(pgdat);
}

void wakeup_kswapd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	struct kswapd *k = &pgdat->kswapd;
	bool awake = mem->kswapd_nodes >> pgdat->node_id & 1;

	if (!zone->managed_pages)
		return;
	if (!awake && (hopeless(pgdat) ||
		       (pgdat_balanced(pgdat, order, highest) && !pgdat_watermark_boosted(pgdat, highest)))) {
		/* Well, or beyond help: what compaction may do is left. */
		if (mem->pressure && mem->pressure->wake_kcompactd)
			mem->pressure->wake_kcompactd(mem, zone, order, highest);
		return;
	}
	if (!awake) {
		k->highest = MAX_NR_ZONES;
		k->order = 0;
	}
	if (k->highest == MAX_NR_ZONES || k->highest < highest)
		k->highest = highest;
	if (k->order < order)
		k->order = order;
	if (awake)
		return;
	if (k->has_slept && io_time(mem) - k->slept_ns < SHORT_SLEEP_NS)
		count_vm_event(mem, KSWAPD_LOW_WMARK_HIT_QUICKLY);
	if (!mem->kswapd_nodes) {
		mem->reclaim_times.last_ns = io_time(mem);
		mem->reclaim_times.last_faults = mem->vm_event[PGFAULT];
	}
	mem->kswapd_nodes |= 1ull << pgdat->node_id;
	start_balancing(pgdat);
}

/* ---- time ---- */

/* The first CPU of the node; a node without CPUs lets it run where it was woken. */
static unsigned cpu_of_node(const struct memory *mem, unsigned nid)
{
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		if (mem->cpu_node[cpu] == nid)
			return cpu;
	return mem->cpu;
}

/* One pass, or what comes behind the last one. */
static void kswapd_pass(struct memory *mem, struct pglist_data *pgdat)
{
	bool was_memalloc = mem->memalloc;
	unsigned cpu = mem->cpu;

	mem->memalloc = mem->is_kswapd = true;
	mem->cpu = cpu_of_node(mem, pgdat->node_id);
	if (!balance_pass(mem, pgdat)) {
		finish_balancing(pgdat);
		try_to_sleep(pgdat);
	}
	mem->cpu = cpu;
	mem->memalloc = was_memalloc;
	mem->is_kswapd = false;
}

/* What went by on the clock and in waits beside it, direct reclaim included; and at least what the faults take. */
static uint64_t time_since_last_turn(struct memory *mem)
{
	struct reclaim_times *t = &mem->reclaim_times;
	uint64_t clock = io_time(mem) - t->last_ns;
	uint64_t faults = (mem->vm_event[PGFAULT] - t->last_faults) * mem->conf.reclaim_fault_ns;

	if (clock < faults)
		let_device_run(mem, faults - clock);
	t->last_ns = io_time(mem);
	t->last_faults = mem->vm_event[PGFAULT];
	return clock > faults ? clock : faults;
}

void kswapd_run(struct memory *mem)
{
	uint64_t ns;

	if (mem->memalloc)
		return;
	ns = time_since_last_turn(mem);
	for (uint64_t left = mem->kswapd_nodes; left; left &= left - 1) {
		struct pglist_data *pgdat = mem->nodes[__builtin_ctzll(left)];
		struct kswapd *k = &pgdat->kswapd;

		/* What it may overdraw is one pass; time that it does not need is gone when it falls asleep. */
		k->debt_ns -= (int64_t)ns;
		while (k->debt_ns <= 0 && mem->kswapd_nodes >> pgdat->node_id & 1)
			kswapd_pass(mem, pgdat);
	}
}

/* ---- who waits for kswapd ---- */

static bool allow_direct_reclaim(const struct pglist_data *pgdat)
{
	uint64_t reserve = 0, free = 0;

	if (hopeless(pgdat))
		return true;
	for (unsigned z = 0; z <= ZONE_NORMAL; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (!zone->managed_pages || !zone_reclaimable_pages(zone))
			continue;
		reserve += wmark_pages(zone, WMARK_MIN);
		free += zone->vm_stat[NR_FREE_PAGES];
	}
	return !reserve || free > reserve / 2;
}

/* The first node of the list with low zones decides. */
static struct pglist_data *throttling_node(const struct zoneref *zonelist, const struct scan_control *sc)
{
	for (const struct zoneref *z = zonelist; z->zone; z++) {
		struct pglist_data *pgdat = z->zone->zone_pgdat;
		enum zone_type zone = (enum zone_type)(z->zone - pgdat->node_zones);

		if (zone <= sc->reclaim_idx && zone <= ZONE_NORMAL && sc->nodemask >> pgdat->node_id & 1)
			return pgdat;
	}
	return NULL;
}

void throttle_direct_reclaim(struct memory *mem, const struct zoneref *zonelist, const struct scan_control *sc)
{
	struct pglist_data *pgdat = throttling_node(zonelist, sc);
	uint64_t before = mem->reclaim_times.kswapd_ns;

	if (!pgdat || !mem->lru_enabled || allow_direct_reclaim(pgdat))
		return;
	count_vm_event(mem, PGSCAN_DIRECT_THROTTLE);
	for (int z = ZONE_NORMAL; z >= 0 && !(mem->kswapd_nodes >> pgdat->node_id & 1); z--)
		wakeup_kswapd(mem, &pgdat->node_zones[z], 0, ZONE_NORMAL);
	for (unsigned i = 0; i < THROTTLE_MAX_PASSES && !allow_direct_reclaim(pgdat) &&
			     mem->kswapd_nodes >> pgdat->node_id & 1; i++)
		kswapd_pass(mem, pgdat);
	mem->reclaim_times.throttle_ns += mem->reclaim_times.kswapd_ns - before;
	psi_memstall(mem, mem->reclaim_times.kswapd_ns - before);
}
