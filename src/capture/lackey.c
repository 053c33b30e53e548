/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Parser of lackey's text. See lackey.h.
 *
 * The fast path takes eight address digits at once (a little-endian load, as everywhere that valgrind
 * traces x86-64); what it does not recognise goes through the slow one, which also judges hostile lines.
 */
#include "capture/lackey.h"

#include <endian.h>

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void lackey_init(struct lackey *l, struct runs *runs, lackey_line_fn *line, void *ctx)
{
	memset(l, 0, sizeof(*l));
	l->runs = runs;
	l->line = line;
	l->ctx = ctx;
	l->buf = xcalloc(1, LACKEY_BUFFER + LACKEY_SLACK);
	l->partial = xmalloc(LACKEY_LINE_MAX);
}

void lackey_finish(struct lackey *l)
{
	free(l->buf);
	free(l->partial);
	l->buf = l->partial = NULL;
}

/* Eight lower-case hexadecimal digits; false when there is anything else among them. */
static inline bool parse_hex8(const char *p, uint64_t *ret)
{
	const uint64_t ones = 0x0101010101010101ull;
	uint64_t v, nib, letter;

	memcpy(&v, p, 8);
	v = le64toh(v);
	nib = (v & 0x0f * ones) + 9 * (v >> 6 & ones);
	letter = (nib + 6 * ones) >> 4 & ones;
	if ((nib & 0xf0 * ones) != 0 || nib + 0x30 * ones + 0x27 * letter != v)
		return false;
	nib = (nib << 4 | nib >> 8) & 0x00ff00ff00ff00ffull;
	nib = (nib << 8 | nib >> 16) & 0x0000ffff0000ffffull;
	*ret = (nib << 16 | nib >> 32) & 0xffffffffull;
	return true;
}

static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* "ADDR,SIZE" up to the end of the line at `end`; false when it is something else. */
static bool parse_access(const char *p, const char *end, uint64_t *ret_addr, uint32_t *ret_size)
{
	uint64_t addr = 0;
	uint32_t size = 0;
	const char *start = p;

	for (; p < end && hex_digit(*p) >= 0; p++)
		addr = addr << 4 | (uint64_t)hex_digit(*p);
	if (p == start || p - start > 16 || p == end || *p != ',')
		return false;
	start = ++p;
	for (; p < end && *p >= '0' && *p <= '9' && p - start < 5; p++)
		size = size * 10 + (uint32_t)(*p - '0');
	if (p == start || p != end || size == 0 || size > RUNS_MAX_SIZE || addr + (size - 1) < addr)
		return false;
	*ret_addr = addr;
	*ret_size = size;
	return true;
}

/* Kind by the first three bytes of a line, RUNS_NR_KINDS for text. */
static inline enum runs_kind line_kind(const char *p)
{
	if (p[2] != ' ')
		return RUNS_NR_KINDS;
	if (p[0] == 'I')
		return p[1] == ' ' ? RUNS_FETCH : RUNS_NR_KINDS;
	if (p[0] != ' ')
		return RUNS_NR_KINDS;
	switch (p[1]) {
	case 'L':
		return RUNS_LOAD;
	case 'S':
		return RUNS_STORE;
	case 'M':
		return RUNS_MODIFY;
	default:
		return RUNS_NR_KINDS;
	}
}

static void lackey_line(struct lackey *l, const char *p, const char *end)
{
	enum runs_kind kind = end - p > 3 ? line_kind(p) : RUNS_NR_KINDS;
	uint64_t addr;
	uint32_t size;

	if (kind != RUNS_NR_KINDS && parse_access(p + 3, end, &addr, &size))
		runs_access(l->runs, kind, addr, size);
	else
		l->line(l->ctx, p, (size_t)(end - p));
}

/*
 * An access line with 8 to 10 digits and a size of one or two digits, which nearly all are. Returns the
 * start of the next line, or NULL when the line is of another form. May look LACKEY_SLACK bytes ahead.
 */
static inline const char *lackey_fast(struct lackey *l, const char *p)
{
	enum runs_kind kind = line_kind(p);
	uint64_t addr;
	uint32_t size;

	if (kind == RUNS_NR_KINDS || !parse_hex8(p + 3, &addr))
		return NULL;
	p += 11;
	while (*p != ',') {
		int digit = hex_digit(*p++);

		if (digit < 0 || addr >> 44)
			return NULL;
		addr = addr << 4 | (uint64_t)digit;
	}
	size = (uint32_t)(p[1] - '0');
	if (size > 9)
		return NULL;
	p += 2;
	if (*p != '\n') {
		uint32_t digit = (uint32_t)(*p++ - '0');

		size = size * 10 + digit;
		if (digit > 9 || *p != '\n')
			return NULL;
	}
	if (size == 0)
		return NULL;
	runs_access(l->runs, kind, addr, size);
	return p + 1;
}

/* A frame whose header is at p. Returns what stands behind that, NULL when it is not there whole yet. */
static const char *lackey_frame(struct lackey *l, const char *p, const char *end)
{
	struct frame_header h;
	uint64_t at;

	if ((size_t)(end - p) < sizeof(h))
		return NULL;
	memcpy(&h, p, sizeof(h));
	at = h.start % FRAME_RING_BYTES;
	if (h.magic != FRAME_MAGIC || h.nr > FRAME_RUNS_MAX || at % sizeof(struct frame_run) ||
	    h.nr * sizeof(struct frame_run) > FRAME_RING_BYTES - at) {
		/* Not ours: text after all. */
		l->line(l->ctx, p, 1);
		return p + 1;
	}
	l->frame(l->ctx, h.thread, (const struct frame_run *)(const void *)((const char *)(l->ring + 1) + at), h.nr);
	l->ring->taken = h.start + h.nr * sizeof(struct frame_run);
	return p + sizeof(h);
}

/* Keeps text that a frame interrupts, as much as a line may have. */
static void keep_partial(struct lackey *l, const char *p, size_t len)
{
	size_t room = LACKEY_LINE_MAX - l->partial_len;

	memcpy(l->partial + l->partial_len, p, len < room ? len : room);
	l->partial_len += len < room ? len : room;
}

const char *lackey_pending(struct lackey *l, size_t *ret_len)
{
	if (l->partial_len) {
		keep_partial(l, l->buf, l->len);
		l->len = 0;
		*ret_len = l->partial_len;
		return l->partial;
	}
	*ret_len = l->len;
	return l->buf;
}

/* A whole line, or what of it was not kept yet. */
static void whole_line(struct lackey *l, const char *p, const char *end)
{
	if (l->partial_len) {
		keep_partial(l, p, (size_t)(end - p));
		l->line(l->ctx, l->partial, l->partial_len);
		l->partial_len = 0;
	} else {
		lackey_line(l, p, end);
	}
}

char *lackey_space(struct lackey *l, size_t *ret_size)
{
	*ret_size = LACKEY_BUFFER - l->len;
	return l->buf + l->len;
}

void lackey_advance(struct lackey *l, size_t size)
{
	const char *p = l->buf, *end = l->buf + l->len + size, *next;

	memset(l->buf + l->len + size, 0, LACKEY_SLACK);
	while (p < end) {
		if (*p == (char)FRAME_MAGIC && l->ring && !l->is_skipping) {
			next = lackey_frame(l, p, end);
			if (!next)
				break;
			p = next;
			continue;
		}
		if (!l->is_skipping && !l->partial_len) {
			next = lackey_fast(l, p);
			if (next) {
				p = next;
				continue;
			}
		}
		next = memchr(p, '\n', (size_t)(end - p));
		if (l->ring && !l->is_skipping) {
			const char *frame = memchr(p, (char)FRAME_MAGIC, (size_t)((next ? next : end) - p));

			if (frame) {
				keep_partial(l, p, (size_t)(frame - p));
				p = frame;
				continue;
			}
		}
		if (!next)
			break;
		if (!l->is_skipping)
			whole_line(l, p, next);
		l->is_skipping = false;
		p = next + 1;
	}
	l->len = (size_t)(end - p);
	if (l->is_skipping) {
		l->len = 0;
	} else if (l->len > LACKEY_LINE_MAX) {
		lackey_line(l, p, p + LACKEY_LINE_MAX);
		l->nr_cut++;
		l->is_skipping = true;
		l->len = 0;
	}
	memmove(l->buf, p, l->len);
}

void lackey_end(struct lackey *l)
{
	if ((l->len || l->partial_len) && !l->is_skipping)
		whole_line(l, l->buf, l->buf + l->len);
	l->len = 0;
	l->is_skipping = false;
}
