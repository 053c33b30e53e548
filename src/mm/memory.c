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
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"

#define STRUCT_PAGE_BYTES 64	/* of the simulated kernel */
#define LOWMEM_RESERVED	(1ull << 20)	/* the first MiB of a PC */
#define KERNEL_LOAD	(16ull << 20)	/* CONFIG_PHYSICAL_START of x86 */

/* What is peculiar to an architecture's physical address space. */
struct platform {
	const char *prefix;		/* of the geometry's name */
	uint64_t zone_end[MAX_NR_ZONES];	/* bytes; 0: the zone is not there */
	uint64_t hole_start, hole_end;	/* no memory here */
	bool is_pc;			/* first MiB and kernel as on a PC */
};

static const struct platform platforms[] = {
	{
		.prefix = "x86-64",
		.zone_end = {[ZONE_DMA] = 16ull << 20,
			     [ZONE_DMA32] = 4ull << 30,
			     [ZONE_NORMAL] = UINT64_MAX},
		.hole_start = 3ull << 30,
		.hole_end = 4ull << 30,
		.is_pc = true,
	},
	{.prefix = "", .zone_end = {[ZONE_NORMAL] = UINT64_MAX}},
};

/* The machine while it is laid out. */
struct layout {
	struct memory *mem;
	const struct platform *platform;
	const struct memory_desc *desc;
	unsigned page_shift;
	uint64_t max_pfn;
	struct {
		uint64_t start, end;	/* frames; at most two stretches, around the hole */
	} ranges[MAX_NUMNODES][2];
	VEC(struct pfn_range) reserved;	/* taken at boot, no frames or not; in order of address */
};

static const struct platform *platform_find(const char *geometry)
{
	size_t i = 0;

	while (strncmp(geometry, platforms[i].prefix, strlen(platforms[i].prefix)))
		i++;
	return &platforms[i];
}

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

/* --- layout ----------------------------------------------------------------------------------- */

/* Gives each node its frames, one node behind the other, around the hole. */
static void place_nodes(struct layout *l)
{
	uint64_t hole_start = l->platform->hole_start >> l->page_shift;
	uint64_t hole_end = l->platform->hole_end >> l->page_shift, at = 0;

	for (unsigned n = 0; n < l->desc->nr_nodes; n++) {
		uint64_t nr = l->desc->node_bytes[n] >> l->page_shift, part = nr;

		if (!nr)
			continue;
		if (at < hole_start && at + nr > hole_start)
			part = hole_start - at;
		l->ranges[n][0].start = at;
		at = l->ranges[n][0].end = at + part;
		if (at == hole_start)
			at = hole_end;
		if (part < nr) {
			l->ranges[n][1].start = at;
			at = l->ranges[n][1].end = at + nr - part;
		}
		at = align_up(at, SECTION_PAGES);
		if (at >= hole_start && at < hole_end)
			at = hole_end;
	}
	l->max_pfn = at;
}

static void reserve(struct layout *l, uint64_t start, uint64_t end)
{
	if (start < end)
		*vec_push(&l->reserved) = (struct pfn_range){ (pfn_t)start, (pfn_t)end };
}

static uint64_t boot_reserved_pages(const struct layout *l)
{
	uint64_t total = 0, bytes = l->mem->conf.boot_reserved_bytes;

	for (unsigned n = 0; n < l->desc->nr_nodes; n++)
		total += l->desc->node_bytes[n];
	if (!bytes) {
		bytes = total / 64;
		bytes = bytes < 256 << 10 ? 256 << 10 : bytes > 64 << 20 ? 64 << 20 : bytes;
	}
	return (bytes + (1ull << l->page_shift) - 1) >> l->page_shift;
}

/* What boot takes: at the start of the first node, then the mem_map at each node's top. */
static int reserve_boot_memory(struct layout *l, struct mmr_error *err)
{
	uint64_t image = boot_reserved_pages(l), low = 0;
	bool is_first = true;

	for (unsigned n = 0; n < l->desc->nr_nodes; n++) {
		unsigned last = l->ranges[n][1].end ? 1 : 0;
		uint64_t start = l->ranges[n][0].start, end = l->ranges[n][last].end, top;
		uint64_t nr = l->desc->node_bytes[n] >> l->page_shift, limit;

		if (!nr)
			continue;
		top = end - (l->mem->conf.mem_map ? nr * STRUCT_PAGE_BYTES >> l->page_shift : 0);
		limit = last ? l->ranges[n][0].end : top;
		if (is_first) {
			if (l->platform->is_pc)
				reserve(l, start, low = start + (LOWMEM_RESERVED >> l->page_shift));
			start = l->platform->is_pc ? KERNEL_LOAD >> l->page_shift : start;
			if (start + image > limit)
				start = low;
			if (start + image >= limit)
				return err_set(err, -EINVAL,
					       "node %u is too small for what boot takes (%" PRIu64
					       " KiB)",
					       n, image << (l->page_shift - 10));
			reserve(l, start, start + image);
			l->mem->zero_pfn = (pfn_t)start;
			is_first = false;
		}
		if (top < l->ranges[n][last].start)
			return err_set(err, -EINVAL, "node %u is too small for its mem_map", n);
		reserve(l, top, end);
	}
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

/* Frames of a PC's first MiB that do not exist: 0, and 0x9f to 0xff (firmware data, video, ROM). */
static uint64_t absent_pages(const struct layout *l, uint64_t start, uint64_t end)
{
	if (!l->platform->is_pc || start || end < LOWMEM_RESERVED >> l->page_shift)
		return 0;
	return 1 + (0x100 - 0x9f);
}

/*
 * Frames [start, end) of one zone, all present: the parts between reservations go to the buddy
 * allocator.
 */
static void add_to_zone(struct layout *l, struct zone *zone, uint64_t start, uint64_t end)
{
	uint64_t absent = absent_pages(l, start, end);

	if (!zone->present_pages)
		zone->zone_start_pfn = (pfn_t)(start + (absent > 0));
	zone->zone_end_pfn = (pfn_t)end;
	zone->present_pages += end - start - absent;
	for (size_t i = 0; i < l->reserved.nr && start < end; i++) {
		const struct pfn_range *r = &l->reserved.data[i];

		if (r->end <= start || r->start >= end)
			continue;
		if (r->start > start)
			buddy_add_range(zone, (pfn_t)start, r->start);
		start = r->end;
	}
	if (start < end)
		buddy_add_range(zone, (pfn_t)start, (pfn_t)end);
}

static void add_to_node(struct layout *l, struct pglist_data *pgdat, uint64_t start, uint64_t end)
{
	for (unsigned t = 0; t < MAX_NR_ZONES && start < end; t++) {
		uint64_t zone_end = l->platform->zone_end[t] >> l->page_shift, stop;

		if (zone_end <= start)
			continue;
		stop = zone_end < end ? zone_end : end;
		add_to_zone(l, &pgdat->node_zones[t], start, stop);
		start = stop;
	}
}

static void build_node(struct layout *l, unsigned nid)
{
	struct memory *mem = l->mem;
	struct pglist_data *pgdat = mem->nodes[nid];

	for (unsigned i = 0; i < 2; i++) {
		if (l->ranges[nid][i].start == l->ranges[nid][i].end)
			continue;
		memmap_set_node(mem, (pfn_t)l->ranges[nid][i].start, (pfn_t)l->ranges[nid][i].end,
				nid);
		add_to_node(l, pgdat, l->ranges[nid][i].start, l->ranges[nid][i].end);
	}
	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
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
	htable_init(&mem->files);
	objpool_init(&mem->vma_pool, sizeof(struct vm_area_struct));
	objpool_init(&mem->avc_pool, sizeof(struct anon_vma_chain));
	objpool_init(&mem->anon_vma_pool, sizeof(struct anon_vma));
	objpool_init(&mem->mm_pool, sizeof(struct mm_struct));
	objpool_init(&mem->mapping_pool, sizeof(struct address_space));
	objpool_init(&mem->task_pool, sizeof(struct task_struct));
	pgtable_pool_create(mem);
	mem->next_mm_id = 1;
	mem->huge_zero_pfn = PFN_NONE;
}

static void build_zones(struct layout *l)
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
	page_alloc_setup(mem);
	/* The zero page is part of the kernel's image. */
	memmap_touch(mem, mem->zero_pfn);
	zero = pfn_to_page(mem, mem->zero_pfn);
	zero->flags = PG_RESERVED;
	zero->_refcount = 1;
	zero->next = zero->prev = PFN_NONE;
}

int memory_create(const struct memory_desc *desc, struct memory **ret, struct mmr_error *err)
{
	struct layout l = { .desc = desc, .page_shift = desc->geo->page_shift };
	struct memory *mem;
	int rc;

	rc = check_nodes(desc, err);
	if (!rc)
		rc = check_cpus(desc, err);
	if (rc)
		return rc;
	mem = l.mem = xcalloc(1, sizeof(*mem));
	mem->geo = desc->geo;
	if (desc->conf)
		mem->conf = *desc->conf;
	else
		config_defaults(&mm_config_table, &mem->conf);
	copy_topology(mem, desc);
	init_pools(mem);
	l.platform = platform_find(desc->geo->name);
	place_nodes(&l);
	rc = reserve_boot_memory(&l, err);
	if (!rc && l.max_pfn >= PFN_NONE - SECTION_PAGES)
		rc = err_set(err, -EINVAL, "too many frames");
	if (!rc && memmap_create(mem, l.max_pfn))
		rc = err_set(err, -ENOMEM,
			     "the host has not the address space for this machine's pages");
	if (!rc)
		build_zones(&l);
	vec_finish(&l.reserved);
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
	if (mem->nodes) {
		page_alloc_finish(mem);
		for (unsigned n = 0; n < mem->nr_nodes; n++)
			free(mem->nodes[n]);
	}
	free(mem->nodes);
	free(mem->cpu_node);
	free(mem->distance);
	memmap_destroy(mem);
	pgtable_pool_destroy(mem);
	vec_finish(&mem->mappings);
	vec_finish(&mem->free_handles);
	htable_finish(&mem->files);
	objpool_finish(&mem->vma_pool);
	objpool_finish(&mem->avc_pool);
	objpool_finish(&mem->anon_vma_pool);
	objpool_finish(&mem->mm_pool);
	objpool_finish(&mem->mapping_pool);
	objpool_finish(&mem->task_pool);
	free(mem);
}
