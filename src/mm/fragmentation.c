/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* How broken up free memory is: see fragmentation.h. */
#include "mm/fragmentation.h"

#include "mm/buddy.h"

void fragmentation_add_zone(struct fragmentation *f, const struct zone *zone)
{
	pfn_t block = 1u << zone->pageblock_order;

	for (unsigned order = 0; order <= zone->max_order; order++) {
		const struct free_area *area = &zone->free_area[order];

		f->free_blocks[order] += area->nr_free;
		f->free_blocks_total += area->nr_free;
		f->free_pages += area->nr_free << order;
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			f->free_blocks_type[order][mt] += area->free_list[mt].nr;
	}
	f->free_blocks_type[zone->max_order][MIGRATE_MOVABLE] += zone_virgin_blocks(zone);
	for (pfn_t pfn = zone->zone_start_pfn & ~(block - 1); pfn < zone->zone_end_pfn;
	     pfn += block)
		f->pageblocks[pageblock_type(zone->mem, pfn)]++;
}

static uint32_t unusable_index(const struct fragmentation *f, unsigned order, unsigned max_order)
{
	uint64_t usable = 0;

	if (!f->free_pages)
		return 1000;
	for (unsigned o = order; o <= max_order; o++)
		usable += f->free_blocks[o] << o;
	return (uint32_t)((f->free_pages - usable) * 1000 / f->free_pages);
}

static int32_t fragmentation_index(const struct fragmentation *f, unsigned order,
				   unsigned max_order)
{
	uint64_t requested = 1ull << order;

	if (!f->free_blocks_total)
		return 0;
	for (unsigned o = order; o <= max_order; o++)
		if (f->free_blocks[o])
			return -1000;
	return (int32_t)(1000 - (1000 + f->free_pages * 1000 / requested) / f->free_blocks_total);
}

void fragmentation_finish(struct fragmentation *f, unsigned max_order)
{
	f->largest_order = -1;
	for (unsigned order = 0; order <= max_order; order++) {
		f->unusable_index[order] = unusable_index(f, order, max_order);
		f->fragmentation_index[order] = fragmentation_index(f, order, max_order);
		if (f->free_blocks[order])
			f->largest_order = (int)order;
	}
}

void fragmentation_of_zone(struct fragmentation *ret, const struct zone *zone)
{
	*ret = (struct fragmentation){0};
	fragmentation_add_zone(ret, zone);
	fragmentation_finish(ret, zone->max_order);
}
