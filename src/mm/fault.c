/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page faults: see fault.h. The tree reads from the bottom up. */
#include "mm/fault-internal.h"

#include "mm/compaction.h"
#include "mm/filemap.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/kentry.h"
#include "mm/memcontrol.h"
#include "mm/numa_balancing.h"
#include "mm/oom_kill.h"
#include "mm/vmscan.h"

#define MAX_OOM_TRIES 8

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
	if (unlikely(is_swap_pte(vmf->orig)))
		return do_swap_page(vmf);
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
	unsigned index;

	/* The tables above the lowest stay, whatever comes of the fault. */
	if (!pmd)
		return VM_FAULT_OOM;
	index = pte_index(vmf->mem->geo, pmd, vmf->address);
	if (pte_none(pmd->ent[index]))
		return vma_is_anonymous(vma) && thp_pmd_wanted(vma, vmf->address)
			       ? do_huge_pmd_anonymous_page(vmf, pmd, index) : VM_FAULT_FALLBACK;
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

#define MAX_FAULT_RETRIES 8	/* each follows a change that reclaim made */

static vm_fault_t __handle_mm_fault(struct vm_fault *vmf)
{
	vm_fault_t ret;

	if (unlikely(is_vm_hugetlb_page(vmf->vma)))
		return hugetlb_fault(vmf->vma, vmf->address, vmf->flags);
	ret = handle_pmd_fault(vmf);
	if (!(ret & VM_FAULT_FALLBACK))
		return ret;
	if (!vmf->table)
		vmf->table = pgtable_lookup(vmf->vma->vm_mm, vmf->address, 0);
	ret = handle_pte_fault(vmf);
	for (unsigned tries = 1; unlikely(ret & VM_FAULT_RETRY); tries++) {
		if (tries == MAX_FAULT_RETRIES)
			return VM_FAULT_OOM;
		ret = handle_pte_fault(vmf);
	}
	return ret;
}

/* Failed faults count in pgfault and in no task, as in the kernel (mm_account_fault). */
static void mm_account_fault(struct vm_fault *vmf, vm_fault_t ret)
{
	struct task_struct *task = vmf->mem->current;
	struct mm_struct *mm = vmf->vma->vm_mm;

	count_vm_event(vmf->mem, PGFAULT);
	count_memcg_event_mm(mm, PGFAULT);
	if (ret & VM_FAULT_ERROR) {
		count_vm_event(vmf->mem, FAULT_ERROR);
		return;
	}
	mm->nr_majflt += !!(ret & VM_FAULT_MAJOR);
	mm->nr_minflt += !(ret & VM_FAULT_MAJOR);
	if (unlikely(ret & VM_FAULT_MAJOR))
		count_memcg_event_mm(mm, PGMAJFAULT);
	if (vmf->flags & FAULT_FLAG_GUP)
		count_vm_event(vmf->mem, FAULT_GUP);
	if (!task)
		return;
	task->maj_flt += !!(ret & VM_FAULT_MAJOR);
	task->min_flt += !(ret & VM_FAULT_MAJOR);
	task->gup_flt += !!(vmf->flags & FAULT_FLAG_GUP);
}

/* What the fault woke has another CPU, or the time until the next fault. */
static __attribute__((noinline, cold)) void run_daemons(struct memory *mem)
{
	if (mem->kswapd_nodes)
		kswapd_run(mem);
	kcompactd_run(mem);
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
	mem->in_lru_fault = !(vma->vm_flags & (VM_SEQ_READ | VM_RAND_READ));	/* lru_gen_enter_fault() */
	ret = __handle_mm_fault(&vmf);
	mem->in_lru_fault = false;
	if (unlikely(mem->kswapd_nodes | mem->kcompactd_nodes))
		run_daemons(mem);
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

/*
 * Without memory although the OOM killer has made some: the kernel lets the task fault again. Who was killed itself
 * touches nothing any more.
 */
static __attribute__((noinline, cold)) vm_fault_t fault_after_oom(struct memory *mem, uint64_t addr, unsigned flags)
{
	vm_fault_t ret = VM_FAULT_OOM;

	for (unsigned tries = 0; ret & VM_FAULT_OOM && tries < MAX_OOM_TRIES && pagefault_out_of_memory(mem); tries++) {
		struct vm_area_struct *vma = find_vma(mem->current->mm, addr);

		if (!vma || addr < vma->vm_start)
			break;
		ret = handle_mm_fault(vma, addr, flags);
	}
	return ret;
}

static inline vm_fault_t fault_with_killer(struct memory *mem, struct vm_area_struct *vma, uint64_t addr,
					   unsigned flags)
{
	vm_fault_t ret = handle_mm_fault(vma, addr, flags);

	if (unlikely(ret & VM_FAULT_OOM))
		ret = fault_after_oom(mem, addr, flags);
	mem_cgroup_return_to_user(mem);
	return ret;
}

vm_fault_t do_user_addr_fault(struct memory *mem, uint64_t addr, unsigned flags)
{
	struct mm_struct *mm = mem->current->mm;
	struct vm_area_struct *vma = mm ? find_vma(mm, addr) : NULL;

	/* Who was killed runs no more, and so enters no kernel. */
	if (mm && unlikely(mm->oom_victim))
		return VM_FAULT_OOM;
	kernel_enter(mem, KERNEL_FAULT);
	if (vma && addr < vma->vm_start)
		vma = expand_stack(mm, addr) ? find_vma(mm, addr) : NULL;
	if (!vma || access_error(vma, flags)) {
		count_vm_event(mem, FAULT_SEGV);
		mem->current->segv++;
		return VM_FAULT_SIGSEGV;
	}
	return fault_with_killer(mem, vma, addr, flags);
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
			if (tries == 3 || vma->vm_mm->oom_victim ||
			    handle_mm_fault(vma, addr, flags) & VM_FAULT_ERROR)
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
