/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies against a slow model that keeps a policy as what the user said and works everything out again each time,
 * with arrays of bool for masks: which nodes a policy has in a changing cpuset, which node an allocation wants, and which
 * policy holds for a page of a shared file.
 */
#include "support/test.h"

#include <errno.h>

#include "base/rng.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/mempolicy.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define MIB	 (1ull << 20)
#define NR_NODES 6
#define NR_PAGES 200

/* Node 3 has no memory. */
static const uint64_t node_bytes[NR_NODES] = {128 * MIB, 32 * MIB, 32 * MIB, 0, 32 * MIB, 32 * MIB};

/* The slow model of a policy. has[]: nodes it has now. */
struct slow {
	bool exists;
	unsigned mode, flags;
	bool user[64], has[NR_NODES], cpuset[NR_NODES];
	unsigned last, left; /* node of the last turn, turns left there; last == NR_NODES: none yet */
};

struct world {
	struct rng rng;
	struct memory *mem;
	struct task_struct *task;
	bool mems[NR_NODES]; /* the cpuset */
	unsigned weights[NR_NODES];
	struct slow slow;
	struct address_space *file;
	int pages[NR_PAGES]; /* number of the policy of each page of the file, -1 none */
	struct mempolicy made[32];
};

static unsigned count(const bool *set, unsigned nr)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr; i++)
		n += set[i];
	return n;
}

static uint64_t bits(const bool *set, unsigned nr)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < nr; i++)
		mask |= (uint64_t)set[i] << i;
	return mask;
}

/* The n-th member, from 0. */
static unsigned member(const bool *set, unsigned n)
{
	for (unsigned i = 0;; i++)
		if (set[i] && !n--)
			return i;
}

static void random_set(struct world *w, bool *set, unsigned nr)
{
	uint64_t r = rng_u64(&w->rng) & rng_u64(&w->rng);

	for (unsigned i = 0; i < nr; i++)
		set[i] = r >> i & 1;
}

/* ---- policies of the task ---- */

static bool is_interleave(const struct slow *s)
{
	return s->mode == MPOL_INTERLEAVE || s->mode == MPOL_WEIGHTED_INTERLEAVE;
}

/* What the user's nodes are, seen from inside the set. */
static void relative(const bool *user, const bool *set, bool *ret)
{
	unsigned nr = count(set, NR_NODES);

	memset(ret, 0, NR_NODES);
	for (unsigned i = 0; i < 64 && nr; i++)
		if (user[i])
			ret[member(set, i % nr)] = true;
}

/* 0 or -EINVAL, from the manual page of set_mempolicy(2). */
static int slow_set(struct world *w, unsigned mode, unsigned flags, const bool *user)
{
	struct slow s = {.exists = true, .mode = mode, .flags = flags, .last = NR_NODES};
	unsigned nr = count(user, 64);
	bool placed = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);

	memcpy(s.user, user, sizeof(s.user));
	memcpy(s.cpuset, w->mems, sizeof(s.cpuset));
	if ((flags & MPOL_F_STATIC_NODES && flags & MPOL_F_RELATIVE_NODES) ||
	    (flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY))
		return -EINVAL;
	if (mode == MPOL_PREFERRED && !nr && !placed)
		s.mode = mode = MPOL_LOCAL;
	if (mode == MPOL_DEFAULT || mode == MPOL_LOCAL) {
		if (nr || (mode == MPOL_LOCAL && placed))
			return -EINVAL;
		s.exists = mode == MPOL_LOCAL;
		w->slow = s;
		return 0;
	}
	if (flags & MPOL_F_RELATIVE_NODES)
		relative(user, w->mems, s.has);
	else
		for (unsigned i = 0; i < NR_NODES; i++)
			s.has[i] = user[i] && w->mems[i];
	if (!nr || !count(s.has, NR_NODES))
		return -EINVAL;
	if (mode == MPOL_PREFERRED)
		for (unsigned i = member(s.has, 0) + 1; i < NR_NODES; i++)
			s.has[i] = false;
	/* The turn goes on where interleaving stood only within one policy. */
	if (!is_interleave(&s)) {
		s.last = w->slow.last;
		s.left = w->slow.left;
	}
	w->slow = s;
	return 0;
}

static void op_set(struct world *w)
{
	static const unsigned some_flags[] = {0, 0, 0, MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES,
					      MPOL_F_NUMA_BALANCING,
					      MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES,
					      MPOL_F_STATIC_NODES | MPOL_F_NUMA_BALANCING};
	unsigned mode = (unsigned)rng_below(&w->rng, MPOL_MAX), flags = some_flags[rng_below(&w->rng, 8)];
	struct mempolicy *pol = NULL;
	bool user[64] = {false};
	int err;

	if (rng_below(&w->rng, 4))
		random_set(w, user, rng_below(&w->rng, 4) ? NR_NODES : 64);
	err = mpol_create(w->mem, &(struct mpol_request){mode | flags, bits(user, 64)}, &pol);
	assert_int_equal(err, slow_set(w, mode, flags, user));
	if (!err)
		set_task_policy(w->mem, w->task, pol);
}

/* The rules of "Memory policies and cpusets" in the kernel's documentation. */
static void slow_rebind(struct world *w)
{
	struct slow *s = &w->slow;
	bool has[NR_NODES] = {false};

	if (!s->exists || !is_interleave(s)) {
		if (!s->exists || s->mode != MPOL_BIND)
			return;
	}
	if (s->flags & MPOL_F_STATIC_NODES) {
		for (unsigned i = 0; i < NR_NODES; i++)
			has[i] = s->user[i] && w->mems[i];
	} else if (s->flags & MPOL_F_RELATIVE_NODES) {
		relative(s->user, w->mems, has);
	} else {
		unsigned rank = 0;

		for (unsigned i = 0; i < NR_NODES; i++) {
			if (s->has[i] && !s->cpuset[i])
				has[i] = true;
			else if (s->has[i])
				has[member(w->mems, rank % count(w->mems, NR_NODES))] = true;
			rank += s->cpuset[i];
		}
		/* With balancing the mask that the user gave stands where the old cpuset would. */
		memcpy(s->cpuset, w->mems, sizeof(s->cpuset));
	}
	memcpy(s->has, count(has, NR_NODES) ? has : w->mems, sizeof(s->has));
}

static void op_cpuset(struct world *w)
{
	bool mems[NR_NODES];

	/* Balancing alone keeps a mask in the place of the cpuset: the kernel's remapping is then from that one. */
	if (w->slow.exists && w->slow.flags == MPOL_F_NUMA_BALANCING)
		return;
	random_set(w, mems, NR_NODES);
	mems[3] = false;
	if (!count(mems, NR_NODES))
		mems[4] = true;
	memcpy(w->mems, mems, sizeof(mems));
	w->mem->cpusets = true;
	w->task->mems_allowed = bits(mems, NR_NODES);
	mpol_rebind(w->task->mempolicy, bits(mems, NR_NODES));
	slow_rebind(w);
}

static unsigned weight(const struct world *w, unsigned node)
{
	return w->slow.mode == MPOL_INTERLEAVE || !w->weights[node] ? 1 : w->weights[node];
}

/* All turns one by one. */
static int slow_by_index(const struct world *w, uint64_t ilx)
{
	unsigned total = 0, turn;

	for (unsigned i = 0; i < NR_NODES; i++)
		total += w->slow.has[i] ? weight(w, i) : 0;
	turn = (unsigned)(ilx % total);
	for (unsigned i = 0;; i++)
		for (unsigned k = 0; w->slow.has[i] && k < weight(w, i); k++)
			if (!turn--)
				return (int)i;
}

static int slow_by_turn(struct world *w)
{
	struct slow *s = &w->slow;

	if (s->mode == MPOL_WEIGHTED_INTERLEAVE && s->left && s->last < NR_NODES && s->has[s->last]) {
		s->left--;
		return (int)s->last;
	}
	do
		s->last = s->last >= NR_NODES - 1 ? 0 : s->last + 1;
	while (!s->has[s->last]);
	if (s->mode == MPOL_WEIGHTED_INTERLEAVE)
		s->left = weight(w, s->last) - 1;
	return (int)s->last;
}

static void op_choose(struct world *w)
{
	static const gfp_t gfps[] = {GFP_HIGHUSER_MOVABLE, GFP_KERNEL, GFP_DMA};
	uint64_t ilx = rng_below(&w->rng, 3) ? rng_u64(&w->rng) >> rng_below(&w->rng, 60) : NO_INTERLEAVE_INDEX;
	gfp_t gfp = gfps[rng_below(&w->rng, 3)];
	const struct slow *s = &w->slow;
	uint64_t want = NODEMASK_ALL, got;
	int local = (int)rng_below(&w->rng, NR_NODES), node = local, nid = local;

	if (!s->exists) {
		assert_null(w->task->mempolicy);
		return;
	}
	got = policy_nodemask(w->mem, gfp, w->task->mempolicy, ilx, &nid);
	if (is_interleave(s))
		node = ilx == NO_INTERLEAVE_INDEX ? slow_by_turn(w) : slow_by_index(w, ilx);
	else if (s->mode == MPOL_PREFERRED)
		node = (int)member(s->has, 0);
	else if (s->mode == MPOL_PREFERRED_MANY)
		want = bits(s->has, NR_NODES);
	else if (s->mode == MPOL_BIND && gfp != GFP_DMA && bits(s->has, NR_NODES) & bits(w->mems, NR_NODES))
		want = bits(s->has, NR_NODES);
	assert_int_equal(nid, node);
	assert_int_equal(got, want);
}

static void op_weights(struct world *w)
{
	for (unsigned i = 0; i < NR_NODES; i++) {
		w->weights[i] = rng_below(&w->rng, 4) ? (unsigned)rng_below(&w->rng, 6) : 255;
		w->mem->il_weights[i] = (uint8_t)w->weights[i];
	}
}

/* ---- policies of the file ---- */

static void op_share(struct world *w)
{
	uint64_t start = rng_below(&w->rng, NR_PAGES), nr = 1 + rng_below(&w->rng, 20);
	int number = (int)rng_below(&w->rng, 40) - 8;
	const struct mempolicy *pol = number < 0 ? NULL : &w->made[number];

	if (start + nr > NR_PAGES)
		nr = NR_PAGES - start;
	mpol_set_shared_policy(w->mem, w->file, start, start + nr, pol);
	for (uint64_t i = start; i < start + nr; i++)
		w->pages[i] = number < 0 ? -1 : number;
}

static void check_page(const struct world *w, uint64_t page)
{
	const struct mempolicy *pol = mpol_shared_policy_lookup(w->file, page);

	assert_int_equal(!!pol, w->pages[page] >= 0);
	if (pol)
		assert_true(mpol_equal(pol, &w->made[w->pages[page]]));
}

static void run(struct world *w, uint64_t nr_ops)
{
	for (uint64_t i = 0; i < nr_ops; i++) {
		switch (rng_below(&w->rng, 16)) {
		case 0:
			op_set(w);
			break;
		case 1:
			op_cpuset(w);
			break;
		case 2:
			op_weights(w);
			break;
		case 3:
		case 4:
			op_share(w);
			break;
		case 5:
		case 6:
			check_page(w, rng_below(&w->rng, NR_PAGES));
			break;
		default:
			op_choose(w);
		}
		if (i % 4096)
			continue;
		assert_true(mpol_shared_policy_consistent(w->file));
		for (unsigned p = 0; p < NR_PAGES; p++)
			check_page(w, p);
	}
}

static void test_random(void **state)
{
	struct world w = {.slow.last = NR_NODES};
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .nr_nodes = NR_NODES,
				   .node_bytes = node_bytes,
				   .nr_cpus = 1};

	(void)state;
	rng_seed(&w.rng, test_seed());
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	w.mem->current = w.task = task_alloc(w.mem, 1);
	w.file = mapping_new_shmem(w.mem);
	for (unsigned i = 0; i < NR_NODES; i++)
		w.mems[i] = node_bytes[i] > 0;
	for (unsigned i = 0; i < 32; i++)
		w.made[i] = (struct mempolicy){.mode = MPOL_BIND, .home_node = NUMA_NO_NODE, .nodes = i + 1};
	for (unsigned i = 0; i < NR_PAGES; i++)
		w.pages[i] = -1;
	run(&w, test_ops(1000000));
	mapping_put(w.mem, w.file);
	task_free(w.mem, w.task);
	w.mem->current = NULL;
	assert_int_equal(w.mem->mpol_pool.nr_live, 0);
	assert_int_equal(w.mem->sp_node_pool.nr_live, 0);
	memory_destroy(w.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
