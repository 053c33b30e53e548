/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The policy slub. Kernel counterpart: mm/slub.c of 6.18.
 *
 * Modelled: calculate_order() by the number of CPUs (least waste of 1/16, 1/8, 1/4, then 1/2; up to
 * order 3), the fallback to the smallest order, the CPU's slab with its free list, the CPU's store
 * of partial slabs (cpu_partial), the node's partial list with min_partial, remote frees, the
 * search on other nodes, node wishes tried without and then with their fallback, shrinking with the
 * fullest slabs first. Slab pages: see slab.h.
 * Simplified: one CPU at a time, so no cmpxchg is ever retried; remote_node_defrag_ratio (1000 of
 * 1024 by the cycle counter) is always.
 * Left out: sheaves (6.18 gives them to vm_area_struct and maple_node alone), randomised order of
 * the free list (CONFIG_SLAB_FREELIST_RANDOM), pfmemalloc slabs, bulk operations.
 *
 *	free objects = those on slab->free of all slabs + those on cpu->freelist of all CPUs
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "mm/slab-internal.h"

#define SLUB_MAX_ORDER PAGE_ALLOC_COSTLY_ORDER
#define MIN_PARTIAL 5u
#define MAX_PARTIAL 10u
#define SHRINK_PROMOTE_MAX 32u

struct slub_cpu {
	struct slab *slab;		/* allocated from; NULL none */
	uint32_t freelist;		/* chain of its places that are the CPU's, SLAB_END none */
	uint32_t nr_partial;		/* slabs in store */
	struct list_head partial;	/* the newest first */
};

struct slub_node {
	struct list_head partial;
	uint64_t nr_partial;
};

struct slub {
	unsigned min_order, min_objects;	/* when there is no larger block */
	unsigned min_partial;		/* empty slabs beyond this many partial ones are freed */
	unsigned cpu_partial_slabs;
	struct slub_node *nodes;
	struct slub_cpu *cpus;
};

/* --- layout ----------------------------------------------------------------------------------- */

static unsigned fls(unsigned x)
{
	return x ? 32u - (unsigned)__builtin_clz(x) : 0;
}

/* The smallest order in which no more than 1/fraction is left over; above the largest: none. */
static unsigned calc_slab_order(const struct kmem_cache *cache, unsigned min_order,
				unsigned fraction)
{
	unsigned order;

	for (order = min_order; order <= SLUB_MAX_ORDER; order++) {
		uint64_t bytes = slab_bytes(cache, order);

		if (bytes % cache->size <= bytes / fraction)
			break;
	}
	return order;
}

static unsigned calculate_order(const struct kmem_cache *cache)
{
	const struct memory *mem = cache->mem;
	uint64_t most = slab_bytes(cache, SLUB_MAX_ORDER) / cache->size;
	uint64_t min_objects = 4 * (fls(mem->nr_cpus) + 1);
	unsigned min_order;

	most = most ? most : 1;
	min_objects = min_objects < most ? min_objects : most;
	min_order = slab_get_order(mem, min_objects * cache->size);
	if (slab_bytes(cache, min_order) / cache->size > MAX_OBJS_PER_SLAB)
		return slab_get_order(mem, (uint64_t)cache->size * MAX_OBJS_PER_SLAB) - 1;
	for (unsigned fraction = 16; fraction > 1; fraction /= 2) {
		unsigned order = calc_slab_order(cache, min_order, fraction);

		if (order <= SLUB_MAX_ORDER)
			return order;
	}
	return slab_get_order(mem, cache->size);
}

static void slub_layout(struct kmem_cache *cache)
{
	unsigned word = slab_word(cache->mem);

	cache->size = (unsigned)align_up(cache->object_size, word);
	/* The free pointer may not overwrite what must stay: it goes behind the object. */
	if ((cache->flags & SLAB_TYPESAFE_BY_RCU || cache->ctor) &&
	    !(cache->flags & SLAB_FREEPTR_INSIDE))
		cache->size += word;
	cache->size = (unsigned)align_up(cache->size, cache->align);
	cache->order = calculate_order(cache);
	cache->objects = (unsigned)(slab_bytes(cache, cache->order) / cache->size);
	if (cache->objects > MAX_OBJS_PER_SLAB)
		cache->objects = MAX_OBJS_PER_SLAB;
}

static unsigned cpu_partial_objects(const struct kmem_cache *cache)
{
	if (cache->size >= 1u << cache->mem->geo->page_shift)
		return 6;
	if (cache->size >= 1024)
		return 24;
	return cache->size >= 256 ? 52 : 120;
}

static void slub_create(struct kmem_cache *cache)
{
	const struct memory *mem = cache->mem;
	struct slub *s = xcalloc(1, sizeof(*s));

	s->min_order = slab_get_order(mem, cache->size);
	s->min_partial = (fls(cache->size) - 1) / 2;
	s->min_partial = s->min_partial < MIN_PARTIAL	? MIN_PARTIAL
			 : s->min_partial > MAX_PARTIAL ? MAX_PARTIAL
							: s->min_partial;
	s->cpu_partial_slabs =
		(2 * cpu_partial_objects(cache) + cache->objects - 1) / cache->objects;
	s->nodes = xcalloc(mem->nr_nodes, sizeof(*s->nodes));
	s->cpus = xcalloc(mem->nr_cpus, sizeof(*s->cpus));
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		list_init(&s->nodes[n].partial);
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++) {
		list_init(&s->cpus[cpu].partial);
		s->cpus[cpu].freelist = SLAB_END;
	}
	cache->priv = s;
}

static void slub_destroy(struct kmem_cache *cache)
{
	struct slub *s = cache->priv;

	free(s->nodes);
	free(s->cpus);
	free(s);
}

/* --- lists of a node -------------------------------------------------------------------------- */

static struct slub_node *node_lock(struct kmem_cache *cache, unsigned nid)
{
	cache->list_locks++;
	return &((struct slub *)cache->priv)->nodes[nid];
}

static void add_partial(struct slub_node *n, struct slab *slab, bool tail)
{
	list_del(&slab->list);
	if (tail)
		list_add_tail(&slab->list, &n->partial);
	else
		list_add(&slab->list, &n->partial);
	slab->where = SLAB_ON_PARTIAL;
	n->nr_partial++;
}

static void remove_partial(struct slub_node *n, struct slab *slab)
{
	list_del(&slab->list);
	list_init(&slab->list);
	slab->where = SLAB_ON_NONE;
	n->nr_partial--;
}

/*
 * A slab that no CPU keeps any more goes to its node, or away when it is empty and many are
 * there.
 */
static void put_partial_locked(struct kmem_cache *cache, struct slab *slab, bool tail)
{
	const struct slub *s = cache->priv;
	struct slub_node *n = &s->nodes[slab->nid];

	slab->where = SLAB_ON_NONE;
	if (!slab->inuse && n->nr_partial >= s->min_partial)
		slab_discard(slab);
	else
		add_partial(n, slab, tail);
}

static void put_partial(struct kmem_cache *cache, struct slab *slab, bool tail)
{
	cache->list_locks++;
	put_partial_locked(cache, slab, tail);
}

/* --- lists of a CPU --------------------------------------------------------------------------- */

/* The lock is kept while slabs of one node follow each other. */
static void put_all_cpu_partials(struct kmem_cache *cache, struct slub_cpu *c)
{
	int locked = NUMA_NO_NODE;

	while (!list_empty(&c->partial)) {
		struct slab *slab = list_first_entry(&c->partial, struct slab, list);

		list_del(&slab->list);
		list_init(&slab->list);
		cache->list_locks += slab->nid != locked;
		locked = slab->nid;
		put_partial_locked(cache, slab, true);
	}
	c->nr_partial = 0;
}

/* Into the CPU's store. When `drain` and it is full, what was there goes to the nodes first. */
static void put_cpu_partial(struct kmem_cache *cache, struct slab *slab, bool drain)
{
	const struct slub *s = cache->priv;
	struct slub_cpu *c = &s->cpus[cache->mem->cpu];

	if (drain && c->nr_partial >= s->cpu_partial_slabs)
		put_all_cpu_partials(cache, c);
	slab_move(slab, &c->partial, SLAB_ON_CPU_PARTIAL);
	c->nr_partial++;
}

/* The CPU gives its slab up, with what is left of the places it had taken. */
static void deactivate_slab(struct kmem_cache *cache, struct slub_cpu *c)
{
	struct slab *slab = c->slab;
	bool had_remote_frees = slab->free != SLAB_END;
	unsigned i = c->freelist, last = SLAB_END;

	for (; i != SLAB_END; last = i, i = slab->next[i])
		slab->inuse--;
	if (last != SLAB_END) {
		slab->next[last] = slab->free;
		slab->free = (uint16_t)c->freelist;
	}
	c->slab = NULL;
	c->freelist = SLAB_END;
	slab->where = SLAB_ON_NONE;
	if (slab->free != SLAB_END)
		put_partial(cache, slab, had_remote_frees);
}

/* All free places of a slab become the CPU's. */
static void take_freelist(struct slub_cpu *c, struct slab *slab)
{
	c->slab = slab;
	c->freelist = slab->free;
	slab->free = SLAB_END;
	slab->inuse = slab->objects;
	slab->where = SLAB_ON_CPU;
}

/* --- allocation ------------------------------------------------------------------------------- */

/* The first partial slab of a node; some more go to the CPU's store. */
static struct slab *get_partial_node(struct kmem_cache *cache, unsigned nid)
{
	const struct slub *s = cache->priv;
	struct slub_node *n = &s->nodes[nid];
	struct slab *first = NULL;
	unsigned nr = 0;

	if (!n->nr_partial)
		return NULL;
	n = node_lock(cache, nid);
	while (!list_empty(&n->partial)) {
		struct slab *slab = list_first_entry(&n->partial, struct slab, list);

		remove_partial(n, slab);
		if (!first) {
			first = slab;
			continue;
		}
		put_cpu_partial(cache, slab, false);
		if (++nr > s->cpu_partial_slabs / 2)
			break;
	}
	return first;
}

/* Nodes by distance, as long as they keep their min_partial. */
static struct slab *get_any_partial(struct kmem_cache *cache, gfp_t gfp)
{
	const struct memory *mem = cache->mem;
	const struct slub *s = cache->priv;
	const struct zoneref *z = mem->nodes[this_node(mem)]->zonelist;
	enum zone_type highest = gfp_zone((gfp & GFP_SLAB_MASK) | cache->allocflags);

	for (; z->zone; z++) {
		unsigned nid = z->zone->zone_pgdat->node_id;
		struct slab *slab;

		if (z->zone->type > highest || s->nodes[nid].nr_partial <= s->min_partial)
			continue;
		slab = get_partial_node(cache, nid);
		if (slab)
			return slab;
	}
	return NULL;
}

static struct slab *get_partial(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	unsigned search = nid == NUMA_NO_NODE ? this_node(cache->mem) : (unsigned)nid;
	struct slab *slab = get_partial_node(cache, search);

	if (slab || (nid != NUMA_NO_NODE && gfp & __GFP_THISNODE))
		return slab;
	return get_any_partial(cache, gfp);
}

/* The usual order without effort, then the smallest with all that gfp permits. */
static struct slab *allocate_slab(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	const struct slub *s = cache->priv;
	gfp_t flags = gfp & GFP_SLAB_MASK, first = flags | __GFP_NOWARN | __GFP_NORETRY;
	struct slab *slab;

	first &= ~__GFP_NOFAIL;
	if (first & __GFP_DIRECT_RECLAIM && cache->order > s->min_order)
		first = (first | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	slab = slab_new(cache, first, cache->order, nid);
	if (slab)
		return slab;
	slab = slab_new(cache, flags, s->min_order, nid);
	if (slab)
		cache->order_fallbacks++;
	return slab;
}

/* Partial slabs, then fresh ones; a wish for a node is first tried there without effort. */
static struct slab *new_slab_for_cpu(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	bool try_thisnode = nid != NUMA_NO_NODE && !(gfp & __GFP_THISNODE);
	struct slab *slab = NULL;

	if (try_thisnode) {
		slab = get_partial(cache, GFP_NOWAIT | __GFP_THISNODE, nid);
		if (!slab)
			slab = allocate_slab(cache, GFP_NOWAIT | __GFP_THISNODE, nid);
	}
	if (!slab)
		slab = get_partial(cache, gfp, nid);
	if (!slab)
		slab = allocate_slab(cache, gfp, nid);
	return slab;
}

static struct slab *take_cpu_partial(struct kmem_cache *cache, struct slub_cpu *c, int nid)
{
	while (!list_empty(&c->partial)) {
		struct slab *slab = list_first_entry(&c->partial, struct slab, list);

		list_del(&slab->list);
		list_init(&slab->list);
		c->nr_partial--;
		if (nid == NUMA_NO_NODE || slab->nid == nid)
			return slab;
		put_partial(cache, slab, true);
	}
	return NULL;
}

/* Gives the CPU a slab with free places on its list. False: no memory. */
static __attribute__((noinline)) bool refill(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	const struct slub *s = cache->priv;
	unsigned cpu = cache->mem->cpu;
	struct slub_cpu *c = &s->cpus[cpu];
	struct slab *slab;

	if (nid != NUMA_NO_NODE && !cache->mem->nodes[nid]->has_memory)
		nid = NUMA_NO_NODE;
	if (c->slab && nid != NUMA_NO_NODE && c->slab->nid != nid)
		deactivate_slab(cache, c);
	if (c->slab) {
		if (c->freelist != SLAB_END)
			return true;
		/* What other CPUs freed meanwhile. */
		if (c->slab->free != SLAB_END) {
			take_freelist(c, c->slab);
			return true;
		}
		c->slab->where = SLAB_ON_NONE;
		c->slab = NULL;
	}
	slab = take_cpu_partial(cache, c, nid);
	if (!slab)
		slab = new_slab_for_cpu(cache, gfp, nid);
	if (!slab)
		return false;
	/* The allocation may have reclaimed, and that may have used this cache. */
	if (c->slab)
		deactivate_slab(cache, c);
	take_freelist(c, slab);
	return true;
}

static kaddr_t slub_alloc(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	struct slub *s = cache->priv;
	struct slub_cpu *c = &s->cpus[cache->mem->cpu];
	unsigned index;

	if (unlikely(c->freelist == SLAB_END ||
		     (nid != NUMA_NO_NODE && c->slab->nid != nid))) {
		if (!refill(cache, gfp, nid))
			return 0;
	} else {
		cache->cpu_hits++;
	}
	index = c->freelist;
	c->freelist = c->slab->next[index];
	c->slab->next[index] = SLAB_OBJ_USED;
	return slab_object(c->slab, index);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* Not the CPU's own slab: as __slab_free(). */
static __attribute__((noinline)) void free_slow(struct kmem_cache *cache, struct slab *slab,
						unsigned index)
{
	const struct slub *s = cache->priv;
	bool was_full = slab->free == SLAB_END;
	struct slub_node *n;

	slab_put_free(slab, index);
	if (slab->where == SLAB_ON_CPU)
		return;
	if (was_full) {
		put_cpu_partial(cache, slab, true);
		return;
	}
	if (slab->inuse)
		return;
	n = node_lock(cache, slab->nid);
	if (slab->where != SLAB_ON_PARTIAL || n->nr_partial < s->min_partial)
		return;
	remove_partial(n, slab);
	slab_discard(slab);
}

static void slub_free(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	struct slub *s = cache->priv;
	struct slub_cpu *c = &s->cpus[cache->mem->cpu];

	if (unlikely(slab != c->slab)) {
		free_slow(cache, slab, index);
		return;
	}
	slab->next[index] = (uint16_t)c->freelist;
	c->freelist = index;
	cache->cpu_frees++;
}

/* --- shrinking -------------------------------------------------------------------------------- */

static void flush_all(struct kmem_cache *cache)
{
	const struct slub *s = cache->priv;

	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++) {
		if (s->cpus[cpu].slab)
			deactivate_slab(cache, &s->cpus[cpu]);
		put_all_cpu_partials(cache, &s->cpus[cpu]);
	}
}

/* Empty slabs go; those with few free places come to the front, so that they fill up. */
static void shrink_node(struct slub_node *n)
{
	struct list_head promote[SHRINK_PROMOTE_MAX], *pos, *next;

	for (unsigned i = 0; i < SHRINK_PROMOTE_MAX; i++)
		list_init(&promote[i]);
	list_for_each_safe(pos, next, &n->partial) {
		struct slab *slab = list_entry(pos, struct slab, list);
		unsigned nr_free = slab->objects - slab->inuse;

		if (!slab->inuse) {
			remove_partial(n, slab);
			slab_discard(slab);
		} else if (nr_free <= SHRINK_PROMOTE_MAX) {
			list_del(&slab->list);
			list_add(&slab->list, &promote[nr_free - 1]);
		}
	}
	for (unsigned i = SHRINK_PROMOTE_MAX; i-- > 0;)
		while (!list_empty(&promote[i])) {
			pos = promote[i].prev;
			list_del(pos);
			list_add(pos, &n->partial);
		}
}

static uint64_t slub_shrink(struct kmem_cache *cache)
{
	uint64_t pages = cache->nr_pages;

	flush_all(cache);
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++)
		shrink_node(node_lock(cache, nid));
	return pages - cache->nr_pages;
}

/* --- figures and checks ----------------------------------------------------------------------- */

static uint64_t chain_length(const struct slab *slab, unsigned first)
{
	uint64_t nr = 0;

	for (unsigned i = first; i != SLAB_END && nr <= slab->objects; i = slab->next[i])
		nr++;
	return nr;
}

static void slub_stats(const struct kmem_cache *cache, struct kmem_cache_stats *ret)
{
	const struct slub *s = cache->priv;
	const struct list_head *pos;

	ret->active_slabs = ret->num_slabs;	/* /proc/slabinfo of slub knows no difference */
	ret->slabinfo_active_objs = ret->num_objs;	/* less the free ones of partial slabs */
	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		ret->node_partial += slab->where == SLAB_ON_PARTIAL && slab->inuse;
		ret->node_empty += slab->where == SLAB_ON_PARTIAL && !slab->inuse;
		ret->node_full += slab->where == SLAB_ON_NONE;
		if (slab->where == SLAB_ON_PARTIAL)
			ret->slabinfo_active_objs -= (uint64_t)slab->objects - slab->inuse;
		if (slab->where == SLAB_ON_CPU_PARTIAL || slab->where == SLAB_ON_CPU)
			ret->cpu_objs += (uint64_t)slab->objects - slab->inuse;
	}
	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		if (s->cpus[cpu].slab)
			ret->cpu_objs += chain_length(s->cpus[cpu].slab, s->cpus[cpu].freelist);
}

static bool check_list(const struct list_head *head, enum slab_where where, unsigned nid,
		       uint64_t nr)
{
	const struct list_head *pos;
	uint64_t found = 0;

	list_for_each(pos, head) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, list);

		if (slab->where != where || slab->free == SLAB_END ||
		    (where == SLAB_ON_PARTIAL && slab->nid != nid) || ++found > nr)
			return false;
	}
	return found == nr;
}

/* Slabs by place must add up, and so must free objects. */
static bool slub_consistent(const struct kmem_cache *cache, struct strbuf *why)
{
	const struct slub *s = cache->priv;
	uint64_t by_where[SLAB_ON_FREE + 1] = {0}, listed = 0, cpu_slabs = 0, free_objs = 0;
	const struct list_head *pos;
	bool ok = true;

	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++) {
		const struct slub_node *n = &s->nodes[nid];

		ok &= check_list(&n->partial, SLAB_ON_PARTIAL, nid, n->nr_partial);
		listed += n->nr_partial;
	}
	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++) {
		const struct slub_cpu *c = &s->cpus[cpu];

		ok &= check_list(&c->partial, SLAB_ON_CPU_PARTIAL, 0, c->nr_partial);
		ok &= c->slab ? c->slab->where == SLAB_ON_CPU : c->freelist == SLAB_END;
		listed += c->nr_partial;
		cpu_slabs += c->slab != NULL;
		free_objs += c->slab ? chain_length(c->slab, c->freelist) : 0;
	}
	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		by_where[slab->where]++;
		free_objs += (uint64_t)slab->objects - slab->inuse;
		ok &= slab->where != SLAB_ON_NONE || slab->free == SLAB_END;
	}
	ok &= by_where[SLAB_ON_CPU] == cpu_slabs &&
	      by_where[SLAB_ON_PARTIAL] + by_where[SLAB_ON_CPU_PARTIAL] == listed &&
	      free_objs == cache->nr_objs - (cache->allocs - cache->frees);
	if (!ok && why)
		strbuf_addf(why, "cache %s: lists of slub contradict the slabs, %" PRIu64
			    " objects free\n",
			    cache->name, free_objs);
	return ok;
}

const struct slab_policy slub_policy = {
	.name = "slub",
	.may_merge = true,
	.layout = slub_layout,
	.create = slub_create,
	.destroy = slub_destroy,
	.alloc = slub_alloc,
	.free = slub_free,
	.shrink = slub_shrink,
	.stats = slub_stats,
	.consistent = slub_consistent,
};
