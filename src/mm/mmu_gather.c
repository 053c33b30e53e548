/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Gathering what to flush: see mmu_gather.h. */
#include "mm/mmu_gather.h"

#include "mm/quicklist.h"
#include "mm/tlbflush.h"

/*
 * Pages that the batches hold: 8 beside the struct and 19 tables of 510 (MAX_GATHER_BATCH_COUNT = 10000 / 510),
 * each full when one place is left.
 */
#define GATHER_MAX_PAGES (7 + 19 * 509)

static void reset(struct mmu_gather *tlb)
{
	tlb->start = UINT64_MAX;
	tlb->end = 0;
	tlb->nr_pages = 0;
	tlb->cleared = 0;
	tlb->freed_tables = false;
}

void tlb_gather_mmu(struct mmu_gather *tlb, struct mm_struct *mm)
{
	*tlb = (struct mmu_gather){ .mm = mm };
	reset(tlb);
}

void tlb_gather_mmu_fullmm(struct mmu_gather *tlb, struct mm_struct *mm)
{
	tlb_gather_mmu(tlb, mm);
	tlb->fullmm = true;
}

/* __tlb_adjust_range() */
static void adjust_range(struct mmu_gather *tlb, uint64_t start, uint64_t size, unsigned level)
{
	tlb->start = start < tlb->start ? start : tlb->start;
	tlb->end = start + size > tlb->end ? start + size : tlb->end;
	tlb->cleared |= (uint8_t)(1u << level);
}

void tlb_remove_tlb_entry(struct mmu_gather *tlb, uint64_t addr, unsigned level)
{
	uint64_t size = 1ull << tlb->mm->mem->geo->level[level].shift;

	adjust_range(tlb, addr & ~(size - 1), size, level);
}

void tlb_remove_page(struct mmu_gather *tlb)
{
	if (++tlb->nr_pages == GATHER_MAX_PAGES)
		tlb_flush_mmu(tlb);
}

void tlb_free_table(struct mmu_gather *tlb, uint64_t addr, unsigned level)
{
	const struct geometry *geo = tlb->mm->mem->geo;
	uint64_t span = 1ull << geo->level[level + 1].shift;

	adjust_range(tlb, addr & ~(span - 1), 1ull << geo->page_shift, level + 1);
	tlb->freed_tables = true;
}

/* tlb_get_unmap_shift(): the smallest pages that went */
static unsigned stride_shift(const struct mmu_gather *tlb)
{
	return tlb->mm->mem->geo->level[__builtin_ctz(tlb->cleared)].shift;
}

void tlb_flush_mmu(struct mmu_gather *tlb)
{
	tlb->nr_pages = 0;
	if (!tlb->cleared)
		return;
	if (tlb->fullmm)
		flush_tlb_mm_range(tlb->mm, 0, UINT64_MAX, stride_shift(tlb), tlb->freed_tables);
	else
		flush_tlb_mm_range(tlb->mm, tlb->start, tlb->end, stride_shift(tlb), tlb->freed_tables);
	reset(tlb);
}

void tlb_finish_mmu(struct mmu_gather *tlb)
{
	struct memory *mem = tlb->mm->mem;

	tlb_flush_mmu(tlb);
	if (unlikely(mem->quicklists))
		quicklist_trim(mem, mem->cpu);
}
