/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The lists of folios by age: see lru.h. */
#include "mm/lru.h"

#include "base/bug.h"
#include "base/strbuf.h"
#include "mm/seeded_bug.h"
#include "mm/workingset.h"

void for_each_lruvec(const struct memory *mem, void (*fn)(struct lruvec *lruvec, void *ctx), void *ctx)
{
	struct mem_cgroup *memcg = NULL;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		struct pglist_data *pgdat = mem->nodes[n];

		if (!pgdat)
			continue;
		fn(&pgdat->lruvec, ctx);
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			if (pgdat->node_zones[z].lruvec)
				fn(pgdat->node_zones[z].lruvec, ctx);
	}
	if (mem_cgroup_disabled(mem))
		return;
	/* A whole walk changes nothing of the machine. */
	while ((memcg = mem_cgroup_iter((struct memory *)(uintptr_t)mem, NULL, memcg, NULL)))
		for (unsigned n = 0; n < mem->nr_nodes; n++)
			if (mem->nodes[n] && !mem_cgroup_is_root(memcg))
				fn(mem_cgroup_lruvec(memcg, mem->nodes[n]), ctx);
}

static void enable_node(struct memory *mem, struct pglist_data *pgdat)
{
	lruvec_init(mem, &pgdat->lruvec, pgdat, NULL, pgdat->lruvec.memcg);
	for (unsigned z = 0; mem->conf.lru_per_zone && z < MAX_NR_ZONES; z++) {
		struct zone *zone = &pgdat->node_zones[z];

		if (!zone->managed_pages)
			continue;
		zone->lruvec = xcalloc(1, sizeof(*zone->lruvec));
		lruvec_init(mem, zone->lruvec, pgdat, zone, NULL);
	}
}

void lru_enable(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes && !mem->lru_enabled; n++)
		if (mem->nodes[n])
			enable_node(mem, mem->nodes[n]);
	mem->lru_enabled = true;
}

void lru_disable(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes && mem->lru_enabled; n++) {
		struct pglist_data *pgdat = mem->nodes[n];

		if (pgdat && mem->lru_policy)
			mem->lru_policy->exit_lruvec(mem, &pgdat->lruvec);
	}
	mem->lru_enabled = false;
}

/* ---- on the list and off it ---- */

/* Locked folios go to the unevictable list, others to that of their kind. (lru_add) */
static void lru_add(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	bool was_unevictable = page->flags & PG_UNEVICTABLE;
	uint64_t nr = (uint64_t)folio_nr_pages(page);

	page->flags &= ~PG_UNEVICTABLE;
	if (unlikely(!folio_evictable(page))) {
		page->flags = (page->flags & ~PG_ACTIVE) | PG_UNEVICTABLE;
		if (!was_unevictable)
			count_vm_events(mem, UNEVICTABLE_PGCULLED, nr);
	} else if (was_unevictable) {
		count_vm_events(mem, UNEVICTABLE_PGRESCUED, nr);
	}
	lruvec_add_folio(mem, head);
}

void folio_add_lru_slow(struct memory *mem, pfn_t head)
{
	VM_BUG_ON(pfn_to_page(mem, head)->flags & (PG_LRU | PG_TAIL));
	if (mem->last_cpupid)
		mem->last_cpupid[head] = 0;
	if (mem->lru_policy && !(pfn_to_page(mem, head)->flags & PG_UNEVICTABLE))
		mem->lru_policy->fault_in(mem, head);
	lru_add(mem, head);
}

bool folio_isolate_lru(struct memory *mem, pfn_t head)
{
	if (!(pfn_to_page(mem, head)->flags & PG_LRU))
		return false;
	lruvec_del_folio(mem, head);
	return true;
}

void folio_putback_lru(struct memory *mem, pfn_t head)
{
	if (mem->lru_enabled)
		lru_add(mem, head);
}

/* ---- from list to list ---- */

static bool is_evictable_on_lru(const struct page *page)
{
	return (page->flags & (PG_LRU | PG_UNEVICTABLE)) == PG_LRU;
}

void folio_mark_accessed(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!mem->lru_enabled)
		return;
	if (mem->lru_policy) {
		mem->lru_policy->mark_accessed(mem, head);
		return;
	}
	if (!(page->flags & PG_REFERENCED)) {
		page->flags |= PG_REFERENCED;
		return;
	}
	if (page->flags & (PG_ACTIVE | PG_UNEVICTABLE))
		return;
	folio_activate(mem, head);
	page->flags &= ~PG_REFERENCED;
	workingset_activation(mem, head);
}

void folio_activate(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!is_evictable_on_lru(page) || page->flags & PG_ACTIVE)
		return;
	lruvec_del_folio(mem, head);
	page->flags |= PG_ACTIVE;
	lruvec_add_folio(mem, head);
	count_vm_memcg_events(mem, folio_memcg(mem, head), PGACTIVATE, (uint64_t)folio_nr_pages(page));
}

void folio_deactivate(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!is_evictable_on_lru(page) ||
	    (mem->lru_policy ? mem->lru_policy->clear_refs(mem, head) : !(page->flags & PG_ACTIVE)))
		return;
	lruvec_del_folio(mem, head);
	page->flags &= ~(PG_ACTIVE | PG_REFERENCED);
	lruvec_add_folio(mem, head);
	count_vm_memcg_events(mem, folio_memcg(mem, head), PGDEACTIVATE, (uint64_t)folio_nr_pages(page));
}

void deactivate_file_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	bool active = page->flags & PG_ACTIVE || mem->lru_policy;
	uint64_t nr = (uint64_t)folio_nr_pages(page);

	if (!is_evictable_on_lru(page) || page->_mapcount)
		return;
	lruvec_del_folio(mem, head);
	page->flags &= ~(PG_ACTIVE | PG_REFERENCED);
	if (page->flags & (PG_WRITEBACK | PG_DIRTY)) {
		page->flags |= PG_RECLAIM;
		lruvec_add_folio(mem, head);
	} else {
		lruvec_add_folio_tail(mem, head);
		count_vm_memcg_events(mem, folio_memcg(mem, head), PGROTATED, nr);
	}
	if (active)
		count_vm_memcg_events(mem, folio_memcg(mem, head), PGDEACTIVATE, nr);
}

void folio_mark_lazyfree(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!is_evictable_on_lru(page) ||
	    (page->flags & (PG_ANON | PG_SWAPBACKED | PG_SWAPCACHE)) != (PG_ANON | PG_SWAPBACKED))
		return;
	lruvec_del_folio(mem, head);
	if (mem->lru_policy)
		(void)mem->lru_policy->clear_refs(mem, head);
	page->flags &= ~(PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED);
	lruvec_add_folio(mem, head);
	count_vm_memcg_events(mem, folio_memcg(mem, head), PGLAZYFREE, (uint64_t)folio_nr_pages(page));
}

void folio_rotate_reclaimable(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	page->flags &= ~PG_RECLAIM;
	if (!is_evictable_on_lru(page) || page->flags & PG_DIRTY)
		return;
	lruvec_del_folio(mem, head);
	page->flags &= ~PG_ACTIVE;
	lruvec_add_folio_tail(mem, head);
	count_vm_memcg_events(mem, folio_memcg(mem, head), PGROTATED, (uint64_t)folio_nr_pages(page));
}

/* ---- locked folios ---- */

/* An unevictable folio is counted but linked to nothing: `prev` counts who locks it, as folio->mlock_count. */
static pfn_t *mlock_count(struct page *page)
{
	return &page->prev;
}

static void set_mlocked(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	uint64_t nr = (uint64_t)folio_nr_pages(page);

	page->flags |= PG_MLOCKED;
	page_zone(mem, head)->vm_stat[NR_MLOCK] += nr;
	count_vm_events(mem, UNEVICTABLE_PGMLOCKED, nr);
}

void mlock_new_folio(struct memory *mem, pfn_t head)
{
	set_mlocked(mem, head);
	folio_add_lru_slow(mem, head);
	*mlock_count(pfn_to_page(mem, head)) = 1;
}

void mlock_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!(page->flags & PG_MLOCKED))
		set_mlocked(mem, head);
	if (!(page->flags & PG_LRU))
		return;
	if (!(page->flags & PG_UNEVICTABLE)) {
		lruvec_del_folio(mem, head);
		lru_add(mem, head);
		*mlock_count(page) = 0;
	}
	++*mlock_count(page);
}

void munlock_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	uint64_t nr = (uint64_t)folio_nr_pages(page);
	bool on_lru = page->flags & PG_LRU;

	if (on_lru && page->flags & PG_UNEVICTABLE && *mlock_count(page) && --*mlock_count(page))
		return;
	if (page->flags & PG_MLOCKED) {
		page->flags &= ~PG_MLOCKED;
		page_zone(mem, head)->vm_stat[NR_MLOCK] -= SEEDED_BUG(mem, MLOCK_COUNT) ? 0 : nr;
		count_vm_events(mem, on_lru || !(page->flags & PG_UNEVICTABLE) ? UNEVICTABLE_PGMUNLOCKED :
									  UNEVICTABLE_PGSTRANDED, nr);
	}
	if (on_lru && page->flags & PG_UNEVICTABLE) {
		lruvec_del_folio(mem, head);
		lru_add(mem, head);
	}
}

/* ---- the ratio ---- */

static uint64_t int_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

/* 1 active page for each inactive one below 1 GiB, 3:1 at 1 GiB, sqrt(10 x GiB):1 above. */
bool inactive_is_low(struct lruvec *lruvec, enum lru_list lru)
{
	uint64_t inactive = lruvec_flushed_state(lruvec, (enum node_stat_item)(NR_INACTIVE_ANON + lru));
	uint64_t active = lruvec_flushed_state(lruvec, (enum node_stat_item)(NR_INACTIVE_ANON + lru + LRU_ACTIVE));
	uint64_t gib = (inactive + active) >> (30 - lruvec->pgdat->mem->geo->page_shift);

	return inactive * (gib ? int_sqrt(10 * gib) : 1) < active;
}

/* ---- checks ---- */

struct check {
	const struct memory *mem;
	uint64_t pages[MAX_NUMNODES][NR_LRU_LISTS];
	bool ok;
};

static bool on_its_list(const struct check *c, const struct lruvec *lruvec, enum lru_list lru, pfn_t pfn)
{
	const struct page *page = pfn_to_page(c->mem, pfn);

	return page->flags & PG_LRU && !(page->flags & PG_TAIL) && page->_refcount > 0 && folio_lru_list(page) == lru &&
	       folio_lruvec(c->mem, pfn) == lruvec;
}

static bool list_consistent(const struct check *c, const struct lruvec *lruvec, enum lru_list lru)
{
	const struct memory *mem = c->mem;
	const struct pfn_list *list = &lruvec->lists[lru];
	uint64_t nr = 0, pages = 0, zone_pages = 0;
	pfn_t prev = PFN_NONE;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; prev = pfn, pfn = pfn_to_page(mem, pfn)->next) {
		if (nr++ > list->nr || pfn_to_page(mem, pfn)->prev != prev || !on_its_list(c, lruvec, lru, pfn))
			return false;
		pages += (uint64_t)folio_nr_pages(pfn_to_page(mem, pfn));
	}
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		zone_pages += lruvec->zone_pages[z][lru];
	if (zone_pages != lruvec->nr_pages[lru])
		return false;
	/* Unevictable folios and those of another policy are counted here but linked elsewhere. */
	return nr == list->nr && list->last == prev &&
	       (lru == LRU_UNEVICTABLE || mem->lru_policy || pages == lruvec->nr_pages[lru]);
}

static void check_lruvec(struct lruvec *lruvec, void *ctx)
{
	struct check *c = ctx;

	for (unsigned lru = 0; lru < NR_LRU_LISTS; lru++) {
		c->ok &= list_consistent(c, lruvec, (enum lru_list)lru);
		c->pages[lruvec->pgdat->node_id][lru] += lruvec->nr_pages[lru];
	}
}

bool lru_consistent(const struct memory *mem)
{
	struct check c = { .mem = mem, .ok = true };

	if (!mem->lru_enabled)
		return true;
	for_each_lruvec(mem, check_lruvec, &c);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned lru = 0; mem->nodes[n] && lru < NR_LRU_LISTS; lru++)
			c.ok &= mem->nodes[n]->vm_stat[NR_INACTIVE_ANON + lru] == c.pages[n][lru];
	return c.ok;
}
