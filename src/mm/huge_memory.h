/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which sizes of page a fault may use, and faults that huge pages serve. Kernel counterpart: mm/huge_memory.c (the fault
 * part), include/linux/huge_mm.h.
 *
 * Modelled: thp.enabled, the switch of each size (thp.hugepages-*kB.enabled), MADV_HUGEPAGE and MADV_NOHUGEPAGE,
 * prctl(PR_SET_THP_DISABLE); thp.defrag (what the allocation may do to succeed); allocation at the fault with fallback to
 * smaller pages; the huge zero page with its references and its shrinker; write faults on huge entries.
 * Left out: DAX, huge pages of 1G outside of hugetlb.
 *
 * Orders stand in a bit mask: bit n is a folio of 2^n base pages.
 */
#ifndef MM_HUGE_MEMORY_H
#define MM_HUGE_MEMORY_H

#include "base/strbuf.h"
#include "mm/huge_pmd.h"
#include "mm/vm_fault.h"

/* Who asks, for thp_vma_allowable_orders(). */
enum tva_type {
	TVA_SMAPS,		/* would the area ever get one? */
	TVA_PAGEFAULT,
	TVA_KHUGEPAGED,
	TVA_FORCED_COLLAPSE,	/* MADV_COLLAPSE: the switches do not count */
};

/* All orders that anonymous memory may use on this machine: from four pages to one huge entry. */
uint32_t thp_orders_all_anon(const struct memory *mem);
/*
 * Of `orders`, those that the area may use by its flags and by the switches, and that fit somewhere in it.
 * (thp_vma_allowable_orders)
 */
uint32_t thp_vma_allowable_orders(const struct vm_area_struct *vma, enum tva_type type, uint32_t orders);
/* Of `orders`, those whose aligned block around addr lies inside the area. (thp_vma_suitable_orders) */
uint32_t thp_vma_suitable_orders(const struct vm_area_struct *vma, uint64_t addr, uint32_t orders);
static inline bool thp_vma_allowable_order(const struct vm_area_struct *vma, enum tva_type type, unsigned order)
{
	return thp_vma_allowable_orders(vma, type, 1u << order);
}
/* Is any size enabled in any way? */
bool hugepage_enabled(const struct memory *mem);

/* What an allocation of a huge page for the area may do, by thp.defrag. (vma_thp_gfp_mask) */
gfp_t vma_thp_gfp_mask(const struct vm_area_struct *vma);

/* Is a fault at addr to be served with a huge entry, if there is one? */
bool thp_pmd_wanted(const struct vm_area_struct *vma, uint64_t addr);
/* VM_FAULT_FALLBACK: go on with smaller pages. */
vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index);
vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index);

/* The huge zero page as a shrinker: frees it when no address space uses it. */
uint64_t huge_zero_count(struct memory *mem, int nid);
uint64_t huge_zero_scan(struct memory *mem, int nid, uint64_t nr_pages);
/* An address space that used it ends. */
void mm_put_huge_zero_folio(struct mm_struct *mm);

/* Every folio's counts against a walk of all page tables, and the list of deferred splits. */
bool thp_consistent(const struct memory *mem, struct strbuf *why);

#endif
