/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The columns of page runs, see runs.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "trace/runs.h"

#define PAGE_MASK_52 ((1ull << 52) - 1)

enum { SLOTS = TRACE_DICT_ENTRIES * 2, SHAPE_INSN = 4, SHAPE_WRITE_FIRST = 8 };

/* A run says nothing that cannot be: see struct mmr_run. */
static bool run_is_valid(const struct mmr_run *r)
{
	bool write_first = r->page & MMR_RUN_WRITE_FIRST;
	uint32_t first = write_first ? r->nr_writes : r->nr_reads;
	uint32_t other = write_first ? r->nr_reads : r->nr_writes;

	if (r->page & ~(PAGE_MASK_52 | MMR_RUN_INSN | MMR_RUN_WRITE_FIRST))
		return false;
	if (r->page & MMR_RUN_INSN && r->nr_writes)
		return false;
	if (!first || r->nr_split > first + other)
		return false;
	return other ? r->other_at >= 1 && r->other_at <= first : !r->other_at;
}

/* ---- writing ---- */

void runs_encoder_init(struct runs_encoder *e)
{
	e->slots = xcalloc(SLOTS, sizeof(*e->slots));
	e->entries = xcalloc(TRACE_DICT_ENTRIES, sizeof(*e->entries));
	e->uses = xcalloc(TRACE_DICT_ENTRIES, sizeof(*e->uses));
	e->runs = xcalloc(TRACE_BLOCK_RUNS, sizeof(*e->runs));
	runs_encoder_reset(e);
}

void runs_encoder_finish(struct runs_encoder *e)
{
	free(e->slots);
	free(e->entries);
	free(e->uses);
	free(e->runs);
}

void runs_encoder_reset(struct runs_encoder *e)
{
	memset(e->slots, 0, SLOTS * sizeof(*e->slots));
	e->nr_entries = e->nr_runs = 0;
	e->nr_touches = e->nr_accesses = 0;
	e->entry_bytes = 0;
}

/* Bytes of symbol and wide column that a run can take when the dictionary has nr entries. */
static size_t run_bytes(uint32_t nr_entries)
{
	return nr_entries <= RUNS_DIRECT ? 1 : nr_entries <= RUNS_DIRECT + RUNS_PAGED ? 2 : 3;
}

static size_t bound(const struct runs_encoder *e, uint32_t more_runs, uint32_t more_entries)
{
	return (e->nr_runs + more_runs) * run_bytes(e->nr_entries + more_entries) + e->entry_bytes +
	       more_entries * 17;
}

size_t runs_encoder_bound(const struct runs_encoder *e)
{
	return bound(e, 0, 0);
}

static uint32_t hash_run(const struct mmr_run *r)
{
	uint64_t counts, h;

	memcpy(&counts, &r->nr_reads, sizeof(counts));
	h = (r->page ^ r->page >> 29) * 0x9e3779b97f4a7c15ull + counts;
	h ^= h >> 32;
	return (uint32_t)(h * 0xd6e8feb86659fd93ull >> 32);
}

static bool same_run(const struct mmr_run *a, const struct mmr_run *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Slot of the run, or the free slot where it belongs. */
static uint32_t find_slot(const struct runs_encoder *e, const struct mmr_run *r)
{
	uint32_t slot = hash_run(r) % SLOTS;

	while (e->slots[slot] && !same_run(&e->entries[e->slots[slot] - 1], r))
		slot = (slot + 1) % SLOTS;
	return slot;
}

static unsigned page_class(uint64_t v)
{
	return v >> 32 ? 3 : v >> 16 ? 2 : v >> 8 ? 1 : 0;
}

int64_t runs_encode(struct runs_encoder *e, const struct mmr_run *runs, size_t nr, size_t room)
{
	size_t i;

	for (i = 0; i < nr && e->nr_runs < TRACE_BLOCK_RUNS; i++) {
		uint32_t slot = find_slot(e, &runs[i]);
		uint32_t entry = e->slots[slot];

		if (!entry) {
			if (!run_is_valid(&runs[i]))
				return i ? (int64_t)i : -EINVAL;
			if (e->nr_entries == TRACE_DICT_ENTRIES || bound(e, 1, 1) > room)
				break;
			e->entries[e->nr_entries] = runs[i];
			e->uses[e->nr_entries] = 0;
			entry = e->slots[slot] = ++e->nr_entries;
			e->entry_bytes += 17;
		} else if (bound(e, 1, 0) > room) {
			break;
		}
		e->uses[entry - 1]++;
		e->runs[e->nr_runs++] = (uint16_t)(entry - 1);
		e->nr_touches += runs[i].nr_reads + runs[i].nr_writes;
		e->nr_accesses += runs[i].nr_reads + runs[i].nr_writes - runs[i].nr_split;
	}
	return (int64_t)i;
}

/*
 * The order of the dictionary: order[i] is the entry at place i. Entries that occur more than once by
 * falling number of uses (above 65535 they count as equal), the rest and all ties in the order of first use.
 */
static uint32_t rank_entries(const struct runs_encoder *e, uint32_t *order)
{
	uint32_t *half = xmalloc(TRACE_DICT_ENTRIES * sizeof(*half)), starts[2][257] = {0};
	uint32_t nr_repeated = 0;

#define KEY(entry) (65535 - (e->uses[entry] < 65535 ? e->uses[entry] : 65535))
	for (uint32_t i = 0; i < e->nr_entries; i++) {
		starts[0][(KEY(i) & 255) + 1]++;
		starts[1][(KEY(i) >> 8) + 1]++;
		nr_repeated += e->uses[i] > 1;
	}
	for (unsigned i = 0; i < 256; i++) {
		starts[0][i + 1] += starts[0][i];
		starts[1][i + 1] += starts[1][i];
	}
	for (uint32_t i = 0; i < e->nr_entries; i++)
		half[starts[0][KEY(i) & 255]++] = i;
	for (uint32_t i = 0; i < e->nr_entries; i++)
		order[starts[1][KEY(half[i]) >> 8]++] = half[i];
#undef KEY
	free(half);
	return nr_repeated;
}

static size_t put_page(uint8_t *p, uint64_t page, uint64_t *last, unsigned *ret_class)
{
	uint64_t v = zigzag(page - *last);
	unsigned class = page_class(v);

	*last = page;
	*ret_class = class;
	for (unsigned i = 0; i < 1u << class; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return 1u << class;
}

static size_t put_counts(uint8_t *p, const struct mmr_run *r, unsigned *ret_class)
{
	bool write_first = r->page & MMR_RUN_WRITE_FIRST;
	uint16_t first = write_first ? r->nr_writes : r->nr_reads;
	uint16_t other = write_first ? r->nr_reads : r->nr_writes;

	if (r->nr_split || first > 255 || other > 255) {
		put_le16(p, first);
		put_le16(p + 2, other);
		put_le16(p + 4, r->other_at);
		put_le16(p + 6, r->nr_split);
		*ret_class = 3;
		return 8;
	}
	p[0] = (uint8_t)first;
	p[1] = (uint8_t)other;
	p[2] = (uint8_t)r->other_at;
	*ret_class = other ? 2 : first > 1;
	return other ? 3 : first > 1;
}

static void put_entries(struct runs_encoder *e, const uint32_t *order, struct runs_columns *c)
{
	uint64_t last[2] = {0};

	for (uint32_t i = 0; i < e->nr_entries; i++) {
		const struct mmr_run *r = &e->entries[order[i]];
		bool insn = r->page & MMR_RUN_INSN;
		unsigned page, counts;

		c->nr_pages += put_page(c->pages + c->nr_pages, MMR_RUN_PAGE(r), &last[insn], &page);
		c->nr_counts += put_counts(c->counts + c->nr_counts, r, &counts);
		c->shapes[i] = (uint8_t)(page | counts << 4 | (insn ? SHAPE_INSN : 0) |
					 (r->page & MMR_RUN_WRITE_FIRST ? SHAPE_WRITE_FIRST : 0));
	}
}

/* place[entry]: position in the dictionary, or UINT32_MAX for one that occurs once. */
static void put_symbols(const struct runs_encoder *e, const uint32_t *place, struct runs_columns *c)
{
	for (uint32_t i = 0; i < e->nr_runs; i++) {
		uint32_t at = place[e->runs[i]];

		if (at < RUNS_DIRECT) {
			c->symbols[i] = (uint8_t)(1 + at);
		} else if (at < RUNS_DIRECT + RUNS_PAGED) {
			at -= RUNS_DIRECT;
			c->symbols[i] = (uint8_t)(240 + (at >> 8));
			c->wide[c->nr_wide++] = (uint8_t)at;
		} else if (at < TRACE_DICT_ENTRIES) {
			at -= RUNS_DIRECT + RUNS_PAGED;
			c->symbols[i] = 255;
			put_le16(c->wide + c->nr_wide, (uint16_t)at);
			c->nr_wide += 2;
		} else {
			c->symbols[i] = 0;
		}
	}
}

void runs_encoder_columns(struct runs_encoder *e, uint8_t *buf, struct runs_columns *ret)
{
	uint32_t *order = xmalloc(TRACE_DICT_ENTRIES * sizeof(*order));
	uint32_t *place = xmalloc(TRACE_DICT_ENTRIES * sizeof(*place));
	struct runs_columns c = {.nr_runs = e->nr_runs, .nr_entries = e->nr_entries};

	c.nr_repeated = rank_entries(e, order);
	for (uint32_t i = 0; i < e->nr_entries; i++)
		place[order[i]] = i < c.nr_repeated ? i : UINT32_MAX;
	c.symbols = buf;
	c.wide = c.symbols + e->nr_runs;
	put_symbols(e, place, &c);
	c.shapes = c.wide + c.nr_wide;
	c.pages = c.shapes + e->nr_entries;
	c.counts = c.pages + 8 * e->nr_entries;
	put_entries(e, order, &c);
	memmove(c.pages + c.nr_pages, c.counts, c.nr_counts);
	c.counts = c.pages + c.nr_pages;
	*ret = c;
	free(order);
	free(place);
}

/* ---- reading ---- */

void runs_decoder_init(struct runs_decoder *d)
{
	memset(d, 0, sizeof(*d));
}

void runs_decoder_finish(struct runs_decoder *d)
{
	free(d->dict);
}

static const uint8_t count_bytes[4] = {0, 1, 3, 8};

/* Four bytes to four 16-bit numbers. */
static uint64_t spread_bytes(uint64_t v)
{
	v = (v | v << 16) & 0x0000ffff0000ffffull;
	return (v | v << 8) & 0x00ff00ff00ff00ffull;
}

static void get_entry(struct mmr_run *r, uint8_t shape, const uint8_t *page, const uint8_t *counts,
		      uint64_t last[2])
{
	static const uint64_t page_mask[4] = {0xff, 0xffff, 0xffffffff, UINT64_MAX};
	unsigned insn = shape >> 2 & 1, class = shape >> 4 & 3;
	uint64_t v = get_le64(counts);

	last[insn] += unzigzag(get_le64(page) & page_mask[shape & 3]);
	r->page = last[insn] | (uint64_t)insn << 63 | (uint64_t)(shape >> 3 & 1) << 62;
	if (class != 3)
		v = class == 0 ? 1 : spread_bytes(v & (class == 1 ? 0xff : 0xffffff));
	r->nr_reads = (uint16_t)(shape & SHAPE_WRITE_FIRST ? v >> 16 : v);
	r->nr_writes = (uint16_t)(shape & SHAPE_WRITE_FIRST ? v : v >> 16);
	r->other_at = (uint16_t)(v >> 32);
	r->nr_split = (uint16_t)(v >> 48);
}

int runs_decoder_start(struct runs_decoder *d, const struct runs_input *in)
{
	size_t pages = 0, counts = 0;
	uint64_t last[2] = {0};

	if (in->nr_shapes > TRACE_DICT_ENTRIES || in->nr_repeated > in->nr_shapes)
		return -EBADMSG;
	if (!d->dict && in->nr_symbols)
		d->dict = xcalloc(TRACE_DICT_ENTRIES + MMR_BATCH, sizeof(*d->dict));
	if (!d->dict && in->nr_shapes)
		return -EBADMSG;
	for (size_t i = 0; i < in->nr_shapes; i++) {
		pages += 1u << (in->shapes[i] & 3);
		counts += count_bytes[in->shapes[i] >> 4 & 3];
		if (in->shapes[i] >> 6)
			return -EBADMSG;
	}
	if (pages != in->nr_pages || counts != in->nr_counts)
		return -EBADMSG;
	pages = counts = 0;
	for (size_t i = 0; i < in->nr_shapes; i++) {
		get_entry(&d->dict[i], in->shapes[i], in->pages + pages, in->counts + counts, last);
		if (last[in->shapes[i] >> 2 & 1] > PAGE_MASK_52 || !run_is_valid(&d->dict[i]))
			return -EBADMSG;
		pages += 1u << (in->shapes[i] & 3);
		counts += count_bytes[in->shapes[i] >> 4 & 3];
	}
	d->symbol = in->symbols;
	d->symbol_end = in->symbols + in->nr_symbols;
	d->wide = in->wide;
	d->wide_end = in->wide + in->nr_wide;
	d->nr_entries = (uint32_t)in->nr_shapes;
	d->once = (uint32_t)in->nr_repeated;
	return 0;
}

/* What a symbol asks of the wide column: entry = base + (next bytes & mask), and how many bytes it eats. */
struct symbol_rule {
	uint32_t base;
	uint16_t mask;
	uint16_t bytes;
};

#define DIRECT(n)	{(n) - 1, 0, 0}
#define DIRECT_8(n)	DIRECT(n), DIRECT(n + 1), DIRECT(n + 2), DIRECT(n + 3), \
			DIRECT(n + 4), DIRECT(n + 5), DIRECT(n + 6), DIRECT(n + 7)
#define DIRECT_48(n)	DIRECT_8(n), DIRECT_8(n + 8), DIRECT_8(n + 16), DIRECT_8(n + 24), \
			DIRECT_8(n + 32), DIRECT_8(n + 40)
#define PAGED(n)	{RUNS_DIRECT + 256 * (n), 255, 1}
#define PAGED_5(n)	PAGED(n), PAGED(n + 1), PAGED(n + 2), PAGED(n + 3), PAGED(n + 4)

static const struct symbol_rule rules[256] = {
	{0, 0, 0},
	DIRECT(1), DIRECT(2), DIRECT(3), DIRECT(4), DIRECT(5), DIRECT(6), DIRECT(7),
	DIRECT_8(8), DIRECT_8(16), DIRECT_8(24), DIRECT_8(32), DIRECT_8(40),
	DIRECT_48(48), DIRECT_48(96), DIRECT_48(144), DIRECT_48(192),
	PAGED_5(0), PAGED_5(5), PAGED_5(10),
	{RUNS_DIRECT + RUNS_PAGED, 65535, 2},
};

int runs_decode(struct runs_decoder *d, struct mmr_run *out, size_t nr)
{
	const uint8_t *symbol = d->symbol, *wide = d->wide;
	uint32_t once = d->once, greatest = 0;

	if (nr > (size_t)(d->symbol_end - symbol) || nr > MMR_BATCH)
		return -EBADMSG;
	for (size_t i = 0; i < nr; i++) {
		const struct symbol_rule *rule = &rules[symbol[i]];
		uint32_t at = rule->base + (get_le16(wide) & rule->mask);

		at = symbol[i] ? at : once;
		once += !symbol[i];
		wide += rule->bytes;
		greatest = at > greatest ? at : greatest;
		out[i] = d->dict[at];
	}
	d->symbol += nr;
	d->wide = wide;
	d->once = once;
	return wide > d->wide_end || (nr && greatest >= d->nr_entries) ? -EBADMSG : 0;
}

bool runs_decoder_done(const struct runs_decoder *d)
{
	return d->symbol == d->symbol_end && d->wide == d->wide_end && d->once == d->nr_entries;
}
