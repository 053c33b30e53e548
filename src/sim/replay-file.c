/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Files and the page cache: handlers of FILE, FILE_CACHE and of the events 80-95. */
#include <string.h>

#include "mm/file_table.h"
#include "mm/fs_writeback.h"
#include "mm/read_write.h"
#include "mm/truncate.h"
#include "mm/vma.h"
#include "sim/replay.h"

/* With a reference, for mapping_put(). NULL for a number that no file can have. */
static struct address_space *file_get(struct mmr_replay *r, uint64_t file)
{
	return file && file <= UINT32_MAX ? mapping_get(r->mem, (uint32_t)file) : NULL;
}

/* The same for what goes through the page cache: files of hugetlbfs do not. */
static struct address_space *cached_file_get(struct mmr_replay *r, uint64_t file)
{
	struct address_space *mapping = file_get(r, file);

	if (!mapping || !mapping->hugetlb)
		return mapping;
	mapping_put(r->mem, mapping);
	return NULL;
}

static void file_call(struct mmr_replay *r, const struct mmr_event *ev)
{
	r->counts.file_calls++;
	replay_enter(r, ev->task, ev->cpu);
}

static void set_type(struct address_space *mapping, const struct mmr_event *ev)
{
	static const char anon[] = "/anon_hugepage";

	mapping->is_hugetlbfs = ev->FILE.type == MMR_FILE_HUGETLB;
	mapping->is_unlinked = mapping->is_hugetlbfs && ev->data_len >= sizeof(anon) - 1 &&
			       !memcmp(ev->data, anon, sizeof(anon) - 1);
	mapping->is_shmem = ev->FILE.type == MMR_FILE_SHMEM || ev->FILE.type == MMR_FILE_HUGETLB;
	mapping->is_special = ev->FILE.type == MMR_FILE_DEVICE || ev->FILE.type == MMR_FILE_SPECIAL;
	/* What stands behind an anon_inode (perf, io_uring) is pages of the kernel, mapped when touched. */
	mapping->is_device = ev->FILE.type == MMR_FILE_DEVICE &&
			     !(ev->data_len >= 11 && !memcmp(ev->data, "anon_inode:", 11));
}

void ev_file(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->FILE.file);

	if (!mapping)
		return;
	file_names_set(&r->file_names, (uint32_t)ev->FILE.file, ev->FILE.dev, ev->FILE.ino,
		       ev->data, ev->data_len);
	mapping->size_bytes = ev->FILE.size;
	mapping->ino = ev->FILE.ino;
	if (!mapping_in_use(mapping))
		set_type(mapping, ev);
	mapping_make_inode(r->mem, mapping);
	mapping_put(r->mem, mapping);
}

/* O_TRUNC of one who may write, in the numbers of Linux. */
static bool truncates(uint64_t flags)
{
	return flags & 01000 && flags & 3;
}

void ev_open(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->OPEN.file);

	file_call(r, ev);
	if (!mapping)
		return;
	file_open(r->mem, mapping);
	file_forget(r->mem, ev->OPEN.open);
	(void)file_lookup(r->mem, mapping, ev->OPEN.open);
	if (truncates(ev->OPEN.flags) && !mapping->is_special)
		truncate_setsize(r->mem, mapping, 0);
	mapping_put(r->mem, mapping);
}

void ev_close(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->CLOSE.file);

	file_call(r, ev);
	if (!mapping)
		return;
	/* One of them may be for the areas that map the file. */
	if (mapping->filps.nr > mapping->is_mapped)
		file_close(r->mem, mapping);
	file_forget(r->mem, ev->CLOSE.open);
	mapping_put(r->mem, mapping);
}

/* Pages [first, first + nr) of a file, in granules, cut to the file and put into the cache. */
static void populate(struct mmr_replay *r, struct address_space *mapping, uint64_t granule,
		     uint64_t nr, unsigned order)
{
	unsigned shift = r->mem->geo->page_shift - MMR_GRANULE_SHIFT;
	uint64_t first = granule >> shift, end, limit = mapping_nr_pages(r->mem, mapping);

	if (__builtin_add_overflow(granule, nr, &end))
		end = UINT64_MAX;
	end = (end >> shift) + !!(end & ((1ull << shift) - 1));
	if (end > limit)
		end = limit;
	if (first >= end || mapping->is_special)
		return;
	if (order != 255)
		order = order > shift ? order - shift : 0;
	if (order != 255 && order > MAX_ORDER_LIMIT)
		order = MAX_ORDER_LIMIT; /* no allocator has larger folios */
	if (!filemap_populate(r->mem, mapping, first, end - first, order))
		diverge(r, DIVERGE_TOUCH_OOM);
}

/* What was cached before is not charged to whom the trace is about: others read it in. */
void ev_file_cache(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->FILE_CACHE.file);
	struct task_struct *current = r->mem->current;

	if (!mapping)
		return;
	r->mem->current = NULL;
	populate(r, mapping, ev->FILE_CACHE.index, ev->FILE_CACHE.nr,
		 ev->FILE_CACHE.order <= 255 ? (unsigned)ev->FILE_CACHE.order : 255);
	if (ev->FILE_CACHE.flags & MMR_CACHE_READAHEAD)
		filemap_mark_readahead(r->mem, mapping, file_index(r->mem, ev->FILE_CACHE.index),
				       ev->FILE_CACHE.nr >>
					       (r->mem->geo->page_shift - MMR_GRANULE_SHIFT));
	r->mem->current = current;
	mapping_put(r->mem, mapping);
}

/* ---- read and write: the buffer's touches are events of their own ---- */

/* No system call moves more: MAX_RW_COUNT of include/linux/fs.h. */
#define MAX_RW_BYTES (2ull << 30)

static unsigned iocb_flags(uint64_t flags)
{
	return (flags & MMR_IO_DIRECT ? IOCB_DIRECT : 0) | (flags & MMR_IO_SPLICE ? IOCB_SPLICE : 0) |
	       (flags & MMR_IO_SYNC ? IOCB_SYNC : 0);
}

/* Bytes that lie in a file, and no more than a call can move. */
static uint64_t io_bytes(uint64_t offset, uint64_t len)
{
	len = len < MAX_RW_BYTES ? len : MAX_RW_BYTES;
	if (offset > INT64_MAX)
		return 0;
	return len < INT64_MAX - offset ? len : INT64_MAX - offset;
}

void ev_read(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->READ.file);
	uint64_t len = io_bytes(ev->READ.offset, ev->READ.len), end = ev->READ.offset + len;

	file_call(r, ev);
	if (!mapping)
		return;
	/* What was read was there: somebody else made the file longer. */
	if (mapping_nr_pages(r->mem, mapping) != UINT64_MAX && mapping->size_bytes < end)
		mapping->size_bytes = end;
	if (len && !mapping->is_special &&
	    !filemap_read(r->mem, file_lookup(r->mem, mapping, ev->READ.open), ev->READ.offset, len,
			  iocb_flags(ev->READ.flags)))
		diverge(r, DIVERGE_TOUCH_OOM);
	mapping_put(r->mem, mapping);
}

void ev_write(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->WRITE.file);
	uint64_t len = io_bytes(ev->WRITE.offset, ev->WRITE.len);

	file_call(r, ev);
	if (!mapping)
		return;
	if (len && !mapping->is_special &&
	    !filemap_write(r->mem, file_lookup(r->mem, mapping, ev->WRITE.open), ev->WRITE.offset, len,
			   iocb_flags(ev->WRITE.flags)))
		diverge(r, DIVERGE_TOUCH_OOM);
	mapping_put(r->mem, mapping);
}

/* ---- fsync, fadvise, msync ---- */

void ev_fsync(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->FSYNC.file);
	uint64_t start = ev->FSYNC.offset, end;

	file_call(r, ev);
	if (!ev->FSYNC.file || ev->FSYNC.flags & MMR_SYNC_FS)
		sync_inodes(r->mem);
	else if (mapping) {
		if (!ev->FSYNC.len || __builtin_add_overflow(start, ev->FSYNC.len, &end))
			end = UINT64_MAX;
		if (ev->FSYNC.flags & MMR_SYNC_RANGE)
			sync_file_range(r->mem, mapping, start, end, (unsigned)(ev->FSYNC.flags >> 8));
		else
			vfs_fsync_range(r->mem, mapping, start, end);
	}
	if (mapping)
		mapping_put(r->mem, mapping);
}

void ev_fadvise(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->FADVISE.file);

	file_call(r, ev);
	if (!mapping)
		return;
	if (ev->FADVISE.advice <= MMR_FADV_READAHEAD)
		generic_fadvise(r->mem, file_lookup(r->mem, mapping, ev->FADVISE.open), ev->FADVISE.offset,
				ev->FADVISE.len, (int)ev->FADVISE.advice);
	mapping_put(r->mem, mapping);
}

#define MS_SYNC_LINUX 4

/* Part of one area: the bytes of its file. */
static void msync_vma(struct mmr_replay *r, const struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	uint64_t offset = (vma->vm_pgoff << MMR_GRANULE_SHIFT) + (start - vma->vm_start);

	if (vma->vm_mapping && vma->vm_flags & VM_SHARED && !vma->vm_mapping->is_special)
		vfs_fsync_range(r->mem, vma->vm_mapping, offset, offset + (end - start));
}

void ev_msync(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	uint64_t start = ev->MSYNC.addr, end;

	/* MS_ASYNC starts nothing since 2.6.19. */
	if (!mm || !(ev->MSYNC.flags & MS_SYNC_LINUX))
		return;
	if (__builtin_add_overflow(start, ev->MSYNC.len, &end))
		end = UINT64_MAX;
	for (struct vm_area_struct *vma = find_vma(mm, start); vma && vma->vm_start < end; vma = vma_next(vma))
		msync_vma(r, vma, start > vma->vm_start ? start : vma->vm_start, end < vma->vm_end ? end : vma->vm_end);
}

/* ---- what the kernel was seen to do with its cache ---- */

void ev_filled(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->FILLED.file);

	if (!mapping)
		return;
	if (ev->FILLED.order < MAX_ORDER_LIMIT + 4)
		populate(r, mapping, ev->FILLED.index, 1ull << ev->FILLED.order,
			 (unsigned)ev->FILLED.order);
	mapping_put(r->mem, mapping);
}

/* Reclaim took the folios of pages [index, index + nr) away: nobody may map them any more. */
static void drop_pages(struct mmr_replay *r, struct address_space *mapping, uint64_t index,
		       uint64_t nr)
{
	uint64_t last = index + nr - 1, value;

	while (radix_next(&mapping->pages, index, &index, &value) && index <= last) {
		pfn_t head = folio_pfn(r->mem, (pfn_t)(value - 1));
		const struct page *page = pfn_to_page(r->mem, head);
		uint64_t first = page->index, pages = 1ull << page_order(page);

		unmap_mapping_pages(r->mem, mapping, first, first + pages - 1, false);
		filemap_remove(r->mem, mapping, first, pages);
		index = first + pages;
	}
}

void ev_dropped(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = cached_file_get(r, ev->DROPPED.file);
	unsigned shift = r->mem->geo->page_shift - MMR_GRANULE_SHIFT;
	uint64_t nr;

	if (!mapping)
		return;
	if (ev->DROPPED.order < MAX_ORDER_LIMIT + 4) {
		nr = 1ull << ev->DROPPED.order >> shift;
		drop_pages(r, mapping, ev->DROPPED.index >> shift, nr ? nr : 1);
	}
	mapping_put(r->mem, mapping);
}

/* What fallocate did to the bytes before `size`; of older traces: a hole was punched there. */
static void fallocate(struct mmr_replay *r, struct address_space *mapping, const struct mmr_event *ev)
{
	uint64_t len = ev->TRUNCATE.hole, end = ev->TRUNCATE.size;
	unsigned mode = ev->TRUNCATE.mode ? (unsigned)ev->TRUNCATE.mode - 1 : FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if (len <= end && end <= INT64_MAX && !vfs_fallocate(r->mem, mapping, mode, end - len, len))
		diverge(r, DIVERGE_TOUCH_OOM);
}

void ev_truncate(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->TRUNCATE.file);

	if (!mapping)
		return;
	file_call(r, ev);
	if (mapping->is_special)
		;
	else if (ev->TRUNCATE.hole || ev->TRUNCATE.mode)
		fallocate(r, mapping, ev);
	else
		truncate_setsize(r->mem, mapping, ev->TRUNCATE.size < INT64_MAX ? ev->TRUNCATE.size : INT64_MAX);
	mapping_put(r->mem, mapping);
}
