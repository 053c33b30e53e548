/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Dirty pages and the device they go to: see writeback.h. */
#include "mm/seeded_bug.h"
#include "mm/writeback.h"

#include <inttypes.h>
#include <string.h>

#include "base/bug.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/memmap.h"
#include "mm/psi.h"

#define NSEC_PER_SEC 1000000000ull

const struct io_stall_info io_stall_info[NR_IO_STALLS] = {
#define IO_STALL_INFO(NAME, key, meaning) {key, meaning},
	IO_STALLS(IO_STALL_INFO)
#undef IO_STALL_INFO
};

void writeback_create(struct memory *mem)
{
	mem->writeback = xcalloc(1, sizeof(*mem->writeback));
	list_init(&mem->writeback->b_dirty);
}

void writeback_destroy(struct memory *mem)
{
	if (!mem->writeback)
		return;
	vec_finish(&mem->writeback->in_flight);
	free(mem->writeback);
	mem->writeback = NULL;
}

/* ---- dirty ---- */

/* The file whose pages are counted and written back (mapping_can_writeback), NULL for all other memory. */
static struct address_space *writable_mapping(const struct memory *mem, const struct page *head)
{
	struct address_space *mapping;

	if (head->flags & (PG_ANON | PG_KERNEL | PG_MOVABLE_OPS) || !head->mapping)
		return NULL;
	mapping = mem->mappings.data[head->mapping];
	return mapping->file && !mapping->is_shmem && !mapping->is_special ? mapping : NULL;
}

static void mod_write_pending(struct memory *mem, pfn_t head, int64_t nr)
{
	page_zone(mem, head)->vm_stat[NR_ZONE_WRITE_PENDING] += (uint64_t)nr;
}

static void account_dirtied(struct memory *mem, struct address_space *mapping, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	int64_t nr = 1ll << page_order(page);

	lruvec_stat_mod_folio(mem, head, NR_FILE_DIRTY, nr);
	mod_node_page_state(pfn_to_node(mem, head), NR_DIRTIED, nr);
	mod_write_pending(mem, head, nr);
	if (!mapping->dirty.nr) {
		mapping->dirtied_when_ns = mem->now_ns;
		if (mem->writeback)
			list_add_tail(&mapping->dirty_inodes, &mem->writeback->b_dirty);
	}
	for (uint64_t i = 0; i < (uint64_t)nr && !SEEDED_BUG(mem, DIRTY_LOST); i++)
		radix_set(&mapping->dirty, page->index + i, 1);
	if (mem->current)
		mem->current->nr_dirtied += (uint32_t)nr;
}

static void account_cleaned(struct memory *mem, struct address_space *mapping, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	int64_t nr = 1ll << page_order(page);

	lruvec_stat_mod_folio(mem, head, NR_FILE_DIRTY, SEEDED_BUG(mem, DIRTY_COUNT) ? 0 : -nr);
	mod_write_pending(mem, head, -nr);
	for (uint64_t i = 0; i < (uint64_t)nr; i++)
		radix_del(&mapping->dirty, page->index + i);
	if (!mapping->dirty.nr)
		list_del(&mapping->dirty_inodes);
}

bool folio_mark_dirty(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping;

	if (page->flags & PG_DIRTY)
		return false;
	page->flags |= PG_DIRTY;
	mapping = writable_mapping(mem, page);
	if (mapping) {
		/* It will not be clean when its writeback ends. */
		page->flags &= ~PG_RECLAIM;
		account_dirtied(mem, mapping, head);
	}
	return true;
}

bool __folio_clear_dirty_for_io(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping;

	if (!(page->flags & PG_DIRTY))
		return false;
	page->flags &= ~PG_DIRTY;
	mapping = writable_mapping(mem, page);
	if (mapping)
		account_cleaned(mem, mapping, head);
	return true;
}

void folio_cancel_dirty(struct memory *mem, pfn_t head)
{
	(void)__folio_clear_dirty_for_io(mem, head);
}

void folio_migrate_dirty(struct memory *mem, pfn_t src, pfn_t dst)
{
	const struct page *page = pfn_to_page(mem, src);
	int64_t nr = 1ll << page_order(page);

	if (!(page->flags & PG_DIRTY) || !writable_mapping(mem, page))
		return;
	lruvec_stat_mod_folio(mem, src, NR_FILE_DIRTY, -nr);
	lruvec_stat_mod_folio(mem, dst, NR_FILE_DIRTY, nr);
	mod_write_pending(mem, src, -nr);
	mod_write_pending(mem, dst, nr);
}

bool mapping_page_dirty(const struct address_space *mapping, uint64_t index)
{
	return radix_get(&mapping->dirty, index);
}

/* ---- under writeback: a heap by (done_ns, seq) ---- */

static bool sooner(const struct writeback_entry *a, const struct writeback_entry *b)
{
	return a->done_ns != b->done_ns ? a->done_ns < b->done_ns : a->seq < b->seq;
}

static void swap_entries(struct writeback_entry *a, struct writeback_entry *b)
{
	struct writeback_entry t = *a;

	*a = *b;
	*b = t;
}

static void heap_push(struct writeback *wb, struct writeback_entry entry)
{
	struct writeback_entry *e;
	size_t i = wb->in_flight.nr;

	*vec_push(&wb->in_flight) = entry;
	e = wb->in_flight.data;
	for (; i && sooner(&e[i], &e[(i - 1) / 2]); i = (i - 1) / 2)
		swap_entries(&e[i], &e[(i - 1) / 2]);
}

static struct writeback_entry heap_pop(struct writeback *wb)
{
	struct writeback_entry *e = wb->in_flight.data, first = e[0];
	size_t nr = --wb->in_flight.nr;

	e[0] = e[nr];
	for (size_t i = 0, child; (child = 2 * i + 1) < nr; i = child) {
		if (child + 1 < nr && sooner(&e[child + 1], &e[child]))
			child++;
		if (!sooner(&e[child], &e[i]))
			break;
		swap_entries(&e[i], &e[child]);
	}
	return first;
}

static void folio_end_writeback(struct memory *mem, pfn_t head)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping = writable_mapping(mem, page);
	int64_t nr = 1ll << page_order(page);

	VM_BUG_ON(!(page->flags & PG_WRITEBACK));
	page->flags &= ~PG_WRITEBACK;
	lruvec_stat_mod_folio(mem, head, NR_WRITEBACK, SEEDED_BUG(mem, WRITEBACK_COUNT) ? 0 : -nr);
	mod_node_page_state(pfn_to_node(mem, head), NR_WRITTEN, nr);
	if (mapping) {
		mod_write_pending(mem, head, -nr);
		mapping->nr_writeback -= (uint64_t)nr;
	}
	if (page->flags & PG_RECLAIM)
		folio_rotate_reclaimable(mem, head);
}

void folio_start_writeback(struct memory *mem, pfn_t head, uint64_t done_ns)
{
	struct page *page = pfn_to_page(mem, head);
	struct address_space *mapping = writable_mapping(mem, page);
	int64_t nr = 1ll << page_order(page);

	VM_BUG_ON(page->flags & (PG_WRITEBACK | PG_TAIL));
	page->flags |= PG_WRITEBACK;
	lruvec_stat_mod_folio(mem, head, NR_WRITEBACK, nr);
	if (mapping) {
		mod_write_pending(mem, head, nr);
		mapping->nr_writeback += (uint64_t)nr;
	}
	if (!mem->writeback || done_ns <= io_time(mem))
		folio_end_writeback(mem, head);
	else
		heap_push(mem->writeback, (struct writeback_entry){done_ns, mem->writeback->seq++, head});
}

void io_complete(struct memory *mem)
{
	struct writeback *wb = mem->writeback;

	while (wb && wb->in_flight.nr && wb->in_flight.data[0].done_ns <= io_time(mem))
		folio_end_writeback(mem, heap_pop(wb).head);
}

void folio_wait_writeback(struct memory *mem, pfn_t head)
{
	const struct writeback *wb = mem->writeback;

	if (likely(!(pfn_to_page(mem, head)->flags & PG_WRITEBACK)))
		return;
	for (size_t i = 0; i < wb->in_flight.nr; i++)
		if (wb->in_flight.data[i].head == head) {
			io_wait(mem, wb->in_flight.data[i].done_ns, IO_STALL_WRITEBACK);
			break;
		}
	/* Its time may have come while nobody looked. */
	io_complete(mem);
	BUG_ON(pfn_to_page(mem, head)->flags & PG_WRITEBACK);
}

/* ---- the device ---- */

static uint64_t transfer_ns(uint64_t bytes, uint64_t bandwidth)
{
	if (!bandwidth)
		return 0;
	return bytes / bandwidth * NSEC_PER_SEC + bytes % bandwidth * NSEC_PER_SEC / bandwidth;
}

static uint64_t submit(struct memory *mem, uint64_t *free_ns, uint64_t transfer, uint64_t latency)
{
	uint64_t now = io_time(mem);

	if (*free_ns < now)
		*free_ns = now;
	*free_ns += transfer;
	return *free_ns + latency;
}

uint64_t io_submit_write(struct memory *mem, uint64_t bytes)
{
	const struct mm_config *conf = &mem->conf;

	count_vm_events(mem, PGPGOUT, bytes >> 10);
	if (!mem->writeback)
		return 0;
	return submit(mem, &mem->writeback->write_free_ns, transfer_ns(bytes, conf->io_write_bandwidth),
		      conf->io_write_latency_ns);
}

void io_read_begin(struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);
	struct reading *reading = &mem->reading;

	if (reading->mapping != page->mapping)
		*reading = (struct reading){.mapping = page->mapping, .first = page->index};
	reading->end = page->index + (1ull << page_order(page));
}

static void forget_reads(struct memory *mem)
{
	struct writeback *wb = mem->writeback;
	unsigned nr = 0;

	for (unsigned i = 0; i < wb->nr_reads; i++)
		if (wb->reads[i].done_ns > io_time(mem))
			wb->reads[nr++] = wb->reads[i];
	wb->nr_reads = nr;
}

void io_read_submitted(struct memory *mem, uint64_t done_ns)
{
	struct reading reading = mem->reading;
	struct writeback *wb = mem->writeback;

	mem->reading.mapping = 0;
	if (!wb || !reading.mapping || done_ns <= io_time(mem))
		return;
	forget_reads(mem);
	/* One device: they are done in the order in which they came. */
	if (wb->nr_reads == NR_IO_READS)
		memmove(wb->reads, wb->reads + 1, --wb->nr_reads * sizeof(*wb->reads));
	wb->reads[wb->nr_reads++] = (struct io_read){reading.mapping, reading.first, reading.end, done_ns};
}

uint64_t __folio_read_done(const struct memory *mem, const struct page *page)
{
	const struct reading *reading = &mem->reading;
	const struct writeback *wb = mem->writeback;

	if (page->flags & PG_ANON || !page->mapping)
		return 0;
	if (page->mapping == reading->mapping && page->index >= reading->first && page->index < reading->end)
		return UINT64_MAX;
	for (unsigned i = wb ? wb->nr_reads : 0; i-- > 0;)
		if (wb->reads[i].mapping == page->mapping && page->index >= wb->reads[i].first &&
		    page->index < wb->reads[i].end)
			return wb->reads[i].done_ns;
	return 0;
}

uint64_t io_submit_read(struct memory *mem, uint64_t bytes)
{
	const struct mm_config *conf = &mem->conf;

	count_vm_events(mem, PGPGIN, bytes >> 10);
	if (!mem->writeback)
		return 0;
	return submit(mem, &mem->writeback->read_free_ns, transfer_ns(bytes, conf->io_read_bandwidth),
		      conf->io_read_latency_ns);
}

void io_wait(struct memory *mem, uint64_t until_ns, enum io_stall why)
{
	struct writeback *wb = mem->writeback;
	uint64_t now = io_time(mem);

	if (!wb || until_ns <= now)
		return;
	wb->stall_ns[why] += until_ns - now;
	wb->stalls[why]++;
	wb->waited_ns += until_ns - now;
	if (why == IO_STALL_SWAPIN || why == IO_STALL_THRASHING || mem->memalloc)
		psi_memstall(mem, until_ns - now);
	else
		psi_wait(mem, until_ns - now);
	io_complete(mem);
}

/* ---- limits ---- */

/* Free memory less the reserves, and the page cache (node_dirtyable_memory). High memory counts too. */
static uint64_t global_dirtyable_memory(const struct memory *mem)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++) {
		const struct pglist_data *pgdat = mem->nodes[n];
		uint64_t free = 0;

		for (unsigned t = 0; pgdat && t < MAX_NR_ZONES; t++)
			free += pgdat->node_zones[t].vm_stat[NR_FREE_PAGES];
		if (!pgdat)
			continue;
		nr += free > pgdat->totalreserve_pages ? free - pgdat->totalreserve_pages : 0;
		/* Without lists nothing tells locked pages apart. */
		nr += mem->lru_enabled ? pgdat->vm_stat[NR_INACTIVE_FILE] + pgdat->vm_stat[NR_ACTIVE_FILE]
				       : pgdat->vm_stat[NR_FILE_PAGES] - pgdat->vm_stat[NR_SHMEM];
	}
	return nr + 1;
}

static uint64_t limit_pages(const struct memory *mem, uint64_t bytes, uint64_t percent, uint64_t available)
{
	uint64_t size = 1ull << mem->geo->page_shift;

	if (bytes)
		return (bytes + size - 1) / size;
	return percent * size / 100 * available / size;
}

void global_dirty_limits(const struct memory *mem, uint64_t *ret_background, uint64_t *ret_thresh)
{
	const struct mm_config *conf = &mem->conf;
	uint64_t available = global_dirtyable_memory(mem);
	uint64_t thresh = limit_pages(mem, conf->dirty_bytes, conf->dirty_ratio, available);
	uint64_t background =
		limit_pages(mem, conf->dirty_background_bytes, conf->dirty_background_ratio, available);

	*ret_background = background >= thresh ? thresh / 2 : background;
	*ret_thresh = thresh;
}

/* ---- check ---- */

struct check {
	const struct memory *mem;
	struct strbuf *why;
	bool ok;
	uint64_t dirty, writeback, in_flight;	/* pages of files; pages under writeback of all kinds; folios */
};

static void complain(struct check *c, const char *what, uint64_t have, uint64_t found)
{
	c->ok = false;
	if (c->why)
		strbuf_addf(c->why, "writeback: %s: %" PRIu64 ", %" PRIu64 " found\n", what, have, found);
}

static void check_folio(struct check *c, pfn_t head)
{
	const struct page *page = pfn_to_page(c->mem, head);
	const struct address_space *mapping = writable_mapping(c->mem, page);
	uint64_t nr = 1ull << page_order(page);

	if (page->flags & PG_WRITEBACK) {
		c->writeback += nr;
		c->in_flight++;
	}
	if (!mapping)
		return;
	if (page->flags & PG_DIRTY)
		c->dirty += nr;
	for (uint64_t i = 0; i < nr; i++)
		if (mapping_page_dirty(mapping, page->index + i) != !!(page->flags & PG_DIRTY)) {
			complain(c, "dirty tag of a page, by index", page->index + i, head);
			return;
		}
}

/* Every folio of every file, then all that is under writeback. */
static void check_mapping(struct check *c, const struct address_space *mapping)
{
	uint64_t index = 0, value, before = c->dirty;

	while (radix_next(&mapping->pages, index, &index, &value)) {
		pfn_t head = folio_pfn(c->mem, (pfn_t)(value - 1));

		check_folio(c, head);
		index = pfn_to_page(c->mem, head)->index + (1ull << page_order(pfn_to_page(c->mem, head)));
	}
	if (mapping->dirty.nr != c->dirty - before)
		complain(c, "dirty tags of a file", mapping->dirty.nr, c->dirty - before);
	if (!!mapping->dirty.nr != !list_empty(&mapping->dirty_inodes) && c->mem->writeback)
		complain(c, "a file in the list of dirty ones", !list_empty(&mapping->dirty_inodes), mapping->dirty.nr);
}

static void check_counters(struct check *c)
{
	uint64_t dirty = 0, writeback = 0, pending = 0, flight = 0;

	for (unsigned n = 0; n < c->mem->nr_nodes; n++) {
		const struct pglist_data *pgdat = c->mem->nodes[n];

		dirty += pgdat->vm_stat[NR_FILE_DIRTY];
		writeback += pgdat->vm_stat[NR_WRITEBACK];
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			pending += pgdat->node_zones[t].vm_stat[NR_ZONE_WRITE_PENDING];
	}
	for (size_t i = 0; c->mem->writeback && i < c->mem->writeback->in_flight.nr; i++) {
		const struct page *page = pfn_to_page(c->mem, c->mem->writeback->in_flight.data[i].head);

		if (!(page->flags & PG_WRITEBACK) || page->flags & PG_TAIL || page->_refcount <= 0)
			complain(c, "a folio under writeback that is none, by its frame",
				 c->mem->writeback->in_flight.data[i].head, page->flags);
		flight += 1ull << page_order(page);
	}
	if (dirty != c->dirty)
		complain(c, "nr_dirty", dirty, c->dirty);
	if (writeback != flight)
		complain(c, "nr_writeback", writeback, flight);
	if (pending < dirty || pending > dirty + writeback)
		complain(c, "nr_zone_write_pending", pending, dirty + writeback);
}

bool writeback_consistent(const struct memory *mem, struct strbuf *why)
{
	struct check c = {.mem = mem, .why = why, .ok = true};
	uint64_t file, value;

	for (size_t pos = 0; htable_next(&mem->files, &pos, &file, &value);)
		check_mapping(&c, (const struct address_space *)(uintptr_t)value);
	check_counters(&c);
	if (mem->writeback && c.in_flight > mem->writeback->in_flight.nr)
		complain(&c, "folios of files under writeback", mem->writeback->in_flight.nr, c.in_flight);
	return c.ok;
}
