/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which samples a timeline keeps, and what stands in them. */
#include "support/test.h"

#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "sim/replay.h"

static struct mmr_replay replay_new(uint64_t interval, uint64_t samples)
{
	struct mmr_replay r = {.mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20)};

	r.settings.system.timeline_ns = interval;
	r.settings.system.timeline_samples = samples;
	timeline_start(&r);
	return r;
}

static void replay_done(struct mmr_replay *r)
{
	timeline_finish(&r->timeline);
	memory_destroy(r->mem);
}

/* As the table of periodic work does: at due times, each one interval behind the last. */
static void run_to(struct mmr_replay *r, uint64_t *due, uint64_t now)
{
	for (; *due <= now; *due += r->timeline.interval_ns)
		timeline_sample(r, *due);
	r->mem->now_ns = now;
}

static uint64_t time_of(const struct mmr_replay *r, size_t row)
{
	return timeline_cell(&r->timeline, row, TIMELINE_TIME);
}

static void off_means_nothing(void **state)
{
	struct mmr_replay r = replay_new(0, 10);

	(void)state;
	timeline_end(&r);
	assert_int_equal(r.timeline.nr_rows, 0);
	replay_done(&r);
}

/* However long it runs and whatever the limit: few samples, on the grid of the interval, none missing. */
static void every_second_one_goes_when_it_is_full(void **state)
{
	(void)state;
	for (uint64_t samples = 2; samples < 12; samples++)
		for (uint64_t end = 1; end < 300; end += 7) {
			struct mmr_replay r = replay_new(3, samples);
			uint64_t due = 3, step;

			for (uint64_t now = 0; now <= end; now += 5)
				run_to(&r, &due, now);
			run_to(&r, &due, end);
			step = r.timeline.interval_ns;
			assert_int_equal(step, 3ull << r.timeline.thinned);
			assert_in_range(r.timeline.nr_rows, 1, samples);
			assert_true(r.timeline.thinned == 0 || r.timeline.nr_rows > samples / 2);
			for (size_t row = 0; row < r.timeline.nr_rows; row++)
				assert_int_equal(time_of(&r, row), row * step);
			/* what fell due and is on the grid is there, but for one that waits for its fellow */
			assert_true(r.timeline.nr_rows * step + step > end);
			timeline_end(&r);
			timeline_end(&r);
			assert_int_equal(time_of(&r, r.timeline.nr_rows - 1), end);
			replay_done(&r);
		}
}

/* Only samples at odd places are there: the interval doubles until some of them go. */
static void gaps_do_not_break_the_limit(void **state)
{
	struct mmr_replay r = replay_new(1, 4);

	(void)state;
	for (uint64_t t = 64; t < 100000; t += 64 + t % 3 * 64) {
		timeline_sample(&r, t - t % r.timeline.interval_ns);
		assert_in_range(r.timeline.nr_rows, 1, 4);
	}
	replay_done(&r);
}

static void a_row_holds_the_state_of_its_time(void **state)
{
	struct mmr_replay r = replay_new(10, 100);
	const struct zone *zone = &r.mem->nodes[0]->node_zones[ZONE_DMA32];
	uint64_t due = 10, before = zone->vm_stat[NR_FREE_PAGES], after, sum = 0;
	size_t z = 0;

	(void)state;
	run_to(&r, &due, 10);
	assert_true(alloc_pages(r.mem, GFP_KERNEL, 10, 0) != PFN_NONE);
	after = before - 1024;
	run_to(&r, &due, 20);
	assert_int_equal(r.timeline.nr_rows, 3);
	while (r.timeline.zones.data[z] != zone)
		z++;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		for (unsigned o = 0; o < r.timeline.nr_orders; o++)
			sum += timeline_cell(&r.timeline, 2, timeline_blocks(&r.timeline, z, mt, o)) << o;
	assert_int_equal(sum, after);
	assert_int_equal(timeline_cell(&r.timeline, 1, TIMELINE_EVENT + PGALLOC_DMA32), 0);
	assert_int_equal(timeline_cell(&r.timeline, 2, TIMELINE_EVENT + PGALLOC_DMA32), 1024);
	replay_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_means_nothing),
		cmocka_unit_test(every_second_one_goes_when_it_is_full),
		cmocka_unit_test(gaps_do_not_break_the_limit),
		cmocka_unit_test(a_row_holds_the_state_of_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
