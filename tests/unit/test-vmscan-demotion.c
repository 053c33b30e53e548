/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A node with CPUs runs short, and its cold pages go to the node without. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/memory_tiers.h"
#include "mm/mempolicy.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/vmscan.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct machine_profile *profile;
};

static const struct pressure_ops ops = {.wake_kswapd = wakeup_kswapd, .try_to_free_pages = try_to_free_pages,
					  .zone_reclaimable_pages = zone_reclaimable_pages};
static const struct pressure_ops without_kswapd = {.try_to_free_pages = try_to_free_pages,
					  .zone_reclaimable_pages = zone_reclaimable_pages};

/*
 * bind: to the fast node. Without it, as in the kernel, allocations take the slow node when the fast one is low and wake
 * nobody.
 */
static struct world world_new(bool demotion, bool bind, unsigned thp)
{
	static const uint64_t bytes[] = {128 * MIB, 256 * MIB};
	static const uint16_t cpu_node[] = {0};
	struct memory_desc desc = {.nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 1, .cpu_node = cpu_node};
	struct tlb_config conf;
	struct world w = {0};

	assert_int_equal(profile_load("test", &w.profile, NULL), 0);
	desc.geo = &w.profile->geometry;
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(desc.geo, &w.profile->tlb, &conf, 1, 2);
	w.mem->conf.thp_enabled = thp;
	w.mem->conf.numa_demotion = demotion;
	if (demotion) {
		w.mem->pressure = &ops;
		lru_enable(w.mem);
	}
	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	w.mem->conf.overcommit_memory = 1;
	if (bind) {
		struct mpol_request req = {.mode = MPOL_BIND, .nodes = 1};
		struct mempolicy *pol;

		assert_int_equal(mpol_create(w.mem, &req, &pol), 0);
		set_task_policy(w.mem, w.task, pol);
	}
	return w;
}

static void world_end(struct world *w)
{
	struct tlb_system *tlb = w->mem->tlb;
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(w->mem));
	assert_true(tlb_consistent(tlb));
	task_free(w->mem, w->task);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	memory_destroy(w->mem);
	tlb_destroy(tlb);
	profile_free(w->profile);
}

static void map_anon(struct world *w, uint64_t len)
{
	struct mmap_request req = {.addr = BASE, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), BASE);
}

static enum access_result touch(struct world *w, uint64_t page)
{
	return mmu_access(w->mem, BASE + page * PAGE, ACCESS_WRITE, 1, true);
}

static unsigned node_at(const struct world *w, uint64_t page)
{
	struct pgtable *table;
	unsigned level;
	pte_t pte = *pgtable_walk(w->mm, BASE + page * PAGE, &level, &table);

	return pfn_to_node(w->mem, pte_pfn(pte))->node_id;
}

static uint64_t stat(const struct world *w, unsigned nid, enum node_stat_item item)
{
	return w->mem->nodes[nid]->vm_stat[item];
}

/* The first pages touched are the oldest, and none is touched again: they are the ones that go. */
static void old_pages_make_room_for_new_ones(void **state)
{
	struct world w = world_new(true, true, 0);
	uint64_t nr = 160 * MIB / PAGE;

	(void)state;
	map_anon(&w, nr * PAGE);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(touch(&w, i), ACCESS_OK);
	assert_true(stat(&w, 0, PGDEMOTE_KSWAPD) > 30 * MIB / PAGE);
	/* the first run, when every page has been used since it came, may be too slow for who allocates */
	assert_true(stat(&w, 0, PGDEMOTE_DIRECT) < stat(&w, 0, PGDEMOTE_KSWAPD) / 10);
	assert_int_equal(stat(&w, 0, PGDEMOTE_KSWAPD) + stat(&w, 0, PGDEMOTE_DIRECT),
			 w.mem->vm_event[PGMIGRATE_SUCCESS]);
	assert_int_equal(node_at(&w, 0), 1);
	assert_int_equal(node_at(&w, nr - 1), 0);
	/* everything is still there, here or there */
	assert_int_equal(stat(&w, 0, NR_ANON_MAPPED) + stat(&w, 1, NR_ANON_MAPPED), nr);
	world_end(&w);
}

static void without_demotion_new_pages_go_to_the_slow_node(void **state)
{
	struct world w = world_new(false, false, 0);
	uint64_t nr = 160 * MIB / PAGE;

	(void)state;
	map_anon(&w, nr * PAGE);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(touch(&w, i), ACCESS_OK);
	assert_int_equal(node_at(&w, 0), 0);
	assert_int_equal(node_at(&w, nr - 1), 1);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 0);
	assert_false(w.mem->lru_enabled);
	world_end(&w);
}

/* A set of pages that is touched all the time survives many that are touched once. */
static void pages_in_use_stay(void **state)
{
	struct world w = world_new(true, true, 0);
	uint64_t nr = 300 * MIB / PAGE, hot = 4 * MIB / PAGE, here = 0;

	(void)state;
	map_anon(&w, nr * PAGE);
	for (uint64_t i = 0; i < nr; i++) {
		assert_int_equal(touch(&w, i), ACCESS_OK);
		if (i % 64 == 0)
			for (uint64_t k = 0; k < hot; k++)
				assert_int_equal(touch(&w, k), ACCESS_OK);
	}
	for (uint64_t k = 0; k < hot; k++)
		here += node_at(&w, k) == 0;
	assert_true(here > hot * 9 / 10);
	assert_true(w.mem->vm_event[PGACTIVATE] > 0);
	world_end(&w);
}

/* Bound to the fast node: there is room as long as old pages can go. */
static void who_may_use_one_node_only_demotes_directly(void **state)
{
	struct world w = world_new(true, true, 0);
	uint64_t nr = 160 * MIB / PAGE;

	(void)state;
	w.mem->pressure = &without_kswapd;	/* all is left to who needs memory */
	map_anon(&w, nr * PAGE);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(touch(&w, i), ACCESS_OK);
	assert_true(stat(&w, 0, PGDEMOTE_DIRECT) > 30 * MIB / PAGE);
	assert_int_equal(stat(&w, 0, PGDEMOTE_KSWAPD), 0);
	assert_int_equal(stat(&w, 0, NR_ANON_MAPPED) + stat(&w, 1, NR_ANON_MAPPED), nr);
	world_end(&w);
}

/* An allocation fails only when the slow node is full as well. */
static void memory_ends_when_all_nodes_are_full(void **state)
{
	struct world w = world_new(true, true, 0);
	uint64_t nr = 400 * MIB / PAGE, got = 0;

	(void)state;
	map_anon(&w, nr * PAGE);
	while (got < nr && touch(&w, got) == ACCESS_OK)
		got++;
	assert_true(got < nr);
	/* what is free is reserves: a few per cent of 384 MiB */
	assert_true(got > 340 * MIB / PAGE);
	assert_true(stat(&w, 0, PGDEMOTE_KSWAPD) > 0);
	world_end(&w);
}

static void huge_pages_go_too(void **state)
{
	struct world w = world_new(true, true, 2);
	uint64_t nr = 160 * MIB / PAGE;

	(void)state;
	map_anon(&w, nr * PAGE);
	for (uint64_t i = 0; i < nr; i++)	/* those that found no huge frame take base pages */
		assert_int_equal(touch(&w, i), ACCESS_OK);
	assert_true(w.mem->vm_event[THP_MIGRATION_SUCCESS] > 0);
	assert_true(stat(&w, 0, PGDEMOTE_KSWAPD) > 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_pages_make_room_for_new_ones),
		cmocka_unit_test(without_demotion_new_pages_go_to_the_slow_node),
		cmocka_unit_test(pages_in_use_stay),
		cmocka_unit_test(who_may_use_one_node_only_demotes_directly),
		cmocka_unit_test(memory_ends_when_all_nodes_are_full),
		cmocka_unit_test(huge_pages_go_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
