/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Virtually contiguous kernel memory. Kernel counterpart: mm/vmalloc.c of 6.18.
 *
 * Modelled: areas in [geometry->vmalloc_start, vmalloc_end) with a guard page each; free space in a red-black tree by
 * address that knows the largest area below each node, searched for the lowest that fits; freed areas stay lazy until
 * they are more than lazy_max_pages() (32 MiB times fls(CPUs)), then one flush of the kernel range that covers them
 * makes them free again; on 64-bit machines pools of areas up to 256 pages per vmap node (6.9), filled by purges, a
 * quarter of which each later purge gives back; memory by single pages from any zone, its order in PMD-sized pages
 * for vmalloc_huge() and kvmalloc() (kernel.huge_vmalloc); page tables that stay; the array of pages of each area, the vm_struct
 * and the vmap_area as objects of the slab allocator; ioremap with the largest pages that fit.
 * Simplified: one tree of areas in use instead of one per node; a purge runs at once, where the kernel leaves it to a
 * worker; a free area's own vmap_area object is counted, the spare one per CPU is not.
 * Left out: vm_map_ram and its per-CPU blocks, the areas of percpu chunks, modules and BPF (execmem).
 *
 * Interface:
 *   - vmalloc(), vmalloc_huge(), vmalloc_node_flags(), vfree(); vmalloc_to_pfn()
 *   - get_vm_area(), free_vm_area(): address space without memory
 *   - ioremap(), iounmap(): device memory
 *   - vm_unmap_aliases(): purges now
 *   - vmalloc_stats(): for the report
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include "base/strbuf.h"
#include "mm/kaddr.h"

/* flags of an area */
#define VMAP_IOREMAP	(1u << 0)
#define VMAP_ALLOC	(1u << 1)	/* has memory of its own */
#define VMAP_ALLOW_HUGE	(1u << 2)
#define VMAP_NO_GUARD	(1u << 3)

struct vm_struct {
	kaddr_t addr;
	uint64_t size;		/* bytes, the guard page not included */
	unsigned flags;
	unsigned page_order;	/* of its memory */
	uint32_t nr_pages;	/* of its memory */
	kaddr_t pages;		/* the kernel's array of struct page pointers: from kmalloc, or vmalloc when large */
	bool pages_vmalloced;
	uint64_t kobj;		/* the kernel's vm_struct */
};

struct vmalloc_stats {
	uint64_t nr_areas;		/* in use */
	uint64_t used_bytes;		/* of these areas, guard pages included */
	uint64_t nr_vmalloc_pages;	/* VmallocUsed of /proc/meminfo */
	uint64_t nr_ioremap_pages;
	uint64_t nr_lazy_pages;		/* freed, not purged yet */
	uint64_t nr_pooled_areas;	/* purged, kept for the next of their size */
	uint64_t nr_free_areas;
	uint64_t largest_free_bytes;	/* of the tree */
	uint64_t total_bytes;		/* VmallocTotal */
	uint64_t allocs, frees, failed;	/* areas */
	uint64_t pool_hits;
	uint64_t huge_areas;		/* made with PMD-sized pages */
	uint64_t purges, purged_areas;
	uint64_t flushes;		/* flush_tlb_kernel_range() of purges */
	uint64_t peak_pages;		/* largest nr_vmalloc_pages */
};

/*
 * nid: NUMA_NO_NODE for the CPU's. Sizes are rounded up to pages. 0: no memory, no address space, or size 0. On 32-bit
 * machines high memory serves first, unless gfp names a zone.
 */
kaddr_t vmalloc(struct memory *mem, uint64_t size, gfp_t gfp, int nid);
kaddr_t vmalloc_huge(struct memory *mem, uint64_t size, gfp_t gfp, int nid);
/* align: bytes, a power of two, or 0 for a page. vm_flags: VMAP_ALLOW_HUGE, VMAP_NO_GUARD. */
kaddr_t vmalloc_node_flags(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid, unsigned vm_flags);
/* 0 is nothing; an address that no area starts at is a bug (ask find_vm_area() where input decides). */
void vfree(struct memory *mem, kaddr_t addr);

/* The area that starts at addr, NULL for none. */
const struct vm_struct *find_vm_area(const struct memory *mem, kaddr_t addr);
/* The first area at or behind addr, NULL behind the last: for a walk over all, by address. */
const struct vm_struct *next_vm_area(const struct memory *mem, kaddr_t addr);
/* Frame behind an address of an area with memory; PFN_NONE where nothing is mapped. */
pfn_t vmalloc_to_pfn(const struct memory *mem, kaddr_t addr);

/* Address space alone. 0: none free, or no memory for the kernel's structs. */
kaddr_t get_vm_area(struct memory *mem, uint64_t size, uint64_t align, unsigned vm_flags);
void free_vm_area(struct memory *mem, kaddr_t addr);

/* Device memory from a physical address on. 0 as above. */
kaddr_t ioremap(struct memory *mem, uint64_t phys, uint64_t size);
void iounmap(struct memory *mem, kaddr_t addr);

/* Everything that is lazy is flushed and becomes free; so do the pools. */
void vm_unmap_aliases(struct memory *mem);
uint64_t lazy_max_pages(const struct memory *mem);

void vmalloc_stats(const struct memory *mem, struct vmalloc_stats *ret);

/* Called by memory_create() and memory_destroy(). */
void vmalloc_init(struct memory *mem);
void vmalloc_finish(struct memory *mem);
/* Areas, free space, lazy and pooled areas partition the range; page tables and counts agree. */
bool vmalloc_consistent(const struct memory *mem, struct strbuf *why);

#endif
