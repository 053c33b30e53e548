/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Allocations by others: see background.h. */
#include "sim/background.h"

#include "mm/page_alloc.h"
#include "sim/replay.h"

#define NSEC_PER_SEC	 1000000000ull
#define PERIODS_PER_LIFE 100
#define PERIOD_MIN_NS	 1000000ull
#define NO_SLOT		 UINT32_MAX

static bool migrated(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct background *b = ctx;
	struct background_slot *slot = &b->slots.data[pfn_to_page(mem, dst)->index];

	BUG_ON(slot->pfn != src);
	slot->pfn = dst;
	return true;
}

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
	return x < low ? low : x > high ? high : x;
}

void background_start(struct mmr_replay *r)
{
	struct background *b = &r->background;
	const struct fragmentation_config *conf = &r->settings.fragmentation;
	uint64_t nr_ends;

	*b = (struct background){.conf = conf, .free_slots = NO_SLOT};
	if (!conf->pressure_rate)
		return;
	b->period_ns = clamp(conf->pressure_lifetime_ns / PERIODS_PER_LIFE, PERIOD_MIN_NS,
			     NSEC_PER_SEC);
	nr_ends = 2 * conf->pressure_lifetime_ns / b->period_ns + 2;
	vec_reserve(&b->ends, nr_ends);
	while (b->ends.nr < nr_ends)
		*vec_push(&b->ends) = NO_SLOT;
	rng_seed(&b->rng, conf->pressure_seed);
	b->ops.migrate_page = migrated;
	b->ops.ctx = b;
	b->handle = mapping_handle_alloc(r->mem, &b->ops);
	for (unsigned n = 0; n < r->mem->nr_nodes; n++)
		if (r->mem->nodes[n] && r->mem->nodes[n]->has_memory)
			b->nodes[b->nr_nodes++] = (uint8_t)n;
}

void background_finish(struct background *b)
{
	vec_finish(&b->slots);
	vec_finish(&b->ends);
}

static void remember(struct background *b, pfn_t pfn, unsigned order, uint32_t *end)
{
	uint32_t slot = b->free_slots;

	if (slot == NO_SLOT) {
		slot = (uint32_t)b->slots.nr;
		(void)vec_push(&b->slots);
	} else {
		b->free_slots = b->slots.data[slot].next;
	}
	b->slots.data[slot] = (struct background_slot){pfn, *end, (uint8_t)order};
	*end = slot;
}

/* The pages of a movable allocation, each on its own. */
static void own_movable(struct background *b, struct memory *mem, pfn_t pfn, unsigned order,
			uint32_t *end)
{
	if (order)
		split_page(mem, pfn, order);
	for (uint32_t i = 0; i < 1u << order; i++) {
		struct page *page = pfn_to_page(mem, pfn + i);

		remember(b, pfn + i, 0, end);
		page->flags |= PG_MOVABLE_OPS;
		page->mapping = b->handle;
		page->index = *end;
	}
}

static gfp_t draw_gfp(struct background *b)
{
	uint64_t at = rng_below(&b->rng, 100);

	if (at < b->conf->pressure_unmovable)
		return GFP_NOWAIT;
	if (at < b->conf->pressure_unmovable + b->conf->pressure_reclaimable)
		return GFP_NOWAIT | __GFP_RECLAIMABLE;
	return GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE;
}

static void allocate(struct background *b, struct memory *mem)
{
	gfp_t gfp = draw_gfp(b);
	unsigned order = (unsigned)__builtin_ctzll(rng_u64(&b->rng) | 1ull << b->conf->pressure_order);
	uint64_t life = rng_below(&b->rng, b->ends.nr - 1) + 1;
	uint32_t *end = &b->ends.data[(b->nr_periods + life) % b->ends.nr];
	int nid = b->nodes[rng_below(&b->rng, b->nr_nodes)];
	pfn_t pfn = alloc_pages_nodemask(mem, gfp, order, nid, NODEMASK_ALL);

	count_vm_event(mem, pfn == PFN_NONE ? BACKGROUND_FAIL : BACKGROUND_ALLOC);
	if (pfn == PFN_NONE)
		return;
	if (gfp & __GFP_MOVABLE) {
		own_movable(b, mem, pfn, order, end);
	} else {
		pfn_to_page(mem, pfn)->flags |= PG_KERNEL;
		remember(b, pfn, order, end);
	}
}

/* What has come to its end. */
static void expire(struct background *b, struct memory *mem)
{
	uint32_t *end = &b->ends.data[b->nr_periods % b->ends.nr];

	while (*end != NO_SLOT) {
		struct background_slot *s = &b->slots.data[*end];
		uint32_t slot = *end;

		pfn_to_page(mem, s->pfn)->mapping = 0;
		free_pages_pfn(mem, s->pfn, s->order);
		*end = s->next;
		s->next = b->free_slots;
		b->free_slots = slot;
	}
}

void background_run(struct mmr_replay *r)
{
	struct background *b = &r->background;
	uint64_t due = b->carry + b->conf->pressure_rate * b->period_ns;

	expire(b, r->mem);
	for (uint64_t nr = due / NSEC_PER_SEC; nr; nr--)
		allocate(b, r->mem);
	b->carry = due % NSEC_PER_SEC;
	b->nr_periods++;
}
