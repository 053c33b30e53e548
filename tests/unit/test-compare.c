/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Rules, flattening, judging; JSON helpers and tables. */
#include "support/test.h"

#include <errno.h>

#include "report/compare.h"
#include "report/json.h"
#include "report/table.h"

static json_t *result(const char *body)
{
	struct strbuf sb = {0};
	struct mmr_error err;
	json_t *root;

	strbuf_addf(&sb,
		    "{\"schema\": \"mmreplay-result/1\", \"trace\": {\"identity\": \"x\"}, %s}",
		    body);
	root = j_parse(sb.s, sb.len, &err);
	assert_non_null(root);
	strbuf_finish(&sb);
	return root;
}

/* 1 the rule breaks, 0 it holds, or a negative errno. */
static int judge(const char *rule, const char *base, const char *now)
{
	struct compare c = {0};
	struct mmr_error err;
	json_t *b = result(base), *n = result(now);
	int rc = compare_rule_parse(&c, rule, &err);

	if (!rc)
		rc = compare_results(&c, b, n, false, &err);
	if (!rc)
		rc = c.failed;
	compare_finish(&c);
	json_decref(b);
	json_decref(n);
	return rc;
}

static void test_rules(void **state)
{
	(void)state;
	assert_int_equal(judge("a>+2%", "\"a\": 1000", "\"a\": 1020"), 0);
	assert_int_equal(judge("a>+2%", "\"a\": 1000", "\"a\": 1021"), 1);
	assert_int_equal(judge("a>+2%", "\"a\": 1000", "\"a\": 1"), 0);
	assert_int_equal(judge("a>+0.05%", "\"a\": 10000", "\"a\": 10005"), 0);
	assert_int_equal(judge("a>+0.05%", "\"a\": 10000", "\"a\": 10006"), 1);
	assert_int_equal(judge("a>+50%", "\"a\": 0", "\"a\": 1"), 1);
	assert_int_equal(judge("a>+3", "\"a\": 5", "\"a\": 8"), 0);
	assert_int_equal(judge("a>+3", "\"a\": 5", "\"a\": 9"), 1);
	assert_int_equal(judge("a<-10%", "\"a\": 10", "\"a\": 9"), 0);
	assert_int_equal(judge("a<-10%", "\"a\": 10", "\"a\": 8"), 1);
	assert_int_equal(judge("a>0.5", "\"a\": 0.1", "\"a\": 0.500000"), 0);
	assert_int_equal(judge("a>0.5", "\"a\": 0.1", "\"a\": 0.500001"), 1);
	assert_int_equal(judge("a<7", "\"a\": 9", "\"a\": 6"), 1);
	assert_int_equal(judge("a!=", "\"a\": \"x\"", "\"a\": \"x\""), 0);
	assert_int_equal(judge("a!=", "\"a\": \"x\"", "\"a\": \"y\""), 1);
	assert_int_equal(
		judge("a>+100%", "\"a\": 9223372036854775807", "\"a\": 9223372036854775807"), 0);
}

static void test_patterns(void **state)
{
	(void)state;
	assert_int_equal(judge("t*.misses>+1", "\"t\": {\"d\": {\"misses\": 1}}",
			       "\"t\": {\"d\": {\"misses\": 3}}"),
			 1);
	assert_int_equal(judge("t.0.x>+1", "\"t\": [{\"x\": 1}]", "\"t\": [{\"x\": 3}]"), 1);
	assert_int_equal(judge("u>+1", "\"t\": 1", "\"t\": 1"), -ENOENT);
	assert_int_equal(judge("t", "\"t\": 1", "\"t\": 1"), -EINVAL);
	assert_int_equal(judge("t>+", "\"t\": 1", "\"t\": 1"), -EINVAL);
	assert_int_equal(judge("t>5%", "\"t\": 1", "\"t\": 1"), -EINVAL);
	assert_int_equal(judge(">5", "\"t\": 1", "\"t\": 1"), -EINVAL);
	assert_int_equal(judge("t>+99999999999999999999", "\"t\": 1", "\"t\": 1"), -EINVAL);
}

/* A figure that went away must not open the gate. */
static void test_null(void **state)
{
	(void)state;
	assert_int_equal(judge("t>+1", "\"t\": 1", "\"t\": null"), 1);
	assert_int_equal(judge("t>+1", "\"t\": null", "\"t\": 1"), 1);
	assert_int_equal(judge("t>+1", "\"t\": null", "\"t\": null"), 1);
	assert_int_equal(judge("t>+1", "\"t\": 1", "\"u\": 1"), 1);
	assert_int_equal(judge("t!=", "\"t\": null", "\"t\": null"), 0);
	assert_int_equal(judge("t>5", "\"u\": 1", "\"t\": 6"), 1);
}

static void test_pairs(void **state)
{
	struct compare c = {0};
	struct mmr_error err;
	json_t *a = result("\"x\": 1"), *b = json_deep_copy(a), *other = json_object();

	(void)state;
	json_object_set_new(json_object_get(b, "trace"), "identity", json_string("y"));
	assert_int_equal(compare_results(&c, a, b, false, &err), -EXDEV);
	assert_int_equal(compare_results(&c, a, b, true, &err), 0);
	compare_finish(&c);
	assert_int_equal(compare_results(&c, a, other, true, &err), -EINVAL);
	json_decref(a);
	json_decref(b);
	json_decref(other);
}

static void test_json(void **state)
{
	json_t *obj = j_object(NULL, NULL);
	struct strbuf sb = {0};

	(void)state;
	j_ratio(obj, "third", 1, 3);
	j_ratio(obj, "two_thirds", 2, 3);
	j_ratio(obj, "nothing", 1, 0);
	j_ratio(obj, "large", UINT64_MAX / 2, 1u << 31);
	j_u64(obj, "most", UINT64_MAX);
	j_hex(obj, "addr", 0x7fff00000000);
	j_bytes(obj, "text", "\xc3\xa9", 2);
	j_bytes(obj, "bytes", "\xff\x01", 2);
	j_text(obj, &sb);
	assert_string_equal(
		sb.s,
		"{\n  \"third\": 0.333333,\n  \"two_thirds\": 0.666667,\n  \"nothing\": null,\n"
		"  \"large\": 4294967296.0,\n  \"most\": 9223372036854775807,\n"
		"  \"addr\": \"0x7fff00000000\",\n  \"text\": \"\xc3\xa9\",\n"
		"  \"bytes_hex\": \"ff01\"\n}\n");
	strbuf_finish(&sb);
	json_decref(obj);
}

static void test_table(void **state)
{
	struct strbuf sb = {0};
	json_t *root = json_loads(
		"{\"a\": 1, \"size_bytes\": 8192, \"n\": null, \"t\": {\"x\": {\"h\": 1, \"m\": 20},"
		"\"yy\": {\"h\": 300, \"m\": 4}}, \"m\": [[1, 2], [3, 4]], \"e\": {}}",
		0, NULL);

	(void)state;
	table_print(root, false, &sb);
	assert_string_equal(
		sb.s,
		"  a           1\n  size_bytes  8192 (8 KiB)\n  n           -\n\n"
		"t:\n        h   m\n  x     1  20\n  yy  300   4\n\nm:\n  0    1 2\n  1    3 4\n");
	strbuf_finish(&sb);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules), cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_null),  cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_json),  cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
