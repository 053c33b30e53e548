/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One translation cache: a first-level TLB, a second-level TLB, or the walk cache of one level.
 *
 * Entries lie in arrays of sets and ways; the geometry decides which entry has to go and nothing else. Finding is
 * by a hash of the page number with chains through the entries, so that a lookup costs the same for a
 * fully associative cache of 96 entries and for one of 4 ways, and needs one compare per entry whatever the page size:
 *
 *	key	| 63-12 granule (4 KiB) | 11-0 tag number of the address space |
 *	match	((entry->tag ^ key) & entry->mask) == 0
 *
 * The mask drops the granule bits inside a large page, and the tag number of a global page. entry[0] ends every
 * chain: its mask is 0, so it matches every key, and its flags are 0, so it permits nothing.
 *
 * Tag numbers stand for address spaces; a flush of one takes its number out of `live` (which the CPU keeps) and
 * costs nothing else. An entry whose number is not live is as good as empty: it matches no key, and goes first.
 *
 * Replacement is exact least-recently-used: entry->stamp is the time of the last use, 0 of an empty entry.
 * Invariant: entry i > 0 is in exactly one chain <=> stamp != 0; nr_valid[s] = entries of size s with stamp != 0;
 * no two used entries of one cache have the same stamp; at most one live entry matches a key;
 * floor[g] <= stamp of every entry of group g.
 */
#ifndef MACHINE_TLB_CACHE_H
#define MACHINE_TLB_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/geometry.h"

#define TLB_KEY_SHIFT	12			/* granule number in a key starts here */
#define TLB_NR_TAGS	(1u << TLB_KEY_SHIFT)	/* tag numbers; the last is never used */
#define TLB_TAG_GLOBAL	0			/* always live */
#define TLB_MAX_ENTRIES	65535			/* of one cache: slots are 16 bits, slot 0 is taken */
#define TLB_MAX_ARRAYS	MAX_PAGE_SIZES

struct tlb_entry {
	uint64_t tag;		/* key, of the first granule that it maps */
	uint64_t mask;		/* bits of the key that count */
	uint64_t stamp;		/* of the last use; 0: empty */
	uint16_t next;		/* slot in the chain, 0 ends it */
	uint16_t flags;		/* TLB_*: what it permits */
	uint16_t class;		/* which counter a hit adds to */
	uint8_t size;		/* index of the page size it covers */
	uint8_t mapped;		/* index of the page size in the page table: >= size */
};
_Static_assert(sizeof(struct tlb_entry) == 32, "two entries a cache line");

/* `ways` ways of `nr_sets` sets from entry[first] on, for the page sizes in `sizes`. */
struct tlb_array_geometry {
	uint32_t nr_sets, ways;
	uint8_t sizes;		/* bit s: holds pages of size index s */
};

struct tlb_array {
	struct tlb_array_geometry geo;
	uint32_t first;
	uint64_t *floor;	/* per group of each set: see tlb-cache.c; NULL when the ways are few */
};

struct tlb_cache {
	struct tlb_entry *entry;
	uint16_t *head;			/* hash of a page number -> slot */
	uint8_t hash_shift;
	uint8_t nr_sizes;
	uint8_t shift[MAX_PAGE_SIZES];		/* log2 of the granules of each size */
	uint8_t array_of[MAX_PAGE_SIZES];	/* array that holds the size, TLB_NO_ARRAY none */
	uint8_t held_as[MAX_PAGE_SIZES];	/* size that a page of this size is held as: itself or smaller */
	uint32_t nr_valid[MAX_PAGE_SIZES];
	uint32_t nr_splintered;		/* entries with size < mapped ever made since the last sweep */
	uint32_t nr_entries;
	bool may_have_dead;		/* a number died since the last sweep */
	uint32_t nr_buried;		/* entries looked at for dead ones since then */
	unsigned nr_arrays;
	struct tlb_array array[TLB_MAX_ARRAYS];
	const uint64_t *live;		/* bitmap of tag numbers */
	const struct tlb_policy *policy;
};
#define TLB_NO_ARRAY 255

/* Which entry goes: one file-local row per policy. */
struct tlb_policy {
	const char *name, *meaning;
	/* Slot to fill, 0: the cache keeps nothing. */
	uint32_t (*victim)(struct tlb_cache *c, struct tlb_array *a, uint32_t set);
};
enum tlb_policy_index { TLB_POLICY_LRU, TLB_POLICY_NULL };
/* In this order, which is that of the choices of machine.tlb. */
extern const struct tlb_policy tlb_policies[];
extern const char *const tlb_policy_names[];	/* NULL ends it */

/* What a new entry says. */
struct tlb_mapping {
	uint64_t key;
	uint16_t flags;
	uint16_t class;
	uint8_t size;		/* in the page table */
	bool global;
};

/* `shift`: log2 of the granules of each size. `arrays` name only sizes below nr_sizes. */
void tlb_cache_init(struct tlb_cache *c, const struct tlb_array_geometry *arrays, unsigned nr_arrays,
		    const uint8_t *shift, unsigned nr_sizes, const uint64_t *live, const struct tlb_policy *policy);
void tlb_cache_finish(struct tlb_cache *c);
/* The entry that translates the key, NULL when there is none; its stamp is left alone. */
struct tlb_entry *tlb_cache_lookup(const struct tlb_cache *c, uint64_t key);
/*
 * Makes the entry for a page that has none (tlb_cache_lookup() found nothing). NULL when the cache cannot hold it.
 * evictions[size]++ when a live entry of that size had to go.
 */
struct tlb_entry *tlb_cache_insert(struct tlb_cache *c, const struct tlb_mapping *m, uint64_t stamp,
				   uint64_t *evictions);
/* Removes what translates the key, the pieces of a larger page included. Returns entries removed. */
unsigned tlb_cache_remove(struct tlb_cache *c, uint64_t key);
/* Removes entries of dead numbers; with `global`, global ones too. */
void tlb_cache_sweep(struct tlb_cache *c, bool global);
/* A tag number is no longer live. */
static inline void tlb_cache_tag_died(struct tlb_cache *c)
{
	c->may_have_dead = true;
	c->nr_buried = 0;
}
bool tlb_cache_consistent(const struct tlb_cache *c);

static inline uint64_t tlb_hash(const struct tlb_cache *c, uint64_t page)
{
	return page * 0x9e3779b97f4a7c15ull >> c->hash_shift;
}

/* The entry for a key if it is of a size of `shift`, else entry[0]. */
static inline struct tlb_entry *tlb_cache_find(const struct tlb_cache *c, uint64_t key, unsigned shift)
{
	struct tlb_entry *e = &c->entry[c->head[tlb_hash(c, key >> TLB_KEY_SHIFT >> shift)]];

	while ((e->tag ^ key) & e->mask)
		e = &c->entry[e->next];
	return e;
}

#endif
