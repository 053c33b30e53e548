/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Files and the page cache: handlers of FILE, FILE_CACHE and of the events 80-95. */
#include <string.h>

#include "mm/anon_vma.h"
#include "mm/file_table.h"
#include "mm/filemap.h"
#include "mm/highmem.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/zap.h"
#include "sim/replay.h"

/* With a reference, for mapping_put(). NULL for a number that no file can have. */
static struct address_space *file_get(struct mmr_replay *r, uint64_t file)
{
	return file && file <= UINT32_MAX ? mapping_get(r->mem, (uint32_t)file) : NULL;
}

static void set_type(struct address_space *mapping, const struct mmr_event *ev)
{
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

void ev_open(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->OPEN.file);

	replay_enter(r, ev->task, ev->cpu);
	if (!mapping)
		return;
	file_open(r->mem, mapping);
	mapping_put(r->mem, mapping);
}

void ev_close(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->CLOSE.file);

	replay_enter(r, ev->task, ev->cpu);
	if (!mapping)
		return;
	/* One of them may be for the areas that map the file. */
	if (mapping->filps.nr > mapping->is_mapped)
		file_close(r->mem, mapping);
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

void ev_file_cache(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->FILE_CACHE.file);

	if (!mapping)
		return;
	populate(r, mapping, ev->FILE_CACHE.index, ev->FILE_CACHE.nr,
		 ev->FILE_CACHE.order <= 255 ? (unsigned)ev->FILE_CACHE.order : 255);
	if (ev->FILE_CACHE.flags & MMR_CACHE_READAHEAD)
		filemap_mark_readahead(r->mem, mapping, file_index(r->mem, ev->FILE_CACHE.index),
				       ev->FILE_CACHE.nr >>
					       (r->mem->geo->page_shift - MMR_GRANULE_SHIFT));
	mapping_put(r->mem, mapping);
}

/* The kernel copies granules [first, last] between the cache and the program, page by page. */
static void copy_cached(struct mmr_replay *r, struct address_space *mapping, uint64_t first,
			uint64_t last)
{
	uint64_t index = file_index(r->mem, first), end = file_index(r->mem, last), value;

	while (index <= end && radix_next(&mapping->pages, index, &index, &value) && index <= end) {
		touch_highpage(r->mem, (pfn_t)(value - 1));
		index++;
	}
}

/*
 * What was read or written is in the cache afterwards. The buffer's touches are events of their
 * own.
 */
static void file_io(struct mmr_replay *r, uint64_t file, uint64_t offset, uint64_t len,
		    uint64_t flags)
{
	struct address_space *mapping = file_get(r, file);
	uint64_t first = offset >> MMR_GRANULE_SHIFT, end;

	if (!mapping)
		return;
	if (len && !(flags & MMR_IO_DIRECT) && !__builtin_add_overflow(offset, len - 1, &end)) {
		populate(r, mapping, first, (end >> MMR_GRANULE_SHIFT) - first + 1, 255);
		if (r->mem->highmem)
			copy_cached(r, mapping, first, end >> MMR_GRANULE_SHIFT);
	}
	mapping_put(r->mem, mapping);
}

void ev_read(struct mmr_replay *r, const struct mmr_event *ev)
{
	replay_enter(r, ev->task, ev->cpu);
	file_io(r, ev->READ.file, ev->READ.offset, ev->READ.len, ev->READ.flags);
}

void ev_write(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->WRITE.file);
	uint64_t end;

	replay_enter(r, ev->task, ev->cpu);
	if (mapping && !__builtin_add_overflow(ev->WRITE.offset, ev->WRITE.len, &end) &&
	    mapping->size_bytes && mapping->size_bytes < end)
		mapping->size_bytes = end;
	if (mapping)
		mapping_put(r->mem, mapping);
	file_io(r, ev->WRITE.file, ev->WRITE.offset, ev->WRITE.len, ev->WRITE.flags);
}

void ev_filled(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->FILLED.file);

	if (!mapping)
		return;
	if (ev->FILLED.order < MAX_ORDER_LIMIT + 4)
		populate(r, mapping, ev->FILLED.index, 1ull << ev->FILLED.order,
			 (unsigned)ev->FILLED.order);
	mapping_put(r->mem, mapping);
}

/* ---- pages go ---- */

struct unmap_page {
	struct memory *mem;
	pfn_t pfn;
};

/* Only the file's own page: a private copy in the area stays. */
static bool unmap_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	const struct unmap_page *u = ctx;
	struct pgtable *table;
	unsigned level;
	const pte_t *pte = pgtable_walk(vma->vm_mm, addr, &level, &table);

	if (level == 0 && pte_is_leaf(*pte) && pte_pfn(*pte) == u->pfn)
		zap_page_range(vma, addr, addr + page_size(vma->vm_mm), false);
	return true;
}

/* Reclaim took pages [index, index + nr) away: nobody may map them any more. */
static void drop_pages(struct mmr_replay *r, struct address_space *mapping, uint64_t index,
		       uint64_t nr)
{
	struct unmap_page u = {.mem = r->mem};

	for (uint64_t i = index; i < index + nr; i++) {
		u.pfn = filemap_find(mapping, i);
		if (u.pfn != PFN_NONE && page_mapcount(r->mem, u.pfn))
			rmap_walk(r->mem, u.pfn, unmap_one, &u);
	}
	filemap_remove(r->mem, mapping, index, nr);
}

void ev_dropped(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->DROPPED.file);
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

/*
 * Takes base pages [first, last] of a file out of all areas, private copies too
 * (unmap_mapping_pages).
 */
static void unmap_mapping(struct mmr_replay *r, struct address_space *mapping, uint64_t first,
			  uint64_t last)
{
	unsigned shift = r->mem->geo->page_shift - MMR_GRANULE_SHIFT;
	uint64_t from = first << shift,
		 to = last == UINT64_MAX ? last : (last << shift) + (1u << shift) - 1;
	struct vm_area_struct *vma;

	for (vma = vma_interval_first(mapping, from, to); vma;
	     vma = vma_interval_next(vma, from, to)) {
		uint64_t start = vma->vm_start, end = vma->vm_end, pages = vma->vm_pgoff;

		if (from > pages)
			start += (from - pages) << MMR_GRANULE_SHIFT;
		if (to - pages < (end - vma->vm_start) >> MMR_GRANULE_SHIFT)
			end = vma->vm_start + ((to - pages + 1) << MMR_GRANULE_SHIFT);
		if (start < end)
			zap_page_range(vma, start, end, false);
	}
}

static void cut(struct mmr_replay *r, struct address_space *mapping, uint64_t first, uint64_t last)
{
	unmap_mapping(r, mapping, first, last);
	filemap_remove(r->mem, mapping, first, last == UINT64_MAX ? UINT64_MAX : last - first + 1);
}

/*
 * A hole, or everything behind the new end; a page that is cut in two keeps its front part, zeroed
 * behind.
 */
void ev_truncate(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct address_space *mapping = file_get(r, ev->TRUNCATE.file);
	unsigned shift = r->mem->geo->page_shift;
	uint64_t size = ev->TRUNCATE.size, hole = ev->TRUNCATE.hole, page = 1ull << shift;

	if (!mapping)
		return;
	replay_enter(r, ev->task, ev->cpu);
	if (hole && hole <= size) {
		uint64_t first = (size - hole + page - 1) >> shift, end = size >> shift;

		if (first < end)
			cut(r, mapping, first, end - 1);
	} else if (!hole) {
		mapping->size_bytes = size;
		cut(r, mapping, (size >> shift) + !!(size & (page - 1)), UINT64_MAX);
	}
	mapping_put(r->mem, mapping);
}
