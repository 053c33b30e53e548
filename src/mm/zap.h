/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Taking pages out of address spaces. Kernel counterpart: mm/memory.c (unmap_page_range, zap_pte_range,
 * free_pgtables), mm/pt_reclaim.c.
 *
 * Modelled: pages, huge pages, the accounting of both; what the TLBs are told (mmu_gather.h); empty tables as
 * pt_reclaim.
 */
#ifndef MM_ZAP_H
#define MM_ZAP_H

#include "mm/huge_pmd.h"
#include "mm/mm_types.h"
#include "mm/mmu_gather.h"

/*
 * Unmaps the pages of [start, end) of one area and frees them. The tables stay, except that with reclaim_pt
 * (MADV_DONTNEED) a table that the range empties wholly goes too, as CONFIG_PT_RECLAIM does.
 */
void unmap_page_range(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start, uint64_t end,
		      bool reclaim_pt);
/* The same with a gathering of its own (zap_page_range_single()). */
void zap_page_range(struct vm_area_struct *vma, uint64_t start, uint64_t end, bool reclaim_pt);

#endif
