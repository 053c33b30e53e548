/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page runs out of single accesses.
 *
 * A thread has two streams, instructions and data. A run is the touches that one stream makes on one
 * granule one after the other; runs stand in the order of their first touch, over both streams.
 *
 *	fetch of S bytes at A		one touch (read) of the instruction stream
 *	load, store			one touch (read, write) of the data stream
 *	modify				a load, then a store: two accesses
 *	an access that straddles	one access and two touches; the second one counts in nr_split of its
 *					run (a modify that straddles makes four: read, read, write, write)
 *
 * All runs close together, and go to the caller in one piece: at runs_close() (a system call, a change of
 * thread, a change of mappings), at the first jump after RUNS_INSTRUCTIONS instructions (where our own tool
 * closes them, too: capture/valgrind/frame.h), and after RUNS_MAX_ACCESSES accesses, so that no count passes 16 bits.
 *
 * The caller's page() may give each granule another number (or none: the access is counted as foreign and
 * left out). Its answer must hold until the next runs_close().
 *
 * Interface:
 *   - runs_init(), runs_finish()
 *   - runs_access(): the fast path; returns nothing, the first error of emit() stays in runs.error
 *   - runs_close()
 */
#ifndef TRACE_RUN_BUILDER_H
#define TRACE_RUN_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bug.h"
#include "base/err.h"


#define RUNS_INSTRUCTIONS	16384	/* then runs close at the next jump */
#define RUNS_MAX_ACCESSES	MMR_RUN_MAX
#define RUNS_MAX_SIZE		4096	/* most bytes of one access: at most two granules */
#define RUNS_NO_PAGE		UINT64_MAX

enum runs_kind { RUNS_FETCH, RUNS_LOAD, RUNS_STORE, RUNS_MODIFY, RUNS_NR_KINDS };

/* Takes runs of the current thread; 0 or a negative errno. */
typedef int runs_emit_fn(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err);
/* The number under which a granule goes into the trace, RUNS_NO_PAGE to leave it out. */
typedef uint64_t runs_page_fn(void *ctx, uint64_t page);

struct runs_stream {
	uint64_t page;			/* granule of the open run as the caller counts, or RUNS_NO_PAGE */
	struct mmr_run *run;		/* the open run, in `runs` */
};

struct runs {
	struct runs_stream stream[2];	/* instruction, data */
	uint32_t left;			/* accesses until all runs close */
	uint32_t nr_insns;		/* fetched since they closed */
	uint64_t next_insn;		/* behind the last one */
	struct mmr_run *runs;		/* not yet emitted; at most RUNS_CAP */
	size_t nr;
	runs_emit_fn *emit;
	runs_page_fn *page;		/* NULL: granules keep their numbers */
	void *ctx;
	uint64_t nr_kind[RUNS_NR_KINDS];	/* accesses as they came, a modify counted once */
	uint64_t nr_foreign;		/* touches left out because page() had no number */
	uint64_t nr_runs;		/* emitted */
	int error;			/* of the first emit() that failed; `err` says which */
	struct mmr_error err;
};
/* Every access opens at most two runs; one more access may come before the limit is looked at. */
#define RUNS_CAP	(2 * (RUNS_MAX_ACCESSES + 2))

void runs_init(struct runs *r, runs_emit_fn *emit, runs_page_fn *page, void *ctx);
void runs_finish(struct runs *r);
void runs_close(struct runs *r);
/* The slow half of runs_access(): opens runs, splits straddling accesses. */
void runs_access_slow(struct runs *r, enum runs_kind kind, uint64_t addr, uint32_t size);

/* One access of `size` bytes, 1 to RUNS_MAX_SIZE. */
static inline void runs_access(struct runs *r, enum runs_kind kind, uint64_t addr, uint32_t size)
{
	struct runs_stream *s = &r->stream[kind != RUNS_FETCH];
	struct mmr_run *run;

	r->nr_kind[kind]++;
	if (kind == RUNS_FETCH) {
		if (unlikely(r->nr_insns >= RUNS_INSTRUCTIONS && addr != r->next_insn))
			runs_close(r);
		r->nr_insns++;
		r->next_insn = addr + size;
	}
	run = s->run;
	if (unlikely(addr >> MMR_GRANULE_SHIFT != s->page ||
		     (addr & ((1u << MMR_GRANULE_SHIFT) - 1)) + size > 1u << MMR_GRANULE_SHIFT ||
		     r->left <= 1 || kind == RUNS_MODIFY)) {
		runs_access_slow(r, kind, addr, size);
		return;
	}
	r->left--;
	if (kind == RUNS_STORE) {
		if (run->nr_writes++ == 0)
			run->other_at = run->nr_reads;
	} else {
		if (run->nr_reads++ == 0)
			run->other_at = run->nr_writes;
	}
}

#endif
