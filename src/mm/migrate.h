/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Moving a folio to other frames. Kernel counterpart: mm/migrate.c (migrate_pages, migrate_folio_unmap,
 * migrate_folio_move, remove_migration_ptes, folio_migrate_mapping, folio_migrate_flags), mm/rmap.c
 * (try_to_migrate_one), include/linux/migrate.h (struct movable_operations).
 *
 * Modelled: anonymous, file and shmem folios of any order, mapped by base or huge entries, by any number of areas;
 * what a migration entry keeps (young, dirty, write, exclusive) and what it loses (a NUMA hint); the slots of
 * page cache and swap cache; the counts of both nodes; the check of the reference count; batches with one flush behind them for
 * callers that do not wait (MIGRATE_ASYNC); folios that are split when there is no huge frame for them; pages of
 * the kernel that their owner can move (PG_MOVABLE_OPS).
 * Simplified: nothing waits, so nobody ever meets a migration entry and nothing is tried again; the batched flush is
 * one of each address space, not one of the union of their CPUs.
 * A folio that is partly unmapped moves whole (the kernel splits it first), and leaves the list of deferred splits.
 * Left out: buffer heads and file systems that refuse, hugetlb pages, device memory.
 *
 * A folio is moved with everything that belongs to it or not at all. Nobody but its mappings and the page cache may
 * hold a reference: one more is a pin, and refuses. The caller holds none.
 *
 * Interface:
 *   - migrate_folio(): one folio to frames that the caller allocated; counts as a batch of one
 *   - migrate_pages(): many, frames from a callback; migrate_folio_list(): the same for compaction
 *   - folio_movable(): may it be tried at all? (what the isolation of compaction and contig asks)
 */
#ifndef MM_MIGRATE_H
#define MM_MIGRATE_H

#include "mm/mm_types.h"

/* As enum migrate_reason of the kernel, in its order. */
enum migrate_reason {
	MR_COMPACTION, MR_MEMORY_FAILURE, MR_MEMORY_HOTPLUG, MR_SYSCALL, MR_MEMPOLICY_MBIND, MR_NUMA_MISPLACED,
	MR_CONTIG_RANGE, MR_LONGTERM_PIN, MR_DEMOTION, MR_DAMON, MR_TYPES
};

/*
 * Pages of the kernel's own that can be moved: flags have PG_MOVABLE_OPS, page->mapping is the number that
 * mapping_handle_alloc() gave this struct, _refcount is 1, order 0. The owner keeps the struct alive.
 */
struct movable_operations {
	/* Takes the page away from reclaimers of its own; false: not now. NULL: always. */
	bool (*isolate_page)(struct memory *mem, pfn_t pfn, void *ctx);
	/* The owner's references go over to dst; flags, mapping and index have been copied. False: refused. */
	bool (*migrate_page)(struct memory *mem, pfn_t dst, pfn_t src, void *ctx);
	/* Undoes isolate_page() after a refusal. NULL: nothing to do. */
	void (*putback_page)(struct memory *mem, pfn_t pfn, void *ctx);
	void *ctx;
};

/*
 * Gives frames for the folio `src` (its head): 2^order of them, fresh from alloc_pages() with __GFP_COMP for order > 0.
 * PFN_NONE: there are none.
 */
typedef pfn_t new_folio_fn(struct memory *mem, pfn_t src, void *ctx);

/*
 * True when the page is one that can be migrated: not free, reserved, a table, the kernel's, a zero page, or of a special
 * mapping; and without references that nobody explains. pfn may be any page of the folio.
 */
bool folio_movable(const struct memory *mem, pfn_t pfn);
/*
 * Moves the folio that starts at src to dst, which must be as new_folio_fn returns it. On success src is freed, and the
 * reference that dst came with belongs to its new users. On failure dst is the caller's as before.
 * Counts pgmigrate_success or pgmigrate_fail in base pages, and thp_migration_*.
 */
bool migrate_folio(struct memory *mem, pfn_t src, pfn_t dst, enum migrate_reason reason);
/*
 * Moves folios given by their heads; returns how many base pages moved. A large one for which new_folio() has nothing
 * is split and tried page by page, but not for MR_NUMA_MISPLACED.
 */
size_t migrate_pages(struct memory *mem, const pfn_t *folios, size_t nr, new_folio_fn *new_folio, void *ctx,
		     enum migrate_reason reason);

/* A run whose caller keeps the frames that were not used, and looks at what stayed behind. */
struct migrate_control {
	new_folio_fn *new_folio;
	void (*free_folio)(struct memory *mem, pfn_t dst, void *ctx);	/* takes a frame back; NULL: put_page() */
	void *ctx;
	enum migrate_reason reason;
	uint64_t nr_succeeded;		/* result: base pages that moved */
};

/*
 * As migrate_pages(). Folios that moved are PFN_NONE in the array afterwards, the others stay what they were.
 * 0: all moved; the number of folios that did not; -ENOMEM: new_folio() had nothing, those behind it were not tried.
 */
int64_t migrate_folio_list(struct memory *mem, pfn_t *folios, size_t nr, struct migrate_control *mc);

#endif
