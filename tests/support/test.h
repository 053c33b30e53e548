/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What every test includes: cmocka and the headers it wants before it, and the seed of random
 * tests.
 *
 *	MMR_SEED=7 MMR_OPS=100000 tests/model/model-rbtree
 *
 * runs a model test with another seed and length. The default seed is fixed: a test that fails,
 * fails again.
 */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline uint64_t test_env_u64(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

/* The seed of a random test, printed so that a failure can be repeated. */
static inline uint64_t test_seed(void)
{
	uint64_t seed = test_env_u64("MMR_SEED", 1);

	printf("seed %llu (MMR_SEED)\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

static inline uint64_t test_ops(uint64_t otherwise)
{
	return test_env_u64("MMR_OPS", otherwise);
}

#endif
