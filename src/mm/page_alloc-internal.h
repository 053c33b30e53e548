/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of page_alloc share: the request as the fast path hands it to the slow one. */
#ifndef MM_PAGE_ALLOC_INTERNAL_H
#define MM_PAGE_ALLOC_INTERNAL_H

#include "mm/buddy.h"
#include "mm/page_alloc.h"

/* log2 of how many batches a per-cpu list takes or gives at once, CONFIG_PCP_BATCH_SCALE_MAX */
#define PCP_BATCH_SCALE_MAX 5

struct alloc_context {
	struct memory *mem;
	const struct zoneref *zonelist;
	const struct zoneref *preferred;	/* first entry that may serve the request */
	uint64_t nodemask;
	enum zone_type highest;
	enum migratetype migratetype;
};

static inline bool zoneref_allowed(const struct alloc_context *ac, const struct zone *zone)
{
	return zone->type <= ac->highest && ac->nodemask >> zone->zone_pgdat->node_id & 1;
}

/* Has the running task been told to die for want of memory? */
static inline bool current_is_oom_victim(const struct memory *mem)
{
	return mem->current && mem->current->mm && mem->current->mm->oom_victim;
}

/* Movable allocations may use CMA pageblocks. */
static inline unsigned alloc_flags_cma(enum migratetype mt)
{
	return mt == MIGRATE_MOVABLE ? ALLOC_CMA : 0;
}

pfn_t get_page_from_freelist(const struct alloc_context *ac, gfp_t gfp, unsigned order,
			     unsigned alloc_flags);
/* vm.zone_reclaim_mode: does the zone stand above its mark after reclaim on its node? */
bool node_reclaim_helps(const struct alloc_context *ac, struct zone *zone, gfp_t gfp, unsigned order,
			unsigned alloc_flags);
/* memory->reclaim_always: a test wants everything moved that reclaim may move. */
void reclaim_before_alloc(const struct alloc_context *ac, gfp_t gfp, unsigned order);
pfn_t alloc_pages_slowpath(const struct alloc_context *ac, gfp_t gfp, unsigned order);
/* alloc_pages_nodemask() without counting a failure, for who tries again in another way. */
pfn_t __alloc_pages(struct memory *mem, gfp_t gfp, unsigned order, int nid, uint64_t nodemask);
void alloc_pages_failed(struct memory *mem, gfp_t gfp, unsigned order);

#endif
