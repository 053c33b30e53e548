/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The OOM killer. Kernel counterpart: mm/oom_kill.c.
 *
 * Modelled: badness (resident pages, swap entries, page tables, oom_score_adj); choice among all, or within a memory cgroup, a
 * cpuset or a memory policy; the first process and those with oom_score_adj -1000 are spared; all that share the address
 * space die; memory.oom.group; the victim's memory is taken at once, as by the reaper; no second victim while one
 * still holds memory; vm.panic_on_oom, vm.oom_kill_allocating_task.
 * Simplified: the victim's threads go with the trace's next event of each of them; a process that shares locked memory is
 * reaped as any other. Left out: unkillable tasks (in uninterruptible sleep), sysrq.
 *
 * Interface:
 *   - out_of_memory(): one decision; pressure->out_of_memory and pressure->memcg_oom are this
 *   - memory->oom: the kills so far, for the result
 *   - mm->oom_victim: the address space is empty and stays so; its tasks' events mean nothing any more
 */
#ifndef MM_OOM_KILL_H
#define MM_OOM_KILL_H

#include "mm/mm_types.h"

#define OOM_SCORE_ADJ_MIN	(-1000)
#define OOM_SCORE_ADJ_MAX	1000

enum oom_constraint { CONSTRAINT_NONE, CONSTRAINT_CPUSET, CONSTRAINT_MEMORY_POLICY, CONSTRAINT_MEMCG };

struct oom_control {
	struct mem_cgroup *memcg;	/* NULL: the whole machine */
	uint64_t nodemask;
	gfp_t gfp;
	unsigned order;
	/* filled in */
	enum oom_constraint constraint;
	uint64_t totalpages;
	struct mm_struct *chosen;
	int64_t chosen_points;
};

/* One kill. Pages unless said. */
struct oom_kill {
	uint64_t time_ns;
	uint64_t pid;
	char comm[16];
	uint32_t mm_id;
	uint16_t memcg;			/* id of the victim's group, 0 none */
	uint16_t limit_memcg;		/* of the group whose limit it was, 0 none */
	int16_t oom_score_adj;
	uint8_t constraint;		/* enum oom_constraint */
	uint64_t badness;
	uint64_t total_vm, rss_anon, rss_file, rss_shmem, swapents, pgtables_bytes;
};

/* What the killer remembers; memory->oom, NULL before the first time. */
struct oom_state {
	VEC(struct oom_kill) kills;
	size_t nr_seen;			/* of kills: those that a fault has been told of */
	size_t nr_buried;		/* of kills: those whose tasks have gone (the owner of the tasks counts) */
	uint64_t nr_invoked;		/* times asked */
	uint64_t nr_no_victim;		/* times that there was nobody to kill */
	bool panicked;			/* vm.panic_on_oom, or nobody to kill for the machine: the kernel had stopped here */
};

/* INT64_MIN: not to be killed. Pages, weighed with oom_score_adj thousandths of totalpages. */
int64_t oom_badness(const struct mm_struct *mm, uint64_t totalpages);
/* True: something was killed, or dies already: try again. False: nobody can be. */
bool out_of_memory(struct memory *mem, struct oom_control *oc);
/* The rows of pressure_ops. */
bool oom_kill_for_alloc(struct memory *mem, const struct alloc_request *req);
bool oom_kill_for_memcg(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, unsigned order);
/*
 * A fault ended with VM_FAULT_OOM although nothing is out of memory any more. True: the task lives and may try again
 * (pagefault_out_of_memory).
 */
bool pagefault_out_of_memory(struct memory *mem);
void oom_finish(struct memory *mem);

#endif
