/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A tree of processes that fork, touch, cut and merge areas, and exit. After each step: the
 * equations of anon_vma.h, and every anonymous page is found from its anon_vma in every process
 * that maps it.
 */
#include "support/test.h"

#include "base/rng.h"
#include "mm/anon_vma.h"
#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/rmap.h"
#include "mm/vma.h"

#define PAGE	 4096ull
#define BASE	 (1ull << 36)
#define NR_PAGES 40u
#define MAX_MMS	 12u

struct world {
	struct rng rng;
	struct memory *mem;
	struct mm_struct *mms[MAX_MMS];
	unsigned nr;
};

static uint64_t page_addr(struct world *w, unsigned limit)
{
	return BASE + rng_below(&w->rng, limit) * PAGE;
}

static void step(struct world *w)
{
	unsigned which = (unsigned)rng_below(&w->rng, w->nr);
	struct mm_struct *mm = w->mms[which];
	uint64_t addr = page_addr(w, NR_PAGES - 10), len = (1 + rng_below(&w->rng, 8)) * PAGE;

	w->mem->current->mm = mm;
	switch (rng_below(&w->rng, 12)) {
	case 0:
		if (w->nr < MAX_MMS)
			w->mms[w->nr++] = dup_mm(mm);
		break;
	case 1:
		if (w->nr > 1) {
			w->mms[which] = w->mms[--w->nr];
			mmput(mm);
		}
		break;
	case 2:
		do_mmap(mm,
			&(struct mmap_request){.addr = addr,
					       .len = len,
					       .prot = PROT_READ | PROT_WRITE,
					       .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED});
		break;
	case 3:
		do_munmap(mm, addr, len);
		break;
	case 4:
	case 5:
		do_mprotect(mm, addr, len,
			    rng_below(&w->rng, 3) ? PROT_READ | PROT_WRITE : PROT_READ);
		break;
	case 6:
		do_mremap(mm, addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			  page_addr(w, NR_PAGES - 10));
		break;
	default:
		do_user_addr_fault(w->mem, addr, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	}
}

struct search {
	const struct vm_area_struct *vma;
	uint64_t addr;
	bool found;
};

static bool is_wanted(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct search *s = ctx;

	s->found |= vma == s->vma && addr == s->addr;
	return !s->found;
}

static void check_pages(struct world *w, struct mm_struct *mm)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		struct search s = {.vma = vma_lookup(mm, BASE + i * PAGE), .addr = BASE + i * PAGE};
		struct pgtable *table;
		unsigned level;
		pte_t pte = *pgtable_walk(mm, s.addr, &level, &table);

		if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
			continue;
		assert_non_null(s.vma);
		rmap_walk(w->mem, pte_pfn(pte), is_wanted, &s);
		assert_true(s.found);
	}
}

/* What all areas together say about one anon_vma. */
struct tally {
	uint32_t edges, active, children, others;
};

static void count_areas(struct world *w, struct tally *t)
{
	for (unsigned i = 0; i < w->nr; i++)
		for (struct vm_area_struct *vma = first_vma(w->mms[i]); vma; vma = vma_next(vma)) {
			struct list_head *pos;

			list_for_each(pos, &vma->anon_vma_chain)
				t[list_entry(pos, struct anon_vma_chain, same_vma)
					  ->anon_vma->handle]
					.edges++;
			if (vma->anon_vma)
				t[vma->anon_vma->handle].active++;
		}
}

static void check_equations(struct world *w)
{
	size_t nr = w->mem->mappings.nr;
	struct tally *t = calloc(nr, sizeof(*t));
	struct anon_vma **all = (struct anon_vma **)w->mem->mappings.data;

	count_areas(w, t);
	for (size_t i = 1; i < nr; i++) {
		if (!all[i])
			continue;
		t[all[i]->parent->handle].children += t[i].edges > 0;
		t[all[i]->root->handle].others += all[i]->root != all[i];
	}
	for (size_t i = 1; i < nr; i++) {
		if (!all[i])
			continue;
		assert_int_equal(all[i]->num_active_vmas, t[i].active);
		assert_int_equal(all[i]->num_children, t[i].children);
		assert_int_equal(all[i]->refcount, (t[i].edges > 0) + t[i].others);
	}
	free(t);
}

static void test_random_families(void **state)
{
	struct world w = {0};
	uint64_t nr_ops = test_ops(30000);

	(void)state;
	rng_seed(&w.rng, test_seed());
	w.mem = memory_create_uma(geometry_find("x86-64"), 1, 64ull << 20);
	w.mem->current = task_alloc(w.mem, 1);
	w.mms[w.nr++] = mm_alloc(w.mem);
	for (uint64_t i = 0; i < nr_ops; i++) {
		step(&w);
		if (i % 16)
			continue;
		check_equations(&w);
		for (unsigned k = 0; k < w.nr; k++) {
			assert_true(vma_consistent(w.mms[k]));
			check_pages(&w, w.mms[k]);
		}
	}
	while (w.nr)
		mmput(w.mms[--w.nr]);
	assert_int_equal(w.mem->anon_vma_pool.nr_live, 0);
	assert_int_equal(w.mem->avc_pool.nr_live, 0);
	assert_true(memory_consistent(w.mem, NULL));
	memory_destroy(w.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_families)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
