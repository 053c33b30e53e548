/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The access path, and beside it the bare two-level TLB loop on the same runs in the same process.
 *
 *	bench-access [-m MACHINE] [-n RUNS] [-r REPEATS] [TRACE.mmt]
 *
 * Without a trace the runs are synthetic: pages by LRU stack distance, short distances by far the most frequent.
 * With one, its first RUNS runs are held in memory, then the whole file is decoded, once without the TLB behind it
 * and once with it. Every page is mapped as anonymous memory and faulted in before anything is measured.
 * Each line gives the best of REPEATS, in CPU time of the process, all of its threads together.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "bare-tlb.h"
#include "base/bitmap.h"
#include "base/htable.h"
#include "base/rng.h"
#include "base/vec.h"
#include "machine/profile.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/tlbflush.h"

#define BATCH		MMR_BATCH
#define MACHINE_BYTES	(64ull << 30)

struct bench {
	const char *machine, *trace;
	size_t max_runs, nr_runs, repeats;
	struct mmr_run *runs;
	uint64_t touches;
	struct htable seen;		/* granules of all runs, of the whole trace */
	VEC(uint64_t) pages;
	struct machine_profile *profile;
	struct memory *mem;
	struct mm_struct *mm;
};

static void die(const char *what, const struct mmr_error *err)
{
	fprintf(stderr, "bench-access: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
	exit(3);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- runs ---- */

static void see_pages(struct bench *b, const struct mmr_run *runs, size_t nr)
{
	uint64_t page, last = 0, ignored;

	for (size_t i = 0; i < nr; i++, last = page) {
		page = MMR_RUN_PAGE(&runs[i]);
		if (page == last || htable_get(&b->seen, page, &ignored))
			continue;
		htable_set(&b->seen, page, 1);
		*vec_push(&b->pages) = page;
	}
}

#define STACK_PAGES 4096

/* Data: one of 4096 pages by its place in an LRU stack. Instructions: one of 256. */
static void synthesise(struct bench *b)
{
	static uint64_t stack[2][STACK_PAGES];
	const uint64_t depth[2] = { STACK_PAGES, 256 }, base[2] = { 0x7f1234500ull, 0x55aa12300ull };
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned s = 0; s < 2; s++)
		for (uint64_t i = 0; i < depth[s]; i++)
			stack[s][i] = base[s] + i;
	for (b->nr_runs = 0; b->nr_runs < b->max_runs; b->nr_runs++) {
		unsigned s = rng_below(&rng, 3) == 0;
		struct mmr_run *run = &b->runs[b->nr_runs];
		uint64_t limit = 2, at, page;

		while (limit < depth[s] && rng_below(&rng, 100) < 56)	/* each doubling of the distance half as likely */
			limit *= 2;
		at = rng_below(&rng, limit);
		page = stack[s][at];
		memmove(&stack[s][1], &stack[s][0], at * sizeof(stack[s][0]));
		stack[s][0] = page;
		*run = (struct mmr_run){ .page = page | (s ? MMR_RUN_INSN : 0),
					 .nr_reads = (uint16_t)(1 + rng_below(&rng, 8)) };
		if (!s && rng_below(&rng, 3) == 0) {
			run->nr_writes = (uint16_t)(1 + rng_below(&rng, 4));
			run->other_at = run->nr_reads;
		}
	}
	see_pages(b, b->runs, b->nr_runs);
}

static void load_runs(struct bench *b)
{
	struct mmr_reader *r;
	struct mmr_error err;
	struct mmr_item item;
	int rc;

	if (mmr_reader_open(&r, b->trace, NULL, &err))
		die("cannot read the trace", &err);
	while ((rc = mmr_reader_next(r, &item, &err)) == 1) {
		size_t nr = item.nr_runs < b->max_runs - b->nr_runs ? item.nr_runs : b->max_runs - b->nr_runs;

		memcpy(b->runs + b->nr_runs, item.runs, nr * sizeof(*b->runs));
		b->nr_runs += nr;
		see_pages(b, item.runs, item.nr_runs);
	}
	if (rc < 0)
		die("cannot read the trace", &err);
	mmr_reader_close(r);
	if (!b->nr_runs)
		die("the trace has no page runs", NULL);
}

/* ---- the machine ---- */

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void map_range(struct bench *b, uint64_t first, uint64_t last)
{
	struct mmap_request req = {
		.addr = first << 12, .len = (last - first + 1) << 12, .prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
	};

	if (do_mmap(b->mm, &req) < 0)
		die("cannot map the pages of the runs", NULL);
}

/* One area for pages that lie within 2 MiB of each other. */
static void map_pages(struct bench *b)
{
	uint64_t first, *page = b->pages.data;

	qsort(page, b->pages.nr, sizeof(*page), cmp_u64);
	first = page[0];
	for (size_t i = 1; i < b->pages.nr; i++) {
		if (page[i] - page[i - 1] < 512)
			continue;
		map_range(b, first, page[i - 1]);
		first = page[i];
	}
	map_range(b, first, page[b->pages.nr - 1]);
	printf("%zu runs, %.2f touches a run, %zu pages\n", b->nr_runs, (double)b->touches / (double)b->nr_runs,
	       b->pages.nr);
}

static void build(struct bench *b)
{
	struct tlb_config conf;
	struct mmr_error err;
	struct task_struct *task;

	if (profile_load(b->machine, &b->profile, &err))
		die("cannot load the machine", &err);
	config_defaults(&tlb_config_table, &conf);
	b->mem = memory_create_uma(&b->profile->geometry, 1, MACHINE_BYTES);
	b->mem->tlb = tlb_create(&b->profile->geometry, &b->profile->tlb, &conf, 1, 1);
	b->mm = mm_alloc(b->mem);
	task = task_alloc(b->mem, 1);
	task->mm = b->mm;
	b->mem->current = task;
	switch_mm(b->mem, b->mm);
}

/* ---- measuring ---- */

struct best {
	double s;
};

static void keep(struct best *b, double start)
{
	double s = now_s() - start;

	if (b->s == 0 || s < b->s)
		b->s = s;
}

static void print_rate(const char *name, double s, uint64_t runs, uint64_t touches)
{
	printf("%-28s %8.1f M runs/s %8.0f M touches/s %7.2f ns a run\n", name, (double)runs / s / 1e6,
	       (double)touches / s / 1e6, s * 1e9 / (double)runs);
}

static void mmu_runs(struct bench *b)
{
	for (size_t i = 0; i < b->nr_runs; i += BATCH)
		mmu_access_runs(b->mem, b->runs + i, b->nr_runs - i < BATCH ? b->nr_runs - i : BATCH);
}

static void print_misses(const char *name, uint64_t l1, uint64_t l2, uint64_t runs)
{
	printf("%-28s %8.4f %% of runs miss the first level, %.4f %% walk\n", name, 100.0 * (double)l1 / (double)runs,
	       100.0 * (double)l2 / (double)runs);
}

static void measure_memory(struct bench *b)
{
	struct bare_tlb *bare = xcalloc(1, sizeof(*bare));
	struct best loop = {0}, mmu = {0};
	struct tlb_stats st;
	uint64_t l1 = 0, l2 = 0, runs = b->nr_runs * (b->repeats + 1);

	mmu_runs(b);		/* faults the pages in */
	for (size_t i = 0; i < b->repeats; i++) {
		double start = now_s();

		bare_runs(bare, b->runs, b->nr_runs);
		keep(&loop, start);
		start = now_s();
		mmu_runs(b);
		keep(&mmu, start);
	}
	tlb_stats(b->mem->tlb, -1, &st);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		l1 += st.stream[s].total[TLB_L1].misses;
		l2 += st.stream[s].total[TLB_L2].misses;
	}
	print_rate("bare two-level loop", loop.s, b->nr_runs, b->touches);
	print_rate("mmu_access_runs()", mmu.s, b->nr_runs, b->touches);
	printf("%-28s %8.2f of the bare loop\n", "ratio", loop.s / mmu.s);
	print_misses("bare two-level loop", bare->l2_hits + bare->walks, bare->walks, b->nr_runs * b->repeats);
	print_misses(b->profile->name, l1, l2, runs);
	if (!tlb_consistent(b->mem->tlb))
		die("the TLBs contradict themselves", NULL);
	free(bare);
}

/* Seconds to go through the file once; every other event than page runs is passed over. */
static double decode_pass(struct bench *b, bool with_tlb, uint64_t *ret_runs, uint64_t *ret_touches)
{
	double start = now_s();
	struct mmr_reader *r;
	struct mmr_error err;
	struct mmr_item item;
	int rc;

	if (mmr_reader_open(&r, b->trace, NULL, &err))
		die("cannot read the trace", &err);
	while ((rc = mmr_reader_next(r, &item, &err)) == 1)
		if (with_tlb && item.nr_runs)
			mmu_access_runs(b->mem, item.runs, item.nr_runs);
	if (rc < 0)
		die("cannot read the trace", &err);
	*ret_runs = mmr_reader_stats(r)->runs;
	*ret_touches = mmr_reader_stats(r)->touches;
	mmr_reader_close(r);
	return now_s() - start;
}

static void measure_file(struct bench *b)
{
	for (int with_tlb = 0; with_tlb < 2; with_tlb++) {
		uint64_t runs = 0, touches = 0;
		double best = 0;

		for (size_t i = 0; i < b->repeats; i++) {
			double s = decode_pass(b, with_tlb, &runs, &touches);

			best = best == 0 || s < best ? s : best;
		}
		print_rate(with_tlb ? "decode + mmu_access_runs()" : "decode alone", best, runs, touches);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { .machine = "intel-skylake-sp", .max_runs = 8u << 20, .repeats = 5 };
	int c;

	while ((c = getopt(argc, argv, "m:n:r:")) != -1) {
		if (c == 'm')
			b.machine = optarg;
		else if (c == 'n')
			b.max_runs = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			b.repeats = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	b.trace = argv[optind];
	if (!b.max_runs || !b.repeats || b.max_runs > 1ull << 32)
		die("-n and -r are at least 1, -n at most 2^32", NULL);
	htable_init(&b.seen);
	b.runs = xcalloc(b.max_runs, sizeof(*b.runs));
	if (b.trace)
		load_runs(&b);
	else
		synthesise(&b);
	for (size_t i = 0; i < b.nr_runs; i++)
		b.touches += (uint64_t)b.runs[i].nr_reads + b.runs[i].nr_writes;
	build(&b);
	map_pages(&b);
	measure_memory(&b);
	if (b.trace)
		measure_file(&b);
	tlb_destroy(b.mem->tlb);
	b.mem->tlb = NULL;
	memory_destroy(b.mem);
	profile_free(b.profile);
	htable_finish(&b.seen);
	vec_finish(&b.pages);
	free(b.runs);
	return 0;
}
