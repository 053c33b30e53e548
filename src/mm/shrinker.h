/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What reclaim asks besides pages: owners of caches register here. Kernel counterpart:
 * include/linux/shrinker.h, mm/shrinker.c.
 *
 * Modelled: count, then scan as much as pressure says (mm/vmscan-slab.c); what was too little for a batch is deferred;
 * shrinkers that know memory cgroups. Shrinkers run in the order of their registration.
 */
#ifndef MM_SHRINKER_H
#define MM_SHRINKER_H

#include "mm/mm_types.h"

#define SHRINK_ALL_NODES (-1)
#define DEFAULT_SEEKS 2u

struct shrinker {
	struct list_head list;	/* in memory->shrinkers */
	const char *name;
	/* Pages that scanning could free; nid: a node or SHRINK_ALL_NODES. */
	uint64_t (*count)(struct memory *mem, int nid);
	/* Looks at nr of them; returns the pages freed. May free more than it was asked for. */
	uint64_t (*scan)(struct memory *mem, int nid, uint64_t nr);
	/* The same for one memory cgroup by its id, NULL: knows nothing of groups. */
	uint64_t (*count_memcg)(struct memory *mem, int nid, uint16_t memcg);
	uint64_t (*scan_memcg)(struct memory *mem, int nid, uint16_t memcg, uint64_t nr);
	bool needs_fs;		/* not for allocations that may not enter a file system */
	unsigned seeks;		/* what one costs to get back, 0: DEFAULT_SEEKS */
	uint64_t nr_deferred[MAX_NUMNODES];	/* left over from earlier calls */
};

static inline void shrinker_register(struct memory *mem, struct shrinker *shrinker)
{
	list_add_tail(&shrinker->list, &mem->shrinkers);
}

static inline void shrinker_unregister(struct shrinker *shrinker)
{
	list_del(&shrinker->list);
}

#endif
