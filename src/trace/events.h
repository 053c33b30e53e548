/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The columns of events. One codec for all kinds: which fields a kind has and how each is predicted is
 * data, from MMR_EVENTS when writing, from the block's own table of kinds when reading, so that events of
 * kinds that did not exist when a reader was built decode as well.
 *
 * A block's columns begin with two tables, then come the bytes of the columns in the order of their rows:
 *
 *	OFFSET	SIZE	MEANING
 *	0	4	number of kinds
 *	4	4	number of columns
 *	8	...	for each kind: number (2 bytes), fields (1), 0 (1), events (4), encoding of each field (1)
 *	...	16 each	for each column: kind (2), field (1), coding (1), bytes (4), base (8)
 *	...	...	columns
 *
 * A column that is not there is the same as one whose numbers are all 0.
 *
 * Interface:
 *   - struct events_encoder collects events; events_encoder_columns() makes the whole of a block's columns
 *   - struct events_decoder reads them one by one, from cursors into the columns
 */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace.h>

#include "base/bug.h"
#include "trace/format.h"
#include "trace/runs.h"

enum { EVENTS_PREDICTOR_SLOTS = 1024, EVENTS_RECENT = 8, EVENTS_NEAR = 512 };

/*
 * A number is stored as the difference to one of the last few in its slot, the nearest: a task goes on in
 * one of a few areas. ADDR fields (their granules) have a slot for each task, DELTA fields one for each
 * task, kind and field. Different things may come to share a slot; that makes predictions worse, never wrong.
 *
 *	stored = zigzag(number - recent[which]) << 3 | which
 *
 * Then `number` becomes recent[0]; those before `which` move up by one, and when the number was not nearer
 * than EVENTS_NEAR all do. A difference of 60 bits or more does not fit: stored is 1 << 63 then, and the
 * number itself stands in the field's tag column (addresses cannot come to this).
 */
struct predictor {
	uint64_t recent[EVENTS_PREDICTOR_SLOTS][EVENTS_RECENT];
};

#define EVENTS_ESCAPE (1ull << 63)

static inline uint64_t *predictor_slot(struct predictor *p, unsigned encoding, uint32_t task, unsigned kind,
				       unsigned field)
{
	uint32_t key = task * 0x9e3779b1u;

	if (encoding != MMR_ENC_ADDR)
		key += (kind << 8 | (field + 1)) * 0x85ebca6bu;
	return p->recent[key >> 22];
}

static inline void predictor_learn(uint64_t *recent, uint64_t number, unsigned which, uint64_t difference)
{
	unsigned i = difference < EVENTS_NEAR ? which : EVENTS_RECENT - 1;

	/* mostly the newest one is the nearest: worth a branch before the loop, a call of memmove() */
	if (unlikely(i))
		for (; i; i--)
			recent[i] = recent[i - 1];
	recent[0] = number;
}

/* ---- writing ---- */

enum { CUTS_MAX = 1024 };

struct cuts {
	uint32_t at[CUTS_MAX];
	unsigned nr;
};

/* A column that grows. As long as all its numbers are equal it has no bytes. */
struct column {
	uint8_t *data;
	size_t len, cap;
	uint64_t nr;		/* numbers in it */
	uint64_t first;
	bool varies;
};

struct kind_encoder {
	uint16_t place;		/* in the block's table of kinds, + 1; 0 not in this block */
	uint32_t nr_events;
	struct column fields[MMR_MAX_ARGS];
	struct column offsets[MMR_MAX_ARGS];	/* of ADDR fields */
	struct column tags[MMR_MAX_ARGS];	/* of ADDR and DELTA fields */
	struct column data_len, data;
};

struct events_encoder {
	struct kind_encoder *kinds[TRACE_KINDS];	/* by number, made on first use */
	uint16_t order[TRACE_KINDS];			/* kinds of this block in order of first use */
	unsigned nr_kinds;
	struct column kind, task, cpu, time;
	uint32_t nr_events;
	uint64_t base_time, last_time;			/* in units */
	size_t bytes;					/* bound of the columns, without the tables */
	struct predictor predictor;
};

void events_encoder_init(struct events_encoder *e);
void events_encoder_finish(struct events_encoder *e);
void events_encoder_reset(struct events_encoder *e);
/* Most bytes that the columns and tables can come to. */
size_t events_encoder_bound(const struct events_encoder *e);
/* Most bytes that one more event can add. */
size_t events_event_bound(const struct mmr_event *ev);
/* ev is of a kind that we know; time in units of the block. */
void events_encode(struct events_encoder *e, const struct mmr_event *ev, uint64_t time);
/*
 * The block's columns, with those of its runs (NULL for none), to buf. Returns bytes. *ret_cuts gets the
 * places where the nature of the bytes changes; compression does better when it knows them.
 */
size_t events_encoder_columns(struct events_encoder *e, const struct runs_columns *runs, uint8_t *buf,
			      struct cuts *ret_cuts);

/* ---- reading ---- */

struct cursor {
	const uint8_t *planes[TRACE_NR_PLANES];
	uint64_t base;
	bool varies;
};

struct kind_decoder {
	uint16_t kind;
	uint8_t nr_fields;
	uint32_t left;		/* events to come */
	uint8_t encoding[TRACE_FIELDS];
	struct cursor fields[TRACE_FIELDS], offsets[TRACE_FIELDS], tags[TRACE_FIELDS];
	struct cursor data_len;
	const uint8_t *data, *data_end;
};

struct events_decoder {
	unsigned nr_kinds;
	uint32_t left;		/* events to come, of all kinds */
	uint64_t last_time;
	struct cursor kind, task, cpu, time;
	struct predictor predictor;
	struct kind_decoder *kinds;
	unsigned cap_kinds;
};

void events_decoder_init(struct events_decoder *d);
void events_decoder_finish(struct events_decoder *d);

/*
 * Begins a block: `size` bytes of columns at p, with TRACE_PADDING readable bytes after them, that hold
 * nr_events events. *ret_runs gets the columns of runs.
 */
int events_decoder_start(struct events_decoder *d, const uint8_t *p, size_t size, uint64_t nr_events,
			 uint64_t base_time, struct runs_input *ret_runs, struct mmr_error *err);
/*
 * The next event: 1, 0 at the end of the block, or -EBADMSG. Time in units. args gets all fields that the
 * file has for this kind, TRACE_FIELDS at most, their number *ret_nr_args.
 */
int events_decode(struct events_decoder *d, struct mmr_event *ev, uint64_t args[TRACE_FIELDS],
		  unsigned *ret_nr_args, struct mmr_error *err);

#endif
