/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Where CMA areas lie, and when movable allocations use them. */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>

#include "mm/buddy.h"
#include "mm/cma.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static int create(struct memory **ret, unsigned nr_nodes, uint64_t node_bytes, uint64_t cma,
		  uint64_t pernuma, struct mmr_error *err)
{
	uint64_t bytes[4] = { node_bytes, node_bytes, node_bytes, node_bytes };
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf,
				    .nr_nodes = nr_nodes, .node_bytes = bytes, .nr_cpus = 2 };

	config_defaults(&mm_config_table, &conf);
	conf.cma_bytes = cma;
	conf.cma_pernuma_bytes = pernuma;
	return memory_create(&desc, ret, err);
}

static struct memory *machine(unsigned nr_nodes, uint64_t node_bytes, uint64_t cma, uint64_t pernuma)
{
	struct memory *mem = NULL;
	struct mmr_error err = {0};

	if (create(&mem, nr_nodes, node_bytes, cma, pernuma, &err))
		fail_msg("%s", err.text);
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

/* Above 4 GiB from below; else as high as there is room, below the mem_map. */
static void test_places(void **state)
{
	struct memory *mem = machine(1, 6 * GIB, 63 * MIB, 0);
	const struct cma *cma = cma_area_of(mem, 0);

	(void)state;
	assert_ptr_equal(cma, cma_area_of(mem, NUMA_NO_NODE));
	assert_string_equal(cma->name, "reserved");
	assert_int_equal(cma->base_pfn, 4 * GIB >> 12);
	assert_int_equal(cma->count, 64 * MIB >> 12);	/* whole pageblocks */
	assert_int_equal(cma->available_count, cma->count);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_NORMAL].vm_stat[NR_FREE_CMA_PAGES],
			 cma->count);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_NORMAL].cma_pages, cma->count);
	assert_int_equal(pageblock_type(mem, cma->base_pfn), MIGRATE_CMA);
	assert_int_equal(pageblock_type(mem, cma->base_pfn + (pfn_t)cma->count), MIGRATE_MOVABLE);
	finish(mem);
	mem = machine(1, 256 * MIB, 32 * MIB, 0);
	cma = cma_area_of(mem, 0);
	/* The mem_map of 65536 frames takes 4 MiB. */
	assert_int_equal(cma->base_pfn, (256 - 4 - 32) * MIB >> 12);
	finish(mem);
}

static void test_nodes(void **state)
{
	struct memory *mem = machine(2, 4 * GIB, 16 * MIB, 8 * MIB);

	(void)state;
	assert_int_equal(mem->nr_cma_areas, 3);
	for (int n = 0; n < 2; n++) {
		const struct cma *cma = cma_area_of(mem, n);

		assert_string_equal(cma->name, "pernuma");
		assert_int_equal(cma->count, 8 * MIB >> 12);
		assert_int_equal(pfn_to_node(mem, cma->base_pfn)->node_id, n);
	}
	assert_int_equal(cma_area_of(mem, NUMA_NO_NODE)->count, 16 * MIB >> 12);
	finish(mem);
	mem = machine(1, 64 * MIB, 0, 0);
	assert_null(cma_area_of(mem, 0));
	finish(mem);
}

static void test_no_place(void **state)
{
	struct memory *mem = NULL;
	struct mmr_error err = {0};

	(void)state;
	assert_int_equal(create(&mem, 1, 64 * MIB, 64 * MIB, 0, &err), -EINVAL);
	assert_non_null(strstr(err.text, "64 MiB"));
	assert_null(mem);
}

static bool is_cma(const struct memory *mem, pfn_t pfn)
{
	return pageblock_type(mem, pfn) == MIGRATE_CMA;
}

/*
 * Movable allocations balance: CMA pageblocks serve while they hold more than half of what is free, and
 * at the end. Others never get any, and their watermarks do not count CMA's free pages.
 */
static void test_movable_memory_borrows(void **state)
{
	struct memory *mem = machine(1, 256 * MIB, 160 * MIB, 0);
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];
	uint64_t nr_cma = 0, before;
	pfn_t pfn;

	(void)state;
	mem->conf.pcp = 0;
	/* More than half is CMA's: it serves first. */
	pfn = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	assert_true(is_cma(mem, pfn));
	assert_int_equal(mem->vm_event[CMA_LENT], 1);
	assert_false(is_cma(mem, alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE)));
	/* Until both are even; from there on they take turns. */
	while (zone->vm_stat[NR_FREE_CMA_PAGES] > zone->vm_stat[NR_FREE_PAGES] / 2)
		assert_true(is_cma(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE)));
	for (unsigned i = 0; i < 1000; i++)
		nr_cma += is_cma(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE));
	assert_in_range(nr_cma, 499, 501);
	/* The kernel's own allocations end where the rest ends. */
	while (alloc_pages(mem, GFP_KERNEL | __GFP_NORETRY, 0, NUMA_NO_NODE) != PFN_NONE)
		;
	assert_true(zone->vm_stat[NR_FREE_CMA_PAGES] > 10000);
	before = mem->vm_event[CMA_LENT];
	while (alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE) != PFN_NONE)
		;
	assert_true(mem->vm_event[CMA_LENT] - before > 10000);
	finish(mem);
}

/* Refills of per-cpu lists come to the same. */
static void test_bulk_balances(void **state)
{
	struct memory *mem = machine(1, 256 * MIB, 100 * MIB, 0);
	struct zone *zone = &mem->nodes[0]->node_zones[ZONE_DMA32];

	(void)state;
	for (unsigned i = 0; i < 30000; i++)
		alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	assert_in_range(zone->vm_stat[NR_FREE_CMA_PAGES], zone->vm_stat[NR_FREE_PAGES] / 2 - 1,
			zone->vm_stat[NR_FREE_PAGES] / 2 + 1);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_movable_memory_borrows),
		cmocka_unit_test(test_bulk_balances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
