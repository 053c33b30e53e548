/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Sort what has arrived since the last flush, merge it into what was left, hand on what is old
 * enough. All keys differ (the arrival number does), so that no sort can choose between equals.
 */
#include "capture/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct merge_chunk *merge_chunk_create(size_t size)
{
	struct merge_chunk *chunk = xmalloc(sizeof(*chunk));

	*chunk = (struct merge_chunk){.refs = 1, .size = size, .data = xmalloc(size ? size : 1)};
	return chunk;
}

void merge_chunk_put(struct merge_chunk *chunk)
{
	if (chunk == NULL || --chunk->refs)
		return;
	free(chunk->data);
	free(chunk);
}

void merge_init(struct merge *m)
{
	memset(m, 0, sizeof(*m));
}

void merge_finish(struct merge *m)
{
	for (size_t i = 0; i < m->pending.nr; i++)
		merge_chunk_put(m->pending.data[i].chunk);
	vec_finish(&m->pending);
}

void merge_push(struct merge *m, uint64_t time_ns, uint32_t source, uint32_t type, const void *data,
		struct merge_chunk *chunk)
{
	if (chunk)
		chunk->refs++;
	*vec_push(&m->pending) = (struct merge_record){.time_ns = time_ns,
						       .seq = m->seq++,
						       .source = source,
						       .type = type,
						       .data = data,
						       .chunk = chunk};
}

static int compare(const void *pa, const void *pb)
{
	const struct merge_record *a = pa, *b = pb;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort(struct merge *m)
{
	struct merge_record *p = m->pending.data;

	for (size_t i = m->nr_sorted ? m->nr_sorted : 1; i < m->pending.nr; i++) {
		if (compare(&p[i - 1], &p[i]) > 0) {
			/* no ties: the arrival number differs */
			qsort(p, m->pending.nr, sizeof(*p), compare);
			break;
		}
	}
	m->nr_sorted = m->pending.nr;
}

int merge_flush(struct merge *m, uint64_t until_ns, merge_fn *fn, void *ctx)
{
	int err = 0;
	size_t n;

	sort(m);
	/* fn may push: the array can move, so every record is read again by its index. */
	while (err == 0 && m->nr_done < m->nr_sorted &&
	       m->pending.data[m->nr_done].time_ns < until_ns) {
		struct merge_record rec = m->pending.data[m->nr_done++];

		err = fn(ctx, &rec);
		merge_chunk_put(rec.chunk);
	}
	n = m->nr_done;
	m->nr_done = 0;
	if (n == 0)
		return err;
	memmove(m->pending.data, m->pending.data + n,
		(m->pending.nr - n) * sizeof(m->pending.data[0]));
	m->pending.nr -= n;
	m->nr_sorted -= n;
	return err;
}

int merge_each(const struct merge *m, merge_fn *fn, void *ctx)
{
	int err = 0;

	for (size_t i = m->nr_done; err == 0 && i < m->pending.nr; i++)
		err = fn(ctx, &m->pending.data[i]);
	return err;
}
