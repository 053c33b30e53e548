/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Who asks for collapses: the daemon on its way through the address spaces, and MADV_COLLAPSE. See khugepaged.h. */
#include <errno.h>

#include "base/units.h"
#include "mm/huge_pmd.h"
#include "mm/khugepaged-internal.h"
#include "mm/mm_config.h"

#define NSEC_PER_MSEC 1000000ull

/* ---- the daemon ---- */

/* One pass over some of the address space at k->at: how much of the work that was. */
struct mm_pass {
	struct memory *mem;
	struct khugepaged *k;
	struct mm_struct *mm;
	uint64_t progress, pages;	/* done of what may be done */
	enum scan_result result;	/* of the last look */
	bool stopped;			/* the pass ends here and goes on at k->address later */
};

/* From k->address on, until the pass has done its share or a collapse was tried: the kernel starts over then. */
static void scan_vma(struct mm_pass *p, struct vm_area_struct *vma)
{
	uint64_t size = hpage_size(p->mem), start = (vma->vm_start + size - 1) & ~(size - 1), end = vma->vm_end & ~(size - 1);
	struct collapse_control cc = { .mem = p->mem, .vma = vma, .is_khugepaged = true };

	if (!thp_vma_allowable_order(vma, TVA_KHUGEPAGED, hpage_order(p->mem)) || p->k->address > end) {
		p->progress++;
		return;
	}
	if (p->k->address < start)
		p->k->address = start;
	while (p->k->address < end && !p->stopped) {
		cc.start = p->k->address;
		p->result = vma_is_anonymous(vma) ? collapse_scan_pmd(&cc) : SCAN_FAIL;
		p->k->pages_collapsed += p->result == SCAN_SUCCEED;
		p->k->scanned += size >> p->mem->geo->page_shift;
		p->k->address += size;
		p->progress += size >> p->mem->geo->page_shift;
		p->stopped = cc.tried || p->progress >= p->pages;
	}
}

static void scan_mm_slot(struct mm_pass *p)
{
	struct khugepaged *k = p->k;

	if (!k->at) {
		k->at = list_entry(k->slots.next, struct mm_struct, khugepaged_slot);
		k->address = 0;
	}
	p->mm = k->at;
	p->progress++;
	p->stopped = false;
	if (p->mm->thp_disabled != THP_DISABLED)
		for (struct vm_area_struct *vma = find_vma(p->mm, k->address); vma && !p->stopped; vma = vma_next(vma))
			scan_vma(p, vma);
	if (!p->stopped)
		khugepaged_next_mm(k);
}

void khugepaged_run(struct memory *mem)
{
	struct khugepaged *k = &mem->khugepaged;
	struct mm_pass p = { .mem = mem, .k = k, .pages = mem->conf.khugepaged_pages_to_scan, .result = SCAN_SUCCEED };
	unsigned pass_through_head = 0;

	p.progress = k->alloc_failed ? k->progress : 0;
	while (p.progress < p.pages) {
		pass_through_head += !k->at;
		if (k->slots.next == &k->slots || pass_through_head >= 2)
			break;
		scan_mm_slot(&p);
		if (p.result != SCAN_ALLOC_HUGE_PAGE_FAIL || p.progress >= p.pages)
			continue;
		/* The first time it waits and goes on, the second time it gives up. */
		k->progress = p.progress;
		k->alloc_failed = !k->alloc_failed;
		return;
	}
	k->alloc_failed = false;
}

uint64_t khugepaged_sleep_ns(const struct memory *mem)
{
	uint64_t ms = mem->conf.khugepaged_scan_sleep_ms;

	if (!hugepage_pmd_enabled(mem))
		return 0;
	if (mem->khugepaged.alloc_failed)
		ms = mem->conf.khugepaged_alloc_sleep_ms;
	return (ms ? ms : 1) * NSEC_PER_MSEC;
}

/* ---- madvise ---- */

/* Results after which the next huge page is tried all the same. */
static bool may_go_on(enum scan_result result)
{
	switch (result) {
	case SCAN_PMD_NULL:
	case SCAN_PTE_NON_PRESENT:
	case SCAN_LACK_REFERENCED_PAGE:
	case SCAN_PAGE_NULL:
	case SCAN_PAGE_COUNT:
	case SCAN_PAGE_LRU:
		return true;
	default:
		return false;
	}
}

static int collapse_errno(enum scan_result result)
{
	switch (result) {
	case SCAN_ALLOC_HUGE_PAGE_FAIL:
		return -ENOMEM;
	case SCAN_CGROUP_CHARGE_FAIL:
	case SCAN_EXCEED_NONE_PTE:
		return -EBUSY;
	case SCAN_PAGE_COUNT:
	case SCAN_PAGE_LRU:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

int madvise_collapse(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	struct memory *mem = vma->vm_mm->mem;
	uint64_t size = hpage_size(mem), thps = 0, first = (start + size - 1) & ~(size - 1);
	struct collapse_control cc = { .mem = mem, .vma = vma };
	enum scan_result result, last_fail = SCAN_FAIL;

	end &= ~(size - 1);
	if (!thp_vma_allowable_order(vma, TVA_FORCED_COLLAPSE, hpage_order(mem)))
		return -EINVAL;
	for (cc.start = first; cc.start < end; cc.start += size) {
		result = vma_is_anonymous(vma) ? collapse_scan_pmd(&cc) : SCAN_FAIL;
		if (result == SCAN_SUCCEED || result == SCAN_PMD_MAPPED) {
			thps++;
			continue;
		}
		last_fail = result;
		if (!may_go_on(result))
			break;
	}
	return end <= first || thps == (end - first) / size ? 0 : collapse_errno(last_fail);
}
