/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Nodes, the CPUs and the memory on them, and how far apart they are.
 *
 * Distances are ACPI's (SLIT): 10 is local, 255 would be unreachable and is not taken.
 * A node without CPUs holds memory only (CXL); a node without memory holds CPUs only.
 */
#ifndef MACHINE_TOPOLOGY_H
#define MACHINE_TOPOLOGY_H

#include <stdint.h>

#include "base/err.h"

#define MACHINE_MAX_NODES	64
#define MACHINE_MAX_CPUS	1024
#define MACHINE_MAX_BYTES	(8ull << 40)	/* of all nodes: frame numbers are 32 bits */
#define MACHINE_MIN_BYTES	(4ull << 20)
#define LOCAL_DISTANCE		10
#define REMOTE_DISTANCE		20

#define NODE_START_BEHIND	UINT64_MAX

struct topology {
	unsigned nr_nodes, nr_cpus;
	uint16_t *cpu_node;	/* [nr_cpus] */
	uint64_t *node_bytes;	/* [nr_nodes] memory */
	uint64_t *node_start;	/* [nr_nodes] physical address, or NODE_START_BEHIND the node before */
	uint32_t *distance;	/* [nr_nodes * nr_nodes], row: from */
};

/*
 * Even: CPU i on node i * nr_nodes / nr_cpus, memory in equal parts (whole 2 MiB; the last node takes the rest),
 * distances LOCAL_DISTANCE and REMOTE_DISTANCE. 0 < nr_nodes <= MACHINE_MAX_NODES, 0 < nr_cpus <= MACHINE_MAX_CPUS.
 */
void topology_init(struct topology *t, unsigned nr_nodes, unsigned nr_cpus, uint64_t bytes);
void topology_copy(struct topology *t, const struct topology *from);
void topology_finish(struct topology *t);
uint64_t topology_bytes(const struct topology *t);
/* 0, or -EINVAL and what is wrong with it. */
int topology_validate(const struct topology *t, struct mmr_error *err);

#endif
