/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * mprotect. Kernel counterpart: mm/mprotect.c, mm/huge_memory.c (change_huge_pmd).
 *
 * Modelled: areas split and merge, the commit grows when private memory becomes writable, entries
 * change at once.
 * An entry becomes writable here, and not at its next write fault, when that fault would only say
 * yes: a private page that is this process's alone (PG_ANON_EXCLUSIVE), a shared page that is dirty
 * already. One flush at the end.
 * Left out: protection keys, soft-dirty, userfaultfd.
 */
#include <errno.h>

#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/mmu_gather.h"
#include "mm/pagewalk.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"

/* Entry bits that a change of protection leaves as they are (_PAGE_CHG_MASK). */
#define PTE_CHG_MASK (PTE_PFN_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL)

/* One area of a call. */
struct change_state {
	struct mmu_gather *tlb;
	struct vm_area_struct *vma;
	uint64_t newprot;  /* vma_page_prot() of the area as it is now */
	bool try_writable; /* MM_CP_TRY_CHANGE_WRITABLE */
};

static bool can_change_pte_writable(const struct vm_area_struct *vma, pte_t pte)
{
	const struct memory *mem = vma->vm_mm->mem;
	const struct page *page;

	if (pte.pte & PTE_PROTNONE)
		return false;
	if (vma->vm_flags & VM_SHARED)
		return pte_dirty(pte);
	if (pte.pte & PTE_SPECIAL || pte_pfn(pte) == mem->huge_zero_pfn)
		return false;
	page = pfn_to_page(mem, pte_pfn(pte));
	return (page->flags & (PG_ANON | PG_ANON_EXCLUSIVE)) == (PG_ANON | PG_ANON_EXCLUSIVE);
}

static pte_t pte_modify(const struct change_state *c, pte_t old)
{
	pte_t pte = {(old.pte & PTE_CHG_MASK) | c->newprot};

	if (c->try_writable && !pte_write(pte) && can_change_pte_writable(c->vma, pte))
		pte.pte |= PTE_WRITE;
	return pte;
}

static void change_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	const struct change_state *c = ctx;
	pte_t old = table->ent[index], new;

	if (!pte_present(old))
		return;
	new = pte_modify(c, old);
	pte_set(table, index, new);
	if (old.pte & PTE_PRESENT && old.pte != new.pte)
		tlb_remove_tlb_entry(c->tlb, addr, table->level);
}

/*
 * Private memory always wants a look at each entry, shared memory when its file wants to know of
 * writes.
 */
static bool vma_wants_manual_pte_write_upgrade(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED ? vma_wants_writenotify(vma) : vma->vm_flags & VM_WRITE;
}

static void change_protection(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start,
			      uint64_t end)
{
	struct change_state c = {
		.tlb = tlb,
		.vma = vma,
		.newprot = vma_page_prot(vma),
		.try_writable = vma_wants_manual_pte_write_upgrade(vma),
	};

	if (unlikely(is_vm_hugetlb_page(vma)))
		hugetlb_change_protection(vma, start, end);
	else
		walk_page_range_vma(vma, start, end, change_entry, &c);
}

/* The new flags of the area, and the pages to account. False: the commit limit forbids. */
static bool account_change(const struct vm_area_struct *vma, uint64_t nr_pages, uint64_t *newflags,
			   uint64_t *ret_charged)
{
	uint64_t oldflags = vma->vm_flags;
	struct mm_struct *mm = vma->vm_mm;

	*ret_charged = 0;
	if (!(*newflags & VM_WRITE)) {
		if (oldflags & VM_ACCOUNT && vma_is_anonymous(vma) && !vma->anon_vma)
			*newflags &= ~VM_ACCOUNT;
		return true;
	}
	if (!may_expand_vm(mm, *newflags, nr_pages) && may_expand_vm(mm, oldflags, nr_pages))
		return false;
	if (oldflags & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE))
		return true;
	if (!vm_enough_memory(mm, nr_pages))
		return false;
	*ret_charged = nr_pages;
	*newflags |= VM_ACCOUNT;
	return true;
}

/* [start, end) of vma. *pprev is its neighbour below, afterwards the area that holds the range. */
static int mprotect_fixup(struct mmu_gather *tlb, struct vm_area_struct *vma,
			  struct vm_area_struct **pprev, uint64_t start, uint64_t end,
			  uint64_t newflags)
{
	struct mm_struct *mm = tlb->mm;
	uint64_t oldflags = vma->vm_flags, charged;
	uint64_t nr_pages = (end - start) >> mm->mem->geo->page_shift;
	int err;

	if (newflags == oldflags) {
		*pprev = vma;
		return 0;
	}
	if (!account_change(vma, nr_pages, &newflags, &charged))
		return -ENOMEM;
	err = vma_modify_flags(*pprev, vma, start, end, newflags, &vma);
	if (err) {
		vm_unacct_memory(mm->mem, charged);
		return err;
	}
	*pprev = vma;
	vma->vm_flags = newflags;
	change_protection(tlb, vma, start, end);
	if (oldflags & VM_ACCOUNT && !(newflags & VM_ACCOUNT))
		vm_unacct_memory(mm->mem, nr_pages);
	vm_stat_account(mm, oldflags, -(int64_t)nr_pages);
	vm_stat_account(mm, newflags, (int64_t)nr_pages);
	/* Locked private memory becomes writable: the copies are made now. */
	if ((oldflags & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED && newflags & VM_WRITE)
		mm_populate(mm, start, end, true);
	return 0;
}

static uint64_t prot_flags(uint64_t prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* Area by area from the first one on; stops at a hole. */
static int mprotect_areas(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start,
			  uint64_t end, uint64_t access)
{
	struct vm_area_struct *prev = start > vma->vm_start ? vma : vma_prev(vma);
	int err;

	for (;;) {
		uint64_t newflags = access | (vma->vm_flags & ~VM_ACCESS_FLAGS);
		uint64_t tmp = vma->vm_end < end ? vma->vm_end : end;

		/* VM_MAY* stand four bits above what they allow. */
		if (access & ~(vma->vm_flags >> 4) & VM_ACCESS_FLAGS)
			return -EACCES;
		err = mprotect_fixup(tlb, vma, &prev, start, tmp, newflags);
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

int do_mprotect(struct mm_struct *mm, uint64_t start, uint64_t len, uint64_t prot)
{
	uint64_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP), end;
	struct vm_area_struct *vma;
	struct mmu_gather tlb;
	int err;

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || !page_aligned(mm, start))
		return -EINVAL;
	if (!len)
		return 0;
	end = start + page_align(mm, len);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */))
		return -EINVAL;
	vma = find_vma_intersection(mm, start, end);
	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		start = vma->vm_start;
		if (!(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
	} else if (vma->vm_start > start) {
		return -ENOMEM;
	} else if (grows & PROT_GROWSUP) {
		return -EINVAL;
	}
	tlb_gather_mmu(&tlb, mm);
	err = mprotect_areas(&tlb, vma, start, end, prot_flags(prot));
	tlb_finish_mmu(&tlb);
	return err;
}
