/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The kernel's half of the page tables. Kernel counterpart: mm/init-mm.c, arch/x86/mm/init.c (init_memory_mapping),
 * init_64.c (kernel_physical_mapping_init, vmemmap_populate), pgtable.c (pgd_ctor).
 *
 * memory->init_mm is an mm_struct without areas. Where one root table serves both halves (x86, RISC-V) its entries of
 * the kernel's half stand in every root table; where the halves have a root each (arm64) there is one for all. A
 * context switch changes the user half only, and what the kernel maps is global in the TLB.
 *
 * Modelled: the direct map of all memory (to geometry->lowmem_bytes) with the largest pages that alignment and
 * the machine allow; on x86 the first MiB apart, so that the first 2 MiB are small pages, and on 32-bit x86 the
 * whole first large page; the virtual mem_map; the image of the kernel; the upper tables of the vmalloc area (on
 * four levels and more); tables that vmalloc adds, which are never freed. The tables made at boot stand in memory that boot
 * took (memory.boot_reserved) while that has room, and count nowhere; later ones count in nr_page_table_pages.
 * Simplified: nodes' mem_maps are mapped by large pages from the boundary below them on; physical memory starts at 0.
 * Left out: page-table isolation, modules, fixed mappings, areas per CPU, changes of
 * permissions, which split large pages of the direct map after boot.
 *
 * Interface:
 *   - init_mm_create(), init_mm_destroy(): of memory_create() and memory_destroy()
 *   - kernel_map(), kernel_unmap(): what vmalloc and ioremap do
 *   - kernel_walk(): the entry that translates a kernel address
 *   - page_kaddr(), image_kaddr(): where the kernel has its struct page, and its code
 */
#ifndef MM_INIT_MM_H
#define MM_INIT_MM_H

#include "base/strbuf.h"
#include "mm/kaddr.h"
#include "mm/pgtable.h"

#define STRUCT_PAGE_BYTES	64	/* of the simulated kernel */
#define PAGE_KERNEL	(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX)
#define PAGE_KERNEL_EXEC (PAGE_KERNEL & ~PTE_NX)

/* False: no memory for the tables. */
bool init_mm_create(struct memory *mem);
void init_mm_destroy(struct memory *mem);

/*
 * Maps nr frames from pfn on at addr (page aligned) with leaves of at most `max_level`. False: no memory for a
 * table; what was mapped stays. nr_leaves, when not NULL: leaves by level are added.
 */
bool kernel_map(struct memory *mem, kaddr_t addr, pfn_t pfn, uint64_t nr, uint64_t prot, unsigned max_level,
		uint64_t *nr_leaves);
/* The leaves of [addr, end) go, the tables stay. No flush. */
void kernel_unmap(struct memory *mem, kaddr_t addr, kaddr_t end);
/* The entry where a walk for a kernel address ends; *ret_level: of that entry. */
pte_t *kernel_walk(const struct memory *mem, kaddr_t addr, unsigned *ret_level);
/* The root table that translates kernel addresses while mm (may be NULL) is loaded. */
struct pgtable *kernel_root(const struct memory *mem, const struct mm_struct *mm);

/* Address of the kernel's own struct page; 0 where the mem_map is not mapped virtually (32-bit), or not kept. */
kaddr_t page_kaddr(const struct memory *mem, pfn_t pfn);
/* Address of a byte of the kernel's image. */
kaddr_t image_kaddr(const struct memory *mem, uint64_t offset);

bool init_mm_consistent(const struct memory *mem, struct strbuf *why);

#endif
