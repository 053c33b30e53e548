/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Orders of blocks: which are visited, how often, and the permutation below them. */
#include "support/test.h"

#include <stdlib.h>

#include "base/bug.h"
#include "gen/pattern.h"

#define KIB 1024ull

static struct pattern make(struct gen_work w, uint64_t length)
{
	struct pattern p;

	if (!w.block)
		w.block = 4 * KIB;
	if (!w.word)
		w.word = 8;
	pattern_init(&p, &w, length, 99);
	return p;
}

static void permutation_reaches_every_number_once(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 5, 16, 17, 100, 4095, 4097, 70000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned char *seen = calloc(sizes[i], 1);
		struct permute p;
		uint64_t moved = 0;

		permute_init(&p, sizes[i], 5);
		for (uint64_t k = 0; k < sizes[i]; k++) {
			uint64_t at = permute(&p, k);

			assert_true(at < sizes[i]);
			assert_false(seen[at]);
			seen[at] = 1;
			moved += at != k;
		}
		assert_true(sizes[i] < 100 || moved > sizes[i] * 9 / 10);
		free(seen);
	}
}

static void sequential_and_reverse_go_round(void **state)
{
	struct pattern up = make((struct gen_work){ .pattern = GEN_SEQUENTIAL }, 12 * KIB);
	struct pattern down = make((struct gen_work){ .pattern = GEN_REVERSE }, 12 * KIB);

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(pattern_next(&up), i % 3 * 4 * KIB);
		assert_int_equal(pattern_next(&down), (2 - i % 3) * 4 * KIB);
	}
	assert_int_equal(pattern_cover(&up), 3);
}

static void stride_covers_everything_in_passes(void **state)
{
	struct pattern p = make((struct gen_work){ .pattern = GEN_STRIDE, .block = 1 * KIB, .stride = 4 * KIB }, 16 * KIB);
	unsigned seen[16] = { 0 };

	(void)state;
	assert_int_equal(pattern_cover(&p), 16);
	assert_int_equal(pattern_next(&p), 0);
	assert_int_equal(pattern_next(&p), 4 * KIB);
	assert_int_equal(pattern_next(&p), 8 * KIB);
	assert_int_equal(pattern_next(&p), 12 * KIB);
	assert_int_equal(pattern_next(&p), 1 * KIB);
	for (unsigned i = 5; i < 21; i++)
		seen[pattern_next(&p) / KIB]++;
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(seen[i], 1);
}

static void chase_visits_each_once_and_repeats(void **state)
{
	struct pattern p = make((struct gen_work){ .pattern = GEN_CHASE, .block = 64 }, 64 * 1000);
	uint64_t first[1000];
	unsigned char seen[1000] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		first[i] = pattern_next(&p);
		assert_false(seen[first[i] / 64]++);
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(pattern_next(&p), first[i]);
}

static void hot_blocks_get_their_share(void **state)
{
	struct pattern p = make((struct gen_work){ .pattern = GEN_HOTCOLD, .hot_percent = 10000, .hot_accesses = 90000 },
				4 * KIB * 1000);
	unsigned hot = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		hot += pattern_next(&p) < 4 * KIB * 100;
	/* standard deviation: sqrt(100000 * 0.9 * 0.1) = 95 */
	assert_in_range(hot, 90000 - 5 * 95, 90000 + 5 * 95);
}

static void uniform_and_gups_reach_all_alike(void **state)
{
	static const uint64_t kinds[] = { GEN_UNIFORM, GEN_GUPS };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct pattern p = make((struct gen_work){ .pattern = kinds[k], .block = 8 }, 8 * 256);
		unsigned seen[256] = { 0 };
		double chi = 0;

		for (unsigned i = 0; i < 256000; i++)
			seen[pattern_next(&p) / 8]++;
		for (unsigned i = 0; i < 256; i++)
			chi += ((double)seen[i] - 1000) * ((double)seen[i] - 1000) / 1000;
		/* 255 degrees of freedom: mean 255, standard deviation 22.6 */
		assert_true(chi > 255 - 5 * 22.6 && chi < 255 + 5 * 22.6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permutation_reaches_every_number_once),
		cmocka_unit_test(sequential_and_reverse_go_round),
		cmocka_unit_test(stride_covers_everything_in_passes),
		cmocka_unit_test(chase_visits_each_once_and_repeats),
		cmocka_unit_test(hot_blocks_get_their_share),
		cmocka_unit_test(uniform_and_gups_reach_all_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
