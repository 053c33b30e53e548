/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Swap of memory cgroups: see memcg.h. Kernel: __mem_cgroup_try_charge_swap(), __mem_cgroup_uncharge_swap(),
 * mem_cgroup_swapin_charge_folio(), memcg1_swapout(), memcg1_swapin(), mm/swap_cgroup.c.
 */
#include "base/bug.h"
#include "mm/memcg-internal.h"

static uint16_t *slot_of(struct memcg_system *sys, uint32_t entry)
{
	uint32_t offset = entry & ((1u << SWP_OFFSET_BITS) - 1);
	unsigned type = entry >> SWP_OFFSET_BITS;

	while (sys->swap[type].nr <= offset)
		*vec_push(&sys->swap[type]) = 0;
	return &sys->swap[type].data[offset];
}

static void record(struct memory *mem, uint32_t entry, uint64_t nr, unsigned id)
{
	for (uint64_t i = 0; i < nr; i++)
		*slot_of(mem->memcg, entry + (uint32_t)i) = (uint16_t)id;
}

unsigned lookup_swap_cgroup_id(const struct memory *mem, uint32_t entry)
{
	uint32_t offset = entry & ((1u << SWP_OFFSET_BITS) - 1);
	unsigned type = entry >> SWP_OFFSET_BITS;

	if (!mem->memcg || offset >= mem->memcg->swap[type].nr)
		return 0;
	return mem->memcg->swap[type].data[offset];
}

bool mem_cgroup_try_charge_swap(struct memory *mem, pfn_t head, uint32_t entry)
{
	uint64_t nr = 1ull << page_order(pfn_to_page(mem, head));
	struct mem_cgroup *memcg;
	struct page_counter *full;

	if (!mem->memcg || do_memsw_account(mem))
		return true;
	/* A group that is gone leaves its pages' swap to the nearest one alive. */
	memcg = obj_cgroup_memcg(mem, mem_cgroup_id(folio_memcg(mem, head)));
	if (!memcg)
		return true;
	if (!mem_cgroup_is_root(memcg) && !page_counter_try_charge(&memcg->swap, nr, &full)) {
		memcg_memory_event(memcg, MEMCG_SWAP_MAX);
		memcg_memory_event(memcg, MEMCG_SWAP_FAIL);
		return false;
	}
	memcg->stat[MEMCG_SWAP] += nr;
	record(mem, entry, nr, memcg->id);
	return true;
}

void mem_cgroup_swap_failed(struct memory *mem, pfn_t head)
{
	struct mem_cgroup *memcg = folio_memcg(mem, head);

	if (memcg && !do_memsw_account(mem))
		memcg_memory_event(memcg, MEMCG_SWAP_FAIL);
}

static void uncharge_slot(struct memory *mem, uint32_t entry)
{
	struct mem_cgroup *memcg = mem_cgroup_from_id(mem, lookup_swap_cgroup_id(mem, entry));

	if (!memcg)
		return;
	*slot_of(mem->memcg, entry) = 0;
	memcg->stat[MEMCG_SWAP]--;
	if (!mem_cgroup_is_root(memcg))
		page_counter_uncharge(do_memsw_account(mem) ? &memcg->memsw : &memcg->swap, 1);
}

void mem_cgroup_uncharge_swap(struct memory *mem, uint32_t entry, unsigned nr)
{
	for (unsigned i = 0; mem->memcg && i < nr; i++)
		uncharge_slot(mem, entry + i);
}

bool mem_cgroup_swapin_charge(struct memory *mem, pfn_t head, const struct mm_struct *mm, gfp_t gfp, uint32_t entry)
{
	struct mem_cgroup *memcg;

	if (!mem->memcg)
		return true;
	memcg = mem_cgroup_from_id(mem, lookup_swap_cgroup_id(mem, entry));
	if (!memcg || memcg->offline)
		memcg = get_mem_cgroup_from_mm(mem, mm);
	return charge_memcg(mem, head, memcg, gfp);
}

void memcg1_swapout(struct memory *mem, pfn_t head, uint32_t entry)
{
	uint64_t nr = 1ull << page_order(pfn_to_page(mem, head));
	struct mem_cgroup *memcg, *heir;

	if (!mem->memcg || !do_memsw_account(mem))
		return;
	memcg = folio_memcg(mem, head);
	if (!memcg)
		return;
	heir = obj_cgroup_memcg(mem, memcg->id);
	heir->stat[MEMCG_SWAP] += nr;
	record(mem, entry, nr, heir->id);
	mem->page_memcg[head] = 0;
	memcg->vm_event[PGPGOUT]++;
	if (!mem_cgroup_is_root(memcg))
		page_counter_uncharge(&memcg->memory, nr);
	if (memcg == heir)
		return;
	if (!mem_cgroup_is_root(heir))
		page_counter_charge(&heir->memsw, nr);
	page_counter_uncharge(&memcg->memsw, nr);
}

void memcg1_swapin(struct memory *mem, uint32_t entry, unsigned nr)
{
	/* Memory and swap count once: the slots' part goes, the folio's stands. */
	if (mem->memcg && do_memsw_account(mem))
		mem_cgroup_uncharge_swap(mem, entry, nr);
}

uint64_t mem_cgroup_swap_margin(const struct memory *mem, const struct mem_cgroup *memcg)
{
	uint64_t room = PAGE_COUNTER_MAX;

	if (!mem->memcg || do_memsw_account(mem))
		return room;
	for (; memcg && !mem_cgroup_is_root(memcg); memcg = memcg->parent) {
		const struct page_counter *c = &memcg->swap;
		uint64_t left = c->usage < c->max ? c->max - c->usage : 0;

		room = left < room ? left : room;
	}
	return room;
}

bool mem_cgroup_swap_half_full(const struct memory *mem, pfn_t head)
{
	const struct mem_cgroup *memcg = folio_memcg(mem, head);

	if (!memcg || do_memsw_account(mem))
		return false;
	for (; !mem_cgroup_is_root(memcg); memcg = memcg->parent)
		if (memcg->swap.usage * 2 >= memcg->swap.high || memcg->swap.usage * 2 >= memcg->swap.max)
			return true;
	return false;
}
