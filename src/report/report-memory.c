/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The section `tasks`. */
#include "report/report.h"

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
