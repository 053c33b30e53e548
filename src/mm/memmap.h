/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * From a frame number to its struct page, and lists of pages. Kernel counterpart: mm/sparse.c,
 * mm/sparse-vmemmap.c, include/linux/list.h (over page->lru).
 *
 * Modelled: one array by frame number, of which only the sections that were touched are backed (as
 * vmemmap); pageblock types. Simplified: struct page needs no initialisation, zero is "in use by
 * nobody".
 *
 * Host memory: the array is reserved address space without access rights, 32 bytes a frame of the
 * whole machine; a section's 1 MiB becomes usable at memmap_touch() and costs memory page by page
 * when written. Huge pages of the host would make the first touch of a frame cheaper (24 ns instead
 * of 33), but then a machine costs more than 32 bytes a touched frame: they are not asked for.
 *
 * Interface:
 *   - memmap_create() / memmap_destroy(): the arrays of `mem`
 *   - memmap_touch(): before a frame's struct page is used for the first time
 *   - pfn_list_*(): lists linked by frame number
 */
#ifndef MM_MEMMAP_H
#define MM_MEMMAP_H

#include "mm/mm_types.h"

/* Frames [0, max_pfn), rounded up to sections. 0 or -ENOMEM: the host has not the address space. */
int memmap_create(struct memory *mem, uint64_t max_pfn);
void memmap_destroy(struct memory *mem);
void memmap_set_node(struct memory *mem, pfn_t start, pfn_t end, unsigned nid);
void memmap_touch_slow(struct memory *mem, size_t section);

static inline void memmap_touch(struct memory *mem, pfn_t pfn)
{
	if (unlikely(!mem->sections[pfn >> SECTION_SHIFT].pages))
		memmap_touch_slow(mem, pfn >> SECTION_SHIFT);
}

static inline bool pfn_is_touched(const struct memory *mem, pfn_t pfn)
{
	return mem->sections[pfn >> SECTION_SHIFT].pages;
}

/*
 * An entry of memory->blocktype: the type as it is now in the low bits; above them, while that is
 * MIGRATE_ISOLATE, the one that comes back.
 */
#define BLOCKTYPE_MASK	7u
#define BLOCKTYPE_SHIFT	4

static inline enum migratetype pageblock_type(const struct memory *mem, pfn_t pfn)
{
	return mem->blocktype[pfn >> mem->geo->pageblock_order] & BLOCKTYPE_MASK;
}

static inline struct zone *page_zone(const struct memory *mem, pfn_t pfn)
{
	return &pfn_to_node(mem, pfn)->node_zones[(pfn_to_page(mem, pfn)->flags & PAGE_ZONE_MASK) >>
						  PAGE_ZONE_SHIFT];
}

static inline void pfn_list_init(struct pfn_list *list)
{
	*list = (struct pfn_list){ .first = PFN_NONE, .last = PFN_NONE };
}

static inline bool pfn_list_empty(const struct pfn_list *list)
{
	return list->first == PFN_NONE;
}

static inline void pfn_list_add(struct page *map, struct pfn_list *list, pfn_t pfn)
{
	map[pfn].prev = PFN_NONE;
	map[pfn].next = list->first;
	if (list->first == PFN_NONE)
		list->last = pfn;
	else
		map[list->first].prev = pfn;
	list->first = pfn;
	list->nr++;
}

static inline void pfn_list_add_tail(struct page *map, struct pfn_list *list, pfn_t pfn)
{
	map[pfn].next = PFN_NONE;
	map[pfn].prev = list->last;
	if (list->last == PFN_NONE)
		list->first = pfn;
	else
		map[list->last].next = pfn;
	list->last = pfn;
	list->nr++;
}

static inline void pfn_list_del(struct page *map, struct pfn_list *list, pfn_t pfn)
{
	pfn_t next = map[pfn].next, prev = map[pfn].prev;

	if (prev == PFN_NONE)
		list->first = next;
	else
		map[prev].next = next;
	if (next == PFN_NONE)
		list->last = prev;
	else
		map[next].prev = prev;
	list->nr--;
}

#endif
