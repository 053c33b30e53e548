/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The two scanners of compaction: see compaction.h. The migrate scanner goes up and isolates pages that can move, the free
 * scanner goes down and isolates free blocks for them. What is isolated stays on its LRU list: nobody else looks at the lists
 * meanwhile; who does not move goes to the young end, where the kernel puts it back.
 */
#include "mm/compaction-internal.h"

#include "mm/lru.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"

/* ---- the migrate scanner ---- */

/* One pageblock, or the rest of it. */
struct migrate_scan {
	struct compact_control *cc;
	pfn_t low_pfn, end_pfn;
	pfn_t next_skip_pfn;		/* the aligned block of the order ends here */
	bool skip_on_failure;		/* one page that stays spoils the block of the order: give its rest up */
	bool from_start, skip_updated;	/* the scan began at the block's first page; its hint is set */
	uint64_t nr_scanned, nr_isolated;
};

void putback_movable_pages(struct compact_control *cc)
{
	for (size_t i = cc->migratepages.nr; i-- > 0;) {
		pfn_t head = cc->migratepages.data[i];

		if (head != PFN_NONE && folio_isolate_lru(cc->mem, head))
			folio_putback_lru(cc->mem, head);
	}
	vec_clear(&cc->migratepages);
	cc->nr_migratepages = 0;
}

/* Without lists by age every page that lists would hold counts as one of them. */
static bool page_on_lru(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn);

	if (page->_refcount <= 0 || page->flags & (PG_TAIL | PG_MOVABLE_OPS | PG_HUGETLB))
		return false;
	return mem->lru_enabled ? page->flags & PG_LRU : folio_movable(mem, pfn);
}

/* Folios of the wanted order or more would not make room for it, those of a pageblock gain nothing. */
static bool skip_isolation_on_order(const struct compact_control *cc, unsigned order)
{
	return (cc->order != WHOLE_ZONE && (int)order >= cc->order) || order >= cc->zone->pageblock_order;
}

/* May this folio, which is on a list, be taken? */
static bool may_isolate_lru(const struct compact_control *cc, pfn_t pfn)
{
	const struct page *page = pfn_to_page(cc->mem, pfn);
	bool anon = page->flags & PG_ANON && !(page->flags & PG_SWAPCACHE);

	if (anon && !folio_movable(cc->mem, pfn))	/* pinned */
		return false;
	if (!anon && !(cc->gfp & __GFP_FS))
		return false;
	if (page->flags & PG_UNEVICTABLE && !cc->mem->conf.compact_unevictable_allowed)
		return false;
	return cc->mode == COMPACT_MODE_SYNC || !(page->flags & PG_WRITEBACK);
}

enum page_verdict { PAGE_FREE, PAGE_TAKEN, PAGE_STAYS };

/* Looks at the page at s->low_pfn and moves on to the last frame of what stands there. */
static enum page_verdict scan_page(struct migrate_scan *s)
{
	struct compact_control *cc = s->cc;
	pfn_t pfn = s->low_pfn;
	const struct page *page = pfn_to_page(cc->mem, pfn);
	uint32_t rest = (1u << page_order(page)) - 1;
	bool compound = page->flags & PG_HEAD && page->_refcount > 0;

	if (page->flags & PG_BUDDY) {
		s->low_pfn += rest;
		s->nr_scanned += rest;
		return PAGE_FREE;
	}
	if (compound && (page->flags & PG_HUGETLB || skip_isolation_on_order(cc, page_order(page)))) {
		s->low_pfn += rest;
		s->nr_scanned += rest;
		return PAGE_STAYS;
	}
	if (page->flags & PG_MOVABLE_OPS && page->_refcount > 0) {
		*vec_push(&cc->migratepages) = pfn;
	} else {
		if (!page_on_lru(cc->mem, pfn) || !may_isolate_lru(cc, pfn))
			return PAGE_STAYS;
		if (s->from_start && !s->skip_updated && !cc->ignore_skip_hint)
			set_pageblock_skip(cc->mem, pfn);
		s->skip_updated |= s->from_start;
		*vec_push(&cc->migratepages) = pfn;
	}
	if (!compound)
		rest = 0;
	s->low_pfn += rest;
	s->nr_scanned += rest;
	s->nr_isolated += rest + 1;
	cc->nr_migratepages += rest + 1;
	return PAGE_TAKEN;
}

static pfn_t order_block_end(const struct compact_control *cc, pfn_t pfn)
{
	return (pfn & ~((1u << cc->order) - 1)) + (1u << cc->order);
}

/* A page that cannot move: the rest of the block of the order would be work for nothing. */
static void give_up_order_block(struct migrate_scan *s)
{
	struct compact_control *cc = s->cc;

	if (s->nr_isolated) {
		putback_movable_pages(cc);
		s->nr_isolated = 0;
	}
	if (s->low_pfn < s->next_skip_pfn) {
		s->low_pfn = s->next_skip_pfn - 1;
		s->next_skip_pfn += 1u << cc->order;
	}
}

static void scan_pages(struct migrate_scan *s)
{
	struct compact_control *cc = s->cc;

	for (; s->low_pfn < s->end_pfn; s->low_pfn++) {
		enum page_verdict verdict;

		if (s->skip_on_failure && s->low_pfn >= s->next_skip_pfn) {
			if (s->nr_isolated)
				break;
			s->next_skip_pfn = order_block_end(cc, s->low_pfn);
		}
		s->nr_scanned++;
		verdict = scan_page(s);
		if (verdict == PAGE_STAYS && s->skip_on_failure)
			give_up_order_block(s);
		if (verdict == PAGE_TAKEN && cc->nr_migratepages >= COMPACT_CLUSTER_MAX && !cc->finish_pageblock) {
			s->low_pfn++;
			break;
		}
	}
	if (s->low_pfn > s->end_pfn)
		s->low_pfn = s->end_pfn;
}

/* A pageblock without struct pages: the kernel looks at them all and finds nothing. */
static void scan_untouched(struct migrate_scan *s, enum block_kind kind)
{
	uint64_t nr = s->end_pfn - s->low_pfn;

	if (kind == BLOCK_FREE_HEAD)
		s->nr_scanned = 1ull << s->cc->zone->max_order;
	else
		s->nr_scanned = s->skip_on_failure ? (nr + (1ull << s->cc->order) - 1) >> s->cc->order : nr;
	s->low_pfn = s->end_pfn;
}

static void update_cached_migrate(struct compact_control *cc, pfn_t pfn)
{
	struct zone_compaction *c = &cc->zone->compact;

	pfn = pageblock_end(cc->zone, pfn);
	if (pfn > c->cached_migrate_pfn[0])
		c->cached_migrate_pfn[0] = pfn;
	if (cc->mode != COMPACT_MODE_ASYNC && pfn > c->cached_migrate_pfn[1])
		c->cached_migrate_pfn[1] = pfn;
}

static void isolate_migratepages_block(struct compact_control *cc, pfn_t low_pfn, pfn_t end_pfn, enum block_kind kind)
{
	struct migrate_scan s = {
		.cc = cc, .low_pfn = low_pfn, .end_pfn = end_pfn,
		.skip_on_failure = cc->direct && cc->mode == COMPACT_MODE_ASYNC,
		.from_start = pageblock_aligned(cc->zone, low_pfn) || low_pfn == cc->zone->zone_start_pfn,
	};

	if (s.skip_on_failure)
		s.next_skip_pfn = order_block_end(cc, low_pfn);
	if (kind == BLOCK_PAGES)
		scan_pages(&s);
	else
		scan_untouched(&s, kind);
	if (s.low_pfn == end_pfn && (!s.nr_isolated || cc->finish_pageblock)) {
		if (s.from_start && !s.skip_updated)
			set_pageblock_skip(cc->mem, low_pfn);
		update_cached_migrate(cc, s.low_pfn);
	}
	cc->total_migrate_scanned += s.nr_scanned;
	count_vm_events(cc->mem, COMPACTISOLATED, s.nr_isolated);
	cc->migrate_pfn = s.low_pfn;
}

/* Async direct compaction empties blocks of the wanted type only; a folio that fills its pageblock stays always. */
static bool suitable_migration_source(const struct compact_control *cc, pfn_t pfn, enum block_kind kind)
{
	enum migratetype mt = pageblock_type(cc->mem, pfn);

	if (kind == BLOCK_PAGES) {
		const struct page *page = pfn_to_page(cc->mem, folio_pfn(cc->mem, pfn));

		if (page->flags & PG_HEAD && page->_refcount > 0 && page_order(page) >= cc->zone->pageblock_order)
			return false;
	}
	if (cc->mode != COMPACT_MODE_ASYNC || !cc->direct)
		return true;
	return cc->migratetype == MIGRATE_MOVABLE ? mt == MIGRATE_MOVABLE || mt == MIGRATE_CMA : mt == cc->migratetype;
}

static bool isolation_suitable(const struct compact_control *cc, pfn_t pfn)
{
	return cc->ignore_skip_hint || !get_pageblock_skip(cc->mem, pfn);
}

/* The first frame behind a hole, or `limit`. */
static pfn_t end_of_hole(const struct compact_control *cc, pfn_t pfn, pfn_t limit)
{
	while (pfn < limit && pageblock_kind(cc->zone, pfn) == BLOCK_HOLE)
		pfn = (pfn_t)((pfn | (SECTION_PAGES - 1)) + 1ull);
	return pfn < limit ? pfn : limit;
}

enum isolate_result isolate_migratepages(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	pfn_t low_pfn = fast_find_migrateblock(cc), end_pfn = pageblock_end(zone, low_pfn), start_pfn;
	/* the fast search has looked at the hint */
	bool fast_find_block = low_pfn != cc->migrate_pfn && !cc->fast_search_fail;

	for (start_pfn = pageblock_start(zone, low_pfn); end_pfn <= cc->free_pfn;
	     fast_find_block = false, cc->migrate_pfn = low_pfn = start_pfn = end_pfn,
	     end_pfn = pageblock_end(zone, end_pfn)) {
		enum block_kind kind;

		if (start_pfn < zone->zone_start_pfn)
			start_pfn = zone->zone_start_pfn;
		kind = pageblock_kind(zone, start_pfn);
		if (kind == BLOCK_HOLE) {
			end_pfn = end_of_hole(cc, end_pfn, cc->free_pfn);
			continue;
		}
		if ((pageblock_aligned(zone, low_pfn) || low_pfn == zone->zone_start_pfn) && !fast_find_block &&
		    !isolation_suitable(cc, low_pfn))
			continue;
		if (!suitable_migration_source(cc, start_pfn, kind)) {
			update_cached_migrate(cc, end_pfn);
			continue;
		}
		isolate_migratepages_block(cc, low_pfn, end_pfn, kind);
		break;
	}
	return cc->nr_migratepages ? ISOLATE_SUCCESS : ISOLATE_NONE;
}

/* ---- the free scanner ---- */

bool isolate_free_block(struct compact_control *cc, pfn_t pfn, unsigned order)
{
	uint32_t nr = buddy_isolate_free(cc->zone, pfn);

	if (!nr)
		return false;
	pfn_list_add_tail(cc->zone->mem_map, &cc->freepages[order], pfn);
	cc->nr_freepages += nr;
	count_vm_events(cc->mem, COMPACTISOLATED, nr);
	return true;
}

uint64_t isolate_freepages_block(struct compact_control *cc, pfn_t *start, pfn_t end, unsigned stride)
{
	uint64_t nr_scanned = 0, nr_isolated = 0;
	pfn_t pfn;

	zone_lock(cc->zone);
	for (pfn = *start; pfn < end; pfn += stride) {
		const struct page *page = pfn_to_page(cc->mem, pfn);
		unsigned order = page_order(page);
		uint32_t nr = 1u << order;

		nr_scanned++;
		if (page->flags & PG_HEAD && page->_refcount > 0 && pfn + nr <= end) {
			pfn += nr - 1;
			nr_scanned += nr - 1;
		}
		if (!(page->flags & PG_BUDDY))
			continue;
		if (!isolate_free_block(cc, pfn, order))
			break;
		nr_scanned += nr - 1;
		nr_isolated += nr;
		if (cc->nr_migratepages <= cc->nr_freepages) {
			pfn += nr;
			break;
		}
		pfn += nr - 1;
	}
	*start = pfn < end ? pfn : end;
	cc->total_free_scanned += nr_scanned;
	return nr_isolated;
}

/* Not into large free blocks, nor where what does not move has its place. */
static bool suitable_migration_target(const struct compact_control *cc, pfn_t pfn, enum block_kind kind)
{
	enum migratetype mt = pageblock_type(cc->mem, pfn);

	if (kind == BLOCK_FREE_HEAD)
		return false;
	if (kind == BLOCK_PAGES) {
		const struct page *page = pfn_to_page(cc->mem, pfn);

		if (page->flags & PG_BUDDY && page_order(page) >= cc->zone->pageblock_order)
			return false;
	}
	return cc->ignore_block_suitable || mt == MIGRATE_MOVABLE || mt == MIGRATE_CMA;
}

static void update_pageblock_skip(struct compact_control *cc, pfn_t block_start)
{
	pfn_t block = 1u << cc->zone->pageblock_order, before = block_start > block ? block_start - block : 0;

	set_pageblock_skip(cc->mem, block_start);
	if (before < cc->zone->compact.cached_free_pfn)
		cc->zone->compact.cached_free_pfn = before;
}

/* A pageblock from its frame *at on. False: it has none to look for. */
static bool free_scan_block(struct compact_control *cc, pfn_t block_start, pfn_t block_end, pfn_t *at, unsigned stride,
			    uint64_t *nr_isolated)
{
	pfn_t first = block_start > cc->zone->zone_start_pfn ? block_start : cc->zone->zone_start_pfn;
	enum block_kind kind = pageblock_kind(cc->zone, first);

	*nr_isolated = 0;
	if (kind == BLOCK_HOLE || !suitable_migration_target(cc, first, kind) || !isolation_suitable(cc, first))
		return false;
	if (kind == BLOCK_PAGES) {
		*nr_isolated = isolate_freepages_block(cc, at, block_end, stride);
	} else {
		cc->total_free_scanned += (block_end - *at + stride - 1) / stride;
		*at = block_end;
	}
	if (*at == block_end)
		update_pageblock_skip(cc, block_start);
	return true;
}

void isolate_freepages(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	pfn_t block = 1u << zone->pageblock_order, at, start, end, low_pfn;
	unsigned stride = cc->mode == COMPACT_MODE_ASYNC ? COMPACT_CLUSTER_MAX : 1;

	fast_isolate_freepages(cc);
	if (cc->nr_freepages)
		return;
	at = cc->free_pfn;
	start = pageblock_start(zone, at);
	end = start + block < zone->zone_end_pfn ? start + block : zone->zone_end_pfn;
	low_pfn = pageblock_end(zone, cc->migrate_pfn);
	for (; start >= low_pfn; end = start, start -= block, at = start) {
		uint64_t nr_isolated;

		if (!free_scan_block(cc, start, end, &at, stride, &nr_isolated))
			continue;
		if (cc->nr_freepages >= cc->nr_migratepages) {
			if (at >= end)
				at = start - block;
			break;
		}
		if (at < end)	/* the zone is too short of memory */
			break;
		stride = nr_isolated ? 1 : stride < COMPACT_CLUSTER_MAX ? stride << 1 : COMPACT_CLUSTER_MAX;
	}
	cc->free_pfn = at;
}
