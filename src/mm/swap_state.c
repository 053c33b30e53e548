/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The swap cache and read-ahead: see swap_state.h. */
#include "mm/seeded_bug.h"
#include "mm/swap_state.h"

#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/vma_policy.h"
#include "mm/workingset.h"
#include "mm/writeback.h"

/* ---- the cache ---- */

static uint64_t *slot_entry(const struct memory *mem, swp_entry_t entry)
{
	return &swp_info(mem, entry)->table[swp_offset(entry)];
}

pfn_t swap_cache_get_page(const struct memory *mem, swp_entry_t entry)
{
	uint64_t value = *slot_entry(mem, entry);

	return value && !is_shadow(value) ? (pfn_t)((value >> 1) - 1) : PFN_NONE;
}

pfn_t swap_cache_get_folio(const struct memory *mem, swp_entry_t entry)
{
	pfn_t pfn = swap_cache_get_page(mem, entry);

	return pfn == PFN_NONE ? pfn : folio_pfn(mem, pfn);
}

uint64_t swap_cache_get_shadow(const struct memory *mem, swp_entry_t entry)
{
	uint64_t value = *slot_entry(mem, entry);

	return is_shadow(value) ? value : 0;
}

static void count_cached(struct memory *mem, pfn_t head, int64_t nr)
{
	/* Groups do not count the swap cache with their files. */
	mod_node_page_state(pfn_to_node(mem, head), NR_FILE_PAGES, nr);
	lruvec_stat_mod_folio(mem, head, NR_SWAPCACHE, nr);
}

void swap_cache_add_folio(struct memory *mem, pfn_t head, swp_entry_t entry)
{
	struct page *page = pfn_to_page(mem, head);
	unsigned nr = 1u << page_order(page);

	VM_BUG_ON(page->flags & PG_SWAPCACHE);
	for (unsigned i = 0; i < nr; i++) {
		uint64_t *slot = slot_entry(mem, entry) + i;

		BUG_ON(*slot && !is_shadow(*slot));
		*slot = ((uint64_t)head + i + 1) << 1;
		mem->page_swap[head + i] = entry.val + i;
	}
	page->flags |= PG_SWAPCACHE;
	page->_refcount++;
	count_cached(mem, head, nr);
}

static void leave_cache(struct memory *mem, pfn_t head, uint64_t shadow)
{
	struct page *page = pfn_to_page(mem, head);
	swp_entry_t entry = page_swap_entry(mem, head);
	unsigned nr = 1u << page_order(page);

	BUG_ON((page->flags & (PG_SWAPCACHE | PG_WRITEBACK)) != PG_SWAPCACHE);
	for (unsigned i = 0; i < nr && !SEEDED_BUG(mem, SWAP_CACHE); i++)
		slot_entry(mem, entry)[i] = shadow;
	page->flags &= ~PG_SWAPCACHE;
	count_cached(mem, head, -(int64_t)nr);
}

/* The cache's slots and its reference. */
static void give_back(struct memory *mem, pfn_t head)
{
	swapcache_clear(mem, page_swap_entry(mem, head), 1u << page_order(pfn_to_page(mem, head)));
	put_page(mem, head);
}

void swap_cache_del_folio(struct memory *mem, pfn_t head, uint64_t shadow)
{
	leave_cache(mem, head, shadow);
	give_back(mem, head);
}

void swap_cache_evict(struct memory *mem, pfn_t head, uint64_t shadow)
{
	leave_cache(mem, head, shadow);
	/* Counted as its group's until here. */
	memcg1_swapout(mem, head, page_swap_entry(mem, head).val);
	give_back(mem, head);
}

void swap_cache_migrate(struct memory *mem, pfn_t src, pfn_t dst)
{
	struct page *from = pfn_to_page(mem, src);
	swp_entry_t entry = page_swap_entry(mem, src);
	unsigned nr = 1u << page_order(from);

	for (unsigned i = 0; i < nr; i++) {
		slot_entry(mem, entry)[i] = ((uint64_t)dst + i + 1) << 1;
		mem->page_swap[dst + i] = entry.val + i;
	}
	from->flags &= ~PG_SWAPCACHE;
	pfn_to_page(mem, dst)->flags |= PG_SWAPCACHE;
	count_cached(mem, src, -(int64_t)nr);
	count_cached(mem, dst, nr);
}

pfn_t swap_cache_alloc(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr)
{
	pfn_t head = vma ? vma_alloc_folio(vma, addr, 0, gfp) : alloc_pages(mem, gfp, 0, NUMA_NO_NODE);
	uint64_t shadow;

	if (head == PFN_NONE)
		return head;
	/* Whoever named the slot may have been killed for the memory. */
	if (!swap_count(mem, entry) || !swapcache_prepare(mem, entry, 1)) {
		put_page(mem, head);
		return PFN_NONE;
	}
	pfn_to_page(mem, head)->flags |= PG_SWAPBACKED;
	if (!mem_cgroup_swapin_charge(mem, head, NULL, gfp, entry.val)) {
		swapcache_clear(mem, entry, 1);
		put_page(mem, head);
		return PFN_NONE;
	}
	shadow = swap_cache_get_shadow(mem, entry);
	swap_cache_add_folio(mem, head, entry);
	memcg1_swapin(mem, entry.val, 1);
	if (shadow)
		workingset_refault(mem, head, shadow);
	folio_add_lru(mem, head);
	return head;
}

/* ---- reading ---- */

/* *ret_done: when what had to be read is there, 0: nothing had. */
static pfn_t read_one(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr,
		      uint64_t *ret_done)
{
	pfn_t head = swap_cache_get_folio(mem, entry);

	*ret_done = 0;
	if (head != PFN_NONE) {
		get_page(mem, head);
		return head;
	}
	if (!swap_count(mem, entry))
		return PFN_NONE;
	head = swap_cache_alloc(mem, entry, gfp, vma, addr);
	if (head != PFN_NONE)
		*ret_done = swap_read_folio(mem, head, entry);
	return head;
}

pfn_t read_swap_cache_async(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr,
			    bool *ret_read)
{
	uint64_t done;
	pfn_t head = read_one(mem, entry, gfp, vma, addr, &done);

	*ret_read = done != 0;
	return head;
}

/* A page that somebody may want soon. */
static void read_ahead(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr)
{
	bool read;
	pfn_t head = read_swap_cache_async(mem, entry, gfp, vma, addr, &read);

	if (head == PFN_NONE)
		return;
	if (read) {
		pfn_to_page(mem, head)->flags |= PG_READAHEAD;
		count_vm_event(mem, SWAP_RA);
	}
	put_page(mem, head);
}

/* The page that is wanted, among others that are read with it. */
static pfn_t read_wanted(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr,
			 uint64_t *done)
{
	uint64_t when;
	pfn_t head = read_one(mem, entry, gfp, vma, addr, &when);

	if (when)
		*done = when;
	return head;
}

/* ---- windows ---- */

/*
 * Pages to read: two more than hits since the last time, as a power of two; without hits two when this follows or precedes
 * the last one; at least half of the last window (__swapin_nr_pages).
 */
static unsigned ra_window(uint64_t prev, uint64_t at, unsigned hits, unsigned max, unsigned prev_win)
{
	unsigned pages = hits + 2;

	if (!hits) {
		pages = at == prev + 1 || at + 1 == prev ? 2 : 1;
	} else {
		for (pages = 4; pages < hits + 2;)
			pages *= 2;
	}
	if (pages > max)
		pages = max;
	return pages < prev_win / 2 ? prev_win / 2 : pages;
}

static unsigned cluster_window(struct swap_system *sys, uint32_t offset)
{
	unsigned max = 1u << sys->mem->conf.page_cluster, hits = sys->ra_hits;

	if (max <= 1)
		return 1;
	sys->ra_hits = 0;
	sys->ra_last_pages = ra_window(sys->ra_prev_offset, offset, hits, max, sys->ra_last_pages);
	if (!hits)
		sys->ra_prev_offset = offset;
	return sys->ra_last_pages;
}

static pfn_t cluster_readahead(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma,
			       uint64_t addr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t mask = cluster_window(mem->swap, swp_offset(entry)) - 1;
	uint32_t start = swp_offset(entry) & ~mask, end = swp_offset(entry) | mask;
	uint64_t done = 0;
	pfn_t head;

	if (!start)
		start++;	/* the header */
	if (end >= si->max)
		end = si->max - 1;
	for (uint32_t at = start; at <= end && mask; at++) {
		if (at != swp_offset(entry)) {
			read_ahead(mem, swp_entry(si->type, at), gfp, vma, addr);
			continue;
		}
		head = read_wanted(mem, entry, gfp, vma, addr, &done);
		if (head != PFN_NONE)
			put_page(mem, head);
	}
	head = read_wanted(mem, entry, gfp, vma, addr, &done);
	io_wait(mem, done, IO_STALL_SWAPIN);
	return head;
}

pfn_t swap_cluster_readahead(struct memory *mem, swp_entry_t entry, gfp_t gfp)
{
	return cluster_readahead(mem, entry, gfp, NULL, 0);
}

/* ---- by addresses ---- */

/*
 * vma->swap_readahead_info: address of the last fault | its window | hits since, the window and the hits in half of the bits
 * below the page size each. 0: nothing yet, as 4 hits.
 */
struct ra_info {
	uint64_t addr;
	unsigned win, hits;
};

static unsigned ra_hits_max(const struct memory *mem)
{
	return (1u << mem->geo->page_shift / 2) - 1;
}

static struct ra_info get_ra_info(const struct memory *mem, const struct vm_area_struct *vma)
{
	uint64_t val = vma->swap_readahead_info ? vma->swap_readahead_info : 4;
	uint64_t page_mask = ~((1ull << mem->geo->page_shift) - 1);

	return (struct ra_info){
		.addr = val & page_mask,
		.win = (unsigned)((val & ~page_mask) >> mem->geo->page_shift / 2),
		.hits = (unsigned)val & ra_hits_max(mem),
	};
}

static void set_ra_info(const struct memory *mem, struct vm_area_struct *vma, struct ra_info info)
{
	vma->swap_readahead_info = info.addr | (uint64_t)info.win << mem->geo->page_shift / 2 | info.hits;
}

#define SWAP_RA_ORDER_CEILING 5

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The addresses to read, within the area and one table (swap_vma_ra_win). False: the one that faulted alone. */
static bool vma_window(const struct vm_fault *vmf, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct geometry *geo = vmf->mem->geo;
	struct vm_area_struct *vma = vmf->vma;
	struct ra_info info = get_ra_info(vmf->mem, vma);
	uint64_t order = min_u64(vmf->mem->conf.page_cluster, geo->va_bits > 32 ? SWAP_RA_ORDER_CEILING : 3);
	uint64_t size = 1ull << geo->page_shift, table = 1ull << geo->level[1].shift, left, right, before;
	uint64_t table_start = vmf->address & ~(table - 1);
	unsigned win;

	if (!order)
		return false;
	win = ra_window(info.addr >> geo->page_shift, vmf->address >> geo->page_shift, info.hits, 1u << order, info.win);
	set_ra_info(vmf->mem, vma, (struct ra_info){ .addr = vmf->address, .win = win });
	if (win == 1)
		return false;
	if (vmf->address == info.addr + size)
		before = 0;
	else if (info.addr == vmf->address + size)
		before = win - 1;
	else
		before = (win - 1) / 2;
	left = vmf->address - min_u64(vmf->address, before << geo->page_shift);
	right = vmf->address - (before << geo->page_shift) + ((uint64_t)win << geo->page_shift);
	*ret_start = max_u64(left, max_u64(vma->vm_start, table_start));
	*ret_end = min_u64(right, min_u64(vma->vm_end, table_start + table));
	return true;
}

static pfn_t vma_readahead(struct vm_fault *vmf, swp_entry_t entry, gfp_t gfp)
{
	const struct geometry *geo = vmf->mem->geo;
	uint64_t start = 0, end = 0, done = 0;
	pfn_t head;

	if (!vma_window(vmf, &start, &end))
		end = start;
	for (uint64_t addr = start; addr < end; addr += 1ull << geo->page_shift) {
		pte_t pte = vmf->table->ent[pte_index(geo, vmf->table, addr)];

		if (!is_swap_pte(pte))
			continue;
		if (addr != vmf->address) {
			read_ahead(vmf->mem, pte_to_swp_entry(pte), gfp, vmf->vma, addr);
			continue;
		}
		head = read_wanted(vmf->mem, entry, gfp, vmf->vma, addr, &done);
		if (head != PFN_NONE)
			put_page(vmf->mem, head);
	}
	head = read_wanted(vmf->mem, entry, gfp, vmf->vma, vmf->address, &done);
	io_wait(vmf->mem, done, IO_STALL_SWAPIN);
	return head;
}

pfn_t swapin_readahead(struct vm_fault *vmf, swp_entry_t entry, gfp_t gfp)
{
	if (!vmf->mem->swap->nr_rotate)
		return vma_readahead(vmf, entry, gfp);
	return cluster_readahead(vmf->mem, entry, gfp, vmf->vma, vmf->address);
}

void swap_update_readahead(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr)
{
	struct page *page = pfn_to_page(mem, head);
	bool readahead = page->flags & PG_READAHEAD, by_vma = vma && !mem->swap->nr_rotate;

	if (page->flags & PG_HEAD)
		return;
	page->flags &= ~PG_READAHEAD;
	if (by_vma) {
		struct ra_info info = get_ra_info(mem, vma);

		info.addr = addr & ~((1ull << mem->geo->page_shift) - 1);
		info.hits += readahead && info.hits < ra_hits_max(mem);
		set_ra_info(mem, vma, info);
	}
	if (readahead) {
		count_vm_event(mem, SWAP_RA_HIT);
		mem->swap->ra_hits += !by_vma;
	}
}
