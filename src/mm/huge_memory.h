/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Faults that huge pages serve. Kernel counterpart: mm/huge_memory.c (the fault part).
 *
 * Modelled: allocation at the fault, charged to the memory cgroup, with fallback to smaller pages; the huge zero page with
 * its references and its shrinker; write faults on huge entries. Which areas get them: mm/thp_orders.h.
 * Left out: DAX, huge pages of 1G outside of hugetlb.
 */
#ifndef MM_HUGE_MEMORY_H
#define MM_HUGE_MEMORY_H

#include "base/strbuf.h"
#include "mm/huge_pmd.h"
#include "mm/thp_orders.h"
#include "mm/vm_fault.h"

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
