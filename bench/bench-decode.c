/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Decoding alone: rates and sizes of reading a trace, everything included that mmr_reader_next() does (zstd,
 * checksums, columns, identity).
 *
 *	bench-decode [TRACE.mmt ...]
 *
 * Without a trace one is made up: a program of a few hundred pages that runs loops over pages of code and
 * data with changing counts, and beside it a trace of faults with frames. Numbers of real traces are better.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mmreplay/trace.h>

#include "base/rng.h"

enum { ROUNDS = 5, RUNS = 4000000, FAULTS = 400000 };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void check(int ret, const struct mmr_error *err)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "bench-decode: %s\n", err->text);
	exit(3);
}

/* Reads all of it once. Returns seconds. */
static double decode(const char *path, struct mmr_reader_stats *ret_stats)
{
	struct mmr_error err = {0};
	struct mmr_reader *r;
	struct mmr_item item;
	double begin = now();
	int ret;

	check(mmr_reader_open(&r, path, NULL, &err), &err);
	while ((ret = mmr_reader_next(r, &item, &err)) == 1)
		;
	check(ret, &err);
	*ret_stats = *mmr_reader_stats(r);
	mmr_reader_close(r);
	return now() - begin;
}

static void report(const char *name, const char *path)
{
	struct mmr_reader_stats s;
	double best = decode(path, &s);

	for (int i = 1; i < ROUNDS; i++) {
		double seconds = decode(path, &s);

		best = seconds < best ? seconds : best;
	}
	printf("%-28s %7.1f M events/s", name, (double)s.events / best * 1e-6);
	if (s.runs)
		printf(" %7.1f M runs/s %8.1f M accesses/s %7.4f bytes/access", (double)s.runs / best * 1e-6,
		       (double)s.accesses / best * 1e-6, (double)s.file_bytes / (double)s.accesses);
	else if (s.events)
		printf(" %7.3f bytes/event", (double)s.file_bytes / (double)s.events);
	printf("\n");
}

/* ---- traces that are made up ---- */

/* A loop: a few pages of code and of data, gone over in the same order some dozens of times. */
static size_t make_loop(struct rng *rng, struct mmr_run *runs, size_t nr)
{
	uint64_t len = 2 + rng_below(rng, 12), times = 4 + rng_below(rng, 40), base = rng_below(rng, 400);
	struct mmr_run body[16];
	size_t n = 0;

	for (uint64_t i = 0; i < len; i++) {
		uint16_t reads = (uint16_t)(1 + rng_below(rng, 9)), writes = (uint16_t)rng_below(rng, 3);

		body[i] = (struct mmr_run){.page = base + rng_below(rng, 30), .nr_reads = reads};
		if (i & 1) {
			body[i].page = (0x400 + base / 8 + rng_below(rng, 6)) | MMR_RUN_INSN;
		} else if (writes) {
			body[i].nr_writes = writes;
			body[i].other_at = (uint16_t)(1 + rng_below(rng, reads));
		}
	}
	for (uint64_t t = 0; t < times; t++) {
		for (uint64_t i = 0; i < len && n < nr; i++) {
			runs[n] = body[i];
			if (!rng_below(rng, 16))	/* a branch taken another way */
				runs[n].nr_reads++;
			n++;
		}
	}
	return n;
}

static void make_runs(const char *path)
{
	struct mmr_run *runs = calloc(RUNS, sizeof(*runs));
	struct mmr_error err = {0};
	struct mmr_writer *w;
	struct rng rng;
	double begin;
	size_t n = 0;

	if (!runs)
		exit(4);
	rng_seed(&rng, 1);
	while (n < RUNS)
		n += make_loop(&rng, runs + n, RUNS - n);
	begin = now();
	check(mmr_writer_open(&w, path, "{}", NULL, &err), &err);
	check(mmr_writer_runs(w, 1, 0, 0, runs, RUNS, &err), &err);
	check(mmr_writer_close(w, &err), &err);
	printf("%-28s %30.1f M runs/s\n", "writing runs", RUNS / (now() - begin) * 1e-6);
	free(runs);
}

static void make_faults(const char *path)
{
	struct mmr_error err = {0};
	struct mmr_writer *w;
	struct rng rng;
	uint64_t time = 0;
	double begin;

	rng_seed(&rng, 1);
	begin = now();
	check(mmr_writer_open(&w, path, "{}", NULL, &err), &err);
	for (uint64_t i = 0; i < FAULTS; i++) {
		struct mmr_event ev = {.kind = MMR_FAULT, .task = 1 + (uint32_t)(i / 5000)};

		time += 300 + rng_below(&rng, 4000);
		ev.time_ns = time;
		ev.FAULT.addr = 0x7f0000000000 + (rng_below(&rng, 4) << 32) + ((i + rng_below(&rng, 9)) << 12);
		ev.FAULT.flags = MMR_FAULT_USER | (rng_below(&rng, 3) ? MMR_FAULT_WRITE : 0);
		ev.FAULT.pfn = 0x100000 + (rng_below(&rng, 5) ? i : rng_below(&rng, 1 << 20));
		check(mmr_writer_event(w, &ev, &err), &err);
	}
	check(mmr_writer_close(w, &err), &err);
	printf("%-28s %7.1f M events/s\n", "writing faults", FAULTS / (now() - begin) * 1e-6);
}

static void report_made_up(void)
{
	char path[] = "/tmp/bench-decode-XXXXXX.mmt";
	FILE *f;
	int fd = mkstemps(path, 4);

	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		fprintf(stderr, "bench-decode: cannot make '%s': %s\n", path, strerror(errno));
		exit(4);
	}
	fclose(f);
	make_runs(path);
	report("runs, made up", path);
	make_faults(path);
	report("faults, made up", path);
	remove(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');

		report(slash ? slash + 1 : argv[i], argv[i]);
	}
	if (argc < 2)
		report_made_up();
	return 0;
}
