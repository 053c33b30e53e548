/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A large folio becomes smaller ones: see split_folio.h. */
#include "mm/split_folio.h"

#include "mm/filemap.h"
#include "mm/folio_touched.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"

/* A base page whose entries are to show the zero page. */
struct zero_part {
	struct memory *mem;
	pfn_t pfn;
};

/* One split on its way. */
struct folio_split {
	struct memory *mem;
	pfn_t head;
	unsigned order, new_order;
	unsigned pins;		/* references of the caller, which go to the head's part */
	int32_t cache_refs;	/* of the page or swap cache: to every part */
	uint32_t state;		/* flags that every part takes over */
	bool on_lru;
	bool may_zero;		/* anonymous, and neither locked nor with a copy in swap */
	struct pfn_list *list;	/* for the parts of an isolated folio, NULL: to their lists */
};

static bool in_page_cache(const struct page *page)
{
	return page->mapping && !(page->flags & PG_ANON);
}

int64_t folio_expected_refs(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	return folio_mapcount(mem, head) + (in_page_cache(page) || page->flags & PG_SWAPCACHE);
}

static bool split_entry(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	const pfn_t *head = ctx;
	struct pgtable *pmd = pgtable_lookup(vma->vm_mm, addr, HPAGE_LEVEL);
	unsigned index;

	if (!pmd)
		return true;
	index = pte_index(vma->vm_mm->mem->geo, pmd, addr);
	if (pte_is_leaf(pmd->ent[index]) && pte_pfn(pmd->ent[index]) == *head)
		split_huge_pmd(vma, pmd, index, addr);
	return true;
}

/* ---- the parts ---- */

/* The pages of one part know their head again. */
static void prep_part(const struct folio_split *s, pfn_t head)
{
	struct page *page = pfn_to_page(s->mem, head);
	unsigned nr = 1u << s->new_order;
	int32_t mapcount = 0, nr_mapped = 0;
	uint32_t head_flags = s->new_order ? PG_HEAD | s->new_order << PAGE_ORDER_SHIFT : 0;

	for (unsigned i = 0; i < nr; i++) {
		page[i].flags &= ~(PG_HEAD | PG_TAIL | PAGE_ORDER_MASK | PG_FOLIO_DEFERRED | PG_FOLIO_PARTIAL);
		page[i].flags |= i ? PG_TAIL : head_flags | s->state;
		page[i].next = i ? head : PFN_NONE;
		page[i].prev = PFN_NONE;
		page[i]._refcount = 0;
		mapcount += page[i]._mapcount;
		nr_mapped += page[i]._mapcount > 0;
	}
	if (!s->new_order)
		return;
	folio_init_large(s->mem, head);
	*folio_nr_pages_mapped(s->mem, head) = nr_mapped;
	if (s->new_order > 1)
		page[2]._refcount = mapcount;
}

/* Per-frame state beside mem_map that goes by the head of a folio. */
static void copy_frame_state(const struct folio_split *s, pfn_t part)
{
	struct memory *mem = s->mem;

	if (mem->last_cpupid)
		mem->last_cpupid[part] = mem->last_cpupid[s->head];
	if (mem->page_gen)
		mem->page_gen[part] = mem->page_gen[s->head];
}

/* Nobody has the part: it goes back. A reference stands in for the one that is dropped. */
static void free_part(struct memory *mem, pfn_t part, unsigned order)
{
	struct page *page = pfn_to_page(mem, part);

	for (unsigned i = 0; i < 1u << order; i++)
		page[i].mapping = 0;
	page->_refcount = 1;
	put_page(mem, part);
}

/* A part that is large itself is one more folio of its size; what was touched of it stays so. */
static void keep_anon_part(const struct folio_split *s, pfn_t part)
{
	struct memory *mem = s->mem;

	mem->mthp_stat[s->new_order][MTHP_STAT_NR_ANON]++;
	count_large_pages(mem, 1ll << s->new_order);
	if (unlikely(mem->page_touched)) {
		mem->thp_waste.pages[s->new_order] += 1u << s->new_order;
		mem->thp_waste.nr_untouched += folio_pages_untouched(mem, part);
		mem->thp_waste.nr_unwritten += folio_pages_unwritten(mem, part);
		if (mem->page_touched[s->head] & FOLIO_FRESH && part != s->head) {
			mem->page_touched[part] |= FOLIO_FRESH;
			*vec_push(&mem->thp_waste.fresh) = part;
		}
	}
}

/* One more entry that shows the zero page in place of a page full of zeroes (try_to_map_unused_to_zeropage). */
static bool map_zeropage(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	const struct zero_part *z = ctx;
	struct pgtable *table;
	unsigned level;
	pte_t *pte = pgtable_walk(vma->vm_mm, addr, &level, &table);

	if (level || !pte_is_leaf(*pte) || pte->pte & PTE_SPECIAL || pte_pfn(*pte) != z->pfn || vma->vm_flags & VM_LOCKED)
		return true;
	pte_set(table, pte_index(z->mem->geo, table, addr),
		pfn_pte(z->mem->zero_pfn, (vma_page_prot(vma) & ~PTE_WRITE) | PTE_SPECIAL | PTE_ACCESSED));
	folio_remove_rmap_pte(z->mem, z->pfn);
	vma->vm_mm->rss_stat[MM_ANONPAGES]--;
	flush_tlb_page(vma->vm_mm, addr);
	return true;
}

/* Base pages of anonymous memory that hold nothing but zeroes are not worth keeping. */
static void drop_zero_page(const struct folio_split *s, pfn_t part)
{
	const struct page *page = pfn_to_page(s->mem, part);
	struct zero_part z = { s->mem, part };

	if (!s->new_order && s->may_zero && page->_mapcount && page_known_zero(s->mem, s->head, part))
		rmap_walk(s->mem, part, map_zeropage, &z);
}

/*
 * A part gets its references and its place. The lists hold the parts where the folio stood: the last of them, which is
 * the oldest, is the head.
 */
static void release_part(struct folio_split *s, pfn_t part)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, part);

	prep_part(s, part);
	drop_zero_page(s, part);
	page->_refcount = (int32_t)folio_mapcount(mem, part) + s->cache_refs + (part == s->head ? (int32_t)s->pins : 0);
	if (part != s->head)
		copy_frame_state(s, part);
	if (page->flags & PG_ANON && s->new_order)
		keep_anon_part(s, part);
	if (!page->_refcount)
		free_part(mem, part, s->new_order);
	else if (s->on_lru)
		lruvec_add_folio_tail(mem, part);
	else if (part != s->head && s->list)
		pfn_list_add_tail(mem->mem_map, s->list, part);
	else if (part != s->head)
		folio_putback_lru(mem, part);
}

static void split_unmapped_folio(struct folio_split *s)
{
	struct memory *mem = s->mem;
	struct page *page = pfn_to_page(mem, s->head);
	pfn_t step = 1u << s->new_order;

	folio_unqueue_deferred_split(mem, s->head);
	if (page->flags & PG_ANON) {
		mem->mthp_stat[s->order][MTHP_STAT_NR_ANON]--;
		count_large_pages(mem, -(1ll << s->order));
		folio_touched_end(mem, s->head);
	}
	s->may_zero = (page->flags & (PG_ANON | PG_SWAPCACHE | PG_MLOCKED)) == PG_ANON;
	s->on_lru = folio_isolate_lru(mem, s->head);
	s->state = page->flags & (PG_DIRTY | PG_REFERENCED | PG_ACTIVE | PG_UNEVICTABLE | PG_UPTODATE | PG_SWAPBACKED |
				  PG_SWAPCACHE | PG_WORKINGSET | PG_MLOCKED);
	if (unlikely(mem->page_memcg))
		mem_cgroup_split(mem, s->head, s->order, s->new_order);
	for (pfn_t part = step; part < 1u << s->order; part += step)
		release_part(s, s->head + part);
	release_part(s, s->head);
}

/* ---- whether at all ---- */

static bool may_split(const struct folio_split *s)
{
	const struct page *page = pfn_to_page(s->mem, s->head);

	return page->mapping && page->_refcount == folio_expected_refs(s->mem, s->head) + (int64_t)s->pins;
}

/* Slots of the page cache are by page already; its tree may need nodes. False: no memory. */
static bool split_cache(struct folio_split *s)
{
	const struct page *page = pfn_to_page(s->mem, s->head);

	if (page->flags & PG_SWAPCACHE || !in_page_cache(page)) {
		s->cache_refs = !!(page->flags & PG_SWAPCACHE);
		return true;
	}
	s->cache_refs = 1;
	return mapping_nodes_split(s->mem, s->mem->mappings.data[page->mapping], s->order);
}

/*
 * The kernel takes base entries away one by one: with the first, the folio is partly unmapped, and counts as such, though it
 * goes from the list again at once. A huge entry goes as a whole.
 */
static void note_partial(struct folio_split *s)
{
	const struct page *page = pfn_to_page(s->mem, s->head);

	if (page->flags & PG_ANON && !*folio_entire_mapcount(s->mem, s->head) &&
	    *folio_nr_pages_mapped(s->mem, s->head) > 1 && !folio_test_partially_mapped(s->mem, s->head))
		deferred_split_folio(s->mem, s->head, true);
}

static bool __folio_split(struct folio_split *s)
{
	if (!may_split(s) || !split_cache(s))
		return false;
	note_partial(s);
	rmap_walk(s->mem, s->head, split_entry, &s->head);
	VM_BUG_ON(*folio_entire_mapcount(s->mem, s->head));
	split_unmapped_folio(s);
	return true;
}

bool split_folio_to_list(struct memory *mem, pfn_t head, unsigned new_order, unsigned pins, struct pfn_list *list)
{
	const struct page *page = pfn_to_page(mem, head);
	struct folio_split s = {
		.mem = mem, .head = head, .order = page_order(page), .new_order = new_order, .pins = pins, .list = list,
	};
	bool done;

	if (!(page->flags & PG_HEAD) || new_order >= s.order || page->flags & (PG_WRITEBACK | PG_HUGETLB) ||
	    head == mem->huge_zero_pfn || (new_order == 1 && page->flags & PG_ANON))
		return false;
	done = __folio_split(&s);
	if (s.order == hpage_order(mem))
		count_vm_event(mem, done ? THP_SPLIT_PAGE : THP_SPLIT_PAGE_FAILED);
	count_mthp_stat(mem, s.order, done ? MTHP_STAT_SPLIT : MTHP_STAT_SPLIT_FAILED);
	return done;
}

bool split_folio(struct memory *mem, pfn_t head)
{
	return split_folio_to_list(mem, head, 0, 0, NULL);
}
