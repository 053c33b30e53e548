/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The list of folios that had better be split: see deferred_split.h. */
#include "mm/deferred_split.h"

static unsigned pmd_order(const struct memory *mem)
{
	return mem->geo->level[1].shift - mem->geo->page_shift;
}

int64_t folio_mapcount(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	if (!folio_test_large(page))
		return page->_mapcount;
	if (page_order(page) > 1)
		return page[2]._refcount;
	return page[0]._mapcount + page[1]._mapcount + (int64_t)*folio_entire_mapcount(mem, head);
}

void folio_init_large(struct memory *mem, pfn_t head)
{
	if (folio_test_large(pfn_to_page(mem, head)))
		*folio_entire_mapcount(mem, head) = 0;
}

static pfn_t *list_prev(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 2)->prev;
}

static pfn_t *list_next(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 3)->prev;	/* as deferred_split_next() */
}

static void list_append(struct memory *mem, struct pfn_list *list, pfn_t head)
{
	*list_prev(mem, head) = list->nr ? list->last : PFN_NONE;
	*list_next(mem, head) = PFN_NONE;
	if (list->nr++)
		*list_next(mem, list->last) = head;
	else
		list->first = head;
	list->last = head;
}

static void list_remove(struct memory *mem, struct pfn_list *list, pfn_t head)
{
	pfn_t prev = *list_prev(mem, head), next = *list_next(mem, head);

	if (prev == PFN_NONE)
		list->first = next;
	else
		*list_next(mem, prev) = next;
	if (next == PFN_NONE)
		list->last = prev;
	else
		*list_prev(mem, next) = prev;
	list->nr--;
	*list_prev(mem, head) = *list_next(mem, head) = PFN_NONE;
}

static void set_partially_mapped(struct memory *mem, pfn_t head)
{
	unsigned order = page_order(pfn_to_page(mem, head));

	pfn_to_page(mem, head + 1)->flags |= PG_FOLIO_PARTIAL;
	if (order >= pmd_order(mem))
		count_vm_event(mem, THP_DEFERRED_SPLIT_PAGE);
	count_mthp_stat(mem, order, MTHP_STAT_SPLIT_DEFERRED);
	mem->mthp_stat[order][MTHP_STAT_NR_ANON_PARTIALLY_MAPPED]++;
}

void deferred_split_folio(struct memory *mem, pfn_t head, bool partially_mapped)
{
	struct page *page = pfn_to_page(mem, head);

	if (page_order(page) <= 1 || page->flags & PG_SWAPCACHE)
		return;
	if (!partially_mapped && !mem->conf.thp_shrink_underused)
		return;
	if (partially_mapped && !folio_test_partially_mapped(mem, head))
		set_partially_mapped(mem, head);
	if (page[1].flags & PG_FOLIO_DEFERRED)
		return;
	page[1].flags |= PG_FOLIO_DEFERRED;
	list_append(mem, &pfn_to_node(mem, head)->deferred_split, head);
}

bool deferred_split_dequeue(struct memory *mem, pfn_t head)
{
	struct page *second = pfn_to_page(mem, head + 1);

	list_remove(mem, &pfn_to_node(mem, head)->deferred_split, head);
	second->flags &= ~PG_FOLIO_DEFERRED;
	return second->flags & PG_FOLIO_PARTIAL;
}

void deferred_split_requeue(struct memory *mem, pfn_t head)
{
	pfn_to_page(mem, head + 1)->flags |= PG_FOLIO_DEFERRED;
	list_append(mem, &pfn_to_node(mem, head)->deferred_split, head);
}

bool folio_unqueue_deferred_split(struct memory *mem, pfn_t head)
{
	struct page *second = pfn_to_page(mem, head + 1);

	if (page_order(pfn_to_page(mem, head)) < 2 || !(second->flags & (PG_FOLIO_DEFERRED | PG_FOLIO_PARTIAL)))
		return false;
	if (second->flags & PG_FOLIO_DEFERRED)
		list_remove(mem, &pfn_to_node(mem, head)->deferred_split, head);
	if (second->flags & PG_FOLIO_PARTIAL)
		mem->mthp_stat[page_order(pfn_to_page(mem, head))][MTHP_STAT_NR_ANON_PARTIALLY_MAPPED]--;
	second->flags &= ~(PG_FOLIO_DEFERRED | PG_FOLIO_PARTIAL);
	return true;
}

static bool list_consistent(const struct pglist_data *pgdat)
{
	const struct memory *mem = pgdat->mem;
	const struct pfn_list *list = &pgdat->deferred_split;
	pfn_t prev = PFN_NONE, head = list->nr ? list->first : PFN_NONE;
	uint64_t nr = 0;

	for (; head != PFN_NONE; prev = head, head = *list_next(mem, head)) {
		const struct page *page = pfn_to_page(mem, head);

		if (nr++ > list->nr || !folio_test_large(page) || page->_refcount <= 0 ||
		    !folio_test_deferred(mem, head) || *list_prev(mem, head) != prev ||
		    pfn_to_node(mem, head) != pgdat)
			return false;
	}
	return nr == list->nr && (!nr || list->last == prev);
}

bool deferred_split_consistent(const struct memory *mem)
{
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n] && !list_consistent(mem->nodes[n]))
			return false;
	return true;
}
