/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Address spaces that khugepaged is to scan: see mm_slot.h. */
#include "mm/mm_slot.h"

#include "mm/thp_orders.h"

static void enter(struct mm_struct *mm)
{
	list_add_tail(&mm->khugepaged_slot, &mm->mem->khugepaged.slots);
}

void khugepaged_enter_vma(struct vm_area_struct *vma)
{
	const struct memory *mem = vma->vm_mm->mem;

	if (!khugepaged_has(vma->vm_mm) && hugepage_pmd_enabled(mem) &&
	    thp_vma_allowable_order(vma, TVA_KHUGEPAGED, hpage_order(mem)))
		enter(vma->vm_mm);
}

void khugepaged_fork(struct mm_struct *mm, const struct mm_struct *oldmm)
{
	if (khugepaged_has(oldmm))
		enter(mm);
}

void khugepaged_next_mm(struct khugepaged *k)
{
	struct list_head *next = k->at->khugepaged_slot.next;

	k->at = next == &k->slots ? NULL : list_entry(next, struct mm_struct, khugepaged_slot);
	k->address = 0;
	k->full_scans += !k->at;
}

void khugepaged_exit(struct mm_struct *mm)
{
	struct khugepaged *k = &mm->mem->khugepaged;

	if (!khugepaged_has(mm))
		return;
	if (k->at == mm)
		khugepaged_next_mm(k);
	list_del(&mm->khugepaged_slot);
	mm->khugepaged_slot.next = NULL;
}

bool khugepaged_consistent(const struct memory *mem)
{
	const struct khugepaged *k = &mem->khugepaged;
	const struct list_head *pos;
	uint64_t on_list = 0, marked = 0;
	bool found = !k->at;

	list_for_each(pos, &mem->mms)
		marked += khugepaged_has(list_entry(pos, struct mm_struct, mmlist));
	list_for_each(pos, &k->slots) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, khugepaged_slot);

		found |= mm == k->at;
		on_list++;
	}
	return found && on_list == marked;
}
