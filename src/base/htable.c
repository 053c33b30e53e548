/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Open addressing with linear probing. A chain is the run of used slots from a key's home slot;
 * deletion moves later members of the chain back, so that there are no tombstones and a lookup
 * that misses ends at the first free slot.
 */
#include "base/htable.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"

#define FIRST_SLOTS 16
/*
 * Longest chance chain: at 3/4 full an insertion passes 8.5 slots on average, and the longest way
 * among 10^8 random keys is near 500.
 */
#define CHAIN_LIMIT 1024

uint64_t hash_u64(uint64_t x)
{
	return htable_hash(x, 0);
}

void htable_init(struct htable *h)
{
	*h = (struct htable){0};
}

void htable_finish(struct htable *h)
{
	free(h->slots);
	*h = (struct htable){0};
}

/* The slot of `key`, or the free slot where it belongs. The table has slots. */
static size_t find_slot(const struct htable *h, uint64_t key)
{
	size_t i = htable_hash(key, h->seed) & h->mask;

	while (h->slots[i].value && h->slots[i].key != key)
		i = (i + 1) & h->mask;
	return i;
}

static __attribute__((noinline)) void resize(struct htable *h, size_t nr_slots, bool reseed)
{
	struct htable_slot *old = h->slots;
	size_t old_slots = old ? h->mask + 1 : 0;

	h->slots = xcalloc(nr_slots, sizeof(*h->slots));
	h->mask = nr_slots - 1;
	if (reseed)
		h->seed = hash_u64((uintptr_t)h->slots) | 1;
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].value)
			h->slots[find_slot(h, old[i].key)] = old[i];
	free(old);
}

static inline bool chain_is_long(const struct htable *h, uint64_t key, size_t slot)
{
	return ((slot - htable_hash(key, h->seed)) & h->mask) > CHAIN_LIMIT;
}

void htable_set(struct htable *h, uint64_t key, uint64_t value)
{
	size_t i;

	BUG_ON(value == UINT64_MAX);
	if (unlikely(!h->slots))
		resize(h, FIRST_SLOTS, false);
	i = find_slot(h, key);
	if (!h->slots[i].value) {
		if (unlikely((h->nr + 1) * 4 > (h->mask + 1) * 3)) {
			resize(h, (h->mask + 1) * 2, false);
			i = find_slot(h, key);
		}
		/* Once a table: should that not help, slow is better than rehashing for ever. */
		if (unlikely(chain_is_long(h, key, i)) && !h->seed) {
			resize(h, h->mask + 1, true);
			i = find_slot(h, key);
		}
		h->slots[i].key = key;
		h->nr++;
	}
	h->slots[i].value = value + 1;
}

bool htable_del(struct htable *h, uint64_t key)
{
	size_t hole, i, home;

	if (h->nr == 0)
		return false;
	hole = find_slot(h, key);
	if (!h->slots[hole].value)
		return false;
	for (i = (hole + 1) & h->mask; h->slots[i].value; i = (i + 1) & h->mask) {
		home = htable_hash(h->slots[i].key, h->seed) & h->mask;
		/* It may move back into the hole unless its home lies after the hole. */
		if (((i - home) & h->mask) >= ((i - hole) & h->mask)) {
			h->slots[hole] = h->slots[i];
			hole = i;
		}
	}
	h->slots[hole].value = 0;
	h->nr--;
	return true;
}

void *htable_get_ptr(const struct htable *h, uint64_t key)
{
	uint64_t value;

	return htable_get(h, key, &value) ? (void *)(uintptr_t)value : NULL;
}

void htable_set_ptr(struct htable *h, uint64_t key, void *p)
{
	htable_set(h, key, (uint64_t)(uintptr_t)p);
}

bool htable_next(const struct htable *h, size_t *pos, uint64_t *ret_key, uint64_t *ret_value)
{
	if (!h->slots)
		return false;
	for (size_t i = *pos; i <= h->mask; i++) {
		if (!h->slots[i].value)
			continue;
		*ret_key = h->slots[i].key;
		*ret_value = h->slots[i].value - 1;
		*pos = i + 1;
		return true;
	}
	*pos = h->mask + 1;
	return false;
}
