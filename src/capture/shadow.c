/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas by MMAP2 records; see shadow.h. A sorted array: a process has some hundreds of areas. */
#include "capture/shadow.h"

#include <string.h>

/* Index of the first area that ends behind addr. */
static size_t first_behind(const struct shadow *s, uint64_t addr)
{
	size_t lo = 0, hi = s->areas.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->areas.data[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Both show the same memory at the same addresses. */
static int same_memory(const struct shadow_area *x, const struct shadow_area *y)
{
	return x->file == y->file && (x->file == 0 || x->offset - x->start == y->offset - y->start);
}

enum shadow_change shadow_classify(const struct shadow *s, const struct shadow_area *a)
{
	size_t i = first_behind(s, a->start), nr = 0;
	uint64_t covered = 0;
	int changes = 0;

	for (; i < s->areas.nr && s->areas.data[i].start < a->end; i++, nr++) {
		const struct shadow_area *x = &s->areas.data[i];

		if (!same_memory(x, a))
			return SHADOW_NEW;
		changes |= x->prot != a->prot;
		covered += (x->end < a->end ? x->end : a->end) -
			   (x->start > a->start ? x->start : a->start);
	}
	if (covered == a->end - a->start)
		return changes || nr > 1 ? SHADOW_PROTECTED : SHADOW_NEW;
	return nr && !changes ? SHADOW_GREW : SHADOW_NEW;
}

int shadow_gap(const struct shadow *s, const struct shadow_area *a, uint64_t from,
	       uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t at = from > a->start ? from : a->start;
	size_t i = first_behind(s, at);

	while (i < s->areas.nr && s->areas.data[i].start <= at)
		at = s->areas.data[i++].end;
	if (at >= a->end)
		return 0;
	*ret_start = at;
	*ret_end = i < s->areas.nr && s->areas.data[i].start < a->end ? s->areas.data[i].start
								      : a->end;
	return 1;
}

static void insert(struct shadow *s, size_t i, const struct shadow_area *a)
{
	vec_reserve(&s->areas, s->areas.nr + 1);
	memmove(&s->areas.data[i + 1], &s->areas.data[i], (s->areas.nr - i) * sizeof(*a));
	s->areas.data[i] = *a;
	s->areas.nr++;
}

void shadow_set(struct shadow *s, const struct shadow_area *a)
{
	size_t i = first_behind(s, a->start), last;

	if (a->start >= a->end)
		return;
	if (i < s->areas.nr && s->areas.data[i].start < a->start) {
		struct shadow_area left = s->areas.data[i];

		/* The part before a; what is left of it behind a is cut below. */
		left.end = a->start;
		s->areas.data[i].offset += a->start - s->areas.data[i].start;
		s->areas.data[i].start = a->start;
		insert(s, i++, &left);
	}
	for (last = i; last < s->areas.nr && s->areas.data[last].end <= a->end; last++)
		;
	if (last < s->areas.nr && s->areas.data[last].start < a->end) {
		s->areas.data[last].offset += a->end - s->areas.data[last].start;
		s->areas.data[last].start = a->end;
	}
	if (last > i)
		memmove(&s->areas.data[i], &s->areas.data[last], (s->areas.nr - last) * sizeof(*a));
	s->areas.nr -= last - i;
	insert(s, i, a);
}

const struct shadow_area *shadow_find(const struct shadow *s, uint64_t addr)
{
	size_t i = first_behind(s, addr);

	return i < s->areas.nr && s->areas.data[i].start <= addr ? &s->areas.data[i] : NULL;
}

void shadow_copy(struct shadow *to, const struct shadow *from)
{
	vec_reserve(&to->areas, from->areas.nr);
	if (from->areas.nr)
		memcpy(to->areas.data, from->areas.data,
		       from->areas.nr * sizeof(*from->areas.data));
	to->areas.nr = from->areas.nr;
}

void shadow_clear(struct shadow *s)
{
	vec_clear(&s->areas);
}

void shadow_finish(struct shadow *s)
{
	vec_finish(&s->areas);
}
