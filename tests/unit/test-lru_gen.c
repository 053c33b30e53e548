/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Generations: where folios begin, what makes them younger, what walks of page tables find. */
#include "support/test.h"

#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/lru_gen-internal.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct lruvec *lruvec;
	struct lru_gen *gen;
};

static struct world world_new(unsigned caps)
{
	struct world w = {.mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB)};

	w.mem->conf.thp_enabled = 0;
	lru_gen_setup(w.mem, caps, 0);
	lru_enable(w.mem);
	w.lruvec = &w.mem->nodes[0]->lruvec;
	w.gen = w.lruvec->gen;
	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	w.mem->conf.overcommit_memory = 1;
	return w;
}

static void world_end(struct world *w)
{
	struct strbuf why = {0};

	if (!lru_gen_policy.consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	task_free(w->mem, w->task);
	mmput(w->mm);
	w->mem->current = NULL;
	lru_disable(w->mem);
	lru_gen_teardown(w->mem);
	memory_destroy(w->mem);
}

static pfn_t new_folio(struct world *w, uint32_t flags)
{
	pfn_t pfn = alloc_pages(w->mem, GFP_HIGHUSER_MOVABLE, 0, 0);

	pfn_to_page(w->mem, pfn)->flags |= flags;
	folio_add_lru(w->mem, pfn);
	return pfn;
}

/* How many generations back from the youngest. */
static unsigned age_of(const struct world *w, pfn_t pfn)
{
	for (unsigned age = 0; age < MAX_NR_GENS; age++)
		if (folio_lru_gen(w->mem, pfn) == (int)lru_gen_from_seq(w->gen->max_seq - age))
			return age;
	fail();
	return 0;
}

static void folios_begin_as_young_as_they_came(void **state)
{
	struct world w = world_new(7);
	pfn_t pfn[4];

	(void)state;
	pfn[0] = new_folio(&w, 0);
	pfn[1] = new_folio(&w, PG_SWAPBACKED);
	w.mem->in_lru_fault = true;
	pfn[2] = new_folio(&w, 0);
	w.mem->memalloc = true;	/* what reclaim itself brings in is not used */
	pfn[3] = new_folio(&w, 0);
	w.mem->memalloc = w.mem->in_lru_fault = false;
	assert_int_equal(age_of(&w, pfn[0]), 3);
	assert_int_equal(age_of(&w, pfn[1]), 1);
	assert_int_equal(age_of(&w, pfn[2]), 1);
	assert_int_equal(age_of(&w, pfn[3]), 3);
	assert_int_equal(w.lruvec->nr_pages[LRU_INACTIVE_FILE], 2);
	assert_int_equal(w.lruvec->nr_pages[LRU_ACTIVE_FILE], 1);
	assert_int_equal(w.lruvec->nr_pages[LRU_ACTIVE_ANON], 1);
	assert_false(pfn_to_page(w.mem, pfn[2])->flags & PG_ACTIVE);
	for (int i = 0; i < 4; i++)
		put_page(w.mem, pfn[i]);
	world_end(&w);
}

/* Uses through file descriptors make tiers, not generations: 1, 2, 3 to 4, and the working set from the fifth on. */
static void uses_of_a_file_make_tiers(void **state)
{
	static const unsigned tiers[] = {0, 0, 1, 2, 2, 3};
	struct world w = world_new(7);
	pfn_t pfn = new_folio(&w, 0);

	(void)state;
	for (unsigned uses = 0; uses < 6; uses++) {
		bool workingset = pfn_to_page(w.mem, pfn)->flags & PG_WORKINGSET;

		assert_int_equal(folio_lru_refs(w.mem, pfn), uses < 4 ? uses : 4);
		assert_int_equal(lru_tier_from_refs(folio_lru_refs(w.mem, pfn), workingset), tiers[uses]);
		assert_int_equal(age_of(&w, pfn), 3);
		folio_mark_accessed(w.mem, pfn);
	}
	put_page(w.mem, pfn);
	assert_int_equal(w.mem->page_gen[pfn], 0);
	world_end(&w);
}

/* ---- page tables ---- */

static pte_t *pte_at(struct world *w, uint64_t page)
{
	struct pgtable *table;
	unsigned level;

	return pgtable_walk(w->mm, BASE + page * PAGE, &level, &table);
}

static pfn_t pfn_at(struct world *w, uint64_t page)
{
	return pte_pfn(*pte_at(w, page));
}

static void map_and_touch(struct world *w, uint64_t nr)
{
	struct mmap_request req = {.addr = BASE, .len = nr * PAGE, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), BASE);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(do_user_addr_fault(w->mem, BASE + i * PAGE, FAULT_FLAG_WRITE | FAULT_FLAG_USER) &
					 VM_FAULT_ERROR, 0);
	for (uint64_t i = 0; i < nr; i++)
		pte_at(w, i)->pte |= PTE_ACCESSED;
}

static void age(struct world *w)
{
	assert_true(lru_gen_inc_max_seq(w->lruvec, w->gen->max_seq, 60, false));
	w->mem->mm_walk = false;
}

/* The first use that is found leaves a mark, the second makes young; what is used no more grows old. */
static void walks_make_what_is_used_young(void **state)
{
	struct world w = world_new(7);
	uint64_t nr = 1024;	/* two tables */

	(void)state;
	map_and_touch(&w, nr);
	assert_int_equal(age_of(&w, pfn_at(&w, 0)), 1);
	age(&w);
	assert_int_equal(w.gen->walk_tables, 2);
	assert_int_equal(w.gen->walk_young, nr);
	assert_false(pte_at(&w, 5)->pte & PTE_ACCESSED);
	assert_int_equal(age_of(&w, pfn_at(&w, 5)), 2);
	assert_true(pfn_to_page(w.mem, pfn_at(&w, 5))->flags & PG_REFERENCED);
	for (uint64_t i = 0; i < 512; i++)
		pte_at(&w, i)->pte |= PTE_ACCESSED;
	age(&w);
	assert_int_equal(w.gen->walk_young, nr + 512);
	/* the youngest then, second youngest by now; linked where it was */
	assert_int_equal(age_of(&w, pfn_at(&w, 5)), 1);
	assert_true(pfn_to_page(w.mem, pfn_at(&w, 5))->flags & PG_WORKINGSET);
	assert_int_not_equal(folio_gen_list(w.mem, pfn_at(&w, 5)), folio_lru_gen(w.mem, pfn_at(&w, 5)));
	assert_int_equal(age_of(&w, pfn_at(&w, 700)), 3);
	assert_int_equal(w.lruvec->nr_pages[LRU_ACTIVE_ANON], 512);
	assert_int_equal(w.lruvec->nr_pages[LRU_INACTIVE_ANON], 512);
	world_end(&w);
}

/* A table in which nothing was young is not looked through again until eviction says so. */
static void filters_keep_tables_that_are_worth_it(void **state)
{
	struct world w = world_new(LRU_GEN_CORE | LRU_GEN_MM_WALK);
	uint64_t tables;

	(void)state;
	map_and_touch(&w, 1024);
	age(&w);	/* new: all of it */
	assert_int_equal(w.gen->walk_tables, 2);
	assert_int_equal(w.gen->walk_tables_kept, 2);
	for (uint64_t i = 0; i < 512; i += 8)	/* one in each line of entries: just enough */
		pte_at(&w, i)->pte |= PTE_ACCESSED;
	pte_at(&w, 600)->pte |= PTE_ACCESSED;
	age(&w);
	assert_int_equal(w.gen->walk_tables, 4);
	assert_int_equal(w.gen->walk_tables_kept, 3);
	tables = w.gen->walk_tables;
	pte_at(&w, 601)->pte |= PTE_ACCESSED;
	age(&w);
	assert_int_equal(w.gen->walk_tables, tables + 1);
	assert_true(pte_at(&w, 601)->pte & PTE_ACCESSED);
	world_end(&w);
}

/* What did not run since is not walked. */
static void only_those_that_ran_are_walked(void **state)
{
	struct world w = world_new(7);

	(void)state;
	map_and_touch(&w, 512);
	age(&w);
	w.mem->current = NULL;
	pte_at(&w, 3)->pte |= PTE_ACCESSED;
	age(&w);
	assert_int_equal(w.gen->walk_young, 512);
	w.mm->lru_gen_ran = UINT64_MAX;
	for (uint64_t i = 0; i < 512; i++)
		pte_at(&w, i)->pte |= PTE_ACCESSED;
	age(&w);	/* the filter of the walk that found nothing is empty */
	w.mem->current = w.task;
	world_end(&w);
}

/* Without walks nothing is asked; only generations pass. */
static void without_walks_tables_stay_alone(void **state)
{
	struct world w = world_new(LRU_GEN_CORE);

	(void)state;
	map_and_touch(&w, 512);
	age(&w);
	assert_int_equal(w.gen->walk_tables, 0);
	assert_true(pte_at(&w, 0)->pte & PTE_ACCESSED);
	assert_int_equal(age_of(&w, pfn_at(&w, 0)), 2);
	world_end(&w);
}

/* Eviction found entry 300 used: it asks the 64 around it. */
static void a_used_entry_has_its_neighbours_asked(void **state)
{
	struct world w = world_new(LRU_GEN_CORE);
	struct pgtable *table;
	unsigned asked = 0;

	(void)state;
	map_and_touch(&w, 512);
	table = pgtable_lookup(w.mm, BASE, 0);
	assert_true(folio_isolate_lru(w.mem, pfn_at(&w, 300)));
	pte_at(&w, 300)->pte &= ~PTE_ACCESSED;
	lru_gen_look_around(w.mem, find_vma(w.mm, BASE), BASE + 300 * PAGE, table, pfn_at(&w, 300));
	for (uint64_t i = 0; i < 512; i++) {
		bool used = pte_at(&w, i)->pte & PTE_ACCESSED;

		asked += !used;
		assert_int_equal(used, i < 268 || i >= 332);
	}
	assert_int_equal(asked, 64);
	assert_true(pfn_to_page(w.mem, pfn_at(&w, 299))->flags & PG_REFERENCED);
	/* a second time they go to the youngest, through the lists: nobody collects what is found */
	for (uint64_t i = 290; i < 300; i++)
		pte_at(&w, i)->pte |= PTE_ACCESSED;
	lru_gen_look_around(w.mem, find_vma(w.mm, BASE), BASE + 300 * PAGE, table, pfn_at(&w, 300));
	assert_int_equal(age_of(&w, pfn_at(&w, 295)), 0);
	assert_int_equal(w.mem->vm_event[PGACTIVATE], 10);
	folio_putback_lru(w.mem, pfn_at(&w, 300));
	world_end(&w);
}

/* ---- generations pass ---- */

static void the_oldest_two_become_one(void **state)
{
	struct world w = world_new(7);
	pfn_t old = new_folio(&w, 0), next;

	(void)state;
	age(&w);	/* min_seq 0 -> 1 takes it along */
	assert_int_equal(w.gen->min_seq[LRU_GEN_FILE], 1);
	assert_int_equal(age_of(&w, old), 3);
	assert_int_equal(w.gen->avg_total[LRU_GEN_FILE][0], 0);	/* protected 1, halved and rounded down */
	next = new_folio(&w, 0);
	assert_int_equal(age_of(&w, next), 3);
	/* kinds that may not be evicted stay in their slot, which is the youngest's then */
	assert_true(lru_gen_inc_max_seq(w.lruvec, w.gen->max_seq, SWAPPINESS_ANON_ONLY, false));
	assert_int_equal(age_of(&w, old), 0);
	put_page(w.mem, old);
	put_page(w.mem, next);
	assert_true(lru_gen_inc_min_seq(w.lruvec, 60));
	assert_int_equal(w.gen->min_seq[LRU_GEN_FILE], w.gen->max_seq - 1);
	assert_int_equal(w.gen->min_seq[LRU_GEN_ANON], w.gen->max_seq - 1);
	assert_false(lru_gen_inc_max_seq(w.lruvec, w.gen->max_seq - 1, 60, false));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folios_begin_as_young_as_they_came),
		cmocka_unit_test(uses_of_a_file_make_tiers),
		cmocka_unit_test(walks_make_what_is_used_young),
		cmocka_unit_test(filters_keep_tables_that_are_worth_it),
		cmocka_unit_test(only_those_that_ran_are_walked),
		cmocka_unit_test(without_walks_tables_stay_alone),
		cmocka_unit_test(a_used_entry_has_its_neighbours_asked),
		cmocka_unit_test(the_oldest_two_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
