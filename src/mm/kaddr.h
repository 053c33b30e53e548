/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Logical kernel addresses: the direct map. Kernel counterpart: arch/x86/include/asm/page.h (__va, __pa).
 *
 * A kaddr_t is an address of the simulated kernel, never one of the host. In the direct map
 *	virt = phys + page_offset
 * Memory above geometry->lowmem_bytes (HIGHMEM) has no such address.
 */
#ifndef MM_KADDR_H
#define MM_KADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm_types.h"

typedef uint64_t kaddr_t;	/* 0: none */

static inline bool pfn_has_kaddr(const struct memory *mem, pfn_t pfn)
{
	return !mem->geo->lowmem_bytes ||
	       (uint64_t)pfn << mem->geo->page_shift < mem->geo->lowmem_bytes;
}

/* Of the first byte of a frame of low memory. */
static inline kaddr_t pfn_to_kaddr(const struct memory *mem, pfn_t pfn)
{
	VM_BUG_ON(!pfn_has_kaddr(mem, pfn));
	return mem->geo->page_offset + ((uint64_t)pfn << mem->geo->page_shift);
}

/* Frame of an address of the direct map. */
static inline pfn_t kaddr_to_pfn(const struct memory *mem, kaddr_t addr)
{
	return (pfn_t)((addr - mem->geo->page_offset) >> mem->geo->page_shift);
}

#endif
