/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Kernel stacks: see kstack.h. */
#include "mm/kstack.h"

#include "base/bug.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define NR_CACHED_STACKS	2
#define THREADINFO_GFP		(GFP_KERNEL_ACCOUNT | __GFP_ZERO)

struct kstack_system {
	struct kstack_stats stats;
	kaddr_t cached[][NR_CACHED_STACKS];	/* by CPU, 0 none */
};

static unsigned stack_order(const struct memory *mem)
{
	return (unsigned)__builtin_ctzll(thread_size(mem)) - mem->geo->page_shift;
}

static struct kstack_system *stacks_of(struct memory *mem)
{
	if (!mem->kstacks)
		mem->kstacks = xcalloc(1, sizeof(struct kstack_system) +
						  mem->nr_cpus * sizeof(mem->kstacks->cached[0]));
	return mem->kstacks;
}

/* ---- stacks from vmalloc ---- */

static kaddr_t *cached_of(struct memory *mem)
{
	return stacks_of(mem)->cached[mem->cpu];
}

static kaddr_t take_cached(struct memory *mem, int nid)
{
	kaddr_t *cached = cached_of(mem), stack;

	if (nid != NUMA_NO_NODE && nid != mem->cpu_node[mem->cpu])
		return 0;
	for (unsigned i = 0; i < NR_CACHED_STACKS; i++) {
		stack = cached[i];
		cached[i] = 0;
		if (stack)
			return stack;
	}
	return 0;
}

static bool is_local(const struct memory *mem, kaddr_t stack)
{
	unsigned nid = mem->cpu_node[mem->cpu];

	if (!mem->nodes[nid]->has_memory)
		return true;
	for (uint64_t off = 0; off < thread_size(mem); off += 1ull << mem->geo->page_shift)
		if (pfn_to_node(mem, vmalloc_to_pfn(mem, stack + off))->node_id != nid)
			return false;
	return true;
}

static bool release_to_cache(struct memory *mem, kaddr_t stack)
{
	kaddr_t *cached = cached_of(mem);

	if (!is_local(mem, stack))
		return false;
	for (unsigned i = 0; i < NR_CACHED_STACKS; i++)
		if (!cached[i]) {
			cached[i] = stack;
			stacks_of(mem)->stats.nr_cached++;
			return true;
		}
	return false;
}

static void give_back_vmap_stack(struct memory *mem, kaddr_t stack)
{
	if (!release_to_cache(mem, stack))
		vfree(mem, stack);
}

static void uncharge_vmap_stack(struct memory *mem, kaddr_t stack)
{
	for (uint64_t off = 0; off < thread_size(mem); off += 1ull << mem->geo->page_shift)
		mem_cgroup_uncharge(mem, vmalloc_to_pfn(mem, stack + off), 0);
}

/* A stack's pages are charged to who forks, wherever they come from; one in the store is nobody's. */
static bool charge_vmap_stack(struct memory *mem, kaddr_t stack)
{
	for (uint64_t off = 0; off < thread_size(mem); off += 1ull << mem->geo->page_shift)
		if (!memcg_charge_page(mem, vmalloc_to_pfn(mem, stack + off), 0, GFP_KERNEL_ACCOUNT)) {
			uncharge_vmap_stack(mem, stack);
			give_back_vmap_stack(mem, stack);
			return false;
		}
	return true;
}

static kaddr_t alloc_vmap_stack(struct memory *mem, int nid)
{
	struct kstack_system *ks = stacks_of(mem);
	kaddr_t stack = take_cached(mem, nid);

	if (stack) {
		ks->stats.cache_hits++;
		ks->stats.nr_cached--;
	} else {
		stack = vmalloc_node_flags(mem, thread_size(mem), thread_size(mem), THREADINFO_GFP & ~__GFP_ACCOUNT,
					   nid, 0);
	}
	return stack && (likely(!mem->page_memcg) || charge_vmap_stack(mem, stack)) ? stack : 0;
}

/* ---- stacks of pages ---- */

static kaddr_t alloc_page_stack(struct memory *mem, int nid)
{
	pfn_t pfn = alloc_pages(mem, THREADINFO_GFP, stack_order(mem), nid);

	return pfn == PFN_NONE ? 0 : pfn_to_kaddr(mem, pfn);
}

/* ---- both ---- */

/* Pages of vmalloc count each on its node, a block on that of its first page (account_kernel_stack). */
static void account(struct memory *mem, const struct task_struct *task, int sign)
{
	uint64_t page = 1ull << mem->geo->page_shift;

	for (uint64_t off = 0; off < thread_size(mem); off += page) {
		pfn_t pfn = task->stack_is_vmap ? vmalloc_to_pfn(mem, task->stack + off)
						: kaddr_to_pfn(mem, task->stack);

		lruvec_stat_mod_folio(mem, pfn, NR_KERNEL_STACK_KB, sign * (int64_t)(page / 1024));
	}
}

bool alloc_thread_stack(struct memory *mem, struct task_struct *task, int nid)
{
	struct kstack_system *ks = stacks_of(mem);

	task->stack_is_vmap = mem->conf.vmap_stack;
	task->stack = task->stack_is_vmap ? alloc_vmap_stack(mem, nid) : alloc_page_stack(mem, nid);
	if (!task->stack) {
		ks->stats.failed++;
		return false;
	}
	ks->stats.allocs++;
	ks->stats.nr_stacks++;
	account(mem, task, 1);
	return true;
}

void free_thread_stack(struct memory *mem, struct task_struct *task)
{
	if (!task->stack)
		return;
	account(mem, task, -1);
	stacks_of(mem)->stats.nr_stacks--;
	if (task->stack_is_vmap) {
		if (unlikely(mem->page_memcg))
			uncharge_vmap_stack(mem, task->stack);
		give_back_vmap_stack(mem, task->stack);
	} else {
		free_pages_pfn(mem, kaddr_to_pfn(mem, task->stack), stack_order(mem));
	}
	task->stack = 0;
}

void kstack_stats(const struct memory *mem, struct kstack_stats *ret)
{
	*ret = mem->kstacks ? mem->kstacks->stats : (struct kstack_stats){0};
}
