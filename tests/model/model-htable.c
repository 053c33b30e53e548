/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random sets, gets and deletions in a hash table, against an array. Keys are drawn from small
 * sets, so that they come back; some sets are chosen to collide: all at home in few slots, around
 * the end of the table.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/htable.h"
#include "base/rng.h"

#define MAX_KEYS 4096

struct model {
	struct htable h;
	uint64_t keys[MAX_KEYS];	/* distinct */
	uint64_t values[MAX_KEYS];	/* 0 absent */
	size_t nr_keys, nr_present;
};

typedef uint64_t make_key_fn(struct rng *rng, uint64_t i);

static uint64_t dense_key(struct rng *rng, uint64_t i)
{
	(void)rng;
	return i;
}

static uint64_t page_key(struct rng *rng, uint64_t i)
{
	(void)rng;
	return 0x7f0000000000ull + (i << 12);
}

static uint64_t high_key(struct rng *rng, uint64_t i)
{
	(void)rng;
	return i << 52;
}

static uint64_t random_key(struct rng *rng, uint64_t i)
{
	(void)i;
	return rng_u64(rng);
}

/* At home in the last four slots of a table of 64 slots, and of every smaller one. */
static uint64_t colliding_key(struct rng *rng, uint64_t i)
{
	uint64_t key;

	(void)i;
	do {
		key = rng_u64(rng);
	} while ((htable_hash(key, 0) & 63) < 60);
	return key;
}

static void step(struct model *m, struct rng *rng)
{
	size_t i = rng_below(rng, m->nr_keys);
	uint64_t value = ~0ull;
	unsigned what = (unsigned)rng_below(rng, 8);

	assert_int_equal(htable_get(&m->h, m->keys[i], &value), m->values[i] != 0);
	assert_int_equal(value, m->values[i] ? m->values[i] : ~0ull);
	if (what < 4) {
		value = rng_u64(rng) >> 1 | 1;
		htable_set(&m->h, m->keys[i], value);
		m->nr_present += m->values[i] == 0;
		m->values[i] = value;
	} else if (what < 7) {
		assert_int_equal(htable_del(&m->h, m->keys[i]), m->values[i] != 0);
		m->nr_present -= m->values[i] != 0;
		m->values[i] = 0;
	}
	assert_int_equal(m->h.nr, m->nr_present);
}

/* Every key that is there, through iteration and through lookup; and nothing else. */
static void check_all(const struct model *m)
{
	uint64_t key, value, sum = 0;
	size_t pos = 0, nr = 0;

	while (htable_next(&m->h, &pos, &key, &value)) {
		nr++;
		sum += key * 31 + value;
	}
	assert_int_equal(nr, m->nr_present);
	for (size_t i = 0; i < m->nr_keys; i++) {
		value = 0;
		assert_int_equal(htable_get(&m->h, m->keys[i], &value), m->values[i] != 0);
		assert_int_equal(value, m->values[i]);
		if (m->values[i])
			sum -= m->keys[i] * 31 + value;
	}
	assert_int_equal(sum, 0);
}

static void run(make_key_fn *make_key, size_t nr_keys, uint64_t ops, struct rng *rng)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	htable_init(&m.h);
	m.nr_keys = nr_keys;
	for (size_t i = 0; i < nr_keys; i++)
		m.keys[i] = make_key(rng, i);
	for (uint64_t i = 0; i < ops; i++) {
		step(&m, rng);
		if (i % 4096 == 0)
			check_all(&m);
	}
	check_all(&m);
	htable_finish(&m.h);
}

static void table_equals_array(void **state)
{
	uint64_t ops = test_ops(1000000);
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	run(colliding_key, 11, ops / 10, &rng);
	run(colliding_key, 40, ops / 5, &rng);
	run(dense_key, 1000, ops / 10, &rng);
	run(page_key, MAX_KEYS, ops / 5, &rng);
	run(high_key, MAX_KEYS, ops / 5, &rng);
	run(random_key, MAX_KEYS, ops / 5, &rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_equals_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
