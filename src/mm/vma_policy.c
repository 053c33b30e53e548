/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory policies of areas: see vma_policy.h. */
#include "mm/vma_policy.h"

static bool is_shmem(const struct vm_area_struct *vma)
{
	return vma->vm_mapping && vma->vm_mapping->is_shmem;
}

/* Pages of the machine that lie before addr in the backing object. */
static uint64_t page_index(const struct vm_area_struct *vma, uint64_t addr)
{
	unsigned shift = vma->vm_mm->mem->geo->page_shift;

	return (vma->vm_pgoff >> (shift - 12)) + ((addr - vma->vm_start) >> shift);
}

const struct mempolicy *vma_own_policy(const struct vm_area_struct *vma, uint64_t addr, uint64_t *ilx)
{
	*ilx = 0;
	if (!is_shmem(vma))
		return vma->vm_policy;
	*ilx = vma->vm_mapping->ino;
	return mpol_shared_policy_lookup(vma->vm_mapping, page_index(vma, addr));
}

const struct mempolicy *get_vma_policy(const struct vm_area_struct *vma, uint64_t addr, unsigned order,
				       uint64_t *ilx)
{
	const struct memory *mem = vma->vm_mm->mem;
	const struct mempolicy *pol = vma_own_policy(vma, addr, ilx);
	unsigned shift = mem->geo->page_shift;

	if (!pol && mem->current)
		pol = mem->current->mempolicy;
	if (pol && mpol_is_interleave(pol))
		*ilx += (vma->vm_pgoff >> (shift - 12) >> order) +
			((addr - vma->vm_start) >> (shift + order));
	return pol;
}

pfn_t vma_alloc_folio_mpol(const struct vm_area_struct *vma, uint64_t addr, unsigned order, gfp_t gfp)
{
	uint64_t ilx;
	const struct mempolicy *pol = get_vma_policy(vma, addr, order, &ilx);

	return alloc_pages_mpol(vma->vm_mm->mem, order ? gfp | __GFP_COMP : gfp, order, pol, ilx);
}

/* The first node of the running CPU's zonelist that the policy has. */
static int nearest_node(const struct memory *mem, uint64_t nodes)
{
	const struct zoneref *z = mem->nodes[mem->cpu_node[mem->cpu]]->zonelist;

	while (z->zone && !(nodes >> z->zone->zone_pgdat->node_id & 1))
		z++;
	return z->zone ? (int)z->zone->zone_pgdat->node_id : NUMA_NO_NODE;
}

/* BIND and preferred-many: a page inside the mask is well placed, unless balancing was asked for. */
static int misplaced_in_mask(const struct memory *mem, const struct mempolicy *pol, int curnid,
			     int thisnid)
{
	if (pol->flags & MPOL_F_MORON)
		return pol->nodes >> thisnid & 1 ? thisnid : NUMA_NO_NODE;
	return pol->nodes >> curnid & 1 ? NUMA_NO_NODE : nearest_node(mem, pol->nodes);
}

int mpol_misplaced(const struct vm_area_struct *vma, uint64_t addr, unsigned order, int curnid,
		   bool *ret_moron)
{
	const struct memory *mem = vma->vm_mm->mem;
	int thisnid = mem->cpu_node[mem->cpu], nid = NUMA_NO_NODE;
	uint64_t ilx;
	const struct mempolicy *pol = get_vma_policy(vma, addr, order, &ilx);

	*ret_moron = !pol || pol->flags & MPOL_F_MORON;
	if (!pol)
		return curnid == thisnid ? NUMA_NO_NODE : thisnid;
	if (!(pol->flags & MPOL_F_MOF))
		return NUMA_NO_NODE;
	if (pol->mode == MPOL_BIND || pol->mode == MPOL_PREFERRED_MANY)
		nid = misplaced_in_mask(mem, pol, curnid, thisnid);
	return nid == curnid ? NUMA_NO_NODE : nid;
}

bool vma_policy_mof(const struct vm_area_struct *vma)
{
	const struct task_struct *task = vma->vm_mm->mem->current;
	uint64_t ilx;
	const struct mempolicy *pol = vma_own_policy(vma, vma->vm_start, &ilx);

	/* The kernel lets a file without a policy of its own not fall back on the task's. */
	if (is_shmem(vma))
		return pol && pol->flags & MPOL_F_MOF;
	if (!pol && task)
		pol = task->mempolicy;
	return !pol || pol->flags & MPOL_F_MOF;
}

bool vma_migratable(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return false;
	return gfp_zone(GFP_HIGHUSER_MOVABLE) >= vma->vm_mm->mem->policy_zone;
}
