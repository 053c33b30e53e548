/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page cache: what evicted folios leave behind, what counts as an access, entries of shared areas and their dirty pages,
 * shmem that goes to swap and comes back.
 */
#include "support/test.h"

#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/file_table.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/fs_writeback.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/read_write.h"
#include "mm/rmap.h"
#include "mm/shmem.h"
#include "mm/swap_state.h"
#include "mm/truncate.h"
#include "mm/vma.h"
#include "mm/workingset.h"
#include "mm/writeback.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct address_space *file;
};

static void set_up(struct world *w)
{
	w->mem = memory_create_uma(geometry_find("x86-64"), 1, 128 * MIB);
	w->mem->conf.io_large_folios = 0;
	lru_enable(w->mem);
	writeback_create(w->mem);
	swap_system_create(w->mem);
	assert_int_equal(swapon(w->mem, &(struct swap_area_desc){16 * MIB, -1, SWAP_SSD}, NULL), 0);
	w->task = task_alloc(w->mem, 1);
	w->mm = w->task->mm = mm_alloc(w->mem);
	w->mem->current = w->task;
	w->file = mapping_get(w->mem, 1);
	w->file->size_bytes = 64 * PAGE;
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	strbuf_addstr(&why, "");
	if (!filemap_consistent(w->mem, &why) || !writeback_consistent(w->mem, &why) || !memory_consistent(w->mem, &why) ||
	    !swap_consistent(w->mem, &why) || !lru_consistent(w->mem))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void tear_down(struct world *w)
{
	check(w);
	mmput(w->mm);
	w->mem->current = NULL;
	task_free(w->mem, w->task);
	mapping_put(w->mem, w->file);
	mapping_finish_all(w->mem);
	assert_int_equal(get_nr_swap_pages(w->mem), total_swap_pages(w->mem));
	swap_destroy(w->mem);
	writeback_destroy(w->mem);
	lru_disable(w->mem);
	memory_destroy(w->mem);
}

static uint64_t state_of(const struct world *w, enum node_stat_item item)
{
	return w->mem->nodes[0]->vm_stat[item];
}

static void map(struct world *w, struct address_space *mapping, uint64_t flags)
{
	struct mmap_request req = {.addr = BASE, .len = 64 * PAGE, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_FIXED | flags, .mapping = mapping};

	assert_int_equal(do_mmap(w->mm, &req), BASE);
}

static void touch(struct world *w, uint64_t page, unsigned flags)
{
	assert_false(do_user_addr_fault(w->mem, BASE + page * PAGE, flags | FAULT_FLAG_USER) & VM_FAULT_ERROR);
}

static pte_t entry(struct world *w, uint64_t page)
{
	struct pgtable *table;
	unsigned level;

	return *pgtable_walk(w->mm, BASE + page * PAGE, &level, &table);
}

static uint32_t flags_of(const struct world *w, uint64_t page)
{
	return pfn_to_page(w->mem, folio_pfn(w->mem, filemap_find(w->file, page)))->flags;
}

static void shadows_tell_a_refault(void **state)
{
	struct world w;
	uint64_t shadow;

	(void)state;
	set_up(&w);
	assert_true(filemap_populate(w.mem, w.file, 0, 8, 255));
	for (uint64_t i = 0; i < 8; i++) {
		pfn_t head = filemap_find(w.file, i);

		assert_true(folio_isolate_lru(w.mem, head));
		shadow = workingset_eviction(w.mem, head, NULL);
		assert_true(is_shadow(shadow));
		filemap_remove_folio(w.mem, head, shadow);
	}
	assert_int_equal(w.file->exceptional.nr, 8);
	check(&w);
	/* A folio of four takes four of them, and is one refault of four pages. */
	assert_true(filemap_add_folio(w.mem, w.file, 0, 2) != PFN_NONE);
	assert_int_equal(w.file->exceptional.nr, 4);
	assert_int_equal(state_of(&w, WORKINGSET_REFAULT_FILE), 4);
	/* What is overwritten is no refault. */
	assert_true(filemap_add_folio_gfp(w.mem, w.file, 4, 0, __GFP_WRITE) != PFN_NONE);
	assert_int_equal(state_of(&w, WORKINGSET_REFAULT_FILE), 4);
	assert_true(filemap_add_folio(w.mem, w.file, 4, 0) == PFN_NONE);
	/* Advice that the pages are not needed forgets them. */
	invalidate_mapping_pages(w.mem, w.file, 5, 5);
	assert_int_equal(w.file->exceptional.nr, 2);
	truncate_setsize(w.mem, w.file, 7 * PAGE);
	assert_int_equal(w.file->exceptional.nr, 1);
	tear_down(&w);
}

static void pieces_of_a_page_are_one_access(void **state)
{
	struct file *file;
	struct world w;

	(void)state;
	set_up(&w);
	file = file_lookup(w.mem, w.file, 3);
	for (unsigned i = 0; i < 4; i++)
		assert_true(filemap_read(w.mem, file, i * 1024, 1024, 0));
	assert_true(flags_of(&w, 0) & PG_REFERENCED);
	assert_false(flags_of(&w, 0) & PG_ACTIVE);
	assert_true(filemap_read(w.mem, file, PAGE, PAGE, 0));
	assert_true(filemap_read(w.mem, file, 0, 1024, 0));
	assert_true(flags_of(&w, 0) & PG_ACTIVE);
	/* Another open file has a place of its own. */
	assert_true(filemap_read(w.mem, file_lookup(w.mem, w.file, 4), PAGE, 10, 0));
	assert_true(flags_of(&w, 1) & PG_ACTIVE);
	file_forget(w.mem, 4);
	tear_down(&w);
}

static void written_pages_fault_again_after_writeback(void **state)
{
	struct world w;
	pfn_t pfn;

	(void)state;
	set_up(&w);
	map(&w, w.file, MAP_SHARED);
	mapping_get_ref(w.file);
	touch(&w, 3, FAULT_FLAG_WRITE);
	assert_int_equal(state_of(&w, NR_FILE_DIRTY), 1);
	assert_true(pte_write(entry(&w, 3)));
	check(&w);
	vfs_fsync_range(w.mem, w.file, 0, UINT64_MAX);
	assert_int_equal(state_of(&w, NR_FILE_DIRTY), 0);
	assert_false(entry(&w, 3).pte & (PTE_WRITE | PTE_DIRTY));
	assert_true(pte_present(entry(&w, 3)));
	touch(&w, 3, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_SHARED], 1);
	assert_int_equal(state_of(&w, NR_FILE_DIRTY), 1);
	assert_int_equal(state_of(&w, NR_DIRTIED), 2);
	pfn = filemap_find(w.file, 3);
	/* The cache, and one entry. */
	assert_int_equal(pfn_to_page(w.mem, pfn)->_refcount, 2);
	truncate_setsize(w.mem, w.file, 3 * PAGE);
	assert_true(pte_none(entry(&w, 3)));
	assert_int_equal(state_of(&w, NR_FILE_DIRTY), 0);
	tear_down(&w);
}

static void private_copies_outlive_a_hole(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	map(&w, w.file, MAP_PRIVATE);
	mapping_get_ref(w.file);
	touch(&w, 2, FAULT_FLAG_WRITE);
	touch(&w, 5, 0);
	assert_true(pte_present(entry(&w, 5)));
	truncate_punch_hole(w.mem, w.file, 0, 32 * PAGE);
	assert_true(pte_present(entry(&w, 2)));
	assert_true(pte_none(entry(&w, 5)));
	truncate_setsize(w.mem, w.file, PAGE);
	assert_true(pte_none(entry(&w, 2)));
	tear_down(&w);
}

static void shmem_goes_to_swap_and_comes_back(void **state)
{
	struct address_space *shmem;
	struct world w;
	bool major;
	pfn_t pfn;

	(void)state;
	set_up(&w);
	shmem = mapping_new_shmem(w.mem);
	assert_true(shmem_get_folio(w.mem, shmem, 9, SGP_READ, &major) == PFN_NONE);
	pfn = shmem_get_folio(w.mem, shmem, 9, SGP_WRITE, &major);
	assert_true(pfn != PFN_NONE);
	folio_mark_dirty(w.mem, pfn);
	assert_int_equal(state_of(&w, NR_FILE_DIRTY), 0);	/* no file to write it to */
	assert_true(folio_isolate_lru(w.mem, pfn));
	get_page(w.mem, pfn);
	assert_int_equal(pageout(w.mem, pfn), PAGE_SUCCESS);
	assert_true(filemap_find(shmem, 9) == PFN_NONE);
	assert_true(entry_is_shmem_swap(mapping_exceptional(shmem, 9)));
	folio_wait_writeback(w.mem, pfn);
	folio_putback_lru(w.mem, pfn);
	put_page(w.mem, pfn);
	assert_int_equal(state_of(&w, NR_SHMEM), 0);
	check(&w);
	/* Found in the swap cache. */
	assert_int_equal(shmem_get_folio(w.mem, shmem, 9, SGP_CACHE, &major), pfn);
	assert_false(major);
	assert_int_equal(mapping_exceptional(shmem, 9), 0);
	assert_int_equal(state_of(&w, NR_SHMEM), 1);
	assert_int_equal(get_nr_swap_pages(w.mem), total_swap_pages(w.mem));
	check(&w);
	/* A file of one's own is not written by reclaim. */
	assert_true(filemap_write(w.mem, &w.file->f, 0, PAGE, 0));
	assert_int_equal(pageout(w.mem, filemap_find(w.file, 0)), PAGE_ACTIVATE);
	mapping_put(w.mem, shmem);
	tear_down(&w);
}

static void slots_of_shmem_end_with_it(void **state)
{
	struct address_space *shmem;
	struct world w;
	bool major;
	pfn_t pfn;

	(void)state;
	set_up(&w);
	shmem = mapping_new_shmem(w.mem);
	for (uint64_t i = 0; i < 4; i++) {
		pfn = shmem_get_folio(w.mem, shmem, i, SGP_CACHE, &major);
		folio_mark_dirty(w.mem, pfn);
		assert_true(folio_isolate_lru(w.mem, pfn));
		get_page(w.mem, pfn);
		assert_int_equal(pageout(w.mem, pfn), PAGE_SUCCESS);
		folio_wait_writeback(w.mem, pfn);
		folio_putback_lru(w.mem, pfn);
		put_page(w.mem, pfn);
	}
	assert_int_equal(total_swap_pages(w.mem) - get_nr_swap_pages(w.mem), 4);
	truncate_punch_hole(w.mem, shmem, 0, PAGE);
	assert_int_equal(shmem->exceptional.nr, 3);
	check(&w);
	mapping_put(w.mem, shmem);
	assert_int_equal(get_nr_swap_pages(w.mem), total_swap_pages(w.mem));
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shadows_tell_a_refault),
		cmocka_unit_test(pieces_of_a_page_are_one_access),
		cmocka_unit_test(written_pages_fault_again_after_writeback),
		cmocka_unit_test(private_copies_outlive_a_hole),
		cmocka_unit_test(shmem_goes_to_swap_and_comes_back),
		cmocka_unit_test(slots_of_shmem_end_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
