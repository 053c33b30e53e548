/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How much of which list is looked at. Kernel counterpart: mm/vmscan.c (prepare_scan_control, get_scan_count,
 * calculate_pressure_balance, apply_proportional_protection, can_reclaim_anon_pages).
 *
 * Modelled: all of it. With lists per zone the balance is struck for each zone, from what the zone's lists have and cost;
 * refaults are then those of the node.
 */
#include "mm/vmscan-internal.h"

#include <string.h>

#include "mm/memcontrol.h"
#include "mm/memory_tiers.h"
#include "mm/page_alloc.h"
#include "mm/swapfile.h"
#include "mm/workingset.h"

#define MAX_SWAPPINESS 200u

bool can_reclaim_anon_pages(const struct memory *mem, const struct mem_cgroup *memcg, unsigned nid)
{
	return mem_cgroup_get_nr_swap_pages(mem, memcg) > 0 || can_demote(mem, nid);
}

static bool may_reclaim_anon(const struct scan_control *sc, const struct mem_cgroup *memcg, unsigned nid)
{
	return mem_cgroup_get_nr_swap_pages(sc->mem, memcg) > 0 || (!sc->no_demotion && can_demote(sc->mem, nid));
}

bool can_age_anon_pages(const struct lruvec *lruvec, const struct scan_control *sc)
{
	return total_swap_pages(sc->mem) > 0 || (!sc->no_demotion && can_demote(sc->mem, lruvec->pgdat->node_id));
}

unsigned sc_swappiness(const struct scan_control *sc, const struct mem_cgroup *memcg)
{
	if (sc->swappiness != SWAPPINESS_DEFAULT)
		return (unsigned)sc->swappiness;
	if (memcg && !mem_cgroup_is_root(memcg) && memcg_is_v1(sc->mem) && memcg->swappiness != MEMCG_SWAPPINESS_GLOBAL)
		return memcg->swappiness;
	return (unsigned)sc->mem->conf.swappiness;
}

bool root_reclaim(const struct scan_control *sc)
{
	return !sc->target_mem_cgroup || mem_cgroup_is_root(sc->target_mem_cgroup);
}

uint64_t lruvec_lru_size_idx(const struct lruvec *lruvec, enum lru_list lru, enum zone_type zone_idx)
{
	uint64_t size = 0;

	for (unsigned z = 0; z <= zone_idx; z++)
		size += lruvec->zone_pages[z][lru];
	return size;
}

/* ---- what holds for the whole pass ---- */

static void choose_deactivation(struct lruvec *target, struct scan_control *sc)
{
	if (sc->force_deactivate) {
		sc->may_deactivate[0] = sc->may_deactivate[1] = true;
		return;
	}
	for (unsigned file = 0; file < 2; file++) {
		uint64_t refaults = lruvec_flushed_state(target, file ? WORKINGSET_ACTIVATE_FILE : WORKINGSET_ACTIVATE_ANON);

		sc->may_deactivate[file] = refaults != target->refaults[file] ||
					   inactive_is_low(target, file ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON);
	}
}

/* Hardly any file pages are left, and so the next that come in would be the next to go. */
static bool file_is_tiny(const struct pglist_data *pgdat, const struct scan_control *sc)
{
	uint64_t high = 0, free = 0;
	uint64_t file = pgdat->vm_stat[NR_ACTIVE_FILE] + pgdat->vm_stat[NR_INACTIVE_FILE];

	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (!zone->managed_pages)
			continue;
		free += zone->vm_stat[NR_FREE_PAGES];
		high += wmark_pages(zone, WMARK_HIGH);
	}
	return file + free <= high && !sc->may_deactivate[0] && pgdat->vm_stat[NR_INACTIVE_ANON] >> sc->priority;
}

void prepare_scan_control(struct lruvec *target, struct scan_control *sc)
{
	uint64_t file = lruvec_flushed_state(target, NR_INACTIVE_FILE);

	if (sc->mem->lru_policy)
		return;
	sc->anon_cost = target->anon_cost;
	sc->file_cost = target->file_cost;
	choose_deactivation(target, sc);
	sc->cache_trim_mode = file >> sc->priority && !sc->may_deactivate[1] && !sc->no_cache_trim_mode;
	if (!cgroup_reclaim(sc))
		sc->file_is_tiny = file_is_tiny(target->pgdat, sc);
}

void snapshot_refaults(struct lruvec *target)
{
	target->refaults[0] = lruvec_flushed_state(target, WORKINGSET_ACTIVATE_ANON);
	target->refaults[1] = lruvec_flushed_state(target, WORKINGSET_ACTIVATE_FILE);
}

/* ---- one lruvec ---- */

enum scan_balance { SCAN_EQUAL, SCAN_FRACT, SCAN_ANON, SCAN_FILE };

static enum scan_balance choose_balance(const struct lruvec *lruvec, const struct scan_control *sc, unsigned swappiness)
{
	if (!sc->may_swap || !may_reclaim_anon(sc, lruvec_memcg(lruvec), lruvec->pgdat->node_id))
		return SCAN_FILE;
	if (cgroup_reclaim(sc) && !swappiness)
		return SCAN_FILE;
	if (swappiness == SWAPPINESS_ANON_ONLY)
		return SCAN_ANON;
	if (!sc->priority && swappiness)
		return SCAN_EQUAL;
	if (sc->file_is_tiny)
		return SCAN_ANON;
	return sc->cache_trim_mode ? SCAN_FILE : SCAN_FRACT;
}

/* Pressure on each kind is inverse to what it costs, but never less than a third; then by swappiness. */
static void calculate_pressure_balance(const struct scan_control *sc, unsigned swappiness, uint64_t fraction[2],
				       uint64_t *ret_denominator)
{
	uint64_t total = sc->anon_cost + sc->file_cost;
	uint64_t anon = total + sc->anon_cost, file = total + sc->file_cost;

	total = anon + file;
	fraction[0] = swappiness * (total + 1) / (anon + 1);
	fraction[1] = (MAX_SWAPPINESS - swappiness) * (total + 1) / (file + 1);
	*ret_denominator = fraction[0] + fraction[1];
}

/* A group with protection is scanned in proportion to what it has above it. */
static uint64_t apply_protection(struct scan_control *sc, const struct mem_cgroup *memcg, uint64_t size)
{
	uint64_t min, low, protection, usage;

	if (!memcg)
		return size;
	mem_cgroup_protection(sc->target_mem_cgroup, memcg, &min, &low);
	if (!min && !low)
		return size;
	protection = min;
	if (!sc->memcg_low_reclaim && low > min) {
		protection = low;
		sc->memcg_low_skipped = true;
	}
	usage = mem_cgroup_size(memcg);
	if (usage < protection)
		usage = protection;
	size -= size * protection / (usage + 1);
	return size > SWAP_CLUSTER_MAX ? size : SWAP_CLUSTER_MAX;
}

void get_scan_count(struct lruvec *lruvec, struct scan_control *sc, uint64_t nr[NR_LRU_LISTS])
{
	const struct mem_cgroup *memcg = lruvec_memcg(lruvec);
	unsigned swappiness = sc_swappiness(sc, memcg);
	bool online = !memcg || !memcg->offline;
	uint64_t fraction[2], denominator = 1;
	enum scan_balance balance = choose_balance(lruvec, sc, swappiness);

	if (balance == SCAN_FRACT)
		calculate_pressure_balance(sc, swappiness, fraction, &denominator);
	for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++) {
		bool file = lru >= LRU_INACTIVE_FILE;
		uint64_t size = lruvec_lru_size_idx(lruvec, (enum lru_list)lru, sc->reclaim_idx);
		uint64_t scan = apply_protection(sc, memcg, size) >> sc->priority;

		/* What a group that is gone has left is scraped out. */
		if (!scan && !online)
			scan = size < SWAP_CLUSTER_MAX ? size : SWAP_CLUSTER_MAX;
		if (balance == SCAN_FRACT)
			scan = (scan * fraction[file] + (online ? 0 : denominator - 1)) / denominator;
		else if (balance != SCAN_EQUAL && (balance == SCAN_FILE) != file)
			scan = 0;
		nr[lru] = scan;
	}
	nr[LRU_UNEVICTABLE] = 0;
}
