/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A trace made from a job file (gen/spec.h): deterministic, streaming, in memory that does not grow with its length.
 *
 * The main process maps the regions of map=once, then starts the jobs: threads share its address space, processes are
 * forked. Whoever is due runs for a quantum of accesses, in the order of the job file, round and round; a thread that has
 * to wait (after, follow, rate) is passed over. Time is accesses x ns_per_access, and jumps ahead when all wait.
 *
 * The trace is `exact` when there are jobs, else (kernel allocations alone) of the kind that a capture of the whole
 * machine makes. Its metadata says that it is synthetic.
 */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "gen/spec.h"

struct gen_result {
	uint64_t accesses, visits, events, kernel_ops, bytes;
};

struct gen_options {
	const char *output;	/* "-" standard output */
	int level;		/* of zstd, 0 the default */
	/* Now and then; true ends the trace early, as if all jobs were done. NULL: never. */
	bool (*stop)(void *ctx, uint64_t done);
	void *stop_ctx;
};

/* -EDEADLK: the jobs wait for each other. */
int gen_run(const struct gen_spec *spec, const struct gen_options *opt, struct gen_result *res, struct mmr_error *err);
/* Accesses and kernel operations in all, for progress. */
uint64_t gen_total(const struct gen_spec *spec);

#endif
