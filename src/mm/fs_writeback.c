/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Writing dirty files back: see fs_writeback.h. */
#include "mm/fs_writeback.h"

#include "mm/filemap.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/tlbflush.h"

#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_CENTISEC 10000000ull
#define MAX_PAUSE_NS (200 * NSEC_PER_MSEC)
#define MIN_WRITEBACK_PAGES 1024	/* of a file, until others have their turn */
#define RATELIMIT_SHIFT 10		/* of pos_ratio: 1.0 */

/* ---- entries ---- */

struct mkclean {
	pfn_t page;
	unsigned cleaned;
};

static bool mkclean_one(struct vm_area_struct *vma, uint64_t addr, void *ctx)
{
	struct mkclean *m = ctx;
	struct pgtable *table;
	unsigned level;
	pte_t *pte, old;

	/* A private area's entry for it can only be read-only. */
	if (!(vma->vm_flags & VM_SHARED))
		return true;
	pte = pgtable_walk(vma->vm_mm, addr, &level, &table);
	old = *pte;
	if (!pte_is_leaf(old) || pte_pfn(old) + (level ? m->page - pte_pfn(old) : 0) != m->page ||
	    !(old.pte & (PTE_WRITE | PTE_DIRTY)))
		return true;
	old.pte &= ~(PTE_WRITE | PTE_DIRTY);
	pte_set(table, pte_index(vma->vm_mm->mem->geo, table, addr), old);
	flush_tlb_page(vma->vm_mm, addr);
	m->cleaned++;
	return true;
}

unsigned folio_mkclean(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	struct mkclean m = {0};

	if (page->flags & PG_ANON || !page->mapping)
		return 0;
	for (pfn_t i = 0; i < 1u << page_order(page); i++) {
		m.page = head + i;
		if (page_mapcount(mem, m.page))
			rmap_walk(mem, m.page, mkclean_one, &m);
	}
	return m.cleaned;
}

bool folio_clear_dirty_for_io(struct memory *mem, pfn_t head)
{
	/* What was written through the entries is known to the folio before the flag goes. */
	if (folio_mkclean(mem, head))
		folio_mark_dirty(mem, head);
	return __folio_clear_dirty_for_io(mem, head);
}

/* ---- a range of a file ---- */

static void write_folio(struct memory *mem, pfn_t head)
{
	uint64_t bytes = 1ull << (page_order(pfn_to_page(mem, head)) + mem->geo->page_shift);

	folio_clear_dirty_for_io(mem, head);
	folio_start_writeback(mem, head, io_submit_write(mem, bytes));
}

uint64_t filemap_fdatawrite_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last,
				  uint64_t nr, bool sync)
{
	uint64_t value, written = 0;

	while (written < nr && radix_next(&mapping->dirty, first, &first, &value) && first <= last) {
		pfn_t head = folio_pfn(mem, filemap_find(mapping, first));
		const struct page *page = pfn_to_page(mem, head);

		first = page->index + (1ull << page_order(page));
		if (page->flags & PG_WRITEBACK && sync)
			folio_wait_writeback(mem, head);
		if (page->flags & PG_WRITEBACK)
			continue;
		write_folio(mem, head);
		written += 1ull << page_order(page);
	}
	mapping->writeback_index = first;
	return written;
}

void filemap_fdatawait_range(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t last,
			     enum io_stall why)
{
	const struct writeback *wb = mem->writeback;
	uint64_t until = 0;

	if (!mapping->nr_writeback)
		return;
	for (size_t i = 0; i < wb->in_flight.nr; i++) {
		const struct writeback_entry *e = &wb->in_flight.data[i];
		const struct page *page = pfn_to_page(mem, e->head);

		if (page->mapping == mapping->handle && !(page->flags & PG_ANON) && page->index <= last &&
		    page->index + (1ull << page_order(page)) > first && e->done_ns > until)
			until = e->done_ns;
	}
	io_wait(mem, until, why);
	io_complete(mem);
}

/* ---- the flusher ---- */

static uint64_t global_node_page_state(const struct memory *mem, enum node_stat_item item)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		nr += mem->nodes[n]->vm_stat[item];
	return nr;
}

static struct address_space *oldest_dirty(const struct memory *mem)
{
	struct list_head *list = &mem->writeback->b_dirty;

	return list_empty(list) ? NULL : list_entry(list->next, struct address_space, dirty_inodes);
}

/*
 * A turn of one file: from where the last one stopped, round at the end. What cannot be written now (under writeback, and dirty
 * again) waits: the file goes to the end of the list. Returns pages.
 */
static uint64_t writeback_single_inode(struct memory *mem, struct address_space *mapping, uint64_t nr)
{
	uint64_t from = mapping->writeback_index, written;

	written = filemap_fdatawrite_range(mem, mapping, from, UINT64_MAX, nr, false);
	if (written < nr && from) {
		written += filemap_fdatawrite_range(mem, mapping, 0, from - 1, nr - written, false);
	}
	if (mapping->dirty.nr) {
		list_del(&mapping->dirty_inodes);
		list_add_tail(&mapping->dirty_inodes, &mem->writeback->b_dirty);
	}
	return written;
}

/* As long as there is more than the background limit. */
static void wb_do_background(struct memory *mem)
{
	const struct address_space *first_idle = NULL;
	uint64_t background, thresh;
	struct address_space *mapping;

	for (;;) {
		global_dirty_limits(mem, &background, &thresh);
		mapping = oldest_dirty(mem);
		/* Once round without any that could be written: all that is dirty is under writeback as well. */
		if (!mapping || mapping == first_idle || global_node_page_state(mem, NR_FILE_DIRTY) <= background)
			return;
		if (writeback_single_inode(mem, mapping, MIN_WRITEBACK_PAGES))
			first_idle = NULL;
		else if (!first_idle)
			first_idle = mapping;
	}
}

/* Files that became dirty before that time, all of their pages. */
static void wb_write_older(struct memory *mem, uint64_t dirtied_before_ns)
{
	struct list_head *pos, *next;

	list_for_each_safe(pos, next, &mem->writeback->b_dirty) {
		struct address_space *mapping = list_entry(pos, struct address_space, dirty_inodes);

		if (mapping->dirtied_when_ns <= dirtied_before_ns)
			(void)filemap_fdatawrite_range(mem, mapping, 0, UINT64_MAX, UINT64_MAX, false);
	}
}

void wb_workfn(struct memory *mem)
{
	uint64_t expire = mem->conf.dirty_expire_centisecs * NSEC_PER_CENTISEC;

	if (!mem->writeback)
		return;
	io_complete(mem);
	if (mem->now_ns >= expire)
		wb_write_older(mem, mem->now_ns - expire);
	wb_do_background(mem);
}

void wakeup_flusher_threads(struct memory *mem)
{
	if (!mem->writeback)
		return;
	mem->writeback->flusher_wakeups++;
	io_complete(mem);
	wb_write_older(mem, UINT64_MAX);
}

void sync_inodes(struct memory *mem)
{
	struct writeback *wb = mem->writeback;
	uint64_t until = 0;

	if (!wb)
		return;
	wb_write_older(mem, UINT64_MAX);
	for (size_t i = 0; i < wb->in_flight.nr; i++)
		if (wb->in_flight.data[i].done_ns > until)
			until = wb->in_flight.data[i].done_ns;
	io_wait(mem, until, IO_STALL_SYNC);
}

/* ---- writers ---- */

/*
 * How fast a writer may go, as a part of 2^RATELIMIT_SHIFT of what the device can do: more below the setpoint, which is half
 * way between freerun and the limit, and nothing at the limit (pos_ratio_polynom).
 */
static uint64_t pos_ratio(uint64_t freerun, uint64_t limit, uint64_t dirty)
{
	int64_t setpoint = (int64_t)((freerun + limit) / 2), x, ratio;

	if (dirty >= limit)
		return 0;
	x = (setpoint - (int64_t)dirty) * (1 << RATELIMIT_SHIFT) / ((int64_t)limit - setpoint + 1);
	ratio = x;
	ratio = ratio * x >> RATELIMIT_SHIFT;
	ratio = ratio * x >> RATELIMIT_SHIFT;
	ratio += 1 << RATELIMIT_SHIFT;
	if (ratio < 0)
		return 0;
	return ratio > 2 << RATELIMIT_SHIFT ? 2 << RATELIMIT_SHIFT : (uint64_t)ratio;
}

/* How many pages may be dirtied until the limits are looked at again. */
static uint32_t dirty_poll_interval(uint64_t dirty, uint64_t thresh)
{
	return thresh > dirty ? 1u << ((63 - __builtin_clzll(thresh - dirty)) >> 1) : 1;
}

/* Time for which the device is busy with what the task dirtied, at the rate that it is allowed. */
static uint64_t pause_ns(const struct memory *mem, uint64_t pages, uint64_t ratio)
{
	uint64_t bytes = pages << mem->geo->page_shift, bandwidth = mem->conf.io_write_bandwidth, rate;

	if (!bandwidth)
		return 0;
	rate = bandwidth / (1 << RATELIMIT_SHIFT) * ratio;
	if (!rate || bytes / rate > 0)
		return MAX_PAUSE_NS;
	bytes = bytes * 1000000000ull / rate;
	return bytes > MAX_PAUSE_NS ? MAX_PAUSE_NS : bytes;
}

void balance_dirty_pages(struct memory *mem)
{
	struct task_struct *task = mem->current;
	uint64_t background, thresh, freerun, dirty, ratio;

	if (!mem->writeback)
		return;
	io_complete(mem);
	global_dirty_limits(mem, &background, &thresh);
	freerun = (background + thresh) / 2;
	dirty = global_node_page_state(mem, NR_FILE_DIRTY);
	if (dirty + global_node_page_state(mem, NR_WRITEBACK) > background && dirty > background) {
		mem->writeback->flusher_wakeups++;
		wb_do_background(mem);
	}
	dirty = global_node_page_state(mem, NR_FILE_DIRTY) + global_node_page_state(mem, NR_WRITEBACK);
	/* Above the limit nobody goes on until the device has caught up; the loop ends because each pause lets it work. */
	for (;;) {
		if (dirty <= freerun) {
			task->nr_dirtied = 0;
			task->nr_dirtied_pause = dirty_poll_interval(dirty, freerun);
			return;
		}
		ratio = pos_ratio(freerun, thresh, dirty);
		io_wait(mem, io_time(mem) + pause_ns(mem, task->nr_dirtied, ratio), IO_STALL_DIRTY);
		if (ratio || !mem->writeback->in_flight.nr)
			break;
		dirty = global_node_page_state(mem, NR_FILE_DIRTY) + global_node_page_state(mem, NR_WRITEBACK);
	}
	task->nr_dirtied = 0;
	task->nr_dirtied_pause = dirty_poll_interval(dirty, thresh);
}
