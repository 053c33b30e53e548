/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What becomes of a recorded node mask: whole words, no bits behind maxnode, records matched by thread and arguments. */
#include "support/test.h"

#include <sys/syscall.h>

#include "capture/nodemask.h"

static struct nodemask_record mbind_record(uint32_t tid, uint64_t start, uint64_t maxnode)
{
	struct nodemask_record rec = {.tid = tid, .nr = SYS_mbind};

	rec.args[0] = start;
	rec.args[4] = maxnode;
	memset(rec.mask, 0xff, sizeof(rec.mask));
	return rec;
}

static void assert_mask(uint64_t maxnode, size_t len, uint64_t first, unsigned char last)
{
	struct nodemask_record rec = mbind_record(1, 0, maxnode);
	char data[2 * NODEMASK_WORDS * 8];
	uint64_t word;

	assert_int_equal(nodemask_data(&rec, data), len);
	memcpy(&word, data, sizeof(word));
	assert_int_equal(word, first);
	assert_int_equal((unsigned char)data[len - 1], last);
}

static void test_bits_behind_maxnode(void **state)
{
	(void)state;
	assert_mask(1, 8, 0, 0); /* no bits at all: an empty mask, which is known */
	assert_mask(2, 8, 1, 0);
	assert_mask(65, 8, UINT64_MAX, 0xff);
	assert_mask(64, 8, UINT64_MAX >> 1, 0x7f);
	assert_mask(66, 16, UINT64_MAX, 0);
	assert_mask(1024, 64, UINT64_MAX, 0xff); /* more nodes than any machine: cut */
}

static void test_both_masks(void **state)
{
	struct nodemask_record rec = {.nr = SYS_migrate_pages, .args = {0, 65}, .mask = {{1}, {6}}};
	char data[2 * NODEMASK_WORDS * 8];

	(void)state;
	assert_int_equal(nodemask_data(&rec, data), 16);
	assert_int_equal(data[0], 1);
	assert_int_equal(data[8], 6);
	rec.failed = 1;
	assert_int_equal(nodemask_data(&rec, data), 0);
}

static void test_records_are_matched(void **state)
{
	struct nodemasks n = {.open = true, .ring = {.map_fd = -1}, .prog_fd = {-1, -1, -1}, .event_fd = {-1, -1, -1}};
	struct syscall_call call = {.nr = SYS_mbind};
	const char *data;

	(void)state;
	*vec_push(&n.pending) = mbind_record(1, 0x1000, 2);
	*vec_push(&n.pending) = mbind_record(2, 0x2000, 2);
	*vec_push(&n.pending) = mbind_record(1, 0x3000, 65);
	call.args[0] = 0x3000;
	call.args[4] = 65;
	/* the thread's earlier record, whose call was lost, goes with it; the other thread's stays */
	assert_int_equal(nodemasks_take(&n, 1, &call, &data), 8);
	assert_int_equal((unsigned char)data[7], 0xff);
	assert_int_equal(n.pending.nr, 1);
	assert_int_equal(nodemasks_take(&n, 2, &call, &data), 0);
	assert_int_equal(n.nr_lost, 1);
	call.nr = SYS_mmap;
	assert_int_equal(nodemasks_take(&n, 2, &call, &data), 0);
	assert_false(nodemasks_wants(SYS_mmap));
	assert_true(nodemasks_wants(SYS_set_mempolicy));
	nodemasks_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits_behind_maxnode),
		cmocka_unit_test(test_both_masks),
		cmocka_unit_test(test_records_are_matched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
