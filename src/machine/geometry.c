/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The architectures' page tables.
 * Kernel counterpart: arch/x86/include/asm/pgtable_64_types.h, page_64_types.h; mm/Kconfig (ARCH_FORCE_MAX_ORDER,
 * 10 on x86), include/linux/pageblock-flags.h (pageblock_order is the PMD's on x86-64).
 * Kernel addresses: Documentation/arch/x86/x86_64/mm.rst, without randomisation (nokaslr).
 */
#include "machine/geometry.h"

#include <string.h>

#include "base/bug.h"

static const struct geometry geometries[] = {
	{
		.name = "x86-64",
		.page_shift = 12, .nr_levels = 4, .va_bits = 48, .pa_bits = 46,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pud", 30, 9, true },
			{ "pgd", 39, 9, false },
		},
		.user_end = 0x00007ffffffff000ull,	/* TASK_SIZE_MAX */
		.mmap_end = 0x00007ffffffff000ull,	/* DEFAULT_MAP_WINDOW */
		.page_offset = 0xffff888000000000ull,
		.vmalloc_start = 0xffffc90000000000ull,
		.vmalloc_end = 0xffffe90000000000ull,
	}, {
		.name = "x86-64-la57",
		.page_shift = 12, .nr_levels = 5, .va_bits = 57, .pa_bits = 52,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pud", 30, 9, true },
			{ "p4d", 39, 9, false },
			{ "pgd", 48, 9, false },
		},
		.user_end = 0x00fffffffffff000ull,
		.mmap_end = 0x00007ffffffff000ull,	/* above it only with a hint */
		.page_offset = 0xff11000000000000ull,
		.vmalloc_start = 0xffa0000000000000ull,
		.vmalloc_end = 0xffd2000000000000ull,
	},
};

const struct geometry *geometry_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(geometries); i++)
		if (!strcmp(geometries[i].name, name))
			return &geometries[i];
	return NULL;
}

const char *geometry_name(size_t i)
{
	return i < ARRAY_SIZE(geometries) ? geometries[i].name : NULL;
}

unsigned geometry_page_sizes(const struct geometry *g, uint8_t ret_shift[MAX_PAGE_SIZES])
{
	unsigned nr = 0;

	for (unsigned i = 0; i < g->nr_levels; i++)
		if (g->level[i].may_leaf)
			ret_shift[nr++] = g->level[i].shift;
	return nr;
}
