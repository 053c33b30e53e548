/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* One walk of the page tables, in order of address. */
#include "sim/contiguity.h"

#include "mm/pgtable.h"

struct contiguity_walk {
	struct contiguity sum;
	const struct geometry *geo;
	uint64_t next_page; /* virtual page and frame that would go on with the run */
	uint64_t next_pfn;
	uint64_t run_pages;
};

static void end_run(struct contiguity_walk *w)
{
	unsigned order;

	if (!w->run_pages)
		return;
	order = 63u - (unsigned)__builtin_clzll(w->run_pages);
	if (order >= CONTIGUITY_ORDERS)
		order = CONTIGUITY_ORDERS - 1;
	w->sum.runs++;
	w->sum.runs_by_order[order]++;
	w->sum.pages_by_order[order] += w->run_pages;
	w->run_pages = 0;
}

static void add_leaf(struct contiguity_walk *w, uint64_t page, uint64_t pfn, uint64_t nr)
{
	if (page != w->next_page || pfn != w->next_pfn)
		end_run(w);
	w->run_pages += nr;
	w->sum.pages += nr;
	w->next_page = page + nr;
	w->next_pfn = pfn + nr;
	if (w->run_pages > w->sum.largest_pages)
		w->sum.largest_pages = w->run_pages;
}

static void walk_table(struct contiguity_walk *w, const struct pgtable *t, uint64_t addr)
{
	unsigned shift = w->geo->level[t->level].shift, page_shift = w->geo->page_shift;
	uint32_t left = t->nr_used;

	for (unsigned i = 0; left && i < 1u << t->bits; i++) {
		uint64_t at = addr + ((uint64_t)i << shift);
		pte_t pte = t->ent[i];

		left -= !pte_none(pte);
		if (pte_is_table(pte))
			walk_table(w, pte_table(pte), at);
		else if (pte_is_leaf(pte) && !(pte.pte & PTE_SPECIAL))
			add_leaf(w, at >> page_shift, pte_pfn(pte), 1ull << (shift - page_shift));
	}
}

struct contiguity contiguity_of(const struct mm_struct *mm)
{
	struct contiguity_walk w = {.geo = mm->mem->geo};

	walk_table(&w, mm->pgd, 0);
	end_run(&w);
	return w.sum;
}

void contiguity_add(struct contiguity *sum, const struct contiguity *c)
{
	sum->pages += c->pages;
	sum->runs += c->runs;
	if (c->largest_pages > sum->largest_pages)
		sum->largest_pages = c->largest_pages;
	for (unsigned o = 0; o < CONTIGUITY_ORDERS; o++) {
		sum->runs_by_order[o] += c->runs_by_order[o];
		sum->pages_by_order[o] += c->pages_by_order[o];
	}
}
