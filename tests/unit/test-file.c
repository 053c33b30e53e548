/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Files read whole: what comes back, and each way that it does not. */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static void put(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void test_files(void **state)
{
	char path[] = "/tmp/mmreplay-file-XXXXXX", *text = NULL;
	struct mmr_error err;
	size_t len = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	put(path, "", 0);
	assert_int_equal(file_read_all(path, 10, &text, &len, &err), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	/* zero bytes are bytes; exactly the limit is allowed */
	put(path, "ab\0cdefghi", 10);
	assert_int_equal(file_read_all(path, 10, &text, &len, &err), 0);
	assert_int_equal(len, 10);
	assert_memory_equal(text, "ab\0cdefghi", 11);
	free(text);
	assert_int_equal(file_read_all(path, 9, &text, &len, &err), -EINVAL);
	assert_non_null(strstr(err.text, "larger than 9 bytes"));
	unlink(path);
	assert_int_equal(file_read_all(path, 9, &text, &len, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(file_read_all("/tmp", 9, &text, &len, NULL), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
