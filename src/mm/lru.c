/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The lists of folios by age: see lru.h. */
#include "mm/lru.h"

#include "base/bug.h"

void lru_enable(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes && !mem->lru_enabled; n++)
		for (unsigned lru = 0; mem->nodes[n] && lru < NR_LRU_LISTS; lru++)
			pfn_list_init(&mem->nodes[n]->lruvec.lists[lru]);
	mem->lru_enabled = true;
}

void folio_add_lru_slow(struct memory *mem, pfn_t head)
{
	VM_BUG_ON(pfn_to_page(mem, head)->flags & (PG_LRU | PG_TAIL));
	if (mem->last_cpupid)
		mem->last_cpupid[head] = 0;
	lruvec_add_folio(mem, head);
}

void folio_mark_accessed(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (!mem->lru_enabled)
		return;
	if (!(page->flags & PG_REFERENCED)) {
		page->flags |= PG_REFERENCED;
		return;
	}
	if (page->flags & (PG_ACTIVE | PG_UNEVICTABLE) || !(page->flags & PG_LRU))
		return;
	folio_activate(mem, head);
	page->flags &= ~PG_REFERENCED;
}

void folio_activate(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if ((page->flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE)) != PG_LRU)
		return;
	lruvec_del_folio(mem, head);
	page->flags |= PG_ACTIVE;
	lruvec_add_folio(mem, head);
	count_vm_events(mem, PGACTIVATE, (uint64_t)folio_nr_pages(page));
}

void folio_deactivate(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if ((page->flags & (PG_LRU | PG_ACTIVE | PG_UNEVICTABLE)) != (PG_LRU | PG_ACTIVE))
		return;
	lruvec_del_folio(mem, head);
	page->flags &= ~(PG_ACTIVE | PG_REFERENCED);
	lruvec_add_folio(mem, head);
	count_vm_events(mem, PGDEACTIVATE, (uint64_t)folio_nr_pages(page));
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
		lruvec_add_folio(mem, head);
}

static uint64_t int_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

/* 1 active page for each inactive one below 1 GiB, 3:1 at 1 GiB, sqrt(10 x GiB):1 above. */
bool inactive_is_low(const struct pglist_data *pgdat, enum lru_list lru)
{
	uint64_t inactive = lruvec_lru_size(pgdat, lru);
	uint64_t active = lruvec_lru_size(pgdat, (enum lru_list)(lru + LRU_ACTIVE));
	uint64_t gib = (inactive + active) >> (30 - pgdat->mem->geo->page_shift);

	return inactive * (gib ? int_sqrt(10 * gib) : 1) < active;
}

static bool list_consistent(const struct pglist_data *pgdat, enum lru_list lru)
{
	const struct memory *mem = pgdat->mem;
	const struct pfn_list *list = &pgdat->lruvec.lists[lru];
	pfn_t prev = PFN_NONE;
	uint64_t nr = 0, pages = 0;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; prev = pfn, pfn = pfn_to_page(mem, pfn)->next) {
		const struct page *page = pfn_to_page(mem, pfn);

		if (nr++ > list->nr || !(page->flags & PG_LRU) || page->flags & PG_TAIL || page->prev != prev ||
		    page->_refcount <= 0 || pfn_to_node(mem, pfn) != pgdat || folio_lru_list(page) != lru)
			return false;
		pages += (uint64_t)folio_nr_pages(page);
	}
	return nr == list->nr && list->last == prev && pages == lruvec_lru_size(pgdat, lru);
}

bool lru_consistent(const struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes && mem->lru_enabled; n++)
		for (unsigned lru = 0; lru < NR_LRU_LISTS; lru++)
			if (mem->nodes[n] && !list_consistent(mem->nodes[n], (enum lru_list)lru))
				return false;
	return true;
}
