/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Accesses from node to node by kind, and what they would cost: numa.accesses and cost.memory. The tiers of the nodes:
 * numa.tiers.
 *
 * The cost knows no caches: every access is weighed as if memory served it, local_cycles x distance / 10. So it is an upper
 * bound; what it is good for is comparing two placements of the same accesses.
 */
#include <stdlib.h>

#include "base/xalloc.h"
#include "machine/tlb.h"
#include "report/report.h"

enum access_kind_row { DATA, INSTRUCTION, PAGE_WALK, NR_KINDS };
static const char *const kind_names[NR_KINDS] = {"data", "instruction", "page_walk"};

/* nr_nodes * nr_nodes, to be freed. */
static uint64_t *matrix_of(const struct memory *mem, enum access_kind_row kind)
{
	uint64_t *matrix = xcalloc((size_t)mem->nr_nodes * mem->nr_nodes, sizeof(*matrix));

	if (kind == PAGE_WALK)
		tlb_walk_matrix(mem->tlb, mem->cpu_node, matrix);
	else
		tlb_stream_matrix(mem->tlb, kind == DATA ? TLB_DATA : TLB_INSN, mem->cpu_node, matrix);
	return matrix;
}

void report_access(struct report *rep, json_t *numa)
{
	const struct memory *mem = rep->r->mem;
	const char *reason = report_no_accesses(rep->r);
	unsigned nr = mem->nr_nodes;
	json_t *accesses;

	if (reason) {
		report_null(rep, numa, "accesses", "numa.accesses", reason);
		return;
	}
	accesses = j_object(numa, "accesses");
	for (unsigned k = 0; k < NR_KINDS; k++) {
		uint64_t *matrix = matrix_of(mem, (enum access_kind_row)k);
		json_t *rows = j_array(accesses, kind_names[k]);

		for (unsigned c = 0; c < nr; c++) {
			json_t *row = json_array();

			for (unsigned m = 0; m < nr; m++)
				json_array_append_new(row, json_integer((json_int_t)matrix[c * nr + m]));
			json_array_append_new(rows, row);
		}
		free(matrix);
	}
}

/* ---- cost ---- */

/* Cycles of one kind; *remote: what they are more than with all memory local. Saturates. */
static uint64_t weigh(const struct memory *mem, const uint64_t *matrix, uint64_t local_cycles, uint64_t *remote)
{
	unsigned nr = mem->nr_nodes;
	unsigned __int128 sum = 0, base = 0;

	for (unsigned i = 0; i < nr * nr; i++) {
		unsigned __int128 local = (unsigned __int128)matrix[i] * local_cycles;

		sum += local * mem->distance[i];
		base += local * LOCAL_DISTANCE;
	}
	sum /= LOCAL_DISTANCE;
	base /= LOCAL_DISTANCE;
	if (sum > INT64_MAX)
		sum = INT64_MAX;
	*remote += (uint64_t)(sum > base ? sum - base : 0);
	return (uint64_t)sum;
}

void report_memory_cost(struct report *rep, json_t *cost)
{
	const struct memory *mem = rep->r->mem;
	uint64_t local_cycles = rep->r->sys->profile->cost.memory_cycles, remote = 0, total = 0;
	static const char *const keys[NR_KINDS] = {"data_cycles", "instruction_cycles", "page_walk_cycles"};
	json_t *obj;

	if (!local_cycles) {
		report_null(rep, cost, "memory", "cost.memory", "the machine profile does not say what local memory costs");
		return;
	}
	obj = j_object(cost, "memory");
	j_u64(obj, "local_cycles", local_cycles);
	for (unsigned k = 0; k < NR_KINDS; k++) {
		uint64_t *matrix = matrix_of(mem, (enum access_kind_row)k);
		uint64_t cycles = weigh(mem, matrix, local_cycles, &remote);

		j_u64(obj, keys[k], cycles);
		total = total + cycles < INT64_MAX ? total + cycles : INT64_MAX;
		free(matrix);
	}
	j_u64(obj, "cycles", total);
	j_u64(obj, "remote_cycles", remote < INT64_MAX ? remote : INT64_MAX);
}

/* ---- tiers ---- */

static json_t *node_list(const struct memory *mem, uint64_t nodes)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (nodes >> n & 1)
			json_array_append_new(list, json_integer(n));
	return list;
}

/* The fastest first; nodes without memory are in none. */
void report_tiers(struct report *rep, json_t *numa)
{
	const struct memory *mem = rep->r->mem;
	json_t *tiers = j_array(numa, "tiers");

	for (uint64_t adistance = 0, next; adistance != UINT64_MAX; adistance = next) {
		uint64_t nodes = 0, targets = 0;
		json_t *obj;

		next = UINT64_MAX;
		for (unsigned n = 0; n < mem->nr_nodes; n++) {
			const struct node_tier *t = &mem->nodes[n]->tier;

			if (t->adistance == adistance && adistance) {
				nodes |= 1ull << n;
				targets |= t->lower_nodes;
			} else if (t->adistance > adistance && t->adistance < next) {
				next = t->adistance;
			}
		}
		if (!nodes)
			continue;
		obj = json_object();
		j_u64(obj, "abstract_distance", adistance);
		j_bool(obj, "top", mem->nodes[__builtin_ctzll(nodes)]->tier.is_top);
		json_object_set_new(obj, "nodes", node_list(mem, nodes));
		json_object_set_new(obj, "demotes_to", node_list(mem, targets));
		json_array_append_new(tiers, obj);
	}
}
