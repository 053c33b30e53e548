/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A walk over the page-table entries of a range. Kernel counterpart: mm/pagewalk.c, and the loops of
 * mm/mprotect.c and mm/madvise.c.
 *
 * Modelled: every entry that is not empty, in order of address; a huge entry that lies in the range
 * only in part is split first. Left out: holes, tables above the lowest as entries of their own.
 */
#ifndef MM_PAGEWALK_H
#define MM_PAGEWALK_H

#include "mm/mm_types.h"
#include "mm/pgtable.h"

/* table->ent[index] maps addr. It may change the entry, but not free the table. */
typedef void pte_entry_fn(void *ctx, struct pgtable *table, unsigned index, uint64_t addr);

/* [start, end) lies in vma, page aligned. */
void walk_page_range_vma(struct vm_area_struct *vma, uint64_t start, uint64_t end,
			 pte_entry_fn *entry, void *ctx);
/* The same, but a huge entry that lies in the range only in part is left out. */
void walk_page_range_whole(struct vm_area_struct *vma, uint64_t start, uint64_t end, pte_entry_fn *entry, void *ctx);

#endif
