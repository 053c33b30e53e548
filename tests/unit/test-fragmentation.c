/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The indices on states whose values can be reckoned by hand. */
#include "support/test.h"

#include "base/bug.h"
#include "base/rng.h"
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

/* ---- by type, against brute force ---- */

struct alloc {
	pfn_t pfn;
	unsigned order;
	enum migratetype mt;
};

/* What the page's owner would have made of it: kernel memory, or the page cache's. */
static void dress(struct memory *mem, const struct alloc *a)
{
	for (pfn_t i = 0; i < 1u << a->order; i++)
		pfn_to_page(mem, a->pfn + i)->flags |= a->mt == MIGRATE_MOVABLE ? PG_LRU : PG_KERNEL;
}

static void undress(struct memory *mem, const struct alloc *a)
{
	for (pfn_t i = 0; i < 1u << a->order; i++)
		pfn_to_page(mem, a->pfn + i)->flags &= ~(PG_LRU | PG_KERNEL);
}

/* Free blocks by type from the pages' flags and the pageblocks, not from any list's length. */
static void check_free(const struct memory *mem, const struct zone *zone)
{
	struct fragmentation all, f;
	uint64_t blocks[MIGRATE_TYPES][MAX_ORDER_LIMIT] = {0}, pages = 0;

	fragmentation_of_zone(&all, zone);
	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn; pfn++)
		if (pfn_is_touched(mem, pfn) && pfn_to_page(mem, pfn)->flags & PG_BUDDY)
			blocks[pageblock_type(mem, pfn)][page_order(pfn_to_page(mem, pfn))]++;
	blocks[MIGRATE_MOVABLE][10] += zone_virgin_blocks(zone);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		uint64_t usable = 0, type_pages = 0;

		fragmentation_of_type(&f, &all, mt, 10);
		for (unsigned o = 0; o <= 10; o++) {
			assert_int_equal(f.free_blocks[o], blocks[mt][o]);
			type_pages += blocks[mt][o] << o;
		}
		assert_int_equal(f.free_pages, type_pages);
		pages += type_pages;
		for (int o = 10; o >= 0; o--) {
			usable += blocks[mt][o] << o;
			assert_int_equal(f.unusable_index[o],
					 type_pages ? (type_pages - usable) * 1000 / type_pages : 1000);
		}
	}
	assert_int_equal(pages, all.free_pages);
}

static void check_mixed(const struct memory *mem, const struct zone *zone,
			const struct alloc *allocs, size_t nr)
{
	size_t nr_blocks = (zone->zone_end_pfn >> 9) + 1;
	bool *mixed = calloc(nr_blocks, sizeof(*mixed));
	uint64_t sum[MIGRATE_TYPES] = {0};
	struct fragmentation f = {0};

	for (size_t i = 0; i < nr; i++)
		for (pfn_t p = 0; p < 1u << allocs[i].order; p++) {
			pfn_t pfn = allocs[i].pfn + p;

			if (pageblock_type(mem, pfn) != allocs[i].mt)
				mixed[pfn >> 9] = true;
		}
	for (size_t b = 0; b < nr_blocks; b++)
		if (mixed[b])
			sum[pageblock_type(mem, (pfn_t)b << 9)]++;
	fragmentation_count_mixed(&f, zone);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		assert_int_equal(f.mixed_pageblocks[mt], sum[mt]);
	free(mixed);
}

/* Unmovable and movable memory of all orders, until they get into each other's pageblocks. */
static void test_types_and_mixed(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	enum rmqueue_mode mode;
	struct alloc *allocs = calloc(zone->managed_pages, sizeof(*allocs));
	struct fragmentation f = {0};
	struct rng rng;
	size_t nr = 0;

	(void)state;
	rng_seed(&rng, test_seed());
	for (unsigned i = 0; i < 20000; i++) {
		struct alloc *a = &allocs[nr];

		if (rng_below(&rng, 100) < (i < 6000 ? 75u : 45u)) {
			a->order = rng_below(&rng, 40) ? (unsigned)rng_below(&rng, 4) :
							 (unsigned)rng_below(&rng, 11);
			a->mt = rng_below(&rng, 3) ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE;
			mode = RMQUEUE_NORMAL;
			a->pfn = buddy_rmqueue(zone, a->order, a->mt, 0, &mode);
			if (a->pfn == PFN_NONE)
				continue;
			pfn_to_page(mem, a->pfn)->_refcount = 1;
			pfn_to_page(mem, a->pfn)->flags |= a->order << PAGE_ORDER_SHIFT;
			dress(mem, a);
			nr++;
		} else if (nr) {
			struct alloc *last = &allocs[rng_below(&rng, nr)], gone = *last;

			undress(mem, &gone);
			pfn_to_page(mem, gone.pfn)->_refcount = 0;
			pfn_to_page(mem, gone.pfn)->flags &= ~PAGE_ORDER_MASK;
			*last = allocs[--nr];
			buddy_free(zone, gone.pfn, gone.order, pageblock_type(mem, gone.pfn));
		}
		if (i % 1000 == 0) {
			check_free(mem, zone);
			check_mixed(mem, zone, allocs, nr);
		}
	}
	fragmentation_count_mixed(&f, zone);
	assert_true(f.mixed_pageblocks[MIGRATE_MOVABLE] + f.mixed_pageblocks[MIGRATE_UNMOVABLE] > 0);
	free(allocs);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_machine),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_nothing_free),
		cmocka_unit_test(test_checkerboard),
		cmocka_unit_test(test_types_and_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
