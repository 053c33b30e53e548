/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Scans: which entries are made to fault, and when. See numa_balancing.h. */
#include "mm/numa_balancing.h"

#include <sys/mman.h>

#include "base/xalloc.h"
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/mmu_gather.h"
#include "mm/numa_balancing-internal.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

/* Entry bits that a hint leaves as they are (_PAGE_CHG_MASK). */
#define PTE_CHG_MASK (PTE_PFN_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL | PTE_USER)

static size_t cpupid_bytes(const struct memory *mem)
{
	return ((size_t)mem->max_pfn + 1) * sizeof(*mem->last_cpupid);
}

void numa_balancing_setup(struct memory *mem)
{
	if (mem->conf.numa_balancing == NUMA_BALANCING_DISABLED)
		return;
	mem->last_cpupid = mmap(NULL, cpupid_bytes(mem), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->last_cpupid == MAP_FAILED)
		xalloc_failed(cpupid_bytes(mem));
	objpool_init(&mem->vma_numab_pool, sizeof(struct vma_numab_state));
	objpool_init(&mem->task_numa_pool, sizeof(struct task_numa) + NR_NUMA_STATS * mem->nr_nodes * sizeof(uint64_t));
	objpool_init(&mem->numa_group_pool, sizeof(struct numa_group) + NR_NUMA_STATS * mem->nr_nodes * sizeof(int64_t));
	lru_enable(mem);
}

void numa_balancing_finish(struct memory *mem)
{
	if (!mem->last_cpupid)
		return;
	munmap(mem->last_cpupid, cpupid_bytes(mem));
	objpool_finish(&mem->vma_numab_pool);
	objpool_finish(&mem->task_numa_pool);
	objpool_finish(&mem->numa_group_pool);
	mem->last_cpupid = NULL;
}

/* ---- change_prot_numa ---- */

struct prot_numa {
	struct memory *mem;
	struct vm_area_struct *vma;
	struct mmu_gather tlb;
	int target_node;	/* pages that are there already are left alone; -1 none */
	uint64_t pages, huge;
};

/* Does the mode pass over the node? Else a page of a slow tier notes when it was looked at. */
static bool skip_node(const struct prot_numa *pn, pfn_t head, unsigned nid)
{
	if (pn->mem->conf.numa_balancing != NUMA_BALANCING_NORMAL && node_is_toptier(pn->mem, nid))
		return true;
	if (folio_use_access_time(pn->mem, head))
		folio_xchg_last_cpupid(pn->mem, head, (uint32_t)now_ms(pn->mem) | CPUPID_VALID);
	return false;
}

static bool skip_page(const struct prot_numa *pn, pte_t pte)
{
	static const uint64_t shared_may_write = VM_SHARED | VM_MAYWRITE;
	pfn_t pfn = pte_pfn(pte), head = folio_pfn(pn->mem, pfn);
	const struct page *folio = pfn_to_page(pn->mem, head);
	unsigned nid = pfn_to_node(pn->mem, pfn)->node_id;

	if ((pn->vma->vm_flags & shared_may_write) == VM_MAYWRITE && page_mapcount(pn->mem, pfn) > 1)
		return true;
	/* A write fault of a shared file mapping has made the folio dirty; here the entry knows it first. */
	if (folio_is_file_lru(folio) && (folio->flags & PG_DIRTY || pte_dirty(pte)))
		return true;
	if ((int)nid == pn->target_node)
		return true;
	return skip_node(pn, head, nid);
}

static pte_t protnone(pte_t old)
{
	return (pte_t){ (old.pte & PTE_CHG_MASK) | PTE_PROTNONE | PTE_NX };
}

static void change_pte_range(struct prot_numa *pn, struct pgtable *table, uint64_t addr, uint64_t end)
{
	unsigned index = pte_index(pn->mem->geo, table, addr);

	for (; addr < end; addr += 1ull << pn->mem->geo->page_shift, index++) {
		pte_t pte = table->ent[index];

		if (!(pte.pte & PTE_PRESENT) || pte.pte & PTE_SPECIAL || skip_page(pn, pte))
			continue;
		pte_set(table, index, protnone(pte));
		tlb_remove_tlb_entry(&pn->tlb, addr, 0);
		pn->pages++;
	}
}

static void change_huge_pmd(struct prot_numa *pn, struct pgtable *pmd, unsigned index, uint64_t addr)
{
	pte_t pte = pmd->ent[index];
	pfn_t head = pte_pfn(pte);

	if (!(pte.pte & PTE_PRESENT) || is_huge_zero_pmd(pn->mem, pte) ||
	    skip_node(pn, head, pfn_to_node(pn->mem, head)->node_id))
		return;
	pte_set(pmd, index, protnone(pte));
	tlb_remove_tlb_entry(&pn->tlb, addr, HPAGE_LEVEL);
	pn->pages += 1u << hpage_order(pn->mem);
	pn->huge++;
}

static void change_level(struct prot_numa *pn, struct pgtable *table, uint64_t addr, uint64_t end)
{
	const struct geometry *geo = pn->mem->geo;

	if (table->level == 0) {
		change_pte_range(pn, table, addr, end);
		return;
	}
	for (uint64_t next; addr < end && table->nr_used; addr = next) {
		unsigned i = pte_index(geo, table, addr);

		next = geometry_addr_end(geo, table->level, addr, end);
		if (pte_none(table->ent[i]))
			continue;
		if (table->level == HPAGE_LEVEL && pte_is_leaf(table->ent[i]) && next - addr != hpage_size(pn->mem))
			split_huge_pmd(pn->vma, table, i, addr);
		if (pte_is_table(table->ent[i]))
			change_level(pn, pte_table(table->ent[i]), addr, next);
		else if (table->level == HPAGE_LEVEL)
			change_huge_pmd(pn, table, i, addr);
	}
}

uint64_t change_prot_numa(struct vm_area_struct *vma, uint64_t start, uint64_t end)
{
	struct memory *mem = vma->vm_mm->mem;
	struct prot_numa pn = { .mem = mem, .vma = vma, .target_node = -1 };

	/* A process with one thread: what is where it runs need not be asked about. */
	if (vma->vm_mm->mm_users == 1)
		pn.target_node = mem->cpu_node[mem->cpu];
	tlb_gather_mmu(&pn.tlb, vma->vm_mm);
	change_level(&pn, vma->vm_mm->pgd, start, end);
	tlb_finish_mmu(&pn.tlb);
	count_vm_events(mem, NUMA_PTE_UPDATES, pn.pages);
	count_vm_events(mem, NUMA_HUGE_PTE_UPDATES, pn.huge);
	return pn.pages;
}

/* ---- task_numa_work ---- */

/* One scan on its way. Pages that may still be changed, and looked at. */
struct numa_scan {
	struct memory *mem;
	struct task_struct *task;
	struct mm_struct *mm;
	int64_t pages, virtpages;
	uint64_t start;
	bool pids_skipped, pids_forced;
};

static bool is_read_only_file(const struct vm_area_struct *vma)
{
	return vma->vm_mapping && (vma->vm_flags & (VM_READ | VM_WRITE)) == VM_READ;
}

static bool vma_is_suitable(const struct vm_area_struct *vma)
{
	return vma_migratable(vma) && vma_policy_mof(vma) &&
	       !(vma->vm_flags & (VM_HUGETLB | VM_MIXEDMAP | VM_SPECIAL_MAP)) && !is_read_only_file(vma) &&
	       vma_is_accessible(vma);
}

/* Did this task fault here lately? True also for areas that are new to scanning, or were passed over too often. */
static bool vma_is_accessed(const struct numa_scan *s, const struct vm_area_struct *vma)
{
	const struct vma_numab_state *st = vma->numab_state;
	int64_t seq = s->mm->numa_scan_seq;

	if (s->mm->numa_scan_seq - st->start_scan_seq < 2)
		return true;
	if ((st->pids_active[0] | st->pids_active[1]) >> numa_pid_bit(s->task) & 1)
		return true;
	return seq > st->prev_scan_seq + (int64_t)s->mm->mm_users;
}

static struct vma_numab_state *numab_state(const struct numa_scan *s, struct vm_area_struct *vma)
{
	struct vma_numab_state *st = vma->numab_state;
	uint64_t delay = s->mem->conf.numa_scan_delay_ms;

	if (!st) {
		st = vma->numab_state = objpool_get(&s->mem->vma_numab_pool);
		st->start_scan_seq = s->mm->numa_scan_seq;
		st->next_scan_ms = now_ms(s->mem) + delay;
		st->pids_reset_ms = st->next_scan_ms + 4 * delay;
		st->prev_scan_seq = -1;
	}
	return st;
}

/* Is it the area's turn? */
static bool vma_is_due(struct numa_scan *s, struct vm_area_struct *vma)
{
	struct vma_numab_state *st = numab_state(s, vma);
	uint64_t now = now_ms(s->mem);

	if (s->mm->numa_scan_seq && now < st->next_scan_ms)
		return false;
	if (s->mm->numa_scan_seq && now > st->pids_reset_ms) {
		st->pids_reset_ms += 4 * s->mem->conf.numa_scan_delay_ms;
		st->pids_active[0] = st->pids_active[1];
		st->pids_active[1] = 0;
	}
	if (st->prev_scan_seq == (int64_t)s->mm->numa_scan_seq)
		return false;
	if (s->pids_forced || vma_is_accessed(s, vma))
		return true;
	s->pids_skipped = true;
	return false;
}

/* False: the scan has done its share, and goes on at s->start next time. */
static bool scan_vma(struct numa_scan *s, struct vm_area_struct *vma)
{
	unsigned shift = s->mem->geo->page_shift;
	uint64_t end, huge = hpage_size(s->mem);

	do {
		if (s->start < vma->vm_start)
			s->start = vma->vm_start;
		end = (s->start + ((uint64_t)s->pages << shift) + huge - 1) & ~(huge - 1);
		if (end > vma->vm_end)
			end = vma->vm_end;
		if (change_prot_numa(vma, s->start, end))
			s->pages -= (int64_t)((end - s->start) >> shift);
		s->virtpages -= (int64_t)((end - s->start) >> shift);
		s->start = end;
		if (s->pages <= 0 || s->virtpages <= 0)
			return false;
	} while (end != vma->vm_end);
	vma->numab_state->prev_scan_seq = s->mm->numa_scan_seq;
	return true;
}

static void reset_ptenuma_scan(struct mm_struct *mm)
{
	mm->numa_scan_seq++;
	mm->numa_scan_offset = 0;
}

/* Goes through the areas from the offset on. Returns the one that it stopped in, NULL when it came to the end. */
static struct vm_area_struct *scan_vmas(struct numa_scan *s)
{
	struct vm_area_struct *vma = find_vma(s->mm, s->start = s->mm->numa_scan_offset);

	if (!vma) {
		reset_ptenuma_scan(s->mm);
		s->start = 0;
		vma = first_vma(s->mm);
	}
	for (; vma; vma = vma_next(vma)) {
		if (!vma_is_suitable(vma) || !vma_is_due(s, vma))
			continue;
		if (!scan_vma(s, vma) || s->pids_forced)
			return vma;
	}
	return NULL;
}

static void task_numa_work(struct memory *mem, struct task_struct *task, struct task_numa *tn)
{
	struct mm_struct *mm = task->mm;
	struct numa_scan s = { .mem = mem, .task = task, .mm = mm };
	struct vm_area_struct *stop;

	if (!mm->numa_next_scan_ms)
		mm->numa_next_scan_ms = now_ms(mem) + mem->conf.numa_scan_delay_ms;
	if (now_ms(mem) < mm->numa_next_scan_ms)
		return;
	if (!tn->scan_period_ms) {
		tn->scan_period_max_ms = task_scan_max(mem, task);
		tn->scan_period_ms = task_scan_start(mem, task);
	}
	mm->numa_next_scan_ms = now_ms(mem) + tn->scan_period_ms;
	s.pages = (int64_t)(mem->conf.numa_scan_size_mb << (20 - mem->geo->page_shift));
	s.virtpages = 8 * s.pages;
	count_vm_event(mem, NUMA_SCANS);
	stop = scan_vmas(&s);
	if (!stop && s.pids_skipped) {
		s.pids_forced = true;
		stop = scan_vmas(&s);
	}
	if (stop)
		mm->numa_scan_offset = s.start;
	else
		reset_ptenuma_scan(mm);
}

void task_tick_numa(struct memory *mem, uint64_t tick_ns)
{
	struct task_struct *task = mem->current;
	uint64_t period, elapsed = mem->now_ns - mem->numa_tick_ns;
	struct task_numa *tn;

	mem->numa_tick_ns = mem->now_ns;
	if (!mem->last_cpupid || !task || !task->mm || task->exited)
		return;
	tn = task_numa_get(mem, task);
	tn->sum_exec_ns += elapsed;
	period = tn->scan_period_ms * NSEC_PER_MSEC;
	if (tn->sum_exec_ns <= tn->node_stamp_ns + period)
		return;
	if (!tn->node_stamp_ns)
		tn->scan_period_ms = task_scan_start(mem, task);
	tn->node_stamp_ns += period;
	if (now_ms(mem) < task->mm->numa_next_scan_ms)
		return;
	tn->node_stamp_ns += 2 * tick_ns;	/* another thread of the process shall have the next turn */
	task_numa_work(mem, task, tn);
}
