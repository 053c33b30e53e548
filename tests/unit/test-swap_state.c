/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Pages that go to swap and come back, by hand: who may write them then, after fork too; read-ahead by slots and by
 * addresses; areas that are read without the swap cache; zswap; what may not go.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/page_table_check.h"
#include "mm/rmap.h"
#include "mm/swap_state.h"
#include "mm/vma.h"
#include "mm/writeback.h"
#include "mm/zspool.h"
#include "mm/zswap.h"

#define MIB		(1ull << 20)
#define PAGE		4096ull
#define BASE		0x10000000ull
#define ADDR(i)		(BASE + (i) * PAGE)

struct world {
	struct memory *mem;
	struct task_struct *task;
	struct mm_struct *mm;
};

static void set_up(struct world *w, enum swap_kind kind, bool zswap)
{
	struct mmap_request req = {.addr = BASE, .len = 4 * MIB, .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS};

	w->mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	w->mem->conf.thp_enabled = 0;
	lru_enable(w->mem);
	swap_system_create(w->mem);
	assert_int_equal(swapon(w->mem, &(struct swap_area_desc){16 * MIB, -1, kind}, NULL), 0);
	if (zswap)
		w->mem->swap->zswap = zswap_create(w->mem);
	w->task = task_alloc(w->mem, 1);
	w->mm = w->task->mm = mm_alloc(w->mem);
	w->mem->current = w->task;
	assert_int_equal(do_mmap(w->mm, &req), BASE);
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	if (!(swap_consistent(w->mem, &why) && memory_consistent(w->mem, &why) && page_table_check(w->mem, &why)))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void tear_down(struct world *w)
{
	check(w);
	mmput(w->mm);
	w->mem->current = NULL;
	task_free(w->mem, w->task);
	assert_int_equal(get_nr_swap_pages(w->mem), total_swap_pages(w->mem));
	assert_true(swap_consistent(w->mem, NULL));
	swap_destroy(w->mem);
	memory_destroy(w->mem);
}

static pte_t *pte_of(struct mm_struct *mm, unsigned page)
{
	struct pgtable *table;
	unsigned level;

	return pgtable_walk(mm, ADDR(page), &level, &table);
}

static vm_fault_t touch(struct mm_struct *mm, unsigned page, bool write)
{
	pte_t pte = *pte_of(mm, page);

	if (pte_is_leaf(pte) && (!write || pte_write(pte)))
		return 0;
	return handle_mm_fault(vma_lookup(mm, ADDR(page)), ADDR(page), write ? FAULT_FLAG_WRITE : 0);
}

/* As reclaim does it. False: it stayed mapped. */
static bool unmap_to_swap(struct world *w, struct mm_struct *mm, unsigned page)
{
	pfn_t pfn = pte_pfn(*pte_of(mm, page));

	if (!(pfn_to_page(w->mem, pfn)->flags & PG_SWAPCACHE))
		assert_true(folio_alloc_swap(w->mem, pfn));
	folio_mark_dirty(w->mem, pfn);
	return try_to_unmap(w->mem, pfn, 0);
}

static void swap_out(struct world *w, struct mm_struct *mm, unsigned page)
{
	pfn_t pfn = pte_pfn(*pte_of(mm, page));

	get_page(w->mem, pfn);
	assert_true(unmap_to_swap(w, mm, page));
	assert_true(__folio_clear_dirty_for_io(w->mem, pfn));
	assert_true(swap_writeout(w->mem, pfn));
	swap_cache_del_folio(w->mem, pfn, 0);
	put_page(w->mem, pfn);
	assert_true(is_swap_pte(*pte_of(mm, page)));
}

static void swap_out_all(struct world *w, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(touch(w->mm, i, true), 0);
	for (unsigned i = 0; i < nr; i++)
		swap_out(w, w->mm, i);
	assert_int_equal(w->mm->rss_stat[MM_SWAPENTS], nr);
	assert_int_equal(w->mm->rss_stat[MM_ANONPAGES], 0);
}

static uint64_t event(const struct world *w, enum vm_event_item item)
{
	return w->mem->vm_event[item];
}

/* A page that was one process's alone comes back so: writable after a read, though its slot is kept for now. */
static void exclusive(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	swap_out_all(&w, 1);
	assert_true(pte_swp_exclusive(*pte_of(w.mm, 0)));
	assert_int_equal(event(&w, PSWPOUT), 1);
	assert_int_equal(touch(w.mm, 0, false), VM_FAULT_MAJOR);
	assert_true(pte_write(*pte_of(w.mm, 0)) && !pte_dirty(*pte_of(w.mm, 0)));
	assert_int_equal(event(&w, PSWPIN), 1);
	assert_int_equal(event(&w, PGMAJFAULT), 1);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_SWAPCACHE], 1);
	tear_down(&w);
}

/* A write takes the slot back at once. */
static void written(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	swap_out_all(&w, 1);
	assert_int_equal(touch(w.mm, 0, true), VM_FAULT_MAJOR);
	assert_true(pte_write(*pte_of(w.mm, 0)) && pte_dirty(*pte_of(w.mm, 0)));
	assert_int_equal(get_nr_swap_pages(w.mem), total_swap_pages(w.mem));
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_SWAPCACHE], 0);
	assert_int_equal(event(&w, FAULT_SWAP), 1);
	tear_down(&w);
}

/* Found in the swap cache: a minor fault. */
static void still_in_the_cache(void **state)
{
	struct world w;
	pfn_t pfn;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	touch(w.mm, 0, true);
	pfn = pte_pfn(*pte_of(w.mm, 0));
	assert_true(unmap_to_swap(&w, w.mm, 0));
	assert_true(is_swap_pte(*pte_of(w.mm, 0)));
	assert_int_equal(touch(w.mm, 0, false), 0);
	assert_int_equal(pte_pfn(*pte_of(w.mm, 0)), pfn);
	assert_int_equal(event(&w, PSWPIN) + event(&w, PGMAJFAULT), 0);
	tear_down(&w);
}

/*
 * Parent and child share a page that is swapped out. The child's write must copy, since the parent's entry still names the
 * slot; the parent's may then keep the page, since nobody else is left.
 */
static void fork_swap_cow(void **state)
{
	struct world w;
	struct mm_struct *child;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	w.mem->conf.page_cluster = 0;
	touch(w.mm, 0, true);
	touch(w.mm, 1, true);
	swap_out(&w, w.mm, 1);
	child = dup_mm(w.mm);
	assert_int_equal(child->rss_stat[MM_SWAPENTS], 1);
	assert_false(pte_swp_exclusive(*pte_of(w.mm, 1)));
	assert_int_equal(swap_count(w.mem, pte_to_swp_entry(*pte_of(w.mm, 1))), 2);
	swap_out(&w, w.mm, 0);
	assert_true(is_swap_pte(*pte_of(child, 0)));
	check(&w);
	assert_int_equal(touch(child, 0, false), VM_FAULT_MAJOR);
	assert_false(pte_write(*pte_of(child, 0)));
	assert_int_equal(touch(child, 0, true), 0);
	assert_int_equal(event(&w, FAULT_WP_COPY), 1);
	assert_int_equal(touch(w.mm, 0, false), 0);
	assert_int_not_equal(pte_pfn(*pte_of(w.mm, 0)), pte_pfn(*pte_of(child, 0)));
	assert_int_equal(touch(w.mm, 0, true), 0);
	assert_int_equal(event(&w, FAULT_WP_REUSE), 1);
	/* A write at once: read, then copied, one major fault and one leaf. */
	assert_int_equal(touch(child, 1, true), VM_FAULT_MAJOR);
	assert_int_equal(event(&w, FAULT_WP_COPY), 2);
	check(&w);
	mmput(child);
	assert_int_equal(event(&w, PGFAULT),
			 event(&w, FAULT_ANON_ALLOC) + event(&w, FAULT_SWAP) + event(&w, FAULT_WP_COPY) +
				 event(&w, FAULT_WP_REUSE));
	tear_down(&w);
}

/* The first window is 8 slots, as with 4 hits; without hits it shrinks by half; with six it grows again. */
static void cluster_readahead(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_DISK, false);
	swap_out_all(&w, 64);
	touch(w.mm, 0, false);			/* slot 1: slots 1 to 7 */
	assert_int_equal(event(&w, PSWPIN), 7);
	assert_int_equal(event(&w, SWAP_RA), 6);
	touch(w.mm, 20, false);			/* slot 21: slots 20 to 23 */
	assert_int_equal(event(&w, PSWPIN), 11);
	touch(w.mm, 50, false);			/* slot 51: slots 50 and 51 */
	assert_int_equal(event(&w, PSWPIN), 13);
	for (unsigned i = 1; i < 7; i++)	/* six hits */
		assert_int_equal(touch(w.mm, i, false), 0);
	assert_int_equal(event(&w, SWAP_RA_HIT), 6);
	touch(w.mm, 31, false);			/* slot 32: slots 32 to 39 */
	assert_int_equal(event(&w, PSWPIN), 21);
	tear_down(&w);
}

/* Around the address; ahead of it when faults go up, behind when they go down. */
static void vma_readahead(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	swap_out_all(&w, 64);
	touch(w.mm, 32, false);			/* 8 pages, 3 of them before: 29 to 36 */
	assert_int_equal(event(&w, PSWPIN), 8);
	for (unsigned i = 29; i < 37; i++)
		assert_int_not_equal(swap_cache_get_folio(w.mem, swp_entry(0, i + 1)), PFN_NONE);
	touch(w.mm, 0, false);			/* no hits, elsewhere: 4, cut off at the start of the area: 0 to 2 */
	assert_int_equal(event(&w, PSWPIN), 11);
	for (unsigned i = 33; i < 37; i++)
		touch(w.mm, i, false);
	assert_int_equal(event(&w, SWAP_RA_HIT), 4);
	touch(w.mm, 37, false);			/* follows the last, with hits: 8 ahead, 37 to 44 */
	assert_int_equal(event(&w, PSWPIN), 19);
	assert_int_not_equal(swap_cache_get_folio(w.mem, swp_entry(0, 45)), PFN_NONE);
	tear_down(&w);
}

/* Nothing else names the slot: read past the cache, and free. Shared ones go through it. */
static void zram(void **state)
{
	struct world w;
	struct mm_struct *child;
	uint64_t free;

	(void)state;
	set_up(&w, SWAP_ZRAM, false);
	free = w.mem->nodes[0]->node_zones[ZONE_DMA].vm_stat[NR_FREE_PAGES];
	swap_out_all(&w, 64);
	assert_int_equal(w.mem->swap->info[0]->zspool->nr_objects, 64);
	assert_int_equal(touch(w.mm, 3, false), VM_FAULT_MAJOR);
	assert_int_equal(event(&w, PSWPIN), 1);
	assert_int_equal(event(&w, SWAP_RA), 0);
	assert_true(pte_write(*pte_of(w.mm, 3)));
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_SWAPCACHE], 0);
	assert_int_equal(w.mem->swap->info[0]->zspool->nr_objects, 63);
	child = dup_mm(w.mm);
	assert_int_equal(touch(child, 5, false), VM_FAULT_MAJOR);
	assert_true(w.mem->nodes[0]->vm_stat[NR_SWAPCACHE] > 0);
	assert_false(pte_write(*pte_of(child, 5)));
	check(&w);
	mmput(child);
	(void)free;
	tear_down(&w);
}

/* Pages stay compressed in memory until the pool is full; then they, or older ones, go to the area. */
static void zswap(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, true);
	w.mem->conf.zswap_max_pool_percent = 1;	/* of 64 MiB: some 150 frames, of 3 pages each */
	swap_out_all(&w, 100);
	assert_int_equal(event(&w, ZSWPOUT), 100);
	assert_int_equal(event(&w, PSWPOUT), 0);
	assert_int_equal(zswap_total_pages(w.mem->swap->zswap), w.mem->swap->zswap->pool[0]->nr_frames);
	w.mem->conf.page_cluster = 0;
	assert_int_equal(touch(w.mm, 0, false), VM_FAULT_MAJOR);
	assert_int_equal(event(&w, ZSWPIN), 1);
	assert_int_equal(event(&w, PSWPIN), 0);
	assert_false(zswap_has(w.mem->swap->zswap, swp_entry(0, 1)));
	for (unsigned i = 100; i < 900; i++) {
		touch(w.mm, i, true);
		swap_out(&w, w.mm, i);
	}
	assert_true(event(&w, ZSWPWB) > 0);
	assert_true(event(&w, PSWPOUT) > event(&w, ZSWPWB));
	assert_true(w.mem->swap->zswap->pool_limit_hit > 0);
	assert_true(zswap_consistent(w.mem->swap->zswap));
	tear_down(&w);
}

/* What MADV_FREE gave up leaves nothing behind, unless it was written again. */
static void lazily_freed(void **state)
{
	struct world w;
	pfn_t pfn;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	touch(w.mm, 0, true);
	touch(w.mm, 1, true);
	assert_int_equal(do_madvise(w.mm, ADDR(0), 2 * PAGE, MADV_FREE), 0);
	assert_int_equal(event(&w, PGLAZYFREE), 2);
	pfn = pte_pfn(*pte_of(w.mm, 0));
	get_page(w.mem, pfn);
	assert_true(try_to_unmap(w.mem, pfn, 0));
	put_page(w.mem, pfn);
	assert_true(pte_none(*pte_of(w.mm, 0)));
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	pte_of(w.mm, 1)->pte |= PTE_DIRTY;
	pfn = pte_pfn(*pte_of(w.mm, 1));
	get_page(w.mem, pfn);
	assert_true(folio_isolate_lru(w.mem, pfn));
	assert_false(try_to_unmap(w.mem, pfn, 0));
	assert_true(pfn_to_page(w.mem, pfn)->flags & PG_SWAPBACKED);
	folio_putback_lru(w.mem, pfn);
	put_page(w.mem, pfn);
	/* What is in swap goes at once. */
	touch(w.mm, 2, true);
	swap_out(&w, w.mm, 2);
	assert_int_equal(do_madvise(w.mm, ADDR(2), PAGE, MADV_FREE), 0);
	assert_int_equal(get_nr_swap_pages(w.mem), total_swap_pages(w.mem));
	assert_int_equal(w.mm->rss_stat[MM_SWAPENTS], 0);
	tear_down(&w);
}

static void locked(void **state)
{
	struct world w;
	pfn_t pfn;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	assert_int_equal(do_mlock(w.mm, ADDR(0), PAGE, false), 0);
	pfn = pte_pfn(*pte_of(w.mm, 0));
	get_page(w.mem, pfn);
	assert_false(unmap_to_swap(&w, w.mm, 0));
	assert_true(pte_present(*pte_of(w.mm, 0)));
	assert_true(try_to_unmap(w.mem, pfn, TTU_IGNORE_MLOCK));
	put_page(w.mem, pfn);
	tear_down(&w);
}

static void willneed(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	swap_out_all(&w, 16);
	assert_int_equal(do_madvise(w.mm, ADDR(4), 8 * PAGE, MADV_WILLNEED), 0);
	assert_int_equal(event(&w, PSWPIN), 8);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_SWAPCACHE], 8);
	assert_int_equal(touch(w.mm, 5, false), 0);
	tear_down(&w);
}

/* Entries move with mremap, survive mprotect and go with munmap. */
static void moved_and_unmapped(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, SWAP_SSD, false);
	swap_out_all(&w, 16);
	assert_int_equal(do_mremap(w.mm, ADDR(0), 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ADDR(4096)),
			 ADDR(4096));
	assert_int_equal(do_mprotect(w.mm, ADDR(4096), 8 * PAGE, PROT_READ), 0);
	assert_true(is_swap_pte(*pte_of(w.mm, 4096)));
	check(&w);
	assert_int_equal(touch(w.mm, 4096, false), VM_FAULT_MAJOR);
	assert_false(pte_write(*pte_of(w.mm, 4096)));
	assert_int_equal(do_munmap(w.mm, ADDR(4096), 8 * PAGE), 0);
	assert_int_equal(w.mm->rss_stat[MM_SWAPENTS], 8);
	assert_int_equal(total_swap_pages(w.mem) - get_nr_swap_pages(w.mem), 8);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exclusive),
		cmocka_unit_test(written),
		cmocka_unit_test(still_in_the_cache),
		cmocka_unit_test(fork_swap_cow),
		cmocka_unit_test(cluster_readahead),
		cmocka_unit_test(vma_readahead),
		cmocka_unit_test(zram),
		cmocka_unit_test(zswap),
		cmocka_unit_test(lazily_freed),
		cmocka_unit_test(locked),
		cmocka_unit_test(willneed),
		cmocka_unit_test(moved_and_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
