/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the parts of mm/memcg.h share: memcg.c (the tree), memcg-counter.c (page_counter), memcg-charge.c (stocks, limits,
 * folios), memcg-kmem.c (the kernel's pages and objects), memcg-swap.c, memcg-stat.c.
 */
#ifndef MM_MEMCG_INTERNAL_H
#define MM_MEMCG_INTERNAL_H

#include "mm/memcg.h"

#define MAX_RECLAIM_RETRIES	16u
#define MAX_SWAP_TYPES		16u	/* of an entry: the type is in its upper four bits */
#define SWP_OFFSET_BITS		28

/* Charges that a CPU keeps: pages of up to seven groups, and bytes of the objects of one. */
struct memcg_stock {
	uint8_t nr_pages[NR_MEMCG_STOCK];
	uint16_t cached[NR_MEMCG_STOCK];	/* id of the group, 0 free */
	uint16_t obj_cached;			/* id, 0 none */
	uint32_t obj_bytes;
};

/* memory->memcg */
struct memcg_system {
	bool v1;			/* memory and swap are charged together, and events do not go up */
	bool recursive_protection;	/* mount option memory_recursiveprot */
	VEC(struct mem_cgroup *) by_id;	/* [0] is NULL */
	VEC(uint16_t) swap[MAX_SWAP_TYPES];	/* id of the group of each slot (swap_cgroup) */
	struct memcg_stock stock[];	/* by CPU */
};

bool page_counter_try_charge(struct page_counter *counter, uint64_t nr, struct page_counter **ret_full);
void page_counter_charge(struct page_counter *counter, uint64_t nr);
void page_counter_uncharge(struct page_counter *counter, uint64_t nr);
/* After min, low or usage was set otherwise. */
void page_counter_propagate(struct page_counter *counter);

/* 0, or -ENOMEM. memcg is not the root. */
int try_charge_memcg(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, uint64_t nr_pages);
void memcg_uncharge(struct mem_cgroup *memcg, uint64_t nr_pages);
/* Gives charges to the CPU's stock; what is too much goes back to the counters. */
void refill_stock(struct mem_cgroup *memcg, uint64_t nr_pages);
/* Empties the stocks of all CPUs for a subtree. */
void drain_all_stock(struct mem_cgroup *root);
void drain_obj_stock(struct memory *mem, struct memcg_stock *stock);
uint64_t mem_cgroup_margin(const struct mem_cgroup *memcg);
/* A folio charged to memcg; the counters are the caller's. */
bool charge_memcg(struct memory *mem, pfn_t head, struct mem_cgroup *memcg, gfp_t gfp);

static inline bool do_memsw_account(const struct memory *mem)
{
	return mem->memcg->v1;
}

#endif
