/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Counters of memory cgroups: see memcg.h. A group holds its own; sums over a subtree are made when they are asked for. */
#include "mm/memcg-internal.h"

const struct memcg_event_info memcg_event_info[NR_MEMCG_MEMORY_EVENTS] = {
#define MEMCG_EVENT_INFO(NAME, key, meaning) {key, meaning},
	MEMCG_EVENTS(MEMCG_EVENT_INFO)
#undef MEMCG_EVENT_INFO
};

void memcg_memory_event(struct mem_cgroup *memcg, enum memcg_memory_event event)
{
	memcg->memory_events_local[event]++;
	do {
		memcg->memory_events[event]++;
		memcg = memcg->parent;
	} while (memcg && !mem_cgroup_is_root(memcg) && !memcg->mem->memcg->v1);
}

void memcg_lruvec_stat_mod(struct mem_cgroup *memcg, unsigned nid, enum node_stat_item item, int64_t delta)
{
	if (memcg)
		memcg->nodeinfo[nid]->stat[item] += (uint64_t)delta;
}

/* The next group of a subtree, the dead ones as well: what they counted stays counted. */
static const struct mem_cgroup *next(const struct mem_cgroup *pos, const struct mem_cgroup *root)
{
	if (pos->children.next != &pos->children)
		return list_entry(pos->children.next, struct mem_cgroup, siblings);
	for (; pos != root; pos = pos->parent)
		if (pos->siblings.next != &pos->parent->children)
			return list_entry(pos->siblings.next, struct mem_cgroup, siblings);
	return NULL;
}

#define for_each_in_tree(pos, root) for (const struct mem_cgroup *pos = (root); pos; pos = next(pos, root))

uint64_t lruvec_page_state(const struct lruvec *lruvec, enum node_stat_item item)
{
	uint64_t sum = 0;

	if (!lruvec->memcg || mem_cgroup_is_root(lruvec->memcg))
		return lruvec->pgdat->vm_stat[item];
	for_each_in_tree(m, lruvec->memcg)
		sum += m->nodeinfo[lruvec->pgdat->node_id]->stat[item];
	return sum;
}

uint64_t memcg_page_state(const struct mem_cgroup *memcg, enum node_stat_item item)
{
	uint64_t sum = 0;

	for_each_in_tree(m, memcg)
		for (unsigned n = 0; n < memcg->mem->nr_nodes; n++)
			sum += m->nodeinfo[n]->stat[item];
	return sum;
}

uint64_t memcg_stat(const struct mem_cgroup *memcg, enum memcg_stat_item item)
{
	uint64_t sum = 0;

	for_each_in_tree(m, memcg)
		sum += m->stat[item];
	return sum;
}

uint64_t memcg_events(const struct mem_cgroup *memcg, enum vm_event_item item)
{
	uint64_t sum = 0;

	for_each_in_tree(m, memcg)
		sum += m->vm_event[item];
	return sum;
}
