/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Pages of a file that go. Kernel counterpart: mm/truncate.c, mm/memory.c (unmap_mapping_pages), mm/shmem.c
 * (shmem_undo_range).
 *
 * Modelled: truncation (areas lose the pages, private copies too; what is under writeback is waited for; a large folio that the
 * cut goes through is split, and stays whole where that fails); holes (private copies stay); invalidation, which leaves
 * mapped, dirty and busy pages alone and makes them old.
 */
#ifndef MM_TRUNCATE_H
#define MM_TRUNCATE_H

#include "mm/filemap.h"

/* Takes pages [first, last] of the file out of all areas; private copies too with even_cows. */
void unmap_mapping_pages(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last, bool even_cows);
/* The file ends at `size` bytes from now on. */
void truncate_setsize(struct memory *mem, struct address_space *mapping, uint64_t size);
/* Bytes [start, end) read as zeroes from now on: whole pages go, parts of pages are zeroed (and dirty). */
void truncate_punch_hole(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end);
/* All pages in [first, last] that are clean, unmapped and in nobody's use go. Returns how many. */
uint64_t invalidate_mapping_pages(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last);
/* The same by force: entries are taken away, dirty pages are written first (O_DIRECT). */
void invalidate_inode_pages2_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last);

#endif
