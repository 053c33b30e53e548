/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/vmstat, /proc/zoneinfo, nodeN/vmstat. Kernel counterpart: mm/vmstat.c, drivers/base/node.c.
 *
 * The lists hold the lines that a 6.18 kernel for 64-bit machines prints, in its order; lines that
 * depend on its configuration are those of a kernel with THP, NUMA balancing, compaction, zswap,
 * balloon drivers and hugetlbfs, and without CMA, memory hotplug and DEBUG_TLBFLUSH (with a zone
 * HighMem on 32-bit machines).
 */
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"
#include "mm/writeback.h"
#include "report/procfs.h"
#include "report/report.h"

static const char *const zone_lines[] = {
	"nr_free_pages",	"nr_free_pages_blocks",	 "nr_zone_inactive_anon",
	"nr_zone_active_anon",	"nr_zone_inactive_file", "nr_zone_active_file",
	"nr_zone_unevictable",	"nr_zone_write_pending", "nr_mlock",
	"nr_zspages",		"nr_free_cma",
};

static const char *const numa_lines[] = {"numa_hit",	    "numa_miss",  "numa_foreign",
					 "numa_interleave", "numa_local", "numa_other"};

static const char *const node_lines[] = {
	"nr_inactive_anon",
	"nr_active_anon",
	"nr_inactive_file",
	"nr_active_file",
	"nr_unevictable",
	"nr_slab_reclaimable",
	"nr_slab_unreclaimable",
	"nr_isolated_anon",
	"nr_isolated_file",
	"workingset_nodes",
	"workingset_refault_anon",
	"workingset_refault_file",
	"workingset_activate_anon",
	"workingset_activate_file",
	"workingset_restore_anon",
	"workingset_restore_file",
	"workingset_nodereclaim",
	"nr_anon_pages",
	"nr_mapped",
	"nr_file_pages",
	"nr_dirty",
	"nr_writeback",
	"nr_shmem",
	"nr_shmem_hugepages",
	"nr_shmem_pmdmapped",
	"nr_file_hugepages",
	"nr_file_pmdmapped",
	"nr_anon_transparent_hugepages",
	"nr_vmscan_write",
	"nr_vmscan_immediate_reclaim",
	"nr_dirtied",
	"nr_written",
	"nr_throttled_written",
	"nr_kernel_misc_reclaimable",
	"nr_foll_pin_acquired",
	"nr_foll_pin_released",
	"nr_kernel_stack",
	"nr_page_table_pages",
	"nr_sec_page_table_pages",
	"nr_iommu_pages",
	"nr_swapcached",
	"pgpromote_success",
	"pgpromote_candidate",
	"pgpromote_candidate_nrl",
	"pgdemote_kswapd",
	"pgdemote_direct",
	"pgdemote_khugepaged",
	"pgdemote_proactive",
	"nr_hugetlb",
	"nr_balloon_pages",
	"nr_kernel_file_pages",
};

static const char *const global_lines[] = {
	"nr_memmap_pages",
	"nr_memmap_boot_pages",
};

/* A line that ends in "_*" stands for one line a zone. */
static const char *const event_lines[] = {
	"pgpgin",
	"pgpgout",
	"pswpin",
	"pswpout",
	"pgalloc_*",
	"allocstall_*",
	"pgskip_*",
	"pgfree",
	"pgactivate",
	"pgdeactivate",
	"pglazyfree",
	"pgfault",
	"pgmajfault",
	"pglazyfreed",
	"pgrefill",
	"pgreuse",
	"pgsteal_kswapd",
	"pgsteal_direct",
	"pgsteal_khugepaged",
	"pgsteal_proactive",
	"pgscan_kswapd",
	"pgscan_direct",
	"pgscan_khugepaged",
	"pgscan_proactive",
	"pgscan_direct_throttle",
	"pgscan_anon",
	"pgscan_file",
	"pgsteal_anon",
	"pgsteal_file",
	"zone_reclaim_success",
	"zone_reclaim_failed",
	"pginodesteal",
	"slabs_scanned",
	"kswapd_inodesteal",
	"kswapd_low_wmark_hit_quickly",
	"kswapd_high_wmark_hit_quickly",
	"pageoutrun",
	"pgrotated",
	"drop_pagecache",
	"drop_slab",
	"oom_kill",
	"numa_pte_updates",
	"numa_huge_pte_updates",
	"numa_hint_faults",
	"numa_hint_faults_local",
	"numa_pages_migrated",
	"pgmigrate_success",
	"pgmigrate_fail",
	"thp_migration_success",
	"thp_migration_fail",
	"thp_migration_split",
	"compact_migrate_scanned",
	"compact_free_scanned",
	"compact_isolated",
	"compact_stall",
	"compact_fail",
	"compact_success",
	"compact_daemon_wake",
	"compact_daemon_migrate_scanned",
	"compact_daemon_free_scanned",
	"htlb_buddy_alloc_success",
	"htlb_buddy_alloc_fail",
	"unevictable_pgs_culled",
	"unevictable_pgs_scanned",
	"unevictable_pgs_rescued",
	"unevictable_pgs_mlocked",
	"unevictable_pgs_munlocked",
	"unevictable_pgs_cleared",
	"unevictable_pgs_stranded",
	"thp_fault_alloc",
	"thp_fault_fallback",
	"thp_fault_fallback_charge",
	"thp_collapse_alloc",
	"thp_collapse_alloc_failed",
	"thp_file_alloc",
	"thp_file_fallback",
	"thp_file_fallback_charge",
	"thp_file_mapped",
	"thp_split_page",
	"thp_split_page_failed",
	"thp_deferred_split_page",
	"thp_underused_split_page",
	"thp_split_pmd",
	"thp_scan_exceed_none_pte",
	"thp_scan_exceed_swap_pte",
	"thp_scan_exceed_share_pte",
	"thp_split_pud",
	"thp_zero_page_alloc",
	"thp_zero_page_alloc_failed",
	"thp_swpout",
	"thp_swpout_fallback",
	"balloon_inflate",
	"balloon_deflate",
	"balloon_migrate",
	"swap_ra",
	"swap_ra_hit",
	"swpin_zero",
	"swpout_zero",
	"ksm_swpin_copy",
	"cow_ksm",
	"zswpin",
	"zswpout",
	"zswpwb",
	"direct_map_level2_splits",
	"direct_map_level3_splits",
	"direct_map_level2_collapses",
	"direct_map_level3_collapses",
	"nr_unstable",
};

/* ---- values ---- */

/* Pages in free blocks of a pageblock and larger. */
static uint64_t free_pages_blocks(const struct zone *zone)
{
	uint64_t pages = 0;

	for (unsigned o = zone->pageblock_order; o <= zone->max_order; o++)
		pages += zone->free_area[o].nr_free << o;
	return pages;
}

static bool zone_counter(const struct zone *zone, const char *key, uint64_t *ret)
{
	if (!strcmp(key, "nr_free_pages_blocks")) {
		*ret = free_pages_blocks(zone);
		return true;
	}
	for (unsigned i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
		if (!strcmp(key, zone_stat_info[i].key)) {
			*ret = zone->vm_stat[i];
			return true;
		}
	return false;
}

static bool node_counter(const struct pglist_data *node, const char *key, uint64_t *ret)
{
	uint64_t sum = 0, value;

	for (unsigned i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		if (!strcmp(key, node_stat_info[i].key)) {
			*ret = node->vm_stat[i];
			return true;
		}
	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		if (!zone_counter(&node->node_zones[z], key, &value))
			return false;
		sum += value;
	}
	*ret = sum;
	return true;
}

bool procfs_counter(const struct memory *mem, const struct pglist_data *node,
		    const struct zone *zone, const char *key, uint64_t *ret)
{
	uint64_t sum = 0, value;

	if (zone)
		return zone_counter(zone, key, ret);
	if (node)
		return node_counter(node, key, ret);
	for (unsigned i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (vm_event_info[i].is_kernel && !strcmp(key, vm_event_info[i].key)) {
			*ret = mem->vm_event[i];
			return true;
		}
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		if (!mem->nodes[n])
			continue;
		if (!node_counter(mem->nodes[n], key, &value))
			return false;
		sum += value;
	}
	*ret = sum;
	return true;
}

/* Why the model's counter says nothing, NULL when it does. */
static const char *counter_reason(const struct mmr_replay *r, const char *key)
{
	for (unsigned i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
		if (!strcmp(key, zone_stat_info[i].key))
			return report_zone_item_reason(r, i);
	for (unsigned i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		if (!strcmp(key, node_stat_info[i].key))
			return report_node_item_reason(r, i);
	for (unsigned i = 0; i < NR_VM_EVENT_ITEMS; i++)
		if (!strcmp(key, vm_event_info[i].key))
			return report_event_reason(r, i);
	return NULL;
}

static uint64_t count(struct procfs *p, const struct pglist_data *node, const struct zone *zone,
		      const char *key, const char *line)
{
	uint64_t value = 0;
	char reason[80];

	if (!procfs_counter(p->mem, node, zone, key, &value)) {
		snprintf(reason, sizeof(reason), "the model has no counter %s", key);
		procfs_unknown(p, line, reason);
	} else if (counter_reason(p->r, key)) {
		procfs_unknown(p, line, counter_reason(p->r, key));
		value = 0;
	}
	return value;
}

uint64_t procfs_count(struct procfs *p, const struct pglist_data *node, const char *key,
		      const char *line)
{
	return count(p, node, NULL, key, line);
}

/* ---- vmstat ---- */

static void put_lines(struct procfs *p, const struct pglist_data *node, const char *const *lines,
		      size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		strbuf_addf(&p->text, "%s %llu\n", lines[i],
			    (unsigned long long)count(p, node, NULL, lines[i], lines[i]));
}

/* The kernel's keys have the zone's name in lower case, and "high" for HighMem. */
static void put_by_zone(struct procfs *p, const char *line)
{
	struct procfs_zone zones[MAX_NR_ZONES + 1];
	size_t nr = procfs_zones(p->mem, zones);

	for (size_t z = 0; z < nr; z++) {
		char key[48];
		int len = snprintf(key, sizeof(key), "%.*s%s", (int)strlen(line) - 1, line,
				   zones[z].type == ZONE_HIGHMEM ? "high" : zones[z].name);

		for (int i = 0; i < len; i++)
			if (key[i] >= 'A' && key[i] <= 'Z')
				key[i] = (char)(key[i] - 'A' + 'a');
		if (zones[z].type < 0)
			strbuf_addf(&p->text, "%s 0\n", key);
		else
			strbuf_addf(&p->text, "%s %llu\n", key,
				    (unsigned long long)count(p, NULL, NULL, key, key));
	}
}

static void put_events(struct procfs *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_lines); i++) {
		size_t len = strlen(event_lines[i]);

		if (event_lines[i][len - 1] == '*')
			put_by_zone(p, event_lines[i]);
		else
			put_lines(p, NULL, &event_lines[i], 1);
	}
}

/* How much may be dirty, as it is now. */
static void put_thresholds(struct procfs *p)
{
	uint64_t background, threshold;

	global_dirty_limits(p->mem, &background, &threshold);
	strbuf_addf(&p->text, "nr_dirty_threshold %llu\nnr_dirty_background_threshold %llu\n",
		    (unsigned long long)threshold, (unsigned long long)background);
}

void procfs_vmstat(struct procfs *p)
{
	p->file = "proc/vmstat";
	put_lines(p, NULL, zone_lines, ARRAY_SIZE(zone_lines));
	put_lines(p, NULL, numa_lines, ARRAY_SIZE(numa_lines));
	put_lines(p, NULL, node_lines, ARRAY_SIZE(node_lines));
	put_thresholds(p);
	put_lines(p, NULL, global_lines, ARRAY_SIZE(global_lines));
	put_events(p);
	procfs_done(p, "proc/vmstat");
}

void procfs_node_vmstat(struct procfs *p, const struct pglist_data *node)
{
	p->file = "sys/devices/system/node/nodeN/vmstat";
	put_lines(p, node, zone_lines, ARRAY_SIZE(zone_lines));
	put_lines(p, node, numa_lines, ARRAY_SIZE(numa_lines));
	put_lines(p, node, node_lines, ARRAY_SIZE(node_lines));
	procfs_done(p, "sys/devices/system/node/node%u/vmstat", node->node_id);
}

/* ---- zoneinfo ---- */

static void put_zone_lines(struct procfs *p, const struct pglist_data *node,
			   const struct zone *zone, const char *const *lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		strbuf_addf(&p->text, "\n      %-12s %llu", lines[i],
			    (unsigned long long)count(p, node, zone, lines[i], lines[i]));
}

static uint64_t managed(const struct zone *zone)
{
	return zone ? zone->managed_pages : 0;
}

/* mm/vmstat.c: calculate_normal_threshold() */
static unsigned stat_threshold(const struct zone *zone)
{
	unsigned page_shift = zone->mem->geo->page_shift;
	uint64_t mem = zone->managed_pages >> (27 - page_shift);
	unsigned cpus = 32 - (unsigned)__builtin_clz(zone->mem->nr_cpus),
		 size = mem ? 64 - (unsigned)__builtin_clzll(mem) : 0, threshold;

	threshold = 2 * cpus * (1 + size);
	return threshold < 125 ? threshold : 125;
}

static void put_protection(struct procfs *p, const struct zone *zone,
			   const struct procfs_zone *zones, size_t nr)
{
	strbuf_addstr(&p->text, "\n        protection: (");
	for (size_t i = 0; i < nr; i++) {
		/* device memory would come behind all others */
		int type = zones[i].type < 0 ? ZONE_MOVABLE : zones[i].type;

		strbuf_addf(&p->text, "%s%llu", i ? ", " : "",
			    (unsigned long long)(zone ? zone->lowmem_reserve[type] : 0));
	}
	strbuf_addstr(&p->text, ")");
}

/* kswapd has given up on the node. */
static bool is_unreclaimable(const struct pglist_data *node)
{
	return node->kswapd.failures >= MAX_RECLAIM_RETRIES;
}

static void put_pagesets(struct procfs *p, const struct zone *zone)
{
	strbuf_addstr(&p->text, "\n  pagesets");
	for (unsigned cpu = 0; cpu < p->mem->nr_cpus; cpu++) {
		const struct per_cpu_pages *pcp = &zone->pcp[cpu];

		strbuf_addf(&p->text,
			    "\n    cpu: %u\n              count:    %u\n              high:     %u"
			    "\n              batch:    %u\n              high_min: %u"
			    "\n              high_max: %u\n  vm stats threshold: %u",
			    cpu, pcp->count, pcp->high, pcp->batch, pcp->high_min, pcp->high_max,
			    stat_threshold(zone));
	}
	strbuf_addf(&p->text, "\n  node_unreclaimable:  %u\n  start_pfn:           %llu",
		    is_unreclaimable(zone->zone_pgdat),
		    (unsigned long long)zone->zone_start_pfn);
}

/* zone NULL: one that this machine does not have. */
static void put_zone(struct procfs *p, const struct pglist_data *node, const struct zone *zone,
		     const struct procfs_zone *zones, size_t nr)
{
	strbuf_addf(&p->text,
		    "\n  pages free     %llu\n        boost    %llu\n        min      %llu"
		    "\n        low      %llu\n        high     %llu\n        promo    %llu"
		    "\n        spanned  %llu\n        present  %llu\n        managed  %llu"
		    "\n        cma      %llu",
		    (unsigned long long)(zone ? zone->vm_stat[NR_FREE_PAGES] : 0),
		    (unsigned long long)(zone ? zone->watermark_boost : 0),
		    (unsigned long long)(zone ? zone->watermark[WMARK_MIN] : 0),
		    (unsigned long long)(zone ? zone->watermark[WMARK_LOW] : 0),
		    (unsigned long long)(zone ? zone->watermark[WMARK_HIGH] : 0),
		    (unsigned long long)(zone ? zone->watermark[WMARK_PROMO] : 0),
		    (unsigned long long)(managed(zone) ? zone->zone_end_pfn - zone->zone_start_pfn : 0),
		    (unsigned long long)(zone ? zone->present_pages : 0),
		    (unsigned long long)managed(zone),
		    (unsigned long long)(zone ? zone->cma_pages : 0));
	put_protection(p, zone, zones, nr);
	if (!managed(zone))
		return;
	put_zone_lines(p, node, zone, zone_lines, ARRAY_SIZE(zone_lines));
	put_zone_lines(p, node, zone, numa_lines, ARRAY_SIZE(numa_lines));
	put_pagesets(p, zone);
}

void procfs_zoneinfo(struct procfs *p)
{
	struct procfs_zone zones[MAX_NR_ZONES + 1];
	size_t nr = procfs_zones(p->mem, zones);

	p->file = "proc/zoneinfo";
	for (unsigned n = 0; n < p->mem->nr_nodes; n++) {
		const struct pglist_data *node = p->mem->nodes[n];
		bool first = true;

		for (size_t z = 0; node && z < nr; z++) {
			const struct zone *zone =
				zones[z].type < 0 ? NULL : &node->node_zones[zones[z].type];

			strbuf_addf(&p->text, "Node %u, zone %8s", n, zones[z].name);
			if (managed(zone) && first) {
				strbuf_addstr(&p->text, "\n  per-node stats");
				put_zone_lines(p, node, NULL, node_lines, ARRAY_SIZE(node_lines));
				first = false;
			}
			put_zone(p, node, zone, zones, nr);
			strbuf_addstr(&p->text, "\n");
		}
	}
	procfs_done(p, "proc/zoneinfo");
}
