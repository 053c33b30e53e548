/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Swap areas: which slot comes next, by kind of area, CPU, order and priority; counts; what happens when swap is full. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/swap_state.h"
#include "mm/vma.h"

#define MIB		(1ull << 20)
#define CLUSTER		512u	/* slots, as a huge page has pages */

static struct memory *machine(const struct swap_area_desc *areas, unsigned nr)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 2, 128 * MIB);

	swap_system_create(mem);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(swapon(mem, &areas[i], NULL), 0);
	return mem;
}

static void finish(struct memory *mem)
{
	struct strbuf why = {0};

	if (!swap_slots_consistent(mem, &why) || !memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	swap_destroy(mem);
	memory_destroy(mem);
}

static pfn_t new_folio(struct memory *mem, unsigned order)
{
	return alloc_pages(mem, GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0), order, NUMA_NO_NODE);
}

/* The slot that a folio of that order gets on that CPU; value 0: none. */
static swp_entry_t swap_out(struct memory *mem, unsigned cpu, unsigned order)
{
	pfn_t head = new_folio(mem, order);

	mem->cpu = cpu;
	if (folio_alloc_swap(mem, head))
		return page_swap_entry(mem, head);
	put_page(mem, head);
	return (swp_entry_t){0};
}

static void assert_slot(swp_entry_t entry, unsigned type, uint32_t offset)
{
	assert_int_equal(swp_type(entry), type);
	assert_int_equal(swp_offset(entry), offset);
}

/* The header is never given. Each CPU has a cluster of its own, and each order too. */
static void ssd(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){16 * MIB, -1, SWAP_SSD}, 1);

	(void)state;
	assert_int_equal(total_swap_pages(mem), 4095);
	for (uint32_t i = 1; i < 20; i++)
		assert_slot(swap_out(mem, 0, 0), 0, i);
	assert_slot(swap_out(mem, 1, 0), 0, CLUSTER);
	assert_slot(swap_out(mem, 0, 4), 0, 2 * CLUSTER);
	assert_slot(swap_out(mem, 0, 4), 0, 2 * CLUSTER + 16);
	assert_slot(swap_out(mem, 0, 0), 0, 20);
	assert_slot(swap_out(mem, 1, 0), 0, CLUSTER + 1);
	assert_slot(swap_out(mem, 1, 9), 0, 3 * CLUSTER);
	assert_int_equal(get_nr_swap_pages(mem), 4095 - 20 - 2 - 32 - 512);
	finish(mem);
}

/* All CPUs go on at one place. */
static void rotating_disk(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){16 * MIB, -1, SWAP_DISK}, 1);

	(void)state;
	for (uint32_t i = 1; i < 2 * CLUSTER; i++)
		assert_slot(swap_out(mem, i & 1, 0), 0, i);
	finish(mem);
}

/* A file has no runs of slots: large folios must be split. */
static void file(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){16 * MIB, -1, SWAP_FILE}, 1);

	(void)state;
	assert_int_equal(swap_out(mem, 0, 2).val, 0);
	assert_slot(swap_out(mem, 0, 0), 0, 1);
	finish(mem);
}

/* Areas of one priority take turns by the cluster; those below come when the others are full. */
static void priorities(void **state)
{
	const struct swap_area_desc areas[] = {{4 * MIB, 1, SWAP_SSD}, {4 * MIB, 7, SWAP_SSD}, {4 * MIB, 7, SWAP_SSD}};
	struct memory *mem = machine(areas, 3);
	unsigned nr[3] = {0}, changes = 0, last = 9;

	(void)state;
	for (unsigned i = 0; i < 2 * 1023; i++) {
		swp_entry_t entry = swap_out(mem, 0, 0);

		assert_int_not_equal(entry.val, 0);
		assert_int_not_equal(swp_type(entry), 0);
		swap_dup_nr(mem, entry, 1);
		changes += swp_type(entry) != last;
		last = swp_type(entry);
		nr[last]++;
	}
	assert_int_equal(nr[1], 1023);
	assert_int_equal(nr[2], 1023);
	assert_int_equal(changes, 4);
	assert_slot(swap_out(mem, 0, 0), 0, 1);
	finish(mem);
}

/* Without a priority each area comes after those before it. */
static void no_priority(void **state)
{
	const struct swap_area_desc areas[] = {{4 * MIB, -1, SWAP_SSD}, {4 * MIB, -1, SWAP_SSD}, {4 * MIB, 0, SWAP_SSD}};
	struct memory *mem = machine(areas, 3);

	(void)state;
	assert_int_equal(mem->swap->info[0]->prio, -2);
	assert_int_equal(mem->swap->info[1]->prio, -3);
	assert_int_equal(swp_type(swap_out(mem, 0, 0)), 2);
	finish(mem);
}

/* A slot is free when the last entry and the cache have let go. */
static void counts(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){4 * MIB, -1, SWAP_SSD}, 1);
	pfn_t head = new_folio(mem, 0);
	swp_entry_t entry;

	(void)state;
	assert_true(folio_alloc_swap(mem, head));
	entry = page_swap_entry(mem, head);
	assert_int_equal(pfn_to_page(mem, head)->_refcount, 2);
	assert_int_equal(mem->nodes[0]->vm_stat[NR_SWAPCACHE], 1);
	swap_dup_nr(mem, entry, 1);
	swap_dup_nr(mem, entry, 1);
	assert_int_equal(swap_count(mem, entry), 2);
	assert_true(folio_swapped(mem, head));
	assert_false(folio_free_swap(mem, head));
	swap_free_nr(mem, entry, 1);
	swap_cache_del_folio(mem, head, 1);
	assert_int_equal(swap_cache_get_shadow(mem, entry), 1);
	assert_int_equal(mem->nodes[0]->vm_stat[NR_SWAPCACHE], 0);
	assert_int_equal(get_nr_swap_pages(mem), 1022);
	swap_free_nr(mem, entry, 1);
	assert_int_equal(get_nr_swap_pages(mem), 1023);
	assert_int_equal(swap_cache_get_shadow(mem, entry), 0);
	put_page(mem, head);
	finish(mem);
}

/* With swap half full, slots that only the cache keeps serve others; when all are named, there is no more. */
static void exhaustion(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){4 * MIB, -1, SWAP_SSD}, 1);
	uint32_t given = 0;

	(void)state;
	for (unsigned i = 0; i < 1023; i++) {
		swp_entry_t entry = swap_out(mem, 0, 0);

		assert_int_not_equal(entry.val, 0);
		if (i & 1)
			swap_dup_nr(mem, entry, 1);
	}
	assert_int_equal(get_nr_swap_pages(mem), 256);	/* one full cluster gave up what the cache alone had */
	for (unsigned i = 0; i < 2000 && given < 600; i++) {
		swp_entry_t entry = swap_out(mem, 0, 0);

		if (!entry.val)
			break;
		swap_dup_nr(mem, entry, 1);
		given++;
	}
	assert_int_equal(given, 512);
	assert_int_equal(get_nr_swap_pages(mem), 0);
	assert_int_equal(swap_out(mem, 0, 0).val, 0);
	assert_true(vm_swap_full(mem));
	finish(mem);
}

static void single_slots_from_clusters_of_others(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){4 * MIB, -1, SWAP_SSD}, 1);

	(void)state;
	assert_slot(swap_out(mem, 0, 4), 0, CLUSTER);
	for (uint32_t i = 1; i < CLUSTER; i++)
		assert_slot(swap_out(mem, 0, 0), 0, i);
	assert_slot(swap_out(mem, 0, 0), 0, CLUSTER + 16);
	assert_int_equal(swap_out(mem, 0, 9).val, 0);
	finish(mem);
}

static void bad_areas(void **state)
{
	struct memory *mem = machine(NULL, 0);
	struct mmr_error err;

	(void)state;
	assert_true(swapon(mem, &(struct swap_area_desc){4096, -1, SWAP_SSD}, &err) < 0);
	assert_true(swapon(mem, &(struct swap_area_desc){2ull << 40, -1, SWAP_SSD}, &err) < 0);
	/* Its map alone is larger than the machine's memory. */
	assert_true(swapon(mem, &(struct swap_area_desc){800ull << 30, -1, SWAP_SSD}, &err) < 0);
	assert_int_equal(total_swap_pages(mem), 0);
	for (unsigned i = 0; i < MAX_SWAPFILES; i++)
		assert_int_equal(swapon(mem, &(struct swap_area_desc){MIB, -1, SWAP_SSD}, &err), 0);
	assert_true(swapon(mem, &(struct swap_area_desc){MIB, -1, SWAP_SSD}, &err) < 0);
	finish(mem);
}

/* All of swap may be committed beside a share of memory; a single mapping may be as large as both together. */
static void commit_limit(void **state)
{
	struct memory *mem = machine(&(struct swap_area_desc){16 * MIB, -1, SWAP_SSD}, 1);
	struct mm_struct *mm = mm_alloc(mem);
	uint64_t ram = mem->totalram_pages, swap = total_swap_pages(mem);

	(void)state;
	assert_true(vm_enough_memory(mm, ram + swap));
	assert_false(vm_enough_memory(mm, ram + swap + 1));
	vm_unacct_memory(mem, ram + swap);
	mem->conf.overcommit_memory = 2;
	mem->conf.overcommit_ratio = 0;
	mem->conf.admin_reserve_kbytes = 4;
	assert_true(vm_enough_memory(mm, swap - 2));
	assert_false(vm_enough_memory(mm, 1));
	vm_unacct_memory(mem, swap - 2);
	mem->conf.overcommit_kbytes = 400;
	assert_true(vm_enough_memory(mm, swap + 100 - 2));
	assert_false(vm_enough_memory(mm, 1));
	vm_unacct_memory(mem, swap + 100 - 2);
	mmput(mm);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssd),
		cmocka_unit_test(rotating_disk),
		cmocka_unit_test(file),
		cmocka_unit_test(priorities),
		cmocka_unit_test(no_priority),
		cmocka_unit_test(counts),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(single_slots_from_clusters_of_others),
		cmocka_unit_test(bad_areas),
		cmocka_unit_test(commit_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
