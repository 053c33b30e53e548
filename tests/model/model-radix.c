/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random sets, deletions and ordered searches in a radix tree, against a sorted array of indices.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/radix.h"
#include "base/rng.h"

#define NR 1024

struct model {
	struct radix r;
	uint64_t index[NR];	/* ascending, distinct */
	uint64_t value[NR];	/* 0 absent */
	uint64_t nr_present;
};

/* Runs of neighbours with gaps of every magnitude between them, up to the last index there is. */
static void choose_indices(struct model *m, struct rng *rng)
{
	uint64_t at = rng_below(rng, 3);

	for (size_t i = 0; i < NR; i++) {
		m->index[i] = at;
		at += 1 + (rng_below(rng, 8) ? rng_below(rng, 2)
					     : rng_u64(rng) >> (10 + rng_below(rng, 54)));
	}
	if (rng_below(rng, 2)) {
		m->index[NR - 2] = UINT64_MAX - 1;
		m->index[NR - 1] = UINT64_MAX;
	}
	for (size_t i = 1; i < NR; i++)
		assert_true(m->index[i] > m->index[i - 1]);
}

static void check_next(const struct model *m, size_t i, uint64_t from)
{
	uint64_t index = 0, value = 0;

	while (i < NR && !m->value[i])
		i++;
	assert_int_equal(radix_next(&m->r, from, &index, &value), i < NR);
	if (i < NR) {
		assert_int_equal(index, m->index[i]);
		assert_int_equal(value, m->value[i]);
	}
}

static void step(struct model *m, struct rng *rng)
{
	size_t i = rng_below(rng, NR);
	uint64_t what = rng_below(rng, 8);

	assert_int_equal(radix_get(&m->r, m->index[i]), m->value[i]);
	if (what < 3) {
		m->nr_present += !m->value[i];
		m->value[i] = rng_u64(rng) | 1;
		radix_set(&m->r, m->index[i], m->value[i]);
	} else if (what < 6) {
		assert_int_equal(radix_del(&m->r, m->index[i]), m->value[i]);
		m->nr_present -= m->value[i] != 0;
		m->value[i] = 0;
	} else {
		check_next(m, i, m->index[i]);
		if (m->index[i] != UINT64_MAX)
			check_next(m, i + 1, m->index[i] + 1);
	}
	assert_int_equal(m->r.nr, m->nr_present);
}

static void tree_equals_array(void **state)
{
	uint64_t ops = test_ops(1000000);
	static struct model m;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (int round = 0; round < 10; round++) {
		memset(&m, 0, sizeof(m));
		radix_init(&m.r);
		choose_indices(&m, &rng);
		for (uint64_t i = 0; i < ops / 10; i++)
			step(&m, &rng);
		for (size_t i = 0; i < NR; i++)
			assert_int_equal(radix_del(&m.r, m.index[i]), m.value[i]);
		assert_int_equal(m.r.nr, 0);
		assert_int_equal(m.r.root ? m.r.root->nr : 0, 0);
		radix_finish(&m.r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_equals_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
