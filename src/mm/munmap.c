/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * munmap, and the end of an address space. Kernel counterpart: mm/vma.c (do_vmi_align_munmap),
 * mm/mmap.c (exit_mmap). One gathering for all areas of the range, so that the TLBs are told once.
 */
#include "mm/munmap.h"

#include <errno.h>

#include "mm/mmap.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"
#include "mm/zap.h"

static int split_edges(struct mm_struct *mm, struct vm_area_struct *vma, uint64_t start,
		       uint64_t end)
{
	int err;

	if (start > vma->vm_start) {
		/*
		 * A hole in the middle makes one area more; map_count may pass its limit only for a
		 * moment.
		 */
		if (end < vma->vm_end && mm->map_count >= mm->mem->conf.max_map_count)
			return -ENOMEM;
		err = split_vma_unchecked(&vma, start);
		if (err)
			return err;
	}
	if (vma->vm_end < end)
		vma = find_vma_intersection(mm, end - 1, end);
	return vma && vma->vm_end > end ? split_vma_unchecked(&vma, end) : 0;
}

int vms_gather_munmap_vmas(struct vma_munmap_struct *vms, struct mm_struct *mm, uint64_t start,
			   uint64_t end)
{
	struct vm_area_struct *vma = find_vma_intersection(mm, start, end);
	int err;

	*vms = (struct vma_munmap_struct){.mm = mm, .start = start, .end = end};
	if (!vma) {
		vms->next = find_vma_prev(mm, start, &vms->prev);
		return 0;
	}
	err = split_edges(mm, vma, start, end);
	if (err)
		return err;
	vms->first = find_vma(mm, start);
	vms->prev = vma_prev(vms->first);
	for (vma = vms->first; vma && vma->vm_start < end; vma = vma_next(vma)) {
		vms->nr_pages += vma_pages(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			vms->nr_accounted += vma_pages(vma);
	}
	vms->next = vma;
	return 0;
}

void vms_complete_munmap_vmas(struct vma_munmap_struct *vms, uint64_t keep_accounted)
{
	struct mm_struct *mm = vms->mm;
	struct vm_area_struct *vma = vms->first, *next;
	uint64_t start, end = vms->start;
	struct mmu_gather tlb;

	if (!vma)
		return;
	start = vma->vm_start;
	tlb_gather_mmu(&tlb, mm);
	for (; vma != vms->next; vma = vma_next(vma)) {
		unmap_page_range(&tlb, vma, vma->vm_start, vma->vm_end, false);
		end = vma->vm_end;
	}
	free_pgd_range(&tlb, start, end, vms->prev ? vms->prev->vm_end : 0,
		       vms->next ? vms->next->vm_start : 0);
	tlb_finish_mmu(&tlb);
	if (mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
	for (vma = vms->first; vma != vms->next; vma = next) {
		next = vma_next(vma);
		vm_stat_account(mm, vma->vm_flags, -(int64_t)vma_pages(vma));
		if (vma->vm_flags & VM_LOCKED)
			mm->locked_vm -= vma_pages(vma);
		vma_unlink(vma);
		remove_vma(vma);
	}
	vm_unacct_memory(mm->mem, vms->nr_accounted - keep_accounted);
}

int do_munmap(struct mm_struct *mm, uint64_t addr, uint64_t len)
{
	const struct geometry *geo = mm->mem->geo;
	struct vma_munmap_struct vms;
	int err;

	if (!page_aligned(mm, addr) || addr > geo->user_end || len > geo->user_end - addr || !len)
		return -EINVAL;
	err = vms_gather_munmap_vmas(&vms, mm, addr, addr + page_align(mm, len));
	if (!err)
		vms_complete_munmap_vmas(&vms, 0);
	return err;
}

void exit_mmap(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *next;
	uint64_t nr_accounted = 0;
	struct mmu_gather tlb;

	tlb_gather_mmu_fullmm(&tlb, mm);
	for (vma = first_vma(mm); vma; vma = vma_next(vma))
		unmap_page_range(&tlb, vma, vma->vm_start, vma->vm_end, false);
	if (mm->map_count)
		free_pgd_range(&tlb, 0, mm->mem->geo->user_end, 0, 0);
	enter_lazy_tlb(mm);
	tlb_finish_mmu(&tlb);
	tlb_mm_exit(mm);
	for (vma = first_vma(mm); vma; vma = next) {
		next = vma_next(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			nr_accounted += vma_pages(vma);
		vma_unlink(vma);
		remove_vma(vma);
	}
	mm->total_vm = mm->data_vm = mm->exec_vm = mm->stack_vm = mm->locked_vm = 0;
	vm_unacct_memory(mm->mem, nr_accounted);
}
