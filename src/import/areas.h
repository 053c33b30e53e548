/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which memory of a process is mapped, and how: intervals by address. For traces that do not say it, areas are guessed as
 * accesses come: the aligned AREAS_GUESS bytes around one that lies nowhere, cut to the free space, with the permission
 * that it needs; what is touched densely grows together.
 */
#ifndef IMPORT_AREAS_H
#define IMPORT_AREAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define AREAS_GUESS 65536ull

struct area {
	uint64_t start, end;	/* [start, end), whole pages */
	uint32_t prot;		/* PROT_* bits */
};

struct areas {
	VEC(struct area) v;	/* sorted, disjoint; neighbours of one kind are one */
	size_t last;		/* answer of the last look-up */
};

void areas_finish(struct areas *a);
/* The area of an address, NULL when there is none. Valid until the next change. */
const struct area *areas_find(struct areas *a, uint64_t addr);
/* Sets what [start, end) is; replaces what was there. */
void areas_set(struct areas *a, uint64_t start, uint64_t end, uint32_t prot);
void areas_clear(struct areas *a, uint64_t start, uint64_t end);
/* The guess for an address that lies in no area. */
struct area areas_guess(struct areas *a, uint64_t addr, uint32_t prot);

#endif
