/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Time lost for want of memory, and its averages. */
#include "support/test.h"

#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/psi.h"

#define MIB (1ull << 20)
#define MS  1000000ull
#define SEC 1000000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
};

static struct world world_new(void)
{
	struct world w = {.mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB)};

	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static void world_end(struct world *w)
{
	task_free(w->mem, w->task);
	mmput(w->mm);
	w->mem->current = NULL;
	memory_destroy(w->mem);
}

static void a_lone_task_that_waits_is_full_pressure(void **state)
{
	struct world w = world_new();

	(void)state;
	psi_memstall(w.mem, 5 * MS);
	assert_int_equal(w.mem->psi.some_ns, 5 * MS);
	assert_int_equal(w.mem->psi.full_ns, 5 * MS);
	w.mm->mm_users++;	/* another thread could have run */
	psi_memstall(w.mem, 3 * MS);
	assert_int_equal(w.mem->psi.some_ns, 8 * MS);
	assert_int_equal(w.mem->psi.full_ns, 5 * MS);
	w.mm->mm_users--;
	psi_wait(w.mem, SEC);	/* nobody's pressure */
	assert_int_equal(w.mem->psi.some_ns, 8 * MS);
	world_end(&w);
}

/*
 * The kernel's arithmetic by hand: half of each period of 2 s is lost. 50 % is 102400 in its fixed point; from 0 the average over
 * 10 s (1677/2048 a period) rises to 50 * (1 - 0.8188) = 9.06 % after one period, to 50 % by and by, and falls when there is peace.
 */
static void averages_rise_and_fall_as_the_kernels(void **state)
{
	struct world w = world_new();
	struct psi_averages avg;

	(void)state;
	w.mem->now_ns = SEC;
	psi_memstall(w.mem, SEC);
	avg = psi_averages(w.mem, &w.mem->psi);
	assert_int_equal(avg.some[0], 905);
	assert_int_equal(avg.full[0], 905);
	assert_true(avg.some[1] > 150 && avg.some[1] < 170);
	assert_true(avg.some[2] > 30 && avg.some[2] < 40);
	for (int i = 0; i < 200; i++) {
		w.mem->now_ns += SEC;
		psi_memstall(w.mem, SEC);
	}
	avg = psi_averages(w.mem, &w.mem->psi);
	assert_true(avg.some[0] >= 4990 && avg.some[0] <= 5000);
	assert_true(avg.some[1] > 4900 && avg.some[1] <= 5000);
	w.mem->now_ns += 10 * SEC;
	avg = psi_averages(w.mem, &w.mem->psi);
	assert_true(avg.some[0] > 1700 && avg.some[0] < 1950);	/* 50 / e */
	w.mem->now_ns += 3600 * SEC;
	avg = psi_averages(w.mem, &w.mem->psi);
	assert_int_equal(avg.some[0], 0);
	assert_int_equal(avg.some[2], 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lone_task_that_waits_is_full_pressure),
		cmocka_unit_test(averages_rise_and_fall_as_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
