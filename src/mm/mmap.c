/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmap, brk and the search for holes: see mmap.h. */
#include "mm/mmap.h"

#include <errno.h>

#include "mm/filemap.h"
#include "mm/huge_pmd.h"
#include "mm/hugetlb.h"
#include "mm/munmap.h"
#include "mm/remap_pfn.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"

#ifndef MAP_TYPE
#define MAP_TYPE 0x0f
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#define MAP_HUGE_MASK 0x3f
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

#define VM_DATA_DEFAULT_FLAGS (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* One mapping on its way into the address space. */
struct mmap_state {
	struct mm_struct *mm;
	uint64_t addr, len;
	uint64_t pgoff;
	uint64_t vm_flags;
	struct address_space *mapping;
	const char *name;
	struct hstate *h;	/* of huge pages that are set aside, NULL */
	bool apart;
};

/* A search in the tree of holes. */
struct hole_search {
	uint64_t len, low, high;
};

/* Where `len` bytes end at the top of the part of a hole that the limits leave. 0: no. */
static uint64_t fit_high(const struct hole_search *s, uint64_t start, uint64_t end)
{
	start = start > s->low ? start : s->low;
	end = end < s->high ? end : s->high;
	return end > start && end - start >= s->len ? end - s->len : 0;
}

static uint64_t fit_low(const struct hole_search *s, uint64_t start, uint64_t end)
{
	start = start > s->low ? start : s->low;
	end = end < s->high ? end : s->high;
	return end > start && end - start >= s->len ? start : 0;
}

static uint64_t search_subtree(const struct hole_search *s, const struct rb_node *rb, bool topdown)
{
	const struct vm_area_struct *vma, *prev;
	uint64_t addr, start;

	if (!rb)
		return 0;
	vma = container_of((struct rb_node *)rb, struct vm_area_struct, vm_rb);
	if (vma->rb_subtree_gap < s->len)
		return 0;
	addr = search_subtree(s, topdown ? rb->right : rb->left, topdown);
	if (addr)
		return addr;
	prev = vma_prev(vma);
	start = prev ? prev->vm_end : 0;
	addr = (topdown ? fit_high : fit_low)(s, start, start + vma->vm_gap);
	return addr ? addr : search_subtree(s, topdown ? rb->left : rb->right, topdown);
}

/* The hole above the last area is in no subtree. */
static uint64_t vm_unmapped_area(const struct mm_struct *mm, const struct hole_search *s,
				 bool topdown)
{
	const struct rb_node *last = rb_last(&mm->mm_rb);
	uint64_t end =
		last ? container_of((struct rb_node *)last, struct vm_area_struct, vm_rb)->vm_end
		     : 0;
	uint64_t addr = topdown ? fit_high(s, end, UINT64_MAX) : 0;

	if (!addr)
		addr = search_subtree(s, mm->mm_rb.node, topdown);
	return addr || topdown ? addr : fit_low(s, end, UINT64_MAX);
}

static uint64_t search_hole(struct mm_struct *mm, uint64_t len)
{
	const struct geometry *geo = mm->mem->geo;
	struct hole_search s = {.len = len, .low = MMAP_MIN_ADDR, .high = mm->mmap_base};
	uint64_t addr;

	if (s.low < page_size(mm))
		s.low = page_size(mm);
	if (!s.high)
		s.high = geo->mmap_end;
	if (len > geo->mmap_end)
		return 0;
	addr = vm_unmapped_area(mm, &s, true);
	if (addr)
		return addr;
	s.low = page_align(mm, geo->mmap_end / 3);
	s.high = geo->mmap_end;
	return vm_unmapped_area(mm, &s, false);
}

/* Is [addr, addr + len) free, guard gaps included? */
static bool hint_is_free(struct mm_struct *mm, uint64_t addr, uint64_t len)
{
	struct vm_area_struct *prev, *vma = find_vma_prev(mm, addr, &prev);
	uint64_t end = mm->mem->geo->mmap_end;

	if (len > end || addr > end - len || addr < MMAP_MIN_ADDR || (vma && vma->vm_start <= addr))
		return false;
	if (!vma)
		return true;
	return addr + len <= (prev ? prev->vm_end : 0) + vma->vm_gap;
}

static uint64_t hint_or_hole(struct mm_struct *mm, uint64_t hint, uint64_t len)
{
	return hint && hint_is_free(mm, hint, len) ? hint : search_hole(mm, len);
}

/* With room to shift, so that offset and address are aligned alike. 0: no need, or no room. */
static uint64_t thp_get_unmapped_area(struct mm_struct *mm, uint64_t hint, uint64_t len,
				      uint64_t off)
{
	uint64_t size = hpage_size(mm->mem), end = off + len,
		 first = (off + size - 1) & ~(size - 1), addr;

	if (end <= first || end - first < size || len + size < len)
		return 0;
	addr = hint_or_hole(mm, hint, len + size);
	if (!addr || addr == hint)
		return addr;
	return addr + (((off - addr) & (size - 1)) ? (off - addr) & (size - 1) : size);
}

/* Aligned to the huge page: at the hint, or as high as possible in a hole with room to shift. */
static uint64_t hugetlb_get_unmapped_area(struct mm_struct *mm, const struct hstate *h, uint64_t hint,
					  uint64_t len)
{
	uint64_t size = huge_page_size(h), pad = size - page_size(mm), addr;

	hint = (hint + size - 1) & ~(size - 1);
	if (hint && hint_is_free(mm, hint, len))
		return hint;
	addr = len + pad > len ? search_hole(mm, len + pad) : 0;
	return addr ? (addr + pad) & ~(size - 1) : 0;
}

uint64_t get_unmapped_area(struct mm_struct *mm, const struct address_space *mapping, uint64_t hint,
			   uint64_t len, uint64_t pgoff, bool shared)
{
	uint64_t addr = 0;

	if (mapping && unlikely(mapping->hugetlb))
		return hugetlb_get_unmapped_area(mm, mapping->hugetlb->h, hint, len);

	hint &= ~(page_size(mm) - 1);
	if (hint && hint < MMAP_MIN_ADDR)
		hint = page_align(mm, MMAP_MIN_ADDR);
	if (mapping && !mapping->is_shmem && !mapping->is_special)
		addr = thp_get_unmapped_area(mm, hint, len, pgoff << 12);
	else if (!mapping && !shared && !hint && !(len & (hpage_size(mm->mem) - 1)))
		addr = thp_get_unmapped_area(mm, 0, len, 0);
	return addr ? addr : hint_or_hole(mm, hint, len);
}

/* Chooses or checks the address. 0 or a negative errno. */
static int choose_address(struct mmap_state *map, const struct mmap_request *req)
{
	struct mm_struct *mm = map->mm;
	const struct geometry *geo = mm->mem->geo;

	map->addr = req->addr;
	if (map->len > geo->user_end)
		return -ENOMEM;
	if (!(req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		map->addr = get_unmapped_area(mm, map->mapping, req->addr, map->len, req->pgoff,
					      (req->flags & MAP_TYPE) != MAP_PRIVATE);
		if (!map->addr)
			return -ENOMEM;
	}
	if (map->addr > geo->user_end - map->len)
		return -ENOMEM;
	if (!page_aligned(mm, map->addr) || (map->h && map->addr & (huge_page_size(map->h) - 1)))
		return -EINVAL;
	if (req->flags & MAP_FIXED_NOREPLACE &&
	    find_vma_intersection(mm, map->addr, map->addr + map->len))
		return -EEXIST;
	return 0;
}

static uint64_t calc_vm_flags(const struct mm_struct *mm, const struct mmap_request *req)
{
	uint64_t f = req->vm_flags | mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	f |= req->prot & PROT_READ ? VM_READ : 0;
	f |= req->prot & PROT_WRITE ? VM_WRITE : 0;
	f |= req->prot & PROT_EXEC ? VM_EXEC : 0;
	f |= req->flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0;
	f |= req->flags & MAP_LOCKED ? VM_LOCKED : 0;
	f |= req->flags & MAP_STACK ? VM_NOHUGEPAGE : 0;
	if (req->flags & MAP_NORESERVE && mm->mem->conf.overcommit_memory != 2)
		f |= VM_NORESERVE;
	if (f & VM_SPECIAL_MAP)
		f = (f | VM_DONTEXPAND) & ~VM_LOCKED_MASK;
	return f;
}

/* Sharing, and what may not go together. */
static int check_type(struct mmap_state *map, const struct mmap_request *req)
{
	bool grows = map->vm_flags & VM_GROWSDOWN;

	switch (req->flags & MAP_TYPE) {
	case MAP_SHARED:
	case MAP_SHARED_VALIDATE:
		if (!map->mapping && (req->flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
			return -EINVAL;
		map->vm_flags |= VM_SHARED | VM_MAYSHARE;
		map->pgoff = map->mapping ? req->pgoff : 0;
		return grows ? -EINVAL : 0;
	case MAP_DROPPABLE:
		if (req->mapping || grows || req->flags & MAP_LOCKED)
			return -EINVAL;
		map->vm_flags |= VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		map->pgoff = map->addr >> 12;
		return 0;
	case MAP_PRIVATE:
		map->pgoff = map->mapping || map->vm_flags & VM_SPECIAL_MAP ? req->pgoff
									    : map->addr >> 12;
		return map->mapping && grows ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* Private memory that will be written is accounted. */
static bool accountable_mapping(uint64_t vm_flags)
{
	return (vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/*
 * Takes what is there out of the way, accounts the new. 0 or a negative errno: then nothing has
 * gone.
 */
static int mmap_prepare(struct mmap_state *map, struct vma_munmap_struct *vms)
{
	struct mm_struct *mm = map->mm;
	uint64_t nr_pages = map->len >> mm->mem->geo->page_shift, keep = 0;
	int err = vms_gather_munmap_vmas(vms, mm, map->addr, map->addr + map->len);

	if (err)
		return err;
	if (!may_expand_vm(mm, map->vm_flags, nr_pages - vms->nr_pages))
		return -ENOMEM;
	if (!map->h && accountable_mapping(map->vm_flags)) {
		keep = vms->nr_accounted;
		if (nr_pages > keep && !vm_enough_memory(mm, nr_pages - keep))
			return -ENOMEM;
		map->vm_flags |= VM_ACCOUNT;
	}
	vms_complete_munmap_vmas(vms, keep);
	return 0;
}

/* As hugetlbfs_file_mmap(): the pages are set aside, and a file that may be written grows. */
static bool reserve_hugetlb(struct vm_area_struct *vma)
{
	uint64_t end = vma->vm_end - vma->vm_start + (vma->vm_pgoff << 12);

	if (hugetlb_reserve_pages(vma))
		return false;
	if (vma->vm_flags & VM_WRITE && vma->vm_mapping->size_bytes < end)
		vma->vm_mapping->size_bytes = end;
	return true;
}

static struct vm_area_struct *mmap_new_vma(const struct mmap_state *map)
{
	struct vm_area_struct *vma = vm_area_alloc(map->mm);

	if (!vma)
		return NULL;
	vma->vm_start = map->addr;
	vma->vm_end = map->addr + map->len;
	vma->vm_flags = map->vm_flags;
	vma->vm_pgoff = map->pgoff;
	vma->vm_name = map->name;
	vma->vm_mapping = map->mapping;
	if (map->mapping) {
		mapping_get_ref(map->mapping);
	} else if (map->vm_flags & VM_SHARED) {
		vma->vm_mapping = mapping_new_shmem(map->mm->mem);
		vma->vm_mapping->size_bytes = map->len;
	}
	if (unlikely(map->h) && !reserve_hugetlb(vma)) {
		mapping_put(map->mm->mem, map->mapping);
		vm_area_free(vma);
		return NULL;
	}
	vma_link(map->mm, vma);
	return vma;
}

static int mmap_region(struct mmap_state *map)
{
	struct mm_struct *mm = map->mm;
	uint64_t nr_pages = map->len >> mm->mem->geo->page_shift;
	struct vma_munmap_struct vms;
	struct vm_area_struct *vma;
	int err = mmap_prepare(map, &vms);

	if (err)
		return err;
	vma = map->apart
		      ? NULL
		      : vma_merge_new_range(&(struct vma_merge_struct){.mm = mm,
								       .prev = vms.prev,
								       .next = vms.next,
								       .start = map->addr,
								       .end = map->addr + map->len,
								       .pgoff = map->pgoff,
								       .vm_flags = map->vm_flags,
								       .mapping = map->mapping});
	if (!vma)
		vma = mmap_new_vma(map);
	if (!vma) {
		/* What was there is gone, as in the kernel. */
		if (map->vm_flags & VM_ACCOUNT)
			vm_unacct_memory(mm->mem, nr_pages);
		return -ENOMEM;
	}
	vm_stat_account(mm, vma->vm_flags, (int64_t)nr_pages);
	if (vma->vm_flags & VM_SPECIAL)
		vma->vm_flags &= ~VM_LOCKED_MASK;
	else if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	/* last: what fails here is unmapped as any other area */
	if (unlikely(device_maps_eagerly(vma)) && !remap_pfn_range(vma)) {
		do_munmap(mm, map->addr, map->len);
		return -ENOMEM;
	}
	return 0;
}

/* The pool that MAP_HUGETLB names by the log2 of its page size, or the default one; NULL: there is none. */
static struct hstate *hstate_of_flags(const struct memory *mem, uint64_t flags)
{
	unsigned shift = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	if (!mem->hugetlb || !mem->hugetlb->nr_hstates)
		return NULL;
	return shift ? size_to_hstate(mem, 1ull << shift) : &mem->hugetlb->hstates[mem->hugetlb->default_hstate];
}

/*
 * A file of hugetlbfs, or with MAP_HUGETLB a new one without a name: the caller drops that reference. Lengths are of whole
 * huge pages.
 */
static int prepare_hugetlb(struct mmap_state *map, const struct mmap_request *req, bool *ret_own)
{
	uint64_t mask;

	*ret_own = false;
	if (req->mapping && req->mapping->hugetlb) {
		map->h = req->mapping->hugetlb->h;
	} else if (req->flags & MAP_HUGETLB) {
		map->h = req->mapping ? NULL : hstate_of_flags(map->mm->mem, req->flags);
		if (!map->h)
			return -EINVAL;
	} else {
		return 0;
	}
	mask = huge_page_size(map->h) - 1;
	if (map->len + mask < map->len || req->pgoff & mask >> 12)
		return -EINVAL;
	map->len = (map->len + mask) & ~mask;
	map->vm_flags |= VM_HUGETLB | VM_DONTEXPAND | (req->flags & MAP_NORESERVE ? VM_NORESERVE : 0);
	*ret_own = !req->mapping;
	if (*ret_own) {
		map->mapping = mapping_new_kernel(map->mm->mem);
		map->mapping->size_bytes = map->len;
		hugetlb_file_setup(map->mapping, map->h);
	}
	return 0;
}

int64_t do_mmap(struct mm_struct *mm, const struct mmap_request *req)
{
	struct mmap_state map = {
		.mm = mm, .mapping = req->mapping, .name = req->name, .apart = req->apart};
	bool own;
	int err;

	if (!req->len)
		return -EINVAL;
	map.len = page_align(mm, req->len);
	if (!map.len)
		return -ENOMEM;
	if (req->pgoff + (map.len >> 12) < req->pgoff)
		return -EOVERFLOW;
	if (mm->map_count > mm->mem->conf.max_map_count)
		return -ENOMEM;
	map.vm_flags = calc_vm_flags(mm, req);
	err = prepare_hugetlb(&map, req, &own);
	if (err)
		return err;
	err = choose_address(&map, req);
	if (!err)
		err = check_type(&map, req);
	if (!err)
		err = mmap_region(&map);
	if (own)
		mapping_put(mm->mem, map.mapping);
	if (err)
		return err;
	if (map.vm_flags & VM_LOCKED ||
	    (req->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		mm_populate(mm, map.addr, map.addr + map.len, true);
	return (int64_t)map.addr;
}

static int brk_shrink(struct mm_struct *mm, uint64_t new_end, uint64_t old_end)
{
	struct vma_munmap_struct vms;
	int err;

	if (!find_vma_intersection(mm, new_end, old_end))
		return -ENOMEM;
	err = vms_gather_munmap_vmas(&vms, mm, new_end, old_end);
	if (!err)
		vms_complete_munmap_vmas(&vms, 0);
	return err ? -ENOMEM : 0;
}

/* Adds [start, end) to the heap: grows the area before it, or makes a new one. */
static int do_brk_flags(struct mm_struct *mm, struct vm_area_struct *prev, uint64_t start,
			uint64_t end)
{
	struct mmap_state map = {
		.mm = mm,
		.addr = start,
		.len = end - start,
		.pgoff = start >> 12,
		.vm_flags = VM_DATA_DEFAULT_FLAGS | VM_ACCOUNT | mm->def_flags,
	};
	uint64_t nr_pages = map.len >> mm->mem->geo->page_shift;
	bool grown;

	if (!may_expand_vm(mm, map.vm_flags, nr_pages) ||
	    mm->map_count > mm->mem->conf.max_map_count || !vm_enough_memory(mm, nr_pages))
		return -ENOMEM;
	grown = prev && prev->vm_end == start &&
		vma_merge_new_range(&(struct vma_merge_struct){.mm = mm,
							       .prev = prev,
							       .start = start,
							       .end = end,
							       .pgoff = map.pgoff,
							       .vm_flags = map.vm_flags,
							       .just_expand = true});
	if (!grown && !mmap_new_vma(&map)) {
		vm_unacct_memory(mm->mem, nr_pages);
		return -ENOMEM;
	}
	vm_stat_account(mm, map.vm_flags, (int64_t)nr_pages);
	if (map.vm_flags & VM_LOCKED)
		mm->locked_vm += nr_pages;
	return 0;
}

static int brk_grow(struct mm_struct *mm, uint64_t old_end, uint64_t new_end)
{
	struct vm_area_struct *prev, *next = find_vma_prev(mm, old_end, &prev);

	if (new_end > mm->mem->geo->user_end)
		return -ENOMEM;
	/* An area that holds old_end, or whose gap would be entered by one page more. */
	if (next && (next->vm_start <= old_end ||
		     new_end + page_size(mm) > (prev ? prev->vm_end : 0) + next->vm_gap))
		return -ENOMEM;
	if (prev && prev->vm_end <= mm->start_brk)
		prev = NULL;
	return do_brk_flags(mm, prev, old_end, new_end);
}

int do_brk(struct mm_struct *mm, uint64_t brk)
{
	uint64_t old_end = page_align(mm, mm->brk), new_end = page_align(mm, brk);
	int err = 0;

	if (brk < mm->start_brk)
		return -ENOMEM;
	if (mm->data_limit_bytes &&
	    (brk - mm->start_brk) + (mm->end_data - mm->start_data) > mm->data_limit_bytes)
		return -ENOMEM;
	if (new_end < old_end)
		err = brk_shrink(mm, new_end, old_end);
	else if (new_end > old_end)
		err = brk_grow(mm, old_end, new_end);
	if (err)
		return err;
	mm->brk = brk;
	if (new_end > old_end && mm->def_flags & VM_LOCKED)
		mm_populate(mm, old_end, new_end, true);
	return 0;
}
