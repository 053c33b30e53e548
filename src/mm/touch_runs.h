/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which pages of large folios the accesses of a trace have touched (mm/folio_touched.h): a second look at what the access path
 * has just replayed, so that the path itself stays as it is. It costs nothing while no large anonymous folio has an untouched
 * page. No kernel counterpart.
 *
 * Simplified: it looks at the page tables as they are after the runs; a page that was taken away meanwhile is missed.
 */
#ifndef MM_TOUCH_RUNS_H
#define MM_TOUCH_RUNS_H

#include <mmreplay/trace.h>

#include "mm/mm_types.h"

void __touch_runs(struct memory *mem, const struct mmr_run *runs, size_t nr);
void __touch_addr(struct memory *mem, uint64_t addr, bool write);

/* Is it worth to look? */
static inline bool wants_touches(const struct memory *mem)
{
	return mem->page_touched && (mem->thp_waste.nr_unwritten || mem->thp_waste.fresh.nr);
}

/*
 * Accesses of memory->current, before and after they are replayed: what is written must be known before reclaim, in between,
 * takes pages for unused.
 */
static inline void touch_runs(struct memory *mem, const struct mmr_run *runs, size_t nr)
{
	if (unlikely(wants_touches(mem)))
		__touch_runs(mem, runs, nr);
}

static inline void touch_addr(struct memory *mem, uint64_t addr, bool write)
{
	if (unlikely(wants_touches(mem)))
		__touch_addr(mem, addr, write);
}

#endif
