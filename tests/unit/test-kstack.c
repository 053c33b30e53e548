/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Kernel stacks: where they come from, what is counted, the cache of two per CPU, and a fork that fails. */
#include "support/test.h"

#include <stdbool.h>

#include "mm/fork.h"
#include "mm/kstack.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define MIB (1ull << 20)

static struct kstack_stats stats(const struct memory *mem)
{
	struct kstack_stats s;

	kstack_stats(mem, &s);
	return s;
}

static uint64_t kernel_stack_kib(const struct memory *mem, unsigned nid)
{
	return mem->nodes[nid]->vm_stat[NR_KERNEL_STACK_KB];
}

static void test_from_vmalloc(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 2, 256 * MIB);
	struct task_struct *t[4];
	kaddr_t first;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		t[i] = dup_task_struct(mem, i + 1);
		assert_non_null(t[i]);
		assert_int_equal(t[i]->stack & 16383, 0);
		assert_non_null(find_vm_area(mem, t[i]->stack));
	}
	assert_int_equal(kernel_stack_kib(mem, 0), 64);
	first = t[0]->stack;
	/* two go to the cache, the others to the page allocator */
	for (unsigned i = 0; i < 4; i++)
		task_free(mem, t[i]);
	assert_int_equal(kernel_stack_kib(mem, 0), 0);
	assert_int_equal(stats(mem).nr_cached, 2);
	assert_int_equal(stats(mem).nr_stacks, 0);
	t[0] = dup_task_struct(mem, 5);
	assert_int_equal(t[0]->stack, first);
	assert_int_equal(stats(mem).cache_hits, 1);
	/* the cache is the CPU's own */
	mem->cpu = 1;
	t[1] = dup_task_struct(mem, 6);
	assert_int_equal(stats(mem).cache_hits, 1);
	assert_int_equal(stats(mem).allocs, 6);
	task_free(mem, t[0]);
	task_free(mem, t[1]);
	assert_true(memory_consistent(mem, NULL));
	memory_destroy(mem);
}

/* A stack of another node does not go to the cache. */
static void test_nodes(void **state)
{
	const uint64_t bytes[] = { 256 * MIB, 256 * MIB };
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .nr_nodes = 2, .node_bytes = bytes, .nr_cpus = 2 };
	struct memory *mem = NULL;
	struct task_struct *t;

	(void)state;
	assert_int_equal(memory_create(&desc, &mem, NULL), 0);
	t = dup_task_struct(mem, 1);
	assert_int_equal(kernel_stack_kib(mem, 0), 16);
	mem->cpu = 1;
	task_free(mem, t);
	assert_int_equal(stats(mem).nr_cached, 0);
	assert_int_equal(kernel_stack_kib(mem, 0), 0);
	memory_destroy(mem);
}

/* One block of order 2; a memory in pieces has none. */
static void test_from_pages(void **state)
{
	struct memory *mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	struct task_struct *t;
	pfn_t held = PFN_NONE, pfn;

	(void)state;
	mem->conf.vmap_stack = 0;
	t = dup_task_struct(mem, 1);
	assert_int_equal(page_order(pfn_to_page(mem, kaddr_to_pfn(mem, t->stack))), 2);
	assert_int_equal(kernel_stack_kib(mem, 0), 16);
	task_free(mem, t);
	assert_int_equal(kernel_stack_kib(mem, 0), 0);
	/* all blocks of four pages; of some of them every other page comes back */
	while ((pfn = alloc_pages(mem, GFP_KERNEL | __GFP_MEMALLOC, 2, NUMA_NO_NODE)) != PFN_NONE) {
		pfn_to_page(mem, pfn)->index = held;
		held = pfn;
	}
	for (unsigned i = 0; i < 2000; i++) {
		pfn = held;
		held = (pfn_t)pfn_to_page(mem, pfn)->index;
		split_page(mem, pfn, 2);
		put_page(mem, pfn);
		put_page(mem, pfn + 2);
	}
	t = task_alloc(mem, 2);
	assert_false(alloc_thread_stack(mem, t, NUMA_NO_NODE));
	assert_int_equal(t->stack, 0);
	assert_int_equal(stats(mem).failed, 1);
	task_free(mem, t);
	assert_null(dup_task_struct(mem, 3));
	/* page by page there is enough */
	mem->conf.vmap_stack = 1;
	t = dup_task_struct(mem, 4);
	assert_non_null(t);
	task_free(mem, t);
	memory_destroy(mem);
}

static void test_sizes(void **state)
{
	struct {
		const char *geometry;
		uint64_t bytes;
	} rows[] = { { "x86-64", 16384 }, { "x86-32", 8192 }, { "arm64-16k", 16384 }, { "arm64-64k", 65536 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory *mem = memory_create_uma(geometry_find(rows[i].geometry), 1, 1024 * MIB);
		struct task_struct *t = dup_task_struct(mem, 1);

		assert_int_equal(thread_size(mem), rows[i].bytes);
		assert_int_equal(kernel_stack_kib(mem, 0), rows[i].bytes / 1024);
		task_free(mem, t);
		memory_destroy(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_vmalloc),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_from_pages),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
