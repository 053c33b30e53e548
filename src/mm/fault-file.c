/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Faults of file memory and special mappings: see fault.h. */
#include <string.h>

#include "mm/anon_vma.h"
#include "mm/fault-internal.h"
#include "mm/filemap_fault.h"
#include "mm/fs_writeback.h"
#include "mm/kentry.h"
#include "mm/memcg.h"
#include "mm/lru.h"
#include "mm/page_alloc.h"
#include "mm/remap_pfn.h"
#include "mm/rmap.h"
#include "mm/vma_policy.h"

/*
 * Pages that are mapped around a fault count as used on x86 and POWER, whose protections have the accessed bit, but not where hardware sets it
 * and the kernel cares (arch_wants_old_prefaulted_pte: arm64, RISC-V).
 */
static bool prefaulted_is_young(const struct geometry *geo)
{
	return geo->name[0] != 'a' && geo->name[0] != 'r';	/* arm64..., riscv...: asked at each fault */
}

/* Maps `nr` pages of one folio, from pfn on at `addr`, where the entries are empty (set_pte_range). */
static unsigned set_pte_range(struct vm_fault *vmf, pfn_t pfn, uint64_t addr, unsigned nr)
{
	const struct geometry *geo = vmf->mem->geo;
	unsigned index = pte_index(geo, vmf->table, addr), done = 0;
	uint64_t prot = vma_page_prot(vmf->vma) | (prefaulted_is_young(geo) ? PTE_ACCESSED : 0);
	bool small = !(pfn_to_page(vmf->mem, pfn)->flags & (PG_HEAD | PG_TAIL));

	for (unsigned i = 0; i < nr; i++) {
		bool wanted = index + i == vmf->index;

		if (!pte_none(vmf->table->ent[index + i]))
			continue;
		pte_set(vmf->table, index + i, pfn_pte(pfn + i, prot | (wanted ? PTE_ACCESSED : 0)));
		folio_add_rmap_pte(vmf->mem, pfn + i);
		if (small)
			mlock_vma_folio(vmf->mem, pfn, vmf->vma);
		done++;
	}
	pfn_to_page(vmf->mem, folio_pfn(vmf->mem, pfn))->_refcount += (int32_t)done;
	vmf->vma->vm_mm->rss_stat[file_counter(vmf)] += done;
	if (vmf->mem->writeback)
		vmf->mem->writeback->bytes_mapped += (uint64_t)done << geo->page_shift;
	return done;
}

/*
 * How a folio can be mapped whole: inside the area, inside one table, inside the file. Then *pfn, *addr and *nr
 * are moved to its first page; else they are left alone.
 */
static void widen_to_folio(const struct vm_fault *vmf, pfn_t *pfn, uint64_t *addr, unsigned *nr)
{
	const struct geometry *geo = vmf->mem->geo;
	pfn_t head = folio_pfn(vmf->mem, *pfn);
	const struct page *page = pfn_to_page(vmf->mem, head);
	uint64_t size = 1ull << (geo->page_shift + page_order(page));
	uint64_t before = (uint64_t)(*pfn - head) << geo->page_shift, first, last;
	unsigned shift = geo->level[1].shift;

	if (!(page->flags & PG_HEAD) || !vmf->mem->conf.fault_around_folio || *addr < before)
		return;
	first = *addr - before;
	last = first + size - 1;
	if (first < vmf->vma->vm_start || last >= vmf->vma->vm_end || first >> shift != last >> shift)
		return;
	if (page->index + (1u << page_order(page)) > mapping_nr_pages(vmf->mem, vmf->vma->vm_mapping))
		return;
	*pfn = head;
	*addr = first;
	*nr = 1u << page_order(page);
}

/*
 * Since 6.18 (kept with its other key) fault-around gives up where there is no table yet and the first folio that
 * it finds, which ends before page `folio_end`, reaches the end of the file (can_map_large in filemap_map_pages).
 */
static bool may_install_table(const struct vm_fault *vmf, uint64_t folio_end)
{
	const struct address_space *mapping = vmf->vma->vm_mapping;

	return vmf->table || mapping->is_shmem || !vmf->mem->conf.fault_around_folio ||
	       folio_end < mapping_nr_pages(vmf->mem, mapping);
}

/* Making the table may reclaim, but not the folio. */
static bool table_for(struct vm_fault *vmf, pfn_t head)
{
	bool ok;

	if (likely(vmf->table))
		return true;
	get_page(vmf->mem, head);
	ok = fault_pte_alloc(vmf);
	put_page(vmf->mem, head);
	return ok;
}

/*
 * Maps what the cache holds around the fault: pages of the file from `start` to `end` (inclusive), the first at
 * addr (filemap_map_pages). True when the page that faulted is among them.
 */
static bool filemap_map_pages(struct vm_fault *vmf, uint64_t start, uint64_t end, uint64_t addr)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	unsigned page_shift = vmf->mem->geo->page_shift;
	uint64_t index = start, value, hits = 0;
	unsigned mapped = 0;

	end = min_u64(end, mapping_nr_pages(vmf->mem, mapping) - 1);
	while (index <= end && radix_next(&mapping->pages, index, &index, &value) && index <= end) {
		pfn_t pfn = (pfn_t)(value - 1), head = folio_pfn(vmf->mem, pfn);
		const struct page *folio = pfn_to_page(vmf->mem, head);
		uint64_t next = folio->index + (1ull << page_order(folio));
		uint64_t at = addr + ((index - start) << page_shift);
		unsigned nr = (unsigned)(min_u64(next, end + 1) - index);

		index = next;
		if ((folio->flags & (PG_READAHEAD | PG_UPTODATE)) != PG_UPTODATE || folio_is_read(vmf->mem, head))
			continue;
		/* A window with nothing in the cache leaves no table behind. */
		if (!may_install_table(vmf, next) || !table_for(vmf, head))
			return false;
		widen_to_folio(vmf, &pfn, &at, &nr);
		hits += folio->flags & PG_WORKINGSET ? 0 : nr;
		mapped += set_pte_range(vmf, pfn, at, nr);
	}
	filemap_fault_hits(mapping, hits);
	if (!vmf->table || pte_none(vmf->table->ent[vmf->index])) {
		count_vm_events(vmf->mem, FAULT_AROUND, mapped);
		return false;
	}
	count_vm_events(vmf->mem, FAULT_AROUND, mapped - 1);
	return true;
}

/*
 * The window is fault_around_bytes, aligned, cut to the area and to the table (do_fault_around); when the area
 * starts inside it the window keeps its length.
 */
static bool do_fault_around(struct vm_fault *vmf)
{
	const struct geometry *geo = vmf->mem->geo;
	uint64_t nr = vmf->mem->conf.fault_around_bytes >> geo->page_shift;
	uint64_t entries = 1ull << geo->level[0].bits;
	uint64_t vma_off = vmf->pgoff - file_index(vmf->mem, vmf->vma->vm_pgoff);
	uint64_t pte_off = geometry_index(geo, 0, vmf->address), from, to;

	if (nr <= 1)
		return false;
	from = pte_off & ~(nr - 1);
	if (from < pte_off - min_u64(pte_off, vma_off))
		from = pte_off - min_u64(pte_off, vma_off);
	to = min_u64(from + nr, entries);
	to = min_u64(to, pte_off + vma_pages(vmf->vma) - vma_off) - 1;
	return filemap_map_pages(vmf, vmf->pgoff + from - pte_off, vmf->pgoff + to - pte_off,
				 vmf->address - ((pte_off - from) << geo->page_shift));
}

/* The page of the file behind the fault (vm_ops->fault), with a reference of its folio. */
static vm_fault_t do_file_page(struct vm_fault *vmf, pfn_t *ret_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	bool major, waited;

	if (vmf->pgoff >= mapping_nr_pages(vmf->mem, mapping))
		return VM_FAULT_SIGBUS;
	*ret_pfn = filemap_fault(vmf, &major, &waited);
	if (*ret_pfn == PFN_NONE)
		return VM_FAULT_OOM;
	if (major)
		count_vm_memcg_events(vmf->mem, vmf->vma->vm_mm->memcg, PGMAJFAULT, 1);
	return (major ? VM_FAULT_MAJOR : 0) | (waited ? VM_FAULT_WAITED : 0);
}

static void put_file_page(struct vm_fault *vmf, pfn_t pfn)
{
	put_page(vmf->mem, folio_pfn(vmf->mem, pfn));
}

/* Maps the page, or the whole folio where that may be (finish_fault). */
static vm_fault_t finish_fault(struct vm_fault *vmf, pfn_t pfn)
{
	uint64_t addr = vmf->address;
	unsigned nr = 1;

	if (!fault_pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (!vmf->vma->vm_mapping->is_shmem || !is_write(vmf))
		widen_to_folio(vmf, &pfn, &addr, &nr);
	set_pte_range(vmf, pfn, addr, nr);
	return 0;
}

static vm_fault_t do_read_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;
	pfn_t pfn;

	if (do_fault_around(vmf))
		return leaf(vmf, FAULT_FILE_READ);
	ret = do_file_page(vmf, &pfn);
	if (ret & VM_FAULT_ERROR)
		return ret;
	/* A page that is being read is waited for without the lock: the kernel then starts again. */
	if (!(ret & (VM_FAULT_MAJOR | VM_FAULT_WAITED) && do_fault_around(vmf)))
		ret |= finish_fault(vmf, pfn);
	put_file_page(vmf, pfn);
	if (ret & VM_FAULT_ERROR)
		return ret;
	return ret | leaf(vmf, FAULT_FILE_READ);
}

/* The area's own copy, charged, before the file's page is looked for. */
static pfn_t alloc_cow_page(struct vm_fault *vmf)
{
	pfn_t pfn = ktouch_new_frame(vmf->mem, vma_alloc_folio(vmf->vma, vmf->address, 0, GFP_HIGHUSER_MOVABLE));

	if (pfn != PFN_NONE && !mem_cgroup_charge(vmf->mem, pfn, vmf->vma->vm_mm, GFP_KERNEL)) {
		put_page(vmf->mem, pfn);
		return PFN_NONE;
	}
	return pfn;
}

static vm_fault_t do_cow_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;
	pfn_t file_pfn, pfn;

	if (!anon_vma_prepare(vmf->vma))
		return VM_FAULT_OOM;
	pfn = alloc_cow_page(vmf);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	ret = do_file_page(vmf, &file_pfn);
	if (!(ret & VM_FAULT_ERROR) && !fault_pte_alloc(vmf)) {
		put_file_page(vmf, file_pfn);
		ret = VM_FAULT_OOM;
	}
	if (ret & VM_FAULT_ERROR) {
		put_page(vmf->mem, pfn);
		return ret;
	}
	copy_highpage(vmf->mem, pfn, file_pfn);
	put_file_page(vmf, file_pfn);
	map_anon_page(vmf, pfn);
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES]++;
	return ret | leaf(vmf, FAULT_FILE_COW);
}

void fault_dirty_shared_page(struct vm_fault *vmf, pfn_t pfn)
{
	folio_mark_dirty(vmf->mem, folio_pfn(vmf->mem, pfn));
	if (!vmf->vma->vm_mapping->is_shmem)
		balance_dirty_pages_ratelimited(vmf->mem);
}

static vm_fault_t do_shared_fault(struct vm_fault *vmf)
{
	pfn_t pfn;
	vm_fault_t ret = do_file_page(vmf, &pfn);

	if (ret & VM_FAULT_ERROR)
		return ret;
	ret |= finish_fault(vmf, pfn);
	if (!(ret & VM_FAULT_ERROR)) {
		pte_set(vmf->table, vmf->index, mk_writable(vmf, pfn));
		fault_dirty_shared_page(vmf, pfn);
	}
	put_file_page(vmf, pfn);
	return ret & VM_FAULT_ERROR ? ret : ret | leaf(vmf, FAULT_FILE_SHARED);
}

/* The vdso's pages are the kernel's, shared by all, and count as file pages where they are mapped. */
static pfn_t vdso_page(struct vm_fault *vmf)
{
	struct memory *mem = vmf->mem;
	uint64_t index = (vmf->address - vmf->vma->vm_start) >> mem->geo->page_shift;
	pfn_t pfn;

	if (!mem->vdso)
		mem->vdso = mapping_new_kernel(mem);
	pfn = filemap_find(mem->vdso, index);
	return pfn != PFN_NONE ? pfn : filemap_add_folio(mem, mem->vdso, index, 0);
}

static vm_fault_t map_vdso(struct vm_fault *vmf)
{
	pfn_t pfn = vdso_page(vmf);

	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	pte_set(vmf->table, vmf->index, pfn_pte(pfn, vma_page_prot(vmf->vma) | PTE_ACCESSED));
	get_page(vmf->mem, pfn);
	folio_add_rmap_pte(vmf->mem, pfn);
	vmf->vma->vm_mm->rss_stat[MM_FILEPAGES]++;
	return leaf(vmf, FAULT_SPECIAL);
}

/* vdso, vvar, device memory: one entry at a time. What is no page of memory counts nowhere. */
static vm_fault_t do_special_fault(struct vm_fault *vmf)
{
	const char *name = vmf->vma->vm_name;
	pfn_t pfn = vmf->mem->zero_pfn;	/* vvar: a frame of the kernel */

	if (!fault_pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (name && !strcmp(name, "[vdso]"))
		return map_vdso(vmf);
	if (vmf->vma->vm_mapping && vmf->vma->vm_mapping->is_device)
		pfn = device_pfn(vmf->vma, vmf->address);
	pte_set(vmf->table, vmf->index,
		pfn_pte(pfn, vma_page_prot(vmf->vma) | PTE_SPECIAL | PTE_ACCESSED));
	return leaf(vmf, FAULT_SPECIAL);
}

vm_fault_t do_fault(struct vm_fault *vmf)
{
	uint64_t vm_flags = vmf->vma->vm_flags;

	if (vm_flags & (VM_SPECIAL_MAP | VM_PFNMAP | VM_IO))
		return do_special_fault(vmf);
	if (!is_write(vmf))
		return do_read_fault(vmf);
	if (!(vm_flags & VM_SHARED))
		return do_cow_fault(vmf);
	return do_shared_fault(vmf);
}
