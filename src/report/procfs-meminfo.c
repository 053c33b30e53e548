/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/meminfo and nodeN/meminfo. Kernel counterpart: fs/proc/meminfo.c, drivers/base/node.c,
 * mm/show_mem.c (si_mem_available), arch/x86/mm/pat/set_memory.c (DirectMap*).
 *
 * Simplified: without lists by age MemAvailable takes the page cache, less shmem, for the pages of the two file LRU
 * lists.
 */
#include <stdio.h>
#include <string.h>

#include "mm/hugetlb_pool.h"
#include "mm/memmap.h"
#include "mm/swapfile.h"
#include "mm/vmalloc.h"
#include "mm/zswap.h"
#include "report/procfs.h"

#define HUGE_PAGE_SHIFT(geo) ((geo)->level[1].shift)

uint64_t procfs_kb(const struct memory *mem, uint64_t pages)
{
	return pages << (mem->geo->page_shift - 10);
}

/* One line of /proc/meminfo, or of a node's. */
static void put_kb(struct procfs *p, const struct pglist_data *node, const char *name, uint64_t kb)
{
	if (node)
		strbuf_addf(&p->text, "Node %u ", node->node_id);
	procfs_kb_line(p, name, kb);
}

static void put_pages(struct procfs *p, const struct pglist_data *node, const char *name,
		      uint64_t pages)
{
	put_kb(p, node, name, procfs_kb(p->mem, pages));
}

/* A line that is one counter, in pages. */
static void put_counter(struct procfs *p, const struct pglist_data *node, const char *name,
			const char *key)
{
	put_pages(p, node, name, procfs_count(p, node, key, name));
}

static void put_sum(struct procfs *p, const struct pglist_data *node, const char *name,
		    const char *a, const char *b)
{
	put_pages(p, node, name, procfs_count(p, node, a, name) + procfs_count(p, node, b, name));
}

/* A counter of huge pages. */
static void put_huge(struct procfs *p, const struct pglist_data *node, const char *name,
		     const char *key)
{
	put_kb(p, node, name,
	       procfs_count(p, node, key, name) << (HUGE_PAGE_SHIFT(p->mem->geo) - 10));
}

static void put_unknown(struct procfs *p, const struct pglist_data *node, const char *name,
			const char *reason)
{
	procfs_unknown(p, name, reason);
	put_kb(p, node, name, 0);
}

static uint64_t value_of(struct procfs *p, const char *key)
{
	uint64_t value = 0;

	return procfs_counter(p->mem, NULL, NULL, key, &value) ? value : 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* mm/show_mem.c: si_mem_available() */
static uint64_t mem_available(struct procfs *p)
{
	const struct memory *mem = p->mem;
	uint64_t low = 0, free_pages = value_of(p, "nr_free_pages"), cache, reclaimable;
	int64_t available;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		for (unsigned z = 0; mem->nodes[n] && z < MAX_NR_ZONES; z++)
			low += mem->nodes[n]->node_zones[z].watermark[WMARK_LOW];
	cache = mem->lru_enabled ? value_of(p, "nr_active_file") + value_of(p, "nr_inactive_file") :
				   value_of(p, "nr_file_pages") - value_of(p, "nr_shmem");
	reclaimable = value_of(p, "nr_slab_reclaimable");
	available = (int64_t)(free_pages - mem->totalreserve_pages);
	available += (int64_t)(cache - min_u64(cache / 2, low));
	available += (int64_t)(reclaimable - min_u64(reclaimable / 2, low));
	return available > 0 ? (uint64_t)available : 0;
}

/* The lines from Active to Mlocked, the same for machine and node. */
static void put_lists(struct procfs *p, const struct pglist_data *node)
{
	put_sum(p, node, "Active", "nr_active_anon", "nr_active_file");
	put_sum(p, node, "Inactive", "nr_inactive_anon", "nr_inactive_file");
	put_counter(p, node, "Active(anon)", "nr_active_anon");
	put_counter(p, node, "Inactive(anon)", "nr_inactive_anon");
	put_counter(p, node, "Active(file)", "nr_active_file");
	put_counter(p, node, "Inactive(file)", "nr_inactive_file");
	put_counter(p, node, "Unevictable", "nr_unevictable");
	put_counter(p, node, "Mlocked", "nr_mlock");
}

static void put_slab(struct procfs *p, const struct pglist_data *node)
{
	put_sum(p, node, "Slab", "nr_slab_reclaimable", "nr_slab_unreclaimable");
	put_counter(p, node, "SReclaimable", "nr_slab_reclaimable");
	put_counter(p, node, "SUnreclaim", "nr_slab_unreclaimable");
}

static void put_kernel(struct procfs *p, const struct pglist_data *node)
{
	put_kb(p, node, "KernelStack", procfs_count(p, node, "nr_kernel_stack", "KernelStack"));
	put_counter(p, node, "PageTables", "nr_page_table_pages");
	put_counter(p, node, "SecPageTables", "nr_sec_page_table_pages");
	put_kb(p, node, "NFS_Unstable", 0);
	put_kb(p, node, "Bounce", 0);
	put_kb(p, node, "WritebackTmp", 0);
}

static void put_huge_lines(struct procfs *p, const struct pglist_data *node)
{
	put_huge(p, node, "AnonHugePages", "nr_anon_transparent_hugepages");
	put_huge(p, node, "ShmemHugePages", "nr_shmem_hugepages");
	put_huge(p, node, "ShmemPmdMapped", "nr_shmem_pmdmapped");
	put_huge(p, node, "FileHugePages", "nr_file_hugepages");
	put_huge(p, node, "FilePmdMapped", "nr_file_pmdmapped");
}

static uint64_t hugetlb_total_pages(const struct memory *mem)
{
	uint64_t pages = 0;

	for (unsigned i = 0; mem->hugetlb && i < mem->hugetlb->nr_hstates; i++)
		pages += mem->hugetlb->hstates[i].nr_huge_pages << mem->hugetlb->hstates[i].order;
	return pages;
}

static void put_commit(struct procfs *p)
{
	const struct memory *mem = p->mem;

	put_pages(p, NULL, "CommitLimit",
		  (mem->totalram_pages - hugetlb_total_pages(mem)) * mem->conf.overcommit_ratio / 100 +
			  total_swap_pages(mem));
	put_pages(p, NULL, "Committed_AS", mem->vm_committed_as);
}

static void put_vmalloc(struct procfs *p)
{
	const struct geometry *geo = p->mem->geo;
	struct vmalloc_stats s;

	vmalloc_stats(p->mem, &s);
	/* the last address, not the one behind it, ends the range of x86-64 */
	put_kb(p, NULL, "VmallocTotal",
	       (geo->vmalloc_end - geo->vmalloc_start - !strncmp(geo->name, "x86-64", 6)) >> 10);
	put_pages(p, NULL, "VmallocUsed", s.nr_vmalloc_pages);
	put_kb(p, NULL, "VmallocChunk", 0);
	put_unknown(p, NULL, "Percpu", "the kernel's per-CPU areas are part of memory.boot_reserved");
}

/* The pool of the default size; Hugetlb: of all. */
static void put_hugetlb(struct procfs *p)
{
	const struct hugetlb *pools = p->mem->hugetlb;
	const struct hstate *h = pools ? &pools->hstates[pools->default_hstate] : NULL;
	const struct {
		const char *name;
		uint64_t nr;
	} lines[] = {
		{"HugePages_Total", h ? h->nr_huge_pages : 0},
		{"HugePages_Free", h ? h->free_huge_pages : 0},
		{"HugePages_Rsvd", h ? h->resv_huge_pages : 0},
		{"HugePages_Surp", h ? h->surplus_huge_pages : 0},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		strbuf_addf(&p->text, "%s:%*llu\n", lines[i].name, (int)(23 - strlen(lines[i].name)),
			    (unsigned long long)lines[i].nr);
	put_kb(p, NULL, "Hugepagesize",
	       (h ? huge_page_size(h) : 1ull << HUGE_PAGE_SHIFT(p->mem->geo)) >> 10);
	put_pages(p, NULL, "Hugetlb", hugetlb_total_pages(p->mem));
}

/* Only x86 has these lines. */
static void put_direct_map(struct procfs *p)
{
	const struct geometry *geo = p->mem->geo;
	char name[24];

	if (strncmp(geo->name, "x86", 3))
		return;
	for (unsigned l = 0; l < geo->nr_levels; l++) {
		unsigned shift = geo->level[l].shift;

		if (!geo->level[l].may_leaf)
			continue;
		snprintf(name, sizeof(name), "DirectMap%u%c", 1u << shift % 10,
			 shift < 20 ? 'k' : shift < 30 ? 'M' : 'G');
		put_kb(p, NULL, name, p->mem->direct_map_pages[l] << (shift - 10));
	}
}

static void put_cma(struct procfs *p)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		for (unsigned z = 0; p->mem->nodes[n] && z < MAX_NR_ZONES; z++)
			pages += p->mem->nodes[n]->node_zones[z].cma_pages;
	if (!pages)
		return;
	put_pages(p, NULL, "CmaTotal", pages);
	put_counter(p, NULL, "CmaFree", "nr_free_cma");
}

static uint64_t all_of(const struct pglist_data *node, bool high_only, bool free_only)
{
	uint64_t pages = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (!high_only || z == ZONE_HIGHMEM)
			pages += free_only ? node->node_zones[z].vm_stat[NR_FREE_PAGES] :
					     node->node_zones[z].managed_pages;
	return pages;
}

static uint64_t whole(const struct memory *mem, bool high_only, bool free_only)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		pages += mem->nodes[n] ? all_of(mem->nodes[n], high_only, free_only) : 0;
	return pages;
}

/* Only a kernel with high memory has these lines. */
static void put_high(struct procfs *p)
{
	const struct memory *mem = p->mem;
	uint64_t total = whole(mem, true, false), free_pages = whole(mem, true, true);

	put_pages(p, NULL, "HighTotal", total);
	put_pages(p, NULL, "HighFree", free_pages);
	put_pages(p, NULL, "LowTotal", whole(mem, false, false) - total);
	put_pages(p, NULL, "LowFree", whole(mem, false, true) - free_pages);
}

static void put_swap(struct procfs *p)
{
	const struct zswap *zswap = p->mem->swap ? p->mem->swap->zswap : NULL;

	put_pages(p, NULL, "SwapTotal", total_swap_pages(p->mem));
	put_pages(p, NULL, "SwapFree", get_nr_swap_pages(p->mem));
	put_pages(p, NULL, "Zswap", zswap ? zswap_total_pages(zswap) : 0);
	put_pages(p, NULL, "Zswapped", zswap ? zswap->nr_stored : 0);
}

void procfs_meminfo(struct procfs *p)
{
	p->file = "proc/meminfo";
	put_pages(p, NULL, "MemTotal", p->mem->totalram_pages);
	put_counter(p, NULL, "MemFree", "nr_free_pages");
	put_pages(p, NULL, "MemAvailable", mem_available(p));
	put_unknown(p, NULL, "Buffers", "the page cache of block devices is not modelled");
	put_pages(p, NULL, "Cached",
		  value_of(p, "nr_file_pages") - value_of(p, "nr_swapcached"));
	put_counter(p, NULL, "SwapCached", "nr_swapcached");
	put_lists(p, NULL);
	if (p->mem->geo->lowmem_bytes)
		put_high(p);
	put_swap(p);
	put_counter(p, NULL, "Dirty", "nr_dirty");
	put_counter(p, NULL, "Writeback", "nr_writeback");
	put_counter(p, NULL, "AnonPages", "nr_anon_pages");
	put_counter(p, NULL, "Mapped", "nr_mapped");
	put_counter(p, NULL, "Shmem", "nr_shmem");
	put_sum(p, NULL, "KReclaimable", "nr_slab_reclaimable", "nr_kernel_misc_reclaimable");
	put_slab(p, NULL);
	put_kernel(p, NULL);
	put_commit(p);
	put_vmalloc(p);
	put_huge_lines(p, NULL);
	put_cma(p);
	put_kb(p, NULL, "Balloon", 0);
	put_hugetlb(p);
	put_direct_map(p);
	procfs_done(p, "proc/meminfo");
}

static void put_node_hugetlb(struct procfs *p, const struct pglist_data *node)
{
	const struct hugetlb *pools = p->mem->hugetlb;
	const struct hstate *h = pools ? &pools->hstates[pools->default_hstate] : NULL;
	unsigned n = node->node_id;

	strbuf_addf(&p->text,
		    "Node %u HugePages_Total: %5llu\nNode %u HugePages_Free:  %5llu\n"
		    "Node %u HugePages_Surp:  %5llu\n",
		    n, (unsigned long long)(h ? h->nr_node[n] : 0), n, (unsigned long long)(h ? h->free_node[n] : 0), n,
		    (unsigned long long)(h ? h->surplus_node[n] : 0));
}

void procfs_node_meminfo(struct procfs *p, const struct pglist_data *node)
{
	uint64_t total = all_of(node, false, false), free_pages = all_of(node, false, true);

	p->file = "sys/devices/system/node/nodeN/meminfo";
	put_pages(p, node, "MemTotal", total);
	put_pages(p, node, "MemFree", free_pages);
	put_pages(p, node, "MemUsed", total - free_pages);
	put_counter(p, node, "SwapCached", "nr_swapcached");
	put_lists(p, node);
	put_counter(p, node, "Dirty", "nr_dirty");
	put_counter(p, node, "Writeback", "nr_writeback");
	put_counter(p, node, "FilePages", "nr_file_pages");
	put_counter(p, node, "Mapped", "nr_mapped");
	put_counter(p, node, "AnonPages", "nr_anon_pages");
	put_counter(p, node, "Shmem", "nr_shmem");
	put_kernel(p, node);
	put_sum(p, node, "KReclaimable", "nr_slab_reclaimable", "nr_kernel_misc_reclaimable");
	put_slab(p, node);
	put_huge_lines(p, node);
	put_node_hugetlb(p, node);
	procfs_done(p, "sys/devices/system/node/node%u/meminfo", node->node_id);
}
