/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Address spaces come and go: see fork.h. */
#include "mm/fork.h"

#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/filemap.h"
#include "mm/highmem.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/kstack.h"
#include "mm/memcg.h"
#include "mm/mempolicy.h"
#include "mm/mm_slot.h"
#include "mm/mmap.h"
#include "mm/numa_balancing.h"
#include "mm/page_alloc.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/seeded_bug.h"
#include "mm/slab.h"
#include "mm/swapfile.h"
#include "mm/tlbflush.h"
#include "mm/vma.h"

struct mm_struct *mm_alloc(struct memory *mem)
{
	struct mm_struct *mm;
	uint64_t object;

	if (!model_object_alloc(mem, MODEL_MM, GFP_KERNEL, &object))
		return NULL;
	mm = objpool_get(&mem->mm_pool);
	mm->object = object;
	mm->mem = mem;
	mm->id = ++mem->next_mm_id;
	mm->mm_users = 1;
	mm->stack_limit_bytes = 8ull << 20;
	mm->mmap_base = mem->geo->mmap_end;
	mm->pgd = pgd_alloc(mem, mm);
	if (!mm->pgd) {
		model_object_free(mem, MODEL_MM, &mm->object);
		objpool_put(&mem->mm_pool, mm);
		return NULL;
	}
	if (unlikely(mem->root_memcg))
		mm_set_memcg(mm, get_mem_cgroup_from_mm(mem, NULL));
	list_add_tail(&mm->mmlist, &mem->mms);
	return mm;
}

void mmget(struct mm_struct *mm)
{
	mm->mm_users++;
}

void mmput(struct mm_struct *mm)
{
	struct memory *mem = mm->mem;

	if (--mm->mm_users)
		return;
	khugepaged_exit(mm);
	exit_mmap(mm);
	mm_put_huge_zero_folio(mm);
	tlb_mm_exit(mm);
	BUG_ON(mm->pmd_deposits);
	pgd_free(mem, mm->pgd);
	mm_numa_free(mm);
	list_del(&mm->mmlist);
	mm_set_memcg(mm, NULL);
	model_object_free(mem, MODEL_MM, &mm->object);
	objpool_put(&mem->mm_pool, mm);
}

struct task_struct *task_alloc(struct memory *mem, uint32_t id)
{
	struct task_struct *task = objpool_get(&mem->task_pool);

	task->id = id;
	/* Who cannot do without them looks whether they are there. */
	(void)model_object_alloc(mem, MODEL_TASK, GFP_KERNEL, &task->object);
	(void)model_object_alloc(mem, MODEL_PID, GFP_KERNEL, &task->pid_object);
	mpol_task_init(mem, task, NULL);
	return task;
}

struct task_struct *dup_task_struct(struct memory *mem, uint32_t id)
{
	struct task_struct *task = task_alloc(mem, id);

	if ((mem->kmem_caches[MODEL_TASK] && !task->object) ||
	    !alloc_thread_stack(mem, task, NUMA_NO_NODE)) {
		task_free(mem, task);
		return NULL;
	}
	return task;
}

void task_free(struct memory *mem, struct task_struct *task)
{
	free_thread_stack(mem, task);
	mpol_free(mem, task->mempolicy);
	task_numa_free(mem, task);
	model_object_free(mem, MODEL_PID, &task->pid_object);
	model_object_free(mem, MODEL_TASK, &task->object);
	objpool_put(&mem->task_pool, task);
}

/* ---- copying entries ---- */

/* One copy: from src to dst, both areas over the same addresses. */
struct copy_details {
	struct memory *mem;
	struct vm_area_struct *dst, *src;
	bool cow;		/* private: entries become read-only on both sides */
};

/* The child's entry; the parent's is made read-only with it. */
static pte_t copy_present_pte(struct copy_details *c, pte_t *src)
{
	struct mm_struct *mm = c->dst->vm_mm;
	struct page *page;
	pte_t pte = *src;

	if (!(pte.pte & PTE_SPECIAL)) {
		page = pfn_to_page(c->mem, pte_pfn(pte));
		page->flags &= ~PG_ANON_EXCLUSIVE;
		pfn_to_page(c->mem, folio_pfn(c->mem, pte_pfn(pte)))->_refcount += !SEEDED_BUG(c->mem, PAGE_REF);
		folio_add_rmap_pte(c->mem, pte_pfn(pte));
		if (page->flags & PG_ANON)
			mm->rss_stat[MM_ANONPAGES]++;
		else if (page->flags & PG_SWAPBACKED)
			mm->rss_stat[MM_SHMEMPAGES]++;
		else
			mm->rss_stat[MM_FILEPAGES]++;
	}
	if (c->cow && pte_write(pte)) {
		if (!SEEDED_BUG(c->mem, COW_PROTECT))
			src->pte &= ~PTE_WRITE;
		pte.pte &= ~PTE_WRITE;
	}
	if (c->src->vm_flags & VM_SHARED)
		pte.pte &= ~PTE_DIRTY;
	pte.pte &= ~PTE_ACCESSED;
	return pte;
}

/* One more entry for the slot, which is nobody's alone any longer (copy_nonpresent_pte). */
static pte_t copy_swap_pte(struct copy_details *c, pte_t *src)
{
	swap_dup_nr(c->mem, pte_to_swp_entry(*src), 1);
	src->pte &= ~PTE_SWP_EXCLUSIVE;
	c->dst->vm_mm->rss_stat[MM_SWAPENTS]++;
	return *src;
}

static bool copy_pte_range(struct copy_details *c, struct pgtable *src, uint64_t addr, uint64_t end)
{
	unsigned first = pte_index(c->mem->geo, src, addr);
	unsigned nr = (unsigned)((end - addr) >> c->mem->geo->page_shift);
	struct pgtable *dst;

	/* The kernel makes the child's table before it looks: one for each of the parent's, empty ones too. */
	dst = pgtable_alloc(c->dst->vm_mm, addr, 0);
	if (!dst)
		return false;
	map_pte_table(c->mem, dst);
	map_pte_table(c->mem, src);
	for (unsigned i = first; i < first + nr && src->nr_used; i++) {
		if (pte_none(src->ent[i]))
			continue;
		pte_set(dst, i, is_swap_pte(src->ent[i]) ? copy_swap_pte(c, &src->ent[i])
							 : copy_present_pte(c, &src->ent[i]));
		count_vm_event(c->mem, FORK_COPIED_PTES);
	}
	return true;
}

static bool copy_pmd(struct copy_details *c, struct pgtable *src, unsigned index, uint64_t addr, uint64_t end)
{
	struct pgtable *dst;
	int err = -EAGAIN;

	if (pte_is_leaf(src->ent[index])) {
		dst = pgtable_alloc(c->dst->vm_mm, addr, HPAGE_LEVEL);
		err = dst ? copy_huge_pmd(c->dst, dst, src, index) : -ENOMEM;
	}
	if (err != -EAGAIN || pte_none(src->ent[index]))
		return !err || err == -EAGAIN;
	return copy_pte_range(c, pte_table(src->ent[index]), addr, end);
}

static bool copy_level(struct copy_details *c, struct pgtable *src, uint64_t addr, uint64_t end)
{
	const struct geometry *geo = c->mem->geo;

	for (uint64_t next; addr < end; addr = next) {
		unsigned i = pte_index(geo, src, addr);

		next = geometry_addr_end(geo, src->level, addr, end);
		if (pte_none(src->ent[i]))
			continue;
		if (src->level == HPAGE_LEVEL) {
			if (!copy_pmd(c, src, i, addr, next))
				return false;
			continue;
		}
		if (!pgtable_alloc(c->dst->vm_mm, addr, src->level - 1u) ||
		    !copy_level(c, pte_table(src->ent[i]), addr, next))
			return false;
	}
	return true;
}

/* Entries that a fault brings back as they were need no copy (vma_needs_copy). */
static bool vma_needs_copy(const struct vm_area_struct *src)
{
	return src->vm_flags & (VM_PFNMAP | VM_MIXEDMAP) || src->anon_vma;
}

/* False: no memory. */
static bool copy_page_range(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	struct copy_details c = {
		.mem = src->vm_mm->mem,
		.dst = dst,
		.src = src,
		.cow = !(src->vm_flags & VM_SHARED) && src->vm_flags & VM_MAYWRITE,
	};

	if (unlikely(is_vm_hugetlb_page(src)))
		return !vma_needs_copy(src) || copy_hugetlb_page_range(dst, src);
	return !vma_needs_copy(src) || copy_level(&c, src->vm_mm->pgd, src->vm_start, src->vm_end);
}

/* ---- copying areas ---- */

static bool dup_vma(struct mm_struct *mm, struct vm_area_struct *old)
{
	struct vm_area_struct *vma = vm_area_alloc(mm);

	if (!vma)
		return false;
	vma->vm_start = old->vm_start;
	vma->vm_end = old->vm_end;
	vma->vm_flags = old->vm_flags & ~(VM_LOCKED | VM_LOCKONFAULT);
	vma->vm_pgoff = old->vm_pgoff;
	vma->vm_mapping = old->vm_mapping;
	vma->vm_name = old->vm_name;
	vma->swap_readahead_info = old->swap_readahead_info;
	vma->vm_policy = mpol_dup(mm->mem, old->vm_policy);
	if (old->vm_flags & VM_WIPEONFORK) {
		vma->anon_vma = NULL;
	} else if (!anon_vma_fork(vma, old)) {
		vm_area_free(vma);
		return false;
	}
	if (vma->vm_mapping)
		mapping_get_ref(vma->vm_mapping);
	vma_link(mm, vma);
	vm_stat_account(mm, vma->vm_flags, (int64_t)vma_pages(vma));
	if (vma->vm_flags & VM_ACCOUNT)
		mm->mem->vm_committed_as += vma_pages(vma);
	return old->vm_flags & VM_WIPEONFORK || copy_page_range(vma, old);
}

static void copy_limits(struct mm_struct *mm, const struct mm_struct *old)
{
	mm->start_code = old->start_code;
	mm->end_code = old->end_code;
	mm->start_data = old->start_data;
	mm->end_data = old->end_data;
	mm->start_brk = old->start_brk;
	mm->brk = old->brk;
	mm->start_stack = old->start_stack;
	mm->mmap_base = old->mmap_base;
	mm->arg_start = old->arg_start;
	mm->env_end = old->env_end;
	mm->stack_limit_bytes = old->stack_limit_bytes;
	mm->oom_score_adj = old->oom_score_adj;
	mm->thp_disabled = old->thp_disabled;
}

struct mm_struct *dup_mm(struct mm_struct *oldmm)
{
	struct mm_struct *mm = mm_alloc(oldmm->mem);
	struct vm_area_struct *vma;
	bool ok = true;

	if (!mm)
		return NULL;
	copy_limits(mm, oldmm);
	khugepaged_fork(mm, oldmm);
	for (vma = first_vma(oldmm); vma && ok; vma = vma_next(vma))
		if (!(vma->vm_flags & VM_DONTCOPY))
			ok = dup_vma(mm, vma);
	flush_tlb_mm(oldmm);	/* the parent's entries lost permissions; the kernel does not look whether any did */
	if (ok)
		return mm;
	mmput(mm);
	return NULL;
}
