/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page runs out of single accesses: the half that is not inline. See run-builder.h. */
#include "trace/run-builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void runs_init(struct runs *r, runs_emit_fn *emit, runs_page_fn *page, void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->emit = emit;
	r->page = page;
	r->ctx = ctx;
	r->runs = xmalloc(RUNS_CAP * sizeof(*r->runs));
	r->left = RUNS_MAX_ACCESSES;
	r->stream[0].page = r->stream[1].page = RUNS_NO_PAGE;
}

void runs_finish(struct runs *r)
{
	free(r->runs);
	r->runs = NULL;
}

void runs_close(struct runs *r)
{
	size_t nr = r->nr;

	r->nr = 0;
	r->left = RUNS_MAX_ACCESSES;
	r->nr_insns = 0;
	r->stream[0].page = r->stream[1].page = RUNS_NO_PAGE;
	if (nr == 0 || r->error)
		return;
	r->error = r->emit(r->ctx, r->runs, nr, &r->err);
	r->nr_runs += nr;
}

/* Makes `page` the stream's open run; false when it has no place in the trace. */
static bool runs_open(struct runs *r, struct runs_stream *s, uint64_t page, bool write)
{
	uint64_t number = page;
	struct mmr_run *run;

	if (s->page == page)
		return true;
	if (r->page) {
		number = r->page(r->ctx, page);
		if (number == RUNS_NO_PAGE)
			return false;
	}
	run = &r->runs[r->nr++];
	*run = (struct mmr_run){ .page = number };
	if (s == &r->stream[0])
		run->page |= MMR_RUN_INSN;
	if (write)
		run->page |= MMR_RUN_WRITE_FIRST;
	s->page = page;
	s->run = run;
	return true;
}

static void runs_touch(struct runs *r, struct runs_stream *s, uint64_t page, bool write, bool split)
{
	struct mmr_run *run;

	if (!runs_open(r, s, page, write)) {
		r->nr_foreign++;
		return;
	}
	run = s->run;
	run->nr_split += split;
	if (write) {
		if (run->nr_writes++ == 0)
			run->other_at = run->nr_reads;
	} else {
		if (run->nr_reads++ == 0)
			run->other_at = run->nr_writes;
	}
}

static void runs_one(struct runs *r, struct runs_stream *s, uint64_t addr, uint32_t size, bool write)
{
	uint64_t page = addr >> MMR_GRANULE_SHIFT;
	uint64_t last = (addr + size - 1) >> MMR_GRANULE_SHIFT;

	if (r->left == 0)
		runs_close(r);
	r->left--;
	runs_touch(r, s, page, write, false);
	if (unlikely(last != page))
		runs_touch(r, s, last, write, true);
}

void runs_access_slow(struct runs *r, enum runs_kind kind, uint64_t addr, uint32_t size)
{
	struct runs_stream *s = &r->stream[kind != RUNS_FETCH];

	if (kind == RUNS_MODIFY) {
		runs_one(r, s, addr, size, false);
		runs_one(r, s, addr, size, true);
	} else {
		runs_one(r, s, addr, size, kind == RUNS_STORE);
	}
}
