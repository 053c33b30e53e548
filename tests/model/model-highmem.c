/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * kmap() and kunmap() against a plain array of windows: random pages, some kept for long. A window holds the page
 * that was put there until a round flushes it; no page has two, none in use changes hands.
 */
#include "support/test.h"

#include "base/rng.h"
#include "mm/highmem.h"
#include "mm/memory.h"

#define LOWMEM_PFN	(896u << 20 >> 12)
#define PAGES		3000
#define WINDOWS		512

struct model {
	unsigned users[PAGES];
	int window[PAGES];	/* of a page, -1 none */
	int page[WINDOWS];	/* in a window, -1 none */
	unsigned at;		/* window that was given out last */
	uint64_t flushes;
};

static void model_round(struct model *m)
{
	unsigned taken = 0;

	for (unsigned w = 0; w < WINDOWS; w++)
		if (m->page[w] >= 0 && !m->users[m->page[w]]) {
			m->window[m->page[w]] = -1;
			m->page[w] = -1;
			taken++;
		}
	m->flushes += taken > 0;
}

/* The window that the page gets, -1: none is free. */
static int model_map(struct model *m, unsigned page)
{
	if (m->window[page] < 0) {
		for (unsigned i = 0; i <= 2 * WINDOWS; i++) {
			m->at = (m->at + 1) % WINDOWS;
			if (m->at == 0)
				model_round(m);
			if (m->page[m->at] < 0)
				break;
		}
		if (m->page[m->at] >= 0)
			return -1;
		m->page[m->at] = (int)page;
		m->window[page] = (int)m->at;
	}
	m->users[page]++;
	return m->window[page];
}

static void test_windows(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-32-pae"), 1, 2ull << 30);
	uint64_t nr = test_ops(1000000);
	struct model *m = calloc(1, sizeof(*m));
	struct rng rng;
	unsigned held[WINDOWS], nr_held = 0;

	(void)state;
	rng_seed(&rng, test_seed());
	for (unsigned i = 0; i < PAGES; i++)
		m->window[i] = -1;
	for (unsigned i = 0; i < WINDOWS; i++)
		m->page[i] = -1;
	for (uint64_t i = 0; i < nr; i++) {
		/* Short uses and long ones: up to nearly all windows are held at times. */
		unsigned most = 1 + (unsigned)(i / 1000 % (WINDOWS - 1));

		if (nr_held && (nr_held >= most || rng_below(&rng, 3) == 0)) {
			unsigned pick = (unsigned)rng_below(&rng, nr_held), page = held[pick];

			held[pick] = held[--nr_held];
			m->users[page]--;
			kunmap(mem, LOWMEM_PFN + page);
		} else {
			unsigned page = (unsigned)rng_below(&rng, PAGES);
			int window = model_map(m, page);

			assert_true(window >= 0);
			held[nr_held++] = page;
			assert_int_equal(kmap(mem, LOWMEM_PFN + page),
					 0xffa00000ull + (unsigned)window * 4096ull);
		}
		assert_int_equal(mem->vm_event[KMAP_FLUSH], m->flushes);
		if (i % 10000 == 0)
			assert_true(highmem_consistent(mem, NULL));
	}
	assert_true(m->flushes > 100);
	free(m);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_windows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
