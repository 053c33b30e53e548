/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The shrinker of folios in which some pages are unused: see split_folio.h. */
#include "base/vec.h"
#include "mm/folio_touched.h"
#include "mm/huge_pmd.h"
#include "mm/memcg.h"
#include "mm/split_folio.h"

/* Does the scan on behalf of that group (0: of all) concern the folio? */
static bool is_concerned(const struct memory *mem, pfn_t head, uint16_t memcg)
{
	return !memcg || (mem->page_memcg && mem->page_memcg[head] == memcg);
}

static bool takes_node(const struct memory *mem, unsigned n, int nid)
{
	return mem->nodes[n] && (nid < 0 || nid == (int)n);
}

uint64_t deferred_split_count(struct memory *mem, int nid, uint16_t memcg)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		if (!takes_node(mem, n, nid))
			continue;
		if (!memcg) {
			nr += mem->nodes[n]->deferred_split.nr;
			continue;
		}
		for (pfn_t head = deferred_split_first(mem->nodes[n]); head != PFN_NONE;
		     head = deferred_split_next(mem, head))
			nr += is_concerned(mem, head, memcg);
	}
	return nr;
}

/*
 * The content of a page that was never written is zeroes; that of others is not known and taken for something else. The kernel stops as
 * soon as either side is decided, which makes no difference here.
 */
static bool thp_underused(const struct memory *mem, pfn_t head)
{
	uint32_t nr = 1u << page_order(pfn_to_page(mem, head));
	uint64_t max_none = khugepaged_limit(mem, KHUGEPAGED_MAX_PTES_NONE);

	return max_none < nr - 1 && folio_pages_zero(mem, head) > max_none;
}

/* Looks at one folio that was taken off the list; puts it back when it should have been split and was not. */
static bool scan_one(struct memory *mem, pfn_t head, bool partially_mapped)
{
	bool underused = false;

	if (!partially_mapped) {
		underused = !(pfn_to_page(mem, head)->flags & PG_MLOCKED) && thp_underused(mem, head);
		if (!underused)
			return false;
	}
	if (split_folio(mem, head)) {
		if (underused)
			count_vm_event(mem, THP_UNDERUSED_SPLIT_PAGE);
		return true;
	}
	if (partially_mapped)
		deferred_split_requeue(mem, head);
	return false;
}

uint64_t deferred_split_scan(struct memory *mem, int nid, uint16_t memcg, uint64_t nr_to_scan)
{
	VEC(pfn_t) heads = {0};
	uint64_t split = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (pfn_t head = takes_node(mem, n, nid) ? deferred_split_first(mem->nodes[n]) : PFN_NONE;
		     head != PFN_NONE && heads.nr < nr_to_scan; head = deferred_split_next(mem, head))
			if (is_concerned(mem, head, memcg))
				*vec_push(&heads) = head;
	for (size_t i = 0; i < heads.nr; i++)
		split += scan_one(mem, heads.data[i], deferred_split_dequeue(mem, heads.data[i]));
	vec_finish(&heads);
	return split;
}
