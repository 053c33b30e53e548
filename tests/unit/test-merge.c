/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Records of several sources leave in one order, none before its time, and their memory goes with
 * them. */
#include "support/test.h"

#include <errno.h>

#include "capture/merge.h"

struct seen {
	struct merge *m;
	uint64_t time[64];
	uint32_t source[64];
	uint32_t type[64];
	size_t nr;
	size_t fail_at;	    /* take() fails on this one; SIZE_MAX never */
	uint64_t push_time; /* take() pushes one more record of this time, once; 0 never */
};

static int take(void *ctx, const struct merge_record *rec)
{
	struct seen *s = ctx;

	if (s->nr == s->fail_at)
		return -EIO;
	assert_true(s->nr < 64);
	s->time[s->nr] = rec->time_ns;
	s->source[s->nr] = rec->source;
	s->type[s->nr++] = rec->type;
	if (s->push_time) {
		uint64_t t = s->push_time;

		s->push_time = 0;
		merge_push(s->m, t, 9, 99, NULL, NULL);
	}
	return 0;
}

static void order_is_time_source_arrival(void **state)
{
	struct merge m;
	struct seen s = {.m = &m, .fail_at = SIZE_MAX};

	(void)state;
	merge_init(&m);
	merge_push(&m, 30, 0, 1, NULL, NULL);
	merge_push(&m, 10, 1, 2, NULL, NULL);
	merge_push(&m, 10, 0, 3, NULL, NULL);
	merge_push(&m, 10, 1, 4, NULL, NULL);
	merge_push(&m, 20, 7, 5, NULL, NULL);
	assert_int_equal(merge_flush(&m, UINT64_MAX, take, &s), 0);
	assert_int_equal(s.nr, 5);

	const uint32_t want[] = {3, 2, 4, 5, 1};

	for (size_t i = 0; i < 5; i++)
		assert_int_equal(s.type[i], want[i]);
	merge_finish(&m);
}

static void nothing_leaves_before_its_time(void **state)
{
	struct merge m;
	struct seen s = {.m = &m, .fail_at = SIZE_MAX};

	(void)state;
	merge_init(&m);
	merge_push(&m, 10, 0, 1, NULL, NULL);
	merge_push(&m, 20, 0, 2, NULL, NULL);
	merge_push(&m, 30, 0, 3, NULL, NULL);
	merge_flush(&m, 20, take, &s);
	assert_int_equal(s.nr, 1);
	/* A source that was behind delivers between what has left and what is left. */
	merge_push(&m, 15, 1, 4, NULL, NULL);
	merge_push(&m, 25, 1, 5, NULL, NULL);
	merge_flush(&m, 31, take, &s);
	assert_int_equal(s.nr, 5);
	for (size_t i = 1; i < s.nr; i++)
		assert_true(s.time[i - 1] < s.time[i]);
	merge_finish(&m);
}

static void failure_keeps_the_rest(void **state)
{
	struct merge m;
	struct seen s = {.m = &m, .fail_at = 1};

	(void)state;
	merge_init(&m);
	for (uint32_t i = 0; i < 4; i++)
		merge_push(&m, 10 + i, 0, i, NULL, NULL);
	assert_int_equal(merge_flush(&m, UINT64_MAX, take, &s), -EIO);
	assert_int_equal(s.nr, 1);
	s.fail_at = SIZE_MAX;
	assert_int_equal(merge_flush(&m, UINT64_MAX, take, &s), 0);
	assert_int_equal(s.nr, 3); /* the one that failed is gone, two were left */
	merge_finish(&m);
}

static void a_record_may_push_another(void **state)
{
	struct merge m;
	struct seen s = {.m = &m, .fail_at = SIZE_MAX, .push_time = 5};

	(void)state;
	merge_init(&m);
	merge_push(&m, 10, 0, 1, NULL, NULL);
	merge_push(&m, 11, 0, 2, NULL, NULL);
	merge_flush(&m, UINT64_MAX, take, &s);
	assert_int_equal(s.nr, 2);
	merge_flush(&m, UINT64_MAX, take, &s);
	assert_int_equal(s.nr, 3);
	assert_int_equal(s.type[2], 99);
	merge_finish(&m);
}

static void chunks_live_as_long_as_their_records(void **state)
{
	struct merge m;
	struct seen s = {.m = &m, .fail_at = SIZE_MAX};
	struct merge_chunk *chunk = merge_chunk_create(16);

	(void)state;
	merge_init(&m);
	merge_push(&m, 1, 0, 0, chunk->data, chunk);
	merge_push(&m, 2, 0, 0, (char *)chunk->data + 8, chunk);
	assert_int_equal(chunk->refs, 3);
	merge_chunk_put(chunk);
	merge_flush(&m, 2, take, &s);
	assert_int_equal(chunk->refs, 1); /* held by the record that is left */
	merge_finish(&m);		  /* a leak or a double free shows under ASan */
}

struct ahead {
	struct merge *m;
	uint64_t now; /* the record that is being handed on */
	size_t nr;    /* records seen ahead of those handed on */
};

static int look(void *ctx, const struct merge_record *rec)
{
	struct ahead *a = ctx;

	assert_true(rec->time_ns > a->now);
	a->nr++;
	return 0;
}

static int take_and_look(void *ctx, const struct merge_record *rec)
{
	struct ahead *a = ctx;

	a->now = rec->time_ns;
	return merge_each(a->m, look, a);
}

/* What was handed on is gone, and its memory with it: looking ahead must not meet it. */
static void looking_ahead_inside_a_flush_sees_only_what_is_to_come(void **state)
{
	struct merge m;
	struct ahead a = {.m = &m};

	(void)state;
	merge_init(&m);
	for (uint64_t t = 1; t <= 4; t++) {
		struct merge_chunk *chunk = merge_chunk_create(8);

		merge_push(&m, t, 0, 0, chunk->data, chunk);
		merge_chunk_put(chunk);
	}
	assert_int_equal(merge_flush(&m, UINT64_MAX, take_and_look, &a), 0);
	assert_int_equal(a.nr, 3 + 2 + 1);
	merge_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_time_source_arrival),
		cmocka_unit_test(nothing_leaves_before_its_time),
		cmocka_unit_test(failure_keeps_the_rest),
		cmocka_unit_test(a_record_may_push_another),
		cmocka_unit_test(looking_ahead_inside_a_flush_sees_only_what_is_to_come),
		cmocka_unit_test(chunks_live_as_long_as_their_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
