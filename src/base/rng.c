/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random numbers, the same on every machine: splitmix64 spreads the seed, xoshiro256** runs
 * (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018). Ranges without
 * bias by Lemire's multiply-and-reject ("Fast random integer generation in an interval", 2019).
 */
#include "base/rng.h"

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

void rng_seed(struct rng *rng, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		rng->s[i] = splitmix64(&seed);
}

uint64_t rng_u64(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	unsigned __int128 m = (unsigned __int128)rng_u64(rng) * n;

	if ((uint64_t)m < n) {
		uint64_t reject = -n % n;	/* 2^64 mod n */

		while ((uint64_t)m < reject)
			m = (unsigned __int128)rng_u64(rng) * n;
	}
	return (uint64_t)(m >> 64);
}
