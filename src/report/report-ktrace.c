/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Section `kernel_trace` of a replay of the kernel's own memory, and its part of `mmreplay validate`.
 *
 * What is judged there: allocations by order (all of them must have been served), pages freed without
 * a traced allocation (at most 5 % of those freed), and, where the start state is the captured one,
 * free blocks by order at the end, within 10 % on the orders that hold most of the free pages: the
 * fewest orders, the fullest first, that hold 90 % of them in the kernel's own buddyinfo.
 */
#include <inttypes.h>

#include "base/bug.h"
#include "mm/ageing.h"
#include "report/report.h"
#include "report/validate.h"
#include "sim/replay-kernel.h"

#define MOST_PERMILLE	 900 /* of the free pages: "the orders that hold most" */
#define LISTS_PERMILLE	 100
#define IMPLIED_PERMILLE 50

static const char *const mode_names[] = {
	[KERNEL_AUTO] = "auto", [KERNEL_OFF] = "off", [KERNEL_PAGES] = "pages", [KERNEL_SLAB] = "slab"};
static const char *const type_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "unmovable",     [MIGRATE_MOVABLE] = "movable",
	[MIGRATE_RECLAIMABLE] = "reclaimable", [MIGRATE_HIGHATOMIC] = "highatomic",
	[MIGRATE_CMA] = "cma",		       [MIGRATE_ISOLATE] = "isolate"};

static void put_orders(json_t *obj, const struct kernel_counts *c)
{
	json_t *orders = j_array(obj, "orders");

	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
		json_t *row;

		if (!c->allocs[o] && !c->frees[o])
			continue;
		row = json_object();
		j_u64(row, "order", o);
		j_u64(row, "allocs_traced", c->allocs[o]);
		j_u64(row, "allocs_replayed", c->replayed[o]);
		j_u64(row, "frees_traced", c->frees[o]);
		json_array_append_new(orders, row);
	}
}

static void put_types(json_t *obj, const struct kernel_counts *c)
{
	json_t *types = j_array(obj, "migratetypes");

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		json_t *row;

		if (!c->types[mt])
			continue;
		row = json_object();
		j_str(row, "type", type_names[mt]);
		j_u64(row, "allocs_traced", c->types[mt]);
		j_u64(row, "allocs_replayed", c->types_replayed[mt]);
		json_array_append_new(types, row);
	}
}

static uint64_t implied_pages(const struct kernel_counts *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NR_IMPLIED_ALLOCS; i++)
		sum += c->implied_pages[i];
	return sum;
}

static void put_frees(json_t *obj, const struct kernel_counts *c)
{
	json_t *frees = j_object(obj, "frees"), *implied;

	j_u64(frees, "pages", c->free_pages);
	j_u64(frees, "matched_pages", c->matched_pages);
	j_u64(frees, "whole", c->frees_whole);
	j_u64(frees, "in_parts", c->frees_parts);
	j_u64(frees, "batched", c->batched);
	implied = j_object(frees, "implied_alloc");
	j_u64(implied, "pages", implied_pages(c));
	j_u64(implied, "before_trace", c->implied_pages[IMPLIED_BEFORE]);
	j_u64(implied, "bulk", c->implied_pages[IMPLIED_BULK]);
	j_u64(implied, "unknown", c->implied_pages[IMPLIED_UNKNOWN]);
	j_ratio(implied, "share", implied_pages(c), c->free_pages);
	j_u64(frees, "implied_free_pages", c->implied_free_pages);
}

static void put_pages(json_t *obj, const struct kernel_replay *k)
{
	const struct kernel_counts *c = &k->counts;

	j_str(obj, "start", k->has_frames ? "frames of the trace" : "settings");
	if (!k->has_frames)
		j_str(obj, "start_reason", k->start_reason);
	j_bool(obj, "gfp_bits_in_trace", k->gfp_known);
	j_u64(obj, "alloc_pages", c->alloc_pages);
	put_orders(obj, c);
	put_types(obj, c);
	j_u64(obj, "failed_in_trace", c->alloc_failed_traced);
	j_u64(obj, "failed_in_model", c->alloc_failed);
	j_u64(obj, "orders_beyond_machine", c->bad_orders);
	j_u64(obj, "allocs_of_capture", c->self_allocs);
	put_frees(obj, c);
}

static void put_slab(json_t *obj, const struct kernel_counts *c)
{
	j_u64(obj, "kmallocs", c->kmallocs);
	j_u64(obj, "kfrees", c->kfrees);
	j_u64(obj, "cache_allocs", c->slab_allocs);
	j_u64(obj, "cache_frees", c->slab_frees);
	j_u64(obj, "requested_bytes", c->slab_bytes);
	j_u64(obj, "objects_failed", c->slab_failed);
	j_u64(obj, "objects_unmatched", c->slab_unmatched);
	j_u64(obj, "vmallocs", c->vmallocs);
	j_u64(obj, "vfrees", c->vfrees);
	j_u64(obj, "vmallocs_failed", c->vmalloc_failed);
	j_u64(obj, "vmallocs_unmatched", c->vmalloc_unmatched);
}

void report_kernel_trace(struct report *rep)
{
	const struct kernel_replay *k = rep->r->kernel;
	json_t *obj;

	if (k->mode == KERNEL_OFF)
		return;
	obj = j_object(rep->root, "kernel_trace");
	j_str(obj, "mode", mode_names[k->mode]);
	if (k->mode == KERNEL_PAGES)
		put_pages(obj, k);
	else
		put_slab(obj, &k->counts);
	j_u64(obj, "set_aside_events", k->counts.set_aside);
	json_array_append_new(
		rep->notes,
		json_string(k->mode == KERNEL_PAGES
				    ? "page events of the whole machine were replayed; what programs did "
				      "to their address spaces was not: its pages are among them "
				      "(replay.kernel)"
				    : "slab and vmalloc events of the whole machine were replayed; page "
				      "events and what programs did were not (replay.kernel)"));
}

/* ---- validate ---- */

/* Free blocks of all zones, by order. */
struct list_sums {
	uint64_t kernel[MAX_ORDER_LIMIT], model[MAX_ORDER_LIMIT];
	bool most[MAX_ORDER_LIMIT];
};

static void mark_most(struct list_sums *s)
{
	uint64_t total = 0, held = 0;

	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
		total += s->kernel[o] << o;
	while (held * 1000 < total * MOST_PERMILLE) {
		unsigned best = MAX_ORDER_LIMIT;

		for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
			if (!s->most[o] && (best == MAX_ORDER_LIMIT ||
					    s->kernel[o] << o > s->kernel[best] << best))
				best = o;
		s->most[best] = true;
		held += s->kernel[best] << best;
	}
}

static void sum_lists(const struct free_lists *lists, size_t nr, struct list_sums *s)
{
	*s = (struct list_sums){0};
	for (size_t i = 0; i < nr; i++)
		for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
			/* The model has no more than 2^31 pages; what a text says may be anything. */
			s->kernel[o] += lists[i].kernel.nr_free[o] & INT32_MAX;
			s->model[o] += lists[i].model[o];
		}
	mark_most(s);
}

static void put_figures(json_t *row, uint64_t kernel, uint64_t model, uint64_t allowed, bool judged,
			struct verdict *v)
{
	uint64_t diff = model > kernel ? model - kernel : kernel - model;

	j_u64(row, "kernel", kernel);
	j_u64(row, "model", model);
	j_i64(row, "difference", (int64_t)model - (int64_t)kernel);
	j_bool(row, "judged", judged);
	if (!judged) {
		j_null(row, "allowed");
		j_null(row, "ok");
		return;
	}
	j_u64(row, "allowed", allowed);
	j_bool(row, "ok", diff <= allowed);
	v->compared++;
	v->exact += diff == 0;
	v->failed += diff > allowed;
}

static void put_lists(json_t *obj, const char *key, const struct free_lists *lists, size_t nr,
		      bool judged, struct verdict *v)
{
	json_t *rows = j_array(obj, key);
	struct list_sums s;

	sum_lists(lists, nr, &s);
	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
		json_t *row;

		if (!s.kernel[o] && !s.model[o])
			continue;
		row = json_object();
		j_u64(row, "order", o);
		j_u64(row, "kernel_pages", s.kernel[o] << o);
		j_u64(row, "model_pages", s.model[o] << o);
		put_figures(row, s.kernel[o], s.model[o], s.kernel[o] * LISTS_PERMILLE / 1000,
			    judged && s.most[o], v);
		json_array_append_new(rows, row);
	}
}

static void put_allocs(json_t *obj, const struct kernel_counts *c, struct verdict *v)
{
	json_t *rows = j_array(obj, "allocations");

	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
		json_t *row;

		if (!c->allocs[o])
			continue;
		row = json_object();
		j_u64(row, "order", o);
		put_figures(row, c->allocs[o], c->replayed[o], 0, true, v);
		json_array_append_new(rows, row);
	}
}

void validate_kernel_trace(json_t *root, const struct mmr_replay *r, struct verdict *v)
{
	const struct kernel_replay *k = r->kernel;
	const struct kernel_counts *c = &k->counts;
	bool same_start = k->has_frames || r->mem->ageing;
	uint64_t allowed = c->free_pages * IMPLIED_PERMILLE / 1000;
	json_t *obj, *implied;

	if (k->mode != KERNEL_PAGES)
		return;
	obj = j_object(root, "kernel_trace");
	j_str(obj, "start", k->has_frames ? "frames of the trace" : "settings");
	put_allocs(obj, c, v);
	j_u64(obj, "freed_pages", c->free_pages);
	j_u64(obj, "matched_pages", c->matched_pages);
	implied = j_object(obj, "implied_alloc");
	j_u64(implied, "pages", implied_pages(c));
	j_ratio(implied, "share", implied_pages(c), c->free_pages);
	j_u64(implied, "allowed", allowed);
	j_bool(implied, "ok", implied_pages(c) <= allowed);
	v->compared++;
	v->failed += implied_pages(c) > allowed;
	put_lists(obj, "free_lists_at_start", k->start.data, k->start.nr, false, v);
	put_lists(obj, "free_lists_at_end", k->end.data, k->end.nr, same_start, v);
}
