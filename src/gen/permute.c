/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A pseudo-random order of numbers: see permute.h. */
#include "gen/permute.h"

#include "base/bug.h"
#include "base/rng.h"

void permute_init(struct permute *p, uint64_t n, uint64_t seed)
{
	struct rng rng;

	BUG_ON(!n || n > 1ull << 62);
	*p = (struct permute){ .n = n, .half_bits = 1 };
	while (1ull << 2 * p->half_bits < n)
		p->half_bits++;
	rng_seed(&rng, seed);
	for (unsigned i = 0; i < 4; i++)
		p->key[i] = rng_u64(&rng);
}

/* One mixing of a half with a round's key: the multiplications and shifts of splitmix64. */
static uint64_t mix(uint64_t x, uint64_t key)
{
	x = (x + key) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 29) * 0x94d049bb133111ebull;
	return x ^ x >> 32;
}

uint64_t permute(const struct permute *p, uint64_t i)
{
	uint64_t mask = (1ull << p->half_bits) - 1;

	VM_BUG_ON(i >= p->n);
	do {
		uint64_t left = i >> p->half_bits, right = i & mask;

		for (unsigned round = 0; round < 4; round++) {
			uint64_t next = left ^ (mix(right, p->key[round]) & mask);

			left = right;
			right = next;
		}
		i = left << p->half_bits | right;
	} while (i >= p->n);
	return i;
}
