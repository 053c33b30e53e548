/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Red-black tree: insertion and deletion from the bottom up (Cormen et al., "Introduction to
 * Algorithms", chapter 13), with NULL for the black leaves.
 *
 * Augmented values: all rotations of one operation lie on the path from the lowest changed node
 * to the root, except for the nodes that a rotation pushes beside the path. Those are updated at
 * the rotation (their children are not on the path, so they are right), and the path afterwards
 * from the bottom up.
 */
#include "base/rbtree.h"

#include <stddef.h>

#define RB_BLACK ((uintptr_t)1)

static inline bool is_red(const struct rb_node *n)
{
	return n && !(n->parent_color & RB_BLACK);
}

static inline bool is_black(const struct rb_node *n)
{
	return !is_red(n);
}

static inline void set_red(struct rb_node *n)
{
	n->parent_color &= ~RB_BLACK;
}

static inline void set_black(struct rb_node *n)
{
	n->parent_color |= RB_BLACK;
}

static inline void set_parent(struct rb_node *n, struct rb_node *parent)
{
	n->parent_color = (uintptr_t)parent | (n->parent_color & RB_BLACK);
}

static inline void copy_color(struct rb_node *to, const struct rb_node *from)
{
	to->parent_color = (to->parent_color & ~RB_BLACK) | (from->parent_color & RB_BLACK);
}

/* Puts `to` where `from` hangs below `parent`. */
static inline void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *from,
				 struct rb_node *to)
{
	if (!parent)
		root->node = to;
	else if (parent->left == from)
		parent->left = to;
	else
		parent->right = to;
}

/* The right child of n takes its place, n becomes its left child. */
static inline void rotate_left(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *up = n->right, *parent = rb_parent(n);

	n->right = up->left;
	if (n->right)
		set_parent(n->right, n);
	up->left = n;
	set_parent(up, parent);
	set_parent(n, up);
	replace_child(root, parent, n, up);
}

static inline void rotate_right(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *up = n->left, *parent = rb_parent(n);

	n->left = up->right;
	if (n->left)
		set_parent(n->left, n);
	up->right = n;
	set_parent(up, parent);
	set_parent(n, up);
	replace_child(root, parent, n, up);
}

void rb_propagate(struct rb_node *n, rb_update_fn *update)
{
	for (; n; n = rb_parent(n))
		update(n);
}

/* n and its parent are red, the uncle is black: one or two rotations end it. */
static void insert_rotate(struct rb_root *root, struct rb_node *n, rb_update_fn *update)
{
	struct rb_node *parent = rb_parent(n), *grand = rb_parent(parent);
	struct rb_node *top = parent;

	if (parent == grand->left) {
		if (n == parent->right) {
			rotate_left(root, parent);
			top = n;
		}
		rotate_right(root, grand);
	} else {
		if (n == parent->left) {
			rotate_right(root, parent);
			top = n;
		}
		rotate_left(root, grand);
	}
	set_black(top);
	set_red(grand);
	if (update) {
		update(grand);
		if (top == n)
			update(parent);
	}
}

void rb_insert(struct rb_root *root, struct rb_node *inserted, rb_update_fn *update)
{
	struct rb_node *n = inserted;

	while (is_red(rb_parent(n))) {
		struct rb_node *parent = rb_parent(n), *grand = rb_parent(parent);
		struct rb_node *uncle = grand->left == parent ? grand->right : grand->left;

		if (is_black(uncle)) {
			insert_rotate(root, n, update);
			break;
		}
		set_black(parent);
		set_black(uncle);
		set_red(grand);
		n = grand;
	}
	set_black(root->node);
	if (update)
		rb_propagate(inserted, update);
}

/*
 * The left child of `parent` is one black node short. True when the whole path is mended, false
 * when the shortage moved to `parent`.
 */
static bool erase_fix_left(struct rb_root *root, struct rb_node *parent, rb_update_fn *update)
{
	struct rb_node *sibling = parent->right;

	if (is_red(sibling)) {
		set_black(sibling);
		set_red(parent);
		rotate_left(root, parent);
		sibling = parent->right;
	}
	if (is_black(sibling->left) && is_black(sibling->right)) {
		set_red(sibling);
		return false;
	}
	if (is_black(sibling->right)) {
		set_black(sibling->left);
		set_red(sibling);
		rotate_right(root, sibling);
		if (update)
			update(sibling);
		sibling = parent->right;
	}
	copy_color(sibling, parent);
	set_black(parent);
	set_black(sibling->right);
	rotate_left(root, parent);
	return true;
}

/* The mirror image. */
static bool erase_fix_right(struct rb_root *root, struct rb_node *parent, rb_update_fn *update)
{
	struct rb_node *sibling = parent->left;

	if (is_red(sibling)) {
		set_black(sibling);
		set_red(parent);
		rotate_right(root, parent);
		sibling = parent->left;
	}
	if (is_black(sibling->left) && is_black(sibling->right)) {
		set_red(sibling);
		return false;
	}
	if (is_black(sibling->left)) {
		set_black(sibling->right);
		set_red(sibling);
		rotate_left(root, sibling);
		if (update)
			update(sibling);
		sibling = parent->left;
	}
	copy_color(sibling, parent);
	set_black(parent);
	set_black(sibling->left);
	rotate_right(root, parent);
	return true;
}

/* n, a child of `parent` (NULL when it is a leaf), is one black node short. */
static void erase_fix(struct rb_root *root, struct rb_node *n, struct rb_node *parent,
		      rb_update_fn *update)
{
	while (parent && is_black(n)) {
		if (n == parent->left ? erase_fix_left(root, parent, update)
				      : erase_fix_right(root, parent, update))
			return;
		n = parent;
		parent = rb_parent(n);
	}
	if (n)
		set_black(n);
}

/* n has two children: its successor leaves its place and takes that of n. */
static struct rb_node *unlink_inner(struct rb_root *root, struct rb_node *n,
				    struct rb_node **ret_child, bool *ret_black)
{
	struct rb_node *next = n->right, *parent, *child;

	while (next->left)
		next = next->left;
	child = next->right;
	parent = rb_parent(next);
	*ret_black = is_black(next);
	if (parent == n) {
		parent = next;
	} else {
		parent->left = child;
		if (child)
			set_parent(child, parent);
		next->right = n->right;
		set_parent(next->right, next);
	}
	next->left = n->left;
	set_parent(next->left, next);
	next->parent_color = n->parent_color;
	replace_child(root, rb_parent(n), n, next);
	*ret_child = child;
	return parent;
}

void rb_erase(struct rb_root *root, struct rb_node *n, rb_update_fn *update)
{
	struct rb_node *parent, *child;
	bool black;

	if (n->left && n->right) {
		parent = unlink_inner(root, n, &child, &black);
	} else {
		child = n->left ? n->left : n->right;
		parent = rb_parent(n);
		black = is_black(n);
		replace_child(root, parent, n, child);
		if (child)
			set_parent(child, parent);
	}
	if (black)
		erase_fix(root, child, parent, update);
	if (update)
		rb_propagate(parent, update);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->left)
		n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->right)
		n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	struct rb_node *parent;

	if (n->right) {
		for (n = n->right; n->left;)
			n = n->left;
		return (struct rb_node *)n;
	}
	while ((parent = rb_parent(n)) && n == parent->right)
		n = parent;
	return parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	struct rb_node *parent;

	if (n->left) {
		for (n = n->left; n->right;)
			n = n->right;
		return (struct rb_node *)n;
	}
	while ((parent = rb_parent(n)) && n == parent->left)
		n = parent;
	return parent;
}

/* Height in black nodes, -1 when the invariant does not hold below n. */
static int black_height(const struct rb_node *n, const struct rb_node *parent, unsigned depth)
{
	int left, right;

	if (!n)
		return 0;
	/* 2 log2(nodes + 1) is the deepest that a valid tree gets; a cycle gets deeper. */
	if (depth > 128 || rb_parent(n) != parent || (is_red(n) && is_red(parent)))
		return -1;
	left = black_height(n->left, n, depth + 1);
	right = black_height(n->right, n, depth + 1);
	if (left < 0 || left != right)
		return -1;
	return left + is_black(n);
}

bool rb_consistent(const struct rb_root *root)
{
	return is_black(root->node) && black_height(root->node, NULL, 0) >= 0;
}
