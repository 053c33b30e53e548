/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Bits of page->flags. Kernel counterpart: include/linux/page-flags.h.
 *
 *	 bits	0-19	PG_*
 *	20-23	order of a free block, of a large folio (head page) or of a page's allocation
 *	24-26	zone index in its node
 *	27-31	PG_*
 *
 * The node is found through the section. What only some machines need of a frame (memory cgroup, swap slot,
 * generation, last CPU) stands in arrays beside mem_map: see struct memory.
 */
#ifndef MM_PAGE_FLAGS_H
#define MM_PAGE_FLAGS_H

#define PG_BUDDY	(1u << 0)	/* first page of a free block on zone->free_area */
#define PG_PCP		(1u << 1)	/* on a per-cpu list */
#define PG_HEAD		(1u << 2)	/* first page of a large folio */
#define PG_TAIL		(1u << 3)	/* other page of a large folio: `next` is the head's pfn */
#define PG_ANON		(1u << 4)	/* page->mapping is an anon_vma */
#define PG_ANON_EXCLUSIVE (1u << 5)	/* mapped by one process alone: may be written in place */
#define PG_SWAPBACKED	(1u << 6)
#define PG_LRU		(1u << 7)
#define PG_ACTIVE	(1u << 8)
#define PG_REFERENCED	(1u << 9)
#define PG_DIRTY	(1u << 10)
#define PG_UPTODATE	(1u << 11)
#define PG_READAHEAD	(1u << 12)
#define PG_MLOCKED	(1u << 13)
#define PG_UNEVICTABLE	(1u << 14)
#define PG_TABLE	(1u << 15)	/* holds a page table: page->index is the struct pgtable */
#define PG_RESERVED	(1u << 16)
#define PG_WRITEBACK	(1u << 17)
#define PG_KERNEL	(1u << 18)	/* other use by the kernel */
#define PG_SLAB		(1u << 19)	/* cut into objects: page->index of the head is the struct slab */
#define PG_MOVABLE_OPS	(1u << 27)	/* the kernel's own, but its owner can move it: mm/migrate.h */

#define PG_WORKINGSET	(1u << 28)	/* was active when it was evicted or last deactivated */
#define PG_SWAPCACHE	(1u << 29)	/* has a slot in swap: memory->page_swap */
#define PG_RECLAIM	(1u << 30)	/* written back to be reclaimed: to the old end when that is done */
#define PG_HUGETLB	(1u << 31)	/* of a hugetlb pool */

#define PAGE_ORDER_SHIFT	20
#define PAGE_ORDER_MASK		(15u << PAGE_ORDER_SHIFT)
#define PAGE_ZONE_SHIFT		24
#define PAGE_ZONE_MASK		(7u << PAGE_ZONE_SHIFT)
#define PAGE_FLAGS_MASK		(((1u << PAGE_ORDER_SHIFT) - 1) | PG_MOVABLE_OPS | PG_WORKINGSET | PG_SWAPCACHE | \
				 PG_RECLAIM | PG_HUGETLB)

#endif
