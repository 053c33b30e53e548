/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Seeded random numbers, the same everywhere: splitmix64 seeds xoshiro256** (Blackman and Vigna
 * 2018, prng.di.unimi.it, public domain).
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, n), n > 0, without bias. */
uint64_t rng_below(struct rng *rng, uint64_t n);

#endif
