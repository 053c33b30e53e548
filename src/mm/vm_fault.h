/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the parts of the fault tree hand each other: one fault on its way, and how it ended.
 * Kernel counterpart: include/linux/mm.h (struct vm_fault), mm_types.h (vm_fault_t).
 */
#ifndef MM_VM_FAULT_H
#define MM_VM_FAULT_H

#include "mm/mm_types.h"
#include "mm/pgtable.h"

/* Outcome bits, with the kernel's names. */
typedef uint32_t vm_fault_t;
#define VM_FAULT_OOM	(1u << 0)
#define VM_FAULT_SIGBUS	(1u << 1)
#define VM_FAULT_MAJOR	(1u << 2)	/* something had to be read */
#define VM_FAULT_SIGSEGV (1u << 6)
#define VM_FAULT_NOPAGE	(1u << 8)	/* the entry is set, nothing more to do */
#define VM_FAULT_RETRY	(1u << 10)	/* the entry changed while memory was allocated: look again */
#define VM_FAULT_WAITED	(1u << 12)	/* the page was being read: what is around it may be there now */
#define VM_FAULT_FALLBACK (1u << 11)	/* no huge page: try base pages */
#define VM_FAULT_ERROR	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)

#define FAULT_FLAG_WRITE	(1u << 0)
#define FAULT_FLAG_USER		(1u << 1)
#define FAULT_FLAG_INSTRUCTION	(1u << 2)
#define FAULT_FLAG_GUP		(1u << 3)	/* the kernel pins or populates: no registers, no perf event */

/* One fault on its way through the tree. */
struct vm_fault {
	struct memory *mem;
	struct vm_area_struct *vma;
	uint64_t address;	/* of the page, base-page aligned */
	uint64_t pgoff;		/* page of the file in base pages; linear index for anonymous memory */
	unsigned flags;		/* FAULT_FLAG_* */
	struct pgtable *table;	/* of level 0, NULL while there is none */
	unsigned index;		/* of the entry in it */
	pte_t orig;		/* the entry as found */
};

#endif
