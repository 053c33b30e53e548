/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the simulated system gives allocation to fall back upon: kswapd and the boost of watermarks. */
#include "support/test.h"

#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "sim/pressure.h"

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
	mem->pressure->wake_kswapd(mem, zone, 0);
	assert_int_equal(zone->watermark_boost, 0);
	assert_int_equal(mem->nodes[0]->node_zones[ZONE_DMA32].watermark_boost, 1024);
	pressure_destroy(p);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kswapd_takes_the_boost_of_its_node_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
