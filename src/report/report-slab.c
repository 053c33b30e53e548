/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `slab`: caches that were used, what they cost, and page tables in store.
 *
 *	bytes of the slabs = requested + rounding + tail + free
 *
 * where rounding is what objects have beyond what was asked for, tail what no object fits in (the
 * policy slab keeps its management and colours there), free the places without an object.
 */
#include "mm/quicklist.h"
#include "mm/slab.h"
#include "report/report.h"

struct slab_totals {
	uint64_t caches, active, slabs, pages, allocs, frees, failed, cpu_allocs, locks;
	uint64_t requested_bytes, rounding_bytes, tail_bytes, free_bytes;
};

static void put_waste(json_t *obj, const struct kmem_cache_stats *s, struct slab_totals *sum)
{
	uint64_t rounding = s->active_objs * s->size - s->requested_bytes;
	uint64_t unused = (s->num_objs - s->active_objs) * s->size;

	j_u64(obj, "requested_bytes", s->requested_bytes);
	j_u64(obj, "rounding_bytes", rounding);
	j_u64(obj, "tail_bytes", s->tail_waste_bytes);
	j_u64(obj, "free_bytes", unused);
	sum->requested_bytes += s->requested_bytes;
	sum->rounding_bytes += rounding;
	sum->tail_bytes += s->tail_waste_bytes;
	sum->free_bytes += unused;
}

static void put_counts(json_t *obj, const struct kmem_cache_stats *s)
{
	j_u64(obj, "allocs", s->allocs);
	j_u64(obj, "frees", s->frees);
	j_u64(obj, "failed", s->failed);
	j_u64(obj, "cpu_allocs", s->cpu_hits);
	j_u64(obj, "cpu_frees", s->cpu_frees);
	j_u64(obj, "list_locks", s->list_locks);
	j_u64(obj, "slabs_created", s->slabs_created);
	j_u64(obj, "slabs_destroyed", s->slabs_destroyed);
	j_u64(obj, "order_fallbacks", s->order_fallbacks);
	j_u64(obj, "constructed", s->ctor_runs);
	j_u64(obj, "reinitialized", s->reinits);
}

static json_t *put_cache(const struct kmem_cache *cache, const struct kmem_cache_stats *s,
			 struct slab_totals *sum)
{
	json_t *obj = json_object();

	j_str(obj, "name", kmem_cache_name(cache));
	j_u64(obj, "aliases", s->aliases);
	j_u64(obj, "object_bytes", s->object_size);
	j_u64(obj, "size_bytes", s->size);
	j_u64(obj, "objects_per_slab", s->objperslab);
	j_u64(obj, "pages_per_slab", s->pagesperslab);
	j_u64(obj, "active_objects", s->active_objs);
	j_u64(obj, "total_objects", s->num_objs);
	j_u64(obj, "cpu_objects", s->cpu_objs);
	j_u64(obj, "slabs", s->num_slabs);
	j_u64(obj, "pages", s->num_pages);
	j_u64(obj, "full_slabs", s->node_full);
	j_u64(obj, "partial_slabs", s->node_partial);
	j_u64(obj, "empty_slabs", s->node_empty);
	put_counts(obj, s);
	put_waste(obj, s, sum);
	sum->caches++;
	sum->active += s->active_objs;
	sum->slabs += s->num_slabs;
	sum->pages += s->num_pages;
	sum->allocs += s->allocs;
	sum->frees += s->frees;
	sum->failed += s->failed;
	sum->cpu_allocs += s->cpu_hits;
	sum->locks += s->list_locks;
	return obj;
}

static void put_totals(json_t *obj, const struct slab_totals *sum)
{
	j_u64(obj, "caches", sum->caches);
	j_u64(obj, "active_objects", sum->active);
	j_u64(obj, "slabs", sum->slabs);
	j_u64(obj, "pages", sum->pages);
	j_u64(obj, "allocs", sum->allocs);
	j_u64(obj, "frees", sum->frees);
	j_u64(obj, "failed", sum->failed);
	j_u64(obj, "cpu_allocs", sum->cpu_allocs);
	j_u64(obj, "list_locks", sum->locks);
	j_u64(obj, "requested_bytes", sum->requested_bytes);
	j_u64(obj, "rounding_bytes", sum->rounding_bytes);
	j_u64(obj, "tail_bytes", sum->tail_bytes);
	j_u64(obj, "free_bytes", sum->free_bytes);
}

static void put_large(json_t *obj, const struct slab_system *slabs)
{
	j_u64(obj, "allocs", slabs->large_allocs);
	j_u64(obj, "frees", slabs->large_frees);
	j_u64(obj, "pages", slabs->large_pages);
	j_u64(obj, "requested_bytes", slabs->large_requested_bytes);
}

void report_slab(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *slab = j_object(rep->root, "slab"), *totals, *caches;
	struct slab_totals sum = {0};
	struct kmem_cache_stats s;

	j_str(slab, "policy", slab_policy_name(mem));
	totals = j_object(slab, "totals");
	put_large(j_object(slab, "large"), mem->slab);
	j_u64(slab, "quicklist_pages", quicklist_total_size(mem));
	caches = j_array(slab, "caches");
	for_each_kmem_cache(cache, mem) {
		kmem_cache_stats(cache, &s);
		if (s.allocs || s.failed)
			json_array_append_new(caches, put_cache(cache, &s, &sum));
	}
	put_totals(totals, &sum);
}
