/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Bounce buffers: see swiotlb.h. */
#include "mm/swiotlb.h"

#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/vec.h"
#include "mm/page_alloc.h"

struct io_tlb_pool {
	pfn_t pfn;		/* first frame */
	unsigned order;
	uint32_t nslabs;	/* slots */
	uint32_t index;		/* where the next search starts */
	uint32_t used;
	bool transient;		/* of one mapping */
	uint64_t *map;		/* bit per slot */
};

struct swiotlb {
	struct memory *mem;
	VEC(struct io_tlb_pool) pools;	/* transient ones behind the others */
	struct swiotlb_stats stats;
};

static uint64_t page_bytes(const struct memory *mem)
{
	return 1ull << mem->geo->page_shift;
}

static uint64_t pool_phys(const struct swiotlb *sw, const struct io_tlb_pool *p)
{
	return (uint64_t)p->pfn << sw->mem->geo->page_shift;
}

static uint64_t pool_end(const struct swiotlb *sw, const struct io_tlb_pool *p)
{
	return pool_phys(sw, p) + ((uint64_t)p->nslabs << IO_TLB_SHIFT);
}

/* ---- pools ---- */

static bool add_pool(struct swiotlb *sw, gfp_t gfp, unsigned order, bool transient)
{
	pfn_t pfn = alloc_pages(sw->mem, gfp | __GFP_NOWARN, order, NUMA_NO_NODE);
	struct io_tlb_pool *p;

	if (pfn == PFN_NONE)
		return false;
	p = vec_push(&sw->pools);
	*p = (struct io_tlb_pool){ .pfn = pfn, .order = order, .transient = transient };
	p->nslabs = (uint32_t)(page_bytes(sw->mem) << order >> IO_TLB_SHIFT);
	p->map = xcalloc((p->nslabs + 63) / 64, sizeof(uint64_t));
	if (!transient) {
		sw->stats.pool_bytes += page_bytes(sw->mem) << order;
		sw->stats.slots += p->nslabs;
	}
	return true;
}

static void remove_pool(struct swiotlb *sw, size_t i)
{
	struct io_tlb_pool *p = &sw->pools.data[i];

	free_pages_pfn(sw->mem, p->pfn, p->order);
	free(p->map);
	sw->pools.data[i] = sw->pools.data[--sw->pools.nr];
}

struct swiotlb *swiotlb_create(struct memory *mem, uint64_t bytes)
{
	struct swiotlb *sw = xcalloc(1, sizeof(*sw));
	unsigned order = mem->geo->max_order;
	gfp_t gfp = GFP_KERNEL | (mem->geo->lowmem_bytes ? 0 : __GFP_DMA32);

	sw->mem = mem;
	while (bytes >= page_bytes(mem)) {
		if (page_bytes(mem) << order > bytes || !add_pool(sw, gfp, order, false)) {
			if (order-- == 0)
				break;
			continue;
		}
		bytes -= page_bytes(mem) << order;
	}
	return sw;
}

void swiotlb_destroy(struct swiotlb *sw)
{
	if (!sw)
		return;
	while (sw->pools.nr)
		remove_pool(sw, sw->pools.nr - 1);
	vec_finish(&sw->pools);
	free(sw);
}

/* ---- mappings ---- */

static bool is_free(const struct io_tlb_pool *p, uint32_t slot, uint32_t nr)
{
	for (uint32_t i = slot; i < slot + nr; i++)
		if (bitmap_test(p->map, i))
			return false;
	return true;
}

/* A row of free slots inside one segment, from the index on and round. UINT32_MAX: none. */
static uint32_t find_slots(const struct io_tlb_pool *p, uint32_t nr, uint32_t stride)
{
	uint32_t at = (uint32_t)align_up(p->index, stride);

	for (uint32_t tried = 0; tried < p->nslabs; tried += stride, at += stride) {
		if (at >= p->nslabs)
			at = 0;
		if (at % IO_TLB_SEGSIZE + nr <= IO_TLB_SEGSIZE && at + nr <= p->nslabs && is_free(p, at, nr))
			return at;
	}
	return UINT32_MAX;
}

static uint64_t take_slots(struct swiotlb *sw, struct io_tlb_pool *p, uint32_t slot, uint32_t nr)
{
	for (uint32_t i = slot; i < slot + nr; i++)
		bitmap_set(p->map, i);
	p->used += nr;
	p->index = slot + nr < p->nslabs ? slot + nr : 0;
	sw->stats.mappings++;
	sw->stats.used_slots += nr;
	if (sw->stats.used_slots > sw->stats.peak_slots)
		sw->stats.peak_slots = sw->stats.used_slots;
	return pool_phys(sw, p) + ((uint64_t)slot << IO_TLB_SHIFT);
}

static uint32_t nr_slots(uint64_t size)
{
	return (uint32_t)((size + IO_TLB_SIZE - 1) >> IO_TLB_SHIFT);
}

/* A pool for one mapping, from the largest zone that the mask reaches. */
static uint64_t map_transient(struct swiotlb *sw, uint64_t size, uint64_t mask)
{
	unsigned order = 0;
	struct io_tlb_pool *p;
	gfp_t zone = mask >> 32 ? 0 : mask >> 24 ? __GFP_DMA32 : __GFP_DMA;

	while (page_bytes(sw->mem) << order < size)
		order++;
	if (!add_pool(sw, GFP_NOWAIT | zone, order, true))
		return SWIOTLB_NONE;
	p = &sw->pools.data[sw->pools.nr - 1];
	if (pool_end(sw, p) - 1 > mask) {
		remove_pool(sw, sw->pools.nr - 1);
		return SWIOTLB_NONE;
	}
	sw->stats.transient_pools++;
	return take_slots(sw, p, 0, nr_slots(size));
}

uint64_t swiotlb_map(struct swiotlb *sw, uint64_t size, uint64_t mask)
{
	uint32_t nr = nr_slots(size), slot;
	uint32_t stride = size >= page_bytes(sw->mem) ? (uint32_t)(page_bytes(sw->mem) >> IO_TLB_SHIFT) : 1;
	uint64_t phys = SWIOTLB_NONE;

	BUG_ON(!size || size > SWIOTLB_MAX_BYTES);
	for (size_t i = 0; i < sw->pools.nr; i++) {
		struct io_tlb_pool *p = &sw->pools.data[i];

		if (p->transient || pool_end(sw, p) - 1 > mask)
			continue;
		slot = find_slots(p, nr, stride);
		if (slot != UINT32_MAX)
			return take_slots(sw, p, slot, nr);
	}
	if (sw->mem->conf.dma_swiotlb_dynamic)
		phys = map_transient(sw, size, mask);
	sw->stats.failures += phys == SWIOTLB_NONE;
	return phys;
}

void swiotlb_unmap(struct swiotlb *sw, uint64_t phys, uint64_t size)
{
	uint32_t nr = nr_slots(size), slot;
	struct io_tlb_pool *p;
	size_t i = 0;

	while (i < sw->pools.nr && (phys < pool_phys(sw, &sw->pools.data[i]) ||
				    phys >= pool_end(sw, &sw->pools.data[i])))
		i++;
	BUG_ON(i == sw->pools.nr);
	p = &sw->pools.data[i];
	slot = (uint32_t)((phys - pool_phys(sw, p)) >> IO_TLB_SHIFT);
	for (uint32_t s = slot; s < slot + nr; s++) {
		BUG_ON(!bitmap_test(p->map, s));
		bitmap_clear(p->map, s);
	}
	p->used -= nr;
	sw->stats.used_slots -= nr;
	if (p->transient)
		remove_pool(sw, i);
}

void swiotlb_stats(const struct swiotlb *sw, struct swiotlb_stats *ret)
{
	*ret = sw ? sw->stats : (struct swiotlb_stats){0};
}

bool swiotlb_consistent(const struct swiotlb *sw, struct strbuf *why)
{
	uint64_t used = 0;
	bool ok = true;

	for (size_t i = 0; sw && i < sw->pools.nr; i++) {
		const struct io_tlb_pool *p = &sw->pools.data[i];
		uint32_t nr = 0;

		for (uint32_t s = 0; s < p->nslabs; s++)
			nr += bitmap_test(p->map, s);
		ok &= nr == p->used;
		used += nr;
	}
	ok &= !sw || used == sw->stats.used_slots;
	if (!ok && why)
		strbuf_addstr(why, "swiotlb: used slots are miscounted\n");
	return ok;
}
