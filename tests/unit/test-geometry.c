/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page-table geometries: the equations over their levels, and cutting addresses. */
#include "support/test.h"

#include "machine/geometry.h"

static void levels_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; geometry_name(i); i++) {
		const struct geometry *g = geometry_find(geometry_name(i));
		unsigned top = g->nr_levels - 1u;

		assert_string_equal(g->name, geometry_name(i));
		assert_int_equal(g->level[0].shift, g->page_shift);
		assert_true(g->level[0].may_leaf);
		for (unsigned l = 0; l < top; l++)
			assert_int_equal(g->level[l + 1].shift, g->level[l].shift + g->level[l].bits);
		assert_int_equal(g->va_bits, g->level[top].shift + g->level[top].bits);
		assert_true(g->user_end <= 1ull << g->half_bits);
		/* One half, or two that share a root, or two with a root each. */
		assert_true(g->half_bits == g->va_bits || g->half_bits == g->va_bits - 1);
		assert_true(geometry_is_canonical(g, g->page_offset));
		assert_true(geometry_is_canonical(g, g->vmalloc_start));
		assert_true(geometry_is_canonical(g, g->user_end - 1));
		assert_true(g->vmalloc_start < g->vmalloc_end);
		if (g->lowmem_bytes)
			assert_true(g->page_offset + g->lowmem_bytes <= g->vmalloc_start);
		assert_true(g->mmap_end <= g->user_end);
		assert_true(g->max_order >= g->pageblock_order);
	}
}

static void x86_64_is_as_the_kernel_has_it(void **state)
{
	const struct geometry *g = geometry_find("x86-64");
	uint8_t shift[MAX_PAGE_SIZES];

	(void)state;
	assert_int_equal(g->user_end, 0x7ffffffff000);
	assert_int_equal(geometry_page_sizes(g, shift), 3);
	assert_int_equal(shift[0], 12);
	assert_int_equal(shift[1], 21);
	assert_int_equal(shift[2], 30);
	assert_int_equal(geometry_find("x86-64-la57")->nr_levels, 5);
	assert_null(geometry_find("x86"));
}

static void other_architectures_are_as_the_kernel_has_them(void **state)
{
	static const struct {
		const char *name;
		unsigned nr_sizes, shift[MAX_PAGE_SIZES], max_order, pageblock_order;
	} rows[] = {
		{ "x86-32", 2, { 12, 22 }, 10, 10 },
		{ "x86-32-pae", 2, { 12, 21 }, 10, 9 },
		{ "arm64-4k", 3, { 12, 21, 30 }, 10, 9 },
		{ "arm64-16k", 2, { 14, 25 }, 11, 11 },
		{ "arm64-64k", 2, { 16, 29 }, 13, 13 },
		{ "riscv-sv39", 3, { 12, 21, 30 }, 10, 9 },
		{ "riscv-sv48", 4, { 12, 21, 30, 39 }, 10, 9 },
	};
	uint8_t shift[MAX_PAGE_SIZES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct geometry *g = geometry_find(rows[i].name);

		assert_non_null(g);
		assert_int_equal(geometry_page_sizes(g, shift), rows[i].nr_sizes);
		for (unsigned s = 0; s < rows[i].nr_sizes; s++)
			assert_int_equal(shift[s], rows[i].shift[s]);
		assert_int_equal(g->max_order, rows[i].max_order);
		assert_int_equal(g->pageblock_order, rows[i].pageblock_order);
	}
	assert_int_equal(geometry_find("x86-32")->lowmem_bytes, 896 << 20);
}

static void addresses_without_a_half_are_told(void **state)
{
	const struct geometry *x86 = geometry_find("x86-64"), *arm = geometry_find("arm64-4k"),
			      *i386 = geometry_find("x86-32");

	(void)state;
	assert_true(geometry_is_canonical(x86, 0x00007fffffffffffull));
	assert_false(geometry_is_canonical(x86, 0x0000800000000000ull));
	assert_false(geometry_is_canonical(x86, 0xffff7fffffffffffull));
	assert_true(geometry_is_canonical(x86, 0xffff800000000000ull));
	/* bit 47 is the user's on arm64 */
	assert_true(geometry_is_canonical(arm, 0x0000ffffffffffffull));
	assert_false(geometry_is_canonical(arm, 0x0001000000000000ull));
	assert_true(geometry_is_canonical(arm, 0xffff000000000000ull));
	assert_true(geometry_is_canonical(i386, 0xffffffffull));
	assert_false(geometry_is_canonical(i386, 0x100000000ull));
	assert_false(geometry_is_canonical(i386, 0xffffffffc0000000ull));
}

static void addresses_are_cut_into_indices(void **state)
{
	const struct geometry *g = geometry_find("x86-64");
	uint64_t addr = 5ull << 39 | 6ull << 30 | 7ull << 21 | 8ull << 12 | 9;

	(void)state;
	assert_int_equal(geometry_index(g, 3, addr), 5);
	assert_int_equal(geometry_index(g, 2, addr), 6);
	assert_int_equal(geometry_index(g, 1, addr), 7);
	assert_int_equal(geometry_index(g, 0, addr), 8);
	assert_int_equal(geometry_index(g, 3, UINT64_MAX), 511);
}

static void the_next_boundary_does_not_wrap(void **state)
{
	const struct geometry *g = geometry_find("x86-64");

	(void)state;
	assert_int_equal(geometry_addr_end(g, 1, 0x1000, UINT64_MAX), 0x200000);
	assert_int_equal(geometry_addr_end(g, 1, 0x200000, UINT64_MAX), 0x400000);
	assert_int_equal(geometry_addr_end(g, 1, 0x1000, 0x3000), 0x3000);
	assert_int_equal(geometry_addr_end(g, 3, 0xffffffffffff0000ull, 0xfffffffffffff000ull), 0xfffffffffffff000ull);
	/* end 0 is the end of the address space */
	assert_int_equal(geometry_addr_end(g, 3, 0xffffffffffff0000ull, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_add_up),
		cmocka_unit_test(x86_64_is_as_the_kernel_has_it),
		cmocka_unit_test(other_architectures_are_as_the_kernel_has_them),
		cmocka_unit_test(addresses_without_a_half_are_told),
		cmocka_unit_test(addresses_are_cut_into_indices),
		cmocka_unit_test(the_next_boundary_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
