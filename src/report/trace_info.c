/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Counting the items of a trace. */
#include "report/trace_info.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void trace_info_init(struct trace_info *t)
{
	*t = (struct trace_info){0};
	htable_init(&t->tasks);
	htable_init(&t->cpus);
}

void trace_info_finish(struct trace_info *t)
{
	htable_finish(&t->tasks);
	htable_finish(&t->cpus);
}

static void add_runs(struct trace_info *t, const struct mmr_run *runs, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct mmr_run *run = &runs[i];

		if (run->page & MMR_RUN_INSN) {
			t->insn_runs++;
			t->insn_touches += run->nr_reads;
		} else {
			t->data_runs++;
			t->reads += run->nr_reads;
			t->writes += run->nr_writes;
		}
		t->splits += run->nr_split;
	}
}

static void see(struct htable *set, uint64_t number)
{
	uint64_t dummy;

	if (!htable_get(set, number, &dummy))
		htable_set(set, number, 1);
}

void trace_info_add(struct trace_info *t, const struct mmr_item *item)
{
	const struct mmr_event *ev = &item->ev;

	if (ev->kind < TRACE_INFO_KINDS && mmr_kind_info(ev->kind))
		t->events[ev->kind]++;
	else
		t->unknown_events++;
	if (ev->task)
		see(&t->tasks, ev->task);
	see(&t->cpus, ev->cpu);
	switch (ev->kind) {
	case MMR_RUNS:
		add_runs(t, item->runs, item->nr_runs);
		break;
	case MMR_FAULT:
		t->major_faults += !!(ev->FAULT.flags & MMR_FAULT_MAJOR);
		t->failed_faults += !!(ev->FAULT.flags & MMR_FAULT_FAILED);
		break;
	case MMR_KTOUCH:
		t->ktouch_bytes += ev->KTOUCH.len;
		break;
	default:
		break;
	}
}

static void identity_json(json_t *obj, const uint64_t id[2])
{
	char text[40];

	snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, id[0], id[1]);
	j_str(obj, "identity", text);
}

static void losses_json(json_t *obj, const struct mmr_reader_stats *s)
{
	json_t *lost = j_object(obj, "losses");

	j_u64(lost, "lost_events", s->lost_events);
	j_u64(lost, "lost_unknown", s->lost_unknown);
	j_u64(lost, "damaged_blocks", s->damaged_blocks);
	j_u64(lost, "damaged_bytes", s->damaged_bytes);
	j_u64(lost, "missing_blocks", s->missing_blocks);
	j_bool(lost, "truncated", s->truncated);
	j_bool(lost, "complete",
	       s->has_end && !s->truncated && !s->damaged_blocks && !s->missing_blocks &&
		       !s->lost_events && !s->lost_unknown);
}

static void str_or_null(json_t *obj, const char *key, const char *value)
{
	if (value)
		j_str(obj, key, value);
	else
		j_null(obj, key);
}

void trace_stats_json(json_t *obj, const struct mmr_reader_stats *s, const char *basis,
		      const char *interleaving)
{
	identity_json(obj, s->identity);
	str_or_null(obj, "basis", basis);
	str_or_null(obj, "interleaving", interleaving);
	j_u64(obj, "events", s->events);
	j_u64(obj, "runs", s->runs);
	j_u64(obj, "touches", s->touches);
	j_u64(obj, "accesses", s->accesses);
	j_u64(obj, "first_ns", s->first_ns);
	j_u64(obj, "last_ns", s->last_ns);
	losses_json(obj, s);
}

static const char *meta_string(const json_t *meta, const char *section, const char *key)
{
	const json_t *at = section ? json_object_get(meta, section) : meta;

	return json_string_value(json_object_get(at, key));
}

static void sizes_json(json_t *root, const struct mmr_reader_stats *s)
{
	json_t *size = j_object(root, "size");

	j_u64(size, "file_bytes", s->file_bytes);
	j_u64(size, "blocks", s->blocks);
	j_ratio(size, "bytes_per_event", s->file_bytes, s->runs ? 0 : s->events);
	j_ratio(size, "bytes_per_access", s->file_bytes, s->accesses);
	j_ratio(size, "bytes_per_run", s->file_bytes, s->runs);
	j_ratio(size, "accesses_per_run", s->accesses, s->runs);
}

static void events_json(json_t *root, const struct trace_info *t)
{
	json_t *events = j_object(root, "events");

	for (unsigned kind = 0; kind < TRACE_INFO_KINDS; kind++)
		if (t->events[kind])
			j_u64(events, mmr_kind_info(kind)->name, t->events[kind]);
	if (t->unknown_events)
		j_u64(events, "unknown", t->unknown_events);
}

static void touches_json(json_t *root, const struct trace_info *t)
{
	json_t *touches = j_object(root, "touches");

	j_u64(touches, "insn_runs", t->insn_runs);
	j_u64(touches, "insn_touches", t->insn_touches);
	j_u64(touches, "data_runs", t->data_runs);
	j_u64(touches, "data_reads", t->reads);
	j_u64(touches, "data_writes", t->writes);
	j_u64(touches, "splits", t->splits);
	j_u64(touches, "kernel_bytes", t->ktouch_bytes);
	j_u64(touches, "faults", t->events[MMR_FAULT]);
	j_u64(touches, "major_faults", t->major_faults);
	j_u64(touches, "failed_faults", t->failed_faults);
	j_u64(touches, "samples", t->events[MMR_SAMPLE]);
}

json_t *trace_info_json(const struct trace_info *t, const struct mmr_reader_stats *stats,
			const char *metadata)
{
	json_t *root = j_object(NULL, NULL), *trace;
	json_t *meta = j_parse(metadata, strlen(metadata), NULL);

	j_str(root, "schema", TRACE_INFO_SCHEMA);
	trace = j_object(root, "trace");
	trace_stats_json(trace, stats, meta_string(meta, NULL, "basis"),
			 meta_string(meta, "capture", "interleaving"));
	j_u64(trace, "duration_ns", stats->last_ns - stats->first_ns);
	j_u64(trace, "tasks", t->tasks.nr);
	j_u64(trace, "cpus", t->cpus.nr);
	sizes_json(root, stats);
	events_json(root, t);
	touches_json(root, t);
	if (json_is_object(meta))
		json_object_set_new(root, "metadata", meta);
	else
		json_decref(meta);
	return root;
}
