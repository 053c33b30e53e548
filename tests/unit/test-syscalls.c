/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Finished system calls as events: fields in their places, failed calls nothing. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "capture/syscalls.h"

static bool event(long nr, uint64_t ret, struct mmr_event *ev, uint64_t a, uint64_t b, uint64_t c,
		  uint64_t d)
{
	struct syscall_call call = {.nr = nr, .args = {a, b, c, d, 5, 0x6000}, .ret = ret};
	struct syscall_map map = {.file = 12, .len = 0x9000};

	memset(ev, 0, sizeof(*ev));
	return syscalls_event(&call, &map, ev);
}

static void what_mmap_gave(void **state)
{
	struct mmr_event ev;

	(void)state;
	assert_true(event(SYS_mmap, 0x7f0000000000, &ev, 0, 0x2345, PROT_READ,
			  MAP_PRIVATE | MAP_POPULATE));
	assert_int_equal(ev.kind, MMR_MMAP);
	assert_int_equal(ev.MMAP.addr, 0x7f0000000000);
	assert_int_equal(ev.MMAP.len, 0x2345);
	assert_int_equal(ev.MMAP.flags, MAP_PRIVATE | MAP_POPULATE);
	assert_int_equal(ev.MMAP.file, 12);
	assert_int_equal(ev.MMAP.offset, 0x6000);
	assert_false(event(SYS_mmap, (uint64_t)-ENOMEM, &ev, 0, 0x2345, PROT_READ, MAP_PRIVATE));
	assert_true(syscalls_maps(SYS_mmap));
	assert_false(syscalls_maps(SYS_mprotect));
}

static void failed_calls_are_nothing(void **state)
{
	static const long calls[] = {SYS_munmap, SYS_mremap,  SYS_mprotect, SYS_pkey_mprotect,
				     SYS_mlock,	 SYS_munlock, SYS_mbind,    SYS_set_mempolicy,
				     SYS_shmat,	 SYS_shmdt,   SYS_mlockall, SYS_msync};
	struct mmr_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		assert_true(syscalls_known(calls[i]));
		assert_false(event(calls[i], (uint64_t)-EINVAL, &ev, 0x1000, 0x2000, 1, 2));
		assert_true(event(calls[i], 0, &ev, 0x1000, 0x2000, 1, 2));
	}
	/* An address of the upper half is no error. */
	assert_true(event(SYS_mremap, (uint64_t)-4096, &ev, 0x1000, 0x2000, 1, 2));
}

static void madvise_keeps_its_result(void **state)
{
	struct mmr_event ev;

	(void)state;
	/* It stopped at a hole, after it had done its work before that. */
	assert_true(event(SYS_madvise, (uint64_t)-ENOMEM, &ev, 0x1000, 0x2000, MADV_DONTNEED, 0));
	assert_int_equal((int64_t)ev.MADVISE.ret, -ENOMEM);
	assert_int_equal(ev.MADVISE.advice, MADV_DONTNEED);
	assert_false(event(SYS_madvise, (uint64_t)-EINVAL, &ev, 0x1000, 0x2000, 999, 0));
}

static void calls_that_concern_no_memory(void **state)
{
	struct mmr_event ev;

	(void)state;
	assert_false(syscalls_known(SYS_read));
	assert_false(event(SYS_read, 5, &ev, 0, 0, 0, 0));
	assert_false(event(SYS_prctl, 0, &ev, 15 /* PR_SET_NAME */, 0, 0, 0));
	assert_true(event(SYS_prctl, 0, &ev, 41 /* PR_SET_THP_DISABLE */, 1, 0, 0));
	assert_int_equal(ev.PRCTL.arg, 1);
}

static void the_filter_names_each_call(void **state)
{
	char *filter = syscalls_filter(), want[32];

	(void)state;
	snprintf(want, sizeof(want), "id == %d ||", SYS_mmap);
	assert_non_null(strstr(filter, want));
	assert_null(strstr(filter, "|| ||"));
	assert_memory_not_equal(filter + strlen(filter) - 2, "||", 2);
	free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_mmap_gave),
		cmocka_unit_test(failed_calls_are_nothing),
		cmocka_unit_test(madvise_keeps_its_result),
		cmocka_unit_test(calls_that_concern_no_memory),
		cmocka_unit_test(the_filter_names_each_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
