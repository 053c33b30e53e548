/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `timeline` (sim/timeline.h): an object of parallel arrays, one element a sample, so
 * that no key is repeated. Only there when it was asked for.
 *
 * States stand as they were at each sample; what only grows stands as the difference to the sample
 * before (the first: since the machine was built), so that the sum of such an array is the figure of
 * `vmstat` or `model`. A counter that never differed from 0 is left out, and so is what `vmstat` has
 * as null.
 */
#include <stdio.h>
#include <string.h>

#include "mm/fragmentation.h"
#include "report/report.h"

/* Node and zone items that count since boot; all others are states. */
static bool only_grows(const char *key)
{
	static const char *const starts[] = {
		"numa_",	     "pgpromote_",	    "pgdemote_",	     "pgscan",
		"pgsteal",	     "workingset_refault",  "workingset_activate",   "workingset_restore",
		"workingset_nodere", "nr_vmscan_",	    "nr_dirtied",	     "nr_written",
		"nr_throttled_",     "nr_foll_pin_",
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(key, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static bool all_zero(const struct timeline *t, size_t column)
{
	for (size_t row = 0; row < t->nr_rows; row++)
		if (timeline_cell(t, row, column))
			return false;
	return true;
}

static void put_column(json_t *obj, const char *key, const struct timeline *t, size_t column,
		       bool differences)
{
	json_t *array = j_array(obj, key);
	uint64_t before = 0;

	for (size_t row = 0; row < t->nr_rows; row++) {
		uint64_t value = timeline_cell(t, row, column);

		json_array_append_new(array, json_integer((json_int_t)(value - before)));
		before = differences ? value : 0;
	}
}

/* What memory under pressure costs, where there is any. */
static void put_pressure(json_t *states, json_t *deltas, const struct timeline *t)
{
	static const struct {
		const char *key;
		size_t column;
	} times[] = {
		{"pressure_some_ns", TIMELINE_PRESSURE_SOME},
		{"pressure_full_ns", TIMELINE_PRESSURE_FULL},
		{"direct_reclaim_ns", TIMELINE_DIRECT_RECLAIM},
		{"kswapd_ns", TIMELINE_KSWAPD},
	};

	if (!all_zero(t, TIMELINE_SWAP_USED))
		put_column(states, "swap_used_pages", t, TIMELINE_SWAP_USED, false);
	if (!all_zero(t, TIMELINE_THP_PAGES))
		put_column(states, "thp_pages", t, TIMELINE_THP_PAGES, false);
	if (!all_zero(t, TIMELINE_THP_UNTOUCHED))
		put_column(states, "thp_untouched_pages", t, TIMELINE_THP_UNTOUCHED, false);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!all_zero(t, times[i].column))
			put_column(deltas, times[i].key, t, times[i].column, true);
}

static void put_counters(struct report *rep, json_t *timeline, const struct timeline *t)
{
	const json_t *vmstat = json_object_get(rep->root, "vmstat");
	json_t *states = j_object(timeline, "states"), *deltas = j_object(timeline, "deltas");

	put_column(states, "rss_pages", t, TIMELINE_RSS, false);
	put_pressure(states, deltas, t);
	for (size_t column = TIMELINE_ZONE_STAT; column < TIMELINE_ZONES; column++) {
		bool event = column >= TIMELINE_EVENT;
		const struct vmstat_info *info =
			event				? &vm_event_info[column - TIMELINE_EVENT] :
			column >= TIMELINE_NODE_STAT ? &node_stat_info[column - TIMELINE_NODE_STAT] :
						       &zone_stat_info[column - TIMELINE_ZONE_STAT];
		bool grows = event || only_grows(info->key);

		if (!all_zero(t, column) && !json_is_null(json_object_get(vmstat, info->key)))
			put_column(grows ? deltas : states, info->key, t, column, grows);
	}
}

/* ---- memory cgroups ---- */

static void put_group(json_t *groups, const struct timeline *t, size_t g)
{
	static const struct {
		const char *key;
		bool grows;
	} columns[NR_TIMELINE_GROUP] = {
#define TIMELINE_GROUP_COLUMN(NAME, key, grows) {key, grows},
		TIMELINE_GROUP_COLUMNS(TIMELINE_GROUP_COLUMN)
#undef TIMELINE_GROUP_COLUMN
	};
	json_t *obj = json_object(), *states, *deltas;

	report_memcg_path(obj, "path", t->groups.data[g]);
	states = j_object(obj, "states");
	deltas = j_object(obj, "deltas");
	for (size_t i = 0; i < NR_TIMELINE_GROUP; i++) {
		size_t column = timeline_group(t, g) + i;

		if (!all_zero(t, column))
			put_column(columns[i].grows ? deltas : states, columns[i].key, t, column, columns[i].grows);
	}
	json_array_append_new(groups, obj);
}

/* ---- free memory ---- */

/* Zones [first, end) and migrate types [mt, mt_end) together. */
struct part {
	const struct timeline *t;
	size_t first, end;
	unsigned mt, mt_end;
};

static void part_at(const struct part *part, size_t row, struct fragmentation *ret)
{
	const struct timeline *t = part->t;

	*ret = (struct fragmentation){0};
	for (size_t z = part->first; z < part->end; z++)
		for (unsigned mt = part->mt; mt < part->mt_end; mt++)
			for (unsigned o = 0; o < t->nr_orders; o++) {
				uint64_t nr = timeline_cell(t, row, timeline_blocks(t, z, mt, o));

				ret->free_blocks[o] += nr;
				ret->free_blocks_total += nr;
				ret->free_pages += nr << o;
			}
	fragmentation_finish(ret, t->nr_orders - 1);
}

/* For a block of the huge page's order. */
static void put_indices(json_t *obj, const struct part *part, unsigned order)
{
	json_t *unusable = j_array(obj, "unusable_free_permille"),
	       *index = j_array(obj, "fragmentation_index_permille");

	for (size_t row = 0; row < part->t->nr_rows; row++) {
		struct fragmentation f;

		part_at(part, row, &f);
		json_array_append_new(unusable, json_integer(f.unusable_index[order]));
		json_array_append_new(index, json_integer(f.fragmentation_index[order]));
	}
}

/* False: none at any time. */
static bool put_blocks(json_t *obj, const struct part *part, bool all)
{
	json_t *blocks = j_object(obj, "free_blocks");
	bool any = false;

	for (unsigned o = 0; o < part->t->nr_orders; o++) {
		json_t *array = json_array();
		bool some = false;
		char key[24];

		for (size_t row = 0; row < part->t->nr_rows; row++) {
			struct fragmentation f;

			part_at(part, row, &f);
			some = some || f.free_blocks[o];
			json_array_append_new(array, json_integer((json_int_t)f.free_blocks[o]));
		}
		snprintf(key, sizeof(key), "order_%u", o);
		any = any || some;
		if (some || all)
			json_object_set_new(blocks, key, array);
		else
			json_decref(array);
	}
	return any;
}

static void put_zone(json_t *zones, const struct timeline *t, size_t z, unsigned huge_order)
{
	struct part part = {t, z, z + 1, 0, MIGRATE_TYPES};
	json_t *obj = json_object(), *types;

	j_u64(obj, "node", t->zones.data[z]->zone_pgdat->node_id);
	j_str(obj, "zone", t->zones.data[z]->name);
	put_indices(obj, &part, huge_order);
	(void)put_blocks(obj, &part, true);
	types = j_object(obj, "types");
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		json_t *type = json_object();

		part.mt = mt;
		part.mt_end = mt + 1;
		put_indices(type, &part, huge_order);
		if (put_blocks(type, &part, false))
			json_object_set_new(types, report_type_key(mt), type);
		else
			json_decref(type);
	}
	json_array_append_new(zones, obj);
}

void report_timeline(struct report *rep)
{
	const struct timeline *t = &rep->r->timeline;
	unsigned huge_order = rep->r->mem->geo->pageblock_order;
	const struct part whole = {t, 0, t->zones.nr, 0, MIGRATE_TYPES};
	json_t *timeline, *zones, *groups;

	if (!t->interval_ns)
		return;
	timeline = j_object(rep->root, "timeline");
	j_u64(timeline, "interval_asked_ns", t->asked_ns);
	j_u64(timeline, "interval_ns", t->interval_ns);
	j_u64(timeline, "thinned", t->thinned);
	j_u64(timeline, "samples", t->nr_rows);
	j_u64(timeline, "huge_page_order", huge_order);
	put_column(timeline, "time_ns", t, TIMELINE_TIME, false);
	put_indices(timeline, &whole, huge_order);
	put_counters(rep, timeline, t);
	zones = j_array(timeline, "zones");
	for (size_t z = 0; z < t->zones.nr; z++)
		put_zone(zones, t, z, huge_order);
	if (!t->groups.nr)
		return;
	groups = j_array(timeline, "memcg");
	for (size_t g = 0; g < t->groups.nr; g++)
		put_group(groups, t, g);
}
