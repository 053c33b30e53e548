/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The columns of events, the writing half. See events.h.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "trace/events.h"

enum { KIND_ROW_BYTES = 8, COLUMN_ROW_BYTES = 16, VARINT_MAX = 10 };

static size_t put_varint(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v > 127; v >>= 7)
		p[n++] = (uint8_t)(v | 128);
	p[n++] = (uint8_t)v;
	return n;
}

static size_t varint_bytes(uint64_t v)
{
	return (70 - (size_t)__builtin_clzll(v | 1)) / 7;
}

static void column_reserve(struct column *c, size_t more)
{
	if (c->cap - c->len >= more)
		return;
	c->cap = 2 * c->cap > c->len + more ? 2 * c->cap : c->len + more + 256;
	c->data = xrealloc(c->data, c->cap, 1);
}

static void column_reset(struct column *c)
{
	c->len = 0;
	c->nr = 0;
	c->varies = false;
}

/* The numbers so far were all equal, now they are not. */
static void column_begin_varying(struct column *c)
{
	column_reserve(c, c->nr * varint_bytes(c->first));
	for (uint64_t i = 0; i < c->nr; i++)
		c->len += put_varint(c->data + c->len, c->first);
	c->varies = true;
}

/* Returns how many bytes the number may take. */
static size_t column_put(struct column *c, uint64_t v)
{
	if (!c->nr)
		c->first = v;
	if (!c->varies && v != c->first)
		column_begin_varying(c);
	if (c->varies) {
		column_reserve(c, VARINT_MAX);
		c->len += put_varint(c->data + c->len, v);
	}
	c->nr++;
	return varint_bytes(v);
}

static size_t column_put_bytes(struct column *c, const void *data, size_t len)
{
	column_reserve(c, len);
	memcpy(c->data + c->len, data, len);
	c->len += len;
	return len;
}

void events_encoder_init(struct events_encoder *e)
{
	memset(e, 0, sizeof(*e));
}

static void kind_finish(struct kind_encoder *k)
{
	for (unsigned f = 0; f < MMR_MAX_ARGS; f++) {
		free(k->fields[f].data);
		free(k->offsets[f].data);
		free(k->tags[f].data);
	}
	free(k->data_len.data);
	free(k->data.data);
	free(k);
}

void events_encoder_finish(struct events_encoder *e)
{
	for (unsigned i = 0; i < TRACE_KINDS; i++)
		if (e->kinds[i])
			kind_finish(e->kinds[i]);
	free(e->kind.data);
	free(e->task.data);
	free(e->cpu.data);
	free(e->time.data);
}

static void kind_reset(struct kind_encoder *k)
{
	k->place = 0;
	k->nr_events = 0;
	for (unsigned f = 0; f < MMR_MAX_ARGS; f++) {
		column_reset(&k->fields[f]);
		column_reset(&k->offsets[f]);
		column_reset(&k->tags[f]);
	}
	column_reset(&k->data_len);
	column_reset(&k->data);
}

void events_encoder_reset(struct events_encoder *e)
{
	for (unsigned i = 0; i < e->nr_kinds; i++)
		kind_reset(e->kinds[e->order[i]]);
	e->nr_kinds = 0;
	column_reset(&e->kind);
	column_reset(&e->task);
	column_reset(&e->cpu);
	column_reset(&e->time);
	e->nr_events = 0;
	e->base_time = e->last_time = 0;
	e->bytes = 0;
	memset(&e->predictor, 0, sizeof(e->predictor));
}

enum { KIND_COLUMNS = 3 * MMR_MAX_ARGS + 2, COMMON_COLUMNS = 4, RUNS_COLUMNS = 5 };

static size_t tables_bound(unsigned nr_kinds)
{
	return 8 + nr_kinds * (KIND_ROW_BYTES + MMR_MAX_ARGS) +
	       (nr_kinds * KIND_COLUMNS + COMMON_COLUMNS + RUNS_COLUMNS) * COLUMN_ROW_BYTES;
}

size_t events_encoder_bound(const struct events_encoder *e)
{
	return tables_bound(e->nr_kinds) + e->bytes;
}

size_t events_event_bound(const struct mmr_event *ev)
{
	return ev->data_len + (COMMON_COLUMNS + KIND_COLUMNS) * VARINT_MAX + tables_bound(1);
}

static struct kind_encoder *kind_get(struct events_encoder *e, unsigned number)
{
	struct kind_encoder *k = e->kinds[number];

	if (!k)
		k = e->kinds[number] = xcalloc(1, sizeof(*k));
	if (!k->place) {
		e->order[e->nr_kinds++] = (uint16_t)number;
		k->place = (uint16_t)e->nr_kinds;
	}
	return k;
}

/* What to store for a number, see struct predictor. */
static uint64_t predict(uint64_t *recent, uint64_t number)
{
	uint64_t best = zigzag(number - recent[0]);
	unsigned which = 0;

	for (unsigned i = 1; i < EVENTS_RECENT; i++) {
		uint64_t v = zigzag(number - recent[i]);

		if (v < best) {
			best = v;
			which = i;
		}
	}
	predictor_learn(recent, number, which, best);
	return best >> 60 ? EVENTS_ESCAPE : best << 3 | which;
}

static size_t encode_field(struct events_encoder *e, struct kind_encoder *k, enum mmr_encoding enc,
			   unsigned field, const struct mmr_event *ev)
{
	uint64_t number = ev->arg[field], tag = 0, stored, *recent;
	size_t bytes = 0;

	if (enc == MMR_ENC_UINT)
		return column_put(&k->fields[field], number);
	if (enc == MMR_ENC_ADDR) {
		struct trace_addr addr = addr_split(number);

		bytes += column_put(&k->offsets[field], addr.offset);
		number = addr.page;
		tag = addr.tag;
	}
	recent = predictor_slot(&e->predictor, enc, ev->task, ev->kind, field);
	stored = predict(recent, number);
	bytes += column_put(&k->fields[field], stored);
	return bytes + column_put(&k->tags[field], stored == EVENTS_ESCAPE ? number : tag);
}

void events_encode(struct events_encoder *e, const struct mmr_event *ev, uint64_t time)
{
	const struct mmr_kind_info *info = mmr_kind_info(ev->kind);
	struct kind_encoder *k = kind_get(e, ev->kind);

	if (!e->nr_events)
		e->base_time = e->last_time = time;
	e->bytes += column_put(&e->kind, k->place - 1u);
	e->bytes += column_put(&e->task, ev->task);
	e->bytes += column_put(&e->cpu, ev->cpu);
	e->bytes += column_put(&e->time, zigzag(time - e->last_time));
	e->last_time = time;
	for (unsigned f = 0; f < info->nr_fields; f++)
		e->bytes += encode_field(e, k, info->fields[f].enc, f, ev);
	e->bytes += column_put(&k->data_len, ev->data_len);
	if (ev->data_len)
		e->bytes += column_put_bytes(&k->data, ev->data, ev->data_len);
	k->nr_events++;
	e->nr_events++;
}

/* Where the next row of the table of columns and the next column go. */
struct layout {
	uint8_t *start, *row, *bytes;
	uint32_t nr;
	struct cuts *cuts;
};

static void cut(struct layout *l)
{
	if (l->cuts->nr < CUTS_MAX)
		l->cuts->at[l->cuts->nr++] = (uint32_t)(l->bytes - l->start);
}

static void put_row(struct layout *l, unsigned kind, unsigned field, enum trace_coding coding, size_t len,
		    uint64_t base)
{
	put_le16(l->row, (uint16_t)kind);
	l->row[2] = (uint8_t)field;
	l->row[3] = (uint8_t)coding;
	put_le32(l->row + 4, (uint32_t)len);
	put_le64(l->row + 8, base);
	l->row += COLUMN_ROW_BYTES;
	l->nr++;
}

static void lay_out_bytes(struct layout *l, unsigned kind, unsigned field, const void *data, size_t len,
			  uint64_t base)
{
	put_row(l, kind, field, TRACE_BYTES, len, base);
	if (len)
		memcpy(l->bytes, data, len);
	l->bytes += len;
	cut(l);
}

/* LEB128 numbers one after the other become planes. */
static void lay_out_planes(struct layout *l, const uint8_t *data, size_t len)
{
	size_t sizes[TRACE_NR_PLANES] = {0};
	uint8_t *planes[TRACE_NR_PLANES];
	unsigned plane = 0;

	for (size_t i = 0; i < len; i++) {
		sizes[plane]++;
		plane = data[i] & 128 ? plane + 1 : 0;
	}
	for (unsigned i = 0; i < TRACE_NR_PLANES; i++) {
		planes[i] = l->bytes;
		l->bytes += sizes[i];
		if (sizes[i])
			cut(l);
	}
	for (size_t i = 0; i < len; i++) {
		*planes[plane]++ = data[i];
		plane = data[i] & 128 ? plane + 1 : 0;
	}
}

static bool column_is_absent(const struct column *c)
{
	return !c->len && (!c->nr || !c->first);
}

static void lay_out_column(struct layout *l, unsigned kind, unsigned field, const struct column *c)
{
	if (column_is_absent(c))
		return;
	put_row(l, kind, field, c->varies ? TRACE_PLANES : TRACE_CONST, c->len, c->varies ? 0 : c->first);
	lay_out_planes(l, c->data, c->len);
}

static void lay_out_kind(struct layout *l, unsigned number, const struct kind_encoder *k)
{
	for (unsigned f = 0; f < MMR_MAX_ARGS; f++) {
		lay_out_column(l, number, f, &k->fields[f]);
		lay_out_column(l, number, TRACE_COL_OFFSET + f, &k->offsets[f]);
		lay_out_column(l, number, TRACE_COL_TAG + f, &k->tags[f]);
	}
	lay_out_column(l, number, TRACE_COL_DATA_LEN, &k->data_len);
	if (k->data.len)
		lay_out_bytes(l, number, TRACE_COL_DATA, k->data.data, k->data.len, 0);
}

static void lay_out_runs(struct layout *l, const struct runs_columns *r)
{
	lay_out_bytes(l, MMR_RUNS, TRACE_COL_SYMBOLS, r->symbols, r->nr_runs, 0);
	lay_out_bytes(l, MMR_RUNS, TRACE_COL_WIDE, r->wide, r->nr_wide, 0);
	lay_out_bytes(l, MMR_RUNS, TRACE_COL_SHAPES, r->shapes, r->nr_entries, r->nr_repeated);
	lay_out_bytes(l, MMR_RUNS, TRACE_COL_PAGES, r->pages, r->nr_pages, 0);
	lay_out_bytes(l, MMR_RUNS, TRACE_COL_COUNTS, r->counts, r->nr_counts, 0);
}

static unsigned kind_nr_columns(const struct kind_encoder *k)
{
	unsigned nr = !column_is_absent(&k->data_len) + (k->data.len > 0);

	for (unsigned f = 0; f < MMR_MAX_ARGS; f++)
		nr += !column_is_absent(&k->fields[f]) + !column_is_absent(&k->offsets[f]) +
		      !column_is_absent(&k->tags[f]);
	return nr;
}

static uint8_t *put_kinds(const struct events_encoder *e, uint8_t *p)
{
	for (unsigned i = 0; i < e->nr_kinds; i++) {
		const struct mmr_kind_info *info = mmr_kind_info(e->order[i]);

		put_le16(p, e->order[i]);
		p[2] = (uint8_t)info->nr_fields;
		p[3] = 0;
		put_le32(p + 4, e->kinds[e->order[i]]->nr_events);
		p += KIND_ROW_BYTES;
		for (unsigned f = 0; f < info->nr_fields; f++)
			*p++ = (uint8_t)info->fields[f].enc;
	}
	return p;
}

size_t events_encoder_columns(struct events_encoder *e, const struct runs_columns *runs, uint8_t *buf,
			      struct cuts *ret_cuts)
{
	const struct column *common[COMMON_COLUMNS] = {&e->kind, &e->task, &e->cpu, &e->time};
	unsigned nr_columns = runs ? RUNS_COLUMNS : 0;
	struct layout l = {.start = buf, .row = put_kinds(e, buf + 8), .cuts = ret_cuts};

	for (unsigned i = 0; i < COMMON_COLUMNS; i++)
		nr_columns += !column_is_absent(common[i]);
	for (unsigned i = 0; i < e->nr_kinds; i++)
		nr_columns += kind_nr_columns(e->kinds[e->order[i]]);
	put_le32(buf, e->nr_kinds);
	put_le32(buf + 4, nr_columns);
	l.bytes = l.row + nr_columns * COLUMN_ROW_BYTES;
	ret_cuts->nr = 0;
	cut(&l);
	for (unsigned i = 0; i < COMMON_COLUMNS; i++)
		lay_out_column(&l, 0, i, common[i]);
	for (unsigned i = 0; i < e->nr_kinds; i++)
		lay_out_kind(&l, e->order[i], e->kinds[e->order[i]]);
	if (runs)
		lay_out_runs(&l, runs);
	BUG_ON(l.nr != nr_columns);
	return (size_t)(l.bytes - buf);
}
