/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Rows of the timeline: see timeline.h. */
#include "sim/timeline.h"

#include <string.h>

#include "mm/buddy.h"
#include "mm/memcg.h"
#include "mm/swapfile.h"
#include "sim/replay.h"

static void sum_states(const struct memory *mem, uint64_t *row)
{
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		const struct pglist_data *node = mem->nodes[n];

		for (unsigned i = 0; node && i < NR_VM_NODE_STAT_ITEMS; i++)
			row[TIMELINE_NODE_STAT + i] += node->vm_stat[i];
		for (unsigned z = 0; node && z < MAX_NR_ZONES; z++)
			for (unsigned i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
				row[TIMELINE_ZONE_STAT + i] += node->node_zones[z].vm_stat[i];
	}
}

static uint64_t sum_rss(const struct memory *mem)
{
	struct list_head *pos;
	int64_t sum = 0;

	list_for_each(pos, &mem->mms) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		sum += mm->rss_stat[MM_FILEPAGES] + mm->rss_stat[MM_ANONPAGES] +
		       mm->rss_stat[MM_SHMEMPAGES];
	}
	return (uint64_t)sum;
}

static void put_blocks(const struct timeline *t, size_t z, uint64_t *row)
{
	const struct zone *zone = t->zones.data[z];

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		for (unsigned o = 0; o < t->nr_orders; o++)
			row[timeline_blocks(t, z, mt, o)] = zone->free_area[o].free_list[mt].nr;
	row[timeline_blocks(t, z, MIGRATE_MOVABLE, zone->max_order)] += zone_virgin_blocks(zone);
}

static uint64_t sum_events(const struct mem_cgroup *memcg, unsigned first, unsigned nr)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nr; i++)
		sum += memcg_events(memcg, (enum vm_event_item)(first + i));
	return sum;
}

static void put_group(const struct mem_cgroup *memcg, uint64_t *cell)
{
	cell[TIMELINE_GROUP_USAGE] = memcg->memory.usage;
	cell[TIMELINE_GROUP_SWAP] = memcg_stat(memcg, MEMCG_SWAP);
	cell[TIMELINE_GROUP_ANON] = memcg_page_state(memcg, NR_ANON_MAPPED);
	cell[TIMELINE_GROUP_FILE] = memcg_page_state(memcg, NR_FILE_PAGES);
	cell[TIMELINE_GROUP_KERNEL] = memcg->kmem.usage;
	cell[TIMELINE_GROUP_SCANNED] = sum_events(memcg, PGSCAN_KSWAPD, 4);
	cell[TIMELINE_GROUP_STOLEN] = sum_events(memcg, PGSTEAL_KSWAPD, 4);
	cell[TIMELINE_GROUP_REFAULT_ANON] = memcg_page_state(memcg, WORKINGSET_REFAULT_ANON);
	cell[TIMELINE_GROUP_REFAULT_FILE] = memcg_page_state(memcg, WORKINGSET_REFAULT_FILE);
	cell[TIMELINE_GROUP_FAULTS] = memcg_events(memcg, PGFAULT);
	cell[TIMELINE_GROUP_MAJOR] = memcg_events(memcg, PGMAJFAULT);
	cell[TIMELINE_GROUP_LOW] = memcg->memory_events[MEMCG_LOW];
	cell[TIMELINE_GROUP_HIGH] = memcg->memory_events[MEMCG_HIGH];
	cell[TIMELINE_GROUP_MAX] = memcg->memory_events[MEMCG_MAX];
	cell[TIMELINE_GROUP_OOM_KILL] = memcg->memory_events[MEMCG_OOM_KILL];
	cell[TIMELINE_GROUP_HIGH_STALL] = memcg->high_stall_ns;
	cell[TIMELINE_GROUP_SOME] = memcg->psi.some_ns;
	cell[TIMELINE_GROUP_FULL] = memcg->psi.full_ns;
}

static void add_row(struct mmr_replay *r, uint64_t time_ns)
{
	struct timeline *t = &r->timeline;
	uint64_t *row;

	vec_reserve(&t->cells, (t->nr_rows + 1) * t->nr_columns);
	row = &t->cells.data[t->nr_rows++ * t->nr_columns];
	t->cells.nr = t->nr_rows * t->nr_columns;
	memset(row, 0, t->nr_columns * sizeof(*row));
	row[TIMELINE_TIME] = time_ns;
	row[TIMELINE_RSS] = sum_rss(r->mem);
	row[TIMELINE_SWAP_USED] = total_swap_pages(r->mem) - get_nr_swap_pages(r->mem);
	row[TIMELINE_THP_PAGES] = r->mem->thp_waste.nr_pages;
	row[TIMELINE_THP_UNTOUCHED] = r->mem->thp_waste.nr_untouched;
	row[TIMELINE_PRESSURE_SOME] = r->mem->psi.some_ns;
	row[TIMELINE_PRESSURE_FULL] = r->mem->psi.full_ns;
	row[TIMELINE_DIRECT_RECLAIM] = r->mem->reclaim_times.direct_ns;
	row[TIMELINE_KSWAPD] = r->mem->reclaim_times.kswapd_ns;
	sum_states(r->mem, row);
	memcpy(&row[TIMELINE_EVENT], r->mem->vm_event, sizeof(r->mem->vm_event));
	for (size_t z = 0; z < t->zones.nr; z++)
		put_blocks(t, z, row);
	for (size_t g = 0; g < t->groups.nr; g++)
		put_group(t->groups.data[g], &row[timeline_group(t, g)]);
}

void timeline_start(struct mmr_replay *r)
{
	struct timeline *t = &r->timeline;
	struct mem_cgroup *memcg = NULL;

	*t = (struct timeline){.asked_ns = r->settings.system.timeline_ns,
			       .interval_ns = r->settings.system.timeline_ns,
			       .max = r->settings.system.timeline_samples,
			       .nr_orders = r->mem->geo->max_order + 1};
	if (!t->interval_ns)
		return;
	for (unsigned n = 0; n < r->mem->nr_nodes; n++)
		for (unsigned z = 0; r->mem->nodes[n] && z < MAX_NR_ZONES; z++)
			if (r->mem->nodes[n]->node_zones[z].managed_pages)
				*vec_push(&t->zones) = &r->mem->nodes[n]->node_zones[z];
	while ((memcg = mem_cgroup_iter(r->mem, NULL, memcg, NULL)))
		*vec_push(&t->groups) = memcg;
	t->nr_columns = timeline_group(t, t->groups.nr);
	add_row(r, 0);
}

/* Keeps the rows whose times are multiples of the doubled interval. */
static void thin_out(struct timeline *t)
{
	size_t kept = 0, size = t->nr_columns * sizeof(uint64_t);

	t->interval_ns *= 2;
	t->thinned++;
	for (size_t row = 0; row < t->nr_rows; row++)
		if (timeline_cell(t, row, TIMELINE_TIME) % t->interval_ns == 0)
			memmove(&t->cells.data[kept++ * t->nr_columns],
				&t->cells.data[row * t->nr_columns], size);
	t->nr_rows = kept;
	t->cells.nr = kept * t->nr_columns;
}

/*
 * A full table is thinned out at a time that stays on the grid: what falls due between would be
 * taken and at once thrown away.
 */
void timeline_sample(struct mmr_replay *r, uint64_t due_ns)
{
	struct timeline *t = &r->timeline;

	while (t->nr_rows >= t->max) {
		if (due_ns % (2 * t->interval_ns))
			return;
		thin_out(t);
	}
	add_row(r, due_ns);
}

void timeline_end(struct mmr_replay *r)
{
	struct timeline *t = &r->timeline;

	if (!t->interval_ns || t->ended)
		return;
	t->ended = true;
	add_row(r, r->mem->now_ns);
}

void timeline_finish(struct timeline *t)
{
	vec_finish(&t->zones);
	vec_finish(&t->groups);
	vec_finish(&t->cells);
}
