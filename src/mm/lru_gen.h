/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Generations: the second way to keep folios by age (reclaim.policy=mglru). Kernel counterpart:
 * include/linux/mmzone.h and mm_inline.h (CONFIG_LRU_GEN), the parts of mm/swap.c, mm/workingset.c and mm/vmscan.c
 * that begin with lru_gen_.
 *
 * A generation is what was young at about the same time. The youngest has the number max_seq, the oldest of a kind
 * (anonymous, file) min_seq; generation `seq` stands in slot seq % MAX_NR_GENS. Aging (lru_gen-aging.c) walks page
 * tables, moves what was touched to the youngest and then makes a new one; eviction (lru_gen-evict.c) takes from the
 * oldest. Inside a generation, tiers tell how often a folio was used through file descriptors; a controller compares
 * how much of each tier comes back after it was evicted and protects tiers that come back more than the first.
 *
 *	MIN_NR_GENS <= max_seq - min_seq[kind] + 1 <= MAX_NR_GENS
 *	nr_pages[gen][kind][zone] = pages of the folios whose generation is gen, on whatever list they stand
 *	lruvec->nr_pages[active list of kind] = those of the two youngest, the inactive list: of the others
 *
 * page_gen[head] (a byte beside mem_map):
 *	bits 0-2	generation's slot + 1, 0: in none
 *	bits 3-4	uses through file descriptors beyond the first, which is PG_REFERENCED (LRU_REFS_MASK)
 *	bits 5-6	slot on whose list the folio is linked: a walk of page tables changes the generation alone, and the
 *			folio moves to that list when eviction meets it
 *
 * As the kernel has it: PG_ACTIVE is set only while a folio is on no list; a touch that a walk finds first sets
 * PG_REFERENCED and only the next one PG_WORKINGSET and the youngest generation.
 *
 * Modelled: generations, tiers and their controller; aging by walks over the page tables of all address spaces that ran,
 * with Bloom filters of tables that are worth it; looking around a used entry that the reverse map found; both kinds of
 * shadow entries (lru_gen_eviction, lru_gen_refault); min_ttl_ms; groups in the order of lru_gen_rotate_memcg().
 * Simplified: a walk is never cut short by others; sizes change at once, not in batches; the filters know a table by its
 * address space and address; upper entries of page tables have no accessed bit: with LRU_GEN_NONLEAF_YOUNG, tables
 * without young entries are not counted as looked at, which is all that this bit changes; an address space that runs
 * while it is walked counts as having run after. Left out: debugfs, switching at run time, secondary MMUs (KVM).
 *
 * Interface: lru_gen_setup() makes memory->lru_policy this one, through which everybody else calls (mm/lru_policy.h).
 */
#ifndef MM_LRU_GEN_H
#define MM_LRU_GEN_H

#include "mm/mm_inline.h"

#define MIN_NR_GENS	2u
#define MAX_NR_GENS	4u
#define MAX_NR_TIERS	4u
#define LRU_REFS_WIDTH	2u

/* Bits of lru_gen/enabled, the key reclaim.lru_gen */
#define LRU_GEN_CORE		(1u << 0)	/* generations at all */
#define LRU_GEN_MM_WALK		(1u << 1)	/* aging walks page tables */
#define LRU_GEN_NONLEAF_YOUNG	(1u << 2)	/* ... and leaves out tables with nothing young in them */

enum lru_gen_type { LRU_GEN_ANON, LRU_GEN_FILE, NR_LRU_GEN_TYPES };

#define PAGE_GEN_MASK		7u
#define PAGE_GEN_REFS_SHIFT	3
#define PAGE_GEN_REFS_MASK	(3u << PAGE_GEN_REFS_SHIFT)
#define PAGE_GEN_LIST_SHIFT	5
#define PAGE_GEN_LIST_MASK	(3u << PAGE_GEN_LIST_SHIFT)

/* Bloom filters of page tables worth a walk: 2^15 bits, two keys an item. */
#define BLOOM_FILTER_SHIFT	15
#define BLOOM_FILTER_WORDS	((1u << BLOOM_FILTER_SHIFT) / 64)
#define NR_BLOOM_FILTERS	2u

/* Groups in the order in which they are reclaimed: lru_gen-memcg.c. */
#define MEMCG_NR_GENS		3u
#define MEMCG_NR_BINS		8u

/* Of one lruvec. */
struct lru_gen {
	uint64_t max_seq, min_seq[NR_LRU_GEN_TYPES];
	uint64_t timestamps_ns[MAX_NR_GENS];	/* when each became the youngest */
	struct pfn_list folios[MAX_NR_GENS][NR_LRU_GEN_TYPES][MAX_NR_ZONES];
	uint64_t nr_pages[MAX_NR_GENS][NR_LRU_GEN_TYPES][MAX_NR_ZONES];
	/* pages, by tier: averages over the generations before, and of the oldest one now */
	uint64_t avg_refaulted[NR_LRU_GEN_TYPES][MAX_NR_TIERS], avg_total[NR_LRU_GEN_TYPES][MAX_NR_TIERS];
	uint64_t protected[NR_LRU_GEN_TYPES][MAX_NR_TIERS];
	uint64_t evicted[NR_LRU_GEN_TYPES][MAX_NR_TIERS], refaulted[NR_LRU_GEN_TYPES][MAX_NR_TIERS];
	/* walks of page tables */
	uint64_t mm_seq;			/* walks over all address spaces that ended */
	uint32_t last_mm_id;			/* address spaces behind it came after the last walk */
	uint64_t *filters[NR_BLOOM_FILTERS];	/* NULL: every table is worth it */
	uint64_t walk_tables, walk_tables_kept;	/* tables looked through; of these, noted for the next walk */
	uint64_t walk_entries, walk_young;	/* entries looked at, and those that were young */
	/* the node's list of groups */
	struct list_head memcg_list;
	uint8_t memcg_gen, memcg_bin, memcg_seg;
	bool memcg_listed;
	struct lruvec *lruvec;
};

/* Groups of one node, by generation and bin; the old end of a bin is reclaimed first. */
struct memcg_lru {
	uint64_t seq;
	uint64_t nr_memcgs[MEMCG_NR_GENS];
	struct list_head fifo[MEMCG_NR_GENS][MEMCG_NR_BINS];
};

static inline bool lru_gen_enabled(const struct memory *mem)
{
	return mem->page_gen;
}

static inline unsigned lru_gen_from_seq(uint64_t seq)
{
	return (unsigned)(seq % MAX_NR_GENS);
}

static inline unsigned lru_gen_type(const struct page *head)
{
	return !(head->flags & PG_SWAPBACKED);
}

/* -1: in none. */
static inline int folio_lru_gen(const struct memory *mem, pfn_t head)
{
	return (int)(mem->page_gen[head] & PAGE_GEN_MASK) - 1;
}

static inline unsigned folio_gen_list(const struct memory *mem, pfn_t head)
{
	return mem->page_gen[head] >> PAGE_GEN_LIST_SHIFT & 3u;
}

/* Uses through file descriptors, 0 to 4. */
static inline unsigned folio_lru_refs(const struct memory *mem, pfn_t head)
{
	if (!(mem->mem_map[head].flags & PG_REFERENCED))
		return 0;
	return ((mem->page_gen[head] & PAGE_GEN_REFS_MASK) >> PAGE_GEN_REFS_SHIFT) + 1;
}

static inline void folio_set_lru_refs(const struct memory *mem, pfn_t head, unsigned refs)
{
	mem->page_gen[head] = (uint8_t)((mem->page_gen[head] & ~PAGE_GEN_REFS_MASK) | refs << PAGE_GEN_REFS_SHIFT);
}

/* 0 and 1 use: tier 0, 2: tier 1, 3 and 4: tier 2; the workingset is the highest. */
static inline unsigned lru_tier_from_refs(unsigned refs, bool workingset)
{
	return workingset ? MAX_NR_TIERS - 1 : refs < 2 ? 0 : refs == 2 ? 1 : 2;
}

static inline unsigned lru_gen_nr_gens(const struct lru_gen *gen, unsigned type)
{
	return (unsigned)(gen->max_seq - gen->min_seq[type] + 1);
}

extern const struct lru_policy lru_gen_policy;

/* Before lru_enable(). caps: LRU_GEN_*, nothing happens without LRU_GEN_CORE. */
void lru_gen_setup(struct memory *mem, unsigned caps, uint64_t min_ttl_ns);
/* Once all folios are gone. The policy stays: it takes lists of groups down yet. */
void lru_gen_teardown(struct memory *mem);

/* The two youngest count as active. */
static inline bool lru_gen_is_active(const struct lru_gen *gen, unsigned slot)
{
	return slot == lru_gen_from_seq(gen->max_seq) || slot == lru_gen_from_seq(gen->max_seq - 1);
}

#endif
