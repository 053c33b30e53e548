/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A pseudo-random order of the numbers below n, without a table: a Feistel network over the smallest power of four
 * that holds n, walked on until the result is below n ("cycle walking": Black and Rogaway, "Ciphers with Arbitrary Finite
 * Domains", CT-RSA 2002). Bijective for any n up to 2^62.
 */
#ifndef GEN_PERMUTE_H
#define GEN_PERMUTE_H

#include <stdint.h>

struct permute {
	uint64_t n;
	uint64_t key[4];
	unsigned half_bits;
};

/* n > 0 */
void permute_init(struct permute *p, uint64_t n, uint64_t seed);
/* The place of i < n: below n, and different for different i. */
uint64_t permute(const struct permute *p, uint64_t i);

#endif
