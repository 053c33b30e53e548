/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Identity: the same however records are cut up, different as soon as one of them is. */
#include "support/test.h"

#include "trace/identity.h"

static const struct mmr_run runs[4] = {
	{.page = 1, .nr_reads = 1}, {.page = 2, .nr_reads = 1}, {.page = 1, .nr_reads = 1}, {.page = 4, .nr_reads = 2},
};
static const struct mmr_event row = {.kind = MMR_RUNS, .task = 1, .time_ns = 5};

static void check_differ(const struct identity *a, const struct identity *b)
{
	uint64_t x[2], y[2];

	identity_get(a, x);
	identity_get(b, y);
	assert_memory_not_equal(x, y, sizeof(x));
}

static void check_same(const struct identity *a, const struct identity *b)
{
	uint64_t x[2], y[2];

	identity_get(a, x);
	identity_get(b, y);
	assert_memory_equal(x, y, sizeof(x));
}

static void batches_make_no_difference(void **state)
{
	struct mmr_event later = row;
	struct identity a, b;

	(void)state;
	identity_init(&a);
	identity_init(&b);
	assert_true(identity_runs_begin(&a, &row));
	identity_runs(&a, runs, 4);
	assert_true(identity_runs_begin(&b, &row));
	identity_runs(&b, runs, 1);
	later.time_ns = 9;
	assert_false(identity_runs_begin(&b, &later));
	check_differ(&a, &b);
	identity_runs(&b, runs + 1, 3);
	check_same(&a, &b);
	check_same(&a, &b);	/* asking changes nothing */
	identity_finish(&a);
	identity_finish(&b);
}

static void another_task_or_order_is_another_trace(void **state)
{
	struct mmr_event other = row;
	struct identity a, b, c;

	(void)state;
	identity_init(&a);
	identity_init(&b);
	identity_init(&c);
	identity_runs_begin(&a, &row);
	identity_runs(&a, runs, 2);
	other.task = 2;
	identity_runs_begin(&b, &row);
	identity_runs(&b, runs, 1);
	assert_true(identity_runs_begin(&b, &other));
	identity_runs(&b, runs + 1, 1);
	check_differ(&a, &b);
	identity_runs_begin(&c, &row);
	identity_runs(&c, runs + 1, 1);
	identity_runs(&c, runs, 1);
	check_differ(&a, &c);
	identity_finish(&a);
	identity_finish(&b);
	identity_finish(&c);
}

static void event(struct identity *id, struct mmr_event ev, unsigned nr_args)
{
	identity_event(id, &ev, ev.arg, nr_args);
}

static void each_part_of_an_event_counts(void **state)
{
	static const struct mmr_event base = {.kind = MMR_COMM, .cpu = 1, .task = 1, .time_ns = 1, .data = "ab",
					      .data_len = 2, .COMM.exec = 1};
	struct mmr_event change[6] = {base, base, base, base, base, base};
	struct identity a;

	(void)state;
	change[0].kind = MMR_MARK;
	change[1].cpu = 2;
	change[2].task = 2;
	change[3].time_ns = 2;
	change[4].data = "ac";
	change[5].COMM.exec = 0;
	identity_init(&a);
	event(&a, base, 1);
	for (size_t i = 0; i < 6; i++) {
		struct identity b;

		identity_init(&b);
		event(&b, change[i], 1);
		check_differ(&a, &b);
		identity_finish(&b);
	}
	identity_finish(&a);
}

/* A field that a later version adds makes no difference while it is 0. */
static void trailing_zero_fields_do_not_count(void **state)
{
	static const struct mmr_event ev = {.kind = MMR_MMAP, .MMAP = {.addr = 5, .len = 6}};
	struct identity a, b;

	(void)state;
	identity_init(&a);
	identity_init(&b);
	event(&a, ev, 2);
	event(&b, ev, 6);
	check_same(&a, &b);
	identity_finish(&a);
	identity_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_make_no_difference),
		cmocka_unit_test(another_task_or_order_is_another_trace),
		cmocka_unit_test(each_part_of_an_event_counts),
		cmocka_unit_test(trailing_zero_fields_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
