/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The swap cache, reading from swap and read-ahead. Kernel counterpart: mm/swap_state.c, mm/page_io.c of 6.18.
 *
 * Modelled: a folio in the swap cache holds its slots, and the cache one reference on it (the kernel's: one a page);
 * shadows of evicted folios in the slots; read-ahead by slots, aligned, with a window that hits make larger, where any area
 * rotates; else by addresses of the area, with a window of each area; pages written and read, what that costs.
 * Simplified: a read is done at once and its time counted as a stall.
 * Left out: pages that are all zero (a trace does not know contents), so swpin_zero and swpout_zero.
 */
#ifndef MM_SWAP_STATE_H
#define MM_SWAP_STATE_H

#include "mm/swapfile.h"
#include "mm/vm_fault.h"

/* Slot of the page, which must be in the swap cache; that of the head is the folio's first. */
static inline swp_entry_t page_swap_entry(const struct memory *mem, pfn_t pfn)
{
	return (swp_entry_t){ mem->page_swap[pfn] };
}

/* The page (not the head) that is in the cache for the slot, PFN_NONE: none. Takes no reference. */
pfn_t swap_cache_get_page(const struct memory *mem, swp_entry_t entry);
/* The same, the head of its folio. */
pfn_t swap_cache_get_folio(const struct memory *mem, swp_entry_t entry);
/* What the last page in the slot left behind when it was evicted, 0 nothing. */
uint64_t swap_cache_get_shadow(const struct memory *mem, swp_entry_t entry);
/* The folio comes into the cache with 2^order slots from `entry` on, which have SWAP_HAS_CACHE already. Takes a reference. */
void swap_cache_add_folio(struct memory *mem, pfn_t head, swp_entry_t entry);
/* Out of the cache, a shadow (0: none) for each page; the cache's slots and its reference go. */
void swap_cache_del_folio(struct memory *mem, pfn_t head, uint64_t shadow);

/* The same for reclaim: with cgroup v1 the charge goes over to the slots. */
void swap_cache_evict(struct memory *mem, pfn_t head, uint64_t shadow);
/* The folio moves to other frames: its slots go along (folio_migrate_mapping). References are the caller's. */
void swap_cache_migrate(struct memory *mem, pfn_t src, pfn_t dst);

/*
 * Starts writing a folio of the swap cache to its slots (swap_writeout). Clean afterwards; PG_WRITEBACK until the device
 * has it (at once on zram and in zswap). A folio whose slots nothing names any more is only taken out of the cache.
 * False: it could not be written, and is dirty again.
 */
bool swap_writeout(struct memory *mem, pfn_t head);
/* The same past zswap, and without a look whether that is needed. */
bool swap_writepage(struct memory *mem, pfn_t head);
/*
 * Reads the folio's pages from its slots `entry` ...: counts pswpin or zswpin. Returns the device time at which they are
 * there: who needs them waits for it (io_wait()).
 */
uint64_t swap_read_folio(struct memory *mem, pfn_t head, swp_entry_t entry);

/*
 * A new page for a slot that has none, charged and in the swap cache, on its list, with a reference for the caller; not read yet.
 * vma, addr: whose policy says where it lies (NULL: the task's). PFN_NONE: no memory, or nothing names the slot, or the
 * cache has got it meanwhile.
 */
pfn_t swap_cache_alloc(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr);
/*
 * The folio of a slot, read into the swap cache if it is not there yet. *ret_read: it was read. PFN_NONE: no memory, or
 * nothing names the slot. The caller gets a reference.
 */
pfn_t read_swap_cache_async(struct memory *mem, swp_entry_t entry, gfp_t gfp, struct vm_area_struct *vma, uint64_t addr,
			    bool *ret_read);
/* The same with its neighbours: by slots, for who has no area (shmem). */
pfn_t swap_cluster_readahead(struct memory *mem, swp_entry_t entry, gfp_t gfp);
/* For a fault: by slots or by addresses. */
pfn_t swapin_readahead(struct vm_fault *vmf, swp_entry_t entry, gfp_t gfp);
/* A folio was found in the swap cache: was it read ahead? vma NULL: not by a fault. */
void swap_update_readahead(struct memory *mem, pfn_t head, struct vm_area_struct *vma, uint64_t addr);

#endif
