/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* One walk over areas and their entries. */
#include "sim/numa-usage.h"

#include "mm/pgtable.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

static struct mempolicy value_of(const struct mempolicy *pol)
{
	return pol ? *pol : (struct mempolicy){.mode = MPOL_DEFAULT, .home_node = NUMA_NO_NODE};
}

/* The row of a policy; rows are few. */
static struct numa_usage_row *row_of(struct numa_usage *u, const struct mempolicy *pol)
{
	struct mempolicy value = value_of(pol);
	struct numa_usage_row *row;

	for (size_t i = 0; i < u->rows.nr; i++)
		if (mpol_equal(&u->rows.data[i].policy, &value))
			return &u->rows.data[i];
	row = vec_push(&u->rows);
	*row = (struct numa_usage_row){.policy = value};
	return row;
}

static void add_leaf(const struct memory *mem, struct numa_usage_row *row, pte_t pte, unsigned order)
{
	pfn_t pfn = pte_pfn(pte);

	if (pte.pte & PTE_SPECIAL || pfn == mem->huge_zero_pfn)
		return;
	row->pages[pfn_to_node(mem, pfn)->node_id] += 1ull << order;
}

static void add_table(const struct memory *mem, struct numa_usage_row *row, const struct pgtable *t,
		      uint64_t addr, uint64_t end)
{
	const struct geometry *geo = mem->geo;

	for (uint64_t next; addr < end && t->nr_used; addr = next) {
		pte_t pte = t->ent[pte_index(geo, t, addr)];

		next = geometry_addr_end(geo, t->level, addr, end);
		if (pte_is_table(pte))
			add_table(mem, row, pte_table(pte), addr, next);
		else if (pte_is_leaf(pte))
			add_leaf(mem, row, pte, geo->level[t->level].shift - geo->page_shift);
	}
}

void numa_usage_take(struct numa_usage *u, const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;

	vec_clear(&u->rows);
	u->task_policy = value_of(task->mempolicy);
	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma)) {
		uint64_t ilx;
		const struct mempolicy *pol = vma_own_policy(vma, vma->vm_start, &ilx);

		add_table(mm->mem, row_of(u, pol ? pol : task->mempolicy), mm->pgd, vma->vm_start,
			  vma->vm_end);
	}
}

void numa_usage_finish(struct numa_usage *u)
{
	vec_finish(&u->rows);
}
