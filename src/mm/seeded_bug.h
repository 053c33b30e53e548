/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Mistakes made on purpose, to see that the model's checks find them (tests/model/model-seeded_bugs.c). No kernel counterpart.
 *
 * Each row is one place in mm/ where SEEDED_BUG(mem, NAME) asks whether it is to go wrong; it does so once, and only
 * where the test asked for that row. Code that was built without -Dmm_debug has none of it: SEEDED_BUG() is false.
 *
 *	X(NAME, "what goes wrong")
 */
#ifndef MM_SEEDED_BUG_H
#define MM_SEEDED_BUG_H

#include "mm/mm_types.h"

#define SEEDED_BUGS(X) \
	X(RMAP_REMOVE, "an entry goes, the page stays counted as mapped by it") \
	X(RMAP_ADD, "an entry comes, the page is not counted as mapped by it") \
	X(RMAP_STAT, "a page is not mapped any more, nr_anon_pages or nr_mapped stays") \
	X(PAGE_REF, "fork copies an entry without a reference to its page") \
	X(COW_PROTECT, "fork leaves the parent's entry writable") \
	X(RSS, "an unmapped page stays in the resident size") \
	X(PTE_LEFT, "an unmapped entry stays in its table") \
	X(TABLE_COUNT, "a page table goes, nr_page_table_pages stays") \
	X(FREE_COUNT, "a free block is not counted in nr_free_pages") \
	X(PCP_COUNT, "a page leaves a per-cpu list that still counts it") \
	X(BUDDY_MERGE, "two free buddies are not merged") \
	X(LRU_LIST, "a folio leaves its list, which still counts it") \
	X(LRU_SIZE, "a folio comes to a list and is not counted") \
	X(LRU_ZONE, "a folio is counted in the wrong zone") \
	X(LRU_LOST, "reclaim does not put a folio back") \
	X(SWAP_DUP, "an entry names a slot that does not count it") \
	X(SWAP_FREE, "an entry that named a slot goes, the slot counts it still") \
	X(SWAP_CACHE, "a folio leaves the swap cache, which still names it") \
	X(DIRTY_LOST, "a file's page is dirty but has no tag") \
	X(DIRTY_COUNT, "a clean page stays in nr_dirty") \
	X(WRITEBACK_COUNT, "writeback ends, nr_writeback stays") \
	X(CACHE_COUNT, "a page leaves the page cache, nr_file_pages stays") \
	X(CACHE_SLOT, "a page leaves the page cache, whose tree still has it") \
	X(MEMCG_UNCHARGE, "a freed page stays charged to its group") \
	X(MEMCG_STAT, "a page is counted for its node but not for its group") \
	X(THP_ENTIRE, "a huge entry goes, the folio stays counted as mapped whole") \
	X(THP_SPLIT, "a huge entry is split, one of its pages loses its entry") \
	X(GEN_SIZE, "a folio changes its generation, which are not counted anew") \
	X(GEN_LIST, "a folio is not noted to be on the list that it is on") \
	X(MLOCK_COUNT, "an unlocked page stays in nr_mlock") \
	X(HUGETLB_COUNT, "a page comes back to its hugetlb pool, which does not count it as free") \
	X(HUGETLB_RESERVE, "a hugetlb page is taken for a reservation, which stays") \
	X(HUGETLB_USAGE, "a hugetlb page is unmapped and stays in hugetlb_usage") \
	X(COMPACT_LOST, "compaction does not give a free block back") \
	X(COMPACT_CUT, "compaction cuts a free block and loses a half")

enum seeded_bug {
	NO_SEEDED_BUG,
#define SEEDED_BUG_ENUM(NAME, what) BUG_##NAME,
	SEEDED_BUGS(SEEDED_BUG_ENUM)
#undef SEEDED_BUG_ENUM
	NR_SEEDED_BUGS
};

#ifdef MM_SEEDED_BUGS
static inline bool seeded_bug(const struct memory *mem, enum seeded_bug bug)
{
	struct memory *m = (struct memory *)(uintptr_t)mem;

	if (likely(m->seeded_bug != bug))
		return false;
	m->seeded_bug = NO_SEEDED_BUG;
	m->seeded_hits++;
	return true;
}
#define SEEDED_BUG(mem, NAME) unlikely(seeded_bug(mem, BUG_##NAME))
#else
#define SEEDED_BUG(mem, NAME) false
#endif

#endif
