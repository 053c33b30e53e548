/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* When compaction is worth it, when it is done, and what it made: see compaction.h. */
#include "mm/compaction-internal.h"

#include <errno.h>

#include "mm/fragmentation.h"
#include "mm/huge_pmd.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"
#include "mm/psi.h"
#include "mm/seeded_bug.h"

/* ---- is it worth it? ---- */

static bool __compaction_suitable(const struct zone *zone, unsigned order, uint64_t watermark, enum zone_type highest,
				  uint64_t free_pages)
{
	watermark += compact_gap(order);
	if (order > PAGE_ALLOC_COSTLY_ORDER)
		watermark += wmark_pages(zone, WMARK_LOW) - wmark_pages(zone, WMARK_MIN);
	return __zone_watermark_ok(zone, 0, watermark, highest, ALLOC_CMA, free_pages);
}

bool compaction_suitable(const struct zone *zone, unsigned order, uint64_t watermark, enum zone_type highest)
{
	int index;

	if (!__compaction_suitable(zone, order, watermark, highest, zone->vm_stat[NR_FREE_PAGES]))
		return false;
	if (order <= PAGE_ALLOC_COSTLY_ORDER)
		return true;
	/* Compaction helps where free memory is scattered, not where there is none. */
	index = zone_fragmentation_index(zone, order);
	return index < 0 || index > (int)zone->mem->conf.extfrag_threshold;
}

enum compact_result compaction_suit_allocation_order(const struct zone *zone, unsigned order, enum zone_type highest,
						     unsigned alloc_flags, bool async, bool kcompactd)
{
	uint64_t watermark = wmark_pages(zone, (enum zone_watermarks)(alloc_flags & ALLOC_WMARK_MASK));
	uint64_t free_pages = kcompactd && zone->mem->conf.defrag_mode ? zone_free_pages_blocks(zone)
								       : zone->vm_stat[NR_FREE_PAGES];

	if (__zone_watermark_ok(zone, order, watermark, highest, alloc_flags, free_pages))
		return COMPACT_SUCCESS;
	/* Blocks made in CMA areas would not serve what does not move. */
	if (order > PAGE_ALLOC_COSTLY_ORDER && async && !(alloc_flags & ALLOC_CMA) &&
	    !zone_watermark_ok(zone, 0, watermark + compact_gap(order), highest, 0))
		return COMPACT_SKIPPED;
	return compaction_suitable(zone, order, watermark, highest) ? COMPACT_CONTINUE : COMPACT_SKIPPED;
}

static uint64_t reclaimable_pages(const struct zone *zone)
{
	const struct pressure_ops *ops = zone->mem->pressure;

	return ops && ops->zone_reclaimable_pages ? ops->zone_reclaimable_pages(zone) : 0;
}

/* The zones that may serve a request, the nearest first. */
static const struct zoneref *request_zonelist(const struct memory *mem, const struct alloc_request *req)
{
	const struct pglist_data *pgdat = mem->nodes[req->nid == NUMA_NO_NODE ? mem->cpu_node[mem->cpu] : req->nid];

	return req->gfp & __GFP_THISNODE ? pgdat->zonelist_thisnode : pgdat->zonelist;
}

static bool request_allows(const struct alloc_request *req, const struct zone *zone)
{
	return zone->type <= req->highest && req->nodemask >> zone->zone_pgdat->node_id & 1;
}

bool compaction_zonelist_suitable(struct memory *mem, const struct alloc_request *req)
{
	for (const struct zoneref *z = request_zonelist(mem, req); z->zone; z++) {
		uint64_t available;

		if (!request_allows(req, z->zone))
			continue;
		available = reclaimable_pages(z->zone) / req->order + z->zone->vm_stat[NR_FREE_PAGES];
		if (__compaction_suitable(z->zone, req->order, wmark_pages(z->zone, WMARK_MIN), req->highest, available))
			return true;
	}
	return false;
}

/* ---- is it done? ---- */

/* A free block that the request would get, from its own lists, from CMA, or with its pageblock from another type. */
static bool suitable_block_is_free(const struct compact_control *cc)
{
	const struct zone *zone = cc->zone;

	for (unsigned order = (unsigned)cc->order; order <= zone->max_order; order++)
		if (free_area_has(zone, order, cc->migratetype) ||
		    (cc->migratetype == MIGRATE_MOVABLE && free_area_has(zone, order, MIGRATE_CMA)) ||
		    buddy_find_suitable_fallback(zone, order, cc->migratetype, true) >= 0)
			return true;
	return false;
}

static enum compact_result scanners_met(struct compact_control *cc)
{
	reset_cached_positions(cc->zone);
	/* Hints are dropped when kswapd falls asleep; only what an allocation found is reason for it. */
	if (cc->direct)
		cc->zone->compact.blockskip_flush = true;
	return cc->whole_zone ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
}

static enum compact_result compact_finished(struct compact_control *cc)
{
	struct zone *zone = cc->zone;

	if (compact_scanners_met(cc))
		return scanners_met(cc);
	if (cc->proactive) {
		if (kswapd_is_running(zone->zone_pgdat))
			return COMPACT_PARTIAL_SKIPPED;
		return fragmentation_score_zone(zone) > fragmentation_score_wmark(cc->mem, true) ? COMPACT_CONTINUE
												 : COMPACT_SUCCESS;
	}
	/* A pageblock that was begun is finished: so the fewest mixed ones are left. */
	if (cc->order == WHOLE_ZONE || !pageblock_aligned(zone, cc->migrate_pfn))
		return COMPACT_CONTINUE;
	if (cc->mem->conf.defrag_mode && !cc->direct)
		return __zone_watermark_ok(zone, (unsigned)cc->order, wmark_pages(zone, WMARK_HIGH), cc->highest,
					   cc->alloc_flags, zone_free_pages_blocks(zone))
			       ? COMPACT_SUCCESS : COMPACT_CONTINUE;
	return suitable_block_is_free(cc) ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

/* ---- frames for pages that move ---- */

/* The smallest isolated block that is large enough. Its order, or -1. */
static int free_block_order(const struct compact_control *cc, unsigned order)
{
	for (; order < MAX_ORDER_LIMIT; order++)
		if (!pfn_list_empty(&cc->freepages[order]))
			return (int)order;
	return -1;
}

static pfn_t compaction_alloc(struct memory *mem, pfn_t src, void *ctx)
{
	struct compact_control *cc = ctx;
	unsigned order = page_order(pfn_to_page(mem, src));
	int from = free_block_order(cc, order);
	pfn_t pfn;

	if (from < 0) {
		isolate_freepages(cc);
		from = free_block_order(cc, order);
	}
	if (from < 0)
		return PFN_NONE;
	pfn = cc->freepages[from].first;
	pfn_list_del(mem->mem_map, &cc->freepages[from], pfn);
	while ((unsigned)from > order) {
		from--;
		if (!SEEDED_BUG(mem, COMPACT_CUT))
			pfn_list_add(mem->mem_map, &cc->freepages[from], pfn + (1u << from));
	}
	prep_isolated_page(cc->zone, pfn, order, GFP_HIGHUSER_MOVABLE | __GFP_COMP);
	cc->nr_freepages -= 1u << order;
	cc->nr_migratepages -= 1u << order;
	return pfn;
}

/* The page did not move: the frame waits for the next one. */
static void compaction_free(struct memory *mem, pfn_t dst, void *ctx)
{
	struct compact_control *cc = ctx;
	struct page *page = pfn_to_page(mem, dst);
	unsigned order = page_order(page);

	for (uint32_t i = 0; i < 1u << order; i++)
		page[i].flags = cc->zone->page_flags;
	page->_refcount = 0;
	pfn_list_add(mem->mem_map, &cc->freepages[order], dst);
	cc->nr_freepages += 1u << order;
	cc->nr_migratepages += 1u << order;
}

/* Gives back what is left. Returns its highest frame. */
static pfn_t release_freepages(struct compact_control *cc)
{
	pfn_t high = 0;

	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++) {
		struct pfn_list *list = &cc->freepages[order];

		while (!pfn_list_empty(list)) {
			pfn_t pfn = list->first;

			pfn_list_del(cc->zone->mem_map, list, pfn);
			if (SEEDED_BUG(cc->mem, COMPACT_LOST))
				continue;
			prep_isolated_page(cc->zone, pfn, order, __GFP_MOVABLE);
			free_pages_pfn(cc->mem, pfn, order);
			high = pfn > high ? pfn : high;
		}
	}
	cc->nr_freepages = 0;
	return high;
}

/* ---- one zone ---- */

/* Where the scanners begin: at the ends, or where they stopped. */
static void setup_positions(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	struct zone_compaction *c = &zone->compact;
	pfn_t start = zone->zone_start_pfn, end = zone->zone_end_pfn, last = pageblock_start(zone, end - 1);

	cc->fast_start_pfn = 0;
	cc->migrate_pfn = start;
	cc->free_pfn = last;
	if (cc->whole_zone)
		return;
	if (!c->cached_free_pfn || c->cached_free_pfn < start || c->cached_free_pfn >= end)
		c->cached_free_pfn = last;
	cc->migrate_pfn = c->cached_migrate_pfn[cc->mode != COMPACT_MODE_ASYNC];
	if (cc->migrate_pfn < start || cc->migrate_pfn >= end)
		cc->migrate_pfn = c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = start;
	cc->free_pfn = c->cached_free_pfn;
	cc->whole_zone = cc->migrate_pfn <= c->init_migrate_pfn;
}

/*
 * Moves what was isolated. *ret_rescan: a page stayed, look at the rest of its pageblock now. False: no frames although the
 * scanners have not met.
 */
static bool migrate_isolated(struct compact_control *cc, bool *ret_rescan)
{
	struct migrate_control mc = {
		.new_folio = compaction_alloc, .free_folio = compaction_free, .ctx = cc, .reason = MR_COMPACTION,
	};
	pfn_t *folios = cc->migratepages.data;
	size_t nr = cc->migratepages.nr;
	int64_t rc;

	/* As the kernel's list: what was found last goes first. */
	for (size_t i = 0; i < nr / 2; i++) {
		pfn_t pfn = folios[i];

		folios[i] = folios[nr - 1 - i];
		folios[nr - 1 - i] = pfn;
	}
	rc = migrate_folio_list(cc->mem, folios, nr, &mc);
	for (size_t i = 0; i < nr / 2; i++) {
		pfn_t pfn = folios[i];

		folios[i] = folios[nr - 1 - i];
		folios[nr - 1 - i] = pfn;
	}
	putback_movable_pages(cc);
	*ret_rescan = rc && !pageblock_aligned(cc->zone, cc->migrate_pfn) && !cc->ignore_skip_hint &&
		      !cc->finish_pageblock && cc->mode < COMPACT_MODE_SYNC;
	return rc != -ENOMEM || compact_scanners_met(cc);
}

static bool captured(const struct compact_control *cc)
{
	return cc->zone->capture && cc->zone->capture->page != PFN_NONE;
}

/* The migrate scanner has left the block of the order in which pages moved: what it freed may merge now. */
static void check_drain(struct compact_control *cc, pfn_t *last_migrated_pfn)
{
	if (cc->order <= 0 || !*last_migrated_pfn ||
	    *last_migrated_pfn >= (cc->migrate_pfn & ~((1u << cc->order) - 1)))
		return;
	drain_zone_pages(cc->zone, (int)cc->mem->cpu);
	*last_migrated_pfn = 0;
}

static enum compact_result run_scanners(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	struct zone_compaction *c = &zone->compact;
	/* While nothing is found it does not matter who looked: both modes pass the same blocks over. */
	bool update_cached = cc->mode == COMPACT_MODE_ASYNC && c->cached_migrate_pfn[0] == c->cached_migrate_pfn[1];
	pfn_t last_migrated_pfn = 0;
	enum compact_result ret;

	while ((ret = compact_finished(cc)) == COMPACT_CONTINUE) {
		bool rescan = false;

		/* The second look at a pageblock takes all of it, so that there is no third. */
		cc->finish_pageblock =
			pageblock_start(zone, last_migrated_pfn) == pageblock_start(zone, cc->migrate_pfn);
		do {
			if (rescan) {
				cc->finish_pageblock = true;
				if (cc->order == (int)hpage_order(cc->mem))
					last_migrated_pfn = 0;
			}
			rescan = false;
			if (isolate_migratepages(cc) == ISOLATE_NONE) {
				if (update_cached)
					c->cached_migrate_pfn[1] = c->cached_migrate_pfn[0];
				break;
			}
			update_cached = false;
			last_migrated_pfn = pageblock_start(zone, cc->migrate_pfn - 1);
			if (last_migrated_pfn < zone->zone_start_pfn)
				last_migrated_pfn = zone->zone_start_pfn;
			if (!migrate_isolated(cc, &rescan))
				return COMPACT_CONTENDED;
		} while (rescan);
		if (captured(cc))
			return COMPACT_SUCCESS;
		check_drain(cc, &last_migrated_pfn);
	}
	return ret;
}

enum compact_result compact_zone(struct compact_control *cc)
{
	struct zone_compaction *c = &cc->zone->compact;
	enum compact_result ret;
	bool memalloc = cc->mem->memalloc;

	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
		pfn_list_init(&cc->freepages[order]);
	cc->total_migrate_scanned = cc->total_free_scanned = 0;
	cc->nr_migratepages = cc->nr_freepages = 0;
	cc->migratetype = gfp_migratetype(cc->gfp);
	if (cc->order != WHOLE_ZONE) {
		ret = compaction_suit_allocation_order(cc->zone, (unsigned)cc->order, cc->highest, cc->alloc_flags,
						       cc->mode == COMPACT_MODE_ASYNC, !cc->direct);
		if (ret != COMPACT_CONTINUE)
			return ret;
		if (compaction_restarting(cc->zone, (unsigned)cc->order))
			__reset_isolation_suitable(cc->zone);
	}
	setup_positions(cc);
	cc->mem->memalloc = true;	/* splitting a folio may allocate */
	ret = run_scanners(cc);
	cc->mem->memalloc = memalloc;
	if (cc->nr_freepages) {
		pfn_t pfn = pageblock_start(cc->zone, release_freepages(cc));

		if (pfn > c->cached_free_pfn)
			c->cached_free_pfn = pfn;
	}
	vec_finish(&cc->migratepages);
	count_vm_events(cc->mem, COMPACTMIGRATE_SCANNED, cc->total_migrate_scanned);
	count_vm_events(cc->mem, COMPACTFREE_SCANNED, cc->total_free_scanned);
	return ret;
}

/* ---- direct compaction ---- */

static enum compact_result compact_zone_order(struct zone *zone, const struct alloc_request *req,
					      enum compact_priority prio, pfn_t *ret_captured)
{
	struct compact_control cc = {
		.mem = zone->mem, .zone = zone, .order = (int)req->order, .search_order = (int)req->order,
		.gfp = req->gfp, .alloc_flags = req->alloc_flags, .highest = req->highest, .direct = true,
		.mode = prio == COMPACT_PRIO_ASYNC ? COMPACT_MODE_ASYNC : COMPACT_MODE_SYNC_LIGHT,
		.whole_zone = prio == COMPACT_PRIO_SYNC_FULL,
		.ignore_skip_hint = prio == COMPACT_PRIO_SYNC_FULL,
		.ignore_block_suitable = prio == COMPACT_PRIO_SYNC_FULL,
	};
	struct capture_control capc = {
		.order = req->order, .migratetype = gfp_migratetype(req->gfp), .page = PFN_NONE,
	};
	enum compact_result ret;

	zone->capture = &capc;
	ret = compact_zone(&cc);
	zone->capture = NULL;
	*ret_captured = capc.page;
	return capc.page != PFN_NONE ? COMPACT_SUCCESS : ret;
}

/* The work of both scanners and of the moves so far, as time. */
static uint64_t work_ns(const struct memory *mem)
{
	return (mem->vm_event[COMPACTMIGRATE_SCANNED] + mem->vm_event[COMPACTFREE_SCANNED]) * mem->conf.compaction_scan_ns +
	       mem->vm_event[PGMIGRATE_SUCCESS] * mem->conf.compaction_move_ns;
}

static void account_wait(struct memory *mem, uint64_t ns)
{
	if (!ns || !mem->compaction)
		return;
	mem->compaction->direct_ns += ns;
	psi_memstall(mem, ns);
}

enum compact_result try_to_compact_pages(struct memory *mem, const struct alloc_request *req, enum compact_priority prio,
					 pfn_t *ret_captured)
{
	enum compact_result rc = COMPACT_SKIPPED;
	uint64_t before = work_ns(mem);

	*ret_captured = PFN_NONE;
	for (const struct zoneref *z = request_zonelist(mem, req); z->zone && req->gfp & __GFP_IO; z++) {
		struct zone *zone = z->zone;
		enum compact_result status;

		if (!request_allows(req, zone))
			continue;
		if (prio > COMPACT_PRIO_SYNC_FULL && compaction_deferred(zone, req->order)) {
			rc = rc > COMPACT_DEFERRED ? rc : COMPACT_DEFERRED;
			continue;
		}
		status = compact_zone_order(zone, req, prio, ret_captured);
		rc = rc > status ? rc : status;
		if (status == COMPACT_SUCCESS) {
			compaction_defer_reset(zone, req->order, false);
			break;
		}
		if (prio != COMPACT_PRIO_ASYNC && (status == COMPACT_COMPLETE || status == COMPACT_PARTIAL_SKIPPED))
			defer_compaction(zone, req->order);
	}
	account_wait(mem, work_ns(mem) - before);
	if (rc == COMPACT_SKIPPED)
		mem->compact_order[req->order].skipped++;
	return rc;
}
