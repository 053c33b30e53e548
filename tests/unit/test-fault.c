/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What page faults do to entries, counters and pages, for each leaf of the tree. */
#include "support/test.h"

#include <string.h>
#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_pmd.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/zap.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
};

static struct world world_new(void)
{
	struct world w = { .mem = memory_create_uma(geometry_find("x86-64"), 2, 512 * MIB) };

	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static void world_end(struct world *w)
{
	struct strbuf why = { 0 };
	uint64_t leaves = 0;

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (int i = FAULT_ANON_ZERO; i <= FAULT_ERROR; i++)
		leaves += w->mem->vm_event[i];
	assert_int_equal(leaves, w->mem->vm_event[PGFAULT]);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	memory_destroy(w->mem);
}

static uint64_t map_at(struct world *w, uint64_t addr, uint64_t len, uint64_t prot, uint64_t flags,
		       struct address_space *mapping, uint64_t pgoff)
{
	struct mmap_request req = { .addr = addr, .len = len, .prot = prot, .flags = flags | MAP_FIXED,
				    .mapping = mapping, .pgoff = pgoff };
	int64_t got = do_mmap(w->mm, &req);

	assert_int_equal(got, addr);
	return addr;
}

static void map_anon(struct world *w, uint64_t len)
{
	map_at(w, BASE, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
}

static struct address_space *cached_file(struct world *w, uint64_t pages, unsigned order)
{
	struct address_space *file = mapping_get(w->mem, 7);

	file->size_bytes = pages * PAGE;
	assert_true(filemap_populate(w->mem, file, 0, pages, order));
	return file;
}

static vm_fault_t touch(struct world *w, uint64_t addr, unsigned flags)
{
	return do_user_addr_fault(w->mem, addr, flags | FAULT_FLAG_USER);
}

static pte_t entry(struct mm_struct *mm, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;

	return *pgtable_walk(mm, addr, &level, &table);
}

static void reading_untouched_memory_maps_the_zero_page(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, MIB);
	assert_int_equal(touch(&w, BASE, 0), 0);
	assert_int_equal(pte_pfn(entry(w.mm, BASE)), w.mem->zero_pfn);
	assert_false(pte_write(entry(w.mm, BASE)));
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 0);
	assert_int_equal(w.mem->vm_event[FAULT_ANON_ZERO], 1);

	assert_int_equal(touch(&w, BASE + 5, FAULT_FLAG_WRITE), 0);
	assert_true(pte_write(entry(w.mm, BASE)));
	assert_int_not_equal(pte_pfn(entry(w.mm, BASE)), w.mem->zero_pfn);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	assert_int_equal(w.mem->vm_event[FAULT_WP_ZERO], 1);
	assert_int_equal(w.task->min_flt, 2);
	world_end(&w);
}

static void writing_allocates_a_page_and_three_tables(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, MIB);
	assert_int_equal(touch(&w, BASE + 3 * PAGE, FAULT_FLAG_WRITE), 0);
	assert_int_equal(w.mm->pgtables_bytes, 3 * PAGE);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	assert_int_equal(page_mapcount(w.mem, pte_pfn(entry(w.mm, BASE + 3 * PAGE))), 1);
	do_munmap(w.mm, BASE, MIB);
	assert_int_equal(w.mm->pgtables_bytes, 0);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 0);
	world_end(&w);
}

static void access_outside_of_areas_is_no_fault(void **state)
{
	struct world w = world_new();

	(void)state;
	map_at(&w, BASE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	assert_int_equal(touch(&w, BASE + PAGE, 0), VM_FAULT_SIGSEGV);
	assert_int_equal(touch(&w, BASE, FAULT_FLAG_WRITE), VM_FAULT_SIGSEGV);
	assert_int_equal(touch(&w, BASE, FAULT_FLAG_INSTRUCTION), VM_FAULT_SIGSEGV);
	assert_int_equal(w.mem->vm_event[PGFAULT], 0);
	assert_int_equal(w.mem->vm_event[FAULT_SEGV], 3);
	world_end(&w);
}

/* The window of 16 pages is aligned to itself; small folios around the fault come along, others do not. */
static void file_faults_map_what_is_cached_around(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 64, 0);

	(void)state;
	map_at(&w, BASE, 64 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	assert_int_equal(touch(&w, BASE + 20 * PAGE, 0), 0);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 16);
	assert_true(pte_none(entry(w.mm, BASE + 15 * PAGE)));
	assert_true(pte_present(entry(w.mm, BASE + 16 * PAGE)));
	assert_true(pte_present(entry(w.mm, BASE + 31 * PAGE)));
	assert_true(pte_none(entry(w.mm, BASE + 32 * PAGE)));
	assert_int_equal(w.mem->vm_event[FAULT_AROUND], 15);
	assert_int_equal(w.task->min_flt, 1);
	assert_int_equal(w.task->maj_flt, 0);
	world_end(&w);
}

/* Linux 6.18: a folio that fits the area and one table is mapped whole. */
static void file_faults_map_whole_folios(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 256, 6);

	(void)state;
	map_at(&w, BASE, 256 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	assert_int_equal(touch(&w, BASE + 70 * PAGE, 0), 0);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 64);
	w.mem->conf.fault_around_folio = 0;
	assert_int_equal(touch(&w, BASE + 10 * PAGE, 0), 0);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 64 + 16);
	world_end(&w);
}

/* When the area begins inside the aligned window, the window begins with the area and keeps its length. */
static void the_window_starts_no_earlier_than_the_area(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 64, 0);

	(void)state;
	map_at(&w, BASE + 5 * PAGE, 40 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	assert_int_equal(touch(&w, BASE + 6 * PAGE, 0), 0);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 16);
	assert_true(pte_present(entry(w.mm, BASE + 20 * PAGE)));
	assert_true(pte_none(entry(w.mm, BASE + 21 * PAGE)));
	world_end(&w);
}

static void a_page_that_is_not_cached_is_a_major_fault(void **state)
{
	struct world w = world_new();
	struct address_space *file = mapping_get(w.mem, 9);

	(void)state;
	file->size_bytes = 8 * PAGE;
	map_at(&w, BASE, 16 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	assert_int_equal(touch(&w, BASE, 0), VM_FAULT_MAJOR);
	assert_int_equal(w.task->maj_flt, 1);
	assert_int_equal(w.mem->vm_event[PGMAJFAULT], 1);
	assert_true(pte_present(entry(w.mm, BASE + 7 * PAGE)));
	assert_int_equal(touch(&w, BASE + 8 * PAGE, 0), VM_FAULT_SIGBUS);
	assert_int_equal(w.mem->vm_event[FAULT_ERROR], 1);
	assert_int_equal(w.task->min_flt, 0);
	world_end(&w);
}

static void writing_a_private_file_copies(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 32, 0);

	(void)state;
	map_at(&w, BASE, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	assert_int_equal(touch(&w, BASE, FAULT_FLAG_WRITE), 0);
	assert_int_equal(w.mem->vm_event[FAULT_FILE_COW], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 0);

	assert_int_equal(touch(&w, BASE + PAGE, 0), 0);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 15);
	assert_int_equal(touch(&w, BASE + PAGE, FAULT_FLAG_WRITE), 0);
	assert_int_equal(w.mem->vm_event[FAULT_WP_COPY], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 2);
	assert_int_equal(w.mm->rss_stat[MM_FILEPAGES], 14);
	world_end(&w);
}

static void shared_files_and_shmem_keep_their_pages(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 32, 0);

	(void)state;
	map_at(&w, BASE, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	assert_int_equal(touch(&w, BASE, 0), 0);
	assert_false(pte_write(entry(w.mm, BASE)));
	assert_int_equal(touch(&w, BASE, FAULT_FLAG_WRITE), 0);
	assert_int_equal(w.mem->vm_event[FAULT_WP_SHARED], 1);
	assert_int_equal(pte_pfn(entry(w.mm, BASE)), filemap_find(file, 0));

	map_at(&w, BASE + MIB, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, NULL, 0);
	assert_int_equal(touch(&w, BASE + MIB, FAULT_FLAG_WRITE), 0);
	assert_int_equal(w.mem->vm_event[FAULT_FILE_SHARED], 1);
	assert_int_equal(w.mm->rss_stat[MM_SHMEMPAGES], 1);
	/* a read fault of shmem maps it writable, since nobody tracks dirty pages there */
	assert_int_equal(touch(&w, BASE + MIB + PAGE, 0), 0);
	assert_true(pte_write(entry(w.mm, BASE + MIB + PAGE)));
	world_end(&w);
}

static void fork_shares_until_somebody_writes(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;
	pfn_t pfn;

	(void)state;
	map_anon(&w, 16 * PAGE);
	for (int i = 0; i < 4; i++)
		touch(&w, BASE + (uint64_t)i * PAGE, FAULT_FLAG_WRITE);
	child = dup_mm(w.mm);
	assert_non_null(child);
	pfn = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(pte_pfn(entry(child, BASE)), pfn);
	assert_int_equal(page_mapcount(w.mem, pfn), 2);
	assert_false(pte_write(entry(w.mm, BASE)));
	assert_int_equal(child->rss_stat[MM_ANONPAGES], 4);
	assert_int_equal(child->pgtables_bytes, 3 * PAGE);

	w.task->mm = child;
	touch(&w, BASE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_COPY], 1);
	assert_int_equal(page_mapcount(w.mem, pfn), 1);
	w.task->mm = w.mm;
	touch(&w, BASE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_REUSE], 1);
	assert_int_equal(pte_pfn(entry(w.mm, BASE)), pfn);
	mmput(child);
	touch(&w, BASE + PAGE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_REUSE], 2);
	world_end(&w);
}

static bool count_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	(*(int *)ctx) += pte_is_leaf(entry(vma->vm_mm, addr));
	return true;
}

static void the_reverse_map_finds_every_entry(void **state)
{
	struct world w = world_new();
	struct address_space *file = cached_file(&w, 32, 0);
	struct mm_struct *child;
	int nr = 0;

	(void)state;
	map_anon(&w, 16 * PAGE);
	touch(&w, BASE + 3 * PAGE, FAULT_FLAG_WRITE);
	map_at(&w, BASE + MIB, 16 * PAGE, PROT_READ, MAP_PRIVATE, file, 16);
	touch(&w, BASE + MIB + PAGE, 0);
	do_munmap(w.mm, BASE, PAGE);
	child = dup_mm(w.mm);
	rmap_walk(w.mem, pte_pfn(entry(w.mm, BASE + 3 * PAGE)), count_one, &nr);
	assert_int_equal(nr, 2);
	nr = 0;
	rmap_walk(w.mem, filemap_find(file, 17), count_one, &nr);
	assert_int_equal(nr, 1);	/* file pages come back by faults: fork does not copy them */
	mmput(child);
	world_end(&w);
}

static void populating_counts_faults_that_perf_does_not_see(void **state)
{
	struct world w = world_new();

	(void)state;
	map_at(&w, BASE, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, NULL, 0);
	assert_int_equal(w.task->min_flt, 64);
	assert_int_equal(w.task->gup_flt, 64);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 64);
	world_end(&w);
}

static void huge_pages_serve_faults_where_they_fit(void **state)
{
	struct world w = world_new();
	uint64_t before;

	(void)state;
	w.mem->conf.thp_enabled = 2;
	map_anon(&w, 5 * MIB);
	before = w.mm->pgtables_bytes;
	touch(&w, BASE + 5 * PAGE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[THP_FAULT_ALLOC], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 512);
	assert_int_equal(w.mm->pgtables_bytes, before + 3 * PAGE);	/* pud, pmd, and the table in store */
	assert_int_equal(touch(&w, BASE + 4 * MIB, FAULT_FLAG_WRITE), 0);	/* the area ends too early */
	assert_int_equal(w.mem->vm_event[FAULT_ANON_ALLOC], 1);

	do_munmap(w.mm, BASE, PAGE);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PMD], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 512 - 1 + 1);
	world_end(&w);
}

static void a_shared_huge_page_is_copied_page_by_page(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	w.mem->conf.thp_enabled = 2;
	map_anon(&w, 2 * MIB);
	touch(&w, BASE, FAULT_FLAG_WRITE);
	child = dup_mm(w.mm);
	touch(&w, BASE + PAGE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PMD], 1);
	assert_int_equal(w.mem->vm_event[FAULT_WP_COPY], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 512);
	assert_int_equal(child->rss_stat[MM_ANONPAGES], 512);
	mmput(child);
	world_end(&w);
}

static void the_huge_zero_page_gives_way_to_a_huge_page(void **state)
{
	struct world w = world_new();

	(void)state;
	w.mem->conf.thp_enabled = 2;
	w.mem->conf.thp_use_zero_page = 1;
	map_anon(&w, 4 * MIB);
	touch(&w, BASE, 0);
	assert_int_equal(w.mem->vm_event[THP_ZERO_PAGE_ALLOC], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 0);
	touch(&w, BASE + PAGE, FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_HUGE], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 512);
	touch(&w, BASE + 2 * MIB, 0);
	do_madvise(w.mm, BASE + 2 * MIB, PAGE, MADV_DONTNEED);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PMD], 1);
	world_end(&w);
}

static void dontneed_gives_pages_back_and_empty_tables_too(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, 4 * MIB);
	for (uint64_t a = BASE; a < BASE + 4 * MIB; a += PAGE)
		touch(&w, a, FAULT_FLAG_WRITE);
	assert_int_equal(w.mm->pgtables_bytes, 4 * PAGE);
	do_madvise(w.mm, BASE, 4 * MIB, MADV_DONTNEED);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 0);
	assert_int_equal(w.mm->pgtables_bytes, 2 * PAGE);
	world_end(&w);
}

static void without_memory_a_fault_fails_and_leaves_nothing_behind(void **state)
{
	struct world w = world_new();
	uint64_t a = BASE;

	(void)state;
	w.mem->conf.overcommit_memory = 1;
	map_at(&w, BASE, 1024 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	while (touch(&w, a, FAULT_FLAG_WRITE) == 0)
		a += PAGE;
	assert_int_equal(touch(&w, a, FAULT_FLAG_WRITE), VM_FAULT_OOM);
	assert_true(w.mem->vm_event[FAULT_ERROR] == 2);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], (a - BASE) / PAGE);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_untouched_memory_maps_the_zero_page),
		cmocka_unit_test(writing_allocates_a_page_and_three_tables),
		cmocka_unit_test(access_outside_of_areas_is_no_fault),
		cmocka_unit_test(file_faults_map_what_is_cached_around),
		cmocka_unit_test(file_faults_map_whole_folios),
		cmocka_unit_test(the_window_starts_no_earlier_than_the_area),
		cmocka_unit_test(a_page_that_is_not_cached_is_a_major_fault),
		cmocka_unit_test(writing_a_private_file_copies),
		cmocka_unit_test(shared_files_and_shmem_keep_their_pages),
		cmocka_unit_test(fork_shares_until_somebody_writes),
		cmocka_unit_test(the_reverse_map_finds_every_entry),
		cmocka_unit_test(populating_counts_faults_that_perf_does_not_see),
		cmocka_unit_test(huge_pages_serve_faults_where_they_fit),
		cmocka_unit_test(a_shared_huge_page_is_copied_page_by_page),
		cmocka_unit_test(the_huge_zero_page_gives_way_to_a_huge_page),
		cmocka_unit_test(dontneed_gives_pages_back_and_empty_tables_too),
		cmocka_unit_test(without_memory_a_fault_fails_and_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
