/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The access path: TLB, page-table walk, fault. Kernel counterpart: none (the MMU) up to
 * arch/x86/mm/fault.c, which calls handle_mm_fault().
 *
 * Modelled: lookup in both TLB levels, walk through the walk caches, accessed and dirty bits, permission by user
 * mode, write and execute, the fault, the retry.
 * Simplified: a fault's second try is not a second access; an entry that forbids is dropped and the page table
 * asked again before there is a fault (so that no spurious fault comes from an entry older than the page table).
 * Left out: protection keys, SMAP and SMEP, accesses to the kernel half other than by the kernel.
 *
 *	TLB hit: done (no page table, no struct page)
 *	a write to a clean entry: hit, and a walk that sets the dirty bit
 *	walk, permitted: accessed and dirty set, TLB filled, done
 *	else: do_user_addr_fault(), and again, at most MMU_MAX_TRIES times
 */
#ifndef MM_MMU_H
#define MM_MMU_H

#include <mmreplay/trace.h>

#include "mm/mm_types.h"

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

enum access_result {
	ACCESS_OK,
	ACCESS_SEGV,	/* no area there, or it forbids the access */
	ACCESS_SIGBUS,	/* behind the end of the file */
	ACCESS_OOM,	/* no memory */
	ACCESS_STUCK,	/* faults were handled, but the access stayed impossible: our bug */
};

#define MMU_MAX_TRIES 8

/*
 * memory->current touches addr `nr` times on memory->cpu. user: in user mode (else the kernel's copy).
 * Needs memory->tlb and an address space. A touch that fails fails nr times but faults once.
 */
enum access_result mmu_access(struct memory *mem, uint64_t addr, enum access_kind kind, uint32_t nr, bool user);
/* Page runs of memory->current on memory->cpu. */
void mmu_access_runs(struct memory *mem, const struct mmr_run *runs, size_t nr);

#endif
