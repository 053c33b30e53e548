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

static inline bool khugepaged_has(const struct mm_struct *mm)
{
	return mm->khugepaged_slot.next;
}

/* The area may hold huge pages now: its address space goes on the list. */
void khugepaged_enter_vma(struct vm_area_struct *vma);
/* fork: a child of one that is on the list comes on it too. */
void khugepaged_fork(struct mm_struct *mm, const struct mm_struct *oldmm);
/* The address space ends. */
void khugepaged_exit(struct mm_struct *mm);
/* The one whose turn it is is done with. */
void khugepaged_next_mm(struct khugepaged *k);
/* The list against the address spaces. */
bool khugepaged_consistent(const struct memory *mem);

#endif
