/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The free lists of a zone. Kernel counterpart: mm/page_alloc.c, __free_one_page() to __rmqueue().
 *
 * Modelled: blocks by order and migrate type; merging with the buddy and the choice of head or
 * tail; splitting; fallback to other migrate types: claiming whole pageblocks, else stealing;
 * watermark boost; highatomic pageblocks; CMA pageblocks, lent to movable allocations when the rest
 * is gone or they hold more than half of what is free; isolation of pageblocks. Simplified: memory
 * that was never touched is not on a list but in ranges of blocks of the largest order (zone->virgin) that stand, by address, behind
 * all blocks of that list: exactly where the kernel's boot leaves them. They never merge, as no
 * block of the largest order does. A block of them that is needed by its place (buddy_touch_range())
 * comes before the untouched ones.
 * Left out: page reporting, shuffling, guard pages, debug_pagealloc.
 *
 * The caller holds the zone's lock (zone_lock() counts it) and has checked the watermarks.
 *
 * Interface:
 *   - buddy_init(), buddy_add_range(): build the lists
 *   - buddy_rmqueue(), buddy_rmqueue_smallest(), buddy_rmqueue_bulk(): take blocks
 *   - buddy_free(): give one back
 *   - buddy_take_range(): free frames by their place; buddy_isolate_block()
 *   - buddy_isolate_free(), struct capture_control: for compaction
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "mm/memmap.h"

/*
 * Bits of alloc_flags; the two lowest are an enum zone_watermarks. Kernel counterpart:
 * mm/internal.h.
 */
#define ALLOC_WMARK_MASK	3u
#define ALLOC_NO_WATERMARKS	(1u << 2)
#define ALLOC_OOM		(1u << 3)
#define ALLOC_NON_BLOCK		(1u << 4)
#define ALLOC_MIN_RESERVE	(1u << 5)
#define ALLOC_CMA		(1u << 7)	/* CMA pageblocks may serve */
#define ALLOC_NOFRAGMENT	(1u << 8)
#define ALLOC_HIGHATOMIC	(1u << 9)
#define ALLOC_KSWAPD		(1u << 11)
#define ALLOC_RESERVES		(ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM)

/* How far the last buddy_rmqueue() had to go: a bulk allocation starts there. */
enum rmqueue_mode { RMQUEUE_NORMAL, RMQUEUE_CMA, RMQUEUE_CLAIM, RMQUEUE_STEAL };

/*
 * Direct compaction waits for a block of `order`: zone->capture. The first one that frees grow to goes to it and not on a
 * list; off the counts of free pages, its flags cleared. Kernel: struct capture_control, compaction_capture().
 */
struct capture_control {
	unsigned order;
	enum migratetype migratetype;
	pfn_t page;			/* PFN_NONE until then */
};

static inline void zone_lock(struct zone *zone)
{
	zone->lock_taken++;
	count_vm_event(zone->mem, ZONE_LOCK);
}

/* zone->mem, type and bounds are set; no memory yet. */
void buddy_init(struct zone *zone);
void buddy_finish(struct zone *zone);
/*
 * Frames [start, end) go to the zone at boot, as memblock_free_all() gives them: in order of
 * address, each in the largest aligned block, to the tail. Ranges must come in order of address.
 */
void buddy_add_range(struct zone *zone, pfn_t start, pfn_t end);
/* PFN_NONE when there is none. */
pfn_t buddy_rmqueue(struct zone *zone, unsigned order, enum migratetype mt, unsigned alloc_flags,
		    enum rmqueue_mode *mode);
pfn_t buddy_rmqueue_smallest(struct zone *zone, unsigned order, enum migratetype mt);
/*
 * The free block that starts at pfn, not a virgin one, goes off its list into nobody's hands, for a page to move there.
 * Returns its pages; 0 when the zone would fall below its min mark. (__isolate_free_page)
 */
uint32_t buddy_isolate_free(struct zone *zone, pfn_t pfn);
/*
 * Is there a block of that order or is it to be had from another type? claimable: only one whose pageblock would become ours.
 * The type that lends it, -1 for none. (find_suitable_fallback)
 */
int buddy_find_suitable_fallback(const struct zone *zone, unsigned order, enum migratetype mt, bool claimable);
/* Pages in free blocks of a pageblock or more, isolated ones left out: nr_free_pages_blocks. */
uint64_t zone_free_pages_blocks(const struct zone *zone);
/*
 * Up to nr blocks, each to the tail of `list` with the flag PG_PCP, exactly as nr calls of
 * buddy_rmqueue() would give them. Returns how many.
 */
uint32_t buddy_rmqueue_bulk(struct zone *zone, unsigned order, uint32_t nr, struct pfn_list *list,
			    enum migratetype mt, unsigned alloc_flags);
void buddy_free(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt);
/* Is there a free block of this type and order, virgin ones included? */
static inline bool free_area_has(const struct zone *zone, unsigned order, enum migratetype mt)
{
	return zone->nonempty[mt] >> order & 1;
}
/*
 * The pageblock of pfn and its free blocks become of type `to`. False when it crosses the zone's
 * end.
 */
bool buddy_convert_block(struct zone *zone, pfn_t pfn, enum migratetype from, enum migratetype to);
/* Blocks of the largest order that were never touched. */
uint64_t zone_virgin_blocks(const struct zone *zone);

/* --- by place: buddy-range.c ------------------------------------------------------------------ */

/* Virgin blocks that overlap [start, end) become blocks on the list of the largest movable ones. */
void buddy_touch_range(struct zone *zone, pfn_t start, pfn_t end);
bool buddy_is_virgin(const struct zone *zone, pfn_t pfn);
/*
 * The first frame of the block, free or handed out, that holds pfn; pfn itself when there is none:
 * a frame that boot took, or one on its own. The frame must be in the zone and touched.
 */
pfn_t buddy_block_start(const struct zone *zone, pfn_t pfn);
/* Are all frames of [start, end) in free blocks or virgin? */
bool buddy_range_is_free(const struct zone *zone, pfn_t start, pfn_t end);
/*
 * Takes [start, end), all of which is free and touched, off the lists. Parts of blocks that stick
 * out stay free. Sets flags to those of a page that belongs to nobody.
 */
void buddy_take_range(struct zone *zone, pfn_t start, pfn_t end);
/* Gives [start, end) back in the largest aligned blocks, each to its pageblock's type. */
void buddy_free_range(struct zone *zone, pfn_t start, pfn_t end);
/* The pageblocks that [start, end) consists of get a type; nothing of them is free. */
void buddy_set_range_type(struct zone *zone, pfn_t start, pfn_t end, enum migratetype mt);

/*
 * The pageblock that starts at pfn becomes MIGRATE_ISOLATE: what is free there, and what will be freed
 * there, goes to nobody. False: it is isolated already, or not wholly in the zone. The caller has
 * looked whether its pages can be moved, and has touched it.
 */
bool buddy_isolate_block(struct zone *zone, pfn_t pfn);
/* It gets its old type back; what is free in it merges with what is free around it. */
void buddy_unisolate_block(struct zone *zone, pfn_t pfn);

#endif
