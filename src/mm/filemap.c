/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The page cache: see filemap.h. */
#include "mm/filemap.h"

#include "base/bitmap.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/mempolicy.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"

static struct address_space *mapping_new(struct memory *mem, uint32_t file)
{
	struct address_space *mapping = objpool_get(&mem->mapping_pool);

	mapping->handle = mapping_handle_alloc(mem, mapping);
	mapping->file = file;
	mapping->refcount = 1;
	radix_init(&mapping->pages);
	radix_init(&mapping->exceptional);
	list_init(&mapping->inodes);
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
	filemap_remove(mem, mapping, 0, UINT64_MAX);
	mapping_objects_free(mem, mapping);
	radix_finish(&mapping->pages);
	radix_finish(&mapping->exceptional);
	mpol_free_shared_policy(mem, mapping);
	mapping_handle_free(mem, mapping->handle);
	objpool_put(&mem->mapping_pool, mapping);
}

void mapping_put(struct memory *mem, struct address_space *mapping)
{
	if (--mapping->refcount == 0 && !mapping->file)
		mapping_free(mem, mapping);
}

void mapping_finish_all(struct memory *mem)
{
	uint64_t file, value;

	for (size_t pos = 0; htable_next(&mem->files, &pos, &file, &value);)
		mapping_free(mem, (struct address_space *)(uintptr_t)value);
	if (mem->vdso)
		mapping_free(mem, mem->vdso);
	mem->vdso = NULL;
	htable_finish(&mem->files);
	htable_init(&mem->files);
}

uint64_t mapping_nr_pages(const struct memory *mem, const struct address_space *mapping)
{
	unsigned shift = mem->geo->page_shift;

	if (!mapping->size_bytes)
		return UINT64_MAX;
	return (mapping->size_bytes >> shift) + !!(mapping->size_bytes & ((1ull << shift) - 1));
}

static void count_cache(struct memory *mem, const struct address_space *mapping, pfn_t pfn, int64_t nr)
{
	struct pglist_data *node = pfn_to_node(mem, pfn);

	node->vm_stat[NR_FILE_PAGES] += (uint64_t)nr;
	if (mapping->is_shmem)
		node->vm_stat[NR_SHMEM] += (uint64_t)nr;
}

/* Takes one folio, given any page of it, out of the cache and drops the cache's reference. */
static uint64_t remove_folio(struct memory *mem, struct address_space *mapping, pfn_t pfn)
{
	pfn_t head = folio_pfn(mem, pfn);
	unsigned order = page_order(pfn_to_page(mem, head));
	uint64_t index = pfn_to_page(mem, head)->index;

	for (uint64_t i = 0; i < 1ull << order; i++) {
		radix_del(&mapping->pages, index + i);
		pfn_to_page(mem, head + (pfn_t)i)->mapping = 0;
	}
	count_cache(mem, mapping, head, -(1ll << order));
	mapping_nodes_removed(mem, mapping, order);
	put_page(mem, head);
	return index + (1ull << order);
}

/*
 * Shared memory goes by the policy of the range, and interleaves from its inode number on, so that files spread
 * differently; other files by that of the task (shmem_alloc_folio, filemap_alloc_folio).
 */
static pfn_t alloc_cache_folio(struct memory *mem, const struct address_space *mapping, uint64_t index,
			       unsigned order)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0);
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

pfn_t filemap_add_folio(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order)
{
	pfn_t pfn;

	for (uint64_t i = 0; i < 1ull << order; i++)
		if (radix_get(&mapping->pages, index + i))
			return PFN_NONE;
	pfn = alloc_cache_folio(mem, mapping, index, order);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	for (uint64_t i = 0; i < 1ull << order; i++) {
		struct page *page = pfn_to_page(mem, pfn + (pfn_t)i);

		page->mapping = mapping->handle;
		page->index = index + i;
		page->flags |= PG_UPTODATE | (mapping->is_shmem ? PG_SWAPBACKED : 0);
		radix_set(&mapping->pages, index + i, (uint64_t)pfn + i + 1);
	}
	if (order)
		*folio_entire_mapcount(mem, pfn) = 0;
	count_cache(mem, mapping, pfn, 1ll << order);
	if (unlikely(!mapping_nodes_added(mem, mapping, order))) {
		remove_folio(mem, mapping, pfn);
		return PFN_NONE;
	}
	if (mapping != mem->vdso)
		folio_add_lru(mem, pfn);
	return pfn;
}

bool filemap_populate(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr,
		      unsigned order)
{
	uint64_t end = index + nr;

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
	return true;
}

void filemap_remove(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr)
{
	uint64_t last = nr > UINT64_MAX - index ? UINT64_MAX : index + nr - 1;
	uint64_t value;

	while (nr && radix_next(&mapping->pages, index, &index, &value) && index <= last)
		index = remove_folio(mem, mapping, (pfn_t)(value - 1));
}

/* Fills the holes of [start, start + nr) that lie inside the file, base page by base page. */
static void read_pages(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t nr)
{
	uint64_t end = start + nr, file_end = mapping_nr_pages(mem, mapping);
	bool reads = false;

	if (end > file_end)
		end = file_end;
	for (uint64_t i = start; i < end; i++) {
		if (filemap_find(mapping, i) != PFN_NONE)
			continue;
		if (filemap_add_folio(mem, mapping, i, 0) == PFN_NONE)
			break;
		reads = true;
	}
	if (reads)
		kernel_enter(mem, KERNEL_IO);	/* the disk says that it is done */
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

static void read_window(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t size,
			uint64_t async_size)
{
	mapping->f.f_ra.start = start;
	mapping->f.f_ra.size = size;
	mapping->f.f_ra.async_size = async_size;
	read_pages(mem, mapping, start, size);
	if (async_size)
		filemap_mark_readahead(mem, mapping, start + size - async_size, 1);
}

/* A miss: half the window before, half behind, the last quarter of it marked (do_sync_mmap_readahead). */
static void sync_mmap_readahead(struct memory *mem, struct address_space *mapping, uint64_t index,
				bool random)
{
	uint64_t ra_pages = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift;

	if (random || ra_pages < 2) {
		read_pages(mem, mapping, index, 1);
		return;
	}
	read_window(mem, mapping, index > ra_pages / 2 ? index - ra_pages / 2 : 0, ra_pages, ra_pages / 4);
	read_pages(mem, mapping, index, 1);
}

/* As get_next_ra_size(): windows grow fast while small. */
static uint64_t next_window(uint64_t size, uint64_t max)
{
	if (size < max / 16)
		return 4 * size;
	return size <= max / 2 ? 2 * size : max;
}

/* First page at or after `index` that is not cached, looking at no more than `max` pages. */
static uint64_t next_miss(const struct address_space *mapping, uint64_t index, uint64_t max)
{
	uint64_t end = index + max;

	while (index < end && filemap_find(mapping, index) != PFN_NONE)
		index++;
	return index;
}

/* The mark was reached at `index`: the window after it, or after what is cached (page_cache_async_ra). */
static void async_mmap_readahead(struct memory *mem, struct address_space *mapping, struct page *head,
				 uint64_t index)
{
	uint64_t max = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift;
	uint64_t start, size;

	head->flags &= ~PG_READAHEAD;
	if (max < 2)
		return;
	if (mapping->f.f_ra.size && index == mapping->f.f_ra.start + mapping->f.f_ra.size - mapping->f.f_ra.async_size) {
		start = mapping->f.f_ra.start + mapping->f.f_ra.size;
		size = next_window(mapping->f.f_ra.size, max);
	} else {
		start = next_miss(mapping, index + 1, max);
		if (start - index > max)
			return;
		size = next_window(start - index + max, max);
	}
	read_window(mem, mapping, start, size, size);
}

pfn_t filemap_fault(struct memory *mem, struct address_space *mapping, uint64_t index, bool random,
		    bool *ret_major)
{
	pfn_t pfn = filemap_find(mapping, index);
	struct page *head;

	*ret_major = false;
	if (pfn == PFN_NONE && mapping->is_shmem)
		return filemap_add_folio(mem, mapping, index, 0);
	if (pfn == PFN_NONE) {
		*ret_major = true;
		sync_mmap_readahead(mem, mapping, index, random);
		return filemap_find(mapping, index);
	}
	head = pfn_to_page(mem, folio_pfn(mem, pfn));
	*ret_major = !(head->flags & PG_UPTODATE);
	head->flags |= PG_UPTODATE;
	if (head->flags & PG_READAHEAD && !random)
		async_mmap_readahead(mem, mapping, head, index);
	return pfn;
}
