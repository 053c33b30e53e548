/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* TLBs of the machine "test": 8 entries of 2 ways (4K), 4 (2M), a second level of 32, walk caches of 4 and 2. */
#include "support/test.h"

#include "machine/profile.h"
#include "machine/tlb.h"

#define DATA_SETS 4

struct fixture {
	struct machine_profile *p;
	struct tlb_system *sys;
	struct tlb_cpu *cpu;
};

static struct fixture set_up_with(const char *key, const char *value)
{
	struct tlb_config conf;
	struct fixture f;

	assert_int_equal(profile_load("test", &f.p, NULL), 0);
	config_defaults(&tlb_config_table, &conf);
	if (key)
		assert_int_equal(config_set(config_find(&tlb_config_table, key), &conf, value, NULL), 0);
	f.sys = tlb_create(&f.p->geometry, &f.p->tlb, &conf, f.p->topology.nr_cpus, f.p->topology.nr_nodes);
	f.cpu = tlb_this_cpu(f.sys, 0);
	return f;
}

static struct fixture set_up(void)
{
	return set_up_with(NULL, NULL);
}

static void tear_down(struct fixture *f)
{
	assert_true(tlb_consistent(f->sys));
	tlb_destroy(f->sys);
	profile_free(f->p);
}

/* One touch of a page that the page table maps with a page of that size on that node. */
static enum tlb_found touch(struct fixture *f, enum tlb_stream stream, uint64_t granule, unsigned size, unsigned node,
			    bool global)
{
	struct tlb_mapping m = {
		.key = tlb_key(f->cpu, granule), .flags = TLB_READ, .size = (uint8_t)size, .global = global,
		.class = (uint16_t)(size * f->sys->nr_nodes + node),
	};
	struct tlb_stream_state *s = &f->cpu->stream[stream];
	const struct tlb_entry *e = NULL;
	enum tlb_found found;

	f->cpu->clock++;
	f->cpu->nr_reads++;
	found = tlb_lookup(f->cpu, stream, m.key, TLB_READ, &e);
	if (found == TLB_FOUND_NOT) {
		tlb_walk_end(f->cpu, s, m.key, tlb_walk_begin(f->cpu, s, m.key), size);
		tlb_fill(f->cpu, stream, &m);
		s->walks[size]++;
	} else {
		assert_int_equal(e->class, m.class);
	}
	tlb_count(s, found, m.class, 1);
	return found;
}

static enum tlb_found data(struct fixture *f, uint64_t granule)
{
	return touch(f, TLB_DATA, granule, 0, 0, false);
}

static void assert_refs(const struct fixture *f, uint64_t pte, uint64_t pmd, uint64_t pud, uint64_t pgd)
{
	const uint64_t *refs = f->cpu->stream[TLB_DATA].walk_refs;

	assert_int_equal(refs[0], pte);
	assert_int_equal(refs[1], pmd);
	assert_int_equal(refs[2], pud);
	assert_int_equal(refs[3], pgd);
}

static void the_oldest_of_a_set_goes(void **state)
{
	struct fixture f = set_up();
	struct tlb_stats st;

	(void)state;
	assert_int_equal(data(&f, 0), TLB_FOUND_NOT);
	assert_int_equal(data(&f, DATA_SETS), TLB_FOUND_NOT);
	assert_int_equal(data(&f, 0), TLB_FOUND_L1);
	assert_int_equal(data(&f, 2 * DATA_SETS), TLB_FOUND_NOT);	/* takes the place of DATA_SETS */
	assert_int_equal(data(&f, 0), TLB_FOUND_L1);
	assert_int_equal(data(&f, DATA_SETS), TLB_FOUND_L2);
	assert_int_equal(data(&f, 1), TLB_FOUND_NOT);			/* another set */
	assert_int_equal(data(&f, 0), TLB_FOUND_L1);
	tlb_stats(f.sys, -1, &st);
	assert_int_equal(st.stream[TLB_DATA].size[TLB_L1][0].evictions, 2);
	assert_int_equal(st.stream[TLB_DATA].size[TLB_L1][0].hits, 3);
	assert_int_equal(st.stream[TLB_DATA].size[TLB_L2][0].hits, 1);
	assert_int_equal(st.stream[TLB_DATA].total[TLB_L2].accesses, 5);
	tear_down(&f);
}

static void instructions_and_data_share_the_second_level_only(void **state)
{
	struct fixture f = set_up();

	(void)state;
	assert_int_equal(data(&f, 7), TLB_FOUND_NOT);
	assert_int_equal(touch(&f, TLB_INSN, 7, 0, 0, false), TLB_FOUND_L2);
	assert_int_equal(touch(&f, TLB_INSN, 7, 0, 0, false), TLB_FOUND_L1);
	tear_down(&f);
}

static void walks_start_where_the_walk_caches_let_them(void **state)
{
	struct fixture f = set_up();

	(void)state;
	data(&f, 0);
	assert_refs(&f, 1, 1, 1, 1);
	data(&f, 1);				/* the same page table */
	assert_refs(&f, 2, 1, 1, 1);
	data(&f, 512);				/* the next page table of the same directory */
	assert_refs(&f, 3, 2, 1, 1);
	touch(&f, TLB_DATA, 1024, 1, 0, false);	/* a 2M page ends at the directory */
	assert_refs(&f, 3, 3, 1, 1);
	data(&f, 1ull << 27);			/* all new; there is no cache of root entries */
	assert_refs(&f, 4, 4, 2, 2);
	assert_int_equal(f.cpu->stream[TLB_DATA].walk_cache_hits[1], 1);
	assert_int_equal(f.cpu->stream[TLB_DATA].walk_cache_hits[2], 2);
	tear_down(&f);
}

static void walk_caches_can_be_switched_off(void **state)
{
	struct fixture f = set_up_with("machine.walk_caches", "off");

	(void)state;
	data(&f, 0);
	data(&f, 1);
	assert_refs(&f, 2, 2, 2, 2);
	tear_down(&f);
}

static void identifiers_keep_address_spaces_apart(void **state)
{
	struct fixture f = set_up();

	(void)state;
	assert_int_equal(data(&f, 3), TLB_FOUND_NOT);
	tlb_set_asid(f.cpu, 1, false);
	assert_int_equal(data(&f, 3), TLB_FOUND_NOT);
	tlb_set_asid(f.cpu, 0, false);
	assert_int_equal(data(&f, 3), TLB_FOUND_L1);
	tlb_set_asid(f.cpu, 1, true);
	assert_int_equal(data(&f, 3), TLB_FOUND_NOT);
	tlb_set_asid(f.cpu, 0, false);
	assert_int_equal(data(&f, 3), TLB_FOUND_L1);
	tear_down(&f);
}

static void global_entries_outlive_all_but_a_full_flush(void **state)
{
	struct fixture f = set_up();

	(void)state;
	touch(&f, TLB_DATA, 9, 0, 0, true);
	tlb_set_asid(f.cpu, 2, true);
	assert_int_equal(touch(&f, TLB_DATA, 9, 0, 0, true), TLB_FOUND_L1);
	tlb_flush_asid(f.cpu);
	assert_int_equal(touch(&f, TLB_DATA, 9, 0, 0, true), TLB_FOUND_L1);
	tlb_flush_all(f.cpu);
	assert_int_equal(touch(&f, TLB_DATA, 9, 0, 0, true), TLB_FOUND_NOT);
	tlb_flush_one(f.cpu, 9 << 12);
	assert_int_equal(touch(&f, TLB_DATA, 9, 0, 0, true), TLB_FOUND_NOT);
	tear_down(&f);
}

static void one_page_flushed_and_the_walk_caches_with_it(void **state)
{
	struct fixture f = set_up();

	(void)state;
	data(&f, 0);
	data(&f, 1);
	tlb_flush_one(f.cpu, 0);
	assert_int_equal(data(&f, 1), TLB_FOUND_L1);
	assert_int_equal(data(&f, 0), TLB_FOUND_NOT);
	assert_refs(&f, 3, 2, 2, 2);
	assert_int_equal(f.cpu->nr_flush_one, 1);
	tear_down(&f);
}

/* The first level has no entries of 1G: pieces of 2M. The second has two. */
static void a_page_too_large_is_held_in_pieces(void **state)
{
	struct fixture f = set_up();
	struct tlb_stats st;

	(void)state;
	assert_int_equal(touch(&f, TLB_DATA, 0, 2, 0, false), TLB_FOUND_NOT);
	assert_int_equal(touch(&f, TLB_DATA, 511, 2, 0, false), TLB_FOUND_L1);
	assert_int_equal(touch(&f, TLB_DATA, 512, 2, 0, false), TLB_FOUND_L2);
	assert_int_equal(touch(&f, TLB_DATA, 1023, 2, 0, false), TLB_FOUND_L1);
	tlb_flush_one(f.cpu, 5000ull << 12);	/* elsewhere in the page: all of it goes */
	assert_int_equal(touch(&f, TLB_DATA, 0, 2, 0, false), TLB_FOUND_NOT);
	assert_int_equal(touch(&f, TLB_DATA, 512, 2, 0, false), TLB_FOUND_L2);
	tlb_stats(f.sys, -1, &st);
	assert_int_equal(st.stream[TLB_DATA].size[TLB_L1][2].accesses, 6);	/* counted as 1G pages */
	tear_down(&f);
}

static void an_entry_that_forbids_is_dropped(void **state)
{
	struct fixture f = set_up();
	const struct tlb_entry *e;

	(void)state;
	data(&f, 4);
	touch(&f, TLB_INSN, 4, 0, 0, false);
	assert_int_equal(tlb_lookup(f.cpu, TLB_DATA, tlb_key(f.cpu, 4), TLB_READ | TLB_DIRTY, &e), TLB_FOUND_L1);
	assert_int_equal(tlb_lookup(f.cpu, TLB_DATA, tlb_key(f.cpu, 4), TLB_READ | TLB_WRITE, &e), TLB_FOUND_NOT);
	assert_int_equal(tlb_lookup(f.cpu, TLB_DATA, tlb_key(f.cpu, 4), TLB_READ, &e), TLB_FOUND_NOT);
	assert_int_equal(tlb_lookup(f.cpu, TLB_INSN, tlb_key(f.cpu, 4), TLB_READ, &e), TLB_FOUND_NOT);
	tear_down(&f);
}

/* More flushes than there are tag numbers: a number that comes round again must not find old entries. */
static void tag_numbers_come_round(void **state)
{
	struct fixture f = set_up();

	(void)state;
	for (unsigned i = 0; i < 3 * TLB_NR_TAGS; i++) {
		assert_int_equal(data(&f, i % 2 ? 11 : 12), TLB_FOUND_NOT);
		tlb_flush_asid(f.cpu);
	}
	assert_int_equal(f.cpu->nr_flush_asid, 3 * TLB_NR_TAGS);
	tear_down(&f);
}

/* An entry of a dead number, in a set that nothing else comes into, when its number is given out again. */
static void an_old_entry_does_not_come_to_life(void **state)
{
	struct fixture f = set_up();
	const struct tlb_entry *e;

	(void)state;
	data(&f, 11);
	for (unsigned i = 0; i < 2 * TLB_NR_TAGS; i++) {
		tlb_flush_asid(f.cpu);
		assert_int_equal(tlb_lookup(f.cpu, TLB_DATA, tlb_key(f.cpu, 11), TLB_READ, &e), TLB_FOUND_NOT);
	}
	tear_down(&f);
}

static void without_a_tlb_every_touch_walks(void **state)
{
	struct fixture f = set_up_with("machine.tlb", "null");

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(data(&f, 1), TLB_FOUND_NOT);
	assert_int_equal(f.cpu->stream[TLB_DATA].walks[0], 3);
	tear_down(&f);
}

static void touches_are_counted_by_node(void **state)
{
	struct fixture f = set_up();
	uint64_t matrix[4] = {0};

	(void)state;
	touch(&f, TLB_DATA, 1, 0, 1, false);
	touch(&f, TLB_DATA, 1, 0, 1, false);
	touch(&f, TLB_INSN, 512, 1, 0, false);
	f.cpu = tlb_this_cpu(f.sys, 3);		/* of node 1 */
	touch(&f, TLB_DATA, 1, 0, 1, false);
	tlb_access_matrix(f.sys, f.p->topology.cpu_node, matrix);
	assert_int_equal(matrix[0 * 2 + 0], 1);
	assert_int_equal(matrix[0 * 2 + 1], 2);
	assert_int_equal(matrix[1 * 2 + 0], 0);
	assert_int_equal(matrix[1 * 2 + 1], 1);
	tear_down(&f);
}

static void failed_touches_obey_the_laws(void **state)
{
	struct fixture f = set_up();
	struct tlb_stats st;

	(void)state;
	f.cpu->nr_writes += 5;
	tlb_count_failed(f.sys, &f.cpu->stream[TLB_DATA], 1, 5);
	tlb_stats(f.sys, 0, &st);
	assert_int_equal(st.stream[TLB_DATA].total[TLB_L1].misses, 5);
	assert_int_equal(st.stream[TLB_DATA].failed[1], 5);
	assert_int_equal(st.stream[TLB_DATA].size[TLB_L1][0].misses, 0);
	assert_true(tlb_consistent(f.sys));
	f.cpu->nr_writes++;	/* a touch that nobody counted */
	assert_false(tlb_consistent(f.sys));
	f.cpu->nr_writes--;
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_of_a_set_goes),
		cmocka_unit_test(instructions_and_data_share_the_second_level_only),
		cmocka_unit_test(walks_start_where_the_walk_caches_let_them),
		cmocka_unit_test(walk_caches_can_be_switched_off),
		cmocka_unit_test(identifiers_keep_address_spaces_apart),
		cmocka_unit_test(global_entries_outlive_all_but_a_full_flush),
		cmocka_unit_test(one_page_flushed_and_the_walk_caches_with_it),
		cmocka_unit_test(a_page_too_large_is_held_in_pieces),
		cmocka_unit_test(an_entry_that_forbids_is_dropped),
		cmocka_unit_test(tag_numbers_come_round),
		cmocka_unit_test(an_old_entry_does_not_come_to_life),
		cmocka_unit_test(without_a_tlb_every_touch_walks),
		cmocka_unit_test(touches_are_counted_by_node),
		cmocka_unit_test(failed_touches_obey_the_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
