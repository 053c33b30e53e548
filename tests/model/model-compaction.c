/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A small machine near its brim under random allocations and frees: pages that their owner can move, pages that never
 * move, huge pages for which memory is compacted, and a process whose memory moves under it. A table says who owns
 * each frame. Nobody ever gets a frame that another has; an owner is told of every move of his pages; what cannot move
 * stays; each page of the process stays the page of its address; no free page gets lost. kcompactd, proactive runs
 * and whole-zone compaction come in between.
 */
#include "support/test.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "mm/compaction.h"
#include "mm/fault.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/migrate.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

#define PAGE		4096ull
#define NR_PAGES	11000	/* movable ones, at most */
#define NR_BLOCKS	600	/* unmovable ones and huge pages */
#define AREA		0x10000000ull
#define AREA_PAGES	2048ull

enum owner { NOBODY, MOVABLE, BLOCK };

struct model {
	struct memory *mem;
	uint8_t *owner;		/* by frame */
	pfn_t page[NR_PAGES];	/* movable ones by slot */
	size_t nr_pages;
	struct {
		pfn_t pfn;
		unsigned order;
	} block[NR_BLOCKS];
	size_t nr_blocks;
	struct movable_operations ops;
	uint32_t handle;
	uint64_t nr_moved, nr_refused, refuse_every, nr_huge, nr_no_huge;
	struct mm_struct *mm;
	struct task_struct *task;
};

static const struct pressure_ops pressure = {
	.try_to_compact_pages = try_to_compact_pages,
	.compaction_zonelist_suitable = compaction_zonelist_suitable,
};

static void set_owner(struct model *m, pfn_t pfn, uint64_t nr, enum owner from, enum owner to)
{
	for (uint64_t i = 0; i < nr; i++) {
		assert_int_equal(m->owner[pfn + i], from);
		m->owner[pfn + i] = (uint8_t)to;
	}
}

/* Now and then the owner refuses: the frame must go back to where it came from. */
static bool migrated(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct model *m = ctx;
	uint64_t slot = pfn_to_page(mem, dst)->index;

	assert_int_equal(m->page[slot], src);
	if ((m->nr_moved + m->nr_refused) % m->refuse_every == 0) {
		m->nr_refused++;
		return false;
	}
	set_owner(m, src, 1, MOVABLE, NOBODY);
	set_owner(m, dst, 1, NOBODY, MOVABLE);
	m->page[slot] = dst;
	m->nr_moved++;
	return true;
}

static void start(struct model *m, bool lru, bool large)
{
	uint64_t bytes = 64ull << 20;
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1,
				    .node_bytes = &bytes, .nr_cpus = 2 };
	struct mmap_request req = { .addr = AREA, .len = AREA_PAGES * PAGE, .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS };

	memset(m, 0, sizeof(*m));
	config_defaults(&mm_config_table, &conf);
	conf.compaction_proactiveness = 40;
	/* the process's folios: of 16, 32 and 64 KiB where there is room */
	for (unsigned i = 0; large && i < 3; i++)
		conf.thp_hugepages[i] = THP_SIZE_ALWAYS;
	conf.thp_defrag = THP_DEFRAG_ALWAYS;
	assert_int_equal(memory_create(&desc, &m->mem, NULL), 0);
	if (lru)
		lru_enable(m->mem);
	m->owner = calloc(m->mem->max_pfn, 1);
	m->refuse_every = 97;
	m->ops.migrate_page = migrated;
	m->ops.ctx = m;
	m->handle = mapping_handle_alloc(m->mem, &m->ops);
	m->task = task_alloc(m->mem, 1);
	m->mm = m->task->mm = mm_alloc(m->mem);
	m->mem->current = m->task;
	assert_int_equal(do_mmap(m->mm, &req), AREA);
	m->mem->pressure = &pressure;
}

static void finish(struct model *m)
{
	mmput(m->mm);
	m->task->mm = NULL;
	m->mem->current = NULL;
	task_free(m->mem, m->task);
	m->mem->pressure = NULL;
	compaction_destroy(m->mem);
	memory_destroy(m->mem);
	free(m->owner);
}

/* Every page of the process belongs to its address, and to no other owner. */
static void check_process(const struct model *m)
{
	const struct vm_area_struct *vma = vma_lookup(m->mm, AREA);
	uint64_t nr = 0;

	for (uint64_t i = 0; i < AREA_PAGES; i++) {
		struct pgtable *table;
		unsigned level;
		pte_t pte = *pgtable_walk(m->mm, AREA + i * PAGE, &level, &table);
		const struct page *page;
		pfn_t pfn;

		if (!pte_is_leaf(pte) || pte.pte & PTE_SPECIAL)
			continue;
		pfn = pte_pfn(pte) + (level ? (pfn_t)(i % 512) : 0);
		page = pfn_to_page(m->mem, pfn);
		assert_int_equal(m->owner[pfn], NOBODY);
		assert_int_equal(page->index, linear_page_index(vma, AREA + i * PAGE));
		assert_int_equal(page->mapping, vma->anon_vma->handle);
		assert_true(pfn_to_page(m->mem, folio_pfn(m->mem, pfn))->_refcount > 0);
		nr++;
	}
	assert_int_equal(nr, m->mm->rss_stat[MM_ANONPAGES]);
}

static void check(struct model *m)
{
	struct strbuf why = {0};

	if (!memory_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	check_process(m);
	for (size_t i = 0; i < m->nr_pages; i++) {
		assert_int_equal(m->owner[m->page[i]], MOVABLE);
		assert_int_equal(pfn_to_page(m->mem, m->page[i])->index, i);
	}
	for (size_t i = 0; i < m->nr_blocks; i++)
		assert_int_equal(pfn_to_page(m->mem, m->block[i].pfn)->_refcount, 1);
}

static void alloc_page(struct model *m)
{
	pfn_t pfn;

	if (m->nr_pages == NR_PAGES)
		return;
	pfn = alloc_pages(m->mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
	if (pfn == PFN_NONE)
		return;
	set_owner(m, pfn, 1, NOBODY, MOVABLE);
	pfn_to_page(m->mem, pfn)->flags |= PG_MOVABLE_OPS;
	pfn_to_page(m->mem, pfn)->mapping = m->handle;
	pfn_to_page(m->mem, pfn)->index = m->nr_pages;
	m->page[m->nr_pages++] = pfn;
}

static void free_page(struct model *m, struct rng *rng)
{
	size_t slot;

	if (!m->nr_pages)
		return;
	slot = (size_t)rng_below(rng, m->nr_pages);
	set_owner(m, m->page[slot], 1, MOVABLE, NOBODY);
	pfn_to_page(m->mem, m->page[slot])->mapping = 0;
	free_pages_pfn(m->mem, m->page[slot], 0);
	m->page[slot] = m->page[--m->nr_pages];
	if (slot < m->nr_pages)
		pfn_to_page(m->mem, m->page[slot])->index = slot;
}

static void alloc_block(struct model *m, unsigned order, gfp_t gfp)
{
	pfn_t pfn;

	if (m->nr_blocks == NR_BLOCKS)
		return;
	pfn = alloc_pages(m->mem, gfp, order, NUMA_NO_NODE);
	m->nr_huge += order == 9 && pfn != PFN_NONE;
	m->nr_no_huge += order == 9 && pfn == PFN_NONE;
	if (pfn == PFN_NONE)
		return;
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	set_owner(m, pfn, 1ull << order, NOBODY, BLOCK);
	m->block[m->nr_blocks].pfn = pfn;
	m->block[m->nr_blocks++].order = order;
}

static void free_block(struct model *m, struct rng *rng)
{
	size_t at;

	if (!m->nr_blocks)
		return;
	at = (size_t)rng_below(rng, m->nr_blocks);
	set_owner(m, m->block[at].pfn, 1ull << m->block[at].order, BLOCK, NOBODY);
	free_pages_pfn(m->mem, m->block[at].pfn, m->block[at].order);
	m->block[at] = m->block[--m->nr_blocks];
}

static void touch(struct model *m, struct rng *rng)
{
	uint64_t addr = AREA + rng_below(rng, AREA_PAGES) * PAGE;
	uint64_t len = (1 + rng_below(rng, 600)) * PAGE;

	if (rng_below(rng, 400))
		do_user_addr_fault(m->mem, addr, FAULT_FLAG_WRITE | FAULT_FLAG_USER);
	else if (addr + len <= AREA + AREA_PAGES * PAGE)
		assert_int_equal(do_madvise(m->mm, addr, len, MADV_DONTNEED), 0);
}

static void background(struct model *m, struct rng *rng)
{
	struct zone *zone = &m->mem->nodes[0]->node_zones[ZONE_DMA32];

	switch (rng_below(rng, 4)) {
	case 0:
		wakeup_kcompactd(m->mem, zone, 1 + (unsigned)rng_below(rng, 9), ZONE_NORMAL);
		kcompactd_run(m->mem);
		break;
	case 1:
		kcompactd_proactive(m->mem);
		break;
	case 2:
		reset_isolation_suitable(m->mem->nodes[0]);
		break;
	default:
		if (!rng_below(rng, 20))
			compact_nodes(m->mem);
	}
}

static void step(struct model *m, struct rng *rng, bool growing)
{
	uint64_t what = rng_below(rng, 1000);
	gfp_t thp = GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM;

	m->mem->cpu = (unsigned)rng_below(rng, 2);
	if (what < 2)
		background(m, rng);
	else if (what < 5)
		alloc_block(m, 9, rng_below(rng, 2) ? thp : thp | __GFP_NORETRY);
	else if (what < 80)
		alloc_block(m, (unsigned)rng_below(rng, 4), GFP_KERNEL);
	else if (what < 160)
		free_block(m, rng);
	else if (what < 400)
		touch(m, rng);
	else if (what < (growing ? 780 : 660))
		alloc_page(m);
	else
		free_page(m, rng);
}

static void run(bool lru, bool large, uint64_t ops, uint64_t seed)
{
	struct model *m = malloc(sizeof(*m));
	struct rng rng;

	rng_seed(&rng, seed);
	start(m, lru, large);
	for (uint64_t i = 0; i < ops; i++) {
		step(m, &rng, i / 60000 % 3 != 2);
		if (i % 20000 == 0)
			check(m);
	}
	check(m);
	printf("moved %llu, refused %llu; huge pages got %llu, not %llu\n", (unsigned long long)m->nr_moved,
	       (unsigned long long)m->nr_refused, (unsigned long long)m->nr_huge, (unsigned long long)m->nr_no_huge);
	assert_true(m->nr_moved > ops / 1000 && m->nr_refused && m->nr_huge && m->nr_no_huge);
	assert_int_equal(m->mem->vm_event[COMPACTSTALL],
			 m->mem->vm_event[COMPACTSUCCESS] + m->mem->vm_event[COMPACTFAIL]);
	finish(m);
	free(m);
}

static void test_model(void **state)
{
	uint64_t seed = test_seed(), ops = test_ops(4000000);

	(void)state;
	run(false, false, ops / 3, seed);
	run(true, false, ops / 3, seed + 1);
	run(true, true, ops / 3, seed + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
