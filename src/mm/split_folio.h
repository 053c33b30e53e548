/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A large folio becomes smaller ones. Kernel counterpart: mm/huge_memory.c (__folio_split, unmap_folio,
 * deferred_split_scan).
 *
 * Modelled: anonymous and file folios into folios of any lower order; huge entries that map it are split first; each
 * part takes over its own mappings, its slots in the page or swap cache, the head's state (dirty, referenced, active,
 * workingset, list); parts that nobody has any more are freed; folios with a reference that nobody explains stay whole;
 * the shrinker of folios in which some pages are unused (mm/deferred_split.h).
 * pages that are known to hold only zeroes (mm/folio_touched.h) give way to the zero page.
 * Simplified: base entries stay as they are, where the kernel takes them away, puts them back and flushes.
 * Left out: non-uniform splits (the kernel uses them for truncation only), device folios.
 *
 * Interface, for reclaim, compaction and migration:
 *   - the caller holds no reference of its own, or says how many in split_folio_to_list()'s pins
 *   - a folio on an LRU list: its parts lie there afterwards, in its place's order; one that was isolated: the head stays
 *     isolated (the caller puts it back or on), the other parts go to `list`, or to their LRU lists without one
 */
#ifndef MM_SPLIT_FOLIO_H
#define MM_SPLIT_FOLIO_H

#include "mm/deferred_split.h"
#include "mm/mm_types.h"

/*
 * References that the mappings of the folio and the caches account for. The page cache holds one a folio, and so does the
 * swap cache.
 */
int64_t folio_expected_refs(const struct memory *mem, pfn_t head);
/*
 * Into folios of 2^new_order pages. pins: references that the caller holds, which the part with the head keeps. False:
 * somebody else holds the folio too, it is no folio of user memory, it is locked in writeback, or no memory (the page
 * cache's tree needs some); nothing has changed then. Counts thp_split_page, thp_split_page_failed and the size's own.
 */
bool split_folio_to_list(struct memory *mem, pfn_t head, unsigned new_order, unsigned pins, struct pfn_list *list);
/* Into base pages, by one who holds no reference. */
bool split_folio(struct memory *mem, pfn_t head);

/*
 * MADV_FREE, MADV_COLD, MADV_PAGEOUT: folios of which [start, end) of the area covers only part are split, if nobody else
 * maps them. What cannot be split stays, and huge entries with it (walk_page_range_whole()).
 */
void split_folios_across(struct vm_area_struct *vma, uint64_t start, uint64_t end);

/*
 * The shrinker: folios with pages that nobody uses, the oldest first (those of one memory cgroup alone, by its id, with
 * memcg != 0). count: folios that might be split. scan: looks at nr_to_scan of them, returns how many were split.
 * An underused folio (thp.shrink_underused) is one that stands on the list only because it may be: the kernel splits it when
 * more than khugepaged's max_ptes_none of its pages hold nothing but zeroes. Which pages do is known where every access is in
 * the trace: those never written (mm/folio_touched.h). Elsewhere none is split for that.
 */
uint64_t deferred_split_count(struct memory *mem, int nid, uint16_t memcg);
uint64_t deferred_split_scan(struct memory *mem, int nid, uint16_t memcg, uint64_t nr_to_scan);

#endif
