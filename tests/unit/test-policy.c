/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* numa_maps' texts of memory policies, lists of nodes, and masks as data. */
#include "support/test.h"

#include "capture/policy.h"

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t mode, nodes;
	} rows[] = {
		{"default file=/bin/x", true, 0, 0},
		{"default\n", true, 0, 0},
		{"bind:0 anon=1", true, 2, 1},
		{"bind=static:0-1,3 anon=1", true, 2 | 1 << 15, 0xb},
		{"bind=relative|balancing:2\n", true, 2 | 1 << 14 | 1 << 13, 4},
		{"prefer:1 heap", true, 1, 2},
		{"prefer (many):0-63 stack", true, 5, UINT64_MAX},
		{"weighted interleave=balancing:5\n", true, 6 | 1 << 13, 32},
		{"interleave:0,2 mapped=4", true, 3, 5},
		{"local\n", true, 4, 0},
		{"interleaved:0", false, 0, 0},
		{"bind=odd:0", false, 0, 0},
		{"bind:0-", false, 0, 0},
		{"bind:3-1", false, 0, 0},
		{"bind:512", false, 0, 0},
		{"", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy p;

		assert_int_equal(policy_parse(rows[i].text, &p), rows[i].ok);
		if (!rows[i].ok)
			continue;
		assert_int_equal(p.mode, rows[i].mode);
		assert_int_equal(p.nodes[0], rows[i].nodes);
		assert_int_equal(p.nodes[1], 0);
	}
}

static void test_data(void **state)
{
	uint64_t nodes[POLICY_WORDS];
	char data[POLICY_WORDS * 8];

	(void)state;
	assert_true(policy_parse_nodes("0,9-10\n", nodes));
	assert_int_equal(policy_data(nodes, data), 8);
	assert_int_equal(data[0], 1);
	assert_int_equal(data[1], 6);
	assert_true(policy_parse_nodes("64", nodes));
	assert_int_equal(policy_data(nodes, data), 16);
	assert_int_equal(data[8], 1);
	/* an empty mask is a mask */
	assert_true(policy_parse_nodes("\n", nodes));
	assert_int_equal(policy_data(nodes, data), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_data)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
