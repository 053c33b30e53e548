/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page cache against a plain array: for each page of each file whether it is cached, in which folio, dirty, under
 * writeback, or has a shadow. Random reads, writes, truncation, holes, invalidation, splits, writeback, eviction; in the second run an
 * allocation evicts something first each time.
 */
#include "support/test.h"

#include "base/rng.h"
#include "mm/file_table.h"
#include "mm/fs_writeback.h"
#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/read_write.h"
#include "mm/split_folio.h"
#include "mm/truncate.h"

#define MIB (1ull << 20)
#define PAGE 4096ull
#define NR_FILES 3
#define NR_PAGES 600

struct slot {
	bool cached, dirty;
	unsigned start, order;	/* of its folio */
};

struct world {
	struct memory *mem;
	struct rng rng;
	struct address_space *file[NR_FILES];
	struct task_struct task;
	struct slot slot[NR_FILES][NR_PAGES];
	bool shadow[NR_FILES][NR_PAGES];
	uint64_t size[NR_FILES];	/* bytes */
	uint64_t evicted;
};

static struct world *pressed;		/* whose pages the fake reclaim takes */

static pfn_t head_of(const struct world *w, unsigned f, unsigned i)
{
	return folio_pfn(w->mem, filemap_find(w->file[f], i));
}

static void forget(struct world *w, unsigned f, unsigned i)
{
	unsigned start = w->slot[f][i].start, nr = 1u << w->slot[f][i].order;

	for (unsigned k = start; k < start + nr; k++)
		w->slot[f][k] = (struct slot){0};
}

/* One clean folio that is nobody's goes, and leaves a shadow. */
static bool evict_one(struct world *w)
{
	unsigned f = (unsigned)rng_below(&w->rng, NR_FILES), i = (unsigned)rng_below(&w->rng, NR_PAGES), start, nr;
	const struct page *page;

	if (!w->slot[f][i].cached || w->slot[f][i].dirty)
		return false;
	page = pfn_to_page(w->mem, head_of(w, f, i));
	/* Dirty since the operation began that allocates now; or locked. */
	if (page->_refcount != 1 || page->flags & (PG_WRITEBACK | PG_DIRTY) || folio_is_read(w->mem, head_of(w, f, i)))
		return false;
	start = w->slot[f][i].start;
	nr = 1u << w->slot[f][i].order;
	filemap_remove_folio(w->mem, head_of(w, f, i), 1 | rng_u64(&w->rng) << 1);
	forget(w, f, i);
	for (unsigned k = start; k < start + nr; k++)
		w->shadow[f][k] = true;
	w->evicted++;
	return true;
}

/* ---- what is there now: taken over where the file system decides, and checked ---- */

/* Pages that came: in folios that are aligned, of pages that were not there. */
static void take_over(struct world *w, unsigned f)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		pfn_t pfn = filemap_find(w->file[f], i), head;
		unsigned order;

		if (pfn == PFN_NONE || w->slot[f][i].cached)
			continue;
		head = folio_pfn(w->mem, pfn);
		order = page_order(pfn_to_page(w->mem, head));
		assert_int_equal(pfn_to_page(w->mem, head)->index, i);
		assert_int_equal(i & ((1u << order) - 1), 0);
		assert_true(i + (1u << order) <= NR_PAGES);
		for (unsigned k = i; k < i + (1u << order); k++) {
			assert_false(w->slot[f][k].cached);
			w->slot[f][k] = (struct slot){.cached = true, .start = i, .order = order};
			w->shadow[f][k] = false;
		}
	}
}

static void dirty(struct world *w, unsigned f, unsigned i)
{
	const struct slot *s = &w->slot[f][i];

	for (unsigned k = s->start; k < s->start + (1u << s->order); k++)
		w->slot[f][k].dirty = true;
}

static void check_file(struct world *w, unsigned f)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		const struct slot *s = &w->slot[f][i];
		pfn_t pfn = filemap_find(w->file[f], i);

		assert_int_equal(pfn != PFN_NONE, s->cached);
		assert_int_equal(mapping_page_dirty(w->file[f], i), s->dirty);
		assert_int_equal(mapping_exceptional(w->file[f], i) != 0, w->shadow[f][i]);
		if (!s->cached)
			continue;
		assert_int_equal(pfn_to_page(w->mem, head_of(w, f, i))->index, s->start);
		assert_int_equal(page_order(pfn_to_page(w->mem, head_of(w, f, i))), s->order);
	}
}

static void check(struct world *w)
{
	struct strbuf why = {0};
	uint64_t pages = 0, nr_dirty = 0;

	strbuf_addstr(&why, "");
	for (unsigned f = 0; f < NR_FILES; f++) {
		check_file(w, f);
		for (unsigned i = 0; i < NR_PAGES; i++) {
			pages += w->slot[f][i].cached;
			nr_dirty += w->slot[f][i].dirty;
		}
		assert_int_equal(w->file[f]->size_bytes, w->size[f]);
	}
	assert_int_equal(w->mem->nodes[0]->vm_stat[NR_FILE_PAGES], pages);
	assert_int_equal(w->mem->nodes[0]->vm_stat[NR_FILE_DIRTY], nr_dirty);
	if (!filemap_consistent(w->mem, &why) || !writeback_consistent(w->mem, &why) || !memory_consistent(w->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
}

/* ---- operations: first the model's array, then the cache ---- */

static void op_read(struct world *w, unsigned f, unsigned first, unsigned nr)
{
	uint64_t pos = first * PAGE, end = pos + nr * PAGE;

	if (end > w->size[f])
		end = w->size[f];
	if (pos >= end)
		return;
	assert_true(filemap_read(w->mem, file_lookup(w->mem, w->file[f], f + 1), pos, end - pos, 0));
	take_over(w, f);
}

static void op_write(struct world *w, unsigned f, unsigned first, unsigned nr)
{
	uint64_t pos = first * PAGE + rng_below(&w->rng, PAGE), end = (first + nr) * PAGE - rng_below(&w->rng, 100);

	if (end <= pos)
		return;
	assert_true(filemap_write(w->mem, file_lookup(w->mem, w->file[f], 0), pos, end - pos, 0));
	take_over(w, f);
	if (end > w->size[f])
		w->size[f] = end;
	for (unsigned i = (unsigned)(pos / PAGE); i <= (end - 1) / PAGE; i++) {
		/* Under pressure it may have been cleaned by nobody: no writeback runs beside. */
		assert_true(w->slot[f][i].cached);
		dirty(w, f, i);
	}
}

/* Pages [first, stop) go. A folio that is only partly among them is split first. */
static void cut(struct world *w, unsigned f, unsigned first, unsigned stop)
{
	for (unsigned i = 0; i < NR_PAGES; i++) {
		struct slot s = w->slot[f][i];
		unsigned end = s.start + (1u << s.order);

		if (!s.cached || s.start != i || end <= first || s.start >= stop)
			continue;
		for (unsigned k = s.start; k < end; k++)
			w->slot[f][k] = (struct slot){.cached = true, .dirty = s.dirty, .start = s.start, .order = s.order};
		if (s.start < first || end > stop)
			for (unsigned k = s.start; k < end; k++) {
				w->slot[f][k].start = k;
				w->slot[f][k].order = 0;
			}
	}
	for (unsigned i = first; i < stop && i < NR_PAGES; i++) {
		w->slot[f][i] = (struct slot){0};
		w->shadow[f][i] = false;
	}
}

static void zero_part(struct world *w, unsigned f, uint64_t byte)
{
	if (byte % PAGE && w->slot[f][byte / PAGE].cached)
		dirty(w, f, (unsigned)(byte / PAGE));
}

static void op_truncate(struct world *w, unsigned f, uint64_t size)
{
	if (size < w->size[f]) {
		zero_part(w, f, size);
		cut(w, f, (unsigned)((size + PAGE - 1) / PAGE), NR_PAGES);
	}
	w->size[f] = size;
	truncate_setsize(w->mem, w->file[f], size);
}

static void op_punch(struct world *w, unsigned f, uint64_t start, uint64_t end)
{
	zero_part(w, f, start);
	zero_part(w, f, end);
	if ((start + PAGE - 1) / PAGE < end / PAGE)
		cut(w, f, (unsigned)((start + PAGE - 1) / PAGE), (unsigned)(end / PAGE));
	truncate_punch_hole(w->mem, w->file[f], start, end);
}

static void op_invalidate(struct world *w, unsigned f, unsigned first, unsigned last)
{
	uint64_t nr = 0;

	io_complete(w->mem);
	for (unsigned i = first; i <= last; i++) {
		struct slot s = w->slot[f][i];

		w->shadow[f][i] = false;
		if (s.cached && s.start == i && i + (1u << s.order) - 1 <= last && !s.dirty &&
		    !(pfn_to_page(w->mem, head_of(w, f, i))->flags & PG_WRITEBACK)) {
			forget(w, f, i);
			nr += 1u << s.order;
		}
	}
	assert_int_equal(invalidate_mapping_pages(w->mem, w->file[f], first, last), nr);
}

static void op_split(struct world *w, unsigned f, unsigned i)
{
	struct slot s = w->slot[f][i];

	if (!s.cached || !s.order || pfn_to_page(w->mem, head_of(w, f, i))->flags & PG_WRITEBACK)
		return;
	assert_true(split_folio(w->mem, head_of(w, f, i)));
	for (unsigned k = s.start; k < s.start + (1u << s.order); k++) {
		w->slot[f][k].start = k;
		w->slot[f][k].order = 0;
	}
}

/* sync: all of it. Else only starts: what is under writeback already stays dirty. */
static void op_writeback(struct world *w, unsigned f, unsigned first, unsigned last, bool sync)
{
	for (unsigned i = first; i <= last; i++) {
		struct slot s = w->slot[f][i];

		if (!s.dirty || (!sync && pfn_to_page(w->mem, head_of(w, f, i))->flags & PG_WRITEBACK))
			continue;
		for (unsigned k = s.start; k < s.start + (1u << s.order); k++)
			w->slot[f][k].dirty = false;
		/* The folio is passed as a whole. */
		i = s.start + (1u << s.order) - 1;
	}
	if (sync)
		vfs_fsync_range(w->mem, w->file[f], first * PAGE, (last + 1) * PAGE);
	else
		sync_file_range(w->mem, w->file[f], first * PAGE, (last + 1) * PAGE, SYNC_FILE_RANGE_WRITE);
}

static void step(struct world *w)
{
	unsigned f = (unsigned)rng_below(&w->rng, NR_FILES), a = (unsigned)rng_below(&w->rng, NR_PAGES),
		 n = 1 + (unsigned)rng_below(&w->rng, 20), b = a + n < NR_PAGES ? a + n : NR_PAGES - 1;

	w->mem->now_ns += rng_below(&w->rng, 2000);
	switch (rng_below(&w->rng, 16)) {
	case 0: case 1: case 2: case 3:
		op_read(w, f, a, b - a + 1);
		break;
	case 4: case 5: case 6:
		if (b > a)
			op_write(w, f, a, b - a);
		break;
	case 7:
		if (rng_below(&w->rng, 20) == 0)
			op_truncate(w, f, rng_below(&w->rng, NR_PAGES * PAGE));
		break;
	case 8:
		op_punch(w, f, a * PAGE + rng_below(&w->rng, PAGE), b * PAGE + rng_below(&w->rng, PAGE) + 1);
		break;
	case 9:
		op_invalidate(w, f, a, b);
		break;
	case 10: case 11:
		op_split(w, f, a);
		break;
	case 12:
		op_writeback(w, f, a, b, true);
		break;
	case 13:
		op_writeback(w, f, a, b, false);
		break;
	default:
		(void)evict_one(w);
	}
}

/* ---- the runs ---- */

static uint64_t fake_reclaim(struct memory *mem, const struct alloc_request *req)
{
	uint64_t nr = 0;

	(void)mem;
	(void)req;
	for (unsigned i = 0; i < 30; i++)
		nr += evict_one(pressed);
	return nr;
}

static const struct pressure_ops fake_ops = {.try_to_free_pages = fake_reclaim};

static void run(bool pressure, uint64_t ops)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->mem = memory_create_uma(geometry_find("x86-64"), 1, 128 * MIB);
	w->mem->conf.io_max_folio_order = 4;
	w->mem->conf.io_write_latency_ns = 0;
	writeback_create(w->mem);
	rng_seed(&w->rng, test_seed());
	w->mem->current = &w->task;
	for (unsigned f = 0; f < NR_FILES; f++) {
		w->file[f] = mapping_get(w->mem, f + 1);
		w->file[f]->size_known = true;
	}
	if (pressure) {
		pressed = w;
		w->mem->pressure = &fake_ops;
		w->mem->reclaim_always = true;
	}
	for (uint64_t i = 0; i < ops; i++) {
		step(w);
		if (i % 4096 == 0)
			check(w);
	}
	check(w);
	assert_true(w->evicted > 0);
	w->mem->pressure = NULL;
	for (unsigned f = 0; f < NR_FILES; f++)
		mapping_put(w->mem, w->file[f]);
	mapping_finish_all(w->mem);
	writeback_destroy(w->mem);
	memory_destroy(w->mem);
	free(w);
}

static void the_cache_is_a_map(void **state)
{
	(void)state;
	run(false, test_ops(1000000));
}

static void the_cache_is_a_map_under_pressure(void **state)
{
	(void)state;
	run(true, test_ops(1000000) / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_is_a_map),
		cmocka_unit_test(the_cache_is_a_map_under_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
