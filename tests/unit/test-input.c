/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The window over the input: bytes in order whatever sizes they come in, short ends, errors. */
#include "support/test.h"
#include "support/trace-mem.h"

#include "trace/input.h"

static void bytes_come_in_order(void **state)
{
	uint8_t data[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t step = 1; step < 120; step += 13) {
		struct mem_file f = {.data = data, .len = sizeof(data), .step = step};
		struct input in;
		size_t at = 0;

		input_init(&in, mem_read, &f, 100);
		while (at < sizeof(data)) {
			size_t want = 1 + at % 100, left = sizeof(data) - at;
			int64_t have = input_need(&in, want);

			assert_true(have >= (int64_t)(want < left ? want : left));
			assert_memory_equal(input_at(&in), data + at, (size_t)have);
			input_skip(&in, want < left ? want : left);
			at += want < left ? want : left;
			assert_int_equal(in.offset, at);
		}
		assert_int_equal(input_need(&in, 1), 0);
		assert_int_equal(input_need(&in, 100), 0);
		input_finish(&in);
	}
}

static int64_t broken(void *ctx, void *buf, size_t size)
{
	(void)buf;
	return *(int *)ctx ? (int64_t)size + 1 : -EIO;
}

static void errors_are_handed_on(void **state)
{
	int too_much = 0;
	struct input in;

	(void)state;
	input_init(&in, broken, &too_much, 100);
	assert_int_equal(input_need(&in, 1), -EIO);
	too_much = 1;
	assert_int_equal(input_need(&in, 1), -EIO);
	input_finish(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_in_order),
		cmocka_unit_test(errors_are_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
