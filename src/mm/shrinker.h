/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What reclaim asks besides pages: owners of caches register here. Kernel counterpart:
 * include/linux/shrinker.h, mm/shrinker.c.
 *
 * Modelled: count, then scan. Simplified: no per-cgroup lists, no deferred work; how much is
 * scanned is the caller's business. Shrinkers run in the order of their registration.
 */
#ifndef MM_SHRINKER_H
#define MM_SHRINKER_H

#include "mm/mm_types.h"

#define SHRINK_ALL_NODES (-1)

struct shrinker {
	struct list_head list;	/* in memory->shrinkers */
	const char *name;
	/* Pages that scanning could free; nid: a node or SHRINK_ALL_NODES. */
	uint64_t (*count)(struct memory *mem, int nid);
	/* Frees at least nr_pages if it can; returns the pages freed. */
	uint64_t (*scan)(struct memory *mem, int nid, uint64_t nr_pages);
};

static inline void shrinker_register(struct memory *mem, struct shrinker *shrinker)
{
	list_add_tail(&shrinker->list, &mem->shrinkers);
}

static inline void shrinker_unregister(struct shrinker *shrinker)
{
	list_del(&shrinker->list);
}

/* Asks one after the other until nr_pages are freed. Returns the pages freed. */
static inline uint64_t shrink_slab(struct memory *mem, int nid, uint64_t nr_pages)
{
	struct list_head *pos, *next;
	uint64_t freed = 0;

	list_for_each_safe(pos, next, &mem->shrinkers) {
		struct shrinker *s = list_entry(pos, struct shrinker, list);

		if (freed >= nr_pages)
			break;
		if (s->count(mem, nid))
			freed += s->scan(mem, nid, nr_pages - freed);
	}
	return freed;
}

#endif
