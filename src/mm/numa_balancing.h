/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * NUMA balancing: entries are made to fault now and then, the faults tell who uses which page, and pages move to their
 * users. Kernel counterpart: kernel/sched/fair.c (task_tick_numa, task_numa_work, task_numa_fault, task_numa_placement,
 * update_task_scan_period, should_numa_migrate_memory, numa_promotion_*), mm/memory.c (do_numa_page), mm/huge_memory.c
 * (do_huge_pmd_numa_page), mm/mempolicy.c (change_prot_numa), mm/mprotect.c (prot_numa), mm/migrate.c
 * (migrate_misplaced_folio).
 *
 * Modelled: scans by the runtime of a task and the clock of its address space, their size, delay and adapting period; the
 * areas that 6.18 passes over (no policy for it, read-only files, no access, younger than the delay, scanned in this pass,
 * not touched by this task lately: vma->numab_state); the pages it passes over (zero page, shared copy-on-write, dirty
 * files, on the own node of a process with one thread, of the top tier with `tiering`); the two-stage filter by the last
 * CPU and thread of a page; private and shared faults, groups of threads, the preferred node; migration with its refusals;
 * promotion from slow tiers by the latency of the hint fault, with threshold and rate limit.
 * Simplified: a task runs while it is the current task: the time from tick to tick counts wholly for whom the later finds. A group is
 * made of the threads of one process. Threads stay on the CPUs that the trace gave them: the preferred node is found, for
 * the filter and the period, and nobody moves there. A scan takes no time. Time has the resolution of the clock, in milliseconds.
 * Left out: groups across processes, task swaps, topologies that are not fully connected, the choice of a preferred node
 * by distance, memory cgroups; `numa_balancing` 3 (both modes at once).
 *
 * A hint is PTE_PROTNONE in an entry of an area that may be accessed. The last CPU and thread of a folio (or, in a slow
 * tier, the time of its scan) stand in memory->last_cpupid, which exists only with NUMA balancing: struct page stays small.
 */
#ifndef MM_NUMA_BALANCING_H
#define MM_NUMA_BALANCING_H

#include "mm/vm_fault.h"

/* Of one task. */
struct task_numa {
	uint64_t sum_exec_ns;		/* its runtime, by ticks */
	uint64_t node_stamp_ns;		/* runtime at which it scanned last */
	uint64_t scan_period_ms, scan_period_max_ms;
	uint64_t migrate_retry_ms;	/* when the preferred node is looked at again */
	uint64_t placement_ms, placement_exec_ns;	/* of the last placement */
	uint32_t scan_seq;		/* pass of the address space that its statistics belong to */
	int preferred_nid;		/* -1 none yet */
	uint64_t pages_migrated;
	uint64_t locality[3];		/* pages of faults: remote, local; failed migrations */
	uint64_t total_faults;
	struct numa_group *group;
	uint64_t faults[];		/* nr_nodes * NR_NUMA_STATS, see numa_balancing-internal.h */
};

/* The tables that balancing needs, by mem->conf.numa_balancing; before there are user pages. */
void numa_balancing_setup(struct memory *mem);
/* Before memory_destroy(). */
void numa_balancing_finish(struct memory *mem);

/* The tick: the current task has run since the last one, and scans when that is due. tick_ns: the usual distance. */
void task_tick_numa(struct memory *mem, uint64_t tick_ns);
/* A task ends or starts another program; an address space goes. */
void task_numa_free(struct memory *mem, struct task_struct *task);
void mm_numa_free(struct mm_struct *mm);

/* Makes the entries of [start, end) of the area fault. Returns how many, as numa_pte_updates counts them. */
uint64_t change_prot_numa(struct vm_area_struct *vma, uint64_t start, uint64_t end);

/* A fault on a hint: base entry vmf->table[vmf->index], huge entry pmd[index]. */
vm_fault_t do_numa_page(struct vm_fault *vmf);
vm_fault_t do_huge_pmd_numa_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index);

static inline bool pte_protnone(pte_t pte)
{
	return (pte.pte & (PTE_PROTNONE | PTE_TABLE)) == PTE_PROTNONE;
}

#endif
