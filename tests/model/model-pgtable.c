/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page tables against maps: one of the entries that were set, and one of the tables that must
 * exist. A table comes with the first entry it is needed for, and goes with the area that is
 * unmapped, when no other area can use it: when all of its span lies between the area's neighbours.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/htable.h"
#include "base/rng.h"
#include "mm/memory.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"

static void free_range(struct mm_struct *mm, uint64_t addr, uint64_t end, uint64_t floor, uint64_t ceiling)
{
	struct mmu_gather tlb;

	tlb_gather_mmu(&tlb, mm);
	free_pgd_range(&tlb, addr, end, floor, ceiling);
	tlb_finish_mmu(&tlb);
}

#define MAX_AREAS 64

struct area {
	uint64_t start, end;
};

struct model {
	struct memory *mem;
	struct mm_struct mm;
	struct htable ptes;			/* address -> entry */
	struct htable tables[GEOMETRY_MAX_LEVELS];	/* start of the span -> 1; no root */
	struct area areas[MAX_AREAS];		/* in order of address */
	size_t nr_areas;
};

static uint64_t span(const struct model *m, unsigned level)
{
	return 1ull << (m->mem->geo->level[level].shift + m->mem->geo->level[level].bits);
}

static unsigned root_level(const struct model *m)
{
	return m->mem->geo->nr_levels - 1u;
}

static void model_init(struct model *m, const char *geometry)
{
	memset(m, 0, sizeof(*m));
	m->mem = memory_create_uma(geometry_find(geometry), 1, 1ull << 30);
	m->mm.mem = m->mem;
	m->mm.pgd = pgd_alloc(m->mem, &m->mm);
	assert_non_null(m->mm.pgd);
	list_add_tail(&m->mm.mmlist, &m->mem->mms);
	htable_init(&m->ptes);
	for (unsigned i = 0; i < GEOMETRY_MAX_LEVELS; i++)
		htable_init(&m->tables[i]);
}

/* Areas near borders of tables of every level, so that neighbours share some of them. */
static void add_area(struct model *m, struct rng *rng)
{
	static const uint64_t anchors[] = {0x400000, 0x40000000, 0x8000000000, 0x7f8000000000,
					   0x7fffffe00000};
	uint64_t base = anchors[rng_below(rng, ARRAY_SIZE(anchors))], start, end;
	int64_t offset = ((int64_t)rng_below(rng, 2048) - 1024) * 4096 *
			 (int64_t)(1ull << rng_below(rng, 12));
	size_t at = 0;

	start = base + (uint64_t)offset;
	end = start + (1 + rng_below(rng, 4096)) * 4096;
	if (m->nr_areas == MAX_AREAS || start < 4096 || end < start || end > m->mem->geo->user_end)
		return;
	while (at < m->nr_areas && m->areas[at].start < start)
		at++;
	if ((at > 0 && m->areas[at - 1].end > start) ||
	    (at < m->nr_areas && m->areas[at].start < end))
		return;
	memmove(&m->areas[at + 1], &m->areas[at], (m->nr_areas - at) * sizeof(m->areas[0]));
	m->areas[at] = (struct area){ start, end };
	m->nr_areas++;
}

static void touch(struct model *m, struct rng *rng)
{
	const struct area *a;
	struct pgtable *table;
	uint64_t addr, value = (rng_u64(rng) & PTE_PFN_MASK) | PTE_PRESENT | PTE_USER;

	if (!m->nr_areas)
		return;
	a = &m->areas[rng_below(rng, m->nr_areas)];
	addr = a->start + rng_below(rng, (a->end - a->start) >> 12) * 4096;
	table = pgtable_alloc(&m->mm, addr, 0);
	assert_non_null(table);
	assert_int_equal(table->level, 0);
	pte_set(table, geometry_index(m->mem->geo, 0, addr), (pte_t){ value });
	htable_set(&m->ptes, addr, value);
	for (unsigned level = 0; level < root_level(m); level++)
		htable_set(&m->tables[level], align_down(addr, span(m, level)), 1);
}

static void zap(struct model *m, uint64_t start, uint64_t end)
{
	for (uint64_t addr = start; addr < end; addr += 4096) {
		struct pgtable *table = pgtable_lookup(&m->mm, addr, 0);

		if (table)
			pte_set(table, geometry_index(m->mem->geo, 0, addr), (pte_t){0});
		htable_del(&m->ptes, addr);
	}
}

static void unmap(struct model *m, struct rng *rng)
{
	size_t at = (size_t)rng_below(rng, m->nr_areas ? m->nr_areas : 1);
	struct area a = m->areas[at];
	uint64_t floor = at ? m->areas[at - 1].end : 0;
	uint64_t ceiling = at + 1 < m->nr_areas ? m->areas[at + 1].start : 0;

	if (!m->nr_areas)
		return;
	zap(m, a.start, a.end);
	free_range(&m->mm, a.start, a.end, floor, ceiling);
	for (unsigned level = 0; level < root_level(m); level++)
		for (uint64_t s = align_down(a.start, span(m, level)); s < a.end;
		     s += span(m, level))
			if (s >= floor && (!ceiling || s + span(m, level) <= ceiling))
				htable_del(&m->tables[level], s);
	memmove(&m->areas[at], &m->areas[at + 1], (m->nr_areas - at - 1) * sizeof(a));
	m->nr_areas--;
}

static void check(struct model *m)
{
	uint64_t nr_tables = 1, counted = 0, key, value, tables, bytes;
	size_t pos = 0;

	while (htable_next(&m->ptes, &pos, &key, &value)) {
		struct pgtable *table;
		unsigned level;

		assert_int_equal(pgtable_walk(&m->mm, key, &level, &table)->pte, value);
		assert_int_equal(level, 0);
	}
	for (unsigned level = 0; level < root_level(m); level++) {
		nr_tables += m->tables[level].nr;
		counted += level <= 2 ? m->tables[level].nr * 4096 : 0;
		for (pos = 0; htable_next(&m->tables[level], &pos, &key, &value);)
			assert_non_null(pgtable_lookup(&m->mm, key, level));
	}
	assert_true(pgtable_consistent(&m->mm, &tables, &bytes));
	assert_int_equal(tables, nr_tables);
	assert_int_equal(bytes, counted);
	assert_int_equal(m->mm.pgtables_bytes, counted);
	assert_int_equal(m->mem->nodes[0]->vm_stat[NR_PAGETABLE], nr_tables);
}

static void run(const char *geometry)
{
	uint64_t nr = test_ops(1000000);
	static struct model m;
	struct strbuf why = {0};
	struct rng rng;

	rng_seed(&rng, test_seed());
	model_init(&m, geometry);
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t r = rng_below(&rng, 1000);

		if (r < 990)
			touch(&m, &rng);
		else if (r < 996)
			add_area(&m, &rng);
		else
			unmap(&m, &rng);
		if (i % 20000 == 0)
			check(&m);
	}
	while (m.nr_areas)
		unmap(&m, &rng);
	check(&m);
	assert_int_equal(m.mm.pgtables_bytes, 0);
	assert_int_equal(m.mm.pgd->nr_used, 0);
	if (!memory_consistent(m.mem, &why))
		fail_msg("%s", why.s);
	pgd_free(m.mem, m.mm.pgd);
	assert_int_equal(m.mem->nodes[0]->vm_stat[NR_PAGETABLE], 0);
	htable_finish(&m.ptes);
	for (unsigned i = 0; i < GEOMETRY_MAX_LEVELS; i++)
		htable_finish(&m.tables[i]);
	memory_destroy(m.mem);
}

static void test_four_levels(void **state)
{
	(void)state;
	run("x86-64");
}

static void test_five_levels(void **state)
{
	(void)state;
	run("x86-64-la57");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_levels), cmocka_unit_test(test_five_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
