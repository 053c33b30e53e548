/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Numbers as people write them, both ways, and the nearest name. */
#include "support/test.h"

#include <errno.h>
#include <inttypes.h>

#include "base/bug.h"
#include "base/units.h"

typedef int parse_fn(const char *s, uint64_t *ret, struct mmr_error *err);

static void assert_parses(parse_fn *parse, const char *s, uint64_t want)
{
	struct mmr_error err = {.text = "untouched"};
	uint64_t got = ~want;

	if (parse(s, &got, &err) || got != want)
		fail_msg("'%s': got %" PRIu64 ", want %" PRIu64 " (%s)", s, got, want, err.text);
}

static void assert_refused(parse_fn *parse, const char *s, int errnum)
{
	struct mmr_error err = {.text = ""};
	uint64_t got = 12345;

	assert_int_equal(parse(s, &got, &err), errnum);
	assert_int_equal(got, 12345);
	assert_non_null(strstr(err.text, s));
}

static void plain_numbers(void **state)
{
	(void)state;
	assert_parses(parse_u64, "0", 0);
	assert_parses(parse_u64, "18446744073709551615", UINT64_MAX);
	assert_parses(parse_u64, "0xffffffffffffffff", UINT64_MAX);
	assert_parses(parse_u64, "0X1f", 31);
	assert_parses(parse_u64, "010", 10);
	assert_refused(parse_u64, "18446744073709551616", -EINVAL);
	assert_refused(parse_u64, "0x10000000000000000", -EINVAL);
	assert_refused(parse_u64, "", -EINVAL);
	assert_refused(parse_u64, "-1", -EINVAL);
	assert_refused(parse_u64, "+1", -EINVAL);
	assert_refused(parse_u64, " 1", -EINVAL);
	assert_refused(parse_u64, "1 ", -EINVAL);
	assert_refused(parse_u64, "0x", -EINVAL);
	assert_refused(parse_u64, "1k", -EINVAL);
}

static void sizes(void **state)
{
	(void)state;
	assert_parses(parse_size, "4096", 4096);
	assert_parses(parse_size, "4096B", 4096);
	assert_parses(parse_size, "2M", 2 << 20);
	assert_parses(parse_size, "2MiB", 2 << 20);
	assert_parses(parse_size, "1g", 1 << 30);
	assert_parses(parse_size, "64k", 65536);
	assert_parses(parse_size, "1T", 1ull << 40);
	assert_parses(parse_size, "15E", 15ull << 60);
	assert_parses(parse_size, "0x10K", 16384);
	assert_refused(parse_size, "16E", -ERANGE);
	assert_refused(parse_size, "2X", -EINVAL);
	assert_refused(parse_size, "M", -EINVAL);
	assert_refused(parse_size, "1.5M", -EINVAL);
	assert_refused(parse_size, "2 M", -EINVAL);
	assert_refused(parse_size, "", -EINVAL);
}

static void times(void **state)
{
	(void)state;
	assert_parses(parse_time, "250", 250);
	assert_parses(parse_time, "10us", 10000);
	assert_parses(parse_time, "1.5s", 1500000000);
	assert_parses(parse_time, "100ms", 100000000);
	assert_parses(parse_time, "0.000000001s", 1);
	assert_parses(parse_time, "2h", 7200000000000);
	assert_parses(parse_time, "1m", 60000000000);
	assert_parses(parse_time, "18446744073709551615ns", UINT64_MAX);
	assert_refused(parse_time, "0.5ns", -EINVAL);
	assert_refused(parse_time, "1.s", -EINVAL);
	assert_refused(parse_time, ".5s", -EINVAL);
	assert_refused(parse_time, "1.0000000000000000000000s", -EINVAL);
	assert_refused(parse_time, "18446744074s", -ERANGE);
	assert_refused(parse_time, "1S", -EINVAL);
	assert_refused(parse_time, "", -EINVAL);
}

static void exact_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0"}, {1, "1"}, {4097, "4097"}, {1536 << 10, "1536K"}, {2 << 20, "2M"},
		{1ull << 60, "1E"}, {UINT64_MAX, "18446744073709551615"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(format_size(rows[i].bytes, buf, sizeof(buf)), rows[i].text);
		assert_parses(parse_size, buf, rows[i].bytes);
	}
}

static void human_sizes(void **state)
{
	static const struct {
		uint64_t n;
		const char *bytes, *count;
	} rows[] = {
		{0, "0 B", "0"},
		{999, "999 B", "999"},
		{1000, "1000 B", "1 k"},
		{1023, "1023 B", "1.023 k"},
		{1024, "1 KiB", "1.024 k"},
		{1325137264, "1.234 GiB", "1.325 G"},
		{12300000, "11.73 MiB", "12.3 M"},
		{1048575, "1 MiB", "1.049 M"},
		{999999, "976.6 KiB", "1 M"},
		{999949, "976.5 KiB", "999.9 k"},
		{1023ull << 20, "1023 MiB", "1.073 G"},
		{UINT64_MAX, "16 EiB", "18.45 E"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(format_bytes_human(rows[i].n, buf, sizeof(buf)), rows[i].bytes);
		assert_string_equal(format_count_human(rows[i].n, buf, sizeof(buf)), rows[i].count);
	}
}

static void nearest_name(void **state)
{
	static const char *const names[] = {"capture", "compare", "doctor", "dump",
					    "info",    "list",	  "run",    "validate"};

	(void)state;
	assert_string_equal(nearest("captrue", names, ARRAY_SIZE(names)), "capture");
	assert_string_equal(nearest("validat", names, ARRAY_SIZE(names)), "validate");
	assert_string_equal(nearest("dmup", names, ARRAY_SIZE(names)), "dump");
	assert_string_equal(nearest("rum", names, ARRAY_SIZE(names)), "run");
	assert_null(nearest("xyzzy", names, ARRAY_SIZE(names)));
	assert_null(nearest("", names, ARRAY_SIZE(names)));
	assert_null(nearest("run", names, 0));
	assert_null(
		nearest("a word far too long to be anybody's typing error of a name of this kind",
			names, ARRAY_SIZE(names)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(times),
		cmocka_unit_test(exact_sizes),
		cmocka_unit_test(human_sizes),
		cmocka_unit_test(nearest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
