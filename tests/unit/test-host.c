/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The metadata of a trace: valid JSON, whatever the command's arguments are; zones from a literal
 * text. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/host-text.h"
#include "capture/host.h"

static const char zoneinfo[] = "Node 0, zone      DMA\n"
			       "  per-node stats\n"
			       "      nr_inactive_anon 31259\n"
			       "  pages free     3840\n"
			       "        boost    0\n"
			       "        min      58\n"
			       "        low      72\n"
			       "        high     86\n"
			       "        spanned  4095\n"
			       "        present  3998\n"
			       "        managed  3840\n"
			       "        protection: (0, 3019, 4299, 4299, 4299)\n"
			       "      nr_free_pages 3840\n"
			       "  pagesets\n"
			       "    cpu: 0\n"
			       "              count: 0\n"
			       "              high:  4\n"
			       "              high_min: 12\n"
			       "  start_pfn:           1\n"
			       "Node 1, zone   Normal\n"
			       "  pages free     237510\n"
			       "        min      5012\n"
			       "        high     7518\n"
			       "  start_pfn:           1048576\n";

static json_int_t integer(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("'%s' is not an integer", key);
	return json_integer_value(v);
}

static void zones_of_a_text(void **state)
{
	json_t *zones = host_zones_parse(zoneinfo), *z;

	(void)state;
	assert_int_equal(json_array_size(zones), 2);
	z = json_array_get(zones, 0);
	assert_string_equal(json_string_value(json_object_get(z, "zone")), "DMA");
	assert_int_equal(integer(z, "free_pages"), 3840);
	assert_int_equal(integer(z, "min_pages"), 58);
	assert_int_equal(integer(z, "high_pages"), 86); /* not the 4 of a CPU's list */
	assert_int_equal(integer(z, "managed_pages"), 3840);
	assert_int_equal(integer(z, "start_pfn"), 1);
	assert_string_equal(json_string_value(json_object_get(z, "protection")),
			    "0, 3019, 4299, 4299, 4299");
	z = json_array_get(zones, 1);
	assert_int_equal(integer(z, "node"), 1);
	assert_int_equal(integer(z, "start_pfn"), 1048576);
	json_decref(zones);
}

static void values_of_lines(void **state)
{
	static const char text[] = "processor\t: 0\nmodel name\t: A  CPU @ 3 GHz\nmodel\t\t: 5\n";
	char *v;

	(void)state;
	v = text_line_value(text, "model name");
	assert_string_equal(v, "A  CPU @ 3 GHz");
	free(v);
	v = text_line_value(text, "model");
	assert_string_equal(v, "5");
	free(v);
	assert_null(text_line_value(text, "vendor_id"));
	assert_null(text_line_value("", "x"));
}

static void metadata_is_json(void **state)
{
	char *argv[] = {"prog", "quote\" and \\", "not utf-8: \xff\xfe", "", NULL};
	struct capture_options opt = {.argv = argv, .time_unit_ns = 1000};
	struct host_method method = {.name = "perf",
				     .basis = MMR_BASIS_FAULTS,
				     .interleaving = "real",
				     .clock = "monotonic"};
	char *text = host_metadata_text(host_metadata(&opt, &method));
	json_error_t error;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &error), *capture, *argvj;

	(void)state;
	if (j == NULL)
		fail_msg("%s in %s", error.text, text);
	assert_string_equal(json_string_value(json_object_get(j, "basis")), "faults");
	assert_int_equal(integer(json_object_get(j, "units"), "time_ns"), 1000);
	capture = json_object_get(j, "capture");
	assert_string_equal(json_string_value(json_object_get(capture, "method")), "perf");
	argvj = json_object_get(capture, "command");
	assert_int_equal(json_array_size(argvj), 4);
	assert_string_equal(json_string_value(json_array_get(argvj, 1)), "quote\" and \\");
	assert_int_equal(integer(json_object_get(j, "machine"), "base_page_bytes"),
			 sysconf(_SC_PAGESIZE));
	assert_true(integer(json_object_get(j, "memory"), "fault_around_bytes") > 0);
	json_decref(j);
	free(text);
}

static void small_files(void **state)
{
	struct strbuf sb = {0};
	uint64_t v = 7;

	(void)state;
	assert_int_equal(host_read_file("/nonexistent", &sb), -ENOENT);
	assert_int_equal(host_read_u64("/nonexistent", &v), -ENOENT);
	assert_int_equal(host_read_u64("/proc/version", &v), -EINVAL);
	assert_int_equal(v, 7);
	assert_int_equal(host_read_u64("/proc/sys/vm/overcommit_memory", &v), 0);
	assert_true(v <= 2);
	assert_int_equal(host_counters(MMR_SCOPE_HOST, 0, &sb), 0);
	assert_non_null(strstr(sb.s, "\npgfault "));
	assert_int_equal(host_counters(MMR_SCOPE_PROCESS, 0, &sb), -EINVAL);
	strbuf_finish(&sb);
}

static void notes_are_kept_once(void **state)
{
	struct capture_result res = {0};

	(void)state;
	capture_result_note(&res, "a %d", 1);
	capture_result_note(&res, "b");
	capture_result_note(&res, "a %d", 1);
	assert_int_equal(res.notes.nr, 2);
	assert_string_equal(res.notes.data[0], "a 1");
	capture_result_finish(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_of_a_text),     cmocka_unit_test(values_of_lines),
		cmocka_unit_test(metadata_is_json),    cmocka_unit_test(small_files),
		cmocka_unit_test(notes_are_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
