/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Growing arrays. */
#include "support/test.h"

#include "base/vec.h"

static void push_keeps_what_is_there(void **state)
{
	VEC(uint32_t) v = {0};

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		*vec_push(&v) = i * 3;
	assert_int_equal(v.nr, 100000);
	assert_true(v.cap >= v.nr && v.cap < 3 * v.nr);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(v.data[i], i * 3);
	vec_finish(&v);
	assert_null(v.data);
	assert_int_equal(v.cap, 0);
}

static void reserve_and_clear(void **state)
{
	VEC(char) v = {0};
	char *data;

	(void)state;
	vec_reserve(&v, 77);
	assert_true(v.cap >= 77);
	data = v.data;
	for (int i = 0; i < 77; i++)
		*vec_push(&v) = 'x';
	assert_ptr_equal(v.data, data);
	vec_clear(&v);
	assert_int_equal(v.nr, 0);
	assert_ptr_equal(v.data, data);
	vec_finish(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(push_keeps_what_is_there),
		cmocka_unit_test(reserve_and_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
