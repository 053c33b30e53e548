/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Frames of a trace file: building them, and checking what claims to be one.
 *
 *	OFFSET	SIZE	every frame of ours
 *	0	4	0x184d2a5d
 *	4	4	bytes that follow in this frame
 *	8	8	signature
 *	16	2	type: 1 block, 2 index, 3 end
 *	18	2	version, 1
 *	20	4	bytes of the fixed part; what is variable begins there
 *	24	4	incompatible features: a reader that does not know a bit refuses
 *	28	4	compatible features: a reader may ignore a bit
 *	32	8	XXH3-64 of the whole frame, with this field zero
 *	40	8 each	the type's own numbers: struct trace_head
 *	...		variable part: block: metadata; index: its entries
 *
 * Interface:
 *   - trace_frame_put() builds a frame, trace_frame_check() checks one: magic, size, hash, limits
 *   - both are without state and touch no file
 */
#ifndef TRACE_CONTAINER_H
#define TRACE_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace.h>

/*
 * The numbers of a frame, in the order in which they are stored. In a block, `before` counts what the
 * blocks before it hold: so a reader that had to skip some knows what it is missing.
 */
struct trace_totals {
	uint64_t events, runs, touches, accesses, lost_events, lost_unknown;
};

struct trace_head {
	uint64_t sequence;	/* number of the block from 0; end and index: number of blocks */
	uint64_t offset;	/* of this frame in the file */
	struct trace_totals before;
	struct trace_totals here;	/* in this block; 0 in end and index */
	uint64_t first_ns, last_ns;	/* least and greatest time: of the block; end: of the trace */
	uint64_t base_time;	/* block: time of its first event, in units; end: identity, low half */
	uint64_t time_unit_ns;	/* block: ns of a unit of time; end: identity, high half */
	uint64_t column_bytes;	/* block: columns before compression; end: offset of the index */
	uint64_t payload_bytes;	/* block: the zstd frame that follows this one; else 0 */
	uint64_t payload_hash;	/* block: XXH3-64 of that frame; else 0 */
	uint64_t variable_bytes;	/* block: metadata; index: its entries; end: 0 */
};

enum {
	TRACE_HEAD_NUMBERS	= sizeof(struct trace_head) / 8,
	TRACE_FRAME_FIXED	= 40 + TRACE_HEAD_NUMBERS * 8,
	TRACE_PROBE_BYTES	= 16,
};

/* One entry of the index. */
struct trace_index_entry {
	uint64_t sequence, offset, events, runs, first_ns;
};

enum { TRACE_INDEX_NUMBERS = sizeof(struct trace_index_entry) / 8 };

uint64_t trace_hash(const void *p, size_t size);

/* Writes the frame to buf, which has room for TRACE_FRAME_FIXED + head->variable_bytes. Returns bytes. */
size_t trace_frame_put(uint8_t *buf, unsigned type, const struct trace_head *head, const void *variable);

/* True when the TRACE_PROBE_BYTES bytes at p begin a frame of ours; the same of the first `size` of them. */
int trace_frame_probe(const uint8_t *p);
int trace_frame_probe_part(const uint8_t *p, size_t size);
/* Bytes of the frame at p (16 bytes of it are enough), or 0 when it cannot be one. */
size_t trace_frame_size(const uint8_t *p);
/*
 * Checks the frame of `size` bytes at p. On success *ret_type and *ret_head are set, and *ret_variable is
 * where the variable part begins. A type that we do not know is no error: head is zero then.
 */
int trace_frame_check(uint8_t *p, size_t size, unsigned *ret_type, struct trace_head *ret_head,
		      const uint8_t **ret_variable, struct mmr_error *err);

#endif
