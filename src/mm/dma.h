/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Devices that reach memory by themselves. Kernel counterpart: kernel/dma/mapping.c, direct.c (no IOMMU), contiguous.c.
 *
 * Modelled: a device's address mask and node; coherent memory (contiguous, from CMA when there is an area, else a block
 * of the order that holds it, from ever lower zones until the mask is met); streaming maps, bounced through
 * mm/swiotlb.h where the device cannot reach the page, in pieces of at most 256 KiB; transfers by physical address,
 * which mark the pages dirty and touch neither page table nor TLB.
 * Simplified: a transfer maps, moves and unmaps at once; bus addresses are physical addresses. Left out: IOMMUs,
 * segments that may not cross a boundary, caches that are not coherent.
 *
 * Interface:
 *   - dma_create(), dma_destroy(); dma_device(): by the number that a trace gives it
 *   - dma_transfer(): one piece of physical memory
 *   - dma_alloc_coherent(), dma_free_coherent()
 */
#ifndef MM_DMA_H
#define MM_DMA_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "mm/kaddr.h"
#include "mm/swiotlb.h"

#define DMA_MAX_DEVICES 1024

struct dma_device {
	uint32_t id;
	const char *name;	/* NULL: the machine profile does not describe it */
	unsigned mask_bits;
	unsigned node;
	uint64_t mask;		/* largest address that it reaches */
	uint64_t transfers, bytes, bytes_to_memory;
	uint64_t mappings, bounced_mappings, bounced_bytes, mapping_failures;
	uint64_t dirtied_pages;	/* pages in use that a transfer wrote to */
	uint64_t coherent[MAX_ORDER_LIMIT], coherent_failed[MAX_ORDER_LIMIT];	/* by order; beyond all: the last */
	uint64_t cma_allocs;	/* of coherent: from an area of CMA */
};

struct dma_system {
	struct memory *mem;
	VEC(struct dma_device *) devices;	/* by id */
	struct swiotlb *swiotlb;		/* NULL until a device needs it */
};

/* Coherent memory: nr frames from pfn on. */
struct dma_buffer {
	pfn_t pfn;
	uint64_t nr;
	unsigned order;
	bool from_cma;
};

void dma_create(struct memory *mem);
void dma_destroy(struct memory *mem);
/* Describes a device before it is used. name may be NULL, and must outlive the system. */
struct dma_device *dma_add_device(struct memory *mem, uint32_t id, const char *name, unsigned mask_bits,
				  unsigned node);
/*
 * The device of that number, made with dma.mask_bits and dma.node when it is new. NULL: there are DMA_MAX_DEVICES
 * already.
 */
struct dma_device *dma_device(struct memory *mem, uint32_t id);

/*
 * One piece of a transfer: moves [phys, phys + len) to memory, or from it. All of it must be memory. False: no bounce buffer for some of it;
 * what came before has been moved.
 */
bool dma_transfer(struct memory *mem, struct dma_device *dev, uint64_t phys, uint64_t len, bool to_memory);
/* All pieces are moved: the device counts a transfer and interrupts the CPU. */
void dma_complete(struct memory *mem, struct dma_device *dev);
/* All of [phys, phys + len) is memory of the machine. */
bool dma_is_memory(const struct memory *mem, uint64_t phys, uint64_t len);

/* False: no memory that the device reaches. */
bool dma_alloc_coherent(struct memory *mem, struct dma_device *dev, uint64_t size, struct dma_buffer *ret);
void dma_free_coherent(struct memory *mem, const struct dma_buffer *buf);

bool dma_consistent(const struct memory *mem, struct strbuf *why);

#endif
