/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page tables against frames. Kernel counterpart: mm/page_table_check.c, which does it as entries come and go; this
 * walks everything, for `run --check` and tests.
 *
 *	page->_mapcount = base entries that map the page; of a large folio: folio_entire_mapcount() = its huge entries
 *	folio->_refcount = folio_expected_refs(): mappings and caches, nobody else between two items of a trace
 *	mm->rss_stat = pages and swap entries in its tables
 *	nr_anon_pages, nr_mapped of a node = its pages that are mapped
 *	nr_mlock of a zone = its pages with PG_MLOCKED
 *	pages on lists of a zone = its folios with PG_LRU, which all folios of processes and files have where there are lists
 *	mapped pages of a memory cgroup = those of the folios charged to it
 *	a writable entry of an anonymous page: the page is PG_ANON_EXCLUSIVE
 *	an entry maps memory that is allocated, and of an area that is there
 */
#ifndef MM_PAGE_TABLE_CHECK_H
#define MM_PAGE_TABLE_CHECK_H

#include "base/strbuf.h"
#include "mm/mm_types.h"

/* False: `why` gets a line for each contradiction, the first twenty. */
bool page_table_check(struct memory *mem, struct strbuf *why);

#endif
