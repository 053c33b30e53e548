/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The system calls on address spaces. Kernel counterpart: mm/mmap.c, mm/vma.c, mprotect.c,
 * mremap.c, madvise.c, mlock.c, of Linux 6.18.
 * All take addresses in bytes and return 0 (or an address) or a negative errno, as the system call
 * would.
 *
 * Modelled: placing, mapping over, limits, commit accounting, mlock accounting, populating, brk,
 * every madvise that has an effect on areas or entries.
 * Simplified: the caller is privileged (no RLIMIT_MEMLOCK, no mmap_min_addr for MAP_FIXED); files
 * may be written as they are mapped; protection keys and PROT_EXEC-only are plain protections.
 * Left out: userfaultfd, mseal, guard regions, remap_file_pages.
 *
 * A trace knows what the kernel answered; who replays passes the address as MAP_FIXED, or as
 * new_addr to mremap.
 */
#ifndef MM_MMAP_H
#define MM_MMAP_H

#include <sys/mman.h>

#include "mm/mm_types.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
/* Traces carry the generic numbers; these are the host's. */
_Static_assert(PROT_EXEC == 4 && MAP_FIXED == 0x10 && MAP_GROWSDOWN == 0x100 &&
		       MAP_POPULATE == 0x8000 && MADV_DONTNEED == 4 && MCL_ONFAULT == 4,
	       "a host with numbers of its own");

struct mmap_request {
	uint64_t addr;	      /* with MAP_FIXED where it shall be, else a hint */
	uint64_t len;	      /* bytes */
	uint64_t prot, flags; /* PROT_*, MAP_* as on x86-64 and arm64 Linux */
	struct address_space
		*mapping;  /* NULL for anonymous memory; MAP_SHARED makes a shmem object */
	uint64_t pgoff;	   /* granules */
	uint64_t vm_flags; /* more VM_* bits: VM_GROWSDOWN, VM_IO, VM_SPECIAL_MAP */
	const char *name;  /* interned by the caller, or NULL */
	bool apart;	   /* joins no neighbour: the kernel had reasons that nobody recorded */
};

/*
 * The address, or a negative errno. Populates with MAP_POPULATE or VM_LOCKED. The area takes its
 * own reference to the mapping.
 */
int64_t do_mmap(struct mm_struct *mm, const struct mmap_request *req);
int do_munmap(struct mm_struct *mm, uint64_t addr, uint64_t len);
int do_mprotect(struct mm_struct *mm, uint64_t addr, uint64_t len, uint64_t prot);
/* new_addr: where it went when the caller knows (a trace does), else 0. */
int64_t do_mremap(struct mm_struct *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
		  uint64_t flags, uint64_t new_addr);
/* 0 when mm->brk is now brk; -ENOMEM when the kernel would return the old break. */
int do_brk(struct mm_struct *mm, uint64_t brk);
int do_madvise(struct mm_struct *mm, uint64_t addr, uint64_t len, int advice);
int do_mlock(struct mm_struct *mm, uint64_t addr, uint64_t len, bool onfault);
int do_munlock(struct mm_struct *mm, uint64_t addr, uint64_t len);
int do_mlockall(struct mm_struct *mm, uint64_t flags); /* 0: munlockall */
/*
 * Faults in what the areas of [start, end) let it, as MAP_POPULATE and mlock do: holes, device
 * memory and areas locked on fault are passed over. ignore_errors: goes on behind an area that
 * failed. False: one failed.
 */
bool mm_populate(struct mm_struct *mm, uint64_t start, uint64_t end, bool ignore_errors);
/* Unmaps and frees all areas, pages and tables but the root; no TLB knows the mm afterwards. */
void exit_mmap(struct mm_struct *mm);
/*
 * Where a mapping without MAP_FIXED goes, as __get_unmapped_area(): at the hint (0: none) when that
 * is free, guard gaps included; else at the top of the highest hole below mm->mmap_base; bottom-up
 * when there is none. Mappings that huge pages could serve are aligned for them
 * (thp_get_unmapped_area()). 0: no hole.
 */
uint64_t get_unmapped_area(struct mm_struct *mm, const struct address_space *mapping, uint64_t hint,
			   uint64_t len, uint64_t pgoff, bool shared);

#endif
