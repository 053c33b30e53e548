/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Lists of pages by frame number, and sections that come to be when they are touched. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/memmap.h"
#include "mm/memory.h"

static void assert_list(const struct page *map, const struct pfn_list *list, const pfn_t *pfns,
			unsigned nr)
{
	pfn_t pfn = list->first, prev = PFN_NONE;

	assert_int_equal(list->nr, nr);
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(pfn, pfns[i]);
		assert_int_equal(map[pfn].prev, prev);
		prev = pfn;
		pfn = map[pfn].next;
	}
	assert_int_equal(pfn, PFN_NONE);
	assert_int_equal(list->last, prev);
}

static void test_lists(void **state)
{
	struct page map[8] = {0};
	struct pfn_list list;

	(void)state;
	pfn_list_init(&list);
	assert_true(pfn_list_empty(&list));
	pfn_list_add(map, &list, 3);
	pfn_list_add(map, &list, 1);
	pfn_list_add_tail(map, &list, 5);
	assert_list(map, &list, (const pfn_t[]){ 1, 3, 5 }, 3);
	pfn_list_del(map, &list, 3);
	assert_list(map, &list, (const pfn_t[]){ 1, 5 }, 2);
	pfn_list_del(map, &list, 5);
	pfn_list_add_tail(map, &list, 0);
	assert_list(map, &list, (const pfn_t[]){ 1, 0 }, 2);
	pfn_list_del(map, &list, 1);
	pfn_list_del(map, &list, 0);
	assert_list(map, &list, NULL, 0);
}

static void test_sections(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 30);
	pfn_t pfn = (32ull << 30) / 4096 + 77;

	(void)state;
	assert_false(pfn_is_touched(mem, pfn));
	memmap_touch(mem, pfn);
	assert_true(pfn_is_touched(mem, pfn));
	assert_int_equal(pfn_to_page(mem, pfn)->flags, 0);
	assert_ptr_equal(pfn_to_page(mem, pfn),
			 &mem->sections[pfn >> SECTION_SHIFT].pages[pfn % SECTION_PAGES]);
	assert_false(pfn_is_touched(mem, pfn + SECTION_PAGES));
	/* The hole below 4 GiB belongs to nobody. */
	assert_int_equal(mem->sections[(3ull << 30) / 4096 >> SECTION_SHIFT].node, MAX_NUMNODES);
	assert_int_equal(pageblock_type(mem, pfn), MIGRATE_MOVABLE);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists),
					   cmocka_unit_test(test_sections)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
