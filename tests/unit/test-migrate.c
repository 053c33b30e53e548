/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Folios move from node 0 to node 1 with everything that belongs to them, or stay as they were. */
#include "support/test.h"

#include <sys/mman.h>

#include "machine/profile.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/migrate.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/mmu.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/zap.h"

#define PAGE 4096ull
#define MIB (1ull << 20)
#define BASE 0x10000000ull
#define THP_ALWAYS 2

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct machine_profile *profile;
};

static struct world world_new(void)
{
	static const uint64_t bytes[] = {256 * MIB, 256 * MIB};
	struct memory_desc desc = {.nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 2};
	struct tlb_config conf;
	struct world w = {0};

	assert_int_equal(profile_load("test", &w.profile, NULL), 0);
	desc.geo = &w.profile->geometry;
	assert_int_equal(memory_create(&desc, &w.mem, NULL), 0);
	config_defaults(&tlb_config_table, &conf);
	w.mem->tlb = tlb_create(desc.geo, &w.profile->tlb, &conf, 2, 2);
	w.mem->conf.thp_enabled = THP_ALWAYS;
	lru_enable(w.mem);
	w.mm = mm_alloc(w.mem);
	w.task = task_alloc(w.mem, 1);
	w.task->mm = w.mm;
	w.mem->current = w.task;
	return w;
}

static void check(const struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	assert_true(lru_consistent(w->mem));
	assert_true(tlb_consistent(w->mem->tlb));
}

static uint64_t node_sum(const struct memory *mem, enum node_stat_item item)
{
	return mem->nodes[0]->vm_stat[item] + mem->nodes[1]->vm_stat[item];
}

static void world_end(struct world *w)
{
	struct tlb_system *tlb = w->mem->tlb;

	check(w);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	for (int lru = 0; lru < NR_LRU_LISTS; lru++)
		assert_int_equal(node_sum(w->mem, NR_INACTIVE_ANON + lru), 0);
	assert_int_equal(node_sum(w->mem, NR_ANON_MAPPED), 0);
	assert_int_equal(node_sum(w->mem, NR_FILE_PAGES), 0);
	check(w);
	memory_destroy(w->mem);
	tlb_destroy(tlb);
	profile_free(w->profile);
}

static void map_at(struct world *w, uint64_t addr, uint64_t len, uint64_t flags, struct address_space *mapping)
{
	struct mmap_request req = {.addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE,
				   .flags = flags | MAP_FIXED, .mapping = mapping};

	assert_int_equal(do_mmap(w->mm, &req), addr);
}

static void touch(struct world *w, uint64_t addr, enum access_kind kind)
{
	assert_int_equal(mmu_access(w->mem, addr, kind, 1, true), ACCESS_OK);
}

static pte_t entry(struct mm_struct *mm, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;

	return *pgtable_walk(mm, addr, &level, &table);
}

static unsigned node_at(const struct world *w, uint64_t addr)
{
	return pfn_to_node(w->mem, pte_pfn(entry(w->mm, addr)))->node_id;
}

static pfn_t frames(const struct world *w, unsigned order)
{
	pfn_t pfn = alloc_pages(w->mem, GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | (order ? __GFP_COMP : 0), order, 1);

	assert_int_not_equal(pfn, PFN_NONE);
	return pfn;
}

/* Moves the folio behind addr to node 1. */
static bool move(const struct world *w, uint64_t addr)
{
	pfn_t src = folio_pfn(w->mem, pte_pfn(entry(w->mm, addr)));
	pfn_t dst = frames(w, page_order(pfn_to_page(w->mem, src)));
	bool moved = migrate_folio(w->mem, src, dst, MR_SYSCALL);

	if (!moved)
		put_page(w->mem, dst);
	return moved;
}

static void an_anonymous_page_keeps_its_bits(void **state)
{
	static const uint64_t bits = PTE_ACCESSED | PTE_DIRTY | PTE_WRITE | PTE_USER | PTE_NX | PTE_PRESENT;
	struct world w = world_new();
	pfn_t src;
	pte_t old;

	(void)state;
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	for (int i = 0; i < 4; i++) {
		struct pgtable *table = pgtable_lookup(w.mm, BASE, 0);
		unsigned index = pte_index(w.mem->geo, table, BASE);

		table->ent[index].pte &= ~(PTE_ACCESSED | PTE_DIRTY | PTE_WRITE);
		table->ent[index].pte |= (i & 1 ? PTE_ACCESSED : 0) | (i & 2 ? PTE_DIRTY | PTE_WRITE : 0);
		old = table->ent[index];
		src = pte_pfn(old);
		assert_true(move(&w, BASE));
		assert_int_equal(entry(w.mm, BASE).pte & bits, old.pte & bits);
		assert_int_not_equal(pte_pfn(entry(w.mm, BASE)), src);
		assert_int_equal(pfn_to_page(w.mem, src)->_refcount, 0);
	}
	src = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(pfn_to_page(w.mem, src)->_refcount, 1);
	assert_true(pfn_to_page(w.mem, src)->flags & PG_ANON_EXCLUSIVE);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 0);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_ANON_MAPPED], 1);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_INACTIVE_ANON], 1);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 4);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_FAIL], 0);
	world_end(&w);
}

static void a_hint_and_a_list_place_are_not_and_are_kept(void **state)
{
	struct world w = world_new();
	struct pgtable *table;
	unsigned index;
	pfn_t pfn;

	(void)state;
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	table = pgtable_lookup(w.mm, BASE, 0);
	index = pte_index(w.mem->geo, table, BASE);
	table->ent[index].pte = (table->ent[index].pte & ~(PTE_PRESENT | PTE_WRITE)) | PTE_PROTNONE;
	folio_activate(w.mem, pte_pfn(table->ent[index]));
	assert_true(move(&w, BASE));
	pfn = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(entry(w.mm, BASE).pte & (PTE_PRESENT | PTE_PROTNONE), PTE_PRESENT);
	assert_true(pfn_to_page(w.mem, pfn)->flags & PG_ACTIVE);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_ACTIVE_ANON], 1);
	assert_int_equal(w.mem->vm_event[PGACTIVATE], 1);
	world_end(&w);
}

static void no_tlb_keeps_the_old_frame(void **state)
{
	struct world w = world_new();
	uint64_t matrix[4] = {0};

	(void)state;
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		w.mem->cpu = cpu;
		touch(&w, BASE, ACCESS_WRITE);
	}
	w.mem->cpu = 0;
	assert_true(move(&w, BASE));
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		w.mem->cpu = cpu;
		touch(&w, BASE, ACCESS_WRITE);
		touch(&w, BASE, ACCESS_WRITE);
	}
	tlb_access_matrix(w.mem->tlb, w.mem->cpu_node, matrix);
	/* one touch of each CPU before, on node 0; two after, on node 1 */
	assert_int_equal(matrix[0], 1);
	assert_int_equal(matrix[1], 2);
	assert_int_equal(matrix[2], 1);
	assert_int_equal(matrix[3], 2);
	assert_int_equal(w.mem->vm_event[NR_TLB_REMOTE_FLUSH], 1);
	w.mem->cpu = 0;
	world_end(&w);
}

static void every_process_sees_the_new_frame(void **state)
{
	struct world w = world_new();
	struct mm_struct *child;
	pfn_t pfn;

	(void)state;
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	child = dup_mm(w.mm);
	assert_true(move(&w, BASE));
	pfn = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(pte_pfn(entry(child, BASE)), pfn);
	assert_int_equal(pfn_to_page(w.mem, pfn)->_refcount, 2);
	assert_int_equal(page_mapcount(w.mem, pfn), 2);
	assert_false(pte_write(entry(w.mm, BASE)));
	check(&w);
	mmput(child);
	touch(&w, BASE, ACCESS_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_REUSE], 1);
	assert_int_equal(pte_pfn(entry(w.mm, BASE)), pfn);
	world_end(&w);
}

static void a_file_page_takes_its_slot_along(void **state)
{
	struct world w = world_new();
	struct address_space *file = mapping_get(w.mem, 7);
	pfn_t pfn, src;

	(void)state;
	file->size_bytes = 64 * PAGE;
	assert_true(filemap_populate(w.mem, file, 0, 64, 3));
	map_at(&w, BASE, 64 * PAGE, MAP_SHARED, file);
	touch(&w, BASE + 9 * PAGE, ACCESS_WRITE);
	src = pte_pfn(entry(w.mm, BASE + 9 * PAGE));
	assert_true(move(&w, BASE + 9 * PAGE));
	pfn = pte_pfn(entry(w.mm, BASE + 9 * PAGE));
	assert_int_not_equal(pfn, src);
	for (uint64_t i = 8; i < 16; i++)
		assert_int_equal(filemap_find(file, i), pfn - 1 + (i - 8));
	assert_true(pfn_to_page(w.mem, pfn - 1)->flags & PG_DIRTY);
	assert_int_equal(pfn_to_page(w.mem, pfn - 1)->index, 8);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_FILE_PAGES], 8);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_FILE_PAGES], 56);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_INACTIVE_FILE], 8);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 8);
	assert_int_equal(w.mem->vm_event[THP_MIGRATION_SUCCESS], 0);
	mapping_put(w.mem, file);
	world_end(&w);
}

static void shmem_moves_with_its_counts(void **state)
{
	struct world w = world_new();

	(void)state;
	map_at(&w, BASE, MIB, MAP_SHARED | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	assert_true(move(&w, BASE));
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_SHMEM], 0);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_SHMEM], 1);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_FILE_MAPPED], 1);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_INACTIVE_ANON], 1);
	world_end(&w);
}

static void a_huge_page_moves_whole(void **state)
{
	struct world w = world_new();
	unsigned level;
	struct pgtable *table;
	struct mm_struct *child;

	(void)state;
	map_at(&w, BASE, 4 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE + 5 * PAGE, ACCESS_WRITE);
	assert_int_equal(w.mem->vm_event[THP_FAULT_ALLOC], 1);
	/* a child that has it in base entries, but for one that it gave back */
	child = dup_mm(w.mm);
	assert_int_equal(do_madvise(child, BASE + 3 * PAGE, PAGE, MADV_DONTNEED), 0);
	assert_true(move(&w, BASE));
	(void)pgtable_walk(w.mm, BASE, &level, &table);
	assert_int_equal(level, HPAGE_LEVEL);
	for (uint64_t i = 0; i < 512; i++)
		if (i != 3)
			assert_int_equal(pte_pfn(entry(child, BASE + i * PAGE)), pte_pfn(entry(w.mm, BASE)) + i);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_ANON_THPS], 0);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_ANON_THPS], 1);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_ANON_MAPPED], 512);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 512);
	assert_int_equal(w.mem->vm_event[THP_MIGRATION_SUCCESS], 1);
	check(&w);
	mmput(child);
	world_end(&w);
}

static pfn_t base_frames_only(struct memory *mem, pfn_t src, void *ctx)
{
	unsigned *left = ctx;

	if (page_order(pfn_to_page(mem, src)) || !*left)
		return PFN_NONE;
	--*left;
	return alloc_pages(mem, GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0, 1);
}

static void a_huge_page_without_a_frame_is_split(void **state)
{
	struct world w = world_new();
	unsigned left = 100;
	pfn_t src;

	(void)state;
	map_at(&w, BASE, 4 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	src = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(migrate_pages(w.mem, &src, 1, base_frames_only, &left, MR_NUMA_MISPLACED), 0);
	assert_int_equal(w.mem->vm_event[THP_MIGRATION_FAIL], 1);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_FAIL], 512);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PAGE], 0);

	assert_int_equal(migrate_pages(w.mem, &src, 1, base_frames_only, &left, MR_DEMOTION), 100);
	assert_int_equal(w.mem->vm_event[THP_MIGRATION_FAIL], 2);
	assert_int_equal(w.mem->vm_event[THP_MIGRATION_SPLIT], 1);
	assert_int_equal(w.mem->vm_event[THP_SPLIT_PAGE], 1);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 100);
	assert_int_equal(w.mem->nodes[1]->vm_stat[NR_ANON_MAPPED], 100);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_ANON_MAPPED], 412);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_INACTIVE_ANON], 412);
	assert_int_equal(node_at(&w, BASE), 1);
	assert_int_equal(node_at(&w, BASE + 100 * PAGE), 0);
	/* each page is its own now: one can go without the others */
	assert_int_equal(do_munmap(w.mm, BASE, 200 * PAGE), 0);
	assert_int_equal(node_sum(w.mem, NR_ANON_MAPPED), 312);
	world_end(&w);
}

static void a_split_frees_what_nobody_maps(void **state)
{
	struct world w = world_new();
	uint64_t freed;
	pfn_t src;

	(void)state;
	map_at(&w, BASE, 2 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, ACCESS_WRITE);
	src = pte_pfn(entry(w.mm, BASE));
	assert_int_equal(do_madvise(w.mm, BASE, MIB, MADV_DONTNEED), 0);
	freed = w.mem->vm_event[PGFREE];
	get_page(w.mem, src);
	assert_false(split_folio(w.mem, src));
	put_page(w.mem, src);
	assert_true(split_folio(w.mem, src));
	assert_int_equal(w.mem->vm_event[PGFREE] - freed, 256);
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_INACTIVE_ANON], 256);
	world_end(&w);
}

static void what_cannot_move_stays(void **state)
{
	struct world w = world_new();
	struct page *page;
	pfn_t src;

	(void)state;
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE + PAGE, ACCESS_READ);
	assert_false(folio_movable(w.mem, w.mem->zero_pfn));
	assert_false(folio_movable(w.mem, w.mm->pgd->pfn));
	touch(&w, BASE, ACCESS_WRITE);
	src = pte_pfn(entry(w.mm, BASE));
	page = pfn_to_page(w.mem, src);
	get_page(w.mem, src);
	assert_false(move(&w, BASE));
	put_page(w.mem, src);
	page->flags |= PG_WRITEBACK;
	assert_false(move(&w, BASE));
	page->flags &= ~PG_WRITEBACK;
	assert_int_equal(pte_pfn(entry(w.mm, BASE)), src);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_FAIL], 2);
	assert_int_equal(w.mem->vm_event[PGMIGRATE_SUCCESS], 0);
	assert_true(folio_movable(w.mem, src));
	world_end(&w);
}

struct owner {
	pfn_t pfn;
	bool busy;
	unsigned isolated, putback;
};

static bool owner_isolate(struct memory *mem, pfn_t pfn, void *ctx)
{
	struct owner *o = ctx;

	(void)mem;
	assert_int_equal(pfn, o->pfn);
	o->isolated++;
	return true;
}

static bool owner_migrate(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct owner *o = ctx;

	(void)mem;
	assert_int_equal(src, o->pfn);
	if (!o->busy)
		o->pfn = dst;
	return !o->busy;
}

static void owner_putback(struct memory *mem, pfn_t pfn, void *ctx)
{
	struct owner *o = ctx;

	(void)mem;
	assert_int_equal(pfn, o->pfn);
	o->putback++;
}

static void kernel_pages_move_when_their_owner_can(void **state)
{
	struct world w = world_new();
	struct owner o = {.busy = true};
	struct movable_operations ops = {owner_isolate, owner_migrate, owner_putback, &o};
	pfn_t dst = frames(&w, 0);

	(void)state;
	o.pfn = alloc_pages(w.mem, GFP_HIGHUSER_MOVABLE, 0, 0);
	assert_false(folio_movable(w.mem, o.pfn));
	pfn_to_page(w.mem, o.pfn)->flags |= PG_KERNEL | PG_MOVABLE_OPS;
	pfn_to_page(w.mem, o.pfn)->mapping = mapping_handle_alloc(w.mem, &ops);
	pfn_to_page(w.mem, o.pfn)->index = 77;
	assert_true(folio_movable(w.mem, o.pfn));
	assert_false(migrate_folio(w.mem, o.pfn, dst, MR_CONTIG_RANGE));
	assert_int_equal(o.putback, 1);
	assert_false(pfn_to_page(w.mem, dst)->flags & PG_MOVABLE_OPS);
	o.busy = false;
	assert_true(migrate_folio(w.mem, o.pfn, dst, MR_CONTIG_RANGE));
	assert_int_equal(o.pfn, dst);
	assert_int_equal(o.isolated, 2);
	assert_int_equal(pfn_to_page(w.mem, dst)->index, 77);
	assert_true(folio_movable(w.mem, dst));
	put_page(w.mem, dst);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_anonymous_page_keeps_its_bits),
		cmocka_unit_test(a_hint_and_a_list_place_are_not_and_are_kept),
		cmocka_unit_test(no_tlb_keeps_the_old_frame),
		cmocka_unit_test(every_process_sees_the_new_frame),
		cmocka_unit_test(a_file_page_takes_its_slot_along),
		cmocka_unit_test(shmem_moves_with_its_counts),
		cmocka_unit_test(a_huge_page_moves_whole),
		cmocka_unit_test(a_huge_page_without_a_frame_is_split),
		cmocka_unit_test(a_split_frees_what_nobody_maps),
		cmocka_unit_test(what_cannot_move_stays),
		cmocka_unit_test(kernel_pages_move_when_their_owner_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
