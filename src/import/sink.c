/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Where importers put what they read: see sink.h. */
#include "import/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <jansson.h>

#include "base/htable.h"
#include "base/vec.h"
#include "import/areas.h"

#define PAGE 4096ull
#define MAX_TASKS (1u << 22)

struct sink_process {
	uint64_t pid;
	uint32_t first_task;
	struct areas areas;
};

struct sink_task {
	uint64_t tid;
	struct sink_process *process;
	bool exited;
};

struct sink {
	const struct import_options *opt;
	struct import_result *res;
	struct mmr_error *err;
	struct mmr_writer *writer;
	struct runs runs;
	int error;
	bool has_areas;
	uint64_t user_end;	/* addresses from here on are the kernel's */
	uint64_t time_ns;
	uint16_t cpu;
	uint32_t task;		/* that runs; 0 none yet */
	VEC(struct sink_task) tasks;	/* by task id; [0] is not used */
	VEC(struct sink_process *) processes;
	struct htable by_tid, by_pid;
	uint64_t nr_kernel_runs;
};

static void note(struct sink *s, int rc)
{
	if (rc < 0 && !s->error)
		s->error = rc;
}

static void note_output(struct sink *s, int rc)
{
	s->res->output_failed |= rc < 0 && !s->error;
	note(s, rc);
}

bool sink_failed(const struct sink *s)
{
	return s->error;
}

bool sink_begun(const struct sink *s)
{
	return s->writer;
}

bool sink_tick(struct sink *s, uint64_t packed_bytes)
{
	return s->opt->stop && s->opt->stop(s->opt->stop_ctx, packed_bytes);
}

void sink_skip(struct sink *s, const char *cause, uint64_t n)
{
	for (unsigned i = 0; n && i < IMPORT_NOTES; i++) {
		if (s->res->skipped[i].cause && strcmp(s->res->skipped[i].cause, cause))
			continue;
		s->res->skipped[i].cause = cause;
		s->res->skipped[i].nr += n;
		return;
	}
}

/* ---- output ---- */

static void write_event(struct sink *s, struct mmr_event *ev, uint32_t task)
{
	ev->task = task;
	ev->cpu = s->cpu;
	ev->time_ns = s->time_ns;
	s->res->events++;
	if (!s->error)
		note_output(s, mmr_writer_event(s->writer, ev, s->err));
}

static struct areas *areas_of(struct sink *s)
{
	return &s->tasks.data[s->task].process->areas;
}

/* An area that nobody announced. False: the user wants none. */
static bool guess(struct sink *s, uint64_t addr, uint32_t prot)
{
	struct area a = areas_guess(areas_of(s), addr, prot);
	struct mmr_event ev = { .kind = MMR_VMA, .VMA = { .addr = a.start, .len = a.end - a.start, .prot = prot,
							  .flags = MAP_PRIVATE | MAP_ANONYMOUS } };

	if (s->opt->strict) {
		note(s, err_set(s->err, -ENOTSUP, "the trace does not say what is mapped at 0x%" PRIx64
				" (without --strict, areas are guessed)", addr));
		return false;
	}
	s->res->inferred_bytes += a.end - a.start;
	write_event(s, &ev, s->task);
	areas_set(areas_of(s), a.start, a.end, prot);
	return true;
}

/* A guessed area turns out to be used in another way, too. */
static void widen(struct sink *s, struct area a, uint32_t prot)
{
	struct mmr_event ev = { .kind = MMR_MPROTECT, .MPROTECT = { .addr = a.start, .len = a.end - a.start,
								     .prot = a.prot | prot } };

	write_event(s, &ev, s->task);
	areas_set(areas_of(s), a.start, a.end, a.prot | prot);
}

static void ensure_mapped(struct sink *s, uint64_t addr, uint32_t prot)
{
	const struct area *a = areas_find(areas_of(s), addr);

	if (!a)
		guess(s, addr, prot);
	else if (!s->has_areas && (a->prot & prot) != prot)
		widen(s, *a, prot);
}

static int emit_runs(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err)
{
	struct sink *s = ctx;

	for (size_t i = 0; i < nr && !s->error; i++)
		ensure_mapped(s, MMR_RUN_PAGE(&run[i]) << MMR_GRANULE_SHIFT,
			      run[i].page & MMR_RUN_INSN ? PROT_READ | PROT_EXEC
							: PROT_READ | (run[i].nr_writes ? PROT_WRITE : 0));
	s->res->runs += nr;
	if (!s->error)
		note_output(s, mmr_writer_runs(s->writer, s->task, s->cpu, s->time_ns, run, nr, err ? err : s->err));
	return s->error;
}

/* The kernel's own addresses have no place in a trace of programs. */
static uint64_t user_page(void *ctx, uint64_t page)
{
	struct sink *s = ctx;

	return page << MMR_GRANULE_SHIFT < s->user_end ? page : RUNS_NO_PAGE;
}

/* ---- beginning and end ---- */

static json_t *machine_json(const struct sink_meta *m)
{
	json_t *machine = json_object();

	json_object_set_new(machine, "arch", m->arch ? json_string(m->arch) : json_null());
	json_object_set_new(machine, "base_page_bytes",
			    json_integer(m->base_page_bytes ? (json_int_t)m->base_page_bytes : (json_int_t)PAGE));
	if (m->cpus)
		json_object_set_new(machine, "cpus", json_integer((json_int_t)m->cpus));
	if (m->memory_bytes)
		json_object_set_new(machine, "memory_bytes", json_integer((json_int_t)m->memory_bytes));
	if (m->va_bits)
		json_object_set_new(machine, "virtual_address_bits", json_integer((json_int_t)m->va_bits));
	return machine;
}

static char *metadata(const struct sink *s, const struct sink_meta *m)
{
	json_t *root = json_pack("{s:s, s:s, s:{s:i, s:i}, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s}, s:o}",
				 "basis", m->basis, "clock", "none", "units", "time_ns", 1, "granule_bytes", 4096,
				 "capture", "tool", "mmreplay", "method", "import", "interleaving",
				 m->interleaving ? m->interleaving : "real", "program", m->program ? m->program : "",
				 "import", "format", s->res->format, "vma", m->has_areas ? "recorded" : "inferred",
				 "machine", machine_json(m));
	char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

struct sink *sink_create(const struct import_options *opt, struct import_result *res, struct mmr_error *err)
{
	struct sink *s = xcalloc(1, sizeof(*s));

	s->opt = opt;
	s->res = res;
	s->err = err;
	htable_init(&s->by_tid);
	htable_init(&s->by_pid);
	*vec_push(&s->tasks) = (struct sink_task){ 0 };
	runs_init(&s->runs, emit_runs, user_page, s);
	return s;
}

int sink_begin(struct sink *s, const struct sink_meta *meta)
{
	struct mmr_writer_options wopt = { .level = s->opt->level };
	char *text;

	if (s->writer || s->error)
		return s->error;
	s->has_areas = meta->has_areas;
	s->user_end = meta->va_bits && meta->va_bits < 48 ? 1ull << meta->va_bits : 1ull << 47;
	if (meta->arch && !strcmp(meta->arch, "aarch64"))
		s->user_end = 1ull << 48;
	text = metadata(s, meta);
	note_output(s, mmr_writer_open(&s->writer, s->opt->output, text, &wopt, s->err));
	free(text);
	return s->error;
}

int sink_destroy(struct sink *s)
{
	static const char *const kernel = "touches of the kernel's addresses";
	int rc;

	if (s->writer)
		runs_close(&s->runs);
	sink_skip(s, kernel, s->runs.nr_foreign);
	s->res->fetches = s->runs.nr_kind[RUNS_FETCH];
	s->res->reads = s->runs.nr_kind[RUNS_LOAD] + s->runs.nr_kind[RUNS_MODIFY];
	s->res->writes = s->runs.nr_kind[RUNS_STORE] + s->runs.nr_kind[RUNS_MODIFY];
	s->res->accesses = s->res->fetches + s->res->reads + s->res->writes;
	if (s->writer) {
		if (!s->error)
			note_output(s, mmr_writer_flush(s->writer, s->err));
		s->res->bytes = mmr_writer_bytes(s->writer);
		if (s->error)
			mmr_writer_abandon(s->writer);
		else
			note_output(s, mmr_writer_close(s->writer, s->err));
	}
	rc = s->error;
	for (size_t i = 0; i < s->processes.nr; i++) {
		areas_finish(&s->processes.data[i]->areas);
		free(s->processes.data[i]);
	}
	vec_finish(&s->processes);
	vec_finish(&s->tasks);
	htable_finish(&s->by_tid);
	htable_finish(&s->by_pid);
	runs_finish(&s->runs);
	free(s);
	return rc;
}

/* ---- tasks ---- */

static struct sink_process *process_of(struct sink *s, uint64_t pid)
{
	struct sink_process *p = htable_get_ptr(&s->by_pid, pid);

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->pid = pid;
		htable_set_ptr(&s->by_pid, pid, p);
		*vec_push(&s->processes) = p;
	}
	return p;
}

static uint32_t introduce(struct sink *s, uint64_t tid, uint64_t pid)
{
	struct sink_process *p = process_of(s, pid);
	uint32_t task = (uint32_t)s->tasks.nr;
	struct mmr_event ev = { .kind = MMR_TASK, .TASK = { .tid = tid, .pid = pid } };

	if (!p->first_task)
		p->first_task = task;
	ev.TASK.mm = p->first_task;
	*vec_push(&s->tasks) = (struct sink_task){ .tid = tid, .process = p };
	htable_set(&s->by_tid, tid, task);
	write_event(s, &ev, task);
	return task;
}

void sink_thread(struct sink *s, uint64_t tid, uint64_t pid, unsigned cpu)
{
	uint64_t task;

	if (s->error || !s->writer)
		return;
	if (!htable_get(&s->by_tid, tid, &task)) {
		if (s->tasks.nr >= MAX_TASKS) {
			note(s, err_set(s->err, -EBADMSG, "more than %u threads", MAX_TASKS));
			return;
		}
		runs_close(&s->runs);
		task = introduce(s, tid, pid);
	}
	if (task == s->task && cpu == s->cpu)
		return;
	runs_close(&s->runs);
	if (task != s->task) {
		struct mmr_event ev = { .kind = MMR_SWITCH, .SWITCH.prev = s->task };

		s->task = (uint32_t)task;
		s->cpu = (uint16_t)cpu;
		write_event(s, &ev, s->task);
	}
	s->cpu = (uint16_t)cpu;
}

void sink_thread_exit(struct sink *s, uint64_t tid)
{
	struct mmr_event ev = { .kind = MMR_EXIT };
	uint64_t task;

	if (s->error || !s->writer || !htable_get(&s->by_tid, tid, &task) || s->tasks.data[task].exited)
		return;
	runs_close(&s->runs);
	s->tasks.data[task].exited = true;
	htable_del(&s->by_tid, tid);
	write_event(s, &ev, (uint32_t)task);
	if (s->task == task)
		s->task = 0;
}

void sink_time(struct sink *s, uint64_t time_ns)
{
	s->time_ns = time_ns > s->time_ns ? time_ns : s->time_ns;
}

/* ---- what happens ---- */

void sink_access(struct sink *s, enum runs_kind kind, uint64_t addr, uint32_t size)
{
	if (s->error)
		return;
	if (!s->task) {
		sink_skip(s, "accesses before the first thread was named", 1);
		return;
	}
	if (!size || size > RUNS_MAX_SIZE || addr + (size - 1) < addr) {
		sink_skip(s, "accesses of no size, or of more than 4096 bytes", 1);
		return;
	}
	runs_access(&s->runs, kind, addr, size);
}

void sink_boundary(struct sink *s)
{
	if (s->writer)
		runs_close(&s->runs);
}

static void follow_areas(struct sink *s, const struct mmr_event *ev)
{
	struct areas *a = areas_of(s);
	uint64_t start = 0, end = 0;

	switch (ev->kind) {
	case MMR_MMAP:
	case MMR_VMA:
	case MMR_SHMAT:
		start = ev->MMAP.addr;
		if (!__builtin_add_overflow(start, ev->MMAP.len + PAGE - 1, &end))
			areas_set(a, start, end & ~(PAGE - 1), (uint32_t)ev->MMAP.prot);
		break;
	case MMR_MUNMAP:
		start = ev->MUNMAP.addr;
		if (!__builtin_add_overflow(start, ev->MUNMAP.len + PAGE - 1, &end))
			areas_clear(a, start, end & ~(PAGE - 1));
		break;
	case MMR_MPROTECT:
		start = ev->MPROTECT.addr;
		if (!__builtin_add_overflow(start, ev->MPROTECT.len + PAGE - 1, &end) && areas_find(a, start))
			areas_set(a, start, end & ~(PAGE - 1), (uint32_t)ev->MPROTECT.prot);
		break;
	default:
		break;
	}
}

void sink_event(struct sink *s, struct mmr_event *ev)
{
	if (s->error || !s->writer)
		return;
	runs_close(&s->runs);
	if (s->task)
		follow_areas(s, ev);
	/* What was not said to be a write may have been one. */
	if (s->task && ev->kind == MMR_FAULT)
		ensure_mapped(s, ev->FAULT.addr, PROT_READ | PROT_WRITE | (ev->FAULT.flags & MMR_FAULT_EXEC ? PROT_EXEC : 0));
	write_event(s, ev, s->task);
}

void sink_lost(struct sink *s, uint64_t n)
{
	struct mmr_event ev = { .kind = MMR_LOST, .LOST = { .nr = n, .source = MMR_SOURCE_READER } };

	sink_event(s, &ev);
}
