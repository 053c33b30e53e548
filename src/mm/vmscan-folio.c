/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What becomes of isolated folios. Kernel counterpart: mm/vmscan.c (shrink_folio_list, folio_check_references, pageout,
 * __remove_mapping, demote_folio_list).
 *
 * Modelled: locked, mapped and referenced folios; dirty and under writeback, with the flags of the node; demotion; swap
 * slots, whole or after a split; unmapping; writing out; lazily freed memory; removal from page cache and swap cache with a
 * shadow. Left out: buffer heads, pins by devices (pages that somebody holds fail at the last check), hardware poison.
 */
#include "mm/vmscan-internal.h"

#include "mm/memory_tiers.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/shmem.h"
#include "mm/split_folio.h"
#include "mm/swap_state.h"
#include "mm/swapfile.h"
#include "mm/thp_orders.h"
#include "mm/workingset.h"
#include "mm/writeback.h"

/* One list of folios and what has come of it so far. */
struct shrink_control {
	struct memory *mem;
	struct pglist_data *pgdat;
	struct scan_control *sc;
	struct reclaim_stat *stat;
	struct pfn_list *folios;	/* still to be looked at, the oldest last */
	struct pfn_list ret, demote, freed;
	uint64_t nr_reclaimed;
	bool ignore_references, do_demote;
};

enum folio_references { FOLIOREF_RECLAIM, FOLIOREF_RECLAIM_CLEAN, FOLIOREF_KEEP, FOLIOREF_ACTIVATE };
enum folio_fate {
	FOLIO_FREE,		/* nothing has it any more but us */
	FOLIO_KEEP,		/* back where it came from */
	FOLIO_ACTIVATE,
	FOLIO_DEMOTE
};

static bool folio_test(const struct memory *mem, pfn_t head, uint32_t flags)
{
	return pfn_to_page(mem, head)->flags & flags;
}

static uint64_t nr_pages_of(const struct memory *mem, pfn_t head)
{
	return (uint64_t)folio_nr_pages(pfn_to_page(mem, head));
}

/* Anonymous memory that MADV_FREE gave up, and nobody has written since. */
static bool is_lazyfree(const struct page *page)
{
	return (page->flags & (PG_ANON | PG_SWAPBACKED)) == PG_ANON;
}

/* ---- was it used? ---- */

static enum folio_references folio_check_references(struct memory *mem, pfn_t head, const struct scan_control *sc)
{
	struct page *page = pfn_to_page(mem, head);
	bool was_referenced, file = folio_is_file_lru(page);
	uint64_t vm_flags;
	unsigned ptes = folio_referenced(mem, head, sc->target_mem_cgroup, &vm_flags);

	if (vm_flags & VM_LOCKED)
		return FOLIOREF_ACTIVATE;
	if (mem->lru_policy)
		return !ptes ? FOLIOREF_RECLAIM : mem->lru_policy->set_refs(mem, head) ? FOLIOREF_ACTIVATE : FOLIOREF_KEEP;
	was_referenced = page->flags & PG_REFERENCED;
	page->flags &= ~PG_REFERENCED;
	if (ptes) {
		page->flags |= PG_REFERENCED;
		if (was_referenced || ptes > 1 || (vm_flags & VM_EXEC && file))
			return FOLIOREF_ACTIVATE;
		return FOLIOREF_KEEP;
	}
	return was_referenced && file ? FOLIOREF_RECLAIM_CLEAN : FOLIOREF_RECLAIM;
}

/* ---- writeback ---- */

static bool may_enter_fs(const struct memory *mem, pfn_t head, gfp_t gfp)
{
	return gfp & __GFP_FS || (folio_test(mem, head, PG_SWAPCACHE) && gfp & __GFP_IO);
}

/* Does balance_dirty_pages() hold up whoever dirties the pages of this group? Not with cgroup v1. */
static bool writeback_throttling_sane(const struct scan_control *sc)
{
	return !cgroup_reclaim(sc) || !memcg_is_v1(sc->mem);
}

/* False: it stays where it is for now. */
static bool wait_or_leave_writeback(struct shrink_control *s, pfn_t head)
{
	struct page *page = pfn_to_page(s->mem, head);
	struct scan_control *sc = s->sc;
	uint64_t nr = nr_pages_of(s->mem, head);

	if (sc->is_kswapd && page->flags & PG_RECLAIM && s->pgdat->kswapd.pgdat_writeback) {
		s->stat->nr_immediate += nr;
		return false;
	}
	if (writeback_throttling_sane(sc) || !(page->flags & PG_RECLAIM) || !may_enter_fs(s->mem, head, sc->gfp_mask)) {
		page->flags |= PG_RECLAIM;
		s->stat->nr_writeback += nr;
		return false;
	}
	folio_wait_writeback(s->mem, head);
	return true;
}

static void count_dirty(struct shrink_control *s, const struct page *page, uint64_t nr)
{
	bool dirty = page->flags & PG_DIRTY, writeback = page->flags & PG_WRITEBACK;

	if (!folio_is_file_lru(page) || is_lazyfree(page))
		return;
	s->stat->nr_dirty += dirty || writeback ? nr : 0;
	s->stat->nr_unqueued_dirty += dirty && !writeback ? nr : 0;
	s->stat->nr_congested += writeback && page->flags & PG_RECLAIM ? nr : 0;
}

/* ---- swap ---- */

/* The parts of a split folio that are on the list now: each gets the reference that isolated folios have. */
static bool split_to_list(struct shrink_control *s, pfn_t head)
{
	struct pfn_list parts;

	pfn_list_init(&parts);
	if (!split_folio_to_list(s->mem, head, 0, 1, &parts))
		return false;
	while (!pfn_list_empty(&parts)) {
		pfn_t part = parts.last;

		pfn_list_del(s->mem->mem_map, &parts, part);
		get_page(s->mem, part);
		pfn_list_add_tail(s->mem->mem_map, s->folios, part);
	}
	return true;
}

static void count_swpout_fallback(struct memory *mem, struct mem_cgroup *memcg, unsigned order)
{
	if (order >= hpage_order(mem))
		count_vm_memcg_events(mem, memcg, THP_SWPOUT_FALLBACK, 1);
	count_mthp_stat(mem, order, MTHP_STAT_SWPOUT_FALLBACK);
}

/* Slots in swap for an anonymous folio. A large one is split when there is no room for it whole. False: it must stay. */
static bool add_to_swap(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	unsigned order = page_order(pfn_to_page(mem, head));

	if (order && folio_test_deferred(mem, head) && folio_test_partially_mapped(mem, head) && !split_to_list(s, head))
		return false;
	if (!folio_alloc_swap(mem, head)) {
		order = page_order(pfn_to_page(mem, head));
		if (!order || !split_to_list(s, head))
			return false;
		count_swpout_fallback(mem, folio_memcg(mem, head), order);
		if (!folio_alloc_swap(mem, head))
			return false;
	}
	folio_mark_dirty(mem, head);
	return true;
}

/* ---- writing ---- */

/* Has nobody but its cache and us a reference? */
static bool is_freeable(const struct memory *mem, pfn_t head)
{
	return pfn_to_page(mem, head)->_refcount == folio_expected_refs(mem, head) + 1;
}

/* A dirty folio. FOLIO_FREE: it is clean now. */
static enum folio_fate clean_folio(struct shrink_control *s, pfn_t head, enum folio_references references)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, head);
	struct scan_control *sc = s->sc;

	if (folio_is_file_lru(page) &&
	    (!sc->is_kswapd || !(page->flags & PG_RECLAIM) || !s->pgdat->kswapd.pgdat_dirty)) {
		lruvec_stat_mod_folio(mem, head, NR_VMSCAN_IMMEDIATE, folio_nr_pages(page));
		page->flags |= PG_RECLAIM;
		return FOLIO_ACTIVATE;
	}
	if (references == FOLIOREF_RECLAIM_CLEAN || !may_enter_fs(mem, head, sc->gfp_mask) || !sc->may_writepage)
		return FOLIO_KEEP;
	try_to_unmap_flush(mem);
	if (!is_freeable(mem, head))
		return FOLIO_KEEP;
	switch (pageout(mem, head)) {
	case PAGE_KEEP:
		return FOLIO_KEEP;
	case PAGE_ACTIVATE:
		return FOLIO_ACTIVATE;
	case PAGE_SUCCESS:
		s->stat->nr_pageout += nr_pages_of(mem, head);
		return page->flags & (PG_WRITEBACK | PG_DIRTY) ? FOLIO_KEEP : FOLIO_FREE;
	case PAGE_CLEAN:
		break;
	}
	return FOLIO_FREE;
}

/* ---- the end ---- */

/* Out of the cache, with a shadow in its place. False: somebody else has it. */
static bool remove_mapping(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, head);
	struct mem_cgroup *target = s->sc->target_mem_cgroup;
	uint64_t shadow = 0;

	if (!is_freeable(mem, head) || page->flags & PG_DIRTY)
		return false;
	if (page->flags & PG_SWAPCACHE) {
		shadow = workingset_eviction(mem, head, target);
		swap_cache_evict(mem, head, shadow);
		return true;
	}
	if (folio_is_file_lru(page))
		shadow = workingset_eviction(mem, head, target);
	__filemap_remove_folio(mem, head, shadow);
	put_page(mem, head);
	return true;
}

static bool take_away(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, head);

	if (!is_lazyfree(page))
		return (page->flags & PG_SWAPCACHE || (page->mapping && !(page->flags & PG_ANON))) && remove_mapping(s, head);
	if (page->_refcount != 1)
		return false;
	count_vm_memcg_events(mem, folio_memcg(mem, head), PGLAZYFREED, nr_pages_of(mem, head));
	return true;
}

/* False: something still maps it. */
static bool unmap_folio(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, head);
	unsigned ttu = TTU_BATCH_FLUSH;
	bool was_swapbacked = page->flags & PG_SWAPBACKED;

	if (!folio_mapped(mem, head))
		return true;
	if (page_order(page) >= hpage_order(mem))
		ttu |= TTU_SPLIT_HUGE_PMD;
	if (try_to_unmap(mem, head, ttu))
		return true;
	s->stat->nr_unmap_fail += nr_pages_of(mem, head);
	if (!was_swapbacked && page->flags & PG_SWAPBACKED)
		s->stat->nr_lazyfree_fail += nr_pages_of(mem, head);
	return false;
}

/* Needs an anonymous folio slots, and has it none? */
static bool wants_swap(const struct page *page)
{
	return (page->flags & (PG_ANON | PG_SWAPBACKED | PG_SWAPCACHE)) == (PG_ANON | PG_SWAPBACKED);
}

/* Swap, unmap, write, remove: in the kernel's order. */
static enum folio_fate reclaim_folio(struct shrink_control *s, pfn_t head, enum folio_references references)
{
	struct memory *mem = s->mem;
	uint64_t nr = nr_pages_of(mem, head);
	enum folio_fate fate = FOLIO_FREE;

	if (wants_swap(pfn_to_page(mem, head))) {
		bool swapped;

		if (!(s->sc->gfp_mask & __GFP_IO))
			return FOLIO_KEEP;
		swapped = add_to_swap(s, head);
		s->sc->nr_scanned -= nr - nr_pages_of(mem, head);	/* its parts count for themselves */
		if (!swapped)
			return FOLIO_ACTIVATE;
	}
	if (!unmap_folio(s, head))
		return FOLIO_ACTIVATE;
	if (folio_test(mem, head, PG_DIRTY) && !is_lazyfree(pfn_to_page(mem, head)))
		fate = clean_folio(s, head, references);
	if (fate != FOLIO_FREE)
		return fate;
	return take_away(s, head) ? FOLIO_FREE : FOLIO_KEEP;
}

static enum folio_fate shrink_folio(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	const struct page *page = pfn_to_page(mem, head);
	enum folio_references references = FOLIOREF_RECLAIM;
	uint64_t nr = nr_pages_of(mem, head);

	/* Only pages that are being read are locked: nothing else goes on beside reclaim. */
	if (folio_is_read(mem, head))
		return FOLIO_KEEP;
	s->sc->nr_scanned += nr;
	if (!folio_evictable(page))
		return FOLIO_ACTIVATE;
	if (!s->sc->may_unmap && folio_mapped(mem, head))
		return FOLIO_KEEP;
	count_dirty(s, page, nr);
	if (page->flags & PG_WRITEBACK && !wait_or_leave_writeback(s, head))
		return FOLIO_ACTIVATE;
	if (!s->ignore_references)
		references = folio_check_references(mem, head, s->sc);
	if (references == FOLIOREF_ACTIVATE)
		return FOLIO_ACTIVATE;
	if (references == FOLIOREF_KEEP) {
		s->stat->nr_ref_keep += nr;
		return FOLIO_KEEP;
	}
	return s->do_demote ? FOLIO_DEMOTE : reclaim_folio(s, head, references);
}

static void activate(struct shrink_control *s, pfn_t head)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, head);
	uint64_t nr = nr_pages_of(mem, head);

	if (page->flags & PG_SWAPCACHE &&
	    (page->flags & PG_MLOCKED || vm_swap_full(mem) || mem_cgroup_swap_half_full(mem, head)))
		folio_free_swap(mem, head);
	if (page->flags & PG_MLOCKED)
		return;
	page->flags |= PG_ACTIVE;
	s->stat->nr_activate[folio_is_file_lru(page)] += nr;
	count_memcg_events(folio_memcg(mem, head), PGACTIVATE, nr);
}

static void dispose(struct shrink_control *s, pfn_t head, enum folio_fate fate)
{
	struct memory *mem = s->mem;

	switch (fate) {
	case FOLIO_FREE:
		s->nr_reclaimed += nr_pages_of(mem, head);
		pfn_list_add(mem->mem_map, &s->freed, head);
		return;
	case FOLIO_DEMOTE:
		pfn_list_add(mem->mem_map, &s->demote, head);
		return;
	case FOLIO_ACTIVATE:
		activate(s, head);
		break;
	case FOLIO_KEEP:
		break;
	}
	pfn_list_add(mem->mem_map, &s->ret, head);
}

/* All at once, when the TLBs have been told. */
static void free_folios(struct shrink_control *s)
{
	try_to_unmap_flush(s->mem);
	while (!pfn_list_empty(&s->freed)) {
		pfn_t head = s->freed.last;

		pfn_list_del(s->mem->mem_map, &s->freed, head);
		put_page(s->mem, head);
	}
}

/* ---- demotion ---- */

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

/* Up to a cluster of them, which are on their lists meanwhile; those that stay are isolated again, for another pass. */
static void demote_cluster(struct shrink_control *s, const struct demote_target *t)
{
	struct memory *mem = s->mem;
	pfn_t folios[SWAP_CLUSTER_MAX];
	size_t nr = 0, moved;
	struct demote_target target = *t;

	while (nr < SWAP_CLUSTER_MAX && !pfn_list_empty(&s->demote)) {
		pfn_t head = s->demote.last;

		pfn_list_del(mem->mem_map, &s->demote, head);
		folio_putback_lru(mem, head);
		put_page(mem, head);
		if (folio_test(mem, head, PG_LRU))
			folios[nr++] = head;
	}
	moved = t->nid < 0 ? 0 : migrate_pages(mem, folios, nr, alloc_demote_folio, &target, MR_DEMOTION);
	s->stat->nr_demoted += moved;
	s->nr_reclaimed += moved;
	for (size_t i = 0; i < nr; i++)
		if (pfn_to_node(mem, folios[i]) == s->pgdat && folio_isolate_lru(mem, folios[i])) {
			get_page(mem, folios[i]);
			pfn_list_add(mem->mem_map, s->folios, folios[i]);
		}
}

/* Those that could not move are on the list again. */
static void demote_folios(struct shrink_control *s)
{
	unsigned nid = s->pgdat->node_id;
	struct demote_target t = { .nid = -1 };

	if (pfn_list_empty(&s->demote))
		return;
	t.nid = next_demotion_node(s->mem, nid);
	t.allowed = node_get_allowed_targets(s->mem, nid);
	while (!pfn_list_empty(&s->demote))
		demote_cluster(s, &t);
}

/* ---- the list ---- */

static void shrink_all(struct shrink_control *s)
{
	struct memory *mem = s->mem;

	while (!pfn_list_empty(s->folios)) {
		pfn_t head = s->folios->last;

		pfn_list_del(mem->mem_map, s->folios, head);
		dispose(s, head, shrink_folio(s, head));
	}
	free_folios(s);
}

uint64_t shrink_folio_list(struct pfn_list *folios, struct pglist_data *pgdat, struct scan_control *sc,
			   struct reclaim_stat *stat, bool ignore_references)
{
	struct memory *mem = sc->mem;
	struct shrink_control s = {
		.mem = mem, .pgdat = pgdat, .sc = sc, .stat = stat, .folios = folios,
		.ignore_references = ignore_references,
		.do_demote = !sc->no_demotion && can_demote(mem, pgdat->node_id),
	};

	*stat = (struct reclaim_stat){0};
	pfn_list_init(&s.ret);
	pfn_list_init(&s.demote);
	pfn_list_init(&s.freed);
	shrink_all(&s);
	demote_folios(&s);
	if (!pfn_list_empty(folios) && !sc->proactive) {
		s.do_demote = false;
		shrink_all(&s);
	}
	while (!pfn_list_empty(&s.ret)) {
		pfn_t head = s.ret.last;

		pfn_list_del(mem->mem_map, &s.ret, head);
		pfn_list_add(mem->mem_map, folios, head);
	}
	count_vm_events(mem, PGACTIVATE, stat->nr_activate[0] + stat->nr_activate[1]);
	return s.nr_reclaimed;
}
