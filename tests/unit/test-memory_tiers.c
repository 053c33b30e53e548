/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which nodes are fast, and where cold pages go. */
#include "support/test.h"

#include "mm/memory.h"
#include "mm/memory_tiers.h"

#define MIB (1ull << 20)

/* Nodes of 256 MiB; bit n of cpus: node n has a CPU. */
static struct memory *machine(unsigned nr_nodes, uint64_t cpus, const uint32_t *distance)
{
	uint64_t bytes[8];
	uint16_t cpu_node[8];
	struct memory_desc desc = {.geo = geometry_find("x86-64"), .nr_nodes = nr_nodes, .node_bytes = bytes,
				   .cpu_node = cpu_node, .distance = distance};
	struct memory *mem;

	for (unsigned n = 0; n < nr_nodes; n++) {
		bytes[n] = 256 * MIB;
		if (cpus >> n & 1)
			cpu_node[desc.nr_cpus++] = (uint16_t)n;
	}
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	mem->conf.numa_demotion = 1;
	return mem;
}

static void equal_nodes_have_no_lower_tier(void **state)
{
	struct memory *mem = machine(2, 3, NULL);

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		assert_true(node_is_toptier(mem, n));
		assert_int_equal(next_demotion_node(mem, n), -1);
		assert_false(can_demote(mem, n));
	}
	memory_destroy(mem);
}

static void a_node_without_cpus_is_slower(void **state)
{
	static const uint32_t distance[] = {10, 21, 17, 21, 10, 28, 17, 28, 10};
	struct memory *mem = machine(3, 3, distance);

	(void)state;
	assert_true(node_is_toptier(mem, 0));
	assert_true(node_is_toptier(mem, 1));
	assert_false(node_is_toptier(mem, 2));
	assert_int_equal(next_demotion_node(mem, 0), 2);
	assert_int_equal(next_demotion_node(mem, 1), 2);
	assert_int_equal(next_demotion_node(mem, 2), -1);
	assert_int_equal(node_get_allowed_targets(mem, 0), 4);
	assert_true(can_demote(mem, 1));
	/* 576 * 17 / 10 = 979, in steps of 128 */
	assert_int_equal(mem->nodes[0]->tier.adistance, 512);
	assert_int_equal(mem->nodes[2]->tier.adistance, 896);
	mem->conf.numa_demotion = 0;
	assert_false(can_demote(mem, 1));
	memory_destroy(mem);
}

static void tiers_are_steps_of_distance(void **state)
{
	/* 0 and 1 with CPUs; 2 and 3 equally far from both; 4 behind them */
	static const uint32_t distance[] = {
		10, 21, 20, 20, 40,
		21, 10, 20, 20, 40,
		20, 20, 10, 25, 30,
		20, 20, 25, 10, 26,
		40, 40, 30, 26, 10,
	};
	struct memory *mem = machine(5, 3, distance);
	int first = next_demotion_node(mem, 0), second = next_demotion_node(mem, 0);

	(void)state;
	assert_int_equal(first, 2);
	assert_int_equal(second, 3);
	assert_int_equal(next_demotion_node(mem, 0), 2);
	assert_int_equal(node_get_allowed_targets(mem, 0), 0x1c);
	assert_int_equal(next_demotion_node(mem, 2), 4);
	assert_int_equal(next_demotion_node(mem, 3), 4);
	assert_int_equal(node_get_allowed_targets(mem, 3), 0x10);
	assert_int_equal(next_demotion_node(mem, 4), -1);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_nodes_have_no_lower_tier),
		cmocka_unit_test(a_node_without_cpus_is_slower),
		cmocka_unit_test(tiers_are_steps_of_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
