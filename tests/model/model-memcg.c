/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Charges against a list of what is charged. Groups come, nest, get limits and go; folios of several orders, pages and objects
 * of the kernel and swap slots are charged, freed, migrated and split on several CPUs, while limits reclaim what they find.
 * The slow model is a list of who holds what. At each check every group's memory must be the sum of what it and those
 * below it hold, plus at most what stocks may hold; the walk over all frames (memcg_consistent()) must agree to the page; and
 * no charge may have gone above a limit.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memcontrol.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define MIB		(1ull << 20)
#define NR_CPUS		3
#define NR_GROUPS	12
#define NR_SLOTS	512
#define NR_CACHES	3

enum kind { FOLIO, KERNEL, OBJECT, SLOT };

struct held {
	enum kind kind;
	unsigned order;		/* FOLIO, KERNEL */
	pfn_t pfn;
	kaddr_t object;
	struct kmem_cache *cache;
	uint64_t bytes;		/* OBJECT: what it is charged with */
	struct mem_cgroup *memcg;	/* whose, when it was charged */
};

struct model {
	struct memory *mem;
	struct rng rng;
	struct mem_cgroup *group[NR_GROUPS];	/* NULL: none there now */
	struct task_struct *task;
	VEC(struct held) held;
	bool slot_used[NR_SLOTS];
	struct kmem_cache *caches[NR_CACHES];
	bool v1, reclaiming;
	uint64_t charged, refused, reclaimed;
};

static uint64_t under(struct model *m, uint64_t n)
{
	return rng_below(&m->rng, n);
}

static void drop(struct model *m, size_t i)
{
	const struct held *h = &m->held.data[i];

	if (h->kind == FOLIO)
		put_page(m->mem, h->pfn);
	else if (h->kind == KERNEL)
		free_pages_pfn(m->mem, h->pfn, h->order);
	else if (h->kind == OBJECT)
		kmem_cache_free(h->cache, h->object);
	else {
		mem_cgroup_uncharge_swap(m->mem, h->pfn, 1);
		m->slot_used[h->pfn] = false;
	}
	m->held.data[i] = m->held.data[--m->held.nr];
}

/* Reclaim takes folios of the subtree, from somewhere on. */
static uint64_t reclaim(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp, bool may_swap)
{
	struct model *m = mem->pressure_ctx;
	uint64_t freed = 0;
	size_t tries = m->held.nr < 64 ? m->held.nr : 64;

	(void)gfp;
	(void)may_swap;
	assert_true(mem->memalloc);
	assert_false(m->reclaiming);
	m->reclaiming = true;
	while (tries-- && freed < nr_pages && m->held.nr) {
		size_t i = under(m, m->held.nr);
		const struct held *h = &m->held.data[i];

		if (h->kind != FOLIO || !mem_cgroup_is_descendant(h->memcg, memcg))
			continue;
		freed += 1ull << h->order;
		drop(m, i);
	}
	m->reclaimed += freed;
	m->reclaiming = false;
	return freed;
}

static const struct pressure_ops ops = {.reclaim_memcg = reclaim};

/* ---- operations ---- */

static struct mem_cgroup *any_group(struct model *m)
{
	struct mem_cgroup *memcg = m->group[under(m, NR_GROUPS)];

	return memcg ? memcg : m->mem->root_memcg;
}

static void run_in(struct model *m, struct mem_cgroup *memcg)
{
	m->mem->cpu = (unsigned)under(m, NR_CPUS);
	mm_set_memcg(m->task->mm, memcg);
}

static void hold(struct model *m, struct held h)
{
	h.memcg = m->task->mm->memcg;
	*vec_push(&m->held) = h;
	m->charged++;
	for (const struct mem_cgroup *g = h.memcg; g; g = g->parent)
		assert_true(g->memory.usage <= g->memory.max || h.memcg == m->mem->root_memcg);
}

static void op_folio(struct model *m)
{
	static const unsigned orders[] = {0, 0, 0, 0, 0, 2, 4, 9};
	unsigned order = orders[under(m, 8)];
	pfn_t pfn = alloc_pages(m->mem, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | (order ? __GFP_COMP : 0), order, 0);

	if (pfn == PFN_NONE)
		return;
	if (mem_cgroup_charge(m->mem, pfn, m->task->mm, GFP_KERNEL)) {
		hold(m, (struct held){.kind = FOLIO, .order = order, .pfn = pfn});
		return;
	}
	m->refused++;
	put_page(m->mem, pfn);
}

static void op_kernel(struct model *m)
{
	unsigned order = (unsigned)under(m, 3);
	pfn_t pfn = alloc_pages(m->mem, GFP_KERNEL_ACCOUNT, order, 0);

	if (pfn != PFN_NONE)
		hold(m, (struct held){.kind = KERNEL, .order = order, .pfn = pfn});
}

static void op_object(struct model *m)
{
	static const uint64_t sizes[NR_CACHES] = {64, 1000, 5000};
	unsigned c = (unsigned)under(m, NR_CACHES);
	kaddr_t object = kmem_cache_alloc(m->caches[c], GFP_KERNEL);

	if (object)
		hold(m, (struct held){.kind = OBJECT, .object = object, .cache = m->caches[c], .bytes = sizes[c] + 8});
}

/* A slot for some folio; the folio stays (as in the swap cache). */
static void op_slot(struct model *m)
{
	size_t i = m->held.nr ? under(m, m->held.nr) : 0;
	pfn_t slot = (pfn_t)under(m, NR_SLOTS);
	struct mem_cgroup *memcg;

	if (!m->held.nr || m->held.data[i].kind != FOLIO || m->held.data[i].order || m->slot_used[slot])
		return;
	memcg = obj_cgroup_memcg(m->mem, m->held.data[i].memcg->id);
	if (m->v1) {
		pfn_t pfn = m->held.data[i].pfn;

		memcg1_swapout(m->mem, pfn, slot);
		drop(m, i);
	} else if (!mem_cgroup_try_charge_swap(m->mem, m->held.data[i].pfn, slot)) {
		return;
	}
	m->slot_used[slot] = true;
	*vec_push(&m->held) = (struct held){.kind = SLOT, .pfn = slot, .memcg = memcg};
}

static void op_migrate(struct model *m)
{
	size_t i = m->held.nr ? under(m, m->held.nr) : 0;
	struct held *h = m->held.nr ? &m->held.data[i] : NULL;
	pfn_t pfn;

	if (!h || h->kind != FOLIO)
		return;
	pfn = alloc_pages(m->mem, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | (h->order ? __GFP_COMP : 0), h->order, 0);
	if (pfn == PFN_NONE)
		return;
	mem_cgroup_migrate(m->mem, h->pfn, pfn);
	mem_cgroup_migrated(m->mem, h->pfn);
	put_page(m->mem, h->pfn);
	h->pfn = pfn;
}

/* Pages of the kernel become pages of their own. */
static void op_split(struct model *m)
{
	size_t i = m->held.nr ? under(m, m->held.nr) : 0;
	struct held h;

	if (!m->held.nr || m->held.data[i].kind != KERNEL || !m->held.data[i].order)
		return;
	h = m->held.data[i];
	split_page(m->mem, h.pfn, h.order);
	m->held.data[i].order = 0;
	for (uint32_t k = 1; k < 1u << h.order; k++)
		*vec_push(&m->held) = (struct held){.kind = KERNEL, .pfn = h.pfn + k, .memcg = h.memcg};
}

static void op_limit(struct model *m)
{
	struct mem_cgroup *memcg = any_group(m);
	uint64_t pages = under(m, 4) ? under(m, 4000) : PAGE_COUNTER_MAX;

	if (mem_cgroup_is_root(memcg))
		return;
	switch (under(m, 4)) {
	case 0:
		/* What cannot be reclaimed may stand above for a while: then every charge fails. */
		memcg_set_max(memcg, memcg->memory.usage + under(m, 2000));
		break;
	case 1:
		memcg_set_min(memcg, under(m, 2000));
		break;
	case 2:
		memcg_set_low(memcg, under(m, 2000));
		break;
	default:
		memcg_set_swap_max(memcg, m->v1 ? PAGE_COUNTER_MAX : pages);
	}
}

static bool has_children(const struct model *m, const struct mem_cgroup *memcg)
{
	for (unsigned i = 0; i < NR_GROUPS; i++)
		if (m->group[i] && m->group[i]->parent == memcg)
			return true;
	return false;
}

static void op_tree(struct model *m)
{
	unsigned i = (unsigned)under(m, NR_GROUPS);

	if (!m->group[i]) {
		m->group[i] = mem_cgroup_create(any_group(m), "x");
		return;
	}
	if (under(m, 20) || has_children(m, m->group[i]))
		return;
	run_in(m, m->mem->root_memcg);
	mem_cgroup_offline(m->group[i]);
	m->group[i] = NULL;
}

static void step(struct model *m)
{
	unsigned what = (unsigned)under(m, 1000);

	run_in(m, any_group(m));
	if (what < 330)
		op_folio(m);
	else if (what < 380)
		op_kernel(m);
	else if (what < 480)
		op_object(m);
	else if (what < 520)
		op_slot(m);
	else if (what < 550)
		op_migrate(m);
	else if (what < 560)
		op_split(m);
	else if (what < 564)
		op_limit(m);
	else if (what < 566)
		op_tree(m);
	else if (m->held.nr)
		drop(m, under(m, m->held.nr));
}

/* ---- checks ---- */

static void check_group(const struct model *m, const struct mem_cgroup *memcg)
{
	uint64_t folios = 0, kernel = 0, bytes = 0, slots = 0, page = 4096;
	uint64_t slack = NR_CPUS * NR_MEMCG_STOCK * (MEMCG_CHARGE_BATCH + 1) + (NR_CPUS + 1) * MEMCG_ID_MAX / page + 64;

	for (size_t i = 0; i < m->held.nr; i++) {
		const struct held *h = &m->held.data[i];
		const struct mem_cgroup *whose = h->kind == FOLIO ? h->memcg : obj_cgroup_memcg(m->mem, h->memcg->id);

		if (mem_cgroup_is_root(whose) || !mem_cgroup_is_descendant(whose, memcg))
			continue;
		folios += h->kind == FOLIO ? 1ull << h->order : 0;
		kernel += h->kind == KERNEL ? 1ull << h->order : 0;
		bytes += h->kind == OBJECT ? h->bytes : 0;
		slots += h->kind == SLOT;
	}
	if (!mem_cgroup_is_root(memcg)) {
		assert_true(memcg->memory.usage >= folios + kernel + bytes / page);
		assert_true(memcg->memory.usage <= folios + kernel + bytes / page + slack);
		assert_int_equal(memcg_stat(memcg, MEMCG_SWAP), slots);
	}
	assert_true(memcg->kmem.usage >= kernel + bytes / page);
}

static void check(const struct model *m)
{
	struct strbuf why = {0};

	strbuf_addstr(&why, "");
	if (!memcg_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned i = 0; i < NR_GROUPS; i++)
		if (m->group[i])
			check_group(m, m->group[i]);
	check_group(m, m->mem->root_memcg);
}

static void run(struct model *m, uint64_t ops_total)
{
	for (uint64_t i = 0; i < ops_total; i++) {
		step(m);
		if (i % 20000 == 0)
			check(m);
	}
	check(m);
}

static void charge_randomly(bool v1)
{
	struct model m = {.v1 = v1};
	static const unsigned sizes[NR_CACHES] = {64, 1000, 5000};

	rng_seed(&m.rng, test_seed() + v1);
	m.mem = memory_create_uma(geometry_find("x86-64"), NR_CPUS, 256 * MIB);
	m.mem->pressure = &ops;
	m.mem->pressure_ctx = &m;
	lru_enable(m.mem);
	mem_cgroup_init(m.mem, v1);
	for (unsigned i = 0; i < NR_CACHES; i++)
		m.caches[i] = kmem_cache_create(m.mem, "model", sizes[i], 8, SLAB_ACCOUNT | SLAB_NO_MERGE, NULL);
	m.task = task_alloc(m.mem, 1);
	m.task->mm = mm_alloc(m.mem);
	m.mem->current = m.task;
	run(&m, test_ops(1200000) / 2);
	printf("%llu charged, %llu refused, %llu pages reclaimed\n", (unsigned long long)m.charged,
	       (unsigned long long)m.refused, (unsigned long long)m.reclaimed);
	assert_true(m.refused && m.reclaimed);
	while (m.held.nr)
		drop(&m, m.held.nr - 1);
	check(&m);
	run_in(&m, m.mem->root_memcg);
	mmput(m.task->mm);
	m.task->mm = NULL;
	task_free(m.mem, m.task);
	m.mem->current = NULL;
	vec_finish(&m.held);
	memory_destroy(m.mem);
}

static void charges_are_what_is_charged(void **state)
{
	(void)state;
	charge_randomly(false);
}

static void charges_are_what_is_charged_in_version_1(void **state)
{
	(void)state;
	charge_randomly(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charges_are_what_is_charged),
		cmocka_unit_test(charges_are_what_is_charged_in_version_1),
	};

	return cmocka_run_group_tests_name("memcg", tests, NULL, NULL);
}
