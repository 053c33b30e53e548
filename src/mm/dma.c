/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Devices: see dma.h. */
#include "mm/dma.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "mm/contig.h"
#include "mm/kentry.h"
#include "mm/page_alloc.h"
#include "mm/writeback.h"

#define CMA_ALIGNMENT	8	/* CONFIG_CMA_ALIGNMENT: largest order that CMA aligns to */

/* ---- devices ---- */

void dma_create(struct memory *mem)
{
	mem->dma = xcalloc(1, sizeof(*mem->dma));
	mem->dma->mem = mem;
}

void dma_destroy(struct memory *mem)
{
	if (!mem->dma)
		return;
	for (size_t i = 0; i < mem->dma->devices.nr; i++)
		free(mem->dma->devices.data[i]);
	vec_finish(&mem->dma->devices);
	swiotlb_destroy(mem->dma->swiotlb);
	free(mem->dma);
	mem->dma = NULL;
}

static uint64_t memory_end(const struct memory *mem)
{
	return (uint64_t)mem->max_pfn << mem->geo->page_shift;
}

/* Where a device of that number is or would stand. */
static size_t device_index(const struct dma_system *dma, uint32_t id)
{
	size_t low = 0, high = dma->devices.nr;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (dma->devices.data[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct dma_device *dma_add_device(struct memory *mem, uint32_t id, const char *name, unsigned mask_bits,
				  unsigned node)
{
	struct dma_system *dma = mem->dma;
	struct dma_device *dev = xcalloc(1, sizeof(*dev));
	size_t at = device_index(dma, id);

	dev->id = id;
	dev->name = name;
	dev->mask_bits = mask_bits;
	dev->mask = mask_bits >= 64 ? UINT64_MAX : (1ull << mask_bits) - 1;
	dev->node = node < mem->nr_nodes ? node : 0;
	(void)vec_push(&dma->devices);
	memmove(&dma->devices.data[at + 1], &dma->devices.data[at],
		(dma->devices.nr - 1 - at) * sizeof(dma->devices.data[0]));
	dma->devices.data[at] = dev;
	if (!dma->swiotlb && dev->mask < memory_end(mem) - 1)
		dma->swiotlb = swiotlb_create(mem, mem->conf.dma_swiotlb_bytes);
	return dev;
}

struct dma_device *dma_device(struct memory *mem, uint32_t id)
{
	size_t at = device_index(mem->dma, id);

	if (at < mem->dma->devices.nr && mem->dma->devices.data[at]->id == id)
		return mem->dma->devices.data[at];
	if (mem->dma->devices.nr >= DMA_MAX_DEVICES)
		return NULL;
	return dma_add_device(mem, id, NULL, (unsigned)mem->conf.dma_mask_bits, (unsigned)mem->conf.dma_node);
}

/* ---- transfers ---- */

bool dma_is_memory(const struct memory *mem, uint64_t phys, uint64_t len)
{
	unsigned shift = mem->geo->page_shift;

	if (!len || phys + len - 1 < phys || phys + len > memory_end(mem))
		return false;
	for (uint64_t s = phys >> shift >> SECTION_SHIFT; s <= (phys + len - 1) >> shift >> SECTION_SHIFT; s++)
		if (mem->sections[s].node >= mem->nr_nodes)
			return false;
	return true;
}

/* What the driver does with the pages that were written (set_page_dirty_lock). Free pages stay as they are. */
static void dirty_pages(struct memory *mem, struct dma_device *dev, uint64_t phys, uint64_t len)
{
	unsigned shift = mem->geo->page_shift;

	for (uint64_t pfn = phys >> shift; pfn <= (phys + len - 1) >> shift; pfn++) {
		struct page *head;

		if (!pfn_is_touched(mem, (pfn_t)pfn)) {
			pfn |= SECTION_PAGES - 1;
			continue;
		}
		head = pfn_to_page(mem, folio_pfn(mem, (pfn_t)pfn));
		if (head->_refcount <= 0 || head->flags & (PG_BUDDY | PG_PCP | PG_RESERVED))
			continue;
		dev->dirtied_pages++;
		if (head->flags & (PG_ANON | PG_LRU) || head->mapping)
			(void)folio_mark_dirty(mem, folio_pfn(mem, (pfn_t)pfn));
	}
}

/* The copy between the page and its bounce buffer, by the CPU. */
static void touch_bounce(struct memory *mem, uint64_t phys, uint64_t bounce, uint64_t len, bool to_memory)
{
	unsigned shift = mem->geo->page_shift;

	if (likely(!mem->ktouch))
		return;
	for (uint64_t off = 0; off < len; off += 1ull << shift) {
		ktouch_frame(mem, (pfn_t)((bounce + off) >> shift), !to_memory);
		ktouch_frame(mem, (pfn_t)((phys + off) >> shift), to_memory);
	}
}

static bool transfer_bounced(struct memory *mem, struct dma_device *dev, uint64_t phys, uint64_t len,
			     bool to_memory)
{
	while (len) {
		uint64_t part = len < SWIOTLB_MAX_BYTES ? len : SWIOTLB_MAX_BYTES;
		uint64_t bounce = SWIOTLB_NONE;

		if (mem->dma->swiotlb)
			bounce = swiotlb_map(mem->dma->swiotlb, part, dev->mask);
		if (bounce == SWIOTLB_NONE) {
			dev->mapping_failures++;
			return false;
		}
		dev->mappings++;
		dev->bounced_mappings++;
		dev->bounced_bytes += part;
		dev->bytes += part;
		if (to_memory) {
			dev->bytes_to_memory += part;
			dirty_pages(mem, dev, phys, part);
		}
		touch_bounce(mem, phys, bounce, part, to_memory);
		swiotlb_unmap(mem->dma->swiotlb, bounce, part);
		phys += part;
		len -= part;
	}
	return true;
}

bool dma_transfer(struct memory *mem, struct dma_device *dev, uint64_t phys, uint64_t len, bool to_memory)
{
	if (phys + len - 1 > dev->mask)
		return transfer_bounced(mem, dev, phys, len, to_memory);
	dev->mappings++;
	dev->bytes += len;
	if (to_memory) {
		dev->bytes_to_memory += len;
		dirty_pages(mem, dev, phys, len);
	}
	return true;
}

void dma_complete(struct memory *mem, struct dma_device *dev)
{
	dev->transfers++;
	kernel_enter(mem, KERNEL_IO);
}

/* ---- coherent memory ---- */

static unsigned order_of(const struct memory *mem, uint64_t size)
{
	unsigned order = 0;

	while (order < MAX_ORDER_LIMIT - 1 && 1ull << (mem->geo->page_shift + order) < size)
		order++;
	return order;
}

static bool reaches(const struct memory *mem, const struct dma_device *dev, pfn_t pfn, uint64_t nr)
{
	return (((uint64_t)pfn + nr) << mem->geo->page_shift) - 1 <= dev->mask;
}

/* dma_alloc_contiguous(): the area of the node, unless only low memory will do, else the default area. */
static bool alloc_cma(struct memory *mem, const struct dma_device *dev, uint64_t nr, gfp_t gfp,
		      struct dma_buffer *ret)
{
	struct cma *cma = cma_area_of(mem, gfp & (__GFP_DMA | __GFP_DMA32) ? NUMA_NO_NODE : (int)dev->node);
	unsigned order = order_of(mem, nr << mem->geo->page_shift);
	pfn_t pfn;

	if (!cma || nr == 1)
		return false;
	pfn = cma_alloc(mem, cma, nr, order < CMA_ALIGNMENT ? order : CMA_ALIGNMENT);
	if (pfn == PFN_NONE)
		return false;
	if (!reaches(mem, dev, pfn, nr)) {
		cma_release(mem, cma, pfn, nr);
		return false;
	}
	*ret = (struct dma_buffer){ .pfn = pfn, .nr = nr, .order = order, .from_cma = true };
	return true;
}

/* From ever lower zones, as long as the block is out of reach (__dma_direct_alloc_pages). */
static bool alloc_block(struct memory *mem, const struct dma_device *dev, unsigned order, gfp_t zone,
			struct dma_buffer *ret)
{
	for (;;) {
		pfn_t pfn = alloc_pages(mem, GFP_KERNEL | __GFP_ZERO | zone, order, (int)dev->node);

		if (pfn != PFN_NONE && reaches(mem, dev, pfn, 1ull << order)) {
			*ret = (struct dma_buffer){ .pfn = pfn, .nr = 1ull << order, .order = order };
			return true;
		}
		if (pfn != PFN_NONE)
			free_pages_pfn(mem, pfn, order);
		if (pfn == PFN_NONE || zone == __GFP_DMA)
			return false;
		zone = zone ? __GFP_DMA : __GFP_DMA32;
	}
}

bool dma_alloc_coherent(struct memory *mem, struct dma_device *dev, uint64_t size, struct dma_buffer *ret)
{
	unsigned shift = mem->geo->page_shift, order;
	gfp_t zone = dev->mask_bits <= 24 ? __GFP_DMA : dev->mask_bits <= 32 ? __GFP_DMA32 : 0;
	uint64_t nr = (size >> shift) + !!(size & ((1ull << shift) - 1));
	bool ok;

	order = order_of(mem, size);
	ok = nr && nr <= mem->totalram_pages &&
	     (alloc_cma(mem, dev, nr, zone, ret) ||
	      (nr <= 1ull << mem->geo->max_order && alloc_block(mem, dev, order, zone, ret)));
	if (!ok) {
		dev->coherent_failed[order]++;
		return false;
	}
	dev->coherent[order]++;
	dev->cma_allocs += ret->from_cma;
	return true;
}

void dma_free_coherent(struct memory *mem, const struct dma_buffer *buf)
{
	if (!buf->from_cma) {
		free_pages_pfn(mem, buf->pfn, buf->order);
		return;
	}
	for (unsigned n = 0; n <= mem->nr_nodes; n++) {
		struct cma *cma = cma_area_of(mem, (int)n - 1);

		if (cma && cma_release(mem, cma, buf->pfn, buf->nr))
			return;
	}
	BUG_ON(buf->from_cma);
}

bool dma_consistent(const struct memory *mem, struct strbuf *why)
{
	return !mem->dma || swiotlb_consistent(mem->dma->swiotlb, why);
}
