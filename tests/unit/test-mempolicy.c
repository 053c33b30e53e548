/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies: what the system calls accept, on which node each page then lands, what is counted, and what becomes
 * of areas, shared files, forks, cpusets and pages that are already there.
 */
#include "support/test.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_pmd.h"
#include "mm/mbind.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

#define PAGE	 4096ull
#define MIB	 (1ull << 20)
#define BASE	 0x10000000ull
#define NR_NODES 4
#define NODE_BYTES (128 * MIB)
#define RW	 (PROT_READ | PROT_WRITE)

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
};

/* Four nodes with memory and a CPU each, node n the home of CPU n. */
static struct world world_new(void)
{
	static const uint64_t bytes[NR_NODES] = {NODE_BYTES, NODE_BYTES, NODE_BYTES, NODE_BYTES};
	struct mm_config conf;
	struct memory_desc desc = {
		.geo = geometry_find("x86-64"),
		.conf = &conf,
		.nr_nodes = NR_NODES,
		.node_bytes = bytes,
		.nr_cpus = NR_NODES,
	};
	struct world w;

	config_defaults(&mm_config_table, &conf);
	/* Slabs of areas, tree nodes ... would take turns of their own when a task interleaves. */
	conf.slab_model_objects = 0;
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static uint64_t sum(const struct memory *mem, enum zone_stat_item item)
{
	uint64_t n = 0;

	for (unsigned nid = 0; nid < mem->nr_nodes; nid++)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			n += mem->nodes[nid]->node_zones[z].vm_stat[item];
	return n;
}

static uint64_t node_stat(const struct memory *mem, unsigned nid, enum zone_stat_item item)
{
	uint64_t n = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		n += mem->nodes[nid]->node_zones[z].vm_stat[item];
	return n;
}

static void world_end(struct world *w)
{
	struct strbuf why = {0};
	uint64_t allocs = 0;

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(vma_consistent(w->mm));
	/* the kernel's identities */
	for (unsigned t = 0; t < MIGRATE_PCPTYPES; t++)
		for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
			allocs += w->mem->alloc_order[t][o];
	assert_int_equal(sum(w->mem, NUMA_MISS), sum(w->mem, NUMA_FOREIGN));
	assert_int_equal(sum(w->mem, NUMA_HIT) + sum(w->mem, NUMA_MISS), allocs);
	assert_int_equal(sum(w->mem, NUMA_LOCAL) + sum(w->mem, NUMA_OTHER), allocs);
	mmput(w->mm);
	task_free(w->mem, w->task);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	assert_int_equal(w->mem->mpol_pool.nr_live, 0);
	assert_int_equal(w->mem->sp_node_pool.nr_live, 0);
	memory_destroy(w->mem);
}

static void map_anon(struct world *w, uint64_t addr, uint64_t pages)
{
	struct mmap_request req = {.addr = addr,
				   .len = pages * PAGE,
				   .prot = RW,
				   .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};

	assert_int_equal(do_mmap(w->mm, &req), addr);
}

static struct address_space *map_shmem(struct world *w, uint64_t addr, uint64_t pages, uint32_t id,
				       uint64_t first)
{
	struct address_space *file = mapping_get(w->mem, id);
	struct mmap_request req = {.addr = addr,
				   .len = pages * PAGE,
				   .prot = RW,
				   .flags = MAP_SHARED | MAP_FIXED,
				   .mapping = file,
				   .pgoff = first};

	file->is_shmem = true;
	assert_int_equal(do_mmap(w->mm, &req), addr);
	mapping_put(w->mem, file);
	return file;
}

static vm_fault_t write_page(struct world *w, uint64_t addr)
{
	return do_user_addr_fault(w->mem, addr, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
}

static void write_pages(struct world *w, uint64_t addr, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(write_page(w, addr + i * PAGE) & VM_FAULT_ERROR, 0);
}

/* -1: nothing is mapped. */
static int node_of(const struct world *w, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;
	pte_t pte = *pgtable_walk(w->mm, addr, &level, &table);

	return pte_is_leaf(pte) ? (int)pfn_to_node(w->mem, pte_pfn(pte))->node_id : -1;
}

static int set_policy(struct world *w, uint64_t mode, uint64_t nodes)
{
	return do_set_mempolicy(w->mem, &(struct mpol_request){.mode = mode, .nodes = nodes});
}

static int bind_range(struct world *w, uint64_t addr, uint64_t pages, uint64_t mode, uint64_t nodes,
		      uint64_t flags)
{
	struct mbind_range range = {.mm = w->mm, .start = addr, .len = pages * PAGE};

	return do_mbind(&range, &(struct mpol_request){.mode = mode, .nodes = nodes}, flags);
}

/* --- what is accepted ------------------------------------------------------------------------- */

static void test_arguments(void **state)
{
	static const struct {
		uint64_t mode, nodes;
		int err;
		int becomes; /* mode, -1: no policy */
		uint64_t got;
	} rows[] = {
		{MPOL_DEFAULT, 0, 0, -1, 0},
		{MPOL_DEFAULT, 1, -EINVAL, 0, 0},
		{MPOL_LOCAL, 0, 0, MPOL_LOCAL, 0},
		{MPOL_LOCAL, 1, -EINVAL, 0, 0},
		{MPOL_LOCAL | MPOL_F_STATIC_NODES, 0, -EINVAL, 0, 0},
		{MPOL_PREFERRED, 0, 0, MPOL_LOCAL, 0},
		{MPOL_PREFERRED | MPOL_F_STATIC_NODES, 0, -EINVAL, 0, 0},
		{MPOL_PREFERRED, 0xc, 0, MPOL_PREFERRED, 0x4},
		{MPOL_PREFERRED_MANY, 0xc, 0, MPOL_PREFERRED_MANY, 0xc},
		{MPOL_PREFERRED_MANY, 0, -EINVAL, 0, 0},
		{MPOL_BIND, 0, -EINVAL, 0, 0},
		{MPOL_BIND, 0x30, -EINVAL, 0, 0},
		{MPOL_BIND, 0x33, 0, MPOL_BIND, 0x3},
		{MPOL_BIND | MPOL_F_STATIC_NODES, 0x33, 0, MPOL_BIND, 0x3},
		{MPOL_BIND | MPOL_F_RELATIVE_NODES, 0x30, 0, MPOL_BIND, 0x3},
		{MPOL_BIND | MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES, 1, -EINVAL, 0, 0},
		{MPOL_BIND | MPOL_F_NUMA_BALANCING, 0x6, 0, MPOL_BIND, 0x6},
		{MPOL_PREFERRED_MANY | MPOL_F_NUMA_BALANCING, 0x6, 0, MPOL_PREFERRED_MANY, 0x6},
		{MPOL_INTERLEAVE | MPOL_F_NUMA_BALANCING, 0x6, -EINVAL, 0, 0},
		{MPOL_INTERLEAVE, 0xf, 0, MPOL_INTERLEAVE, 0xf},
		{MPOL_WEIGHTED_INTERLEAVE, 0xff, 0, MPOL_WEIGHTED_INTERLEAVE, 0xf},
		{MPOL_MAX, 1, -EINVAL, 0, 0},
		{UINT64_MAX, 1, -EINVAL, 0, 0},
	};
	struct world w = world_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mempolicy *pol;

		assert_int_equal(set_policy(&w, MPOL_DEFAULT, 0), 0);
		assert_int_equal(set_policy(&w, rows[i].mode, rows[i].nodes), rows[i].err);
		pol = w.task->mempolicy;
		if (rows[i].err || rows[i].becomes < 0) {
			assert_null(pol);
			continue;
		}
		assert_int_equal(pol->mode, rows[i].becomes);
		assert_int_equal(pol->nodes, rows[i].got);
		assert_int_equal(!!(pol->flags & MPOL_F_MOF), !!(rows[i].mode & MPOL_F_NUMA_BALANCING));
	}
	world_end(&w);
}

static void test_mbind_arguments(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, BASE, 4);
	map_anon(&w, BASE + 8 * PAGE, 4);
	assert_int_equal(bind_range(&w, BASE + 1, 1, MPOL_BIND, 1, 0), -EINVAL);
	assert_int_equal(bind_range(&w, BASE, 1, MPOL_BIND, 1, 8), -EINVAL);
	assert_int_equal(bind_range(&w, BASE, UINT64_MAX / PAGE, MPOL_BIND, 1, 0), -EINVAL);
	assert_int_equal(bind_range(&w, BASE, 0, MPOL_BIND, 1, 0), 0);
	/* holes: before, between, behind */
	assert_int_equal(bind_range(&w, BASE - PAGE, 2, MPOL_BIND, 1, 0), -EFAULT);
	assert_int_equal(bind_range(&w, BASE, 12, MPOL_BIND, 1, 0), -EFAULT);
	assert_int_equal(bind_range(&w, BASE + 8 * PAGE, 5, MPOL_BIND, 1, 0), -EFAULT);
	assert_int_equal(bind_range(&w, BASE + 5 * PAGE, 1, MPOL_BIND, 1, 0), -EFAULT);
	assert_null(vma_lookup(w.mm, BASE)->vm_policy);
	/* the default may be set over holes, not over nothing */
	assert_int_equal(bind_range(&w, BASE, 12, MPOL_DEFAULT, 0, 0), 0);
	assert_int_equal(bind_range(&w, BASE + 5 * PAGE, 1, MPOL_DEFAULT, 0, 0), -EFAULT);
	assert_int_equal(w.mm->map_count, 2);
	world_end(&w);
}

/* Where page i from BASE on is with an interleaving over nodes 0, 2 and 3. */
static int node_023(unsigned i)
{
	static const int nodes[] = {0, 2, 3};

	return nodes[((BASE >> 12) + i) % 3];
}

/* --- where pages land ------------------------------------------------------------------------- */

static void test_default_is_local(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, BASE, 8);
	for (unsigned cpu = 0; cpu < NR_NODES; cpu++) {
		w.mem->cpu = cpu;
		write_pages(&w, BASE + 2 * cpu * PAGE, 2);
		assert_int_equal(node_of(&w, BASE + 2 * cpu * PAGE), cpu);
	}
	assert_int_equal(sum(w.mem, NUMA_OTHER), 0);
	world_end(&w);
}

/* In an area the address decides, whatever the order of the faults. */
static void test_interleave_is_by_address(void **state)
{
	struct world w = world_new();
	uint64_t before, hits;

	(void)state;
	map_anon(&w, BASE, 400);
	assert_int_equal(bind_range(&w, BASE, 400, MPOL_INTERLEAVE, 0xd, 0), 0);
	write_page(&w, BASE);
	before = sum(w.mem, NUMA_INTERLEAVE);
	hits = node_stat(w.mem, 2, NUMA_INTERLEAVE);
	for (unsigned i = 1; i < 400; i++)
		write_page(&w, BASE + i * 139 % 400 * PAGE);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(node_of(&w, BASE + i * PAGE), node_023(i));
	assert_int_equal(sum(w.mem, NUMA_INTERLEAVE) - before, 399);
	assert_in_range(node_stat(w.mem, 2, NUMA_INTERLEAVE) - hits, 133, 134);
	assert_int_equal(node_stat(w.mem, 1, NUMA_INTERLEAVE), 0);
	world_end(&w);
}

static void test_weighted_interleave_is_by_address(void **state)
{
	static const int order[] = {0, 0, 0, 1, 2, 2, 3};
	struct world w = world_new();

	(void)state;
	w.mem->il_weights[0] = 3;
	w.mem->il_weights[2] = 2; /* the others: unset, 1 */
	map_anon(&w, BASE, 700);
	assert_int_equal(bind_range(&w, BASE, 700, MPOL_WEIGHTED_INTERLEAVE, 0xf, 0), 0);
	write_pages(&w, BASE, 700);
	for (unsigned i = 0; i < 700; i++)
		assert_int_equal(node_of(&w, BASE + i * PAGE), order[((BASE >> 12) + i) % 7]);
	world_end(&w);
}

/* What has no address goes by the task's counter: page cache and page tables. */
static void test_task_counter(void **state)
{
	struct world w = world_new();
	struct address_space *file = mapping_get(w.mem, 3);
	static const unsigned weighted[] = {1, 1, 3, 1, 1, 3};

	(void)state;
	file->size_bytes = 100 * PAGE;
	assert_int_equal(set_policy(&w, MPOL_INTERLEAVE, 0x7), 0);
	for (unsigned i = 0; i < 30; i++) {
		pfn_t pfn = filemap_add_folio(w.mem, file, i, 0);

		assert_int_equal(pfn_to_node(w.mem, pfn)->node_id, i % 3);
	}
	/* a new policy starts again before its first node */
	w.mem->il_weights[1] = 2;
	assert_int_equal(set_policy(&w, MPOL_WEIGHTED_INTERLEAVE, 0xa), 0);
	for (unsigned i = 0; i < 6; i++) {
		pfn_t pfn = filemap_add_folio(w.mem, file, 30 + i, 0);

		assert_int_equal(pfn_to_node(w.mem, pfn)->node_id, weighted[i]);
	}
	assert_int_equal(sum(w.mem, NUMA_INTERLEAVE), 36);
	mapping_put(w.mem, file);
	world_end(&w);
}

/* A task's policy holds for areas that have none, and an area's stands above it. */
static void test_area_above_task(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, BASE, 10);
	assert_int_equal(set_policy(&w, MPOL_BIND, 0x4), 0);
	assert_int_equal(bind_range(&w, BASE, 5, MPOL_PREFERRED, 0x8, 0), 0);
	assert_int_equal(bind_range(&w, BASE + 4 * PAGE, 1, MPOL_LOCAL, 0, 0), 0);
	w.mem->cpu = 1;
	write_pages(&w, BASE, 10);
	assert_int_equal(node_of(&w, BASE), 3);
	assert_int_equal(node_of(&w, BASE + 4 * PAGE), 1);
	assert_int_equal(node_of(&w, BASE + 5 * PAGE), 2);
	/* the tables, too, came by the task's policy */
	assert_int_equal(w.mem->nodes[2]->vm_stat[NR_PAGETABLE], 3);
	world_end(&w);
}

/* --- beyond capacity -------------------------------------------------------------------------- */

/* Writes pages until one fails, or all are there. */
static uint64_t fill(struct world *w, uint64_t addr, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		if (write_page(w, addr + i * PAGE) & VM_FAULT_ERROR)
			return i;
	return pages;
}

static uint64_t pages_on(const struct world *w, uint64_t addr, uint64_t pages, int nid)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < pages; i++)
		nr += node_of(w, addr + i * PAGE) == nid;
	return nr;
}

static void test_bind_fails_when_full(void **state)
{
	const uint64_t two = 2 * NODE_BYTES / PAGE;
	struct world w = world_new();
	uint64_t got;

	(void)state;
	map_anon(&w, BASE, two + 9000);
	assert_int_equal(bind_range(&w, BASE, two + 9000, MPOL_BIND, 0x6, 0), 0);
	got = fill(&w, BASE, two + 9000);
	assert_in_range(got, two * 9 / 10, two);
	assert_int_equal(pages_on(&w, BASE, got, 1) + pages_on(&w, BASE, got, 2), got);
	assert_true(pages_on(&w, BASE, got, 1) > two * 4 / 10);
	assert_true(w.mem->vm_event[ALLOC_FAIL] > 0);
	/* The nearest node of the mask is wanted: the rest are misses of it. */
	assert_int_equal(node_stat(w.mem, 1, NUMA_FOREIGN), node_stat(w.mem, 2, NUMA_MISS));
	world_end(&w);
}

static void test_preferred_falls_back(void **state)
{
	const uint64_t one = NODE_BYTES / PAGE;
	struct world w = world_new();
	uint64_t on3;

	(void)state;
	map_anon(&w, BASE, one + 1000);
	assert_int_equal(bind_range(&w, BASE, one + 1000, MPOL_PREFERRED, 0x8, 0), 0);
	write_pages(&w, BASE, one + 1000);
	on3 = pages_on(&w, BASE, one + 1000, 3);
	assert_in_range(on3, one * 9 / 10, one);
	assert_int_equal(node_stat(w.mem, 3, NUMA_FOREIGN), one + 1000 - on3);
	assert_int_equal(sum(w.mem, NUMA_MISS), one + 1000 - on3);
	assert_int_equal(w.mem->vm_event[ALLOC_FAIL], 0);
	world_end(&w);
}

static void test_preferred_many(void **state)
{
	const uint64_t two = 2 * NODE_BYTES / PAGE;
	struct mbind_range range = {.start = BASE, .len = (two + 1000) * PAGE};
	struct world w = world_new();
	uint64_t on2, on3;

	(void)state;
	map_anon(&w, BASE, two + 1000);
	assert_int_equal(bind_range(&w, BASE, two + 1000, MPOL_PREFERRED_MANY, 0xc, 0), 0);
	range.mm = w.mm;
	assert_int_equal(do_set_mempolicy_home_node(&range, 3), 0);
	write_pages(&w, BASE, 1);
	assert_int_equal(node_of(&w, BASE), 3);
	write_pages(&w, BASE, two + 1000);
	on2 = pages_on(&w, BASE, two + 1000, 2);
	on3 = pages_on(&w, BASE, two + 1000, 3);
	assert_in_range(on2 + on3, two * 9 / 10, two);
	assert_true(on2 > two * 4 / 10 && on3 > two * 4 / 10);
	/* first attempts that failed are nobody's failures */
	assert_int_equal(w.mem->vm_event[ALLOC_FAIL], 0);
	world_end(&w);
}

/* A huge page comes from the one node or not at all; interleaved ones fall back to any. */
static void test_huge_pages_stay(void **state)
{
	const uint64_t huge = 2 * MIB, nr = NODE_BYTES / huge;
	struct world w = world_new();
	uint64_t base = 1ull << 30;

	(void)state;
	w.mem->conf.thp_enabled = 2;
	map_anon(&w, base, (nr + 8) * huge / PAGE);
	assert_int_equal(bind_range(&w, base, (nr + 8) * huge / PAGE, MPOL_PREFERRED, 0x4, 0), 0);
	for (uint64_t i = 0; i < nr + 8; i++)
		assert_int_equal(write_page(&w, base + i * huge) & VM_FAULT_ERROR, 0);
	assert_in_range(w.mem->vm_event[THP_FAULT_ALLOC], nr - 8, nr);
	assert_true(w.mem->vm_event[THP_FAULT_FALLBACK] >= 8);
	for (uint64_t i = 0; i < w.mem->vm_event[THP_FAULT_ALLOC]; i++)
		assert_int_equal(node_of(&w, base + i * huge), 2);
	/* 2M pages interleave by their own index */
	base += 1ull << 30;
	map_anon(&w, base, 6 * huge / PAGE);
	assert_int_equal(bind_range(&w, base, 6 * huge / PAGE, MPOL_INTERLEAVE, 0x3, 0), 0);
	for (uint64_t i = 0; i < 6; i++) {
		assert_int_equal(write_page(&w, base + i * huge) & VM_FAULT_ERROR, 0);
		assert_int_equal(node_of(&w, base + i * huge), ((base >> 21) + i) % 2);
	}
	world_end(&w);
}

/* --- areas ------------------------------------------------------------------------------------ */

/* One letter for each area, from BASE on, by its policy's node: "aabb" of pages, ' ' a hole. */
static void assert_areas(const struct world *w, const char *expected)
{
	char drawn[64] = "";
	unsigned nr = 0;

	for (unsigned i = 0; expected[i]; i++) {
		const struct vm_area_struct *vma = vma_lookup(w->mm, BASE + i * PAGE);

		if (!vma)
			drawn[i] = ' ';
		else if (!vma->vm_policy)
			drawn[i] = '.';
		else
			drawn[i] = (char)('0' + __builtin_ctzll(vma->vm_policy->nodes));
		nr += vma && vma->vm_start == BASE + i * PAGE;
	}
	assert_string_equal(drawn, expected);
	for (unsigned i = 0; expected[i]; i++)
		nr -= expected[i] != ' ' && (!i || expected[i] != expected[i - 1]);
	assert_int_equal(nr, 0); /* as many areas as there are changes of policy */
}

static void test_areas_split_and_merge(void **state)
{
	struct world w = world_new();

	(void)state;
	map_anon(&w, BASE, 10);
	bind_range(&w, BASE + 3 * PAGE, 3, MPOL_BIND, 2, 0);
	assert_areas(&w, "...111....");
	bind_range(&w, BASE + 6 * PAGE, 2, MPOL_BIND, 2, 0);
	assert_areas(&w, "...11111..");
	bind_range(&w, BASE, 4, MPOL_BIND, 4, 0);
	assert_areas(&w, "22221111..");
	bind_range(&w, BASE + 2 * PAGE, 4, MPOL_BIND, 8, 0);
	assert_areas(&w, "223333" "11..");
	bind_range(&w, BASE, 10, MPOL_DEFAULT, 0, 0);
	assert_areas(&w, "..........");
	/* the same nodes by another mode, flag or home are another policy */
	bind_range(&w, BASE, 5, MPOL_BIND, 2, 0);
	bind_range(&w, BASE + 5 * PAGE, 5, MPOL_PREFERRED, 2, 0);
	assert_int_equal(w.mm->map_count, 2);
	bind_range(&w, BASE + 5 * PAGE, 5, MPOL_BIND | MPOL_F_STATIC_NODES, 2, 0);
	assert_int_equal(w.mm->map_count, 2);
	bind_range(&w, BASE + 5 * PAGE, 5, MPOL_BIND, 2, 0);
	assert_areas(&w, "1111111111");
	/* a new mapping beside it has no policy */
	map_anon(&w, BASE + 10 * PAGE, 2);
	assert_areas(&w, "1111111111..");
	/* growing keeps the area's */
	assert_int_equal(do_munmap(w.mm, BASE + 10 * PAGE, 2 * PAGE), 0);
	assert_int_equal(do_mremap(w.mm, BASE, 10 * PAGE, 12 * PAGE, 0, 0), BASE);
	assert_areas(&w, "111111111111");
	/* so does moving */
	assert_int_equal(do_mremap(w.mm, BASE + 4 * PAGE, 2 * PAGE, 2 * PAGE,
				   MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 20 * PAGE), BASE + 20 * PAGE);
	assert_areas(&w, "1111  111111        11");
	world_end(&w);
}

static void test_fork_copies(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;
	struct task_struct *task;

	(void)state;
	map_anon(&w, BASE, 4);
	bind_range(&w, BASE, 2, MPOL_BIND, 8, 0);
	set_policy(&w, MPOL_INTERLEAVE, 3);
	child = dup_mm(w.mm);
	w.task->il_prev = 1;
	task = task_alloc(w.mem, 2);
	mpol_task_init(w.mem, task, w.task);
	assert_true(mpol_equal(task->mempolicy, w.task->mempolicy));
	assert_true(task->mempolicy != w.task->mempolicy);
	assert_int_equal(task->il_prev, 1);
	assert_int_equal(child->map_count, 2);
	assert_int_equal(vma_lookup(child, BASE)->vm_policy->nodes, 8);
	assert_true(vma_lookup(child, BASE)->vm_policy != vma_lookup(w.mm, BASE)->vm_policy);
	mmput(child);
	task_free(w.mem, task);
	world_end(&w);
}

/* --- shared files ----------------------------------------------------------------------------- */

/* The policy belongs to the file: whoever maps the range gets it, and unmapping keeps it. */
static void test_shared_policy(void **state)
{
	struct world w = world_new();
	struct address_space *file = map_shmem(&w, BASE, 20, 5, 0);

	(void)state;
	assert_int_equal(bind_range(&w, BASE + 5 * PAGE, 10, MPOL_BIND, 4, 0), 0);
	assert_int_equal(w.mm->map_count, 3);
	assert_true(mpol_shared_policy_consistent(file));
	assert_int_equal(do_munmap(w.mm, BASE, 20 * PAGE), 0);
	map_shmem(&w, BASE + 100 * PAGE, 15, 5, 2);
	write_pages(&w, BASE + 100 * PAGE, 15);
	for (unsigned i = 2; i < 17; i++)
		assert_int_equal(node_of(&w, BASE + (98 + i) * PAGE), i >= 5 && i < 15 ? 2 : 0);
	/* a hole in the policy, then none */
	assert_int_equal(bind_range(&w, BASE + 106 * PAGE, 2, MPOL_DEFAULT, 0, 0), 0);
	assert_true(mpol_shared_policy_consistent(file));
	assert_non_null(mpol_shared_policy_lookup(file, 7));
	/* The kernel compares with the area, which has no policy of its own: nothing changes. */
	assert_non_null(mpol_shared_policy_lookup(file, 8));
	mpol_set_shared_policy(w.mem, file, 8, 10, NULL);
	assert_null(mpol_shared_policy_lookup(file, 8));
	assert_null(mpol_shared_policy_lookup(file, 9));
	assert_non_null(mpol_shared_policy_lookup(file, 10));
	assert_true(mpol_shared_policy_consistent(file));
	world_end(&w);
}

/* Files start interleaving at their inode number. */
static void test_shared_interleave(void **state)
{
	struct world w = world_new();
	struct address_space *file = map_shmem(&w, BASE, 30, 5, 0);

	(void)state;
	file->ino = 1027;
	assert_int_equal(set_policy(&w, MPOL_INTERLEAVE, 0x7), 0);
	write_pages(&w, BASE, 30);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(node_of(&w, BASE + i * PAGE), (1027 + i) % 3);
	world_end(&w);
}

/* --- pages that are there already ------------------------------------------------------------- */

static void test_mbind_moves(void **state)
{
	struct world w = world_new();
	uint64_t other;

	(void)state;
	map_anon(&w, BASE, 16);
	write_pages(&w, BASE, 8);
	/* strict alone: refused, and nothing is set */
	assert_int_equal(bind_range(&w, BASE, 16, MPOL_BIND, 2, MPOL_MF_STRICT), -EIO);
	assert_null(vma_lookup(w.mm, BASE)->vm_policy);
	/* without flags: set, and the pages stay */
	assert_int_equal(bind_range(&w, BASE, 16, MPOL_BIND, 2, 0), 0);
	assert_int_equal(pages_on(&w, BASE, 16, 0), 8);
	other = sum(w.mem, NUMA_OTHER);
	assert_int_equal(bind_range(&w, BASE, 16, MPOL_BIND, 2, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	assert_int_equal(pages_on(&w, BASE, 16, 1), 8);
	assert_int_equal(sum(w.mem, NUMA_OTHER) - other, 8);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 8);
	assert_int_equal(bind_range(&w, BASE, 16, MPOL_BIND, 2, MPOL_MF_STRICT), 0);
	/* interleaved: where faults would have put them */
	assert_int_equal(bind_range(&w, BASE, 16, MPOL_INTERLEAVE, 0xd, MPOL_MF_MOVE), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(node_of(&w, BASE + i * PAGE), node_023(i));
	world_end(&w);
}

/* MOVE leaves what others map, too; MOVE_ALL does not. */
static void test_mbind_shared_pages(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;

	(void)state;
	map_anon(&w, BASE, 4);
	write_pages(&w, BASE, 4);
	child = dup_mm(w.mm);
	assert_int_equal(bind_range(&w, BASE, 4, MPOL_BIND, 8, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	assert_int_equal(pages_on(&w, BASE, 4, 0), 4);
	assert_int_equal(bind_range(&w, BASE, 4, MPOL_BIND, 8, MPOL_MF_MOVE_ALL), 0);
	assert_int_equal(pages_on(&w, BASE, 4, 3), 4);
	mmput(child);
	world_end(&w);
}

/* Pinned pages stay and are a failure. */
static void test_mbind_pinned(void **state)
{
	struct world w = world_new();
	struct pgtable *table;
	unsigned level;
	pfn_t pfn;

	(void)state;
	map_anon(&w, BASE, 4);
	write_pages(&w, BASE, 4);
	pfn = pte_pfn(*pgtable_walk(w.mm, BASE + PAGE, &level, &table));
	get_page(w.mem, pfn);
	assert_int_equal(bind_range(&w, BASE, 4, MPOL_BIND, 8, MPOL_MF_MOVE | MPOL_MF_STRICT), -EIO);
	assert_int_equal(pages_on(&w, BASE, 4, 3), 3);
	assert_int_equal(vma_lookup(w.mm, BASE)->vm_policy->nodes, 8); /* set all the same */
	put_page(w.mem, pfn);
	world_end(&w);
}

static void test_migrate_pages(void **state)
{
	struct world w = world_new();
	struct mbind_range range;

	(void)state;
	map_anon(&w, BASE, 40);
	bind_range(&w, BASE, 40, MPOL_INTERLEAVE, 0xf, 0);
	write_pages(&w, BASE, 40);
	/* rank by rank: 0 to 2, 1 to 3 */
	assert_int_equal(do_migrate_pages(w.mm, 0x3, 0xc, MPOL_MF_MOVE), 0);
	assert_int_equal(pages_on(&w, BASE, 40, 2), 20);
	assert_int_equal(pages_on(&w, BASE, 40, 3), 20);
	/* masks of different size: nodes that are in both keep theirs */
	assert_int_equal(do_migrate_pages(w.mm, 0xc, 0x4, MPOL_MF_MOVE), 0);
	assert_int_equal(pages_on(&w, BASE, 40, 2), 40);
	assert_int_equal(do_migrate_pages(w.mm, 0xf, 0x30, MPOL_MF_MOVE), -EINVAL);
	range = (struct mbind_range){.mm = w.mm, .start = BASE + 2 * PAGE, .len = 3 * PAGE};
	assert_int_equal(do_move_pages(&range, 1, MPOL_MF_MOVE), 0);
	assert_int_equal(pages_on(&w, BASE, 40, 1), 3);
	assert_int_equal(do_move_pages(&range, 9, MPOL_MF_MOVE), -ENODEV);
	world_end(&w);
}

static void test_home_node(void **state)
{
	struct world w = world_new();
	struct mbind_range range = {.mm = w.mm, .start = BASE, .len = 8 * PAGE};

	(void)state;
	map_anon(&w, BASE, 8);
	assert_int_equal(do_set_mempolicy_home_node(&range, 1), -ENOENT);
	assert_int_equal(do_set_mempolicy_home_node(&range, 4), -EINVAL);
	bind_range(&w, BASE, 8, MPOL_BIND, 0xc, 0);
	assert_int_equal(do_set_mempolicy_home_node(&range, 3), 0);
	write_pages(&w, BASE, 8);
	assert_int_equal(pages_on(&w, BASE, 8, 3), 8);
	range.len = 4 * PAGE;
	assert_int_equal(do_set_mempolicy_home_node(&range, 2), 0);
	assert_int_equal(w.mm->map_count, 2);
	bind_range(&w, BASE, 8, MPOL_INTERLEAVE, 0xc, 0);
	assert_int_equal(do_set_mempolicy_home_node(&range, 2), -EOPNOTSUPP);
	world_end(&w);
}

/* --- cpusets ---------------------------------------------------------------------------------- */

static void test_rebind(void **state)
{
	static const struct {
		uint64_t mode, nodes, mems, got;
	} rows[] = {
		{MPOL_BIND, 0x3, 0xc, 0xc},		  /* rank by rank */
		{MPOL_INTERLEAVE, 0x5, 0xe, 0xa},	  /* ranks 0 and 2 of three */
		{MPOL_BIND, 0xf, 0x2, 0x2},
		{MPOL_BIND | MPOL_F_STATIC_NODES, 0x6, 0xc, 0x4},
		{MPOL_BIND | MPOL_F_STATIC_NODES, 0x3, 0xc, 0xc}, /* none left: all */
		{MPOL_BIND | MPOL_F_RELATIVE_NODES, 0x2, 0xc, 0x8},
		{MPOL_BIND | MPOL_F_RELATIVE_NODES, 0x5, 0xc, 0x4}, /* folded */
		{MPOL_PREFERRED, 0x2, 0xc, 0x2},	  /* a wish stays */
		{MPOL_PREFERRED_MANY, 0x3, 0xc, 0x3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w = world_new();

		map_anon(&w, BASE, 4);
		assert_int_equal(set_policy(&w, rows[i].mode, rows[i].nodes), 0);
		assert_int_equal(bind_range(&w, BASE, 4, rows[i].mode, rows[i].nodes, 0), 0);
		assert_int_equal(set_mems_allowed(w.mem, w.task, rows[i].mems), 0);
		assert_int_equal(w.task->mempolicy->nodes, rows[i].got);
		assert_int_equal(vma_lookup(w.mm, BASE)->vm_policy->nodes, rows[i].got);
		world_end(&w);
	}
}

/* Pages follow the cpuset; new ones stay inside it, and fail rather than leave it. */
static void test_cpuset_bounds(void **state)
{
	const uint64_t one = NODE_BYTES / PAGE;
	struct world w = world_new();
	uint64_t got;

	(void)state;
	map_anon(&w, BASE, 2 * one);
	write_pages(&w, BASE, 100);
	assert_int_equal(set_mems_allowed(w.mem, w.task, 0x30), -EINVAL);
	assert_int_equal(set_mems_allowed(w.mem, w.task, 0x8), 0);
	assert_int_equal(pages_on(&w, BASE, 100, 3), 100);
	assert_int_equal(set_policy(&w, MPOL_BIND, 0x3), -EINVAL);
	got = fill(&w, BASE, 2 * one);
	assert_in_range(got, one * 9 / 10, one);
	assert_int_equal(pages_on(&w, BASE, got, 3), got);
	/* page tables are the kernel's own: they may leave it now */
	write_page(&w, BASE + (1ull << 35));
	assert_non_null(pgtable_alloc(w.mm, BASE + (1ull << 40), 0));
	assert_true(w.mem->nodes[0]->vm_stat[NR_PAGETABLE] > 2);
	world_end(&w);
}

/* --- NUMA balancing asks ---------------------------------------------------------------------- */

static void test_misplaced(void **state)
{
	struct world w = world_new();
	const struct vm_area_struct *vma;
	bool moron;

	(void)state;
	map_anon(&w, BASE, 4);
	vma = vma_lookup(w.mm, BASE);
	w.mem->cpu = 2;
	assert_int_equal(mpol_misplaced(vma, BASE, 0, 0, &moron), 2);
	assert_true(moron && vma_policy_mof(vma));
	assert_int_equal(mpol_misplaced(vma, BASE, 0, 2, &moron), NUMA_NO_NODE);
	bind_range(&w, BASE, 4, MPOL_BIND, 0x6, 0);
	assert_int_equal(mpol_misplaced(vma, BASE, 0, 0, &moron), NUMA_NO_NODE);
	assert_false(vma_policy_mof(vma));
	bind_range(&w, BASE, 4, MPOL_BIND | MPOL_F_NUMA_BALANCING, 0x6, 0);
	assert_int_equal(mpol_misplaced(vma, BASE, 0, 1, &moron), 2);
	assert_true(moron && vma_policy_mof(vma));
	w.mem->cpu = 3; /* outside of the mask */
	assert_int_equal(mpol_misplaced(vma, BASE, 0, 1, &moron), NUMA_NO_NODE);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_mbind_arguments),
		cmocka_unit_test(test_default_is_local),
		cmocka_unit_test(test_interleave_is_by_address),
		cmocka_unit_test(test_weighted_interleave_is_by_address),
		cmocka_unit_test(test_task_counter),
		cmocka_unit_test(test_area_above_task),
		cmocka_unit_test(test_bind_fails_when_full),
		cmocka_unit_test(test_preferred_falls_back),
		cmocka_unit_test(test_preferred_many),
		cmocka_unit_test(test_huge_pages_stay),
		cmocka_unit_test(test_areas_split_and_merge),
		cmocka_unit_test(test_fork_copies),
		cmocka_unit_test(test_shared_policy),
		cmocka_unit_test(test_shared_interleave),
		cmocka_unit_test(test_mbind_moves),
		cmocka_unit_test(test_mbind_shared_pages),
		cmocka_unit_test(test_mbind_pinned),
		cmocka_unit_test(test_migrate_pages),
		cmocka_unit_test(test_home_node),
		cmocka_unit_test(test_rebind),
		cmocka_unit_test(test_cpuset_bounds),
		cmocka_unit_test(test_misplaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
