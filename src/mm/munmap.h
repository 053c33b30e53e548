/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Unmapping in two steps, so that a mapping over others can still fail in between.
 * Kernel counterpart: mm/vma.c (vms_gather_munmap_vmas, vms_complete_munmap_vmas).
 */
#ifndef MM_MUNMAP_H
#define MM_MUNMAP_H

#include "mm/mm_types.h"

/* What [start, end) holds once the areas at its edges are split. */
struct vma_munmap_struct {
	struct mm_struct *mm;
	uint64_t start, end;
	struct vm_area_struct *first;	    /* NULL: the range is empty */
	struct vm_area_struct *prev, *next; /* around the range */
	uint64_t nr_pages, nr_accounted;
};

/*
 * Splits the areas at the edges, counts what lies between. 0, -ENOMEM (too many areas) or -EINVAL
 * (vdso).
 */
int vms_gather_munmap_vmas(struct vma_munmap_struct *vms, struct mm_struct *mm, uint64_t start,
			   uint64_t end);
/* Takes pages, tables and areas away, and unaccounts all of them but `keep_accounted` pages. */
void vms_complete_munmap_vmas(struct vma_munmap_struct *vms, uint64_t keep_accounted);

#endif
