/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Physical memory at the begin of a system-wide capture: what each frame is, and the allocator's
 * own texts.
 *
 * Events are enabled first, then the frames are looked at (/proc/kpageflags), then the texts are
 * read. `begin_ns` lies between the two readings; the trace begins there. What was allocated or
 * freed while the frames were being looked at is in the records of that time, and is put right from
 * them (memory_state_alloc(), memory_state_free()). What is left as an error: pages that moved
 * between the free lists and the per-cpu lists during the scan, and events in the microseconds that
 * reading the texts takes.
 *
 * Interface:
 *   - memory_state_take(), memory_state_finish()
 *   - memory_state_each(): runs of frames of one use, by address
 */
#ifndef CAPTURE_MEMORY_STATE_H
#define CAPTURE_MEMORY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <mmreplay/trace.h>

#include "base/strbuf.h"

/* The files, in the order in which they are read: the scopes BUDDYINFO, ZONEINFO, PAGETYPEINFO. */
#define MEMORY_STATE_TEXTS 3

struct memory_state {
	uint8_t *use;	    /* enum mmr_frames by frame; NULL: frames are closed to this user */
	uint64_t nr_frames; /* as many as /proc/kpageflags shows */
	uint64_t *chunk_ns; /* when each chunk of frames was read */
	uint64_t begin_ns;  /* CLOCK_MONOTONIC */
	struct strbuf text[MEMORY_STATE_TEXTS];
};

/* What flags of /proc/kpageflags say of a frame. */
enum mmr_frames memory_state_use(uint64_t flags);

/* frames false: the texts alone. What cannot be read stays empty. */
void memory_state_take(struct memory_state *ms, bool frames);
/* The texts alone, once more. Returns the time they stand for. */
uint64_t memory_state_texts(struct memory_state *ms);
void memory_state_finish(struct memory_state *ms);
enum mmr_scope memory_state_scope(unsigned text);
/* "buddyinfo" ...: the key in the metadata. */
const char *memory_state_key(unsigned text);

/* Records from before begin_ns. Frames that are freed may be on per-cpu lists: not known. */
void memory_state_alloc(struct memory_state *ms, uint64_t pfn, uint64_t order, uint64_t time_ns);
void memory_state_free(struct memory_state *ms, uint64_t pfn, uint64_t order, uint64_t time_ns);

/* 0 or the first non-zero value of fn. */
typedef int memory_state_fn(void *ctx, uint64_t pfn, uint64_t nr, enum mmr_frames use);
int memory_state_each(const struct memory_state *ms, memory_state_fn *fn, void *ctx);

#endif
