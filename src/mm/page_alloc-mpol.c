/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Allocation by a memory policy. Kernel counterpart: mm/mempolicy.c (alloc_pages_mpol, alloc_pages_preferred_many).
 *
 * Modelled: huge pages on one node first, the two passes of preferred-many, numa_interleave. Left out: bulk
 * allocation by a policy.
 */
#include "mm/mempolicy.h"
#include "mm/page_alloc-internal.h"

static bool is_huge_order(const struct memory *mem, unsigned order)
{
	return order == (unsigned)(mem->geo->level[1].shift - mem->geo->page_shift);
}

/* First the nodes that are preferred, without reclaiming for them; then any. */
static pfn_t alloc_preferred_many(struct memory *mem, gfp_t gfp, unsigned order, int nid,
				  uint64_t nodemask)
{
	gfp_t light = (gfp | __GFP_NOWARN) & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL);
	pfn_t pfn = __alloc_pages(mem, light, order, nid, nodemask);

	return pfn != PFN_NONE ? pfn : alloc_pages_nodemask(mem, gfp, order, nid, NODEMASK_ALL);
}

pfn_t alloc_pages_mpol(struct memory *mem, gfp_t gfp, unsigned order, const struct mempolicy *pol,
		       uint64_t ilx)
{
	int nid = mem->cpu_node[mem->cpu];
	uint64_t nodemask = pol ? policy_nodemask(mem, gfp, pol, ilx, &nid) : NODEMASK_ALL;
	bool interleave = pol && mpol_is_interleave(pol);
	pfn_t pfn;

	if (pol && pol->mode == MPOL_PREFERRED_MANY)
		return alloc_preferred_many(mem, gfp, order, nid, nodemask);
	if (is_huge_order(mem, order) && ilx != NO_INTERLEAVE_INDEX && !interleave &&
	    nodemask >> nid & 1) {
		pfn = __alloc_pages(mem, gfp | __GFP_THISNODE | __GFP_NORETRY, order, nid,
				    NODEMASK_ALL);
		if (pfn == PFN_NONE && !(gfp & __GFP_DIRECT_RECLAIM))
			alloc_pages_failed(mem, gfp, order);
		if (pfn != PFN_NONE || !(gfp & __GFP_DIRECT_RECLAIM))
			return pfn;
	}
	pfn = alloc_pages_nodemask(mem, gfp, order, nid, nodemask);
	if (interleave && pfn != PFN_NONE && pfn_to_node(mem, pfn)->node_id == (unsigned)nid)
		page_zone(mem, pfn)->vm_stat[NUMA_INTERLEAVE]++;
	return pfn;
}
