/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Where the same program's memory would lie without valgrind. See layout.h. */
#include "capture/layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE		4096ull
#define LOWEST		0x10000ull	/* vm.mmap_min_addr as distributions set it */
#define USER_END	0x7ffffffff000ull
#define LOW32_START	0x40000000ull	/* MAP_32BIT */
#define LOW32_END	0x80000000ull

static uint64_t page_up(uint64_t x)
{
	return (x + PAGE - 1) & ~(PAGE - 1);
}

/* ---- sorted ranges ---- */

/* Index of the first range that ends behind addr. */
static size_t ranges_find(const struct layout_ranges *r, uint64_t addr)
{
	size_t lo = 0, hi = r->v.nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->v.data[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void ranges_insert(struct layout_ranges *r, size_t at, struct layout_range range)
{
	vec_reserve(&r->v, r->v.nr + 1);
	if (at < r->v.nr)
		memmove(&r->v.data[at + 1], &r->v.data[at], (r->v.nr - at) * sizeof(range));
	r->v.data[at] = range;
	r->v.nr++;
}

/* Cuts [start, end) out. */
static void ranges_clear(struct layout_ranges *r, uint64_t start, uint64_t end)
{
	size_t i = ranges_find(r, start), last;
	struct layout_range *x;

	if (i == r->v.nr)
		return;
	if (i < r->v.nr && r->v.data[i].start < start) {
		x = &r->v.data[i];
		if (x->end > end) {
			struct layout_range tail = { end, x->end, x->native + (end - x->start) };

			x->end = start;
			ranges_insert(r, i + 1, tail);
			return;
		}
		x->end = start;
		i++;
	}
	for (last = i; last < r->v.nr && r->v.data[last].end <= end; last++)
		;
	if (last > i)
		memmove(&r->v.data[i], &r->v.data[last], (r->v.nr - last) * sizeof(*x));
	r->v.nr -= last - i;
	if (i < r->v.nr && r->v.data[i].start < end) {
		x = &r->v.data[i];
		x->native += end - x->start;
		x->start = end;
	}
}

static void ranges_set(struct layout_ranges *r, uint64_t start, uint64_t end, uint64_t native)
{
	ranges_clear(r, start, end);
	ranges_insert(r, ranges_find(r, start), (struct layout_range){ start, end, native });
}

static bool ranges_free(const struct layout_ranges *r, uint64_t start, uint64_t end)
{
	size_t i = ranges_find(r, start);

	return i == r->v.nr || r->v.data[i].start >= end;
}

/* ---- both spaces ---- */

void layout_init(struct layout *l, bool native, uint64_t mmap_base)
{
	memset(l, 0, sizeof(*l));
	l->native = native;
	l->mmap_base = mmap_base;
}

void layout_finish(struct layout *l)
{
	vec_finish(&l->tool.v);
	vec_finish(&l->taken.v);
}

static void ranges_copy(struct layout_ranges *dst, const struct layout_ranges *src)
{
	memset(dst, 0, sizeof(*dst));
	if (!src->v.nr)
		return;
	vec_reserve(&dst->v, src->v.nr);
	memcpy(dst->v.data, src->v.data, src->v.nr * sizeof(*src->v.data));
	dst->v.nr = src->v.nr;
}

void layout_copy(struct layout *dst, const struct layout *src)
{
	*dst = *src;
	ranges_copy(&dst->tool, &src->tool);
	ranges_copy(&dst->taken, &src->taken);
}

bool layout_piece(const struct layout *l, uint64_t *pos, uint64_t end, uint64_t *ret_native,
		  uint64_t *ret_len)
{
	size_t i = ranges_find(&l->tool, *pos);
	uint64_t start, stop;

	if (*pos >= end || i == l->tool.v.nr || l->tool.v.data[i].start >= end)
		return false;
	start = l->tool.v.data[i].start > *pos ? l->tool.v.data[i].start : *pos;
	*ret_native = l->tool.v.data[i].native + (start - l->tool.v.data[i].start);
	stop = l->tool.v.data[i].end;
	/* Neighbours in both spaces are one piece: they may have been cut apart by an earlier change. */
	while (++i < l->tool.v.nr && stop < end && l->tool.v.data[i].start == stop &&
	       l->tool.v.data[i].native == *ret_native + (stop - start))
		stop = l->tool.v.data[i].end;
	*pos = stop < end ? stop : end;
	*ret_len = *pos - start;
	return true;
}

void layout_unmap(struct layout *l, uint64_t tool, uint64_t len)
{
	uint64_t pos = tool, end = tool + page_up(len), native, n;

	l->last = (struct layout_range){0};
	while (layout_piece(l, &pos, end, &native, &n))
		ranges_clear(&l->taken, native, native + n);
	ranges_clear(&l->tool, tool, end);
}

void layout_add(struct layout *l, uint64_t tool, uint64_t len, uint64_t native)
{
	len = page_up(len);
	if (!len || tool + len < tool || native + len < native)
		return;
	layout_unmap(l, tool, len);
	ranges_set(&l->tool, tool, tool + len, native);
	ranges_set(&l->taken, native, native + len, 0);
}

uint64_t layout_native(struct layout *l, uint64_t tool)
{
	size_t i;

	if (tool - l->last.start < l->last.end - l->last.start)
		return l->last.native + (tool - l->last.start);
	i = ranges_find(&l->tool, tool);
	if (i == l->tool.v.nr || l->tool.v.data[i].start > tool)
		return LAYOUT_NONE;
	l->last = l->tool.v.data[i];
	return l->last.native + (tool - l->last.start);
}

/* ---- the search ---- */

/* The highest free place of `len` bytes in [LOWEST, top); 0 when there is none. */
static uint64_t find_below(const struct layout *l, uint64_t top, uint64_t len)
{
	size_t i = ranges_find(&l->taken, top - 1);
	uint64_t gap_end = top, gap_start;

	if (i < l->taken.v.nr && l->taken.v.data[i].start < gap_end)
		gap_end = l->taken.v.data[i].start;
	for (;;) {
		gap_start = i > 0 ? l->taken.v.data[i - 1].end : LOWEST;
		if (gap_end > gap_start && gap_end - gap_start >= len)
			return gap_end - len;
		if (i == 0)
			return 0;
		gap_end = l->taken.v.data[--i].start;
	}
}

/* The lowest free place in [low, high); 0 when there is none. */
static uint64_t find_above(const struct layout *l, uint64_t low, uint64_t high, uint64_t len)
{
	for (size_t i = ranges_find(&l->taken, low); low + len <= high; i++) {
		if (i == l->taken.v.nr || l->taken.v.data[i].start >= low + len)
			return low;
		low = l->taken.v.data[i].end;
	}
	return 0;
}

static uint64_t find_plain(const struct layout *l, uint64_t len)
{
	uint64_t at = find_below(l, l->mmap_base, len);

	return at ? at : find_above(l, l->mmap_base, USER_END, len);
}

/* Large mappings are placed so that huge pages of the file or of the area line up. */
static uint64_t find_aligned(const struct layout *l, const struct layout_request *req, uint64_t len)
{
	uint64_t off = req->has_file ? req->offset : 0;
	uint64_t off_align = (off + LAYOUT_PMD - 1) & ~(LAYOUT_PMD - 1);
	uint64_t at, sub;

	if (off + len <= off_align || off + len - off_align < LAYOUT_PMD)
		return 0;
	at = find_plain(l, len + LAYOUT_PMD);
	if (!at)
		return 0;
	sub = (off - at) & (LAYOUT_PMD - 1);
	return sub ? at + sub : at + LAYOUT_PMD;
}

/* A hint in the tool's space: the native address it means. */
static uint64_t hint_native(struct layout *l, uint64_t hint)
{
	uint64_t at = layout_native(l, hint);

	if (at != LAYOUT_NONE)
		return at;
	at = layout_native(l, hint - 1);
	return at != LAYOUT_NONE ? at + 1 : hint;
}

static uint64_t find_native(struct layout *l, const struct layout_request *req, uint64_t len)
{
	uint64_t hint = req->hint & ~(PAGE - 1), at = 0;

	if (req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		at = hint_native(l, req->tool);
		if (layout_native(l, req->tool) != LAYOUT_NONE)
			return at;
		if (at + len <= USER_END && ranges_free(&l->taken, at, at + len))
			return at;
		return find_plain(l, len);
	}
	if (hint) {
		at = hint_native(l, hint);
		if (at >= LOWEST && at + len <= USER_END && ranges_free(&l->taken, at, at + len))
			return at;
	}
	if (req->flags & MAP_32BIT)
		return find_above(l, LOW32_START, LOW32_END, len);
	if (req->has_file ? true : !(req->flags & MAP_SHARED) && !hint && len % LAYOUT_PMD == 0) {
		at = find_aligned(l, req, len);
		if (at)
			return at;
	}
	return find_plain(l, len);
}

uint64_t layout_mmap(struct layout *l, const struct layout_request *req)
{
	uint64_t len = page_up(req->len), native = req->tool;

	if (l->native) {
		native = find_native(l, req, len);
		if (!native)
			native = req->tool;	/* no room left: as good an address as any */
	}
	layout_add(l, req->tool, len, native);
	return native;
}

uint64_t layout_reserve(struct layout *l, uint64_t len)
{
	uint64_t native = find_plain(l, page_up(len));

	if (native)
		ranges_set(&l->taken, native, native + page_up(len), 0);
	return native;
}

uint64_t layout_mremap(struct layout *l, uint64_t old, uint64_t old_len, uint64_t new_len,
		       uint64_t flags, uint64_t tool)
{
	uint64_t native = layout_native(l, old), place = native;
	struct layout_request req = { .tool = tool, .len = new_len };

	old_len = page_up(old_len);
	new_len = page_up(new_len);
	if (native == LAYOUT_NONE)
		return LAYOUT_NONE;
	if (!l->native) {
		place = tool;
	} else if (flags & MREMAP_FIXED) {
		place = hint_native(l, tool);
	} else if (new_len > old_len &&
		   (!ranges_free(&l->taken, native + old_len, native + new_len) ||
		    native + new_len > USER_END)) {
		/* The kernel searches with the old area still in its place. */
		req.hint = 0;
		place = find_native(l, &req, new_len);
		if (!place)
			place = native;
	}
	if (!(flags & MREMAP_DONTUNMAP))
		layout_unmap(l, old, old_len);
	layout_add(l, tool, new_len, place);
	return place;
}
