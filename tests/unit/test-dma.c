/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Devices: reach, bounces, dirty pages, coherent memory by zone and order. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/dma.h"
#include "mm/kentry.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct memory *machine(uint64_t bytes)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, bytes);

	dma_create(mem);
	return mem;
}

static void finish(struct memory *mem)
{
	assert_true(dma_consistent(mem, NULL));
	dma_destroy(mem);
	assert_true(memory_consistent(mem, NULL));
	memory_destroy(mem);
}

/* A page above 4 GiB: in reach of 64 bits, not of 32. */
static void test_reach(void **state)
{
	struct memory *mem = machine(8 * GIB);
	struct dma_device *wide = dma_add_device(mem, 2, "nvme", 64, 0), *narrow;
	pfn_t pfn = alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE);
	uint64_t phys = (uint64_t)pfn << 12;

	(void)state;
	assert_true(phys >= 4 * GIB);
	assert_null(mem->dma->swiotlb);
	pfn_to_page(mem, pfn)->flags |= PG_ANON;
	assert_true(dma_transfer(mem, wide, phys, 4096, false));
	assert_false(pfn_to_page(mem, pfn)->flags & PG_DIRTY);
	assert_true(dma_transfer(mem, wide, phys + 100, 50, true));
	assert_true(pfn_to_page(mem, pfn)->flags & PG_DIRTY);
	assert_int_equal(wide->bytes, 4146);
	assert_int_equal(wide->bytes_to_memory, 50);
	assert_int_equal(wide->dirtied_pages, 1);
	assert_int_equal(wide->bounced_bytes, 0);
	narrow = dma_add_device(mem, 1, "old", 32, 0);
	assert_non_null(mem->dma->swiotlb);
	assert_ptr_equal(mem->dma->devices.data[0], narrow);	/* by number */
	assert_true(dma_transfer(mem, narrow, phys, 4096, true));
	assert_int_equal(narrow->bounced_bytes, 4096);
	assert_int_equal(narrow->mappings, 1);
	dma_complete(mem, narrow);
	assert_int_equal(narrow->transfers, 1);
	assert_int_equal(mem->kernel_entries[KERNEL_IO], 1);
	pfn_to_page(mem, pfn)->flags &= ~(PG_DIRTY | PG_ANON);
	put_page(mem, pfn);
	finish(mem);
}

/* 1 MiB out of reach goes in four pieces; with a pool of 128K and no other it stops at once. */
static void test_pieces(void **state)
{
	struct memory *mem = machine(8 * GIB);
	struct dma_device *dev;

	(void)state;
	mem->conf.dma_swiotlb_bytes = 1 * MIB;
	mem->conf.dma_mask_bits = 32;
	dev = dma_device(mem, 7);
	assert_ptr_equal(dma_device(mem, 7), dev);
	assert_true(dma_transfer(mem, dev, 6 * GIB, MIB, true));
	assert_int_equal(dev->bounced_mappings, 4);
	assert_int_equal(dev->dirtied_pages, 0);	/* nobody uses these frames */
	finish(mem);
	mem = machine(8 * GIB);
	mem->conf.dma_swiotlb_bytes = 128 << 10;
	mem->conf.dma_swiotlb_dynamic = 0;
	dev = dma_add_device(mem, 1, NULL, 32, 0);
	assert_false(dma_transfer(mem, dev, 6 * GIB, MIB, true));
	assert_int_equal(dev->mapping_failures, 1);
	assert_int_equal(dev->bytes, 0);
	finish(mem);
}

static void test_memory(void **state)
{
	struct memory *mem = machine(4 * GIB);

	(void)state;
	assert_true(dma_is_memory(mem, 0, 3 * GIB));
	assert_false(dma_is_memory(mem, 3 * GIB - 1, 2));	/* the hole of a PC */
	assert_true(dma_is_memory(mem, 4 * GIB, GIB));
	assert_false(dma_is_memory(mem, 5 * GIB, 1));
	assert_false(dma_is_memory(mem, UINT64_MAX, 2));
	assert_false(dma_is_memory(mem, 0, 0));
	finish(mem);
}

/* By mask: any zone, DMA32, DMA; by size: the order; too much: counted. */
static void test_coherent(void **state)
{
	struct memory *mem = machine(8 * GIB);
	struct { unsigned mask_bits; uint64_t limit; } rows[] = {
		{ 64, UINT64_MAX }, { 32, 4 * GIB }, { 26, 64 * MIB }, { 24, 16 * MIB },
	};
	struct dma_buffer buf;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct dma_device *dev = dma_add_device(mem, i, NULL, rows[i].mask_bits, 0);

		assert_true(dma_alloc_coherent(mem, dev, 5 * 4096, &buf));
		assert_int_equal(buf.order, 3);
		assert_true(((uint64_t)buf.pfn + 8) << 12 <= rows[i].limit);
		assert_int_equal(dev->coherent[3], 1);
		dma_free_coherent(mem, &buf);
		assert_false(dma_alloc_coherent(mem, dev, 4 * MIB + 1, &buf));
		assert_int_equal(dev->coherent_failed[11], 1);
		assert_false(dma_alloc_coherent(mem, dev, UINT64_MAX, &buf));
	}
	finish(mem);
}

/* With an area of CMA even what no order holds is had; a single page is not taken from there. */
static void test_cma(void **state)
{
	uint64_t bytes = 2 * GIB;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .nr_nodes = 1, .node_bytes = &bytes, .nr_cpus = 1 };
	struct mm_config conf;
	struct memory *mem = NULL;
	struct dma_device *dev;
	struct dma_buffer buf, one;

	(void)state;
	config_defaults(&mm_config_table, &conf);
	conf.cma_bytes = 64 * MIB;
	desc.conf = &conf;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	dma_create(mem);
	dev = dma_add_device(mem, 1, NULL, 64, 0);
	assert_true(dma_alloc_coherent(mem, dev, 16 * MIB, &buf));
	assert_true(buf.from_cma);
	assert_int_equal(buf.nr, 4096);
	assert_true(dma_alloc_coherent(mem, dev, 4096, &one));
	assert_false(one.from_cma);
	assert_int_equal(dev->cma_allocs, 1);
	dma_free_coherent(mem, &one);
	dma_free_coherent(mem, &buf);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),	 cmocka_unit_test(test_pieces), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_coherent), cmocka_unit_test(test_cma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
