/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Swap areas and their slots. Kernel counterpart: mm/swapfile.c, include/linux/swap.h, of 6.18.
 *
 * Modelled: areas with priorities, equal ones in turn; clusters of slots on free, nonfull, fragmented and full lists by
 * order, a cluster of its own for each CPU and order on areas that do not rotate, one for all on those that do; runs of
 * slots for large folios; how often each slot is used, by entries of page tables and of shmem; slots that only
 * the swap cache keeps, and when they are taken back (vm_swap_full); the kernel's memory for all this (vmalloc).
 * Simplified: counts beyond 62 need no continuation page; an area is whole from boot to the end; slots that only the
 * cache keeps are taken back at once when the area becomes full, not by a worker.
 * Left out: discard, swap files with holes, swapoff, hibernation.
 *
 * Invariants (swap_consistent()):
 *	area: inuse_pages = slots whose map is neither 0 nor bad
 *	cluster: count = its slots whose map is not 0
 *	slot: SWAP_HAS_CACHE <=> table[] names a folio, and that folio's page_swap names the slot
 *	slot: count = entries in page tables + entries of shmem that name it
 */
#ifndef MM_SWAPFILE_H
#define MM_SWAPFILE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "mm/mm_types.h"
#include "mm/pgtable.h"

#define MAX_SWAPFILES (1u << SWP_TYPE_BITS)

/* What an area stands on: how it is read ahead, how slots are chosen, what it costs. */
enum swap_kind {
	SWAP_DISK,	/* rotates: one cluster for all, read-ahead by slots */
	SWAP_SSD,	/* a cluster for each CPU, read-ahead by addresses */
	SWAP_FILE,	/* a file on an SSD: no runs of slots, so large folios are split first */
	SWAP_DISK_FILE,	/* a file on a disk that rotates */
	SWAP_ZRAM,	/* compressed memory: read at once, without the swap cache where one entry alone names the slot */
};

/* struct swap_info_struct.map */
#define SWAP_HAS_CACHE	(1u << 31)
#define SWAP_MAP_BAD	(1u << 30)
#define SWAP_MAP_COUNT	(SWAP_MAP_BAD - 1)

enum swap_cluster_state { CLUSTER_NONE, CLUSTER_FREE, CLUSTER_NONFULL, CLUSTER_FRAG, CLUSTER_FULL };

struct swap_cluster {
	struct list_head list;
	pfn_t table_pfn;	/* the page of its swap table while a slot is in use, PFN_NONE */
	uint16_t count;		/* slots in use, bad ones too */
	uint8_t order;		/* of the runs it was begun with */
	uint8_t state;
};

/* Slot 0 is the area's header: never used, so that an entry of value 0 is none. */
struct swap_info_struct {
	struct swap_system *sys;
	unsigned type;			/* its number */
	int prio;
	enum swap_kind kind;
	uint32_t max;			/* slots, the header too */
	uint32_t pages;			/* usable slots */
	uint32_t inuse_pages;
	uint32_t *map;			/* by slot: SWAP_HAS_CACHE, bad, or how many entries name it */
	uint64_t *table;		/* by slot: (pfn + 1) << 1 of the page in the swap cache, or a shadow (mm/workingset.h), or 0 */
	struct swap_cluster *clusters;
	struct list_head free_clusters, full_clusters;
	struct list_head nonfull_clusters[MAX_ORDER_LIMIT], frag_clusters[MAX_ORDER_LIMIT];
	uint32_t global_next[MAX_ORDER_LIMIT];	/* of areas that rotate: the slot to go on with, 0 none */
	struct list_head avail;		/* in sys->avail while it has room: the highest priority first */
	struct zspool *zspool;		/* zram: where the pages are */
	uint32_t next_sector;		/* disk: slot behind the last one read or written, another needs a seek */
	uint64_t read_free_ns, write_free_ns;	/* device time (mm/writeback.h) at which it has done what it was given */
	uint64_t kernel_objects[3];	/* kernel addresses of its map, clusters and zero map (vmalloc) */
};

/* Of one CPU and order. */
struct percpu_swap_cluster {
	struct swap_info_struct *si;
	uint32_t offset;
};

struct swap_system {
	struct memory *mem;
	struct swap_info_struct *info[MAX_SWAPFILES];
	unsigned nr_info;
	unsigned nr_rotate;		/* areas that rotate: then read-ahead goes by slots */
	struct list_head avail;
	unsigned cluster_shift;		/* log2 of the slots of a cluster */
	struct percpu_swap_cluster *percpu;	/* [cpu * MAX_ORDER_LIMIT + order] */
	/* read-ahead by slots: mm/swap_state.c */
	uint32_t ra_hits, ra_prev_offset, ra_last_pages;
	struct zswap *zswap;		/* NULL: off */
	uint64_t nr_full;		/* folios that found no slot */
	uint64_t write_errors;		/* folios that zram had no memory for */
	uint64_t compress_ns, decompress_ns;	/* processor time */
};

/* One area, as it is to be switched on. */
struct swap_area_desc {
	uint64_t size_bytes;
	int prio;			/* -1 to 32767; below 0: the next lower one (as swapon without a priority) */
	enum swap_kind kind;
};

/* ---- areas ---- */

/* Makes memory->swap with the areas of memory->conf, if there are any. Behind writeback_create() and mem_cgroup_init(). */
int swap_create(struct memory *mem, struct mmr_error *err);
void swap_destroy(struct memory *mem);
/* The same without areas: for tests. */
void swap_system_create(struct memory *mem);
/* Switches one area on. */
int swapon(struct memory *mem, const struct swap_area_desc *desc, struct mmr_error *err);

static inline uint64_t get_nr_swap_pages(const struct memory *mem)
{
	return (uint64_t)mem->nr_swap_pages;
}

static inline uint64_t total_swap_pages(const struct memory *mem)
{
	return mem->total_swap_pages;
}

/* More than half of swap is in use: slots that only the cache keeps are given up. */
static inline bool vm_swap_full(const struct memory *mem)
{
	return mem->nr_swap_pages * 2 < (int64_t)mem->total_swap_pages;
}

static inline struct swap_info_struct *swp_info(const struct memory *mem, swp_entry_t entry)
{
	return mem->swap->info[swp_type(entry)];
}

/* ---- slots ---- */

/*
 * Slots for a folio, which comes into the swap cache with them. False: there are none (a large folio may still find
 * room once it is split), or its memory cgroup may have no more.
 */
bool folio_alloc_swap(struct memory *mem, pfn_t head);
/* The caller has a reference. Out of the swap cache when nothing else names its slots, and dirty then. False: it stays, or is in none. */
bool folio_free_swap(struct memory *mem, pfn_t head);
/* Somebody who had a reference has unmapped the folio: if nobody maps it, its slots serve nobody. */
void __free_swap_cache(struct memory *mem, pfn_t head);
static inline void free_swap_cache(struct memory *mem, pfn_t head)
{
	if (unlikely(pfn_to_page(mem, head)->flags & PG_SWAPCACHE))
		__free_swap_cache(mem, head);
}
/* One more entry names each of nr slots. */
void swap_dup_nr(struct memory *mem, swp_entry_t entry, unsigned nr);
/* One entry less; slots that nothing names are free. */
void swap_free_nr(struct memory *mem, swp_entry_t entry, unsigned nr);
/* The same for who unmaps: pages in the swap cache that nobody maps any more go too. */
void free_swap_and_cache_nr(struct memory *mem, swp_entry_t entry, unsigned nr);
/* The swap cache has, or has no longer, nr slots. */
bool swapcache_prepare(struct memory *mem, swp_entry_t entry, unsigned nr);
void swapcache_clear(struct memory *mem, swp_entry_t entry, unsigned nr);

/* Entries that name the slot, the swap cache not counted. */
static inline uint32_t swap_count(const struct memory *mem, swp_entry_t entry)
{
	uint32_t map = swp_info(mem, entry)->map[swp_offset(entry)];

	return map & SWAP_MAP_BAD ? 0 : map & SWAP_MAP_COUNT;
}

/* Is swap full, for the machine or for the folio's memory cgroup? Then pages in memory give their slots up. */
bool mem_cgroup_swap_full(const struct memory *mem, pfn_t head);
/* Does any entry name a slot of the folio, which is in the swap cache? */
bool folio_swapped(const struct memory *mem, pfn_t head);

/*
 * Every area, cluster and list; all entries of page tables and of shmem against the counts. Slow on purpose. False: `why`
 * (may be NULL) gets a line for each contradiction.
 */
bool swap_consistent(const struct memory *mem, struct strbuf *why);
/* The same without those who name the slots: where a test does. */
bool swap_slots_consistent(const struct memory *mem, struct strbuf *why);

#endif
