/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The result of a replay: one walk of the statistics builds one JSON tree, which is printed as it
 * is or as tables (table.h).
 *
 *	schema, trace, config, replay, divergence, vmstat, model, tlb, cost, memory, numa, fragmentation, hugetlb,
 *	reclaim, memcg, slab, kernel, dma, tasks, kernel_trace (when that was replayed), timeline (when asked for), unavailable, notes
 *
 * A figure that the trace cannot support, or that the model does not keep, is null, and
 * `unavailable` has the reason under its path. Keys stand in a fixed order; ratios come from the
 * integers beside them.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <mmreplay/report.h>

#include "report/json.h"
#include "sim/replay.h"

#define REPORT_SCHEMA "mmreplay-result/1"

/* A new reference. */
json_t *report_build(struct mmr_replay *r);

/* ---- for the sections (report-*.c) ---- */

struct report {
	struct mmr_replay *r;
	json_t *root;
	json_t *unavailable; /* path -> reason */
	json_t *notes;
};

/* obj[key] is null, and why. `path` is the whole path of the key. */
void report_null(struct report *rep, json_t *obj, const char *key, const char *path,
		 const char *reason);
/* Why accesses are unknown, NULL when they are known. */
const char *report_no_accesses(const struct mmr_replay *r);
/* Why nothing is known of system calls on files, NULL when it is. */
const char *report_no_file_calls(const struct mmr_replay *r);
/* Why it is not known which pages are old, NULL when it is. */
const char *report_no_recency(const struct mmr_replay *r);
/* obj.pressure: time lost for want of memory, of the machine or of a group. */
void report_pressure(json_t *obj, const struct memory *mem, const struct psi_group *group);
/* The generations of one list, as a row of `list`. */
void report_generations(json_t *list, const struct lruvec *lruvec);
/* Why the model has no figure for an item of enum zone_stat_item, NULL when it has. */
const char *report_zone_item_reason(const struct mmr_replay *r, unsigned item);
/* Why the model has no figure for an item of enum node_stat_item, NULL when it has. */
const char *report_node_item_reason(const struct mmr_replay *r, unsigned item);
/* The same for an item of enum vm_event_item. */
const char *report_event_reason(const struct mmr_replay *r, unsigned item);
/* The key of a migrate type: "movable". */
const char *report_type_key(unsigned mt);

void report_config(struct report *rep);
void report_tlb(struct report *rep);
void report_numa(struct report *rep);
/* Parts of the sections `numa` and `cost`. */
void report_access(struct report *rep, json_t *numa);
void report_tiers(struct report *rep, json_t *numa);
void report_memory_cost(struct report *rep, json_t *cost);
void report_zones(struct report *rep);
void report_fragmentation(struct report *rep);
/* fragmentation.compaction */
void report_compaction(json_t *frag, const struct memory *mem);
void report_thp(struct report *rep);
void report_hugetlb(struct report *rep);
void report_kernel(struct report *rep);
void report_dma(struct report *rep);
void report_slab(struct report *rep);
void report_tasks(struct report *rep);
void report_kernel_trace(struct report *rep);
void report_reclaim(struct report *rep);
void report_files(struct report *rep);
void report_memcg(struct report *rep);
/* obj[key]: where a memory cgroup is in its tree, "/trace/db". */
void report_memcg_path(json_t *obj, const char *key, const struct mem_cgroup *memcg);
void report_timeline(struct report *rep);

#endif
