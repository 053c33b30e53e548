/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reclaim: how many pages a second it looks at, and whether a machine far too small for its program comes to an end.
 *
 *	bench-reclaim [classic|mglru]
 *
 * The first part has 1 GiB of memory and four address spaces that share 192 MiB of anonymous memory (by fork) and 192 MiB of a
 * file, and have 128 MiB of their own each: 2.3 entries a page. Reclaim is asked for 64 MiB, again and again; between two rounds, untimed, what
 * is gone is touched again, and a share of all entries gets its accessed bit. Looking at a page is walking the reverse
 * map to each of its entries; pages that are taken are unmapped, given a slot in swap or dropped, and freed. A rate counts pages
 * scanned on inactive lists and refilled from active ones by processor time.
 *
 * The second part touches 640 MiB in 64 MiB of memory with swap, in order and at random, and says what that took, and how much
 * the process's memory grew from the first round to the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "base/rng.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/lru.h"
#include "mm/lru_gen.h"
#include "mm/memory.h"
#include "mm/mm_config.h"
#include "mm/mmap.h"
#include "mm/pgtable.h"
#include "mm/swapfile.h"
#include "mm/vmscan.h"
#include "mm/writeback.h"
#include "sim/pressure.h"

#define PAGE	4096ull
#define MIB	(1ull << 20)
#define ANON	0x100000000ull
#define FILE_AT	0x200000000ull
#define OWN	0x300000000ull
#define NR_MMS	4
#define SHARED	(192 * MIB)
#define PRIVATE	(128 * MIB)

struct world {
	struct memory *mem;
	struct pressure *pressure;
	struct mm_struct *mm[NR_MMS];
	struct task_struct *task[NR_MMS];
	unsigned nr;
	struct address_space *file;
	struct rng rng;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-reclaim: %s\n", what);
	exit(1);
}

static void set(struct mm_config *conf, const char *key, const char *value)
{
	struct mmr_error err = { 0 };

	if (config_set(config_find(&mm_config_table, key), conf, value, &err))
		die(err.text);
}

static struct world world_new(uint64_t bytes, const char *policy)
{
	struct world w = { 0 };
	struct mm_config conf;
	struct memory_desc desc = { .geo = geometry_find("x86-64"), .conf = &conf, .nr_nodes = 1, .node_bytes = &bytes, .nr_cpus = 1 };
	struct mmr_error err = { 0 };

	config_defaults(&mm_config_table, &conf);
	set(&conf, "swap.areas", "4G:5:zram");
	set(&conf, "swap.compressed_percent", "1");
	set(&conf, "vm.overcommit_memory", "always");
	set(&conf, "thp.enabled", "never");
	if (memory_create(&desc, &w.mem, &err))
		die(err.text);
	w.pressure = pressure_create(w.mem);
	writeback_create(w.mem);
	if (swap_create(w.mem, &err))
		die(err.text);
	if (!strcmp(policy, "mglru"))
		lru_gen_setup(w.mem, 7, 0);
	lru_enable(w.mem);
	rng_seed(&w.rng, 1);
	return w;
}

static void run_as(struct world *w, unsigned i)
{
	w->mem->current = w->task[i];
}

static void add_mm(struct world *w, struct mm_struct *mm)
{
	struct task_struct *task = task_alloc(w->mem, w->nr + 1);

	task->mm = mm;
	w->mm[w->nr] = mm;
	w->task[w->nr++] = task;
}

static void map(struct world *w, unsigned i, uint64_t addr, uint64_t len, struct address_space *mapping)
{
	struct mmap_request req = { .addr = addr, .len = len, .prot = PROT_READ | PROT_WRITE, .mapping = mapping,
				    .flags = MAP_FIXED | (mapping ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) };

	if (do_mmap(w->mm[i], &req) != (int64_t)addr)
		die("mmap failed");
}

/* As an access that misses the TLB: sets the accessed bit, or faults. */
static bool touch(struct world *w, unsigned i, uint64_t addr, bool write)
{
	unsigned flags = FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0), level;
	struct pgtable *table;

	for (int tries = 0; tries < 4; tries++) {
		pte_t *pte = pgtable_walk(w->mm[i], addr, &level, &table);

		if (pte_is_leaf(*pte) && (!write || pte_write(*pte))) {
			pte->pte |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
			return true;
		}
		run_as(w, i);
		if (do_user_addr_fault(w->mem, addr, flags) & VM_FAULT_ERROR)
			return false;
	}
	return true;
}

static void touch_range(struct world *w, unsigned i, uint64_t addr, uint64_t len, bool write, unsigned percent)
{
	for (uint64_t a = addr; a < addr + len; a += PAGE)
		if (percent >= 100 || rng_below(&w->rng, 100) < percent)
			if (!touch(w, i, a, write))
				die("an access failed");
}

/* What was reclaimed comes back; of what is there `percent` of the entries are used. */
static void use_memory(struct world *w, unsigned percent)
{
	for (unsigned i = 0; i < w->nr; i++) {
		touch_range(w, i, ANON, SHARED, false, percent);
		touch_range(w, i, FILE_AT, SHARED, false, percent);
		touch_range(w, i, OWN, PRIVATE, false, percent);
	}
}

static uint64_t scanned(const struct memory *mem)
{
	return mem->vm_event[PGSCAN_PROACTIVE] + mem->vm_event[PGSCAN_DIRECT] + mem->vm_event[PGSCAN_KSWAPD] +
	       mem->vm_event[PGREFILL];
}

static uint64_t stolen(const struct memory *mem)
{
	return mem->vm_event[PGSTEAL_PROACTIVE] + mem->vm_event[PGSTEAL_DIRECT] + mem->vm_event[PGSTEAL_KSWAPD];
}

static void scan_rounds(struct world *w, unsigned percent)
{
	uint64_t nr = 0, taken = 0;
	double s = 0;

	for (int round = 0; round < 12; round++) {
		uint64_t before, had;
		double t;

		use_memory(w, percent);
		before = scanned(w->mem);
		had = stolen(w->mem);
		t = now_s();
		reclaim_node_proactively(w->mem, 0, 64 * MIB / PAGE, 100);
		s += now_s() - t;
		nr += scanned(w->mem) - before;
		taken += stolen(w->mem) - had;
	}
	printf("scan, %3u %% of entries used  %6.2f M pages/s  (%.0f ns each; %llu scanned, %llu taken)\n", percent,
	       (double)nr / s / 1e6, s * 1e9 / (double)nr, (unsigned long long)nr, (unsigned long long)taken);
}

static void throughput(const char *policy)
{
	struct world w = world_new(1024 * MIB, policy);

	w.file = mapping_get(w.mem, 1);
	w.file->size_bytes = SHARED;
	add_mm(&w, mm_alloc(w.mem));
	run_as(&w, 0);
	map(&w, 0, ANON, SHARED, NULL);
	touch_range(&w, 0, ANON, SHARED, true, 100);
	map(&w, 0, FILE_AT, SHARED, w.file);
	while (w.nr < NR_MMS)
		add_mm(&w, dup_mm(w.mm[0]));
	for (unsigned i = 0; i < w.nr; i++) {
		map(&w, i, OWN, PRIVATE, NULL);
		touch_range(&w, i, OWN, PRIVATE, true, 100);
	}
	for (unsigned percent = 0; percent <= 100; percent += 25)
		scan_rounds(&w, percent);
}

static long rss_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (long)(PAGE / 1024);
}

/* Ten times the memory, again and again. */
static void overcommit(const char *policy)
{
	struct world w = world_new(64 * MIB, policy);
	uint64_t len = 640 * MIB, faults;
	long first;
	double t = now_s();

	add_mm(&w, mm_alloc(w.mem));
	run_as(&w, 0);
	map(&w, 0, ANON, len, NULL);
	touch_range(&w, 0, ANON, len, true, 100);
	first = rss_kib();
	for (int round = 0; round < 4; round++) {
		touch_range(&w, 0, ANON, len, true, 100);
		for (uint64_t i = 0; i < len / PAGE; i++)
			if (!touch(&w, 0, ANON + rng_below(&w.rng, len / PAGE) * PAGE, true))
				die("an access failed");
	}
	t = now_s() - t;
	faults = w.mem->vm_event[PGFAULT];
	printf("10x overcommit               %6.2f s        (%llu faults, %llu scanned, %llu taken; %.2f M faults/s)\n", t,
	       (unsigned long long)faults, (unsigned long long)scanned(w.mem), (unsigned long long)stolen(w.mem),
	       (double)faults / t / 1e6);
	printf("... memory of the process    %6ld KiB after the first round, %ld KiB after the last\n", first, rss_kib());
}

int main(int argc, char **argv)
{
	const char *policy = argc > 1 ? argv[1] : "classic";

	printf("%s\n", policy);
	throughput(policy);
	overcommit(policy);
	return 0;
}
