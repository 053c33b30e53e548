/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `thp`: what transparent huge pages bought, and what they wasted.
 *
 *	bought	  faults that were not taken, translations that huge entries served, walks that ended a level higher
 *	wasted	  pages inside large folios that nothing ever touched: held, cleared and never used
 *	by_size	  the kernel's counters of each size, and how much of it was never touched
 *
 * Anonymous huge pages save no page-table memory: each holds a table in store for the day it is split, and the kernel counts
 * it. What is untouched is known only where every access is in the trace. A page that was touched after its folio was split
 * counts as untouched.
 */
#include "mm/folio_touched.h"
#include "mm/huge_pmd.h"
#include "mm/thp_orders.h"
#include "report/report.h"

static uint64_t page_bytes(const struct memory *mem, uint64_t nr)
{
	return nr << mem->geo->page_shift;
}

/* Why untouched pages are not known, NULL when they are. */
static const char *no_touches(const struct mmr_replay *r)
{
	if (r->meta.basis != MMR_BASIS_EXACT)
		return "touches of pages that are mapped already are not in the trace";
	return r->mem->page_touched ? NULL : "thp.count_touched is off";
}

/* Those of all sizes that faults allocated. */
static uint64_t folios_by_faults(const struct memory *mem)
{
	uint64_t nr = 0;

	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
		nr += mem->mthp_stat[order][MTHP_STAT_ANON_FAULT_ALLOC];
	return nr;
}

/* Each allocation is one fault taken; each page touched in the folio would have been one. */
static void put_faults(struct report *rep, json_t *bought, const char *reason)
{
	const struct memory *mem = rep->r->mem;
	uint64_t touched = mem->thp_waste.first_touches, taken = folios_by_faults(mem);

	j_u64(bought, "faults_taken", taken);
	if (reason)
		report_null(rep, bought, "faults_saved", "thp.bought.faults_saved", reason);
	else
		j_u64(bought, "faults_saved", touched > taken ? touched - taken : 0);
}

/* Touches and walks that pages of more than the base size served; a leaf above the lowest level is one reference less. */
static void put_tlb(struct report *rep, json_t *bought)
{
	const char *reason = report_no_accesses(rep->r);
	uint64_t hits = 0, misses = 0, walks = 0, shorter = 0;
	struct tlb_stats st;

	if (reason) {
		report_null(rep, bought, "tlb", "thp.bought.tlb", reason);
		return;
	}
	tlb_stats(rep->r->mem->tlb, -1, &st);
	for (unsigned stream = 0; stream < NR_TLB_STREAMS; stream++)
		for (unsigned i = 0; i < st.nr_sizes; i++) {
			const struct tlb_stream_stats *s = &st.stream[stream];

			if (st.page_shift[i] <= rep->r->mem->geo->page_shift)
				continue;
			hits += s->size[TLB_L1][i].hits;
			misses += s->size[TLB_L1][i].misses;
			walks += s->walks[i];
			shorter += s->walks[i];
		}
	bought = j_object(bought, "tlb");
	j_u64(bought, "huge_l1_hits", hits);
	j_u64(bought, "huge_l1_misses", misses);
	j_u64(bought, "huge_walks", walks);
	j_u64(bought, "walk_references_saved", shorter);
}

static void put_bought(struct report *rep, json_t *thp)
{
	const struct memory *mem = rep->r->mem;
	json_t *bought = j_object(thp, "bought");

	put_faults(rep, bought, no_touches(rep->r));
	j_u64(bought, "peak_bytes", page_bytes(mem, mem->thp_waste.peak_pages));
	put_tlb(rep, bought);
}

static uint64_t sum_sizes(const uint64_t *by_order)
{
	uint64_t sum = 0;

	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
		sum += by_order[order];
	return sum;
}

static void put_wasted(struct report *rep, json_t *thp)
{
	const struct memory *mem = rep->r->mem;
	const char *reason = no_touches(rep->r);
	uint64_t ever, untouched;
	json_t *wasted;

	if (reason) {
		report_null(rep, thp, "wasted", "thp.wasted", reason);
		return;
	}
	ever = sum_sizes(mem->thp_waste.pages);
	untouched = sum_sizes(mem->thp_waste.untouched) + mem->thp_waste.nr_untouched;
	wasted = j_object(thp, "wasted");
	j_u64(wasted, "allocated_bytes", page_bytes(mem, ever));
	j_u64(wasted, "untouched_bytes", page_bytes(mem, untouched));
	j_ratio(wasted, "untouched_ratio", untouched, ever);
	j_u64(wasted, "peak_untouched_bytes", page_bytes(mem, mem->thp_waste.peak_untouched));
	j_u64(wasted, "untouched_at_end_bytes", page_bytes(mem, mem->thp_waste.nr_untouched));
}

static const char *size_switch_name(const struct memory *mem, unsigned order)
{
	uint32_t bit = 1u << order;

	if (mem->thp_orders.always & bit)
		return "always";
	if (mem->thp_orders.madvise & bit)
		return "madvise";
	return mem->thp_orders.inherit & bit ? "inherit" : "never";
}

static void put_size(struct report *rep, json_t *list, unsigned order)
{
	const struct memory *mem = rep->r->mem;
	json_t *obj = json_object();

	j_u64(obj, "page_bytes", page_bytes(mem, 1ull << order));
	j_str(obj, "enabled", size_switch_name(mem, order));
	for (unsigned i = 0; i < NR_MTHP_STATS; i++)
		j_u64(obj, mthp_stat_info[i].key, mem->mthp_stat[order][i]);
	if (mem->page_touched) {
		j_u64(obj, "untouched_pages", mem->thp_waste.untouched[order]);
	} else {
		j_null(obj, "untouched_pages");
	}
	json_array_append_new(list, obj);
}

/* Sizes that are switched on; and others with a past: what was split left smaller ones. */
static bool is_of_interest(const struct memory *mem, unsigned order)
{
	if ((mem->thp_orders.always | mem->thp_orders.madvise | mem->thp_orders.inherit) >> order & 1)
		return true;
	for (unsigned i = 0; i < NR_MTHP_STATS; i++)
		if (mem->mthp_stat[order][i])
			return true;
	return mem->thp_waste.pages[order];
}

void report_thp(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *thp = j_object(rep->root, "thp"), *list, *k;
	uint32_t orders = thp_orders_all_anon(mem);

	put_bought(rep, thp);
	put_wasted(rep, thp);
	list = j_array(thp, "by_size");
	for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
		if (orders >> order & 1 && is_of_interest(mem, order))
			put_size(rep, list, order);
	k = j_object(thp, "khugepaged");
	j_u64(k, "full_scans", mem->khugepaged.full_scans);
	j_u64(k, "pages_collapsed", mem->khugepaged.pages_collapsed);
	j_u64(k, "entries_scanned", mem->khugepaged.scanned);
}
