/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults that huge pages serve: see huge_memory.h. */
#include "mm/huge_memory.h"

#include "mm/anon_vma.h"
#include "mm/highmem.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

enum { THP_NEVER, THP_MADVISE, THP_ALWAYS };

bool thp_pmd_wanted(const struct vm_area_struct *vma, uint64_t addr)
{
	const struct memory *mem = vma->vm_mm->mem;
	uint64_t start = addr & ~(hpage_size(mem) - 1);

	if (mem->conf.thp_enabled == THP_NEVER || !mem->geo->level[HPAGE_LEVEL].may_leaf)
		return false;
	if (mem->conf.thp_enabled == THP_MADVISE && !(vma->vm_flags & VM_HUGEPAGE))
		return false;
	if (vma->vm_flags & (VM_NOHUGEPAGE | VM_SHARED | VM_IO | VM_PFNMAP))
		return false;
	return start >= vma->vm_start && start + hpage_size(mem) <= vma->vm_end;
}

/* The page that all untouched huge frames share; allocated by the first that needs it. */
static pfn_t get_huge_zero_page(struct memory *mem)
{
	if (mem->huge_zero_pfn != PFN_NONE)
		return mem->huge_zero_pfn;
	mem->huge_zero_pfn = alloc_pages(mem, (GFP_TRANSHUGE | __GFP_ZERO) & ~__GFP_MOVABLE,
					 hpage_order(mem), NUMA_NO_NODE);
	clear_highpages(mem, mem->huge_zero_pfn, 1u << hpage_order(mem));
	if (mem->huge_zero_pfn != PFN_NONE)
		count_vm_event(mem, THP_ZERO_PAGE_ALLOC);
	return mem->huge_zero_pfn;
}

static vm_fault_t fallback(struct vm_fault *vmf)
{
	count_vm_event(vmf->mem, THP_FAULT_FALLBACK);
	return VM_FAULT_FALLBACK;
}

static vm_fault_t map_huge_zero(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	uint64_t prot = vma_page_prot(vmf->vma) & ~PTE_WRITE;

	if (get_huge_zero_page(vmf->mem) == PFN_NONE)
		return fallback(vmf);
	if (!pgtable_trans_huge_deposit(vmf->vma->vm_mm))
		return VM_FAULT_OOM;
	pte_set(pmd, index, pfn_pte(vmf->mem->huge_zero_pfn, prot | PTE_ACCESSED | PTE_SPECIAL));
	count_vm_event(vmf->mem, FAULT_ANON_HUGE);
	return 0;
}

/* Allocates the folio and sets the entry; the table in store must be there already. */
static vm_fault_t map_new_folio(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	struct memory *mem = vmf->mem;
	uint64_t start = vmf->address & ~(hpage_size(mem) - 1);
	uint64_t prot = vma_page_prot(vmf->vma) | PTE_ACCESSED | PTE_DIRTY;
	pfn_t pfn = vma_alloc_folio(vmf->vma, start, hpage_order(mem), GFP_TRANSHUGE_LIGHT | __GFP_ZERO);

	if (pfn == PFN_NONE)
		return fallback(vmf);
	if (vmf->vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE;
	clear_highpages(mem, pfn, 1u << hpage_order(mem));
	if (unlikely(mem->ktouch))
		for (uint32_t i = 0; i < 1u << hpage_order(mem); i++)
			ktouch_frame(mem, pfn + i, true);
	folio_add_new_anon_rmap_pmd(mem, pfn, vmf->vma, start);
	folio_add_lru(mem, pfn);
	pte_set(pmd, index, pfn_pte(pfn, prot));
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES] += 1ll << hpage_order(mem);
	count_vm_event(mem, THP_FAULT_ALLOC);
	return 0;
}

vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	vm_fault_t ret;

	if (!anon_vma_prepare(vmf->vma))
		return VM_FAULT_OOM;
	if (!(vmf->flags & FAULT_FLAG_WRITE) && vmf->mem->conf.thp_use_zero_page)
		return map_huge_zero(vmf, pmd, index);
	if (!pgtable_trans_huge_deposit(mm))
		return VM_FAULT_OOM;
	ret = map_new_folio(vmf, pmd, index);
	if (ret)
		pgtable_free_one(mm, pgtable_trans_huge_withdraw(mm));
	else
		count_vm_event(vmf->mem, FAULT_ANON_HUGE);
	return ret;
}

static bool can_reuse_huge(struct vm_fault *vmf, pfn_t head)
{
	struct page *page = pfn_to_page(vmf->mem, head);

	if (page->flags & PG_ANON_EXCLUSIVE)
		return true;
	if (page->_refcount != 1)
		return false;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

/* Shared with another process: split, and let the base page that was written be copied alone. */
vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	pte_t entry = pmd->ent[index];

	if (is_huge_zero_pmd(vmf->mem, entry)) {
		if (map_new_folio(vmf, pmd, index) == 0) {
			count_vm_event(vmf->mem, FAULT_WP_HUGE);
			return 0;
		}
	} else if (can_reuse_huge(vmf, pte_pfn(entry))) {
		pmd->ent[index].pte |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
		count_vm_event(vmf->mem, PGREUSE);
		count_vm_event(vmf->mem, FAULT_WP_HUGE);
		return 0;
	}
	split_huge_pmd(vmf->vma, pmd, index, vmf->address);
	vmf->table = pte_table(pmd->ent[index]);
	return VM_FAULT_FALLBACK;
}
