/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Families of anonymous pages: see anon_vma.h. */
#include "mm/anon_vma.h"

#include "mm/mempolicy.h"
#include "mm/slab.h"

#define for_each_avc(pos, vma) list_for_each(pos, &(vma)->anon_vma_chain)

static inline struct anon_vma_chain *avc_of(struct list_head *same_vma)
{
	return list_entry(same_vma, struct anon_vma_chain, same_vma);
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline uint64_t last_granule(const struct vm_area_struct *vma)
{
	return vma->vm_pgoff + ((vma->vm_end - vma->vm_start) >> 12) - 1;
}

/* NULL: no memory. */
static struct anon_vma *anon_vma_alloc(struct memory *mem)
{
	struct anon_vma *av;
	uint64_t object;

	if (!model_object_alloc(mem, MODEL_ANON_VMA, GFP_KERNEL, &object))
		return NULL;
	av = objpool_get(&mem->anon_vma_pool);
	av->object = object;
	av->handle = mapping_handle_alloc(mem, av);
	av->refcount = 1;
	av->root = av->parent = av;
	return av;
}

/* Drops a reference; an anon_vma that goes drops the one it holds on its root. */
static void put_anon_vma(struct memory *mem, struct anon_vma *av)
{
	struct anon_vma *root = av->root;

	if (--av->refcount)
		return;
	mapping_handle_free(mem, av->handle);
	model_object_free(mem, MODEL_ANON_VMA, &av->object);
	objpool_put(&mem->anon_vma_pool, av);
	if (root != av)
		put_anon_vma(mem, root);
}

static void avc_insert(struct anon_vma_chain *avc)
{
	avc->node.start = avc->vma->vm_pgoff;
	avc->node.last = last_granule(avc->vma);
	interval_insert(&avc->anon_vma->rb_root, &avc->node);
}

/* NULL: no memory. */
static struct anon_vma_chain *avc_alloc(struct memory *mem)
{
	struct anon_vma_chain *avc;
	uint64_t object;

	if (!model_object_alloc(mem, MODEL_ANON_VMA_CHAIN, GFP_KERNEL, &object))
		return NULL;
	avc = objpool_get(&mem->avc_pool);
	avc->object = object;
	return avc;
}

static void avc_free(struct memory *mem, struct anon_vma_chain *avc)
{
	model_object_free(mem, MODEL_ANON_VMA_CHAIN, &avc->object);
	objpool_put(&mem->avc_pool, avc);
}

static void anon_vma_chain_link(struct vm_area_struct *vma, struct anon_vma_chain *avc,
				struct anon_vma *av)
{
	avc->vma = vma;
	avc->anon_vma = av;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
	avc_insert(avc);
}

/* Could b, which follows a, be one area with it but for what mprotect changes? */
static bool anon_vma_compatible(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->vm_end == b->vm_start && a->vm_mapping == b->vm_mapping &&
	       mpol_equal(a->vm_policy, b->vm_policy) &&
	       !((a->vm_flags ^ b->vm_flags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) &&
	       b->vm_pgoff == a->vm_pgoff + ((b->vm_start - a->vm_start) >> 12);
}

/* An anon_vma that went through a fork is not shared further. */
static struct anon_vma *reusable_anon_vma(const struct vm_area_struct *old,
					  const struct vm_area_struct *a,
					  const struct vm_area_struct *b)
{
	if (old->anon_vma && anon_vma_compatible(a, b) && list_is_singular(&old->anon_vma_chain))
		return old->anon_vma;
	return NULL;
}

static struct anon_vma *find_mergeable_anon_vma(const struct vm_area_struct *vma)
{
	struct rb_node *next = rb_next(&vma->vm_rb), *prev = rb_prev(&vma->vm_rb);
	struct anon_vma *av = NULL;

	if (next) {
		struct vm_area_struct *n = container_of(next, struct vm_area_struct, vm_rb);

		av = reusable_anon_vma(n, vma, n);
	}
	if (!av && prev) {
		struct vm_area_struct *p = container_of(prev, struct vm_area_struct, vm_rb);

		av = reusable_anon_vma(p, p, vma);
	}
	return av;
}

bool __anon_vma_prepare(struct vm_area_struct *vma)
{
	struct memory *mem = vma->vm_mm->mem;
	struct anon_vma_chain *avc = avc_alloc(mem);
	struct anon_vma *av = avc ? find_mergeable_anon_vma(vma) : NULL;

	if (avc && !av) {
		av = anon_vma_alloc(mem);
		if (av)
			av->num_children++; /* a root is its own parent */
	}
	if (!av) {
		if (avc)
			avc_free(mem, avc);
		return false;
	}
	vma->anon_vma = av;
	anon_vma_chain_link(vma, avc, av);
	av->num_active_vmas++;
	return true;
}

bool anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	struct list_head *pos;

	for (pos = src->anon_vma_chain.prev; pos != &src->anon_vma_chain; pos = pos->prev) {
		struct anon_vma *av = avc_of(pos)->anon_vma;
		struct anon_vma_chain *avc = avc_alloc(dst->vm_mm->mem);

		if (!avc) {
			/* dst is not among the active areas yet: unlinking must not count it. */
			dst->anon_vma = NULL;
			unlink_anon_vmas(dst);
			return false;
		}
		anon_vma_chain_link(dst, avc, av);
		/* A root is never reused: it has itself and another as children. */
		if (!dst->anon_vma && src->anon_vma && av->num_children < 2 &&
		    av->num_active_vmas == 0)
			dst->anon_vma = av;
	}
	if (dst->anon_vma)
		dst->anon_vma->num_active_vmas++;
	return true;
}

bool anon_vma_fork(struct vm_area_struct *vma, struct vm_area_struct *pvma)
{
	struct memory *mem = vma->vm_mm->mem;
	struct anon_vma_chain *avc;
	struct anon_vma *av;

	if (!pvma->anon_vma)
		return true;
	vma->anon_vma = NULL;
	if (!anon_vma_clone(vma, pvma))
		return false;
	if (vma->anon_vma)
		return true;
	av = anon_vma_alloc(mem);
	avc = av ? avc_alloc(mem) : NULL;
	if (!avc) {
		if (av)
			put_anon_vma(mem, av);
		unlink_anon_vmas(vma);
		return false;
	}
	av->num_active_vmas++;
	av->root = pvma->anon_vma->root;
	av->parent = pvma->anon_vma;
	av->root->refcount++;
	vma->anon_vma = av;
	anon_vma_chain_link(vma, avc, av);
	av->parent->num_children++;
	return true;
}

void unlink_anon_vmas(struct vm_area_struct *vma)
{
	struct memory *mem = vma->vm_mm->mem;
	struct list_head *pos, *n;

	/*
	 * Newest to oldest, so that a root goes last. The empty ones stay on the list for a moment:
	 */
	list_for_each_safe(pos, n, &vma->anon_vma_chain) {
		struct anon_vma_chain *avc = avc_of(pos);
		struct anon_vma *av = avc->anon_vma;

		interval_remove(&av->rb_root, &avc->node);
		if (!av->rb_root.node) {
			av->parent->num_children--;
			continue;
		}
		list_del(&avc->same_vma);
		avc_free(mem, avc);
	}
	if (vma->anon_vma) {
		vma->anon_vma->num_active_vmas--;
		vma->anon_vma = NULL;
	}
	/* their parents were still needed above */
	list_for_each_safe(pos, n, &vma->anon_vma_chain) {
		struct anon_vma_chain *avc = avc_of(pos);

		VM_BUG_ON(avc->anon_vma->num_children || avc->anon_vma->num_active_vmas);
		put_anon_vma(mem, avc->anon_vma);
		list_del(&avc->same_vma);
		avc_free(mem, avc);
	}
}

void anon_vma_interval_tree_pre_update_vma(struct vm_area_struct *vma)
{
	struct list_head *pos;

	for_each_avc(pos, vma) interval_remove(&avc_of(pos)->anon_vma->rb_root, &avc_of(pos)->node);
}

void anon_vma_interval_tree_post_update_vma(struct vm_area_struct *vma)
{
	struct list_head *pos;

	for_each_avc(pos, vma) avc_insert(avc_of(pos));
}

void anon_vma_interval_tree_update_end(struct vm_area_struct *vma)
{
	struct list_head *pos;

	for_each_avc(pos, vma) interval_set_last(&avc_of(pos)->node, last_granule(vma));
}

static inline struct anon_vma_chain *avc_of_node(struct interval_node *node)
{
	return node ? container_of(node, struct anon_vma_chain, node) : NULL;
}

struct anon_vma_chain *anon_vma_interval_first(struct anon_vma *av, uint64_t first, uint64_t last)
{
	return avc_of_node(interval_first(&av->rb_root, first, last));
}

struct anon_vma_chain *anon_vma_interval_next(struct anon_vma_chain *avc, uint64_t first,
					      uint64_t last)
{
	return avc_of_node(interval_next(&avc->node, first, last));
}

void vma_interval_tree_insert(struct vm_area_struct *vma)
{
	vma->shared.start = vma->vm_pgoff;
	vma->shared.last = last_granule(vma);
	interval_insert(&vma->vm_mapping->i_mmap, &vma->shared);
}

void vma_interval_tree_remove(struct vm_area_struct *vma)
{
	interval_remove(&vma->vm_mapping->i_mmap, &vma->shared);
}

void vma_interval_tree_update_end(struct vm_area_struct *vma)
{
	interval_set_last(&vma->shared, last_granule(vma));
}

static inline struct vm_area_struct *vma_of_node(struct interval_node *node)
{
	return node ? container_of(node, struct vm_area_struct, shared) : NULL;
}

struct vm_area_struct *vma_interval_first(struct address_space *m, uint64_t first, uint64_t last)
{
	return vma_of_node(interval_first(&m->i_mmap, first, last));
}

struct vm_area_struct *vma_interval_next(struct vm_area_struct *vma, uint64_t first, uint64_t last)
{
	return vma_of_node(interval_next(&vma->shared, first, last));
}

bool anon_vma_consistent(const struct vm_area_struct *vma)
{
	const struct list_head *pos;
	bool own = false;

	for_each_avc(pos, vma)
	{
		const struct anon_vma_chain *avc = avc_of((struct list_head *)pos);
		const struct anon_vma *av = avc->anon_vma;

		if (avc->vma != vma || avc->node.start != vma->vm_pgoff ||
		    avc->node.last != last_granule(vma))
			return false;
		if (!av->refcount || av->root != av->parent->root ||
		    !interval_consistent(&av->rb_root))
			return false;
		own |= av == vma->anon_vma;
	}
	return vma->anon_vma ? own && vma->anon_vma->num_active_vmas > 0 : true;
}
