/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address spaces that khugepaged is to scan. Kernel counterpart: mm/khugepaged.c (__khugepaged_enter, __khugepaged_exit),
 * mm/mm_slot.h.
 *
 * Below khugepaged itself, because areas and faults put address spaces on the list.
 */
#ifndef MM_MM_SLOT_H
#define MM_MM_SLOT_H

#include "mm/mm_types.h"

/* One address space on the list, and where the scan stands. */
struct khugepaged_mm_slot {
	struct list_head node;		/* in khugepaged->slots, in order of arrival */
	struct mm_struct *mm;
};

struct khugepaged {
	struct list_head slots;
	struct khugepaged_mm_slot *at;	/* being scanned, NULL: the next pass starts with the first */
	uint64_t address;		/* there, the next to be looked at */
	bool alloc_failed;		/* no huge page was to be had: the sleep is the long one */
	uint64_t full_scans, pages_collapsed;	/* as in sysfs */
	uint64_t scanned;		/* entries looked at, ever */
};

/* The area may hold huge pages now: its address space goes on the list. */
void khugepaged_enter_vma(struct vm_area_struct *vma);
/* fork: a child of one that is on the list comes on it too. */
void khugepaged_fork(struct mm_struct *mm, const struct mm_struct *oldmm);
/* The address space ends. */
void khugepaged_exit(struct mm_struct *mm);
void khugepaged_finish(struct memory *mem);
/* The list against the address spaces. */
bool khugepaged_consistent(const struct memory *mem);

#endif
