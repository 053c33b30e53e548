/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where importers put what they read: accesses become page runs, tasks are introduced, areas that nobody announced are
 * guessed (import/areas.h), all in the order of the calls.
 *
 * An importer first says what the trace rests on (sink_begin()), then who runs (sink_thread()) and what happens. Errors of
 * the output are sticky: sink_failed() tells, further calls do nothing.
 */
#ifndef IMPORT_SINK_H
#define IMPORT_SINK_H

#include <mmreplay/trace.h>

#include "import/import.h"
#include "import/source.h"
#include "trace/run-builder.h"

/* What the metadata says. NULL and 0: not known. */
struct sink_meta {
	const char *basis;		/* "exact", "sampled", "faults" */
	const char *interleaving;	/* "real", "serialized" */
	const char *arch;		/* uname's: "x86_64", "aarch64" */
	const char *program;
	uint64_t cpus, memory_bytes, base_page_bytes, va_bits;
	bool has_areas;			/* the trace announces every area: none is guessed */
};

struct sink *sink_create(const struct import_options *opt, struct import_result *res, struct mmr_error *err);
/* 0, or the first error. Ends the file properly when there was none. */
int sink_destroy(struct sink *s);

int sink_begin(struct sink *s, const struct sink_meta *meta);
bool sink_begun(const struct sink *s);
bool sink_failed(const struct sink *s);
/* Progress, and whether the user wants an end. */
bool sink_tick(struct sink *s, uint64_t packed_bytes);

/* From here on that thread runs. Threads of one process share an address space. */
void sink_thread(struct sink *s, uint64_t tid, uint64_t pid, unsigned cpu);
void sink_thread_exit(struct sink *s, uint64_t tid);
void sink_time(struct sink *s, uint64_t time_ns);
/* An access of the running thread; size 1 to 4096, others are counted as skipped. */
void sink_access(struct sink *s, enum runs_kind kind, uint64_t addr, uint32_t size);
/* Runs do not reach over this: a system call, a signal. */
void sink_boundary(struct sink *s);
/* Any event of the running thread; task, time and CPU are filled in. Calls of the address space move the areas. */
void sink_event(struct sink *s, struct mmr_event *ev);
/* n things that could not be used; cause is a literal. */
void sink_skip(struct sink *s, const char *cause, uint64_t n);
/* The trace itself says, or shows, that something is missing. */
void sink_lost(struct sink *s, uint64_t n);

#endif
