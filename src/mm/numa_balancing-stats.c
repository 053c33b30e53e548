/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What tasks and groups of threads learn from hint faults: the period of scans, the preferred node. See numa_balancing.h. */
#include <string.h>

#include "mm/numa_balancing-internal.h"

#define MAX_SCAN_WINDOW_MB	2560u	/* no more than that a second */
#define NUMA_PERIOD_SLOTS	10
#define NUMA_PERIOD_THRESHOLD	7
#define ACTIVE_NODE_FRACTION	3

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- groups ---- */

uint64_t group_faults_cpu(const struct memory *mem, const struct numa_group *ng, unsigned nid)
{
	return (uint64_t)(ng->faults[task_faults_idx(mem, NUMA_CPU, nid, 0)] +
			  ng->faults[task_faults_idx(mem, NUMA_CPU, nid, 1)]);
}

uint64_t group_faults(const struct memory *mem, const struct numa_group *ng, unsigned nid)
{
	return (uint64_t)(ng->faults[task_faults_idx(mem, NUMA_MEM, nid, 0)] +
			  ng->faults[task_faults_idx(mem, NUMA_MEM, nid, 1)]);
}

static uint64_t group_faults_of(const struct memory *mem, const struct numa_group *ng, unsigned priv)
{
	int64_t sum = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		sum += ng->faults[task_faults_idx(mem, NUMA_MEM, nid, priv)];
	return (uint64_t)sum;
}

static bool numa_is_active_node(const struct memory *mem, unsigned nid, const struct numa_group *ng)
{
	return group_faults_cpu(mem, ng, nid) * ACTIVE_NODE_FRACTION > ng->max_faults_cpu;
}

static void count_active_nodes(const struct memory *mem, struct numa_group *ng)
{
	uint64_t most = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		most = max_u64(most, group_faults_cpu(mem, ng, nid));
	ng->max_faults_cpu = most;
	ng->active_nodes = 0;
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		ng->active_nodes += numa_is_active_node(mem, nid, ng);
}

static void group_add(const struct memory *mem, struct numa_group *ng, const struct task_numa *tn, int64_t sign)
{
	for (unsigned i = 0; i < 4 * mem->nr_nodes; i++)
		ng->faults[i] += sign * (int64_t)tn->faults[i];
	ng->total_faults += sign * (int64_t)tn->total_faults;
	ng->nr_tasks += (uint32_t)sign;
}

/* A shared fault: the thread joins those of its process that have had one. */
static void join_group(struct memory *mem, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (task->numa->group)
		return;
	if (!mm->numa_group) {
		mm->numa_group = objpool_get(&mem->numa_group_pool);
		mm->numa_group->active_nodes = 1;
	}
	task->numa->group = mm->numa_group;
	group_add(mem, mm->numa_group, task->numa, 1);
}

static void put_group(struct memory *mem, struct numa_group *ng)
{
	if (ng->orphaned && !ng->nr_tasks)
		objpool_put(&mem->numa_group_pool, ng);
}

void mm_numa_free(struct mm_struct *mm)
{
	struct numa_group *ng = mm->numa_group;

	if (!ng)
		return;
	mm->numa_group = NULL;
	ng->orphaned = true;
	put_group(mm->mem, ng);
}

/* ---- tasks ---- */

struct task_numa *task_numa_get(struct memory *mem, struct task_struct *task)
{
	struct task_numa *tn = task->numa;
	uint64_t stagger;

	if (tn)
		return tn;
	tn = task->numa = objpool_get(&mem->task_numa_pool);
	tn->preferred_nid = -1;
	tn->scan_seq = task->mm->numa_scan_seq;
	tn->scan_period_ms = mem->conf.numa_scan_delay_ms;
	/* The first scans of threads are spread out. */
	if (task->mm->mm_users > 1 && task->mm->numa_next_scan_ms) {
		stagger = min_u64(task_scan_max(mem, task), tn->scan_period_ms * task->mm->mm_users);
		tn->node_stamp_ns = stagger * NSEC_PER_MSEC;
	}
	return tn;
}

void task_numa_free(struct memory *mem, struct task_struct *task)
{
	struct task_numa *tn = task->numa;

	if (!tn)
		return;
	if (tn->group) {
		group_add(mem, tn->group, tn, -1);
		put_group(mem, tn->group);
	}
	objpool_put(&mem->task_numa_pool, tn);
	task->numa = NULL;
}

/* ---- the period of scans ---- */

static uint64_t nr_scan_windows(const struct memory *mem, const struct task_struct *task)
{
	uint64_t size = mem->conf.numa_scan_size_mb << (20 - mem->geo->page_shift), rss = 0;

	for (int i = 0; i < NR_MM_COUNTERS; i++)
		rss += i == MM_SWAPENTS ? 0 : (uint64_t)task->mm->rss_stat[i];
	return rss ? (rss + size - 1) / size : 1;
}

static uint64_t task_scan_min(const struct memory *mem, const struct task_struct *task)
{
	uint64_t size = mem->conf.numa_scan_size_mb, windows = size < MAX_SCAN_WINDOW_MB ? MAX_SCAN_WINDOW_MB / size : 1;

	return max_u64(MSEC_PER_SEC / windows, mem->conf.numa_scan_period_min_ms / nr_scan_windows(mem, task));
}

/* A group that shares scans less often: each thread's scan serves the others. */
static uint64_t scaled_by_group(const struct memory *mem, const struct task_struct *task, uint64_t period)
{
	const struct numa_group *ng = task->numa ? task->numa->group : NULL;
	uint64_t shared, private;

	if (!ng)
		return period;
	shared = group_faults_of(mem, ng, 0);
	private = group_faults_of(mem, ng, 1);
	return period * ng->nr_tasks * (shared + 1) / (private + shared + 1);
}

uint64_t task_scan_start(const struct memory *mem, const struct task_struct *task)
{
	uint64_t smin = task_scan_min(mem, task);

	return max_u64(smin, scaled_by_group(mem, task, smin));
}

uint64_t task_scan_max(const struct memory *mem, const struct task_struct *task)
{
	uint64_t smin = task_scan_min(mem, task);
	uint64_t smax = mem->conf.numa_scan_period_max_ms / nr_scan_windows(mem, task);

	smax = max_u64(smax, scaled_by_group(mem, task, smax));
	return max_u64(smin, smax);
}

/* Mostly private or mostly local faults: scan less. Mostly shared and remote ones: more. */
static void update_task_scan_period(struct memory *mem, struct task_struct *task, uint64_t shared, uint64_t private)
{
	struct task_numa *tn = task->numa;
	uint64_t remote = tn->locality[0], local = tn->locality[1];
	int64_t slot = (int64_t)((tn->scan_period_ms + NUMA_PERIOD_SLOTS - 1) / NUMA_PERIOD_SLOTS), lr, ps, ratio, diff;

	if (local + shared == 0 || tn->locality[2]) {
		tn->scan_period_ms = min_u64(tn->scan_period_max_ms, tn->scan_period_ms << 1);
		task->mm->numa_next_scan_ms = now_ms(mem) + tn->scan_period_ms;
		return;
	}
	lr = (int64_t)(local * NUMA_PERIOD_SLOTS / (local + remote));
	ps = (int64_t)(private * NUMA_PERIOD_SLOTS / (private + shared));
	ratio = ps >= NUMA_PERIOD_THRESHOLD ? ps : lr;
	if (ratio >= NUMA_PERIOD_THRESHOLD) {
		diff = (ratio > NUMA_PERIOD_THRESHOLD ? ratio - NUMA_PERIOD_THRESHOLD : 1) * slot;
	} else {
		ratio = ps > lr ? ps : lr;
		diff = -(NUMA_PERIOD_THRESHOLD - ratio) * slot;
	}
	diff += (int64_t)tn->scan_period_ms;
	tn->scan_period_ms = max_u64(diff > 0 ? (uint64_t)diff : 0, task_scan_min(mem, task));
	tn->scan_period_ms = min_u64(tn->scan_period_ms, task_scan_max(mem, task));
	memset(tn->locality, 0, sizeof(tn->locality));
}

/* ---- placement ---- */

/* What part of the time since the last placement the task ran, in 1/65536. */
static uint64_t avg_runtime(const struct memory *mem, struct task_numa *tn)
{
	uint64_t runtime = tn->sum_exec_ns - tn->placement_exec_ns;
	uint64_t period = (now_ms(mem) - tn->placement_ms) * NSEC_PER_MSEC;

	if (!tn->placement_ms)
		runtime = period = 1;
	tn->placement_exec_ns = tn->sum_exec_ns;
	tn->placement_ms = now_ms(mem);
	return (uint64_t)(((unsigned __int128)runtime << 16) / (period + 1));
}

/* One figure decays by half and takes in what the buffer has collected. Returns the change. */
static int64_t fold(uint64_t *figure, uint64_t fresh)
{
	int64_t diff = (int64_t)fresh - (int64_t)(*figure / 2);

	*figure += (uint64_t)diff;
	return diff;
}

/* Folds both figures of one node and kind; the group gets the changes. */
static void fold_node(const struct memory *mem, struct task_numa *tn, unsigned nid, unsigned priv, uint64_t weight)
{
	unsigned mem_idx = task_faults_idx(mem, NUMA_MEM, nid, priv), cpu_idx = task_faults_idx(mem, NUMA_CPU, nid, priv);
	uint64_t *membuf = &tn->faults[task_faults_idx(mem, NUMA_MEMBUF, nid, priv)];
	uint64_t *cpubuf = &tn->faults[task_faults_idx(mem, NUMA_CPUBUF, nid, priv)];
	int64_t diff = fold(&tn->faults[mem_idx], *membuf);
	int64_t cpu_diff = fold(&tn->faults[cpu_idx], weight * *cpubuf / (tn->locality[0] + tn->locality[1] + 1));

	*membuf = *cpubuf = 0;
	tn->total_faults += (uint64_t)diff;
	if (!tn->group)
		return;
	tn->group->faults[mem_idx] += diff;
	tn->group->faults[cpu_idx] += cpu_diff;
	tn->group->total_faults += diff;
}

static int busiest_node(const struct memory *mem, const struct task_numa *tn)
{
	uint64_t most = 0;
	int best = -1;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		uint64_t faults = tn->faults[task_faults_idx(mem, NUMA_MEM, nid, 0)] +
				  tn->faults[task_faults_idx(mem, NUMA_MEM, nid, 1)];

		if (tn->group)
			faults = group_faults(mem, tn->group, nid);
		if (faults > most) {
			most = faults;
			best = (int)nid;
		}
	}
	return best;
}

/* Once for each pass over the address space. */
static void task_numa_placement(struct memory *mem, struct task_struct *task)
{
	struct task_numa *tn = task->numa;
	uint64_t weight, types[2] = {0};
	int nid;

	if (tn->scan_seq == task->mm->numa_scan_seq)
		return;
	tn->scan_seq = task->mm->numa_scan_seq;
	tn->scan_period_max_ms = task_scan_max(mem, task);
	weight = avg_runtime(mem, tn);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned priv = 0; priv < 2; priv++) {
			types[priv] += tn->faults[task_faults_idx(mem, NUMA_MEMBUF, n, priv)];
			fold_node(mem, tn, n, priv, weight);
		}
	if (tn->group)
		count_active_nodes(mem, tn->group);
	nid = busiest_node(mem, tn);
	if (nid >= 0)
		tn->preferred_nid = nid;
	update_task_scan_period(mem, task, types[0], types[1]);
}

/* ---- one fault ---- */

/* Was the page touched last by this thread? If by another of the process, the two belong together. */
static bool is_private(struct memory *mem, struct task_struct *task, uint32_t last_cpupid, unsigned flags)
{
	if (last_cpupid == CPUPID_UNSET || cpupid_match_pid(task, last_cpupid))
		return true;
	if (flags & TNF_NO_GROUP)
		return false;
	if (task->mm->mm_users == 1 && !(flags & TNF_SHARED))
		return true;	/* another process: false sharing */
	if (task->mm->mm_users > 1)
		join_group(mem, task);
	return false;
}

void task_numa_fault(struct memory *mem, uint32_t last_cpupid, unsigned mem_node, uint64_t pages, unsigned flags)
{
	struct task_struct *task = mem->current;
	unsigned cpu_node = mem->cpu_node[mem->cpu];
	bool priv, local = flags & TNF_FAULT_LOCAL;
	const struct numa_group *ng;
	struct task_numa *tn;

	/* Slow memory holds no task, so its faults say nothing of where one should run. */
	if (!node_is_toptier(mem, mem_node) &&
	    (mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING || last_cpupid == CPUPID_UNSET))
		return;
	tn = task_numa_get(mem, task);
	priv = is_private(mem, task, last_cpupid, flags);
	ng = tn->group;
	if (!priv && !local && ng && ng->active_nodes > 1 && numa_is_active_node(mem, cpu_node, ng) &&
	    numa_is_active_node(mem, mem_node, ng))
		local = true;
	if (now_ms(mem) > tn->migrate_retry_ms) {
		task_numa_placement(mem, task);
		tn->migrate_retry_ms = now_ms(mem) + min_u64(MSEC_PER_SEC, tn->scan_period_ms / 16);
	}
	if (flags & TNF_MIGRATED)
		tn->pages_migrated += pages;
	if (flags & TNF_MIGRATE_FAIL)
		tn->locality[2] += pages;
	tn->faults[task_faults_idx(mem, NUMA_MEMBUF, mem_node, priv)] += pages;
	tn->faults[task_faults_idx(mem, NUMA_CPUBUF, cpu_node, priv)] += pages;
	tn->locality[local] += pages;
}
