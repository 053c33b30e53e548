/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Bounce buffers: slots, segments, alignment, pools of one mapping, and a random run against a list. */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/swiotlb.h"

#define MIB (1ull << 20)
#define KIB (1ull << 10)

static struct swiotlb_stats stats(const struct swiotlb *sw)
{
	struct swiotlb_stats s;

	swiotlb_stats(sw, &s);
	return s;
}

static void test_slots(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 1024 * MIB);
	struct swiotlb *sw = swiotlb_create(mem, 4 * MIB);
	uint64_t a, b, c, d;

	(void)state;
	assert_int_equal(stats(sw).pool_bytes, 4 * MIB);
	assert_int_equal(stats(sw).slots, 2048);
	a = swiotlb_map(sw, 1, UINT64_MAX);
	b = swiotlb_map(sw, 2 * KIB + 1, UINT64_MAX);
	assert_int_equal(b - a, 2 * KIB);
	/* a page and more starts at a page */
	c = swiotlb_map(sw, 4 * KIB, UINT64_MAX);
	assert_int_equal(c & 4095, 0);
	assert_int_equal(c - a, 8 * KIB);
	/* never across a segment of 256 KiB */
	d = swiotlb_map(sw, 256 * KIB, UINT64_MAX);
	assert_int_equal(d & (256 * KIB - 1), 0);
	assert_int_equal(stats(sw).used_slots, 1 + 2 + 2 + 128);
	swiotlb_unmap(sw, b, 2 * KIB + 1);
	swiotlb_unmap(sw, a, 1);
	swiotlb_unmap(sw, c, 4 * KIB);
	swiotlb_unmap(sw, d, 256 * KIB);
	assert_int_equal(stats(sw).used_slots, 0);
	assert_int_equal(stats(sw).peak_slots, 133);
	assert_true(swiotlb_consistent(sw, NULL));
	swiotlb_destroy(sw);
	assert_true(memory_consistent(mem, NULL));
	memory_destroy(mem);
}

/* 64M in blocks of 4M; a pool that is out of reach is no use; then one page from zone DMA for as long as it takes. */
static void test_out_of_reach(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 4096 * MIB);
	struct swiotlb *sw = swiotlb_create(mem, 64 * MIB);
	uint64_t a;

	(void)state;
	assert_int_equal(stats(sw).pool_bytes, 64 * MIB);
	a = swiotlb_map(sw, 4096, (1ull << 24) - 1);
	assert_true(a != SWIOTLB_NONE && a + 4096 <= 1ull << 24);
	assert_int_equal(stats(sw).transient_pools, 1);
	assert_int_equal(mem->vm_event[PGALLOC_DMA], 1);
	swiotlb_unmap(sw, a, 4096);
	mem->conf.dma_swiotlb_dynamic = 0;
	assert_true(swiotlb_map(sw, 4096, (1ull << 24) - 1) == SWIOTLB_NONE);
	assert_int_equal(stats(sw).failures, 1);
	swiotlb_destroy(sw);
	memory_destroy(mem);
}

static void test_full(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 1024 * MIB);
	struct swiotlb *sw = swiotlb_create(mem, 1 * MIB);

	(void)state;
	mem->conf.dma_swiotlb_dynamic = 0;
	for (unsigned i = 0; i < 4; i++)
		assert_true(swiotlb_map(sw, 256 * KIB, UINT64_MAX) != SWIOTLB_NONE);
	assert_true(swiotlb_map(sw, 1, UINT64_MAX) == SWIOTLB_NONE);
	swiotlb_destroy(sw);
	memory_destroy(mem);
}

struct mapping {
	uint64_t phys, size;
};

static void test_random(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 1024 * MIB);
	struct swiotlb *sw = swiotlb_create(mem, 6 * MIB);
	static struct mapping all[512];
	unsigned nr = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t i = 0; i < test_ops(200000); i++) {
		if (nr < 512 && rng_below(&rng, 2)) {
			uint64_t size = 1 + rng_below(&rng, rng_below(&rng, 4) ? 8 * KIB : 256 * KIB);
			uint64_t phys = swiotlb_map(sw, size, UINT64_MAX);

			if (phys == SWIOTLB_NONE)
				continue;
			for (unsigned k = 0; k < nr; k++)
				assert_true(phys + size <= all[k].phys || all[k].phys + all[k].size <= phys);
			assert_true(size < 4096 || !(phys & 4095));
			all[nr++] = (struct mapping){ phys, size };
		} else if (nr) {
			unsigned k = (unsigned)rng_below(&rng, nr);

			swiotlb_unmap(sw, all[k].phys, all[k].size);
			all[k] = all[--nr];
		}
		if (i % 10000 == 0)
			assert_true(swiotlb_consistent(sw, NULL));
	}
	swiotlb_destroy(sw);
	assert_true(memory_consistent(mem, NULL));
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_out_of_reach),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
