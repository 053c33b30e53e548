/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Clusters of folios off their lists and back. Kernel counterpart: mm/vmscan.c (isolate_lru_folios, move_folios_to_lru,
 * shrink_inactive_list, shrink_active_list, reclaim_pages).
 *
 * Modelled: clusters from the old end; folios of zones that would not help, put back at the young end; what was scanned,
 * isolated and stolen; the cost of it; the flusher woken when there is only dirty memory. Simplified: there is one reclaimer
 * at a time, so never too many isolated ones.
 */
#include "mm/vmscan-internal.h"

#include "mm/fs_writeback.h"
#include "mm/memory_tiers.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/seeded_bug.h"
#include "mm/workingset.h"

#define SWAP_CLUSTER_MAX_SKIPPED (SWAP_CLUSTER_MAX << 10)

unsigned reclaimer_offset(const struct scan_control *sc)
{
	return sc->is_kswapd ? 0 : sc->proactive ? 3 : sc->mem->is_khugepaged ? 2 : 1;
}

/* ---- off the list ---- */

struct isolation {
	struct scan_control *sc;
	struct lruvec *lruvec;
	enum lru_list lru;
	struct pfn_list taken, skipped;
	uint64_t nr_scanned, nr_taken, nr_looked;	/* pages; nr_looked: scanned but not skipped */
	uint64_t nr_skipped;				/* folios */
};

/* A zone that would not help: to the young end, for the cluster not to meet it again. */
static void skip_folio(struct isolation *iso, pfn_t head)
{
	struct memory *mem = iso->sc->mem;
	const struct page *page = pfn_to_page(mem, head);

	count_vm_events(mem, (enum vm_event_item)(PGSCAN_SKIP_DMA + folio_zonenum(page)), (uint64_t)folio_nr_pages(page));
	iso->nr_skipped++;
	pfn_list_del(mem->mem_map, &iso->lruvec->lists[iso->lru], head);
	pfn_list_add(mem->mem_map, &iso->skipped, head);
}

static void take_folio(struct isolation *iso, pfn_t head)
{
	struct memory *mem = iso->sc->mem;
	uint64_t nr = (uint64_t)folio_nr_pages(pfn_to_page(mem, head));

	lruvec_del_folio(mem, head);
	get_page(mem, head);
	pfn_list_add(mem->mem_map, &iso->taken, head);
	iso->nr_taken += nr;
}

/* Mapped, and mapped folios are not wanted: to the young end. */
static void rotate_folio(struct isolation *iso, pfn_t head)
{
	struct memory *mem = iso->sc->mem;
	struct pfn_list *list = &iso->lruvec->lists[iso->lru];

	pfn_list_del(mem->mem_map, list, head);
	pfn_list_add(mem->mem_map, list, head);
}

static void isolate_lru_folios(struct isolation *iso, uint64_t nr_to_scan)
{
	struct scan_control *sc = iso->sc;
	struct memory *mem = sc->mem;
	struct pfn_list *list = &iso->lruvec->lists[iso->lru];

	pfn_list_init(&iso->taken);
	pfn_list_init(&iso->skipped);
	for (uint64_t scan = 0; scan < nr_to_scan && !pfn_list_empty(list);) {
		pfn_t head = list->last;
		const struct page *page = pfn_to_page(mem, head);
		uint64_t nr = (uint64_t)folio_nr_pages(page);

		__builtin_prefetch(&mem->mem_map[page->prev != PFN_NONE ? page->prev : head], 1);
		if (page->prev != PFN_NONE)
			__builtin_prefetch(pfn_to_page(mem, page->prev), 1);
		iso->nr_scanned += nr;
		if (iso->nr_skipped < SWAP_CLUSTER_MAX_SKIPPED && folio_zonenum(page) > sc->reclaim_idx) {
			skip_folio(iso, head);
			continue;
		}
		scan += nr;
		iso->nr_looked += nr;
		if (!sc->may_unmap && folio_mapped(mem, head))
			rotate_folio(iso, head);
		else
			take_folio(iso, head);
	}
	while (!pfn_list_empty(&iso->skipped)) {
		pfn_t head = iso->skipped.last;

		pfn_list_del(mem->mem_map, &iso->skipped, head);
		pfn_list_add(mem->mem_map, list, head);
	}
	if (can_demote(mem, iso->lruvec->pgdat->node_id))
		count_vm_events(mem, DEMOTE_SCANNED, iso->taken.nr);
}

/* ---- back on it ---- */

uint64_t move_folios_to_lru(struct memory *mem, struct pfn_list *folios)
{
	uint64_t moved = 0;

	while (!pfn_list_empty(folios)) {
		pfn_t head = folios->last;
		const struct page *page = pfn_to_page(mem, head);
		uint64_t nr = (uint64_t)folio_nr_pages(page);

		pfn_list_del(mem->mem_map, folios, head);
		if (page->_refcount == 1) {
			put_page(mem, head);	/* everybody else has let go of it */
			continue;
		}
		if (!SEEDED_BUG(mem, LRU_LOST))
			folio_putback_lru(mem, head);
		put_page(mem, head);
		if (page->flags & PG_UNEVICTABLE)
			continue;
		moved += nr;
		if (page->flags & PG_ACTIVE)
			workingset_age_nonresident(mem, folio_lruvec(mem, head), nr);
	}
	return moved;
}

/* ---- inactive lists ---- */

static void count_reclaim_events(const struct scan_control *sc, struct lruvec *lruvec, enum vm_event_item item,
				 uint64_t nr)
{
	if (!cgroup_reclaim(sc))
		count_vm_events(sc->mem, item, nr);
	count_memcg_events(lruvec_memcg(lruvec), item, nr);
}

static void add_stat(struct scan_control *sc, const struct reclaim_stat *stat, uint64_t nr_taken, bool file)
{
	sc->nr.dirty += stat->nr_dirty;
	sc->nr.congested += stat->nr_congested;
	sc->nr.unqueued_dirty += stat->nr_unqueued_dirty;
	sc->nr.writeback += stat->nr_writeback;
	sc->nr.immediate += stat->nr_immediate;
	sc->nr.taken += nr_taken;
	sc->nr.file_taken += file ? nr_taken : 0;
}

uint64_t shrink_inactive_list(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, enum lru_list lru)
{
	struct memory *mem = sc->mem;
	struct pglist_data *pgdat = lruvec->pgdat;
	struct isolation iso = { .sc = sc, .lruvec = lruvec, .lru = lru };
	bool file = lru >= LRU_INACTIVE_FILE;
	enum node_stat_item isolated = file ? NR_ISOLATED_FILE : NR_ISOLATED_ANON;
	struct reclaim_stat stat;
	uint64_t nr_reclaimed;

	isolate_lru_folios(&iso, nr_to_scan);
	count_reclaim_events(sc, lruvec, (enum vm_event_item)(PGSCAN_KSWAPD + reclaimer_offset(sc)), iso.nr_scanned);
	count_vm_events(mem, file ? PGSCAN_FILE : PGSCAN_ANON, iso.nr_scanned);
	if (!iso.nr_taken)
		return 0;
	mod_node_page_state(pgdat, isolated, (int64_t)iso.nr_taken);
	nr_reclaimed = shrink_folio_list(&iso.taken, pgdat, sc, &stat, false);
	move_folios_to_lru(mem, &iso.taken);
	mod_node_page_state(pgdat, isolated, -(int64_t)iso.nr_taken);
	mod_lruvec_state(lruvec, (enum node_stat_item)(PGDEMOTE_KSWAPD + reclaimer_offset(sc)), (int64_t)stat.nr_demoted);
	count_reclaim_events(sc, lruvec, (enum vm_event_item)(PGSTEAL_KSWAPD + reclaimer_offset(sc)), nr_reclaimed);
	count_vm_events(mem, file ? PGSTEAL_FILE : PGSTEAL_ANON, nr_reclaimed);
	lru_note_cost(mem, lruvec, file, stat.nr_pageout,
		      iso.nr_scanned > nr_reclaimed ? iso.nr_scanned - nr_reclaimed : 0);
	add_stat(sc, &stat, iso.nr_taken, file);
	account_reclaim_time(sc, pgdat, iso.nr_looked, stat.nr_pageout);
	if (stat.nr_unqueued_dirty == iso.nr_taken) {
		wakeup_flusher_threads(mem);
		if (cgroup_reclaim(sc) && memcg_is_v1(mem))
			reclaim_throttle(sc, pgdat, VMSCAN_THROTTLE_WRITEBACK);
	}
	return nr_reclaimed;
}

/* ---- active lists ---- */

/* Stays active: executed from, and used lately. */
static bool keep_active(const struct scan_control *sc, pfn_t head)
{
	uint64_t vm_flags;

	return folio_referenced(sc->mem, head, sc->target_mem_cgroup, &vm_flags) && vm_flags & VM_EXEC &&
	       folio_is_file_lru(pfn_to_page(sc->mem, head));
}

void shrink_active_list(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, enum lru_list lru)
{
	struct memory *mem = sc->mem;
	struct isolation iso = { .sc = sc, .lruvec = lruvec, .lru = lru };
	struct pfn_list active, inactive;
	bool file = lru >= LRU_INACTIVE_FILE;
	uint64_t nr_rotated = 0, nr_deactivated;

	pfn_list_init(&active);
	pfn_list_init(&inactive);
	isolate_lru_folios(&iso, nr_to_scan);
	count_reclaim_events(sc, lruvec, PGREFILL, iso.nr_scanned);
	while (!pfn_list_empty(&iso.taken)) {
		pfn_t head = iso.taken.last;
		struct page *page = pfn_to_page(mem, head);

		pfn_list_del(mem->mem_map, &iso.taken, head);
		if (folio_evictable(page) && keep_active(sc, head)) {
			nr_rotated += (uint64_t)folio_nr_pages(page);
			pfn_list_add(mem->mem_map, &active, head);
			continue;
		}
		if (folio_evictable(page)) {
			page->flags &= ~PG_ACTIVE;
			page->flags |= PG_WORKINGSET;
		}
		pfn_list_add(mem->mem_map, &inactive, head);
	}
	move_folios_to_lru(mem, &active);
	nr_deactivated = move_folios_to_lru(mem, &inactive);
	count_vm_memcg_events(mem, lruvec_memcg(lruvec), PGDEACTIVATE, nr_deactivated);
	account_reclaim_time(sc, lruvec->pgdat, iso.nr_looked, 0);
	if (nr_rotated)
		lru_note_cost(mem, lruvec, file, 0, nr_rotated);
}

/* ---- folios that somebody else has isolated ---- */

/* Takes from the list what is on the node of its oldest folio. */
static struct pglist_data *take_one_node(struct memory *mem, struct pfn_list *from, struct pfn_list *to)
{
	struct pglist_data *pgdat = pfn_to_node(mem, from->last);

	while (!pfn_list_empty(from) && pfn_to_node(mem, from->last) == pgdat) {
		pfn_t head = from->last;

		pfn_list_del(mem->mem_map, from, head);
		pfn_to_page(mem, head)->flags &= ~PG_ACTIVE;
		get_page(mem, head);
		pfn_list_add(mem->mem_map, to, head);
	}
	return pgdat;
}

uint64_t reclaim_pages(struct memory *mem, struct pfn_list *isolated)
{
	bool was_memalloc = mem->memalloc;
	uint64_t freed = 0;

	/* What has been written meanwhile is not under writeback any more. */
	io_complete(mem);
	mem->memalloc = true;
	while (!pfn_list_empty(isolated)) {
		struct scan_control sc = {
			.mem = mem, .gfp_mask = GFP_KERNEL, .swappiness = SWAPPINESS_DEFAULT, .nodemask = NODEMASK_ALL,
			.may_writepage = true, .may_unmap = true, .may_swap = true, .no_demotion = true,
			.reclaim_idx = MAX_NR_ZONES - 1,
		};
		struct reclaim_stat stat;
		struct pfn_list folios;
		struct pglist_data *pgdat;

		pfn_list_init(&folios);
		pgdat = take_one_node(mem, isolated, &folios);
		freed += shrink_folio_list(&folios, pgdat, &sc, &stat, true);
		move_folios_to_lru(mem, &folios);
	}
	mem->memalloc = was_memalloc;
	return freed;
}
