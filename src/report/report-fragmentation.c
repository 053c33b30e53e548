/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `fragmentation`: free memory by node, zone, order and migrate type, what allocations
 * of each order came to, and how contiguous the processes' memory is.
 */
#include "mm/ageing.h"
#include "mm/cma.h"
#include "mm/fragmentation.h"
#include "report/report.h"

/* As in /proc/pagetypeinfo, in the style of the result's keys. */
static const char *const type_keys[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "unmovable",     [MIGRATE_MOVABLE] = "movable",
	[MIGRATE_RECLAIMABLE] = "reclaimable", [MIGRATE_HIGHATOMIC] = "highatomic",
	[MIGRATE_CMA] = "cma",		       [MIGRATE_ISOLATE] = "isolate",
};

const char *report_type_key(unsigned mt)
{
	return type_keys[mt];
}

static void put_u64s(json_t *obj, const char *key, const uint64_t *values, unsigned nr)
{
	json_t *array = j_array(obj, key);

	for (unsigned i = 0; i < nr; i++)
		json_array_append_new(array, json_integer((json_int_t)values[i]));
}

static void put_figures(json_t *obj, const struct fragmentation *f, unsigned max_order)
{
	json_t *unusable, *index;

	j_u64(obj, "free_pages", f->free_pages);
	j_i64(obj, "largest_free_order", f->largest_order);
	put_u64s(obj, "free_blocks", f->free_blocks, max_order + 1);
	unusable = j_array(obj, "unusable_free_permille");
	index = j_array(obj, "fragmentation_index_permille");
	for (unsigned o = 0; o <= max_order; o++) {
		json_array_append_new(unusable, json_integer(f->unusable_index[o]));
		json_array_append_new(index, json_integer(f->fragmentation_index[o]));
	}
}

/* Types of which the zone has neither free memory nor a pageblock are left out. */
static void put_types(json_t *zone, const struct fragmentation *all, unsigned max_order)
{
	json_t *types = j_object(zone, "types");

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		struct fragmentation f;
		json_t *obj;

		fragmentation_of_type(&f, all, mt, max_order);
		if (!f.free_pages && !f.pageblocks[mt])
			continue;
		obj = j_object(types, type_keys[mt]);
		j_u64(obj, "pageblocks", f.pageblocks[mt]);
		j_u64(obj, "mixed_pageblocks", f.mixed_pageblocks[mt]);
		put_figures(obj, &f, max_order);
	}
}

static void put_zone(json_t *zones, const struct zone *zone, struct fragmentation *node)
{
	struct fragmentation f;
	json_t *obj = json_object();

	fragmentation_of_zone(&f, zone);
	fragmentation_count_mixed(&f, zone);
	fragmentation_add_zone(node, zone);
	j_u64(obj, "node", zone->zone_pgdat->node_id);
	j_str(obj, "zone", zone->name);
	j_u64(obj, "managed_pages", zone->managed_pages);
	put_figures(obj, &f, zone->max_order);
	put_types(obj, &f, zone->max_order);
	json_array_append_new(zones, obj);
}

static void put_node(json_t *nodes, json_t *zones, const struct pglist_data *pgdat)
{
	unsigned max_order = pgdat->mem->geo->max_order;
	struct fragmentation f = {0};
	json_t *obj;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (pgdat->node_zones[z].managed_pages)
			put_zone(zones, &pgdat->node_zones[z], &f);
	if (!pgdat->managed_pages)
		return;
	fragmentation_finish(&f, max_order);
	obj = json_object();
	j_u64(obj, "node", pgdat->node_id);
	put_figures(obj, &f, max_order);
	json_array_append_new(nodes, obj);
}

static void put_allocations(json_t *frag, const char *key, const char *key_by_type,
			    const uint64_t (*counts)[MAX_ORDER_LIMIT], unsigned nr)
{
	uint64_t sum[MAX_ORDER_LIMIT] = {0};
	json_t *types;

	for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		for (unsigned o = 0; o < nr; o++)
			sum[o] += counts[mt][o];
	put_u64s(frag, key, sum, nr);
	types = j_object(frag, key_by_type);
	for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		put_u64s(types, type_keys[mt], counts[mt], nr);
}

/* All processes together, each as it was at its end or at that of the trace. */
static void put_mappings(json_t *frag, const struct tasks *t)
{
	json_t *obj = j_object(frag, "mappings");
	struct contiguity c = {0};
	unsigned nr = CONTIGUITY_ORDERS;

	for (size_t i = 0; i < t->processes.nr; i++)
		contiguity_add(&c, &t->processes.data[i].contiguity);
	while (nr && !c.runs_by_order[nr - 1])
		nr--;
	j_u64(obj, "pages", c.pages);
	j_u64(obj, "runs", c.runs);
	j_u64(obj, "largest_pages", c.largest_pages);
	j_ratio(obj, "pages_per_run", c.pages, c.runs);
	put_u64s(obj, "runs_by_order", c.runs_by_order, nr);
	put_u64s(obj, "pages_by_order", c.pages_by_order, nr);
}

/* What the machine started with; nothing to say of a fresh one. */
static void put_initial(json_t *frag, const struct memory *mem)
{
	const struct ageing *a = mem->ageing;
	json_t *obj, *nodes;

	if (!a)
		return;
	obj = j_object(frag, "initial");
	j_u64(obj, "order", a->order);
	nodes = j_array(obj, "unusable_free_permille_by_node");
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		json_array_append_new(nodes, json_integer(a->unusable_index[n]));
	j_u64(obj, "unmovable_pages", a->pages[MIGRATE_UNMOVABLE]);
	j_u64(obj, "movable_pages", a->pages[MIGRATE_MOVABLE]);
	j_u64(obj, "reclaimable_pages", a->pages[MIGRATE_RECLAIMABLE]);
	j_u64(obj, "left_out_pages", a->dropped_pages);
	j_u64(obj, "migrated_pages", a->nr_moved);
}

static void put_cma(json_t *frag, const struct memory *mem)
{
	json_t *areas = mem->nr_cma_areas ? j_array(frag, "cma") : NULL;

	for (unsigned i = 0; i < mem->nr_cma_areas; i++) {
		const struct cma *cma = &mem->cma_areas[i];
		json_t *obj = json_object();

		j_str(obj, "name", cma->name);
		j_u64(obj, "node", pfn_to_node(mem, cma->base_pfn)->node_id);
		j_u64(obj, "pages", cma->count);
		j_u64(obj, "used_pages", cma->count - cma->available_count);
		json_array_append_new(areas, obj);
	}
}

void report_fragmentation(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	unsigned nr_orders = mem->geo->max_order + 1;
	json_t *frag = j_object(rep->root, "fragmentation"), *nodes, *zones;

	put_allocations(frag, "allocations_by_order", "allocations_by_type", mem->alloc_order,
			nr_orders);
	put_allocations(frag, "failures_by_order", "failures_by_type", mem->alloc_order_failed,
			nr_orders);
	report_compaction(frag, mem);
	put_mappings(frag, &rep->r->tasks);
	put_initial(frag, mem);
	put_cma(frag, mem);
	nodes = j_array(frag, "nodes");
	zones = j_array(frag, "zones");
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n])
			put_node(nodes, zones, mem->nodes[n]);
}
