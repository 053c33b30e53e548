/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* BUG_ON() and its place; VM_BUG_ON() by build option; the small macros. */
#include "support/test.h"

#include <signal.h>

#include "base/bug.h"
#include "support/dies.h"

static void trip(void)
{
	volatile int one = 1;

	signal(SIGABRT, SIG_DFL);
	BUG_ON(one + 1 == 2);
}

static void vm_trip(void)
{
	volatile int one = 1;

	signal(SIGABRT, SIG_DFL);
	VM_BUG_ON(one == 1);
}

static void bug_on_aborts_and_says_where(void **state)
{
	char text[512];
	int status = run_in_child(trip, text, sizeof(text));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "test-bug.c:"));
	assert_non_null(strstr(text, "trip()"));
	assert_non_null(strstr(text, "one + 1 == 2"));
}

static void vm_bug_on_follows_the_build_option(void **state)
{
	char text[512];
	int status = run_in_child(vm_trip, text, sizeof(text));

	(void)state;
	assert_int_equal(WIFSIGNALED(status), MM_DEBUG >= 1);
}

static void bug_on_evaluates_once(void **state)
{
	int n = 0;

	(void)state;
	BUG_ON(n++ > 0);
	assert_int_equal(n, 1);
}

static void container_of_goes_back_to_the_struct(void **state)
{
	struct {
		int a, b;
		long c[3];
	} s;

	(void)state;
	assert_ptr_equal(container_of(&s.b, __typeof__(s), b), &s);
	assert_ptr_equal(container_of(&s.c[1], __typeof__(s), c[1]), &s);
	assert_int_equal(ARRAY_SIZE(s.c), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bug_on_aborts_and_says_where),
		cmocka_unit_test(vm_bug_on_follows_the_build_option),
		cmocka_unit_test(bug_on_evaluates_once),
		cmocka_unit_test(container_of_goes_back_to_the_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
