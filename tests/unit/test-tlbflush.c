/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Switches and flushes on four CPUs, with the counters that the kernel would have. Pages are put into the TLBs by
 * real accesses.
 */
#include "support/test.h"

#include <errno.h>
#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/tlbflush.h"

#define BASE	0x10000000ull
#define PAGE	4096ull
#define NR_CPUS	4

struct world {
	struct machine_profile *p;
	struct memory *mem;
	struct task_struct *task[NR_CPUS];	/* one per CPU */
};

static struct world set_up(void)
{
	struct tlb_config conf;
	struct world w;

	assert_int_equal(profile_load("test", &w.p, NULL), 0);
	w.mem = memory_create_uma(&w.p->geometry, NR_CPUS, 256ull << 20);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(&w.p->geometry, &w.p->tlb, &conf, NR_CPUS, 1);
	for (unsigned i = 0; i < NR_CPUS; i++)
		w.task[i] = task_alloc(w.mem, i + 1);
	return w;
}

static void tear_down(struct world *w)
{
	for (unsigned i = 0; i < NR_CPUS; i++)
		if (w->task[i]->mm)
			mmput(w->task[i]->mm);
	assert_true(tlb_consistent(w->mem->tlb));
	tlb_destroy(w->mem->tlb);
	w->mem->tlb = NULL;
	w->mem->current = NULL;
	memory_destroy(w->mem);
	profile_free(w->p);
}

/* CPU i is the one that acts from here on, with its own task. */
static void on_cpu(struct world *w, unsigned i)
{
	w->mem->cpu = i;
	w->mem->current = w->task[i];
	switch_mm(w->mem, w->task[i]->mm);
}

static struct mm_struct *new_mm(struct world *w)
{
	struct mmap_request req = { .addr = BASE, .len = 256 * PAGE, .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
	struct mm_struct *mm = mm_alloc(w->mem);

	assert_int_equal(do_mmap(mm, &req), BASE);
	return mm;
}

static void use_mm(struct world *w, unsigned cpu, struct mm_struct *mm)
{
	if (mm)
		mmget(mm);
	w->task[cpu]->mm = mm;
	on_cpu(w, cpu);
}

/* One write; true when it walked. */
static bool walks(struct world *w, uint64_t page)
{
	const struct tlb_stream_state *s = &tlb_this_cpu(w->mem->tlb, w->mem->cpu)->stream[TLB_DATA];
	uint64_t before = s->walks[0];

	assert_int_equal(mmu_access(w->mem, BASE + page * PAGE, ACCESS_WRITE, 1, true), ACCESS_OK);
	return s->walks[0] != before;
}

static uint64_t counter(const struct world *w, enum vm_event_item item)
{
	return w->mem->vm_event[item];
}

static void assert_flushes(const struct world *w, uint64_t remote, uint64_t received, uint64_t all, uint64_t one)
{
	assert_int_equal(counter(w, NR_TLB_REMOTE_FLUSH), remote);
	assert_int_equal(counter(w, NR_TLB_REMOTE_FLUSH_RECEIVED), received);
	assert_int_equal(counter(w, NR_TLB_LOCAL_FLUSH_ALL), all);
	assert_int_equal(counter(w, NR_TLB_LOCAL_FLUSH_ONE), one);
}

static void a_few_pages_are_flushed_one_by_one(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	mmput(mm);
	walks(&w, 0);
	walks(&w, 40);
	assert_false(walks(&w, 0));
	flush_tlb_mm_range(mm, BASE, BASE + 33 * PAGE, 12, false);
	assert_flushes(&w, 0, 0, 0, 33);
	assert_false(walks(&w, 40));
	assert_true(walks(&w, 0));
	flush_tlb_mm_range(mm, BASE, BASE + 34 * PAGE, 12, false);	/* over the ceiling */
	assert_flushes(&w, 0, 0, 1, 33);
	assert_true(walks(&w, 40));
	assert_true(walks(&w, 0));
	flush_tlb_page(mm, BASE + 123);
	assert_flushes(&w, 0, 0, 1, 34);
	assert_true(walks(&w, 0));
	assert_false(walks(&w, 40));
	tear_down(&w);
}

static void six_address_spaces_fit(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm[7];

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		mm[i] = new_mm(&w);
	w.task[0]->mm = mm[0];
	for (unsigned i = 0; i < 6; i++) {
		w.task[0]->mm = mm[i];
		on_cpu(&w, 0);
		assert_true(walks(&w, i));	/* pages of sets of their own */
	}
	w.task[0]->mm = mm[0];
	on_cpu(&w, 0);
	assert_false(walks(&w, 0));
	w.task[0]->mm = mm[6];		/* takes the identifier whose turn it is: the first one's */
	on_cpu(&w, 0);
	assert_true(walks(&w, 0));
	w.task[0]->mm = mm[1];
	on_cpu(&w, 0);
	assert_false(walks(&w, 1));
	w.task[0]->mm = mm[0];
	on_cpu(&w, 0);
	assert_true(walks(&w, 0));
	assert_flushes(&w, 0, 0, 0, 0);	/* what switches flush is not counted */
	for (unsigned i = 1; i < 7; i++)
		mmput(mm[i]);
	tear_down(&w);
}

static void without_identifiers_a_switch_flushes(void **state)
{
	struct world w = set_up();
	struct mm_struct *a = new_mm(&w), *b = new_mm(&w);

	(void)state;
	w.mem->tlb->nr_asids = 0;
	use_mm(&w, 0, a);
	walks(&w, 1);
	on_cpu(&w, 0);			/* the same address space: no flush */
	assert_false(walks(&w, 1));
	w.task[0]->mm = b;
	on_cpu(&w, 0);
	walks(&w, 1);
	w.task[0]->mm = a;
	on_cpu(&w, 0);
	assert_true(walks(&w, 1));
	mmput(a);
	mmput(b);
	tear_down(&w);
}

static void threads_hear_of_each_others_flushes(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		use_mm(&w, i, mm);
		walks(&w, 5);
	}
	mmput(mm);
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE + 5 * PAGE);
	assert_flushes(&w, 1, 2, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		on_cpu(&w, i);
		assert_true(walks(&w, 5));
	}
	tear_down(&w);
}

static void a_flush_missed_while_away_is_made_up_at_the_switch(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w), *other = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	use_mm(&w, 1, mm);
	mmput(mm);
	walks(&w, 5);
	mmget(other);
	w.task[1]->mm = other;
	on_cpu(&w, 1);
	walks(&w, 5);
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE + 5 * PAGE);
	/* CPU 1 is in the mask still, but runs something else: no interrupt before a second has passed */
	assert_flushes(&w, 1, 0, 0, 1);
	w.task[1]->mm = mm;
	on_cpu(&w, 1);
	assert_true(walks(&w, 5));
	w.task[1]->mm = other;
	on_cpu(&w, 1);
	assert_false(walks(&w, 5));
	w.mem->now_ns = 1500000000;
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE);		/* trims the mask */
	assert_flushes(&w, 2, 1, 0, 2);
	flush_tlb_page(mm, BASE);		/* CPU 1 is out of it */
	assert_flushes(&w, 2, 1, 0, 3);
	w.task[1]->mm = mm;
	on_cpu(&w, 1);				/* in again, and away again */
	w.task[1]->mm = other;
	on_cpu(&w, 1);
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE);		/* the second has not passed */
	assert_flushes(&w, 3, 1, 0, 4);
	w.task[1]->mm = mm;			/* as it was counted above */
	mmget(mm);
	mmput(other);
	mmput(other);
	mmput(mm);
	tear_down(&w);
}

static void a_lazy_cpu_is_flushed_when_it_wakes(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	use_mm(&w, 1, mm);
	mmput(mm);
	walks(&w, 5);
	walks(&w, 6);
	switch_mm(w.mem, NULL);			/* CPU 1 runs a kernel thread */
	on_cpu(&w, 1);
	assert_false(walks(&w, 5));		/* nothing happened meanwhile */
	switch_mm(w.mem, NULL);
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE + 5 * PAGE);
	assert_flushes(&w, 1, 0, 0, 1);
	on_cpu(&w, 1);
	assert_true(walks(&w, 5));
	assert_true(walks(&w, 6));		/* all of the address space was flushed */
	switch_mm(w.mem, NULL);
	on_cpu(&w, 0);
	flush_tlb_page(mm, BASE + 5 * PAGE);
	w.mem->cpu = 1;				/* an access wakes it too */
	w.mem->current = w.task[1];
	assert_true(walks(&w, 5));
	tear_down(&w);
}

static void freed_tables_reach_lazy_cpus(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	use_mm(&w, 1, mm);
	mmput(mm);
	walks(&w, 5);
	switch_mm(w.mem, NULL);
	on_cpu(&w, 0);
	flush_tlb_mm_range(mm, BASE, BASE + PAGE, 12, true);
	assert_flushes(&w, 1, 1, 0, 1);
	assert_int_equal(tlb_this_cpu(w.mem->tlb, 1)->state.loaded_ctx, 0);
	on_cpu(&w, 1);
	assert_true(walks(&w, 5));
	tear_down(&w);
}

static void a_dead_address_space_leaves_nothing_behind(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	mmput(mm);
	walks(&w, 5);
	w.task[0]->mm = NULL;
	mmput(mm);
	assert_int_equal(tlb_this_cpu(w.mem->tlb, 0)->state.loaded_ctx, 0);
	mm = new_mm(&w);
	w.task[0]->mm = mm;
	on_cpu(&w, 0);
	assert_true(walks(&w, 5));
	tear_down(&w);
}

/* fork makes the parent's pages read-only: its next write must fault, on every CPU. */
static void fork_takes_the_write_permission_out_of_the_tlbs(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 0, mm);
	use_mm(&w, 1, mm);
	mmput(mm);
	walks(&w, 5);
	on_cpu(&w, 0);
	walks(&w, 5);
	w.task[2]->mm = dup_mm(mm);
	assert_non_null(w.task[2]->mm);
	assert_true(walks(&w, 5));
	assert_int_equal(counter(&w, FAULT_WP_COPY), 1);
	on_cpu(&w, 1);
	assert_true(walks(&w, 5));
	tear_down(&w);
}

/* Maps and writes [page, page + nr) pages from BASE + 1 GiB on, of one area. */
static uint64_t fresh_pages(struct world *w, uint64_t first, uint64_t nr)
{
	struct mmap_request req = { .addr = BASE + (1ull << 30) + first * PAGE, .len = nr * PAGE,
				    .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE };

	assert_int_equal(do_mmap(w->mem->current->mm, &req), req.addr);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(mmu_access(w->mem, req.addr + i * PAGE, ACCESS_WRITE, 1, true), ACCESS_OK);
	return req.addr;
}

static struct world one_space(void)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	use_mm(&w, 0, mm);
	mmput(mm);
	return w;
}

static void unmapping_flushes_the_pages_that_were_there(void **state)
{
	struct world w = one_space();
	uint64_t addr = fresh_pages(&w, 0, 20);

	(void)state;
	/* 10 pages of an area that goes on: the tables stay */
	assert_int_equal(do_munmap(w.task[0]->mm, addr + 4 * PAGE, 10 * PAGE), 0);
	assert_flushes(&w, 0, 0, 0, 10);
	/* pages that were never touched need no flush */
	assert_int_equal(do_munmap(w.task[0]->mm, BASE, 10 * PAGE), 0);
	assert_flushes(&w, 0, 0, 0, 10);
	/* one flush for the call, from the first to the last that were there, over the hole */
	assert_int_equal(do_madvise(w.task[0]->mm, addr, 20 * PAGE, MADV_DONTNEED), -ENOMEM);
	assert_flushes(&w, 0, 0, 0, 10 + 20);
	tear_down(&w);
}

/* The freed PTE table counts from the start of its 2 MiB, and the freed PMD table from the start of its 1 GiB. */
static void a_freed_table_makes_the_range_long(void **state)
{
	struct world w = one_space();
	uint64_t addr = fresh_pages(&w, 512 + 100, 1);

	(void)state;
	assert_true(walks(&w, 3));
	assert_int_equal(do_munmap(w.task[0]->mm, addr, PAGE), 0);
	assert_flushes(&w, 0, 0, 1, 0);
	assert_true(walks(&w, 3));
	/* at the start of a 2 MiB whose PMD table stays */
	fresh_pages(&w, 1024 + 300, 1);
	addr = fresh_pages(&w, 512, 3);
	assert_int_equal(do_munmap(w.task[0]->mm, addr, 3 * PAGE), 0);
	assert_flushes(&w, 0, 0, 1, 3);
	assert_false(walks(&w, 3));
	tear_down(&w);
}

static void full_batches_flush_in_between(void **state)
{
	struct world w = one_space();
	uint64_t addr = fresh_pages(&w, 0, 20000);

	(void)state;
	assert_int_equal(do_madvise(w.task[0]->mm, addr, 20000 * PAGE, MADV_DONTNEED), 0);
	assert_flushes(&w, 0, 0, 3, 0);		/* 9678, 9678, the rest */
	tear_down(&w);
}

static void an_exit_interrupts_the_cpus_of_its_threads(void **state)
{
	struct world w = set_up();
	struct mm_struct *mm = new_mm(&w);

	(void)state;
	use_mm(&w, 1, mm);
	use_mm(&w, 0, mm);
	mmput(mm);
	walks(&w, 1);
	w.task[1]->mm = NULL;
	mmput(mm);
	assert_flushes(&w, 0, 0, 0, 0);
	w.task[0]->mm = NULL;
	mmput(mm);
	assert_flushes(&w, 1, 1, 0, 0);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_pages_are_flushed_one_by_one),
		cmocka_unit_test(six_address_spaces_fit),
		cmocka_unit_test(without_identifiers_a_switch_flushes),
		cmocka_unit_test(threads_hear_of_each_others_flushes),
		cmocka_unit_test(a_flush_missed_while_away_is_made_up_at_the_switch),
		cmocka_unit_test(a_lazy_cpu_is_flushed_when_it_wakes),
		cmocka_unit_test(freed_tables_reach_lazy_cpus),
		cmocka_unit_test(a_dead_address_space_leaves_nothing_behind),
		cmocka_unit_test(fork_takes_the_write_permission_out_of_the_tlbs),
		cmocka_unit_test(unmapping_flushes_the_pages_that_were_there),
		cmocka_unit_test(a_freed_table_makes_the_range_long),
		cmocka_unit_test(full_batches_flush_in_between),
		cmocka_unit_test(an_exit_interrupts_the_cpus_of_its_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
