/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reclaim on a near node before memory of a farther one is taken. Kernel counterpart: mm/page_alloc.c
 * (zone_allows_reclaim), mm/vmscan.c (node_reclaim).
 *
 * Modelled: nodes within RECLAIM_DISTANCE; only the CPU's own node or nodes without CPUs; what a node must
 * hold for it to be worth while (min_unmapped_ratio, min_slab_ratio); not for requests that may not wait.
 * What reclaim frees is up to memory->pressure->node_reclaim.
 * Simplified: platforms that allow more than RECLAIM_DISTANCE (AMD EPYC) do not.
 */
#include "mm/page_alloc-internal.h"

#define RECLAIM_DISTANCE 30

/* File pages that reclaim may take with this mode. */
static uint64_t node_pagecache_reclaimable(const struct pglist_data *pgdat)
{
	const uint64_t *stat = pgdat->vm_stat;
	uint64_t file = stat[NR_FILE_PAGES], kept = stat[NR_SHMEM];

	if (!(pgdat->mem->conf.zone_reclaim_mode & RECLAIM_UNMAP))
		kept += stat[NR_FILE_MAPPED];
	if (!(pgdat->mem->conf.zone_reclaim_mode & RECLAIM_WRITE))
		kept += stat[NR_FILE_DIRTY];
	return file > kept ? file - kept : 0;
}

static bool has_enough_to_reclaim(const struct pglist_data *pgdat)
{
	const struct mm_config *conf = &pgdat->mem->conf;

	return node_pagecache_reclaimable(pgdat) >
		       pgdat->managed_pages * conf->min_unmapped_ratio / 100 ||
	       pgdat->vm_stat[NR_SLAB_RECLAIMABLE] >
		       pgdat->managed_pages * conf->min_slab_ratio / 100;
}

/* False: it did not run, or did not free enough. */
static bool node_reclaim(struct pglist_data *pgdat, gfp_t gfp, unsigned order)
{
	struct memory *mem = pgdat->mem;
	const struct pressure_ops *ops = mem->pressure;
	uint64_t freed;

	if (!ops || !ops->node_reclaim || !has_enough_to_reclaim(pgdat))
		return false;
	if (!(gfp & __GFP_DIRECT_RECLAIM) || mem->memalloc)
		return false;
	if (pgdat->has_cpu && pgdat->node_id != mem->cpu_node[mem->cpu])
		return false;
	mem->memalloc = true;
	freed = ops->node_reclaim(mem, pgdat, order, gfp);
	mem->memalloc = false;
	if (freed >= 1ull << order) {
		count_vm_event(mem, PGSCAN_ZONE_RECLAIM_SUCCESS);
		return true;
	}
	count_vm_event(mem, PGSCAN_ZONE_RECLAIM_FAILED);
	return freed > 0;
}

bool node_reclaim_helps(const struct alloc_context *ac, struct zone *zone, gfp_t gfp, unsigned order,
			unsigned alloc_flags)
{
	const struct memory *mem = ac->mem;
	unsigned from = ac->preferred->zone->zone_pgdat->node_id, to = zone->zone_pgdat->node_id;

	if (likely(!mem->conf.zone_reclaim_mode) ||
	    mem->distance[from * mem->nr_nodes + to] > RECLAIM_DISTANCE)
		return false;
	return node_reclaim(zone->zone_pgdat, gfp, order) &&
	       zone_watermark_ok(zone, order,
				 wmark_pages(zone,
					     (enum zone_watermarks)(alloc_flags & ALLOC_WMARK_MASK)),
				 ac->highest, alloc_flags);
}
