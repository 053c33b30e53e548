/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * madvise. Kernel counterpart: mm/madvise.c of 6.18.
 *
 * Modelled: the advice that changes areas (they split and merge), DONTNEED, REMOVE, POPULATE_READ
 * and _WRITE.
 * FREE: pages in swap go at once, those in memory when it is short and nobody wrote them again.
 * COLD and PAGEOUT: folios that nobody else maps go to the inactive list, or are reclaimed. These three split large folios
 * that are meant in part.
 * WILLNEED: files are read ahead, what is in swap comes into the swap cache.
 * Simplified: PAGEOUT takes files whoever owns them.
 * COLLAPSE: anonymous memory (mm/khugepaged.h).
 * Left out: guard regions, memory failure, names of anonymous areas: -EINVAL.
 */
#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/hugetlb_pool.h"
#include "mm/khugepaged.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/pagewalk.h"
#include "mm/read_write.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/swap_state.h"
#include "mm/truncate.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"
#include "mm/vmscan.h"
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
	if (!err && m->advice == MADV_HUGEPAGE)
		khugepaged_enter_vma(m->vma);
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

/* ---- entry by entry: MADV_FREE, MADV_COLD, MADV_PAGEOUT ---- */

struct advice_walk {
	struct madvise_state *m;
	struct memory *mem;
	uint64_t start, end;
	struct pfn_list pageout;	/* isolated, to be reclaimed */
};

/* How many entries map the folio if nobody shares it. */
static int64_t own_mapcount(const struct memory *mem, pfn_t head, unsigned level)
{
	const struct page *page = pfn_to_page(mem, head);

	return level ? 1 : 1ll << page_order(page);
}

/*
 * The folio that the entry maps, when advice may be taken for it: no other area maps it, and all of it is meant: what
 * could be split has been (split_folios_across()). PFN_NONE: leave it alone.
 */
static pfn_t advised_folio(const struct advice_walk *w, pte_t pte, unsigned level, uint64_t addr)
{
	struct memory *mem = w->mem;
	pfn_t pfn = pte_pfn(pte), head = folio_pfn(mem, pfn);
	uint64_t size = page_size(w->m->tlb.mm), first = addr - (pfn - head) * size;
	unsigned order = page_order(pfn_to_page(mem, head));

	if (folio_mapcount(mem, head) > own_mapcount(mem, head, level))
		return PFN_NONE;
	if (order && (first < w->start || first + (size << order) > w->end || first > addr))
		return PFN_NONE;
	return head;
}

static void clear_bits(const struct advice_walk *w, struct pgtable *table, unsigned index, uint64_t addr, uint64_t bits)
{
	pte_t pte = table->ent[index];

	if (!(pte.pte & bits))
		return;
	pte.pte &= ~bits;
	pte_set(table, index, pte);
	tlb_remove_tlb_entry(&w->m->tlb, addr, table->level);
}

/* Is there a page of memory behind the entry? */
static bool has_page(const struct memory *mem, pte_t pte)
{
	return pte_present(pte) && !(pte.pte & PTE_SPECIAL) && pte_pfn(pte) != mem->huge_zero_pfn;
}

/* What is in swap is given up at once; what is in memory may be dropped unless it is written again. */
static void free_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	const struct advice_walk *w = ctx;
	struct memory *mem = w->mem;
	pte_t pte = table->ent[index];
	const struct page *page;
	pfn_t head;

	if (is_swap_pte(pte)) {
		pte_set(table, index, (pte_t){0});
		w->m->tlb.mm->rss_stat[MM_SWAPENTS]--;
		free_swap_and_cache_nr(mem, pte_to_swp_entry(pte), 1);
		return;
	}
	if (!has_page(mem, pte))
		return;
	head = advised_folio(w, pte, table->level, addr);
	if (head == PFN_NONE)
		return;
	page = pfn_to_page(mem, head);
	if (page->flags & PG_SWAPCACHE && !folio_free_swap(mem, head))
		return;
	folio_cancel_dirty(mem, head);
	clear_bits(w, table, index, addr, PTE_ACCESSED | PTE_DIRTY);
	folio_mark_lazyfree(mem, head);
}

static void cold_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	struct advice_walk *w = ctx;
	struct memory *mem = w->mem;
	struct page *page;
	pfn_t head;

	if (!has_page(mem, table->ent[index]))
		return;
	head = advised_folio(w, table->ent[index], table->level, addr);
	if (head == PFN_NONE)
		return;
	page = pfn_to_page(mem, head);
	if (w->m->advice == MADV_COLD)
		clear_bits(w, table, index, addr, PTE_ACCESSED);
	if (!(page->flags & PG_LRU))
		return;
	page->flags &= ~PG_REFERENCED;
	page->flags |= page->flags & PG_ACTIVE ? PG_WORKINGSET : 0;
	if (w->m->advice == MADV_COLD)
		folio_deactivate(mem, head);
	else if (!(page->flags & PG_UNEVICTABLE) && folio_isolate_lru(mem, head))
		pfn_list_add(mem->mem_map, &w->pageout, head);
}

/* One huge entry's worth at a time, as the kernel walks. */
static void walk_advised(struct madvise_state *m, pte_entry_fn *entry)
{
	struct advice_walk w = {.m = m, .mem = m->tlb.mm->mem, .start = m->start, .end = m->end};
	uint64_t next;

	for (uint64_t addr = m->start; addr < m->end; addr = next) {
		next = geometry_addr_end(w.mem->geo, HPAGE_LEVEL, addr, m->end);
		pfn_list_init(&w.pageout);
		split_folios_across(m->vma, addr, next);
		walk_page_range_whole(m->vma, addr, next, entry, &w);
		if (!pfn_list_empty(&w.pageout))
			reclaim_pages(w.mem, &w.pageout);
	}
}

static int madvise_free(struct madvise_state *m)
{
	if (m->vma->vm_flags & (VM_PFNMAP | VM_LOCKED) || !vma_is_anonymous(m->vma))
		return -EINVAL;
	walk_advised(m, free_entry);
	return 0;
}

static int madvise_cold(struct madvise_state *m)
{
	if (m->vma->vm_flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB))
		return -EINVAL;
	walk_advised(m, cold_entry);
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

static void swapin_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	struct vm_area_struct *vma = ctx;
	struct memory *mem = vma->vm_mm->mem;
	bool read;
	pfn_t head;

	if (!is_swap_pte(table->ent[index]))
		return;
	head = read_swap_cache_async(mem, pte_to_swp_entry(table->ent[index]), GFP_HIGHUSER_MOVABLE, vma, addr, &read);
	if (head != PFN_NONE)
		put_page(mem, head);
}

/* Pages of the segment that are in swap come into the swap cache. */
static void shmem_swapin_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t value;

	for (; radix_next(&mapping->exceptional, first, &first, &value) && first <= last; first++) {
		bool read;
		pfn_t head;

		if (!entry_is_shmem_swap(value))
			continue;
		head = read_swap_cache_async(mem, (swp_entry_t){entry_to_shmem_swap(value)}, GFP_HIGHUSER_MOVABLE, NULL, 0,
					     &read);
		if (head != PFN_NONE)
			put_page(mem, head);
	}
}

/* What is in swap is read, a file is read ahead. */
static int madvise_willneed(struct madvise_state *m)
{
	struct address_space *mapping = m->vma->vm_mapping;
	struct memory *mem = m->vma->vm_mm->mem;

	if (mem->swap && !mapping)
		walk_page_range_vma(m->vma, m->start, m->end, swapin_entry, m->vma);
	if (mem->swap && mapping && mapping->is_shmem)
		shmem_swapin_range(mem, mapping, file_index(mem, linear_page_index(m->vma, m->start)),
				   file_index(mem, linear_page_index(m->vma, m->end - 1)));
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
		return madvise_collapse(m->vma, m->start, m->end);
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
