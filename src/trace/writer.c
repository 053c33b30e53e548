/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Writing traces. A block is collected in memory as columns, compressed and handed out by one write() when
 * it is full, a second old, or flushed; so that whoever is killed leaves whole blocks.
 *
 * Invariant: events_encoder_bound() + runs_encoder_bound() + what closing the open row of runs can add
 * <= TRACE_COLUMN_BYTES. After an error nothing more is written and every call returns that error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zstd.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "trace/container.h"
#include "trace/events.h"
#include "trace/identity.h"
#include "trace/runs.h"

enum { BLOCK_AGE_MAX_NS = 1000000000, CUT_BYTES_MIN = 256 };

struct mmr_writer {
	mmr_write_fn *write;
	void *ctx;
	int fd;				/* -1 when not ours */
	char *path;
	bool sync;
	int failed;			/* negative errno of the first failure */
	uint64_t bytes;			/* written so far */
	uint64_t time_unit_ns;

	ZSTD_CCtx *zstd;
	struct events_encoder events;
	struct runs_encoder runs;
	struct identity identity;
	uint8_t *columns;		/* TRACE_COLUMN_BYTES */
	uint8_t *block;			/* header and payload */

	/* the row of runs that further runs may join; its event is encoded when it ends */
	bool in_runs;
	struct mmr_event runs_event;	/* nr counts those in this block */

	uint64_t nr_blocks;
	int64_t deadline_ns;		/* of this block */
	struct trace_totals before, here;
	uint64_t first_ns, last_ns;	/* of this block */
	uint64_t all_first_ns, all_last_ns;
	bool has_times;

	struct trace_index_entry *index;
	uint64_t nr_index, index_stride;
};

static int fail(struct mmr_writer *w, int errnum, struct mmr_error *err)
{
	w->failed = errnum;
	err_set(err, errnum, "cannot write '%s': %s", w->path, strerror(-errnum));
	if (err)
		err->offset = w->bytes;
	return errnum;
}

static int write_out(struct mmr_writer *w, const void *buf, size_t size, struct mmr_error *err)
{
	int ret = w->write(w->ctx, buf, size);

	if (ret < 0) {
		/* What was written of it would only be garbage at the end. Pipes cannot be mended. */
		if (w->fd >= 0 && !ftruncate(w->fd, (off_t)w->bytes))
			lseek(w->fd, (off_t)w->bytes, SEEK_SET);
		return fail(w, ret, err);
	}
	w->bytes += size;
	if (w->sync && w->fd >= 0 && fdatasync(w->fd) && errno != EINVAL && errno != EROFS)
		return fail(w, -errno, err);
	return 0;
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Keeps the index in constant memory: when it is full, every second entry goes. */
static void index_add(struct mmr_writer *w, const struct trace_head *head)
{
	if (head->sequence % w->index_stride)
		return;
	if (w->nr_index == TRACE_INDEX_ENTRIES) {
		for (uint64_t i = 0; i < TRACE_INDEX_ENTRIES / 2; i++)
			w->index[i] = w->index[2 * i];
		w->nr_index /= 2;
		w->index_stride *= 2;
		if (head->sequence % w->index_stride)
			return;
	}
	w->index[w->nr_index++] = (struct trace_index_entry){
		.sequence = head->sequence, .offset = head->offset, .events = head->before.events,
		.runs = head->before.runs, .first_ns = head->first_ns};
}

static void totals_add(struct trace_totals *sum, const struct trace_totals *t)
{
	sum->events += t->events;
	sum->runs += t->runs;
	sum->touches += t->touches;
	sum->accesses += t->accesses;
	sum->lost_events += t->lost_events;
	sum->lost_unknown += t->lost_unknown;
}

/*
 * One zstd frame of the columns. Bytes of different natures go into zstd blocks of their own, so that each
 * gets statistics of its own. Returns bytes, 0 when zstd fails.
 */
static size_t compress(struct mmr_writer *w, uint8_t *to, size_t size, const struct cuts *cuts)
{
	ZSTD_outBuffer out = {.dst = to, .size = TRACE_PAYLOAD_BYTES};
	ZSTD_inBuffer in = {.src = w->columns};
	size_t begun = 0, ret;

	ZSTD_CCtx_reset(w->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setPledgedSrcSize(w->zstd, size);
	for (unsigned i = 0; i < cuts->nr; i++) {
		in.size = cuts->at[i];
		if (in.size - begun < CUT_BYTES_MIN || in.size == size)
			continue;
		begun = in.size;
		do
			ret = ZSTD_compressStream2(w->zstd, &out, &in, ZSTD_e_flush);
		while (ret && !ZSTD_isError(ret) && out.pos < out.size);
		if (ret)
			return 0;
	}
	in.size = size;
	do
		ret = ZSTD_compressStream2(w->zstd, &out, &in, ZSTD_e_end);
	while (ret && !ZSTD_isError(ret) && out.pos < out.size);
	return ret ? 0 : out.pos;
}

/* Compresses the collected columns behind `header` bytes of w->block. Fills in what the head says of them. */
static int compress_columns(struct mmr_writer *w, size_t header, struct trace_head *head)
{
	struct runs_columns runs;
	uint8_t *scratch = NULL;
	struct cuts cuts;
	size_t size;

	if (w->runs.nr_runs) {
		scratch = xmalloc(runs_encoder_bound(&w->runs));
		runs_encoder_columns(&w->runs, scratch, &runs);
	}
	size = events_encoder_columns(&w->events, scratch ? &runs : NULL, w->columns, &cuts);
	BUG_ON(size > TRACE_COLUMN_BYTES);
	free(scratch);
	head->column_bytes = size;
	head->payload_bytes = compress(w, w->block + header, size, &cuts);
	if (!head->payload_bytes)
		return -EIO;
	head->payload_hash = trace_hash(w->block + header, head->payload_bytes);
	return 0;
}

/* Closes the open row of runs as far as it stands in this block; the next block may go on with it. */
static void end_runs_event(struct mmr_writer *w)
{
	if (!w->in_runs || !w->runs_event.RUNS.nr)
		return;
	events_encode(&w->events, &w->runs_event, w->runs_event.time_ns / w->time_unit_ns);
	w->here.events++;
	w->runs_event.RUNS.nr = 0;
}

static void start_block(struct mmr_writer *w)
{
	events_encoder_reset(&w->events);
	runs_encoder_reset(&w->runs);
	memset(&w->here, 0, sizeof(w->here));
	w->first_ns = UINT64_MAX;
	w->last_ns = 0;
	w->deadline_ns = INT64_MAX;
}

static int write_block(struct mmr_writer *w, const char *metadata, struct mmr_error *err)
{
	struct trace_head head = {
		.sequence = w->nr_blocks, .offset = w->bytes, .before = w->before,
		.time_unit_ns = w->time_unit_ns, .variable_bytes = metadata ? strlen(metadata) : 0};
	size_t header = TRACE_FRAME_FIXED + head.variable_bytes;
	int ret;

	end_runs_event(w);
	w->here.runs = w->runs.nr_runs;
	w->here.touches = w->runs.nr_touches;
	w->here.accesses = w->runs.nr_accesses;
	head.here = w->here;
	head.base_time = w->events.base_time;
	head.first_ns = w->here.events ? w->first_ns : 0;
	head.last_ns = w->last_ns;
	ret = compress_columns(w, header, &head);
	if (ret)
		return fail(w, ret, err);
	trace_frame_put(w->block, TRACE_BLOCK, &head, metadata);
	ret = write_out(w, w->block, header + head.payload_bytes, err);
	if (ret)
		return ret;
	index_add(w, &head);
	totals_add(&w->before, &w->here);
	w->nr_blocks++;
	start_block(w);
	return 0;
}

static int flush(struct mmr_writer *w, struct mmr_error *err)
{
	if (w->failed)
		return fail(w, w->failed, err);
	return w->here.events || w->runs.nr_runs ? write_block(w, NULL, err) : 0;
}

/* ---- opening ---- */

static int write_fd(void *ctx, const void *buf, size_t size)
{
	const struct mmr_writer *w = ctx;
	const char *p = buf;

	while (size) {
		ssize_t ret = write(w->fd, p, size);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret <= 0)
			return ret ? -errno : -EIO;
		p += ret;
		size -= (size_t)ret;
	}
	return 0;
}

static void writer_free(struct mmr_writer *w)
{
	events_encoder_finish(&w->events);
	runs_encoder_finish(&w->runs);
	identity_finish(&w->identity);
	ZSTD_freeCCtx(w->zstd);
	free(w->columns);
	free(w->block);
	free(w->index);
	free(w->path);
	free(w);
}

static struct mmr_writer *writer_create(const char *path, const struct mmr_writer_options *opt)
{
	struct mmr_writer *w = xcalloc(1, sizeof(*w));

	w->fd = -1;
	w->path = xstrdup(path);
	w->sync = opt && opt->sync;
	w->time_unit_ns = opt && opt->time_unit_ns ? opt->time_unit_ns : 1;
	w->zstd = ZSTD_createCCtx();
	BUG_ON(!w->zstd);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
			       opt && opt->level ? opt->level : TRACE_ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	events_encoder_init(&w->events);
	runs_encoder_init(&w->runs);
	identity_init(&w->identity);
	w->columns = xmalloc(TRACE_COLUMN_BYTES);
	w->block = xmalloc(TRACE_FRAME_FIXED + TRACE_METADATA_BYTES + TRACE_PAYLOAD_BYTES);
	w->index = xcalloc(TRACE_INDEX_ENTRIES, sizeof(*w->index));
	w->index_stride = 1;
	start_block(w);
	return w;
}

static int check_options(const char *metadata, const struct mmr_writer_options *opt, struct mmr_error *err)
{
	if (!metadata || strlen(metadata) > TRACE_METADATA_BYTES)
		return err_set(err, -EINVAL, "metadata of more than %d bytes", TRACE_METADATA_BYTES);
	if (opt && (opt->level < ZSTD_minCLevel() || opt->level > ZSTD_maxCLevel()))
		return err_set(err, -EINVAL, "compression level %d, of %d allowed", opt->level,
			       ZSTD_maxCLevel());
	return 0;
}

int mmr_writer_open(struct mmr_writer **ret, const char *path, const char *metadata_json,
		    const struct mmr_writer_options *opt, struct mmr_error *err)
{
	bool to_stdout = !strcmp(path, "-");
	struct mmr_writer *w;
	int status = check_options(metadata_json, opt, err);

	if (status)
		return status;
	w = writer_create(to_stdout ? "standard output" : path, opt);
	w->write = write_fd;
	w->ctx = w;
	w->fd = to_stdout ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (w->fd < 0)
		status = fail(w, -errno, err);
	else
		status = write_block(w, metadata_json, err);
	if (status)
		mmr_writer_abandon(w);
	else
		*ret = w;
	return status;
}

int mmr_writer_open_fn(struct mmr_writer **ret, mmr_write_fn *write_fn, void *ctx,
		       const char *metadata_json, const struct mmr_writer_options *opt,
		       struct mmr_error *err)
{
	struct mmr_writer *w;
	int status = check_options(metadata_json, opt, err);

	if (status)
		return status;
	w = writer_create("the trace", opt);
	w->write = write_fn;
	w->ctx = ctx;
	status = write_block(w, metadata_json, err);
	if (status)
		writer_free(w);
	else
		*ret = w;
	return status;
}

/* ---- events and runs ---- */

/* Makes room for `bytes` more; ends the block when it is full or old. */
static int prepare(struct mmr_writer *w, size_t bytes, struct mmr_error *err)
{
	size_t used = events_encoder_bound(&w->events) + runs_encoder_bound(&w->runs) +
		      events_event_bound(&w->runs_event);
	int64_t now = clock_ns();
	int ret;

	if (w->failed)
		return fail(w, w->failed, err);
	if (used + bytes > TRACE_COLUMN_BYTES || now >= w->deadline_ns) {
		ret = flush(w, err);
		if (ret)
			return ret;
	}
	if (w->deadline_ns == INT64_MAX)
		w->deadline_ns = now + BLOCK_AGE_MAX_NS;
	return 0;
}

static void note_time(struct mmr_writer *w, uint64_t time_ns)
{
	w->first_ns = time_ns < w->first_ns ? time_ns : w->first_ns;
	w->last_ns = time_ns > w->last_ns ? time_ns : w->last_ns;
	if (!w->has_times || time_ns < w->all_first_ns)
		w->all_first_ns = time_ns;
	if (!w->has_times || time_ns > w->all_last_ns)
		w->all_last_ns = time_ns;
	w->has_times = true;
}

int mmr_writer_event(struct mmr_writer *w, const struct mmr_event *ev, struct mmr_error *err)
{
	const struct mmr_kind_info *info = mmr_kind_info(ev->kind);
	struct mmr_event rounded = *ev;
	uint64_t time = ev->time_ns / w->time_unit_ns;
	int ret;

	if (!info || ev->kind == MMR_RUNS)
		return err_set(err, -EINVAL, "%u is no kind of event to write", ev->kind);
	if (ev->data_len > MMR_DATA_MAX)
		return err_set(err, -EINVAL, "%u bytes of data in a '%s' event, of %d allowed",
			       ev->data_len, info->name, MMR_DATA_MAX);
	ret = prepare(w, events_event_bound(ev), err);
	if (ret)
		return ret;
	end_runs_event(w);
	w->in_runs = false;
	rounded.time_ns = time * w->time_unit_ns;
	note_time(w, rounded.time_ns);
	events_encode(&w->events, &rounded, time);
	identity_event(&w->identity, &rounded, rounded.arg, info->nr_fields);
	w->here.events++;
	if (ev->kind == MMR_LOST) {
		w->here.lost_events += ev->LOST.nr;
		w->here.lost_unknown += !ev->LOST.nr;
	}
	return 0;
}

static void begin_runs(struct mmr_writer *w, uint32_t task, uint16_t cpu, uint64_t time_ns)
{
	if (w->in_runs && w->runs_event.task == task && w->runs_event.cpu == cpu)
		return;
	end_runs_event(w);
	w->runs_event = (struct mmr_event){.kind = MMR_RUNS, .task = task, .cpu = cpu,
					   .time_ns = time_ns - time_ns % w->time_unit_ns};
	w->in_runs = true;
	identity_runs_begin(&w->identity, &w->runs_event);
}

int mmr_writer_runs(struct mmr_writer *w, uint32_t task, uint16_t cpu, uint64_t time_ns,
		    const struct mmr_run *runs, size_t nr, struct mmr_error *err)
{
	while (nr) {
		int ret = prepare(w, events_event_bound(&w->runs_event) + 64, err);
		size_t events;
		int64_t took;

		if (ret)
			return ret;
		begin_runs(w, task, cpu, time_ns);
		events = events_encoder_bound(&w->events) + events_event_bound(&w->runs_event);
		took = runs_encode(&w->runs, runs, nr < MMR_BATCH ? nr : MMR_BATCH,
				   TRACE_COLUMN_BYTES - events);
		if (took < 0)
			return err_set(err, (int)took, "a run of page 0x%" PRIx64 " contradicts itself",
				       (uint64_t)MMR_RUN_PAGE(runs));
		note_time(w, w->runs_event.time_ns);
		identity_runs(&w->identity, runs, (size_t)took);
		w->runs_event.RUNS.nr += (uint64_t)took;
		runs += took;
		nr -= (size_t)took;
		ret = took ? 0 : flush(w, err);
		if (ret)
			return ret;
	}
	return 0;
}

int mmr_writer_flush(struct mmr_writer *w, struct mmr_error *err)
{
	return flush(w, err);
}

uint64_t mmr_writer_bytes(const struct mmr_writer *w)
{
	return w->bytes;
}

/* ---- closing ---- */

static int write_index(struct mmr_writer *w, struct mmr_error *err)
{
	struct trace_head head = {.sequence = w->nr_blocks, .offset = w->bytes, .before = w->before,
				  .variable_bytes = w->nr_index * sizeof(*w->index)};
	uint8_t *entries = xmalloc(head.variable_bytes);
	const uint64_t *numbers = (const uint64_t *)w->index;
	size_t size;

	for (size_t i = 0; i < w->nr_index * TRACE_INDEX_NUMBERS; i++)
		put_le64(entries + 8 * i, numbers[i]);
	size = trace_frame_put(w->block, TRACE_INDEX, &head, entries);
	free(entries);
	return write_out(w, w->block, size, err);
}

static int write_end(struct mmr_writer *w, uint64_t index_offset, struct mmr_error *err)
{
	struct trace_head head = {.sequence = w->nr_blocks, .offset = w->bytes, .before = w->before,
				  .first_ns = w->all_first_ns, .last_ns = w->all_last_ns,
				  .column_bytes = index_offset};
	uint64_t identity[2];
	size_t size;

	identity_get(&w->identity, identity);
	head.base_time = identity[0];
	head.time_unit_ns = identity[1];
	size = trace_frame_put(w->block, TRACE_END, &head, NULL);
	return write_out(w, w->block, size, err);
}

static int close_fd(struct mmr_writer *w, struct mmr_error *err)
{
	int fd = w->fd;

	w->fd = -1;
	if (fd >= 0 && close(fd))
		return fail(w, -errno, err);
	return 0;
}

int mmr_writer_close(struct mmr_writer *w, struct mmr_error *err)
{
	uint64_t index_offset;
	int ret = flush(w, err);

	index_offset = w->bytes;
	if (!ret)
		ret = write_index(w, err);
	if (!ret)
		ret = write_end(w, index_offset, err);
	if (ret)
		close_fd(w, NULL);
	else
		ret = close_fd(w, err);
	writer_free(w);
	return ret;
}

void mmr_writer_abandon(struct mmr_writer *w)
{
	close_fd(w, NULL);
	writer_free(w);
}
