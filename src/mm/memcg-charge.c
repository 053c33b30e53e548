/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Charging: the stocks of CPUs, what happens at a limit, folios. See memcg.h; kernel: try_charge_memcg(), refill_stock(),
 * charge_memcg(), uncharge_folio(), __mem_cgroup_handle_over_high().
 */
#include <errno.h>

#include "base/bug.h"
#include "mm/memcg-internal.h"
#include "mm/seeded_bug.h"

#define COSTLY_PAGES (1u << 3)	/* 2^PAGE_ALLOC_COSTLY_ORDER */

/* ---- stocks ---- */

void memcg_uncharge(struct mem_cgroup *memcg, uint64_t nr_pages)
{
	page_counter_uncharge(&memcg->memory, nr_pages);
	if (do_memsw_account(memcg->mem))
		page_counter_uncharge(&memcg->memsw, nr_pages);
}

static struct memcg_stock *this_stock(const struct memory *mem)
{
	return &mem->memcg->stock[mem->cpu];
}

static bool consume_stock(struct mem_cgroup *memcg, uint64_t nr_pages)
{
	struct memcg_stock *stock = this_stock(memcg->mem);

	for (unsigned i = 0; i < NR_MEMCG_STOCK; i++) {
		if (stock->cached[i] != memcg->id)
			continue;
		if (stock->nr_pages[i] < nr_pages)
			return false;
		stock->nr_pages[i] = (uint8_t)(stock->nr_pages[i] - nr_pages);
		return true;
	}
	return false;
}

static void drain_stock(const struct memory *mem, struct memcg_stock *stock, unsigned i)
{
	if (stock->cached[i] && stock->nr_pages[i])
		memcg_uncharge(mem_cgroup_from_id(mem, stock->cached[i]), stock->nr_pages[i]);
	stock->nr_pages[i] = 0;
	stock->cached[i] = 0;
}

/* The group's place in the stock, one made free for it when it has none. */
static unsigned stock_slot(const struct mem_cgroup *memcg, struct memcg_stock *stock)
{
	unsigned empty = NR_MEMCG_STOCK;

	for (unsigned i = 0; i < NR_MEMCG_STOCK; i++) {
		if (stock->cached[i] == memcg->id)
			return i;
		if (!stock->cached[i] && empty == NR_MEMCG_STOCK)
			empty = i;
	}
	if (empty == NR_MEMCG_STOCK)
		drain_stock(memcg->mem, stock, empty = 0);
	stock->cached[empty] = memcg->id;
	return empty;
}

void refill_stock(struct mem_cgroup *memcg, uint64_t nr_pages)
{
	struct memcg_stock *stock = this_stock(memcg->mem);
	unsigned i;

	if (nr_pages > MEMCG_CHARGE_BATCH) {
		memcg_uncharge(memcg, nr_pages);
		return;
	}
	i = stock_slot(memcg, stock);
	stock->nr_pages[i] = (uint8_t)(stock->nr_pages[i] + nr_pages);
	if (stock->nr_pages[i] > MEMCG_CHARGE_BATCH)
		drain_stock(memcg->mem, stock, i);
}

static bool stock_belongs(const struct memory *mem, unsigned id, const struct mem_cgroup *root)
{
	return id && mem_cgroup_is_descendant(mem_cgroup_from_id(mem, id), root);
}

/* The kernel empties a CPU's stock whole when any of it belongs to the subtree. */
void drain_all_stock(struct mem_cgroup *root)
{
	struct memory *mem = root->mem;

	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++) {
		struct memcg_stock *stock = &mem->memcg->stock[cpu];
		bool needed = false;

		for (unsigned i = 0; i < NR_MEMCG_STOCK; i++)
			needed |= stock->nr_pages[i] && stock_belongs(mem, stock->cached[i], root);
		for (unsigned i = 0; needed && i < NR_MEMCG_STOCK; i++)
			drain_stock(mem, stock, i);
		if (stock_belongs(mem, stock->obj_cached, root))
			drain_obj_stock(mem, stock);
	}
}

/* ---- limits ---- */

uint64_t mem_cgroup_margin(const struct mem_cgroup *memcg)
{
	const struct page_counter *c = &memcg->memory;
	uint64_t margin = c->usage < c->max ? c->max - c->usage : 0, memsw;

	if (!do_memsw_account(memcg->mem))
		return margin;
	c = &memcg->memsw;
	memsw = c->usage < c->max ? c->max - c->usage : 0;
	return memsw < margin ? memsw : margin;
}

/* One attempt to charge nr pages; NULL, or the group whose counter is full. */
static struct mem_cgroup *try_counters(struct mem_cgroup *memcg, uint64_t nr, bool *may_swap)
{
	struct page_counter *full;

	if (do_memsw_account(memcg->mem) && !page_counter_try_charge(&memcg->memsw, nr, &full)) {
		*may_swap = false;	/* swapping out leaves the sum as it is */
		return list_entry(full, struct mem_cgroup, memsw);
	}
	if (page_counter_try_charge(&memcg->memory, nr, &full))
		return NULL;
	if (do_memsw_account(memcg->mem))
		page_counter_uncharge(&memcg->memsw, nr);
	return list_entry(full, struct mem_cgroup, memory);
}

static uint64_t reclaim(struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp, bool may_swap)
{
	struct memory *mem = memcg->mem;
	uint64_t freed;

	if (!mem->pressure || !mem->pressure->reclaim_memcg)
		return 0;
	mem->memalloc = true;
	freed = mem->pressure->reclaim_memcg(mem, memcg, nr_pages, gfp, may_swap);
	mem->memalloc = false;
	return freed;
}

static bool is_dying(const struct memory *mem)
{
	return mem->current && mem->current->mm && mem->current->mm->oom_victim;
}

/* mem_cgroup_oom() */
static bool memcg_oom(struct mem_cgroup *memcg, gfp_t gfp, uint64_t nr_pages)
{
	struct memory *mem = memcg->mem;
	unsigned order = 0;

	if (nr_pages > COSTLY_PAGES)
		return false;
	while (1ull << order < nr_pages)
		order++;
	memcg_memory_event(memcg, MEMCG_OOM);
	if (mem_cgroup_margin(memcg) >= nr_pages)
		return true;
	return mem->pressure && mem->pressure->memcg_oom && mem->pressure->memcg_oom(mem, memcg, gfp, order);
}

static void note_over_high(struct mem_cgroup *memcg, uint64_t batch, gfp_t gfp)
{
	struct memory *mem = memcg->mem;
	bool over = false;

	if (!mem->current)
		return;
	for (const struct mem_cgroup *m = memcg; m && !over; m = m->parent)
		over = m->memory.usage > m->memory.high || m->swap.usage > m->swap.high;
	if (over) {
		mem->current->memcg_nr_pages_over_high += (uint32_t)batch;
		mem->memcg_over_high = true;
	}
	if (mem->current->memcg_nr_pages_over_high > MEMCG_CHARGE_BATCH && !mem->memalloc &&
	    gfp & __GFP_DIRECT_RECLAIM)
		__mem_cgroup_handle_over_high(mem, gfp);
}

static int force_charge(struct mem_cgroup *memcg, struct mem_cgroup *over, uint64_t nr_pages, bool raised)
{
	if (!raised)
		memcg_memory_event(over, MEMCG_MAX);
	page_counter_charge(&memcg->memory, nr_pages);
	if (do_memsw_account(memcg->mem))
		page_counter_charge(&memcg->memsw, nr_pages);
	return 0;
}

/* An attempt to make room at a limit; what the kernel's loop remembers between its turns. */
struct charge_try {
	struct mem_cgroup *over;	/* whose limit it is */
	gfp_t gfp;
	uint64_t nr_pages;
	unsigned retries;
	bool may_swap, drained, passed_oom, raised;
};

/* True: try again. */
static bool make_room(struct charge_try *t)
{
	struct memory *mem = t->over->mem;
	uint64_t freed;

	memcg_memory_event(t->over, MEMCG_MAX);
	t->raised = true;
	freed = reclaim(t->over, t->nr_pages, t->gfp, t->may_swap);
	if (mem_cgroup_margin(t->over) >= t->nr_pages)
		return true;
	if (!t->drained) {
		drain_all_stock(t->over);
		t->drained = true;
		return true;
	}
	if (t->gfp & __GFP_NORETRY)
		return false;
	/* Huge pages are not worth it so close to the limit: base pages can serve instead. */
	if (freed && t->nr_pages <= COSTLY_PAGES)
		return true;
	if (t->retries) {
		t->retries--;
		return true;
	}
	if (t->gfp & __GFP_RETRY_MAYFAIL || (t->passed_oom && is_dying(mem)))
		return false;
	if (!memcg_oom(t->over, t->gfp, t->nr_pages))
		return false;
	t->passed_oom = true;
	t->retries = MAX_RECLAIM_RETRIES;
	return true;
}

int try_charge_memcg(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, uint64_t nr_pages)
{
	uint64_t batch = nr_pages > MEMCG_CHARGE_BATCH ? nr_pages : MEMCG_CHARGE_BATCH;
	struct charge_try t = {.gfp = gfp, .nr_pages = nr_pages, .retries = MAX_RECLAIM_RETRIES, .may_swap = true};

	if (unlikely(mem->reclaim_always) && gfp & __GFP_DIRECT_RECLAIM && !mem->memalloc)
		reclaim(memcg, nr_pages, gfp, true);
	for (;;) {
		if (consume_stock(memcg, nr_pages))
			return 0;
		t.over = try_counters(memcg, batch, &t.may_swap);
		if (!t.over)
			break;
		if (batch > nr_pages) {
			batch = nr_pages;
			continue;
		}
		/* Reclaim itself may go above: it is about to make room. */
		if (mem->memalloc)
			return force_charge(memcg, t.over, nr_pages, t.raised);
		if (gfp & __GFP_DIRECT_RECLAIM && make_room(&t))
			continue;
		if (gfp & (__GFP_NOFAIL | __GFP_HIGH))
			return force_charge(memcg, t.over, nr_pages, t.raised);
		return -ENOMEM;
	}
	if (batch > nr_pages)
		refill_stock(memcg, batch - nr_pages);
	note_over_high(memcg, batch, gfp);
	return 0;
}

/* ---- memory.high ---- */

#define DELAY_PRECISION_SHIFT	20
#define DELAY_SCALING_SHIFT	14
#define MAX_DELAY_SECONDS	2
#define DEFAULT_HZ		250

static uint64_t reclaim_high(struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp)
{
	uint64_t freed = 0;

	for (; memcg && !mem_cgroup_is_root(memcg); memcg = memcg->parent) {
		if (memcg->memory.usage <= memcg->memory.high)
			continue;
		memcg_memory_event(memcg, MEMCG_HIGH);
		freed += reclaim(memcg, nr_pages, gfp, true);
	}
	return freed;
}

static uint64_t overage(const struct page_counter *c)
{
	if (c->usage <= c->high)
		return 0;
	return ((c->usage - c->high) << DELAY_PRECISION_SHIFT) / (c->high ? c->high : 1);
}

/* Largest overages of memory and swap on the way up. */
static void find_overage(struct mem_cgroup *memcg, uint64_t *memory, uint64_t *swap)
{
	*memory = *swap = 0;
	for (; memcg && !mem_cgroup_is_root(memcg); memcg = memcg->parent) {
		uint64_t m = overage(&memcg->memory), s = overage(&memcg->swap);

		if (s)
			memcg_memory_event(memcg, MEMCG_SWAP_HIGH);
		*memory = m > *memory ? m : *memory;
		*swap = s > *swap ? s : *swap;
	}
}

/* Ticks to be held up: the square of the overage, by how much was charged. Saturates far above the largest delay. */
static uint64_t high_delay(uint64_t hz, uint64_t nr_pages, uint64_t over)
{
	if (over >> 28)
		over = 1ull << 28;
	return (over * over / (1ull << DELAY_PRECISION_SHIFT) * hz >> DELAY_SCALING_SHIFT) * nr_pages /
	       MEMCG_CHARGE_BATCH;
}

static void handle_over_high(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp)
{
	uint64_t hz = mem->conf.hz ? mem->conf.hz : DEFAULT_HZ, want = nr_pages, memory, swap, delay, freed;

	for (unsigned retries = MAX_RECLAIM_RETRIES;;) {
		if (is_dying(mem))
			return;
		freed = reclaim_high(memcg, want, gfp);
		find_overage(memcg, &memory, &swap);
		delay = high_delay(hz, nr_pages, memory) + high_delay(hz, nr_pages, swap);
		if (delay > MAX_DELAY_SECONDS * hz)
			delay = MAX_DELAY_SECONDS * hz;
		if (delay <= hz / 100)
			return;
		if (!freed && !retries--)
			break;
		want = 32;	/* SWAP_CLUSTER_MAX: only what keeps it from growing */
	}
	memcg->high_stall_ns += delay * (1000000000u / hz);
	mem->memcg_high_wait_ns += delay * (1000000000u / hz);
}

void __mem_cgroup_handle_over_high(struct memory *mem, gfp_t gfp)
{
	struct task_struct *task = mem->current;
	uint64_t nr_pages;

	mem->memcg_over_high = mem->memcg_high_wait_ns;
	if (!task || !task->memcg_nr_pages_over_high || mem->memalloc)
		return;
	nr_pages = task->memcg_nr_pages_over_high;
	task->memcg_nr_pages_over_high = 0;
	handle_over_high(mem, get_mem_cgroup_from_mm(mem, task->mm), nr_pages, gfp);
	mem->memcg_over_high |= mem->memcg_high_wait_ns != 0;
}

/* ---- folios ---- */

static uint64_t pages_of(const struct memory *mem, pfn_t head)
{
	return 1ull << page_order(pfn_to_page(mem, head));
}

bool charge_memcg(struct memory *mem, pfn_t head, struct mem_cgroup *memcg, gfp_t gfp)
{
	if (!mem_cgroup_is_root(memcg) && try_charge_memcg(mem, memcg, gfp, pages_of(mem, head)))
		return false;
	mem->page_memcg[head] = memcg->id;
	if (do_memsw_account(mem))
		memcg->vm_event[PGPGIN]++;
	return true;
}

bool __mem_cgroup_charge(struct memory *mem, pfn_t head, const struct mm_struct *mm, gfp_t gfp)
{
	VM_BUG_ON(mem->page_memcg[head]);
	return charge_memcg(mem, head, get_mem_cgroup_from_mm(mem, mm), gfp);
}

void __mem_cgroup_uncharge(struct memory *mem, pfn_t head, unsigned order)
{
	struct mem_cgroup *memcg = __folio_memcg(mem, head);
	bool kmem = mem->page_memcg[head] & MEMCG_KMEM;

	mem->page_memcg[head] = 0;
	if (SEEDED_BUG(mem, MEMCG_UNCHARGE))
		return;
	if (!kmem && do_memsw_account(mem))
		memcg->vm_event[PGPGOUT]++;
	if (kmem) {
		memcg->stat[MEMCG_KMEM_PAGES] -= 1ull << order;
		page_counter_uncharge(&memcg->kmem, 1ull << order);
		if (!mem_cgroup_is_root(memcg))
			refill_stock(memcg, 1ull << order);
	} else if (!mem_cgroup_is_root(memcg)) {
		memcg_uncharge(memcg, 1ull << order);
	}
}

void mem_cgroup_replace_folio(struct memory *mem, pfn_t src, pfn_t dst)
{
	struct mem_cgroup *memcg = folio_memcg(mem, src);
	uint64_t nr_pages = pages_of(mem, dst);

	if (!memcg || mem->page_memcg[dst])
		return;
	if (!mem_cgroup_is_root(memcg)) {
		page_counter_charge(&memcg->memory, nr_pages);
		if (do_memsw_account(mem))
			page_counter_charge(&memcg->memsw, nr_pages);
	}
	mem->page_memcg[dst] = memcg->id;
}

void mem_cgroup_split(struct memory *mem, pfn_t head, unsigned old_order, unsigned new_order)
{
	if (!mem->page_memcg)
		return;
	for (uint64_t i = 1ull << new_order; i < 1ull << old_order; i += 1ull << new_order)
		mem->page_memcg[head + i] = mem->page_memcg[head];
}
