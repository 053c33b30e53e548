/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Fragmenting memory on purpose: see ageing.h. */
#include "mm/ageing-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mm/fragmentation.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"

#define CHURN_ROUNDS	2
#define CHURN_PERCENT	25
/* Allocations are of order 0 with probability 1/2, of 1 with 1/4 ... and at most of this one. */
#define MAX_CHUNK_ORDER	5

/* --- the owner -------------------------------------------------------------------------------- */

static bool ageing_migrate_page(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct ageing *ageing = ctx;

	(void)mem;
	(void)dst;
	(void)src;
	ageing->nr_moved++;
	return true;
}

struct ageing_owner {
	struct ageing ageing;	/* first: memory_destroy() frees memory->ageing */
	struct movable_operations ops;
};

unsigned ageing_note_index(struct pglist_data *pgdat)
{
	struct ageing *ageing = pgdat->mem->ageing;
	struct fragmentation f = {0};

	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		if (pgdat->node_zones[t].managed_pages)
			fragmentation_add_zone(&f, &pgdat->node_zones[t]);
	fragmentation_finish(&f, pgdat->mem->geo->max_order);
	if (pgdat->managed_pages)
		ageing->unusable_index[pgdat->node_id] = f.unusable_index[ageing->order];
	return f.unusable_index[ageing->order];
}

void ageing_create(struct memory *mem, unsigned order)
{
	struct ageing_owner *owner = xcalloc(1, sizeof(*owner));

	BUG_ON(mem->ageing);
	owner->ops.migrate_page = ageing_migrate_page;
	owner->ops.ctx = owner;
	owner->ageing.handle = mapping_handle_alloc(mem, &owner->ops);
	owner->ageing.order = order;
	mem->ageing = &owner->ageing;
}

void ageing_own(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt)
{
	struct ageing *ageing = zone->mem->ageing;
	struct page *page = &zone->mem_map[pfn];
	bool movable = mt == MIGRATE_MOVABLE;

	for (uint32_t i = 0; i < 1u << order; i++)
		page[i] = (struct page){
			.flags = zone->page_flags | (movable ? PG_MOVABLE_OPS : PG_KERNEL),
			._refcount = movable || i == 0,
			.mapping = movable ? ageing->handle : 0,
			.next = PFN_NONE, .prev = PFN_NONE,
		};
	if (!movable)
		page->flags |= order << PAGE_ORDER_SHIFT;
	ageing->pages[mt] += 1ull << order;
}

void ageing_disown(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt)
{
	struct page *page = &zone->mem_map[pfn];

	for (uint32_t i = 0; i < 1u << order; i++)
		page[i] = (struct page){ .flags = zone->page_flags, .next = PFN_NONE,
					 .prev = PFN_NONE };
	zone->mem->ageing->pages[mt] -= 1ull << order;
}

/* --- taking all ------------------------------------------------------------------------------- */

struct chunk {
	pfn_t pfn;
	uint8_t order, mt;
};

/* One zone while it ages. */
struct pass {
	struct zone *zone;
	const struct ageing_spec *spec;
	struct rng *rng;
	VEC(struct chunk) live;
	/* By aligned block of the order, from the zone's first one on. */
	uint32_t *block_used;	/* pages in use */
	bool *block_whole;	/* all of it goes back */
	uint64_t nr_blocks, first_block;
};

/* What a node has come to so far. */
struct balance {
	uint64_t free, whole, scattered;	/* pages */
};

static enum migratetype draw_type(struct pass *p)
{
	uint64_t at = rng_below(p->rng, 100);

	if (p->zone->type == ZONE_MOVABLE)	/* nothing else may be there */
		return MIGRATE_MOVABLE;
	if (at < p->spec->unmovable)
		return MIGRATE_UNMOVABLE;
	return at < p->spec->unmovable + p->spec->reclaimable ? MIGRATE_RECLAIMABLE
							      : MIGRATE_MOVABLE;
}

static unsigned draw_order(struct pass *p)
{
	unsigned max = p->spec->order - 1;

	if (max > MAX_CHUNK_ORDER)
		max = MAX_CHUNK_ORDER;
	return (unsigned)__builtin_ctzll(rng_u64(p->rng) | 1ull << max);
}

/* Takes memory until there is none. */
static void fill(struct pass *p)
{
	for (;;) {
		enum migratetype mt = draw_type(p);
		unsigned order = draw_order(p);
		unsigned flags = mt == MIGRATE_MOVABLE ? ALLOC_CMA : 0;
		pfn_t pfn;

		for (;; order--) {
			enum rmqueue_mode mode = RMQUEUE_NORMAL;

			pfn = buddy_rmqueue(p->zone, order, mt, flags, &mode);
			if (pfn != PFN_NONE || order == 0)
				break;
		}
		/* A movable one still finds some. */
		if (pfn == PFN_NONE && mt != MIGRATE_MOVABLE && p->zone->nonempty[MIGRATE_CMA] &&
		    p->spec->unmovable + p->spec->reclaimable < 100)
			continue;
		if (pfn == PFN_NONE)
			return;
		ageing_own(p->zone, pfn, order, mt);
		*vec_push(&p->live) = (struct chunk){ pfn, (uint8_t)order, (uint8_t)mt };
	}
}

static void free_part(struct pass *p, const struct chunk *c, uint32_t nr)
{
	ageing_disown(p->zone, c->pfn, c->order, (enum migratetype)c->mt);
	buddy_free_range(p->zone, c->pfn, c->pfn + nr);
	for (uint32_t i = nr; i < 1u << c->order; i++)
		ageing_own(p->zone, c->pfn + i, 0, (enum migratetype)c->mt);
}

static void churn(struct pass *p)
{
	uint64_t nr = p->live.nr * CHURN_PERCENT / 100;

	while (nr--) {
		struct chunk *c = &p->live.data[rng_below(p->rng, p->live.nr)];

		free_part(p, c, 1u << c->order);
		*c = p->live.data[--p->live.nr];
	}
	fill(p);
}

/* --- giving back ------------------------------------------------------------------------------ */

static uint64_t block_of(const struct pass *p, pfn_t pfn)
{
	return (pfn >> p->spec->order) - p->first_block;
}

/* Counts the pages in use of each block; returns how many blocks have all of theirs. */
static uint64_t count_blocks(struct pass *p)
{
	uint64_t nr = 0;

	p->first_block = p->zone->zone_start_pfn >> p->spec->order;
	p->nr_blocks = ((uint64_t)(p->zone->zone_end_pfn - 1) >> p->spec->order) + 1 - p->first_block;
	p->block_used = xcalloc(p->nr_blocks, sizeof(*p->block_used));
	p->block_whole = xcalloc(p->nr_blocks, sizeof(*p->block_whole));
	for (size_t i = 0; i < p->live.nr; i++)
		p->block_used[block_of(p, p->live.data[i].pfn)] += 1u << p->live.data[i].order;
	for (uint64_t i = 0; i < p->nr_blocks; i++)
		nr += p->block_used[i] == 1u << p->spec->order;
	return nr;
}

/* The type of block i, when it is in use throughout; -1 otherwise. */
static int type_of_full_block(const struct pass *p, uint64_t i)
{
	if (p->block_used[i] != 1u << p->spec->order)
		return -1;
	return pageblock_type(p->zone->mem, (pfn_t)((p->first_block + i) << p->spec->order));
}

/* Marks nr of the nr_full full blocks of one type, each as likely as the others. */
static void choose_of_type(struct pass *p, uint64_t nr, uint64_t nr_full, int mt)
{
	for (uint64_t i = 0; nr; i++) {
		if (type_of_full_block(p, i) != mt)
			continue;
		if (rng_below(p->rng, nr_full--) < nr) {
			p->block_whole[i] = true;
			nr--;
		}
	}
}

/* Marks nr of the nr_full full blocks, of each type its share: so the mix remains what it is. */
static void choose_whole_blocks(struct pass *p, uint64_t nr, uint64_t nr_full)
{
	uint64_t full[MIGRATE_TYPES] = {0}, sum = 0, done = 0;

	for (uint64_t i = 0; i < p->nr_blocks; i++) {
		int mt = type_of_full_block(p, i);

		if (mt >= 0)
			full[mt]++;
	}
	for (int mt = 0; mt < MIGRATE_TYPES && nr_full; mt++) {
		uint64_t upto;

		sum += full[mt];
		upto = nr * sum / nr_full;
		choose_of_type(p, upto - done, full[mt], mt);
		done = upto;
	}
}

/*
 * Goes through all chunks in random order; whole blocks empty, and `scattered` pages of others, which
 * each keep one page at least.
 */
static uint64_t give_back(struct pass *p, uint64_t scattered)
{
	uint64_t done = 0;

	for (size_t left = p->live.nr; left; left--) {
		size_t at = (size_t)rng_below(p->rng, left);
		struct chunk c = p->live.data[at];
		uint32_t *used = &p->block_used[block_of(p, c.pfn)], nr = 1u << c.order;

		p->live.data[at] = p->live.data[left - 1];
		if (!p->block_whole[block_of(p, c.pfn)]) {
			if (nr >= *used)
				nr = *used - 1;
			if (nr > scattered - done)
				nr = (uint32_t)(scattered - done);
			done += nr;
		}
		*used -= nr;
		if (nr)
			free_part(p, &c, nr);
	}
	return done;
}

/*
 * How many blocks go back whole and how many pages scattered. Zones of a node settle one another's
 * rounding; the last one has the exact ratio for the node.
 */
static void plan(const struct pass *p, const struct balance *node, bool is_last, uint64_t nr_full,
		 uint64_t *ret_whole, uint64_t *ret_scattered)
{
	uint64_t d = p->spec->degree, block = 1ull << p->spec->order;
	uint64_t free = p->zone->managed_pages - p->zone->managed_pages * p->spec->used / 100;
	uint64_t all = node->free + free, want = all * (1000 - d) / 1000;
	uint64_t whole = want > node->whole ? (want - node->whole + block / 2) / block : 0, usable;
	uint64_t scattered = all * d / 1000;

	if (is_last && d < 1000 && !whole && !node->whole && free >= block)
		whole = 1;	/* without one the index is 1000 */
	if (whole > nr_full)
		whole = nr_full;
	usable = node->whole + whole * block;
	if (is_last && d < 1000 && usable)
		scattered = usable * d / (1000 - d);
	*ret_whole = whole;
	*ret_scattered = scattered > node->scattered ? scattered - node->scattered : 0;
}

static void age_zone(struct pass *p, struct balance *node, bool is_last)
{
	struct zone *zone = p->zone;
	uint64_t nr_full, whole, scattered, boost = zone->watermark_boost;
	uint32_t flags = zone->flags;

	fill(p);
	for (unsigned i = 0; i < CHURN_ROUNDS; i++)
		churn(p);
	nr_full = count_blocks(p);
	plan(p, node, is_last, nr_full, &whole, &scattered);
	choose_whole_blocks(p, whole, nr_full);
	node->free += zone->managed_pages - zone->managed_pages * p->spec->used / 100;
	node->whole += whole << p->spec->order;
	node->scattered += give_back(p, scattered);
	zone->watermark_boost = boost;
	zone->flags = flags;
	free(p->block_used);
	free(p->block_whole);
	vec_finish(&p->live);
}

/* The zones of a node, the smallest first; ties: the lower one. Returns how many. */
static unsigned zones_by_size(struct pglist_data *pgdat, struct zone *zones[MAX_NR_ZONES])
{
	unsigned nr = 0;

	for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
		struct zone *zone = &pgdat->node_zones[t];
		unsigned at = nr;

		if (!zone->managed_pages)
			continue;
		while (at && zones[at - 1]->managed_pages > zone->managed_pages) {
			zones[at] = zones[at - 1];
			at--;
		}
		zones[at] = zone;
		nr++;
	}
	return nr;
}

static int age_node(struct pglist_data *pgdat, const struct ageing_spec *spec, struct rng *rng,
		    struct mmr_error *err)
{
	struct zone *zones[MAX_NR_ZONES];
	unsigned nr = zones_by_size(pgdat, zones);
	struct balance node = {0};
	int off;

	for (unsigned i = 0; i < nr; i++) {
		struct pass p = { .zone = zones[i], .spec = spec, .rng = rng };

		age_zone(&p, &node, i == nr - 1);
	}
	off = (int)ageing_note_index(pgdat) - (int)spec->degree;
	if (nr && (off > AGEING_TOLERANCE || off < -AGEING_TOLERANCE))
		return err_set(err, -ERANGE,
			       "node %u cannot be fragmented to %u at order %u with %u %% of its memory "
			       "in use: it came to %u",
			       pgdat->node_id, spec->degree, spec->order, spec->used,
			       pgdat->mem->ageing->unusable_index[pgdat->node_id]);
	return 0;
}

static int check_spec(const struct memory *mem, const struct ageing_spec *s, struct mmr_error *err)
{
	if (s->order < 1 || s->order > mem->geo->max_order)
		return err_set(err, -EINVAL,
			       "memory cannot be fragmented at order %u: between 1 and %u", s->order,
			       mem->geo->max_order);
	if (s->degree > 1000)
		return err_set(err, -EINVAL, "degree of fragmentation %u is above 1000", s->degree);
	if (s->used < 1 || s->used > 99)
		return err_set(err, -EINVAL, "memory in use: %u %%, between 1 and 99 are possible",
			       s->used);
	if (s->unmovable + s->reclaimable > 100)
		return err_set(err, -EINVAL, "unmovable and reclaimable memory are %u %% together",
			       s->unmovable + s->reclaimable);
	return 0;
}

int age_memory(struct memory *mem, const struct ageing_spec *spec, struct mmr_error *err)
{
	uint64_t events[NR_VM_EVENT_ITEMS];
	struct rng rng;
	int rc = check_spec(mem, spec, err);

	if (rc)
		return rc;
	drain_all_pages(mem);
	memcpy(events, mem->vm_event, sizeof(events));
	ageing_create(mem, spec->order);
	rng_seed(&rng, spec->seed);
	for (unsigned n = 0; n < mem->nr_nodes && !rc; n++)
		rc = age_node(mem->nodes[n], spec, &rng, err);
	memcpy(mem->vm_event, events, sizeof(events));
	return rc;
}
