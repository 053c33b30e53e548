/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a large folio knows beside its pages, and the list of those that had better be split. Kernel counterpart: struct
 * folio (_large_mapcount, _nr_pages_mapped, _entire_mapcount, _deferred_list), mm/huge_memory.c (deferred_split_folio,
 * __folio_unqueue_deferred_split).
 *
 * Modelled: the counts of mappings; the list of each node, with partially mapped folios told from those that are only
 * suspected of unused pages; the statistics of each size.
 * Simplified: one list a node for all memory cgroups; a scan on behalf of one takes its folios alone.
 *
 * A tail's `next` is the head, and on no list stands a tail: their other fields are free. Page by page behind the head:
 *
 *	head + 1	prev: huge entries that map the folio; _refcount: pages that base entries map; flags: PG_FOLIO_*
 *	head + 2	prev: previous on the deferred list; _refcount: all entries that map a page of it
 *	head + 3	prev: next on the deferred list
 *
 * Folios of two pages have no head + 2: they are on no list, and their entries are counted page by page.
 */
#ifndef MM_DEFERRED_SPLIT_H
#define MM_DEFERRED_SPLIT_H

#include "mm/memmap.h"

/* In flags of head + 1. */
#define PG_FOLIO_DEFERRED	PG_ACTIVE	/* on the list of its node */
#define PG_FOLIO_PARTIAL	PG_RECLAIM	/* some pages of it were unmapped */

static inline bool folio_test_large(const struct page *head)
{
	return head->flags & PG_HEAD;
}

/* How many huge entries map the folio. */
static inline pfn_t *folio_entire_mapcount(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 1)->prev;
}

/* How many of its pages are mapped by base entries. */
static inline int32_t *folio_nr_pages_mapped(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 1)->_refcount;
}

static inline bool folio_test_partially_mapped(const struct memory *mem, pfn_t head)
{
	return pfn_to_page(mem, head + 1)->flags & PG_FOLIO_PARTIAL;
}

static inline bool folio_test_deferred(const struct memory *mem, pfn_t head)
{
	return page_order(pfn_to_page(mem, head)) > 1 && pfn_to_page(mem, head + 1)->flags & PG_FOLIO_DEFERRED;
}

/* Entries that map the folio or pages of it, each counted once. Small folios too. */
int64_t folio_mapcount(const struct memory *mem, pfn_t head);
/* The counts of a large folio that nothing maps yet: whoever allocates one for users calls it. */
void folio_init_large(struct memory *mem, pfn_t head);

/*
 * Puts an anonymous folio of four pages or more on the list of its node, once. partially_mapped: pages of it were
 * unmapped; else it is new and may turn out to be underused. Counts thp_deferred_split_page. (deferred_split_folio)
 */
void deferred_split_folio(struct memory *mem, pfn_t head, bool partially_mapped);
/* Takes it off; whoever frees or splits a folio does. True: it was there. */
bool folio_unqueue_deferred_split(struct memory *mem, pfn_t head);

/* The oldest on the list of a node, and the next behind one; PFN_NONE: none. */
static inline pfn_t deferred_split_first(const struct pglist_data *pgdat)
{
	return pgdat->deferred_split.nr ? pgdat->deferred_split.first : PFN_NONE;
}
static inline pfn_t deferred_split_next(const struct memory *mem, pfn_t head)
{
	return pfn_to_page(mem, head + 3)->prev;
}
/* Off the list, but it stays marked as partially mapped when it is (returned); then it must be split or put back. */
bool deferred_split_dequeue(struct memory *mem, pfn_t head);
void deferred_split_requeue(struct memory *mem, pfn_t head);

/* What happened to folios of one size: /sys/kernel/mm/transparent_hugepage/hugepages-*kB/stats. */
static inline void count_mthp_stat(struct memory *mem, unsigned order, enum mthp_stat_item item)
{
	mem->mthp_stat[order][item]++;
}

/* Links, flags and counts of the lists of all nodes. */
bool deferred_split_consistent(const struct memory *mem);

#endif
