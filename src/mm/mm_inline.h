/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A folio on and off the list of its node. Kernel counterpart: include/linux/mm_inline.h.
 *
 * Modelled: which of the five lists a folio belongs to, by its flags; the counts in pages. Simplified: one set of lists
 * a node, no memory cgroups, no generations.
 *
 * Below the page allocator, because freeing a page takes it off its list. What the flags mean and when they change:
 * mm/lru.h.
 */
#ifndef MM_MM_INLINE_H
#define MM_MM_INLINE_H

#include "mm/memmap.h"

/* File pages proper: not anonymous memory, not shmem. */
static inline bool folio_is_file_lru(const struct page *head)
{
	return !(head->flags & PG_SWAPBACKED);
}

static inline enum lru_list folio_lru_list(const struct page *head)
{
	unsigned lru = LRU_INACTIVE_ANON;

	if (head->flags & PG_UNEVICTABLE)
		return LRU_UNEVICTABLE;
	if (folio_is_file_lru(head))
		lru += LRU_FILE;
	return (enum lru_list)(lru + (head->flags & PG_ACTIVE ? LRU_ACTIVE : 0));
}

static inline int64_t folio_nr_pages(const struct page *head)
{
	return 1ll << page_order(head);
}

static inline struct lruvec *folio_lruvec(const struct memory *mem, pfn_t head)
{
	return &pfn_to_node(mem, head)->lruvec;
}

static inline void update_lru_size(struct memory *mem, pfn_t head, enum lru_list lru, int64_t nr_pages)
{
	folio_lruvec(mem, head)->nr_pages[lru] += (uint64_t)nr_pages;
	mod_node_page_state(pfn_to_node(mem, head), (enum node_stat_item)(NR_INACTIVE_ANON + lru), nr_pages);
}

/* To the young end; the flags have been chosen. */
static inline void lruvec_add_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	enum lru_list lru = folio_lru_list(page);

	page->flags |= PG_LRU;
	update_lru_size(mem, head, lru, folio_nr_pages(page));
	pfn_list_add(mem->mem_map, &folio_lruvec(mem, head)->lists[lru], head);
}

static inline void lruvec_add_folio_tail(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	enum lru_list lru = folio_lru_list(page);

	page->flags |= PG_LRU;
	update_lru_size(mem, head, lru, folio_nr_pages(page));
	pfn_list_add_tail(mem->mem_map, &folio_lruvec(mem, head)->lists[lru], head);
}

/* The folio must be on its list, and its flags those with which it came there. */
static inline void lruvec_del_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	enum lru_list lru = folio_lru_list(page);

	pfn_list_del(mem->mem_map, &folio_lruvec(mem, head)->lists[lru], head);
	update_lru_size(mem, head, lru, -folio_nr_pages(page));
	page->flags &= ~PG_LRU;
	page->next = page->prev = PFN_NONE;
}

#endif
