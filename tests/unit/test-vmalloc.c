/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas with memory: pages, tables and structs that they take, huge pages, devices, and running out. */
#include "support/test.h"

#include <stdbool.h>

#include "machine/profile.h"
#include "machine/tlb.h"
#include "mm/init_mm.h"
#include "mm/kentry.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

#define PAGE 4096ull
#define MIB (1ull << 20)

static void check(const struct memory *mem)
{
	struct strbuf why = {0};

	if (!memory_consistent(mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

static struct vmalloc_stats stats(const struct memory *mem)
{
	struct vmalloc_stats s;

	vmalloc_stats(mem, &s);
	return s;
}

static uint64_t free_pages(const struct memory *mem)
{
	uint64_t nr = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		const struct zone *zone = &mem->nodes[0]->node_zones[z];

		nr += zone->vm_stat[NR_FREE_PAGES];
		for (unsigned cpu = 0; zone->managed_pages && cpu < mem->nr_cpus; cpu++)
			nr += zone->pcp[cpu].count;
	}
	return nr;
}

static struct memory *machine_without_objects(const char *geometry, uint64_t bytes)
{
	struct memory_desc desc = { .geo = geometry_find(geometry), .nr_nodes = 1, .node_bytes = &bytes,
				    .nr_cpus = 2 };
	struct mm_config conf;
	struct memory *mem = NULL;

	config_defaults(&mm_config_table, &conf);
	conf.slab_model_objects = 0;
	desc.conf = &conf;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	return mem;
}

/* Ten pages and the tables that map them; the tables stay, the pages go at once, the addresses stay lazy. */
static void test_pages_and_tables(void **state)
{
	struct memory *mem = machine_without_objects("x86-64", 256 * MIB);
	uint64_t before = free_pages(mem), tables = mem->init_mm->pgtables_bytes;
	kaddr_t a = vmalloc(mem, 10 * PAGE - 1, GFP_KERNEL, NUMA_NO_NODE), b;

	(void)state;
	assert_int_equal(a, mem->geo->vmalloc_start);
	/* PMD and PTE: the table above them is of boot */
	assert_int_equal(mem->init_mm->pgtables_bytes - tables, 2 * PAGE);
	assert_int_equal(mem->nodes[0]->vm_stat[NR_PAGETABLE], 2);
	assert_int_equal(before - free_pages(mem), 10 + 2);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 10);
	assert_int_equal(stats(mem).used_bytes, 11 * PAGE);
	assert_int_equal(vmalloc_to_pfn(mem, a + 10 * PAGE), PFN_NONE);
	/* behind the guard page */
	b = vmalloc(mem, PAGE, GFP_KERNEL, NUMA_NO_NODE);
	assert_int_equal(b, a + 11 * PAGE);
	vfree(mem, a);
	assert_int_equal(before - free_pages(mem), 1 + 2);
	assert_int_equal(stats(mem).nr_lazy_pages, 11);
	assert_int_equal(vmalloc_to_pfn(mem, a), PFN_NONE);
	/* the address is not used again before a purge */
	assert_int_equal(vmalloc(mem, 10 * PAGE, GFP_KERNEL, NUMA_NO_NODE), b + 2 * PAGE);
	vm_unmap_aliases(mem);
	assert_int_equal(vmalloc(mem, 10 * PAGE, GFP_KERNEL, NUMA_NO_NODE), a);
	assert_int_equal(mem->init_mm->pgtables_bytes - tables, 2 * PAGE);
	assert_int_equal(vmalloc(mem, 0, GFP_KERNEL, NUMA_NO_NODE), 0);
	check(mem);
	memory_destroy(mem);
}

/* vmap_area, vm_struct (kmalloc-96) and the array of pages; beyond 512 pages the array is vmalloc'ed itself. */
static void test_structs(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 256 * MIB);
	const struct vm_struct *vm;
	struct kmem_cache_stats s;
	kaddr_t a, b;

	(void)state;
	a = vmalloc(mem, 3 * PAGE, GFP_KERNEL, NUMA_NO_NODE);
	vm = find_vm_area(mem, a);
	assert_int_equal(ksize(mem, vm->kobj), 96);
	assert_int_equal(ksize(mem, vm->pages), 32);
	assert_false(vm->pages_vmalloced);
	for_each_kmem_cache(cache, mem)
		if (!strcmp(kmem_cache_name(cache), "vmap_area")) {
			kmem_cache_stats(cache, &s);
			assert_int_equal(s.active_objs, 1);
		}
	b = vmalloc(mem, 513 * PAGE, GFP_KERNEL, NUMA_NO_NODE);
	vm = find_vm_area(mem, b);
	assert_true(vm->pages_vmalloced);
	assert_int_equal(stats(mem).nr_areas, 3);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 3 + 513 + 2);
	vfree(mem, a);
	vfree(mem, b);
	assert_int_equal(stats(mem).nr_areas, 0);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 0);
	check(mem);
	memory_destroy(mem);
}

static void test_huge(void **state)
{
	struct memory *mem = machine_without_objects("x86-64", 256 * MIB);
	unsigned level;
	kaddr_t a = vmalloc_huge(mem, 5 * MIB, GFP_KERNEL, NUMA_NO_NODE);

	(void)state;
	assert_int_equal(a & (2 * MIB - 1), 0);
	kernel_walk(mem, a, &level);
	assert_int_equal(level, 1);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 1536);	/* whole large pages */
	assert_int_equal(stats(mem).huge_areas, 1);
	check(mem);
	vfree(mem, a);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 0);
	mem->conf.huge_vmalloc = 0;
	a = vmalloc_huge(mem, 5 * MIB, GFP_KERNEL, NUMA_NO_NODE);
	kernel_walk(mem, a, &level);
	assert_int_equal(level, 0);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 1280);
	check(mem);
	memory_destroy(mem);
}

/* High memory first; the 112 MiB of addresses run out before the memory does. */
static void test_32_bit(void **state)
{
	struct memory *mem = machine_without_objects("x86-32", 2048 * MIB);
	kaddr_t a = vmalloc(mem, 64 * MIB, GFP_KERNEL, NUMA_NO_NODE);

	(void)state;
	assert_int_not_equal(a, 0);
	assert_false(pfn_has_kaddr(mem, vmalloc_to_pfn(mem, a)));
	assert_int_equal(vmalloc(mem, 64 * MIB, GFP_KERNEL, NUMA_NO_NODE), 0);
	assert_int_equal(stats(mem).failed, 1);
	vfree(mem, a);
	/* lazy, purged for want of addresses */
	assert_int_not_equal(vmalloc(mem, 64 * MIB, GFP_KERNEL, NUMA_NO_NODE), 0);
	assert_int_equal(stats(mem).nr_lazy_pages, 0);
	check(mem);
	memory_destroy(mem);
}

/* What was allocated before memory ran out is given back, with the address. */
static void test_out_of_memory(void **state)
{
	struct memory *mem = machine_without_objects("x86-64", 32 * MIB);
	uint64_t before = free_pages(mem);

	(void)state;
	assert_int_equal(vmalloc(mem, mem->totalram_pages * PAGE, GFP_KERNEL, NUMA_NO_NODE), 0);
	assert_int_equal(vmalloc(mem, (mem->totalram_pages + 1) * PAGE, GFP_KERNEL, NUMA_NO_NODE), 0);
	assert_int_equal(stats(mem).nr_vmalloc_pages, 0);
	assert_int_equal(stats(mem).nr_areas, 0);
	/* tables for the pages that were mapped stay */
	assert_true(before - free_pages(mem) < 32);
	check(mem);
	memory_destroy(mem);
}

static void test_ioremap(void **state)
{
	struct memory *mem = machine_without_objects("x86-64", 256 * MIB);
	uint64_t before = free_pages(mem), bar = 0xe0000000;
	kaddr_t a = ioremap(mem, bar + 16, 100), b = ioremap(mem, bar, 16 * MIB);
	unsigned level;

	(void)state;
	assert_int_equal(a & (PAGE - 1), 16);
	assert_int_equal(vmalloc_to_pfn(mem, a), bar >> 12);
	assert_int_equal(b & (16 * MIB - 1), 0);
	kernel_walk(mem, b, &level);
	assert_int_equal(level, 1);
	assert_int_equal(stats(mem).nr_ioremap_pages, 4097);
	/* only tables: one PMD, one PTE */
	assert_int_equal(before - free_pages(mem), 2);
	iounmap(mem, a);
	iounmap(mem, b);
	assert_int_equal(stats(mem).nr_ioremap_pages, 0);
	assert_int_equal(stats(mem).nr_areas, 0);
	check(mem);
	memory_destroy(mem);
}

/* Above 32 MiB x fls(CPUs) of lazy areas one flush goes to all CPUs; it is a full one, and they hear of it. */
static void test_lazy_purge_flushes(void **state)
{
	struct machine_profile *p;
	struct tlb_config conf;
	struct memory *mem;

	(void)state;
	assert_int_equal(profile_load("test", &p, NULL), 0);
	mem = memory_create_uma(&p->geometry, 4, 256 * MIB);
	config_defaults(&tlb_config_table, &conf);
	mem->tlb = tlb_create(&p->geometry, &p->tlb, &conf, 4, 1);
	assert_int_equal(lazy_max_pages(mem), 3 * 8192);
	for (unsigned i = 0; i < 24; i++)
		vfree(mem, vmalloc(mem, 4 * MIB, GFP_KERNEL, NUMA_NO_NODE));
	/* 24 x 1025 pages, and the arrays */
	assert_int_equal(stats(mem).purges, 1);
	assert_int_equal(stats(mem).flushes, 1);
	assert_int_equal(mem->vm_event[NR_TLB_REMOTE_FLUSH_RECEIVED], 4);
	assert_int_equal(mem->kernel_entries[KERNEL_SHOOTDOWN], 3);
	check(mem);
	tlb_destroy(mem->tlb);
	mem->tlb = NULL;
	memory_destroy(mem);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_and_tables), cmocka_unit_test(test_structs),
		cmocka_unit_test(test_huge),		 cmocka_unit_test(test_32_bit),
		cmocka_unit_test(test_out_of_memory),	 cmocka_unit_test(test_ioremap),
		cmocka_unit_test(test_lazy_purge_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
