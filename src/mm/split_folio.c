/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A large folio becomes base pages: see split_folio.h. */
#include "mm/split_folio.h"

#include "mm/filemap.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"

int64_t folio_expected_refs(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	int64_t refs = page->mapping && !(page->flags & PG_ANON);

	if (page->flags & PG_HEAD)
		refs += *folio_entire_mapcount(mem, head);
	for (pfn_t i = 0; i < 1u << page_order(page); i++)
		refs += page[i]._mapcount;
	return refs;
}

static bool split_entry(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	const pfn_t *head = ctx;
	struct pgtable *pmd = pgtable_lookup(vma->vm_mm, addr, HPAGE_LEVEL);
	unsigned index;

	if (!pmd)
		return true;
	index = pte_index(vma->vm_mm->mem->geo, pmd, addr);
	if (pte_is_leaf(pmd->ent[index]) && pte_pfn(pmd->ent[index]) == *head)
		split_huge_pmd(vma, pmd, index, addr);
	return true;
}

/* The page stands for itself: state is what the head hands on. False: nobody has it, and it was freed. */
static bool make_base_page(struct memory *mem, pfn_t pfn, uint32_t state, bool cached)
{
	struct page *page = pfn_to_page(mem, pfn);

	page->flags = (page->flags & ~(PG_HEAD | PG_TAIL | PAGE_ORDER_MASK)) | state;
	page->next = page->prev = PFN_NONE;
	page->_refcount = page->_mapcount + cached;
	if (page->_refcount)
		return true;
	page->_refcount = 1;
	page->mapping = 0;
	put_page(mem, pfn);
	return false;
}

bool split_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	unsigned order = page_order(page);
	bool cached = page->mapping && !(page->flags & PG_ANON), on_lru;
	uint32_t state;

	if (!(page->flags & PG_HEAD) || !page->mapping || page->_refcount != folio_expected_refs(mem, head))
		return false;
	if (cached && !mapping_nodes_split(mem, mem->mappings.data[page->mapping], order))
		return false;
	rmap_walk(mem, head, split_entry, &head);
	VM_BUG_ON(*folio_entire_mapcount(mem, head));
	on_lru = folio_isolate_lru(mem, head);
	state = page->flags & (PG_DIRTY | PG_REFERENCED | PG_ACTIVE | PG_UNEVICTABLE | PG_UPTODATE | PG_SWAPBACKED);
	/* From behind, so that the older pages of the folio come to lie further down on the list. */
	for (pfn_t i = 1u << order; i-- > 0;)
		if (make_base_page(mem, head + i, state, cached)) {
			if (mem->last_cpupid)
				mem->last_cpupid[head + i] = mem->last_cpupid[head];
			if (on_lru)
				folio_putback_lru(mem, head + i);
		}
	if (order == hpage_order(mem))
		count_vm_event(mem, THP_SPLIT_PAGE);
	return true;
}
