/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Touches of one thread become page runs: one after the other, joined while they stay in one granule.
 */
#ifndef GEN_RUNS_H
#define GEN_RUNS_H

#include <mmreplay/trace.h>

#include "gen/spec.h"

struct run_buffer {
	struct mmr_run runs[MMR_BATCH];
	size_t nr;
	uint64_t nr_accesses;
};

/* Room for the runs of one more granule? */
static inline bool run_buffer_full(const struct run_buffer *b)
{
	return b->nr == MMR_BATCH;
}

/*
 * `words` accesses to one granule, each a read, a write, or (GEN_UPDATE) a read and a write: words * 2 touches at most
 * MMR_RUN_MAX. The buffer is not full.
 */
void run_buffer_add(struct run_buffer *b, uint64_t granule, unsigned words, enum gen_rw rw);

#endif
