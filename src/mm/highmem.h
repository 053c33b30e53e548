/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Windows through which the kernel of a 32-bit machine sees memory above its direct map. Kernel
 * counterpart: mm/highmem.c, include/linux/highmem.h, arch/x86/include/asm/highmem.h.
 *
 * Modelled: kmap(): one page table's worth of windows (LAST_PKMAP: 1024, with PAE 512), a count for
 * each, given out in turn; when the turn comes round, windows that nobody uses are taken back and
 * their range is flushed from all TLBs. kmap_local_page(): KM_MAX_IDX windows a CPU, used as a stack,
 * each flushed from the own TLB when it is given up. Page-table pages in high memory
 * (kernel.highpte; CONFIG_HIGHPTE, last in 6.14).
 * Which of the two the kernel clears and copies pages through is kernel.highmem_map: `local`
 * (kmap_atomic up to 5.10, kmap_local since), or `pkmap`, the way of the textbooks.
 * Simplified: windows are not entries of the simulated page tables; colours of windows (no x86). A
 * kmap() for which there is no window would sleep: it fails, and is counted. Page-table pages go
 * through kmap_local whatever the setting.
 *
 * Interface:
 *   - memory->highmem is NULL where the direct map reaches everything: one branch is all that costs
 *   - kmap()/kunmap(), kmap_local_pfn()/kunmap_local()
 *   - clear_highpages(), copy_highpage(), touch_highpage(), map_pte_table(): what the kernel's paths do
 */
#ifndef MM_HIGHMEM_H
#define MM_HIGHMEM_H

#include "base/strbuf.h"
#include "mm/kaddr.h"
#include "mm/pgtable.h"

#define KM_MAX_IDX 16	/* windows of one CPU for kmap_local */

/* Values of kernel.highmem_map */
enum highmem_map { HIGHMEM_MAP_LOCAL, HIGHMEM_MAP_PKMAP };

/* A window: invariant as the kernel's pkmap_count. */
struct pkmap_slot {
	pfn_t pfn;		/* PFN_NONE: none */
	/* 0: free; 1: nobody uses it, but TLBs may have it; n: n - 1 users */
	uint32_t count;
};

struct highmem {
	struct pkmap_slot *pkmap;
	unsigned nr_pkmap;	/* LAST_PKMAP, a power of two */
	unsigned last_pkmap;	/* window that was given out last */
	struct htable slot_of;	/* pfn -> window */
	kaddr_t pkmap_start, local_start;
	uint8_t *local_depth;	/* by CPU, windows in use */
};

/* Nothing when the direct map of the geometry reaches all memory. */
void highmem_create(struct memory *mem);
void highmem_destroy(struct memory *mem);

/* The address of a frame: in the direct map, or of its window. 0: no window is to be had. */
kaddr_t kmap(struct memory *mem, pfn_t pfn);
void kunmap(struct memory *mem, pfn_t pfn);
/* The same for a short while: given up in reverse order, on the same CPU. */
kaddr_t kmap_local_pfn(struct memory *mem, pfn_t pfn);
void kunmap_local(struct memory *mem, kaddr_t addr);
/* Takes back every window that nobody uses. */
void kmap_flush_unused(struct memory *mem);

void highmem_touch(struct memory *mem, pfn_t pfn, unsigned nr);
void highmem_copy(struct memory *mem, pfn_t to, pfn_t from);
void highmem_map_table(struct memory *mem, const struct pgtable *table);

/* The kernel fills nr frames with zeros. PFN_NONE is nothing. Returns pfn. */
static inline pfn_t clear_highpages(struct memory *mem, pfn_t pfn, unsigned nr)
{
	if (unlikely(mem->highmem) && pfn != PFN_NONE)
		highmem_touch(mem, pfn, nr);
	return pfn;
}

static inline void copy_highpage(struct memory *mem, pfn_t to, pfn_t from)
{
	if (unlikely(mem->highmem))
		highmem_copy(mem, to, from);
}

/* Reads from it, or writes to it, for a program. */
static inline void touch_highpage(struct memory *mem, pfn_t pfn)
{
	if (unlikely(mem->highmem))
		highmem_touch(mem, pfn, 1);
}

/* Looks at the entries of a lowest table (pte_offset_map). NULL is nothing. */
static inline void map_pte_table(struct memory *mem, const struct pgtable *table)
{
	if (unlikely(mem->highmem) && table)
		highmem_map_table(mem, table);
}

/* Windows, counts and the way back from a frame agree. */
bool highmem_consistent(const struct memory *mem, struct strbuf *why);

#endif
