/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A large folio becomes base pages. Kernel counterpart: mm/huge_memory.c (split_huge_page_to_list_to_order).
 *
 * Modelled: huge entries that map it are split first; each page takes over its own mappings, its place in the page cache,
 * the head's state (dirty, referenced, active, list); pages that nobody has any more are freed; folios with a
 * reference that nobody explains stay whole.
 * Simplified: base entries stay as they are, where the kernel takes them away and puts them back (and flushes).
 * Left out: splits to orders above 0, the list of deferred splits, freeing of zero-filled pages.
 */
#ifndef MM_SPLIT_FOLIO_H
#define MM_SPLIT_FOLIO_H

#include "mm/mm_types.h"

/* References that the mappings of the folio and the page cache account for. */
int64_t folio_expected_refs(const struct memory *mem, pfn_t head);
/* False: somebody else holds it, or it is no folio of user memory. Counts thp_split_page for the size of a huge entry. */
bool split_folio(struct memory *mem, pfn_t head);

#endif
