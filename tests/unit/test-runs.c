/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Columns of page runs: the classes of symbols and shapes, limits, and columns that lie. */
#include "support/test.h"

#include <errno.h>

#include "trace/runs.h"

struct coded {
	uint8_t *buf;
	struct runs_columns c;
};

static void encode(struct coded *k, const struct mmr_run *runs, size_t nr)
{
	struct runs_encoder e;
	size_t at = 0;

	runs_encoder_init(&e);
	while (at < nr) {
		int64_t took = runs_encode(&e, runs + at, nr - at, SIZE_MAX);

		assert_true(took > 0);
		at += (size_t)took;
	}
	k->buf = calloc(1, runs_encoder_bound(&e) + TRACE_PADDING);
	runs_encoder_columns(&e, k->buf, &k->c);
	runs_encoder_finish(&e);
}

static struct runs_input input_of(const struct coded *k)
{
	return (struct runs_input){
		.symbols = k->c.symbols, .nr_symbols = k->c.nr_runs, .wide = k->c.wide,
		.nr_wide = k->c.nr_wide, .shapes = k->c.shapes, .nr_shapes = k->c.nr_entries,
		.pages = k->c.pages, .nr_pages = k->c.nr_pages, .counts = k->c.counts,
		.nr_counts = k->c.nr_counts, .nr_repeated = k->c.nr_repeated};
}

static void check_decodes(const struct coded *k, const struct mmr_run *runs, size_t nr)
{
	static struct mmr_run out[MMR_BATCH];
	struct runs_input in = input_of(k);
	struct runs_decoder d;

	runs_decoder_init(&d);
	assert_int_equal(runs_decoder_start(&d, &in), 0);
	for (size_t i = 0; i < nr; i += MMR_BATCH) {
		size_t n = nr - i < MMR_BATCH ? nr - i : MMR_BATCH;

		assert_false(runs_decoder_done(&d));
		assert_int_equal(runs_decode(&d, out, n), 0);
		assert_memory_equal(out, runs + i, n * sizeof(*out));
	}
	assert_true(runs_decoder_done(&d));
	assert_int_equal(runs_decode(&d, out, 1), -EBADMSG);
	runs_decoder_finish(&d);
}

static void round_trip(const struct mmr_run *runs, size_t nr)
{
	struct coded k;

	encode(&k, runs, nr);
	check_decodes(&k, runs, nr);
	free(k.buf);
}

static void each_shape_survives(void **state)
{
	static const struct mmr_run runs[] = {
		{.page = 0, .nr_reads = 1},
		{.page = (1ull << 52) - 1, .nr_reads = 1},
		{.page = 1 | MMR_RUN_INSN, .nr_reads = MMR_RUN_MAX},
		{.page = 1ull << 40 | MMR_RUN_WRITE_FIRST, .nr_writes = 1},
		{.page = 2, .nr_reads = 255},
		{.page = 2, .nr_reads = 256},
		{.page = 2, .nr_reads = 255, .nr_writes = 255, .other_at = 255},
		{.page = 2, .nr_reads = 3, .nr_writes = 256, .other_at = 1},
		{.page = 2 | MMR_RUN_WRITE_FIRST, .nr_reads = 3, .nr_writes = 2, .other_at = 2},
		{.page = 2, .nr_reads = 2, .nr_split = 2},
		{.page = 3, .nr_reads = MMR_RUN_MAX, .nr_writes = MMR_RUN_MAX, .other_at = MMR_RUN_MAX,
		 .nr_split = MMR_RUN_MAX},
		{.page = 0x7ffff, .nr_reads = 1},
	};

	(void)state;
	round_trip(runs, sizeof(runs) / sizeof(runs[0]));
}

/* All classes of symbols: direct, one byte more, two bytes more, and entries that occur once. */
static void dictionaries_of_all_sizes(void **state)
{
	static const size_t sizes[] = {1, 2, 239, 240, 241, 495, 496, 4079, 4080, 4081, 65535, 65536};
	struct mmr_run *runs = calloc(3 * 65536, sizeof(*runs));

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (size_t twice = 0; twice < 2; twice++) {
			size_t n = 0;

			for (size_t i = 0; i < sizes[s]; i++)
				for (size_t k = 0; k <= (twice ? 1 + i % 2 : i % 2); k++)
					runs[n++] = (struct mmr_run){.page = i, .nr_reads = 1};
			round_trip(runs, n);
		}
	}
	free(runs);
}

static void an_encoder_stops_at_its_limits(void **state)
{
	struct mmr_run run = {.nr_reads = 1};
	struct runs_encoder e;

	(void)state;
	runs_encoder_init(&e);
	for (; run.page < TRACE_DICT_ENTRIES; run.page++)
		assert_int_equal(runs_encode(&e, &run, 1, SIZE_MAX), 1);
	assert_int_equal(runs_encode(&e, &run, 1, SIZE_MAX), 0);
	run.page = 5;
	assert_int_equal(runs_encode(&e, &run, 1, SIZE_MAX), 1);
	assert_int_equal(runs_encode(&e, &run, 1, runs_encoder_bound(&e)), 0);
	runs_encoder_reset(&e);
	for (size_t i = 0; i < TRACE_BLOCK_RUNS; i++)
		assert_int_equal(runs_encode(&e, &run, 1, SIZE_MAX), 1);
	assert_int_equal(runs_encode(&e, &run, 1, SIZE_MAX), 0);
	runs_encoder_finish(&e);
}

static void runs_that_cannot_be_are_refused(void **state)
{
	static const struct mmr_run bad[] = {
		{.page = 1},							/* no touch */
		{.page = 1 | MMR_RUN_WRITE_FIRST, .nr_reads = 1},		/* no first write */
		{.page = 1, .nr_writes = 1},					/* no first read */
		{.page = 1 | MMR_RUN_INSN, .nr_reads = 1, .nr_writes = 1, .other_at = 1},
		{.page = 1, .nr_reads = 1, .nr_writes = 1},			/* when? */
		{.page = 1, .nr_reads = 1, .nr_writes = 1, .other_at = 2},
		{.page = 1, .nr_reads = 1, .other_at = 1},
		{.page = 1, .nr_reads = 1, .nr_split = 2},
		{.page = 1ull << 52, .nr_reads = 1},
	};
	struct mmr_run pair[2] = {{.nr_reads = 1}};
	struct runs_encoder e;

	(void)state;
	runs_encoder_init(&e);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(runs_encode(&e, &bad[i], 1, SIZE_MAX), -EINVAL);
		pair[1] = bad[i];
		assert_int_equal(runs_encode(&e, pair, 2, SIZE_MAX), 1);
	}
	runs_encoder_finish(&e);
}

static void check_refused(const struct runs_input *in)
{
	struct mmr_run out[4];
	struct runs_decoder d;

	runs_decoder_init(&d);
	assert_true(runs_decoder_start(&d, in) || runs_decode(&d, out, in->nr_symbols) || !runs_decoder_done(&d));
	runs_decoder_finish(&d);
}

static void columns_that_lie_are_refused(void **state)
{
	static const struct mmr_run runs[] = {
		{.page = 9, .nr_reads = 1}, {.page = 9, .nr_reads = 1}, {.page = 700, .nr_reads = 7},
	};
	struct runs_input in;
	struct coded k;

	(void)state;
	encode(&k, runs, 3);
	in = input_of(&k);
	in.nr_pages++;
	check_refused(&in);
	in = input_of(&k);
	in.nr_counts--;
	check_refused(&in);
	in = input_of(&k);
	in.nr_wide = 1;
	check_refused(&in);
	in = input_of(&k);
	in.nr_repeated = 3;
	check_refused(&in);
	in = input_of(&k);
	in.nr_symbols--;
	check_refused(&in);
	for (unsigned symbol = 3; symbol < 256; symbol++) {
		k.c.symbols[0] = (uint8_t)symbol;
		in = input_of(&k);
		check_refused(&in);
	}
	k.c.symbols[0] = 1;
	k.c.shapes[0] |= 0x40;
	in = input_of(&k);
	check_refused(&in);
	free(k.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_shape_survives),
		cmocka_unit_test(dictionaries_of_all_sizes),
		cmocka_unit_test(an_encoder_stops_at_its_limits),
		cmocka_unit_test(runs_that_cannot_be_are_refused),
		cmocka_unit_test(columns_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
