/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Compressed pages in memory: see zspool.h. */
#include "mm/zspool.h"

#include <stdlib.h>

#include "mm/page_alloc.h"

#define ZS_ALIGN 16u	/* size classes are that far apart */

/* As many frames as leave the least behind the last object (calculate_zspage_chain_size). */
static unsigned chain_size(uint32_t page_bytes, uint32_t object_bytes)
{
	uint32_t least = UINT32_MAX;
	unsigned chain = 1;

	if (!(object_bytes & (object_bytes - 1)))
		return 1;
	for (unsigned i = 1; i <= ZSPOOL_MAX_CHAIN; i++)
		if (i * page_bytes % object_bytes < least) {
			least = i * page_bytes % object_bytes;
			chain = i;
		}
	return chain;
}

struct zspool *zspool_create(struct memory *mem, uint32_t nr_slots)
{
	struct zspool *pool = xcalloc(1, sizeof(*pool));
	uint32_t page_bytes = 1u << mem->geo->page_shift;
	uint32_t bytes = (uint32_t)((uint64_t)page_bytes * mem->conf.swap_compressed_percent / 100);

	pool->mem = mem;
	pool->object_bytes = (bytes + ZS_ALIGN - 1) & ~(ZS_ALIGN - 1);
	if (pool->object_bytes < 2 * ZS_ALIGN)
		pool->object_bytes = 2 * ZS_ALIGN;
	if (pool->object_bytes > page_bytes)
		pool->object_bytes = page_bytes;
	pool->chain = chain_size(page_bytes, pool->object_bytes);
	pool->per_zspage = pool->chain * page_bytes / pool->object_bytes;
	pool->nr_slots = nr_slots;
	pool->where = xcalloc(nr_slots, sizeof(*pool->where));
	(void)vec_push(&pool->pages);
	pool->pages.data[0] = (struct zspage){0};
	return pool;
}

void zspool_destroy(struct zspool *pool)
{
	if (!pool)
		return;
	vec_finish(&pool->pages);
	free(pool->where);
	free(pool);
}

/* ---- zspages ---- */

static void link_zspage(struct zspool *pool, uint32_t i)
{
	struct zspage *zp = &pool->pages.data[i];

	zp->next = pool->with_room;
	zp->prev = 0;
	if (zp->next)
		pool->pages.data[zp->next].prev = i;
	pool->with_room = i;
}

static void unlink_zspage(struct zspool *pool, uint32_t i)
{
	struct zspage *zp = &pool->pages.data[i];

	if (zp->next)
		pool->pages.data[zp->next].prev = zp->prev;
	if (zp->prev)
		pool->pages.data[zp->prev].next = zp->next;
	else
		pool->with_room = zp->next;
	zp->next = zp->prev = 0;
}

static void free_frames(struct zspool *pool, struct zspage *zp, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		put_page(pool->mem, zp->pfn[i]);
}

static bool alloc_frames(struct zspool *pool, struct zspage *zp, gfp_t gfp)
{
	for (unsigned i = 0; i < pool->chain; i++) {
		zp->pfn[i] = alloc_pages(pool->mem, gfp, 0, NUMA_NO_NODE);
		if (zp->pfn[i] == PFN_NONE) {
			free_frames(pool, zp, i);
			return false;
		}
		pfn_to_page(pool->mem, zp->pfn[i])->flags |= PG_KERNEL;
	}
	return true;
}

/* An empty one with frames, on the list. 0: no memory. */
static uint32_t new_zspage(struct zspool *pool, gfp_t gfp)
{
	struct zspage zp = {0};
	uint32_t i = pool->unused;

	if (!alloc_frames(pool, &zp, gfp))
		return 0;
	if (i) {
		pool->unused = pool->pages.data[i].next;
	} else {
		i = (uint32_t)pool->pages.nr;
		(void)vec_push(&pool->pages);
	}
	pool->pages.data[i] = zp;
	pool->nr_frames += pool->chain;
	link_zspage(pool, i);
	return i;
}

/* ---- objects ---- */

bool zspool_has(const struct zspool *pool, uint32_t slot)
{
	return pool->where[slot];
}

bool zspool_store(struct zspool *pool, uint32_t slot, gfp_t gfp)
{
	uint32_t i = pool->with_room;

	if (pool->where[slot])
		return true;
	if (!i)
		i = new_zspage(pool, gfp);
	if (!i) {
		pool->failed++;
		return false;
	}
	pool->where[slot] = i;
	pool->nr_objects++;
	if (++pool->pages.data[i].nr_objects == pool->per_zspage)
		unlink_zspage(pool, i);
	return true;
}

void zspool_free(struct zspool *pool, uint32_t slot)
{
	uint32_t i = pool->where[slot];
	struct zspage *zp = &pool->pages.data[i];

	if (!i)
		return;
	pool->where[slot] = 0;
	pool->nr_objects--;
	if (zp->nr_objects-- == pool->per_zspage)
		link_zspage(pool, i);
	if (zp->nr_objects)
		return;
	unlink_zspage(pool, i);
	free_frames(pool, zp, pool->chain);
	pool->nr_frames -= pool->chain;
	zp->next = pool->unused;
	pool->unused = i;
}

bool zspool_consistent(const struct zspool *pool)
{
	uint32_t *found = xcalloc(pool->pages.nr, sizeof(*found));
	uint64_t objects = 0, used = 0;
	bool ok = true;

	for (uint32_t slot = 0; slot < pool->nr_slots; slot++) {
		objects += pool->where[slot] != 0;
		found[pool->where[slot]]++;
	}
	for (size_t i = 1; i < pool->pages.nr; i++) {
		ok &= found[i] == pool->pages.data[i].nr_objects && found[i] <= pool->per_zspage;
		used += found[i] != 0;
	}
	for (uint32_t i = pool->with_room; i && ok; i = pool->pages.data[i].next)
		ok &= found[i] && found[i] < pool->per_zspage;
	free(found);
	return ok && objects == pool->nr_objects && used * pool->chain == pool->nr_frames;
}
