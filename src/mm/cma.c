/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Where the areas of CMA lie: see cma.h. Allocation from them is in contig.c. */
#include "mm/cma.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "mm/buddy.h"

/* Areas stay above it where they can: what needs low memory finds it there. */
#define BOTTOM_UP_FROM (4ull << 30)

struct place {
	struct zone *zone;
	pfn_t start;
	uint64_t nr;	/* pages, whole pageblocks */
};

static bool fits(const struct place *p)
{
	return p->start >= p->zone->zone_start_pfn && p->start + p->nr <= p->zone->zone_end_pfn &&
	       buddy_range_is_free(p->zone, p->start, p->start + (pfn_t)p->nr);
}

/* The lowest place from `least` on. */
static bool find_bottom_up(struct place *p, uint64_t least)
{
	pfn_t block = 1u << p->zone->pageblock_order;
	uint64_t at = p->zone->zone_start_pfn > least ? p->zone->zone_start_pfn : least;

	for (at = align_up(at, block); at + p->nr <= p->zone->zone_end_pfn; at += block) {
		p->start = (pfn_t)at;
		if (fits(p))
			return true;
	}
	return false;
}

static bool find_top_down(struct place *p)
{
	pfn_t block = 1u << p->zone->pageblock_order;
	uint64_t at = p->zone->zone_end_pfn;

	if (at < p->nr)
		return false;
	for (at = align_down(at - p->nr, block); at >= p->zone->zone_start_pfn; at -= block) {
		p->start = (pfn_t)at;
		if (fits(p))
			return true;
		if (at < block)
			break;
	}
	return false;
}

/* Zones whose memory the kernel can use itself, on one node or (nid < 0) on all. */
static bool zone_serves(const struct zone *zone, int nid)
{
	return zone->managed_pages && zone->type <= ZONE_NORMAL &&
	       (nid < 0 || zone->zone_pgdat->node_id == (unsigned)nid);
}

static bool find_place(struct memory *mem, struct place *p, int nid)
{
	uint64_t high = BOTTOM_UP_FROM >> mem->geo->page_shift;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			p->zone = &mem->nodes[n]->node_zones[t];
			if (zone_serves(p->zone, nid) && find_bottom_up(p, high))
				return true;
		}
	for (unsigned n = mem->nr_nodes; n-- > 0;)
		for (unsigned t = MAX_NR_ZONES; t-- > 0;) {
			p->zone = &mem->nodes[n]->node_zones[t];
			if (zone_serves(p->zone, nid) && find_top_down(p))
				return true;
		}
	return false;
}

static void activate(struct memory *mem, const struct place *p, const char *name, int nid)
{
	struct cma *cma = &mem->cma_areas[mem->nr_cma_areas++];
	pfn_t end = p->start + (pfn_t)p->nr;

	*cma = (struct cma){
		.name = name,
		.base_pfn = p->start,
		.count = p->nr,
		.available_count = p->nr,
		.bitmap = xcalloc(BITMAP_WORDS(p->nr), sizeof(uint64_t)),
		.nid = nid,
	};
	buddy_touch_range(p->zone, p->start, end);
	buddy_take_range(p->zone, p->start, end);
	buddy_set_range_type(p->zone, p->start, end, MIGRATE_CMA);
	buddy_free_range(p->zone, p->start, end);
	p->zone->cma_pages += p->nr;
}

static int declare(struct memory *mem, const char *name, uint64_t bytes, int nid,
		   struct mmr_error *err)
{
	uint64_t block = 1ull << mem->geo->pageblock_order;
	struct place p = { .nr = align_up(bytes >> mem->geo->page_shift, block) };
	char where[32] = "";

	if (nid >= 0)
		snprintf(where, sizeof(where), " on node %d", nid);
	if (!find_place(mem, &p, nid))
		return err_set(err, -EINVAL, "no place for a CMA area of %" PRIu64 " MiB%s",
			       p.nr << mem->geo->page_shift >> 20, where);
	activate(mem, &p, name, nid);
	return 0;
}

int cma_declare_areas(struct memory *mem, struct mmr_error *err)
{
	const struct mm_config *c = &mem->conf;
	int rc = 0;

	if (!c->cma_bytes && !c->cma_pernuma_bytes)
		return 0;
	mem->cma_areas = xcalloc(NR_CMA_AREAS, sizeof(*mem->cma_areas));
	if (c->cma_bytes)
		rc = declare(mem, "reserved", c->cma_bytes, NUMA_NO_NODE, err);
	for (unsigned n = 0; n < mem->nr_nodes && !rc && c->cma_pernuma_bytes; n++)
		if (mem->nodes[n]->has_memory)
			rc = declare(mem, "pernuma", c->cma_pernuma_bytes, (int)n, err);
	return rc;
}

void cma_free_areas(struct memory *mem)
{
	for (unsigned i = 0; i < mem->nr_cma_areas; i++)
		free(mem->cma_areas[i].bitmap);
	free(mem->cma_areas);
	mem->cma_areas = NULL;
	mem->nr_cma_areas = 0;
}

struct cma *cma_area_of(struct memory *mem, int nid)
{
	struct cma *found = NULL;

	for (unsigned i = 0; i < mem->nr_cma_areas; i++) {
		struct cma *cma = &mem->cma_areas[i];

		if (nid != NUMA_NO_NODE && cma->nid == nid)
			return cma;
		if (cma->nid == NUMA_NO_NODE)
			found = cma;
	}
	return found;
}
