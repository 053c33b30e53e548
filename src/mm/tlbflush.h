/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the memory manager tells the TLBs. Kernel counterpart: arch/x86/mm/tlb.c of 6.18 (choose_new_asid,
 * switch_mm_irqs_off, flush_tlb_mm_range, flush_tlb_func, should_flush_tlb), asm/tlbflush.h.
 *
 * Modelled: dynamic ASIDs per CPU (TLB_NR_DYN_ASIDS, machine.asids) with their generations; single-page flushes up to
 * tlb_single_page_flush_ceiling; lazy TLB mode, whose CPUs are flushed at their next switch; mm_cpumask, with
 * CPUs left in it until a flush finds them elsewhere or a second has passed (trim_cpumask).
 * Simplified: an interrupt to another CPU is done at once.
 * Left out: page-table isolation and its second set of PCIDs; INVLPGB and global ASIDs; the barriers for
 * branch predictors.
 *
 * nr_tlb_* count what the kernel counts (CONFIG_DEBUG_TLBFLUSH): a flush that a switch does is in none of them.
 * All of these do nothing when memory->tlb is NULL.
 */
#ifndef MM_TLBFLUSH_H
#define MM_TLBFLUSH_H

#include "mm/mm_types.h"

/* The CPU memory->cpu goes over to `next` (NULL: a kernel thread, lazy). */
void switch_mm(struct memory *mem, struct mm_struct *next);
/* The CPU goes on without the address space, if that is the one it has (exit_mm() does, before mm's last user goes). */
void enter_lazy_tlb(struct mm_struct *mm);
/* [start, end) of mm changed; stride is the log2 of the pages; freed_tables: page-table pages went too. */
void flush_tlb_mm_range(struct mm_struct *mm, uint64_t start, uint64_t end, unsigned stride_shift,
			bool freed_tables);
void flush_tlb_page(struct mm_struct *mm, uint64_t addr);
void flush_tlb_mm(struct mm_struct *mm);
/*
 * [start, end) of the kernel's half changed. Every CPU does it, on most of them by an interrupt: page by page up to the
 * ceiling, else everything, entries of user mode and global ones included. Counts as the kernel does: only the full
 * flush, as received, on each CPU.
 */
void flush_tlb_kernel_range(struct memory *mem, uint64_t start, uint64_t end);
/* The address space is gone: its identifiers may be used again. */
void tlb_mm_exit(struct mm_struct *mm);

#endif
