/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where tasks run, and what they may use, as numactl, cpusets and sysfs would set it: keys `numa.*`.
 *
 * A trace's CPU n is the model's CPU n modulo the CPUs that a task may run on. With a placement other than `captured`
 * tasks are dealt out to nodes in the order of their appearance; on its node a task's CPU is n modulo the node's.
 * So a capture of one CPU can be studied on four nodes.
 *
 * Interface:
 *   - numa_check(): do the keys fit the machine?
 *   - numa_start(): weights and lists of CPUs; numa_finish()
 *   - numa_cpu(): the model's CPU for an event
 *   - numa_adopt(): policy and cpuset of a task that no other task of the trace made
 */
#ifndef SIM_NUMA_H
#define SIM_NUMA_H

#include "base/config.h"
#include "mm/mm_types.h"

enum numa_placement { NUMA_PLACE_CAPTURED, NUMA_PLACE_TASKS, NUMA_PLACE_PROCESSES };

/* Every member is a uint64_t (base/config.h). */
struct numa_config {
	uint64_t policy;	/* numa.policy: enum mpol_mode */
	uint64_t policy_nodes;	/* numa.policy_nodes, 0: all with memory */
	uint64_t cpuset_mems;	/* numa.cpuset_mems, 0: all */
	uint64_t weights[8];	/* numa.weights */
	uint64_t cpu_nodes;	/* numa.cpu_nodes, 0: all */
	uint64_t placement;	/* numa.placement */
};
extern const struct config_table numa_config_table;

struct numa {
	const struct numa_config *conf;
	struct memory *mem;
	uint64_t nodes;		/* where tasks may run: they have CPUs */
	uint16_t *cpus;		/* the CPUs of those nodes, ascending */
	unsigned nr_cpus;
};

/* -EINVAL: names a node that the machine has not, or that cannot do it. */
int numa_check(const struct numa_config *conf, const struct memory *mem, struct mmr_error *err);
void numa_start(struct numa *n, const struct numa_config *conf, struct memory *mem);
void numa_finish(struct numa *n);
/* `task`, `process`: numbers in the order of appearance. cpu: the trace's. */
unsigned numa_cpu(const struct numa *n, uint32_t task, uint32_t process, uint16_t cpu);
void numa_adopt(const struct numa *n, struct task_struct *task);

#endif
