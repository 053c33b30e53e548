/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Lines of --trace-syscalls, as valgrind 3.19 printed them, and the user memory of each call. */
#include "support/test.h"

#include <sys/syscall.h>

#include "capture/sysdecode.h"

static struct sys_call parse(const char *line)
{
	struct sys_call call;

	assert_true(sys_line_parse(line, strlen(line), &call));
	return call;
}

static void test_done(void **state)
{
	struct sys_call call;

	(void)state;
	call = parse("SYSCALL[5539,1](9) sys_mmap ( 0x0, 303104, 3, 34, 4294967295, 0 ) --> "
		     "[pre-success] Success(0x4800000) ");
	assert_int_equal(call.state, SYS_DONE);
	assert_int_equal(call.pid, 5539);
	assert_int_equal(call.tid, 1);
	assert_int_equal(call.nr, SYS_mmap);
	assert_int_equal(call.nr_args, 6);
	assert_int_equal(call.arg[1], 303104);
	assert_int_equal(call.arg[3], 34);
	assert_int_equal(call.arg[4], 4294967295);
	assert_int_equal(call.ret, 0x4800000);
	assert_false(call.failed);

	call = parse("SYSCALL[1,1](262) sys_newfstatat ( 4294967196, 0x1ffefff710(/usr/lib), 0x1ffefff7d0 )"
		     "[sync] --> Failure(0x2) ");
	assert_true(call.failed);
	assert_int_equal(call.ret, 2);
	assert_int_equal(call.str_len[1], 8);
	assert_memory_equal(call.str[1], "/usr/lib", 8);
	assert_int_equal(call.arg[2], 0x1ffefff7d0);

	call = parse("SYSCALL[1,1](158) arch_prctl ( 4098, 4000380 ) --> [pre-success] Success(0x0) ");
	assert_int_equal(call.arg[0], 4098);
	assert_int_equal(call.arg[1], 0x4000380);
	call = parse("SYSCALL[1,2](60) exit( 0 ) --> [pre-success] Success(0x0) ");
	assert_int_equal(call.tid, 2);
	assert_int_equal(call.nr, SYS_exit);
	call = parse("SYSCALL[1,1](8) sys_lseek ( 3, -10, 1 )[sync] --> Success(0x5) ");
	assert_int_equal(call.arg[1], -10);
}

static void test_async(void **state)
{
	struct sys_call call;

	(void)state;
	call = parse("SYSCALL[1,3](0) sys_read ( 4, 0x1ffeffe540, 8192 ) --> [async] ... ");
	assert_int_equal(call.state, SYS_ASYNC);
	assert_int_equal(call.nr_args, 3);
	assert_int_equal(call.arg[2], 8192);
	call = parse("SYSCALL[1,3](0) ... [async] --> Success(0x4f7) ");
	assert_int_equal(call.state, SYS_RESUMED);
	assert_int_equal(call.ret, 0x4f7);
	call = parse("SYSCALL[1,3](7) sys_poll ( 0x1000, 2, -1 )");
	assert_int_equal(call.state, SYS_HEAD);
	assert_int_equal(call.arg[1], 2);
	assert_true(sys_result_parse(" --> [async] ... ", 17, &call));
	assert_int_equal(call.state, SYS_ASYNC);
}

static void test_clone(void **state)
{
	struct sys_call call;

	(void)state;
	call = parse("SYSCALL[6248,1](56) sys_clone ( 3d0f00, 0x50002f0, 0x5000990, 0x5000990, 0x50006c0 ) "
		     "--> [pre-success] Success(0x1869) --6248--   SCHED[1]: releasing lock "
		     "(VG_(vg_yield)) -> VgTs_Yielding");
	assert_int_equal(call.arg[0], 0x3d0f00);
	assert_int_equal(call.arg[4], 0x50006c0);
	assert_int_equal(call.ret, 0x1869);
	call = parse("SYSCALL[5691,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4000650, 0x0 )   clone(fork): "
		     "process 5691 created child 5692");
	assert_int_equal(call.state, SYS_HEAD);
	assert_int_equal(call.nr_args, 5);
	assert_int_equal(call.arg[0], 0x1200011);
	assert_int_equal(call.arg[3], 0x4000650);
	call = parse("SYSCALL[1,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)");
	assert_true(call.unimplemented);
	assert_true(sys_result_parse(" --> [pre-fail] Failure(0x26) ", 30, &call));
	assert_true(call.failed);
}

/* Names may hold what the line's own syntax is made of. */
static void test_names(void **state)
{
	struct sys_call call;

	(void)state;
	call = parse("SYSCALL[1,1](257) sys_openat ( 4294967196, 0x4030(a), 5 (b) --> x), 577, 438 ) --> "
		     "[async] ... ");
	assert_int_equal(call.str_len[1], 15);
	assert_memory_equal(call.str[1], "a), 5 (b) --> x", 15);
	assert_int_equal(call.arg[2], 577);
	assert_int_equal(call.arg[3], 438);
	call = parse("SYSCALL[1,1](80) sys_chdir ( 0x4030(/tmp/(x)) )[sync] --> Success(0x0) ");
	assert_memory_equal(call.str[0], "/tmp/(x)", 8);
	assert_int_equal(call.str_len[0], 8);
	call = parse("SYSCALL[1,1](82) sys_rename ( 0x4030(/a b), 0x5030(/c) )[sync] --> Success(0x0) ");
	assert_int_equal(call.str_len[0], 4);
	assert_memory_equal(call.str[0], "/a b", 4);
	assert_int_equal(call.str_len[1], 2);
	assert_memory_equal(call.str[1], "/c", 2);
	call = parse("SYSCALL[1,1](257) sys_openat ( 3, 0x4030(), 0 ) --> [async] ... ");
	assert_int_equal(call.str_len[1], 0);
}

static void test_bad(void **state)
{
	static const char *const lines[] = {
		"", "SYSCALL", "SYSCALL[", "SYSCALL[1,1]", "SYSCALL[1](2) x ( )", "SYSCALL[a,1](2) x ( )",
		"SYSCALL[99999999999999999999999,1](2) x ( )", "SYSCALL[1,1](2)x ( )",
		"SYSCALL[1,1](0) ... [async] --> Succ", "SYSCALL[1,1](0) ... [async] ",
	};
	/* A valid line, cut everywhere and changed everywhere: no crash, nothing read outside. */
	static const char line[] = "SYSCALL[1,1](257) sys_openat ( 3, 0x4030(ab), 0 )[sync] --> Success(0x4) ";
	struct sys_touch touch[SYS_MAX_TOUCHES];
	struct sys_call call;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(sys_line_parse(lines[i], strlen(lines[i]), &call));
	for (size_t n = 0; n < sizeof(line); n++) {
		for (int c = -1; c < 128; c++) {
			char *copy = malloc(n ? n : 1);

			memcpy(copy, line, n);
			if (c >= 0 && n)
				copy[n - 1] = (char)c;
			if (sys_line_parse(copy, n, &call))
				assert_true(sys_touches(&call, touch) <= SYS_MAX_TOUCHES);
			free(copy);
		}
	}
}

struct expect {
	const char *line;
	unsigned nr;
	struct sys_touch touch[4];
};

static void test_touches(void **state)
{
	static const struct expect rows[] = {
		{ "SYSCALL[1,1](0) sys_read ( 4, 0x5000, 8192 )[sync] --> Success(0x4f7) ", 1,
		  { { 0x5000, 0x4f7, true } } },
		{ "SYSCALL[1,1](0) sys_read ( 4, 0x5000, 8192 )[sync] --> Failure(0x4) ", 0, { { 0 } } },
		{ "SYSCALL[1,1](0) sys_read ( 4, 0x5000, 8192 )[sync] --> Success(0x0) ", 0, { { 0 } } },
		{ "SYSCALL[1,1](1) sys_write ( 1, 0x5000, 10 )[sync] --> Success(0xa) ", 1,
		  { { 0x5000, 10, false } } },
		{ "SYSCALL[1,1](262) sys_newfstatat ( 3, 0x4000(/x), 0x6000 )[sync] --> Success(0x0) ", 2,
		  { { 0x4000, 3, false }, { 0x6000, 144, true } } },
		{ "SYSCALL[1,1](262) sys_newfstatat ( 3, 0x4000(/x), 0x6000 )[sync] --> Failure(0x2) ", 1,
		  { { 0x4000, 3, false } } },
		{ "SYSCALL[1,1](13) sys_rt_sigaction ( 33, 0x4000, 0x0, 8 ) --> [pre-success] Success(0x0) ",
		  1, { { 0x4000, 32, false } } },
		{ "SYSCALL[1,1](16) sys_ioctl ( 1, 0x5401, 0x4000 )[sync] --> Success(0x0) ", 1,
		  { { 0x4000, 36, true } } },
		{ "SYSCALL[1,1](7) sys_poll ( 0x4000, 3, -1 )[sync] --> Success(0x1) ", 2,
		  { { 0x4000, 24, false }, { 0x4000, 24, true } } },
		{ "SYSCALL[1,1](232) sys_epoll_wait ( 3, 0x4000, 64, -1 )[sync] --> Success(0x2) ", 1,
		  { { 0x4000, 24, true } } },
		{ "SYSCALL[1,1](9) sys_mmap ( 0x0, 4096, 3, 34, 4294967295, 0 ) --> [pre-success] "
		  "Success(0x4800000) ", 0, { { 0 } } },
		{ "SYSCALL[1,1](23) sys_select ( 1024, 0x4000, 0x0, 0x0, 0x0 )[sync] --> Success(0x1) ", 1,
		  { { 0x4000, 128, true } } },
		/* No touch of a length that cannot be */
		{ "SYSCALL[1,1](7) sys_poll ( 0x4000, 2305843009213693953, -1 )[sync] --> Success(0x1) ", 0,
		  { { 0 } } },
		{ "SYSCALL[1,1](0) sys_read ( 4, 0xfffffffffffffff0, 8192 )[sync] --> Success(0x20) ", 0,
		  { { 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sys_touch touch[SYS_MAX_TOUCHES];
		struct sys_call call = parse(rows[i].line);
		unsigned nr = sys_touches(&call, touch);

		assert_int_equal(nr, rows[i].nr);
		for (unsigned k = 0; k < nr; k++) {
			assert_int_equal(touch[k].addr, rows[i].touch[k].addr);
			assert_int_equal(touch[k].len, rows[i].touch[k].len);
			assert_int_equal(touch[k].write, rows[i].touch[k].write);
		}
	}
}

/* The table is searched by halves: it must be sorted. */
static void test_table(void **state)
{
	static const uint32_t known[] = { SYS_read, SYS_mmap, SYS_brk, SYS_clone, SYS_openat, SYS_futex,
					  SYS_getrandom, SYS_statx, SYS_epoll_pwait2, SYS_copy_file_range };
	unsigned nr = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(sys_is_known(known[i]));
	assert_string_equal(sys_name(SYS_pread64), "pread64");
	assert_false(sys_is_known(100000));
	assert_null(sys_name(999));
	for (uint32_t i = 0; i < 512; i++)
		nr += sys_is_known(i);
	assert_int_equal(nr, sys_nr_known());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_clone),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_touches),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
