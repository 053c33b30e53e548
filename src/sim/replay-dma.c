/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Devices: handlers of the events DMA, DMA_ALLOC and DMA_FREE.
 *
 * A physical address of the trace is, page by page: of coherent memory that the trace allocated, of a page that a
 * traced allocation gave out (sim/replay-kernel.h), or else that of the model's own machine. Pieces that lie one
 * behind the other are one mapping. A virtual address is made present first, as the kernel does for a driver that
 * pins the pages of a task (mm/gup.c).
 */
#include <stdlib.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/dma.h"
#include "mm/fault.h"
#include "mm/kentry.h"
#include "mm/pgtable.h"
#include "sim/replay-kernel.h"
#include "sim/replay.h"

#define DMA_VIRTUAL   1u
#define DMA_TO_MEMORY 2u
#define DMA_MAX_BYTES UINT32_MAX /* of one event: more is no transfer of any device */

/* Coherent memory of the trace, by its address there. */
struct coherent {
	struct list_head list;
	uint64_t addr, nr; /* nr: pages in dma.frames */
	struct dma_buffer buf;
};

/* NULL: a number that cannot be one, or more devices than any machine has. */
static struct dma_device *device_of(struct mmr_replay *r, uint64_t id)
{
	return id > UINT32_MAX ? NULL : dma_device(r->mem, (uint32_t)id);
}

/* Pieces of one transfer; those that follow each other are put together. */
struct pieces {
	struct mmr_replay *r;
	struct dma_device *dev;
	bool to_memory;
	uint64_t phys, len; /* not moved yet */
	bool failed;
};

static void move_piece(struct pieces *p)
{
	if (!p->len || p->failed)
		return;
	if (!dma_is_memory(p->r->mem, p->phys, p->len)) {
		diverge(p->r, DIVERGE_DMA_OUTSIDE);
		p->failed = true;
	} else if (!dma_transfer(p->r->mem, p->dev, p->phys, p->len, p->to_memory)) {
		p->failed = true;
	}
	p->len = 0;
}

static void add_piece(struct pieces *p, uint64_t phys, uint64_t len)
{
	if (!p->len || p->phys + p->len != phys) {
		move_piece(p);
		p->phys = phys;
	}
	p->len += len;
}

/* ---- physical addresses ---- */

/* Some frame of the trace is another one here. */
static bool has_frames(const struct mmr_replay *r)
{
	return r->dma.frames.nr || (r->kernel && r->kernel->map.nr);
}

static uint64_t translate(struct mmr_replay *r, uint64_t pfn)
{
	pfn_t to = pfn_map_get(&r->dma.frames, pfn);

	if (to == PFN_NONE && r->kernel && r->kernel->map.nr)
		to = pfn_map_get(&r->kernel->map, pfn);
	return to == PFN_NONE ? pfn : to;
}

static void move_physical(struct pieces *p, uint64_t addr, uint64_t len)
{
	unsigned shift = p->r->mem->geo->page_shift;
	uint64_t page = 1ull << shift;

	if (addr + len < addr || !has_frames(p->r)) {
		add_piece(p, addr, len);
		return;
	}
	while (len && !p->failed) {
		uint64_t offset = addr & (page - 1), part = page - offset < len ? page - offset : len;

		add_piece(p, (translate(p->r, addr >> shift) << shift) + offset, part);
		addr += part;
		len -= part;
	}
}

/* ---- virtual addresses ---- */

/* The bytes behind addr that one entry maps, at most len. 0: nothing is mapped there. */
static uint64_t mapped_part(const struct mm_struct *mm, uint64_t addr, uint64_t len, uint64_t *ret_phys)
{
	const struct geometry *geo = mm->mem->geo;
	unsigned level;
	const pte_t *pte = pgtable_walk(mm, addr, &level, NULL);
	uint64_t size = 1ull << geo->level[level].shift, offset = addr & (size - 1);

	if (!pte_is_leaf(*pte))
		return 0;
	*ret_phys = ((uint64_t)pte_pfn(*pte) << geo->page_shift) + offset;
	return size - offset < len ? size - offset : len;
}

static void move_virtual(struct pieces *p, struct mm_struct *mm, uint64_t addr, uint64_t len)
{
	uint64_t page = 1ull << mm->mem->geo->page_shift, end, phys, part;

	if (addr + len < addr || addr + len > mm->mem->geo->user_end) {
		diverge(p->r, DIVERGE_TOUCH_SEGV);
		return;
	}
	end = (addr + len + page - 1) & ~(page - 1);
	if (populate_range(mm, addr & ~(page - 1), end, p->to_memory ? POPULATE_WRITE : POPULATE_READ) < end)
		diverge(p->r, DIVERGE_TOUCH_SEGV);
	for (; len && !p->failed; addr += part, len -= part) {
		part = mapped_part(mm, addr, len, &phys);
		if (!part)
			return;
		add_piece(p, phys, part);
	}
}

void ev_dma(struct mmr_replay *r, const struct mmr_event *ev)
{
	uint64_t len = ev->DMA.len;
	struct pieces p = {.r = r, .to_memory = ev->DMA.flags & DMA_TO_MEMORY};
	struct mm_struct *mm;

	p.dev = device_of(r, ev->DMA.device);
	if (!len || len > DMA_MAX_BYTES || !p.dev) {
		diverge(r, DIVERGE_DMA_OUTSIDE);
		return;
	}
	if (ev->DMA.flags & DMA_VIRTUAL) {
		mm = replay_mm(r, ev);
		if (mm)
			move_virtual(&p, mm, ev->DMA.addr, len);
	} else {
		move_physical(&p, ev->DMA.addr, len);
	}
	move_piece(&p);
	dma_complete(r->mem, p.dev);
}

/* ---- coherent memory ---- */

static void drop_coherent(struct mmr_replay *r, struct coherent *c)
{
	unsigned shift = r->mem->geo->page_shift;

	for (uint64_t i = 0; i < c->nr; i++)
		pfn_map_del(&r->dma.frames, (c->addr >> shift) + i);
	htable_del(&r->dma.buffers, c->addr);
	list_del(&c->list);
	dma_free_coherent(r->mem, &c->buf);
	free(c);
}

void ev_dma_alloc(struct mmr_replay *r, const struct mmr_event *ev)
{
	unsigned shift = r->mem->geo->page_shift;
	struct coherent *c = htable_get_ptr(&r->dma.buffers, ev->DMA_ALLOC.addr);
	struct dma_device *dev = device_of(r, ev->DMA_ALLOC.device);
	struct dma_buffer buf;

	if (!dev || ev->DMA_ALLOC.addr & ((1ull << shift) - 1)) {
		diverge(r, DIVERGE_DMA_OUTSIDE);
		return;
	}
	if (c)
		drop_coherent(r, c); /* its free was lost */
	if (!dma_alloc_coherent(r->mem, dev, ev->DMA_ALLOC.len, &buf))
		return;
	c = xcalloc(1, sizeof(*c));
	c->addr = ev->DMA_ALLOC.addr;
	c->buf = buf;
	c->nr = (ev->DMA_ALLOC.len + (1ull << shift) - 1) >> shift;
	for (uint64_t i = 0; i < c->nr; i++)
		pfn_map_set(&r->dma.frames, (c->addr >> shift) + i, buf.pfn + (pfn_t)i);
	htable_set_ptr(&r->dma.buffers, c->addr, c);
	list_add_tail(&c->list, &r->dma.all);
}

void ev_dma_free(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct coherent *c = htable_get_ptr(&r->dma.buffers, ev->DMA_FREE.addr);

	if (c)
		drop_coherent(r, c);
	else
		diverge(r, DIVERGE_DMA_OUTSIDE);
}

/* ---- the beginning and the end ---- */

void replay_dma_start(struct mmr_replay *r)
{
	htable_init(&r->dma.buffers);
	list_init(&r->dma.all);
	pfn_map_init(&r->dma.frames);
}

void replay_dma_finish(struct mmr_replay *r)
{
	while (!list_empty(&r->dma.all))
		drop_coherent(r, list_first_entry(&r->dma.all, struct coherent, list));
	htable_finish(&r->dma.buffers);
	pfn_map_finish(&r->dma.frames);
}
