/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Red-black tree, intrusive, with an optional augmented value per node.
 *
 * The caller descends and links (rb_link), then the tree balances (rb_insert). An augmented tree
 * gives a callback that recomputes a node's value from its own key and its children's values; it
 * is called for every node whose subtree changed, children first.
 *
 * Invariant: no red node has a red child; every path from a node to a NULL has equally many black
 * nodes; with `update`, node value = f(own, left, right) for every node. rb_consistent() checks
 * it.
 */
#ifndef BASE_RBTREE_H
#define BASE_RBTREE_H

#include <stdbool.h>
#include <stdint.h>

struct rb_node {
	uintptr_t parent_color;	/* parent | 1 when black */
	struct rb_node *left, *right;
};

struct rb_root {
	struct rb_node *node;
};

typedef void rb_update_fn(struct rb_node *node);

static inline struct rb_node *rb_parent(const struct rb_node *n)
{
	return (struct rb_node *)(n->parent_color & ~(uintptr_t)1);
}

/* Hangs a new node below `parent` at *link (an empty child pointer or &root->node). */
static inline void rb_link(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->parent_color = (uintptr_t)parent;
	n->left = n->right = 0;
	*link = n;
}

/* Balances after rb_link(); update may be NULL. */
void rb_insert(struct rb_root *root, struct rb_node *n, rb_update_fn *update);
void rb_erase(struct rb_root *root, struct rb_node *n, rb_update_fn *update);
/* The key of n changed without moving it: recomputes the values from n to the root. */
void rb_propagate(struct rb_node *n, rb_update_fn *update);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
bool rb_consistent(const struct rb_root *root);

#endif
