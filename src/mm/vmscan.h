/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page reclaim: kswapd, direct reclaim, node reclaim, reclaim of groups. Kernel counterpart: mm/vmscan.c.
 *
 * Modelled: active and inactive lists, in clusters of 32 (shrink_active_list, shrink_inactive_list, shrink_folio_list with
 * all its outcomes); how much of each list is looked at (get_scan_count: swappiness, cost, cache_trim_mode,
 * file_is_tiny, protection of groups); rising priority; kswapd of each node with boost, zone index, order and failures;
 * throttling; slab shrinkers in proportion; demotion to slower tiers; proactive reclaim.
 *
 * How fast kswapd runs: the model's clock gives it time. Behind each fault and each item of the trace it has what went by
 * since it last had a turn: the advance of the clock and what tasks waited beside it, but at least reclaim.fault_time for each page fault in between (on
 * exact traces faults take no time on the clock). It scans reclaim.kswapd_rate pages in a second of that time, in passes
 * over its node; a pass that takes longer than there is time is paid back before the next. Direct reclaim works at the same rate,
 * and the caller's wait is counted in memory->reclaim_times.
 *
 * Simplified: one reclaimer at a time, so nothing is isolated by another; writeback that the caller would wait for is
 * waited for in counted time, never for real. Left out: hibernation, laptop mode, soft limits, drop_caches.
 *
 * Interface: pressure_ops are filled with these by sim/pressure.c.
 */
#ifndef MM_VMSCAN_H
#define MM_VMSCAN_H

#include "mm/mm_types.h"

struct strbuf;

#define SWAP_CLUSTER_MAX	32u
#define DEF_PRIORITY		12
#define MAX_RECLAIM_RETRIES	16

/* Options of try_to_free_mem_cgroup_pages() */
#define MEMCG_RECLAIM_MAY_SWAP	(1u << 1)
#define MEMCG_RECLAIM_PROACTIVE	(1u << 2)
#define SWAPPINESS_DEFAULT	(-1)	/* that of the group or of the machine */
#define SWAPPINESS_ANON_ONLY	201

/* Direct reclaim. Returns the pages freed, 0 for no progress. Needs mem->memalloc. */
uint64_t try_to_free_pages(struct memory *mem, const struct alloc_request *req);
/*
 * Frees pages of the group and those below it; swappiness: 0-200, SWAPPINESS_ANON_ONLY or SWAPPINESS_DEFAULT. Sets
 * mem->memalloc itself. Returns the pages freed.
 */
uint64_t try_to_free_mem_cgroup_pages(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp,
				      unsigned options, int swappiness);
/* vm.zone_reclaim_mode: one node, down to priority 4. Returns the pages freed. */
uint64_t node_reclaim_pages(struct memory *mem, struct pglist_data *pgdat, unsigned order, gfp_t gfp);
/*
 * MADV_PAGEOUT: the folios, each isolated with folio_isolate_lru(), are reclaimed without being asked for references;
 * what cannot go is put back. The list is empty afterwards. Returns the pages freed.
 */
uint64_t reclaim_pages(struct memory *mem, struct pfn_list *isolated);
/* As writing "<bytes>" to memory.reclaim of a node: proactive. Returns the pages freed. */
uint64_t reclaim_node_proactively(struct memory *mem, unsigned nid, uint64_t nr_pages, int swappiness);
/* The zone is below its low mark: notes it, and how far up zones are wanted. */
void wakeup_kswapd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest);
/* Gives every kswapd that is awake the time since the last call; call only with mem->kswapd_nodes. */
void kswapd_run(struct memory *mem);

/* Pages that reclaim could still free: file lists, and anonymous ones as far as there is swap (or a lower tier). */
uint64_t zone_reclaimable_pages(const struct zone *zone);
/* May pages of that node's anonymous lists go anywhere? memcg NULL: nobody's in particular. */
bool can_reclaim_anon_pages(const struct memory *mem, const struct mem_cgroup *memcg, unsigned nid);

#endif
