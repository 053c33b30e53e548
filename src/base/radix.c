/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Radix tree: see radix.h. */
#include "base/radix.h"

#include <stdlib.h>

#include "base/xalloc.h"

static struct radix_node *child(const struct radix_node *n, unsigned i)
{
	return (struct radix_node *)(uintptr_t)n->slot[i];
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> (level * RADIX_BITS) & (RADIX_SLOTS - 1);
}

/* True when a tree of that height has a place for the index. */
static bool reaches(unsigned height, uint64_t index)
{
	return height * RADIX_BITS >= 64 || index >> (height * RADIX_BITS) == 0;
}

void radix_init(struct radix *r)
{
	*r = (struct radix){ 0 };
}

static void node_free(struct radix_node *n, unsigned level)
{
	for (unsigned i = 0; level && i < RADIX_SLOTS; i++)
		if (n->slot[i])
			node_free(child(n, i), level - 1);
	free(n);
}

void radix_finish(struct radix *r)
{
	if (r->root)
		node_free(r->root, r->height - 1);
	radix_init(r);
}

uint64_t radix_get(const struct radix *r, uint64_t index)
{
	const struct radix_node *n = r->root;

	if (!n || !reaches(r->height, index))
		return 0;
	for (unsigned level = r->height - 1; level; level--) {
		n = child(n, slot_of(index, level));
		if (!n)
			return 0;
	}
	return n->slot[slot_of(index, 0)];
}

static void grow(struct radix *r, uint64_t index)
{
	if (!r->root) {
		r->root = xcalloc(1, sizeof(*r->root));
		r->nr_nodes = 1;
		r->height = 1;
	}
	while (!reaches(r->height, index)) {
		struct radix_node *top = r->root;

		if (top->nr) {
			top = xcalloc(1, sizeof(*top));
			top->slot[0] = (uint64_t)(uintptr_t)r->root;
			top->nr = 1;
			r->root = top;
			r->nr_nodes++;
		}
		r->height++;
	}
}

void radix_set(struct radix *r, uint64_t index, uint64_t value)
{
	struct radix_node *n;
	unsigned i;

	grow(r, index);
	n = r->root;
	for (unsigned level = r->height - 1; level; level--) {
		i = slot_of(index, level);
		if (!n->slot[i]) {
			n->slot[i] = (uint64_t)(uintptr_t)xcalloc(1, sizeof(*n));
			n->nr++;
			r->nr_nodes++;
		}
		n = child(n, i);
	}
	i = slot_of(index, 0);
	n->nr += !n->slot[i];
	r->nr += !n->slot[i];
	n->slot[i] = value;
}

uint64_t radix_del(struct radix *r, uint64_t index)
{
	struct radix_node *path[64 / RADIX_BITS + 1];
	struct radix_node *n = r->root;
	uint64_t old;

	if (!n || !reaches(r->height, index))
		return 0;
	for (unsigned level = r->height - 1;; level--) {
		path[level] = n;
		if (!level)
			break;
		n = child(n, slot_of(index, level));
		if (!n)
			return 0;
	}
	old = n->slot[slot_of(index, 0)];
	if (!old)
		return 0;
	r->nr--;
	for (unsigned level = 0; level < r->height; level++) {
		path[level]->slot[slot_of(index, level)] = 0;
		if (--path[level]->nr || level == r->height - 1)
			break;
		free(path[level]);
		r->nr_nodes--;
	}
	return old;
}

uint64_t radix_least_nodes(const struct radix *r)
{
	const struct radix_node *n = r->root;
	uint64_t nr = r->nr_nodes;

	if (!r->nr)
		return 0;
	for (unsigned level = r->height - 1; n->nr == 1 && n->slot[0]; level--, nr--) {
		if (!level)
			return 0;
		n = child(n, 0);
	}
	return nr;
}

static bool node_next(const struct radix_node *n, unsigned level, uint64_t from,
		      uint64_t *ret_index, uint64_t *ret_value)
{
	unsigned first = slot_of(from, level);

	for (unsigned i = first; i < RADIX_SLOTS; i++) {
		uint64_t base = (from >> (level * RADIX_BITS) & ~(uint64_t)(RADIX_SLOTS - 1)) + i;

		if (!n->slot[i])
			continue;
		if (!level) {
			*ret_index = base;
			*ret_value = n->slot[i];
			return true;
		}
		if (node_next(child(n, i), level - 1,
			      i == first ? from : base << (level * RADIX_BITS), ret_index,
			      ret_value))
			return true;
	}
	return false;
}

bool radix_next(const struct radix *r, uint64_t from, uint64_t *ret_index, uint64_t *ret_value)
{
	if (!r->root || !reaches(r->height, from))
		return false;
	return node_next(r->root, r->height - 1, from, ret_index, ret_value);
}
