/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Has a folio been used since it was last asked? Kernel counterpart: mm/rmap.c (folio_referenced).
 *
 * Modelled: accessed bits of all entries, huge ones too, taken away without a flush; locked areas, which end the walk and
 * lock the folio where that was missed; areas read in order or at random (madvise), whose use says nothing; areas of other
 * groups; neighbours looked at by the multi-generational lists.
 */
#include "base/bug.h"
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

/* An entry that may map the page. */
struct mapping_entry {
	struct vm_area_struct *vma;
	uint64_t addr;
	struct pgtable *table;
	pte_t *pte;
	unsigned level;
};

/* False: ask nobody else. */
static bool referenced_one(struct folio_referenced_arg *a, const struct mapping_entry *e)
{
	struct vm_area_struct *vma = e->vma;
	pte_t *pte = e->pte;

	if (!pte_is_leaf(*pte) || pte_pfn(*pte) != a->page || (e->level && a->page != a->head) || !counts(a, vma))
		return true;
	if (vma->vm_flags & VM_LOCKED) {
		if (!(pfn_to_page(a->mem, a->head)->flags & PG_MLOCKED))
			mlock_vma_folio(a->mem, a->head, vma);
		a->vm_flags |= VM_LOCKED;
		return false;
	}
	if (!(pte->pte & PTE_ACCESSED))
		return true;
	if (unlikely(a->mem->lru_policy) && !e->level)
		a->mem->lru_policy->look_around(a->mem, vma, e->addr, e->table, a->head);
	pte->pte &= ~PTE_ACCESSED;
	count_area(a, vma);
	return true;
}

/*
 * A page's entries lie far apart in the host's memory. All are found first and asked for ahead, so that their cache misses
 * overlap: what is asked then changes no table.
 */
struct batch {
	struct folio_referenced_arg *a;
	unsigned nr;
	bool stop;
	struct mapping_entry entry[16];
};

static void ask_batch(struct batch *b)
{
	for (unsigned i = 0; i < b->nr && !b->stop; i++)
		b->stop = !referenced_one(b->a, &b->entry[i]);
	b->nr = 0;
}

static bool collect_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct batch *b = ctx;
	struct mapping_entry *e = &b->entry[b->nr++];

	e->vma = vma;
	e->addr = addr;
	e->pte = pgtable_walk(vma->vm_mm, addr, &e->level, &e->table);
	__builtin_prefetch(e->pte, 1);
	if (b->nr == ARRAY_SIZE(b->entry))
		ask_batch(b);
	return !b->stop;
}

unsigned folio_referenced(struct memory *mem, pfn_t head, const struct mem_cgroup *memcg, uint64_t *ret_vm_flags)
{
	struct folio_referenced_arg a = { .mem = mem, .head = head, .memcg = memcg };
	pfn_t end = head + (1u << page_order(pfn_to_page(mem, head)));
	struct batch b;

	b.a = &a;
	b.nr = 0;
	b.stop = false;
	for (a.page = head; a.page < end && !b.stop; a.page++)
		if (page_mapcount(mem, a.page)) {
			rmap_walk(mem, a.page, collect_one, &b);
			ask_batch(&b);
		}
	*ret_vm_flags = a.vm_flags;
	return a.referenced;
}
