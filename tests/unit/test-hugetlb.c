/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Huge pages that are set aside: one fault each, who reserved and who gets SIGBUS, what comes back when; fork and its
 * copies, shared files, surplus, gigantic pages, mprotect, mremap, MADV_DONTNEED. After each, the counts agree.
 */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/hugetlb.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/vma.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define HUGE (2 * MIB)
#define HUGE_1G (30ull << 26)
#define AT 0x40000000ull

struct env {
	struct memory *mem;
	struct hstate *h;
	struct mm_struct *mm;
	struct task_struct *task;
	uint64_t free_before;	/* pages */
};

static uint64_t nr_free(const struct memory *mem)
{
	uint64_t nr = 0;

	drain_all_pages((struct memory *)mem);
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		nr += mem->nodes[0]->node_zones[t].vm_stat[NR_FREE_PAGES];
	return nr;
}

static struct env start(uint64_t bytes, uint64_t nr)
{
	struct env e = { .mem = memory_create_uma(geometry_find("x86-64"), 2, bytes) };

	hugetlb_create(e.mem);
	e.h = size_to_hstate(e.mem, HUGE);
	e.task = task_alloc(e.mem, 1);
	e.mm = e.task->mm = mm_alloc(e.mem);
	e.mem->current = e.task;
	e.free_before = nr_free(e.mem);
	assert_int_equal(set_max_huge_pages(e.h, nr, 0), nr);
	return e;
}

static void check(const struct env *e)
{
	struct strbuf why = {0};

	if (!hugetlb_consistent(e->mem, &why) || !memory_consistent(e->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static void finish(struct env *e)
{
	check(e);
	mmput(e->mm);
	e->task->mm = NULL;
	e->mem->current = NULL;
	task_free(e->mem, e->task);
	check(e);
	/* Nobody has any, and nobody waits for any. */
	assert_int_equal(e->h->free_huge_pages, e->h->nr_huge_pages);
	assert_int_equal(e->h->resv_huge_pages, 0);
	assert_int_equal(e->h->surplus_huge_pages, 0);
	assert_int_equal(e->mem->nodes[0]->vm_stat[NR_HUGETLB], 0);
	set_max_huge_pages(e->h, 0, 0);
	assert_int_equal(e->h->nr_huge_pages, 0);
	hugetlb_destroy(e->mem);
	mapping_finish_all(e->mem);
	memory_destroy(e->mem);
}

static int64_t map_at(struct mm_struct *mm, uint64_t addr, uint64_t len, uint64_t flags)
{
	struct mmap_request req = { .addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_ANONYMOUS | MAP_HUGETLB | flags };

	if (addr)
		req.flags |= MAP_FIXED;
	return do_mmap(mm, &req);
}

static vm_fault_t touch(struct env *e, struct mm_struct *mm, uint64_t addr, bool write)
{
	e->task->mm = mm;
	return do_user_addr_fault(e->mem, addr, FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0));
}

/* The row of the oracle: 16 MiB are 8 faults, all minor, in no rss. */
static void test_oracle(void **state)
{
	struct env e = start(256 * MIB, 10);

	(void)state;
	assert_int_equal(e.mem->vm_event[HTLB_BUDDY_PGALLOC], 10);
	assert_int_equal(map_at(e.mm, AT, 16 * MIB, MAP_PRIVATE), AT);
	assert_int_equal(e.h->resv_huge_pages, 8);
	for (uint64_t a = AT; a < AT + 16 * MIB; a += 4096) {
		struct pgtable *table;
		unsigned level;

		if (pte_none(*pgtable_walk(e.mm, a, &level, &table)) || level != 1)
			assert_int_equal(touch(&e, e.mm, a, true), 0);
	}
	assert_int_equal(e.mem->vm_event[PGFAULT], 8);
	assert_int_equal(e.mem->vm_event[FAULT_HUGETLB], 8);
	assert_int_equal(e.mm->nr_minflt, 8);
	assert_int_equal(e.mm->rss_stat[MM_ANONPAGES], 0);
	assert_int_equal(e.mm->hugetlb_usage, 8 * 512);
	assert_int_equal(e.h->free_huge_pages, 2);
	assert_int_equal(e.h->resv_huge_pages, 0);
	assert_int_equal(e.mem->nodes[0]->vm_stat[NR_HUGETLB], 8 * 512);
	check(&e);
	/* Part of it goes, by whole pages only. */
	assert_int_equal(do_munmap(e.mm, AT + 4096, HUGE), -EINVAL);
	assert_int_equal(do_munmap(e.mm, AT + HUGE, 2 * HUGE), 0);
	assert_int_equal(e.h->free_huge_pages, 4);
	assert_int_equal(e.h->resv_huge_pages, 0);
	finish(&e);
}

/* mmap() refuses what the pool cannot promise; MAP_NORESERVE gets it and dies of it. */
static void test_reserve(void **state)
{
	struct env e = start(256 * MIB, 4);

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 5 * HUGE, MAP_PRIVATE), -ENOMEM);
	assert_int_equal(e.h->resv_huge_pages, 0);
	assert_int_equal(map_at(e.mm, AT, 3 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(map_at(e.mm, AT + GIB, 2 * HUGE, MAP_PRIVATE), -ENOMEM);
	assert_int_equal(map_at(e.mm, AT + GIB, 2 * HUGE, MAP_PRIVATE | MAP_NORESERVE), AT + GIB);
	assert_int_equal(touch(&e, e.mm, AT + GIB, true), 0);
	assert_int_equal(e.h->free_huge_pages, e.h->resv_huge_pages);
	assert_int_equal(touch(&e, e.mm, AT + GIB + HUGE, true), VM_FAULT_SIGBUS);
	assert_int_equal(e.h->alloc_fail, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(touch(&e, e.mm, AT + i * HUGE, true), 0);
	assert_int_equal(e.h->free_huge_pages, 0);
	finish(&e);
}

/* What MADV_DONTNEED gives back stays reserved for who had it. */
static void test_dontneed(void **state)
{
	struct env e = start(256 * MIB, 4);

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 4 * HUGE, MAP_PRIVATE), AT);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(touch(&e, e.mm, AT + i * HUGE, true), 0);
	assert_int_equal(do_madvise(e.mm, AT + 4096, HUGE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(do_madvise(e.mm, AT + HUGE, 2 * HUGE + 4096, MADV_DONTNEED), 0);
	assert_int_equal(e.h->free_huge_pages, 2);
	assert_int_equal(e.h->resv_huge_pages, 2);
	check(&e);
	assert_int_equal(touch(&e, e.mm, AT + HUGE, true), 0);
	assert_int_equal(e.h->resv_huge_pages, 1);
	finish(&e);
}

/* A read maps without the right to write; the write then needs a second fault, as in the kernel. */
static void test_read_then_write(void **state)
{
	struct env e = start(256 * MIB, 4);

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 2 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(touch(&e, e.mm, AT, false), 0);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	assert_int_equal(e.mem->vm_event[FAULT_HUGETLB_WP], 1);
	assert_int_equal(e.h->free_huge_pages, 3);
	assert_int_equal(do_mprotect(e.mm, AT, HUGE, PROT_READ), 0);
	assert_int_equal(touch(&e, e.mm, AT, true), VM_FAULT_SIGSEGV);
	assert_int_equal(do_mprotect(e.mm, AT, HUGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	assert_int_equal(e.h->free_huge_pages, 3);
	finish(&e);
}

/*
 * After fork the parent, who reserved, gets its copies even when the pool is used up: the child then loses the page and
 * dies when it wants it.
 */
static void test_fork(void **state)
{
	struct env e = start(256 * MIB, 3);
	struct mm_struct *child;

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 2 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	assert_int_equal(touch(&e, e.mm, AT + HUGE, true), 0);
	child = dup_mm(e.mm);
	assert_non_null(child);
	assert_int_equal(child->hugetlb_usage, 1024);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);	/* a copy from what is free */
	assert_int_equal(e.h->free_huge_pages, 0);
	check(&e);
	assert_int_equal(touch(&e, e.mm, AT + HUGE, true), 0);	/* the child's is taken away */
	assert_int_equal(child->hugetlb_usage, 512);
	assert_int_equal(touch(&e, child, AT + HUGE, false), VM_FAULT_SIGBUS);
	assert_int_equal(touch(&e, child, AT, true), 0);	/* it has that one alone now */
	check(&e);
	mmput(child);
	e.task->mm = e.mm;
	finish(&e);
}

/* The child first: it has no reservation and gets what is not reserved, or nothing. */
static void test_child_copies(void **state)
{
	struct env e = start(256 * MIB, 3);
	struct mm_struct *child;

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 2 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	child = dup_mm(e.mm);
	assert_int_equal(touch(&e, child, AT, true), 0);
	assert_int_equal(touch(&e, child, AT + HUGE, true), VM_FAULT_SIGBUS);
	assert_int_equal(e.h->resv_huge_pages, 1);
	mmput(child);
	e.task->mm = e.mm;
	assert_int_equal(e.h->free_huge_pages, 2);
	finish(&e);
}

/* One set of pages for all who map the file. */
static void test_shared(void **state)
{
	struct env e = start(256 * MIB, 4);
	struct mm_struct *child;

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 3 * HUGE, MAP_SHARED), AT);
	assert_int_equal(e.h->resv_huge_pages, 3);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	child = dup_mm(e.mm);
	assert_int_equal(child->hugetlb_usage, 0);
	assert_int_equal(touch(&e, child, AT, true), 0);
	assert_int_equal(touch(&e, child, AT + HUGE, false), 0);
	assert_int_equal(e.h->free_huge_pages, 2);
	assert_int_equal(e.h->resv_huge_pages, 1);
	check(&e);
	mmput(child);
	e.task->mm = e.mm;
	assert_int_equal(e.h->free_huge_pages, 2);	/* the file keeps them */
	assert_int_equal(do_madvise(e.mm, AT, HUGE, MADV_REMOVE), 0);
	assert_int_equal(e.h->free_huge_pages, 3);
	finish(&e);
}

/* A file of hugetlbfs outlives its mappings; ftruncate() takes what lies behind. */
static void test_file(void **state)
{
	struct env e = start(256 * MIB, 6);
	struct address_space *file = mapping_get(e.mem, 7);
	struct mmap_request req = { .addr = AT, .len = 4 * HUGE, .prot = PROT_READ | PROT_WRITE,
				    .flags = MAP_SHARED | MAP_FIXED, .mapping = file };

	(void)state;
	hugetlb_file_setup(file, e.h);
	assert_int_equal(do_mmap(e.mm, &req), AT);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(touch(&e, e.mm, AT + i * HUGE, true), 0);
	hugetlb_truncate(file, HUGE);
	assert_int_equal(e.mm->hugetlb_usage, 512);
	assert_int_equal(e.h->free_huge_pages, 5);
	assert_int_equal(e.h->resv_huge_pages, 0);
	assert_int_equal(touch(&e, e.mm, AT + HUGE, true), VM_FAULT_SIGBUS);
	/* A private view: reads the file's page, writes to a copy. */
	req.addr = AT + GIB;
	req.len = HUGE;
	req.flags = MAP_PRIVATE | MAP_FIXED;
	assert_int_equal(do_mmap(e.mm, &req), AT + GIB);
	assert_int_equal(touch(&e, e.mm, AT + GIB, false), 0);
	assert_int_equal(e.h->free_huge_pages, 5);
	assert_int_equal(touch(&e, e.mm, AT + GIB, true), 0);
	assert_int_equal(e.h->free_huge_pages, 4);
	assert_int_equal(e.h->resv_huge_pages, 0);
	check(&e);
	assert_int_equal(do_munmap(e.mm, AT, 4 * HUGE), 0);
	assert_int_equal(do_munmap(e.mm, AT + GIB, HUGE), 0);
	assert_int_equal(e.h->free_huge_pages, 5);	/* one is the file's */
	hugetlb_truncate(file, 0);
	mapping_put(e.mem, file);
	finish(&e);
	(void)file;
}

/* More than the pool, as far as overcommit permits; given back when they are free. */
static void test_surplus(void **state)
{
	struct env e = start(256 * MIB, 1);

	(void)state;
	e.h->nr_overcommit_huge_pages = 2;
	assert_int_equal(map_at(e.mm, AT, 4 * HUGE, MAP_PRIVATE), -ENOMEM);
	assert_int_equal(e.h->nr_huge_pages, 1);
	assert_int_equal(map_at(e.mm, AT, 3 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(e.h->surplus_huge_pages, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(touch(&e, e.mm, AT + i * HUGE, true), 0);
	check(&e);
	assert_int_equal(do_munmap(e.mm, AT, 3 * HUGE), 0);
	assert_int_equal(e.h->surplus_huge_pages, 0);
	assert_int_equal(e.h->nr_huge_pages, 1);
	/* Without a reservation at the fault itself. */
	assert_int_equal(map_at(e.mm, AT, 3 * HUGE, MAP_PRIVATE | MAP_NORESERVE), AT);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(touch(&e, e.mm, AT + i * HUGE, true), 0);
	assert_int_equal(e.h->surplus_huge_pages, 2);
	finish(&e);
}

static void test_gigantic(void **state)
{
	struct env e = start(4 * GIB, 1);
	struct hstate *g = size_to_hstate(e.mem, GIB);

	(void)state;
	assert_non_null(g);
	assert_null(size_to_hstate(e.mem, 4 * MIB));
	assert_int_equal(set_max_huge_pages(g, 2, 0), 2);
	check(&e);
	assert_int_equal(map_at(e.mm, AT, GIB, MAP_PRIVATE | HUGE_1G), AT);
	assert_int_equal(map_at(e.mm, AT + HUGE, GIB, MAP_PRIVATE | HUGE_1G), -EINVAL);
	assert_int_equal(touch(&e, e.mm, AT + 5 * MIB, true), 0);
	assert_int_equal(touch(&e, e.mm, AT + 700 * MIB, true), 0);
	assert_int_equal(e.mem->vm_event[FAULT_HUGETLB], 1);
	assert_int_equal(e.mm->hugetlb_usage, GIB >> 12);
	check(&e);
	assert_int_equal(do_munmap(e.mm, AT, GIB), 0);
	assert_int_equal(g->free_huge_pages, 2);
	assert_int_equal(set_max_huge_pages(g, 0, 0), 0);
	finish(&e);
}

static void test_mremap(void **state)
{
	struct env e = start(256 * MIB, 5);

	(void)state;
	assert_int_equal(map_at(e.mm, AT, 4 * HUGE, MAP_PRIVATE), AT);
	assert_int_equal(touch(&e, e.mm, AT, true), 0);
	assert_int_equal(touch(&e, e.mm, AT + 2 * HUGE, true), 0);
	assert_int_equal(do_mremap(e.mm, AT, 4 * HUGE, 5 * HUGE, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(do_mremap(e.mm, AT, 4 * HUGE, 4 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT + GIB), AT + GIB);
	assert_int_equal(e.h->resv_huge_pages, 2);
	assert_int_equal(e.h->free_huge_pages, 3);
	assert_int_equal(touch(&e, e.mm, AT + GIB + HUGE, true), 0);
	assert_int_equal(e.h->resv_huge_pages, 1);
	check(&e);
	/* Half of it back: each half has the reservations that belong to it. */
	assert_int_equal(do_mremap(e.mm, AT + GIB + 2 * HUGE, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT), AT);
	assert_int_equal(do_munmap(e.mm, AT + GIB, 2 * HUGE), 0);
	assert_int_equal(e.h->resv_huge_pages, 1);
	assert_int_equal(touch(&e, e.mm, AT + HUGE, true), 0);
	assert_int_equal(e.h->resv_huge_pages, 0);
	finish(&e);
}

/* Without an address it goes to an aligned hole. */
static void test_place(void **state)
{
	struct env e = start(256 * MIB, 4);
	int64_t addr = map_at(e.mm, 0, HUGE, MAP_PRIVATE);

	(void)state;
	assert_true(addr > 0);
	assert_int_equal(addr % HUGE, 0);
	assert_int_equal(map_at(e.mm, 0, 5000, MAP_PRIVATE), addr - (int64_t)HUGE);
	assert_int_equal(vma_lookup(e.mm, (uint64_t)addr)->vm_flags & VM_ACCOUNT, 0);
	finish(&e);
}

/* Every machine, in the smallest size it has: one fault, one entry, everything given back. */
static void test_machines(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = geometry_name(i)); i++) {
		const struct geometry *geo = geometry_find(name);
		struct env e = { .mem = memory_create_uma(geo, 1, geo->lowmem_bytes ? GIB : 4 * GIB) };
		struct mmap_request req = { .prot = PROT_READ | PROT_WRITE,
					    .flags = MAP_ANONYMOUS | MAP_PRIVATE | MAP_HUGETLB };
		int64_t addr;

		hugetlb_create(e.mem);
		assert_true(e.mem->hugetlb->nr_hstates >= 1);
		e.h = &e.mem->hugetlb->hstates[0];
		e.task = task_alloc(e.mem, 1);
		e.mm = e.task->mm = mm_alloc(e.mem);
		e.mem->current = e.task;
		assert_int_equal(set_max_huge_pages(e.h, 2, 0), 2);
		req.len = 2 * huge_page_size(e.h);
		addr = do_mmap(e.mm, &req);
		assert_true(addr > 0);
		assert_int_equal(touch(&e, e.mm, (uint64_t)addr + 12345, true), 0);
		assert_int_equal(touch(&e, e.mm, (uint64_t)addr + huge_page_size(e.h), true), 0);
		assert_int_equal(e.mm->hugetlb_usage, 2ull << e.h->order);
		finish(&e);
	}
}

static void test_regions(void **state)
{
	struct resv_map m = {0};

	(void)state;
	assert_int_equal(region_add(&m, 10, 20), 10);
	assert_int_equal(region_add(&m, 30, 40), 10);
	assert_int_equal(region_chg(&m, 15, 35), 10);
	assert_int_equal(region_add(&m, 20, 30), 10);
	assert_int_equal(m.regions.nr, 1);
	assert_int_equal(region_del(&m, 12, 14), 2);
	assert_int_equal(m.regions.nr, 2);
	assert_int_equal(region_count(&m, 0, 100), 28);
	assert_int_equal(region_add(&m, 0, 1), 1);
	assert_int_equal(m.regions.data[0].from, 0);
	assert_int_equal(m.regions.data[2].to, 40);
	assert_int_equal(region_del(&m, 0, UINT64_MAX), 29);
	assert_int_equal(m.regions.nr, 0);
	vec_finish(&m.regions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),	      cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_dontneed),      cmocka_unit_test(test_read_then_write),
		cmocka_unit_test(test_fork),	      cmocka_unit_test(test_child_copies),
		cmocka_unit_test(test_shared),	      cmocka_unit_test(test_file),
		cmocka_unit_test(test_surplus),	      cmocka_unit_test(test_gigantic),
		cmocka_unit_test(test_mremap),	      cmocka_unit_test(test_place),
		cmocka_unit_test(test_machines),      cmocka_unit_test(test_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
