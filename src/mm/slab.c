/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Caches and their slabs, whatever the policy: see slab.h. Kernel counterpart: mm/slab_common.c,
 * and of mm/slub.c allocate_slab(), setup_object(), account_slab().
 *
 * Modelled: aliases (find_mergeable()), alignment, constructors, nr_slab_reclaimable and
 * nr_slab_unreclaimable, __GFP_COMP pages. Simplified: a slab's pages are freed at once, also with
 * SLAB_TYPESAFE_BY_RCU (the kernel waits for a grace period).
 */
#include "mm/slab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "mm/memcg.h"
#include "mm/slab-internal.h"

static const struct slab_policy *const slab_policies[] = {
	[SLAB_POLICY_SLUB] = &slub_policy,
	[SLAB_POLICY_SLAB] = &slab_policy,
	[SLAB_POLICY_NULL] = &slab_null_policy,
};

/* --- sizes ------------------------------------------------------------------------------------ */

unsigned slab_word(const struct memory *mem)
{
	return mem->geo->page_offset > UINT32_MAX ? 8 : 4;
}

unsigned slab_get_order(const struct memory *mem, uint64_t bytes)
{
	unsigned order = 0;

	while (1ull << (mem->geo->page_shift + order) < bytes)
		order++;
	return order;
}

unsigned slab_alignment(const struct kmem_cache *cache)
{
	unsigned align = cache->align, word = slab_word(cache->mem);

	if (cache->flags & SLAB_HWCACHE_ALIGN) {
		unsigned line = SLAB_CACHE_LINE;

		while (cache->object_size <= line / 2)
			line /= 2;
		align = align > line ? align : line;
	}
	align = align > word ? align : word;
	return (unsigned)align_up(align, word);
}

/* --- slabs ------------------------------------------------------------------------------------ */

static void account_slab(const struct slab *slab, int64_t sign)
{
	const struct kmem_cache *c = slab->cache;

	mod_node_page_state(c->mem->nodes[slab->nid],
			    c->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE
							    : NR_SLAB_UNRECLAIMABLE,
			    sign * (int64_t)(1ull << slab->order));
}

static uint64_t tail_waste(const struct slab *slab)
{
	return slab_bytes(slab->cache, slab->order) - (uint64_t)slab->objects * slab->cache->size;
}

/* Chains all places in order of address and constructs them. */
static void setup_objects(struct kmem_cache *cache, struct slab *slab)
{
	for (unsigned i = 0; i < slab->objects; i++)
		slab->next[i] = (uint16_t)(i + 1u == slab->objects ? SLAB_END : i + 1u);
	slab->free = 0;
	if (!cache->ctor)
		return;
	for (unsigned i = 0; i < slab->objects; i++)
		cache->ctor(cache, slab_object(slab, i));
	cache->ctor_runs += slab->objects;
}

struct slab *slab_init(struct kmem_cache *cache, pfn_t pfn, unsigned order, unsigned s_mem)
{
	struct slab *slab = objpool_get(&cache->pool);
	struct page *page = pfn_to_page(cache->mem, pfn);

	slab->cache = cache;
	slab->pfn = pfn;
	slab->order = (uint8_t)order;
	slab->nid = (uint16_t)pfn_to_node(cache->mem, pfn)->node_id;
	slab->s_mem = s_mem;
	slab->base = pfn_to_kaddr(cache->mem, pfn) + s_mem;
	slab->objects = (uint16_t)((slab_bytes(cache, order) - s_mem) / cache->size);
	if (slab->objects > cache->objects)
		slab->objects = (uint16_t)cache->objects;
	if (cache->flags & SLAB_KMALLOC)
		slab->requested = (uint32_t *)(slab->next + align_up(cache->objects, 4));
	page->flags |= PG_SLAB;
	page->index = (uintptr_t)slab;
	list_init(&slab->list);
	list_add_tail(&slab->all, &cache->slabs);
	cache->nr_slabs++;
	cache->nr_pages += 1ull << order;
	cache->nr_objs += slab->objects;
	cache->slabs_created++;
	cache->tail_waste_bytes += tail_waste(slab);
	account_slab(slab, 1);
	setup_objects(cache, slab);
	return slab;
}

struct slab *slab_new(struct kmem_cache *cache, gfp_t gfp, unsigned order, int nid)
{
	pfn_t pfn = alloc_pages(cache->mem, gfp | cache->allocflags, order, nid);

	return pfn == PFN_NONE ? NULL : slab_init(cache, pfn, order, 0);
}

void slab_discard(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	struct page *page = pfn_to_page(cache->mem, slab->pfn);

	VM_BUG_ON(slab->inuse);
	account_slab(slab, -1);
	cache->nr_slabs--;
	cache->nr_pages -= 1ull << slab->order;
	cache->nr_objs -= slab->objects;
	cache->slabs_destroyed++;
	cache->tail_waste_bytes -= tail_waste(slab);
	list_del(&slab->list);
	list_del(&slab->all);
	page->flags &= ~PG_SLAB;
	page->index = 0;
	put_page(cache->mem, slab->pfn);
	free(slab->objcg);
	objpool_put(&cache->pool, slab);
}

struct slab *kaddr_to_slab(const struct memory *mem, kaddr_t object)
{
	const struct page *page = pfn_to_page(mem, folio_pfn(mem, kaddr_to_pfn(mem, object)));

	return page->flags & PG_SLAB ? (struct slab *)(uintptr_t)page->index : NULL;
}

enum migratetype slab_page_mobility(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, folio_pfn(mem, pfn));
	const struct slab *slab = (const struct slab *)(uintptr_t)page->index;

	return slab->cache->flags & SLAB_RECLAIM_ACCOUNT ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
}

/* --- caches ----------------------------------------------------------------------------------- */

#define SLAB_NEVER_MERGE (SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE)
#define SLAB_MERGE_SAME \
	(SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_ACCOUNT)

/* Could objects of `want`, which is laid out but not yet listed, live in an older cache? */
static struct kmem_cache *find_mergeable(const struct slab_system *slabs,
					 const struct kmem_cache *want)
{
	const struct list_head *pos;
	unsigned size = (unsigned)align_up(want->object_size, slab_word(slabs->mem));
	unsigned align = slab_alignment(want);

	if (want->flags & SLAB_NEVER_MERGE || want->ctor)
		return NULL;
	size = (unsigned)align_up(size, align);
	/* The newest first, as the kernel walks its list. */
	for (pos = slabs->caches.prev; pos != &slabs->caches; pos = pos->prev) {
		struct kmem_cache *c = list_entry((struct list_head *)pos, struct kmem_cache, list);

		if (c->flags & (SLAB_NEVER_MERGE | SLAB_KMALLOC) || c->ctor || size > c->size)
			continue;
		if ((want->flags ^ c->flags) & SLAB_MERGE_SAME || c->size % align)
			continue;
		if (c->size - size < slab_word(slabs->mem))
			return c;
	}
	return NULL;
}

static void set_allocflags(struct kmem_cache *cache)
{
	cache->allocflags = __GFP_COMP;
	if (cache->flags & SLAB_CACHE_DMA)
		cache->allocflags |= GFP_DMA;
	if (cache->flags & SLAB_CACHE_DMA32)
		cache->allocflags |= GFP_DMA32;
	if (cache->flags & SLAB_RECLAIM_ACCOUNT)
		cache->allocflags |= __GFP_RECLAIMABLE;
}

static void init_pool(struct kmem_cache *cache)
{
	size_t size = sizeof(struct slab) + align_up(cache->objects, 4) * sizeof(uint16_t);

	if (cache->flags & SLAB_KMALLOC)
		size += cache->objects * sizeof(uint32_t);
	objpool_init(&cache->pool, size);
}

struct kmem_cache *kmem_cache_create(struct memory *mem, const char *name, unsigned size,
				     unsigned align, unsigned flags, kmem_cache_ctor *ctor)
{
	struct slab_system *slabs = mem->slab;
	struct kmem_cache *cache = xcalloc(1, sizeof(*cache)), *old = NULL;

	BUG_ON(!size || align & (align - 1));
	cache->mem = mem;
	cache->policy = slabs->policy;
	(void)snprintf(cache->name, sizeof(cache->name), "%s", name);
	cache->object_size = size;
	cache->align = align;
	cache->flags = flags;
	cache->ctor = ctor;
	cache->refcount = 1;
	if (mem->conf.slab_merge && slabs->policy->may_merge)
		old = find_mergeable(slabs, cache);
	if (old) {
		free(cache);
		old->refcount++;
		/* As the kernel: the cache then has room for the larger of both. */
		old->object_size = old->object_size > size ? old->object_size : size;
		return old;
	}
	cache->align = slab_alignment(cache);
	set_allocflags(cache);
	cache->policy->layout(cache);
	BUG_ON(!cache->objects || cache->order > mem->geo->max_order);
	init_pool(cache);
	list_init(&cache->slabs);
	cache->policy->create(cache);
	list_add_tail(&cache->list, &slabs->caches);
	slabs->nr_caches++;
	return cache;
}

static void cache_release(struct kmem_cache *cache)
{
	struct list_head *pos;

	/* Those of a machine that ends with objects in use: their pages go with it. */
	list_for_each(pos, &cache->slabs)
		free(list_entry(pos, struct slab, all)->objcg);
	cache->mem->slab->nr_caches--;
	list_del(&cache->list);
	cache->policy->destroy(cache);
	objpool_finish(&cache->pool);
	free(cache);
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	if (--cache->refcount)
		return;
	(void)cache->policy->shrink(cache);
	BUG_ON(cache->nr_slabs);
	cache_release(cache);
}

unsigned kmem_cache_size_max(const struct memory *mem)
{
	/* A free pointer, where the policy puts one behind the object, must fit too. */
	return (1u << (mem->geo->page_shift + mem->geo->max_order)) - slab_word(mem);
}

const char *kmem_cache_name(const struct kmem_cache *cache)
{
	return cache->name;
}

struct memory *kmem_cache_memory(const struct kmem_cache *cache)
{
	return cache->mem;
}

struct kmem_cache *kmem_cache_first(const struct memory *mem)
{
	const struct list_head *head = &mem->slab->caches;

	return list_empty(head) ? NULL : list_entry(head->next, struct kmem_cache, list);
}

struct kmem_cache *kmem_cache_next(const struct kmem_cache *cache)
{
	const struct list_head *next = cache->list.next;

	if (next == &cache->mem->slab->caches)
		return NULL;
	return list_entry((struct list_head *)next, struct kmem_cache, list);
}

/* --- objects ---------------------------------------------------------------------------------- */

/* What a group is charged for an object: its place, and the pointer that tells whose it is (obj_full_size). */
static uint64_t obj_full_size(const struct kmem_cache *cache)
{
	return cache->size + slab_word(cache->mem);
}

static enum memcg_stat_item objcg_stat(const struct kmem_cache *cache)
{
	return cache->flags & SLAB_RECLAIM_ACCOUNT ? MEMCG_SLAB_RECLAIMABLE_B : MEMCG_SLAB_UNRECLAIMABLE_B;
}

/* False: the memory cgroup of who runs is at its limit. */
static __attribute__((noinline)) bool charge_object(struct kmem_cache *cache, kaddr_t object, gfp_t gfp)
{
	int id = obj_cgroup_charge(cache->mem, obj_full_size(cache), gfp, objcg_stat(cache));
	struct slab *slab;

	if (id <= 0)
		return id == 0;
	slab = kaddr_to_slab(cache->mem, object);
	if (!slab->objcg)
		slab->objcg = xcalloc(slab->objects, sizeof(*slab->objcg));
	slab->objcg[slab_index(slab, object)] = (uint16_t)id;
	return true;
}

static void uncharge_object(struct slab *slab, unsigned index)
{
	unsigned id = slab->objcg[index];

	slab->objcg[index] = 0;
	if (id)
		obj_cgroup_uncharge(slab->cache->mem, id, obj_full_size(slab->cache), objcg_stat(slab->cache));
}

void slab_for_each_charged(const struct memory *mem, void (*fn)(void *ctx, unsigned id, uint64_t bytes), void *ctx)
{
	struct list_head *pos;

	for_each_kmem_cache(cache, mem)
		list_for_each(pos, &cache->slabs) {
			const struct slab *slab = list_entry(pos, struct slab, all);

			for (unsigned i = 0; slab->objcg && i < slab->objects; i++)
				if (slab->objcg[i])
					fn(ctx, slab->objcg[i], obj_full_size(cache));
		}
}

kaddr_t slab_alloc_object(struct kmem_cache *cache, gfp_t gfp, int nid, uint32_t requested)
{
	kaddr_t object = cache->policy->alloc(cache, gfp, nid);
	struct slab *slab;

	if (unlikely(!object)) {
		cache->failed++;
		return 0;
	}
	cache->allocs++;
	if (cache->flags & SLAB_KMALLOC) {
		slab = kaddr_to_slab(cache->mem, object);
		slab->requested[slab_index(slab, object)] = requested;
		cache->requested_bytes += requested;
	}
	if (unlikely(cache->mem->page_memcg) && (cache->flags & SLAB_ACCOUNT || gfp & __GFP_ACCOUNT) &&
	    !charge_object(cache, object, gfp)) {
		cache->failed++;
		kmem_cache_free(cache, object);
		return 0;
	}
	return object;
}

kaddr_t kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t gfp, int nid)
{
	return slab_alloc_object(cache, gfp, nid, cache->object_size);
}

kaddr_t kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc_node(cache, gfp, NUMA_NO_NODE);
}

static void free_object(struct slab *slab, kaddr_t object)
{
	struct kmem_cache *cache = slab->cache;
	unsigned index = slab_index(slab, object);

	/* Freed twice, or never an object. */
	BUG_ON(index >= slab->objects || slab->next[index] != SLAB_OBJ_USED);
	VM_BUG_ON(slab_object(slab, index) != object);
	cache->frees++;
	cache->reinits += cache->ctor != NULL;
	if (slab->requested)
		cache->requested_bytes -= slab->requested[index];
	if (unlikely(slab->objcg))
		uncharge_object(slab, index);
	cache->policy->free(cache, slab, index);
}

void kmem_cache_free(struct kmem_cache *cache, kaddr_t object)
{
	struct slab *slab;

	if (!object)
		return;
	slab = kaddr_to_slab(cache->mem, object);
	BUG_ON(!slab || slab->cache != cache);
	free_object(slab, object);
}

uint64_t kmem_cache_shrink(struct kmem_cache *cache)
{
	return cache->policy->shrink(cache);
}

void kmem_cache_stats(const struct kmem_cache *cache, struct kmem_cache_stats *ret)
{
	*ret = (struct kmem_cache_stats){
		.active_objs = cache->allocs - cache->frees,
		.num_objs = cache->nr_objs,
		.num_slabs = cache->nr_slabs,
		.num_pages = cache->nr_pages,
		.allocs = cache->allocs,
		.frees = cache->frees,
		.failed = cache->failed,
		.cpu_hits = cache->cpu_hits,
		.cpu_frees = cache->cpu_frees,
		.list_locks = cache->list_locks,
		.slabs_created = cache->slabs_created,
		.slabs_destroyed = cache->slabs_destroyed,
		.order_fallbacks = cache->order_fallbacks,
		.ctor_runs = cache->ctor_runs,
		.reinits = cache->reinits,
		.tail_waste_bytes = cache->tail_waste_bytes,
		.object_size = cache->object_size,
		.size = cache->size,
		.objperslab = cache->objects,
		.pagesperslab = 1u << cache->order,
		.aliases = cache->refcount - 1,
	};
	ret->requested_bytes = cache->flags & SLAB_KMALLOC
				       ? cache->requested_bytes
				       : ret->active_objs * cache->object_size;
	cache->policy->stats(cache, ret);
}

/* --- kfree, large objects --------------------------------------------------------------------- */

void kfree(struct memory *mem, kaddr_t object)
{
	struct slab *slab;
	struct page *page;
	pfn_t pfn;

	if (!object)
		return;
	slab = kaddr_to_slab(mem, object);
	if (likely(slab)) {
		free_object(slab, object);
		return;
	}
	pfn = kaddr_to_pfn(mem, object);
	page = pfn_to_page(mem, pfn);
	BUG_ON(!(page->flags & PG_KERNEL) || pfn_to_kaddr(mem, pfn) != object || !page->index);
	mem->slab->large_frees++;
	mem->slab->large_pages -= 1ull << page_order(page);
	mem->slab->large_requested_bytes -= page->index;
	mod_node_page_state(pfn_to_node(mem, pfn), NR_SLAB_UNRECLAIMABLE,
			    -(int64_t)(1ull << page_order(page)));
	page->flags &= ~PG_KERNEL;
	page->index = 0;
	put_page(mem, pfn);
}

uint64_t ksize(const struct memory *mem, kaddr_t object)
{
	const struct slab *slab;

	if (!object)
		return 0;
	slab = kaddr_to_slab(mem, object);
	if (slab)
		return slab->cache->flags & SLAB_KMALLOC ? slab->cache->size
							 : slab->cache->object_size;
	return 1ull << (mem->geo->page_shift +
			page_order(pfn_to_page(mem, kaddr_to_pfn(mem, object))));
}

/* --- all of them ------------------------------------------------------------------------------ */

void slab_create(struct memory *mem)
{
	struct slab_system *slabs = xcalloc(1, sizeof(*slabs));

	slabs->mem = mem;
	slabs->policy = slab_policies[mem->conf.slab_policy];
	list_init(&slabs->caches);
	mem->slab = slabs;
	kmalloc_create(mem);
	if (mem->conf.slab_model_objects)
		model_caches_create(mem);
}

/* The pages go with the machine: nothing is given back one by one. */
void slab_destroy(struct memory *mem)
{
	if (!mem->slab)
		return;
	while (!list_empty(&mem->slab->caches))
		cache_release(list_first_entry(&mem->slab->caches, struct kmem_cache, list));
	free(mem->slab);
	mem->slab = NULL;
}

const char *slab_policy_name(const struct memory *mem)
{
	return mem->slab->policy->name;
}

uint64_t slab_reap_period_ns(const struct memory *mem)
{
	return mem->slab->policy->reap_period_ns;
}

void slab_reap_periodic(struct memory *mem)
{
	if (!mem->slab->policy->reap)
		return;
	for_each_kmem_cache(cache, mem)
		mem->slab->policy->reap(cache);
}

uint64_t slab_reap_pressure(struct memory *mem, int nid)
{
	uint64_t freed = 0;

	if (!mem->slab->policy->reclaim)
		return 0;
	for_each_kmem_cache(cache, mem)
		freed += mem->slab->policy->reclaim(cache, nid);
	return freed;
}

/* --- checks ----------------------------------------------------------------------------------- */

struct slab_census {
	uint64_t slabs, pages, objs, used, waste, requested;
};

static bool check_slab(const struct kmem_cache *cache, const struct slab *slab,
		       struct slab_census *sum)
{
	const struct page *page = pfn_to_page(cache->mem, slab->pfn);
	unsigned chain = 0;

	for (unsigned i = slab->free; i != SLAB_END; i = slab->next[i])
		if (i >= slab->objects || ++chain > slab->objects)
			return false;
	for (unsigned i = 0; i < slab->objects; i++) {
		bool used = slab->next[i] == SLAB_OBJ_USED;

		sum->used += used;
		sum->requested += used && slab->requested ? slab->requested[i] : 0;
	}
	sum->slabs++;
	sum->pages += 1ull << slab->order;
	sum->objs += slab->objects;
	sum->waste += tail_waste(slab);
	return slab->cache == cache && page->flags & PG_SLAB && page->_refcount == 1 &&
	       page->index == (uintptr_t)slab && page_order(page) == slab->order &&
	       slab->inuse == slab->objects - chain &&
	       slab->s_mem + (uint64_t)slab->objects * cache->size <=
		       slab_bytes(cache, slab->order);
}

static bool check_cache(const struct kmem_cache *cache, struct strbuf *why, uint64_t pages[2])
{
	struct slab_census sum = {0};
	const struct list_head *pos;
	bool ok = true;

	list_for_each(pos, &cache->slabs) {
		const struct slab *slab = list_entry((struct list_head *)pos, struct slab, all);

		if (check_slab(cache, slab, &sum))
			continue;
		ok = false;
		if (why)
			strbuf_addf(why, "cache %s: slab at frame %u contradicts itself\n",
				    cache->name, slab->pfn);
	}
	if (sum.slabs != cache->nr_slabs || sum.pages != cache->nr_pages ||
	    sum.objs != cache->nr_objs || sum.used != cache->allocs - cache->frees ||
	    sum.waste != cache->tail_waste_bytes || sum.requested != cache->requested_bytes) {
		ok = false;
		if (why)
			strbuf_addf(why, "cache %s: %" PRIu64 " of %" PRIu64 " objects in %" PRIu64
				    " slabs found, counted otherwise\n",
				    cache->name, sum.used, sum.objs, sum.slabs);
	}
	pages[!(cache->flags & SLAB_RECLAIM_ACCOUNT)] += sum.pages;
	return ok && cache->policy->consistent(cache, why);
}

bool slab_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t pages[2] = { 0, mem->slab->large_pages }, counted[2] = { 0, 0 };
	bool ok = true;

	for_each_kmem_cache(cache, mem)
		ok &= check_cache(cache, why, pages);
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		counted[0] += mem->nodes[n]->vm_stat[NR_SLAB_RECLAIMABLE];
		counted[1] += mem->nodes[n]->vm_stat[NR_SLAB_UNRECLAIMABLE];
	}
	if (pages[0] == counted[0] && pages[1] == counted[1])
		return ok;
	if (why)
		strbuf_addf(why, "nr_slab_reclaimable %" PRIu64 ", %" PRIu64
			    " found; nr_slab_unreclaimable %" PRIu64 ", %" PRIu64 " found\n",
			    counted[0], pages[0], counted[1], pages[1]);
	return false;
}
