/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page allocator under random requests from four CPUs on two nodes, against a map of who holds
 * which frame: no frame is handed out twice, none is lost, and the statistics obey their
 * identities.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/fragmentation.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define MAX_LIVE 60000

struct live {
	pfn_t pfn;
	unsigned order;
};

struct model {
	struct memory *mem;
	uint64_t *used;
	struct live live[MAX_LIVE];
	size_t nr_live;
	uint64_t nr_ok, nr_failed, pages_got, pages_freed;
};

static void model_init(struct model *m)
{
	uint64_t bytes[2] = { 160ull << 20, 96ull << 20 };
	struct memory_desc desc = {
		.geo = geometry_find("x86-64"), .nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 4,
	};

	memset(m, 0, sizeof(*m));
	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	m->used = calloc(BITMAP_WORDS(m->mem->max_pfn), sizeof(uint64_t));
}

static void check(const struct model *m)
{
	struct strbuf why = {0};

	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static gfp_t random_gfp(struct rng *rng)
{
	static const gfp_t masks[] = {
		GFP_KERNEL,
		GFP_HIGHUSER_MOVABLE,
		GFP_HIGHUSER_MOVABLE,
		GFP_HIGHUSER_MOVABLE,
		GFP_ATOMIC,
		GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_NOWAIT,
		GFP_USER | __GFP_DMA32,
		GFP_KERNEL | __GFP_DMA,
		GFP_HIGHUSER_MOVABLE | __GFP_THISNODE,
		GFP_KERNEL | __GFP_MEMALLOC,
		GFP_KERNEL | __GFP_NORETRY,
	};
	gfp_t gfp = masks[rng_below(rng, ARRAY_SIZE(masks))];

	return rng_below(rng, 2) ? gfp | __GFP_COMP : gfp;
}

static unsigned random_order(struct rng *rng)
{
	static const uint8_t orders[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1,
					 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 9, 10};

	return orders[rng_below(rng, ARRAY_SIZE(orders))];
}

static void do_alloc(struct model *m, struct rng *rng)
{
	unsigned order = random_order(rng);
	gfp_t gfp = random_gfp(rng);
	int nid = (int)rng_below(rng, 3) - 1;
	pfn_t pfn;

	if (m->nr_live == MAX_LIVE)
		return;
	m->mem->cpu = (unsigned)rng_below(rng, 4);
	pfn = alloc_pages(m->mem, gfp, order, nid);
	if (pfn == PFN_NONE) {
		m->nr_failed++;
		return;
	}
	m->nr_ok++;
	m->pages_got += 1u << order;
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	assert_int_equal(pfn_to_page(m->mem, pfn)->_refcount, 1);
	assert_int_equal(page_order(pfn_to_page(m->mem, pfn)), order);
	assert_true(page_zone(m->mem, pfn)->type <= gfp_zone(gfp));
	if (gfp & __GFP_THISNODE)
		assert_int_equal(pfn_to_node(m->mem, pfn)->node_id,
				 nid == NUMA_NO_NODE ? m->mem->cpu_node[m->mem->cpu] : nid);
	for (pfn_t i = pfn; i < pfn + (1u << order); i++) {
		assert_false(bitmap_test(m->used, i));
		bitmap_set(m->used, i);
		if (gfp & __GFP_COMP && i != pfn)
			assert_int_equal(folio_pfn(m->mem, i), pfn);
	}
	if (gfp & __GFP_MOVABLE)
		pfn_to_page(m->mem, pfn)->mapping = 1;
	m->live[m->nr_live++] = (struct live){ pfn, order };
}

static void do_free(struct model *m, struct rng *rng)
{
	struct live *l;

	if (!m->nr_live)
		return;
	m->mem->cpu = (unsigned)rng_below(rng, 4);
	l = &m->live[rng_below(rng, m->nr_live)];
	pfn_to_page(m->mem, l->pfn)->mapping = 0;
	put_page(m->mem, l->pfn);
	for (pfn_t i = l->pfn; i < l->pfn + (1u << l->order); i++)
		bitmap_clear(m->used, i);
	m->pages_freed += 1u << l->order;
	*l = m->live[--m->nr_live];
}

static void check_statistics(const struct model *m)
{
	const uint64_t *ev = m->mem->vm_event;
	uint64_t stat[NR_VM_ZONE_STAT_ITEMS] = {0}, locks = 0, orders = 0;

	for (unsigned n = 0; n < m->mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &m->mem->nodes[n]->node_zones[t];

			for (unsigned i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
				stat[i] += zone->vm_stat[i];
			locks += zone->lock_taken;
		}
	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
		for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			orders += m->mem->alloc_order[mt][o];
	assert_int_equal(stat[NUMA_HIT] + stat[NUMA_MISS], m->nr_ok);
	assert_int_equal(stat[NUMA_MISS], stat[NUMA_FOREIGN]);
	assert_int_equal(stat[NUMA_LOCAL] + stat[NUMA_OTHER], m->nr_ok);
	assert_int_equal(orders, m->nr_ok);
	assert_int_equal(ev[ALLOC_FAIL], m->nr_failed);
	assert_int_equal(ev[ZONE_LOCK], locks);
	assert_int_equal(ev[PGFREE], m->pages_freed);
	assert_int_equal(ev[PGALLOC_DMA] + ev[PGALLOC_DMA32] + ev[PGALLOC_NORMAL], m->pages_got);
	assert_true(stat[NUMA_MISS] > 0 && m->nr_failed > 0 && ev[PCP_HIT] > 0);
}

/* Everything given back: all memory is free again, in as few blocks as its borders allow. */
static void check_empty(const struct model *m)
{
	drain_all_pages(m->mem);
	for (unsigned n = 0; n < m->mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &m->mem->nodes[n]->node_zones[t];
			struct fragmentation f;

			fragmentation_of_zone(&f, zone);
			assert_int_equal(f.free_pages, zone->managed_pages);
			/*
			 * The zone ends, and the image in it, cut at most three times into smaller
			 * blocks.
			 */
			for (unsigned o = 0; o < m->mem->geo->max_order; o++)
				assert_true(f.free_blocks[o] <= 6);
		}
}

static void test_random(void **state)
{
	uint64_t nr = test_ops(1000000);
	static struct model m;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	model_init(&m);
	for (uint64_t i = 0; i < nr; i++) {
		if (rng_below(&rng, 100) < (i >> 14 & 1 ? 62u : 40u))
			do_alloc(&m, &rng);
		else
			do_free(&m, &rng);
		if (i % 25000 == 0)
			check(&m);
		if (i % 100000 == 0)
			decay_pcp_high(m.mem);
	}
	check_statistics(&m);
	while (m.nr_live)
		do_free(&m, &rng);
	check(&m);
	check_empty(&m);
	check(&m);
	free(m.used);
	memory_destroy(m.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
