/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `memory`: nodes and zones as they came out, what boot took of them, and the marks that the
 * allocator goes by. For each zone
 *	spanned >= present = managed + boot_firmware + boot_kernel + boot_mem_map
 */
#include "report/report.h"

static const char *const boot_keys[NR_BOOT_MEMORY] = {
	[BOOT_FIRMWARE] = "boot_firmware_pages",
	[BOOT_KERNEL] = "boot_kernel_pages",
	[BOOT_MEM_MAP] = "boot_mem_map_pages",
};

static const char *const mark_keys[NR_WMARK] = {
	[WMARK_MIN] = "watermark_min_pages",
	[WMARK_LOW] = "watermark_low_pages",
	[WMARK_HIGH] = "watermark_high_pages",
	[WMARK_PROMO] = "watermark_promo_pages",
};

static void put_zone(json_t *zones, const struct zone *zone)
{
	json_t *obj = json_object(), *reserve;

	j_str(obj, "zone", zone->name);
	j_u64(obj, "start_pfn", zone->zone_start_pfn);
	j_u64(obj, "spanned_pages", zone->spanned_pages);
	j_u64(obj, "present_pages", zone->present_pages);
	j_u64(obj, "managed_pages", zone->managed_pages);
	for (unsigned i = 0; i < NR_BOOT_MEMORY; i++)
		j_u64(obj, boot_keys[i], zone->boot_pages[i]);
	for (unsigned i = 0; i < NR_WMARK; i++)
		j_u64(obj, mark_keys[i], zone->watermark[i]);
	j_u64(obj, "watermark_boost_pages", zone->watermark_boost);
	/* What /proc/zoneinfo calls protection: by the zone that was asked for. */
	reserve = j_array(obj, "lowmem_reserve_pages");
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		json_array_append_new(reserve, json_integer((json_int_t)zone->lowmem_reserve[t]));
	json_array_append_new(zones, obj);
}

static void put_node(json_t *nodes, const struct pglist_data *pgdat)
{
	json_t *obj = json_object(), *order, *zones;
	const struct pglist_data *last = NULL;

	j_u64(obj, "node", pgdat->node_id);
	j_bool(obj, "has_cpus", pgdat->has_cpu);
	j_u64(obj, "present_pages", pgdat->present_pages);
	j_u64(obj, "managed_pages", pgdat->managed_pages);
	/* Where an allocation for this node looks, nearest first. */
	order = j_array(obj, "fallback_nodes");
	for (const struct zoneref *z = pgdat->zonelist; z->zone; z++) {
		if (z->zone->zone_pgdat != last)
			json_array_append_new(order, json_integer(z->zone->zone_pgdat->node_id));
		last = z->zone->zone_pgdat;
	}
	zones = j_array(obj, "zones");
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (pgdat->node_zones[t].present_pages)
			put_zone(zones, &pgdat->node_zones[t]);
	json_array_append_new(nodes, obj);
}

void report_zones(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *obj = j_object(rep->root, "memory"), *nodes;

	j_u64(obj, "page_bytes", 1ull << mem->geo->page_shift);
	j_u64(obj, "managed_pages", mem->totalram_pages);
	j_u64(obj, "reserved_for_kernel_pages", mem->totalreserve_pages);
	nodes = j_array(obj, "nodes");
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		put_node(nodes, mem->nodes[n]);
}
