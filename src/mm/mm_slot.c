/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Address spaces that khugepaged is to scan: see mm_slot.h. */
#include "mm/mm_slot.h"

#include <stdlib.h>

#include "mm/thp_orders.h"

static struct khugepaged *get_khugepaged(struct memory *mem)
{
	if (!mem->khugepaged) {
		mem->khugepaged = xcalloc(1, sizeof(*mem->khugepaged));
		list_init(&mem->khugepaged->slots);
	}
	return mem->khugepaged;
}

static void enter(struct mm_struct *mm)
{
	struct khugepaged_mm_slot *slot = xcalloc(1, sizeof(*slot));

	slot->mm = mm;
	list_add_tail(&slot->node, &get_khugepaged(mm->mem)->slots);
	mm->khugepaged_slot = slot;
}

void khugepaged_enter_vma(struct vm_area_struct *vma)
{
	const struct memory *mem = vma->vm_mm->mem;

	if (!vma->vm_mm->khugepaged_slot && hugepage_pmd_enabled(mem) &&
	    thp_vma_allowable_order(vma, TVA_KHUGEPAGED, hpage_order(mem)))
		enter(vma->vm_mm);
}

void khugepaged_fork(struct mm_struct *mm, const struct mm_struct *oldmm)
{
	if (oldmm->khugepaged_slot)
		enter(mm);
}

/* The scan goes on with the slot behind the one that goes. */
static void skip_slot(struct khugepaged *k, struct khugepaged_mm_slot *slot)
{
	if (k->at != slot)
		return;
	k->at = slot->node.next == &k->slots ? NULL : list_entry(slot->node.next, struct khugepaged_mm_slot, node);
	k->address = 0;
	k->full_scans += !k->at;
}

void khugepaged_exit(struct mm_struct *mm)
{
	struct khugepaged_mm_slot *slot = mm->khugepaged_slot;

	if (!slot)
		return;
	skip_slot(mm->mem->khugepaged, slot);
	list_del(&slot->node);
	mm->khugepaged_slot = NULL;
	free(slot);
}

void khugepaged_finish(struct memory *mem)
{
	struct list_head *pos, *next;

	if (!mem->khugepaged)
		return;
	list_for_each_safe(pos, next, &mem->khugepaged->slots)
		free(list_entry(pos, struct khugepaged_mm_slot, node));
	free(mem->khugepaged);
	mem->khugepaged = NULL;
}

bool khugepaged_consistent(const struct memory *mem)
{
	const struct list_head *pos;
	uint64_t slots = 0, mms = 0;
	bool found = !mem->khugepaged || !mem->khugepaged->at;

	list_for_each(pos, &mem->mms)
		mms += list_entry(pos, struct mm_struct, mmlist)->khugepaged_slot != NULL;
	if (!mem->khugepaged)
		return !mms;
	list_for_each(pos, &mem->khugepaged->slots) {
		const struct khugepaged_mm_slot *slot = list_entry(pos, struct khugepaged_mm_slot, node);

		if (slot->mm->khugepaged_slot != slot)
			return false;
		found |= slot == mem->khugepaged->at;
		slots++;
	}
	return found && slots == mms;
}
