/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Taking pages out of address spaces: see zap.h. */
#include "mm/seeded_bug.h"
#include "mm/zap.h"

#include "mm/highmem.h"
#include "mm/hugetlb_pool.h"
#include "mm/lru.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/swapfile.h"
#include "mm/vma.h"
#include "mm/writeback.h"

/* One operation: what is being zapped, and what it found. */
struct zap_details {
	struct memory *mem;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	struct mmu_gather *tlb;
	bool reclaim_pt;
	bool force_flush;	/* before the next table: a dirty page of a file went (tlb_delay_rmap) */
};

/*
 * From entry i on, how many map consecutive pages of one folio; they go together, so that what is partly unmapped in between
 * is not taken for a folio in partial use (folio_pte_batch). Accessed, dirty and write bits may differ.
 */
static unsigned folio_pte_batch(const struct zap_details *z, const struct pgtable *table, unsigned i, unsigned end)
{
	uint64_t mask = ~(PTE_ACCESSED | PTE_DIRTY | PTE_WRITE);
	pte_t pte = table->ent[i];
	pfn_t pfn = pte_pfn(pte), head, stop;
	unsigned nr = 1;

	if (pte.pte & PTE_SPECIAL || likely(!(pfn_to_page(z->mem, pfn)->flags & (PG_HEAD | PG_TAIL))))
		return 1;
	head = folio_pfn(z->mem, pfn);
	stop = head + (1u << page_order(pfn_to_page(z->mem, head)));
	while (i + nr < end && pfn + nr < stop &&
	       (table->ent[i + nr].pte & mask) == ((pte.pte & mask) + ((uint64_t)nr << PTE_PFN_SHIFT)))
		nr++;
	return nr;
}

/* `nr` pages of one folio from that of pte on; its accessed and dirty bits are those that any of them had. */
static void zap_present_ptes(struct zap_details *z, pte_t pte, unsigned nr)
{
	struct page *page;
	pfn_t pfn = pte_pfn(pte);

	if (pte.pte & PTE_SPECIAL)
		return;
	page = pfn_to_page(z->mem, pfn);
	if (SEEDED_BUG(z->mem, RSS))
		z->mm->rss_stat[MM_ANONPAGES]++;
	if (page->flags & PG_ANON)
		z->mm->rss_stat[MM_ANONPAGES] -= nr;
	else if (page->flags & PG_SWAPBACKED)
		z->mm->rss_stat[MM_SHMEMPAGES] -= nr;
	else
		z->mm->rss_stat[MM_FILEPAGES] -= nr;
	if (unlikely(z->mem->lru_enabled) && pte.pte & PTE_ACCESSED && !(page->flags & PG_ANON) &&
	    !(z->vma->vm_flags & (VM_SEQ_READ | VM_RAND_READ)))
		folio_mark_accessed(z->mem, folio_pfn(z->mem, pfn));
	if (pte_dirty(pte) && !(page->flags & PG_ANON)) {
		(void)folio_mark_dirty(z->mem, folio_pfn(z->mem, pfn));
		z->force_flush = true;
	}
	folio_remove_rmap_ptes(z->mem, pfn, nr);
	if (!(page->flags & (PG_HEAD | PG_TAIL)))
		munlock_vma_folio(z->mem, pfn, z->vma);
	pfn_to_page(z->mem, folio_pfn(z->mem, pfn))->_refcount -= (int32_t)nr - 1;
	free_swap_cache(z->mem, folio_pfn(z->mem, pfn));
	put_page(z->mem, folio_pfn(z->mem, pfn));
	tlb_remove_page(z->tlb);
	if (nr > 1)	/* the batch says how many: a second word */
		tlb_remove_page(z->tlb);
}

/* Takes nr present entries from index i on, which map consecutive pages of a folio, out of the table. */
static void zap_ptes(struct zap_details *z, struct pgtable *table, unsigned i, unsigned nr, uint64_t addr)
{
	pte_t pte = table->ent[i];
	uint64_t bits = 0;

	for (unsigned k = i; k < i + nr; k++) {
		bits |= table->ent[k].pte & (PTE_ACCESSED | PTE_DIRTY);
		if (!SEEDED_BUG(z->mem, PTE_LEFT))
			pte_set(table, k, (pte_t){ 0 });
	}
	pte.pte |= bits;
	tlb_remove_tlb_entry(z->tlb, addr, 0);
	if (nr > 1)
		tlb_remove_tlb_entry(z->tlb, addr + ((uint64_t)(nr - 1) << z->mem->geo->page_shift), 0);
	zap_present_ptes(z, pte, nr);
}

/* From index i on: the entries of slots in a row. Returns how many. (swap_pte_batch) */
static unsigned zap_swap_ptes(struct zap_details *z, struct pgtable *table, unsigned i, unsigned end)
{
	uint64_t mask = ~PTE_SWP_EXCLUSIVE;
	pte_t pte = table->ent[i];
	unsigned nr = 1;

	VM_BUG_ON(!is_swap_pte(pte));
	while (i + nr < end && (table->ent[i + nr].pte & mask) == (pte.pte & mask) + ((uint64_t)nr << PTE_PFN_SHIFT))
		nr++;
	for (unsigned k = i; k < i + nr; k++)
		pte_set(table, k, (pte_t){ 0 });
	z->mm->rss_stat[MM_SWAPENTS] -= nr;
	free_swap_and_cache_nr(z->mem, pte_to_swp_entry(pte), nr);
	return nr;
}

static void zap_pte_range(struct zap_details *z, struct pgtable *table, uint64_t addr, uint64_t end)
{
	unsigned first = pte_index(z->mem->geo, table, addr);
	unsigned last = first + (unsigned)((end - addr) >> z->mem->geo->page_shift);

	for (unsigned i = first, nr; i < last && table->nr_used; i += nr) {
		pte_t pte = table->ent[i];

		nr = 1;
		if (pte_none(pte))
			continue;
		if (!pte_present(pte)) {
			nr = zap_swap_ptes(z, table, i, last);
			continue;
		}
		nr = folio_pte_batch(z, table, i, last);
		zap_ptes(z, table, i, nr, addr + ((uint64_t)(i - first) << z->mem->geo->page_shift));
	}
	if (z->force_flush)
		tlb_flush_mmu(z->tlb);
	z->force_flush = false;
}

/* One entry of level 1, a huge page or a table of base pages; [addr, end) lies inside it. */
static void zap_pmd(struct zap_details *z, struct pgtable *pmd, unsigned index, uint64_t addr, uint64_t end)
{
	bool whole = end - addr == hpage_size(z->mem);
	struct pgtable *table;

	if (pte_is_leaf(pmd->ent[index])) {
		if (whole) {
			zap_huge_pmd(z->vma, pmd, index);
			tlb_remove_tlb_entry(z->tlb, addr, HPAGE_LEVEL);
			tlb_remove_page(z->tlb);
			return;
		}
		split_huge_pmd(z->vma, pmd, index, addr);
		if (pte_none(pmd->ent[index]))
			return;
	}
	table = pte_table(pmd->ent[index]);
	map_pte_table(z->mem, table);
	zap_pte_range(z, table, addr, end);
	if (whole && z->reclaim_pt && z->mem->conf.pt_reclaim && !table->nr_used) {
		pte_set(pmd, index, (pte_t){ 0 });
		tlb_free_table(z->tlb, addr, 0);
		pgtable_free_one(z->mm, table);
	}
}

static void zap_level(struct zap_details *z, struct pgtable *table, uint64_t addr, uint64_t end)
{
	const struct geometry *geo = z->mem->geo;

	for (uint64_t next; addr < end; addr = next) {
		unsigned i = pte_index(geo, table, addr);

		next = geometry_addr_end(geo, table->level, addr, end);
		if (pte_none(table->ent[i]))
			continue;
		if (table->level == HPAGE_LEVEL)
			zap_pmd(z, table, i, addr, next);
		else
			zap_level(z, pte_table(table->ent[i]), addr, next);
	}
}

void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start, uint64_t end,
		      bool reclaim_pt)
{
	struct mm_struct *mm = vma->vm_mm;
	struct zap_details z = { .mem = mm->mem, .mm = mm, .vma = vma, .tlb = tlb, .reclaim_pt = reclaim_pt };

	update_hiwater_rss(mm);
	if (unlikely(is_vm_hugetlb_page(vma))) {
		unmap_hugepage_range(tlb, vma, start, end);
		return;
	}
	zap_level(&z, mm->pgd, start, end);
}

void zap_page_range(struct vm_area_struct *vma, uint64_t start, uint64_t end, bool reclaim_pt)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, vma->vm_mm);
	unmap_page_range(&tlb, vma, start, end, reclaim_pt);
	tlb_finish_mmu(&tlb);
}
