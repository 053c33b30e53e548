/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Interval trees: see interval_tree.h. */
#include "mm/interval_tree.h"

static inline struct interval_node *entry(const struct rb_node *rb)
{
	return container_of((struct rb_node *)rb, struct interval_node, rb);
}

static uint64_t compute_last(const struct rb_node *rb)
{
	uint64_t last = entry(rb)->last;

	if (rb->left && entry(rb->left)->subtree_last > last)
		last = entry(rb->left)->subtree_last;
	if (rb->right && entry(rb->right)->subtree_last > last)
		last = entry(rb->right)->subtree_last;
	return last;
}

static void update(struct rb_node *rb)
{
	entry(rb)->subtree_last = compute_last(rb);
}

void interval_insert(struct rb_root *root, struct interval_node *node)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = node->start < entry(parent)->start ? &parent->left : &parent->right;
	}
	node->subtree_last = node->last;
	rb_link(&node->rb, parent, link);
	rb_insert(root, &node->rb, update);
}

void interval_remove(struct rb_root *root, struct interval_node *node)
{
	rb_erase(root, &node->rb, update);
}

void interval_set_last(struct interval_node *node, uint64_t last)
{
	node->last = last;
	for (struct rb_node *rb = &node->rb; rb; rb = rb_parent(rb)) {
		uint64_t subtree_last = compute_last(rb);

		if (subtree_last == entry(rb)->subtree_last)
			break;
		entry(rb)->subtree_last = subtree_last;
	}
}

/*
 * The leftmost node of the subtree that meets [first, last]; the subtree's subtree_last is >=
 * first.
 */
static struct interval_node *subtree_first(struct interval_node *node, uint64_t first,
					   uint64_t last)
{
	for (;;) {
		if (node->rb.left && entry(node->rb.left)->subtree_last >= first) {
			node = entry(node->rb.left);
			continue;
		}
		if (node->start > last)
			return NULL;
		if (node->last >= first)
			return node;
		if (!node->rb.right || entry(node->rb.right)->subtree_last < first)
			return NULL;
		node = entry(node->rb.right);
	}
}

struct interval_node *interval_first(const struct rb_root *root, uint64_t first, uint64_t last)
{
	if (!root->node || entry(root->node)->subtree_last < first)
		return NULL;
	return subtree_first(entry(root->node), first, last);
}

struct interval_node *interval_next(struct interval_node *node, uint64_t first, uint64_t last)
{
	struct rb_node *rb = &node->rb, *parent;

	for (;;) {
		if (rb->right && entry(rb->right)->subtree_last >= first)
			return subtree_first(entry(rb->right), first, last);
		/* up, until we come from a left child */
		while ((parent = rb_parent(rb)) && rb == parent->right)
			rb = parent;
		if (!parent)
			return NULL;
		rb = parent;
		if (entry(rb)->start > last)
			return NULL;
		if (entry(rb)->last >= first)
			return entry(rb);
	}
}

bool interval_consistent(const struct rb_root *root)
{
	uint64_t start = 0;

	if (!rb_consistent(root))
		return false;
	for (struct rb_node *rb = rb_first(root); rb; rb = rb_next(rb)) {
		struct interval_node *node = entry(rb);

		if (node->start < start || node->last < node->start ||
		    node->subtree_last != compute_last(rb))
			return false;
		start = node->start;
	}
	return true;
}
