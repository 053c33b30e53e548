/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Whom the OOM killer takes, what it frees, and what becomes of faults then. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/mbind.h"
#include "mm/memcontrol.h"
#include "mm/memory.h"
#include "mm/mempolicy.h"
#include "mm/mmap.h"
#include "mm/oom_kill.h"
#include "mm/page_alloc.h"
#include "mm/vma.h"

#define MIB	(1ull << 20)
#define AT	0x10000000ull
#define NR_MAX	4

struct fixture {
	struct memory *mem;
	struct task_struct *task[NR_MAX];
	unsigned nr;
};

static const struct pressure_ops ops = {.out_of_memory = oom_kill_for_alloc, .memcg_oom = oom_kill_for_memcg};

static int set_up_nodes(void **state, unsigned nr_nodes)
{
	uint64_t bytes[2] = {64 * MIB, 64 * MIB};
	struct memory_desc desc = {.geo = geometry_find("x86-64"), .nr_nodes = nr_nodes, .node_bytes = bytes, .nr_cpus = 2};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(memory_create(&desc, &f->mem, NULL), 0);
	f->mem->pressure = &ops;
	lru_enable(f->mem);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_nodes(state, 1);
}

static int set_up_two(void **state)
{
	return set_up_nodes(state, 2);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->nr; i++) {
		f->mem->current = f->task[i];
		mmput(f->task[i]->mm);
		task_free(f->mem, f->task[i]);
	}
	f->mem->current = NULL;
	assert_true(memory_consistent(f->mem, NULL));
	assert_true(memcg_consistent(f->mem, NULL));
	oom_finish(f->mem);
	memory_destroy(f->mem);
	free(f);
	return 0;
}

/* A process with an area of so many MiB. */
static struct task_struct *process(struct fixture *f, uint64_t pid, struct mem_cgroup *memcg)
{
	struct mmap_request req = {.addr = AT, .len = 128 * MIB, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE};
	struct task_struct *task = task_alloc(f->mem, (uint32_t)pid);

	task->pid = task->tid = pid;
	task->mm = mm_alloc(f->mem);
	task->mm->owner = task;
	if (memcg)
		mm_set_memcg(task->mm, memcg);
	assert_int_equal(do_mmap(task->mm, &req), AT);
	return f->task[f->nr++] = task;
}

/* Touches n pages from `first` on; the result of the last touch. */
static vm_fault_t touch(struct fixture *f, struct task_struct *task, uint64_t first, uint64_t n)
{
	vm_fault_t ret = 0;

	f->mem->current = task;
	for (uint64_t i = first; i < first + n && !(ret & VM_FAULT_ERROR); i++)
		ret = do_user_addr_fault(f->mem, AT + i * 4096, FAULT_FLAG_WRITE | FAULT_FLAG_USER);
	return ret;
}

static bool kill_one(struct fixture *f)
{
	struct alloc_request req = {.gfp = GFP_KERNEL, .nodemask = NODEMASK_ALL, .highest = ZONE_NORMAL};

	return oom_kill_for_alloc(f->mem, &req);
}

static const struct oom_kill *last_kill(const struct fixture *f)
{
	assert_true(f->mem->oom && f->mem->oom->kills.nr);
	return &f->mem->oom->kills.data[f->mem->oom->kills.nr - 1];
}

/* ---- badness ---- */

static void badness_is_pages_and_tables_and_adj(void **state)
{
	struct fixture *f = *state;
	struct task_struct *t = process(f, 10, NULL);

	touch(f, t, 0, 100);
	/* three tables: PTE, PMD, PUD */
	assert_int_equal(oom_badness(t->mm, 1000000), 103);
	t->mm->rss_stat[MM_SWAPENTS] = 7;
	assert_int_equal(oom_badness(t->mm, 1000000), 110);
	t->mm->rss_stat[MM_SWAPENTS] = 0;
	t->mm->oom_score_adj = 500;
	assert_int_equal(oom_badness(t->mm, 1000000), 500103);
	t->mm->oom_score_adj = -1;
	assert_int_equal(oom_badness(t->mm, 1000000), -897);
	t->mm->oom_score_adj = OOM_SCORE_ADJ_MIN;
	assert_true(oom_badness(t->mm, 1000000) == INT64_MIN);
}

static void the_worst_dies_and_its_memory_comes_back(void **state)
{
	struct fixture *f = *state;
	struct task_struct *small = process(f, 10, NULL), *large = process(f, 11, NULL);
	uint64_t free_pages;

	touch(f, small, 0, 100);
	touch(f, large, 0, 2000);
	drain_all_pages(f->mem);
	free_pages = f->mem->nodes[0]->node_zones[ZONE_DMA32].vm_stat[NR_FREE_PAGES];
	f->mem->now_ns = 42;
	assert_true(kill_one(f));
	drain_all_pages(f->mem);
	assert_true(large->mm->oom_victim);
	assert_false(small->mm->oom_victim);
	assert_int_equal(f->mem->nodes[0]->node_zones[ZONE_DMA32].vm_stat[NR_FREE_PAGES], free_pages + 2000);
	assert_int_equal(large->mm->rss_stat[MM_ANONPAGES], 0);
	assert_int_equal(last_kill(f)->pid, 11);
	assert_int_equal(last_kill(f)->time_ns, 42);
	assert_int_equal(last_kill(f)->rss_anon, 2000);
	assert_int_equal(last_kill(f)->badness, 2000 + large->mm->pgtables_bytes / 4096);
	assert_int_equal(f->mem->vm_event[OOM_KILL], 1);
	/* Next time it is the other one's turn; who dies already has nobody killed. */
	assert_true(kill_one(f));
	assert_int_equal(f->mem->oom->kills.nr, 1);
	f->mem->current = small;
	assert_true(kill_one(f));
	assert_int_equal(last_kill(f)->pid, 10);
}

static void of_equals_the_younger_dies(void **state)
{
	struct fixture *f = *state;

	touch(f, process(f, 10, NULL), 0, 100);
	touch(f, process(f, 11, NULL), 0, 100);
	assert_true(kill_one(f));
	assert_int_equal(last_kill(f)->pid, 11);
}

static void the_first_process_is_spared(void **state)
{
	struct fixture *f = *state;
	struct task_struct *init = process(f, 1, NULL);

	touch(f, init, 0, 1000);
	assert_false(kill_one(f));
	assert_int_equal(f->mem->oom->nr_no_victim, 1);
	assert_true(f->mem->oom->panicked);
	touch(f, process(f, 10, NULL), 0, 1);
	f->mem->current = init;
	assert_true(kill_one(f));
	assert_int_equal(last_kill(f)->pid, 10);
}

static void who_asks_may_be_the_one(void **state)
{
	struct fixture *f = *state;
	struct task_struct *small = process(f, 10, NULL);

	touch(f, process(f, 11, NULL), 0, 1000);
	touch(f, small, 0, 1);
	f->mem->conf.oom_kill_allocating_task = 1;
	assert_true(kill_one(f));
	assert_int_equal(last_kill(f)->pid, 10);
}

static void a_machine_may_stop_instead(void **state)
{
	struct fixture *f = *state;

	touch(f, process(f, 10, NULL), 0, 100);
	f->mem->conf.panic_on_oom = 1;
	assert_false(kill_one(f));
	assert_true(f->mem->oom->panicked);
	assert_int_equal(f->mem->oom->kills.nr, 0);
}

/* ---- real allocations ---- */

static void a_full_machine_kills_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct task_struct *a = process(f, 10, NULL), *b = process(f, 11, NULL);

	assert_false(touch(f, a, 0, 8000) & VM_FAULT_ERROR);
	assert_false(touch(f, b, 0, 7000) & VM_FAULT_ERROR);
	assert_int_equal(f->mem->oom->kills.nr, 1);
	assert_int_equal(last_kill(f)->pid, 10);
	/* It goes on until there is nobody else: then it is its own turn. */
	assert_true(touch(f, b, 7000, 16000) & VM_FAULT_OOM);
	assert_true(b->mm->oom_victim);
	assert_int_equal(f->mem->oom->kills.nr, 2);
	/* The dead touch nothing but the page that they were killed for. */
	assert_true(touch(f, b, 0, 1) & VM_FAULT_OOM);
	assert_true(b->mm->rss_stat[MM_ANONPAGES] <= 1);
}

static void a_policy_kills_who_is_bound_there(void **state)
{
	struct fixture *f = *state;
	struct task_struct *here = process(f, 10, NULL), *there = process(f, 11, NULL);
	struct mpol_request bind = {.mode = MPOL_BIND, .nodes = 1}, other = {.mode = MPOL_BIND, .nodes = 2};

	f->mem->current = there;
	assert_int_equal(do_set_mempolicy(f->mem, &other), 0);
	assert_false(touch(f, there, 0, 12000) & VM_FAULT_ERROR);
	f->mem->current = here;
	assert_int_equal(do_set_mempolicy(f->mem, &bind), 0);
	assert_true(touch(f, here, 0, 20000) & VM_FAULT_OOM);
	assert_false(there->mm->oom_victim);
	assert_true(here->mm->oom_victim);
	assert_int_equal(last_kill(f)->constraint, CONSTRAINT_MEMORY_POLICY);
}

/* ---- groups ---- */

static void a_group_kills_inside(void **state)
{
	struct fixture *f = *state;
	struct task_struct *out, *a, *b;
	struct mem_cgroup *group;

	mem_cgroup_init(f->mem, false);
	group = mem_cgroup_create(f->mem->root_memcg, "g");
	out = process(f, 10, f->mem->root_memcg);
	a = process(f, 11, group);
	b = process(f, 12, group);
	memcg_set_max(group, 2000);
	assert_false(touch(f, out, 0, 5000) & VM_FAULT_ERROR);
	assert_false(touch(f, a, 0, 1200) & VM_FAULT_ERROR);
	assert_false(touch(f, b, 0, 1000) & VM_FAULT_ERROR);
	assert_true(a->mm->oom_victim);
	assert_false(out->mm->oom_victim);
	assert_int_equal(last_kill(f)->constraint, CONSTRAINT_MEMCG);
	assert_int_equal(last_kill(f)->memcg, group->id);
	assert_int_equal(last_kill(f)->limit_memcg, group->id);
	assert_int_equal(group->memory_events[MEMCG_OOM_KILL], 1);
	assert_int_equal(group->memory_events[MEMCG_OOM], 1);
	/* With nobody else in it, it is who touches. */
	assert_true(touch(f, b, 1000, 2000) & VM_FAULT_OOM);
	assert_true(b->mm->oom_victim);
}

static void a_group_may_die_as_a_whole(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *group, *child;
	struct task_struct *a, *b;

	mem_cgroup_init(f->mem, false);
	group = mem_cgroup_create(f->mem->root_memcg, "g");
	child = mem_cgroup_create(group, "child");
	group->oom_group = true;
	process(f, 10, f->mem->root_memcg);
	a = process(f, 11, group);
	b = process(f, 12, child);
	touch(f, a, 0, 10);
	touch(f, b, 0, 100);
	f->mem->current = f->task[0];
	assert_true(oom_kill_for_memcg(f->mem, group, GFP_KERNEL, 0));
	assert_true(a->mm->oom_victim);
	assert_true(b->mm->oom_victim);
	assert_int_equal(group->memory_events[MEMCG_OOM_GROUP_KILL], 1);
	assert_int_equal(group->memory_events[MEMCG_OOM_KILL], 2);
	assert_int_equal(f->mem->oom->kills.nr, 2);
}

/* A limit that is too small for anybody ends in errors, not in a loop. */
static void a_limit_of_nothing_ends(void **state)
{
	struct fixture *f = *state;
	struct mem_cgroup *group;
	struct task_struct *a;

	mem_cgroup_init(f->mem, false);
	group = mem_cgroup_create(f->mem->root_memcg, "g");
	a = process(f, 11, group);
	a->mm->oom_score_adj = OOM_SCORE_ADJ_MIN;
	memcg_set_max(group, 0);
	assert_true(touch(f, a, 0, 1) & VM_FAULT_OOM);
	assert_false(a->mm->oom_victim);
	assert_true(f->mem->oom->nr_no_victim > 0);
	assert_false(f->mem->oom->panicked);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TWO(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down)
	const struct CMUnitTest tests[] = {
		ONE(badness_is_pages_and_tables_and_adj),
		ONE(the_worst_dies_and_its_memory_comes_back),
		ONE(of_equals_the_younger_dies),
		ONE(the_first_process_is_spared),
		ONE(who_asks_may_be_the_one),
		ONE(a_machine_may_stop_instead),
		ONE(a_full_machine_kills_and_goes_on),
		TWO(a_policy_kills_who_is_bound_there),
		ONE(a_group_kills_inside),
		ONE(a_group_may_die_as_a_whole),
		ONE(a_limit_of_nothing_ends),
	};

	return cmocka_run_group_tests_name("oom_kill", tests, NULL, NULL);
}
