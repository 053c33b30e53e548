/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A kernel stack for every thread. Kernel counterpart: kernel/fork.c (alloc_thread_stack_node, free_thread_stack,
 * account_kernel_stack).
 *
 * Modelled: THREAD_SIZE of the architecture; with kernel.vmap_stack from vmalloc, aligned to its size, and two freed
 * stacks kept per CPU (NR_CACHED_STACKS), else a block of that order; nr_kernel_stack. A stack goes to the cache only
 * when all its pages are of the CPU's node, if that has memory, and comes out of it on the CPU's node only (6.17).
 * Simplified: what does not fit the cache is freed at once, where the kernel waits for RCU. Left out: interrupt and
 * exception stacks, shadow stacks, the charge to the memory cgroup.
 */
#ifndef MM_KSTACK_H
#define MM_KSTACK_H

#include "mm/kentry.h"	/* thread_size() */

/* Gives the task its stack, near the node (NUMA_NO_NODE: the CPU's). False: no memory, fork fails. */
bool alloc_thread_stack(struct memory *mem, struct task_struct *task, int nid);
/* Takes it away; a task without one is left alone. */
void free_thread_stack(struct memory *mem, struct task_struct *task);

struct kstack_stats {
	uint64_t nr_stacks;	/* of tasks */
	uint64_t nr_cached;
	uint64_t allocs, cache_hits, failed;
};
void kstack_stats(const struct memory *mem, struct kstack_stats *ret);

#endif
