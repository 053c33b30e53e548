/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Building the physical memory of a machine: see memory.h. */
#include "mm/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "mm/buddy.h"
#include "mm/init_mm.h"
#include "mm/cma.h"
#include "mm/highmem.h"
#include "mm/memcg.h"
#include "mm/memory-layout.h"
#include "mm/memory_tiers.h"
#include "mm/mempolicy.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/quicklist.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

/* --- description ------------------------------------------------------------------------------ */

static int check_nodes(const struct memory_desc *d, struct mmr_error *err)
{
	uint64_t total = 0, least = 2ull << 20;

	if (d->nr_nodes < 1 || d->nr_nodes > MAX_NUMNODES)
		return err_set(err, -EINVAL, "%u nodes: between 1 and %d are possible", d->nr_nodes,
			       MAX_NUMNODES);
	for (unsigned n = 0; n < d->nr_nodes; n++) {
		if (d->node_bytes[n] & ((1ull << d->geo->page_shift) - 1))
			return err_set(err, -EINVAL,
				       "memory of node %u is not a whole number of pages", n);
		if (d->node_bytes[n] && d->node_bytes[n] < least)
			return err_set(err, -EINVAL, "node %u has less than %" PRIu64 " MiB", n,
				       least >> 20);
		/* Frame numbers have 32 bits; the rest leaves room for holes. */
		if (d->node_bytes[n] >> d->geo->page_shift >= PFN_NONE / 2 - total)
			return err_set(err, -EINVAL, "too much memory: at most 2^31 pages");
		total += d->node_bytes[n] >> d->geo->page_shift;
	}
	if (!total)
		return err_set(err, -EINVAL, "no node has memory");
	return 0;
}

static int check_cpus(const struct memory_desc *d, struct mmr_error *err)
{
	if (d->nr_cpus < 1 || d->nr_cpus > NR_CPUS_MAX)
		return err_set(err, -EINVAL, "%u CPUs: between 1 and %d are possible", d->nr_cpus,
			       NR_CPUS_MAX);
	for (unsigned cpu = 0; d->cpu_node && cpu < d->nr_cpus; cpu++)
		if (d->cpu_node[cpu] >= d->nr_nodes)
			return err_set(err, -EINVAL, "CPU %u is on node %u, which does not exist",
				       cpu, d->cpu_node[cpu]);
	for (unsigned i = 0; d->distance && i < d->nr_nodes * d->nr_nodes; i++)
		if (d->distance[i] < 10 || d->distance[i] > 254)
			return err_set(err, -EINVAL,
				       "distance %u from node %u to node %u: between 10 and 254",
				       d->distance[i], i / d->nr_nodes, i % d->nr_nodes);
	return 0;
}

/* --- zones ------------------------------------------------------------------------------------ */

static const char *const zone_names[MAX_NR_ZONES] = {
	[ZONE_DMA] = "DMA", [ZONE_DMA32] = "DMA32", [ZONE_NORMAL] = "Normal",
	[ZONE_HIGHMEM] = "HighMem", [ZONE_MOVABLE] = "Movable",
};

static struct pglist_data *node_create(struct memory *mem, unsigned nid)
{
	struct pglist_data *pgdat = xcalloc(1, sizeof(*pgdat));

	pgdat->mem = mem;
	pgdat->node_id = nid;
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		struct zone *zone = &pgdat->node_zones[t];

		zone->zone_pgdat = pgdat;
		zone->mem = mem;
		zone->type = (enum zone_type)t;
		zone->name = zone_names[t];
		buddy_init(zone);
	}
	return pgdat;
}

/* Frames of one zone that boot has taken. */
static void count_boot_pages(struct zone *zone, const struct boot_range *r, uint64_t start,
			     uint64_t end, uint64_t absent)
{
	uint64_t from = r->start > start ? r->start : start, to = r->end < end ? r->end : end;

	zone->boot_pages[r->kind] += to - from - (r->kind == BOOT_FIRMWARE ? absent : 0);
}

/*
 * Frames [start, end) of one zone, all present: the parts between reservations go to the buddy
 * allocator.
 */
static void add_to_zone(struct memory_layout *l, struct zone *zone, uint64_t start, uint64_t end)
{
	uint64_t absent = layout_absent_pages(l, start, end), at = start;

	if (!zone->present_pages)
		zone->zone_start_pfn = (pfn_t)(start + (absent > 0));
	zone->zone_end_pfn = (pfn_t)end;
	zone->present_pages += end - start - absent;
	for (size_t i = 0; i < l->reserved.nr && at < end; i++) {
		const struct boot_range *r = &l->reserved.data[i];

		if (r->end <= at || r->start >= end)
			continue;
		count_boot_pages(zone, r, start, end, absent);
		if (r->start > at)
			buddy_add_range(zone, (pfn_t)at, r->start);
		at = r->end;
	}
	if (at < end)
		buddy_add_range(zone, (pfn_t)at, (pfn_t)end);
}

/* Cuts a range of a node at the zones' boundaries; from movable_pfn on all is ZONE_MOVABLE. */
static void add_to_node(struct memory_layout *l, struct pglist_data *pgdat, uint64_t start,
			uint64_t end)
{
	uint64_t movable = l->movable_pfn[pgdat->node_id];
	uint64_t kernel_end = movable && movable < end ? movable : end;

	for (unsigned t = 0; t < ZONE_MOVABLE && start < kernel_end; t++) {
		uint64_t zone_end = l->platform->zone_end[t] >> l->page_shift, stop;

		if (zone_end <= start)
			continue;
		stop = zone_end < kernel_end ? zone_end : kernel_end;
		add_to_zone(l, &pgdat->node_zones[t], start, stop);
		start = stop;
	}
	if (start < end)
		add_to_zone(l, &pgdat->node_zones[ZONE_MOVABLE], start, end);
}

/* As calculate_node_totalpages(): the holes between the node's first and last frame included. */
static void set_spanned(const struct memory_layout *l, struct zone *zone, unsigned nid)
{
	uint64_t start, end, movable = l->movable_pfn[nid];
	enum zone_type type = zone->type == ZONE_MOVABLE ? layout_movable_zone(l) : zone->type;
	struct node_range r = layout_zone_bounds(l, type);

	if (!zone->present_pages || !layout_node_span(l, nid, &start, &end))
		return;
	if (zone->type == ZONE_MOVABLE)
		r.start = movable;
	else if (movable && r.end > movable)
		r.end = movable;
	if (start + (layout_absent_pages(l, start, end) > 0) > r.start)
		r.start = start + (layout_absent_pages(l, start, end) > 0);
	if (end < r.end)
		r.end = end;
	zone->spanned_pages = r.end - r.start;
}

static void build_node(struct memory_layout *l, unsigned nid)
{
	struct memory *mem = l->mem;
	struct pglist_data *pgdat = mem->nodes[nid];

	for (unsigned i = 0; i < NODE_RANGES; i++) {
		if (!l->ranges[nid][i].end)
			continue;
		memmap_set_node(mem, (pfn_t)l->ranges[nid][i].start, (pfn_t)l->ranges[nid][i].end,
				nid);
		add_to_node(l, pgdat, l->ranges[nid][i].start, l->ranges[nid][i].end);
	}
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		set_spanned(l, &pgdat->node_zones[t], nid);
		pgdat->present_pages += pgdat->node_zones[t].present_pages;
		pgdat->managed_pages += pgdat->node_zones[t].managed_pages;
	}
	pgdat->has_memory = pgdat->managed_pages > 0;
	mem->totalram_pages += pgdat->managed_pages;
}

/* --- the root --------------------------------------------------------------------------------- */

static void copy_topology(struct memory *mem, const struct memory_desc *d)
{
	mem->nr_nodes = d->nr_nodes;
	mem->nr_cpus = d->nr_cpus;
	mem->cpu_node = xcalloc(d->nr_cpus, sizeof(*mem->cpu_node));
	for (unsigned cpu = 0; cpu < d->nr_cpus; cpu++)
		mem->cpu_node[cpu] = d->cpu_node
					     ? d->cpu_node[cpu]
					     : (uint16_t)((uint64_t)cpu * d->nr_nodes / d->nr_cpus);
	mem->distance = xcalloc((size_t)d->nr_nodes * d->nr_nodes, sizeof(*mem->distance));
	for (unsigned i = 0; i < d->nr_nodes * d->nr_nodes; i++)
		mem->distance[i] = d->distance				? d->distance[i]
				   : i / d->nr_nodes == i % d->nr_nodes ? 10
									: 20;
}

static void init_pools(struct memory *mem)
{
	list_init(&mem->mms);
	list_init(&mem->khugepaged.slots);
	list_init(&mem->shrinkers);
	list_init(&mem->inodes);
	list_init(&mem->address_spaces);
	htable_init(&mem->files);
	htable_init(&mem->open_files);
	objpool_init(&mem->vma_pool, sizeof(struct vm_area_struct));
	objpool_init(&mem->avc_pool, sizeof(struct anon_vma_chain));
	objpool_init(&mem->anon_vma_pool, sizeof(struct anon_vma));
	objpool_init(&mem->mm_pool, sizeof(struct mm_struct));
	objpool_init(&mem->mapping_pool, sizeof(struct address_space));
	objpool_init(&mem->task_pool, sizeof(struct task_struct));
	mpol_init(mem);
	pgtable_pool_create(mem);
	mem->next_mm_id = 1;
	mem->huge_zero_pfn = PFN_NONE;
}

static void build_zones(struct memory_layout *l)
{
	struct memory *mem = l->mem;
	struct page *zero;

	mem->nodes = xcalloc(mem->nr_nodes, sizeof(struct pglist_data *));
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		mem->nodes[n] = node_create(mem, n);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		build_node(l, n);
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		mem->nodes[mem->cpu_node[cpu]]->has_cpu = true;
	mpol_setup(mem);
	memory_tiers_setup(mem);
	page_alloc_setup(mem);
	/* The zero page is part of the kernel's image. */
	memmap_touch(mem, mem->zero_pfn);
	zero = pfn_to_page(mem, mem->zero_pfn);
	zero->flags = PG_RESERVED;
	zero->_refcount = 1;
	zero->next = zero->prev = PFN_NONE;
}

/* The kernel's half of the page tables stands in what boot took, behind the image. */
static bool create_kernel_space(struct memory *mem, const struct memory_layout *l)
{
	for (size_t i = 0; i < l->reserved.nr; i++)
		if (l->reserved.data[i].kind == BOOT_KERNEL && l->reserved.data[i].start == mem->zero_pfn)
			mem->boot_free = (struct pfn_range){ mem->zero_pfn + 1, l->reserved.data[i].end };
	if (!init_mm_create(mem))
		return false;
	vmalloc_init(mem);
	return true;
}

int memory_create(const struct memory_desc *desc, struct memory **ret, struct mmr_error *err)
{
	struct memory_layout l = { .desc = desc, .page_shift = desc->geo->page_shift };
	struct memory *mem;
	int rc;

	rc = check_nodes(desc, err);
	if (!rc)
		rc = check_cpus(desc, err);
	if (rc)
		return rc;
	mem = xcalloc(1, sizeof(*mem));
	mem->geo = desc->geo;
	if (desc->conf)
		mem->conf = *desc->conf;
	else
		config_defaults(&mm_config_table, &mem->conf);
	copy_topology(mem, desc);
	init_pools(mem);
	highmem_create(mem);
	l.mem = mem;
	rc = layout_create(&l, err);
	if (!rc && memmap_create(mem, l.max_pfn))
		rc = err_set(err, -ENOMEM,
			     "the host has not the address space for this machine's pages");
	if (!rc)
		build_zones(&l);
	if (!rc)
		rc = cma_declare_areas(mem, err);
	if (!rc)
		slab_create(mem);
	if (!rc && !create_kernel_space(mem, &l))
		rc = err_set(err, -ENOMEM, "no memory for the kernel's page tables");
	if (!rc)
		quicklist_create(mem);
	memory_layout_finish(&l);
	if (rc)
		memory_destroy(mem);
	else
		*ret = mem;
	return rc;
}

struct memory *memory_create_uma(const struct geometry *geo, unsigned nr_cpus, uint64_t bytes)
{
	struct memory_desc desc = {
		.geo = geo, .nr_nodes = 1, .node_bytes = &bytes, .nr_cpus = nr_cpus};
	struct memory *mem = NULL;

	BUG_ON(memory_create(&desc, &mem, NULL));
	return mem;
}

void memory_destroy(struct memory *mem)
{
	if (!mem)
		return;
	vmalloc_finish(mem);
	init_mm_destroy(mem);
	quicklist_destroy(mem);
	slab_destroy(mem);
	free(mem->kstacks);
	mem_cgroup_finish(mem);
	if (mem->nodes) {
		page_alloc_finish(mem);
		for (unsigned n = 0; n < mem->nr_nodes; n++) {
			for (unsigned z = 0; mem->nodes[n] && z < MAX_NR_ZONES; z++)
				free(mem->nodes[n]->node_zones[z].lruvec);
			free(mem->nodes[n]);
		}
	}
	highmem_destroy(mem);
	free(mem->nodes);
	free(mem->cpu_node);
	free(mem->distance);
	free(mem->ageing);
	cma_free_areas(mem);
	memmap_destroy(mem);
	pgtable_pool_destroy(mem);
	vec_finish(&mem->mappings);
	vec_finish(&mem->unmap_batch);
	vec_finish(&mem->free_handles);
	htable_finish(&mem->files);
	htable_finish(&mem->open_files);
	objpool_finish(&mem->vma_pool);
	objpool_finish(&mem->avc_pool);
	objpool_finish(&mem->anon_vma_pool);
	objpool_finish(&mem->mm_pool);
	objpool_finish(&mem->mapping_pool);
	objpool_finish(&mem->task_pool);
	mpol_finish(mem);
	free(mem);
}
