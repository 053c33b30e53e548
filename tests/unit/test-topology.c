/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Topologies: what "even" means, and what is refused. */
#include "support/test.h"

#include <errno.h>

#include "machine/topology.h"

#define GIB (1ull << 30)

static void even_shares(void **state)
{
	struct topology t;

	(void)state;
	topology_init(&t, 3, 8, 10 * GIB);
	assert_int_equal(topology_validate(&t, NULL), 0);
	assert_int_equal(topology_bytes(&t), 10 * GIB);
	assert_int_equal(t.node_bytes[0], t.node_bytes[1]);
	assert_int_equal(t.node_bytes[0] % (2 << 20), 0);
	assert_true(t.node_bytes[2] >= t.node_bytes[0]);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(t.cpu_node[i], i * 3 / 8);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(t.distance[i * 3 + j], i == j ? 10 : 20);
	topology_finish(&t);
}

static void a_copy_is_equal_and_apart(void **state)
{
	struct topology t, copy;

	(void)state;
	topology_init(&t, 2, 2, GIB);
	t.distance[1] = 31;
	topology_copy(&copy, &t);
	topology_finish(&t);
	assert_int_equal(copy.nr_nodes, 2);
	assert_int_equal(copy.distance[1], 31);
	assert_int_equal(copy.cpu_node[1], 1);
	assert_int_equal(topology_bytes(&copy), GIB);
	topology_finish(&copy);
}

static void memory_only_and_cpu_only_nodes_are_fine(void **state)
{
	struct topology t;

	(void)state;
	topology_init(&t, 3, 2, 0);
	t.cpu_node[0] = t.cpu_node[1] = 0;
	t.node_bytes[2] = GIB;
	assert_int_equal(topology_validate(&t, NULL), 0);
	topology_finish(&t);
}

static void assert_refused(const struct topology *t, const char *text)
{
	struct mmr_error err = {0};

	assert_int_equal(topology_validate(t, &err), -EINVAL);
	assert_string_equal(err.text, text);
}

static void impossible_machines_are_refused(void **state)
{
	struct topology t;

	(void)state;
	topology_init(&t, 2, 2, GIB);
	t.cpu_node[1] = 2;
	assert_refused(&t, "CPU 1 is on node 2 of 2");
	t.cpu_node[1] = 1;
	t.distance[3] = 11;
	assert_refused(&t, "distance of node 1 to itself is 11, not 10");
	t.distance[3] = 10;
	t.distance[1] = 10;
	assert_refused(&t, "distance of node 0 to node 1 is 10, not 11 to 254");
	t.distance[1] = 255;
	assert_refused(&t, "distance of node 0 to node 1 is 255, not 11 to 254");
	t.distance[1] = 254;
	assert_int_equal(topology_validate(&t, NULL), 0);
	t.node_bytes[0] = t.node_bytes[1] = 1 << 20;
	assert_refused(&t, "less than 4194304 bytes of memory in all nodes");
	t.node_bytes[0] = t.node_bytes[1] = UINT64_MAX / 2 + 1;	/* the sum wraps to 0 */
	assert_refused(&t, "more than 8796093022208 bytes of memory in all nodes");
	topology_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(even_shares),
		cmocka_unit_test(a_copy_is_equal_and_apart),
		cmocka_unit_test(memory_only_and_cpu_only_nodes_are_fine),
		cmocka_unit_test(impossible_machines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
