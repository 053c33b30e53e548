/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page faults: see fault.h. The tree reads from the bottom up. */
#include "mm/fault.h"

#include <string.h>

#include "mm/anon_vma.h"
#include "mm/demotion.h"
#include "mm/filemap.h"
#include "mm/highmem.h"
#include "mm/huge_memory.h"
#include "mm/kentry.h"
#include "mm/lru.h"
#include "mm/numa_balancing.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/remap_pfn.h"
#include "mm/rmap.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

#define MAX_DEMOTION_TRIES 16

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static vm_fault_t leaf(struct vm_fault *vmf, enum vm_event_item item)
{
	count_vm_event(vmf->mem, item);
	return 0;
}

/* The table of base entries, made when it is missing. False: no memory. */
static bool pte_alloc(struct vm_fault *vmf)
{
	if (vmf->table)
		return true;
	vmf->table = pgtable_alloc(vmf->vma->vm_mm, vmf->address, 0);
	map_pte_table(vmf->mem, vmf->table);
	return vmf->table;
}

static pte_t mk_writable(const struct vm_fault *vmf, pfn_t pfn)
{
	uint64_t prot = vma_page_prot(vmf->vma) | PTE_ACCESSED | PTE_DIRTY;

	if (vmf->vma->vm_flags & VM_WRITE)
		prot |= PTE_WRITE;
	return pfn_pte(pfn, prot);
}

static bool is_write(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_WRITE;
}

/* ---- anonymous memory ---- */

static vm_fault_t map_zero_page(struct vm_fault *vmf)
{
	uint64_t prot = vma_page_prot(vmf->vma) & ~PTE_WRITE;

	pte_set(vmf->table, vmf->index,
		pfn_pte(vmf->mem->zero_pfn, prot | PTE_SPECIAL | PTE_ACCESSED));
	return leaf(vmf, FAULT_ANON_ZERO);
}

/* A page of the area's own, with __GFP_ZERO a zeroed one. PFN_NONE: no memory. */
static pfn_t alloc_anon_page(struct vm_fault *vmf, gfp_t zero)
{
	pfn_t pfn;

	if (!anon_vma_prepare(vmf->vma))
		return PFN_NONE;
	pfn = vma_alloc_folio(vmf->vma, vmf->address, 0, GFP_HIGHUSER_MOVABLE | zero);
	if (zero)
		clear_highpages(vmf->mem, pfn, 1);
	return ktouch_new_frame(vmf->mem, pfn);
}

static void map_anon_page(struct vm_fault *vmf, pfn_t pfn)
{
	folio_add_new_anon_rmap(vmf->mem, pfn, vmf->vma, vmf->address);
	folio_add_lru(vmf->mem, pfn);
	pte_set(vmf->table, vmf->index, mk_writable(vmf, pfn));
}

static vm_fault_t do_anonymous_page(struct vm_fault *vmf)
{
	pfn_t pfn;

	if (vmf->vma->vm_flags & VM_SHARED)
		return VM_FAULT_SIGBUS;
	if (!pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (!is_write(vmf))
		return map_zero_page(vmf);
	pfn = alloc_anon_page(vmf, __GFP_ZERO);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	map_anon_page(vmf, pfn);
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES]++;
	return leaf(vmf, FAULT_ANON_ALLOC);
}

/* ---- file memory ---- */

static enum mm_counter file_counter(const struct vm_fault *vmf)
{
	return vmf->vma->vm_mapping->is_shmem ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* Maps `nr` pages of one folio, from pfn on at `addr`, where the entries are empty (set_pte_range). */
static unsigned set_pte_range(struct vm_fault *vmf, pfn_t pfn, uint64_t addr, unsigned nr)
{
	const struct geometry *geo = vmf->mem->geo;
	unsigned index = pte_index(geo, vmf->table, addr), done = 0;
	uint64_t prot = vma_page_prot(vmf->vma);

	for (unsigned i = 0; i < nr; i++) {
		bool wanted = index + i == vmf->index;

		if (!pte_none(vmf->table->ent[index + i]))
			continue;
		pte_set(vmf->table, index + i, pfn_pte(pfn + i, prot | (wanted ? PTE_ACCESSED : 0)));
		folio_add_rmap_pte(vmf->mem, pfn + i);
		done++;
	}
	pfn_to_page(vmf->mem, folio_pfn(vmf->mem, pfn))->_refcount += (int32_t)done;
	vmf->vma->vm_mm->rss_stat[file_counter(vmf)] += done;
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

/*
 * Maps what the cache holds around the fault: pages of the file from `start` to `end` (inclusive), the first at
 * addr (filemap_map_pages). True when the page that faulted is among them.
 */
static bool filemap_map_pages(struct vm_fault *vmf, uint64_t start, uint64_t end, uint64_t addr)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	unsigned page_shift = vmf->mem->geo->page_shift;
	uint64_t index = start, value;
	unsigned mapped = 0;

	end = min_u64(end, mapping_nr_pages(vmf->mem, mapping) - 1);
	while (index <= end && radix_next(&mapping->pages, index, &index, &value) && index <= end) {
		pfn_t pfn = (pfn_t)(value - 1), head = folio_pfn(vmf->mem, pfn);
		const struct page *folio = pfn_to_page(vmf->mem, head);
		uint64_t next = folio->index + (1ull << page_order(folio));
		uint64_t at = addr + ((index - start) << page_shift);
		unsigned nr = (unsigned)(min_u64(next, end + 1) - index);

		index = next;
		if ((folio->flags & (PG_READAHEAD | PG_UPTODATE)) != PG_UPTODATE)
			continue;
		/* A window with nothing in the cache leaves no table behind. */
		if (!may_install_table(vmf, next) || !pte_alloc(vmf))
			return false;
		widen_to_folio(vmf, &pfn, &at, &nr);
		mapped += set_pte_range(vmf, pfn, at, nr);
	}
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

/* The page of the file behind the fault (vm_ops->fault). */
static vm_fault_t do_file_page(struct vm_fault *vmf, pfn_t *ret_pfn)
{
	struct address_space *mapping = vmf->vma->vm_mapping;
	bool major;

	if (vmf->pgoff >= mapping_nr_pages(vmf->mem, mapping))
		return VM_FAULT_SIGBUS;
	*ret_pfn = filemap_fault(vmf->mem, mapping, vmf->pgoff, vmf->vma->vm_flags & VM_RAND_READ, &major);
	if (*ret_pfn == PFN_NONE)
		return VM_FAULT_OOM;
	if (major)
		count_vm_event(vmf->mem, PGMAJFAULT);
	return major ? VM_FAULT_MAJOR : 0;
}

/* Maps the page, or the whole folio where that may be (finish_fault). */
static vm_fault_t finish_fault(struct vm_fault *vmf, pfn_t pfn)
{
	uint64_t addr = vmf->address;
	unsigned nr = 1;

	if (!pte_alloc(vmf))
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
	/* A page that had to be read is waited for without the lock: the kernel then starts again. */
	if (!(ret & VM_FAULT_MAJOR && do_fault_around(vmf)))
		ret |= finish_fault(vmf, pfn);
	if (ret & VM_FAULT_ERROR)
		return ret;
	return ret | leaf(vmf, FAULT_FILE_READ);
}

static vm_fault_t do_cow_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;
	pfn_t file_pfn, pfn;

	if (!anon_vma_prepare(vmf->vma))
		return VM_FAULT_OOM;
	pfn = ktouch_new_frame(vmf->mem, vma_alloc_folio(vmf->vma, vmf->address, 0, GFP_HIGHUSER_MOVABLE));
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	ret = do_file_page(vmf, &file_pfn);
	if (!(ret & VM_FAULT_ERROR) && !pte_alloc(vmf))
		ret = VM_FAULT_OOM;
	if (ret & VM_FAULT_ERROR) {
		put_page(vmf->mem, pfn);
		return ret;
	}
	copy_highpage(vmf->mem, pfn, file_pfn);
	map_anon_page(vmf, pfn);
	vmf->vma->vm_mm->rss_stat[MM_ANONPAGES]++;
	return ret | leaf(vmf, FAULT_FILE_COW);
}

static vm_fault_t do_shared_fault(struct vm_fault *vmf)
{
	pfn_t pfn;
	vm_fault_t ret = do_file_page(vmf, &pfn);

	if (!(ret & VM_FAULT_ERROR))
		ret |= finish_fault(vmf, pfn);
	if (ret & VM_FAULT_ERROR)
		return ret;
	pte_set(vmf->table, vmf->index, mk_writable(vmf, pfn));
	return ret | leaf(vmf, FAULT_FILE_SHARED);
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

	if (!pte_alloc(vmf))
		return VM_FAULT_OOM;
	if (name && !strcmp(name, "[vdso]"))
		return map_vdso(vmf);
	if (vmf->vma->vm_mapping && vmf->vma->vm_mapping->is_device)
		pfn = device_pfn(vmf->vma, vmf->address);
	pte_set(vmf->table, vmf->index,
		pfn_pte(pfn, vma_page_prot(vmf->vma) | PTE_SPECIAL | PTE_ACCESSED));
	return leaf(vmf, FAULT_SPECIAL);
}

static vm_fault_t do_fault(struct vm_fault *vmf)
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

/* ---- write faults on present entries ---- */

static vm_fault_t wp_page_reuse(struct vm_fault *vmf, enum vm_event_item item)
{
	pte_t pte = vmf->orig;

	pte.pte |= PTE_WRITE | PTE_DIRTY | PTE_ACCESSED;
	pte_set(vmf->table, vmf->index, pte);
	count_vm_event(vmf->mem, PGREUSE);
	return leaf(vmf, item);
}

/* The page moves from the entry: a copy (or a zeroed page for the zero page) takes its place. */
static vm_fault_t wp_page_copy(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	bool special = vmf->orig.pte & PTE_SPECIAL;
	pfn_t old = pte_pfn(vmf->orig), pfn;
	bool zero = special && old == vmf->mem->zero_pfn;

	pfn = alloc_anon_page(vmf, zero ? __GFP_ZERO : 0);
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	if (!special)
		copy_highpage(vmf->mem, pfn, old);
	if (special) {
		mm->rss_stat[MM_ANONPAGES]++;
	} else if (!(pfn_to_page(vmf->mem, old)->flags & PG_ANON)) {
		mm->rss_stat[file_counter(vmf)]--;
		mm->rss_stat[MM_ANONPAGES]++;
	}
	map_anon_page(vmf, pfn);
	flush_tlb_page(mm, vmf->address);
	if (special)
		return leaf(vmf, zero ? FAULT_WP_ZERO : FAULT_WP_COPY);
	folio_remove_rmap_pte(vmf->mem, old);
	put_page(vmf->mem, folio_pfn(vmf->mem, old));
	return leaf(vmf, FAULT_WP_COPY);
}

/* An anonymous page may be kept when nobody else can see it (wp_can_reuse_anon_folio). */
static bool can_reuse_anon(struct vm_fault *vmf, pfn_t pfn)
{
	struct page *page = pfn_to_page(vmf->mem, pfn);
	const struct page *head = pfn_to_page(vmf->mem, folio_pfn(vmf->mem, pfn));

	if (!(page->flags & PG_ANON))
		return false;
	if (page->flags & PG_ANON_EXCLUSIVE)
		return true;
	if (head->_refcount != 1)
		return false;
	page->flags |= PG_ANON_EXCLUSIVE;
	return true;
}

static vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	bool special = vmf->orig.pte & PTE_SPECIAL;

	if (vmf->vma->vm_flags & VM_SHARED)
		return wp_page_reuse(vmf, FAULT_WP_SHARED);
	if (!special && can_reuse_anon(vmf, pte_pfn(vmf->orig)))
		return wp_page_reuse(vmf, FAULT_WP_REUSE);
	return wp_page_copy(vmf);
}

/* ---- the tree ---- */

static vm_fault_t handle_pte_fault(struct vm_fault *vmf)
{
	pte_t *ent;

	map_pte_table(vmf->mem, vmf->table);
	if (!vmf->table)
		vmf->orig.pte = 0;
	else
		vmf->orig = vmf->table->ent[vmf->index];
	if (pte_none(vmf->orig))
		return vmf->vma->vm_mapping || vmf->vma->vm_flags & (VM_SPECIAL_MAP | VM_PFNMAP)
			       ? do_fault(vmf) : do_anonymous_page(vmf);
	if (unlikely(pte_protnone(vmf->orig)) && vma_is_accessible(vmf->vma))
		return do_numa_page(vmf);
	if (is_write(vmf) && !pte_write(vmf->orig))
		return do_wp_page(vmf);
	ent = &vmf->table->ent[vmf->index];
	ent->pte |= PTE_ACCESSED | (is_write(vmf) ? PTE_DIRTY : 0);
	return leaf(vmf, FAULT_SPURIOUS);
}

/* Huge entries first; VM_FAULT_FALLBACK sends the fault on to base pages. */
static vm_fault_t handle_pmd_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct pgtable *pmd = pgtable_alloc(vma->vm_mm, vmf->address, HPAGE_LEVEL);
	bool suitable = !vma->vm_mapping && thp_vma_suitable(vma, vmf->address);
	unsigned index;

	/* The tables above the lowest stay, whatever comes of the fault. */
	if (!pmd)
		return VM_FAULT_OOM;
	index = pte_index(vmf->mem->geo, pmd, vmf->address);
	if (pte_none(pmd->ent[index]))
		return suitable ? do_huge_pmd_anonymous_page(vmf, pmd, index) : VM_FAULT_FALLBACK;
	if (pte_is_table(pmd->ent[index])) {
		vmf->table = pte_table(pmd->ent[index]);
		return VM_FAULT_FALLBACK;
	}
	if (unlikely(pte_protnone(pmd->ent[index])) && vma_is_accessible(vma))
		return do_huge_pmd_numa_page(vmf, pmd, index);
	if (is_write(vmf) && !pte_write(pmd->ent[index]))
		return do_huge_pmd_wp_page(vmf, pmd, index);
	pmd->ent[index].pte |= PTE_ACCESSED | (is_write(vmf) ? PTE_DIRTY : 0);
	return leaf(vmf, FAULT_SPURIOUS);
}

static vm_fault_t __handle_mm_fault(struct vm_fault *vmf)
{
	vm_fault_t ret = handle_pmd_fault(vmf);

	if (!(ret & VM_FAULT_FALLBACK))
		return ret;
	if (!vmf->table)
		vmf->table = pgtable_lookup(vmf->vma->vm_mm, vmf->address, 0);
	return handle_pte_fault(vmf);
}

/* Failed faults count in pgfault and in no task, as in the kernel (mm_account_fault). */
static void mm_account_fault(struct vm_fault *vmf, vm_fault_t ret)
{
	struct task_struct *task = vmf->mem->current;
	struct mm_struct *mm = vmf->vma->vm_mm;

	count_vm_event(vmf->mem, PGFAULT);
	if (ret & VM_FAULT_ERROR) {
		count_vm_event(vmf->mem, FAULT_ERROR);
		return;
	}
	mm->nr_majflt += !!(ret & VM_FAULT_MAJOR);
	mm->nr_minflt += !(ret & VM_FAULT_MAJOR);
	if (vmf->flags & FAULT_FLAG_GUP)
		count_vm_event(vmf->mem, FAULT_GUP);
	if (!task)
		return;
	task->maj_flt += !!(ret & VM_FAULT_MAJOR);
	task->min_flt += !(ret & VM_FAULT_MAJOR);
	task->gup_flt += !!(vmf->flags & FAULT_FLAG_GUP);
}

/* No memory: what a slower node takes over may make room here. */
static __attribute__((noinline, cold)) vm_fault_t retry_after_demotion(struct vm_fault *vmf, vm_fault_t ret)
{
	for (unsigned tries = 0; ret & VM_FAULT_OOM && tries < MAX_DEMOTION_TRIES; tries++) {
		if (!demotion_direct(vmf->mem))
			break;
		vmf->table = NULL;
		ret = __handle_mm_fault(vmf);
	}
	return ret;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, uint64_t addr, unsigned flags)
{
	struct memory *mem = vma->vm_mm->mem;
	const struct geometry *geo = mem->geo;
	struct vm_fault vmf = {
		.mem = mem,
		.vma = vma,
		.address = addr & ~((1ull << geo->page_shift) - 1),
		.flags = flags,
		.index = geometry_index(geo, 0, addr),
	};
	vm_fault_t ret;

	vmf.pgoff = linear_page_index(vma, vmf.address);
	if (vma->vm_mapping)
		vmf.pgoff = file_index(mem, vmf.pgoff);
	ret = __handle_mm_fault(&vmf);
	if (unlikely(ret & VM_FAULT_OOM))
		ret = retry_after_demotion(&vmf, ret);
	if (unlikely(mem->kswapd_nodes))
		demotion_run_kswapds(mem);
	mm_account_fault(&vmf, ret);
	ktouch_fault(mem, vma, vmf.address);
	return ret;
}

/* Does the area forbid the access? (access_error) */
static bool access_error(const struct vm_area_struct *vma, unsigned flags)
{
	if (flags & FAULT_FLAG_WRITE)
		return !(vma->vm_flags & VM_WRITE);
	if (flags & FAULT_FLAG_INSTRUCTION)
		return !(vma->vm_flags & VM_EXEC);
	return !(vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC));
}

vm_fault_t do_user_addr_fault(struct memory *mem, uint64_t addr, unsigned flags)
{
	struct mm_struct *mm = mem->current->mm;
	struct vm_area_struct *vma = mm ? find_vma(mm, addr) : NULL;

	kernel_enter(mem, KERNEL_FAULT);
	if (vma && addr < vma->vm_start)
		vma = expand_stack(mm, addr) ? find_vma(mm, addr) : NULL;
	if (!vma || access_error(vma, flags)) {
		count_vm_event(mem, FAULT_SEGV);
		mem->current->segv++;
		return VM_FAULT_SIGSEGV;
	}
	return handle_mm_fault(vma, addr, flags);
}

/* ---- faults that the kernel takes itself (mm/gup.c) ---- */

/* True when addr is mapped as the access wants it; *ret_end is the end of the page that maps it. */
static bool follow_page(struct vm_area_struct *vma, uint64_t addr, bool write, uint64_t *ret_end)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct geometry *geo = mm->mem->geo;
	unsigned level;
	struct pgtable *table;
	pte_t *pte = pgtable_walk(mm, addr, &level, &table);

	*ret_end = (addr | ((1ull << geo->level[level].shift) - 1)) + 1;
	if (!pte || !pte_is_leaf(*pte))
		return false;
	return !write || pte_write(*pte);
}

static uint64_t populate_vma(struct vm_area_struct *vma, uint64_t addr, uint64_t end, enum populate_how how)
{
	/* A private area that may be written is made ready for writing; a shared one only read. */
	bool w = how == POPULATE_WRITE ||
		 (how == POPULATE_AREA && (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
	unsigned flags = FAULT_FLAG_GUP | (w ? FAULT_FLAG_WRITE : 0);
	uint64_t next;

	while (addr < end) {
		for (int tries = 0; !follow_page(vma, addr, w, &next); tries++)
			if (tries == 3 || handle_mm_fault(vma, addr, flags) & VM_FAULT_ERROR)
				return addr;
		addr = next;
	}
	return end;
}

uint64_t populate_range(struct mm_struct *mm, uint64_t start, uint64_t end, enum populate_how how)
{
	while (start < end) {
		struct vm_area_struct *vma = find_vma(mm, start);
		uint64_t stop;

		if (!vma || vma->vm_start > start || vma->vm_flags & (VM_IO | VM_PFNMAP) ||
		    access_error(vma, how == POPULATE_WRITE ? FAULT_FLAG_WRITE : 0))
			break;
		stop = min_u64(end, vma->vm_end);
		start = populate_vma(vma, start, stop, how);
		if (start < stop)
			break;
	}
	return start;
}
