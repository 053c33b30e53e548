/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Work that falls due on the model's clock. The vmstat worker stands for all: idle per-cpu lists shrink. */
#include "support/test.h"

#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "sim/replay.h"

#define SECOND 1000000000ull
#define NR 65536

/* A machine whose per-cpu list has grown, by a program that took pages and gave them back. */
static void grow(struct mmr_replay *r)
{
	static pfn_t pfn[NR];

	*r = (struct mmr_replay){.mem = memory_create_uma(geometry_find("x86-64"), 1, 4ull << 30)};
	for (unsigned i = 0; i < NR; i++)
		pfn[i] = alloc_pages(r->mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	for (unsigned i = 0; i < NR; i++)
		free_pages_pfn(r->mem, pfn[i], 0);
	kthreads_start(r);
}

static uint64_t on_lists(const struct mmr_replay *r)
{
	uint64_t nr = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (r->mem->nodes[0]->node_zones[z].managed_pages)
			nr += r->mem->nodes[0]->node_zones[z].pcp[0].count;
	return nr;
}

static void tick(struct mmr_replay *r, uint64_t now_ns)
{
	r->mem->now_ns = now_ns;
	if (now_ns >= r->kthreads.next_ns)
		kthreads_run(r);
}

static void test_work_waits_until_it_is_due(void **state)
{
	struct mmr_replay r;
	uint64_t before;

	(void)state;
	grow(&r);
	before = on_lists(&r);
	assert_true(before > 500);
	tick(&r, SECOND - 1);
	assert_int_equal(on_lists(&r), before);
	tick(&r, SECOND);
	assert_true(on_lists(&r) < before);
	assert_true(r.kthreads.next_ns > SECOND);
	memory_destroy(r.mem);
}

/* Many small steps of the clock and few large ones are the same, as long as none is dropped. */
static void test_work_catches_up(void **state)
{
	struct mmr_replay often, once;

	(void)state;
	grow(&often);
	grow(&once);
	for (unsigned i = 1; i <= 80; i++)
		tick(&often, i * SECOND / 16);
	tick(&once, 5 * SECOND);
	assert_int_equal(on_lists(&once), on_lists(&often));
	assert_int_equal(once.kthreads.next_ns, often.kthreads.next_ns);
	memory_destroy(often.mem);
	memory_destroy(once.mem);
}

/* A clock that jumps to the end of time costs some rounds, not 2^63 / 10^9 of them. */
static void test_a_jump_drops_what_is_long_past(void **state)
{
	struct mmr_replay r;
	uint64_t before;

	(void)state;
	grow(&r);
	before = on_lists(&r);
	tick(&r, INT64_MAX);
	assert_true(r.kthreads.next_ns > INT64_MAX);
	assert_true(r.kthreads.next_ns <= INT64_MAX + SECOND);
	assert_true(on_lists(&r) < before / 2);
	memory_destroy(r.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work_waits_until_it_is_due),
		cmocka_unit_test(test_work_catches_up),
		cmocka_unit_test(test_a_jump_drops_what_is_long_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
