/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory cgroups: the tree, what each group is charged with, its lists of folios and its counts. Kernel counterpart:
 * mm/memcontrol.c, mm/memcontrol-v1.c, mm/page_counter.c, mm/swap_cgroup.c.
 *
 * Modelled: hierarchical counters with max, high, low and min; charging in batches of 64 pages with the stock of each CPU;
 * at a limit reclaim, emptied stocks, another try, then the OOM killer; the reserve of memory.high; effective protection;
 * kernel memory (pages, and objects by bytes with the stock of each CPU); the group that swap slots belong to, as a counter of
 * its own or, with `v1`, memory and swap together; lists and node counters of each group and node; groups that go offline.
 * Simplified: what the kernel's workers would do later (drain a remote stock, reclaim of memory.high by a kernel thread) is
 * done at once; the stock's slot that must make room is the first, not a random one; counts are exact, where the kernel's
 * are up to 64 x CPUs behind. Left out: charge moving (gone since 6.11), soft limits, memory.pressure files, socket memory.
 *
 *	usage of a counter = what its own group is charged with + usages of its children
 *	memory.usage = pages of charged folios and kernel pages + whole pages of objects + pages in the stocks of CPUs
 *
 * Without groups (memory->page_memcg is NULL) everything here costs one branch.
 *
 * Interface:
 *   - mem_cgroup_init() before the first user page; mem_cgroup_create(), mem_cgroup_offline()
 *   - mem_cgroup_charge() for a fresh folio; what frees pages uncharges them; mem_cgroup_migrate(), mem_cgroup_split()
 *   - memcg_charge_page() for the kernel's pages, obj_cgroup_charge() for its objects
 *   - lruvec_stat_mod_folio(), count_memcg_events(): the counters of nodes and events, and of the group
 *   - mem_cgroup_iter(), mem_cgroup_calculate_protection(): for reclaim
 * Limits are set, groups emptied and books checked by mm/memcontrol.h.
 */
#ifndef MM_MEMCG_H
#define MM_MEMCG_H

#include "mm/memmap.h"
#include "mm/seeded_bug.h"
#include "mm/vmstat.h"

#define MEMCG_CHARGE_BATCH	64u	/* pages that a charge takes at a time */
#define NR_MEMCG_STOCK		7u	/* groups that a CPU keeps a stock of */
#define PAGE_COUNTER_MAX	(UINT64_MAX >> 12)	/* no limit */
#define MEMCG_ID_MAX		0x7fffu	/* page_memcg: the bit above says that the page is the kernel's */
#define MEMCG_KMEM		0x8000u
#define MEMCG_SWAPPINESS_GLOBAL	UINT32_MAX

/* Pages. watermark: the most that usage ever was. */
struct page_counter {
	uint64_t usage, watermark;
	uint64_t min, low, high, max;
	uint64_t failcnt;		/* charges that found it full */
	uint64_t emin, elow;		/* effective protection: page_counter_calculate_protection() */
	uint64_t min_usage, low_usage;	/* of its own usage, what is protected */
	uint64_t children_min_usage, children_low_usage;
	struct page_counter *parent;
	bool protection;		/* min and low mean something: memory, not swap */
};

/* memory.events and memory.swap.events: X(NAME, "key", "meaning") */
#define MEMCG_EVENTS(X) \
	X(LOW, "low", "times reclaimed although below memory.low") \
	X(HIGH, "high", "times held up and made to reclaim because above memory.high") \
	X(MAX, "max", "times that usage was about to go above memory.max") \
	X(OOM, "oom", "times that reclaim at memory.max did not help: an allocation was about to fail") \
	X(OOM_KILL, "oom_kill", "processes of the group killed by any OOM killer") \
	X(OOM_GROUP_KILL, "oom_group_kill", "times that the whole group was killed") \
	X(SWAP_HIGH, "swap_high", "times that swap was above its high mark") \
	X(SWAP_MAX, "swap_max", "times that swap was about to go above memory.swap.max, or that allocation failed") \
	X(SWAP_FAIL, "swap_fail", "times that no swap could be had, for the limit or for want of slots")

enum memcg_memory_event {
#define MEMCG_EVENT_ENUM(NAME, key, meaning) MEMCG_##NAME,
	MEMCG_EVENTS(MEMCG_EVENT_ENUM)
#undef MEMCG_EVENT_ENUM
	NR_MEMCG_MEMORY_EVENTS
};

/* What only groups count (enum memcg_stat_item), in the unit that memory.stat starts from. */
enum memcg_stat_item {
	MEMCG_SWAP,		/* pages in swap */
	MEMCG_KMEM_PAGES,	/* kernel memory, all of it */
	MEMCG_VMALLOC,		/* pages of vmalloc areas */
	MEMCG_SLAB_RECLAIMABLE_B, MEMCG_SLAB_UNRECLAIMABLE_B,	/* bytes of objects */
	MEMCG_ZSWAP_B,		/* bytes that compressed pages take */
	MEMCG_ZSWAPPED,		/* pages in zswap */
	NR_MEMCG_STAT
};

struct mem_cgroup;

/* One group on one node. */
struct mem_cgroup_per_node {
	struct lruvec lruvec;			/* unused in the root: that is pgdat->lruvec */
	uint64_t stat[NR_VM_NODE_STAT_ITEMS];	/* of the group alone, without its children */
	struct mem_cgroup *iter_position;	/* where the last partial walk of its subtree stopped; NULL: at its end */
	uint32_t iter_generation;		/* walks of the whole subtree that partial ones have made up */
};

struct mem_cgroup {
	struct memory *mem;
	struct mem_cgroup *parent;		/* NULL: the root */
	struct list_head siblings, children;	/* in order of creation */
	char *name;				/* the last part of its path; "" for the root */
	uint16_t id;				/* from 1, the root; never reused */
	bool offline;				/* gone but for its charges */
	bool oom_group;				/* memory.oom.group: all or none */
	struct page_counter memory, swap, memsw;	/* with v1 memsw counts and swap does not */
	struct page_counter kmem;		/* of memory: what the kernel uses; no limit */
	uint32_t swappiness;			/* v1: memory.swappiness; MEMCG_SWAPPINESS_GLOBAL: vm.swappiness */
	uint64_t nr_mms;			/* address spaces charged to it */
	uint32_t nr_charged_bytes;		/* of a page charged for objects: given out to none, and in no CPU's stock */
	/* of the group alone */
	uint64_t vm_event[NR_VM_EVENT_ITEMS];
	uint64_t stat[NR_MEMCG_STAT];
	uint64_t memory_events_local[NR_MEMCG_MEMORY_EVENTS];
	uint64_t memory_events[NR_MEMCG_MEMORY_EVENTS];	/* with its children */
	uint64_t high_stall_ns, reclaim_stall_ns;	/* held up above memory.high; waited in reclaim for a limit */
	struct psi_group psi;			/* of the group and those below it: mm/psi.h */
	struct mem_cgroup_per_node *nodeinfo[];	/* by node */
};

/* ---- the tree ---- */

/* Groups from now on, with a root that everybody is in. Before the first user page. v1: memory and swap together. */
void mem_cgroup_init(struct memory *mem, bool v1);
void mem_cgroup_finish(struct memory *mem);
/* Without limits. NULL: MEMCG_ID_MAX groups are there. */
struct mem_cgroup *mem_cgroup_create(struct mem_cgroup *parent, const char *name);
/* rmdir: no process and no living child may be in it. Objects go to the parent, pages stay until they are freed. */
void mem_cgroup_offline(struct mem_cgroup *memcg);
struct mem_cgroup *mem_cgroup_from_id(const struct memory *mem, unsigned id);
bool memcg_is_v1(const struct memory *mem);

static inline bool mem_cgroup_disabled(const struct memory *mem)
{
	return !mem->page_memcg;
}

static inline bool mem_cgroup_is_root(const struct mem_cgroup *memcg)
{
	return !memcg->parent;
}

/* The group of a folio, by its head; NULL: it is charged to none (no groups, or freed, or the kernel's own). */
struct mem_cgroup *__folio_memcg(const struct memory *mem, pfn_t head);
static inline struct mem_cgroup *folio_memcg(const struct memory *mem, pfn_t head)
{
	return likely(!mem->page_memcg) ? NULL : __folio_memcg(mem, head);
}

/* 0: none. */
static inline unsigned mem_cgroup_id(const struct mem_cgroup *memcg)
{
	return memcg ? memcg->id : 0;
}

/* Is memcg root or below it? */
bool mem_cgroup_is_descendant(const struct mem_cgroup *memcg, const struct mem_cgroup *root);

/* memcg NULL: the root. */
static inline struct lruvec *mem_cgroup_lruvec(struct mem_cgroup *memcg, struct pglist_data *pgdat)
{
	if (!memcg || mem_cgroup_is_root(memcg))
		return &pgdat->lruvec;
	return &memcg->nodeinfo[pgdat->node_id]->lruvec;
}

/* NULL without groups. */
static inline struct mem_cgroup *lruvec_memcg(const struct lruvec *lruvec)
{
	return lruvec->memcg;
}

/* Whom memory of that address space is charged to; NULL: that of memory->current; then the root. */
struct mem_cgroup *get_mem_cgroup_from_mm(const struct memory *mem, const struct mm_struct *mm);
/* The address space is charged there from now on. Pages that it has stay where they are. */
void mm_set_memcg(struct mm_struct *mm, struct mem_cgroup *memcg);

/* ---- walks of reclaim ---- */

/* A walk that may stop in the middle and go on there next time; one place for each subtree and node. */
struct mem_cgroup_reclaim_cookie {
	struct pglist_data *pgdat;
	uint32_t generation;	/* of the walk that it joined */
};
/*
 * All groups of a subtree that are alive or still charged, parents first. prev NULL: the first; returns NULL at the end. root NULL: the root.
 * cookie NULL: a whole walk. With a cookie the walk begins where the last one stopped.
 */
struct mem_cgroup *mem_cgroup_iter(struct memory *mem, struct mem_cgroup *root, struct mem_cgroup *prev,
				   struct mem_cgroup_reclaim_cookie *cookie);

/* Effective protection of memcg, seen from root (NULL: the root). In order, parents first. */
void mem_cgroup_calculate_protection(struct mem_cgroup *root, struct mem_cgroup *memcg);
/* What of it may not be reclaimed (min), and should not (low). 0 for the target itself. */
void mem_cgroup_protection(const struct mem_cgroup *root, const struct mem_cgroup *memcg, uint64_t *min,
			   uint64_t *low);
bool mem_cgroup_below_min(const struct mem_cgroup *target, const struct mem_cgroup *memcg);
bool mem_cgroup_below_low(const struct mem_cgroup *target, const struct mem_cgroup *memcg);
/* Pages of the group and those below it. */
static inline uint64_t mem_cgroup_size(const struct mem_cgroup *memcg)
{
	return memcg->memory.usage;
}

/* ---- charging ---- */

/*
 * Charges a fresh folio to the group of mm (NULL: of memory->current) and names the group in memory->page_memcg. May
 * reclaim and kill. False: the limit holds and nothing helps; the folio is the caller's to free.
 */
bool __mem_cgroup_charge(struct memory *mem, pfn_t head, const struct mm_struct *mm, gfp_t gfp);
static inline bool mem_cgroup_charge(struct memory *mem, pfn_t head, const struct mm_struct *mm, gfp_t gfp)
{
	return likely(!mem->page_memcg) || __mem_cgroup_charge(mem, head, mm, gfp);
}

/* The page or folio is about to be freed, or has another owner. Nothing when it is not charged. */
void __mem_cgroup_uncharge(struct memory *mem, pfn_t head, unsigned order);
static inline void mem_cgroup_uncharge(struct memory *mem, pfn_t head, unsigned order)
{
	if (unlikely(mem->page_memcg) && mem->page_memcg[head])
		__mem_cgroup_uncharge(mem, head, order);
}

/*
 * The charge of src goes over to dst, a folio as large: in two steps, so that counters in between go to the group from
 * either.
 */
static inline void mem_cgroup_migrate(struct memory *mem, pfn_t src, pfn_t dst)
{
	if (unlikely(mem->page_memcg))
		mem->page_memcg[dst] = mem->page_memcg[src];
}
static inline void mem_cgroup_migrated(struct memory *mem, pfn_t src)
{
	if (unlikely(mem->page_memcg))
		mem->page_memcg[src] = 0;
}
/* dst takes the place of src in the page cache: charged as well, by force; src keeps its charge until it is freed. */
void mem_cgroup_replace_folio(struct memory *mem, pfn_t src, pfn_t dst);
/* A folio of 2^old_order becomes folios of 2^new_order, all charged to its group. */
void mem_cgroup_split(struct memory *mem, pfn_t head, unsigned old_order, unsigned new_order);

/* ---- memory.high ---- */

/*
 * Reclaims and holds memory->current up for what it charged above memory.high since it did so last. Holding up is counted
 * (high_stall_ns, memory->memcg_high_wait_ns). At the end of faults and system calls: mem_cgroup_return_to_user().
 */
void __mem_cgroup_handle_over_high(struct memory *mem, gfp_t gfp);

/* ---- kernel memory ---- */

/* Pages of the kernel with __GFP_ACCOUNT, for who runs. False: the limit. Freeing them uncharges. */
bool __memcg_charge_page(struct memory *mem, pfn_t pfn, unsigned order, gfp_t gfp);
static inline bool memcg_charge_page(struct memory *mem, pfn_t pfn, unsigned order, gfp_t gfp)
{
	return likely(!mem->page_memcg) || !(gfp & __GFP_ACCOUNT) || __memcg_charge_page(mem, pfn, order, gfp);
}
/*
 * Bytes of an object for who runs. Returns the id of the group to be given back to obj_cgroup_uncharge(), 0 when it is
 * nobody's (the root's), -1: the limit. stat: MEMCG_SLAB_* or MEMCG_ZSWAP_B.
 */
int obj_cgroup_charge(struct memory *mem, uint64_t bytes, gfp_t gfp, enum memcg_stat_item stat);
/* The same for a given group (an id, 0 nobody): zswap charges the group of the page. */
int obj_cgroup_charge_id(struct memory *mem, unsigned id, uint64_t bytes, gfp_t gfp, enum memcg_stat_item stat);
void obj_cgroup_uncharge(struct memory *mem, unsigned id, uint64_t bytes, enum memcg_stat_item stat);
/* The living group that stands for an id now: itself, or the nearest ancestor that is not offline. */
struct mem_cgroup *obj_cgroup_memcg(const struct memory *mem, unsigned id);

/* ---- swap: entries are swp_entry_t values (type << 28 | offset) ---- */

/* Slots for the folio: to its group's swap counter, and noted. False: memory.swap.max. v1: always true, noted by memcg1_swapout(). */
bool mem_cgroup_try_charge_swap(struct memory *mem, pfn_t head, uint32_t entry);
/* No slots were to be had for the folio. */
void mem_cgroup_swap_failed(struct memory *mem, pfn_t head);
/* Slots are free. */
void mem_cgroup_uncharge_swap(struct memory *mem, uint32_t entry, unsigned nr);
/* A fresh folio for what is in those slots: charged to the group that swapped it out, if that lives, else as mem_cgroup_charge(). */
bool mem_cgroup_swapin_charge(struct memory *mem, pfn_t head, const struct mm_struct *mm, gfp_t gfp, uint32_t entry);
/* v1: the folio has left the swap cache for good (reclaim), its slots are not given back yet: its charge stays with them. */
void memcg1_swapout(struct memory *mem, pfn_t head, uint32_t entry);
/* v1: a folio was charged for slots that are still in use. */
void memcg1_swapin(struct memory *mem, uint32_t entry, unsigned nr);
/* Id of the group of a slot, 0 none. */
unsigned lookup_swap_cgroup_id(const struct memory *mem, uint32_t entry);
/* Swap that the group and those above may still take; PAGE_COUNTER_MAX: no limit. memcg NULL: none. */
uint64_t mem_cgroup_swap_margin(const struct memory *mem, const struct mem_cgroup *memcg);
/* Does the folio's group, or one above, use half of the swap it may? (mem_cgroup_swap_full() without vm_swap_full()) */
bool mem_cgroup_swap_half_full(const struct memory *mem, pfn_t head);

/* ---- counters ---- */

void memcg_lruvec_stat_mod(struct mem_cgroup *memcg, unsigned nid, enum node_stat_item item, int64_t delta);
/* A counter of the folio's node, and of its group. */
static inline void lruvec_stat_mod_folio(struct memory *mem, pfn_t head, enum node_stat_item item, int64_t delta)
{
	struct pglist_data *pgdat = pfn_to_node(mem, head);

	mod_node_page_state(pgdat, item, delta);
	if (unlikely(mem->page_memcg))
		memcg_lruvec_stat_mod(__folio_memcg(mem, head), pgdat->node_id, item, delta);
}
/* The same by any page of a folio. */
static inline void lruvec_stat_mod_page(struct memory *mem, pfn_t pfn, enum node_stat_item item, int64_t delta)
{
	struct pglist_data *pgdat = pfn_to_node(mem, pfn);

	mod_node_page_state(pgdat, item, delta);
	if (unlikely(mem->page_memcg) && !SEEDED_BUG(mem, MEMCG_STAT))
		memcg_lruvec_stat_mod(__folio_memcg(mem, folio_pfn(mem, pfn)), pgdat->node_id, item, delta);
}
/* A counter of a list's node and group. */
static inline void mod_lruvec_state(struct lruvec *lruvec, enum node_stat_item item, int64_t delta)
{
	mod_node_page_state(lruvec->pgdat, item, delta);
	if (unlikely(lruvec->memcg))
		memcg_lruvec_stat_mod(lruvec->memcg, lruvec->pgdat->node_id, item, delta);
}
/* A node counter as reclaim of that list sees it: of the group and those below; of the node for the root. */
uint64_t lruvec_page_state(const struct lruvec *lruvec, enum node_stat_item item);

/* Events of the group alone: the global ones are count_vm_events(). memcg NULL: nobody. */
static inline void count_memcg_events(struct mem_cgroup *memcg, enum vm_event_item item, uint64_t nr)
{
	if (memcg)
		memcg->vm_event[item] += nr;
}
/* Of the group that an address space is charged to. */
static inline void count_memcg_event_mm(const struct mm_struct *mm, enum vm_event_item item)
{
	if (unlikely(mm->memcg))
		mm->memcg->vm_event[item]++;
}
/* Both at once. */
static inline void count_vm_memcg_events(struct memory *mem, struct mem_cgroup *memcg, enum vm_event_item item,
					 uint64_t nr)
{
	count_vm_events(mem, item, nr);
	count_memcg_events(memcg, item, nr);
}
static inline void mod_memcg_state(struct mem_cgroup *memcg, enum memcg_stat_item item, int64_t delta)
{
	if (memcg)
		memcg->stat[item] += (uint64_t)delta;
}
/* With those of all groups below, living or not. */
uint64_t memcg_page_state(const struct mem_cgroup *memcg, enum node_stat_item item);
uint64_t memcg_stat(const struct mem_cgroup *memcg, enum memcg_stat_item item);
uint64_t memcg_events(const struct mem_cgroup *memcg, enum vm_event_item item);
/* An event of memory.events, of the group and all above. */
void memcg_memory_event(struct mem_cgroup *memcg, enum memcg_memory_event event);

struct memcg_event_info {
	const char *key, *meaning;
};
extern const struct memcg_event_info memcg_event_info[NR_MEMCG_MEMORY_EVENTS];

#endif
