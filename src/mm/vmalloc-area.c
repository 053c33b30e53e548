/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Who has which addresses of the vmalloc range: see vmalloc-internal.h.
 *
 * The search for the lowest area that fits looks at the same nodes as find_vmap_lowest_match(): with an alignment above
 * a page it goes only where an area of size + align - 1 is, so that an area that would fit because it happens to be
 * aligned may be passed over.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "mm/page_alloc.h"
#include "mm/tlbflush.h"
#include "mm/vmalloc-internal.h"

#define LAZY_BYTES_PER_LOG	(32ull << 20)

/* ---- trees ---- */

static struct vmap_area *area_of(const struct rb_node *n)
{
	return n ? container_of(n, struct vmap_area, rb) : NULL;
}

static uint64_t subtree_max(const struct rb_node *n)
{
	return n ? area_of(n)->subtree_max_size : 0;
}

static uint64_t compute_max(const struct vmap_area *va)
{
	uint64_t max = va_size(va), left = subtree_max(va->rb.left), right = subtree_max(va->rb.right);

	max = left > max ? left : max;
	return right > max ? right : max;
}

static void update_max(struct rb_node *n)
{
	area_of(n)->subtree_max_size = compute_max(area_of(n));
}

static void insert_area(struct rb_root *root, struct vmap_area *va, rb_update_fn *update)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		VM_BUG_ON(va->va_start < area_of(parent)->va_end && va->va_end > area_of(parent)->va_start);
		link = va->va_start < area_of(parent)->va_start ? &parent->left : &parent->right;
	}
	rb_link(&va->rb, parent, link);
	rb_insert(root, &va->rb, update);
}

struct vmap_area *find_vmap_area(const struct memory *mem, kaddr_t addr)
{
	struct vmap_area *va = area_of(mem->vmap->busy.node);

	while (va && (addr < va->va_start || addr >= va->va_end))
		va = area_of(addr < va->va_start ? va->rb.left : va->rb.right);
	return va;
}

/* ---- objects ---- */

#define VMAP_AREA_BYTES		72	/* of the 64-bit kernel's struct */
#define VMAP_AREA_BYTES_32	40

/* NULL: no memory for the kernel's object. */
static struct vmap_area *new_area(struct memory *mem, gfp_t gfp, int nid)
{
	struct vmap_system *vs = mem->vmap;
	kaddr_t object = 0;
	struct vmap_area *va;

	if (vs->cache) {
		object = kmem_cache_alloc_node(vs->cache, gfp, nid);
		if (!object)
			return NULL;
	}
	va = objpool_get(&vs->area_pool);
	va->kobj = object;
	return va;
}

static void drop_area(struct memory *mem, struct vmap_area *va)
{
	if (va->kobj)
		kmem_cache_free(mem->vmap->cache, va->kobj);
	objpool_put(&mem->vmap->area_pool, va);
}

/* ---- free space ---- */

/* Back to the free space, one with its neighbours (merge_or_add_vmap_area). */
static void add_free(struct memory *mem, struct vmap_area *va)
{
	struct rb_root *root = &mem->vmap->free;
	struct vmap_area *prev, *next;

	va->node = MAX_VMAP_NODES;
	insert_area(root, va, update_max);
	prev = area_of(rb_prev(&va->rb));
	next = area_of(rb_next(&va->rb));
	if (next && next->va_start == va->va_end) {
		va->va_end = next->va_end;
		rb_erase(root, &next->rb, update_max);
		drop_area(mem, next);
	}
	if (prev && prev->va_end == va->va_start) {
		va->va_start = prev->va_start;
		rb_erase(root, &prev->rb, update_max);
		drop_area(mem, prev);
	}
	rb_propagate(&va->rb, update_max);
}

static bool is_within(const struct vmap_area *va, uint64_t size, uint64_t align)
{
	uint64_t start = align_up(va->va_start, align);

	return start >= va->va_start && start + size >= start && start + size <= va->va_end;
}

/* The subtree to the right of the first ancestor where the way went left and something fits. */
static struct vmap_area *next_candidate(const struct rb_node *n, uint64_t size, uint64_t align, uint64_t length,
					bool *ret_fits)
{
	struct rb_node *up;

	for (; (up = rb_parent(n)); n = up) {
		if (n != up->left)
			continue;
		*ret_fits = is_within(area_of(up), size, align);
		if (*ret_fits)
			return area_of(up);
		if (subtree_max(up->right) >= length)
			return area_of(up->right);
	}
	return NULL;
}

static struct vmap_area *find_lowest(struct vmap_system *vs, uint64_t size, uint64_t align, uint64_t page)
{
	uint64_t length = align > page ? size + align - 1 : size;
	struct vmap_area *va = area_of(vs->free.node);
	bool fits = false;

	while (va && !fits) {
		if (subtree_max(va->rb.left) >= length)
			va = area_of(va->rb.left);
		else if (is_within(va, size, align))
			return va;
		else if (subtree_max(va->rb.right) >= length)
			va = area_of(va->rb.right);
		else
			va = next_candidate(&va->rb, size, align, length, &fits);
	}
	return va;
}

/*
 * Cuts [start, start + size) out of a free area for `used`. False: no object for the rest (which the kernel takes from
 * a spare one that it keeps per CPU).
 */
static bool cut_free(struct memory *mem, struct vmap_area *va, uint64_t start, struct vmap_area *used, uint64_t size)
{
	struct rb_root *root = &mem->vmap->free;
	struct vmap_area *rest = NULL;
	uint64_t end = start + size;

	if (va->va_start != start && va->va_end != end) {
		rest = new_area(mem, GFP_NOWAIT, NUMA_NO_NODE);
		if (!rest)
			return false;
		rest->va_start = end;
		rest->va_end = va->va_end;
	}
	used->va_start = start;
	used->va_end = end;
	if (va_size(va) == size) {
		rb_erase(root, &va->rb, update_max);
		drop_area(mem, va);
		return true;
	}
	if (va->va_start == start)
		va->va_start = end;
	else
		va->va_end = start;
	rb_propagate(&va->rb, update_max);
	if (rest)
		insert_area(root, rest, update_max);
	return true;
}

/* ---- pools (node_alloc, node_pool_add_va) ---- */

static struct vmap_area *pool_take(struct memory *mem, struct vmap_node *vn, uint64_t size, uint64_t align)
{
	uint64_t index = (size - 1) >> mem->geo->page_shift;
	struct vmap_area *va;

	if (index >= MAX_VA_SIZE_PAGES || list_empty(&vn->pool[index]))
		return NULL;
	va = list_first_entry(&vn->pool[index], struct vmap_area, list);
	list_del(&va->list);
	if (va->va_start & (align - 1)) {
		list_add_tail(&va->list, &vn->pool[index]);
		return NULL;
	}
	vn->pool_len[index]--;
	mem->vmap->stats.nr_pooled_areas--;
	mem->vmap->stats.pool_hits++;
	return va;
}

static bool pool_add(struct memory *mem, struct vmap_node *vn, struct vmap_area *va)
{
	uint64_t index = (va_size(va) - 1) >> mem->geo->page_shift;

	if (index >= MAX_VA_SIZE_PAGES)
		return false;
	list_add(&va->list, &vn->pool[index]);
	vn->pool_len[index]++;
	mem->vmap->stats.nr_pooled_areas++;
	return true;
}

/* A purge lets a quarter of each pool go, or all of it. */
static void decay_pools(struct memory *mem, struct vmap_node *vn, bool full)
{
	for (unsigned i = 0; i < MAX_VA_SIZE_PAGES; i++) {
		uint64_t nr = full ? vn->pool_len[i] : vn->pool_len[i] >> 2;

		vn->pool_len[i] -= nr;
		mem->vmap->stats.nr_pooled_areas -= nr;
		while (nr--) {
			struct vmap_area *va = list_first_entry(&vn->pool[i], struct vmap_area, list);

			list_del(&va->list);
			add_free(mem, va);
		}
	}
}

/* ---- allocation ---- */

/* The lowest free place becomes `used`. False: there is none. */
static bool take_lowest(struct memory *mem, struct vmap_area *used, uint64_t size, uint64_t align)
{
	struct vmap_area *va = find_lowest(mem->vmap, size, align, 1ull << mem->geo->page_shift);

	return va && cut_free(mem, va, align_up(va->va_start, align), used, size);
}

/* From the tree, after a purge if need be. */
static struct vmap_area *alloc_from_tree(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid)
{
	struct vmap_area *va = new_area(mem, gfp & GFP_NESTED, nid);

	if (!va || take_lowest(mem, va, size, align))
		return va;
	if (mem->vmap->nr_lazy_pages || mem->vmap->stats.nr_pooled_areas) {
		purge_vmap_areas(mem, true);
		if (take_lowest(mem, va, size, align))
			return va;
	}
	drop_area(mem, va);
	return NULL;
}

struct vmap_area *alloc_vmap_area(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid)
{
	struct vmap_system *vs = mem->vmap;
	unsigned node = vs->nr_nodes > 1 ? mem->cpu % vs->nr_nodes : MAX_VMAP_NODES;
	struct vmap_area *va = NULL;

	if (node < MAX_VMAP_NODES)
		va = pool_take(mem, &vs->nodes[node], size, align);
	if (!va)
		va = alloc_from_tree(mem, size, align, gfp, nid);
	if (!va) {
		vs->stats.failed++;
		return NULL;
	}
	va->node = (uint16_t)node;
	va->vm = (struct vm_struct){ .addr = va->va_start };
	insert_area(&vs->busy, va, NULL);
	vs->stats.allocs++;
	vs->stats.nr_areas++;
	vs->stats.used_bytes += size;
	return va;
}

/* ---- freeing ---- */

uint64_t lazy_max_pages(const struct memory *mem)
{
	unsigned log = 1 + ilog2_u64(mem->nr_cpus);

	return log * (LAZY_BYTES_PER_LOG >> mem->geo->page_shift);
}

void free_vmap_area(struct memory *mem, struct vmap_area *va)
{
	struct vmap_system *vs = mem->vmap;
	struct vmap_node *vn = &vs->nodes[va->node < vs->nr_nodes ? va->node : 0];

	rb_erase(&vs->busy, &va->rb, NULL);
	vs->stats.frees++;
	vs->stats.nr_areas--;
	vs->stats.used_bytes -= va_size(va);
	insert_area(&vn->lazy, va, NULL);
	vs->nr_lazy_pages += va_size(va) >> mem->geo->page_shift;
	if (vs->nr_lazy_pages > lazy_max_pages(mem))
		purge_vmap_areas(mem, false);
}

/* What is lazy in one node becomes pooled, or free (purge_vmap_node). */
static void purge_node(struct memory *mem, struct vmap_node *vn, bool full)
{
	struct vmap_system *vs = mem->vmap;
	struct rb_node *n;

	while ((n = rb_first(&vn->lazy))) {
		struct vmap_area *va = area_of(n);

		rb_erase(&vn->lazy, n, NULL);
		vs->nr_lazy_pages -= va_size(va) >> mem->geo->page_shift;
		vs->stats.purged_areas++;
		if (full || va->node >= vs->nr_nodes || !pool_add(mem, vn, va))
			add_free(mem, va);
	}
}

void purge_vmap_areas(struct memory *mem, bool full)
{
	struct vmap_system *vs = mem->vmap;
	uint64_t start = UINT64_MAX, end = 0;

	vs->stats.purges++;
	for (unsigned i = 0; i < vs->nr_nodes; i++) {
		struct vmap_node *vn = &vs->nodes[i];

		decay_pools(mem, vn, full);
		if (!vn->lazy.node)
			continue;
		if (area_of(rb_first(&vn->lazy))->va_start < start)
			start = area_of(rb_first(&vn->lazy))->va_start;
		if (area_of(rb_last(&vn->lazy))->va_end > end)
			end = area_of(rb_last(&vn->lazy))->va_end;
	}
	if (!end)
		return;
	flush_tlb_kernel_range(mem, start, end);
	vs->stats.flushes++;
	for (unsigned i = 0; i < vs->nr_nodes; i++)
		purge_node(mem, &vs->nodes[i], full);
}

/* ---- creation ---- */

void vmalloc_init(struct memory *mem)
{
	struct vmap_system *vs = xcalloc(1, sizeof(*vs));
	struct vmap_area *all;

	mem->vmap = vs;
	objpool_init(&vs->area_pool, sizeof(struct vmap_area));
	vs->nr_nodes = 1;
	if (mem->geo->va_bits > 32)
		vs->nr_nodes = mem->nr_cpus < MAX_VMAP_NODES ? mem->nr_cpus : MAX_VMAP_NODES;
	vs->nodes = xcalloc(vs->nr_nodes, sizeof(*vs->nodes));
	for (unsigned i = 0; i < vs->nr_nodes; i++)
		for (unsigned p = 0; p < MAX_VA_SIZE_PAGES; p++)
			list_init(&vs->nodes[i].pool[p]);
	if (mem->conf.slab_model_objects)
		vs->cache = kmem_cache_create(mem, "vmap_area",
					      mem->geo->va_bits > 32 ? VMAP_AREA_BYTES : VMAP_AREA_BYTES_32, 0,
					      SLAB_PANIC, NULL);
	/* the object of the whole range is of boot */
	all = objpool_get(&vs->area_pool);
	all->va_start = mem->geo->vmalloc_start;
	all->va_end = mem->geo->vmalloc_end;
	add_free(mem, all);
}

void vmalloc_finish(struct memory *mem)
{
	if (!mem->vmap)
		return;
	objpool_finish(&mem->vmap->area_pool);
	free(mem->vmap->nodes);
	free(mem->vmap);
	mem->vmap = NULL;
}

/* ---- figures and checks ---- */

static uint64_t count_tree(const struct rb_root *root, uint64_t *ret_bytes)
{
	uint64_t nr = 0;

	*ret_bytes = 0;
	for (struct rb_node *n = rb_first(root); n; n = rb_next(n)) {
		*ret_bytes += va_size(area_of(n));
		nr++;
	}
	return nr;
}

void vmalloc_stats(const struct memory *mem, struct vmalloc_stats *ret)
{
	uint64_t bytes;

	*ret = mem->vmap->stats;
	ret->nr_lazy_pages = mem->vmap->nr_lazy_pages;
	ret->nr_free_areas = count_tree(&mem->vmap->free, &bytes);
	ret->largest_free_bytes = subtree_max(mem->vmap->free.node);
	ret->total_bytes = mem->geo->vmalloc_end - mem->geo->vmalloc_start;
}

struct vmap_check {
	const struct memory *mem;
	struct strbuf *why;
	bool ok;
};

static void expect(struct vmap_check *c, bool ok, const char *what)
{
	if (ok)
		return;
	c->ok = false;
	if (c->why)
		strbuf_addf(c->why, "vmalloc: %s\n", what);
}

/* Sizes below each node, and no two free areas that touch. */
static void check_free(struct vmap_check *c)
{
	const struct vmap_system *vs = c->mem->vmap;
	uint64_t end = 0;

	expect(c, rb_consistent(&vs->free) && rb_consistent(&vs->busy), "a tree is out of balance");
	for (struct rb_node *n = rb_first(&vs->free); n; n = rb_next(n)) {
		const struct vmap_area *va = area_of(n);

		expect(c, va->subtree_max_size == compute_max(va), "a free area's largest size is stale");
		expect(c, va->va_start > end || !end, "free areas touch or overlap");
		end = va->va_end;
	}
}

/* Pools: lengths and sizes. Returns bytes. */
static uint64_t check_pools(struct vmap_check *c, const struct vmap_node *vn, uint64_t *nr_pooled)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < MAX_VA_SIZE_PAGES; i++) {
		const struct list_head *pos;
		uint64_t len = 0;

		list_for_each(pos, &vn->pool[i]) {
			const struct vmap_area *va = list_entry(pos, struct vmap_area, list);

			expect(c, (va_size(va) - 1) >> c->mem->geo->page_shift == i, "an area in the wrong pool");
			bytes += va_size(va);
			len++;
		}
		expect(c, len == vn->pool_len[i], "a pool's length is wrong");
		*nr_pooled += len;
	}
	return bytes;
}

bool vmalloc_consistent(const struct memory *mem, struct strbuf *why)
{
	struct vmap_check c = { .mem = mem, .why = why, .ok = true };
	const struct vmap_system *vs = mem->vmap;
	uint64_t free_bytes, busy_bytes, lazy_bytes = 0, pooled = 0, pooled_bytes = 0, bytes;

	if (!vs)
		return true;
	check_free(&c);
	count_tree(&vs->free, &free_bytes);
	expect(&c, count_tree(&vs->busy, &busy_bytes) == vs->stats.nr_areas, "areas in use are miscounted");
	expect(&c, busy_bytes == vs->stats.used_bytes, "bytes in use are miscounted");
	for (unsigned i = 0; i < vs->nr_nodes; i++) {
		count_tree(&vs->nodes[i].lazy, &bytes);
		lazy_bytes += bytes;
		pooled_bytes += check_pools(&c, &vs->nodes[i], &pooled);
	}
	expect(&c, lazy_bytes >> mem->geo->page_shift == vs->nr_lazy_pages, "lazy pages are miscounted");
	expect(&c, pooled == vs->stats.nr_pooled_areas, "pooled areas are miscounted");
	expect(&c, free_bytes + busy_bytes + lazy_bytes + pooled_bytes ==
			   mem->geo->vmalloc_end - mem->geo->vmalloc_start,
	       "free, used, lazy and pooled do not add up to the range");
	return c.ok;
}
