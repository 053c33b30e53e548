/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The state of the machine, sampled on the model's clock.
 *
 * One sample is a row of numbers, all rows alike: time, resident set, swap in use, time lost to memory pressure, every
 * state and counter of mm/vmstat.h summed over the machine, the free blocks by order of each zone that has memory, and the
 * figures of each memory cgroup.
 * The first row is the machine as it was built, at time 0; the last is the end of the replay;
 * between them stand those that fell due, at whole multiples of the interval, each as the machine
 * was before what the trace has at that time. Where the clock jumps over more than
 * KTHREAD_CATCH_UP intervals, the earliest of them are left out (kthreads.h).
 *
 * Memory is bounded: when there are `max` rows, every second one goes and the interval doubles.
 *	time of each row but the last = a multiple of interval_ns
 *	interval_ns = asked_ns << thinned
 */
#ifndef SIM_TIMELINE_H
#define SIM_TIMELINE_H

#include <stdbool.h>

#include "base/vec.h"
#include "mm/mmzone.h"

struct mmr_replay;

enum timeline_column {
	TIMELINE_TIME,
	TIMELINE_RSS, /* pages, of all address spaces */
	TIMELINE_SWAP_USED, /* pages */
	TIMELINE_THP_PAGES, TIMELINE_THP_UNTOUCHED, /* of large anonymous folios: mm/folio_touched.h */
	TIMELINE_PRESSURE_SOME, TIMELINE_PRESSURE_FULL, /* ns so far: mm/psi.h */
	TIMELINE_DIRECT_RECLAIM, TIMELINE_KSWAPD, /* ns so far that they took */
	TIMELINE_ZONE_STAT,
	TIMELINE_NODE_STAT = TIMELINE_ZONE_STAT + NR_VM_ZONE_STAT_ITEMS,
	TIMELINE_EVENT = TIMELINE_NODE_STAT + NR_VM_NODE_STAT_ITEMS,
	TIMELINE_ZONES = TIMELINE_EVENT + NR_VM_EVENT_ITEMS, /* free blocks: zone by zone */
};

/* Of each memory cgroup with those below it, behind the free blocks. X(NAME, "key", grows) */
#define TIMELINE_GROUP_COLUMNS(X) \
	X(USAGE, "usage_pages", false) \
	X(SWAP, "swap_pages", false) \
	X(ANON, "anon_pages", false) \
	X(FILE, "file_pages", false) \
	X(KERNEL, "kernel_pages", false) \
	X(SCANNED, "scanned_pages", true) \
	X(STOLEN, "stolen_pages", true) \
	X(REFAULT_ANON, "workingset_refault_anon", true) \
	X(REFAULT_FILE, "workingset_refault_file", true) \
	X(FAULTS, "pgfault", true) \
	X(MAJOR, "pgmajfault", true) \
	X(LOW, "events_low", true) \
	X(HIGH, "events_high", true) \
	X(MAX, "events_max", true) \
	X(OOM_KILL, "events_oom_kill", true) \
	X(HIGH_STALL, "high_stall_ns", true) \
	X(SOME, "pressure_some_ns", true) \
	X(FULL, "pressure_full_ns", true)

enum timeline_group_column {
#define TIMELINE_GROUP_ENUM(NAME, key, grows) TIMELINE_GROUP_##NAME,
	TIMELINE_GROUP_COLUMNS(TIMELINE_GROUP_ENUM)
#undef TIMELINE_GROUP_ENUM
	NR_TIMELINE_GROUP
};

struct timeline {
	uint64_t asked_ns, interval_ns; /* 0: no timeline */
	uint64_t max;			/* rows */
	unsigned thinned;		/* times that the interval was doubled */
	bool ended;			/* the last row is there */
	size_t nr_columns, nr_rows;
	VEC(const struct zone *) zones; /* those with memory, by node and type */
	VEC(const struct mem_cgroup *) groups; /* those there are at the start, parents first */
	unsigned nr_orders;
	VEC(uint64_t) cells; /* row by row */
};

/* Takes the settings over, and the first row: once the machine is built. */
void timeline_start(struct mmr_replay *r);
/* A row, when `due_ns` is one of its times; thins the rows out when there are too many. */
void timeline_sample(struct mmr_replay *r, uint64_t due_ns);
/* The last row. */
void timeline_end(struct mmr_replay *r);
void timeline_finish(struct timeline *t);

static inline uint64_t timeline_cell(const struct timeline *t, size_t row, size_t column)
{
	return t->cells.data[row * t->nr_columns + column];
}

/* Column of the free blocks of a migrate type and order of t->zones[zone]. */
static inline size_t timeline_blocks(const struct timeline *t, size_t zone, unsigned mt,
				     unsigned order)
{
	return TIMELINE_ZONES + (zone * MIGRATE_TYPES + mt) * t->nr_orders + order;
}

/* First column of t->groups[group]. */
static inline size_t timeline_group(const struct timeline *t, size_t group)
{
	return timeline_blocks(t, t->zones.nr, 0, 0) + group * NR_TIMELINE_GROUP;
}

#endif
