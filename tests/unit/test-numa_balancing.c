/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Scans, hint faults, and whether pages go to who touches them. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/memory_tiers.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/numa_balancing-internal.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull
#define TICK (4 * NSEC_PER_MSEC)

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task[2];
	struct machine_profile *profile;
};

/* Two nodes, two CPUs; with `cxl` both CPUs are on node 0. */
static struct world world_new(unsigned balancing, bool cxl, unsigned thp)
{
	static const uint64_t bytes[] = {256 * MIB, 256 * MIB};
	static const uint16_t apart[] = {0, 1}, together[] = {0, 0};
	struct memory_desc desc = {.nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 2,
				   .cpu_node = cxl ? together : apart};
	struct tlb_config conf;
	struct world w = {0};

	assert_int_equal(profile_load("test", &w.profile, NULL), 0);
	desc.geo = &w.profile->geometry;
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(desc.geo, &w.profile->tlb, &conf, 2, 2);
	w.mem->conf.thp_enabled = thp;
	w.mem->conf.numa_balancing = balancing;
	numa_balancing_setup(w.mem);
	w.mm = mm_alloc(w.mem);
	for (uint32_t i = 0; i < 2; i++) {
		w.task[i] = task_alloc(w.mem, i + 1);
		w.task[i]->tid = 100 + i;
	}
	w.task[0]->mm = w.mm;
	w.mem->current = w.task[0];
	return w;
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(w->mem));
	assert_true(tlb_consistent(w->mem->tlb));
}

static void world_end(struct world *w)
{
	struct tlb_system *tlb = w->mem->tlb;

	check(w);
	for (int i = 0; i < 2; i++)
		task_free(w->mem, w->task[i]);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	numa_balancing_finish(w->mem);
	memory_destroy(w->mem);
	tlb_destroy(tlb);
	profile_free(w->profile);
}

static void map_anon(struct world *w, uint64_t len)
{
	struct mmap_request req = {.addr = BASE, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), BASE);
}

static void touch(struct world *w, unsigned cpu, uint64_t addr, enum access_kind kind)
{
	w->mem->cpu = cpu;
	assert_int_equal(mmu_access(w->mem, addr, kind, 1, true), ACCESS_OK);
}

static struct vm_area_struct *area(const struct world *w)
{
	return find_vma(w->mm, BASE);
}

static pte_t entry(const struct world *w, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;

	return *pgtable_walk(w->mm, addr, &level, &table);
}

static unsigned node_at(const struct world *w, uint64_t addr)
{
	return pfn_to_node(w->mem, pte_pfn(entry(w, addr)))->node_id;
}

static uint64_t event(const struct world *w, enum vm_event_item item)
{
	return w->mem->vm_event[item];
}

static void a_page_moves_to_the_node_that_touches_it(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	map_anon(&w, MIB);
	touch(&w, 0, BASE, ACCESS_WRITE);
	assert_int_equal(node_at(&w, BASE), 0);
	w.mem->cpu = 1;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	assert_true(pte_protnone(entry(&w, BASE)));
	/* the entry is in no TLB any more: the touch faults, and the page moves at the first fault of a young task */
	touch(&w, 1, BASE, ACCESS_READ);
	assert_int_equal(node_at(&w, BASE), 1);
	assert_false(pte_protnone(entry(&w, BASE)));
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 1);
	assert_int_equal(event(&w, NUMA_HINT_FAULTS), 1);
	assert_int_equal(event(&w, NUMA_HINT_FAULTS_LOCAL), 0);
	assert_int_equal(event(&w, NUMA_PAGE_MIGRATE), 1);
	assert_int_equal(event(&w, PGMIGRATE_SUCCESS), 1);
	assert_int_equal(event(&w, FAULT_NUMA), 1);
	assert_int_equal(event(&w, PGFAULT), 2);
	assert_int_equal(w.task[0]->min_flt, 2);
	assert_int_equal(w.task[0]->numa->pages_migrated, 1);
	world_end(&w);
}

static void a_local_page_stays_and_is_writable_at_once(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);
	struct mm_struct *other;

	(void)state;
	map_anon(&w, MIB);
	touch(&w, 0, BASE, ACCESS_WRITE);
	/* one thread: what is where it runs is not asked about */
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 0);
	mmget(w.mm);
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	touch(&w, 0, BASE, ACCESS_WRITE);
	assert_int_equal(event(&w, NUMA_HINT_FAULTS_LOCAL), 1);
	assert_int_equal(event(&w, NUMA_PAGE_MIGRATE), 0);
	assert_int_equal(event(&w, PGFAULT), 2);
	assert_true(pte_write(entry(&w, BASE)));
	/* shared copy-on-write pages are passed over */
	other = dup_mm(w.mm);
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 0);
	mmput(other);
	mmput(w.mm);
	world_end(&w);
}

static void the_zero_page_is_passed_over(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	map_anon(&w, MIB);
	touch(&w, 0, BASE, ACCESS_READ);
	w.mem->cpu = 1;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 0);
	world_end(&w);
}

static void hints_do_not_weaken_protections(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	map_anon(&w, MIB);
	touch(&w, 0, BASE, ACCESS_WRITE);
	w.mem->cpu = 1;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	assert_int_equal(do_mprotect(w.mm, BASE, MIB, PROT_NONE), 0);
	assert_int_equal(mmu_access(w.mem, BASE, ACCESS_READ, 1, true), ACCESS_SEGV);
	assert_int_equal(event(&w, NUMA_HINT_FAULTS), 0);
	assert_int_equal(do_mprotect(w.mm, BASE, MIB, PROT_READ), 0);
	touch(&w, 1, BASE, ACCESS_READ);
	assert_int_equal(mmu_access(w.mem, BASE, ACCESS_WRITE, 1, true), ACCESS_SEGV);
	world_end(&w);
}

static void a_huge_page_moves_whole(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 2);

	(void)state;
	map_anon(&w, 2 * MIB);
	touch(&w, 0, BASE, ACCESS_WRITE);
	w.mem->cpu = 1;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + 2 * MIB), 512);
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 512);
	assert_int_equal(event(&w, NUMA_HUGE_PTE_UPDATES), 1);
	touch(&w, 1, BASE + 77 * PAGE, ACCESS_WRITE);
	assert_int_equal(node_at(&w, BASE), 1);
	assert_int_equal(event(&w, NUMA_HINT_FAULTS), 1);
	assert_int_equal(event(&w, NUMA_PAGE_MIGRATE), 512);
	assert_int_equal(event(&w, THP_MIGRATION_SUCCESS), 1);
	world_end(&w);
}

/* After the early scans only a second touch from the same node moves a page. */
static void chance_moves_nothing(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	map_anon(&w, MIB);
	w.task[1]->mm = w.mm;
	mmget(w.mm);
	touch(&w, 0, BASE, ACCESS_WRITE);
	for (unsigned i = 0; i < 2; i++) {
		w.mem->current = w.task[i];
		task_numa_get(w.mem, w.task[i]);
		w.task[i]->numa->preferred_nid = (int)i;
		w.task[i]->numa->scan_seq = 10;
	}
	/* nobody before it: thread 1 gets the page at once; then one touch of thread 0 is not enough, a second is */
	static const unsigned threads[] = {1, 0, 0}, nodes[] = {1, 1, 0};

	for (unsigned i = 0; i < 3; i++) {
		w.mem->current = w.task[threads[i]];
		w.mem->cpu = threads[i];
		change_prot_numa(area(&w), BASE, BASE + MIB);
		touch(&w, threads[i], BASE, ACCESS_READ);
		assert_int_equal(node_at(&w, BASE), nodes[i]);
	}
	assert_int_equal(event(&w, NUMA_PAGE_MIGRATE), 2);
	mmput(w.mm);
	world_end(&w);
}

/* Runs the current task for that long, touching nothing. */
static void run_ms(struct world *w, unsigned ms)
{
	for (unsigned i = 0; i < ms / 4; i++) {
		w->mem->now_ns += TICK;
		task_tick_numa(w->mem, TICK);
	}
}

static void scans_come_by_delay_and_period(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	map_anon(&w, 16 * MIB);
	for (uint64_t i = 0; i < 4096; i++)
		touch(&w, 0, BASE + i * PAGE, ACCESS_WRITE);
	w.mem->cpu = 1;
	run_ms(&w, 900);
	assert_int_equal(event(&w, NUMA_SCANS), 0);
	run_ms(&w, 2400);
	assert_true(event(&w, NUMA_SCANS) >= 1);
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 4096);
	/* each is touched once: all move, and the period stays between its bounds */
	for (uint64_t i = 0; i < 4096; i++)
		touch(&w, 1, BASE + i * PAGE, ACCESS_WRITE);
	assert_int_equal(event(&w, NUMA_PAGE_MIGRATE), 4096);
	run_ms(&w, 60000);
	assert_in_range(w.task[0]->numa->scan_period_ms, 100, 60000);
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 4096);
	world_end(&w);
}

static void a_scan_takes_no_more_than_its_size(void **state)
{
	struct world w = world_new(NUMA_BALANCING_NORMAL, false, 0);

	(void)state;
	w.mem->conf.numa_scan_size_mb = 4;
	map_anon(&w, 16 * MIB);
	for (uint64_t i = 0; i < 4096; i++)
		touch(&w, 0, BASE + i * PAGE, ACCESS_WRITE);
	w.mem->cpu = 1;
	while (!event(&w, NUMA_SCANS))
		run_ms(&w, 4);
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 1024);
	while (event(&w, NUMA_SCANS) < 2)
		run_ms(&w, 4);
	assert_int_equal(event(&w, NUMA_PTE_UPDATES), 2048);
	assert_true(pte_protnone(entry(&w, BASE + 2047 * PAGE)));
	assert_false(pte_protnone(entry(&w, BASE + 2048 * PAGE)));
	world_end(&w);
}

/* Puts the page at BASE onto the slow node 1. */
static void page_on_slow_node(struct world *w)
{
	static const uint16_t slow[] = {1, 1}, fast[] = {0, 0};

	map_anon(w, MIB);
	memcpy(w->mem->cpu_node, slow, sizeof(slow));
	touch(w, 0, BASE, ACCESS_WRITE);
	memcpy(w->mem->cpu_node, fast, sizeof(fast));
	flush_tlb_mm(w->mm);
	assert_int_equal(node_at(w, BASE), 1);
}

static void hot_pages_are_promoted_cold_ones_are_not(void **state)
{
	struct world w = world_new(NUMA_BALANCING_MEMORY_TIERING, true, 0);

	(void)state;
	page_on_slow_node(&w);
	w.mem->now_ns += 100000 * NSEC_PER_MSEC;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	w.mem->now_ns += 5000 * NSEC_PER_MSEC;
	touch(&w, 0, BASE, ACCESS_READ);	/* 5 s after the scan: cold */
	assert_int_equal(node_at(&w, BASE), 1);
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	w.mem->now_ns += 10 * NSEC_PER_MSEC;
	touch(&w, 0, BASE, ACCESS_READ);	/* 10 ms: hot */
	assert_int_equal(node_at(&w, BASE), 0);
	assert_int_equal(w.mem->nodes[0]->vm_stat[PGPROMOTE_SUCCESS], 1);
	assert_int_equal(w.mem->nodes[0]->vm_stat[PGPROMOTE_CANDIDATE], 1);
	/* pages of the top tier are left alone */
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 0);
	world_end(&w);
}

static void promotion_keeps_to_its_rate(void **state)
{
	struct world w = world_new(NUMA_BALANCING_MEMORY_TIERING, true, 0);

	(void)state;
	w.mem->conf.numa_promote_rate_limit_mbps = 0;
	page_on_slow_node(&w);
	w.mem->now_ns += 10000 * NSEC_PER_MSEC;
	assert_int_equal(change_prot_numa(area(&w), BASE, BASE + MIB), 1);
	touch(&w, 0, BASE, ACCESS_READ);
	assert_int_equal(node_at(&w, BASE), 1);
	assert_int_equal(w.mem->nodes[0]->vm_stat[PGPROMOTE_CANDIDATE], 1);
	assert_int_equal(w.mem->nodes[0]->vm_stat[PGPROMOTE_SUCCESS], 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_moves_to_the_node_that_touches_it),
		cmocka_unit_test(a_local_page_stays_and_is_writable_at_once),
		cmocka_unit_test(the_zero_page_is_passed_over),
		cmocka_unit_test(hints_do_not_weaken_protections),
		cmocka_unit_test(a_huge_page_moves_whole),
		cmocka_unit_test(chance_moves_nothing),
		cmocka_unit_test(scans_come_by_delay_and_period),
		cmocka_unit_test(a_scan_takes_no_more_than_its_size),
		cmocka_unit_test(hot_pages_are_promoted_cold_ones_are_not),
		cmocka_unit_test(promotion_keeps_to_its_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
