/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults of anonymous memory: see fault.h. */
#include "mm/anon_vma.h"
#include "mm/fault-internal.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vma_policy.h"

static vm_fault_t map_zero_page(struct vm_fault *vmf)
{
	uint64_t prot = vma_page_prot(vmf->vma) & ~PTE_WRITE;

	pte_set(vmf->table, vmf->index,
		pfn_pte(vmf->mem->zero_pfn, prot | PTE_SPECIAL | PTE_ACCESSED));
	return leaf(vmf, FAULT_ANON_ZERO);
}

pfn_t alloc_anon_page(struct vm_fault *vmf, gfp_t zero)
{
	pfn_t pfn;

	if (!anon_vma_prepare(vmf->vma))
		return PFN_NONE;
	pfn = vma_alloc_folio(vmf->vma, vmf->address, 0, GFP_HIGHUSER_MOVABLE | zero);
	if (zero)
		clear_highpages(vmf->mem, pfn, 1);
	return ktouch_new_frame(vmf->mem, pfn);
}

void map_anon_page(struct vm_fault *vmf, pfn_t pfn)
{
	folio_add_new_anon_rmap(vmf->mem, pfn, vmf->vma, vmf->address);
	folio_add_lru(vmf->mem, pfn);
	pte_set(vmf->table, vmf->index, mk_writable(vmf, pfn));
}

vm_fault_t do_anonymous_page(struct vm_fault *vmf)
{
	pfn_t pfn;

	if (vmf->vma->vm_flags & VM_SHARED)
		return VM_FAULT_SIGBUS;
	if (!fault_pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (!is_write(vmf))
		return map_zero_page(vmf);
	pfn = alloc_anon_page(vmf, __GFP_ZERO);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	map_anon_page(vmf, pfn);
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES]++;
	return leaf(vmf, FAULT_ANON_ALLOC);
}
