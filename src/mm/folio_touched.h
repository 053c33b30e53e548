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
 *	thp_waste.nr_unwritten = those without FOLIO_WRITTEN
 */
#ifndef MM_FOLIO_TOUCHED_H
#define MM_FOLIO_TOUCHED_H

#include "mm/memmap.h"

#define FOLIO_TOUCHED	1u
#define FOLIO_WRITTEN	2u
#define FOLIO_FRESH	4u	/* of a head: accesses of the runs that are being replayed may be missing */

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
/* A page of a large anonymous folio is used; how: FOLIO_WRITTEN or 0. */
static inline void page_mark_touched(struct memory *mem, pfn_t pfn, uint8_t how)
{
	uint8_t old = mem->page_touched[pfn], new = old | FOLIO_TOUCHED | how;

	mem->thp_waste.nr_untouched -= !(old & FOLIO_TOUCHED);
	mem->thp_waste.nr_unwritten -= (new & ~old & FOLIO_WRITTEN) != 0;
	mem->page_touched[pfn] = new;
}

/* The folio holds data already: it was read from swap. */
void folio_mark_written(struct memory *mem, pfn_t head);
/* The accesses of all runs so far have been noted. */
void folio_touched_settle(struct memory *mem);

/* Does the page hold nothing but zeroes, as far as is known? head: of its folio. */
static inline bool page_known_zero(const struct memory *mem, pfn_t head, pfn_t pfn)
{
	return mem->page_touched && !(mem->page_touched[head] & FOLIO_FRESH) && !(mem->page_touched[pfn] & FOLIO_WRITTEN);
}

/* Pages full of zeroes, 0 when it is not known. */
uint32_t folio_pages_zero(const struct memory *mem, pfn_t head);
uint32_t folio_pages_untouched(const struct memory *mem, pfn_t head);
uint32_t folio_pages_unwritten(const struct memory *mem, pfn_t head);

#endif
