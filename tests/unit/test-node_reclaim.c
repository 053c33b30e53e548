/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* vm.zone_reclaim_mode: where it runs, for whom, and what it counts. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define NR_NODES 3

/* Gives back what the test holds of a node. */
struct reserve {
	pfn_t pages[NR_NODES][1 << 16];
	unsigned nr[NR_NODES], calls[NR_NODES];
	unsigned give;		/* pages a call frees */
};

static uint64_t free_some(struct memory *mem, struct pglist_data *pgdat, unsigned order, gfp_t gfp)
{
	struct reserve *r = mem->pressure_ctx;
	unsigned nid = pgdat->node_id;
	uint64_t freed = 0;

	(void)order;
	(void)gfp;
	assert_true(mem->memalloc);
	r->calls[nid]++;
	for (; freed < r->give && r->nr[nid]; freed++)
		put_page(mem, r->pages[nid][--r->nr[nid]]);
	return freed;
}

static const struct pressure_ops ops = { .node_reclaim = free_some };

/* Node 1 is near, node 2 far; CPUs on nodes 0 and 1. All of node 0 is handed out. */
static struct memory *full_machine(struct reserve *r, uint64_t mode)
{
	static const uint64_t bytes[NR_NODES] = { 32 * MIB, 32 * MIB, 32 * MIB };
	static const uint16_t cpu_node[2] = { 0, 1 };
	static const uint32_t distance[NR_NODES * NR_NODES] = { 10, 20, 40, 20, 10, 40, 40, 40, 10 };
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = NR_NODES,
				    .node_bytes = bytes, .nr_cpus = 2, .cpu_node = cpu_node,
				    .distance = distance };
	struct memory *mem;
	pfn_t pfn;

	config_defaults(&mm_config_table, &conf);
	conf.pcp = 0;
	conf.boot_reserved_bytes = MIB;
	conf.thp_enabled = 0;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	memset(r, 0, sizeof(*r));
	r->give = 1;
	for (int nid = 0; nid < NR_NODES; nid++)
		while ((pfn = alloc_pages(mem, (GFP_HIGHUSER_MOVABLE | __GFP_THISNODE) & ~__GFP_RECLAIM,
					  0, nid)) != PFN_NONE)
			r->pages[nid][r->nr[nid]++] = pfn;
	for (unsigned n = 0; n < NR_NODES; n++)
		mem->nodes[n]->vm_stat[NR_FILE_PAGES] = r->nr[n];
	mem->conf.zone_reclaim_mode = mode;
	mem->pressure = &ops;
	mem->pressure_ctx = r;
	return mem;
}

/* Lifts all zones of a node over their marks. */
static void free_node(struct memory *mem, struct reserve *r, unsigned nid)
{
	while (r->nr[nid])
		put_page(mem, r->pages[nid][--r->nr[nid]]);
}

static unsigned node_of(const struct memory *mem, pfn_t pfn)
{
	return pfn_to_node(mem, pfn)->node_id;
}

static void off_means_the_next_node(void **state)
{
	struct reserve *r = malloc(sizeof(*r));
	struct memory *mem = full_machine(r, 0);

	(void)state;
	free_node(mem, r, 1);
	assert_int_equal(node_of(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0)), 1);
	assert_int_equal(r->calls[0] + r->calls[1] + r->calls[2], 0);
	assert_int_equal(mem->vm_event[PGSCAN_ZONE_RECLAIM_SUCCESS], 0);
	memory_destroy(mem);
	free(r);
}

static void own_node_is_reclaimed_first(void **state)
{
	struct reserve *r = malloc(sizeof(*r));
	struct memory *mem = full_machine(r, RECLAIM_ZONE);

	(void)state;
	free_node(mem, r, 1);
	r->give = 2000;
	assert_int_equal(node_of(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0)), 0);
	assert_int_equal(r->calls[0], 1);
	assert_int_equal(mem->vm_event[PGSCAN_ZONE_RECLAIM_SUCCESS], 1);
	assert_int_equal(mem->vm_event[PGSCAN_ZONE_RECLAIM_FAILED], 0);
	memory_destroy(mem);
	free(r);
}

static void too_little_counts_and_goes_on(void **state)
{
	struct reserve *r = malloc(sizeof(*r));
	struct memory *mem = full_machine(r, RECLAIM_ZONE);

	(void)state;
	free_node(mem, r, 1);
	r->give = 0;
	assert_int_equal(node_of(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0)), 1);
	/* Once for each zone that was short: only DMA is there beside Normal's like. */
	assert_int_equal(mem->vm_event[PGSCAN_ZONE_RECLAIM_SUCCESS], 0);
	assert_int_equal(mem->vm_event[PGSCAN_ZONE_RECLAIM_FAILED], r->calls[0]);
	assert_true(r->calls[0] > 0);
	assert_int_equal(r->calls[1], 0);
	memory_destroy(mem);
	free(r);
}

/* A node with CPUs is left to them; a far one too, though it has none. */
static void other_nodes_are_left_alone(void **state)
{
	struct reserve *r = malloc(sizeof(*r));
	struct memory *mem = full_machine(r, RECLAIM_ZONE);

	(void)state;
	r->give = 0;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE & ~__GFP_KSWAPD_RECLAIM, 0, 0);
	assert_true(r->calls[0] > 0);
	assert_int_equal(r->calls[1], 0);
	assert_int_equal(r->calls[2], 0);
	/* Near and without CPUs: it is. */
	mem->distance[2] = 30;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE & ~__GFP_KSWAPD_RECLAIM, 0, 0);
	assert_true(r->calls[2] > 0);
	memory_destroy(mem);
	free(r);
}

static void who_may_not_wait_does_not(void **state)
{
	struct reserve *r = malloc(sizeof(*r));
	struct memory *mem = full_machine(r, RECLAIM_ZONE);

	(void)state;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM, 0, 0);
	assert_int_equal(r->calls[0], 0);
	/* Nor does it pay on a node with few idle pages. */
	mem->nodes[0]->vm_stat[NR_FILE_PAGES] = mem->nodes[0]->managed_pages / 100;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);
	assert_int_equal(r->calls[0], 0);
	/* Mapped pages do not count, unless they may be unmapped. */
	mem->nodes[0]->vm_stat[NR_FILE_PAGES] = mem->nodes[0]->vm_stat[NR_FILE_MAPPED] = 4000;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);
	assert_int_equal(r->calls[0], 0);
	mem->conf.zone_reclaim_mode = RECLAIM_ZONE | RECLAIM_UNMAP;
	alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);
	assert_true(r->calls[0] > 0);
	memory_destroy(mem);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_means_the_next_node),
		cmocka_unit_test(own_node_is_reclaimed_first),
		cmocka_unit_test(too_little_counts_and_goes_on),
		cmocka_unit_test(other_nodes_are_left_alone),
		cmocka_unit_test(who_may_not_wait_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
