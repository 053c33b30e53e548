/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The keys of job files: see spec.h, mmreplay-gen(1). */
#include "gen/spec-keys.h"

#include <stddef.h>
#include <string.h>

#include "base/bug.h"

#define MANY (1ull << 60)
#define LARGEST (1ull << 46)

static const char *const kinds[] = { "anon", "shared", "file", "shm", "hugetlb", "heap", NULL };
static const char *const prots[] = { "r", "rw", "rx", "rwx", NULL };
static const char *const maps[] = { "once", "each", NULL };
static const char *const patterns[] = { "sequential", "reverse", "stride", "uniform", "zipf", "hotcold", "chase",
					"gups", NULL };
static const char *const rws[] = { "read", "write", "update", "mixed", NULL };
static const char *const ios[] = { "none", "read", "write", "mixed", "sendfile", NULL };
static const char *const as_names[] = { "thread", "process", NULL };
static const char *const forks[] = { "no", "loop", NULL };
static const char *const fadvises[] = { "none", "random", "sequential", "willneed", "dontneed", NULL };
static const char *const allocs[] = { "pages", "kmalloc", "slab", "dma", NULL };
static const char *const lifetimes[] = { "random", "fifo", "lifo", NULL };
static const char *const types[] = { "unmovable", "movable", "reclaimable", NULL };

#define AT(member) offsetof(struct gen_global, member)
static const struct config_row global_rows[] = {
	{ "seed", CONFIG_UINT, AT(seed), "1", 0, UINT64_MAX, NULL, "of all random choices" },
	{ "nodes", CONFIG_UINT, AT(nodes), "1", 1, 64, NULL, "NUMA nodes of the machine that the trace names" },
	{ "cpus", CONFIG_UINT, AT(cpus), "4", 1, 1024, NULL, "CPUs of that machine, dealt out evenly to its nodes" },
	{ "memory", CONFIG_SIZE, AT(memory), "4G", 64ull << 20, 1ull << 44, NULL, "memory of that machine" },
	{ "quantum", CONFIG_SIZE, AT(quantum), "64K", 1, MANY, NULL, "accesses of a thread before the next one runs" },
	{ "ns_per_access", CONFIG_UINT, AT(ns_per_access), "1", 1, 1000000, NULL, "of the trace's clock" },
};
#undef AT

#define AT(member) offsetof(struct gen_region, member)
static const struct config_row region_rows[] = {
	{ "kind", CONFIG_CHOICE, AT(kind), "anon", 0, 0, kinds, "private or shared anonymous memory, file, SysV segment, "
	  "huge pages, the brk heap" },
	{ "size", CONFIG_SIZE, AT(size), "64M", 4096, LARGEST, NULL, "of the area" },
	{ "align", CONFIG_SIZE, AT(align), "4K", 4096, 1ull << 40, NULL, "of its start" },
	{ "prot", CONFIG_CHOICE, AT(prot), "rw", 0, 0, prots, "what may be done with it" },
	{ "private", CONFIG_BOOL, AT(is_private), "no", 0, 0, NULL, "a file's pages are copied when written" },
	{ "populate", CONFIG_BOOL, AT(populate), "no", 0, 0, NULL, "MAP_POPULATE" },
	{ "lock", CONFIG_BOOL, AT(lock), "no", 0, 0, NULL, "mlock" },
	{ "map", CONFIG_CHOICE, AT(map), "once", 0, 0, maps, "by the main process before the jobs start, or by each of "
	  "the threads or processes that use it" },
	{ "page_size", CONFIG_SIZE, AT(page_size), "2M", 4096, 1ull << 34, NULL, "hugetlb: of its pages" },
	{ "cached", CONFIG_BOOL, AT(cached), "no", 0, 0, NULL, "file: its pages are in the page cache at the start" },
	{ "offset", CONFIG_SIZE, AT(offset), "0", 0, LARGEST, NULL, "file: where the area begins in it" },
};
static const struct gen_text_key region_texts[] = {
	{ "file", AT(file) }, { "advise", AT(advise) }, { "policy", AT(policy) },
};
#undef AT

#define AT(member) offsetof(struct gen_work, member)
static const struct config_row job_rows[] = {
	{ "numjobs", CONFIG_UINT, AT(numjobs), "1", 1, 4096, NULL, "threads or processes that do this" },
	{ "as", CONFIG_CHOICE, AT(as), "thread", 0, 0, as_names, "threads of the main process, or forked processes" },
	{ "cpus_allowed", CONFIG_NODES, AT(cpus), "none", 0, 0, NULL, "CPUs they are bound to in turn; none: any" },
	{ "fork", CONFIG_CHOICE, AT(fork), "no", 0, 0, forks, "loop: each loop runs in a child forked for it" },
	{ "window", CONFIG_SIZE, AT(window), "1M", 1, LARGEST, NULL, "bytes that the job it follows may be ahead" },
	{ "loops", CONFIG_UINT, AT(loops), "1", 1, MANY, NULL, "how often the phase is done" },
	{ "accesses", CONFIG_SIZE, AT(accesses), "0", 0, MANY, NULL, "in each loop; 0: as many as cover the size once" },
	{ "start", CONFIG_SIZE, AT(offset), "0", 0, LARGEST, NULL, "first byte of the region that is used" },
	{ "length", CONFIG_SIZE, AT(size), "0", 0, LARGEST, NULL, "bytes of the region that are used; 0: all" },
	{ "pattern", CONFIG_CHOICE, AT(pattern), "sequential", 0, 0, patterns, "which block comes next" },
	{ "theta", CONFIG_DECIMAL, AT(theta), "1.1", 0, 10000, NULL, "zipf: exponent" },
	{ "hot_percent", CONFIG_DECIMAL, AT(hot_percent), "10", 1, 99999, NULL, "hotcold: percent of the blocks that are hot" },
	{ "hot_accesses", CONFIG_DECIMAL, AT(hot_accesses), "90", 0, 100000, NULL, "hotcold: percent of visits to them" },
	{ "stride", CONFIG_SIZE, AT(stride), "4K", 1, LARGEST, NULL, "stride: from one block to the next" },
	{ "block", CONFIG_SIZE, AT(block), "4K", 1, 1ull << 30, NULL, "bytes touched in one visit" },
	{ "word", CONFIG_SIZE, AT(word), "8", 1, 4096, NULL, "bytes of one access" },
	{ "scatter", CONFIG_BOOL, AT(scatter), "yes", 0, 0, NULL, "zipf, hotcold: popular blocks lie anywhere, not first" },
	{ "rw", CONFIG_CHOICE, AT(rw), "read", 0, 0, rws, "read, write, update (read then write each word), mixed by block" },
	{ "write_percent", CONFIG_DECIMAL, AT(write_percent), "50", 0, 100000, NULL, "mixed: percent of blocks written" },
	{ "io", CONFIG_CHOICE, AT(io), "none", 0, 0, ios, "a file's blocks through read and write calls, not a mapping" },
	{ "direct", CONFIG_BOOL, AT(direct), "no", 0, 0, NULL, "io: O_DIRECT" },
	{ "fsync_every", CONFIG_UINT, AT(fsync_every), "0", 0, MANY, NULL, "io: fsync after so many writes; 0: never" },
	{ "fadvise", CONFIG_CHOICE, AT(fadvise), "none", 0, 0, fadvises, "io: advice given at the start of each loop" },
	{ "rate", CONFIG_SIZE, AT(rate), "0", 0, MANY, NULL, "accesses a second of the trace's clock; 0: as fast as it goes" },
};
static const struct gen_text_key job_texts[] = {
	{ "region", AT(region) }, { "after", AT(after) }, { "follow", AT(follow) },
};
#undef AT

#define AT(member) offsetof(struct gen_kernel, member)
static const struct config_row kernel_rows[] = {
	{ "alloc", CONFIG_CHOICE, AT(alloc), "pages", 0, 0, allocs, "what is allocated" },
	{ "operations", CONFIG_SIZE, AT(operations), "100K", 1, MANY, NULL, "allocations in all" },
	{ "live", CONFIG_SIZE, AT(live), "1K", 1, 1ull << 24, NULL, "allocations alive at a time, then one is freed for each" },
	{ "lifetime", CONFIG_CHOICE, AT(lifetime), "random", 0, 0, lifetimes, "which one is freed" },
	{ "kept_percent", CONFIG_DECIMAL, AT(kept_percent), "0", 0, 100000, NULL, "percent of allocations never freed" },
	{ "type", CONFIG_CHOICE, AT(type), "unmovable", 0, 0, types, "pages: migrate type" },
	{ "cpus_allowed", CONFIG_NODES, AT(cpus), "none", 0, 0, NULL, "CPUs in turn; none: the first" },
	{ "device", CONFIG_UINT, AT(device), "1", 1, 65535, NULL, "dma: id of the device" },
	{ "rate", CONFIG_SIZE, AT(rate), "1M", 1, 1000000000, NULL, "operations a second of the trace's clock" },
};
static const struct gen_text_key kernel_texts[] = { { "orders", AT(orders) }, { "sizes", AT(sizes) } };
#undef AT

#define SECTION(name, rows, texts, nr) { name, { name, rows, ARRAY_SIZE(rows) }, texts, nr }
const struct gen_section gen_section_global = SECTION("global", global_rows, NULL, 0);
const struct gen_section gen_section_region = SECTION("region", region_rows, region_texts, ARRAY_SIZE(region_texts));
const struct gen_section gen_section_job = SECTION("job", job_rows, job_texts, ARRAY_SIZE(job_texts));
const struct gen_section gen_section_kernel = SECTION("kernel", kernel_rows, kernel_texts, ARRAY_SIZE(kernel_texts));

const char *gen_key(const char *section, size_t i)
{
	static const struct gen_section *const all[] = { &gen_section_global, &gen_section_region, &gen_section_job,
							 &gen_section_kernel };

	for (size_t s = 0; s < ARRAY_SIZE(all); s++) {
		size_t nr = all[s]->numbers.nr;

		if (strcmp(all[s]->name, section))
			continue;
		if (i < nr)
			return all[s]->numbers.rows[i].key;
		return i - nr < all[s]->nr_texts ? all[s]->texts[i - nr].key : NULL;
	}
	return NULL;
}
