/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address spaces against an array of pages: what each page is mapped with after random mmap,
 * munmap, mprotect, mremap, brk and madvise, whatever areas that took. vma_consistent() at
 * intervals. (That the areas themselves are the kernel's is tests/host/vma-oracle's business.)
 */
#include "support/test.h"

#include <errno.h>

#include "base/rng.h"
#include "mm/fork.h"
#include "mm/mbind.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/vma.h"

#define PAGE	 4096ull
#define BASE	 (1ull << 36)
#define NR_PAGES 300u
#define HEAP	 260u /* page where the heap starts */

/*
 * One page: what it was mapped with, and where from. Equal pages side by side need not be one area.
 */
struct cell {
	bool mapped;
	uint64_t prot;
	bool nohuge, shared;
	unsigned policy; /* MPOL_* */
	int64_t origin; /* of shared memory: which page of which object; moves with the page */
};

struct world {
	struct rng rng;
	struct memory *mem;
	struct mm_struct *mm;
	struct cell cells[NR_PAGES];
	unsigned brk; /* page behind the heap */
	int64_t next_object;
};

static const uint64_t prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
				 PROT_READ | PROT_EXEC};

static uint64_t vm_prot(uint64_t prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

static void random_range(struct world *w, unsigned *at, unsigned *nr)
{
	*at = (unsigned)rng_below(&w->rng, HEAP - 1);
	*nr = 1 + (unsigned)rng_below(&w->rng, 24);
	if (*at + *nr > HEAP)
		*nr = HEAP - *at;
}

static bool all_mapped(const struct world *w, unsigned at, unsigned nr)
{
	for (unsigned i = at; i < at + nr; i++)
		if (!w->cells[i].mapped)
			return false;
	return true;
}

static void op_mmap(struct world *w)
{
	struct mmap_request req = {.flags = MAP_ANONYMOUS | MAP_FIXED};
	unsigned at, nr;

	random_range(w, &at, &nr);
	req.addr = BASE + at * PAGE;
	req.len = nr * PAGE;
	req.prot = prots[rng_below(&w->rng, 4)];
	req.flags |= rng_below(&w->rng, 4) ? MAP_PRIVATE : MAP_SHARED;
	assert_int_equal(do_mmap(w->mm, &req), req.addr);
	for (unsigned i = 0; i < nr; i++)
		w->cells[at + i] = (struct cell){.mapped = true,
						 .prot = vm_prot(req.prot),
						 .shared = req.flags & MAP_SHARED,
						 .origin = w->next_object * 1000 + i};
	w->next_object++;
}

static void op_munmap(struct world *w)
{
	unsigned at, nr;

	random_range(w, &at, &nr);
	assert_int_equal(do_munmap(w->mm, BASE + at * PAGE, nr * PAGE), 0);
	memset(&w->cells[at], 0, nr * sizeof(struct cell));
}

/* Both stop where the model stops: at the first hole. */
static void op_mprotect(struct world *w)
{
	uint64_t prot = prots[rng_below(&w->rng, 4)];
	unsigned at, nr, i;
	int err;

	random_range(w, &at, &nr);
	err = do_mprotect(w->mm, BASE + at * PAGE, nr * PAGE, prot);
	assert_int_equal(err, all_mapped(w, at, nr) ? 0 : -ENOMEM);
	for (i = at; i < at + nr && w->cells[i].mapped; i++)
		w->cells[i].prot = vm_prot(prot);
}

/* Holes are skipped. */
static void op_madvise(struct world *w)
{
	bool nohuge = rng_below(&w->rng, 2);
	unsigned at, nr;
	int err;

	random_range(w, &at, &nr);
	err = do_madvise(w->mm, BASE + at * PAGE, nr * PAGE,
			 nohuge ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	assert_int_equal(err, all_mapped(w, at, nr) ? 0 : -ENOMEM);
	for (unsigned i = at; i < at + nr; i++)
		if (w->cells[i].mapped)
			w->cells[i].nohuge = nohuge;
}

/* A hole anywhere, and nothing is done, but for the default policy. */
static void op_mbind(struct world *w)
{
	static const unsigned modes[] = {MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL};
	struct mpol_request req = {.mode = modes[rng_below(&w->rng, 4)]};
	struct mbind_range range = {.mm = w->mm};
	unsigned at, nr, mapped = 0;
	int err;

	random_range(w, &at, &nr);
	range.start = BASE + at * PAGE;
	range.len = nr * PAGE;
	req.nodes = req.mode == MPOL_BIND || req.mode == MPOL_INTERLEAVE;
	err = do_mbind(&range, &req, 0);
	for (unsigned i = at; i < at + nr; i++)
		mapped += w->cells[i].mapped;
	assert_int_equal(err, mapped == nr || (mapped && req.mode == MPOL_DEFAULT) ? 0 : -EFAULT);
	for (unsigned i = at; i < at + nr && !err; i++)
		if (w->cells[i].mapped)
			w->cells[i].policy = (unsigned)req.mode;
}

static void op_mremap(struct world *w)
{
	struct cell moved[NR_PAGES];
	unsigned at, nr, to, unused;
	int64_t ret;

	random_range(w, &at, &nr);
	random_range(w, &to, &unused);
	if (to + nr > HEAP || (to < at + nr && at < to + nr) || !all_mapped(w, at, nr))
		return;
	ret = do_mremap(w->mm, BASE + at * PAGE, nr * PAGE, nr * PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, BASE + to * PAGE);
	assert_int_equal(ret, BASE + to * PAGE);
	memcpy(moved, &w->cells[at], nr * sizeof(struct cell));
	memset(&w->cells[at], 0, nr * sizeof(struct cell));
	memcpy(&w->cells[to], moved, nr * sizeof(struct cell));
}

static void op_brk(struct world *w)
{
	unsigned brk = HEAP + (unsigned)rng_below(&w->rng, NR_PAGES - HEAP);

	assert_int_equal(do_brk(w->mm, BASE + brk * PAGE), 0);
	for (unsigned i = HEAP; i < NR_PAGES; i++) {
		if (i >= brk)
			w->cells[i] = (struct cell){0};
		else if (i >= w->brk)
			w->cells[i] = (struct cell){.mapped = true, .prot = VM_READ | VM_WRITE};
	}
	w->brk = brk;
}

static void check_page(const struct world *w, unsigned page)
{
	const struct cell *cell = &w->cells[page];
	uint64_t addr = BASE + page * PAGE;
	const struct vm_area_struct *vma = vma_lookup(w->mm, addr);

	assert_int_equal(!!vma, cell->mapped);
	if (!vma)
		return;
	assert_int_equal(vma->vm_flags & VM_ACCESS_FLAGS, cell->prot);
	assert_int_equal(!!(vma->vm_flags & VM_SHARED), cell->shared);
	assert_int_equal(!!(vma->vm_flags & VM_NOHUGEPAGE), cell->nohuge);
	assert_int_equal(vma->vm_policy ? vma->vm_policy->mode : MPOL_DEFAULT, cell->policy);
	if (cell->shared)
		assert_int_equal(linear_page_index(vma, addr), cell->origin % 1000);
}

/* Two shared pages are in one object exactly when they were made by one mmap. */
static void check_objects(const struct world *w)
{
	for (unsigned i = 1; i < HEAP; i++) {
		const struct cell *a = &w->cells[i - 1], *b = &w->cells[i];

		if (!a->mapped || !b->mapped || !a->shared || !b->shared)
			continue;
		assert_int_equal(vma_lookup(w->mm, BASE + (i - 1) * PAGE)->vm_mapping ==
					 vma_lookup(w->mm, BASE + i * PAGE)->vm_mapping,
				 a->origin / 1000 == b->origin / 1000);
	}
}

static void check_all(const struct world *w)
{
	uint64_t accounted = 0;

	assert_true(vma_consistent(w->mm));
	for (unsigned i = 0; i < NR_PAGES; i++)
		check_page(w, i);
	check_objects(w);
	for (const struct vm_area_struct *vma = first_vma(w->mm); vma; vma = vma_next(vma))
		accounted += vma->vm_flags & VM_ACCOUNT ? vma_pages(vma) : 0;
	assert_int_equal(accounted, w->mem->vm_committed_as);
}

static void run(struct world *w, uint64_t nr_ops)
{
	static void (*const ops[])(struct world *) = {op_mmap,	   op_mmap,	op_munmap,
						      op_mprotect, op_mprotect, op_madvise,
						      op_mremap,   op_brk,	op_mbind};

	for (uint64_t i = 0; i < nr_ops; i++) {
		ops[rng_below(&w->rng, 9)](w);
		check_page(w, (unsigned)rng_below(&w->rng, NR_PAGES));
		if (i % 512 == 0)
			check_all(w);
	}
	check_all(w);
}

static void test_random_calls(void **state)
{
	struct world w = {.brk = HEAP};

	(void)state;
	rng_seed(&w.rng, test_seed());
	w.mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);
	w.mm = mm_alloc(w.mem);
	w.mm->start_brk = w.mm->brk = BASE + HEAP * PAGE;
	run(&w, test_ops(1000000));
	mmput(w.mm);
	assert_int_equal(w.mem->vma_pool.nr_live, 0);
	assert_int_equal(w.mem->vm_committed_as, 0);
	assert_int_equal(w.mem->mapping_pool.nr_live, 0);
	assert_int_equal(w.mem->mpol_pool.nr_live, 0);
	assert_int_equal(w.mem->sp_node_pool.nr_live, 0);
	memory_destroy(w.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_calls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
