/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The kernel's half of the page tables: sizes of the direct map, sharing of the roots, what is mapped where. */
#include "support/test.h"

#include <stdbool.h>

#include "machine/geometry.h"
#include "mm/fork.h"
#include "mm/init_mm.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static void check(const struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

/*
 * 4 GiB of a PC: 0-3 GiB and 4-5 GiB. The first 2 MiB are small pages, the rest of the first GiB large ones, what is
 * left three pages of 1 GiB.
 */
static void test_x86_64(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 4 * GIB);

	(void)state;
	assert_int_equal(mem->direct_map_pages[0], 512);
	assert_int_equal(mem->direct_map_pages[1], 511);
	assert_int_equal(mem->direct_map_pages[2], 3);
	check(mem);
	memory_destroy(mem);
}

/* 3 GiB + 6 MiB: what is left over behind the last GiB is 2 MiB pages. */
static void test_end_of_memory(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 2 * GIB + 6 * MIB);

	(void)state;
	assert_int_equal(mem->direct_map_pages[0], 512);
	assert_int_equal(mem->direct_map_pages[1], 511 + 3);
	assert_int_equal(mem->direct_map_pages[2], 1);
	memory_destroy(mem);
}

/* Low memory alone; its first large page in small ones; 4M pages without PAE, 2M with it. */
static void test_x86_32(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-32"), 1, 2 * GIB);

	(void)state;
	assert_int_equal(mem->direct_map_pages[0], 1024);
	assert_int_equal(mem->direct_map_pages[1], 896 / 4 - 1);
	check(mem);
	memory_destroy(mem);
	mem = memory_create_uma(geometry_find("x86-32-pae"), 1, 2 * GIB);
	assert_int_equal(mem->direct_map_pages[0], 512);
	assert_int_equal(mem->direct_map_pages[1], 896 / 2 - 1);
	check(mem);
	memory_destroy(mem);
}

/* Every frame of low memory stands at its place, on every architecture. */
static void test_direct_map_translates(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = geometry_name(i)); i++) {
		struct memory *mem = memory_create_uma(geometry_find(name), 1, 2 * GIB);
		const struct zone *zone;

		for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
			zone = &mem->nodes[0]->node_zones[z];
			for (pfn_t pfn = zone->zone_start_pfn; zone->present_pages && pfn < zone->zone_end_pfn;
			     pfn += 97)
				if (pfn_has_kaddr(mem, pfn))
					assert_int_equal(vmalloc_to_pfn(mem, pfn_to_kaddr(mem, pfn)), pfn);
		}
		assert_int_equal(vmalloc_to_pfn(mem, image_kaddr(mem, 0)), mem->zero_pfn);
		check(mem);
		memory_destroy(mem);
	}
}

/* Each struct page is mapped, and by memory of its own node. */
static void test_mem_map(void **state)
{
	const uint64_t bytes[] = { 3 * GIB + 512 * MIB, GIB + 2 * MIB, 256 * MIB };
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .nr_nodes = 3, .node_bytes = bytes, .nr_cpus = 3 };
	struct memory *mem = NULL;

	(void)state;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	for (size_t s = 0; s < mem->nr_sections; s++) {
		pfn_t pfn = (pfn_t)(s << SECTION_SHIFT), frame;

		if (mem->sections[s].node >= mem->nr_nodes)
			continue;
		frame = vmalloc_to_pfn(mem, page_kaddr(mem, pfn));
		assert_int_not_equal(frame, PFN_NONE);
		assert_int_equal(mem->sections[frame >> SECTION_SHIFT].node, mem->sections[s].node);
	}
	memory_destroy(mem);
}

/*
 * The tables of boot are not managed memory; a process has the kernel's entries in its own root. The root entries of
 * vmalloc are made at boot, or come later where boot has little memory.
 */
static void check_roots(uint64_t bytes, bool at_boot)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, bytes);
	struct mm_struct *mm = mm_alloc(mem);
	unsigned level, index = geometry_index(mem->geo, 3, mem->geo->page_offset);
	uint64_t addr = mem->geo->vmalloc_start + (1ull << 41);

	assert_int_equal(mem->nodes[0]->vm_stat[NR_PAGETABLE], 1);
	assert_int_equal(pte_is_table(mm->pgd->ent[geometry_index(mem->geo, 3, addr)]), at_boot);
	assert_true(pte_is_table(mm->pgd->ent[index]));
	assert_int_equal(mm->pgd->ent[index].pte, mem->init_mm->pgd->ent[index].pte);
	assert_int_equal(mm->pgd->nr_used, 0);
	assert_ptr_equal(kernel_root(mem, mm), mm->pgd);
	assert_true(kernel_map(mem, addr, mem->zero_pfn, 1, PAGE_KERNEL, 0, NULL));
	assert_int_equal(pte_pfn(*pgtable_walk(mm, addr, &level, NULL)), mem->zero_pfn);
	assert_int_equal(level, 0);
	assert_int_equal(mem->nodes[0]->vm_stat[NR_PAGETABLE], at_boot ? 3 : 4);
	check(mem);
	kernel_unmap(mem, addr, addr + 4096);
	assert_true(pte_none(*kernel_walk(mem, addr, &level)));
	mmput(mm);
	check(mem);
	memory_destroy(mem);
}

static void test_roots(void **state)
{
	struct memory *mem;
	struct mm_struct *mm;

	(void)state;
	check_roots(GIB, true);
	check_roots(16 * MIB, false);
	/* the halves have a root each */
	mem = memory_create_uma(geometry_find("arm64-4k"), 1, GIB);
	mm = mm_alloc(mem);
	assert_int_equal(mem->kernel_pgd_first, 0);
	assert_ptr_equal(kernel_root(mem, mm), mem->init_mm->pgd);
	mmput(mm);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64),	  cmocka_unit_test(test_end_of_memory),
		cmocka_unit_test(test_x86_32),	  cmocka_unit_test(test_direct_map_translates),
		cmocka_unit_test(test_mem_map),	  cmocka_unit_test(test_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
