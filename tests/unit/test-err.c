/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The text of errors. */
#include "support/test.h"

#include <errno.h>

#include "base/err.h"

static void set_writes_text_and_returns_errno(void **state)
{
	struct mmr_error err = {.offset = 7};

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "unknown key '%s'", "foo"), -EINVAL);
	assert_string_equal(err.text, "unknown key 'foo'");
	assert_int_equal(err.offset, 7);
}

static void null_is_welcome(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -ENOENT, "x"), -ENOENT);
	assert_int_equal(err_prefix(NULL, -ENOENT, "x"), -ENOENT);
}

static void prefix_goes_before_the_text(void **state)
{
	struct mmr_error err;

	(void)state;
	err_set(&err, -EIO, "read failed");
	assert_int_equal(err_prefix(&err, -EIO, "block %d", 3), -EIO);
	assert_string_equal(err.text, "block 3: read failed");
}

static void long_texts_end_where_the_buffer_does(void **state)
{
	struct mmr_error err;
	char big[1000];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&err, -EIO, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, -EIO, "p");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "p: aaaa", 7);
	err_prefix(&err, -EIO, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_writes_text_and_returns_errno),
		cmocka_unit_test(null_is_welcome),
		cmocka_unit_test(prefix_goes_before_the_text),
		cmocka_unit_test(long_texts_end_where_the_buffer_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
