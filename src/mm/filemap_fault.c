/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The page of a file for a fault: see filemap_fault.h. */
#include "mm/filemap_fault.h"

#include <string.h>

#include "mm/huge_pmd.h"
#include "mm/kentry.h"
#include "mm/page_alloc.h"
#include "mm/readahead.h"
#include "mm/shmem.h"
#include "mm/vma.h"
#include "mm/writeback.h"

static struct readahead_control fault_ractl(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_mapping;

	return (struct readahead_control){
		.mem = vmf->mem, .mapping = mapping, .ra = &mapping->f.f_ra, .index = vmf->pgoff,
		.random = mapping->f.f_random,
	};
}

/* Arm maps 64K of text through one entry of its TLB (exec_folio_order). */
static unsigned exec_folio_order(const struct memory *mem)
{
	const struct geometry *geo = mem->geo;

	return !strncmp(geo->name, "arm64", 5) && geo->page_shift < 16 ? 16u - geo->page_shift : 0;
}

/* Two folios of the size of a huge entry, or one where read-ahead is not wanted. */
static void huge_window(const struct vm_fault *vmf, struct file_ra_state *ra, uint64_t *index)
{
	unsigned order = hpage_order(vmf->mem);

	*index &= ~((1ull << order) - 1);
	ra->start = *index;
	ra->size = 1ull << order << (vmf->vma->vm_flags & VM_RAND_READ ? 0 : 1);
	ra->async_size = 1ull << order;
	ra->order = order;
}

/* Inside the area, whose neighbours in the file are seldom wanted; no mark, for code is not read in order. */
static void exec_window(const struct vm_fault *vmf, struct file_ra_state *ra)
{
	uint64_t first = file_index(vmf->mem, vmf->vma->vm_pgoff), end = first + vma_pages(vmf->vma), folio;

	ra->order = exec_folio_order(vmf->mem);
	folio = 1ull << ra->order;
	ra->start = vmf->pgoff & ~(folio - 1);
	if (ra->start < first)
		ra->start = first;
	ra->size = (ra->start + ra->ra_pages + folio - 1) & ~(folio - 1);
	ra->size = (ra->size < end ? ra->size : end) - ra->start;
	ra->async_size = 0;
}

static void around_window(const struct vm_fault *vmf, struct file_ra_state *ra)
{
	ra->start = vmf->pgoff > ra->ra_pages / 2 ? vmf->pgoff - ra->ra_pages / 2 : 0;
	ra->size = ra->ra_pages;
	ra->async_size = ra->ra_pages / 4;
	ra->order = 0;
}

/* False: misses are so many that reading around them is given up. */
static bool count_miss(struct file_ra_state *ra)
{
	if (ra->mmap_miss < MMAP_LOTSAMISS * 10)
		ra->mmap_miss++;
	return ra->mmap_miss <= MMAP_LOTSAMISS;
}

static void do_sync_mmap_readahead(struct vm_fault *vmf)
{
	struct readahead_control ractl = fault_ractl(vmf);
	struct file_ra_state *ra = ractl.ra;
	uint64_t vm_flags = vmf->vma->vm_flags;

	if (vm_flags & VM_HUGEPAGE && mapping_max_folio_order(vmf->mem, ractl.mapping) &&
	    mapping_max_folio_order(vmf->mem, ractl.mapping) == hpage_order(vmf->mem)) {
		huge_window(vmf, ra, &ractl.index);
		page_cache_ra_order(&ractl, ra);
		return;
	}
	if ((vm_flags & (VM_RAND_READ | VM_EXEC)) == VM_RAND_READ || !ra->ra_pages)
		return;
	if (vm_flags & VM_SEQ_READ) {
		page_cache_sync_ra(&ractl, ra->ra_pages);
		return;
	}
	if (!count_miss(ra))
		return;
	if (vm_flags & VM_EXEC)
		exec_window(vmf, ra);
	else
		around_window(vmf, ra);
	ractl.index = ra->start;
	page_cache_ra_order(&ractl, ra);
}

/* The page was there: one miss is forgiven; its mark starts the next window. */
static void do_async_mmap_readahead(struct vm_fault *vmf, pfn_t head)
{
	struct readahead_control ractl = fault_ractl(vmf);

	if (vmf->vma->vm_flags & VM_RAND_READ || !ractl.ra->ra_pages)
		return;
	if (ractl.ra->mmap_miss)
		ractl.ra->mmap_miss--;
	if (!(pfn_to_page(vmf->mem, head)->flags & PG_READAHEAD))
		return;
	page_cache_async_ra(&ractl, head, ractl.ra->ra_pages);
}

void filemap_fault_hits(struct address_space *mapping, uint64_t nr)
{
	struct file_ra_state *ra = &mapping->f.f_ra;

	ra->mmap_miss = nr >= ra->mmap_miss ? 0 : ra->mmap_miss - (unsigned)nr;
}

/* The page alone, when read-ahead did not bring it. */
static pfn_t read_one(struct vm_fault *vmf)
{
	struct memory *mem = vmf->mem;
	struct address_space *mapping = vmf->vma->vm_mapping;
	pfn_t pfn = filemap_add_folio_gfp(mem, mapping, vmf->pgoff, 0, 0);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	io_read_begin(mem, pfn);
	io_read_submitted(mem, io_submit_read(mem, 1ull << mem->geo->page_shift));
	kernel_enter(mem, KERNEL_IO);
	return pfn;
}

/* Of a page that is in the cache: with its reference. */
static pfn_t get_cached(struct vm_fault *vmf, pfn_t pfn, bool *ret_major)
{
	pfn_t head = folio_pfn(vmf->mem, pfn);
	struct page *page = pfn_to_page(vmf->mem, head);

	get_page(vmf->mem, head);
	if (!(page->flags & PG_UPTODATE))
		*ret_major = true;
	page->flags |= PG_UPTODATE;
	return pfn;
}

pfn_t filemap_fault(struct vm_fault *vmf, bool *ret_major, bool *ret_waited)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	pfn_t pfn = filemap_find(mapping, vmf->pgoff);

	*ret_major = *ret_waited = false;
	if (mapping->is_shmem) {
		pfn = shmem_get_folio(vmf->mem, mapping, vmf->pgoff, SGP_CACHE, ret_major);
		if (pfn != PFN_NONE)
			get_page(vmf->mem, folio_pfn(vmf->mem, pfn));
		return pfn;
	}
	if (pfn != PFN_NONE) {
		pfn = get_cached(vmf, pfn, ret_major);
		do_async_mmap_readahead(vmf, folio_pfn(vmf->mem, pfn));
		*ret_waited = folio_wait_read(vmf->mem, folio_pfn(vmf->mem, pfn));
		return pfn;
	}
	*ret_major = true;
	do_sync_mmap_readahead(vmf);
	/* What read-ahead brought may be gone again where memory is short. */
	pfn = filemap_find(mapping, vmf->pgoff);
	if (pfn == PFN_NONE)
		pfn = read_one(vmf);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	pfn = get_cached(vmf, pfn, ret_major);
	(void)folio_wait_read(vmf->mem, folio_pfn(vmf->mem, pfn));
	return pfn;
}
