/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Entries move from one place of an address space to another: see move_page_tables.h. */
#include "mm/move_page_tables.h"

#include "mm/huge_pmd.h"
#include "mm/pgtable.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"

/* The largest table that moves whole is that of level 1, hung into level 2 (HAVE_MOVE_PUD). */
#define MOVE_LEVEL_MAX 2

enum move_step { MOVE_DONE, MOVE_FINER, MOVE_NO_MEMORY };

/* The part of the move that is left. */
struct move_state {
	struct mm_struct *mm;
	struct vm_area_struct *old_vma;
	uint64_t old_addr, old_end, new_addr;
};

/* No more than one entry of that level, on both sides. */
static uint64_t get_extent(const struct move_state *s, unsigned level)
{
	uint64_t size = 1ull << s->mm->mem->geo->level[level].shift;
	uint64_t extent = size - (s->old_addr & (size - 1));
	uint64_t room = size - (s->new_addr & (size - 1));

	if (extent > s->old_end - s->old_addr)
		extent = s->old_end - s->old_addr;
	return extent < room ? extent : room;
}

static void flush(const struct move_state *s, uint64_t len, unsigned level)
{
	flush_tlb_mm_range(s->mm, s->old_addr, s->old_addr + len,
			   s->mm->mem->geo->level[level].shift, false);
}

static enum move_step move_ptes(const struct move_state *s, struct pgtable *old, uint64_t extent)
{
	const struct geometry *geo = s->mm->mem->geo;
	struct pgtable *new = pgtable_alloc(s->mm, s->new_addr, 0);
	unsigned from = pte_index(geo, old, s->old_addr), to = geometry_index(geo, 0, s->new_addr);
	unsigned nr = (unsigned)(extent >> geo->page_shift);
	bool any = false;

	if (!new)
		return MOVE_NO_MEMORY;
	for (unsigned i = 0; i < nr && old->nr_used; i++) {
		pte_t pte = old->ent[from + i];

		if (pte_none(pte))
			continue;
		any |= pte_present(pte);
		pte_set(old, from + i, (pte_t){0});
		pte_set(new, to + i, pte);
	}
	if (any)
		flush(s, extent, 0);
	return MOVE_DONE;
}

/*
 * One entry of `level`, with all that hangs below it, when its whole extent moves and the target is
 * free.
 */
static enum move_step move_entry(const struct move_state *s, struct pgtable *old, uint64_t extent)
{
	const struct geometry *geo = s->mm->mem->geo;
	unsigned level = old->level, from = pte_index(geo, old, s->old_addr), to;
	struct pgtable *new = pgtable_alloc(s->mm, s->new_addr, level);
	pte_t entry = old->ent[from];

	if (!new)
		return MOVE_NO_MEMORY;
	to = pte_index(geo, new, s->new_addr);
	if (extent != 1ull << geo->level[level].shift || !pte_none(new->ent[to]))
		return MOVE_FINER;
	pte_set(old, from, (pte_t){0});
	pte_set(new, to, entry);
	flush(s, extent, pte_is_table(entry) ? 0 : level);
	return MOVE_DONE;
}

/*
 * The next piece. *ret_extent says how far it goes. A source entry that is none is skipped with the
 * extent of its level; no table is made for it.
 */
static enum move_step move_step(const struct move_state *s, uint64_t *ret_extent)
{
	const struct geometry *geo = s->mm->mem->geo;
	unsigned top = geo->nr_levels - 2 < MOVE_LEVEL_MAX ? geo->nr_levels - 2 : MOVE_LEVEL_MAX;
	struct pgtable *old = NULL;
	enum move_step step;

	for (unsigned level = top; level >= 1; level--) {
		*ret_extent = get_extent(s, level);
		old = pgtable_lookup(s->mm, s->old_addr, level);
		if (!old || pte_none(old->ent[pte_index(geo, old, s->old_addr)]))
			return MOVE_DONE;
		step = move_entry(s, old, *ret_extent);
		if (step != MOVE_FINER)
			return step;
	}
	if (geo->nr_levels <= 2) {
		*ret_extent = get_extent(s, 1);
		old = pgtable_lookup(s->mm, s->old_addr, 1);
	}
	if (pte_is_leaf(old->ent[pte_index(geo, old, s->old_addr)]))
		split_huge_pmd_at(s->old_vma, s->old_addr);
	old = pgtable_lookup(s->mm, s->old_addr, 0);
	return old ? move_ptes(s, old, *ret_extent) : MOVE_DONE;
}

/* addr is the start of its area, and nothing lies between the boundary below and it. */
static bool can_align_down(struct vm_area_struct *vma, uint64_t addr, uint64_t boundary)
{
	return vma->vm_start == addr && !find_vma_intersection(vma->vm_mm, boundary, vma->vm_start);
}

static void try_realign_addr(struct move_state *s, const struct pagetable_move_control *pmc)
{
	uint64_t size = 1ull << s->mm->mem->geo->level[1].shift;
	uint64_t below = s->old_addr & (size - 1);

	if (!below || pmc->len < size - below || below != (s->new_addr & (size - 1)))
		return;
	if (!can_align_down(pmc->old, s->old_addr, s->old_addr - below) ||
	    !can_align_down(pmc->new, s->new_addr, s->new_addr - below))
		return;
	s->old_addr -= below;
	s->new_addr -= below;
}

uint64_t move_page_tables(struct pagetable_move_control *pmc)
{
	struct move_state s = {
		.mm = pmc->old->vm_mm,
		.old_vma = pmc->old,
		.old_addr = pmc->old_addr,
		.old_end = pmc->old_addr + pmc->len,
		.new_addr = pmc->new_addr,
	};

	if (!pmc->len)
		return 0;
	try_realign_addr(&s, pmc);
	for (uint64_t extent = 0; s.old_addr < s.old_end;
	     s.old_addr += extent, s.new_addr += extent)
		if (move_step(&s, &extent) == MOVE_NO_MEMORY)
			return s.old_addr < pmc->old_addr ? 0 : s.old_addr - pmc->old_addr;
	return pmc->len;
}
