/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Laying a machine's memory out. Kernel counterpart: arch/.../mm/init.c (zone_sizes_init),
 * mm/mm_init.c (find_zone_movable_pfns_for_nodes), mm/memblock.c, arch/x86/kernel/e820.c.
 *
 * Modelled: zone boundaries by architecture; the hole below 4 GiB of a PC; ZONE_MOVABLE by
 * kernelcore, movablecore and movable_node; where boot takes its memory.
 *	x86-64	DMA below 16 MiB, DMA32 below 4 GiB, Normal
 *	x86-32	DMA below 16 MiB, Normal below 896 MiB, HighMem
 *	arm64	DMA below 4 GiB (arm64_dma_phys_limit when firmware names no narrower bus), DMA32
 *		empty beside it, Normal
 *	riscv	DMA32 below 4 GiB, Normal
 * Simplified: memory starts at physical 0 everywhere (real arm64 and RISC-V boards start higher);
 * the hole of a PC is the last GiB below 4 GiB; nodes start at sections. The mem_map of a node whose
 * memory is movable stays on that node. Left out: kernelcore=mirror, percentages, crash kernels.
 */
#include "mm/memory-layout.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bitmap.h"
#include "mm/memmap.h"

#define LOWMEM_RESERVED	(1ull << 20)	/* the first MiB of a PC */
#define KERNEL_LOAD	(16ull << 20)	/* CONFIG_PHYSICAL_START of x86 */
#define X86_32_LOWMEM	(896ull << 20)

static const struct platform platforms[] = {
	{
		.prefix = "x86-64",
		.zone_end = {[ZONE_DMA] = 16ull << 20,
			     [ZONE_DMA32] = 4ull << 30,
			     [ZONE_NORMAL] = UINT64_MAX},
		.hole_start = 3ull << 30,
		.hole_end = 4ull << 30,
		.is_pc = true,
		.struct_page_bytes = 64,
	}, {
		.prefix = "x86-32",
		.zone_end = {[ZONE_DMA] = 16ull << 20,
			     [ZONE_NORMAL] = X86_32_LOWMEM,
			     [ZONE_HIGHMEM] = UINT64_MAX},
		.hole_start = 3ull << 30,
		.hole_end = 4ull << 30,
		.is_pc = true,
		.struct_page_bytes = 32,
	}, {
		.prefix = "arm64",
		.zone_end = {[ZONE_DMA] = 4ull << 30,
			     [ZONE_DMA32] = 4ull << 30,
			     [ZONE_NORMAL] = UINT64_MAX},
		.struct_page_bytes = 64,
	}, {
		.prefix = "riscv",
		.zone_end = {[ZONE_DMA32] = 4ull << 30, [ZONE_NORMAL] = UINT64_MAX},
		.struct_page_bytes = 64,
	},
	{.prefix = "", .zone_end = {[ZONE_NORMAL] = UINT64_MAX}, .struct_page_bytes = 64},
};

const struct platform *platform_find(const char *geometry)
{
	size_t i = 0;

	while (strncmp(geometry, platforms[i].prefix, strlen(platforms[i].prefix)))
		i++;
	return &platforms[i];
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- frames of the nodes --------------------------------------------------------------------- */

bool layout_node_span(const struct memory_layout *l, unsigned nid, uint64_t *start, uint64_t *end)
{
	const struct node_range *r = l->ranges[nid];

	*start = r[0].start;
	*end = r[1].end ? r[1].end : r[0].end;
	return r[0].end;
}

/* Where the next node may start: at a section, behind the hole rather than in it. */
static uint64_t next_start(const struct memory_layout *l, uint64_t at)
{
	uint64_t hole_start = l->platform->hole_start >> l->page_shift;
	uint64_t hole_end = l->platform->hole_end >> l->page_shift;

	at = align_up(at, SECTION_PAGES);
	return at >= hole_start && at < hole_end ? hole_end : at;
}

/* Frames from `at` on, around the hole. Returns the first one behind. */
static uint64_t place_node(struct memory_layout *l, unsigned n, uint64_t at)
{
	uint64_t hole_start = l->platform->hole_start >> l->page_shift;
	uint64_t nr = l->desc->node_bytes[n] >> l->page_shift, part = nr;

	if (at < hole_start && at + nr > hole_start)
		part = hole_start - at;
	l->ranges[n][0] = (struct node_range){ at, at + part };
	at += part;
	if (part < nr) {
		at = l->platform->hole_end >> l->page_shift;
		l->ranges[n][1] = (struct node_range){ at, at + nr - part };
		at += nr - part;
	}
	return at;
}

/* A node's place that the description names. */
static int check_start(const struct memory_layout *l, unsigned n, uint64_t bytes,
		       struct mmr_error *err)
{
	uint64_t section = (uint64_t)SECTION_PAGES << l->page_shift;

	if (bytes & (section - 1))
		return err_set(err, -EINVAL,
			       "node %u starts at 0x%" PRIx64 ", not at a multiple of %" PRIu64
			       " MiB", n, bytes, section >> 20);
	if (bytes >= l->platform->hole_start && bytes < l->platform->hole_end)
		return err_set(err, -EINVAL,
			       "node %u starts at 0x%" PRIx64 ", where a PC has no memory", n, bytes);
	if (bytes >> l->desc->geo->pa_bits)
		return err_set(err, -EINVAL, "node %u starts at 0x%" PRIx64 ", beyond the %u bits "
			       "of a physical address", n, bytes, l->desc->geo->pa_bits);
	return 0;
}

static int check_overlap(const struct memory_layout *l, struct mmr_error *err)
{
	uint64_t start, end, s, e;

	for (unsigned n = 0; n < l->desc->nr_nodes; n++)
		for (unsigned m = 0; layout_node_span(l, n, &start, &end) && m < n; m++)
			if (layout_node_span(l, m, &s, &e) &&
			    start < align_up(e, SECTION_PAGES) && s < align_up(end, SECTION_PAGES))
				return err_set(err, -EINVAL,
					       "node %u overlaps node %u at 0x%" PRIx64, n, m,
					       (start > s ? start : s) << l->page_shift);
	return 0;
}

/* Gives each node its frames: where it says, or behind the node before it. */
static int place_nodes(struct memory_layout *l, struct mmr_error *err)
{
	const struct memory_desc *d = l->desc;
	uint64_t at = 0;
	int rc;

	for (unsigned n = 0; n < d->nr_nodes; n++) {
		if (!d->node_bytes[n])
			continue;
		if (d->node_start && d->node_start[n] != NODE_START_BEHIND) {
			rc = check_start(l, n, d->node_start[n], err);
			if (rc)
				return rc;
			at = d->node_start[n] >> l->page_shift;
		}
		at = place_node(l, n, at);
		if ((at - 1) << l->page_shift >> d->geo->pa_bits)
			return err_set(err, -EINVAL,
				       "node %u ends at 0x%" PRIx64 ": a physical address of %s has "
				       "%u bits", n, at << l->page_shift, d->geo->name,
				       d->geo->pa_bits);
		at = next_start(l, at);
		if (at > l->max_pfn)
			l->max_pfn = at;
	}
	if (l->max_pfn >= PFN_NONE - SECTION_PAGES)
		return err_set(err, -EINVAL, "too many frames");
	return check_overlap(l, err);
}

uint64_t layout_absent_pages(const struct memory_layout *l, uint64_t start, uint64_t end)
{
	/* 0, and 0x9f to 0xff: firmware data, video, ROM */
	if (!l->platform->is_pc || start || end < LOWMEM_RESERVED >> l->page_shift)
		return 0;
	return 1 + (0x100 - 0x9f);
}

/* ---- zone boundaries ------------------------------------------------------------------------- */

struct node_range layout_zone_bounds(const struct memory_layout *l, enum zone_type type)
{
	uint64_t start = 0, end = 0;

	for (unsigned t = 0; t <= type; t++) {
		if (!l->platform->zone_end[t])
			continue;
		start = end;
		end = min_u64(l->platform->zone_end[t] >> l->page_shift, l->max_pfn);
		if (end < start)
			end = start;
	}
	if (!l->platform->zone_end[type])
		start = end;
	return (struct node_range){ start, end };
}

enum zone_type layout_movable_zone(const struct memory_layout *l)
{
	for (unsigned t = ZONE_MOVABLE; t-- > 0;) {
		struct node_range r = layout_zone_bounds(l, (enum zone_type)t);

		if (r.end > r.start)
			return (enum zone_type)t;
	}
	return ZONE_DMA;
}

/* ---- ZONE_MOVABLE ---------------------------------------------------------------------------- */

/* The frames of a node as firmware lists them: on a PC the first MiB has its gap. */
static unsigned firmware_ranges(const struct memory_layout *l, unsigned nid,
				struct node_range ret[NODE_RANGES + 1])
{
	unsigned nr = 0;

	for (unsigned i = 0; i < NODE_RANGES; i++) {
		struct node_range r = l->ranges[nid][i];

		if (!r.end)
			continue;
		if (layout_absent_pages(l, r.start, r.end)) {
			ret[nr++] = (struct node_range){ 1, 0x9f };
			r.start = 0x100;
		}
		ret[nr++] = r;
	}
	return nr;
}

/* What is to stay usable by the kernel, and how it is spread. Frames. */
struct kernelcore {
	uint64_t required;	/* still to be found */
	uint64_t per_node;
	uint64_t usable_start;	/* where ZONE_MOVABLE can begin at the lowest */
};

/* One node's share: movable_pfn goes up behind it. */
static void spread_over_node(struct memory_layout *l, struct kernelcore *k, unsigned nid)
{
	struct node_range ranges[NODE_RANGES + 1];
	unsigned nr = firmware_ranges(l, nid, ranges);
	uint64_t remaining = k->per_node;

	for (unsigned i = 0; i < nr; i++) {
		uint64_t start = ranges[i].start, end = ranges[i].end, size;

		if (start < l->movable_pfn[nid])
			start = l->movable_pfn[nid];
		if (start >= end)
			continue;
		if (start < k->usable_start) {
			uint64_t kernel = min_u64(end, k->usable_start) - start;

			remaining -= min_u64(kernel, remaining);
			k->required -= min_u64(kernel, k->required);
			if (end <= k->usable_start) {
				l->movable_pfn[nid] = end;
				continue;
			}
			start = k->usable_start;
		}
		size = min_u64(end - start, remaining);
		l->movable_pfn[nid] = start + size;
		k->required -= min_u64(k->required, size);
		remaining -= size;
		if (!remaining)
			break;
	}
}

static uint64_t firmware_pages(const struct memory_layout *l, unsigned *ret_nodes)
{
	struct node_range ranges[NODE_RANGES + 1];
	uint64_t total = 0;

	*ret_nodes = 0;
	for (unsigned n = 0; n < l->desc->nr_nodes; n++) {
		unsigned nr = firmware_ranges(l, n, ranges);

		*ret_nodes += nr > 0;
		for (unsigned i = 0; i < nr; i++)
			total += ranges[i].end - ranges[i].start;
	}
	return total;
}

/* kernelcore= and movablecore= of the kernel's command line. */
static void spread_kernelcore(struct memory_layout *l)
{
	unsigned usable_nodes, round = l->page_shift;
	uint64_t block = 1ull << l->desc->geo->max_order, total = firmware_pages(l, &usable_nodes);
	uint64_t movable = l->mem->conf.movablecore_bytes >> round;
	struct kernelcore k = {
		.required = l->mem->conf.kernelcore_bytes >> round,
		.usable_start = layout_zone_bounds(l, layout_movable_zone(l)).start,
	};

	if (movable) {
		movable = min_u64(align_up(movable, block), total);
		if (k.required < total - movable)
			k.required = total - movable;
	}
	if (!k.required || k.required >= total)
		return;
	do {
		k.per_node = k.required / usable_nodes;
		for (unsigned n = 0; n < l->desc->nr_nodes; n++) {
			if (!l->ranges[n][0].end)
				continue;
			if (k.required < k.per_node)
				k.per_node = k.required / usable_nodes;
			spread_over_node(l, &k, n);
		}
		usable_nodes--;
	} while (usable_nodes && k.required > usable_nodes);
}

/* The node whose memory starts lowest: boot runs there. */
static unsigned boot_node(const struct memory_layout *l)
{
	uint64_t start, end, lowest = UINT64_MAX;
	unsigned nid = 0;

	for (unsigned n = 0; n < l->desc->nr_nodes; n++)
		if (layout_node_span(l, n, &start, &end) && start < lowest) {
			lowest = start;
			nid = n;
		}
	return nid;
}

/* movable_node: all memory of the nodes that could be taken out. */
static int take_movable_nodes(struct memory_layout *l, uint64_t nodes, struct mmr_error *err)
{
	uint64_t start, end;

	for (unsigned n = 0; n < MAX_NUMNODES; n++) {
		if (!(nodes >> n & 1))
			continue;
		if (n >= l->desc->nr_nodes)
			return err_set(err, -EINVAL,
				       "memory.movable_nodes names node %u, the machine has %u", n,
				       l->desc->nr_nodes);
		if (!layout_node_span(l, n, &start, &end))
			return err_set(err, -EINVAL,
				       "memory.movable_nodes names node %u, which has no memory", n);
		if (n == boot_node(l))
			return err_set(err, -EINVAL,
				       "memory.movable_nodes names node %u, where the kernel stands",
				       n);
		l->movable_pfn[n] = start;
	}
	return 0;
}

static int find_zone_movable_pfns(struct memory_layout *l, struct mmr_error *err)
{
	uint64_t nodes = l->mem->conf.movable_nodes, start, end;
	int rc = 0;

	/* As in the kernel, movable_node makes the other two count for nothing. */
	if (nodes)
		rc = take_movable_nodes(l, nodes, err);
	else
		spread_kernelcore(l);
	for (unsigned n = 0; !rc && n < l->desc->nr_nodes; n++) {
		l->movable_pfn[n] = align_up(l->movable_pfn[n], 1ull << l->desc->geo->max_order);
		if (!layout_node_span(l, n, &start, &end) || l->movable_pfn[n] >= end)
			l->movable_pfn[n] = 0;
	}
	return rc;
}

/* ---- what boot takes ------------------------------------------------------------------------- */

static void reserve(struct memory_layout *l, uint64_t start, uint64_t end, enum boot_memory kind)
{
	struct boot_range r = { (pfn_t)start, (pfn_t)end, kind };
	size_t at = l->reserved.nr;

	if (start >= end)
		return;
	(void)vec_push(&l->reserved);
	for (; at && l->reserved.data[at - 1].start > r.start; at--)
		l->reserved.data[at] = l->reserved.data[at - 1];
	l->reserved.data[at] = r;
}

static uint64_t boot_reserved_pages(const struct memory_layout *l)
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

/* The kernel's image and its early allocations, where x86 loads it; behind the first MiB when there is less. */
static int reserve_kernel(struct memory_layout *l, struct mmr_error *err)
{
	unsigned n = boot_node(l);
	struct node_range r = l->ranges[n][0];
	uint64_t image = boot_reserved_pages(l), low = r.start, start = r.start;
	uint64_t limit = r.end, lowmem = l->desc->geo->lowmem_bytes >> l->page_shift;

	if (lowmem && lowmem < limit)
		limit = lowmem;
	if (l->platform->is_pc && !start) {
		low = LOWMEM_RESERVED >> l->page_shift;
		reserve(l, 0, low, BOOT_FIRMWARE);
		start = KERNEL_LOAD >> l->page_shift;
	}
	if (start + image >= limit)
		start = low;
	if (start + image >= limit)
		return err_set(err, -EINVAL,
			       "node %u is too small for what boot takes (%" PRIu64 " KiB)", n,
			       image << (l->page_shift - 10));
	reserve(l, start, start + image, BOOT_KERNEL);
	l->mem->zero_pfn = (pfn_t)start;
	return 0;
}

/*
 * The array of struct page: at the top of each node. Where the kernel must reach it through the direct map, at
 * the top of low memory: a node without any has it on the next lower one.
 */
static int reserve_mem_map(struct memory_layout *l, struct mmr_error *err)
{
	uint64_t lowmem = l->desc->geo->lowmem_bytes >> l->page_shift, owed = 0;
	uint64_t kernel_end = 0;

	for (size_t i = 0; i < l->reserved.nr; i++)
		kernel_end = l->reserved.data[i].end;
	for (unsigned n = l->desc->nr_nodes; n-- > 0;) {
		uint64_t bytes = l->desc->node_bytes[n] >> l->page_shift, top;
		struct node_range r = l->ranges[n][l->ranges[n][1].end ? 1 : 0];

		bytes *= l->platform->struct_page_bytes;
		owed += bytes >> l->page_shift;
		if (!r.end)
			continue;
		if (lowmem && l->ranges[n][0].start >= lowmem)
			continue;
		if (lowmem && r.end > lowmem)
			r = (struct node_range){ l->ranges[n][0].start, min_u64(l->ranges[n][0].end, lowmem) };
		top = r.end > owed ? r.end - owed : 0;
		if (top < r.start || (n == boot_node(l) && top < kernel_end))
			return err_set(err, -EINVAL, "node %u is too small for %s mem_map (%" PRIu64
				       " MiB)", n, lowmem ? "the machine's" : "its",
				       owed >> (20 - l->page_shift));
		reserve(l, top, r.end, BOOT_MEM_MAP);
		owed = 0;
	}
	return 0;
}

int layout_create(struct memory_layout *l, struct mmr_error *err)
{
	int rc;

	l->platform = platform_find(l->desc->geo->name);
	rc = place_nodes(l, err);
	if (!rc)
		rc = find_zone_movable_pfns(l, err);
	if (!rc)
		rc = reserve_kernel(l, err);
	if (!rc && l->mem->conf.mem_map)
		rc = reserve_mem_map(l, err);
	return rc;
}

void memory_layout_finish(struct memory_layout *l)
{
	vec_finish(&l->reserved);
}
