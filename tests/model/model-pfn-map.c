/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The map of frames against an array: blocks are mapped, parts of them and pieces of several are
 * taken out, as split_page() and alloc_pages_exact() have it.
 */
#include "support/test.h"

#include "base/rng.h"
#include "sim/pfn-map.h"

#define FRAMES	  (1u << 15)
#define MAX_ORDER 6

static pfn_t expected[FRAMES]; /* PFN_NONE: not mapped */

/* Far frames, too: their chunks lie elsewhere in the hash table. */
static uint64_t traced(uint32_t i)
{
	return i < FRAMES / 2 ? i : (1ull << 39) + i;
}

static void put_block(struct pfn_map *map, uint32_t at, uint32_t nr, pfn_t to)
{
	for (uint32_t i = at; i < at + nr && i < FRAMES; i++) {
		pfn_map_set(map, traced(i), to + (i - at));
		expected[i] = to + (i - at);
	}
}

static void take_part(struct pfn_map *map, uint32_t at, uint32_t nr)
{
	for (uint32_t i = at; i < at + nr && i < FRAMES; i++) {
		assert_int_equal(pfn_map_del(map, traced(i)), expected[i]);
		expected[i] = PFN_NONE;
	}
}

static void check_all(struct pfn_map *map)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < FRAMES; i++) {
		assert_int_equal(pfn_map_get(map, traced(i)), expected[i]);
		nr += expected[i] != PFN_NONE;
	}
	assert_int_equal(map->nr, nr);
	assert_true(pfn_map_consistent(map));
}

static void test_against_array(void **state)
{
	struct pfn_map map;
	struct rng rng;
	uint64_t ops = test_ops(1000000);

	(void)state;
	rng_seed(&rng, test_seed());
	pfn_map_init(&map);
	for (uint32_t i = 0; i < FRAMES; i++)
		expected[i] = PFN_NONE;
	for (uint64_t op = 0; op < ops; op++) {
		uint32_t order = (uint32_t)rng_below(&rng, MAX_ORDER + 1);
		uint32_t at = (uint32_t)rng_below(&rng, FRAMES >> order) << order;

		if (rng_below(&rng, 2))
			put_block(&map, at, 1u << order, (pfn_t)rng_below(&rng, 1u << 30));
		else if (rng_below(&rng, 2))
			take_part(&map, at, 1u << order);
		else /* not aligned: pieces of two blocks */
			take_part(&map, at + (uint32_t)rng_below(&rng, 16), 1 + (uint32_t)rng_below(&rng, 40));
		if (op % 100000 == 0)
			check_all(&map);
	}
	check_all(&map);
	take_part(&map, 0, FRAMES);
	assert_int_equal(map.nr, 0);
	assert_int_equal(map.chunks.nr, 0);
	pfn_map_finish(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
