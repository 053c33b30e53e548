/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The sections `tlb` and `cost`: what depends on every access. */
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "report/report.h"

static const char *const stream_names[NR_TLB_STREAMS] = {
	[TLB_DATA] = "data", [TLB_INSN] = "instruction"};
static const char *const level_names[NR_TLB_LEVELS] = {"l1", "l2"};

static const char *size_name(unsigned shift, char *buf, size_t size)
{
	return format_size(1ull << shift, buf, size);
}

static void put_level(json_t *parent, const char *key, const struct tlb_level_stats *s)
{
	json_t *obj = j_object(parent, key);

	j_u64(obj, "accesses", s->accesses);
	j_u64(obj, "hits", s->hits);
	j_u64(obj, "misses", s->misses);
	j_u64(obj, "evictions", s->evictions);
	j_ratio(obj, "miss_ratio", s->misses, s->accesses);
}

static void put_sizes(json_t *parent, const char *key, const struct tlb_stats *st,
		      const uint64_t *values)
{
	json_t *obj = j_object(parent, key);
	char name[24];

	for (unsigned i = 0; i < st->nr_sizes; i++)
		j_u64(obj, size_name(st->page_shift[i], name, sizeof(name)), values[i]);
}

static void put_table_levels(json_t *parent, const char *key, const struct geometry *geo,
			     const uint64_t *values, unsigned first)
{
	json_t *obj = j_object(parent, key);

	for (unsigned i = first; i < geo->nr_levels; i++)
		j_u64(obj, geo->level[i].name, values[i]);
}

static void put_stream(json_t *tlb, enum tlb_stream stream, const struct tlb_stats *st,
		       const struct geometry *geo)
{
	const struct tlb_stream_stats *s = &st->stream[stream];
	json_t *obj = j_object(tlb, stream_names[stream]);
	char name[24];

	for (unsigned level = 0; level < NR_TLB_LEVELS; level++) {
		json_t *l;

		if (level == TLB_L2 && !st->has_l2[stream])
			continue;
		l = j_object(obj, level_names[level]);
		for (unsigned i = 0; i < st->nr_sizes; i++)
			put_level(l, size_name(st->page_shift[i], name, sizeof(name)),
				  &s->size[level][i]);
		put_level(l, "total", &s->total[level]);
	}
	put_sizes(obj, "walks", st, s->walks);
	j_u64(obj, "walks_failed", s->walks_failed);
	j_u64(obj, "walks_dirty", s->walks_dirty);
	put_table_levels(obj, "walk_references", geo, s->walk_refs, 0);
	put_table_levels(obj, "walk_cache_hits", geo, s->walk_cache_hits, 1);
}

/* Estimated cycles beside what a first-level hit costs. */
static void report_cost(struct report *rep, const struct tlb_stats *st)
{
	const struct machine_cost *c = &rep->r->sys->profile->cost;
	json_t *cost = j_object(rep->root, "cost");
	uint64_t l2_hits = 0, refs = 0;

	for (unsigned stream = 0; stream < NR_TLB_STREAMS; stream++) {
		const struct tlb_stream_stats *s = &st->stream[stream];

		l2_hits += s->total[TLB_L2].hits;
		for (unsigned i = 0; i < GEOMETRY_MAX_LEVELS; i++)
			refs += s->walk_refs[i];
	}
	j_u64(cost, "l2_tlb_hit_cycles", l2_hits * c->l2_tlb_hit_cycles);
	j_u64(cost, "walk_cycles", refs * c->walk_reference_cycles);
	j_u64(cost, "translation_cycles",
	      l2_hits * c->l2_tlb_hit_cycles + refs * c->walk_reference_cycles);
	j_ratio(cost, "translation_cycles_per_touch",
		l2_hits * c->l2_tlb_hit_cycles + refs * c->walk_reference_cycles,
		st->reads + st->writes);
	report_memory_cost(rep, cost);
}

/* The kernel's own touches, which none of the figures beside contains. */
static void put_kernel_side(struct report *rep, json_t *tlb)
{
	const struct memory *mem = rep->r->mem;
	struct tlb_stats st;
	json_t *kernel;

	if (!mem->ktouch) {
		report_null(rep, tlb, "kernel", "tlb.kernel", "kernel.touches is off");
		return;
	}
	tlb_kernel_stats(mem->tlb, -1, &st);
	kernel = j_object(tlb, "kernel");
	j_u64(kernel, "reads", st.reads);
	j_u64(kernel, "writes", st.writes);
	for (unsigned stream = 0; stream < NR_TLB_STREAMS; stream++)
		put_stream(kernel, stream, &st, rep->r->sys->geo);
}

void report_tlb(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	const char *reason = report_no_accesses(rep->r);
	struct tlb_stats st;
	json_t *tlb, *flushes;

	if (reason) {
		report_null(rep, rep->root, "tlb", "tlb", reason);
		report_null(rep, rep->root, "cost", "cost", reason);
		return;
	}
	tlb_stats(mem->tlb, -1, &st);
	tlb = j_object(rep->root, "tlb");
	j_u64(tlb, "reads", st.reads);
	j_u64(tlb, "writes", st.writes);
	j_u64(tlb, "splits", st.splits);
	for (unsigned stream = 0; stream < NR_TLB_STREAMS; stream++)
		put_stream(tlb, stream, &st, rep->r->sys->geo);
	flushes = j_object(tlb, "flushes");
	j_u64(flushes, "one", st.flush_one);
	j_u64(flushes, "asid", st.flush_asid);
	j_u64(flushes, "all", st.flush_all);
	put_kernel_side(rep, tlb);
	report_cost(rep, &st);
}
