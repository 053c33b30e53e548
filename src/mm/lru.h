/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The lists by which reclaim finds old folios. Kernel counterpart: mm/swap.c, parts of mm/vmscan.c (folio_isolate_lru,
 * folio_putback_lru, inactive_is_low).
 *
 * Modelled: inactive and active lists of anonymous and of file folios, and the unevictable list, per node; new folios
 * start inactive; a second folio_mark_accessed() activates (an unmapped file page that was used counts as one access); activation and deactivation are counted; the ratio of
 * active to inactive that shrinking keeps.
 * Simplified: a folio is on its list at once, without the batches of each CPU (lru_add, activate, deactivate). Left
 * out: locked folios do not go to the unevictable list (reclaim finds them and leaves them active); refault distances and
 * workingset activation, lazy freeing, generations, memory cgroups.
 *
 *	PG_LRU		on a list of its node: exactly one, the one that folio_lru_list() names
 *	PG_ACTIVE	of two lists, the active one
 *	PG_REFERENCED	accessed once since it came or was last asked
 *	PG_UNEVICTABLE	never to be looked at: nothing sets it yet
 *
 * The lists are kept only when memory->lru_enabled, which lru_enable() sets before there are any user pages: without
 * reclaim or tiers nothing needs them, and a fault then pays one test. All of these do nothing without it.
 *
 * A list holds heads, linked by page->next and page->prev. Freeing takes a folio off its list (put_page()).
 */
#ifndef MM_LRU_H
#define MM_LRU_H

#include "mm/mm_inline.h"

/* Before the first user page. */
void lru_enable(struct memory *mem);

void folio_add_lru_slow(struct memory *mem, pfn_t head);
/* A fresh folio, mapped or in the cache, goes to the inactive list of its kind. */
static inline void folio_add_lru(struct memory *mem, pfn_t head)
{
	if (unlikely(mem->lru_enabled))
		folio_add_lru_slow(mem, head);
}

/* Second access: to the active list. First: PG_REFERENCED. (folio_mark_accessed) */
void folio_mark_accessed(struct memory *mem, pfn_t head);
void folio_activate(struct memory *mem, pfn_t head);
void folio_deactivate(struct memory *mem, pfn_t head);

/* Off the list, for one who will put it back or free it. False: it is on none. */
bool folio_isolate_lru(struct memory *mem, pfn_t head);
/* Back to the young end of the list that its flags name. */
void folio_putback_lru(struct memory *mem, pfn_t head);

/* Pages on one list of a node. */
static inline uint64_t lruvec_lru_size(const struct pglist_data *pgdat, enum lru_list lru)
{
	return pgdat->vm_stat[NR_INACTIVE_ANON + lru];
}

/* Has the list so few inactive pages that active ones must come down? lru: one of the inactive lists. */
bool inactive_is_low(const struct pglist_data *pgdat, enum lru_list lru);

/* Every list: links, flags, nodes, counts. */
bool lru_consistent(const struct memory *mem);

#endif
