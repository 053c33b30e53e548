/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The access path: what each kind of touch does to TLB, page table and fault counters. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/pgtable.h"
#include "mm/tlbflush.h"

#define BASE	0x10000000ull
#define PAGE	4096ull
#define READ_ONLY	(BASE + (1ull << 30))
#define CODE		(BASE + (2ull << 30))

struct world {
	struct machine_profile *p;
	struct memory *mem;
	struct mm_struct *mm;
	struct tlb_cpu *cpu;
};

static void map(struct mm_struct *mm, uint64_t addr, uint64_t len, uint64_t prot)
{
	struct mmap_request req = { .addr = addr, .len = len, .prot = prot,
				    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE };

	assert_int_equal(do_mmap(mm, &req), addr);
}

static struct world set_up(void)
{
	struct tlb_config conf;
	struct world w;

	assert_int_equal(profile_load("test", &w.p, NULL), 0);
	w.mem = memory_create_uma(&w.p->geometry, 1, 256ull << 20);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(&w.p->geometry, &w.p->tlb, &conf, 1, 1);
	w.mm = mm_alloc(w.mem);
	w.mem->current = task_alloc(w.mem, 1);
	w.mem->current->mm = w.mm;
	map(w.mm, BASE, 16 << 20, PROT_READ | PROT_WRITE);
	map(w.mm, READ_ONLY, 64 * PAGE, PROT_READ);
	map(w.mm, CODE, 64 * PAGE, PROT_READ | PROT_EXEC);
	w.cpu = tlb_this_cpu(w.mem->tlb, 0);
	return w;
}

static void tear_down(struct world *w)
{
	mmput(w->mm);
	assert_true(tlb_consistent(w->mem->tlb));
	tlb_destroy(w->mem->tlb);
	w->mem->tlb = NULL;
	w->mem->current = NULL;
	memory_destroy(w->mem);
	profile_free(w->p);
}

static enum access_result touch(struct world *w, uint64_t addr, enum access_kind kind)
{
	return mmu_access(w->mem, addr, kind, 1, true);
}

static pte_t *entry_of(struct world *w, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;

	return pgtable_walk(w->mm, addr, &level, &table);
}

static const struct tlb_stream_state *data_of(const struct world *w)
{
	return &w->cpu->stream[TLB_DATA];
}

static void a_hit_leaves_the_page_table_alone(void **state)
{
	struct world w = set_up();
	pte_t *pte;

	(void)state;
	assert_int_equal(touch(&w, BASE + 5, ACCESS_WRITE), ACCESS_OK);
	pte = entry_of(&w, BASE);
	assert_true(pte->pte & PTE_ACCESSED);
	pte->pte &= ~PTE_ACCESSED;
	assert_int_equal(touch(&w, BASE + 4095, ACCESS_READ), ACCESS_OK);
	assert_false(pte->pte & PTE_ACCESSED);
	flush_tlb_page(w.mm, BASE);
	assert_int_equal(touch(&w, BASE, ACCESS_READ), ACCESS_OK);
	assert_true(pte->pte & PTE_ACCESSED);
	assert_int_equal(w.mem->vm_event[PGFAULT], 1);
	assert_int_equal(data_of(&w)->walks[0], 2);
	assert_int_equal(data_of(&w)->walks_failed, 1);
	tear_down(&w);
}

static void the_first_write_to_a_clean_entry_walks(void **state)
{
	struct world w = set_up();
	pte_t *pte;

	(void)state;
	touch(&w, BASE, ACCESS_WRITE);
	pte = entry_of(&w, BASE);
	pte->pte &= ~PTE_DIRTY;
	flush_tlb_page(w.mm, BASE);
	touch(&w, BASE, ACCESS_READ);
	assert_false(pte_dirty(*pte));
	touch(&w, BASE, ACCESS_WRITE);
	assert_true(pte_dirty(*pte));
	assert_int_equal(data_of(&w)->walks_dirty, 1);
	touch(&w, BASE, ACCESS_WRITE);
	assert_int_equal(data_of(&w)->walks_dirty, 1);
	assert_int_equal(w.mem->vm_event[PGFAULT], 1);
	assert_int_equal(data_of(&w)->level[TLB_L1].misses[0], 2);	/* the dirty walk was a hit */
	/* the second level knows too: after the first level lost the entry nobody walks */
	touch(&w, BASE + 4 * PAGE, ACCESS_WRITE);
	touch(&w, BASE + 8 * PAGE, ACCESS_WRITE);
	touch(&w, BASE, ACCESS_WRITE);
	assert_int_equal(data_of(&w)->level[TLB_L2].hits[0], 1);
	assert_int_equal(data_of(&w)->walks_dirty, 1);
	tear_down(&w);
}

static void a_write_to_the_zero_page_drops_its_entry(void **state)
{
	struct world w = set_up();

	(void)state;
	touch(&w, BASE, ACCESS_READ);
	assert_int_equal(w.mem->vm_event[FAULT_ANON_ZERO], 1);
	touch(&w, BASE, ACCESS_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_ZERO], 1);
	touch(&w, BASE, ACCESS_WRITE);
	touch(&w, BASE, ACCESS_READ);
	assert_int_equal(w.mem->vm_event[PGFAULT], 2);
	assert_int_equal(data_of(&w)->walks[0], 2);
	assert_int_equal(data_of(&w)->level[TLB_L1].hits[0], 2);
	tear_down(&w);
}

static void forbidden_touches_fail_and_are_counted(void **state)
{
	static const struct {
		uint64_t addr;
		enum access_kind kind;
	} bad[] = {
		{ READ_ONLY, ACCESS_WRITE }, { BASE, ACCESS_EXEC }, { 0, ACCESS_READ }, { BASE - 1, ACCESS_READ },
		{ 0x800000000000ull, ACCESS_READ },	/* not canonical */
		{ 0xffff888000000000ull, ACCESS_READ },	/* the kernel's */
		{ UINT64_MAX, ACCESS_WRITE },
		{ READ_ONLY | 1ull << 50, ACCESS_READ },	/* not canonical, with the indices of a page that is there */
	};
	struct world w = set_up();
	uint64_t failed;

	(void)state;
	touch(&w, READ_ONLY, ACCESS_READ);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mmu_access(w.mem, bad[i].addr, bad[i].kind, 3, true), ACCESS_SEGV);
	failed = data_of(&w)->failed[ACCESS_SEGV] + w.cpu->stream[TLB_INSN].failed[ACCESS_SEGV];
	assert_int_equal(failed, 3 * 8);
	assert_int_equal(w.mem->vm_event[FAULT_SEGV], 8);
	assert_int_equal(touch(&w, READ_ONLY, ACCESS_READ), ACCESS_OK);
	assert_int_equal(touch(&w, CODE, ACCESS_EXEC), ACCESS_OK);
	tear_down(&w);
}

static void no_touch_is_no_access(void **state)
{
	struct world w = set_up();

	(void)state;
	assert_int_equal(mmu_access(w.mem, 0, ACCESS_WRITE, 0, true), ACCESS_OK);
	mmu_access_runs(w.mem, &(struct mmr_run){ .page = 0 }, 1);
	mmu_access_runs(w.mem, NULL, 0);
	assert_int_equal(w.cpu->nr_reads + w.cpu->nr_writes, 0);
	assert_int_equal(w.mem->vm_event[FAULT_SEGV], 0);
	tear_down(&w);
}

static void a_run_that_reads_first_faults_twice(void **state)
{
	struct world w = set_up();
	const struct mmr_run runs[] = {
		{ .page = BASE >> 12, .nr_reads = 7, .nr_writes = 3, .other_at = 4, .nr_split = 1 },
		{ .page = (BASE >> 12) + 1, .nr_reads = 7, .nr_writes = 3, .other_at = 0 },
		{ .page = ((BASE >> 12) + 2) | MMR_RUN_WRITE_FIRST, .nr_reads = 7, .nr_writes = 3, .other_at = 2 },
		{ .page = (CODE >> 12) | MMR_RUN_INSN, .nr_reads = 65535 },
	};

	(void)state;
	mmu_access_runs(w.mem, &runs[0], 1);
	assert_int_equal(w.mem->vm_event[FAULT_ANON_ZERO], 1);
	assert_int_equal(w.mem->vm_event[FAULT_WP_ZERO], 1);
	assert_int_equal(w.cpu->nr_splits, 1);
	mmu_access_runs(w.mem, &runs[2], 1);
	assert_int_equal(w.mem->vm_event[FAULT_ANON_ALLOC], 1);
	assert_int_equal(w.mem->vm_event[PGFAULT], 3);
	mmu_access_runs(w.mem, &runs[3], 1);
	assert_int_equal(w.cpu->stream[TLB_INSN].level[TLB_L1].hits[0], 65534);
	assert_int_equal(w.cpu->nr_reads, 7 + 7 + 65535);
	assert_int_equal(w.cpu->nr_writes, 6);
	tear_down(&w);
}

/* What no writer makes, but a file may hold. */
static void impossible_runs_do_no_harm(void **state)
{
	struct world w = set_up();
	const struct mmr_run runs[] = {
		{ .page = BASE >> 12, .nr_reads = 2, .nr_writes = 1, .other_at = 65535, .nr_split = 65535 },
		{ .page = (BASE >> 12) + 1, .nr_writes = 5 },		/* says that it reads first */
		{ .page = (CODE >> 12) | MMR_RUN_INSN | MMR_RUN_WRITE_FIRST, .nr_reads = 2, .nr_writes = 2, .other_at = 1 },
		{ .page = UINT64_MAX, .nr_reads = 65535, .nr_writes = 65535, .other_at = 1 },
		{ .page = ((1ull << 52) - 1), .nr_reads = 1 },
	};

	(void)state;
	mmu_access_runs(w.mem, runs, 5);
	mmu_access_runs(w.mem, runs, 5);
	assert_int_equal(w.cpu->nr_reads + w.cpu->nr_writes, 2 * (3 + 5 + 4 + 2 * 65535 + 1));
	tear_down(&w);
}

static void a_cpu_follows_its_task(void **state)
{
	struct world w = set_up();
	struct mm_struct *other = mm_alloc(w.mem);

	(void)state;
	touch(&w, BASE, ACCESS_WRITE);
	w.mem->current->mm = other;
	assert_int_equal(touch(&w, BASE, ACCESS_READ), ACCESS_SEGV);
	w.mem->current->mm = w.mm;
	assert_int_equal(touch(&w, BASE, ACCESS_READ), ACCESS_OK);
	assert_int_equal(w.mem->vm_event[PGFAULT], 1);
	mmput(other);
	tear_down(&w);
}

static void a_huge_page_takes_one_entry(void **state)
{
	struct world w = set_up();
	uint64_t addr = 0x40000000ull;

	(void)state;
	map(w.mm, addr, 4 << 20, PROT_READ | PROT_WRITE);
	assert_int_equal(do_madvise(w.mm, addr, 4 << 20, MADV_HUGEPAGE), 0);
	touch(&w, addr + 5 * PAGE, ACCESS_WRITE);
	touch(&w, addr + 511 * PAGE, ACCESS_WRITE);
	assert_int_equal(w.mem->vm_event[THP_FAULT_ALLOC], 1);
	assert_int_equal(data_of(&w)->walks[1], 1);
	assert_int_equal(data_of(&w)->level[TLB_L1].hits[1], 1);
	assert_int_equal(do_madvise(w.mm, addr, 2 << 20, MADV_DONTNEED), 0);
	touch(&w, addr + 511 * PAGE, ACCESS_WRITE);
	assert_int_equal(w.mem->vm_event[THP_FAULT_ALLOC], 2);
	tear_down(&w);
}

static void out_of_memory_ends_the_touch(void **state)
{
	struct world w = set_up();
	uint64_t addr = 1ull << 40, page = 0;

	(void)state;
	map(w.mm, addr, 512ull << 20, PROT_READ | PROT_WRITE);
	while (page < 512ull << 8 && touch(&w, addr + page * PAGE, ACCESS_WRITE) == ACCESS_OK)
		page++;
	assert_true(page > 1000 && page < 256ull << 8);
	assert_int_equal(data_of(&w)->failed[ACCESS_OOM], 1);
	assert_int_equal(do_munmap(w.mm, addr, 512ull << 20), 0);
	assert_int_equal(touch(&w, BASE, ACCESS_WRITE), ACCESS_OK);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_leaves_the_page_table_alone),
		cmocka_unit_test(the_first_write_to_a_clean_entry_walks),
		cmocka_unit_test(a_write_to_the_zero_page_drops_its_entry),
		cmocka_unit_test(forbidden_touches_fail_and_are_counted),
		cmocka_unit_test(no_touch_is_no_access),
		cmocka_unit_test(a_run_that_reads_first_faults_twice),
		cmocka_unit_test(impossible_runs_do_no_harm),
		cmocka_unit_test(a_cpu_follows_its_task),
		cmocka_unit_test(a_huge_page_takes_one_entry),
		cmocka_unit_test(out_of_memory_ends_the_touch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
