/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Huge pages against the kernel: each step was run on Linux 6.18.44 (x86-64, thp.enabled=madvise, thp.defrag=madvise), and
 * what /proc/vmstat, getrusage() and statm gained by it is written beside it. The steps of the mTHP test ran with 64 KiB set
 * to madvise; their figures are those of hugepages-64kB/stats.
 */
#include "support/test.h"

#include <errno.h>
#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_memory.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/split_folio.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define KIB 1024ull
#define MIB (1ull << 20)
#define BASE 0x40000000ull

/* Whatever a step gains. */
struct gain {
	uint64_t faults;
	int64_t rss;
	uint64_t fault_alloc, split_pmd, collapse_alloc, deferred, split_page, reuse;
};

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct gain before;
	uint64_t stat_before[NR_MTHP_STATS];
};

static struct gain now(const struct world *w)
{
	const uint64_t *event = w->mem->vm_event;

	return (struct gain){
		.faults = event[PGFAULT],
		.rss = w->mm->rss_stat[MM_ANONPAGES],
		.fault_alloc = event[THP_FAULT_ALLOC],
		.split_pmd = event[THP_SPLIT_PMD],
		.collapse_alloc = event[THP_COLLAPSE_ALLOC],
		.deferred = event[THP_DEFERRED_SPLIT_PAGE],
		.split_page = event[THP_SPLIT_PAGE],
		.reuse = event[PGREUSE],
	};
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why) || !thp_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void begin(struct world *w)
{
	check(w);
	w->before = now(w);
	for (unsigned i = 0; i < NR_MTHP_STATS; i++)
		w->stat_before[i] = w->mem->mthp_stat[4][i];
}

#define gained(w, nr_faults, ...) \
	expect_gain(w, (struct gain){ .faults = (nr_faults), .rss = __VA_ARGS__ }, __LINE__)

static void expect_gain(struct world *w, struct gain g, int line)
{
	struct gain n = now(w), b = w->before;

	if (n.faults - b.faults != g.faults || n.rss - b.rss != g.rss || n.fault_alloc - b.fault_alloc != g.fault_alloc ||
	    n.split_pmd - b.split_pmd != g.split_pmd || n.collapse_alloc - b.collapse_alloc != g.collapse_alloc ||
	    n.deferred - b.deferred != g.deferred || n.split_page - b.split_page != g.split_page ||
	    n.reuse - b.reuse != g.reuse)
		fail_msg("line %d: faults %d rss %d fault_alloc %d split_pmd %d collapse %d deferred %d split_page %d reuse %d",
			 line, (int)(n.faults - b.faults), (int)(n.rss - b.rss), (int)(n.fault_alloc - b.fault_alloc),
			 (int)(n.split_pmd - b.split_pmd), (int)(n.collapse_alloc - b.collapse_alloc),
			 (int)(n.deferred - b.deferred), (int)(n.split_page - b.split_page), (int)(n.reuse - b.reuse));
	begin(w);
}

static struct world world_new(void)
{
	struct world w = { .mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB) };

	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static void world_end(struct world *w)
{
	check(w);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	assert_int_equal(w->mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 0);
	assert_int_equal(w->mem->nodes[0]->vm_stat[NR_ANON_THPS], 0);
	assert_int_equal(w->mem->nodes[0]->deferred_split.nr, 0);
	check(w);
	memory_destroy(w->mem);
}

static void map_area(struct world *w, uint64_t addr, uint64_t len, int advice)
{
	struct mmap_request req = {.addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), addr);
	if (advice)
		assert_int_equal(do_madvise(w->mm, addr, len, advice), 0);
}

/* By any address space, at each page of the range that is not mapped as the access wants it. */
static void touch_as(struct world *w, struct mm_struct *mm, uint64_t addr, uint64_t len, bool write)
{
	w->task->mm = mm;
	for (uint64_t a = addr; a < addr + len; a += PAGE) {
		struct pgtable *table;
		unsigned level;
		pte_t *pte = pgtable_walk(mm, a, &level, &table);

		if (!pte_is_leaf(*pte) || (write && !pte_write(*pte)))
			assert_false(do_user_addr_fault(w->mem, a, write ? FAULT_FLAG_WRITE : 0) & VM_FAULT_ERROR);
	}
	w->task->mm = w->mm;
}

static void touch(struct world *w, uint64_t addr, uint64_t len)
{
	touch_as(w, w->mm, addr, len, true);
}

static void use_of_part_splits_the_entry_and_defers_the_page(void **state)
{
	struct world w = world_new();

	(void)state;
	map_area(&w, BASE, 16 * MIB, MADV_HUGEPAGE);
	begin(&w);
	touch(&w, BASE, 16 * MIB);
	gained(&w, 8, 4096, .fault_alloc = 8);
	do_madvise(w.mm, BASE + PAGE, PAGE, MADV_DONTNEED);
	gained(&w, 0, -1, .split_pmd = 1, .deferred = 1);
	do_madvise(w.mm, BASE + 4 * PAGE, PAGE, MADV_DONTNEED);
	gained(&w, 0, -1);
	do_madvise(w.mm, BASE + 2 * MIB, 2 * MIB, MADV_DONTNEED);
	gained(&w, 0, -512);
	do_munmap(w.mm, BASE + 5 * MIB, MIB);
	gained(&w, 0, -256, .split_pmd = 1, .deferred = 1);
	do_mprotect(w.mm, BASE + 6 * MIB, PAGE, PROT_READ);
	gained(&w, 0, 0, .split_pmd = 1);
	do_mprotect(w.mm, BASE + 8 * MIB, 2 * MIB, PROT_READ);
	gained(&w, 0, 0);
	do_mlock(w.mm, BASE + 10 * MIB, PAGE, false);
	gained(&w, 0, 0, .split_pmd = 1);
	do_madvise(w.mm, BASE + 12 * MIB, PAGE, MADV_FREE);
	gained(&w, 0, 0, .split_pmd = 1, .split_page = 1);
	do_madvise(w.mm, BASE + 14 * MIB, PAGE, MADV_COLD);
	gained(&w, 0, 0, .split_pmd = 1, .split_page = 1);
	/* The boundaries of areas that mprotect and mlock left lie inside two of the pages. */
	do_munmap(w.mm, BASE, 16 * MIB);
	gained(&w, 0, -3326, .deferred = 2);
	world_end(&w);
}

static void a_shared_huge_page_is_split_by_who_writes(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	map_area(&w, BASE, 4 * MIB, MADV_HUGEPAGE);
	touch(&w, BASE, 4 * MIB);
	mmput(dup_mm(w.mm));
	begin(&w);
	touch(&w, BASE, PAGE);
	gained(&w, 1, 0);	/* kept; pgreuse counts base pages only */
	child = dup_mm(w.mm);
	touch_as(&w, child, BASE + PAGE, PAGE, true);
	mmput(child);
	gained(&w, 1, 0, .split_pmd = 1);
	touch(&w, BASE, 2 * MIB);
	gained(&w, 1, 0);
	child = dup_mm(w.mm);
	touch_as(&w, child, BASE + 2 * MIB, 2 * MIB, true);
	mmput(child);
	gained(&w, 512, 0, .split_pmd = 1);
	child = dup_mm(w.mm);
	touch(&w, BASE + 2 * MIB, 2 * MIB);
	gained(&w, 512, 0, .split_pmd = 1);
	mmput(child);
	do_munmap(w.mm, BASE, 4 * MIB);
	gained(&w, 0, -1024);
	world_end(&w);
}

static void base_entries_of_a_huge_page_are_reused_and_counted(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	map_area(&w, BASE, 2 * MIB, MADV_HUGEPAGE);
	touch(&w, BASE, 2 * MIB);
	do_mprotect(w.mm, BASE, PAGE, PROT_READ);
	do_mprotect(w.mm, BASE, PAGE, PROT_READ | PROT_WRITE);
	mmput(dup_mm(w.mm));
	begin(&w);
	touch(&w, BASE, 2 * MIB);
	gained(&w, 512, 0, .reuse = 512);
	child = dup_mm(w.mm);
	do_munmap(child, BASE, MIB);
	gained(&w, 0, 0);
	do_munmap(w.mm, BASE, MIB);
	gained(&w, 0, -256, .deferred = 1);
	do_munmap(w.mm, BASE + MIB, MIB);
	gained(&w, 0, -256);
	mmput(child);
	world_end(&w);
}

static void the_huge_zero_page_is_counted_by_address_space(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	map_area(&w, BASE, 4 * MIB, MADV_HUGEPAGE);
	begin(&w);
	touch_as(&w, w.mm, BASE, PAGE, false);
	gained(&w, 1, 0);
	touch(&w, BASE + 5 * PAGE, PAGE);
	gained(&w, 1, 512, .fault_alloc = 1);
	touch_as(&w, w.mm, BASE + 2 * MIB, PAGE, false);
	do_madvise(w.mm, BASE + 2 * MIB, PAGE, MADV_DONTNEED);
	gained(&w, 1, 0, .split_pmd = 1);
	touch(&w, BASE + 2 * MIB + 2 * PAGE, PAGE);
	gained(&w, 1, 1);
	assert_int_equal(w.mem->huge_zero_refcount, 2);
	child = dup_mm(w.mm);
	assert_int_equal(huge_zero_count(w.mem, 0), 0);
	mmput(child);
	do_munmap(w.mm, BASE, 4 * MIB);
	assert_int_equal(huge_zero_count(w.mem, 0), 0);	/* kept until the address space ends */
	mmput(w.mm);
	assert_int_equal(huge_zero_count(w.mem, 0), 512);
	assert_int_equal(huge_zero_scan(w.mem, 0, 1), 512);
	assert_int_equal(w.mem->huge_zero_pfn, PFN_NONE);
	w.mm = w.task->mm = mm_alloc(w.mem);
	world_end(&w);
}

static void moved_huge_pages_stay_whole_where_they_can(void **state)
{
	struct world w = world_new();
	uint64_t to = BASE + 32 * MIB;

	(void)state;
	map_area(&w, BASE, 4 * MIB, MADV_HUGEPAGE);
	touch(&w, BASE, 4 * MIB);
	begin(&w);
	assert_int_equal(do_mremap(w.mm, BASE, 2 * MIB, 2 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	gained(&w, 0, 0);
	to += 8 * MIB + PAGE;
	assert_int_equal(do_mremap(w.mm, BASE + 2 * MIB, 2 * MIB, 2 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	gained(&w, 0, 0, .split_pmd = 1);
	do_madvise(w.mm, to, PAGE, MADV_DONTNEED);
	gained(&w, 0, -1, .deferred = 1);
	world_end(&w);
}

static void madvise_collapses(void **state)
{
	struct world w = world_new();
	uint64_t p = BASE;

	(void)state;
	map_area(&w, p, 8 * MIB, MADV_NOHUGEPAGE);
	touch(&w, p, 3 * MIB);
	touch(&w, p + 4 * MIB, PAGE);
	begin(&w);
	assert_int_equal(do_madvise(w.mm, p, 2 * MIB, MADV_COLLAPSE), -EINVAL);
	do_madvise(w.mm, p, 8 * MIB, MADV_HUGEPAGE);
	assert_int_equal(do_madvise(w.mm, p, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 0, .collapse_alloc = 1);
	assert_int_equal(do_madvise(w.mm, p + 2 * MIB, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 256, .collapse_alloc = 1);
	assert_int_equal(do_madvise(w.mm, p + 4 * MIB, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 511, .collapse_alloc = 1);
	assert_int_equal(do_madvise(w.mm, p + 6 * MIB, 2 * MIB, MADV_COLLAPSE), -EINVAL);
	assert_int_equal(do_madvise(w.mm, p, 8 * MIB, MADV_COLLAPSE), -EINVAL);
	gained(&w, 0, 0);
	do_mprotect(w.mm, p, PAGE, PROT_READ);
	gained(&w, 0, 0, .split_pmd = 1);
	do_mprotect(w.mm, p, PAGE, PROT_READ | PROT_WRITE);
	assert_int_equal(do_madvise(w.mm, p, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 0, .collapse_alloc = 1);
	do_mprotect(w.mm, p + 2 * MIB, 2 * MIB, PROT_READ);
	do_madvise(w.mm, p + 2 * MIB, PAGE, MADV_DONTNEED);
	assert_int_equal(do_madvise(w.mm, p + 2 * MIB, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 0, .split_pmd = 1, .collapse_alloc = 1, .deferred = 1);
	assert_int_equal(do_madvise(w.mm, p + 4 * MIB, 4 * MIB, MADV_COLLAPSE), -EINVAL);
	do_munmap(w.mm, p, 8 * MIB);
	gained(&w, 0, -1536);
	world_end(&w);
}

static void a_collapse_copies_what_others_share(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	map_area(&w, BASE, 2 * MIB, MADV_NOHUGEPAGE);
	touch(&w, BASE, 2 * MIB);
	do_madvise(w.mm, BASE, 2 * MIB, MADV_HUGEPAGE);
	begin(&w);
	child = dup_mm(w.mm);
	assert_int_equal(do_madvise(child, BASE, 2 * MIB, MADV_COLLAPSE), 0);
	gained(&w, 0, 0, .collapse_alloc = 1);
	mmput(child);
	touch(&w, BASE, 2 * MIB);
	gained(&w, 512, 0, .reuse = 512);
	world_end(&w);
}

/* What hugepages-64kB/stats gained. */
#define mthp_gained(w, item, n) \
	assert_int_equal((int64_t)((w)->mem->mthp_stat[4][item] - (w)->stat_before[item]), n)

static void sizes_below_a_huge_entry_serve_faults(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	w.mem->conf.thp_hugepages[16 - THP_SIZE_SHIFT_MIN] = THP_SIZE_MADVISE;
	thp_orders_setup(w.mem);
	map_area(&w, BASE, MIB, MADV_HUGEPAGE);
	begin(&w);
	touch(&w, BASE, MIB);
	mthp_gained(&w, MTHP_STAT_ANON_FAULT_ALLOC, 16);
	gained(&w, 16, 256);
	do_madvise(w.mm, BASE, PAGE, MADV_DONTNEED);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 1);
	mthp_gained(&w, MTHP_STAT_NR_ANON_PARTIALLY_MAPPED, 1);
	gained(&w, 0, -1);	/* thp_deferred_split_page is for huge entries' size */
	touch(&w, BASE, PAGE);
	mthp_gained(&w, MTHP_STAT_ANON_FAULT_ALLOC, 0);	/* its neighbours are mapped: one page */
	gained(&w, 1, 1);
	do_madvise(w.mm, BASE + 64 * KIB, 128 * KIB, MADV_DONTNEED);
	mthp_gained(&w, MTHP_STAT_NR_ANON, -2);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 0);
	gained(&w, 0, -32);
	touch(&w, BASE + 64 * KIB, 128 * KIB);
	mthp_gained(&w, MTHP_STAT_ANON_FAULT_ALLOC, 2);
	gained(&w, 2, 32);
	do_madvise(w.mm, BASE + 96 * KIB, 64 * KIB, MADV_DONTNEED);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 2);
	gained(&w, 0, -16);
	touch(&w, BASE + 96 * KIB, 64 * KIB);
	gained(&w, 16, 16);
	do_madvise(w.mm, BASE + 256 * KIB, PAGE, MADV_FREE);
	mthp_gained(&w, MTHP_STAT_SPLIT, 1);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 1);
	mthp_gained(&w, MTHP_STAT_NR_ANON, -1);
	mthp_gained(&w, MTHP_STAT_NR_ANON_PARTIALLY_MAPPED, 0);
	gained(&w, 0, 0);
	do_madvise(w.mm, BASE + 320 * KIB, PAGE, MADV_COLD);
	mthp_gained(&w, MTHP_STAT_SPLIT, 1);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 1);
	begin(&w);
	mmput(dup_mm(w.mm));
	touch(&w, BASE + 512 * KIB, 64 * KIB);
	gained(&w, 16, 0, .reuse = 16);
	child = dup_mm(w.mm);
	touch_as(&w, child, BASE + 576 * KIB, 64 * KIB, true);
	mmput(child);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 0);
	do_mprotect(w.mm, BASE + 640 * KIB, PAGE, PROT_READ);
	begin(&w);
	do_munmap(w.mm, BASE, MIB);
	mthp_gained(&w, MTHP_STAT_SPLIT_DEFERRED, 1);
	mthp_gained(&w, MTHP_STAT_NR_ANON, -14);
	mthp_gained(&w, MTHP_STAT_NR_ANON_PARTIALLY_MAPPED, -3);
	gained(&w, 0, -256);
	/* Zero pages are in the way; and an area that no aligned block fits in. */
	map_area(&w, BASE, 128 * KIB, 0);
	do_madvise(w.mm, BASE + 32 * KIB, 64 * KIB, MADV_HUGEPAGE);
	begin(&w);
	touch(&w, BASE, 128 * KIB);
	gained(&w, 32, 32);
	map_area(&w, BASE + MIB, MIB, MADV_HUGEPAGE);
	touch_as(&w, w.mm, BASE + MIB + PAGE, PAGE, false);
	touch(&w, BASE + MIB, PAGE);
	gained(&w, 2, 1);
	world_end(&w);
}

static void switches_say_which_orders(void **state)
{
	struct world w = world_new();
	struct vm_area_struct *vma;
	uint32_t all;

	(void)state;
	map_area(&w, BASE, 4 * MIB, 0);
	vma = find_vma(w.mm, BASE);
	all = thp_orders_all_anon(w.mem);
	assert_int_equal(all, 0x3fc);	/* 16 KiB to 2 MiB */
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 0);
	do_madvise(w.mm, BASE, 4 * MIB, MADV_HUGEPAGE);
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 1u << 9);
	w.mem->conf.thp_hugepages[15 - THP_SIZE_SHIFT_MIN] = THP_SIZE_ALWAYS;
	w.mem->conf.thp_hugepages[17 - THP_SIZE_SHIFT_MIN] = THP_SIZE_INHERIT;
	w.mem->conf.thp_hugepages[21 - THP_SIZE_SHIFT_MIN] = THP_SIZE_NEVER;
	thp_orders_setup(w.mem);
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 1u << 3 | 1u << 5);
	w.mem->conf.thp_enabled = THP_NEVER;
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 1u << 3);
	w.mm->thp_disabled = THP_DISABLED_EXCEPT_ADVISED;
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 1u << 3);
	w.mm->thp_disabled = THP_DISABLED;
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 0);
	w.mm->thp_disabled = THP_NOT_DISABLED;
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_FORCED_COLLAPSE, 1u << 9), 0);	/* never touched */
	assert_int_equal(thp_vma_suitable_orders(vma, BASE + 4 * MIB - PAGE, all), all);
	do_madvise(w.mm, BASE, 4 * MIB, MADV_NOHUGEPAGE);
	assert_int_equal(thp_vma_allowable_orders(vma, TVA_PAGEFAULT, all), 0);
	world_end(&w);
}

static void defrag_says_what_may_be_done(void **state)
{
	struct world w = world_new();
	const struct vm_area_struct *plain, *advised;

	(void)state;
	map_area(&w, BASE, 2 * MIB, 0);
	map_area(&w, BASE + 4 * MIB, 2 * MIB, MADV_HUGEPAGE);
	plain = find_vma(w.mm, BASE);
	advised = find_vma(w.mm, BASE + 4 * MIB);
	assert_int_equal(vma_thp_gfp_mask(plain), GFP_TRANSHUGE_LIGHT);
	assert_int_equal(vma_thp_gfp_mask(advised), GFP_TRANSHUGE);
	w.mem->conf.thp_defrag = THP_DEFRAG_ALWAYS;
	assert_int_equal(vma_thp_gfp_mask(plain), GFP_TRANSHUGE | __GFP_NORETRY);
	assert_int_equal(vma_thp_gfp_mask(advised), GFP_TRANSHUGE);
	w.mem->conf.thp_defrag = THP_DEFRAG_DEFER;
	assert_int_equal(vma_thp_gfp_mask(advised), GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM);
	w.mem->conf.thp_defrag = THP_DEFRAG_DEFER_MADVISE;
	assert_int_equal(vma_thp_gfp_mask(plain), GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM);
	assert_int_equal(vma_thp_gfp_mask(advised), GFP_TRANSHUGE);
	w.mem->conf.thp_defrag = THP_DEFRAG_NEVER;
	assert_int_equal(vma_thp_gfp_mask(advised), GFP_TRANSHUGE_LIGHT);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_of_part_splits_the_entry_and_defers_the_page),
		cmocka_unit_test(a_shared_huge_page_is_split_by_who_writes),
		cmocka_unit_test(base_entries_of_a_huge_page_are_reused_and_counted),
		cmocka_unit_test(the_huge_zero_page_is_counted_by_address_space),
		cmocka_unit_test(moved_huge_pages_stay_whole_where_they_can),
		cmocka_unit_test(madvise_collapses),
		cmocka_unit_test(a_collapse_copies_what_others_share),
		cmocka_unit_test(sizes_below_a_huge_entry_serve_faults),
		cmocka_unit_test(switches_say_which_orders),
		cmocka_unit_test(defrag_says_what_may_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
