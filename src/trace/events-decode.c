/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The columns of events, the reading half. See events.h. Everything here may come from a hostile file:
 * each count is checked against its limit and each cursor against the end of its column.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "trace/events.h"

enum { KIND_ROW_BYTES = 8, COLUMN_ROW_BYTES = 16 };

/* Nothing after the columns of a damaged block is trusted. */
static int damaged(struct mmr_error *err, const char *what)
{
	return err_set(err, -EBADMSG, "damaged columns: %s", what);
}

/*
 * The next number. cursor_start() has seen that the planes hold what they promise; the caller does not
 * ask for more numbers than the column has.
 */
static inline uint64_t cursor_next(struct cursor *c)
{
	uint8_t byte;
	uint64_t v;

	if (!c->varies)
		return c->base;
	byte = *c->planes[0]++;
	v = byte & 127;
	for (unsigned plane = 1; byte & 128; plane++) {
		byte = *c->planes[plane]++;
		v |= (uint64_t)(byte & 127) << 7 * plane;
	}
	return v;
}

/* Finds the planes of nr numbers. False when they are not exactly `len` bytes. */
static bool cursor_start(struct cursor *c, const uint8_t *p, size_t len, size_t nr)
{
	const uint8_t *end = p + len;

	for (unsigned plane = 0; plane < TRACE_NR_PLANES; plane++) {
		size_t longer = 0;

		if (nr > (size_t)(end - p))
			return false;
		c->planes[plane] = p;
		for (size_t i = 0; i < nr; i++)
			longer += p[i] >> 7;
		if (plane == TRACE_NR_PLANES - 1)
			for (size_t i = 0; i < nr; i++)
				if (p[i] > 1)
					return false;
		p += nr;
		nr = longer;
	}
	c->varies = true;
	return !nr && p == end;
}

static struct kind_decoder *kind_find(struct events_decoder *d, unsigned kind)
{
	for (unsigned i = 0; i < d->nr_kinds; i++)
		if (d->kinds[i].kind == kind)
			return &d->kinds[i];
	return NULL;
}

/* One row of the table of kinds. Returns its bytes, 0 when it is damaged. */
static size_t kind_start(struct events_decoder *d, const uint8_t *p, size_t size)
{
	struct kind_decoder *k = &d->kinds[d->nr_kinds];
	size_t bytes;

	if (size < KIND_ROW_BYTES || p[2] > TRACE_FIELDS || size < KIND_ROW_BYTES + (size_t)p[2])
		return 0;
	bytes = KIND_ROW_BYTES + (size_t)p[2];
	memset(k, 0, sizeof(*k));
	k->kind = get_le16(p);
	k->nr_fields = p[2];
	k->left = get_le32(p + 4);
	for (unsigned f = 0; f < k->nr_fields; f++) {
		k->encoding[f] = p[KIND_ROW_BYTES + f];
		if (k->encoding[f] > MMR_ENC_UINT)
			return 0;
	}
	if (!k->kind || kind_find(d, k->kind))
		return 0;
	d->nr_kinds++;
	return bytes;
}

static struct cursor *common_column(struct events_decoder *d, unsigned field)
{
	switch (field) {
	case TRACE_COL_KIND: return &d->kind;
	case TRACE_COL_TASK: return &d->task;
	case TRACE_COL_CPU: return &d->cpu;
	case TRACE_COL_TIME: return &d->time;
	default: return NULL;
	}
}

/* The cursor of a column of numbers and how many it has; NULL for a column that we do not know. */
static struct cursor *column_find(struct events_decoder *d, unsigned kind, unsigned field, size_t *ret_nr)
{
	struct kind_decoder *k;

	*ret_nr = d->left;
	if (!kind)
		return common_column(d, field);
	k = kind_find(d, kind);
	if (!k)
		return NULL;
	*ret_nr = k->left;
	if (field < k->nr_fields)
		return &k->fields[field];
	if (field >= TRACE_COL_OFFSET && field - TRACE_COL_OFFSET < k->nr_fields)
		return &k->offsets[field - TRACE_COL_OFFSET];
	if (field >= TRACE_COL_TAG && field - TRACE_COL_TAG < k->nr_fields)
		return &k->tags[field - TRACE_COL_TAG];
	return field == TRACE_COL_DATA_LEN ? &k->data_len : NULL;
}

/* A column of bytes. Those that we do not know are passed over. */
static void bytes_start(struct events_decoder *d, unsigned kind, unsigned field, const uint8_t *p, size_t len,
			uint64_t base, struct runs_input *runs)
{
	struct kind_decoder *k = kind_find(d, kind);

	if (field == TRACE_COL_DATA && k) {
		k->data = p;
		k->data_end = p + len;
	} else if (kind == MMR_RUNS && field == TRACE_COL_SYMBOLS) {
		runs->symbols = p;
		runs->nr_symbols = len;
	} else if (kind == MMR_RUNS && field == TRACE_COL_WIDE) {
		runs->wide = p;
		runs->nr_wide = len;
	} else if (kind == MMR_RUNS && field == TRACE_COL_SHAPES) {
		runs->shapes = p;
		runs->nr_shapes = len;
		runs->nr_repeated = base;
	} else if (kind == MMR_RUNS && field == TRACE_COL_PAGES) {
		runs->pages = p;
		runs->nr_pages = len;
	} else if (kind == MMR_RUNS && field == TRACE_COL_COUNTS) {
		runs->counts = p;
		runs->nr_counts = len;
	}
}

static int column_start(struct events_decoder *d, const uint8_t *row, const uint8_t *p, size_t size,
			struct runs_input *runs)
{
	unsigned kind = get_le16(row), field = row[2], coding = row[3];
	size_t len = get_le32(row + 4), nr;
	struct cursor *c = column_find(d, kind, field, &nr);

	if (len > size)
		return -EBADMSG;
	if (coding == TRACE_BYTES && !c)
		bytes_start(d, kind, field, p, len, get_le64(row + 8), runs);
	if (!c)
		return 0;
	c->base = get_le64(row + 8);
	if (coding == TRACE_CONST)
		return len ? -EBADMSG : 0;
	return coding == TRACE_PLANES && cursor_start(c, p, len, nr) ? 0 : -EBADMSG;
}

static int columns_start(struct events_decoder *d, const uint8_t *p, const uint8_t *end, size_t nr,
			 struct runs_input *runs)
{
	const uint8_t *bytes;

	if (nr > (size_t)(end - p) / COLUMN_ROW_BYTES)
		return -EBADMSG;
	bytes = p + nr * COLUMN_ROW_BYTES;
	for (; nr--; p += COLUMN_ROW_BYTES) {
		if (column_start(d, p, bytes, (size_t)(end - bytes), runs))
			return -EBADMSG;
		bytes += get_le32(p + 4);
	}
	return bytes == end ? 0 : -EBADMSG;
}

void events_decoder_init(struct events_decoder *d)
{
	memset(d, 0, sizeof(*d));
}

void events_decoder_finish(struct events_decoder *d)
{
	free(d->kinds);
}

int events_decoder_start(struct events_decoder *d, const uint8_t *p, size_t size, uint64_t nr_events,
			 uint64_t base_time, struct runs_input *ret_runs, struct mmr_error *err)
{
	static const struct cursor zero;
	const uint8_t *end = p + size;
	uint64_t nr_kinds, nr_columns, sum = 0;

	d->nr_kinds = 0;
	d->left = (uint32_t)nr_events;
	d->last_time = base_time;
	d->kind = d->task = d->cpu = d->time = zero;
	memset(&d->predictor, 0, sizeof(d->predictor));
	memset(ret_runs, 0, sizeof(*ret_runs));
	ret_runs->symbols = ret_runs->wide = ret_runs->shapes = ret_runs->pages = ret_runs->counts = end;
	if (!size && !nr_events)
		return 0;
	if (size < 8)
		return damaged(err, "too short");
	nr_kinds = get_le32(p);
	nr_columns = get_le32(p + 4);
	p += 8;
	if (nr_kinds > TRACE_KINDS)
		return damaged(err, "too many kinds of events");
	if (nr_kinds > d->cap_kinds) {
		d->kinds = xrealloc(d->kinds, nr_kinds, sizeof(*d->kinds));
		d->cap_kinds = (unsigned)nr_kinds;
	}
	for (uint64_t i = 0; i < nr_kinds; i++) {
		size_t bytes = kind_start(d, p, (size_t)(end - p));

		if (!bytes)
			return damaged(err, "the table of kinds makes no sense");
		sum += d->kinds[i].left;
		p += bytes;
	}
	if (sum != nr_events)
		return damaged(err, "the numbers of events do not add up");
	if (columns_start(d, p, end, nr_columns, ret_runs))
		return damaged(err, "the table of columns makes no sense");
	return 0;
}

static uint64_t decode_field(struct events_decoder *d, struct kind_decoder *k, uint32_t task, unsigned f)
{
	uint64_t number = cursor_next(&k->fields[f]), difference, tag, *recent;
	unsigned which = number % EVENTS_RECENT;

	if (k->encoding[f] == MMR_ENC_UINT)
		return number;
	difference = number >> 3;
	tag = cursor_next(&k->tags[f]);
	recent = predictor_slot(&d->predictor, k->encoding[f], task, k->kind, f);
	if (number == EVENTS_ESCAPE) {
		number = tag;
		tag = 0;
		difference = UINT64_MAX;
	} else {
		number = recent[which] + unzigzag(difference);
	}
	predictor_learn(recent, number, which, difference);
	if (k->encoding[f] == MMR_ENC_ADDR)
		return addr_join((struct trace_addr){number, cursor_next(&k->offsets[f]), tag});
	return number;
}

static void decode_fields(struct events_decoder *d, struct kind_decoder *k, uint32_t task, uint64_t *args)
{
	for (unsigned f = 0; f < k->nr_fields; f++)
		args[f] = decode_field(d, k, task, f);
}

static bool decode_data(struct kind_decoder *k, struct mmr_event *ev)
{
	uint64_t len = cursor_next(&k->data_len);

	ev->data = "";
	ev->data_len = 0;
	if (!len)
		return true;
	if (len > MMR_DATA_MAX || len > (size_t)(k->data_end - k->data))
		return false;
	ev->data = k->data;
	ev->data_len = (uint32_t)len;
	k->data += len;
	return true;
}

int events_decode(struct events_decoder *d, struct mmr_event *ev, uint64_t args[TRACE_FIELDS],
		  unsigned *ret_nr_args, struct mmr_error *err)
{
	uint64_t place, task, cpu;
	struct kind_decoder *k;

	if (!d->left)
		return 0;
	place = cursor_next(&d->kind);
	task = cursor_next(&d->task);
	cpu = cursor_next(&d->cpu);
	if (place >= d->nr_kinds || task > UINT32_MAX || cpu > UINT16_MAX)
		return damaged(err, "kind, task or cpu out of range");
	k = &d->kinds[place];
	if (!k->left)
		return damaged(err, "more events of a kind than announced");
	d->left--;
	k->left--;
	ev->kind = k->kind;
	ev->cpu = (uint16_t)cpu;
	ev->task = (uint32_t)task;
	ev->time_ns = d->last_time += unzigzag(cursor_next(&d->time));
	memset(ev->arg, 0, sizeof(ev->arg));
	decode_fields(d, k, ev->task, args);
	if (!decode_data(k, ev) || (!k->left && k->data != k->data_end))
		return damaged(err, "the data of events makes no sense");
	memcpy(ev->arg, args, (k->nr_fields < MMR_MAX_ARGS ? k->nr_fields : MMR_MAX_ARGS) * sizeof(*args));
	*ret_nr_args = k->nr_fields;
	return 1;
}
