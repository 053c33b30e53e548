/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which memory of a process is mapped: see areas.h. */
#include "import/areas.h"

#include <string.h>

void areas_finish(struct areas *a)
{
	vec_finish(&a->v);
}

/* First area that ends behind addr. */
static size_t find_index(const struct areas *a, uint64_t addr)
{
	size_t lo = 0, hi = a->v.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->v.data[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct area *areas_find(struct areas *a, uint64_t addr)
{
	size_t i = a->last;

	if (i >= a->v.nr || addr < a->v.data[i].start || addr >= a->v.data[i].end) {
		i = find_index(a, addr);
		if (i == a->v.nr || a->v.data[i].start > addr)
			return NULL;
		a->last = i;
	}
	return &a->v.data[i];
}

/* Makes room for n areas in place of `old` ones at i. */
static struct area *replace(struct areas *a, size_t i, size_t old, size_t n)
{
	size_t behind = a->v.nr - i - old;

	vec_reserve(&a->v, a->v.nr - old + n);
	memmove(a->v.data + i + n, a->v.data + i + old, behind * sizeof(*a->v.data));
	a->v.nr = a->v.nr - old + n;
	return a->v.data + i;
}

/* Cuts [start, end) out; returns where it was. */
static size_t cut(struct areas *a, uint64_t start, uint64_t end)
{
	size_t i = find_index(a, start), j = i;
	struct area left = { 0 }, right = { 0 }, *at;

	while (j < a->v.nr && a->v.data[j].start < end)
		j++;
	if (i == j)
		return i;
	if (a->v.data[i].start < start)
		left = (struct area){ a->v.data[i].start, start, a->v.data[i].prot };
	if (a->v.data[j - 1].end > end)
		right = (struct area){ end, a->v.data[j - 1].end, a->v.data[j - 1].prot };
	at = replace(a, i, j - i, (left.end > 0) + (right.end > 0));
	if (left.end) {
		*at++ = left;
		i++;
	}
	if (right.end)
		*at = right;
	return i;
}

static bool joins(const struct area *x, const struct area *y)
{
	return x->end == y->start && x->prot == y->prot;
}

void areas_set(struct areas *a, uint64_t start, uint64_t end, uint32_t prot)
{
	struct area new = { start, end, prot };
	size_t i;

	if (start >= end)
		return;
	i = cut(a, start, end);
	if (i > 0 && joins(&a->v.data[i - 1], &new)) {
		new.start = a->v.data[--i].start;
		replace(a, i, 1, 0);
	}
	if (i < a->v.nr && joins(&new, &a->v.data[i])) {
		new.end = a->v.data[i].end;
		replace(a, i, 1, 0);
	}
	*replace(a, i, 0, 1) = new;
}

void areas_clear(struct areas *a, uint64_t start, uint64_t end)
{
	if (start < end)
		cut(a, start, end);
}

struct area areas_guess(struct areas *a, uint64_t addr, uint32_t prot)
{
	struct area g = { addr & ~(AREAS_GUESS - 1), 0, prot };
	size_t i = find_index(a, addr);

	g.end = g.start + AREAS_GUESS;
	if (i > 0 && a->v.data[i - 1].end > g.start)
		g.start = a->v.data[i - 1].end;
	if (i < a->v.nr && a->v.data[i].start < g.end)
		g.end = a->v.data[i].start;
	return g;
}
