/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Bits and powers of two, with the edges of words. */
#include "support/test.h"

#include "base/bitmap.h"

static void next_finds_across_words(void **state)
{
	uint64_t map[3] = {0};

	(void)state;
	assert_int_equal(bitmap_next(map, 192, 0), 192);
	bitmap_set(map, 63);
	bitmap_set(map, 64);
	bitmap_set(map, 191);
	assert_int_equal(bitmap_next(map, 192, 0), 63);
	assert_int_equal(bitmap_next(map, 192, 63), 63);
	assert_int_equal(bitmap_next(map, 192, 64), 64);
	assert_int_equal(bitmap_next(map, 192, 65), 191);
	bitmap_clear(map, 63);
	assert_false(bitmap_test(map, 63));
	assert_int_equal(bitmap_next(map, 192, 0), 64);
}

static void bits_after_the_end_do_not_count(void **state)
{
	uint64_t map[2] = {0, ~0ull << 6};

	(void)state;
	assert_int_equal(bitmap_next(map, 70, 0), 70);
	assert_int_equal(bitmap_next(map, 71, 0), 70);
	assert_int_equal(bitmap_next(map, 70, 70), 70);
	assert_int_equal(bitmap_next(map, 70, 1000), 70);
	assert_int_equal(bitmap_count(map, 70), 0);
	assert_int_equal(bitmap_count(map, 71), 1);
	assert_int_equal(bitmap_count(map, 128), 58);
	assert_int_equal(bitmap_count(map, 0), 0);
	assert_int_equal(BITMAP_WORDS(64), 1);
	assert_int_equal(BITMAP_WORDS(65), 2);
}

static void powers_of_two(void **state)
{
	(void)state;
	assert_int_equal(ilog2_u64(1), 0);
	assert_int_equal(ilog2_u64(4095), 11);
	assert_int_equal(ilog2_u64(4096), 12);
	assert_int_equal(ilog2_u64(UINT64_MAX), 63);
	assert_false(is_pow2(0));
	assert_true(is_pow2(1));
	assert_false(is_pow2(3));
	assert_true(is_pow2(1ull << 63));
	assert_int_equal(align_up(0, 4096), 0);
	assert_int_equal(align_up(1, 4096), 4096);
	assert_int_equal(align_up(4096, 4096), 4096);
	assert_int_equal(align_down(8191, 4096), 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_finds_across_words),
		cmocka_unit_test(bits_after_the_end_do_not_count),
		cmocka_unit_test(powers_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
