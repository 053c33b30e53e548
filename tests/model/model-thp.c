/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Huge pages of all sizes under random operations: touches, advice, moves, forks, splits to any order, collapses, the
 * shrinkers. After every few of them a walk of all page tables must find each page and each folio mapped as often as is
 * counted (mm/page_table_check.h), and what folios count as a whole, the list of deferred splits and the statistics of each
 * size must be what their pages say (thp_consistent()).
 *
 * A second, slow model knows who may write what: a byte array for each address space, copied by fork, written by touches,
 * emptied by DONTNEED. Each page of it that was written must still be mapped, by a frame that no other address space can
 * write.
 */
#include "support/test.h"

#include <string.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/folio_touched.h"
#include "mm/fork.h"
#include "mm/huge_memory.h"
#include "mm/khugepaged.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/page_table_check.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/touch_runs.h"
#include "mm/vma.h"

#define PAGE		4096ull
#define MIB		(1ull << 20)
#define BASE		0x40000000ull
#define AREA_BYTES	(6 * MIB)
#define AREA_PAGES	(AREA_BYTES / PAGE)
#define NR_SPACES	4

struct machine {
	struct memory *mem;
	struct task_struct *task;
	struct mm_struct *mm[NR_SPACES];		/* NULL: none */
	bool written[NR_SPACES][AREA_PAGES];
	struct rng rng;
	uint64_t touches;
};

static uint64_t below(struct machine *m, uint64_t n)
{
	return rng_below(&m->rng, n);
}

static void map_area(struct mm_struct *mm, uint64_t addr, uint64_t len)
{
	struct mmap_request req = {.addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(mm, &req), addr);
	(void)do_madvise(mm, addr, len, MADV_HUGEPAGE);
}

static void new_space(struct machine *m, unsigned s)
{
	m->mm[s] = mm_alloc(m->mem);
	assert_non_null(m->mm[s]);
	map_area(m->mm[s], BASE, AREA_BYTES);
	memset(m->written[s], 0, sizeof(m->written[s]));
}

static struct machine *machine_new(uint64_t seed, bool lru)
{
	struct machine *m = calloc(1, sizeof(*m));

	m->mem = memory_create_uma(geometry_find("x86-64"), 1, 96 * MIB);
	for (unsigned shift = 14; shift < 21; shift++)
		if (seed >> (shift - 14) & 1)
			m->mem->conf.thp_hugepages[shift - THP_SIZE_SHIFT_MIN] = THP_SIZE_MADVISE;
	m->mem->conf.khugepaged_max_ptes_none = 300;
	if (lru)
		lru_enable(m->mem);
	folio_touched_enable(m->mem);
	m->task = task_alloc(m->mem, 1);
	m->mem->current = m->task;
	rng_seed(&m->rng, seed);
	for (unsigned s = 0; s < NR_SPACES; s++)
		new_space(m, s);
	return m;
}

static void touch_pages(struct machine *m, unsigned s)
{
	uint64_t first = below(m, AREA_PAGES), nr = below(m, 4) ? 1 + below(m, 40) : 1 + below(m, 800);
	bool write = below(m, 4) != 0;

	m->task->mm = m->mm[s];
	for (uint64_t p = first; p < first + nr && p < AREA_PAGES; p++, m->touches++) {
		struct pgtable *table;
		unsigned level;
		pte_t *pte = pgtable_walk(m->mm[s], BASE + p * PAGE, &level, &table);
		struct vm_area_struct *vma = vma_lookup(m->mm[s], BASE + p * PAGE);
		bool may = vma && (!write || vma->vm_flags & VM_WRITE);

		if (!may)
			continue;
		if ((!pte_is_leaf(*pte) || (write && !pte_write(*pte))) &&
		    do_user_addr_fault(m->mem, BASE + p * PAGE, write ? FAULT_FLAG_WRITE : 0) & VM_FAULT_ERROR)
			continue;
		touch_addr(m->mem, BASE + p * PAGE, write);
		m->written[s][p] |= write;
	}
}

static void forget(struct machine *m, unsigned s, uint64_t first, uint64_t nr)
{
	memset(&m->written[s][first], 0, nr);
}

static void some_range(struct machine *m, uint64_t *first, uint64_t *nr)
{
	if (below(m, 4) == 0) {		/* whole huge frames */
		*first = below(m, AREA_PAGES / 512) * 512;
		*nr = 512;
		return;
	}
	*first = below(m, AREA_PAGES);
	*nr = 1 + below(m, below(m, 2) ? 20 : 600);
	if (*first + *nr > AREA_PAGES)
		*nr = AREA_PAGES - *first;
}

static void advise(struct machine *m, unsigned s)
{
	static const int advices[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_COLLAPSE, MADV_HUGEPAGE,
				      MADV_NOHUGEPAGE, MADV_HUGEPAGE};
	int advice = advices[below(m, ARRAY_SIZE(advices))];
	uint64_t first, nr;

	some_range(m, &first, &nr);
	if (do_madvise(m->mm[s], BASE + first * PAGE, nr * PAGE, advice) == 0 && advice == MADV_DONTNEED)
		forget(m, s, first, nr);
}

static void change_area(struct machine *m, unsigned s)
{
	uint64_t first, nr;

	some_range(m, &first, &nr);
	switch (below(m, 3)) {
	case 0:
		do_munmap(m->mm[s], BASE + first * PAGE, nr * PAGE);
		map_area(m->mm[s], BASE + first * PAGE, nr * PAGE);
		forget(m, s, first, nr);
		break;
	case 1:
		(void)do_mprotect(m->mm[s], BASE + first * PAGE, nr * PAGE, PROT_READ);
		break;
	default:
		(void)do_mprotect(m->mm[s], BASE, AREA_BYTES, PROT_READ | PROT_WRITE);
		break;
	}
}

static void fork_or_exit(struct machine *m)
{
	unsigned from = (unsigned)below(m, NR_SPACES), to = (unsigned)below(m, NR_SPACES);

	if (from == to)
		return;
	mmput(m->mm[to]);
	m->mm[to] = dup_mm(m->mm[from]);
	memcpy(m->written[to], m->written[from], sizeof(m->written[to]));
	if (!m->mm[to])
		new_space(m, to);
}

/* Away and back again, to a place that is not aligned in the same way. */
static void move(struct machine *m, unsigned s)
{
	uint64_t first, nr, away = BASE + 64 * MIB + below(m, 600) * PAGE, len;

	some_range(m, &first, &nr);
	len = nr * PAGE;
	if (do_mremap(m->mm[s], BASE + first * PAGE, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away) != (int64_t)away)
		return;		/* it crosses areas */
	assert_int_equal(do_mremap(m->mm[s], away, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + first * PAGE),
			 BASE + first * PAGE);
}

static void split_some(struct machine *m, unsigned s)
{
	struct pgtable *table;
	unsigned level, order;
	pte_t pte = *pgtable_walk(m->mm[s], BASE + below(m, AREA_PAGES) * PAGE, &level, &table);
	pfn_t head;

	if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
		return;
	head = folio_pfn(m->mem, pte_pfn(pte));
	order = page_order(pfn_to_page(m->mem, head));
	if (!order)
		return;
	if (below(m, 8) == 0) {		/* somebody else has it: it must stay whole */
		get_page(m->mem, head);
		assert_false(split_folio(m->mem, head));
		put_page(m->mem, head);
		return;
	}
	(void)split_folio_to_list(m->mem, head, (unsigned)below(m, order), 0, NULL);
}

static void background(struct machine *m)
{
	switch (below(m, 3)) {
	case 0:
		khugepaged_run(m->mem);
		break;
	case 1:
		(void)deferred_split_scan(m->mem, -1, 0, 1 + below(m, 8));
		break;
	default:
		(void)huge_zero_scan(m->mem, -1, 1);
		break;
	}
}

/* What was written is there, and whoever may write it has it alone. */
static void check_written(const struct machine *m)
{
	for (unsigned s = 0; s < NR_SPACES; s++)
		for (uint64_t p = 0; p < AREA_PAGES; p++) {
			struct pgtable *table;
			unsigned level;
			pte_t pte = *pgtable_walk(m->mm[s], BASE + p * PAGE, &level, &table);
			pfn_t pfn = pte_pfn(pte) + (level ? (pfn_t)(p % 512) : 0);

			if (m->written[s][p] && (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL))
				fail_msg("space %u: page %u was written and is gone", s, (unsigned)p);
			if (pte_is_leaf(pte) && pte_write(pte))
				assert_int_equal(page_mapcount(m->mem, pfn), 1);
		}
}

static void check(const struct machine *m)
{
	struct strbuf why = {0};
	bool ok = page_table_check(m->mem, &why);

	ok &= thp_consistent(m->mem, &why);
	ok &= memory_consistent(m->mem, &why);
	if (!ok)
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(m->mem));
	check_written(m);
}

static void step(struct machine *m)
{
	unsigned s = (unsigned)below(m, NR_SPACES), what = (unsigned)below(m, 100);

	if (what < 70)
		touch_pages(m, s);
	else if (what < 82)
		advise(m, s);
	else if (what < 87)
		change_area(m, s);
	else if (what < 90)
		fork_or_exit(m);
	else if (what < 93)
		move(m, s);
	else if (what < 97)
		split_some(m, s);
	else
		background(m);
}

static void machine_end(struct machine *m)
{
	check(m);
	for (unsigned s = 0; s < NR_SPACES; s++)
		mmput(m->mm[s]);
	m->mem->current = NULL;
	(void)huge_zero_scan(m->mem, -1, 1);
	assert_true(thp_consistent(m->mem, NULL));
	assert_int_equal(m->mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 0);
	assert_int_equal(m->mem->nodes[0]->vm_stat[NR_ANON_THPS], 0);
	assert_int_equal(m->mem->nodes[0]->deferred_split.nr, 0);
	assert_int_equal(m->mem->thp_waste.nr_untouched, 0);
	folio_touched_finish(m->mem);
	memory_destroy(m->mem);
	free(m);
}

/* Returns touches. */
static uint64_t run(uint64_t seed, uint64_t steps, bool lru)
{
	struct machine *m = machine_new(seed, lru);
	const uint64_t *event = m->mem->vm_event;
	uint64_t touches;

	for (uint64_t i = 0; i < steps; i++) {
		step(m);
		if (i % 512 == 0)
			check(m);
	}
	assert_true(event[THP_FAULT_ALLOC] && event[THP_SPLIT_PMD] && event[THP_SPLIT_PAGE] && event[THP_COLLAPSE_ALLOC] &&
		    event[THP_DEFERRED_SPLIT_PAGE] && event[THP_UNDERUSED_SPLIT_PAGE]);
	touches = m->touches;
	machine_end(m);
	return touches;
}

static void walks_find_what_is_counted(void **state)
{
	uint64_t seed = test_seed(), touches = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		touches += run(seed * 37 + i * 41, test_ops(40000), i & 1);
	printf("%llu touches\n", (unsigned long long)touches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_find_what_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
