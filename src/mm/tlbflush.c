/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Address-space switches and flushes; see tlbflush.h. */
#include "mm/tlbflush.h"

#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "machine/tlb.h"
#include "mm/kentry.h"

#define TLB_FLUSH_ALL	UINT64_MAX
#define CPUMASK_TRIM_NS	1000000000ull	/* HZ jiffies */

struct flush_tlb_info {
	struct mm_struct *mm;
	uint64_t start, end;		/* end TLB_FLUSH_ALL: everything */
	uint64_t new_tlb_gen;
	unsigned initiating_cpu;
	unsigned stride_shift;
	bool freed_tables;
	bool trim_cpumask;
};

/* ---- switches ---- */

struct new_asid {
	unsigned asid;
	bool need_flush;
};

/* The slot that still holds next, or the slot whose turn it is. */
static struct new_asid choose_new_asid(const struct tlb_cpu *cpu, struct tlb_state *st, uint64_t ctx_id,
				       uint64_t next_tlb_gen)
{
	unsigned nr = cpu->sys->nr_asids, asid;

	if (nr == 0)
		return (struct new_asid){ 0, true };
	for (asid = 0; asid < nr; asid++)
		if (st->ctxs[asid].ctx_id == ctx_id)
			return (struct new_asid){ asid, st->ctxs[asid].tlb_gen < next_tlb_gen };
	asid = st->next_asid++;
	if (asid >= nr) {
		asid = 0;
		st->next_asid = 1;
	}
	return (struct new_asid){ asid, true };
}

static void load_mm(struct tlb_cpu *cpu, struct mm_struct *next, struct new_asid ns)
{
	struct tlb_state *st = &cpu->state;

	if (ns.need_flush)
		st->ctxs[ns.asid] = (struct tlb_context){ next->id, next->tlb_gen };
	tlb_set_asid(cpu, ns.asid, ns.need_flush);
	st->loaded_ctx = next->id;
}

static void load_init_mm(struct tlb_cpu *cpu)
{
	cpu->state.loaded_ctx = 0;
	cpu->state.is_lazy = false;
}

void switch_mm(struct memory *mem, struct mm_struct *next)
{
	struct tlb_cpu *cpu;
	struct tlb_state *st;
	bool was_lazy;

	if (!mem->tlb)
		return;
	cpu = tlb_this_cpu(mem->tlb, mem->cpu);
	st = &cpu->state;
	if (!next) {
		st->is_lazy = st->loaded_ctx != 0;
		return;
	}
	was_lazy = st->is_lazy;
	st->is_lazy = false;
	if (st->loaded_ctx == next->id) {
		/* a lazy CPU was left out of flushes */
		if (was_lazy && st->ctxs[st->loaded_asid].tlb_gen != next->tlb_gen)
			load_mm(cpu, next, (struct new_asid){ st->loaded_asid, true });
		return;
	}
	bitmap_set(next->cpumask, mem->cpu);
	if (!next->next_trim_cpumask_ns)
		next->next_trim_cpumask_ns = mem->now_ns + CPUMASK_TRIM_NS;
	load_mm(cpu, next, choose_new_asid(cpu, st, next->id, next->tlb_gen));
}

void enter_lazy_tlb(struct mm_struct *mm)
{
	struct memory *mem = mm->mem;

	if (mem->tlb && tlb_this_cpu(mem->tlb, mem->cpu)->state.loaded_ctx == mm->id)
		switch_mm(mem, NULL);
}

/* ---- flushes ---- */

static void flush_pages(struct tlb_cpu *cpu, const struct flush_tlb_info *f)
{
	for (uint64_t addr = f->start; addr < f->end; addr += 1ull << f->stride_shift)
		tlb_flush_one(cpu, addr);
}

/* The hardware's part. */
static void flush_entries(struct tlb_cpu *cpu, const struct flush_tlb_info *f)
{
	if (cpu->sys->off)
		return;
	if (f->end != TLB_FLUSH_ALL)
		flush_pages(cpu, f);
	else
		tlb_flush_asid(cpu);
}

/* What each CPU that is asked does. */
static void flush_tlb_func(struct memory *mem, struct tlb_cpu *cpu, const struct flush_tlb_info *f)
{
	struct tlb_context *ctx = &cpu->state.ctxs[cpu->state.loaded_asid];
	bool local = cpu->id == f->initiating_cpu;
	uint64_t nr = (f->end - f->start) >> f->stride_shift;

	if (!local) {
		count_vm_event(mem, NR_TLB_REMOTE_FLUSH_RECEIVED);
		kernel_enter_cpu(mem, cpu->id, KERNEL_SHOOTDOWN);
	}
	if (cpu->state.loaded_ctx != f->mm->id) {	/* left in the mask when it switched away */
		bitmap_clear(f->mm->cpumask, cpu->id);
		return;
	}
	if (cpu->state.is_lazy) {
		load_init_mm(cpu);
		return;
	}
	/* done at once: a CPU that is not lazy is behind by this flush and no other */
	VM_BUG_ON(f->new_tlb_gen != ctx->tlb_gen + 1 || f->new_tlb_gen != f->mm->tlb_gen);
	flush_entries(cpu, f);
	if (local && f->end != TLB_FLUSH_ALL)
		count_vm_events(mem, NR_TLB_LOCAL_FLUSH_ONE, nr);
	else if (local)
		count_vm_event(mem, NR_TLB_LOCAL_FLUSH_ALL);
	ctx->tlb_gen = f->mm->tlb_gen;
}

/* Whether an interrupt goes to that CPU. When tables were freed even lazy ones must hear of it. */
static bool should_flush_tlb(const struct tlb_cpu *cpu, const struct flush_tlb_info *f)
{
	if (f->freed_tables)
		return true;
	if (cpu->state.is_lazy)
		return false;
	return cpu->state.loaded_ctx == f->mm->id || f->trim_cpumask;
}

static void flush_tlb_multi(struct memory *mem, const struct flush_tlb_info *f)
{
	size_t nr = mem->nr_cpus;

	count_vm_event(mem, NR_TLB_REMOTE_FLUSH);
	for (size_t id = bitmap_next(f->mm->cpumask, nr, 0); id < nr; id = bitmap_next(f->mm->cpumask, nr, id + 1)) {
		struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, (unsigned)id);

		if (should_flush_tlb(cpu, f))
			flush_tlb_func(mem, cpu, f);
	}
}

static bool any_cpu_but(const struct memory *mem, const struct mm_struct *mm, unsigned self)
{
	size_t id = bitmap_next(mm->cpumask, mem->nr_cpus, 0);

	if (id == self)
		id = bitmap_next(mm->cpumask, mem->nr_cpus, id + 1);
	return id < mem->nr_cpus;
}

static bool should_trim_cpumask(struct memory *mem, struct mm_struct *mm)
{
	if (mem->now_ns <= mm->next_trim_cpumask_ns)
		return false;
	mm->next_trim_cpumask_ns = mem->now_ns + CPUMASK_TRIM_NS;
	return true;
}

void flush_tlb_mm_range(struct mm_struct *mm, uint64_t start, uint64_t end, unsigned stride_shift,
			bool freed_tables)
{
	struct memory *mem = mm->mem;
	struct flush_tlb_info f = {
		.mm = mm, .start = start, .end = end, .stride_shift = stride_shift,
		.initiating_cpu = mem->cpu, .freed_tables = freed_tables,
	};
	struct tlb_cpu *cpu;

	if (!mem->tlb)
		return;
	if ((end - start) >> stride_shift > mem->tlb->conf.single_page_flush_ceiling) {
		f.start = 0;
		f.end = TLB_FLUSH_ALL;
	}
	f.new_tlb_gen = ++mm->tlb_gen;
	cpu = tlb_this_cpu(mem->tlb, mem->cpu);
	if (any_cpu_but(mem, mm, mem->cpu)) {
		f.trim_cpumask = should_trim_cpumask(mem, mm);
		flush_tlb_multi(mem, &f);
	} else if (cpu->state.loaded_ctx == mm->id) {
		flush_tlb_func(mem, cpu, &f);
	}
}

void flush_tlb_page(struct mm_struct *mm, uint64_t addr)
{
	const struct geometry *geo = mm->mem->geo;

	addr &= ~((1ull << geo->page_shift) - 1);
	flush_tlb_mm_range(mm, addr, addr + (1ull << geo->page_shift), geo->page_shift, false);
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_tlb_mm_range(mm, 0, TLB_FLUSH_ALL, mm->mem->geo->page_shift, true);
}

void flush_tlb_kernel_range(struct memory *mem, uint64_t start, uint64_t end)
{
	unsigned shift = mem->geo->page_shift;
	bool all;

	if (!mem->tlb)
		return;
	all = (end - start) >> shift > mem->tlb->conf.single_page_flush_ceiling;
	for (unsigned id = 0; id < mem->nr_cpus; id++) {
		struct tlb_cpu *cpu = mem->tlb->cpu[id];

		if (all)
			count_vm_event(mem, NR_TLB_REMOTE_FLUSH_RECEIVED);
		if (id != mem->cpu)
			kernel_enter_cpu(mem, id, KERNEL_SHOOTDOWN);
		if (!cpu || mem->tlb->off)	/* never used: nothing in it */
			continue;
		if (all)
			tlb_flush_all(cpu);
		for (uint64_t addr = start; !all && addr < end; addr += 1ull << shift)
			tlb_flush_one(cpu, addr);
	}
}

void tlb_mm_exit(struct mm_struct *mm)
{
	struct memory *mem = mm->mem;
	size_t nr = mem->nr_cpus;

	if (!mem->tlb)
		return;
	/* its number is never used again: CPUs that have it loaded only forget it */
	for (size_t id = bitmap_next(mm->cpumask, nr, 0); id < nr; id = bitmap_next(mm->cpumask, nr, id + 1)) {
		struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, (unsigned)id);

		if (cpu->state.loaded_ctx == mm->id)
			load_init_mm(cpu);
	}
	memset(mm->cpumask, 0, sizeof(mm->cpumask));
}
