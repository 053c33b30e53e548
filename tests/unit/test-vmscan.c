/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What reclaim takes, in which order, when it stops, and how kswapd keeps time. */
#include "support/test.h"

#include "mm/filemap.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/shrinker.h"
#include "mm/vmscan-internal.h"
#include "mm/workingset.h"

#define MIB (1ull << 20)

static const struct pressure_ops ops = {
	.try_to_free_pages = try_to_free_pages,
	.wake_kswapd = wakeup_kswapd,
	.zone_reclaimable_pages = zone_reclaimable_pages,
	.node_reclaim = node_reclaim_pages,
};

struct world {
	struct memory *mem;
	struct address_space *file;
	uint64_t nr;		/* pages of the file so far */
};

static struct world world_new(uint64_t bytes, bool per_zone)
{
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1, .node_bytes = &bytes,
				   .nr_cpus = 1};
	struct world w = {0};

	config_defaults(&mm_config_table, &conf);
	conf.lru_per_zone = per_zone;
	conf.slab_model_objects = 0;
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	lru_enable(w.mem);
	w.file = mapping_get(w.mem, 1);
	return w;
}

static void world_end(struct world *w)
{
	struct strbuf why = {0};

	assert_true(lru_consistent(w->mem));
	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	w->mem->pressure = NULL;
	mapping_put(w->mem, w->file);
	mapping_finish_all(w->mem);
	memory_destroy(w->mem);
}

static pfn_t add_page(struct world *w)
{
	pfn_t pfn = filemap_add_folio(w->mem, w->file, w->nr, 0);

	w->nr += pfn != PFN_NONE;
	return pfn;
}

static void add_pages(struct world *w, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		assert_int_not_equal(add_page(w), PFN_NONE);
}

static uint64_t free_some(struct world *w)
{
	struct alloc_request req = {.gfp = GFP_HIGHUSER_MOVABLE, .nodemask = NODEMASK_ALL, .highest = ZONE_MOVABLE};
	uint64_t freed;

	w->mem->memalloc = true;
	freed = try_to_free_pages(w->mem, &req);
	w->mem->memalloc = false;
	return freed;
}

static void the_oldest_clean_pages_go_first(void **state)
{
	struct world w = world_new(64 * MIB, false);
	uint64_t freed;

	(void)state;
	add_pages(&w, 2000);
	freed = free_some(&w);
	assert_true(freed >= SWAP_CLUSTER_MAX && freed < 100);
	assert_int_equal(w.mem->vm_event[PGSTEAL_DIRECT], freed);
	assert_int_equal(w.mem->vm_event[PGSTEAL_FILE], freed);
	assert_int_equal(w.mem->vm_event[PGSCAN_DIRECT], freed);
	assert_int_equal(w.mem->vm_event[ALLOCSTALL_MOVABLE], 1);
	for (uint64_t i = 0; i < w.nr; i++) {
		assert_int_equal(filemap_find(w.file, i) == PFN_NONE, i < freed);
		/* a shadow stands where they were */
		assert_int_equal(is_shadow(mapping_exceptional(w.file, i)), i < freed);
	}
	world_end(&w);
}

static void a_page_that_was_used_once_may_go_and_one_used_twice_stays(void **state)
{
	struct world w = world_new(64 * MIB, false);
	pfn_t once, twice;

	(void)state;
	once = add_page(&w);
	twice = add_page(&w);
	folio_mark_accessed(w.mem, once);
	folio_mark_accessed(w.mem, twice);
	folio_mark_accessed(w.mem, twice);
	add_pages(&w, 1000);
	while (w.mem->vm_event[PGSTEAL_DIRECT] < 500)
		assert_int_not_equal(free_some(&w), 0);
	assert_int_equal(filemap_find(w.file, 0), PFN_NONE);
	assert_int_equal(filemap_find(w.file, 1), twice);
	world_end(&w);
}

static void dirty_pages_are_left_to_the_flusher(void **state)
{
	struct world w = world_new(64 * MIB, false);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		pfn_to_page(w.mem, add_page(&w))->flags |= PG_DIRTY;
	add_pages(&w, 2000);
	assert_true(free_some(&w) >= SWAP_CLUSTER_MAX);
	for (unsigned i = 0; i < 64; i++)
		assert_int_not_equal(filemap_find(w.file, i), PFN_NONE);
	assert_true(w.mem->nodes[0]->vm_stat[NR_VMSCAN_IMMEDIATE] > 0);
	assert_true(pfn_to_page(w.mem, filemap_find(w.file, 0))->flags & PG_RECLAIM);
	for (unsigned i = 0; i < 64; i++)
		pfn_to_page(w.mem, filemap_find(w.file, i))->flags &= ~PG_DIRTY;
	world_end(&w);
}

/* More active pages than inactive ones: active ones come down, and count as of the working set. */
static void active_pages_come_down(void **state)
{
	struct world w = world_new(64 * MIB, false);

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		folio_activate(w.mem, add_page(&w));
	add_pages(&w, 100);
	while (w.mem->nodes[0]->vm_stat[NR_ACTIVE_FILE] > 300)
		assert_int_not_equal(free_some(&w), 0);
	assert_true(w.mem->vm_event[PGDEACTIVATE] >= 700);
	assert_true(w.mem->vm_event[PGREFILL] >= w.mem->vm_event[PGDEACTIVATE]);
	world_end(&w);
}

/* ---- nothing can be had: it ends ---- */

static void locked_memory_ends_with_nothing(void **state)
{
	struct world w = world_new(16 * MIB, false);
	pfn_t pfn;
	uint64_t nr = 0;

	(void)state;
	w.mem->pressure = &ops;
	while ((pfn = add_page(&w)) != PFN_NONE) {
		folio_isolate_lru(w.mem, pfn);
		mlock_folio(w.mem, pfn);
		folio_putback_lru(w.mem, pfn);
		nr++;
	}
	assert_true(nr > 1000);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_UNEVICTABLE], nr);
	assert_int_equal(free_some(&w), 0);
	assert_int_equal(w.mem->vm_event[PGSTEAL_DIRECT] + w.mem->vm_event[PGSTEAL_KSWAPD], 0);
	/* kswapd gives up as well */
	for (unsigned i = 0; i < 100 && w.mem->kswapd_nodes; i++) {
		w.mem->now_ns += 1000000000;
		kswapd_run(w.mem);
	}
	assert_int_equal(w.mem->kswapd_nodes, 0);
	world_end(&w);
}

static void anonymous_memory_without_swap_ends_with_nothing(void **state)
{
	struct world w = world_new(16 * MIB, false);
	pfn_t pfn, last = PFN_NONE;

	(void)state;
	w.mem->pressure = &ops;
	while ((pfn = alloc_pages(w.mem, GFP_HIGHUSER_MOVABLE, 0, 0)) != PFN_NONE) {
		pfn_to_page(w.mem, pfn)->flags |= PG_ANON | PG_SWAPBACKED;
		folio_add_lru(w.mem, pfn);
		pfn_to_page(w.mem, pfn)->index = last;
		last = pfn;
	}
	assert_int_equal(free_some(&w), 0);
	assert_int_equal(w.mem->vm_event[PGSCAN_ANON], 0);
	while (last != PFN_NONE) {
		pfn = (pfn_t)pfn_to_page(w.mem, last)->index;
		put_page(w.mem, last);
		last = pfn;
	}
	world_end(&w);
}

/* A memory full of page cache is no reason for an allocation to fail. */
static void allocations_go_on_with_a_full_cache(void **state)
{
	struct world w = world_new(32 * MIB, false);

	(void)state;
	w.mem->pressure = &ops;
	for (unsigned i = 0; i < 40000; i++)
		assert_int_not_equal(add_page(&w), PFN_NONE);
	assert_int_equal(w.mem->vm_event[ALLOC_FAIL], 0);
	assert_true(w.mem->vm_event[PGSTEAL_FILE] > 30000);
	/* nobody lets kswapd run here, so all was direct */
	assert_int_equal(w.mem->vm_event[PGSTEAL_KSWAPD], 0);
	assert_true(w.mem->reclaim_times.direct_ns > 0);
	world_end(&w);
}

/* ---- kswapd ---- */

/* Fills the memory while each page takes `ns` on the clock. Returns how many times somebody reclaimed directly. */
static uint64_t fill(struct world *w, unsigned nr, uint64_t ns)
{
	w->mem->pressure = &ops;
	for (unsigned i = 0; i < nr; i++) {
		assert_int_not_equal(add_page(w), PFN_NONE);
		w->mem->now_ns += ns;
		if (w->mem->kswapd_nodes)
			kswapd_run(w->mem);
	}
	return w->mem->vm_event[ALLOCSTALL_DMA] + w->mem->vm_event[ALLOCSTALL_DMA32] +
	       w->mem->vm_event[ALLOCSTALL_NORMAL] + w->mem->vm_event[ALLOCSTALL_MOVABLE];
}

static void kswapd_keeps_up_when_it_has_time(void **state)
{
	struct world w = world_new(128 * MIB, false);

	(void)state;
	assert_int_equal(fill(&w, 100000, 2000), 0);
	assert_true(w.mem->vm_event[PGSTEAL_KSWAPD] > 60000);
	assert_true(w.mem->vm_event[PAGEOUTRUN] > 1);
	assert_true(w.mem->reclaim_times.kswapd_ns > 0);
	/* with time enough it sleeps in the end, the node well above its low mark */
	for (unsigned i = 0; i < 10 && w.mem->kswapd_nodes; i++) {
		w.mem->now_ns += 10000000;
		kswapd_run(w.mem);
	}
	assert_int_equal(w.mem->kswapd_nodes, 0);
	world_end(&w);
}

static void kswapd_that_is_too_slow_leaves_it_to_others(void **state)
{
	struct world w = world_new(128 * MIB, false);

	(void)state;
	w.mem->conf.kswapd_rate = 10000;	/* a tenth of what is allocated */
	assert_true(fill(&w, 60000, 10000) > 100);
	assert_true(w.mem->vm_event[PGSTEAL_DIRECT] > w.mem->vm_event[PGSTEAL_KSWAPD]);
	/* it has had no more time than there was */
	assert_true(w.mem->reclaim_times.kswapd_ns < 60000ull * 10000 * 2);
	world_end(&w);
}

/* ---- zones, nodes, groups of shrinkers ---- */

/* Who needs low memory is not helped by pages of higher zones, which are passed over. */
static void pages_of_other_zones_are_passed_over(void **state)
{
	struct world w = world_new(64 * MIB, false);
	struct alloc_request req = {.gfp = GFP_KERNEL | __GFP_DMA, .nodemask = NODEMASK_ALL, .highest = ZONE_DMA};
	const struct zone *dma = &w.mem->nodes[0]->node_zones[ZONE_DMA];
	uint64_t before, low;

	(void)state;
	while (dma->vm_stat[NR_ZONE_INACTIVE_FILE] < 500)
		assert_int_not_equal(add_page(&w), PFN_NONE);
	before = w.mem->nodes[0]->vm_stat[NR_INACTIVE_FILE];
	low = dma->vm_stat[NR_ZONE_INACTIVE_FILE];
	w.mem->memalloc = true;
	assert_true(try_to_free_pages(w.mem, &req) >= SWAP_CLUSTER_MAX);
	w.mem->memalloc = false;
	assert_true(w.mem->vm_event[PGSCAN_SKIP_DMA32] > 0);
	assert_int_equal(before - w.mem->nodes[0]->vm_stat[NR_INACTIVE_FILE], low - dma->vm_stat[NR_ZONE_INACTIVE_FILE]);
	world_end(&w);
}

/* Lists per zone: each zone's own are found without passing over others. */
static void lists_per_zone_are_scanned_alone(void **state)
{
	struct world w = world_new(64 * MIB, true);
	struct alloc_request req = {.gfp = GFP_KERNEL | __GFP_DMA, .nodemask = NODEMASK_ALL, .highest = ZONE_DMA};
	const struct zone *dma = &w.mem->nodes[0]->node_zones[ZONE_DMA];

	(void)state;
	while (dma->vm_stat[NR_ZONE_INACTIVE_FILE] < 500)
		assert_int_not_equal(add_page(&w), PFN_NONE);
	assert_int_equal(dma->lruvec->nr_pages[LRU_INACTIVE_FILE], dma->vm_stat[NR_ZONE_INACTIVE_FILE]);
	assert_int_equal(w.mem->nodes[0]->lruvec.nr_pages[LRU_INACTIVE_FILE], 0);
	w.mem->memalloc = true;
	assert_true(try_to_free_pages(w.mem, &req) >= SWAP_CLUSTER_MAX);
	w.mem->memalloc = false;
	assert_int_equal(w.mem->vm_event[PGSCAN_SKIP_DMA32], 0);
	assert_true(free_some(&w) >= SWAP_CLUSTER_MAX);
	world_end(&w);
}

static void node_reclaim_leaves_dirty_pages(void **state)
{
	struct world w = world_new(64 * MIB, false);

	(void)state;
	w.mem->conf.zone_reclaim_mode = RECLAIM_ZONE;
	add_pages(&w, 4000);
	assert_true(node_reclaim_pages(w.mem, w.mem->nodes[0], 0, GFP_HIGHUSER_MOVABLE) >= SWAP_CLUSTER_MAX);
	world_end(&w);
}

static uint64_t cache;

static uint64_t count_cache(struct memory *mem, int nid)
{
	(void)mem;
	(void)nid;
	return cache;
}

static uint64_t scan_cache(struct memory *mem, int nid, uint64_t nr)
{
	uint64_t freed = nr < cache ? nr : cache;

	(void)mem;
	(void)nid;
	cache -= freed;
	return freed;
}

/* 4 / seeks of 1 / 2^priority; what is no batch is saved up. */
static void shrinkers_give_in_proportion(void **state)
{
	struct world w = world_new(64 * MIB, false);
	struct shrinker s = {.name = "cache", .count = count_cache, .scan = scan_cache};

	(void)state;
	shrinker_register(w.mem, &s);
	cache = 1 << 20;
	assert_int_equal(shrink_slab(w.mem, GFP_KERNEL, 0, NULL, DEF_PRIORITY), 512);
	assert_int_equal(w.mem->vm_event[SLABS_SCANNED], 512);
	cache = 1 << 16;	/* 32 at a time: the fourth makes a batch */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(shrink_slab(w.mem, GFP_KERNEL, 0, NULL, 8 + 3), 0);
	s.needs_fs = true;
	assert_int_equal(shrink_slab(w.mem, GFP_KERNEL & ~__GFP_FS, 0, NULL, 0), 0);
	assert_int_equal(shrink_slab(w.mem, GFP_KERNEL, 0, NULL, 0), 1 << 16);
	shrinker_unregister(&s);
	world_end(&w);
}

/* ---- balance ---- */

static void swappiness_weighs_the_kinds(void **state)
{
	struct world w = world_new(256 * MIB, false);
	struct lruvec *lruvec = &w.mem->nodes[0]->lruvec;
	struct scan_control sc = {.mem = w.mem, .may_swap = true, .swappiness = SWAPPINESS_DEFAULT, .priority = 2,
				  .reclaim_idx = ZONE_MOVABLE};
	uint64_t nr[NR_LRU_LISTS];

	(void)state;
	lruvec->zone_pages[ZONE_DMA32][LRU_INACTIVE_ANON] = 40000;
	lruvec->zone_pages[ZONE_DMA32][LRU_INACTIVE_FILE] = 40000;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 0);	/* no swap */
	assert_int_equal(nr[LRU_INACTIVE_FILE], 10000);
	w.mem->nr_swap_pages = 1000;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 3000);	/* 60 of 200 */
	assert_int_equal(nr[LRU_INACTIVE_FILE], 7000);
	/* Swapping has cost all: 60 x 3001 / 2001 = 89 against 140 x 3001 / 1001 = 419, of 508 */
	sc.anon_cost = 1000;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 10000 * 89 / 508);
	assert_int_equal(nr[LRU_INACTIVE_FILE], 10000 * 419 / 508);
	sc.swappiness = 200;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_FILE], 0);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 10000);
	sc.swappiness = 0;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 0);
	sc.swappiness = 60;
	sc.priority = 0;	/* nearly out of memory: everything */
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 40000);
	assert_int_equal(nr[LRU_INACTIVE_FILE], 40000);
	sc.priority = 2;
	sc.cache_trim_mode = true;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], 0);
	sc.file_is_tiny = true;
	get_scan_count(lruvec, &sc, nr);
	assert_int_equal(nr[LRU_INACTIVE_FILE], 0);
	lruvec->zone_pages[ZONE_DMA32][LRU_INACTIVE_ANON] = lruvec->zone_pages[ZONE_DMA32][LRU_INACTIVE_FILE] = 0;
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_clean_pages_go_first),
		cmocka_unit_test(a_page_that_was_used_once_may_go_and_one_used_twice_stays),
		cmocka_unit_test(dirty_pages_are_left_to_the_flusher),
		cmocka_unit_test(active_pages_come_down),
		cmocka_unit_test(locked_memory_ends_with_nothing),
		cmocka_unit_test(anonymous_memory_without_swap_ends_with_nothing),
		cmocka_unit_test(allocations_go_on_with_a_full_cache),
		cmocka_unit_test(kswapd_keeps_up_when_it_has_time),
		cmocka_unit_test(kswapd_that_is_too_slow_leaves_it_to_others),
		cmocka_unit_test(pages_of_other_zones_are_passed_over),
		cmocka_unit_test(lists_per_zone_are_scanned_alone),
		cmocka_unit_test(node_reclaim_leaves_dirty_pages),
		cmocka_unit_test(shrinkers_give_in_proportion),
		cmocka_unit_test(swappiness_weighs_the_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
