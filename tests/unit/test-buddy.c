/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Single decisions of the buddy allocator that the model test does not see: which block, which end,
 * which type.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "mm/buddy.h"
#include "mm/memory.h"

static struct memory *small_machine(struct zone **ret_zone)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);

	*ret_zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	return mem;
}

static pfn_t take(struct zone *zone, unsigned order, enum migratetype mt)
{
	enum rmqueue_mode mode = RMQUEUE_NORMAL;

	return buddy_rmqueue(zone, order, mt, 0, &mode);
}

static void give(struct zone *zone, pfn_t pfn, unsigned order)
{
	buddy_free(zone, pfn, order, pageblock_type(zone->mem, pfn));
}

/*
 * Boot hands memory over from the bottom up, to the tails: the lowest block is taken first, its
 * pages in order.
 */
static void test_fresh_memory_comes_in_order(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 1ull << 30);
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	pfn_t first = take(zone, 0, MIGRATE_MOVABLE);

	(void)state;
	assert_int_equal(first, zone->zone_start_pfn + 4096);	/* behind the image of 16 MiB */
	for (pfn_t i = 1; i < 5000; i++)
		assert_int_equal(take(zone, 0, MIGRATE_MOVABLE), first + i);
	memory_destroy(mem);
}

/* A block that could soon grow further is put to the tail. */
static void test_likely_merges_are_kept_cold(void **state)
{
	struct zone *zone;
	struct memory *mem = small_machine(&zone);
	pfn_t base = take(zone, 4, MIGRATE_MOVABLE), other;
	const struct pfn_list *list = &zone->free_area[0].free_list[MIGRATE_MOVABLE];

	(void)state;
	/* Pages base and base + 8 become free, neither with its buddy. */
	assert_true(pfn_list_empty(list));
	buddy_free(zone, base + 8, 0, MIGRATE_MOVABLE);
	buddy_free(zone, base, 0, MIGRATE_MOVABLE);
	assert_int_equal(list->first, base);
	assert_int_equal(list->last, base + 8);
	/*
	 * base + 4 has the free buddy of the next order up (base + 6, order 1) beside it: to the
	 * tail.
	 */
	buddy_free(zone, base + 6, 1, MIGRATE_MOVABLE);
	buddy_free(zone, base + 4, 0, MIGRATE_MOVABLE);
	assert_int_equal(list->last, base + 4);
	assert_int_equal(list->first, base);
	other = take(zone, 0, MIGRATE_MOVABLE);
	assert_int_equal(other, base);
	memory_destroy(mem);
}

/* The first unmovable page converts all of the largest block it is cut from. */
static void test_claims_whole_pageblocks(void **state)
{
	struct zone *zone;
	struct memory *mem = small_machine(&zone);
	pfn_t pfn;

	(void)state;
	pfn = take(zone, 0, MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(mem, pfn), MIGRATE_UNMOVABLE);
	assert_int_equal(pageblock_type(mem, (pfn & ~1023u) + 512), MIGRATE_UNMOVABLE);
	assert_int_equal(take(zone, 0, MIGRATE_UNMOVABLE), pfn + 1);
	/* Movable pages stay away from it. */
	assert_true(pageblock_type(mem, take(zone, 0, MIGRATE_MOVABLE)) == MIGRATE_MOVABLE);
	memory_destroy(mem);
}

/*
 * Leaves one free order-3 block in a pageblock whose other pages are used; `movable` says by whom.
 */
static pfn_t crowd_zone(struct zone *zone, bool is_movable)
{
	pfn_t pfn, hole = PFN_NONE;

	while ((pfn = take(zone, 3, MIGRATE_MOVABLE)) != PFN_NONE) {
		for (unsigned i = 0; i < 8; i++)
			zone->mem_map[pfn + i].mapping = is_movable;
		if (pfn > zone->zone_start_pfn + 2048 && pfn < zone->zone_end_pfn - 1024 &&
		    hole == PFN_NONE)
			hole = pfn;
	}
	while ((pfn = take(zone, 0, MIGRATE_MOVABLE)) != PFN_NONE)
		;
	for (unsigned i = 0; i < 8; i++)
		zone->mem_map[hole + i].mapping = 0;
	give(zone, hole, 3);
	return hole;
}

/*
 * A block full of movable pages is not worth converting: one page is stolen, the block keeps its
 * type.
 */
static void test_steals_from_full_blocks(void **state)
{
	struct zone *zone;
	struct memory *mem = small_machine(&zone);
	enum rmqueue_mode mode = RMQUEUE_NORMAL;
	pfn_t hole = crowd_zone(zone, true);

	(void)state;
	assert_int_equal(buddy_rmqueue(zone, 0, MIGRATE_UNMOVABLE, ALLOC_NOFRAGMENT, &mode),
			 PFN_NONE);
	assert_int_equal(buddy_rmqueue(zone, 0, MIGRATE_UNMOVABLE, 0, &mode), hole);
	assert_int_equal(mode, RMQUEUE_STEAL);
	assert_int_equal(pageblock_type(mem, hole), MIGRATE_MOVABLE);
	assert_int_equal(zone->free_area[2].free_list[MIGRATE_MOVABLE].first, hole + 4);
	memory_destroy(mem);
}

/* A block whose pages look unmovable suits an unmovable request, however little is free. */
static void test_claims_blocks_of_like_pages(void **state)
{
	struct zone *zone;
	struct memory *mem = small_machine(&zone);
	pfn_t hole = crowd_zone(zone, false);

	(void)state;
	assert_int_equal(take(zone, 0, MIGRATE_UNMOVABLE), hole);
	assert_int_equal(pageblock_type(mem, hole), MIGRATE_UNMOVABLE);
	assert_int_equal(zone->free_area[2].free_list[MIGRATE_UNMOVABLE].first, hole + 4);
	memory_destroy(mem);
}

static void assert_same_lists(const struct zone *a, const struct zone *b)
{
	for (unsigned order = 0; order <= a->max_order; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			pfn_t pa = a->free_area[order].free_list[mt].first;
			pfn_t pb = b->free_area[order].free_list[mt].first;

			while (pa == pb && pa != PFN_NONE) {
				pa = a->mem_map[pa].next;
				pb = b->mem_map[pb].next;
			}
			assert_int_equal(pa, pb);
		}
	assert_int_equal(a->vm_stat[NR_FREE_PAGES], b->vm_stat[NR_FREE_PAGES]);
}

/*
 * Bulk requests on one machine, as many single ones on its twin: same pages, same lists, at any
 * time.
 */
static void test_bulk_is_many_single_ones(void **state)
{
	struct zone *za, *zb;
	struct memory *a = small_machine(&za), *b = small_machine(&zb);
	static pfn_t live[16384];
	static uint8_t orders[16384];
	size_t nr_live = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 3);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned order = (unsigned)rng_below(&rng, 4),
			 nr = 1 + (unsigned)rng_below(&rng, 100), got;
		enum migratetype mt = (enum migratetype)rng_below(&rng, MIGRATE_PCPTYPES);
		enum rmqueue_mode mode = RMQUEUE_NORMAL;
		struct pfn_list list;
		pfn_t pfn;

		pfn_list_init(&list);
		got = buddy_rmqueue_bulk(za, order, nr, &list, mt, 0);
		assert_int_equal(list.nr, got);
		pfn = list.first;
		for (unsigned i = 0; i < nr; i++) {
			pfn_t single = buddy_rmqueue(zb, order, mt, 0, &mode);

			assert_int_equal(single, i < got ? pfn : PFN_NONE);
			if (i >= got)
				break;
			live[nr_live] = pfn;
			orders[nr_live++] = (uint8_t)order;
			pfn = za->mem_map[pfn].next;
			za->mem_map[single].flags = zb->mem_map[single].flags;
		}
		assert_same_lists(za, zb);
		while (nr_live > 4000 + 4000 * (round / 100 % 3)) {
			size_t i = (size_t)rng_below(&rng, nr_live);

			give(za, live[i], orders[i]);
			give(zb, live[i], orders[i]);
			live[i] = live[--nr_live];
			orders[i] = orders[nr_live];
		}
	}
	memory_destroy(a);
	memory_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_memory_comes_in_order),
		cmocka_unit_test(test_likely_merges_are_kept_cold),
		cmocka_unit_test(test_claims_whole_pageblocks),
		cmocka_unit_test(test_steals_from_full_blocks),
		cmocka_unit_test(test_claims_blocks_of_like_pages),
		cmocka_unit_test(test_bulk_is_many_single_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
