/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Generated traces, read back: totals, distributions, order between jobs, the life of tasks. */
#include "support/test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "gen/gen.h"

#define PAGES 4096

/* What one trace holds. */
struct seen {
	uint64_t reads, writes, page[PAGES], pages_outside;
	uint64_t events[128];
	uint64_t lowest;		/* granule of the first mmap */
	uint64_t by_task[64];
	uint64_t order[64], nr_order;	/* tasks in the order of their batches of runs, repeats left out */
	uint64_t live_pages, most_live_pages;
	uint64_t identity[2];
};

static void add_runs(struct seen *s, const struct mmr_item *it)
{
	uint32_t task = it->ev.task;

	if (!s->nr_order || s->order[s->nr_order - 1] != task)
		if (s->nr_order < ARRAY_SIZE(s->order))
			s->order[s->nr_order++] = task;
	for (size_t i = 0; i < it->nr_runs; i++) {
		const struct mmr_run *r = &it->runs[i];
		uint64_t page = MMR_RUN_PAGE(r) - s->lowest;

		s->reads += r->nr_reads;
		s->writes += r->nr_writes;
		s->by_task[task % 64] += r->nr_reads + r->nr_writes;
		if (page < PAGES)
			s->page[page] += r->nr_reads + r->nr_writes;
		else
			s->pages_outside++;
	}
}

static void add_event(struct seen *s, const struct mmr_event *ev)
{
	s->events[ev->kind]++;
	if (ev->kind == MMR_MMAP && !s->lowest)
		s->lowest = ev->MMAP.addr >> MMR_GRANULE_SHIFT;
	if (ev->kind == MMR_PAGE_ALLOC)
		s->live_pages += 1ull << ev->PAGE_ALLOC.order;
	if (ev->kind == MMR_PAGE_FREE)
		s->live_pages -= 1ull << ev->PAGE_FREE.order;
	if (s->live_pages > s->most_live_pages)
		s->most_live_pages = s->live_pages;
}

/* Makes the trace and reads it back. Returns gen_run()'s answer. */
static int generate(const char *text, struct seen *s)
{
	char path[] = "/tmp/mmreplay-gen-XXXXXX";
	int fd = mkstemp(path), rc;
	struct gen_options opt = { .output = path, .level = 1 };
	struct gen_spec spec;
	struct gen_result res;
	struct mmr_error err = { .text = "" };
	struct mmr_reader *r;
	struct mmr_item it;

	*s = (struct seen){ 0 };
	assert_true(fd >= 0);
	close(fd);
	if (gen_spec_parse(&spec, text, &err))
		fail_msg("%s", err.text);
	rc = gen_run(&spec, &opt, &res, &err);
	gen_spec_finish(&spec);
	if (rc == 0) {
		assert_int_equal(mmr_reader_open(&r, path, NULL, &err), 0);
		while ((rc = mmr_reader_next(r, &it, &err)) > 0) {
			if (it.ev.kind == MMR_RUNS)
				add_runs(s, &it);
			else
				add_event(s, &it.ev);
		}
		assert_int_equal(rc, 0);
		assert_int_equal(res.accesses, s->reads + s->writes);
		memcpy(s->identity, mmr_reader_stats(r)->identity, sizeof(s->identity));
		mmr_reader_close(r);
	}
	unlink(path);
	return rc;
}

static struct seen seen, other;

static void sequential_counts_add_up(void **state)
{
	(void)state;
	generate("[region r]\nsize = 16M\n[job j]\nregion = r\nloops = 3\nrw = update\n", &seen);
	assert_int_equal(seen.reads, 3 * (16 << 20) / 8);
	assert_int_equal(seen.writes, seen.reads);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(seen.page[i], 3 * 512 * 2);
	assert_int_equal(seen.events[MMR_FORK], 1);
	assert_int_equal(seen.events[MMR_EXIT], 2);
}

static void gups_is_uniform(void **state)
{
	double chi = 0, want;

	(void)state;
	generate("[region r]\nsize = 16M\n[job j]\nregion = r\npattern = gups\naccesses = 1M\n", &seen);
	assert_int_equal(seen.reads, 1 << 19);
	assert_int_equal(seen.writes, 1 << 19);
	want = (double)(1 << 19) / PAGES;
	for (unsigned i = 0; i < PAGES; i++) {
		double updates = (double)seen.page[i] / 2;

		chi += (updates - want) * (updates - want) / want;
	}
	/* 4095 degrees of freedom */
	assert_true(fabs(chi - 4095) < 5 * sqrt(2.0 * 4095));
}

static void zipf_follows_its_law(void **state)
{
	const double visits = 1 << 19, theta = 0.9;
	double chi = 0, total = 0;

	(void)state;
	generate("[region r]\nsize = 16M\n[job j]\nregion = r\npattern = zipf\ntheta = 0.9\nscatter = no\nblock = 4K\n"
		 "word = 64\naccesses = 32M\n", &seen);
	for (unsigned k = 1; k <= PAGES; k++)
		total += pow(k, -theta);
	for (unsigned k = 1; k <= PAGES; k++) {
		double want = visits * pow(k, -theta) / total, got = (double)seen.page[k - 1] / 64;

		chi += (got - want) * (got - want) / want;
	}
	assert_true(fabs(chi - 4095) < 5 * sqrt(2.0 * 4095));
}

static void mixed_blocks_are_written_as_often_as_asked(void **state)
{
	(void)state;
	generate("[region r]\nsize = 16M\n[job j]\nregion = r\nrw = mixed\nwrite_percent = 30\nloops = 25\n", &seen);
	/* 102400 blocks; standard deviation sqrt(102400 * 0.3 * 0.7) = 147 */
	assert_in_range(seen.writes / 512, 30720 - 5 * 147, 30720 + 5 * 147);
}

static void same_seed_same_trace(void **state)
{
	static const char text[] = "[global]\nseed = 5\n[region r]\nsize = 16M\n[job j]\nregion = r\npattern = zipf\n"
				   "numjobs = 3\nrw = mixed\n";

	(void)state;
	generate(text, &seen);
	generate(text, &other);
	assert_memory_equal(seen.identity, other.identity, sizeof(seen.identity));
	generate("[global]\nseed = 6\n[region r]\nsize = 16M\n[job j]\nregion = r\npattern = zipf\nnumjobs = 3\nrw = mixed\n",
		 &other);
	assert_memory_not_equal(seen.identity, other.identity, sizeof(seen.identity));
}

static void a_job_waits_for_another(void **state)
{
	(void)state;
	generate("[region r]\nsize = 16M\n[job a]\nregion = r\nafter = b\n[job b]\nregion = r\n", &seen);
	/* b was started first, and is task 2. */
	assert_int_equal(seen.nr_order, 2);
	assert_int_equal(seen.order[0], 2);
	assert_int_equal(seen.order[1], 3);
	assert_int_equal(generate("[region r]\n[job a]\nregion = r\nafter = b\n[job b]\nregion = r\nafter = a\n", &seen),
			 -EDEADLK);
}

static void a_follower_stays_close(void **state)
{
	(void)state;
	generate("[global]\nquantum = 1G\n[region r]\nsize = 16M\n[job make]\nregion = r\nrw = write\n"
		 "[job take]\nregion = r\nfollow = make\nwindow = 1M\n", &seen);
	assert_int_equal(seen.writes, seen.reads);
	/* 16 windows, each written and then read */
	assert_int_equal(seen.nr_order, 32);
}

static void loops_fork_children(void **state)
{
	(void)state;
	generate("[region r]\nsize = 16M\n[job j]\nregion = r\nas = process\nfork = loop\nloops = 4\nblock = 4K\nword = 4K\n"
		 "rw = write\n", &seen);
	assert_int_equal(seen.events[MMR_FORK], 5);
	assert_int_equal(seen.events[MMR_EXIT], 6);
	assert_int_equal(seen.by_task[2], 0);
	for (unsigned task = 3; task < 7; task++)
		assert_int_equal(seen.by_task[task], 4096);
}

static void files_are_read_and_written_by_calls(void **state)
{
	(void)state;
	generate("[region f]\nkind = file\nsize = 16M\ncached = yes\n[job j]\nregion = f\nio = write\nblock = 64K\n"
		 "fsync_every = 16\nfadvise = sequential\n", &seen);
	assert_int_equal(seen.events[MMR_FILE], 1);
	assert_int_equal(seen.events[MMR_FILE_CACHE], 1);
	assert_int_equal(seen.events[MMR_OPEN], 1);
	assert_int_equal(seen.events[MMR_CLOSE], 1);
	assert_int_equal(seen.events[MMR_WRITE], 256);
	assert_int_equal(seen.events[MMR_KTOUCH], 256);
	assert_int_equal(seen.events[MMR_FSYNC], 16);
	assert_int_equal(seen.events[MMR_FADVISE], 1);
	assert_int_equal(seen.reads + seen.writes, 0);
}

static void kernel_allocations_stay_within_bounds(void **state)
{
	(void)state;
	generate("[kernel k]\norders = 0:80,3:20\noperations = 10000\nlive = 500\n", &seen);
	assert_int_equal(seen.events[MMR_PAGE_ALLOC], 10000);
	assert_int_equal(seen.events[MMR_PAGE_FREE], 9500);
	assert_true(seen.most_live_pages <= 501 * 8);
	generate("[kernel k]\nalloc = slab\nsizes = 64,200\noperations = 1000\nlive = 10\nlifetime = fifo\nkept_percent = 50\n",
		 &seen);
	assert_int_equal(seen.events[MMR_CACHE_ALLOC], 1000);
	assert_in_range(seen.events[MMR_CACHE_FREE], 400, 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential_counts_add_up),
		cmocka_unit_test(gups_is_uniform),
		cmocka_unit_test(zipf_follows_its_law),
		cmocka_unit_test(mixed_blocks_are_written_as_often_as_asked),
		cmocka_unit_test(same_seed_same_trace),
		cmocka_unit_test(a_job_waits_for_another),
		cmocka_unit_test(a_follower_stays_close),
		cmocka_unit_test(loops_fork_children),
		cmocka_unit_test(files_are_read_and_written_by_calls),
		cmocka_unit_test(kernel_allocations_stay_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
