/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What huge pages keep beside page tables, against what can be found: see huge_memory.h. */
#include <inttypes.h>

#include "mm/deferred_split.h"
#include "mm/folio_touched.h"
#include "mm/huge_memory.h"
#include "mm/mm_slot.h"
#include "mm/page_alloc.h"

struct thp_check {
	const struct memory *mem;
	struct strbuf *why;
	uint64_t nr_anon[MAX_ORDER_LIMIT], nr_partial[MAX_ORDER_LIMIT], pages, untouched, unwritten, deferred;
	bool ok;
};

static void complain(struct thp_check *c, const char *what, uint64_t counted, uint64_t found)
{
	c->ok = false;
	if (c->why)
		strbuf_addf(c->why, "huge pages: %s: %" PRIu64 " counted, %" PRIu64 " found\n", what, counted, found);
}

static void compare(struct thp_check *c, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		complain(c, what, counted, found);
}

/* The counts of a folio against those of its pages, which mm/page_table_check.h holds against the page tables. */
static void check_large(struct thp_check *c, pfn_t head)
{
	const struct page *page = pfn_to_page(c->mem, head);
	unsigned order = page_order(page);
	int64_t mapcount = *folio_entire_mapcount(c->mem, head), nr_mapped = 0;

	for (unsigned i = 0; i < 1u << order; i++) {
		mapcount += page[i]._mapcount;
		nr_mapped += page[i]._mapcount > 0;
	}
	if (folio_mapcount(c->mem, head) != mapcount)
		complain(c, "mappings of a folio", (uint64_t)folio_mapcount(c->mem, head), (uint64_t)mapcount);
	if (*folio_nr_pages_mapped(c->mem, head) != nr_mapped)
		complain(c, "mapped pages of a folio", (uint64_t)*folio_nr_pages_mapped(c->mem, head), (uint64_t)nr_mapped);
	if (!(page->flags & PG_ANON))
		return;
	c->nr_anon[order]++;
	c->pages += 1ull << order;
	c->deferred += folio_test_deferred(c->mem, head);
	c->nr_partial[order] += folio_test_partially_mapped(c->mem, head);
	if (folio_test_partially_mapped(c->mem, head) && !folio_test_deferred(c->mem, head))
		complain(c, "partly mapped folio on no list", head, 0);
	if (c->mem->page_touched) {
		c->untouched += folio_pages_untouched(c->mem, head);
		c->unwritten += folio_pages_unwritten(c->mem, head);
	}
}

/* Folios of users; large blocks of the kernel's own are others' business. */
static void check_frames(struct thp_check *c, const struct zone *zone)
{
	const uint32_t not_users = PG_RESERVED | PG_TABLE | PG_SLAB | PG_KERNEL | PG_HUGETLB | PG_MOVABLE_OPS;

	for (pfn_t pfn = zone->zone_start_pfn, nr; pfn < zone->zone_end_pfn; pfn += nr) {
		const struct page *page;

		nr = 1;
		if (!pfn_is_touched(c->mem, pfn)) {
			nr = SECTION_PAGES - (pfn & (SECTION_PAGES - 1));
			continue;
		}
		page = pfn_to_page(c->mem, pfn);
		if ((page->flags & PAGE_ZONE_MASK) != zone->page_flags || page->flags & PG_RESERVED)
			continue;
		if (page->_refcount > 0 || page->flags & (PG_BUDDY | PG_PCP))
			nr = 1u << page_order(page);
		if (page->_refcount > 0 && page->flags & PG_HEAD && !(page->flags & not_users) && page->mapping &&
		    pfn != c->mem->huge_zero_pfn)
			check_large(c, pfn);
	}
}

static void check_huge_zero(struct thp_check *c)
{
	const struct list_head *pos;
	uint64_t users = 0;

	list_for_each(pos, &c->mem->mms)
		users += list_entry(pos, struct mm_struct, mmlist)->uses_huge_zero;
	compare(c, "references of the huge zero page", c->mem->huge_zero_refcount,
		users + (c->mem->huge_zero_pfn != PFN_NONE));
}

bool thp_consistent(const struct memory *mem, struct strbuf *why)
{
	struct thp_check c = { .mem = mem, .why = why, .ok = true };
	uint64_t on_lists = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		if (!mem->nodes[n])
			continue;
		on_lists += mem->nodes[n]->deferred_split.nr;
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			if (mem->nodes[n]->node_zones[t].managed_pages)
				check_frames(&c, &mem->nodes[n]->node_zones[t]);
	}
	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++) {
		compare(&c, "nr_anon", mem->mthp_stat[order][MTHP_STAT_NR_ANON], c.nr_anon[order]);
		compare(&c, "nr_anon_partially_mapped", mem->mthp_stat[order][MTHP_STAT_NR_ANON_PARTIALLY_MAPPED],
			c.nr_partial[order]);
	}
	compare(&c, "deferred splits", on_lists, c.deferred);
	compare(&c, "pages of large folios", mem->thp_waste.nr_pages, c.pages);
	compare(&c, "untouched pages", mem->thp_waste.nr_untouched, c.untouched);
	compare(&c, "unwritten pages", mem->thp_waste.nr_unwritten, c.unwritten);
	check_huge_zero(&c);
	if (!deferred_split_consistent(mem))
		complain(&c, "list of deferred splits", 0, 1);
	if (!khugepaged_consistent(mem))
		complain(&c, "list of khugepaged", 0, 1);
	return c.ok;
}
