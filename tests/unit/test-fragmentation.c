/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The indices on states whose values can be reckoned by hand. */
#include "support/test.h"

#include "base/bug.h"
#include "mm/buddy.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"

static void test_fresh_machine(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 1ull << 30);
	const struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	struct fragmentation f;

	(void)state;
	fragmentation_of_zone(&f, zone);
	assert_int_equal(f.free_pages, zone->managed_pages);
	/*
	 * 16 MiB of image and 16 MiB of mem_map: whole blocks of the largest order, like all the
	 * rest.
	 */
	assert_int_equal(f.free_blocks[10], zone->managed_pages / 1024);
	assert_int_equal(f.free_blocks_type[10][MIGRATE_MOVABLE], f.free_blocks[10]);
	assert_int_equal(f.largest_order, 10);
	assert_int_equal(f.unusable_index[10], 0);
	assert_int_equal(f.fragmentation_index[10], -1000);
	assert_int_equal(f.pageblocks[MIGRATE_MOVABLE], (1008ull << 20) / (2 << 20));
	memory_destroy(mem);
}

/* Four pages and one block of order 2 are free: 8 pages, half of them alone. */
static void test_by_hand(void **state)
{
	struct fragmentation f = {
		.free_pages = 8, .free_blocks_total = 5, .free_blocks = {[0] = 4, [2] = 1}};

	(void)state;
	fragmentation_finish(&f, 10);
	assert_int_equal(f.largest_order, 2);
	assert_int_equal(f.unusable_index[0], 0);
	assert_int_equal(f.unusable_index[1], 500);
	assert_int_equal(f.unusable_index[2], 500);
	assert_int_equal(f.unusable_index[3], 1000);
	assert_int_equal(f.fragmentation_index[2], -1000);
	/* 1000 - (1000 + 8 * 1000 / 8) / 5 */
	assert_int_equal(f.fragmentation_index[3], 600);
	/* 1000 - (1000 + 8 * 1000 / 1024) / 5: want of memory */
	assert_int_equal(f.fragmentation_index[10], 799);
}

static void test_nothing_free(void **state)
{
	struct fragmentation f = {0};

	(void)state;
	fragmentation_finish(&f, 10);
	assert_int_equal(f.largest_order, -1);
	assert_int_equal(f.unusable_index[0], 1000);
	assert_int_equal(f.fragmentation_index[0], 0);
}

/* Every other page of the zone in use. */
static void test_checkerboard(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	enum rmqueue_mode mode = RMQUEUE_NORMAL;
	struct fragmentation f;
	pfn_t pfn, *got = calloc(zone->managed_pages, sizeof(*got));
	size_t nr = 0;

	(void)state;
	while ((pfn = buddy_rmqueue(zone, 0, MIGRATE_MOVABLE, 0, &mode)) != PFN_NONE)
		got[nr++] = pfn;
	assert_int_equal(nr, zone->managed_pages);
	for (size_t i = 0; i < nr; i++)
		if (got[i] & 1)
			buddy_free(zone, got[i], 0, MIGRATE_MOVABLE);
	fragmentation_of_zone(&f, zone);
	assert_int_equal(f.free_pages, nr / 2);
	assert_int_equal(f.free_blocks[0], nr / 2);
	assert_int_equal(f.unusable_index[1], 1000);
	assert_int_equal(f.largest_order, 0);
	assert_in_range(f.fragmentation_index[1], 495, 505);
	assert_in_range(f.fragmentation_index[9], 995, 1000);
	free(got);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_machine),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_nothing_free),
		cmocka_unit_test(test_checkerboard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
