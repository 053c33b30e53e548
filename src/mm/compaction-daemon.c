/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Compaction that nobody waits for: kcompactd when it is woken for an order, kcompactd unasked when a node is fragmented
 * (proactive), and whole nodes by request. See compaction.h.
 */
#include "mm/compaction-internal.h"

#include "mm/fragmentation.h"
#include "mm/huge_pmd.h"
#include "mm/page_alloc.h"

static bool populated(const struct zone *zone)
{
	return zone->managed_pages != 0;
}

/* ---- how fragmented ---- */

bool kswapd_is_running(const struct pglist_data *pgdat)
{
	return pgdat->mem->kswapd_nodes >> pgdat->node_id & 1;
}

unsigned fragmentation_score_zone(const struct zone *zone)
{
	return zone_extfrag_percent(zone, hpage_order(zone->mem));
}

unsigned fragmentation_score_wmark(const struct memory *mem, bool low)
{
	uint64_t p = mem->conf.compaction_proactiveness;
	unsigned mark = p < 95 ? (unsigned)(100 - p) : 5;

	if (low)
		return mark;
	return mark + 10 < 100 ? mark + 10 : 100;
}

unsigned fragmentation_score_node(const struct pglist_data *pgdat)
{
	unsigned score = 0;

	/* Small zones count for little, so that they start nothing. */
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		const struct zone *zone = &pgdat->node_zones[t];

		if (populated(zone))
			score += (unsigned)(zone->present_pages * fragmentation_score_zone(zone) /
					    (pgdat->present_pages + 1));
	}
	return score;
}

/* ---- whole nodes ---- */

static void compact_node(struct pglist_data *pgdat, enum compact_mode mode, bool proactive)
{
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		struct compact_control cc = {
			.mem = pgdat->mem, .zone = &pgdat->node_zones[t], .order = WHOLE_ZONE, .mode = mode,
			.ignore_skip_hint = true, .whole_zone = true, .gfp = GFP_KERNEL, .proactive = proactive,
		};

		if (!populated(cc.zone))
			continue;
		compact_zone(&cc);
		if (proactive) {
			count_vm_events(cc.mem, KCOMPACTD_MIGRATE_SCANNED, cc.total_migrate_scanned);
			count_vm_events(cc.mem, KCOMPACTD_FREE_SCANNED, cc.total_free_scanned);
		}
	}
}

void compact_nodes(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n])
			compact_node(mem->nodes[n], COMPACT_MODE_SYNC, false);
	drain_all_pages(mem);	/* what it freed shall merge now, and not when somebody happens to free more */
}

/* ---- for an order ---- */

static bool kcompactd_node_suitable(const struct pglist_data *pgdat)
{
	const struct kcompactd *k = &pgdat->kcompactd;

	for (unsigned t = 0; t <= k->highest; t++) {
		const struct zone *zone = &pgdat->node_zones[t];

		if (populated(zone) && compaction_suit_allocation_order(zone, k->max_order, k->highest, WMARK_MIN, false,
									true) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

void wakeup_kcompactd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	struct kcompactd *k = &pgdat->kcompactd;

	if (!order)
		return;
	if (!k->max_order || highest < k->highest)
		k->highest = highest;
	if (k->max_order < order)
		k->max_order = order;
	if (kcompactd_node_suitable(pgdat))
		mem->kcompactd_nodes |= 1ull << pgdat->node_id;
}

static void kcompactd_zone(struct zone *zone, unsigned order, enum zone_type highest)
{
	struct compact_control cc = {
		.mem = zone->mem, .zone = zone, .order = (int)order, .search_order = (int)order, .highest = highest,
		.mode = COMPACT_MODE_SYNC_LIGHT, .gfp = GFP_KERNEL, .alloc_flags = WMARK_HIGH,
	};
	struct compact_order_stats *stats = &zone->mem->compact_order[order];
	enum compact_result status = compact_zone(&cc);

	stats->daemon++;
	if (status == COMPACT_SUCCESS) {
		compaction_defer_reset(zone, order, false);
		stats->daemon_success++;
	} else if (status == COMPACT_PARTIAL_SKIPPED || status == COMPACT_COMPLETE) {
		drain_zone_pages(zone, -1);
		defer_compaction(zone, order);
		stats->daemon_fail++;
	}
	count_vm_events(zone->mem, KCOMPACTD_MIGRATE_SCANNED, cc.total_migrate_scanned);
	count_vm_events(zone->mem, KCOMPACTD_FREE_SCANNED, cc.total_free_scanned);
}

static void kcompactd_do_work(struct pglist_data *pgdat)
{
	unsigned order = pgdat->kcompactd.max_order;
	enum zone_type highest = pgdat->kcompactd.highest;

	pgdat->mem->kcompactd_nodes &= ~(1ull << pgdat->node_id);
	pgdat->kcompactd.max_order = 0;
	pgdat->kcompactd.proactive_defer_ms = 0;
	count_vm_event(pgdat->mem, KCOMPACTD_WAKE);
	for (unsigned t = 0; t <= highest; t++) {
		struct zone *zone = &pgdat->node_zones[t];

		if (!populated(zone) || compaction_deferred(zone, order) ||
		    compaction_suit_allocation_order(zone, order, (enum zone_type)t, WMARK_HIGH, false, true) !=
			    COMPACT_CONTINUE)
			continue;
		kcompactd_zone(zone, order, highest);
	}
}

void kcompactd_run(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes && mem->kcompactd_nodes; n++)
		if (mem->kcompactd_nodes >> n & 1)
			kcompactd_do_work(mem->nodes[n]);
}

/* ---- unasked ---- */

static void proactive_node(struct pglist_data *pgdat)
{
	unsigned before = fragmentation_score_node(pgdat);

	if (kswapd_is_running(pgdat) || before <= fragmentation_score_wmark(pgdat->mem, false))
		return;
	compact_node(pgdat, COMPACT_MODE_SYNC_LIGHT, true);
	if (pgdat->mem->compaction)
		pgdat->mem->compaction->proactive_runs++;
	/* Nothing gained: not again for a while. */
	if (fragmentation_score_node(pgdat) >= before)
		pgdat->kcompactd.proactive_defer_ms = (uint64_t)COMPACTION_PROACTIVE_MS << COMPACT_MAX_DEFER_SHIFT;
}

void kcompactd_proactive(struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		struct pglist_data *pgdat = mem->nodes[n];
		struct kcompactd *k = pgdat ? &pgdat->kcompactd : NULL;

		if (!k)
			continue;
		if (k->proactive_defer_ms > COMPACTION_PROACTIVE_MS) {
			k->proactive_defer_ms -= COMPACTION_PROACTIVE_MS;
			continue;
		}
		k->proactive_defer_ms = 0;
		/* It wakes by itself, and finds what nobody thought worth waking it for. */
		if (k->max_order)
			kcompactd_do_work(pgdat);
		else
			proactive_node(pgdat);
	}
}
