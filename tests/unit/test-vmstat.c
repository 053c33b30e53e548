/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The tables of counters are complete, and no key is given twice. */
#include "support/test.h"

#include <ctype.h>

#include "mm/vmstat.h"

static const char *key_of(unsigned i)
{
	if (i < NR_VM_ZONE_STAT_ITEMS)
		return zone_stat_info[i].key;
	i -= NR_VM_ZONE_STAT_ITEMS;
	if (i < NR_VM_NODE_STAT_ITEMS)
		return node_stat_info[i].key;
	return vm_event_info[i - NR_VM_NODE_STAT_ITEMS].key;
}

#define NR_ALL (NR_VM_ZONE_STAT_ITEMS + NR_VM_NODE_STAT_ITEMS + NR_VM_EVENT_ITEMS)

static void test_keys_are_distinct_identifiers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_ALL; i++) {
		assert_non_null(key_of(i));
		for (const char *c = key_of(i); *c; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '_');
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(key_of(i), key_of(j));
	}
}

static void test_rows_stand_at_their_numbers(void **state)
{
	(void)state;
	assert_string_equal(zone_stat_info[NUMA_FOREIGN].key, "numa_foreign");
	assert_string_equal(node_stat_info[NR_PAGETABLE].key, "nr_page_table_pages");
	assert_string_equal(vm_event_info[PGFAULT].key, "pgfault");
	assert_true(vm_event_info[PGFAULT].is_kernel);
	assert_false(vm_event_info[ZONE_LOCK].is_kernel);
	for (unsigned i = 0; i < NR_VM_EVENT_ITEMS; i++)
		assert_true(vm_event_info[i].unit[0] && vm_event_info[i].meaning[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_distinct_identifiers),
		cmocka_unit_test(test_rows_stand_at_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
