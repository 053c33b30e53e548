/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Free lists as a real machine had them: see ageing.h.
 *
 * Two free buddies would merge, so a free block of order o needs room of order o + 1 of which it takes
 * one half; the other half stays room for smaller blocks and is never free as a whole. Such room is a
 * *cell*. Only a block that boot left without a buddy (at the ends of a zone, beside what boot took, or
 * of the largest order) may be free as a whole: a *root*. Going down the orders, each free block uses
 * up one cell of its order and leaves one, wherever it is put; so any place will do, and what does not
 * fit in this way fits in none.
 *
 * From the order of a pageblock on, a block makes the types of its pageblocks. The pageblocks left get
 * the types that are left; smaller blocks go to pageblocks of their own type. Within that, all places
 * are equally likely.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "mm/ageing-internal.h"
#include "mm/page_alloc.h"

/* Rooms of one order for one type. Before pageblocks have types all are of MIGRATE_UNMOVABLE. */
struct cells {
	VEC(pfn_t) roots, inner;
};

struct placing {
	struct zone *zone;
	const struct zone_state *state;
	struct rng *rng;
	struct mmr_error *err;
	struct cells cells[MAX_ORDER_LIMIT][MIGRATE_TYPES];
	uint64_t pageblocks[MIGRATE_TYPES];	/* still to be given their type */
	uint64_t available;			/* pages that boot left free */
	uint64_t drop;				/* blocks of the largest order to leave out */
};

static const char *const type_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable", [MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable", [MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_CMA] = "CMA", [MIGRATE_ISOLATE] = "Isolate",
};

static int no_room(const struct placing *p, unsigned order, enum migratetype mt, uint64_t nr)
{
	return err_set(p->err, -ENOSPC,
		       "node %u zone %s: %" PRIu64 " free blocks of order %u, type %s, do not fit",
		       p->state->nid, p->zone->name, nr, order, type_names[mt]);
}

/* --- cells ------------------------------------------------------------------------------------ */

/* Everything that boot left free becomes roots, off the lists. */
static void take_roots(struct placing *p)
{
	struct zone *zone = p->zone;

	p->available = zone->vm_stat[NR_FREE_PAGES];
	buddy_touch_range(zone, zone->zone_start_pfn, zone->zone_end_pfn);
	for (unsigned order = 0; order <= zone->max_order; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			const struct pfn_list *list = &zone->free_area[order].free_list[mt];

			while (!pfn_list_empty(list)) {
				pfn_t pfn = list->first;

				buddy_take_range(zone, pfn, pfn + (1u << order));
				*vec_push(&p->cells[order][0].roots) = pfn;
			}
		}
}

static void free_cells(struct placing *p)
{
	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			vec_finish(&p->cells[o][mt].roots);
			vec_finish(&p->cells[o][mt].inner);
		}
}

/* All that is in cells of an order falls into halves. */
static void split_cells(struct placing *p, unsigned order, enum migratetype mt)
{
	struct cells *from = &p->cells[order][mt], *to = &p->cells[order - 1][mt];

	for (size_t i = 0; i < from->roots.nr + from->inner.nr; i++) {
		pfn_t pfn = i < from->roots.nr ? from->roots.data[i]
					       : from->inner.data[i - from->roots.nr];

		*vec_push(&to->inner) = pfn;
		*vec_push(&to->inner) = pfn + (1u << (order - 1));
	}
	vec_finish(&from->roots);
	vec_finish(&from->inner);
}

/*
 * Draws a place for one free block. PFN_NONE: there is none.
 */
static pfn_t draw_place(struct placing *p, unsigned order, enum migratetype mt)
{
	struct cells *whole = &p->cells[order][mt], *upper = NULL;
	size_t nr_roots = whole->roots.nr, nr_upper = 0, at;
	pfn_t pfn;

	if (order < p->zone->max_order) {
		upper = &p->cells[order + 1][mt];
		nr_upper = upper->roots.nr + upper->inner.nr;
	}
	if (!(nr_roots + nr_upper))
		return PFN_NONE;
	at = (size_t)rng_below(p->rng, nr_roots + nr_upper);
	if (at < nr_roots) {
		pfn = whole->roots.data[at];
		whole->roots.data[at] = whole->roots.data[--whole->roots.nr];
		return pfn;
	}
	at -= nr_roots;
	if (at < upper->roots.nr) {
		pfn = upper->roots.data[at];
		upper->roots.data[at] = upper->roots.data[--upper->roots.nr];
	} else {
		at -= upper->roots.nr;
		pfn = upper->inner.data[at];
		upper->inner.data[at] = upper->inner.data[--upper->inner.nr];
	}
	if (rng_u64(p->rng) >> 63) {
		*vec_push(&whole->inner) = pfn;
		return pfn + (1u << order);
	}
	*vec_push(&whole->inner) = pfn + (1u << order);
	return pfn;
}

/* --- types of pageblocks ---------------------------------------------------------------------- */

static uint64_t total_pageblocks(const uint64_t nr[MIGRATE_TYPES])
{
	uint64_t sum = 0;

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		sum += nr[mt];
	return sum;
}

/* Free room in one pageblock, before its type is known. */
struct room {
	pfn_t block;
	uint32_t pages;
};

static int compare_rooms(const void *a, const void *b)
{
	const struct room *x = a, *y = b;

	if (x->pages != y->pages)
		return x->pages > y->pages ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

typedef VEC(struct room) room_vec;

/* One entry for each cell of at most a pageblock. */
static void list_cells(const struct placing *p, room_vec *rooms)
{
	pfn_t mask = ~((1u << p->zone->pageblock_order) - 1);

	for (unsigned o = 0; o <= p->zone->pageblock_order; o++) {
		const struct cells *c = &p->cells[o][0];

		for (size_t i = 0; i < c->roots.nr; i++)
			*vec_push(rooms) = (struct room){ c->roots.data[i] & mask, 1u << o };
		for (size_t i = 0; i < c->inner.nr; i++)
			*vec_push(rooms) = (struct room){ c->inner.data[i] & mask, 1u << o };
	}
}

/* The entry of a pageblock of which boot took a part; nr: there is none yet. */
static size_t find_cut_block(const struct placing *p, const struct room *rooms, size_t nr,
			     const struct room *r)
{
	size_t at = nr;

	if (r->pages == 1u << p->zone->pageblock_order)
		return nr;
	/* They are few, and behind the whole ones. */
	while (at && rooms[at - 1].block != r->block &&
	       rooms[at - 1].pages < 1u << p->zone->pageblock_order)
		at--;
	return at && rooms[at - 1].block == r->block ? at - 1 : nr;
}

static void shuffle_rooms(struct placing *p, struct room *rooms, size_t nr)
{
	for (size_t i = nr; i > 1; i--) {
		size_t with = (size_t)rng_below(p->rng, i);
		struct room tmp = rooms[i - 1];

		rooms[i - 1] = rooms[with];
		rooms[with] = tmp;
	}
}

/* The pageblocks that still have cells, those with the most room first, equal ones in random order. */
static void list_rooms(struct placing *p, room_vec *rooms)
{
	size_t nr = 0, start = 0;

	list_cells(p, rooms);
	if (!rooms->nr)
		return;
	/* no ties: those that compare equal are equal */
	qsort(rooms->data, rooms->nr, sizeof(*rooms->data), compare_rooms);
	for (size_t i = 0; i < rooms->nr; i++) {
		size_t at = find_cut_block(p, rooms->data, nr, &rooms->data[i]);

		if (at < nr)
			rooms->data[at].pages += rooms->data[i].pages;
		else
			rooms->data[nr++] = rooms->data[i];
	}
	rooms->nr = nr;
	/* no ties: each pageblock is there once */
	qsort(rooms->data, nr, sizeof(*rooms->data), compare_rooms);
	for (size_t i = 1; i <= nr; i++) {
		if (i < nr && rooms->data[i].pages == rooms->data[start].pages)
			continue;
		shuffle_rooms(p, &rooms->data[start], i - start);
		start = i;
	}
}

static void move_typed(struct placing *p, unsigned order, bool inner)
{
	struct cells *from = &p->cells[order][0];
	pfn_t *pfns = inner ? from->inner.data : from->roots.data;
	size_t nr = inner ? from->inner.nr : from->roots.nr, kept = 0;

	for (size_t i = 0; i < nr; i++) {
		enum migratetype mt = pageblock_type(p->zone->mem, pfns[i]);
		struct cells *to = &p->cells[order][mt];

		if (mt == 0)
			pfns[kept++] = pfns[i];
		else if (inner)
			*vec_push(&to->inner) = pfns[i];
		else
			*vec_push(&to->roots) = pfns[i];
	}
	if (inner)
		from->inner.nr = kept;
	else
		from->roots.nr = kept;
}

/*
 * Types for the pageblocks that have none yet. Movable ones go last: they are many, and make up for
 * zones that differ in size.
 */
static int type_pageblocks(struct placing *p)
{
	static const uint8_t order_of_types[] = { MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE,
						  MIGRATE_HIGHATOMIC, MIGRATE_CMA };
	uint64_t block = 1ull << p->zone->pageblock_order;
	room_vec rooms = {0};
	size_t next = 0;
	int rc = 0;

	list_rooms(p, &rooms);
	for (size_t i = 0; i < ARRAY_SIZE(order_of_types) && !rc; i++) {
		enum migratetype mt = (enum migratetype)order_of_types[i];

		for (uint64_t nr = p->pageblocks[mt]; nr && !rc; nr--, next++)
			if (next == rooms.nr)
				rc = err_set(p->err, -ENOSPC,
					     "node %u zone %s: %" PRIu64 " pageblocks of type %s are "
					     "too many",
					     p->state->nid, p->zone->name, p->state->pageblocks[mt],
					     type_names[mt]);
			else
				buddy_set_range_type(p->zone, rooms.data[next].block,
						     rooms.data[next].block + (pfn_t)block, mt);
	}
	for (; next < rooms.nr; next++)
		buddy_set_range_type(p->zone, rooms.data[next].block,
				     rooms.data[next].block + (pfn_t)block, MIGRATE_MOVABLE);
	vec_finish(&rooms);
	for (unsigned o = 0; o <= p->zone->pageblock_order; o++) {
		move_typed(p, o, false);
		move_typed(p, o, true);
	}
	return rc;
}

/* --- placing ---------------------------------------------------------------------------------- */

/* A free block of a pageblock or more; its pageblocks take its type. */
static void put_large(struct placing *p, pfn_t pfn, unsigned order, enum migratetype mt)
{
	uint64_t nr = 1ull << (order - p->zone->pageblock_order);

	buddy_set_range_type(p->zone, pfn, pfn + (1u << order), mt);
	buddy_free(p->zone, pfn, order, mt);
	p->pageblocks[mt] -= nr < p->pageblocks[mt] ? nr : p->pageblocks[mt];
}

/*
 * How many blocks of the largest order may be left out because this zone is smaller than the one that
 * was read: those that do not exist here, and as many again that give way to smaller ones.
 */
static uint64_t may_drop(const struct placing *p)
{
	uint64_t size = p->state->managed_pages, block = 1ull << p->zone->max_order;

	if (!size)
		size = total_pageblocks(p->state->pageblocks) << p->zone->pageblock_order;
	if (size <= p->available)
		return 0;
	return 2 * ((size - p->available + block - 1) / block) + 1;
}

static uint64_t blocks_of_order(const struct placing *p, unsigned order)
{
	uint64_t nr = 0;

	for (unsigned mt = 0; mt < MIGRATE_ISOLATE; mt++)
		nr += p->state->free[order][mt];
	return nr;
}

/* Pageblocks of a type that are not wholly free. */
static uint64_t cut_pageblocks(const struct placing *p, enum migratetype mt)
{
	uint64_t nr = p->state->pageblocks[mt], whole = 0;

	for (unsigned o = p->zone->pageblock_order; o <= p->zone->max_order; o++)
		whole += p->state->free[o][mt] << (o - p->zone->pageblock_order);
	return nr > whole ? nr - whole : 0;
}

/* Would the small blocks of a type find room in so many pageblocks, and (movable ones) in cut ones? */
static bool small_ones_fit(const struct placing *p, enum migratetype mt, uint64_t cells)
{
	for (unsigned order = p->zone->pageblock_order; order-- > 0;) {
		uint64_t nr = p->state->free[order][mt];
		uint64_t roots = mt == MIGRATE_MOVABLE ? p->cells[order][0].roots.nr : 0;

		if (nr > roots + cells)
			return false;
		cells = roots + 2 * cells - nr;
	}
	return true;
}

/* Would all blocks find room without `drop` of the largest? */
static bool would_fit(const struct placing *p, uint64_t drop)
{
	uint64_t cells = 0;	/* of the order above, whole or halves */

	for (unsigned order = p->zone->max_order + 1; order-- > p->zone->pageblock_order;) {
		uint64_t nr = blocks_of_order(p, order), roots = p->cells[order][0].roots.nr;

		if (order == p->zone->max_order)
			nr -= drop < nr ? drop : nr;
		if (nr > roots + cells)
			return false;
		cells = roots + 2 * cells - nr;
	}
	for (unsigned t = 0; t < MIGRATE_ISOLATE; t++) {
		uint64_t cut = cut_pageblocks(p, (enum migratetype)t);

		if (t == MIGRATE_MOVABLE)
			continue;
		if (cut > cells || !small_ones_fit(p, (enum migratetype)t, cut))
			return false;
		cells -= cut;
	}
	return small_ones_fit(p, MIGRATE_MOVABLE, cells);
}

/* The fewest blocks that must be left out; none when even the most that may be is not enough. */
static uint64_t plan_drop(const struct placing *p)
{
	uint64_t low = 0, high = may_drop(p);

	if (!would_fit(p, high))
		return 0;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (would_fit(p, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int place_large(struct placing *p, unsigned order)
{
	/* What is isolated is on its way to somebody: in use. Movable ones are left out first. */
	static const uint8_t types[] = { MIGRATE_MOVABLE, MIGRATE_CMA, MIGRATE_RECLAIMABLE,
					 MIGRATE_UNMOVABLE, MIGRATE_HIGHATOMIC };
	uint64_t drop = order == p->zone->max_order ? p->drop : 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		enum migratetype mt = (enum migratetype)types[i];
		uint64_t nr = p->state->free[order][mt], less = nr < drop ? nr : drop;

		drop -= less;
		p->zone->mem->ageing->dropped_pages += less << order;
		for (nr -= less; nr; nr--) {
			pfn_t pfn = draw_place(p, order, 0);

			if (pfn == PFN_NONE)
				return no_room(p, order, mt, p->state->free[order][mt]);
			put_large(p, pfn, order, mt);
		}
	}
	return 0;
}

static int place_small(struct placing *p, unsigned order)
{
	for (unsigned t = 0; t < MIGRATE_ISOLATE; t++) {
		enum migratetype mt = (enum migratetype)t;

		for (uint64_t nr = p->state->free[order][mt]; nr; nr--) {
			pfn_t pfn = draw_place(p, order, mt);

			if (pfn == PFN_NONE)
				return no_room(p, order, mt, p->state->free[order][mt]);
			buddy_free(p->zone, pfn, order, mt);
		}
		split_cells(p, order + 1, mt);
	}
	return 0;
}

/* What is left are single pages. They are of the kind that their pageblock is for. */
static void own_the_rest(struct placing *p)
{
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		const struct cells *c = &p->cells[0][mt];
		enum migratetype of = mt == MIGRATE_CMA	       ? MIGRATE_MOVABLE
				      : mt < MIGRATE_PCPTYPES ? (enum migratetype)mt
							      : MIGRATE_UNMOVABLE;

		for (size_t i = 0; i < c->roots.nr; i++)
			ageing_own(p->zone, c->roots.data[i], 0, of);
		for (size_t i = 0; i < c->inner.nr; i++)
			ageing_own(p->zone, c->inner.data[i], 0, of);
	}
}

static int set_zone_state(struct placing *p)
{
	unsigned block_order = p->zone->pageblock_order;
	int rc = 0;

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		p->pageblocks[mt] = p->state->pageblocks[mt];
	take_roots(p);
	p->drop = plan_drop(p);
	for (unsigned o = p->zone->max_order; o >= block_order && !rc; o--) {
		rc = place_large(p, o);
		if (o < p->zone->max_order)
			split_cells(p, o + 1, 0);
	}
	if (!rc)
		rc = type_pageblocks(p);
	for (unsigned o = block_order; o-- > 0 && !rc;)
		rc = place_small(p, o);
	if (!rc)
		own_the_rest(p);
	free_cells(p);
	p->zone->nr_reserved_highatomic = p->state->pageblocks[MIGRATE_HIGHATOMIC] << block_order;
	return rc;
}

static const struct zone_state *find_state(const struct zone_state *states, size_t nr,
					   const struct zone *zone)
{
	for (size_t i = 0; i < nr; i++)
		if (states[i].nid == zone->zone_pgdat->node_id && states[i].type == zone->type)
			return &states[i];
	return NULL;
}

/* Every state with a zone, every zone with a state. */
static int check_states(const struct memory *mem, const struct zone_state *states, size_t nr,
			struct mmr_error *err)
{
	if (mem->nr_cma_areas)
		return err_set(err, -EINVAL,
			       "a captured state of memory says itself which pageblocks are CMA's: it does "
			       "not go together with memory.cma");
	for (size_t i = 0; i < nr; i++)
		if (states[i].nid >= mem->nr_nodes ||
		    !mem->nodes[states[i].nid]->node_zones[states[i].type].managed_pages)
			return err_set(err, -EINVAL,
				       "the captured state of memory has node %u zone %s, this machine has "
				       "not",
				       states[i].nid, mem->nodes[0]->node_zones[states[i].type].name);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			const struct zone *zone = &mem->nodes[n]->node_zones[t];

			if (zone->managed_pages && !find_state(states, nr, zone))
				return err_set(err, -EINVAL,
					       "the captured state of memory has no node %u zone %s", n,
					       zone->name);
		}
	return 0;
}

int memory_set_state(struct memory *mem, const struct zone_state *states, size_t nr, uint64_t seed,
		     struct mmr_error *err)
{
	struct rng rng;
	int rc = check_states(mem, states, nr, err);

	if (rc)
		return rc;
	drain_all_pages(mem);
	ageing_create(mem, mem->geo->pageblock_order);
	rng_seed(&rng, seed);
	for (unsigned n = 0; n < mem->nr_nodes && !rc; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES && !rc; t++) {
			struct zone *zone = &mem->nodes[n]->node_zones[t];
			struct placing p = { .zone = zone, .rng = &rng, .err = err };

			if (!zone->managed_pages)
				continue;
			p.state = find_state(states, nr, zone);
			rc = set_zone_state(&p);
		}
	for (unsigned n = 0; n < mem->nr_nodes && !rc; n++)
		ageing_note_index(mem->nodes[n]);
	return rc;
}
