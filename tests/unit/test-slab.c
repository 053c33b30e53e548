/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Layout and lists of each policy, generic caches, and the kernel objects behind the model's own
 * structs.
 */
#include "support/test.h"

#include "support/dies.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "mm/anon_vma.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vma.h"

#define MIB (1ull << 20)

static struct memory *machine(unsigned policy, unsigned nr_nodes, unsigned nr_cpus, uint64_t bytes,
			      const char *geometry)
{
	uint64_t node_bytes[4] = {bytes, bytes, bytes, bytes};
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find(geometry),
				   .conf = &conf,
				   .nr_nodes = nr_nodes,
				   .node_bytes = node_bytes,
				   .nr_cpus = nr_cpus};
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.slab_policy = policy;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static struct memory *machine_64(unsigned policy)
{
	return machine(policy, 1, 2, 256 * MIB, "x86-64");
}

static void finish(struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	memory_destroy(mem);
}

static struct kmem_cache *cache_of(struct memory *mem, const char *name)
{
	for_each_kmem_cache(cache, mem)
		if (!strcmp(kmem_cache_name(cache), name))
			return cache;
	fail_msg("no cache %s", name);
	return NULL;
}

static struct kmem_cache_stats stats_of(struct kmem_cache *cache)
{
	struct kmem_cache_stats s;

	kmem_cache_stats(cache, &s);
	return s;
}

static uint64_t slab_pages(const struct memory *mem, unsigned nid)
{
	return mem->nodes[nid]->vm_stat[NR_SLAB_RECLAIMABLE] +
	       mem->nodes[nid]->vm_stat[NR_SLAB_UNRECLAIMABLE];
}

/* ---- slub ---- */

struct layout {
	const char *name;
	unsigned size, objperslab, pagesperslab;
};

static void check_layouts(struct memory *mem, const struct layout *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct kmem_cache_stats s = stats_of(cache_of(mem, rows[i].name));

		if (s.size != rows[i].size || s.objperslab != rows[i].objperslab ||
		    s.pagesperslab != rows[i].pagesperslab)
			fail_msg("%s: %u bytes, %u objects in %u pages; wanted %u, %u in %u",
				 rows[i].name, s.size, s.objperslab, s.pagesperslab, rows[i].size,
				 rows[i].objperslab, rows[i].pagesperslab);
	}
}

/* /proc/slabinfo of Linux 6.18.44, x86-64, 2 CPUs */
static void test_slub_layout(void **state)
{
	static const struct layout rows[] = {
		{"mm_struct", 1600, 20, 8},	   {"radix_tree_node", 584, 14, 2},
		{"pid", 192, 21, 1},		   {"anon_vma", 104, 39, 1},
		{"anon_vma_chain", 64, 64, 1},	   {"task_struct", 5888, 5, 8},
		{"sighand_cache", 2112, 15, 8},	   {"signal_cache", 1152, 14, 4},
		{"files_cache", 704, 23, 4},	   {"vm_area_struct", 192, 21, 1},
		{"dentry", 192, 21, 1},		   {"filp", 192, 21, 1},
		{"shmem_inode_cache", 752, 21, 4}, {"ext4_inode_cache", 1128, 14, 4},
		{"kmalloc-8", 8, 512, 1},	   {"kmalloc-96", 96, 42, 1},
		{"kmalloc-192", 192, 21, 1},	   {"kmalloc-256", 256, 16, 1},
		{"kmalloc-512", 512, 16, 2},	   {"kmalloc-1k", 1024, 16, 4},
		{"kmalloc-2k", 2048, 16, 8},	   {"kmalloc-4k", 4096, 8, 8},
		{"kmalloc-8k", 8192, 4, 8},	   {"kmalloc-rcl-96", 96, 42, 1},
		{"kmalloc-cg-64", 64, 64, 1},	   {"dma-kmalloc-1k", 1024, 16, 4},
	};
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);

	(void)state;
	check_layouts(mem, rows, ARRAY_SIZE(rows));
	/* cred and pid are of one size and kind, and so are fs_cache and anon_vma_chain. */
	assert_ptr_equal(mem->kmem_caches[MODEL_CRED], mem->kmem_caches[MODEL_PID]);
	assert_ptr_equal(mem->kmem_caches[MODEL_FS], mem->kmem_caches[MODEL_ANON_VMA_CHAIN]);
	assert_int_equal(stats_of(mem->kmem_caches[MODEL_PID]).aliases, 1);
	finish(mem);
}

/* More CPUs want more objects a slab: 4 * (fls(cpus) + 1). */
static void test_slub_order(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 1, 64, 256 * MIB, "x86-64");
	static const struct layout rows[] = {
		{"kmalloc-256", 256, 32, 2}, {"kmalloc-512", 512, 32, 4}, {"kmalloc-1k", 1024, 32, 8}};

	(void)state;
	check_layouts(mem, rows, ARRAY_SIZE(rows));
	assert_int_equal(stats_of(kmem_cache_create(mem, "huge", 40000, 0, 0, NULL)).pagesperslab, 16);
	finish(mem);
}

/* The largest object takes the largest block, under every policy. */
static void test_largest(void **state)
{
	(void)state;
	for (unsigned policy = SLAB_POLICY_SLUB; policy <= SLAB_POLICY_NULL; policy++) {
		struct memory *mem = machine_64(policy);
		struct kmem_cache *cache =
			kmem_cache_create(mem, "c", kmem_cache_size_max(mem), 0, 0, NULL);
		kaddr_t o = kmem_cache_alloc(cache, GFP_KERNEL);

		assert_true(o);
		assert_int_equal(stats_of(cache).pagesperslab, 1 << mem->geo->max_order);
		kmem_cache_free(cache, o);
		(void)kmem_cache_shrink(cache);
		kmem_cache_destroy(cache);
		finish(mem);
	}
}

static void test_slub_cpu_lists(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 192, 0, SLAB_NO_MERGE, NULL);
	struct kmem_cache_stats s;
	kaddr_t o[13 * 21];

	(void)state;
	/* 21 a slab; the first of each comes from the slow path, in order of address. */
	for (unsigned i = 0; i < 42; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	s = stats_of(cache);
	assert_int_equal(o[1] - o[0], 192);
	assert_int_equal(s.num_slabs, 2);
	assert_int_equal(s.cpu_hits, 40);
	assert_int_equal(s.list_locks, 0);
	assert_int_equal(s.node_full, 1);
	/* Last in, first out, on the CPU's own slab. */
	kmem_cache_free(cache, o[41]);
	kmem_cache_free(cache, o[30]);
	assert_int_equal(stats_of(cache).cpu_frees, 2);
	assert_true(kmem_cache_alloc(cache, GFP_KERNEL) == o[30]);
	assert_true(kmem_cache_alloc(cache, GFP_KERNEL) == o[41]);
	/* A full slab that gets a place goes to the CPU's store; the next refill takes it there. */
	kmem_cache_free(cache, o[3]);
	assert_int_equal(stats_of(cache).node_full, 0);
	assert_true(kmem_cache_alloc(cache, GFP_KERNEL) == o[3]);
	assert_int_equal(stats_of(cache).num_slabs, 2);
	for (unsigned i = 0; i < 42; i++)
		kmem_cache_free(cache, o[i]);
	/* Twelve slabs beside its own, emptied by another CPU: they fit its store of 120 objects. */
	for (unsigned i = 0; i < 13 * 21; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	mem->cpu = 1;
	for (unsigned i = 0; i < 13 * 21; i++)
		kmem_cache_free(cache, o[i]);
	s = stats_of(cache);
	assert_int_equal(s.active_objs, 0);
	assert_int_equal(s.num_slabs, 13);
	/* Who takes the last object of a slab that is not full looks under the lock where it stands. */
	assert_int_equal(s.list_locks, 13);
	assert_int_equal(kmem_cache_shrink(cache), 13);
	assert_int_equal(stats_of(cache).num_slabs, 0);
	assert_int_equal(slab_pages(mem, 0), 0);
	kmem_cache_destroy(cache);
	finish(mem);
}

/* Beyond the store of the CPU (12 slabs) and min_partial (5), empty slabs are freed. */
static void test_slub_min_partial(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 192, 0, SLAB_NO_MERGE, NULL);
	struct kmem_cache_stats s;
	kaddr_t o[21 * 40];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(o); i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	/* The first object of each of 40 slabs: the store fills and spills to the node by twelves. */
	mem->cpu = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(o); i += 21)
		kmem_cache_free(cache, o[i]);
	s = stats_of(cache);
	assert_int_equal(s.node_partial, 36);
	assert_int_equal(s.num_slabs, 40);
	/* The rest: 36 of them stand on the node's list and go one by one until 5 are left. */
	for (unsigned i = 0; i < ARRAY_SIZE(o); i++)
		if (i % 21)
			kmem_cache_free(cache, o[i]);
	s = stats_of(cache);
	assert_int_equal(s.node_empty, 4);
	assert_int_equal(s.num_slabs, 4 + 3 + 1);
	assert_int_equal(s.active_objs, 0);
	(void)kmem_cache_shrink(cache);
	kmem_cache_destroy(cache);
	finish(mem);
}

static void test_slub_nodes(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 2, 2, 256 * MIB, "x86-64");
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 192, 0, SLAB_NO_MERGE, NULL);
	kaddr_t o;

	(void)state;
	o = kmem_cache_alloc_node(cache, GFP_KERNEL, 1);
	assert_int_equal(pfn_to_node(mem, kaddr_to_pfn(mem, o))->node_id, 1);
	assert_int_equal(slab_pages(mem, 1), 1);
	/* The CPU's slab is node 1's now; who does not care gets from it. */
	o = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(pfn_to_node(mem, kaddr_to_pfn(mem, o))->node_id, 1);
	o = kmem_cache_alloc_node(cache, GFP_KERNEL, 0);
	assert_int_equal(pfn_to_node(mem, kaddr_to_pfn(mem, o))->node_id, 0);
	assert_int_equal(stats_of(cache).node_partial, 1);
	o = kmem_cache_alloc_node(cache, GFP_KERNEL, 1);
	assert_int_equal(pfn_to_node(mem, kaddr_to_pfn(mem, o))->node_id, 1);
	assert_int_equal(stats_of(cache).num_slabs, 2);
	finish(mem);
}

/* Takes every page that is to be had. */
static uint64_t exhaust(struct memory *mem, gfp_t gfp, pfn_t *pfns, size_t max)
{
	uint64_t nr = 0;

	while (nr < max &&
	       (pfns[nr] = alloc_pages(mem, gfp, 0, 0)) != PFN_NONE)
		nr++;
	return nr;
}

/* No block of order 3 is left, but single pages are. */
static void test_slub_fallback(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLUB, 1, 2, 64 * MIB, "x86-64");
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 1600, 0, SLAB_NO_MERGE, NULL);
	size_t max = 64 * MIB >> 12;
	pfn_t *pfns = calloc(max, sizeof(*pfns));
	uint64_t nr = exhaust(mem, GFP_KERNEL | __GFP_MEMALLOC, pfns, max);
	kaddr_t o;

	(void)state;
	assert_true(!kmem_cache_alloc(cache, GFP_KERNEL));
	assert_int_equal(stats_of(cache).failed, 1);
	for (uint64_t i = 0; i < nr; i++)
		if (pfns[i] & 1)
			free_pages_pfn(mem, pfns[i], 0);
	o = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_true(o);
	assert_int_equal(stats_of(cache).order_fallbacks, 1);
	assert_int_equal(stats_of(cache).num_objs, 2);
	assert_int_equal(slab_pages(mem, 0), 1);
	kmem_cache_free(cache, o);
	(void)kmem_cache_shrink(cache);
	free(pfns);
	finish(mem);
}

/* ---- slab ---- */

/* /proc/slabinfo of RHEL 5 and 6 on x86-64 shows these, and 113 objects of size-32 on i686. */
static void test_slab_layout(void **state)
{
	static const struct layout rows[] = {
		{"size-32", 32, 112, 1},	 {"size-64", 64, 59, 1},
		{"size-128", 128, 30, 1},	 {"size-192", 192, 20, 1},
		{"size-256", 256, 15, 1},	 {"size-512", 512, 8, 1},
		{"size-1024", 1024, 4, 1},	 {"size-2048", 2048, 2, 1},
		{"size-4096", 4096, 1, 1},	 {"size-8192", 8192, 1, 2},
		{"size-131072", 131072, 1, 32}, {"size-1024(DMA)", 1024, 4, 1},
	};
	static const struct layout row_32 = {"size-32", 32, 113, 1};
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);

	(void)state;
	check_layouts(mem, rows, ARRAY_SIZE(rows));
	assert_int_equal(stats_of(cache_of(mem, "size-32")).limit, 120);
	assert_int_equal(stats_of(cache_of(mem, "size-512")).limit, 54);
	assert_int_equal(stats_of(cache_of(mem, "size-2048")).batchcount, 12);
	assert_int_equal(stats_of(cache_of(mem, "size-4096")).shared, 8);
	assert_int_equal(stats_of(cache_of(mem, "size-8192")).limit, 8);
	finish(mem);
	mem = machine(SLAB_POLICY_SLAB, 1, 1, 256 * MIB, "x86-32");
	check_layouts(mem, &row_32, 1);
	finish(mem);
}

/* size-256 leaves 128 bytes over: two colours of a cache line, in turn. */
static void test_slab_colour(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	struct kmem_cache *cache = cache_of(mem, "size-256");
	unsigned seen[2] = {0, 0};
	kaddr_t o[150];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(o); i++) {
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		seen[(o[i] & 0xff) == 64 + 128]++;
		assert_true((o[i] & 0xff) == 128 || (o[i] & 0xff) == 64 + 128);
	}
	assert_int_equal(seen[0], 75);
	assert_int_equal(seen[1], 75);
	for (unsigned i = 0; i < ARRAY_SIZE(o); i++)
		kfree(mem, o[i]);
	finish(mem);
}

/* Management of size-512 lies in size-128, and goes with the slab. */
static void test_slab_off_slab(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	struct kmem_cache *cache = cache_of(mem, "size-512"), *mgmt = cache_of(mem, "size-128");
	kaddr_t o = kmem_cache_alloc(cache, GFP_KERNEL);

	(void)state;
	assert_int_equal(o & 0xfff, 7 * 512);	/* last in, first out of the batch */
	assert_int_equal(stats_of(mgmt).active_objs, 1);
	assert_int_equal(stats_of(mgmt).requested_bytes, 48 + 8 * 4);
	kmem_cache_free(cache, o);
	assert_int_equal(kmem_cache_shrink(cache), 1);
	assert_int_equal(stats_of(mgmt).active_objs, 0);
	finish(mem);
}

static void test_slab_arrays(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 200, 0, 0, NULL);
	struct kmem_cache_stats s;
	kaddr_t o[400];

	(void)state;
	/* An array that was not in use lately is filled with 16; then a slab gives what it has left. */
	o[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(stats_of(cache).cpu_objs, 15);
	for (unsigned i = 1; i < 17; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	s = stats_of(cache);
	assert_int_equal(s.cpu_hits, 15);
	assert_int_equal(s.cpu_objs, 2);
	assert_int_equal(s.objperslab, 19);
	for (unsigned i = 17; i < 400; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	/* 120 stay with the CPU, then half of them go to the shared array at once. */
	for (unsigned i = 0; i < 400; i++)
		kmem_cache_free(cache, o[i]);
	s = stats_of(cache);
	assert_true(s.cpu_objs <= 120);
	assert_true(s.sharedavail >= 240);
	assert_int_equal(s.slabinfo_active_objs, s.cpu_objs + s.sharedavail);
	finish(mem);
}

/* Untouched arrays lose a fifth each 2 s, shared ones each 4 s, then free slabs go. */
static void test_slab_reap(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 200, 0, 0, NULL);
	uint64_t before;
	kaddr_t o[1000];

	(void)state;
	assert_int_equal(slab_reap_period_ns(mem), 2000000000);
	for (unsigned i = 0; i < 1000; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < 1000; i++)
		kmem_cache_free(cache, o[i]);
	before = stats_of(cache).cpu_objs;
	slab_reap_periodic(mem);	/* was touched */
	assert_int_equal(stats_of(cache).cpu_objs, before);
	mem->now_ns += 2000000000;
	slab_reap_periodic(mem);
	assert_int_equal(stats_of(cache).cpu_objs, before - 24);
	for (unsigned i = 0; i < 40; i++) {
		mem->now_ns += 2000000000;
		slab_reap_periodic(mem);
	}
	assert_int_equal(stats_of(cache).cpu_objs, 0);
	assert_int_equal(stats_of(cache).num_slabs, 0);
	finish(mem);
}

/* An object of another node waits in an alien array for eleven more. */
static void test_slab_alien(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_SLAB, 2, 2, 256 * MIB, "x86-64");
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 200, 0, 0, NULL);
	kaddr_t o[13];
	uint64_t locks;

	(void)state;
	for (unsigned i = 0; i < 13; i++)
		o[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, 1);
	for (unsigned i = 0; i < 12; i++)
		kmem_cache_free(cache, o[i]);
	locks = stats_of(cache).list_locks;
	assert_int_equal(stats_of(cache).slabinfo_active_objs, 13);
	kmem_cache_free(cache, o[12]);
	assert_int_equal(stats_of(cache).list_locks, locks + 1);
	finish(mem);
}

static void test_slab_pressure(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 2000, 0, 0, NULL);
	kaddr_t o[300];

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < 300; i++)
		kmem_cache_free(cache, o[i]);
	/* What the arrays hold keeps its slabs. */
	assert_true(stats_of(cache).node_empty > 0);
	assert_true(slab_reap_pressure(mem, NUMA_NO_NODE) > 0);
	assert_int_equal(stats_of(cache).node_empty, 0);
	assert_int_equal(slab_reap_pressure(mem, 0), 0);
	finish(mem);
}

/* ---- null ---- */

static void test_null(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_NULL);
	struct kmem_cache *cache = kmem_cache_create(mem, "c", 1000, 0, 0, NULL);
	kaddr_t o[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		o[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(stats_of(cache).num_slabs, 2);
	kmem_cache_free(cache, o[4]);
	assert_int_equal(stats_of(cache).num_slabs, 1);
	assert_int_equal(stats_of(cache).list_locks, 6);
	assert_int_equal(slab_reap_period_ns(mem), 0);
	finish(mem);
}

/* ---- generic caches ---- */

static void check_kmalloc(struct memory *mem, uint64_t size, gfp_t gfp, const char *name)
{
	struct kmem_cache *cache = kmalloc_cache(mem, size, gfp);

	if (!name) {
		assert_null(cache);
		return;
	}
	assert_non_null(cache);
	assert_string_equal(kmem_cache_name(cache), name);
}

static void test_kmalloc(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	kaddr_t small, large;

	(void)state;
	check_kmalloc(mem, 1, GFP_KERNEL, "kmalloc-8");
	check_kmalloc(mem, 65, GFP_KERNEL, "kmalloc-96");
	check_kmalloc(mem, 97, GFP_KERNEL, "kmalloc-128");
	check_kmalloc(mem, 129, GFP_KERNEL, "kmalloc-192");
	check_kmalloc(mem, 193, GFP_KERNEL, "kmalloc-256");
	check_kmalloc(mem, 8192, GFP_KERNEL, "kmalloc-8k");
	check_kmalloc(mem, 8193, GFP_KERNEL, NULL);
	check_kmalloc(mem, 100, GFP_KERNEL_ACCOUNT, "kmalloc-cg-128");
	check_kmalloc(mem, 100, GFP_KERNEL | __GFP_RECLAIMABLE, "kmalloc-rcl-128");
	check_kmalloc(mem, 100, GFP_KERNEL | GFP_DMA, "dma-kmalloc-128");
	small = kmalloc(mem, 100, GFP_KERNEL);
	assert_int_equal(ksize(mem, small), 128);
	assert_int_equal(small & 127, 0);
	assert_int_equal(stats_of(cache_of(mem, "kmalloc-128")).requested_bytes, 100);
	large = kmalloc(mem, 9000, GFP_KERNEL);
	assert_int_equal(ksize(mem, large), 16384);
	assert_int_equal(mem->slab->large_pages, 4);
	assert_int_equal(slab_pages(mem, 0), 5);
	kfree(mem, small);
	kfree(mem, large);
	kfree(mem, 0);
	assert_int_equal(mem->slab->large_pages, 0);
	assert_int_equal(mem->slab->large_requested_bytes, 0);
	assert_true(!kmalloc(mem, 0, GFP_KERNEL));
	assert_true(!kmalloc(mem, 1ull << 40, GFP_KERNEL));
	finish(mem);
}

static void test_kmalloc_slab(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLAB);
	kaddr_t o;

	(void)state;
	check_kmalloc(mem, 1, GFP_KERNEL, "size-32");
	check_kmalloc(mem, 65, GFP_KERNEL_ACCOUNT, "size-128");
	check_kmalloc(mem, 150, GFP_KERNEL | __GFP_RECLAIMABLE, "size-192");
	check_kmalloc(mem, 3000, GFP_KERNEL | GFP_DMA, "size-4096(DMA)");
	check_kmalloc(mem, 131073, GFP_KERNEL, NULL);
	o = kmalloc(mem, 3000, GFP_KERNEL | GFP_DMA);
	assert_true(kaddr_to_pfn(mem, o) < 4096);
	kfree(mem, o);
	finish(mem);
}

static unsigned nr_constructed;

static void construct(struct kmem_cache *cache, kaddr_t object)
{
	assert_true(object);
	assert_non_null(kmem_cache_memory(cache));
	nr_constructed++;
}

static void test_ctor(void **state)
{
	(void)state;
	for (unsigned policy = SLAB_POLICY_SLUB; policy <= SLAB_POLICY_NULL; policy++) {
		struct memory *mem = machine_64(policy);
		struct kmem_cache *cache = kmem_cache_create(mem, "c", 500, 0, 0, construct);
		struct kmem_cache_stats s;
		kaddr_t o;

		nr_constructed = 0;
		for (unsigned i = 0; i < 3; i++) {
			o = kmem_cache_alloc(cache, GFP_KERNEL);
			if (i < 2)
				kmem_cache_free(cache, o);
		}
		s = stats_of(cache);
		assert_int_equal(s.ctor_runs, nr_constructed);
		assert_int_equal(s.ctor_runs, s.slabs_created * s.objperslab);
		assert_int_equal(s.reinits, 2);
		finish(mem);
	}
}

static struct memory *culprit;
static kaddr_t its_object;

static void free_twice(void)
{
	kfree(culprit, its_object);
	kfree(culprit, its_object);
}

static void free_nothing(void)
{
	kfree(culprit, pfn_to_kaddr(culprit, culprit->zero_pfn));
}

static void check_dies(void (*fn)(void))
{
	char text[1000];
	int status = run_in_child(fn, text, sizeof(text));

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "slab.c"));
}

static void test_misuse(void **state)
{
	(void)state;
	for (unsigned policy = SLAB_POLICY_SLUB; policy <= SLAB_POLICY_NULL; policy++) {
		culprit = machine_64(policy);
		its_object = kmalloc(culprit, 100, GFP_KERNEL);
		assert_true(kmalloc(culprit, 100, GFP_KERNEL));
		check_dies(free_twice);
		check_dies(free_nothing);
		memory_destroy(culprit);
	}
}

/* ---- the model's own objects ---- */

static uint64_t active(struct memory *mem, enum model_cache id)
{
	return stats_of(mem->kmem_caches[id]).active_objs;
}

static void test_model_objects(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	struct mm_struct *mm = mm_alloc(mem), *child;
	struct mmap_request req = {
		.len = 1 << 20, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
	int64_t addr = do_mmap(mm, &req);

	(void)state;
	assert_true(addr > 0);
	assert_int_equal(active(mem, MODEL_MM), 1);
	assert_int_equal(active(mem, MODEL_VMA), 1);
	assert_int_equal(active(mem, MODEL_ANON_VMA), 0);
	assert_true(anon_vma_prepare(first_vma(mm)));
	assert_int_equal(active(mem, MODEL_ANON_VMA), 1);
	assert_int_equal(active(mem, MODEL_ANON_VMA_CHAIN), 1);
	assert_int_equal(do_munmap(mm, (uint64_t)addr + 4096, 4096), 0);
	assert_int_equal(active(mem, MODEL_VMA), 2);
	assert_int_equal(active(mem, MODEL_ANON_VMA_CHAIN), 2);
	child = dup_mm(mm);
	assert_int_equal(active(mem, MODEL_VMA), 4);
	/* Each area of the child has an edge to the family and one to an anon_vma of its own. */
	assert_int_equal(active(mem, MODEL_ANON_VMA), 3);
	assert_int_equal(active(mem, MODEL_ANON_VMA_CHAIN), 6);
	mmput(child);
	mmput(mm);
	for (unsigned i = 0; i < NR_MODEL_CACHES; i++)
		assert_int_equal(active(mem, (enum model_cache)i), 0);
	finish(mem);
}

static void test_model_objects_off(void **state)
{
	struct mm_config conf;
	uint64_t bytes = 256 * MIB;
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .conf = &conf,
				   .nr_nodes = 1,
				   .node_bytes = &bytes,
				   .nr_cpus = 1};
	struct memory *mem;
	struct mm_struct *mm;

	(void)state;
	config_defaults(&mm_config_table, &conf);
	conf.slab_model_objects = 0;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	mm = mm_alloc(mem);
	assert_int_equal(mm->object, 0);
	mmput(mm);
	assert_int_equal(slab_pages(mem, 0), 0);
	finish(mem);
}

/* 64 slots a node; a page at index 0 alone needs none. */
static void test_tree_nodes(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	struct address_space *file = mapping_get(mem, 1);

	(void)state;
	assert_true(filemap_add_folio(mem, file, 0, 0) != PFN_NONE);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 0);
	assert_true(filemap_add_folio(mem, file, 1, 0) != PFN_NONE);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 1);
	assert_true(filemap_add_folio(mem, file, 64, 0) != PFN_NONE);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 3);
	/* 512 pages in one folio stand in eight slots of the upper node, without leaves. */
	assert_true(filemap_add_folio(mem, file, 512, 9) != PFN_NONE);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 3);
	assert_true(filemap_add_folio(mem, file, 4096, 0) != PFN_NONE);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 3 + 3);
	filemap_remove(mem, file, 512, 512);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 6);
	/* Nothing but index 0 and 1 is left: the tree is one node again. */
	filemap_remove(mem, file, 64, UINT64_MAX);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 1);
	filemap_remove(mem, file, 1, 1);
	assert_int_equal(active(mem, MODEL_RADIX_NODE), 0);
	mapping_put(mem, file);
	mapping_finish_all(mem);
	finish(mem);
}

static void test_inodes(void **state)
{
	struct memory *mem = machine_64(SLAB_POLICY_SLUB);
	struct address_space *files[400];
	uint64_t pages;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		files[i] = mapping_get(mem, i + 1);
		mapping_make_inode(mem, files[i]);
	}
	assert_int_equal(active(mem, MODEL_INODE), 400);
	assert_int_equal(active(mem, MODEL_DENTRY), 400);
	/* All in use: none may go. */
	assert_int_equal(inodes_count(mem, 0), 0);
	assert_true(filemap_add_folio(mem, files[399], 0, 0) != PFN_NONE);
	for (unsigned i = 0; i < 400; i++)
		mapping_put(mem, files[i]);
	pages = slab_pages(mem, 0);
	assert_true(inodes_scan(mem, -1, 1000) > 0);
	assert_true(slab_pages(mem, 0) < pages);
	assert_int_equal(active(mem, MODEL_INODE), 1);
	/* It is read in again. */
	files[3] = mapping_get(mem, 4);
	assert_int_equal(active(mem, MODEL_INODE), 2);
	mapping_put(mem, files[3]);
	mapping_finish_all(mem);
	assert_int_equal(active(mem, MODEL_DENTRY), 0);
	finish(mem);
}

/* Without memory, system calls fail as the kernel's do. */
static void test_no_memory(void **state)
{
	struct memory *mem = machine(SLAB_POLICY_NULL, 1, 1, 64 * MIB, "x86-64");
	struct mm_struct *mm = mm_alloc(mem);
	struct mmap_request req = {
		.len = 1 << 20, .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE | MAP_ANONYMOUS};
	size_t max = 64 * MIB >> 12;
	pfn_t *pfns = calloc(max, sizeof(*pfns));
	uint64_t nr, committed;
	int64_t addr;

	(void)state;
	req.apart = true;
	nr = exhaust(mem, GFP_KERNEL, pfns, max);
	committed = mem->vm_committed_as;
	assert_true(nr > 1000);
	/* The slab of the first area is not to be had. */
	assert_int_equal(do_mmap(mm, &req), -ENOMEM);
	assert_int_equal(mem->vm_committed_as, committed);
	assert_null(mm_alloc(mem));
	free_pages_pfn(mem, pfns[--nr], 0);
	addr = do_mmap(mm, &req);
	assert_true(addr > 0);
	assert_false(anon_vma_prepare(first_vma(mm)));
	assert_null(dup_mm(mm));
	while (nr)
		free_pages_pfn(mem, pfns[--nr], 0);
	assert_true(anon_vma_prepare(first_vma(mm)));
	mmput(mm);
	free(pfns);
	finish(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slub_layout),   cmocka_unit_test(test_slub_order),
		cmocka_unit_test(test_largest),	      cmocka_unit_test(test_slub_cpu_lists),
		cmocka_unit_test(test_slub_min_partial),
		cmocka_unit_test(test_slub_nodes),    cmocka_unit_test(test_slub_fallback),
		cmocka_unit_test(test_slab_layout),   cmocka_unit_test(test_slab_colour),
		cmocka_unit_test(test_slab_off_slab), cmocka_unit_test(test_slab_arrays),
		cmocka_unit_test(test_slab_reap),     cmocka_unit_test(test_slab_alien),
		cmocka_unit_test(test_slab_pressure), cmocka_unit_test(test_null),
		cmocka_unit_test(test_kmalloc),	      cmocka_unit_test(test_kmalloc_slab),
		cmocka_unit_test(test_ctor),	      cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_model_objects), cmocka_unit_test(test_model_objects_off),
		cmocka_unit_test(test_tree_nodes),    cmocka_unit_test(test_inodes),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
