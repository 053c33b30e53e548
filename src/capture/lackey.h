/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Parser of what valgrind's lackey prints under --trace-mem=yes, fed piecewise.
 *
 *	"I  " ADDR "," SIZE	an instruction was fetched
 *	" L " ADDR "," SIZE	a load
 *	" S " ADDR "," SIZE	a store
 *	" M " ADDR "," SIZE	a modify: a load, then a store of the same bytes
 *
 * The header of a frame of our own tool (capture/valgrind/frame.h) may stand anywhere, also within a line; its runs, out of
 * the ring, go to frame().
 *
 * ADDR is lower-case hexadecimal of at least 8 digits, SIZE decimal. These lines go to a run builder
 * without a copy; every other line goes to line(), without its newline. A line that looks like an access
 * and is not one is text as well. Lines longer than LACKEY_LINE_MAX are cut there.
 *
 * Interface:
 *   - lackey_space() gives the place to read into, lackey_advance() parses what came
 *   - lackey_end() after the last byte: a last line without newline
 */
#ifndef CAPTURE_LACKEY_H
#define CAPTURE_LACKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/valgrind/frame.h"
#include "trace/run-builder.h"

#define LACKEY_LINE_MAX		65536
#define LACKEY_BUFFER		(1u << 20)
#define LACKEY_SLACK		32	/* bytes that the fast path may look past a line's start */

/* `line` is not NUL-terminated. */
typedef void lackey_line_fn(void *ctx, const char *line, size_t len);

/* The runs of a frame, of one thread. */
typedef void lackey_frame_fn(void *ctx, uint32_t thread, const struct frame_run *runs, size_t nr);

struct lackey {
	struct runs *runs;		/* may be changed by line() */
	lackey_line_fn *line;
	lackey_frame_fn *frame;
	struct frame_ring *ring;	/* the caller's; NULL: there are no frames */
	void *ctx;
	char *buf;			/* LACKEY_BUFFER bytes, and slack */
	size_t len;			/* bytes kept: the beginning of a line */
	char *partial;			/* what stood before a frame within a line */
	size_t partial_len;
	bool is_skipping;		/* the rest of a line that was too long */
	uint64_t nr_cut;		/* lines that were too long */
};

void lackey_init(struct lackey *l, struct runs *runs, lackey_line_fn *line, void *ctx);
void lackey_finish(struct lackey *l);
/* At least LACKEY_BUFFER - LACKEY_LINE_MAX bytes, valid until the next call. */
char *lackey_space(struct lackey *l, size_t *ret_size);
/* `size` bytes were read into that place. */
void lackey_advance(struct lackey *l, size_t size);
void lackey_end(struct lackey *l);
/* The beginning of a line that has not ended yet. */
const char *lackey_pending(struct lackey *l, size_t *ret_len);

#endif
