/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the parts of the fault tree share: fault.c (the tree and gup), fault-anon.c, fault-file.c, fault-wp.c, fault-swap.c.
 * Branches decide, leaves act: each leaf here counts itself.
 */
#ifndef MM_FAULT_INTERNAL_H
#define MM_FAULT_INTERNAL_H

#include "mm/fault.h"
#include "mm/highmem.h"
#include "mm/vma.h"

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline vm_fault_t leaf(struct vm_fault *vmf, enum vm_event_item item)
{
	count_vm_event(vmf->mem, item);
	return 0;
}

/* The table of base entries, made when it is missing. False: no memory. */
static inline bool fault_pte_alloc(struct vm_fault *vmf)
{
	if (vmf->table)
		return true;
	vmf->table = pgtable_alloc(vmf->vma->vm_mm, vmf->address, 0);
	map_pte_table(vmf->mem, vmf->table);
	return vmf->table;
}

static inline pte_t mk_writable(const struct vm_fault *vmf, pfn_t pfn)
{
	uint64_t prot = vma_page_prot(vmf->vma) | PTE_ACCESSED | PTE_DIRTY;

	if (vmf->vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE;
	return pfn_pte(pfn, prot);
}

static inline bool is_write(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_WRITE;
}

/* Which counter of an address space a page of the area's file belongs to. */
static inline enum mm_counter file_counter(const struct vm_fault *vmf)
{
	return vmf->vma->vm_mapping->is_shmem ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* A page of the area's own, with __GFP_ZERO a zeroed one. PFN_NONE: no memory. */
pfn_t alloc_anon_page(struct vm_fault *vmf, gfp_t zero);
/* Maps a fresh page at the fault's address, writable if the area is. */
void map_anon_page(struct vm_fault *vmf, pfn_t pfn);

/* A shared area's page was made writable for a write: its folio is dirty from now on, and the writer may have to wait. */
void fault_dirty_shared_page(struct vm_fault *vmf, pfn_t pfn);

vm_fault_t do_anonymous_page(struct vm_fault *vmf);
vm_fault_t do_fault(struct vm_fault *vmf);
/* The page is in swap. */
vm_fault_t do_swap_page(struct vm_fault *vmf);
/* A write to a present entry that forbids it. */
vm_fault_t do_wp_page(struct vm_fault *vmf);

#endif
