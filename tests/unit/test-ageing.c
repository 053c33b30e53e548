/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Start states: the unusable free space index ends where it was asked to, for ten degrees and three
 * mixes; the same seed gives the same lists; captured lists are rebuilt block by block.
 */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "mm/ageing.h"
#include "mm/buddy.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define HUGE_ORDER 9

static struct memory *machine(unsigned nr_nodes, uint64_t node_bytes)
{
	uint64_t bytes[8];
	struct memory_desc desc = {
		.geo = geometry_find("x86-64"), .nr_nodes = nr_nodes, .node_bytes = bytes, .nr_cpus = 8};
	struct memory *mem;

	for (unsigned n = 0; n < nr_nodes; n++)
		bytes[n] = node_bytes;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static void finish(struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	memory_destroy(mem);
}

static void age(struct memory *mem, const struct ageing_spec *spec)
{
	struct mmr_error err = {0};

	if (age_memory(mem, spec, &err))
		fail_msg("%s", err.text);
}

static unsigned node_index(const struct memory *mem, unsigned nid, unsigned order)
{
	struct fragmentation f = {0};

	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (mem->nodes[nid]->node_zones[t].managed_pages)
			fragmentation_add_zone(&f, &mem->nodes[nid]->node_zones[t]);
	fragmentation_finish(&f, mem->geo->max_order);
	return f.unusable_index[order];
}

static unsigned zone_index(const struct zone *zone, unsigned order)
{
	struct fragmentation f;

	fragmentation_of_zone(&f, zone);
	return f.unusable_index[order];
}

/* A number for all free lists and pageblock types of a machine, in their order. */
static uint64_t fingerprint(const struct memory *mem)
{
	uint64_t h = 1469598103934665603ull;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &mem->nodes[n]->node_zones[t];

			if (!zone->managed_pages)
				continue;
			for (unsigned o = 0; o <= zone->max_order; o++)
				for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
					for (pfn_t pfn = zone->free_area[o].free_list[mt].first;
					     pfn != PFN_NONE; pfn = zone->mem_map[pfn].next)
						h = (h ^ pfn ^ (uint64_t)mt << 40) * 1099511628211ull;
			for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn;
			     pfn += 1u << zone->pageblock_order)
				h = (h ^ (uint64_t)pageblock_type(mem, pfn)) * 1099511628211ull;
		}
	return h;
}

static const struct {
	unsigned unmovable, reclaimable;
} mixes[3] = { { 5, 5 }, { 30, 20 }, { 80, 10 } };

static void assert_near(unsigned index, unsigned degree)
{
	if (index + AGEING_TOLERANCE < degree || index > degree + AGEING_TOLERANCE)
		fail_msg("index %u, asked for %u", index, degree);
}

/* Pages in use by type are what the mix says, give or take what a few pageblocks hold. */
static void assert_mix(const struct memory *mem, const struct ageing_spec *s)
{
	const uint64_t *pages = mem->ageing->pages;
	uint64_t all = pages[0] + pages[1] + pages[2];

	assert_in_range(pages[MIGRATE_UNMOVABLE] * 100 / all + 5, s->unmovable, s->unmovable + 10);
	assert_in_range(pages[MIGRATE_RECLAIMABLE] * 100 / all + 5, s->reclaimable,
			s->reclaimable + 10);
	assert_int_equal(all, mem->totalram_pages -
				      mem->nodes[0]->node_zones[ZONE_DMA].vm_stat[NR_FREE_PAGES] -
				      mem->nodes[0]->node_zones[ZONE_DMA32].vm_stat[NR_FREE_PAGES] -
				      mem->nodes[0]->node_zones[ZONE_NORMAL].vm_stat[NR_FREE_PAGES]);
}

static void test_ten_degrees_three_mixes(void **state)
{
	(void)state;
	for (unsigned degree = 0; degree <= 1000; degree += degree == 500 ? 50 : 105)
		for (unsigned m = 0; m < 3; m++) {
			struct ageing_spec s = { .degree = degree, .order = HUGE_ORDER, .used = 60,
						 .unmovable = mixes[m].unmovable,
						 .reclaimable = mixes[m].reclaimable, .seed = degree + m };
			struct memory *mem = machine(1, 256 * MIB);
			const struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];

			age(mem, &s);
			assert_near(node_index(mem, 0, HUGE_ORDER), degree);
			assert_near(zone_index(zone, HUGE_ORDER), degree);
			/* The degree is exact; the rest is rounded to blocks of the order. */
			assert_in_range(zone->vm_stat[NR_FREE_PAGES] * 100 / zone->managed_pages, 34,
					46);
			assert_mix(mem, &s);
			assert_int_equal(mem->vm_event[PAGEBLOCK_STEAL], 0);
			finish(mem);
		}
}

static void test_sizes_and_nodes(void **state)
{
	static const struct {
		unsigned nr_nodes, mib, order, used;
	} rows[] = { { 1, 64, 9, 50 }, { 2, 128, 9, 80 }, { 8, 64, 9, 50 }, { 1, 512, 4, 90 },
		     { 1, 128, 10, 30 }, { 2, 64, 1, 50 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned degree = 100; degree <= 900; degree += 400) {
			struct ageing_spec s = { .degree = degree, .order = rows[i].order,
						 .used = rows[i].used, .unmovable = 20, .seed = i };
			struct memory *mem = machine(rows[i].nr_nodes, rows[i].mib * MIB);

			age(mem, &s);
			for (unsigned n = 0; n < rows[i].nr_nodes; n++)
				assert_near(node_index(mem, n, rows[i].order), degree);
			finish(mem);
		}
}

static void test_other_geometries(void **state)
{
	static const char *const names[] = { "arm64-16k", "arm64-64k" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct geometry *geo = geometry_find(names[i]);
		struct ageing_spec s = { .degree = 400, .order = 5, .used = 50, .unmovable = 30,
					 .seed = 1 };
		struct memory *mem = memory_create_uma(geo, 1, 8192 * MIB);

		assert_int_equal(geo->max_order, i ? 13 : 11);
		age(mem, &s);
		assert_near(node_index(mem, 0, 5), 400);
		finish(mem);
	}
}

static void test_the_seed_says_all(void **state)
{
	struct ageing_spec s = { .degree = 370, .order = HUGE_ORDER, .used = 70, .unmovable = 20,
				 .reclaimable = 10, .seed = 42 };
	uint64_t prints[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct memory *mem = machine(2, 128 * MIB);

		s.seed = i == 2 ? 43 : 42;
		age(mem, &s);
		prints[i] = fingerprint(mem);
		finish(mem);
	}
	assert_true(prints[0] == prints[1]);
	assert_true(prints[0] != prints[2]);
}

/* What is free serves, and what is in use stays. */
static void test_allocation_goes_on(void **state)
{
	struct ageing_spec s = { .degree = 1000, .order = HUGE_ORDER, .used = 40, .unmovable = 10,
				 .seed = 7 };
	struct memory *mem = machine(1, 256 * MIB);
	uint64_t before, nr = 0;

	(void)state;
	age(mem, &s);
	before = mem->ageing->pages[MIGRATE_UNMOVABLE];
	assert_int_equal(alloc_pages(mem, GFP_TRANSHUGE_LIGHT, HUGE_ORDER, NUMA_NO_NODE), PFN_NONE);
	while (alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE) != PFN_NONE)
		nr++;
	assert_true(nr > 30000);
	assert_int_equal(mem->ageing->pages[MIGRATE_UNMOVABLE], before);
	finish(mem);
}

static int try_age(const struct ageing_spec *s, uint64_t mib)
{
	struct memory *mem = machine(1, mib * MIB);
	struct mmr_error err = {0};
	int rc = age_memory(mem, s, &err);

	assert_int_equal(rc != 0, err.text[0] != '\0');
	memory_destroy(mem);
	return rc;
}

static void test_what_cannot_be(void **state)
{
	struct ageing_spec good = { .degree = 500, .order = 9, .used = 50 }, s;

	(void)state;
	assert_int_equal(try_age(&good, 64), 0);
	s = good, s.order = 11;
	assert_int_equal(try_age(&s, 64), -EINVAL);
	s = good, s.order = 0;
	assert_int_equal(try_age(&s, 64), -EINVAL);
	s = good, s.degree = 1001;
	assert_int_equal(try_age(&s, 64), -EINVAL);
	s = good, s.used = 100;
	assert_int_equal(try_age(&s, 64), -EINVAL);
	s = good, s.unmovable = 60, s.reclaimable = 50;
	assert_int_equal(try_age(&s, 64), -EINVAL);
	/* 1 % of 64 MiB is less than one huge page. */
	s = good, s.used = 99;
	assert_int_equal(try_age(&s, 64), -ERANGE);
}

/* --- captured --------------------------------------------------------------------------------- */

/* /proc/pagetypeinfo of a PC with 6 GiB of memory, Linux 6.18. */
static const struct zone_state real_pc[] = {
	{ .type = ZONE_DMA, .managed_pages = 3840, .pageblocks = { [MIGRATE_UNMOVABLE] = 1, [MIGRATE_MOVABLE] = 7 },
	  .free = { [8] = { [MIGRATE_UNMOVABLE] = 1 }, [9] = { [MIGRATE_MOVABLE] = 1 }, [10] = { [MIGRATE_MOVABLE] = 3 } } },
	{ .type = ZONE_DMA32, .pageblocks = { [MIGRATE_MOVABLE] = 1528 },
	  .free = { [0] = { [MIGRATE_MOVABLE] = 1 }, [1] = { [MIGRATE_MOVABLE] = 1 }, [2] = { [MIGRATE_MOVABLE] = 4 },
		    [3] = { [MIGRATE_MOVABLE] = 2 }, [4] = { [MIGRATE_MOVABLE] = 5 }, [5] = { [MIGRATE_MOVABLE] = 4 },
		    [6] = { [MIGRATE_MOVABLE] = 3 }, [7] = { [MIGRATE_MOVABLE] = 3 }, [8] = { [MIGRATE_MOVABLE] = 4 },
		    [9] = { [MIGRATE_MOVABLE] = 2 }, [10] = { [MIGRATE_MOVABLE] = 690 } } },
	{ .type = ZONE_NORMAL, .pageblocks = { 63, 1420, 46, 2 },
	  .free = { [0] = { 40, 3261, 1 }, [1] = { 3, 1220, 0 }, [2] = { 0, 3837, 1, 1 }, [3] = { 1, 1935, 0 },
		    [4] = { 1, 553, 1 }, [5] = { 0, 501, 1 }, [6] = { 1, 377, 1 }, [7] = { 1, 27, 1 },
		    [8] = { 0, 187, 1 }, [9] = { 0, 173, 0 }, [10] = { 0, 337, 0 } } },
};

static void assert_state(const struct memory *mem, const struct zone_state *s)
{
	const struct zone *zone = &mem->nodes[s->nid]->node_zones[s->type];
	struct fragmentation f;

	fragmentation_of_zone(&f, zone);
	for (unsigned o = 0; o <= zone->max_order; o++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			assert_int_equal(f.free_blocks_type[o][mt], s->free[o][mt]);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (mt != MIGRATE_MOVABLE)
			assert_int_equal(f.pageblocks[mt], s->pageblocks[mt]);
}

static void test_captured_lists(void **state)
{
	struct memory *mem = machine(1, 6144 * MIB);
	struct mmr_error err = {0};
	uint64_t prints[2];

	(void)state;
	if (memory_set_state(mem, real_pc, ARRAY_SIZE(real_pc), 1, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(real_pc); i++)
		assert_state(mem, &real_pc[i]);
	assert_int_equal(mem->ageing->dropped_pages, 0);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_NORMAL].nr_reserved_highatomic, 1024);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_NORMAL].nr_free_highatomic, 4);
	prints[0] = fingerprint(mem);
	finish(mem);
	/* Another seed: the same numbers at other places. */
	mem = machine(1, 6144 * MIB);
	assert_int_equal(memory_set_state(mem, real_pc, ARRAY_SIZE(real_pc), 2, &err), 0);
	assert_state(mem, &real_pc[2]);
	prints[1] = fingerprint(mem);
	assert_true(prints[0] != prints[1]);
	finish(mem);
}

/* One pageblock can hold free blocks of all smaller orders but for one page. */
static void test_captured_lists_that_just_fit(void **state)
{
	struct zone_state s[3] = { { .type = ZONE_DMA, .pageblocks = { [MIGRATE_MOVABLE] = 8 } },
				   { .type = ZONE_DMA32 } };
	struct memory *mem = machine(1, 32 * MIB);
	/* 8 pageblocks; boot has taken of the first and the last. */
	uint64_t room = 6;
	struct mmr_error err = {0};

	(void)state;
	s[1].pageblocks[MIGRATE_UNMOVABLE] = room;
	for (unsigned o = 0; o < 9; o++)
		s[1].free[o][MIGRATE_UNMOVABLE] = room;
	if (memory_set_state(mem, s, 2, 3, &err))
		fail_msg("%s", err.text);
	assert_state(mem, &s[1]);
	finish(mem);
	mem = machine(1, 32 * MIB);
	s[1].free[3][MIGRATE_UNMOVABLE] += room * 512;
	assert_int_equal(memory_set_state(mem, s, 2, 3, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "node 0 zone DMA32"));
	assert_non_null(strstr(err.text, "order 3, type Unmovable"));
	memory_destroy(mem);
	/* A zone of the machine that the state does not have, and the other way round. */
	mem = machine(1, 32 * MIB);
	assert_int_equal(memory_set_state(mem, s, 1, 3, &err), -EINVAL);
	s[2] = s[1];
	s[2].type = ZONE_NORMAL;
	assert_int_equal(memory_set_state(mem, s, 3, 3, &err), -EINVAL);
	assert_non_null(strstr(err.text, "Normal"));
	memory_destroy(mem);
}

/* A zone that was larger there: what is left out are blocks of the largest order, as few as will do. */
static void test_zones_that_are_smaller_here(void **state)
{
	struct memory *mem = machine(1, 4096 * MIB);
	struct zone_state s[3] = { real_pc[0], real_pc[1], real_pc[2] };
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	struct mmr_error err = {0};
	struct fragmentation f;
	uint64_t roots = zone->managed_pages >> 10;

	(void)state;
	/* The other machine's zone had 8 MiB more, of which nearly all was free. */
	s[1].managed_pages = zone->managed_pages + 2048;
	s[1].free[10][MIGRATE_MOVABLE] = roots - 1;
	for (unsigned i = 0; i < 11; i++)
		memset(s[2].free[i], 0, sizeof(s[2].free[i]));
	memset(s[2].pageblocks, 0, sizeof(s[2].pageblocks));
	if (memory_set_state(mem, s, 3, 1, &err))
		fail_msg("%s", err.text);
	fragmentation_of_zone(&f, zone);
	/* 3 blocks hold what is free in smaller ones. */
	assert_int_equal(f.free_blocks[10], roots - 3);
	assert_int_equal(mem->ageing->dropped_pages, 2 * 1024);
	s[1].free[10][MIGRATE_MOVABLE] = roots - 3;
	assert_state(mem, &s[1]);
	finish(mem);
	/* Without that difference it is an error. */
	mem = machine(1, 4096 * MIB);
	s[1].managed_pages = mem->nodes[0]->node_zones[ZONE_DMA32].vm_stat[NR_FREE_PAGES];
	s[1].free[10][MIGRATE_MOVABLE] = roots - 1;
	assert_int_equal(memory_set_state(mem, s, 3, 1, &err), -ENOSPC);
	memory_destroy(mem);
}

/* DMA32 of a PC after a day of builds: nearly all is free, cut up, and of three types. */
static void test_a_smaller_zone_of_three_types(void **state)
{
	static const uint16_t movable[10] = { 440, 400, 360, 300, 255, 220, 196, 176, 142, 112 };
	static const uint16_t unmovable[10] = { 10, 8, 6, 4, 3, 3, 1, 1, 1, 0 };
	static const uint16_t reclaimable[10] = { 2, 0, 2, 1, 1, 1, 1, 1, 0, 0 };
	struct memory *mem = machine(1, 4096 * MIB);
	struct zone_state s[3] = { real_pc[0], { .type = ZONE_DMA32, .managed_pages = 772915 },
				   { .type = ZONE_NORMAL } };
	struct mmr_error err = {0};

	(void)state;
	for (unsigned o = 0; o < 10; o++) {
		s[1].free[o][MIGRATE_MOVABLE] = movable[o];
		s[1].free[o][MIGRATE_UNMOVABLE] = unmovable[o];
		s[1].free[o][MIGRATE_RECLAIMABLE] = reclaimable[o];
	}
	s[1].free[10][MIGRATE_MOVABLE] = 611;
	s[1].pageblocks[MIGRATE_UNMOVABLE] = 5;
	s[1].pageblocks[MIGRATE_MOVABLE] = 1521;
	s[1].pageblocks[MIGRATE_RECLAIMABLE] = 2;
	if (memory_set_state(mem, s, 3, 1, &err))
		fail_msg("%s", err.text);
	/* 6963 frames fewer are managed here: 7 blocks; 2 more make the room that the small ones need. */
	assert_int_equal(mem->ageing->dropped_pages >> 10, 9);
	s[1].free[10][MIGRATE_MOVABLE] -= mem->ageing->dropped_pages >> 10;
	assert_state(mem, &s[1]);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_degrees_three_mixes),
		cmocka_unit_test(test_sizes_and_nodes),
		cmocka_unit_test(test_other_geometries),
		cmocka_unit_test(test_the_seed_says_all),
		cmocka_unit_test(test_allocation_goes_on),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test(test_captured_lists),
		cmocka_unit_test(test_captured_lists_that_just_fit),
		cmocka_unit_test(test_zones_that_are_smaller_here),
		cmocka_unit_test(test_a_smaller_zone_of_three_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
