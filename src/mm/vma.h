/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Areas in their tree. Kernel counterpart: mm/vma.c, mm/mmap.c; the red-black tree is that of
 * kernels up to 6.0, what happens to areas is that of 6.18.
 *
 * Modelled: lookup with a one-entry cache, the tree of areas with the largest hole of each subtree,
 * stack growth with guard gap and limits, page counts by kind (total_vm, data_vm ...).
 * Simplified: no locks. Left out: userfaultfd, growing up.
 *
 * An area's reference to its file is its creator's business: mapping_get_ref() before vma_link(),
 * mapping_put() after vma_unlink(), as get_file() and fput() in the kernel.
 *
 * Merging, splitting and copying areas: vma_merge.h. System calls: mmap.h.
 */
#ifndef MM_VMA_H
#define MM_VMA_H

#include "mm/mm_types.h"

/* vm.mmap_min_addr: what nobody may map without a privilege. */
#define MMAP_MIN_ADDR 65536

struct vm_area_struct *find_vma_slow(struct mm_struct *mm, uint64_t addr);
struct vm_area_struct *find_vma_prev(struct mm_struct *mm, uint64_t addr,
				     struct vm_area_struct **ret_prev);
/* The first area that meets [start, end), NULL when there is none. */
struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, uint64_t start, uint64_t end);
struct vm_area_struct *vma_next(const struct vm_area_struct *vma);
struct vm_area_struct *vma_prev(const struct vm_area_struct *vma);
struct vm_area_struct *first_vma(const struct mm_struct *mm);

/* A zeroed area, on no tree. NULL: no memory; so with the copy. */
struct vm_area_struct *vm_area_alloc(struct mm_struct *mm);
/*
 * A copy of the fields, on no tree and with no anon_vma edges (vma->anon_vma is copied as the
 * kernel does). The memory policy is a copy of its own.
 */
struct vm_area_struct *vm_area_dup(struct mm_struct *mm, const struct vm_area_struct *orig);
void vm_area_free(struct vm_area_struct *vma);
/* Links a filled-in area into the tree, its file's interval tree and map_count. */
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma);
/* The same, where the place is known: right behind prev. */
void vma_link_after(struct vm_area_struct *prev, struct vm_area_struct *vma);
/* The way back. The anon_vma edges stay. */
void vma_unlink(struct vm_area_struct *vma);
/* New bounds for a linked area, which must not jump over its neighbours: keeps all trees. */
void vma_set_range(struct vm_area_struct *vma, uint64_t start, uint64_t end, uint64_t pgoff);
void vma_set_end(struct vm_area_struct *vma, uint64_t end);

/* Grows the area above addr down to it, when it may. False: no. (mm/vma.c: expand_downwards) */
bool expand_stack(struct mm_struct *mm, uint64_t addr);
/*
 * PTE_* permission bits of a fresh entry of the area, as vma->vm_page_prot: PTE_USER and
 * PTE_PRESENT, or PTE_PROTNONE; PTE_NX; PTE_WRITE only for shared memory whose writes need no
 * notice (shmem).
 */
uint64_t vma_page_prot(const struct vm_area_struct *vma);
/* A shared area whose file wants to know of each first write to a page (vma_wants_writenotify). */
bool vma_wants_writenotify(const struct vm_area_struct *vma);

/* Adds (or takes off) pages of an area of these flags. */
void vm_stat_account(struct mm_struct *mm, uint64_t vm_flags, int64_t nr_pages);
/* RLIMIT_AS and RLIMIT_DATA permit so many pages more. */
bool may_expand_vm(const struct mm_struct *mm, uint64_t vm_flags, uint64_t nr_pages);
/* VmHWM: before pages are taken away. */
static inline void update_hiwater_rss(struct mm_struct *mm)
{
	uint64_t rss = (uint64_t)(mm->rss_stat[MM_FILEPAGES] + mm->rss_stat[MM_ANONPAGES] + mm->rss_stat[MM_SHMEMPAGES]);

	if (rss > mm->hiwater_rss)
		mm->hiwater_rss = rss;
}

/* Takes pages from the commit limit: false when vm.overcommit_memory forbids. (mm/util.c) */
bool vm_enough_memory(struct mm_struct *mm, uint64_t nr_pages);
void vm_unacct_memory(struct memory *mem, uint64_t nr_pages);

/* Walks everything: tree, order, counts, gaps, anon_vma edges. For tests and mm_debug. */
bool vma_consistent(struct mm_struct *mm);

/* First area with addr < vm_end, NULL when there is none. */
static inline struct vm_area_struct *find_vma(struct mm_struct *mm, uint64_t addr)
{
	struct vm_area_struct *vma = mm->vmacache;

	if (likely(vma && vma->vm_start <= addr && addr < vma->vm_end))
		return vma;
	return find_vma_slow(mm, addr);
}

/* The area that holds addr, NULL when there is none. */
static inline struct vm_area_struct *vma_lookup(struct mm_struct *mm, uint64_t addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start <= addr ? vma : NULL;
}

/* Private anonymous memory. */
static inline bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_mapping && !(vma->vm_flags & VM_SPECIAL_MAP);
}

static inline bool vma_is_accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCESS_FLAGS;
}

static inline uint64_t vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> vma->vm_mm->mem->geo->page_shift;
}

/* Granule in the file (or linear index of the anonymous area) of an address. */
static inline uint64_t linear_page_index(const struct vm_area_struct *vma, uint64_t addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> 12);
}

static inline uint64_t page_size(const struct mm_struct *mm)
{
	return 1ull << mm->mem->geo->page_shift;
}

static inline uint64_t page_align(const struct mm_struct *mm, uint64_t bytes)
{
	return (bytes + page_size(mm) - 1) & ~(page_size(mm) - 1);
}

static inline bool page_aligned(const struct mm_struct *mm, uint64_t addr)
{
	return !(addr & (page_size(mm) - 1));
}

#endif
