/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The node masks of mbind, set_mempolicy and migrate_pages, as they were when the call entered the kernel.
 *
 * A tracepoint of system calls has the mask's address alone, and by the time of its record the program may have changed
 * what lies there. So a small BPF program on the tracepoints of just these calls copies the mask, exact and without
 * touching the program. It needs CAP_BPF and CAP_PERFMON (or root) and a kernel from 5.8 on; without them the masks are
 * not recorded, and the trace's events say so by having no data.
 *
 * Interface:
 *   - nodemasks_open(): -EPERM and the like when it cannot be; nodemasks_close()
 *   - nodemasks_drain() takes over what has come; before records of the same time are looked at
 *   - nodemasks_take(): the masks of one call
 */
#ifndef CAPTURE_NODEMASK_H
#define CAPTURE_NODEMASK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/vec.h"
#include "capture/bpf.h"
#include "capture/syscalls.h"
#include "capture/tracepoint.h"

#define NODEMASK_WORDS 8 /* of 64 nodes each: what is recorded of a mask */
#define NODEMASK_CALLS 3

/* What the BPF program writes. */
struct nodemask_record {
	uint32_t tid, pid;
	uint64_t nr;
	uint64_t args[6];
	uint64_t failed; /* the mask could not be read */
	uint64_t mask[2][NODEMASK_WORDS];
};

struct nodemasks {
	bool open;
	struct bpf_ring ring;
	int prog_fd[NODEMASK_CALLS], event_fd[NODEMASK_CALLS];
	VEC(struct nodemask_record) pending;
	uint64_t nr_lost; /* calls whose record is not there */
	char data[2 * NODEMASK_WORDS * 8];
};

int nodemasks_open(struct nodemasks *n, const struct tracefs *fs, struct mmr_error *err);
void nodemasks_close(struct nodemasks *n);
void nodemasks_drain(struct nodemasks *n);
/*
 * The data of the call's event; *ret points into `n` until the next call. 0: not known. Records of earlier calls of the
 * thread go.
 */
size_t nodemasks_take(struct nodemasks *n, uint32_t tid, const struct syscall_call *call,
		      const char **ret);
/* Has the call masks? */
bool nodemasks_wants(long nr);
/* The data from a record: whole words, bits behind maxnode cleared. For nodemasks_take() and tests. */
size_t nodemask_data(const struct nodemask_record *rec, char *data);

#endif
