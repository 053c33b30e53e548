/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A folio on and off the list of its lruvec. Kernel counterpart: include/linux/mm_inline.h.
 *
 * Modelled: which lruvec a folio belongs to (its node's; with groups that of its group; with kernel.lru_per_zone its
 * zone's), which of the five lists, by its flags; the counts in pages of lruvec, zone, node and group.
 *
 * Below the page allocator, because freeing a page takes it off its list. What the flags mean and when they change:
 * mm/lru.h. Another policy (mm/lru_policy.h) keeps its folios on lists of its own and counts with update_lru_size().
 */
#ifndef MM_MM_INLINE_H
#define MM_MM_INLINE_H

#include "mm/lru_policy.h"
#include "mm/memcg.h"
#include "mm/memmap.h"
#include "mm/seeded_bug.h"

/* File pages proper: not anonymous memory, not shmem; a lazily freed anonymous page is as good as one. */
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

static inline enum zone_type folio_zonenum(const struct page *head)
{
	return (enum zone_type)((head->flags & PAGE_ZONE_MASK) >> PAGE_ZONE_SHIFT);
}

static inline struct lruvec *folio_lruvec(const struct memory *mem, pfn_t head)
{
	struct pglist_data *pgdat = pfn_to_node(mem, head);
	struct lruvec *lruvec;

	if (unlikely(mem->page_memcg))
		return mem_cgroup_lruvec(folio_memcg(mem, head), pgdat);
	lruvec = pgdat->node_zones[folio_zonenum(pfn_to_page(mem, head))].lruvec;
	return unlikely(lruvec) ? lruvec : &pgdat->lruvec;
}

/* Pages on one list of a lruvec. */
static inline uint64_t lruvec_lru_size(const struct lruvec *lruvec, enum lru_list lru)
{
	return lruvec->nr_pages[lru];
}

static inline void update_lru_size(struct lruvec *lruvec, enum lru_list lru, enum zone_type zid, int64_t nr_pages)
{
	if (SEEDED_BUG(lruvec->pgdat->mem, LRU_ZONE))
		zid = zid ? (enum zone_type)(zid - 1) : ZONE_NORMAL;
	lruvec->nr_pages[lru] += (uint64_t)nr_pages;
	lruvec->zone_pages[zid][lru] += (uint64_t)nr_pages;
	lruvec->pgdat->node_zones[zid].vm_stat[NR_ZONE_INACTIVE_ANON + lru] += (uint64_t)nr_pages;
	mod_lruvec_state(lruvec, (enum node_stat_item)(NR_INACTIVE_ANON + lru), nr_pages);
}

static inline void __lruvec_add_folio(struct memory *mem, pfn_t head, bool tail)
{
	struct page *page = pfn_to_page(mem, head);
	struct lruvec *lruvec = folio_lruvec(mem, head);
	enum lru_list lru;

	page->flags |= PG_LRU;
	if (unlikely(mem->lru_policy) && mem->lru_policy->add_folio(mem, lruvec, head, tail))
		return;
	lru = folio_lru_list(page);
	if (!SEEDED_BUG(mem, LRU_SIZE))
		update_lru_size(lruvec, lru, folio_zonenum(page), folio_nr_pages(page));
	if (unlikely(lru == LRU_UNEVICTABLE))
		page->prev = 0;	/* linked to nothing: mlock_count() in mm/lru.c */
	else if (tail)
		pfn_list_add_tail(mem->mem_map, &lruvec->lists[lru], head);
	else
		pfn_list_add(mem->mem_map, &lruvec->lists[lru], head);
}

/* To the young end; the flags have been chosen. */
static inline void lruvec_add_folio(struct memory *mem, pfn_t head)
{
	__lruvec_add_folio(mem, head, false);
}

static inline void lruvec_add_folio_tail(struct memory *mem, pfn_t head)
{
	__lruvec_add_folio(mem, head, true);
}

/* The folio must be on its list, and its flags those with which it came there. */
static inline void lruvec_del_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	struct lruvec *lruvec = folio_lruvec(mem, head);
	enum lru_list lru;

	if (likely(!mem->lru_policy) || !mem->lru_policy->del_folio(mem, lruvec, head, false)) {
		lru = folio_lru_list(page);
		if (likely(lru != LRU_UNEVICTABLE)) {
			lruvec->lists[lru].nr += SEEDED_BUG(mem, LRU_LIST);
			pfn_list_del(mem->mem_map, &lruvec->lists[lru], head);
		}
		update_lru_size(lruvec, lru, folio_zonenum(page), -folio_nr_pages(page));
	}
	page->flags &= ~PG_LRU;
	page->next = page->prev = PFN_NONE;
}

/* The folio is free: off its list, locked no more. (__page_cache_release) */
static inline void lruvec_release_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	lruvec_del_folio(mem, head);
	if (unlikely(page->flags & PG_MLOCKED)) {
		page->flags &= ~PG_MLOCKED;
		page_zone(mem, head)->vm_stat[NR_MLOCK] -= (uint64_t)folio_nr_pages(page);
		count_vm_events(mem, UNEVICTABLE_PGCLEARED, (uint64_t)folio_nr_pages(page));
	}
}

#endif
