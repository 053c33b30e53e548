/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Native places of mappings. The addresses expected are those that Linux 6.18 gave to a program that made
 * the same calls with randomisation off (mmap base 0x7ffff7fff000, vdso of 0x8000 bytes).
 */
#include "support/test.h"

#include <sys/mman.h>

#include "capture/layout.h"

#define BASE	0x7ffff7fff000ull
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static uint64_t anon(struct layout *l, uint64_t tool, uint64_t len)
{
	struct layout_request req = { .tool = tool, .len = len, .flags = ANON };

	return layout_mmap(l, &req);
}

static void start(struct layout *l)
{
	layout_init(l, true, BASE);
	assert_int_equal(layout_reserve(l, 0x8000), 0x7ffff7ff7000);
}

static void test_top_down(void **state)
{
	struct layout l;

	(void)state;
	start(&l);
	assert_int_equal(anon(&l, 0x4800000, 303104), 0x7ffff7fad000);
	assert_int_equal(anon(&l, 0x484a000, 1 << 20), 0x7ffff7ead000);
	/* A hole is filled where the length fits, the highest first. */
	layout_unmap(&l, 0x4800000, 303104);
	assert_int_equal(anon(&l, 0x5000000, 4096), 0x7ffff7ff6000);
	assert_int_equal(anon(&l, 0x5001000, 400000), 0x7ffff7e4b000);
	layout_finish(&l);
}

/* Whole PMDs of anonymous memory line up with huge pages; other lengths do not. */
static void test_huge(void **state)
{
	struct layout l;

	(void)state;
	start(&l);
	assert_int_equal(anon(&l, 0x4800000, 4 << 20), 0x7ffff7a00000);
	assert_int_equal(anon(&l, 0x4c00000, (4 << 20) + 4096), 0x7ffff75ff000);
	layout_finish(&l);
}

static void test_translate(void **state)
{
	struct layout l, copy;
	uint64_t a, b, pos, native, len;

	(void)state;
	start(&l);
	a = anon(&l, 0x4800000, 0x3000);
	b = anon(&l, 0x4803000, 0x2000);
	assert_int_equal(layout_native(&l, 0x4801234), a + 0x1234);
	assert_int_equal(layout_native(&l, 0x4804fff), b + 0x1fff);
	assert_int_equal(layout_native(&l, 0x4805000), LAYOUT_NONE);
	assert_int_equal(layout_native(&l, 0x47fffff), LAYOUT_NONE);
	/* Neighbours for the tool, in reverse order natively: two pieces */
	pos = 0x4802000;
	assert_true(layout_piece(&l, &pos, 0x4900000, &native, &len));
	assert_int_equal(native, a + 0x2000);
	assert_int_equal(len, 0x1000);
	assert_true(layout_piece(&l, &pos, 0x4900000, &native, &len));
	assert_int_equal(native, b);
	assert_int_equal(len, 0x2000);
	assert_false(layout_piece(&l, &pos, 0x4900000, &native, &len));
	/* An empty range has no piece. */
	pos = 0x4801000;
	assert_false(layout_piece(&l, &pos, 0x4801000, &native, &len));
	layout_copy(&copy, &l);
	layout_unmap(&l, 0x4801000, 0x1000);
	assert_int_equal(layout_native(&l, 0x4801000), LAYOUT_NONE);
	assert_int_equal(layout_native(&l, 0x4802000), a + 0x2000);
	assert_int_equal(layout_native(&copy, 0x4801000), a + 0x1000);
	layout_finish(&copy);
	layout_finish(&l);
}

static void test_fixed_and_hints(void **state)
{
	struct layout l;
	struct layout_request req = { .hint = 0x4801000, .tool = 0x4801000, .len = 0x1000,
				      .flags = ANON | MAP_FIXED };
	uint64_t a;

	(void)state;
	start(&l);
	a = anon(&l, 0x4800000, 0x10000);
	/* Over what is there: the same place natively */
	assert_int_equal(layout_mmap(&l, &req), a + 0x1000);
	/* Behind an area: behind it natively, which is taken here (the vdso) */
	req = (struct layout_request){ .hint = 0x4810000, .tool = 0x4810000, .len = 0x1000, .flags = ANON };
	assert_int_equal(layout_mmap(&l, &req), a - 0x1000);
	/* An address of the program's own choice that is free */
	req = (struct layout_request){ .hint = 0xc000000000, .tool = 0xc000000000, .len = 0x4000000,
				       .flags = ANON };
	assert_int_equal(layout_mmap(&l, &req), 0xc000000000);
	req = (struct layout_request){ .tool = 0x4900000, .len = 0x1000, .flags = ANON | MAP_32BIT };
	assert_int_equal(layout_mmap(&l, &req), 0x40000000);
	layout_finish(&l);
}

static void test_mremap(void **state)
{
	struct layout l;
	uint64_t a, b;

	(void)state;
	start(&l);
	a = anon(&l, 0x4800000, 0x4000);
	b = anon(&l, 0x4900000, 0x4000);
	/* The tool grows in place; natively `a` is in the way, and the area moves. */
	assert_int_equal(layout_mremap(&l, 0x4900000, 0x4000, 0x6000, MREMAP_MAYMOVE, 0x4900000), b - 0x6000);
	assert_int_equal(layout_native(&l, 0x4905000), b - 0x1000);
	/* Shrinking stays. */
	assert_int_equal(layout_mremap(&l, 0x4800000, 0x4000, 0x1000, 0, 0x4800000), a);
	assert_int_equal(layout_native(&l, 0x4801000), LAYOUT_NONE);
	/* The tool moves; natively there is room behind. */
	assert_int_equal(layout_mremap(&l, 0x4800000, 0x1000, 0x3000, MREMAP_MAYMOVE, 0x5000000), a);
	assert_int_equal(layout_native(&l, 0x5002000), a + 0x2000);
	assert_int_equal(layout_native(&l, 0x4800000), LAYOUT_NONE);
	assert_int_equal(layout_mremap(&l, 0x9000000, 0x1000, 0x3000, 0, 0x9000000), LAYOUT_NONE);
	layout_finish(&l);
}

/* Without moving, every address is its own. */
static void test_tool(void **state)
{
	struct layout l;

	(void)state;
	layout_init(&l, false, BASE);
	assert_int_equal(anon(&l, 0x4800000, 0x4000), 0x4800000);
	assert_int_equal(layout_mremap(&l, 0x4800000, 0x4000, 0x8000, MREMAP_MAYMOVE, 0x5000000), 0x5000000);
	assert_int_equal(layout_native(&l, 0x5004000), 0x5004000);
	layout_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top_down),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_translate),
		cmocka_unit_test(test_fixed_and_hints),
		cmocka_unit_test(test_mremap),
		cmocka_unit_test(test_tool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
