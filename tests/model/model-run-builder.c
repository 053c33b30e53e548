/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page runs against the accesses that they were made of.
 *
 * The model keeps every touch in a list. The runs must say the same: per stream, the same granules in the
 * same order with the same touches between two closings; in each run the counts, which kind came first and
 * when the other one did; and over both streams the order of the first touches.
 */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/vec.h"
#include "trace/run-builder.h"

struct touch {
	uint64_t page;
	bool insn, write, split;
};

struct model {
	struct rng rng;
	VEC(struct touch) touches;	/* since the last closing */
	uint64_t nr_emitted, nr_accesses;
	uint64_t foreign;		/* granule that has no number, or RUNS_NO_PAGE */
	uint64_t offset;		/* numbers are moved by this */
};

/* The next run of the list by the definition of a run: slow and plain. */
static struct mmr_run expect_run(const struct touch *touch, size_t nr, bool *used, size_t first)
{
	const struct touch *t = &touch[first];
	struct mmr_run run = { .page = t->page };
	unsigned first_kind = 0;

	run.page |= t->insn ? MMR_RUN_INSN : 0;
	run.page |= t->write ? MMR_RUN_WRITE_FIRST : 0;
	for (size_t i = first; i < nr; i++) {
		if (touch[i].insn != t->insn)
			continue;
		if (touch[i].page != t->page)
			break;
		used[i] = true;
		run.nr_split += touch[i].split;
		if (touch[i].write)
			run.nr_writes++;
		else
			run.nr_reads++;
		if (touch[i].write == t->write)
			first_kind++;
		else if (run.other_at == 0)
			run.other_at = (uint16_t)first_kind;
	}
	return run;
}

static int check_runs(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err)
{
	struct model *m = ctx;
	bool *used = calloc(m->touches.nr + 1, 1);
	size_t n = 0;

	(void)err;
	for (size_t i = 0; i < m->touches.nr; i++) {
		if (used[i])
			continue;
		struct mmr_run want = expect_run(m->touches.data, m->touches.nr, used, i);

		assert_true(n < nr);
		assert_memory_equal(&run[n], &want, sizeof(want));
		n++;
	}
	assert_int_equal(n, nr);
	m->nr_emitted += nr;
	vec_clear(&m->touches);
	m->nr_accesses = 0;
	free(used);
	return 0;
}

static uint64_t number_of(void *ctx, uint64_t page)
{
	struct model *m = ctx;

	return page == m->foreign ? RUNS_NO_PAGE : page + m->offset;
}

static void model_touch(struct model *m, uint64_t page, bool insn, bool write, bool split)
{
	if (page == m->foreign)
		return;
	*vec_push(&m->touches) = (struct touch){ .page = page + m->offset, .insn = insn, .write = write,
						 .split = split };
}

static void close_both(struct runs *r, struct model *m)
{
	runs_close(r);
	m->nr_accesses = 0;
}

static void model_one(struct runs *r, struct model *m, uint64_t addr, uint32_t size, bool insn, bool write)
{
	/* The builder closes by itself after so many accesses; the model must not see later touches. */
	if (m->nr_accesses == RUNS_MAX_ACCESSES)
		close_both(r, m);
	m->nr_accesses++;
	model_touch(m, addr >> 12, insn, write, false);
	if ((addr + size - 1) >> 12 != addr >> 12)
		model_touch(m, (addr >> 12) + 1, insn, write, true);
}

static void access_both(struct runs *r, struct model *m, enum runs_kind kind, uint64_t addr, uint32_t size)
{
	/* A modify is two accesses: keep both on one side of a closing, as the model cannot look inside. */
	if (kind == RUNS_MODIFY && m->nr_accesses + 2 > RUNS_MAX_ACCESSES)
		close_both(r, m);
	if (kind == RUNS_MODIFY) {
		model_one(r, m, addr, size, false, false);
		model_one(r, m, addr, size, false, true);
	} else {
		model_one(r, m, addr, size, kind == RUNS_FETCH, kind == RUNS_STORE);
	}
	runs_access(r, kind, addr, size);
}

static void random_accesses(struct model *m, uint64_t nr, unsigned nr_pages, unsigned close_every)
{
	struct runs r;

	runs_init(&r, check_runs, number_of, m);
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t x = rng_u64(&m->rng);
		uint64_t page = 0x400 + (x >> 8) % nr_pages, off = (x >> 24) % 4096;
		uint32_t size = 1 + (x >> 40) % 64;

		access_both(&r, m, x % RUNS_NR_KINDS, page << 12 | off, size);
		if (close_every && (x >> 48) % close_every == 0)
			close_both(&r, m);
	}
	runs_close(&r);
	assert_int_equal(m->touches.nr, 0);
	assert_int_equal(r.nr_runs, m->nr_emitted);
	assert_int_equal(r.nr_kind[0] + r.nr_kind[1] + r.nr_kind[2] + r.nr_kind[3], nr);
	runs_finish(&r);
}

static void test_random(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct model m = { .foreign = round % 3 ? RUNS_NO_PAGE : 0x401, .offset = round % 2 * 77 };

		rng_seed(&m.rng, seed + round);
		random_accesses(&m, test_ops(3000), 1 + round % 7, round % 4 * 40);
		vec_finish(&m.touches);
	}
}

/* One granule only: the counts reach their limit, and no further. */
static void test_limit(void **state)
{
	struct model m = { .foreign = RUNS_NO_PAGE };

	(void)state;
	rng_seed(&m.rng, 1);
	random_accesses(&m, 3 * RUNS_MAX_ACCESSES + 17, 1, 0);
	assert_true(m.nr_emitted >= 3);
	vec_finish(&m.touches);
}

static int fail_runs(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err)
{
	(void)run;
	(void)nr;
	++*(int *)ctx;
	return err_set(err, -28, "full");
}

/* The first error stays, and nothing more is handed out. */
static void test_error(void **state)
{
	struct runs r;
	int calls = 0;

	(void)state;
	runs_init(&r, fail_runs, NULL, &calls);
	for (int i = 0; i < 10; i++) {
		runs_access(&r, RUNS_LOAD, 0x1000, 8);
		runs_close(&r);
	}
	assert_int_equal(calls, 1);
	assert_int_equal(r.error, -28);
	assert_string_equal(r.err.text, "full");
	runs_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
