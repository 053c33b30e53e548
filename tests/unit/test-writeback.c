/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Dirty pages, the device's time, the flusher, writers that must wait. */
#include "support/test.h"

#include "mm/file_table.h"
#include "mm/fs_writeback.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/read_write.h"
#include "mm/truncate.h"

#define MIB (1ull << 20)
#define PAGE 4096ull
#define SEC 1000000000ull

struct fixture {
	struct memory *mem;
	struct address_space *mapping;
	struct file *file;
	struct task_struct task;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){.mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB)};
	f->mem->conf.io_write_bandwidth = PAGE * 1000;	/* a page is 1 ms */
	f->mem->conf.io_write_latency_ns = 0;
	f->mem->conf.io_large_folios = 0;
	writeback_create(f->mem);
	f->mapping = mapping_get(f->mem, 1);
	f->mapping->size_known = true;
	f->file = file_lookup(f->mem, f->mapping, 0);
	f->mem->current = &f->task;
}

static uint64_t state_of(const struct fixture *f, enum node_stat_item item)
{
	return f->mem->nodes[0]->vm_stat[item];
}

static void assert_consistent(const struct fixture *f)
{
	struct strbuf why = {0};

	strbuf_addstr(&why, "");
	if (!filemap_consistent(f->mem, &why) || !writeback_consistent(f->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void teardown(struct fixture *f)
{
	assert_consistent(f);
	mapping_put(f->mem, f->mapping);
	mapping_finish_all(f->mem);
	assert_int_equal(state_of(f, NR_FILE_DIRTY), 0);
	assert_int_equal(state_of(f, NR_WRITEBACK), 0);
	assert_int_equal(state_of(f, NR_FILE_PAGES), 0);
	writeback_destroy(f->mem);
	memory_destroy(f->mem);
}

static void write_pages(struct fixture *f, uint64_t first, uint64_t nr)
{
	assert_true(filemap_write(f->mem, f->file, first * PAGE, nr * PAGE, 0));
}

static void writing_dirties_and_fsync_cleans(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	write_pages(&f, 0, 10);
	write_pages(&f, 5, 10);
	assert_int_equal(f.mapping->size_bytes, 15 * PAGE);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 15);
	assert_int_equal(state_of(&f, NR_DIRTIED), 15);
	assert_true(mapping_page_dirty(f.mapping, 14));
	assert_false(mapping_page_dirty(f.mapping, 15));
	assert_consistent(&f);
	vfs_fsync_range(f.mem, f.mapping, 0, 4 * PAGE);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 11);
	assert_int_equal(f.mem->writeback->stall_ns[IO_STALL_SYNC], 4000000);
	vfs_fsync_range(f.mem, f.mapping, 0, UINT64_MAX);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 0);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 0);
	assert_int_equal(state_of(&f, NR_WRITTEN), 15);
	assert_int_equal(f.mem->writeback->stall_ns[IO_STALL_SYNC], 15000000);
	assert_int_equal(f.mem->vm_event[PGPGOUT], 15 * 4);
	assert_true(list_empty(&f.mem->writeback->b_dirty));
	teardown(&f);
}

static void the_device_works_on_the_clock(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	write_pages(&f, 0, 8);
	sync_file_range(f.mem, f.mapping, 0, UINT64_MAX, SYNC_FILE_RANGE_WRITE);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 8);
	f.mem->now_ns = 3000000;
	io_complete(f.mem);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 5);
	assert_consistent(&f);
	/* Dirty again while it is written: written once more. */
	write_pages(&f, 7, 1);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 1);
	vfs_fsync_range(f.mem, f.mapping, 0, UINT64_MAX);
	assert_int_equal(state_of(&f, NR_WRITTEN), 9);
	assert_int_equal(f.mem->writeback->waited_ns, 6000000);
	teardown(&f);
}

static void the_flusher_takes_what_has_expired(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.mem->now_ns = SEC;
	write_pages(&f, 0, 4);
	f.mem->now_ns = 30 * SEC;
	wb_workfn(f.mem);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 4);
	f.mem->now_ns = 31 * SEC;
	wb_workfn(f.mem);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 0);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 4);
	f.mem->now_ns = 32 * SEC;
	io_complete(f.mem);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 0);
	teardown(&f);
}

static void limits_start_the_flusher_and_hold_writers(void **state)
{
	uint64_t background, thresh;
	struct fixture f;

	(void)state;
	setup(&f);
	f.mem->conf.dirty_background_bytes = 100 * PAGE;
	f.mem->conf.dirty_bytes = 200 * PAGE;
	global_dirty_limits(f.mem, &background, &thresh);
	assert_int_equal(background, 100);
	assert_int_equal(thresh, 200);
	write_pages(&f, 0, 100);
	assert_int_equal(state_of(&f, NR_WRITEBACK), 0);
	write_pages(&f, 100, 400);
	assert_true(f.mem->writeback->flusher_wakeups > 0);
	assert_true(f.mem->writeback->stall_ns[IO_STALL_DIRTY] > 0);
	assert_true(state_of(&f, NR_FILE_DIRTY) + state_of(&f, NR_WRITEBACK) <= 200);
	/* 500 pages, 200 still on their way at most: the device has had at least 300 ms. */
	assert_true(f.mem->writeback->waited_ns >= 300000000);
	assert_true(f.mem->writeback->waited_ns <= 600000000);
	/* Ratios: 20 % and 10 % of what is free or cache. */
	f.mem->conf.dirty_background_bytes = f.mem->conf.dirty_bytes = 0;
	global_dirty_limits(f.mem, &background, &thresh);
	assert_in_range(thresh, 11000, 13107);
	assert_in_range(background, thresh / 2 - 10, thresh / 2);
	teardown(&f);
}

static void truncation_gives_dirty_pages_up(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	write_pages(&f, 0, 100);
	sync_file_range(f.mem, f.mapping, 90 * PAGE, UINT64_MAX, SYNC_FILE_RANGE_WRITE);
	truncate_setsize(f.mem, f.mapping, 10 * PAGE);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 10);
	assert_int_equal(state_of(&f, NR_FILE_PAGES), 10);
	/* What was under writeback was waited for. */
	assert_int_equal(f.mem->writeback->waited_ns, 10000000);
	truncate_punch_hole(f.mem, f.mapping, 2 * PAGE + 1, 5 * PAGE);
	assert_int_equal(state_of(&f, NR_FILE_PAGES), 8);
	teardown(&f);
}

static void large_folios_are_as_large_as_the_write(void **state)
{
	struct fixture f;
	pfn_t pfn;

	(void)state;
	setup(&f);
	f.mem->conf.io_large_folios = 1;
	write_pages(&f, 0, 64);		/* order 6 */
	pfn = filemap_find(f.mapping, 63);
	assert_int_equal(page_order(pfn_to_page(f.mem, folio_pfn(f.mem, pfn))), 6);
	/* Not aligned: as the index permits. */
	write_pages(&f, 68, 64);
	assert_int_equal(page_order(pfn_to_page(f.mem, folio_pfn(f.mem, filemap_find(f.mapping, 68)))), 2);
	/* Cut in the middle: split, the front part stays. */
	truncate_setsize(f.mem, f.mapping, 33 * PAGE);
	assert_int_equal(state_of(&f, NR_FILE_PAGES), 33);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 33);
	teardown(&f);
}

static void direct_io_goes_beside_the_cache(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	write_pages(&f, 0, 20);
	assert_true(filemap_write(f.mem, f.file, 5 * PAGE, 5 * PAGE, IOCB_DIRECT));
	assert_true(filemap_find(f.mapping, 7) == PFN_NONE);
	assert_int_equal(state_of(&f, NR_FILE_PAGES), 15);
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 15);
	assert_true(filemap_read(f.mem, f.file, 5 * PAGE, 10 * PAGE, IOCB_DIRECT));
	assert_int_equal(state_of(&f, NR_FILE_DIRTY), 10);
	assert_int_equal(f.mem->writeback->bytes_direct_read, 10 * PAGE);
	assert_int_equal(f.mem->writeback->bytes_written, 20 * PAGE);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writing_dirties_and_fsync_cleans),
		cmocka_unit_test(the_device_works_on_the_clock),
		cmocka_unit_test(the_flusher_takes_what_has_expired),
		cmocka_unit_test(limits_start_the_flusher_and_hold_writers),
		cmocka_unit_test(truncation_gives_dirty_pages_up),
		cmocka_unit_test(large_folios_are_as_large_as_the_write),
		cmocka_unit_test(direct_io_goes_beside_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
