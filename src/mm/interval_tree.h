/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Interval trees: which areas hold a granule of a file, or of a family of anonymous pages.
 * Kernel counterpart: mm/interval_tree.c, include/linux/interval_tree_generic.h.
 *
 * A red-black tree by first granule; each node also knows the largest last granule of its subtree,
 * so that a search skips whatever ends too early. Equal starts stand in the order of insertion.
 * A node carries its own key: who changes an area takes its nodes out first and puts them back
 * afterwards.
 *
 * Interface:
 *   - interval_insert(), interval_remove(): node->start and node->last are the caller's
 *   - interval_first(), interval_next(): the nodes that meet [first, last], by start
 */
#ifndef MM_INTERVAL_TREE_H
#define MM_INTERVAL_TREE_H

#include "mm/mm_types.h"

void interval_insert(struct rb_root *root, struct interval_node *node);
void interval_remove(struct rb_root *root, struct interval_node *node);
/* A node of a tree gets another end: no need to take it out. */
void interval_set_last(struct interval_node *node, uint64_t last);
struct interval_node *interval_first(const struct rb_root *root, uint64_t first, uint64_t last);
struct interval_node *interval_next(struct interval_node *node, uint64_t first, uint64_t last);
/* Order, colours and subtree_last are right. */
bool interval_consistent(const struct rb_root *root);

#endif
