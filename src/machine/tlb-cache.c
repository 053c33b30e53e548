/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Sets, ways and chains of one translation cache.
 *
 * The least recently used of a few ways is found by looking at all. More ways are cut into groups of GROUP, and a
 * group has a floor: no stamp in it is smaller. A use only makes a stamp larger, so floors need no care on the hot
 * path. The group of the lowest floor is looked at: when its smallest stamp is the floor, that is the smallest of
 * all; else the floor was too low, is raised, and the next lowest is looked at.
 */
#include "machine/tlb-cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/xalloc.h"

#define FEW_WAYS 16
#define GROUP 8

static bool is_live(const struct tlb_cache *c, const struct tlb_entry *e)
{
	return bitmap_test(c->live, e->tag & (TLB_NR_TAGS - 1));
}

static uint16_t *chain_of(const struct tlb_cache *c, const struct tlb_entry *e)
{
	return &c->head[tlb_hash(c, e->tag >> TLB_KEY_SHIFT >> c->shift[e->size])];
}

static unsigned nr_groups(const struct tlb_array *a)
{
	return (a->geo.ways + GROUP - 1) / GROUP;
}

/* Floors of a set. */
static uint64_t *floors_of(const struct tlb_array *a, uint32_t set)
{
	return a->floor + (size_t)set * nr_groups(a);
}

/* Takes the entry out of its chain and leaves it empty. */
static void drop(struct tlb_cache *c, struct tlb_entry *e)
{
	const struct tlb_array *a = &c->array[c->array_of[e->size]];
	uint32_t slot = (uint32_t)(e - c->entry), way = slot - a->first;
	uint16_t *p = chain_of(c, e);

	while (*p != slot)
		p = &c->entry[*p].next;
	*p = e->next;
	c->nr_valid[e->size]--;
	e->stamp = 0;
	if (a->floor)
		floors_of(a, way / a->geo.ways)[way % a->geo.ways / GROUP] = 0;
}

/* ---- replacement ---- */

static uint32_t oldest_of_few(const struct tlb_entry *e, uint32_t nr)
{
	uint64_t min = e[0].stamp;
	uint32_t at = 0;

	for (uint32_t i = 1; i < nr; i++) {
		at = e[i].stamp < min ? i : at;
		min = e[i].stamp < min ? e[i].stamp : min;
	}
	return at;
}

static uint32_t lowest(const uint64_t *v, uint32_t nr)
{
	uint64_t min = v[0];
	uint32_t at = 0;

	for (uint32_t i = 1; i < nr; i++) {
		at = v[i] < min ? i : at;
		min = v[i] < min ? v[i] : min;
	}
	return at;
}

static uint32_t oldest_of_many(const struct tlb_entry *e, uint32_t nr, uint64_t *floor, uint32_t groups)
{
	for (;;) {
		uint32_t g = lowest(floor, groups), start = g * GROUP;
		uint32_t at = start + oldest_of_few(e + start, nr - start < GROUP ? nr - start : GROUP);

		if (e[at].stamp == floor[g])
			return at;
		floor[g] = e[at].stamp;
	}
}

/* Empties the dead entries of a set, and of all sets when that has cost as much. */
static __attribute__((noinline)) void bury_dead(struct tlb_cache *c, uint32_t first, uint32_t ways)
{
	c->nr_buried += ways;
	if (c->nr_buried >= c->nr_entries) {
		tlb_cache_sweep(c, false);
		return;
	}
	for (struct tlb_entry *e = &c->entry[first]; e < &c->entry[first + ways]; e++)
		if (e->stamp && !is_live(c, e))
			drop(c, e);
}

static uint32_t lru_victim(struct tlb_cache *c, struct tlb_array *a, uint32_t set)
{
	uint32_t ways = a->geo.ways, first = a->first + set * ways;

	if (c->may_have_dead)
		bury_dead(c, first, ways);
	if (!a->floor)
		return first + oldest_of_few(&c->entry[first], ways);
	return first + oldest_of_many(&c->entry[first], ways, floors_of(a, set), nr_groups(a));
}

static uint32_t null_victim(struct tlb_cache *c, struct tlb_array *a, uint32_t set)
{
	(void)c, (void)a, (void)set;
	return 0;
}

const struct tlb_policy tlb_policies[] = {
	[TLB_POLICY_LRU] = { "lru", "least recently used, exact", lru_victim },
	[TLB_POLICY_NULL] = { "null", "keeps nothing: every access walks", null_victim },
};
const char *const tlb_policy_names[] = { "lru", "null", NULL };

static uint64_t size_mask(const struct tlb_cache *c, unsigned size)
{
	return ~0ull << (TLB_KEY_SHIFT + c->shift[size]) | (TLB_NR_TAGS - 1);
}

static void init_array(struct tlb_cache *c, const struct tlb_array_geometry *geo)
{
	struct tlb_array *a = &c->array[c->nr_arrays];
	unsigned nr_sizes = c->nr_sizes < MAX_PAGE_SIZES ? c->nr_sizes : MAX_PAGE_SIZES;

	a->geo = *geo;
	a->first = c->nr_entries + 1;
	a->floor = geo->ways > FEW_WAYS ? xcalloc((size_t)geo->nr_sets * nr_groups(a), sizeof(*a->floor)) : NULL;
	c->nr_entries += geo->nr_sets * geo->ways;
	BUG_ON(c->nr_entries > TLB_MAX_ENTRIES);
	for (unsigned s = 0; s < nr_sizes; s++)
		if (geo->sizes >> s & 1)
			c->array_of[s] = (uint8_t)c->nr_arrays;
	c->nr_arrays++;
}

void tlb_cache_init(struct tlb_cache *c, const struct tlb_array_geometry *arrays, unsigned nr_arrays,
		    const uint8_t *shift, unsigned nr_sizes, const uint64_t *live, const struct tlb_policy *policy)
{
	unsigned bits = 10;	/* short chains: what is often hit should stand first in one */

	BUG_ON(nr_arrays > TLB_MAX_ARRAYS || nr_sizes > MAX_PAGE_SIZES);
	memset(c, 0, sizeof(*c));
	memset(c->array_of, TLB_NO_ARRAY, sizeof(c->array_of));
	memcpy(c->shift, shift, nr_sizes);
	c->nr_sizes = (uint8_t)nr_sizes;
	c->live = live;
	c->policy = policy;
	for (unsigned i = 0; i < nr_arrays; i++)
		init_array(c, &arrays[i]);
	for (unsigned s = 0; s < nr_sizes; s++)
		c->held_as[s] = (uint8_t)(c->array_of[s] == TLB_NO_ARRAY && s ? c->held_as[s - 1] : s);
	while (1u << bits < 2 * c->nr_entries)
		bits++;
	c->hash_shift = (uint8_t)(64 - bits);
	c->head = xcalloc(1ull << bits, sizeof(*c->head));
	c->entry = xaligned_zalloc(64, (c->nr_entries + 1ull) * sizeof(*c->entry));
}

void tlb_cache_finish(struct tlb_cache *c)
{
	for (unsigned i = 0; i < c->nr_arrays; i++)
		free(c->array[i].floor);
	free(c->head);
	free(c->entry);
	memset(c, 0, sizeof(*c));
}

struct tlb_entry *tlb_cache_lookup(const struct tlb_cache *c, uint64_t key)
{
	for (unsigned s = 0; s < c->nr_sizes; s++) {
		struct tlb_entry *e = c->nr_valid[s] ? tlb_cache_find(c, key, c->shift[s]) : c->entry;

		if (e != c->entry)
			return e;
	}
	return NULL;
}

static uint32_t set_of(const struct tlb_array *a, uint64_t page)
{
	uint32_t nr = a->geo.nr_sets;

	return (uint32_t)((nr & (nr - 1)) == 0 ? page & (nr - 1) : page % nr);
}

struct tlb_entry *tlb_cache_insert(struct tlb_cache *c, const struct tlb_mapping *m, uint64_t stamp,
				   uint64_t *evictions)
{
	unsigned size = c->held_as[m->size];
	struct tlb_array *a = &c->array[c->array_of[size]];
	struct tlb_entry *e;
	uint32_t slot;
	uint16_t *p;

	if (c->array_of[size] == TLB_NO_ARRAY)
		return NULL;
	VM_BUG_ON(tlb_cache_lookup(c, m->key));
	slot = c->policy->victim(c, a, set_of(a, m->key >> TLB_KEY_SHIFT >> c->shift[size]));
	if (!slot)
		return NULL;
	e = &c->entry[slot];
	if (e->stamp) {
		evictions[e->size]++;
		drop(c, e);
	}
	e->mask = size_mask(c, size);
	if (m->global)
		e->mask &= ~(uint64_t)(TLB_NR_TAGS - 1);
	e->tag = m->key & e->mask;	/* of a global page: TLB_TAG_GLOBAL */
	e->stamp = stamp;
	e->flags = m->flags;
	e->class = m->class;
	e->size = (uint8_t)size;
	e->mapped = m->size;
	p = chain_of(c, e);
	e->next = *p;
	*p = (uint16_t)slot;
	c->nr_valid[size]++;
	c->nr_splintered += size < m->size;
	return e;
}

/* Pieces of a larger page may lie anywhere: look at all entries. */
static unsigned remove_pieces(struct tlb_cache *c, uint64_t key)
{
	unsigned nr = 0;

	for (struct tlb_entry *e = c->entry + 1; e <= c->entry + c->nr_entries; e++) {
		if (!e->stamp || e->size == e->mapped)
			continue;
		if ((e->tag ^ key) & e->mask & size_mask(c, e->mapped))
			continue;
		drop(c, e);
		nr++;
	}
	return nr;
}

unsigned tlb_cache_remove(struct tlb_cache *c, uint64_t key)
{
	unsigned nr = 0;

	if (c->nr_splintered)
		nr += remove_pieces(c, key);
	for (struct tlb_entry *e; (e = tlb_cache_lookup(c, key)) != NULL; nr++)
		drop(c, e);
	return nr;
}

void tlb_cache_sweep(struct tlb_cache *c, bool global)
{
	c->nr_splintered = 0;
	c->may_have_dead = false;
	for (struct tlb_entry *e = c->entry + 1; e <= c->entry + c->nr_entries; e++) {
		bool is_global = (e->tag & (TLB_NR_TAGS - 1)) == TLB_TAG_GLOBAL;

		if (e->stamp && (!is_live(c, e) || (global && is_global)))
			drop(c, e);
		else if (e->stamp)
			c->nr_splintered += e->size < e->mapped;
	}
}

static bool floors_hold(const struct tlb_cache *c, const struct tlb_array *a)
{
	for (uint32_t i = 0; a->floor && i < a->geo.nr_sets * a->geo.ways; i++)
		if (floors_of(a, i / a->geo.ways)[i % a->geo.ways / GROUP] > c->entry[a->first + i].stamp)
			return false;
	return true;
}

bool tlb_cache_consistent(const struct tlb_cache *c)
{
	uint32_t valid[MAX_PAGE_SIZES] = {0}, chained = 0;
	uint64_t nr_heads = 1ull << (64 - c->hash_shift);

	for (uint64_t h = 0; h < nr_heads; h++)
		for (uint32_t s = c->head[h]; s; s = c->entry[s].next)
			if (++chained > c->nr_entries || !c->entry[s].stamp || chain_of(c, &c->entry[s]) != &c->head[h])
				return false;
	for (uint32_t slot = 1; slot <= c->nr_entries; slot++)
		if (c->entry[slot].stamp)
			valid[c->entry[slot].size]++, chained--;
	for (unsigned i = 0; i < c->nr_arrays; i++)
		if (!floors_hold(c, &c->array[i]))
			return false;
	for (unsigned s = 0; s < c->nr_sizes; s++)
		if (valid[s] != c->nr_valid[s])
			return false;
	return chained == 0 && !c->entry[0].mask && !c->entry[0].flags;
}
