/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Records of many sources in one order: (time, source, order of arrival).
 *
 * Each source delivers its records nearly in order of time, but one source may be behind the
 * others. A record may leave only when no source can still deliver an earlier one; the caller knows
 * that time and passes it as `until`. A record that comes too late all the same leaves with the
 * next flush.
 *
 * Invariant: after merge_flush(m, t), every record that is left has time >= t.
 *
 * Interface:
 *   - merge_push() adds a record; its bytes belong to a chunk, which is freed with its last record
 *   - merge_flush() hands records on, in order
 *   - merge_each() looks ahead at what is still to come, in no stated order; inside a flush, too
 */
#ifndef CAPTURE_MERGE_H
#define CAPTURE_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* Memory that records live in. The owner's reference is dropped by merge_chunk_put(). */
struct merge_chunk {
	size_t refs;
	size_t size;
	void *data;
};

struct merge_record {
	uint64_t time_ns;
	uint64_t seq; /* order of arrival */
	uint32_t source;
	uint32_t type; /* of the caller */
	const void *data;
	struct merge_chunk *chunk; /* NULL: the data outlives the record by other means */
};

struct merge {
	VEC(struct merge_record) pending;
	uint64_t seq;
	size_t nr_sorted; /* pending[0 .. nr_sorted) is in order */
	size_t nr_done; /* pending[0 .. nr_done) was handed on by the flush that runs; 0 outside */
};

/* 0, or a negative errno that ends the flush; records not yet handed on stay. */
typedef int merge_fn(void *ctx, const struct merge_record *rec);

struct merge_chunk *merge_chunk_create(size_t size); /* one reference, the caller's */
void merge_chunk_put(struct merge_chunk *chunk);

void merge_init(struct merge *m);
void merge_finish(struct merge *m);
void merge_push(struct merge *m, uint64_t time_ns, uint32_t source, uint32_t type, const void *data,
		struct merge_chunk *chunk);
int merge_flush(struct merge *m, uint64_t until_ns, merge_fn *fn, void *ctx);
int merge_each(const struct merge *m, merge_fn *fn, void *ctx);

#endif
