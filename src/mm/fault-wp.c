/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Write faults on present entries: see fault.h. */
#include "mm/fault-internal.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/tlbflush.h"

static vm_fault_t wp_page_reuse(struct vm_fault *vmf, enum vm_event_item item)
{
	pte_t pte = vmf->orig;

	pte.pte |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
	pte_set(vmf->table, vmf->index, pte);
	count_vm_event(vmf->mem, PGREUSE);
	return leaf(vmf, item);
}

/* The page moves from the entry: a copy (or a zeroed page for the zero page) takes its place. */
static vm_fault_t wp_page_copy(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	bool special = vmf->orig.pte & PTE_SPECIAL;
	pfn_t old = pte_pfn(vmf->orig), pfn;
	bool zero = special && old == vmf->mem->zero_pfn;

	pfn = alloc_anon_page(vmf, zero ? __GFP_ZERO : 0);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	if (!special)
		copy_highpage(vmf->mem, pfn, old);
	if (special) {
		mm->rss_stat[MM_ANONPAGES]++;
	} else if (!(pfn_to_page(vmf->mem, old)->flags & PG_ANON)) {
		mm->rss_stat[file_counter(vmf)]--;
		mm->rss_stat[MM_ANONPAGES]++;
	}
	map_anon_page(vmf, pfn);
	flush_tlb_page(mm, vmf->address);
	if (special)
		return leaf(vmf, zero ? FAULT_WP_ZERO : FAULT_WP_COPY);
	folio_remove_rmap_pte(vmf->mem, old);
	put_page(vmf->mem, folio_pfn(vmf->mem, old));
	return leaf(vmf, FAULT_WP_COPY);
}

/* An anonymous page may be kept when nobody else can see it (wp_can_reuse_anon_folio). */
static bool can_reuse_anon(struct vm_fault *vmf, pfn_t pfn)
{
	struct page *page = pfn_to_page(vmf->mem, pfn);
	const struct page *head = pfn_to_page(vmf->mem, folio_pfn(vmf->mem, pfn));

	if (!(page->flags & PG_ANON))
		return false;
	if (page->flags & PG_ANON_EXCLUSIVE)
		return true;
	if (head->_refcount != 1)
		return false;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	bool special = vmf->orig.pte & PTE_SPECIAL;

	if (vmf->vma->vm_flags & VM_SHARED)
		return wp_page_reuse(vmf, FAULT_WP_SHARED);
	if (!special && can_reuse_anon(vmf, pte_pfn(vmf->orig)))
		return wp_page_reuse(vmf, FAULT_WP_REUSE);
	return wp_page_copy(vmf);
}
