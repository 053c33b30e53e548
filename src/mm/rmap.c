/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* From a page to the entries that map it: see rmap.h. */
#include "mm/rmap.h"

#include "mm/anon_vma.h"
#include "mm/folio_touched.h"
#include "mm/memcg.h"
#include "mm/pgtable.h"
#include "mm/seeded_bug.h"
#include "mm/vma.h"

static bool is_large(const struct page *page)
{
	return page->flags & (PG_HEAD | PG_TAIL);
}

uint32_t page_mapcount(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn);

	if (!is_large(page))
		return (uint32_t)page->_mapcount;
	return (uint32_t)page->_mapcount + *folio_entire_mapcount(mem, folio_pfn(mem, pfn));
}

static void count_mapped(struct memory *mem, pfn_t pfn, const struct page *page, int64_t nr)
{
	enum node_stat_item item = page->flags & PG_ANON ? NR_ANON_MAPPED : NR_FILE_MAPPED;

	if (nr < 0 && SEEDED_BUG(mem, RMAP_STAT))
		return;
	lruvec_stat_mod_page(mem, pfn, item, nr);
}

static void set_anon(struct memory *mem, pfn_t pfn, struct vm_area_struct *vma, uint64_t addr)
{
	struct page *page = pfn_to_page(mem, pfn);

	VM_BUG_ON(!vma->anon_vma);
	page->mapping = vma->anon_vma->handle;
	page->index = linear_page_index(vma, addr);
	page->flags |= PG_ANON | PG_SWAPBACKED | PG_ANON_EXCLUSIVE | PG_UPTODATE;
}

/* Entries of all kinds that map the folio; folios of two pages have no place for it. */
static void add_large_mapcount(struct memory *mem, pfn_t head, int32_t nr)
{
	struct page *page = pfn_to_page(mem, head);

	if (page_order(page) > 1)
		page[2]._refcount += nr;
}

static __attribute__((noinline)) void add_ptes_large(struct memory *mem, pfn_t pfn, unsigned nr)
{
	struct page *page = pfn_to_page(mem, pfn);
	pfn_t head = folio_pfn(mem, pfn);
	int32_t first = 0;

	for (unsigned i = 0; i < nr; i++)
		first += page[i]._mapcount++ == 0;
	add_large_mapcount(mem, head, (int32_t)nr);
	*folio_nr_pages_mapped(mem, head) += first;
	if (first && !*folio_entire_mapcount(mem, head))
		count_mapped(mem, pfn, page, first);
}

static __attribute__((noinline)) void remove_ptes_large(struct memory *mem, pfn_t pfn, unsigned nr)
{
	struct page *page = pfn_to_page(mem, pfn);
	pfn_t head = folio_pfn(mem, pfn);
	int32_t last = 0;

	for (unsigned i = 0; i < nr; i++) {
		VM_BUG_ON(page[i]._mapcount <= 0);
		last += --page[i]._mapcount == 0;
	}
	add_large_mapcount(mem, head, -(int32_t)nr);
	*folio_nr_pages_mapped(mem, head) -= last;
	if (!last || *folio_entire_mapcount(mem, head))
		return;
	count_mapped(mem, pfn, page, -last);
	if (*folio_nr_pages_mapped(mem, head) && page->flags & PG_ANON &&
	    !folio_test_partially_mapped(mem, head))
		deferred_split_folio(mem, head, true);
}

void folio_add_rmap_ptes(struct memory *mem, pfn_t pfn, unsigned nr)
{
	struct page *page = pfn_to_page(mem, pfn);

	if (unlikely(is_large(page)))
		add_ptes_large(mem, pfn, nr);
	else if (!SEEDED_BUG(mem, RMAP_ADD) && page->_mapcount++ == 0)
		count_mapped(mem, pfn, page, 1);
}

void folio_remove_rmap_ptes(struct memory *mem, pfn_t pfn, unsigned nr)
{
	struct page *page = pfn_to_page(mem, pfn);

	VM_BUG_ON(page->_mapcount <= 0);
	if (unlikely(is_large(page)))
		remove_ptes_large(mem, pfn, nr);
	else if (!SEEDED_BUG(mem, RMAP_REMOVE) && --page->_mapcount == 0)
		count_mapped(mem, pfn, page, -1);
}

void folio_add_rmap_pte(struct memory *mem, pfn_t pfn)
{
	folio_add_rmap_ptes(mem, pfn, 1);
}

void folio_remove_rmap_pte(struct memory *mem, pfn_t pfn)
{
	folio_remove_rmap_ptes(mem, pfn, 1);
}

static void set_anon_large(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr)
{
	unsigned page_shift = mem->geo->page_shift, order = page_order(pfn_to_page(mem, head));

	for (pfn_t i = 0; i < 1u << order; i++)
		set_anon(mem, head + i, vma, addr + ((uint64_t)i << page_shift));
	folio_init_large(mem, head);
	mem->mthp_stat[order][MTHP_STAT_NR_ANON]++;
	count_large_pages(mem, 1ll << order);
	folio_touched_begin(mem, head);
}

void folio_add_new_anon_rmap(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr)
{
	if (likely(!is_large(pfn_to_page(mem, head)))) {
		set_anon(mem, head, vma, addr);
		folio_add_rmap_pte(mem, head);
		return;
	}
	set_anon_large(mem, head, vma, addr);
	add_ptes_large(mem, head, 1u << page_order(pfn_to_page(mem, head)));
}

void folio_add_new_anon_rmap_pmd(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr)
{
	set_anon_large(mem, head, vma, addr);
	folio_add_rmap_pmd(mem, head);
}

/* The first huge entry, or the last: pages that no base entry maps, and the folio as one mapped whole. */
static int64_t mod_pmd_mapped(struct memory *mem, pfn_t head, int64_t sign)
{
	const struct page *page = pfn_to_page(mem, head);
	int64_t nr = (1ll << page_order(page)) - *folio_nr_pages_mapped(mem, head);
	enum node_stat_item item = NR_ANON_THPS;

	if (!(page->flags & PG_ANON))
		item = page->flags & PG_SWAPBACKED ? NR_SHMEM_PMDMAPPED : NR_FILE_PMDMAPPED;
	count_mapped(mem, head, page, sign * nr);
	lruvec_stat_mod_folio(mem, head, item, sign);
	return nr;
}

void folio_add_rmap_pmd(struct memory *mem, pfn_t head)
{
	add_large_mapcount(mem, head, 1);
	if ((*folio_entire_mapcount(mem, head))++ == 0)
		mod_pmd_mapped(mem, head, 1);
}

void folio_remove_rmap_pmd(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	VM_BUG_ON(*folio_entire_mapcount(mem, head) == 0);
	if (SEEDED_BUG(mem, THP_ENTIRE))
		return;
	add_large_mapcount(mem, head, -1);
	if (--*folio_entire_mapcount(mem, head) > 0)
		return;
	if (mod_pmd_mapped(mem, head, -1) && *folio_nr_pages_mapped(mem, head) && page->flags & PG_ANON &&
	    !folio_test_partially_mapped(mem, head))
		deferred_split_folio(mem, head, true);
}

/* Does an entry of the area map a page of the large folio, of which granules [first, last] may lie in it? */
static bool vma_maps_folio(const struct vm_area_struct *vma, const struct memory *mem, pfn_t head, uint64_t first, uint64_t last)
{
	uint64_t end = vma->vm_pgoff + ((vma->vm_end - vma->vm_start) >> 12), step = 1ull << (mem->geo->page_shift - 12);
	pfn_t nr = 1u << page_order(pfn_to_page(mem, head));

	first = first > vma->vm_pgoff ? first : vma->vm_pgoff;
	for (uint64_t g = first; g <= last && g < end; g += step) {
		unsigned level;
		pte_t pte = *pgtable_walk(vma->vm_mm, vma->vm_start + ((g - vma->vm_pgoff) << 12), &level, NULL);

		if (pte_is_leaf(pte) && !(pte.pte & PTE_SPECIAL) && pte_pfn(pte) - head < nr)
			return true;
	}
	return false;
}

/* One more address space that maps it: NULL until the first is known. True: that makes two. */
static bool is_second_mm(const struct memory *mem, pfn_t head, const struct vm_area_struct *vma, const struct mm_struct **mm)
{
	const struct page *page = pfn_to_page(mem, head);
	uint64_t granule = page->flags & PG_ANON ? page->index : page->index << (mem->geo->page_shift - 12);
	uint64_t last = granule + (1ull << (page_order(page) + mem->geo->page_shift - 12)) - 1;

	if (vma->vm_mm == *mm || !vma_maps_folio(vma, mem, head, granule, last))
		return false;
	if (*mm)
		return true;
	*mm = vma->vm_mm;
	return false;
}

static bool large_mapped_shared(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	uint64_t nr = 1ull << (page_order(page) + mem->geo->page_shift - 12), first = page->index, last;
	const struct mm_struct *mm = NULL;

	if (!(page->flags & PG_ANON)) {
		struct address_space *mapping = mem->mappings.data[page->mapping];

		first <<= mem->geo->page_shift - 12;
		last = first + nr - 1;
		for (struct vm_area_struct *vma = vma_interval_first(mapping, first, last); vma;
		     vma = vma_interval_next(vma, first, last))
			if (is_second_mm(mem, head, vma, &mm))
				return true;
		return false;
	}
	last = first + nr - 1;
	for (struct anon_vma_chain *avc = anon_vma_interval_first(mem->mappings.data[page->mapping], first, last); avc;
	     avc = anon_vma_interval_next(avc, first, last))
		if (is_second_mm(mem, head, avc->vma, &mm))
			return true;
	return false;
}

bool folio_maybe_mapped_shared(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	if (folio_mapcount(mem, head) <= 1)
		return false;
	if (!folio_test_large(page))
		return page->_mapcount > 1;
	return page->mapping && large_mapped_shared(mem, head);
}

static void rmap_walk_anon(struct memory *mem, const struct page *page, rmap_fn *fn, void *ctx)
{
	struct anon_vma *av = mem->mappings.data[page->mapping];
	struct anon_vma_chain *avc;

	for (avc = anon_vma_interval_first(av, page->index, page->index); avc;
	     avc = anon_vma_interval_next(avc, page->index, page->index)) {
		struct vm_area_struct *vma = avc->vma;

		if (!fn(vma, vma->vm_start + ((page->index - vma->vm_pgoff) << 12), ctx))
			return;
	}
}

static void rmap_walk_file(struct memory *mem, const struct page *page, rmap_fn *fn, void *ctx)
{
	struct address_space *mapping = mem->mappings.data[page->mapping];
	uint64_t granule = page->index << (mem->geo->page_shift - 12);
	struct vm_area_struct *vma;

	for (vma = vma_interval_first(mapping, granule, granule); vma;
	     vma = vma_interval_next(vma, granule, granule))
		if (!fn(vma, vma->vm_start + ((granule - vma->vm_pgoff) << 12), ctx))
			return;
}

void rmap_walk(struct memory *mem, pfn_t pfn, rmap_fn *fn, void *ctx)
{
	const struct page *page = pfn_to_page(mem, pfn);

	/* A page that only the swap cache has may name an anon_vma that is gone. */
	if (!page->mapping || (unlikely(page->flags & PG_SWAPCACHE) && !folio_mapped(mem, folio_pfn(mem, pfn))))
		return;
	if (page->flags & PG_ANON)
		rmap_walk_anon(mem, page, fn, ctx);
	else
		rmap_walk_file(mem, page, fn, ctx);
}
