/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Folios in and out of generations, and what counts as a use: see lru_gen.h. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/xalloc.h"
#include "mm/lru_gen-internal.h"
#include "mm/seeded_bug.h"

/* ---- setup ---- */

void lru_gen_setup(struct memory *mem, unsigned caps, uint64_t min_ttl_ns)
{
	if (!(caps & LRU_GEN_CORE) || mem->page_gen)
		return;
	BUG_ON(mem->lru_enabled);
	mem->page_gen = mmap(NULL, (size_t)mem->max_pfn + 1, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->page_gen == MAP_FAILED)
		xalloc_failed((size_t)mem->max_pfn + 1);
	mem->lru_gen_caps = caps;
	mem->lru_gen_min_ttl_ns = min_ttl_ns;
	mem->lru_policy = &lru_gen_policy;
}

void lru_gen_teardown(struct memory *mem)
{
	if (!mem->page_gen)
		return;
	munmap(mem->page_gen, (size_t)mem->max_pfn + 1);
	mem->page_gen = NULL;
}

/* The lists begin with all four generations, empty: a fresh folio can be as old as any. */
static void init_lruvec(struct memory *mem, struct lruvec *lruvec)
{
	struct lru_gen *gen = xcalloc(1, sizeof(*gen));

	gen->lruvec = lruvec;
	gen->max_seq = MIN_NR_GENS + 1;
	gen->mm_seq = MIN_NR_GENS;
	for (unsigned g = 0; g < MAX_NR_GENS; g++) {
		gen->timestamps_ns[g] = mem->now_ns;
		for (unsigned type = 0; type < NR_LRU_GEN_TYPES; type++)
			for (unsigned z = 0; z < MAX_NR_ZONES; z++)
				pfn_list_init(&gen->folios[g][type][z]);
	}
	lruvec->gen = gen;
	memcg_lru_add(mem, lruvec);
}

static void exit_lruvec(struct memory *mem, struct lruvec *lruvec)
{
	(void)mem;
	memcg_lru_del(lruvec);
	for (unsigned i = 0; i < NR_BLOOM_FILTERS; i++)
		free(lruvec->gen->filters[i]);
	free(lruvec->gen);
	lruvec->gen = NULL;
}

/* ---- sizes ---- */

/* The folio's pages go from one generation to another; -1: from or to none. */
static void update_size(struct memory *mem, struct lruvec *lruvec, pfn_t head, int old, int new)
{
	struct lru_gen *gen = lruvec->gen;
	const struct page *page = pfn_to_page(mem, head);
	unsigned type = lru_gen_type(page), zone = folio_zonenum(page);
	unsigned lru = type * LRU_FILE;
	int64_t nr = folio_nr_pages(page);
	bool was_active = old >= 0 && lru_gen_is_active(gen, (unsigned)old);
	bool is_active = new >= 0 && lru_gen_is_active(gen, (unsigned)new);

	if (old >= 0)
		gen->nr_pages[old][type][zone] -= (uint64_t)nr;
	if (new >= 0)
		gen->nr_pages[new][type][zone] += (uint64_t)nr;
	VM_BUG_ON(old >= 0 && new >= 0 && was_active && !is_active);
	if (old >= 0 && new >= 0 && was_active == is_active)
		return;
	if (old >= 0)
		update_lru_size(lruvec, (enum lru_list)(lru + was_active), (enum zone_type)zone, -nr);
	if (new >= 0)
		update_lru_size(lruvec, (enum lru_list)(lru + is_active), (enum zone_type)zone, nr);
}

/* ---- which generation ---- */

/*
 * Touched through page tables: the youngest two. Anonymous folios and those that are on their way to disk get the time of
 * two agings, all others begin as the oldest, one younger when they are known to come back.
 */
uint64_t lru_gen_folio_seq(const struct lru_gen *gen, const struct page *page, bool reclaiming)
{
	bool workingset = page->flags & PG_WORKINGSET;
	bool writing = page->flags & PG_RECLAIM && page->flags & (PG_DIRTY | PG_WRITEBACK);
	uint64_t age, seq, min_seq = gen->min_seq[lru_gen_type(page)];

	if (page->flags & PG_ACTIVE)
		age = MIN_NR_GENS - workingset;
	else if (reclaiming)
		age = MAX_NR_GENS;
	else if ((page->flags & PG_SWAPBACKED && !(page->flags & PG_SWAPCACHE)) || writing)
		age = MIN_NR_GENS;
	else
		age = MAX_NR_GENS - workingset;
	seq = gen->max_seq + 1 - age;
	return seq > min_seq ? seq : min_seq;
}

static struct pfn_list *list_of(struct lru_gen *gen, const struct page *page, unsigned slot)
{
	return &gen->folios[slot][lru_gen_type(page)][folio_zonenum(page)];
}

static void set_gen(struct memory *mem, pfn_t head, int slot)
{
	mem->page_gen[head] = (uint8_t)((mem->page_gen[head] & ~PAGE_GEN_MASK) | (unsigned)(slot + 1));
}

static void link_to(struct memory *mem, struct lru_gen *gen, pfn_t head, unsigned slot, bool tail)
{
	struct pfn_list *list = list_of(gen, pfn_to_page(mem, head), slot);

	if (!SEEDED_BUG(mem, GEN_LIST))
		mem->page_gen[head] =
			(uint8_t)((mem->page_gen[head] & ~PAGE_GEN_LIST_MASK) | slot << PAGE_GEN_LIST_SHIFT);
	if (tail)
		pfn_list_add_tail(mem->mem_map, list, head);
	else
		pfn_list_add(mem->mem_map, list, head);
}

static bool add_folio(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming)
{
	struct page *page = pfn_to_page(mem, head);
	struct lru_gen *gen = lruvec->gen;
	unsigned slot;

	if (page->flags & PG_UNEVICTABLE || !gen)
		return false;
	VM_BUG_ON(folio_lru_gen(mem, head) >= 0);
	slot = lru_gen_from_seq(lru_gen_folio_seq(gen, page, reclaiming));
	page->flags &= ~PG_ACTIVE;
	set_gen(mem, head, (int)slot);
	update_size(mem, lruvec, head, -1, (int)slot);
	link_to(mem, gen, head, slot, reclaiming);
	return true;
}

bool lru_gen_del_folio(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming)
{
	struct page *page = pfn_to_page(mem, head);
	int slot = folio_lru_gen(mem, head);

	if (slot < 0)
		return false;
	pfn_list_del(mem->mem_map, list_of(lruvec->gen, page, folio_gen_list(mem, head)), head);
	update_size(mem, lruvec, head, slot, -1);
	set_gen(mem, head, -1);
	if (!reclaiming && lru_gen_is_active(lruvec->gen, (unsigned)slot))
		page->flags |= PG_ACTIVE;
	return true;
}

void lru_gen_move_folio(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool tail)
{
	struct page *page = pfn_to_page(mem, head);

	pfn_list_del(mem->mem_map, list_of(lruvec->gen, page, folio_gen_list(mem, head)), head);
	link_to(mem, lruvec->gen, head, (unsigned)folio_lru_gen(mem, head), tail);
}

/* ---- uses ---- */

void lru_gen_set_gen(struct memory *mem, struct lruvec *lruvec, pfn_t head, unsigned slot)
{
	int old = folio_lru_gen(mem, head);

	set_gen(mem, head, (int)slot);
	if (!SEEDED_BUG(mem, GEN_SIZE))
		update_size(mem, lruvec, head, old, (int)slot);
}

/* folio_mark_accessed(): beyond four uses the folio is of the working set. */
static void mark_accessed(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	unsigned refs = folio_lru_refs(mem, head);

	if (page->flags & PG_UNEVICTABLE)
		return;
	if (!refs) {
		folio_set_lru_refs(mem, head, 0);
		page->flags |= PG_REFERENCED;
	} else if (refs > PAGE_GEN_REFS_MASK >> PAGE_GEN_REFS_SHIFT) {
		page->flags |= PG_WORKINGSET;
	} else {
		folio_set_lru_refs(mem, head, refs);
	}
}

bool lru_gen_set_refs(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	folio_set_lru_refs(mem, head, 0);
	if (!(page->flags & (PG_REFERENCED | PG_WORKINGSET))) {
		page->flags |= PG_REFERENCED;
		return false;
	}
	page->flags = (page->flags & ~PG_REFERENCED) | PG_WORKINGSET;
	return true;
}

static bool clear_refs(struct memory *mem, pfn_t head)
{
	const struct lru_gen *gen = folio_lruvec(mem, head)->gen;
	struct page *page = pfn_to_page(mem, head);
	int slot = folio_lru_gen(mem, head);

	if (slot < 0)
		return true;
	folio_set_lru_refs(mem, head, 0);
	page->flags &= ~(PG_REFERENCED | PG_WORKINGSET);
	return (unsigned)slot == lru_gen_from_seq(gen->min_seq[lru_gen_type(page)]);
}

static void copy_refs(struct memory *mem, pfn_t dst, pfn_t src)
{
	folio_set_lru_refs(mem, dst, (mem->page_gen[src] & PAGE_GEN_REFS_MASK) >> PAGE_GEN_REFS_SHIFT);
}

/* Where a fault brings it in, the folio is as young as what aging has found used. */
static void fault_in(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);

	if (mem->in_lru_fault && !mem->memalloc && !(page->flags & PG_UNEVICTABLE))
		page->flags |= PG_ACTIVE;
}

/* ---- check ---- */

struct gen_check {
	const struct memory *mem;
	const struct lruvec *lruvec;
	struct strbuf *why;
	uint64_t pages[MAX_NR_GENS];	/* of one kind and zone, by generation */
};

static bool complain(const struct gen_check *c, const char *what, uint64_t found, uint64_t kept)
{
	if (c->why)
		strbuf_addf(c->why, "node %u: generations: %s: %llu found, %llu kept\n",
			    c->lruvec->pgdat ? c->lruvec->pgdat->node_id : 0, what, (unsigned long long)found,
			    (unsigned long long)kept);
	return false;
}

static bool list_consistent(struct gen_check *c, unsigned slot, unsigned type, unsigned zone)
{
	const struct memory *mem = c->mem;
	const struct pfn_list *list = &c->lruvec->gen->folios[slot][type][zone];
	pfn_t prev = PFN_NONE;
	uint64_t nr = 0;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; prev = pfn, pfn = pfn_to_page(mem, pfn)->next) {
		const struct page *page = pfn_to_page(mem, pfn);

		if (nr++ > list->nr || page->prev != prev || folio_lruvec(mem, pfn) != c->lruvec)
			return complain(c, "broken list, folio", pfn, prev);
		if (!(page->flags & PG_LRU) || page->flags & (PG_TAIL | PG_ACTIVE | PG_UNEVICTABLE) ||
		    page->_refcount <= 0)
			return complain(c, "flags of a folio on a list", page->flags, pfn);
		if (lru_gen_type(page) != type || folio_zonenum(page) != zone || folio_gen_list(mem, pfn) != slot ||
		    folio_lru_gen(mem, pfn) < 0)
			return complain(c, "folio on a list that is not its own", pfn, mem->page_gen[pfn]);
		c->pages[folio_lru_gen(mem, pfn)] += (uint64_t)folio_nr_pages(page);
	}
	if (nr != list->nr || list->last != prev)
		return complain(c, "length of a list", nr, list->nr);
	return true;
}

static bool lruvec_consistent(const struct memory *mem, const struct lruvec *lruvec, struct strbuf *why)
{
	const struct lru_gen *gen = lruvec->gen;
	struct gen_check c = { .mem = mem, .lruvec = lruvec, .why = why };
	uint64_t sizes[LRU_UNEVICTABLE] = {0};

	for (unsigned type = 0; type < NR_LRU_GEN_TYPES; type++) {
		if (lru_gen_nr_gens(gen, type) < MIN_NR_GENS || lru_gen_nr_gens(gen, type) > MAX_NR_GENS)
			return complain(&c, "number of generations", lru_gen_nr_gens(gen, type), gen->max_seq);
		for (unsigned zone = 0; zone < MAX_NR_ZONES; zone++) {
			for (unsigned slot = 0; slot < MAX_NR_GENS; slot++)
				c.pages[slot] = 0;
			for (unsigned slot = 0; slot < MAX_NR_GENS; slot++)
				if (!list_consistent(&c, slot, type, zone))
					return false;
			for (unsigned slot = 0; slot < MAX_NR_GENS; slot++) {
				if (c.pages[slot] != gen->nr_pages[slot][type][zone])
					return complain(&c, "pages of a generation", c.pages[slot],
							gen->nr_pages[slot][type][zone]);
				sizes[type * LRU_FILE + lru_gen_is_active(gen, slot)] += c.pages[slot];
			}
		}
	}
	for (unsigned lru = 0; lru < LRU_UNEVICTABLE; lru++)
		if (sizes[lru] != lruvec->nr_pages[lru] || !pfn_list_empty(&lruvec->lists[lru]))
			return complain(&c, "pages counted as active or inactive", sizes[lru], lruvec->nr_pages[lru]);
	return true;
}

static bool consistent(const struct memory *mem, struct strbuf *why)
{
	bool ok = true;

	for (unsigned n = 0; n < mem->nr_nodes && ok; n++) {
		struct mem_cgroup *memcg = NULL;

		if (!mem->nodes[n])
			continue;
		do {
			memcg = mem->page_memcg ? mem_cgroup_iter((struct memory *)mem, NULL, memcg, NULL) : NULL;
			ok = lruvec_consistent(mem, mem_cgroup_lruvec(memcg, mem->nodes[n]), why);
		} while (memcg && ok);
		ok = ok && memcg_lru_consistent(mem->nodes[n], why);
	}
	return ok;
}

const struct lru_policy lru_gen_policy = {
	.name = "mglru",
	.init_lruvec = init_lruvec,
	.exit_lruvec = exit_lruvec,
	.add_folio = add_folio,
	.del_folio = lru_gen_del_folio,
	.mark_accessed = mark_accessed,
	.clear_refs = clear_refs,
	.copy_refs = copy_refs,
	.fault_in = fault_in,
	.look_around = lru_gen_look_around,
	.set_refs = lru_gen_set_refs,
	.eviction = lru_gen_eviction,
	.refault = lru_gen_refault,
	.test_recent = lru_gen_test_recent,
	.age_node = lru_gen_age_node,
	.shrink_node = lru_gen_shrink_node,
	.shrink_lruvec = lru_gen_shrink_lruvec,
	.consistent = consistent,
};
