/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The OOM killer: see oom_kill.h. */
#include "mm/oom_kill.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "mm/memcontrol.h"
#include "mm/mempolicy.h"
#include "mm/swapfile.h"
#include "mm/vma.h"
#include "mm/zap.h"

enum { PANIC_NEVER, PANIC_UNLESS_CONSTRAINED, PANIC_ALWAYS };	/* vm.panic_on_oom */

static struct oom_state *state_of(struct memory *mem)
{
	if (!mem->oom)
		mem->oom = xcalloc(1, sizeof(*mem->oom));
	return mem->oom;
}

void oom_finish(struct memory *mem)
{
	if (!mem->oom)
		return;
	vec_finish(&mem->oom->kills);
	free(mem->oom);
	mem->oom = NULL;
}

/* ---- who ---- */

/* The first process of the machine; and what nobody runs in. */
static bool oom_unkillable(const struct mm_struct *mm)
{
	return !mm->owner || mm->owner->pid == 1;
}

static uint64_t mm_rss(const struct mm_struct *mm)
{
	return (uint64_t)(mm->rss_stat[MM_FILEPAGES] + mm->rss_stat[MM_ANONPAGES] + mm->rss_stat[MM_SHMEMPAGES]);
}

int64_t oom_badness(const struct mm_struct *mm, uint64_t totalpages)
{
	uint64_t points;

	if (oom_unkillable(mm) || mm->oom_score_adj == OOM_SCORE_ADJ_MIN || mm->oom_victim)
		return INT64_MIN;
	points = mm_rss(mm) + (uint64_t)mm->rss_stat[MM_SWAPENTS] + (mm->pgtables_bytes >> mm->mem->geo->page_shift);
	return (int64_t)points + mm->oom_score_adj * (int64_t)(totalpages / 1000);
}

/* Would its death free memory where it is wanted? (oom_cpuset_eligible) */
static bool oom_eligible(const struct mm_struct *mm, const struct oom_control *oc)
{
	const struct task_struct *task = mm->owner, *current = mm->mem->current;

	if (oc->constraint == CONSTRAINT_MEMORY_POLICY)
		return !task->mempolicy || task->mempolicy->mode != MPOL_BIND ||
		       task->mempolicy->nodes & oc->nodemask;
	if (!mm->mem->cpusets || !current)
		return true;
	return task->mems_allowed & current->mems_allowed;
}

static void evaluate(struct oom_control *oc, struct mm_struct *mm)
{
	int64_t points;

	if (oom_unkillable(mm) || (!oc->memcg && !oom_eligible(mm, oc)))
		return;
	points = oom_badness(mm, oc->totalpages);
	/* Of several as bad the last one is taken. */
	if (points == INT64_MIN || points < oc->chosen_points)
		return;
	oc->chosen = mm;
	oc->chosen_points = points;
}

static void evaluate_group(struct oom_control *oc, struct memory *mem, const struct mem_cgroup *memcg)
{
	struct list_head *pos;

	list_for_each(pos, &mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (!memcg || mm->memcg == memcg)
			evaluate(oc, mm);
	}
}

static void select_bad_process(struct memory *mem, struct oom_control *oc)
{
	struct mem_cgroup *memcg = NULL;

	oc->chosen = NULL;
	oc->chosen_points = INT64_MIN;
	if (!oc->memcg) {
		evaluate_group(oc, mem, NULL);
		return;
	}
	while ((memcg = mem_cgroup_iter(mem, oc->memcg, memcg, NULL)))
		evaluate_group(oc, mem, memcg);
}

/* ---- how much memory it is about ---- */

static uint64_t memcg_totalpages(const struct memory *mem, const struct mem_cgroup *memcg)
{
	uint64_t max = memcg->memory.max, swap = total_swap_pages(mem), most;

	if (memcg_is_v1(mem))
		most = memcg->memsw.max - max;
	else
		most = memcg->swap.max;
	if (memcg->swappiness)
		max += swap < most ? swap : most;
	return max ? max : 1;
}

static uint64_t nodes_present(const struct memory *mem, uint64_t nodemask)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (nodemask >> n & 1)
			pages += mem->nodes[n]->present_pages;
	return pages;
}

static enum oom_constraint constrained_alloc(const struct memory *mem, struct oom_control *oc)
{
	uint64_t nodes = nodes_with_memory(mem);
	uint64_t mems = mem->cpusets && mem->current ? mem->current->mems_allowed : NODEMASK_ALL;

	if (oc->memcg) {
		oc->totalpages = memcg_totalpages(mem, oc->memcg);
		return CONSTRAINT_MEMCG;
	}
	oc->totalpages = mem->totalram_pages + total_swap_pages(mem);
	if (mem->nr_nodes == 1 || oc->gfp & __GFP_THISNODE)
		return CONSTRAINT_NONE;
	if (nodes & ~oc->nodemask & mems) {
		oc->totalpages = total_swap_pages(mem) + nodes_present(mem, oc->nodemask);
		return CONSTRAINT_MEMORY_POLICY;
	}
	if (nodes & ~mems) {
		oc->totalpages = total_swap_pages(mem) + nodes_present(mem, mems);
		return CONSTRAINT_CPUSET;
	}
	return CONSTRAINT_NONE;
}

/* ---- the kill ---- */

/* The reaper, and what the exit of all its threads would free a moment later: all pages; tables and areas stay. */
static void reap(struct mm_struct *mm)
{
	for (struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma))
		if (!(vma->vm_flags & VM_HUGETLB))	/* pages of pools help nobody, and a fault may be using one */
			zap_page_range(vma, vma->vm_start, vma->vm_end, false);
}

static void note_kill(const struct mm_struct *victim, const struct oom_control *oc, uint64_t badness)
{
	struct memory *mem = victim->mem;
	struct oom_kill *k = vec_push(&state_of(mem)->kills);

	*k = (struct oom_kill){
		.time_ns = mem->now_ns,
		.pid = victim->owner->pid,
		.mm_id = victim->id,
		.memcg = (uint16_t)mem_cgroup_id(victim->memcg),
		.limit_memcg = (uint16_t)mem_cgroup_id(oc->memcg),
		.oom_score_adj = victim->oom_score_adj,
		.constraint = (uint8_t)oc->constraint,
		.badness = badness,
		.total_vm = victim->total_vm,
		.rss_anon = (uint64_t)victim->rss_stat[MM_ANONPAGES],
		.rss_file = (uint64_t)victim->rss_stat[MM_FILEPAGES],
		.rss_shmem = (uint64_t)victim->rss_stat[MM_SHMEMPAGES],
		.swapents = (uint64_t)victim->rss_stat[MM_SWAPENTS],
		.pgtables_bytes = victim->pgtables_bytes,
	};
	memcpy(k->comm, victim->owner->comm, sizeof(k->comm));
}

/* All processes that share the address space die with it: here that is one step. */
static void kill_mm(struct mm_struct *victim, const struct oom_control *oc, int64_t points)
{
	struct memory *mem = victim->mem;

	note_kill(victim, oc, points > 0 ? (uint64_t)points : 0);
	count_vm_event(mem, OOM_KILL);
	if (victim->memcg)
		memcg_memory_event(victim->memcg, MEMCG_OOM_KILL);
	victim->oom_victim = true;
	reap(victim);
}

/* The highest group between the victim's and the one that is out of memory that is to die as a whole. */
static struct mem_cgroup *oom_group_of(const struct mm_struct *victim, struct mem_cgroup *domain)
{
	struct mem_cgroup *memcg = victim->memcg, *group = NULL;

	if (!memcg || mem_cgroup_is_root(memcg) || memcg_is_v1(victim->mem))
		return NULL;
	if (!domain)
		domain = victim->mem->root_memcg;
	for (; memcg; memcg = memcg->parent) {
		if (memcg->oom_group)
			group = memcg;
		if (memcg == domain)
			return group;
	}
	return NULL;
}

static void kill_group(struct memory *mem, struct mem_cgroup *group, const struct oom_control *oc)
{
	struct list_head *pos;

	memcg_memory_event(group, MEMCG_OOM_GROUP_KILL);
	list_for_each(pos, &mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (mm->memcg && mem_cgroup_is_descendant(mm->memcg, group) &&
		    oom_badness(mm, oc->totalpages) != INT64_MIN)
			kill_mm(mm, oc, oom_badness(mm, oc->totalpages));
	}
}

static void oom_kill_process(struct memory *mem, struct oom_control *oc)
{
	struct mem_cgroup *group = oom_group_of(oc->chosen, oc->memcg);

	kill_mm(oc->chosen, oc, oc->chosen_points);
	if (group)
		kill_group(mem, group, oc);
}

static bool must_panic(const struct memory *mem, const struct oom_control *oc)
{
	return mem->conf.panic_on_oom == PANIC_ALWAYS ||
	       (mem->conf.panic_on_oom == PANIC_UNLESS_CONSTRAINED && oc->constraint == CONSTRAINT_NONE);
}

static bool kills_allocating_task(const struct memory *mem, const struct oom_control *oc)
{
	const struct mm_struct *mm = mem->current ? mem->current->mm : NULL;

	return mem->conf.oom_kill_allocating_task && !oc->memcg && mm && oom_eligible(mm, oc) &&
	       oom_badness(mm, oc->totalpages) != INT64_MIN;
}

bool out_of_memory(struct memory *mem, struct oom_control *oc)
{
	struct oom_state *st = state_of(mem);

	st->nr_invoked++;
	/* Who dies gets what it needs to do so. */
	if (mem->current && mem->current->mm && mem->current->mm->oom_victim)
		return true;
	/* It does not make up for reclaim that was not allowed to do much. */
	if (!(oc->gfp & __GFP_FS) && !oc->memcg)
		return true;
	oc->constraint = constrained_alloc(mem, oc);
	if (must_panic(mem, oc)) {
		st->panicked = true;
		return false;
	}
	if (kills_allocating_task(mem, oc)) {
		oc->chosen = mem->current->mm;
		oc->chosen_points = oom_badness(oc->chosen, oc->totalpages);
	} else {
		select_bad_process(mem, oc);
	}
	if (!oc->chosen) {
		st->nr_no_victim++;
		st->panicked |= !oc->memcg;
		return false;
	}
	oom_kill_process(mem, oc);
	return true;
}

/* ---- pressure_ops ---- */

bool oom_kill_for_alloc(struct memory *mem, const struct alloc_request *req)
{
	struct oom_control oc = {.nodemask = req->nodemask, .gfp = req->gfp, .order = req->order};

	return out_of_memory(mem, &oc);
}

bool oom_kill_for_memcg(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, unsigned order)
{
	struct oom_control oc = {.memcg = memcg, .nodemask = NODEMASK_ALL, .gfp = gfp, .order = order};

	return out_of_memory(mem, &oc);
}

bool pagefault_out_of_memory(struct memory *mem)
{
	struct oom_state *st = mem->oom;
	bool killed = st && st->kills.nr != st->nr_seen;

	if (killed)
		st->nr_seen = st->kills.nr;
	return killed && !mem->current->mm->oom_victim;
}
