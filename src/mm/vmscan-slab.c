/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Shrinkers under pressure. Kernel counterpart: mm/shrinker.c (shrink_slab, do_shrink_slab).
 *
 * Modelled: 4 / seeks of 1 / 2^priority of what a cache could free, in batches of 128; what is too little for a batch waits for the next
 * call; groups ask only shrinkers that know them. Simplified: nothing is deferred for single groups; what shrinkers call an object is a
 * page for some of them (mm/shrinker.h).
 */
#include "mm/memcg.h"
#include "mm/shrinker.h"
#include "mm/vmscan-internal.h"

#define SHRINK_BATCH 128u

/* One call of a shrinker. */
struct shrink_slab_control {
	struct memory *mem;
	struct shrinker *shrinker;
	int nid;
	uint16_t memcg;		/* 0: all */
	uint64_t freed, scanned;
};

static uint64_t count_objects(const struct shrink_slab_control *c)
{
	return c->memcg ? c->shrinker->count_memcg(c->mem, c->nid, c->memcg) : c->shrinker->count(c->mem, c->nid);
}

static void scan_batch(struct shrink_slab_control *c, uint64_t nr)
{
	c->freed += c->memcg ? c->shrinker->scan_memcg(c->mem, c->nid, c->memcg, nr) :
			       c->shrinker->scan(c->mem, c->nid, nr);
	c->scanned += nr;
	count_vm_events(c->mem, SLABS_SCANNED, nr);
}

/* What of `freeable` is to be looked at, with what earlier calls left. */
static uint64_t objects_to_scan(const struct shrink_slab_control *c, uint64_t freeable, uint64_t deferred, int priority,
				uint64_t *ret_delta)
{
	unsigned seeks = c->shrinker->seeks ? c->shrinker->seeks : DEFAULT_SEEKS;
	uint64_t total;

	*ret_delta = (freeable >> priority) * 4 / seeks;
	total = (deferred >> priority) + *ret_delta;
	return total < 2 * freeable ? total : 2 * freeable;
}

static void do_shrink_slab(struct shrink_slab_control *c, int priority)
{
	uint64_t *deferred = c->memcg || c->nid < 0 ? NULL : &c->shrinker->nr_deferred[c->nid];
	uint64_t freeable = count_objects(c), left = deferred ? *deferred : 0, total, delta;

	if (!freeable)
		return;
	total = objects_to_scan(c, freeable, left, priority, &delta);
	while (total && (total >= SHRINK_BATCH || total >= freeable)) {
		uint64_t nr = total < SHRINK_BATCH ? total : SHRINK_BATCH, before = c->freed;

		scan_batch(c, nr);
		total -= nr;
		if (c->freed == before && !count_objects(c))
			break;
	}
	if (!deferred)
		return;
	left += delta;
	left -= left < c->scanned ? left : c->scanned;
	*deferred = left < 2 * freeable ? left : 2 * freeable;
}

uint64_t shrink_slab(struct memory *mem, gfp_t gfp, int nid, struct mem_cgroup *memcg, int priority)
{
	uint16_t id = memcg && !mem_cgroup_is_root(memcg) ? memcg->id : 0;
	struct list_head *pos, *next;
	uint64_t freed = 0;

	list_for_each_safe(pos, next, &mem->shrinkers) {
		struct shrink_slab_control c = {
			.mem = mem, .shrinker = list_entry(pos, struct shrinker, list), .nid = nid, .memcg = id,
		};

		if ((id && !c.shrinker->count_memcg) || (c.shrinker->needs_fs && !(gfp & __GFP_FS)))
			continue;
		do_shrink_slab(&c, priority);
		freed += c.freed;
	}
	return freed;
}
