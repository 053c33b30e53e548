/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The areas of a process as far as MMAP2 records alone tell, for captures without system calls.
 *
 * An MMAP2 record shows an area after a call: one that is new, one that grew by merging with its
 * neighbours, or one whose protection changed. Which one it was follows from what was there before.
 * munmap leaves no record, so an area that comes again exactly as it was is taken for a new mapping
 * in the same place.
 *
 * Invariant: areas are sorted and do not overlap.
 */
#ifndef CAPTURE_SHADOW_H
#define CAPTURE_SHADOW_H

#include <stdint.h>

#include "base/vec.h"

struct shadow_area {
	uint64_t start, end;
	uint64_t prot;
	uint32_t file;	 /* 0 anonymous */
	uint64_t offset; /* in the file, of start */
};

struct shadow {
	VEC(struct shadow_area) areas;
};

enum shadow_change {
	SHADOW_NEW,	  /* replaces whatever lay there */
	SHADOW_GREW,	  /* only what shadow_gap() gives is new */
	SHADOW_PROTECTED, /* the protection changed, nothing else */
};

/* What a record of area `a` means. Changes nothing. */
enum shadow_change shadow_classify(const struct shadow *s, const struct shadow_area *a);
/* The first part of a that no area covers, from address `from` on; 0 at the end. */
int shadow_gap(const struct shadow *s, const struct shadow_area *a, uint64_t from,
	       uint64_t *ret_start, uint64_t *ret_end);
/* From now on this is what lies there. */
void shadow_set(struct shadow *s, const struct shadow_area *a);
const struct shadow_area *shadow_find(const struct shadow *s, uint64_t addr);
void shadow_copy(struct shadow *to, const struct shadow *from);
void shadow_clear(struct shadow *s);
void shadow_finish(struct shadow *s);

#endif
