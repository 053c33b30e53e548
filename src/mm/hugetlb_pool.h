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
 * Left out: sizes of several entries (arm64's contiguous bit), hugetlb cgroups, hugetlb_cma, poisoned pages.
 *
 *	nr_huge_pages = free_huge_pages + folios in use
 *	surplus_huge_pages <= nr_huge_pages, resv_huge_pages <= free_huge_pages + what overcommit may still allocate
 *
 * A folio of a pool has PG_HUGETLB and is on no LRU list. Its references are dropped by hugetlb_put_folio(), not put_page().
 * In the pool it keeps one reference, so that its frames count as handed out. A gigantic folio, larger than the allocator's
 * largest order, is a row of folios of that order; the first stands for all. Words that the kernel has in struct folio
 * stand in `index` of the second page (HUGETLB_*); how often it is mapped, in folio_entire_mapcount() (mm/rmap.h).
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

/* index of the second page: which pool, and ... */
#define HUGETLB_HSTATE_MASK	0xffull
#define HUGETLB_RESTORE_RESERVE	(1ull << 8)	/* it used a reservation that shall come back when it is freed */
#define HUGETLB_FREE		(1ull << 9)	/* it is in the pool */

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
/* A folio in use that nobody knows yet lies in the pool from now on. */
void hugetlb_enqueue_folio(struct hstate *h, pfn_t head);
/* A free folio leaves the pool for the allocator. */
void hugetlb_remove_folio(struct hstate *h, pfn_t head, bool surplus);

/* How many times the folio is mapped. */
uint32_t hugetlb_mapcount(const struct memory *mem, pfn_t head);
/* So many reservations are given up; surplus ones that nobody waits for go. (hugetlb_acct_memory, negative) */
void hugetlb_unreserve(struct hstate *h, uint64_t nr);

/* Unmaps [start, end) of an area; whole huge pages. */
void unmap_hugepage_range(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start, uint64_t end);
/* An area ends: private reservations that were not consumed go back. */
void hugetlb_vm_op_close(struct vm_area_struct *vma);
/* The area is no longer the one that reserved, without giving anything back: it has moved. */
void clear_vma_resv_huge_pages(struct vm_area_struct *vma);
/* ftruncate(): what lies behind is unmapped and goes, with its reservations. */
void hugetlb_truncate(struct address_space *mapping, uint64_t size_bytes);
/* fallocate(FALLOC_FL_PUNCH_HOLE), MADV_REMOVE: whole huge pages inside [start, end) bytes go. */
void hugetlb_punch_hole(struct address_space *mapping, uint64_t start, uint64_t end);
/* The last reference to the mapping is gone. */
void hugetlb_evict_inode(struct address_space *mapping);

/* The reservation map of the area: the file's for shared ones; of private ones that of its owner, NULL for others. */
struct resv_map *vma_resv_map(const struct vm_area_struct *vma);
/* Does the area own private reservations? (HPAGE_RESV_OWNER) */
static inline bool is_vma_resv_owner(const struct vm_area_struct *vma)
{
	return vma->vm_resv && !(vma->vm_flags & VM_MAYSHARE);
}

/* Of [from, to), how many are not in the map; puts them in; takes those that are there out; how many are there. */
uint64_t region_chg(const struct resv_map *map, uint64_t from, uint64_t to);
uint64_t region_add(struct resv_map *map, uint64_t from, uint64_t to);
uint64_t region_del(struct resv_map *map, uint64_t from, uint64_t to);
uint64_t region_count(const struct resv_map *map, uint64_t from, uint64_t to);

/* Counts of all pools against their lists, and the lists against their folios. */
bool hugetlb_consistent(const struct memory *mem, struct strbuf *why);

#endif
