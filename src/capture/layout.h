/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Where the same program's memory would lie without valgrind.
 *
 * Valgrind gives the program other addresses than the kernel would: mappings grow upwards from
 * 0x4800000, the heap starts at 0x4000000, the stack ends at 0x1fff001000. Page tables depend on that.
 * So each mapping gets a second, native address: the one that Linux 6.18 picks on x86-64 with address
 * space randomisation off, and all addresses are moved from the one to the other, by whole pages.
 *
 * Kernel counterpart: mm/mmap.c __get_unmapped_area(), arch/x86/kernel/sys_x86_64.c
 *   modelled: top-down search below mmap_base, hints, MAP_FIXED, MAP_32BIT, THP alignment of large
 *     mappings (anonymous of whole PMDs, files that cover a PMD), growth in place by mremap
 *   left out: guard gaps of MAP_GROWSDOWN mappings, five-level address spaces, hugetlb files
 * A fixed mapping at an address that nothing was mapped at keeps its address if that is free.
 *
 * Interface:
 *   - layout_mmap() places a mapping; layout_add() puts one at a known native address
 *   - layout_piece(): iterates over the mapped pieces of a range, each contiguous in both spaces
 *   - layout_unmap(), layout_mremap(); layout_native(): one address
 *   - with `native` false every native address is the tool's own
 */
#ifndef CAPTURE_LAYOUT_H
#define CAPTURE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct layout_range {
	uint64_t start, end;	/* [start, end), whole pages */
	uint64_t native;	/* where `start` lies natively */
};

struct layout_ranges {
	VEC(struct layout_range) v;	/* sorted, disjoint */
};

struct layout {
	bool native;
	uint64_t mmap_base;		/* native: mappings are searched below */
	struct layout_ranges tool;	/* by the tool's address */
	struct layout_ranges taken;	/* by native address; .native is not used */
	struct layout_range last;	/* answer of the last layout_native() that hit */
};

#define LAYOUT_NONE	UINT64_MAX
#define LAYOUT_PMD	(2ull << 20)

void layout_init(struct layout *l, bool native, uint64_t mmap_base);
void layout_finish(struct layout *l);
void layout_copy(struct layout *dst, const struct layout *src);	/* dst is not initialised */

struct layout_request {
	uint64_t hint;		/* first argument of mmap */
	uint64_t tool;		/* address that the tool's mmap gave back */
	uint64_t len;
	uint64_t flags;		/* MAP_* */
	uint64_t offset;	/* in the file */
	bool has_file;
};

/* Makes the mapping in both spaces and returns its native address. */
uint64_t layout_mmap(struct layout *l, const struct layout_request *req);
/* The same at a native address that the caller knows. */
void layout_add(struct layout *l, uint64_t tool, uint64_t len, uint64_t native);
/* Takes native space that has no counterpart (vdso). Returns its address, searched as for mmap. */
uint64_t layout_reserve(struct layout *l, uint64_t len);
void layout_unmap(struct layout *l, uint64_t tool, uint64_t len);
/* A successful mremap of the tool; returns the native address afterwards, LAYOUT_NONE if unmapped. */
uint64_t layout_mremap(struct layout *l, uint64_t old, uint64_t old_len, uint64_t new_len,
		       uint64_t flags, uint64_t tool);

/* Native address of a byte, LAYOUT_NONE when nothing is mapped there. */
uint64_t layout_native(struct layout *l, uint64_t tool);
/*
 * The next piece of [*pos, end) that is mapped: false when there is none. *pos moves behind the piece;
 * *ret_native and *ret_len say where it lies.
 */
bool layout_piece(const struct layout *l, uint64_t *pos, uint64_t end, uint64_t *ret_native,
		  uint64_t *ret_len);

#endif
