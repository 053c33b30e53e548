/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The shape of an architecture's page tables: how a virtual address is cut into indices.
 *
 *	level 0 is the table of base pages (PTE), level nr_levels - 1 the root (PGD)
 *	level[i].shift is the log2 of the bytes one entry of level i maps
 *	level[i + 1].shift = level[i].shift + level[i].bits
 *	va_bits = level[nr_levels - 1].shift + level[nr_levels - 1].bits
 */
#ifndef MACHINE_GEOMETRY_H
#define MACHINE_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEOMETRY_MAX_LEVELS 5
#define MAX_PAGE_SIZES 4	/* sizes that one geometry's leaves can have */

struct geometry_level {
	const char *name;	/* the kernel's: "pte", "pmd", "pud", "p4d", "pgd" */
	uint8_t shift;
	uint8_t bits;		/* log2 of the entries of one table */
	bool may_leaf;		/* an entry may map a page of this size */
};

struct geometry {
	const char *name;		/* "x86-64", "arm64-16k" */
	uint8_t page_shift;		/* = level[0].shift */
	uint8_t nr_levels;
	uint8_t va_bits;
	uint8_t half_bits;		/* addresses of one half, user or kernel; see geometry_is_canonical() */
	uint8_t pa_bits;
	uint8_t max_order;		/* largest order of the buddy allocator */
	uint8_t pageblock_order;
	struct geometry_level level[GEOMETRY_MAX_LEVELS];
	uint64_t user_end;		/* first address behind user space (TASK_SIZE_MAX) */
	uint64_t mmap_end;		/* first address behind what mmap gives without a hint */
	uint64_t page_offset;		/* address of physical 0 in the kernel's direct map */
	uint64_t lowmem_bytes;		/* physical memory that the direct map reaches; 0: all of it */
	uint64_t vmalloc_start, vmalloc_end;	/* the kernel's virtually contiguous memory */
	uint64_t vmemmap_start;		/* of the virtual mem_map; 0: there is none */
	uint64_t image_start;		/* where physical 0 would be in the mapping of the kernel's image; 0: it has none */
};

static inline unsigned geometry_index(const struct geometry *g, unsigned level, uint64_t addr)
{
	return addr >> g->level[level].shift & ((1u << g->level[level].bits) - 1);
}

/*
 * User addresses have zeros above half_bits, kernel addresses what page_offset has there: ones by sign extension
 * (x86-64, RISC-V) or for the second root table (arm64), zeros on 32-bit machines, where there is one half only.
 */
static inline bool geometry_is_canonical(const struct geometry *g, uint64_t addr)
{
	uint64_t top = addr >> g->half_bits;

	return top == 0 || top == g->page_offset >> g->half_bits;
}

/* The next boundary after addr of an entry of `level`, or end when that comes first. */
static inline uint64_t geometry_addr_end(const struct geometry *g, unsigned level, uint64_t addr, uint64_t end)
{
	uint64_t size = 1ull << g->level[level].shift;
	uint64_t next = (addr + size) & ~(size - 1);

	return next - 1 < end - 1 ? next : end;
}

/* NULL when there is no geometry of that name. */
const struct geometry *geometry_find(const char *name);
/* The i-th name, NULL behind the last: for "did you mean". */
const char *geometry_name(size_t i);
/* log2 of the bytes of each size a page can have, from small to large. Returns how many. */
unsigned geometry_page_sizes(const struct geometry *g, uint8_t ret_shift[MAX_PAGE_SIZES]);

#endif
