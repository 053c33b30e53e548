/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Tiers of memory: which nodes are fast, and where a node's cold pages go. Kernel counterpart: mm/memory-tiers.c,
 * include/linux/memory-tiers.h.
 *
 * Modelled: nodes grouped into tiers by abstract distance, in steps of 128; the top tier reaches down to the slowest
 * tier that still has CPUs; a node demotes to the nearest nodes of the next lower tier, all equally near ones in turn,
 * and falls back to any lower tier.
 * Simplified: abstract distance is 576 (MEMTIER_ADISTANCE_DRAM) for nodes with CPUs, and for a node without CPUs that
 * times its distance from the nearest node with CPUs over the local distance; the kernel takes the latencies that
 * firmware (HMAT, CDAT) or the driver gives for such nodes. Equally near targets are taken in turn, not by chance.
 * Left out: hotplug of nodes.
 */
#ifndef MM_MEMORY_TIERS_H
#define MM_MEMORY_TIERS_H

#include "mm/mm_types.h"

#define MEMTIER_CHUNK_SIZE	128u
#define MEMTIER_ADISTANCE_DRAM	(4 * MEMTIER_CHUNK_SIZE + MEMTIER_CHUNK_SIZE / 2)

/* After the zones have their memory and the distances are known. Nodes without memory are in no tier. */
void memory_tiers_setup(struct memory *mem);

static inline bool node_is_toptier(const struct memory *mem, unsigned nid)
{
	return mem->nodes[nid]->tier.is_top;
}

/* Where cold pages of the node go next, -1 nowhere. Takes equally near nodes in turn. */
int next_demotion_node(struct memory *mem, unsigned nid);
/* All nodes of lower tiers. */
static inline uint64_t node_get_allowed_targets(const struct memory *mem, unsigned nid)
{
	return mem->nodes[nid]->tier.lower_nodes;
}

/* May kswapd and who needs memory demote from that node? numa.demotion is on, and there is a lower tier. */
static inline bool can_demote(const struct memory *mem, unsigned nid)
{
	return mem->conf.numa_demotion && mem->nodes[nid]->tier.demotion_nodes;
}

#endif
