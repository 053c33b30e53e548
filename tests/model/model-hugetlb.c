/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Three processes map, touch, share, cut and unmap huge pages at random, fork and end; a pool of few pages grows and shrinks
 * under them. A table beside it says what each huge page of each process holds: a number that came with the first write.
 * Private pages keep their numbers apart after fork, shared ones are one; nobody gets a page that another has; after
 * every thousand steps the pool's counts agree, and when all have gone, so do free pages and reservations.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/hugetlb.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

#define MIB	  (1ull << 20)
#define HUGE	  (2 * MIB)
#define NR_SPACES 3
#define SLOTS	  24u		/* huge pages of an address space */
#define BASE	  0x40000000ull
#define AT(i)	  (BASE + (i) * HUGE)

/* By slot: what the process would read there. 0: nothing mapped, or never written. */
struct space {
	struct mm_struct *mm;
	bool mapped[SLOTS];
	uint64_t value[SLOTS];
	bool shared[SLOTS];
};

struct model {
	struct memory *mem;
	struct hstate *h;
	struct task_struct *task;
	struct space space[NR_SPACES];
	uint64_t *content;	/* by frame of huge pages: what stands in it */
	uint64_t next_value, nr_bus, nr_refused, nr_forks;
};

static void start(struct model *m)
{
	uint64_t bytes = 256 * MIB;
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 1 };

	memset(m, 0, sizeof(*m));
	config_defaults(&mm_config_table, &conf);
	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	hugetlb_create(m->mem);
	m->h = size_to_hstate(m->mem, HUGE);
	m->content = calloc(m->mem->max_pfn >> 9, sizeof(*m->content));
	m->task = task_alloc(m->mem, 1);
	m->mem->current = m->task;
	for (unsigned i = 0; i < NR_SPACES; i++)
		m->space[i].mm = mm_alloc(m->mem);
	assert_int_equal(set_max_huge_pages(m->h, 20, 0), 20);
	m->h->nr_overcommit_huge_pages = 3;
}

static pte_t entry(const struct model *m, const struct space *s, unsigned slot)
{
	struct pgtable *table = pgtable_lookup(s->mm, AT(slot), m->h->level);

	return table ? table->ent[pte_index(m->mem->geo, table, AT(slot))] : (pte_t){ 0 };
}

static void check(const struct model *m)
{
	struct strbuf why = {0};

	if (!hugetlb_consistent(m->mem, &why) || !memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned i = 0; i < NR_SPACES; i++) {
		uint64_t mapped = 0;

		for (unsigned slot = 0; slot < SLOTS; slot++) {
			pte_t pte = entry(m, &m->space[i], slot);

			if (pte_none(pte))
				continue;
			mapped += 512;
			assert_true(m->space[i].mapped[slot]);
			if (m->space[i].value[slot] && !m->space[i].shared[slot])
				assert_int_equal(m->content[pte_pfn(pte) >> 9], m->space[i].value[slot]);
		}
		assert_int_equal(mapped, m->space[i].mm->hugetlb_usage);
	}
}

static void forget(struct space *s, unsigned first, unsigned nr)
{
	for (unsigned i = first; i < first + nr; i++) {
		s->mapped[i] = s->shared[i] = false;
		s->value[i] = 0;
	}
}

static void do_map(struct model *m, struct rng *rng, struct space *s)
{
	unsigned first = (unsigned)rng_below(rng, SLOTS), nr = 1 + (unsigned)rng_below(rng, 4);
	bool shared = !rng_below(rng, 3);
	struct mmap_request req = { .prot = PROT_READ | PROT_WRITE, .addr = AT(first) };

	if (first + nr > SLOTS)
		return;
	req.len = nr * HUGE;
	req.flags = MAP_FIXED | MAP_ANONYMOUS | MAP_HUGETLB | (shared ? MAP_SHARED : MAP_PRIVATE) |
		    (rng_below(rng, 3) ? 0 : MAP_NORESERVE);
	forget(s, first, nr);	/* what was there goes, whatever comes of it */
	if (do_mmap(s->mm, &req) < 0) {
		m->nr_refused++;
		return;
	}
	for (unsigned i = first; i < first + nr; i++) {
		s->mapped[i] = true;
		s->shared[i] = shared;
	}
}

/* A copy that the owner takes a page away from holds nothing any more: it would get SIGBUS. */
static void do_touch(struct model *m, struct rng *rng, struct space *s)
{
	unsigned slot = (unsigned)rng_below(rng, SLOTS);
	bool write = rng_below(rng, 2);
	pte_t before = entry(m, s, slot), pte;
	vm_fault_t ret;

	m->task->mm = s->mm;
	ret = do_user_addr_fault(m->mem, AT(slot) + rng_below(rng, HUGE), FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0));
	if (!s->mapped[slot]) {
		assert_int_equal(ret, VM_FAULT_SIGSEGV);
		return;
	}
	m->nr_bus += ret == VM_FAULT_SIGBUS;
	if (ret)
		return;
	pte = entry(m, s, slot);
	assert_false(pte_none(pte));
	if (pte_none(before) && !s->shared[slot] && pfn_to_page(m->mem, pte_pfn(pte))->flags & PG_ANON)
		s->value[slot] = m->content[pte_pfn(pte) >> 9] = 0;
	if (!write || s->shared[slot])
		return;
	assert_true(pte_write(pte));
	s->value[slot] = m->content[pte_pfn(pte) >> 9] = ++m->next_value;
}

static void do_unmap(struct model *m, struct rng *rng, struct space *s)
{
	unsigned first = (unsigned)rng_below(rng, SLOTS), nr = 1 + (unsigned)rng_below(rng, 6);

	(void)m;
	if (first + nr > SLOTS)
		return;
	if (rng_below(rng, 3)) {
		assert_int_equal(do_munmap(s->mm, AT(first), nr * HUGE), 0);
		forget(s, first, nr);
		return;
	}
	(void)do_madvise(s->mm, AT(first), nr * HUGE, MADV_DONTNEED);
	for (unsigned i = first; i < first + nr; i++)
		if (pte_none(entry(m, s, i)))
			s->value[i] = 0;
}

/* The pages that the parent had move with their contents when a copy is taken: a table beside cannot know which. */
static void refresh(struct model *m)
{
	for (unsigned i = 0; i < NR_SPACES; i++)
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			pte_t pte = entry(m, &m->space[i], slot);

			if (pte_none(pte))
				m->space[i].value[slot] = 0;
		}
}

static void do_fork(struct model *m, struct rng *rng, struct space *s)
{
	struct space *child = &m->space[rng_below(rng, NR_SPACES)];
	struct mm_struct *mm;

	if (child == s)
		return;
	mmput(child->mm);
	mm = dup_mm(s->mm);
	assert_non_null(mm);
	*child = *s;
	child->mm = mm;
	m->nr_forks++;
}

static void do_move(struct model *m, struct rng *rng, struct space *s)
{
	unsigned from = (unsigned)rng_below(rng, SLOTS), to = (unsigned)rng_below(rng, SLOTS), nr = 1 + (unsigned)rng_below(rng, 3);
	struct space old = *s;

	(void)m;
	if (from + nr > SLOTS || to + nr > SLOTS || (from < to + nr && to < from + nr) ||
	    !vma_lookup(s->mm, AT(from)) || vma_lookup(s->mm, AT(from))->vm_end < AT(from + nr))
		return;
	if (do_mremap(s->mm, AT(from), nr * HUGE, nr * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(to)) < 0)
		return;
	for (unsigned i = 0; i < nr; i++) {
		s->mapped[to + i] = old.mapped[from + i];
		s->value[to + i] = old.value[from + i];
		s->shared[to + i] = old.shared[from + i];
	}
	forget(s, from, nr);
}

static void step(struct model *m, struct rng *rng)
{
	struct space *s = &m->space[rng_below(rng, NR_SPACES)];
	uint64_t what = rng_below(rng, 1000);

	if (what < 60)
		do_map(m, rng, s);
	else if (what < 100)
		do_unmap(m, rng, s);
	else if (what < 104)
		do_fork(m, rng, s);
	else if (what < 115)
		do_move(m, rng, s);
	else if (what < 117)
		set_max_huge_pages(m->h, 12 + rng_below(rng, 12), 0);
	else
		do_touch(m, rng, s);
	refresh(m);
}

static void test_model(void **state)
{
	struct model *m = malloc(sizeof(*m));
	uint64_t seed = test_seed(), ops = test_ops(1000000);
	struct rng rng;

	(void)state;
	rng_seed(&rng, seed);
	start(m);
	for (uint64_t i = 0; i < ops; i++) {
		step(m, &rng);
		if (i % 20000 == 0)
			check(m);
	}
	check(m);
	printf("forks %llu, refused %llu, SIGBUS %llu\n", (unsigned long long)m->nr_forks, (unsigned long long)m->nr_refused,
	       (unsigned long long)m->nr_bus);
	assert_true(m->nr_forks && m->nr_refused && m->nr_bus);
	for (unsigned i = 0; i < NR_SPACES; i++)
		mmput(m->space[i].mm);
	m->task->mm = NULL;
	assert_int_equal(m->h->free_huge_pages, m->h->nr_huge_pages);
	assert_int_equal(m->h->resv_huge_pages, 0);
	assert_int_equal(m->h->surplus_huge_pages, 0);
	m->mem->current = NULL;
	task_free(m->mem, m->task);
	set_max_huge_pages(m->h, 0, 0);
	hugetlb_destroy(m->mem);
	memory_destroy(m->mem);
	free(m->content);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
