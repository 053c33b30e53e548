/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Advice on part of a folio: see split_folios_across() in split_folio.h. Kernel counterpart: mm/madvise.c. */
#include "mm/huge_pmd.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/vma.h"

struct folio_range {
	struct memory *mem;
	struct vm_area_struct *vma;
	uint64_t start, end;
};

/* Pages from addr on that map consecutive pages of the folio, as far as the range and the table go. */
static unsigned pte_batch(const struct folio_range *r, const struct pgtable *table, uint64_t addr, pfn_t head)
{
	unsigned i = pte_index(r->mem->geo, table, addr), nr = 1;
	pfn_t pfn = pte_pfn(table->ent[i]), stop = head + (1u << page_order(pfn_to_page(r->mem, head)));

	while (i + nr < 1u << table->bits && addr + ((uint64_t)nr << r->mem->geo->page_shift) < r->end && pfn + nr < stop &&
	       pte_present(table->ent[i + nr]) && pte_pfn(table->ent[i + nr]) == pfn + nr)
		nr++;
	return nr;
}

/* Returns how many pages from addr on are dealt with. */
static unsigned split_at(const struct folio_range *r, const struct pgtable *table, uint64_t addr)
{
	pte_t pte = table->ent[pte_index(r->mem->geo, table, addr)];
	unsigned nr;
	pfn_t head;

	if (!pte_present(pte) || pte.pte & PTE_SPECIAL)
		return 1;
	head = folio_pfn(r->mem, pte_pfn(pte));
	if (!folio_test_large(pfn_to_page(r->mem, head)))
		return 1;
	nr = pte_batch(r, table, addr, head);
	if (nr < 1u << page_order(pfn_to_page(r->mem, head)) && !folio_maybe_mapped_shared(r->mem, head))
		(void)split_folio(r->mem, head);
	return nr;
}

/* One entry of level 1; [addr, end) lies inside it. */
static void split_in_pmd(const struct folio_range *r, struct pgtable *pmd, uint64_t addr, uint64_t end)
{
	unsigned index = pte_index(r->mem->geo, pmd, addr);
	pte_t entry = pmd->ent[index];
	const struct pgtable *table;

	if (pte_is_leaf(entry)) {
		if (end - addr != hpage_size(r->mem) && !is_huge_zero_pmd(r->mem, entry) &&
		    !folio_maybe_mapped_shared(r->mem, pte_pfn(entry)))
			(void)split_folio(r->mem, pte_pfn(entry));
		return;
	}
	if (!pte_is_table(entry))
		return;
	table = pte_table(entry);
	while (addr < end)
		addr += (uint64_t)split_at(r, table, addr) << r->mem->geo->page_shift;
}

void split_folios_across(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	struct folio_range r = { .mem = vma->vm_mm->mem, .vma = vma, .start = start, .end = end };

	for (uint64_t next, addr = start; addr < end; addr = next) {
		struct pgtable *pmd = pgtable_lookup(vma->vm_mm, addr, HPAGE_LEVEL);

		next = geometry_addr_end(r.mem->geo, HPAGE_LEVEL, addr, end);
		if (pmd)
			split_in_pmd(&r, pmd, addr, next);
	}
}
