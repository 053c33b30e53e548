/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Others that allocate: how many, how long, of which types; that they are found when they move. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/contig.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "sim/replay.h"

#define MIB (1ull << 20)

static void start(struct mmr_replay *r, unsigned unmovable, unsigned reclaimable)
{
	struct fragmentation_config *c = &r->settings.fragmentation;

	*r = (struct mmr_replay){.mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB)};
	config_defaults(&fragmentation_config_table, c);
	c->pressure_rate = 1000;
	c->pressure_lifetime_ns = 2000000000; /* 2000 are there at a time */
	c->pressure_unmovable = unmovable;
	c->pressure_reclaimable = reclaimable;
	background_start(r);
	assert_int_equal(r->background.period_ns, 20000000);
}

static void finish(struct mmr_replay *r)
{
	struct strbuf why = {0};

	if (!memory_consistent(r->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	background_finish(&r->background);
	memory_destroy(r->mem);
}

static uint64_t nr_free(struct memory *mem)
{
	uint64_t nr = 0;

	drain_all_pages(mem);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		nr += mem->nodes[0]->node_zones[t].vm_stat[NR_FREE_PAGES];
	return nr;
}

static void test_rate_and_lifetime(void **state)
{
	struct mmr_replay r;
	uint64_t before, allocated = 0, used;

	(void)state;
	start(&r, 50, 20);
	before = nr_free(r.mem);
	for (unsigned i = 0; i < 500; i++) /* 10 s */
		background_run(&r);
	assert_int_equal(r.mem->vm_event[BACKGROUND_ALLOC], 10000);
	assert_int_equal(r.mem->vm_event[BACKGROUND_FAIL], 0);
	for (unsigned o = 0; o < 4; o++)
		for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			allocated += r.mem->alloc_order[mt][o];
	assert_int_equal(allocated, 10000);
	assert_in_range(r.mem->alloc_order[MIGRATE_UNMOVABLE][0], 2300, 2700);
	assert_in_range(r.mem->alloc_order[MIGRATE_RECLAIMABLE][1], 400, 600);
	assert_in_range(r.mem->alloc_order[MIGRATE_MOVABLE][3], 300, 450);
	/* 2000 at a time, of 2.5 pages on average: 1/2 + 2/4 + 4/8 + 8/8 */
	used = before - nr_free(r.mem);
	assert_in_range(used, 4300, 5700);
	/* None comes any more: after twice the lifetime all are gone. */
	r.settings.fragmentation.pressure_rate = 0;
	for (unsigned i = 0; i < 202; i++)
		background_run(&r);
	assert_int_equal(nr_free(r.mem), before);
	finish(&r);
}

/* Movable ones are moved by whoever needs their place, and still found in the end. */
static void test_they_move(void **state)
{
	struct mmr_replay r;
	uint64_t before;

	(void)state;
	start(&r, 0, 0);
	before = nr_free(r.mem);
	for (unsigned i = 0; i < 200; i++)
		background_run(&r);
	/* Behind the kernel's image, where allocations begin. */
	assert_int_equal(alloc_contig_range(r.mem, 6144, 6144 + 4096, false, GFP_KERNEL), 0);
	assert_true(r.mem->vm_event[PGMIGRATE_SUCCESS] > 100);
	r.settings.fragmentation.pressure_rate = 0;
	for (unsigned i = 0; i < 202; i++)
		background_run(&r);
	assert_int_equal(nr_free(r.mem), before - 4096);
	finish(&r);
}

static void test_off(void **state)
{
	struct mmr_replay r = {0};

	(void)state;
	config_defaults(&fragmentation_config_table, &r.settings.fragmentation);
	background_start(&r);
	assert_int_equal(r.background.period_ns, 0);
	background_finish(&r.background);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_and_lifetime),
		cmocka_unit_test(test_they_move),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
