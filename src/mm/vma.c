/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas in their tree: see vma.h. */
#include "mm/vma.h"

#include <stdlib.h>

#include "mm/anon_vma.h"
#include "mm/file_table.h"
#include "mm/mempolicy.h"
#include "mm/pgtable.h"
#include "mm/slab.h"

static inline struct vm_area_struct *vma_of(const struct rb_node *rb)
{
	return rb ? container_of((struct rb_node *)rb, struct vm_area_struct, vm_rb) : NULL;
}

struct vm_area_struct *vma_next(const struct vm_area_struct *vma)
{
	return vma_of(rb_next(&vma->vm_rb));
}

struct vm_area_struct *vma_prev(const struct vm_area_struct *vma)
{
	return vma_of(rb_prev(&vma->vm_rb));
}

struct vm_area_struct *first_vma(const struct mm_struct *mm)
{
	return vma_of(rb_first(&mm->mm_rb));
}

struct vm_area_struct *find_vma_slow(struct mm_struct *mm, uint64_t addr)
{
	struct vm_area_struct *best = NULL;

	for (struct rb_node *rb = mm->mm_rb.node; rb;) {
		struct vm_area_struct *vma = vma_of(rb);

		if (addr >= vma->vm_end) {
			rb = rb->right;
			continue;
		}
		best = vma;
		if (vma->vm_start <= addr) {
			mm->vmacache = vma;
			break;
		}
		rb = rb->left;
	}
	return best;
}

struct vm_area_struct *find_vma_prev(struct mm_struct *mm, uint64_t addr,
				     struct vm_area_struct **ret_prev)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	*ret_prev = vma ? vma_prev(vma) : vma_of(rb_last(&mm->mm_rb));
	return vma;
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, uint64_t start, uint64_t end)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	return vma && vma->vm_start < end ? vma : NULL;
}

struct vm_area_struct *vm_area_alloc(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	uint64_t object;

	if (!model_object_alloc(mm->mem, MODEL_VMA, GFP_KERNEL, &object))
		return NULL;
	vma = objpool_get(&mm->mem->vma_pool);
	vma->object = object;
	vma->vm_mm = mm;
	list_init(&vma->anon_vma_chain);
	return vma;
}

/* Of a private hugetlb area: the parts of one that was split share the map. */
static void resv_map_put(struct vm_area_struct *vma)
{
	struct resv_map *map = vma->vm_resv;

	vma->vm_resv = NULL;
	if (--map->refs)
		return;
	vec_finish(&map->regions);
	free(map);
}

struct vm_area_struct *vm_area_dup(struct mm_struct *mm, const struct vm_area_struct *orig)
{
	struct vm_area_struct *vma = vm_area_alloc(mm);
	uint64_t object;

	if (!vma)
		return NULL;
	object = vma->object;
	*vma = *orig;
	vma->object = object;
	vma->vm_mm = mm;
	vma->vm_policy = mpol_dup(mm->mem, orig->vm_policy);
	if (unlikely(vma->vm_resv))
		vma->vm_resv->refs++;
	vma->numab_state = NULL;
	list_init(&vma->anon_vma_chain);
	return vma;
}

void vm_area_free(struct vm_area_struct *vma)
{
	mpol_free(vma->vm_mm->mem, vma->vm_policy);
	if (unlikely(vma->vm_resv))
		resv_map_put(vma);
	if (unlikely(vma->numab_state))
		objpool_put(&vma->vm_mm->mem->vma_numab_pool, vma->numab_state);
	model_object_free(vma->vm_mm->mem, MODEL_VMA, &vma->object);
	objpool_put(&vma->vm_mm->mem->vma_pool, vma);
}

/* Where the hole before an area ends: a stack keeps its guard gap. */
static uint64_t vm_start_gap(const struct vm_area_struct *vma)
{
	const struct memory *mem = vma->vm_mm->mem;
	uint64_t gap = mem->conf.stack_guard_gap_pages << mem->geo->page_shift;

	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > gap ? vma->vm_start - gap : 0;
}

static uint64_t compute_gap(const struct vm_area_struct *vma)
{
	const struct vm_area_struct *prev = vma_prev(vma);
	uint64_t start = prev ? prev->vm_end : 0, end = vm_start_gap(vma);

	return end > start ? end - start : 0;
}

static uint64_t compute_subtree_gap(const struct rb_node *rb)
{
	uint64_t gap = vma_of(rb)->vm_gap;

	if (rb->left && vma_of(rb->left)->rb_subtree_gap > gap)
		gap = vma_of(rb->left)->rb_subtree_gap;
	if (rb->right && vma_of(rb->right)->rb_subtree_gap > gap)
		gap = vma_of(rb->right)->rb_subtree_gap;
	return gap;
}

static void update_gap(struct rb_node *rb)
{
	vma_of(rb)->rb_subtree_gap = compute_subtree_gap(rb);
}

static void refresh_gap(struct vm_area_struct *vma)
{
	uint64_t gap;

	if (!vma)
		return;
	gap = compute_gap(vma);
	if (gap == vma->vm_gap)
		return;
	vma->vm_gap = gap;
	for (struct rb_node *rb = &vma->vm_rb; rb; rb = rb_parent(rb)) {
		gap = compute_subtree_gap(rb);
		if (gap == vma_of(rb)->rb_subtree_gap)
			break;
		vma_of(rb)->rb_subtree_gap = gap;
	}
}

static void link_at(struct mm_struct *mm, struct vm_area_struct *vma, struct rb_node *parent,
		    struct rb_node **link)
{
	rb_link(&vma->vm_rb, parent, link);
	vma->vm_gap = compute_gap(vma);
	vma->rb_subtree_gap = vma->vm_gap;
	rb_insert(&mm->mm_rb, &vma->vm_rb, update_gap);
	refresh_gap(vma_next(vma));
	if (vma->vm_mapping) {
		file_map(mm->mem, vma->vm_mapping);
		vma_interval_tree_insert(vma);
	}
	mm->map_count++;
}

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct rb_node **link = &mm->mm_rb.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = vma->vm_start < vma_of(parent)->vm_start ? &parent->left : &parent->right;
	}
	link_at(mm, vma, parent, link);
}

void vma_link_after(struct vm_area_struct *prev, struct vm_area_struct *vma)
{
	struct rb_node **link = &prev->vm_rb.right, *parent = &prev->vm_rb;

	while (*link) {
		parent = *link;
		link = &parent->left;
	}
	link_at(prev->vm_mm, vma, parent, link);
}

void vma_unlink(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_area_struct *next = vma_next(vma);

	rb_erase(&mm->mm_rb, &vma->vm_rb, update_gap);
	refresh_gap(next);
	if (vma->vm_mapping) {
		vma_interval_tree_remove(vma);
		file_unmap(mm->mem, vma->vm_mapping);
	}
	if (mm->vmacache == vma)
		mm->vmacache = NULL;
	mm->map_count--;
}

void vma_set_end(struct vm_area_struct *vma, uint64_t end)
{
	vma->vm_end = end;
	anon_vma_interval_tree_update_end(vma);
	if (vma->vm_mapping)
		vma_interval_tree_update_end(vma);
	refresh_gap(vma_next(vma));
}

void vma_set_range(struct vm_area_struct *vma, uint64_t start, uint64_t end, uint64_t pgoff)
{
	if (start == vma->vm_start && pgoff == vma->vm_pgoff) {
		vma_set_end(vma, end);
		return;
	}
	anon_vma_interval_tree_pre_update_vma(vma);
	if (vma->vm_mapping)
		vma_interval_tree_remove(vma);
	vma->vm_start = start;
	vma->vm_end = end;
	vma->vm_pgoff = pgoff;
	if (vma->vm_mapping)
		vma_interval_tree_insert(vma);
	anon_vma_interval_tree_post_update_vma(vma);
	refresh_gap(vma);
	refresh_gap(vma_next(vma));
}

bool vma_wants_writenotify(const struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) != (VM_WRITE | VM_SHARED))
		return false;
	return vma->vm_mapping && !vma->vm_mapping->is_shmem && !vma->vm_mapping->is_special &&
	       !(vma->vm_flags & VM_PFNMAP);
}

uint64_t vma_page_prot(const struct vm_area_struct *vma)
{
	uint64_t prot = PTE_USER;

	prot |= vma_is_accessible(vma) ? PTE_PRESENT : PTE_PROTNONE;
	if (!(vma->vm_flags & VM_EXEC))
		prot |= PTE_NX;
	if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED) &&
	    !vma_wants_writenotify(vma))
		prot |= PTE_WRITE;
	return prot;
}

/* Only one kind counts for an area, tried in this order. */
static uint64_t *vm_kind(struct mm_struct *mm, uint64_t vm_flags)
{
	if ((vm_flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		return &mm->exec_vm;
	if (vm_flags & VM_GROWSDOWN)
		return &mm->stack_vm;
	if ((vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		return &mm->data_vm;
	return NULL;
}

void vm_stat_account(struct mm_struct *mm, uint64_t vm_flags, int64_t nr_pages)
{
	uint64_t *kind = vm_kind(mm, vm_flags);

	mm->total_vm += (uint64_t)nr_pages;
	if (kind)
		*kind += (uint64_t)nr_pages;
}

bool may_expand_vm(const struct mm_struct *mm, uint64_t vm_flags, uint64_t nr_pages)
{
	unsigned shift = mm->mem->geo->page_shift;

	if (mm->as_limit_bytes && mm->total_vm + nr_pages > mm->as_limit_bytes >> shift)
		return false;
	if (mm->data_limit_bytes && vm_kind((struct mm_struct *)mm, vm_flags) == &mm->data_vm)
		return mm->data_vm + nr_pages <= mm->data_limit_bytes >> shift;
	return true;
}

/* vm_commit_limit(): of memory that is not set aside for huge pages, and all of swap. */
static int64_t vm_commit_limit(const struct memory *mem)
{
	int64_t kib_shift = (int64_t)mem->geo->page_shift - 10;
	uint64_t ram = mem->totalram_pages - mem->hugetlb_total_pages, swap = mem->total_swap_pages;

	if (mem->conf.overcommit_kbytes)
		return (int64_t)((mem->conf.overcommit_kbytes >> kib_shift) + swap);
	return (int64_t)(ram * mem->conf.overcommit_ratio / 100 + swap);
}

/* What vm.overcommit_memory=2 allows a process without privileges. Both reserves are at most 1/32 of memory. */
static int64_t commit_allowed(const struct mm_struct *mm)
{
	const struct memory *mem = mm->mem;
	int64_t kib_shift = (int64_t)mem->geo->page_shift - 10;
	int64_t most = (int64_t)(mem->totalram_pages << kib_shift) / 32;
	int64_t admin_kib = (int64_t)mem->conf.admin_reserve_kbytes, user_kib = (int64_t)mem->conf.user_reserve_kbytes;
	int64_t user = (user_kib < most ? user_kib : most) >> kib_shift;

	return vm_commit_limit(mem) - ((admin_kib < most ? admin_kib : most) >> kib_shift) -
	       ((int64_t)mm->total_vm / 32 < user ? (int64_t)mm->total_vm / 32 : user);
}

bool vm_enough_memory(struct mm_struct *mm, uint64_t nr_pages)
{
	enum { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };
	struct memory *mem = mm->mem;
	bool enough = true;

	if (mem->conf.overcommit_memory == OVERCOMMIT_GUESS)
		enough = nr_pages <= mem->totalram_pages + mem->total_swap_pages;
	else if (mem->conf.overcommit_memory == OVERCOMMIT_NEVER)
		enough = (int64_t)(mem->vm_committed_as + nr_pages) < commit_allowed(mm);
	if (enough)
		mem->vm_committed_as += nr_pages;
	return enough;
}

void vm_unacct_memory(struct memory *mem, uint64_t nr_pages)
{
	VM_BUG_ON(mem->vm_committed_as < nr_pages);
	mem->vm_committed_as -= nr_pages;
}

/* The last checks before a stack grows; the commit is taken when they pass. */
static bool acct_stack_growth(struct vm_area_struct *vma, uint64_t size_bytes, uint64_t grow_pages)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!may_expand_vm(mm, vma->vm_flags, grow_pages))
		return false;
	if (mm->stack_limit_bytes && size_bytes > mm->stack_limit_bytes)
		return false;
	/* The kernel charges also a stack that is not accounted, and never gives that back. */
	return !(vma->vm_flags & VM_ACCOUNT) || vm_enough_memory(mm, grow_pages);
}

static bool expand_downwards(struct vm_area_struct *vma, uint64_t addr)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned shift = mm->mem->geo->page_shift;
	const struct vm_area_struct *prev = vma_prev(vma);
	uint64_t guard_bytes = mm->mem->conf.stack_guard_gap_pages << shift;
	uint64_t grow;

	if (!(vma->vm_flags & VM_GROWSDOWN) || addr < MMAP_MIN_ADDR)
		return false;
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && vma_is_accessible(prev) &&
	    addr - prev->vm_end < guard_bytes)
		return false;
	if (!anon_vma_prepare(vma))
		return false;
	grow = (vma->vm_start - addr) >> shift;
	if ((vma->vm_start - addr) >> 12 > vma->vm_pgoff ||
	    !acct_stack_growth(vma, vma->vm_end - addr, grow))
		return false;
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += grow;
	vm_stat_account(mm, vma->vm_flags, (int64_t)grow);
	vma_set_range(vma, addr, vma->vm_end, vma->vm_pgoff - ((vma->vm_start - addr) >> 12));
	count_vm_event(mm->mem, STACK_EXPAND);
	return true;
}

bool expand_stack(struct mm_struct *mm, uint64_t addr)
{
	struct vm_area_struct *vma;

	addr &= ~(page_size(mm) - 1);
	vma = find_vma(mm, addr);
	if (!vma)
		return false;
	return vma->vm_start <= addr || expand_downwards(vma, addr);
}

struct vm_totals {
	uint64_t areas, total, exec, stack, data, locked;
};

static void add_totals(struct vm_totals *t, const struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	const uint64_t *kind = vm_kind(mm, vma->vm_flags);
	uint64_t nr = vma_pages(vma);

	t->areas++;
	t->total += nr;
	t->exec += kind == &mm->exec_vm ? nr : 0;
	t->stack += kind == &mm->stack_vm ? nr : 0;
	t->data += kind == &mm->data_vm ? nr : 0;
	t->locked += vma->vm_flags & VM_LOCKED ? nr : 0;
}

bool vma_consistent(struct mm_struct *mm)
{
	struct vm_totals t = {0};
	uint64_t end = 0;

	if (!rb_consistent(&mm->mm_rb))
		return false;
	for (struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma)) {
		if (vma->vm_mm != mm || vma->vm_start < end || vma->vm_end <= vma->vm_start ||
		    !page_aligned(mm, vma->vm_start) || !page_aligned(mm, vma->vm_end))
			return false;
		if (vma->vm_gap != compute_gap(vma) ||
		    vma->rb_subtree_gap != compute_subtree_gap(&vma->vm_rb) ||
		    !anon_vma_consistent(vma))
			return false;
		if (vma->vm_mapping && (vma->shared.start != vma->vm_pgoff ||
					!interval_consistent(&vma->vm_mapping->i_mmap) ||
					!mpol_shared_policy_consistent(vma->vm_mapping)))
			return false;
		add_totals(&t, vma);
		end = vma->vm_end;
	}
	return t.areas == mm->map_count && t.total == mm->total_vm && t.exec == mm->exec_vm &&
	       t.stack == mm->stack_vm && t.data == mm->data_vm && t.locked <= mm->locked_vm;
}
