/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Red-black trees: order, depth, erasure of every shape, and that rb_consistent() sees damage. */
#include "support/test.h"

#include <stdbool.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/rbtree.h"

struct item {
	struct rb_node node;
	unsigned key;
	unsigned nr;	/* items in the subtree */
};

static struct item *item_of(const struct rb_node *n)
{
	return container_of(n, struct item, node);
}

static void count_items(struct rb_node *n)
{
	item_of(n)->nr =
		1 + (n->left ? item_of(n->left)->nr : 0) + (n->right ? item_of(n->right)->nr : 0);
}

static void insert(struct rb_root *root, struct item *it)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_link(&it->node, parent, link);
	rb_insert(root, &it->node, count_items);
}

static unsigned depth(const struct rb_node *n)
{
	unsigned left, right;

	if (!n)
		return 0;
	left = depth(n->left);
	right = depth(n->right);
	return 1 + (left > right ? left : right);
}

enum { NR = 4096 };

static void fill(struct rb_root *root, struct item *items, unsigned stride)
{
	*root = (struct rb_root){0};
	for (unsigned i = 0; i < NR; i++) {
		items[i].key = i * stride % NR;
		insert(root, &items[i]);
	}
}

static void any_order_of_insertion_gives_a_shallow_sorted_tree(void **state)
{
	static const unsigned strides[] = {1, NR - 1, 1013, 2049};
	static struct item items[NR];
	struct rb_root root;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(strides); s++) {
		unsigned want = 0;

		fill(&root, items, strides[s]);
		assert_true(rb_consistent(&root));
		assert_true(depth(root.node) <= 2 * ilog2_u64(NR + 1));
		assert_int_equal(item_of(root.node)->nr, NR);
		for (struct rb_node *n = rb_first(&root); n; n = rb_next(n))
			assert_int_equal(item_of(n)->key, want++);
		assert_int_equal(want, NR);
		for (struct rb_node *n = rb_last(&root); n; n = rb_prev(n))
			assert_int_equal(item_of(n)->key, --want);
		assert_int_equal(want, 0);
	}
}

static void erasing_in_any_order_ends_empty(void **state)
{
	static const unsigned strides[] = {1, NR - 1, 997};
	static struct item items[NR];
	struct rb_root root;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(strides); s++) {
		fill(&root, items, 1);
		for (unsigned i = 0; i < NR; i++) {
			rb_erase(&root, &items[i * strides[s] % NR].node, count_items);
			if (i % 64 == 0)
				assert_true(rb_consistent(&root));
			if (root.node)
				assert_int_equal(item_of(root.node)->nr, NR - 1 - i);
		}
		assert_null(root.node);
		assert_null(rb_first(&root));
		assert_null(rb_last(&root));
	}
}

static void propagate_carries_a_change_to_the_root(void **state)
{
	static struct item items[NR];
	struct rb_root root;
	struct rb_node *first;

	(void)state;
	fill(&root, items, 1013);
	first = rb_first(&root);
	for (struct rb_node *n = first; n; n = rb_parent(n))
		item_of(n)->nr = 0;
	rb_propagate(first, count_items);
	assert_int_equal(item_of(root.node)->nr, NR);
}

static void damage_is_seen(void **state)
{
	static struct item items[NR];
	struct rb_root root = {0};
	struct rb_node *n, *saved;

	(void)state;
	assert_true(rb_consistent(&root));
	fill(&root, items, 1);
	root.node->parent_color &= ~(uintptr_t)1;
	assert_false(rb_consistent(&root));
	root.node->parent_color |= 1;
	assert_true(rb_consistent(&root));

	n = root.node->left;
	n->parent_color ^= 1;
	assert_false(rb_consistent(&root));
	n->parent_color ^= 1;

	saved = n->left;
	n->left = NULL;
	assert_false(rb_consistent(&root));
	n->left = root.node;
	assert_false(rb_consistent(&root));
	n->left = saved;
	assert_true(rb_consistent(&root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_insertion_gives_a_shallow_sorted_tree),
		cmocka_unit_test(erasing_in_any_order_ends_empty),
		cmocka_unit_test(propagate_carries_a_change_to_the_root),
		cmocka_unit_test(damage_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
