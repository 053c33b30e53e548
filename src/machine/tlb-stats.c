/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Sums of what the TLBs counted, and the laws that they obey. */
#include <string.h>

#include "base/bug.h"
#include "machine/tlb.h"

static void add_level(const struct tlb_system *sys, const struct tlb_counts *c, struct tlb_level_stats *size,
		      struct tlb_level_stats *total)
{
	for (unsigned class = 0; class <= sys->nr_classes; class++) {
		uint64_t hits = c->hits[class], misses = c->misses[class];

		total->accesses += hits + misses;
		total->hits += hits;
		total->misses += misses;
		if (class == sys->nr_classes)
			break;
		size[class / sys->nr_nodes].accesses += hits + misses;
		size[class / sys->nr_nodes].hits += hits;
		size[class / sys->nr_nodes].misses += misses;
	}
}

static void add_evictions(const uint64_t *evictions, struct tlb_level_stats *size, struct tlb_level_stats *total)
{
	for (unsigned i = 0; i < MAX_PAGE_SIZES; i++) {
		size[i].evictions += evictions[i];
		total->evictions += evictions[i];
	}
}

static void add_stream(const struct tlb_cpu *cpu, const struct tlb_stream_counts *s, struct tlb_stream_stats *ret)
{
	for (unsigned l = 0; l < NR_TLB_LEVELS; l++) {
		add_level(cpu->sys, &s->level[l], ret->size[l], &ret->total[l]);
		add_evictions(s->evictions[l], ret->size[l], &ret->total[l]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(s->failed); i++)
		ret->failed[i] += s->failed[i];
	for (unsigned i = 0; i < MAX_PAGE_SIZES; i++)
		ret->walks[i] += s->walks[i];
	ret->walks_failed += s->walks_failed;
	ret->walks_dirty += s->walks_dirty;
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++) {
		ret->walk_refs[l] += s->walk_refs[l];
		ret->walk_cache_hits[l] += s->walk_cache_hits[l];
	}
}

static void init_stats(const struct tlb_system *sys, struct tlb_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->nr_sizes = sys->nr_sizes;
	ret->nr_levels = sys->geo->nr_levels;
	memcpy(ret->page_shift, sys->page_shift, sizeof(ret->page_shift));
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		ret->has_l2[s] = sys->hw.level[TLB_L2][s].nr_arrays || sys->hw.l2_shared;
}

void tlb_stats(const struct tlb_system *sys, int only, struct tlb_stats *ret)
{
	init_stats(sys, ret);
	for (unsigned i = 0; i < sys->nr_cpus; i++) {
		const struct tlb_cpu *cpu = sys->cpu[i];

		if (!cpu || (only >= 0 && (unsigned)only != i))
			continue;
		for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
			add_stream(cpu, &cpu->stream[s].counts, &ret->stream[s]);
		ret->reads += cpu->nr_reads;
		ret->writes += cpu->nr_writes;
		ret->splits += cpu->nr_splits;
		ret->flush_one += cpu->nr_flush_one;
		ret->flush_asid += cpu->nr_flush_asid;
		ret->flush_all += cpu->nr_flush_all;
	}
}

void tlb_kernel_stats(const struct tlb_system *sys, int only, struct tlb_stats *ret)
{
	init_stats(sys, ret);
	for (unsigned i = 0; i < sys->nr_cpus; i++) {
		const struct tlb_cpu *cpu = sys->cpu[i];

		if (!cpu || !cpu->kernel.counters || (only >= 0 && (unsigned)only != i))
			continue;
		for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
			add_stream(cpu, &cpu->kernel.stream[s], &ret->stream[s]);
		ret->reads += cpu->kernel.nr_reads;
		ret->writes += cpu->kernel.nr_writes;
		ret->splits += cpu->kernel.nr_splits;
	}
}

void tlb_stream_matrix(const struct tlb_system *sys, enum tlb_stream stream, const uint16_t *cpu_node,
		       uint64_t *matrix)
{
	for (unsigned i = 0; i < sys->nr_cpus; i++) {
		const struct tlb_counts *l1 = sys->cpu[i] ? &sys->cpu[i]->stream[stream].level[TLB_L1] : NULL;

		for (unsigned class = 0; l1 && class < sys->nr_classes; class++)
			matrix[cpu_node[i] * sys->nr_nodes + class % sys->nr_nodes] +=
				l1->hits[class] + l1->misses[class];
	}
}

void tlb_access_matrix(const struct tlb_system *sys, const uint16_t *cpu_node, uint64_t *matrix)
{
	tlb_stream_matrix(sys, TLB_DATA, cpu_node, matrix);
	tlb_stream_matrix(sys, TLB_INSN, cpu_node, matrix);
}

void tlb_walk_matrix(const struct tlb_system *sys, const uint16_t *cpu_node, uint64_t *matrix)
{
	for (unsigned i = 0; i < sys->nr_cpus; i++)
		for (unsigned s = 0; sys->cpu[i] && s < NR_TLB_STREAMS; s++)
			for (unsigned n = 0; n < sys->nr_nodes; n++)
				matrix[cpu_node[i] * sys->nr_nodes + n] += sys->cpu[i]->stream[s].walk_nodes[n];
}

static bool stream_obeys(const struct tlb_stream_stats *st)
{
	uint64_t walks = 0, failed = 0;

	for (unsigned i = 0; i < MAX_PAGE_SIZES; i++)
		walks += st->walks[i];
	for (size_t i = 0; i < ARRAY_SIZE(st->failed); i++)
		failed += st->failed[i];
	return st->total[TLB_L1].misses == st->total[TLB_L2].accesses &&
	       st->total[TLB_L2].misses == walks + failed;
}

/* The laws of one side: `touches` are what it was asked for. */
static bool side_obeys(const struct tlb_cpu *cpu, const struct tlb_stream_counts *data,
		       const struct tlb_stream_counts *insn, uint64_t touches)
{
	struct tlb_stream_stats st[NR_TLB_STREAMS] = {0};

	add_stream(cpu, data, &st[TLB_DATA]);
	add_stream(cpu, insn, &st[TLB_INSN]);
	return stream_obeys(&st[TLB_DATA]) && stream_obeys(&st[TLB_INSN]) &&
	       touches == st[TLB_DATA].total[TLB_L1].accesses + st[TLB_INSN].total[TLB_L1].accesses;
}

static bool cpu_obeys(const struct tlb_cpu *cpu)
{
	const struct tlb_side *k = &cpu->kernel;

	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		if (!tlb_cache_consistent(&cpu->stream[s].l1) ||
		    (cpu->l2[s].entry && !tlb_cache_consistent(&cpu->l2[s])))
			return false;
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		if (cpu->walk_cache[l].entry && !tlb_cache_consistent(&cpu->walk_cache[l]))
			return false;
	if (k->counters && !side_obeys(cpu, &k->stream[TLB_DATA], &k->stream[TLB_INSN], k->nr_reads + k->nr_writes))
		return false;
	return side_obeys(cpu, &cpu->stream[TLB_DATA].counts, &cpu->stream[TLB_INSN].counts,
			  cpu->nr_reads + cpu->nr_writes);
}

bool tlb_consistent(const struct tlb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_cpus; i++)
		if (sys->cpu[i] && !cpu_obeys(sys->cpu[i]))
			return false;
	return true;
}
