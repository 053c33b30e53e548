/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Emptying ranges of frames, and CMA: see contig.h. */
#include "mm/contig.h"

#include <errno.h>

#include "base/bitmap.h"
#include "mm/buddy.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"

/* As the tries of __alloc_contig_migrate_range(). */
#define MAX_MIGRATE_ROUNDS 5

typedef VEC(pfn_t) pfn_vec;

/* A range that is being emptied. */
struct contig {
	struct memory *mem;
	struct zone *zone;
	pfn_t start, end;		/* wanted */
	pfn_t first_block, last_block;	/* pageblocks [first, last) around it */
	bool cma;
};

/* --- looking ---------------------------------------------------------------------------------- */

static bool in_use(const struct page *page)
{
	return page->_refcount > 0;
}

/*
 * Frames from pfn, the start of a block, to the next one. 0: what stands there can never be moved.
 * Frames that boot took belong to no block.
 */
static uint32_t step_over(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn);

	if (page->flags & (PG_BUDDY | PG_PCP))
		return 1u << page_order(page);
	if (!in_use(page) || page->flags & (PG_RESERVED | PG_TABLE))
		return 0;
	if (page->flags & (PG_LRU | PG_ANON | PG_MOVABLE_OPS) || page->mapping)
		return 1u << page_order(page);
	return 0;
}

/* As has_unmovable_pages(). What the user of a CMA area does with its pages is his business. */
static bool has_unmovable_pages(const struct contig *c)
{
	uint32_t nr, block = 1u << c->zone->max_order;

	for (pfn_t pfn = c->start; pfn < c->end && !c->cma; pfn += nr) {
		if (buddy_is_virgin(c->zone, pfn)) {
			nr = block - (pfn & (block - 1));
			continue;
		}
		if (!pfn_is_touched(c->mem, pfn))
			return true;
		if (pfn == c->start)
			pfn = buddy_block_start(c->zone, pfn);
		nr = step_over(c->mem, pfn);
		if (!nr)
			return true;
	}
	return false;
}

static bool range_is_free(const struct contig *c)
{
	pfn_t pfn = buddy_block_start(c->zone, c->start);

	while (pfn < c->end) {
		const struct page *page = pfn_to_page(c->mem, pfn);

		if (!(page->flags & PG_BUDDY))
			return false;
		pfn += 1u << page_order(page);
	}
	return true;
}

/* --- isolation -------------------------------------------------------------------------------- */

static void undo_isolation(const struct contig *c, pfn_t end)
{
	for (pfn_t pfn = c->first_block; pfn < end; pfn += 1u << c->zone->pageblock_order)
		buddy_unisolate_block(c->zone, pfn);
}

static bool may_isolate(const struct contig *c, pfn_t pfn)
{
	return (pageblock_type(c->mem, pfn) == MIGRATE_CMA) == c->cma;
}

static int isolate(const struct contig *c)
{
	zone_lock(c->zone);
	for (pfn_t pfn = c->first_block; pfn < c->last_block;
	     pfn += 1u << c->zone->pageblock_order)
		if (!may_isolate(c, pfn) || !buddy_isolate_block(c->zone, pfn)) {
			undo_isolation(c, pfn);
			return -EBUSY;
		}
	return 0;
}

/* --- moving ----------------------------------------------------------------------------------- */

/* As alloc_migration_target(): the same size, near where it was. */
static pfn_t new_target(struct memory *mem, pfn_t src, void *ctx)
{
	unsigned order = page_order(pfn_to_page(mem, src));
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	(void)ctx;
	if (order)
		gfp |= __GFP_COMP;
	return alloc_pages(mem, gfp, order, (int)pfn_to_node(mem, src)->node_id);
}

/* The folios that hold frames of the range; their heads may lie before it. */
static void list_folios(const struct contig *c, pfn_vec *folios)
{
	pfn_t pfn = buddy_block_start(c->zone, c->start);

	while (pfn < c->end) {
		const struct page *page = pfn_to_page(c->mem, pfn);

		if (in_use(page) && folio_movable(c->mem, pfn)) {
			*vec_push(folios) = pfn;
			count_vm_events(c->mem, COMPACTISOLATED, 1ull << page_order(page));
		}
		pfn += 1u << page_order(page);
	}
}

static int empty_range(const struct contig *c)
{
	pfn_vec folios = {0};

	for (unsigned i = 0; i < MAX_MIGRATE_ROUNDS && !range_is_free(c); i++) {
		vec_clear(&folios);
		list_folios(c, &folios);
		if (!folios.nr || !migrate_pages(c->mem, folios.data, folios.nr, new_target, NULL,
						 MR_CONTIG_RANGE))
			break;
	}
	vec_finish(&folios);
	return range_is_free(c) ? 0 : -EBUSY;
}

/* --- ranges ----------------------------------------------------------------------------------- */

static void prepare(const struct contig *c, bool folio)
{
	struct page *page = pfn_to_page(c->mem, c->start);
	uint32_t nr = c->end - c->start;

	for (uint32_t i = 0; i < nr; i++)
		page[i] = (struct page){
			.flags = c->zone->page_flags | (folio && i ? PG_TAIL : 0),
			._refcount = !folio || !i,
			.next = folio && i ? c->start : PFN_NONE, .prev = PFN_NONE,
		};
	if (folio && nr > 1)
		page->flags |= PG_HEAD | (unsigned)__builtin_ctz(nr) << PAGE_ORDER_SHIFT;
}

static int alloc_range(struct contig *c)
{
	int rc;

	if (has_unmovable_pages(c))
		return -EBUSY;
	buddy_touch_range(c->zone, c->first_block, c->last_block);
	rc = isolate(c);
	if (rc)
		return rc;
	drain_all_pages(c->mem);
	rc = empty_range(c);
	zone_lock(c->zone);
	if (!rc) {
		buddy_take_range(c->zone, c->start, c->end);
		count_vm_events(c->mem, COMPACTISOLATED, c->end - c->start);
	}
	undo_isolation(c, c->last_block);
	return rc;
}

static struct zone *zone_of_range(const struct memory *mem, pfn_t start, pfn_t end)
{
	struct pglist_data *pgdat;

	if (start >= end || end > mem->max_pfn ||
	    mem->sections[start >> SECTION_SHIFT].node == MAX_NUMNODES)
		return NULL;
	pgdat = pfn_to_node(mem, start);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		struct zone *zone = &pgdat->node_zones[t];

		if (zone->managed_pages && start >= zone->zone_start_pfn &&
		    end <= zone->zone_end_pfn)
			return zone;
	}
	return NULL;
}

static int try_range(struct memory *mem, pfn_t start, pfn_t end, bool cma, gfp_t gfp)
{
	struct contig c = {
		.mem = mem, .zone = zone_of_range(mem, start, end), .start = start, .end = end,
		.cma = cma };
	uint32_t nr = end - start, block = 1u << mem->geo->pageblock_order;
	int rc;

	if (!c.zone || (gfp & __GFP_COMP && (nr & (nr - 1) || start & (nr - 1) ||
					     nr > 1u << mem->geo->max_order)))
		return -EINVAL;
	c.first_block = (pfn_t)align_down(start, block);
	c.last_block = (pfn_t)align_up(end, block);
	rc = alloc_range(&c);
	if (!rc)
		prepare(&c, gfp & __GFP_COMP);
	return rc;
}

int alloc_contig_range(struct memory *mem, pfn_t start, pfn_t end, bool cma, gfp_t gfp)
{
	int rc = try_range(mem, start, end, cma, gfp);

	count_vm_event(mem, rc ? CONTIG_ALLOC_FAIL : CONTIG_ALLOC_SUCCESS);
	return rc;
}

/* The first range of one zone. */
static pfn_t alloc_in_zone(struct zone *zone, uint64_t nr, gfp_t gfp)
{
	uint64_t at = align_up(zone->zone_start_pfn, nr & (nr - 1) ? 1 : nr);
	uint64_t step = nr & (nr - 1) ? 1ull << zone->pageblock_order : nr;

	for (; at + nr <= zone->zone_end_pfn; at += step)
		if (!try_range(zone->mem, (pfn_t)at, (pfn_t)(at + nr), false, gfp))
			return (pfn_t)at;
	return PFN_NONE;
}

pfn_t alloc_contig_pages(struct memory *mem, uint64_t nr, gfp_t gfp, int nid, uint64_t nodemask)
{
	const struct pglist_data *pgdat =
		mem->nodes[nid == NUMA_NO_NODE ? mem->cpu_node[mem->cpu] : nid];
	const struct zoneref *z =
		gfp & __GFP_THISNODE ? pgdat->zonelist_thisnode : pgdat->zonelist;

	for (; nr && z->zone; z++) {
		pfn_t pfn;

		if (z->zone->type > gfp_zone(gfp) ||
		    !(nodemask >> z->zone->zone_pgdat->node_id & 1))
			continue;
		pfn = alloc_in_zone(z->zone, nr, gfp);
		if (pfn != PFN_NONE) {
			count_vm_event(mem, CONTIG_ALLOC_SUCCESS);
			return pfn;
		}
	}
	count_vm_event(mem, CONTIG_ALLOC_FAIL);
	return PFN_NONE;
}

void free_contig_range(struct memory *mem, pfn_t pfn, uint64_t nr)
{
	pfn_t end = pfn + (pfn_t)nr;

	while (pfn < end) {
		unsigned order = page_order(pfn_to_page(mem, pfn));

		put_page(mem, pfn);
		pfn += 1u << order;
	}
}

/* --- CMA -------------------------------------------------------------------------------------- */

/* The first place from bit `from` on with `count` clear bits, its frame aligned; area->count: none. */
static uint64_t find_clear(const struct cma *cma, uint64_t from, uint64_t count, unsigned align_order)
{
	uint64_t align = 1ull << align_order, at = cma->base_pfn + from;

	for (at = align_up(at, align) - cma->base_pfn; at + count <= cma->count;) {
		uint64_t i = count;

		while (i && !bitmap_test(cma->bitmap, at + i - 1))
			i--;
		if (!i)
			return at;
		at = align_up(cma->base_pfn + at + i, align) - cma->base_pfn;
	}
	return cma->count;
}

static void mark(struct cma *cma, uint64_t at, uint64_t count, bool used)
{
	for (uint64_t i = at; i < at + count; i++) {
		if (used)
			bitmap_set(cma->bitmap, i);
		else
			bitmap_clear(cma->bitmap, i);
	}
	cma->available_count += used ? -count : count;
}

/* One place after the other, each where the last one ended: as cma_range_alloc(). */
static pfn_t alloc_in_area(struct memory *mem, struct cma *cma, uint64_t count,
			   unsigned align_order)
{
	uint64_t at = 0, step = 1ull << align_order;

	if (!count || count > cma->available_count)
		return PFN_NONE;
	while ((at = find_clear(cma, at, count, align_order)) < cma->count) {
		pfn_t pfn = cma->base_pfn + (pfn_t)at;

		if (!try_range(mem, pfn, pfn + (pfn_t)count, true, GFP_KERNEL)) {
			mark(cma, at, count, true);
			return pfn;
		}
		at += step;
	}
	return PFN_NONE;
}

pfn_t cma_alloc(struct memory *mem, struct cma *cma, uint64_t count, unsigned align_order)
{
	pfn_t pfn = alloc_in_area(mem, cma, count, align_order);

	count_vm_event(mem, pfn == PFN_NONE ? CMA_ALLOC_FAIL : CMA_ALLOC_SUCCESS);
	return pfn;
}

bool cma_release(struct memory *mem, struct cma *cma, pfn_t pfn, uint64_t count)
{
	if (pfn < cma->base_pfn || pfn + count > cma->base_pfn + cma->count)
		return false;
	free_contig_range(mem, pfn, count);
	mark(cma, pfn - cma->base_pfn, count, false);
	return true;
}
