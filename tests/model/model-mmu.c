/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page runs against the single touches that they stand for, on two equal machines: every TLB and fault counter
 * must be the same.
 *
 * First with everything that can happen: faults, copy on write, forbidden pages, calls that change the areas, CPUs and
 * address spaces in turn; each run's touches stand together. Then with instructions and data interleaved touch by touch,
 * as a program does, in memory that is there already: the runs are made from the touches by the rules of
 * mmreplay-trace(5), and their replay is exact.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "machine/profile.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/vma.h"

#define BASE		0x10000000ull
#define AREA_PAGES	1024ull
#define PAGE		4096ull
#define NR_CPUS		3
#define NR_SPACES	8	/* more than identifiers */

struct machine {
	struct memory *mem;
	struct mm_struct *mm[NR_SPACES];
	struct task_struct *task;
};

static struct machine_profile *load(uint64_t seed)
{
	static const char *const names[] = { "test", "intel-skylake-sp", "amd-zen4" };
	struct machine_profile *p;

	assert_int_equal(profile_load(names[seed % 3], &p, NULL), 0);
	return p;
}

static void set_up(struct machine *m, const struct machine_profile *p)
{
	struct tlb_config conf;

	m->mem = memory_create_uma(&p->geometry, NR_CPUS, 256ull << 20);
	config_defaults(&tlb_config_table, &conf);
	m->mem->tlb = tlb_create(&p->geometry, &p->tlb, &conf, NR_CPUS, 1);
	m->task = task_alloc(m->mem, 1);
	for (unsigned i = 0; i < NR_SPACES; i++) {
		struct mmap_request req = { .addr = BASE, .len = AREA_PAGES * PAGE, .prot = 7,
					    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

		m->mm[i] = mm_alloc(m->mem);
		assert_int_equal(do_mmap(m->mm[i], &req), BASE);
	}
	m->task->mm = m->mm[0];
	m->mem->current = m->task;
}

static void tear_down(struct machine *m)
{
	struct strbuf why = {0};

	assert_true(tlb_consistent(m->mem->tlb));
	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned i = 0; i < NR_SPACES; i++)
		mmput(m->mm[i]);
	tlb_destroy(m->mem->tlb);
	m->mem->tlb = NULL;
	m->mem->current = NULL;
	memory_destroy(m->mem);
}

/* kinds: reads and writes are told apart (a step of a run that fails is counted as of one kind by expand()). */
static void assert_equal(const struct machine *a, const struct machine *b, bool kinds)
{
	struct tlb_stats x, y;

	tlb_stats(a->mem->tlb, -1, &x);
	tlb_stats(b->mem->tlb, -1, &y);
	y.splits = x.splits;	/* single touches do not know of them */
	assert_int_equal(x.reads + x.writes, y.reads + y.writes);
	if (!kinds) {
		y.reads = x.reads;
		y.writes = x.writes;
	}
	assert_memory_equal(&x, &y, sizeof(x));
	assert_memory_equal(a->mem->vm_event, b->mem->vm_event, sizeof(a->mem->vm_event));
	for (unsigned i = 0; i < NR_SPACES; i++)
		assert_memory_equal(a->mm[i]->rss_stat, b->mm[i]->rss_stat, sizeof(a->mm[i]->rss_stat));
}

/* ---- runs whose touches stand together ---- */

static void one_call(struct rng *rng, struct machine *m, unsigned nr)
{
	static const uint64_t prots[] = { 0, 1, 3, 7, 7, 5 };
	unsigned op = (unsigned)rng_below(rng, 8), space = (unsigned)rng_below(rng, NR_SPACES);
	uint64_t addr = BASE + rng_below(rng, AREA_PAGES) * PAGE, len = (1 + rng_below(rng, 60)) * PAGE;
	uint64_t prot = prots[rng_below(rng, 6)], cpu = rng_below(rng, NR_CPUS);

	for (unsigned i = 0; i < nr; i++) {
		struct mm_struct *mm = m[i].task->mm;
		struct mmap_request req = { .addr = addr, .len = len, .prot = prot,
					    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

		m[i].mem->now_ns += 10000000;
		if (op == 0)
			do_munmap(mm, addr, len);
		else if (op == 1)
			do_mmap(mm, &req);
		else if (op == 2)
			do_mprotect(mm, addr, len, prot);
		else if (op == 3)
			do_madvise(mm, addr, len, MADV_DONTNEED);
		else if (op == 4 && m[i].mm[space] != mm) {	/* a child takes that place */
			mmput(m[i].mm[space]);
			m[i].mm[space] = dup_mm(mm);
			assert_non_null(m[i].mm[space]);
		} else if (op == 5)
			m[i].mem->cpu = (unsigned)cpu;
		else
			m[i].task->mm = m[i].mm[space];
	}
}

static struct mmr_run random_run(struct rng *rng)
{
	struct mmr_run run = { .page = (BASE >> 12) + rng_below(rng, AREA_PAGES + 8) };
	unsigned kind = (unsigned)rng_below(rng, 6), nr;

	if (rng_below(rng, 2))		/* near the beginning: pages come back */
		run.page = (BASE >> 12) + rng_below(rng, 1 + rng_below(rng, 80));
	nr = 1 + (unsigned)rng_below(rng, 5);
	if (kind == 0) {
		run.page |= MMR_RUN_INSN;
		run.nr_reads = (uint16_t)nr;
	} else if (kind < 3) {
		run.nr_reads = (uint16_t)nr;
	} else if (kind == 3) {
		run.page |= MMR_RUN_WRITE_FIRST;
		run.nr_writes = (uint16_t)nr;
	} else {
		run.nr_reads = (uint16_t)(1 + rng_below(rng, 4));
		run.nr_writes = (uint16_t)(1 + rng_below(rng, 4));
		if (kind == 5)
			run.page |= MMR_RUN_WRITE_FIRST;
		run.other_at = (uint16_t)(1 + rng_below(rng, kind == 5 ? run.nr_writes : run.nr_reads));
	}
	return run;
}

static bool may(const struct machine *m, uint64_t addr, enum access_kind kind)
{
	static const uint64_t flag[] = { [ACCESS_READ] = VM_READ, [ACCESS_WRITE] = VM_WRITE, [ACCESS_EXEC] = VM_EXEC };
	const struct vm_area_struct *vma = find_vma(m->task->mm, addr);

	return vma && vma->vm_start <= addr && vma->vm_flags & flag[kind];
}

/*
 * One touch after the other, in any order that the run allows. What the area forbids fails as a whole: it stays
 * together.
 */
static void expand(struct rng *rng, struct machine *m, const struct mmr_run *run)
{
	enum access_kind first = run->page & MMR_RUN_INSN ? ACCESS_EXEC :
				 run->page & MMR_RUN_WRITE_FIRST ? ACCESS_WRITE : ACCESS_READ;
	enum access_kind other = first == ACCESS_WRITE ? ACCESS_READ : ACCESS_WRITE;
	unsigned nr = (unsigned)run->nr_reads + run->nr_writes;
	unsigned left_first = run->other_at ? run->other_at : nr, left_other = nr - left_first;
	uint64_t addr = run->page << 12;

	if (!may(m, addr, first) || (left_other && !may(m, addr, other))) {
		mmu_access(m->mem, addr, first, left_first, true);
		mmu_access(m->mem, addr, other, left_other, true);
		return;
	}
	left_other = !run->other_at ? 0 : first == ACCESS_WRITE ? run->nr_reads : run->nr_writes;
	left_first = nr - left_other;
	for (unsigned i = 0; i < nr; i++) {
		bool is_other = left_other && i >= run->other_at &&
				(i == run->other_at || !left_first || rng_below(rng, 2));

		assert_int_equal(mmu_access(m->mem, addr, is_other ? other : first, 1, true), ACCESS_OK);
		left_other -= is_other;
		left_first -= !is_other;
	}
}

static void runs_equal_their_touches(void **state)
{
	uint64_t seed = test_env_u64("MMR_SEED", 1), ops = test_env_u64("MMR_OPS", 300000);

	(void)state;
	print_message("MMR_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 6; round++) {
		struct machine_profile *p = load(round);
		struct machine m[2];
		struct rng rng, order;

		rng_seed(&rng, seed * 100 + round);
		rng_seed(&order, seed);
		set_up(&m[0], p);
		set_up(&m[1], p);
		for (uint64_t i = 0; i < ops / 6; i++) {
			struct mmr_run run[8];
			size_t nr = 1 + rng_below(&rng, 8);

			for (size_t k = 0; k < nr; k++)
				run[k] = random_run(&rng);
			mmu_access_runs(m[0].mem, run, nr);
			for (size_t k = 0; k < nr; k++)
				expand(&order, &m[1], &run[k]);
			if (rng_below(&rng, 4) == 0)
				one_call(&rng, m, 2);
			if (i % 1024 == 0)
				assert_equal(&m[0], &m[1], false);
		}
		assert_equal(&m[0], &m[1], false);
		tear_down(&m[0]);
		tear_down(&m[1]);
		profile_free(p);
	}
}

/* ---- instructions and data interleaved ---- */

struct recorder {
	VEC(struct mmr_run) runs;
	size_t current[2];	/* run of each stream + 1, 0 none */
};

static void record(struct recorder *r, uint64_t page, enum access_kind kind)
{
	unsigned s = kind == ACCESS_EXEC;
	struct mmr_run *run = r->current[s] ? &r->runs.data[r->current[s] - 1] : NULL;
	bool write = kind == ACCESS_WRITE, write_first;

	if (!run || MMR_RUN_PAGE(run) != page || run->nr_reads + run->nr_writes == MMR_RUN_MAX) {
		run = vec_push(&r->runs);
		*run = (struct mmr_run){ .page = page | (s ? MMR_RUN_INSN : 0) | (write ? MMR_RUN_WRITE_FIRST : 0) };
		r->current[s] = r->runs.nr;
	}
	write_first = run->page & MMR_RUN_WRITE_FIRST;
	if (write != write_first && !(write ? run->nr_writes : run->nr_reads))
		run->other_at = (uint16_t)(run->nr_reads + run->nr_writes);
	if (write)
		run->nr_writes++;
	else
		run->nr_reads++;
}

static void touch_all(struct machine *m)
{
	for (uint64_t page = 0; page < AREA_PAGES; page++)
		assert_int_equal(mmu_access(m->mem, BASE + page * PAGE, ACCESS_WRITE, 1, true), ACCESS_OK);
}

static void interleaved_touches_equal_their_runs(void **state)
{
	uint64_t seed = test_env_u64("MMR_SEED", 1), ops = test_env_u64("MMR_OPS", 300000);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		struct machine_profile *p = load(round);
		struct recorder r = {0};
		struct machine m[2];
		uint64_t page[2] = { BASE >> 12, BASE >> 12 };
		struct rng rng;

		rng_seed(&rng, seed * 100 + round);
		set_up(&m[0], p);
		set_up(&m[1], p);
		touch_all(&m[0]);
		touch_all(&m[1]);
		for (uint64_t i = 0; i < ops; i++) {
			unsigned s = (unsigned)rng_below(&rng, 2);
			enum access_kind kind = s ? ACCESS_EXEC : rng_below(&rng, 3) ? ACCESS_READ : ACCESS_WRITE;

			if (rng_below(&rng, 4) == 0)
				page[s] = (BASE >> 12) + rng_below(&rng, 1 + rng_below(&rng, AREA_PAGES));
			mmu_access(m[1].mem, page[s] << 12, kind, 1, true);
			record(&r, page[s], kind);
		}
		mmu_access_runs(m[0].mem, r.runs.data, r.runs.nr);
		assert_true(r.runs.nr * 2 < ops);
		assert_equal(&m[0], &m[1], true);
		vec_finish(&r.runs);
		tear_down(&m[0]);
		tear_down(&m[1]);
		profile_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_equal_their_touches),
		cmocka_unit_test(interleaved_touches_equal_their_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
