/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Building machines: zones, holes, what boot takes, and descriptions that are refused. */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>

#include "base/bitmap.h"
#include "mm/memmap.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)

static const struct geometry *x86(void)
{
	return geometry_find("x86-64");
}

static const struct zone *zone(const struct memory *mem, unsigned nid, enum zone_type type)
{
	return &mem->nodes[nid]->node_zones[type];
}

static void assert_consistent(const struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

/* As /proc/zoneinfo of a PC shows the first zones. */
static void test_pc_zones(void **state)
{
	struct memory *mem = memory_create_uma(x86(), 2, 8 * GIB);
	uint64_t mem_map = 8 * GIB / 4096 * 64 / 4096, image = 64 * MIB / 4096;

	(void)state;
	assert_int_equal(zone(mem, 0, ZONE_DMA)->zone_start_pfn, 1);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->zone_end_pfn, 4096);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->present_pages, 3998);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->managed_pages, 3840);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->zone_start_pfn, 4096);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->zone_end_pfn, 3 * GIB / 4096);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->managed_pages, 3 * GIB / 4096 - 4096 - image);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->zone_start_pfn, 4 * GIB / 4096);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->present_pages, 5 * GIB / 4096);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->managed_pages, 5 * GIB / 4096 - mem_map);
	assert_int_equal(zone(mem, 0, ZONE_MOVABLE)->managed_pages, 0);
	assert_int_equal(mem->nodes[0]->present_pages, 8 * GIB / 4096 - 98);
	assert_int_equal(mem->totalram_pages, mem->nodes[0]->managed_pages);
	assert_true(pfn_to_page(mem, mem->zero_pfn)->flags & PG_RESERVED);
	assert_consistent(mem);
	memory_destroy(mem);
}

/* 3 GiB in front of the hole, 1 GiB behind it, of which a kernel with PAE alone knows. */
static void test_x86_32_zones(void **state)
{
	const struct geometry *geo = geometry_find("x86-32-pae");
	struct memory *mem = memory_create_uma(geo, 1, 4 * GIB);
	uint64_t mem_map = 4 * GIB / 4096 * 32 / 4096;

	(void)state;
	assert_int_equal(zone(mem, 0, ZONE_DMA)->managed_pages, 3840);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->present_pages, 0);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->zone_start_pfn, 4096);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->zone_end_pfn, 896 * MIB / 4096);
	/* The kernel and the whole mem_map stand in low memory. */
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->boot_pages[BOOT_MEM_MAP], mem_map);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->boot_pages[BOOT_KERNEL], 64 * MIB / 4096);
	assert_int_equal(zone(mem, 0, ZONE_HIGHMEM)->present_pages, (4 * GIB - 896 * MIB) / 4096);
	assert_int_equal(zone(mem, 0, ZONE_HIGHMEM)->managed_pages,
			 zone(mem, 0, ZONE_HIGHMEM)->present_pages);
	/* The hole is within the zone. */
	assert_int_equal(zone(mem, 0, ZONE_HIGHMEM)->spanned_pages, (5 * GIB - 896 * MIB) / 4096);
	/* High memory keeps a few pages only, the kernel needs none of it. */
	assert_int_equal(zone(mem, 0, ZONE_HIGHMEM)->watermark[WMARK_MIN], 128);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->lowmem_reserve[ZONE_HIGHMEM],
			 zone(mem, 0, ZONE_HIGHMEM)->managed_pages / 32);
	assert_int_equal(pfn_to_page(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0))->flags &
				 PAGE_ZONE_MASK, ZONE_HIGHMEM << PAGE_ZONE_SHIFT);
	assert_int_equal(pfn_to_page(mem, alloc_pages(mem, GFP_KERNEL, 0, 0))->flags &
				 PAGE_ZONE_MASK, ZONE_NORMAL << PAGE_ZONE_SHIFT);
	assert_consistent(mem);
	memory_destroy(mem);
}

static void test_arm64_and_riscv_zones(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("arm64-64k"), 1, 8 * GIB);

	(void)state;
	assert_int_equal(zone(mem, 0, ZONE_DMA)->zone_end_pfn, 4 * GIB >> 16);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->present_pages, 0);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->present_pages, 4 * GIB >> 16);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->boot_pages[BOOT_MEM_MAP], 8 * GIB >> 16 << 6 >> 16);
	/* An order-13 block is 512 MiB. */
	assert_true(alloc_pages(mem, GFP_KERNEL, 13, 0) != PFN_NONE);
	assert_consistent(mem);
	memory_destroy(mem);
	mem = memory_create_uma(geometry_find("riscv-sv48"), 1, 8 * GIB);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->present_pages, 0);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->zone_end_pfn, 4 * GIB >> 12);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->present_pages, 4 * GIB >> 12);
	memory_destroy(mem);
}

static struct memory *two_nodes(const char *key, const char *value, struct mmr_error *err)
{
	static const uint64_t bytes[2] = { 4 * GIB, 4 * GIB };
	struct mm_config conf;
	struct memory_desc desc = {
		.geo = x86(), .nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 2, .conf = &conf,
	};
	struct memory *mem = NULL;

	config_defaults(&mm_config_table, &conf);
	assert_int_equal(config_set(config_find(&mm_config_table, key), &conf, value, NULL), 0);
	memory_create(&desc, &mem, err);
	return mem;
}

/*
 * Node 0 lies at 0-3G and 4-5G, node 1 at 5-9G. Kernelcore is spread evenly, but what lies below Normal is the
 * kernel's anyway: node 0 has given 3 GiB (less 98 frames that are not there) before Normal starts.
 */
static void test_zone_movable(void **state)
{
	struct memory *mem = two_nodes("memory.movablecore", "2G", NULL);

	(void)state;
	/* 6 GiB for the kernel, 3 of each node: node 0 has them but for the 98 frames. */
	assert_int_equal(zone(mem, 0, ZONE_MOVABLE)->zone_start_pfn, 4 * GIB / 4096 + 1024);
	assert_int_equal(zone(mem, 0, ZONE_MOVABLE)->present_pages, 1 * GIB / 4096 - 1024);
	assert_int_equal(zone(mem, 1, ZONE_MOVABLE)->zone_start_pfn, 8 * GIB / 4096);
	assert_int_equal(zone(mem, 1, ZONE_MOVABLE)->present_pages, 1 * GIB / 4096);
	assert_int_equal(zone(mem, 1, ZONE_MOVABLE)->spanned_pages, 1 * GIB / 4096);
	assert_int_equal(zone(mem, 1, ZONE_NORMAL)->present_pages, 3 * GIB / 4096);
	assert_consistent(mem);
	memory_destroy(mem);
	/* Less than lies below Normal: node 1 gives half of the rest, node 0 all of its low zones. */
	mem = two_nodes("memory.kernelcore", "1G", NULL);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->present_pages, 0);
	assert_int_equal(zone(mem, 0, ZONE_MOVABLE)->present_pages, 1 * GIB / 4096);
	memory_destroy(mem);
	mem = two_nodes("memory.movable_nodes", "1", NULL);
	assert_int_equal(zone(mem, 0, ZONE_MOVABLE)->present_pages, 0);
	assert_int_equal(zone(mem, 1, ZONE_NORMAL)->present_pages, 0);
	assert_int_equal(zone(mem, 1, ZONE_MOVABLE)->present_pages, 4 * GIB / 4096);
	/* Kernel memory cannot come from it, although node 1 is wanted. */
	assert_int_equal(pfn_to_node(mem, alloc_pages(mem, GFP_KERNEL, 0, 1))->node_id, 0);
	assert_int_equal(pfn_to_node(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 1))->node_id, 1);
	assert_consistent(mem);
	memory_destroy(mem);
}

static void test_movable_nodes_that_cannot_be(void **state)
{
	static const char *const bad[][2] = {
		{ "0", "where the kernel stands" }, { "2", "the machine has 2" } };
	struct mmr_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_null(two_nodes("memory.movable_nodes", bad[i][0], &err));
		assert_non_null(strstr(err.text, bad[i][1]));
	}
}

static void test_lowmem_reserve_ratio(void **state)
{
	struct memory *mem = two_nodes("vm.lowmem_reserve_ratio", "100,0,32,0,0", NULL);

	(void)state;
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_DMA32],
			 zone(mem, 0, ZONE_DMA32)->managed_pages / 100);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_MOVABLE],
			 (zone(mem, 0, ZONE_DMA32)->managed_pages +
			  zone(mem, 0, ZONE_NORMAL)->managed_pages) / 100);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL], 0);
	memory_destroy(mem);
}

static void test_nodes_at_their_places(void **state)
{
	uint64_t bytes[3] = { 1 * GIB, 2 * GIB, 1 * GIB };
	uint64_t start[3] = { 16 * GIB, 0, NODE_START_BEHIND };
	struct memory_desc desc = { .geo = x86(), .nr_nodes = 3, .node_bytes = bytes, .nr_cpus = 1,
				    .node_start = start };
	struct memory *mem;
	struct mmr_error err;

	(void)state;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->zone_start_pfn, 16 * GIB / 4096);
	/* The kernel is where memory starts, not on node 0. */
	assert_int_equal(pfn_to_node(mem, mem->zero_pfn)->node_id, 1);
	assert_int_equal(zone(mem, 2, ZONE_DMA32)->zone_start_pfn, 2 * GIB / 4096);
	assert_consistent(mem);
	memory_destroy(mem);

	start[2] = 16 * GIB + 512 * MIB;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_string_equal(err.text, "node 2 overlaps node 0 at 0x420000000");
	start[2] = 1 * MIB;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "multiple of 128 MiB"));
	start[2] = 3 * GIB;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "has no memory"));
	start[2] = 1ull << 50;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "46 bits"));
}

/* What does not fit behind the addresses of the architecture. */
static void test_too_much_for_32_bits(void **state)
{
	uint64_t bytes = 3 * GIB + 128 * MIB;
	struct memory_desc desc = {
		.geo = geometry_find("x86-32"), .nr_nodes = 1, .node_bytes = &bytes, .nr_cpus = 1 };
	struct memory *mem;
	struct mmr_error err;

	(void)state;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "32 bits"));
	bytes = 3 * GIB;
	assert_int_equal(memory_create(&desc, &mem, &err), 0);
	memory_destroy(mem);
	/* 63 GiB want a mem_map of 504 MiB: it fits just so. */
	desc.geo = geometry_find("x86-32-pae");
	bytes = 63 * GIB;
	assert_int_equal(memory_create(&desc, &mem, &err), 0);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->boot_pages[BOOT_MEM_MAP], 504 * MIB / 4096);
	memory_destroy(mem);
	bytes = 64 * GIB;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_non_null(strstr(err.text, "36 bits"));
}

static void test_boot_settings(void **state)
{
	uint64_t bytes = 1 * GIB;
	struct mm_config conf;
	struct memory_desc desc = {
		.geo = x86(), .nr_nodes = 1, .node_bytes = &bytes, .nr_cpus = 1, .conf = &conf,
	};
	struct memory *mem;

	(void)state;
	config_defaults(&mm_config_table, &conf);
	conf.boot_reserved_bytes = 100 * MIB;
	conf.mem_map = 0;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	assert_int_equal(mem->totalram_pages, (1 * GIB - 101 * MIB) / 4096);
	assert_consistent(mem);
	memory_destroy(mem);
}

static void test_nodes_lie_behind_one_another(void **state)
{
	uint64_t bytes[4] = { 2 * GIB, 0, 2 * GIB + 4096, 1 * GIB };
	struct memory_desc desc = {.geo = x86(), .nr_nodes = 4, .node_bytes = bytes, .nr_cpus = 8};
	struct memory *mem;

	(void)state;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	assert_false(mem->nodes[1]->has_memory);
	assert_true(mem->nodes[1]->has_cpu);
	/* Node 2 stands on both sides of the hole. */
	assert_int_equal(zone(mem, 2, ZONE_DMA32)->present_pages, 1 * GIB / 4096);
	assert_int_equal(zone(mem, 2, ZONE_NORMAL)->present_pages, 1 * GIB / 4096 + 1);
	assert_int_equal(zone(mem, 2, ZONE_NORMAL)->zone_start_pfn, 4 * GIB / 4096);
	assert_true(zone(mem, 3, ZONE_NORMAL)->zone_start_pfn >=
		    zone(mem, 2, ZONE_NORMAL)->zone_end_pfn);
	assert_int_equal(pfn_to_node(mem, zone(mem, 3, ZONE_NORMAL)->zone_start_pfn)->node_id, 3);
	assert_int_equal(mem->cpu_node[1], 0);
	assert_int_equal(mem->cpu_node[7], 3);
	assert_int_equal(mem->distance[0 * 4 + 0], 10);
	assert_int_equal(mem->distance[0 * 4 + 3], 20);
	assert_consistent(mem);
	memory_destroy(mem);
}

/* 128 GiB a node; nothing of it is touched but its edges. */
static void test_a_tebibyte_costs_little(void **state)
{
	uint64_t bytes[8], touched = 0;
	struct memory_desc desc = {.geo = x86(), .nr_nodes = 8, .node_bytes = bytes, .nr_cpus = 64};
	struct memory *mem;

	(void)state;
	for (unsigned n = 0; n < 8; n++)
		bytes[n] = 128 * GIB;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	for (size_t i = 0; i < mem->nr_sections; i++)
		touched += mem->sections[i].pages != NULL;
	assert_true(mem->nr_sections > 8000 && touched < 40);
	memory_destroy(mem);
}

static void test_two_machines_do_not_meet(void **state)
{
	struct memory *a = memory_create_uma(x86(), 1, 64 * MIB),
		      *b = memory_create_uma(x86(), 1, 64 * MIB);
	pfn_t pa = alloc_pages(a, GFP_KERNEL, 0, NUMA_NO_NODE);

	(void)state;
	assert_int_equal(alloc_pages(b, GFP_KERNEL, 0, NUMA_NO_NODE), pa);
	free_pages_pfn(a, pa, 0);
	assert_int_equal(pfn_to_page(b, pa)->_refcount, 1);
	memory_destroy(a);
	assert_consistent(b);
	memory_destroy(b);
}

static void assert_refused(struct memory_desc desc, const char *word)
{
	struct memory *mem = NULL;
	struct mmr_error err = {0};
	uint64_t bytes = 64 * MIB;

	desc.geo = x86();
	if (!desc.node_bytes)
		desc.node_bytes = &bytes;
	assert_int_equal(memory_create(&desc, &mem, &err), -EINVAL);
	assert_null(mem);
	if (!strstr(err.text, word))
		fail_msg("'%s' does not say '%s'", err.text, word);
}

static void test_bad_descriptions(void **state)
{
	const uint64_t odd = 64 * MIB + 1, small = 1 * MIB, none = 0, huge = UINT64_MAX & ~4095ull,
		       tight = 2 * MIB;
	const uint16_t nodes[2] = { 0, 1 };
	const uint32_t near = 9;

	(void)state;
	assert_refused((struct memory_desc){ .nr_nodes = 0, .nr_cpus = 1 }, "0 nodes");
	assert_refused((struct memory_desc){ .nr_nodes = 65, .nr_cpus = 1 }, "65 nodes");
	assert_refused((struct memory_desc){ .nr_nodes = 1, .nr_cpus = 0 }, "0 CPUs");
	assert_refused((struct memory_desc){ .nr_nodes = 1, .nr_cpus = 1025 }, "1025 CPUs");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .node_bytes = &odd},
		       "whole number");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .node_bytes = &small},
		       "less than");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .node_bytes = &none},
		       "no node");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .node_bytes = &huge},
		       "too much");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 2, .cpu_node = nodes},
		       "CPU 1");
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .distance = &near},
		       "distance");
	/* What boot takes does not fit. */
	struct mm_config conf;

	config_defaults(&mm_config_table, &conf);
	conf.boot_reserved_bytes = 1 * GIB;
	assert_refused((struct memory_desc){.nr_nodes = 1, .nr_cpus = 1, .conf = &conf},
		       "too small");
	conf.boot_reserved_bytes = 1 * MIB;
	assert_refused(
		(struct memory_desc){
			.nr_nodes = 1, .nr_cpus = 1, .conf = &conf, .node_bytes = &tight},
		"too small");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pc_zones),
		cmocka_unit_test(test_x86_32_zones),
		cmocka_unit_test(test_arm64_and_riscv_zones),
		cmocka_unit_test(test_zone_movable),
		cmocka_unit_test(test_movable_nodes_that_cannot_be),
		cmocka_unit_test(test_lowmem_reserve_ratio),
		cmocka_unit_test(test_nodes_at_their_places),
		cmocka_unit_test(test_too_much_for_32_bits),
		cmocka_unit_test(test_boot_settings),
		cmocka_unit_test(test_nodes_lie_behind_one_another),
		cmocka_unit_test(test_a_tebibyte_costs_little),
		cmocka_unit_test(test_two_machines_do_not_meet),
		cmocka_unit_test(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
