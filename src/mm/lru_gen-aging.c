/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Aging: what page tables say was used becomes young, and a new generation begins. See lru_gen.h. Kernel counterpart:
 * mm/vmscan.c (walk_mm, walk_pte_range, inc_max_seq, inc_min_seq, lru_gen_look_around, the Bloom filters).
 */
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/huge_pmd.h"
#include "mm/lru_gen-internal.h"
#include "mm/pgtable.h"
#include "mm/vma.h"
#include "mm/writeback.h"

/* One walk over address spaces. */
struct aging {
	struct memory *mem;
	struct lruvec *lruvec;
	struct lru_gen *gen;
	struct mm_struct *mm;
	uint64_t seq;
	unsigned swappiness;
	bool force_scan;	/* all tables, whatever the filter says: the address space is new */
};

/* ---- Bloom filters ---- */

/* Two numbers below 2^BLOOM_FILTER_SHIFT for the table of the entry at addr; never by the host's addresses. */
static void filter_keys(const struct mm_struct *mm, uint64_t addr, uint32_t key[2])
{
	unsigned shift = mm->mem->geo->level[HPAGE_LEVEL].shift;
	uint64_t x = ((addr >> shift) ^ (uint64_t)mm->id << 40) * 0x61c8864680b583ebull;

	key[0] = (uint32_t)(x >> 34) & ((1u << BLOOM_FILTER_SHIFT) - 1);
	key[1] = (uint32_t)(x >> 49);
}

static bool filter_has(const struct lru_gen *gen, uint64_t seq, const struct mm_struct *mm, uint64_t addr)
{
	const uint64_t *filter = gen->filters[seq % NR_BLOOM_FILTERS];
	uint32_t key[2];

	if (!filter)
		return true;
	filter_keys(mm, addr, key);
	return filter[key[0] / 64] >> key[0] % 64 & filter[key[1] / 64] >> key[1] % 64 & 1;
}

static void filter_add(struct lru_gen *gen, uint64_t seq, const struct mm_struct *mm, uint64_t addr)
{
	uint64_t *filter = gen->filters[seq % NR_BLOOM_FILTERS];
	uint32_t key[2];

	if (!filter)
		return;
	filter_keys(mm, addr, key);
	filter[key[0] / 64] |= 1ull << key[0] % 64;
	filter[key[1] / 64] |= 1ull << key[1] % 64;
}

static void filter_reset(struct lru_gen *gen, uint64_t seq)
{
	uint64_t **filter = &gen->filters[seq % NR_BLOOM_FILTERS];

	if (*filter)
		memset(*filter, 0, BLOOM_FILTER_WORDS * sizeof(**filter));
	else
		*filter = xcalloc(BLOOM_FILTER_WORDS, sizeof(**filter));
}

/* ---- what an entry says of its folio ---- */

/* One young entry in each cache line of entries, on the average: worth another walk. */
static bool suitable_to_scan(uint64_t total, uint64_t young)
{
	return young * 8 >= total;
}

/*
 * The folio of an entry that was used since it was last asked, if this list has it; the entry is asked now. PFN_NONE
 * otherwise. Nobody's TLB is told, as on x86.
 */
static pfn_t take_young(struct memory *mem, const struct lruvec *lruvec, pte_t *pte)
{
	pfn_t head;

	if (!pte_is_leaf(*pte) || !(pte->pte & PTE_ACCESSED) || pte->pte & PTE_SPECIAL)
		return PFN_NONE;
	if (pte_pfn(*pte) == mem->zero_pfn || pte_pfn(*pte) == mem->huge_zero_pfn ||
	    pfn_to_node(mem, pte_pfn(*pte)) != lruvec->pgdat)
		return PFN_NONE;
	head = folio_pfn(mem, pte_pfn(*pte));
	if (folio_lru_gen(mem, head) < 0 || folio_lruvec(mem, head) != lruvec)
		return PFN_NONE;
	pte->pte &= ~PTE_ACCESSED;
	return head;
}

/* The first use found only leaves a mark; with a mark the folio goes to generation `slot`. */
static void update_gen(struct memory *mem, struct lruvec *lruvec, pfn_t head, unsigned slot)
{
	if (lru_gen_set_refs(mem, head) && folio_lru_gen(mem, head) != (int)slot)
		lru_gen_set_gen(mem, lruvec, head, slot);
}

/* Entries of one folio that stand together count once. */
struct young_folio {
	pfn_t head;
	bool dirty;
};

static void update_folio(struct memory *mem, struct lruvec *lruvec, const struct young_folio *f, unsigned slot)
{
	const struct page *page;

	if (f->head == PFN_NONE)
		return;
	page = pfn_to_page(mem, f->head);
	if (f->dirty && !(page->flags & PG_DIRTY) &&
	    !(page->flags & PG_ANON && page->flags & PG_SWAPBACKED && !(page->flags & PG_SWAPCACHE)))
		folio_mark_dirty(mem, f->head);
	if (mem->mm_walk)
		update_gen(mem, lruvec, f->head, slot);
	else if (lru_gen_set_refs(mem, f->head) && folio_lru_gen(mem, f->head) != (int)slot)
		folio_activate(mem, f->head);
}

static void found_young(struct memory *mem, struct lruvec *lruvec, struct young_folio *last, pfn_t head, bool dirty,
			unsigned slot)
{
	if (last->head != head) {
		update_folio(mem, lruvec, last, slot);
		*last = (struct young_folio){ .head = head };
	}
	last->dirty |= dirty;
}

/* ---- the walk ---- */

static bool should_skip_vma(const struct aging *a, const struct vm_area_struct *vma)
{
	const struct address_space *mapping = vma->vm_mapping;

	if (!(vma->vm_flags & VM_ACCESS_FLAGS) || vma->vm_flags & (VM_HUGETLB | VM_LOCKED | VM_SPECIAL) ||
	    vma->vm_flags & (VM_SEQ_READ | VM_RAND_READ))
		return true;
	if (!mapping || mapping->is_shmem)
		return !a->swappiness;
	return a->swappiness > MAX_SWAPPINESS || mapping->is_special;
}

static struct vm_area_struct *next_vma(const struct aging *a, struct vm_area_struct *vma)
{
	while (vma && should_skip_vma(a, vma))
		vma = vma_next(vma);
	return vma;
}

/*
 * All areas of one table of base entries, from addr on. Returns the area that goes on behind the table, NULL none, and
 * whether the table is worth it next time too.
 */
static struct vm_area_struct *walk_pte_range(const struct aging *a, struct vm_area_struct *vma, struct pgtable *table,
					     uint64_t addr, uint64_t end, bool *ret_suitable)
{
	struct memory *mem = a->mem;
	unsigned slot = lru_gen_from_seq(a->gen->max_seq);
	struct young_folio last = { .head = PFN_NONE };
	uint64_t total = 0, young = 0;

	for (; vma && vma->vm_start < end; vma = next_vma(a, vma_next(vma))) {
		uint64_t start = vma->vm_start > addr ? vma->vm_start : addr;
		uint64_t stop = vma->vm_end < end ? vma->vm_end : end;
		unsigned i = pte_index(mem->geo, table, start);

		for (; start < stop; start += 1ull << mem->geo->page_shift, i++) {
			bool dirty = pte_dirty(table->ent[i]);
			pfn_t head = take_young(mem, a->lruvec, &table->ent[i]);

			total++;
			if (head == PFN_NONE)
				continue;
			young++;
			found_young(mem, a->lruvec, &last, head, dirty, slot);
		}
		update_folio(mem, a->lruvec, &last, slot);
		last.head = PFN_NONE;
		if (vma->vm_end > end)
			break;
	}
	if (young || !(mem->lru_gen_caps & LRU_GEN_NONLEAF_YOUNG) || a->force_scan) {
		a->gen->walk_tables++;
		a->gen->walk_entries += total;
		a->gen->walk_young += young;
	}
	*ret_suitable = suitable_to_scan(total, young);
	return vma;
}

static void walk_huge(const struct aging *a, pte_t *pmd)
{
	bool dirty = pte_dirty(*pmd);
	pfn_t head = take_young(a->mem, a->lruvec, pmd);
	struct young_folio f = { .head = head, .dirty = dirty };

	a->gen->walk_entries++;
	if (head == PFN_NONE)
		return;
	a->gen->walk_young++;
	update_folio(a->mem, a->lruvec, &f, lru_gen_from_seq(a->gen->max_seq));
}

/* One entry above base entries, [addr, end) inside it. Returns the area at end or behind it. */
static struct vm_area_struct *walk_pmd(const struct aging *a, struct vm_area_struct *vma, struct pgtable *pmd, uint64_t addr,
				       uint64_t end)
{
	pte_t *entry = &pmd->ent[pte_index(a->mem->geo, pmd, addr)];
	bool suitable;

	if (pte_is_leaf(*entry)) {
		walk_huge(a, entry);
	} else if (pte_is_table(*entry) && (a->force_scan || filter_has(a->gen, a->seq, a->mm, addr))) {
		vma = walk_pte_range(a, vma, pte_table(*entry), addr, end, &suitable);
		if (suitable) {
			a->gen->walk_tables_kept++;
			filter_add(a->gen, a->seq + 1, a->mm, addr);
		}
		return vma;
	}
	while (vma && vma->vm_end <= end)
		vma = next_vma(a, vma_next(vma));
	return vma;
}

static void walk_mm(struct aging *a)
{
	const struct geometry *geo = a->mem->geo;
	uint64_t size = 1ull << geo->level[HPAGE_LEVEL].shift;
	uint64_t table_size = size << geo->level[HPAGE_LEVEL].bits;
	struct vm_area_struct *vma = next_vma(a, first_vma(a->mm));
	uint64_t addr = 0;

	while (vma) {
		struct pgtable *pmd;
		uint64_t end;

		if (vma->vm_start > addr)
			addr = vma->vm_start;
		pmd = pgtable_lookup(a->mm, addr, HPAGE_LEVEL);
		end = (addr & ~((pmd ? size : table_size) - 1)) + (pmd ? size : table_size);
		if (pmd)
			vma = walk_pmd(a, vma, pmd, addr, end);
		while (vma && vma->vm_end <= end)
			vma = next_vma(a, vma_next(vma));
		if (!end)
			break;
		addr = end;
	}
}

static bool is_listed(const struct aging *a, const struct mm_struct *mm)
{
	if (!mm->pgd || mm == a->mem->init_mm || mm->oom_victim)
		return false;
	if (!a->lruvec->memcg)
		return true;
	return mm->memcg ? mm->memcg == a->lruvec->memcg : mem_cgroup_is_root(a->lruvec->memcg);
}

/* Those that ran since the last walk, in the order of their creation; those that are new wholly. */
static void walk_mm_list(struct aging *a)
{
	uint64_t node = 1ull << a->lruvec->pgdat->node_id;
	struct list_head *pos;
	bool first = true;

	if (a->mem->current && a->mem->current->mm)
		a->mem->current->mm->lru_gen_ran = UINT64_MAX;
	list_for_each(pos, &a->mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (!is_listed(a, mm))
			continue;
		a->force_scan |= mm->id > a->gen->last_mm_id;
		if (!a->force_scan && !(mm->lru_gen_ran & node))
			continue;
		mm->lru_gen_ran &= ~node;
		if (first)
			filter_reset(a->gen, a->seq + 1);
		first = false;
		a->mm = mm;
		walk_mm(a);
	}
	a->gen->last_mm_id = a->mem->next_mm_id;
}

/* ---- generations ---- */

/* What the oldest generation taught goes into the averages, half and half. */
static void carry_over_ctrl_pos(struct lru_gen *gen, unsigned type)
{
	for (unsigned tier = 0; tier < MAX_NR_TIERS; tier++) {
		gen->avg_refaulted[type][tier] = (gen->avg_refaulted[type][tier] + gen->refaulted[type][tier]) / 2;
		gen->avg_total[type][tier] = (gen->avg_total[type][tier] + gen->protected[type][tier] +
					      gen->evicted[type][tier]) / 2;
		gen->refaulted[type][tier] = gen->evicted[type][tier] = gen->protected[type][tier] = 0;
	}
}

unsigned lru_gen_inc_gen(struct memory *mem, struct lruvec *lruvec, pfn_t head, bool reclaiming)
{
	struct page *page = pfn_to_page(mem, head);
	unsigned oldest = lru_gen_from_seq(lruvec->gen->min_seq[lru_gen_type(page)]);
	unsigned slot = (unsigned)folio_lru_gen(mem, head);

	if (slot != oldest)	/* a walk has made it young meanwhile */
		return slot;
	slot = (oldest + 1) % MAX_NR_GENS;
	folio_set_lru_refs(mem, head, 0);
	page->flags = (page->flags & ~PG_REFERENCED) | (reclaiming ? PG_RECLAIM : 0);
	lru_gen_set_gen(mem, lruvec, head, slot);
	return slot;
}

/* One folio of the oldest generation is handed on; counts it as protected unless that was sure to come. */
static void hand_on(struct memory *mem, struct lruvec *lruvec, pfn_t head, unsigned type)
{
	unsigned refs = folio_lru_refs(mem, head);
	bool workingset = pfn_to_page(mem, head)->flags & PG_WORKINGSET;

	lru_gen_inc_gen(mem, lruvec, head, false);
	lru_gen_move_folio(mem, lruvec, head, true);
	if (refs + workingset != (1u << LRU_REFS_WIDTH) + 1)
		lruvec->gen->protected[type][lru_tier_from_refs(refs, workingset)] +=
			(uint64_t)folio_nr_pages(pfn_to_page(mem, head));
}

/*
 * All four generations are there and another is wanted: the two oldest become one. What may not be evicted stays where it is,
 * and so comes to lie in the youngest.
 */
static void inc_min_seq(struct lruvec *lruvec, unsigned type, unsigned swappiness)
{
	struct lru_gen *gen = lruvec->gen;
	unsigned oldest = lru_gen_from_seq(gen->min_seq[type]);

	if (type >= min_type(swappiness) && type <= max_type(swappiness))
		for (unsigned zone = 0; zone < MAX_NR_ZONES; zone++)
			while (!pfn_list_empty(&gen->folios[oldest][type][zone]))
				hand_on(lruvec->pgdat->mem, lruvec, gen->folios[oldest][type][zone].last, type);
	carry_over_ctrl_pos(gen, type);
	gen->min_seq[type]++;
}

static bool is_empty(const struct lru_gen *gen, uint64_t seq, unsigned type)
{
	for (unsigned zone = 0; zone < MAX_NR_ZONES; zone++)
		if (!pfn_list_empty(&gen->folios[lru_gen_from_seq(seq)][type][zone]))
			return false;
	return true;
}

bool lru_gen_inc_min_seq(struct lruvec *lruvec, unsigned swappiness)
{
	struct lru_gen *gen = lruvec->gen;
	uint64_t min_seq[NR_LRU_GEN_TYPES] = { gen->min_seq[0], gen->min_seq[1] };
	uint64_t seq = gen->max_seq - MIN_NR_GENS;
	bool success = false;

	for (unsigned type = min_type(swappiness); type <= max_type(swappiness); type++)
		while (min_seq[type] + MIN_NR_GENS <= gen->max_seq && is_empty(gen, min_seq[type], type))
			min_seq[type]++;
	/* When both kinds may go, neither gets two generations ahead of the other. */
	if (swappiness && swappiness <= MAX_SWAPPINESS) {
		if (min_seq[LRU_GEN_ANON] > seq && min_seq[LRU_GEN_FILE] < seq)
			min_seq[LRU_GEN_ANON] = seq;
		else if (min_seq[LRU_GEN_FILE] > seq && min_seq[LRU_GEN_ANON] < seq)
			min_seq[LRU_GEN_FILE] = seq;
	}
	for (unsigned type = min_type(swappiness); type <= max_type(swappiness); type++) {
		if (min_seq[type] <= gen->min_seq[type])
			continue;
		carry_over_ctrl_pos(gen, type);
		gen->min_seq[type] = min_seq[type];
		success = true;
	}
	return success;
}

/* The second youngest generation is not active any more, the new one is. */
static void shift_active(struct lruvec *lruvec, unsigned type)
{
	struct lru_gen *gen = lruvec->gen;
	unsigned prev = lru_gen_from_seq(gen->max_seq - 1), next = lru_gen_from_seq(gen->max_seq + 1);
	enum lru_list lru = (enum lru_list)(type * LRU_FILE);

	for (unsigned zone = 0; zone < MAX_NR_ZONES; zone++) {
		int64_t delta = (int64_t)(gen->nr_pages[prev][type][zone] - gen->nr_pages[next][type][zone]);

		if (!delta)
			continue;
		update_lru_size(lruvec, lru, (enum zone_type)zone, delta);
		update_lru_size(lruvec, (enum lru_list)(lru + LRU_ACTIVE), (enum zone_type)zone, -delta);
	}
}

static void inc_max_seq(struct lruvec *lruvec, unsigned swappiness)
{
	struct lru_gen *gen = lruvec->gen;

	for (unsigned type = 0; type < NR_LRU_GEN_TYPES; type++)
		if (lru_gen_nr_gens(gen, type) == MAX_NR_GENS)
			inc_min_seq(lruvec, type, swappiness);
	for (unsigned type = 0; type < NR_LRU_GEN_TYPES; type++)
		shift_active(lruvec, type);
	gen->max_seq++;
	gen->timestamps_ns[lru_gen_from_seq(gen->max_seq)] = lruvec->pgdat->mem->now_ns;
}

bool lru_gen_inc_max_seq(struct lruvec *lruvec, uint64_t seq, unsigned swappiness, bool force_scan)
{
	struct memory *mem = lruvec->pgdat->mem;
	struct aging a = { .mem = mem, .lruvec = lruvec, .gen = lruvec->gen, .seq = seq, .swappiness = swappiness,
			   .force_scan = force_scan };

	if (seq <= a.gen->mm_seq || seq != a.gen->max_seq)
		return false;
	if (mem->lru_gen_caps & LRU_GEN_MM_WALK) {
		mem->mm_walk = true;
		walk_mm_list(&a);
	}
	a.gen->mm_seq++;
	inc_max_seq(lruvec, swappiness);
	return true;
}

/* ---- around a used entry ---- */

/* 64 entries around addr, of its table and area. */
static void look_around_range(const struct vm_area_struct *vma, uint64_t addr, uint64_t *ret_start, uint64_t *ret_end)
{
	const struct geometry *geo = vma->vm_mm->mem->geo;
	uint64_t mask = (1ull << geo->level[HPAGE_LEVEL].shift) - 1, batch = (uint64_t)MIN_LRU_BATCH << geo->page_shift;
	uint64_t start = addr & ~mask, end = (addr | mask) + 1;

	if (start < vma->vm_start)
		start = vma->vm_start;
	if (end > vma->vm_end || !end)
		end = vma->vm_end;
	if (end - start > batch) {
		if (addr - start < batch / 2) {
			end = start + batch;
		} else if (end - addr < batch / 2) {
			start = end - batch;
		} else {
			start = addr - batch / 2;
			end = addr + batch / 2;
		}
	}
	*ret_start = start;
	*ret_end = end;
}

void lru_gen_look_around(struct memory *mem, struct vm_area_struct *vma, uint64_t addr, struct pgtable *table, pfn_t head)
{
	struct lruvec *lruvec = folio_lruvec(mem, head);
	struct lru_gen *gen = lruvec->gen;
	unsigned slot = lru_gen_from_seq(gen->max_seq);
	struct young_folio last = { .head = PFN_NONE };
	uint64_t start, end, total = 0, young = 1;

	if (vma->vm_flags & VM_SPECIAL || table->level)
		return;
	look_around_range(vma, addr, &start, &end);
	if (end - start == 1ull << mem->geo->page_shift)
		return;
	for (unsigned i = pte_index(mem->geo, table, start); start < end; start += 1ull << mem->geo->page_shift, i++, total++) {
		bool dirty = pte_dirty(table->ent[i]);
		pfn_t other = take_young(mem, lruvec, &table->ent[i]);

		if (other == PFN_NONE)
			continue;
		young++;
		found_young(mem, lruvec, &last, other, dirty, slot);
	}
	update_folio(mem, lruvec, &last, slot);
	if (suitable_to_scan(total, young))
		filter_add(gen, gen->max_seq, vma->vm_mm, addr);
}
