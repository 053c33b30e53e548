/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Recording a real workload into a trace. One entry per method; both have the same contract.
 *
 * Interface:
 *   - capture_perf():     perf events, tracepoints, ptrace stops; basis `faults` (or `sampled`)
 *   - capture_valgrind(): every access of the program under lackey; basis `exact`
 *   - capture_result_note(): "what is missing, and why", one line each, for whoever prints
 * A method runs until the command (or the process) ends, `duration_ns` is over, or `stop_fd`
 * becomes readable. It returns 0 when the trace is whole, else a negative errno with `err` filled
 * in: -ENOSPC, -EIO ... of the output, -EPERM/-EACCES of the host, -ENOENT when the command does
 * not exist. The trace that is on the disk by then stays readable up to its last whole block.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

enum capture_method { CAPTURE_PERF, CAPTURE_VALGRIND };

struct capture_options {
	enum capture_method method;
	const char *output;	   /* path of the trace, "-" for standard output */
	char *const *argv;	   /* the command, NULL-terminated; NULL with `pid`, may be with `all` */
	pid_t pid;		   /* process to attach to, 0 for none */
	const char *const *events; /* names as libpfm4 takes them, beside the default ones */
	size_t nr_events;
	uint64_t period;       /* of sampled PMU events; 0 for the default */
	uint64_t duration_ns;  /* end after this time; 0 for no limit */
	uint64_t interval_ns;  /* COUNTERS each so often; 0 for start and end only */
	uint64_t time_unit_ns; /* times in the trace are rounded down to this; 0 is 1 */
	uint64_t ring_bytes;   /* of each CPU's ring, 0 for the default */
	int level;	       /* zstd level, 0 for the default */
	int stop_fd;	       /* readable: end the capture; -1 for none */
	bool ip;	       /* record the instruction pointer of each fault, too */
	bool no_frames;	       /* leave page frames out */
	bool switches;	       /* record context switches, too */
	bool sync;	       /* fdatasync after each block */
	bool quiet;
	bool verbose;
	bool no_ptrace;	  /* never attach with ptrace */
	bool use_lackey;  /* valgrind: with lackey even where our own tool is */
	bool all;	  /* every task on every CPU; with a command: while it runs */
	bool kernel;	  /* page, slab and vmalloc events of the kernel, too */
	bool no_slab;	  /* with `kernel`: without its slab events */
	bool kernel_only; /* of the program's side nothing but the life of tasks */
};

/* What came of it. {0} before the call; capture_result_finish() after it, failed or not. */
struct capture_result {
	bool has_status;
	int child_status;   /* as wait(2) reports it */
	int exec_errno;	    /* why the command could not be executed; 0: it was */
	bool stopped;	    /* ended by stop_fd or duration_ns, not by the program */
	uint64_t nr_events; /* events written, runs not counted */
	uint64_t nr_runs;
	uint64_t nr_lost;
	uint64_t bytes;	   /* of the trace */
	VEC(char *) notes; /* what is missing and why */
};

int capture_perf(const struct capture_options *opt, struct capture_result *res,
		 struct mmr_error *err);
int capture_valgrind(const struct capture_options *opt, struct capture_result *res,
		     struct mmr_error *err);

/* Adds a note unless the same text is there already. */
void capture_result_note(struct capture_result *res, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void capture_result_finish(struct capture_result *res);

#endif
