/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Areas with memory, and device memory: see vmalloc.h. */
#include "mm/vmalloc.h"

#include "base/bitmap.h"
#include "base/bug.h"
#include "mm/init_mm.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vmalloc-internal.h"

#define VM_STRUCT_BYTES		72	/* of the 64-bit kernel's struct */
#define VM_STRUCT_BYTES_32	44
#define BULK_PAGES		100	/* vm_area_alloc_pages() asks for no more at once */

static uint64_t page_bytes(const struct memory *mem)
{
	return 1ull << mem->geo->page_shift;
}

static uint64_t pointer_bytes(const struct memory *mem)
{
	return mem->geo->va_bits > 32 ? 8 : 4;
}

/* ---- address space ---- */

/* The kernel's vm_struct. False: no memory. */
static bool alloc_vm_struct(struct memory *mem, gfp_t gfp, int nid, uint64_t *ret)
{
	*ret = 0;
	if (!mem->conf.slab_model_objects)
		return true;
	*ret = kmalloc_node(mem, mem->geo->va_bits > 32 ? VM_STRUCT_BYTES : VM_STRUCT_BYTES_32,
			    (gfp & GFP_NESTED) | __GFP_ZERO, nid);
	return *ret;
}

/* __get_vm_area_node(): size without the guard page. */
static struct vmap_area *new_vm_area(struct memory *mem, uint64_t size, uint64_t align, unsigned flags, gfp_t gfp,
				     int nid)
{
	uint64_t page = page_bytes(mem), range = mem->geo->vmalloc_end - mem->geo->vmalloc_start, object;
	struct vmap_area *va;

	if (!size || size > range - page || !alloc_vm_struct(mem, gfp, nid, &object))
		return NULL;
	size = align_up(size, page);
	va = alloc_vmap_area(mem, size + (flags & VMAP_NO_GUARD ? 0 : page), align > page ? align : page, gfp, nid);
	if (!va) {
		kfree(mem, object);
		return NULL;
	}
	va->vm.size = size;
	va->vm.flags = flags;
	va->vm.kobj = object;
	return va;
}

static void drop_vm_area(struct memory *mem, struct vmap_area *va)
{
	uint64_t object = va->vm.kobj;

	free_vmap_area(mem, va);
	kfree(mem, object);
}

kaddr_t get_vm_area(struct memory *mem, uint64_t size, uint64_t align, unsigned vm_flags)
{
	struct vmap_area *va = new_vm_area(mem, size, align, vm_flags, GFP_KERNEL, NUMA_NO_NODE);

	return va ? va->va_start : 0;
}

static struct vmap_area *area_at(const struct memory *mem, kaddr_t addr)
{
	struct vmap_area *va = find_vmap_area(mem, addr);

	return va && va->va_start == addr ? va : NULL;
}

void free_vm_area(struct memory *mem, kaddr_t addr)
{
	struct vmap_area *va = area_at(mem, addr);

	BUG_ON(!va);
	drop_vm_area(mem, va);
}

const struct vm_struct *find_vm_area(const struct memory *mem, kaddr_t addr)
{
	const struct vmap_area *va = area_at(mem, addr);

	return va ? &va->vm : NULL;
}

const struct vm_struct *next_vm_area(const struct memory *mem, kaddr_t addr)
{
	const struct rb_node *n = mem->vmap->busy.node;
	const struct vmap_area *found = NULL;

	while (n) {
		const struct vmap_area *va = list_entry(n, struct vmap_area, rb);

		if (va->va_start >= addr) {
			found = va;
			n = va->rb.left;
		} else {
			n = va->rb.right;
		}
	}
	return found ? &found->vm : NULL;
}

pfn_t vmalloc_to_pfn(const struct memory *mem, kaddr_t addr)
{
	unsigned level;
	const pte_t *pte = kernel_walk(mem, addr, &level);
	uint64_t offset = addr & ((1ull << mem->geo->level[level].shift) - 1);

	return pte_is_leaf(*pte) ? pte_pfn(*pte) + (pfn_t)(offset >> mem->geo->page_shift) : PFN_NONE;
}

void vm_unmap_aliases(struct memory *mem)
{
	purge_vmap_areas(mem, true);
}

/* ---- memory ---- */

/* The kernel's array of struct page pointers. False: no memory. */
static bool alloc_page_array(struct memory *mem, struct vm_struct *vm, uint64_t nr, gfp_t gfp, int nid)
{
	uint64_t bytes = nr * pointer_bytes(mem);

	if (!mem->conf.slab_model_objects)
		return true;
	gfp = (gfp & GFP_NESTED) | __GFP_ZERO;
	vm->pages_vmalloced = bytes > page_bytes(mem);
	vm->pages = vm->pages_vmalloced ? vmalloc(mem, bytes, gfp, nid) : kmalloc_node(mem, bytes, gfp, nid);
	return vm->pages;
}

static void free_page_array(struct memory *mem, struct vm_struct *vm)
{
	if (vm->pages_vmalloced)
		vfree(mem, vm->pages);
	else
		kfree(mem, vm->pages);
	vm->pages = 0;
}

static void account(struct memory *mem, int64_t pages)
{
	struct vmalloc_stats *s = &mem->vmap->stats;

	s->nr_vmalloc_pages += (uint64_t)pages;
	if (s->nr_vmalloc_pages > s->peak_pages)
		s->peak_pages = s->nr_vmalloc_pages;
}

/* Single pages: a policy of the task is asked for each. Returns how many; 0: no memory. */
static size_t alloc_some_pages(struct memory *mem, gfp_t gfp, int nid, uint64_t nr, pfn_t *ret)
{
	if (nid != NUMA_NO_NODE || !mem->current || !mem->current->mempolicy)
		return alloc_pages_bulk(mem, gfp, nid, nr < BULK_PAGES ? nr : BULK_PAGES, ret);
	ret[0] = alloc_pages(mem, gfp, 0, nid);
	return ret[0] != PFN_NONE;
}

/* One block of 2^order pages, which become single ones, so that each can be freed alone. */
static size_t alloc_block(struct memory *mem, gfp_t gfp, unsigned order, int nid, pfn_t *ret)
{
	ret[0] = alloc_pages(mem, gfp, order, nid);
	if (ret[0] == PFN_NONE)
		return 0;
	split_page(mem, ret[0], order);
	return 1;
}

/* The next pages, at most nr, mapped behind those that are there. False: no memory. */
static bool populate_some(struct memory *mem, struct vm_struct *vm, uint64_t nr, gfp_t gfp, int nid)
{
	unsigned order = vm->page_order;
	pfn_t pfn[BULK_PAGES];
	size_t got = order ? alloc_block(mem, gfp | __GFP_NOWARN, order, nid, pfn)
			   : alloc_some_pages(mem, gfp | __GFP_NOWARN, nid, nr, pfn);

	for (size_t i = 0; i < got; i++) {
		kaddr_t addr = vm->addr + vm->nr_pages * page_bytes(mem);

		if (kernel_map(mem, addr, pfn[i], 1ull << order, PAGE_KERNEL, order ? 1 : 0, NULL)) {
			vm->nr_pages += 1u << order;
			continue;
		}
		for (; i < got; i++)
			for (uint32_t k = 0; k < 1u << order; k++)
				put_page(mem, pfn[i] + k);
		return false;
	}
	return got > 0;
}

/* Gives back the pages behind [addr, addr + bytes), in order of address, and their entries. */
static void depopulate(struct memory *mem, struct vm_struct *vm)
{
	uint64_t page = page_bytes(mem), bytes = vm->nr_pages * page;
	VEC(pfn_t) pages = {0};

	for (uint64_t off = 0; off < bytes; off += page)
		*vec_push(&pages) = vmalloc_to_pfn(mem, vm->addr + off);
	kernel_unmap(mem, vm->addr, vm->addr + bytes);
	account(mem, -(int64_t)vm->nr_pages);
	vm->nr_pages = 0;
	for (size_t i = 0; i < pages.nr; i++)
		put_page(mem, pages.data[i]);
	vec_finish(&pages);
}

/* __vmalloc_area_node(). False: no memory, and nothing is left of it. */
static bool populate(struct memory *mem, struct vm_struct *vm, gfp_t gfp, int nid)
{
	uint64_t nr = vm->size >> mem->geo->page_shift;

	if (mem->geo->lowmem_bytes && !(gfp & (__GFP_DMA | __GFP_DMA32)))
		gfp |= __GFP_HIGHMEM;
	if (!alloc_page_array(mem, vm, nr, gfp, nid))
		return false;
	account(mem, (int64_t)nr);
	while (vm->nr_pages < nr) {
		if (populate_some(mem, vm, nr - vm->nr_pages, gfp, nid))
			continue;
		account(mem, (int64_t)vm->nr_pages - (int64_t)nr);
		depopulate(mem, vm);
		free_page_array(mem, vm);
		return false;
	}
	return true;
}

/* The same with blocks of 2^order pages. NULL: no memory, or no address space. */
static struct vmap_area *try_vmalloc(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid,
				     unsigned flags, unsigned order)
{
	uint64_t block = page_bytes(mem) << order;
	struct vmap_area *va;

	if (size > UINT64_MAX - block)
		return NULL;
	va = new_vm_area(mem, align_up(size, block), align > block ? align : block, flags | VMAP_ALLOC, gfp, nid);
	if (!va)
		return NULL;
	va->vm.page_order = order;
	if (populate(mem, &va->vm, gfp, nid))
		return va;
	drop_vm_area(mem, va);
	return NULL;
}

kaddr_t vmalloc_node_flags(struct memory *mem, uint64_t size, uint64_t align, gfp_t gfp, int nid, unsigned vm_flags)
{
	const struct geometry *geo = mem->geo;
	unsigned order = geo->level[1].shift - geo->page_shift;
	struct vmap_area *va = NULL;

	/* the kernel's check: more than all memory cannot be meant */
	if (!size || (size - 1) >> geo->page_shift >= mem->totalram_pages)
		return 0;
	if (vm_flags & VMAP_ALLOW_HUGE && mem->conf.huge_vmalloc && geo->level[1].may_leaf &&
	    order <= geo->max_order && size >= 1ull << geo->level[1].shift)
		va = try_vmalloc(mem, size, align, gfp, nid, vm_flags, order);
	if (va)
		mem->vmap->stats.huge_areas++;
	else
		va = try_vmalloc(mem, size, align, gfp, nid, vm_flags, 0);
	return va ? va->va_start : 0;
}

kaddr_t vmalloc(struct memory *mem, uint64_t size, gfp_t gfp, int nid)
{
	return vmalloc_node_flags(mem, size, 0, gfp, nid, 0);
}

kaddr_t vmalloc_huge(struct memory *mem, uint64_t size, gfp_t gfp, int nid)
{
	return vmalloc_node_flags(mem, size, 0, gfp, nid, VMAP_ALLOW_HUGE);
}

void vfree(struct memory *mem, kaddr_t addr)
{
	struct vmap_area *va;
	struct vm_struct vm;

	if (!addr)
		return;
	va = area_at(mem, addr);
	BUG_ON(!va || !(va->vm.flags & VMAP_ALLOC));
	/* the address is given up first; nobody can take it before a purge, which must find no entries */
	depopulate(mem, &va->vm);
	vm = va->vm;
	drop_vm_area(mem, va);
	free_page_array(mem, &vm);
}

/* ---- device memory ---- */

/* ioremap aligns to the size, so that large pages can map it, up to what one entry of the level below the root maps. */
static uint64_t ioremap_align(const struct memory *mem, uint64_t size)
{
	const struct geometry *geo = mem->geo;
	unsigned largest = geo->nr_levels > 3 ? geo->level[2].shift : geo->page_shift + 7u;
	unsigned order = ilog2_u64(size) + !is_pow2(size);

	order = order < geo->page_shift ? geo->page_shift : order;
	return 1ull << (order > largest ? largest : order);
}

kaddr_t ioremap(struct memory *mem, uint64_t phys, uint64_t size)
{
	const struct geometry *geo = mem->geo;
	uint64_t offset = phys & (page_bytes(mem) - 1), nr;
	struct vmap_area *va;

	if (!size || phys + size - 1 < phys || (phys + size - 1) >> geo->page_shift >= PFN_NONE)
		return 0;
	size = align_up(size + offset, page_bytes(mem));
	nr = size >> geo->page_shift;
	va = new_vm_area(mem, size, ioremap_align(mem, size), VMAP_IOREMAP, GFP_KERNEL, NUMA_NO_NODE);
	if (!va)
		return 0;
	mem->vmap->stats.nr_ioremap_pages += nr;
	if (kernel_map(mem, va->va_start, (pfn_t)(phys >> geo->page_shift), nr, PAGE_KERNEL | PTE_SPECIAL,
		       geo->nr_levels > 3 ? 2 : 1, NULL))
		return va->va_start + offset;
	iounmap(mem, va->va_start);
	return 0;
}

void iounmap(struct memory *mem, kaddr_t addr)
{
	struct vmap_area *va = area_at(mem, align_down(addr, page_bytes(mem)));

	BUG_ON(!va || !(va->vm.flags & VMAP_IOREMAP));
	mem->vmap->stats.nr_ioremap_pages -= va->vm.size >> mem->geo->page_shift;
	kernel_unmap(mem, va->va_start, va->va_start + va->vm.size);
	drop_vm_area(mem, va);
}
