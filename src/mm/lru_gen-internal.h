/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the parts of the multi-generational LRU share (mm/lru_gen*.c). Nobody else includes it. */
#ifndef MM_LRU_GEN_INTERNAL_H
#define MM_LRU_GEN_INTERNAL_H

#include "mm/lru_gen.h"
#include "mm/vmscan-internal.h"

#define MIN_LRU_BATCH	64u
#define MAX_LRU_BATCH	4096u
#define MAX_SWAPPINESS	200u

/* Kinds that may be evicted: with swappiness 0 files only, with SWAPPINESS_ANON_ONLY the other. */
static inline unsigned min_type(unsigned swappiness)
{
	return swappiness ? LRU_GEN_ANON : LRU_GEN_FILE;
}

static inline unsigned max_type(unsigned swappiness)
{
	return swappiness < SWAPPINESS_ANON_ONLY ? LRU_GEN_FILE : LRU_GEN_ANON;
}

static inline uint64_t evictable_min_seq(const struct lru_gen *gen, unsigned swappiness)
{
	uint64_t a = gen->min_seq[min_type(swappiness)], b = gen->min_seq[max_type(swappiness)];

	return a < b ? a : b;
}

/* ---- lru_gen.c ---- */

/* The generation that a folio with those flags comes into. */
uint64_t lru_gen_folio_seq(const struct lru_gen *gen, const struct page *page, bool reclaiming);
bool lru_gen_del_folio(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming);
/* To the list of its generation: the young end, or the old one. */
void lru_gen_move_folio(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool tail);
/* Another generation; the folio stays on the list where it is. */
void lru_gen_set_gen(struct memory *mem, struct lruvec *lruvec, pfn_t head, unsigned slot);
/* A touch through page tables: the second one makes it part of the working set (true). */
bool lru_gen_set_refs(struct memory *mem, pfn_t head);

/* ---- lru_gen-aging.c ---- */

/* Walks page tables if the policy does, and makes a new generation. False: `seq` is not the youngest any more. */
bool lru_gen_inc_max_seq(struct lruvec *lruvec, uint64_t seq, unsigned swappiness, bool force_scan);
/* Drops oldest generations that are empty. True: there was one. */
bool lru_gen_inc_min_seq(struct lruvec *lruvec, unsigned swappiness);
/* One generation further, with all that is used up to it: (folio_inc_gen). Returns the slot. */
unsigned lru_gen_inc_gen(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming);
void lru_gen_look_around(struct memory *mem, struct vm_area_struct *vma, uint64_t addr, struct pgtable *table, pfn_t head);

/* ---- lru_gen-evict.c ---- */

unsigned lru_gen_swappiness(const struct lruvec *lruvec, const struct scan_control *sc);
/* True: the lruvec was too young, aged, and should come last next time. */
bool lru_gen_try_to_shrink(struct lruvec *lruvec, struct scan_control *sc);
bool lru_gen_should_abort(const struct lruvec *lruvec, const struct scan_control *sc);
/* Pages that could be evicted by and by, as far as the priority asks for. */
uint64_t lru_gen_sizable(const struct lruvec *lruvec, const struct scan_control *sc);
uint64_t lru_gen_eviction(struct memory *mem, pfn_t head);
void lru_gen_refault(struct memory *mem, pfn_t head, uint64_t shadow);
bool lru_gen_test_recent(struct memory *mem, uint64_t shadow, bool file, struct lruvec **ret_lruvec,
			 bool *ret_workingset);

/* ---- lru_gen-memcg.c ---- */

void memcg_lru_add(struct memory *mem, struct lruvec *lruvec);
void memcg_lru_del(struct lruvec *lruvec);
bool memcg_lru_consistent(const struct pglist_data *pgdat, struct strbuf *why);
void lru_gen_age_node(struct pglist_data *pgdat, struct scan_control *sc);
void lru_gen_shrink_node(struct pglist_data *pgdat, struct scan_control *sc);
void lru_gen_shrink_lruvec(struct lruvec *lruvec, struct scan_control *sc);

#endif
