/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Counters of pages that add up along the tree, and what of them is protected: see memcg.h. Kernel: mm/page_counter.c. */
#include "mm/memcg-internal.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What a counter uses of its own protection is what its parent must share out. */
static void propagate_protected_usage(struct page_counter *c)
{
	uint64_t protected;

	if (!c->parent || !c->protection)
		return;
	protected = least(c->usage, c->min);
	c->parent->children_min_usage += protected - c->min_usage;
	c->min_usage = protected;
	protected = least(c->usage, c->low);
	c->parent->children_low_usage += protected - c->low_usage;
	c->low_usage = protected;
}

void page_counter_propagate(struct page_counter *counter)
{
	propagate_protected_usage(counter);
}

static void add(struct page_counter *c, uint64_t nr)
{
	c->usage += nr;
	propagate_protected_usage(c);
	if (c->usage > c->watermark)
		c->watermark = c->usage;
}

void page_counter_charge(struct page_counter *counter, uint64_t nr)
{
	for (struct page_counter *c = counter; c; c = c->parent)
		add(c, nr);
}

static void cancel(struct page_counter *counter, const struct page_counter *end, uint64_t nr)
{
	for (struct page_counter *c = counter; c != end; c = c->parent) {
		BUG_ON(c->usage < nr);
		c->usage -= nr;
		propagate_protected_usage(c);
	}
}

void page_counter_uncharge(struct page_counter *counter, uint64_t nr)
{
	cancel(counter, NULL, nr);
}

bool page_counter_try_charge(struct page_counter *counter, uint64_t nr, struct page_counter **ret_full)
{
	for (struct page_counter *c = counter; c; c = c->parent) {
		if (c->usage + nr > c->max) {
			c->failcnt++;
			*ret_full = c;
			cancel(counter, c, nr);
			return false;
		}
		add(c, nr);
	}
	return true;
}

/* ---- protection ---- */

struct protection {
	uint64_t usage, parent_usage;
	uint64_t setting;		/* min or low */
	uint64_t parent_effective;
	uint64_t siblings;		/* protected usage of all children of the parent */
};

/*
 * What a group claims counts as far as its parent can afford it, else in proportion to what its siblings claim and use. With
 * recursive protection, what the children leave of the parent's goes to their unprotected memory, by its size.
 */
static uint64_t effective_protection(const struct protection *p, bool recursive)
{
	uint64_t protected = least(p->usage, p->setting), unclaimed;

	if (p->siblings > p->parent_effective)
		return protected * p->parent_effective / p->siblings;
	if (!recursive || p->parent_effective <= p->siblings || p->parent_usage <= p->siblings ||
	    p->usage <= protected)
		return protected;
	unclaimed = (p->parent_effective - p->siblings) * (p->usage - protected) / (p->parent_usage - p->siblings);
	return protected + unclaimed;
}

void mem_cgroup_calculate_protection(struct mem_cgroup *root, struct mem_cgroup *memcg)
{
	struct page_counter *c = &memcg->memory, *parent = c->parent;
	bool recursive = memcg->mem->memcg->recursive_protection;
	struct protection p;

	if (!root)
		root = memcg->mem->root_memcg;
	if (memcg == root || !c->usage)
		return;
	if (parent == &root->memory) {
		c->emin = c->min;
		c->elow = c->low;
		return;
	}
	p = (struct protection){.usage = c->usage, .parent_usage = parent->usage, .setting = c->min,
				.parent_effective = parent->emin, .siblings = parent->children_min_usage};
	c->emin = effective_protection(&p, recursive);
	p.setting = c->low;
	p.parent_effective = parent->elow;
	p.siblings = parent->children_low_usage;
	c->elow = effective_protection(&p, recursive);
}

void mem_cgroup_protection(const struct mem_cgroup *root, const struct mem_cgroup *memcg, uint64_t *min,
			   uint64_t *low)
{
	*min = *low = 0;
	if (!memcg || memcg == root)	/* reclaim that aims at it heeds no protection of it */
		return;
	*min = memcg->memory.emin;
	*low = memcg->memory.elow;
}

static bool unprotected(const struct mem_cgroup *target, const struct mem_cgroup *memcg)
{
	return !memcg || mem_cgroup_is_root(memcg) || memcg == target;
}

bool mem_cgroup_below_min(const struct mem_cgroup *target, const struct mem_cgroup *memcg)
{
	return !unprotected(target, memcg) && memcg->memory.emin >= memcg->memory.usage;
}

bool mem_cgroup_below_low(const struct mem_cgroup *target, const struct mem_cgroup *memcg)
{
	return !unprotected(target, memcg) && memcg->memory.elow >= memcg->memory.usage;
}
