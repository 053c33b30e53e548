/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading a file before it is asked for: see readahead.h. */
#include "mm/readahead.h"

#include "mm/kentry.h"
#include "mm/page_alloc.h"
#include "mm/writeback.h"

/* readahead_gfp_mask() */
#define GFP_READAHEAD (__GFP_NORETRY | __GFP_NOWARN)

/* Forced read-ahead goes in pieces of this size. */
#define FORCE_CHUNK_BYTES (2ull << 20)

static uint64_t min_pages(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static unsigned ilog2_pages(uint64_t nr)
{
	return nr ? 63u - (unsigned)__builtin_clzll(nr) : 0;
}

void file_ra_state_init(const struct memory *mem, struct file_ra_state *ra)
{
	*ra = (struct file_ra_state){
		.ra_pages = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift,
		.prev_pos = -1,
	};
}

/*
 * One request to the device. Nobody waits for it here: who needs a page of it does (folio_wait_read()). Until then its pages are
 * locked, so that reclaim, which the charges of the window may start, scans them and leaves them.
 */
static void submit_pages(struct readahead_control *ractl, uint64_t nr)
{
	struct memory *mem = ractl->mem;

	if (!nr)
		return;
	ractl->nr_read += nr;
	io_read_submitted(mem, io_submit_read(mem, nr << mem->geo->page_shift));
	kernel_enter(mem, KERNEL_IO);	/* the disk says that it is done */
}

/* ---- base pages ---- */

/* Fills the holes of nr pages from ractl->index on; the page that is lookahead before the end is marked if it is fresh. */
static void page_cache_ra_unbounded(struct readahead_control *ractl, uint64_t nr, uint64_t lookahead)
{
	uint64_t mark = lookahead <= nr ? nr - lookahead : UINT64_MAX, batch = 0;

	for (uint64_t i = 0; i < nr; i++) {
		uint64_t index = ractl->index + i;
		pfn_t pfn;

		if (filemap_find(ractl->mapping, index) != PFN_NONE) {
			submit_pages(ractl, batch);
			batch = 0;
			continue;
		}
		pfn = filemap_add_folio_gfp(ractl->mem, ractl->mapping, index, 0, GFP_READAHEAD);
		if (pfn == PFN_NONE)
			break;
		io_read_begin(ractl->mem, pfn);
		if (i == mark && lookahead)
			pfn_to_page(ractl->mem, pfn)->flags |= PG_READAHEAD;
		batch++;
	}
	submit_pages(ractl, batch);
	ractl->index += nr;
}

/* Not behind the end of the file. */
static void do_page_cache_ra(struct readahead_control *ractl, uint64_t nr, uint64_t lookahead)
{
	uint64_t file_end = mapping_nr_pages(ractl->mem, ractl->mapping);

	if (ractl->index >= file_end)
		return;
	page_cache_ra_unbounded(ractl, min_pages(nr, file_end - ractl->index), lookahead);
}

void force_page_cache_ra(struct readahead_control *ractl, uint64_t nr)
{
	uint64_t io_pages = ractl->mem->conf.io_max_sectors_kb * 1024 >> ractl->mem->geo->page_shift;
	uint64_t chunk = FORCE_CHUNK_BYTES >> ractl->mem->geo->page_shift;

	nr = min_pages(nr, io_pages > ractl->ra->ra_pages ? io_pages : ractl->ra->ra_pages);
	for (uint64_t this; nr; nr -= this) {
		this = min_pages(nr, chunk ? chunk : 1);
		do_page_cache_ra(ractl, this, 0);
	}
}

/* ---- large folios ---- */

static bool ra_alloc_folio(struct readahead_control *ractl, uint64_t index, uint64_t mark, unsigned order)
{
	pfn_t head = filemap_add_folio_gfp(ractl->mem, ractl->mapping, index, order, GFP_READAHEAD);

	if (head == PFN_NONE)
		return false;
	io_read_begin(ractl->mem, head);
	if (index == (mark & ~((1ull << order) - 1)))
		pfn_to_page(ractl->mem, head)->flags |= PG_READAHEAD;
	return true;
}

/* The largest folio that starts at index, fits before limit (inclusive) and is not above `order`. */
static unsigned order_at(uint64_t index, uint64_t limit, unsigned order)
{
	if (index & ((1ull << order) - 1))
		order = (unsigned)__builtin_ctzll(index);
	while (order && index + (1ull << order) - 1 > limit)
		order--;
	return order;
}

void page_cache_ra_order(struct readahead_control *ractl, struct file_ra_state *ra)
{
	uint64_t start = ractl->index, index = start, mark = start + ra->size - ra->async_size;
	uint64_t file_end = mapping_nr_pages(ractl->mem, ractl->mapping), limit;
	unsigned max_order = mapping_max_folio_order(ractl->mem, ractl->mapping);
	bool whole = true;

	if (!max_order || !ra->size || index >= file_end) {
		ra->order = 0;
		do_page_cache_ra(ractl, ra->size, ra->async_size);
		return;
	}
	limit = min_pages(file_end - 1, index + ra->size - 1);
	ra->order = ra->order < max_order ? ra->order : max_order;
	if (ra->order > ilog2_pages(ra->size))
		ra->order = ilog2_pages(ra->size);
	while (index <= limit && whole) {
		unsigned order = order_at(index, limit, ra->order);

		whole = ra_alloc_folio(ractl, index, mark, order);
		index += whole ? 1ull << order : 0;
	}
	submit_pages(ractl, index - start);
	ractl->index = index;
	/* Something is in the cache already, or there is no memory for folios: base pages fill the gaps. */
	if (!whole)
		do_page_cache_ra(ractl, ra->size - (index - start), ra->async_size);
}

/* ---- windows ---- */

static uint64_t roundup_pow_of_two(uint64_t nr)
{
	return nr <= 1 ? 1 : 1ull << (64 - __builtin_clzll(nr - 1));
}

/* The first window: four times a small request, twice a middling one. */
static uint64_t get_init_ra_size(uint64_t size, uint64_t max)
{
	uint64_t nr = roundup_pow_of_two(size);

	if (nr <= max / 32)
		return nr * 4;
	return nr <= max / 4 ? nr * 2 : max;
}

/* The next one: windows grow fast while they are small. */
static uint64_t get_next_ra_size(const struct file_ra_state *ra, uint64_t max)
{
	if (ra->size < max / 16)
		return 4 * ra->size;
	return ra->size <= max / 2 ? 2 * ra->size : max;
}

/* A request above the window's limit may be as large as the device's transfers. */
static uint64_t ractl_max_pages(const struct readahead_control *ractl, uint64_t req)
{
	uint64_t max = ractl->ra->ra_pages;
	uint64_t io_pages = ractl->mem->conf.io_max_sectors_kb * 1024 >> ractl->mem->geo->page_shift;

	return req > max && io_pages > max ? min_pages(req, io_pages) : max;
}

/* What a stream that came this way would have left in the cache. False: nothing much, it is a small random read. */
static bool context_window(struct readahead_control *ractl, uint64_t req, uint64_t max)
{
	struct file_ra_state *ra = ractl->ra;
	uint64_t miss = filemap_prev_miss(ractl->mapping, ractl->index - 1, max);
	uint64_t contig = ractl->index - miss - 1;

	if (contig <= req)
		return false;
	/* Cached from the beginning: a long stream, or a file that is read whole. */
	if (miss == UINT64_MAX)
		contig *= 2;
	ra->start = ractl->index;
	ra->size = min_pages(contig + req, max);
	ra->async_size = 1;
	return true;
}

void page_cache_sync_ra(struct readahead_control *ractl, uint64_t req)
{
	struct file_ra_state *ra = ractl->ra;
	uint64_t max, prev = (uint64_t)(ra->prev_pos >> ractl->mem->geo->page_shift);

	if (!ra->ra_pages || ractl->random) {
		force_page_cache_ra(ractl, ra->ra_pages ? req : 1);
		return;
	}
	max = ractl_max_pages(ractl, req);
	/* Start of the file, more than a window, or just behind the last read: (index - prev) is 0 or 1. */
	if (!ractl->index || req > max || ractl->index - prev <= 1) {
		ra->start = ractl->index;
		ra->size = get_init_ra_size(req, max);
		ra->async_size = ra->size > req ? ra->size - req : ra->size >> 1;
	} else if (!context_window(ractl, req, max)) {
		do_page_cache_ra(ractl, req, 0);
		return;
	}
	ra->order = 0;
	page_cache_ra_order(ractl, ra);
}

/* The window ends where a folio of its order would. */
static void align_window(struct file_ra_state *ra, uint64_t max)
{
	unsigned max_order = (unsigned)__builtin_ctzll(max);
	uint64_t align = 1ull << (ra->order < max_order ? ra->order : max_order);
	uint64_t end = ra->start + ra->size, aligned = end & ~(align - 1);

	if (aligned > ra->start)
		ra->size -= end - aligned;
	ra->async_size = ra->size;
}

void page_cache_async_ra(struct readahead_control *ractl, pfn_t head, uint64_t req)
{
	struct file_ra_state *ra = ractl->ra;
	struct page *page = pfn_to_page(ractl->mem, head);
	uint64_t max, expected, nr_pages = 1ull << page_order(page), start, next;

	if (!ra->ra_pages || page->flags & PG_WRITEBACK)
		return;
	page->flags &= ~PG_READAHEAD;
	max = ractl_max_pages(ractl, req);
	expected = (ra->start + ra->size - ra->async_size) & ~(nr_pages - 1);
	if (ractl->index == expected) {
		ra->start += ra->size;
		next = get_next_ra_size(ra, max);
		ra->size = next > ra->size ? next : ra->size;
	} else {
		/* Several streams: the window goes by what the cache holds from here on. */
		start = filemap_next_miss(ractl->mapping, ractl->index + 1, max);
		if (!start || start - ractl->index > max)
			return;
		ra->start = start;
		ra->size = start - ractl->index + req;
		ra->size = get_next_ra_size(ra, max);
	}
	ra->order += 2;
	align_window(ra, max);
	ractl->index = ra->start;
	page_cache_ra_order(ractl, ra);
}
