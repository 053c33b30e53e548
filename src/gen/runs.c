/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Touches become page runs: see runs.h. */
#include "gen/runs.h"

/* Joins what comes with the run before it. False: the counts would not fit. */
static bool join(struct mmr_run *last, unsigned reads, unsigned writes)
{
	bool write_first = last->page & MMR_RUN_WRITE_FIRST;
	unsigned first = write_first ? last->nr_writes : last->nr_reads;
	unsigned other = write_first ? reads : writes;	/* of the kind that did not come first */

	if (last->nr_reads + reads > MMR_RUN_MAX || last->nr_writes + writes > MMR_RUN_MAX)
		return false;
	/* The first of the other kind: behind all so far, and in an update behind its own read. */
	if (!last->other_at && other)
		last->other_at = (uint16_t)(first + (write_first ? 0 : reads && writes));
	last->nr_reads = (uint16_t)(last->nr_reads + reads);
	last->nr_writes = (uint16_t)(last->nr_writes + writes);
	return true;
}

void run_buffer_add(struct run_buffer *b, uint64_t granule, unsigned words, enum gen_rw rw)
{
	unsigned reads = rw == GEN_WRITE ? 0 : words, writes = rw == GEN_READ ? 0 : words;
	struct mmr_run *last = b->nr ? &b->runs[b->nr - 1] : NULL;

	b->nr_accesses += reads + writes;
	if (last && MMR_RUN_PAGE(last) == granule && join(last, reads, writes))
		return;
	b->runs[b->nr++] = (struct mmr_run){
		.page = granule | (rw == GEN_WRITE ? MMR_RUN_WRITE_FIRST : 0),
		.nr_reads = (uint16_t)reads, .nr_writes = (uint16_t)writes, .other_at = rw == GEN_UPDATE,
	};
}
