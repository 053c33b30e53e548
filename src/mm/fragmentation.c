/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* How broken up free memory is: see fragmentation.h. */
#include "mm/fragmentation.h"

#include "mm/buddy.h"
#include "mm/slab.h"

/* Memory, and no hole or other node: zones may overlap others' frames, sections do not. */
static bool in_node(const struct zone *zone, pfn_t pfn)
{
	return zone->mem->sections[pfn >> SECTION_SHIFT].node == zone->zone_pgdat->node_id;
}

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
		if (in_node(zone, pfn))
			f->pageblocks[pageblock_type(zone->mem, pfn)]++;
}

void fragmentation_of_type(struct fragmentation *ret, const struct fragmentation *all,
			   enum migratetype mt, unsigned max_order)
{
	*ret = (struct fragmentation){0};
	for (unsigned order = 0; order <= max_order; order++) {
		uint64_t nr = all->free_blocks_type[order][mt];

		ret->free_blocks[order] = nr;
		ret->free_blocks_type[order][mt] = nr;
		ret->free_blocks_total += nr;
		ret->free_pages += nr << order;
	}
	ret->pageblocks[mt] = all->pageblocks[mt];
	ret->mixed_pageblocks[mt] = all->mixed_pageblocks[mt];
	fragmentation_finish(ret, max_order);
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

/* Free blocks of a zone, all and those that hold one of the order. (fill_contig_page_info) */
static void contig_page_info(const struct zone *zone, struct fragmentation *f)
{
	for (unsigned order = 0; order <= zone->max_order; order++) {
		f->free_blocks[order] = zone->free_area[order].nr_free;
		f->free_blocks_total += f->free_blocks[order];
		f->free_pages += f->free_blocks[order] << order;
	}
}

int zone_fragmentation_index(const struct zone *zone, unsigned order)
{
	struct fragmentation f = {0};

	contig_page_info(zone, &f);
	return fragmentation_index(&f, order, zone->max_order);
}

unsigned zone_extfrag_percent(const struct zone *zone, unsigned order)
{
	struct fragmentation f = {0};
	uint64_t usable = 0;

	contig_page_info(zone, &f);
	for (unsigned o = order; o <= zone->max_order; o++)
		usable += f.free_blocks[o] << o;
	return f.free_pages ? (unsigned)((f.free_pages - usable) * 100 / f.free_pages) : 0;
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

/* ---- mixed pageblocks ---- */

enum migratetype page_mobility(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, folio_pfn(mem, pfn));

	if (page->flags & PG_SLAB)
		return slab_page_mobility(mem, pfn);
	if (page->flags & (PG_ANON | PG_LRU | PG_MOVABLE_OPS) || page->mapping)
		return MIGRATE_MOVABLE;
	return MIGRATE_UNMOVABLE;
}

/*
 * Frames of one block, buddy's or allocation's, from its first page on; *ret_used: allocated. What was
 * taken at boot has no owner, as for the kernel's page_owner.
 */
static uint32_t block_pages(const struct page *page, bool *ret_used)
{
	*ret_used = !(page->flags & (PG_BUDDY | PG_PCP | PG_RESERVED)) && page->_refcount > 0;
	return *ret_used || page->flags & (PG_BUDDY | PG_PCP) ? 1u << page_order(page) : 1;
}

void fragmentation_count_mixed(struct fragmentation *f, const struct zone *zone)
{
	const struct memory *mem = zone->mem;
	pfn_t block = 1u << zone->pageblock_order, next = 0; /* blocks before `next` are counted */
	uint32_t nr;
	bool used;

	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn; pfn += nr) {
		enum migratetype mobility;

		nr = SECTION_PAGES - pfn % SECTION_PAGES;
		if (!in_node(zone, pfn) || !pfn_is_touched(mem, pfn))
			continue;
		nr = block_pages(pfn_to_page(mem, pfn), &used);
		if (!used)
			continue;
		mobility = page_mobility(mem, pfn);
		/* an allocation may cover more than one pageblock */
		for (pfn_t at = pfn & ~(block - 1); at < pfn + nr; at += block) {
			if (at < next || pageblock_type(mem, at) == mobility)
				continue;
			f->mixed_pageblocks[pageblock_type(mem, at)]++;
			next = at + block;
		}
	}
}
