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

#ifndef HAVE_LIBFUZZER

static void mutate(uint8_t *data, size_t *size, struct rng *rng)
{
	unsigned nr = 1 + (unsigned)rng_below(rng, 4);

	while (nr-- && *size) {
		size_t at = rng_below(rng, *size), len = rng_below(rng, *size - at < 64 ? *size - at : 64);

		switch (rng_below(rng, 4)) {
		case 0:
			data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
			break;
		case 1:
			data[at] = (uint8_t)('0' + rng_below(rng, 10));
			break;
		case 2:
			memmove(data + at, data + at + len, *size - at - len);
			*size -= len;
			break;
		default:
			memmove(data + at, data + rng_below(rng, *size - len), len);
		}
	}
}

static void run_file(const char *path, uint64_t mutations, struct rng *rng)
{
	uint8_t *data = xmalloc(PROFILE_MAX_BYTES), *copy = xmalloc(PROFILE_MAX_BYTES);
	FILE *f = fopen(path, "re");
	size_t size, nr;

	if (!f) {
		perror(path);
		exit(2);
	}
	size = fread(data, 1, PROFILE_MAX_BYTES, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	for (uint64_t i = 0; i < mutations; i++) {
		memcpy(copy, data, size);
		nr = size;
		mutate(copy, &nr, rng);
		LLVMFuzzerTestOneInput(copy, nr);
	}
	free(data);
	free(copy);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("MMR_SEED");
	uint64_t mutations = 0;
	struct rng rng;
	int i = 1;

	setenv("HWLOC_HIDE_ERRORS", "2", 1);
	rng_seed(&rng, seed ? strtoull(seed, NULL, 0) : 1);
	if (argc > 3 && !strcmp(argv[1], "--mutate")) {
		mutations = strtoull(argv[2], NULL, 0);
		i = 3;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: fuzz-machine [--mutate N] FILE...\n");
		return 2;
	}
	for (; i < argc; i++)
		run_file(argv[i], mutations, &rng);
	return 0;
}

#endif
