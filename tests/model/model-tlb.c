/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random accesses, switches and flushes on TLBs of random geometry, against lists in order of use. Which level
 * serves each access must be the same, and so must every count.
 *
 * The reference does at once what the TLB puts off: a flush takes entries out, a page that is held in pieces
 * is a list entry per piece, a set is one list.
 */
#include "support/test.h"

#include <stdbool.h>

#include "base/bug.h"
#include "base/rng.h"
#include "base/vec.h"
#include "machine/tlb.h"

#define NR_ASIDS	6
#define NR_REGIONS	48		/* of 2 GiB, that accesses go to */
#define KERNEL_HALF	0x000fffff80000000ull	/* granule */

struct ref_entry {
	uint64_t page;		/* first granule of what the entry covers */
	uint64_t mapped_page;	/* first granule of the page it is of */
	unsigned size, mapped, flags, class;
	int asid;		/* -1 global */
};

/* One cache: all entries, most recent last. A set is found by looking at all of them. */
struct ref_cache {
	const struct tlb_level_geometry *geo;
	VEC(struct ref_entry) list;
};

struct ref_walk {
	VEC(struct ref_entry) list;
	uint32_t capacity;
};

struct model {
	struct rng rng;
	struct tlb_geometry hw;
	struct tlb_system *sys;
	struct tlb_cpu *cpu;
	const struct geometry *geo;
	unsigned asid, nr_asids, nr_nodes, nr_sizes;
	uint8_t shift[MAX_PAGE_SIZES];		/* log2 granules */
	uint8_t region_size[NR_ASIDS][NR_REGIONS];	/* page size of the first GiB; the second has 4K */
	struct ref_cache l1[NR_TLB_STREAMS], l2[NR_TLB_STREAMS];
	struct ref_walk walk[GEOMETRY_MAX_LEVELS];
	uint64_t touches[NR_TLB_STREAMS], hits[NR_TLB_STREAMS][NR_TLB_LEVELS][MAX_PAGE_SIZES];
	uint64_t misses[NR_TLB_STREAMS][NR_TLB_LEVELS][MAX_PAGE_SIZES];
	uint64_t evictions[NR_TLB_STREAMS][NR_TLB_LEVELS][MAX_PAGE_SIZES];
	uint64_t walk_refs[NR_TLB_STREAMS][GEOMETRY_MAX_LEVELS];
};

/* ---- the reference ---- */

static unsigned array_of(const struct ref_cache *c, unsigned *size)
{
	for (;; (*size)--) {
		for (unsigned i = 0; i < c->geo->nr_arrays; i++)
			if (c->geo->array[i].sizes >> *size & 1)
				return i;
		assert_true(*size > 0);
	}
}

static uint64_t first_of(const struct model *m, uint64_t granule, unsigned size)
{
	return granule >> m->shift[size] << m->shift[size];
}

static long ref_find(const struct model *m, const struct ref_cache *c, uint64_t granule)
{
	for (size_t i = 0; i < c->list.nr; i++) {
		const struct ref_entry *e = &c->list.data[i];

		if ((e->asid < 0 || e->asid == (int)m->asid) && e->page == first_of(m, granule, e->size))
			return (long)i;
	}
	return -1;
}

static void ref_delete(struct ref_cache *c, size_t i)
{
	memmove(&c->list.data[i], &c->list.data[i + 1], (c->list.nr - i - 1) * sizeof(c->list.data[0]));
	c->list.nr--;
}

static void ref_renew(struct ref_cache *c, size_t i)
{
	struct ref_entry e = c->list.data[i];

	ref_delete(c, i);
	*vec_push(&c->list) = e;
}

static void ref_fill(const struct model *m, struct ref_cache *c, struct ref_entry e, uint64_t *evictions)
{
	unsigned array, size = e.mapped;
	size_t nr = 0, oldest = 0;
	const struct tlb_array_geometry *geo;
	long old = ref_find(m, c, e.page);

	if (old >= 0)
		ref_delete(c, (size_t)old);
	array = array_of(c, &size);
	geo = &c->geo->array[array];
	e.size = size;
	e.page = first_of(m, e.page, size);
	for (size_t i = c->list.nr; i-- > 0;) {
		const struct ref_entry *o = &c->list.data[i];
		unsigned other = o->size;

		if (array_of(c, &other) == array && (o->page >> m->shift[o->size]) % geo->nr_sets ==
						    (e.page >> m->shift[size]) % geo->nr_sets) {
			nr++;
			oldest = i;
		}
	}
	assert_true(nr <= geo->ways);
	if (nr == geo->ways) {
		evictions[c->list.data[oldest].size]++;
		ref_delete(c, oldest);
	}
	*vec_push(&c->list) = e;
}

static void ref_flush_page(const struct model *m, struct ref_cache *c, uint64_t granule)
{
	for (size_t i = c->list.nr; i-- > 0;) {
		const struct ref_entry *e = &c->list.data[i];

		if ((e->asid < 0 || e->asid == (int)m->asid) && e->mapped_page == first_of(m, granule, e->mapped))
			ref_delete(c, i);
	}
}

static void ref_flush_asid(struct ref_cache *c, int asid)
{
	for (size_t i = c->list.nr; i-- > 0;)
		if (c->list.data[i].asid == asid)
			ref_delete(c, i);
}

static struct ref_cache *l2_of(struct model *m, enum tlb_stream stream)
{
	struct ref_cache *c = &m->l2[m->hw.l2_shared ? TLB_DATA : stream];

	return c->geo->nr_arrays ? c : NULL;
}

static void ref_flush_walk(struct model *m, int asid)
{
	for (unsigned l = 1; l < GEOMETRY_MAX_LEVELS; l++)
		for (size_t i = m->walk[l].list.nr; i-- > 0;)
			if (m->walk[l].list.data[i].asid == asid) {
				memmove(&m->walk[l].list.data[i], &m->walk[l].list.data[i + 1],
					(m->walk[l].list.nr - i - 1) * sizeof(struct ref_entry));
				m->walk[l].list.nr--;
			}
}

/* Moves the table entry of that level to the recent end; true when it was there. */
static bool ref_walk_use(struct model *m, unsigned level, uint64_t granule, bool add)
{
	uint64_t page = granule >> (m->geo->level[level].shift - 12);
	struct ref_walk *w = &m->walk[level];
	struct ref_entry e = { .page = page, .asid = (int)m->asid };
	size_t i;

	for (i = 0; i < w->list.nr; i++)
		if (w->list.data[i].page == page && w->list.data[i].asid == e.asid)
			break;
	if (i == w->list.nr && !(add && w->capacity))
		return false;
	if (i == w->list.nr && w->list.nr < w->capacity) {
		*vec_push(&w->list) = e;
		return false;
	}
	if (i == w->list.nr)
		i = 0;		/* the oldest goes */
	memmove(&w->list.data[i], &w->list.data[i + 1], (w->list.nr - i - 1) * sizeof(e));
	w->list.data[w->list.nr - 1] = e;
	return true;
}

static void ref_walk(struct model *m, enum tlb_stream stream, uint64_t granule, unsigned last)
{
	unsigned first = m->geo->nr_levels - 1u;

	for (unsigned l = 1; l < m->geo->nr_levels; l++) {
		if (ref_walk_use(m, l, granule, false)) {
			first = l - 1;
			break;
		}
	}
	for (unsigned l = first; l > last; l--) {
		m->walk_refs[stream][l]++;
		ref_walk_use(m, l, granule, true);
	}
	m->walk_refs[stream][last]++;
}

static enum tlb_found ref_access(struct model *m, enum tlb_stream stream, uint64_t granule, unsigned need,
				 struct ref_entry fresh)
{
	struct ref_cache *l1 = &m->l1[stream], *l2 = l2_of(m, stream);
	long i = ref_find(m, l1, granule);
	struct ref_entry e;

	if (i < 0 && l2)
		i = ref_find(m, l2, granule);
	if (i >= 0) {
		struct ref_cache *c = ref_find(m, l1, granule) >= 0 ? l1 : l2;

		e = c->list.data[i];
		if ((e.flags & need) == need) {
			ref_renew(c, (size_t)i);
			if (c == l1)
				return TLB_FOUND_L1;
			e.page = first_of(m, granule, 0);
			ref_fill(m, l1, e, m->evictions[stream][TLB_L1]);
			return TLB_FOUND_L2;
		}
		for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
			ref_flush_page(m, &m->l1[s], granule);
			ref_flush_page(m, &m->l2[s], granule);
		}
	}
	ref_fill(m, l1, fresh, m->evictions[stream][TLB_L1]);
	if (l2)
		ref_fill(m, l2, fresh, m->evictions[stream][TLB_L2]);
	return TLB_FOUND_NOT;
}

/* ---- both ---- */

static void count(struct model *m, enum tlb_stream s, enum tlb_found found, unsigned size, uint64_t nr)
{
	m->touches[s] += nr;
	m->hits[s][TLB_L1][size] += found == TLB_FOUND_L1 ? nr : nr - 1;
	m->misses[s][TLB_L1][size] += found != TLB_FOUND_L1;
	m->hits[s][TLB_L2][size] += found == TLB_FOUND_L2;
	m->misses[s][TLB_L2][size] += found == TLB_FOUND_NOT;
}

/* Somewhere in few places of few regions, so that pages come back; 1 in 16 in the kernel half. */
static uint64_t pick_granule(struct model *m, unsigned *ret_size, bool *ret_global)
{
	uint64_t region = rng_below(&m->rng, NR_REGIONS), in = rng_below(&m->rng, 64);
	bool second = rng_below(&m->rng, 2);

	*ret_global = rng_below(&m->rng, 16) == 0;
	*ret_size = second || *ret_global ? 0 : m->region_size[m->asid][region];
	/* near pages, and pages that lie in one set of every array */
	if (rng_below(&m->rng, 2))
		in *= 512;
	return (*ret_global ? KERNEL_HALF : 0) + (region << 19) + (second ? 1 << 18 : 0) + in;
}

static void access_one(struct model *m)
{
	enum tlb_stream stream = rng_below(&m->rng, 3) == 0 ? TLB_INSN : TLB_DATA;
	unsigned size, flags = TLB_READ | (rng_below(&m->rng, 8) ? TLB_WRITE : 0);
	unsigned need = TLB_READ | (rng_below(&m->rng, 4) == 0 ? TLB_WRITE : 0);
	uint64_t nr = 1 + rng_below(&m->rng, 3), granule, key;
	const struct tlb_entry *e = NULL;
	enum tlb_found found;
	struct ref_entry fresh;
	bool global;

	granule = pick_granule(m, &size, &global);
	flags |= need;
	fresh = (struct ref_entry){
		.page = granule, .mapped_page = first_of(m, granule, size), .mapped = size, .flags = flags,
		.class = size * m->nr_nodes + (unsigned)(granule % m->nr_nodes), .asid = global ? -1 : (int)m->asid,
	};
	m->cpu->clock++;
	key = tlb_key(m->cpu, granule);
	m->cpu->nr_reads += nr;
	e = tlb_find(&m->cpu->stream[stream], key);
	if (e->flags) {		/* the guess may be wrong, but never a wrong page */
		assert_int_equal((e->tag ^ key) & e->mask, 0);
		e = NULL;
	}
	found = tlb_lookup(m->cpu, stream, key, need, &e);
	if (found == TLB_FOUND_NOT) {
		struct tlb_mapping map = { .key = key, .flags = (uint16_t)flags, .class = (uint16_t)fresh.class,
					   .size = (uint8_t)size, .global = global };
		unsigned last = 0, first;

		while (m->sys->size_of_level[last] != size)
			last++;
		first = tlb_walk_begin(m->cpu, &m->cpu->stream[stream], key);
		tlb_walk_end(m->cpu, &m->cpu->stream[stream], key, first, last);
		tlb_fill(m->cpu, stream, &map);
		m->cpu->stream[stream].walks[size]++;
		ref_walk(m, stream, granule, last);
	} else {
		assert_non_null(e);
		assert_int_equal(e->mapped, size);
	}
	assert_int_equal(found, ref_access(m, stream, granule, need, fresh));
	tlb_count(&m->cpu->stream[stream], found, found == TLB_FOUND_NOT ? fresh.class : e->class, nr);
	count(m, stream, found, size, nr);
}

static void flush_asid(struct model *m)
{
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		ref_flush_asid(&m->l1[s], (int)m->asid);
		ref_flush_asid(&m->l2[s], (int)m->asid);
	}
	ref_flush_walk(m, (int)m->asid);
	for (unsigned r = 0; r < NR_REGIONS; r++)
		m->region_size[m->asid][r] = (uint8_t)rng_below(&m->rng, m->nr_sizes);
}

static void flush_all(struct model *m)
{
	tlb_flush_all(m->cpu);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		m->l1[s].list.nr = m->l2[s].list.nr = 0;
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		m->walk[l].list.nr = 0;
}

static void step(struct model *m)
{
	unsigned size, op = (unsigned)rng_below(&m->rng, 1000);
	uint64_t granule;
	bool global;

	if (op == 0) {
		flush_all(m);
	} else if (op < 8) {
		tlb_flush_asid(m->cpu);
		flush_asid(m);
	} else if (op < 20) {
		bool flush = m->nr_asids == 1 || rng_below(&m->rng, 8) == 0;

		m->asid = (unsigned)rng_below(&m->rng, m->nr_asids);
		tlb_set_asid(m->cpu, m->asid, flush);
		if (flush)
			flush_asid(m);
	} else if (op < 40) {
		granule = pick_granule(m, &size, &global);
		tlb_flush_one(m->cpu, granule << 12);
		for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
			ref_flush_page(m, &m->l1[s], granule);
			ref_flush_page(m, &m->l2[s], granule);
		}
		ref_flush_walk(m, (int)m->asid);
	} else {
		access_one(m);
	}
}

/* ---- one machine ---- */

static void random_level(struct model *m, struct tlb_level_geometry *level)
{
	unsigned left = (1u << m->nr_sizes) - 1;

	if (rng_below(&m->rng, 4) == 0 && m->nr_sizes > 1)
		left &= ~(2u << rng_below(&m->rng, m->nr_sizes - 1));	/* a size that is held in pieces */
	for (level->nr_arrays = 0; left; level->nr_arrays++) {
		unsigned sizes = 1 + (unsigned)rng_below(&m->rng, (1u << m->nr_sizes) - 1);

		sizes = left & sizes ? left & sizes : left;
		level->array[level->nr_arrays] = (struct tlb_array_geometry){
			.nr_sets = 1 + (unsigned)rng_below(&m->rng, 8), .sizes = (uint8_t)sizes,
			.ways = 1 + (unsigned)rng_below(&m->rng, rng_below(&m->rng, 3) ? 6 : 40),
		};
		left &= ~sizes;
	}
}

static void set_up(struct model *m, uint64_t seed)
{
	struct tlb_config conf;

	memset(m, 0, sizeof(*m));
	rng_seed(&m->rng, seed);
	m->geo = geometry_find(rng_below(&m->rng, 2) ? "x86-64" : "x86-64-la57");
	m->nr_sizes = geometry_page_sizes(m->geo, m->shift);
	for (unsigned i = 0; i < m->nr_sizes; i++)
		m->shift[i] -= 12;
	m->nr_nodes = 1 + (unsigned)rng_below(&m->rng, 4);
	m->hw.l2_shared = rng_below(&m->rng, 2);
	m->hw.nr_asids = rng_below(&m->rng, 4) ? NR_ASIDS : 0;
	m->nr_asids = m->hw.nr_asids ? NR_ASIDS : 1;
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		random_level(m, &m->hw.level[TLB_L1][s]);
		if (s == TLB_DATA || (!m->hw.l2_shared && rng_below(&m->rng, 2)))
			random_level(m, &m->hw.level[TLB_L2][s]);
	}
	for (unsigned l = 1; l < m->geo->nr_levels; l++)
		m->walk[l].capacity = m->hw.walk_cache[l] = (uint32_t)rng_below(&m->rng, 30);
	config_defaults(&tlb_config_table, &conf);
	m->sys = tlb_create(m->geo, &m->hw, &conf, 2, m->nr_nodes);
	m->cpu = tlb_this_cpu(m->sys, 1);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		m->l1[s].geo = &m->hw.level[TLB_L1][s];
		m->l2[s].geo = &m->hw.level[TLB_L2][s];
	}
}

static void check_counts(struct model *m)
{
	struct tlb_stats st;

	assert_true(tlb_consistent(m->sys));
	tlb_stats(m->sys, -1, &st);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		assert_int_equal(st.stream[s].total[TLB_L1].accesses, m->touches[s]);
		assert_int_equal(st.stream[s].total[TLB_L2].accesses, st.stream[s].total[TLB_L1].misses);
		for (unsigned i = 0; i < m->nr_sizes; i++) {
			for (unsigned l = 0; l < NR_TLB_LEVELS; l++) {
				assert_int_equal(st.stream[s].size[l][i].evictions, m->evictions[s][l][i]);
				assert_int_equal(st.stream[s].size[l][i].hits, m->hits[s][l][i]);
				assert_int_equal(st.stream[s].size[l][i].misses, m->misses[s][l][i]);
			}
		}
		for (unsigned l = 0; l < m->geo->nr_levels; l++)
			assert_int_equal(st.stream[s].walk_refs[l], m->walk_refs[s][l]);
	}
}

static void tear_down(struct model *m)
{
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		vec_finish(&m->l1[s].list);
		vec_finish(&m->l2[s].list);
	}
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		vec_finish(&m->walk[l].list);
	tlb_destroy(m->sys);
}

static void random_machines(void **state)
{
	uint64_t seed = test_env_u64("MMR_SEED", 1), ops = test_env_u64("MMR_OPS", 1000000);
	unsigned machines = 25;
	struct model m;

	(void)state;
	print_message("MMR_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < machines; i++) {
		set_up(&m, seed * 1000 + i);
		for (uint64_t n = 0; n < ops / machines; n++)
			step(&m);
		check_counts(&m);
		tear_down(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
