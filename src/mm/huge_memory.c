/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults that huge pages serve: see huge_memory.h. */
#include "mm/huge_memory.h"

#include "mm/anon_vma.h"
#include "mm/highmem.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/mm_slot.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/swapfile.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

/* ---- allocation ---- */

/* The huge folio for the entry around start; PFN_NONE: none to be had, counted. (vma_alloc_anon_folio_pmd) */
static pfn_t alloc_anon_folio_pmd(struct vm_area_struct *vma, uint64_t start)
{
	struct memory *mem = vma->vm_mm->mem;
	unsigned order = hpage_order(mem);
	gfp_t gfp = vma_thp_gfp_mask(vma);
	pfn_t head = vma_alloc_folio(vma, start, order, gfp | __GFP_ZERO);
	bool got = head != PFN_NONE;

	if (got && likely(mem_cgroup_charge(mem, head, vma->vm_mm, gfp)))
		return head;
	count_vm_event(mem, THP_FAULT_FALLBACK);
	count_mthp_stat(mem, order, MTHP_STAT_ANON_FAULT_FALLBACK);
	if (!got)
		return PFN_NONE;
	put_page(mem, head);
	count_vm_event(mem, THP_FAULT_FALLBACK_CHARGE);
	count_mthp_stat(mem, order, MTHP_STAT_ANON_FAULT_FALLBACK_CHARGE);
	return PFN_NONE;
}

/* A cleared huge folio becomes the area's memory at start. (map_anon_folio_pmd) */
static void map_anon_folio_pmd(struct vm_fault *vmf, struct pgtable *pmd, unsigned index, pfn_t head, uint64_t start)
{
	struct memory *mem = vmf->mem;
	struct vm_area_struct *vma = vmf->vma;
	unsigned order = hpage_order(mem);
	uint64_t prot = vma_page_prot(vma) | PTE_ACCESSED | PTE_DIRTY;

	if (vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE;
	clear_highpages(mem, head, 1u << order);
	if (unlikely(mem->ktouch))
		for (uint32_t i = 0; i < 1u << order; i++)
			ktouch_frame(mem, head + i, true);
	folio_add_new_anon_rmap_pmd(mem, head, vma, start);
	folio_add_lru_vma(mem, head, vma);
	pte_set(pmd, index, pfn_pte(head, prot));
	vma->vm_mm->rss_stat[MM_ANONPAGES] += 1ll << order;
	count_vm_event(mem, THP_FAULT_ALLOC);
	count_mthp_stat(mem, order, MTHP_STAT_ANON_FAULT_ALLOC);
	deferred_split_folio(mem, head, false);
}

/* ---- the huge zero page ---- */

/* The reference that is left when nobody uses it is the shrinker's. */
static pfn_t get_huge_zero_folio(struct memory *mem)
{
	unsigned order = hpage_order(mem);

	if (mem->huge_zero_refcount) {
		mem->huge_zero_refcount++;
		return mem->huge_zero_pfn;
	}
	mem->huge_zero_pfn = alloc_pages(mem, (GFP_TRANSHUGE | __GFP_ZERO) & ~__GFP_MOVABLE, order, NUMA_NO_NODE);
	if (mem->huge_zero_pfn == PFN_NONE) {
		count_vm_event(mem, THP_ZERO_PAGE_ALLOC_FAILED);
		return PFN_NONE;
	}
	clear_highpages(mem, mem->huge_zero_pfn, 1u << order);
	count_vm_event(mem, THP_ZERO_PAGE_ALLOC);
	mem->huge_zero_refcount = 2;
	return mem->huge_zero_pfn;
}

void mm_put_huge_zero_folio(struct mm_struct *mm)
{
	if (!mm->uses_huge_zero)
		return;
	mm->uses_huge_zero = false;
	VM_BUG_ON(mm->mem->huge_zero_refcount < 2);
	mm->mem->huge_zero_refcount--;
}

/* One reference an address space, kept until it ends. */
static pfn_t mm_get_huge_zero_folio(struct mm_struct *mm)
{
	if (mm->uses_huge_zero)
		return mm->mem->huge_zero_pfn;
	mm->uses_huge_zero = get_huge_zero_folio(mm->mem) != PFN_NONE;
	return mm->uses_huge_zero ? mm->mem->huge_zero_pfn : PFN_NONE;
}

uint64_t huge_zero_count(struct memory *mem, int nid)
{
	(void)nid;
	return mem->huge_zero_refcount == 1 ? 1ull << hpage_order(mem) : 0;
}

uint64_t huge_zero_scan(struct memory *mem, int nid, uint64_t nr_pages)
{
	uint64_t nr = huge_zero_count(mem, nid);

	(void)nr_pages;
	if (!nr)
		return 0;
	mem->huge_zero_refcount = 0;
	put_page(mem, mem->huge_zero_pfn);
	mem->huge_zero_pfn = PFN_NONE;
	return nr;
}

/* ---- faults ---- */

static vm_fault_t map_huge_zero(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	uint64_t prot = vma_page_prot(vmf->vma) & ~PTE_WRITE;

	if (!pgtable_trans_huge_deposit(mm))
		return VM_FAULT_OOM;
	if (mm_get_huge_zero_folio(mm) == PFN_NONE) {
		pgtable_free_one(mm, pgtable_trans_huge_withdraw(mm));
		count_vm_event(vmf->mem, THP_FAULT_FALLBACK);
		return VM_FAULT_FALLBACK;
	}
	pte_set(pmd, index, pfn_pte(vmf->mem->huge_zero_pfn, prot | PTE_ACCESSED | PTE_SPECIAL));
	count_vm_event(vmf->mem, FAULT_ANON_HUGE);
	return 0;
}

vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	struct vm_area_struct *vma = vmf->vma;
	uint64_t start = vmf->address & ~(hpage_size(vmf->mem) - 1);
	pfn_t head;

	if (!anon_vma_prepare(vma))
		return VM_FAULT_OOM;
	khugepaged_enter_vma(vma);
	if (!(vmf->flags & FAULT_FLAG_WRITE) && vmf->mem->conf.thp_use_zero_page)
		return map_huge_zero(vmf, pmd, index);
	head = alloc_anon_folio_pmd(vma, start);
	if (head == PFN_NONE)
		return VM_FAULT_FALLBACK;
	if (unlikely(!pte_none(pmd->ent[index]))) {
		put_page(vmf->mem, head);
		return 0;
	}
	if (!pgtable_trans_huge_deposit(vma->vm_mm)) {
		put_page(vmf->mem, head);
		return VM_FAULT_OOM;
	}
	map_anon_folio_pmd(vmf, pmd, index, head, start);
	count_vm_event(vmf->mem, FAULT_ANON_HUGE);
	return 0;
}

/* A write to the huge zero page: the table in store stays for the folio that takes its place. */
static bool replace_huge_zero(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	uint64_t start = vmf->address & ~(hpage_size(vmf->mem) - 1);
	pfn_t head = alloc_anon_folio_pmd(vmf->vma, start);

	if (head == PFN_NONE)
		return false;
	if (unlikely(!is_huge_zero_pmd(vmf->mem, pmd->ent[index]))) {	/* reclaim killed the process */
		put_page(vmf->mem, head);
		return true;
	}
	map_anon_folio_pmd(vmf, pmd, index, head, start);
	flush_tlb_mm_range(vmf->vma->vm_mm, start, start + hpage_size(vmf->mem),
			   vmf->mem->geo->level[HPAGE_LEVEL].shift, false);
	return true;
}

static bool can_reuse_huge(struct vm_fault *vmf, pfn_t head)
{
	struct page *page = pfn_to_page(vmf->mem, head);

	if (page->flags & PG_ANON_EXCLUSIVE)
		return true;
	if (page->_refcount > 1 + !!(page->flags & PG_SWAPCACHE))
		return false;
	if (unlikely(page->flags & PG_SWAPCACHE))
		folio_free_swap(vmf->mem, head);
	if (page->_refcount != 1)
		return false;
	/* It belongs to this address space alone now (folio_move_anon_rmap). */
	for (unsigned i = 0; i < 1u << page_order(page); i++)
		page[i].mapping = vmf->vma->anon_vma->handle;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

/* Shared with another process: split, and let the base page that was written be copied alone. */
vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	pte_t entry = pmd->ent[index];

	if (is_huge_zero_pmd(vmf->mem, entry)) {
		if (replace_huge_zero(vmf, pmd, index)) {
			count_vm_event(vmf->mem, FAULT_WP_HUGE);
			return 0;
		}
	} else if (can_reuse_huge(vmf, pte_pfn(entry))) {
		pmd->ent[index].pte |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
		count_vm_event(vmf->mem, FAULT_WP_HUGE);
		return 0;
	}
	split_huge_pmd(vmf->vma, pmd, index, vmf->address);
	vmf->table = pte_table(pmd->ent[index]);
	return VM_FAULT_FALLBACK;
}
