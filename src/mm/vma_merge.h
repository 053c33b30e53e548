/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Areas merge, split, grow and are copied. Kernel counterpart: mm/vma.c (vma_merge_new_range,
 * vma_merge_existing_range, vma_expand, commit_merge, __split_vma, vma_modify_flags, copy_vma).
 *
 * Two areas may become one when they touch, have the same flags, file and memory policy, continuous offsets, and
 * their anon_vmas are the same or one has none and the other's came through no fork. Special areas
 * never merge, and those that the kernel filled (vdso, vvar) never split.
 *
 *	new range:	    |new|			existing range:	 |   middle   |
 *		       |prev|   |next|				    |changed| of it
 *
 * Modelled: all cases of both kinds; splitting of huge entries at new boundaries.
 * Left out: userfaultfd and names of anonymous areas as conditions. Without memory for an area or its chain the call
 * fails before anything has changed.
 */
#ifndef MM_VMA_MERGE_H
#define MM_VMA_MERGE_H

#include "mm/mm_types.h"

/* One attempt to merge. In: up to just_expand; the rest is worked out. */
struct vma_merge_struct {
	struct mm_struct *mm;
	struct vm_area_struct *prev, *next; /* neighbours of the range, NULL none */
	struct vm_area_struct *middle;	    /* the area that changes, NULL for a new range */
	struct vm_area_struct *copied_from; /* mremap: where the new range's pages come from */
	uint64_t start, end;		    /* the range; afterwards the merged area */
	uint64_t pgoff;			    /* granules, at start */
	uint64_t vm_flags;
	struct address_space *mapping;
	struct anon_vma *anon_vma;
	const struct mempolicy *policy;
	bool just_expand; /* prev may grow, next is left alone (brk) */

	struct vm_area_struct *target; /* what the merged area will be */
	bool remove_middle, remove_next;
	bool adjust_middle_start, adjust_next_start;
	bool no_memory;	/* it would have merged, but an anon_vma_chain was not to be had */
};

/* The merged area, or NULL: make a new one. */
struct vm_area_struct *vma_merge_new_range(struct vma_merge_struct *vmg);
/*
 * [vma->vm_end, + delta) becomes part of vma, whose next area may go into it too. NULL: not
 * possible.
 */
struct vm_area_struct *vma_merge_extend(struct vm_area_struct *vma, uint64_t delta);
/*
 * [start, end) of vma is about to get other flags: merges it with neighbours or splits it off.
 * *ret_vma is the area that then holds the range, its flags still the old ones unless it merged. 0
 * or -ENOMEM, -EINVAL (may not be split).
 */
int vma_modify_flags(struct vm_area_struct *prev, struct vm_area_struct *vma, uint64_t start,
		     uint64_t end, uint64_t vm_flags, struct vm_area_struct **ret_vma);
/* The same for another memory policy, which the caller sets when they did not merge. */
int vma_modify_policy(struct vm_area_struct *prev, struct vm_area_struct *vma, uint64_t start,
		      uint64_t end, const struct mempolicy *policy,
		      struct vm_area_struct **ret_vma);
/*
 * Cuts *vmap at addr, which lies inside. The old area is the lower part (so that its place in all
 * trees stays); *vmap becomes the upper one. No limit is checked. 0, -EINVAL: may not be split, or
 * -ENOMEM.
 */
int split_vma_unchecked(struct vm_area_struct **vmap, uint64_t addr);
/*
 * mremap: an area of the pages of *vmap at [addr, addr + len), where nothing is. *vmap may merge
 * into it and is updated then.
 */
struct vm_area_struct *copy_vma(struct vm_area_struct **vmap, uint64_t addr, uint64_t len,
				uint64_t pgoff);
/* Takes an unlinked or linked area away for good: edges, file reference, memory. */
void remove_vma(struct vm_area_struct *vma);

#endif
