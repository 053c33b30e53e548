/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Identity of a trace: XXH3-128 over its records as they are decoded, so that blocks, compression and
 * batches make no difference.
 *
 * An event counts as kind (2 bytes), cpu (2), task (4), time in ns (8), number of fields without
 * trailing zeros (4), bytes of data (4), the fields (8 each), the data. Runs count as the event RUNS of
 * their task without fields, then 16 bytes each, then their number (8), consecutive ones of a task and
 * CPU taken together. All little-endian.
 */
#ifndef TRACE_IDENTITY_H
#define TRACE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace.h>

struct identity {
	void *state;		/* XXH3_state_t */
	bool in_runs;
	uint16_t cpu;		/* of the runs */
	uint32_t task;
	uint64_t nr_runs;
};

void identity_init(struct identity *id);
void identity_finish(struct identity *id);
/* args: all fields that the file has, also those that this program does not know. */
void identity_event(struct identity *id, const struct mmr_event *ev, const uint64_t *args, unsigned nr_args);
/* The event RUNS; a second one of the same task and CPU is the same. True when it was a new one. */
bool identity_runs_begin(struct identity *id, const struct mmr_event *ev);
void identity_runs(struct identity *id, const struct mmr_run *runs, size_t nr);
/* Of what came so far. */
void identity_get(const struct identity *id, uint64_t ret[2]);

#endif
