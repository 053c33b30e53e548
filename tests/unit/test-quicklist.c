/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Quicklists: last in, first out per CPU, trimming, page tables that come from them. */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/quicklist.h"

#define MIB (1ull << 20)

static struct memory *machine(bool quicklists, unsigned nr_nodes, unsigned nr_cpus, uint64_t bytes)
{
	uint64_t node_bytes[] = {bytes, bytes};
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .conf = &conf,
				   .nr_nodes = nr_nodes,
				   .node_bytes = node_bytes,
				   .nr_cpus = nr_cpus};
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.quicklists = quicklists;
	conf.slab_model_objects = 0;
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

static void test_lifo(void **state)
{
	struct memory *mem = machine(true, 2, 2, 256 * MIB);
	pfn_t a, b;

	(void)state;
	a = quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE);
	b = quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE);
	assert_int_equal(mem->vm_event[QUICKLIST_MISS], 2);
	quicklist_free(mem, a);
	quicklist_free(mem, b);
	assert_int_equal(quicklist_total_size(mem), 2);
	assert_int_equal(quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE), b);
	assert_int_equal(quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE), a);
	assert_int_equal(mem->vm_event[QUICKLIST_HIT], 2);
	/* What one CPU has in store serves no other one, but it keeps pages of any node. */
	quicklist_free(mem, a);
	mem->cpu = 1;
	quicklist_free(mem, b);
	assert_int_equal(quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE), b);
	assert_int_equal(pfn_to_node(mem, b)->node_id, 0);
	b = quicklist_alloc(mem, GFP_PGTABLE_USER, NUMA_NO_NODE);
	assert_int_equal(pfn_to_node(mem, b)->node_id, 1);
	assert_int_equal(mem->vm_event[QUICKLIST_MISS], 3);
	/* Reclaim of one node takes that node's pages alone. */
	quicklist_free(mem, b);
	assert_int_equal(quicklist_drain(mem, 1), 1);
	assert_int_equal(quicklist_drain(mem, -1), 1);
	assert_int_equal(quicklist_total_size(mem), 0);
	assert_int_equal(mem->vm_event[QUICKLIST_TRIM], 2);
	finish(mem);
}

static void store(struct memory *mem, unsigned nr)
{
	pfn_t *pfns = calloc(nr, sizeof(*pfns));

	for (unsigned i = 0; i < nr; i++)
		pfns[i] = alloc_pages(mem, GFP_KERNEL, 0, NUMA_NO_NODE);
	for (unsigned i = 0; i < nr; i++)
		quicklist_free(mem, pfns[i]);
	free(pfns);
}

static uint64_t free_pages_of_node(const struct memory *mem, unsigned nid)
{
	uint64_t nr = 0;

	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		nr += mem->nodes[nid]->node_zones[t].vm_stat[NR_FREE_PAGES];
	return nr;
}

/* To a sixteenth of what the node has free, shared by its CPUs; sixteen pages at a time. */
static void test_trim(void **state)
{
	struct memory *mem = machine(true, 1, 4, 64 * MIB);
	uint64_t max;

	(void)state;
	store(mem, 400);
	max = free_pages_of_node(mem, 0) / 16 / 4;
	assert_true(max > 25 && max < 350);
	quicklist_trim(mem, 0);
	assert_int_equal(quicklist_total_size(mem), 400 - 16);
	/* What it gives back stands on per-cpu lists first, which do not count as free. */
	for (unsigned i = 0; i < 40; i++)
		quicklist_trim_idle(mem);
	assert_true(quicklist_total_size(mem) <= free_pages_of_node(mem, 0) / 16 / 4);
	assert_true(quicklist_total_size(mem) >= max - 16);
	assert_int_equal(mem->vm_event[QUICKLIST_TRIM], 400 - quicklist_total_size(mem));
	finish(mem);
}

/* Never below 25 pages, however short memory is. */
static void test_trim_keeps_some(void **state)
{
	struct memory *mem = machine(true, 1, 1, 64 * MIB);

	(void)state;
	store(mem, 60);
	while (alloc_pages(mem, GFP_KERNEL | __GFP_MEMALLOC, 0, NUMA_NO_NODE) != PFN_NONE)
		;
	for (unsigned i = 0; i < 10; i++)
		quicklist_trim(mem, 0);
	assert_int_equal(quicklist_total_size(mem), 25);
	finish(mem);
}

/* The tables of one program serve the next; the counts of page-table pages are those without. */
static void test_page_tables(void **state)
{
	static const struct mmap_request req = {.addr = 1ull << 30,
						.len = 8 * MIB,
						.prot = PROT_READ | PROT_WRITE,
						.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	for (unsigned on = 0; on < 2; on++) {
		struct memory *mem = machine(on, 1, 1, 256 * MIB);
		struct mm_struct *mm = mm_alloc(mem);
		uint64_t hit;

		assert_int_equal(do_mmap(mm, &req), 1 << 30);
		for (unsigned i = 0; i < 4; i++)
			assert_non_null(pgtable_alloc(mm, req.addr + i * 2 * MIB, 0));
		/* root, two levels below it, four of entries */
		assert_int_equal(mem->nodes[0]->vm_stat[NR_PAGETABLE], 7);
		mmput(mm);
		assert_int_equal(quicklist_total_size(mem), on ? 7 : 0);
		hit = mem->vm_event[QUICKLIST_HIT];
		assert_int_equal(mem->nodes[0]->vm_stat[NR_PAGETABLE], 0);
		mm = mm_alloc(mem);
		assert_int_equal(mem->vm_event[QUICKLIST_HIT], hit + on);
		mmput(mm);
		finish(mem);
	}
	(void)state;
}

static void test_off(void **state)
{
	struct memory *mem = machine(false, 1, 1, 64 * MIB);

	(void)state;
	assert_null(mem->quicklists);
	assert_int_equal(quicklist_total_size(mem), 0);
	assert_int_equal(quicklist_drain(mem, -1), 0);
	quicklist_trim_idle(mem);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifo),	    cmocka_unit_test(test_trim),
		cmocka_unit_test(test_trim_keeps_some), cmocka_unit_test(test_page_tables),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
