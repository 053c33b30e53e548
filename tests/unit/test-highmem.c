/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Windows into high memory: who gets which, and when all are flushed. */
#include "support/test.h"

#include <signal.h>

#include "mm/highmem.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/page_alloc.h"
#include "support/dies.h"

#define LOWMEM_PFN (896u << 20 >> 12)

static struct memory *machine(const char *geometry)
{
	return memory_create_uma(geometry_find(geometry), 2, 2ull << 30);
}

static void low_memory_needs_none(void **state)
{
	struct memory *mem = machine("x86-32"), *wide = machine("x86-64");
	kaddr_t addr = kmap(mem, LOWMEM_PFN - 1);

	(void)state;
	assert_int_equal(addr, 0xc0000000ull + (896ull << 20) - 4096);
	kunmap(mem, LOWMEM_PFN - 1);
	addr = kmap_local_pfn(mem, 0x1000);
	assert_int_equal(addr, 0xc1000000ull);
	kunmap_local(mem, addr);
	assert_int_equal(mem->vm_event[KMAP] + mem->vm_event[KMAP_LOCAL], 0);
	/* Nor does a machine whose direct map reaches all. */
	assert_null(wide->highmem);
	clear_highpages(wide, LOWMEM_PFN, 1);
	assert_int_equal(wide->vm_event[KMAP_LOCAL], 0);
	memory_destroy(mem);
	memory_destroy(wide);
}

static void windows_are_counted_and_shared(void **state)
{
	struct memory *mem = machine("x86-32");
	kaddr_t first = kmap(mem, LOWMEM_PFN), second = kmap(mem, LOWMEM_PFN + 7);

	(void)state;
	assert_int_equal(first, 0xff800000ull + 4096);	/* window 1: the turn begins behind 0 */
	assert_int_equal(second, first + 4096);
	assert_int_equal(kmap(mem, LOWMEM_PFN), first);
	assert_int_equal(mem->vm_event[KMAP], 3);
	assert_int_equal(mem->vm_event[KMAP_HIT], 1);
	kunmap(mem, LOWMEM_PFN);
	kunmap(mem, LOWMEM_PFN);
	/* Nobody uses it, but until the flush it is still there. */
	assert_int_equal(kmap(mem, LOWMEM_PFN), first);
	assert_int_equal(mem->vm_event[KMAP_HIT], 2);
	assert_true(highmem_consistent(mem, NULL));
	memory_destroy(mem);
}

/* The kernel's worst case: a page a window, round after round. */
static void a_round_is_followed_by_a_flush(void **state)
{
	static const struct {
		const char *geometry;
		unsigned windows;
	} rows[] = { { "x86-32", 1024 }, { "x86-32-pae", 512 } };

	(void)state;
	for (unsigned r = 0; r < 2; r++) {
		struct memory *mem = machine(rows[r].geometry);

		for (unsigned i = 0; i < 3 * rows[r].windows; i++) {
			assert_true(kmap(mem, LOWMEM_PFN + i));
			kunmap(mem, LOWMEM_PFN + i);
			/* Window 0 comes when the turn does: before it is given, all are taken back. */
			assert_int_equal(mem->vm_event[KMAP_FLUSH], (i + 1) / rows[r].windows);
		}
		assert_int_equal(mem->vm_event[KMAP_HIT], 0);
		kmap_flush_unused(mem);
		assert_int_equal(mem->highmem->slot_of.nr, 0);
		memory_destroy(mem);
	}
}

static void windows_in_use_are_passed_over(void **state)
{
	struct memory *mem = machine("x86-32-pae");

	(void)state;
	for (unsigned i = 0; i < 512; i++)
		assert_true(kmap(mem, LOWMEM_PFN + i));
	assert_int_equal(kmap(mem, LOWMEM_PFN + 512), 0);
	assert_int_equal(mem->vm_event[KMAP_WAIT], 1);
	kunmap(mem, LOWMEM_PFN + 99);
	assert_int_equal(kmap(mem, LOWMEM_PFN + 512), 0xffa00000ull + 100 * 4096);
	assert_true(highmem_consistent(mem, NULL));
	memory_destroy(mem);
}

static void local_windows_are_a_stack(void **state)
{
	struct memory *mem = machine("x86-32");
	kaddr_t a = kmap_local_pfn(mem, LOWMEM_PFN), b = kmap_local_pfn(mem, LOWMEM_PFN), c;

	(void)state;
	assert_int_equal(b, a + 4096);
	mem->cpu = 1;
	c = kmap_local_pfn(mem, LOWMEM_PFN);
	assert_int_equal(c, a + KM_MAX_IDX * 4096);
	kunmap_local(mem, c);
	mem->cpu = 0;
	kunmap_local(mem, b);
	kunmap_local(mem, a);
	assert_int_equal(mem->vm_event[KMAP_LOCAL], 3);
	assert_int_equal(mem->vm_event[NR_TLB_LOCAL_FLUSH_ONE], 3);
	memory_destroy(mem);
}

static void give_up_in_the_wrong_order(void)
{
	struct memory *mem = machine("x86-32");
	kaddr_t a = kmap_local_pfn(mem, LOWMEM_PFN);

	kmap_local_pfn(mem, LOWMEM_PFN);
	kunmap_local(mem, a);
}

static void give_up_once_too_often(void)
{
	struct memory *mem = machine("x86-32");

	kmap(mem, LOWMEM_PFN);
	kunmap(mem, LOWMEM_PFN);
	kunmap(mem, LOWMEM_PFN);
}

static void misuse_is_a_bug(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(run_in_child(give_up_in_the_wrong_order, text, sizeof(text)), SIGABRT);
	assert_int_equal(run_in_child(give_up_once_too_often, text, sizeof(text)), SIGABRT);
}

static void paths_use_what_is_set(void **state)
{
	struct memory *mem = machine("x86-32");

	(void)state;
	clear_highpages(mem, LOWMEM_PFN, 4);
	copy_highpage(mem, LOWMEM_PFN, 16);	/* from low memory: one window */
	copy_highpage(mem, LOWMEM_PFN, LOWMEM_PFN + 1);
	assert_int_equal(mem->vm_event[KMAP_LOCAL], 4 + 1 + 2);
	mem->conf.highmem_map = HIGHMEM_MAP_PKMAP;
	clear_highpages(mem, LOWMEM_PFN, 4);
	copy_highpage(mem, LOWMEM_PFN, LOWMEM_PFN + 1);
	assert_int_equal(mem->vm_event[KMAP_LOCAL], 7);
	assert_int_equal(mem->vm_event[KMAP], 6);
	assert_int_equal(mem->vm_event[KMAP_HIT], 2);
	assert_int_equal(clear_highpages(mem, PFN_NONE, 1), PFN_NONE);
	memory_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_memory_needs_none),
		cmocka_unit_test(windows_are_counted_and_shared),
		cmocka_unit_test(a_round_is_followed_by_a_flush),
		cmocka_unit_test(windows_in_use_are_passed_over),
		cmocka_unit_test(local_windows_are_a_stack),
		cmocka_unit_test(misuse_is_a_bug),
		cmocka_unit_test(paths_use_what_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
