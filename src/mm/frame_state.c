/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory frame by frame as a real machine had it: see frame_state.h. */
#include "mm/frame_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/vec.h"
#include "mm/buddy.h"
#include "mm/page_alloc.h"

/* One pageblock while its type is being guessed. */
struct block_guess {
	pfn_t start;
	uint32_t movable, slab, kernel;	/* frames */
};

/* A run of frames of no known use. */
struct gap {
	pfn_t start;
	uint32_t nr;
};

/* One zone while it is built. */
struct build {
	struct zone *zone;
	const struct frame_state *fs;
	const struct zone_marks *marks;	/* NULL: keeps what it has */
	size_t first, last;		/* ranges [first, last) overlap the zone */
};

struct zone *pfn_zone(const struct memory *mem, uint64_t pfn)
{
	unsigned nid;

	if (pfn >= mem->max_pfn)
		return NULL;
	nid = mem->sections[pfn >> SECTION_SHIFT].node;
	for (unsigned t = 0; nid < mem->nr_nodes && t < MAX_NR_ZONES; t++) {
		struct zone *zone = &mem->nodes[nid]->node_zones[t];

		if (zone->present_pages && pfn >= zone->zone_start_pfn && pfn < zone->zone_end_pfn)
			return zone;
	}
	return NULL;
}

/* Reserved, or one of the few that the model took when it was created. */
static bool is_own(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn);

	return pfn_is_touched(mem, pfn) &&
	       (page->flags & (PG_RESERVED | PG_TAIL) || page->_refcount > 0);
}

/* --- check ------------------------------------------------------------------------------------ */

static int check_ranges(const struct memory *mem, const struct frame_state *fs,
			struct mmr_error *err)
{
	uint64_t behind = 0;

	if (mem->nr_cma_areas)
		return err_set(err, -EINVAL, "frames as captured do not go with CMA areas");
	for (size_t i = 0; i < fs->nr_ranges; i++) {
		const struct frame_range *r = &fs->ranges[i];
		struct zone *zone = pfn_zone(mem, r->start);

		if (r->start < behind || r->end <= r->start)
			return err_set(err, -EINVAL, "frames from %u on are out of order", r->start);
		behind = r->end;
		for (uint64_t pfn = r->start; zone && pfn < r->end; pfn = zone->zone_end_pfn) {
			zone = pfn_zone(mem, pfn);
			if (!zone)
				break;
		}
		if (!zone)
			return err_set(err, -EINVAL, "frames %u to %u are in no zone of this machine",
				       r->start, r->end - 1);
	}
	return 0;
}

/* --- emptying --------------------------------------------------------------------------------- */

/* As buddy_init() left it: nothing is free, only the model's own pages are managed. */
static void empty_zone(struct zone *zone)
{
	struct memory *mem = zone->mem;
	uint64_t nr_free = zone->vm_stat[NR_FREE_PAGES];

	for (unsigned order = 0; order <= zone->max_order; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
			struct pfn_list *list = &zone->free_area[order].free_list[mt];

			while (!pfn_list_empty(list)) {
				pfn_t pfn = list->first;

				pfn_list_del(zone->mem_map, list, pfn);
				zone->mem_map[pfn] = (struct page){0};
			}
			zone->free_area[order].nr_free = 0;
		}
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		zone->nonempty[mt] = 0;
	buddy_finish(zone);
	zone->vm_stat[NR_FREE_PAGES] = 0;
	zone->managed_pages -= nr_free;
	for (pfn_t pfn = zone->zone_start_pfn; pfn < zone->zone_end_pfn;
	     pfn += 1u << zone->pageblock_order)
		mem->blocktype[pfn >> zone->pageblock_order] = MIGRATE_MOVABLE;
}

/* --- types of pageblocks ---------------------------------------------------------------------- */

static uint32_t kernel_frames(const struct block_guess *b)
{
	return b->slab + b->kernel;
}

/* The most frames of the kernel first; by address where they are equal. */
static int by_kernel(const void *pa, const void *pb)
{
	const struct block_guess *a = pa, *b = pb;
	int64_t x = (int64_t)kernel_frames(a) - a->movable;
	int64_t y = (int64_t)kernel_frames(b) - b->movable;

	if (x != y)
		return x > y ? -1 : 1;
	return a->start < b->start ? -1 : 1;
}

/* The largest share of slab first. */
static int by_slab(const void *pa, const void *pb)
{
	const struct block_guess *a = pa, *b = pb;
	uint64_t x = (uint64_t)a->slab * kernel_frames(b);
	uint64_t y = (uint64_t)b->slab * kernel_frames(a);

	if (x != y)
		return x > y ? -1 : 1;
	if (a->slab != b->slab)
		return a->slab > b->slab ? -1 : 1;
	return a->start < b->start ? -1 : 1;
}

static void count_frames(const struct build *b, struct block_guess *guess, pfn_t first_block)
{
	unsigned shift = b->zone->pageblock_order;

	for (size_t i = b->first; i < b->last; i++) {
		const struct frame_range *r = &b->fs->ranges[i];
		pfn_t at = r->start > b->zone->zone_start_pfn ? r->start : b->zone->zone_start_pfn;
		pfn_t end = r->end < b->zone->zone_end_pfn ? r->end : b->zone->zone_end_pfn, stop;

		for (; at < end; at = stop) {
			struct block_guess *g = &guess[(at >> shift) - first_block];

			stop = ((at >> shift) + 1) << shift;
			if (stop > end)
				stop = end;
			g->movable += r->use == FRAME_MOVABLE ? stop - at : 0;
			g->slab += r->use == FRAME_SLAB ? stop - at : 0;
			g->kernel += r->use == FRAME_KERNEL ? stop - at : 0;
		}
	}
}

static void guess_types(const struct build *b)
{
	const struct zone *zone = b->zone;
	unsigned shift = zone->pageblock_order;
	pfn_t first = zone->zone_start_pfn >> shift;
	size_t nr = ((size_t)(zone->zone_end_pfn - 1) >> shift) - first + 1, nr_kernel, most;
	struct block_guess *guess = xcalloc(nr, sizeof(*guess));

	for (size_t i = 0; i < nr; i++)
		guess[i].start = (pfn_t)((first + i) << shift);
	count_frames(b, guess, first);
	/* no ties: the addresses differ */
	qsort(guess, nr, sizeof(*guess), by_kernel);
	most = b->marks->pageblocks[MIGRATE_UNMOVABLE] + b->marks->pageblocks[MIGRATE_RECLAIMABLE];
	for (nr_kernel = 0; nr_kernel < nr && nr_kernel < most; nr_kernel++)
		if (!kernel_frames(&guess[nr_kernel]))
			break;
	/* no ties: the addresses differ */
	qsort(guess, nr_kernel, sizeof(*guess), by_slab);
	for (size_t i = 0; i < nr_kernel; i++)
		zone->mem->blocktype[guess[i].start >> shift] =
			i < b->marks->pageblocks[MIGRATE_RECLAIMABLE] ? MIGRATE_RECLAIMABLE
								      : MIGRATE_UNMOVABLE;
	free(guess);
}

/* --- free and used frames --------------------------------------------------------------------- */

static void free_frames(struct zone *zone, pfn_t start, pfn_t end)
{
	zone->managed_pages += end - start;
	for (pfn_t pfn = start; pfn < end; pfn = (pfn_t)align_up(pfn + 1ull, SECTION_PAGES))
		memmap_touch(zone->mem, pfn);
	buddy_free_range(zone, start, end);
}

/* Largest blocks inside are not touched: they stay a range. */
static void add_free_range(struct zone *zone, pfn_t start, pfn_t end)
{
	pfn_t block = 1u << zone->max_order;
	pfn_t first = (pfn_t)align_up(start, block), last = (pfn_t)align_down(end, block);

	if (first >= last) {
		free_frames(zone, start, end);
		return;
	}
	if (start < first)
		free_frames(zone, start, first);
	buddy_add_range(zone, first, last);
	if (last < end)
		free_frames(zone, last, end);
}

/* Calls fn for the parts of [start, end) between pages that the model has itself. */
static void add_free_around_own(struct zone *zone, pfn_t start, pfn_t end)
{
	pfn_t from = start;

	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (!pfn_is_touched(zone->mem, pfn)) {
			pfn = (pfn_t)align_up(pfn + 1ull, SECTION_PAGES) - 1;
			continue;
		}
		if (!is_own(zone->mem, pfn))
			continue;
		if (from < pfn)
			add_free_range(zone, from, pfn);
		from = pfn + 1;
	}
	if (from < end)
		add_free_range(zone, from, end);
}

void frame_own(struct zone *zone, pfn_t pfn, bool movable, uint32_t handle, uint64_t index)
{
	zone->mem_map[pfn] = (struct page){
		.flags = zone->page_flags | (movable ? PG_MOVABLE_OPS : PG_KERNEL),
		._refcount = 1,
		.mapping = movable ? handle : 0,
		.index = index,
		.next = PFN_NONE, .prev = PFN_NONE,
	};
}

static void add_used_range(const struct build *b, pfn_t start, pfn_t end, bool movable)
{
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (is_own(b->zone->mem, pfn))
			continue;
		memmap_touch(b->zone->mem, pfn);
		frame_own(b->zone, pfn, movable, b->fs->handle, pfn);
		b->zone->managed_pages++;
	}
}

static void add_ranges(const struct build *b)
{
	struct zone *zone = b->zone;

	for (size_t i = b->first; i < b->last; i++) {
		const struct frame_range *r = &b->fs->ranges[i];
		pfn_t start = r->start > zone->zone_start_pfn ? r->start : zone->zone_start_pfn;
		pfn_t end = r->end < zone->zone_end_pfn ? r->end : zone->zone_end_pfn;

		if (r->use == FRAME_FREE)
			add_free_around_own(zone, start, end);
		else
			add_used_range(b, start, end, r->use == FRAME_MOVABLE);
	}
}

/* --- per-cpu lists ---------------------------------------------------------------------------- */

static int by_length(const void *pa, const void *pb)
{
	const struct gap *a = pa, *b = pb;

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	return a->start < b->start ? -1 : 1;
}

/* Runs without known use between known ones of one pageblock. */
static void find_gaps(const struct build *b, struct gap **ret, size_t *ret_nr)
{
	VEC(struct gap) gaps = {0};
	pfn_t block = 1u << b->zone->pageblock_order;

	for (size_t i = b->first; i + 1 < b->last; i++) {
		pfn_t start = b->fs->ranges[i].end, end = b->fs->ranges[i + 1].start;

		if (start < end && end - start < block && start >= b->zone->zone_start_pfn &&
		    end <= b->zone->zone_end_pfn)
			*vec_push(&gaps) = (struct gap){start, end - start};
	}
	/* no ties: the addresses differ */
	if (gaps.nr)
		qsort(gaps.data, gaps.nr, sizeof(gaps.data[0]), by_length);
	*ret = gaps.data;
	*ret_nr = gaps.nr;
}

static void put_on_pcp(struct zone *zone, unsigned cpu, pfn_t pfn)
{
	struct per_cpu_pages *pcp = &zone->pcp[cpu];
	enum migratetype mt = pageblock_type(zone->mem, pfn);

	memmap_touch(zone->mem, pfn);
	zone->mem_map[pfn].flags = PG_PCP | zone->page_flags;
	pfn_list_add_tail(zone->mem_map, &pcp->lists[mt], pfn);
	pcp->count++;
	zone->managed_pages++;
}

/* Fills the lists of all CPUs in turn, up to what each of them held. */
static void fill_pcp(const struct build *b)
{
	struct zone *zone = b->zone;
	unsigned nr = b->marks->nr_pcp < zone->mem->nr_cpus ? b->marks->nr_pcp : zone->mem->nr_cpus;
	struct gap *gaps;
	size_t nr_gaps;
	unsigned cpu = 0, full = 0;

	find_gaps(b, &gaps, &nr_gaps);
	for (size_t i = 0; i < nr_gaps && full < nr; i++)
		for (pfn_t pfn = gaps[i].start; pfn < gaps[i].start + gaps[i].nr && full < nr;) {
			if (is_own(zone->mem, pfn)) {
				pfn++;
				continue;
			}
			if (zone->pcp[cpu].count >= b->marks->pcp[cpu].count) {
				full++;
			} else {
				put_on_pcp(zone, cpu, pfn++);
				full = 0;
			}
			cpu = (cpu + 1) % nr;
		}
	free(gaps);
}

static void set_marks(const struct build *b)
{
	struct zone *zone = b->zone;
	const struct zone_marks *m = b->marks;

	for (unsigned w = 0; w < NR_WMARK; w++)
		zone->watermark[w] = m->watermark[w];
	for (unsigned t = 0; t < MAX_NR_ZONES; t++)
		zone->lowmem_reserve[t] = m->lowmem_reserve[t];
	for (unsigned cpu = 0; cpu < m->nr_pcp && cpu < zone->mem->nr_cpus; cpu++) {
		zone->pcp[cpu].high = m->pcp[cpu].high;
		zone->pcp[cpu].high_min = m->pcp[cpu].high_min;
		zone->pcp[cpu].high_max = m->pcp[cpu].high_max;
		zone->pcp[cpu].batch = m->pcp[cpu].batch;
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What is present and of no known use is the kernel's, since boot. */
static void account_managed(struct zone *zone, int64_t more)
{
	zone->zone_pgdat->managed_pages += (uint64_t)more;
	zone->mem->totalram_pages += (uint64_t)more;
	if (zone->managed_pages > zone->present_pages) {
		zone->zone_pgdat->present_pages += zone->managed_pages - zone->present_pages;
		zone->present_pages = zone->managed_pages;
	}
	for (unsigned i = 0; i < NR_BOOT_MEMORY; i++)
		zone->boot_pages[i] = 0;
	zone->boot_pages[BOOT_KERNEL] = zone->present_pages - zone->managed_pages;
}

static void build_zone(struct build *b)
{
	const struct frame_state *fs = b->fs;
	struct zone *zone = b->zone;
	uint64_t before = zone->managed_pages;

	while (b->first < fs->nr_ranges && fs->ranges[b->first].end <= zone->zone_start_pfn)
		b->first++;
	for (b->last = b->first; b->last < fs->nr_ranges; b->last++)
		if (fs->ranges[b->last].start >= zone->zone_end_pfn)
			break;
	for (size_t i = 0; i < fs->nr_zones; i++)
		if (fs->zones[i].nid == zone->zone_pgdat->node_id &&
		    fs->zones[i].type == zone->type)
			b->marks = &fs->zones[i];
	empty_zone(zone);
	if (b->marks)
		guess_types(b);
	add_ranges(b);
	if (b->marks && b->marks->nr_pcp)
		fill_pcp(b);
	if (b->marks)
		set_marks(b);
	account_managed(zone, (int64_t)(zone->managed_pages - before));
}

int memory_set_frames(struct memory *mem, const struct frame_state *fs, struct mmr_error *err)
{
	int rc = check_ranges(mem, fs, err);

	if (!rc)
		drain_all_pages(mem);
	for (unsigned nid = 0; !rc && nid < mem->nr_nodes; nid++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++) {
			struct build b = {.zone = &mem->nodes[nid]->node_zones[t], .fs = fs};

			if (b.zone->managed_pages)
				build_zone(&b);
		}
	return rc;
}

bool frame_is_managed(const struct memory *mem, pfn_t pfn)
{
	const struct zone *zone = pfn_zone(mem, pfn);
	const struct page *page;
	pfn_t start;

	if (!zone)
		return false;
	for (size_t i = zone->virgin_first; i < zone->nr_virgin; i++)
		if (pfn >= zone->virgin[i].start && pfn < zone->virgin[i].end)
			return true;
	if (!pfn_is_touched(mem, pfn))
		return false;
	start = buddy_block_start(zone, pfn);
	page = pfn_to_page(mem, start);
	return page->flags & (PG_BUDDY | PG_PCP | PG_RESERVED | PG_TAIL) || page->_refcount > 0;
}

void frame_state_adopt(struct memory *mem, pfn_t pfn, bool movable, uint32_t handle)
{
	struct zone *zone = pfn_zone(mem, pfn);

	BUG_ON(!zone || frame_is_managed(mem, pfn));
	memmap_touch(mem, pfn);
	frame_own(zone, pfn, movable, handle, pfn);
	zone->managed_pages++;
	account_managed(zone, 1);
}
