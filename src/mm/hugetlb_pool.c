/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Pools of huge pages: see hugetlb_pool.h. */
#include "mm/hugetlb_pool.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mm/anon_vma.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/seeded_bug.h"
#include "mm/vma.h"

static uint64_t *folio_word(const struct memory *mem, pfn_t head)
{
	return &pfn_to_page(mem, head + 1)->index;
}

/* A folio is a row of so many allocations of that order. */
static unsigned chunk_order(const struct hstate *h)
{
	unsigned max = h->mem->geo->max_order;

	return h->order < max ? h->order : max;
}

static uint32_t nr_chunks(const struct hstate *h)
{
	return 1u << (h->order - chunk_order(h));
}

static int64_t nr_base_pages(const struct hstate *h)
{
	return 1ll << h->order;
}

struct hstate *size_to_hstate(const struct memory *mem, uint64_t bytes)
{
	for (unsigned i = 0; mem->hugetlb && i < mem->hugetlb->nr_hstates; i++)
		if (huge_page_size(&mem->hugetlb->hstates[i]) == bytes)
			return &mem->hugetlb->hstates[i];
	return NULL;
}

struct hstate *folio_hstate(const struct memory *mem, pfn_t head)
{
	return &mem->hugetlb->hstates[*folio_word(mem, head) & HUGETLB_HSTATE_MASK];
}

uint32_t hugetlb_mapcount(const struct memory *mem, pfn_t head)
{
	return *folio_entire_mapcount(mem, head);
}

uint64_t vma_hugecache_offset(const struct vm_area_struct *vma, uint64_t addr)
{
	const struct hstate *h = hstate_vma(vma);
	unsigned shift = h->order + h->mem->geo->page_shift;

	return ((addr - vma->vm_start) >> shift) + (vma->vm_pgoff >> (shift - 12));
}

/* ---- folios ---- */

static void make_folio(struct hstate *h, pfn_t head)
{
	uint32_t zone_flags = pfn_to_page(h->mem, head)->flags & PAGE_ZONE_MASK;
	unsigned order = chunk_order(h);

	for (uint32_t c = 0; c < nr_chunks(h); c++) {
		pfn_t chunk = head + (c << order);
		struct page *page = pfn_to_page(h->mem, chunk);

		for (uint32_t i = 0; i < 1u << order; i++)
			page[i] = (struct page){
				.flags = zone_flags | PG_HUGETLB | (i ? PG_TAIL : PG_HEAD | order << PAGE_ORDER_SHIFT),
				._refcount = !i, .next = i ? chunk : PFN_NONE, .prev = i ? 0 : PFN_NONE,
			};
	}
	*folio_word(h->mem, head) = (uint64_t)(h - h->mem->hugetlb->hstates);
}

static void free_folio(struct hstate *h, pfn_t head)
{
	unsigned order = chunk_order(h);

	for (uint32_t c = 0; c < nr_chunks(h); c++) {
		pfn_t chunk = head + (c << order);
		struct page *page = pfn_to_page(h->mem, chunk);

		page->flags &= PAGE_ZONE_MASK | PAGE_ORDER_MASK | PG_HEAD;
		page->mapping = page[1].mapping = 0;
		page->index = page[1].index = 0;
		free_pages_pfn(h->mem, chunk, order);
	}
}

static void enqueue(struct hstate *h, pfn_t head)
{
	unsigned nid = pfn_to_node(h->mem, head)->node_id;

	pfn_to_page(h->mem, head)->_refcount = 1;
	*folio_word(h->mem, head) |= HUGETLB_FREE;
	pfn_list_add(h->mem->mem_map, &h->free_list[nid], head);
	h->free_huge_pages += !SEEDED_BUG(h->mem, HUGETLB_COUNT);
	h->free_node[nid]++;
}

static void unlink_free(struct hstate *h, pfn_t head)
{
	unsigned nid = pfn_to_node(h->mem, head)->node_id;

	pfn_list_del(h->mem->mem_map, &h->free_list[nid], head);
	pfn_to_page(h->mem, head)->next = pfn_to_page(h->mem, head)->prev = PFN_NONE;
	*folio_word(h->mem, head) &= ~HUGETLB_FREE;
	h->free_huge_pages--;
	h->free_node[nid]--;
}

void hugetlb_add_folio(struct hstate *h, pfn_t head, bool surplus)
{
	struct pglist_data *pgdat = pfn_to_node(h->mem, head);

	make_folio(h, head);
	h->nr_huge_pages++;
	h->mem->hugetlb_total_pages += 1ull << h->order;
	h->nr_node[pgdat->node_id]++;
	h->surplus_huge_pages += surplus;
	h->surplus_node[pgdat->node_id] += surplus;
	mod_node_page_state(pgdat, NR_HUGETLB, nr_base_pages(h));
}

void hugetlb_enqueue_folio(struct hstate *h, pfn_t head)
{
	mod_node_page_state(pfn_to_node(h->mem, head), NR_HUGETLB, -nr_base_pages(h));
	enqueue(h, head);
}

/* Out of all counts and to the allocator. */
static void forget_folio(struct hstate *h, pfn_t head, bool surplus)
{
	unsigned nid = pfn_to_node(h->mem, head)->node_id;

	h->nr_huge_pages--;
	h->mem->hugetlb_total_pages -= 1ull << h->order;
	h->nr_node[nid]--;
	h->surplus_huge_pages -= surplus;
	h->surplus_node[nid] -= surplus;
	free_folio(h, head);
}

void hugetlb_remove_folio(struct hstate *h, pfn_t head, bool surplus)
{
	unlink_free(h, head);
	forget_folio(h, head, surplus);
}

/* As free_huge_folio(). */
static void free_huge_folio(struct memory *mem, pfn_t head)
{
	struct hstate *h = folio_hstate(mem, head);
	struct pglist_data *pgdat = pfn_to_node(mem, head);
	struct page *page = pfn_to_page(mem, head);
	uint64_t *word = folio_word(mem, head);

	VM_BUG_ON(*word & HUGETLB_FREE || hugetlb_mapcount(mem, head));
	if (*word & HUGETLB_RESTORE_RESERVE)
		h->resv_huge_pages++;
	*word &= HUGETLB_HSTATE_MASK;
	page->flags &= ~(PG_ANON | PG_ANON_EXCLUSIVE | PG_DIRTY | PG_UPTODATE | PG_REFERENCED);
	page->mapping = 0;
	mod_node_page_state(pgdat, NR_HUGETLB, -nr_base_pages(h));
	if (h->surplus_node[pgdat->node_id])
		forget_folio(h, head, true);
	else
		enqueue(h, head);
}

void hugetlb_put_folio(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	BUG_ON(page->_refcount <= 0);
	if (--page->_refcount == 0)
		free_huge_folio(mem, head);
}

pfn_t dequeue_hugetlb_folio(struct hstate *h, int nid, uint64_t nodemask)
{
	const struct pglist_data *pgdat =
		h->mem->nodes[nid == NUMA_NO_NODE ? h->mem->cpu_node[h->mem->cpu] : nid];
	const struct pglist_data *last = NULL;

	for (const struct zoneref *z = pgdat->zonelist; z->zone; z++) {
		unsigned node = z->zone->zone_pgdat->node_id;
		pfn_t head;

		if (z->zone->zone_pgdat == last || !(nodemask >> node & 1))
			continue;
		last = z->zone->zone_pgdat;
		head = h->free_list[node].first;
		if (head == PFN_NONE)
			continue;
		unlink_free(h, head);
		mod_node_page_state(z->zone->zone_pgdat, NR_HUGETLB, nr_base_pages(h));
		return head;
	}
	return PFN_NONE;
}

/* ---- reservations ---- */

uint64_t region_count(const struct resv_map *map, uint64_t from, uint64_t to)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < map->regions.nr; i++) {
		const struct file_region *r = &map->regions.data[i];
		uint64_t start = r->from > from ? r->from : from, end = r->to < to ? r->to : to;

		nr += start < end ? end - start : 0;
	}
	return nr;
}

uint64_t region_chg(const struct resv_map *map, uint64_t from, uint64_t to)
{
	return to - from - region_count(map, from, to);
}

/* The regions without those that overlap or touch [from, to); these widen it. */
static size_t absorb(struct resv_map *map, uint64_t *from, uint64_t *to)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < map->regions.nr; i++) {
		struct file_region r = map->regions.data[i];

		if (r.to < *from || r.from > *to) {
			at = r.to < *from ? kept + 1 : at;
			map->regions.data[kept++] = r;
			continue;
		}
		*from = r.from < *from ? r.from : *from;
		*to = r.to > *to ? r.to : *to;
	}
	map->regions.nr = kept;
	return at;
}

static void insert_region(struct resv_map *map, size_t at, uint64_t from, uint64_t to)
{
	(void)vec_push(&map->regions);
	for (size_t i = map->regions.nr - 1; i > at; i--)
		map->regions.data[i] = map->regions.data[i - 1];
	map->regions.data[at] = (struct file_region){ from, to };
}

uint64_t region_add(struct resv_map *map, uint64_t from, uint64_t to)
{
	uint64_t nr = region_chg(map, from, to);
	size_t at;

	if (!nr)
		return 0;
	at = absorb(map, &from, &to);
	insert_region(map, at, from, to);
	return nr;
}

uint64_t region_del(struct resv_map *map, uint64_t from, uint64_t to)
{
	uint64_t nr = region_count(map, from, to);
	size_t kept = 0;

	for (size_t i = 0; i < map->regions.nr; i++) {
		struct file_region r = map->regions.data[i];

		if (r.from < from && r.to > to) {	/* a hole in the middle */
			map->regions.data[i].to = from;
			insert_region(map, i + 1, to, r.to);
			return nr;
		}
		if (r.from >= from && r.to <= to)
			continue;
		if (r.from < from && r.to > from)
			r.to = from;
		else if (r.from < to && r.to > to)
			r.from = to;
		map->regions.data[kept++] = r;
	}
	map->regions.nr = kept;
	return nr;
}

struct resv_map *vma_resv_map(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYSHARE ? &vma->vm_mapping->hugetlb->resv : vma->vm_resv;
}

/* Surplus pages that lie in the pool: one from each node in turn. */
static bool free_one_surplus(struct hstate *h)
{
	for (unsigned i = 0; i < h->mem->nr_nodes; i++) {
		unsigned nid = h->next_nid_free++ % h->mem->nr_nodes;

		if (h->surplus_node[nid] && h->free_list[nid].first != PFN_NONE) {
			hugetlb_remove_folio(h, h->free_list[nid].first, true);
			return true;
		}
	}
	return false;
}

void hugetlb_unreserve(struct hstate *h, uint64_t nr)
{
	BUG_ON(nr > h->resv_huge_pages);
	h->resv_huge_pages -= nr;
	for (uint64_t left = nr < h->surplus_huge_pages ? nr : h->surplus_huge_pages; left && free_one_surplus(h); left--)
		;
}

void clear_vma_resv_huge_pages(struct vm_area_struct *vma)
{
	if (!vma->vm_resv)
		return;
	if (--vma->vm_resv->refs == 0) {
		vec_finish(&vma->vm_resv->regions);
		free(vma->vm_resv);
	}
	vma->vm_resv = NULL;
}

void hugetlb_vm_op_close(struct vm_area_struct *vma)
{
	uint64_t start, end, reserve;

	if (!is_vma_resv_owner(vma))
		return;
	start = vma_hugecache_offset(vma, vma->vm_start);
	end = vma_hugecache_offset(vma, vma->vm_end);
	reserve = region_chg(vma->vm_resv, start, end);
	if (reserve)
		hugetlb_unreserve(hstate_vma(vma), reserve);
	clear_vma_resv_huge_pages(vma);
}

/* ---- unmapping ---- */

/*
 * A page of a private area goes, and nobody else keeps it: the reservation that it used comes back to the area.
 */
static void restore_reserve(struct vm_area_struct *vma, uint64_t addr, pfn_t head)
{
	struct memory *mem = vma->vm_mm->mem;
	uint64_t idx = vma_hugecache_offset(vma, addr);

	if (hstate_vma(vma)->surplus_huge_pages || !is_vma_resv_owner(vma) ||
	    !(pfn_to_page(mem, head)->flags & PG_ANON) || pfn_to_page(mem, head)->_refcount != 1)
		return;
	/* Only what consumed one. */
	if (!region_count(vma->vm_resv, idx, idx + 1))
		return;
	*folio_word(mem, head) |= HUGETLB_RESTORE_RESERVE;
	region_del(vma->vm_resv, idx, idx + 1);
}

static void unmap_one(struct mmu_gather *tlb, struct vm_area_struct *vma, struct pgtable *table, uint64_t addr)
{
	struct memory *mem = vma->vm_mm->mem;
	const struct hstate *h = hstate_vma(vma);
	unsigned index = pte_index(mem->geo, table, addr);
	pte_t pte = table->ent[index];
	pfn_t head = pte_pfn(pte);

	if (pte_none(pte))
		return;
	pte_set(table, index, (pte_t){ 0 });
	tlb_remove_tlb_entry(tlb, addr, h->level);
	if (pte_dirty(pte))
		pfn_to_page(mem, head)->flags |= PG_DIRTY;
	vma->vm_mm->hugetlb_usage -= SEEDED_BUG(mem, HUGETLB_USAGE) ? 0 : (uint64_t)nr_base_pages(h);
	--*folio_entire_mapcount(mem, head);
	restore_reserve(vma, addr, head);
	tlb_remove_page(tlb);
	hugetlb_put_folio(mem, head);
}

void unmap_hugepage_range(struct mmu_gather *tlb, struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	const struct hstate *h = hstate_vma(vma);

	for (uint64_t addr = start; addr < end; addr += huge_page_size(h)) {
		struct pgtable *table = pgtable_lookup(vma->vm_mm, addr, h->level);

		if (table)
			unmap_one(tlb, vma, table, addr);
	}
}

/* ---- files ---- */

/* The folios of [from, to) leave the file, and what they had reserved with them. Nobody maps them. */
static void remove_folios(struct address_space *mapping, uint64_t from, uint64_t to)
{
	struct hugetlb_inode *inode = mapping->hugetlb;
	uint64_t index = from, value;

	while (radix_next(&inode->folios, index, &index, &value) && index < to) {
		radix_del(&inode->folios, index);
		region_del(&inode->resv, index, index + 1);
		hugetlb_put_folio(inode->h->mem, (pfn_t)(value - 1));
		inode->nr_folios--;
		index++;
	}
}

/* Everything from there on, what is reserved and untouched too. */
static void truncate_folios(struct address_space *mapping, uint64_t from)
{
	struct hugetlb_inode *inode = mapping->hugetlb;
	uint64_t untouched;

	remove_folios(mapping, from, UINT64_MAX);
	untouched = region_del(&inode->resv, from, UINT64_MAX);
	if (untouched)
		hugetlb_unreserve(inode->h, untouched);
}

/* Huge pages [from, to) of the file are mapped by nobody afterwards. */
static void unmap_range(struct address_space *mapping, uint64_t from, uint64_t to)
{
	const struct hstate *h = mapping->hugetlb->h;
	unsigned shift = h->order + h->mem->geo->page_shift - 12;
	uint64_t first = from << shift, last = to >= UINT64_MAX >> shift ? UINT64_MAX : (to << shift) - 1;
	struct vm_area_struct *vma;

	for (vma = vma_interval_first(mapping, first, last); vma; vma = vma_interval_next(vma, first, last)) {
		uint64_t start = vma->vm_start, end = vma->vm_end;
		struct mmu_gather tlb;

		if (first > vma->vm_pgoff)
			start += (first - vma->vm_pgoff) << 12;
		if (last - vma->vm_pgoff < (end - vma->vm_start) >> 12)
			end = vma->vm_start + ((last - vma->vm_pgoff + 1) << 12);
		tlb_gather_mmu(&tlb, vma->vm_mm);
		unmap_hugepage_range(&tlb, vma, start, end);
		tlb_finish_mmu(&tlb);
	}
}

void hugetlb_truncate(struct address_space *mapping, uint64_t size_bytes)
{
	const struct hstate *h = mapping->hugetlb->h;
	uint64_t from = size_bytes / huge_page_size(h) + !!(size_bytes & (huge_page_size(h) - 1));

	mapping->size_bytes = size_bytes;
	unmap_range(mapping, from, UINT64_MAX);
	truncate_folios(mapping, from);
}

void hugetlb_punch_hole(struct address_space *mapping, uint64_t start, uint64_t end)
{
	uint64_t size = huge_page_size(mapping->hugetlb->h), from = start / size + !!(start & (size - 1)), to = end / size;

	if (from >= to)
		return;
	unmap_range(mapping, from, to);
	remove_folios(mapping, from, to);
}

void hugetlb_evict_inode(struct address_space *mapping)
{
	struct hugetlb_inode *inode = mapping->hugetlb;

	truncate_folios(mapping, 0);
	radix_finish(&inode->folios);
	vec_finish(&inode->resv.regions);
	free(inode);
	mapping->hugetlb = NULL;
}

/* ---- consistency ---- */

#define report(why, ...) ((why) ? strbuf_addf(why, __VA_ARGS__) : (void)0)

static bool node_consistent(const struct hstate *h, unsigned nid, struct strbuf *why)
{
	uint64_t nr = 0;

	for (pfn_t pfn = h->free_list[nid].first; pfn != PFN_NONE; pfn = pfn_to_page(h->mem, pfn)->next) {
		const struct page *page = pfn_to_page(h->mem, pfn);

		if (!(page->flags & PG_HUGETLB) || page->_refcount != 1 || page->mapping || hugetlb_mapcount(h->mem, pfn) ||
		    folio_hstate(h->mem, pfn) != h || !(*folio_word(h->mem, pfn) & HUGETLB_FREE) ||
		    pfn_to_node(h->mem, pfn)->node_id != nid) {
			report(why, "hugetlb: free folio %u of node %u: flags %#x, %d references\n", pfn, nid,
				    page->flags, page->_refcount);
			return false;
		}
		nr++;
	}
	if (nr == h->free_node[nid] && nr <= h->nr_node[nid] && h->surplus_node[nid] <= h->nr_node[nid])
		return true;
	report(why, "hugetlb: node %u: %" PRIu64 " free of %" PRIu64 ", %" PRIu64 " found\n", nid, h->free_node[nid],
		    h->nr_node[nid], nr);
	return false;
}

static bool hstate_consistent(const struct hstate *h, struct strbuf *why)
{
	uint64_t nr = 0, free = 0, surplus = 0;

	for (unsigned nid = 0; nid < h->mem->nr_nodes; nid++) {
		if (!node_consistent(h, nid, why))
			return false;
		nr += h->nr_node[nid];
		free += h->free_node[nid];
		surplus += h->surplus_node[nid];
	}
	if (nr == h->nr_huge_pages && free == h->free_huge_pages && surplus == h->surplus_huge_pages &&
	    h->resv_huge_pages <= h->free_huge_pages)
		return true;
	report(why, "hugetlb: order %u: total %" PRIu64 " free %" PRIu64 " reserved %" PRIu64 " surplus %" PRIu64 "\n",
		    h->order, h->nr_huge_pages, h->free_huge_pages, h->resv_huge_pages, h->surplus_huge_pages);
	return false;
}

/* What one address space maps and has reserved. */
static void add_mm(const struct mm_struct *mm, uint64_t *mapped, uint64_t reserved[HUGE_MAX_HSTATE])
{
	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma)) {
		const struct hstate *h;

		if (!is_vm_hugetlb_page(vma))
			continue;
		h = hstate_vma(vma);
		for (uint64_t addr = vma->vm_start; addr < vma->vm_end; addr += huge_page_size(h)) {
			const struct pgtable *table = pgtable_lookup(mm, addr, h->level);

			*mapped += table && !pte_none(table->ent[pte_index(h->mem->geo, table, addr)]) ? 1ull << h->order : 0;
		}
		if (is_vma_resv_owner(vma))
			reserved[h - h->mem->hugetlb->hstates] +=
				region_chg(vma->vm_resv, vma_hugecache_offset(vma, vma->vm_start),
					   vma_hugecache_offset(vma, vma->vm_end));
	}
}

/* Reservations are those of files that have no page yet and of private areas that used none. */
static bool users_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t reserved[HUGE_MAX_HSTATE] = {0};
	const struct list_head *pos;

	list_for_each(pos, &mem->mms) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);
		uint64_t mapped = 0;

		add_mm(mm, &mapped, reserved);
		if (mapped != mm->hugetlb_usage) {
			report(why, "hugetlb: address space %u: %" PRIu64 " pages counted, %" PRIu64 " mapped\n", mm->id,
			       mm->hugetlb_usage, mapped);
			return false;
		}
	}
	list_for_each(pos, &mem->address_spaces) {
		const struct address_space *mapping = list_entry(pos, struct address_space, all);
		const struct hugetlb_inode *inode = mapping->hugetlb;

		if (inode)
			reserved[inode->h - mem->hugetlb->hstates] +=
				region_count(&inode->resv, 0, UINT64_MAX) - inode->nr_folios;
	}
	for (unsigned i = 0; i < mem->hugetlb->nr_hstates; i++)
		if (reserved[i] != mem->hugetlb->hstates[i].resv_huge_pages) {
			report(why, "hugetlb: order %u: %" PRIu64 " pages reserved, %" PRIu64 " by mappings\n",
			       mem->hugetlb->hstates[i].order, mem->hugetlb->hstates[i].resv_huge_pages, reserved[i]);
			return false;
		}
	return true;
}

bool hugetlb_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t used = 0, counted = 0;

	for (unsigned i = 0; mem->hugetlb && i < mem->hugetlb->nr_hstates; i++) {
		const struct hstate *h = &mem->hugetlb->hstates[i];

		if (!hstate_consistent(h, why))
			return false;
		used += (h->nr_huge_pages - h->free_huge_pages) << h->order;
	}
	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		counted += mem->nodes[nid]->vm_stat[NR_HUGETLB];
	if (used == counted)
		return !mem->hugetlb || users_consistent(mem, why);
	report(why, "hugetlb: nr_hugetlb %" PRIu64 ", %" PRIu64 " pages in use\n", counted, used);
	return false;
}
