/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Base pages become huge ones behind the program's back. Kernel counterpart: mm/khugepaged.c.
 *
 * Modelled: the list of address spaces and the place where the scan stands; scan_sleep_millisecs, alloc_sleep_millisecs,
 * pages_to_scan, max_ptes_none, max_ptes_swap, max_ptes_shared; which areas and tables qualify, tested in the kernel's
 * order; swap-in of what is missing; isolation from the lists; the copy; file and shmem memory (retract of page tables);
 * MADV_COLLAPSE with its own limits.
 * Simplified: a collapse is one step: nobody faults in between. Left out: CONFIG_READ_ONLY_THP_FOR_FS (off by default in
 * what distributions and 6.18 ship), userfaultfd.
 *
 * The daemon runs on the model's clock: khugepaged_run() is one waking of it, and khugepaged_sleep_ns() says when the
 * next is due.
 */
#ifndef MM_KHUGEPAGED_H
#define MM_KHUGEPAGED_H

#include "mm/mm_slot.h"

/* One waking: scans pages_to_scan entries, then sleeps. */
void khugepaged_run(struct memory *mem);
/* From one waking to the next; 0: the daemon does not run (no size of huge page is enabled). */
uint64_t khugepaged_sleep_ns(const struct memory *mem);

/* madvise(MADV_COLLAPSE) of [start, end) in that area. 0 or the errno that madvise() returns, negative. */
int madvise_collapse(struct vm_area_struct *vma, uint64_t start, uint64_t end);

#endif
