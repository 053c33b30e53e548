/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Making, copying and checking topologies. */
#include "machine/topology.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"

#define MAX_DISTANCE	254
#define PART_BYTES	(2ull << 20)

static void allocate(struct topology *t, unsigned nr_nodes, unsigned nr_cpus)
{
	BUG_ON(nr_nodes == 0 || nr_nodes > MACHINE_MAX_NODES || nr_cpus == 0 || nr_cpus > MACHINE_MAX_CPUS);
	t->nr_nodes = nr_nodes;
	t->nr_cpus = nr_cpus;
	t->cpu_node = xcalloc(nr_cpus, sizeof(*t->cpu_node));
	t->node_bytes = xcalloc(nr_nodes, sizeof(*t->node_bytes));
	t->node_start = xcalloc(nr_nodes, sizeof(*t->node_start));
	t->distance = xcalloc((size_t)nr_nodes * nr_nodes, sizeof(*t->distance));
}

void topology_init(struct topology *t, unsigned nr_nodes, unsigned nr_cpus, uint64_t bytes)
{
	allocate(t, nr_nodes, nr_cpus);
	for (unsigned i = 0; i < nr_cpus; i++)
		t->cpu_node[i] = (uint16_t)(i * nr_nodes / nr_cpus);
	for (unsigned i = 0; i < nr_nodes; i++)
		t->node_bytes[i] = bytes / nr_nodes / PART_BYTES * PART_BYTES;
	for (unsigned i = 0; i < nr_nodes; i++)
		t->node_start[i] = NODE_START_BEHIND;
	t->node_bytes[nr_nodes - 1] += bytes - topology_bytes(t);
	for (unsigned i = 0; i < nr_nodes * nr_nodes; i++)
		t->distance[i] = i % (nr_nodes + 1) ? REMOTE_DISTANCE : LOCAL_DISTANCE;
}

void topology_copy(struct topology *t, const struct topology *from)
{
	allocate(t, from->nr_nodes, from->nr_cpus);
	memcpy(t->cpu_node, from->cpu_node, t->nr_cpus * sizeof(*t->cpu_node));
	memcpy(t->node_bytes, from->node_bytes, t->nr_nodes * sizeof(*t->node_bytes));
	memcpy(t->node_start, from->node_start, t->nr_nodes * sizeof(*t->node_start));
	memcpy(t->distance, from->distance, (size_t)t->nr_nodes * t->nr_nodes * sizeof(*t->distance));
}

void topology_finish(struct topology *t)
{
	free(t->cpu_node);
	free(t->node_bytes);
	free(t->node_start);
	free(t->distance);
	memset(t, 0, sizeof(*t));
}

uint64_t topology_bytes(const struct topology *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->nr_nodes; i++)
		sum += t->node_bytes[i];
	return sum;
}

static int validate_memory(const struct topology *t, struct mmr_error *err)
{
	uint64_t left = MACHINE_MAX_BYTES;

	for (unsigned i = 0; i < t->nr_nodes; i++) {
		if (t->node_bytes[i] > left)
			return err_set(err, -EINVAL, "more than %" PRIu64 " bytes of memory in all nodes",
				       (uint64_t)MACHINE_MAX_BYTES);
		left -= t->node_bytes[i];
	}
	if (MACHINE_MAX_BYTES - left < MACHINE_MIN_BYTES)
		return err_set(err, -EINVAL, "less than %" PRIu64 " bytes of memory in all nodes",
			       (uint64_t)MACHINE_MIN_BYTES);
	return 0;
}

static int validate_distances(const struct topology *t, struct mmr_error *err)
{
	for (unsigned i = 0; i < t->nr_nodes; i++) {
		for (unsigned j = 0; j < t->nr_nodes; j++) {
			uint32_t d = t->distance[i * t->nr_nodes + j];

			if (i == j && d != LOCAL_DISTANCE)
				return err_set(err, -EINVAL, "distance of node %u to itself is %" PRIu32 ", not %d",
					       i, d, LOCAL_DISTANCE);
			if (i != j && (d <= LOCAL_DISTANCE || d > MAX_DISTANCE))
				return err_set(err, -EINVAL, "distance of node %u to node %u is %" PRIu32
					       ", not %d to %d", i, j, d, LOCAL_DISTANCE + 1, MAX_DISTANCE);
		}
	}
	return 0;
}

int topology_validate(const struct topology *t, struct mmr_error *err)
{
	int rc;

	for (unsigned i = 0; i < t->nr_cpus; i++)
		if (t->cpu_node[i] >= t->nr_nodes)
			return err_set(err, -EINVAL, "CPU %u is on node %u of %u", i, t->cpu_node[i], t->nr_nodes);
	rc = validate_memory(t, err);
	return rc ? rc : validate_distances(t, err);
}
