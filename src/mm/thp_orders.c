/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which sizes of page an area may use: see thp_orders.h. */
#include "mm/thp_orders.h"

#include <string.h>

#include "base/bug.h"
#include "mm/mm_config.h"
#include "mm/vma.h"

/* As VM_NO_KHUGEPAGED. */
#define VM_NO_KHUGEPAGED (VM_SPECIAL | VM_HUGETLB)

/* ---- which sizes ---- */

static enum thp_size size_switch(const struct memory *mem, unsigned order)
{
	unsigned shift = mem->geo->page_shift + order;
	uint64_t value = THP_SIZE_DEFAULT;

	if (shift >= THP_SIZE_SHIFT_MIN && shift < THP_SIZE_SHIFT_MIN + ARRAY_SIZE(mem->conf.thp_hugepages))
		value = mem->conf.thp_hugepages[shift - THP_SIZE_SHIFT_MIN];
	if (value == THP_SIZE_DEFAULT)
		return order == hpage_order(mem) ? THP_SIZE_INHERIT : THP_SIZE_NEVER;
	return (enum thp_size)value;
}

void thp_orders_setup(struct memory *mem)
{
	unsigned pmd = hpage_order(mem);

	memset(&mem->thp_orders, 0, sizeof(mem->thp_orders));
	mem->thp_orders.known = true;
	if (!mem->geo->level[HPAGE_LEVEL].may_leaf || pmd < 2 || pmd >= MAX_ORDER_LIMIT)
		return;
	for (unsigned order = 2; order <= pmd; order++) {
		enum thp_size how = size_switch(mem, order);

		mem->thp_orders.anon |= 1u << order;
		mem->thp_orders.always |= how == THP_SIZE_ALWAYS ? 1u << order : 0;
		mem->thp_orders.madvise |= how == THP_SIZE_MADVISE ? 1u << order : 0;
		mem->thp_orders.inherit |= how == THP_SIZE_INHERIT ? 1u << order : 0;
		mem->thp_orders.small |= how != THP_SIZE_NEVER && order < pmd;
	}
}

/* The masks are a function of the settings, which stand when the first area is asked for. */
static inline void know_orders(const struct memory *mem)
{
	if (unlikely(!mem->thp_orders.known))
		thp_orders_setup((struct memory *)mem);
}

uint32_t thp_orders_all_anon(const struct memory *mem)
{
	know_orders(mem);
	return mem->thp_orders.anon;
}

static bool global_always(const struct memory *mem)
{
	return mem->conf.thp_enabled == THP_ALWAYS;
}

static bool global_enabled(const struct memory *mem)
{
	return mem->conf.thp_enabled != THP_NEVER;
}

bool hugepage_pmd_enabled(const struct memory *mem)
{
	uint32_t pmd = 1u << hpage_order(mem);

	know_orders(mem);
	if ((mem->thp_orders.always | mem->thp_orders.madvise) & pmd)
		return true;
	if (mem->thp_orders.inherit & pmd && global_enabled(mem))
		return true;
	return mem->thp_orders.anon && mem->conf.thp_shmem_enabled != SHMEM_HUGE_NEVER &&
	       mem->conf.thp_shmem_enabled != SHMEM_HUGE_DENY;
}

uint32_t thp_vma_suitable_orders(const struct vm_area_struct *vma, uint64_t addr, uint32_t orders)
{
	const struct memory *mem = vma->vm_mm->mem;

	for (uint32_t left = orders; left; left &= left - 1) {
		unsigned order = (unsigned)__builtin_ctz(left);
		uint64_t size = 1ull << (mem->geo->page_shift + order), start = addr & ~(size - 1);
		bool fits = start >= vma->vm_start && start + size <= vma->vm_end;

		/* The block of a file must lie at a multiple of its size there too. */
		if (vma->vm_mapping && ((vma->vm_start >> 12) - vma->vm_pgoff) & ((size >> 12) - 1))
			fits = false;
		if (!fits)
			orders &= ~(1u << order);
	}
	return orders;
}

static bool vma_thp_disabled(const struct vm_area_struct *vma, bool forced_collapse)
{
	if (vma->vm_flags & VM_NOHUGEPAGE || vma->vm_mm->thp_disabled == THP_DISABLED)
		return true;
	return vma->vm_mm->thp_disabled == THP_DISABLED_EXCEPT_ADVISED && !(vma->vm_flags & VM_HUGEPAGE) &&
	       !forced_collapse;
}

/* The orders that the switches allow to anonymous memory of such an area. */
static uint32_t anon_orders(const struct vm_area_struct *vma)
{
	const struct memory *mem = vma->vm_mm->mem;
	bool madvised = vma->vm_flags & VM_HUGEPAGE;
	uint32_t mask = mem->thp_orders.always;

	if (madvised)
		mask |= mem->thp_orders.madvise;
	if (global_always(mem) || (madvised && global_enabled(mem)))
		mask |= mem->thp_orders.inherit;
	return mask;
}

/* Only the last bytes of the area are looked at: a block that ends there would fit if any does. */
static uint32_t orders_that_fit(const struct vm_area_struct *vma, uint32_t orders)
{
	unsigned page_shift = vma->vm_mm->mem->geo->page_shift;

	while (orders) {
		unsigned order = 31u - (unsigned)__builtin_clz(orders);
		uint64_t size = 1ull << (page_shift + order);

		if (vma->vm_end >= size && thp_vma_suitable_orders(vma, vma->vm_end - size, 1u << order))
			return orders;
		orders &= ~(1u << order);
	}
	return 0;
}

/* Of shmem, by thp.shmem_enabled; index in base pages (shmem_huge_global_enabled). */
static bool shmem_huge_allowed(const struct vm_area_struct *vma, bool forced)
{
	const struct memory *mem = vma->vm_mm->mem;
	uint64_t hpage = hpage_size(mem), start, size = vma->vm_mapping->size_bytes;

	switch (mem->conf.thp_shmem_enabled) {
	case SHMEM_HUGE_DENY:
		return false;
	case SHMEM_HUGE_ALWAYS:
	case SHMEM_HUGE_FORCE:
		return true;
	case SHMEM_HUGE_WITHIN_SIZE:
		start = (vma->vm_pgoff << 12) & ~(hpage - 1);
		if (!size || start + hpage <= size)
			return true;
		break;
	case SHMEM_HUGE_ADVISE:
		break;
	default:
		return forced;
	}
	return forced || vma->vm_flags & VM_HUGEPAGE;
}

static uint32_t file_orders(const struct vm_area_struct *vma, enum tva_type type, uint32_t orders)
{
	orders &= 1u << hpage_order(vma->vm_mm->mem);
	/* Huge pages of other files are read-only ones of a kernel built for them (CONFIG_READ_ONLY_THP_FOR_FS). */
	if (type == TVA_PAGEFAULT || !vma->vm_mapping || !vma->vm_mapping->is_shmem)
		return 0;
	return shmem_huge_allowed(vma, type == TVA_FORCED_COLLAPSE) ? orders : 0;
}

uint32_t thp_vma_allowable_orders(const struct vm_area_struct *vma, enum tva_type type, uint32_t orders)
{
	const struct memory *mem = vma->vm_mm->mem;
	bool anon = vma_is_anonymous(vma), in_pf = type == TVA_PAGEFAULT;

	know_orders(mem);
	orders &= mem->thp_orders.anon;
	if (anon && type != TVA_FORCED_COLLAPSE)
		orders &= anon_orders(vma);
	if (!orders || vma_thp_disabled(vma, type == TVA_FORCED_COLLAPSE))
		return 0;
	if (!in_pf && type != TVA_SMAPS && vma->vm_flags & VM_NO_KHUGEPAGED)
		return 0;
	if (!in_pf)
		orders = orders_that_fit(vma, orders);
	if (!anon)
		return file_orders(vma, type, orders);
	/* An area that was never touched has nothing to collapse. */
	return vma->anon_vma || in_pf || type == TVA_SMAPS ? orders : 0;
}

bool thp_pmd_wanted(const struct vm_area_struct *vma, uint64_t addr)
{
	const struct memory *mem = vma->vm_mm->mem;
	uint32_t pmd = 1u << hpage_order(mem);

	return thp_vma_allowable_orders(vma, TVA_PAGEFAULT, pmd) && thp_vma_suitable_orders(vma, addr, pmd);
}

/* ---- settings ---- */

uint64_t khugepaged_limit(const struct memory *mem, enum khugepaged_limit limit)
{
	uint64_t nr = 1ull << hpage_order(mem);

	switch (limit) {
	case KHUGEPAGED_MAX_PTES_NONE:
		return mem->conf.khugepaged_max_ptes_none == 511 ? nr - 1 : mem->conf.khugepaged_max_ptes_none;
	case KHUGEPAGED_MAX_PTES_SWAP:
		return mem->conf.khugepaged_max_ptes_swap == 64 ? nr / 8 : mem->conf.khugepaged_max_ptes_swap;
	default:
		return mem->conf.khugepaged_max_ptes_shared == 256 ? nr / 2 : mem->conf.khugepaged_max_ptes_shared;
	}
}

gfp_t vma_thp_gfp_mask(const struct vm_area_struct *vma)
{
	bool madvised = vma->vm_flags & VM_HUGEPAGE;

	switch (vma->vm_mm->mem->conf.thp_defrag) {
	case THP_DEFRAG_ALWAYS:
		return GFP_TRANSHUGE | (madvised ? 0 : __GFP_NORETRY);
	case THP_DEFRAG_DEFER:
		return GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM;
	case THP_DEFRAG_DEFER_MADVISE:
		return GFP_TRANSHUGE_LIGHT | (madvised ? __GFP_DIRECT_RECLAIM : __GFP_KSWAPD_RECLAIM);
	case THP_DEFRAG_MADVISE:
		return GFP_TRANSHUGE_LIGHT | (madvised ? __GFP_DIRECT_RECLAIM : 0);
	default:
		return GFP_TRANSHUGE_LIGHT;
	}
}
