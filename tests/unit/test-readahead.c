/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Windows of read-ahead. The expected ones follow from mm/readahead.c of Linux 6.18 by hand: limit 32 pages
 * (read_ahead_kb 128), so a request of one page starts with 4, then 8, 16, 32.
 */
#include "support/test.h"

#include "mm/file_table.h"
#include "mm/filemap_fault.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/read_write.h"
#include "mm/readahead.h"
#include "mm/vmscan.h"
#include "mm/writeback.h"

#define MIB (1ull << 20)
#define PAGE 4096ull

struct fixture {
	struct memory *mem;
	struct address_space *mapping;
	struct file *file;
};

static struct fixture setup(uint64_t pages, bool large)
{
	struct fixture f = {.mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB)};

	f.mem->conf.io_large_folios = large;
	writeback_create(f.mem);
	f.mapping = mapping_get(f.mem, 1);
	f.mapping->size_bytes = pages * PAGE;
	f.file = file_lookup(f.mem, f.mapping, 7);
	return f;
}

static void teardown(struct fixture *f)
{
	struct strbuf why = {0};

	strbuf_addstr(&why, "");
	assert_true(filemap_consistent(f->mem, &why));
	assert_true(writeback_consistent(f->mem, &why));
	strbuf_finish(&why);
	mapping_put(f->mem, f->mapping);
	mapping_finish_all(f->mem);
	writeback_destroy(f->mem);
	memory_destroy(f->mem);
}

static void read_pages(struct fixture *f, uint64_t first, uint64_t nr)
{
	assert_true(filemap_read(f->mem, f->file, first * PAGE, nr * PAGE, 0));
}

/* Exactly [from, to) is cached between the pages around it. */
static void assert_cached(const struct fixture *f, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		assert_true(filemap_find(f->mapping, i) != PFN_NONE);
	assert_true(filemap_find(f->mapping, to) == PFN_NONE);
	assert_true(!from || filemap_find(f->mapping, from - 1) == PFN_NONE);
}

static bool marked(const struct fixture *f, uint64_t index)
{
	pfn_t pfn = filemap_find(f->mapping, index);

	return pfn != PFN_NONE && pfn_to_page(f->mem, folio_pfn(f->mem, pfn))->flags & PG_READAHEAD;
}

static unsigned order_of(const struct fixture *f, uint64_t index)
{
	return page_order(pfn_to_page(f->mem, folio_pfn(f->mem, filemap_find(f->mapping, index))));
}

static void reads_in_order_double_the_window(void **state)
{
	static const struct {
		uint64_t read, cached, mark;
	} steps[] = {
		{0, 4, 1}, {1, 12, 4}, {2, 12, 4}, {3, 12, 4}, {4, 28, 12}, {11, 28, 12}, {12, 60, 28}, {27, 60, 28},
		{28, 92, 60}, {60, 124, 92},
	};
	struct fixture f = setup(1000, false);

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		read_pages(&f, steps[i].read, 1);
		assert_cached(&f, 0, steps[i].cached);
		assert_true(marked(&f, steps[i].mark));
	}
	assert_int_equal(f.mem->vm_event[PGPGIN], 124 * 4);
	teardown(&f);
}

static void folios_grow_with_the_window(void **state)
{
	struct fixture f = setup(1000, true);

	(void)state;
	read_pages(&f, 0, 1);
	assert_cached(&f, 0, 4);
	assert_int_equal(order_of(&f, 0), 0);
	/* Order 2, window [4, 12). */
	read_pages(&f, 1, 1);
	assert_cached(&f, 0, 12);
	assert_int_equal(order_of(&f, 4), 2);
	assert_true(marked(&f, 4));
	/* Order 4 ends the window at the next multiple of 16; four pages hold no larger folio than order 2. */
	read_pages(&f, 4, 1);
	assert_cached(&f, 0, 16);
	assert_int_equal(order_of(&f, 12), 2);
	/* 8 pages from 16 on, one folio of order 3. */
	read_pages(&f, 12, 1);
	assert_cached(&f, 0, 24);
	assert_int_equal(order_of(&f, 16), 3);
	teardown(&f);
}

static void a_large_request_is_cut_to_the_device(void **state)
{
	struct fixture f = setup(1000, false);

	(void)state;
	/* 64 pages asked for: the window is that, its second half marked; the mark starts as much again. */
	read_pages(&f, 0, 64);
	assert_cached(&f, 0, 128);
	assert_int_equal(f.file->f_ra.start, 64);
	assert_int_equal(f.file->f_ra.size, 64);
	teardown(&f);
	f = setup(10, false);
	read_pages(&f, 0, 10);
	assert_cached(&f, 0, 10);	/* not behind the end */
	teardown(&f);
}

static void random_reads_leave_the_window_alone(void **state)
{
	struct fixture f = setup(1000, false);

	(void)state;
	read_pages(&f, 500, 1);
	assert_cached(&f, 500, 501);
	assert_int_equal(f.file->f_ra.size, 0);
	read_pages(&f, 300, 3);
	assert_cached(&f, 300, 303);
	/* Right behind the last read: a new window of 4. */
	read_pages(&f, 303, 1);
	assert_cached(&f, 300, 307);
	assert_int_equal(f.file->f_ra.async_size, 3);
	teardown(&f);
}

static void history_in_the_cache_tells_a_stream(void **state)
{
	struct fixture f = setup(1000, false);

	(void)state;
	/* Ten pages before the miss: 10 + 1, marked on the last page. */
	assert_true(filemap_populate(f.mem, f.mapping, 200, 10, 255));
	read_pages(&f, 210, 1);
	assert_cached(&f, 200, 221);
	assert_true(marked(&f, 220));
	/* From the beginning of the file on it counts twice: 2 * 10 + 1. */
	assert_true(filemap_populate(f.mem, f.mapping, 0, 10, 255));
	read_pages(&f, 10, 1);
	assert_cached(&f, 0, 31);
	assert_true(marked(&f, 30));
	teardown(&f);
}

static void two_streams_on_one_file_go_by_their_marks(void **state)
{
	struct fixture f = setup(4000, false);

	(void)state;
	read_pages(&f, 0, 1);		/* [0, 4), mark 1 */
	read_pages(&f, 2000, 1);	/* random */
	read_pages(&f, 2001, 1);	/* [2001, 2005), mark 2002 */
	assert_cached(&f, 2000, 2005);
	/* The mark at 1 is not where the window says: 4 - 1 pages cached behind it, and the page: 4 grow to 8. */
	read_pages(&f, 1, 1);
	assert_cached(&f, 0, 12);
	teardown(&f);
}

static void advice_changes_the_window(void **state)
{
	struct fixture f = setup(4000, false);

	(void)state;
	generic_fadvise(f.mem, f.file, 0, 0, FADV_SEQUENTIAL);
	assert_int_equal(f.file->f_ra.ra_pages, 64);
	generic_fadvise(f.mem, f.file, 0, 0, FADV_RANDOM);
	read_pages(&f, 0, 1);
	assert_cached(&f, 0, 1);
	generic_fadvise(f.mem, f.file, 0, 0, FADV_NORMAL);
	assert_int_equal(f.file->f_ra.ra_pages, 32);
	/* No more than the device's largest transfer: 1280K. */
	generic_fadvise(f.mem, f.file, 100 * PAGE, 1000 * PAGE, FADV_WILLNEED);
	assert_cached(&f, 100, 420);
	/* Whole pages only. */
	generic_fadvise(f.mem, f.file, 100 * PAGE + 1, 10 * PAGE, FADV_DONTNEED);
	assert_cached(&f, 100, 101);
	assert_cached(&f, 110, 420);
	teardown(&f);
}

static struct vm_fault fault_at(struct fixture *f, struct vm_area_struct *vma, uint64_t pgoff)
{
	return (struct vm_fault){.mem = f->mem, .vma = vma, .pgoff = pgoff, .address = vma->vm_start + pgoff * PAGE};
}

static bool touch(struct fixture *f, struct vm_area_struct *vma, uint64_t pgoff)
{
	struct vm_fault vmf = fault_at(f, vma, pgoff);
	bool major, waited;
	pfn_t pfn = filemap_fault(&vmf, &major, &waited);

	assert_true(pfn != PFN_NONE);
	put_page(f->mem, folio_pfn(f->mem, pfn));
	return major;
}

static void faults_read_around(void **state)
{
	struct fixture f = setup(100000, false);
	struct mm_struct mm = {.mem = f.mem};
	struct vm_area_struct vma = {.vm_start = 1ull << 30, .vm_end = 2ull << 30, .vm_mapping = f.mapping, .vm_mm = &mm};

	(void)state;
	assert_true(touch(&f, &vma, 100));
	assert_cached(&f, 84, 116);
	assert_true(marked(&f, 108));
	assert_false(touch(&f, &vma, 108));	/* the mark: the next window, grown to the limit */
	assert_cached(&f, 84, 148);
	assert_true(marked(&f, 116));
	/* Executable: inside the area, no mark. */
	vma.vm_flags = VM_EXEC;
	vma.vm_pgoff = 990;
	vma.vm_end = vma.vm_start + 20 * PAGE;
	assert_true(touch(&f, &vma, 1000));
	assert_cached(&f, 1000, 1010);
	/* MADV_RANDOM: the page alone. */
	vma = (struct vm_area_struct){.vm_start = 1ull << 30, .vm_end = 2ull << 30, .vm_mapping = f.mapping,
				      .vm_flags = VM_RAND_READ, .vm_mm = &mm};
	assert_true(touch(&f, &vma, 5000));
	assert_cached(&f, 5000, 5001);
	teardown(&f);
}

static void too_many_misses_end_reading_around(void **state)
{
	struct fixture f = setup(1 << 20, false);
	struct vm_area_struct vma = {.vm_start = 1 << 30, .vm_end = 1ull << 40, .vm_mapping = f.mapping};

	(void)state;
	for (uint64_t i = 1; i <= MMAP_LOTSAMISS; i++)
		assert_true(touch(&f, &vma, i * 100));
	assert_cached(&f, 84 + 9900, 116 + 9900);
	assert_true(touch(&f, &vma, 20000));
	assert_cached(&f, 20000, 20001);
	/* A hit forgives a miss. */
	assert_false(touch(&f, &vma, 20000));
	assert_false(touch(&f, &vma, 20000));
	assert_true(touch(&f, &vma, 30000));
	assert_cached(&f, 30000 - 16, 30016);
	teardown(&f);
}

static void huge_page_areas_read_huge_folios(void **state)
{
	struct fixture f = setup(4096, true);
	struct vm_area_struct vma = {.vm_start = 1 << 30, .vm_end = 1ull << 40, .vm_mapping = f.mapping,
				     .vm_flags = VM_HUGEPAGE};

	(void)state;
	assert_true(touch(&f, &vma, 700));
	assert_cached(&f, 512, 1536);
	assert_int_equal(order_of(&f, 700), 9);
	assert_true(marked(&f, 1024));
	teardown(&f);
}

/* Pages of a window that is being made are scanned and left; the others go. */
static void pages_that_are_being_read_are_locked(void **state)
{
	struct fixture f = setup(1000, false);

	(void)state;
	lru_enable(f.mem);
	read_pages(&f, 0, 1);
	f.mem->reading = (struct reading){.mapping = f.mapping->handle, .first = 0, .end = 2};
	reclaim_node_proactively(f.mem, 0, 4, SWAPPINESS_DEFAULT);
	assert_cached(&f, 0, 2);
	f.mem->reading.mapping = 0;
	reclaim_node_proactively(f.mem, 0, 4, SWAPPINESS_DEFAULT);
	assert_int_equal(f.mapping->pages.nr, 0);
	lru_disable(f.mem);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_order_double_the_window),
		cmocka_unit_test(folios_grow_with_the_window),
		cmocka_unit_test(a_large_request_is_cut_to_the_device),
		cmocka_unit_test(random_reads_leave_the_window_alone),
		cmocka_unit_test(history_in_the_cache_tells_a_stream),
		cmocka_unit_test(two_streams_on_one_file_go_by_their_marks),
		cmocka_unit_test(advice_changes_the_window),
		cmocka_unit_test(faults_read_around),
		cmocka_unit_test(too_many_misses_end_reading_around),
		cmocka_unit_test(huge_page_areas_read_huge_folios),
		cmocka_unit_test(pages_that_are_being_read_are_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
