/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The section `numa`: accesses across nodes, what each node served, and where the pages of each process lie. */
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "machine/tlb.h"
#include "report/report.h"

/* ---- accesses ---- */

static void put_matrix(json_t *numa, const struct memory *mem)
{
	unsigned nr = mem->nr_nodes;
	uint64_t *matrix = xcalloc((size_t)nr * nr, sizeof(*matrix)), local = 0, remote = 0;
	json_t *rows = j_array(numa, "access_matrix");

	tlb_access_matrix(mem->tlb, mem->cpu_node, matrix);
	for (unsigned c = 0; c < nr; c++) {
		json_t *row = json_array();

		for (unsigned m = 0; m < nr; m++) {
			json_array_append_new(row, json_integer((json_int_t)matrix[c * nr + m]));
			*(c == m ? &local : &remote) += matrix[c * nr + m];
		}
		json_array_append_new(rows, row);
	}
	j_u64(numa, "local_accesses", local);
	j_u64(numa, "remote_accesses", remote);
	j_ratio(numa, "remote_ratio", remote, local + remote);
	free(matrix);
}

static void put_accesses(struct report *rep, json_t *numa)
{
	static const char *const keys[] = {"access_matrix", "local_accesses", "remote_accesses",
					   "remote_ratio"};
	const char *reason = report_no_accesses(rep->r);
	char path[64];

	if (!reason) {
		put_matrix(numa, rep->r->mem);
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(path, sizeof(path), "numa.%s", keys[i]);
		report_null(rep, numa, keys[i], path, reason);
	}
}

/* ---- nodes ---- */

static uint64_t zones_sum(const struct pglist_data *node, enum zone_stat_item item)
{
	uint64_t sum = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		sum += node->node_zones[z].vm_stat[item];
	return sum;
}

static void put_node(struct report *rep, json_t *nodes, const struct pglist_data *node)
{
	static const enum zone_stat_item items[] = {NUMA_HIT, NUMA_MISS, NUMA_FOREIGN, NUMA_INTERLEAVE,
						    NUMA_LOCAL, NUMA_OTHER, NR_FREE_PAGES};
	json_t *obj = json_object();

	j_u64(obj, "node", node->node_id);
	j_u64(obj, "managed_pages", node->managed_pages);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		j_u64(obj, zone_stat_info[items[i]].key, zones_sum(node, items[i]));
	for (unsigned i = 0; i < NR_VM_NODE_STAT_ITEMS; i++)
		if (report_node_item_reason(rep->r, i)) /* said of the sum, in `vmstat` */
			j_null(obj, node_stat_info[i].key);
		else
			j_u64(obj, node_stat_info[i].key, node->vm_stat[i]);
	json_array_append_new(nodes, obj);
}

/* ---- processes ---- */

static void put_policy(json_t *obj, const struct mempolicy *pol)
{
	struct strbuf text = {0};

	mpol_to_str(&text, pol);
	j_str(obj, "policy", text.s);
	if (pol->home_node != NUMA_NO_NODE)
		j_i64(obj, "home_node", pol->home_node);
	strbuf_finish(&text);
}

static void put_pages(json_t *obj, const struct memory *mem, const uint64_t *pages)
{
	json_t *list = j_array(obj, "pages");

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		json_array_append_new(list, json_integer((json_int_t)pages[n]));
}

static void put_process(json_t *list, const struct memory *mem, const struct sim_process *p)
{
	json_t *obj = json_object(), *areas;
	uint64_t pages[MAX_NUMNODES] = {0};
	size_t len = 0;

	while (len < sizeof(p->comm) && p->comm[len])
		len++;
	j_u64(obj, "pid", p->pid);
	j_bytes(obj, "name", p->comm, len);
	put_policy(obj, &p->numa.task_policy);
	for (size_t i = 0; i < p->numa.rows.nr; i++)
		for (unsigned n = 0; n < mem->nr_nodes; n++)
			pages[n] += p->numa.rows.data[i].pages[n];
	put_pages(obj, mem, pages);
	areas = j_array(obj, "areas");
	for (size_t i = 0; i < p->numa.rows.nr; i++) {
		json_t *row = json_object();

		put_policy(row, &p->numa.rows.data[i].policy);
		put_pages(row, mem, p->numa.rows.data[i].pages);
		json_array_append_new(areas, row);
	}
	json_array_append_new(list, obj);
}

void report_numa(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	const struct tasks *t = &rep->r->tasks;
	json_t *numa = j_object(rep->root, "numa"), *list;

	put_accesses(rep, numa);
	report_access(rep, numa);
	report_tiers(rep, numa);
	list = j_array(numa, "nodes");
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		put_node(rep, list, mem->nodes[n]);
	list = j_array(numa, "processes");
	for (size_t i = 0; i < t->processes.nr; i++)
		put_process(list, mem, &t->processes.data[i]);
	if (rep->r->counts.diverged[DIVERGE_POLICY_UNSEEN])
		json_array_append_new(
			rep->notes,
			json_string("memory policies are missing: the capture could not see the node masks "
				    "of some calls (divergence.policies_unseen)"));
}
