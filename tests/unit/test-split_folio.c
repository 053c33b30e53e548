/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Folios become smaller ones: counts, lists and references of the parts, and what refuses. */
#include "support/test.h"

#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/folio_touched.h"
#include "mm/huge_memory.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/page_table_check.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x40000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	pfn_t head;
};

/* One huge page, mapped by one entry, on the list. */
static struct world world_new(void)
{
	struct world w = { .mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB) };
	struct mmap_request req = {.addr = BASE, .len = 2 * MIB, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
	struct pgtable *table;
	unsigned level;

	lru_enable(w.mem);
	w.mem->conf.thp_enabled = THP_ALWAYS;
	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	folio_touched_enable(w.mem);
	assert_int_equal(do_mmap(w.mm, &req), BASE);
	assert_false(do_user_addr_fault(w.mem, BASE, FAULT_FLAG_WRITE) & VM_FAULT_ERROR);
	w.head = pte_pfn(*pgtable_walk(w.mm, BASE, &level, &table));
	assert_int_equal(level, HPAGE_LEVEL);
	return w;
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why) || !thp_consistent(w->mem, &why) || !page_table_check(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(w->mem));
}

static void world_end(struct world *w)
{
	check(w);
	mmput(w->mm);
	w->mem->current = NULL;
	check(w);
	folio_touched_finish(w->mem);
	memory_destroy(w->mem);
}

static struct page *page(const struct world *w, pfn_t i)
{
	return pfn_to_page(w->mem, w->head + i);
}

static void into_any_lower_order(void **state)
{
	static const unsigned orders[] = {8, 4, 2, 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct world w = world_new();
		pfn_t step = 1u << orders[i];

		assert_true(split_folio_to_list(w.mem, w.head, orders[i], 0, NULL));
		assert_int_equal(w.mem->vm_event[THP_SPLIT_PAGE], 1);
		assert_int_equal(w.mem->vm_event[THP_SPLIT_PMD], 1);
		assert_int_equal(w.mem->vm_event[THP_DEFERRED_SPLIT_PAGE], 0);
		assert_int_equal(w.mem->mthp_stat[9][MTHP_STAT_NR_ANON], 0);
		assert_int_equal(w.mem->mthp_stat[orders[i]][MTHP_STAT_NR_ANON], orders[i] ? 512 / step : 0);
		for (pfn_t part = 0; part < 512; part += step) {
			assert_int_equal(page(&w, part)->_refcount, step);
			assert_int_equal(folio_mapcount(w.mem, w.head + part), step);
			assert_true(page(&w, part)->flags & PG_LRU);
		}
		assert_int_equal(w.mem->nodes[0]->vm_stat[NR_INACTIVE_ANON], 512);
		assert_int_equal(w.mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 512);
		world_end(&w);
	}
}

static void what_somebody_holds_stays_whole(void **state)
{
	struct world w = world_new();

	(void)state;
	get_page(w.mem, w.head);
	assert_false(split_folio(w.mem, w.head));
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PAGE_FAILED], 1);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PMD], 0);
	assert_false(split_folio_to_list(w.mem, w.head, 1, 1, NULL));	/* anonymous memory has no folios of two */
	page(&w, 0)->flags |= PG_WRITEBACK;
	assert_false(split_folio_to_list(w.mem, w.head, 0, 1, NULL));
	page(&w, 0)->flags &= ~PG_WRITEBACK;
	assert_true(split_folio_to_list(w.mem, w.head, 0, 1, NULL));	/* the holder itself may */
	assert_int_equal(page(&w, 0)->_refcount, 2);
	put_page(w.mem, w.head);
	world_end(&w);
}

static void parts_of_an_isolated_folio_go_to_the_list(void **state)
{
	struct world w = world_new();
	struct pfn_list list;
	pfn_t next;

	(void)state;
	pfn_list_init(&list);
	assert_true(folio_isolate_lru(w.mem, w.head));
	assert_true(split_folio_to_list(w.mem, w.head, 0, 0, &list));
	assert_int_equal(list.nr, 511);
	assert_int_equal(list.first, w.head + 1);
	assert_false(page(&w, 0)->flags & PG_LRU);
	for (pfn_t pfn = list.first; pfn != PFN_NONE; pfn = next) {
		next = pfn_to_page(w.mem, pfn)->next;
		folio_putback_lru(w.mem, pfn);
	}
	folio_putback_lru(w.mem, w.head);
	world_end(&w);
}

static void unmapped_parts_are_freed_by_the_shrinker(void **state)
{
	struct world w = world_new();
	uint64_t freed;

	(void)state;
	assert_int_equal(deferred_split_count(w.mem, 0, 0), 1);	/* it may turn out to be underused */
	do_madvise(w.mm, BASE + MIB, MIB / 2, MADV_DONTNEED);
	assert_int_equal(w.mem->vm_event[THP_DEFERRED_SPLIT_PAGE], 1);
	assert_int_equal(deferred_split_count(w.mem, -1, 0), 1);
	freed = w.mem->vm_event[PGFREE];
	get_page(w.mem, w.head);
	assert_int_equal(deferred_split_scan(w.mem, 0, 0, 1), 0);
	assert_int_equal(deferred_split_count(w.mem, 0, 0), 1);	/* tried again later */
	put_page(w.mem, w.head);
	assert_int_equal(deferred_split_scan(w.mem, 0, 0, 1), 1);
	assert_int_equal(w.mem->vm_event[PGFREE] - freed, 128);
	assert_int_equal(w.mem->vm_event[THP_UNDERUSED_SPLIT_PAGE], 0);
	assert_int_equal(deferred_split_count(w.mem, 0, 0), 0);
	world_end(&w);
}

static void underused_folios_are_split_once_looked_at(void **state)
{
	struct world w = world_new();

	(void)state;
	/* By default khugepaged would make a huge page of a single one: none is underused. */
	assert_int_equal(deferred_split_scan(w.mem, 0, 0, 1), 0);
	assert_int_equal(deferred_split_count(w.mem, 0, 0), 0);
	mmput(w.mm);
	w.mm = w.task->mm = mm_alloc(w.mem);
	world_end(&w);

	w = world_new();
	w.mem->conf.khugepaged_max_ptes_none = 400;
	for (pfn_t i = 0; i < 111; i++)
		page_mark_touched(w.mem, w.head + i, FOLIO_WRITTEN);
	page_mark_touched(w.mem, w.head + 200, 0);	/* read only */
	folio_touched_settle(w.mem);
	assert_int_equal(deferred_split_scan(w.mem, 0, 0, 1), 1);
	assert_int_equal(w.mem->vm_event[THP_UNDERUSED_SPLIT_PAGE], 1);
	assert_int_equal(w.mem->thp_waste.untouched[9], 400);
	/* What was full of zeroes is the zero page now. */
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 111);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 111);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(into_any_lower_order),
		cmocka_unit_test(what_somebody_holds_stays_whole),
		cmocka_unit_test(parts_of_an_isolated_folio_go_to_the_list),
		cmocka_unit_test(unmapped_parts_are_freed_by_the_shrinker),
		cmocka_unit_test(underused_folios_are_split_once_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
