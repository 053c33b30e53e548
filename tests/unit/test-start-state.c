/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The kernel's texts of free memory: what is read, what is refused and with which line. */
#include "support/test.h"

#include <errno.h>
#include <stdbool.h>

#include "sim/start-state.h"

#define TYPES "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"

static int parse(zone_state_vec *states, const char *types, const char *buddy, const char *zones,
		 struct mmr_error *err)
{
	struct state_texts t = { .pagetypeinfo = types, .buddyinfo = buddy, .zoneinfo = zones,
				 .pagetypeinfo_name = "types", .buddyinfo_name = "buddy" };

	vec_finish(states);
	*err = (struct mmr_error){0};
	return zone_states_parse(states, &t, 10, err);
}

/* Linux 6.18 with two nodes and CMA, shortened; numbers above 100000 are cut off by the kernel. */
static const char pagetypeinfo[] =
	"Page block order: 9\n"
	"Pages per block:  512\n"
	"\n"
	"Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 \n"
	"Node    0, zone      DMA, type    Unmovable      0      0      0      0      0      0      0      0      1      0      0 \n"
	"Node    0, zone   Normal, type    Unmovable     40      3      0      1      1      0      1      1      0      0      0 \n"
	"Node    0, zone   Normal, type      Movable >100000   1220   3837   1935    553    501    377     27    187    173    337 \n"
	"Node    0, zone   Normal, type          CMA      0      0      0      0      0      0      0      0      0      2      8 \n"
	"Node    1, zone   Normal, type      Movable      1      2      3      4      5      6      7      8      9     10     11 \n"
	"Node    1, zone   Device, type      Movable      1      2      3      4      5      6      7      8      9     10     11 \n"
	"\n"
	TYPES
	"Node 0, zone      DMA            1            7            0            0            0            0 \n"
	"Node 0, zone   Normal           63         1491           46            1           18            0 \n"
	"Node 1, zone   Normal            0         1024            0            0            0            0 \n";
static const char buddyinfo[] =
	"Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      0      0 \n"
	"Node 0, zone   Normal 123456   1223   3838   1936    555    502    379     29    188    173    337 \n"
	"Node 1, zone   Normal      1      2      3      4      5      6      7      8      9     10     11 \n";

static void test_pagetypeinfo(void **state)
{
	zone_state_vec s = {0};
	struct mmr_error err;

	(void)state;
	if (parse(&s, pagetypeinfo, buddyinfo,
		  "Node 0, zone   Normal\n  pages free     5\n        managed  819200\nNode 0, zone  Movable\n"
		  "        managed  0\n", &err))
		fail_msg("%s", err.text);
	assert_int_equal(s.nr, 3);
	assert_int_equal(s.data[0].type, ZONE_DMA);
	assert_int_equal(s.data[0].free[8][MIGRATE_UNMOVABLE], 1);
	assert_int_equal(s.data[0].pageblocks[MIGRATE_MOVABLE], 7);
	assert_int_equal(s.data[1].nid, 0);
	assert_int_equal(s.data[1].free[0][MIGRATE_UNMOVABLE], 40);
	assert_int_equal(s.data[1].free[0][MIGRATE_MOVABLE], 123456 - 40);	/* from buddyinfo */
	assert_int_equal(s.data[1].free[1][MIGRATE_MOVABLE], 1220);
	assert_int_equal(s.data[1].free[10][MIGRATE_CMA], 8);
	assert_int_equal(s.data[1].pageblocks[MIGRATE_HIGHATOMIC], 1);
	assert_int_equal(s.data[1].pageblocks[MIGRATE_CMA], 18);
	assert_int_equal(s.data[1].managed_pages, 819200);
	assert_int_equal(s.data[2].nid, 1);
	assert_int_equal(s.data[2].free[10][MIGRATE_MOVABLE], 11);
	assert_int_equal(s.data[2].managed_pages, 0);
	vec_finish(&s);
}

static void test_buddyinfo_alone(void **state)
{
	zone_state_vec s = {0};
	struct mmr_error err;

	(void)state;
	assert_int_equal(parse(&s, NULL, buddyinfo, NULL, &err), 0);
	assert_int_equal(s.nr, 3);
	assert_int_equal(s.data[1].free[0][MIGRATE_MOVABLE], 123456);
	assert_int_equal(s.data[1].pageblocks[MIGRATE_MOVABLE], 0);
	vec_finish(&s);
}

static void test_bad_texts(void **state)
{
	static const struct {
		const char *types, *buddy, *says;
	} rows[] = {
		{ pagetypeinfo, NULL, "types has only a least number of Movable blocks of order 0" },
		{ "", NULL, "types: no zone in it" },
		{ "Node 0, zone Normal, type Movable 1 2 x\n", NULL, "types, line 1: a number expected" },
		{ "\nNode 0, zone Normal, type Strange 1 2\n", NULL, "types, line 2: a migrate type" },
		{ "Node 0, zone Normal, Movable 1 2\n", NULL, "types, line 1: no migrate type" },
		{ "Node 0, zone Normal, type Movable\n", NULL, "types, line 1: no numbers" },
		{ "Node 0, zone Normal 1 2\n", NULL, "types, line 1: pageblocks of types" },
		{ TYPES "Node 0, zone Normal 1 2\n", NULL, "types, line 2: fewer numbers" },
		{ "Node 0, zone Normal, type Movable 0 0 0 0 0 0 0 0 0 0 0 0 7\n", NULL,
		  "types, line 1: an order that this machine has not" },
		{ NULL, "Node 0, zone Normal 0 1 2 3\nhello\n", "buddy, line 2: no node and zone" },
		{ NULL, "Node 0, zone Normal 0 1 -2 3\n", "buddy, line 1: a number expected" },
		{ NULL, "Node 0, zone Normal 99999999999999\n", "buddy, line 1: a number expected" },
	};
	zone_state_vec s = {0};
	struct mmr_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse(&s, rows[i].types, rows[i].buddy, NULL, &err), -EBADMSG);
		if (!strstr(err.text, rows[i].says))
			fail_msg("row %zu: %s", i, err.text);
	}
	vec_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pagetypeinfo),
		cmocka_unit_test(test_buddyinfo_alone),
		cmocka_unit_test(test_bad_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
