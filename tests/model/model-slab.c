/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Caches of every policy against a list of live objects and a bitmap of the words that they cover.
 * No two objects overlap, each lies in pages of its cache, counts agree, and when all is freed and
 * shrunk every page is back. Then address spaces of a machine that runs out of memory all the time:
 * every failure must leave them whole.
 */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/bitmap.h"
#include "base/rng.h"
#include "mm/anon_vma.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vma.h"

#define MAX_LIVE 60000
#define NR_CACHES 8
#define NODE_BYTES (48ull << 20)
#define NR_CPUS 5

struct live {
	kaddr_t object;
	uint32_t size;
	int32_t cache;	/* -1: kmalloc */
};

struct model {
	struct memory *mem;
	struct rng rng;
	struct kmem_cache *caches[NR_CACHES];
	uint64_t nr_of[NR_CACHES], asked, nr_kmalloc;
	uint64_t *words;	/* bit per 8 bytes of the machine */
	uint64_t base, nr_words;
	struct live live[MAX_LIVE];
	size_t nr_live;
	uint64_t nr_failed, nr_large, nr_remote;
	uint64_t constructed;
	uint64_t nr_free_at_start;
};

static const struct {
	const char *name;
	unsigned size, align, flags;
	bool has_ctor;
} cache_rows[NR_CACHES] = {
	{"tiny", 8, 0, 0, false},
	{"odd", 52, 0, SLAB_RECLAIM_ACCOUNT, true},
	{"line", 192, 0, SLAB_HWCACHE_ALIGN, false},
	{"rcu", 520, 0, SLAB_TYPESAFE_BY_RCU, true},
	{"big", 2100, 64, 0, false},
	{"page", 4096, 4096, 0, false},
	{"huge", 9000, 0, SLAB_ACCOUNT, false},
	{"dma", 100, 0, SLAB_CACHE_DMA, false},
};

static uint64_t *constructed_count;	/* a constructor has no context of ours */

static void construct(struct kmem_cache *cache, kaddr_t object)
{
	assert_non_null(cache);
	assert_true(object);
	(*constructed_count)++;
}

static uint64_t free_pages_total(struct memory *mem)
{
	uint64_t nr = 0;

	drain_all_pages(mem);
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			nr += mem->nodes[n]->node_zones[t].vm_stat[NR_FREE_PAGES];
	return nr;
}

static struct memory *machine(unsigned policy, unsigned nr_nodes)
{
	static const uint64_t bytes[] = {NODE_BYTES, NODE_BYTES, NODE_BYTES};
	struct mm_config conf;
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .conf = &conf,
				   .nr_nodes = nr_nodes,
				   .node_bytes = bytes,
				   .nr_cpus = NR_CPUS};
	struct memory *mem;

	config_defaults(&mm_config_table, &conf);
	conf.slab_policy = policy;
	conf.slab_model_objects = 0;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

static void model_init(struct model *m, unsigned policy, unsigned nr_nodes)
{
	memset(m, 0, sizeof(*m));
	m->mem = machine(policy, nr_nodes);
	rng_seed(&m->rng, test_seed() + policy);
	constructed_count = &m->constructed;
	m->nr_free_at_start = free_pages_total(m->mem);
	for (unsigned i = 0; i < NR_CACHES; i++)
		m->caches[i] = kmem_cache_create(m->mem, cache_rows[i].name, cache_rows[i].size,
						 cache_rows[i].align, cache_rows[i].flags,
						 cache_rows[i].has_ctor ? construct : NULL);
	m->base = m->mem->geo->page_offset;
	m->nr_words = (uint64_t)m->mem->max_pfn << 9;
	m->words = calloc(BITMAP_WORDS(m->nr_words), sizeof(uint64_t));
}

/* Marks or clears the words of an object; all must have been the other way round. */
static void cover(struct model *m, kaddr_t object, uint64_t size, bool set)
{
	uint64_t first = (object - m->base) >> 3, last = (object - m->base + size - 1) >> 3;

	assert_true(object >= m->base && last < m->nr_words);
	for (uint64_t w = first; w <= last; w++) {
		assert_true(bitmap_test(m->words, w) != set);
		if (set)
			bitmap_set(m->words, w);
		else
			bitmap_clear(m->words, w);
	}
}

static void check_place(const struct model *m, const struct live *l)
{
	pfn_t first = kaddr_to_pfn(m->mem, l->object),
	      last = kaddr_to_pfn(m->mem, l->object + l->size - 1);

	assert_int_equal(folio_pfn(m->mem, first), folio_pfn(m->mem, last));
	assert_true(ksize(m->mem, l->object) >= l->size);
	if (l->cache < 0)
		return;
	assert_int_equal(l->object & (cache_rows[l->cache].align ? cache_rows[l->cache].align - 1 : 7),
			 0);
	if (cache_rows[l->cache].flags & SLAB_HWCACHE_ALIGN)
		assert_int_equal(l->object & 63, 0);
	if (cache_rows[l->cache].flags & SLAB_CACHE_DMA)
		assert_true(first < 4096);
}

static uint64_t random_size(struct model *m)
{
	unsigned bits = (unsigned)rng_below(&m->rng, rng_below(&m->rng, 16) ? 11 : 19);

	return 1 + rng_below(&m->rng, 1ull << bits);
}

static void op_alloc(struct model *m)
{
	struct live *l = &m->live[m->nr_live];
	int nid = rng_below(&m->rng, 4) ? NUMA_NO_NODE
					: (int)rng_below(&m->rng, m->mem->nr_nodes);
	gfp_t gfp = rng_below(&m->rng, 3) ? GFP_KERNEL : GFP_KERNEL_ACCOUNT;

	if (m->nr_live == MAX_LIVE)
		return;
	if (!rng_below(&m->rng, 20))
		gfp |= __GFP_THISNODE;
	if (rng_below(&m->rng, 3)) {
		l->cache = (int32_t)rng_below(&m->rng, NR_CACHES);
		l->size = cache_rows[l->cache].size;
		l->object = kmem_cache_alloc_node(m->caches[l->cache], gfp, nid);
	} else {
		l->cache = -1;
		l->size = (uint32_t)random_size(m);
		l->object = kmalloc_node(m->mem, l->size, gfp, nid);
	}
	if (!l->object) {
		m->nr_failed++;
		return;
	}
	if (nid != NUMA_NO_NODE && gfp & __GFP_THISNODE)
		assert_int_equal(pfn_to_node(m->mem, kaddr_to_pfn(m->mem, l->object))->node_id,
				 nid);
	check_place(m, l);
	cover(m, l->object, l->size, true);
	if (l->cache >= 0) {
		m->nr_of[l->cache]++;
	} else {
		m->asked += l->size;
		m->nr_kmalloc++;
		m->nr_large += !kmalloc_cache(m->mem, l->size, gfp);
	}
	m->nr_live++;
}

static void free_at(struct model *m, size_t i)
{
	struct live l = m->live[i];

	cover(m, l.object, l.size, false);
	if (l.cache >= 0 && rng_below(&m->rng, 8))
		kmem_cache_free(m->caches[l.cache], l.object);
	else
		kfree(m->mem, l.object);
	if (l.cache >= 0) {
		m->nr_of[l.cache]--;
	} else {
		m->asked -= l.size;
		m->nr_kmalloc--;
	}
	m->live[i] = m->live[--m->nr_live];
}

static void op_free(struct model *m)
{
	if (m->nr_live)
		free_at(m, (size_t)rng_below(&m->rng, m->nr_live));
}

static void check_counts(struct model *m)
{
	struct strbuf why = {0};
	struct kmem_cache_stats s;
	uint64_t asked = m->mem->slab->large_requested_bytes;

	if (!slab_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned i = 0; i < NR_CACHES; i++) {
		kmem_cache_stats(m->caches[i], &s);
		assert_int_equal(s.active_objs, m->nr_of[i]);
		assert_true(s.num_objs >= s.active_objs + s.cpu_objs);
		assert_true(s.slabinfo_active_objs >= s.active_objs);
		assert_true(s.slabinfo_active_objs <= s.num_objs);
	}
	for_each_kmem_cache(cache, m->mem) {
		bool is_ours = false;

		for (unsigned i = 0; i < NR_CACHES; i++)
			is_ours |= cache == m->caches[i];
		kmem_cache_stats(cache, &s);
		if (!is_ours)
			asked += s.requested_bytes;
		assert_true(s.active_slabs <= s.num_slabs);
	}
	/* off-slab management of the policy slab comes from the same caches */
	assert_true(asked >= m->asked);
	if (m->mem->conf.slab_policy != SLAB_POLICY_SLAB)
		assert_int_equal(asked, m->asked);
}

static void op_other(struct model *m)
{
	switch (rng_below(&m->rng, 4)) {
	case 0:
		(void)kmem_cache_shrink(m->caches[rng_below(&m->rng, NR_CACHES)]);
		break;
	case 1:
		m->mem->now_ns += 2000000000;
		slab_reap_periodic(m->mem);
		break;
	case 2:
		(void)slab_reap_pressure(m->mem, (int)rng_below(&m->rng, m->mem->nr_nodes + 1) - 1);
		break;
	default:
		check_counts(m);
	}
}

static void empty(struct model *m)
{
	struct strbuf why = {0};

	while (m->nr_live)
		op_free(m);
	check_counts(m);
	for (unsigned round = 0; round < 2; round++)	/* management objects come free in the first */
		for_each_kmem_cache(cache, m->mem)
			(void)kmem_cache_shrink(cache);
	for_each_kmem_cache(cache, m->mem) {
		struct kmem_cache_stats s;

		kmem_cache_stats(cache, &s);
		assert_int_equal(s.active_objs, 0);
		assert_int_equal(s.num_slabs, 0);
		assert_int_equal(s.slabs_created, s.slabs_destroyed);
		assert_int_equal(s.requested_bytes, 0);
	}
	assert_int_equal(bitmap_count(m->words, m->nr_words), 0);
	assert_int_equal(free_pages_total(m->mem), m->nr_free_at_start);
	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void run(unsigned policy, unsigned nr_nodes, uint64_t ops)
{
	struct model *m = malloc(sizeof(*m));
	struct kmem_cache_stats s;
	unsigned bias = 20;

	model_init(m, policy, nr_nodes);
	for (uint64_t i = 0; i < ops; i++) {
		if (i % 50000 == 0)
			bias = bias == 90 ? 20 : 90;
		if (rng_below(&m->rng, 16) == 0)
			m->mem->cpu = (unsigned)rng_below(&m->rng, NR_CPUS);
		if (rng_below(&m->rng, 2000) == 0)
			op_other(m);
		else if (rng_below(&m->rng, 100) < bias)
			op_alloc(m);
		else
			op_free(m);
	}
	printf("%s: %zu live, %llu failed, %llu large\n", slab_policy_name(m->mem), m->nr_live,
	       (unsigned long long)m->nr_failed, (unsigned long long)m->nr_large);
	assert_true(m->nr_failed && m->nr_large);
	empty(m);
	kmem_cache_stats(m->caches[1], &s);
	assert_true(s.ctor_runs > 0);
	assert_int_equal(s.reinits, s.frees);
	kmem_cache_stats(m->caches[3], &s);
	assert_true(m->constructed > s.ctor_runs);
	for (unsigned i = 0; i < NR_CACHES; i++)
		kmem_cache_destroy(m->caches[i]);
	memory_destroy(m->mem);
	free(m->words);
	free(m);
}

static void test_slub(void **state)
{
	(void)state;
	run(SLAB_POLICY_SLUB, 1, test_ops(200000));
	run(SLAB_POLICY_SLUB, 3, test_ops(250000));
}

static void test_slab(void **state)
{
	(void)state;
	run(SLAB_POLICY_SLAB, 1, test_ops(200000));
	run(SLAB_POLICY_SLAB, 3, test_ops(250000));
}

static void test_null(void **state)
{
	(void)state;
	run(SLAB_POLICY_NULL, 2, test_ops(200000));
}

/* ---- objects of the model, when there is hardly any memory ---- */

#define NR_SPACES 4
#define AREA_BASE (1ull << 30)
#define AREA_PAGES 256u

struct starved {
	struct memory *mem;
	struct rng rng;
	struct mm_struct *mm[NR_SPACES];
	pfn_t hoard[20000];
	size_t nr_hoard;
	uint64_t nr_failed, nr_done;
};

/* A handful of pages is let go or taken back, so that some allocations fail and others do not. */
static void flicker(struct starved *s)
{
	if (rng_below(&s->rng, 2)) {
		for (unsigned i = 0; i < 3 && s->nr_hoard; i++)
			free_pages_pfn(s->mem, s->hoard[--s->nr_hoard], 0);
		return;
	}
	while (s->nr_hoard < ARRAY_SIZE(s->hoard)) {
		pfn_t pfn = alloc_pages(s->mem, GFP_KERNEL, 0, NUMA_NO_NODE);

		if (pfn == PFN_NONE)
			return;
		s->hoard[s->nr_hoard++] = pfn;
	}
}

static uint64_t some_page(struct starved *s)
{
	return AREA_BASE + (rng_below(&s->rng, AREA_PAGES) << 12);
}

static int64_t op_space(struct starved *s, struct mm_struct *mm)
{
	uint64_t addr = some_page(s), len = (1 + rng_below(&s->rng, 16)) << 12;
	struct mmap_request req = {.addr = addr,
				   .len = len,
				   .prot = PROT_READ | PROT_WRITE,
				   .flags = MAP_ANONYMOUS | MAP_FIXED};
	struct vm_area_struct *vma;

	switch (rng_below(&s->rng, 7)) {
	case 0:
	case 1:
		req.flags |= rng_below(&s->rng, 6) ? MAP_PRIVATE : MAP_SHARED;
		return do_mmap(mm, &req);
	case 2:
		return do_munmap(mm, addr, len);
	case 3:
		return do_mprotect(mm, addr, len, rng_below(&s->rng, 2) ? PROT_READ : PROT_NONE);
	case 4:
		return do_mremap(mm, addr, len, len + 4096, MREMAP_MAYMOVE, 0);
	case 5:
		mm->start_brk = mm->brk = mm->brk ? mm->brk : AREA_BASE << 1;
		return do_brk(mm, mm->brk + 4096);
	default:
		vma = find_vma_intersection(mm, addr, addr + 1);
		return !vma || vma->vm_mapping || anon_vma_prepare(vma) ? 0 : -ENOMEM;
	}
}

static void op_spaces(struct starved *s)
{
	struct mm_struct **mm = &s->mm[rng_below(&s->rng, NR_SPACES)];
	struct mm_struct **other = &s->mm[rng_below(&s->rng, NR_SPACES)];
	bool ok;

	if (*mm && rng_below(&s->rng, 400) == 0) {
		mmput(*mm);
		*mm = NULL;
	}
	if (*mm)
		ok = op_space(s, *mm) != -ENOMEM;
	else
		ok = (*mm = *other && rng_below(&s->rng, 2) ? dup_mm(*other)
							    : mm_alloc(s->mem)) != NULL;
	s->nr_failed += !ok;
	s->nr_done += ok;
}

static void check_spaces(struct starved *s)
{
	struct strbuf why = {0};
	struct kmem_cache_stats stats;
	uint64_t areas = 0;

	for (unsigned i = 0; i < NR_SPACES; i++) {
		if (!s->mm[i])
			continue;
		assert_true(vma_consistent(s->mm[i]));
		areas += s->mm[i]->map_count;
	}
	kmem_cache_stats(s->mem->kmem_caches[MODEL_VMA], &stats);
	assert_int_equal(stats.active_objs, areas);
	if (!memory_consistent(s->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void test_starved(void **state)
{
	struct starved *s = calloc(1, sizeof(*s));
	struct mm_config conf;
	uint64_t bytes = 32ull << 20;
	struct memory_desc desc = {.geo = geometry_find("x86-64"),
				   .conf = &conf,
				   .nr_nodes = 1,
				   .node_bytes = &bytes,
				   .nr_cpus = 2};
	uint64_t ops = test_ops(150000);

	(void)state;
	config_defaults(&mm_config_table, &conf);
	conf.slab_policy = SLAB_POLICY_NULL;	/* no hoards: most allocations need a page */
	assert_int_equal(memory_create(&desc, &s->mem, NULL), 0);
	rng_seed(&s->rng, test_seed());
	for (uint64_t i = 0; i < ops; i++) {
		if (rng_below(&s->rng, 4) == 0)
			flicker(s);
		op_spaces(s);
		if (i % 2000 == 0)
			check_spaces(s);
	}
	printf("%llu done, %llu failed\n", (unsigned long long)s->nr_done,
	       (unsigned long long)s->nr_failed);
	assert_true(s->nr_failed > ops / 50 && s->nr_done > ops / 10);
	for (unsigned i = 0; i < NR_SPACES; i++) {
		if (s->mm[i])
			mmput(s->mm[i]);
		s->mm[i] = NULL;
	}
	check_spaces(s);
	for (unsigned i = 0; i < NR_MODEL_CACHES; i++) {
		struct kmem_cache_stats stats;

		kmem_cache_stats(s->mem->kmem_caches[i], &stats);
		assert_int_equal(stats.active_objs, 0);
	}
	memory_destroy(s->mem);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slub),
		cmocka_unit_test(test_slab),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_starved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
