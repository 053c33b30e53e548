/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Settings: defaults, every type both ways, refusals that name key and value. */
#include "support/test.h"

#include <errno.h>

#include "base/bug.h"
#include "base/config.h"

struct knobs {
	uint64_t before, flag, count, bytes, ns, mode, nodes, ratio[3], weights[8], areas[CONFIG_MAX_AREAS], skew, after;
};

static const char *const modes[] = {"heuristic", "always", "never", NULL};

static const char *const ratios[] = {"DMA", "NORMAL", "MOVABLE", NULL};

static const struct config_row rows[] = {
	{"a.flag", CONFIG_BOOL, offsetof(struct knobs, flag), "on", 0, 0, NULL, "a flag"},
	{"a.count", CONFIG_UINT, offsetof(struct knobs, count), "60", 0, 200, NULL, "a count"},
	{"a.bytes", CONFIG_SIZE, offsetof(struct knobs, bytes), "2M", 4096, 1ull << 40, NULL,
	 "a size"},
	{"a.ns", CONFIG_TIME, offsetof(struct knobs, ns), "10ms", 0, UINT64_MAX, NULL, "a time"},
	{"a.mode", CONFIG_CHOICE, offsetof(struct knobs, mode), "always", 0, 0, modes, "a choice"},
	{"a.nodes", CONFIG_NODES, offsetof(struct knobs, nodes), "none", 0, 0, NULL, "nodes"},
	{"a.ratio", CONFIG_LIST, offsetof(struct knobs, ratio), "256,32,0", 0, 1000, ratios,
	 "a list"},
	{"a.weights", CONFIG_WEIGHTS, offsetof(struct knobs, weights), "3,1", 0, 0, NULL, "weights"},
	{"a.areas", CONFIG_AREAS, offsetof(struct knobs, areas), "none", 64 << 10, 1ull << 40, modes, "areas"},
	{"a.skew", CONFIG_DECIMAL, offsetof(struct knobs, skew), "1.05", 0, 10000, NULL, "a decimal"},
};
static const struct config_table table = {"a", rows, ARRAY_SIZE(rows)};

static void defaults_fill_every_row_and_nothing_else(void **state)
{
	struct knobs k = {.before = 111, .after = 222};

	(void)state;
	config_defaults(&table, &k);
	assert_int_equal(k.before, 111);
	assert_int_equal(k.flag, 1);
	assert_int_equal(k.count, 60);
	assert_int_equal(k.bytes, 2 << 20);
	assert_int_equal(k.ns, 10000000);
	assert_int_equal(k.mode, 1);
	assert_int_equal(k.nodes, 0);
	assert_int_equal(k.ratio[0], 256);
	assert_int_equal(k.ratio[2], 0);
	assert_int_equal(k.weights[0], 0x103);
	assert_int_equal(k.weights[7], 0);
	assert_int_equal(k.after, 222);
}

static void values_come_back_as_text_that_can_be_set(void **state)
{
	static const char *const texts[][3] = {
		{"a.flag", "off", "off"}, {"a.flag", "1", "on"}, {"a.flag", "yes", "on"},
		{"a.count", "0", "0"}, {"a.count", "0xc8", "200"}, {"a.bytes", "4K", "4K"},
		{"a.bytes", "1048576K", "1G"}, {"a.ns", "1.5s", "1500ms"}, {"a.ns", "0", "0"},
		{"a.ns", "1234", "1234ns"}, {"a.mode", "never", "never"},
		{"a.nodes", "0", "0"}, {"a.nodes", "5,0-2,63", "0-2,5,63"},
		{"a.weights", "none", "none"}, {"a.weights", "0,0,255,0", "0,0,255"},
		{"a.nodes", "none", "none"}, {"a.ratio", "1\t2\t3", "1,2,3"},
		{"a.ratio", "1,2,1000", "1,2,1000"},
		{"a.areas", "none", "none"}, {"a.areas", "1024M", "1G::heuristic"},
		{"a.areas", "64K:0:never,2G::always,1T:32767", "64K:0:never,2G::always,1T:32767:heuristic"},
	};
	struct knobs k, again;
	char buf[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct config_row *row = config_find(&table, texts[i][0]);

		config_defaults(&table, &k);
		assert_int_equal(config_set(row, &k, texts[i][1], NULL), 0);
		assert_string_equal(config_format(row, &k, buf, sizeof(buf)), texts[i][2]);
		config_defaults(&table, &again);
		assert_int_equal(config_set(row, &again, buf, NULL), 0);
		assert_memory_equal(&k.flag, &again.flag, sizeof(k) - 2 * sizeof(k.before));
	}
}

static void refusals_name_key_and_value(void **state)
{
	static const struct {
		const char *key, *value, *also;
		int errnum;
	} bad[] = {
		{"a.flag", "maybe", "on or off", -EINVAL},
		{"a.count", "201", "0 to 200", -ERANGE},
		{"a.count", "many", "not a number", -EINVAL},
		{"a.bytes", "1K", "4K to 1T", -ERANGE},
		{"a.bytes", "12Q", "unknown unit", -EINVAL},
		{"a.ns", "soon", "not a time", -EINVAL},
		{"a.mode", "sometimes", "heuristic, always, never", -EINVAL},
		{"a.mode", "", "heuristic, always, never", -EINVAL},
		{"a.weights", "", "0 to 255", -EINVAL},
		{"a.weights", "1,", "0 to 255", -EINVAL},
		{"a.weights", "256", "0 to 255", -EINVAL},
		{"a.weights", "-1", "0 to 255", -EINVAL},
		{"a.nodes", "", "0,2-3", -EINVAL},
		{"a.nodes", "64", "0,2-3", -EINVAL},
		{"a.nodes", "3-2", "0,2-3", -EINVAL},
		{"a.nodes", "1,,2", "0,2-3", -EINVAL},
		{"a.nodes", "1x", "0,2-3", -EINVAL},
		{"a.skew", "10.001", "0 to 10", -ERANGE},
		{"a.skew", "1.0005", "three decimal places", -EINVAL},
		{"a.skew", ".", "three decimal places", -EINVAL},
		{"a.skew", "-1", "three decimal places", -EINVAL},
		{"a.areas", "", "SIZE[:PRIORITY", -EINVAL},
		{"a.areas", "1G,", "SIZE[:PRIORITY", -EINVAL},
		{"a.areas", "32K", "size of '32K'", -EINVAL},
		{"a.areas", "1G:32768", "32768 is more than", -EINVAL},
		{"a.areas", "1G:1:sometimes", "heuristic, always, never", -EINVAL},
		{"a.areas", "1M,1M,1M,1M,1M,1M,1M,1M,1M", "up to 8", -EINVAL},
		{"a.ratio", "1,2", "3 numbers", -EINVAL},
		{"a.ratio", "1,2,3,4", "3 numbers", -EINVAL},
		{"a.ratio", "1,1001,2", "0 to 1000", -ERANGE},
		{"a.ratio", "1,two,3", "not a number", -EINVAL},
	};
	struct knobs k, untouched;

	(void)state;
	config_defaults(&table, &k);
	untouched = k;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mmr_error err;

		assert_int_equal(
			config_set(config_find(&table, bad[i].key), &k, bad[i].value, &err),
			bad[i].errnum);
		assert_non_null(strstr(err.text, bad[i].key));
		assert_non_null(strstr(err.text, bad[i].value));
		assert_non_null(strstr(err.text, bad[i].also));
	}
	assert_memory_equal(&k.flag, &untouched.flag, sizeof(k) - 2 * sizeof(k.before));
	assert_null(config_find(&table, "a.nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_fill_every_row_and_nothing_else),
		cmocka_unit_test(values_come_back_as_text_that_can_be_set),
		cmocka_unit_test(refusals_name_key_and_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
