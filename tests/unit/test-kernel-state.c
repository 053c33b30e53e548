/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Texts of /proc as Linux 6.18 writes them, older ones, and nonsense. */
#include "support/test.h"

#include "sim/kernel-state.h"

static const char zoneinfo[] = "Node 0, zone      DMA\n"
			       "  per-node stats\n"
			       "      nr_inactive_anon 30446\n"
			       "  pages free     3840\n"
			       "        boost    0\n"
			       "        min      40\n"
			       "        low      50\n"
			       "        high     60\n"
			       "        promo    70\n"
			       "        spanned  4095\n"
			       "        managed  3840\n"
			       "        protection: (0, 3019, 6219, 6219, 6219)\n"
			       "  pagesets\n"
			       "    cpu: 0\n"
			       "              count:    0\n"
			       "              high:     0\n"
			       "              batch:    1\n"
			       "              high_min: 25\n"
			       "              high_max: 240\n"
			       "  vm stats threshold: 4\n"
			       "Node 0, zone    DMA32\n"
			       "        min      8182\n"
			       "        managed  772915\n"
			       "        protection: (0, 0, 3200, 3200, 3200)\n"
			       "Node 0, zone   Normal\n"
			       "        min      8672\n"
			       "        low      10840\n"
			       "        high     13008\n"
			       "        promo    15176\n"
			       "        managed  819200\n"
			       "        protection: (0, 0, 0, 32, 32)\n"
			       "    cpu: 0\n"
			       "              count:    6578\n"
			       "              high:     7112\n"
			       "              batch:    63\n"
			       "              high_min: 5420\n"
			       "              high_max: 51200\n"
			       "    cpu: 1\n"
			       "              count:    9372\n"
			       "              high:     9593\n"
			       "              batch:    0\n"
			       "Node 0, zone  Movable\n"
			       "        min      32\n"
			       "        managed  0\n"
			       "Node 0, zone   Device\n"
			       "        min      99\n"
			       "        managed  77\n";
static const char pagetypeinfo[] =
	"Free pages count per migrate type at order       0      1\n"
	"Node    0, zone   Normal, type    Unmovable      597    900\n"
	"\n"
	"Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate\n"
	"Node 0, zone      DMA            1            7            0            0            0\n"
	"Node 0, zone   Normal           69         1485           46            0            0\n";

static void test_zoneinfo(void **state)
{
	zone_marks_vec zones = {0};
	const struct zone_marks *m;

	(void)state;
	zone_marks_parse(&zones, zoneinfo, pagetypeinfo);
	assert_int_equal(zones.nr, 3); /* without memory, or without a zone here: not */
	m = &zones.data[0];
	assert_int_equal(m->type, ZONE_DMA);
	assert_int_equal(m->managed_pages, 3840);
	assert_int_equal(m->watermark[WMARK_HIGH], 60); /* not the one of the per-cpu lists */
	assert_int_equal(m->lowmem_reserve[ZONE_DMA32], 3019);
	assert_int_equal(m->lowmem_reserve[ZONE_NORMAL], 6219);
	assert_int_equal(m->lowmem_reserve[ZONE_HIGHMEM], 6219); /* as Normal: there is no such zone */
	assert_int_equal(m->nr_pcp, 1);
	assert_int_equal(m->pcp[0].high_max, 240);
	assert_int_equal(m->pageblocks[MIGRATE_UNMOVABLE], 1);
	m = &zones.data[2];
	assert_int_equal(m->type, ZONE_NORMAL);
	assert_int_equal(m->watermark[WMARK_PROMO], 15176);
	assert_int_equal(m->lowmem_reserve[ZONE_MOVABLE], 32);
	assert_int_equal(m->pageblocks[MIGRATE_MOVABLE], 1485);
	assert_int_equal(m->pageblocks[MIGRATE_RECLAIMABLE], 46);
	assert_int_equal(m->nr_pcp, 2);
	assert_int_equal(m->pcp[0].count, 6578);
	assert_int_equal(m->pcp[0].high_min, 5420);
	/* A kernel before 6.7 has the one mark; a batch of 0 would never refill. */
	assert_int_equal(m->pcp[1].high_max, 9593);
	assert_int_equal(m->pcp[1].batch, 1);
	zone_marks_finish(&zones);
}

static void test_nonsense(void **state)
{
	zone_marks_vec zones = {0};

	(void)state;
	zone_marks_parse(&zones, NULL, NULL);
	zone_marks_parse(&zones, "", "");
	zone_marks_parse(&zones, "cpu: 0\nmanaged 5\nNode 0, zone\nNode 99999, zone Normal\nmanaged 4\n",
			 pagetypeinfo);
	assert_int_equal(zones.nr, 0);
	zone_marks_parse(&zones,
			 "Node 0, zone Normal\n managed 18446744073709551615\n protection: (\n count: 3\n"
			 " cpu: 7\n count: 99999999999\n",
			 "Number of blocks type\nNode 0, zone Normal x");
	assert_int_equal(zones.nr, 1);
	assert_int_equal(zones.data[0].pcp[0].count, INT32_MAX);
	zone_marks_finish(&zones);
}

static void test_buddyinfo(void **state)
{
	static const char text[] = "Node 0, zone      DMA      0      0      1\n"
				   "Node 0, zone   Device      9      9\n"
				   "Node 1, zone   Normal   9941   3422   4155   2267    530    655    364     "
				   "25    142    166    333 \n"
				   "Node 1, zone Normal";
	buddyinfo_vec rows = {0};

	(void)state;
	buddyinfo_parse(&rows, text, sizeof(text) - 1);
	assert_int_equal(rows.nr, 3);
	assert_int_equal(rows.data[0].type, ZONE_DMA);
	assert_int_equal(rows.data[0].nr_free[2], 1);
	assert_int_equal(rows.data[0].nr_free[3], 0);
	assert_int_equal(rows.data[1].nid, 1);
	assert_int_equal(rows.data[1].nr_free[0], 9941);
	assert_int_equal(rows.data[1].nr_free[10], 333);
	assert_int_equal(rows.data[2].nr_free[0], 0);
	vec_finish(&rows);
	buddyinfo_parse(&rows, NULL, 0);
	assert_int_equal(rows.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zoneinfo),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_buddyinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
