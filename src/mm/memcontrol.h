/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Control of memory cgroups: limits that are set, swap that a group may use, and the check of the books. Kernel counterpart:
 * mm/memcontrol.c (memory_max_write, memory_high_write, mem_cgroup_get_nr_swap_pages). The groups themselves: mm/memcg.h.
 *
 * Modelled: a limit that is lowered reclaims at once, for memory.max with the OOM killer as last resort.
 *
 * Interface: memcg_set_*(), mem_cgroup_get_nr_swap_pages(), memcg_consistent()
 */
#ifndef MM_MEMCONTROL_H
#define MM_MEMCONTROL_H

#include "base/strbuf.h"
#include "mm/memcg.h"

/* Limits in pages; PAGE_COUNTER_MAX: none. max and high reclaim what is above, at once. */
void memcg_set_max(struct mem_cgroup *memcg, uint64_t pages);
void memcg_set_high(struct mem_cgroup *memcg, uint64_t pages);
void memcg_set_min(struct mem_cgroup *memcg, uint64_t pages);
void memcg_set_low(struct mem_cgroup *memcg, uint64_t pages);
/* v1: of memory and swap together. */
void memcg_set_swap_max(struct mem_cgroup *memcg, uint64_t pages);
void memcg_set_swap_high(struct mem_cgroup *memcg, uint64_t pages);
/* Mount option memory_recursiveprot: what a group does not hand down protects its subtree as a whole. On at first. */
void memcg_set_recursive_protection(struct memory *mem, bool on);

/* memory->current goes back to its program: what it owes for memory.high is done, and its waits become pressure. */
void __mem_cgroup_return_to_user(struct memory *mem);
static inline void mem_cgroup_return_to_user(struct memory *mem)
{
	if (unlikely(mem->memcg_over_high))
		__mem_cgroup_return_to_user(mem);
}

/* Free swap slots that the group may use. memcg NULL: of the machine. */
uint64_t mem_cgroup_get_nr_swap_pages(const struct memory *mem, const struct mem_cgroup *memcg);

/*
 * Charges against a walk over all frames, slabs and swap slots; counters against their children; lists against groups.
 * False: `why` gets a line for each contradiction.
 */
bool memcg_consistent(const struct memory *mem, struct strbuf *why);

#endif
