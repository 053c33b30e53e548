/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The array of struct page: reserved whole, backed section by section. See memmap.h. */
#include "mm/memmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SECTION_BYTES ((size_t)SECTION_PAGES * sizeof(struct page))

int memmap_create(struct memory *mem, uint64_t max_pfn)
{
	size_t nr = (max_pfn + SECTION_PAGES - 1) >> SECTION_SHIFT;
	size_t nr_blocks = (nr << SECTION_SHIFT) >> mem->geo->pageblock_order;
	void *map;

	BUG_ON(nr == 0 || (uint64_t)nr << SECTION_SHIFT >= PFN_NONE);
	map = mmap(NULL, nr * SECTION_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	mem->mem_map = map;
	mem->nr_sections = nr;
	mem->max_pfn = (pfn_t)(nr << SECTION_SHIFT);
	mem->sections = xcalloc(nr, sizeof(*mem->sections));
	for (size_t i = 0; i < nr; i++)
		mem->sections[i].node = MAX_NUMNODES;
	mem->blocktype = memset(xmalloc(nr_blocks + 1), MIGRATE_MOVABLE, nr_blocks + 1);
	return 0;
}

void memmap_destroy(struct memory *mem)
{
	if (mem->mem_map)
		munmap(mem->mem_map, mem->nr_sections * SECTION_BYTES);
	free(mem->sections);
	free(mem->blocktype);
	mem->mem_map = NULL;
	mem->sections = NULL;
	mem->blocktype = NULL;
}

void memmap_set_node(struct memory *mem, pfn_t start, pfn_t end, unsigned nid)
{
	for (size_t i = start >> SECTION_SHIFT;
	     i < ((uint64_t)end + SECTION_PAGES - 1) >> SECTION_SHIFT; i++) {
		BUG_ON(mem->sections[i].node != MAX_NUMNODES && mem->sections[i].node != nid);
		mem->sections[i].node = (uint16_t)nid;
	}
}

void memmap_touch_slow(struct memory *mem, size_t section)
{
	struct page *pages = mem->mem_map + (section << SECTION_SHIFT);

	/* Without rights nothing was ever written there: the pages come zeroed. */
	if (mprotect(pages, SECTION_BYTES, PROT_READ | PROT_WRITE))
		xalloc_failed(SECTION_BYTES);
	mem->sections[section].pages = pages;
}
