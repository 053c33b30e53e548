/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * ptrace stops of the recorded processes at execve and at exit: the two moments at which the
 * kernel's counters and an address space can be read exactly.
 *
 * The tracer changes nothing that the program does: signals pass, group stops stay stopped
 * (PTRACE_LISTEN), nothing is interrupted. (One thing no tracer without privilege can keep: a
 * set-user-id program runs without its rights.) Stops are served by the thread that called
 * tracer_seize().
 *
 * Interface:
 *   - tracer_seize() each task; children are followed by themselves
 *   - tracer_poll() serves all stops that wait, on SIGCHLD
 *   - snapshots go to the caller's function, at the moment of the stop
 */
#ifndef CAPTURE_TRACER_H
#define CAPTURE_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/htable.h"
#include "capture/procfs.h"

struct tracer_ops {
	/* A process stands at the end of execve. */
	void (*at_exec)(void *ctx, struct proc_ref ref);
	/* The last thread of a process stands at its exit, the address space is still there. */
	void (*at_exit)(void *ctx, struct proc_ref ref);
	/* One thread is about to end with this status. */
	void (*task_exit)(void *ctx, pid_t tid, int status);
	/* A child was made; `flags` are those CLONE_* bits that ptrace and kcmp can tell. */
	void (*clone)(void *ctx, pid_t tid, uint64_t flags);
	/* A child of ours is gone (reaped), with its status. */
	void (*gone)(void *ctx, pid_t pid, int status);
};

struct tracer {
	const struct tracer_ops *ops;
	void *ctx;
	struct htable tracees; /* tid -> pid; those that stand at their exit are not in it */
	bool quiet;	       /* no more snapshots: the capture is over */
};

void tracer_init(struct tracer *t, const struct tracer_ops *ops, void *ctx);
void tracer_finish(struct tracer *t);
/* 0 or a negative errno: -EPERM when it may not, or when a debugger has it. */
int tracer_seize(struct tracer *t, pid_t pid, pid_t tid);
void tracer_poll(struct tracer *t);
/* Processes that are traced and alive, ascending. */
void tracer_processes(const struct tracer *t, proc_tids *pids);

#endif
