/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random events of every kind and random runs, written with random flushes, levels and units of time, against
 * the list of what was written. What is read must be the same records in the same order, however blocks
 * and batches fell, and the identity must be that of the same records written another way.
 */
#include "support/test.h"
#include "support/trace-mem.h"

#include <stdbool.h>

#include "base/rng.h"

struct record {
	struct mmr_event ev;	/* for MMR_RUNS: a row of runs */
	uint8_t *data;
	size_t first_run;	/* of a row, in model.runs */
};

struct model {
	struct record *records;
	struct mmr_run *runs;
	size_t nr_records, nr_runs, cap_records, cap_runs;
};

/* Numbers of all magnitudes. */
static uint64_t any_u64(struct rng *rng)
{
	unsigned shift = (unsigned)rng_below(rng, 65);

	return shift == 64 ? 0 : rng_u64(rng) >> shift;
}

static void random_run(struct rng *rng, struct mmr_run *r)
{
	bool few = rng_below(rng, 4), insn = rng_below(rng, 2);
	uint64_t page = few ? rng_below(rng, 50) : any_u64(rng) & ((1ull << 52) - 1);
	uint16_t max = rng_below(rng, 8) ? 9 : rng_below(rng, 2) ? 300 : MMR_RUN_MAX;
	uint16_t first = (uint16_t)(1 + rng_below(rng, max)), other = 0;
	bool write_first = !insn && rng_below(rng, 2);

	if (!insn && rng_below(rng, 2))
		other = (uint16_t)(1 + rng_below(rng, max));
	memset(r, 0, sizeof(*r));
	r->page = page | (insn ? MMR_RUN_INSN : 0) | (write_first ? MMR_RUN_WRITE_FIRST : 0);
	r->nr_reads = write_first ? other : first;
	r->nr_writes = write_first ? first : other;
	r->other_at = other ? (uint16_t)(1 + rng_below(rng, first)) : 0;
	if (!rng_below(rng, 16))
		r->nr_split = (uint16_t)rng_below(rng, (uint64_t)first + other < 65535 ? first + other + 1u : 65535);
}

static void random_event(struct rng *rng, struct record *rec, uint64_t *now)
{
	const struct mmr_kind_info *kinds;
	size_t nr, len = 0;

	kinds = mmr_kinds(&nr);
	memset(rec, 0, sizeof(*rec));
	do
		rec->ev.kind = kinds[rng_below(rng, nr)].kind;
	while (rec->ev.kind == MMR_RUNS);
	*now += rng_below(rng, 8) ? rng_below(rng, 5000) : any_u64(rng) >> 8;
	rec->ev.time_ns = rng_below(rng, 50) ? *now : any_u64(rng);
	rec->ev.task = (uint32_t)(rng_below(rng, 20) ? rng_below(rng, 5) : any_u64(rng));
	rec->ev.cpu = (uint16_t)(rng_below(rng, 20) ? rng_below(rng, 4) : any_u64(rng));
	for (unsigned i = 0; i < mmr_kind_info(rec->ev.kind)->nr_fields; i++)
		rec->ev.arg[i] = any_u64(rng);
	if (!rng_below(rng, 8))
		len = rng_below(rng, rng_below(rng, 100) ? 40 : MMR_DATA_MAX + 1);
	rec->data = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		rec->data[i] = (uint8_t)rng_u64(rng);
	rec->ev.data = rec->data;
	rec->ev.data_len = (uint32_t)len;
}

/* A row joins the one before when nothing stands between and task and CPU are the same. */
static void add_row(struct rng *rng, struct model *m, uint64_t now)
{
	size_t nr = rng_below(rng, rng_below(rng, 20) ? 60 : 9000);
	struct record *last = m->nr_records ? &m->records[m->nr_records - 1] : NULL;
	struct mmr_event ev = {.kind = MMR_RUNS, .task = (uint32_t)rng_below(rng, 3),
			       .cpu = (uint16_t)rng_below(rng, 2), .time_ns = now};

	if (!nr)
		return;
	for (size_t i = 0; i < nr; i++)
		random_run(rng, &m->runs[m->nr_runs + i]);
	if (last && last->ev.kind == MMR_RUNS && last->ev.task == ev.task && last->ev.cpu == ev.cpu) {
		last->ev.RUNS.nr += nr;
	} else {
		ev.RUNS.nr = nr;
		m->records[m->nr_records++] = (struct record){.ev = ev, .first_run = m->nr_runs};
	}
	m->nr_runs += nr;
}

static void model_create(struct rng *rng, struct model *m, size_t nr)
{
	uint64_t now = any_u64(rng) >> 4;

	memset(m, 0, sizeof(*m));
	m->records = calloc(nr, sizeof(*m->records));
	m->cap_runs = 9000 + nr * 64;
	m->runs = calloc(m->cap_runs, sizeof(*m->runs));
	for (size_t i = 0; i < nr; i++) {
		if (rng_below(rng, 10) || m->nr_runs + 9000 > m->cap_runs)
			random_event(rng, &m->records[m->nr_records++], &now);
		else
			add_row(rng, m, now);
	}
}

static void model_free(struct model *m)
{
	for (size_t i = 0; i < m->nr_records; i++)
		free(m->records[i].data);
	free(m->records);
	free(m->runs);
}

static void write_row(struct rng *rng, struct mmr_writer *w, const struct model *m, const struct record *rec)
{
	const struct mmr_run *runs = m->runs + rec->first_run;
	uint64_t left = rec->ev.RUNS.nr, time = rec->ev.time_ns;
	struct mmr_error err;

	while (left) {
		uint64_t nr = 1 + rng_below(rng, left);

		assert_int_equal(mmr_writer_runs(w, rec->ev.task, rec->ev.cpu, time, runs, nr, &err), 0);
		runs += nr;
		left -= nr;
		time += rng_below(rng, 100);
		if (!rng_below(rng, 4))
			assert_int_equal(mmr_writer_flush(w, &err), 0);
	}
}

static void write_model(struct rng *rng, const struct model *m, struct mem_file *f, uint64_t unit)
{
	struct mmr_writer_options opt = {.time_unit_ns = unit, .level = (int)rng_below(rng, 4)};
	struct mmr_writer *w;
	struct mmr_error err;

	assert_int_equal(mmr_writer_open_fn(&w, mem_write, f, "{\"a\": 1}", &opt, &err), 0);
	for (size_t i = 0; i < m->nr_records; i++) {
		if (m->records[i].ev.kind == MMR_RUNS)
			write_row(rng, w, m, &m->records[i]);
		else
			assert_int_equal(mmr_writer_event(w, &m->records[i].ev, &err), 0);
		if (!rng_below(rng, 3000))
			assert_int_equal(mmr_writer_flush(w, &err), 0);
	}
	assert_int_equal(mmr_writer_close(w, &err), 0);
}

static void check_event(const struct record *rec, const struct mmr_event *ev, uint64_t unit)
{
	assert_int_equal(ev->kind, rec->ev.kind);
	assert_int_equal(ev->task, rec->ev.task);
	assert_int_equal(ev->cpu, rec->ev.cpu);
	assert_int_equal(ev->time_ns, rec->ev.time_ns - rec->ev.time_ns % (unit ? unit : 1));
	if (ev->kind == MMR_RUNS)
		return;
	assert_memory_equal(ev->arg, rec->ev.arg, sizeof(ev->arg));
	assert_int_equal(ev->data_len, rec->ev.data_len);
	assert_memory_equal(ev->data, rec->data, ev->data_len);
}

static void read_model(const struct model *m, struct mem_file *f, uint64_t unit, uint64_t ret_identity[2])
{
	const struct mmr_reader_stats *stats;
	size_t record = 0, in_row = 0, runs = 0;
	struct mmr_error err;
	struct mmr_reader *r;
	struct mmr_item item;
	int ret;

	assert_int_equal(mmr_reader_open_fn(&r, mem_read, f, NULL, &err), 0);
	assert_string_equal(mmr_reader_metadata(r), "{\"a\": 1}");
	while ((ret = mmr_reader_next(r, &item, &err)) == 1) {
		assert_true(record < m->nr_records);
		check_event(&m->records[record], &item.ev, unit);
		if (item.ev.kind == MMR_RUNS) {
			assert_true(item.nr_runs && item.nr_runs <= MMR_BATCH);
			assert_true(in_row + item.nr_runs <= m->records[record].ev.RUNS.nr);
			assert_memory_equal(item.runs, m->runs + runs, item.nr_runs * sizeof(*item.runs));
			runs += item.nr_runs;
			in_row += item.nr_runs;
			if (in_row < m->records[record].ev.RUNS.nr)
				continue;
		}
		in_row = 0;
		record++;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(record, m->nr_records);
	assert_int_equal(runs, m->nr_runs);
	stats = mmr_reader_stats(r);
	assert_int_equal(stats->runs, m->nr_runs);
	assert_int_equal(stats->has_end, 1);
	assert_int_equal(stats->file_bytes, f->len);
	memcpy(ret_identity, stats->identity, 16);
	mmr_reader_close(r);
}

static void what_is_written_is_read(void **state)
{
	static const uint64_t units[] = {0, 1, 1000, 7};
	uint64_t ops = test_ops(100000), identity[2], again[2];
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (size_t i = 0; i < 4; i++) {
		struct mem_file f = {0};
		struct model m;

		model_create(&rng, &m, ops / 4);
		write_model(&rng, &m, &f, units[i]);
		read_model(&m, &f, units[i], identity);
		mem_free(&f);
		/* the same records in other blocks, read in crumbs */
		f.step = 1 + rng_below(&rng, 70000);
		write_model(&rng, &m, &f, units[i]);
		read_model(&m, &f, units[i], again);
		assert_memory_equal(identity, again, sizeof(identity));
		mem_free(&f);
		model_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
