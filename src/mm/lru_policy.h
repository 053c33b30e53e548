/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A second way to keep folios by age, behind the same calls as active and inactive lists. Kernel counterpart:
 * include/linux/mm_inline.h and mm/vmscan.c, wherever they ask lru_gen_enabled().
 *
 * memory->lru_policy is NULL with active and inactive lists (mm/lru.c, mm/vmscan.c): those are called directly and pay one
 * predictable branch for the choice. The multi-generational lists (mm/lru_gen.c) fill in all members.
 *
 * Below everything that moves folios, because freeing a page takes it off its list.
 */
#ifndef MM_LRU_POLICY_H
#define MM_LRU_POLICY_H

#include "mm/memmap.h"

struct scan_control;	/* mm/vmscan-internal.h */
struct pgtable;
struct strbuf;

struct lru_policy {
	const char *name;
	/* A lruvec comes (zeroed, its lists empty, pgdat and memcg set) and goes (empty). */
	void (*init_lruvec)(struct memory *mem, struct lruvec *lruvec);
	void (*exit_lruvec)(struct memory *mem, struct lruvec *lruvec);
	/*
	 * Takes the folio in; its flags say what it is, PG_LRU has been set. tail: to the old end. false: not mine (unevictable):
	 * the caller puts it on the list that folio_lru_list() names. Counts with update_lru_size() on the
	 * lists that the kernel reports: active for the youngest generations. (lru_gen_add_folio)
	 */
	bool (*add_folio)(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool tail);
	/* Takes it out, PG_LRU is cleared by the caller. false: not mine. reclaiming: it is going to be freed. (lru_gen_del_folio) */
	bool (*del_folio)(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming);
	/* One access through the page cache, or of an unmapped entry. (folio_mark_accessed) */
	void (*mark_accessed)(struct memory *mem, pfn_t head);
	/* Forgets all uses. True: the folio is among the oldest, and needs no other place. (lru_gen_clear_refs) */
	bool (*clear_refs)(struct memory *mem, pfn_t head);
	/* dst takes the place of src, or is a part of it: with its uses. (folio_migrate_refs) */
	void (*copy_refs)(struct memory *mem, pfn_t dst, pfn_t src);
	/* A folio comes in by a fault: may set PG_ACTIVE and so choose its generation. (folio_add_lru) */
	void (*fault_in)(struct memory *mem, pfn_t head);
	/* A used entry was found by the rmap walk: looks at its neighbours. pages that were young. (lru_gen_look_around) */
	void (*look_around)(struct memory *mem, struct vm_area_struct *vma, uint64_t addr, struct pgtable *table, pfn_t head);
	/* shrink_folio_list() has found used entries: true to activate it, false to keep it. (lru_gen_set_refs) */
	bool (*set_refs)(struct memory *mem, pfn_t head);
	/* As workingset_eviction(), _refault() and _test_recent(), for lruvecs of this policy. */
	uint64_t (*eviction)(struct memory *mem, pfn_t head);
	void (*refault)(struct memory *mem, pfn_t head, uint64_t shadow);
	bool (*test_recent)(struct memory *mem, uint64_t shadow, bool file, struct lruvec **ret_lruvec, bool *ret_workingset);
	/* kswapd has woken: age what is too young to find anything. (lru_gen_age_node) */
	void (*age_node)(struct pglist_data *pgdat, struct scan_control *sc);
	/* All groups of a node, for reclaim of the machine. (lru_gen_shrink_node) */
	void (*shrink_node)(struct pglist_data *pgdat, struct scan_control *sc);
	/* One lruvec, for reclaim of a group. (lru_gen_shrink_lruvec) */
	void (*shrink_lruvec)(struct lruvec *lruvec, struct scan_control *sc);
	/* Lists, generations, counts. False with a line of what is wrong. */
	bool (*consistent)(const struct memory *mem, struct strbuf *why);
};

/* memcg NULL: the machine's own. Again for a lruvec that has been set up and is empty: no harm. */
static inline void lruvec_init(struct memory *mem, struct lruvec *lruvec, struct pglist_data *pgdat, struct zone *zone,
			       struct mem_cgroup *memcg)
{
	if (lruvec->gen)
		mem->lru_policy->exit_lruvec(mem, lruvec);
	*lruvec = (struct lruvec){.pgdat = pgdat, .zone = zone, .memcg = memcg};
	for (unsigned lru = 0; lru < NR_LRU_LISTS; lru++)
		pfn_list_init(&lruvec->lists[lru]);
	if (mem->lru_policy)
		mem->lru_policy->init_lruvec(mem, lruvec);
}

#endif
