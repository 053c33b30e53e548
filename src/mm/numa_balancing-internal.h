/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of numa_balancing share: the last user of a folio, statistics of tasks and groups. */
#ifndef MM_NUMA_BALANCING_INTERNAL_H
#define MM_NUMA_BALANCING_INTERNAL_H

#include "mm/memmap.h"
#include "mm/memory_tiers.h"
#include "mm/numa_balancing.h"

#define NSEC_PER_MSEC	1000000ull
#define MSEC_PER_SEC	1000u

/* What a hint fault was, as the kernel's TNF_*. */
#define TNF_MIGRATED	(1u << 0)
#define TNF_NO_GROUP	(1u << 1)
#define TNF_SHARED	(1u << 2)
#define TNF_FAULT_LOCAL	(1u << 3)
#define TNF_MIGRATE_FAIL (1u << 4)

/*
 * Faults by node and whether the page was private. MEM: by the node of the page; CPU: by the node of the task. The
 * buffers collect until the next placement, which lets the old figures decay by half.
 */
enum numa_faults_stats { NUMA_MEM, NUMA_CPU, NUMA_MEMBUF, NUMA_CPUBUF, NR_NUMA_TYPES };
#define NR_NUMA_STATS (2 * NR_NUMA_TYPES)

static inline unsigned task_faults_idx(const struct memory *mem, enum numa_faults_stats s, unsigned nid, unsigned priv)
{
	return 2 * (s * mem->nr_nodes + nid) + priv;
}

/* Threads of one process that share pages. */
struct numa_group {
	uint32_t nr_tasks;
	bool orphaned;		/* its address space is gone: the last task frees it */
	unsigned active_nodes;
	uint64_t max_faults_cpu;
	int64_t total_faults;
	int64_t faults[];	/* nr_nodes * NR_NUMA_STATS, the MEM and CPU parts are used */
};

/* What an area remembers (vm_area_free() frees it). Times in milliseconds. Kernel: struct vma_numab_state. */
struct vma_numab_state {
	uint64_t next_scan_ms, pids_reset_ms;
	uint64_t pids_active[2];	/* threads that faulted here, hashed to 64 */
	uint32_t start_scan_seq;
	int64_t prev_scan_seq;
};

static inline uint64_t now_ms(const struct memory *mem)
{
	return mem->now_ns / NSEC_PER_MSEC;
}

static inline unsigned numa_pid_bit(const struct task_struct *task)
{
	return (uint32_t)task->tid * 0x61c88647u >> 26;	/* hash_32(pid, 6) */
}

/* ---- the last user of a folio ---- */

#define CPUPID_UNSET	0u
#define CPUPID_VALID	(1u << 31)
#define CPUPID_PID_MASK	255u	/* LAST__PID_BITS are 8 */

static inline uint32_t cpu_pid_to_cpupid(unsigned cpu, uint64_t pid)
{
	return CPUPID_VALID | cpu << 8 | ((uint32_t)pid & CPUPID_PID_MASK);
}

static inline bool cpupid_match_pid(const struct task_struct *task, uint32_t cpupid)
{
	return cpupid != CPUPID_UNSET && (cpupid & CPUPID_PID_MASK) == (task->tid & CPUPID_PID_MASK);
}

static inline unsigned cpupid_to_nid(const struct memory *mem, uint32_t cpupid)
{
	return mem->cpu_node[(cpupid & ~CPUPID_VALID) >> 8];
}

/* In a slow tier, with promotion on, the place holds the time of the last scan instead. */
static inline bool folio_use_access_time(const struct memory *mem, pfn_t head)
{
	return mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING &&
	       !node_is_toptier(mem, pfn_to_node(mem, head)->node_id);
}

static inline uint32_t folio_xchg_last_cpupid(const struct memory *mem, pfn_t head, uint32_t cpupid)
{
	uint32_t last = mem->last_cpupid[head];

	mem->last_cpupid[head] = cpupid;
	return last;
}

/* ---- statistics: numa_balancing-stats.c ---- */

struct task_numa *task_numa_get(struct memory *mem, struct task_struct *task);
uint64_t task_scan_start(const struct memory *mem, const struct task_struct *task);
uint64_t task_scan_max(const struct memory *mem, const struct task_struct *task);
/* The current task touched pages of that node. flags: TNF_* */
void task_numa_fault(struct memory *mem, uint32_t last_cpupid, unsigned mem_node, uint64_t pages, unsigned flags);
uint64_t group_faults_cpu(const struct memory *mem, const struct numa_group *ng, unsigned nid);
uint64_t group_faults(const struct memory *mem, const struct numa_group *ng, unsigned nid);

#endif
