/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Contiguous ranges: free, in use by pages that move, in use by others; what is around them; CMA's
 * bitmap. After each, nothing is isolated and everything is consistent.
 */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>

#include "mm/ageing.h"
#include "mm/buddy.h"
#include "mm/contig.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define BLOCK 512u

static struct memory *machine(uint64_t bytes, uint64_t cma)
{
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 2 };
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.cma_bytes = cma;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static void check(const struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		assert_int_equal(mem->nodes[0]->node_zones[t].nr_isolate_pageblock, 0);
}

static uint64_t nr_free(const struct memory *mem)
{
	uint64_t nr = 0;

	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		nr += mem->nodes[0]->node_zones[t].vm_stat[NR_FREE_PAGES];
	return nr;
}

/* Never touched, not aligned, across pageblocks: the range and nothing else is taken. */
static void test_free_range(void **state)
{
	struct memory *mem = machine(256 * MIB, 0);
	uint64_t before = nr_free(mem);
	pfn_t start = (100 * MIB >> 12) + 5, end = start + 3 * BLOCK;

	(void)state;
	assert_int_equal(alloc_contig_range(mem, start, end, false, GFP_KERNEL), 0);
	check(mem);
	assert_int_equal(nr_free(mem), before - 3 * BLOCK);
	for (pfn_t pfn = start; pfn < end; pfn++)
		assert_int_equal(pfn_to_page(mem, pfn)->_refcount, 1);
	assert_int_equal(pageblock_type(mem, start), MIGRATE_MOVABLE);
	assert_int_equal(mem->vm_event[CONTIG_ALLOC_SUCCESS], 1);
	/* It is in use by nobody who would move. */
	assert_int_equal(alloc_contig_range(mem, end - 1, end + 1, false, GFP_KERNEL), -EBUSY);
	assert_int_equal(mem->vm_event[CONTIG_ALLOC_FAIL], 1);
	free_contig_range(mem, start, 3 * BLOCK);
	drain_all_pages(mem);
	assert_int_equal(nr_free(mem), before);
	check(mem);
	memory_destroy(mem);
}

static void test_folio(void **state)
{
	struct memory *mem = machine(64 * MIB, 0);
	pfn_t start = 32 * MIB >> 12;

	(void)state;
	assert_int_equal(alloc_contig_range(mem, start, start + 64, false, GFP_KERNEL | __GFP_COMP), 0);
	assert_int_equal(page_order(pfn_to_page(mem, start)), 6);
	assert_int_equal(folio_pfn(mem, start + 63), start);
	free_contig_range(mem, start, 64);
	check(mem);
	assert_int_equal(alloc_contig_range(mem, start, start + 65, false, GFP_KERNEL | __GFP_COMP),
			 -EINVAL);
	assert_int_equal(alloc_contig_range(mem, start, start, false, GFP_KERNEL), -EINVAL);
	assert_int_equal(alloc_contig_range(mem, 1 << 20, (1 << 20) + 5, false, GFP_KERNEL), -EINVAL);
	/* The first MiB belongs to the firmware, the kernel's image to the kernel. */
	assert_int_equal(alloc_contig_range(mem, 16, 32, false, GFP_KERNEL), -EBUSY);
	assert_int_equal(alloc_contig_range(mem, 4000, 4200, false, GFP_KERNEL), -EINVAL); /* two zones */
	assert_int_equal(alloc_contig_range(mem, mem->zero_pfn, mem->zero_pfn + 8, false, GFP_KERNEL),
			 -EBUSY);
	check(mem);
	memory_destroy(mem);
}

/* The pages of an aged machine that can move make room, those that cannot do not. */
static void test_moves_what_is_in_use(void **state)
{
	struct memory *mem = machine(256 * MIB, 0);
	struct ageing_spec s = { .degree = 900, .order = 9, .used = 60, .seed = 3 };
	uint64_t before, movable;
	pfn_t start = 0;

	(void)state;
	assert_int_equal(age_memory(mem, &s, NULL), 0);
	before = nr_free(mem);
	movable = mem->ageing->pages[MIGRATE_MOVABLE];
	start = alloc_contig_pages(mem, 16 * BLOCK, GFP_KERNEL, NUMA_NO_NODE, NODEMASK_ALL);
	assert_int_not_equal(start, PFN_NONE);
	assert_int_equal(start % (16 * BLOCK), 0);
	check(mem);
	drain_all_pages(mem);
	assert_int_equal(nr_free(mem), before - 16 * BLOCK);
	assert_true(mem->ageing->nr_moved > 1000);
	assert_int_equal(mem->ageing->nr_moved, mem->vm_event[PGMIGRATE_SUCCESS]);
	assert_int_equal(mem->ageing->pages[MIGRATE_MOVABLE], movable);
	assert_int_equal(mem->vm_event[CONTIG_ALLOC_SUCCESS], 1);
	free_contig_range(mem, start, 16 * BLOCK);
	check(mem);
	memory_destroy(mem);
	/* Unmovable pages everywhere: no 16 pageblocks in a row come free. */
	mem = machine(256 * MIB, 0);
	s.unmovable = 80;
	assert_int_equal(age_memory(mem, &s, NULL), 0);
	before = nr_free(mem);
	assert_int_equal(alloc_contig_pages(mem, 16 * BLOCK, GFP_KERNEL, NUMA_NO_NODE, NODEMASK_ALL),
			 PFN_NONE);
	assert_int_equal(mem->vm_event[CONTIG_ALLOC_FAIL], 1);
	drain_all_pages(mem);
	assert_int_equal(nr_free(mem), before);
	check(mem);
	memory_destroy(mem);
}

/* No room to move to: the failure leaves all as it was. */
static void test_no_room(void **state)
{
	struct memory *mem = machine(64 * MIB, 0);
	struct ageing_spec s = { .degree = 1000, .order = 9, .used = 90, .seed = 3 };
	uint64_t before;

	(void)state;
	assert_int_equal(age_memory(mem, &s, NULL), 0);
	before = nr_free(mem);
	assert_int_equal(alloc_contig_range(mem, 32 * MIB >> 12, 48 * MIB >> 12, false, GFP_KERNEL),
			 -EBUSY);
	drain_all_pages(mem);
	assert_int_equal(nr_free(mem), before);
	assert_true(mem->vm_event[PGMIGRATE_SUCCESS] > 0);
	check(mem);
	memory_destroy(mem);
}

static void test_cma(void **state)
{
	struct memory *mem = machine(128 * MIB, 32 * MIB);
	struct cma *cma = cma_area_of(mem, NUMA_NO_NODE);
	uint64_t free_cma = cma->count, nr = 0, moved;
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	pfn_t a, b, c;

	(void)state;
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], free_cma);
	a = cma_alloc(mem, cma, 3, 0);
	b = cma_alloc(mem, cma, 16, 4);
	assert_int_equal(a, cma->base_pfn);
	assert_int_equal(b, cma->base_pfn + 16);
	c = cma_alloc(mem, cma, 13, 0);	/* the hole between them */
	assert_int_equal(c, cma->base_pfn + 3);
	assert_int_equal(cma->available_count, cma->count - 32);
	assert_int_equal(zone->vm_stat[NR_FREE_CMA_PAGES], free_cma - 32);
	check(mem);
	assert_false(cma_release(mem, cma, cma->base_pfn - 1, 2));
	assert_true(cma_release(mem, cma, b, 16));
	assert_int_equal(cma_alloc(mem, cma, 16, 0), b);
	/* Lent out to the last page, the area still serves. */
	while (alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE) != PFN_NONE && nr < 10000)
		nr++;
	age_memory(mem, &(struct ageing_spec){ .degree = 1000, .order = 9, .used = 50, .seed = 1 },
		   NULL);
	moved = mem->ageing->nr_moved;
	a = cma_alloc(mem, cma, 4 * BLOCK, 9);
	assert_int_not_equal(a, PFN_NONE);
	assert_true(mem->ageing->nr_moved > moved);
	check(mem);
	assert_int_equal(cma_alloc(mem, cma, cma->count, 0), PFN_NONE);
	assert_int_equal(mem->vm_event[CMA_ALLOC_SUCCESS], 5);
	assert_int_equal(mem->vm_event[CMA_ALLOC_FAIL], 1);
	assert_true(cma_release(mem, cma, a, 4 * BLOCK));
	drain_all_pages(mem);
	check(mem);
	memory_destroy(mem);
}

/* Largest order 13, pageblocks of 2^13 pages: arm64 with 64K pages. */
static void test_large_blocks(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("arm64-64k"), 1, 8 * GIB);
	pfn_t start = (2 << 13) + 100;
	uint64_t before = nr_free(mem);

	(void)state;
	assert_int_equal(alloc_contig_range(mem, start, start + 9000, false, GFP_KERNEL), 0);
	check(mem);
	free_contig_range(mem, start, 9000);
	drain_all_pages(mem);
	assert_int_equal(nr_free(mem), before);
	check(mem);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_range),
		cmocka_unit_test(test_folio),
		cmocka_unit_test(test_moves_what_is_in_use),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_cma),
		cmocka_unit_test(test_large_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
