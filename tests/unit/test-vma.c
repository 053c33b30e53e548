/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Areas merge, split and move. An address space is drawn one letter a page, one letter an area,
 * from page BASE on:
 *
 *	0123456789abcdef
 *	AAABB  C
 */
#include "support/test.h"

#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define BASE 0x10000000ull
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

struct world {
	struct memory *mem;
	struct mm_struct *mm;
};

static int setup(void **state)
{
	static struct world w;

	w.mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);
	w.mm = mm_alloc(w.mem);
	w.mem->current = task_alloc(w.mem, 1);
	w.mem->current->mm = w.mm;
	*state = &w;
	return 0;
}

/* Nothing is left behind, whatever the test did. */
static int teardown(void **state)
{
	struct world *w = *state;
	int left;

	mmput(w->mm);
	mapping_finish_all(w->mem);
	left = w->mem->vma_pool.nr_live || w->mem->avc_pool.nr_live ||
	       w->mem->anon_vma_pool.nr_live || w->mem->vm_committed_as ||
	       !memory_consistent(w->mem, NULL);
	memory_destroy(w->mem);
	return left;
}

static const char *draw(struct mm_struct *mm)
{
	static char picture[65];
	char letter = 'A';
	size_t len = 0;

	memset(picture, ' ', sizeof(picture));
	for (struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma), letter++)
		for (uint64_t at = vma->vm_start; at < vma->vm_end && at >= BASE; at += PAGE)
			if ((at - BASE) / PAGE < 64) {
				picture[(at - BASE) / PAGE] = letter;
				len = (at - BASE) / PAGE + 1;
			}
	picture[len] = '\0';
	return picture;
}

#define assert_picture(w, picture) \
	do { \
		assert_true(vma_consistent((w)->mm)); \
		assert_string_equal(draw((w)->mm), picture); \
	} while (0)

static int64_t map(struct world *w, unsigned at, unsigned nr, uint64_t prot)
{
	return do_mmap(w->mm, &(struct mmap_request){.addr = BASE + at * PAGE,
						     .len = nr * PAGE,
						     .prot = prot,
						     .flags = ANON});
}

static int unmap(struct world *w, unsigned at, unsigned nr)
{
	return do_munmap(w->mm, BASE + at * PAGE, nr * PAGE);
}

static int protect(struct world *w, unsigned at, unsigned nr, uint64_t prot)
{
	return do_mprotect(w->mm, BASE + at * PAGE, nr * PAGE, prot);
}

static int64_t remap(struct world *w, unsigned at, unsigned nr, unsigned new_nr, uint64_t flags,
		     unsigned to)
{
	return do_mremap(w->mm, BASE + at * PAGE, nr * PAGE, new_nr * PAGE, flags,
			 flags ? BASE + to * PAGE : 0);
}

static void touch(struct world *w, unsigned at)
{
	assert_int_equal(
		do_user_addr_fault(w->mem, BASE + at * PAGE, FAULT_FLAG_USER | FAULT_FLAG_WRITE),
		0);
}

static void test_new_areas_merge_with_equal_neighbours(void **state)
{
	struct world *w = *state;

	map(w, 0, 3, RW);
	map(w, 6, 2, RW);
	assert_picture(w, "AAA   BB");
	map(w, 3, 1, RW);
	assert_picture(w, "AAAA  BB");
	map(w, 4, 2, RW);
	assert_picture(w, "AAAAAAAA");
	map(w, 8, 2, PROT_READ);
	assert_picture(w, "AAAAAAAABB");
	assert_int_equal(w->mm->data_vm, 8);
	assert_int_equal(w->mm->total_vm, 10);
	assert_int_equal(w->mem->vm_committed_as, 8);
}

static void test_mapping_over_others_replaces_them(void **state)
{
	struct world *w = *state;

	map(w, 0, 4, RW);
	map(w, 4, 4, PROT_READ);
	map(w, 2, 4, PROT_NONE);
	assert_picture(w, "AABBBBCC");
	map(w, 2, 4, RW);
	assert_picture(w, "AAAAAABB");
	assert_int_equal(w->mem->vm_committed_as, 6);
}

static void test_munmap_splits_and_trims(void **state)
{
	struct world *w = *state;

	map(w, 0, 12, RW);
	unmap(w, 5, 2);
	assert_picture(w, "AAAAA  BBBBB");
	unmap(w, 0, 1);
	unmap(w, 11, 3);
	assert_picture(w, " AAAA  BBBB");
	unmap(w, 3, 6);
	assert_picture(w, " AA      BB");
	assert_int_equal(unmap(w, 4, 2), 0);
	assert_int_equal(do_munmap(w->mm, BASE + 1, PAGE), -EINVAL);
	assert_int_equal(do_munmap(w->mm, BASE, 0), -EINVAL);
}

static void test_mprotect_merges_on_all_sides(void **state)
{
	struct world *w = *state;

	map(w, 0, 9, RW);
	protect(w, 3, 3, PROT_READ);
	assert_picture(w, "AAABBBCCC");
	protect(w, 3, 1, RW); /* the left takes the start of the middle */
	assert_picture(w, "AAAABBCCC");
	protect(w, 5, 1, RW); /* the right takes its end */
	assert_picture(w, "AAAABCCCC");
	protect(w, 4, 1, RW); /* the left takes all */
	assert_picture(w, "AAAAAAAAA");
	assert_int_equal(protect(w, 7, 4, PROT_READ), -ENOMEM);
	assert_picture(w, "AAAAAAABB");
}

/*
 * Areas that were touched apart have anon_vmas of their own, unless mprotect had cut them from one.
 */
static void test_anon_vmas_decide_about_merging(void **state)
{
	struct world *w = *state;

	map(w, 0, 2, RW);
	map(w, 3, 2, RW);
	touch(w, 0);
	touch(w, 3);
	map(w, 2, 1, RW);
	assert_picture(w, "AAABB"); /* fits either, but not both together */
	map(w, 8, 4, RW);
	protect(w, 10, 2, PROT_READ);
	touch(w, 8);
	protect(w, 10, 2, RW);
	assert_picture(w, "AAABB   CCCC");
	protect(w, 10, 2, PROT_READ | PROT_WRITE | PROT_EXEC);
	touch(w, 10); /* takes the neighbour's anon_vma */
	assert_ptr_equal(find_vma(w->mm, BASE + 8 * PAGE)->anon_vma,
			 find_vma(w->mm, BASE + 10 * PAGE)->anon_vma);
	protect(w, 10, 2, RW);
	assert_picture(w, "AAABB   CCCC");
}

/* After a fork the child's areas do not pass their anon_vma on. */
static void test_a_childs_areas_do_not_merge_by_anon_vma(void **state)
{
	struct world *w = *state;
	struct mm_struct *parent = w->mm;

	map(w, 0, 2, RW);
	touch(w, 0);
	w->mm = w->mem->current->mm = dup_mm(parent);
	map(w, 2, 2, RW);
	assert_picture(w, "AABB");
	mmput(w->mm);
	w->mm = w->mem->current->mm = parent;
	map(w, 2, 2, RW);
	assert_picture(w, "AAAA");
}

static void test_file_areas_merge_by_offset(void **state)
{
	struct world *w = *state;
	struct address_space *file = mapping_get(w->mem, 7);
	struct mmap_request req = {.len = 2 * PAGE,
				   .prot = PROT_READ,
				   .flags = MAP_PRIVATE | MAP_FIXED,
				   .mapping = file};

	file->size_bytes = 64 * PAGE;
	for (unsigned i = 0; i < 4; i++) {
		req.addr = BASE + 2 * i * PAGE;
		req.pgoff = i == 3 ? 9 : 2 * i; /* the last one does not go on */
		assert_int_equal(do_mmap(w->mm, &req), req.addr);
	}
	assert_picture(w, "AAAAAABB");
	unmap(w, 2, 1);
	assert_picture(w, "AA BBBCC");
	assert_int_equal(find_vma(w->mm, BASE + 3 * PAGE)->vm_pgoff, 3);
	mapping_put(w->mem, file);
}

static void test_mremap_shrinks_grows_and_moves(void **state)
{
	struct world *w = *state;
	uint64_t faults;

	map(w, 0, 4, RW);
	touch(w, 0);
	touch(w, 1);
	assert_int_equal(remap(w, 0, 4, 2, 0, 0), BASE);
	assert_picture(w, "AA");
	assert_int_equal(remap(w, 0, 2, 5, 0, 0), BASE);
	assert_picture(w, "AAAAA");
	map(w, 8, 1, PROT_READ);
	assert_int_equal(remap(w, 0, 5, 9, 0, 0), -ENOMEM);
	faults = w->mem->vm_event[PGFAULT];
	assert_int_equal(remap(w, 0, 5, 7, MREMAP_MAYMOVE | MREMAP_FIXED, 16), BASE + 16 * PAGE);
	assert_picture(w, "        A       BBBBBBB");
	assert_int_equal(w->mm->rss_stat[MM_ANONPAGES], 2);
	assert_int_equal(w->mem->vm_event[PGFAULT], faults);
	assert_int_equal(w->mem->vm_committed_as, 7);
}

static void test_mremap_keeps_the_offset_of_touched_pages(void **state)
{
	struct world *w = *state;

	map(w, 0, 2, RW);
	map(w, 8, 2, RW);
	remap(w, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 6);
	assert_picture(w, "      AAAA"); /* untouched: takes the offset of its new place */
	touch(w, 6);
	map(w, 0, 2, RW);
	remap(w, 6, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
	assert_picture(w, "AABB    CC");
	remap(w, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 6);
	assert_picture(w, "AA    BBBB"); /* back where it belongs */
}

static void test_mremap_dontunmap_leaves_an_empty_area(void **state)
{
	struct world *w = *state;

	map(w, 0, 3, RW);
	touch(w, 1);
	remap(w, 0, 3, 3, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 8);
	assert_picture(w, "AAA     BBB");
	assert_int_equal(w->mm->rss_stat[MM_ANONPAGES], 1);
	assert_null(find_vma(w->mm, BASE)->anon_vma);
	assert_int_equal(w->mem->vm_committed_as, 6);
}

static void test_mremap_moves_whole_tables(void **state)
{
	struct world *w = *state;
	uint64_t from = 1ull << 32, to = 2ull << 32, size = 2ull << 20;

	do_mmap(w->mm,
		&(struct mmap_request){.addr = from, .len = 2 * size, .prot = RW, .flags = ANON});
	do_user_addr_fault(w->mem, from + 5 * PAGE, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	do_user_addr_fault(w->mem, from + size, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	struct pgtable *table = pgtable_lookup(w->mm, from, 0);

	assert_int_equal(
		do_mremap(w->mm, from, 2 * size, 2 * size, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	assert_ptr_equal(pgtable_lookup(w->mm, to, 0), table);
	/*
	 * root excluded: one each of level 2 and 1, two of level 0; nothing stays at the old place
	 */
	assert_int_equal(w->mm->pgtables_bytes, 4 * PAGE);
}

static void test_brk_grows_one_area(void **state)
{
	struct world *w = *state;
	struct mm_struct *mm = w->mm;

	mm->start_brk = mm->brk = BASE + 3 * PAGE;
	map(w, 0, 3, RW); /* bss, up to the break */
	assert_int_equal(do_brk(mm, BASE + 5 * PAGE), 0);
	assert_picture(w, "AAABB"); /* never one with what ends where the heap starts */
	assert_int_equal(do_brk(mm, BASE + 7 * PAGE + 1), 0);
	assert_picture(w, "AAABBBBB");
	assert_int_equal(do_brk(mm, BASE + 4 * PAGE), 0);
	assert_picture(w, "AAAB");
	map(w, 9, 1, RW);
	assert_int_equal(do_brk(mm, BASE + 9 * PAGE), -ENOMEM); /* a page must stay free */
	assert_int_equal(do_brk(mm, BASE + 8 * PAGE), 0);
	assert_picture(w, "AAABBBBB C");
	assert_int_equal(do_brk(mm, BASE), -ENOMEM);
	assert_int_equal(mm->brk, BASE + 8 * PAGE);
}

static void test_a_stack_grows_down_to_its_guard(void **state)
{
	struct world *w = *state;
	struct mmap_request stack = {
		.addr = BASE + 1000 * PAGE, .len = PAGE, .prot = RW, .flags = ANON | MAP_GROWSDOWN};

	map(w, 0, 2, RW);
	do_mmap(w->mm, &stack);
	assert_true(expand_stack(w->mm, BASE + 900 * PAGE + 5));
	assert_int_equal(find_vma(w->mm, BASE + 900 * PAGE)->vm_start, BASE + 900 * PAGE);
	assert_int_equal(w->mm->stack_vm, 101);
	assert_false(expand_stack(w->mm, BASE + 257 * PAGE)); /* 256 pages stay between */
	assert_true(expand_stack(w->mm, BASE + 258 * PAGE));
	assert_true(vma_consistent(w->mm));
	w->mm->stack_limit_bytes = 800 * PAGE;
	unmap(w, 0, 2);
	assert_false(expand_stack(w->mm, BASE + 200 * PAGE));
}

static void test_holes_are_found_from_the_top(void **state)
{
	struct world *w = *state;
	struct mm_struct *mm = w->mm;

	mm->mmap_base = BASE + 40 * PAGE;
	map(w, 30, 10, RW);
	map(w, 20, 6, PROT_READ);
	assert_int_equal(get_unmapped_area(mm, NULL, 0, 4 * PAGE, 0, false), BASE + 26 * PAGE);
	assert_int_equal(get_unmapped_area(mm, NULL, 0, 5 * PAGE, 0, false), BASE + 15 * PAGE);
	assert_int_equal(get_unmapped_area(mm, NULL, BASE + 2 * PAGE, PAGE, 0, false),
			 BASE + 2 * PAGE);
	assert_int_equal(get_unmapped_area(mm, NULL, BASE + 21 * PAGE, PAGE, 0, false),
			 BASE + 29 * PAGE);
	/* two megabytes of anonymous memory are aligned */
	assert_int_equal(get_unmapped_area(mm, NULL, 0, 2ull << 20, 0, false) & ((2ull << 20) - 1),
			 0);
}

static void test_overcommit(void **state)
{
	struct world *w = *state;
	uint64_t total = w->mem->totalram_pages;
	struct mmap_request req = {
		.addr = 1ull << 40, .len = (total + 1) * PAGE, .prot = RW, .flags = ANON};

	assert_int_equal(do_mmap(w->mm, &req), -ENOMEM);
	req.flags |= MAP_NORESERVE;
	assert_int_equal(do_mmap(w->mm, &req), 1ll << 40);
	do_munmap(w->mm, 1ull << 40, req.len);
	w->mem->conf.overcommit_memory = 2; /* never: NORESERVE does not help */
	assert_int_equal(do_mmap(w->mm, &req), -ENOMEM);
	w->mem->conf.overcommit_memory = 1;
	req.flags = ANON;
	assert_int_equal(do_mmap(w->mm, &req), 1ll << 40);
	assert_int_equal(w->mem->vm_committed_as, total + 1);
}

static void test_limits_and_bad_arguments(void **state)
{
	struct world *w = *state;
	struct mmap_request req = {.addr = BASE, .len = PAGE, .prot = RW, .flags = ANON};

	w->mem->conf.max_map_count = 3;
	map(w, 0, 9, RW);
	protect(w, 1, 1, PROT_READ);
	assert_picture(w, "ABCCCCCCC");
	assert_int_equal(protect(w, 4, 1, PROT_READ), -ENOMEM);
	assert_int_equal(unmap(w, 4, 1), -ENOMEM);
	assert_int_equal(unmap(w, 7, 2), 0);
	w->mem->conf.max_map_count = 65530;
	req.flags |= MAP_FIXED_NOREPLACE;
	assert_int_equal(do_mmap(w->mm, &req), -EEXIST);
	req = (struct mmap_request){.len = 0, .flags = ANON};
	assert_int_equal(do_mmap(w->mm, &req), -EINVAL);
	req = (struct mmap_request){.addr = 123, .len = PAGE, .flags = ANON};
	assert_int_equal(do_mmap(w->mm, &req), -EINVAL);
	req = (struct mmap_request){.len = 1ull << 50, .flags = MAP_PRIVATE};
	assert_int_equal(do_mmap(w->mm, &req), -ENOMEM);
	w->mm->as_limit_bytes = 10 * PAGE;
	assert_int_equal(map(w, 20, 11, RW), -ENOMEM);
}

static void test_mlock_counts_and_populates(void **state)
{
	struct world *w = *state;

	map(w, 0, 8, RW);
	assert_int_equal(do_mlock(w->mm, BASE + 2 * PAGE, 3 * PAGE, false), 0);
	assert_picture(w, "AABBBCCC");
	assert_int_equal(w->mm->locked_vm, 3);
	assert_int_equal(w->mm->rss_stat[MM_ANONPAGES], 3);
	assert_int_equal(do_munlock(w->mm, BASE, 8 * PAGE), 0);
	assert_picture(w, "AAAAAAAA");
	assert_int_equal(w->mm->locked_vm, 0);
	assert_int_equal(do_mlock(w->mm, BASE + 6 * PAGE, 4 * PAGE, false), -ENOMEM);
	assert_int_equal(do_mlockall(w->mm, 0), 0);
	assert_int_equal(do_mlockall(w->mm, MCL_FUTURE | MCL_ONFAULT), 0);
	map(w, 10, 2, RW);
	assert_int_equal(w->mm->locked_vm, 2);
	assert_int_equal(w->mm->rss_stat[MM_ANONPAGES], 3);
}

static void test_madvise_flags_split_and_merge(void **state)
{
	struct world *w = *state;

	map(w, 0, 6, RW);
	do_madvise(w->mm, BASE + 2 * PAGE, 2 * PAGE, MADV_DONTFORK);
	assert_picture(w, "AABBCC");
	do_madvise(w->mm, BASE + 2 * PAGE, 2 * PAGE, MADV_DOFORK);
	assert_picture(w, "AAAAAA");
	assert_int_equal(do_madvise(w->mm, BASE, 9 * PAGE, MADV_NOHUGEPAGE), -ENOMEM);
	assert_true(find_vma(w->mm, BASE)->vm_flags & VM_NOHUGEPAGE); /* done up to the hole */
	assert_int_equal(do_madvise(w->mm, BASE + 1, PAGE, MADV_NORMAL), -EINVAL);
	assert_int_equal(do_madvise(w->mm, BASE, PAGE, 4711), -EINVAL);
}

static void test_special_areas_stay_whole(void **state)
{
	struct world *w = *state;
	struct mmap_request vdso = {.addr = BASE,
				    .len = 2 * PAGE,
				    .prot = PROT_READ | PROT_EXEC,
				    .flags = ANON,
				    .vm_flags = VM_SPECIAL_MAP,
				    .name = "[vdso]"};

	do_mmap(w->mm, &vdso);
	vdso.addr += 2 * PAGE;
	do_mmap(w->mm, &vdso);
	assert_picture(w, "AABB");
	assert_int_equal(unmap(w, 0, 1), -EINVAL);
	assert_int_equal(unmap(w, 0, 2), 0);
	assert_picture(w, "  AA");
}

/* A write fault that would only say yes is spared: the page is this process's alone. */
static void test_mprotect_gives_write_back_where_no_fault_is_needed(void **state)
{
	struct world *w = *state;
	struct pgtable *table;
	unsigned level;

	map(w, 0, 2, RW);
	touch(w, 0);
	do_user_addr_fault(w->mem, BASE + PAGE, FAULT_FLAG_USER); /* the zero page */
	protect(w, 0, 2, PROT_READ);
	assert_false(pte_write(*pgtable_walk(w->mm, BASE, &level, &table)));
	protect(w, 0, 2, RW);
	assert_true(pte_write(*pgtable_walk(w->mm, BASE, &level, &table)));
	assert_false(pte_write(*pgtable_walk(w->mm, BASE + PAGE, &level, &table)));
	protect(w, 0, 2, PROT_NONE);
	assert_false(pgtable_walk(w->mm, BASE, &level, &table)->pte & PTE_PRESENT);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_new_areas_merge_with_equal_neighbours),
		row(test_mapping_over_others_replaces_them),
		row(test_munmap_splits_and_trims),
		row(test_mprotect_merges_on_all_sides),
		row(test_anon_vmas_decide_about_merging),
		row(test_a_childs_areas_do_not_merge_by_anon_vma),
		row(test_file_areas_merge_by_offset),
		row(test_mremap_shrinks_grows_and_moves),
		row(test_mremap_keeps_the_offset_of_touched_pages),
		row(test_mremap_dontunmap_leaves_an_empty_area),
		row(test_mremap_moves_whole_tables),
		row(test_brk_grows_one_area),
		row(test_a_stack_grows_down_to_its_guard),
		row(test_holes_are_found_from_the_top),
		row(test_overcommit),
		row(test_limits_and_bad_arguments),
		row(test_mlock_counts_and_populates),
		row(test_madvise_flags_split_and_merge),
		row(test_special_areas_stay_whole),
		row(test_mprotect_gives_write_back_where_no_fault_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
