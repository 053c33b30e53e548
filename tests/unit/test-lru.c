/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Folios on the lists of their nodes. */
#include "support/test.h"

#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)

static uint64_t size_of(const struct memory *mem, enum lru_list lru)
{
	return lruvec_lru_size(&mem->nodes[0]->lruvec, lru);
}

static struct memory *machine(void)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB);

	lru_enable(mem);
	return mem;
}

static pfn_t folio(struct memory *mem, unsigned order, uint32_t flags)
{
	pfn_t pfn = alloc_pages(mem, GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0), order, 0);

	pfn_to_page(mem, pfn)->flags |= flags;
	folio_add_lru(mem, pfn);
	return pfn;
}

static void nothing_is_kept_unless_asked_for(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB);
	pfn_t pfn = folio(mem, 0, PG_ANON | PG_SWAPBACKED);

	(void)state;
	assert_false(pfn_to_page(mem, pfn)->flags & PG_LRU);
	folio_mark_accessed(mem, pfn);
	folio_activate(mem, pfn);
	assert_false(pfn_to_page(mem, pfn)->flags & (PG_REFERENCED | PG_ACTIVE));
	assert_true(lru_consistent(mem));
	put_page(mem, pfn);
	memory_destroy(mem);
}

static void folios_go_by_kind_and_count_pages(void **state)
{
	struct memory *mem = machine();
	pfn_t anon = folio(mem, 0, PG_ANON | PG_SWAPBACKED), shmem = folio(mem, 0, PG_SWAPBACKED);
	pfn_t file = folio(mem, 3, 0), locked = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);

	(void)state;
	mlock_new_folio(mem, locked);
	assert_int_equal(size_of(mem, LRU_INACTIVE_ANON), 2);
	assert_int_equal(size_of(mem, LRU_INACTIVE_FILE), 8);
	assert_int_equal(size_of(mem, LRU_UNEVICTABLE), 1);
	assert_int_equal(mem->nodes[0]->lruvec.lists[LRU_INACTIVE_FILE].nr, 1);
	assert_int_equal(mem->nodes[0]->lruvec.lists[LRU_INACTIVE_ANON].first, shmem);
	assert_int_equal(mem->nodes[0]->lruvec.lists[LRU_INACTIVE_ANON].last, anon);
	assert_true(lru_consistent(mem));
	put_page(mem, anon);
	put_page(mem, shmem);
	put_page(mem, file);
	put_page(mem, locked);
	for (int lru = 0; lru < NR_LRU_LISTS; lru++)
		assert_int_equal(size_of(mem, (enum lru_list)lru), 0);
	assert_true(lru_consistent(mem));
	memory_destroy(mem);
}

static void the_second_access_activates(void **state)
{
	struct memory *mem = machine();
	pfn_t pfn = folio(mem, 3, 0);

	(void)state;
	folio_mark_accessed(mem, pfn);
	assert_int_equal(size_of(mem, LRU_ACTIVE_FILE), 0);
	folio_mark_accessed(mem, pfn);
	assert_int_equal(size_of(mem, LRU_ACTIVE_FILE), 8);
	assert_int_equal(mem->vm_event[PGACTIVATE], 8);
	assert_false(pfn_to_page(mem, pfn)->flags & PG_REFERENCED);
	folio_deactivate(mem, pfn);
	assert_int_equal(size_of(mem, LRU_INACTIVE_FILE), 8);
	assert_int_equal(mem->vm_event[PGDEACTIVATE], 8);
	put_page(mem, pfn);
	memory_destroy(mem);
}

static void an_isolated_folio_comes_back_where_its_flags_say(void **state)
{
	struct memory *mem = machine();
	pfn_t pfn = folio(mem, 0, PG_ANON | PG_SWAPBACKED);

	(void)state;
	folio_activate(mem, pfn);
	assert_true(folio_isolate_lru(mem, pfn));
	assert_false(folio_isolate_lru(mem, pfn));
	assert_int_equal(size_of(mem, LRU_ACTIVE_ANON), 0);
	folio_putback_lru(mem, pfn);
	assert_int_equal(size_of(mem, LRU_ACTIVE_ANON), 1);
	/* a contradiction is seen */
	pfn_to_page(mem, pfn)->flags &= ~PG_ACTIVE;
	assert_false(lru_consistent(mem));
	pfn_to_page(mem, pfn)->flags |= PG_ACTIVE;
	put_page(mem, pfn);
	memory_destroy(mem);
}

static void active_lists_may_be_so_long(void **state)
{
	struct memory *mem = machine();
	struct lruvec *lruvec = &mem->nodes[0]->lruvec;
	uint64_t *inactive = &mem->nodes[0]->vm_stat[NR_INACTIVE_FILE], *active = inactive + LRU_ACTIVE;

	(void)state;
	*inactive = 1000;	/* below 1 GiB: as many as inactive ones */
	*active = 1000;
	assert_false(inactive_is_low(lruvec, LRU_INACTIVE_FILE));
	*active = 1001;
	assert_true(inactive_is_low(lruvec, LRU_INACTIVE_FILE));
	*inactive = 1ull << 19;	/* 10 GiB in all: 10 to 1 */
	*active = (10ull << 18) - (1ull << 19);
	assert_false(inactive_is_low(lruvec, LRU_INACTIVE_FILE));
	*inactive = *active = 0;
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_unless_asked_for),
		cmocka_unit_test(folios_go_by_kind_and_count_pages),
		cmocka_unit_test(the_second_access_activates),
		cmocka_unit_test(an_isolated_folio_comes_back_where_its_flags_say),
		cmocka_unit_test(active_lists_may_be_so_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
