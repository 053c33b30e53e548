/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The policy slab: Bonwick's allocator as textbooks describe it. Kernel counterpart: mm/slab.c of
 * 2.6.24 to 3.9 (last in 6.7, there with another layout of its management).
 *
 * Modelled: the choice of the order (no more than 1/8 left over, order 1 at most on machines above
 * 32 MiB), management on the slab or, for objects of 1/8 page and more, off it in a size-N cache;
 * colouring by cache lines, per node; arrays of free objects by CPU (limit 120 to 1 by size, batches
 * of half), a shared array a node, alien arrays for objects of other nodes; lists of full, partial
 * and free slabs; free_limit; cache_reap() each 2 s, shared arrays and free slabs each 4 s. Under
 * pressure free slabs go, as kmem_cache_reap() of 2.4 did when try_to_free_pages() called it.
 * Simplified: all alien arrays are reaped each time, not one node's in turn; the CPUs reap together.
 * Pages are a compound page, as since 3.x.
 * Left out: debugging, the boot caches.
 *
 *	objects in arrays count as in use by their slab
 *	n->free_objects = free places of all slabs of the node
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "mm/slab-internal.h"

#define BATCHREFILL_LIMIT 16u
#define ALIEN_LIMIT 12u
#define SHARED_BATCHES 8u
#define REAP_CPU_NS 2000000000ull
#define REAP_NODE_NS 4000000000ull
#define LOW_ORDER_BYTES (32ull << 20)	/* machines below it get slabs of one page */

/* Free objects at hand, the last in first out. */
struct array_cache {
	uint32_t avail, limit, batchcount;
	bool touched;		/* since the last reaping */
	kaddr_t *entry;		/* `limit` of them; made when first used */
};

struct slab_node {
	struct list_head partial, full, free;
	uint64_t nr_free_slabs;
	uint64_t free_objects, free_limit;
	unsigned colour_next;
	bool free_touched;
	uint64_t next_reap_ns;
	struct array_cache shared;
	struct array_cache *alien;	/* by node; NULL on machines with one */
};

struct slab_cache {
	unsigned colour, colour_off;	/* colours, and bytes from one to the next */
	unsigned mgmt_bytes;		/* on the slab 0 bytes of it are before the colour */
	struct kmem_cache *mgmt_cache;	/* NULL: on the slab */
	unsigned limit, batchcount, nr_shared;
	struct array_cache *cpus;
	struct slab_node *nodes;
};

/* --- layout ----------------------------------------------------------------------------------- */

/* Of the kernel's struct slab (list, colour offset, first object, counts, node) and one bufctl. */
static unsigned struct_slab_bytes(const struct memory *mem)
{
	return slab_word(mem) == 8 ? 48 : 28;
}

#define BUFCTL_BYTES 4u

static unsigned mgmt_bytes(const struct kmem_cache *cache, unsigned objects)
{
	return struct_slab_bytes(cache->mem) + objects * BUFCTL_BYTES;
}

/* How many objects a slab of that order holds, and what is left over (cache_estimate()). */
static unsigned cache_estimate(const struct kmem_cache *cache, unsigned order, bool off_slab,
			       uint64_t *ret_left)
{
	uint64_t bytes = slab_bytes(cache, order), mgmt = 0, nr;

	if (off_slab) {
		nr = bytes / cache->size;
	} else {
		nr = bytes <= struct_slab_bytes(cache->mem)
			     ? 0
			     : (bytes - struct_slab_bytes(cache->mem)) /
				       (cache->size + BUFCTL_BYTES);
		if (nr && align_up(mgmt_bytes(cache, (unsigned)nr), cache->align) +
					  nr * cache->size > bytes)
			nr--;
	}
	nr = nr < MAX_OBJS_PER_SLAB ? nr : MAX_OBJS_PER_SLAB;
	if (!off_slab)
		mgmt = align_up(mgmt_bytes(cache, (unsigned)nr), cache->align);
	*ret_left = bytes > nr * cache->size + mgmt ? bytes - nr * cache->size - mgmt : 0;
	return (unsigned)nr;
}

static void calculate_slab_order(struct kmem_cache *cache, bool off_slab, uint64_t *ret_left)
{
	const struct memory *mem = cache->mem;
	unsigned most_order = mem->totalram_pages << mem->geo->page_shift > LOW_ORDER_BYTES;
	unsigned off_limit = cache->size > struct_slab_bytes(mem)
				     ? (cache->size - struct_slab_bytes(mem)) / BUFCTL_BYTES
				     : 0;

	for (unsigned order = 0; order <= mem->geo->max_order; order++) {
		uint64_t left;
		unsigned nr = cache_estimate(cache, order, off_slab, &left);

		if (!nr)
			continue;
		if (off_slab && nr > off_limit && cache->objects)
			break;
		cache->objects = nr;
		cache->order = order;
		*ret_left = left;
		if (cache->flags & SLAB_RECLAIM_ACCOUNT || order >= most_order ||
		    left * 8 <= slab_bytes(cache, order))
			break;
	}
}

/* Limits of the arrays by size (enable_cpucache()). */
static void set_limits(const struct kmem_cache *cache, struct slab_cache *s)
{
	unsigned page = 1u << cache->mem->geo->page_shift;

	s->limit = cache->size > 131072 ? 1
		   : cache->size > page ? 8
		   : cache->size > 1024 ? 24
		   : cache->size > 256	? 54
					: 120;
	s->batchcount = (s->limit + 1) / 2;
	s->nr_shared = cache->size <= page && cache->mem->nr_cpus > 1 ? SHARED_BATCHES : 0;
}

static void slab_layout(struct kmem_cache *cache)
{
	struct slab_cache *s = xcalloc(1, sizeof(*s));
	uint64_t left = 0, mgmt;
	bool off_slab;

	cache->priv = s;
	cache->size = (unsigned)align_up(cache->object_size, cache->align);
	off_slab = cache->size >= (1u << cache->mem->geo->page_shift) >> 3;
	calculate_slab_order(cache, off_slab, &left);
	mgmt = align_up(mgmt_bytes(cache, cache->objects), cache->align);
	if (off_slab && left >= mgmt) {
		/* There is room on the slab after all. */
		off_slab = false;
		left -= mgmt;
	}
	s->mgmt_bytes = off_slab ? mgmt_bytes(cache, cache->objects) : (unsigned)mgmt;
	if (off_slab)
		s->mgmt_cache = kmalloc_cache(cache->mem, s->mgmt_bytes, GFP_KERNEL);
	/* The first generic caches have no smaller ones yet, and need none. */
	BUG_ON(off_slab && !s->mgmt_cache);
	s->colour_off = SLAB_CACHE_LINE > cache->align ? SLAB_CACHE_LINE : cache->align;
	s->colour = (unsigned)(left / s->colour_off);
	set_limits(cache, s);
}

static void array_init(struct array_cache *ac, unsigned limit, unsigned batchcount)
{
	*ac = (struct array_cache){.limit = limit, .batchcount = batchcount};
}

static void node_init(struct kmem_cache *cache, struct slab_node *n, unsigned nid)
{
	const struct slab_cache *s = cache->priv;
	const struct memory *mem = cache->mem;
	unsigned cpus = 0;

	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		cpus += mem->cpu_node[cpu] == nid;
	list_init(&n->partial);
	list_init(&n->full);
	list_init(&n->free);
	n->free_limit = (1 + cpus) * s->batchcount + cache->objects;
	array_init(&n->shared, s->nr_shared * s->batchcount, s->batchcount);
	if (mem->nr_nodes == 1)
		return;
	n->alien = xcalloc(mem->nr_nodes, sizeof(*n->alien));
	for (unsigned i = 0; i < mem->nr_nodes; i++)
		array_init(&n->alien[i], s->limit > 1 ? ALIEN_LIMIT : s->limit, 0);
}

static void slab_cache_create(struct kmem_cache *cache)
{
	struct slab_cache *s = cache->priv;

	s->cpus = xcalloc(cache->mem->nr_cpus, sizeof(*s->cpus));
	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		array_init(&s->cpus[cpu], s->limit, s->batchcount);
	s->nodes = xcalloc(cache->mem->nr_nodes, sizeof(*s->nodes));
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++)
		node_init(cache, &s->nodes[nid], nid);
}

static void slab_cache_destroy(struct kmem_cache *cache)
{
	struct slab_cache *s = cache->priv;

	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		free(s->cpus[cpu].entry);
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++) {
		struct slab_node *n = &s->nodes[nid];

		free(n->shared.entry);
		for (unsigned i = 0; n->alien && i < cache->mem->nr_nodes; i++)
			free(n->alien[i].entry);
		free(n->alien);
	}
	free(s->cpus);
	free(s->nodes);
	free(s);
}

/* --- arrays ----------------------------------------------------------------------------------- */

static struct slab *slab_of(const struct kmem_cache *cache, kaddr_t object)
{
	return kaddr_to_slab(cache->mem, object);
}

static inline void ac_put(struct array_cache *ac, kaddr_t object)
{
	if (unlikely(!ac->entry))
		ac->entry = xcalloc(ac->limit, sizeof(*ac->entry));
	ac->entry[ac->avail++] = object;
}

/* Moves up to `max` of the last objects of one array to another. */
static unsigned transfer_objects(struct array_cache *to, struct array_cache *from, unsigned max)
{
	unsigned nr = from->avail < max ? from->avail : max;

	nr = nr < to->limit - to->avail ? nr : to->limit - to->avail;
	for (unsigned i = 0; i < nr; i++)
		ac_put(to, from->entry[from->avail - nr + i]);
	from->avail -= nr;
	return nr;
}

/* The oldest `nr` leave an array. */
static void drop_oldest(struct array_cache *ac, unsigned nr)
{
	ac->avail -= nr;
	memmove(ac->entry, ac->entry + nr, ac->avail * sizeof(*ac->entry));
}

/* --- slabs of a node -------------------------------------------------------------------------- */

static struct slab_node *node_lock(struct kmem_cache *cache, unsigned nid)
{
	cache->list_locks++;
	return &((struct slab_cache *)cache->priv)->nodes[nid];
}

static void destroy_slab(struct kmem_cache *cache, struct slab *slab)
{
	const struct slab_cache *s = cache->priv;
	kaddr_t mgmt = slab->mgmt;

	slab_discard(slab);
	if (mgmt)
		kmem_cache_free(s->mgmt_cache, mgmt);
}

/* The last slab of the free list, which is the longest there. */
static void free_last_slab(struct kmem_cache *cache, struct slab_node *n)
{
	struct slab *slab = list_last_entry(&n->free, struct slab, list);

	n->nr_free_slabs--;
	n->free_objects -= slab->objects;
	destroy_slab(cache, slab);
}

/* Up to `most` slabs of the free list go; returns the pages. */
static uint64_t drain_freelist(struct kmem_cache *cache, struct slab_node *n, uint64_t most)
{
	uint64_t pages = 0;

	for (; most && n->nr_free_slabs; most--) {
		pages += 1ull << list_last_entry(&n->free, struct slab, list)->order;
		free_last_slab(cache, n);
	}
	return pages;
}

/* Objects of arrays go back to their slabs; all of one node. */
static void free_block(struct kmem_cache *cache, const kaddr_t *objects, unsigned nr, unsigned nid)
{
	struct slab_node *n = &((struct slab_cache *)cache->priv)->nodes[nid];

	for (unsigned i = 0; i < nr; i++) {
		struct slab *slab = slab_of(cache, objects[i]);

		VM_BUG_ON(slab->nid != nid);
		slab_put_free(slab, slab_index(slab, objects[i]));
		n->free_objects++;
		list_del(&slab->list);
		if (slab->inuse) {
			list_add_tail(&slab->list, &n->partial);
			slab->where = SLAB_ON_PARTIAL;
			continue;
		}
		list_add(&slab->list, &n->free);
		slab->where = SLAB_ON_FREE;
		n->nr_free_slabs++;
	}
	while (n->free_objects > n->free_limit && n->nr_free_slabs)
		free_last_slab(cache, n);
}

/* A fresh slab of the node that the pages come from. False: no memory. */
static bool cache_grow(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	const struct slab_cache *s = cache->priv;
	gfp_t flags = gfp & GFP_SLAB_MASK;
	unsigned s_mem = s->mgmt_cache ? 0 : s->mgmt_bytes;
	pfn_t pfn = alloc_pages(cache->mem, flags | cache->allocflags, cache->order, nid);
	struct slab_node *n;
	struct slab *slab;
	kaddr_t mgmt = 0;

	if (pfn == PFN_NONE)
		return false;
	if (s->mgmt_cache) {
		mgmt = slab_alloc_object(s->mgmt_cache, flags,
					 (int)pfn_to_node(cache->mem, pfn)->node_id,
					 s->mgmt_bytes);
		if (!mgmt) {
			put_page(cache->mem, pfn);
			return false;
		}
	}
	n = node_lock(cache, pfn_to_node(cache->mem, pfn)->node_id);
	s_mem += n->colour_next * s->colour_off;
	n->colour_next = n->colour_next + 1 >= s->colour ? 0 : n->colour_next + 1;
	slab = slab_init(cache, pfn, cache->order, s_mem);
	slab->mgmt = mgmt;
	slab->inuse = 0;
	slab_move(slab, &n->free, SLAB_ON_FREE);
	n->nr_free_slabs++;
	n->free_objects += slab->objects;
	return true;
}

/* A slab with free places: partial ones first. NULL: there is none. */
static struct slab *first_slab(struct slab_node *n)
{
	if (!list_empty(&n->partial))
		return list_first_entry(&n->partial, struct slab, list);
	n->free_touched = true;
	return n->nr_free_slabs ? list_first_entry(&n->free, struct slab, list) : NULL;
}

static kaddr_t take_object(struct slab_node *n, struct slab *slab)
{
	unsigned index = slab_take_free(slab);

	n->nr_free_slabs -= slab->where == SLAB_ON_FREE;
	slab->where = SLAB_ON_NONE;
	n->free_objects--;
	slab->next[index] = SLAB_OBJ_CACHED;
	return slab_object(slab, index);
}

/* After objects were taken the slab goes where it belongs now. */
static void fixup_list(struct slab_node *n, struct slab *slab)
{
	if (slab->free == SLAB_END)
		slab_move(slab, &n->full, SLAB_ON_FULL);
	else
		slab_move(slab, &n->partial, SLAB_ON_PARTIAL);
}

/* --- allocation ------------------------------------------------------------------------------- */

static void take_batch(struct kmem_cache *cache, struct array_cache *ac, unsigned batch)
{
	struct slab_node *n = node_lock(cache, this_node(cache->mem));

	if (n->shared.avail && transfer_objects(ac, &n->shared, batch)) {
		n->shared.touched = true;
		return;
	}
	while (batch) {
		struct slab *slab = first_slab(n);

		if (!slab)
			return;
		for (; batch && slab->free != SLAB_END; batch--)
			ac_put(ac, take_object(n, slab));
		fixup_list(n, slab);
	}
}

/* An array that has not been used lately is filled a little only. */
static unsigned refill_batch(const struct array_cache *ac)
{
	return !ac->touched && ac->batchcount > BATCHREFILL_LIMIT ? BATCHREFILL_LIMIT
								  : ac->batchcount;
}

/* On machines of several nodes a slab is first looked for on the wanted one, without effort. */
static gfp_t local_gfp(const struct kmem_cache *cache, gfp_t gfp)
{
	if (cache->mem->nr_nodes == 1)
		return gfp;
	return (gfp & ~(__GFP_RECLAIM | __GFP_NOFAIL)) | __GFP_THISNODE | __GFP_NOWARN |
	       __GFP_NORETRY;
}

static bool cache_alloc_refill(struct kmem_cache *cache, struct array_cache *ac, gfp_t gfp)
{
	take_batch(cache, ac, refill_batch(ac));
	if (!ac->avail) {
		if (!cache_grow(cache, local_gfp(cache, gfp), (int)this_node(cache->mem)) &&
		    !ac->avail)
			return false;
		if (!ac->avail)
			take_batch(cache, ac, refill_batch(ac));
	}
	ac->touched = true;
	return ac->avail > 0;
}

/* One object of a certain node, past all arrays (____cache_alloc_node()). 0: none to be had. */
static kaddr_t alloc_on_node(struct kmem_cache *cache, gfp_t gfp, unsigned nid)
{
	struct slab_node *n = node_lock(cache, nid);
	struct slab *slab = first_slab(n);
	kaddr_t object;

	if (!slab && cache_grow(cache, local_gfp(cache, gfp), (int)nid))
		slab = first_slab(n);
	if (!slab)
		return 0;
	object = take_object(n, slab);
	fixup_list(n, slab);
	return object;
}

/* Whatever node has free objects, then pages from anywhere with all that gfp permits. */
static kaddr_t fallback_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	const struct memory *mem = cache->mem;
	struct slab_cache *s = cache->priv;

	for (const struct zoneref *z = mem->nodes[this_node(mem)]->zonelist; z->zone; z++) {
		unsigned nid = z->zone->zone_pgdat->node_id;

		if (s->nodes[nid].free_objects)
			return alloc_on_node(cache, gfp, nid);
	}
	if (!cache_grow(cache, gfp, NUMA_NO_NODE))
		return 0;
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		if (s->nodes[nid].free_objects)
			return alloc_on_node(cache, gfp, nid);
	return 0;
}

static kaddr_t hand_out(const struct kmem_cache *cache, kaddr_t object)
{
	struct slab *slab = slab_of(cache, object);

	VM_BUG_ON(slab->next[slab_index(slab, object)] != SLAB_OBJ_CACHED);
	slab->next[slab_index(slab, object)] = SLAB_OBJ_USED;
	return object;
}

static kaddr_t slab_cache_alloc(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	const struct slab_cache *s = cache->priv;
	struct array_cache *ac = &s->cpus[cache->mem->cpu];
	kaddr_t object = 0;

	if (unlikely(nid != NUMA_NO_NODE && (unsigned)nid != this_node(cache->mem))) {
		if (cache->mem->nodes[nid]->has_memory)
			object = alloc_on_node(cache, gfp, (unsigned)nid);
		if (!object && !(gfp & __GFP_THISNODE))
			object = fallback_alloc(cache, gfp);
		return object ? hand_out(cache, object) : 0;
	}
	if (likely(ac->avail)) {
		cache->cpu_hits++;
		ac->touched = true;
	} else if (!cache_alloc_refill(cache, ac, gfp)) {
		if (cache->mem->nr_nodes > 1 && !(gfp & __GFP_THISNODE))
			object = fallback_alloc(cache, gfp);
		return object ? hand_out(cache, object) : 0;
	}
	return hand_out(cache, ac->entry[--ac->avail]);
}

/* --- freeing ---------------------------------------------------------------------------------- */

/* Half of a full array goes to the node: to its shared array, or to the slabs. */
static void cache_flusharray(struct kmem_cache *cache, struct array_cache *ac)
{
	unsigned nid = this_node(cache->mem), nr = ac->batchcount;
	struct slab_node *n = node_lock(cache, nid);
	unsigned room = n->shared.limit - n->shared.avail;

	if (room) {
		nr = nr < room ? nr : room;
		for (unsigned i = 0; i < nr; i++)
			ac_put(&n->shared, ac->entry[i]);
	} else {
		free_block(cache, ac->entry, nr, nid);
	}
	drop_oldest(ac, nr);
}

static void drain_alien(struct kmem_cache *cache, struct array_cache *alien, unsigned nid)
{
	struct slab_node *n;

	if (!alien->avail)
		return;
	n = node_lock(cache, nid);
	(void)transfer_objects(&n->shared, alien, alien->limit);
	free_block(cache, alien->entry, alien->avail, nid);
	alien->avail = 0;
}

static void slab_cache_free(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	const struct slab_cache *s = cache->priv;
	unsigned here = this_node(cache->mem);
	kaddr_t object = slab_object(slab, index);
	struct array_cache *ac;

	slab->next[index] = SLAB_OBJ_CACHED;
	if (unlikely(slab->nid != here)) {
		ac = &s->nodes[here].alien[slab->nid];
		if (ac->avail == ac->limit)
			drain_alien(cache, ac, slab->nid);
		ac_put(ac, object);
		return;
	}
	ac = &s->cpus[cache->mem->cpu];
	if (likely(ac->avail < ac->limit))
		cache->cpu_frees++;
	else
		cache_flusharray(cache, ac);
	ac_put(ac, object);
}

/* --- reaping ---------------------------------------------------------------------------------- */

/* A fifth of an array that was not touched, at most half; all of it by force. */
static void drain_array(struct kmem_cache *cache, struct array_cache *ac, unsigned nid, bool force)
{
	unsigned nr;

	if (!ac->avail)
		return;
	if (ac->touched && !force) {
		ac->touched = false;
		return;
	}
	cache->list_locks++;
	nr = force ? ac->avail : (ac->limit + 4) / 5;
	if (nr > ac->avail)
		nr = (ac->avail + 1) / 2;
	free_block(cache, ac->entry, nr, nid);
	drop_oldest(ac, nr);
}

static unsigned mem_node_of_cpu(const struct memory *mem, unsigned cpu)
{
	const struct pglist_data *pgdat = mem->nodes[mem->cpu_node[cpu]];

	return pgdat->has_memory ? pgdat->node_id : pgdat->zonelist->zone->zone_pgdat->node_id;
}

static void drain_aliens(struct kmem_cache *cache)
{
	const struct slab_cache *s = cache->priv;

	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++)
		for (unsigned of = 0; s->nodes[nid].alien && of < cache->mem->nr_nodes; of++)
			drain_alien(cache, &s->nodes[nid].alien[of], of);
}

static void reap_node(struct kmem_cache *cache, unsigned nid)
{
	const struct slab_cache *s = cache->priv;
	struct slab_node *n = &s->nodes[nid];

	if (n->next_reap_ns > cache->mem->now_ns)
		return;
	n->next_reap_ns = cache->mem->now_ns + REAP_NODE_NS;
	drain_array(cache, &n->shared, nid, false);
	if (n->free_touched)
		n->free_touched = false;
	else
		(void)drain_freelist(cache, n, (n->free_limit + 5 * cache->objects - 1) /
						       (5 * cache->objects));
}

static void slab_cache_reap(struct kmem_cache *cache)
{
	const struct slab_cache *s = cache->priv;

	drain_aliens(cache);
	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		drain_array(cache, &s->cpus[cpu], mem_node_of_cpu(cache->mem, cpu), false);
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++)
		reap_node(cache, nid);
}

static uint64_t slab_cache_shrink(struct kmem_cache *cache)
{
	const struct slab_cache *s = cache->priv;
	uint64_t pages = cache->nr_pages;

	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		drain_array(cache, &s->cpus[cpu], mem_node_of_cpu(cache->mem, cpu), true);
	drain_aliens(cache);
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++) {
		drain_array(cache, &s->nodes[nid].shared, nid, true);
		(void)drain_freelist(cache, &s->nodes[nid], UINT64_MAX);
	}
	return pages - cache->nr_pages;
}

/* The CPU's own arrays stay, as they did. */
static uint64_t slab_cache_reclaim(struct kmem_cache *cache, int nid)
{
	const struct slab_cache *s = cache->priv;
	uint64_t pages = 0;

	for (unsigned n = 0; n < cache->mem->nr_nodes; n++)
		if ((nid == NUMA_NO_NODE || (unsigned)nid == n) && s->nodes[n].nr_free_slabs) {
			cache->list_locks++;
			pages += drain_freelist(cache, &s->nodes[n], UINT64_MAX);
		}
	return pages;
}

/* --- figures and checks ----------------------------------------------------------------------- */

static void slab_cache_stats(const struct kmem_cache *cache, struct kmem_cache_stats *ret)
{
	const struct slab_cache *s = cache->priv;
	const struct list_head *pos;

	ret->limit = s->limit;
	ret->batchcount = s->batchcount;
	ret->shared = s->nr_shared;
	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		ret->slabinfo_active_objs += slab->inuse;
		ret->node_partial += slab->where == SLAB_ON_PARTIAL;
		ret->node_full += slab->where == SLAB_ON_FULL;
		ret->node_empty += slab->where == SLAB_ON_FREE;
	}
	ret->active_slabs = ret->num_slabs - ret->node_empty;
	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		ret->cpu_objs += s->cpus[cpu].avail;
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++)
		ret->sharedavail += s->nodes[nid].shared.avail;
}

/* Objects of an array that really are free, PFN of the right node. */
static bool check_array(const struct kmem_cache *cache, const struct array_cache *ac, unsigned nid,
			uint64_t *cached)
{
	for (unsigned i = 0; i < ac->avail; i++) {
		const struct slab *slab = slab_of(cache, ac->entry[i]);

		if (!slab || slab->cache != cache || slab->nid != nid ||
		    slab->next[slab_index(slab, ac->entry[i])] != SLAB_OBJ_CACHED)
			return false;
	}
	*cached += ac->avail;
	return ac->avail <= ac->limit;
}

static bool check_arrays(const struct kmem_cache *cache, uint64_t *cached)
{
	const struct slab_cache *s = cache->priv;
	bool ok = true;

	for (unsigned cpu = 0; cpu < cache->mem->nr_cpus; cpu++)
		ok &= check_array(cache, &s->cpus[cpu], mem_node_of_cpu(cache->mem, cpu), cached);
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++) {
		const struct slab_node *n = &s->nodes[nid];

		ok &= check_array(cache, &n->shared, nid, cached);
		for (unsigned of = 0; n->alien && of < cache->mem->nr_nodes; of++)
			ok &= check_array(cache, &n->alien[of], of, cached);
	}
	return ok;
}

static bool slab_cache_consistent(const struct kmem_cache *cache, struct strbuf *why)
{
	const struct slab_cache *s = cache->priv;
	uint64_t cached = 0, in_use = 0, free_objects = 0, free_slabs = 0, counted = 0;
	const struct list_head *pos;
	bool ok = check_arrays(cache, &cached);

	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);
		enum slab_where want = !slab->inuse		? SLAB_ON_FREE
				       : slab->free == SLAB_END ? SLAB_ON_FULL
								: SLAB_ON_PARTIAL;

		ok &= slab->where == want;
		in_use += slab->inuse;
		free_objects += (uint64_t)slab->objects - slab->inuse;
		free_slabs += slab->where == SLAB_ON_FREE;
		ok &= !slab->mgmt == !s->mgmt_cache;
	}
	for (unsigned nid = 0; nid < cache->mem->nr_nodes; nid++) {
		counted += s->nodes[nid].free_objects;
		free_slabs -= s->nodes[nid].nr_free_slabs;
	}
	ok &= in_use == cached + cache->allocs - cache->frees && counted == free_objects &&
	      !free_slabs;
	if (!ok && why)
		strbuf_addf(why, "cache %s: %" PRIu64 " in use, %" PRIu64 " in arrays, %" PRIu64
			    " free: lists of slab contradict that\n",
			    cache->name, in_use, cached, free_objects);
	return ok;
}

const struct slab_policy slab_policy = {
	.name = "slab",
	.reap_period_ns = REAP_CPU_NS,
	.layout = slab_layout,
	.create = slab_cache_create,
	.destroy = slab_cache_destroy,
	.alloc = slab_cache_alloc,
	.free = slab_cache_free,
	.shrink = slab_cache_shrink,
	.reap = slab_cache_reap,
	.reclaim = slab_cache_reclaim,
	.stats = slab_cache_stats,
	.consistent = slab_cache_consistent,
};
