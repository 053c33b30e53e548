/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page cache. Kernel counterpart: mm/filemap.c, parts of mm/readahead.c and mm/shmem.c.
 *
 * Modelled: one tree of pages per file; folios of any order; mmap read-around with its async mark
 * (do_sync_mmap_readahead, do_async_mmap_readahead); shmem objects, whose holes are filled with zeroed pages.
 * Simplified: reading takes no time; the read-ahead window is kept per file, not per open file; the miss counter
 * that turns read-around off (MMAP_LOTSAMISS) is not kept.
 * Left out: read and write system calls, dirty pages and writeback, eviction.
 *
 * References: a folio in the cache holds one; each page-table entry that maps a page of it holds one more.
 * Pages are counted in base pages of the machine; a file's offset in granules is converted by file_index().
 */
#ifndef MM_FILEMAP_H
#define MM_FILEMAP_H

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

/* Adds a fresh folio of 2^order pages at index (aligned to it). PFN_NONE: no memory, or something is there. */
pfn_t filemap_add_folio(struct memory *mem, struct address_space *mapping, uint64_t index, unsigned order);
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

/*
 * The page for a fault (filemap_fault, shmem_fault): looked up, or read with what read-around brings.
 * *ret_major is set when it had to be read. PFN_NONE: no memory; the caller has checked the file's end.
 */
pfn_t filemap_fault(struct memory *mem, struct address_space *mapping, uint64_t index, bool random,
		    bool *ret_major);

#endif
