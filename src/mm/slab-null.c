/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The policy null: the least that is right. Kernel counterpart: none.
 *
 * Slabs of the smallest order that holds an object, one list of partial slabs a node, an empty slab
 * is freed at once, every operation takes the node's lock. What the other policies' CPU lists,
 * larger orders and hoards cost and save shows against it.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "mm/slab-internal.h"

static void null_layout(struct kmem_cache *cache)
{
	cache->size = (unsigned)align_up(cache->object_size, cache->align);
	cache->order = slab_get_order(cache->mem, cache->size);
	cache->objects = (unsigned)(slab_bytes(cache, cache->order) / cache->size);
	if (cache->objects > MAX_OBJS_PER_SLAB)
		cache->objects = MAX_OBJS_PER_SLAB;
}

static void null_create(struct kmem_cache *cache)
{
	struct list_head *partial = xcalloc(cache->mem->nr_nodes, sizeof(*partial));

	for (unsigned n = 0; n < cache->mem->nr_nodes; n++)
		list_init(&partial[n]);
	cache->priv = partial;
}

static void null_destroy(struct kmem_cache *cache)
{
	free(cache->priv);
}

static kaddr_t null_alloc(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	struct list_head *partial = cache->priv;
	unsigned node = nid == NUMA_NO_NODE ? this_node(cache->mem) : (unsigned)nid, index;
	struct slab *slab;

	cache->list_locks++;
	if (!list_empty(&partial[node])) {
		slab = list_first_entry(&partial[node], struct slab, list);
	} else {
		slab = slab_new(cache, gfp & GFP_SLAB_MASK, cache->order, nid);
		if (!slab)
			return 0;
		slab_move(slab, &partial[slab->nid], SLAB_ON_PARTIAL);
	}
	index = slab_take_free(slab);
	slab->next[index] = SLAB_OBJ_USED;
	if (slab->free == SLAB_END) {
		list_del(&slab->list);
		list_init(&slab->list);
		slab->where = SLAB_ON_NONE;
	}
	return slab_object(slab, index);
}

static void null_free(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	struct list_head *partial = cache->priv;

	cache->list_locks++;
	if (slab->where == SLAB_ON_NONE)
		slab_move(slab, &partial[slab->nid], SLAB_ON_PARTIAL);
	slab_put_free(slab, index);
	if (!slab->inuse)
		slab_discard(slab);
}

static uint64_t null_shrink(struct kmem_cache *cache)
{
	(void)cache;	/* nothing is ever empty */
	return 0;
}

static void null_stats(const struct kmem_cache *cache, struct kmem_cache_stats *ret)
{
	const struct list_head *pos;

	ret->active_slabs = ret->num_slabs;
	ret->slabinfo_active_objs = ret->active_objs;
	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		ret->node_partial += slab->where == SLAB_ON_PARTIAL;
		ret->node_full += slab->where == SLAB_ON_NONE;
	}
}

static bool null_consistent(const struct kmem_cache *cache, struct strbuf *why)
{
	const struct list_head *pos;
	uint64_t in_use = 0;
	bool ok = true;

	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		in_use += slab->inuse;
		ok &= slab->inuse > 0 &&
		      (slab->where == SLAB_ON_PARTIAL) == (slab->free != SLAB_END);
	}
	ok &= in_use == cache->allocs - cache->frees;
	if (!ok && why)
		strbuf_addf(why, "cache %s: slabs in the wrong place\n", cache->name);
	return ok;
}

const struct slab_policy slab_null_policy = {
	.name = "null",
	.layout = null_layout,
	.create = null_create,
	.destroy = null_destroy,
	.alloc = null_alloc,
	.free = null_free,
	.shrink = null_shrink,
	.stats = null_stats,
	.consistent = null_consistent,
};
