/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the parts of swapfile and swap_state share. Nobody else includes it. */
#ifndef MM_SWAPFILE_INTERNAL_H
#define MM_SWAPFILE_INTERNAL_H

#include "mm/swap_state.h"

/* The clusters of a new area, its map filled in. */
void swap_setup_clusters(struct swap_info_struct *si);
/* 2^order slots in a row, which get SWAP_HAS_CACHE. Entry 0: there are none. */
swp_entry_t swap_alloc_slots(struct memory *mem, unsigned order);
/* Slots whose map has become 0. */
void swap_entries_free(struct swap_info_struct *si, uint32_t offset, unsigned nr);
/*
 * Takes the folio of the slot out of the swap cache when nothing names its slots and it may go: always, with
 * unmapped_or_full only if nobody maps it or swap is full. Returns its pages, 0: it stays, or there is none.
 */
unsigned try_to_reclaim_swap(struct swap_info_struct *si, uint32_t offset, bool unmapped_or_full);

static inline unsigned cluster_slots(const struct swap_info_struct *si)
{
	return 1u << si->sys->cluster_shift;
}

static inline bool is_rotating(const struct swap_info_struct *si)
{
	return si->kind == SWAP_DISK || si->kind == SWAP_DISK_FILE;
}

static inline uint32_t cluster_offset(const struct swap_info_struct *si, const struct swap_cluster *ci)
{
	return (uint32_t)(ci - si->clusters) << si->sys->cluster_shift;
}

static inline uint32_t nr_clusters(const struct swap_info_struct *si)
{
	return (si->max + cluster_slots(si) - 1) >> si->sys->cluster_shift;
}

#endif
