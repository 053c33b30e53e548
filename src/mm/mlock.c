/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * mlock, munlock, mlockall. Kernel counterpart: mm/mlock.c.
 *
 * Modelled: areas split and merge, locked_vm, populating. Simplified: the caller has CAP_IPC_LOCK,
 * so that RLIMIT_MEMLOCK never forbids. Pages that are mapped already go to the unevictable list or
 * come back from it; large folios only where a huge entry maps them, as in the kernel.
 */
#include <errno.h>

#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/pagewalk.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"

bool mm_populate(struct mm_struct *mm, uint64_t start, uint64_t end, bool ignore_errors)
{
	bool ok = true;

	for (struct vm_area_struct *vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = vma_next(vma)) {
		uint64_t from = vma->vm_start > start ? vma->vm_start : start;
		uint64_t to = vma->vm_end < end ? vma->vm_end : end;

		if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT))
			continue;
		if (populate_range(mm, from, to, POPULATE_AREA) >= to)
			continue;
		ok = false;
		if (!ignore_errors)
			break;
	}
	return ok;
}

struct mlock_walk {
	struct vm_area_struct *vma;
	struct memory *mem;
};

static void mlock_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	const struct mlock_walk *w = ctx;
	pte_t pte = table->ent[index];
	pfn_t pfn;

	(void)addr;
	if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
		return;
	pfn = pte_pfn(pte);
	if (pfn == w->mem->huge_zero_pfn || (!table->level && pfn_to_page(w->mem, pfn)->flags & (PG_HEAD | PG_TAIL)))
		return;
	if (w->vma->vm_flags & VM_LOCKED)
		mlock_folio(w->mem, pfn);
	else
		munlock_folio(w->mem, pfn);
}

/* What is mapped already is locked or unlocked. */
static void mlock_vma_pages_range(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	struct mlock_walk w = {.vma = vma, .mem = vma->vm_mm->mem};

	if (w.mem->lru_enabled && !(vma->vm_flags & (VM_SPECIAL | VM_HUGETLB)))
		walk_page_range_whole(vma, start, end, mlock_entry, &w);
}

/* [start, end) of vma gets newflags. *pprev as in mprotect. */
static int mlock_fixup(struct vm_area_struct *vma, struct vm_area_struct **pprev, uint64_t start,
		       uint64_t end, uint64_t newflags)
{
	struct mm_struct *mm = vma->vm_mm;
	uint64_t oldflags = vma->vm_flags;
	uint64_t nr_pages = (end - start) >> mm->mem->geo->page_shift;
	int err = 0;

	if (newflags != oldflags && !(oldflags & VM_SPECIAL)) {
		err = vma_modify_flags(*pprev, vma, start, end, newflags, &vma);
		if (err)
			goto out;
		if (!(newflags & VM_LOCKED))
			mm->locked_vm -= nr_pages;
		else if (!(oldflags & VM_LOCKED))
			mm->locked_vm += nr_pages;
		vma->vm_flags = newflags;
		if ((newflags ^ oldflags) & VM_LOCKED)
			mlock_vma_pages_range(vma, start, end);
	}
out:
	*pprev = vma;
	return err;
}

static int apply_vma_lock_flags(struct mm_struct *mm, uint64_t start, uint64_t end, uint64_t flags)
{
	struct vm_area_struct *prev, *vma = vma_lookup(mm, start);
	int err;

	if (!vma)
		return -ENOMEM;
	prev = start > vma->vm_start ? vma : vma_prev(vma);
	for (;;) {
		uint64_t tmp = vma->vm_end < end ? vma->vm_end : end;

		err = mlock_fixup(vma, &prev, start, tmp,
				  (vma->vm_flags & ~VM_LOCKED_MASK) | flags);
		if (err)
			return err;
		start = prev->vm_end > tmp ? prev->vm_end : tmp;
		if (start >= end)
			return 0;
		vma = vma_next(prev);
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

/* The range in whole pages. False: nothing to do, *ret_err says why. */
static bool lock_range(const struct mm_struct *mm, uint64_t *addr, uint64_t *ret_end, uint64_t len,
		       int *ret_err)
{
	uint64_t offset = *addr & (page_size(mm) - 1);

	*addr -= offset;
	*ret_end = *addr + page_align(mm, len + offset);
	*ret_err = *ret_end < *addr ? -EINVAL : 0;
	return *ret_end > *addr;
}

int do_mlock(struct mm_struct *mm, uint64_t addr, uint64_t len, bool onfault)
{
	uint64_t end;
	int err;

	if (!lock_range(mm, &addr, &end, len, &err))
		return err;
	err = apply_vma_lock_flags(mm, addr, end, VM_LOCKED | (onfault ? VM_LOCKONFAULT : 0));
	if (err)
		return err;
	return mm_populate(mm, addr, end, false) ? 0 : -ENOMEM;
}

int do_munlock(struct mm_struct *mm, uint64_t addr, uint64_t len)
{
	uint64_t end;
	int err;

	if (!lock_range(mm, &addr, &end, len, &err))
		return err;
	return apply_vma_lock_flags(mm, addr, end, 0);
}

/* Merging takes areas away, so each step starts from the one that is certainly there. */
static void lock_all_areas(struct mm_struct *mm, uint64_t flags)
{
	struct vm_area_struct *prev = NULL, *vma = first_vma(mm);

	while (vma) {
		if (mlock_fixup(vma, &prev, vma->vm_start, vma->vm_end,
				(vma->vm_flags & ~VM_LOCKED_MASK) | flags))
			prev = vma;
		vma = vma_next(prev);
	}
}

int do_mlockall(struct mm_struct *mm, uint64_t flags)
{
	uint64_t to_add = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);

	if (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	mm->def_flags &= ~VM_LOCKED_MASK;
	if (flags & MCL_FUTURE)
		mm->def_flags |= to_add;
	if (flags & MCL_FUTURE && !(flags & MCL_CURRENT))
		return 0;
	lock_all_areas(mm, flags & MCL_CURRENT ? to_add : 0);
	if (flags & MCL_CURRENT)
		mm_populate(mm, 0, mm->mem->geo->user_end, true);
	return 0;
}
