/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/buddyinfo and /proc/pagetypeinfo. Kernel counterpart: mm/vmstat.c (frag_show,
 * pagetypeinfo_show).
 *
 * The type CMA has lines only where the machine has such a pageblock, as in a kernel without
 * CONFIG_CMA.
 */
#include "mm/fragmentation.h"
#include "mm/memmap.h"
#include "report/procfs.h"

#define COUNT_MAX 100000 /* the kernel stops counting a list there */

static const char *const type_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",     [MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable", [MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_CMA] = "CMA",		       [MIGRATE_ISOLATE] = "Isolate",
};

typedef void zone_fn(struct procfs *p, const struct zone *zone);

static void each_zone(struct procfs *p, const struct pglist_data *node, zone_fn *fn)
{
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (node->node_zones[z].managed_pages)
			fn(p, &node->node_zones[z]);
}

static void put_buddy(struct procfs *p, const struct zone *zone)
{
	strbuf_addf(&p->text, "Node %u, zone %8s ", zone->zone_pgdat->node_id, zone->name);
	for (unsigned o = 0; o <= zone->max_order; o++)
		strbuf_addf(&p->text, "%6llu ", (unsigned long long)zone->free_area[o].nr_free);
	strbuf_addstr(&p->text, "\n");
}

void procfs_buddyinfo(struct procfs *p)
{
	p->file = "proc/buddyinfo";
	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		if (p->mem->nodes[n])
			each_zone(p, p->mem->nodes[n], put_buddy);
	procfs_done(p, "proc/buddyinfo");
}

static bool type_shown(const struct memory *mem, unsigned mt)
{
	pfn_t block = 1u << mem->geo->pageblock_order;

	if (mt != MIGRATE_CMA)
		return true;
	for (pfn_t pfn = 0; pfn < mem->max_pfn; pfn += block)
		if (pageblock_type(mem, pfn) == MIGRATE_CMA)
			return true;
	return false;
}

static void put_free(struct procfs *p, const struct zone *zone)
{
	struct fragmentation f;

	fragmentation_of_zone(&f, zone);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		if (!type_shown(p->mem, mt))
			continue;
		strbuf_addf(&p->text, "Node %4u, zone %8s, type %12s ", zone->zone_pgdat->node_id,
			    zone->name, type_names[mt]);
		for (unsigned o = 0; o <= zone->max_order; o++) {
			uint64_t nr = f.free_blocks_type[o][mt];
			bool over = nr >= COUNT_MAX;

			strbuf_addf(&p->text, "%s%6llu ", over ? ">" : "",
				    (unsigned long long)(over ? COUNT_MAX : nr));
		}
		strbuf_addstr(&p->text, "\n");
	}
}

static void put_blocks(struct procfs *p, const struct zone *zone)
{
	struct fragmentation f;

	fragmentation_of_zone(&f, zone);
	strbuf_addf(&p->text, "Node %u, zone %8s ", zone->zone_pgdat->node_id, zone->name);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (type_shown(p->mem, mt))
			strbuf_addf(&p->text, "%12llu ", (unsigned long long)f.pageblocks[mt]);
	strbuf_addstr(&p->text, "\n");
}

/* The kernel repeats the head for each node. */
static void put_node(struct procfs *p, const struct pglist_data *node)
{
	unsigned order = p->mem->geo->pageblock_order;

	strbuf_addf(&p->text, "Page block order: %u\nPages per block:  %u\n\n%-43s ", order,
		    1u << order, "Free pages count per migrate type at order");
	for (unsigned o = 0; o <= p->mem->geo->max_order; o++)
		strbuf_addf(&p->text, "%6u ", o);
	strbuf_addstr(&p->text, "\n");
	each_zone(p, node, put_free);
	strbuf_addf(&p->text, "\n%-23s", "Number of blocks type ");
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (type_shown(p->mem, mt))
			strbuf_addf(&p->text, "%12s ", type_names[mt]);
	strbuf_addstr(&p->text, "\n");
	each_zone(p, node, put_blocks);
}

void procfs_pagetypeinfo(struct procfs *p)
{
	p->file = "proc/pagetypeinfo";
	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		if (p->mem->nodes[n] && p->mem->nodes[n]->managed_pages)
			put_node(p, p->mem->nodes[n]);
	procfs_done(p, "proc/pagetypeinfo");
}
