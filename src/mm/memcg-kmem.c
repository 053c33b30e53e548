/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Kernel memory of memory cgroups: whole pages, and objects by the byte. See memcg.h; kernel: obj_cgroup_charge_account(),
 * refill_obj_stock(), drain_obj_stock(), __memcg_kmem_charge_page().
 *
 * An object is charged out of the CPU's stock of bytes, for which pages are charged one by one. What the stock holds
 * beyond a page goes back; when it has to serve another group, its bytes are left with the group they came from.
 */
#include "base/bug.h"
#include "mm/memcg-internal.h"

static unsigned page_bytes(const struct memory *mem)
{
	return 1u << mem->geo->page_shift;
}

struct mem_cgroup *obj_cgroup_memcg(const struct memory *mem, unsigned id)
{
	struct mem_cgroup *memcg = mem_cgroup_from_id(mem, id);

	while (memcg && memcg->offline)
		memcg = memcg->parent;
	return memcg;
}

/* Whom the kernel works for: nobody's memory, and the root's, is not charged. */
static struct mem_cgroup *current_obj_cgroup(const struct memory *mem)
{
	struct mem_cgroup *memcg = mem->current && mem->current->mm ? mem->current->mm->memcg : NULL;

	while (memcg && memcg->offline)
		memcg = memcg->parent;
	return memcg && !mem_cgroup_is_root(memcg) ? memcg : NULL;
}

static bool charge_pages(struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp)
{
	if (try_charge_memcg(memcg->mem, memcg, gfp, nr_pages))
		return false;
	memcg->stat[MEMCG_KMEM_PAGES] += nr_pages;
	page_counter_charge(&memcg->kmem, nr_pages);
	return true;
}

static void account_kmem_uncharged(struct mem_cgroup *memcg, uint64_t nr_pages)
{
	memcg->stat[MEMCG_KMEM_PAGES] -= nr_pages;
	page_counter_uncharge(&memcg->kmem, nr_pages);
}

bool __memcg_charge_page(struct memory *mem, pfn_t pfn, unsigned order, gfp_t gfp)
{
	struct mem_cgroup *memcg = current_obj_cgroup(mem);

	if (!memcg)
		return true;
	if (!charge_pages(memcg, 1ull << order, gfp))
		return false;
	mem->page_memcg[pfn] = (uint16_t)(memcg->id | MEMCG_KMEM);
	return true;
}

/* ---- objects ---- */

/* Whole pages go back to the counters, the rest stays with the group. */
void drain_obj_stock(struct memory *mem, struct memcg_stock *stock)
{
	struct mem_cgroup *memcg = obj_cgroup_memcg(mem, stock->obj_cached);
	uint64_t nr_pages = stock->obj_bytes / page_bytes(mem);

	if (!memcg)
		return;
	if (nr_pages) {
		account_kmem_uncharged(memcg, nr_pages);
		if (!mem_cgroup_is_root(memcg))
			memcg_uncharge(memcg, nr_pages);
	}
	memcg->nr_charged_bytes += stock->obj_bytes % page_bytes(mem);
	stock->obj_bytes = 0;
	stock->obj_cached = 0;
}

static void refill_obj_stock(struct mem_cgroup *memcg, uint64_t bytes, bool may_uncharge)
{
	struct memory *mem = memcg->mem;
	struct memcg_stock *stock = &mem->memcg->stock[mem->cpu];
	uint64_t nr_pages = 0;

	if (stock->obj_cached != memcg->id) {
		drain_obj_stock(mem, stock);
		stock->obj_bytes = memcg->nr_charged_bytes;
		memcg->nr_charged_bytes = 0;
		stock->obj_cached = memcg->id;
		may_uncharge = true;
	}
	stock->obj_bytes += (uint32_t)bytes;
	if (may_uncharge && stock->obj_bytes > page_bytes(mem)) {
		nr_pages = stock->obj_bytes / page_bytes(mem);
		stock->obj_bytes %= page_bytes(mem);
	}
	if (!nr_pages)
		return;
	account_kmem_uncharged(memcg, nr_pages);
	if (!mem_cgroup_is_root(memcg))
		refill_stock(memcg, nr_pages);
}

static bool charge_bytes(struct mem_cgroup *memcg, uint64_t bytes, gfp_t gfp)
{
	struct memory *mem = memcg->mem;
	struct memcg_stock *stock = &mem->memcg->stock[mem->cpu];
	uint64_t rest = bytes % page_bytes(mem);

	if (stock->obj_cached == memcg->id && stock->obj_bytes >= bytes) {
		stock->obj_bytes -= (uint32_t)bytes;
		return true;
	}
	if (!charge_pages(memcg, bytes / page_bytes(mem) + (rest != 0), gfp))
		return false;
	if (rest)
		refill_obj_stock(memcg, page_bytes(mem) - rest, false);
	return true;
}

int obj_cgroup_charge_id(struct memory *mem, unsigned id, uint64_t bytes, gfp_t gfp, enum memcg_stat_item stat)
{
	struct mem_cgroup *memcg = obj_cgroup_memcg(mem, id);

	if (!memcg || mem_cgroup_is_root(memcg))
		return 0;
	if (!charge_bytes(memcg, bytes, gfp))
		return -1;
	memcg->stat[stat] += bytes;
	return memcg->id;
}

int obj_cgroup_charge(struct memory *mem, uint64_t bytes, gfp_t gfp, enum memcg_stat_item stat)
{
	const struct mem_cgroup *memcg = mem->memcg ? current_obj_cgroup(mem) : NULL;

	return memcg ? obj_cgroup_charge_id(mem, memcg->id, bytes, gfp, stat) : 0;
}

void obj_cgroup_uncharge(struct memory *mem, unsigned id, uint64_t bytes, enum memcg_stat_item stat)
{
	struct mem_cgroup *memcg = obj_cgroup_memcg(mem, id);

	if (!memcg)
		return;
	memcg->stat[stat] -= bytes;
	refill_obj_stock(memcg, bytes, true);
}
