/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Pages of a file that go: see truncate.h. */
#include "mm/truncate.h"

#include "mm/anon_vma.h"
#include "mm/hugetlb_pool.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/pagewalk.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/vma.h"
#include "mm/writeback.h"
#include "mm/zap.h"

/* ---- out of the areas ---- */

struct file_range {
	uint64_t start, end;
};

/* Ranges of addresses whose entries map the file's own pages. */
struct file_ranges {
	const struct vm_area_struct *vma;
	VEC(struct file_range) ranges;
};

/* Private copies, in memory or in swap, outlive the file's pages (unmap_mapping_pages() without even_cows). */
static void note_file_entry(void *ctx, struct pgtable *table, unsigned index, uint64_t addr)
{
	struct file_ranges *r = ctx;
	const struct memory *mem = r->vma->vm_mm->mem;
	pte_t pte = table->ent[index];
	uint64_t size = 1ull << mem->geo->level[table->level].shift;
	struct file_range *last = r->ranges.nr ? &r->ranges.data[r->ranges.nr - 1] : NULL;

	if (!pte_is_leaf(pte) || (!(pte.pte & PTE_SPECIAL) && pfn_to_page(mem, pte_pfn(pte))->flags & PG_ANON))
		return;
	if (last && last->end == addr)
		last->end += size;
	else
		*vec_push(&r->ranges) = (struct file_range){addr, addr + size};
}

static void unmap_vma_range(struct vm_area_struct *vma, uint64_t start, uint64_t end, bool even_cows)
{
	struct file_ranges r = {.vma = vma};

	if (start >= end)
		return;
	if (even_cows || !vma->anon_vma) {
		zap_page_range(vma, start, end, false);
		return;
	}
	walk_page_range_vma(vma, start, end, note_file_entry, &r);
	for (size_t i = 0; i < r.ranges.nr; i++)
		zap_page_range(vma, r.ranges.data[i].start > start ? r.ranges.data[i].start : start,
			       r.ranges.data[i].end < end ? r.ranges.data[i].end : end, false);
	vec_finish(&r.ranges);
}

void unmap_mapping_pages(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last, bool even_cows)
{
	unsigned shift = mem->geo->page_shift - 12;
	uint64_t from = first << shift, to = last == UINT64_MAX ? last : (last << shift) + (1u << shift) - 1;
	struct vm_area_struct *vma;

	for (vma = vma_interval_first(mapping, from, to); vma; vma = vma_interval_next(vma, from, to)) {
		uint64_t start = vma->vm_start, end = vma->vm_end, pgoff = vma->vm_pgoff;

		if (from > pgoff)
			start += (from - pgoff) << 12;
		if (to - pgoff < (end - vma->vm_start) >> 12)
			end = vma->vm_start + ((to - pgoff + 1) << 12);
		unmap_vma_range(vma, start, end, even_cows);
	}
}

/* ---- out of the cache ---- */

/* Its content is given up. Nobody uses it but areas. */
static void truncate_folio(struct memory *mem, struct address_space *mapping, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	uint64_t last = page->index + (1ull << page_order(page)) - 1;

	folio_wait_writeback(mem, head);
	if (folio_mapped(mem, head))
		unmap_mapping_pages(mem, mapping, page->index, last, false);
	filemap_remove_folio(mem, head, 0);
}

/*
 * Only some of its pages are to go. True: it was split, look again. Else it went as a whole, for it can be read again, or
 * stays, zeroed in part, because it is dirty.
 */
static bool truncate_partial_folio(struct memory *mem, struct address_space *mapping, pfn_t head)
{
	folio_wait_writeback(mem, head);
	if (split_folio(mem, head))
		return true;
	if (!mapping->is_shmem && !(pfn_to_page(mem, head)->flags & PG_DIRTY))
		truncate_folio(mem, mapping, head);
	return false;
}

static void truncate_inode_pages(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t index = first, value;

	(void)filemap_clear_exceptional(mem, mapping, first, last);
	while (radix_next(&mapping->pages, index, &index, &value) && index <= last) {
		pfn_t head = folio_pfn(mem, (pfn_t)(value - 1));
		const struct page *page = pfn_to_page(mem, head);
		uint64_t start = page->index, next = start + (1ull << page_order(page));

		if (start < first || next - 1 > last) {
			if (!truncate_partial_folio(mem, mapping, head))
				index = next;
			continue;
		}
		truncate_folio(mem, mapping, head);
		index = next;
		if (!index)
			break;
	}
}

/* The rest of a page that the cut goes through is zeroed: through the cache when it is there. */
static void zero_part(struct memory *mem, const struct address_space *mapping, uint64_t byte)
{
	pfn_t pfn = byte & ((1ull << mem->geo->page_shift) - 1) ? filemap_find(mapping, byte >> mem->geo->page_shift)
								 : PFN_NONE;

	if (pfn != PFN_NONE)
		folio_mark_dirty(mem, folio_pfn(mem, pfn));
}

void truncate_setsize(struct memory *mem, struct address_space *mapping, uint64_t size)
{
	uint64_t page = 1ull << mem->geo->page_shift;
	uint64_t first = (size >> mem->geo->page_shift) + !!(size & (page - 1));
	bool shrinks = mapping_nr_pages(mem, mapping) == UINT64_MAX || mapping->size_bytes > size;

	if (unlikely(mapping->hugetlb)) {
		hugetlb_truncate(mapping, size);
		return;
	}
	mapping->size_bytes = size;
	mapping->size_known = true;
	if (!shrinks)
		return;
	zero_part(mem, mapping, size);
	unmap_mapping_pages(mem, mapping, first, UINT64_MAX, true);
	truncate_inode_pages(mem, mapping, first, UINT64_MAX);
}

void truncate_punch_hole(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end)
{
	unsigned shift = mem->geo->page_shift;
	uint64_t first = (start >> shift) + !!(start & ((1ull << shift) - 1)), stop = end >> shift;

	if (unlikely(mapping->hugetlb)) {
		hugetlb_punch_hole(mapping, start, end);
		return;
	}
	zero_part(mem, mapping, start);
	zero_part(mem, mapping, end);
	if (first >= stop)
		return;
	unmap_mapping_pages(mem, mapping, first, stop - 1, false);
	truncate_inode_pages(mem, mapping, first, stop - 1);
}

/* ---- what can be read again ---- */

/* Clean, at rest and nobody's but the cache's (mapping_evict_folio). */
static bool mapping_evict_folio(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	if (page->flags & (PG_DIRTY | PG_WRITEBACK) || page->_refcount != 1)
		return false;
	filemap_remove_folio(mem, head, 0);
	return true;
}

static bool is_shadow_entry(uint64_t entry)
{
	return entry && !entry_is_shmem_swap(entry);
}

static void clear_shadow_entries(struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t value;

	while (!mapping->is_shmem && radix_next(&mapping->exceptional, first, &first, &value) && first <= last)
		if (is_shadow_entry(value))
			radix_del(&mapping->exceptional, first);
}

uint64_t invalidate_mapping_pages(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t index = first, value, nr = 0;

	io_complete(mem);
	clear_shadow_entries(mapping, first, last);
	while (radix_next(&mapping->pages, index, &index, &value) && index <= last) {
		pfn_t head = folio_pfn(mem, (pfn_t)(value - 1));
		const struct page *page = pfn_to_page(mem, head);
		uint64_t start = page->index, pages = 1ull << page_order(page);

		index = start + pages;
		if (start < first || index - 1 > last)
			continue;
		if (mapping_evict_folio(mem, head))
			nr += pages;
		else
			deactivate_file_folio(mem, head);
	}
	return nr;
}

void invalidate_inode_pages2_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t index = first, value;

	clear_shadow_entries(mapping, first, last);
	while (radix_next(&mapping->pages, index, &index, &value) && index <= last) {
		pfn_t head = folio_pfn(mem, (pfn_t)(value - 1));
		const struct page *page = pfn_to_page(mem, head);
		uint64_t start = page->index, next = start + (1ull << page_order(page));

		index = next;
		folio_wait_writeback(mem, head);
		if (folio_mapped(mem, head))
			unmap_mapping_pages(mem, mapping, start, next - 1, false);
		/* Somebody wrote through a mapping meanwhile, or holds it: it stays (-EBUSY). */
		(void)mapping_evict_folio(mem, head);
	}
}
