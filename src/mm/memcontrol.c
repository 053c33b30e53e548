/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Limits of memory cgroups, and their books: see memcontrol.h. */
#include "mm/memcontrol.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "mm/memcg-internal.h"
#include "mm/psi.h"
#include "mm/slab.h"
#include "mm/swapfile.h"

/* ---- limits ---- */

static uint64_t reclaim(struct mem_cgroup *memcg, uint64_t nr_pages)
{
	struct memory *mem = memcg->mem;
	uint64_t freed;

	if (!mem->pressure || !mem->pressure->reclaim_memcg)
		return 0;
	mem->memalloc = true;
	freed = mem->pressure->reclaim_memcg(mem, memcg, nr_pages, GFP_KERNEL, true);
	mem->memalloc = false;
	return freed;
}

/* Until usage is below the mark, or nothing can be had any more; true then too when the killer is to be asked. */
static bool reclaim_down_to(struct mem_cgroup *memcg, uint64_t pages)
{
	unsigned retries = MAX_RECLAIM_RETRIES;

	if (memcg->memory.usage > pages)
		drain_all_stock(memcg);
	while (memcg->memory.usage > pages && retries)
		if (!reclaim(memcg, memcg->memory.usage - pages))
			retries--;
	return memcg->memory.usage > pages;
}

void memcg_set_max(struct mem_cgroup *memcg, uint64_t pages)
{
	struct memory *mem = memcg->mem;

	memcg->memory.max = pages;
	while (reclaim_down_to(memcg, pages)) {
		memcg_memory_event(memcg, MEMCG_OOM);
		if (!mem->pressure || !mem->pressure->memcg_oom ||
		    !mem->pressure->memcg_oom(mem, memcg, GFP_KERNEL, 0))
			break;
	}
}

void memcg_set_high(struct mem_cgroup *memcg, uint64_t pages)
{
	memcg->memory.high = pages;
	reclaim_down_to(memcg, pages);
}

void memcg_set_min(struct mem_cgroup *memcg, uint64_t pages)
{
	memcg->memory.min = pages;
	page_counter_propagate(&memcg->memory);
}

void memcg_set_low(struct mem_cgroup *memcg, uint64_t pages)
{
	memcg->memory.low = pages;
	page_counter_propagate(&memcg->memory);
}

void memcg_set_swap_max(struct mem_cgroup *memcg, uint64_t pages)
{
	if (do_memsw_account(memcg->mem))
		memcg->memsw.max = pages;
	else
		memcg->swap.max = pages;
}

void memcg_set_swap_high(struct mem_cgroup *memcg, uint64_t pages)
{
	memcg->swap.high = pages;
}

void memcg_set_recursive_protection(struct memory *mem, bool on)
{
	mem->memcg->recursive_protection = on;
}

uint64_t mem_cgroup_get_nr_swap_pages(const struct memory *mem, const struct mem_cgroup *memcg)
{
	uint64_t slots = get_nr_swap_pages(mem), margin = mem_cgroup_swap_margin(mem, memcg);

	return slots < margin ? slots : margin;
}

void __mem_cgroup_return_to_user(struct memory *mem)
{
	__mem_cgroup_handle_over_high(mem, GFP_KERNEL);
	mem->memcg_over_high = false;
	if (mem->memcg_high_wait_ns)
		psi_memstall(mem, mem->memcg_high_wait_ns);
	mem->memcg_high_wait_ns = 0;
}

/* ---- the books ---- */

/* What a walk over everything finds for one group, without those below it. */
struct found {
	uint64_t folio_pages, kernel_pages;
	uint64_t object_bytes;		/* of objects in slabs */
	uint64_t stock_pages, stock_bytes;
	uint64_t slots;
	uint64_t mms;
};

struct check {
	const struct memory *mem;
	struct strbuf *why;
	struct found *found;	/* by id */
	bool ok;
};

static void complain(struct check *c, const struct mem_cgroup *memcg, const char *what, uint64_t has, uint64_t want)
{
	c->ok = false;
	if (c->why)
		strbuf_addf(c->why, "memory cgroup %u '%s': %s is %" PRIu64 ", not %" PRIu64 "\n", memcg->id,
			    memcg->name, what, has, want);
}

static void expect(struct check *c, const struct mem_cgroup *memcg, const char *what, uint64_t has, uint64_t want)
{
	if (has != want)
		complain(c, memcg, what, has, want);
}

static void find_page(struct check *c, pfn_t pfn)
{
	const struct page *page = pfn_to_page(c->mem, pfn);
	unsigned id = c->mem->page_memcg[pfn];
	const struct mem_cgroup *memcg;

	if (!id)
		return;
	memcg = __folio_memcg(c->mem, pfn);
	if (page->flags & (PG_BUDDY | PG_PCP | PG_TAIL) || !page->_refcount)
		complain(c, memcg, "a frame that nobody has, but is charged,", pfn, 0);
	if (id & MEMCG_KMEM)
		c->found[memcg->id].kernel_pages += 1ull << page_order(page);
	else
		c->found[memcg->id].folio_pages += 1ull << page_order(page);
}

static void find_pages(struct check *c)
{
	for (size_t s = 0; s < c->mem->nr_sections; s++)
		for (pfn_t i = 0; c->mem->sections[s].pages && i < SECTION_PAGES; i++)
			find_page(c, (pfn_t)(s << SECTION_SHIFT) + i);
}

static void find_object(void *ctx, unsigned id, uint64_t bytes)
{
	struct check *c = ctx;

	c->found[obj_cgroup_memcg(c->mem, id)->id].object_bytes += bytes;
}

static void find_stocks(struct check *c)
{
	for (unsigned cpu = 0; cpu < c->mem->nr_cpus; cpu++) {
		const struct memcg_stock *stock = &c->mem->memcg->stock[cpu];

		for (unsigned i = 0; i < NR_MEMCG_STOCK; i++)
			c->found[stock->cached[i]].stock_pages += stock->nr_pages[i];
		c->found[stock->obj_cached].stock_bytes += stock->obj_bytes;
	}
}

static void find_slots(struct check *c)
{
	for (unsigned t = 0; t < MAX_SWAP_TYPES; t++)
		for (size_t i = 0; i < c->mem->memcg->swap[t].nr; i++)
			c->found[c->mem->memcg->swap[t].data[i]].slots++;
}

static void find_mms(struct check *c)
{
	struct list_head *pos;

	list_for_each(pos, &c->mem->mms) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (mm->memcg)
			c->found[mm->memcg->id].mms++;
	}
}

/* A counter without what those below have. */
static uint64_t own_usage(const struct mem_cgroup *memcg, size_t offset)
{
	uint64_t own = ((const struct page_counter *)((const char *)memcg + offset))->usage;
	struct list_head *pos;

	list_for_each(pos, &((struct mem_cgroup *)(uintptr_t)memcg)->children)
		own -= ((const struct page_counter *)((const char *)list_entry(pos, struct mem_cgroup, siblings) + offset))
			       ->usage;
	return own;
}

#define OWN(memcg, counter) own_usage(memcg, offsetof(struct mem_cgroup, counter))

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void check_protection(struct check *c, const struct mem_cgroup *memcg)
{
	uint64_t min = 0, low = 0;
	struct list_head *pos;

	list_for_each(pos, &((struct mem_cgroup *)(uintptr_t)memcg)->children) {
		const struct page_counter *p = &list_entry(pos, struct mem_cgroup, siblings)->memory;

		min += least(p->usage, p->min);
		low += least(p->usage, p->low);
	}
	expect(c, memcg, "usage below memory.min of its children", memcg->memory.children_min_usage, min);
	expect(c, memcg, "usage below memory.low of its children", memcg->memory.children_low_usage, low);
}

static void check_group(struct check *c, const struct mem_cgroup *memcg)
{
	const struct found *f = &c->found[memcg->id];
	uint64_t zswap = memcg->stat[MEMCG_ZSWAP_B], page = 1ull << c->mem->geo->page_shift;
	uint64_t objects = f->object_bytes + f->stock_bytes + memcg->nr_charged_bytes + zswap;
	uint64_t kernel = f->kernel_pages + objects / page, memory = f->folio_pages + f->stock_pages + kernel;

	expect(c, memcg, "bytes of its objects beyond whole pages", objects % page, 0);
	expect(c, memcg, "bytes of its objects", memcg->stat[MEMCG_SLAB_RECLAIMABLE_B] +
	       memcg->stat[MEMCG_SLAB_UNRECLAIMABLE_B], f->object_bytes);
	expect(c, memcg, "its kernel memory", memcg->stat[MEMCG_KMEM_PAGES], kernel);
	expect(c, memcg, "its own part of the kernel memory", OWN(memcg, kmem), kernel);
	expect(c, memcg, "its pages in swap", memcg->stat[MEMCG_SWAP], f->slots);
	expect(c, memcg, "its address spaces", memcg->nr_mms, f->mms);
	check_protection(c, memcg);
	if (mem_cgroup_is_root(memcg))
		return;
	expect(c, memcg, "its own part of the memory", OWN(memcg, memory), memory);
	if (do_memsw_account(c->mem))
		expect(c, memcg, "its own part of memory and swap", OWN(memcg, memsw), memory + f->slots);
	else
		expect(c, memcg, "its own part of the swap", OWN(memcg, swap), f->slots);
	if (memcg->memory.usage > memcg->memory.watermark)
		complain(c, memcg, "usage above its peak", memcg->memory.usage, memcg->memory.watermark);
}

/* No counter of a group is below nothing, and all groups together have no more of anything than the node has. */
static void check_counters(struct check *c, unsigned nid)
{
	static const enum node_stat_item items[] = {NR_ANON_MAPPED, NR_FILE_MAPPED, NR_FILE_PAGES, NR_SHMEM, NR_SWAPCACHE,
						    NR_FILE_DIRTY, NR_WRITEBACK, NR_PAGETABLE, NR_KERNEL_STACK_KB};

	for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
		uint64_t sum = 0;

		for (size_t id = 1; id < c->mem->memcg->by_id.nr; id++) {
			const struct mem_cgroup *memcg = c->mem->memcg->by_id.data[id];

			if ((int64_t)memcg->nodeinfo[nid]->stat[items[i]] < 0)
				complain(c, memcg, node_stat_info[items[i]].key, memcg->nodeinfo[nid]->stat[items[i]], 0);
			sum += memcg->nodeinfo[nid]->stat[items[i]];
		}
		if (sum > c->mem->nodes[nid]->vm_stat[items[i]])
			complain(c, c->mem->root_memcg, node_stat_info[items[i]].key, sum,
				 c->mem->nodes[nid]->vm_stat[items[i]]);
	}
}

/* What is on lists is counted once for the node and once for a group. */
static void check_lists(struct check *c, unsigned nid)
{
	for (unsigned lru = 0; lru < NR_LRU_LISTS; lru++) {
		enum node_stat_item item = (enum node_stat_item)(NR_INACTIVE_ANON + lru);
		uint64_t sum = 0;

		for (size_t id = 1; id < c->mem->memcg->by_id.nr; id++)
			sum += c->mem->memcg->by_id.data[id]->nodeinfo[nid]->stat[item];
		expect(c, c->mem->root_memcg, "a list of all groups on a node", sum, c->mem->nodes[nid]->vm_stat[item]);
	}
}

bool memcg_consistent(const struct memory *mem, struct strbuf *why)
{
	struct check c = {.mem = mem, .why = why, .ok = true};

	if (!mem->memcg)
		return true;
	c.found = xcalloc(mem->memcg->by_id.nr, sizeof(*c.found));
	find_pages(&c);
	slab_for_each_charged(mem, find_object, &c);
	find_stocks(&c);
	find_slots(&c);
	find_mms(&c);
	for (size_t id = 1; id < mem->memcg->by_id.nr; id++)
		check_group(&c, mem->memcg->by_id.data[id]);
	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		check_lists(&c, n);
		check_counters(&c, n);
	}
	free(c.found);
	return c.ok;
}
