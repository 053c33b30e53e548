/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * memory_consistent(): every list, flag and counter of physical memory against each other. Slow on
 * purpose.
 *
 *	per zone	free pages on lists and in virgin ranges = NR_FREE_PAGES
 *			free + free but isolated + on per-cpu lists + handed out (by looking at every
 *			frame) = managed
 *			pageblocks that are isolated or highatomic, free pages of CMA
 *	per list	links both ways, flags, alignment, the pageblock's type, buddies merged
 *	slab		mm/slab.h: slab_consistent()
 *	page tables	tables of all address spaces; frames with PG_TABLE = NR_PAGETABLE
 */
#include <inttypes.h>

#include "base/bitmap.h"
#include "mm/buddy.h"
#include "mm/highmem.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/init_mm.h"
#include "mm/pgtable.h"
#include "mm/vmalloc.h"
#include "mm/slab.h"

struct check {
	const struct memory *mem;
	struct strbuf *why;
	uint64_t errors;
};

#define MAX_LINES 20	/* the first contradictions say enough */

#define complain(c, ...) \
	do { \
		if ((c)->errors++ < MAX_LINES && (c)->why) { \
			strbuf_addf((c)->why, __VA_ARGS__); \
			strbuf_addstr((c)->why, "\n"); \
		} \
	} while (0)

/*
 * Does the unmerged free buddy of a free block exist? Above a pageblock the types may keep them
 * apart.
 */
static bool has_unmerged_buddy(const struct zone *zone, pfn_t pfn, unsigned order)
{
	const struct page *buddy = &zone->mem_map[pfn ^ (1u << order)];

	return order < zone->pageblock_order && order < zone->max_order &&
	       buddy->flags & PG_BUDDY && page_order(buddy) == order &&
	       (buddy->flags & PAGE_ZONE_MASK) == zone->page_flags;
}

static uint64_t check_free_list(struct check *c, const struct zone *zone, unsigned order,
				enum migratetype mt)
{
	const struct pfn_list *list = &zone->free_area[order].free_list[mt];
	pfn_t pfn = list->first, prev = PFN_NONE;
	uint64_t nr = 0;

	for (; pfn != PFN_NONE && nr <= list->nr; prev = pfn, pfn = zone->mem_map[pfn].next, nr++) {
		const struct page *page = &zone->mem_map[pfn];

		if ((page->flags & ~PAGE_ORDER_MASK) != (PG_BUDDY | zone->page_flags) ||
		    page_order(page) != order)
			complain(c, "%s: free block %u of order %u has flags %#x", zone->name, pfn,
				 order, page->flags);
		if (page->prev != prev)
			complain(c, "%s: free block %u: prev is %u, not %u", zone->name, pfn,
				 page->prev, prev);
		if (pfn & ((1u << order) - 1) || pfn < zone->zone_start_pfn ||
		    pfn >= zone->zone_end_pfn)
			complain(c, "%s: free block %u of order %u: misplaced", zone->name, pfn,
				 order);
		if (pageblock_type(c->mem, pfn) != mt)
			complain(c, "%s: free block %u on list %d, its pageblock is %d", zone->name,
				 pfn, mt, pageblock_type(c->mem, pfn));
		if (has_unmerged_buddy(zone, pfn, order))
			complain(c, "%s: free block %u of order %u is not merged with its buddy",
				 zone->name, pfn, order);
	}
	if (nr != list->nr || list->last != prev)
		complain(c, "%s: list of order %u type %d: %" PRIu64 " blocks, %" PRIu64 " counted",
			 zone->name, order, mt, nr, list->nr);
	return nr;
}

static void check_free_areas(struct check *c, const struct zone *zone)
{
	uint64_t free = 0, highatomic = 0, cma = 0;

	for (unsigned order = 0; order <= zone->max_order; order++) {
		uint64_t blocks = 0;

		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			uint64_t nr = check_free_list(c, zone, order, (enum migratetype)mt);

			highatomic += mt == MIGRATE_HIGHATOMIC ? nr << order : 0;
			cma += mt == MIGRATE_CMA ? nr << order : 0;
			free -= mt == MIGRATE_ISOLATE ? nr << order : 0;
			if (order == zone->max_order && mt == MIGRATE_MOVABLE)
				nr += zone_virgin_blocks(zone);
			if (free_area_has(zone, order, (enum migratetype)mt) != (nr > 0))
				complain(c, "%s: bit of order %u type %u is wrong", zone->name,
					 order, mt);
			blocks += nr;
		}
		if (blocks != zone->free_area[order].nr_free)
			complain(c, "%s: order %u: nr_free %" PRIu64 ", %" PRIu64 " found",
				 zone->name, order, zone->free_area[order].nr_free, blocks);
		free += blocks << order;
	}
	if (free != zone->vm_stat[NR_FREE_PAGES] || highatomic != zone->nr_free_highatomic)
		complain(c,
			 "%s: nr_free_pages %" PRIu64 ", %" PRIu64 " found; highatomic %" PRIu64
			 ", %" PRIu64 " found",
			 zone->name, zone->vm_stat[NR_FREE_PAGES], free, zone->nr_free_highatomic,
			 highatomic);
	if (cma != zone->vm_stat[NR_FREE_CMA_PAGES])
		complain(c, "%s: nr_free_cma %" PRIu64 ", %" PRIu64 " found", zone->name,
			 zone->vm_stat[NR_FREE_CMA_PAGES], cma);
}

static uint64_t isolated_free_pages(const struct zone *zone)
{
	uint64_t nr = 0;

	for (unsigned order = 0; order <= zone->max_order; order++)
		nr += zone->free_area[order].free_list[MIGRATE_ISOLATE].nr << order;
	return nr;
}

/* Pageblocks of the types that are counted. */
static void check_pageblocks(struct check *c, const struct zone *zone)
{
	pfn_t block = 1u << zone->pageblock_order;
	uint64_t isolated = 0, highatomic = 0;

	for (pfn_t pfn = zone->zone_start_pfn & ~(block - 1); pfn < zone->zone_end_pfn;
	     pfn += block) {
		isolated += pageblock_type(c->mem, pfn) == MIGRATE_ISOLATE;
		highatomic += pageblock_type(c->mem, pfn) == MIGRATE_HIGHATOMIC;
	}
	if (isolated != zone->nr_isolate_pageblock)
		complain(c, "%s: %" PRIu64 " isolated pageblocks, %" PRIu64 " found", zone->name,
			 zone->nr_isolate_pageblock, isolated);
	if (highatomic << zone->pageblock_order > zone->nr_reserved_highatomic)
		complain(c, "%s: %" PRIu64 " pages in highatomic pageblocks, %" PRIu64 " found",
			 zone->name, zone->nr_reserved_highatomic,
			 highatomic << zone->pageblock_order);
}

static uint64_t check_pcp(struct check *c, const struct zone *zone, unsigned cpu)
{
	const struct per_cpu_pages *pcp = &zone->pcp[cpu];
	uint64_t count = 0;

	for (unsigned i = 0; i < NR_PCP_LISTS; i++) {
		pfn_t prev = PFN_NONE;
		uint64_t nr = 0;

		for (pfn_t pfn = pcp->lists[i].first; pfn != PFN_NONE && nr <= pcp->lists[i].nr;
		     nr++) {
			const struct page *page = &zone->mem_map[pfn];

			if (!(page->flags & PG_PCP) || page->prev != prev || page->_refcount)
				complain(c, "%s: page %u of CPU %u's list: flags %#x", zone->name,
					 pfn, cpu, page->flags);
			count += 1u << page_order(page);
			prev = pfn;
			pfn = page->next;
		}
		if (nr != pcp->lists[i].nr)
			complain(c, "%s: list %u of CPU %u has not %" PRIu64 " pages", zone->name,
				 i, cpu, pcp->lists[i].nr);
	}
	if (count != pcp->count)
		complain(c, "%s: CPU %u: %u pages counted, %" PRIu64 " found", zone->name, cpu,
			 pcp->count, count);
	return count;
}

/* Pages handed out, by their reference counts; tables among them. */
static uint64_t scan_frames(const struct zone *zone, uint64_t *tables)
{
	uint64_t used = 0;

	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn;) {
		const struct page *page = &zone->mem_map[pfn];

		if (!pfn_is_touched(zone->mem, pfn)) {
			pfn = (pfn_t)align_up(pfn + 1ull, SECTION_PAGES);
			continue;
		}
		if (page->flags & PG_RESERVED ||
		    (page->flags & PAGE_ZONE_MASK) != zone->page_flags) {
			pfn++;
			continue;
		}
		if (page->_refcount > 0) {
			used += 1u << page_order(page);
			*tables += (page->flags & PG_TABLE) != 0;
			pfn += 1u << page_order(page);
			continue;
		}
		pfn += page->flags & (PG_BUDDY | PG_PCP) ? 1u << page_order(page) : 1;
	}
	return used;
}

static void check_zone(struct check *c, const struct zone *zone, uint64_t *tables)
{
	uint64_t pcp = 0, used, isolated;

	check_free_areas(c, zone);
	check_pageblocks(c, zone);
	for (unsigned cpu = 0; cpu < c->mem->nr_cpus; cpu++)
		pcp += check_pcp(c, zone, cpu);
	used = scan_frames(zone, tables);
	isolated = isolated_free_pages(zone);
	if (zone->vm_stat[NR_FREE_PAGES] + isolated + pcp + used != zone->managed_pages)
		complain(c,
			 "node %u %s: %" PRIu64 " free + %" PRIu64 " isolated + %" PRIu64
			 " per-cpu + %" PRIu64 " used is not %" PRIu64 " managed",
			 zone->zone_pgdat->node_id, zone->name, zone->vm_stat[NR_FREE_PAGES],
			 isolated, pcp, used, zone->managed_pages);
}

static void check_page_tables(struct check *c, uint64_t tables)
{
	const struct list_head *pos;
	uint64_t counted = 0, in_trees = 0;

	for (unsigned n = 0; n < c->mem->nr_nodes; n++)
		counted += c->mem->nodes[n]->vm_stat[NR_PAGETABLE];
	if (counted != tables)
		complain(c, "nr_page_table_pages %" PRIu64 ", %" PRIu64 " found", counted, tables);
	list_for_each(pos, &c->mem->mms) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);
		uint64_t nr, bytes;

		if (!mm->pgd)
			continue;
		if (!pgtable_consistent(mm, &nr, &bytes))
			complain(c,
				 "mm %u: page tables contradict themselves (%" PRIu64 " of %" PRIu64
				 " bytes found)",
				 mm->id, bytes, mm->pgtables_bytes);
		in_trees += nr;
	}
	if (in_trees > tables)
		complain(c,
			 "%" PRIu64 " page tables in address spaces, %" PRIu64
			 " frames hold tables",
			 in_trees, tables);
}

bool memory_consistent(const struct memory *mem, struct strbuf *why)
{
	struct check c = { .mem = mem, .why = why };
	uint64_t tables = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			if (mem->nodes[n]->node_zones[t].managed_pages)
				check_zone(&c, &mem->nodes[n]->node_zones[t], &tables);
	check_page_tables(&c, tables);
	if (!highmem_consistent(mem, why))
		c.errors++;
	c.errors += !init_mm_consistent(mem, why) + !vmalloc_consistent(mem, why);
	c.errors += !slab_consistent(mem, why);
	return c.errors == 0;
}
