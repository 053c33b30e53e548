/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The generic caches and what is too large for them. Kernel counterpart: mm/slab_common.c
 * (create_kmalloc_caches, kmalloc_slab), mm/slub.c (___kmalloc_large_node); for the textbook's
 * size-N: mm/slab.c and include/linux/kmalloc_sizes.h of 2.6.24 to 3.9.
 *
 * Modelled: slub: kmalloc-8 to -8k with 96 and 192, the kinds cg (GFP_KERNEL_ACCOUNT), rcl
 * (__GFP_RECLAIMABLE) and dma-kmalloc; sizes of a power of two are aligned to themselves. slab:
 * size-32 to size-131072 with 192, and size-N(DMA). Larger requests take 2^order pages and count in
 * nr_slab_unreclaimable, as in 6.18 (before 2.6.27 slab refused them).
 * Left out: kmalloc-rnd-* (CONFIG_RANDOM_KMALLOC_CACHES), kmem_buckets.
 */
#include <stdio.h>

#include "base/bitmap.h"
#include "mm/slab-internal.h"

/* What kinds and sizes a policy's generic caches have. */
struct kmalloc_family {
	const char *const *prefix;	/* by kind, NULL: served by NORMAL */
	const char *suffix[NR_KMALLOC_KINDS];
	unsigned low, high;		/* log2 of the smallest and largest size */
	bool has_96;
	bool power_aligned, short_names;
};

static const char *const slub_prefix[NR_KMALLOC_KINDS] = {
	"kmalloc-", "kmalloc-rcl-", "dma-kmalloc-", "kmalloc-cg-"};
static const char *const slab_prefix[NR_KMALLOC_KINDS] = {"size-", NULL, "size-", NULL};

static struct kmalloc_family family_of(const struct memory *mem)
{
	unsigned high = mem->geo->page_shift + 1u, most = mem->geo->page_shift + mem->geo->max_order;

	if (mem->slab->policy != &slab_policy)
		return (struct kmalloc_family){
			.prefix = slub_prefix,
			.suffix = {"", "", "", ""},
			.low = 3,
			.high = high < NR_KMALLOC_CLASSES ? high : NR_KMALLOC_CLASSES - 1,
			.has_96 = true,
			.power_aligned = true,
			.short_names = true,
		};
	return (struct kmalloc_family){
		.prefix = slab_prefix,
		.suffix = {"", "", "(DMA)", ""},
		.low = mem->geo->page_shift == 12 ? 5 : 6,
		.high = most < 17 ? most : 17,
	};
}

static unsigned class_size(unsigned class)
{
	return class == 1 ? 96 : class == 2 ? 192 : 1u << class;
}

static void cache_name(char *buf, size_t bytes, const struct kmalloc_family *f,
		       enum kmalloc_kind kind, unsigned size)
{
	bool kib = f->short_names && size >= 1024;

	(void)snprintf(buf, bytes, "%s%u%s%s", f->prefix[kind], kib ? size >> 10 : size,
		       kib ? "k" : "", f->suffix[kind]);
}

static struct kmem_cache *class_create(struct memory *mem, const struct kmalloc_family *f,
				       enum kmalloc_kind kind, unsigned class)
{
	static const unsigned kind_flags[NR_KMALLOC_KINDS] = {
		0, SLAB_RECLAIM_ACCOUNT, SLAB_CACHE_DMA, SLAB_ACCOUNT};
	unsigned size = class_size(class), flags = kind_flags[kind] | SLAB_KMALLOC | SLAB_NO_MERGE;
	unsigned align = f->power_aligned ? size & -size : 8;
	char name[KMEM_CACHE_NAME_MAX];

	if (!f->power_aligned)
		flags |= SLAB_HWCACHE_ALIGN;
	cache_name(name, sizeof(name), f, kind, size);
	return kmem_cache_create(mem, name, size, align, flags, NULL);
}

/* Is there a class of that index? */
static bool has_class(const struct kmalloc_family *f, unsigned class)
{
	if (class == 1)
		return f->has_96;
	return class == 2 || (class >= f->low && class <= f->high);
}

void kmalloc_create(struct memory *mem)
{
	struct kmalloc_family f = family_of(mem);

	for (unsigned kind = 0; kind < NR_KMALLOC_KINDS; kind++)
		for (unsigned class = 1; class < NR_KMALLOC_CLASSES && f.prefix[kind]; class++)
			if (has_class(&f, class))
				mem->slab->kmalloc[kind][class] =
					class_create(mem, &f, (enum kmalloc_kind)kind, class);
}

static enum kmalloc_kind kmalloc_kind(const struct memory *mem, gfp_t gfp)
{
	enum kmalloc_kind kind = KMALLOC_NORMAL;

	if (gfp & __GFP_DMA)
		kind = KMALLOC_DMA;
	else if (gfp & __GFP_RECLAIMABLE)
		kind = KMALLOC_RECLAIM;
	else if (gfp & __GFP_ACCOUNT)
		kind = KMALLOC_CGROUP;
	return mem->slab->kmalloc[kind][8] ? kind : KMALLOC_NORMAL;
}

struct kmem_cache *kmalloc_cache(const struct memory *mem, uint64_t size, gfp_t gfp)
{
	struct kmem_cache *const *row = mem->slab->kmalloc[kmalloc_kind(mem, gfp)];
	unsigned class;

	if (!size || size > 1ull << (NR_KMALLOC_CLASSES - 1))
		return NULL;
	if (size > 64 && size <= 96 && row[1])
		return row[1];
	if (size > 128 && size <= 192)
		return row[2];
	class = size <= 8 ? 3 : 64 - (unsigned)__builtin_clzll(size - 1);
	while (class < NR_KMALLOC_CLASSES && !row[class])
		class++;
	return class < NR_KMALLOC_CLASSES ? row[class] : NULL;
}

/* Pages of their own: page->index keeps the size that was asked for. */
static kaddr_t kmalloc_large(struct memory *mem, uint64_t size, gfp_t gfp, int nid)
{
	unsigned order = slab_get_order(mem, size);
	struct page *page;
	pfn_t pfn;

	if (order > mem->geo->max_order)
		return 0;
	pfn = alloc_pages(mem, (gfp & (GFP_SLAB_MASK | __GFP_DMA | __GFP_DMA32 | __GFP_ACCOUNT)) | __GFP_COMP,
			  order, nid);
	if (pfn == PFN_NONE)
		return 0;
	page = pfn_to_page(mem, pfn);
	page->flags |= PG_KERNEL;
	page->index = size;
	mod_node_page_state(pfn_to_node(mem, pfn), NR_SLAB_UNRECLAIMABLE, 1ll << order);
	mem->slab->large_allocs++;
	mem->slab->large_pages += 1ull << order;
	mem->slab->large_requested_bytes += size;
	return pfn_to_kaddr(mem, pfn);
}

kaddr_t kmalloc_node(struct memory *mem, uint64_t size, gfp_t gfp, int nid)
{
	struct kmem_cache *cache = kmalloc_cache(mem, size, gfp);

	if (!cache)
		return size ? kmalloc_large(mem, size, gfp, nid) : 0;
	return slab_alloc_object(cache, gfp, nid, (uint32_t)size);
}

kaddr_t kmalloc(struct memory *mem, uint64_t size, gfp_t gfp)
{
	return kmalloc_node(mem, size, gfp, NUMA_NO_NODE);
}
