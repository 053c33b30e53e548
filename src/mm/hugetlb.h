/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Mappings of huge pages that are set aside. Kernel counterpart: mm/hugetlb.c (hugetlb_fault, hugetlb_no_page, hugetlb_wp,
 * alloc_hugetlb_folio, hugetlb_reserve_pages, copy_hugetlb_page_range, hugetlb_change_protection), fs/hugetlbfs/inode.c
 * (hugetlbfs_file_mmap, hugetlb_file_setup, hugetlb_get_unmapped_area).
 *
 * Modelled: MAP_HUGETLB with its sizes and files of hugetlbfs, private and shared; reservation at mmap() or none with
 * MAP_NORESERVE; a fault for each huge page, from the file, from the reservation, from the pool, from surplus; copy-on-write
 * after fork and of private files, with the owner of the reservation taking pages from its child when there is none left;
 * SIGBUS; fork, munmap, mprotect, mremap, MADV_DONTNEED; gigantic pages by contiguous allocation (mm/contig.h).
 * Simplified: page tables are not shared between processes (CONFIG_HUGETLB_PMD_PAGE_TABLE_SHARING).
 * Left out: userfaultfd, soft offlining, migration between nodes.
 *
 * Interface:
 *   - hugetlb_create(): the pools that a machine can have, all empty; set_max_huge_pages(): fill one
 *   - hugetlb_fault(): of handle_mm_fault()
 *   - hugetlb_file_setup(), hugetlb_reserve_pages(): of mmap
 */
#ifndef MM_HUGETLB_H
#define MM_HUGETLB_H

#include "base/err.h"
#include "mm/hugetlb_pool.h"
#include "mm/vm_fault.h"

void hugetlb_create(struct memory *mem);
void hugetlb_destroy(struct memory *mem);
/*
 * The pool gets `nr` huge pages that stay, on the nodes of the mask (0: all) in turn; as many as there is memory for when it
 * grows, as far as free ones go when it shrinks. Returns how many it has there now.
 */
uint64_t set_max_huge_pages(struct hstate *h, uint64_t nr, uint64_t nodes);
/* Bytes of size i of HUGETLB_SIZES. */
uint64_t hugetlb_size_bytes(unsigned i);
/*
 * At the start, from memory->conf: fills the pools, as the kernel does at boot; counters stay what they were. -EINVAL: the
 * machine has no pages of a size that was asked for, with the reason.
 */
int hugetlb_setup(struct memory *mem, struct mmr_error *err);

/* A hugetlbfs file of that size for MAP_HUGETLB, or for a file of the trace. */
void hugetlb_file_setup(struct address_space *mapping, struct hstate *h);
/* mmap(): the area needs these huge pages sooner or later. 0 or -ENOMEM. */
int hugetlb_reserve_pages(struct vm_area_struct *vma);

vm_fault_t hugetlb_fault(struct vm_area_struct *vma, uint64_t addr, unsigned flags);
/* fork: the child's entries of the area. False: no memory. */
bool copy_hugetlb_page_range(struct vm_area_struct *dst, struct vm_area_struct *src);
/* fork: the child owns no reservations. */
void hugetlb_dup_vma_private(struct vm_area_struct *vma);
/* mprotect() of [start, end). Returns base pages changed. */
uint64_t hugetlb_change_protection(struct vm_area_struct *vma, uint64_t start, uint64_t end);
/* mremap(): the entries of [old_addr, old_addr + len) go to the new place. False: no memory, some have not. */
bool move_hugetlb_page_tables(struct vm_area_struct *vma, uint64_t old_addr, uint64_t new_addr, uint64_t len);

#endif
