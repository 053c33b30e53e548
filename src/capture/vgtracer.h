/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Running a program under valgrind's lackey, with one pipe for each process.
 *
 * Valgrind writes its log to a file whose name holds the process id, and opens that of its own id anew
 * after fork and exec. Each name is a FIFO here. That it exists in time is the work of ptrace: a child
 * stops before its first instruction, its FIFO is made, then it goes on. The same stops give the order
 * between processes (what a process wrote before a fork, an exec or its end is read before anyone can
 * know of it) and the moment at which a program is loaded and has not run: valgrind opens its log there.
 * A seccomp filter stops vectored reads and writes, whose buffers can be seen in memory only.
 *
 * Interface:
 *   - vg_tracer_run(): runs the command to its end; events and runs go into the trace
 *   - the caller's begin() is called once, when the first image stands before its first instruction
 */
#ifndef CAPTURE_VGTRACER_H
#define CAPTURE_VGTRACER_H

#include "capture/capture.h"
#include "capture/image.h"
#include "capture/vgproc.h"

struct vg_tracer_ops {
	/* Opens the output. The program stands before its first instruction. */
	int (*begin)(void *ctx, pid_t pid, const struct image *im, struct mmr_error *err);
	/* Now and then, at least twice a second: progress, flushing. 1 ends the capture. */
	int (*tick)(void *ctx, struct mmr_error *err);
	void *ctx;
};

/*
 * Runs opt->argv. 0 when everything ended by itself or by the caller's wish (then res->stopped is set),
 * else a negative errno.
 */
int vg_tracer_run(const struct capture_options *opt, struct vg_trace *trace,
		  const struct vg_tracer_ops *ops, struct mmr_error *err);

#endif
