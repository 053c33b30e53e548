/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Entries into the kernel, and its own touches: counted apart, global in the TLB, and at the price of user entries. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/fork.h"
#include "mm/init_mm.h"
#include "mm/ktouch.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/page_alloc.h"
#include "mm/tlbflush.h"

#define BASE 0x10000000ull
#define PAGE 4096ull
#define NR_CPUS 2

struct world {
	struct machine_profile *p;
	struct memory *mem;
	struct task_struct *task[2];
};

static struct world set_up(void)
{
	struct mmap_request req = { .addr = BASE, .len = 256 * PAGE, .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
	struct tlb_config conf;
	struct world w;

	assert_int_equal(profile_load("test", &w.p, NULL), 0);
	w.mem = memory_create_uma(&w.p->geometry, NR_CPUS, 256ull << 20);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(&w.p->geometry, &w.p->tlb, &conf, NR_CPUS, 1);
	for (unsigned i = 0; i < 2; i++) {
		w.task[i] = dup_task_struct(w.mem, i + 1);
		w.task[i]->mm = mm_alloc(w.mem);
		w.mem->current = w.task[i];
		assert_int_equal(do_mmap(w.task[i]->mm, &req), BASE);
	}
	w.mem->current = w.task[0];
	switch_mm(w.mem, w.task[0]->mm);
	return w;
}

static void tear_down(struct world *w)
{
	assert_true(tlb_consistent(w->mem->tlb));
	assert_true(memory_consistent(w->mem, NULL));
	for (unsigned i = 0; i < 2; i++)
		mmput(w->task[i]->mm);
	tlb_destroy(w->mem->tlb);
	w->mem->tlb = NULL;
	w->mem->current = NULL;
	memory_destroy(w->mem);
	profile_free(w->p);
}

static uint64_t entries(const struct world *w, enum kernel_entry cause)
{
	return w->mem->kernel_entries[cause];
}

static uint64_t kernel_walks(const struct world *w)
{
	struct tlb_stats st;
	uint64_t nr = 0;

	tlb_kernel_stats(w->mem->tlb, -1, &st);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		for (unsigned i = 0; i < MAX_PAGE_SIZES; i++)
			nr += st.stream[s].walks[i];
	return nr;
}

static void faults_are_entries(void **state)
{
	struct world w = set_up();

	(void)state;
	assert_int_equal(mmu_access(w.mem, BASE, ACCESS_WRITE, 5, true), ACCESS_OK);
	assert_int_equal(entries(&w, KERNEL_FAULT), 1);
	assert_int_equal(mmu_access(w.mem, BASE, ACCESS_READ, 5, true), ACCESS_OK);
	assert_int_equal(entries(&w, KERNEL_FAULT), 1);
	assert_int_equal(mmu_access(w.mem, 0x1000, ACCESS_READ, 1, true), ACCESS_SEGV);
	assert_int_equal(entries(&w, KERNEL_FAULT), 2);
	tear_down(&w);
}

static void shootdowns_enter_the_other_cpu(void **state)
{
	struct world w = set_up();

	(void)state;
	w.mem->cpu = 1;
	switch_mm(w.mem, w.task[0]->mm);
	w.mem->cpu = 0;
	flush_tlb_mm(w.task[0]->mm);
	assert_int_equal(entries(&w, KERNEL_SHOOTDOWN), 1);
	flush_tlb_mm(w.task[1]->mm);	/* on no CPU */
	assert_int_equal(entries(&w, KERNEL_SHOOTDOWN), 1);
	tear_down(&w);
}

/* Off: neither the counts nor the caches know of the kernel. */
static void off_leaves_no_trace(void **state)
{
	struct world w = set_up();
	struct tlb_stats st;

	(void)state;
	mmu_access(w.mem, BASE, ACCESS_WRITE, 5, true);
	kernel_enter(w.mem, KERNEL_SYSCALL);
	tlb_kernel_stats(w.mem->tlb, -1, &st);
	assert_int_equal(st.reads + st.writes, 0);
	tlb_stats(w.mem->tlb, -1, &st);
	assert_int_equal(st.reads + st.writes, 5);
	tear_down(&w);
}

/* A system call: two pages of code, the stack, task_struct and mm_struct where there are objects. */
static void touches_are_counted_apart(void **state)
{
	struct world w = set_up();
	struct tlb_stats user, kernel;

	(void)state;
	w.mem->ktouch = &ktouch_tlb;
	kernel_enter(w.mem, KERNEL_TIMER);
	tlb_kernel_stats(w.mem->tlb, -1, &kernel);
	assert_int_equal(kernel.stream[TLB_INSN].total[TLB_L1].accesses, 2);
	assert_true(kernel.writes >= 1);
	tlb_stats(w.mem->tlb, -1, &user);
	assert_int_equal(user.reads + user.writes, 0);
	assert_int_equal(user.stream[TLB_INSN].total[TLB_L1].accesses, 0);
	tear_down(&w);
}

/* Global entries are there after a switch and after a flush of the address space, not after a full one. */
static void kernel_entries_are_global(void **state)
{
	struct world w = set_up();
	uint64_t walks;

	(void)state;
	w.mem->ktouch = &ktouch_tlb;
	ktouch_frame(w.mem, w.mem->zero_pfn, false);
	walks = kernel_walks(&w);
	assert_int_equal(walks, 1);
	w.mem->current = w.task[1];
	switch_mm(w.mem, w.task[1]->mm);
	ktouch_frame(w.mem, w.mem->zero_pfn, true);
	flush_tlb_mm(w.task[1]->mm);
	ktouch_frame(w.mem, w.mem->zero_pfn, true);
	assert_int_equal(kernel_walks(&w), walks);
	tlb_flush_all(tlb_this_cpu(w.mem->tlb, 0));
	ktouch_frame(w.mem, w.mem->zero_pfn, true);
	assert_int_equal(kernel_walks(&w), walks + 1);
	/* one page of the kernel's, whoever runs; and the interrupt on the other CPU fetches its code */
	flush_tlb_kernel_range(w.mem, pfn_to_kaddr(w.mem, w.mem->zero_pfn),
			       pfn_to_kaddr(w.mem, w.mem->zero_pfn) + PAGE);
	ktouch_frame(w.mem, w.mem->zero_pfn, true);
	assert_int_equal(kernel_walks(&w), walks + 3);
	tear_down(&w);
}

/* A frame of the direct map is translated by a large page: its neighbours need no walk. */
static void the_direct_map_has_large_pages(void **state)
{
	struct world w = set_up();

	(void)state;
	w.mem->ktouch = &ktouch_tlb;
	for (pfn_t pfn = 32768; pfn < 32768 + 512; pfn++)
		ktouch_frame(w.mem, pfn, true);
	assert_int_equal(kernel_walks(&w), 1);
	tear_down(&w);
}

/* The fault's own touches: code, stack, tables, the page that is cleared, struct page. */
static void a_fault_touches_what_it_needs(void **state)
{
	struct world w = set_up();
	struct tlb_stats st;

	(void)state;
	w.mem->ktouch = &ktouch_tlb;
	mmu_access(w.mem, BASE, ACCESS_WRITE, 1, true);
	tlb_kernel_stats(w.mem->tlb, -1, &st);
	/* at least: stack, page, entry and struct page written; the tables above read */
	assert_true(st.writes >= 4);
	assert_true(st.reads >= 2 + 3);
	tlb_stats(w.mem->tlb, -1, &st);
	assert_int_equal(st.reads + st.writes, 1);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_entries),
		cmocka_unit_test(shootdowns_enter_the_other_cpu),
		cmocka_unit_test(off_leaves_no_trace),
		cmocka_unit_test(touches_are_counted_apart),
		cmocka_unit_test(kernel_entries_are_global),
		cmocka_unit_test(the_direct_map_has_large_pages),
		cmocka_unit_test(a_fault_touches_what_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
