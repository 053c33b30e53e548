/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Shadows, refault distances, and what reclaim costs. */
#include "support/test.h"

#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/workingset.h"

#define MIB (1ull << 20)

static struct memory *machine(void)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB);

	lru_enable(mem);
	return mem;
}

static pfn_t folio(struct memory *mem, uint32_t flags)
{
	pfn_t pfn = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, 0);

	pfn_to_page(mem, pfn)->flags |= flags;
	return pfn;
}

static void a_shadow_keeps_what_it_is_given(void **state)
{
	struct shadow_info in = {.memcg = 0x7abc, .nid = 63, .zone = 4, .workingset = true, .token = 0x1f12345678}, out;
	uint64_t shadow = pack_shadow(in);

	(void)state;
	assert_true(is_shadow(shadow));
	out = unpack_shadow(shadow);
	assert_int_equal(out.memcg, in.memcg);
	assert_int_equal(out.nid, in.nid);
	assert_int_equal(out.zone, in.zone);
	assert_true(out.workingset);
	assert_int_equal(out.token, in.token);
	assert_false(unpack_shadow(pack_shadow((struct shadow_info){0})).workingset);
	assert_true(is_shadow(pack_shadow((struct shadow_info){0})));
}

/* Evicts a folio, lets `distance` others go, and brings it back: is it active? With 100 active file pages. */
static bool comes_back(uint64_t distance, uint32_t flags)
{
	struct memory *mem = machine();
	struct lruvec *lruvec = &mem->nodes[0]->lruvec;
	pfn_t old = folio(mem, flags), fresh = folio(mem, flags & PG_SWAPBACKED);
	uint64_t shadow;
	bool active;

	mem->nodes[0]->vm_stat[NR_ACTIVE_FILE] = 100;
	shadow = workingset_eviction(mem, old, NULL);
	workingset_age_nonresident(mem, lruvec, distance - 1);
	workingset_refault(mem, fresh, shadow);
	active = pfn_to_page(mem, fresh)->flags & PG_ACTIVE;
	assert_int_equal(mem->nodes[0]->vm_stat[WORKINGSET_REFAULT_FILE], 1);
	assert_int_equal(mem->nodes[0]->vm_stat[WORKINGSET_ACTIVATE_FILE], active);
	assert_int_equal(mem->nodes[0]->vm_stat[WORKINGSET_RESTORE_FILE], active && flags & PG_WORKINGSET);
	assert_int_equal(!!(pfn_to_page(mem, fresh)->flags & PG_WORKINGSET), active && flags & PG_WORKINGSET);
	/* a refault that activates is one more that the lists have to hold */
	assert_int_equal(lruvec->nonresident_age, distance + active);
	mem->nodes[0]->vm_stat[NR_ACTIVE_FILE] = 0;
	put_page(mem, old);
	put_page(mem, fresh);
	memory_destroy(mem);
	return active;
}

static void the_distance_decides(void **state)
{
	(void)state;
	assert_true(comes_back(1, 0));
	assert_true(comes_back(100, 0));
	assert_false(comes_back(101, 0));
	assert_true(comes_back(100, PG_WORKINGSET));
	assert_false(comes_back(101, PG_WORKINGSET));
}

/* Without swap anonymous memory is nothing that could have gone instead. */
static void anonymous_pages_count_where_there_is_swap(void **state)
{
	struct memory *mem = machine();
	pfn_t old = folio(mem, 0);
	uint64_t shadow = workingset_eviction(mem, old, NULL);
	bool workingset;

	(void)state;
	mem->nodes[0]->vm_stat[NR_INACTIVE_ANON] = 50;
	assert_false(workingset_test_recent(mem, shadow, true, &workingset));
	mem->nr_swap_pages = 1;
	assert_true(workingset_test_recent(mem, shadow, true, &workingset));
	/* an anonymous page is weighed against the others */
	assert_false(workingset_test_recent(mem, shadow, false, &workingset));
	mem->nodes[0]->vm_stat[NR_INACTIVE_FILE] = 1;
	assert_true(workingset_test_recent(mem, shadow, false, &workingset));
	assert_false(workingset);
	mem->nodes[0]->vm_stat[NR_INACTIVE_ANON] = mem->nodes[0]->vm_stat[NR_INACTIVE_FILE] = 0;
	put_page(mem, old);
	memory_destroy(mem);
}

static void cost_grows_and_fades(void **state)
{
	struct memory *mem = machine();
	struct lruvec *lruvec = &mem->nodes[0]->lruvec;

	(void)state;
	mem->nodes[0]->vm_stat[NR_INACTIVE_FILE] = 1000;
	lru_note_cost(mem, lruvec, true, 1, 10);	/* a page of input and output is worth a cluster of looks */
	assert_int_equal(lruvec->file_cost, 42);
	lru_note_cost(mem, lruvec, false, 0, 0);
	assert_int_equal(lruvec->anon_cost, 0);
	lru_note_cost(mem, lruvec, false, 0, 208);	/* 250: a quarter of the lists, and not more */
	assert_int_equal(lruvec->anon_cost, 208);
	lru_note_cost(mem, lruvec, false, 0, 2);
	assert_int_equal(lruvec->anon_cost, 105);
	assert_int_equal(lruvec->file_cost, 21);
	mem->nodes[0]->vm_stat[NR_INACTIVE_FILE] = 0;
	memory_destroy(mem);
}

static void nothing_is_remembered_without_lists(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB);
	pfn_t pfn = folio(mem, 0);

	(void)state;
	workingset_refault(mem, pfn, pack_shadow((struct shadow_info){0}));
	workingset_activation(mem, pfn);
	assert_int_equal(mem->nodes[0]->vm_stat[WORKINGSET_REFAULT_FILE], 0);
	assert_int_equal(mem->nodes[0]->lruvec.nonresident_age, 0);
	put_page(mem, pfn);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shadow_keeps_what_it_is_given),
		cmocka_unit_test(the_distance_decides),
		cmocka_unit_test(anonymous_pages_count_where_there_is_swap),
		cmocka_unit_test(cost_grows_and_fades),
		cmocka_unit_test(nothing_is_remembered_without_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
