/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One process under valgrind: its stream of text becomes events and page runs of the trace.
 *
 * A process has threads (valgrind's numbers, from 1), a layout (tool address -> native address), open
 * files with their offsets, and one parser. Valgrind runs one thread at a time and says which
 * (--trace-sched=yes), so every access belongs to a known thread.
 *
 * Interface:
 *   - vg_trace_init(): the trace that all processes share
 *   - vg_proc_create() for the first process, vg_proc_fork() for a child, vg_proc_exec() at each exec
 *   - bytes go into vg_proc.lackey (lackey_space(), lackey_advance()); vg_proc_end() at the process's end
 *   - vg_trace.error is sticky: the first failure of the output
 */
#ifndef CAPTURE_VGPROC_H
#define CAPTURE_VGPROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "capture/capture.h"
#include "capture/fdtable.h"
#include "capture/ids.h"
#include "capture/image.h"
#include "capture/lackey.h"
#include "capture/layout.h"
#include "capture/nodemask.h"
#include "capture/sysdecode.h"

/* What all processes of one capture share. */
struct vg_trace {
	struct mmr_writer *writer;
	struct ids ids;
	struct capture_result *res;
	bool native;			/* native layout */
	bool own_tool;			/* our tool watches, not lackey */
	uint64_t stack_limit;		/* RLIMIT_STACK in bytes */
	uint64_t heap_limit;		/* most bytes of the heap that valgrind allows */
	uint64_t nr_open;		/* last id given to an open file */
	uint32_t task;			/* that ran last: a SWITCH event goes out when it changes */
	uint64_t nr_accesses;		/* of all processes, for the progress line */
	uint64_t nr_foreign;		/* touches of memory that is not the program's */
	uint64_t nr_unknown_lines;
	char unknown_line[80];		/* the first of them */
	uint64_t nr_unknown_calls;
	uint64_t nr_hidden_buffers;	/* calls whose buffers could not be seen */
	VEC(struct vg_seen_file) seen;	/* opened, or about to be, and not in the trace yet */
	struct nodemasks masks;		/* of memory policies, where the host lets us see them */
	int error;
	struct mmr_error err;
};

struct vg_thread {
	uint32_t task;			/* task id, 0: this number is free */
	pid_t tid;			/* in the kernel */
	struct strbuf call;		/* arguments of a call that has not returned yet */
};

/* What a call points to, seen when it entered the kernel. */
struct vg_vector {
	uint32_t nr;
	uint64_t arg[6];		/* of the call, to find it again */
	VEC(struct sys_touch) part;	/* buffers of a vectored call */
	uint64_t offset[2];		/* of sendfile, splice, copy_file_range: in, out; UINT64_MAX the file's own */
};

/* A regular file as it was just before it was opened for the first time. */
struct vg_seen_file {
	uint64_t dev, ino, size;
	struct file_extents cached;
};

#define VG_PLACES 256

struct vg_proc {
	struct vg_trace *trace;
	pid_t pid;
	VEC(struct vg_thread) threads;	/* by valgrind's number, [0] is not used */
	uint32_t current;		/* valgrind's number of the running thread */
	struct layout layout;
	struct fd_table fds;
	uint64_t tool_brk, native_brk;	/* start of the heap */
	uint64_t brk;			/* end of the heap, in the tool's addresses */
	unsigned signo;			/* a signal was delivered, its handler has not run yet; 0 none */
	uint64_t vvar;			/* native address of the kernel's clock data, 0 none */
	bool has_exec;			/* its open files are known */
	bool is_dropped;		/* not followed any more: its stream is thrown away */
	bool is_ours;			/* between fork and exec output of the fork itself is expected */
	struct strbuf head;		/* a call whose result comes on a later line */
	struct runs runs;		/* built here, out of lackey's lines */
	struct vg_frames {		/* built by our own tool */
		struct mmr_run out[MMR_BATCH];
		size_t nr;
		uint64_t page[2];	/* the tool's page of the last run of each stream that has a place in the trace */
		size_t last[2];		/* that run in `out`, NO_RUN when it has gone out */
		struct vg_place {	/* tool page -> native page, by the page's low bits; valid in its frame only */
			uint64_t page, native;
		} place[VG_PLACES];
		bool place_is_stale;	/* a call came in between */
	} frames;
	struct lackey lackey;
	VEC(struct vg_vector) vectors;	/* calls not yet printed, in order of entry */
};

int vg_emit(struct vg_trace *t, struct mmr_event *ev);
/* A file is about to be opened: keeps its size and what of it is cached, unless it is known already. */
void vg_look_at_file(struct vg_trace *t, const char *path);
void vg_trace_finish(struct vg_trace *t);

struct vg_proc *vg_proc_create(struct vg_trace *t, pid_t pid);
/*
 * A child of `parent`, which stands in the system call that makes it. Emits FORK. The text of the call is
 * what the parent's parser holds as the beginning of a line.
 */
struct vg_proc *vg_proc_fork(struct vg_proc *parent, pid_t pid);
/* A new image is loaded and stands before its first instruction. Emits EXEC and the memory areas. */
int vg_proc_exec(struct vg_proc *p, const struct image *im, const char *cwd);
/* Buffers that a call of this process is about to use. Takes over the array. */
void vg_proc_vector(struct vg_proc *p, struct vg_vector *v);
/* The process ended with a status as of wait(2). Emits EXIT; frees. */
void vg_proc_end(struct vg_proc *p, int status);
/* Stops following: LOST event. */
void vg_proc_drop(struct vg_proc *p, const char *why);

#endif
