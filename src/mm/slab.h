/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Caches of kernel objects. Kernel counterpart: mm/slab_common.c, mm/slub.c of 6.18; mm/slab.c,
 * which 6.8 removed, in the shape that textbooks describe (2.6.24 to 3.9).
 *
 * An object is an address of the simulated kernel (kaddr_t, in the direct map); nothing is ever
 * stored at it. A slab is 2^order pages that a cache has cut into objects; the host keeps a
 * struct slab for it, which page->index of the head page leads to (PG_SLAB).
 *
 *	struct slab_system	all caches of one struct memory, and the policy that works them
 *	struct kmem_cache	objects of one size
 *	struct slab_policy	how: slub, slab, null (slab.policy); a row of slab_policies[]
 *
 * Which names share a cache (slab.merge), what per-CPU and per-node lists there are, and where
 * empty slabs go is the policy's business: slab-slub.c, slab-slab.c and slab-null.c say at their
 * heads what they model.
 *
 * Left out: sheaves (6.18 has them for a few caches), randomised and hardened free lists,
 * debugging, KFENCE, the vectors that say which cgroup an object is charged to, the caches' own structs (kmem_cache, kmem_cache_node:
 * part of memory.boot_reserved).
 *
 * Interface:
 *   - kmem_cache_create() ... kmem_cache_free(), kmalloc_node() ... kfree(): as the kernel's
 *   - model_object_alloc()/model_object_free(): the kernel structs that the model itself makes
 *     (mm_struct, vm_area_struct ...); they do nothing with slab.model_objects=off
 *   - list_for_each over mem->slab->caches, kmem_cache_stats(): for the report and /proc/slabinfo
 *   - kmem_cache_shrink(), slab_reap_periodic(), slab_reap_pressure(): give empty slabs back
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "mm/kaddr.h"

/* flags of a cache; the kernel's names */
#define SLAB_HWCACHE_ALIGN	(1u << 0)	/* objects start at cache lines */
#define SLAB_CACHE_DMA		(1u << 1)	/* pages from zone DMA */
#define SLAB_CACHE_DMA32	(1u << 2)
#define SLAB_RECLAIM_ACCOUNT	(1u << 3)	/* objects that a shrinker can free */
#define SLAB_TYPESAFE_BY_RCU	(1u << 4)	/* the free pointer lies behind the object */
#define SLAB_ACCOUNT		(1u << 5)	/* charged to the memory cgroup */
#define SLAB_PANIC		(1u << 6)	/* without meaning here */
#define SLAB_NO_MERGE		(1u << 7)
#define SLAB_FREEPTR_INSIDE	(1u << 8)	/* kmem_cache_args.use_freeptr_offset: nothing is added */
#define SLAB_KMALLOC		(1u << 9)	/* one of the generic caches */

#define KMEM_CACHE_NAME_MAX	32

struct kmem_cache;
struct slab_policy;

/* A constructor sees every object of a new slab once. */
typedef void kmem_cache_ctor(struct kmem_cache *cache, kaddr_t object);

/* Values of slab.policy */
enum slab_policy_id { SLAB_POLICY_SLUB, SLAB_POLICY_SLAB, SLAB_POLICY_NULL };

/* All figures of one cache. Objects are those of the users: what lies in a per-CPU list is free. */
struct kmem_cache_stats {
	uint64_t active_objs;		/* handed out */
	uint64_t num_objs;		/* places in all slabs */
	uint64_t slabinfo_active_objs;	/* <active_objs> of /proc/slabinfo, which counts some cached ones */
	uint64_t active_slabs, num_slabs; /* as /proc/slabinfo: with anything handed out or cached; all */
	uint64_t num_pages;
	uint64_t allocs, frees, failed;
	uint64_t cpu_hits, cpu_frees;	/* of these: in the CPU's own list, no lock taken */
	uint64_t list_locks;		/* times that a node's list lock was taken */
	uint64_t slabs_created, slabs_destroyed;
	uint64_t order_fallbacks;	/* slabs of the least order for want of a larger block */
	uint64_t ctor_runs;		/* objects constructed with a new slab */
	uint64_t reinits;		/* objects that came back constructed */
	uint64_t requested_bytes;	/* of the objects handed out: what callers asked for */
	uint64_t tail_waste_bytes;	/* in slabs, behind the last object and for management */
	uint64_t cpu_objs;		/* free objects in per-CPU lists and slabs */
	uint64_t node_partial, node_empty, node_full; /* slabs on the lists of nodes */
	uint32_t object_size;		/* bytes as created */
	uint32_t size;			/* bytes from one object to the next: objsize of /proc/slabinfo */
	uint32_t objperslab, pagesperslab;
	uint32_t limit, batchcount, shared;	/* tunables of /proc/slabinfo, 0 for slub */
	uint64_t sharedavail;		/* <sharedavail> of it */
	uint32_t aliases;		/* other names that share it */
};

/*
 * A cache; with slab.merge it may be one that exists already. `name` is copied, cut after 31
 * characters. size: bytes, 1 to kmem_cache_size_max(). align: bytes, a power of two or 0 for a
 * word. ctor may be NULL. Never NULL.
 */
struct kmem_cache *kmem_cache_create(struct memory *mem, const char *name, unsigned size,
				     unsigned align, unsigned flags, kmem_cache_ctor *ctor);
/* Bytes of the largest object that a slab of this machine can hold. */
unsigned kmem_cache_size_max(const struct memory *mem);
/* No object may be out. With aliases it only loses one. */
void kmem_cache_destroy(struct kmem_cache *cache);
const char *kmem_cache_name(const struct kmem_cache *cache);
struct memory *kmem_cache_memory(const struct kmem_cache *cache);

/* 0: no memory. nid: NUMA_NO_NODE (-1) for the CPU's. May reclaim as gfp permits. */
kaddr_t kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t gfp, int nid);
kaddr_t kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
/* Of the same cache (or of an alias); 0 is nothing. */
void kmem_cache_free(struct kmem_cache *cache, kaddr_t object);
/* Frees what is empty; bytes are pages * page size. Returns pages. */
uint64_t kmem_cache_shrink(struct kmem_cache *cache);
void kmem_cache_stats(const struct kmem_cache *cache, struct kmem_cache_stats *ret);

/*
 * From the generic caches, beyond the largest of them straight from the page allocator. 0: no
 * memory, or size 0.
 */
kaddr_t kmalloc_node(struct memory *mem, uint64_t size, gfp_t gfp, int nid);
kaddr_t kmalloc(struct memory *mem, uint64_t size, gfp_t gfp);
/* Also for objects of dedicated caches, as since 6.4; 0 is nothing. */
void kfree(struct memory *mem, kaddr_t object);
/* Bytes that the object really has. */
uint64_t ksize(const struct memory *mem, kaddr_t object);
/* The generic cache that kmalloc would take; NULL: pages. */
struct kmem_cache *kmalloc_cache(const struct memory *mem, uint64_t size, gfp_t gfp);

/* The generic caches come in kinds; slab and null know NORMAL and DMA alone. */
enum kmalloc_kind {
	KMALLOC_NORMAL, KMALLOC_RECLAIM, KMALLOC_DMA, KMALLOC_CGROUP, NR_KMALLOC_KINDS
};
#define NR_KMALLOC_CLASSES 20	/* log2 of the size; 1 and 2 are 96 and 192, as the kernel's index */

/* Everything of one struct memory. Open for iteration: caches in order of creation. */
struct slab_system {
	struct memory *mem;
	const struct slab_policy *policy;
	struct list_head caches;	/* struct kmem_cache through its first member */
	unsigned nr_caches;
	struct kmem_cache *kmalloc[NR_KMALLOC_KINDS][NR_KMALLOC_CLASSES]; /* NULL: no such class */
	uint64_t large_allocs, large_frees;	/* kmalloc by pages */
	uint64_t large_pages, large_requested_bytes; /* of those handed out */
};

#define for_each_kmem_cache(cache, mem) \
	for (struct kmem_cache *cache = kmem_cache_first(mem); cache; cache = kmem_cache_next(cache))
struct kmem_cache *kmem_cache_first(const struct memory *mem);
struct kmem_cache *kmem_cache_next(const struct kmem_cache *cache);

/* Called by memory_create() and memory_destroy(). */
void slab_create(struct memory *mem);
void slab_destroy(struct memory *mem);
/* The policy's name: "slub", "slab", "null". */
const char *slab_policy_name(const struct memory *mem);
/* How often periodic reaping is due, nanoseconds; 0: this policy has none. */
uint64_t slab_reap_period_ns(const struct memory *mem);
void slab_reap_periodic(struct memory *mem);
/*
 * What the policy gives back when memory is short: pages freed. slab frees its empty slabs; slub
 * has nothing of the kind, its users' shrinkers must free objects. nid: a node or -1.
 */
uint64_t slab_reap_pressure(struct memory *mem, int nid);
/*
 * MIGRATE_RECLAIMABLE or MIGRATE_UNMOVABLE: what the slab that holds this frame (PG_SLAB) was
 * allocated as.
 */
enum migratetype slab_page_mobility(const struct memory *mem, pfn_t pfn);
/* Calls fn for each object that is charged to a memory cgroup: the id of that, and the bytes it pays. */
void slab_for_each_charged(const struct memory *mem, void (*fn)(void *ctx, unsigned id, uint64_t bytes), void *ctx);
/* Lists and counts against each other and against struct page. */
bool slab_consistent(const struct memory *mem, struct strbuf *why);

/*
 * The kernel objects behind the model's own structs. *ret is 0 with slab.model_objects=off.
 * False: no memory, and *ret is 0.
 */
bool model_object_alloc(struct memory *mem, enum model_cache id, gfp_t gfp, uint64_t *ret);
/* 0 is nothing; *object becomes 0. */
void model_object_free(struct memory *mem, enum model_cache id, uint64_t *object);

#endif
