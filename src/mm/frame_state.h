/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Physical memory frame by frame as a real machine had it. No kernel counterpart: it makes the state in
 * which the captured kernel's allocator was. (mm/ageing.h makes one that only has the same free lists.)
 *
 * Known: which frames were free, and of most others whether they could be moved (/proc/kpageflags);
 * watermarks, reserves and the figures of the per-cpu lists (/proc/zoneinfo); how many pageblocks of
 * each type a zone had (/proc/pagetypeinfo). Free frames become blocks by merging, as they did there.
 * Not known, and chosen so:
 *	the order on a list		by address
 *	which pageblock has which type	those with the most frames of the kernel are unmovable, of
 *					these those with the largest share of slab reclaimable
 *	what lies on per-cpu lists	single frames that are neither free nor in any known use, the
 *					shortest runs of them first: pages that nobody holds lie
 *					scattered between pages that somebody does
 * Frames of no known use that are not chosen either do not exist for the allocator: they count as taken at
 * boot by the kernel until frame_state_adopt() is called for one.
 *
 * Left out: highatomic, CMA and isolated pageblocks.
 */
#ifndef MM_FRAME_STATE_H
#define MM_FRAME_STATE_H

#include "base/err.h"
#include "mm/mm_types.h"

enum frame_use { FRAME_FREE, FRAME_MOVABLE, FRAME_SLAB, FRAME_KERNEL };

struct frame_range {
	pfn_t start, end;
	enum frame_use use;
};

/* Of one CPU's lists of one zone; pages. */
struct pcp_marks {
	uint32_t count, high, batch, high_min, high_max;
};

/* What /proc/zoneinfo and pagetypeinfo say of one zone. */
struct zone_marks {
	unsigned nid;
	enum zone_type type;
	uint64_t managed_pages;		/* there */
	uint64_t watermark[NR_WMARK];	/* pages */
	uint64_t lowmem_reserve[MAX_NR_ZONES];
	uint64_t pageblocks[MIGRATE_PCPTYPES];	/* all 0: not known, all movable */
	struct pcp_marks *pcp;		/* the caller's */
	unsigned nr_pcp;		/* CPUs */
};

struct frame_state {
	const struct frame_range *ranges;	/* by address, not overlapping */
	size_t nr_ranges;
	const struct zone_marks *zones;		/* zones that are not here keep what they have */
	size_t nr_zones;
	uint32_t handle;	/* page->mapping of movable pages: a struct movable_operations */
};

/*
 * Right after memory_create(). Pages in use have page->index = their frame; movable ones are
 * PG_MOVABLE_OPS, the others PG_KERNEL, all of order 0. What the model took itself at its creation
 * stays. 0; -EINVAL: a frame is in no zone of this machine, or the machine has CMA areas; the text
 * says which; nothing has changed then.
 */
int memory_set_frames(struct memory *mem, const struct frame_state *fs, struct mmr_error *err);

/* Makes a page in use out of frames that no list holds and nobody has. */
void frame_own(struct zone *zone, pfn_t pfn, bool movable, uint32_t handle, uint64_t index);
/* Does the allocator know of the frame? False for frames outside of all zones, too. */
bool frame_is_managed(const struct memory *mem, pfn_t pfn);
/* A frame of no known use turns out to be in use: it is managed from now on. */
void frame_state_adopt(struct memory *mem, pfn_t pfn, bool movable, uint32_t handle);
/* The zone that holds a frame, by the zones' bounds; NULL for none. */
struct zone *pfn_zone(const struct memory *mem, uint64_t pfn);

#endif
