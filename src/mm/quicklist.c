/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Stores of page-table pages: see quicklist.h. */
#include "mm/quicklist.h"

#include <stdlib.h>

#include "mm/page_alloc.h"

/* What check_pgt_cache() passed to quicklist_trim() */
#define MIN_PAGES 25u
#define MAX_FREE 16u
#define FRACTION_OF_NODE_MEM 16u

/* Of one CPU; linked through page->next, the newest first. */
struct quicklist {
	struct pfn_list pages;
};

struct quicklists {
	struct quicklist *cpu;
};

void quicklist_create(struct memory *mem)
{
	if (!mem->conf.quicklists)
		return;
	mem->quicklists = xcalloc(1, sizeof(*mem->quicklists));
	mem->quicklists->cpu = xcalloc(mem->nr_cpus, sizeof(*mem->quicklists->cpu));
	for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
		pfn_list_init(&mem->quicklists->cpu[cpu].pages);
}

void quicklist_destroy(struct memory *mem)
{
	if (!mem->quicklists)
		return;
	free(mem->quicklists->cpu);
	free(mem->quicklists);
	mem->quicklists = NULL;
}

static pfn_t pop(struct memory *mem, struct quicklist *q)
{
	pfn_t pfn = q->pages.first;
	struct page *page = pfn_to_page(mem, pfn);

	pfn_list_del(mem->mem_map, &q->pages, pfn);
	page->flags &= ~PG_KERNEL;
	page->next = page->prev = PFN_NONE;
	return pfn;
}

pfn_t quicklist_alloc(struct memory *mem, gfp_t gfp, int nid)
{
	struct quicklist *q = &mem->quicklists->cpu[mem->cpu];

	if (likely(q->pages.nr)) {
		count_vm_event(mem, QUICKLIST_HIT);
		return pop(mem, q);
	}
	count_vm_event(mem, QUICKLIST_MISS);
	return alloc_pages(mem, gfp, 0, nid);
}

void quicklist_free(struct memory *mem, pfn_t pfn)
{
	struct page *page = pfn_to_page(mem, pfn);

	BUG_ON(page->_refcount != 1 || page->flags & (PG_TABLE | PG_KERNEL));
	page->flags |= PG_KERNEL;
	pfn_list_add(mem->mem_map, &mem->quicklists->cpu[mem->cpu].pages, pfn);
}

static void give_back(struct memory *mem, struct quicklist *q)
{
	put_page(mem, pop(mem, q));
	count_vm_event(mem, QUICKLIST_TRIM);
}

/* A share of what is free on the CPU's node. */
static uint64_t max_pages(const struct memory *mem, unsigned cpu)
{
	const struct pglist_data *pgdat = mem->nodes[mem->cpu_node[cpu]];
	uint64_t max = 0, cpus = 0;

	for (unsigned t = 0; t <= ZONE_NORMAL; t++)
		max += pgdat->node_zones[t].vm_stat[NR_FREE_PAGES];
	for (unsigned other = 0; other < mem->nr_cpus; other++)
		cpus += mem->cpu_node[other] == mem->cpu_node[cpu];
	max = max / FRACTION_OF_NODE_MEM / cpus;
	return max > MIN_PAGES ? max : MIN_PAGES;
}

void quicklist_trim(struct memory *mem, unsigned cpu)
{
	struct quicklist *q = &mem->quicklists->cpu[cpu];
	uint64_t max, nr;

	if (q->pages.nr <= MIN_PAGES)
		return;
	max = max_pages(mem, cpu);
	if (q->pages.nr <= max)
		return;
	nr = q->pages.nr - max;
	for (nr = nr < MAX_FREE ? nr : MAX_FREE; nr; nr--)
		give_back(mem, q);
}

void quicklist_trim_idle(struct memory *mem)
{
	for (unsigned cpu = 0; mem->quicklists && cpu < mem->nr_cpus; cpu++)
		quicklist_trim(mem, cpu);
}

uint64_t quicklist_drain(struct memory *mem, int nid)
{
	uint64_t freed = 0;

	for (unsigned cpu = 0; mem->quicklists && cpu < mem->nr_cpus; cpu++) {
		struct quicklist *q = &mem->quicklists->cpu[cpu];
		pfn_t next;

		for (pfn_t pfn = q->pages.first; pfn != PFN_NONE; pfn = next) {
			struct page *page = pfn_to_page(mem, pfn);

			next = page->next;
			if (nid != NUMA_NO_NODE && (int)pfn_to_node(mem, pfn)->node_id != nid)
				continue;
			pfn_list_del(mem->mem_map, &q->pages, pfn);
			page->flags &= ~PG_KERNEL;
			put_page(mem, pfn);
			count_vm_event(mem, QUICKLIST_TRIM);
			freed++;
		}
	}
	return freed;
}

uint64_t quicklist_total_size(const struct memory *mem)
{
	uint64_t nr = 0;

	for (unsigned cpu = 0; mem->quicklists && cpu < mem->nr_cpus; cpu++)
		nr += mem->quicklists->cpu[cpu].pages.nr;
	return nr;
}
