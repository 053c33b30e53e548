/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Lines of /proc from literal texts, and this very process. */
#include "support/test.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <mmreplay/trace.h>

#include "capture/procfs.h"

static void lines_of_maps(void **state)
{
	char file[] =
		"7fbd03fc0000-7fbd04116000 r-xp 00026000 fe:01 332835                     /usr/lib/a b.so";
	char anon[] = "7ffd3efef000-7ffd3f010000 rw-s 00000000 00:00 0 ";
	char bad[] = "not a map", backwards[] = "2000-1000 r--p 00000000 00:00 0";
	struct proc_map m;

	(void)state;
	assert_int_equal(proc_parse_map(file, &m), 0);
	assert_int_equal(m.start, 0x7fbd03fc0000);
	assert_int_equal(m.end, 0x7fbd04116000);
	assert_int_equal(m.prot, PROT_READ | PROT_EXEC);
	assert_false(m.shared);
	assert_int_equal(m.offset, 0x26000);
	assert_int_equal(m.dev, makedev(0xfe, 1));
	assert_int_equal(m.ino, 332835);
	assert_string_equal(m.name, "/usr/lib/a b.so");
	assert_int_equal(proc_parse_map(anon, &m), 0);
	assert_int_equal(m.prot, PROT_READ | PROT_WRITE);
	assert_true(m.shared);
	assert_string_equal(m.name, "");
	assert_int_equal(proc_parse_map(bad, &m), -EINVAL);
	assert_int_equal(proc_parse_map(backwards, &m), -EINVAL);
}

static void stat_with_a_hostile_name(void **state)
{
	char text[] =
		"42 (a) b (c) S 7 42 42 0 -1 4194304 111 222 3 444 0 0 0 0 20 0 5 0 100 4096 10 "
		"18446744073709551615 1 2 281474976710000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 94000 "
		"281474976710100 281474976710200 281474976710200 281474976710300 0\n";
	char bad[] = "42 no brackets";
	struct proc_stat st;

	(void)state;
	assert_int_equal(proc_parse_stat(text, &st), 0);
	assert_string_equal(st.comm, "a) b (c");
	assert_int_equal(st.ppid, 7);
	assert_int_equal(st.min_flt, 111);
	assert_int_equal(st.maj_flt, 3);
	assert_int_equal(st.nr_threads, 5);
	assert_int_equal(st.start_stack, 281474976710000);
	assert_int_equal(st.cpu, 1);
	assert_int_equal(st.start_brk, 94000);
	assert_int_equal(st.arg_start, 281474976710100);
	assert_int_equal(st.env_end, 281474976710300);
	assert_int_equal(proc_parse_stat(bad, &st), -EINVAL);
}

static int sum_pages(void *ctx, const struct proc_pages *p)
{
	uint64_t *nr = ctx;

	assert_true(p->flags & MMR_RES_ANON);
	*nr += p->nr;
	return 0;
}

static void resident_pages_of_a_mapping(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *p =
		mmap(NULL, 1000 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct proc_ref self = {getpid(), getpid()};
	uint64_t nr = 0, start = (uint64_t)(uintptr_t)p;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	madvise((void *)p, 1000 * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 1000; i += 3)
		p[i * page] = 1;
	assert_int_equal(proc_resident(self, start, start + 1000 * page, sum_pages, &nr), 0);
	assert_int_equal(nr, 334);
	munmap((void *)p, 1000 * page);
}

static int find_name(void *ctx, const struct proc_map *map)
{
	(void)ctx;
	return strcmp(map->name, "[stack]") == 0 ? 77 : 0;
}

static void areas_and_counters_of_this_process(void **state)
{
	struct proc_ref self = {getpid(), getpid()}, nobody = {1 << 30, 1 << 30};
	struct strbuf sb = {0};
	pid_t pid, ppid;
	proc_tids tids = {0};

	(void)state;
	assert_int_equal(proc_maps(self, find_name, NULL), 77);
	assert_int_equal(proc_counters(self, &sb), 0);
	assert_non_null(strstr(sb.s, "min_flt "));
	assert_non_null(strstr(sb.s, "\nrss_anon_pages "));
	assert_non_null(strstr(sb.s, "\npgtables_bytes "));
	assert_non_null(strstr(sb.s, "\nnr_vmas "));
	strbuf_finish(&sb);
	assert_int_equal(proc_status_ids(getpid(), &pid, &ppid), 0);
	assert_int_equal(pid, getpid());
	assert_int_equal(ppid, getppid());
	assert_int_equal(proc_threads(getpid(), &tids), 0);
	assert_int_equal(tids.nr, 1);
	vec_finish(&tids);
	assert_int_equal(proc_counters(nobody, &sb), -ENOENT);
	assert_int_equal(proc_threads(1 << 30, &tids), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_maps),
		cmocka_unit_test(stat_with_a_hostile_name),
		cmocka_unit_test(resident_pages_of_a_mapping),
		cmocka_unit_test(areas_and_counters_of_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
