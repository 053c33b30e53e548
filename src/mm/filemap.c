/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The page cache: see filemap.h. */
#include "mm/filemap.h"

#include <inttypes.h>

#include "base/bug.h"
#include "mm/file_table.h"
#include "mm/huge_pmd.h"
#include "mm/hugetlb_pool.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/mempolicy.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/seeded_bug.h"
#include "mm/swapfile.h"
#include "mm/workingset.h"
#include "mm/writeback.h"

static struct address_space *mapping_new(struct memory *mem, uint32_t file)
{
	struct address_space *mapping = objpool_get(&mem->mapping_pool);

	mapping->handle = mapping_handle_alloc(mem, mapping);
	mapping->file = file;
	mapping->refcount = 1;
	radix_init(&mapping->pages);
	radix_init(&mapping->exceptional);
	radix_init(&mapping->dirty);
	list_init(&mapping->dirty_inodes);
	list_add_tail(&mapping->all, &mem->address_spaces);
	list_init(&mapping->inodes);
	mapping->f = (struct file){.f_mapping = mapping, .f_ra = {.prev_pos = -1}};
	mapping->f.f_ra.ra_pages = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift;
	return mapping;
}

struct address_space *mapping_get(struct memory *mem, uint32_t file)
{
	struct address_space *mapping = htable_get_ptr(&mem->files, file);

	if (!mapping) {
		mapping = mapping_new(mem, file);
		htable_set_ptr(&mem->files, file, mapping);
	} else {
		mapping->refcount++;
		if (unlikely(mapping->has_inode && !mapping->inode))
			mapping_make_inode(mem, mapping);
	}
	return mapping;
}

struct address_space *mapping_new_shmem(struct memory *mem)
{
	struct address_space *mapping = mapping_new(mem, 0);

	mapping->is_shmem = true;
	mapping_make_inode(mem, mapping);
	return mapping;
}

struct address_space *mapping_new_kernel(struct memory *mem)
{
	return mapping_new(mem, 0);
}

void mapping_get_ref(struct address_space *mapping)
{
	mapping->refcount++;
}

static void mapping_free(struct memory *mem, struct address_space *mapping)
{
	if (unlikely(mapping->hugetlb))
		hugetlb_evict_inode(mapping);
	filemap_remove(mem, mapping, 0, UINT64_MAX);
	(void)filemap_clear_exceptional(mem, mapping, 0, UINT64_MAX);
	list_del(&mapping->all);
	mapping_objects_free(mem, mapping);
	radix_finish(&mapping->pages);
	radix_finish(&mapping->exceptional);
	radix_finish(&mapping->dirty);
	mpol_free_shared_policy(mem, mapping);
	mapping_handle_free(mem, mapping->handle);
	objpool_put(&mem->mapping_pool, mapping);
}

void mapping_put(struct memory *mem, struct address_space *mapping)
{
	if (--mapping->refcount)
		return;
	if (!mapping->file)
		mapping_free(mem, mapping);
	else if (unlikely(mapping->hugetlb && mapping->is_unlinked))
		hugetlb_truncate(mapping, 0);
}

void mapping_finish_all(struct memory *mem)
{
	uint64_t file, value;

	for (size_t pos = 0; htable_next(&mem->files, &pos, &file, &value);)
		mapping_free(mem, (struct address_space *)(uintptr_t)value);
	file_finish_all(mem);
	if (mem->vdso)
		mapping_free(mem, mem->vdso);
	mem->vdso = NULL;
	htable_finish(&mem->files);
	htable_init(&mem->files);
}

uint64_t mapping_nr_pages(const struct memory *mem, const struct address_space *mapping)
{
	unsigned shift = mem->geo->page_shift;

	if (!mapping->size_bytes && !mapping->size_known)
		return UINT64_MAX;
	return (mapping->size_bytes >> shift) + !!(mapping->size_bytes & ((1ull << shift) - 1));
}

unsigned mapping_max_folio_order(const struct memory *mem, const struct address_space *mapping)
{
	unsigned order = (unsigned)mem->conf.io_max_folio_order;

	if (!mem->conf.io_large_folios || mapping->is_shmem || !mapping->file)
		return 0;
	if (order > hpage_order(mem))
		order = hpage_order(mem);
	return order < mem->geo->max_order ? order : mem->geo->max_order;
}

/* A file, or memory that is one: not the kernel's own pages (the vdso). */
static bool is_page_cache(const struct address_space *mapping)
{
	return mapping->file || mapping->is_shmem;
}

static void count_cache(struct memory *mem, const struct address_space *mapping, pfn_t head, int64_t nr)
{
	bool huge = nr == 1ll << hpage_order(mem) || -nr == 1ll << hpage_order(mem);

	lruvec_stat_mod_folio(mem, head, NR_FILE_PAGES, nr < 0 && SEEDED_BUG(mem, CACHE_COUNT) ? 0 : nr);
	if (mapping->is_shmem)
		lruvec_stat_mod_folio(mem, head, NR_SHMEM, nr);
	if (unlikely(huge))
		lruvec_stat_mod_folio(mem, head, mapping->is_shmem ? NR_SHMEM_THPS : NR_FILE_THPS, nr > 0 ? 1 : -1);
}

/* ---- out ---- */

void __filemap_remove_folio(struct memory *mem, pfn_t head, uint64_t shadow)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping = mem->mappings.data[page->mapping];
	unsigned order = page_order(page);
	uint64_t index = page->index;

	VM_BUG_ON(page->flags & (PG_TAIL | PG_ANON | PG_WRITEBACK));
	folio_cancel_dirty(mem, head);
	count_cache(mem, mapping, head, -(1ll << order));
	for (uint64_t i = 0; i < 1ull << order; i++) {
		if (!SEEDED_BUG(mem, CACHE_SLOT))
			radix_del(&mapping->pages, index + i);
		pfn_to_page(mem, head + (pfn_t)i)->mapping = 0;
		if (shadow)
			radix_set(&mapping->exceptional, index + i, shadow);
	}
	mapping_nodes_removed(mem, mapping, order);
}

void filemap_remove_folio(struct memory *mem, pfn_t head, uint64_t shadow)
{
	__filemap_remove_folio(mem, head, shadow);
	put_page(mem, head);
}

/* ---- in ---- */

/*
 * Shared memory goes by the policy of the range, and interleaves from its inode number on, so that files spread
 * differently; other files by that of the task (shmem_alloc_folio, filemap_alloc_folio).
 */
static pfn_t alloc_cache_folio(struct memory *mem, const struct address_space *mapping, uint64_t index,
			       unsigned order, gfp_t gfp)
{
	const struct mempolicy *pol;

	if (!mapping->is_shmem)
		return alloc_pages(mem, gfp, order, NUMA_NO_NODE);
	pol = mpol_shared_policy_lookup(mapping, index);
	if (!pol && mem->current)
		pol = mem->current->mempolicy;
	if (!pol && !order)
		return alloc_pages_nodemask(mem, gfp, 0, NUMA_NO_NODE, NODEMASK_ALL);
	return alloc_pages_mpol(mem, gfp, order, pol, mapping->ino + (index >> order));
}

/* The last shadow in the range counts (__filemap_add_folio); all go. */
static uint64_t take_shadows(struct address_space *mapping, uint64_t index, unsigned order)
{
	uint64_t shadow = 0, old;

	for (uint64_t i = 0; mapping->exceptional.nr && i < 1ull << order; i++) {
		old = radix_del(&mapping->exceptional, index + i);
		VM_BUG_ON(entry_is_shmem_swap(old));
		shadow = old ? old : shadow;
	}
	return shadow;
}

static void insert_folio(struct memory *mem, struct address_space *mapping, pfn_t head, uint64_t index, unsigned order)
{
	uint32_t flags = PG_UPTODATE | (mapping->is_shmem ? PG_SWAPBACKED : 0);

	for (uint64_t i = 0; i < 1ull << order; i++) {
		struct page *page = pfn_to_page(mem, head + (pfn_t)i);

		page->mapping = mapping->handle;
		page->index = index + i;
		page->flags |= flags;
		radix_set(&mapping->pages, index + i, (uint64_t)head + i + 1);
	}
	if (order)
		*folio_entire_mapcount(mem, head) = 0;
	count_cache(mem, mapping, head, 1ll << order);
}

static bool range_taken(const struct address_space *mapping, uint64_t index, unsigned order)
{
	uint64_t value;

	if (!order)
		return radix_get(&mapping->pages, index);
	return radix_next(&mapping->pages, index, &index, &value) && index < (index | ((1ull << order) - 1)) + 1;
}

bool filemap_insert_folio(struct memory *mem, struct address_space *mapping, pfn_t head, uint64_t index, unsigned order,
			  gfp_t gfp)
{
	uint64_t shadow = take_shadows(mapping, index, order);

	insert_folio(mem, mapping, head, index, order);
	if (unlikely(!mapping_nodes_added(mem, mapping, order))) {
		__filemap_remove_folio(mem, head, shadow);
		return false;
	}
	if (shadow && !(gfp & __GFP_WRITE))
		workingset_refault(mem, head, shadow);
	if (likely(is_page_cache(mapping)))
		folio_add_lru(mem, head);
	return true;
}

void filemap_put_back(struct memory *mem, struct address_space *mapping, pfn_t head, uint64_t index, unsigned order)
{
	insert_folio(mem, mapping, head, index, order);
	/* Nodes that it finds no memory for are made up for by the next one. */
	(void)mapping_nodes_added(mem, mapping, order);
}

pfn_t filemap_add_folio_gfp(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order, gfp_t gfp)
{
	pfn_t pfn;

	gfp |= GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0);
	if (range_taken(mapping, index, order))
		return PFN_NONE;
	pfn = alloc_cache_folio(mem, mapping, index, order, gfp);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	if ((is_page_cache(mapping) && !mem_cgroup_charge(mem, pfn, NULL, gfp)) ||
	    !filemap_insert_folio(mem, mapping, pfn, index, order, gfp)) {
		put_page(mem, pfn);
		return PFN_NONE;
	}
	return pfn;
}

pfn_t filemap_add_folio(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order)
{
	return filemap_add_folio_gfp(mem, mapping, index, order, 0);
}

bool filemap_populate(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr,
		      unsigned order)
{
	uint64_t end = index + nr;

	/* More than there is memory for would only push each other out. */
	if (nr > mem->totalram_pages)
		end = index + mem->totalram_pages;
	while (index < end) {
		unsigned o = order == 255 ? 0 : order;

		while (o && (index & ((1ull << o) - 1) || end - index < 1ull << o || o > mem->geo->max_order))
			o--;
		if (filemap_find(mapping, index) == PFN_NONE &&
		    filemap_add_folio(mem, mapping, index, o) == PFN_NONE &&
		    (!o || filemap_add_folio(mem, mapping, index, o = 0) == PFN_NONE))
			return false;
		index += 1ull << o;
	}
	return nr <= mem->totalram_pages;
}

void filemap_remove(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr)
{
	uint64_t last = nr > UINT64_MAX - index ? UINT64_MAX : index + nr - 1;
	uint64_t value;

	while (nr && radix_next(&mapping->pages, index, &index, &value) && index <= last) {
		pfn_t head = folio_pfn(mem, (pfn_t)(value - 1));
		const struct page *page = pfn_to_page(mem, head);

		index = page->index + (1ull << page_order(page));
		folio_wait_writeback(mem, head);
		filemap_remove_folio(mem, head, 0);
	}
}

uint64_t filemap_clear_exceptional(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last)
{
	uint64_t value, nr = 0;

	while (mapping->exceptional.nr && radix_next(&mapping->exceptional, first, &first, &value) && first <= last) {
		radix_del(&mapping->exceptional, first);
		if (entry_is_shmem_swap(value)) {
			free_swap_and_cache_nr(mem, (swp_entry_t){entry_to_shmem_swap(value)}, 1);
			nr++;
		}
	}
	return nr;
}

void filemap_mark_readahead(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr)
{
	uint64_t value;

	for (uint64_t end = index + nr; index < end && radix_next(&mapping->pages, index, &index, &value);
	     index++)
		if (index < end)
			pfn_to_page(mem, folio_pfn(mem, (pfn_t)(value - 1)))->flags |= PG_READAHEAD;
}

void filemap_expect_read(struct memory *mem, struct address_space *mapping, uint64_t index)
{
	pfn_t pfn = filemap_find(mapping, index);

	if (pfn != PFN_NONE)
		pfn_to_page(mem, folio_pfn(mem, pfn))->flags &= ~PG_UPTODATE;
}

uint64_t filemap_next_miss(const struct address_space *mapping, uint64_t index, uint64_t max)
{
	uint64_t end = index + max;

	while (index < end && filemap_find(mapping, index) != PFN_NONE)
		index++;
	return index;
}

uint64_t filemap_prev_miss(const struct address_space *mapping, uint64_t index, uint64_t max)
{
	for (; max && filemap_find(mapping, index) != PFN_NONE; max--) {
		if (max == 1)
			break;
		if (index-- == 0)
			return UINT64_MAX;
	}
	return index;
}

/* ---- check ---- */

static bool folio_in_place(const struct memory *mem, const struct address_space *mapping, uint64_t index, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn), *head = pfn_to_page(mem, folio_pfn(mem, pfn));

	return page->mapping == mapping->handle && page->index == index && !(page->flags & PG_ANON) &&
	       head->_refcount > 0 && index - head->index == pfn - folio_pfn(mem, pfn) &&
	       index - head->index < 1ull << page_order(head) && !radix_get(&mapping->exceptional, index) &&
	       !!(head->flags & PG_SWAPBACKED) == mapping->is_shmem;
}

static bool mapping_consistent(const struct memory *mem, const struct address_space *mapping, struct strbuf *why)
{
	uint64_t index = 0, value;

	while (radix_next(&mapping->pages, index, &index, &value)) {
		if (!folio_in_place(mem, mapping, index, (pfn_t)(value - 1))) {
			strbuf_addf(why, "page %" PRIu64 " of file %u contradicts its frame %u\n", index, mapping->file,
				    (pfn_t)(value - 1));
			return false;
		}
		if (!++index)
			break;
	}
	for (index = 0; radix_next(&mapping->exceptional, index, &index, &value); index++)
		if (entry_is_shmem_swap(value) && !mapping->is_shmem) {
			strbuf_addf(why, "page %" PRIu64 " of file %u is in swap\n", index, mapping->file);
			return false;
		}
	return true;
}

bool filemap_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t file = 0, shmem = 0, file_counted = 0, shmem_counted = 0;
	const struct list_head *pos;
	bool ok = true;

	list_for_each(pos, &mem->address_spaces) {
		const struct address_space *mapping = list_entry(pos, struct address_space, all);

		ok = mapping_consistent(mem, mapping, why) && ok;
		file += mapping->pages.nr;
		shmem += mapping->is_shmem ? mapping->pages.nr : 0;
	}
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		/* The swap cache is counted with the page cache. */
		file_counted += mem->nodes[n]->vm_stat[NR_FILE_PAGES] - mem->nodes[n]->vm_stat[NR_SWAPCACHE];
		shmem_counted += mem->nodes[n]->vm_stat[NR_SHMEM];
	}
	if (file_counted == file && shmem_counted == shmem)
		return ok;
	strbuf_addf(why, "nr_file_pages %" PRIu64 " and nr_shmem %" PRIu64 ", %" PRIu64 " and %" PRIu64 " found\n",
		    file_counted, shmem_counted, file, shmem);
	return false;
}
