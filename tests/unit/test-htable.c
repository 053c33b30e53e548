/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Hash tables: presence, replacement, growth, deletion inside chains that wrap around. */
#include "support/test.h"

#include <stdbool.h>

#include "base/htable.h"

static void an_empty_table_has_nothing(void **state)
{
	uint64_t key, value = 7;
	struct htable h;
	size_t pos = 0;

	(void)state;
	htable_init(&h);
	assert_false(htable_get(&h, 0, &value));
	assert_int_equal(value, 7);
	assert_false(htable_del(&h, 0));
	assert_null(htable_get_ptr(&h, 0));
	assert_false(htable_next(&h, &pos, &key, &value));
	htable_finish(&h);
}

static void extreme_keys_and_values(void **state)
{
	static const uint64_t words[] = {0, 1, UINT64_MAX - 1, 1ull << 63};
	struct htable h;
	uint64_t value;

	(void)state;
	htable_init(&h);
	for (int i = 0; i < 4; i++)
		htable_set(&h, words[i], words[3 - i]);
	htable_set(&h, UINT64_MAX, UINT64_MAX - 1);
	assert_int_equal(h.nr, 5);
	for (int i = 0; i < 4; i++) {
		assert_true(htable_get(&h, words[i], &value));
		assert_int_equal(value, words[3 - i]);
	}
	assert_true(htable_get(&h, UINT64_MAX, &value));
	assert_int_equal(value, UINT64_MAX - 1);
	htable_finish(&h);
}

static void set_replaces(void **state)
{
	struct htable h;
	int a, b;

	(void)state;
	htable_init(&h);
	htable_set_ptr(&h, 5, &a);
	htable_set_ptr(&h, 5, &b);
	assert_int_equal(h.nr, 1);
	assert_ptr_equal(htable_get_ptr(&h, 5), &b);
	assert_true(htable_del(&h, 5));
	assert_false(htable_del(&h, 5));
	assert_null(htable_get_ptr(&h, 5));
	assert_int_equal(h.nr, 0);
	htable_finish(&h);
}

static void growth_keeps_everything_and_its_bound(void **state)
{
	enum { NR = 100000 };
	struct htable h;
	uint64_t value;

	(void)state;
	htable_init(&h);
	for (uint64_t k = 0; k < NR; k++) {
		htable_set(&h, k << 12, k);
		assert_true(h.nr * 4 <= (h.mask + 1) * 3);
	}
	assert_int_equal(h.nr, NR);
	for (uint64_t k = 0; k < NR; k++) {
		assert_true(htable_get(&h, k << 12, &value));
		assert_int_equal(value, k);
		assert_false(htable_get(&h, (k << 12) + 1, &value));
	}
	htable_finish(&h);
}

/* The nth key, from 1 on, whose home in a table of 16 slots is `home`. */
static uint64_t key_with_home(size_t home, int n)
{
	uint64_t key = 0;

	while (n)
		if ((htable_hash(++key, 0) & 15) == home)
			n--;
	return key;
}

/*
 * Twelve keys that all want slots 13 to 15 of 16 form one chain around the end. Each is deleted
 * first once; the other eleven must stay.
 */
static void deletion_mends_chains_around_the_end(void **state)
{
	uint64_t keys[12], value;
	struct htable h;

	(void)state;
	for (int i = 0; i < 12; i++)
		keys[i] = key_with_home(13 + (size_t)i % 3, i / 3 + 1);
	for (int victim = 0; victim < 12; victim++) {
		htable_init(&h);
		for (int i = 0; i < 12; i++)
			htable_set(&h, keys[i], (uint64_t)i);
		assert_int_equal(h.mask, 15);
		assert_true(htable_del(&h, keys[victim]));
		for (int i = 0; i < 12; i++) {
			assert_int_equal(htable_get(&h, keys[i], &value), i != victim);
			if (i != victim)
				assert_int_equal(value, i);
		}
		htable_finish(&h);
	}
}

static size_t longest_way(const struct htable *h)
{
	size_t longest = 0, way;

	for (size_t i = 0; i <= h->mask; i++) {
		way = (i - htable_hash(h->slots[i].key, h->seed)) & h->mask;
		if (h->slots[i].value && way > longest)
			longest = way;
	}
	return longest;
}

/* 1,500 keys that all have slot 5 of 2,048 as their home. */
static void hostile_keys_make_no_long_chain(void **state)
{
	static uint64_t keys[1500];
	struct htable h;
	uint64_t value;

	(void)state;
	htable_init(&h);
	for (uint64_t i = 0, key = 0; i < 1500; i++) {
		while ((htable_hash(key, 0) & 2047) != 5)
			key++;
		keys[i] = key++;
		htable_set(&h, keys[i], i);
		if (i == 1000)
			assert_int_equal(longest_way(&h), 1000);
	}
	assert_int_equal(h.mask, 2047);
	assert_int_not_equal(h.seed, 0);
	assert_true(longest_way(&h) < 300);
	for (uint64_t i = 0; i < 1500; i++) {
		assert_true(htable_get(&h, keys[i], &value));
		assert_int_equal(value, i);
	}
	htable_finish(&h);
}

static void iteration_sees_each_key_once(void **state)
{
	static bool seen[1000];
	uint64_t key, value, nr = 0;
	struct htable h;
	size_t pos = 0;

	(void)state;
	htable_init(&h);
	for (uint64_t k = 0; k < 1000; k++)
		htable_set(&h, k, k * 2);
	while (htable_next(&h, &pos, &key, &value)) {
		assert_false(seen[key]);
		assert_int_equal(value, key * 2);
		seen[key] = true;
		nr++;
	}
	assert_int_equal(nr, 1000);
	assert_false(htable_next(&h, &pos, &key, &value));
	htable_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_has_nothing),
		cmocka_unit_test(extreme_keys_and_values),
		cmocka_unit_test(set_replaces),
		cmocka_unit_test(growth_keeps_everything_and_its_bound),
		cmocka_unit_test(deletion_mends_chains_around_the_end),
		cmocka_unit_test(hostile_keys_make_no_long_chain),
		cmocka_unit_test(iteration_sees_each_key_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
