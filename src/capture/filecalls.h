/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * File system calls with the files behind their descriptors, as they are when the call returns.
 *
 * A tracepoint of system calls has a descriptor's number alone. Which file it was, at which offset, and whether the
 * page cache was asked at all, only the kernel knows at that moment. So a BPF program on the end of every system call
 * (raw tracepoint sys_exit; for close its begin) looks at the open file itself: inode, offset, flags. Where the
 * members of the kernel's structs lie comes from its BTF. It needs CAP_BPF and CAP_PERFMON (or root), a kernel from 5.8
 * on with BTF, and x86-64; without it, file calls are not recorded.
 *
 * Recorded are the calls of one process and those that it makes, or of all. Calls that failed, and those on
 * descriptors that are no regular file, or one of /proc and /sys, are left out. Left out, too: truncate(2) by name, io_uring, asynchronous I/O.
 *
 * Interface:
 *   - filecalls_open(): -ENOENT, -EPERM and the like when it cannot be; filecalls_close()
 *   - filecalls_follow() says whose calls; before that process does anything
 *   - filecalls_drain() hands on what has come, in the order of each CPU
 *   - filecalls_event(): a record as an event, but for the ids of file and open file
 */
#ifndef CAPTURE_FILECALLS_H
#define CAPTURE_FILECALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "capture/bpf.h"
#include "capture/ids.h"

/* An open file when its call returned. */
struct filecall_file {
	uint64_t address; /* of the kernel's struct file: the same for descriptors that share it; 0 none */
	uint64_t dev;	  /* as the kernel numbers it: minor in the low 20 bits */
	uint64_t ino, generation, size;
	uint64_t offset;  /* after the call */
	uint64_t flags;	  /* O_* bits */
	uint64_t mode;	  /* S_IF* and permissions */
	uint64_t magic;	  /* of the file system */
	uint64_t count;	  /* as the kernel keeps it; see last_close() */
};

/* What the BPF program writes. */
struct filecall {
	uint32_t tid, pid;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t cpu;
	uint64_t nr;
	uint64_t args[6];
	uint64_t ret;
	struct filecall_file file[2]; /* the second: what is written to, where a call has two */
};

/* The name that a file was opened by, as far as it fits; stands before the call's own record. */
#define FILECALL_NAME 240
struct filecall_name {
	uint32_t tid, pid;
	char name[FILECALL_NAME];
};

struct filecalls {
	bool open;
	VEC(struct filecall_name) names; /* whose call has not come yet */
	struct bpf_ring ring;
	int tasks_fd, state_fd; /* maps: processes followed; seed and losses */
	int prog_fd[3], link_fd[3];
	bool counts_from_zero;	/* the kernel counts references from 0 (file_ref_t) */
	uint64_t nr_lost;	/* told already */
};

int filecalls_open(struct filecalls *f, bool all, struct mmr_error *err);
void filecalls_close(struct filecalls *f);
void filecalls_follow(struct filecalls *f, pid_t pid);
/* `name`: that the program gave to open(); NULL for other calls. */
typedef void filecall_fn(void *ctx, const struct filecall *call, const char *name);
void filecalls_drain(struct filecalls *f, filecall_fn *fn, void *ctx);
/* Calls that found no room in the ring since the last time that this was asked. */
uint64_t filecalls_lost(struct filecalls *f);

/*
 * Events of one call, at most two: the read and the write of sendfile and its kin. Fields of `ev` are filled in but
 * for file and open; ret_file says which of the call's files each is of. Returns their number.
 */
unsigned filecalls_events(const struct filecalls *f, const struct filecall *call, struct mmr_event ev[2],
			  unsigned ret_file[2]);

#endif
