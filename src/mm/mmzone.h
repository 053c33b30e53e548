/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Physical memory: pages, sections, zones, nodes. Kernel counterpart: include/linux/mmzone.h,
 * mm_types.h (struct page).
 *
 * Modelled: nodes, zones with watermarks and lowmem reserves, free areas by order and migrate type,
 * per-cpu lists, sparse sections. Left out here: LRU vectors (lru), memory hotplug.
 *
 * A page is named by its frame number (pfn_t: the physical address >> page shift); lists are linked
 * by frame numbers, so that struct page stays 32 bytes. A section's pages exist once something in
 * it was touched; memory that was never allocated from is a range of the zone (zone->virgin), not
 * pages.
 */
#ifndef MM_MMZONE_H
#define MM_MMZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/gfp.h"
#include "mm/page-flags.h"
#include "mm/vmstat.h"

typedef uint32_t pfn_t;
#define PFN_NONE	UINT32_MAX

#define MAX_ORDER_LIMIT	14	/* largest order of any machine + 1 */
#define MAX_NUMNODES	64
#define NUMA_NO_NODE	(-1)
#define NODEMASK_ALL	UINT64_MAX

/*
 * One frame. What `index`, `next` and `prev` mean goes by the flags:
 *	PG_BUDDY, PG_PCP	next, prev: the free list
 *	PG_TABLE		index: the address of the struct pgtable
 *	PG_SLAB			index: the address of the struct slab (head page)
 *	PG_ANON			mapping: anon_vma, index: granule of the address, linear in it
 *	PG_TAIL			next: pfn of the head
 *	otherwise mapped	mapping: address_space, index: granule in the file
 */
struct page {
	uint32_t flags;		/* PG_*, order, zone */
	int32_t _refcount;	/* 0 when free; of a large folio: on the head */
	int32_t _mapcount;	/* page-table entries that map this page; 0 when unmapped */
	uint32_t mapping;	/* handle into memory->mappings, 0 none */
	uint64_t index;
	pfn_t next, prev;	/* on a list (free, per-cpu, LRU) */
};
_Static_assert(sizeof(struct page) == 32, "struct page is the model's largest array");

/* Doubly linked through page->next and page->prev; the helpers are in mm/memmap.h. */
struct pfn_list {
	pfn_t first, last;	/* PFN_NONE when empty */
	uint64_t nr;
};

/* 2^SECTION_SHIFT pages: 128 MiB of 4K pages, as SECTION_SIZE_BITS of x86-64 */
#define SECTION_SHIFT	15
#define SECTION_PAGES	(1u << SECTION_SHIFT)

enum migratetype {
	MIGRATE_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_PCPTYPES,
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES, MIGRATE_CMA, MIGRATE_ISOLATE, MIGRATE_TYPES
};

/* The migrate type of a pageblock is in memory->blocktype: pageblock_type() in mm/memmap.h. */
struct mem_section {
	struct page *pages;	/* SECTION_PAGES of them in memory->mem_map; NULL until touched */
	uint16_t node;		/* MAX_NUMNODES: a hole, no node has memory here */
};

enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE, MAX_NR_ZONES };
/* What takes pages before the buddy allocator runs; `kernel`: its image and early allocations. */
enum boot_memory { BOOT_FIRMWARE, BOOT_KERNEL, BOOT_MEM_MAP, NR_BOOT_MEMORY };
enum zone_watermarks { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

struct free_area {
	struct pfn_list free_list[MIGRATE_TYPES];
	uint64_t nr_free;	/* blocks of all types; of the largest order: virgin ones too */
};

#define PAGE_ALLOC_COSTLY_ORDER	3
/* orders 0-3 by type, and one list of movable and one of other 2M pages, as NR_PCP_LISTS */
#define NR_PCP_LISTS	((PAGE_ALLOC_COSTLY_ORDER + 1) * MIGRATE_PCPTYPES + 2)

struct per_cpu_pages {
	uint32_t count;		/* pages on all lists */
	uint32_t high, high_min, high_max, batch;
	uint32_t free_count;	/* pages freed in a row lately, up to some batches */
	uint8_t alloc_factor;	/* refills double while nothing is freed */
	bool prev_free_high_order;
	struct pfn_list lists[NR_PCP_LISTS];
};

enum lru_list {
	LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, LRU_UNEVICTABLE, NR_LRU_LISTS
};
#define LRU_ACTIVE 1	/* from an inactive list to the active one */
#define LRU_FILE 2	/* from the lists of anonymous folios to those of file folios */

struct mem_cgroup;
struct lru_gen;
struct memcg_lru;

/*
 * Folios by age, each by its head: first is the youngest. mm/mm_inline.h, mm/lru.h. One for each node, and one for each
 * node and memory cgroup where there are groups (a folio is on that of its group); with kernel.lru_per_zone one for each
 * zone instead.
 */
struct lruvec {
	struct pfn_list lists[NR_LRU_LISTS];
	uint64_t nr_pages[NR_LRU_LISTS];	/* on each */
	uint64_t zone_pages[MAX_NR_ZONES][NR_LRU_LISTS];	/* of these: in each zone */
	uint64_t anon_cost, file_cost;		/* what reclaim of each kind cost lately (lru_note_cost) */
	uint64_t nonresident_age;		/* evictions and activations: the clock of refault distances */
	uint64_t refaults[2];			/* workingset activations at the last reclaim: anon, file */
	uint64_t flushed[6];			/* counters of a group as reclaim sees them: lruvec_flushed_state() */
	uint32_t flushed_epoch;			/* mem->stats_epoch at that time */
	bool congested;				/* reclaim met nothing but dirty pages that are being written */
	struct pglist_data *pgdat;
	struct zone *zone;			/* NULL unless it is a zone's */
	struct mem_cgroup *memcg;		/* NULL: the whole machine's, or the root's */
	struct lru_gen *gen;			/* generations, NULL with active and inactive lists */
};

/*
 * A range of frames that were never allocated: [start, end), whole blocks of the largest order
 * inside.
 */
struct pfn_range {
	pfn_t start, end;
};

#define ZONE_BELOW_HIGH		(1u << 0)	/* an allocation saw it below its high mark */
#define ZONE_BOOSTED_WATERMARK	(1u << 1)	/* kswapd is to be woken for the boost */
#define ZONE_RECLAIM_ACTIVE	(1u << 2)	/* set and cleared by kswapd */

/*
 * Invariants (memory_consistent() checks them):
 *	vm_stat[NR_FREE_PAGES] = sum over orders of free_area[order].nr_free << order, without those
 *		on lists of MIGRATE_ISOLATE
 *	free_area[order].nr_free = blocks on its lists (+ virgin blocks at the largest order)
 *	bit `order` of nonempty[type] = that list has a block (or MOVABLE has a virgin one)
 *	managed_pages = free + free but isolated + on per-cpu lists + handed out
 */
struct zone {
	uint64_t watermark[NR_WMARK];		/* pages, without the boost */
	uint64_t watermark_boost;		/* pages */
	uint64_t lowmem_reserve[MAX_NR_ZONES];	/* pages */
	struct pglist_data *zone_pgdat;
	struct memory *mem;
	struct page *mem_map;			/* = mem->mem_map */
	enum zone_type type;
	uint32_t page_flags;			/* type, where page->flags has it */
	uint32_t nonempty[MIGRATE_TYPES];	/* bit per order */
	unsigned max_order, pageblock_order;	/* of the machine */
	uint32_t flags;				/* ZONE_* */
	const char *name;			/* "DMA", "DMA32", "Normal", "HighMem", "Movable" */
	pfn_t zone_start_pfn, zone_end_pfn;	/* [start, end), holes included */
	uint64_t present_pages;			/* frames that exist */
	uint64_t managed_pages;			/* present less those taken at boot */
	uint64_t boot_pages[NR_BOOT_MEMORY];	/* those, by what took them */
	uint64_t spanned_pages;			/* from the first to the last, holes of the node included */
	uint64_t nr_reserved_highatomic;	/* pages in pageblocks of that type */
	uint64_t nr_free_highatomic;		/* of those, free */
	uint64_t nr_isolate_pageblock;		/* pageblocks that are isolated */
	uint64_t cma_pages;			/* pages in CMA areas */
	struct per_cpu_pages *pcp;		/* one per CPU */
	struct free_area free_area[MAX_ORDER_LIMIT];
	struct pfn_range *virgin;		/* by address, never touched, all MOVABLE */
	size_t nr_virgin, virgin_first;		/* ranges before virgin_first are used up */
	uint64_t vm_stat[NR_VM_ZONE_STAT_ITEMS];
	uint64_t lock_taken;
	struct lruvec *lruvec;			/* with kernel.lru_per_zone, else NULL */
	struct capture_control *capture;	/* of the direct compaction that waits for a block, NULL: mm/buddy.h */
	struct zone_compaction {		/* mm/compaction.h */
		pfn_t cached_migrate_pfn[2];	/* where the scanner goes on: async, sync */
		pfn_t cached_free_pfn, init_migrate_pfn, init_free_pfn;
		unsigned considered, defer_shift, order_failed;	/* mm/compact_defer.h */
		bool blockskip_flush;		/* the scanners met: kswapd drops the hints when it falls asleep */
	} compact;
};

struct zoneref {
	struct zone *zone;
};

struct pglist_data {
	struct memory *mem;
	unsigned node_id;
	bool has_cpu, has_memory;
	struct zone node_zones[MAX_NR_ZONES];	/* managed_pages == 0: the zone is not there */
	struct zoneref *zonelist;	/* nodes by distance, zones from high to low; NULL ends it */
	struct zoneref *zonelist_thisnode;
	struct node_tier {		/* mm/memory_tiers.h */
		uint64_t demotion_nodes;	/* where cold pages go: the nearest of the next lower tier */
		uint64_t lower_nodes;		/* all of lower tiers */
		uint32_t adistance;		/* start of the tier's range of abstract distances */
		uint8_t next_target;
		bool is_top;
	} tier;
	struct kswapd {			/* mm/vmscan-kswapd.c */
		/* what it was asked for and has not begun: order; highest zone, MAX_NR_ZONES nothing */
		unsigned order;
		enum zone_type highest;
		/* what it is at: one balance_pgdat() */
		bool running;
		unsigned woken_order, run_order;
		enum zone_type run_highest;
		int priority;
		uint64_t reclaimed;		/* pages */
		uint64_t boost_reclaim, boosted, zone_boosts[MAX_NR_ZONES];	/* pages */
		bool no_cache_trim_mode, cache_trim_mode_failed;
		bool pgdat_dirty, pgdat_writeback;	/* the old end is all dirty, under writeback */
		unsigned failures;		/* runs in a row that freed nothing; direct reclaim that does ends them */
		int64_t debt_ns;		/* time that it took and has not had yet */
		bool has_slept;
		uint64_t slept_ns;		/* when it fell asleep last */
	} kswapd;
	struct kcompactd {		/* mm/compaction.h */
		unsigned max_order;	/* it was woken for, 0: nothing */
		enum zone_type highest;
		uint64_t proactive_defer_ms;	/* left to wait because the last run gained nothing */
		bool proactive_trigger;
	} kcompactd;
	struct lruvec lruvec;		/* empty unless memory->lru_enabled */
	struct memcg_lru *memcg_lru;	/* groups in the order of their reclaim, NULL: none, or no generations */
	struct pfn_list deferred_split;	/* huge folios that had better be split: mm/deferred_split.h */
	struct numa_promotion {		/* into this node, by hint faults: mm/numa_balancing.c */
		uint64_t threshold_ms;	/* of latency, as nbp_threshold; 0: the default */
		uint64_t th_start_ms, th_nr_cand, rl_start_ms, rl_nr_cand;
	} nbp;
	uint64_t present_pages, managed_pages;	/* sums of its zones */
	uint64_t totalreserve_pages;
	uint64_t vm_stat[NR_VM_NODE_STAT_ITEMS];
};

/* The highest zone that may serve a request. */
static inline enum zone_type gfp_zone(gfp_t gfp)
{
	/*
	 * index: DMA 1, HIGHMEM 2, DMA32 4, MOVABLE 8. HIGHMEM and MOVABLE zones may be absent:
	 * then lower ones serve
	 */
	static const uint8_t zones[16] = {
		[0] = ZONE_NORMAL, [1] = ZONE_DMA,  [2] = ZONE_HIGHMEM,  [3] = ZONE_DMA,
		[4] = ZONE_DMA32,  [5] = ZONE_DMA,  [6] = ZONE_DMA32,    [7] = ZONE_DMA,
		[8] = ZONE_NORMAL, [9] = ZONE_DMA,  [10] = ZONE_MOVABLE, [11] = ZONE_DMA,
		[12] = ZONE_DMA32, [13] = ZONE_DMA, [14] = ZONE_DMA32,   [15] = ZONE_DMA,
	};

	return (enum zone_type)
		zones[gfp & (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)];
}

static inline void mod_node_page_state(struct pglist_data *pgdat, enum node_stat_item item,
				       int64_t delta)
{
	pgdat->vm_stat[item] += (uint64_t)delta;
}

#endif
