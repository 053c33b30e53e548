/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page of a file for a fault. Kernel counterpart: mm/filemap.c (filemap_fault, do_sync_mmap_readahead,
 * do_async_mmap_readahead).
 *
 * Modelled: read-around (half of the window before, half behind, its last quarter marked) until misses outnumber hits by
 * MMAP_LOTSAMISS; MADV_SEQUENTIAL (as a read), MADV_RANDOM (the page alone), MADV_HUGEPAGE (two folios of the size of a huge entry),
 * executable areas (inside the area, in folios of 64K on arm64, without a mark); the mark of the next window.
 * Simplified: all areas of a file share one window, where each open file has its own.
 */
#ifndef MM_FILEMAP_FAULT_H
#define MM_FILEMAP_FAULT_H

#include "mm/filemap.h"
#include "mm/vm_fault.h"

/*
 * The page at vmf->pgoff: looked up, or read with what read-around brings. *ret_major is set when it had to be read, *ret_waited
 * when it was there but still being read. With a reference. PFN_NONE:
 * no memory; the caller has checked the file's end. Shmem: mm/shmem.h.
 */
pfn_t filemap_fault(struct vm_fault *vmf, bool *ret_major, bool *ret_waited);
/* Fault-around found nr pages that were there: so many misses are forgiven. */
void filemap_fault_hits(struct address_space *mapping, uint64_t nr);

#endif
