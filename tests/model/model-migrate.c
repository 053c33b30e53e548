/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Two machines that run the same touches, forks and calls. In one, folios move between nodes all the time: one by one, in
 * batches, by hint faults. Nobody may see a difference: at every check there is a one-to-one relation between the frames
 * of the two machines that holds for every entry of every address space and every page of every file, entries have the
 * same rights, and the counts of memory are the same.
 *
 * A frame of the machine without moves stands for what is in it; so a page that was mixed up, lost or copied once too often
 * breaks the relation. Then a second run with demotion, splits and promotion as well, which may make copies differ: there
 * the walks over lists, tables, reverse maps and counts must hold.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "base/htable.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "machine/profile.h"
#include "mm/vmscan.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/memory_tiers.h"
#include "mm/mempolicy.h"
#include "mm/migrate.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/numa_balancing.h"
#include "mm/page_alloc.h"
#include "mm/page_table_check.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/vma.h"

#define PAGE		4096ull
#define MIB		(1ull << 20)
#define NR_SPACES	4
#define NR_CPUS		4
#define NR_AREAS	4
#define AREA_BYTES	(4 * MIB)
#define AREA_PAGES	(AREA_BYTES / PAGE)
#define AREA(i)		(0x10000000ull + (i) * 2 * AREA_BYTES)
#define FILE_ID		7

struct machine {
	struct memory *mem;
	struct mm_struct *mm[NR_SPACES];
	struct task_struct *task;
	struct address_space *file;
};

/* Areas: anonymous of base pages, anonymous with huge pages, private file, shared file or shmem. */
static void map_area(struct machine *m, struct mm_struct *mm, unsigned i, bool shmem)
{
	struct mmap_request req = {.addr = AREA(i), .len = AREA_BYTES, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_FIXED | MAP_PRIVATE};

	if (i < 2 || shmem)
		req.flags |= MAP_ANONYMOUS;
	else
		req.mapping = m->file;
	if (i == 3)
		req.flags = (req.flags & ~(unsigned)MAP_PRIVATE) | MAP_SHARED;
	assert_int_equal(do_mmap(mm, &req), AREA(i));
	if (i == 1)
		assert_int_equal(do_madvise(mm, AREA(i), AREA_BYTES, MADV_HUGEPAGE), 0);
}

static void set_up(struct machine *m, const struct machine_profile *p, const uint64_t *bytes, bool cxl)
{
	static const uint16_t apart[NR_CPUS] = {0, 1, 0, 1}, together[NR_CPUS] = {0};
	struct memory_desc desc = {.geo = &p->geometry, .nr_nodes = 2, .node_bytes = bytes, .nr_cpus = NR_CPUS,
				   .cpu_node = cxl ? together : apart};
	struct tlb_config conf;

	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	config_defaults(&tlb_config_table, &conf);
	m->mem->tlb = tlb_create(&p->geometry, &p->tlb, &conf, NR_CPUS, 2);
	m->mem->conf.thp_enabled = 1;
}

static void start(struct machine *m)
{
	m->task = task_alloc(m->mem, 1);
	m->file = mapping_get(m->mem, FILE_ID);
	m->file->size_bytes = AREA_BYTES;
	assert_true(filemap_populate(m->mem, m->file, 0, AREA_PAGES / 2, 4));
	for (unsigned s = 0; s < NR_SPACES; s++) {
		m->mm[s] = mm_alloc(m->mem);
		for (unsigned i = 0; i < NR_AREAS; i++)
			map_area(m, m->mm[s], i, s & 1);
	}
	m->task->mm = m->mm[0];
	m->mem->current = m->task;
}

/* An entry that the reverse map must lead to. */
struct sought {
	const struct vm_area_struct *vma;
	uint64_t addr;
	bool found;
};

static bool is_sought(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct sought *s = ctx;

	s->found |= vma == s->vma && addr == s->addr;
	return !s->found;
}

/* From every entry to its page and back; every page is mapped as often as it says. */
static void check_rmap(const struct machine *m)
{
	struct htable mapped;
	uint64_t pfn, nr;

	htable_init(&mapped);
	for (unsigned s = 0; s < NR_SPACES; s++)
		for (uint64_t i = 0; i < NR_AREAS * AREA_PAGES; i++) {
			struct sought want = {.addr = AREA(i / AREA_PAGES) + i % AREA_PAGES * PAGE};
			struct pgtable *table;
			unsigned level;
			pte_t pte = *pgtable_walk(m->mm[s], want.addr, &level, &table);

			if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
				continue;
			pfn = pte_pfn(pte) + (level ? want.addr / PAGE % 512 : 0);
			want.vma = vma_lookup(m->mm[s], want.addr);
			rmap_walk(m->mem, (pfn_t)pfn, is_sought, &want);
			assert_true(want.found);
			nr = 0;
			htable_get(&mapped, pfn, &nr);
			htable_set(&mapped, pfn, nr + 1);
		}
	for (size_t pos = 0; htable_next(&mapped, &pos, &pfn, &nr);)
		assert_int_equal(nr, page_mapcount(m->mem, (pfn_t)pfn));
	htable_finish(&mapped);
}

/* What the TLBs counted by node is what they counted. */
static void check_matrices(const struct memory *mem)
{
	uint64_t walks[4] = {0}, both[4] = {0}, kinds[4] = {0}, refs = 0;
	struct tlb_stats st;

	tlb_stats(mem->tlb, -1, &st);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		tlb_stream_matrix(mem->tlb, (enum tlb_stream)s, mem->cpu_node, kinds);
		for (unsigned l = 0; l < st.nr_levels; l++)
			refs += st.stream[s].walk_refs[l];
	}
	tlb_walk_matrix(mem->tlb, mem->cpu_node, walks);
	tlb_access_matrix(mem->tlb, mem->cpu_node, both);
	assert_memory_equal(both, kinds, sizeof(both));
	assert_int_equal(walks[0] + walks[1] + walks[2] + walks[3], refs);
}

static void check(const struct machine *m)
{
	struct strbuf why = {0};

	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(m->mem));
	assert_true(tlb_consistent(m->mem->tlb));
	for (unsigned s = 0; s < NR_SPACES; s++)
		assert_true(vma_consistent(m->mm[s]));
	check_rmap(m);
	check_matrices(m->mem);
}

static void tear_down(struct machine *m)
{
	struct tlb_system *tlb = m->mem->tlb;

	for (unsigned s = 0; s < NR_SPACES; s++)
		mmput(m->mm[s]);
	task_free(m->mem, m->task);
	m->mem->current = NULL;
	mapping_put(m->mem, m->file);
	mapping_finish_all(m->mem);
	numa_balancing_finish(m->mem);
	memory_destroy(m->mem);
	tlb_destroy(tlb);
}

/* ---- what both do ---- */

static void one_call(struct rng *rng, struct machine *m, unsigned nr)
{
	uint64_t op = rng_below(rng, 40), space = rng_below(rng, NR_SPACES), area = rng_below(rng, NR_AREAS);
	uint64_t addr = AREA(area) + rng_below(rng, AREA_PAGES) * PAGE, len = (1 + rng_below(rng, 40)) * PAGE;
	uint64_t prot = rng_below(rng, 3) ? PROT_READ | PROT_WRITE : PROT_READ, cpu = rng_below(rng, NR_CPUS);
	bool shmem = rng_below(rng, 2);

	for (unsigned i = 0; i < nr; i++) {
		struct mm_struct *mm = m[i].task->mm;

		if (op < 4)
			assert_int_equal(do_munmap(mm, addr, len), 0);
		else if (op < 8)
			map_area(&m[i], mm, (unsigned)area, shmem);
		else if (op < 12)
			do_mprotect(mm, addr, len, prot);
		else if (op < 18)
			do_madvise(mm, addr, len, MADV_DONTNEED);
		else if (op < 22 && m[i].mm[space] != mm) {
			struct mm_struct *child = dup_mm(mm);

			assert_true(child || nr == 1);
			if (child)
				mmput(m[i].mm[space]);
			m[i].mm[space] = child ? child : m[i].mm[space];
		} else if (op < 30)
			m[i].mem->cpu = (unsigned)cpu;
		else
			m[i].task->mm = m[i].mm[space];
	}
}

/* The touch was counted on the node where the page table has the page: no TLB kept an old frame. */
static void counted_where_it_is(const struct machine *m, uint64_t addr, const uint64_t before[4])
{
	const struct memory *mem = m->mem;
	uint64_t after[4] = {0};
	struct pgtable *table;
	unsigned level, nid;
	pte_t pte = *pgtable_walk(m->task->mm, addr, &level, &table);

	nid = pfn_to_node(mem, pte_pfn(pte))->node_id;
	tlb_access_matrix(mem->tlb, mem->cpu_node, after);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(after[i] - before[i], i == mem->cpu_node[mem->cpu] * 2u + nid);
}

static void one_touch(struct rng *rng, struct machine *m, unsigned nr)
{
	uint64_t area = rng_below(rng, NR_AREAS), page = rng_below(rng, AREA_PAGES);
	enum access_kind kind = rng_below(rng, 2) ? ACCESS_WRITE : ACCESS_READ;
	enum access_result result[2];
	uint64_t before[4] = {0};

	if (rng_below(rng, 4))
		page = rng_below(rng, 1 + rng_below(rng, 64));
	tlb_access_matrix(m[0].mem->tlb, m[0].mem->cpu_node, before);
	for (unsigned i = 0; i < nr; i++)
		result[i] = mmu_access(m[i].mem, AREA(area) + page * PAGE, kind, 1, true);
	if (result[0] == ACCESS_OK && !m[0].mem->kswapd_nodes)
		counted_where_it_is(&m[0], AREA(area) + page * PAGE, before);
	if (nr == 2)
		assert_int_equal(result[0], result[1]);
}

/* ---- what one does ---- */

static pfn_t frame_elsewhere(struct memory *mem, pfn_t src, void *ctx)
{
	unsigned order = page_order(pfn_to_page(mem, src)), nid = !pfn_to_node(mem, src)->node_id;
	const bool *base_only = ctx;

	if (order && *base_only)
		return PFN_NONE;
	return alloc_pages_nodemask(mem, GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | (order ? __GFP_COMP : 0), order,
				    (int)nid, NODEMASK_ALL);
}

static pfn_t some_folio(struct rng *rng, const struct machine *m)
{
	uint64_t addr = AREA(rng_below(rng, NR_AREAS)) + rng_below(rng, 1 + rng_below(rng, AREA_PAGES)) * PAGE;
	struct pgtable *table;
	unsigned level;
	pte_t pte = *pgtable_walk(m->mm[rng_below(rng, NR_SPACES)], addr, &level, &table);

	if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
		return PFN_NONE;
	return folio_pfn(m->mem, pte_pfn(pte));
}

/* One pinned folio in eight does not move. */
static void move_some(struct rng *rng, struct machine *m, enum migrate_reason reason, bool base_only)
{
	pfn_t folios[8];
	size_t nr = 0, want = 1 + rng_below(rng, 8);
	bool pin = rng_below(rng, 8) == 0;
	unsigned nid;

	for (size_t i = 0; i < want; i++) {
		pfn_t pfn = some_folio(rng, m);
		bool seen = pfn == PFN_NONE;

		for (size_t k = 0; k < nr; k++)
			seen |= folios[k] == pfn;
		if (!seen)
			folios[nr++] = pfn;
	}
	if (!nr)
		return;
	nid = pfn_to_node(m->mem, folios[0])->node_id;
	if (pin)
		get_page(m->mem, folios[0]);
	migrate_pages(m->mem, folios, nr, frame_elsewhere, &base_only, reason);
	if (!pin)
		return;
	assert_int_equal(pfn_to_node(m->mem, folios[0])->node_id, nid);
	assert_true(pfn_to_page(m->mem, folios[0])->_refcount > 1);
	put_page(m->mem, folios[0]);
}

static void hint_some(struct rng *rng, struct machine *m)
{
	struct mm_struct *mm = m->mm[rng_below(rng, NR_SPACES)];
	uint64_t addr = AREA(rng_below(rng, NR_AREAS)) + rng_below(rng, AREA_PAGES) * PAGE, end = addr + 64 * PAGE;
	struct vm_area_struct *vma = vma_lookup(mm, addr);

	/* huge entries whole, as the scan takes them */
	addr &= ~(2 * MIB - 1);
	end = (end + 2 * MIB - 1) & ~(2 * MIB - 1);
	if (vma && vma_is_accessible(vma))
		change_prot_numa(vma, addr > vma->vm_start ? addr : vma->vm_start, end < vma->vm_end ? end : vma->vm_end);
}

/* Half of the time memory may come from the fast node alone. */
static void bind_or_not(struct rng *rng, struct machine *m)
{
	struct mpol_request req = {.mode = MPOL_BIND, .nodes = 1};
	struct mempolicy *pol = NULL;

	if (rng_below(rng, 2))
		assert_int_equal(mpol_create(m->mem, &req, &pol), 0);
	set_task_policy(m->mem, m->task, pol);
}

/* ---- the relation ---- */

struct relation {
	struct htable to, from;	/* frame -> frame, both ways */
	uint64_t nr;
};

static void relate(struct relation *r, pfn_t a, pfn_t b)
{
	uint64_t to = b, from = a;
	bool known = htable_get(&r->to, a, &to);

	known = htable_get(&r->from, b, &from) || known;

	assert_int_equal(to, b);
	assert_int_equal(from, a);
	if (known)
		return;
	htable_set(&r->to, a, b);
	htable_set(&r->from, b, a);
	r->nr++;
}

/* What of an entry must be the same: a hint may stand where there is a plain entry, without its right to write. */
static uint64_t rights(pte_t pte)
{
	uint64_t bits = PTE_SPECIAL | PTE_NX | PTE_USER;

	return pte.pte & (pte.pte & PTE_PROTNONE ? PTE_SPECIAL : bits);
}

static void compare_entry(struct relation *r, const struct machine *m, unsigned s, uint64_t addr)
{
	struct pgtable *table;
	unsigned level[2];
	pte_t a = *pgtable_walk(m[0].mm[s], addr, &level[0], &table);
	pte_t b = *pgtable_walk(m[1].mm[s], addr, &level[1], &table);

	assert_int_equal(level[0], level[1]);
	assert_int_equal(pte_is_leaf(a), pte_is_leaf(b));
	if (!pte_is_leaf(a))
		return;
	if (!(a.pte & PTE_PROTNONE))
		assert_int_equal(rights(a), rights(b));
	if (!(a.pte & PTE_SPECIAL))
		relate(r, pte_pfn(a), pte_pfn(b));
}

static uint64_t sum(const struct memory *mem, enum node_stat_item item)
{
	return mem->nodes[0]->vm_stat[item] + mem->nodes[1]->vm_stat[item];
}

static void check_tables(const struct machine *m)
{
	struct strbuf why = {0};

	if (!page_table_check(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void compare(const struct machine *m)
{
	struct relation r = {0};
	static const enum node_stat_item items[] = {NR_ANON_MAPPED, NR_FILE_MAPPED, NR_FILE_PAGES, NR_SHMEM,
						    NR_ANON_THPS, NR_PAGETABLE};
	static const enum vm_event_item events[] = {FAULT_ANON_ZERO, FAULT_ANON_ALLOC, FAULT_ANON_HUGE, FAULT_FILE_COW,
						    FAULT_WP_COPY, FAULT_WP_ZERO, FAULT_SEGV, THP_SPLIT_PMD};

	htable_init(&r.to);
	htable_init(&r.from);
	for (unsigned s = 0; s < NR_SPACES; s++) {
		assert_memory_equal(m[0].mm[s]->rss_stat, m[1].mm[s]->rss_stat, sizeof(m[0].mm[s]->rss_stat));
		for (unsigned i = 0; i < NR_AREAS; i++)
			for (uint64_t addr = AREA(i); addr < AREA(i) + AREA_BYTES; addr += PAGE)
				compare_entry(&r, m, s, addr);
	}
	for (uint64_t i = 0; i < AREA_PAGES; i++) {
		pfn_t a = filemap_find(m[0].file, i), b = filemap_find(m[1].file, i);

		assert_int_equal(a == PFN_NONE, b == PFN_NONE);
		if (a != PFN_NONE)
			relate(&r, a, b);
	}
	assert_true(r.nr > 0);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		assert_int_equal(sum(m[0].mem, items[i]), sum(m[1].mem, items[i]));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		assert_int_equal(m[0].mem->vm_event[events[i]], m[1].mem->vm_event[events[i]]);
	htable_finish(&r.to);
	htable_finish(&r.from);
	for (unsigned i = 0; i < 2; i++)
		check_tables(&m[i]);
}

/* ---- the runs ---- */

static void moves_are_invisible(void **state)
{
	static const uint64_t bytes[] = {256 * MIB, 256 * MIB};
	uint64_t nr = test_ops(600000), every = nr / 12 + 1;
	struct machine m[2];
	struct machine_profile *p;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	assert_int_equal(profile_load("test", &p, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		set_up(&m[i], p, bytes, false);
		if (i == 0) {
			m[i].mem->conf.numa_balancing = NUMA_BALANCING_NORMAL;
			numa_balancing_setup(m[i].mem);
		}
		start(&m[i]);
	}
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t what = rng_below(&rng, 200);

		if (what < 3)
			one_call(&rng, m, 2);
		else if (what < 11)
			move_some(&rng, &m[0], MR_NUMA_MISPLACED, false);
		else if (what == 11)
			hint_some(&rng, &m[0]);
		else
			one_touch(&rng, m, 2);
		m[0].mem->now_ns = m[1].mem->now_ns += 1000000;
		if (i % every == 0) {
			check(&m[0]);
			compare(m);
		}
	}
	check(&m[0]);
	compare(m);
	assert_true(m[0].mem->vm_event[PGMIGRATE_SUCCESS] > nr / 50);
	assert_true(m[0].mem->vm_event[PGMIGRATE_FAIL] > 0);
	assert_true(m[0].mem->vm_event[THP_MIGRATION_SUCCESS] > 0);
	assert_true(m[0].mem->vm_event[NUMA_PAGE_MIGRATE] > 0);
	tear_down(&m[0]);
	tear_down(&m[1]);
	profile_free(p);
}

static void everything_at_once_stays_consistent(void **state)
{
	/* the fast node is too small for what is touched */
	static const uint64_t bytes[] = {16 * MIB, 256 * MIB};
	static const struct pressure_ops ops = {.wake_kswapd = wakeup_kswapd, .try_to_free_pages = try_to_free_pages,
					  .zone_reclaimable_pages = zone_reclaimable_pages};
	uint64_t nr = test_ops(600000), every = nr / 20 + 1;
	struct machine_profile *p;
	struct machine m;
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	assert_int_equal(profile_load("test", &p, NULL), 0);
	set_up(&m, p, bytes, true);
	m.mem->conf.numa_balancing = NUMA_BALANCING_MEMORY_TIERING;
	m.mem->conf.numa_demotion = 1;
	m.mem->pressure = &ops;
	numa_balancing_setup(m.mem);
	start(&m);
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t what = rng_below(&rng, 200);

		if (what < 3)
			one_call(&rng, &m, 1);
		else if (what < 5)
			move_some(&rng, &m, MR_COMPACTION, rng_below(&rng, 2));
		else if (what < 8)
			hint_some(&rng, &m);
		else if (what == 8)
			bind_or_not(&rng, &m);
		else
			one_touch(&rng, &m, 1);
		m.mem->now_ns += 1000000;
		if (m.mem->kswapd_nodes)
			kswapd_run(m.mem);
		if (i % every == 0)
			check(&m);
	}
	check(&m);
	printf("%llu huge pages split, %llu pages demoted, %llu promoted\n",
	       (unsigned long long)m.mem->vm_event[THP_SPLIT_PAGE],
	       (unsigned long long)m.mem->nodes[0]->vm_stat[PGDEMOTE_KSWAPD],
	       (unsigned long long)m.mem->nodes[0]->vm_stat[PGPROMOTE_SUCCESS]);
	assert_true(nr < 600000 || m.mem->nodes[0]->vm_stat[PGDEMOTE_KSWAPD] > 0);
	assert_true(nr < 600000 || m.mem->nodes[0]->vm_stat[PGPROMOTE_SUCCESS] > 0);
	tear_down(&m);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_are_invisible),
		cmocka_unit_test(everything_at_once_stays_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
