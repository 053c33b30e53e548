/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A stream of bytes with a window over it, see input.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "trace/input.h"

enum { WINDOW_BYTES_FIRST = 64 << 10 };

void input_init(struct input *in, mmr_read_fn *read, void *ctx, size_t limit)
{
	memset(in, 0, sizeof(*in));
	in->read = read;
	in->ctx = ctx;
	in->limit = limit;
}

void input_finish(struct input *in)
{
	free(in->buf);
}

/* Room for nr bytes from the present place on. */
static void make_room(struct input *in, size_t nr)
{
	size_t cap = in->cap ? in->cap : WINDOW_BYTES_FIRST;

	if (in->cap - in->pos >= nr)
		return;
	while (cap < nr)
		cap *= 2;
	cap = cap < in->limit ? cap : in->limit;
	if (in->pos)
		memmove(in->buf, in->buf + in->pos, in->end - in->pos);
	in->end -= in->pos;
	in->pos = 0;
	if (cap > in->cap)
		in->buf = xrealloc(in->buf, cap, 1);
	in->cap = cap;
}

int64_t input_need(struct input *in, size_t nr)
{
	BUG_ON(nr > in->limit);
	if (in->end - in->pos < nr)
		make_room(in, nr);
	while (in->end - in->pos < nr && !in->at_end) {
		size_t room = in->cap - in->end;
		int64_t got = in->read(in->ctx, in->buf + in->end, room);

		if (got < 0)
			return got;
		if ((uint64_t)got > room)
			return -EIO;
		in->at_end = got == 0;
		in->end += (size_t)got;
	}
	return (int64_t)(in->end - in->pos);
}

void input_skip(struct input *in, size_t nr)
{
	BUG_ON(nr > in->end - in->pos);
	in->pos += nr;
	in->offset += nr;
}
