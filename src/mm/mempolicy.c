/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory policies: see mempolicy.h. */
#include "mm/mempolicy.h"

#include <errno.h>

#include "base/bug.h"

/* One range [start, end) of pages of a file with its policy, by start in mapping->policies. */
struct sp_node {
	struct rb_node rb;
	uint64_t start, end;
	struct mempolicy *policy;
};

/* --- masks of nodes --------------------------------------------------------------------------- */

static unsigned nodes_weight(uint64_t nodes)
{
	return (unsigned)__builtin_popcountll(nodes);
}

static unsigned first_node(uint64_t nodes)
{
	return (unsigned)__builtin_ctzll(nodes);
}

/* The next node of a mask that is not empty, from the start again behind the last. */
static unsigned next_node_in(unsigned node, uint64_t nodes)
{
	uint64_t above = node >= 63 ? 0 : nodes & (UINT64_MAX << (node + 1));

	return first_node(above ? above : nodes);
}

/* The n-th node of the mask, from 0. */
static unsigned nth_node(uint64_t nodes, unsigned n)
{
	while (n--)
		nodes &= nodes - 1;
	return first_node(nodes);
}

/* The mask's place of a node in it: how many stand before. */
static unsigned node_rank(uint64_t nodes, unsigned node)
{
	return nodes_weight(nodes & ((1ull << node) - 1));
}

/* Node numbers that count inside `rel`, wrapped (mpol_relative_nodemask: fold, then onto). */
static uint64_t relative_nodes(uint64_t orig, uint64_t rel)
{
	unsigned nr = nodes_weight(rel);
	uint64_t nodes = 0;

	for (; orig && nr; orig &= orig - 1)
		nodes |= 1ull << nth_node(rel, first_node(orig) % nr);
	return nodes;
}

unsigned node_remap(unsigned node, uint64_t from, uint64_t to)
{
	if (!to || !(from >> node & 1))
		return node;
	return nth_node(to, node_rank(from, node) % nodes_weight(to));
}

static uint64_t remap_nodes(uint64_t nodes, uint64_t from, uint64_t to)
{
	uint64_t out = 0;

	for (; nodes; nodes &= nodes - 1)
		out |= 1ull << node_remap(first_node(nodes), from, to);
	return out;
}

uint64_t nodes_with_memory(const struct memory *mem)
{
	uint64_t nodes = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n]->has_memory)
			nodes |= 1ull << n;
	return nodes;
}

void mpol_init(struct memory *mem)
{
	objpool_init(&mem->mpol_pool, sizeof(struct mempolicy));
	objpool_init(&mem->sp_node_pool, sizeof(struct sp_node));
}

void mpol_finish(struct memory *mem)
{
	objpool_finish(&mem->mpol_pool);
	objpool_finish(&mem->sp_node_pool);
}

void mpol_setup(struct memory *mem)
{
	mem->policy_zone = ZONE_DMA;
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = ZONE_DMA; t < ZONE_MOVABLE; t++)
			if (mem->nodes[n]->node_zones[t].managed_pages && t > mem->policy_zone)
				mem->policy_zone = (enum zone_type)t;
}

/* --- making and comparing --------------------------------------------------------------------- */

/* Splits the call's number into mode and flags (sanitize_mpol_flags). */
static int sanitize_flags(uint64_t number, struct mempolicy *pol)
{
	unsigned flags = (unsigned)number & MPOL_MODE_FLAGS;
	uint64_t mode = number & ~(uint64_t)MPOL_MODE_FLAGS;

	if (mode >= MPOL_MAX)
		return -EINVAL;
	if (flags & MPOL_F_STATIC_NODES && flags & MPOL_F_RELATIVE_NODES)
		return -EINVAL;
	if (flags & MPOL_F_NUMA_BALANCING) {
		if (mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
			return -EINVAL;
		flags |= MPOL_F_MOF | MPOL_F_MORON;
	}
	pol->mode = (uint16_t)mode;
	pol->flags = (uint16_t)flags;
	return 0;
}

/* What goes with an empty mask, and with one that is not (mpol_new). */
static int check_nodes(struct mempolicy *pol, uint64_t nodes)
{
	bool placed = pol->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);

	switch (pol->mode) {
	case MPOL_DEFAULT:
		return nodes ? -EINVAL : 0;
	case MPOL_LOCAL:
		return nodes || placed ? -EINVAL : 0;
	case MPOL_PREFERRED:
		if (nodes)
			return 0;
		pol->mode = MPOL_LOCAL;
		return placed ? -EINVAL : 0;
	default:
		return nodes ? 0 : -EINVAL;
	}
}

/* Which of the nodes it will be (mpol_set_nodemask). */
static int set_nodemask(struct memory *mem, struct mempolicy *pol, uint64_t nodes)
{
	uint64_t usable = current_mems_allowed(mem) & nodes_with_memory(mem);

	if (pol->mode == MPOL_LOCAL)
		return 0;
	if (pol->flags & MPOL_MODE_FLAGS)
		pol->w.user_nodes = nodes;
	else
		pol->w.cpuset_mems = usable;
	nodes = pol->flags & MPOL_F_RELATIVE_NODES ? relative_nodes(nodes, usable) : nodes & usable;
	if (!nodes)
		return -EINVAL;
	pol->nodes = pol->mode == MPOL_PREFERRED ? nodes & -nodes : nodes;
	return 0;
}

int mpol_create(struct memory *mem, const struct mpol_request *req, struct mempolicy **ret)
{
	struct mempolicy pol = {.home_node = NUMA_NO_NODE};
	int err = sanitize_flags(req->mode, &pol);

	if (!err)
		err = check_nodes(&pol, req->nodes);
	if (!err && pol.mode != MPOL_DEFAULT)
		err = set_nodemask(mem, &pol, req->nodes);
	if (err)
		return err;
	*ret = pol.mode == MPOL_DEFAULT ? NULL : mpol_dup(mem, &pol);
	return 0;
}

struct mempolicy *mpol_dup(struct memory *mem, const struct mempolicy *pol)
{
	struct mempolicy *copy;

	if (!pol)
		return NULL;
	copy = objpool_get(&mem->mpol_pool);
	*copy = *pol;
	return copy;
}

void mpol_free(struct memory *mem, struct mempolicy *pol)
{
	if (pol)
		objpool_put(&mem->mpol_pool, pol);
}

bool mpol_equal_slow(const struct mempolicy *a, const struct mempolicy *b)
{
	if (a->mode != b->mode || a->flags != b->flags || a->home_node != b->home_node)
		return false;
	if (a->flags & MPOL_MODE_FLAGS && a->w.user_nodes != b->w.user_nodes)
		return false;
	return a->nodes == b->nodes;
}

static void nodes_to_str(struct strbuf *sb, uint64_t nodes)
{
	const char *sep = ":";

	for (unsigned n = 0, last; n < 64; n = last + 1, sep = ",") {
		while (n < 64 && !(nodes >> n & 1))
			n++;
		for (last = n; last < 63 && nodes >> (last + 1) & 1;)
			last++;
		if (n < 64)
			strbuf_addf(sb, last > n ? "%s%u-%u" : "%s%u", sep, n, last);
	}
}

void mpol_to_str(struct strbuf *sb, const struct mempolicy *pol)
{
	static const char *const modes[MPOL_MAX] = {
		[MPOL_DEFAULT] = "default",
		[MPOL_PREFERRED] = "prefer",
		[MPOL_BIND] = "bind",
		[MPOL_INTERLEAVE] = "interleave",
		[MPOL_LOCAL] = "local",
		[MPOL_PREFERRED_MANY] = "prefer (many)",
		[MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave",
	};
	unsigned flags = pol ? pol->flags & MPOL_MODE_FLAGS : 0;

	strbuf_addstr(sb, modes[pol ? pol->mode : MPOL_DEFAULT]);
	if (flags)
		strbuf_addf(sb, "=%s%s%s",
			    flags & MPOL_F_STATIC_NODES	    ? "static"
			    : flags & MPOL_F_RELATIVE_NODES ? "relative"
							    : "",
			    flags & (flags - 1) ? "|" : "",
			    flags & MPOL_F_NUMA_BALANCING ? "balancing" : "");
	if (pol)
		nodes_to_str(sb, pol->nodes);
}

void mpol_rebind(struct mempolicy *pol, uint64_t mems)
{
	uint64_t nodes;

	if (!pol || pol->mode == MPOL_LOCAL)
		return;
	if (!(pol->flags & MPOL_MODE_FLAGS) && pol->w.cpuset_mems == mems)
		return;
	/*
	 * These keep their nodes: a wish is no right. The kernel writes the cpuset over the mask that
	 * the user gave, flags or not.
	 */
	if (pol->mode == MPOL_PREFERRED || pol->mode == MPOL_PREFERRED_MANY) {
		pol->w.cpuset_mems = mems;
		return;
	}
	if (pol->flags & MPOL_F_STATIC_NODES) {
		nodes = pol->w.user_nodes & mems;
	} else if (pol->flags & MPOL_F_RELATIVE_NODES) {
		nodes = relative_nodes(pol->w.user_nodes, mems);
	} else {
		nodes = remap_nodes(pol->nodes, pol->w.cpuset_mems, mems);
		pol->w.cpuset_mems = mems;
	}
	pol->nodes = nodes ? nodes : mems;
}

/* --- choosing --------------------------------------------------------------------------------- */

static unsigned weight_of(const struct memory *mem, unsigned node)
{
	return mem->il_weights[node] ? mem->il_weights[node] : 1;
}

static unsigned weighted_nid(const struct memory *mem, uint64_t nodes, uint64_t ilx)
{
	uint64_t total = 0;
	unsigned node;

	for (uint64_t n = nodes; n; n &= n - 1)
		total += weight_of(mem, first_node(n));
	ilx %= total;
	for (node = first_node(nodes); ilx >= weight_of(mem, node); node = next_node_in(node, nodes))
		ilx -= weight_of(mem, node);
	return node;
}

int mpol_interleave_nid(const struct memory *mem, const struct mempolicy *pol, uint64_t ilx)
{
	if (pol->mode == MPOL_WEIGHTED_INTERLEAVE)
		return (int)weighted_nid(mem, pol->nodes, ilx);
	return (int)nth_node(pol->nodes, (unsigned)(ilx % nodes_weight(pol->nodes)));
}

/* By the task's counter: it advances whether or not the allocation then succeeds. */
static int interleave_nodes(struct memory *mem, const struct mempolicy *pol)
{
	struct task_struct *task = mem->current;
	unsigned node;

	if (!task)
		return (int)first_node(pol->nodes);
	node = task->il_prev;
	if (pol->mode == MPOL_INTERLEAVE) {
		task->il_prev = (uint16_t)next_node_in(node, pol->nodes);
		return task->il_prev;
	}
	if (!task->il_weight || !(pol->nodes >> node & 1)) {
		node = next_node_in(node, pol->nodes);
		task->il_prev = (uint16_t)node;
		task->il_weight = (uint8_t)weight_of(mem, node);
	}
	task->il_weight--;
	return (int)node;
}

/* BIND holds where the request may use the highest zone, or the nodes have movable memory only. */
static bool bind_applies(const struct memory *mem, const struct mempolicy *pol, gfp_t gfp)
{
	enum zone_type zone = gfp_zone(gfp), policy_zone = ZONE_MOVABLE;

	if (!(pol->nodes & current_mems_allowed(mem)))
		return false;
	for (uint64_t n = pol->nodes; n; n &= n - 1) {
		const struct pglist_data *pgdat = mem->nodes[first_node(n)];

		for (unsigned t = 0; t < ZONE_MOVABLE; t++)
			if (pgdat->node_zones[t].managed_pages)
				policy_zone = mem->policy_zone;
	}
	return zone >= policy_zone;
}

uint64_t policy_nodemask(struct memory *mem, gfp_t gfp, const struct mempolicy *pol, uint64_t ilx,
			 int *nid)
{
	switch (pol->mode) {
	case MPOL_PREFERRED:
		*nid = (int)first_node(pol->nodes);
		return NODEMASK_ALL;
	case MPOL_PREFERRED_MANY:
		if (pol->home_node != NUMA_NO_NODE)
			*nid = pol->home_node;
		return pol->nodes;
	case MPOL_BIND:
		if (pol->home_node != NUMA_NO_NODE)
			*nid = pol->home_node;
		return bind_applies(mem, pol, gfp) ? pol->nodes : NODEMASK_ALL;
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		*nid = ilx == NO_INTERLEAVE_INDEX ? interleave_nodes(mem, pol)
						  : mpol_interleave_nid(mem, pol, ilx);
		return NODEMASK_ALL;
	default:
		return NODEMASK_ALL;
	}
}

/* --- tasks ------------------------------------------------------------------------------------ */

void set_task_policy(struct memory *mem, struct task_struct *task, struct mempolicy *pol)
{
	mpol_free(mem, task->mempolicy);
	task->mempolicy = pol;
	if (pol && mpol_is_interleave(pol)) {
		task->il_prev = MAX_NUMNODES - 1;
		task->il_weight = 0;
	}
}

void mpol_task_init(struct memory *mem, struct task_struct *task, const struct task_struct *parent)
{
	task->mems_allowed = parent ? parent->mems_allowed : UINT64_MAX;
	task->mempolicy = parent ? mpol_dup(mem, parent->mempolicy) : NULL;
	task->il_prev = parent ? parent->il_prev : MAX_NUMNODES - 1;
	task->il_weight = parent ? parent->il_weight : 0;
}

/* --- shared files ----------------------------------------------------------------------------- */

static struct sp_node *sp_of(struct rb_node *rb)
{
	return rb ? container_of(rb, struct sp_node, rb) : NULL;
}

/* The first range that ends behind `index`. */
static struct sp_node *sp_first_after(const struct address_space *mapping, uint64_t index)
{
	struct sp_node *best = NULL;

	for (struct rb_node *rb = mapping->policies.node; rb;) {
		struct sp_node *n = sp_of(rb);

		if (n->end > index) {
			best = n;
			rb = rb->left;
		} else {
			rb = rb->right;
		}
	}
	return best;
}

struct mempolicy *mpol_shared_policy_lookup(const struct address_space *mapping, uint64_t index)
{
	struct sp_node *n = sp_first_after(mapping, index);

	return n && n->start <= index ? n->policy : NULL;
}

static void sp_insert(struct memory *mem, struct address_space *mapping, const struct sp_node *what)
{
	struct rb_node **link = &mapping->policies.node, *parent = NULL;
	struct sp_node *n = objpool_get(&mem->sp_node_pool);

	*n = *what;
	while (*link) {
		parent = *link;
		link = n->start < sp_of(parent)->start ? &parent->left : &parent->right;
	}
	rb_link(&n->rb, parent, link);
	rb_insert(&mapping->policies, &n->rb, NULL);
}

static void sp_delete(struct memory *mem, struct address_space *mapping, struct sp_node *n)
{
	rb_erase(&mapping->policies, &n->rb, NULL);
	mpol_free(mem, n->policy);
	objpool_put(&mem->sp_node_pool, n);
}

/* Takes [start, end) out of a range that meets it. */
static void sp_cut(struct memory *mem, struct address_space *mapping, struct sp_node *n,
		   uint64_t start, uint64_t end)
{
	if (n->start >= start && n->end <= end) {
		sp_delete(mem, mapping, n);
	} else if (n->start >= start) {
		n->start = end;
	} else {
		if (n->end > end)
			sp_insert(mem, mapping,
				  &(struct sp_node){.start = end,
						    .end = n->end,
						    .policy = mpol_dup(mem, n->policy)});
		n->end = start;
	}
}

void mpol_set_shared_policy(struct memory *mem, struct address_space *mapping, uint64_t start,
			    uint64_t end, const struct mempolicy *pol)
{
	struct sp_node *n;

	while ((n = sp_first_after(mapping, start)) && n->start < end)
		sp_cut(mem, mapping, n, start, end);
	if (pol)
		sp_insert(mem, mapping,
			  &(struct sp_node){
				  .start = start, .end = end, .policy = mpol_dup(mem, pol)});
}

void mpol_free_shared_policy(struct memory *mem, struct address_space *mapping)
{
	while (mapping->policies.node)
		sp_delete(mem, mapping, sp_of(mapping->policies.node));
}

bool mpol_shared_policy_consistent(const struct address_space *mapping)
{
	uint64_t end = 0;

	if (!rb_consistent(&mapping->policies))
		return false;
	for (struct rb_node *rb = rb_first(&mapping->policies); rb; rb = rb_next(rb)) {
		const struct sp_node *n = sp_of(rb);

		if (n->start < end || n->end <= n->start || !n->policy)
			return false;
		end = n->end;
	}
	return true;
}
