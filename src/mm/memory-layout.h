/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where the memory of a machine lies: frames of the nodes, what boot takes of them, zone boundaries. Between
 * memory.c, which builds the zones, and memory-layout.c; nobody else includes it. See memory.h.
 */
#ifndef MM_MEMORY_LAYOUT_H
#define MM_MEMORY_LAYOUT_H

#include "mm/memory.h"

/* What is peculiar to an architecture's physical address space. */
struct platform {
	const char *prefix;		/* of the geometry's name */
	uint64_t zone_end[MAX_NR_ZONES];	/* bytes; 0: the zone is not there */
	uint64_t hole_start, hole_end;	/* no memory here */
	bool is_pc;			/* first MiB and kernel as on a PC */
	unsigned struct_page_bytes;	/* of the simulated kernel */
};

/* Frames taken at boot, in order of address. */
struct boot_range {
	pfn_t start, end;
	enum boot_memory kind;
};

struct node_range {
	uint64_t start, end;	/* frames; end 0: there is none */
};
#define NODE_RANGES 2		/* around the hole of a PC */

/* The machine while it is laid out. */
struct memory_layout {
	struct memory *mem;
	const struct platform *platform;
	const struct memory_desc *desc;
	unsigned page_shift;
	uint64_t max_pfn;			/* behind the last section with memory */
	struct node_range ranges[MAX_NUMNODES][NODE_RANGES];
	uint64_t movable_pfn[MAX_NUMNODES];	/* first frame of ZONE_MOVABLE, 0: the node has none */
	VEC(struct boot_range) reserved;
};

const struct platform *platform_find(const char *geometry);
/* All of the above; -EINVAL and what does not fit. */
int layout_create(struct memory_layout *l, struct mmr_error *err);
void memory_layout_finish(struct memory_layout *l);

/* Frames of [start, end) that do not exist although the range says so: in a PC's first MiB. */
uint64_t layout_absent_pages(const struct memory_layout *l, uint64_t start, uint64_t end);
/* First and last frame + 1 of a node. False: it has no memory. */
bool layout_node_span(const struct memory_layout *l, unsigned nid, uint64_t *start, uint64_t *end);
/* [start, end) in frames where a zone can lie on this machine, whatever the node. */
struct node_range layout_zone_bounds(const struct memory_layout *l, enum zone_type type);
/* The highest zone that has memory: ZONE_MOVABLE is cut from it. */
enum zone_type layout_movable_zone(const struct memory_layout *l);

#endif
