/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Swap areas, and who names their slots: see swapfile.h. */
#include "mm/seeded_bug.h"
#include "mm/swapfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mm/deferred_split.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swapfile-internal.h"
#include "mm/vmalloc.h"
#include "mm/writeback.h"
#include "mm/zspool.h"
#include "mm/zswap.h"

/* Of the kernel: a cluster's lock, count, lists and table; slots of a cluster where huge pages cannot be swapped whole. */
#define SWAP_CLUSTER_INFO_BYTES	32u
#define SWAP_CLUSTER_SHIFT_SMALL 8u

/* ---- areas ---- */

static void area_free(struct swap_info_struct *si)
{
	if (!si)
		return;
	zspool_destroy(si->zspool);
	free(si->map);
	free(si->table);
	free(si->clusters);
	free(si);
}

/* Its map, the clusters and a bit a slot for pages that are zero: vzalloc() and kvmalloc() of the kernel. */
static bool charge_kernel(struct swap_info_struct *si)
{
	struct memory *mem = si->sys->mem;
	const uint64_t bytes[] = {si->max, (uint64_t)nr_clusters(si) * SWAP_CLUSTER_INFO_BYTES, si->max / 8 + 8};

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		si->kernel_objects[i] = vmalloc(mem, bytes[i], GFP_KERNEL, NUMA_NO_NODE);
		if (!si->kernel_objects[i]) {
			while (i-- > 0)
				vfree(mem, si->kernel_objects[i]);
			return false;
		}
	}
	return true;
}

/* In the order of priorities, behind those of its own. */
static void add_avail(struct swap_system *sys, struct swap_info_struct *si)
{
	struct list_head *pos;

	list_for_each(pos, &sys->avail)
		if (list_entry(pos, struct swap_info_struct, avail)->prio < si->prio)
			break;
	list_add_tail(&si->avail, pos);
}

static int next_priority(const struct swap_system *sys)
{
	int least = -1;

	for (unsigned i = 0; i < sys->nr_info; i++)
		if (sys->info[i]->prio < least)
			least = sys->info[i]->prio;
	return least - 1;
}

static struct swap_info_struct *area_new(struct swap_system *sys, const struct swap_area_desc *desc)
{
	struct swap_info_struct *si = xcalloc(1, sizeof(*si));

	si->sys = sys;
	si->type = sys->nr_info;
	si->kind = desc->kind;
	si->prio = desc->prio < 0 ? next_priority(sys) : desc->prio;
	si->max = (uint32_t)(desc->size_bytes >> sys->mem->geo->page_shift);
	si->pages = si->max - 1;
	si->map = xcalloc(si->max, sizeof(*si->map));
	si->table = xcalloc(si->max, sizeof(*si->table));
	si->clusters = xcalloc(nr_clusters(si), sizeof(*si->clusters));
	si->map[0] = SWAP_MAP_BAD;
	if (si->kind == SWAP_ZRAM)
		si->zspool = zspool_create(sys->mem, si->max);
	swap_setup_clusters(si);
	list_init(&si->avail);
	return si;
}

int swapon(struct memory *mem, const struct swap_area_desc *desc, struct mmr_error *err)
{
	struct swap_system *sys = mem->swap;
	uint64_t slots = desc->size_bytes >> mem->geo->page_shift;
	struct swap_info_struct *si;

	if (sys->nr_info == MAX_SWAPFILES)
		return err_set(err, -EPERM, "more than %u swap areas", MAX_SWAPFILES);
	if (slots < 2 || slots >= 1ull << SWP_OFFSET_BITS)
		return err_set(err, -EINVAL, "swap area of %" PRIu64 " bytes: between 2 and 2^%u pages are possible",
			       desc->size_bytes, SWP_OFFSET_BITS);
	si = area_new(sys, desc);
	if (!charge_kernel(si)) {
		area_free(si);
		return err_set(err, -ENOMEM, "no memory for the kernel's map of a swap area of %" PRIu64 " bytes",
			       desc->size_bytes);
	}
	sys->info[sys->nr_info++] = si;
	sys->nr_rotate += is_rotating(si);
	mem->nr_swap_pages += si->pages;
	mem->total_swap_pages += si->pages;
	add_avail(sys, si);
	return 0;
}

/* Machines whose kernels can swap huge pages whole (CONFIG_THP_SWAP) have clusters as large as these. */
static unsigned cluster_shift(const struct memory *mem)
{
	const struct geometry *geo = mem->geo;
	bool thp_swap = geo->va_bits > 32 && geo->level[1].may_leaf && geo->level[0].bits < MAX_ORDER_LIMIT;

	return thp_swap ? geo->level[0].bits : SWAP_CLUSTER_SHIFT_SMALL;
}

void swap_system_create(struct memory *mem)
{
	struct swap_system *sys = xcalloc(1, sizeof(*sys));

	sys->mem = mem;
	sys->cluster_shift = cluster_shift(mem);
	sys->percpu = xcalloc((size_t)mem->nr_cpus * MAX_ORDER_LIMIT, sizeof(*sys->percpu));
	sys->ra_hits = 4;
	list_init(&sys->avail);
	mem->swap = sys;
	mem->page_swap = xcalloc(mem->max_pfn, sizeof(*mem->page_swap));
}

int swap_create(struct memory *mem, struct mmr_error *err)
{
	int rc = 0;

	if (!mem->conf.swap_areas[0])
		return 0;
	swap_system_create(mem);
	for (unsigned i = 0; i < CONFIG_MAX_AREAS && mem->conf.swap_areas[i] && !rc; i++) {
		uint64_t value = mem->conf.swap_areas[i];
		struct swap_area_desc desc = {
			.size_bytes = config_area_bytes(value),
			.prio = config_area_prio(value),
			.kind = (enum swap_kind)config_area_kind(value),
		};

		rc = swapon(mem, &desc, err);
	}
	if (!rc && mem->conf.zswap)
		mem->swap->zswap = zswap_create(mem);
	return rc;
}

void swap_destroy(struct memory *mem)
{
	struct swap_system *sys = mem->swap;

	if (!sys)
		return;
	zswap_destroy(sys->zswap);
	for (unsigned i = 0; i < sys->nr_info; i++)
		area_free(sys->info[i]);
	free(sys->percpu);
	free(sys);
	free(mem->page_swap);
	mem->page_swap = NULL;
	mem->swap = NULL;
	mem->total_swap_pages = 0;
	mem->nr_swap_pages = 0;
}

/* ---- counts ---- */

/* Nothing names them: what was kept for them goes too. */
static void slots_free(struct swap_info_struct *si, uint32_t offset, unsigned nr)
{
	struct memory *mem = si->sys->mem;
	swp_entry_t entry = swp_entry(si->type, offset);

	for (unsigned i = 0; i < nr; i++) {
		si->table[offset + i] = 0;
		if (si->zspool)
			zspool_free(si->zspool, offset + i);
	}
	if (si->sys->zswap)
		zswap_invalidate(si->sys->zswap, entry, nr);
	if (unlikely(mem->page_memcg))
		mem_cgroup_uncharge_swap(mem, entry.val, nr);
	swap_entries_free(si, offset, nr);
}

/* Frees those of nr slots whose map is 0, run by run. */
static void free_unused(struct swap_info_struct *si, uint32_t offset, unsigned nr)
{
	for (unsigned i = 0, run; i < nr; i += run ? run : 1) {
		for (run = 0; i + run < nr && !si->map[offset + i + run]; run++)
			;
		if (run)
			slots_free(si, offset + i, run);
	}
}

void swap_dup_nr(struct memory *mem, swp_entry_t entry, unsigned nr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t offset = swp_offset(entry);

	for (unsigned i = 0; i < nr; i++) {
		BUG_ON(!si->map[offset + i] || si->map[offset + i] & SWAP_MAP_BAD);
		si->map[offset + i] += !SEEDED_BUG(mem, SWAP_DUP);
	}
}

void swap_free_nr(struct memory *mem, swp_entry_t entry, unsigned nr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t offset = swp_offset(entry);

	for (unsigned i = 0; i < nr; i++) {
		BUG_ON(!(si->map[offset + i] & SWAP_MAP_COUNT));
		si->map[offset + i] -= !SEEDED_BUG(mem, SWAP_FREE);
	}
	free_unused(si, offset, nr);
}

void free_swap_and_cache_nr(struct memory *mem, swp_entry_t entry, unsigned nr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t offset = swp_offset(entry), end = offset + nr;

	swap_free_nr(mem, entry, nr);
	while (offset < end) {
		unsigned done = si->map[offset] == SWAP_HAS_CACHE ? try_to_reclaim_swap(si, offset, true) : 0;

		offset += done ? done : 1;
	}
}

bool swapcache_prepare(struct memory *mem, swp_entry_t entry, unsigned nr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t *map = &si->map[swp_offset(entry)];

	for (unsigned i = 0; i < nr; i++)
		if (!map[i] || map[i] & (SWAP_HAS_CACHE | SWAP_MAP_BAD))
			return false;
	for (unsigned i = 0; i < nr; i++)
		map[i] |= SWAP_HAS_CACHE;
	return true;
}

void swapcache_clear(struct memory *mem, swp_entry_t entry, unsigned nr)
{
	struct swap_info_struct *si = swp_info(mem, entry);
	uint32_t offset = swp_offset(entry);

	for (unsigned i = 0; i < nr; i++) {
		BUG_ON(!(si->map[offset + i] & SWAP_HAS_CACHE));
		si->map[offset + i] &= ~SWAP_HAS_CACHE;
	}
	free_unused(si, offset, nr);
}

/* ---- folios ---- */

bool folio_swapped(const struct memory *mem, pfn_t head)
{
	swp_entry_t entry = page_swap_entry(mem, head);
	unsigned nr = 1u << page_order(pfn_to_page(mem, head));

	for (unsigned i = 0; i < nr; i++)
		if (swap_count(mem, (swp_entry_t){ entry.val + i }))
			return true;
	return false;
}

bool folio_alloc_swap(struct memory *mem, pfn_t head)
{
	unsigned order = page_order(pfn_to_page(mem, head));
	swp_entry_t entry = { 0 };

	if (!mem->swap || order > mem->swap->cluster_shift)
		return false;
	/* Clusters of 256 slots mean a kernel that does not swap large folios whole. */
	if (!order || mem->swap->cluster_shift != SWAP_CLUSTER_SHIFT_SMALL)
		entry = swap_alloc_slots(mem, order);
	if (!entry.val) {
		mem->swap->nr_full++;
		mem_cgroup_swap_failed(mem, head);
		return false;
	}
	if (!mem_cgroup_try_charge_swap(mem, head, entry.val)) {
		swapcache_clear(mem, entry, 1u << order);
		return false;
	}
	swap_cache_add_folio(mem, head, entry);
	return true;
}

static bool swapcache_freeable(const struct page *page)
{
	return (page->flags & (PG_SWAPCACHE | PG_WRITEBACK)) == PG_SWAPCACHE;
}

bool folio_free_swap(struct memory *mem, pfn_t head)
{
	if (!swapcache_freeable(pfn_to_page(mem, head)) || folio_swapped(mem, head))
		return false;
	swap_cache_del_folio(mem, head, 0);
	folio_mark_dirty(mem, head);
	return true;
}

void __free_swap_cache(struct memory *mem, pfn_t head)
{
	if (!folio_mapped(mem, head))
		folio_free_swap(mem, head);
}

/* Is swap full, for the machine or for the folio's group? */
bool mem_cgroup_swap_full(const struct memory *mem, pfn_t head)
{
	return vm_swap_full(mem) || (unlikely(mem->page_memcg) && mem_cgroup_swap_half_full(mem, head));
}

unsigned try_to_reclaim_swap(struct swap_info_struct *si, uint32_t offset, bool unmapped_or_full)
{
	struct memory *mem = si->sys->mem;
	pfn_t head = swap_cache_get_folio(mem, swp_entry(si->type, offset));
	unsigned nr;

	if (head == PFN_NONE)
		return 0;
	if (unmapped_or_full && folio_mapped(mem, head) && !mem_cgroup_swap_full(mem, head))
		return 0;
	nr = 1u << page_order(pfn_to_page(mem, head));
	get_page(mem, head);
	if (!folio_free_swap(mem, head))
		nr = 0;
	put_page(mem, head);
	return nr;
}
