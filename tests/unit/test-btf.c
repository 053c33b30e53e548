/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Members of structs in a small BTF image made by hand, and what is left of it when it is damaged. */
#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include "support/test.h"
#include "capture/btf.h"

/* struct outer { long a; union { long b; struct { int c; int d; }; }; int bit : 3; }; struct other { long a; }; */
struct image {
	struct btf_header h;
	struct btf_type number;
	uint32_t number_info;
	struct btf_type pair;
	struct btf_member pair_m[2];
	struct btf_type both;
	struct btf_member both_m[2];
	struct btf_type outer;
	struct btf_member outer_m[3];
	struct btf_type other;
	struct btf_member other_m[1];
	char strings[40];
};

static const char strings[40] = "\0int\0outer\0a\0b\0c\0d\0bit\0other";
enum { S_INT = 1, S_OUTER = 5, S_A = 11, S_B = 13, S_C = 15, S_D = 17, S_BIT = 19, S_OTHER = 23 };

#define INFO(kind, n, flag) ((uint32_t)(kind) << 24 | (n) | (uint32_t)(flag) << 31)

static void make(struct image *im)
{
	*im = (struct image){
		.h = {.magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(im->h), .type_off = 0},
		.number = {.name_off = S_INT, .info = INFO(BTF_KIND_INT, 0, 0), .size = 4},
		.pair = {.info = INFO(BTF_KIND_STRUCT, 2, 0), .size = 8},
		.pair_m = {{S_C, 1, 0}, {S_D, 1, 32}},
		.both = {.info = INFO(BTF_KIND_UNION, 2, 0), .size = 8},
		.both_m = {{S_B, 1, 0}, {0, 2, 0}},
		.outer = {.name_off = S_OUTER, .info = INFO(BTF_KIND_STRUCT, 3, 1), .size = 24},
		.outer_m = {{S_A, 1, 0}, {0, 3, 64}, {S_BIT, 1, 3u << 24 | 128}},
		.other = {.name_off = S_OTHER, .info = INFO(BTF_KIND_STRUCT, 1, 0), .size = 8},
		.other_m = {{S_A, 1, 320}},
	};
	memcpy(im->strings, strings, sizeof(strings));
	im->h.type_len = (uint32_t)(offsetof(struct image, strings) - sizeof(im->h));
	im->h.str_off = im->h.type_len;
	im->h.str_len = sizeof(im->strings);
}

static void test_members(void **state)
{
	struct btf b = {0};
	struct image im;
	uint32_t at = 99;

	(void)state;
	make(&im);
	assert_int_equal(btf_parse(&b, &im, sizeof(im)), 0);
	assert_true(btf_member(&b, "outer", "a", &at));
	assert_int_equal(at, 0);
	assert_true(btf_member(&b, "outer", "b", &at));
	assert_int_equal(at, 8);
	/* Through an unnamed union and an unnamed struct */
	assert_true(btf_member(&b, "outer", "d", &at));
	assert_int_equal(at, 12);
	assert_true(btf_member(&b, "other", "a", &at));
	assert_int_equal(at, 40);
	assert_false(btf_member(&b, "outer", "bit", &at));
	assert_false(btf_member(&b, "outer", "none", &at));
	assert_false(btf_member(&b, "none", "a", &at));
	btf_close(&b);
}

/* Cut anywhere, it is refused or what is left is read: never more than there is. */
static void test_damage(void **state)
{
	struct image im;

	(void)state;
	for (size_t n = 0; n < sizeof(im); n++) {
		struct btf b = {0};

		make(&im);
		assert_int_equal(btf_parse(&b, &im, n), -EBADMSG);
		btf_close(&b);
	}
	for (size_t at = 0; at < sizeof(im); at++) {
		struct btf b = {0};
		uint32_t bytes;

		make(&im);
		((unsigned char *)&im)[at] ^= 0xff;
		if (btf_parse(&b, &im, sizeof(im)) == 0)
			btf_member(&b, "outer", "d", &bytes);
		btf_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
