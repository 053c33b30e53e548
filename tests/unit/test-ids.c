/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Task ids are dense and never used again; files are found by inode and generation and told of
 * once. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capture/ids.h"

struct seen {
	struct mmr_event ev[64];
	char data[64][128];
	size_t nr;
	int fail;
};

static int emit(void *ctx, const struct mmr_event *ev, struct mmr_error *err)
{
	struct seen *s = ctx;

	(void)err;
	if (s->fail)
		return s->fail;
	assert_true(s->nr < 64);
	s->ev[s->nr] = *ev;
	snprintf(s->data[s->nr], sizeof(s->data[0]), "%.*s", (int)ev->data_len,
		 (const char *)ev->data);
	s->nr++;
	return 0;
}

static void task_ids_are_never_used_again(void **state)
{
	struct seen s = {.nr = 0};
	struct ids ids;

	(void)state;
	ids_init(&ids, emit, &s, false);
	assert_int_equal(ids_task_get(&ids, 100), 0);
	assert_int_equal(ids_task_add(&ids, 100), 1);
	assert_int_equal(ids_task_add(&ids, 7), 2);
	assert_int_equal(ids_task_get(&ids, 100), 1);
	ids_task_del(&ids, 100);
	assert_int_equal(ids_task_get(&ids, 100), 0);
	assert_int_equal(ids_task_add(&ids, 100), 3);
	/* The kernel gave out a number again, and the end of its owner was lost. */
	assert_int_equal(ids_task_add(&ids, 100), 4);
	assert_int_equal(ids_task_get(&ids, 100), 4);
	assert_int_equal(ids_task_get(&ids, 7), 2);
	assert_int_equal(s.nr, 0);
	ids_finish(&ids);
}

static uint32_t file(struct ids *ids, uint64_t dev, uint64_t ino, uint64_t generation,
		     const char *path)
{
	struct ids_file_key key = {.dev = dev, .ino = ino, .generation = generation, .path = path};
	struct mmr_event at = {.task = 5, .cpu = 3, .time_ns = 1234};
	struct mmr_error err;
	uint32_t id = 99;

	assert_int_equal(ids_file(ids, &key, &at, &id, &err), 0);
	return id;
}

static void files_are_told_of_once(void **state)
{
	struct seen s = {.nr = 0};
	struct ids ids;

	(void)state;
	ids_init(&ids, emit, &s, false);
	assert_int_equal(file(&ids, 0, 0, 0, "[heap]"), 0);
	assert_int_equal(file(&ids, 0, 0, 0, ""), 0);
	assert_int_equal(s.nr, 0);
	assert_int_equal(file(&ids, 8, 11, 0, "/nonexistent/a"), 1);
	assert_int_equal(file(&ids, 8, 11, 0, "/nonexistent/a"), 1);
	assert_int_equal(file(&ids, 9, 11, 0, "/nonexistent/b"), 2);
	assert_int_equal(s.nr, 2);
	assert_int_equal(s.ev[0].kind, MMR_FILE);
	assert_int_equal(s.ev[0].task, 5);
	assert_int_equal(s.ev[0].cpu, 3);
	assert_int_equal(s.ev[0].time_ns, 1234);
	assert_int_equal(s.ev[1].FILE.file, 2);
	assert_int_equal(s.ev[1].FILE.dev, 9);
	assert_int_equal(s.ev[1].FILE.ino, 11);
	assert_string_equal(s.data[1], "/nonexistent/b");
	assert_int_equal(ids_file_find(&ids, 9, 11), 2);
	assert_int_equal(ids_file_find(&ids, 9, 12), 0);
	ids_finish(&ids);
}

static void a_new_generation_is_a_new_file(void **state)
{
	struct seen s = {.nr = 0};
	struct ids ids;

	(void)state;
	ids_init(&ids, emit, &s, false);
	/* First seen in /proc/PID/maps, which has no generation; the first record that has one
	 * fills it in. */
	assert_int_equal(file(&ids, 8, 11, 0, "/nonexistent/a"), 1);
	assert_int_equal(file(&ids, 8, 11, 70, "/nonexistent/a"), 1);
	assert_int_equal(file(&ids, 8, 11, 71, "/nonexistent/a"), 2);
	assert_int_equal(file(&ids, 8, 11, 70, "/nonexistent/a"), 1);
	assert_int_equal(file(&ids, 8, 11, 0, "/nonexistent/a"), 2); /* the newest */
	ids_finish(&ids);
}

static void types_of_files(void **state)
{
	(void)state;
	assert_int_equal(ids_file_type("/usr/bin/true", makedev(8, 1)), MMR_FILE_REGULAR);
	assert_int_equal(ids_file_type("/dev/zero (deleted)", makedev(0, 1)), MMR_FILE_SHMEM);
	assert_int_equal(ids_file_type("/memfd:x (deleted)", makedev(0, 1)), MMR_FILE_SHMEM);
	assert_int_equal(ids_file_type("/SYSV00000000 (deleted)", makedev(0, 1)), MMR_FILE_SHMEM);
	assert_int_equal(ids_file_type("/dev/dri/card0", makedev(0, 5)), MMR_FILE_DEVICE);
	assert_int_equal(ids_file_type("/anon_hugepage (deleted)", makedev(0, 15)),
			 MMR_FILE_HUGETLB);
	assert_int_equal(ids_file_type("[vdso]", 0), MMR_FILE_SPECIAL);
}

/* A file of ours that was just written is in the page cache, whole. */
static void the_page_cache_of_a_file(void **state)
{
	char path[] = "mmreplay-test-XXXXXX", buf[4096] = {1};
	struct seen s = {.nr = 0};
	struct ids ids;
	struct stat st;
	uint64_t cached = 0;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(write(fd, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	char *full = realpath(path, NULL);

	ids_init(&ids, emit, &s, true);
	file(&ids, st.st_dev, st.st_ino, 0, full);
	unlink(path);
	assert_true(s.nr >= 2);
	assert_int_equal(s.ev[0].FILE.size, 10 * 4096);
	for (size_t i = 1; i < s.nr; i++) {
		assert_int_equal(s.ev[i].kind, MMR_FILE_CACHE);
		assert_int_equal(s.ev[i].FILE_CACHE.file, 1);
		assert_int_equal(s.ev[i].FILE_CACHE.index, cached);
		assert_true(s.ev[i].FILE_CACHE.order < 10 || s.ev[i].FILE_CACHE.order == 255);
		cached += s.ev[i].FILE_CACHE.nr;
	}
	assert_int_equal(cached, 10);
	free(full);
	ids_finish(&ids);
}

static void failure_to_write_comes_back(void **state)
{
	struct seen s = {.fail = -ENOSPC};
	struct ids_file_key key = {.dev = 1, .ino = 2, .path = "/nonexistent/a"};
	struct mmr_event at = {.task = 1};
	struct mmr_error err;
	struct ids ids;
	uint32_t id;

	(void)state;
	ids_init(&ids, emit, &s, true);
	assert_int_equal(ids_file(&ids, &key, &at, &id, &err), -ENOSPC);
	ids_finish(&ids);
}

static void extents_lose_what_came_later(void **state)
{
	struct file_extents x = {0};

	(void)state;
	*vec_push(&x) = (struct file_extent){.index = 10, .nr = 10, .order = 0};
	*vec_push(&x) = (struct file_extent){.index = 20, .nr = 4, .order = 2};
	file_extents_remove(&x, 12, 3); /* a hole in the first */
	assert_int_equal(x.nr, 3);
	assert_int_equal(x.data[0].nr, 2);
	assert_int_equal(x.data[1].index, 15);
	assert_int_equal(x.data[1].nr, 5);
	assert_int_equal(x.data[2].order, 2);
	file_extents_remove(&x, 18, 3); /* the end of one, the begin of the next */
	assert_int_equal(x.data[1].nr, 3);
	assert_int_equal(x.data[2].index, 21);
	assert_int_equal(x.data[2].nr, 3);
	file_extents_remove(&x, 0, 100);
	assert_int_equal(x.nr, 0);
	vec_finish(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_ids_are_never_used_again),
		cmocka_unit_test(files_are_told_of_once),
		cmocka_unit_test(a_new_generation_is_a_new_file),
		cmocka_unit_test(types_of_files),
		cmocka_unit_test(the_page_cache_of_a_file),
		cmocka_unit_test(failure_to_write_comes_back),
		cmocka_unit_test(extents_lose_what_came_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
