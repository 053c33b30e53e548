/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * After compaction that led to nothing, the next tries are passed over: 2, then 4, up to 64 of them for the same order and
 * above. Kernel counterpart: mm/compaction.c (defer_compaction, compaction_deferred, compaction_defer_reset,
 * compaction_restarting). Modelled: all of it.
 *
 * Below the page allocator, because a successful allocation takes the deferral back. zone->compact.order_failed begins at 0,
 * as in the kernel: nothing has succeeded yet.
 */
#ifndef MM_COMPACT_DEFER_H
#define MM_COMPACT_DEFER_H

#include "mm/mmzone.h"

#define COMPACT_MAX_DEFER_SHIFT 6

static inline void defer_compaction(struct zone *zone, unsigned order)
{
	struct zone_compaction *c = &zone->compact;

	c->considered = 0;
	if (c->defer_shift < COMPACT_MAX_DEFER_SHIFT)
		c->defer_shift++;
	if (order < c->order_failed)
		c->order_failed = order;
}

/* Is compaction of that order to be passed over this time? Counts the asking. */
static inline bool compaction_deferred(struct zone *zone, unsigned order)
{
	struct zone_compaction *c = &zone->compact;
	unsigned limit = 1u << c->defer_shift;

	if (order < c->order_failed)
		return false;
	if (++c->considered >= limit) {
		c->considered = limit;
		return false;
	}
	return true;
}

/* Compaction of that order succeeded; allocated: and somebody has got a block of it. */
static inline void compaction_defer_reset(struct zone *zone, unsigned order, bool allocated)
{
	struct zone_compaction *c = &zone->compact;

	if (allocated)
		c->considered = c->defer_shift = 0;
	if (order >= c->order_failed)
		c->order_failed = order + 1;
}

/* Is this the try after the longest deferral? Then hints and positions are dropped as well. */
static inline bool compaction_restarting(const struct zone *zone, unsigned order)
{
	const struct zone_compaction *c = &zone->compact;

	return order >= c->order_failed && c->defer_shift == COMPACT_MAX_DEFER_SHIFT &&
	       c->considered >= 1u << c->defer_shift;
}

#endif
