/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random machines: nodes of any size, with and without memory, around the hole below 4 GiB. Each
 * has every frame it was given in exactly one zone, nothing in the hole, and all its lists in
 * order; or is refused with a reason.
 */
#include "support/test.h"

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/memmap.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define HOLE_START ((3ull << 30) / 4096)
#define HOLE_END ((4ull << 30) / 4096)

static uint64_t random_bytes(struct rng *rng)
{
	switch (rng_below(rng, 5)) {
	case 0:
		return 0;
	case 1:
		return (512 + rng_below(rng, 5000)) << 12;
	case 2:
		return (1 + rng_below(rng, 64)) << 27;
	case 3:
		return rng_below(rng, 1ull << 22) << 12;
	default:
		return (1 + rng_below(rng, 16)) << 30;
	}
}

static void check_zones(const struct memory *mem, const uint64_t *bytes)
{
	uint64_t last_end[MAX_NR_ZONES] = {0}, total = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		uint64_t present = 0, absent = 0;

		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &mem->nodes[n]->node_zones[t];

			if (!zone->present_pages)
				continue;
			absent += zone->type == ZONE_DMA ? 98 : 0;
			present += zone->present_pages;
			assert_true(zone->managed_pages <= zone->present_pages);
			assert_true(zone->present_pages <=
				    zone->zone_end_pfn - zone->zone_start_pfn);
			assert_true(zone->zone_start_pfn >= last_end[t]);
			assert_true(zone->zone_end_pfn <= HOLE_START ||
				    zone->zone_start_pfn >= HOLE_END);
			last_end[t] = zone->zone_end_pfn;
		}
		assert_int_equal(present + absent, bytes[n] / 4096);
		total += mem->nodes[n]->managed_pages;
	}
	assert_int_equal(total, mem->totalram_pages);
}

/* All memory can be handed out, and each frame belongs to the node it is said to. */
static void check_allocations(struct memory *mem, struct rng *rng)
{
	for (unsigned i = 0; i < 200; i++) {
		unsigned order = (unsigned)rng_below(rng, mem->geo->max_order + 1u);
		unsigned nid = (unsigned)rng_below(rng, mem->nr_nodes);
		pfn_t pfn = alloc_pages(mem, GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, order,
					(int)nid);
		const struct zone *zone;

		if (pfn == PFN_NONE)
			continue;
		zone = page_zone(mem, pfn);
		assert_int_equal(zone->zone_pgdat->node_id, nid);
		assert_in_range(pfn, zone->zone_start_pfn, zone->zone_end_pfn - (1u << order));
	}
}

static void test_random_machines(void **state)
{
	uint64_t nr = test_ops(300), nr_made = 0, nr_refused = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t bytes[8];
		struct mm_config conf;
		struct memory_desc desc = {
			.geo = geometry_find("x86-64"), .node_bytes = bytes, .conf = &conf,
			.nr_nodes = 1 + (unsigned)rng_below(&rng, 8),
			.nr_cpus = 1 + (unsigned)rng_below(&rng, 16),
		};
		struct mmr_error err = {0};
		struct strbuf why = {0};
		struct memory *mem;

		config_defaults(&mm_config_table, &conf);
		conf.mem_map = rng_below(&rng, 2);
		conf.boot_reserved_bytes = rng_below(&rng, 2) ? rng_below(&rng, 100000) << 10 : 0;
		for (unsigned n = 0; n < desc.nr_nodes; n++)
			bytes[n] = random_bytes(&rng);
		if (memory_create(&desc, &mem, &err)) {
			assert_true(err.text[0]);
			nr_refused++;
			continue;
		}
		nr_made++;
		check_zones(mem, bytes);
		check_allocations(mem, &rng);
		if (!memory_consistent(mem, &why))
			fail_msg("machine %u: %s", (unsigned)i, why.s);
		memory_destroy(mem);
	}
	assert_true(nr_made > nr / 2 && nr_refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_machines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
