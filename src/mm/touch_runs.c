/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Pages of large folios that were touched: see touch_runs.h. */
#include "mm/touch_runs.h"

#include "mm/folio_touched.h"
#include "mm/pgtable.h"
#include "mm/thp_orders.h"

#define NR_REGIONS 64u
#define RUN_PAGE_SHIFT 12	/* of struct mmr_run.page */

/* What maps one huge page's worth of addresses: a huge entry, or a table of base entries. Good for one call. */
struct region {
	uint64_t key;			/* number of the region + 1, 0 none */
	const struct pgtable *table;	/* NULL: a huge entry, or nothing */
	pfn_t head;			/* of an anonymous huge page, PFN_NONE none */
};

struct touch_state {
	struct memory *mem;
	struct region region[NR_REGIONS];
};

static void look_up(struct touch_state *t, struct region *r, uint64_t addr)
{
	struct memory *mem = t->mem;
	const struct pgtable *pmd = pgtable_lookup(mem->current->mm, addr, HPAGE_LEVEL);
	pte_t pte = pmd ? pmd->ent[pte_index(mem->geo, pmd, addr)] : (pte_t){0};

	r->table = pte_is_table(pte) ? pte_table(pte) : NULL;
	r->head = PFN_NONE;
	if (pte_is_leaf(pte) && !(pte.pte & PTE_SPECIAL) && pfn_to_page(mem, pte_pfn(pte))->flags & PG_ANON)
		r->head = pte_pfn(pte);
}

/* The page of a large anonymous folio that addr is in, PFN_NONE: something else is there. */
static pfn_t large_page_at(const struct touch_state *t, const struct region *r, uint64_t addr)
{
	const struct memory *mem = t->mem;
	uint32_t flags;
	pte_t pte;

	if (r->head != PFN_NONE)
		return r->head + (pfn_t)((addr & (hpage_size(mem) - 1)) >> mem->geo->page_shift);
	if (!r->table)
		return PFN_NONE;
	pte = r->table->ent[pte_index(mem->geo, r->table, addr)];
	if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
		return PFN_NONE;
	flags = pfn_to_page(mem, pte_pfn(pte))->flags;
	return flags & PG_ANON && flags & (PG_HEAD | PG_TAIL) ? pte_pfn(pte) : PFN_NONE;
}

static void touch_one(struct touch_state *t, uint64_t addr, bool write)
{
	uint8_t how = FOLIO_TOUCHED | (write ? FOLIO_WRITTEN : 0);
	struct memory *mem = t->mem;
	uint64_t key = (addr >> mem->geo->level[HPAGE_LEVEL].shift) + 1;
	struct region *r = &t->region[key % NR_REGIONS];
	pfn_t pfn;

	if (r->key != key) {
		r->key = key;
		look_up(t, r, addr);
	}
	pfn = large_page_at(t, r, addr);
	if (pfn == PFN_NONE || (mem->page_touched[pfn] & how) == how)
		return;
	mem->thp_waste.first_touches += !(mem->page_touched[pfn] & FOLIO_TOUCHED);
	page_mark_touched(mem, pfn, how & FOLIO_WRITTEN);
}

void __touch_runs(struct memory *mem, const struct mmr_run *runs, size_t nr)
{
	struct touch_state t = { .mem = mem };

	if (!mem->current->mm)
		return;
	for (size_t i = 0; i < nr; i++)
		touch_one(&t, runs[i].page << RUN_PAGE_SHIFT, runs[i].nr_writes);
	folio_touched_settle(mem);
}

void __touch_addr(struct memory *mem, uint64_t addr, bool write)
{
	struct touch_state t = { .mem = mem };

	if (mem->current && mem->current->mm)
		touch_one(&t, addr, write);
	folio_touched_settle(mem);
}
