/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which pages of a large anonymous folio were ever touched: what a huge page wastes. The kernel cannot know; a trace with
 * every access does (basis exact).
 *
 * memory->page_touched has a byte for each frame, FOLIO_TOUCHED and FOLIO_WRITTEN, that means something while the frame is
 * part of a large anonymous folio. NULL: not known. The bits are set behind the access path, from the runs that were replayed
 * (mm/touch_runs.h), and the access path itself knows nothing of them.
 *
 *	thp_waste.nr_untouched = pages without FOLIO_TOUCHED of all large anonymous folios
 */
#ifndef MM_FOLIO_TOUCHED_H
#define MM_FOLIO_TOUCHED_H

#include "mm/memmap.h"

#define FOLIO_TOUCHED	1u
#define FOLIO_WRITTEN	2u

/* Before the first folio. */
void folio_touched_enable(struct memory *mem);
void folio_touched_finish(struct memory *mem);

/* Pages of large anonymous folios come (or go: negative). */
static inline void count_large_pages(struct memory *mem, int64_t nr)
{
	mem->thp_waste.nr_pages += (uint64_t)nr;
	if (mem->thp_waste.nr_pages > mem->thp_waste.peak_pages)
		mem->thp_waste.peak_pages = mem->thp_waste.nr_pages;
}

/* A fresh large anonymous folio: nothing in it is touched. */
void folio_touched_begin_slow(struct memory *mem, pfn_t head);
static inline void folio_touched_begin(struct memory *mem, pfn_t head)
{
	if (unlikely(mem->page_touched))
		folio_touched_begin_slow(mem, head);
}
/* It is freed, or split. */
void folio_touched_end_slow(struct memory *mem, pfn_t head);
static inline void folio_touched_end(struct memory *mem, pfn_t head)
{
	if (unlikely(mem->page_touched))
		folio_touched_end_slow(mem, head);
}
/* A page of a large anonymous folio is used. */
static inline void page_mark_touched(struct memory *mem, pfn_t pfn, uint8_t how)
{
	mem->thp_waste.nr_untouched -= !(mem->page_touched[pfn] & FOLIO_TOUCHED);
	mem->page_touched[pfn] |= FOLIO_TOUCHED | how;
}

/* Pages never written: full of zeroes. */
uint32_t folio_pages_unwritten(const struct memory *mem, pfn_t head);
uint32_t folio_pages_untouched(const struct memory *mem, pfn_t head);

#endif
