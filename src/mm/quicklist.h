/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Quicklists: page-table pages in store, one list per CPU, last in first out. Kernel
 * counterpart: mm/quicklist.c, include/linux/quicklist.h (last in 5.3; x86 used them from 2.6.22
 * on for some years, ia64 and sh to the end).
 *
 * A page comes back with all entries zero and is handed out again as it is, without zeroing and
 * without the page allocator. 6.18 frees such pages to the per-CPU lists of their zone instead,
 * and zeroes them anew: with kernel.quicklists=off the model does that, so both can be compared.
 *
 * Modelled: push and pop on the CPU that runs, whichever node the page is from (the first version
 * gave pages of other nodes back); trimming when an address space is unmapped and when a CPU idles: to 1/16 of the node's
 * free pages shared by its CPUs, 25 pages at least, 16 pages at most at a time. Simplified: one
 * list serves all levels (x86 kept the roots on one of their own, because theirs hold the
 * kernel's entries); idle CPUs trim each second of the model's clock.
 *
 * Pages in store stay page tables to nobody: PG_KERNEL is set, they are not in nr_page_table_pages.
 *
 * Interface:
 *   - quicklist_alloc(), quicklist_free(): by mm/pgtable.c; only with mem->quicklists
 *   - quicklist_trim(): one CPU's, as check_pgt_cache(); quicklist_trim_idle(): all CPUs', periodic
 *   - quicklist_drain(): everything back, under pressure
 */
#ifndef MM_QUICKLIST_H
#define MM_QUICKLIST_H

#include "mm/mm_types.h"

/* NULL stays in mem->quicklists unless kernel.quicklists is on. */
void quicklist_create(struct memory *mem);
void quicklist_destroy(struct memory *mem);

/* One zeroed page, _refcount 1, without flags of use; PFN_NONE: no memory. */
pfn_t quicklist_alloc(struct memory *mem, gfp_t gfp, int nid);
/* A page with all entries zero; its other flags are gone already. */
void quicklist_free(struct memory *mem, pfn_t pfn);
void quicklist_trim(struct memory *mem, unsigned cpu);
void quicklist_trim_idle(struct memory *mem);
/* Returns the pages freed. nid: a node or -1 for all. */
uint64_t quicklist_drain(struct memory *mem, int nid);
/* Pages in store, of all CPUs; that is "Quicklists" in /proc/meminfo. */
uint64_t quicklist_total_size(const struct memory *mem);

#endif
