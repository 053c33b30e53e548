/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page cache. Kernel counterpart: mm/filemap.c, parts of mm/truncate.c.
 *
 * Modelled: one tree of pages per file; folios of any order; charging to memory cgroups; shadows of evicted folios
 * (address_space.exceptional, mm/workingset.h), which tell a refault; dirty tags (mm/writeback.h).
 * Around it: mm/readahead.h (what is read ahead), mm/filemap_fault.h (faults), mm/read_write.h (system calls), mm/truncate.h,
 * mm/shmem.h.
 * Simplified: a page is up to date as soon as it is in the cache, unless filemap_expect_read() says otherwise; shadows take no
 * nodes of a tree.
 *
 * References: a folio in the cache holds one; each page-table entry that maps a page of it holds one more.
 * Pages are counted in base pages of the machine; a file's offset in granules is converted by file_index().
 *
 *	pages		index -> pfn + 1, each page of a large folio
 *	exceptional	index -> a shadow (bit 0 set) or a swap slot of shmem; never where `pages` has one
 *	dirty		index -> 1: the folio of that page has PG_DIRTY
 */
#ifndef MM_FILEMAP_H
#define MM_FILEMAP_H

#include "base/strbuf.h"
#include "mm/mm_types.h"

/* The file of that trace id (not 0), made when it is new. The caller's reference is counted. */
struct address_space *mapping_get(struct memory *mem, uint32_t file);
/* A fresh shmem object: shared anonymous memory, a SysV segment. One reference. */
struct address_space *mapping_new_shmem(struct memory *mem);
void mapping_get_ref(struct address_space *mapping);
/* An object that is no file and no shmem: pages of the kernel's own. */
struct address_space *mapping_new_kernel(struct memory *mem);
/* The last reference to a shmem object without a file frees its pages; a file's pages stay cached. */
void mapping_put(struct memory *mem, struct address_space *mapping);
/* Frees every file and its pages: the end of a system. Nothing may map them any more. */
void mapping_finish_all(struct memory *mem);

/* Base-page index of a granule index. */
static inline uint64_t file_index(const struct memory *mem, uint64_t granule)
{
	return granule >> (mem->geo->page_shift - 12);
}

/* Pages of the file by its size, UINT64_MAX when the size is not known (0). */
uint64_t mapping_nr_pages(const struct memory *mem, const struct address_space *mapping);
/* Areas or cached pages: such a file cannot become another kind, for its pages are counted by what it was. */
static inline bool mapping_in_use(const struct address_space *mapping)
{
	return mapping->i_mmap.node || mapping->pages.nr;
}

/* Frame of a page of the file, PFN_NONE when it is not in the cache. */
static inline pfn_t filemap_find(const struct address_space *mapping, uint64_t index)
{
	return (pfn_t)(radix_get(&mapping->pages, index) - 1);
}

/*
 * Adds a fresh folio of 2^order pages at index (aligned to it), charged to the group of who runs. PFN_NONE: no memory, or
 * something is there. The allocation may reclaim, also pages of this file.
 */
pfn_t filemap_add_folio(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order);
/* The same for allocations that ask for something else: gfp beside GFP_HIGHUSER_MOVABLE; __GFP_WRITE: no refault. */
pfn_t filemap_add_folio_gfp(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order, gfp_t gfp);
/*
 * Takes a folio, by its head, out of its cache: nobody maps it, it is clean or its content is given up, and not under
 * writeback. Leaves `shadow` in its place (0: nothing). The cache's reference is the caller's afterwards: put_page().
 */
void __filemap_remove_folio(struct memory *mem, pfn_t head, uint64_t shadow);
/* The same, and drops the reference. */
void filemap_remove_folio(struct memory *mem, pfn_t head, uint64_t shadow);
/* Shadow or slot at the index, 0 none. */
static inline uint64_t mapping_exceptional(const struct address_space *mapping, uint64_t index)
{
	return radix_get(&mapping->exceptional, index);
}
/* Largest order of the file's folios, 0: none but base pages (mapping_max_folio_order). */
unsigned mapping_max_folio_order(const struct memory *mem, const struct address_space *mapping);
/* Pages [index, index + nr) are in the cache already, in folios of 2^order (255: base pages). False: no memory. */
bool filemap_populate(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr,
		      unsigned order);
/* The folios of pages [index, index + nr) carry the mark that starts the next read-ahead when a fault meets it. */
void filemap_mark_readahead(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr);
/* The page is in the cache, but its content is still being read: the fault that meets it is a major one. */
void filemap_expect_read(struct memory *mem, struct address_space *mapping, uint64_t index);
/* Drops what lies in [index, index + nr) from the cache; entries that map it must be gone. */
void filemap_remove(struct memory *mem, struct address_space *mapping, uint64_t index, uint64_t nr);

/*
 * Kernel objects behind a file (filemap-objects.c). mapping_make_inode(): once its kind is known; without
 * memory it has none. Then nodes of the tree, after a folio of 2^order pages was added (false: no memory, it must go
 * again), after it was removed, before one is split into base pages (false: no memory). inodes_count(), inodes_scan():
 * the shrinker of unused inodes.
 */
void mapping_make_inode(struct memory *mem, struct address_space *mapping);
void mapping_objects_free(struct memory *mem, struct address_space *mapping);
bool mapping_nodes_added(struct memory *mem, struct address_space *mapping, unsigned order);
void mapping_nodes_removed(struct memory *mem, struct address_space *mapping, unsigned order);
bool mapping_nodes_split(struct memory *mem, struct address_space *mapping, unsigned order);
uint64_t inodes_count(struct memory *mem, int nid);
uint64_t inodes_scan(struct memory *mem, int nid, uint64_t nr_pages);

/* Puts a charged folio that nobody knows yet into the cache at index: takes the shadows there. False: no memory for nodes. */
bool filemap_insert_folio(struct memory *mem, struct address_space *mapping, pfn_t head, uint64_t index, unsigned order,
			  gfp_t gfp);
/* A folio that was charged and on its list all the while comes into the file again, with a reference that is the cache's. */
void filemap_put_back(struct memory *mem, struct address_space *mapping, pfn_t head, uint64_t index, unsigned order);
/* Shadows and slots of pages [first, last] go. Returns how many slots. */
uint64_t filemap_clear_exceptional(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last);
/* First page at or after index that is not cached, looking at max pages (page_cache_next_miss). */
uint64_t filemap_next_miss(const struct address_space *mapping, uint64_t index, uint64_t max);
/* The same backwards. UINT64_MAX: all pages before are cached; the last page looked at when max of them are. */
uint64_t filemap_prev_miss(const struct address_space *mapping, uint64_t index, uint64_t max);

/* Every file: pages against frames, shadows, counters. False: `why` gets a line for each contradiction. */
bool filemap_consistent(const struct memory *mem, struct strbuf *why);

#endif
