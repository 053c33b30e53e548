/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Lists of folios by age against arrays: random folios come, are used, activated, brought down, given up, rotated, locked,
 * isolated, put back and freed. The arrays hold what each list should, in order, and say what the counters must be. Lists of
 * the node, and once more lists of each zone.
 */
#include "support/test.h"

#include "base/rng.h"
#include "mm/lru.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"

#define MIB (1ull << 20)
#define NR_FOLIOS 160

struct folio {
	pfn_t pfn;		/* PFN_NONE: not there */
	unsigned zone, order;
	bool isolated, active, referenced, swapbacked, anon, reclaim;
	unsigned locks;		/* as the kernel counts them: from the last time it came to the unevictable list */
	bool mlocked, unevictable;
};

struct model {
	struct memory *mem;
	struct rng rng;
	struct folio folio[NR_FOLIOS];
	struct list {
		unsigned nr, folio[NR_FOLIOS];	/* the young end first */
	} list[MAX_NR_ZONES][NR_LRU_LISTS];
	uint64_t activated, deactivated, rotated, lazyfreed, culled, rescued, mlocked, munlocked, cleared;
	uint64_t age;
};

static enum lru_list lru_of(const struct folio *f)
{
	if (f->unevictable)
		return LRU_UNEVICTABLE;
	return (enum lru_list)((f->swapbacked ? 0 : LRU_FILE) + (f->active ? LRU_ACTIVE : 0));
}

static struct list *list_of(struct model *m, const struct folio *f)
{
	return &m->list[m->mem->conf.lru_per_zone ? f->zone : 0][lru_of(f)];
}

static void take(struct model *m, unsigned i)
{
	struct list *l = list_of(m, &m->folio[i]);
	unsigned k = 0;

	while (l->folio[k] != i)
		k++;
	memmove(&l->folio[k], &l->folio[k + 1], (--l->nr - k) * sizeof(l->folio[0]));
}

static void put(struct model *m, unsigned i, bool tail)
{
	struct list *l = list_of(m, &m->folio[i]);

	if (!tail)
		memmove(&l->folio[1], &l->folio[0], l->nr * sizeof(l->folio[0]));
	l->folio[tail ? l->nr : 0] = i;
	l->nr++;
}

static uint64_t pages(const struct folio *f)
{
	return 1ull << f->order;
}

/* Locked ones go apart, and come back when they are locked no more. */
static void come(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	bool was = f->unevictable;

	f->unevictable = f->mlocked;
	if (f->mlocked)
		f->active = false;
	if (f->mlocked && !was)
		m->culled += pages(f);
	if (!f->mlocked && was)
		m->rescued += pages(f);
	f->locks = 0;
	put(m, i, false);
}

/* ---- operations ---- */

static void op_new(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	unsigned kind = (unsigned)rng_below(&m->rng, 3), order = (unsigned)rng_below(&m->rng, 4);
	gfp_t gfp = rng_below(&m->rng, 4) ? GFP_HIGHUSER_MOVABLE : GFP_USER | __GFP_DMA;
	bool locked = rng_below(&m->rng, 10) == 0;

	*f = (struct folio){.pfn = alloc_pages(m->mem, gfp | (order ? __GFP_COMP : 0), order, 0), .order = order};
	assert_int_not_equal(f->pfn, PFN_NONE);
	f->zone = folio_zonenum(pfn_to_page(m->mem, f->pfn));
	f->anon = kind == 0;
	f->swapbacked = kind < 2;
	f->active = !locked && rng_below(&m->rng, 8) == 0;
	pfn_to_page(m->mem, f->pfn)->flags |=
		(f->anon ? PG_ANON : 0) | (f->swapbacked ? PG_SWAPBACKED : 0) | (f->active ? PG_ACTIVE : 0);
	if (locked) {
		mlock_new_folio(m->mem, f->pfn);
		f->mlocked = true;
		m->mlocked += pages(f);
	} else {
		folio_add_lru(m->mem, f->pfn);
	}
	come(m, i);
	f->locks = locked;
}

static void op_free(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	if (f->isolated)
		return;	/* who isolates it has it */
	take(m, i);
	if (f->mlocked)
		m->cleared += pages(f);
	put_page(m->mem, f->pfn);
	f->pfn = PFN_NONE;
}

static void activate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	if (f->isolated || f->unevictable || f->active)
		return;
	take(m, i);
	f->active = true;
	put(m, i, false);
	m->activated += pages(f);
}

static void op_mark_accessed(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_mark_accessed(m->mem, f->pfn);
	if (!f->referenced) {
		f->referenced = true;
		return;
	}
	if (f->active || f->unevictable)
		return;
	activate(m, i);
	f->referenced = false;
	m->age += pages(f);
}

static void op_activate(struct model *m, unsigned i)
{
	folio_activate(m->mem, m->folio[i].pfn);
	activate(m, i);
}

static void op_deactivate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_deactivate(m->mem, f->pfn);
	if (f->isolated || f->unevictable || !f->active)
		return;
	take(m, i);
	f->active = f->referenced = false;
	put(m, i, false);
	m->deactivated += pages(f);
}

static void op_deactivate_file(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];
	bool busy = rng_below(&m->rng, 2), was = f->active;

	if (f->isolated || f->unevictable)
		return;
	if (busy)
		pfn_to_page(m->mem, f->pfn)->flags |= PG_DIRTY;
	deactivate_file_folio(m->mem, f->pfn);
	pfn_to_page(m->mem, f->pfn)->flags &= ~PG_DIRTY;
	take(m, i);
	f->active = f->referenced = false;
	f->reclaim |= busy;
	put(m, i, !busy);
	m->rotated += busy ? 0 : pages(f);
	m->deactivated += was ? pages(f) : 0;
}

static void op_lazyfree(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_mark_lazyfree(m->mem, f->pfn);
	if (f->isolated || f->unevictable || !f->anon || !f->swapbacked)
		return;
	take(m, i);
	f->active = f->referenced = f->swapbacked = false;
	put(m, i, false);
	m->lazyfreed += pages(f);
}

static void op_rotate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	folio_rotate_reclaimable(m->mem, f->pfn);
	f->reclaim = false;
	if (f->isolated || f->unevictable)
		return;
	take(m, i);
	f->active = false;
	put(m, i, true);
	m->rotated += pages(f);
}

static void op_isolate(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	assert_int_equal(folio_isolate_lru(m->mem, f->pfn), !f->isolated);
	if (f->isolated) {
		folio_putback_lru(m->mem, f->pfn);
		f->isolated = false;
		come(m, i);
	} else {
		take(m, i);
		f->isolated = true;
	}
}

static void op_mlock(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	mlock_folio(m->mem, f->pfn);
	if (!f->mlocked)
		m->mlocked += pages(f);
	f->mlocked = true;
	if (f->isolated)
		return;
	if (!f->unevictable) {
		take(m, i);
		come(m, i);
	}
	f->locks++;
}

static void op_munlock(struct model *m, unsigned i)
{
	struct folio *f = &m->folio[i];

	munlock_folio(m->mem, f->pfn);
	if (!f->isolated && f->unevictable && f->locks && --f->locks)
		return;
	if (f->mlocked)
		m->munlocked += pages(f);
	f->mlocked = false;
	if (!f->isolated && f->unevictable) {
		take(m, i);
		come(m, i);
	}
}

/* ---- comparison ---- */

static void compare_list(struct model *m, const struct lruvec *lruvec, unsigned z, enum lru_list lru)
{
	const struct list *want = &m->list[z][lru];
	pfn_t pfn = lruvec->lists[lru].first;
	uint64_t nr_pages = 0;

	for (unsigned k = 0; k < want->nr; k++) {
		const struct folio *f = &m->folio[want->folio[k]];

		nr_pages += pages(f);
		if (lru == LRU_UNEVICTABLE)
			continue;	/* counted, but linked to nothing */
		assert_int_equal(pfn, f->pfn);
		pfn = pfn_to_page(m->mem, pfn)->next;
	}
	assert_int_equal(lru == LRU_UNEVICTABLE ? PFN_NONE : pfn, PFN_NONE);
	assert_int_equal(lruvec_lru_size(lruvec, lru), nr_pages);
}

static void compare(struct model *m)
{
	struct pglist_data *pgdat = m->mem->nodes[0];
	const uint64_t *event = m->mem->vm_event;

	for (unsigned z = 0; z < (m->mem->conf.lru_per_zone ? MAX_NR_ZONES : 1); z++)
		for (unsigned lru = 0; lru < NR_LRU_LISTS; lru++)
			if (!m->mem->conf.lru_per_zone)
				compare_list(m, &pgdat->lruvec, z, (enum lru_list)lru);
			else if (pgdat->node_zones[z].lruvec)
				compare_list(m, pgdat->node_zones[z].lruvec, z, (enum lru_list)lru);
	assert_int_equal(event[PGACTIVATE], m->activated);
	assert_int_equal(event[PGDEACTIVATE], m->deactivated);
	assert_int_equal(event[PGROTATED], m->rotated);
	assert_int_equal(event[PGLAZYFREE], m->lazyfreed);
	assert_int_equal(event[UNEVICTABLE_PGCULLED], m->culled);
	assert_int_equal(event[UNEVICTABLE_PGRESCUED], m->rescued);
	assert_int_equal(event[UNEVICTABLE_PGMLOCKED], m->mlocked);
	assert_int_equal(event[UNEVICTABLE_PGMUNLOCKED] + event[UNEVICTABLE_PGSTRANDED], m->munlocked);
	assert_int_equal(event[UNEVICTABLE_PGCLEARED], m->cleared);
	assert_true(lru_consistent(m->mem));
}

static void run(bool per_zone)
{
	static void (*const ops[])(struct model *, unsigned) = {
		op_free,	    op_mark_accessed, op_mark_accessed, op_activate, op_deactivate,
		op_deactivate_file, op_lazyfree,      op_rotate,	op_isolate,  op_isolate,
		op_mlock,	    op_munlock,
	};
	struct model *m = calloc(1, sizeof(*m));
	uint64_t nr_ops = test_ops(600000), locked = 0, want = 0;

	m->mem = memory_create_uma(geometry_find("x86-64"), 1, 64 * MIB);
	m->mem->conf.lru_per_zone = per_zone;
	lru_enable(m->mem);
	rng_seed(&m->rng, test_seed());
	for (unsigned i = 0; i < NR_FOLIOS; i++)
		m->folio[i].pfn = PFN_NONE;
	for (uint64_t n = 0; n < nr_ops; n++) {
		unsigned i = (unsigned)rng_below(&m->rng, NR_FOLIOS);

		if (m->folio[i].pfn == PFN_NONE)
			op_new(m, i);
		else
			ops[rng_below(&m->rng, sizeof(ops) / sizeof(ops[0]))](m, i);
		if (n % 1000 == 0)
			compare(m);
	}
	compare(m);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		locked += m->mem->nodes[0]->node_zones[z].vm_stat[NR_MLOCK];
	for (unsigned i = 0; i < NR_FOLIOS; i++)
		want += m->folio[i].pfn != PFN_NONE && m->folio[i].mlocked ? pages(&m->folio[i]) : 0;
	assert_int_equal(locked, want);
	if (!per_zone)
		assert_int_equal(m->mem->nodes[0]->lruvec.nonresident_age, m->age);
	memory_destroy(m->mem);
	free(m);
}

static void lists_of_a_node(void **state)
{
	(void)state;
	run(false);
}

static void lists_of_zones(void **state)
{
	(void)state;
	run(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_a_node),
		cmocka_unit_test(lists_of_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
