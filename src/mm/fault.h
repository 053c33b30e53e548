/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page faults. Kernel counterpart: mm/memory.c (handle_mm_fault and below), arch/x86/mm/fault.c
 * (do_user_addr_fault), mm/gup.c (populate_vma_page_range), mm/filemap.c (filemap_map_pages).
 *
 * Modelled: the whole tree for anonymous, private and shared file and shmem memory; zero page, copy-on-write with
 * PG_ANON_EXCLUSIVE, fault-around with whole folios (6.18), mappings behind the end of a file, stack growth;
 * NUMA hints (mm/numa_balancing.h); kswapd has its turn behind each fault (mm/vmscan.h).
 * swap entries, huge pages of all sizes and hugetlb; without memory, the OOM killer and another try. An allocation may
 * reclaim: the entry is compared again afterwards, and the fault starts over when it changed.
 * Simplified: nobody waits with a lock held, so nothing is retried for that; no per-VMA locks.
 * Left out: userfaultfd, device memory with its own fault handler.
 *
 * The branches decide; each leaf acts and counts itself, so that
 *
 *	pgfault = sum of fault_* leaves (fault_gup, fault_segv and fault_around_pages are no leaves)
 */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include "mm/vm_fault.h"

/*
 * Resolves a fault of memory->current at addr: finds (or grows) the area, checks its permissions, runs the fault
 * tree, accounts it as mm_account_fault() does (pgfault, min_flt, maj_flt, the leaf).
 * VM_FAULT_SIGSEGV: no area or no permission; not counted in pgfault.
 */
vm_fault_t do_user_addr_fault(struct memory *mem, uint64_t addr, unsigned flags);
/* The tree itself, with the area known and the access allowed; accounts too. */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, uint64_t addr, unsigned flags);
/* How populate_range() touches: as mlock does (private writable areas are written), or as told. */
enum populate_how { POPULATE_AREA, POPULATE_READ, POPULATE_WRITE };
/*
 * Faults every missing page of [start, end) of the address space in, as MAP_POPULATE, mlock and MADV_POPULATE_*
 * do. Holes and forbidden areas end it. Returns the address it came to.
 */
uint64_t populate_range(struct mm_struct *mm, uint64_t start, uint64_t end, enum populate_how how);

#endif
