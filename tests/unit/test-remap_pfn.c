/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory of devices in an address space: entries, counts, fork, and what leaves it alone. */
#include "support/test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/pgtable.h"
#include "mm/remap_pfn.h"
#include "mm/vma.h"

#define MIB (1ull << 20)
#define BASE 0x10000000ull
#define NR 600	/* more than a table holds */
#define LEN (NR * 4096ull)

struct world {
	struct memory *mem;
	struct mm_struct *mm;
	struct address_space *device;
};

static struct world world_new(uint64_t mode)
{
	struct world w = { .mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB) };
	struct task_struct *task = task_alloc(w.mem, 1);

	w.mem->conf.device_mmap = mode;
	w.mm = task->mm = mm_alloc(w.mem);
	w.mem->current = task;
	w.device = mapping_get(w.mem, 7);
	w.device->is_special = w.device->is_device = true;
	return w;
}

static void world_end(struct world *w)
{
	struct strbuf why = {0};

	if (!memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	assert_true(vma_consistent(w->mm));
	strbuf_finish(&why);
	mmput(w->mm);
	mapping_put(w->mem, w->device);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	memory_destroy(w->mem);
}

static int64_t map_device(struct world *w, uint64_t addr, uint64_t len, uint64_t flags, uint64_t pgoff)
{
	struct mmap_request req = {
		.addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE, .flags = flags | MAP_FIXED,
		.vm_flags = VM_DEVICE, .mapping = w->device, .pgoff = pgoff,
	};

	return do_mmap(w->mm, &req);
}

static pte_t entry(struct mm_struct *mm, uint64_t addr)
{
	struct pgtable *table;
	unsigned level;
	const pte_t *pte = pgtable_walk(mm, addr, &level, &table);

	return level ? (pte_t){0} : *pte;
}

static uint64_t rss(const struct mm_struct *mm)
{
	uint64_t sum = 0;

	for (int i = 0; i < NR_MM_COUNTERS; i++)
		sum += (uint64_t)mm->rss_stat[i];
	return sum;
}

static void mmap_makes_all_entries(void **state)
{
	struct world w = world_new(DEVICE_MMAP_EAGER);
	uint64_t free_before, tables = w.mem->nodes[0]->vm_stat[NR_PAGETABLE];
	const struct vm_area_struct *vma;

	(void)state;
	free_before = w.mem->nodes[0]->node_zones[ZONE_DMA32].managed_pages;
	assert_int_equal(map_device(&w, BASE, LEN, MAP_SHARED, 3), BASE);
	vma = find_vma(w.mm, BASE);
	assert_int_equal(vma->vm_flags & VM_DEVICE, VM_DEVICE);
	for (unsigned i = 0; i < NR; i++) {
		pte_t pte = entry(w.mm, BASE + i * 4096ull);

		assert_true(pte_present(pte) && pte.pte & PTE_SPECIAL && pte_write(pte));
		/* Behind all memory: there is no struct page for it. */
		assert_true(pte_pfn(pte) >= w.mem->max_pfn);
		assert_int_equal(pte_pfn(pte), pte_pfn(entry(w.mm, BASE)) + i);
	}
	/* Two lowest tables, and those above them; no page else. */
	assert_int_equal(w.mem->nodes[0]->vm_stat[NR_PAGETABLE], tables + 2 + 2);
	assert_int_equal(rss(w.mm), 0);
	assert_int_equal(w.mem->vm_event[PGFAULT], 0);
	assert_int_equal(w.mm->total_vm, NR);
	assert_int_equal(free_before, w.mem->nodes[0]->node_zones[ZONE_DMA32].managed_pages);
	/* The same part of the device at another address: the same frames. */
	assert_int_equal(map_device(&w, 2 * BASE, 4096, MAP_SHARED, 4), 2 * BASE);
	assert_int_equal(pte_pfn(entry(w.mm, 2 * BASE)), pte_pfn(entry(w.mm, BASE)) + 1);
	world_end(&w);
}

static void faults_make_one_entry_each(void **state)
{
	struct world w = world_new(DEVICE_MMAP_FAULT);

	(void)state;
	map_device(&w, BASE, LEN, MAP_SHARED, 0);
	assert_true(pte_none(entry(w.mm, BASE)));
	do_user_addr_fault(w.mem, BASE + 4096, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_SPECIAL], 1);
	assert_true(pte_none(entry(w.mm, BASE)));
	assert_true(entry(w.mm, BASE + 4096).pte & PTE_SPECIAL);
	assert_int_equal(rss(w.mm), 0);
	world_end(&w);
}

static void a_private_page_that_is_written_becomes_memory(void **state)
{
	struct world w = world_new(DEVICE_MMAP_EAGER);

	(void)state;
	map_device(&w, BASE, LEN, MAP_PRIVATE, 0);
	assert_false(pte_write(entry(w.mm, BASE)));
	do_user_addr_fault(w.mem, BASE, FAULT_FLAG_USER | FAULT_FLAG_WRITE);
	assert_int_equal(w.mem->vm_event[FAULT_WP_COPY], 1);
	assert_false(entry(w.mm, BASE).pte & PTE_SPECIAL);
	assert_int_equal(w.mm->rss_stat[MM_ANONPAGES], 1);
	assert_true(entry(w.mm, BASE + 4096).pte & PTE_SPECIAL);
	world_end(&w);
}

/* fork copies the entries, since no fault would bring them back. */
static void fork_copies_and_unmap_takes_away(void **state)
{
	struct world w = world_new(DEVICE_MMAP_EAGER);
	struct mm_struct *child;

	(void)state;
	map_device(&w, BASE, LEN, MAP_SHARED, 0);
	child = dup_mm(w.mm);
	assert_non_null(child);
	assert_int_equal(w.mem->vm_event[FORK_COPIED_PTES], NR);
	assert_int_equal(entry(child, BASE).pte & PTE_PFN_MASK, entry(w.mm, BASE).pte & PTE_PFN_MASK);
	mmput(child);
	assert_int_equal(do_munmap(w.mm, BASE + 4096, LEN - 4096), 0);
	assert_true(pte_present(entry(w.mm, BASE)));
	assert_true(pte_none(entry(w.mm, BASE + 4096)));
	assert_int_equal(do_munmap(w.mm, BASE, 4096), 0);
	assert_int_equal(w.mm->map_count, 0);
	world_end(&w);
}

static void other_calls_leave_it_alone(void **state)
{
	struct world w = world_new(DEVICE_MMAP_EAGER);

	(void)state;
	map_device(&w, BASE, LEN, MAP_SHARED, 0);
	/* It may not grow, and its entries are not to be dropped. */
	assert_int_equal(do_mremap(w.mm, BASE, LEN, 2 * LEN, MREMAP_MAYMOVE, 0), -EFAULT);
	assert_int_equal(do_madvise(w.mm, BASE, LEN, MADV_DONTNEED), -EINVAL);
	assert_int_equal(do_mlock(w.mm, BASE, LEN, false), 0);
	assert_int_equal(w.mm->locked_vm, 0);
	assert_true(pte_present(entry(w.mm, BASE)));
	/* Moved, it takes its entries along. */
	assert_int_equal(do_mremap(w.mm, BASE, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, 4 * BASE), 4 * BASE);
	assert_true(entry(w.mm, 4 * BASE).pte & PTE_SPECIAL);
	assert_int_equal(w.mem->vm_event[PGFAULT], 0);
	world_end(&w);
}

/* A gigantic area is left to faults: its tables would take the machine. */
static void large_areas_are_lazy(void **state)
{
	struct world w = world_new(DEVICE_MMAP_EAGER);

	(void)state;
	assert_int_equal(map_device(&w, BASE, 1ull << 40, MAP_SHARED, 0), BASE);
	assert_true(pte_none(entry(w.mm, BASE)));
	do_user_addr_fault(w.mem, BASE, FAULT_FLAG_USER);
	assert_true(entry(w.mm, BASE).pte & PTE_SPECIAL);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmap_makes_all_entries),
		cmocka_unit_test(faults_make_one_entry_each),
		cmocka_unit_test(a_private_page_that_is_written_becomes_memory),
		cmocka_unit_test(fork_copies_and_unmap_takes_away),
		cmocka_unit_test(other_calls_leave_it_alone),
		cmocka_unit_test(large_areas_are_lazy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
