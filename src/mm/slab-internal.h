/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the files of slab share: one slab, one cache, and what a policy does with them.
 *
 * Every place of a slab has one entry in slab->next[]:
 *	SLAB_OBJ_USED	handed out
 *	SLAB_OBJ_CACHED	free, in an array of a CPU or node (policy slab); the slab counts it as in use
 *	otherwise	free, on a chain: the next free place, or SLAB_END
 * so that a double free is seen at once.
 */
#ifndef MM_SLAB_INTERNAL_H
#define MM_SLAB_INTERNAL_H

#include "base/bug.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define SLAB_END	0xffffu
#define SLAB_OBJ_USED	0xfffeu
#define SLAB_OBJ_CACHED	0xfffdu
#define MAX_OBJS_PER_SLAB 32767u

/*
 * What a slab may take of the caller's gfp; the rest is the cache's (GFP_RECLAIM_MASK |
 * GFP_CONSTRAINT_MASK).
 */
#define GFP_SLAB_MASK \
	(__GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | \
	 __GFP_NOFAIL | __GFP_NORETRY | __GFP_MEMALLOC | __GFP_NOMEMALLOC | __GFP_HARDWALL | \
	 __GFP_THISNODE)

/* Which list a slab is on. */
enum slab_where {
	SLAB_ON_NONE,		/* slub: full */
	SLAB_ON_CPU,		/* slub: a CPU allocates from it (frozen) */
	SLAB_ON_CPU_PARTIAL,	/* slub: in a CPU's store of partial slabs */
	SLAB_ON_PARTIAL, SLAB_ON_FULL, SLAB_ON_FREE	/* lists of the node */
};

/*
 * One slab. inuse: objects - those on the chain `free`; what a CPU has taken off that chain to
 * hand it out (slub: cpu->freelist) counts as in use.
 */
struct slab {
	struct kmem_cache *cache;
	struct list_head list;		/* of the node, or of the CPU's partial slabs */
	struct list_head all;		/* in cache->slabs */
	kaddr_t base;			/* of the first object */
	pfn_t pfn;
	uint32_t s_mem;			/* bytes from the slab's start to the first object */
	uint16_t objects, inuse;
	uint16_t free;			/* first of the chain, SLAB_END: none */
	uint16_t nid;
	uint8_t order, where;		/* where: enum slab_where */
	kaddr_t mgmt;			/* policy slab: off-slab management, 0 none */
	uint32_t *requested;		/* kmalloc caches: bytes asked for, by object; or NULL */
	uint16_t *objcg;		/* memory cgroup that an object is charged to, 0 none; NULL: none is */
	uint16_t next[];
};

/* One cache. `list` must stay the first member (slab.h iterates over it). */
struct kmem_cache {
	struct list_head list;		/* in slab_system.caches */
	struct memory *mem;
	const struct slab_policy *policy;
	void *priv;			/* the policy's */
	char name[KMEM_CACHE_NAME_MAX];
	unsigned object_size, size, align, flags;
	unsigned order, objects;	/* of a usual slab */
	unsigned refcount;		/* names that share it */
	gfp_t allocflags;
	kmem_cache_ctor *ctor;
	struct objpool pool;		/* struct slab */
	struct list_head slabs;		/* all of them */
	uint64_t nr_slabs, nr_pages, nr_objs;
	uint64_t tail_waste_bytes;
	uint64_t allocs, frees, failed, cpu_hits, cpu_frees, list_locks;
	uint64_t slabs_created, slabs_destroyed, order_fallbacks, ctor_runs, reinits;
	uint64_t requested_bytes;	/* kmalloc caches only */
};

/* One way to work caches. */
struct slab_policy {
	const char *name;
	const char *kmalloc_name;	/* "kmalloc" or "size" */
	bool may_merge;
	uint64_t reap_period_ns;	/* 0: no periodic reaping */
	/* Sets size, order and objects from object_size, align and flags. */
	void (*layout)(struct kmem_cache *cache);
	/* Before the first and after the last object. */
	void (*create)(struct kmem_cache *cache);
	void (*destroy)(struct kmem_cache *cache);
	kaddr_t (*alloc)(struct kmem_cache *cache, gfp_t gfp, int nid);
	void (*free)(struct kmem_cache *cache, struct slab *slab, unsigned index);
	/* Gives back all that is empty; pages freed. */
	uint64_t (*shrink)(struct kmem_cache *cache);
	/* NULL: nothing is done periodically, or under pressure. nid -1: all nodes. */
	void (*reap)(struct kmem_cache *cache);
	uint64_t (*reclaim)(struct kmem_cache *cache, int nid);
	void (*stats)(const struct kmem_cache *cache, struct kmem_cache_stats *ret);
	/* Free objects by the policy's own lists, and whether those hold together. */
	bool (*consistent)(const struct kmem_cache *cache, struct strbuf *why);
};

extern const struct slab_policy slub_policy, slab_policy, slab_null_policy;

/* --- slab.c, for policies --------------------------------------------------------------------- */

/* A slab of 2^order pages, all objects free and chained in order of address. NULL: no memory. */
struct slab *slab_new(struct kmem_cache *cache, gfp_t gfp, unsigned order, int nid);
/*
 * The same from pages in hand; s_mem: bytes before the first object, for management and colour.
 */
struct slab *slab_init(struct kmem_cache *cache, pfn_t pfn, unsigned order, unsigned s_mem);
void slab_discard(struct slab *slab);
/* As kmem_cache_alloc_node(). requested: bytes that the caller really wants, for kmalloc caches. */
kaddr_t slab_alloc_object(struct kmem_cache *cache, gfp_t gfp, int nid, uint32_t requested);
struct slab *kaddr_to_slab(const struct memory *mem, kaddr_t object);

/* Order of the smallest block that holds so many bytes. */
unsigned slab_get_order(const struct memory *mem, uint64_t bytes);
/* Alignment by the flags: SLAB_HWCACHE_ALIGN, at least a word (calculate_alignment). */
unsigned slab_alignment(const struct kmem_cache *cache);
unsigned slab_word(const struct memory *mem);

/* --- slab-kmalloc.c, slab-model.c ------------------------------------------------------------- */

void kmalloc_create(struct memory *mem);
void model_caches_create(struct memory *mem);

#define SLAB_CACHE_LINE 64u	/* of every machine that the model knows */

static inline uint64_t slab_bytes(const struct kmem_cache *cache, unsigned order)
{
	return 1ull << (cache->mem->geo->page_shift + order);
}

/* The CPU's node, or the nearest with memory (numa_mem_id()). */
static inline unsigned this_node(const struct memory *mem)
{
	const struct pglist_data *pgdat = mem->nodes[mem->cpu_node[mem->cpu]];

	return likely(pgdat->has_memory) ? pgdat->node_id
					 : pgdat->zonelist->zone->zone_pgdat->node_id;
}

static inline kaddr_t slab_object(const struct slab *slab, unsigned index)
{
	return slab->base + (uint64_t)index * slab->cache->size;
}

static inline unsigned slab_index(const struct slab *slab, kaddr_t object)
{
	return (unsigned)((uint32_t)(object - slab->base) / slab->cache->size);
}

/* Pushes a place onto the slab's own chain. */
static inline void slab_put_free(struct slab *slab, unsigned index)
{
	slab->next[index] = slab->free;
	slab->free = (uint16_t)index;
	slab->inuse--;
}

/* Takes the first place off it. */
static inline unsigned slab_take_free(struct slab *slab)
{
	unsigned index = slab->free;

	VM_BUG_ON(index == SLAB_END);
	slab->free = slab->next[index];
	slab->inuse++;
	return index;
}

static inline void slab_move(struct slab *slab, struct list_head *to, enum slab_where where)
{
	list_del(&slab->list);
	list_add(&slab->list, to);
	slab->where = (uint8_t)where;
}

#endif
