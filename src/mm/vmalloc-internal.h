/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address space of vmalloc: between vmalloc.c (areas with memory) and vmalloc-area.c (who has which addresses);
 * nobody else includes it.
 *
 * Every address of [geometry->vmalloc_start, vmalloc_end) is in exactly one struct vmap_area, which is in one of:
 *	free	in system->free, by address, with the largest size below each node
 *	busy	in system->busy, by address
 *	lazy	in node->lazy, by address: freed, but CPUs may still translate it
 *	pooled	in node->pool[pages - 1], newest first: purged, waits for the next area of its size
 */
#ifndef MM_VMALLOC_INTERNAL_H
#define MM_VMALLOC_INTERNAL_H

#include "mm/slab.h"
#include "mm/vmalloc.h"

#define MAX_VA_SIZE_PAGES	256	/* of a pooled area, its guard page included */
#define MAX_VMAP_NODES		128

struct vmap_area {
	uint64_t va_start, va_end;	/* bytes */
	struct rb_node rb;
	struct list_head list;		/* in a pool */
	uint64_t subtree_max_size;	/* free: of the tree below, bytes */
	struct vm_struct vm;		/* busy */
	uint16_t node;			/* vmap node that it goes back to, MAX_VMAP_NODES none */
	uint64_t kobj;			/* the kernel's vmap_area */
};

struct vmap_node {
	struct rb_root lazy;
	struct list_head pool[MAX_VA_SIZE_PAGES];
	uint64_t pool_len[MAX_VA_SIZE_PAGES];
};

struct vmap_system {
	struct objpool area_pool;
	struct rb_root free, busy;
	struct vmap_node *nodes;
	unsigned nr_nodes;
	uint64_t nr_lazy_pages;		/* vmap_lazy_nr */
	struct kmem_cache *cache;	/* of the kernel's vmap_area; NULL with slab.model_objects=off */
	struct vmalloc_stats stats;	/* what is counted, not what can be found by a walk */
};

static inline uint64_t va_size(const struct vmap_area *va)
{
	return va->va_end - va->va_start;
}

/* What the kernel may ask of the allocator for its own structs (GFP_RECLAIM_MASK). */
#define GFP_NESTED	(__GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | \
			 __GFP_NOFAIL | __GFP_NORETRY | __GFP_MEMALLOC | __GFP_NOMEMALLOC)

/*
 * `size` bytes aligned to `align` (a power of two, at least a page), now busy. NULL: no room even after a purge, or no
 * memory for the kernel's object.
 */
struct vmap_area *alloc_vmap_area(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid);
/* Busy becomes lazy; purges when that is too much. */
void free_vmap_area(struct memory *mem, struct vmap_area *va);
/* The busy area that holds addr, NULL. */
struct vmap_area *find_vmap_area(const struct memory *mem, kaddr_t addr);
/* Flushes and takes back what is lazy; full: the pools too. */
void purge_vmap_areas(struct memory *mem, bool full);

#endif
