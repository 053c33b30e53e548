/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory under pressure: see pressure.h. */
#include "sim/pressure.h"

#include <stdlib.h>

#include "base/bug.h"
#include "mm/compaction.h"
#include "mm/demotion.h"
#include "mm/filemap.h"
#include "mm/oom_kill.h"
#include "mm/quicklist.h"
#include "mm/shrinker.h"
#include "mm/slab.h"

/* What direct reclaim tries to free at a time, SWAP_CLUSTER_MAX of the kernel */
#define SWAP_CLUSTER_MAX 32u

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

static const struct shrinker shrinkers[] = {
	{.name = "quicklists", .count = count_quicklists, .scan = scan_quicklists},
	{.name = "inodes", .count = inodes_count, .scan = inodes_scan},
	{.name = "slabs", .count = count_slabs, .scan = scan_slabs},
};

struct pressure {
	struct memory *mem;
	struct shrinker shrinkers[ARRAY_SIZE(shrinkers)];
};

static uint64_t try_to_free_pages(struct memory *mem, const struct alloc_request *req)
{
	uint64_t want = 1ull << req->order;

	/* Filesystems' objects only go when the caller may enter a filesystem. */
	if (!(req->gfp & __GFP_FS))
		return 0;
	return shrink_slab(mem, SHRINK_ALL_NODES,
			   want > SWAP_CLUSTER_MAX ? want : SWAP_CLUSTER_MAX);
}

static uint64_t node_reclaim(struct memory *mem, struct pglist_data *pgdat, unsigned order,
			     gfp_t gfp)
{
	uint64_t want = 1ull << order;

	(void)gfp;
	return shrink_slab(mem, (int)pgdat->node_id,
			   want > SWAP_CLUSTER_MAX ? want : SWAP_CLUSTER_MAX);
}

/*
 * Whatever it was woken for, kswapd takes the boost of its node's watermarks away when it is done (balance_pgdat): here at
 * once, since it has no pages to take.
 */
static void wake_kswapd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest)
{
	demotion_wake_kswapd(mem, zone, order, highest);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		zone->zone_pgdat->node_zones[t].watermark_boost = 0;
}

static const struct pressure_ops ops = {
	.try_to_free_pages = try_to_free_pages,
	.node_reclaim = node_reclaim,
	.wake_kswapd = wake_kswapd,
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
	p->mem->pressure = NULL;
	free(p);
}
