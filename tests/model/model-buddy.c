/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The buddy allocator of one zone against a bitmap of free frames. What the lists hold must be, at
 * any time, the one way to cut the free frames into aligned blocks of at most the largest order; a
 * request fails exactly when the bitmap has no such block.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/buddy.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"

#define MAX_LIVE 20000

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
	uint64_t nr_failed, nr_claimed;
};

static void model_init(struct model *m, uint64_t bytes)
{
	struct fragmentation f;

	memset(m, 0, sizeof(*m));
	m->mem = memory_create_uma(geometry_find("x86-64"), 1, bytes);
	m->zone = &m->mem->nodes[0]->node_zones[ZONE_DMA32];
	m->free = calloc(BITMAP_WORDS(m->zone->zone_end_pfn), sizeof(uint64_t));
	fragmentation_of_zone(&f, m->zone);
	assert_int_equal(f.free_pages, m->zone->managed_pages);
	/* At the start all is free but what boot took: at the front and at the end. */
	for (pfn_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn; pfn++)
		bitmap_set(m->free, pfn);
	for (pfn_t pfn = m->mem->zero_pfn; pfn < m->mem->zero_pfn + (bytes >> 18); pfn++)
		bitmap_clear(m->free, pfn);
	for (pfn_t pfn = m->zone->zone_end_pfn - (pfn_t)(bytes >> 18); pfn < m->zone->zone_end_pfn;
	     pfn++)
		bitmap_clear(m->free, pfn);
	m->nr_free = bitmap_count(m->free, m->zone->zone_end_pfn);
	assert_int_equal(m->nr_free, m->zone->managed_pages);
}

static void model_finish(struct model *m)
{
	free(m->free);
	memory_destroy(m->mem);
}

static bool is_free_block(const struct model *m, uint64_t pfn, unsigned order)
{
	for (uint64_t i = pfn; i < pfn + (1u << order); i++)
		if (i >= m->zone->zone_end_pfn || !bitmap_test(m->free, i))
			return false;
	return true;
}

static bool has_block(const struct model *m, unsigned order)
{
	for (uint64_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn;
	     pfn += 1u << order)
		if (is_free_block(m, pfn, order))
			return true;
	return false;
}

static void check_blocks(const struct model *m)
{
	uint64_t nr[MAX_ORDER_LIMIT] = {0};
	struct fragmentation f;
	struct strbuf why = {0};
	int order;

	for (uint64_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn;
	     pfn += order < 0 ? 1 : 1u << order) {
		for (order = (int)m->zone->max_order; order >= 0; order--)
			if (!(pfn & ((1u << order) - 1)) && is_free_block(m, pfn, (unsigned)order))
				break;
		if (order >= 0)
			nr[order]++;
	}
	fragmentation_of_zone(&f, m->zone);
	for (unsigned o = 0; o <= m->zone->max_order; o++)
		assert_int_equal(f.free_blocks[o], nr[o]);
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
	pfn_t pfn;

	if (m->nr_live == MAX_LIVE)
		return;
	pfn = buddy_rmqueue(m->zone, order, mt, 0, &mode);
	if (pfn == PFN_NONE) {
		assert_false(has_block(m, order));
		m->nr_failed++;
		return;
	}
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	assert_true(is_free_block(m, pfn, order));
	for (uint64_t i = pfn; i < pfn + (1u << order); i++)
		bitmap_clear(m->free, i);
	m->nr_free -= 1u << order;
	m->nr_claimed += mode != RMQUEUE_NORMAL;
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
	buddy_free(m->zone, l->pfn, l->order, pageblock_type(m->mem, l->pfn));
	for (uint64_t i = l->pfn; i < l->pfn + (1u << l->order); i++)
		bitmap_set(m->free, i);
	m->nr_free += 1u << l->order;
	*l = m->live[--m->nr_live];
}

static void test_random(void **state)
{
	uint64_t nr = test_ops(1000000);
	static struct model m;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	model_init(&m, 96ull << 20);
	check_blocks(&m);
	for (uint64_t i = 0; i < nr; i++) {
		/* Waves: memory runs full and empty again; some waves are of small orders only. */
		bool is_filling = i >> 15 & 1 ? rng_below(&rng, 100) < 65
					      : rng_below(&rng, 100) < 40;

		if (is_filling)
			do_alloc(&m, &rng, i >> 17 & 1 ? 2 : m.zone->max_order);
		else
			do_free(&m, &rng);
		assert_int_equal(m.zone->vm_stat[NR_FREE_PAGES], m.nr_free);
		if (i % 20000 == 0)
			check_blocks(&m);
	}
	assert_true(m.nr_failed > 0 && m.nr_claimed > 0);
	while (m.nr_live)
		do_free(&m, &rng);
	check_blocks(&m);
	model_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
