/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Bits in arrays of 64-bit words, and the arithmetic of powers of two. */
#ifndef BASE_BITMAP_H
#define BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(nr) (((nr) + 63) / 64)

static inline bool bitmap_test(const uint64_t *map, size_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, size_t i)
{
	map[i / 64] |= 1ull << (i % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t i)
{
	map[i / 64] &= ~(1ull << (i % 64));
}

/* First set bit at or after `from`, `nr` when there is none. */
size_t bitmap_next(const uint64_t *map, size_t nr, size_t from);
size_t bitmap_count(const uint64_t *map, size_t nr);

/* floor(log2(x)), x > 0 */
static inline unsigned ilog2_u64(uint64_t x)
{
	return 63 - (unsigned)__builtin_clzll(x);
}

static inline bool is_pow2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static inline uint64_t align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

#endif
