/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Faults that huge pages serve. Kernel counterpart: mm/huge_memory.c (the fault part).
 *
 * Modelled: thp.enabled never/madvise/always, MADV_HUGEPAGE and MADV_NOHUGEPAGE, allocation at the fault with
 * fallback to base pages, the huge zero page, write faults on huge entries.
 * Simplified: the allocation never compacts (thp.defrag comes with compaction).
 * Left out: sizes between base and huge page, file and shmem huge pages, khugepaged, splitting folios.
 */
#ifndef MM_HUGE_MEMORY_H
#define MM_HUGE_MEMORY_H

#include "mm/huge_pmd.h"
#include "mm/vm_fault.h"

/* True when a huge page at addr's huge frame would lie inside the area and the settings want one. */
bool thp_vma_suitable(const struct vm_area_struct *vma, uint64_t addr);
/* VM_FAULT_FALLBACK: go on with base pages. */
vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index);
vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index);

#endif
