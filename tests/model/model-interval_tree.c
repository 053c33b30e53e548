/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Interval trees against an array that is searched from end to end. */
#include "support/test.h"

#include "base/rng.h"
#include "mm/interval_tree.h"

#define NR_NODES 400
#define SPACE	 2000

struct item {
	struct interval_node node;
	bool present;
	uint64_t seen; /* the query that found it last */
};

static struct item items[NR_NODES];

static void query(const struct rb_root *root, uint64_t first, uint64_t last, uint64_t number)
{
	uint64_t start = 0;

	for (struct interval_node *n = interval_first(root, first, last); n;
	     n = interval_next(n, first, last)) {
		struct item *item = container_of(n, struct item, node);

		assert_true(item->present && n->start <= last && n->last >= first &&
			    n->start >= start);
		assert_true(item->seen != number);
		item->seen = number;
		start = n->start;
	}
	for (unsigned i = 0; i < NR_NODES; i++)
		if (items[i].present && items[i].node.start <= last && items[i].node.last >= first)
			assert_int_equal(items[i].seen, number);
}

static void test_against_an_array(void **state)
{
	struct rb_root root = {0};
	uint64_t nr_ops = test_ops(100000);
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t i = 1; i <= nr_ops; i++) {
		struct item *item = &items[rng_below(&rng, NR_NODES)];
		uint64_t first = rng_below(&rng, SPACE), last = first + rng_below(&rng, 60);

		if (item->present) {
			interval_remove(&root, &item->node);
		} else {
			item->node.start = rng_below(&rng, SPACE);
			item->node.last =
				item->node.start + rng_below(&rng, rng_below(&rng, 8) ? 20 : 500);
			interval_insert(&root, &item->node);
		}
		item->present = !item->present;
		query(&root, first, last, i);
		if (i % 256 == 0)
			assert_true(interval_consistent(&root));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_an_array)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
