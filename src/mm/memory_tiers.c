/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Tiers of memory: see memory_tiers.h. */
#include "mm/memory_tiers.h"

#include "base/bug.h"

#define LOCAL_DISTANCE 10

static bool is_memory_node(const struct memory *mem, unsigned nid)
{
	return mem->nodes[nid] && mem->nodes[nid]->has_memory;
}

static uint32_t distance_of(const struct memory *mem, unsigned from, unsigned to)
{
	return mem->distance[from * mem->nr_nodes + to];
}

static uint32_t abstract_distance(const struct memory *mem, unsigned nid)
{
	uint32_t nearest = UINT32_MAX;

	if (mem->nodes[nid]->has_cpu)
		return MEMTIER_ADISTANCE_DRAM;
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n] && mem->nodes[n]->has_cpu && distance_of(mem, n, nid) < nearest)
			nearest = distance_of(mem, n, nid);
	if (nearest == UINT32_MAX)
		return MEMTIER_ADISTANCE_DRAM;
	return MEMTIER_ADISTANCE_DRAM * nearest / LOCAL_DISTANCE;
}

/* The next slower tier that has nodes: its start, UINT32_MAX none. */
static uint32_t next_tier(const struct memory *mem, uint32_t adistance)
{
	uint32_t next = UINT32_MAX;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (is_memory_node(mem, n) && mem->nodes[n]->tier.adistance > adistance &&
		    mem->nodes[n]->tier.adistance < next)
			next = mem->nodes[n]->tier.adistance;
	return next;
}

static void find_targets(const struct memory *mem, struct pglist_data *pgdat)
{
	uint32_t next = next_tier(mem, pgdat->tier.adistance), nearest = UINT32_MAX;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		uint32_t distance = distance_of(mem, pgdat->node_id, n);

		if (!is_memory_node(mem, n) || mem->nodes[n]->tier.adistance <= pgdat->tier.adistance)
			continue;
		pgdat->tier.lower_nodes |= 1ull << n;
		if (mem->nodes[n]->tier.adistance != next || distance > nearest)
			continue;
		if (distance < nearest)
			pgdat->tier.demotion_nodes = 0;
		nearest = distance;
		pgdat->tier.demotion_nodes |= 1ull << n;
	}
}

void memory_tiers_setup(struct memory *mem)
{
	uint32_t top = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		struct pglist_data *pgdat = mem->nodes[n];
		uint32_t chunk;

		if (!is_memory_node(mem, n))
			continue;
		chunk = abstract_distance(mem, n) / MEMTIER_CHUNK_SIZE;
		pgdat->tier = (struct node_tier){ .adistance = chunk * MEMTIER_CHUNK_SIZE };
		if (pgdat->has_cpu && pgdat->tier.adistance > top)
			top = pgdat->tier.adistance;
	}
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		if (!is_memory_node(mem, n))
			continue;
		mem->nodes[n]->tier.is_top = !top || mem->nodes[n]->tier.adistance <= top;
		find_targets(mem, mem->nodes[n]);
	}
}

int next_demotion_node(struct memory *mem, unsigned nid)
{
	struct node_tier *tier = &mem->nodes[nid]->tier;
	uint64_t behind = tier->demotion_nodes & ~((1ull << tier->next_target) - 1);
	int target;

	if (!tier->demotion_nodes)
		return -1;
	target = __builtin_ctzll(behind ? behind : tier->demotion_nodes);
	tier->next_target = (uint8_t)((target + 1) % MAX_NUMNODES);
	return target;
}
