/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Zonelists, watermarks, reserves, per-cpu lists, the slow path's order of steps, NUMA statistics.
 */
#include "support/test.h"

#include "support/dies.h"

#include <stdbool.h>

#include "mm/buddy.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)

static struct zone *zone(struct memory *mem, unsigned nid, enum zone_type type)
{
	return &mem->nodes[nid]->node_zones[type];
}

static struct memory *machine(unsigned nr_nodes, const uint64_t *bytes, unsigned nr_cpus,
			      const uint32_t *distance)
{
	struct memory_desc desc = {
		.geo = geometry_find("x86-64"),
		.nr_nodes = nr_nodes,
		.node_bytes = bytes,
		.nr_cpus = nr_cpus,
		.distance = distance,
	};
	struct memory *mem;

	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
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

/* Takes order-0 pages until there are none; returns how many. */
static uint64_t exhaust(struct memory *mem, gfp_t gfp, int nid)
{
	uint64_t nr = 0;

	while (alloc_pages(mem, gfp, 0, nid) != PFN_NONE)
		nr++;
	return nr;
}

/* --- what is computed from sizes -------------------------------------------------------------- */

/*
 * /proc/zoneinfo of a real machine: 2 CPUs, Linux 6.18, THP on, zones of 3840, 772915 and 327680
 * pages.
 */
static void test_marks_of_a_real_machine(void **state)
{
	uint64_t bytes = 8 * GIB;
	struct memory *mem = machine(1, &bytes, 2, NULL);
	static const uint64_t managed[3] = { 3840, 772915, 327680 };
	static const uint64_t marks[3][NR_WMARK] = {
		{ 58, 72, 86, 100 }, { 11824, 14780, 17736, 20692 }, { 5012, 6265, 7518, 8771 },
	};
	static const uint32_t pcp[3][3] = {{1, 36, 240}, {63, 7390, 48307}, {63, 3132, 20480}};
	uint64_t real[3];

	(void)state;
	for (unsigned t = 0; t < 3; t++) {
		real[t] = zone(mem, 0, (enum zone_type)t)->managed_pages;
		zone(mem, 0, (enum zone_type)t)->managed_pages = managed[t];
	}
	setup_per_zone_wmarks(mem);
	for (unsigned t = 0; t < 3; t++) {
		const struct zone *z = zone(mem, 0, (enum zone_type)t);

		for (unsigned w = 0; w < NR_WMARK; w++)
			assert_int_equal(z->watermark[w], marks[t][w]);
		assert_int_equal(z->pcp[0].batch, pcp[t][0]);
		assert_int_equal(z->pcp[0].high_min, pcp[t][1]);
		assert_int_equal(z->pcp[0].high_max, pcp[t][2]);
	}
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_DMA], 0);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_DMA32], 3019);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_NORMAL], 4299);
	assert_int_equal(zone(mem, 0, ZONE_DMA)->lowmem_reserve[ZONE_MOVABLE], 4299);
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->lowmem_reserve[ZONE_NORMAL], 1280);
	assert_int_equal(zone(mem, 0, ZONE_NORMAL)->lowmem_reserve[ZONE_MOVABLE], 0);
	for (unsigned t = 0; t < 3; t++)
		zone(mem, 0, (enum zone_type)t)->managed_pages = real[t];
	finish(mem);
}

/* Without huge pages min_free_kbytes is the square root of 16 times the memory in KiB. */
static void test_min_free_without_thp(void **state)
{
	uint64_t bytes = 1 * GIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	uint64_t sum = 0;

	(void)state;
	mem->conf.thp_enabled = THP_NEVER;
	setup_per_zone_wmarks(mem);
	for (unsigned t = 0; t < 3; t++)
		sum += zone(mem, 0, (enum zone_type)t)->watermark[WMARK_MIN];
	/* sqrt(16 * 1015808 KiB) = 4031 KiB = 1007 pages, each zone rounded down */
	assert_in_range(sum, 1006, 1007);
	mem->conf.min_free_kbytes = 8192;
	setup_per_zone_wmarks(mem);
	assert_in_range(zone(mem, 0, ZONE_DMA)->watermark[WMARK_MIN] +
			zone(mem, 0, ZONE_DMA32)->watermark[WMARK_MIN], 2047, 2048);
	finish(mem);
}

static void test_gfp_masks(void **state)
{
	(void)state;
	assert_int_equal(gfp_zone(GFP_KERNEL), ZONE_NORMAL);
	assert_int_equal(gfp_zone(GFP_DMA | GFP_KERNEL), ZONE_DMA);
	assert_int_equal(gfp_zone(GFP_DMA32), ZONE_DMA32);
	assert_int_equal(gfp_zone(GFP_HIGHUSER), ZONE_HIGHMEM);
	assert_int_equal(gfp_zone(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	assert_int_equal(gfp_zone(GFP_KERNEL | __GFP_MOVABLE), ZONE_NORMAL);
	assert_int_equal(gfp_migratetype(GFP_KERNEL), MIGRATE_UNMOVABLE);
	assert_int_equal(gfp_migratetype(GFP_HIGHUSER_MOVABLE), MIGRATE_MOVABLE);
	assert_int_equal(gfp_migratetype(GFP_KERNEL | __GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
}

/* Nodes in the order of their first appearance in a list. */
static void assert_node_order(const struct zoneref *z, const unsigned *nodes, unsigned nr)
{
	unsigned i = 0, last = UINT32_MAX;

	for (; z->zone; z++) {
		if (z->zone->zone_pgdat->node_id == last)
			continue;
		last = z->zone->zone_pgdat->node_id;
		assert_true(i < nr);
		assert_int_equal(last, nodes[i++]);
	}
	assert_int_equal(i, nr);
}

static void test_zonelists(void **state)
{
	uint64_t bytes[4] = { 5 * GIB, 1 * GIB, 1 * GIB, 1 * GIB };
	static const uint32_t ring[16] = {10, 20, 30, 20, 20, 10, 20, 30,
					  30, 20, 10, 20, 20, 30, 20, 10};
	struct memory *mem = machine(4, bytes, 4, ring);

	(void)state;
	/*
	 * Equally near nodes: those behind the own one first, and not all the load on one of them.
	 */
	assert_node_order(mem->nodes[0]->zonelist, (const unsigned[]){ 0, 1, 3, 2 }, 4);
	assert_node_order(mem->nodes[1]->zonelist, (const unsigned[]){ 1, 2, 0, 3 }, 4);
	assert_node_order(mem->nodes[2]->zonelist, (const unsigned[]){ 2, 3, 1, 0 }, 4);
	assert_node_order(mem->nodes[3]->zonelist, (const unsigned[]){ 3, 0, 2, 1 }, 4);
	assert_node_order(mem->nodes[2]->zonelist_thisnode, (const unsigned[]){ 2 }, 1);
	/* From the highest zone down. */
	assert_int_equal(mem->nodes[0]->zonelist[0].zone->type, ZONE_NORMAL);
	assert_int_equal(mem->nodes[0]->zonelist[1].zone->type, ZONE_DMA32);
	assert_int_equal(mem->nodes[0]->zonelist[2].zone->type, ZONE_DMA);
	finish(mem);
}

/* A node without memory takes from its nearest neighbour. */
static void test_memoryless_node(void **state)
{
	uint64_t bytes[3] = { 256 * MIB, 0, 256 * MIB };
	static const uint32_t distance[9] = { 10, 30, 20,  30, 10, 12,  20, 12, 10 };
	struct memory *mem = machine(3, bytes, 3, distance);
	pfn_t pfn;

	(void)state;
	mem->cpu = 1;
	pfn = alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE);
	assert_int_equal(pfn_to_node(mem, pfn)->node_id, 2);
	assert_int_equal(page_zone(mem, pfn)->vm_stat[NUMA_OTHER], 1);
	assert_int_equal(alloc_pages(mem, GFP_KERNEL | __GFP_THISNODE, 0, 1), PFN_NONE);
	finish(mem);
}

/* --- watermarks ------------------------------------------------------------------------------- */

/*
 * An ordinary request stops at the min mark, an urgent one at its half or less, reclaim's own at
 * nothing.
 */
static void test_reserves(void **state)
{
	uint64_t bytes = 256 * MIB, min;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	struct zone *dma32 = zone(mem, 0, ZONE_DMA32);

	(void)state;
	exhaust(mem, GFP_USER, NUMA_NO_NODE);
	min = dma32->watermark[WMARK_MIN];
	assert_in_range(dma32->vm_stat[NR_FREE_PAGES], min > 63 ? min - 63 : 0, min + 1);
	assert_true(exhaust(mem, GFP_KERNEL | __GFP_HIGH, NUMA_NO_NODE) > 0);
	assert_in_range(dma32->vm_stat[NR_FREE_PAGES], min / 2 > 63 ? min / 2 - 63 : 0,
			min / 2 + 1);
	assert_true(exhaust(mem, GFP_ATOMIC, NUMA_NO_NODE) > 0);
	assert_in_range(dma32->vm_stat[NR_FREE_PAGES], 0, min * 3 / 8 + 2);
	assert_true(exhaust(mem, GFP_KERNEL | __GFP_MEMALLOC, NUMA_NO_NODE) > 0);
	assert_int_equal(dma32->vm_stat[NR_FREE_PAGES], 0);
	finish(mem);
}

/* Requests that DMA32 could serve leave zone DMA its reserve. */
static void test_lowmem_reserve(void **state)
{
	uint64_t bytes = 3 * GIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	struct zone *dma = zone(mem, 0, ZONE_DMA);

	(void)state;
	exhaust(mem, GFP_USER, NUMA_NO_NODE);
	assert_true(dma->vm_stat[NR_FREE_PAGES] >= dma->lowmem_reserve[ZONE_NORMAL]);
	assert_int_not_equal(alloc_pages(mem, GFP_KERNEL | GFP_DMA, 0, NUMA_NO_NODE), PFN_NONE);
	finish(mem);
}

static void test_highatomic_reserve(void **state)
{
	uint64_t bytes = 2 * GIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	struct zone *dma32 = zone(mem, 0, ZONE_DMA32);
	pfn_t pfn;

	(void)state;
	/* Fast-path requests reserve nothing; under the low mark an urgent order-1 request does. */
	assert_int_not_equal(alloc_pages(mem, GFP_ATOMIC, 1, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(dma32->nr_reserved_highatomic, 0);
	exhaust(mem, GFP_NOWAIT, NUMA_NO_NODE);
	pfn = alloc_pages(mem, GFP_ATOMIC, 1, NUMA_NO_NODE);
	assert_int_not_equal(pfn, PFN_NONE);
	assert_int_equal(dma32->nr_reserved_highatomic, 512);
	assert_int_equal(pageblock_type(mem, pfn), MIGRATE_HIGHATOMIC);
	/* It is given up before a request that may reclaim fails. */
	exhaust(mem, GFP_USER, NUMA_NO_NODE);
	finish(mem);
}

/* --- per-cpu lists ---------------------------------------------------------------------------- */

static void test_pcp_spares_the_lock(void **state)
{
	uint64_t bytes = 512 * MIB, locks;
	struct memory *mem = machine(1, &bytes, 2, NULL);
	struct zone *dma32 = zone(mem, 0, ZONE_DMA32);
	pfn_t pfn;

	(void)state;
	pfn = alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE);
	locks = mem->vm_event[ZONE_LOCK];
	assert_int_equal(locks, 1);
	free_pages_pfn(mem, pfn, 0);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE), pfn);
		free_pages_pfn(mem, pfn, 0);
	}
	assert_int_equal(mem->vm_event[ZONE_LOCK], locks);
	assert_int_equal(mem->vm_event[PCP_HIT], 1000);
	assert_int_equal(mem->vm_event[PCP_FREE], 1001);
	/* The other CPU has its own. */
	mem->cpu = 1;
	assert_int_not_equal(alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE), pfn);
	assert_int_equal(mem->vm_event[ZONE_LOCK], locks + 1);
	/* Orders 4 to 8 have none. */
	alloc_pages(mem, GFP_USER, 4, NUMA_NO_NODE);
	assert_int_equal(mem->vm_event[ZONE_LOCK], locks + 2);
	assert_true(dma32->pcp[0].count > 0);
	drain_all_pages(mem);
	assert_int_equal(dma32->pcp[0].count + dma32->pcp[1].count, 0);
	finish(mem);
}

static void test_pcp_off(void **state)
{
	uint64_t bytes = 64 * MIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);

	(void)state;
	mem->conf.pcp = 0;
	for (unsigned i = 1; i <= 10; i++) {
		alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE);
		assert_int_equal(mem->vm_event[ZONE_LOCK], i);
	}
	assert_int_equal(zone(mem, 0, ZONE_DMA32)->pcp[0].count, 0);
	finish(mem);
}

/*
 * Refills double while nothing is freed. A Linux 6.18 machine (kmem:mm_page_alloc_zone_locked while a
 * program touches 64 MiB) takes 63, 126, 252, 504, 1008 pages, hands them out in that order, and
 * starts again at 63 when another task freed pages in between.
 */
static void test_refills_double(void **state)
{
	uint64_t bytes = 3 * GIB, nr = 0, refills[4] = {0}, last = 0;
	struct memory *mem = machine(1, &bytes, 1, NULL);

	(void)state;
	for (unsigned i = 0; i < 4;) {
		alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE);
		nr++;
		if (mem->vm_event[ZONE_LOCK] > last) {
			last = mem->vm_event[ZONE_LOCK];
			if (last > 1)
				refills[i++] = nr - 1;
		}
	}
	assert_int_equal(refills[0], 63);
	assert_int_equal(refills[1] - refills[0], 126);
	assert_int_equal(refills[2] - refills[1], 252);
	assert_int_equal(refills[3] - refills[2], 504);
	finish(mem);
}

/* On that machine 64 MiB that are unmapped and touched again never see the zone lock either. */
static void test_freed_memory_is_taken_again(void **state)
{
	uint64_t bytes = 8 * GIB, locks;
	struct memory *mem = machine(1, &bytes, 2, NULL);
	static pfn_t pfns[16384];

	(void)state;
	for (unsigned i = 0; i < 16384; i++)
		pfns[i] = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	locks = mem->vm_event[ZONE_LOCK];
	for (unsigned i = 0; i < 16384; i++)
		free_pages_pfn(mem, pfns[i], 0);
	/* The last one freed comes first. */
	for (unsigned i = 16384; i-- > 0;)
		assert_int_equal(alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE), pfns[i]);
	assert_int_equal(mem->vm_event[ZONE_LOCK], locks);
	finish(mem);
}

/* Idle lists shrink by an eighth a second, down to their low mark. */
static void test_idle_lists_decay(void **state)
{
	uint64_t bytes = 8 * GIB;
	struct memory *mem = machine(1, &bytes, 2, NULL);
	struct per_cpu_pages *pcp = &zone(mem, 0, ZONE_NORMAL)->pcp[0];
	static pfn_t pfns[16384];
	uint32_t high;

	(void)state;
	for (unsigned i = 0; i < 16384; i++)
		pfns[i] = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	for (unsigned i = 0; i < 16384; i++)
		free_pages_pfn(mem, pfns[i], 0);
	high = pcp->high;
	assert_true(high > pcp->high_min && pcp->count > pcp->high_min);
	decay_pcp_high(mem);
	assert_int_equal(pcp->high, high - high / 8);
	for (unsigned i = 0; i < 60; i++)
		decay_pcp_high(mem);
	assert_int_equal(pcp->high, pcp->high_min);
	assert_in_range(pcp->count, 1, pcp->high_min);
	finish(mem);
}

/* --- slow path -------------------------------------------------------------------------------- */

struct fake_reclaim {
	pfn_t hoard[64];
	unsigned nr_hoard, nr_reclaim, nr_kswapd, nr_oom;
};

static uint64_t fake_try_to_free_pages(struct memory *mem, const struct alloc_request *req)
{
	struct fake_reclaim *fake = mem->pressure_ctx;

	(void)req;
	assert_true(mem->memalloc);
	fake->nr_reclaim++;
	if (!fake->nr_hoard)
		return 0;
	free_pages_pfn(mem, fake->hoard[--fake->nr_hoard], 0);
	return 1;
}

static void fake_wake_kswapd(struct memory *mem, struct zone *z, unsigned order, enum zone_type highest)
{
	struct fake_reclaim *fake = mem->pressure_ctx;

	(void)z;
	(void)order;
	(void)highest;
	fake->nr_kswapd++;
}

static bool fake_out_of_memory(struct memory *mem, const struct alloc_request *req)
{
	struct fake_reclaim *fake = mem->pressure_ctx;

	(void)req;
	fake->nr_oom++;
	return false;
}

static const struct pressure_ops fake_ops = {
	.try_to_free_pages = fake_try_to_free_pages,
	.wake_kswapd = fake_wake_kswapd,
	.out_of_memory = fake_out_of_memory,
};

static void test_reclaim_then_oom(void **state)
{
	uint64_t bytes = 64 * MIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	struct fake_reclaim fake = {0};

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		fake.hoard[fake.nr_hoard++] = alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE);
	exhaust(mem, GFP_USER, NUMA_NO_NODE);
	mem->pressure = &fake_ops;
	mem->pressure_ctx = &fake;
	/* One page is freed, one request goes on. */
	assert_int_not_equal(alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE), PFN_NONE);
	assert_true(fake.nr_reclaim >= 1 && fake.nr_kswapd >= 1 && fake.nr_oom == 0);
	assert_false(mem->memalloc);
	/* A request that must not reclaim only wakes kswapd. */
	exhaust(mem, GFP_NOWAIT, NUMA_NO_NODE);
	fake.nr_reclaim = fake.nr_kswapd = 0;
	assert_int_equal(alloc_pages(mem, GFP_NOWAIT, 0, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(fake.nr_reclaim, 0);
	assert_true(fake.nr_kswapd >= 1);	/* again before each try */
	/*
	 * Nothing is left to reclaim: the OOM killer is asked, once; not for costly orders nor low
	 * zones.
	 */
	exhaust(mem, GFP_USER | __GFP_NORETRY, NUMA_NO_NODE);
	exhaust(mem, GFP_KERNEL | GFP_DMA | __GFP_NORETRY, NUMA_NO_NODE);
	fake.nr_hoard = fake.nr_oom = 0;
	assert_int_equal(alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(fake.nr_oom, 1);
	assert_int_equal(alloc_pages(mem, GFP_USER, 9, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(alloc_pages(mem, GFP_KERNEL | GFP_DMA, 2, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(fake.nr_oom, 1);
	/* While reclaim itself runs, it may use what is left, and does not recurse. */
	fake.nr_reclaim = 0;
	mem->memalloc = true;
	assert_int_not_equal(alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(fake.nr_reclaim, 0);
	mem->memalloc = false;
	finish(mem);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static void test_numa_statistics(void **state)
{
	uint64_t bytes[2] = { 128 * MIB, 128 * MIB }, miss = 0;
	struct memory *mem = machine(2, bytes, 2, NULL);
	pfn_t pfn;

	(void)state;
	pfn = alloc_pages(mem, GFP_USER, 0, 1);
	assert_int_equal(pfn_to_node(mem, pfn)->node_id, 1);
	assert_int_equal(zone(mem, 1, ZONE_DMA32)->vm_stat[NUMA_HIT], 1);
	assert_int_equal(zone(mem, 1, ZONE_DMA32)->vm_stat[NUMA_OTHER], 1);
	/* Node 1 runs full: node 0 serves. */
	do {
		pfn = alloc_pages(mem, GFP_USER, 0, 1);
	} while (pfn_to_node(mem, pfn)->node_id == 1);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		miss += zone(mem, 0, (enum zone_type)t)->vm_stat[NUMA_MISS];
	assert_int_equal(miss, 1);
	assert_int_equal(zone(mem, 1, ZONE_DMA32)->vm_stat[NUMA_FOREIGN], 1);
	/* Only there, or nowhere. */
	exhaust(mem, GFP_USER | __GFP_THISNODE, 1);
	assert_int_equal(alloc_pages(mem, GFP_USER | __GFP_THISNODE, 0, 1), PFN_NONE);
	assert_int_equal(alloc_pages_nodemask(mem, GFP_USER, 0, 0, 2), PFN_NONE);
	pfn = alloc_pages_nodemask(mem, GFP_USER, 0, 1, 1);
	assert_int_equal(pfn_to_node(mem, pfn)->node_id, 0);
	finish(mem);
}

/* With memory to spare a batch is what as many single allocations would be, counters included. */
static void test_bulk_is_singles(void **state)
{
	uint64_t bytes[2] = { 128 * MIB, 128 * MIB };
	struct memory *one = machine(2, bytes, 2, NULL), *all = machine(2, bytes, 2, NULL);
	pfn_t pfn[300];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(alloc_pages_bulk(all, GFP_KERNEL, 1, 300, pfn), 300);
		for (unsigned i = 0; i < 300; i++)
			assert_int_equal(alloc_pages(one, GFP_KERNEL, 0, 1), pfn[i]);
	}
	assert_memory_equal(zone(one, 1, ZONE_DMA32)->vm_stat, zone(all, 1, ZONE_DMA32)->vm_stat,
			    sizeof(zone(one, 1, ZONE_DMA32)->vm_stat));
	assert_memory_equal(one->vm_event, all->vm_event, sizeof(one->vm_event));
	assert_memory_equal(one->alloc_order, all->alloc_order, sizeof(one->alloc_order));
	for (unsigned i = 0; i < 300; i++)
		put_page(all, pfn[i]);
	finish(one);
	finish(all);
}

/* A batch leaves the wanted node's low mark alone and takes nothing from another node: one page then, from anywhere. */
static void test_bulk_spares_the_reserve(void **state)
{
	uint64_t bytes[2] = { 128 * MIB, 128 * MIB };
	struct memory *mem = machine(2, bytes, 2, NULL);
	struct zone *z = zone(mem, 1, ZONE_DMA32);
	static pfn_t pfn[65536];
	uint64_t low = wmark_pages(z, WMARK_LOW);
	size_t got;

	(void)state;
	assert_int_equal(alloc_pages_bulk(mem, GFP_KERNEL, 1, 0, pfn), 0);
	assert_int_equal(alloc_pages_bulk(mem, GFP_KERNEL, 1, 65536, pfn), 1);
	assert_int_equal(pfn_to_node(mem, pfn[0])->node_id, 1);
	while ((got = alloc_pages_bulk(mem, GFP_KERNEL, 1, 1000, pfn)) == 1000)
		assert_int_equal(pfn_to_node(mem, pfn[999])->node_id, 1);
	assert_int_equal(got, 1);
	assert_in_range(z->vm_stat[NR_FREE_PAGES], low - 1, low + 1000);
	while (exhaust(mem, GFP_KERNEL | __GFP_THISNODE, 1))
		;
	assert_int_equal(alloc_pages_bulk(mem, GFP_KERNEL, 1, 10, pfn), 1);
	assert_int_equal(pfn_to_node(mem, pfn[0])->node_id, 0);
	assert_int_equal(alloc_pages_bulk(mem, GFP_KERNEL | __GFP_THISNODE, 1, 10, pfn), 0);
	finish(mem);
}

static void test_folios_and_splits(void **state)
{
	uint64_t bytes = 64 * MIB;
	struct memory *mem = machine(1, &bytes, 1, NULL);
	pfn_t pfn = alloc_pages(mem, GFP_USER | __GFP_COMP, 4, NUMA_NO_NODE), old;

	(void)state;
	assert_int_equal(folio_pfn(mem, pfn + 15), pfn);
	assert_true(pfn_to_page(mem, pfn)->flags & PG_HEAD);
	get_page(mem, pfn);
	put_page(mem, pfn + 7);
	assert_int_equal(pfn_to_page(mem, pfn)->_refcount, 1);
	put_page(mem, pfn);
	assert_int_equal(mem->vm_event[PGFREE], 16);
	old = pfn = alloc_pages(mem, GFP_USER, 2, NUMA_NO_NODE);
	split_page(mem, pfn, 2);
	for (; pfn < old + 4; pfn++) {
		assert_int_equal(pfn_to_page(mem, pfn)->_refcount, 1);
		put_page(mem, pfn);
	}
	assert_int_equal(alloc_pages(mem, GFP_USER, 11, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(alloc_pages(mem, GFP_USER, 99, NUMA_NO_NODE), PFN_NONE);
	assert_int_equal(mem->vm_event[ALLOC_FAIL], 2);
	finish(mem);
}

static void free_twice(void)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	pfn_t pfn = alloc_pages(mem, GFP_USER, 0, NUMA_NO_NODE);

	free_pages_pfn(mem, pfn, 0);
	free_pages_pfn(mem, pfn, 0);
}

static void put_the_zero_page(void)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);

	put_page(mem, mem->zero_pfn);
}

/* Our own mistakes end the process, in release builds too. */
static void test_bad_frees_are_bugs(void **state)
{
	char text[256];

	(void)state;
	assert_true(WIFSIGNALED(run_in_child(free_twice, text, sizeof(text))));
	assert_non_null(strstr(text, "free_pages_pfn"));
	assert_true(WIFSIGNALED(run_in_child(put_the_zero_page, text, sizeof(text))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks_of_a_real_machine),
		cmocka_unit_test(test_bulk_is_singles),
		cmocka_unit_test(test_bulk_spares_the_reserve),
		cmocka_unit_test(test_min_free_without_thp),
		cmocka_unit_test(test_gfp_masks),
		cmocka_unit_test(test_zonelists),
		cmocka_unit_test(test_memoryless_node),
		cmocka_unit_test(test_reserves),
		cmocka_unit_test(test_lowmem_reserve),
		cmocka_unit_test(test_highatomic_reserve),
		cmocka_unit_test(test_pcp_spares_the_lock),
		cmocka_unit_test(test_pcp_off),
		cmocka_unit_test(test_refills_double),
		cmocka_unit_test(test_freed_memory_is_taken_again),
		cmocka_unit_test(test_idle_lists_decay),
		cmocka_unit_test(test_reclaim_then_oom),
		cmocka_unit_test(test_numa_statistics),
		cmocka_unit_test(test_folios_and_splits),
		cmocka_unit_test(test_bad_frees_are_bugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
