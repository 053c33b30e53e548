/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Eviction: folios of the oldest generation are sorted and given to shrink_folio_list(); what comes back steers which tiers
 * are spared. See lru_gen.h. Kernel counterpart: mm/vmscan.c (sort_folio, isolate_folio, scan_folios, evict_folios,
 * get_nr_to_scan, the PID controller), mm/workingset.c (lru_gen_eviction, lru_gen_refault).
 */
#include "base/bug.h"
#include "mm/fs_writeback.h"
#include "mm/lru_gen-internal.h"
#include "mm/memcontrol.h"
#include "mm/memory_tiers.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/workingset.h"

#define SHADOW_TOKEN_MASK ((1ull << 40) - 1)

/* ---- the controller ---- */

/* How much of a tier came back, of how much: as it was for older generations, and is now. */
struct ctrl_pos {
	uint64_t refaulted, total;
	uint64_t gain;
};

/* tier MAX_NR_TIERS: all together. */
static struct ctrl_pos read_ctrl_pos(const struct lru_gen *gen, unsigned type, unsigned tier, uint64_t gain)
{
	struct ctrl_pos pos = { .gain = gain };
	unsigned last = tier < MAX_NR_TIERS ? tier : MAX_NR_TIERS - 1;

	for (unsigned i = tier % MAX_NR_TIERS; i <= last; i++) {
		pos.refaulted += gen->avg_refaulted[type][i] + gen->refaulted[type][i];
		pos.total += gen->avg_total[type][i] + gen->protected[type][i] + gen->evicted[type][i];
	}
	return pos;
}

/* Does so little of pv come back, absolutely or against sp, that it needs no protection? */
static bool positive_ctrl_err(const struct ctrl_pos *sp, const struct ctrl_pos *pv)
{
	return pv->refaulted < MIN_LRU_BATCH ||
	       pv->refaulted * (sp->total + MIN_LRU_BATCH) * sp->gain <= (sp->refaulted + 1) * pv->total * pv->gain;
}

/* The highest tier that is evicted: those above come back more than the first one, by half. */
static unsigned get_tier_idx(const struct lru_gen *gen, unsigned type)
{
	struct ctrl_pos sp = read_ctrl_pos(gen, type, 0, 2);
	unsigned tier;

	for (tier = 1; tier < MAX_NR_TIERS; tier++) {
		struct ctrl_pos pv = read_ctrl_pos(gen, type, tier, 3);

		if (!positive_ctrl_err(&sp, &pv))
			break;
	}
	return tier - 1;
}

static unsigned get_type_to_scan(const struct lru_gen *gen, unsigned swappiness)
{
	struct ctrl_pos sp, pv;

	if (swappiness <= 1)
		return LRU_GEN_FILE;
	if (swappiness >= MAX_SWAPPINESS)
		return LRU_GEN_ANON;
	sp = read_ctrl_pos(gen, LRU_GEN_ANON, MAX_NR_TIERS, swappiness);
	pv = read_ctrl_pos(gen, LRU_GEN_FILE, MAX_NR_TIERS, MAX_SWAPPINESS - swappiness);
	return positive_ctrl_err(&sp, &pv) ? LRU_GEN_FILE : LRU_GEN_ANON;
}

unsigned lru_gen_swappiness(const struct lruvec *lruvec, const struct scan_control *sc)
{
	const struct mem_cgroup *memcg = lruvec->memcg;

	if (!sc->may_swap)
		return 0;
	if ((sc->no_demotion || !can_demote(sc->mem, lruvec->pgdat->node_id)) &&
	    mem_cgroup_get_nr_swap_pages(sc->mem, memcg) < MIN_LRU_BATCH)
		return 0;
	return sc_swappiness(sc, memcg);
}

/* ---- one folio of the oldest generation ---- */

/* One scan of one kind. */
struct scan {
	struct memory *mem;
	struct lruvec *lruvec;
	struct lru_gen *gen;
	struct scan_control *sc;
	unsigned type, tier_idx;
	struct pfn_list *list;		/* what is to be evicted */
	uint64_t scanned, sorted, isolated, skipped;
	uint64_t remaining;		/* folios that it may still look at */
};

static void cull_unevictable(struct scan *s, pfn_t head)
{
	lru_gen_del_folio(s->mem, s->lruvec, head, true);
	pfn_to_page(s->mem, head)->flags &= ~PG_LRU;
	folio_putback_lru(s->mem, head);
}

/* A folio that must not go yet moves on: to the young end, or, when it only is in the wrong zone, the old end. */
static bool spare(struct scan *s, pfn_t head, bool reclaiming, bool tail)
{
	lru_gen_inc_gen(s->mem, s->lruvec, head, reclaiming);
	lru_gen_move_folio(s->mem, s->lruvec, head, tail);
	return true;
}

/* The tier is protected; that a folio of the working set with all its uses goes on is no news. */
static bool protect(struct scan *s, pfn_t head, unsigned tier, bool lazily)
{
	if (!lazily)
		s->gen->protected[s->type][tier] += (uint64_t)folio_nr_pages(pfn_to_page(s->mem, head));
	return spare(s, head, false, false);
}

/* True: it has found another place and is not to be evicted. */
static bool sort_folio(struct scan *s, pfn_t head)
{
	const struct page *page = pfn_to_page(s->mem, head);
	unsigned refs = folio_lru_refs(s->mem, head);
	bool workingset = page->flags & PG_WORKINGSET, writeback = page->flags & PG_WRITEBACK;
	bool dirty_file = s->type == LRU_GEN_FILE && page->flags & PG_DIRTY;
	unsigned tier = lru_tier_from_refs(refs, workingset);
	bool lazily = refs + workingset == (1u << LRU_REFS_WIDTH) + 1;

	if (!folio_evictable(page)) {
		cull_unevictable(s, head);
		return true;
	}
	if (folio_lru_gen(s->mem, head) != (int)lru_gen_from_seq(s->gen->min_seq[s->type])) {
		lru_gen_move_folio(s->mem, s->lruvec, head, false);
		return true;
	}
	if (tier > s->tier_idx || lazily)
		return protect(s, head, tier, lazily);
	if (folio_zonenum(page) > s->sc->reclaim_idx)
		return spare(s, head, false, true);
	if (dirty_file) {
		s->sc->nr.file_taken += (uint64_t)folio_nr_pages(page);
		s->sc->nr.unqueued_dirty += writeback ? 0 : (uint64_t)folio_nr_pages(page);
	}
	if (writeback || dirty_file)
		return spare(s, head, true, false);
	return false;
}

static bool isolate_folio(struct scan *s, pfn_t head)
{
	struct page *page = pfn_to_page(s->mem, head);

	if (!(s->sc->gfp_mask & __GFP_IO) &&
	    (page->flags & PG_DIRTY || (page->flags & PG_ANON && !(page->flags & PG_SWAPCACHE))))
		return false;
	if (!(page->flags & PG_REFERENCED))
		folio_set_lru_refs(s->mem, head, 0);
	page->flags &= ~PG_RECLAIM;
	lru_gen_del_folio(s->mem, s->lruvec, head, true);
	page->flags &= ~PG_LRU;
	page->_refcount++;
	pfn_list_add(s->mem->mem_map, s->list, head);
	return true;
}

/* ---- lists ---- */

/* Back to the young end, in the order in which they stood. */
static void splice(struct memory *mem, struct pfn_list *from, struct pfn_list *to)
{
	while (!pfn_list_empty(from)) {
		pfn_t head = from->last;

		pfn_list_del(mem->mem_map, from, head);
		pfn_list_add(mem->mem_map, to, head);
	}
}

static void scan_zone(struct scan *s, unsigned zone)
{
	struct pfn_list *list = &s->gen->folios[lru_gen_from_seq(s->gen->min_seq[s->type])][s->type][zone];
	struct pfn_list moved;
	uint64_t skipped = 0;

	pfn_list_init(&moved);
	while (!pfn_list_empty(list)) {
		pfn_t head = list->last;
		uint64_t nr = (uint64_t)folio_nr_pages(pfn_to_page(s->mem, head));

		s->scanned += nr;
		if (sort_folio(s, head)) {
			s->sorted += nr;
		} else if (isolate_folio(s, head)) {
			s->isolated += nr;
		} else {
			pfn_list_del(s->mem->mem_map, list, head);
			pfn_list_add(s->mem->mem_map, &moved, head);
			skipped += nr;
		}
		if (!--s->remaining || s->isolated >= MIN_LRU_BATCH || skipped >= MIN_LRU_BATCH)
			break;
	}
	splice(s->mem, &moved, list);
	count_vm_events(s->mem, (enum vm_event_item)(PGSCAN_SKIP_DMA + zone), skipped);
	s->skipped += skipped;
}

static void count_scan(const struct scan *s)
{
	enum vm_event_item item = (enum vm_event_item)(PGSCAN_KSWAPD + reclaimer_offset(s->sc));

	if (!cgroup_reclaim(s->sc)) {
		count_vm_events(s->mem, item, s->isolated);
		count_vm_events(s->mem, PGREFILL, s->sorted);
	}
	count_memcg_events(s->lruvec->memcg, item, s->isolated);
	count_memcg_events(s->lruvec->memcg, PGREFILL, s->sorted);
	count_vm_events(s->mem, (enum vm_event_item)(PGSCAN_ANON + s->type), s->isolated);
	if (s->type == LRU_GEN_FILE)
		s->sc->nr.file_taken += s->isolated;
}

/* Pages looked at, 0 for no progress. */
static uint64_t scan_folios(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, unsigned type,
			    struct pfn_list *list)
{
	struct scan s = {
		.mem = sc->mem, .lruvec = lruvec, .gen = lruvec->gen, .sc = sc, .type = type,
		.tier_idx = get_tier_idx(lruvec->gen, type), .list = list,
		.remaining = nr_to_scan < MAX_LRU_BATCH ? nr_to_scan : MAX_LRU_BATCH,
	};

	if (lru_gen_nr_gens(s.gen, type) == MIN_NR_GENS)
		return 0;
	for (unsigned i = MAX_NR_ZONES; i > 0; i--) {
		scan_zone(&s, ((unsigned)sc->reclaim_idx + i) % MAX_NR_ZONES);
		if (!s.remaining || s.isolated >= MIN_LRU_BATCH)
			break;
	}
	count_scan(&s);
	return s.isolated || !s.remaining ? s.scanned : 0;
}

static uint64_t isolate_folios(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, unsigned swappiness,
			       unsigned *ret_type, struct pfn_list *list)
{
	unsigned type = get_type_to_scan(lruvec->gen, swappiness);

	for (unsigned i = min_type(swappiness); i <= max_type(swappiness); i++, type = !type) {
		uint64_t scanned = scan_folios(nr_to_scan, lruvec, sc, type, list);

		*ret_type = type;
		if (scanned)
			return scanned;
	}
	return 0;
}

/* ---- eviction ---- */

/*
 * What shrink_folio_list() could not free. Clean folios that nobody maps any more are worth another try at once (*clean);
 * what would come to lie among the oldest again goes to the active generations instead.
 */
static void sort_rejected(struct memory *mem, struct lruvec *lruvec, unsigned type, struct pfn_list *list,
			  struct pfn_list *clean)
{
	pfn_t prev;

	for (pfn_t head = list->last; head != PFN_NONE; head = prev) {
		struct page *page = pfn_to_page(mem, head);

		prev = page->prev;
		if (!folio_evictable(page))
			continue;	/* move_folios_to_lru() knows where that belongs */
		if (clean && !(page->flags & (PG_ACTIVE | PG_DIRTY | PG_WRITEBACK)) && !folio_mapcount(mem, head)) {
			pfn_list_del(mem->mem_map, list, head);
			pfn_list_add(mem->mem_map, clean, head);
		} else if (lru_gen_folio_seq(lruvec->gen, page, false) == lruvec->gen->min_seq[type]) {
			folio_set_lru_refs(mem, head, 0);
			page->flags = (page->flags & ~PG_REFERENCED) | PG_ACTIVE;
		}
	}
}

static void shrink_isolated(struct lruvec *lruvec, struct scan_control *sc, unsigned type, struct pfn_list *list,
			    struct pfn_list *clean)
{
	enum vm_event_item item = (enum vm_event_item)(PGSTEAL_KSWAPD + reclaimer_offset(sc));
	struct reclaim_stat stat = {0};
	uint64_t scanned = sc->nr_scanned;
	uint64_t reclaimed = shrink_folio_list(list, lruvec->pgdat, sc, &stat, false);

	sc->nr.unqueued_dirty += stat.nr_unqueued_dirty;
	sc->nr_reclaimed += reclaimed;
	sort_rejected(sc->mem, lruvec, type, list, clean);
	move_folios_to_lru(sc->mem, list);
	account_reclaim_time(sc, lruvec->pgdat, sc->nr_scanned - scanned, stat.nr_pageout);
	mod_lruvec_state(lruvec, (enum node_stat_item)(PGDEMOTE_KSWAPD + reclaimer_offset(sc)), (int64_t)stat.nr_demoted);
	if (!cgroup_reclaim(sc))
		count_vm_events(sc->mem, item, reclaimed);
	count_memcg_events(lruvec->memcg, item, reclaimed);
	count_vm_events(sc->mem, (enum vm_event_item)(PGSTEAL_ANON + type), reclaimed);
}

static uint64_t evict_folios(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, unsigned swappiness)
{
	struct pfn_list list, clean;
	unsigned type = LRU_GEN_FILE;
	uint64_t scanned;

	pfn_list_init(&list);
	pfn_list_init(&clean);
	scanned = isolate_folios(nr_to_scan, lruvec, sc, swappiness, &type, &list);
	scanned += lru_gen_inc_min_seq(lruvec, swappiness);
	if (evictable_min_seq(lruvec->gen, swappiness) + MIN_NR_GENS > lruvec->gen->max_seq)
		scanned = 0;
	if (pfn_list_empty(&list))
		return scanned;
	shrink_isolated(lruvec, sc, type, &list, &clean);
	if (!pfn_list_empty(&clean))
		shrink_isolated(lruvec, sc, type, &clean, NULL);
	return scanned;
}

/* ---- how much ---- */

static uint64_t evictable_size(const struct lru_gen *gen, unsigned swappiness)
{
	uint64_t size = 0;

	for (unsigned type = min_type(swappiness); type <= max_type(swappiness); type++)
		for (uint64_t seq = gen->min_seq[type]; seq <= gen->max_seq; seq++)
			for (unsigned zone = 0; zone < MAX_NR_ZONES; zone++)
				size += gen->nr_pages[lru_gen_from_seq(seq)][type][zone];
	return size;
}

static bool is_online(const struct mem_cgroup *memcg)
{
	return !memcg || !memcg->offline;
}

uint64_t lru_gen_sizable(const struct lruvec *lruvec, const struct scan_control *sc)
{
	uint64_t total = evictable_size(lruvec->gen, lru_gen_swappiness(lruvec, sc));

	return is_online(lruvec->memcg) ? total >> sc->priority : total;
}

/* A group's share is smaller the nearer it is to its protection. (apply_proportional_protection) */
static uint64_t apply_proportional_protection(const struct mem_cgroup *memcg, struct scan_control *sc, uint64_t scan)
{
	uint64_t min = 0, low = 0, size, protection, left;

	if (!memcg)
		return scan;
	mem_cgroup_protection(sc->target_mem_cgroup, memcg, &min, &low);
	if (!min && !low)
		return scan;
	protection = min;
	if (!sc->memcg_low_reclaim && low > min) {
		protection = low;
		sc->memcg_low_skipped = true;
	}
	size = mem_cgroup_size(memcg);
	if (size < protection)
		size = protection;
	left = scan - scan * protection / (size + 1);
	return left > SWAP_CLUSTER_MAX ? left : SWAP_CLUSTER_MAX;
}

/* Pages to look at; 0 none; -1: not this one now, it is protected or was just aged. */
static int64_t get_nr_to_scan(struct lruvec *lruvec, struct scan_control *sc, unsigned swappiness)
{
	const struct lru_gen *gen = lruvec->gen;
	uint64_t max_seq = gen->max_seq, oldest = evictable_min_seq(gen, swappiness), nr;
	bool need_aging = oldest + MIN_NR_GENS >= max_seq;

	if (lruvec->memcg && mem_cgroup_below_min(sc->target_mem_cgroup, lruvec->memcg))
		return -1;
	/* With only the active generations left nothing can be evicted before aging. */
	nr = oldest + MIN_NR_GENS > max_seq ? 0 : evictable_size(gen, swappiness);
	if (nr && !is_online(lruvec->memcg))
		return (int64_t)nr;
	nr = apply_proportional_protection(lruvec->memcg, sc, nr);
	if (!need_aging || sc->priority == DEF_PRIORITY)
		return (int64_t)(nr >> sc->priority);
	return lru_gen_inc_max_seq(lruvec, max_seq, swappiness, false) ? -1 : 0;
}

bool lru_gen_should_abort(const struct lruvec *lruvec, const struct scan_control *sc)
{
	const struct pglist_data *pgdat = lruvec->pgdat;
	enum zone_watermarks mark = sc->mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING ? WMARK_PROMO :
												    WMARK_HIGH;
	uint64_t gap = sc->order > 0 ? 2ull << sc->order : 2;

	if (!root_reclaim(sc))
		return false;
	if (sc->nr_reclaimed >= (sc->nr_to_reclaim > gap ? sc->nr_to_reclaim : gap))
		return true;
	if (!sc->is_kswapd || sc->order)
		return false;
	for (unsigned z = 0; z <= (unsigned)sc->reclaim_idx; z++) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (zone->managed_pages &&
		    !zone_watermark_ok(zone, 0, wmark_pages(zone, mark) + MIN_LRU_BATCH, sc->reclaim_idx, 0))
			return false;
	}
	return true;
}

bool lru_gen_try_to_shrink(struct lruvec *lruvec, struct scan_control *sc)
{
	unsigned swappiness = lru_gen_swappiness(lruvec, sc);
	uint64_t scanned = 0;
	int64_t nr_to_scan;

	while ((nr_to_scan = get_nr_to_scan(lruvec, sc, swappiness)) > 0) {
		uint64_t delta = evict_folios((uint64_t)nr_to_scan, lruvec, sc, swappiness);

		scanned += delta;
		if (!delta || scanned >= (uint64_t)nr_to_scan || lru_gen_should_abort(lruvec, sc))
			break;
	}
	if (sc->nr.unqueued_dirty && sc->nr.unqueued_dirty == sc->nr.file_taken) {
		wakeup_flusher_threads(sc->mem);
		if (cgroup_reclaim(sc) && memcg_is_v1(sc->mem))
			reclaim_throttle(sc, lruvec->pgdat, VMSCAN_THROTTLE_WRITEBACK);
	}
	return nr_to_scan < 0;
}

/* ---- shadows ---- */

uint64_t lru_gen_eviction(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	struct lruvec *lruvec = folio_lruvec(mem, head);
	unsigned type = lru_gen_type(page), refs = folio_lru_refs(mem, head);
	bool workingset = page->flags & PG_WORKINGSET;
	uint64_t min_seq = lruvec->gen->min_seq[type];

	lruvec->gen->evicted[type][lru_tier_from_refs(refs, workingset)] += (uint64_t)folio_nr_pages(page);
	return pack_shadow((struct shadow_info){
		.memcg = (uint16_t)mem_cgroup_id(lruvec->memcg), .nid = (uint8_t)lruvec->pgdat->node_id,
		.workingset = workingset,
		.token = (min_seq << LRU_REFS_WIDTH | (refs ? refs - 1 : 0)) & SHADOW_TOKEN_MASK,
	});
}

static bool unpack_recent(const struct memory *mem, uint64_t shadow, struct lruvec **ret_lruvec, struct shadow_info *ret)
{
	uint64_t max_seq, seq;

	*ret = unpack_shadow(shadow);
	*ret_lruvec = NULL;
	if (!mem->nodes[ret->nid])
		return false;
	*ret_lruvec = mem_cgroup_lruvec(mem->page_memcg ? mem_cgroup_from_id(mem, ret->memcg) : NULL, mem->nodes[ret->nid]);
	max_seq = (*ret_lruvec)->gen->max_seq & SHADOW_TOKEN_MASK >> LRU_REFS_WIDTH;
	seq = ret->token >> LRU_REFS_WIDTH;
	return (max_seq > seq ? max_seq - seq : seq - max_seq) < MAX_NR_GENS;
}

bool lru_gen_test_recent(struct memory *mem, uint64_t shadow, bool file, struct lruvec **ret_lruvec,
			 bool *ret_workingset)
{
	struct shadow_info info;
	bool recent = unpack_recent(mem, shadow, ret_lruvec, &info);

	(void)file;
	*ret_workingset = info.workingset;
	return recent;
}

void lru_gen_refault(struct memory *mem, pfn_t head, uint64_t shadow)
{
	struct page *page = pfn_to_page(mem, head);
	unsigned type = lru_gen_type(page), refs;
	int64_t nr = folio_nr_pages(page);
	struct shadow_info info;
	struct lruvec *lruvec;
	bool recent = unpack_recent(mem, shadow, &lruvec, &info);

	if (lruvec != folio_lruvec(mem, head))
		return;
	mod_lruvec_state(lruvec, (enum node_stat_item)(WORKINGSET_REFAULT_ANON + type), nr);
	if (!recent)
		return;
	refs = (unsigned)(info.token & ((1u << LRU_REFS_WIDTH) - 1)) + 1;
	lruvec->gen->refaulted[type][lru_tier_from_refs(refs, info.workingset)] += (uint64_t)nr;
	if (mem->in_lru_fault)	/* folio_add_lru() will make it young */
		mod_lruvec_state(lruvec, (enum node_stat_item)(WORKINGSET_ACTIVATE_ANON + type), nr);
	if (info.workingset) {
		page->flags |= PG_WORKINGSET;
		mod_lruvec_state(lruvec, (enum node_stat_item)(WORKINGSET_RESTORE_ANON + type), nr);
	} else {
		folio_set_lru_refs(mem, head, refs - 1);
	}
}
