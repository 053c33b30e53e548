/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A trace made from traces: a part of one (cut.c), one without names (anonymize.c), several on one machine (merge.c).
 * Streaming, in memory that grows with tasks and files only. The metadata says what was done.
 */
#ifndef EDIT_EDIT_H
#define EDIT_EDIT_H

#include <stdbool.h>

#include <mmreplay/trace.h>

#include "base/vec.h"

#define EDIT_KINDS 128

struct edit_output {
	const char *path;
	int level;	/* of zstd, 0 the default */
};

struct edit_result {
	uint64_t events, runs, dropped_events, dropped_runs, bytes;
};

/*
 * What stays of a trace. Events that make up the state (tasks, areas, files, what the page cache and the kernel hold) stay up
 * to `to_ns`, of every task: what is touched inside of the part needs them. Touches and calls on files stay only inside of
 * it. Counters of the kernel go when time or tasks are cut: they speak of more than is left.
 */
struct cut_options {
	uint64_t from_ns, to_ns;	/* [from, to) of the trace's clock, or of accesses where that stands still */
	VEC(uint64_t) pids;		/* processes, with their descendants; none: all */
	bool kinds[EDIT_KINDS];		/* that are dropped */
	bool by_accesses;		/* from and to count accesses */
};
int edit_cut(struct mmr_reader *in, const struct cut_options *opt, const struct edit_output *out, struct edit_result *res,
	     struct mmr_error *err);

/* Do the times of this trace stand still, so that accesses must be counted? */
bool edit_counts_accesses(struct mmr_reader *in);

/*
 * Names of files, commands and the host become hashes with a salt, and each address space moves by a multiple of 512 GiB:
 * what decides TLB sets, huge pages and table layouts stays. Names that say what an area is ("[stack]") stay.
 */
int edit_anonymize(struct mmr_reader *in, uint64_t salt, const struct edit_output *out, struct edit_result *res,
		   struct mmr_error *err);

/*
 * Traces of one basis, side by side on the machine of the first: tasks and processes get numbers of their own, files that
 * are one file stay one. Each begins at 0, and they go on by their clocks, or by accesses where those stand still.
 */
int edit_merge(struct mmr_reader **in, size_t nr, const struct edit_output *out, struct edit_result *res,
	       struct mmr_error *err);

#endif
