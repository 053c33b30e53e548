/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The walk over a command's arguments. */
#include "support/test.h"

#include "base/bug.h"
#include "cli/cli.h"
#include "cli/options.h"

static const struct cli_option options[] = {
	{'o', "output", "FILE", "where to"},
	{'f', "force", NULL, "do it"},
	{300, "limit", "N", "how many"},
};
static const struct cli_usage usage = {"test", "[OPTION]...", "A command.", options,
				       ARRAY_SIZE(options)};

/* "o=x f operand=y" of the walk, and how it ended. */
static void expect(const char *want, int end, char **argv)
{
	char got[256] = "";
	struct cli_args a;
	int argc = 0, opt;

	while (argv[argc])
		argc++;
	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0) {
		size_t len = strlen(got);

		if (opt == CLI_OPERAND)
			snprintf(got + len, sizeof(got) - len, "operand=%s ", a.value);
		else
			snprintf(got + len, sizeof(got) - len, "%d=%s ", opt,
				 a.value ? a.value : "");
	}
	assert_string_equal(got, want);
	assert_int_equal(opt, end);
	assert_int_equal(cli_args_status(&a), end == CLI_HELP ? CLI_OK : CLI_USAGE);
}
#define ARGV(...) \
	(char *[]) \
	{ \
		"test", __VA_ARGS__, NULL \
	}

static void test_forms(void **state)
{
	(void)state;
	expect("111=x operand=y ", CLI_END, ARGV("-o", "x", "y"));
	expect("111=x 102= ", CLI_END, ARGV("-ox", "-f"));
	expect("102= 111=x ", CLI_END, ARGV("-fo", "x"));
	expect("111=x 300=5 ", CLI_END, ARGV("--output=x", "--limit", "5"));
	expect("111= ", CLI_END, ARGV("--output="));
	expect("102= operand=- ", CLI_END, ARGV("-q", "-f", "-v", "-"));
	expect("operand=-f operand=--limit ", CLI_END, ARGV("--", "-f", "--limit"));
	expect("operand=a 102= operand=b ", CLI_END, ARGV("a", "-f", "b"));
}

static void test_errors(void **state)
{
	(void)state;
	expect("", CLI_FAIL, ARGV("-x"));
	expect("102= ", CLI_FAIL, ARGV("-fx"));
	expect("", CLI_FAIL, ARGV("--forc"));
	expect("", CLI_FAIL, ARGV("--force=yes"));
	expect("", CLI_FAIL, ARGV("--output"));
	expect("", CLI_FAIL, ARGV("-o"));
}

static void test_rest(void **state)
{
	char *argv[] = {"test", "-f", "cmd", "-f", NULL};
	struct cli_args a;

	(void)state;
	cli_args_init(&a, &usage, 4, argv);
	assert_int_equal(cli_args_next(&a), 'f');
	assert_int_equal(cli_args_next(&a), CLI_OPERAND);
	assert_ptr_equal(cli_args_rest(&a), argv + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
