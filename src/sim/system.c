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
#include "base/units.h"
#include "base/xalloc.h"
#include "machine/hwloc.h"
#include "mm/compaction.h"
#include "mm/dma.h"
#include "mm/folio_touched.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/ktouch.h"
#include "mm/lru.h"
#include "mm/memcontrol.h"
#include "mm/filemap.h"
#include "mm/memory.h"
#include "mm/lru_gen.h"
#include "mm/memory_tiers.h"
#include "mm/numa_balancing.h"
#include "mm/oom_kill.h"
#include "mm/page_table_check.h"
#include "mm/swapfile.h"
#include "mm/vma.h"
#include "mm/writeback.h"
#include "sim/pressure.h"
#include "sim/replay-kernel.h"

/* Memory is dealt out in pieces of this. */
#define MEMORY_UNIT (2ull << 20)
/* As the model lays a PC out: mm/memory-layout.c. */
#define PC_HOLE_START (3ull << 30)
#define PC_HOLE_END   (4ull << 30)

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

/*
 * Memory of a machine whose frames are to have the numbers that they have in the trace: up to the end
 * of the last zone, rather than what the kernel had left of it. 0: the trace does not say.
 */
static uint64_t framed_bytes(const struct settings *s, const struct trace_meta *meta)
{
	const json_t *zones = trace_meta_get(meta, "memory/zones"), *zone;
	uint64_t end = 0, page = meta->base_page_bytes, bytes;
	size_t i;

	if (kernel_replay_mode(s->system.replay_kernel, meta) != KERNEL_PAGES || !page)
		return 0;
	json_array_foreach(zones, i, zone) {
		json_int_t start = json_integer_value(json_object_get(zone, "start_pfn"));
		json_int_t spanned = json_integer_value(json_object_get(zone, "spanned_pages"));

		if (start >= 0 && spanned > 0 && start < INT32_MAX && spanned < INT32_MAX &&
		    json_integer_value(json_object_get(zone, "present_pages")) > 0 &&
		    (uint64_t)(start + spanned) > end)
			end = (uint64_t)(start + spanned);
	}
	bytes = end * page;
	if (bytes > PC_HOLE_END && meta->arch && !strcmp(meta->arch, "x86_64"))
		bytes -= PC_HOLE_END - PC_HOLE_START;
	return bytes;
}

/* False when the trace does not say enough. */
static bool captured_topology(struct topology *t, const struct settings *s,
			      const struct trace_meta *meta)
{
	uint64_t framed = framed_bytes(s, meta);
	const json_t *nodes = trace_meta_get(meta, "machine/nodes");
	size_t nr = json_array_size(nodes);

	if (!meta->nr_cpus || meta->nr_cpus > MACHINE_MAX_CPUS ||
	    meta->memory_bytes < MACHINE_MIN_BYTES || meta->memory_bytes > MACHINE_MAX_BYTES ||
	    nr > MACHINE_MAX_NODES)
		return false;
	if (nr > 1 || framed < meta->memory_bytes || framed > MACHINE_MAX_BYTES)
		framed = meta->memory_bytes;
	topology_init(t, nr ? (unsigned)nr : 1, (unsigned)meta->nr_cpus,
		      align_down(framed, MEMORY_UNIT));
	for (unsigned i = 0; i < nr && nr > 1; i++) {
		const json_t *node = json_array_get(nodes, i),
			     *bytes = json_object_get(node, "memory_bytes");

		t->node_bytes[i] = align_down((uint64_t)json_integer_value(bytes), MEMORY_UNIT);
		each_cpu(json_object_get(node, "cpus"), set_cpu_node, t, i);
		read_distances(t, i, json_object_get(node, "distance"));
	}
	return true;
}

/* Memory that a 32-bit machine cannot have is not the captured machine's to give. */
static bool fits_geometry(const struct topology *t, const struct geometry *geo)
{
	return geo->pa_bits >= 63 || topology_bytes(t) >> geo->pa_bits == 0;
}

/* Base pages and architecture of an export must be those of the profile. */
static int check_export(const struct machine_export *m, const struct system *sys, const char *file,
			struct mmr_error *err)
{
	static const struct {
		const char *arch, *prefix;	/* uname's, and of the geometry's name */
	} rows[] = { { "x86_64", "x86-64" }, { "i686", "x86-32" }, { "aarch64", "arm64" },
		     { "riscv64", "riscv" } };
	const char *prefix = NULL;
	char bytes[32];

	for (size_t i = 0; m->arch && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].arch, m->arch))
			prefix = rows[i].prefix;
	if (m->arch && (!prefix || strncmp(sys->geo->name, prefix, strlen(prefix)) != 0))
		return err_set(err, -EINVAL,
			       "'%s' is of an '%s' machine, the profile '%s' has page tables of %s: name "
			       "a profile that goes with it (-m PROFILE -m %s)",
			       file, m->arch, sys->profile->name, sys->geo->name, file);
	if (m->base_page_bytes && m->base_page_bytes != 1ull << sys->geo->page_shift)
		return err_set(err, -EINVAL, "'%s' has pages of %s, the profile '%s' has not", file,
			       format_size(m->base_page_bytes, bytes, sizeof(bytes)),
			       sys->profile->name);
	return 0;
}

/* The machine that the user has a file of. */
static int exported_topology(struct topology *t, const struct system *sys, const char *file,
			     struct mmr_error *err)
{
	struct machine_export m = {0};
	int rc = hwloc_load(file, &m, err);

	if (rc)
		return rc;
	rc = check_export(&m, sys, file, err);
	if (!rc) {
		topology_copy(t, &m.topology);
		for (unsigned n = 0; n < t->nr_nodes; n++)
			t->node_bytes[n] = align_down(t->node_bytes[n], MEMORY_UNIT);
	}
	machine_export_finish(&m);
	return rc;
}

/* Where nodes, CPUs and memory come from, before the settings that change them. */
static int base_topology(struct system *sys, const struct settings *s,
			 const struct trace_meta *meta, struct topology *ret, struct mmr_error *err)
{
	if (s->topology_file) {
		sys->topology_source = "hwloc";
		return exported_topology(ret, sys, s->topology_file, err);
	}
	sys->topology_source = "trace";
	if (s->system.topology != TOPOLOGY_PROFILE && captured_topology(ret, s, meta)) {
		if (fits_geometry(ret, sys->geo) || s->system.memory_bytes)
			return 0;
		topology_finish(ret);
	}
	sys->topology_source = "profile";
	topology_copy(ret, &sys->profile->topology);
	return 0;
}

static int choose_topology(struct system *sys, const struct settings *s,
			   const struct trace_meta *meta, struct mmr_error *err)
{
	const struct system_config *c = &s->system;
	struct topology base;
	unsigned nodes, cpus;
	uint64_t bytes;
	int rc = base_topology(sys, s, meta, &base, err);

	if (rc)
		return rc;
	if (!c->memory_bytes && !c->nr_nodes && !c->nr_cpus) {
		sys->topology = base;
		return 0;
	}
	sys->topology_source = "settings";
	nodes = c->nr_nodes ? (unsigned)c->nr_nodes : base.nr_nodes;
	cpus = c->nr_cpus ? (unsigned)c->nr_cpus : base.nr_cpus;
	bytes = c->memory_bytes ? c->memory_bytes : topology_bytes(&base);
	topology_init(&sys->topology, nodes, cpus, align_down(bytes, MEMORY_UNIT));
	for (unsigned i = 0; i < nodes * nodes; i++)
		if (i % (nodes + 1))
			sys->topology.distance[i] =
				c->nr_nodes ? (uint32_t)c->remote_distance : base.distance[i];
	topology_finish(&base);
	return 0;
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


/*
 * Lists of folios by age, wherever something may have to be reclaimed: with every access in the trace, or when the user asks
 * for what a trace of faults cannot answer. Elsewhere the memory is that of the captured machine, and its faults say what it
 * reclaimed.
 */
static bool wants_lists(const struct memory *mem, const struct settings *s, const struct trace_meta *meta)
{
	bool demotes = false;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		demotes |= mem->nodes[n] && can_demote(mem, n);
	return demotes || meta->basis == MMR_BASIS_EXACT || s->force || mem->swap || mem->conf.lru_per_zone ||
	       mem->lru_policy;
}

/* What moves pages between nodes, as far as it is switched on. */
static void start_numa(struct memory *mem)
{
	if (mem->conf.reclaim_policy == RECLAIM_MGLRU)
		lru_gen_setup(mem, (unsigned)mem->conf.lru_gen_caps | LRU_GEN_CORE,
			      mem->conf.lru_gen_min_ttl_ms * 1000000);
	numa_balancing_setup(mem);
}

/* A node that the machine has not is an error, as for memory policies. */
static int check_devices(const struct system *sys, const struct settings *s, struct mmr_error *err)
{
	unsigned nr = sys->topology.nr_nodes;

	if (s->mm.dma_node >= nr)
		return err_set(err, -EINVAL, "dma.node is %u, but the machine has %u node%s", (unsigned)s->mm.dma_node,
			       nr, nr == 1 ? "" : "s");
	for (unsigned i = 0; i < sys->profile->nr_devices; i++)
		if (sys->profile->device[i].node >= nr)
			return err_set(err, -EINVAL, "device '%.60s' of the machine is on node %u, but there are %u",
				       sys->profile->device[i].name, sys->profile->device[i].node, nr);
	return 0;
}

/* Lists of zones are those of kernels that had neither groups on them nor generations. */
static int check_lists(const struct settings *s, struct mmr_error *err)
{
	if (!s->mm.lru_per_zone)
		return 0;
	if (cgroups_wanted(&s->memcg, &s->cgroups))
		return err_set(err, -EINVAL, "kernel.lru_per_zone does not go together with memory cgroups");
	if (s->mm.reclaim_policy == RECLAIM_MGLRU)
		return err_set(err, -EINVAL, "kernel.lru_per_zone does not go together with reclaim.policy=mglru");
	return 0;
}

static void add_devices(struct system *sys)
{
	for (unsigned i = 0; i < sys->profile->nr_devices; i++) {
		const struct machine_device *d = &sys->profile->device[i];

		dma_add_device(sys->mem, d->id, d->name, d->mask_bits, d->node);
	}
}

/*
 * The pools of huge pages. A trace that says nothing of pools, with none set by the user, was captured by an older mmreplay:
 * what its program mapped was there, so each pool may grow as it is wanted.
 */
static int create_hugetlb(struct memory *mem, const struct trace_meta *meta, struct mmr_error *err)
{
	bool any = false;
	int rc;

	hugetlb_create(mem);
	rc = hugetlb_setup(mem, err);
	for (unsigned i = 0; i < HUGETLB_SIZES; i++)
		any |= mem->conf.hugetlb_nr[i] || mem->conf.hugetlb_overcommit[i];
	for (unsigned i = 0; i < mem->hugetlb->nr_hstates && !any && !trace_meta_get(meta, "memory/hugetlb"); i++)
		mem->hugetlb->hstates[i].nr_overcommit_huge_pages = UINT32_MAX;
	return rc;
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
		.node_start = t->node_start,
		.nr_cpus = t->nr_cpus,
		.cpu_node = t->cpu_node,
		.distance = t->distance,
	};
	int rc = memory_create(&desc, &sys->mem, err);

	if (rc)
		return rc;
	sys->pressure = pressure_create(sys->mem);
	writeback_create(sys->mem);
	rc = swap_create(sys->mem, err);
	if (rc)
		return rc;
	sys->mem->tlb = create_tlb(sys, s, meta);
	sys->mem->ktouch = s->mm.ktouch && !sys->mem->tlb->off ? &ktouch_tlb : NULL;
	dma_create(sys->mem);
	rc = create_hugetlb(sys->mem, meta, err);
	if (rc)
		return rc;
	rc = start_state_apply(sys->mem, &s->fragmentation, &s->state_files, meta, err);
	if (rc)
		return rc;
	start_numa(sys->mem);
	if (wants_lists(sys->mem, s, meta))
		lru_enable(sys->mem);
	if (meta->basis == MMR_BASIS_EXACT && s->mm.thp_count_touched)
		folio_touched_enable(sys->mem);
	add_devices(sys);
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
	rc = choose_topology(sys, s, meta, err);
	if (!rc)
		rc = topology_validate(&sys->topology, err);
	if (!rc)
		rc = check_devices(sys, s, err);
	if (!rc)
		rc = check_lists(s, err);
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

		numa_balancing_finish(sys->mem);
		pressure_destroy(sys->pressure);
		writeback_destroy(sys->mem);
		swap_destroy(sys->mem);
		oom_finish(sys->mem);
		dma_destroy(sys->mem);
		lru_disable(sys->mem);
		lru_gen_teardown(sys->mem);
		compaction_destroy(sys->mem);
		hugetlb_destroy(sys->mem);
		folio_touched_finish(sys->mem);
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

	if (!dma_consistent(sys->mem, why) || !memcg_consistent(sys->mem, why))
		ok = false;
	if (!filemap_consistent(sys->mem, why) || !writeback_consistent(sys->mem, why))
		ok = false;
	if (!swap_consistent(sys->mem, why))
		ok = false;
	if (!page_table_check(sys->mem, why))
		ok = false;
	if (!hugetlb_consistent(sys->mem, why) || !thp_consistent(sys->mem, why))
		ok = false;
	if (!compaction_consistent(sys->mem, why))
		ok = false;
	if (!lru_consistent(sys->mem)) {
		ok = false;
		strbuf_addstr(why, "lists of folios by age contradict themselves\n");
	}
	if (sys->mem->lru_policy && !sys->mem->lru_policy->consistent(sys->mem, why))
		ok = false;
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
