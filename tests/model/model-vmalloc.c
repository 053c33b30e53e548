/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address space of vmalloc against an array that says of every page whether it is free, used, lazy or pooled. What is
 * handed out must be free there, and the lowest place that fits; a purge must come when it is due, give back what is
 * lazy, and take back a quarter of each pool.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "base/vec.h"
#include "mm/memory.h"
#include "mm/vmalloc.h"

#define PAGES	32768		/* of the whole range */
#define MAX_POOLED 256
#define MAX_CPUS 2

enum state { FREE, USED, LAZY, POOLED };

struct area {
	uint32_t start, nr;	/* pages, the guard page included */
	unsigned cpu;		/* that allocated it */
};

struct model {
	struct memory *mem;
	struct geometry geo;
	unsigned nr_nodes;
	bool pools;
	uint8_t page[PAGES];
	VEC(struct area) used, lazy;
	VEC(struct area) pool[MAX_CPUS][MAX_POOLED + 1];	/* the last is the next to go */
	uint64_t nr_lazy, nr_pooled, purges;
};

static void set_state(struct model *m, const struct area *a, enum state from, enum state to)
{
	for (uint32_t i = a->start; i < a->start + a->nr; i++) {
		assert_int_equal(m->page[i], from);
		m->page[i] = (uint8_t)to;
	}
}

static void purge(struct model *m, bool full)
{
	m->purges++;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		for (unsigned s = 0; s <= MAX_POOLED; s++)
			for (size_t go = full ? m->pool[n][s].nr : m->pool[n][s].nr / 4; go; go--) {
				set_state(m, &m->pool[n][s].data[--m->pool[n][s].nr], POOLED, FREE);
				m->nr_pooled--;
			}
	/* by address: lazy areas are kept in that order */
	for (size_t i = 0; i < m->lazy.nr; i++) {
		const struct area *a = &m->lazy.data[i];

		if (!full && m->pools && a->nr <= MAX_POOLED) {
			set_state(m, a, LAZY, POOLED);
			*vec_push(&m->pool[a->cpu][a->nr]) = *a;
			m->nr_pooled++;
		} else {
			set_state(m, a, LAZY, FREE);
		}
	}
	m->lazy.nr = 0;
	m->nr_lazy = 0;
}

/* First place of nr free pages in a row, PAGES: none. */
static uint32_t lowest(const struct model *m, uint32_t nr)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		run = m->page[i] == FREE ? run + 1 : 0;
		if (run == nr)
			return i + 1 - nr;
	}
	return PAGES;
}

static void allocate(struct model *m, struct rng *rng, bool exact)
{
	uint32_t nr = 1 + (uint32_t)(rng_below(rng, 50) ? rng_below(rng, 40) : rng_below(rng, 2000));
	uint64_t align = rng_below(rng, 8) ? 0 : 4096ull << rng_below(rng, 6);
	unsigned cpu = (unsigned)rng_below(rng, m->mem->nr_cpus);
	struct area a = { .nr = nr + 1, .cpu = cpu };
	bool from_pool = m->pools && a.nr <= MAX_POOLED && m->pool[cpu][a.nr].nr;
	uint32_t expected = lowest(m, exact ? a.nr : 1);
	kaddr_t addr;

	m->mem->cpu = cpu;
	addr = get_vm_area(m->mem, (uint64_t)nr << 12, align, 0);
	if (from_pool) {
		const struct area *top = &m->pool[cpu][a.nr].data[m->pool[cpu][a.nr].nr - 1];

		if (!align || !((m->geo.vmalloc_start + ((uint64_t)top->start << 12)) & (align - 1))) {
			assert_int_equal(addr, m->geo.vmalloc_start + ((uint64_t)top->start << 12));
			set_state(m, top, POOLED, USED);
			*vec_push(&m->used) = *top;
			m->pool[cpu][a.nr].nr--;
			m->nr_pooled--;
			return;
		}
		/* the first of the pool does not fit: it goes to the end */
		a = *top;
		memmove(m->pool[cpu][a.nr].data + 1, m->pool[cpu][a.nr].data,
			(m->pool[cpu][a.nr].nr - 1) * sizeof(a));
		m->pool[cpu][a.nr].data[0] = a;
		a = (struct area){ .nr = nr + 1, .cpu = cpu };
	}
	if (exact && !align && expected == PAGES && (m->nr_lazy || m->nr_pooled)) {
		purge(m, true);
		expected = lowest(m, a.nr);
	} else if (m->mem->vmap && (!exact || align)) {
		struct vmalloc_stats s;

		vmalloc_stats(m->mem, &s);
		if (s.purges != m->purges)
			purge(m, true);
	}
	if (!addr) {
		assert_true(lowest(m, a.nr) == PAGES || align);
		return;
	}
	assert_false(align && addr & (align - 1));
	a.start = (uint32_t)((addr - m->geo.vmalloc_start) >> 12);
	if (exact && !align)
		assert_int_equal(a.start, expected);
	set_state(m, &a, FREE, USED);
	*vec_push(&m->used) = a;
}

static void release(struct model *m, struct rng *rng)
{
	size_t i, at = 0;
	struct area a;

	if (!m->used.nr)
		return;
	i = (size_t)rng_below(rng, m->used.nr);
	a = m->used.data[i];
	m->used.data[i] = m->used.data[--m->used.nr];
	m->mem->cpu = (unsigned)rng_below(rng, m->mem->nr_cpus);
	free_vm_area(m->mem, m->geo.vmalloc_start + ((uint64_t)a.start << 12));
	set_state(m, &a, USED, LAZY);
	while (at < m->lazy.nr && m->lazy.data[at].start < a.start)
		at++;
	(void)vec_push(&m->lazy);
	memmove(m->lazy.data + at + 1, m->lazy.data + at, (m->lazy.nr - 1 - at) * sizeof(a));
	m->lazy.data[at] = a;
	m->nr_lazy += a.nr;
	if (m->nr_lazy > lazy_max_pages(m->mem))
		purge(m, false);
}

static void check(const struct model *m)
{
	struct vmalloc_stats s;
	struct strbuf why = {0};

	vmalloc_stats(m->mem, &s);
	assert_int_equal(s.nr_areas, m->used.nr);
	assert_int_equal(s.nr_lazy_pages, m->nr_lazy);
	assert_int_equal(s.nr_pooled_areas, m->nr_pooled);
	assert_int_equal(s.purges, m->purges);
	if (!vmalloc_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void run(const char *geometry, unsigned nr_cpus, uint64_t pages)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t nr = test_ops(1000000);
	struct rng rng;

	rng_seed(&rng, test_seed());
	m->geo = *geometry_find(geometry);
	m->geo.vmalloc_end = m->geo.vmalloc_start + (pages << 12);
	memset(m->page + pages, USED, PAGES - pages);
	m->mem = memory_create_uma(&m->geo, nr_cpus, 256ull << 20);
	m->nr_nodes = m->geo.va_bits > 32 ? nr_cpus : 1;
	m->pools = m->nr_nodes > 1;
	for (uint64_t i = 0; i < nr; i++) {
		/* fills up, drains, fills up */
		if (rng_below(&rng, 100) < (i / 5000 % 2 ? 60 : 40))
			allocate(m, &rng, i % 256 == 0);
		else
			release(m, &rng);
		if (i % 20000 == 0)
			check(m);
	}
	while (m->used.nr)
		release(m, &rng);
	vm_unmap_aliases(m->mem);
	purge(m, true);
	check(m);
	assert_int_equal(lowest(m, (uint32_t)pages), 0);
	memory_destroy(m->mem);
	vec_finish(&m->used);
	vec_finish(&m->lazy);
	for (unsigned n = 0; n < MAX_CPUS; n++)
		for (unsigned s = 0; s <= MAX_POOLED; s++)
			vec_finish(&m->pool[n][s]);
	free(m);
}

static void test_one_tree(void **state)
{
	(void)state;
	run("x86-32", 1, 16384);
}

/* The threshold is above the range: purges come when the addresses run out. */
static void test_purge_for_want_of_addresses(void **state)
{
	(void)state;
	run("x86-64", 1, 4096);
}

static void test_pools(void **state)
{
	(void)state;
	run("x86-64", MAX_CPUS, PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_tree),
		cmocka_unit_test(test_purge_for_want_of_addresses),
		cmocka_unit_test(test_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
