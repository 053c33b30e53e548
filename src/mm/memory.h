/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Building the physical memory of a machine. Kernel counterpart: mm/mm_init.c, mm/memblock.c,
 * arch/x86/kernel/e820.c.
 *
 * Modelled: nodes, zone boundaries by architecture, ZONE_MOVABLE, the hole below 4 GiB, memory taken at
 * boot (memory-layout.c).
 *
 *	spanned >= present >= managed
 *	present = frames that exist; on a PC neither frame 0 nor 0x9f-0xff of the first MiB does
 *	managed = present - taken at boot:
 *		the rest of the first MiB of a PC (the kernel never gives it out)
 *		the kernel's image and what it allocated before the buddy allocator ran:
 *		`memory.boot_reserved`, at 16 MiB of the first node, where x86 loads it (behind
 *		the first MiB when there is less)
 *		the simulated mem_map: 64 bytes a frame (32 on x86-32), at the top of each node
 *	a zone's present_pages = managed_pages + its boot_pages[] at the start
 *
 * Simplified: nodes start at multiples of a section (128 MiB of 4K pages), so a node of another
 * size leaves a hole.
 *
 * Interface:
 *   - memory_create(): the root with everything below it; memory_create_uma(): one node and
 *     defaults, for tests
 *   - memory_destroy(): address spaces, tasks and files of its pools go too, without being torn
 *     down
 *   - memory_consistent(): walks everything and compares
 */
#ifndef MM_MEMORY_H
#define MM_MEMORY_H

#include "base/err.h"
#include "base/strbuf.h"
#include "machine/topology.h"
#include "mm/mm_types.h"

struct memory_desc {
	const struct geometry *geo;
	const struct mm_config *conf;	/* NULL: defaults */
	unsigned nr_nodes;		/* 1 to MAX_NUMNODES */
	const uint64_t *node_bytes;	/* by node, whole pages; 0: a node without memory */
	/*
	 * By node, physical address of its first byte, a whole section, or NODE_START_BEHIND: behind the node
	 * before it. NULL: the latter for all.
	 */
	const uint64_t *node_start;
	unsigned nr_cpus;		/* 1 to NR_CPUS_MAX */
	const uint16_t *cpu_node;	/* by CPU; NULL: dealt out in equal runs */
	const uint32_t *distance;	/* nr_nodes * nr_nodes; NULL: 10 to itself, 20 to others */
};

/* 0, or a negative errno with the reason. */
int memory_create(const struct memory_desc *desc, struct memory **ret, struct mmr_error *err);
/* Dies when the arguments are bad. */
struct memory *memory_create_uma(const struct geometry *geo, unsigned nr_cpus, uint64_t bytes);
void memory_destroy(struct memory *mem);

/*
 * Lists, flags, counters and page-table pages agree; free + on per-cpu lists + handed out =
 * managed. Address spaces on memory->mms are walked too. False: `why` (may be NULL) gets a line for
 * each contradiction.
 */
bool memory_consistent(const struct memory *mem, struct strbuf *why);

#endif
