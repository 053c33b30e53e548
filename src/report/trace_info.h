/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What is in a trace, without replaying it: the result of `mmreplay info`, and the section `trace`
 * of every other result.
 *
 * Interface:
 *   - trace_info_init(), trace_info_add() for each item read, trace_info_finish()
 *   - trace_info_json(): the whole summary, with the metadata; stats are the reader's at the end
 *   - trace_stats_json(): what every result says of its trace: identity, counts, losses, damage
 */
#ifndef REPORT_TRACE_INFO_H
#define REPORT_TRACE_INFO_H

#include <mmreplay/trace.h>

#include "base/htable.h"
#include "report/json.h"

#define TRACE_INFO_SCHEMA "mmreplay-info/1"

#define TRACE_INFO_KINDS 256

/* Constant memory but for the sets of tasks and CPUs, which 32 and 16 bits bound. */
struct trace_info {
	uint64_t events[TRACE_INFO_KINDS];
	uint64_t unknown_events; /* of kinds that this version has no row for */
	uint64_t insn_runs, insn_touches;
	uint64_t data_runs, reads, writes, splits;
	uint64_t ktouch_bytes;
	uint64_t major_faults, failed_faults;
	struct htable tasks, cpus; /* numbers seen */
};

void trace_info_init(struct trace_info *t);
void trace_info_finish(struct trace_info *t);
void trace_info_add(struct trace_info *t, const struct mmr_item *item);
json_t *trace_info_json(const struct trace_info *t, const struct mmr_reader_stats *stats,
			const char *metadata);
/* Fills `obj` in. `basis` and `interleaving` come from the metadata, NULL where unknown. */
void trace_stats_json(json_t *obj, const struct mmr_reader_stats *stats, const char *basis,
		      const char *interleaving);

#endif
