/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Choosing slots: see swapfile.h. Kernel counterpart: mm/swapfile.c (cluster_alloc_swap_entry and around it) of 6.18.
 *
 * A cluster is on one list of its area:
 *
 *	free		no slot in use
 *	nonfull[order]	has got free slots since it was last searched
 *	frag[order]	was searched, and some slots were free
 *	full		none is free
 *
 * A cluster serves runs of the order it was begun with, and single slots when there is nothing else. A CPU (on areas that
 * rotate: everybody) goes on behind the run it took last.
 */
#include "mm/page_alloc.h"
#include "mm/swapfile-internal.h"

#define SWAP_OFFSET_NONE 0u

static struct percpu_swap_cluster *this_cpu(const struct swap_system *sys, unsigned order)
{
	return &sys->percpu[sys->mem->cpu * MAX_ORDER_LIMIT + order];
}

/* ---- lists ---- */

static struct list_head *cluster_list(struct swap_info_struct *si, unsigned order, enum swap_cluster_state state)
{
	switch (state) {
	case CLUSTER_FREE:
		return &si->free_clusters;
	case CLUSTER_NONFULL:
		return &si->nonfull_clusters[order];
	case CLUSTER_FRAG:
		return &si->frag_clusters[order];
	default:
		return &si->full_clusters;
	}
}

static void move_cluster(struct swap_info_struct *si, struct swap_cluster *ci, enum swap_cluster_state state)
{
	list_del(&ci->list);
	ci->state = (uint8_t)state;
	list_add_tail(&ci->list, cluster_list(si, ci->order, state));
}

static void free_cluster(struct swap_info_struct *si, struct swap_cluster *ci)
{
	if (ci->table_pfn != PFN_NONE)
		put_page(si->sys->mem, ci->table_pfn);
	ci->table_pfn = PFN_NONE;
	move_cluster(si, ci, CLUSTER_FREE);
	ci->order = 0;
}

/* Behind a search: where it belongs now. */
static void relocate_cluster(struct swap_info_struct *si, struct swap_cluster *ci)
{
	enum swap_cluster_state state = ci->count == cluster_slots(si) ? CLUSTER_FULL : CLUSTER_FRAG;

	if (!ci->count && ci->state != CLUSTER_FREE)
		free_cluster(si, ci);
	else if (ci->count && ci->state != state)
		move_cluster(si, ci, state);
}

/* The page that the kernel keeps a cluster's cache entries in, while it has any (swap_cluster_alloc_table). */
static bool alloc_table(struct swap_info_struct *si, struct swap_cluster *ci)
{
	struct memory *mem = si->sys->mem;
	gfp_t gfp = __GFP_HIGH | __GFP_NOMEMALLOC | __GFP_NOWARN;

	if (ci->table_pfn != PFN_NONE)
		return true;
	ci->table_pfn = alloc_pages(mem, gfp, 0, NUMA_NO_NODE);
	if (ci->table_pfn != PFN_NONE)
		pfn_to_page(mem, ci->table_pfn)->flags |= PG_KERNEL;
	return ci->table_pfn != PFN_NONE;
}

/* The oldest of the list, off it. NULL: it is empty, or there is no memory for a free cluster's table. */
static struct swap_cluster *isolate_cluster(struct swap_info_struct *si, struct list_head *list)
{
	struct swap_cluster *ci;

	if (list_empty(list))
		return NULL;
	ci = list_first_entry(list, struct swap_cluster, list);
	if (!alloc_table(si, ci))
		return NULL;
	list_del(&ci->list);
	ci->state = CLUSTER_NONE;
	return ci;
}

/* ---- one cluster ---- */

/* Could the run be had? Slots that only the cache keeps are given up for it when swap is full. */
static bool scan_range(struct swap_info_struct *si, uint32_t offset, unsigned nr, bool *ret_reclaim)
{
	*ret_reclaim = false;
	for (uint32_t at = offset; at < offset + nr; at++) {
		if (!si->map[at])
			continue;
		if (si->map[at] != SWAP_HAS_CACHE || !vm_swap_full(si->sys->mem))
			return false;
		*ret_reclaim = true;
	}
	return true;
}

static bool reclaim_range(struct swap_info_struct *si, uint32_t offset, unsigned nr)
{
	uint32_t at = offset;

	while (at < offset + nr) {
		unsigned done = si->map[at] == SWAP_HAS_CACHE ? try_to_reclaim_swap(si, at, false) : 1;

		if (!done)
			return false;
		at += done;
	}
	/* A folio that lay over the end of the run took its slots along; nobody has taken any since. */
	for (at = offset; at < offset + nr; at++)
		if (si->map[at])
			return false;
	return true;
}

/* Off the list of areas with room, when it has none. */
static void account_alloc(struct swap_info_struct *si, unsigned nr)
{
	si->inuse_pages += nr;
	si->sys->mem->nr_swap_pages -= nr;
	if (si->inuse_pages == si->pages)
		list_del(&si->avail);
}

static void alloc_range(struct swap_info_struct *si, struct swap_cluster *ci, uint32_t offset, unsigned order)
{
	if (!ci->count)
		ci->order = (uint8_t)order;
	for (uint32_t at = offset; at < offset + (1u << order); at++)
		si->map[at] = SWAP_HAS_CACHE;
	ci->count = (uint16_t)(ci->count + (1u << order));
	account_alloc(si, 1u << order);
}

static void set_next(struct swap_info_struct *si, unsigned order, uint32_t next)
{
	if (is_rotating(si))
		si->global_next[order] = next;
	else
		*this_cpu(si->sys, order) = (struct percpu_swap_cluster){ next ? si : NULL, next };
}

/* From `offset` on to the end of the cluster, run by run (alloc_swap_scan_cluster). */
static uint32_t scan_cluster(struct swap_info_struct *si, struct swap_cluster *ci, uint32_t offset, unsigned order)
{
	uint32_t end = cluster_offset(si, ci) + cluster_slots(si), found = SWAP_OFFSET_NONE, next = SWAP_OFFSET_NONE;
	unsigned nr = 1u << order;
	bool reclaim;

	if (end > si->max)
		end = si->max;
	if (end < nr || ci->count + nr > cluster_slots(si))
		end = 0;
	for (; offset + nr <= end && !found; offset += nr)
		if (scan_range(si, offset, nr, &reclaim) && (!reclaim || reclaim_range(si, offset, nr)) &&
		    alloc_table(si, ci)) {
			alloc_range(si, ci, offset, order);
			found = offset;
		}
	if (found && ci->count < cluster_slots(si) && offset + nr <= end)
		next = offset;
	relocate_cluster(si, ci);
	set_next(si, order, next);
	return found;
}

/* ---- one area ---- */

/* scan_all: clusters of the list one after the other; else only the first. */
static uint32_t scan_list(struct swap_info_struct *si, struct list_head *list, unsigned order, bool scan_all)
{
	/* A cluster that has nothing goes to another list, or to the end of this one: no more than there are. */
	for (uint32_t tries = nr_clusters(si); tries; tries--) {
		struct swap_cluster *ci = isolate_cluster(si, list);
		uint32_t found;

		if (!ci)
			break;
		found = scan_cluster(si, ci, cluster_offset(si, ci), order);
		if (found || !scan_all)
			return found;
	}
	return SWAP_OFFSET_NONE;
}

/* Gives up slots of full clusters that only the cache keeps: of one cluster, or with `all` of the whole area. */
static void reclaim_full_clusters(struct swap_info_struct *si, bool all)
{
	int64_t to_scan = all ? si->inuse_pages >> si->sys->cluster_shift : 1;
	struct swap_cluster *ci;

	while (to_scan-- > 0 && (ci = isolate_cluster(si, &si->full_clusters))) {
		uint32_t offset = cluster_offset(si, ci), end = offset + cluster_slots(si);

		for (end = end < si->max ? end : si->max; offset < end;) {
			unsigned done = si->map[offset] == SWAP_HAS_CACHE ? try_to_reclaim_swap(si, offset, false) : 0;

			offset += done ? done : 1;
		}
		if (ci->state == CLUSTER_NONE)
			relocate_cluster(si, ci);
	}
}

/* Single slots from clusters that are kept for longer runs. */
static uint32_t steal_slot(struct swap_info_struct *si)
{
	uint32_t found = SWAP_OFFSET_NONE;

	for (unsigned o = 1; o < MAX_ORDER_LIMIT && !found; o++) {
		found = scan_list(si, &si->frag_clusters[o], 0, true);
		if (!found)
			found = scan_list(si, &si->nonfull_clusters[o], 0, true);
	}
	return found;
}

static bool cluster_is_usable(const struct swap_cluster *ci, unsigned order)
{
	return ci->state <= CLUSTER_FRAG && (!order || !ci->count || ci->order == order);
}

/* Goes on where the last run ended. */
static uint32_t alloc_at(struct swap_info_struct *si, uint32_t offset, unsigned order)
{
	struct swap_cluster *ci = &si->clusters[offset >> si->sys->cluster_shift];

	if (!cluster_is_usable(ci, order))
		return SWAP_OFFSET_NONE;
	return scan_cluster(si, ci, ci->count ? offset : cluster_offset(si, ci), order);
}

/* In this order: the cluster in use, those with room of that order, a free one, fragmented ones, those of other orders. */
static uint32_t alloc_from_area(struct swap_info_struct *si, unsigned order)
{
	bool whole = order == si->sys->cluster_shift;
	uint32_t found = SWAP_OFFSET_NONE;

	if (order && (si->kind == SWAP_FILE || si->kind == SWAP_DISK_FILE))
		return SWAP_OFFSET_NONE;
	if (is_rotating(si) && si->global_next[order])
		found = alloc_at(si, si->global_next[order], order);
	if (!found && !whole)
		found = scan_list(si, &si->nonfull_clusters[order], order, true);
	if (!found)
		found = scan_list(si, &si->free_clusters, order, false);
	if (found)
		return found;
	if (vm_swap_full(si->sys->mem))
		reclaim_full_clusters(si, false);
	if (!whole)
		found = scan_list(si, &si->frag_clusters[order], order, false);
	if (!found && !order)
		found = steal_slot(si);
	return found;
}

/* ---- all areas ---- */

/* Behind those of its priority: they take turns. */
static void requeue(struct swap_system *sys, struct swap_info_struct *si)
{
	struct list_head *pos;

	list_del(&si->avail);
	list_for_each(pos, &sys->avail)
		if (list_entry(pos, struct swap_info_struct, avail)->prio < si->prio)
			break;
	list_add_tail(&si->avail, pos);
}

/* The area of the highest priority that is not in `tried`, a bit by type. */
static struct swap_info_struct *next_area(struct swap_system *sys, uint32_t tried)
{
	struct list_head *pos;

	list_for_each(pos, &sys->avail) {
		struct swap_info_struct *si = list_entry(pos, struct swap_info_struct, avail);

		if (!(tried >> si->type & 1))
			return si;
	}
	return NULL;
}

static swp_entry_t alloc_slow(struct swap_system *sys, unsigned order)
{
	struct swap_info_struct *si;
	uint32_t tried = 0;

	while ((si = next_area(sys, tried))) {
		uint32_t offset;

		tried |= 1u << si->type;
		requeue(sys, si);
		offset = alloc_from_area(si, order);
		if (offset)
			return swp_entry(si->type, offset);
		/* A large folio is split, and its pages may find room in this area. */
		if (order)
			break;
	}
	return (swp_entry_t){ 0 };
}

swp_entry_t swap_alloc_slots(struct memory *mem, unsigned order)
{
	struct swap_system *sys = mem->swap;
	struct percpu_swap_cluster last = *this_cpu(sys, order);
	uint32_t offset = last.si && last.offset ? alloc_at(last.si, last.offset, order) : SWAP_OFFSET_NONE;
	struct swap_info_struct *si = last.si;
	swp_entry_t entry;

	entry = offset ? swp_entry(si->type, offset) : alloc_slow(sys, order);
	if (!entry.val)
		return entry;
	si = swp_info(mem, entry);
	if (si->inuse_pages == si->pages && vm_swap_full(mem))
		reclaim_full_clusters(si, true);
	return entry;
}

/* ---- freeing ---- */

void swap_entries_free(struct swap_info_struct *si, uint32_t offset, unsigned nr)
{
	if (si->inuse_pages == si->pages)
		requeue(si->sys, si);
	si->inuse_pages -= nr;
	si->sys->mem->nr_swap_pages += nr;
	while (nr) {
		struct swap_cluster *ci = &si->clusters[offset >> si->sys->cluster_shift];
		unsigned here = cluster_offset(si, ci) + cluster_slots(si) - offset;

		if (here > nr)
			here = nr;
		VM_BUG_ON(ci->count < here);
		ci->count = (uint16_t)(ci->count - here);
		offset += here;
		nr -= here;
		if (!ci->count)
			free_cluster(si, ci);
		else if (ci->state != CLUSTER_NONFULL)
			move_cluster(si, ci, CLUSTER_NONFULL);
	}
}

/* ---- a new area ---- */

void swap_setup_clusters(struct swap_info_struct *si)
{
	uint32_t nr = nr_clusters(si);

	list_init(&si->free_clusters);
	list_init(&si->full_clusters);
	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
		list_init(&si->nonfull_clusters[o]);
		list_init(&si->frag_clusters[o]);
	}
	for (uint32_t i = 0; i < nr; i++) {
		struct swap_cluster *ci = &si->clusters[i];

		list_init(&ci->list);
		ci->table_pfn = PFN_NONE;
		/* The header, and what the last cluster has behind the end of the area. */
		ci->count = (uint16_t)((i == 0) + (i == nr - 1 ? (nr << si->sys->cluster_shift) - si->max : 0));
		ci->state = ci->count ? CLUSTER_NONFULL : CLUSTER_FREE;
		list_add_tail(&ci->list, cluster_list(si, 0, (enum swap_cluster_state)ci->state));
	}
}
