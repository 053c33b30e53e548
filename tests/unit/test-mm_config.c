/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The settings' rows: every member of the struct has one, and every default is a value that can be
 * given.
 */
#include "support/test.h"

#include "mm/mm_config.h"
#include "mm/mm_types.h"

static void test_every_member_has_one_row(void **state)
{
	const struct config_table *t = &mm_config_table;
	unsigned rows[sizeof(struct mm_config) / sizeof(uint64_t)] = {0};

	(void)state;
	for (size_t i = 0; i < t->nr; i++) {
		assert_int_equal(t->rows[i].offset % sizeof(uint64_t), 0);
		for (unsigned k = 0; k < config_nr_values(&t->rows[i]); k++)
			rows[t->rows[i].offset / sizeof(uint64_t) + k]++;
		assert_ptr_equal(config_find(t, t->rows[i].key), &t->rows[i]);
		assert_true(t->rows[i].help[0]);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(rows[i], 1);
}

static void test_defaults(void **state)
{
	struct mm_config conf;

	(void)state;
	config_defaults(&mm_config_table, &conf);
	assert_int_equal(conf.fault_around_bytes, 65536);
	assert_int_equal(conf.max_map_count, 65530);
	assert_int_equal(conf.thp_enabled, THP_MADVISE);
	assert_int_equal(conf.overcommit_memory, OVERCOMMIT_GUESS);
	assert_int_equal(conf.pcp, 1);
}

static void test_what_is_written_can_be_read(void **state)
{
	struct mm_config conf, again = {0};
	char buf[CONFIG_TEXT];

	(void)state;
	config_defaults(&mm_config_table, &conf);
	for (size_t i = 0; i < mm_config_table.nr; i++) {
		const struct config_row *row = &mm_config_table.rows[i];

		assert_int_equal(
			config_set(row, &again, config_format(row, &conf, buf, sizeof(buf)), NULL),
			0);
	}
	assert_memory_equal(&conf, &again, sizeof(conf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_member_has_one_row),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_what_is_written_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
