/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Collects what an unmapping takes away, so that the TLBs are told once. Kernel counterpart: mm/mmu_gather.c,
 * include/asm-generic/tlb.h, arch/x86/include/asm/tlb.h.
 *
 * Modelled: the range that grows with each entry and each freed table (a freed table makes it start at the first address
 * that the table could map, so that most unmappings that free one flush all); the stride; the flush in between
 * when the batches are full or a dirty file page was unmapped.
 * Simplified: pages and tables are freed at once, not behind the flush; a folio mapped by base pages takes a place
 * in the batches for each of them.
 *
 *	tlb_gather_mmu(&tlb, mm); tlb_remove_tlb_entry(&tlb, ...), tlb_remove_page(&tlb) ... tlb_finish_mmu(&tlb);
 */
#ifndef MM_MMU_GATHER_H
#define MM_MMU_GATHER_H

#include "mm/mm_types.h"

/* Invariant: nothing gathered <=> cleared == 0; then start > end. */
struct mmu_gather {
	struct mm_struct *mm;
	uint64_t start, end;	/* [start, end) is to be flushed */
	uint32_t nr_pages;	/* in the batches */
	uint8_t cleared;	/* bit l: an entry of level l went */
	bool freed_tables;
	bool fullmm;		/* the address space ends */
};

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm);
void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mm_struct *mm);
/* A present entry of that level, which maps addr, went. */
void tlb_remove_tlb_entry(struct mmu_gather *tlb, uint64_t addr, unsigned level);
/* A page that an entry mapped goes: flushes when the batches are full. */
void tlb_remove_page(struct mmu_gather *tlb);
/* The table of that level that maps addr goes. */
void tlb_free_table(struct mmu_gather *tlb, uint64_t addr, unsigned level);
/* Flushes what has been gathered, if anything, and starts anew. */
void tlb_flush_mmu(struct mmu_gather *tlb);
void tlb_finish_mmu(struct mmu_gather *tlb);

#endif
