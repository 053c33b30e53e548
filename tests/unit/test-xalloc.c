/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory of the host: what is given out, how the process ends without it, pools. */
#include "support/test.h"

#include <stdbool.h>

#include "base/xalloc.h"
#include "support/dies.h"

static volatile size_t half = SIZE_MAX / 2 + 1;

static void calloc_overflow(void)
{
	free(xcalloc(half, 2));
}

static void realloc_overflow(void)
{
	free(xrealloc(NULL, half, 2));
}

static void aligned_overflow(void)
{
	free(xaligned_zalloc(4096, SIZE_MAX));
}

/* A real refusal of the system, where no sanitizer stands between. */
static void malloc_refused(void)
{
	setrlimit(RLIMIT_AS, &(struct rlimit){64 << 20, 64 << 20});
	free(xmalloc((size_t)1 << 30));
}

static void assert_ends_with_4(void (*fn)(void))
{
	char text[256];
	int status = run_in_child(fn, text, sizeof(text));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_non_null(strstr(text, "out of memory"));
}

static void running_out_is_a_message_and_4(void **state)
{
	(void)state;
	assert_ends_with_4(calloc_overflow);
	assert_ends_with_4(realloc_overflow);
	assert_ends_with_4(aligned_overflow);
#ifndef __SANITIZE_ADDRESS__
	assert_ends_with_4(malloc_refused);
#else
	(void)malloc_refused;
#endif
}

static void nothing_is_still_a_pointer(void **state)
{
	void *p;

	(void)state;
	free(xmalloc(0));
	free(xcalloc(0, 8));
	p = xrealloc(xmalloc(3), 0, 8);
	assert_non_null(p);
	free(p);
	free(xaligned_zalloc(64, 0));
}

static void contents_survive(void **state)
{
	char *s = xstrdup("page");
	uint64_t *z;

	(void)state;
	s = xrealloc(s, 1000, 1);
	assert_string_equal(s, "page");
	free(s);
	z = xcalloc(100, sizeof(*z));
	for (int i = 0; i < 100; i++)
		assert_int_equal(z[i], 0);
	free(z);
	z = xaligned_zalloc(4096, 5000);
	assert_int_equal((uintptr_t)z % 4096, 0);
	for (int i = 0; i < 5000 / 8; i++)
		assert_int_equal(z[i], 0);
	free(z);
}

struct thing {
	uint64_t words[5];
};

static bool is_zero(const struct thing *t)
{
	static const struct thing zero;

	return !memcmp(t, &zero, sizeof(zero));
}

static void pool_objects_are_zero_and_distinct(void **state)
{
	enum { NR = 20000 };
	static struct thing *things[NR];
	struct objpool pool;

	(void)state;
	objpool_init(&pool, sizeof(struct thing));
	for (int i = 0; i < NR; i++) {
		things[i] = objpool_get(&pool);
		assert_true(is_zero(things[i]));
		assert_int_equal((uintptr_t)things[i] % sizeof(void *), 0);
		memset(things[i], i & 0xff, sizeof(*things[i]));
	}
	assert_int_equal(pool.nr_live, NR);
	for (int i = 0; i < NR; i++)
		for (size_t b = 0; b < sizeof(struct thing); b++)
			assert_int_equal(((unsigned char *)things[i])[b], i & 0xff);
	objpool_finish(&pool);
	assert_int_equal(pool.nr_live, 0);
}

static void pool_uses_again_what_came_back(void **state)
{
	struct objpool pool;
	struct thing *a, *b, *c;

	(void)state;
	objpool_init(&pool, sizeof(struct thing));
	a = objpool_get(&pool);
	b = objpool_get(&pool);
	memset(a, 0xff, sizeof(*a));
	objpool_put(&pool, a);
	c = objpool_get(&pool);
	assert_ptr_equal(c, a);
	assert_true(is_zero(c));
	assert_int_equal(pool.nr_live, 2);
	objpool_put(&pool, b);
	objpool_put(&pool, c);
	assert_int_equal(pool.nr_live, 0);
	objpool_finish(&pool);
	/* A finished pool serves again. */
	assert_true(is_zero(objpool_get(&pool)));
	objpool_finish(&pool);
}

static void pool_takes_small_and_huge_objects(void **state)
{
	struct objpool small, huge;
	char *a, *b;

	(void)state;
	objpool_init(&small, 1);
	a = objpool_get(&small);
	b = objpool_get(&small);
	assert_true(b - a >= (ptrdiff_t)sizeof(void *) || a - b >= (ptrdiff_t)sizeof(void *));
	objpool_put(&small, a);
	assert_ptr_equal(objpool_get(&small), a);
	objpool_finish(&small);
	objpool_init(&huge, 1 << 20);
	a = objpool_get(&huge);
	a[(1 << 20) - 1] = 1;
	b = objpool_get(&huge);
	assert_int_equal(b[(1 << 20) - 1], 0);
	objpool_finish(&huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running_out_is_a_message_and_4),
		cmocka_unit_test(nothing_is_still_a_pointer),
		cmocka_unit_test(contents_survive),
		cmocka_unit_test(pool_objects_are_zero_and_distinct),
		cmocka_unit_test(pool_uses_again_what_came_back),
		cmocka_unit_test(pool_takes_small_and_huge_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
