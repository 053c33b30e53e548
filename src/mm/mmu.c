/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The access path; see mmu.h. */
#include "mm/mmu.h"

#include "base/bug.h"
#include "machine/tlb.h"
#include "mm/fault.h"
#include "mm/pgtable.h"
#include "mm/tlbflush.h"

/* An access that the first-level TLB did not serve at once. */
struct access {
	struct memory *mem;
	struct tlb_cpu *cpu;
	enum tlb_stream stream;
	unsigned need;		/* TLB_* */
	uint64_t addr;
	uint64_t nr;		/* touches, > 0 */
};

static const unsigned needs[] = {
	[ACCESS_READ] = TLB_READ,
	[ACCESS_WRITE] = TLB_READ | TLB_WRITE | TLB_DIRTY,
	[ACCESS_EXEC] = TLB_READ | TLB_EXEC,
};

/* ---- the walk ---- */

static unsigned flags_of(pte_t pte)
{
	return TLB_READ | (pte.pte & PTE_USER ? TLB_USER : 0) | (pte.pte & PTE_WRITE ? TLB_WRITE : 0) |
	       (pte.pte & PTE_NX ? 0 : TLB_EXEC) | (pte.pte & PTE_DIRTY ? TLB_DIRTY : 0);
}

static bool permits(pte_t pte, unsigned need)
{
	need &= ~TLB_DIRTY;
	return (pte.pte & (PTE_PRESENT | PTE_PROTNONE)) == PTE_PRESENT && (flags_of(pte) & need) == need;
}

/* The entry where the hardware's walk ends, NULL for an address that has none. */
static pte_t *walk(struct access *a, unsigned *ret_level)
{
	const struct geometry *geo = a->mem->geo;
	struct pgtable *table = a->mem->current->mm->pgd;
	struct tlb_stream_state *s = &a->cpu->stream[a->stream];
	uint64_t key = tlb_key(a->cpu, a->addr >> TLB_KEY_SHIFT);
	unsigned first, level = geo->nr_levels - 1u;
	pte_t *pte;

	if (!geometry_is_canonical(geo, a->addr))
		return NULL;
	first = tlb_walk_begin(a->cpu, s, key);
	if (level <= first)
		s->walk_nodes[table->node]++;
	pte = &table->ent[geometry_index(geo, level, a->addr)];
	while (pte_is_table(*pte)) {
		if (--level <= first)
			s->walk_nodes[pte_table_node(*pte)]++;
		table = pte_table(*pte);
		pte = &table->ent[geometry_index(geo, level, a->addr)];
	}
	if (level > first)
		s->walk_nodes[table->node]++;
	tlb_walk_end(a->cpu, s, key, first, level);
	*ret_level = level;
	return pte;
}

/* Memory without a struct page (devices) counts as the CPU's own node. */
static unsigned node_of(const struct memory *mem, pte_t pte)
{
	size_t section = pte_pfn(pte) >> SECTION_SHIFT;

	if (section >= mem->nr_sections || (pte.pte & PTE_SPECIAL && pte_pfn(pte) != mem->zero_pfn &&
					    pte_pfn(pte) != mem->huge_zero_pfn))
		return mem->cpu_node[mem->cpu];
	return mem->sections[section].node;
}

static void set_used(const struct access *a, pte_t *pte)
{
	pte->pte |= PTE_ACCESSED | (a->need & TLB_DIRTY ? PTE_DIRTY : 0);
}

/* What the walker does with an entry that permits the access. Returns the class of the page. */
static unsigned use_entry(struct access *a, pte_t *pte, unsigned level)
{
	const struct tlb_system *sys = a->cpu->sys;
	unsigned size = sys->size_of_level[level];
	struct tlb_mapping m;

	set_used(a, pte);
	m = (struct tlb_mapping){
		.key = tlb_key(a->cpu, a->addr >> TLB_KEY_SHIFT),
		.flags = (uint16_t)flags_of(*pte),
		.class = (uint16_t)(size * sys->nr_nodes + node_of(a->mem, *pte)),
		.size = (uint8_t)size,
		.global = pte->pte & PTE_GLOBAL,
	};
	tlb_fill(a->cpu, a->stream, &m);
	return m.class;
}

/* ---- the slow path ---- */

static enum access_result fault(struct access *a)
{
	unsigned flags = (a->need & TLB_WRITE ? FAULT_FLAG_WRITE : 0) |
			 (a->need & TLB_EXEC ? FAULT_FLAG_INSTRUCTION : 0) |
			 (a->need & TLB_USER ? FAULT_FLAG_USER : 0);
	vm_fault_t ret = do_user_addr_fault(a->mem, a->addr, flags);

	if (!(ret & VM_FAULT_ERROR))
		return ACCESS_OK;
	return ret & VM_FAULT_SIGSEGV ? ACCESS_SEGV : ret & VM_FAULT_SIGBUS ? ACCESS_SIGBUS : ACCESS_OOM;
}

static enum access_result walk_and_fault(struct access *a)
{
	struct tlb_stream_state *s = &a->cpu->stream[a->stream];
	enum access_result result = ACCESS_STUCK;
	unsigned level = 0, class;
	pte_t *pte;

	for (unsigned tries = 0; tries < MMU_MAX_TRIES; tries++) {
		pte = walk(a, &level);
		if (pte && permits(*pte, a->need)) {
			class = use_entry(a, pte, level);
			s->walks[a->cpu->sys->size_of_level[level]]++;
			tlb_count(s, TLB_FOUND_NOT, class, a->nr);
			return ACCESS_OK;
		}
		s->walks_failed++;
		result = fault(a);
		if (result != ACCESS_OK)
			break;
		result = ACCESS_STUCK;
	}
	tlb_count_failed(a->cpu->sys, s, result, a->nr);
	return result;
}

/* A write through an entry that is clean. False: the page table no longer permits it. */
static bool set_dirty(struct access *a)
{
	unsigned level = 0;
	pte_t *pte = walk(a, &level);

	if (!pte || !permits(*pte, a->need))
		return false;
	a->cpu->stream[a->stream].walks_dirty++;
	set_used(a, pte);
	tlb_set_dirty(a->cpu, a->stream, tlb_key(a->cpu, a->addr >> TLB_KEY_SHIFT));
	return true;
}

static __attribute__((noinline)) enum access_result access_slow(struct access *a)
{
	uint64_t key = tlb_key(a->cpu, a->addr >> TLB_KEY_SHIFT);
	const struct tlb_entry *e = NULL;
	enum tlb_found found = tlb_lookup(a->cpu, a->stream, key, a->need, &e);
	unsigned class;

	if (found != TLB_FOUND_NOT) {
		class = e->class;
		if ((e->flags & a->need) == a->need || set_dirty(a)) {
			tlb_count(&a->cpu->stream[a->stream], found, class, a->nr);
			return ACCESS_OK;
		}
	}
	return walk_and_fault(a);
}

/*
 * Without a TLB, for traces that hold no more than faults: the walk sets the bits, and nothing is
 * counted.
 */
static __attribute__((noinline)) enum access_result access_untranslated(struct access *a)
{
	enum access_result result = ACCESS_OK;
	struct mm_struct *mm = a->mem->current->mm;
	struct pgtable *table;
	unsigned level;
	pte_t *pte;

	for (unsigned tries = 0; tries < MMU_MAX_TRIES && result == ACCESS_OK; tries++) {
		pte = geometry_is_canonical(a->mem->geo, a->addr) ? pgtable_walk(mm, a->addr, &level, &table) : NULL;
		if (pte && permits(*pte, a->need)) {
			set_used(a, pte);
			return ACCESS_OK;
		}
		result = fault(a);
	}
	return result == ACCESS_OK ? ACCESS_STUCK : result;
}

/* ---- entry points ---- */

/* The CPU, with the address space of the current task. */
static struct tlb_cpu *this_cpu(struct memory *mem)
{
	struct tlb_cpu *cpu = tlb_this_cpu(mem->tlb, mem->cpu);

	if (unlikely(cpu->state.loaded_ctx != mem->current->mm->id || cpu->state.is_lazy))
		switch_mm(mem, mem->current->mm);
	return cpu;
}

enum access_result mmu_access(struct memory *mem, uint64_t addr, enum access_kind kind, uint32_t nr, bool user)
{
	struct tlb_cpu *cpu = this_cpu(mem);
	enum tlb_stream stream = kind == ACCESS_EXEC ? TLB_INSN : TLB_DATA;
	struct tlb_stream_state *s = &cpu->stream[stream];
	unsigned need = needs[kind] | (user ? TLB_USER : 0);
	struct tlb_entry *e;

	if (nr == 0)
		return ACCESS_OK;
	if (cpu->sys->off)
		return access_untranslated(&(struct access){ mem, cpu, stream, need, addr, nr });
	e = tlb_find(s, tlb_key(cpu, addr >> TLB_KEY_SHIFT));
	*(kind == ACCESS_WRITE ? &cpu->nr_writes : &cpu->nr_reads) += nr;
	cpu->clock++;
	if (likely((e->flags & need) == need)) {
		e->stamp = cpu->clock;
		s->level[TLB_L1].hits[e->class] += nr;
		return ACCESS_OK;
	}
	return access_slow(&(struct access){ mem, cpu, stream, need, addr, nr });
}

/* The two steps of a run: the touches before the first of the other kind, and the rest. */
static __attribute__((noinline)) void run_slow(struct memory *mem, struct tlb_cpu *cpu, const struct mmr_run *run)
{
	bool insn = run->page & MMR_RUN_INSN, write_first = run->page & MMR_RUN_WRITE_FIRST;
	uint32_t nr = (uint32_t)run->nr_reads + run->nr_writes;
	uint32_t first = run->other_at && run->other_at < nr ? run->other_at : nr;
	struct access a = {
		.mem = mem, .cpu = cpu, .stream = insn ? TLB_INSN : TLB_DATA, .addr = run->page << TLB_KEY_SHIFT,
		.need = TLB_USER | needs[insn ? ACCESS_EXEC : write_first ? ACCESS_WRITE : ACCESS_READ],
		.nr = insn ? nr : first,
	};

	if (a.nr)
		access_slow(&a);
	if (a.nr == nr)
		return;
	a.need = TLB_USER | needs[write_first ? ACCESS_READ : ACCESS_WRITE];
	a.nr = nr - first;
	access_slow(&a);
}

void mmu_access_runs(struct memory *mem, const struct mmr_run *runs, size_t nr)
{
	static const unsigned base_need[] = { TLB_READ | TLB_USER, TLB_READ | TLB_USER | TLB_EXEC };
	struct tlb_cpu *cpu = this_cpu(mem);
	uint64_t clock = cpu->clock, reads = 0, writes = 0, splits = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct mmr_run *run = &runs[i];
		unsigned insn = run->page >> 63, touches = (unsigned)run->nr_reads + run->nr_writes;
		struct tlb_stream_state *s = &cpu->stream[insn];
		struct tlb_entry *e = tlb_find(s, tlb_key(cpu, run->page));
		unsigned need = base_need[insn] | (run->nr_writes ? TLB_WRITE | TLB_DIRTY : 0);

		clock++;
		if (likely((e->flags & need) == need)) {
			e->stamp = clock;
			s->level[TLB_L1].hits[e->class] += touches;
		} else {
			cpu->clock = clock;
			run_slow(mem, cpu, run);
		}
		reads += run->nr_reads;
		writes += run->nr_writes;
		splits += run->nr_split;
	}
	cpu->clock = clock;
	cpu->nr_reads += reads;
	cpu->nr_writes += writes;
	cpu->nr_splits += splits;
}
