/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Taking a folio out of all page tables: see rmap.h. Kernel counterpart: mm/rmap.c (try_to_unmap_one, try_to_unmap_flush).
 *
 * Modelled: swap entries with the exclusive mark, lazily freed pages with both their ways out, locked areas, huge entries
 * that are lazily freed whole or split, the dirty bit, TLB flushes at once or in a batch.
 * Simplified: the batched flush is one of each address space, not one of the union of their CPUs. Left out: device memory,
 * hugetlb, hardware poison.
 */
#include "mm/deferred_split.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/swap_state.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/writeback.h"

struct unmap_control {
	struct memory *mem;
	pfn_t head, page;
	unsigned flags;		/* TTU_* */
	bool abort;		/* an area keeps it */
};

bool folio_mapped(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	return page->flags & PG_HEAD ? folio_mapcount(mem, head) > 0 : page->_mapcount > 0;
}

/* ---- flushes ---- */

static bool other_cpus_have(const struct memory *mem, const struct mm_struct *mm)
{
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		if (mm->cpumask[i] & ~(i == mem->cpu / 64 ? 1ull << mem->cpu % 64 : 0))
			return true;
	return false;
}

static void set_flush_pending(struct memory *mem, struct mm_struct *mm)
{
	for (size_t i = mem->unmap_batch.nr; i-- > 0;)
		if (mem->unmap_batch.data[i] == mm)
			return;
	*vec_push(&mem->unmap_batch) = mm;
}

/* Other CPUs are told at the end of the batch, the own one at once (should_defer_flush). */
static void flush_entry(const struct unmap_control *c, struct mm_struct *mm, uint64_t addr, unsigned level)
{
	unsigned shift = c->mem->geo->level[level].shift;

	if (c->flags & TTU_BATCH_FLUSH && other_cpus_have(c->mem, mm)) {
		set_flush_pending(c->mem, mm);
		return;
	}
	addr &= ~((1ull << shift) - 1);
	flush_tlb_mm_range(mm, addr, addr + (1ull << shift), shift, false);
}

void try_to_unmap_flush(struct memory *mem)
{
	for (size_t i = 0; i < mem->unmap_batch.nr; i++)
		flush_tlb_mm_range(mem->unmap_batch.data[i], 0, UINT64_MAX, mem->geo->page_shift, false);
	vec_clear(&mem->unmap_batch);
}

/* ---- one entry ---- */

static bool abort_walk(struct unmap_control *c)
{
	c->abort = true;
	return false;
}

static bool is_lazyfree(const struct page *page)
{
	return !(page->flags & PG_SWAPBACKED);
}

/* Written after MADV_FREE: it is an ordinary page again. Somebody else holds it: not now. */
static bool keep_lazyfree(struct unmap_control *c)
{
	struct page *head = pfn_to_page(c->mem, c->head);

	if (head->flags & PG_DIRTY) {
		for (pfn_t i = 0; i < 1u << page_order(head); i++)
			head[i].flags |= PG_SWAPBACKED;
		return true;
	}
	return head->_refcount != 1 + folio_mapcount(c->mem, c->head);
}

/* What stands in the place of an anonymous page. False: it must stay mapped. */
static bool replace_anon(struct unmap_control *c, struct mm_struct *mm, pte_t *ret)
{
	struct page *page = pfn_to_page(c->mem, c->page);
	bool exclusive = page->flags & PG_ANON_EXCLUSIVE;
	swp_entry_t entry;

	if (is_lazyfree(pfn_to_page(c->mem, c->head))) {
		if (keep_lazyfree(c))
			return false;
		mm->rss_stat[MM_ANONPAGES]--;
		return true;
	}
	if (!(pfn_to_page(c->mem, c->head)->flags & PG_SWAPCACHE))
		return false;
	entry = page_swap_entry(c->mem, c->page);
	swap_dup_nr(c->mem, entry, 1);
	page->flags &= ~PG_ANON_EXCLUSIVE;
	mm->rss_stat[MM_ANONPAGES]--;
	mm->rss_stat[MM_SWAPENTS]++;
	*ret = swp_entry_to_pte(entry, exclusive);
	return true;
}

static bool unmap_pte(struct unmap_control *c, struct vm_area_struct *vma, struct pgtable *table, uint64_t addr)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned index = pte_index(c->mem->geo, table, addr);
	pte_t old = table->ent[index], new = { 0 };
	const struct page *head = pfn_to_page(c->mem, c->head);

	if (pte_dirty(old))
		folio_mark_dirty(c->mem, c->head);
	update_hiwater_rss(mm);
	if (head->flags & PG_ANON) {
		if (!replace_anon(c, mm, &new)) {
			flush_entry(c, mm, addr, 0);
			return abort_walk(c);
		}
	} else {
		mm->rss_stat[head->flags & PG_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES]--;
	}
	pte_set(table, index, new);
	flush_entry(c, mm, addr, 0);
	folio_remove_rmap_pte(c->mem, c->page);
	if (!folio_test_large(head))
		munlock_vma_folio(c->mem, c->head, vma);
	put_page(c->mem, c->head);
	return true;
}

/* A huge entry of a lazily freed folio goes whole (unmap_huge_pmd_locked). False: it must be split. */
static bool discard_pmd(struct unmap_control *c, struct vm_area_struct *vma, struct pgtable *pmd, uint64_t addr)
{
	unsigned index = pte_index(c->mem->geo, pmd, addr);
	struct page *head = pfn_to_page(c->mem, c->head);

	if (!(head->flags & PG_ANON) || !is_lazyfree(head))
		return false;
	if (pte_dirty(pmd->ent[index]))
		folio_mark_dirty(c->mem, c->head);
	if (keep_lazyfree(c)) {
		abort_walk(c);
		return true;
	}
	update_hiwater_rss(vma->vm_mm);
	zap_huge_pmd(vma, pmd, index);
	flush_entry(c, vma->vm_mm, addr, HPAGE_LEVEL);
	return true;
}

/* An area at whose addr page c->page may be mapped. */
static bool unmap_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct unmap_control *c = ctx;
	struct pgtable *table;
	unsigned level;
	pte_t pte = *pgtable_walk(vma->vm_mm, addr, &level, &table);

	if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
		return true;
	if (level ? level != HPAGE_LEVEL || c->page != c->head || pte_pfn(pte) != c->head : pte_pfn(pte) != c->page)
		return true;
	if (vma->vm_flags & VM_LOCKED && !(c->flags & TTU_IGNORE_MLOCK)) {
		if (!level)
			mlock_vma_folio(c->mem, c->head, vma);
		return abort_walk(c);
	}
	if (!level)
		return unmap_pte(c, vma, table, addr);
	if (discard_pmd(c, vma, table, addr))
		return !c->abort;
	if (!(c->flags & TTU_SPLIT_HUGE_PMD))
		return abort_walk(c);
	split_huge_pmd(vma, table, pte_index(c->mem->geo, table, addr), addr);
	/* An entry of a file is gone with that; one of anonymous memory has become many. */
	table = pgtable_lookup(vma->vm_mm, addr, 0);
	if (!table || pte_pfn(table->ent[pte_index(c->mem->geo, table, addr)]) != c->page)
		return true;
	return unmap_pte(c, vma, table, addr);
}

bool try_to_unmap(struct memory *mem, pfn_t head, unsigned ttu_flags)
{
	struct unmap_control c = { .mem = mem, .head = head, .flags = ttu_flags };
	pfn_t end = head + (1u << page_order(pfn_to_page(mem, head)));

	for (c.page = head; c.page < end && !c.abort; c.page++)
		if (page_mapcount(mem, c.page))
			rmap_walk(mem, c.page, unmap_one, &c);
	return !folio_mapped(mem, head);
}
