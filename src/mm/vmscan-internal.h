/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the parts of reclaim share (mm/vmscan*.c, mm/lru_gen*.c). Nobody else includes it. */
#ifndef MM_VMSCAN_INTERNAL_H
#define MM_VMSCAN_INTERNAL_H

#include "mm/lru.h"
#include "mm/vmscan.h"

/* One run of reclaim: who wants how much of what, and how it went. */
struct scan_control {
	struct memory *mem;
	uint64_t nr_to_reclaim;
	uint64_t nodemask;			/* NODEMASK_ALL: any */
	struct mem_cgroup *target_mem_cgroup;	/* whose limit was hit, NULL: the machine is short */
	uint64_t anon_cost, file_cost;		/* of the lruvec under reclaim */
	int swappiness;				/* SWAPPINESS_DEFAULT, or what the caller wants */
	bool may_deactivate[2];			/* anon, file */
	bool force_deactivate, skipped_deactivate;
	bool may_writepage, may_unmap, may_swap;
	bool no_cache_trim_mode, cache_trim_mode_failed, cache_trim_mode;
	bool proactive;
	bool memcg_low_reclaim, memcg_low_skipped, memcg_full_walk;
	bool compaction_ready;			/* one zone has enough for compaction */
	bool file_is_tiny;
	bool no_demotion;
	bool is_kswapd, is_khugepaged;
	int order;				/* -1: any */
	int priority;				/* size >> priority of each list is looked at */
	enum zone_type reclaim_idx;		/* highest zone that helps */
	gfp_t gfp_mask;
	uint64_t nr_scanned, nr_reclaimed;
	struct {
		uint64_t dirty, unqueued_dirty, congested, writeback, immediate, file_taken, taken;
	} nr;
	uint64_t slab_reclaimed;		/* current->reclaim_state->reclaimed */
};

/* What shrink_folio_list() met, in pages. */
struct reclaim_stat {
	uint64_t nr_dirty, nr_unqueued_dirty, nr_congested, nr_writeback, nr_immediate, nr_pageout;
	uint64_t nr_activate[2];		/* anon, file */
	uint64_t nr_ref_keep, nr_unmap_fail, nr_lazyfree_fail, nr_demoted;
};

/*
 * Looks at each folio of the list (isolated: off all lists, with one reference of the caller's) and frees what it can.
 * What stays is on the list afterwards, with flags that say where it belongs; the caller puts it back. Returns pages freed.
 */
uint64_t shrink_folio_list(struct pfn_list *folios, struct pglist_data *pgdat, struct scan_control *sc,
			   struct reclaim_stat *stat, bool ignore_references);
/* Puts the folios back and drops the caller's references. Returns how many pages went to the lists. */
uint64_t move_folios_to_lru(struct memory *mem, struct pfn_list *folios);

/* One cluster of a list. */
uint64_t shrink_inactive_list(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, enum lru_list lru);
void shrink_active_list(uint64_t nr_to_scan, struct lruvec *lruvec, struct scan_control *sc, enum lru_list lru);

void prepare_scan_control(struct lruvec *target, struct scan_control *sc);
void get_scan_count(struct lruvec *lruvec, struct scan_control *sc, uint64_t nr[NR_LRU_LISTS]);
/* Remembers how often pages of the working set have come back by now. */
void snapshot_refaults(struct lruvec *target);
void shrink_node(struct pglist_data *pgdat, struct scan_control *sc);
/* What scanning so many pages takes, by reclaim.kswapd_rate. */
uint64_t reclaim_scan_ns(const struct memory *mem, uint64_t nr_pages);
/* Pages were looked at (passing one over costs next to nothing), some written: what that takes is the reclaimer's time, and the device goes on meanwhile. */
void account_reclaim_time(struct scan_control *sc, struct pglist_data *pgdat, uint64_t nr_scanned, uint64_t nr_pageout);
void let_device_run(struct memory *mem, uint64_t ns);
/* Reserves are nearly used up: waits for kswapd, in counted time. */
void throttle_direct_reclaim(struct memory *mem, const struct zoneref *zonelist, const struct scan_control *sc);

/* Why a reclaimer waits. (enum vmscan_throttle_state) */
enum vmscan_throttle { VMSCAN_THROTTLE_WRITEBACK, VMSCAN_THROTTLE_NOPROGRESS, VMSCAN_THROTTLE_CONGESTED };
/* Waits in counted time: until some writeback has ended, at most 100 ms, or one tick. kswapd gives up its time instead. */
void reclaim_throttle(struct scan_control *sc, struct pglist_data *pgdat, enum vmscan_throttle reason);

/* PGSTEAL_KSWAPD and PGSCAN_KSWAPD plus this: by who reclaims. (reclaimer_offset) */
unsigned reclaimer_offset(const struct scan_control *sc);
/* 0-200, SWAPPINESS_ANON_ONLY. (sc_swappiness) */
unsigned sc_swappiness(const struct scan_control *sc, const struct mem_cgroup *memcg);
static inline bool cgroup_reclaim(const struct scan_control *sc)
{
	return sc->target_mem_cgroup;
}
/* Reclaim of the machine, or of the root group. */
bool root_reclaim(const struct scan_control *sc);
/* Should anonymous pages be aged here? There is swap or a lower tier. */
bool can_age_anon_pages(const struct lruvec *lruvec, const struct scan_control *sc);
/* Pages of the list in zones up to zone_idx. */
uint64_t lruvec_lru_size_idx(const struct lruvec *lruvec, enum lru_list lru, enum zone_type zone_idx);
/* The shrinkers of one node, asked in proportion to 1 / 2^priority, for a group or (NULL, root) for all. Pages freed. */
uint64_t shrink_slab(struct memory *mem, gfp_t gfp, int nid, struct mem_cgroup *memcg, int priority);
void flush_reclaim_state(struct scan_control *sc);
bool should_continue_reclaim(struct pglist_data *pgdat, uint64_t nr_reclaimed, struct scan_control *sc);

#endif
