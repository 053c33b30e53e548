/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas merge, split, grow and are copied: see vma_merge.h. */
#include "mm/vma_merge.h"

#include <errno.h>

#include "mm/anon_vma.h"
#include "mm/filemap.h"
#include "mm/huge_pmd.h"
#include "mm/hugetlb_pool.h"
#include "mm/mempolicy.h"
#include "mm/mm_slot.h"
#include "mm/vma.h"

/*
 * The area was made by a fork, or its pages went through one: its anon_vma is not spread further.
 */
static bool vma_is_fork_child(const struct vm_area_struct *vma)
{
	return vma && vma->anon_vma && vma->anon_vma_chain.next != vma->anon_vma_chain.prev;
}

static bool is_mergeable_vma(const struct vma_merge_struct *vmg, const struct vm_area_struct *vma)
{
	return !((vma->vm_flags ^ vmg->vm_flags) & ~VM_SOFTDIRTY) &&
	       vma->vm_mapping == vmg->mapping && mpol_equal(vmg->policy, vma->vm_policy);
}

static bool is_mergeable_anon_vma(const struct vma_merge_struct *vmg,
				  const struct vm_area_struct *tgt)
{
	if (!tgt->anon_vma && vmg->anon_vma)
		return !vma_is_fork_child(vmg->middle) && !vma_is_fork_child(vmg->copied_from);
	if (tgt->anon_vma && !vmg->anon_vma)
		return !vma_is_fork_child(tgt);
	return tgt->anon_vma == vmg->anon_vma;
}

static bool can_vma_merge_left(const struct vma_merge_struct *vmg)
{
	const struct vm_area_struct *prev = vmg->prev;

	return prev && prev->vm_end == vmg->start && is_mergeable_vma(vmg, prev) &&
	       is_mergeable_anon_vma(vmg, prev) &&
	       linear_page_index(prev, prev->vm_end) == vmg->pgoff;
}

static bool can_vma_merge_right(const struct vma_merge_struct *vmg, bool merge_left)
{
	const struct vm_area_struct *next = vmg->next;

	if (!next || next->vm_start != vmg->end || !is_mergeable_vma(vmg, next) ||
	    !is_mergeable_anon_vma(vmg, next) ||
	    next->vm_pgoff != vmg->pgoff + ((vmg->end - vmg->start) >> 12))
		return false;
	/* Each fits the range, but do they fit each other? */
	return !merge_left || !vmg->prev->anon_vma || !next->anon_vma ||
	       vmg->prev->anon_vma == next->anon_vma;
}

/* A boundary of the area comes to stand inside a huge entry of it: base entries from now on. */
static void split_huge_pmd_if_needed(struct vm_area_struct *vma, uint64_t addr)
{
	uint64_t size = hpage_size(vma->vm_mm->mem), start = addr & ~(size - 1);

	if (addr != start && start >= vma->vm_start && start + size <= vma->vm_end)
		split_huge_pmd_at(vma, addr);
}

/*
 * dst is about to cover what src did: it needs src's families, when it has none of its own. False:
 * no memory.
 */
static bool dup_anon_vma(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	if (!src->anon_vma || dst->anon_vma)
		return true;
	dst->anon_vma = src->anon_vma;
	return anon_vma_clone(dst, src);
}

void remove_vma(struct vm_area_struct *vma)
{
	if (unlikely(is_vm_hugetlb_page(vma)))
		hugetlb_vm_op_close(vma);
	unlink_anon_vmas(vma);
	if (vma->vm_mapping)
		mapping_put(vma->vm_mm->mem, vma->vm_mapping);
	vm_area_free(vma);
}

static void absorb(struct vm_area_struct *vma)
{
	vma_unlink(vma);
	remove_vma(vma);
}

/* Carries out what was decided. The target's new range is [start, end). */
static void commit_merge(struct vma_merge_struct *vmg)
{
	struct vm_area_struct *middle = vmg->middle, *next = vmg->next;

	count_vm_event(vmg->mm->mem, VMA_MERGE);
	if (vmg->adjust_next_start) {
		/* middle shrinks to [start, end), next grows down to end */
		uint64_t grow = (next->vm_start - vmg->end) >> 12;

		split_huge_pmd_if_needed(middle, vmg->end);
		vma_set_range(middle, vmg->start, vmg->end, vmg->pgoff);
		vma_set_range(next, vmg->end, next->vm_end, next->vm_pgoff - grow);
		return;
	}
	if (vmg->adjust_middle_start) {
		split_huge_pmd_if_needed(middle, vmg->end);
		vma_set_range(middle, vmg->end, middle->vm_end,
			      linear_page_index(middle, vmg->end));
	}
	if (vmg->remove_middle)
		absorb(middle);
	if (vmg->remove_next)
		absorb(next);
	vma_set_range(vmg->target, vmg->start, vmg->end, vmg->pgoff);
}

/*
 * Both sides, or prev alone, or next alone takes the changed range; see the head of the kernel's
 * function.
 */
static bool merge_existing(struct vma_merge_struct *vmg, bool left, bool right)
{
	struct vm_area_struct *prev = vmg->prev, *middle = vmg->middle, *next = vmg->next;
	uint64_t start = vmg->start;

	if (!dup_anon_vma(left ? prev : next, left && right && next->anon_vma ? next : middle))
		return false;

	vmg->target = left ? prev : next;
	if (left) {
		vmg->start = prev->vm_start;
		vmg->pgoff = prev->vm_pgoff;
		if (right)
			vmg->end = next->vm_end;
		else
			vmg->adjust_middle_start = !vmg->remove_middle;
	} else {
		if (vmg->remove_middle) {
			vmg->pgoff = next->vm_pgoff - ((vmg->end - vmg->start) >> 12);
			vmg->end = next->vm_end;
		} else {
			vmg->adjust_next_start = true;
			vmg->start = middle->vm_start;
			vmg->end = start;
			vmg->pgoff = middle->vm_pgoff;
		}
	}
	commit_merge(vmg);
	return true;
}

static struct vm_area_struct *vma_merge_existing_range(struct vma_merge_struct *vmg)
{
	struct vm_area_struct *middle = vmg->middle;
	bool left_side = vmg->start == middle->vm_start, right_side = vmg->end == middle->vm_end;
	bool left, right;

	if (vmg->vm_flags & VM_SPECIAL || (!left_side && !right_side))
		return NULL;
	left = left_side && can_vma_merge_left(vmg);
	vmg->next = right_side ? vma_next(middle) : NULL;
	right = right_side && can_vma_merge_right(vmg, left);
	if (!left && !right)
		return NULL;
	vmg->remove_middle = left_side && right_side;
	vmg->remove_next = left && right;
	vmg->no_memory = !merge_existing(vmg, left, right);
	if (vmg->no_memory)
		return NULL;
	khugepaged_enter_vma(vmg->target);
	return vmg->target;
}

struct vm_area_struct *vma_merge_new_range(struct vma_merge_struct *vmg)
{
	bool left, right;

	if (vmg->vm_flags & VM_SPECIAL)
		return NULL;
	left = can_vma_merge_left(vmg);
	right = !vmg->just_expand && can_vma_merge_right(vmg, left);
	if (!left && !right)
		return NULL;
	vmg->target = left ? vmg->prev : vmg->next;
	vmg->remove_next = left && right;
	if (right)
		vmg->end = vmg->next->vm_end;
	if (left) {
		vmg->start = vmg->prev->vm_start;
		vmg->pgoff = vmg->prev->vm_pgoff;
	}
	if (vmg->remove_next && !dup_anon_vma(vmg->target, vmg->next))
		return NULL;
	if (vmg->copied_from && !dup_anon_vma(vmg->target, vmg->copied_from))
		return NULL;
	commit_merge(vmg);
	khugepaged_enter_vma(vmg->target);
	return vmg->target;
}

struct vm_area_struct *vma_merge_extend(struct vm_area_struct *vma, uint64_t delta)
{
	struct vma_merge_struct vmg = {
		.mm = vma->vm_mm,
		.prev = vma,
		.next = vma_next(vma),
		.start = vma->vm_end,
		.end = vma->vm_end + delta,
		.pgoff = linear_page_index(vma, vma->vm_end),
		.vm_flags = vma->vm_flags,
		.mapping = vma->vm_mapping,
		.anon_vma = vma->anon_vma,
		.policy = vma->vm_policy,
	};

	return vma_merge_new_range(&vmg);
}

int split_vma_unchecked(struct vm_area_struct **vmap, uint64_t addr)
{
	struct vm_area_struct *vma = *vmap, *new;

	if (vma->vm_flags & VM_SPECIAL_MAP)
		return -EINVAL;
	if (is_vm_hugetlb_page(vma) && addr & (huge_page_size(hstate_vma(vma)) - 1))
		return -EINVAL;
	split_huge_pmd_if_needed(vma, addr);
	new = vm_area_dup(vma->vm_mm, vma);
	if (!new)
		return -ENOMEM;
	new->vm_start = addr;
	new->vm_pgoff = linear_page_index(vma, addr);
	if (!anon_vma_clone(new, vma)) {
		vm_area_free(new);
		return -ENOMEM;
	}
	vma_set_end(vma, addr);
	if (new->vm_mapping)
		mapping_get_ref(new->vm_mapping);
	vma_link_after(vma, new);
	count_vm_event(vma->vm_mm->mem, VMA_SPLIT);
	*vmap = new;
	return 0;
}

static int split_vma(struct vm_area_struct **vmap, uint64_t addr)
{
	const struct mm_struct *mm = (*vmap)->vm_mm;

	return mm->map_count >= mm->mem->conf.max_map_count ? -ENOMEM
							    : split_vma_unchecked(vmap, addr);
}

/* The range merges as vmg says, or is split off. */
static int vma_modify(struct vma_merge_struct *vmg, struct vm_area_struct **ret_vma)
{
	struct vm_area_struct *vma = vmg->middle, *upper;
	uint64_t start = vmg->start, end = vmg->end;
	int err = 0;

	*ret_vma = vma_merge_existing_range(vmg);
	if (*ret_vma)
		return 0;
	if (vmg->no_memory)
		return -ENOMEM;
	if (vma->vm_start < start)
		err = split_vma(&vma, start);
	upper = vma;
	if (!err && vma->vm_end > end)
		err = split_vma(&upper, end);
	*ret_vma = vma;
	return err;
}

static struct vma_merge_struct range_of(struct vm_area_struct *prev, struct vm_area_struct *vma,
					uint64_t start, uint64_t end)
{
	return (struct vma_merge_struct){
		.mm = vma->vm_mm,
		.prev = prev,
		.middle = vma,
		.start = start,
		.end = end,
		.pgoff = linear_page_index(vma, start),
		.vm_flags = vma->vm_flags,
		.mapping = vma->vm_mapping,
		.anon_vma = vma->anon_vma,
		.policy = vma->vm_policy,
	};
}

int vma_modify_flags(struct vm_area_struct *prev, struct vm_area_struct *vma, uint64_t start,
		     uint64_t end, uint64_t vm_flags, struct vm_area_struct **ret_vma)
{
	struct vma_merge_struct vmg = range_of(prev, vma, start, end);

	vmg.vm_flags = vm_flags;
	return vma_modify(&vmg, ret_vma);
}

int vma_modify_policy(struct vm_area_struct *prev, struct vm_area_struct *vma, uint64_t start,
		      uint64_t end, const struct mempolicy *policy,
		      struct vm_area_struct **ret_vma)
{
	struct vma_merge_struct vmg = range_of(prev, vma, start, end);

	vmg.policy = policy;
	return vma_modify(&vmg, ret_vma);
}

struct vm_area_struct *copy_vma(struct vm_area_struct **vmap, uint64_t addr, uint64_t len,
				uint64_t pgoff)
{
	struct vm_area_struct *vma = *vmap, *new;
	uint64_t old_start = vma->vm_start;
	struct vma_merge_struct vmg = {
		.mm = vma->vm_mm,
		.copied_from = vma,
		.start = addr,
		.end = addr + len,
		.pgoff = pgoff,
		.vm_flags = vma->vm_flags,
		.mapping = vma->vm_mapping,
		.anon_vma = vma->anon_vma,
		.policy = vma->vm_policy,
	};

	/* No page yet: the new place decides the offset, which helps merging. */
	if (vma_is_anonymous(vma) && !vma->anon_vma)
		vmg.pgoff = pgoff = addr >> 12;
	vmg.next = find_vma_prev(vma->vm_mm, addr, &vmg.prev);
	new = vma_merge_new_range(&vmg);
	if (new) {
		if (old_start >= new->vm_start && old_start < new->vm_end)
			*vmap = new;
		return new;
	}
	new = vm_area_dup(vma->vm_mm, vma);
	if (!new)
		return NULL;
	new->vm_start = addr;
	new->vm_end = addr + len;
	new->vm_pgoff = pgoff;
	if (!anon_vma_clone(new, vma)) {
		vm_area_free(new);
		return NULL;
	}
	if (new->vm_mapping)
		mapping_get_ref(new->vm_mapping);
	vma_link(vma->vm_mm, new);
	return new;
}
