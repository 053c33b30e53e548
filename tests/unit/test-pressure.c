/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the simulated system gives allocation to fall back upon: quicklists, unused inodes and empty
 * slabs when there is no memory; kswapd and the boost of watermarks.
 */
#include "support/test.h"

#include <stdbool.h>

#include "mm/filemap.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/quicklist.h"
#include "mm/slab.h"
#include "mm/vmscan.h"
#include "sim/pressure.h"

#define MIB (1ull << 20)
#define NR_STORED 50

static struct memory *machine(unsigned policy, unsigned nr_nodes)
{
	uint64_t node_bytes[] = {64 * MIB, 64 * MIB};
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .conf = &conf,
				   .nr_nodes = nr_nodes,
				   .node_bytes = node_bytes,
				   .nr_cpus = 2};
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.quicklists = 1;
	conf.slab_policy = policy;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static void finish(struct memory *mem, struct pressure *p)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	pressure_destroy(p);
	assert_null(mem->pressure);
	memory_destroy(mem);
}

static void store(struct memory *mem, int nid)
{
	pfn_t pfns[NR_STORED];

	for (unsigned i = 0; i < NR_STORED; i++)
		pfns[i] = alloc_pages(mem, GFP_KERNEL, 0, nid);
	for (unsigned i = 0; i < NR_STORED; i++)
		quicklist_free(mem, pfns[i]);
}

static uint64_t exhaust(struct memory *mem, gfp_t gfp)
{
	uint64_t nr = 0;

	while (alloc_pages(mem, gfp, 0, NUMA_NO_NODE) != PFN_NONE)
		nr++;
	return nr;
}

static void test_quicklists(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 1);
	struct pressure *p = pressure_create(mem);

	(void)state;
	store(mem, 0);
	/* Who may not wait gets nothing of it. */
	exhaust(mem, GFP_KERNEL & ~__GFP_DIRECT_RECLAIM);
	assert_int_equal(quicklist_total_size(mem), NR_STORED);
	assert_true(exhaust(mem, GFP_KERNEL) >= NR_STORED - 1);
	assert_int_equal(quicklist_total_size(mem), 0);
	finish(mem, p);
}

static void test_inodes(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_NULL, 1);
	struct pressure *p = pressure_create(mem);
	uint64_t pages;

	(void)state;
	for (uint32_t i = 1; i <= 300; i++) {
		struct address_space *file = mapping_get(mem, i);

		mapping_make_inode(mem, file);
		if (i > 200)
			mapping_put(mem, file);
	}
	pages = mem->nodes[0]->vm_stat[NR_SLAB_RECLAIMABLE];
	assert_true(exhaust(mem, GFP_KERNEL) > 0);
	/* A hundred unused ones: three of an inode a page, 21 dentries. */
	assert_in_range(pages - mem->nodes[0]->vm_stat[NR_SLAB_RECLAIMABLE], 100 / 3, 100 / 3 + 5);
	mapping_finish_all(mem);
	finish(mem, p);
}

static void test_slabs(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLAB, 1);
	struct pressure *p = pressure_create(mem);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 2000, 0, 0, NULL);
	struct kmem_cache_stats s;
	kaddr_t o[300];

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < 300; i++)
		kmem_cache_free(cache, o[i]);
	kmem_cache_stats(cache, &s);
	assert_true(s.node_empty > 0);
	exhaust(mem, GFP_KERNEL);
	kmem_cache_stats(cache, &s);
	assert_int_equal(s.node_empty, 0);
	finish(mem, p);
}

/* The node that is asked gives, the other one keeps. */
static void test_node(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 2);
	struct pressure *p = pressure_create(mem);

	(void)state;
	store(mem, 0);
	store(mem, 1);
	assert_int_equal(mem->pressure->node_reclaim(mem, mem->nodes[1], 0, GFP_KERNEL), NR_STORED);
	assert_int_equal(quicklist_total_size(mem), NR_STORED);
	assert_int_equal(mem->pressure->node_reclaim(mem, mem->nodes[1], 0, GFP_KERNEL), 0);
	finish(mem, p);
}

/* Nothing to reclaim: what per-cpu lists hoard is still handed out. */
static void test_per_cpu_lists(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 1);
	struct pressure *p = pressure_create(mem);
	pfn_t pfns[40];

	(void)state;
	mem->cpu = 1;
	for (unsigned i = 0; i < 40; i++)
		pfns[i] = alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE);
	exhaust(mem, GFP_KERNEL);
	for (unsigned i = 0; i < 40; i++)
		free_pages_pfn(mem, pfns[i], 0);
	mem->cpu = 0;
	assert_int_equal(exhaust(mem, GFP_KERNEL), 40);
	finish(mem, p);
}

static struct memory *two_nodes(void)
{
	static const uint64_t bytes[2] = { 256ull << 20, 256ull << 20 };
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .nr_nodes = 2, .node_bytes = bytes,
				    .nr_cpus = 2 };
	struct memory *mem = NULL;

	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static void kswapd_takes_the_boost_of_its_node_away(void **state)
{
	struct memory *mem = two_nodes();
	struct pressure *p = pressure_create(mem);
	struct zone *zone = &mem->nodes[1]->node_zones[ZONE_DMA32];

	(void)state;
	zone->watermark_boost = 512;
	mem->nodes[0]->node_zones[ZONE_DMA32].watermark_boost = 1024;
	mem->pressure->wake_kswapd(mem, zone, 0, ZONE_NORMAL);
	assert_int_equal(mem->kswapd_nodes, 2);
	kswapd_run(mem);
	assert_int_equal(mem->kswapd_nodes, 0);
	assert_int_equal(zone->watermark_boost, 0);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_DMA32].watermark_boost, 1024);
	pressure_destroy(p);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quicklists), cmocka_unit_test(test_inodes),
		cmocka_unit_test(test_slabs),	   cmocka_unit_test(test_node),
		cmocka_unit_test(test_per_cpu_lists),
		cmocka_unit_test(kswapd_takes_the_boost_of_its_node_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
