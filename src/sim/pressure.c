/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory under pressure: see pressure.h. */
#include "sim/pressure.h"

#include <stdlib.h>

#include "base/bug.h"
#include "mm/compaction.h"
#include "mm/filemap.h"
#include "mm/oom_kill.h"
#include "mm/huge_memory.h"
#include "mm/quicklist.h"
#include "mm/shrinker.h"
#include "mm/slab.h"
#include "mm/split_folio.h"
#include "mm/vmscan.h"

static uint64_t count_quicklists(struct memory *mem, int nid)
{
	(void)nid;
	return quicklist_total_size(mem);
}

static uint64_t scan_quicklists(struct memory *mem, int nid, uint64_t nr_pages)
{
	(void)nr_pages;	/* all of them: they serve nobody now */
	return quicklist_drain(mem, nid);
}

static uint64_t count_slabs(struct memory *mem, int nid)
{
	(void)nid;
	return mem->slab->nr_caches;
}

static uint64_t scan_slabs(struct memory *mem, int nid, uint64_t nr_pages)
{
	(void)nr_pages;
	return slab_reap_pressure(mem, nid);
}

static uint64_t count_deferred_split(struct memory *mem, int nid)
{
	return deferred_split_count(mem, nid, 0);
}

static uint64_t scan_deferred_split(struct memory *mem, int nid, uint64_t nr)
{
	return deferred_split_scan(mem, nid, 0, nr);
}

static const struct shrinker shrinkers[] = {
	{.name = "quicklists", .count = count_quicklists, .scan = scan_quicklists},
	{.name = "inodes", .count = inodes_count, .scan = inodes_scan, .needs_fs = true},
	{.name = "huge_zero_page", .count = huge_zero_count, .scan = huge_zero_scan},
	{.name = "deferred_split", .count = count_deferred_split, .scan = scan_deferred_split,
	 .count_memcg = deferred_split_count, .scan_memcg = deferred_split_scan},
	{.name = "slabs", .count = count_slabs, .scan = scan_slabs},
};

struct pressure {
	struct memory *mem;
	struct shrinker shrinkers[ARRAY_SIZE(shrinkers)];
};

/* Limits of groups: who charges asks, whatever it may swap. */
static uint64_t reclaim_memcg(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp, bool may_swap)
{
	return try_to_free_mem_cgroup_pages(mem, memcg, nr_pages, gfp, may_swap ? MEMCG_RECLAIM_MAY_SWAP : 0,
					    SWAPPINESS_DEFAULT);
}

static const struct pressure_ops ops = {
	.try_to_free_pages = try_to_free_pages,
	.reclaim_memcg = reclaim_memcg,
	.node_reclaim = node_reclaim_pages,
	.zone_reclaimable_pages = zone_reclaimable_pages,
	.wake_kswapd = wakeup_kswapd,
	.out_of_memory = oom_kill_for_alloc,
	.memcg_oom = oom_kill_for_memcg,
	.try_to_compact_pages = try_to_compact_pages,
	.compaction_zonelist_suitable = compaction_zonelist_suitable,
	.wake_kcompactd = wakeup_kcompactd,
};

struct pressure *pressure_create(struct memory *mem)
{
	struct pressure *p = xcalloc(1, sizeof(*p));

	p->mem = mem;
	for (size_t i = 0; i < ARRAY_SIZE(shrinkers); i++) {
		p->shrinkers[i] = shrinkers[i];
		shrinker_register(mem, &p->shrinkers[i]);
	}
	mem->pressure = &ops;
	return p;
}

void pressure_destroy(struct pressure *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(shrinkers); i++)
		shrinker_unregister(&p->shrinkers[i]);
	oom_finish(p->mem);
	p->mem->pressure = NULL;
	free(p);
}
