/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* One huge page-table entry: see huge_pmd.h. */
#include "mm/huge_pmd.h"

#include <errno.h>

#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/swapfile.h"
#include "mm/seeded_bug.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/writeback.h"

void pgtable_trans_huge_deposit_table(struct mm_struct *mm, struct pgtable *table)
{
	VM_BUG_ON(table->nr_used);
	table->ent[0].pte = (uintptr_t)mm->pmd_deposits;
	mm->pmd_deposits = table;
}

bool pgtable_trans_huge_deposit(struct mm_struct *mm)
{
	struct pgtable *table = pgtable_alloc_one(mm, 0);

	if (table)
		pgtable_trans_huge_deposit_table(mm, table);
	return table;
}

struct pgtable *pgtable_trans_huge_withdraw(struct mm_struct *mm)
{
	struct pgtable *table = mm->pmd_deposits;

	BUG_ON(!table);
	mm->pmd_deposits = (struct pgtable *)(uintptr_t)table->ent[0].pte;
	table->ent[0].pte = 0;
	return table;
}

void zap_huge_pmd(struct vm_area_struct *vma, struct pgtable *pmd, unsigned index)
{
	struct mm_struct *mm = vma->vm_mm;
	struct memory *mem = mm->mem;
	pte_t entry = pmd->ent[index];
	struct page *page = pfn_to_page(mem, pte_pfn(entry));
	bool zero = is_huge_zero_pmd(mem, entry);

	pte_set(pmd, index, (pte_t){ 0 });
	if (zero || page->flags & PG_ANON)
		pgtable_free_one(mm, pgtable_trans_huge_withdraw(mm));
	if (zero)
		return;
	if (page->flags & PG_ANON)
		mm->rss_stat[MM_ANONPAGES] -= 1ll << hpage_order(mem);
	else
		mm->rss_stat[page->flags & PG_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES] -= 1ll << hpage_order(mem);
	if (!(page->flags & PG_ANON) && pte_dirty(entry))
		(void)folio_mark_dirty(mem, pte_pfn(entry));
	if (!(page->flags & PG_ANON) && entry.pte & PTE_ACCESSED && !(vma->vm_flags & (VM_SEQ_READ | VM_RAND_READ)))
		folio_mark_accessed(mem, pte_pfn(entry));
	folio_remove_rmap_pmd(mem, pte_pfn(entry));
	munlock_vma_folio(mem, pte_pfn(entry), vma);
	free_swap_cache(mem, pte_pfn(entry));
	put_page(mem, pte_pfn(entry));
}

/* The huge zero page splits into the one small zero page, many times. */
static void fill_from_zero_pmd(struct memory *mem, struct pgtable *table, uint64_t prot)
{
	for (unsigned i = 0; i < 1u << table->bits; i++)
		pte_set(table, i, pfn_pte(mem->zero_pfn, prot | PTE_SPECIAL));
}

static void fill_from_folio(struct memory *mem, struct pgtable *table, pfn_t head, uint64_t prot)
{
	struct page *page = pfn_to_page(mem, head);
	bool exclusive = page->flags & PG_ANON_EXCLUSIVE;
	unsigned nr = 1u << table->bits;

	for (unsigned i = 0; i < nr; i++) {
		struct page *sub = pfn_to_page(mem, head + i);

		sub->flags = exclusive ? sub->flags | PG_ANON_EXCLUSIVE : sub->flags & ~PG_ANON_EXCLUSIVE;
		if (!SEEDED_BUG(mem, THP_SPLIT))
			pte_set(table, i, pfn_pte(head + i, prot));
	}
	folio_add_rmap_ptes(mem, head, nr);
	page->_refcount += (int32_t)nr - 1;
	folio_remove_rmap_pmd(mem, head);
}

void split_huge_pmd(struct vm_area_struct *vma, struct pgtable *pmd, unsigned index, uint64_t addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct memory *mem = mm->mem;
	uint64_t start = addr & ~(hpage_size(mem) - 1);
	pte_t entry = pmd->ent[index];
	uint64_t prot = entry.pte & ~PTE_PFN_MASK;
	bool zero = is_huge_zero_pmd(mem, entry);
	struct pgtable *table;

	count_vm_event(mem, THP_SPLIT_PMD);
	if (!zero && !(pfn_to_page(mem, pte_pfn(entry))->flags & PG_ANON)) {
		/* Faults bring the file's pages back one by one. */
		zap_huge_pmd(vma, pmd, index);
		flush_tlb_mm_range(mm, start, start + hpage_size(mem), mem->geo->level[HPAGE_LEVEL].shift, false);
		return;
	}
	table = pgtable_trans_huge_withdraw(mm);
	if (zero)
		fill_from_zero_pmd(mem, table, prot & ~(PTE_DIRTY | PTE_WRITE));
	else
		fill_from_folio(mem, table, pte_pfn(entry), prot);
	pte_set(pmd, index, table_pte(table));
	flush_tlb_mm_range(mm, start, start + hpage_size(mem), mem->geo->level[HPAGE_LEVEL].shift, true);
}

void split_huge_pmd_at(struct vm_area_struct *vma, uint64_t addr)
{
	struct pgtable *pmd = pgtable_lookup(vma->vm_mm, addr, HPAGE_LEVEL);
	unsigned index;

	if (!pmd)
		return;
	index = pte_index(vma->vm_mm->mem->geo, pmd, addr);
	if (pte_is_leaf(pmd->ent[index]))
		split_huge_pmd(vma, pmd, index, addr);
}

/* The child uses the huge zero page too; it is there, so nothing is allocated. */
static void share_huge_zero(struct mm_struct *mm)
{
	mm->mem->huge_zero_refcount += !mm->uses_huge_zero;
	mm->uses_huge_zero = true;
}

int copy_huge_pmd(struct vm_area_struct *dst_vma, struct pgtable *dst, struct pgtable *src, unsigned index)
{
	struct mm_struct *mm = dst_vma->vm_mm;
	struct memory *mem = mm->mem;
	pte_t entry;

	if (!vma_is_anonymous(dst_vma))
		return 0;	/* a fault brings it back */
	if (!pgtable_trans_huge_deposit(mm))
		return -ENOMEM;
	entry = src->ent[index];
	if (unlikely(!pte_is_leaf(entry))) {
		pgtable_free_one(mm, pgtable_trans_huge_withdraw(mm));
		return -EAGAIN;
	}
	if (is_huge_zero_pmd(mem, entry)) {
		share_huge_zero(mm);
	} else {
		struct page *page = pfn_to_page(mem, pte_pfn(entry));

		page->_refcount++;
		page->flags &= ~PG_ANON_EXCLUSIVE;
		folio_add_rmap_pmd(mem, pte_pfn(entry));
		mm->rss_stat[MM_ANONPAGES] += 1ll << hpage_order(mem);
	}
	entry.pte &= ~PTE_WRITE;
	pte_set(src, index, entry);
	entry.pte &= ~(PTE_ACCESSED | PTE_DIRTY);
	pte_set(dst, index, entry);
	return 0;
}
