/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Making large blocks out of scattered free memory: pages in use move from the low end of a zone to free pages at its high end.
 * Kernel counterpart: mm/compaction.c, parts of mm/vmstat.c (fragmentation_index, extfrag_for_order).
 *
 * Modelled: the migrate and the free scanner of a zone with cached positions and a skip hint for each pageblock; the search by
 * free lists that comes before the linear ones (fast_find_migrateblock, fast_isolate_freepages); asynchronous, light and full
 * synchronous compaction; what ends one (compact_finished, by migrate type and fallback, whole zone or rest); suitability
 * by watermarks and fragmentation index; deferral; capture of the block by who waits for it; kcompactd on demand and
 * proactive; vm.defrag_mode.
 * Simplified: nobody else runs meanwhile, so no lock is contended and no page is under somebody's lock; pages under writeback
 * are passed over in all modes, since waiting for them would not end. Where the kernel walks a zone by struct page, a part
 * that was never touched is one step.
 * Left out: signals that end it, isolation by alloc_contig_range() (mm/contig.h has its own), page_owner.
 *
 * Interface:
 *   - try_to_compact_pages(): for an allocation (struct pressure_ops)
 *   - compact_nodes(): everything, as a write to /proc/sys/vm/compact_memory
 *   - wakeup_kcompactd(), kcompactd_run(), kcompactd_proactive(): the threads of the nodes; sim/ calls the last two
 *   - compaction_suitable(), compact_gap(), reset_isolation_suitable(): what reclaim asks
 */
#ifndef MM_COMPACTION_H
#define MM_COMPACTION_H

#include "base/strbuf.h"
#include "mm/compact_defer.h"
#include "mm/mm_types.h"

/* As enum migrate_mode. */
enum compact_mode { COMPACT_MODE_ASYNC, COMPACT_MODE_SYNC_LIGHT, COMPACT_MODE_SYNC };

/* memory->compaction */
struct compaction {
	uint64_t *skip;			/* bit per pageblock: nothing to be had there lately */
	uint64_t proactive_runs;	/* of kcompactd, a node each */
	uint64_t direct_ns;		/* that allocations waited for their own compaction, by documented costs */
};

/* Free pages that compaction for the order needs beside those it makes: what it isolates on both sides at a time. */
static inline uint64_t compact_gap(unsigned order)
{
	return 2ull << order;
}

/* Could compaction of the zone make a block of the order while it stays above `watermark`? */
bool compaction_suitable(const struct zone *zone, unsigned order, uint64_t watermark, enum zone_type highest);
/* kswapd falls asleep: drops the hints of zones whose scanners met since the last time. */
void reset_isolation_suitable(struct pglist_data *pgdat);

/* See struct pressure_ops. */
enum compact_result try_to_compact_pages(struct memory *mem, const struct alloc_request *req, enum compact_priority prio,
					 pfn_t *ret_captured);
bool compaction_zonelist_suitable(struct memory *mem, const struct alloc_request *req);
/* All zones of all nodes, whole. */
void compact_nodes(struct memory *mem);

/* kcompactd of the zone's node is to make blocks of the order for requests up to zone `highest`. */
void wakeup_kcompactd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest);
/* Does what the kcompactds were woken for. */
void kcompactd_run(struct memory *mem);
/* Once in COMPACTION_PROACTIVE_MS of the model's clock: compacts nodes that are too fragmented. */
#define COMPACTION_PROACTIVE_MS 500u
void kcompactd_proactive(struct memory *mem);
/* Of a node, 0 to 100: share of free memory that no huge page could use, weighted by the zones' sizes. */
unsigned fragmentation_score_node(const struct pglist_data *pgdat);

void compaction_destroy(struct memory *mem);
/* Between two compactions: nobody waits for a block, deferral and results within their bounds. */
bool compaction_consistent(const struct memory *mem, struct strbuf *why);

#endif
