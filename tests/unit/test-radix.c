/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Radix trees: the edges of nodes and heights, order, and that deletion gives nodes back. */
#include "support/test.h"

#include "base/bug.h"
#include "base/radix.h"

/* The first and last index of each height, and neighbours. */
static const uint64_t edges[] = {
	0, 1, 63, 64, 65, 4095, 4096, 262143, 262144, 1ull << 36, (1ull << 60) - 1, 1ull << 60,
	UINT64_MAX - 1, UINT64_MAX,
};

static void an_empty_tree_has_nothing(void **state)
{
	uint64_t index, value;
	struct radix r;

	(void)state;
	radix_init(&r);
	assert_int_equal(radix_get(&r, 0), 0);
	assert_int_equal(radix_del(&r, 0), 0);
	assert_false(radix_next(&r, 0, &index, &value));
	radix_finish(&r);
}

static void every_edge_holds_its_value(void **state)
{
	uint64_t index, value, from = 0;
	struct radix r;

	(void)state;
	radix_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
		radix_set(&r, edges[i], ~edges[i] | 1);
	assert_int_equal(r.nr, ARRAY_SIZE(edges));
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		assert_int_equal(radix_get(&r, edges[i]), ~edges[i] | 1);
		assert_true(radix_next(&r, from, &index, &value));
		assert_int_equal(index, edges[i]);
		assert_int_equal(value, ~edges[i] | 1);
		from = index + 1;
	}
	assert_int_equal(radix_get(&r, 2), 0);
	assert_int_equal(radix_get(&r, 1ull << 59), 0);
	radix_finish(&r);
}

static void deletion_empties_and_tells_what_was_there(void **state)
{
	uint64_t index, value;
	struct radix r;

	(void)state;
	radix_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
		radix_set(&r, edges[i], i + 1);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		assert_int_equal(radix_del(&r, edges[i]), i + 1);
		assert_int_equal(radix_del(&r, edges[i]), 0);
		assert_int_equal(radix_get(&r, edges[i]), 0);
	}
	assert_int_equal(r.nr, 0);
	assert_int_equal(r.root ? r.root->nr : 0, 0);
	assert_false(radix_next(&r, 0, &index, &value));
	radix_set(&r, 5, 7);
	assert_int_equal(radix_get(&r, 5), 7);
	radix_finish(&r);
}

static void set_replaces(void **state)
{
	struct radix r;

	(void)state;
	radix_init(&r);
	radix_set(&r, 100, 1);
	radix_set(&r, 100, 2);
	assert_int_equal(r.nr, 1);
	assert_int_equal(radix_get(&r, 100), 2);
	radix_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_tree_has_nothing),
		cmocka_unit_test(every_edge_holds_its_value),
		cmocka_unit_test(deletion_empties_and_tells_what_was_there),
		cmocka_unit_test(set_replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
