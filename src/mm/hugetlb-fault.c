/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults on hugetlb areas: see hugetlb.h. */
#include "mm/hugetlb-internal.h"

#include "mm/anon_vma.h"
#include "mm/highmem.h"
#include "mm/kentry.h"
#include "mm/mempolicy.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/seeded_bug.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

/* One fault on its way. */
struct huge_fault {
	struct memory *mem;
	struct vm_area_struct *vma;
	struct hstate *h;
	uint64_t address;		/* of the huge page */
	uint64_t idx;			/* of the huge page in the file */
	unsigned flags;
	struct pgtable *table;
	unsigned index;
};

static bool is_write(const struct huge_fault *hf)
{
	return hf->flags & FAULT_FLAG_WRITE;
}

static bool is_shared(const struct huge_fault *hf)
{
	return hf->vma->vm_flags & VM_MAYSHARE;
}

static uint64_t *folio_word(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 1)->index;
}

/* ---- getting a folio ---- */

/* Is the page at idx reserved for this area? */
static bool has_reservation(const struct huge_fault *hf)
{
	const struct resv_map *map = vma_resv_map(hf->vma);
	bool in_map;

	if (!map)
		return false;
	in_map = region_count(map, hf->idx, hf->idx + 1);
	/* In a file's map stands what is reserved, in a private one what was used up. */
	return is_shared(hf) ? in_map : !in_map;
}

static int policy_node(const struct huge_fault *hf, uint64_t *ret_nodemask)
{
	uint64_t ilx;
	const struct mempolicy *pol = get_vma_policy(hf->vma, hf->address, hf->h->order, &ilx);
	int nid = NUMA_NO_NODE;

	*ret_nodemask = pol ? policy_nodemask(hf->mem, GFP_HIGHUSER_MOVABLE, pol, ilx, &nid) : NODEMASK_ALL;
	*ret_nodemask &= current_mems_allowed(hf->mem);
	return nid;
}

/* from_owner: the one who reserved copies a page that others have too; his reservation stays for his own pages. */
static pfn_t alloc_hugetlb_folio(const struct huge_fault *hf, bool from_owner)
{
	struct hstate *h = hf->h;
	bool reserved = !from_owner && has_reservation(hf);
	uint64_t nodemask, used;
	int nid = policy_node(hf, &nodemask);
	pfn_t head = PFN_NONE;

	if (reserved || h->free_huge_pages > h->resv_huge_pages)
		head = dequeue_hugetlb_folio(h, nid, nodemask);
	if (head == PFN_NONE)
		head = alloc_surplus_hugetlb_folio(h, nid, nodemask);
	if (head == PFN_NONE) {
		h->alloc_fail++;
		return PFN_NONE;
	}
	if (reserved) {
		*folio_word(hf->mem, head) |= HUGETLB_RESTORE_RESERVE;
		h->resv_huge_pages -= !SEEDED_BUG(hf->mem, HUGETLB_RESERVE);
	}
	if (!from_owner && vma_resv_map(hf->vma))
		region_add(vma_resv_map(hf->vma), hf->idx, hf->idx + 1);
	used = h->nr_huge_pages - h->free_huge_pages;
	if (used > h->peak_used)
		h->peak_used = used;
	return head;
}

static void clear_huge_page(const struct huge_fault *hf, pfn_t head)
{
	clear_highpages(hf->mem, head, 1u << hf->h->order);
	if (unlikely(hf->mem->ktouch))
		for (uint32_t i = 0; i < 1u << hf->h->order; i++)
			ktouch_frame(hf->mem, head + i, true);
}

/* ---- mapping ---- */

static void set_entry(const struct huge_fault *hf, pfn_t head, bool writable)
{
	uint64_t prot = (vma_page_prot(hf->vma) & ~PTE_WRITE) | PTE_ACCESSED;

	if (writable && hf->vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE | PTE_DIRTY;
	pte_set(hf->table, hf->index, pfn_pte(head, prot));
}

static void map_folio(const struct huge_fault *hf, pfn_t head, bool writable)
{
	++*folio_entire_mapcount(hf->mem, head);
	hf->vma->vm_mm->hugetlb_usage += 1ull << hf->h->order;
	set_entry(hf, head, writable);
}

static void make_anon(const struct huge_fault *hf, pfn_t head)
{
	struct page *page = pfn_to_page(hf->mem, head);

	page->flags |= PG_ANON | PG_ANON_EXCLUSIVE | PG_UPTODATE;
	page->mapping = hf->vma->anon_vma->handle;
	page->index = linear_page_index(hf->vma, hf->address);
	*folio_word(hf->mem, head) &= ~HUGETLB_RESTORE_RESERVE;
}

/* The folio's first reference goes over to the file. */
static void add_to_file(const struct huge_fault *hf, pfn_t head)
{
	struct address_space *mapping = hf->vma->vm_mapping;
	struct page *page = pfn_to_page(hf->mem, head);

	page->flags |= PG_UPTODATE;
	page->mapping = mapping->handle;
	page->index = hf->idx << hf->h->order;
	*folio_word(hf->mem, head) &= ~HUGETLB_RESTORE_RESERVE;
	radix_set(&mapping->hugetlb->folios, hf->idx, (uint64_t)head + 1);
	mapping->hugetlb->nr_folios++;
}

static pfn_t find_in_file(const struct huge_fault *hf)
{
	return (pfn_t)(radix_get(&hf->vma->vm_mapping->hugetlb->folios, hf->idx) - 1);
}

/* ---- write to a read-only entry ---- */

/* Copies of the area that reserved nothing lose the page, so that the one who reserved can have it. */
static void unmap_ref_private(const struct huge_fault *hf)
{
	uint64_t granule = hf->vma->vm_pgoff + ((hf->address - hf->vma->vm_start) >> 12);
	struct address_space *mapping = hf->vma->vm_mapping;
	struct vm_area_struct *vma;

	for (vma = vma_interval_first(mapping, granule, granule); vma;
	     vma = vma_interval_next(vma, granule, granule)) {
		uint64_t addr = vma->vm_start + ((granule - vma->vm_pgoff) << 12);
		struct pgtable *table = pgtable_lookup(vma->vm_mm, addr, hf->h->level);
		struct mmu_gather tlb;

		if (vma == hf->vma || vma->vm_flags & VM_MAYSHARE || is_vma_resv_owner(vma) || !table ||
		    pte_pfn(table->ent[pte_index(hf->mem->geo, table, addr)]) != pte_pfn(hf->table->ent[hf->index]))
			continue;
		tlb_gather_mmu(&tlb, vma->vm_mm);
		unmap_hugepage_range(&tlb, vma, addr, addr + huge_page_size(hf->h));
		tlb_finish_mmu(&tlb);
		vma->vm_resv_unmapped = true;
	}
}

static bool can_reuse(const struct huge_fault *hf, pfn_t head)
{
	struct page *page = pfn_to_page(hf->mem, head);

	if (hugetlb_mapcount(hf->mem, head) != 1 || !(page->flags & PG_ANON))
		return false;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

static void replace_folio(const struct huge_fault *hf, pfn_t old, pfn_t head)
{
	make_anon(hf, head);
	++*folio_entire_mapcount(hf->mem, head);
	--*folio_entire_mapcount(hf->mem, old);
	set_entry(hf, head, true);
	flush_tlb_mm_range(hf->vma->vm_mm, hf->address, hf->address + huge_page_size(hf->h),
			   hf->h->order + hf->mem->geo->page_shift, false);
	hugetlb_put_folio(hf->mem, old);
}

static vm_fault_t hugetlb_wp(const struct huge_fault *hf)
{
	pfn_t old = pte_pfn(hf->table->ent[hf->index]), head;
	bool from_owner;

	if (is_shared(hf) || can_reuse(hf, old)) {
		set_entry(hf, old, true);
		return 0;
	}
	from_owner = is_vma_resv_owner(hf->vma) && old != find_in_file(hf);
	head = alloc_hugetlb_folio(hf, from_owner);
	if (head == PFN_NONE && from_owner) {
		unmap_ref_private(hf);
		if (can_reuse(hf, old)) {
			set_entry(hf, old, true);
			return 0;
		}
	}
	if (head == PFN_NONE)
		return VM_FAULT_SIGBUS;
	if (!anon_vma_prepare(hf->vma)) {
		hugetlb_put_folio(hf->mem, head);
		return VM_FAULT_OOM;
	}
	replace_folio(hf, old, head);
	return 0;
}

/* ---- nothing there yet ---- */

/* A new folio, of the file or of the area alone. */
static vm_fault_t instantiate(const struct huge_fault *hf, pfn_t *ret_head)
{
	pfn_t head;

	if (!is_shared(hf) && !anon_vma_prepare(hf->vma))
		return VM_FAULT_OOM;
	head = alloc_hugetlb_folio(hf, false);
	if (head == PFN_NONE)
		return VM_FAULT_SIGBUS;
	clear_huge_page(hf, head);
	if (is_shared(hf)) {
		add_to_file(hf, head);
		pfn_to_page(hf->mem, head)->_refcount++;
	} else {
		make_anon(hf, head);
	}
	*ret_head = head;
	return 0;
}

static vm_fault_t hugetlb_no_page(const struct huge_fault *hf)
{
	struct address_space *mapping = hf->vma->vm_mapping;
	pfn_t head = find_in_file(hf);
	vm_fault_t ret;

	if (hf->vma->vm_resv_unmapped || hf->idx >= mapping->size_bytes / huge_page_size(hf->h))
		return VM_FAULT_SIGBUS;
	if (head == PFN_NONE) {
		ret = instantiate(hf, &head);
		if (ret)
			return ret;
	} else {
		pfn_to_page(hf->mem, head)->_refcount++;
	}
	map_folio(hf, head, hf->vma->vm_flags & VM_SHARED);
	/* The copy, if it takes one, in the same fault. */
	if (is_write(hf) && !(hf->vma->vm_flags & VM_SHARED))
		return hugetlb_wp(hf);
	return 0;
}

/* ---- the tree ---- */

vm_fault_t hugetlb_fault(struct vm_area_struct *vma, uint64_t addr, unsigned flags)
{
	struct hstate *h = hstate_vma(vma);
	struct huge_fault hf = {
		.mem = h->mem, .vma = vma, .h = h, .address = addr & ~(huge_page_size(h) - 1), .flags = flags,
	};
	pte_t *pte;
	vm_fault_t ret;

	hf.idx = vma_hugecache_offset(vma, hf.address);
	hf.table = pgtable_alloc(vma->vm_mm, hf.address, h->level);
	if (!hf.table)
		return VM_FAULT_OOM;
	hf.index = pte_index(h->mem->geo, hf.table, hf.address);
	pte = &hf.table->ent[hf.index];
	if (pte_none(*pte)) {
		ret = hugetlb_no_page(&hf);
		if (!(ret & VM_FAULT_ERROR))
			count_vm_event(hf.mem, FAULT_HUGETLB);
		return ret;
	}
	if (is_write(&hf) && !pte_write(*pte)) {
		ret = hugetlb_wp(&hf);
		if (!(ret & VM_FAULT_ERROR))
			count_vm_event(hf.mem, FAULT_HUGETLB_WP);
		return ret;
	}
	pte->pte |= PTE_ACCESSED | (is_write(&hf) ? PTE_DIRTY : 0);
	count_vm_event(hf.mem, FAULT_SPURIOUS);
	return 0;
}
