/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The kernel's own touches: see kentry.h. */
#include "mm/ktouch.h"

#include "base/bug.h"
#include "machine/tlb.h"
#include "mm/init_mm.h"

#define KERNEL_READ	TLB_READ
#define KERNEL_WRITE	(TLB_READ | TLB_WRITE | TLB_DIRTY)
#define KERNEL_EXEC	(TLB_READ | TLB_EXEC)

/* ---- one touch ---- */

/* Memory without a struct page counts as the CPU's own node. */
static unsigned node_of(const struct memory *mem, unsigned cpu, pte_t pte)
{
	size_t section = pte_pfn(pte) >> SECTION_SHIFT;

	if (pte.pte & PTE_SPECIAL || section >= mem->nr_sections || mem->sections[section].node >= mem->nr_nodes)
		return mem->cpu_node[cpu];
	return mem->sections[section].node;
}

/* The walk through the kernel's half; what the kernel touches is always mapped. Returns the class. */
static unsigned walk_and_fill(struct memory *mem, struct tlb_cpu *cpu, enum tlb_stream stream, kaddr_t addr)
{
	struct tlb_stream_state *s = &cpu->stream[stream];
	const struct tlb_system *sys = cpu->sys;
	uint64_t key = tlb_key(cpu, addr >> TLB_KEY_SHIFT);
	unsigned first = tlb_walk_begin(cpu, s, key), level, size;
	const pte_t *pte = kernel_walk(mem, addr, &level);
	struct tlb_mapping m = { .key = key, .global = true };

	BUG_ON(!pte_is_leaf(*pte));
	tlb_walk_end(cpu, s, key, first, level);
	size = sys->size_of_level[level];
	m.flags = (uint16_t)(KERNEL_WRITE | (pte->pte & PTE_NX ? 0 : TLB_EXEC));
	m.class = (uint16_t)(size * sys->nr_nodes + node_of(mem, cpu->id, *pte));
	m.size = (uint8_t)size;
	tlb_fill(cpu, stream, &m);
	s->walks[size]++;
	return m.class;
}

/* On the kernel's side already. */
static void touch(struct memory *mem, struct tlb_cpu *cpu, kaddr_t addr, unsigned need)
{
	enum tlb_stream stream = need & TLB_EXEC ? TLB_INSN : TLB_DATA;
	struct tlb_stream_state *s = &cpu->stream[stream];
	const struct tlb_entry *e = NULL;
	enum tlb_found found;

	*(need & TLB_WRITE ? &cpu->nr_writes : &cpu->nr_reads) += 1;
	cpu->clock++;
	found = tlb_lookup(cpu, stream, tlb_key(cpu, addr >> TLB_KEY_SHIFT), need, &e);
	tlb_count(s, found, found == TLB_FOUND_NOT ? walk_and_fill(mem, cpu, stream, addr) : e->class, 1);
}

static void ktouch_one(struct memory *mem, kaddr_t addr, bool write)
{
	struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, mem->cpu);

	tlb_swap_side(cpu);
	touch(mem, cpu, addr, write ? KERNEL_WRITE : KERNEL_READ);
	tlb_swap_side(cpu);
}

/* ---- paths ---- */

/* The top of the stack; which task runs on another CPU is not kept. */
static void touch_task(struct memory *mem, struct tlb_cpu *cpu)
{
	const struct task_struct *task = mem->current;

	if (cpu->id != mem->cpu || !task)
		return;
	if (task->stack)
		touch(mem, cpu, task->stack + thread_size(mem) - 1, KERNEL_WRITE);
	if (task->object)
		touch(mem, cpu, task->object, KERNEL_WRITE);
}

static void ktouch_enter(struct memory *mem, unsigned id, enum kernel_entry cause)
{
	struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, id);

	tlb_swap_side(cpu);
	touch(mem, cpu, image_kaddr(mem, 0), KERNEL_EXEC);
	touch(mem, cpu, image_kaddr(mem, (uint64_t)(1 + cause) << mem->geo->page_shift), KERNEL_EXEC);
	touch_task(mem, cpu);
	if ((cause == KERNEL_FAULT || cause == KERNEL_SYSCALL) && id == mem->cpu && mem->current &&
	    mem->current->mm && mem->current->mm->object)
		touch(mem, cpu, mem->current->mm->object, KERNEL_READ);
	tlb_swap_side(cpu);
}

/* The last entry is written; the leaf where it maps a page of memory. */
static pte_t touch_walk(struct memory *mem, struct tlb_cpu *cpu, struct pgtable *table, uint64_t addr)
{
	const struct geometry *geo = mem->geo;
	pte_t pte;

	for (unsigned level = geo->nr_levels - 1u;; level--) {
		unsigned index = geometry_index(geo, level, addr);
		bool last;

		pte = table->ent[index];
		last = level == 0 || !pte_is_table(pte);
		if (pfn_has_kaddr(mem, table->pfn))
			touch(mem, cpu, pfn_to_kaddr(mem, table->pfn) + index * sizeof(pte_t),
			      last ? KERNEL_WRITE : KERNEL_READ);
		if (last)
			return pte;
		table = pte_table(pte);
	}
}

static void ktouch_area(struct memory *mem, const struct vm_area_struct *vma, uint64_t addr)
{
	struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, mem->cpu);
	pte_t pte;

	tlb_swap_side(cpu);
	if (vma->object)
		touch(mem, cpu, vma->object, KERNEL_READ);
	pte = touch_walk(mem, cpu, vma->vm_mm->pgd, addr);
	if (pte_is_leaf(pte) && !(pte.pte & PTE_SPECIAL) && page_kaddr(mem, pte_pfn(pte)))
		touch(mem, cpu, page_kaddr(mem, pte_pfn(pte)), KERNEL_WRITE);
	tlb_swap_side(cpu);
}

const struct ktouch_ops ktouch_tlb = {
	.enter = ktouch_enter,
	.touch = ktouch_one,
	.fault = ktouch_area,
};
