/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Bounce buffers for devices that cannot reach a page. Kernel counterpart: kernel/dma/swiotlb.c.
 *
 * Modelled: slots of 2 KiB, at most 128 in a row for one mapping and inside one segment of 128; the search starts
 * behind the last mapping and goes round; mappings of a page and more start at a page; with dma.swiotlb_dynamic
 * (CONFIG_SWIOTLB_DYNAMIC) a mapping that finds no room gets a pool of its own, from a zone that the device reaches,
 * until it is unmapped.
 * Simplified: the pool is taken from the page allocator in blocks of the largest order when a device needs it, where
 * the kernel takes one piece at boot; since no mapping leaves its segment that is the same for mappings. Slots
 * are one area, not one per CPU. Left out: growth of the pool by a worker, encrypted memory, restricted pools.
 */
#ifndef MM_SWIOTLB_H
#define MM_SWIOTLB_H

#include "base/strbuf.h"
#include "mm/kaddr.h"

#define IO_TLB_SHIFT	11
#define IO_TLB_SIZE	(1u << IO_TLB_SHIFT)
#define IO_TLB_SEGSIZE	128		/* slots of one segment */
#define SWIOTLB_MAX_BYTES ((uint64_t)IO_TLB_SEGSIZE << IO_TLB_SHIFT)	/* of one mapping */
#define SWIOTLB_NONE	UINT64_MAX

struct swiotlb_stats {
	uint64_t pool_bytes;		/* taken; at most dma.swiotlb */
	uint64_t slots, used_slots, peak_slots;
	uint64_t mappings, failures;
	uint64_t transient_pools;	/* ever made */
};

struct swiotlb;

/* Takes up to `bytes` from memory below 4 GiB (low memory, where there is high memory). */
struct swiotlb *swiotlb_create(struct memory *mem, uint64_t bytes);
void swiotlb_destroy(struct swiotlb *sw);
/*
 * `size` bytes (1 to SWIOTLB_MAX_BYTES) that end at `mask` or below. Returns their physical address, or
 * SWIOTLB_NONE: no room.
 */
uint64_t swiotlb_map(struct swiotlb *sw, uint64_t size, uint64_t mask);
void swiotlb_unmap(struct swiotlb *sw, uint64_t phys, uint64_t size);
void swiotlb_stats(const struct swiotlb *sw, struct swiotlb_stats *ret);
bool swiotlb_consistent(const struct swiotlb *sw, struct strbuf *why);

#endif
