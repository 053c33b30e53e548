/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What /proc says about one process. Everything is read through one of its threads, because a
 * leader that has exited shows an empty address space while its threads still run.
 *
 * Interface:
 *   - proc_stat(), proc_status_ids(): the few numbers that the capture needs
 *   - proc_maps(): one call per memory area
 *   - proc_resident(): one call per run of pages that are present or swapped
 *   - proc_counters(): the text of a COUNTERS event of scope PROCESS (names in mmreplay-trace(5))
 */
#ifndef CAPTURE_PROCFS_H
#define CAPTURE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"
#include "base/vec.h"

struct proc_ref {
	pid_t pid; /* the process (thread group) */
	pid_t tid; /* a thread of it that still has its address space */
};

struct proc_stat {
	char comm[32];
	pid_t ppid;
	uint64_t min_flt, maj_flt; /* of all its threads, dead ones too */
	uint64_t nr_threads;
	unsigned cpu; /* it ran on last */
	bool kthread; /* of the kernel: it has no address space */
	uint64_t start_stack, start_brk, arg_start, arg_end, env_start, env_end; /* 0: not shown */
};

struct proc_map {
	uint64_t start, end;
	int prot; /* PROT_* */
	bool shared;
	uint64_t offset;   /* bytes */
	uint64_t dev, ino; /* 0 for anonymous memory */
	const char *name;  /* path, "[heap]" ..., "" for none */
};

/* A run of pages with equal flags and, where frames are shown, consecutive frames. */
struct proc_pages {
	uint64_t addr;
	uint64_t nr;	/* base pages */
	uint64_t flags; /* MMR_RES_* */
	uint64_t pfn;	/* of the first page, 0 unknown */
};

int proc_stat(struct proc_ref ref, struct proc_stat *ret);
/* Process and parent of a thread; ret_ppid may be NULL. */
int proc_status_ids(pid_t tid, pid_t *ret_pid, pid_t *ret_ppid);
/* Every thread of a process, in ascending order. */
typedef VEC(pid_t) proc_tids;
int proc_threads(pid_t pid, proc_tids *tids);
/* Every process that /proc shows, in ascending order. */
int proc_processes(proc_tids *pids);

/* Both stop at, and return, the first non-zero value of fn. */
typedef int proc_map_fn(void *ctx, const struct proc_map *map);
int proc_maps(struct proc_ref ref, proc_map_fn *fn, void *ctx);
typedef int proc_pages_fn(void *ctx, const struct proc_pages *pages);
int proc_resident(struct proc_ref ref, uint64_t start, uint64_t end, proc_pages_fn *fn, void *ctx);

/* Appends `name value` lines. What cannot be read is left out; an error only when nothing can. */
int proc_counters(struct proc_ref ref, struct strbuf *sb);

/* One line of /proc/PID/maps, without its newline, cut up in place. 0 or -EINVAL. Exposed to be
 * tested. */
int proc_parse_map(char *line, struct proc_map *map);
/* One /proc/PID/stat. Exposed to be tested. */
int proc_parse_stat(char *text, struct proc_stat *ret);

#endif
