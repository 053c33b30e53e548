/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Descriptors: shared offsets after dup and fork, closing, names relative to directories. */
#include "support/test.h"

#include <fcntl.h>

#include "base/xalloc.h"
#include "capture/fdtable.h"

static void test_share(void **state)
{
	struct fd_table t = {0}, child = {0};
	struct fd_file *f = fd_open(&t, 3);

	(void)state;
	f->file = 7;
	fd_dup(&t, 3, 10);
	fd_table_copy(&child, &t);
	fd_get(&t, 10)->offset = 100;
	assert_int_equal(fd_get(&t, 3)->offset, 100);
	assert_int_equal(fd_get(&child, 3)->offset, 100);
	fd_close(&t, 3);
	assert_null(fd_get(&t, 3));
	assert_int_equal(fd_get(&t, 10)->file, 7);
	/* Another open of the same number is another file description. */
	fd_open(&t, 10)->offset = 5;
	assert_int_equal(fd_get(&child, 10)->offset, 100);
	/* A copy of something unknown is unknown. */
	fd_dup(&t, 99, 10);
	assert_null(fd_get(&t, 10));
	fd_dup(&t, 50, 50);
	fd_table_finish(&t);
	assert_int_equal(fd_get(&child, 3)->file, 7);
	fd_table_finish(&child);
}

static void test_limits(void **state)
{
	struct fd_table t = {0};

	(void)state;
	assert_null(fd_open(&t, FD_MAX));
	assert_null(fd_open(&t, UINT64_MAX));
	assert_null(fd_get(&t, UINT64_MAX));
	fd_close(&t, UINT64_MAX);
	fd_table_finish(&t);
}

static void check_path(struct fd_table *t, uint64_t dirfd, const char *name, const char *want)
{
	char *path = fd_path(t, dirfd, name, strlen(name));

	if (want)
		assert_string_equal(path, want);
	else
		assert_null(path);
	free(path);
}

static void test_paths(void **state)
{
	struct fd_table t = {0};

	(void)state;
	check_path(&t, (uint32_t)AT_FDCWD, "/etc/x", "/etc/x");
	check_path(&t, (uint32_t)AT_FDCWD, "x", NULL);
	t.cwd = xstrdup("/home");
	check_path(&t, (uint32_t)AT_FDCWD, "x", "/home/x");
	check_path(&t, (uint64_t)AT_FDCWD, "x", "/home/x");
	check_path(&t, 4, "x", NULL);
	fd_open(&t, 4)->path = xstrdup("/dir");
	check_path(&t, 4, "x/y", "/dir/x/y");
	check_path(&t, 4, "", NULL);
	fd_table_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
