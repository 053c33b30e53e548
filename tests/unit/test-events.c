/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Columns of events: what costs nothing, numbers at the edges, kinds and columns of a later version, and
 * columns that lie.
 */
#include "support/test.h"

#include <errno.h>

#include "trace/events.h"

struct coded {
	uint8_t buf[65536 + TRACE_PADDING];
	size_t size;
	uint32_t nr_events;
	uint64_t base_time;
};

static void encode(struct coded *k, const struct mmr_event *ev, size_t nr)
{
	struct events_encoder *e = malloc(sizeof(*e));
	struct cuts cuts;

	events_encoder_init(e);
	for (size_t i = 0; i < nr; i++)
		events_encode(e, &ev[i], ev[i].time_ns);
	assert_true(events_encoder_bound(e) < 65536);
	memset(k->buf, 0, sizeof(k->buf));
	k->size = events_encoder_columns(e, NULL, k->buf, &cuts);
	assert_true(k->size <= events_encoder_bound(e));
	k->nr_events = e->nr_events;
	k->base_time = e->base_time;
	events_encoder_finish(e);
	free(e);
}

static int start(struct events_decoder *d, const struct coded *k)
{
	struct runs_input runs;
	struct mmr_error err;

	return events_decoder_start(d, k->buf, k->size, k->nr_events, k->base_time, &runs, &err);
}

static void check_decodes(const struct coded *k, const struct mmr_event *ev, size_t nr)
{
	struct events_decoder *d = calloc(1, sizeof(*d));
	uint64_t args[TRACE_FIELDS];
	struct mmr_error err;
	struct mmr_event got;
	unsigned nr_args;

	assert_int_equal(start(d, k), 0);
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(events_decode(d, &got, args, &nr_args, &err), 1);
		assert_int_equal(got.kind, ev[i].kind);
		assert_int_equal(got.time_ns, ev[i].time_ns);
		assert_int_equal(got.task, ev[i].task);
		assert_int_equal(got.cpu, ev[i].cpu);
		assert_memory_equal(got.arg, ev[i].arg, sizeof(got.arg));
		assert_int_equal(got.data_len, ev[i].data_len);
		assert_non_null(got.data);
	}
	assert_int_equal(events_decode(d, &got, args, &nr_args, &err), 0);
	events_decoder_finish(d);
	free(d);
}

static void round_trip(const struct mmr_event *ev, size_t nr)
{
	struct coded *k = malloc(sizeof(*k));

	encode(k, ev, nr);
	check_decodes(k, ev, nr);
	free(k);
}

static void numbers_at_the_edges(void **state)
{
	static const uint64_t edges[] = {
		0, 1, 127, 128, 0xfff, 0x1000, (1ull << 55) - 1, 1ull << 55, 1ull << 56, 1ull << 59, 1ull << 60,
		1ull << 62, 1ull << 63, 0xffff800000000000, 0xff00000000000123, 0x7a00ffffdeadbeef, UINT64_MAX,
	};
	enum { NR = sizeof(edges) / sizeof(edges[0]) };
	struct mmr_event ev[NR * NR];

	(void)state;
	memset(ev, 0, sizeof(ev));
	for (size_t i = 0; i < NR * NR; i++) {
		ev[i].kind = MMR_SAMPLE;
		ev[i].time_ns = edges[i % NR];
		ev[i].task = (uint32_t)edges[i / NR];
		ev[i].cpu = (uint16_t)edges[i % NR];
		for (unsigned f = 0; f < MMR_MAX_ARGS; f++)
			ev[i].arg[f] = edges[(f & 1 ? i : i / NR + f) % NR];
	}
	round_trip(ev, NR * NR);
}

/* The same event again and again takes no more bytes than one. */
static void what_does_not_change_costs_nothing(void **state)
{
	struct mmr_event ev[1000];
	struct coded *k = malloc(sizeof(*k));
	size_t one;

	(void)state;
	memset(ev, 0, sizeof(ev));
	for (size_t i = 0; i < 1000; i++)
		ev[i] = (struct mmr_event){.kind = MMR_SYSCALL, .task = 7, .cpu = 3, .time_ns = 1ull << 60,
					   .SYSCALL = {.nr = 1ull << 40, .ret = UINT64_MAX}};
	encode(k, ev, 1);
	one = k->size;
	encode(k, ev, 1000);
	assert_int_equal(k->size, one);
	check_decodes(k, ev, 1000);
	/* Zeros are not even in the table. */
	for (size_t i = 0; i < 1000; i++)
		ev[i] = (struct mmr_event){.kind = MMR_SAMPLE};
	encode(k, ev, 1000);
	assert_int_equal(k->size, 8 + 8 + MMR_MAX_ARGS);
	check_decodes(k, ev, 1000);
	free(k);
}

static void a_column_may_begin_to_vary_late(void **state)
{
	struct mmr_event ev[300];

	(void)state;
	memset(ev, 0, sizeof(ev));
	for (size_t i = 0; i < 300; i++)
		ev[i] = (struct mmr_event){.kind = MMR_EXIT, .task = 1000, .EXIT.code = i == 299 ? 3 : 1ull << 50};
	round_trip(ev, 300);
}

/* ---- what a later version might write ---- */

static size_t put_kind(uint8_t *p, unsigned kind, unsigned nr_fields, uint32_t nr, const uint8_t *encodings)
{
	put_le16(p, (uint16_t)kind);
	p[2] = (uint8_t)nr_fields;
	p[3] = 0;
	put_le32(p + 4, nr);
	memcpy(p + 8, encodings, nr_fields);
	return 8 + nr_fields;
}

static size_t put_column(uint8_t *p, unsigned kind, unsigned field, unsigned coding, uint32_t len, uint64_t base)
{
	put_le16(p, (uint16_t)kind);
	p[2] = (uint8_t)field;
	p[3] = (uint8_t)coding;
	put_le32(p + 4, len);
	put_le64(p + 8, base);
	return 16;
}

/*
 * Kind 60000 with 12 fields, an EXIT with a second field, columns nobody knows in codings nobody knows.
 * The unknown kind's address (granule 100) is what the EXIT's new ADDR field is predicted from.
 */
static void a_later_version(struct coded *k)
{
	static const uint8_t new_kind[12] = {MMR_ENC_ADDR, 2, MMR_ENC_DELTA, 2, 2, 2, 2, 2, 2, 2, 2, 2};
	static const uint8_t new_exit[2] = {MMR_ENC_UINT, MMR_ENC_ADDR};
	uint8_t *p = k->buf + 8;

	memset(k->buf, 0, sizeof(k->buf));
	put_le32(k->buf, 2);
	put_le32(k->buf + 4, 7);
	p += put_kind(p, 60000, 12, 1, new_kind);
	p += put_kind(p, MMR_EXIT, 2, 1, new_exit);
	p += put_column(p, 0, TRACE_COL_KIND, TRACE_PLANES, 2, 0);
	p += put_column(p, 0, 77, 99, 3, 5);
	p += put_column(p, 60000, 0, TRACE_CONST, 0, zigzag(100) << 3);
	p += put_column(p, 60000, 11, TRACE_CONST, 0, 42);
	p += put_column(p, 60000, 200, TRACE_BYTES, 4, 0);
	p += put_column(p, 4711, 3, 8, 1, 0);
	p += put_column(p, MMR_EXIT, 1, TRACE_CONST, 0, zigzag(1) << 3);
	memcpy(p, "\0\1xyzabcd!", 10);
	k->size = (size_t)(p + 10 - k->buf);
	k->nr_events = 2;
	k->base_time = 9;
}

static void kinds_fields_and_columns_of_a_later_version_are_skipped(void **state)
{
	struct events_decoder *d = calloc(1, sizeof(*d));
	struct coded *k = malloc(sizeof(*k));
	uint64_t args[TRACE_FIELDS];
	struct mmr_error err;
	struct mmr_event ev;
	unsigned nr_args;

	(void)state;
	a_later_version(k);
	assert_int_equal(start(d, k), 0);
	assert_int_equal(events_decode(d, &ev, args, &nr_args, &err), 1);
	assert_int_equal(ev.kind, 60000);
	assert_int_equal(nr_args, 12);
	assert_int_equal(args[0], 100 << 12);
	assert_int_equal(args[11], 42);
	assert_int_equal(events_decode(d, &ev, args, &nr_args, &err), 1);
	assert_int_equal(ev.kind, MMR_EXIT);
	assert_int_equal(ev.EXIT.code, 0);
	assert_int_equal(nr_args, 2);
	assert_int_equal(args[1], 101 << 12);
	assert_int_equal(events_decode(d, &ev, args, &nr_args, &err), 0);
	free(k);
	events_decoder_finish(d);
	free(d);
}

/* ---- columns that lie ---- */

static void check_refused(const struct coded *k)
{
	struct events_decoder *d = calloc(1, sizeof(*d));
	uint64_t args[TRACE_FIELDS];
	struct mmr_error err;
	struct mmr_event ev;
	unsigned nr_args;
	int ret = start(d, k);

	while (ret >= 0 && (ret = events_decode(d, &ev, args, &nr_args, &err)) == 1)
		;
	assert_int_equal(ret, -EBADMSG);
	events_decoder_finish(d);
	free(d);
}

static void columns_that_lie_are_refused(void **state)
{
	struct mmr_event ev[2] = {
		{.kind = MMR_COMM, .task = 1, .time_ns = 1, .data = "abc", .data_len = 3},
		{.kind = MMR_COMM, .task = 300, .time_ns = 5, .data = "abcd", .data_len = 4},
	};
	struct coded *k = malloc(sizeof(*k));
	uint8_t *kind, *row;

	(void)state;
#define LIE(change) do { \
		encode(k, ev, 2); \
		kind = k->buf + 8; \
		row = kind + 8 + 1; \
		change; \
		check_refused(k); \
	} while (0)
	LIE(k->nr_events = 3);
	LIE(k->nr_events = 1);
	LIE(k->size = 7);
	LIE(k->size--);
	LIE(put_le32(k->buf, 129));
	LIE(put_le32(k->buf, 2));
	LIE(put_le32(k->buf + 4, UINT32_MAX));
	LIE(put_le32(k->buf + 4, get_le32(k->buf + 4) - 1));
	LIE(put_le16(kind, 0));
	LIE(kind[2] = TRACE_FIELDS + 1);
	LIE(put_le32(kind + 4, 1));
	LIE(kind[8] = 3);
	LIE(put_le32(row + 4, UINT32_MAX));
	LIE(put_le32(row + 4, 2));
	LIE(row[3] = TRACE_BYTES);
	LIE(row[3] = TRACE_CONST);
	LIE(k->buf[k->size - 1 - 7] = 200);	/* a length of data with a second byte that is not there */
	LIE(k->buf[k->size - 1 - 7] = 100);	/* more data than there is */
#undef LIE
	free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_at_the_edges),
		cmocka_unit_test(what_does_not_change_costs_nothing),
		cmocka_unit_test(a_column_may_begin_to_vary_late),
		cmocka_unit_test(kinds_fields_and_columns_of_a_later_version_are_skipped),
		cmocka_unit_test(columns_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
