/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What a call on a file that was recorded becomes in the trace. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/test.h"
#include "capture/filecalls.h"

static struct filecall call_of(long nr, uint64_t ret)
{
	return (struct filecall){.nr = (uint64_t)nr, .ret = ret,
				 .file = {{.address = 1, .mode = S_IFREG, .count = 5}, {.address = 2, .mode = S_IFREG}}};
}

static unsigned events(const struct filecall *c, struct mmr_event ev[2], unsigned of[2])
{
	const struct filecalls f = {.counts_from_zero = true};

	return filecalls_events(&f, c, ev, of);
}

static void test_offsets(void **state)
{
	struct mmr_event ev[2];
	unsigned of[2];
	struct filecall c = call_of(SYS_read, 100);

	(void)state;
	/* The file's own offset lies behind what was read. */
	c.file[0].offset = 5000;
	c.args[1] = 0x1000;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].kind, MMR_READ);
	assert_int_equal(ev[0].READ.offset, 4900);
	assert_int_equal(ev[0].READ.len, 100);
	assert_int_equal(ev[0].READ.addr, 0x1000);
	/* pwrite says where; with O_APPEND it is the end all the same. */
	c = call_of(SYS_pwrite64, 10);
	c.args[3] = 7;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].kind, MMR_WRITE);
	assert_int_equal(ev[0].WRITE.offset, 7);
	c.file[0].flags = O_APPEND | O_DSYNC | O_DIRECT;
	c.file[0].size = 1010;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].WRITE.offset, 1000);
	assert_int_equal(ev[0].WRITE.flags, MMR_IO_DIRECT | MMR_IO_SYNC);
	/* At the end of the file nothing is read. */
	c = call_of(SYS_read, 0);
	assert_int_equal(events(&c, ev, of), 0);
}

static void test_two_files(void **state)
{
	struct mmr_event ev[2];
	unsigned of[2];
	struct filecall c = call_of(SYS_copy_file_range, 64);

	(void)state;
	c.file[0].offset = 64;
	c.file[1].offset = 1064;
	assert_int_equal(events(&c, ev, of), 2);
	assert_int_equal(ev[0].kind, MMR_READ);
	assert_int_equal(ev[1].kind, MMR_WRITE);
	assert_int_equal(of[1], 1);
	assert_int_equal(ev[1].WRITE.offset, 1000);
	assert_int_equal(ev[1].WRITE.flags, MMR_IO_SPLICE);
	/* Into a pipe: only what is read */
	c.file[1].mode = S_IFIFO;
	assert_int_equal(events(&c, ev, of), 1);
	c.file[0].mode = S_IFSOCK;
	assert_int_equal(events(&c, ev, of), 0);
}

static void test_open_and_close(void **state)
{
	struct filecalls counts_from_one = {0};
	struct mmr_event ev[2];
	unsigned of[2];
	struct filecall c = call_of(SYS_openat, 3);

	(void)state;
	c.args[2] = O_RDWR | O_TRUNC | O_CREAT;
	assert_int_equal(events(&c, ev, of), 2);
	assert_int_equal(ev[0].kind, MMR_OPEN);
	assert_int_equal(ev[1].kind, MMR_TRUNCATE);
	/* Others still have it open */
	c = call_of(SYS_close, 0);
	assert_int_equal(events(&c, ev, of), 0);
	c.file[0].count = 0;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].kind, MMR_CLOSE);
	assert_int_equal(filecalls_events(&counts_from_one, &c, ev, of), 0);
	c.file[0].count = 1;
	assert_int_equal(filecalls_events(&counts_from_one, &c, ev, of), 1);
}

static void test_pages(void **state)
{
	struct mmr_event ev[2];
	unsigned of[2];
	struct filecall c = call_of(SYS_fallocate, 0);

	(void)state;
	c.args[1] = 3;
	c.args[2] = 4096;
	c.args[3] = 8192;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].TRUNCATE.mode, 4);
	assert_int_equal(ev[0].TRUNCATE.size, 12288);
	assert_int_equal(ev[0].TRUNCATE.hole, 8192);
	c.nr = SYS_sync_file_range;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].FSYNC.flags, MMR_SYNC_RANGE | 8192 << 8);
	c.nr = SYS_readahead;
	assert_int_equal(events(&c, ev, of), 1);
	assert_int_equal(ev[0].FADVISE.advice, MMR_FADV_READAHEAD);
	c.nr = SYS_getpid;
	assert_int_equal(events(&c, ev, of), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_two_files),
		cmocka_unit_test(test_open_and_close),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
