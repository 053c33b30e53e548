/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A walk over the page-table entries of a range: see pagewalk.h. */
#include "mm/pagewalk.h"

#include "mm/huge_pmd.h"

struct page_walk {
	struct vm_area_struct *vma;
	pte_entry_fn *entry;
	void *ctx;
	bool whole;	/* huge entries in part of the range stay as they are */
};

static void walk_level(const struct page_walk *w, struct pgtable *table, uint64_t addr, uint64_t end)
{
	const struct geometry *geo = w->vma->vm_mm->mem->geo;
	uint64_t size = 1ull << geo->level[table->level].shift;

	for (uint64_t next; addr < end && table->nr_used; addr = next) {
		unsigned i = pte_index(geo, table, addr);

		next = geometry_addr_end(geo, table->level, addr, end);
		if (pte_none(table->ent[i]))
			continue;
		if (table->level == HPAGE_LEVEL && next - addr != size && pte_is_leaf(table->ent[i])) {
			if (w->whole)
				continue;
			split_huge_pmd(w->vma, table, i, addr);
		}
		if (pte_none(table->ent[i]))	/* of a file: gone */
			continue;
		if (pte_is_table(table->ent[i]))
			walk_level(w, pte_table(table->ent[i]), addr, next);
		else
			w->entry(w->ctx, table, i, addr);
	}
}

void walk_page_range_vma(struct vm_area_struct *vma, uint64_t start, uint64_t end,
			 pte_entry_fn *entry, void *ctx)
{
	struct page_walk w = {vma, entry, ctx, false};

	walk_level(&w, vma->vm_mm->pgd, start, end);
}

void walk_page_range_whole(struct vm_area_struct *vma, uint64_t start, uint64_t end, pte_entry_fn *entry, void *ctx)
{
	struct page_walk w = {vma, entry, ctx, true};

	walk_level(&w, vma->vm_mm->pgd, start, end);
}
