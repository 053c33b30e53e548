/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Growing strings. */
#include "support/test.h"

#include "base/strbuf.h"

static void additions_join(void **state)
{
	struct strbuf sb = {0};

	(void)state;
	strbuf_addstr(&sb, "pg");
	strbuf_addf(&sb, "%s=%d", "fault", 42);
	strbuf_add(&sb, "\0x", 2);
	assert_int_equal(sb.len, 12);
	assert_memory_equal(sb.s, "pgfault=42\0x", 13);
	strbuf_finish(&sb);
	assert_null(sb.s);
	assert_int_equal(sb.len, 0);
}

static void empty_additions_terminate(void **state)
{
	struct strbuf sb = {0};

	(void)state;
	strbuf_clear(&sb);
	assert_null(sb.s);
	strbuf_addstr(&sb, "");
	assert_string_equal(sb.s, "");
	strbuf_clear(&sb);
	strbuf_addf(&sb, "%s", "");
	assert_string_equal(sb.s, "");
	strbuf_finish(&sb);
}

/* Every length around the growth steps, against a plain array. */
static void growth_loses_nothing(void **state)
{
	struct strbuf sb = {0};
	static char model[600000];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		strbuf_addf(&sb, "%0*d,", i % 500 + 1, i);
		len += (size_t)snprintf(model + len, sizeof(model) - len, "%0*d,", i % 500 + 1, i);
		assert_int_equal(sb.len, len);
	}
	assert_string_equal(sb.s, model);
	strbuf_clear(&sb);
	assert_string_equal(sb.s, "");
	strbuf_addstr(&sb, "again");
	assert_string_equal(sb.s, "again");
	strbuf_finish(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(additions_join),
		cmocka_unit_test(empty_additions_terminate),
		cmocka_unit_test(growth_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
