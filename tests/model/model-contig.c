/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Contiguous ranges and CMA against a table of who owns each frame: single movable pages, unmovable blocks,
 * ranges. Nobody ever gets a frame that another has; a page that moved is found by its owner; a range
 * without unmovable pages and reserved ones in it is had as long as there is room to move to; after a
 * failure everything is as free as it was.
 */
#include "support/test.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"
#include "mm/buddy.h"
#include "mm/contig.h"
#include "mm/memory.h"
#include "mm/migrate.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define NR_PAGES	12000	/* movable ones, at most */
#define NR_BLOCKS	400	/* unmovable ones */
#define NR_RANGES	24
#define CMA_BYTES	(12ull << 20)

enum owner { NOBODY, MOVABLE, UNMOVABLE, RANGE, BOOT };

struct range {
	pfn_t pfn;
	uint64_t nr;
	bool cma;
};

struct model {
	struct memory *mem;
	struct zone *zone;
	struct cma *cma;
	uint8_t *owner;		/* by frame */
	pfn_t page[NR_PAGES];	/* movable ones by slot */
	size_t nr_pages;
	struct {
		pfn_t pfn;
		unsigned order;
	} block[NR_BLOCKS];
	size_t nr_blocks;
	struct range range[NR_RANGES];
	size_t nr_ranges;
	struct movable_operations ops;
	uint32_t handle;
	uint64_t nr_used, nr_moved, nr_got, nr_refused, nr_cma, nr_cma_refused;
};

static void set_owner(struct model *m, pfn_t pfn, uint64_t nr, enum owner from, enum owner to)
{
	for (uint64_t i = 0; i < nr; i++) {
		assert_int_equal(m->owner[pfn + i], from);
		m->owner[pfn + i] = (uint8_t)to;
	}
	m->nr_used += to == NOBODY ? -nr : from == NOBODY ? nr : 0;
}

static bool migrated(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct model *m = ctx;
	uint64_t slot = pfn_to_page(mem, dst)->index;

	assert_int_equal(m->page[slot], src);
	set_owner(m, src, 1, MOVABLE, NOBODY);
	set_owner(m, dst, 1, NOBODY, MOVABLE);
	m->page[slot] = dst;
	m->nr_moved++;
	return true;
}

static void model_init(struct model *m)
{
	uint64_t bytes = 64ull << 20;
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 2 };

	memset(m, 0, sizeof(*m));
	config_defaults(&mm_config_table, &conf);
	conf.cma_bytes = CMA_BYTES;
	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	m->zone = &m->mem->nodes[0]->node_zones[ZONE_DMA32];
	m->cma = cma_area_of(m->mem, 0);
	m->owner = calloc(m->mem->max_pfn, 1);
	for (pfn_t pfn = m->zone->zone_start_pfn; pfn < m->zone->zone_end_pfn; pfn++)
		if (!buddy_range_is_free(m->zone, pfn, pfn + 1))
			m->owner[pfn] = BOOT;
	m->ops.migrate_page = migrated;
	m->ops.ctx = m;
	m->handle = mapping_handle_alloc(m->mem, &m->ops);
}

static void model_finish(struct model *m)
{
	free(m->owner);
	memory_destroy(m->mem);
}

static void check(struct model *m)
{
	uint64_t free = 0, all = 0;
	struct strbuf why = {0};

	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_int_equal(m->zone->nr_isolate_pageblock, 0);
	drain_all_pages(m->mem);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		free += m->mem->nodes[0]->node_zones[t].vm_stat[NR_FREE_PAGES];
		all += m->mem->nodes[0]->node_zones[t].managed_pages;
	}
	/* The kernel has some of its own, and they stay. */
	assert_in_range(all - free - m->nr_used, 0, 500);
}

static void alloc_page(struct model *m)
{
	pfn_t pfn;

	if (m->nr_pages == NR_PAGES)
		return;
	pfn = alloc_pages(m->mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	if (pfn == PFN_NONE)
		return;
	set_owner(m, pfn, 1, NOBODY, MOVABLE);
	pfn_to_page(m->mem, pfn)->flags |= PG_MOVABLE_OPS;
	pfn_to_page(m->mem, pfn)->mapping = m->handle;
	pfn_to_page(m->mem, pfn)->index = m->nr_pages;
	m->page[m->nr_pages++] = pfn;
}

static void free_page(struct model *m, struct rng *rng)
{
	size_t slot;

	if (!m->nr_pages)
		return;
	slot = (size_t)rng_below(rng, m->nr_pages);
	set_owner(m, m->page[slot], 1, MOVABLE, NOBODY);
	pfn_to_page(m->mem, m->page[slot])->mapping = 0;
	free_pages_pfn(m->mem, m->page[slot], 0);
	m->page[slot] = m->page[--m->nr_pages];
	if (slot < m->nr_pages)
		pfn_to_page(m->mem, m->page[slot])->index = slot;
}

static void alloc_block(struct model *m, struct rng *rng)
{
	unsigned order = (unsigned)rng_below(rng, 4);
	pfn_t pfn;

	if (m->nr_blocks == NR_BLOCKS)
		return;
	pfn = alloc_pages(m->mem, GFP_KERNEL, order, NUMA_NO_NODE);
	if (pfn == PFN_NONE)
		return;
	assert_false(pfn >= m->cma->base_pfn && pfn < m->cma->base_pfn + m->cma->count);
	set_owner(m, pfn, 1ull << order, NOBODY, UNMOVABLE);
	m->block[m->nr_blocks].pfn = pfn;
	m->block[m->nr_blocks++].order = order;
}

static void free_block(struct model *m, struct rng *rng)
{
	size_t at;

	if (!m->nr_blocks)
		return;
	at = (size_t)rng_below(rng, m->nr_blocks);
	set_owner(m, m->block[at].pfn, 1ull << m->block[at].order, UNMOVABLE, NOBODY);
	free_pages_pfn(m->mem, m->block[at].pfn, m->block[at].order);
	m->block[at] = m->block[--m->nr_blocks];
}

static void got_range(struct model *m, pfn_t pfn, uint64_t nr, bool cma)
{
	set_owner(m, pfn, nr, NOBODY, RANGE);
	m->range[m->nr_ranges++] = (struct range){ pfn, nr, cma };
}

static void take_range(struct model *m, struct rng *rng)
{
	uint64_t nr = rng_below(rng, 1500) + 1;
	pfn_t pfn = m->zone->zone_start_pfn +
		    (pfn_t)rng_below(rng, m->zone->zone_end_pfn - m->zone->zone_start_pfn - nr);
	bool can = true, room;

	for (uint64_t i = 0; i < nr; i++)
		can &= m->owner[pfn + i] <= MOVABLE;
	/* Whole pageblocks are isolated, and none of CMA's for others. */
	for (uint64_t i = pfn & ~511u; i < pfn + nr; i += 512)
		can &= i < m->cma->base_pfn || i >= m->cma->base_pfn + m->cma->count;
	room = m->zone->vm_stat[NR_FREE_PAGES] > m->zone->watermark[WMARK_LOW] + 2 * nr + 1024;
	if (alloc_contig_range(m->mem, pfn, pfn + (pfn_t)nr, false, GFP_KERNEL)) {
		assert_false(can && room);
		m->nr_refused++;
		return;
	}
	assert_true(can);
	m->nr_got++;
	got_range(m, pfn, nr, false);
}

static void take_cma(struct model *m, struct rng *rng)
{
	uint64_t nr = rng_below(rng, 700) + 1;
	unsigned align = (unsigned)rng_below(rng, 10);
	pfn_t pfn = cma_alloc(m->mem, m->cma, nr, align);

	if (pfn == PFN_NONE) {
		m->nr_cma_refused++;
		return;
	}
	assert_int_equal(pfn & ((1u << align) - 1), 0);
	assert_true(pfn >= m->cma->base_pfn && pfn + nr <= m->cma->base_pfn + m->cma->count);
	m->nr_cma++;
	got_range(m, pfn, nr, true);
}

static void give_range(struct model *m, struct rng *rng)
{
	struct range *r = &m->range[rng_below(rng, m->nr_ranges)];

	set_owner(m, r->pfn, r->nr, RANGE, NOBODY);
	if (r->cma)
		assert_true(cma_release(m->mem, m->cma, r->pfn, r->nr));
	else
		free_contig_range(m->mem, r->pfn, r->nr);
	*r = m->range[--m->nr_ranges];
}

static void do_range(struct model *m, struct rng *rng)
{
	if (m->nr_ranges && (m->nr_ranges == NR_RANGES || rng_below(rng, 2)))
		give_range(m, rng);
	else if (rng_below(rng, 2))
		take_cma(m, rng);
	else
		take_range(m, rng);
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
		/* Waves; the unmovable ones are few, and come and go more slowly. */
		bool is_filling = rng_below(&rng, 100) < (i >> 15 & 1 ? 60 : 45);

		m.mem->cpu = (unsigned)rng_below(&rng, 2);
		if (i % 512 == 0)
			do_range(&m, &rng);
		else if (i % 32 == 0 && is_filling)
			alloc_block(&m, &rng);
		else if (i % 32 == 0)
			free_block(&m, &rng);
		else if (is_filling)
			alloc_page(&m);
		else
			free_page(&m, &rng);
		if (i % 20000 == 0)
			check(&m);
	}
	assert_true(m.nr_got > 50 && m.nr_cma > 100 && m.nr_moved > 10000);
	assert_true(m.nr_refused > 50 && m.nr_cma_refused > 10);
	while (m.nr_ranges)
		give_range(&m, &rng);
	while (m.nr_pages)
		free_page(&m, &rng);
	while (m.nr_blocks)
		free_block(&m, &rng);
	assert_int_equal(m.nr_used, 0);
	assert_int_equal(m.cma->available_count, m.cma->count);
	check(&m);
	model_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
