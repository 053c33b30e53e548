/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Placement and policies from settings: see numa.h. */
#include "sim/numa.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/mempolicy.h"

#define AT(member) offsetof(struct numa_config, member)

/* By enum mpol_mode. */
static const char *const policy_names[] = {
	[MPOL_DEFAULT] = "default",
	[MPOL_PREFERRED] = "preferred",
	[MPOL_BIND] = "bind",
	[MPOL_INTERLEAVE] = "interleave",
	[MPOL_LOCAL] = "local",
	[MPOL_PREFERRED_MANY] = "preferred-many",
	[MPOL_WEIGHTED_INTERLEAVE] = "weighted-interleave",
	NULL,
};
static const char *const placement_names[] = {"captured", "tasks", "processes", NULL};

static const struct config_row rows[] = {
	{"numa.policy", CONFIG_CHOICE, AT(policy), "default", 0, 0, policy_names,
	 "memory policy that the first tasks start with, as under numactl; bind:0-1 sets numa.policy_nodes too"},
	{"numa.policy_nodes", CONFIG_NODES, AT(policy_nodes), "none", 0, 0, NULL,
	 "nodes of numa.policy; none: all that have memory"},
	{"numa.cpuset_mems", CONFIG_NODES, AT(cpuset_mems), "none", 0, 0, NULL,
	 "nodes that tasks may take memory from: cpuset.mems of their cgroup; none: all"},
	{"numa.weights", CONFIG_WEIGHTS, AT(weights), "none", 0, 0, NULL,
	 "pages in a row on each node from 0 on, 0 as 1: /sys/kernel/mm/mempolicy/weighted_interleave/node*"},
	{"numa.cpu_nodes", CONFIG_NODES, AT(cpu_nodes), "none", 0, 0, NULL,
	 "nodes on whose CPUs tasks run, as numactl --cpunodebind; none: all"},
	{"numa.placement", CONFIG_CHOICE, AT(placement), "captured", 0, 0, placement_names,
	 "who shares a node: tasks on CPUs as captured, or tasks or processes dealt out to nodes in turn"},
};

const struct config_table numa_config_table = {"numa", rows, ARRAY_SIZE(rows)};

/* ---- checks ---- */

static uint64_t nodes_with_cpus(const struct memory *mem)
{
	uint64_t nodes = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n]->has_cpu)
			nodes |= 1ull << n;
	return nodes;
}

static int check_nodes(const struct memory *mem, const char *key, uint64_t nodes, uint64_t able,
		       const char *what, struct mmr_error *err)
{
	uint64_t bad = nodes & ~able;
	int node;

	if (!bad)
		return 0;
	node = __builtin_ctzll(bad);
	if ((unsigned)node >= mem->nr_nodes)
		return err_set(err, -EINVAL, "'%s' names node %d, and the machine has %u node%s", key,
			       node, mem->nr_nodes, mem->nr_nodes == 1 ? " (0)" : "s (from 0)");
	return err_set(err, -EINVAL, "'%s' names node %d, which has no %s", key, node, what);
}

static bool policy_takes_nodes(const struct numa_config *conf)
{
	return conf->policy != MPOL_DEFAULT && conf->policy != MPOL_LOCAL;
}

static int check_policy(const struct numa_config *conf, uint64_t memory_nodes, struct mmr_error *err)
{
	uint64_t mems = conf->cpuset_mems ? conf->cpuset_mems : memory_nodes;

	if (conf->policy_nodes && !policy_takes_nodes(conf))
		return err_set(err, -EINVAL, "'numa.policy_nodes' is set, and 'numa.policy' is %s, which takes none",
			       policy_names[conf->policy]);
	if (conf->policy == MPOL_PREFERRED && __builtin_popcountll(conf->policy_nodes) != 1)
		return err_set(err, -EINVAL,
			       "'numa.policy' is preferred, which takes one node (preferred-many takes more)");
	if (conf->policy_nodes && !(conf->policy_nodes & mems))
		return err_set(err, -EINVAL, "no node of 'numa.policy_nodes' is in 'numa.cpuset_mems'");
	return 0;
}

int numa_check(const struct numa_config *conf, const struct memory *mem, struct mmr_error *err)
{
	uint64_t memory_nodes = nodes_with_memory(mem);
	int rc = check_nodes(mem, "numa.policy_nodes", conf->policy_nodes, memory_nodes, "memory", err);

	if (!rc)
		rc = check_nodes(mem, "numa.cpuset_mems", conf->cpuset_mems, memory_nodes, "memory", err);
	if (!rc)
		rc = check_nodes(mem, "numa.cpu_nodes", conf->cpu_nodes, nodes_with_cpus(mem), "CPU", err);
	return rc ? rc : check_policy(conf, memory_nodes, err);
}

/* ---- start ---- */

void numa_start(struct numa *n, const struct numa_config *conf, struct memory *mem)
{
	*n = (struct numa){.conf = conf, .mem = mem};
	n->nodes = conf->cpu_nodes ? conf->cpu_nodes : nodes_with_cpus(mem);
	n->cpus = xcalloc(mem->nr_cpus, sizeof(*n->cpus));
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		if (n->nodes >> mem->cpu_node[cpu] & 1)
			n->cpus[n->nr_cpus++] = (uint16_t)cpu;
	for (unsigned i = 0; i < MAX_NUMNODES; i++)
		mem->il_weights[i] = (uint8_t)(conf->weights[i / 8] >> (i % 8 * 8));
	mem->cpusets = conf->cpuset_mems != 0;
}

void numa_finish(struct numa *n)
{
	free(n->cpus);
	n->cpus = NULL;
}

/* ---- tasks ---- */

/* CPU number `cpu`, modulo, of the node. */
static unsigned cpu_of_node(const struct numa *n, unsigned node, unsigned cpu)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < n->nr_cpus; i++)
		nr += n->mem->cpu_node[n->cpus[i]] == node;
	cpu %= nr;
	for (unsigned i = 0;; i++)
		if (n->mem->cpu_node[n->cpus[i]] == node && !cpu--)
			return n->cpus[i];
}

unsigned numa_cpu(const struct numa *n, uint32_t task, uint32_t process, uint16_t cpu)
{
	uint64_t nodes = n->nodes;
	uint32_t turn = n->conf->placement == NUMA_PLACE_TASKS ? task : process;

	if (n->conf->placement == NUMA_PLACE_CAPTURED)
		return n->cpus[cpu % n->nr_cpus];
	for (turn %= (uint32_t)__builtin_popcountll(nodes); turn; turn--)
		nodes &= nodes - 1;
	return cpu_of_node(n, (unsigned)__builtin_ctzll(nodes), cpu);
}

void numa_adopt(const struct numa *n, struct task_struct *task)
{
	struct memory *mem = n->mem;
	struct task_struct *current = mem->current;
	struct mpol_request req = {.mode = n->conf->policy};
	struct mempolicy *pol = NULL;

	if (n->conf->cpuset_mems)
		task->mems_allowed = n->conf->cpuset_mems;
	if (policy_takes_nodes(n->conf))
		req.nodes = n->conf->policy_nodes ? n->conf->policy_nodes : nodes_with_memory(mem);
	mem->current = task;
	BUG_ON(mpol_create(mem, &req, &pol)); /* numa_check() said that it can be */
	set_task_policy(mem, task, pol);
	mem->current = current;
}
