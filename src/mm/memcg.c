/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The tree of memory cgroups: see memcg.h. */
#include "mm/memcg.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "mm/lru_policy.h"
#include "mm/memcg-internal.h"

static size_t ids_bytes(const struct memory *mem)
{
	return ((size_t)mem->max_pfn + 1) * sizeof(*mem->page_memcg);
}

static void counter_init(struct page_counter *c, struct page_counter *parent, bool protection)
{
	*c = (struct page_counter){.parent = parent, .protection = protection, .max = PAGE_COUNTER_MAX,
				   .high = PAGE_COUNTER_MAX};
}

static void init_nodes(struct mem_cgroup *memcg)
{
	struct memory *mem = memcg->mem;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		memcg->nodeinfo[n] = xcalloc(1, sizeof(*memcg->nodeinfo[n]));
		if (mem_cgroup_is_root(memcg))
			mem->nodes[n]->lruvec.memcg = memcg;
		else
			lruvec_init(mem, &memcg->nodeinfo[n]->lruvec, mem->nodes[n], NULL, memcg);
	}
}

static struct mem_cgroup *memcg_alloc(struct memory *mem, struct mem_cgroup *parent, const char *name)
{
	struct memcg_system *sys = mem->memcg;
	struct mem_cgroup *memcg;

	if (sys->by_id.nr > MEMCG_ID_MAX)
		return NULL;
	memcg = xcalloc(1, sizeof(*memcg) + mem->nr_nodes * sizeof(memcg->nodeinfo[0]));
	memcg->mem = mem;
	memcg->parent = parent;
	memcg->name = xstrdup(name);
	memcg->id = (uint16_t)sys->by_id.nr;
	*vec_push(&sys->by_id) = memcg;
	memcg->swappiness = parent ? parent->swappiness : MEMCG_SWAPPINESS_GLOBAL;
	list_init(&memcg->children);
	list_init(&memcg->siblings);
	counter_init(&memcg->memory, parent ? &parent->memory : NULL, true);
	counter_init(&memcg->swap, parent ? &parent->swap : NULL, false);
	counter_init(&memcg->memsw, parent ? &parent->memsw : NULL, false);
	counter_init(&memcg->kmem, parent ? &parent->kmem : NULL, false);
	init_nodes(memcg);
	return memcg;
}

void mem_cgroup_init(struct memory *mem, bool v1)
{
	if (mem->root_memcg)
		return;
	mem->memcg = xcalloc(1, sizeof(*mem->memcg) + mem->nr_cpus * sizeof(mem->memcg->stock[0]));
	mem->memcg->v1 = v1;
	mem->memcg->recursive_protection = true;
	mem->page_memcg = mmap(NULL, ids_bytes(mem), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->page_memcg == MAP_FAILED)
		xalloc_failed(ids_bytes(mem));
	*vec_push(&mem->memcg->by_id) = NULL;
	mem->root_memcg = memcg_alloc(mem, NULL, "");
}

void mem_cgroup_finish(struct memory *mem)
{
	struct memcg_system *sys = mem->memcg;

	if (!sys)
		return;
	for (size_t i = 1; i < sys->by_id.nr; i++) {
		struct mem_cgroup *memcg = sys->by_id.data[i];

		for (unsigned n = 0; n < mem->nr_nodes; n++) {
			if (mem->lru_policy && !mem_cgroup_is_root(memcg))
				mem->lru_policy->exit_lruvec(mem, &memcg->nodeinfo[n]->lruvec);
			free(memcg->nodeinfo[n]);
		}
		free(memcg->name);
		free(memcg);
	}
	for (unsigned t = 0; t < MAX_SWAP_TYPES; t++)
		vec_finish(&sys->swap[t]);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		mem->nodes[n]->lruvec.memcg = NULL;
	vec_finish(&sys->by_id);
	munmap(mem->page_memcg, ids_bytes(mem));
	free(sys);
	mem->memcg = NULL;
	mem->root_memcg = NULL;
	mem->page_memcg = NULL;
}

struct mem_cgroup *mem_cgroup_create(struct mem_cgroup *parent, const char *name)
{
	struct mem_cgroup *memcg = memcg_alloc(parent->mem, parent, name);

	if (memcg)
		list_add_tail(&memcg->siblings, &parent->children);
	return memcg;
}

/* No walk may go on at a group that has gone from under it. */
static void invalidate_iterators(struct mem_cgroup *dead)
{
	for (struct mem_cgroup *memcg = dead; memcg; memcg = memcg->parent)
		for (unsigned n = 0; n < dead->mem->nr_nodes; n++)
			if (memcg->nodeinfo[n]->iter_position == dead)
				memcg->nodeinfo[n]->iter_position = NULL;
}

/* What the kernel uses for it is the parent's from now on: above it the sums stay as they are. */
static void reparent_kernel_memory(struct mem_cgroup *memcg)
{
	uint64_t kmem = memcg->kmem.usage;
	struct mem_cgroup *parent = obj_cgroup_memcg(memcg->mem, memcg->id);

	memcg->kmem.usage -= kmem;
	memcg->memory.usage -= kmem;
	if (memcg->mem->memcg->v1)
		memcg->memsw.usage -= kmem;
	page_counter_propagate(&memcg->memory);
	if (mem_cgroup_is_root(parent)) {	/* which is charged for nothing of its own */
		parent->memory.usage -= kmem;
		if (memcg->mem->memcg->v1)
			parent->memsw.usage -= kmem;
	}
	parent->nr_charged_bytes += memcg->nr_charged_bytes;
	memcg->nr_charged_bytes = 0;
	for (unsigned i = MEMCG_KMEM_PAGES; i < NR_MEMCG_STAT; i++) {
		parent->stat[i] += memcg->stat[i];
		memcg->stat[i] = 0;
	}
	for (unsigned n = 0; n < memcg->mem->nr_nodes; n++) {
		static const enum node_stat_item items[] = {NR_KERNEL_STACK_KB, NR_PAGETABLE};

		for (unsigned i = 0; i < 2; i++) {
			parent->nodeinfo[n]->stat[items[i]] += memcg->nodeinfo[n]->stat[items[i]];
			memcg->nodeinfo[n]->stat[items[i]] = 0;
		}
	}
}

void mem_cgroup_offline(struct mem_cgroup *memcg)
{
	struct list_head *pos;

	BUG_ON(mem_cgroup_is_root(memcg) || memcg->nr_mms || memcg->offline);
	list_for_each(pos, &memcg->children)
		BUG_ON(!list_entry(pos, struct mem_cgroup, siblings)->offline);
	memcg->memory.min = memcg->memory.low = 0;
	page_counter_propagate(&memcg->memory);
	drain_all_stock(memcg);
	memcg->offline = true;
	invalidate_iterators(memcg);
	reparent_kernel_memory(memcg);
}

struct mem_cgroup *mem_cgroup_from_id(const struct memory *mem, unsigned id)
{
	return mem->memcg && id < mem->memcg->by_id.nr ? mem->memcg->by_id.data[id] : NULL;
}

bool memcg_is_v1(const struct memory *mem)
{
	return mem->memcg && mem->memcg->v1;
}

struct mem_cgroup *__folio_memcg(const struct memory *mem, pfn_t head)
{
	unsigned id = mem->page_memcg[head];

	return id & MEMCG_KMEM ? obj_cgroup_memcg(mem, id & ~MEMCG_KMEM) : mem->memcg->by_id.data[id];
}

bool mem_cgroup_is_descendant(const struct mem_cgroup *memcg, const struct mem_cgroup *root)
{
	for (; memcg; memcg = memcg->parent)
		if (memcg == root)
			return true;
	return false;
}

/* ---- who is in which group ---- */

struct mem_cgroup *get_mem_cgroup_from_mm(const struct memory *mem, const struct mm_struct *mm)
{
	if (!mm && mem->current)
		mm = mem->current->mm;
	return mm && mm->memcg ? mm->memcg : mem->root_memcg;
}

void mm_set_memcg(struct mm_struct *mm, struct mem_cgroup *memcg)
{
	if (mm->memcg)
		mm->memcg->nr_mms--;
	mm->memcg = memcg;
	if (memcg)
		memcg->nr_mms++;
}

/* ---- walks ---- */

/* The next group in preorder, NULL at the end. */
static struct mem_cgroup *next_descendant(struct mem_cgroup *pos, const struct mem_cgroup *root)
{
	if (!list_empty(&pos->children))
		return list_entry(pos->children.next, struct mem_cgroup, siblings);
	for (; pos != root; pos = pos->parent)
		if (pos->siblings.next != &pos->parent->children)
			return list_entry(pos->siblings.next, struct mem_cgroup, siblings);
	return NULL;
}

/* What is offline and holds nothing any more the kernel has freed. */
static bool is_there(const struct mem_cgroup *memcg)
{
	return !memcg->offline || memcg->memory.usage;
}

/* pos NULL: from the root of the walk. */
static struct mem_cgroup *next_of_walk(struct mem_cgroup *pos, struct mem_cgroup *root)
{
	pos = pos ? next_descendant(pos, root) : root;
	while (pos && pos != root && !is_there(pos))
		pos = next_descendant(pos, root);
	return pos;
}

static struct mem_cgroup *next_of_shared_walk(struct mem_cgroup *root, const struct mem_cgroup *prev,
					      struct mem_cgroup_reclaim_cookie *cookie)
{
	struct mem_cgroup_per_node *pn = root->nodeinfo[cookie->pgdat->node_id];
	struct mem_cgroup *next;

	if (!prev)
		cookie->generation = pn->iter_generation;
	else if (cookie->generation != pn->iter_generation)
		return NULL;
	next = pn->iter_position = next_of_walk(pn->iter_position, root);
	if (next)
		return next;
	pn->iter_generation++;
	/* Who joins right at the end sees at least one group. */
	return prev ? NULL : (pn->iter_position = root);
}

struct mem_cgroup *mem_cgroup_iter(struct memory *mem, struct mem_cgroup *root, struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie)
{
	if (!root)
		root = mem->root_memcg;
	if (!root)
		return NULL;
	return cookie ? next_of_shared_walk(root, prev, cookie) : next_of_walk(prev, root);
}
