/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading traces: one block in memory at a time, events and runs decoded from its columns as they are asked
 * for. Memory is constant: the window over the input, one block's columns, one dictionary, one batch.
 *
 * Damage: every byte of a file is under a checksum, so a block is good or it is skipped. Where the header
 * of a block is good, it says where the next one begins; else the input is searched for the signature. What
 * is missing follows from the totals that every header carries.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "trace/container.h"
#include "trace/events.h"
#include "trace/identity.h"
#include "trace/input.h"
#include "trace/runs.h"

enum { WINDOW_BYTES = TRACE_HEADER_BYTES + TRACE_METADATA_BYTES + TRACE_PAYLOAD_BYTES };

/* A frame that was found good, with the zstd frame that belongs to it. */
struct frame {
	unsigned type;
	struct trace_head head;
	const uint8_t *variable;
	size_t bytes;		/* without the zstd frame */
};

struct mmr_reader {
	struct input in;
	int fd;				/* -1 when not ours */
	bool recover;
	int failed;			/* error that ended the reading */
	bool at_end;

	char *metadata;
	uint8_t *columns;		/* of the block, and TRACE_PADDING */
	size_t cap_columns;
	ZSTD_DCtx *zstd;
	struct events_decoder *events;
	struct runs_decoder runs;
	struct mmr_run *batch;		/* MMR_BATCH */
	struct identity *identity;

	bool in_block;
	struct trace_head head;		/* of the block */
	uint64_t record;		/* next event of the block */
	uint64_t block_runs;		/* runs of the block that no event has announced yet */
	uint64_t row_runs;		/* runs of the present row yet to come */
	struct mmr_event row;

	uint64_t nr_seen;		/* blocks before the next one, by the sequence numbers */
	bool has_times;
	struct mmr_reader_stats *stats;
};

/* ---- damage ---- */

static void place(const struct mmr_reader *r, uint64_t offset, struct mmr_error *err)
{
	if (!err)
		return;
	err->offset = offset;
	err->block = r->in_block ? r->head.sequence : r->nr_seen;
	err->record = r->in_block ? r->record : 0;
}

static int fail(struct mmr_reader *r, int errnum, struct mmr_error *err)
{
	place(r, r->in_block ? r->head.offset : r->in.offset, err);
	r->failed = errnum;
	return errnum;
}

static void skip(struct mmr_reader *r, size_t nr)
{
	r->stats->damaged_bytes += nr;
	input_skip(&r->in, nr);
}

/* Goes on to the next signature or the end. The first byte is known not to begin a frame. */
static int resync(struct mmr_reader *r)
{
	skip(r, 1);
	for (;;) {
		int64_t have = input_need(&r->in, TRACE_PROBE_BYTES);
		const uint8_t *at = input_at(&r->in), *found;

		if (have < 0)
			return (int)have;
		if (have < TRACE_PROBE_BYTES) {
			skip(r, (size_t)have);
			return 0;
		}
		found = memmem(at + 8, (size_t)have - 8, TRACE_SIGNATURE, 8);
		if (found && trace_frame_probe(found - 8)) {
			skip(r, (size_t)(found - 8 - at));
			return 0;
		}
		skip(r, found ? (size_t)(found - 8 - at) + 1 : (size_t)have - TRACE_PROBE_BYTES + 1);
	}
}

/* ---- frames ---- */

static int cut(struct mmr_error *err)
{
	return err_set(err, -ENODATA, "the trace ends in the middle of a block");
}

static int check_payload(struct mmr_reader *r, const struct frame *f, struct mmr_error *err)
{
	int64_t have = input_need(&r->in, f->bytes + f->head.payload_bytes);

	if (have < 0)
		return err_set(err, (int)have, "cannot read: %s", strerror((int)-have));
	if ((uint64_t)have < f->bytes + f->head.payload_bytes)
		return cut(err);
	if (trace_hash(input_at(&r->in) + f->bytes, f->head.payload_bytes) != f->head.payload_hash)
		return err_set(err, -EBADMSG, "damaged block: the checksum of its columns is wrong");
	return 0;
}

/*
 * Brings the next frame into the window and checks it. 1, 0 at the end of the input, or an error;
 * f->bytes is then 0 unless the header was good.
 */
static int frame_get(struct mmr_reader *r, struct frame *f, struct mmr_error *err)
{
	int64_t have = input_need(&r->in, TRACE_PROBE_BYTES);
	size_t size;
	int ret;

	f->bytes = 0;
	if (have < 0)
		return err_set(err, (int)have, "cannot read: %s", strerror((int)-have));
	if (!have)
		return 0;
	if (!trace_frame_probe_part(input_at(&r->in), have < TRACE_PROBE_BYTES ? (size_t)have :
						      TRACE_PROBE_BYTES))
		return err_set(err, -EBADMSG, r->in.offset ? "damaged trace: no block begins here" :
							     "not a trace of mmreplay");
	if (have < TRACE_PROBE_BYTES)
		return cut(err);
	size = trace_frame_size(input_at(&r->in));
	if (!size)
		return err_set(err, -EBADMSG, "damaged frame: its size makes no sense");
	have = input_need(&r->in, size);
	if (have < 0)
		return err_set(err, (int)have, "cannot read: %s", strerror((int)-have));
	if ((uint64_t)have < size)
		return cut(err);
	ret = trace_frame_check(input_at(&r->in), size, &f->type, &f->head, &f->variable, err);
	if (ret)
		return ret;
	f->bytes = size;
	ret = f->type == TRACE_BLOCK ? check_payload(r, f, err) : 0;
	if (!ret)	/* the window may have moved */
		trace_frame_check(input_at(&r->in), size, &f->type, &f->head, &f->variable, err);
	return ret ? ret : 1;
}

/* What the totals say that should have come before this frame, and did not. */
static int check_totals(struct mmr_reader *r, const struct trace_head *h, struct mmr_error *err)
{
	struct mmr_reader_stats *s = r->stats;

	if (!r->recover && (h->sequence != r->nr_seen || h->offset != r->in.offset))
		return err_set(err, -EBADMSG, "block %" PRIu64 " stands where block %" PRIu64 " should be",
			       h->sequence, r->nr_seen);
	if (!r->recover && (h->before.events != s->events + s->unknown_events ||
			    h->before.runs != s->runs))
		return err_set(err, -EBADMSG, "the totals of events or runs do not add up");
	if (h->sequence < r->nr_seen)
		return err_set(err, -EBADMSG, "block %" PRIu64 " stands twice", h->sequence);
	s->missing_blocks += h->sequence - r->nr_seen;
	if (h->before.events > s->events + s->unknown_events)
		s->missing_events = h->before.events - s->events - s->unknown_events;
	if (h->before.runs > s->runs)
		s->missing_runs = h->before.runs - s->runs;
	r->nr_seen = h->sequence;
	return 0;
}

static int block_start(struct mmr_reader *r, const struct frame *f, struct mmr_error *err)
{
	const uint8_t *payload = input_at(&r->in) + f->bytes;
	struct runs_input runs;
	size_t size;
	int ret;

	size = f->head.column_bytes + TRACE_PADDING;
	if (size > r->cap_columns) {
		r->columns = xrealloc(r->columns, size, 1);
		r->cap_columns = size;
	}
	size = ZSTD_decompressDCtx(r->zstd, r->columns, f->head.column_bytes, payload, f->head.payload_bytes);
	if (ZSTD_isError(size) || size != f->head.column_bytes)
		return err_set(err, -EBADMSG, "damaged block: its columns do not decompress");
	memset(r->columns + size, 0, TRACE_PADDING);
	ret = events_decoder_start(r->events, r->columns, size, f->head.here.events, f->head.base_time,
				   &runs, err);
	if (ret)
		return ret;
	if (runs.nr_symbols != f->head.here.runs || runs_decoder_start(&r->runs, &runs))
		return err_set(err, -EBADMSG, "damaged columns: the runs make no sense");
	r->block_runs = f->head.here.runs;
	r->row_runs = 0;
	return 0;
}

static void block_times(struct mmr_reader *r)
{
	struct mmr_reader_stats *s = r->stats;

	if (!r->head.here.events)
		return;
	if (!r->has_times || r->head.first_ns < s->first_ns)
		s->first_ns = r->head.first_ns;
	if (!r->has_times || r->head.last_ns > s->last_ns)
		s->last_ns = r->head.last_ns;
	r->has_times = true;
}

static int block_enter(struct mmr_reader *r, struct frame *f, struct mmr_error *err)
{
	int ret = check_totals(r, &f->head, err);

	if (!ret)
		ret = block_start(r, f, err);
	if (ret)
		return ret;
	if (!r->metadata && f->head.variable_bytes) {
		r->metadata = xmalloc(f->head.variable_bytes + 1);
		memcpy(r->metadata, f->variable, f->head.variable_bytes);
		r->metadata[f->head.variable_bytes] = '\0';
	}
	r->head = f->head;
	r->head.offset = r->in.offset;
	r->in_block = true;
	r->record = 0;
	r->nr_seen = f->head.sequence + 1;
	block_times(r);
	return 0;
}

static int end_enter(struct mmr_reader *r, const struct frame *f, struct mmr_error *err)
{
	struct mmr_reader_stats *s = r->stats;
	int ret = check_totals(r, &f->head, err);
	int64_t have;

	if (ret)
		return ret;
	identity_get(r->identity, s->identity);
	if (!r->recover && (f->head.base_time != s->identity[0] || f->head.time_unit_ns != s->identity[1]))
		return err_set(err, -EBADMSG, "the records differ from those that were written");
	s->has_end = 1;
	input_skip(&r->in, f->bytes);
	have = input_need(&r->in, 1);
	if (have < 0)
		return err_set(err, (int)have, "cannot read: %s", strerror((int)-have));
	if (have && !r->recover)
		return err_set(err, -EBADMSG, "data after the end of the trace");
	return 0;
}

/* One good frame. 1 when there may be more. */
static int frame_enter(struct mmr_reader *r, struct frame *f, struct mmr_error *err)
{
	int ret = 0;

	if (r->stats->truncated) {	/* it was damage: something follows */
		r->stats->truncated = 0;
		r->stats->damaged_blocks++;
	}
	if (f->type == TRACE_END)
		return end_enter(r, f, err);
	if (f->type == TRACE_BLOCK)
		ret = block_enter(r, f, err);
	if (ret)
		return ret;
	input_skip(&r->in, f->bytes + f->head.payload_bytes);
	r->stats->blocks += f->type == TRACE_BLOCK;
	return 1;
}

/* Skips what is damaged at the present place. 1 when there may be more, 0 at the end. */
static int damage_skip(struct mmr_reader *r, const struct frame *f, int why)
{
	size_t known = f->bytes + f->head.payload_bytes;

	if (why != -EBADMSG && why != -ENODATA && why != -EPROTONOSUPPORT)
		return why;
	r->stats->truncated |= why == -ENODATA;
	if (why != -ENODATA)
		r->stats->damaged_blocks++;
	if (f->bytes && input_need(&r->in, known) >= (int64_t)known) {
		skip(r, known);
		return 1;
	}
	return resync(r) ? -EIO : 1;
}

/* Goes on to the next block: 1, or 0 at the end. */
static int next_block(struct mmr_reader *r, struct mmr_error *err)
{
	for (;;) {
		struct frame f;
		int ret = frame_get(r, &f, err);

		if (!ret)
			break;
		if (ret > 0) {
			ret = frame_enter(r, &f, err);
			if (ret > 0 && r->in_block)
				return 1;
			if (!ret) {
				r->at_end = true;
				return 0;
			}
		}
		if (ret < 0 && !r->recover) {
			r->stats->truncated |= ret == -ENODATA;
			return fail(r, ret, err);
		}
		if (ret < 0)
			ret = damage_skip(r, &f, ret);
		if (ret < 0)
			return fail(r, ret, err);
	}
	r->at_end = true;
	if (r->recover)
		return 0;
	err_set(err, -ENODATA, r->in.offset ? "the trace has no end: its writer was killed, or the file was cut" :
					      "not a trace of mmreplay: it is empty");
	return fail(r, -ENODATA, err);
}

/* ---- items ---- */

static int row_start(struct mmr_reader *r, const struct mmr_event *ev, struct mmr_error *err)
{
	if (!ev->RUNS.nr || ev->RUNS.nr > r->block_runs)
		return err_set(err, -EBADMSG, "damaged columns: a row of %" PRIu64 " runs", ev->RUNS.nr);
	identity_runs_begin(r->identity, ev);
	r->row = *ev;
	r->row_runs = ev->RUNS.nr;
	r->block_runs -= ev->RUNS.nr;
	return 0;
}

static int row_next(struct mmr_reader *r, struct mmr_item *item, struct mmr_error *err)
{
	size_t nr = r->row_runs < MMR_BATCH ? (size_t)r->row_runs : MMR_BATCH;

	if (runs_decode(&r->runs, r->batch, nr))
		return err_set(err, -EBADMSG, "damaged columns: the runs make no sense");
	identity_runs(r->identity, r->batch, nr);
	r->row_runs -= nr;
	r->stats->runs += nr;
	item->ev = r->row;
	item->ev.RUNS.nr = nr;
	item->runs = r->batch;
	item->nr_runs = nr;
	return 1;
}

static int block_end(struct mmr_reader *r, struct mmr_error *err)
{
	if (r->block_runs || !runs_decoder_done(&r->runs))
		return err_set(err, -EBADMSG, "damaged columns: runs left over");
	r->stats->touches += r->head.here.touches;
	r->stats->accesses += r->head.here.accesses;
	r->in_block = false;
	return 0;
}

/* 1 with an item; 0 when there was none in this step. */
static int event_next(struct mmr_reader *r, struct mmr_item *item, struct mmr_error *err)
{
	uint64_t args[TRACE_FIELDS];
	struct mmr_event *ev = &item->ev;
	unsigned nr_args;
	int ret = events_decode(r->events, ev, args, &nr_args, err);

	if (ret < 0)
		return ret;
	if (!ret)
		return block_end(r, err);
	r->record++;
	ev->time_ns *= r->head.time_unit_ns;
	if (ev->kind == MMR_RUNS) {
		r->stats->events++;
		return row_start(r, ev, err);
	}
	identity_event(r->identity, ev, args, nr_args);
	if (!mmr_kind_info(ev->kind)) {
		r->stats->unknown_events++;
		return 0;
	}
	r->stats->events++;
	if (ev->kind == MMR_LOST) {
		r->stats->lost_events += ev->LOST.nr;
		r->stats->lost_unknown += !ev->LOST.nr;
	}
	item->runs = NULL;
	item->nr_runs = 0;
	return 1;
}

/* A block whose checksums were right and whose columns were not: a hostile file, or a mistake of ours. */
static int block_is_bad(struct mmr_reader *r, int why, struct mmr_error *err)
{
	if (!r->recover)
		return fail(r, why, err);
	r->stats->damaged_blocks++;
	r->stats->damaged_bytes += r->head.payload_bytes;
	r->in_block = false;
	r->row_runs = 0;
	return 0;
}

int mmr_reader_next(struct mmr_reader *r, struct mmr_item *item, struct mmr_error *err)
{
	int ret = 0;

	while (!ret) {
		if (r->failed)
			return err_set(err, r->failed, "an earlier error ended the reading");
		if (!r->in_block) {
			if (r->at_end || !(ret = next_block(r, err)))
				return 0;
			if (ret < 0)
				return ret;
		}
		ret = r->row_runs ? row_next(r, item, err) : event_next(r, item, err);
		if (ret < 0)
			ret = block_is_bad(r, ret, err);
	}
	return ret;
}

const char *mmr_reader_metadata(const struct mmr_reader *r)
{
	return r->metadata ? r->metadata : "{}";
}

const struct mmr_reader_stats *mmr_reader_stats(const struct mmr_reader *r)
{
	r->stats->file_bytes = r->in.offset;
	identity_get(r->identity, r->stats->identity);
	return r->stats;
}

/* ---- opening and closing ---- */

static int64_t read_fd(void *ctx, void *buf, size_t size)
{
	const struct mmr_reader *r = ctx;
	ssize_t ret;

	do
		ret = read(r->fd, buf, size);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

static struct mmr_reader *reader_create(const struct mmr_reader_options *opt)
{
	struct mmr_reader *r = xcalloc(1, sizeof(*r));

	r->fd = -1;
	r->recover = opt && opt->recover;
	r->zstd = ZSTD_createDCtx();
	BUG_ON(!r->zstd);
	r->events = xcalloc(1, sizeof(*r->events));
	events_decoder_init(r->events);
	runs_decoder_init(&r->runs);
	r->batch = xcalloc(MMR_BATCH, sizeof(*r->batch));
	r->identity = xcalloc(1, sizeof(*r->identity));
	identity_init(r->identity);
	r->stats = xcalloc(1, sizeof(*r->stats));
	return r;
}

/* The first block carries the metadata, so it is read when the trace is opened. */
static int reader_begin(struct mmr_reader **ret, struct mmr_reader *r, mmr_read_fn *read_fn, void *ctx,
			struct mmr_error *err)
{
	int status;

	input_init(&r->in, read_fn, ctx, WINDOW_BYTES);
	status = next_block(r, err);
	if (status < 0) {
		mmr_reader_close(r);
		return status;
	}
	*ret = r;
	return 0;
}

int mmr_reader_open(struct mmr_reader **ret, const char *path, const struct mmr_reader_options *opt,
		    struct mmr_error *err)
{
	struct mmr_reader *r = reader_create(opt);
	int status;

	r->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (r->fd < 0) {
		status = err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
		mmr_reader_close(r);
		return status;
	}
	return reader_begin(ret, r, read_fd, r, err);
}

int mmr_reader_open_fn(struct mmr_reader **ret, mmr_read_fn *read_fn, void *ctx,
		       const struct mmr_reader_options *opt, struct mmr_error *err)
{
	return reader_begin(ret, reader_create(opt), read_fn, ctx, err);
}

void mmr_reader_close(struct mmr_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	input_finish(&r->in);
	free(r->metadata);
	free(r->columns);
	ZSTD_freeDCtx(r->zstd);
	events_decoder_finish(r->events);
	free(r->events);
	runs_decoder_finish(&r->runs);
	free(r->batch);
	identity_finish(r->identity);
	free(r->identity);
	free(r->stats);
	free(r);
}
