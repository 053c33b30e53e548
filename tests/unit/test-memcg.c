/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory cgroups: counters, stocks, limits, protection, kernel memory, swap, groups that go. */
#include "support/test.h"

#include <errno.h>

#include "base/strbuf.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memcontrol.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define MIB	(1ull << 20)
#define MANY	512

/* A machine, a process in a group, and a reclaim that frees what it is given. */
struct fixture {
	struct memory *mem;
	struct mem_cgroup *group;
	struct task_struct *task;
	pfn_t held[MANY];
	unsigned nr_held;
	unsigned nr_reclaims, nr_kills;
	bool may_free, may_kill, last_may_swap;
	struct mem_cgroup *last_over;
	uint64_t last_nr;
};

static struct fixture *of(struct memory *mem)
{
	return mem->pressure_ctx;
}

static uint64_t fake_reclaim(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp, bool may_swap)
{
	struct fixture *f = of(mem);
	uint64_t freed = 0;

	(void)gfp;
	f->nr_reclaims++;
	f->last_over = memcg;
	f->last_nr = nr_pages;
	f->last_may_swap = may_swap;
	while (f->may_free && f->nr_held && freed < nr_pages) {
		put_page(mem, f->held[--f->nr_held]);
		freed++;
	}
	return freed;
}

static bool fake_oom(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, unsigned order)
{
	struct fixture *f = of(mem);

	(void)memcg;
	(void)gfp;
	(void)order;
	f->nr_kills++;
	if (!f->may_kill)
		return false;
	while (f->nr_held)
		put_page(mem, f->held[--f->nr_held]);
	return true;
}

static const struct pressure_ops ops = {.reclaim_memcg = fake_reclaim, .memcg_oom = fake_oom};

static int set_up_version(void **state, bool v1)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = memory_create_uma(geometry_find("x86-64"), 2, 256 * MIB);
	f->mem->pressure = &ops;
	f->mem->pressure_ctx = f;
	lru_enable(f->mem);
	mem_cgroup_init(f->mem, v1);
	f->group = mem_cgroup_create(f->mem->root_memcg, "g");
	f->task = task_alloc(f->mem, 1);
	f->task->mm = mm_alloc(f->mem);
	mm_set_memcg(f->task->mm, f->group);
	f->mem->current = f->task;
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_version(state, false);
}

static int set_up_v1(void **state)
{
	return set_up_version(state, true);
}

static void assert_consistent(const struct memory *mem)
{
	struct strbuf why = {0};

	strbuf_addstr(&why, "");
	if (!memcg_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_consistent(f->mem);
	while (f->nr_held)
		put_page(f->mem, f->held[--f->nr_held]);
	mmput(f->task->mm);
	f->task->mm = NULL;
	task_free(f->mem, f->task);
	f->mem->current = NULL;
	assert_consistent(f->mem);
	memory_destroy(f->mem);
	free(f);
	return 0;
}

static pfn_t new_folio(struct fixture *f, unsigned order)
{
	return alloc_pages(f->mem, GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0), order, 0);
}

/* True: charged, and held by the fixture. */
static bool charge_one(struct fixture *f, unsigned order)
{
	pfn_t pfn = new_folio(f, order);

	if (!mem_cgroup_charge(f->mem, pfn, f->task->mm, GFP_KERNEL)) {
		put_page(f->mem, pfn);
		return false;
	}
	f->held[f->nr_held++] = pfn;
	return true;
}

static void free_one(struct fixture *f)
{
	put_page(f->mem, f->held[--f->nr_held]);
}

/* ---- charging ---- */

static void without_groups_nothing_is_charged(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	pfn_t pfn = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);

	(void)state;
	assert_true(mem_cgroup_charge(mem, pfn, NULL, GFP_KERNEL));
	assert_null(folio_memcg(mem, pfn));
	assert_true(memcg_consistent(mem, NULL));
	put_page(mem, pfn);
	memory_destroy(mem);
}

static void the_first_page_takes_a_batch(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < MEMCG_CHARGE_BATCH; i++) {
		assert_true(charge_one(f, 0));
		assert_int_equal(f->group->memory.usage, MEMCG_CHARGE_BATCH);
	}
	assert_ptr_equal(folio_memcg(f->mem, f->held[0]), f->group);
	assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 2 * MEMCG_CHARGE_BATCH);
	/* A user's page goes straight back to the counter, not to the stock. */
	free_one(f);
	assert_int_equal(f->group->memory.usage, 2 * MEMCG_CHARGE_BATCH - 1);
	assert_int_equal(f->mem->root_memcg->memory.usage, 2 * MEMCG_CHARGE_BATCH - 1);
	assert_int_equal(f->group->memory.watermark, 2 * MEMCG_CHARGE_BATCH);
}

static void each_cpu_has_a_stock(void **state)
{
	struct fixture *f = *state;

	assert_true(charge_one(f, 0));
	f->mem->cpu = 1;
	assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 2 * MEMCG_CHARGE_BATCH);
	f->mem->cpu = 0;
	assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 2 * MEMCG_CHARGE_BATCH);
}

static void a_huge_folio_is_charged_whole(void **state)
{
	struct fixture *f = *state;

	assert_true(charge_one(f, 9));
	assert_int_equal(f->group->memory.usage, 512);
	mem_cgroup_split(f->mem, f->held[0], 9, 0);
	assert_ptr_equal(folio_memcg(f->mem, f->held[0] + 511), f->group);
	for (unsigned i = 1; i < 512; i++)
		f->mem->page_memcg[f->held[0] + i] = 0;	/* it stays one folio here */
	free_one(f);
	assert_int_equal(f->group->memory.usage, 0);
}

static void the_root_is_charged_for_nothing(void **state)
{
	struct fixture *f = *state;

	mm_set_memcg(f->task->mm, f->mem->root_memcg);
	assert_true(charge_one(f, 0));
	assert_int_equal(f->mem->root_memcg->memory.usage, 0);
	assert_ptr_equal(folio_memcg(f->mem, f->held[0]), f->mem->root_memcg);
}

/* ---- limits ---- */

/* Above the last whole batch pages are charged one by one, up to the limit to the page. */
static void a_limit_holds_to_the_page(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 100);
	assert_int_equal(f->nr_reclaims, 0);
	assert_false(charge_one(f, 0));
	assert_int_equal(f->nr_kills, 1);
	assert_ptr_equal(f->last_over, f->group);
	assert_int_equal(f->group->memory_events[MEMCG_OOM], 1);
	/* The first try, the one after the stocks were emptied, and 16 more. */
	assert_int_equal(f->nr_reclaims, 18);
	assert_int_equal(f->group->memory_events[MEMCG_MAX], 18);
	assert_true(f->last_may_swap);
}

static void what_reclaim_frees_is_charged_again(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 100);
	f->may_free = true;
	for (unsigned i = 0; i < 400; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 100);
	assert_int_equal(f->nr_reclaims, 300);
	assert_int_equal(f->last_nr, 1);
	assert_int_equal(f->group->memory_events[MEMCG_OOM], 0);
}

static void stocks_of_other_cpus_are_emptied_before_anybody_dies(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 128);
	assert_true(charge_one(f, 0));
	f->mem->cpu = 1;
	for (unsigned i = 0; i < 64; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 128);
	/* 63 pages lie in the stock of CPU 0. */
	for (unsigned i = 0; i < 63; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->nr_kills, 0);
	assert_false(charge_one(f, 0));
}

static void the_killer_makes_room(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 64);
	f->may_kill = true;
	for (unsigned i = 0; i < 65; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->nr_kills, 1);
	assert_int_equal(f->nr_held, 1);
}

static void huge_folios_do_not_kill(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 100);
	assert_false(charge_one(f, 9));
	assert_int_equal(f->nr_kills, 0);
	assert_int_equal(f->group->memory_events[MEMCG_OOM], 0);
}

static void what_must_not_fail_goes_above(void **state)
{
	struct fixture *f = *state;
	pfn_t pfn = new_folio(f, 0);

	memcg_set_max(f->group, 0);
	assert_true(mem_cgroup_charge(f->mem, pfn, f->task->mm, GFP_KERNEL | __GFP_NOFAIL));
	assert_int_equal(f->group->memory.usage, 1);
	put_page(f->mem, pfn);
	/* and so does what reclaim itself needs */
	f->mem->memalloc = true;
	assert_true(charge_one(f, 0));
	f->mem->memalloc = false;
	f->nr_kills = 0;
	assert_false(charge_one(f, 0));
}

static void a_parent_limits_its_children(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *child = mem_cgroup_create(f->group, "child");

	mm_set_memcg(f->task->mm, child);
	memcg_set_max(f->group, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_true(charge_one(f, 0));
	assert_false(charge_one(f, 0));
	assert_ptr_equal(f->last_over, f->group);
	assert_int_equal(child->memory_events[MEMCG_MAX], 0);
	assert_int_equal(f->group->memory_events_local[MEMCG_OOM], 1);
	assert_int_equal(f->mem->root_memcg->memory_events[MEMCG_OOM], 0);
	mm_set_memcg(f->task->mm, f->group);
}

static void a_lowered_limit_reclaims_then_kills(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 200; i++)
		assert_true(charge_one(f, 0));
	f->may_free = true;
	memcg_set_max(f->group, 50);
	assert_int_equal(f->group->memory.usage, 50);
	assert_int_equal(f->nr_kills, 0);
	f->may_free = false;
	f->may_kill = true;
	memcg_set_max(f->group, 10);
	assert_int_equal(f->nr_kills, 1);
	assert_int_equal(f->group->memory.usage, 0);
}

/* ---- memory.high ---- */

/* 64 pages, 20 % above: (0.2)^2 * 2^20 / 2^14 * HZ = 2.56 * 250 ticks, capped at 2 s. */
static void who_goes_above_high_is_held_up(void **state)
{
	struct fixture *f = *state;

	memcg_set_high(f->group, 320);
	for (unsigned i = 0; i < 320; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->group->high_stall_ns, 0);
	assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.usage, 384);
	assert_int_equal(f->task->memcg_nr_pages_over_high, 64);
	mem_cgroup_return_to_user(f->mem);
	assert_int_equal(f->group->high_stall_ns, 2000000000);
	/* 17 attempts: the retries, and the first. */
	assert_int_equal(f->group->memory_events[MEMCG_HIGH], 17);
	assert_int_equal(f->task->memcg_nr_pages_over_high, 0);
}

static void a_little_above_high_costs_nothing(void **state)
{
	struct fixture *f = *state;

	memcg_set_high(f->group, 65536);
	f->group->memory.usage = 65536;	/* as if */
	f->group->parent->memory.usage = 65536;
	assert_true(charge_one(f, 0));
	mem_cgroup_return_to_user(f->mem);
	assert_int_equal(f->group->high_stall_ns, 0);
	f->group->memory.usage -= 65536;
	f->group->parent->memory.usage -= 65536;
}

/* ---- protection ---- */

static void protection_is_shared_out(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *a = mem_cgroup_create(f->group, "a"), *b = mem_cgroup_create(f->group, "b");
	uint64_t min, low;

	memcg_set_low(f->group, 100);
	memcg_set_low(a, 100);
	memcg_set_low(b, 50);
	mm_set_memcg(f->task->mm, a);
	for (unsigned i = 0; i < 128; i++)
		assert_true(charge_one(f, 0));
	mm_set_memcg(f->task->mm, b);
	for (unsigned i = 0; i < 64; i++)
		assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memory.children_low_usage, 150);
	mem_cgroup_calculate_protection(NULL, f->group);
	mem_cgroup_calculate_protection(NULL, a);
	mem_cgroup_calculate_protection(NULL, b);
	/* The parent can afford 100 of the 150 that they claim. */
	assert_int_equal(a->memory.elow, 66);
	assert_int_equal(b->memory.elow, 33);
	mem_cgroup_protection(f->mem->root_memcg, a, &min, &low);
	assert_int_equal(min, 0);
	assert_int_equal(low, 66);
	mem_cgroup_protection(a, a, &min, &low);
	assert_int_equal(low, 0);
	mm_set_memcg(f->task->mm, f->group);
}

static void what_is_not_claimed_goes_to_the_children_recursively(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *a = mem_cgroup_create(f->group, "a"), *b = mem_cgroup_create(f->group, "b");

	memcg_set_min(f->group, 128);
	mm_set_memcg(f->task->mm, a);
	for (unsigned i = 0; i < 192; i++)
		assert_true(charge_one(f, 0));
	mm_set_memcg(f->task->mm, b);
	for (unsigned i = 0; i < 64; i++)
		assert_true(charge_one(f, 0));
	mem_cgroup_calculate_protection(NULL, f->group);
	mem_cgroup_calculate_protection(NULL, a);
	assert_int_equal(a->memory.emin, 96);	/* 128 * 192 / 256 */
	assert_false(mem_cgroup_below_min(NULL, a));
	memcg_set_recursive_protection(f->mem, false);
	mem_cgroup_calculate_protection(NULL, a);
	assert_int_equal(a->memory.emin, 0);
	mm_set_memcg(f->task->mm, f->group);
}

static void a_small_group_is_below_its_protection(void **state)
{
	struct fixture *f = *state;

	memcg_set_min(f->group, 64);
	assert_true(charge_one(f, 0));
	mem_cgroup_calculate_protection(NULL, f->group);
	assert_true(mem_cgroup_below_min(NULL, f->group));
	assert_false(mem_cgroup_below_min(f->group, f->group));
	assert_false(mem_cgroup_below_min(NULL, f->mem->root_memcg));
	for (unsigned i = 0; i < 64; i++)
		assert_true(charge_one(f, 0));
	assert_false(mem_cgroup_below_min(NULL, f->group));
}

/* ---- walks ---- */

static void walks_go_parents_first(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *a = mem_cgroup_create(f->group, "a"), *aa = mem_cgroup_create(a, "aa");
	struct mem_cgroup *b = mem_cgroup_create(f->group, "b"), *want[] = {f->group, a, aa, b, NULL}, *m = NULL;

	for (unsigned i = 0; i < 5; i++) {
		m = mem_cgroup_iter(f->mem, f->group, m, NULL);
		assert_ptr_equal(m, want[i]);
	}
	assert_ptr_equal(mem_cgroup_iter(f->mem, NULL, NULL, NULL), f->mem->root_memcg);
}

static void partial_walks_go_on_where_the_last_one_stopped(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *a = mem_cgroup_create(f->group, "a"), *b = mem_cgroup_create(f->group, "b"), *m;
	struct mem_cgroup_reclaim_cookie cookie = {.pgdat = f->mem->nodes[0]};

	m = mem_cgroup_iter(f->mem, f->group, NULL, &cookie);
	assert_ptr_equal(m, f->group);
	m = mem_cgroup_iter(f->mem, f->group, m, &cookie);
	assert_ptr_equal(m, a);
	/* broken off; the next one */
	m = mem_cgroup_iter(f->mem, f->group, NULL, &cookie);
	assert_ptr_equal(m, b);
	m = mem_cgroup_iter(f->mem, f->group, m, &cookie);
	assert_null(m);
	m = mem_cgroup_iter(f->mem, f->group, NULL, &cookie);
	assert_ptr_equal(m, f->group);
}

/* ---- kernel memory ---- */

static void kernel_pages_go_by_the_stock_both_ways(void **state)
{
	struct fixture *f = *state;
	pfn_t pfn = alloc_pages(f->mem, GFP_KERNEL_ACCOUNT, 2, 0);

	assert_int_equal(f->group->memory.usage, MEMCG_CHARGE_BATCH);
	assert_int_equal(f->group->kmem.usage, 4);
	assert_int_equal(memcg_stat(f->group, MEMCG_KMEM_PAGES), 4);
	assert_ptr_equal(folio_memcg(f->mem, pfn), f->group);
	free_pages_pfn(f->mem, pfn, 2);
	assert_int_equal(f->group->kmem.usage, 0);
	/* All 64 are in the stock now. */
	assert_int_equal(f->group->memory.usage, MEMCG_CHARGE_BATCH);
	drain_all_pages(f->mem);
	memcg_set_max(f->group, 0);
	assert_int_equal(f->group->memory.usage, 0);
}

static void the_kernel_gets_no_page_above_the_limit(void **state)
{
	struct fixture *f = *state;

	memcg_set_max(f->group, 2);
	assert_int_equal(alloc_pages(f->mem, GFP_KERNEL_ACCOUNT, 2, 0), PFN_NONE);
	assert_int_not_equal(alloc_pages(f->mem, GFP_KERNEL_ACCOUNT, 1, 0), PFN_NONE);
	assert_int_equal(f->group->memory.usage, 2);
	f->held[f->nr_held++] = 0;
	f->nr_held--;
}

/* 8 bytes more than its place for each object; a page holds so and so many, the first charges it. */
static void objects_are_charged_by_the_byte(void **state)
{
	struct fixture *f = *state;
	struct kmem_cache *cache = kmem_cache_create(f->mem, "test", 1000, 8, SLAB_ACCOUNT | SLAB_NO_MERGE, NULL);
	kaddr_t objects[5];

	for (unsigned i = 0; i < 4; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		assert_int_equal(f->group->kmem.usage, 1);
	}
	objects[4] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(f->group->kmem.usage, 2);
	assert_int_equal(memcg_stat(f->group, MEMCG_SLAB_UNRECLAIMABLE_B), 5 * 1008);
	assert_consistent(f->mem);
	for (unsigned i = 0; i < 5; i++)
		kmem_cache_free(cache, objects[i]);
	assert_int_equal(memcg_stat(f->group, MEMCG_SLAB_UNRECLAIMABLE_B), 0);
	/* Up to a page of bytes stays in the CPU's stock. */
	assert_int_equal(f->group->kmem.usage, 1);
}

static void objects_of_nobody_are_nobodys(void **state)
{
	struct fixture *f = *state;
	struct kmem_cache *cache = kmem_cache_create(f->mem, "test", 1000, 8, SLAB_NO_MERGE, NULL);
	kaddr_t object = kmem_cache_alloc(cache, GFP_KERNEL), accounted = kmem_cache_alloc(cache, GFP_KERNEL_ACCOUNT);

	assert_int_equal(memcg_stat(f->group, MEMCG_SLAB_UNRECLAIMABLE_B), 1008);
	kmem_cache_free(cache, object);
	assert_int_equal(memcg_stat(f->group, MEMCG_SLAB_UNRECLAIMABLE_B), 1008);
	kmem_cache_free(cache, accounted);
	assert_int_equal(memcg_stat(f->group, MEMCG_SLAB_UNRECLAIMABLE_B), 0);
}

/* ---- swap ---- */

static void swap_has_a_counter_of_its_own(void **state)
{
	struct fixture *f = *state;

	memcg_set_swap_max(f->group, 2);
	assert_true(charge_one(f, 0));
	assert_int_equal(mem_cgroup_swap_margin(f->mem, f->group), 2);
	assert_true(mem_cgroup_try_charge_swap(f->mem, f->held[0], 7));
	assert_true(mem_cgroup_try_charge_swap(f->mem, f->held[0], 8));
	assert_int_equal(lookup_swap_cgroup_id(f->mem, 7), f->group->id);
	assert_true(mem_cgroup_swap_half_full(f->mem, f->held[0]));
	assert_false(mem_cgroup_try_charge_swap(f->mem, f->held[0], 9));
	assert_int_equal(f->group->memory_events[MEMCG_SWAP_MAX], 1);
	assert_int_equal(f->group->memory_events[MEMCG_SWAP_FAIL], 1);
	assert_int_equal(memcg_stat(f->group, MEMCG_SWAP), 2);
	assert_consistent(f->mem);
	mem_cgroup_uncharge_swap(f->mem, 7, 2);
	assert_int_equal(f->group->swap.usage, 0);
	assert_int_equal(lookup_swap_cgroup_id(f->mem, 7), 0);
}

static void what_comes_from_swap_is_charged_to_who_swapped_it_out(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *other = mem_cgroup_create(f->mem->root_memcg, "other");
	pfn_t pfn;

	assert_true(charge_one(f, 0));
	assert_true(mem_cgroup_try_charge_swap(f->mem, f->held[0], 3));
	free_one(f);
	mm_set_memcg(f->task->mm, other);
	pfn = new_folio(f, 0);
	assert_true(mem_cgroup_swapin_charge(f->mem, pfn, f->task->mm, GFP_KERNEL, 3));
	assert_ptr_equal(folio_memcg(f->mem, pfn), f->group);
	put_page(f->mem, pfn);
	/* When that is gone: to who reads it. */
	mem_cgroup_offline(f->group);
	pfn = new_folio(f, 0);
	assert_true(mem_cgroup_swapin_charge(f->mem, pfn, f->task->mm, GFP_KERNEL, 3));
	assert_ptr_equal(folio_memcg(f->mem, pfn), other);
	put_page(f->mem, pfn);
	mem_cgroup_uncharge_swap(f->mem, 3, 1);
}

/* ---- version 1 ---- */

static void memory_and_swap_are_one_in_version_1(void **state)
{
	struct fixture *f = *state;
	pfn_t pfn;

	memcg_set_swap_max(f->group, 64);
	assert_true(charge_one(f, 0));
	assert_int_equal(f->group->memsw.usage, 64);
	assert_true(mem_cgroup_try_charge_swap(f->mem, f->held[0], 5));
	assert_int_equal(f->group->swap.usage, 0);
	memcg1_swapout(f->mem, f->held[0], 5);
	assert_null(folio_memcg(f->mem, f->held[0]));
	assert_int_equal(f->group->memory.usage, 63);
	assert_int_equal(f->group->memsw.usage, 64);
	assert_consistent(f->mem);
	free_one(f);
	pfn = new_folio(f, 0);
	assert_true(mem_cgroup_swapin_charge(f->mem, pfn, f->task->mm, GFP_KERNEL, 5));
	memcg1_swapin(f->mem, 5, 1);
	assert_int_equal(f->group->memory.usage, 63);
	assert_int_equal(f->group->memsw.usage, 63);
	put_page(f->mem, pfn);
}

/* Swapping out does not help when memory and swap together are full. */
static void reclaim_does_not_swap_for_memsw(void **state)
{
	struct fixture *f = *state;

	memcg_set_swap_max(f->group, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_true(charge_one(f, 0));
	assert_false(charge_one(f, 0));
	assert_false(f->last_may_swap);
	/* Each of the ten failed with a whole batch first, the last one then 18 times alone. */
	assert_int_equal(f->group->memsw.failcnt, 10 + 1 + 18);
}

/* ---- groups that go ---- */

static void an_offline_group_lives_on_for_its_pages(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *m = NULL;
	pfn_t table = alloc_pages(f->mem, GFP_KERNEL_ACCOUNT, 0, 0);
	bool seen = false;

	assert_true(charge_one(f, 0));
	mm_set_memcg(f->task->mm, f->mem->root_memcg);
	mem_cgroup_offline(f->group);
	assert_int_equal(f->group->memory.usage, 1);
	assert_int_equal(f->group->kmem.usage, 0);
	assert_int_equal(f->mem->root_memcg->memory.usage, 1);
	assert_ptr_equal(folio_memcg(f->mem, table), f->mem->root_memcg);
	assert_consistent(f->mem);
	while ((m = mem_cgroup_iter(f->mem, NULL, m, NULL)))
		seen |= m == f->group;
	assert_true(seen);
	free_pages_pfn(f->mem, table, 0);
	free_one(f);
	assert_int_equal(f->group->memory.usage, 0);
	while ((m = mem_cgroup_iter(f->mem, NULL, m, NULL)))
		assert_ptr_not_equal(m, f->group);
}

static void a_group_inside_hands_its_kernel_memory_up(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *child = mem_cgroup_create(f->group, "child");
	pfn_t table;

	mm_set_memcg(f->task->mm, child);
	table = alloc_pages(f->mem, GFP_KERNEL_ACCOUNT, 0, 0);
	mm_set_memcg(f->task->mm, f->group);
	mem_cgroup_offline(child);
	assert_int_equal(child->memory.usage, 0);
	assert_int_equal(f->group->memory.usage, 1);
	assert_int_equal(f->group->stat[MEMCG_KMEM_PAGES], 1);
	assert_consistent(f->mem);
	free_pages_pfn(f->mem, table, 0);
	assert_int_equal(f->group->kmem.usage, 0);
}

int main(void)
{
#define GROUPED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define GROUPED_V1(name) cmocka_unit_test_setup_teardown(name, set_up_v1, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_groups_nothing_is_charged),
		GROUPED(the_first_page_takes_a_batch),
		GROUPED(each_cpu_has_a_stock),
		GROUPED(a_huge_folio_is_charged_whole),
		GROUPED(the_root_is_charged_for_nothing),
		GROUPED(a_limit_holds_to_the_page),
		GROUPED(what_reclaim_frees_is_charged_again),
		GROUPED(stocks_of_other_cpus_are_emptied_before_anybody_dies),
		GROUPED(the_killer_makes_room),
		GROUPED(huge_folios_do_not_kill),
		GROUPED(what_must_not_fail_goes_above),
		GROUPED(a_parent_limits_its_children),
		GROUPED(a_lowered_limit_reclaims_then_kills),
		GROUPED(who_goes_above_high_is_held_up),
		GROUPED(a_little_above_high_costs_nothing),
		GROUPED(protection_is_shared_out),
		GROUPED(what_is_not_claimed_goes_to_the_children_recursively),
		GROUPED(a_small_group_is_below_its_protection),
		GROUPED(walks_go_parents_first),
		GROUPED(partial_walks_go_on_where_the_last_one_stopped),
		GROUPED(kernel_pages_go_by_the_stock_both_ways),
		GROUPED(the_kernel_gets_no_page_above_the_limit),
		GROUPED(objects_are_charged_by_the_byte),
		GROUPED(objects_of_nobody_are_nobodys),
		GROUPED(swap_has_a_counter_of_its_own),
		GROUPED(what_comes_from_swap_is_charged_to_who_swapped_it_out),
		GROUPED_V1(memory_and_swap_are_one_in_version_1),
		GROUPED_V1(reclaim_does_not_swap_for_memsw),
		GROUPED(an_offline_group_lives_on_for_its_pages),
		GROUPED(a_group_inside_hands_its_kernel_memory_up),
	};

	return cmocka_run_group_tests_name("memcg", tests, NULL, NULL);
}
