/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Kinds of events: the table, look-up by number and by name, the union of struct mmr_event. */
#include "support/test.h"

#include <mmreplay/trace.h>

static void the_rows_are_in_order_of_their_numbers(void **state)
{
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	(void)state;
	assert_true(nr >= 60);
	for (size_t i = 0; i < nr; i++) {
		assert_ptr_equal(mmr_kind_info(kinds[i].kind), &kinds[i]);
		assert_true(!i || kinds[i].kind > kinds[i - 1].kind);
	}
}

static void every_field_has_a_name_and_a_place(void **state)
{
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	(void)state;
	for (size_t i = 0; i < nr; i++) {
		assert_in_range(kinds[i].nr_fields, 1, MMR_MAX_ARGS);
		for (unsigned f = 0; f < kinds[i].nr_fields; f++) {
			assert_true(kinds[i].fields[f].name[0]);
			assert_int_equal(mmr_field_index(kinds[i].kind, kinds[i].fields[f].name), f);
		}
	}
}

static void what_does_not_exist_is_not_found(void **state)
{
	(void)state;
	assert_null(mmr_kind_info(0));
	assert_null(mmr_kind_info(8));
	assert_null(mmr_kind_info(127));
	assert_null(mmr_kind_info(128));
	assert_null(mmr_kind_info(UINT32_MAX));
	assert_int_equal(mmr_field_index(MMR_MUNMAP, "prot"), -1);
	assert_int_equal(mmr_field_index(0, "addr"), -1);
}

static void names_and_numbers_of_fields_are_the_same_storage(void **state)
{
	struct mmr_event ev = {.kind = MMR_MMAP};

	(void)state;
	ev.MMAP.offset = 7;
	assert_int_equal(ev.arg[mmr_field_index(MMR_MMAP, "offset")], 7);
	ev.arg[mmr_field_index(MMR_SAMPLE, "period")] = 9;
	assert_int_equal(ev.SAMPLE.period, 9);
	assert_int_equal(mmr_kind_info(MMR_SAMPLE)->nr_fields, 9);
	assert_int_equal(mmr_kind_info(MMR_FAULT)->fields[0].enc, MMR_ENC_ADDR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rows_are_in_order_of_their_numbers),
		cmocka_unit_test(every_field_has_a_name_and_a_place),
		cmocka_unit_test(what_does_not_exist_is_not_found),
		cmocka_unit_test(names_and_numbers_of_fields_are_the_same_storage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
