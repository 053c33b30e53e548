/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Writing to and reading from swap: see swap_state.h. Kernel counterpart: mm/page_io.c.
 *
 * What it costs, by kind of area:
 *
 *	disk	a seek unless the slot follows the last one, then the transfer of each page; one request after the other
 *	ssd	a latency, which requests share, and the transfer of each page one after the other
 *	zram, zswap	the processor compresses when writing and decompresses when reading
 *
 * Reads go before writes that wait.
 */
#include "mm/deferred_split.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swapfile-internal.h"
#include "mm/writeback.h"
#include "mm/zspool.h"
#include "mm/zswap.h"

/* Device time at which nr pages from the slot on are transferred, behind what the device has to do. */
static uint64_t submit(struct swap_info_struct *si, uint32_t offset, unsigned nr, uint64_t *free_ns)
{
	struct memory *mem = si->sys->mem;
	const struct mm_config *conf = &mem->conf;
	uint64_t start = io_time(mem), latency = 0;

	if (start < *free_ns)
		start = *free_ns;
	if (is_rotating(si)) {
		start += offset == si->next_sector ? 0 : conf->swap_disk_seek_ns;
		*free_ns = start + nr * conf->swap_disk_page_ns;
	} else {
		latency = conf->swap_ssd_latency_ns;
		*free_ns = start + nr * conf->swap_ssd_page_ns;
	}
	si->next_sector = offset + nr;
	return *free_ns + latency;
}

/* ---- writing ---- */

static void count_swpout(struct memory *mem, pfn_t head, unsigned order)
{
	struct mem_cgroup *memcg = folio_memcg(mem, head);

	if (order)
		count_mthp_stat(mem, order, MTHP_STAT_SWPOUT);
	if (order && order == mem->geo->level[0].bits)
		count_vm_memcg_events(mem, memcg, THP_SWPOUT, 1);
	count_vm_memcg_events(mem, memcg, PSWPOUT, 1ull << order);
	count_vm_events(mem, PGPGOUT, 1ull << (order + mem->geo->page_shift - 10));
}

/* zram takes the page at once, or has no memory for it. */
static bool zram_write(struct swap_info_struct *si, uint32_t offset, unsigned nr)
{
	struct memory *mem = si->sys->mem;

	for (unsigned i = 0; i < nr; i++)
		if (!zspool_store(si->zspool, offset + i, __GFP_NOWARN | __GFP_HIGHMEM | __GFP_MOVABLE))
			return false;
	mem->swap->compress_ns += nr * mem->conf.swap_compress_ns;
	return true;
}

bool swap_writepage(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	swp_entry_t entry = page_swap_entry(mem, head);
	struct swap_info_struct *si = swp_info(mem, entry);
	unsigned order = page_order(page), nr = 1u << order;

	count_swpout(mem, head, order);
	if (si->kind != SWAP_ZRAM) {
		folio_start_writeback(mem, head, submit(si, swp_offset(entry), nr, &si->write_free_ns));
		return true;
	}
	if (zram_write(si, swp_offset(entry), nr))
		return true;
	/* A write error: the page is all there is of its content. */
	mem->swap->write_errors++;
	folio_mark_dirty(mem, head);
	page->flags &= ~PG_RECLAIM;
	return false;
}

bool swap_writeout(struct memory *mem, pfn_t head)
{
	unsigned order = page_order(pfn_to_page(mem, head));

	if (folio_free_swap(mem, head))
		return true;
	if (mem->swap->zswap && zswap_store(mem, head)) {
		mem->swap->compress_ns += mem->conf.swap_compress_ns << order;
		if (order)
			count_mthp_stat(mem, order, MTHP_STAT_ZSWPOUT);
		return true;
	}
	return swap_writepage(mem, head);
}

/* ---- reading ---- */

static uint64_t decompressed(struct memory *mem, unsigned nr)
{
	mem->swap->decompress_ns += nr * mem->conf.swap_decompress_ns;
	return io_time(mem) + nr * mem->conf.swap_decompress_ns;
}

uint64_t swap_read_folio(struct memory *mem, pfn_t head, swp_entry_t entry)
{
	struct page *page = pfn_to_page(mem, head);
	struct swap_info_struct *si = swp_info(mem, entry);
	unsigned order = page_order(page), nr = 1u << order;
	bool cached = page->flags & PG_SWAPCACHE;

	page->flags |= PG_UPTODATE;
	if (!order && zswap_load(mem, entry, cached)) {
		/* The swap cache has the only copy now. */
		if (cached)
			folio_mark_dirty(mem, head);
		return decompressed(mem, nr);
	}
	if (order)
		count_mthp_stat(mem, order, MTHP_STAT_SWPIN);
	count_vm_memcg_events(mem, folio_memcg(mem, head), PSWPIN, nr);
	count_vm_events(mem, PGPGIN, 1ull << (order + mem->geo->page_shift - 10));
	if (si->kind == SWAP_ZRAM)
		return decompressed(mem, nr);
	return submit(si, swp_offset(entry), nr, &si->read_free_ns);
}
