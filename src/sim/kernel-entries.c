/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * When the replay enters the kernel: which events are system calls, and the timer. Faults, shootdowns and
 * switches are counted where they happen (mm/kentry.h).
 */
#include <string.h>

#include "machine/tlb.h"
#include "mm/kentry.h"
#include "sim/replay.h"

#define NSEC_PER_SEC 1000000000ull
#define ENTRY(cause) (1 + KERNEL_##cause)

const uint8_t replay_entries[REPLAY_KINDS] = {
	[MMR_FORK] = ENTRY(SYSCALL),
	[MMR_EXEC] = ENTRY(SYSCALL),
	[MMR_EXIT] = ENTRY(SYSCALL),
	[MMR_SIGNAL] = ENTRY(SIGNAL),
	[MMR_SYSCALL] = ENTRY(SYSCALL),
	[MMR_MMAP] = ENTRY(SYSCALL),
	[MMR_MUNMAP] = ENTRY(SYSCALL),
	[MMR_MREMAP] = ENTRY(SYSCALL),
	[MMR_MPROTECT] = ENTRY(SYSCALL),
	[MMR_BRK] = ENTRY(SYSCALL),
	[MMR_MADVISE] = ENTRY(SYSCALL),
	[MMR_MLOCK] = ENTRY(SYSCALL),
	[MMR_MLOCKALL] = ENTRY(SYSCALL),
	[MMR_MBIND] = ENTRY(SYSCALL),
	[MMR_SET_MEMPOLICY] = ENTRY(SYSCALL),
	[MMR_MIGRATE_PAGES] = ENTRY(SYSCALL),
	[MMR_MOVE_PAGES] = ENTRY(SYSCALL),
	[MMR_MSYNC] = ENTRY(SYSCALL),
	[MMR_SHMAT] = ENTRY(SYSCALL),
	[MMR_SHMDT] = ENTRY(SYSCALL),
	[MMR_PRCTL] = ENTRY(SYSCALL),
	[MMR_OPEN] = ENTRY(SYSCALL),
	[MMR_CLOSE] = ENTRY(SYSCALL),
	[MMR_READ] = ENTRY(SYSCALL),
	[MMR_WRITE] = ENTRY(SYSCALL),
	[MMR_FSYNC] = ENTRY(SYSCALL),
	[MMR_FADVISE] = ENTRY(SYSCALL),
	[MMR_TRUNCATE] = ENTRY(SYSCALL),
};

void replay_enter_kernel(struct mmr_replay *r, const struct mmr_event *ev)
{
	enum kernel_entry cause = (enum kernel_entry)(replay_entries[ev->kind] - 1);

	if (!r->mem->ktouch || !tasks_find(&r->tasks, ev->task)) {
		r->mem->kernel_entries[cause]++;
		return;
	}
	replay_enter(r, ev->task, ev->cpu);
	kernel_enter(r->mem, cause);
}

/* ---- the timer ---- */

uint64_t timer_period_ns(const struct mmr_replay *r)
{
	return r->mem->conf.hz ? NSEC_PER_SEC / r->mem->conf.hz : 0;
}

static void ticks_of_cpu(struct memory *mem, unsigned cpu, uint64_t nr)
{
	mem->kernel_entries[KERNEL_TIMER] += nr - 1;
	kernel_enter_cpu(mem, cpu, KERNEL_TIMER);
}

/*
 * Idle CPUs have no ticks (CONFIG_NO_HZ_IDLE). Where the capture had one thread run at a time, one CPU runs. All
 * ticks since the last time are taken at once: nothing happened between them.
 */
void timer_run(struct mmr_replay *r)
{
	struct memory *mem = r->mem;
	uint64_t now = mem->now_ns / timer_period_ns(r), nr = now - r->timer_ticks;
	bool serialized = r->meta.interleaving && !strcmp(r->meta.interleaving, "serialized");

	r->timer_ticks = now;
	if (!nr || !mem->tlb)
		return;
	if (serialized) {
		if (mem->current)
			ticks_of_cpu(mem, mem->cpu, nr);
		return;
	}
	for (unsigned i = 0; i < mem->nr_cpus; i++) {
		const struct tlb_cpu *cpu = mem->tlb->cpu[i];

		if (cpu && cpu->state.loaded_ctx && !cpu->state.is_lazy)
			ticks_of_cpu(mem, i, nr);
	}
}

bool timer_is_known(const struct mmr_replay *r)
{
	return r->meta.basis == MMR_BASIS_EXACT || r->mem->kernel_entries[KERNEL_SWITCH];
}
