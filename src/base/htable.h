/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Hash table from a 64-bit key to a 64-bit value: open addressing, linear probing, backward-shift
 * deletion, at most 3/4 full, a power of two of slots. The order of slots never reaches a result:
 * who needs an order collects the keys and sorts them.
 *
 * Keys may come from a hostile trace that makes them collide. A chain longer than any that chance
 * makes gives the table a seed that no trace can know (the address of its slots), so an attack
 * costs it one rehash.
 */
#ifndef BASE_HTABLE_H
#define BASE_HTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bug.h"

struct htable_slot {
	uint64_t key;
	uint64_t value;		/* as the caller gave it, + 1: 0 marks a free slot */
};

struct htable {
	struct htable_slot *slots;	/* NULL while empty */
	size_t mask;			/* slots - 1 */
	size_t nr;
	uint64_t seed;			/* 0 until a chain grew too long */
};

void htable_init(struct htable *h);
void htable_finish(struct htable *h);
/* False when absent, *ret_value is untouched then. */
static inline bool htable_get(const struct htable *h, uint64_t key, uint64_t *ret_value);
/* Adds or replaces. value < UINT64_MAX. */
void htable_set(struct htable *h, uint64_t key, uint64_t value);
bool htable_del(struct htable *h, uint64_t key);
void *htable_get_ptr(const struct htable *h, uint64_t key);	/* NULL when absent */
void htable_set_ptr(struct htable *h, uint64_t key, void *p);
/* Iteration in no stated order: *pos starts at 0; false at the end. */
bool htable_next(const struct htable *h, size_t *pos, uint64_t *ret_key, uint64_t *ret_value);
uint64_t hash_u64(uint64_t x);

/* Both halves of the product folded: every bit of x reaches the low bits. */
static inline uint64_t htable_fold(uint64_t x, uint64_t factor)
{
	unsigned __int128 product = (unsigned __int128)x * factor;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Times 2^64 / golden ratio. With a seed a second round follows: keys chosen to collide in the
 * first one differ in its other bits, and only those who know the seed could choose them to collide
 * after the second.
 */
static inline uint64_t htable_hash(uint64_t key, uint64_t seed)
{
	uint64_t hash = htable_fold(key, 0x9e3779b97f4a7c15ull);

	return unlikely(seed) ? htable_fold(hash ^ seed, 0xd6e8feb86659fd93ull) : hash;
}

static inline bool htable_get(const struct htable *h, uint64_t key, uint64_t *ret_value)
{
	const struct htable_slot *slot;

	if (h->nr == 0)
		return false;
	for (size_t i = htable_hash(key, h->seed) & h->mask;; i = (i + 1) & h->mask) {
		slot = &h->slots[i];
		if (!slot->value)
			return false;
		if (slot->key == key)
			break;
	}
	*ret_value = slot->value - 1;
	return true;
}

#endif
