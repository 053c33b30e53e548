/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Putting a machine together. */
#include "sim/system.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/memory.h"
#include "mm/vma.h"

/* Memory is dealt out in pieces of this. */
#define MEMORY_UNIT (2ull << 20)

/* ---- the topology that the trace tells ---- */

/* "0-3,8": calls set for each CPU; a single CPU may be a number. */
static void each_cpu(const json_t *list,
		     void (*set)(struct topology *, unsigned cpu, unsigned node),
		     struct topology *t, unsigned node)
{
	const char *s = json_string_value(list);
	char *end;

	if (json_is_integer(list) && json_integer_value(list) >= 0)
		set(t, (unsigned)json_integer_value(list), node);
	while (s && isdigit((unsigned char)*s)) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < MACHINE_MAX_CPUS; cpu++)
			set(t, (unsigned)cpu, node);
		s = *end == ',' ? end + 1 : NULL;
	}
}

static void set_cpu_node(struct topology *t, unsigned cpu, unsigned node)
{
	if (cpu < t->nr_cpus)
		t->cpu_node[cpu] = (uint16_t)node;
}

/* "10 20 ..." or 10 */
static void read_distances(struct topology *t, unsigned node, const json_t *v)
{
	const char *s = json_string_value(v);
	char *end;

	if (json_is_integer(v) && t->nr_nodes == 1)
		t->distance[0] = (uint32_t)json_integer_value(v);
	for (unsigned i = 0; s && i < t->nr_nodes; i++, s = end) {
		unsigned long d = strtoul(s, &end, 10);

		if (end == s)
			break;
		t->distance[node * t->nr_nodes + i] = (uint32_t)d;
	}
}

/* False when the trace does not say enough. */
static bool captured_topology(struct topology *t, const struct trace_meta *meta)
{
	const json_t *nodes = trace_meta_get(meta, "machine/nodes");
	size_t nr = json_array_size(nodes);

	if (!meta->nr_cpus || meta->nr_cpus > MACHINE_MAX_CPUS ||
	    meta->memory_bytes < MACHINE_MIN_BYTES || meta->memory_bytes > MACHINE_MAX_BYTES ||
	    nr > MACHINE_MAX_NODES)
		return false;
	topology_init(t, nr ? (unsigned)nr : 1, (unsigned)meta->nr_cpus,
		      align_down(meta->memory_bytes, MEMORY_UNIT));
	for (unsigned i = 0; i < nr && nr > 1; i++) {
		const json_t *node = json_array_get(nodes, i),
			     *bytes = json_object_get(node, "memory_bytes");

		t->node_bytes[i] = align_down((uint64_t)json_integer_value(bytes), MEMORY_UNIT);
		each_cpu(json_object_get(node, "cpus"), set_cpu_node, t, i);
		read_distances(t, i, json_object_get(node, "distance"));
	}
	return true;
}

static void choose_topology(struct system *sys, const struct settings *s,
			    const struct trace_meta *meta)
{
	const struct system_config *c = &s->system;
	struct topology base;
	unsigned nodes, cpus;
	uint64_t bytes;

	if (c->topology == TOPOLOGY_PROFILE || !captured_topology(&base, meta))
		topology_copy(&base, &sys->profile->topology);
	if (!c->memory_bytes && !c->nr_nodes && !c->nr_cpus) {
		sys->topology = base;
		return;
	}
	nodes = c->nr_nodes ? (unsigned)c->nr_nodes : base.nr_nodes;
	cpus = c->nr_cpus ? (unsigned)c->nr_cpus : base.nr_cpus;
	bytes = c->memory_bytes ? c->memory_bytes : topology_bytes(&base);
	topology_init(&sys->topology, nodes, cpus, align_down(bytes, MEMORY_UNIT));
	for (unsigned i = 0; i < nodes * nodes; i++)
		if (i % (nodes + 1))
			sys->topology.distance[i] =
				c->nr_nodes ? (uint32_t)c->remote_distance : base.distance[i];
	topology_finish(&base);
}

/* ---- the machine ---- */

static const char *profile_name(const struct settings *s, const struct trace_meta *meta)
{
	if (s->machine)
		return s->machine;
	return meta->cpu_vendor && !strcmp(meta->cpu_vendor, "AuthenticAMD") ? "amd-zen4"
									     : "intel-skylake-sp";
}

/* The levels of the kernel that was captured, unless the user chose a machine. */
static const struct geometry *choose_geometry(const struct system *sys, const struct settings *s,
					      const struct trace_meta *meta)
{
	const struct geometry *geo = &sys->profile->geometry, *captured = NULL;

	if (s->machine || !meta->va_bits || !meta->arch || strcmp(meta->arch, "x86_64"))
		return geo;
	if (meta->va_bits != geo->va_bits)
		captured = geometry_find(meta->va_bits == 57 ? "x86-64-la57" : "x86-64");
	return captured ? captured : geo;
}

/*
 * Without every access in the trace no TLB statistic is reported, and what a TLB holds decides
 * nothing else: a replay of faults keeps none.
 */
static struct tlb_system *create_tlb(const struct system *sys, const struct settings *s,
				     const struct trace_meta *meta)
{
	struct tlb_config conf = s->tlb;
	struct tlb_system *tlb;

	if (meta->basis != MMR_BASIS_EXACT) {
		conf.policy = TLB_POLICY_NULL;
		conf.walk_caches = 0;
	}
	tlb = tlb_create(sys->geo, &sys->profile->tlb, &conf, sys->topology.nr_cpus,
			 sys->topology.nr_nodes);
	tlb->off = meta->basis != MMR_BASIS_EXACT;
	return tlb;
}

static int create_memory(struct system *sys, const struct settings *s,
			 const struct trace_meta *meta, struct mmr_error *err)
{
	const struct topology *t = &sys->topology;
	struct memory_desc desc = {
		.geo = sys->geo,
		.conf = &s->mm,
		.nr_nodes = t->nr_nodes,
		.node_bytes = t->node_bytes,
		.nr_cpus = t->nr_cpus,
		.cpu_node = t->cpu_node,
		.distance = t->distance,
	};
	int rc = memory_create(&desc, &sys->mem, err);

	if (rc)
		return rc;
	sys->mem->tlb = create_tlb(sys, s, meta);
	return 0;
}

int system_create(struct system **ret, const struct settings *s, const struct trace_meta *meta,
		  struct mmr_error *err)
{
	struct system *sys = xcalloc(1, sizeof(*sys));
	int rc = profile_load(profile_name(s, meta), &sys->profile, err);

	if (rc) {
		free(sys);
		return rc;
	}
	sys->geo = choose_geometry(sys, s, meta);
	choose_topology(sys, s, meta);
	rc = topology_validate(&sys->topology, err);
	if (!rc)
		rc = create_memory(sys, s, meta, err);
	if (rc) {
		system_destroy(sys);
		return rc;
	}
	*ret = sys;
	return 0;
}

void system_destroy(struct system *sys)
{
	if (!sys)
		return;
	if (sys->mem) {
		struct tlb_system *tlb = sys->mem->tlb;

		memory_destroy(sys->mem);
		if (tlb)
			tlb_destroy(tlb);
	}
	topology_finish(&sys->topology);
	profile_free(sys->profile);
	free(sys);
}

bool system_consistent(const struct system *sys, struct strbuf *why)
{
	bool ok = memory_consistent(sys->mem, why);
	struct list_head *pos;

	list_for_each(pos, &sys->mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (!vma_consistent(mm)) {
			ok = false;
			strbuf_addf(why, "areas of address space %u contradict each other\n",
				    mm->id);
		}
	}
	if (!tlb_consistent(sys->mem->tlb)) {
		ok = false;
		strbuf_addstr(why, "TLB counts contradict each other\n");
	}
	return ok;
}
