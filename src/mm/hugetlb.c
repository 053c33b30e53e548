/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Filling pools, reserving, forking: see hugetlb.h. Faults are in hugetlb-fault.c. */
#include "mm/hugetlb-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mm/contig.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"

/* Linux maps user memory with pages of the two levels above the base page at most. */
#define MAX_HUGE_LEVEL 2

void hugetlb_create(struct memory *mem)
{
	const struct geometry *geo = mem->geo;
	struct hugetlb *hugetlb = xcalloc(1, sizeof(*hugetlb));

	mem->hugetlb = hugetlb;
	for (unsigned level = 1; level < geo->nr_levels && level <= MAX_HUGE_LEVEL; level++) {
		struct hstate *h = &hugetlb->hstates[hugetlb->nr_hstates];

		if (!geo->level[level].may_leaf)
			continue;
		hugetlb->nr_hstates++;
		h->mem = mem;
		h->level = level;
		h->order = geo->level[level].shift - geo->page_shift;
		for (unsigned nid = 0; nid < MAX_NUMNODES; nid++)
			pfn_list_init(&h->free_list[nid]);
	}
}

void hugetlb_destroy(struct memory *mem)
{
	free(mem->hugetlb);
	mem->hugetlb = NULL;
}

static bool is_gigantic(const struct hstate *h)
{
	return h->order > h->mem->geo->max_order;
}

static pfn_t alloc_gigantic(struct hstate *h, gfp_t gfp, int nid, uint64_t nodemask)
{
	return alloc_contig_pages(h->mem, 1ull << h->order, gfp & ~__GFP_COMP, nid, nodemask);
}

/* A folio of the allocator's, in use and counted in the pool. PFN_NONE: none. (alloc_fresh_hugetlb_folio) */
static pfn_t alloc_fresh(struct hstate *h, gfp_t extra, int nid, uint64_t nodemask, bool surplus)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | extra;
	pfn_t head;

	if (is_gigantic(h)) {
		head = alloc_gigantic(h, gfp, nid, nodemask);
	} else {
		head = alloc_pages_nodemask(h->mem, gfp, h->order, nid, nodemask);
		count_vm_event(h->mem, head == PFN_NONE ? HTLB_BUDDY_PGALLOC_FAIL : HTLB_BUDDY_PGALLOC);
	}
	if (head != PFN_NONE)
		hugetlb_add_folio(h, head, surplus);
	return head;
}

pfn_t alloc_surplus_hugetlb_folio(struct hstate *h, int nid, uint64_t nodemask)
{
	if (h->surplus_huge_pages >= h->nr_overcommit_huge_pages)
		return PFN_NONE;
	return alloc_fresh(h, 0, nid, nodemask, true);
}

/* ---- the size of the pool ---- */

static uint64_t nodes_allowed(const struct memory *mem, uint64_t nodes)
{
	uint64_t mask = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n] && mem->nodes[n]->has_memory && (!nodes || nodes >> n & 1))
			mask |= 1ull << n;
	return mask;
}

/* Pages on those nodes that stay. */
static uint64_t pool_size(const struct hstate *h, uint64_t allowed)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < h->mem->nr_nodes; n++)
		nr += allowed >> n & 1 ? h->nr_node[n] - h->surplus_node[n] : 0;
	return nr;
}

static bool grow_pool(struct hstate *h, uint64_t allowed)
{
	for (unsigned i = 0; i < h->mem->nr_nodes; i++) {
		unsigned nid = h->next_nid_alloc++ % h->mem->nr_nodes;
		pfn_t head;

		if (!(allowed >> nid & 1))
			continue;
		head = alloc_fresh(h, __GFP_THISNODE, (int)nid, 1ull << nid, false);
		if (head != PFN_NONE) {
			hugetlb_enqueue_folio(h, head);
			return true;
		}
	}
	return false;
}

static bool shrink_pool(struct hstate *h, uint64_t allowed)
{
	if (h->free_huge_pages <= h->resv_huge_pages)
		return false;
	for (unsigned i = 0; i < h->mem->nr_nodes; i++) {
		unsigned nid = h->next_nid_free++ % h->mem->nr_nodes;

		if (allowed >> nid & 1 && h->free_list[nid].first != PFN_NONE) {
			hugetlb_remove_folio(h, h->free_list[nid].first, false);
			return true;
		}
	}
	return false;
}

/* A surplus page stays, or one that stays becomes surplus. */
static bool adjust_surplus(struct hstate *h, uint64_t allowed, bool stays)
{
	for (unsigned nid = 0; nid < h->mem->nr_nodes; nid++) {
		if (!(allowed >> nid & 1) || (stays ? !h->surplus_node[nid] : h->surplus_node[nid] >= h->nr_node[nid]))
			continue;
		h->surplus_node[nid] += stays ? -1ull : 1;
		h->surplus_huge_pages += stays ? -1ull : 1;
		return true;
	}
	return false;
}

uint64_t set_max_huge_pages(struct hstate *h, uint64_t nr, uint64_t nodes)
{
	uint64_t allowed = nodes_allowed(h->mem, nodes);

	while (pool_size(h, allowed) < nr && (adjust_surplus(h, allowed, true) || grow_pool(h, allowed)))
		;
	while (pool_size(h, allowed) > nr && (shrink_pool(h, allowed) || adjust_surplus(h, allowed, false)))
		;
	h->max_huge_pages = nr;
	return pool_size(h, allowed);
}

uint64_t hugetlb_size_bytes(unsigned i)
{
	static const uint16_t mib[HUGETLB_SIZES] = { 2, 4, 32, 512, 1024 };

	return (uint64_t)mib[i] << 20;
}

static int setup_pool(struct memory *mem, unsigned i, struct mmr_error *err)
{
	const struct mm_config *c = &mem->conf;
	struct hstate *h = size_to_hstate(mem, hugetlb_size_bytes(i));

	if (!h) {
		if (!c->hugetlb_nr[i] && !c->hugetlb_overcommit[i])
			return 0;
		return err_set(err, -EINVAL, "the machine has no huge pages of %u KiB, but hugetlb.hugepages-%ukB.* is set",
			       (unsigned)(hugetlb_size_bytes(i) >> 10), (unsigned)(hugetlb_size_bytes(i) >> 10));
	}
	h->nr_overcommit_huge_pages = c->hugetlb_overcommit[i];
	set_max_huge_pages(h, c->hugetlb_nr[i], c->hugetlb_nodes[i]);
	return 0;
}

/* What the boot counted is not the program's. */
static void forget_counts(struct memory *mem, const uint64_t *events)
{
	memcpy(mem->vm_event, events, sizeof(mem->vm_event));
	memset(mem->alloc_order, 0, sizeof(mem->alloc_order));
	memset(mem->alloc_order_failed, 0, sizeof(mem->alloc_order_failed));
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; mem->nodes[n] && t < MAX_NR_ZONES; t++)
			for (unsigned item = NUMA_HIT; item <= NUMA_OTHER; item++)
				mem->nodes[n]->node_zones[t].vm_stat[item] = 0;
}

int hugetlb_setup(struct memory *mem, struct mmr_error *err)
{
	uint64_t events[NR_VM_EVENT_ITEMS], bytes = mem->conf.hugetlb_default_bytes;
	bool any = false;
	int rc = 0;

	if (bytes && !size_to_hstate(mem, bytes))
		return err_set(err, -EINVAL, "the machine has no huge pages of hugetlb.default_size");
	if (bytes)
		mem->hugetlb->default_hstate = (unsigned)(size_to_hstate(mem, bytes) - mem->hugetlb->hstates);
	memcpy(events, mem->vm_event, sizeof(events));
	for (unsigned i = 0; i < HUGETLB_SIZES && !rc; i++) {
		any |= mem->conf.hugetlb_nr[i] != 0;
		rc = setup_pool(mem, i, err);
	}
	if (any)
		forget_counts(mem, events);
	return rc;
}

/* ---- reservations ---- */

/* As many more free pages as reservations need, from what overcommit permits. (gather_surplus_pages) */
static bool gather_surplus_pages(struct hstate *h, uint64_t needed)
{
	VEC(pfn_t) got = {0};
	bool ok = true;

	while (ok && got.nr < needed) {
		pfn_t head = alloc_surplus_hugetlb_folio(h, NUMA_NO_NODE, NODEMASK_ALL);

		ok = head != PFN_NONE;
		if (ok)
			*vec_push(&got) = head;
	}
	for (size_t i = 0; i < got.nr; i++) {
		hugetlb_enqueue_folio(h, got.data[i]);
		if (!ok)
			hugetlb_remove_folio(h, got.data[i], true);
	}
	vec_finish(&got);
	return ok;
}

/* Sets so many huge pages aside for a mapping. */
static int reserve(struct hstate *h, uint64_t nr)
{
	uint64_t want = h->resv_huge_pages + nr;

	if (want > h->free_huge_pages && !gather_surplus_pages(h, want - h->free_huge_pages)) {
		h->mmap_fail++;
		return -ENOMEM;
	}
	h->resv_huge_pages += nr;
	return 0;
}

int hugetlb_reserve_pages(struct vm_area_struct *vma)
{
	struct hugetlb_inode *inode = vma->vm_mapping->hugetlb;
	uint64_t from = vma_hugecache_offset(vma, vma->vm_start), to = vma_hugecache_offset(vma, vma->vm_end);
	int err;

	if (vma->vm_flags & VM_NORESERVE)
		return 0;
	if (vma->vm_flags & VM_MAYSHARE) {
		err = reserve(inode->h, region_chg(&inode->resv, from, to));
		if (!err)
			region_add(&inode->resv, from, to);
		return err;
	}
	err = reserve(inode->h, to - from);
	if (err)
		return err;
	vma->vm_resv = xcalloc(1, sizeof(*vma->vm_resv));
	vma->vm_resv->refs = 1;
	return 0;
}

void hugetlb_file_setup(struct address_space *mapping, struct hstate *h)
{
	struct hugetlb_inode *inode = xcalloc(1, sizeof(*inode));

	BUG_ON(mapping->hugetlb);
	inode->h = h;
	inode->resv.refs = 1;
	radix_init(&inode->folios);
	mapping->hugetlb = inode;
}

/* ---- fork ---- */

void hugetlb_dup_vma_private(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		clear_vma_resv_huge_pages(vma);
}

/* The child's entry, as the parent's; neither may write to a private page any more. */
static bool copy_one(struct vm_area_struct *dst, struct vm_area_struct *src, struct pgtable *table, uint64_t addr)
{
	struct memory *mem = src->vm_mm->mem;
	unsigned index = pte_index(mem->geo, table, addr);
	pte_t pte = table->ent[index];
	pfn_t head = pte_pfn(pte);
	struct pgtable *to;

	if (pte_none(pte))
		return true;
	to = pgtable_alloc(dst->vm_mm, addr, hstate_vma(src)->level);
	if (!to)
		return false;
	if (!(src->vm_flags & VM_SHARED)) {
		table->ent[index].pte &= ~PTE_WRITE;
		pte.pte &= ~PTE_WRITE;
		pfn_to_page(mem, head)->flags &= ~PG_ANON_EXCLUSIVE;
	}
	pfn_to_page(mem, head)->_refcount++;
	++*folio_entire_mapcount(mem, head);
	pte_set(to, index, pte);
	dst->vm_mm->hugetlb_usage += 1ull << hstate_vma(src)->order;
	count_vm_event(mem, FORK_COPIED_PTES);
	return true;
}

bool copy_hugetlb_page_range(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	const struct hstate *h = hstate_vma(src);

	for (uint64_t addr = src->vm_start; addr < src->vm_end; addr += huge_page_size(h)) {
		struct pgtable *table = pgtable_lookup(src->vm_mm, addr, h->level);

		if (table && !copy_one(dst, src, table, addr))
			return false;
	}
	return true;
}

/* ---- mprotect and mremap ---- */

uint64_t hugetlb_change_protection(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	const struct hstate *h = hstate_vma(vma);
	uint64_t changed = 0;

	for (uint64_t addr = start; addr < end; addr += huge_page_size(h)) {
		struct pgtable *table = pgtable_lookup(vma->vm_mm, addr, h->level);
		pte_t *pte = table ? &table->ent[pte_index(h->mem->geo, table, addr)] : NULL;

		if (!pte || pte_none(*pte))
			continue;
		/* What may be written again shows at the next write. */
		*pte = pfn_pte(pte_pfn(*pte), vma_page_prot(vma) | (pte->pte & (PTE_ACCESSED | PTE_DIRTY)));
		changed += 1ull << h->order;
	}
	if (changed)
		flush_tlb_mm_range(vma->vm_mm, start, end, h->order + h->mem->geo->page_shift, false);
	return changed;
}

bool move_hugetlb_page_tables(struct vm_area_struct *vma, uint64_t old_addr, uint64_t new_addr, uint64_t len)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct hstate *h = hstate_vma(vma);
	bool ok = true;

	for (uint64_t off = 0; off < len && ok; off += huge_page_size(h)) {
		struct pgtable *from = pgtable_lookup(mm, old_addr + off, h->level), *to;
		unsigned index = from ? pte_index(mm->mem->geo, from, old_addr + off) : 0;

		if (!from || pte_none(from->ent[index]))
			continue;
		to = pgtable_alloc(mm, new_addr + off, h->level);
		ok = to;
		if (!ok)
			break;
		pte_set(to, pte_index(mm->mem->geo, to, new_addr + off), from->ent[index]);
		pte_set(from, index, (pte_t){ 0 });
	}
	flush_tlb_mm_range(mm, old_addr, old_addr + len, h->order + mm->mem->geo->page_shift, false);
	return ok;
}
