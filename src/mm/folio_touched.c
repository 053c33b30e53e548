/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which pages of a large folio were ever touched: see folio_touched.h. */
#include "mm/folio_touched.h"

#include <string.h>
#include <sys/mman.h>

static size_t touched_bytes(const struct memory *mem)
{
	return (size_t)mem->nr_sections << SECTION_SHIFT;
}

void folio_touched_enable(struct memory *mem)
{
	void *p;

	if (mem->page_touched)
		return;
	p = mmap(NULL, touched_bytes(mem), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		xalloc_failed(touched_bytes(mem));
	mem->page_touched = p;
}

void folio_touched_finish(struct memory *mem)
{
	if (mem->page_touched)
		munmap(mem->page_touched, touched_bytes(mem));
	mem->page_touched = NULL;
	vec_finish(&mem->thp_waste.fresh);
}

static uint32_t pages_without(const struct memory *mem, pfn_t head, uint8_t bit)
{
	uint32_t nr = 0;

	for (pfn_t i = 0; i < 1u << page_order(pfn_to_page(mem, head)); i++)
		nr += !(mem->page_touched[head + i] & bit);
	return nr;
}

uint32_t folio_pages_unwritten(const struct memory *mem, pfn_t head)
{
	return pages_without(mem, head, FOLIO_WRITTEN);
}

uint32_t folio_pages_untouched(const struct memory *mem, pfn_t head)
{
	return pages_without(mem, head, FOLIO_TOUCHED);
}

uint32_t folio_pages_zero(const struct memory *mem, pfn_t head)
{
	return mem->page_touched && !(mem->page_touched[head] & FOLIO_FRESH) ? folio_pages_unwritten(mem, head) : 0;
}

void folio_touched_begin_slow(struct memory *mem, pfn_t head)
{
	unsigned order = page_order(pfn_to_page(mem, head));

	memset(mem->page_touched + head, 0, 1u << order);
	mem->page_touched[head] = FOLIO_FRESH;
	*vec_push(&mem->thp_waste.fresh) = head;
	mem->thp_waste.pages[order] += 1u << order;
	mem->thp_waste.nr_unwritten += 1u << order;
	mem->thp_waste.nr_untouched += 1u << order;
	if (mem->thp_waste.nr_untouched > mem->thp_waste.peak_untouched)
		mem->thp_waste.peak_untouched = mem->thp_waste.nr_untouched;
}

void folio_touched_end_slow(struct memory *mem, pfn_t head)
{
	uint32_t untouched = folio_pages_untouched(mem, head);

	mem->thp_waste.untouched[page_order(pfn_to_page(mem, head))] += untouched;
	mem->thp_waste.nr_untouched -= untouched;
	mem->thp_waste.nr_unwritten -= folio_pages_unwritten(mem, head);
}

void folio_mark_written(struct memory *mem, pfn_t head)
{
	for (pfn_t i = 0; mem->page_touched && i < 1u << page_order(pfn_to_page(mem, head)); i++)
		page_mark_touched(mem, head + i, FOLIO_WRITTEN);
}

void folio_touched_settle(struct memory *mem)
{
	while (mem->thp_waste.fresh.nr)
		mem->page_touched[mem->thp_waste.fresh.data[--mem->thp_waste.fresh.nr]] &= (uint8_t)~FOLIO_FRESH;
}
