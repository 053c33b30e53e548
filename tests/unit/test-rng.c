/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Random numbers: the reference sequence, ranges, spread. */
#include "support/test.h"

#include "base/rng.h"

/*
 * From the authors' splitmix64.c and xoshiro256starstar.c: splitmix64 of seed 0 starts with these
 * four words, and xoshiro256** run from the state {1, 2, 3, 4} gives these numbers.
 */
static void reference_sequence(void **state)
{
	static const uint64_t want_state[4] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4,
					       0x06c45d188009454f, 0xf88bb8a8724c81ec};
	static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
	struct rng rng;

	(void)state;
	rng_seed(&rng, 0);
	assert_memory_equal(rng.s, want_state, sizeof(want_state));
	rng = (struct rng){{1, 2, 3, 4}};
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(rng_u64(&rng), want[i]);
}

static void below_stays_below_and_reaches_all(void **state)
{
	struct rng rng;
	uint64_t seen[10] = {0};

	(void)state;
	rng_seed(&rng, 5);
	for (int i = 0; i < 100000; i++) {
		uint64_t v = rng_below(&rng, 10);

		assert_true(v < 10);
		seen[v]++;
		assert_int_equal(rng_below(&rng, 1), 0);
		assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
	}
	/* 10,000 each, standard deviation 95: 10 deviations never happen by chance. */
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 9050, 10950);
}

/* 3 * 2^62 is the worst range for a modulo: its low third would come twice as often. */
static void below_has_no_bias(void **state)
{
	uint64_t range = 3ull << 62, low = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 6);
	for (int i = 0; i < 90000; i++)
		low += rng_below(&rng, range) < range / 3;
	assert_in_range(low, 28500, 31500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_sequence),
		cmocka_unit_test(below_stays_below_and_reaches_all),
		cmocka_unit_test(below_has_no_bias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
