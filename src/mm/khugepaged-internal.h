/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the parts of mm/khugepaged.h share: khugepaged.c (one collapse), khugepaged-scan.c (the daemon and MADV_COLLAPSE). */
#ifndef MM_KHUGEPAGED_INTERNAL_H
#define MM_KHUGEPAGED_INTERNAL_H

#include "mm/khugepaged.h"
#include "mm/vma.h"

/* How a look or a collapse ended, with the kernel's names. */
enum scan_result {
	SCAN_FAIL,
	SCAN_SUCCEED,
	SCAN_PMD_NULL,			/* no table of level 1, or nothing that could be understood in it */
	SCAN_PMD_NONE,			/* no table of base entries */
	SCAN_PMD_MAPPED,		/* it is a huge page already */
	SCAN_EXCEED_NONE_PTE,
	SCAN_EXCEED_SWAP_PTE,
	SCAN_EXCEED_SHARED_PTE,
	SCAN_PTE_NON_PRESENT,
	SCAN_LACK_REFERENCED_PAGE,	/* none of the pages was used lately */
	SCAN_PAGE_NULL,			/* no page of memory */
	SCAN_PAGE_COUNT,		/* a reference that nobody explains */
	SCAN_PAGE_LRU,			/* on no list */
	SCAN_PAGE_ANON,			/* a file's page among anonymous ones */
	SCAN_ALLOC_HUGE_PAGE_FAIL,
	SCAN_CGROUP_CHARGE_FAIL,
};

/* One huge page's worth of an area. */
struct collapse_control {
	struct memory *mem;
	struct vm_area_struct *vma;
	uint64_t start;			/* address, a multiple of the huge page's size */
	bool is_khugepaged;		/* its limits count; else MADV_COLLAPSE */
	bool tried;			/* result: it came to the point where the kernel lets go of mmap_lock */
	uint64_t nr_none, nr_swap, nr_shared, nr_referenced;	/* entries found */
	uint32_t node_load[MAX_NUMNODES];	/* pages on each node */
};

/* Looks, and collapses when all is well (hpage_collapse_scan_pmd). */
enum scan_result collapse_scan_pmd(struct collapse_control *cc);

#endif
