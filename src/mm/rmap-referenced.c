/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Has a folio been used since it was last asked? Kernel counterpart: mm/rmap.c (folio_referenced).
 *
 * Modelled: accessed bits of all entries, huge ones too, taken away without a flush; locked areas, which end the walk and
 * lock the folio where that was missed; areas read in order or at random (madvise), whose use says nothing; areas of other
 * groups; neighbours looked at by the multi-generational lists.
 */
#include "mm/lru.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"

#define SEEN_MAX 16

struct folio_referenced_arg {
	struct memory *mem;
	pfn_t head, page;
	const struct mem_cgroup *memcg;
	uint64_t vm_flags;
	unsigned referenced;
	const struct vm_area_struct *seen[SEEN_MAX];	/* areas that count already */
};

/* Uses through it count. (invalid_folio_referenced_vma) */
static bool counts(const struct folio_referenced_arg *a, const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_SEQ_READ | VM_RAND_READ))
		return false;
	return !a->memcg || mem_cgroup_is_descendant(get_mem_cgroup_from_mm(a->mem, vma->vm_mm), a->memcg);
}

/* An area counts once, however many pages of the folio it used. Who asks tells none, one and more apart. */
static void count_area(struct folio_referenced_arg *a, const struct vm_area_struct *vma)
{
	unsigned i = 0;

	while (i < SEEN_MAX && a->seen[i] && a->seen[i] != vma)
		i++;
	if (i < SEEN_MAX && a->seen[i])
		return;
	if (i < SEEN_MAX)
		a->seen[i] = vma;
	a->referenced++;
	a->vm_flags |= vma->vm_flags & ~VM_LOCKED;
}

static bool referenced_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct folio_referenced_arg *a = ctx;
	struct pgtable *table;
	unsigned level;
	pte_t *pte = pgtable_walk(vma->vm_mm, addr, &level, &table);

	if (!pte_is_leaf(*pte) || pte_pfn(*pte) != a->page || (level && a->page != a->head) || !counts(a, vma))
		return true;
	if (vma->vm_flags & VM_LOCKED) {
		if (!(pfn_to_page(a->mem, a->head)->flags & PG_MLOCKED))
			mlock_vma_folio(a->mem, a->head, vma);
		a->vm_flags |= VM_LOCKED;
		return false;
	}
	if (!(pte->pte & PTE_ACCESSED))
		return true;
	if (unlikely(a->mem->lru_policy) && !level)
		a->mem->lru_policy->look_around(a->mem, vma, addr, table, a->head);
	pte->pte &= ~PTE_ACCESSED;
	count_area(a, vma);
	return true;
}

unsigned folio_referenced(struct memory *mem, pfn_t head, const struct mem_cgroup *memcg, uint64_t *ret_vm_flags)
{
	struct folio_referenced_arg a = { .mem = mem, .head = head, .memcg = memcg };
	pfn_t end = head + (1u << page_order(pfn_to_page(mem, head)));

	for (a.page = head; a.page < end && !(a.vm_flags & VM_LOCKED); a.page++)
		if (page_mapcount(mem, a.page))
			rmap_walk(mem, a.page, referenced_one, &a);
	*ret_vm_flags = a.vm_flags;
	return a.referenced;
}
