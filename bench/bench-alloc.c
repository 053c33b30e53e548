/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How fast the model's page allocator and page tables are: CPU time, the best of several rounds.
 *
 *	pairs		one order-0 page allocated and freed at once
 *	fill		order-0 pages allocated as faults do, then all freed: fresh memory, then again
 *	mixed		random orders 0-9 and lifetimes, a quarter of the memory in use
 *	tables		page tables for 2 MiB areas made and freed
 *	big		a machine of 1 TiB in 8 nodes created, 4 and 8 GiB of it touched: time and memory
 *			of the host
 *	age		a machine of 8 GiB fragmented on purpose
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/bug.h"
#include "base/rng.h"
#include "machine/geometry.h"
#include "mm/ageing.h"
#include "mm/memory.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

enum what {
	PAIRS,
	FRESH_ALLOC,
	FRESH_FREE,
	AGAIN_ALLOC,
	AGAIN_FREE,
	MIXED,
	TABLES_MADE,
	TABLES_FREED,
	NR_WHAT
};

static const char *const names[NR_WHAT] = {
	[PAIRS] = "pairs of order 0",
	[FRESH_ALLOC] = "fill fresh memory, alloc",
	[FRESH_FREE] = "fill fresh memory, free",
	[AGAIN_ALLOC] = "fill again, alloc",
	[AGAIN_FREE] = "fill again, free",
	[MIXED] = "alloc + free, mixed orders",
	[TABLES_MADE] = "page tables made",
	[TABLES_FREED] = "page tables freed",
};

struct bench {
	const struct geometry *geo;
	double best_ns[NR_WHAT];	/* of one operation */
};

static void note(struct bench *b, enum what what, uint64_t nr, uint64_t ns)
{
	double each = (double)ns / (double)nr;

	if (b->best_ns[what] == 0 || each < b->best_ns[what])
		b->best_ns[what] = each;
}

static void bench_pairs(struct bench *b)
{
	struct memory *mem = memory_create_uma(b->geo, 2, 4ull << 30);
	uint64_t nr = 4000000, start = now_ns();

	for (uint64_t i = 0; i < nr; i++)
		free_pages_pfn(mem, alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE), 0);
	note(b, PAIRS, nr, now_ns() - start);
	memory_destroy(mem);
}

static void bench_fill(struct bench *b)
{
	struct memory *mem = memory_create_uma(b->geo, 2, 4ull << 30);
	uint32_t nr = 800000;
	pfn_t *pfns = malloc(nr * sizeof(*pfns));

	for (int round = 0; round < 2; round++) {
		uint64_t start = now_ns(), middle;

		for (uint32_t i = 0; i < nr; i++)
			pfns[i] = alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, NUMA_NO_NODE);
		middle = now_ns();
		BUG_ON(pfns[nr - 1] == PFN_NONE);
		for (uint32_t i = 0; i < nr; i++)
			free_pages_pfn(mem, pfns[i], 0);
		note(b, round ? AGAIN_ALLOC : FRESH_ALLOC, nr, middle - start);
		note(b, round ? AGAIN_FREE : FRESH_FREE, nr, now_ns() - middle);
	}
	free(pfns);
	memory_destroy(mem);
}

static void bench_mixed(struct bench *b)
{
	struct memory *mem = memory_create_uma(b->geo, 2, 4ull << 30);
	static const uint8_t orders[16] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 6, 9 };
	uint32_t nr_slots = 8192, nr = 2000000;
	struct {
		pfn_t pfn;
		uint8_t order;
	} *slots = calloc(nr_slots, sizeof(*slots)), *s;
	struct rng rng;
	uint64_t start, nr_done = 0;

	rng_seed(&rng, 1);
	for (uint32_t i = 0; i < nr_slots; i++)
		slots[i].pfn = PFN_NONE;
	start = now_ns();
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t r = rng_u64(&rng);

		s = &slots[r % nr_slots];
		if (s->pfn != PFN_NONE) {
			free_pages_pfn(mem, s->pfn, s->order);
			nr_done++;
		}
		s->order = orders[r >> 60];
		s->pfn = alloc_pages(mem, r >> 59 & 1 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, s->order,
				     NUMA_NO_NODE);
	}
	note(b, MIXED, nr_done, now_ns() - start);
	free(slots);
	memory_destroy(mem);
}

static void bench_tables(struct bench *b)
{
	struct memory *mem = memory_create_uma(b->geo, 2, 4ull << 30);
	struct mm_struct mm = { .mem = mem };
	struct mmu_gather tlb;
	uint64_t nr = 4000, size = 1ull << b->geo->level[1].shift, start = now_ns(), middle;

	mm.pgd = pgd_alloc(mem, &mm);
	for (uint64_t i = 0; i < nr; i++)
		BUG_ON(!pgtable_alloc(&mm, i * size, 0));
	middle = now_ns();
	tlb_gather_mmu(&tlb, &mm);
	free_pgd_range(&tlb, 0, nr * size, 0, 0);
	tlb_finish_mmu(&tlb);
	note(b, TABLES_MADE, nr, middle - start);
	note(b, TABLES_FREED, nr, now_ns() - middle);
	pgd_free(mem, mm.pgd);
	memory_destroy(mem);
}

/* Memory of this process without its program, exactly; 0 when the host does not say. */
static uint64_t anonymous_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	uint64_t kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %" SCNu64, &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

/* Allocated pages, and those that wait on per-cpu lists: what the allocator has touched. */
static uint64_t touched_pages(const struct memory *mem, uint64_t allocated)
{
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned t = 0; t < MAX_NR_ZONES; t++)
			for (unsigned cpu = 0; cpu < mem->nr_cpus; cpu++)
				if (mem->nodes[n]->node_zones[t].pcp)
					allocated += mem->nodes[n]->node_zones[t].pcp[cpu].count;
	return allocated;
}

static void touch(struct memory *mem, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		BUG_ON(alloc_pages(mem, GFP_HIGHUSER_MOVABLE, 0, (int)(i % 8)) == PFN_NONE);
}

static void bench_big(struct bench *b)
{
	uint64_t bytes[8], start = now_ns();
	struct memory_desc desc = {
		.geo = b->geo, .nr_nodes = 8, .node_bytes = bytes, .nr_cpus = 64};
	uint64_t base, half, whole, nr_half, nr_whole;
	uint64_t nr = 1 << 20;
	struct memory *mem;
	struct rusage before, after;

	for (int i = 0; i < 8; i++)
		bytes[i] = 128ull << 30;
	getrusage(RUSAGE_SELF, &before);
	BUG_ON(memory_create(&desc, &mem, NULL));
	getrusage(RUSAGE_SELF, &after);
	printf("1 TiB in 8 nodes: %.1f ms, peak memory of the process %ld KiB (%ld before)\n",
	       (double)(now_ns() - start) / 1e6, after.ru_maxrss, before.ru_maxrss);
	base = anonymous_bytes();
	touch(mem, nr);
	half = anonymous_bytes();
	nr_half = touched_pages(mem, nr);
	touch(mem, nr);
	whole = anonymous_bytes();
	nr_whole = touched_pages(mem, 2 * nr);
	printf("8 GiB of it allocated: %.3f bytes a touched page (%" PRIu64 " allocated, %" PRIu64
	       " on per-cpu lists), %.3f from 4 GiB to 8\n",
	       (double)(whole - base) / (double)nr_whole, 2 * nr, nr_whole - 2 * nr,
	       (double)(whole - half) / (double)(nr_whole - nr_half));
	memory_destroy(mem);
}

static void bench_age(struct bench *b)
{
	struct memory *mem = memory_create_uma(b->geo, 2, 8ull << 30);
	struct ageing_spec spec = { .degree = 800, .order = 9, .used = 60, .unmovable = 20,
				    .reclaimable = 10, .seed = 1 };
	uint64_t start = now_ns();

	BUG_ON(age_memory(mem, &spec, NULL));
	printf("8 GiB fragmented to 0.8 at order 9: %.1f ms\n", (double)(now_ns() - start) / 1e6);
	memory_destroy(mem);
}

int main(int argc, char **argv)
{
	struct bench b = { .geo = geometry_find("x86-64") };
	int rounds = argc > 1 ? atoi(argv[1]) : 5;

	bench_big(&b);
	bench_age(&b);
	for (int i = 0; i < rounds; i++) {
		bench_pairs(&b);
		bench_fill(&b);
		bench_mixed(&b);
		bench_tables(&b);
	}
	for (int i = 0; i < NR_WHAT; i++)
		printf("%-28s %8.1f M/s  %7.1f ns each\n", names[i], 1e3 / b.best_ns[i],
		       b.best_ns[i]);
	return 0;
}
