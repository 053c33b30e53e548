/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which lists of a node are reclaimed, and in what order: see lru_gen.h. Kernel counterpart: mm/vmscan.c (the memcg LRU,
 * shrink_one, shrink_many, lru_gen_shrink_node, lru_gen_age_node).
 *
 * The groups of a node stand in three generations of eight bins. Reclaim takes them from the oldest generation, from a bin chosen
 * by chance on, each bin from its head. Who gave what it had, or is protected, goes to the young generation; who is below
 * memory.low or had little goes to the tail of a bin once before that. When the oldest generation is empty, the next is oldest.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/xalloc.h"
#include "mm/lru_gen-internal.h"
#include "mm/memcontrol.h"
#include "mm/memory_tiers.h"

/* Where a group goes; also what memcg_seg says of one that stands at a head or a tail. */
enum memcg_lru_op { MEMCG_LRU_NOP, MEMCG_LRU_HEAD, MEMCG_LRU_TAIL, MEMCG_LRU_OLD, MEMCG_LRU_YOUNG };

/* ---- the list ---- */

static unsigned random_bin(struct memory *mem)
{
	uint64_t x = mem->lru_gen_random + 0x9e3779b97f4a7c15ull;

	mem->lru_gen_random = x;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	return (unsigned)((x ^ x >> 27) >> 40) % MEMCG_NR_BINS;
}

static struct memcg_lru *memcg_lru_create(void)
{
	struct memcg_lru *lru = xcalloc(1, sizeof(*lru));

	for (unsigned g = 0; g < MEMCG_NR_GENS; g++)
		for (unsigned b = 0; b < MEMCG_NR_BINS; b++)
			list_init(&lru->fifo[g][b]);
	return lru;
}

void memcg_lru_add(struct memory *mem, struct lruvec *lruvec)
{
	struct pglist_data *pgdat = lruvec->pgdat;
	struct lru_gen *gen = lruvec->gen;

	if (!lruvec->memcg || gen->memcg_listed)
		return;
	if (!pgdat->memcg_lru)
		pgdat->memcg_lru = memcg_lru_create();
	gen->memcg_gen = (uint8_t)(pgdat->memcg_lru->seq % MEMCG_NR_GENS);
	gen->memcg_seg = MEMCG_LRU_NOP;
	gen->memcg_listed = true;
	list_add_tail(&gen->memcg_list, &pgdat->memcg_lru->fifo[gen->memcg_gen][random_bin(mem)]);
	pgdat->memcg_lru->nr_memcgs[gen->memcg_gen]++;
}

static void leave_gen(struct memcg_lru *lru, unsigned old)
{
	if (!lru->nr_memcgs[old] && old == lru->seq % MEMCG_NR_GENS)
		lru->seq++;
}

void memcg_lru_del(struct lruvec *lruvec)
{
	struct memcg_lru *lru = lruvec->pgdat->memcg_lru;
	struct lru_gen *gen = lruvec->gen;
	uint64_t left = 0;

	if (!gen->memcg_listed)
		return;
	list_del(&gen->memcg_list);
	gen->memcg_listed = false;
	lru->nr_memcgs[gen->memcg_gen]--;
	leave_gen(lru, gen->memcg_gen);
	for (unsigned g = 0; g < MEMCG_NR_GENS; g++)
		left += lru->nr_memcgs[g];
	if (left)
		return;
	free(lru);
	lruvec->pgdat->memcg_lru = NULL;
}

/* lru_gen_rotate_memcg() */
static void rotate(struct lruvec *lruvec, enum memcg_lru_op op)
{
	struct memcg_lru *lru = lruvec->pgdat->memcg_lru;
	struct lru_gen *gen = lruvec->gen;
	unsigned bin = random_bin(lruvec->pgdat->mem), old = gen->memcg_gen, new = old;

	if (op == MEMCG_LRU_OLD)
		new = lru->seq % MEMCG_NR_GENS;
	else if (op == MEMCG_LRU_YOUNG)
		new = (lru->seq + 1) % MEMCG_NR_GENS;
	gen->memcg_seg = op == MEMCG_LRU_HEAD || op == MEMCG_LRU_TAIL ? (uint8_t)op : MEMCG_LRU_NOP;
	gen->memcg_gen = (uint8_t)new;
	list_del(&gen->memcg_list);
	if (op == MEMCG_LRU_HEAD || op == MEMCG_LRU_OLD)
		list_add(&gen->memcg_list, &lru->fifo[new][bin]);
	else
		list_add_tail(&gen->memcg_list, &lru->fifo[new][bin]);
	lru->nr_memcgs[old]--;
	lru->nr_memcgs[new]++;
	leave_gen(lru, old);
}

/* Groups that were there before their root's list, or came before the lists were. */
static void list_all(struct pglist_data *pgdat)
{
	struct mem_cgroup *memcg = NULL;

	while ((memcg = mem_cgroup_iter(pgdat->mem, NULL, memcg, NULL))) {
		struct lruvec *lruvec = mem_cgroup_lruvec(memcg, pgdat);

		memcg_lru_add(pgdat->mem, lruvec);
	}
}

bool memcg_lru_consistent(const struct pglist_data *pgdat, struct strbuf *why)
{
	const struct memcg_lru *lru = pgdat->memcg_lru;

	for (unsigned g = 0; lru && g < MEMCG_NR_GENS; g++) {
		uint64_t nr = 0;

		for (unsigned b = 0; b < MEMCG_NR_BINS; b++) {
			const struct list_head *pos;

			list_for_each(pos, &lru->fifo[g][b])
				nr += list_entry(pos, struct lru_gen, memcg_list)->memcg_gen == g;
		}
		if (nr == lru->nr_memcgs[g])
			continue;
		if (why)
			strbuf_addf(why, "node %u: generation %u of groups: %llu found, %llu kept\n", pgdat->node_id, g,
				    (unsigned long long)nr, (unsigned long long)lru->nr_memcgs[g]);
		return false;
	}
	return true;
}

/* ---- reclaim ---- */

static enum memcg_lru_op shrink_one(struct lruvec *lruvec, struct scan_control *sc)
{
	struct mem_cgroup *memcg = lruvec->memcg;
	bool tail = lruvec->gen->memcg_seg == MEMCG_LRU_TAIL, success;

	if (memcg && mem_cgroup_below_min(NULL, memcg))
		return MEMCG_LRU_YOUNG;
	if (memcg && mem_cgroup_below_low(NULL, memcg)) {
		if (!tail)
			return MEMCG_LRU_TAIL;
		memcg_memory_event(memcg, MEMCG_LOW);
	}
	success = lru_gen_try_to_shrink(lruvec, sc);
	sc->slab_reclaimed += shrink_slab(sc->mem, sc->gfp_mask, (int)lruvec->pgdat->node_id, memcg, sc->priority);
	flush_reclaim_state(sc);
	if (success && (!memcg || !memcg->offline))
		return MEMCG_LRU_YOUNG;
	if (!success && lru_gen_sizable(lruvec, sc))
		return MEMCG_LRU_NOP;
	return tail ? MEMCG_LRU_YOUNG : MEMCG_LRU_TAIL;
}

/* One bin. False: there is enough. */
static bool shrink_bin(struct list_head *bin, struct scan_control *sc)
{
	enum memcg_lru_op op = MEMCG_LRU_NOP;
	struct lruvec *last = NULL;
	struct list_head *pos = bin->next;
	bool go_on = true;

	while (pos != bin && go_on) {
		struct lru_gen *gen = list_entry(pos, struct lru_gen, memcg_list);

		if (op)	/* only now: its place is needed to find the next */
			rotate(last, op);
		last = gen->lruvec;
		op = shrink_one(last, sc);
		go_on = !lru_gen_should_abort(last, sc);
		pos = pos->next;
	}
	if (op)
		rotate(last, op);
	return go_on;
}

static void shrink_many(struct pglist_data *pgdat, struct scan_control *sc)
{
	unsigned gen, first = random_bin(pgdat->mem), bin = first;

	list_all(pgdat);
	gen = pgdat->memcg_lru->seq % MEMCG_NR_GENS;
	do {
		if (!shrink_bin(&pgdat->memcg_lru->fifo[gen][bin], sc))
			return;
		bin = (bin + 1) % MEMCG_NR_BINS;
	} while (bin != first);
}

static unsigned fls64(uint64_t x)
{
	return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

/* Much is wanted: begin where about that much will be found. */
static void set_initial_priority(const struct pglist_data *pgdat, struct scan_control *sc)
{
	uint64_t reclaimable = pgdat->vm_stat[NR_INACTIVE_FILE];
	int priority;

	if (sc->priority != DEF_PRIORITY || sc->nr_to_reclaim < MIN_LRU_BATCH)
		return;
	if (can_reclaim_anon_pages(sc->mem, NULL, pgdat->node_id))
		reclaimable += pgdat->vm_stat[NR_INACTIVE_ANON];
	priority = (int)fls64(reclaimable) - 1 - (int)fls64(sc->nr_to_reclaim - 1);
	sc->priority = priority < DEF_PRIORITY / 2 ? DEF_PRIORITY / 2 :
		       priority > DEF_PRIORITY     ? DEF_PRIORITY :
						     priority;
}

void lru_gen_shrink_lruvec(struct lruvec *lruvec, struct scan_control *sc)
{
	sc->mem->mm_walk = sc->proactive;
	if (lru_gen_try_to_shrink(lruvec, sc) && lruvec->gen->memcg_listed)
		rotate(lruvec, MEMCG_LRU_YOUNG);
	sc->mem->mm_walk = false;
}

void lru_gen_shrink_node(struct pglist_data *pgdat, struct scan_control *sc)
{
	uint64_t reclaimed = sc->nr_reclaimed;

	if (sc->may_writepage && sc->may_unmap) {
		sc->mem->mm_walk = sc->is_kswapd || sc->proactive;
		set_initial_priority(pgdat, sc);
		if (sc->is_kswapd)
			sc->nr_reclaimed = 0;
		if (mem_cgroup_disabled(sc->mem))
			shrink_one(&pgdat->lruvec, sc);
		else
			shrink_many(pgdat, sc);
		if (sc->is_kswapd)
			sc->nr_reclaimed += reclaimed;
		sc->mem->mm_walk = false;
	}
	if (sc->nr_reclaimed > reclaimed)
		pgdat->kswapd.failures = 0;
}

/* ---- kswapd's look before it reclaims ---- */

/* Is the oldest that could go older than what was promised to stay? */
static bool is_reclaimable(const struct lruvec *lruvec, const struct scan_control *sc)
{
	const struct lru_gen *gen = lruvec->gen;
	uint64_t oldest;

	if (lruvec->memcg && mem_cgroup_below_min(NULL, lruvec->memcg))
		return false;
	if (!lru_gen_sizable(lruvec, sc))
		return false;
	oldest = gen->timestamps_ns[lru_gen_from_seq(evictable_min_seq(gen, lru_gen_swappiness(lruvec, sc)))];
	return oldest + sc->mem->lru_gen_min_ttl_ns < sc->mem->now_ns;
}

void lru_gen_age_node(struct pglist_data *pgdat, struct scan_control *sc)
{
	struct memory *mem = sc->mem;
	bool reclaimable = !mem->lru_gen_min_ttl_ns;
	struct mem_cgroup *memcg = NULL;

	set_initial_priority(pgdat, sc);
	do {
		memcg = mem->page_memcg ? mem_cgroup_iter(mem, NULL, memcg, NULL) : NULL;
		if (memcg)
			mem_cgroup_calculate_protection(NULL, memcg);
		else if (mem->page_memcg)
			break;
		reclaimable = reclaimable || is_reclaimable(mem_cgroup_lruvec(memcg, pgdat), sc);
	} while (memcg);
	if (!reclaimable && mem->pressure && mem->pressure->out_of_memory) {
		struct alloc_request req = { .gfp = sc->gfp_mask, .nid = (int)pgdat->node_id, .nodemask = NODEMASK_ALL,
					     .highest = sc->reclaim_idx };

		mem->pressure->out_of_memory(mem, &req);
	}
}
