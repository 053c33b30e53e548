/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The pools of huge pages that are set aside, who reserved how many of them, and how a mapping gives them back. Kernel
 * counterpart: mm/hugetlb.c (hstates, free_huge_folio, reservation maps, __unmap_hugepage_range), fs/hugetlbfs/inode.c
 * (remove_inode_hugepages).
 *
 * Modelled: one pool for each size that the page tables can map and a machine has by default, with free, reserved, surplus and
 * persistent pages by node; the lists of free folios (last freed, first taken); reservation maps of files (shared mappings)
 * and of private mappings, with restoring of what a folio consumed; the page cache of hugetlbfs files.
 * Simplified: no sub-pools (mount options min_size, size); freeing the vmemmap of huge pages (HVO) is off.
 * Left out: hugetlb cgroups, hugetlb_cma, poisoned pages.
 *
 *	nr_huge_pages = free_huge_pages + folios in use
 *	surplus_huge_pages <= nr_huge_pages, resv_huge_pages <= free_huge_pages + what overcommit may still allocate
 *
 * A folio of a pool has PG_HUGETLB and is on no LRU list. Its references are dropped by hugetlb_put_folio(), not put_page().
 * Below zap, so that areas can be unmapped. Faults, reservation and allocation: mm/hugetlb.h.
 */
#ifndef MM_HUGETLB_POOL_H
#define MM_HUGETLB_POOL_H

#include "base/strbuf.h"
#include "mm/mm_types.h"
#include "mm/pgtable.h"

struct mmu_gather;

#define HUGE_MAX_HSTATE 4

/* One size. All counts are huge pages. */
struct hstate {
	struct memory *mem;
	unsigned order, level;		/* of base pages; of the page-table entry that maps one */
	unsigned nr_entries;		/* at that level that map one: more than 1 for sizes of arm64's contiguous bit */
	uint64_t nr_huge_pages, free_huge_pages, resv_huge_pages, surplus_huge_pages;
	uint64_t max_huge_pages;	/* wanted: /proc/sys/vm/nr_hugepages */
	uint64_t nr_overcommit_huge_pages;
	uint64_t nr_node[MAX_NUMNODES], free_node[MAX_NUMNODES], surplus_node[MAX_NUMNODES];
	struct pfn_list free_list[MAX_NUMNODES];
	unsigned next_nid_alloc, next_nid_free;	/* pools grow and shrink around the nodes */
	/* since the start */
	uint64_t alloc_fail;		/* faults that found none: SIGBUS */
	uint64_t mmap_fail;		/* mappings refused for want of reservations */
	uint64_t peak_used;
};

/* A range of huge-page indices [from, to) that is reserved (shared: or instantiated; private: consumed). */
struct file_region {
	uint64_t from, to;
};

/* By ascending index, no two touch. Kernel: struct resv_map. */
struct resv_map {
	uint32_t refs;			/* areas that share it, or the file */
	bool unmapped;			/* private: the parent took pages away from this child (HPAGE_RESV_UNMAPPED) */
	VEC(struct file_region) regions;
};

/* What a hugetlbfs file has instead of a page cache. */
struct hugetlb_inode {
	struct hstate *h;
	struct radix folios;		/* huge-page index -> pfn + 1 */
	struct resv_map resv;
	uint64_t nr_folios;
};

/* memory->hugetlb */
struct hugetlb {
	unsigned nr_hstates, default_hstate;
	struct hstate hstates[HUGE_MAX_HSTATE];	/* by ascending order */
};

static inline bool is_vm_hugetlb_page(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_HUGETLB;
}

/* The pool of an area of hugetlbfs. */
static inline struct hstate *hstate_vma(const struct vm_area_struct *vma)
{
	return vma->vm_mapping->hugetlb->h;
}

static inline uint64_t huge_page_size(const struct hstate *h)
{
	return 1ull << (h->order + h->mem->geo->page_shift);
}

/* NULL: this machine has no such size. */
struct hstate *size_to_hstate(const struct memory *mem, uint64_t bytes);
/* The pool a folio belongs to; head has PG_HUGETLB. */
struct hstate *folio_hstate(const struct memory *mem, pfn_t head);
/* Index of the huge page of the file that addr is in. */
uint64_t vma_hugecache_offset(const struct vm_area_struct *vma, uint64_t addr);

/* A free folio of the pool near nid, of the nodes of the mask; PFN_NONE. _refcount 1 afterwards. */
pfn_t dequeue_hugetlb_folio(struct hstate *h, int nid, uint64_t nodemask);
/* Drops a reference; the last one gives the folio back to its pool, or to the allocator when it is surplus. */
void hugetlb_put_folio(struct memory *mem, pfn_t head);
/* A folio fresh from the allocator, of that order and _refcount 1, becomes one of the pool's, in use. */
void hugetlb_add_folio(struct hstate *h, pfn_t head, bool surplus);
/* A free folio leaves the pool for the allocator. */
void hugetlb_remove_folio(struct hstate *h, pfn_t head, bool surplus);

/* Unmaps [start, end) of an area; whole huge pages. */
void unmap_hugepage_range(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start, uint64_t end);
/* An area ends: private reservations that were not consumed go back. */
void hugetlb_vm_op_close(struct vm_area_struct *vma);
/* The file ends, or shrinks to `from` huge pages: its folios and reservations go. */
void hugetlb_truncate(struct address_space *mapping, uint64_t from);
/* The last reference to the mapping is gone. */
void hugetlb_evict_inode(struct address_space *mapping);

/* Huge pages that [from, to) still needs reserved; region_add() reserves them; region_del() forgets all, and says how many. */
uint64_t region_chg(const struct resv_map *map, uint64_t from, uint64_t to);
uint64_t region_add(struct resv_map *map, uint64_t from, uint64_t to);
uint64_t region_del(struct resv_map *map, uint64_t from, uint64_t to);

/* Counts of all pools against their lists, and the lists against their folios. */
bool hugetlb_consistent(const struct memory *mem, struct strbuf *why);

#endif
