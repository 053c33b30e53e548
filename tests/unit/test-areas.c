/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas by address, against one byte a page. */
#include "support/test.h"

#include "base/rng.h"
#include "import/areas.h"

#define PAGES 512
#define PAGE 4096ull

static void same_as_a_byte_a_page(void **state)
{
	unsigned char page[PAGES] = { 0 };
	struct areas a = { 0 };
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	for (uint64_t op = 0; op < test_ops(100000); op++) {
		uint64_t start = rng_below(&rng, PAGES), end = start + 1 + rng_below(&rng, 24), probe = rng_below(&rng, PAGES);
		uint32_t prot = (uint32_t)rng_below(&rng, 4);
		const struct area *at;

		end = end < PAGES ? end : PAGES;
		if (prot)
			areas_set(&a, start * PAGE, end * PAGE, prot);
		else
			areas_clear(&a, start * PAGE, end * PAGE);
		memset(page + start, (int)prot, end - start);
		at = areas_find(&a, probe * PAGE + 5);
		assert_int_equal(at ? at->prot : 0, page[probe]);
		for (size_t i = 1; i < a.v.nr; i++) {
			const struct area *l = &a.v.data[i - 1], *r = &a.v.data[i];

			assert_true(l->end <= r->start);
			assert_true(l->end < r->start || l->prot != r->prot);
		}
	}
	areas_finish(&a);
}

static void a_guess_fits_between_neighbours(void **state)
{
	struct areas a = { 0 };
	struct area g;

	(void)state;
	g = areas_guess(&a, 5 * AREAS_GUESS + 77, 3);
	assert_int_equal(g.start, 5 * AREAS_GUESS);
	assert_int_equal(g.end, 6 * AREAS_GUESS);
	areas_set(&a, 5 * AREAS_GUESS - PAGE, 5 * AREAS_GUESS + PAGE, 1);
	areas_set(&a, 5 * AREAS_GUESS + 3 * PAGE, 5 * AREAS_GUESS + 4 * PAGE, 1);
	g = areas_guess(&a, 5 * AREAS_GUESS + 2 * PAGE, 3);
	assert_int_equal(g.start, 5 * AREAS_GUESS + PAGE);
	assert_int_equal(g.end, 5 * AREAS_GUESS + 3 * PAGE);
	areas_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_a_byte_a_page),
		cmocka_unit_test(a_guess_fits_between_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
