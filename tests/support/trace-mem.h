/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Traces in memory, for tests: a sink that mmr_writer_open_fn() writes to and a source that
 * mmr_reader_open_fn() reads from.
 */
#ifndef SUPPORT_TRACE_MEM_H
#define SUPPORT_TRACE_MEM_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <mmreplay/trace.h>

struct mem_file {
	uint8_t *data;
	size_t len, cap;
	size_t limit;		/* write fails with ENOSPC beyond; 0 none */
	size_t pos;		/* of the reader */
	size_t step;		/* most bytes one read gives; 0 any */
};

static inline int mem_write(void *ctx, const void *buf, size_t size)
{
	struct mem_file *f = ctx;

	if (f->limit && f->len + size > f->limit)
		return -ENOSPC;
	if (f->len + size > f->cap) {
		f->cap = 2 * (f->len + size);
		f->data = realloc(f->data, f->cap);
		if (!f->data)
			abort();
	}
	memcpy(f->data + f->len, buf, size);
	f->len += size;
	return 0;
}

static inline int64_t mem_read(void *ctx, void *buf, size_t size)
{
	struct mem_file *f = ctx;
	size_t n = f->len - f->pos;

	n = n < size ? n : size;
	if (f->step && n > f->step)
		n = f->step;
	if (n)
		memcpy(buf, f->data + f->pos, n);
	f->pos += n;
	return (int64_t)n;
}

static inline void mem_free(struct mem_file *f)
{
	free(f->data);
	memset(f, 0, sizeof(*f));
}

#endif
