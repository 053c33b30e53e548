/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Frames of the traced machine -> frames of the model, page by page.
 *
 * A block that was allocated as one may be freed in parts (split_page(), alloc_pages_exact()), and
 * parts of several blocks may be freed as one; so there is an entry for each page, and none for blocks.
 * Entries stand in chunks of 512 frames, which exist while one of their entries does.
 *
 * Interface:
 *   - pfn_map_get(), pfn_map_set(), pfn_map_del(): one page; frames up to 2^52
 */
#ifndef SIM_PFN_MAP_H
#define SIM_PFN_MAP_H

#include "base/htable.h"
#include "mm/mmzone.h"

#define PFN_MAP_SHIFT 9
#define PFN_MAP_CHUNK (1u << PFN_MAP_SHIFT)

struct pfn_map_chunk {
	uint64_t number;   /* traced frame >> PFN_MAP_SHIFT */
	uint32_t nr;	   /* entries that are set */
	pfn_t to[PFN_MAP_CHUNK]; /* PFN_NONE: not set */
};

struct pfn_map {
	struct htable chunks;	     /* number -> chunk */
	struct pfn_map_chunk *last;  /* found last, NULL for none */
	uint64_t nr;		     /* entries that are set */
};

void pfn_map_init(struct pfn_map *map);
void pfn_map_finish(struct pfn_map *map);
/* PFN_NONE when there is no entry. */
pfn_t pfn_map_get(struct pfn_map *map, uint64_t pfn);
/* to: not PFN_NONE. Replaces what was there. */
void pfn_map_set(struct pfn_map *map, uint64_t pfn, pfn_t to);
/* What the entry was, PFN_NONE for none. */
pfn_t pfn_map_del(struct pfn_map *map, uint64_t pfn);
/* Counts and chunks agree. */
bool pfn_map_consistent(const struct pfn_map *map);

#endif
