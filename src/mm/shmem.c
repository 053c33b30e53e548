/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory that is a file: see shmem.h. */
#include "mm/shmem.h"

#include "base/bug.h"
#include "mm/highmem.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/swap_state.h"
#include "mm/writeback.h"

static swp_entry_t swap_of(const struct address_space *mapping, uint64_t index)
{
	uint64_t entry = mapping_exceptional(mapping, index);

	return (swp_entry_t){entry_is_shmem_swap(entry) ? entry_to_shmem_swap(entry) : 0};
}

/* Are the slots of the folio, whose first is `first`, all where the file has it? Else part of them was given up. */
static bool slots_match(const struct address_space *mapping, uint64_t index, swp_entry_t first, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (swap_of(mapping, index + i).val != first.val + i)
			return false;
	return true;
}

/* The folio in the swap cache takes its place in the file again, and its slots go. It is charged and on its list. */
static void shmem_add_swapped(struct memory *mem, struct address_space *mapping, uint64_t index, pfn_t head,
			      swp_entry_t first)
{
	unsigned order = page_order(pfn_to_page(mem, head));

	for (uint64_t i = 0; i < 1ull << order; i++)
		radix_del(&mapping->exceptional, index + i);
	swap_cache_del_folio(mem, head, 0);
	get_page(mem, head);
	filemap_put_back(mem, mapping, head, index, order);
	folio_mark_dirty(mem, head);
	swap_free_nr(mem, first, 1u << order);
}

/* The page comes back from swap (shmem_swapin_folio). */
static pfn_t shmem_swapin_folio(struct memory *mem, struct address_space *mapping, uint64_t index, swp_entry_t entry,
				bool *ret_major)
{
	pfn_t page = swap_cache_get_page(mem, entry), head;
	swp_entry_t first;
	uint64_t base;

	if (page == PFN_NONE) {
		*ret_major = true;
		head = swap_cluster_readahead(mem, entry, GFP_HIGHUSER_MOVABLE);
		page = head == PFN_NONE ? PFN_NONE : swap_cache_get_page(mem, entry);
		if (head != PFN_NONE && page == PFN_NONE)
			put_page(mem, head);
	} else {
		head = folio_pfn(mem, page);
		get_page(mem, head);
		swap_update_readahead(mem, head, NULL, 0);
	}
	if (page == PFN_NONE)
		return PFN_NONE;
	head = folio_pfn(mem, page);
	folio_wait_writeback(mem, head);
	if (page_order(pfn_to_page(mem, head)) && swap_of(mapping, index).val == entry.val) {
		first = page_swap_entry(mem, head);
		base = index - (entry.val - first.val);
		if (!slots_match(mapping, base, first, 1u << page_order(pfn_to_page(mem, head)))) {
			put_page(mem, head);
			if (!split_folio(mem, head))
				return PFN_NONE;
			page = head = swap_cache_get_page(mem, entry);
			get_page(mem, head);
		}
	}
	first = page_swap_entry(mem, head);
	shmem_add_swapped(mem, mapping, index - (entry.val - first.val), head, first);
	put_page(mem, head);
	return page;
}

pfn_t shmem_get_folio(struct memory *mem, struct address_space *mapping, uint64_t index, enum sgp_type sgp,
		      bool *ret_major)
{
	pfn_t pfn = filemap_find(mapping, index);
	swp_entry_t entry;

	*ret_major = false;
	if (pfn == PFN_NONE) {
		entry = swap_of(mapping, index);
		if (entry.val)
			pfn = shmem_swapin_folio(mem, mapping, index, entry, ret_major);
		else if (sgp != SGP_READ)
			pfn = filemap_add_folio(mem, mapping, index, 0);
		if (pfn == PFN_NONE)
			return PFN_NONE;
		/* A fresh one counts as accessed once. */
		if (sgp == SGP_WRITE && !entry.val) {
			pfn_to_page(mem, pfn)->flags |= PG_REFERENCED;
			return pfn;
		}
	}
	if (sgp == SGP_WRITE)
		folio_mark_accessed(mem, folio_pfn(mem, pfn));
	return pfn;
}

/* Its place in the file is taken by its slots. */
static void shmem_delete_from_page_cache(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping = mem->mappings.data[page->mapping];
	swp_entry_t first = page_swap_entry(mem, head);
	unsigned nr = 1u << page_order(page);
	uint64_t index = page->index;

	__filemap_remove_folio(mem, head, 0);
	for (unsigned i = 0; i < nr; i++)
		radix_set(&mapping->exceptional, index + i, shmem_swap_to_entry(first.val + i));
	put_page(mem, head);
}

bool shmem_writeout(struct memory *mem, pfn_t head)
{
	if (!mem->swap || !folio_alloc_swap(mem, head)) {
		folio_mark_dirty(mem, head);
		return false;
	}
	swap_dup_nr(mem, page_swap_entry(mem, head), 1u << page_order(pfn_to_page(mem, head)));
	shmem_delete_from_page_cache(mem, head);
	return swap_writeout(mem, head);
}

enum pageout_result pageout(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (page->flags & PG_WRITEBACK || folio_mapped(mem, head))
		return PAGE_KEEP;
	if (!(page->flags & (PG_ANON | PG_SWAPCACHE | PG_SWAPBACKED)))
		return PAGE_ACTIVATE;
	if (!__folio_clear_dirty_for_io(mem, head))
		return PAGE_CLEAN;
	page->flags |= PG_RECLAIM;
	if (!(page->flags & PG_SWAPCACHE ? swap_writeout(mem, head) : shmem_writeout(mem, head))) {
		page->flags &= ~PG_RECLAIM;
		return PAGE_ACTIVATE;
	}
	if (!(page->flags & PG_WRITEBACK))
		page->flags &= ~PG_RECLAIM;
	mod_node_page_state(pfn_to_node(mem, head), NR_VMSCAN_WRITE, 1ll << page_order(page));
	return PAGE_SUCCESS;
}
