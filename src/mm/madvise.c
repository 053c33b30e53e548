/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * madvise. Kernel counterpart: mm/madvise.c of 6.18.
 *
 * Modelled: the advice that changes areas (they split and merge), DONTNEED, REMOVE, POPULATE_READ
 * and _WRITE.
 * FREE: the pages stay until memory is short, so only their accessed and dirty bits go.
 * COLD and PAGEOUT: the accessed bits go; nothing is reclaimed (there is no reclaim yet).
 * Both on part of a huge page: the entry is split, but not the folio (the kernel then drops pages
 * full of zeroes).
 * WILLNEED: files are read ahead.
 * COLLAPSE: nothing is collapsed.
 * Left out: guard regions, memory failure, names of anonymous areas: -EINVAL.
 */
#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/hugetlb_pool.h"
#include "mm/mmap.h"
#include "mm/pagewalk.h"
#include "mm/read_write.h"
#include "mm/rmap.h"
#include "mm/truncate.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"
#include "mm/writeback.h"
#include "mm/zap.h"

/* [start, end) lies in vma. *pprev is the area before, afterwards the one that holds the range. */
struct madvise_state {
	struct vm_area_struct *vma, *prev;
	uint64_t start, end;
	int advice;
	struct mmu_gather tlb; /* of the whole call */
};

/* The flags that the advice leaves. A negative errno when it does not go with the area. */
static int advised_flags(const struct vm_area_struct *vma, int advice, uint64_t *ret_flags)
{
	uint64_t f = vma->vm_flags;

	switch (advice) {
	case MADV_NORMAL:
		f &= ~(VM_RAND_READ | VM_SEQ_READ);
		break;
	case MADV_SEQUENTIAL:
		f = (f & ~VM_RAND_READ) | VM_SEQ_READ;
		break;
	case MADV_RANDOM:
		f = (f & ~VM_SEQ_READ) | VM_RAND_READ;
		break;
	case MADV_DONTFORK:
		f |= VM_DONTCOPY;
		break;
	case MADV_DOFORK:
		if (f & VM_IO)
			return -EINVAL;
		f &= ~VM_DONTCOPY;
		break;
	case MADV_WIPEONFORK:
		if (vma->vm_mapping || f & VM_SHARED)
			return -EINVAL;
		f |= VM_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		f &= ~VM_WIPEONFORK;
		break;
	case MADV_DONTDUMP:
		f |= VM_DONTDUMP;
		break;
	case MADV_DODUMP:
		if (f & VM_SPECIAL)
			return -EINVAL;
		f &= ~VM_DONTDUMP;
		break;
	case MADV_MERGEABLE:
		if (!(f & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL | VM_HUGETLB)))
			f |= VM_MERGEABLE;
		break;
	case MADV_UNMERGEABLE:
		f &= ~VM_MERGEABLE;
		break;
	case MADV_HUGEPAGE:
		f = (f & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
		break;
	case MADV_NOHUGEPAGE:
		f = (f & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
		break;
	default:
		return -EINVAL;
	}
	*ret_flags = f;
	return 0;
}

static int madvise_update_vma(struct madvise_state *m)
{
	uint64_t flags;
	int err = advised_flags(m->vma, m->advice, &flags);

	if (err || flags == m->vma->vm_flags)
		return err;
	err = vma_modify_flags(m->prev, m->vma, m->start, m->end, flags, &m->vma);
	if (!err)
		m->vma->vm_flags = flags;
	return err == -ENOMEM ? -EAGAIN : err;
}

static int madvise_dontneed(struct madvise_state *m)
{
	uint64_t forbidden = VM_PFNMAP | (m->advice == MADV_DONTNEED_LOCKED ? 0 : VM_LOCKED);

	if (m->vma->vm_flags & forbidden)
		return -EINVAL;
	if (unlikely(is_vm_hugetlb_page(m->vma))) {
		uint64_t mask = huge_page_size(hstate_vma(m->vma)) - 1;

		if (m->start & mask)
			return -EINVAL;
		m->end &= ~mask;
	}
	unmap_page_range(&m->tlb, m->vma, m->start, m->end, true);
	return 0;
}

/* What to take from each entry. */
struct clear_state {
	struct mmu_gather *tlb;
	struct vm_area_struct *vma;
	uint64_t bits; /* PTE_ACCESSED, PTE_DIRTY */
	bool lazyfree;
};

static void clear_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	const struct clear_state *c = ctx;
	struct memory *mem = c->vma->vm_mm->mem;
	pte_t pte = table->ent[index];

	if (!pte_present(pte) || pte.pte & PTE_SPECIAL || pte_pfn(pte) == mem->huge_zero_pfn)
		return;
	if (c->lazyfree)
		folio_cancel_dirty(mem, folio_pfn(mem, pte_pfn(pte)));
	if (!(pte.pte & c->bits))
		return;
	pte.pte &= ~c->bits;
	pte_set(table, index, pte);
	tlb_remove_tlb_entry(c->tlb, addr, table->level);
}

static void clear_range(struct madvise_state *m, uint64_t bits, bool lazyfree)
{
	struct clear_state c = {.tlb = &m->tlb, .vma = m->vma, .bits = bits, .lazyfree = lazyfree};

	walk_page_range_vma(m->vma, m->start, m->end, clear_entry, &c);
}

static int madvise_free(struct madvise_state *m)
{
	if (m->vma->vm_flags & (VM_PFNMAP | VM_LOCKED) || !vma_is_anonymous(m->vma))
		return -EINVAL;
	clear_range(m, PTE_ACCESSED | PTE_DIRTY, true);
	return 0;
}

static int madvise_cold(struct madvise_state *m)
{
	if (m->vma->vm_flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB))
		return -EINVAL;
	clear_range(m, PTE_ACCESSED, false);
	tlb_flush_mmu(&m->tlb); /* this one area by area */
	return 0;
}

/* Punches a hole into the file behind a shared mapping. */
static int madvise_remove(struct madvise_state *m)
{
	struct address_space *mapping = m->vma->vm_mapping;
	struct memory *mem = m->vma->vm_mm->mem;
	uint64_t first = linear_page_index(m->vma, m->start), nr = (m->end - m->start) >> 12;

	if (m->vma->vm_flags & VM_LOCKED || !mapping || mapping->is_special)
		return -EINVAL;
	if ((m->vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	truncate_punch_hole(mem, mapping, first << 12, (first + nr) << 12);
	return 0;
}

/* A file is read ahead. */
static int madvise_willneed(struct madvise_state *m)
{
	struct address_space *mapping = m->vma->vm_mapping;
	struct memory *mem = m->vma->vm_mm->mem;

	if (mapping && !mapping->is_shmem && !mapping->is_special)
		force_readahead(mem, mapping, file_index(mem, linear_page_index(m->vma, m->start)),
				(m->end - m->start) >> mem->geo->page_shift);
	return 0;
}

static int madvise_vma(struct madvise_state *m)
{
	switch (m->advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return madvise_dontneed(m);
	case MADV_FREE:
		return madvise_free(m);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return madvise_cold(m);
	case MADV_REMOVE:
		return madvise_remove(m);
	case MADV_WILLNEED:
		return madvise_willneed(m);
	case MADV_COLLAPSE:
		return 0;
	default:
		return madvise_update_vma(m);
	}
}

static bool madvise_valid(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
	case MADV_COLLAPSE:
		return true;
	default:
		return false;
	}
}

/* Area by area; holes are remembered and skipped. */
static int madvise_walk_vmas(struct madvise_state *m, uint64_t start, uint64_t end)
{
	struct mm_struct *mm = m->tlb.mm;
	int hole = 0, err;

	while (start < end) {
		m->vma = find_vma(mm, start);
		if (!m->vma)
			return -ENOMEM;
		if (m->vma->vm_start > start) {
			hole = -ENOMEM;
			start = m->vma->vm_start;
			continue;
		}
		m->prev = start > m->vma->vm_start ? m->vma : vma_prev(m->vma);
		m->start = start;
		m->end = m->vma->vm_end < end ? m->vma->vm_end : end;
		err = madvise_vma(m);
		if (err)
			return err;
		start = m->vma->vm_end > m->end ? m->vma->vm_end : m->end;
	}
	return hole;
}

static int madvise_areas(struct mm_struct *mm, uint64_t start, uint64_t end, int advice)
{
	struct madvise_state m = {.advice = advice};
	int err;

	tlb_gather_mmu(&m.tlb, mm);
	err = madvise_walk_vmas(&m, start, end);
	tlb_finish_mmu(&m.tlb);
	return err;
}

/*
 * A hole is -ENOMEM, an area that forbids -EINVAL, and one whose fault fails (behind the file's
 * end) -EFAULT.
 */
static int madvise_populate(struct mm_struct *mm, uint64_t start, uint64_t end,
			    enum populate_how how)
{
	uint64_t done = populate_range(mm, start, end, how);
	uint64_t needed = how == POPULATE_WRITE ? VM_WRITE : VM_ACCESS_FLAGS;
	const struct vm_area_struct *vma;

	if (done >= end)
		return 0;
	vma = vma_lookup(mm, done);
	if (!vma)
		return -ENOMEM;
	return vma->vm_flags & (VM_IO | VM_PFNMAP) || !(vma->vm_flags & needed) ? -EINVAL : -EFAULT;
}

int do_madvise(struct mm_struct *mm, uint64_t start, uint64_t len, int advice)
{
	uint64_t end = start + page_align(mm, len);

	if (!madvise_valid(advice) || !page_aligned(mm, start) || end < start ||
	    (len && end == start))
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice == MADV_POPULATE_READ)
		return madvise_populate(mm, start, end, POPULATE_READ);
	if (advice == MADV_POPULATE_WRITE)
		return madvise_populate(mm, start, end, POPULATE_WRITE);
	return madvise_areas(mm, start, end, advice);
}
