/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Families of anonymous pages. Kernel counterpart: mm/rmap.c (anon_vma_prepare, anon_vma_clone,
 * anon_vma_fork, unlink_anon_vmas), mm/vma.c (find_mergeable_anon_vma), mm/interval_tree.c.
 *
 * An area that has had an anonymous page has an anon_vma, and a chain of edges (anon_vma_chain) to
 * its own and to all its ancestors' anon_vmas: a page keeps the anon_vma of the process that made
 * it, so whoever may map that page since a fork is found below that anon_vma.
 *
 * Modelled: reuse of a neighbour's anon_vma (so that the areas can merge again), reuse at fork of
 * an anon_vma that has no area of its own left and at most one child, reference counts as the
 * kernel keeps them.
 * Simplified: no locks. Each struct stands for an object of its cache (mm/slab.h).
 *
 * Over all anon_vmas, and with rb_root counted by edges:
 *	num_active_vmas = areas with vma->anon_vma == av
 *	num_children    = anon_vmas with parent == av (a root is its own) that still have edges
 *	refcount        = 1 while av has edges, + for a root: 1 for each other anon_vma of its tree
 */
#ifndef MM_ANON_VMA_H
#define MM_ANON_VMA_H

#include "mm/interval_tree.h"
#include "mm/mm_types.h"

/* The slow path of anon_vma_prepare(). False: no memory; so with clone and fork below. */
bool __anon_vma_prepare(struct vm_area_struct *vma);
/*
 * Gives dst the edges of src. With dst->anon_vma NULL and src's not (fork), may choose one to be
 * dst's own.
 */
bool anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src);
/* vma is the child's copy of pvma: edges to the family, and an anon_vma of its own. */
bool anon_vma_fork(struct vm_area_struct *vma, struct vm_area_struct *pvma);
/* The area leaves its families; anon_vmas that nobody needs any more are freed. */
void unlink_anon_vmas(struct vm_area_struct *vma);
/*
 * Around changes of vm_start, vm_end, vm_pgoff: takes the area's edges out of the trees and back
 * in.
 */
void anon_vma_interval_tree_pre_update_vma(struct vm_area_struct *vma);
void anon_vma_interval_tree_post_update_vma(struct vm_area_struct *vma);
/* After a change of vm_end alone: no need for either. */
void anon_vma_interval_tree_update_end(struct vm_area_struct *vma);
/* Iterates over the edges whose areas hold the linear index. */
struct anon_vma_chain *anon_vma_interval_first(struct anon_vma *av, uint64_t first, uint64_t last);
struct anon_vma_chain *anon_vma_interval_next(struct anon_vma_chain *avc, uint64_t first,
					      uint64_t last);

/* The areas of a file (address_space->i_mmap). */
void vma_interval_tree_insert(struct vm_area_struct *vma);
void vma_interval_tree_remove(struct vm_area_struct *vma);
void vma_interval_tree_update_end(struct vm_area_struct *vma);
struct vm_area_struct *vma_interval_first(struct address_space *m, uint64_t first, uint64_t last);
struct vm_area_struct *vma_interval_next(struct vm_area_struct *vma, uint64_t first, uint64_t last);

/* Gives the area an anon_vma, a mergeable neighbour's when it can. False: no memory. */
static inline bool anon_vma_prepare(struct vm_area_struct *vma)
{
	return likely(vma->anon_vma) || __anon_vma_prepare(vma);
}

/* Checks one area's edges against its fields and the invariants above that one area shows. */
bool anon_vma_consistent(const struct vm_area_struct *vma);

#endif
