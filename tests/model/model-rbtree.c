/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random insertions, deletions and changes of value in an augmented red-black tree, against an
 * array indexed by key. The augmented values are the largest value below a node (as gap trees
 * use), and its height: the second depends on the shape, so a node that a rotation forgot to
 * update is found.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bug.h"
#include "base/rbtree.h"
#include "base/rng.h"

#define MAX_KEYS 512

struct item {
	struct rb_node node;
	unsigned key, value;
	unsigned max, height;	/* of the subtree */
};

struct model {
	struct rb_root root;
	struct item items[MAX_KEYS];
	bool present[MAX_KEYS];
	unsigned values[MAX_KEYS];
	unsigned nr_keys;
};

static struct item *item_of(const struct rb_node *n)
{
	return container_of(n, struct item, node);
}

static unsigned max_u(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static void compute(const struct item *it, unsigned *ret_max, unsigned *ret_height)
{
	const struct rb_node *l = it->node.left, *r = it->node.right;

	*ret_max = max_u(it->value, max_u(l ? item_of(l)->max : 0, r ? item_of(r)->max : 0));
	*ret_height = 1 + max_u(l ? item_of(l)->height : 0, r ? item_of(r)->height : 0);
}

static void update(struct rb_node *n)
{
	compute(item_of(n), &item_of(n)->max, &item_of(n)->height);
}

static void insert(struct model *m, unsigned key, unsigned value)
{
	struct rb_node **link = &m->root.node, *parent = NULL;
	struct item *it = &m->items[key];

	it->key = key;
	it->value = value;
	while (*link) {
		parent = *link;
		link = key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	rb_link(&it->node, parent, link);
	rb_insert(&m->root, &it->node, update);
	m->present[key] = true;
	m->values[key] = value;
}

static void step(struct model *m, struct rng *rng)
{
	unsigned key = (unsigned)rng_below(rng, m->nr_keys);
	unsigned value = (unsigned)rng_below(rng, 1000000) + 1;

	if (!m->present[key]) {
		insert(m, key, value);
	} else if (rng_below(rng, 4) == 0) {
		m->items[key].value = m->values[key] = value;
		rb_propagate(&m->items[key].node, update);
	} else {
		rb_erase(&m->root, &m->items[key].node, update);
		memset(&m->items[key], 0xa5, sizeof(m->items[key]));
		m->present[key] = false;
		m->values[key] = 0;
	}
}

/* After every step: the root's maximum, and the first key at or after a random one. */
static void check_cheap(const struct model *m, struct rng *rng)
{
	unsigned from = (unsigned)rng_below(rng, m->nr_keys), max = 0, want = from;
	const struct rb_node *n = m->root.node, *found = NULL;

	for (unsigned k = 0; k < m->nr_keys; k++)
		max = max_u(max, m->values[k]);
	assert_int_equal(n ? item_of(n)->max : 0, max);
	while (n) {
		if (item_of(n)->key >= from) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	while (want < m->nr_keys && !m->present[want])
		want++;
	assert_int_equal(found ? item_of(found)->key : m->nr_keys, want);
}

static void check_all(const struct model *m)
{
	unsigned key = 0, max, height;

	assert_true(rb_consistent(&m->root));
	for (const struct rb_node *n = rb_first(&m->root); n; n = rb_next(n), key++) {
		while (!m->present[key])
			key++;
		assert_int_equal(item_of(n)->key, key);
		assert_int_equal(item_of(n)->value, m->values[key]);
		compute(item_of(n), &max, &height);
		assert_int_equal(item_of(n)->max, max);
		assert_int_equal(item_of(n)->height, height);
	}
	while (key < m->nr_keys)
		assert_false(m->present[key++]);
}

static void run(unsigned nr_keys, uint64_t ops, unsigned check_every, struct rng *rng)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.nr_keys = nr_keys;
	for (uint64_t i = 0; i < ops; i++) {
		step(&m, rng);
		check_cheap(&m, rng);
		if (i % check_every == 0)
			check_all(&m);
	}
	check_all(&m);
}

static void tree_equals_array(void **state)
{
	uint64_t ops = test_ops(1000000);
	struct rng rng;

	(void)state;
	rng_seed(&rng, test_seed());
	run(3, ops / 10, 1, &rng);
	run(12, ops * 4 / 10, 1, &rng);
	run(60, ops * 3 / 10, 8, &rng);
	run(MAX_KEYS, ops * 2 / 10, 64, &rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_equals_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
