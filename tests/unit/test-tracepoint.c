/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Formats of tracepoints from literal texts, and fields out of records that may be cut anywhere. */
#include "support/test.h"

#include <errno.h>

#include "capture/tracepoint.h"

static const char fault_format[] =
	"name: page_fault_user\n"
	"ID: 190\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:unsigned long address;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:unsigned long ip;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:unsigned long error_code;\toffset:24;\tsize:8;\tsigned:0;\n"
	"\n"
	"print fmt: \"address=%ps ip=%ps error_code=0x%lx\", (void *)REC->address, (void *)REC->ip, "
	"REC->error_code\n";

static const char exec_format[] =
	"name: sched_process_exec\n"
	"ID: 365\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n"
	"\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n"
	"\tfield:pid_t old_pid;\toffset:16;\tsize:4;\tsigned:1;\n"
	"\n"
	"print fmt: \"filename=%s pid=%d old_pid=%d\", __get_str(filename), REC->pid, REC->old_pid\n";

static const char enter_format[] =
	"name: sys_enter\n"
	"ID: 22\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n"
	"\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n"
	"\n"
	"print fmt: \"NR %ld (%lx, %lx, %lx, %lx, %lx, %lx)\", REC->id, REC->args[0], REC->args[1], "
	"REC->args[2], REC->args[3], REC->args[4], REC->args[5]\n";

static void parse(const char *text, struct tp_format *fmt)
{
	struct mmr_error err = {.text = ""};

	if (tp_parse(text, strlen(text), "test", fmt, &err))
		fail_msg("%s", err.text);
}

static void plain_fields(void **state)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint64_t address, ip, code;
	} rec = {.pid = -5, .address = 0x7fbd041abb70, .ip = 0x7fbd041ac7ad, .code = 0x14};
	struct tp_format fmt;

	(void)state;
	parse(fault_format, &fmt);
	assert_int_equal(fmt.id, 190);
	assert_int_equal(tp_u64(tp_field(&fmt, "address"), &rec, sizeof(rec)), 0x7fbd041abb70);
	assert_int_equal(tp_u64(tp_field(&fmt, "error_code"), &rec, sizeof(rec)), 0x14);
	assert_int_equal((int64_t)tp_u64(tp_field(&fmt, "common_pid"), &rec, sizeof(rec)), -5);
	assert_null(tp_field(&fmt, "nosuch"));
	assert_int_equal(tp_u64(NULL, &rec, sizeof(rec)), 0);
	/* A record that ends inside the field has none. */
	assert_int_equal(tp_u64(tp_field(&fmt, "error_code"), &rec, sizeof(rec) - 1), 0);
}

static void strings_stay_inside_their_record(void **state)
{
	struct {
		uint64_t common;
		uint32_t loc;
		int32_t pid, old_pid;
		char name[12];
	} rec = {.loc = 20 | 10 << 16, .pid = 4, .old_pid = 4, .name = "/bin/true"};
	const struct tp_field *f;
	struct tp_format fmt;

	(void)state;
	parse(exec_format, &fmt);
	f = tp_field(&fmt, "filename");
	assert_true(f->is_dynamic);
	assert_string_equal(tp_string(f, &rec, sizeof(rec)), "/bin/true");
	assert_string_equal(tp_string(f, &rec, 29), ""); /* cut */
	rec.loc = 20 | 9 << 16;				 /* no NUL inside */
	assert_string_equal(tp_string(f, &rec, sizeof(rec)), "");
	rec.loc = 60000 | 10u << 16; /* points outside */
	assert_string_equal(tp_string(f, &rec, sizeof(rec)), "");
	rec.loc = 20; /* empty */
	assert_string_equal(tp_string(f, &rec, sizeof(rec)), "");
}

static void words_of_an_array(void **state)
{
	struct {
		uint64_t common;
		int64_t id;
		uint64_t args[6];
	} rec = {.id = 9, .args = {1, 2, 3, 4, 5, 6}};
	const struct tp_field *f;
	struct tp_format fmt;

	(void)state;
	parse(enter_format, &fmt);
	f = tp_field(&fmt, "args");
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(tp_word(f, i, &rec, sizeof(rec)), i + 1);
	assert_int_equal(tp_word(f, 6, &rec, sizeof(rec)), 0);
	assert_int_equal(tp_word(f, 0, &rec, sizeof(rec) - 1), 0);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {"", "name: x\n", "hello", "name: x\nID: 0\nformat:\n"};
	struct tp_format fmt;
	struct mmr_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(tp_parse(texts[i], strlen(texts[i]), "test", &fmt, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_fields),
		cmocka_unit_test(strings_stay_inside_their_record),
		cmocka_unit_test(words_of_an_array),
		cmocka_unit_test(nonsense_is_refused),
	};

	struct tp_format fmt;

	if (tp_parse(fault_format, strlen(fault_format), "test", &fmt, NULL) == -ENOSYS)
		return 77; /* built without libtraceevent */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
