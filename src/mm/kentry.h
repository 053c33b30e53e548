/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Entries into the kernel, by cause, and the memory that the kernel itself touches there. Kernel counterpart:
 * arch/x86/entry/, kernel/entry/common.c, arch/x86/mm/fault.c; the touches have none (the MMU).
 *
 * An entry is counted always. With kernel.touches=on the accesses that the kernel makes on that path to its own memory
 * go through the TLB of the CPU, walk the kernel's half of the page tables, and are counted apart from those of user
 * mode (struct tlb_side). Kernel addresses are global: they survive a switch, and push out entries of user mode.
 *
 *	every entry	code: the entry page and the page of the cause's handler; the kernel stack (write); task_struct
 *	fault		mm_struct, the area, the tables of the walk (direct map), struct page, the page cleared or copied
 *	system call	mm_struct
 *	switch		both task_structs, both stacks
 *
 * Simplified: one touch per page and purpose, whatever number of accesses the code really makes.
 * Left out: data of the image, areas per CPU, interrupt stacks, what the caches of the file system touch.
 *
 * Interface:
 *   - kernel_enter(): counts, and touches
 *   - ktouch_*(): the further touches of a path; they cost one branch when switched off
 * What a touch does is behind memory->ktouch (mm/ktouch.h): it walks page tables, which stand above this.
 */
#ifndef MM_KENTRY_H
#define MM_KENTRY_H

#include "mm/kaddr.h"

/* X(NAME, "key", "meaning") */
#define KERNEL_ENTRIES(X) \
	X(SYSCALL, "syscall", "system calls, of those that the trace records") \
	X(FAULT, "fault", "page faults: exceptions, whatever comes of them") \
	X(TIMER, "timer", "timer interrupts of CPUs that run a task (kernel.hz)") \
	X(SHOOTDOWN, "shootdown", "interrupts from another CPU to flush the TLB") \
	X(SWITCH, "switch", "context switches") \
	X(SIGNAL, "signal", "signals delivered") \
	X(IO, "io", "interrupts of devices: reads that faults started have ended, DMA transfers")

enum kernel_entry {
#define KERNEL_ENTRY_ENUM(NAME, key, meaning) KERNEL_##NAME,
	KERNEL_ENTRIES(KERNEL_ENTRY_ENUM)
#undef KERNEL_ENTRY_ENUM
	NR_KERNEL_ENTRIES
};

struct kernel_entry_info {
	const char *key, *meaning;
};
extern const struct kernel_entry_info kernel_entry_info[NR_KERNEL_ENTRIES];
_Static_assert(NR_KERNEL_ENTRIES <= KERNEL_ENTRIES_MAX, "memory->kernel_entries is too small");

/* Bytes of a kernel stack, THREAD_SIZE: 8K on 32-bit machines, else 16K, a page where that is more. */
static inline uint64_t thread_size(const struct memory *mem)
{
	uint64_t bytes = mem->geo->va_bits > 32 ? 16384 : 8192, page = 1ull << mem->geo->page_shift;

	return bytes > page ? bytes : page;
}

struct ktouch_ops {
	void (*enter)(struct memory *mem, unsigned cpu, enum kernel_entry cause);
	void (*touch)(struct memory *mem, kaddr_t addr, bool write);
	void (*fault)(struct memory *mem, const struct vm_area_struct *vma, uint64_t addr);
};

/* memory->cpu enters the kernel. */
static inline void kernel_enter(struct memory *mem, enum kernel_entry cause)
{
	mem->kernel_entries[cause]++;
	if (unlikely(mem->ktouch))
		mem->ktouch->enter(mem, mem->cpu, cause);
}

/* Another CPU does. */
static inline void kernel_enter_cpu(struct memory *mem, unsigned cpu, enum kernel_entry cause)
{
	mem->kernel_entries[cause]++;
	if (unlikely(mem->ktouch))
		mem->ktouch->enter(mem, cpu, cause);
}

/* The kernel touches a frame through the direct map: clears, copies, sets an entry of a table in it. */
static inline void ktouch_frame(struct memory *mem, pfn_t pfn, bool write)
{
	if (unlikely(mem->ktouch) && pfn_has_kaddr(mem, pfn))
		mem->ktouch->touch(mem, pfn_to_kaddr(mem, pfn), write);
}

/* A frame that the kernel has just cleared or will copy to; PFN_NONE is nothing. Returns pfn. */
static inline pfn_t ktouch_new_frame(struct memory *mem, pfn_t pfn)
{
	if (unlikely(mem->ktouch) && pfn != PFN_NONE)
		ktouch_frame(mem, pfn, true);
	return pfn;
}

/* What the handler of a fault has in hand: the area, the tables that lead to addr, struct page of what is mapped there. */
static inline void ktouch_fault(struct memory *mem, const struct vm_area_struct *vma, uint64_t addr)
{
	if (unlikely(mem->ktouch))
		mem->ktouch->fault(mem, vma, addr);
}

#endif
