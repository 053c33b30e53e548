/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Searching and counting bits a word at a time. Bits at and after `nr` in the last word are
 * ignored.
 */
#include "base/bitmap.h"

size_t bitmap_next(const uint64_t *map, size_t nr, size_t from)
{
	size_t w = from / 64;
	uint64_t word;

	if (from >= nr)
		return nr;
	word = map[w] & ~0ull << (from % 64);
	while (!word) {
		if (++w >= BITMAP_WORDS(nr))
			return nr;
		word = map[w];
	}
	from = w * 64 + (size_t)__builtin_ctzll(word);
	return from < nr ? from : nr;
}

size_t bitmap_count(const uint64_t *map, size_t nr)
{
	size_t count = 0;

	for (size_t w = 0; w < nr / 64; w++)
		count += (size_t)__builtin_popcountll(map[w]);
	if (nr % 64)
		count += (size_t)__builtin_popcountll(map[nr / 64] & ~(~0ull << (nr % 64)));
	return count;
}
