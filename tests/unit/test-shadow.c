/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What an MMAP2 record means, from the areas that were there before it. */
#include "support/test.h"

#include "capture/shadow.h"

#define R 1
#define W 3

static struct shadow_area area(uint64_t start, uint64_t end, uint64_t prot, uint32_t file,
			       uint64_t offset)
{
	return (struct shadow_area){
		.start = start, .end = end, .prot = prot, .file = file, .offset = offset};
}

static enum shadow_change change(struct shadow *s, struct shadow_area a)
{
	enum shadow_change c = shadow_classify(s, &a);

	shadow_set(s, &a);
	for (size_t i = 1; i < s->areas.nr; i++)
		assert_true(s->areas.data[i - 1].end <= s->areas.data[i].start);
	return c;
}

static void anonymous_areas(void **state)
{
	struct shadow s = {{0}};

	(void)state;
	assert_int_equal(change(&s, area(0x10, 0x20, W, 0, 0)), SHADOW_NEW);
	assert_int_equal(change(&s, area(0x08, 0x20, W, 0, 0)), SHADOW_GREW); /* merged downwards */
	assert_int_equal(change(&s, area(0x08, 0x28, W, 0, 0)), SHADOW_GREW);
	assert_int_equal(change(&s, area(0x08, 0x28, W, 0, 0)), SHADOW_NEW); /* the same again */
	assert_int_equal(change(&s, area(0x10, 0x14, R, 0, 0)),
			 SHADOW_PROTECTED); /* split in three */
	assert_int_equal(s.areas.nr, 3);
	assert_int_equal(change(&s, area(0x08, 0x28, W, 0, 0)),
			 SHADOW_PROTECTED); /* and merged again */
	assert_int_equal(s.areas.nr, 1);
	shadow_finish(&s);
}

static void areas_of_files(void **state)
{
	struct shadow s = {{0}};

	(void)state;
	assert_int_equal(change(&s, area(0x100, 0x200, R, 5, 0)), SHADOW_NEW);
	assert_int_equal(change(&s, area(0x140, 0x180, 5, 5, 0x40)), SHADOW_PROTECTED);
	/* Another place of the file, another file, anonymous memory: mapped over it. */
	assert_int_equal(change(&s, area(0x180, 0x190, R, 5, 0x30)), SHADOW_NEW);
	assert_int_equal(change(&s, area(0x190, 0x1a0, R, 6, 0x90)), SHADOW_NEW);
	assert_int_equal(change(&s, area(0x1a0, 0x1b0, W, 0, 0)), SHADOW_NEW);
	const struct shadow_area *a = shadow_find(&s, 0x1b0);

	assert_int_equal(a->start, 0x1b0);
	assert_int_equal(a->offset, 0xb0);
	assert_null(shadow_find(&s, 0x200));
	assert_null(shadow_find(&s, 0xff));
	shadow_finish(&s);
}

static void gaps_are_what_is_new(void **state)
{
	struct shadow s = {{0}};
	struct shadow_area x = area(0x20, 0x30, W, 0, 0), y = area(0x40, 0x50, W, 0, 0),
			   all = area(0x10, 0x60, W, 0, 0);
	const uint64_t want[] = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60};
	uint64_t start, end, from = 0;
	int i = 0;

	(void)state;
	shadow_set(&s, &x);
	shadow_set(&s, &y);
	assert_int_equal(shadow_classify(&s, &all), SHADOW_GREW);
	for (; shadow_gap(&s, &all, from, &start, &end); from = end, i += 2) {
		assert_int_equal(start, want[i]);
		assert_int_equal(end, want[i + 1]);
	}
	assert_int_equal(i, 6);
	shadow_finish(&s);
}

static void a_copy_is_its_own(void **state)
{
	struct shadow s = {{0}}, t = {{0}};
	struct shadow_area x = area(0x20, 0x30, W, 0, 0), y = area(0x28, 0x30, R, 0, 0);

	(void)state;
	shadow_set(&s, &x);
	shadow_copy(&t, &s);
	shadow_set(&t, &y);
	assert_int_equal(shadow_find(&s, 0x28)->prot, W);
	assert_int_equal(shadow_find(&t, 0x28)->prot, R);
	shadow_clear(&t);
	assert_null(shadow_find(&t, 0x28));
	shadow_finish(&s);
	shadow_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_areas),
		cmocka_unit_test(areas_of_files),
		cmocka_unit_test(gaps_are_what_is_new),
		cmocka_unit_test(a_copy_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
