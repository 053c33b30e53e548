/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The columns of page runs. Programs repeat themselves: of 100 runs of a block, 1 or 2 differ from all
 * others (page and counts taken together). A block therefore has a dictionary of its different runs, and
 * a run is a symbol of one byte that says which entry it is:
 *
 *	SYMBOL	ENTRY
 *	0	the next of the entries that occur only once
 *	1-239	entry symbol - 1
 *	240-254	entry 239 + 256 * (symbol - 240) + the next byte of the wide column
 *	255	entry 4079 + the next two bytes of the wide column
 *
 * The dictionary holds the entries that occur more than once, the most frequent first, then those that
 * occur once, in the order of their use. An entry is a shape byte, then 1, 2, 4 or 8 bytes of page column
 * and 0, 1, 3 or 8 bytes of count column:
 *
 *	BITS OF SHAPE
 *	0-1	log2 of the bytes of page: zigzag of the difference to the page of the last entry of
 *		the same stream (0 before the first)
 *	2	instruction stream
 *	3	the first touch was a write
 *	4-5	counts, first and other kind in the order in which they came:
 *		0 first = 1   1 first   2 first, other, other_at   3 the same and nr_split, of 16 bits each
 *	6-7	0
 *
 * Decoding is a table look-up and a copy of 16 bytes without a branch that could go wrong.
 *
 * Interface:
 *   - struct runs_encoder collects the runs of a block; runs_encoder_finish() makes the columns
 *   - struct runs_decoder hands them out in batches
 */
#ifndef TRACE_RUNS_H
#define TRACE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace.h>

#include "trace/format.h"

enum {
	RUNS_DIRECT	= 239,		/* entries that a symbol alone can name */
	RUNS_PAGED	= 15 * 256,	/* entries that take one byte more */
};

/* ---- writing ---- */

struct runs_encoder {
	uint32_t *slots;		/* hash table: entry + 1, or 0 */
	struct mmr_run *entries;	/* different runs in the order of their first use */
	uint32_t *uses;			/* of each entry */
	uint16_t *runs;			/* entry of each run */
	uint32_t nr_entries, nr_runs;
	uint64_t nr_touches, nr_accesses;
	size_t entry_bytes;		/* of the dictionary */
};

/* The columns; they live until the encoder is reset. */
struct runs_columns {
	uint8_t *symbols, *wide, *shapes, *pages, *counts;
	size_t nr_wide, nr_pages, nr_counts;
	uint32_t nr_runs, nr_entries, nr_repeated;
};

void runs_encoder_init(struct runs_encoder *e);
void runs_encoder_finish(struct runs_encoder *e);
void runs_encoder_reset(struct runs_encoder *e);
/* Most bytes that the columns can come to. */
size_t runs_encoder_bound(const struct runs_encoder *e);
/*
 * Takes runs until their columns might come to more than `room` bytes or a limit of the format is met.
 * Returns how many it took; it stops at a run that contradicts itself, and returns -EINVAL when that is
 * the first.
 */
int64_t runs_encode(struct runs_encoder *e, const struct mmr_run *runs, size_t nr, size_t room);
/* Writes the columns to buf, which has room for runs_encoder_bound(). */
void runs_encoder_columns(struct runs_encoder *e, uint8_t *buf, struct runs_columns *ret);

/* ---- reading ---- */

struct runs_decoder {
	const uint8_t *symbol, *symbol_end, *wide, *wide_end;
	struct mmr_run *dict;		/* TRACE_DICT_ENTRIES + MMR_BATCH; NULL before the first run */
	uint32_t nr_entries;
	uint32_t once;			/* next of the entries that occur once */
};

/* The columns' bytes, each followed by at least TRACE_PADDING readable bytes. */
struct runs_input {
	const uint8_t *symbols, *wide, *shapes, *pages, *counts;
	size_t nr_symbols, nr_wide, nr_shapes, nr_pages, nr_counts;
	uint64_t nr_repeated;
};

void runs_decoder_init(struct runs_decoder *d);
void runs_decoder_finish(struct runs_decoder *d);
int runs_decoder_start(struct runs_decoder *d, const struct runs_input *in);
/* The next nr runs, at most MMR_BATCH, to out. -EBADMSG when the columns do not hold them. */
int runs_decode(struct runs_decoder *d, struct mmr_run *out, size_t nr);
/* True when everything was handed out. */
bool runs_decoder_done(const struct runs_decoder *d);

#endif
