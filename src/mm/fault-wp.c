/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Write faults on present entries: see fault.h. */
#include "mm/deferred_split.h"
#include "mm/fault-internal.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap_state.h"
#include "mm/tlbflush.h"

static vm_fault_t wp_page_reuse(struct vm_fault *vmf, enum vm_event_item item)
{
	pte_t pte = vmf->orig;

	pte.pte |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
	pte_set(vmf->table, vmf->index, pte);
	count_vm_event(vmf->mem, PGREUSE);
	return leaf(vmf, item);
}

/* The zero page, or memory of no page: a page of the area's own takes its place. */
static vm_fault_t wp_special_copy(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	bool zero = pte_pfn(vmf->orig) == vmf->mem->zero_pfn;
	pfn_t pfn = alloc_anon_page(vmf, zero ? __GFP_ZERO : 0);

	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	if (vmf->table->ent[vmf->index].pte != vmf->orig.pte) {
		put_page(vmf->mem, pfn);
		return VM_FAULT_RETRY;
	}
	mm->rss_stat[MM_ANONPAGES]++;
	map_anon_page(vmf, pfn);
	flush_tlb_page(mm, vmf->address);
	return leaf(vmf, zero ? FAULT_WP_ZERO : FAULT_WP_COPY);
}

/* A copy takes the place of the page, which is held meanwhile: reclaim may unmap it while the copy is allocated. */
static vm_fault_t wp_page_copy(struct vm_fault *vmf)
{
	struct memory *mem = vmf->mem;
	struct mm_struct *mm = vmf->vma->vm_mm;
	pfn_t old = pte_pfn(vmf->orig), head = folio_pfn(mem, old), pfn;

	get_page(mem, head);
	pfn = alloc_anon_page(vmf, 0);
	if (unlikely(pfn == PFN_NONE || vmf->table->ent[vmf->index].pte != vmf->orig.pte)) {
		if (pfn != PFN_NONE)
			put_page(mem, pfn);
		put_page(mem, head);
		return pfn == PFN_NONE ? VM_FAULT_OOM : VM_FAULT_RETRY;
	}
	copy_highpage(mem, pfn, old);
	if (!(pfn_to_page(mem, old)->flags & PG_ANON)) {
		mm->rss_stat[file_counter(vmf)]--;
		mm->rss_stat[MM_ANONPAGES]++;
	}
	map_anon_page(vmf, pfn);
	flush_tlb_page(mm, vmf->address);
	folio_remove_rmap_pte(mem, old);
	if (!folio_test_large(pfn_to_page(mem, head)))
		munlock_vma_folio(mem, head, vmf->vma);
	pfn_to_page(mem, head)->_refcount--;	/* of the entry; ours is left */
	/* Nobody else has the page: its slot in swap is of no use. */
	free_swap_cache(mem, head);
	put_page(mem, head);
	return leaf(vmf, FAULT_WP_COPY);
}

/* Stops at the first entry of another address space. */
struct other_mm {
	const struct mm_struct *mm;
	pfn_t page;
	bool found;
};

static bool look_for_other_mm(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct other_mm *o = ctx;
	struct pgtable *table;
	unsigned level;
	pte_t pte = *pgtable_walk(vma->vm_mm, addr, &level, &table);
	pfn_t first = pte_is_leaf(pte) ? pte_pfn(pte) : 0;

	if (pte_is_leaf(pte) && vma->vm_mm != o->mm)
		o->found = first == o->page || (level && o->page >= first && o->page - first < 1u << table->bits);
	return !o->found;
}

/* Is every reference to the large folio an entry of this address space? (__wp_can_reuse_large_anon_folio) */
static bool can_reuse_large(struct vm_fault *vmf, pfn_t head)
{
	struct memory *mem = vmf->mem;
	struct page *page = pfn_to_page(mem, head);
	struct other_mm o = { .mm = vmf->vma->vm_mm };

	/* With one page left in use the folio had better go. */
	if (folio_mapcount(mem, head) <= 1)
		return false;
	if (page->flags & PG_SWAPCACHE)
		folio_free_swap(mem, head);
	if (folio_mapcount(mem, head) != page->_refcount)
		return false;
	for (o.page = head; o.page < head + (1u << page_order(page)) && !o.found; o.page++)
		if (page_mapcount(mem, o.page))
			rmap_walk(mem, o.page, look_for_other_mm, &o);
	return !o.found;
}

/* Small folios: nobody but this entry, and the swap cache if it lets go, has a reference (wp_can_reuse_anon_folio). */
static bool can_reuse_small(struct vm_fault *vmf, pfn_t pfn)
{
	struct page *page = pfn_to_page(vmf->mem, pfn);

	if (page->_refcount > 1 + !!(page->flags & PG_SWAPCACHE))
		return false;
	if (unlikely(page->flags & PG_SWAPCACHE))
		folio_free_swap(vmf->mem, pfn);
	return page->_refcount == 1;
}

/* An anonymous page may be kept when nobody else can see it. */
static bool can_reuse_anon(struct vm_fault *vmf, pfn_t pfn)
{
	struct page *page = pfn_to_page(vmf->mem, pfn);
	bool large = page->flags & (PG_HEAD | PG_TAIL);
	pfn_t head = folio_pfn(vmf->mem, pfn);

	if (!(page->flags & PG_ANON))
		return false;
	if (page->flags & PG_ANON_EXCLUSIVE)
		return true;
	if (!(large ? can_reuse_large(vmf, head) : can_reuse_small(vmf, pfn)))
		return false;
	/*
	 * It belongs to this address space alone now, and only its areas need to be looked at (folio_move_anon_rmap). Pages of
	 * a large folio may be mapped by areas with another anon_vma: the folio stays with that of all.
	 */
	if (!large)
		page->mapping = vmf->vma->anon_vma->handle;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	bool special = vmf->orig.pte & PTE_SPECIAL;

	if (vmf->vma->vm_flags & VM_SHARED) {
		if (!special)
			fault_dirty_shared_page(vmf, pte_pfn(vmf->orig));
		return wp_page_reuse(vmf, FAULT_WP_SHARED);
	}
	if (special)
		return wp_special_copy(vmf);
	if (can_reuse_anon(vmf, pte_pfn(vmf->orig)))
		return wp_page_reuse(vmf, FAULT_WP_REUSE);
	return wp_page_copy(vmf);
}
