/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Base pages become huge ones: see khugepaged.h. One entry of level 1 at a time; who asks for which is in khugepaged-scan.c. */
#include "mm/khugepaged-internal.h"

#include <string.h>

#include "mm/anon_vma.h"
#include "mm/fault-internal.h"
#include "mm/folio_touched.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swapfile.h"
#include "mm/split_folio.h"
#include "mm/tlbflush.h"

/* ---- looking ---- */

/* A page that is not there, or all zero. */
static bool is_none_or_zero(const struct memory *mem, pte_t pte)
{
	return pte_none(pte) || (pte_present(pte) && pte_pfn(pte) == mem->zero_pfn);
}

/* The table of base entries for start; on success *ret_pmd and *ret_table. (find_pmd_or_thp_or_none) */
static enum scan_result find_table(const struct collapse_control *cc, struct pgtable **ret_pmd, struct pgtable **ret_table)
{
	pte_t pmd;

	*ret_pmd = pgtable_lookup(cc->vma->vm_mm, cc->start, HPAGE_LEVEL);
	if (!*ret_pmd)
		return SCAN_PMD_NULL;
	pmd = (*ret_pmd)->ent[pte_index(cc->mem->geo, *ret_pmd, cc->start)];
	if (pte_none(pmd))
		return SCAN_PMD_NONE;
	if (pte_is_leaf(pmd))
		return SCAN_PMD_MAPPED;
	if (!pte_is_table(pmd))
		return SCAN_PMD_NULL;
	*ret_table = pte_table(pmd);
	return SCAN_SUCCEED;
}

/* One more of a kind that only khugepaged minds. False: too many. */
static bool within(const struct collapse_control *cc, uint64_t nr, enum khugepaged_limit limit, enum vm_event_item item)
{
	if (!cc->is_khugepaged || nr <= khugepaged_limit(cc->mem, limit))
		return true;
	count_vm_event(cc->mem, item);
	return false;
}

static bool is_young(const struct memory *mem, pte_t pte, pfn_t head)
{
	return pte.pte & PTE_ACCESSED || pfn_to_page(mem, head)->flags & PG_REFERENCED;
}

/* What both looks ask of a page that is there. */
static enum scan_result check_page(struct collapse_control *cc, pte_t pte)
{
	struct memory *mem = cc->mem;
	pfn_t head = folio_pfn(mem, pte_pfn(pte));
	const struct page *page = pfn_to_page(mem, head);

	if (pte.pte & PTE_SPECIAL)
		return SCAN_PAGE_NULL;
	if (!(page->flags & PG_ANON))
		return SCAN_PAGE_ANON;
	if (folio_maybe_mapped_shared(mem, head) &&
	    !within(cc, ++cc->nr_shared, KHUGEPAGED_MAX_PTES_SHARED, THP_SCAN_EXCEED_SHARED_PTE))
		return SCAN_EXCEED_SHARED_PTE;
	if (mem->lru_enabled && !(page->flags & PG_LRU))
		return SCAN_PAGE_LRU;
	if (page->_refcount != folio_expected_refs(mem, head))
		return SCAN_PAGE_COUNT;
	cc->nr_referenced += cc->is_khugepaged && is_young(mem, pte, head);
	return SCAN_SUCCEED;
}

static enum scan_result scan_pte(struct collapse_control *cc, pte_t pte)
{
	if (is_swap_pte(pte))
		return within(cc, ++cc->nr_swap, KHUGEPAGED_MAX_PTES_SWAP, THP_SCAN_EXCEED_SWAP_PTE)
			       ? SCAN_SUCCEED : SCAN_EXCEED_SWAP_PTE;
	if (is_none_or_zero(cc->mem, pte))
		return within(cc, ++cc->nr_none, KHUGEPAGED_MAX_PTES_NONE, THP_SCAN_EXCEED_NONE_PTE)
			       ? SCAN_SUCCEED : SCAN_EXCEED_NONE_PTE;
	cc->node_load[pfn_to_node(cc->mem, pte_pfn(pte))->node_id] += !(pte.pte & PTE_SPECIAL);
	return check_page(cc, pte);
}

static void reset(struct collapse_control *cc)
{
	cc->nr_none = cc->nr_swap = cc->nr_shared = cc->nr_referenced = 0;
}

/* The first look, which costs little. */
static enum scan_result scan_table(struct collapse_control *cc, const struct pgtable *table)
{
	unsigned nr = 1u << table->bits;
	enum scan_result result = SCAN_SUCCEED;

	reset(cc);
	memset(cc->node_load, 0, sizeof(cc->node_load));
	for (unsigned i = 0; i < nr && result == SCAN_SUCCEED; i++)
		result = scan_pte(cc, table->ent[i]);
	if (result == SCAN_SUCCEED && cc->is_khugepaged &&
	    (!cc->nr_referenced || (cc->nr_swap && cc->nr_referenced < nr / 2)))
		return SCAN_LACK_REFERENCED_PAGE;
	return result;
}

/* ---- collapsing ---- */

/* The node where most of the pages are; the first of several. */
static int target_node(const struct collapse_control *cc)
{
	int best = 0;

	for (unsigned n = 1; n < cc->mem->nr_nodes; n++)
		if (cc->node_load[n] > cc->node_load[best])
			best = (int)n;
	return best;
}

static enum scan_result alloc_charge_folio(struct collapse_control *cc, pfn_t *ret_head)
{
	struct memory *mem = cc->mem;
	gfp_t gfp = cc->is_khugepaged && !mem->conf.khugepaged_defrag ? GFP_TRANSHUGE_LIGHT : GFP_TRANSHUGE;

	*ret_head = alloc_pages_nodemask(mem, gfp, hpage_order(mem), target_node(cc), NODEMASK_ALL);
	if (*ret_head == PFN_NONE) {
		count_vm_event(mem, THP_COLLAPSE_ALLOC_FAILED);
		return SCAN_ALLOC_HUGE_PAGE_FAIL;
	}
	count_vm_event(mem, THP_COLLAPSE_ALLOC);
	if (mem_cgroup_charge(mem, *ret_head, cc->vma->vm_mm, gfp))
		return SCAN_SUCCEED;
	put_page(mem, *ret_head);
	return SCAN_CGROUP_CHARGE_FAIL;
}

/* Brings all that is in swap back (__collapse_huge_page_swapin). */
static enum scan_result swapin(struct collapse_control *cc, struct pgtable *table)
{
	struct vm_fault vmf = { .mem = cc->mem, .vma = cc->vma, .table = table };

	for (unsigned i = 0; i < 1u << table->bits; i++) {
		vmf.address = cc->start + ((uint64_t)i << cc->mem->geo->page_shift);
		vmf.pgoff = linear_page_index(cc->vma, vmf.address);
		vmf.index = i;
		vmf.orig = table->ent[i];
		if (is_swap_pte(vmf.orig) && do_swap_page(&vmf) & (VM_FAULT_ERROR | VM_FAULT_RETRY))
			return SCAN_FAIL;
	}
	return SCAN_SUCCEED;
}

/* The second look, at what is to be copied at once (__collapse_huge_page_isolate). */
static enum scan_result isolate_table(struct collapse_control *cc, const struct pgtable *table)
{
	enum scan_result result = SCAN_SUCCEED;

	reset(cc);
	for (unsigned i = 0; i < 1u << table->bits && result == SCAN_SUCCEED; i++) {
		pte_t pte = table->ent[i];

		if (is_swap_pte(pte))
			result = SCAN_PTE_NON_PRESENT;
		else
			result = scan_pte(cc, pte);
	}
	if (result == SCAN_SUCCEED && cc->is_khugepaged && !cc->nr_referenced)
		return SCAN_LACK_REFERENCED_PAGE;
	return result;
}

/* From entry i on, how many map consecutive pages of one folio: they are let go together. */
static unsigned pte_batch(const struct collapse_control *cc, const struct pgtable *table, unsigned i)
{
	pfn_t pfn = pte_pfn(table->ent[i]), head = folio_pfn(cc->mem, pfn);
	pfn_t stop = head + (1u << page_order(pfn_to_page(cc->mem, head)));
	unsigned nr = 1;

	while (i + nr < 1u << table->bits && pfn + nr < stop && pte_present(table->ent[i + nr]) &&
	       pte_pfn(table->ent[i + nr]) == pfn + nr)
		nr++;
	return nr;
}

/* The old pages go; who else has them keeps them. */
static void release_ptes(struct collapse_control *cc, struct pgtable *table)
{
	struct memory *mem = cc->mem;

	for (unsigned i = 0, nr; i < 1u << table->bits; i += nr) {
		pte_t pte = table->ent[i];
		bool none = is_none_or_zero(mem, pte);
		pfn_t pfn = pte_pfn(pte), head;

		nr = none ? 1 : pte_batch(cc, table, i);
		for (unsigned k = i; k < i + nr; k++)
			pte_set(table, k, (pte_t){0});
		if (none)
			continue;
		head = folio_pfn(mem, pfn);
		folio_remove_rmap_ptes(mem, pfn, nr);
		pfn_to_page(mem, head)->_refcount -= (int32_t)nr - 1;
		free_swap_cache(mem, head);
		put_page(mem, head);
	}
}

/* Pages that were there have been used. */
static void mark_copied(struct collapse_control *cc, const struct pgtable *table, pfn_t head)
{
	if (!cc->mem->page_touched)
		return;
	for (unsigned i = 0; i < 1u << table->bits; i++)
		if (!is_none_or_zero(cc->mem, table->ent[i]))
			page_mark_touched(cc->mem, head + i, FOLIO_WRITTEN);
}

static void map_collapsed(struct collapse_control *cc, struct pgtable *pmd, struct pgtable *table, pfn_t head)
{
	struct memory *mem = cc->mem;
	struct mm_struct *mm = cc->vma->vm_mm;
	unsigned index = pte_index(mem->geo, pmd, cc->start);
	uint64_t prot = vma_page_prot(cc->vma) | PTE_ACCESSED | PTE_DIRTY;

	if (cc->vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE;
	mm->rss_stat[MM_ANONPAGES] += (int64_t)cc->nr_none;
	folio_add_new_anon_rmap_pmd(mem, head, cc->vma, cc->start);
	mark_copied(cc, table, head);
	release_ptes(cc, table);
	folio_add_lru_vma(mem, head, cc->vma);
	pgtable_trans_huge_deposit_table(mm, table);
	pte_set(pmd, index, pfn_pte(head, prot));
	flush_tlb_mm_range(mm, cc->start, cc->start + hpage_size(mem), mem->geo->page_shift, true);
	deferred_split_folio(mem, head, false);
}

static enum scan_result collapse_huge_page(struct collapse_control *cc)
{
	struct memory *mem = cc->mem;
	struct pgtable *pmd, *table;
	enum scan_result result;
	uint64_t nr_swap = cc->nr_swap;
	pfn_t head;

	result = alloc_charge_folio(cc, &head);
	if (result != SCAN_SUCCEED)
		return result;
	result = find_table(cc, &pmd, &table);
	if (result == SCAN_SUCCEED && nr_swap)
		result = swapin(cc, table);
	if (result == SCAN_SUCCEED)
		result = isolate_table(cc, table);
	if (result != SCAN_SUCCEED) {
		put_page(mem, head);
		return result;
	}
	map_collapsed(cc, pmd, table, head);
	return SCAN_SUCCEED;
}

enum scan_result collapse_scan_pmd(struct collapse_control *cc)
{
	struct pgtable *pmd, *table;
	enum scan_result result = find_table(cc, &pmd, &table);

	cc->tried = false;
	if (result == SCAN_SUCCEED)
		result = scan_table(cc, table);
	if (result != SCAN_SUCCEED)
		return result;
	cc->tried = true;
	return collapse_huge_page(cc);
}
