/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Slots of swap against a bitmap and plain counts: folios of all sizes get slots, entries come and go, folios leave the cache
 * and come back to it, on three areas of two priorities, until swap is full and beyond. After each operation the slots that it
 * touched are compared, now and then all of them, and clusters and lists are walked.
 *
 *	used[slot]	the slot belongs to somebody: an entry, or the cache
 *	count[slot]	entries that name it
 *	folio[slot]	which of our folios is in the cache for it
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/rng.h"
#include "base/strbuf.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/swap_state.h"

#define MIB		(1ull << 20)
#define NR_AREAS	3
#define MAX_SLOTS	(6 * 256u + 77)
#define NR_FOLIOS	300

struct model {
	struct memory *mem;
	struct rng rng;
	bool used[NR_AREAS][MAX_SLOTS];
	uint32_t count[NR_AREAS][MAX_SLOTS];
	pfn_t folio[NR_FOLIOS];		/* with a reference of ours and in the cache */
	unsigned nr_folios;
	uint64_t nr_used, nr_slots, refused, full;
};

static void set_up(struct model *m)
{
	const struct swap_area_desc areas[NR_AREAS] = {
		{6 * MIB, 5, SWAP_SSD}, {4 * MIB + 77 * 4096, 5, SWAP_SSD}, {3 * MIB, 1, SWAP_DISK}};

	memset(m, 0, sizeof(*m));
	rng_seed(&m->rng, test_seed());
	m->mem = memory_create_uma(geometry_find("x86-64"), 2, 64 * MIB);
	swap_system_create(m->mem);
	for (unsigned i = 0; i < NR_AREAS; i++) {
		assert_int_equal(swapon(m->mem, &areas[i], NULL), 0);
		m->nr_slots += m->mem->swap->info[i]->pages;
	}
}

static void slot_taken(struct model *m, swp_entry_t entry, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		bool *used = &m->used[swp_type(entry)][swp_offset(entry) + i];

		assert_int_not_equal(swp_offset(entry) + i, 0);
		assert_true(swp_offset(entry) + i < m->mem->swap->info[swp_type(entry)]->max);
		assert_false(*used);
		*used = true;
	}
	m->nr_used += nr;
}

/* Slots of the folio that no entry names are free when the cache gives them up. */
static void cache_left(struct model *m, swp_entry_t entry, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (!m->count[swp_type(entry)][swp_offset(entry) + i]) {
			m->used[swp_type(entry)][swp_offset(entry) + i] = false;
			m->nr_used--;
		}
}

static unsigned nr_of(const struct model *m, pfn_t head)
{
	return 1u << page_order(pfn_to_page(m->mem, head));
}

/* Folios that lost their slots because swap became full. */
static void forget_reclaimed(struct model *m)
{
	for (unsigned i = 0; i < m->nr_folios;) {
		pfn_t head = m->folio[i];

		if (pfn_to_page(m->mem, head)->flags & PG_SWAPCACHE) {
			i++;
			continue;
		}
		cache_left(m, page_swap_entry(m->mem, head), nr_of(m, head));
		put_page(m->mem, head);
		m->folio[i] = m->folio[--m->nr_folios];
	}
}

/* Unmapping: an entry for each page. */
static void name_folio(struct model *m, unsigned i)
{
	pfn_t head = m->folio[i];
	swp_entry_t entry = page_swap_entry(m->mem, head);
	unsigned nr = nr_of(m, head);

	swap_dup_nr(m->mem, entry, nr);
	for (unsigned k = 0; k < nr; k++)
		m->count[swp_type(entry)][swp_offset(entry) + k]++;
}

static void swap_out(struct model *m)
{
	static const unsigned orders[] = {0, 0, 0, 0, 0, 0, 2, 3, 4, 9};
	unsigned order = orders[rng_below(&m->rng, 10)];
	pfn_t head;

	if (m->nr_folios == NR_FOLIOS)
		return;
	head = alloc_pages(m->mem, GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0), order, NUMA_NO_NODE);
	if (head == PFN_NONE)
		return;
	m->mem->cpu = (unsigned)rng_below(&m->rng, 2);
	if (!folio_alloc_swap(m->mem, head)) {
		put_page(m->mem, head);
		forget_reclaimed(m);
		m->refused += order > 0;
		m->full += !order;
		/* A single slot is refused only when there is none at all. */
		if (!order)
			assert_int_equal(m->nr_used, m->nr_slots);
		return;
	}
	forget_reclaimed(m);
	slot_taken(m, page_swap_entry(m->mem, head), 1u << order);
	assert_int_equal(swp_offset(page_swap_entry(m->mem, head)) & ((1u << order) - 1) & -(order > 0), 0);
	m->folio[m->nr_folios++] = head;
	if (rng_below(&m->rng, 4))
		name_folio(m, m->nr_folios - 1);
}

static void evict(struct model *m, unsigned i)
{
	pfn_t head = m->folio[i];
	swp_entry_t entry = page_swap_entry(m->mem, head);
	unsigned nr = nr_of(m, head);
	uint64_t shadow = 2 * (uint64_t)rng_below(&m->rng, 1000) + 1;

	swap_cache_del_folio(m->mem, head, shadow);
	for (unsigned k = 0; k < nr; k++) {
		swp_entry_t e = {entry.val + k};

		assert_int_equal(swap_cache_get_shadow(m->mem, e),
				 m->count[swp_type(e)][swp_offset(e)] ? shadow : 0);
		assert_int_equal(swap_cache_get_folio(m->mem, e), PFN_NONE);
	}
	cache_left(m, entry, nr);
	put_page(m->mem, head);
	m->folio[i] = m->folio[--m->nr_folios];
}

static void drop_slot(struct model *m, bool and_cache)
{
	unsigned type = (unsigned)rng_below(&m->rng, NR_AREAS);
	uint32_t slot = (uint32_t)rng_below(&m->rng, m->mem->swap->info[type]->max);

	for (unsigned tries = 0; tries < 200 && !m->count[type][slot]; tries++)
		slot = (slot + 1) % m->mem->swap->info[type]->max;
	if (!m->count[type][slot])
		return;
	m->count[type][slot]--;
	if (and_cache)
		free_swap_and_cache_nr(m->mem, swp_entry(type, slot), 1);
	else
		swap_free_nr(m->mem, swp_entry(type, slot), 1);
	forget_reclaimed(m);
	if (!m->count[type][slot] && swap_cache_get_folio(m->mem, swp_entry(type, slot)) == PFN_NONE &&
	    m->used[type][slot]) {
		m->used[type][slot] = false;
		m->nr_used--;
	}
	assert_int_equal(swap_count(m->mem, swp_entry(type, slot)), m->count[type][slot]);
}

static void read_back(struct model *m)
{
	unsigned type = (unsigned)rng_below(&m->rng, NR_AREAS);
	uint32_t slot = (uint32_t)rng_below(&m->rng, m->mem->swap->info[type]->max);
	swp_entry_t entry = swp_entry(type, slot);
	bool had, read = false;
	pfn_t head;

	if (m->nr_folios == NR_FOLIOS || !slot)
		return;
	had = swap_cache_get_folio(m->mem, entry) != PFN_NONE;
	head = read_swap_cache_async(m->mem, entry, GFP_HIGHUSER_MOVABLE, NULL, 0, &read);
	if (had || !m->count[type][slot]) {
		assert_false(read);
		assert_true(had == (head != PFN_NONE));
		if (head != PFN_NONE)
			put_page(m->mem, head);
		return;
	}
	if (head == PFN_NONE)
		return;
	assert_true(read);
	m->folio[m->nr_folios++] = head;
}

static void check(const struct model *m)
{
	struct strbuf why = {0};

	if (!swap_slots_consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	for (unsigned t = 0; t < NR_AREAS; t++) {
		const struct swap_info_struct *si = m->mem->swap->info[t];

		for (uint32_t slot = 1; slot < si->max; slot++) {
			assert_int_equal(si->map[slot] != 0, m->used[t][slot]);
			assert_int_equal(si->map[slot] & SWAP_MAP_COUNT, m->count[t][slot]);
		}
	}
	assert_int_equal(get_nr_swap_pages(m->mem), m->nr_slots - m->nr_used);
}

static void slots_are_what_a_bitmap_says(void **state)
{
	uint64_t ops = test_ops(1000000);
	struct model m;

	(void)state;
	set_up(&m);
	for (uint64_t i = 0; i < ops; i++) {
		/* It fills up, and empties again. */
		bool filling = i / 20000 % 2 == 0;
		uint64_t op = rng_below(&m.rng, 10);

		if (op < (filling ? 4 : 1))
			swap_out(&m);
		else if (op < 5 && m.nr_folios)
			name_folio(&m, (unsigned)rng_below(&m.rng, m.nr_folios));
		else if (op < 8 && m.nr_folios)
			evict(&m, (unsigned)rng_below(&m.rng, m.nr_folios));
		else if (op == 8)
			for (unsigned k = filling ? 1 : 16; k; k--)
				drop_slot(&m, rng_below(&m.rng, 2));
		else if (op == 9)
			read_back(&m);
		if (i % 10000 == 0)
			check(&m);
	}
	check(&m);
	assert_true(m.full > 100 && m.refused > 100);
	while (m.nr_folios)
		evict(&m, 0);
	for (unsigned t = 0; t < NR_AREAS; t++)
		for (uint32_t slot = 1; slot < m.mem->swap->info[t]->max; slot++)
			for (; m.count[t][slot]; m.count[t][slot]--)
				swap_free_nr(m.mem, swp_entry(t, slot), 1);
	memset(m.used, 0, sizeof(m.used));
	m.nr_used = 0;
	check(&m);
	swap_destroy(m.mem);
	memory_destroy(m.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_what_a_bitmap_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
