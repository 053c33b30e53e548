/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Frames of the traced machine to frames of the model: see pfn-map.h. */
#include "sim/pfn-map.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"

void pfn_map_init(struct pfn_map *map)
{
	*map = (struct pfn_map){0};
	htable_init(&map->chunks);
}

void pfn_map_finish(struct pfn_map *map)
{
	size_t pos = 0;
	uint64_t key, value;

	while (htable_next(&map->chunks, &pos, &key, &value))
		free(htable_get_ptr(&map->chunks, key));
	htable_finish(&map->chunks);
	map->last = NULL;
	map->nr = 0;
}

static struct pfn_map_chunk *find_chunk(struct pfn_map *map, uint64_t number)
{
	struct pfn_map_chunk *chunk = map->last;

	if (chunk && chunk->number == number)
		return chunk;
	chunk = htable_get_ptr(&map->chunks, number);
	if (chunk)
		map->last = chunk;
	return chunk;
}

static struct pfn_map_chunk *make_chunk(struct pfn_map *map, uint64_t number)
{
	struct pfn_map_chunk *chunk = xmalloc(sizeof(*chunk));

	chunk->number = number;
	chunk->nr = 0;
	for (unsigned i = 0; i < PFN_MAP_CHUNK; i++)
		chunk->to[i] = PFN_NONE;
	htable_set_ptr(&map->chunks, number, chunk);
	map->last = chunk;
	return chunk;
}

pfn_t pfn_map_get(struct pfn_map *map, uint64_t pfn)
{
	const struct pfn_map_chunk *chunk = find_chunk(map, pfn >> PFN_MAP_SHIFT);

	return chunk ? chunk->to[pfn & (PFN_MAP_CHUNK - 1)] : PFN_NONE;
}

void pfn_map_set(struct pfn_map *map, uint64_t pfn, pfn_t to)
{
	struct pfn_map_chunk *chunk = find_chunk(map, pfn >> PFN_MAP_SHIFT);
	pfn_t *entry;

	BUG_ON(to == PFN_NONE);
	if (!chunk)
		chunk = make_chunk(map, pfn >> PFN_MAP_SHIFT);
	entry = &chunk->to[pfn & (PFN_MAP_CHUNK - 1)];
	if (*entry == PFN_NONE) {
		chunk->nr++;
		map->nr++;
	}
	*entry = to;
}

pfn_t pfn_map_del(struct pfn_map *map, uint64_t pfn)
{
	struct pfn_map_chunk *chunk = find_chunk(map, pfn >> PFN_MAP_SHIFT);
	pfn_t old = chunk ? chunk->to[pfn & (PFN_MAP_CHUNK - 1)] : PFN_NONE;

	if (old == PFN_NONE)
		return PFN_NONE;
	chunk->to[pfn & (PFN_MAP_CHUNK - 1)] = PFN_NONE;
	map->nr--;
	if (--chunk->nr == 0) {
		htable_del(&map->chunks, chunk->number);
		map->last = NULL;
		free(chunk);
	}
	return old;
}

bool pfn_map_consistent(const struct pfn_map *map)
{
	size_t pos = 0;
	uint64_t key, value, nr = 0;

	while (htable_next(&map->chunks, &pos, &key, &value)) {
		const struct pfn_map_chunk *chunk = htable_get_ptr(&map->chunks, key);
		uint32_t set = 0;

		for (unsigned i = 0; i < PFN_MAP_CHUNK; i++)
			set += chunk->to[i] != PFN_NONE;
		if (chunk->number != key || set != chunk->nr || set == 0)
			return false;
		nr += set;
	}
	return nr == map->nr;
}
