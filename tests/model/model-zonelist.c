/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Zonelists against brute force: random nodes with and without CPUs and memory, random distances.
 *
 *	the list of a node = all nodes with memory, itself first, sorted by (distance, nodes behind it
 *	first, nodes without CPUs first, how often they came first in a group so far, number)
 *	an allocation comes from the first zone of it that is allowed and stays above its low mark,
 *	else its min mark, else it fails
 *
 * Every request is movable and goes past the per-cpu lists, so nothing else has a say.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "base/vec.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define MAX_NODES	12
#define ALLOCS		5000	/* of one machine */

struct model {
	struct memory *mem;
	unsigned order[MAX_NODES][MAX_NODES], nr[MAX_NODES];
	VEC(pfn_t) pages;
};

/* ---- what the lists should be ---- */

struct rank {
	uint64_t key;
	unsigned node;
};

static int compare_rank(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (int)x->node - (int)y->node;
}

static void model_orders(struct model *m)
{
	const struct memory *mem = m->mem;
	uint64_t load[MAX_NODES] = {0};

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++) {
		const uint32_t *distance = &mem->distance[nid * mem->nr_nodes];
		struct rank ranks[MAX_NODES];
		uint32_t group = distance[nid];

		m->nr[nid] = 0;
		for (unsigned n = 0; n < mem->nr_nodes; n++) {
			uint64_t far = distance[n] + (n < nid) + mem->nodes[n]->has_cpu;

			if (mem->nodes[n]->has_memory)
				ranks[m->nr[nid]++] = (struct rank){
					n == nid ? 0 : far << 32 | load[n], n };
		}
		/* no ties: the node's number is part of the order */
		qsort(ranks, m->nr[nid], sizeof(ranks[0]), compare_rank);
		for (unsigned i = 0; i < m->nr[nid]; i++) {
			unsigned n = ranks[i].node;

			load[n] += distance[n] != group;
			group = distance[n];
			m->order[nid][i] = n;
		}
	}
}

static void check_zonelist(const struct model *m, unsigned nid)
{
	const struct zoneref *ref = m->mem->nodes[nid]->zonelist;

	for (unsigned i = 0; i < m->nr[nid]; i++) {
		struct pglist_data *pgdat = m->mem->nodes[m->order[nid][i]];

		for (int t = MAX_NR_ZONES - 1; t >= 0; t--) {
			if (!pgdat->node_zones[t].managed_pages)
				continue;
			assert_ptr_equal(ref->zone, &pgdat->node_zones[t]);
			ref++;
		}
	}
	assert_null(ref->zone);
	ref = m->mem->nodes[nid]->zonelist_thisnode;
	for (int t = MAX_NR_ZONES - 1; t >= 0; t--)
		if (m->mem->nodes[nid]->node_zones[t].managed_pages) {
			assert_ptr_equal(ref->zone, &m->mem->nodes[nid]->node_zones[t]);
			ref++;
		}
	assert_null(ref->zone);
}

/* ---- what an allocation should get ---- */

struct request {
	gfp_t gfp;
	enum zone_type highest;
	unsigned nid;
	uint64_t nodemask;
};

static const struct zone *model_scan(const struct model *m, const struct request *r,
				     enum zone_watermarks mark)
{
	for (unsigned i = 0; i < m->nr[r->nid]; i++) {
		unsigned n = m->order[r->nid][i];

		if (!(r->nodemask >> n & 1) || (r->gfp & __GFP_THISNODE && n != r->nid))
			continue;
		for (int t = (int)r->highest; t >= 0; t--) {
			const struct zone *zone = &m->mem->nodes[n]->node_zones[t];

			if (zone->managed_pages && zone->vm_stat[NR_FREE_PAGES] >
						   zone->watermark[mark] + zone->lowmem_reserve[r->highest])
				return zone;
		}
	}
	return NULL;
}

static void random_request(const struct model *m, struct rng *rng, struct request *r)
{
	static const struct {
		gfp_t gfp;
		enum zone_type highest;
	} kinds[] = {
		{ __GFP_HIGHMEM, ZONE_MOVABLE }, { __GFP_HIGHMEM, ZONE_MOVABLE },
		{ 0, ZONE_NORMAL }, { __GFP_DMA32, ZONE_DMA32 }, { __GFP_DMA, ZONE_DMA },
	};
	size_t kind = rng_below(rng, sizeof(kinds) / sizeof(kinds[0]));

	*r = (struct request){
		.gfp = kinds[kind].gfp | __GFP_MOVABLE | __GFP_NOWARN,
		.highest = kinds[kind].highest,
		.nid = (unsigned)rng_below(rng, m->mem->nr_nodes),
		.nodemask = NODEMASK_ALL,
	};
	if (!rng_below(rng, 4))
		r->nodemask = rng_below(rng, 1ull << m->mem->nr_nodes);
	if (!rng_below(rng, 8))
		r->gfp |= __GFP_THISNODE;
}

static void check_request(struct model *m, const struct request *r)
{
	const struct zone *expect = model_scan(m, r, WMARK_LOW);
	pfn_t pfn;

	if (!expect)
		expect = model_scan(m, r, WMARK_MIN);
	pfn = alloc_pages_nodemask(m->mem, r->gfp, 0, (int)r->nid, r->nodemask);
	if (!expect) {
		assert_int_equal(pfn, PFN_NONE);
		return;
	}
	assert_true(pfn != PFN_NONE);
	assert_ptr_equal(page_zone(m->mem, pfn), expect);
	*vec_push(&m->pages) = pfn;
}

static void give_back(struct model *m, struct rng *rng)
{
	size_t i = rng_below(rng, m->pages.nr);

	put_page(m->mem, m->pages.data[i]);
	m->pages.data[i] = m->pages.data[--m->pages.nr];
}

static void model_allocations(struct model *m, struct rng *rng, uint64_t *nr_failed)
{
	bool filling = true;
	struct request r;

	for (unsigned i = 0; i < ALLOCS; i++) {
		size_t before = m->pages.nr;

		if (m->pages.nr && rng_below(rng, 16) >= (filling ? 15u : 4u)) {
			give_back(m, rng);
			continue;
		}
		if (!filling && m->pages.nr) {
			give_back(m, rng);
			continue;
		}
		random_request(m, rng, &r);
		check_request(m, &r);
		*nr_failed += m->pages.nr == before;
		filling = rng_below(rng, 3000) ? filling : !filling;
	}
}

/* ---- machines ---- */

static const char *const geometries[] = { "x86-64", "x86-32-pae", "arm64-4k", "riscv-sv39" };

static struct memory *random_machine(struct rng *rng)
{
	uint64_t bytes[MAX_NODES];
	uint16_t cpu_node[4];
	uint32_t distance[MAX_NODES * MAX_NODES];
	struct mm_config conf;
	struct memory_desc desc = {
		.geo = geometry_find(geometries[rng_below(rng, 4)]), .conf = &conf,
		.nr_nodes = 1 + (unsigned)rng_below(rng, MAX_NODES), .node_bytes = bytes,
		.nr_cpus = 1 + (unsigned)rng_below(rng, 4), .cpu_node = cpu_node,
		.distance = distance,
	};
	struct memory *mem;
	struct mmr_error err;

	config_defaults(&mm_config_table, &conf);
	conf.pcp = 0;
	conf.boot_reserved_bytes = 1 << 20;
	conf.thp_enabled = 0;
	for (unsigned n = 0; n < desc.nr_nodes; n++)
		bytes[n] = n && !rng_below(rng, 4) ? 0 : (8 + rng_below(rng, 24)) << 20;
	for (unsigned c = 0; c < desc.nr_cpus; c++)
		cpu_node[c] = (uint16_t)rng_below(rng, desc.nr_nodes);
	for (unsigned i = 0; i < desc.nr_nodes * desc.nr_nodes; i++)
		distance[i] = i % (desc.nr_nodes + 1) ? 11 + (uint32_t)rng_below(rng, 4) * 10 : 10;
	if (!rng_below(rng, 3))
		conf.movablecore_bytes = rng_below(rng, 64) << 20;
	if (memory_create(&desc, &mem, &err))
		fail_msg("%s: %s", desc.geo->name, err.text);
	mem->cpu = (unsigned)rng_below(rng, desc.nr_cpus);
	return mem;
}

static void test_zonelists(void **state)
{
	uint64_t nr = test_ops(1000000) / ALLOCS, nr_failed = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t i = 0; i < nr; i++) {
		struct model m = { .mem = random_machine(&rng) };
		struct strbuf why = {0};

		model_orders(&m);
		for (unsigned nid = 0; nid < m.mem->nr_nodes; nid++)
			check_zonelist(&m, nid);
		model_allocations(&m, &rng, &nr_failed);
		if (!memory_consistent(m.mem, &why))
			fail_msg("machine %u: %s", (unsigned)i, why.s);
		vec_finish(&m.pages);
		memory_destroy(m.mem);
	}
	/* Both ends were seen: memory to be had, and none left where it was wanted. */
	assert_true(nr_failed > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_zonelists) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
