/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Cold folios leave a node that runs short for a slower one: see demotion.h. */
#include "mm/demotion.h"

#include <string.h>

#include "mm/lru.h"
#include "mm/memory_tiers.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"

#define SWAP_CLUSTER_MAX	32
#define DEF_PRIORITY		12
#define SWAPPINESS		60
#define MAX_RECLAIM_RETRIES	16	/* kswapd gives up until the node has been well again */

/* One run of kswapd, or of direct demotion, over one node. */
struct scan_control {
	struct memory *mem;
	struct pglist_data *pgdat;
	enum node_stat_item item;	/* PGDEMOTE_* */
	unsigned priority;		/* 1/2^priority of each list is looked at */
	uint64_t nr_to_reclaim, nr_scanned, nr_demoted;
};

/* ---- one folio ---- */

enum folio_references { FOLIOREF_RECLAIM, FOLIOREF_KEEP, FOLIOREF_ACTIVATE };

static enum folio_references folio_check_references(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	bool was_referenced = page->flags & PG_REFERENCED;
	uint64_t vm_flags;
	unsigned ptes = folio_referenced(mem, head, &vm_flags);

	page->flags &= ~PG_REFERENCED;
	if (vm_flags & VM_LOCKED)
		return FOLIOREF_ACTIVATE;
	if (!ptes)
		return FOLIOREF_RECLAIM;
	page->flags |= PG_REFERENCED;
	if (was_referenced || ptes > 1 || (vm_flags & VM_EXEC && folio_is_file_lru(page)))
		return FOLIOREF_ACTIVATE;
	return FOLIOREF_KEEP;
}

struct demote_target {
	int nid;
	uint64_t allowed;
};

/* On the target node, else on any of a lower tier (alloc_demote_folio). */
static pfn_t alloc_demote_folio(struct memory *mem, pfn_t src, void *ctx)
{
	const struct demote_target *t = ctx;
	unsigned order = page_order(pfn_to_page(mem, src));
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_NOWARN | __GFP_NOMEMALLOC | GFP_NOWAIT;
	pfn_t pfn;

	if (order)
		gfp = (gfp & ~__GFP_RECLAIM) | (GFP_TRANSHUGE & ~__GFP_DIRECT_RECLAIM);
	pfn = alloc_pages_nodemask(mem, gfp | __GFP_THISNODE, order, t->nid, NODEMASK_ALL);
	if (pfn != PFN_NONE)
		return pfn;
	return alloc_pages_nodemask(mem, gfp, order, t->nid, t->allowed);
}

/* The folios are on their lists, and stay there when they cannot move. */
static void demote_folio_list(struct scan_control *sc, const pfn_t *folios, size_t nr)
{
	struct demote_target t = {
		.nid = next_demotion_node(sc->mem, sc->pgdat->node_id),
		.allowed = node_get_allowed_targets(sc->mem, sc->pgdat->node_id),
	};
	size_t moved;

	if (!nr || t.nid < 0)
		return;
	moved = migrate_pages(sc->mem, folios, nr, alloc_demote_folio, &t, MR_DEMOTION);
	mod_node_page_state(sc->pgdat, sc->item, (int64_t)moved);
	sc->nr_demoted += moved;
}

/* ---- lists ---- */

/* Takes up to nr folios from the old end. */
static size_t isolate_lru_folios(struct scan_control *sc, enum lru_list lru, pfn_t *folios, size_t nr)
{
	const struct pfn_list *list = &sc->pgdat->lruvec.lists[lru];
	size_t taken = 0;

	while (taken < nr && !pfn_list_empty(list)) {
		folios[taken] = list->last;
		sc->nr_scanned += (uint64_t)folio_nr_pages(pfn_to_page(sc->mem, list->last));
		folio_isolate_lru(sc->mem, folios[taken++]);
	}
	count_vm_events(sc->mem, DEMOTE_SCANNED, taken);
	return taken;
}

/* Old active folios become inactive; executed file pages that were touched stay. */
static void shrink_active_list(struct scan_control *sc, enum lru_list lru)
{
	struct memory *mem = sc->mem;
	pfn_t folios[SWAP_CLUSTER_MAX];
	size_t nr = isolate_lru_folios(sc, lru, folios, SWAP_CLUSTER_MAX);

	for (size_t i = 0; i < nr; i++) {
		struct page *page = pfn_to_page(mem, folios[i]);
		uint64_t vm_flags;

		if (!(folio_referenced(mem, folios[i], &vm_flags) && vm_flags & VM_EXEC && folio_is_file_lru(page))) {
			page->flags &= ~PG_ACTIVE;
			count_vm_events(mem, PGDEACTIVATE, (uint64_t)folio_nr_pages(page));
		}
		folio_putback_lru(mem, folios[i]);
	}
}

static void shrink_inactive_list(struct scan_control *sc, enum lru_list lru)
{
	struct memory *mem = sc->mem;
	pfn_t folios[SWAP_CLUSTER_MAX];
	size_t nr = isolate_lru_folios(sc, lru, folios, SWAP_CLUSTER_MAX), cold = 0;

	for (size_t i = 0; i < nr; i++) {
		pfn_t head = folios[i];
		enum folio_references refs = folio_check_references(mem, head);

		if (refs == FOLIOREF_ACTIVATE) {
			pfn_to_page(mem, head)->flags |= PG_ACTIVE;
			count_vm_events(mem, PGACTIVATE, (uint64_t)folio_nr_pages(pfn_to_page(mem, head)));
		}
		folio_putback_lru(mem, head);
		if (refs == FOLIOREF_RECLAIM)
			folios[cold++] = head;
	}
	demote_folio_list(sc, folios, cold);
}

/* What share of each list is looked at, in folios' pages (get_scan_count). */
static void get_scan_count(const struct scan_control *sc, uint64_t nr[NR_LRU_LISTS])
{
	uint64_t weight[2] = {SWAPPINESS, 200 - SWAPPINESS};

	/* Plenty of inactive file pages: only those. */
	if (lruvec_lru_size(&sc->pgdat->lruvec, LRU_INACTIVE_FILE) >> sc->priority &&
	    !inactive_is_low(&sc->pgdat->lruvec, LRU_INACTIVE_FILE))
		weight[0] = 0;
	for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++) {
		uint64_t size = lruvec_lru_size(&sc->pgdat->lruvec, (enum lru_list)lru) >> sc->priority;
		unsigned file = lru >= LRU_INACTIVE_FILE;

		nr[lru] = size * weight[file] / (weight[0] + weight[1]);
		if (!sc->priority || !weight[0])
			nr[lru] = weight[file] ? size : 0;
	}
}

static void shrink_list(struct scan_control *sc, enum lru_list lru)
{
	if (!(lru & LRU_ACTIVE))
		shrink_inactive_list(sc, lru);
	else if (inactive_is_low(&sc->pgdat->lruvec, (enum lru_list)(lru - LRU_ACTIVE)))
		shrink_active_list(sc, lru);
}

static bool has_more(const uint64_t nr[NR_LRU_LISTS])
{
	return nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE];
}

/* One cluster of each list. */
static void shrink_round(struct scan_control *sc, uint64_t nr[NR_LRU_LISTS])
{
	for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++) {
		if (nr[lru])
			shrink_list(sc, (enum lru_list)lru);
		nr[lru] -= nr[lru] < SWAP_CLUSTER_MAX ? nr[lru] : SWAP_CLUSTER_MAX;
	}
}

static void age_active_anon(struct scan_control *sc)
{
	if (inactive_is_low(&sc->pgdat->lruvec, LRU_INACTIVE_ANON))
		shrink_active_list(sc, LRU_ACTIVE_ANON);
}

static void shrink_node(struct scan_control *sc)
{
	uint64_t nr[NR_LRU_LISTS] = {0};

	get_scan_count(sc, nr);
	while (has_more(nr) && sc->nr_demoted < sc->nr_to_reclaim)
		shrink_round(sc, nr);
	age_active_anon(sc);
}

/* ---- kswapd ---- */

static bool pgdat_balanced(const struct pglist_data *pgdat)
{
	bool tiering = pgdat->mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (zone->managed_pages &&
		    zone_watermark_ok(zone, 0, wmark_pages(zone, tiering ? WMARK_PROMO : WMARK_HIGH), ZONE_MOVABLE, 0))
			return true;
	}
	return false;
}

static uint64_t kswapd_target(const struct pglist_data *pgdat)
{
	uint64_t nr = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &pgdat->node_zones[z];
		uint64_t high = wmark_pages(zone, WMARK_HIGH);

		if (zone->managed_pages)
			nr += high > SWAP_CLUSTER_MAX ? high : SWAP_CLUSTER_MAX;
	}
	return nr;
}

static void kswapd_start_pass(struct kswapd *k, const struct scan_control *sc)
{
	get_scan_count(sc, k->nr);
	k->pass_scanned = k->pass_demoted = 0;
}

/* Pressure rises when a pass found too little to look at, or nothing to demote. */
static void kswapd_end_pass(struct kswapd *k, struct scan_control *sc)
{
	age_active_anon(sc);
	memset(k->nr, 0, sizeof(k->nr));
	if (k->pass_scanned < sc->nr_to_reclaim || !k->pass_demoted)
		k->priority--;
}

/* One round. False: it is done, or gives up. */
static bool kswapd_step(struct memory *mem, struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;
	struct scan_control sc = {
		.mem = mem, .pgdat = pgdat, .item = PGDEMOTE_KSWAPD, .priority = k->priority,
		.nr_to_reclaim = kswapd_target(pgdat),
	};

	while (k->priority && !has_more(k->nr)) {
		if (pgdat_balanced(pgdat))
			return false;
		sc.priority = k->priority;
		kswapd_start_pass(k, &sc);
		if (!has_more(k->nr))
			kswapd_end_pass(k, &sc);
	}
	if (!k->priority)
		return false;
	shrink_round(&sc, k->nr);
	k->pass_scanned += sc.nr_scanned;
	k->pass_demoted += sc.nr_demoted;
	k->demoted += sc.nr_demoted;
	if (!has_more(k->nr) || k->pass_demoted >= sc.nr_to_reclaim)
		kswapd_end_pass(k, &sc);
	return true;
}

static void kswapd_sleep(struct pglist_data *pgdat)
{
	struct kswapd *k = &pgdat->kswapd;

	pgdat->mem->kswapd_nodes &= ~(1ull << pgdat->node_id);
	if (k->demoted)
		k->failures = 0;
	else if (!pgdat_balanced(pgdat))
		k->failures++;
}

void demotion_wake_kswapd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest)
{
	struct pglist_data *pgdat = zone->zone_pgdat;

	struct kswapd *k = &pgdat->kswapd;

	(void)order;
	(void)highest;
	if (!can_demote(mem, pgdat->node_id) || mem->kswapd_nodes >> pgdat->node_id & 1)
		return;
	if (pgdat_balanced(pgdat)) {
		k->failures = 0;
	} else if (k->failures < MAX_RECLAIM_RETRIES) {
		*k = (struct kswapd){ .failures = k->failures, .priority = DEF_PRIORITY };
		mem->kswapd_nodes |= 1ull << pgdat->node_id;
	}
}

/* The first CPU of the node; a node without CPUs lets it run where it was woken. */
static unsigned cpu_of_node(const struct memory *mem, unsigned nid)
{
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		if (mem->cpu_node[cpu] == nid)
			return cpu;
	return mem->cpu;
}

void demotion_run_kswapds(struct memory *mem)
{
	unsigned cpu = mem->cpu;

	for (uint64_t left = mem->kswapd_nodes; left; left &= left - 1) {
		unsigned nid = (unsigned)__builtin_ctzll(left);

		mem->cpu = cpu_of_node(mem, nid);
		if (!kswapd_step(mem, mem->nodes[nid]))
			kswapd_sleep(mem->nodes[nid]);
		mem->cpu = cpu;
	}
}

uint64_t demotion_direct(struct memory *mem)
{
	uint64_t demoted = 0;

	for (int priority = DEF_PRIORITY; priority >= 0 && demoted < SWAP_CLUSTER_MAX; priority--)
		for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
			struct scan_control sc = {
				.mem = mem, .pgdat = mem->nodes[nid], .item = PGDEMOTE_DIRECT,
				.priority = (unsigned)priority, .nr_to_reclaim = SWAP_CLUSTER_MAX,
			};

			if (!sc.pgdat || !can_demote(mem, nid))
				continue;
			shrink_node(&sc);
			demoted += sc.nr_demoted;
		}
	return demoted;
}
