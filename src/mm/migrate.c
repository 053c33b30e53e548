/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Moving a folio to other frames: see migrate.h. */
#include "mm/migrate.h"

#include <errno.h>

#include "base/radix.h"
#include "mm/folio_touched.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/swap_state.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/writeback.h"

/* What a folio takes along: all but its place in lists, zones and orders. */
#define PG_MIGRATED \
	(PG_ANON | PG_ANON_EXCLUSIVE | PG_SWAPBACKED | PG_ACTIVE | PG_REFERENCED | PG_DIRTY | PG_UPTODATE | \
	 PG_READAHEAD | PG_MLOCKED | PG_UNEVICTABLE | PG_WORKINGSET | PG_KERNEL | PG_MOVABLE_OPS)
#define PG_IMMOVABLE	(PG_BUDDY | PG_PCP | PG_TABLE | PG_RESERVED | PG_WRITEBACK | PG_HUGETLB)

/* As NR_MAX_BATCHED_MIGRATION: after so many pages there is a flush. */
#define NR_MAX_BATCHED_MIGRATION(mem) (1u << hpage_order(mem))

struct migrate_stats {
	uint64_t succeeded, failed, thp_succeeded, thp_failed, thp_split;
};

/* Address spaces whose entries went and whose TLBs have not been told. */
struct flush_batch {
	VEC(struct mm_struct *) mms;
	uint64_t nr_pages;
};

/* One folio on its way. */
struct migration {
	struct memory *mem;
	pfn_t src, dst;
	pfn_t page;		/* of src: whose base entries are being moved */
	struct flush_batch *batch;
	bool dirty;		/* an entry was */
};

/* ---- what may move ---- */

static const struct movable_operations *page_movable_ops(const struct memory *mem, const struct page *page)
{
	return mem->mappings.data[page->mapping];
}

bool folio_movable(const struct memory *mem, pfn_t pfn)
{
	pfn_t head = folio_pfn(mem, pfn);
	const struct page *page = pfn_to_page(mem, head);

	if (page->_refcount <= 0 || page->flags & PG_IMMOVABLE || head == mem->zero_pfn ||
	    head == mem->huge_zero_pfn || (!page->mapping && !(page->flags & PG_SWAPCACHE)))
		return false;
	if (page->flags & PG_MOVABLE_OPS)
		return page->_refcount == 1;
	if (page->flags & PG_KERNEL || (mem->vdso && page->mapping == mem->vdso->handle))
		return false;
	return page->_refcount == folio_expected_refs(mem, head);
}

/* ---- flushes ---- */

static void flush_pending(struct flush_batch *batch, struct mm_struct *mm)
{
	for (size_t i = batch->mms.nr; i-- > 0;)
		if (batch->mms.data[i] == mm)
			return;
	*vec_push(&batch->mms) = mm;
}

/* One full flush of each address space (try_to_unmap_flush). */
static void flush_batch(struct memory *mem, struct flush_batch *batch)
{
	for (size_t i = 0; i < batch->mms.nr; i++)
		flush_tlb_mm_range(batch->mms.data[i], 0, UINT64_MAX, mem->geo->page_shift, false);
	vec_finish(&batch->mms);
	*batch = (struct flush_batch){0};
}

static bool other_cpus_have(const struct memory *mem, const struct mm_struct *mm)
{
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		if (mm->cpumask[i] & ~(i == mem->cpu / 64 ? 1ull << mem->cpu % 64 : 0))
			return true;
	return false;
}

/* Other CPUs are told at the end of the batch, the own one at once (should_defer_flush). */
static void flush_entry(struct migration *m, struct mm_struct *mm, uint64_t addr, unsigned level)
{
	unsigned shift = m->mem->geo->level[level].shift;

	if (other_cpus_have(m->mem, mm)) {
		flush_pending(m->batch, mm);
		return;
	}
	addr &= ~((1ull << shift) - 1);
	flush_tlb_mm_range(mm, addr, addr + (1ull << shift), shift, false);
}

/* ---- entries ---- */

/* The entry through which the area sees the page from now on: what a migration entry would have kept. */
static pte_t moved_pte(struct migration *m, const struct vm_area_struct *vma, pte_t old, pfn_t pfn)
{
	m->dirty |= pte_dirty(old);
	return pfn_pte(pfn, vma_page_prot(vma) | (old.pte & (PTE_ACCESSED | PTE_DIRTY | PTE_WRITE)));
}

/* An area at whose addr page m->page of the folio may be mapped. */
static bool move_entry(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct migration *m = ctx;
	struct pgtable *table;
	unsigned level, index;
	pfn_t to = m->dst + (m->page - m->src);
	pte_t old = *pgtable_walk(vma->vm_mm, addr, &level, &table);

	if (!pte_is_leaf(old) || old.pte & PTE_SPECIAL || pte_pfn(old) != m->page || (level && m->page != m->src))
		return true;
	VM_BUG_ON(level && level != HPAGE_LEVEL);
	index = pte_index(m->mem->geo, table, addr);
	if (level) {
		folio_remove_rmap_pmd(m->mem, m->src);
		folio_add_rmap_pmd(m->mem, m->dst);
	} else {
		folio_remove_rmap_pte(m->mem, m->page);
		folio_add_rmap_pte(m->mem, to);
	}
	pte_set(table, index, moved_pte(m, vma, old, to));
	if (old.pte & PTE_PRESENT)
		flush_entry(m, vma->vm_mm, addr, level);
	return true;
}

static void move_entries(struct migration *m, unsigned nr)
{
	for (m->page = m->src; m->page < m->src + nr; m->page++)
		if (page_mapcount(m->mem, m->page))
			rmap_walk(m->mem, m->page, move_entry, m);
}

/* ---- the folio ---- */

/* One more large anonymous folio, touched where the old one was. */
static void keep_touched(struct memory *mem, pfn_t src, pfn_t dst, unsigned nr)
{
	mem->mthp_stat[page_order(pfn_to_page(mem, dst))][MTHP_STAT_NR_ANON]++;
	count_large_pages(mem, nr);
	folio_touched_begin(mem, dst);
	for (unsigned i = 0; mem->page_touched && i < nr; i++)
		if (mem->page_touched[src + i])
			page_mark_touched(mem, dst + i, mem->page_touched[src + i]);
}

static void copy_state(struct memory *mem, pfn_t src, pfn_t dst, unsigned nr)
{
	struct page *from = pfn_to_page(mem, src), *to = pfn_to_page(mem, dst);

	for (unsigned i = 0; i < nr; i++) {
		to[i].flags |= from[i].flags & PG_MIGRATED;
		to[i].mapping = from[i].mapping;
		to[i].index = from[i].index;
	}
	if (!(from->flags & PG_HEAD))
		return;
	/* The new folio is on no list of deferred splits. */
	to[1].flags &= ~(PG_FOLIO_DEFERRED | PG_FOLIO_PARTIAL);
	folio_init_large(mem, dst);
	if (from->flags & PG_ANON)
		keep_touched(mem, src, dst, nr);
}

/* The last user goes along, but not between tiers: there the place means something else. */
static void copy_last_cpupid(const struct memory *mem, pfn_t src, pfn_t dst)
{
	if (mem->last_cpupid)
		mem->last_cpupid[dst] = pfn_to_node(mem, src)->tier.is_top == pfn_to_node(mem, dst)->tier.is_top
						? mem->last_cpupid[src] : 0;
}

static void move_cache_slots(const struct migration *m, unsigned nr)
{
	const struct page *page = pfn_to_page(m->mem, m->src);
	struct address_space *mapping = m->mem->mappings.data[page->mapping];

	for (unsigned i = 0; i < nr; i++)
		radix_set(&mapping->pages, page->index + i, (uint64_t)m->dst + i + 1);
	lruvec_stat_mod_folio(m->mem, m->src, NR_FILE_PAGES, -(int64_t)nr);
	lruvec_stat_mod_folio(m->mem, m->dst, NR_FILE_PAGES, nr);
	if (mapping->is_shmem) {
		lruvec_stat_mod_folio(m->mem, m->src, NR_SHMEM, -(int64_t)nr);
		lruvec_stat_mod_folio(m->mem, m->dst, NR_SHMEM, nr);
	}
	folio_migrate_dirty(m->mem, m->src, m->dst);
}

/* The source, with nothing left that names it, goes back to the allocator. */
static void release_source(struct memory *mem, pfn_t src, unsigned nr)
{
	struct page *page = pfn_to_page(mem, src);

	VM_BUG_ON(page->flags & PG_HEAD && *folio_entire_mapcount(mem, src));
	for (unsigned i = 0; i < nr; i++)
		page[i].mapping = 0;
	page->_refcount = 1;
	put_page(mem, src);
}

static bool move_kernel_page(struct memory *mem, pfn_t src, pfn_t dst)
{
	const struct movable_operations *ops = page_movable_ops(mem, pfn_to_page(mem, src));
	struct page *to = pfn_to_page(mem, dst);
	struct page fresh = *to;

	if (ops->isolate_page && !ops->isolate_page(mem, src, ops->ctx))
		return false;
	copy_state(mem, src, dst, 1);
	if (!ops->migrate_page(mem, dst, src, ops->ctx)) {
		*to = fresh;
		if (ops->putback_page)
			ops->putback_page(mem, src, ops->ctx);
		return false;
	}
	release_source(mem, src, 1);
	return true;
}

static bool move_folio(struct memory *mem, pfn_t src, pfn_t dst, struct flush_batch *batch)
{
	struct page *from = pfn_to_page(mem, src), *to = pfn_to_page(mem, dst);
	struct migration m = { .mem = mem, .src = src, .dst = dst, .batch = batch };
	unsigned nr = 1u << page_order(from);
	bool on_lru;

	if (!folio_movable(mem, src) || page_order(to) != page_order(from))
		return false;
	if (from->flags & PG_MOVABLE_OPS)
		return move_kernel_page(mem, src, dst);
	on_lru = folio_isolate_lru(mem, src);
	copy_state(mem, src, dst, nr);
	copy_last_cpupid(mem, src, dst);
	mem_cgroup_migrate(mem, src, dst);
	to->_refcount = from->_refcount;
	move_entries(&m, nr);
	if (from->flags & PG_SWAPCACHE)
		swap_cache_migrate(mem, src, dst);
	else if (!(from->flags & PG_ANON))
		move_cache_slots(&m, nr);
	if (m.dirty)
		(void)folio_mark_dirty(mem, dst);
	mem_cgroup_migrated(mem, src);
	release_source(mem, src, nr);
	if (on_lru)
		folio_putback_lru(mem, dst);
	return true;
}

/* ---- batches ---- */

static bool is_thp(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	return page->flags & PG_HEAD && page_order(page) >= hpage_order(mem);
}

static void count_stats(struct memory *mem, const struct migrate_stats *s)
{
	count_vm_events(mem, PGMIGRATE_SUCCESS, s->succeeded);
	count_vm_events(mem, PGMIGRATE_FAIL, s->failed);
	count_vm_events(mem, THP_MIGRATION_SUCCESS, s->thp_succeeded);
	count_vm_events(mem, THP_MIGRATION_FAIL, s->thp_failed);
	count_vm_events(mem, THP_MIGRATION_SPLIT, s->thp_split);
}

/* Moves one folio to dst and takes note of how it went. */
static bool try_folio(struct memory *mem, pfn_t src, pfn_t dst, struct flush_batch *batch, struct migrate_stats *s)
{
	uint64_t nr = 1ull << page_order(pfn_to_page(mem, src));
	bool thp = is_thp(mem, src), moved = move_folio(mem, src, dst, batch);

	s->succeeded += moved ? nr : 0;
	s->failed += moved ? 0 : nr;
	s->thp_succeeded += moved && thp;
	s->thp_failed += !moved && thp;
	batch->nr_pages += nr;
	if (batch->nr_pages >= NR_MAX_BATCHED_MIGRATION(mem))
		flush_batch(mem, batch);
	return moved;
}

bool migrate_folio(struct memory *mem, pfn_t src, pfn_t dst, enum migrate_reason reason)
{
	struct flush_batch batch = {0};
	struct migrate_stats stats = {0};
	bool moved = try_folio(mem, src, dst, &batch, &stats);

	(void)reason;
	flush_batch(mem, &batch);
	count_stats(mem, &stats);
	return moved;
}

/* One run of migrate_folio_list(). */
struct migrate_run {
	struct memory *mem;
	const struct migrate_control *mc;
	struct flush_batch batch;
	struct migrate_stats stats;
};

enum migrate_outcome { MIGRATED, MIGRATE_STAYED, MIGRATE_NO_MEMORY };

static bool try_with(struct migrate_run *run, pfn_t src, pfn_t dst)
{
	if (try_folio(run->mem, src, dst, &run->batch, &run->stats))
		return true;
	if (run->mc->free_folio)
		run->mc->free_folio(run->mem, dst, run->mc->ctx);
	else
		put_page(run->mem, dst);
	return false;
}

/*
 * The pages of a folio that was split, each tried once; what fails counts no more: the folio has. True: all moved.
 */
static bool migrate_split_pages(struct migrate_run *run, pfn_t first, unsigned nr)
{
	struct memory *mem = run->mem;
	bool all = true;

	for (pfn_t pfn = first; pfn < first + nr; pfn++) {
		pfn_t dst;

		if (!folio_movable(mem, pfn)) {
			all = false;
			continue;
		}
		dst = run->mc->new_folio(mem, pfn, run->mc->ctx);
		if (dst == PFN_NONE)
			return false;
		all &= try_with(run, pfn, dst);
	}
	return all;
}

static enum migrate_outcome migrate_split(struct migrate_run *run, pfn_t first, unsigned nr, bool thp)
{
	run->stats.thp_split += thp;
	return migrate_split_pages(run, first, nr) ? MIGRATED : MIGRATE_STAYED;
}

static enum migrate_outcome migrate_one(struct migrate_run *run, pfn_t src)
{
	struct memory *mem = run->mem;
	unsigned nr = 1u << page_order(pfn_to_page(mem, src));
	bool thp = is_thp(mem, src);
	pfn_t dst;

	if (!folio_movable(mem, src)) {
		run->stats.failed += nr;
		run->stats.thp_failed += thp;
		return MIGRATE_STAYED;
	}
	dst = run->mc->new_folio(mem, src, run->mc->ctx);
	if (dst != PFN_NONE)
		return try_with(run, src, dst) ? MIGRATED : MIGRATE_STAYED;
	run->stats.thp_failed += thp;
	if (nr > 1 && run->mc->reason != MR_NUMA_MISPLACED && split_folio(mem, src))
		return migrate_split(run, src, nr, thp);
	run->stats.failed += nr;
	return MIGRATE_NO_MEMORY;
}

int64_t migrate_folio_list(struct memory *mem, pfn_t *folios, size_t nr, struct migrate_control *mc)
{
	struct migrate_run run = { .mem = mem, .mc = mc };
	enum migrate_outcome outcome = MIGRATED;
	int64_t stayed = 0;

	for (size_t i = 0; i < nr && outcome != MIGRATE_NO_MEMORY; i++) {
		outcome = migrate_one(&run, folios[i]);
		if (outcome == MIGRATED)
			folios[i] = PFN_NONE;
		else
			stayed++;
	}
	flush_batch(mem, &run.batch);
	count_stats(mem, &run.stats);
	mc->nr_succeeded = run.stats.succeeded;
	return outcome == MIGRATE_NO_MEMORY ? -ENOMEM : stayed;
}

size_t migrate_pages(struct memory *mem, const pfn_t *folios, size_t nr, new_folio_fn *new_folio, void *ctx,
		     enum migrate_reason reason)
{
	struct migrate_control mc = { .new_folio = new_folio, .ctx = ctx, .reason = reason };
	struct migrate_run run = { .mem = mem, .mc = &mc };

	for (size_t i = 0; i < nr; i++)
		if (migrate_one(&run, folios[i]) == MIGRATE_NO_MEMORY)
			break;
	flush_batch(mem, &run.batch);
	count_stats(mem, &run.stats);
	return run.stats.succeeded;
}
