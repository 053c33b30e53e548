/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults of anonymous memory: see fault.h. */
#include "mm/anon_vma.h"
#include "mm/fault-internal.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/thp_orders.h"
#include "mm/vma_policy.h"

static vm_fault_t map_zero_page(struct vm_fault *vmf)
{
	uint64_t prot = vma_page_prot(vmf->vma) & ~PTE_WRITE;

	pte_set(vmf->table, vmf->index,
		pfn_pte(vmf->mem->zero_pfn, prot | PTE_SPECIAL | PTE_ACCESSED));
	return leaf(vmf, FAULT_ANON_ZERO);
}

pfn_t alloc_anon_page(struct vm_fault *vmf, gfp_t zero)
{
	pfn_t pfn;

	if (!anon_vma_prepare(vmf->vma))
		return PFN_NONE;
	pfn = vma_alloc_folio(vmf->vma, vmf->address, 0, GFP_HIGHUSER_MOVABLE | zero);
	if (pfn != PFN_NONE && !mem_cgroup_charge(vmf->mem, pfn, vmf->vma->vm_mm, GFP_KERNEL)) {
		put_page(vmf->mem, pfn);
		return PFN_NONE;
	}
	if (zero)
		clear_highpages(vmf->mem, pfn, 1);
	return ktouch_new_frame(vmf->mem, pfn);
}

void map_anon_page(struct vm_fault *vmf, pfn_t pfn)
{
	folio_add_new_anon_rmap(vmf->mem, pfn, vmf->vma, vmf->address);
	folio_add_lru_vma(vmf->mem, pfn, vmf->vma);
	pte_set(vmf->table, vmf->index, mk_writable(vmf, pfn));
}

/* ---- folios of several pages ---- */

static bool pte_range_none(const struct pgtable *table, unsigned index, unsigned nr)
{
	for (unsigned i = index; i < index + nr; i++)
		if (!pte_none(table->ent[i]))
			return false;
	return true;
}

/* Of the orders that the area may use, those whose block around the fault is wholly inside it and wholly empty. */
static uint32_t orders_that_fit(const struct vm_fault *vmf)
{
	uint32_t below_pmd = (1u << hpage_order(vmf->mem)) - 1;
	uint32_t orders = thp_vma_allowable_orders(vmf->vma, TVA_PAGEFAULT, below_pmd);

	orders = thp_vma_suitable_orders(vmf->vma, vmf->address, orders);
	while (orders) {
		unsigned order = 31u - (unsigned)__builtin_clz(orders);

		if (pte_range_none(vmf->table, vmf->index & ~((1u << order) - 1), 1u << order))
			break;
		orders &= ~(1u << order);
	}
	return orders;
}

/* The largest folio of these that is to be had; PFN_NONE: none, a page will do. (alloc_anon_folio) */
static __attribute__((noinline)) pfn_t alloc_small_thp(struct vm_fault *vmf)
{
	uint32_t orders = orders_that_fit(vmf);
	gfp_t gfp = vma_thp_gfp_mask(vmf->vma);
	pfn_t head;

	if (!orders || !anon_vma_prepare(vmf->vma))
		return PFN_NONE;
	while (orders) {
		unsigned order = 31u - (unsigned)__builtin_clz(orders);
		uint64_t size = 1ull << (vmf->mem->geo->page_shift + order);

		head = vma_alloc_folio(vmf->vma, vmf->address & ~(size - 1), order, gfp | __GFP_ZERO);
		if (head != PFN_NONE && mem_cgroup_charge(vmf->mem, head, vmf->vma->vm_mm, gfp))
			return head;
		if (head != PFN_NONE) {
			count_mthp_stat(vmf->mem, order, MTHP_STAT_ANON_FAULT_FALLBACK_CHARGE);
			put_page(vmf->mem, head);
		}
		count_mthp_stat(vmf->mem, order, MTHP_STAT_ANON_FAULT_FALLBACK);
		orders &= ~(1u << order);
	}
	return PFN_NONE;
}

/* Maps the folio over its block, all entries alike; somebody was faster when they are not empty any more. */
static vm_fault_t map_small_thp(struct vm_fault *vmf, pfn_t head)
{
	struct memory *mem = vmf->mem;
	unsigned order = page_order(pfn_to_page(mem, head)), nr = 1u << order, first = vmf->index & ~(nr - 1);
	uint64_t start = vmf->address & ~(((uint64_t)nr << mem->geo->page_shift) - 1);
	pte_t pte = mk_writable(vmf, head);

	if (!pte_range_none(vmf->table, first, nr)) {
		put_page(mem, head);
		return leaf(vmf, FAULT_SPURIOUS);
	}
	clear_highpages(mem, head, nr);
	if (unlikely(mem->ktouch))
		for (unsigned i = 0; i < nr; i++)
			ktouch_frame(mem, head + i, true);
	pfn_to_page(mem, head)->_refcount += (int32_t)nr - 1;
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES] += nr;
	count_mthp_stat(mem, order, MTHP_STAT_ANON_FAULT_ALLOC);
	folio_add_new_anon_rmap(mem, head, vmf->vma, start);
	folio_add_lru_vma(mem, head, vmf->vma);
	for (unsigned i = 0; i < nr; i++, pte.pte += 1ull << PTE_PFN_SHIFT)
		pte_set(vmf->table, first + i, pte);
	return leaf(vmf, FAULT_ANON_ALLOC);
}

vm_fault_t do_anonymous_page(struct vm_fault *vmf)
{
	pfn_t pfn;

	if (vmf->vma->vm_flags & VM_SHARED)
		return VM_FAULT_SIGBUS;
	if (!fault_pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (!is_write(vmf))
		return map_zero_page(vmf);
	if (thp_small_orders(vmf->mem)) {
		pfn = alloc_small_thp(vmf);
		if (pfn != PFN_NONE)
			return map_small_thp(vmf, pfn);
	}
	pfn = alloc_anon_page(vmf, __GFP_ZERO);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	map_anon_page(vmf, pfn);
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES]++;
	return leaf(vmf, FAULT_ANON_ALLOC);
}
