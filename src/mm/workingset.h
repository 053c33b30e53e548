/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Pages that come back too soon after they were evicted. Kernel counterpart: mm/workingset.c.
 *
 * Modelled: a shadow entry in the place of an evicted folio (page cache: address_space.exceptional; swap: beside the slot),
 * which keeps the group, the node, whether the folio was of the working set, and the nonresident age of the lruvec (its
 * evictions and activations so far, counted in pages); at the refault the distance between then and now is compared with
 * what could have been kept resident: near enough, the folio is activated (workingset_activate_*); it was part of the
 * working set before: PG_WORKINGSET (workingset_restore_*); bucket_order, where 32 bits do not hold the age of the whole
 * memory. Simplified: nothing is flushed before it is read.
 *
 *	shadow:	bit 0 set (no other entry of a tree has it) | 1 workingset | 2-17 memcg | 18-23 node | 24-26 zone | 27-63
 *		age or, with another policy, what that keeps
 *
 * Interface: below. None does anything without memory->lru_enabled; a shadow of 0 is none.
 */
#ifndef MM_WORKINGSET_H
#define MM_WORKINGSET_H

#include "mm/mm_types.h"

struct strbuf;

#define WORKINGSET_SHADOW	1ull

static inline bool is_shadow(uint64_t entry)
{
	return entry & WORKINGSET_SHADOW;
}

/* What a shadow says besides its age. */
struct shadow_info {
	uint16_t memcg;
	uint8_t nid, zone;
	bool workingset;
	uint64_t token;		/* SHADOW_TOKEN_BITS */
};
#define SHADOW_TOKEN_BITS 37
uint64_t pack_shadow(struct shadow_info info);
struct shadow_info unpack_shadow(uint64_t shadow);

/*
 * The folio, out of lists and nearly out of its cache, is evicted. target: the group that is being reclaimed, NULL the
 * machine. Returns the shadow to leave behind.
 */
uint64_t workingset_eviction(struct memory *mem, pfn_t head, struct mem_cgroup *target);
/* A new folio has come to where the shadow was: in its cache and charged, not yet on a list. */
void workingset_refault(struct memory *mem, pfn_t head, uint64_t shadow);
/* Would that refault be near enough to activate? ret_workingset: it was of the working set. */
bool workingset_test_recent(struct memory *mem, uint64_t shadow, bool file, bool *ret_workingset);
/* A folio goes from the inactive to the active list: in effect a refault that never happened. */
void workingset_activation(struct memory *mem, pfn_t head);
/* Evictions and activations of a lruvec, and of those of the groups above. */
void workingset_age_nonresident(struct memory *mem, struct lruvec *lruvec, uint64_t nr_pages);

/*
 * A counter of a lruvec (one of the four lists, or workingset_activate_*) as lruvec_page_state() gives it to reclaim in the kernel: with
 * groups it is what the last flush of their counters has left, at most 2 seconds old, and at first nothing. Much of what
 * reclaim decides in a small and busy group is decided by old figures. Without groups it is up to date.
 */
uint64_t lruvec_flushed_state(struct lruvec *lruvec, enum node_stat_item item);

/* The kernel has these two in mm/swap.c. */

/* Reclaim had to write nr_io pages and scan nr_rotated for nothing: of files or anonymous. Also of the groups above. */
void lru_note_cost(struct memory *mem, struct lruvec *lruvec, bool file, uint64_t nr_io, uint64_t nr_rotated);
/* A page of the working set came back: it should not have gone. */
void lru_note_cost_refault(struct memory *mem, pfn_t head);

#endif
