/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A stream of bytes with a window over it, for the reader: what a frame needs is brought into the window
 * whole, and can be gone over again when it turns out to be damaged. The window grows with what is asked
 * for, up to its limit.
 */
#ifndef TRACE_INPUT_H
#define TRACE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace.h>

struct input {
	mmr_read_fn *read;
	void *ctx;
	uint8_t *buf;
	size_t cap, limit;
	size_t pos, end;	/* the unread bytes are buf[pos .. end) */
	uint64_t offset;	/* of buf[pos] in the stream */
	int at_end;		/* the source has no more */
};

void input_init(struct input *in, mmr_read_fn *read, void *ctx, size_t limit);
void input_finish(struct input *in);
/* Tries to have nr <= limit bytes at input_at(). Returns how many there are, or a negative errno. */
int64_t input_need(struct input *in, size_t nr);
static inline uint8_t *input_at(const struct input *in)
{
	return in->buf + in->pos;
}
/* Goes over nr bytes that are there. */
void input_skip(struct input *in, size_t nr);

#endif
