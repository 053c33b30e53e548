/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The walk, and the sections that are lists of counters. */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "mm/vmstat.h"
#include "report/table.h"
#include "report/trace_info.h"
#include "report/validate.h"

void report_null(struct report *rep, json_t *obj, const char *key, const char *path,
		 const char *reason)
{
	j_null(obj, key);
	j_str(rep->unavailable, path, reason);
}

const char *report_no_accesses(const struct mmr_replay *r)
{
	switch (r->meta.basis) {
	case MMR_BASIS_EXACT:
		return NULL;
	case MMR_BASIS_SAMPLED:
		return "the trace holds samples: accesses between them are not in it";
	default:
		return "the trace holds faults only: accesses to pages that are mapped are not in it";
	}
}

/* ---- what was replayed ---- */

static void report_trace(struct report *rep)
{
	json_t *trace = j_object(rep->root, "trace");

	trace_stats_json(trace, mmr_reader_stats(rep->r->reader), rep->r->meta.basis_name,
			 rep->r->meta.interleaving);
}

static void report_replay(struct report *rep)
{
	const struct replay_counts *c = &rep->r->counts;
	json_t *replay = j_object(rep->root, "replay"), *ignored;

	j_u64(replay, "clock_ns", rep->r->mem->now_ns);
	j_u64(replay, "faults_observed", c->faults_observed);
	j_u64(replay, "faults_major_observed", c->faults_major_observed);
	j_u64(replay, "cache_implied_pages", c->cache_implied);
	j_u64(replay, "resident_pages", c->resident_pages);
	j_u64(replay, "kernel_touches", c->ktouch_pages);
	j_u64(replay, "killed_events", c->killed_events);
	ignored = j_object(replay, "ignored_events");
	for (unsigned kind = 0; kind < REPLAY_KINDS; kind++)
		if (c->ignored[kind])
			j_u64(ignored, mmr_kind_info(kind)->name, c->ignored[kind]);
	if (c->unknown_kinds)
		j_u64(ignored, "unknown", c->unknown_kinds);
}

static void report_divergence(struct report *rep)
{
	json_t *divergence = j_object(rep->root, "divergence");

	for (unsigned i = 0; i < NR_DIVERGENCES; i++)
		j_u64(divergence, divergence_info[i].key, rep->r->counts.diverged[i]);
}

/* ---- counters ---- */

static uint64_t zone_sum(const struct memory *mem, unsigned item)
{
	uint64_t sum = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned z = 0; mem->nodes[nid] && z < MAX_NR_ZONES; z++)
			sum += mem->nodes[nid]->node_zones[z].vm_stat[item];
	return sum;
}

static uint64_t node_sum(const struct memory *mem, unsigned item)
{
	uint64_t sum = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		sum += mem->nodes[nid] ? mem->nodes[nid]->vm_stat[item] : 0;
	return sum;
}

static const char *lru_reason(const struct mmr_replay *r)
{
	return r->mem->lru_enabled ? NULL : "the trace has faults only: no pages are kept by age";
}

/* Touches of pages that are mapped are what hints catch. */
static const char *hint_reason(const struct mmr_replay *r)
{
	return r->mem->conf.numa_balancing ? report_no_accesses(r) : NULL;
}

const char *report_zone_item_reason(const struct mmr_replay *r, unsigned item)
{
	if (item >= NR_ZONE_INACTIVE_ANON && item <= NR_ZONE_ACTIVE_FILE)
		return report_no_recency(r);
	if (item == NR_ZONE_WRITE_PENDING)
		return report_no_file_calls(r);
	return item == NR_ZONE_UNEVICTABLE || item == NR_MLOCK ? lru_reason(r) : NULL;
}

const char *report_node_item_reason(const struct mmr_replay *r, unsigned item)
{
	if ((item >= NR_INACTIVE_ANON && item <= NR_ACTIVE_FILE) ||
	    (item >= WORKINGSET_REFAULT_ANON && item <= WORKINGSET_RESTORE_FILE))
		return report_no_recency(r);
	switch (item) {
	case NR_FILE_DIRTY:
	case NR_WRITEBACK:
	case NR_DIRTIED:
	case NR_WRITTEN:
		return report_no_file_calls(r);
	case WORKINGSET_NODES:
	case WORKINGSET_NODERECLAIM:
		return "shadow entries take no memory in the model";
	case NR_UNEVICTABLE:
		return lru_reason(r);
	case NR_VMSCAN_WRITE:
	case NR_VMSCAN_IMMEDIATE:
	case NR_SWAPCACHE:
	case NR_ISOLATED_ANON:
	case NR_ISOLATED_FILE:
		return report_no_recency(r);
	case PGPROMOTE_SUCCESS:
	case PGPROMOTE_CANDIDATE:
	case PGPROMOTE_CANDIDATE_NRL:
		return hint_reason(r);
	default:
		return NULL;
	}
}

/* Whatever memory under pressure does goes by which pages are old. */
static bool is_pressure_event(unsigned item)
{
	return (item >= ALLOCSTALL_DMA && item <= PGSCAN_SKIP_MOVABLE) ||
	       (item >= PGLAZYFREED && item <= PGSTEAL_FILE) || (item >= SLABS_SCANNED && item <= PAGEOUTRUN) ||
	       (item >= SWAP_RA && item <= ZSWPWB);
}

const char *report_event_reason(const struct mmr_replay *r, unsigned item)
{
	if (is_pressure_event(item))
		return report_no_recency(r);
	switch (item) {
	case PGPGIN:
	case PGPGOUT:
		return report_no_file_calls(r);
	case PGACTIVATE:
	case PGDEACTIVATE:
	case PGROTATED:
	case PSWPIN:
	case PSWPOUT:
	case OOM_KILL:
	case PGINODESTEAL:
		return report_no_recency(r);
	case PGLAZYFREE:
	case UNEVICTABLE_PGCULLED:
	case UNEVICTABLE_PGSCANNED:
	case UNEVICTABLE_PGRESCUED:
	case UNEVICTABLE_PGMLOCKED:
	case UNEVICTABLE_PGMUNLOCKED:
	case UNEVICTABLE_PGCLEARED:
	case UNEVICTABLE_PGSTRANDED:
		return lru_reason(r);
	case NUMA_HINT_FAULTS:
	case NUMA_HINT_FAULTS_LOCAL:
	case NUMA_PAGE_MIGRATE:
		return hint_reason(r);
	case NR_TLB_REMOTE_FLUSH:
	case NR_TLB_REMOTE_FLUSH_RECEIVED:
	case NR_TLB_LOCAL_FLUSH_ALL:
	case NR_TLB_LOCAL_FLUSH_ONE:
		return r->meta.basis == MMR_BASIS_EXACT
			       ? NULL
			       : "which CPUs ran a task meanwhile is not in the trace";
	default:
		return NULL;
	}
}

static void put_counter(struct report *rep, json_t *obj, const char *key, uint64_t value,
			const char *reason)
{
	char path[96];

	if (!reason) {
		j_u64(obj, key, value);
		return;
	}
	snprintf(path, sizeof(path), "vmstat.%s", key);
	report_null(rep, obj, key, path, reason);
}

static void report_vmstat(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *vmstat = j_object(rep->root, "vmstat");

	for (unsigned i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
		put_counter(rep, vmstat, zone_stat_info[i].key, zone_sum(mem, i),
			    report_zone_item_reason(rep->r, i));
	for (unsigned i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		put_counter(rep, vmstat, node_stat_info[i].key, node_sum(mem, i),
			    report_node_item_reason(rep->r, i));
	for (unsigned i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (vm_event_info[i].is_kernel)
			put_counter(rep, vmstat, vm_event_info[i].key, mem->vm_event[i],
				    report_event_reason(rep->r, i));
}

/* The model's own counters; the leaves of the fault tree first. */
static void report_model_events(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *model = j_object(rep->root, "model");

	for (unsigned i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (!vm_event_info[i].is_kernel)
			j_u64(model, vm_event_info[i].key, mem->vm_event[i]);
}

static void report_notes(struct report *rep)
{
	const struct mmr_replay *r = rep->r;
	const struct mmr_reader_stats *s = mmr_reader_stats(r->reader);
	const char *vma = json_string_value(trace_meta_get(&r->meta, "import/vma"));

	if (vma && !strcmp(vma, "inferred"))
		json_array_append_new(rep->notes, json_string("areas were guessed from the accesses: the trace does not say "
							      "what was mapped"));
	if (r->meta.interleaving && r->meta.basis == MMR_BASIS_EXACT && r->tasks.processes.nr)
		json_array_append_new(rep->notes, json_sprintf("interleaving of threads: %s",
							       r->meta.interleaving));
	if (s->lost_events || s->lost_unknown)
		json_array_append_new(
			rep->notes,
			json_sprintf("the capture lost %" PRIu64 " events%s", s->lost_events,
				     s->lost_unknown ? " and more that it could not count" : ""));
	if (s->damaged_blocks || s->missing_blocks || s->truncated)
		json_array_append_new(rep->notes, json_string("parts of the trace are missing"));
	if (r->mem->vm_event[ALLOC_FAIL])
		json_array_append_new(
			rep->notes,
			json_string("memory ran out: touches failed that the kernel would "
				    "have reclaimed for, or killed a process"));
	if (r->counts.diverged[DIVERGE_FAULT_SIZE] && !trace_meta_get(&r->meta, "memory/thp"))
		json_array_append_new(
			rep->notes,
			json_string("the capture could not read the settings of huge pages, and its "
				    "faults do not fit thp.enabled"));
	if (r->settings.force)
		json_array_append_new(
			rep->notes, json_string("forced: the trace may not support the settings"));
}

json_t *report_build(struct mmr_replay *r)
{
	struct report rep = {.r = r, .root = j_object(NULL, NULL)};

	BUG_ON(!r->sys);
	replay_end(r);
	rep.unavailable = json_object();
	rep.notes = json_array();
	j_str(rep.root, "schema", REPORT_SCHEMA);
	report_trace(&rep);
	report_config(&rep);
	report_replay(&rep);
	report_divergence(&rep);
	report_vmstat(&rep);
	report_model_events(&rep);
	report_tlb(&rep);
	report_zones(&rep);
	report_numa(&rep);
	report_fragmentation(&rep);
	report_thp(&rep);
	report_hugetlb(&rep);
	report_files(&rep);
	report_reclaim(&rep);
	report_memcg(&rep);
	report_slab(&rep);
	report_kernel(&rep);
	report_dma(&rep);
	report_tasks(&rep);
	report_kernel_trace(&rep);
	report_timeline(&rep);
	report_notes(&rep);
	json_object_set_new(rep.root, "unavailable", rep.unavailable);
	json_object_set_new(rep.root, "notes", rep.notes);
	return rep.root;
}

char *mmr_report_json(struct mmr_replay *r)
{
	struct strbuf sb = {0};
	json_t *root = report_build(r);

	j_text(root, &sb);
	json_decref(root);
	return sb.s;
}

char *mmr_report_text(struct mmr_replay *r, int all)
{
	struct strbuf sb = {0};
	json_t *root = report_build(r);

	table_print(root, all, &sb);
	json_decref(root);
	return sb.s;
}

char *mmr_report_validation(struct mmr_replay *r, int *ret_ok)
{
	struct strbuf sb = {0};
	bool ok;
	json_t *root = validation_build(r, &ok);

	*ret_ok = ok;
	j_text(root, &sb);
	json_decref(root);
	return sb.s;
}
