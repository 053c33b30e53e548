/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Compaction on machines where the outcome can be told beforehand: every other page in use and movable, with unmovable
 * pages in some pageblocks; watermarks, deferral, hints, capture, kcompactd, the allocator's retries.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "mm/ageing.h"
#include "mm/compaction-internal.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"
#include "mm/migrate.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define BLOCK 512u

static const struct pressure_ops ops = {
	.try_to_compact_pages = try_to_compact_pages,
	.compaction_zonelist_suitable = compaction_zonelist_suitable,
};

static struct memory *machine(uint64_t bytes)
{
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 2 };
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.pcp = 0;	/* frees go to the lists at once */
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	mem->pressure = &ops;
	return mem;
}

static void destroy(struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	mem->pressure = NULL;
	compaction_destroy(mem);
	memory_destroy(mem);
}

static struct zone *dma32(const struct memory *mem)
{
	return &mem->nodes[0]->node_zones[ZONE_DMA32];
}

static bool moved(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	(void)mem;
	(void)dst;
	(void)src;
	++*(uint64_t *)ctx;
	return true;
}

struct checkers {
	struct movable_operations ops;
	uint64_t nr_moved, nr_pages;
	uint32_t handle;
};

/* All that is free in the zone, page by page, is in use afterwards. */
static void use_up(struct memory *mem, struct zone *zone, uint32_t handle, unsigned every)
{
	for (;;) {
		enum rmqueue_mode mode = RMQUEUE_NORMAL;
		pfn_t pfn = buddy_rmqueue(zone, 0, MIGRATE_MOVABLE, 0, &mode);

		if (pfn == PFN_NONE)
			return;
		prep_isolated_page(zone, pfn, 0, GFP_HIGHUSER_MOVABLE);
		if (every && pfn % (every * BLOCK) == 1) {
			pfn_to_page(mem, pfn)->flags |= PG_KERNEL;
		} else {
			pfn_to_page(mem, pfn)->flags |= PG_MOVABLE_OPS;
			pfn_to_page(mem, pfn)->mapping = handle;
		}
	}
}

/*
 * Takes all memory, then gives every other page back: free and movable pages take turns. The free
 * ones have even numbers, where the strides of the free scanner look. Each `every`-th pageblock holds one page that never moves; 0: none does.
 */
static void checkerboard(struct memory *mem, struct checkers *c, unsigned every)
{
	struct zone *zone = dma32(mem);
	pfn_t pfn;

	*c = (struct checkers){ .ops = { .migrate_page = moved } };
	c->ops.ctx = &c->nr_moved;
	c->handle = mapping_handle_alloc(mem, &c->ops);
	use_up(mem, zone, c->handle, every);
	use_up(mem, &mem->nodes[0]->node_zones[ZONE_DMA], c->handle, every);
	for (pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn; pfn++) {
		if (!pfn_is_touched(mem, pfn) || !(pfn_to_page(mem, pfn)->flags & PG_MOVABLE_OPS))
			continue;
		if (!(pfn & 1)) {
			pfn_to_page(mem, pfn)->mapping = 0;
			free_pages_pfn(mem, pfn, 0);
		} else {
			c->nr_pages++;
		}
	}
	mem->vm_event[PGFREE] = 0;
}

static uint64_t count_movable(const struct memory *mem)
{
	const struct zone *zone = dma32(mem);
	uint64_t nr = 0;

	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn; pfn++)
		nr += pfn_is_touched(mem, pfn) && pfn_to_page(mem, pfn)->flags & PG_MOVABLE_OPS &&
		      pfn_to_page(mem, pfn)->_refcount == 1;
	return nr;
}

#define GFP_THP (GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM | __GFP_NORETRY)

/* A huge page out of a zone in which no two neighbouring pages are free: 256 pages move for it, or a few more. */
static void test_huge_page(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;
	uint64_t free;
	pfn_t pfn;

	(void)state;
	checkerboard(mem, &c, 0);
	free = dma32(mem)->vm_stat[NR_FREE_PAGES];
	assert_int_equal(zone_fragmentation_index(dma32(mem), 9) > 900, true);
	assert_int_equal(alloc_pages(mem, GFP_TRANSHUGE_LIGHT, 9, 0), PFN_NONE);
	pfn = alloc_pages(mem, GFP_THP, 9, 0);
	assert_int_not_equal(pfn, PFN_NONE);
	assert_int_equal(pfn % BLOCK, 0);
	assert_in_range(c.nr_moved, 256, 512);
	assert_int_equal(mem->vm_event[COMPACTSTALL], 1);
	assert_int_equal(mem->vm_event[COMPACTSUCCESS], 1);
	assert_int_equal(mem->vm_event[COMPACTFAIL], 0);
	assert_int_equal(mem->vm_event[PGMIGRATE_SUCCESS], c.nr_moved);
	assert_true(mem->vm_event[COMPACTMIGRATE_SCANNED] >= 512);
	assert_true(mem->vm_event[COMPACTISOLATED] >= 2 * c.nr_moved);
	assert_int_equal(mem->compact_order[9].attempts, 1);
	assert_int_equal(mem->compact_order[9].success, 1);
	assert_int_equal(dma32(mem)->vm_stat[NR_FREE_PAGES], free - 512);
	assert_int_equal(count_movable(mem), c.nr_pages);
	free_pages_pfn(mem, pfn, 9);
	destroy(mem);
}

/* One page in each pageblock stays where it is: no huge page is to be had, and the next tries are put off. */
static void test_unmovable(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;

	(void)state;
	checkerboard(mem, &c, 1);
	assert_int_equal(alloc_pages(mem, GFP_THP | __GFP_RETRY_MAYFAIL, 9, 0), PFN_NONE);
	assert_int_equal(mem->vm_event[COMPACTSUCCESS], 0);
	assert_int_equal(mem->vm_event[COMPACTFAIL], mem->vm_event[COMPACTSTALL]);
	assert_int_equal(count_movable(mem), c.nr_pages);
	/* Order 8 has its halves without such a page, once the hints are forgotten. */
	reset_isolation_suitable(mem->nodes[0]);
	assert_int_not_equal(alloc_pages(mem, (GFP_THP | __GFP_RETRY_MAYFAIL) & ~__GFP_NORETRY, 8, 0), PFN_NONE);
	assert_true(mem->vm_event[COMPACTSUCCESS] >= 1);
	destroy(mem);
}

static void test_deferral(void **state)
{
	struct zone zone = {0};

	(void)state;
	assert_false(compaction_deferred(&zone, 9));
	defer_compaction(&zone, 9);
	assert_int_equal(zone.compact.defer_shift, 1);
	assert_true(compaction_deferred(&zone, 9));
	assert_false(compaction_deferred(&zone, 9));	/* the second of 2 */
	for (unsigned i = 0; i < 10; i++)
		defer_compaction(&zone, 9);
	assert_int_equal(zone.compact.defer_shift, COMPACT_MAX_DEFER_SHIFT);
	for (unsigned i = 0; i < 63; i++) {
		assert_true(compaction_deferred(&zone, 9));
		assert_false(compaction_restarting(&zone, 9));
	}
	assert_false(compaction_deferred(&zone, 9));
	assert_true(compaction_restarting(&zone, 9));
	compaction_defer_reset(&zone, 9, true);
	assert_int_equal(zone.compact.defer_shift, 0);
	assert_int_equal(zone.compact.order_failed, 10);
	defer_compaction(&zone, 9);
	assert_false(compaction_deferred(&zone, 8));	/* smaller ones never failed */
}

/* Too little free memory to move pages to: skipped, whatever the order. */
static void test_suitable(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct zone *zone = dma32(mem);
	struct checkers c;
	uint64_t mark = zone->watermark[WMARK_MIN];

	(void)state;
	checkerboard(mem, &c, 0);
	assert_true(compaction_suitable(zone, 9, mark, ZONE_NORMAL));
	mem->conf.extfrag_threshold = 1000;
	assert_false(compaction_suitable(zone, 9, mark, ZONE_NORMAL));
	assert_true(compaction_suitable(zone, 3, mark, ZONE_NORMAL));	/* small orders do not ask for the index */
	mem->conf.extfrag_threshold = 500;
	assert_false(compaction_suitable(zone, 9, zone->vm_stat[NR_FREE_PAGES] - compact_gap(9), ZONE_NORMAL));
	/* An untouched machine has its blocks: nothing to do. */
	destroy(mem);
	mem = machine(64 * MIB);
	assert_int_equal(compaction_suit_allocation_order(dma32(mem), 9, ZONE_NORMAL, WMARK_MIN, false, false),
			 COMPACT_SUCCESS);
	destroy(mem);
}

/* Skip hints: a zone in vain is not looked at again; who sleeps soundly forgets. */
static void test_hints(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;
	uint64_t scanned;
	unsigned nr = 0;

	(void)state;
	checkerboard(mem, &c, 1);
	for (unsigned i = 0; i < 8; i++)
		alloc_pages(mem, GFP_THP & ~__GFP_NORETRY, 9, 0);
	for (pfn_t pfn = dma32(mem)->zone_start_pfn; pfn < dma32(mem)->zone_end_pfn; pfn += BLOCK)
		nr += get_pageblock_skip(mem, pfn);
	assert_true(nr > 4);
	assert_true(dma32(mem)->compact.blockskip_flush);
	scanned = mem->vm_event[COMPACTMIGRATE_SCANNED];
	dma32(mem)->compact.defer_shift = 0;
	reset_isolation_suitable(mem->nodes[0]);
	assert_false(dma32(mem)->compact.blockskip_flush);
	alloc_pages(mem, GFP_THP, 9, 0);
	assert_true(mem->vm_event[COMPACTMIGRATE_SCANNED] > scanned);
	destroy(mem);
}

/* All of it: afterwards movable pages stand at the end, one beside the other. */
static void test_whole_zone(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;
	struct fragmentation f;

	(void)state;
	checkerboard(mem, &c, 0);
	assert_int_equal(fragmentation_score_node(mem->nodes[0]) > 70, true);
	compact_nodes(mem);
	assert_int_equal(count_movable(mem), c.nr_pages);
	fragmentation_of_zone(&f, dma32(mem));
	assert_true(f.unusable_index[9] < 200);	/* what lay between the strides of the free scanner is left */
	assert_int_equal(mem->vm_event[COMPACTSTALL], 0);
	assert_true(mem->vm_event[COMPACTMIGRATE_SCANNED] > 0);
	destroy(mem);
}

static void test_kcompactd(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;

	(void)state;
	wakeup_kcompactd(mem, dma32(mem), 9, ZONE_NORMAL);	/* there are blocks: no reason to run */
	assert_int_equal(mem->kcompactd_nodes, 0);
	checkerboard(mem, &c, 0);
	wakeup_kcompactd(mem, dma32(mem), 0, ZONE_NORMAL);
	assert_int_equal(mem->kcompactd_nodes, 0);
	wakeup_kcompactd(mem, dma32(mem), 9, ZONE_NORMAL);
	assert_int_equal(mem->kcompactd_nodes, 1);
	kcompactd_run(mem);
	assert_int_equal(mem->kcompactd_nodes, 0);
	assert_int_equal(mem->vm_event[KCOMPACTD_WAKE], 1);
	assert_true(mem->vm_event[KCOMPACTD_MIGRATE_SCANNED] >= 512);
	assert_int_equal(mem->vm_event[KCOMPACTD_MIGRATE_SCANNED], mem->vm_event[COMPACTMIGRATE_SCANNED]);
	assert_int_equal(mem->compact_order[9].daemon_success, 1);
	assert_int_equal(mem->vm_event[COMPACTSTALL], 0);
	/* and so this one need not wait */
	assert_int_not_equal(alloc_pages(mem, GFP_TRANSHUGE_LIGHT, 9, 0), PFN_NONE);
	destroy(mem);
}

/* Unasked, at a score above 110 less the proactiveness, down to 100 less it. */
static void test_proactive(void **state)
{
	struct memory *mem = machine(64 * MIB);
	struct checkers c;

	(void)state;
	mem->conf.compaction_proactiveness = 20;
	kcompactd_proactive(mem);
	assert_null(mem->compaction);
	checkerboard(mem, &c, 0);
	mem->conf.compaction_proactiveness = 60;
	kcompactd_proactive(mem);
	assert_int_equal(mem->compaction->proactive_runs, 1);
	assert_in_range(fragmentation_score_zone(dma32(mem)), 1, 40);
	assert_int_equal(mem->vm_event[KCOMPACTD_WAKE], 0);
	kcompactd_proactive(mem);
	assert_int_equal(mem->compaction->proactive_runs, 1);
	destroy(mem);
}

/* With vm.defrag_mode an unmovable page does not go into a movable pageblock while compaction can clear one. */
static void test_defrag_mode(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		struct memory *mem = machine(64 * MIB);
		struct checkers c;
		pfn_t pfn;

		mem->conf.defrag_mode = (uint64_t)on;
		checkerboard(mem, &c, 0);
		pfn = alloc_pages(mem, GFP_KERNEL, 2, 0);
		assert_int_not_equal(pfn, PFN_NONE);
		assert_true(mem->vm_event[COMPACTSTALL] >= 1);
		if (on)
			assert_int_equal(pageblock_type(mem, pfn), MIGRATE_UNMOVABLE);
		free_pages_pfn(mem, pfn, 2);
		destroy(mem);
	}
}

/* The same start and the same requests lead to the same memory. */
static void test_reproducible(void **state)
{
	uint64_t sum[2] = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct memory *mem = machine(256 * MIB);
		struct ageing_spec s = { .degree = 800, .order = 9, .used = 60, .unmovable = 5, .reclaimable = 3, .seed = 3 };

		assert_int_equal(age_memory(mem, &s, NULL), 0);
		for (unsigned n = 0; n < 40; n++)
			sum[i] = sum[i] * 31 + alloc_pages(mem, GFP_THP, 9, 0);
		sum[i] = sum[i] * 31 + mem->vm_event[COMPACTMIGRATE_SCANNED];
		destroy(mem);
	}
	assert_int_equal(sum[0], sum[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge_page),    cmocka_unit_test(test_unmovable),
		cmocka_unit_test(test_deferral),     cmocka_unit_test(test_suitable),
		cmocka_unit_test(test_hints),	     cmocka_unit_test(test_whole_zone),
		cmocka_unit_test(test_kcompactd),    cmocka_unit_test(test_proactive),
		cmocka_unit_test(test_defrag_mode),  cmocka_unit_test(test_reproducible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
