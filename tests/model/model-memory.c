/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random machines of every architecture: nodes of any size, with and without memory, in a row or at
 * places of their own, around the hole below 4 GiB, with ZONE_MOVABLE and without. Each has every
 * frame it was given in exactly one zone, within the zone's boundaries and outside the hole, and all
 * its lists in order; or is refused with a reason.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/memmap.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

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

/* Boundaries in bytes, written down once more: [start, end) of each zone by architecture. */
struct bounds {
	const char *prefix;
	uint64_t end[ZONE_MOVABLE];
	bool is_pc;
};

static const struct bounds all_bounds[] = {
	{ "x86-64", { 16ull << 20, 4ull << 30, UINT64_MAX, 0 }, true },
	{ "x86-32", { 16ull << 20, 0, 896ull << 20, UINT64_MAX }, true },
	{ "arm64", { 4ull << 30, 0, UINT64_MAX, 0 }, false },
	{ "riscv", { 0, 4ull << 30, UINT64_MAX, 0 }, false },
};

static const struct bounds *bounds_of(const char *name)
{
	for (size_t i = 0; i < sizeof(all_bounds) / sizeof(all_bounds[0]); i++)
		if (!strncmp(all_bounds[i].prefix, name, strlen(all_bounds[i].prefix)))
			return &all_bounds[i];
	fail_msg("no boundaries for %s", name);
	return NULL;
}

/* Where a kernel zone may lie. */
static void check_bounds(const struct memory *mem, const struct zone *zone, const struct bounds *b)
{
	uint64_t start = (uint64_t)zone->zone_start_pfn << mem->geo->page_shift;
	uint64_t end = (uint64_t)zone->zone_end_pfn << mem->geo->page_shift, low = 0;

	if (b->is_pc)
		assert_true(end <= 3ull << 30 || start >= 4ull << 30 ||
			    zone->spanned_pages > zone->present_pages);
	if (zone->type == ZONE_MOVABLE)
		return;
	for (unsigned t = 0; t < zone->type; t++)
		low = b->end[t] > low ? b->end[t] : low;
	assert_true(b->end[zone->type] && start >= low && end <= b->end[zone->type]);
}

static void check_zone(const struct memory *mem, const struct zone *zone, const struct bounds *b)
{
	uint64_t boot = 0;

	for (unsigned i = 0; i < NR_BOOT_MEMORY; i++)
		boot += zone->boot_pages[i];
	assert_int_equal(zone->managed_pages + boot, zone->present_pages);
	assert_true(zone->present_pages <= zone->zone_end_pfn - zone->zone_start_pfn);
	assert_true(zone->present_pages <= zone->spanned_pages);
	check_bounds(mem, zone, b);
}

static void check_zones(const struct memory *mem, const uint64_t *bytes)
{
	const struct bounds *b = bounds_of(mem->geo->name);

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		const struct pglist_data *pgdat = mem->nodes[n];
		uint64_t present = 0, absent = 0, last_end = 0, managed = 0;

		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &pgdat->node_zones[t];

			if (!zone->present_pages)
				continue;
			/* Zones of a node rise; only the first starts at frame 1. */
			assert_true(zone->zone_start_pfn >= last_end);
			last_end = zone->zone_end_pfn;
			absent += b->is_pc && zone->zone_start_pfn == 1 ? 98 : 0;
			present += zone->present_pages;
			managed += zone->managed_pages;
			check_zone(mem, zone, b);
		}
		assert_int_equal(present + absent, bytes[n] >> mem->geo->page_shift);
		assert_int_equal(pgdat->managed_pages, managed);
	}
}

/* kernelcore or movablecore: ZONE_MOVABLE has what was asked for, up to a block a node. */
static void check_movable(const struct memory *mem, const struct mm_config *conf, uint64_t total)
{
	uint64_t movable = 0, slack = (uint64_t)mem->nr_nodes << mem->geo->max_order;
	uint64_t want = conf->movablecore_bytes >> mem->geo->page_shift;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		const struct zone *zone = &mem->nodes[n]->node_zones[ZONE_MOVABLE];

		movable += zone->present_pages;
		if (conf->movable_nodes >> n & 1)
			assert_int_equal(zone->present_pages, mem->nodes[n]->present_pages);
		assert_int_equal(zone->present_pages ? zone->zone_start_pfn & ((1u << mem->geo->max_order) - 1) : 0, 0);
	}
	if (conf->movable_nodes)
		return;
	if (!conf->kernelcore_bytes && !conf->movablecore_bytes)
		assert_int_equal(movable, 0);
	/* Not more than asked for; less where low zones take a larger share of the kernel's part. */
	else if (want && !conf->kernelcore_bytes)
		assert_true(movable <= want + slack);
	else if (conf->kernelcore_bytes)
		assert_true(movable + (conf->kernelcore_bytes >> mem->geo->page_shift) <= total + slack);
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

/* A random machine's description; the arrays are the caller's. */
struct plan {
	uint64_t bytes[8], start[8], total;
	struct mm_config conf;
	struct memory_desc desc;
};

static void random_conf(struct plan *p, struct rng *rng)
{
	struct mm_config *conf = &p->conf;

	config_defaults(&mm_config_table, conf);
	conf->mem_map = rng_below(rng, 2);
	conf->boot_reserved_bytes = rng_below(rng, 2) ? rng_below(rng, 100000) << 10 : 0;
	switch (rng_below(rng, 6)) {
	case 0:
		conf->kernelcore_bytes = rng_below(rng, 1 + (p->total >> 12)) << 12;
		break;
	case 1:
		conf->movablecore_bytes = rng_below(rng, 1 + (p->total >> 12)) << 12;
		break;
	case 2:
		conf->movable_nodes = 1ull << rng_below(rng, p->desc.nr_nodes);
		break;
	}
}

static void random_plan(struct plan *p, struct rng *rng)
{
	size_t nr_geo = 0;
	const struct geometry *geo;
	uint64_t section;

	while (geometry_name(nr_geo))
		nr_geo++;
	geo = geometry_find(geometry_name(rng_below(rng, nr_geo)));
	section = (uint64_t)SECTION_PAGES << geo->page_shift;
	*p = (struct plan){
		.desc = { .geo = geo, .node_bytes = p->bytes, .conf = &p->conf,
			  .nr_nodes = 1 + (unsigned)rng_below(rng, 8),
			  .nr_cpus = 1 + (unsigned)rng_below(rng, 16) },
	};
	for (unsigned n = 0; n < p->desc.nr_nodes; n++) {
		p->bytes[n] = align_down(random_bytes(rng), 1ull << geo->page_shift);
		if (geo->pa_bits == 32)
			p->bytes[n] = align_down(p->bytes[n] / 16, 1ull << geo->page_shift);
		p->start[n] = rng_below(rng, 2) ? NODE_START_BEHIND : rng_below(rng, 200) * section;
		p->total += p->bytes[n];
	}
	if (!rng_below(rng, 3))
		p->desc.node_start = p->start;
	random_conf(p, rng);
}

static void test_random_machines(void **state)
{
	uint64_t nr = test_ops(400), nr_made = 0, nr_refused = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t i = 0; i < nr; i++) {
		struct plan p;
		struct mmr_error err = {0};
		struct strbuf why = {0};
		struct memory *mem;

		random_plan(&p, &rng);
		if (memory_create(&p.desc, &mem, &err)) {
			assert_true(err.text[0]);
			nr_refused++;
			continue;
		}
		nr_made++;
		check_zones(mem, p.bytes);
		check_movable(mem, &p.conf, p.total >> p.desc.geo->page_shift);
		check_allocations(mem, &rng);
		if (!memory_consistent(mem, &why))
			fail_msg("machine %u, %s: %s", (unsigned)i, p.desc.geo->name, why.s);
		memory_destroy(mem);
	}
	print_message("%u machines made, %u refused\n", (unsigned)nr_made, (unsigned)nr_refused);
	assert_true(nr_made > nr / 3 && nr_refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_machines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
