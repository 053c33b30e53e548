/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The lists by which reclaim finds old folios. Kernel counterpart: mm/swap.c, parts of mm/vmscan.c (folio_isolate_lru,
 * folio_putback_lru, inactive_is_low), mm/mlock.c (mlock_folio, munlock_folio).
 *
 * Modelled: inactive and active lists of anonymous and of file folios, and the unevictable list, per lruvec (mm_inline.h);
 * new folios start inactive; a second folio_mark_accessed() activates (an unmapped file page that was used counts as one
 * access); lazily freed anonymous folios on the inactive list of files; rotation to the old end; the ratio of active to
 * inactive that shrinking keeps; what reclaim of anonymous and of file folios cost lately; locked folios.
 * Simplified: a folio is on its list at once, without the batches of each CPU (lru_add, activate, deactivate); whether a
 * folio is still locked when one locked area lets go of it, the rmap walk tells, not a count.
 *
 *	PG_LRU		on a list of its lruvec: exactly one, the one that folio_lru_list() names (or the policy's)
 *	PG_ACTIVE	of two lists, the active one
 *	PG_REFERENCED	accessed once since it came or was last asked
 *	PG_WORKINGSET	was active once, and went or was brought down
 *	PG_UNEVICTABLE	on the unevictable list, never looked at by reclaim
 *	PG_MLOCKED	mapped by a locked area: goes to the unevictable list
 *	PG_RECLAIM	when its writeback ends, to the old end
 *
 * The lists are kept only when memory->lru_enabled, which lru_enable() sets before there are any user pages: without
 * reclaim or tiers nothing needs them, and a fault then pays one test. All of these do nothing without it.
 *
 * A list holds heads, linked by page->next and page->prev. Freeing takes a folio off its list (put_page()).
 */
#ifndef MM_LRU_H
#define MM_LRU_H

#include "mm/mm_inline.h"

/* Before the first user page; after mem->lru_policy is chosen. */
void lru_enable(struct memory *mem);
/* Before memory_destroy(): what the policy keeps. */
void lru_disable(struct memory *mem);

void folio_add_lru_slow(struct memory *mem, pfn_t head);
/*
 * A fresh folio, mapped or in the cache (and charged), goes to the list of its kind: inactive unless PG_ACTIVE is set
 * (workingset_refault()).
 */
static inline void folio_add_lru(struct memory *mem, pfn_t head)
{
	if (unlikely(mem->lru_enabled))
		folio_add_lru_slow(mem, head);
}

void mlock_new_folio(struct memory *mem, pfn_t head);
/* The same for a fresh folio that the area has just mapped: of a locked area it is locked. (folio_add_lru_vma) */
static inline void folio_add_lru_vma(struct memory *mem, pfn_t head, const struct vm_area_struct *vma)
{
	if (likely(!mem->lru_enabled))
		return;
	if (unlikely((vma->vm_flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED))
		mlock_new_folio(mem, head);
	else
		folio_add_lru_slow(mem, head);
}

void mlock_folio(struct memory *mem, pfn_t head);
void munlock_folio(struct memory *mem, pfn_t head);
/* A page of the folio is now mapped by the area. Large folios are locked by entries of the whole folio only. */
static inline void mlock_vma_folio(struct memory *mem, pfn_t head, const struct vm_area_struct *vma)
{
	if (unlikely((vma->vm_flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED) && mem->lru_enabled)
		mlock_folio(mem, head);
}
/* The area maps it no more: stays locked while another locked area maps it (who calls sees to that: mm/rmap.h). */
static inline void munlock_vma_folio(struct memory *mem, pfn_t head, const struct vm_area_struct *vma)
{
	if (unlikely(vma->vm_flags & VM_LOCKED) && mem->lru_enabled)
		munlock_folio(mem, head);
}

/* Second access: to the active list. First: PG_REFERENCED. (folio_mark_accessed) */
void folio_mark_accessed(struct memory *mem, pfn_t head);
void folio_activate(struct memory *mem, pfn_t head);
/* MADV_COLD, fadvise: from the active to the inactive list. */
void folio_deactivate(struct memory *mem, pfn_t head);
/* DONTNEED of a file page that could not be dropped: inactive, at the old end; under writeback when that ends. (deactivate_file_folio) */
void deactivate_file_folio(struct memory *mem, pfn_t head);
/* MADV_FREE: clean anonymous memory that may be dropped without swapping. Takes PG_SWAPBACKED away. */
void folio_mark_lazyfree(struct memory *mem, pfn_t head);
/* Writeback of a folio with PG_RECLAIM has ended: to the old end, to go next. Clears PG_RECLAIM. */
void folio_rotate_reclaimable(struct memory *mem, pfn_t head);

/* Off the list, for one who will put it back or free it. No reference is taken. False: it is on none. */
bool folio_isolate_lru(struct memory *mem, pfn_t head);
/* Back to the young end of the list that its flags name; unevictable ones to theirs. */
void folio_putback_lru(struct memory *mem, pfn_t head);
/* Not locked. */
static inline bool folio_evictable(const struct page *head)
{
	return !(head->flags & PG_MLOCKED);
}

/* Has the list so few inactive pages that active ones must come down? lru: one of the inactive lists. */
bool inactive_is_low(struct lruvec *lruvec, enum lru_list lru);

/* Calls fn for every lruvec of the machine, by node, zone and group. */
void for_each_lruvec(const struct memory *mem, void (*fn)(struct lruvec *lruvec, void *ctx), void *ctx);
/* Every list: links, flags, lruvecs, counts. */
bool lru_consistent(const struct memory *mem);

#endif
