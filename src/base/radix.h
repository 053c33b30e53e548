/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Radix tree from a 64-bit index to a non-zero 64-bit value: 64 slots a node, as high as the
 * largest index needs.
 *
 * Interface:
 *   - radix_get(), radix_set(), radix_del(); 0 is "nothing there"
 *   - radix_next(): the first index at or after one that has a value, in order
 * Invariant: every node but the root holds something; a leaf's slots are values, an inner node's
 * are nodes.
 */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include <stdbool.h>
#include <stdint.h>

#define RADIX_BITS 6
#define RADIX_SLOTS (1u << RADIX_BITS)

struct radix_node {
	uint64_t slot[RADIX_SLOTS];
	uint32_t nr;			/* slots that are not 0 */
};

struct radix {
	struct radix_node *root;	/* NULL when empty */
	unsigned height;		/* levels */
	uint64_t nr;			/* values */
	uint64_t nr_nodes;
};

void radix_init(struct radix *r);
void radix_finish(struct radix *r);
uint64_t radix_get(const struct radix *r, uint64_t index);
void radix_set(struct radix *r, uint64_t index, uint64_t value);	/* value != 0 */
uint64_t radix_del(struct radix *r, uint64_t index);			/* what was there */
/*
 * Nodes that the tree would have at its least height, where a single value at index 0 needs none:
 * those of an xarray.
 */
uint64_t radix_least_nodes(const struct radix *r);
bool radix_next(const struct radix *r, uint64_t from, uint64_t *ret_index, uint64_t *ret_value);

#endif
