/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Settings numa.*: what a machine can have, which CPU a task runs on, and what it starts with. */
#include "support/test.h"

#include <errno.h>

#include "mm/fork.h"
#include "mm/mempolicy.h"
#include "mm/memory.h"
#include "sim/numa.h"

#define MIB (1ull << 20)

/* Nodes 0 and 1 have two CPUs each, node 2 memory alone, node 3 one CPU and no memory. */
static struct memory *machine(void)
{
	static const uint64_t bytes[] = {128 * MIB, 64 * MIB, 64 * MIB, 0};
	static const uint16_t cpu_node[] = {0, 1, 0, 1, 3};
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .nr_nodes = 4,
				   .node_bytes = bytes,
				   .nr_cpus = 5,
				   .cpu_node = cpu_node};
	struct memory *mem;

	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static struct numa_config defaults(void)
{
	struct numa_config c;

	config_defaults(&numa_config_table, &c);
	return c;
}

static void test_checks(void **state)
{
	struct {
		uint64_t policy, nodes, mems, cpus;
		const char *says; /* NULL: fine */
	} rows[] = {
		{MPOL_DEFAULT, 0, 0, 0, NULL},
		{MPOL_BIND, 0x7, 0, 0, NULL},
		{MPOL_BIND, 0, 0, 0, NULL},
		{MPOL_BIND, 0x8, 0, 0, "node 3, which has no memory"},
		{MPOL_BIND, 0x10, 0, 0, "node 4, and the machine has 4 nodes"},
		{MPOL_LOCAL, 0x1, 0, 0, "takes none"},
		{MPOL_PREFERRED, 0, 0, 0, "takes one node"},
		{MPOL_PREFERRED, 0x3, 0, 0, "takes one node"},
		{MPOL_PREFERRED, 0x2, 0, 0, NULL},
		{MPOL_INTERLEAVE, 0x3, 0x4, 0, "is in 'numa.cpuset_mems'"},
		{MPOL_INTERLEAVE, 0x3, 0x6, 0, NULL},
		{MPOL_DEFAULT, 0, 0x8, 0, "node 3, which has no memory"},
		{MPOL_DEFAULT, 0, 0, 0x4, "node 2, which has no CPU"},
		{MPOL_DEFAULT, 0, 0, 0x8, NULL},
	};
	struct memory *mem = machine();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct numa_config c = defaults();
		struct mmr_error err = {.text = ""};
		int rc;

		c.policy = rows[i].policy;
		c.policy_nodes = rows[i].nodes;
		c.cpuset_mems = rows[i].mems;
		c.cpu_nodes = rows[i].cpus;
		rc = numa_check(&c, mem, &err);
		assert_int_equal(rc, rows[i].says ? -EINVAL : 0);
		if (rows[i].says && !strstr(err.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].says);
	}
	memory_destroy(mem);
}

static void test_placement(void **state)
{
	struct memory *mem = machine();
	static const int in_turn[] = {0, 1, 3};
	struct numa_config c = defaults();
	struct numa n;

	(void)state;
	numa_start(&n, &c, mem);
	for (unsigned cpu = 0; cpu < 20; cpu++)
		assert_int_equal(numa_cpu(&n, 0, 0, (uint16_t)cpu), cpu % 5);
	numa_finish(&n);
	/* the CPUs of nodes 0 and 3 */
	c.cpu_nodes = 0x9;
	numa_start(&n, &c, mem);
	assert_int_equal(numa_cpu(&n, 0, 0, 0), 0);
	assert_int_equal(numa_cpu(&n, 0, 0, 1), 2);
	assert_int_equal(numa_cpu(&n, 0, 0, 2), 4);
	assert_int_equal(numa_cpu(&n, 0, 0, 3), 0);
	numa_finish(&n);
	/* in turn over nodes 0, 1 and 3; the CPU is the trace's modulo the node's */
	c.cpu_nodes = 0;
	c.placement = NUMA_PLACE_TASKS;
	numa_start(&n, &c, mem);
	for (unsigned task = 0; task < 9; task++)
		assert_int_equal(mem->cpu_node[numa_cpu(&n, task, 0, 7)], in_turn[task % 3]);
	assert_int_equal(numa_cpu(&n, 1, 0, 0), 1);
	assert_int_equal(numa_cpu(&n, 1, 0, 1), 3);
	assert_int_equal(numa_cpu(&n, 2, 0, 1), 4);
	c.placement = NUMA_PLACE_PROCESSES;
	assert_int_equal(numa_cpu(&n, 1, 0, 0), 0);
	assert_int_equal(numa_cpu(&n, 0, 1, 0), 1);
	numa_finish(&n);
	memory_destroy(mem);
}

static void test_first_tasks(void **state)
{
	struct memory *mem = machine();
	struct numa_config c = defaults();
	struct task_struct *task = task_alloc(mem, 1);
	struct numa n;

	(void)state;
	c.policy = MPOL_WEIGHTED_INTERLEAVE;
	c.cpuset_mems = 0x6;
	c.weights[0] = 0x020301;
	numa_start(&n, &c, mem);
	numa_adopt(&n, task);
	assert_int_equal(task->mems_allowed, 0x6);
	assert_int_equal(task->mempolicy->mode, MPOL_WEIGHTED_INTERLEAVE);
	assert_int_equal(task->mempolicy->nodes, 0x6); /* all with memory, inside the cpuset */
	assert_int_equal(mem->il_weights[1], 3);
	assert_int_equal(mem->il_weights[2], 2);
	assert_int_equal(mem->il_weights[3], 0);
	assert_null(mem->current);
	numa_finish(&n);
	task_free(mem, task);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_placement),
		cmocka_unit_test(test_first_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
