/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The marks of every zone against /proc/zoneinfo of the kernel that runs here: for zones of the same size and the same
 * sysctls, min, low, high and promo, what is kept for lower zones, and the marks of the per-cpu lists must be equal.
 * 77: there is no such file, or the kernel is not of x86-64.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"

#define SKIP 77

/* What the kernel says of a zone. */
struct real_zone {
	unsigned node;
	enum zone_type type;
	uint64_t mark[NR_WMARK], boost, managed, protection[MAX_NR_ZONES];
	uint64_t batch, high_min, high_max;
	unsigned nr_pagesets;
};

static struct real_zone zones[MAX_NUMNODES * MAX_NR_ZONES];
static unsigned nr_zones, nr_nodes;
static int failures;

static int zone_type_of(const char *name)
{
	static const char *const names[MAX_NR_ZONES] = { "DMA", "DMA32", "Normal", "HighMem", "Movable" };

	for (int t = 0; t < MAX_NR_ZONES; t++)
		if (!strcmp(names[t], name))
			return t;
	return -1;
}

/* protection: (DMA, DMA32, Normal, Movable, Device) on x86-64 */
static void read_protection(struct real_zone *z, const char *text)
{
	uint64_t p[4] = {0};

	sscanf(text, "%" SCNu64 ", %" SCNu64 ", %" SCNu64 ", %" SCNu64, &p[0], &p[1], &p[2], &p[3]);
	z->protection[ZONE_DMA] = p[0];
	z->protection[ZONE_DMA32] = p[1];
	z->protection[ZONE_NORMAL] = p[2];
	z->protection[ZONE_MOVABLE] = p[3];
}

static void read_line(struct real_zone *z, const char *line)
{
	static const struct {
		const char *key;
		size_t offset;
	} rows[] = {
		{ "min", offsetof(struct real_zone, mark[WMARK_MIN]) },
		{ "low", offsetof(struct real_zone, mark[WMARK_LOW]) },
		{ "high", offsetof(struct real_zone, mark[WMARK_HIGH]) },
		{ "promo", offsetof(struct real_zone, mark[WMARK_PROMO]) },
		{ "boost", offsetof(struct real_zone, boost) },
		{ "managed", offsetof(struct real_zone, managed) },
		{ "batch:", offsetof(struct real_zone, batch) },
		{ "high_min:", offsetof(struct real_zone, high_min) },
		{ "high_max:", offsetof(struct real_zone, high_max) },
	};
	char word[32];
	uint64_t n;

	if (strstr(line, "protection: ("))
		read_protection(z, strchr(line, '(') + 1);
	z->nr_pagesets += strstr(line, "    cpu: ") != NULL;
	if (sscanf(line, "%31s %" SCNu64, word, &n) != 2)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].key, word))
			memcpy((char *)z + rows[i].offset, &n, sizeof(n));
}

static int read_zoneinfo(void)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	char line[512], name[32];
	unsigned node;
	struct real_zone *z = NULL;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %u, zone %31s", &node, name) == 2) {
			int type = zone_type_of(name);

			z = type < 0 || node >= MAX_NUMNODES || nr_zones == MAX_NUMNODES * MAX_NR_ZONES
				    ? NULL : &zones[nr_zones++];
			if (z)
				*z = (struct real_zone){ .node = node, .type = (enum zone_type)type };
			if (z && node >= nr_nodes)
				nr_nodes = node + 1;
		} else if (z) {
			read_line(z, line);
		}
	}
	fclose(f);
	return nr_zones ? 0 : -EINVAL;
}

static uint64_t sysctl(const char *name, uint64_t otherwise)
{
	char path[128];
	uint64_t n = otherwise;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%" SCNu64, &n) != 1)
			n = otherwise;
		fclose(f);
	}
	return n;
}

/* A machine with the nodes and CPUs of this one; its zones get the sizes of the real ones afterwards. */
static struct memory *like_this_machine(void)
{
	static uint64_t bytes[MAX_NUMNODES];
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = nr_nodes,
				    .node_bytes = bytes, .nr_cpus = zones[0].nr_pagesets };
	struct memory *mem = NULL;
	struct mmr_error err;

	config_defaults(&mm_config_table, &conf);
	conf.min_free_kbytes = sysctl("min_free_kbytes", 0);
	conf.watermark_scale_factor = sysctl("watermark_scale_factor", 10);
	conf.percpu_pagelist_high_fraction = sysctl("percpu_pagelist_high_fraction", 0);
	for (unsigned n = 0; n < nr_nodes; n++)
		bytes[n] = 8ull << 30;
	if (memory_create(&desc, &mem, &err))
		fprintf(stderr, "%s\n", err.text);
	return mem;
}

static void compare(const struct real_zone *z, const char *what, uint64_t model, uint64_t real)
{
	if (model == real)
		return;
	printf("node %u zone %d: %s is %" PRIu64 ", the kernel has %" PRIu64 "\n", z->node, z->type, what, model,
	       real);
	failures++;
}

static void compare_zone(const struct memory *mem, const struct real_zone *z)
{
	static const char *const names[NR_WMARK] = { "min", "low", "high", "promo" };
	const struct zone *zone = &mem->nodes[z->node]->node_zones[z->type];

	for (unsigned i = 0; i < NR_WMARK; i++)
		compare(z, names[i], zone->watermark[i], z->mark[i] - z->boost);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (t != ZONE_HIGHMEM)
			compare(z, "protection", zone->lowmem_reserve[t], z->protection[t]);
	if (!zone->pcp || !z->nr_pagesets || !z->managed)
		return;
	compare(z, "batch", zone->pcp[0].batch, z->batch);
	compare(z, "high_min", zone->pcp[0].high_min, z->high_min);
	compare(z, "high_max", zone->pcp[0].high_max, z->high_max);
}

int main(void)
{
	struct utsname u;
	struct memory *mem;

	if (uname(&u) || strcmp(u.machine, "x86_64") || read_zoneinfo() || !zones[0].nr_pagesets)
		return SKIP;
	mem = like_this_machine();
	if (!mem)
		return 1;
	for (unsigned i = 0; i < nr_zones; i++)
		mem->nodes[zones[i].node]->node_zones[zones[i].type].managed_pages = zones[i].managed;
	setup_per_zone_wmarks(mem);
	for (unsigned i = 0; i < nr_zones; i++)
		compare_zone(mem, &zones[i]);
	printf("%u zones compared, %d differences\n", nr_zones, failures);
	memory_destroy(mem);
	return failures != 0;
}
