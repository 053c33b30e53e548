/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The sections `fragmentation` and `tasks`. */
#include <stdio.h>

#include "mm/fragmentation.h"
#include "report/report.h"

static void put_zone(json_t *zones, const struct zone *zone, unsigned max_order)
{
	struct fragmentation f;
	json_t *obj = json_object(), *free_blocks, *unusable, *index;

	fragmentation_of_zone(&f, zone);
	j_u64(obj, "node", zone->zone_pgdat->node_id);
	j_str(obj, "zone", zone->name);
	j_u64(obj, "managed_pages", zone->managed_pages);
	j_u64(obj, "free_pages", f.free_pages);
	j_i64(obj, "largest_free_order", f.largest_order);
	free_blocks = j_array(obj, "free_blocks");
	unusable = j_array(obj, "unusable_free_permille");
	index = j_array(obj, "fragmentation_index_permille");
	for (unsigned o = 0; o <= max_order; o++) {
		json_array_append_new(free_blocks, json_integer((json_int_t)f.free_blocks[o]));
		json_array_append_new(unusable, json_integer(f.unusable_index[o]));
		json_array_append_new(index, json_integer(f.fragmentation_index[o]));
	}
	json_array_append_new(zones, obj);
}

void report_fragmentation(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *frag = j_object(rep->root, "fragmentation"), *zones;
	json_t *allocations = j_array(frag, "allocations_by_order"),
	       *failed = j_array(frag, "failures_by_order");

	for (unsigned o = 0; o <= mem->geo->max_order; o++) {
		json_array_append_new(allocations, json_integer((json_int_t)mem->alloc_order[o]));
		json_array_append_new(failed, json_integer((json_int_t)mem->alloc_order_failed[o]));
	}
	zones = j_array(frag, "zones");
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned z = 0; mem->nodes[n] && z < MAX_NR_ZONES; z++)
			if (mem->nodes[n]->node_zones[z].managed_pages)
				put_zone(zones, &mem->nodes[n]->node_zones[z], mem->geo->max_order);
}

/* ---- tasks ---- */

static void put_process(json_t *tasks, const struct tasks *t, uint32_t index)
{
	const struct sim_process *p = &t->processes.data[index];
	struct fault_counts f = tasks_faults(t, index);
	json_t *obj = json_object();
	size_t len = 0;

	while (len < sizeof(p->comm) && p->comm[len])
		len++;
	j_u64(obj, "pid", p->pid);
	j_bytes(obj, "name", p->comm, len);
	j_u64(obj, "threads", p->nr_threads_ever);
	j_u64(obj, "execs", p->nr_execs);
	j_bool(obj, "exited", p->exited);
	j_u64(obj, "min_flt", f.min_flt);
	j_u64(obj, "maj_flt", f.maj_flt);
	j_u64(obj, "gup_flt", f.gup_flt);
	j_u64(obj, "segv", f.segv);
	j_u64(obj, "rss_anon_pages", p->last.rss_anon);
	j_u64(obj, "rss_file_pages", p->last.rss_file);
	j_u64(obj, "rss_shmem_pages", p->last.rss_shmem);
	j_u64(obj, "rss_peak_pages", p->last.peak_rss);
	j_u64(obj, "pgtables_bytes", p->last.pgtables_bytes);
	j_u64(obj, "nr_vmas", p->last.nr_vmas);
	j_u64(obj, "vm_pages", p->last.vm);
	j_u64(obj, "contiguous_runs", p->contiguity.runs);
	j_u64(obj, "contiguous_largest_pages", p->contiguity.largest_pages);
	j_ratio(obj, "contiguous_pages_per_run", p->contiguity.pages, p->contiguity.runs);
	json_array_append_new(tasks, obj);
}

void report_tasks(struct report *rep)
{
	const struct tasks *t = &rep->r->tasks;
	json_t *tasks = j_array(rep->root, "tasks");

	for (uint32_t i = 0; i < t->processes.nr; i++)
		put_process(tasks, t, i);
}
