/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Faults on swap entries: see fault.h. Kernel counterpart: mm/memory.c (do_swap_page, alloc_swap_folio).
 *
 * Modelled: pages found in the swap cache, read with read-ahead, or read without the cache where the area is as fast as
 * memory and one entry alone names the slot, then in large folios too; who may write at once; whether the slot is kept; large
 * folios of the cache mapped whole. A reference keeps the folio while memory is allocated; the entry is looked at again.
 */
#include "mm/anon_vma.h"
#include "mm/deferred_split.h"
#include "mm/fault-internal.h"
#include "mm/folio_touched.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap_state.h"
#include "mm/thp_orders.h"
#include "mm/vma_policy.h"
#include "mm/workingset.h"
#include "mm/writeback.h"

/* One swap entry on its way back. */
struct swapin {
	struct vm_fault *vmf;
	struct swap_info_struct *si;
	swp_entry_t entry;	/* of the page at addr */
	pfn_t head;		/* with a reference of ours */
	pfn_t page;		/* the first to be mapped */
	uint64_t addr;		/* where */
	unsigned index, nr;	/* entries of the table */
	bool fresh;		/* has never been in the swap cache: its slots are held by swapcache_prepare() */
};

/* ---- a folio without the swap cache ---- */

/* Are nr entries from index on those of slots in a row, none of them in the cache? (can_swapin_thp) */
static bool can_swapin(const struct vm_fault *vmf, unsigned index, unsigned order)
{
	pte_t first = vmf->table->ent[index];
	swp_entry_t entry = pte_to_swp_entry(first);

	if (!is_swap_pte(first) || swp_offset(entry) & ((1u << order) - 1))
		return false;
	for (unsigned i = 0; i < 1u << order; i++) {
		pte_t pte = vmf->table->ent[index + i];

		if (pte.pte != first.pte + ((uint64_t)i << PTE_PFN_SHIFT) ||
		    swap_cache_get_folio(vmf->mem, pte_to_swp_entry(pte)) != PFN_NONE)
			return false;
	}
	return true;
}

/* Sizes that might do, a bit by order. */
static uint32_t swapin_orders(const struct vm_fault *vmf, swp_entry_t entry)
{
	uint32_t below_pmd = (1u << hpage_order(vmf->mem)) - 1, orders;
	uint64_t page = vmf->address >> vmf->mem->geo->page_shift;

	if (!thp_small_orders(vmf->mem) || vmf->mem->swap->zswap)
		return 0;
	orders = thp_vma_allowable_orders(vmf->vma, TVA_PAGEFAULT, below_pmd);
	orders = thp_vma_suitable_orders(vmf->vma, vmf->address, orders);
	/* Slot and address must be at the same place in the block. */
	while (orders) {
		unsigned order = 31u - (unsigned)__builtin_clz(orders);
		unsigned mask = (1u << order) - 1;

		if ((page & mask) == (swp_offset(entry) & mask) && can_swapin(vmf, vmf->index & ~mask, order))
			break;
		orders &= ~(1u << order);
	}
	return orders & ~1u;
}

static pfn_t alloc_charged(const struct vm_fault *vmf, uint64_t addr, unsigned order, gfp_t gfp, swp_entry_t entry)
{
	pfn_t head = vma_alloc_folio(vmf->vma, addr, order, gfp);

	if (head == PFN_NONE)
		return head;
	if (order)
		folio_init_large(vmf->mem, head);
	if (mem_cgroup_swapin_charge(vmf->mem, head, vmf->vma->vm_mm, GFP_KERNEL, entry.val))
		return head;
	if (order)
		count_mthp_stat(vmf->mem, order, MTHP_STAT_SWPIN_FALLBACK_CHARGE);
	put_page(vmf->mem, head);
	return PFN_NONE;
}

/* s->entry, addr, index and nr become those of the whole folio. */
static pfn_t alloc_swap_folio(struct swapin *s)
{
	struct vm_fault *vmf = s->vmf;
	uint32_t orders = swapin_orders(vmf, s->entry);
	pfn_t head = PFN_NONE;

	for (unsigned order = 31; order > 0 && orders && head == PFN_NONE; order--) {
		uint64_t size = 1ull << (vmf->mem->geo->page_shift + order);
		unsigned skip = vmf->index & ((1u << order) - 1);

		if (!(orders >> order & 1))
			continue;
		head = alloc_charged(vmf, vmf->address & ~(size - 1), order, vma_thp_gfp_mask(vmf->vma), s->entry);
		if (head == PFN_NONE) {
			count_mthp_stat(vmf->mem, order, MTHP_STAT_SWPIN_FALLBACK);
			continue;
		}
		s->entry.val -= skip;
		s->addr = vmf->address & ~(size - 1);
		s->index = vmf->index - skip;
		s->nr = 1u << order;
	}
	return head != PFN_NONE ? head : alloc_charged(vmf, vmf->address, 0, GFP_HIGHUSER_MOVABLE, s->entry);
}

static bool entries_same(const struct swapin *s)
{
	const struct vm_fault *vmf = s->vmf;
	uint64_t step = 1ull << PTE_PFN_SHIFT, first = vmf->orig.pte - (vmf->index - s->index) * step;

	for (unsigned i = 0; i < s->nr; i++)
		if (vmf->table->ent[s->index + i].pte != first + i * step)
			return false;
	return true;
}

/* False: no memory, or something changed meanwhile (s->head says which: PFN_NONE for memory). */
static bool read_without_cache(struct swapin *s)
{
	struct memory *mem = s->vmf->mem;
	uint64_t shadow;
	pfn_t head = alloc_swap_folio(s);

	s->head = head;
	if (head == PFN_NONE)
		return false;
	if (!entries_same(s) || !swapcache_prepare(mem, s->entry, s->nr)) {
		put_page(mem, head);
		return false;
	}
	s->fresh = true;
	for (unsigned i = 0; i < s->nr; i++)
		pfn_to_page(mem, head + i)->flags |= PG_SWAPBACKED;
	memcg1_swapin(mem, s->entry.val, s->nr);
	shadow = swap_cache_get_shadow(mem, s->entry);
	if (shadow)
		workingset_refault(mem, head, shadow);
	folio_add_lru(mem, head);
	io_wait(mem, swap_read_folio(mem, head, s->entry), IO_STALL_SWAPIN);
	s->page = head;
	return true;
}

/* ---- mapping ---- */

/* A large folio of the cache is mapped whole where all its slots stand in a row in this table. */
static void widen_to_folio(struct swapin *s)
{
	struct vm_fault *vmf = s->vmf;
	const struct geometry *geo = vmf->mem->geo;
	const struct page *head = pfn_to_page(vmf->mem, s->head);
	unsigned nr = 1u << page_order(head), skip = s->page - s->head;
	uint64_t start = vmf->address - ((uint64_t)skip << geo->page_shift);
	struct swapin whole = *s;

	if (nr == 1 || skip > vmf->index || vmf->index - skip + nr > 1u << vmf->table->bits ||
	    start < vmf->vma->vm_start || start + ((uint64_t)nr << geo->page_shift) > vmf->vma->vm_end)
		return;
	whole.index = vmf->index - skip;
	whole.nr = nr;
	if (!entries_same(&whole))
		return;
	s->index = whole.index;
	s->nr = nr;
	s->addr = start;
	s->page = s->head;
	s->entry.val -= skip;
}

/* Would the page be ours alone, or is there a reason to give its slots back? (should_try_to_free_swap) */
static bool should_try_to_free_swap(const struct swapin *s)
{
	const struct page *head = pfn_to_page(s->vmf->mem, s->head);

	if (!(head->flags & PG_SWAPCACHE))
		return false;
	if (mem_cgroup_swap_full(s->vmf->mem, s->head) || s->vmf->vma->vm_flags & VM_LOCKED || head->flags & PG_MLOCKED)
		return true;
	return is_write(s->vmf) && head->_refcount == 2;	/* ours and the cache's */
}

static void add_rmap(const struct swapin *s, bool exclusive)
{
	struct vm_fault *vmf = s->vmf;
	struct memory *mem = vmf->mem;
	const struct page *head = pfn_to_page(mem, s->head);
	bool fresh = !(head->flags & PG_ANON);

	if (fresh)
		folio_add_new_anon_rmap(mem, s->head, vmf->vma, s->addr);
	else
		folio_add_rmap_ptes(mem, s->page, s->nr);
	if (fresh && folio_test_large(head))
		folio_mark_written(mem, s->head);
	if (!folio_test_large(head))
		mlock_vma_folio(mem, s->head, vmf->vma);
	for (unsigned i = 0; i < s->nr; i++) {
		struct page *page = pfn_to_page(mem, s->page + i);

		page->flags = exclusive ? page->flags | PG_ANON_EXCLUSIVE : page->flags & ~PG_ANON_EXCLUSIVE;
		/* Others may map it who are not below this area's anon_vma. */
		if (fresh && !exclusive)
			page->mapping = vmf->vma->anon_vma->root->handle;
	}
}

/* The entries take the place of the swap entries. Clears FAULT_FLAG_WRITE when the write may go on. */
static void map_folio(struct swapin *s, bool exclusive)
{
	struct vm_fault *vmf = s->vmf;
	struct mm_struct *mm = vmf->vma->vm_mm;
	uint64_t prot = (vma_page_prot(vmf->vma) & ~PTE_WRITE) | PTE_ACCESSED;
	bool write = exclusive && vmf->vma->vm_flags & VM_WRITE;

	mm->rss_stat[MM_ANONPAGES] += s->nr;
	mm->rss_stat[MM_SWAPENTS] -= s->nr;
	if (write)
		prot |= PTE_WRITE | (is_write(vmf) ? PTE_DIRTY : 0);
	if (write)
		vmf->flags &= ~FAULT_FLAG_WRITE;
	pfn_to_page(vmf->mem, s->head)->_refcount += (int32_t)s->nr - 1;
	add_rmap(s, exclusive);
	for (unsigned i = 0; i < s->nr; i++)
		pte_set(vmf->table, s->index + i, pfn_pte(s->page + i, prot));
	vmf->orig = vmf->table->ent[vmf->index];
}

static vm_fault_t map_swapped(struct swapin *s)
{
	struct vm_fault *vmf = s->vmf;
	struct memory *mem = vmf->mem;
	bool exclusive = s->fresh || pte_swp_exclusive(vmf->orig);

	/* zram and zswap may not see a page change while they have it: then it is copied. */
	if (!s->fresh && pfn_to_page(mem, s->head)->flags & PG_WRITEBACK && s->si->kind == SWAP_ZRAM)
		exclusive = false;
	swap_free_nr(mem, s->entry, s->nr);
	if (should_try_to_free_swap(s))
		folio_free_swap(mem, s->head);
	exclusive |= pfn_to_page(mem, s->head)->_refcount == 1;
	map_folio(s, exclusive);
	if (s->fresh)
		swapcache_clear(mem, s->entry, s->nr);
	if (is_write(vmf))
		return do_wp_page(vmf);
	return leaf(vmf, FAULT_SWAP);
}

/* ---- the fault ---- */

/* From the cache, or read. s->head PFN_NONE: no memory. *ret_major: it was read. False: the entry has changed. */
static bool find_or_read(struct swapin *s, bool *ret_major)
{
	struct vm_fault *vmf = s->vmf;
	struct memory *mem = vmf->mem;

	s->head = swap_cache_get_folio(mem, s->entry);
	*ret_major = s->head == PFN_NONE;
	if (s->head != PFN_NONE) {
		get_page(mem, s->head);
		swap_update_readahead(mem, s->head, vmf->vma, vmf->address);
	} else if (s->si->kind == SWAP_ZRAM && swap_count(mem, s->entry) == 1) {
		return read_without_cache(s) || s->head == PFN_NONE;
	} else {
		s->head = swapin_readahead(vmf, s->entry, GFP_HIGHUSER_MOVABLE);
		if (s->head == PFN_NONE)
			return vmf->table->ent[vmf->index].pte == vmf->orig.pte;
	}
	s->page = swap_cache_get_page(mem, s->entry);
	if (vmf->table->ent[vmf->index].pte == vmf->orig.pte && s->page != PFN_NONE)
		return true;
	put_page(mem, s->head);
	return false;
}

vm_fault_t do_swap_page(struct vm_fault *vmf)
{
	struct memory *mem = vmf->mem;
	struct swapin s = {
		.vmf = vmf, .entry = pte_to_swp_entry(vmf->orig), .addr = vmf->address, .index = vmf->index, .nr = 1,
	};
	bool major;
	vm_fault_t ret;

	s.si = swp_info(mem, s.entry);
	if (!anon_vma_prepare(vmf->vma))
		return VM_FAULT_OOM;
	if (!find_or_read(&s, &major))
		return VM_FAULT_RETRY;
	if (s.head == PFN_NONE)
		return VM_FAULT_OOM;
	if (major)
		count_vm_event(mem, PGMAJFAULT);
	if (!s.fresh)
		widen_to_folio(&s);
	ret = map_swapped(&s);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_RETRY))
		return ret;
	return ret | (major ? VM_FAULT_MAJOR : 0);
}
