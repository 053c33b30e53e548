/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What one process is at one moment: areas, resident pages, counters, limits. Taken while it is
 * stopped (at execve and exit) or running (attach, end), written into the trace later, in the order
 * of time.
 */
#ifndef CAPTURE_SNAPSHOT_H
#define CAPTURE_SNAPSHOT_H

#include <stdbool.h>

#include "capture/ids.h"
#include "capture/policy.h"
#include "capture/procfs.h"

struct snapshot_map {
	struct proc_map map; /* name is ours */
	uint64_t advice;     /* SNAPSHOT_* bits, from smaps, when attaching */
	struct policy policy; /* what numa_maps shows, when attaching */
	struct file_extents cached;
	bool has_cached;
};

#define SNAPSHOT_LOCKED	    (1u << 0)
#define SNAPSHOT_HUGE	    (1u << 1)
#define SNAPSHOT_NOHUGE	    (1u << 2)
#define SNAPSHOT_DONTFORK   (1u << 3)
#define SNAPSHOT_RANDOM	    (1u << 4)
#define SNAPSHOT_SEQUENTIAL (1u << 5)
#define SNAPSHOT_GROWSDOWN  (1u << 6)

enum snapshot_what {
	SNAPSHOT_COUNTERS, /* counters only */
	SNAPSHOT_SPACE,	   /* areas, resident pages, limits, too */
};

struct snapshot {
	struct proc_ref ref;
	enum mmr_when when;
	uint64_t time_ns;
	bool has_space;
	bool is_32bit;
	struct proc_stat stat;
	bool has_cpuset;
	uint64_t cpuset[POLICY_WORDS]; /* nodes of its cpuset, where those are not all */
	struct policy task_policy;     /* mode 0: default */
	char *counters;
	char *exe; /* path of the program, "" unknown */
	VEC(struct snapshot_map) maps;
	VEC(struct proc_pages) pages;
	VEC(struct mmr_event) rlimits;
};

/* NULL when the process is gone. `ids` says which files are known already; their cache is not read
 * again. */
struct snapshot *snapshot_take(struct proc_ref ref, enum mmr_when when, enum snapshot_what what,
			       const struct ids *ids);
void snapshot_free(struct snapshot *snap);

/* VMA, RESIDENT, advice and RLIMIT events. `at` gives task, CPU and time. */
int snapshot_emit_space(struct snapshot *snap, struct ids *ids, const struct mmr_event *at,
			struct mmr_error *err);
/* `nr_faults`: fault events of the process since its execve, its fork or the attaching. */
int snapshot_emit_counters(const struct snapshot *snap, uint64_t nr_faults, struct ids *ids,
			   const struct mmr_event *at, struct mmr_error *err);

#endif
