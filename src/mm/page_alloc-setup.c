/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the allocator computes from the sizes of the zones. Kernel counterpart: mm/page_alloc.c
 * (build_zonelists, setup_per_zone_wmarks, setup_per_zone_lowmem_reserve, zone_batchsize,
 * zone_highsize), mm/khugepaged.c (set_recommended_min_free_kbytes).
 *
 * Simplified: all CPUs are online.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "mm/page_alloc-internal.h"

#define PERCPU_PAGELIST_HIGH_FRACTION_MIN 8
#define MAX_NODE_LOAD_SCALE 64	/* MAX_NUMNODES: distances weigh more than the load */

static inline struct zone *zone_of(const struct memory *mem, unsigned nid, unsigned type)
{
	return &mem->nodes[nid]->node_zones[type];
}

/* --- zonelists -------------------------------------------------------------------------------- */

/*
 * The nearest node with memory that is not in `used`; ties go to nodes after this one, and to less
 * loaded ones.
 */
static int find_next_best_node(const struct memory *mem, unsigned nid, uint64_t *used,
			       const unsigned *load)
{
	uint64_t min = UINT64_MAX;
	int best = -1;

	if (!(*used >> nid & 1) && mem->nodes[nid]->has_memory) {
		*used |= 1ull << nid;
		return (int)nid;
	}
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		uint64_t val;

		if (*used >> n & 1 || !mem->nodes[n]->has_memory)
			continue;
		val = mem->distance[nid * mem->nr_nodes + n] + (n < nid) + mem->nodes[n]->has_cpu;
		val = val * MAX_NODE_LOAD_SCALE + load[n];
		if (val < min) {
			min = val;
			best = (int)n;
		}
	}
	if (best >= 0)
		*used |= 1ull << best;
	return best;
}

static struct zoneref *add_zones(struct zoneref *ref, struct pglist_data *pgdat)
{
	for (unsigned type = MAX_NR_ZONES; type-- > 0;)
		if (pgdat->node_zones[type].managed_pages)
			(ref++)->zone = &pgdat->node_zones[type];
	return ref;
}

static void build_zonelists(struct memory *mem, unsigned nid, unsigned *load)
{
	struct pglist_data *pgdat = mem->nodes[nid];
	const uint32_t *distance = &mem->distance[nid * mem->nr_nodes];
	struct zoneref *ref;
	unsigned prev = nid;
	uint64_t used = 0;
	int n;

	ref = pgdat->zonelist = xcalloc((size_t)mem->nr_nodes * MAX_NR_ZONES + 1, sizeof(*ref));
	while ((n = find_next_best_node(mem, nid, &used, load)) >= 0) {
		/* The first of equally distant nodes is spared next time. */
		if (distance[n] != distance[prev])
			load[n]++;
		prev = (unsigned)n;
		ref = add_zones(ref, mem->nodes[n]);
	}
	pgdat->zonelist_thisnode = xcalloc(MAX_NR_ZONES + 1, sizeof(*ref));
	add_zones(pgdat->zonelist_thisnode, pgdat);
}

/* --- watermarks ------------------------------------------------------------------------------- */

static uint64_t int_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= x)
			root += bit;
	return root;
}

static bool is_lowmem(const struct zone *zone)
{
	return zone->type != ZONE_HIGHMEM && zone->type != ZONE_MOVABLE;
}

/*
 * Pages of zones that kernel memory may come from; `less_high`: without those below their high
 * marks.
 */
static uint64_t lowmem_pages(const struct memory *mem, bool less_high)
{
	uint64_t nr = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = zone_of(mem, nid, t);
			uint64_t high = less_high ? zone->watermark[WMARK_HIGH] : 0;

			if (is_lowmem(zone) && zone->managed_pages > high)
				nr += zone->managed_pages - high;
		}
	return nr;
}

static uint64_t clamp_u64(uint64_t x, uint64_t low, uint64_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* What the kernel starts with. */
static uint64_t initial_min_free_kbytes(const struct memory *mem)
{
	uint64_t kib = lowmem_pages(mem, false) << (mem->geo->page_shift - 10);

	return clamp_u64(int_sqrt(kib * 16), 128, 262144);
}

/*
 * What khugepaged makes of it when it starts: two free pageblocks a zone, and one for each pair of
 * migrate types, at most a twentieth of the memory.
 */
static uint64_t recommended_min_free_kbytes(const struct memory *mem)
{
	uint64_t block = 1ull << mem->geo->pageblock_order, nr_zones = 0, nr, most;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned t = 0; t <= ZONE_NORMAL; t++)
			nr_zones += zone_of(mem, nid, t)->present_pages > 0;
	nr = block * nr_zones * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	most = lowmem_pages(mem, true) / 20;
	return (nr < most ? nr : most) << (mem->geo->page_shift - 10);
}

static void setup_zone_wmarks(struct zone *zone, uint64_t pages_min, uint64_t lowmem)
{
	uint64_t managed = zone->managed_pages, factor = zone->mem->conf.watermark_scale_factor;
	uint64_t share = lowmem ? managed * pages_min / lowmem : 0, min = share;
	uint64_t gap = managed / 10000 * factor + managed % 10000 * factor / 10000;

	if (gap < share >> 2)
		gap = share >> 2;
	if (!is_lowmem(zone))	/* high memory is of no use to the kernel: a few pages will do */
		min = clamp_u64(managed / 1024, 32, 128);
	zone->watermark_boost = 0;
	zone->watermark[WMARK_MIN] = min;
	zone->watermark[WMARK_LOW] = min + gap;
	zone->watermark[WMARK_HIGH] = min + 2 * gap;
	zone->watermark[WMARK_PROMO] = min + 3 * gap;
}

/* What requests that could be served higher up must leave in a lower zone. */
static void setup_lowmem_reserve(struct pglist_data *pgdat)
{
	const uint64_t *ratio = pgdat->mem->conf.lowmem_reserve_ratio;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &pgdat->node_zones[i];
		uint64_t upper = 0;

		for (unsigned j = i + 1; j < MAX_NR_ZONES; j++) {
			upper += pgdat->node_zones[j].managed_pages;
			zone->lowmem_reserve[j] = ratio[i] && zone->managed_pages ? upper / ratio[i]
										  : 0;
		}
	}
}

static void calculate_totalreserve(struct memory *mem)
{
	mem->totalreserve_pages = 0;
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		struct pglist_data *pgdat = mem->nodes[nid];

		pgdat->totalreserve_pages = 0;
		for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
			const struct zone *zone = &pgdat->node_zones[i];
			uint64_t max = 0;

			for (unsigned j = i; j < MAX_NR_ZONES; j++)
				if (zone->lowmem_reserve[j] > max)
					max = zone->lowmem_reserve[j];
			max += zone->watermark[WMARK_HIGH];
			pgdat->totalreserve_pages += max < zone->managed_pages
							     ? max
							     : zone->managed_pages;
		}
		mem->totalreserve_pages += pgdat->totalreserve_pages;
	}
}

/* --- per-cpu lists ---------------------------------------------------------------------------- */

static uint32_t zone_batchsize(const struct zone *zone)
{
	uint64_t batch = zone->managed_pages >> 10, most = (1u << 20) >> zone->mem->geo->page_shift;

	batch = (batch < most ? batch : most) / 4;
	if (batch < 1)
		batch = 1;
	/*
	 * One less than a power of two: list lengths then do not walk in step with cache colours.
	 */
	batch = (1ull << ilog2_u64(batch + batch / 2)) - 1;
	return batch ? (uint32_t)batch : 1;
}

/*
 * Pages that one CPU's list may hold: of the low mark, or of a fraction of the zone, shared by the
 * node's CPUs.
 */
static uint32_t zone_highsize(const struct zone *zone, uint32_t batch, uint64_t fraction)
{
	uint64_t total = fraction ? zone->managed_pages / fraction : zone->watermark[WMARK_LOW],
		 high;
	const struct memory *mem = zone->mem;
	unsigned nr = 0;

	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		nr += mem->cpu_node[cpu] == zone->zone_pgdat->node_id;
	high = total / (nr ? nr : mem->nr_cpus);
	if (high < (uint64_t)batch << 2)
		high = (uint64_t)batch << 2;
	return high < INT32_MAX ? (uint32_t)high : INT32_MAX;
}

static void setup_pcp_marks(struct zone *zone)
{
	uint64_t fraction = zone->mem->conf.percpu_pagelist_high_fraction;
	uint32_t batch = zone_batchsize(zone);
	uint32_t high_min = zone_highsize(zone, batch, fraction);
	uint32_t high_max = fraction
				    ? high_min
				    : zone_highsize(zone, batch, PERCPU_PAGELIST_HIGH_FRACTION_MIN);

	for (unsigned cpu = 0; cpu < zone->mem->nr_cpus; cpu++) {
		zone->pcp[cpu].batch = batch;
		zone->pcp[cpu].high_min = high_min;
		zone->pcp[cpu].high_max = high_max;
	}
}

static void setup_pcp(struct zone *zone)
{
	zone->pcp = xcalloc(zone->mem->nr_cpus, sizeof(*zone->pcp));
	for (unsigned cpu = 0; cpu < zone->mem->nr_cpus; cpu++)
		for (unsigned i = 0; i < NR_PCP_LISTS; i++)
			pfn_list_init(&zone->pcp[cpu].lists[i]);
}

static void setup_all_wmarks(struct memory *mem, uint64_t kib)
{
	uint64_t lowmem = lowmem_pages(mem, false);

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			setup_zone_wmarks(zone_of(mem, nid, t), kib >> (mem->geo->page_shift - 10),
					  lowmem);
}

void setup_per_zone_wmarks(struct memory *mem)
{
	uint64_t kib = mem->conf.min_free_kbytes, thp;

	if (!kib) {
		kib = initial_min_free_kbytes(mem);
		setup_all_wmarks(mem, kib);
		thp = mem->conf.thp_enabled ? recommended_min_free_kbytes(mem) : 0;
		kib = thp > kib ? thp : kib;
	}
	setup_all_wmarks(mem, kib);
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		setup_lowmem_reserve(mem->nodes[nid]);
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			if (zone_of(mem, nid, t)->pcp)
				setup_pcp_marks(zone_of(mem, nid, t));
	}
	calculate_totalreserve(mem);
}

void page_alloc_setup(struct memory *mem)
{
	unsigned load[MAX_NUMNODES] = {0};

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		build_zonelists(mem, nid, load);
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			if (zone_of(mem, nid, t)->managed_pages)
				setup_pcp(zone_of(mem, nid, t));
	}
	setup_per_zone_wmarks(mem);
}

void page_alloc_finish(struct memory *mem)
{
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			free(zone_of(mem, nid, t)->pcp);
			buddy_finish(zone_of(mem, nid, t));
		}
		free(mem->nodes[nid]->zonelist);
		free(mem->nodes[nid]->zonelist_thisnode);
	}
}
