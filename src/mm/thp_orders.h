/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which sizes of page an area may use. Kernel counterpart: include/linux/huge_mm.h, mm/huge_memory.c
 * (__thp_vma_allowable_orders, vma_thp_gfp_mask).
 *
 * Modelled: thp.enabled, the switch of each size (thp.hugepages-*kB.enabled), MADV_HUGEPAGE and MADV_NOHUGEPAGE,
 * prctl(PR_SET_THP_DISABLE) with and without PR_THP_DISABLE_EXCEPT_ADVISED; thp.shmem_enabled; thp.defrag.
 * Left out: DAX, huge= of tmpfs mounts, shmem sizes below a huge entry, areas of an exec that is under way.
 *
 * Orders stand in a bit mask: bit n is a folio of 2^n base pages.
 */
#ifndef MM_THP_ORDERS_H
#define MM_THP_ORDERS_H

#include "mm/mm_types.h"

#define HPAGE_LEVEL 1

static inline uint64_t hpage_size(const struct memory *mem)
{
	return 1ull << mem->geo->level[HPAGE_LEVEL].shift;
}

static inline unsigned hpage_order(const struct memory *mem)
{
	return mem->geo->level[HPAGE_LEVEL].bits ? mem->geo->level[0].bits : 0;
}

/* Who asks, for thp_vma_allowable_orders(). */
enum tva_type {
	TVA_SMAPS,		/* would the area ever get one? */
	TVA_PAGEFAULT,
	TVA_KHUGEPAGED,
	TVA_FORCED_COLLAPSE,	/* MADV_COLLAPSE: the switches do not count */
};

/* Reads the switches of the sizes anew: for tests, which change them. */
void thp_orders_setup(struct memory *mem);
/* All orders that anonymous memory may use on this machine: from four pages to one huge entry. */
uint32_t thp_orders_all_anon(const struct memory *mem);
/*
 * Of `orders`, those that the area may use by its flags and by the switches, and that fit somewhere in it.
 * (thp_vma_allowable_orders)
 */
uint32_t thp_vma_allowable_orders(const struct vm_area_struct *vma, enum tva_type type, uint32_t orders);
/* Of `orders`, those whose aligned block around addr lies inside the area. (thp_vma_suitable_orders) */
uint32_t thp_vma_suitable_orders(const struct vm_area_struct *vma, uint64_t addr, uint32_t orders);
static inline bool thp_vma_allowable_order(const struct vm_area_struct *vma, enum tva_type type, unsigned order)
{
	return thp_vma_allowable_orders(vma, type, 1u << order);
}
/* May some area have huge entries? (hugepage_pmd_enabled) */
bool hugepage_pmd_enabled(const struct memory *mem);
/* True when some size below a huge entry may be used at all: one test in the fault path. */
static inline bool thp_small_orders(const struct memory *mem)
{
	return unlikely(mem->thp_orders.small);
}

/*
 * thp.khugepaged.max_ptes_*. Their defaults are those of 512 entries a table, and stand for the same part of tables of other
 * sizes: all but one, an eighth, half.
 */
enum khugepaged_limit { KHUGEPAGED_MAX_PTES_NONE, KHUGEPAGED_MAX_PTES_SWAP, KHUGEPAGED_MAX_PTES_SHARED };
uint64_t khugepaged_limit(const struct memory *mem, enum khugepaged_limit limit);

/* What an allocation of a huge page for the area may do, by thp.defrag. (vma_thp_gfp_mask) */
gfp_t vma_thp_gfp_mask(const struct vm_area_struct *vma);

/* Is a fault at addr to be served with a huge entry, if there is one? */
bool thp_pmd_wanted(const struct vm_area_struct *vma, uint64_t addr);

#endif
