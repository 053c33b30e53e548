/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory as it is on a machine that has run for a while. No kernel counterpart: it makes the state in
 * which the kernel's allocator starts.
 *
 *	age_memory()		fragmented on purpose, to a stated degree
 *	memory_set_state()	with the free lists of /proc/buddyinfo and /proc/pagetypeinfo
 *
 * Ageing, zone by zone: all memory is taken from the buddy allocator in random orders and migrate
 * types; CHURN_ROUNDS times a part goes back at random and is taken again, near the brim, so that types
 * spread over each other's pageblocks as the allocator's own rules have it. Then, in random order, what
 * must be free goes back: some aligned blocks of the order whole, the rest scattered so that no other
 * such block becomes free. How many of each follows from the degree; nothing is left to luck but where.
 * The degree goes before the share in use, which is met as closely as whole blocks permit.
 *
 * What stays in use are real allocations. Unmovable and reclaimable ones are the kernel's (PG_KERNEL);
 * nothing reclaims them. Movable ones are single pages that can be migrated (PG_MOVABLE_OPS), as memory
 * of processes that are not in the trace; they are on no LRU list and not reclaimed either.
 *
 * The same seed gives the same state. Counters start at zero after it.
 */
#ifndef MM_AGEING_H
#define MM_AGEING_H

#include "base/err.h"
#include "mm/mm_types.h"

struct ageing_spec {
	unsigned degree;	/* unusable free space index of the order, thousandths */
	unsigned order;		/* at least 1 */
	unsigned used;		/* memory in use, percent of what the zone manages */
	/* Percent of it, but for ZONE_MOVABLE; the rest is movable. */
	unsigned unmovable, reclaimable;
	uint64_t seed;
};

/* How far from the asked degree the index of a node may end, thousandths. */
#define AGEING_TOLERANCE 20

/* What is in use by the start state: memory->ageing. */
struct ageing {
	uint64_t pages[MIGRATE_PCPTYPES];	/* by type */
	uint64_t dropped_pages;		/* free in the captured state, no room for them here */
	uint64_t nr_moved;		/* pages that were migrated since */
	unsigned order;			/* what the index below is of */
	uint32_t unusable_index[MAX_NUMNODES];	/* to begin with, thousandths; 0 without memory */
	uint32_t handle;		/* page->mapping of the movable ones */
};

/*
 * All zones, right after memory_create(). 0; -EINVAL: a figure is out of range; -ERANGE: a node cannot
 * come near the degree (too little memory is free for one block of the order, or too little is in use
 * to keep them apart): the memory is unusable then, and the text says which node.
 */
int age_memory(struct memory *mem, const struct ageing_spec *spec, struct mmr_error *err);

/* The free lists of one zone. */
struct zone_state {
	unsigned nid;
	enum zone_type type;
	uint64_t free[MAX_ORDER_LIMIT][MIGRATE_TYPES];	/* blocks, as /proc/pagetypeinfo */
	uint64_t pageblocks[MIGRATE_TYPES];	/* by type; all 0: unknown, movable */
	uint64_t managed_pages;			/* of the zone it was read from; 0 unknown */
};

/*
 * Exactly these blocks are free afterwards, at places drawn from the seed; everything else is in use.
 * Every zone of the machine needs a state. Where the zone here manages less than the one it was read
 * from, as many blocks of the largest order are left out as that explains (ageing->dropped_pages).
 * 0; -EINVAL: there is no such zone, or a zone has no state; -ENOSPC: the blocks do not fit. The text
 * names node, zone, type and order; the memory is unusable then.
 */
int memory_set_state(struct memory *mem, const struct zone_state *states, size_t nr, uint64_t seed,
		     struct mmr_error *err);

#endif
