/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Pages that come back too soon: see workingset.h. */
#include "mm/workingset.h"

#include "mm/mm_inline.h"

#define TOKEN_MASK	((1ull << SHADOW_TOKEN_BITS) - 1)
/* What is left of a 32-bit kernel's entry: bits of the xarray, zone, flag and group taken off. */
#define TIMESTAMP_BITS_32 12

uint64_t pack_shadow(struct shadow_info info)
{
	return WORKINGSET_SHADOW | (uint64_t)info.workingset << 1 | (uint64_t)info.memcg << 2 |
	       (uint64_t)info.nid << 18 | (uint64_t)info.zone << 24 | info.token << 27;
}

struct shadow_info unpack_shadow(uint64_t shadow)
{
	return (struct shadow_info){
		.workingset = shadow >> 1 & 1,
		.memcg = (uint16_t)(shadow >> 2),
		.nid = (uint8_t)(shadow >> 18 & 63),
		.zone = (uint8_t)(shadow >> 24 & 7),
		.token = shadow >> 27,
	};
}

/* A 32-bit entry counts evictions in larger steps, so that it does not wrap within the size of the memory. */
static unsigned bucket_order(const struct memory *mem)
{
	unsigned order = 0;

	while (mem->geo->va_bits <= 32 && mem->totalram_pages >> (TIMESTAMP_BITS_32 + order))
		order++;
	return order;
}

/* The group's lists on the node; without groups those of the zone, where each zone has its own. */
static struct lruvec *lruvec_of(const struct memory *mem, struct mem_cgroup *memcg, unsigned nid, unsigned zone)
{
	struct pglist_data *pgdat = mem->nodes[nid];

	if (pgdat->node_zones[zone].lruvec)
		return pgdat->node_zones[zone].lruvec;
	return mem_cgroup_lruvec(memcg, pgdat);
}

static struct lruvec *parent_lruvec(const struct lruvec *lruvec)
{
	if (!lruvec->memcg || mem_cgroup_is_root(lruvec->memcg))
		return NULL;
	return mem_cgroup_lruvec(lruvec->memcg->parent, lruvec->pgdat);
}

void workingset_age_nonresident(struct memory *mem, struct lruvec *lruvec, uint64_t nr_pages)
{
	(void)mem;
	for (; lruvec; lruvec = parent_lruvec(lruvec))
		lruvec->nonresident_age += nr_pages;
}

uint64_t workingset_eviction(struct memory *mem, pfn_t head, struct mem_cgroup *target)
{
	const struct page *page = pfn_to_page(mem, head);
	struct shadow_info info = {
		.nid = (uint8_t)pfn_to_node(mem, head)->node_id,
		.zone = (uint8_t)folio_zonenum(page),
		.workingset = page->flags & PG_WORKINGSET,
	};
	struct lruvec *lruvec;

	if (mem->lru_policy)
		return mem->lru_policy->eviction(mem, head);
	lruvec = lruvec_of(mem, target, info.nid, info.zone);
	info.memcg = (uint16_t)mem_cgroup_id(lruvec->memcg);
	info.token = lruvec->nonresident_age >> bucket_order(mem) & TOKEN_MASK;
	workingset_age_nonresident(mem, lruvec, (uint64_t)folio_nr_pages(page));
	return pack_shadow(info);
}

static const enum node_stat_item flushed_items[] = {
	NR_INACTIVE_ANON, NR_ACTIVE_ANON, NR_INACTIVE_FILE, NR_ACTIVE_FILE, WORKINGSET_ACTIVATE_ANON,
	WORKINGSET_ACTIVATE_FILE,
};
_Static_assert(sizeof(flushed_items) / sizeof(flushed_items[0]) == sizeof(((struct lruvec *)0)->flushed) / 8,
	       "one place for each counter");

static unsigned flushed_index(enum node_stat_item item)
{
	return item <= NR_ACTIVE_FILE ? (unsigned)(item - NR_INACTIVE_ANON) : 4u + (item == WORKINGSET_ACTIVATE_FILE);
}

uint64_t lruvec_flushed_state(struct lruvec *lruvec, enum node_stat_item item)
{
	const struct memory *mem = lruvec->pgdat->mem;

	if (lruvec->zone && item <= NR_ACTIVE_FILE)
		return lruvec->nr_pages[item - NR_INACTIVE_ANON];
	if (mem_cgroup_disabled(mem))
		return lruvec_page_state(lruvec, item);
	if (lruvec->flushed_epoch != mem->stats_epoch) {
		lruvec->flushed_epoch = mem->stats_epoch;
		for (unsigned i = 0; i < sizeof(flushed_items) / sizeof(flushed_items[0]); i++)
			lruvec->flushed[i] = lruvec_page_state(lruvec, flushed_items[i]);
	}
	return lruvec->flushed[flushed_index(item)];
}

/* What could have been kept instead: the active pages, and the other kind's inactive ones. */
static uint64_t workingset_size(const struct memory *mem, struct lruvec *lruvec, bool file)
{
	uint64_t size = lruvec_flushed_state(lruvec, NR_ACTIVE_FILE);

	if (!file)
		size += lruvec_flushed_state(lruvec, NR_INACTIVE_FILE);
	if (mem->nr_swap_pages > 0 && mem_cgroup_swap_margin(mem, lruvec->memcg) > 0) {
		size += lruvec_flushed_state(lruvec, NR_ACTIVE_ANON);
		if (file)
			size += lruvec_flushed_state(lruvec, NR_INACTIVE_ANON);
	}
	return size;
}

/* The lists that the folio was evicted from, NULL: their group is gone. */
static struct lruvec *eviction_lruvec(const struct memory *mem, struct shadow_info info)
{
	struct mem_cgroup *memcg = NULL;

	if (info.memcg) {
		memcg = mem_cgroup_disabled(mem) ? NULL : mem_cgroup_from_id(mem, info.memcg);
		if (!memcg)
			return NULL;
	}
	return lruvec_of(mem, memcg, info.nid, info.zone);
}

bool workingset_test_recent(struct memory *mem, uint64_t shadow, bool file, bool *ret_workingset)
{
	struct shadow_info info = unpack_shadow(shadow);
	unsigned order = bucket_order(mem);
	struct lruvec *lruvec;
	uint64_t distance;

	if (mem->lru_policy)
		return mem->lru_policy->test_recent(mem, shadow, file, &lruvec, ret_workingset);
	*ret_workingset = info.workingset;
	lruvec = eviction_lruvec(mem, info);
	if (!lruvec)
		return false;
	distance = (lruvec->nonresident_age - (info.token << order)) & (TOKEN_MASK << order | ((1ull << order) - 1));
	return distance <= workingset_size(mem, lruvec, file);
}

void workingset_refault(struct memory *mem, pfn_t head, uint64_t shadow)
{
	struct page *page = pfn_to_page(mem, head);
	bool file = folio_is_file_lru(page), workingset;
	int64_t nr = folio_nr_pages(page);
	struct lruvec *lruvec;

	if (!mem->lru_enabled || !shadow)
		return;
	if (mem->lru_policy) {
		mem->lru_policy->refault(mem, head, shadow);
		return;
	}
	lruvec = folio_lruvec(mem, head);
	mod_lruvec_state(lruvec, file ? WORKINGSET_REFAULT_FILE : WORKINGSET_REFAULT_ANON, nr);
	if (!workingset_test_recent(mem, shadow, file, &workingset))
		return;
	page->flags |= PG_ACTIVE;
	workingset_age_nonresident(mem, lruvec, (uint64_t)nr);
	mod_lruvec_state(lruvec, file ? WORKINGSET_ACTIVATE_FILE : WORKINGSET_ACTIVATE_ANON, nr);
	if (!workingset)
		return;
	page->flags |= PG_WORKINGSET;
	lru_note_cost_refault(mem, head);
	mod_lruvec_state(lruvec, file ? WORKINGSET_RESTORE_FILE : WORKINGSET_RESTORE_ANON, nr);
}

void workingset_activation(struct memory *mem, pfn_t head)
{
	if (mem->lru_enabled && (mem_cgroup_disabled(mem) || folio_memcg(mem, head)))
		workingset_age_nonresident(mem, folio_lruvec(mem, head),
					   (uint64_t)folio_nr_pages(pfn_to_page(mem, head)));
}

/* ---- cost ---- */

/* Input and output of a page cost as much as looking at a cluster of them. */
#define IO_COST 32

void lru_note_cost(struct memory *mem, struct lruvec *lruvec, bool file, uint64_t nr_io, uint64_t nr_rotated)
{
	uint64_t cost = nr_io * IO_COST + nr_rotated;

	(void)mem;
	for (; cost && lruvec; lruvec = parent_lruvec(lruvec)) {
		uint64_t size = 0;

		for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++)
			size += lruvec_flushed_state(lruvec, (enum node_stat_item)(NR_INACTIVE_ANON + lru));
		*(file ? &lruvec->file_cost : &lruvec->anon_cost) += cost;
		/* What was long ago counts less and less. */
		if (lruvec->file_cost + lruvec->anon_cost > size / 4) {
			lruvec->file_cost /= 2;
			lruvec->anon_cost /= 2;
		}
	}
}

void lru_note_cost_refault(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	lru_note_cost(mem, folio_lruvec(mem, head), folio_is_file_lru(page), (uint64_t)folio_nr_pages(page), 0);
}
