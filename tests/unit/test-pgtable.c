/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page tables: what is counted, what is found, what a bounded range frees, and running out of
 * memory.
 */
#include "support/test.h"

#include <stdbool.h>

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

static struct memory *machine(const char *geometry, struct mm_struct *mm)
{
	struct memory *mem = memory_create_uma(geometry_find(geometry), 1, 64ull << 20);

	memset(mm, 0, sizeof(*mm));
	mm->mem = mem;
	mm->pgd = pgd_alloc(mem, mm);
	assert_non_null(mm->pgd);
	return mem;
}

static uint64_t nr_tables(const struct memory *mem)
{
	return mem->nodes[0]->vm_stat[NR_PAGETABLE];
}

/* The root is a page-table page, but not in mm_pgtables_bytes(); nor is a P4D. */
static void check_counts(const char *geometry, unsigned levels)
{
	struct mm_struct mm;
	struct memory *mem = machine(geometry, &mm);

	assert_int_equal(nr_tables(mem), 1);
	assert_int_equal(mm.pgtables_bytes, 0);
	assert_null(pgtable_lookup(&mm, 0x400000, 0));
	assert_non_null(pgtable_alloc(&mm, 0x400000, 0));
	assert_int_equal(nr_tables(mem), levels);
	assert_int_equal(mm.pgtables_bytes, 3 * 4096);
	assert_non_null(pgtable_alloc(&mm, 0x5ff000, 0));
	assert_int_equal(nr_tables(mem), levels);
	assert_non_null(pgtable_alloc(&mm, 0x600000, 0));
	assert_int_equal(mm.pgtables_bytes, 4 * 4096);
	free_range(&mm, 0x400000, 0x800000, 0, 0);
	assert_int_equal(nr_tables(mem), 1);
	assert_int_equal(mm.pgtables_bytes, 0);
	pgd_free(mem, mm.pgd);
	assert_int_equal(nr_tables(mem), 0);
	memory_destroy(mem);
}

static void test_counts(void **state)
{
	(void)state;
	check_counts("x86-64", 4);
	check_counts("x86-64-la57", 5);
}

static void test_walk_stops_at_large_leaves(void **state)
{
	struct mm_struct mm;
	struct memory *mem = machine("x86-64", &mm);
	struct pgtable *pmd = pgtable_alloc(&mm, 0x40000000, 1), *table;
	unsigned level;
	pte_t *pte;

	(void)state;
	pte_set(pmd, geometry_index(mem->geo, 1, 0x40000000),
		pfn_pte(512, PTE_PRESENT | PTE_WRITE));
	pte = pgtable_walk(&mm, 0x40123456, &level, &table);
	assert_int_equal(level, 1);
	assert_ptr_equal(table, pmd);
	assert_int_equal(pte_pfn(*pte), 512);
	assert_true(pte_is_leaf(*pte));
	assert_null(pgtable_lookup(&mm, 0x40000000, 0));
	assert_ptr_equal(pgtable_lookup(&mm, 0x40000000, 1), pmd);
	pgtable_walk(&mm, 0x7f0000000000, &level, &table);
	assert_int_equal(level, 3);
	memory_destroy(mem);
}

/* An entry that leads to a table is never a leaf, whatever bits its address has. */
static void test_tables_are_no_leaves(void **state)
{
	struct mm_struct mm;
	struct memory *mem = machine("x86-64", &mm);

	(void)state;
	for (uint64_t addr = 0; addr < 64ull << 21; addr += 1ull << 21) {
		struct pgtable *table = pgtable_alloc(&mm, addr, 0);
		pte_t pte = table_pte(table);

		assert_true(pte_is_table(pte) && !pte_is_leaf(pte));
		assert_ptr_equal(pte_table(pte), table);
	}
	memory_destroy(mem);
}

static void test_neighbours_keep_their_tables(void **state)
{
	struct mm_struct mm;
	struct memory *mem = machine("x86-64", &mm);

	(void)state;
	pgtable_alloc(&mm, 0x200000, 0);
	pgtable_alloc(&mm, 0x400000, 0);
	/*
	 * The area before ends in the first table, the one behind begins in the second: both stay.
	 */
	free_range(&mm, 0x300000, 0x500000, 0x300000, 0x500000);
	assert_int_equal(mm.pgtables_bytes, 4 * 4096);
	/* The one before is gone: the first table goes, the others are still needed. */
	free_range(&mm, 0x200000, 0x500000, 0, 0x500000);
	assert_int_equal(mm.pgtables_bytes, 3 * 4096);
	assert_null(pgtable_lookup(&mm, 0x200000, 0));
	free_range(&mm, 0x500000, 0x600000, 0, 0);
	assert_int_equal(mm.pgtables_bytes, 0);
	memory_destroy(mem);
}

static void test_stored_tables(void **state)
{
	struct mm_struct mm;
	struct memory *mem = machine("x86-64", &mm);
	struct pgtable *table = pgtable_alloc_one(&mm, 0);
	uint64_t tables, bytes;

	(void)state;
	assert_int_equal(mm.pgtables_bytes, 4096);
	pte_set(table, 7, pfn_pte(3, PTE_PRESENT));
	assert_true(pgtable_consistent(&mm, &tables, &bytes));
	assert_int_equal(tables, 1);
	assert_int_equal(bytes, 0);
	pgtable_free_one(&mm, table);
	assert_int_equal(mm.pgtables_bytes, 0);
	/* A table that was not empty when it went comes back empty. */
	table = pgtable_alloc_one(&mm, 0);
	for (unsigned i = 0; i < 512; i++)
		assert_true(pte_none(table->ent[i]));
	memory_destroy(mem);
}

/* Without memory the tables made so far stay, and the tree is whole. */
static void test_out_of_memory(void **state)
{
	struct mm_struct mm;
	struct memory *mem = machine("x86-64", &mm);
	uint64_t addr = 0, tables, bytes, nr = nr_tables(mem);

	(void)state;
	while (pgtable_alloc(&mm, addr, 0)) {
		addr += 1ull << 30;
		nr = nr_tables(mem);
	}
	assert_true(nr > 1000 && nr_tables(mem) >= nr);
	assert_true(mem->vm_event[ALLOC_FAIL] > 0);
	assert_true(pgtable_consistent(&mm, &tables, &bytes));
	assert_int_equal(tables, nr_tables(mem));
	assert_int_equal(bytes, mm.pgtables_bytes);
	free_range(&mm, 0, addr + (1ull << 30), 0, 0);
	assert_int_equal(nr_tables(mem), 1);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_walk_stops_at_large_leaves),
		cmocka_unit_test(test_tables_are_no_leaves),
		cmocka_unit_test(test_neighbours_keep_their_tables),
		cmocka_unit_test(test_stored_tables),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
