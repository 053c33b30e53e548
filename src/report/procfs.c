/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which files there are, the manifest, and the small files of /sys. */
#include "report/procfs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"

#define NODES "sys/devices/system/node"

/* ---- making files ---- */

void procfs_begin(struct procfs *p, struct mmr_replay *r, procfs_put *put, void *ctx)
{
	*p = (struct procfs){.r = r, .put = put, .ctx = ctx};
	p->unavailable = json_object();
	p->processes = json_object();
}

void procfs_done(struct procfs *p, const char *fmt, ...)
{
	char path[128];
	va_list ap;

	va_start(ap, fmt);
	BUG_ON((size_t)vsnprintf(path, sizeof(path), fmt, ap) >= sizeof(path));
	va_end(ap);
	if (!p->rc)
		p->rc = p->put(p->ctx, path, p->text.len ? p->text.s : "", p->text.len);
	strbuf_clear(&p->text);
	p->file = NULL;
}

void procfs_unknown(struct procfs *p, const char *key, const char *reason)
{
	json_t *of_file = json_object_get(p->unavailable, p->file);

	if (!of_file)
		of_file = j_object(p->unavailable, p->file);
	if (!json_object_get(of_file, key))
		j_str(of_file, key, reason);
}

int procfs_end(struct procfs *p, const char *at)
{
	json_t *root = j_object(NULL, NULL);

	j_str(root, "schema", PROCFS_SCHEMA);
	j_str(root, "at", at);
	j_u64(root, "clock_ns", p->clock_ns);
	json_object_set(root, "processes_clock_ns", p->processes);
	json_object_set(root, "unavailable", p->unavailable);
	strbuf_clear(&p->text);
	j_text(root, &p->text);
	json_decref(root);
	procfs_done(p, "%s", PROCFS_MANIFEST);
	procfs_drop(p);
	return p->rc;
}

void procfs_drop(struct procfs *p)
{
	json_decref(p->processes);
	json_decref(p->unavailable);
	p->processes = p->unavailable = NULL;
	strbuf_finish(&p->text);
}

/* ---- what several files need ---- */

size_t procfs_zones(const struct memory *mem, struct procfs_zone ret[MAX_NR_ZONES + 1])
{
	static const struct procfs_zone zones64[] = {{"DMA", ZONE_DMA},
						     {"DMA32", ZONE_DMA32},
						     {"Normal", ZONE_NORMAL},
						     {"Movable", ZONE_MOVABLE},
						     {"Device", -1}},
					zones32[] = {{"DMA", ZONE_DMA},
						     {"Normal", ZONE_NORMAL},
						     {"HighMem", ZONE_HIGHMEM},
						     {"Movable", ZONE_MOVABLE}};
	size_t nr = mem->geo->lowmem_bytes ? ARRAY_SIZE(zones32) : ARRAY_SIZE(zones64);

	memcpy(ret, mem->geo->lowmem_bytes ? zones32 : zones64, nr * sizeof(ret[0]));
	return nr;
}

void procfs_kb_line(struct procfs *p, const char *name, uint64_t kb)
{
	int label = (int)strlen(name) < 15 ? 16 : (int)strlen(name) + 2;

	strbuf_addf(&p->text, "%s:%*s%*" PRIu64 " kB\n", name, label - (int)strlen(name) - 1, "",
		    24 - label, kb);
}

static bool bit_at(const uint64_t *mask, unsigned bit)
{
	return mask[bit / 64] >> bit % 64 & 1;
}

void procfs_list(struct strbuf *sb, const uint64_t *mask, unsigned nr)
{
	const char *comma = "";

	for (unsigned i = 0; i < nr; i++) {
		unsigned first = i;

		if (!bit_at(mask, i))
			continue;
		while (i + 1 < nr && bit_at(mask, i + 1))
			i++;
		strbuf_addf(sb, i > first ? "%s%u-%u" : "%s%u", comma, first, i);
		comma = ",";
	}
}

/* ---- /sys ---- */

enum node_kind { NODE_ONLINE, NODE_CPU, NODE_MEMORY, NODE_NORMAL_MEMORY };

static bool node_is(const struct pglist_data *node, enum node_kind kind)
{
	uint64_t normal = 0;

	if (!node)
		return false;
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (z != ZONE_HIGHMEM && z != ZONE_MOVABLE)
			normal += node->node_zones[z].present_pages;
	switch (kind) {
	case NODE_CPU:
		return node->has_cpu;
	case NODE_MEMORY:
		return node->has_memory;
	case NODE_NORMAL_MEMORY:
		return normal;
	default:
		return true;
	}
}

static void put_node_list(struct procfs *p, const char *name, enum node_kind kind)
{
	uint64_t mask[(MAX_NUMNODES + 63) / 64] = {0};

	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		if (node_is(p->mem->nodes[n], kind))
			mask[n / 64] |= 1ull << n % 64;
	procfs_list(&p->text, mask, p->mem->nr_nodes);
	strbuf_addstr(&p->text, "\n");
	procfs_done(p, NODES "/%s", name);
}

/* The kernel prints masks in words of 32 bits, the highest first. */
static void put_mask(struct strbuf *sb, const uint64_t *mask, unsigned nr)
{
	unsigned top = nr % 32 ? nr % 32 : 32;

	for (unsigned word = (nr + 31) / 32; word-- > 0; top = 32)
		strbuf_addf(sb, "%0*x%s", (int)(top + 3) / 4,
			    (unsigned)(mask[word / 2] >> (word % 2 * 32)), word ? "," : "\n");
}

static void put_cpus(struct procfs *p, const struct pglist_data *node)
{
	const struct memory *mem = p->mem;
	uint64_t mask[CPUMASK_WORDS] = {0};

	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		if (mem->cpu_node[cpu] == node->node_id)
			mask[cpu / 64] |= 1ull << cpu % 64;
	procfs_list(&p->text, mask, mem->nr_cpus);
	strbuf_addstr(&p->text, "\n");
	procfs_done(p, NODES "/node%u/cpulist", node->node_id);
	put_mask(&p->text, mask, mem->nr_cpus);
	procfs_done(p, NODES "/node%u/cpumap", node->node_id);
}

static void put_distances(struct procfs *p, const struct pglist_data *node)
{
	const char *space = "";

	for (unsigned n = 0; n < p->mem->nr_nodes; n++) {
		if (!p->mem->nodes[n])
			continue;
		strbuf_addf(&p->text, "%s%u", space,
			    p->mem->distance[node->node_id * p->mem->nr_nodes + n]);
		space = " ";
	}
	strbuf_addstr(&p->text, "\n");
	procfs_done(p, NODES "/node%u/distance", node->node_id);
}

static void put_numastat(struct procfs *p, const struct pglist_data *node)
{
	static const char *const lines[][2] = {
		{"numa_hit", "numa_hit"},	    {"numa_miss", "numa_miss"},
		{"numa_foreign", "numa_foreign"}, {"interleave_hit", "numa_interleave"},
		{"local_node", "numa_local"},	    {"other_node", "numa_other"},
	};

	p->file = NODES "/nodeN/numastat";
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		strbuf_addf(&p->text, "%s %" PRIu64 "\n", lines[i][0],
			    procfs_count(p, node, lines[i][1], lines[i][0]));
	procfs_done(p, NODES "/node%u/numastat", node->node_id);
}

static void put_sys(struct procfs *p)
{
	put_node_list(p, "online", NODE_ONLINE);
	put_node_list(p, "possible", NODE_ONLINE);
	put_node_list(p, "has_cpu", NODE_CPU);
	put_node_list(p, "has_memory", NODE_MEMORY);
	put_node_list(p, "has_normal_memory", NODE_NORMAL_MEMORY);
	for (unsigned n = 0; n < p->mem->nr_nodes; n++) {
		const struct pglist_data *node = p->mem->nodes[n];

		if (!node)
			continue;
		put_cpus(p, node);
		put_distances(p, node);
		put_numastat(p, node);
		procfs_node_meminfo(p, node);
		procfs_node_vmstat(p, node);
	}
}

/* ---- /proc ---- */

void procfs_system(struct procfs *p)
{
	p->mem = p->r->mem;
	if (!p->clock_ns)
		p->clock_ns = p->mem->now_ns;
	procfs_buddyinfo(p);
	procfs_pagetypeinfo(p);
	procfs_zoneinfo(p);
	procfs_vmstat(p);
	procfs_meminfo(p);
	procfs_slabinfo(p);
	procfs_vmallocinfo(p);
	procfs_swaps(p);
	procfs_pressure(p);
	procfs_memcgs(p);
	put_sys(p);
}

void procfs_processes(struct procfs *p)
{
	const struct tasks *t = &p->r->tasks;

	for (uint32_t i = 0; i < t->processes.nr; i++)
		for (size_t k = 0; k < t->all.nr; k++) {
			const struct sim_task *st = t->all.data[k];

			if (st->process != i || !st->task->mm)
				continue;
			procfs_process(p, i, st->task);
			break;
		}
}
