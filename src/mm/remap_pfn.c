/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Entries for the memory of devices: see remap_pfn.h. */
#include "mm/remap_pfn.h"

#include "mm/highmem.h"
#include "mm/pgtable.h"
#include "mm/vma.h"

bool device_maps_eagerly(const struct vm_area_struct *vma)
{
	const struct address_space *mapping = vma->vm_mapping;

	return mapping && mapping->is_device &&
	       vma->vm_mm->mem->conf.device_mmap == DEVICE_MMAP_EAGER &&
	       vma_pages(vma) <= DEVICE_EAGER_PAGES;
}

pfn_t device_pfn(const struct vm_area_struct *vma, uint64_t addr)
{
	const struct memory *mem = vma->vm_mm->mem;
	unsigned shift = mem->geo->page_shift;
	uint64_t index = (vma->vm_pgoff >> (shift - 12)) + ((addr - vma->vm_start) >> shift);
	uint64_t slots = ((uint64_t)PFN_NONE - mem->max_pfn) / DEVICE_FRAMES;
	uint64_t slot = slots ? vma->vm_mapping->file % slots : 0;

	return (pfn_t)(mem->max_pfn + slot * DEVICE_FRAMES + index % DEVICE_FRAMES);
}

bool remap_pfn_range(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct geometry *geo = mm->mem->geo;
	uint64_t prot = vma_page_prot(vma) | PTE_SPECIAL;

	for (uint64_t addr = vma->vm_start, next; addr < vma->vm_end; addr = next) {
		struct pgtable *table = pgtable_alloc(mm, addr, 0);

		next = geometry_addr_end(geo, 1, addr, vma->vm_end);
		if (!table)
			return false;
		map_pte_table(mm->mem, table);
		for (; addr < next; addr += 1ull << geo->page_shift)
			pte_set(table, pte_index(geo, table, addr), pfn_pte(device_pfn(vma, addr), prot));
	}
	return true;
}
