/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Generations against arrays: every folio knows the number of its generation and of the one on whose list it stands, and
 * lists are arrays in which folios are looked for from the start. Random folios come, are used, isolated, put back, go;
 * generations are made and dropped; what eviction and refaults teach is added up apart.
 */
#include "support/test.h"

#include "base/rng.h"
#include "base/vec.h"
#include "mm/lru_gen-internal.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/workingset.h"

#define MIB (1ull << 20)
#define NR_FOLIOS 600
#define NR_ZONES 2

struct folio {
	pfn_t pfn;		/* PFN_NONE: not there */
	bool file, workingset, referenced, isolated, was_active;
	unsigned zone, refs, order;	/* refs: beyond PG_REFERENCED */
	uint64_t seq, list;
};

struct list {
	unsigned nr, folio[NR_FOLIOS];	/* the young end first */
};

struct model {
	struct memory *mem;
	struct lruvec *lruvec;
	struct rng rng;
	struct folio folio[NR_FOLIOS];
	uint64_t max_seq, min_seq[2];
	struct list list[MAX_NR_GENS][2][NR_ZONES];
	uint64_t avg_refaulted[2][4], avg_total[2][4], protected[2][4], evicted[2][4], refaulted[2][4];
	uint64_t shadow;
	unsigned shadow_refs;
	bool shadow_workingset, shadow_file;
	uint64_t shadow_min_seq;
	uint64_t moved;		/* folios that changed their generation */
};

static struct list *list_at(struct model *m, const struct folio *f, uint64_t seq)
{
	return &m->list[seq % MAX_NR_GENS][f->file][f->zone];
}

static uint64_t pages(const struct folio *f)
{
	return 1ull << f->order;
}

static void unlink_folio(struct model *m, unsigned i)
{
	struct list *l = list_at(m, &m->folio[i], m->folio[i].list);
	unsigned k = 0;

	while (l->folio[k] != i)
		k++;
	memmove(&l->folio[k], &l->folio[k + 1], (--l->nr - k) * sizeof(l->folio[0]));
}

static void link_folio(struct model *m, unsigned i, uint64_t seq, bool tail)
{
	struct list *l = list_at(m, &m->folio[i], seq);

	m->folio[i].list = seq;
	if (tail) {
		l->folio[l->nr++] = i;
		return;
	}
	memmove(&l->folio[1], &l->folio[0], l->nr++ * sizeof(l->folio[0]));
	l->folio[0] = i;
}

/* From the words of mm/lru_gen.h: active 2 generations or the youngest, anonymous 2, others the oldest or next to it. */
static void add(struct model *m, unsigned i, bool active, bool tail)
{
	struct folio *f = &m->folio[i];
	uint64_t seq;

	if (active)
		seq = f->workingset ? m->max_seq : m->max_seq - 1;
	else if (tail)
		seq = m->max_seq - 3;
	else if (!f->file)
		seq = m->max_seq - 1;
	else
		seq = f->workingset ? m->max_seq - 2 : m->max_seq - 3;
	if ((int64_t)(seq - m->min_seq[f->file]) < 0)
		seq = m->min_seq[f->file];
	f->seq = seq;
	link_folio(m, i, seq, tail);
}

/* ---- operations ---- */

static unsigned pick(struct model *m)
{
	return (unsigned)rng_below(&m->rng, NR_FOLIOS);
}

static void op_new(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	bool in_fault = rng_below(&m->rng, 2), dma = rng_below(&m->rng, 8) == 0;
	unsigned order = rng_below(&m->rng, 6) ? 0 : 2;
	struct page *page;

	*f = (struct folio){.file = rng_below(&m->rng, 2), .order = order};
	f->pfn = alloc_pages(m->mem, dma ? GFP_DMA : GFP_HIGHUSER_MOVABLE | (order ? __GFP_COMP : 0), order, 0);
	if (f->pfn == PFN_NONE)
		return;
	page = pfn_to_page(m->mem, f->pfn);
	f->zone = folio_zonenum(page) == ZONE_DMA32;
	assert_true(folio_zonenum(page) == ZONE_DMA32 || folio_zonenum(page) == ZONE_DMA);
	page->flags |= f->file ? 0 : PG_SWAPBACKED;
	m->mem->in_lru_fault = in_fault;
	if (m->shadow && m->shadow_file == f->file) {
		uint64_t gone = m->max_seq - m->shadow_min_seq;

		workingset_refault(m->mem, f->pfn, m->shadow);
		if (gone < MAX_NR_GENS) {
			f->workingset = m->shadow_workingset;
			m->refaulted[f->file][lru_tier_from_refs(m->shadow_refs + 1, f->workingset)] += pages(f);
			f->refs = f->workingset ? 0 : m->shadow_refs;
		}
		m->shadow = 0;
	}
	folio_add_lru(m->mem, f->pfn);
	m->mem->in_lru_fault = false;
	add(m, i, in_fault, false);
}

static void op_free(struct model *m, unsigned i)
{
	if (!m->folio[i].isolated)
		unlink_folio(m, i);
	put_page(m->mem, m->folio[i].pfn);
	m->folio[i].pfn = PFN_NONE;
}

static void op_use(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_mark_accessed(m->mem, f->pfn);
	if (!f->referenced) {
		f->referenced = true;
		f->refs = 0;
	} else if (f->refs == 3) {
		f->workingset = true;
	} else {
		f->refs++;
	}
}

static void op_activate(struct model *m, unsigned i)
{
	folio_activate(m->mem, m->folio[i].pfn);
	unlink_folio(m, i);
	add(m, i, true, false);
}

static void op_deactivate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_deactivate(m->mem, f->pfn);
	f->refs = 0;
	f->referenced = f->workingset = false;
	if (f->seq == m->min_seq[f->file])
		return;
	unlink_folio(m, i);
	add(m, i, false, false);
}

static void op_rotate(struct model *m, unsigned i)
{
	folio_rotate_reclaimable(m->mem, m->folio[i].pfn);
	unlink_folio(m, i);
	add(m, i, false, true);
}

static void op_isolate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	assert_true(folio_isolate_lru(m->mem, f->pfn));
	unlink_folio(m, i);
	f->isolated = true;
	f->was_active = f->seq + 1 >= m->max_seq;
	assert_int_equal(!!(pfn_to_page(m->mem, f->pfn)->flags & PG_ACTIVE), f->was_active);
}

static void op_putback(struct model *m, unsigned i)
{
	folio_putback_lru(m->mem, m->folio[i].pfn);
	m->folio[i].isolated = false;
	add(m, i, m->folio[i].was_active, false);
}

/* What leaves for good leaves a shadow. */
static void op_evict(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	unsigned uses = f->referenced ? f->refs + 1 : 0;

	m->shadow = workingset_eviction(m->mem, f->pfn, NULL);
	m->shadow_file = f->file;
	m->shadow_refs = f->referenced ? f->refs : 0;
	m->shadow_workingset = f->workingset;
	m->shadow_min_seq = m->min_seq[f->file];
	m->evicted[f->file][lru_tier_from_refs(uses, f->workingset)] += pages(f);
	op_free(m, i);
}

/* A walk of page tables found it used: the second time it becomes one of the youngest, where it stands. */
static void op_young(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	bool moves = f->referenced || f->workingset;

	assert_int_equal(lru_gen_set_refs(m->mem, f->pfn), moves);
	f->refs = 0;
	f->referenced = !moves;
	f->workingset |= moves;
	if (!moves || f->seq == m->max_seq)
		return;
	lru_gen_set_gen(m->mem, m->lruvec, f->pfn, lru_gen_from_seq(m->max_seq));
	f->seq = m->max_seq;
	m->moved++;
}

static void carry_over(struct model *m, unsigned type)
{
	for (unsigned t = 0; t < 4; t++) {
		m->avg_refaulted[type][t] = (m->avg_refaulted[type][t] + m->refaulted[type][t]) / 2;
		m->avg_total[type][t] = (m->avg_total[type][t] + m->protected[type][t] + m->evicted[type][t]) / 2;
		m->refaulted[type][t] = m->protected[type][t] = m->evicted[type][t] = 0;
	}
}

/* The oldest generation becomes part of the next, the oldest folio first: they end up turned around. */
static void merge_oldest(struct model *m, unsigned type)
{
	for (unsigned zone = 0; zone < NR_ZONES; zone++) {
		struct list *l = &m->list[m->min_seq[type] % MAX_NR_GENS][type][zone];

		while (l->nr) {
			unsigned i = l->folio[l->nr - 1];
			struct folio *f = &m->folio[i];
			unsigned uses = f->referenced ? f->refs + 1 : 0;

			unlink_folio(m, i);
			if (f->seq == m->min_seq[type]) {
				f->seq++;
				f->refs = 0;
				f->referenced = false;
			}
			link_folio(m, i, f->seq, true);
			if (uses + f->workingset != 5)
				m->protected[type][lru_tier_from_refs(uses, f->workingset)] += pages(f);
		}
	}
}

static bool may_evict(unsigned type, unsigned swappiness)
{
	return type ? swappiness <= 200 : swappiness > 0;
}

static void op_age(struct model *m, unsigned swappiness)
{
	assert_true(lru_gen_inc_max_seq(m->lruvec, m->max_seq, swappiness, false));
	for (unsigned type = 0; type < 2; type++) {
		if (m->max_seq - m->min_seq[type] + 1 != MAX_NR_GENS)
			continue;
		if (may_evict(type, swappiness))
			merge_oldest(m, type);
		carry_over(m, type);
		m->min_seq[type]++;
	}
	m->max_seq++;
	/* what could not be merged has the slot of the youngest now */
	for (unsigned i = 0; i < NR_FOLIOS; i++) {
		struct folio *f = &m->folio[i];

		if (f->pfn == PFN_NONE || f->isolated)
			continue;
		if (f->seq + MAX_NR_GENS == m->max_seq)
			f->seq = m->max_seq;
		if (f->list + MAX_NR_GENS <= m->max_seq)
			f->list += MAX_NR_GENS;
	}
}

static void op_drop_empty(struct model *m, unsigned swappiness)
{
	uint64_t min_seq[2] = {m->min_seq[0], m->min_seq[1]}, limit = m->max_seq - MIN_NR_GENS;

	(void)lru_gen_inc_min_seq(m->lruvec, swappiness);
	for (unsigned type = 0; type < 2; type++)
		while (may_evict(type, swappiness) && min_seq[type] + MIN_NR_GENS <= m->max_seq &&
		       !m->list[min_seq[type] % 4][type][0].nr && !m->list[min_seq[type] % 4][type][1].nr)
			min_seq[type]++;
	for (unsigned type = 0; type < 2 && swappiness && swappiness <= 200; type++)
		if (min_seq[type] > limit && min_seq[!type] < limit)
			min_seq[type] = limit;
	for (unsigned type = 0; type < 2; type++) {
		if (min_seq[type] <= m->min_seq[type])
			continue;
		carry_over(m, type);
		m->min_seq[type] = min_seq[type];
	}
}

/* ---- comparison ---- */

static void compare_list(struct model *m, unsigned slot, unsigned type, unsigned zone)
{
	enum zone_type z = zone ? ZONE_DMA32 : ZONE_DMA;
	const struct pfn_list *list = &m->lruvec->gen->folios[slot][type][z];
	const struct list *l = &m->list[slot][type][zone];
	pfn_t pfn = list->first;

	assert_int_equal(list->nr, l->nr);
	for (unsigned k = 0; k < l->nr; k++, pfn = pfn_to_page(m->mem, pfn)->next) {
		const struct folio *f = &m->folio[l->folio[k]];

		assert_int_equal(pfn, f->pfn);
		assert_int_equal(folio_lru_gen(m->mem, pfn), f->seq % MAX_NR_GENS);
		assert_int_equal(folio_lru_refs(m->mem, pfn), f->referenced ? f->refs + 1 : 0);
		assert_int_equal(!!(pfn_to_page(m->mem, pfn)->flags & PG_WORKINGSET), f->workingset);
	}
}

static void compare_tiers(const struct model *m)
{
	const struct lru_gen *gen = m->lruvec->gen;

	for (unsigned type = 0; type < 2; type++)
		for (unsigned t = 0; t < 4; t++) {
			assert_int_equal(gen->evicted[type][t], m->evicted[type][t]);
			assert_int_equal(gen->refaulted[type][t], m->refaulted[type][t]);
			assert_int_equal(gen->protected[type][t], m->protected[type][t]);
			assert_int_equal(gen->avg_total[type][t], m->avg_total[type][t]);
			assert_int_equal(gen->avg_refaulted[type][t], m->avg_refaulted[type][t]);
		}
}

static void compare(struct model *m)
{
	const struct lru_gen *gen = m->lruvec->gen;
	uint64_t size[4] = {0};
	struct strbuf why = {0};

	assert_int_equal(gen->max_seq, m->max_seq);
	for (unsigned type = 0; type < 2; type++) {
		assert_int_equal(gen->min_seq[type], m->min_seq[type]);
		for (unsigned slot = 0; slot < MAX_NR_GENS; slot++)
			for (unsigned zone = 0; zone < NR_ZONES; zone++)
				compare_list(m, slot, type, zone);
	}
	for (unsigned i = 0; i < NR_FOLIOS; i++) {
		const struct folio *f = &m->folio[i];

		if (f->pfn != PFN_NONE && !f->isolated)
			size[f->file * 2 + (f->seq + 1 >= m->max_seq)] += pages(f);
	}
	for (unsigned lru = 0; lru < 4; lru++) {
		assert_int_equal(m->lruvec->nr_pages[lru], size[lru]);
		assert_int_equal(m->mem->nodes[0]->vm_stat[NR_INACTIVE_ANON + lru], size[lru]);
	}
	compare_tiers(m);
	if (!lru_gen_policy.consistent(m->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

typedef void folio_op(struct model *m, unsigned i);

static void step(struct model *m)
{
	static folio_op *const ops[] = {op_use, op_use, op_use, op_activate, op_deactivate, op_rotate, op_isolate, op_free,
					op_evict, op_young, op_young};
	static const unsigned swappiness[] = {60, 60, 60, 200, 0, SWAPPINESS_ANON_ONLY};
	unsigned i = pick(m), what = (unsigned)rng_below(&m->rng, 400);

	if (what == 0)
		op_age(m, swappiness[rng_below(&m->rng, 6)]);
	else if (what == 1)
		op_drop_empty(m, swappiness[rng_below(&m->rng, 6)]);
	else if (m->folio[i].pfn == PFN_NONE)
		op_new(m, i);
	else if (m->folio[i].isolated)
		rng_below(&m->rng, 8) ? op_putback(m, i) : op_evict(m, i);
	else
		ops[rng_below(&m->rng, ARRAY_SIZE(ops))](m, i);
}

static void random_operations(void **state)
{
	uint64_t ops = test_ops(1500000);
	struct model *m = calloc(1, sizeof(*m));

	(void)state;
	m->mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	lru_gen_setup(m->mem, LRU_GEN_CORE, 0);
	lru_enable(m->mem);
	m->lruvec = &m->mem->nodes[0]->lruvec;
	m->max_seq = 3;
	rng_seed(&m->rng, test_seed());
	for (unsigned i = 0; i < NR_FOLIOS; i++)
		m->folio[i].pfn = PFN_NONE;
	for (uint64_t op = 0; op < ops; op++) {
		step(m);
		if (op % 500 == 0)
			compare(m);
	}
	compare(m);
	assert_true(m->max_seq > ops / 1000 && m->moved > ops / 1000);
	for (unsigned i = 0; i < NR_FOLIOS; i++)
		if (m->folio[i].pfn != PFN_NONE)
			op_free(m, i);
	lru_disable(m->mem);
	lru_gen_teardown(m->mem);
	memory_destroy(m->mem);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
