/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The architectures' page tables.
 * Kernel counterpart: arch/x86/include/asm/pgtable_64_types.h, page_64_types.h, pgtable-2level_types.h,
 * pgtable-3level_types.h, pgtable_32_areas.h; arch/arm64/include/asm/memory.h, pgtable-hwdef.h;
 * arch/riscv/include/asm/pgtable.h. ARCH_FORCE_MAX_ORDER (arch/arm64/Kconfig: 10, 11 and 13 by granule; elsewhere
 * 10); include/linux/pageblock-flags.h: a pageblock is the smallest huge page, at most the largest order.
 * Kernel addresses: Documentation/arch/x86/x86_64/mm.rst, arch/arm64/memory.rst, arch/riscv/vm-layout.rst, without
 * randomisation (nokaslr).
 *
 * x86-32: a kernel with CONFIG_VMSPLIT_3G. Its low memory ends where 128 MiB are left for vmalloc, windows and
 * fixed mappings: 896 MiB, as in the textbooks (a kernel of today says some MiB less). 64 GiB with PAE, page tables
 * in high memory and 32-bit NUMA left the kernel with 6.15; high memory below 4 GiB and pages of 4 MiB are
 * still there in 6.18.
 * arm64: 48 bits of virtual address (what CONFIG_ARM64_VA_BITS_52 comes down to without LVA or LPA2). The user's and the
 * kernel's half have a root table each.
 * Simplified: PAE's root is a page like any other table; contiguous-bit and Svnapot sizes are no levels.
 */
#include "machine/geometry.h"

#include <string.h>

#include "base/bug.h"

static const struct geometry geometries[] = {
	{
		.name = "x86-64",
		.page_shift = 12, .nr_levels = 4, .va_bits = 48, .half_bits = 47, .pa_bits = 46,
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
		.vmemmap_start = 0xffffea0000000000ull,
		.image_start = 0xffffffff80000000ull,
	}, {
		.name = "x86-64-la57",
		.page_shift = 12, .nr_levels = 5, .va_bits = 57, .half_bits = 56, .pa_bits = 52,
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
		.vmemmap_start = 0xffd4000000000000ull,
		.image_start = 0xffffffff80000000ull,
	}, {
		.name = "x86-32",
		.page_shift = 12, .nr_levels = 2, .va_bits = 32, .half_bits = 32, .pa_bits = 32,
		.max_order = 10, .pageblock_order = 10,
		.level = {
			{ "pte", 12, 10, true },
			{ "pgd", 22, 10, true },
		},
		.user_end = 0xc0000000ull,		/* TASK_SIZE = PAGE_OFFSET */
		.mmap_end = 0xc0000000ull,
		.page_offset = 0xc0000000ull,
		.lowmem_bytes = 896ull << 20,
		.vmalloc_start = 0xf8800000ull,		/* 8 MiB behind low memory */
		.vmalloc_end = 0xff7fe000ull,		/* two pages below the windows of kmap */
	}, {
		.name = "x86-32-pae",
		.page_shift = 12, .nr_levels = 3, .va_bits = 32, .half_bits = 32, .pa_bits = 36,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pgd", 30, 2, false },
		},
		.user_end = 0xc0000000ull,
		.mmap_end = 0xc0000000ull,
		.page_offset = 0xc0000000ull,
		.lowmem_bytes = 896ull << 20,
		.vmalloc_start = 0xf8800000ull,
		.vmalloc_end = 0xff9fe000ull,
	}, {
		.name = "arm64-4k",
		.page_shift = 12, .nr_levels = 4, .va_bits = 48, .half_bits = 48, .pa_bits = 48,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pud", 30, 9, true },
			{ "pgd", 39, 9, false },
		},
		.user_end = 1ull << 48,
		.mmap_end = 1ull << 48,
		.page_offset = 0xffff000000000000ull,
		.vmalloc_start = 0xffff800080000000ull,
		.vmalloc_end = 0xfffffbfff0000000ull,
		.vmemmap_start = 0xfffffc0000000000ull,
	}, {
		.name = "arm64-16k",
		.page_shift = 14, .nr_levels = 4, .va_bits = 48, .half_bits = 48, .pa_bits = 48,
		.max_order = 11, .pageblock_order = 11,
		.level = {
			{ "pte", 14, 11, true },
			{ "pmd", 25, 11, true },	/* 32M */
			{ "pud", 36, 11, false },	/* blocks of 64G need LPA2 */
			{ "pgd", 47, 1, false },
		},
		.user_end = 1ull << 48,
		.mmap_end = 1ull << 48,
		.page_offset = 0xffff000000000000ull,
		.vmalloc_start = 0xffff800080000000ull,
		.vmalloc_end = 0xfffffbfff0000000ull,
		.vmemmap_start = 0xffffff0000000000ull,
	}, {
		.name = "arm64-64k",
		.page_shift = 16, .nr_levels = 3, .va_bits = 48, .half_bits = 48, .pa_bits = 48,
		.max_order = 13, .pageblock_order = 13,
		.level = {
			{ "pte", 16, 13, true },
			{ "pmd", 29, 13, true },	/* 512M */
			{ "pgd", 42, 6, false },
		},
		.user_end = 1ull << 48,
		.mmap_end = 1ull << 48,
		.page_offset = 0xffff000000000000ull,
		.vmalloc_start = 0xffff800080000000ull,
		.vmalloc_end = 0xfffffbfff0000000ull,
		.vmemmap_start = 0xffffffc000000000ull,
	}, {
		.name = "riscv-sv39",
		.page_shift = 12, .nr_levels = 3, .va_bits = 39, .half_bits = 38, .pa_bits = 56,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pgd", 30, 9, true },
		},
		.user_end = 1ull << 38,
		.mmap_end = 1ull << 38,
		.page_offset = 0xffffffd600000000ull,
		.vmalloc_start = 0xffffffc600000000ull,
		.vmalloc_end = 0xffffffd600000000ull,
		.vmemmap_start = 0xffffffc500000000ull,
	}, {
		.name = "riscv-sv48",
		.page_shift = 12, .nr_levels = 4, .va_bits = 48, .half_bits = 47, .pa_bits = 56,
		.max_order = 10, .pageblock_order = 9,
		.level = {
			{ "pte", 12, 9, true },
			{ "pmd", 21, 9, true },
			{ "pud", 30, 9, true },
			{ "pgd", 39, 9, true },		/* 512G; Linux maps user memory up to 1G */
		},
		.user_end = 1ull << 47,
		.mmap_end = 1ull << 47,
		.page_offset = 0xffffaf8000000000ull,
		.vmalloc_start = 0xffff8f8000000000ull,
		.vmalloc_end = 0xffffaf8000000000ull,
		.vmemmap_start = 0xffff8d8000000000ull,
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
