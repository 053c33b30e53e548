/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which areas and tables khugepaged collapses, how far one waking comes, and how long it sleeps. */
#include "support/test.h"

#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_memory.h"
#include "mm/khugepaged.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x40000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
};

static struct world world_new(void)
{
	struct world w = { .mem = memory_create_uma(geometry_find("x86-64"), 1, 128 * MIB) };

	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static void world_end(struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why) || !thp_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	mmput(w->mm);
	w->mem->current = NULL;
	assert_true(khugepaged_consistent(w->mem));
	memory_destroy(w->mem);
}

/* Base pages of an area that was advised only afterwards; nr of them in each huge frame. */
static void area(struct world *w, uint64_t addr, uint64_t len, unsigned nr)
{
	struct mmap_request req = {.addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), addr);
	for (uint64_t a = addr; a < addr + len; a += 2 * MIB)
		for (unsigned i = 0; i < nr; i++)
			assert_false(do_user_addr_fault(w->mem, a + i * PAGE, FAULT_FLAG_WRITE) & VM_FAULT_ERROR);
	assert_int_equal(do_madvise(w->mm, addr, len, MADV_HUGEPAGE), 0);
}

static bool is_huge(const struct world *w, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;

	return pte_is_leaf(*pgtable_walk(w->mm, addr, &level, &table)) && level;
}

static void a_waking_does_its_share_and_no_more(void **state)
{
	struct world w = world_new();
	const struct khugepaged *k = &w.mem->khugepaged;

	(void)state;
	w.mem->conf.khugepaged_pages_to_scan = 1024;
	area(&w, BASE, 16 * MIB, 512);
	assert_true(khugepaged_has(w.mm));
	khugepaged_run(w.mem);
	/* Each pass starts with one for the address space: 1 + 512, 1 + 512. */
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC], 2);
	assert_int_equal(k->pages_collapsed, 2);
	assert_int_equal(k->address, BASE + 4 * MIB);
	assert_true(is_huge(&w, BASE + 2 * MIB) && !is_huge(&w, BASE + 4 * MIB));
	w.mem->conf.khugepaged_pages_to_scan = 4096;
	khugepaged_run(w.mem);
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC], 8);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 4096);
	assert_int_equal(k->full_scans, 1);
	khugepaged_run(w.mem);	/* nothing left */
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC], 8);
	world_end(&w);
}

static void limits_are_kept_and_counted(void **state)
{
	struct world w = world_new();

	(void)state;
	w.mem->conf.khugepaged_max_ptes_none = 100;
	area(&w, BASE, 2 * MIB, 411);
	khugepaged_run(w.mem);
	assert_int_equal(w.mem->vm_event[THP_SCAN_EXCEED_NONE_PTE], 1);
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC], 0);
	assert_false(do_user_addr_fault(w.mem, BASE + 411 * PAGE, FAULT_FLAG_WRITE) & VM_FAULT_ERROR);
	khugepaged_run(w.mem);
	assert_true(is_huge(&w, BASE));
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 512);
	assert_int_equal(w.mm->nr_minflt, 412);
	world_end(&w);
}

static void shared_and_unused_pages_are_left_alone(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;
	struct pgtable *table;

	(void)state;
	area(&w, BASE, 2 * MIB, 512);
	child = dup_mm(w.mm);
	assert_true(khugepaged_has(child));
	khugepaged_run(w.mem);
	/* 257 shared pages are too many, in both; a child's entries are old besides. */
	assert_int_equal(w.mem->vm_event[THP_SCAN_EXCEED_SHARED_PTE], 2);
	mmput(child);
	table = pgtable_lookup(w.mm, BASE, 0);
	for (unsigned i = 0; i < 512; i++)
		table->ent[i].pte &= ~PTE_ACCESSED;
	khugepaged_run(w.mem);
	assert_false(is_huge(&w, BASE));
	table->ent[7].pte |= PTE_ACCESSED;
	khugepaged_run(w.mem);
	assert_true(is_huge(&w, BASE));
	world_end(&w);
}

static void without_memory_it_sleeps_longer(void **state)
{
	struct world w = world_new();
	VEC(pfn_t) hoard = {0};
	pfn_t pfn;

	(void)state;
	area(&w, BASE, 4 * MIB, 512);
	while ((pfn = alloc_pages(w.mem, GFP_TRANSHUGE_LIGHT, 9, NUMA_NO_NODE)) != PFN_NONE)
		*vec_push(&hoard) = pfn;
	assert_int_equal(khugepaged_sleep_ns(w.mem), 10000000000ull);
	khugepaged_run(w.mem);
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC_FAILED], 1);
	assert_int_equal(khugepaged_sleep_ns(w.mem), 60000000000ull);
	khugepaged_run(w.mem);	/* the second time in a row ends the scan */
	assert_int_equal(w.mem->vm_event[THP_COLLAPSE_ALLOC_FAILED], 2);
	assert_int_equal(khugepaged_sleep_ns(w.mem), 10000000000ull);
	while (hoard.nr)
		put_page(w.mem, hoard.data[--hoard.nr]);
	vec_finish(&hoard);
	khugepaged_run(w.mem);
	assert_true(is_huge(&w, BASE) && is_huge(&w, BASE + 2 * MIB));
	world_end(&w);
}

static void only_what_may_be_huge_is_scanned(void **state)
{
	struct world w = world_new();

	(void)state;
	area(&w, BASE, 2 * MIB, 512);
	area(&w, BASE + 8 * MIB, 2 * MIB, 512);
	assert_int_equal(do_madvise(w.mm, BASE, 2 * MIB, MADV_NOHUGEPAGE), 0);
	khugepaged_run(w.mem);
	assert_true(!is_huge(&w, BASE) && is_huge(&w, BASE + 8 * MIB));
	assert_int_equal(do_madvise(w.mm, BASE, 2 * MIB, MADV_HUGEPAGE), 0);
	w.mm->thp_disabled = THP_DISABLED;
	khugepaged_run(w.mem);
	assert_false(is_huge(&w, BASE));
	w.mm->thp_disabled = THP_NOT_DISABLED;
	khugepaged_run(w.mem);
	assert_true(is_huge(&w, BASE));
	w.mem->conf.thp_enabled = THP_NEVER;
	assert_int_equal(khugepaged_sleep_ns(w.mem), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_waking_does_its_share_and_no_more),
		cmocka_unit_test(limits_are_kept_and_counted),
		cmocka_unit_test(shared_and_unused_pages_are_left_alone),
		cmocka_unit_test(without_memory_it_sleeps_longer),
		cmocka_unit_test(only_what_may_be_huge_is_scanned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
