/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Descriptions of machines on any bytes at all: a profile (JSON), or an export of hwloc (XML, begins with '<').
 *
 * Property: reading ends, within its memory, without a fault of any kind. What is read is a machine that can be laid
 * out, or is refused with a reason; one that was laid out is consistent.
 *
 *	fuzz-machine FILE...			reads each
 *	fuzz-machine --mutate N FILE...		and N random mutations of each (MMR_SEED)
 * With -Dfuzz=true it is a libFuzzer target instead.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "machine/hwloc.h"
#include "machine/profile.h"
#include "mm/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Larger ones take their time in the walk. */
#define MAX_BYTES (1ull << 40)

static void lay_out(const struct geometry *geo, const struct topology *t)
{
	struct memory_desc desc = {
		.geo = geo, .nr_nodes = t->nr_nodes, .node_bytes = t->node_bytes, .node_start = t->node_start,
		.nr_cpus = t->nr_cpus, .cpu_node = t->cpu_node, .distance = t->distance,
	};
	struct mmr_error err = {.text = ""};
	struct memory *mem;

	BUG_ON(topology_validate(t, &err));
	if (topology_bytes(t) > MAX_BYTES)
		return;
	if (memory_create(&desc, &mem, &err)) {
		BUG_ON(!err.text[0]);
		return;
	}
	BUG_ON(!memory_consistent(mem, NULL));
	memory_destroy(mem);
}

static void read_export(const char *text, size_t size)
{
	struct mmr_error err = {.text = ""};
	struct machine_export m;

	if (hwloc_parse(text, size, "input", &m, &err)) {
		BUG_ON(strncmp(err.text, "input", 5) != 0 && !strstr(err.text, "libhwloc"));
		return;
	}
	for (unsigned n = 0; n < m.topology.nr_nodes; n++)
		m.topology.node_bytes[n] &= ~((2ull << 20) - 1);
	if (topology_validate(&m.topology, NULL) == 0)
		lay_out(geometry_find("x86-64"), &m.topology);
	machine_export_finish(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mmr_error err = {.text = ""};
	struct machine_profile *p;

	if (size && data[0] == '<') {
		read_export((const char *)data, size);
	} else if (profile_parse((const char *)data, size, "input", &p, &err)) {
		BUG_ON(strncmp(err.text, "input:", 6) != 0);
	} else {
		lay_out(&p->geometry, &p->topology);
		profile_free(p);
	}
	return 0;
}

#define FUZZ_MAX_BYTES PROFILE_MAX_BYTES
#include "fuzz/mutate.h"
