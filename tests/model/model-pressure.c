/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address spaces that touch, fork, map, move, protect and advise in less memory than they use, with swap. After every few
 * operations: every entry leads to its page and back through the reverse map, every page is mapped as often as it says
 * (page_table_check()), every slot of swap is named as often as its map says (swap_consistent()), and lists, caches, zones
 * and counts hold. Each kind of area, with zswap, with two areas of one priority, with swap that becomes full, and with
 * reclaim before every allocation that may.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "mm/deferred_split.h"
#include "mm/fault.h"
#include "mm/compaction.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/oom_kill.h"
#include "mm/page_table_check.h"
#include "mm/pgtable.h"
#include "mm/swapfile.h"
#include "mm/thp_orders.h"
#include "mm/vma.h"
#include "mm/vmscan.h"
#include "mm/writeback.h"
#include "mm/zswap.h"
#include "sim/pressure.h"

#define PAGE		4096ull
#define MIB		(1ull << 20)
#define NR_SPACES	3
#define NR_AREAS	4
#define AREA_BYTES	(4 * MIB)
#define AREA_PAGES	(AREA_BYTES / PAGE)
#define AREA(i)		(0x10000000ull + (i) * 4 * AREA_BYTES)

struct setup {
	const char *name;
	unsigned nr_areas;
	struct swap_area_desc areas[2];
	bool zswap, thp, always;
	unsigned nr_ops;
};

struct world {
	struct memory *mem;
	struct pressure *pressure;
	struct task_struct *task[NR_SPACES];
	struct rng rng;
	uint64_t failed;
};

static void map_area(struct mm_struct *mm, unsigned i)
{
	struct mmap_request req = {.addr = AREA(i), .len = AREA_BYTES, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_FIXED | MAP_ANONYMOUS | (i == 3 ? MAP_SHARED : MAP_PRIVATE)};

	(void)do_mmap(mm, &req);
	if (i == 1)
		(void)do_madvise(mm, AREA(i), AREA_BYTES, MADV_HUGEPAGE);
}

static void set_up(struct world *w, const struct setup *s, uint64_t seed)
{
	uint64_t bytes = 16 * MIB;
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1, .node_bytes = &bytes,
				   .nr_cpus = 2};

	*w = (struct world){0};
	rng_seed(&w->rng, seed);
	config_defaults(&mm_config_table, &conf);
	conf.zswap = s->zswap;
	conf.thp_enabled = s->thp ? 2 : 0;
	for (unsigned i = 0; s->thp && i < 7; i++)
		conf.thp_hugepages[i] = THP_SIZE_ALWAYS;	/* 16K to 1M */
	conf.boot_reserved_bytes = MIB;
	conf.overcommit_memory = 1;
	assert_int_equal(memory_create(&desc, &w->mem, NULL), 0);
	thp_orders_setup(w->mem);
	w->pressure = pressure_create(w->mem);
	writeback_create(w->mem);
	lru_enable(w->mem);
	swap_system_create(w->mem);
	for (unsigned i = 0; i < s->nr_areas; i++)
		assert_int_equal(swapon(w->mem, &s->areas[i], NULL), 0);
	if (s->zswap)
		w->mem->swap->zswap = zswap_create(w->mem);
	for (unsigned i = 0; i < NR_SPACES; i++) {
		w->task[i] = task_alloc(w->mem, i + 1);
		w->task[i]->mm = mm_alloc(w->mem);
		assert_non_null(w->task[i]->mm);
		for (unsigned a = 0; a < NR_AREAS; a++)
			map_area(w->task[i]->mm, a);
	}
	w->mem->current = w->task[0];
	w->mem->reclaim_always = s->always;
}

static void check(struct world *w)
{
	struct strbuf why = {0};
	bool ok = memory_consistent(w->mem, &why) && swap_consistent(w->mem, &why) && page_table_check(w->mem, &why) &&
		  filemap_consistent(w->mem, &why) && writeback_consistent(w->mem, &why) && lru_consistent(w->mem) &&
		  deferred_split_consistent(w->mem);

	if (!ok)
		fail_msg("%s", why.s ? why.s : "lists");
	strbuf_finish(&why);
	for (unsigned i = 0; i < NR_SPACES; i++)
		assert_true(vma_consistent(w->task[i]->mm));
}

static void tear_down(struct world *w)
{
	w->mem->current = NULL;
	for (unsigned i = 0; i < NR_SPACES; i++) {
		mmput(w->task[i]->mm);
		task_free(w->mem, w->task[i]);
	}
	mapping_finish_all(w->mem);
	/* Nothing names a slot any more. */
	assert_true(swap_consistent(w->mem, NULL));
	for (unsigned i = 0; i < w->mem->swap->nr_info; i++)
		for (uint32_t slot = 1; slot < w->mem->swap->info[i]->max; slot++)
			assert_int_equal(w->mem->swap->info[i]->map[slot] & SWAP_MAP_COUNT, 0);
	pressure_destroy(w->pressure);
	writeback_destroy(w->mem);
	swap_destroy(w->mem);
	oom_finish(w->mem);
	compaction_destroy(w->mem);
	memory_destroy(w->mem);
}

/* ---- operations ---- */

static void touch(struct world *w, struct mm_struct *mm, uint64_t addr, bool write)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct pgtable *table;
	unsigned level;
	pte_t *pte;

	if (!vma || !(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return;
	pte = pgtable_walk(mm, addr, &level, &table);
	if (pte_is_leaf(*pte) && (!write || pte_write(*pte))) {
		pte->pte |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
		return;
	}
	if (handle_mm_fault(vma, addr, FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0)) & VM_FAULT_ERROR)
		w->failed++;
}

/* A killed process starts anew with nothing. */
static void reap(struct world *w)
{
	for (unsigned i = 0; i < NR_SPACES; i++) {
		struct mm_struct *mm = w->task[i]->mm;

		if (!mm->oom_victim)
			continue;
		mmput(mm);
		w->task[i]->mm = mm_alloc(w->mem);
		assert_non_null(w->task[i]->mm);
		for (unsigned a = 0; a < NR_AREAS; a++)
			map_area(w->task[i]->mm, a);
	}
}

static void fork_over(struct world *w, unsigned from, unsigned to)
{
	struct mm_struct *child = from == to ? NULL : dup_mm(w->task[from]->mm);

	if (!child)
		return;
	mmput(w->task[to]->mm);
	w->task[to]->mm = child;
}

static void one_call(struct world *w, struct mm_struct *mm, unsigned self)
{
	static const int advice[] = {MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED};
	uint64_t addr = AREA(rng_below(&w->rng, NR_AREAS)) + rng_below(&w->rng, AREA_PAGES) * PAGE;
	uint64_t len = (1 + rng_below(&w->rng, 200)) * PAGE;

	switch (rng_below(&w->rng, 10)) {
	case 0:
		(void)do_munmap(mm, addr, len);
		break;
	case 1:
		map_area(mm, (unsigned)rng_below(&w->rng, NR_AREAS));
		break;
	case 2:
		(void)do_mprotect(mm, addr, len, rng_below(&w->rng, 3) ? PROT_READ | PROT_WRITE : PROT_READ);
		break;
	case 3:
		fork_over(w, self, (unsigned)rng_below(&w->rng, NR_SPACES));
		break;
	case 4:
		(void)do_mremap(mm, addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
				AREA(rng_below(&w->rng, NR_AREAS)) + AREA_BYTES * 2);
		break;
	case 5:
		if (rng_below(&w->rng, 8))
			break;
		(void)do_munmap(mm, AREA(0), NR_AREAS * 4 * AREA_BYTES);
		for (unsigned a = 0; a < NR_AREAS; a++)
			map_area(mm, a);
		break;
	default:
		(void)do_madvise(mm, addr, len, advice[rng_below(&w->rng, ARRAY_SIZE(advice))]);
	}
}

static void one_op(struct world *w)
{
	unsigned self = (unsigned)rng_below(&w->rng, NR_SPACES);
	struct mm_struct *mm = w->task[self]->mm;
	uint64_t area = rng_below(&w->rng, NR_AREAS), page = rng_below(&w->rng, AREA_PAGES);

	w->mem->current = w->task[self];
	w->mem->cpu = self & 1;
	w->mem->now_ns += 20000;
	if (!rng_below(&w->rng, 60))
		one_call(w, mm, self);
	else if (rng_below(&w->rng, 3))
		for (unsigned i = 0; i < 8; i++)
			touch(w, mm, AREA(area) + (page + i) % AREA_PAGES * PAGE, page & 1);
	else
		touch(w, mm, AREA(area) + page * PAGE, rng_below(&w->rng, 2));
	if (w->mem->kswapd_nodes)
		kswapd_run(w->mem);
	io_complete(w->mem);
	reap(w);
}

static void run(const struct setup *s)
{
	uint64_t seed = test_seed();
	struct world w;

	set_up(&w, s, seed);
	for (unsigned i = 0; i < s->nr_ops; i++) {
		one_op(&w);
		if (i % 1000 == 0 || (s->always && i % 50 == 0))
			check(&w);
	}
	check(&w);
	/* It was about swap. */
	assert_true(w.mem->vm_event[PSWPOUT] + w.mem->vm_event[ZSWPOUT] > 1000);
	assert_true(w.mem->vm_event[PSWPIN] + w.mem->vm_event[ZSWPIN] > 100);
	if (s->thp && !s->always && s->nr_areas == 1) {
		uint64_t out = 0, in = 0;

		for (unsigned order = 2; order <= 8; order++) {
			out += w.mem->mthp_stat[order][MTHP_STAT_SWPOUT];
			in += w.mem->mthp_stat[order][MTHP_STAT_SWPIN];
		}
		assert_true(out > 10);
		assert_true(s->areas[0].kind != SWAP_ZRAM || in > 10);
	}
	tear_down(&w);
}

static void disk(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 1, .areas = {{64 * MIB, -1, SWAP_DISK}}, .nr_ops = 60000});
}

static void ssd_huge_pages(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 1, .areas = {{64 * MIB, -1, SWAP_SSD}}, .thp = true, .nr_ops = 60000});
}

static void zram(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 1, .areas = {{64 * MIB, -1, SWAP_ZRAM}}, .thp = true, .nr_ops = 40000});
}

static void zswap_over_two_files(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 2, .areas = {{24 * MIB, 5, SWAP_FILE}, {24 * MIB, 5, SWAP_FILE}}, .zswap = true,
			    .nr_ops = 40000});
}

static void swap_that_is_full(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 2, .areas = {{6 * MIB, 5, SWAP_SSD}, {4 * MIB, 1, SWAP_DISK}}, .thp = true,
			    .nr_ops = 40000});
}

static void reclaim_at_every_allocation(void **state)
{
	(void)state;
	run(&(struct setup){.nr_areas = 1, .areas = {{64 * MIB, -1, SWAP_SSD}}, .thp = true, .always = true,
			    .nr_ops = 3000});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk),
		cmocka_unit_test(ssd_huge_pages),
		cmocka_unit_test(zram),
		cmocka_unit_test(zswap_over_two_files),
		cmocka_unit_test(swap_that_is_full),
		cmocka_unit_test(reclaim_at_every_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
