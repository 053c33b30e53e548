/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * mremap. Kernel counterpart: mm/mremap.c of 6.18 (vma_remap_struct, mremap_at, mremap_to,
 * remap_move).
 *
 * Modelled: shrinking, growing in place (and into the next area), moving with or without a new
 * size, MREMAP_FIXED over what is there, several areas in one move, MREMAP_DONTUNMAP, copies of
 * shared memory (old_len 0); accounting and locked pages. Pages move without faults: see
 * move_page_tables.h.
 * Differs: shrinking while moving does not charge the difference again, as 6.18 does by mistake.
 * Left out: userfaultfd, mseal.
 */
#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/move_page_tables.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"

/* One mremap call. */
struct vma_remap_struct {
	struct mm_struct *mm;
	struct vm_area_struct *vma; /* the area at addr */
	uint64_t addr, old_len, new_len;
	uint64_t flags;	      /* MREMAP_* */
	uint64_t new_addr;    /* where it goes */
	uint64_t known_addr;  /* the kernel's own answer, 0: not known */
	uint64_t delta;	      /* bytes by which the size changes */
	uint64_t charged;     /* pages taken from the commit limit */
	bool populate_expand; /* locked: what was added is faulted in */
};

static bool implies_new_addr(const struct vma_remap_struct *vrm)
{
	return vrm->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

static int check_params(const struct vma_remap_struct *vrm)
{
	uint64_t user_end = vrm->mm->mem->geo->user_end;

	if (vrm->flags & ~(uint64_t)(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP) ||
	    !page_aligned(vrm->mm, vrm->addr) || !vrm->new_len || vrm->new_len > user_end)
		return -EINVAL;
	if (!implies_new_addr(vrm))
		return 0;
	if (vrm->new_addr > user_end - vrm->new_len || !page_aligned(vrm->mm, vrm->new_addr) ||
	    !(vrm->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (vrm->flags & MREMAP_DONTUNMAP && vrm->old_len != vrm->new_len)
		return -EINVAL;
	/* old and new may not overlap */
	if (vrm->addr + vrm->old_len > vrm->new_addr && vrm->new_addr + vrm->new_len > vrm->addr)
		return -EINVAL;
	return 0;
}

/* Areas of huge pages move and shrink by whole ones, and do not grow. */
static bool align_hugetlb(struct vma_remap_struct *vrm)
{
	uint64_t mask = huge_page_size(hstate_vma(vrm->vma)) - 1;

	vrm->old_len = (vrm->old_len + mask) & ~mask;
	vrm->new_len = (vrm->new_len + mask) & ~mask;
	return !(vrm->addr & mask) && !(implies_new_addr(vrm) && vrm->new_addr & mask) &&
	       vrm->new_len <= vrm->old_len;
}

/* May this area be remapped so? */
static int check_prep_vma(struct vma_remap_struct *vrm)
{
	const struct vm_area_struct *vma = vrm->vma;
	uint64_t old_len, pgoff;

	if (!vma)
		return -EFAULT;
	if (unlikely(is_vm_hugetlb_page(vma)) && !align_hugetlb(vrm))
		return -EINVAL;
	old_len = vrm->old_len;
	vrm->delta = old_len > vrm->new_len ? old_len - vrm->new_len : vrm->new_len - old_len;
	if (!implies_new_addr(vrm))
		vrm->new_addr = vrm->addr;
	if (vrm->new_len <= old_len && !implies_new_addr(vrm))
		return 0;
	if (!old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if (vrm->flags & MREMAP_DONTUNMAP && vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EINVAL;
	if (old_len > vrm->new_len)
		old_len = vrm->new_len;
	if (old_len > vma->vm_end - vrm->addr)
		return -EFAULT;
	if (vrm->new_len == old_len)
		return 0;
	if (vma->vm_flags & VM_LOCKED)
		vrm->populate_expand = true;
	pgoff = linear_page_index(vma, vrm->addr);
	if (pgoff + (vrm->new_len >> 12) < pgoff)
		return -EINVAL;
	if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EFAULT;
	if (!may_expand_vm(vrm->mm, vma->vm_flags, vrm->delta >> vrm->mm->mem->geo->page_shift))
		return -ENOMEM;
	return 0;
}

static bool calc_charge(struct vma_remap_struct *vrm)
{
	uint64_t bytes = vrm->flags & MREMAP_DONTUNMAP ? vrm->new_len : vrm->delta;

	if (!(vrm->vma->vm_flags & VM_ACCOUNT))
		return true;
	vrm->charged = bytes >> vrm->mm->mem->geo->page_shift;
	return vm_enough_memory(vrm->mm, vrm->charged);
}

static void stat_account(struct vma_remap_struct *vrm, uint64_t vm_flags, uint64_t bytes)
{
	uint64_t nr_pages = bytes >> vrm->mm->mem->geo->page_shift;

	vm_stat_account(vrm->mm, vm_flags, (int64_t)nr_pages);
	if (vm_flags & VM_LOCKED)
		vrm->mm->locked_vm += nr_pages;
}

/* Where to: what the flags or the trace say, else the highest hole. */
static int set_new_addr(struct vma_remap_struct *vrm)
{
	uint64_t want = vrm->flags & MREMAP_FIXED ? vrm->new_addr : vrm->known_addr;

	if (!want && vrm->flags & MREMAP_DONTUNMAP)
		want = vrm->new_addr;
	if (!(vrm->flags & MREMAP_FIXED) && want &&
	    find_vma_intersection(vrm->mm, want, want + vrm->new_len))
		want = 0;
	if (!want)
		want = get_unmapped_area(vrm->mm, vrm->vma->vm_mapping, 0, vrm->new_len,
					 linear_page_index(vrm->vma, vrm->addr),
					 vrm->vma->vm_flags & VM_MAYSHARE);
	if (!want)
		return -ENOMEM;
	if (want > vrm->mm->mem->geo->user_end - vrm->new_len)
		return -ENOMEM;
	vrm->new_addr = want;
	return 0;
}

/* The reservations of what moved belong to the new area alone. False: the area could not be split. */
static bool disown_source(struct vma_remap_struct *vrm)
{
	struct vm_area_struct *vma = vrm->vma, *upper;

	if (vma->vm_start < vrm->addr && split_vma_unchecked(&vma, vrm->addr))
		return false;
	upper = vma;
	if (vma->vm_end > vrm->addr + vrm->old_len && split_vma_unchecked(&upper, vrm->addr + vrm->old_len))
		return false;
	clear_vma_resv_huge_pages(vma);
	return true;
}

/*
 * Unmaps the source without giving its commit back: that went with the pages. So VM_ACCOUNT is away
 * for a moment, and what stays of the area gets it back.
 */
static void unmap_source_vma(struct vma_remap_struct *vrm)
{
	struct vm_area_struct *vma = vrm->vma, *rest;
	struct mm_struct *mm = vrm->mm;
	uint64_t addr = vrm->addr, end = addr + vrm->old_len;
	uint64_t vm_start = vma->vm_start, vm_end = vma->vm_end;
	bool accounted = vma->vm_flags & VM_ACCOUNT && !(vrm->flags & MREMAP_DONTUNMAP);

	if (!vrm->old_len)
		return;
	if (unlikely(is_vm_hugetlb_page(vma)) && !disown_source(vrm))
		return;
	if (accounted)
		vma->vm_flags &= ~VM_ACCOUNT;
	if (do_munmap(mm, addr, vrm->old_len)) {
		/* the area could not be split: the accounts at least shall be right */
		mm->mem->vm_committed_as += vrm->old_len >> mm->mem->geo->page_shift;
		return;
	}
	if (!accounted)
		return;
	if (vm_start < addr) {
		rest = find_vma_intersection(mm, addr - 1, addr);
		rest->vm_flags |= VM_ACCOUNT;
	}
	if (vm_end > end) {
		rest = find_vma_intersection(mm, end, end + 1);
		rest->vm_flags |= VM_ACCOUNT;
	}
}

/* The source stays as an area without pages. */
static void dontunmap_complete(struct vma_remap_struct *vrm, struct vm_area_struct *new_vma)
{
	struct vm_area_struct *vma = vrm->vma;

	vma->vm_flags &= ~VM_LOCKED_MASK;
	if (new_vma != vma && vrm->addr == vma->vm_start && vrm->addr + vrm->old_len == vma->vm_end)
		unlink_anon_vmas(vma);
}

/*
 * Moves the pages; when memory for tables runs out, back again, and then it is the new area that
 * goes.
 */
static int move_data(struct vma_remap_struct *vrm, struct vm_area_struct *new_vma)
{
	struct pagetable_move_control pmc = {
		.old = vrm->vma,
		.new = new_vma,
		.old_addr = vrm->addr,
		.new_addr = vrm->new_addr,
		.len = vrm->old_len,
	};
	uint64_t moved;

	if (unlikely(is_vm_hugetlb_page(vrm->vma)))
		return move_hugetlb_page_tables(vrm->vma, vrm->addr, vrm->new_addr, vrm->old_len) ? 0 : -ENOMEM;
	moved = move_page_tables(&pmc);
	if (moved >= vrm->old_len)
		return 0;
	pmc = (struct pagetable_move_control){
		.old = new_vma,
		.new = vrm->vma,
		.old_addr = vrm->new_addr,
		.new_addr = vrm->addr,
		.len = moved,
	};
	move_page_tables(&pmc);
	vrm->vma = new_vma;
	vrm->old_len = vrm->new_len;
	vrm->addr = vrm->new_addr;
	return -ENOMEM;
}

static bool may_split(const struct vma_remap_struct *vrm)
{
	const struct vm_area_struct *vma = vrm->vma;

	return !(vma->vm_flags & VM_SPECIAL_MAP) ||
	       (vma->vm_start == vrm->addr && vma->vm_end == vrm->addr + vrm->old_len);
}

static int move_vma(struct vma_remap_struct *vrm)
{
	struct mm_struct *mm = vrm->mm;
	uint64_t pgoff = linear_page_index(vrm->vma, vrm->addr), vm_flags = vrm->vma->vm_flags;
	uint64_t hiwater_vm = mm->hiwater_vm;
	struct vm_area_struct *new_vma;
	int err;

	/* A copy that does not merge, and a source that is cut in two: two areas more. */
	if (mm->map_count + 3 >= mm->mem->conf.max_map_count)
		return -ENOMEM;
	if (!may_split(vrm))
		return -EINVAL;
	if (!calc_charge(vrm))
		return -ENOMEM;
	new_vma = copy_vma(&vrm->vma, vrm->new_addr, vrm->new_len, pgoff);
	if (!new_vma) {
		vm_unacct_memory(mm->mem, vrm->charged);
		return -ENOMEM;
	}
	err = move_data(vrm, new_vma);
	stat_account(vrm, vm_flags, vrm->new_len);
	if (!err && vrm->flags & MREMAP_DONTUNMAP)
		dontunmap_complete(vrm, new_vma);
	else
		unmap_source_vma(vrm);
	mm->hiwater_vm = hiwater_vm;
	return err;
}

static int shrink_vma(struct vma_remap_struct *vrm)
{
	int err = do_munmap(vrm->mm, vrm->addr + vrm->new_len, vrm->delta);

	vrm->vma = vma_lookup(vrm->mm, vrm->addr);
	return err;
}

static int mremap_to(struct vma_remap_struct *vrm)
{
	int err;

	/* Unmapping what is there may make two areas more, and the move the others. */
	if (vrm->mm->map_count + 5 >= vrm->mm->mem->conf.max_map_count)
		return -ENOMEM;
	if (vrm->flags & MREMAP_FIXED) {
		err = do_munmap(vrm->mm, vrm->new_addr, vrm->new_len);
		if (err)
			return err;
		vrm->vma = vma_lookup(vrm->mm, vrm->addr);
		if (!vrm->vma)
			return -EFAULT;
	}
	if (vrm->old_len > vrm->new_len) {
		err = shrink_vma(vrm);
		if (err)
			return err;
		vrm->old_len = vrm->new_len;
		vrm->delta = 0;
	}
	if (vrm->flags & MREMAP_DONTUNMAP &&
	    !may_expand_vm(vrm->mm, vrm->vma->vm_flags,
			   vrm->old_len >> vrm->mm->mem->geo->page_shift))
		return -ENOMEM;
	err = set_new_addr(vrm);
	return err ? err : move_vma(vrm);
}

static bool can_expand_in_place(const struct vma_remap_struct *vrm)
{
	const struct vm_area_struct *vma = vrm->vma;
	uint64_t end = vma->vm_end + vrm->delta;

	if (vrm->known_addr && vrm->known_addr != vrm->addr)
		return false;
	return vma->vm_end - vrm->addr == vrm->old_len && end > vma->vm_end &&
	       end <= vrm->mm->mem->geo->user_end &&
	       !find_vma_intersection(vrm->mm, vma->vm_end, end);
}

static int expand_vma_in_place(struct vma_remap_struct *vrm)
{
	struct vm_area_struct *vma;

	if (!calc_charge(vrm))
		return -ENOMEM;
	vma = vma_merge_extend(vrm->vma, vrm->delta);
	if (!vma) {
		vm_unacct_memory(vrm->mm->mem, vrm->charged);
		return -ENOMEM;
	}
	vrm->vma = vma;
	stat_account(vrm, vma->vm_flags, vrm->delta);
	return 0;
}

static int mremap_at(struct vma_remap_struct *vrm)
{
	int err;

	if (vrm->new_len == vrm->old_len)
		return 0;
	if (vrm->new_len < vrm->old_len)
		return shrink_vma(vrm);
	if (can_expand_in_place(vrm))
		return expand_vma_in_place(vrm);
	if (!(vrm->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	err = set_new_addr(vrm);
	return err ? err : move_vma(vrm);
}

/*
 * Same size to a fixed place: all areas of the range go, and the holes between them stay as they
 * were.
 */
static int remap_move(struct vma_remap_struct *vrm)
{
	uint64_t start = vrm->addr, end = start + vrm->old_len, offset = vrm->new_addr - start;
	struct vm_area_struct *vma = find_vma(vrm->mm, start);
	int err;

	if (!vma || vma->vm_start > start)
		return -EFAULT;
	for (uint64_t pos = start; pos < end; vma = find_vma_intersection(vrm->mm, pos, end)) {
		if (!vma)
			break;
		vrm->vma = vma;
		vrm->addr = vma->vm_start > pos ? vma->vm_start : pos;
		vrm->old_len = vrm->new_len = (vma->vm_end < end ? vma->vm_end : end) - vrm->addr;
		vrm->new_addr = vrm->addr + offset;
		pos = vrm->addr + vrm->old_len;
		err = check_prep_vma(vrm);
		if (!err)
			err = mremap_to(vrm);
		if (err)
			return err;
	}
	vrm->new_addr = start + offset;
	return 0;
}

int64_t do_mremap(struct mm_struct *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
		  uint64_t flags, uint64_t new_addr)
{
	struct vma_remap_struct vrm = {
		.mm = mm,
		.addr = addr,
		.old_len = page_align(mm, old_len),
		.new_len = page_align(mm, new_len),
		.flags = flags,
		.new_addr = new_addr,
		/* no kernel answers with half a page: a trace that does knows nothing */
		.known_addr = page_aligned(mm, new_addr) ? new_addr : 0,
	};
	int err = check_params(&vrm);

	if (err)
		return err;
	if (flags & MREMAP_FIXED && vrm.old_len == vrm.new_len) {
		err = remap_move(&vrm);
	} else {
		vrm.vma = vma_lookup(mm, addr);
		err = check_prep_vma(&vrm);
		if (!err)
			err = implies_new_addr(&vrm) ? mremap_to(&vrm) : mremap_at(&vrm);
	}
	if (err)
		return err;
	if (vrm.populate_expand)
		mm_populate(mm, vrm.new_addr + vrm.old_len, vrm.new_addr + vrm.new_len, true);
	return (int64_t)vrm.new_addr;
}
