/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What a thread of a job does: see gen-internal.h. */
#include <fcntl.h>
#include <string.h>

#include "base/bug.h"
#include "gen/gen-internal.h"

#define GRANULE (1ull << MMR_GRANULE_SHIFT)
#define NSEC_PER_SEC 1000000000ull

static const struct gen_work *phase_of(const struct gen_thread *t)
{
	return &t->job[t->phase];
}

static const struct gen_region *region_of(const struct gen_thread *t)
{
	return gen_region_named(t->g->spec, phase_of(t)->region);
}

static uint64_t length_of(const struct gen_work *w, const struct gen_region *r)
{
	return w->size ? w->size : r->size - w->offset;
}

static uint32_t acting_task(const struct gen_thread *t)
{
	return t->child ? t->child : t->task;
}

static uint64_t block_of(const struct gen_work *w)
{
	return w->pattern == GEN_GUPS ? w->word : w->block;
}

/* Accesses in one visit. */
static uint64_t per_visit(const struct gen_work *w)
{
	bool update = w->rw == GEN_UPDATE || w->pattern == GEN_GUPS;

	return block_of(w) / w->word << (update && w->io == GEN_IO_NONE);
}

uint64_t gen_work_visits(const struct gen_spec *spec, const struct gen_work *w)
{
	const struct gen_region *r = gen_region_named(spec, w->region);
	struct pattern p;

	if (w->accesses)
		return w->accesses / per_visit(w) + !!(w->accesses % per_visit(w));
	pattern_init(&p, w, length_of(w, r), 0);
	return pattern_cover(&p);
}

/* ---- loops ---- */

static void file_advice(struct gen_thread *t)
{
	static const uint64_t advice[] = {
		[GEN_FADV_RANDOM] = POSIX_FADV_RANDOM, [GEN_FADV_SEQUENTIAL] = POSIX_FADV_SEQUENTIAL,
		[GEN_FADV_WILLNEED] = POSIX_FADV_WILLNEED, [GEN_FADV_DONTNEED] = POSIX_FADV_DONTNEED,
	};
	const struct gen_work *w = phase_of(t);
	struct mmr_event ev = { .FADVISE = { .file = gen_region_file(t->g, region_of(t)),
					     .offset = region_of(t)->offset + w->offset,
					     .len = length_of(w, region_of(t)), .advice = advice[w->fadvise] } };

	if (w->io != GEN_IO_NONE && w->fadvise != GEN_FADV_NONE)
		gen_event(t->g, acting_task(t), t->cpu, MMR_FADVISE, &ev);
}

static void begin_loop(struct gen_thread *t)
{
	const struct gen_work *w = phase_of(t);

	t->left = gen_work_visits(t->g->spec, w);
	if (t->job->fork == GEN_FORK_LOOP) {
		struct mmr_event ev = { .FORK = { .child = t->g->next_task, .tid = 1000 + t->g->next_task,
						  .pid = 1000 + t->g->next_task, .flags = 17 /* SIGCHLD */ } };

		gen_event(t->g, t->task, t->cpu, MMR_FORK, &ev);
		t->child = t->g->next_task++;
	}
	file_advice(t);
}

static void end_loop(struct gen_thread *t)
{
	struct mmr_event ev = { 0 };

	if (!t->child)
		return;
	gen_event(t->g, t->child, t->cpu, MMR_EXIT, &ev);
	t->child = 0;
}

/* The address of a region in the thread's address space; those of map=each are mapped at their first use. */
static uint64_t address_of(struct gen_thread *t, const struct gen_region *r)
{
	size_t i = gen_region_index(t->g->spec, r);

	if (r->map == GEN_MAP_ONCE)
		return t->g->once[i];
	if (!t->addr[i])
		t->addr[i] = gen_map(t->g, t->task, t->cpu, r);
	return t->addr[i];
}

static void begin_io(struct gen_thread *t, const struct gen_work *w)
{
	struct mmr_event ev = { .OPEN = { .file = gen_region_file(t->g, region_of(t)),
					  .flags = O_RDWR | (w->direct ? O_DIRECT : 0) } };

	gen_event(t->g, t->task, t->cpu, MMR_OPEN, &ev);
	t->buffer = w->io == GEN_IO_SENDFILE ? 0 : gen_map_anon(t->g, t->task, t->cpu, block_of(w));
}

static void end_io(struct gen_thread *t, const struct gen_work *w)
{
	struct mmr_event close = { .CLOSE.file = gen_region_file(t->g, region_of(t)) };
	struct mmr_event unmap = { .MUNMAP = { .addr = t->buffer, .len = (block_of(w) + 4095) & ~4095ull } };

	gen_event(t->g, t->task, t->cpu, MMR_CLOSE, &close);
	if (t->buffer)
		gen_event(t->g, t->task, t->cpu, MMR_MUNMAP, &unmap);
}

void gen_work_begin(struct gen_thread *t)
{
	const struct gen_work *w = phase_of(t);
	const struct gen_region *r = region_of(t);
	uint64_t seed = t->g->spec->global.seed;

	/* Every phase of every thread has its own random numbers. */
	seed ^= (uint64_t)(t->job - t->g->spec->works.data) << 40 ^ (uint64_t)t->phase << 24 ^ t->instance;
	pattern_init(&t->pattern, w, length_of(w, r), seed);
	rng_seed(&t->rng, ~seed);
	t->loop = 0;
	if (w->io == GEN_IO_NONE)
		t->base = address_of(t, r) + w->offset;
	else
		begin_io(t, w);
	begin_loop(t);
}

/* The next loop, the next phase, or the end. */
static void advance(struct gen_thread *t)
{
	const struct gen_work *w = phase_of(t);

	end_loop(t);
	if (++t->loop < w->loops) {
		begin_loop(t);
		return;
	}
	if (w->io != GEN_IO_NONE)
		end_io(t, w);
	if (++t->phase < t->nr_phases)
		gen_work_begin(t);
	else
		t->done = true;
}

/* ---- visits ---- */

static enum gen_rw kind_of_visit(struct gen_thread *t, const struct gen_work *w)
{
	if (w->pattern == GEN_GUPS)
		return GEN_UPDATE;
	if (w->rw != GEN_MIXED)
		return (enum gen_rw)w->rw;
	return rng_below(&t->rng, 100000) < w->write_percent ? GEN_WRITE : GEN_READ;
}

static void touch(struct gen_thread *t, uint64_t addr, uint64_t bytes, uint64_t word, enum gen_rw rw)
{
	struct run_buffer *b = &t->g->runs;

	while (bytes) {
		uint64_t in_granule = GRANULE - (addr & (GRANULE - 1));
		uint64_t n = bytes < in_granule ? bytes : in_granule;

		if (run_buffer_full(b))
			gen_flush_runs(t->g, acting_task(t), t->cpu);
		run_buffer_add(b, addr >> MMR_GRANULE_SHIFT, (unsigned)(n / word), rw);
		addr += n;
		bytes -= n;
	}
}

static bool io_writes(struct gen_thread *t, const struct gen_work *w)
{
	if (w->io == GEN_IO_MIXED)
		return rng_below(&t->rng, 100000) < w->write_percent;
	return w->io == GEN_IO_WRITE;
}

/* The kernel copies between the cache and the program's buffer, but not past the cache. */
static void copy_event(struct gen_thread *t, const struct gen_work *w, bool to_program)
{
	struct mmr_event ev = { .KTOUCH = { .addr = t->buffer, .len = block_of(w), .write = to_program } };

	if (t->buffer)
		gen_event(t->g, acting_task(t), t->cpu, MMR_KTOUCH, &ev);
}

static void sync_file(struct gen_thread *t, const struct gen_work *w)
{
	struct mmr_event ev = { .FSYNC.file = gen_region_file(t->g, region_of(t)) };

	if (!w->fsync_every || ++t->nr_writes < w->fsync_every)
		return;
	t->nr_writes = 0;
	gen_event(t->g, acting_task(t), t->cpu, MMR_FSYNC, &ev);
}

static void visit_io(struct gen_thread *t, const struct gen_work *w, uint64_t offset)
{
	bool write = io_writes(t, w);
	uint64_t flags = (w->direct ? MMR_IO_DIRECT : 0) | (w->io == GEN_IO_SENDFILE ? MMR_IO_SPLICE : 0);
	struct mmr_event ev = { .READ = { .file = gen_region_file(t->g, region_of(t)),
					  .offset = region_of(t)->offset + w->offset + offset,
					  .len = block_of(w), .addr = t->buffer, .flags = flags } };

	/* READ and WRITE have the same fields. */
	if (write)
		copy_event(t, w, false);
	gen_event(t->g, acting_task(t), t->cpu, write ? MMR_WRITE : MMR_READ, &ev);
	if (write)
		sync_file(t, w);
	else
		copy_event(t, w, true);
}

static void visit(struct gen_thread *t, const struct gen_work *w)
{
	uint64_t offset = pattern_next(&t->pattern);

	if (w->io == GEN_IO_NONE)
		touch(t, t->base + offset, block_of(w), w->word, kind_of_visit(t, w));
	else
		visit_io(t, w, offset);
	t->bytes += block_of(w);
	t->g->res->visits++;
}

/* ---- turns ---- */

static const struct gen_thread *thread_of_job(const struct gen *g, const char *job, unsigned instance)
{
	const struct gen_thread *any = NULL;

	for (size_t i = 0; i < g->threads.nr; i++) {
		const struct gen_thread *t = g->threads.data[i];

		if (strcmp(t->job->name, job))
			continue;
		any = t;
		if (t->instance == instance)
			break;
	}
	return any;
}

static bool job_done(const struct gen *g, const char *job)
{
	for (size_t i = 0; i < g->threads.nr; i++)
		if (!strcmp(g->threads.data[i]->job->name, job) && !g->threads.data[i]->done)
			return false;
	return true;
}

/* Somebody that follows this thread and is too far behind. */
static bool is_waited_for(const struct gen_thread *t)
{
	for (size_t i = 0; i < t->g->threads.nr; i++) {
		const struct gen_thread *f = t->g->threads.data[i];

		if (!f->done && f->job->follow[0] && thread_of_job(t->g, f->job->follow, f->instance) == t &&
		    t->bytes >= f->bytes + f->job->window)
			return true;
	}
	return false;
}

uint64_t gen_work_due(const struct gen_thread *t)
{
	const struct gen_work *job = t->job;

	if (t->done || (!t->started && job->after[0] && !job_done(t->g, job->after)))
		return GEN_NEVER;
	if (job->follow[0]) {
		const struct gen_thread *first = thread_of_job(t->g, job->follow, t->instance);

		if (!first->done && t->bytes + block_of(job) > first->bytes)
			return GEN_NEVER;
	}
	return is_waited_for(t) ? GEN_NEVER : t->next_ns;
}

/* Visits that it may make in this turn, by what it follows and by who follows it. */
static uint64_t turn_visits(const struct gen_thread *t, const struct gen_work *w)
{
	uint64_t n = t->g->spec->global.quantum / per_visit(w), most = UINT64_MAX;

	if (t->job->follow[0]) {
		const struct gen_thread *first = thread_of_job(t->g, t->job->follow, t->instance);

		if (!first->done)
			most = (first->bytes - t->bytes) / block_of(w);
	}
	for (size_t i = 0; i < t->g->threads.nr; i++) {
		const struct gen_thread *f = t->g->threads.data[i];
		uint64_t room;

		if (f->done || !f->job->follow[0] || thread_of_job(t->g, f->job->follow, f->instance) != t)
			continue;
		room = (f->bytes + f->job->window - t->bytes) / block_of(w);
		most = room < most ? room : most;
	}
	n = n < most ? n : most;
	return n ? n : 1;
}

void gen_work_run(struct gen_thread *t)
{
	const struct gen_work *w = phase_of(t);
	uint64_t visits = turn_visits(t, w), accesses, start = t->g->now_ns;

	if (visits > t->left)
		visits = t->left;
	t->left -= visits;
	accesses = visits * per_visit(w);
	for (uint64_t i = 0; i < visits; i++)
		visit(t, w);
	gen_flush_runs(t->g, acting_task(t), t->cpu);
	t->g->res->accesses += w->io == GEN_IO_NONE ? accesses : 0;
	t->g->now_ns += accesses * t->g->spec->global.ns_per_access;
	t->next_ns = w->rate ? start + (uint64_t)((unsigned __int128)accesses * NSEC_PER_SEC / w->rate) : 0;
	if (!t->left)
		advance(t);
}
