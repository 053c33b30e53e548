/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * From a page to the entries that map it. Kernel counterpart: mm/rmap.c.
 *
 * Modelled: anonymous pages through their anon_vma's interval tree, file pages through the file's; how often a
 * page is mapped by base entries (page->_mapcount) and its folio by huge entries (folio_entire_mapcount()).
 * Taking a folio out of all page tables (rmap-unmap.c).
 * Simplified: no locks; entries are looked at one by one. Left out: KSM, device memory.
 *
 * A page is mapped _mapcount + folio_entire_mapcount() times; what a large folio counts as a whole: mm/deferred_split.h.
 * Of a large folio (mm_debug walks compare, thp_consistent()):
 *
 *	folio_nr_pages_mapped() = pages with _mapcount > 0
 *	folio_mapcount() = sum of _mapcount + folio_entire_mapcount()
 *	nr_anon_pages, nr_mapped: pages with page_mapcount() > 0
 */
#ifndef MM_RMAP_H
#define MM_RMAP_H

#include "mm/deferred_split.h"
#include "mm/mm_types.h"

/* How many entries map this page, huge ones included. */
uint32_t page_mapcount(const struct memory *mem, pfn_t pfn);

/* A fresh anonymous folio of that area from addr on, each page mapped once by a base entry and by nobody else. */
void folio_add_new_anon_rmap(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr);
/* One more base entry maps the page. */
void folio_add_rmap_pte(struct memory *mem, pfn_t pfn);
/*
 * One less. A large anonymous folio of which pages are left unmapped and others are not goes on the list of deferred splits:
 * whoever unmaps several pages of a folio in one go must say so in one call.
 */
void folio_remove_rmap_pte(struct memory *mem, pfn_t pfn);
/* The same for nr pages of one folio. */
void folio_add_rmap_ptes(struct memory *mem, pfn_t pfn, unsigned nr);
void folio_remove_rmap_ptes(struct memory *mem, pfn_t pfn, unsigned nr);
/* The same for a huge entry of a whole folio of 2^order pages. */
void folio_add_new_anon_rmap_pmd(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr);
void folio_add_rmap_pmd(struct memory *mem, pfn_t head);
void folio_remove_rmap_pmd(struct memory *mem, pfn_t head);

/*
 * Is the folio mapped by more than one address space? Exact; the kernel knows it of large folios as long as no more than two
 * map them at a time, and says yes when in doubt. (folio_maybe_mapped_shared)
 */
bool folio_maybe_mapped_shared(const struct memory *mem, pfn_t head);

/*
 * How many areas have used it since they were last asked: accessed bits of their entries are taken away, TLBs are not told.
 * *ret_vm_flags: those of the areas that had, and VM_LOCKED when any area is locked (nothing else is looked at then).
 * memcg: only areas of address spaces in that group and below count, NULL: all. (folio_referenced)
 */
unsigned folio_referenced(struct memory *mem, pfn_t head, const struct mem_cgroup *memcg, uint64_t *ret_vm_flags);

/* Is any page of the folio mapped? */
bool folio_mapped(const struct memory *mem, pfn_t head);

/* try_to_unmap(), with the kernel's names. */
#define TTU_SPLIT_HUGE_PMD	(1u << 2)	/* huge entries are split first; without it they stay, and the folio too */
#define TTU_IGNORE_MLOCK	(1u << 3)	/* locked areas lose the page too */
#define TTU_BATCH_FLUSH		(1u << 6)	/* TLBs of other CPUs are told by try_to_unmap_flush() */

/*
 * Takes the folio out of all page tables. Pages in the swap cache leave swap entries; lazily freed ones (anonymous,
 * neither PG_SWAPBACKED nor dirty) leave nothing; pages of files leave nothing. Dirty entries make the folio PG_DIRTY.
 * Areas that are locked keep it, and so do those whose page was written again after MADV_FREE (PG_SWAPBACKED is set
 * anew then). True: nothing maps it any more.
 */
bool try_to_unmap(struct memory *mem, pfn_t head, unsigned ttu_flags);
/* Before pages that try_to_unmap(..., TTU_BATCH_FLUSH) took away are written or freed. */
void try_to_unmap_flush(struct memory *mem);

/* Calls fn for every (area, address) that may map the page; stops when fn returns false. */
typedef bool rmap_fn(struct vm_area_struct *vma, uint64_t addr, void *ctx);
void rmap_walk(struct memory *mem, pfn_t pfn, rmap_fn *fn, void *ctx);

#endif
