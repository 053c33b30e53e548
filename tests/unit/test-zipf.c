/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Ranks by Zipf's law: against the probabilities of the definition, and the arithmetic against known values. */
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "gen/zipf.h"

/* Sum of (seen - expected)^2 / expected over ranks, those with few expected hits taken together. */
static double chi_square(uint64_t n, double theta, const uint64_t *seen, uint64_t draws, unsigned *ret_cells)
{
	double total = 0, chi = 0, rest = 0, rest_seen = 0;

	for (uint64_t k = 1; k <= n; k++)
		total += pow((double)k, -theta);
	*ret_cells = 0;
	for (uint64_t k = 1; k <= n; k++) {
		double want = (double)draws * pow((double)k, -theta) / total, got = (double)seen[k - 1];

		rest += want;
		rest_seen += got;
		if (rest < 20 && k < n)
			continue;
		chi += (rest_seen - rest) * (rest_seen - rest) / rest;
		rest = rest_seen = 0;
		(*ret_cells)++;
	}
	return chi;
}

static void ranks_come_as_often_as_the_law_says(void **state)
{
	static const struct {
		uint64_t n, theta_milli;
	} cases[] = { { 1, 1000 }, { 2, 1000 }, { 100, 0 }, { 1000, 500 }, { 1000, 990 }, { 4096, 1000 }, { 65536, 1100 },
		      { 500, 2500 }, { 300, 10000 } };
	const uint64_t draws = 400000;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t *seen = calloc(cases[i].n, sizeof(*seen));
		struct zipf z;
		struct rng rng;
		unsigned cells;
		double chi;

		rng_seed(&rng, 42 + i);
		zipf_init(&z, cases[i].n, cases[i].theta_milli);
		for (uint64_t d = 0; d < draws; d++) {
			uint64_t k = zipf_next(&z, &rng);

			assert_true(k < cases[i].n);
			seen[k]++;
		}
		chi = chi_square(cases[i].n, (double)cases[i].theta_milli / 1000, seen, draws, &cells);
		/* Mean and standard deviation of the distribution of chi: f and sqrt(2 f), f = cells - 1. */
		if (fabs(chi - (cells - 1)) > 5 * sqrt(2.0 * cells))
			fail_msg("n %u theta %u: chi-square %f for %u cells", (unsigned)cases[i].n,
				 (unsigned)cases[i].theta_milli, chi, cells);
		free(seen);
	}
}

static void logarithm_and_exponential_are_right(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1);
	for (int i = 0; i < 100000; i++) {
		double x = (double)(rng_u64(&rng) >> 11) / 9007199254740992.0;
		double big = x * 1e15 + 1e-9, e = (x - 0.5) * 100;

		assert_true(fabs(exact_log(big) - log(big)) <= 1e-14 * fabs(log(big)) + 1e-15);
		assert_true(fabs(exact_exp(e) - exp(e)) <= 1e-13 * exp(e));
	}
	assert_true(exact_log(1) == 0);
	assert_true(exact_exp(0) == 1);
}

/* Whoever changes the arithmetic changes every trace made before. */
static void the_same_seed_gives_these_ranks(void **state)
{
	static const uint64_t want[] = { 51, 22884, 5, 0, 0, 3, 461274, 254504 };
	struct zipf z;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	zipf_init(&z, 1u << 20, 990);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(zipf_next(&z, &rng), want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_come_as_often_as_the_law_says),
		cmocka_unit_test(logarithm_and_exponential_are_right),
		cmocka_unit_test(the_same_seed_gives_these_ranks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
