/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* System calls on files: see read_write.h. */
#include "mm/read_write.h"

#include "mm/fs_writeback.h"
#include "mm/highmem.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/readahead.h"
#include "mm/shmem.h"
#include "mm/truncate.h"
#include "mm/writeback.h"

#define PAGEVEC_SIZE 31		/* folios that a read takes at a time */
#define PIPE_DEF_BUFFERS 16	/* pages that splice moves at a time */

static uint64_t min_bytes(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t folio_bytes(const struct memory *mem, pfn_t head)
{
	return 1ull << (page_order(pfn_to_page(mem, head)) + mem->geo->page_shift);
}

/* The pages of the folio that [pos, pos + bytes) touches go through windows of the kernel (32-bit). */
static void copy_pages(struct memory *mem, pfn_t head, uint64_t pos, uint64_t bytes)
{
	uint64_t start = pfn_to_page(mem, head)->index, first = pos >> mem->geo->page_shift,
		 last = (pos + bytes - 1) >> mem->geo->page_shift;

	for (uint64_t i = first; mem->highmem && i <= last; i++)
		touch_highpage(mem, head + (pfn_t)(i - start));
}

static void count_bytes(struct memory *mem, uint64_t bytes, unsigned flags, bool write)
{
	struct writeback *wb = mem->writeback;

	if (!wb)
		return;
	if (flags & IOCB_DIRECT)
		*(write ? &wb->bytes_direct_written : &wb->bytes_direct_read) += bytes;
	else if (flags & IOCB_SPLICE)
		wb->bytes_spliced += bytes;
	else
		*(write ? &wb->bytes_written : &wb->bytes_read) += bytes;
}

/* ---- read ---- */

/* One read on its way. */
struct read_state {
	struct memory *mem;
	struct file *file;
	uint64_t pos, end;		/* bytes */
	unsigned flags;
	int64_t last_pos;		/* end of what was copied last */
	pfn_t batch[PAGEVEC_SIZE];	/* heads, each with a reference */
	unsigned nr;
};

static struct readahead_control read_ractl(const struct read_state *r, uint64_t index)
{
	return (struct readahead_control){
		.mem = r->mem, .mapping = r->file->f_mapping, .ra = &r->file->f_ra, .index = index,
		.random = r->file->f_random,
	};
}

/*
 * Folios from index on without a gap, up to one with the mark of the next window, or one that is being read
 * (filemap_get_read_batch).
 */
static void get_read_batch(struct read_state *r, uint64_t index, uint64_t last)
{
	while (r->nr < PAGEVEC_SIZE && index <= last) {
		pfn_t pfn = filemap_find(r->file->f_mapping, index), head;
		struct page *page;

		if (pfn == PFN_NONE)
			return;
		head = folio_pfn(r->mem, pfn);
		page = pfn_to_page(r->mem, head);
		get_page(r->mem, head);
		page->flags |= PG_UPTODATE;
		r->batch[r->nr++] = head;
		if (page->flags & PG_READAHEAD || folio_is_read(r->mem, head))
			return;
		index = page->index + (1ull << page_order(page));
	}
}

/* Read-ahead did not bring it: the page alone (filemap_create_folio). */
static void create_folio(struct read_state *r, uint64_t index)
{
	struct memory *mem = r->mem;
	pfn_t pfn = filemap_add_folio_gfp(mem, r->file->f_mapping, index, 0, 0);

	if (pfn == PFN_NONE)
		return;
	io_read_begin(mem, pfn);
	io_read_submitted(mem, io_submit_read(mem, 1ull << mem->geo->page_shift));
	kernel_enter(mem, KERNEL_IO);
}

/* The next folios, read if they must be (filemap_get_pages). False: no memory. */
static bool get_pages(struct read_state *r)
{
	unsigned shift = r->mem->geo->page_shift;
	uint64_t index = r->pos >> shift, last = (r->end - 1) >> shift;
	struct readahead_control ractl;
	const struct page *page;
	pfn_t head;

	get_read_batch(r, index, last);
	if (!r->nr) {
		ractl = read_ractl(r, index);
		page_cache_sync_ra(&ractl, last + 1 - index);
		if (filemap_find(r->file->f_mapping, index) == PFN_NONE)
			create_folio(r, index);
		get_read_batch(r, index, last);
	}
	if (!r->nr)
		return false;
	head = r->batch[r->nr - 1];
	page = pfn_to_page(r->mem, head);
	if (page->flags & PG_READAHEAD) {
		ractl = read_ractl(r, page->index);
		page_cache_async_ra(&ractl, head, last + 1 - page->index);
	}
	return true;
}

static bool pos_same_folio(const struct memory *mem, int64_t a, int64_t b, pfn_t head)
{
	unsigned shift = page_order(pfn_to_page(mem, head)) + mem->geo->page_shift;

	return a >> shift == b >> shift;
}

static void copy_batch(struct read_state *r)
{
	for (unsigned i = 0; i < r->nr; i++) {
		pfn_t head = r->batch[i];
		uint64_t fsize = folio_bytes(r->mem, head);
		uint64_t bytes = min_bytes(r->end - r->pos, fsize - (r->pos & (fsize - 1)));

		(void)folio_wait_read(r->mem, head);
		/* Pieces of one folio, one read after the other, count as one access. */
		if (i || r->flags & IOCB_SPLICE || !pos_same_folio(r->mem, (int64_t)r->pos, r->last_pos - 1, head))
			folio_mark_accessed(r->mem, head);
		copy_pages(r->mem, head, r->pos, bytes);
		r->pos += bytes;
		r->last_pos = (int64_t)r->pos;
	}
	for (unsigned i = 0; i < r->nr; i++)
		put_page(r->mem, r->batch[i]);
	r->nr = 0;
}

static bool read_cached(struct read_state *r)
{
	r->last_pos = r->file->f_ra.prev_pos;
	while (r->pos < r->end) {
		if (!get_pages(r))
			return false;
		copy_batch(r);
	}
	r->file->f_ra.prev_pos = r->last_pos;
	return true;
}

/* Holes are read as zeroes from no page (shmem_file_read_iter). */
static bool read_shmem(struct read_state *r)
{
	unsigned shift = r->mem->geo->page_shift;
	bool major;

	while (r->pos < r->end) {
		uint64_t offset = r->pos & ((1ull << shift) - 1), bytes = min_bytes(r->end - r->pos, (1ull << shift) - offset);
		pfn_t pfn = shmem_get_folio(r->mem, r->file->f_mapping, r->pos >> shift, SGP_READ, &major);

		if (pfn != PFN_NONE) {
			if (!offset)
				folio_mark_accessed(r->mem, folio_pfn(r->mem, pfn));
			touch_highpage(r->mem, pfn);
		}
		r->pos += bytes;
	}
	return true;
}

/* What the cache has of it is written first, and then left alone. */
static void read_direct(const struct read_state *r)
{
	unsigned shift = r->mem->geo->page_shift;
	struct address_space *mapping = r->file->f_mapping;
	uint64_t first = r->pos >> shift, last = (r->end - 1) >> shift;

	(void)filemap_fdatawrite_range(r->mem, mapping, first, last, UINT64_MAX, true);
	filemap_fdatawait_range(r->mem, mapping, first, last, IO_STALL_DIRECT);
	io_wait(r->mem, io_submit_read(r->mem, r->end - r->pos), IO_STALL_DIRECT);
	kernel_enter(r->mem, KERNEL_IO);
}

bool filemap_read(struct memory *mem, struct file *file, uint64_t pos, uint64_t len, unsigned flags)
{
	struct read_state r = {.mem = mem, .file = file, .pos = pos, .end = pos + len, .flags = flags};
	uint64_t piece = (uint64_t)PIPE_DEF_BUFFERS << mem->geo->page_shift, stop = r.end;
	bool ok = true;

	if (!len)
		return true;
	count_bytes(mem, len, flags, false);
	if (file->f_mapping->is_shmem)
		return read_shmem(&r);
	if (flags & IOCB_DIRECT) {
		read_direct(&r);
		return true;
	}
	if (!(flags & IOCB_SPLICE))
		return read_cached(&r);
	while (ok && r.pos < stop) {
		r.end = min_bytes(stop, r.pos + piece);
		ok = read_cached(&r);
	}
	return ok;
}

/* ---- write ---- */

/* As fgf_set_order(): no larger than the write. */
static unsigned write_order(const struct memory *mem, const struct address_space *mapping, uint64_t index, uint64_t bytes)
{
	unsigned shift = mem->geo->page_shift, log2 = 63u - (unsigned)__builtin_clzll(bytes);
	unsigned order = log2 > shift ? log2 - shift : 0, max = mapping_max_folio_order(mem, mapping);

	order = order < max ? order : max;
	if (index & ((1ull << order) - 1))
		order = (unsigned)__builtin_ctzll(index);
	return order;
}

/* Only part of a page that the file has already is written: the rest must be read. */
static void read_partial(struct memory *mem, const struct address_space *mapping, uint64_t pos, uint64_t end)
{
	uint64_t page = 1ull << mem->geo->page_shift, size = mapping->size_bytes, first = pos & ~(page - 1),
		 last = (end - 1) & ~(page - 1), nr = 0;

	if (pos != first && first < size)
		nr++;
	if (end & (page - 1) && end < size && (last != first || !nr))
		nr++;
	if (!nr)
		return;
	io_wait(mem, io_submit_read(mem, nr * page), IO_STALL_READ);
	kernel_enter(mem, KERNEL_IO);
}

/* The folio at pos, with a reference: found, or fresh and as large as may be (__filemap_get_folio with FGP_WRITEBEGIN). */
static pfn_t write_begin(struct memory *mem, struct address_space *mapping, uint64_t pos, uint64_t bytes)
{
	uint64_t index = pos >> mem->geo->page_shift, end;
	pfn_t pfn = filemap_find(mapping, index), head = PFN_NONE;
	bool major;

	if (mapping->is_shmem) {
		pfn = shmem_get_folio(mem, mapping, index, SGP_WRITE, &major);
	} else if (pfn == PFN_NONE) {
		for (unsigned order = write_order(mem, mapping, index, bytes) + 1; order-- && head == PFN_NONE;)
			head = filemap_add_folio_gfp(mem, mapping, index, order,
						     __GFP_WRITE | (order ? __GFP_NORETRY | __GFP_NOWARN : 0));
		if (head != PFN_NONE) {
			get_page(mem, head);
			end = (index << mem->geo->page_shift) + folio_bytes(mem, head);
			read_partial(mem, mapping, pos, min_bytes(end, pos + bytes));
			return head;
		}
	}
	if (pfn == PFN_NONE)
		return PFN_NONE;
	head = folio_pfn(mem, pfn);
	get_page(mem, head);
	return head;
}

static void extend(struct address_space *mapping, uint64_t end)
{
	if ((mapping->size_bytes || mapping->size_known) && mapping->size_bytes < end)
		mapping->size_bytes = end;
}

static bool write_cached(struct memory *mem, struct address_space *mapping, uint64_t pos, uint64_t len)
{
	uint64_t chunk = 1ull << (mapping_max_folio_order(mem, mapping) + mem->geo->page_shift), end = pos + len;

	while (pos < end) {
		uint64_t bytes = min_bytes(chunk - (pos & (chunk - 1)), end - pos), fsize;
		pfn_t head;

		balance_dirty_pages_ratelimited(mem);
		head = write_begin(mem, mapping, pos, bytes);
		if (head == PFN_NONE)
			return false;
		fsize = folio_bytes(mem, head);
		bytes = min_bytes(bytes, fsize - (pos & (fsize - 1)));
		copy_pages(mem, head, pos, bytes);
		pfn_to_page(mem, head)->flags |= PG_UPTODATE;
		pos += bytes;
		extend(mapping, pos);
		folio_mark_dirty(mem, head);
		put_page(mem, head);
	}
	return true;
}

/* Beside the cache, whose pages of it are written and dropped first, and dropped again afterwards. */
static void write_direct(struct memory *mem, struct address_space *mapping, uint64_t pos, uint64_t len)
{
	unsigned shift = mem->geo->page_shift;
	uint64_t first = pos >> shift, last = (pos + len - 1) >> shift;

	(void)filemap_fdatawrite_range(mem, mapping, first, last, UINT64_MAX, true);
	filemap_fdatawait_range(mem, mapping, first, last, IO_STALL_DIRECT);
	invalidate_inode_pages2_range(mem, mapping, first, last);
	io_wait(mem, io_submit_write(mem, len), IO_STALL_DIRECT);
	kernel_enter(mem, KERNEL_IO);
	extend(mapping, pos + len);
}

bool filemap_write(struct memory *mem, struct file *file, uint64_t pos, uint64_t len, unsigned flags)
{
	struct address_space *mapping = file->f_mapping;
	bool ok;

	if (!len)
		return true;
	count_bytes(mem, len, flags, true);
	if (flags & IOCB_DIRECT && !mapping->is_shmem) {
		write_direct(mem, mapping, pos, len);
		return true;
	}
	ok = write_cached(mem, mapping, pos, len);
	if (flags & IOCB_SYNC)
		vfs_fsync_range(mem, mapping, pos, pos + len);
	return ok;
}

/* ---- fsync ---- */

/* Pages [*first, *last] of bytes [start, end). False: there are none. */
static bool page_range(const struct memory *mem, uint64_t start, uint64_t end, uint64_t *first, uint64_t *last)
{
	*first = start >> mem->geo->page_shift;
	*last = end == UINT64_MAX ? end : (end - 1) >> mem->geo->page_shift;
	return start < end;
}

void vfs_fsync_range(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end)
{
	uint64_t first, last;

	if (mapping->is_shmem || !page_range(mem, start, end, &first, &last))
		return;
	(void)filemap_fdatawrite_range(mem, mapping, first, last, UINT64_MAX, true);
	filemap_fdatawait_range(mem, mapping, first, last, IO_STALL_SYNC);
}

void sync_file_range(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end, unsigned flags)
{
	unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	uint64_t first, last;

	if (mapping->is_shmem || !page_range(mem, start, end, &first, &last))
		return;
	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
		filemap_fdatawait_range(mem, mapping, first, last, IO_STALL_SYNC);
	if (flags & SYNC_FILE_RANGE_WRITE)
		(void)filemap_fdatawrite_range(mem, mapping, first, last, UINT64_MAX, (flags & all) == all);
	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		filemap_fdatawait_range(mem, mapping, first, last, IO_STALL_SYNC);
}

/* ---- fadvise ---- */

static void willneed(struct memory *mem, struct file *file, uint64_t first, uint64_t nr)
{
	struct readahead_control ractl = {.mem = mem, .mapping = file->f_mapping, .ra = &file->f_ra, .index = first};

	force_page_cache_ra(&ractl, nr);
}

/* A part of a page at the end stays, unless the file ends there. */
static void dontneed(struct memory *mem, struct address_space *mapping, uint64_t offset, uint64_t end)
{
	unsigned shift = mem->geo->page_shift;
	uint64_t page = 1ull << shift, first = (offset >> shift) + !!(offset & (page - 1)), last = (end - 1) >> shift;

	(void)filemap_fdatawrite_range(mem, mapping, offset >> shift, last, UINT64_MAX, false);
	if (end & (page - 1) && end != UINT64_MAX && end != mapping->size_bytes) {
		if (!last)
			return;
		last--;
	}
	if (first <= last)
		(void)invalidate_mapping_pages(mem, mapping, first, last);
}

void generic_fadvise(struct memory *mem, struct file *file, uint64_t offset, uint64_t len, int advice)
{
	uint64_t device_ra = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift, end, first, last;

	if (file->f_mapping->is_shmem || file->f_mapping->is_special)
		return;
	if (!len || __builtin_add_overflow(offset, len, &end))
		end = UINT64_MAX;
	if (!page_range(mem, offset, end, &first, &last))
		return;
	switch (advice) {
	case FADV_NORMAL:
		file->f_ra.ra_pages = device_ra;
		file->f_random = false;
		break;
	case FADV_RANDOM:
		file->f_random = true;
		break;
	case FADV_SEQUENTIAL:
		file->f_ra.ra_pages = device_ra * 2;
		file->f_random = false;
		break;
	case FADV_WILLNEED:
	case FADV_READAHEAD:
		willneed(mem, file, first, last == UINT64_MAX ? last : last - first + 1);
		break;
	case FADV_DONTNEED:
		dontneed(mem, file->f_mapping, offset, end);
		break;
	default:
		break;
	}
}

void force_readahead(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t nr)
{
	willneed(mem, &mapping->f, first, nr);
}

/* ---- fallocate ---- */

static bool shmem_fallocate(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end)
{
	uint64_t first, last;
	bool major;

	if (!page_range(mem, start, end, &first, &last))
		return true;
	for (uint64_t i = first; i <= last; i++) {
		pfn_t pfn = shmem_get_folio(mem, mapping, i, SGP_FALLOC, &major);

		if (pfn == PFN_NONE)
			return false;
		folio_mark_dirty(mem, folio_pfn(mem, pfn));
	}
	return true;
}

bool vfs_fallocate(struct memory *mem, struct address_space *mapping, unsigned mode, uint64_t offset, uint64_t len)
{
	uint64_t end, size = mapping->size_bytes;

	if (!len || __builtin_add_overflow(offset, len, &end))
		return true;
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) {
		/* Everything behind moves: the cache starts anew there. */
		truncate_punch_hole(mem, mapping, offset, size > end ? size : end);
		mapping->size_bytes = mode & FALLOC_FL_INSERT_RANGE ? size + len : size > len ? size - len : 0;
		return true;
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		truncate_punch_hole(mem, mapping, offset, end);
	if (!(mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)))
		extend(mapping, end);
	if (mapping->is_shmem && !(mode & FALLOC_FL_PUNCH_HOLE))
		return shmem_fallocate(mem, mapping, offset, end);
	return true;
}
