/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The buddy allocator of one zone against a bitmap of free frames and the kind of each pageblock:
 * usual (unmovable, movable or reclaimable), of a CMA area, or isolated. What the lists hold must be, at
 * any time, the one way to cut the free frames into aligned blocks of one kind of at most the largest
 * order (isolated pageblocks side by side may stay apart); a request fails exactly when the kinds that
 * may serve it have no such block. Besides requests and frees, pageblocks are isolated and given back,
 * and free ranges are taken by their place.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/buddy.h"
#include "mm/cma.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MAX_LIVE 20000
#define MAX_RANGES 64
#define MAX_ISOLATED 8

enum kind { USUAL, CMA, ISOLATED, NR_KINDS };

struct live {
	pfn_t pfn;
	unsigned order;
};

struct model {
	struct memory *mem;
	struct zone *zone;
	uint64_t *free;		/* bit per frame */
	uint64_t nr_free;
	struct live live[MAX_LIVE];
	size_t nr_live;
	struct pfn_range ranges[MAX_RANGES];	/* taken by their place */
	size_t nr_ranges;
	pfn_t isolated[MAX_ISOLATED];
	size_t nr_isolated;
	pfn_t cma_start, cma_end;
	uint64_t nr_failed, nr_claimed, nr_cma, nr_taken, nr_isolations;
};

static void model_init(struct model *m, const char *geometry, uint64_t bytes, uint64_t cma_bytes)
{
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find(geometry), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 1 };
	struct fragmentation f;

	memset(m, 0, sizeof(*m));
	config_defaults(&mm_config_table, &conf);
	conf.cma_bytes = cma_bytes;
	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	m->cma_start = m->mem->cma_areas[0].base_pfn;
	m->cma_end = m->cma_start + (pfn_t)m->mem->cma_areas[0].count;
	m->zone = &m->mem->nodes[0]->node_zones[ZONE_DMA];
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (m->mem->nodes[0]->node_zones[t].managed_pages > m->zone->managed_pages)
			m->zone = &m->mem->nodes[0]->node_zones[t];
	drain_all_pages(m->mem);
	m->free = calloc(BITMAP_WORDS(m->zone->zone_end_pfn), sizeof(uint64_t));
	fragmentation_of_zone(&f, m->zone);
	assert_int_equal(f.free_pages, m->zone->managed_pages);
	/* At the start all is free but what boot took. */
	for (pfn_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn; pfn++)
		if (buddy_range_is_free(m->zone, pfn, pfn + 1))
			bitmap_set(m->free, pfn);
	m->nr_free = bitmap_count(m->free, m->zone->zone_end_pfn);
	assert_int_equal(m->nr_free, m->zone->managed_pages);
}

static void model_finish(struct model *m)
{
	free(m->free);
	memory_destroy(m->mem);
}

static enum kind kind_of(const struct model *m, uint64_t pfn)
{
	for (size_t i = 0; i < m->nr_isolated; i++)
		if (pfn >> m->zone->pageblock_order == m->isolated[i] >> m->zone->pageblock_order)
			return ISOLATED;
	return pfn >= m->cma_start && pfn < m->cma_end ? CMA : USUAL;
}

/* All frames free and of one kind? */
static bool is_free_block(const struct model *m, uint64_t pfn, unsigned order)
{
	for (uint64_t i = pfn; i < pfn + (1u << order); i++)
		if (i >= m->zone->zone_end_pfn || !bitmap_test(m->free, i))
			return false;
	return order <= m->zone->pageblock_order ||
	       kind_of(m, pfn) == kind_of(m, pfn + (1u << (order - 1)));
}

static bool has_block(const struct model *m, unsigned order, bool cma)
{
	for (uint64_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn;
	     pfn += 1u << order)
		if (is_free_block(m, pfn, order) && kind_of(m, pfn) <= (cma ? CMA : USUAL))
			return true;
	return false;
}

static void set_free(struct model *m, pfn_t start, pfn_t end, bool is_free)
{
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (is_free)
			bitmap_set(m->free, pfn);
		else
			bitmap_clear(m->free, pfn);
	}
	m->nr_free += is_free ? end - start : -(uint64_t)(end - start);
}

static void check_blocks(const struct model *m)
{
	uint64_t nr[NR_KINDS][MAX_ORDER_LIMIT] = {0}, pages[NR_KINDS] = {0};
	struct fragmentation f;
	struct strbuf why = {0};
	int order;

	for (uint64_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn;
	     pfn += order < 0 ? 1 : 1u << order) {
		for (order = (int)m->zone->max_order; order >= 0; order--)
			if (!(pfn & ((1u << order) - 1)) && is_free_block(m, pfn, (unsigned)order))
				break;
		if (order < 0)
			continue;
		nr[kind_of(m, pfn)][order]++;
		pages[kind_of(m, pfn)] += 1ull << order;
	}
	fragmentation_of_zone(&f, m->zone);
	for (unsigned o = 0; o <= m->zone->max_order; o++) {
		const uint64_t *blocks = f.free_blocks_type[o];

		assert_int_equal(blocks[MIGRATE_UNMOVABLE] + blocks[MIGRATE_MOVABLE] +
					 blocks[MIGRATE_RECLAIMABLE], nr[USUAL][o]);
		assert_int_equal(blocks[MIGRATE_CMA], nr[CMA][o]);
		pages[ISOLATED] -= blocks[MIGRATE_ISOLATE] << o;
		if (o < m->zone->pageblock_order)
			assert_int_equal(blocks[MIGRATE_ISOLATE], nr[ISOLATED][o]);
	}
	assert_int_equal(pages[ISOLATED], 0);
	assert_int_equal(m->zone->vm_stat[NR_FREE_PAGES], pages[USUAL] + pages[CMA]);
	assert_int_equal(m->zone->vm_stat[NR_FREE_CMA_PAGES], pages[CMA]);
	assert_int_equal(m->zone->nr_isolate_pageblock, m->nr_isolated);
	assert_int_equal(f.free_pages, m->nr_free);
	/* Frames here are used without a reference count: the lists alone are asked. */
	memory_consistent(m->mem, &why);
	if (why.s && (strstr(why.s, "block") || strstr(why.s, "list")))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void do_alloc(struct model *m, struct rng *rng, unsigned max_order)
{
	unsigned order = (unsigned)rng_below(rng, max_order + 1);
	enum migratetype mt = (enum migratetype)rng_below(rng, MIGRATE_PCPTYPES);
	enum rmqueue_mode mode = RMQUEUE_NORMAL;
	bool cma = mt == MIGRATE_MOVABLE && rng_below(rng, 4);
	pfn_t pfn;

	if (m->nr_live == MAX_LIVE)
		return;
	pfn = buddy_rmqueue(m->zone, order, mt, cma ? ALLOC_CMA : 0, &mode);
	if (pfn == PFN_NONE) {
		assert_false(has_block(m, order, cma));
		m->nr_failed++;
		return;
	}
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	assert_true(is_free_block(m, pfn, order));
	assert_true(kind_of(m, pfn) == USUAL || (cma && kind_of(m, pfn) == CMA));
	m->nr_cma += kind_of(m, pfn) == CMA;
	set_free(m, pfn, pfn + (1u << order), false);
	m->nr_claimed += mode > RMQUEUE_CMA;
	/* What claiming a pageblock looks at. */
	m->zone->mem_map[pfn].mapping = mt == MIGRATE_MOVABLE;
	m->live[m->nr_live++] = (struct live){ pfn, order };
}

static void do_free(struct model *m, struct rng *rng)
{
	struct live *l;

	if (!m->nr_live)
		return;
	l = &m->live[rng_below(rng, m->nr_live)];
	m->zone->mem_map[l->pfn].mapping = 0;
	if (l->order > m->zone->pageblock_order)
		buddy_free_range(m->zone, l->pfn, l->pfn + (1u << l->order));
	else
		buddy_free(m->zone, l->pfn, l->order, pageblock_type(m->mem, l->pfn));
	set_free(m, l->pfn, l->pfn + (1u << l->order), true);
	*l = m->live[--m->nr_live];
}

static pfn_t random_pfn(const struct model *m, struct rng *rng)
{
	return m->zone->zone_start_pfn +
	       (pfn_t)rng_below(rng, m->zone->zone_end_pfn - m->zone->zone_start_pfn);
}

/* Takes what is free from a random frame on, or gives back what was taken so. */
static void do_range(struct model *m, struct rng *rng)
{
	pfn_t start = random_pfn(m, rng), end = start;
	size_t most = (size_t)rng_below(rng, 3000);

	if (m->nr_ranges && rng_below(rng, 2)) {
		struct pfn_range *r = &m->ranges[rng_below(rng, m->nr_ranges)];

		buddy_free_range(m->zone, r->start, r->end);
		set_free(m, r->start, r->end, true);
		*r = m->ranges[--m->nr_ranges];
		return;
	}
	while (end < m->zone->zone_end_pfn && end - start < most && bitmap_test(m->free, end))
		end++;
	if (start == end || m->nr_ranges == MAX_RANGES)
		return;
	assert_true(buddy_range_is_free(m->zone, start, end));
	if (end < m->zone->zone_end_pfn && !bitmap_test(m->free, end))
		assert_false(buddy_range_is_free(m->zone, start, end + 1));
	buddy_touch_range(m->zone, start, end);
	buddy_take_range(m->zone, start, end);
	set_free(m, start, end, false);
	m->ranges[m->nr_ranges++] = (struct pfn_range){ start, end };
	m->nr_taken++;
}

/* Isolates a pageblock, or gives one back. */
static void do_isolate(struct model *m, struct rng *rng)
{
	pfn_t block = 1u << m->zone->pageblock_order, pfn = random_pfn(m, rng) & ~(block - 1);

	if (m->nr_isolated && (m->nr_isolated == MAX_ISOLATED || rng_below(rng, 2))) {
		pfn_t *at = &m->isolated[rng_below(rng, m->nr_isolated)];

		pfn = *at;
		*at = m->isolated[--m->nr_isolated];
		buddy_unisolate_block(m->zone, pfn);
		return;
	}
	buddy_touch_range(m->zone, pfn, pfn + block);
	assert_int_equal(buddy_isolate_block(m->zone, pfn), kind_of(m, pfn) != ISOLATED);
	if (kind_of(m, pfn) == ISOLATED)
		return;
	m->isolated[m->nr_isolated++] = pfn;
	m->nr_isolations++;
}

static void run(const char *geometry, uint64_t bytes, uint64_t cma_bytes, uint64_t nr)
{
	static struct model m;
	struct rng rng;

	rng_seed(&rng, test_seed());
	model_init(&m, geometry, bytes, cma_bytes);
	check_blocks(&m);
	for (uint64_t i = 0; i < nr; i++) {
		/* Waves: memory runs full and empty again; some waves are of small orders only. */
		bool is_filling = i >> 15 & 1 ? rng_below(&rng, 100) < 65
					      : rng_below(&rng, 100) < 40;

		if (i % 64 == 0)
			do_range(&m, &rng);
		else if (i % 64 == 32)
			do_isolate(&m, &rng);
		else if (is_filling)
			do_alloc(&m, &rng, i >> 17 & 1 ? 2 : m.zone->max_order);
		else
			do_free(&m, &rng);
		if (!m.nr_isolated)
			assert_int_equal(m.zone->vm_stat[NR_FREE_PAGES], m.nr_free);
		if (i % 20000 == 0)
			check_blocks(&m);
	}
	assert_true(m.nr_failed > 0 && m.nr_claimed > 0);
	assert_true(m.nr_cma > 500 && m.nr_taken > 500 && m.nr_isolations > 500);
	while (m.nr_live)
		do_free(&m, &rng);
	while (m.nr_ranges)
		do_range(&m, &rng);
	while (m.nr_isolated)
		do_isolate(&m, &rng);
	assert_int_equal(m.nr_free, m.zone->managed_pages);
	check_blocks(&m);
	model_finish(&m);
}

static void test_random(void **state)
{
	(void)state;
	run("x86-64", 96ull << 20, 20ull << 20, test_ops(1000000));
}

/* Pageblocks of the largest order: 2^13 pages. */
static void test_random_arm64_64k(void **state)
{
	(void)state;
	run("arm64-64k", 3ull << 30, 512ull << 20, test_ops(200000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_arm64_64k),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
