/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Address spaces: handlers of the events 32-63 but for files and resident pages. */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "mm/filemap.h"
#include "mm/mm_config.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/remap_pfn.h"
#include "mm/vma.h"
#include "sim/replay.h"

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#define MAP_WHERE (MAP_FIXED | MAP_FIXED_NOREPLACE)
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static bool is_errno(uint64_t ret)
{
	return ret > -4096ull;
}

/* A call that the kernel carried out and the model refused. */
static void expect(struct mmr_replay *r, int64_t rc)
{
	if (rc < 0 && rc > -4096)
		diverge(r, DIVERGE_CALL_FAILED);
}

/* Names live as long as the program: the model keeps pointers. */
static const char *special_name(const struct mmr_event *ev)
{
	static const char *const names[] = {"[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]",
					    "[sigpage]"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ev->data_len == strlen(names[i]) && !memcmp(ev->data, names[i], ev->data_len))
			return names[i];
	return "[special]";
}

/* The file of a mapping, with a reference; NULL for none. Adds what its kind means for the area. */
static struct address_space *mapping_of(struct mmr_replay *r, uint64_t file,
					struct mmap_request *req)
{
	struct address_space *mapping;

	if (!file || file > UINT32_MAX)
		return NULL;
	mapping = mapping_get(r->mem, (uint32_t)file);
	if (mapping->is_special)
		req->vm_flags |= VM_DEVICE;
	return mapping;
}

/* The pool that a mapping wants, NULL: none, or none that this machine has and that fits its place. */
static struct hstate *hugetlb_pool_of(const struct mmr_replay *r, const struct mmap_request *req)
{
	const struct hugetlb *pools = r->mem->hugetlb;
	unsigned shift = req->flags >> 26 & 0x3f;	/* MAP_HUGE_SHIFT, MAP_HUGE_MASK */
	struct hstate *h;

	if (!pools || !pools->nr_hstates)
		return NULL;
	h = shift && req->flags & MAP_HUGETLB ? size_to_hstate(r->mem, 1ull << shift)
					      : (struct hstate *)&pools->hstates[pools->default_hstate];
	if (!h || (req->addr | req->pgoff << MMR_GRANULE_SHIFT) & (huge_page_size(h) - 1))
		return NULL;
	return h;
}

/* Base pages stand in where the machine has no such huge pages. */
static void prepare_hugetlb(struct mmr_replay *r, struct mmap_request *req)
{
	struct address_space *mapping = req->mapping;
	struct hstate *h;

	if (!(req->flags & MAP_HUGETLB) && !(mapping && mapping->is_hugetlbfs))
		return;
	h = mapping && mapping->hugetlb ? mapping->hugetlb->h : hugetlb_pool_of(r, req);
	if (h && mapping && !mapping->hugetlb) {
		if (mapping_in_use(mapping)) {
			h = NULL;
		} else {
			mapping->is_shmem = false;
			hugetlb_file_setup(mapping, h);
		}
	}
	if (h)
		return;
	diverge(r, DIVERGE_HUGETLB);
	req->flags &= ~(uint64_t)MAP_HUGETLB;
}

static int64_t map(struct mmr_replay *r, struct mm_struct *mm, struct mmap_request *req,
		   uint64_t file, uint64_t offset)
{
	int64_t ret;

	if (!replay_fits(r, req->addr, req->len))
		return -ENOMEM;
	req->mapping = mapping_of(r, file, req);
	req->pgoff = offset >> MMR_GRANULE_SHIFT;
	prepare_hugetlb(r, req);
	/* Frees what lies there, as MAP_FIXED does. */
	req->flags = (req->flags & ~(uint64_t)MAP_WHERE) | MAP_FIXED;
	ret = do_mmap(mm, req);
	if (ret == -ENOMEM && (req->flags & MAP_HUGETLB || (req->mapping && req->mapping->hugetlb)))
		diverge(r, DIVERGE_HUGETLB);
	if (req->mapping)
		mapping_put(r->mem, req->mapping);
	return ret;
}

/* ---- areas as they are ---- */

static bool same_backing(const struct vm_area_struct *vma, const struct mmr_event *ev)
{
	uint64_t shared = (ev->VMA.flags & MAP_TYPE) != MAP_PRIVATE ? VM_SHARED : 0;
	uint32_t file = vma->vm_mapping ? vma->vm_mapping->file : 0;

	if (!!(ev->VMA.flags & MMR_VMA_SPECIAL) != !!(vma->vm_flags & VM_SPECIAL_MAP))
		return false;
	if ((vma->vm_flags & VM_SHARED) != shared || file != ev->VMA.file)
		return false;
	return !file || vma->vm_pgoff == ev->VMA.offset >> MMR_GRANULE_SHIFT;
}

/* The model knows this very area already, as after a call that the trace has, too. */
static bool is_known_area(struct mm_struct *mm, const struct mmr_event *ev)
{
	const struct vm_area_struct *vma = vma_lookup(mm, ev->VMA.addr);
	const uint64_t rwx = VM_READ | VM_WRITE | VM_EXEC;

	return vma && vma->vm_start == ev->VMA.addr && vma->vm_end == ev->VMA.addr + ev->VMA.len &&
	       (vma->vm_flags & rwx) == (ev->VMA.prot & rwx) && same_backing(vma, ev);
}

static void set_bounds(struct mm_struct *mm, const struct mmr_event *ev)
{
	uint64_t end = ev->VMA.addr + ev->VMA.len;

	if (ev->VMA.flags & MMR_VMA_STACK && !mm->start_stack)
		mm->start_stack = end;
	if (ev->VMA.flags & MMR_VMA_HEAP) {
		if (!mm->start_brk)
			mm->start_brk = ev->VMA.addr;
		if (mm->brk < end)
			mm->brk = end;
	}
	if (ev->VMA.prot & PROT_EXEC && ev->VMA.file && !mm->start_code) {
		mm->start_code = ev->VMA.addr;
		mm->end_code = end;
	}
}

void ev_vma(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	struct mmap_request req = {
		.addr = ev->VMA.addr,
		.len = ev->VMA.len,
		.prot = ev->VMA.prot,
		.flags = ev->VMA.flags & UINT32_MAX &
			 ~(uint64_t)(MAP_POPULATE | MAP_LOCKED | MAP_GROWSDOWN),
		.apart = ev->VMA.flags & MMR_VMA_EXISTING,
	};

	if (!mm)
		return;
	set_bounds(mm, ev);
	if (is_known_area(mm, ev))
		return;
	if (!(req.flags & MAP_TYPE))
		req.flags |= MAP_PRIVATE;
	if (ev->VMA.flags & (MMR_VMA_STACK | MAP_GROWSDOWN))
		req.vm_flags |= VM_GROWSDOWN;
	if (ev->VMA.flags & MAP_LOCKED)
		req.vm_flags |= VM_LOCKED | VM_LOCKONFAULT; /* what is resident is said apart */
	if (ev->VMA.flags & MMR_VMA_SPECIAL) {
		req.name = special_name(ev);
		req.vm_flags |= VM_SPECIAL_MAP;
		/* The vdso is pages; vvar and its kin are frames without: never populated, copied by fork. */
		if (!req.name || strcmp(req.name, "[vdso]") != 0)
			req.vm_flags |= VM_IO | VM_PFNMAP;
	}
	expect(r, map(r, mm, &req, ev->VMA.file, ev->VMA.offset));
}

void ev_stack(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	uint64_t addr = ev->STACK.addr, end = ev->STACK.end;
	struct vm_area_struct *vma;
	struct mmap_request req = {
		.addr = addr,
		.len = end - addr,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.vm_flags = VM_GROWSDOWN,
	};

	if (!mm || end <= addr)
		return;
	if (ev->STACK.limit)
		mm->stack_limit_bytes = ev->STACK.limit;
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start <= addr && vma->vm_end >= end)
		return;
	if (vma && vma->vm_flags & VM_GROWSDOWN && vma->vm_start < end && vma->vm_end == end)
		expect(r, expand_stack(mm, addr) ? 0 : -ENOMEM);
	else
		expect(r, map(r, mm, &req, 0, 0));
}

/* ---- system calls ---- */

void ev_mmap(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	struct mmap_request req = {
		.addr = ev->MMAP.addr,
		.len = ev->MMAP.len,
		.prot = ev->MMAP.prot,
		.flags = ev->MMAP.flags,
	};

	if (!mm || is_errno(ev->MMAP.addr))
		return;
	if (!(req.flags & MAP_FIXED) &&
	    find_vma_intersection(mm, req.addr, req.addr + page_align(mm, req.len)))
		diverge(r, DIVERGE_MMAP_OVERLAP);
	expect(r, map(r, mm, &req, ev->MMAP.file, ev->MMAP.offset));
}

void ev_munmap(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (mm)
		expect(r, do_munmap(mm, ev->MUNMAP.addr, ev->MUNMAP.len));
}

void ev_mremap(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	int64_t ret;

	if (!mm || is_errno(ev->MREMAP.ret) ||
	    !replay_fits(r, ev->MREMAP.ret, ev->MREMAP.new_len))
		return;
	ret = do_mremap(mm, ev->MREMAP.addr, ev->MREMAP.old_len, ev->MREMAP.new_len,
			ev->MREMAP.flags, ev->MREMAP.ret);
	if (ret != (int64_t)ev->MREMAP.ret)
		diverge(r, DIVERGE_CALL_FAILED);
}

void ev_mprotect(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (mm)
		expect(r, do_mprotect(mm, ev->MPROTECT.addr, ev->MPROTECT.len, ev->MPROTECT.prot));
}

void ev_brk(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (!mm || !replay_fits(r, ev->BRK.brk, 0))
		return;
	if (ev->BRK.start) {
		mm->start_brk = ev->BRK.start;
		if (mm->brk < mm->start_brk)
			mm->brk = mm->start_brk;
	}
	if (!mm->start_brk)
		mm->start_brk = mm->brk = ev->BRK.brk; /* the first that is heard of it */
	if (ev->BRK.brk != mm->brk)
		expect(r, do_brk(mm, ev->BRK.brk));
}

void ev_madvise(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	int64_t ret = (int64_t)ev->MADVISE.ret;

	/* -ENOMEM: a hole in the range, and done all the same */
	if (mm && (!is_errno(ev->MADVISE.ret) || ret == -ENOMEM))
		do_madvise(mm, ev->MADVISE.addr, ev->MADVISE.len, (int)ev->MADVISE.advice);
}

void ev_mlock(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (!mm)
		return;
	if (ev->MLOCK.lock)
		expect(r, do_mlock(mm, ev->MLOCK.addr, ev->MLOCK.len, ev->MLOCK.flags & 1));
	else
		expect(r, do_munlock(mm, ev->MLOCK.addr, ev->MLOCK.len));
}

void ev_mlockall(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (mm)
		expect(r, do_mlockall(mm, ev->MLOCKALL.flags));
}

void ev_prctl(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);

	if (ev->PRCTL.option != PR_SET_THP_DISABLE)
		r->counts.ignored[ev->kind]++;
	else if (mm)
		mm->thp_disabled = ev->PRCTL.arg ? THP_DISABLED : THP_NOT_DISABLED;
}

void ev_shmat(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	struct mmap_request req = {
		.addr = ev->SHMAT.addr,
		.len = ev->SHMAT.len,
		.prot = ev->SHMAT.prot,
		.flags = MAP_SHARED,
	};

	if (!mm || is_errno(ev->SHMAT.addr))
		return;
	if (ev->SHMAT.file && ev->SHMAT.file <= UINT32_MAX) {
		struct address_space *segment = mapping_get(r->mem, (uint32_t)ev->SHMAT.file);

		segment->is_shmem |= !mapping_in_use(segment);
		mapping_put(r->mem, segment);
	}
	expect(r, map(r, mm, &req, ev->SHMAT.file, 0));
}

/* The whole attachment goes, as it was made at the address. */
void ev_shmdt(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	const struct vm_area_struct *vma = mm ? find_vma(mm, ev->SHMDT.addr) : NULL;

	if (vma && vma->vm_start == ev->SHMDT.addr)
		expect(r, do_munmap(mm, vma->vm_start, vma->vm_end - vma->vm_start));
	else if (mm)
		diverge(r, DIVERGE_CALL_FAILED);
}
