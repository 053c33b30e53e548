/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Slab and vmalloc events against the model's slab allocator and vmalloc.
 *
 * Caches are made at the first sight of their name, with the size that objects take there
 * (bytes_alloc), which includes what the traced kernel adds. The tracepoints of vmalloc are those of
 * areas of addresses: vmalloc, vmap and ioremap are not told apart, so all of them are replayed as
 * vmalloc; the size has the guard page in it. Objects and areas from before the trace are not known:
 * their frees are counted as unmatched.
 */
#include "sim/replay-slab.h"

#include <string.h>

#include "base/bug.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "sim/replay.h"

#define KMALLOC_MAX (1ull << 33)
#define CACHES_MAX  65536
#define AREA_MAX    (1ull << 40)
/* Of areas whose tracepoint has no gfp. */
#define VMALLOC_GFP (GFP_KERNEL | __GFP_HIGHMEM)

static int node_of(const struct mmr_replay *r, uint64_t node)
{
	return node == 0 || node > r->mem->nr_nodes ? NUMA_NO_NODE : (int)node - 1;
}

/* Something is at that address already: its free was lost. */
static void forget(struct mmr_replay *r, uint64_t traced)
{
	struct kernel_replay *k = r->kernel;
	uint64_t old;

	if (!htable_get(&k->objects, traced, &old))
		return;
	k->counts.slab_unmatched++;
	kfree(r->mem, old);
	htable_del(&k->objects, traced);
}

static void note_object(struct mmr_replay *r, uint64_t traced, kaddr_t object, uint64_t bytes)
{
	struct kernel_replay *k = r->kernel;

	if (!object) {
		k->counts.slab_failed++;
		return;
	}
	k->counts.slab_bytes += bytes;
	htable_set(&k->objects, traced, object);
}

void ev_kmalloc(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t req = ev->KMALLOC.req;

	if (!ev->KMALLOC.ptr || !req || req > KMALLOC_MAX)
		return;
	forget(r, ev->KMALLOC.ptr);
	k->counts.kmallocs++;
	note_object(r, ev->KMALLOC.ptr,
		    kmalloc_node(r->mem, req, kernel_replay_gfp(k, ev->KMALLOC.gfp),
				 node_of(r, ev->KMALLOC.node)),
		    req);
}

static void free_object(struct mmr_replay *r, uint64_t traced)
{
	struct kernel_replay *k = r->kernel;
	uint64_t object;

	if (!htable_get(&k->objects, traced, &object)) {
		k->counts.slab_unmatched++;
		return;
	}
	htable_del(&k->objects, traced);
	kfree(r->mem, object);
}

void ev_kfree(struct mmr_replay *r, const struct mmr_event *ev)
{
	if (!ev->KFREE.ptr)
		return;
	r->kernel->counts.kfrees++;
	free_object(r, ev->KFREE.ptr);
}

static struct kmem_cache *cache_of(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t id = ev->CACHE_ALLOC.cache, size = ev->CACHE_ALLOC.alloc;
	gfp_t gfp = kernel_replay_gfp(k, ev->CACHE_ALLOC.gfp);
	char name[KMEM_CACHE_NAME_MAX] = "cache";

	if (!id || id > CACHES_MAX || !size || size > kmem_cache_size_max(r->mem))
		return NULL;
	while (k->caches.nr <= id)
		*vec_push(&k->caches) = NULL;
	if (k->caches.data[id])
		return k->caches.data[id];
	if (ev->data && ev->data_len) {
		size_t len = ev->data_len < sizeof(name) - 1 ? ev->data_len : sizeof(name) - 1;

		memcpy(name, ev->data, len);
		name[len] = '\0';
	}
	k->caches.data[id] = kmem_cache_create(
		r->mem, name, (unsigned)size, 0,
		SLAB_NO_MERGE | (gfp & __GFP_RECLAIMABLE ? SLAB_RECLAIM_ACCOUNT : 0), NULL);
	return k->caches.data[id];
}

void ev_cache_alloc(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	struct kmem_cache *cache;

	if (!ev->CACHE_ALLOC.ptr)
		return;
	k->counts.slab_allocs++;
	forget(r, ev->CACHE_ALLOC.ptr);
	cache = cache_of(r, ev);
	note_object(r, ev->CACHE_ALLOC.ptr,
		    cache ? kmem_cache_alloc_node(cache, kernel_replay_gfp(k, ev->CACHE_ALLOC.gfp),
						  node_of(r, ev->CACHE_ALLOC.node))
			  : 0,
		    ev->CACHE_ALLOC.req);
}

void ev_cache_free(struct mmr_replay *r, const struct mmr_event *ev)
{
	if (!ev->CACHE_FREE.ptr)
		return;
	r->kernel->counts.slab_frees++;
	free_object(r, ev->CACHE_FREE.ptr);
}

void ev_vmalloc(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t page = 1ull << r->mem->geo->page_shift, len = ev->VMALLOC.len, old;
	gfp_t gfp = ev->VMALLOC.gfp ? kernel_replay_gfp(k, ev->VMALLOC.gfp) : VMALLOC_GFP;
	kaddr_t addr;

	if (!ev->VMALLOC.addr || len > AREA_MAX)
		return;
	k->counts.vmallocs++;
	if (htable_get(&k->areas, ev->VMALLOC.addr, &old)) {
		k->counts.vmalloc_unmatched++;
		vfree(r->mem, old);
		htable_del(&k->areas, ev->VMALLOC.addr);
	}
	addr = vmalloc(r->mem, len > page ? len - page : page, gfp, NUMA_NO_NODE);
	if (addr)
		htable_set(&k->areas, ev->VMALLOC.addr, addr);
	else
		k->counts.vmalloc_failed++;
}

void ev_vfree(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t addr;

	k->counts.vfrees++;
	if (!htable_get(&k->areas, ev->VFREE.addr, &addr)) {
		k->counts.vmalloc_unmatched++;
		return;
	}
	htable_del(&k->areas, ev->VFREE.addr);
	vfree(r->mem, addr);
}
