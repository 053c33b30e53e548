/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Others that allocate and free while the trace is replayed: keys `fragmentation.pressure.`. They keep
 * memory moving, so that it stays fragmented, or becomes so.
 *
 * On the model's clock, in periods of a hundredth of the lifetime (1 ms to 1 s), fragmentation.pressure.rate
 * allocations a second are made on the nodes with memory, drawn from the seed; each is freed in the
 * period in which its lifetime ends. They take what is free above the low marks, never reclaim, and a
 * failure is counted (background_fail), not repeated. Movable ones are single pages that can be migrated
 * (PG_MOVABLE_OPS): an allocation of a higher order is split into them.
 */
#ifndef SIM_BACKGROUND_H
#define SIM_BACKGROUND_H

#include "base/rng.h"
#include "base/vec.h"
#include "mm/migrate.h"
#include "sim/start-state.h"

struct mmr_replay;

/* One allocation, or one page of a movable one. Free slots are linked through `next`. */
struct background_slot {
	pfn_t pfn;
	uint32_t next;	/* of those that end in the same period */
	uint8_t order;
};

struct background {
	const struct fragmentation_config *conf;
	uint64_t period_ns;	/* 0: switched off */
	uint64_t nr_periods, carry;	/* so far; what is left of an allocation, in rate * ns */
	struct rng rng;
	VEC(struct background_slot) slots;
	uint32_t free_slots;
	VEC(uint32_t) ends;	/* first slot by period, a ring */
	struct movable_operations ops;
	uint32_t handle;	/* page->mapping of movable pages */
	uint8_t nodes[MAX_NUMNODES];	/* with memory */
	unsigned nr_nodes;
};

void background_start(struct mmr_replay *r);
void background_finish(struct background *b);
/* One period. */
void background_run(struct mmr_replay *r);

#endif
