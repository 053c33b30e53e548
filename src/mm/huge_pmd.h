/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One huge page-table entry (a leaf of level 1): mapping, copying, splitting, taking away. The faults and
 * policies that make such entries are in huge_memory. Kernel counterpart: mm/huge_memory.c (the pmd part).
 *
 * Modelled: the deposited table that each huge entry holds in store and that counts as page-table memory;
 * splitting an entry into base entries of the same folio; the huge zero page.
 * Splitting the folio itself is in split_folio.h. Left out: huge entries of files.
 */
#ifndef MM_HUGE_PMD_H
#define MM_HUGE_PMD_H

#include "mm/mm_types.h"
#include "mm/pgtable.h"
#include "mm/thp_orders.h"

/* Puts an empty table in store, as every huge entry must. False: no memory. */
bool pgtable_trans_huge_deposit(struct mm_struct *mm);
/* The same with a table that the address space has already, now empty. */
void pgtable_trans_huge_deposit_table(struct mm_struct *mm, struct pgtable *table);
struct pgtable *pgtable_trans_huge_withdraw(struct mm_struct *mm);

/* True when that is the entry of the huge zero page. */
static inline bool is_huge_zero_pmd(const struct memory *mem, pte_t pmd)
{
	return pte_present(pmd) && !pte_is_table(pmd) && pte_pfn(pmd) == mem->huge_zero_pfn;
}

/* Takes the huge entry away: counts, reverse map, reference, the table in store. */
void zap_huge_pmd(struct vm_area_struct *vma, struct pgtable *pmd, unsigned index);
/*
 * Replaces the huge entry by a table of base entries that map the same pages. The table in store is used. Entries of files
 * are taken away instead.
 */
void split_huge_pmd(struct vm_area_struct *vma, struct pgtable *pmd, unsigned index, uint64_t addr);
/* Splits the huge entry that maps addr, if there is one. */
void split_huge_pmd_at(struct vm_area_struct *vma, uint64_t addr);
/*
 * fork: gives dst the huge entry of src; both become read-only. Entries of files are left out: a fault brings them back.
 * -ENOMEM; -EAGAIN: making room has split the entry.
 */
int copy_huge_pmd(struct vm_area_struct *dst_vma, struct pgtable *dst, struct pgtable *src, unsigned index);

#endif
