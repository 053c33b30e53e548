/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Time lost for want of memory: pressure stall information. Kernel counterpart: kernel/sched/psi.c, as far as memory
 * goes (/proc/pressure/memory, memory.pressure of a group).
 *
 * Modelled: `some`, time in which a task waited for memory, and `full`, in which nobody could do anything else; of the
 * machine and of each group with those below it; totals, and averages over 10, 60 and 300 seconds in the kernel's fixed
 * point, updated each 2 seconds.
 * Simplified: nothing in the model waits for real. A wait is a figure (mm/vmscan.h, mm/writeback.h), and the tasks that wait
 * do so one after the other; the time that averages go by is the model's clock plus all that was waited. A wait counts as
 * full while no other task lives that could have run meanwhile, in the group or on the machine. Left out: CPU and I/O
 * pressure, triggers.
 *
 * What is a wait for memory: direct reclaim and compaction, limits of groups (memory.max, memory.high), reading from swap, and
 * reading pages of a file that were of the working set.
 */
#ifndef MM_PSI_H
#define MM_PSI_H

#include "mm/mm_types.h"

/* The current task waited ns for memory. (psi_memstall_enter ... psi_memstall_leave) */
void psi_memstall(struct memory *mem, uint64_t ns);
/* Time went by in a wait that is nobody's pressure: a first read of a file. */
void psi_wait(struct memory *mem, uint64_t ns);

/* Averages brought up to now, in hundredths of a percent. */
struct psi_averages {
	unsigned some[3], full[3];	/* over 10, 60, 300 s */
};
struct psi_averages psi_averages(const struct memory *mem, const struct psi_group *group);

#endif
