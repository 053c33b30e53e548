/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies of areas: which one holds at an address, and allocating by it. Kernel counterpart: mm/mempolicy.c
 * (get_vma_policy, vma_alloc_folio, mpol_misplaced, vma_policy_mof, vma_migratable), mm/shmem.c (shmem_get_policy,
 * shmem_alloc_folio).
 *
 * An area's own policy comes first, then the task's, then the local node. Areas of shared memory ask the file
 * instead, which keeps policies by range for all who map it. Interleaving inside an area goes by the offset in the
 * backing object, so that it does not depend on the order of the faults.
 *
 * Modelled: all of that. Left out: policies of hugetlb files.
 */
#ifndef MM_VMA_POLICY_H
#define MM_VMA_POLICY_H

#include "mm/mempolicy.h"
#include "mm/page_alloc.h"

/* The area's own policy at addr, or its file's; NULL: none. *ilx is what the file adds to the interleaving. */
const struct mempolicy *vma_own_policy(const struct vm_area_struct *vma, uint64_t addr, uint64_t *ilx);
/* The policy that holds at addr, NULL for local; *ilx is the index for interleaving folios of that order. */
const struct mempolicy *get_vma_policy(const struct vm_area_struct *vma, uint64_t addr, unsigned order,
				       uint64_t *ilx);
pfn_t vma_alloc_folio_mpol(const struct vm_area_struct *vma, uint64_t addr, unsigned order, gfp_t gfp);
/*
 * Where a hint fault at addr should bring the page of node `curnid`, by the policy alone: NUMA_NO_NODE when it may
 * stay. *ret_moron: the policy leaves the choice to NUMA balancing (towards the running CPU), which then decides
 * whether the move is worth it. order: of the folio.
 */
int mpol_misplaced(const struct vm_area_struct *vma, uint64_t addr, unsigned order, int curnid,
		   bool *ret_moron);
/* NUMA balancing may look at the area: its policy lets hint faults move pages. */
bool vma_policy_mof(const struct vm_area_struct *vma);
/* Pages of the area can be moved to other nodes. */
bool vma_migratable(const struct vm_area_struct *vma);

/* A folio of 2^order pages for addr of a private area. PFN_NONE: no memory. */
static inline pfn_t vma_alloc_folio(const struct vm_area_struct *vma, uint64_t addr, unsigned order, gfp_t gfp)
{
	struct memory *mem = vma->vm_mm->mem;
	const struct task_struct *task = mem->current;

	if (likely(!order && !vma->vm_policy && !(task && task->mempolicy)))
		return alloc_pages_nodemask(mem, gfp, 0, NUMA_NO_NODE, NODEMASK_ALL);
	return vma_alloc_folio_mpol(vma, addr, order, gfp);
}

#endif
