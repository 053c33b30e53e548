/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Frames of a small machine against a count of the blocks that merging must come to, and what
 * cannot be built.
 */
#include "support/test.h"

#include <errno.h>

#include "base/rng.h"
#include "machine/geometry.h"
#include "mm/frame_state.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define NR_FRAMES 16384u /* 64 MiB: zones DMA (to 4096) and DMA32 */
#define NR_RANGES 400

static struct memory *make(void)
{
	return memory_create_uma(geometry_find("x86-64"), 2, (uint64_t)NR_FRAMES << 12);
}

static void consistent(struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static struct zone *zone_of(struct memory *mem, enum zone_type type)
{
	return &mem->nodes[0]->node_zones[type];
}

/* Largest aligned blocks of free frames, in the zone's bounds: what merging must come to. */
static void count_blocks(const uint8_t *is_free, pfn_t start, pfn_t end, uint64_t nr[11])
{
	memset(nr, 0, 11 * sizeof(*nr));
	for (pfn_t pfn = start; pfn < end;) {
		unsigned order = 10, whole = 0;

		for (; is_free[pfn]; order--) {
			pfn_t first = pfn & ~((1u << order) - 1);

			whole = first == pfn && pfn + (1u << order) <= end;
			for (pfn_t i = pfn; whole && i < pfn + (1u << order); i++)
				whole = is_free[i];
			if (whole)
				break;
		}
		nr[order] += is_free[pfn];
		pfn += is_free[pfn] ? 1u << order : 1;
	}
}

/* The model's own few pages are not to be had. */
static void note_own(struct memory *mem, uint8_t *is_own)
{
	for (pfn_t pfn = 0; pfn < NR_FRAMES; pfn++)
		is_own[pfn] = (mem->mem_map[pfn].flags & (PG_RESERVED | PG_TAIL)) != 0 ||
			      mem->mem_map[pfn]._refcount > 0;
	for (pfn_t pfn = 0; pfn < NR_FRAMES; pfn++)
		if (mem->mem_map[pfn]._refcount > 0)
			for (pfn_t i = 0; i < 1u << page_order(&mem->mem_map[pfn]); i++)
				is_own[pfn + i] = 1;
}

static void test_random_frames(void **state)
{
	static uint8_t is_free[NR_FRAMES], is_own[NR_FRAMES];
	struct frame_range ranges[NR_RANGES];
	uint64_t expected[11], nr = 0;
	struct memory *mem = make();
	struct rng rng;
	pfn_t at = 1024;

	(void)state;
	rng_seed(&rng, test_seed());
	note_own(mem, is_own);
	while (nr < NR_RANGES && at < NR_FRAMES - 3000) {
		uint32_t len = 1 + (uint32_t)rng_below(&rng, rng_below(&rng, 30) ? 40 : 2500);

		ranges[nr] = (struct frame_range){at, at + len, (enum frame_use)rng_below(&rng, 4)};
		for (pfn_t i = at; i < at + len; i++)
			is_free[i] = ranges[nr].use == FRAME_FREE && !is_own[i];
		nr++;
		at += len + (uint32_t)rng_below(&rng, 3);
	}
	struct frame_state fs = {.ranges = ranges, .nr_ranges = nr};

	assert_int_equal(memory_set_frames(mem, &fs, NULL), 0);
	consistent(mem);
	for (unsigned t = ZONE_DMA; t <= ZONE_DMA32; t++) {
		const struct zone *zone = zone_of(mem, (enum zone_type)t);

		count_blocks(is_free, zone->zone_start_pfn, zone->zone_end_pfn, expected);
		for (unsigned o = 0; o <= 10; o++)
			assert_int_equal(zone->free_area[o].nr_free, expected[o]);
	}
	/* It can be worked with. */
	for (unsigned i = 0; i < 200; i++)
		assert_int_not_equal(alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE), PFN_NONE);
	consistent(mem);
	memory_destroy(mem);
}

static void test_marks(void **state)
{
	/* 5000: free; 6144-8191: one pageblock of slab, one of page tables, two mixed with gaps */
	const struct frame_range ranges[] = {
		{5000, 6000, FRAME_FREE},    {6144, 6600, FRAME_SLAB},	   {6656, 7100, FRAME_KERNEL},
		{7168, 7200, FRAME_MOVABLE}, {7201, 7300, FRAME_MOVABLE}, {7302, 7400, FRAME_MOVABLE},
	};
	struct pcp_marks pcp[] = {{.count = 2, .high = 9, .batch = 3, .high_min = 8, .high_max = 90},
				  {.count = 1, .high = 7, .batch = 3, .high_min = 6, .high_max = 70}};
	struct zone_marks marks = {.type = ZONE_DMA32,
				   .watermark = {11, 22, 33, 44},
				   .lowmem_reserve = {[ZONE_NORMAL] = 55},
				   .pageblocks = {1, 20, 1},
				   .pcp = pcp,
				   .nr_pcp = 2};
	struct frame_state fs = {
		.ranges = ranges, .nr_ranges = 6, .zones = &marks, .nr_zones = 1, .handle = 0};
	struct memory *mem = make();
	struct zone *zone = zone_of(mem, ZONE_DMA32);

	(void)state;
	assert_int_equal(memory_set_frames(mem, &fs, NULL), 0);
	consistent(mem);
	assert_int_equal(zone->watermark[WMARK_PROMO], 44);
	assert_int_equal(zone->lowmem_reserve[ZONE_NORMAL], 55);
	assert_int_equal(zone->pcp[1].high_max, 70);
	/* The single gap 7200 goes first, then the pair 7300, one by one to the CPUs. */
	assert_int_equal(zone->pcp[0].count, 2);
	assert_int_equal(zone->pcp[1].count, 1);
	assert_true(mem->mem_map[7200].flags & PG_PCP);
	assert_true(mem->mem_map[7300].flags & PG_PCP);
	assert_true(mem->mem_map[7301].flags & PG_PCP);
	assert_int_equal(mem->blocktype[6144 >> 9], MIGRATE_RECLAIMABLE);
	assert_int_equal(mem->blocktype[6656 >> 9], MIGRATE_UNMOVABLE);
	assert_int_equal(mem->blocktype[7168 >> 9], MIGRATE_MOVABLE);
	/* A frame that nobody knew turns out to be in use. */
	assert_false(frame_is_managed(mem, 9000));
	assert_true(frame_is_managed(mem, 5500));
	assert_true(frame_is_managed(mem, 7201));
	frame_state_adopt(mem, 9000, false, 0);
	assert_true(frame_is_managed(mem, 9000));
	consistent(mem);
	memory_destroy(mem);
}

static void test_misfits(void **state)
{
	const struct frame_range beyond[] = {{100, 200, FRAME_FREE}, {16000, 20000, FRAME_FREE}};
	const struct frame_range twice[] = {{100, 200, FRAME_FREE}, {150, 300, FRAME_SLAB}};
	struct frame_state fs = {.ranges = beyond, .nr_ranges = 2};
	struct memory *mem = make();
	uint64_t free = zone_of(mem, ZONE_DMA32)->vm_stat[NR_FREE_PAGES];
	struct mmr_error err;

	(void)state;
	assert_int_equal(memory_set_frames(mem, &fs, &err), -EINVAL);
	assert_string_equal(err.text, "frames 16000 to 19999 are in no zone of this machine");
	fs.ranges = twice;
	assert_int_equal(memory_set_frames(mem, &fs, &err), -EINVAL);
	assert_int_equal(zone_of(mem, ZONE_DMA32)->vm_stat[NR_FREE_PAGES], free);
	consistent(mem);
	assert_null(pfn_zone(mem, NR_FRAMES + (1 << 15)));
	assert_null(pfn_zone(mem, UINT64_MAX));
	assert_ptr_equal(pfn_zone(mem, 5000), zone_of(mem, ZONE_DMA32));
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_frames),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_misfits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
