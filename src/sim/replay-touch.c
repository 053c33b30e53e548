/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Touches: observed faults, samples, the kernel's copies, and pages that are resident already. */
#include <string.h>

#include "base/bug.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/mmu.h"
#include "mm/touch_runs.h"
#include "mm/vma.h"
#include "sim/replay.h"

static void note_result(struct mmr_replay *r, enum access_result result)
{
	switch (result) {
	case ACCESS_OK:
		break;
	case ACCESS_SEGV:
		diverge(r, DIVERGE_TOUCH_SEGV);
		break;
	case ACCESS_SIGBUS:
		diverge(r, DIVERGE_TOUCH_SIGBUS);
		break;
	case ACCESS_OOM:
		diverge(r, DIVERGE_TOUCH_OOM);
		break;
	case ACCESS_STUCK:
		BUG_ON(result == ACCESS_STUCK);
	}
}

static enum access_kind kind_of(uint64_t flags)
{
	if (flags & MMR_FAULT_WRITE)
		return ACCESS_WRITE;
	return flags & MMR_FAULT_EXEC ? ACCESS_EXEC : ACCESS_READ;
}

/* ---- observed faults ---- */

/*
 * A fault that the kernel served without reading found the page in the cache: some read(), or
 * another process, had brought it there. The model must not read it again.
 */
static void imply_cache(struct mmr_replay *r, struct mm_struct *mm, uint64_t addr)
{
	const struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct address_space *mapping = vma ? vma->vm_mapping : NULL;
	uint64_t index;

	if (!mapping || mapping->is_shmem || mapping->is_special || vma->vm_flags & VM_SPECIAL_MAP)
		return;
	index = file_index(r->mem, linear_page_index(vma, addr));
	if (index >= mapping_nr_pages(r->mem, mapping) || filemap_find(mapping, index) != PFN_NONE)
		return;
	if (filemap_populate(r->mem, mapping, index, 1, 255))
		r->counts.cache_implied++;
}

/* A fault that had to read: whatever brought the page into the cache was still reading it. */
static void expect_major(struct mmr_replay *r, struct mm_struct *mm, uint64_t addr)
{
	const struct vm_area_struct *vma = vma_lookup(mm, addr);

	if (vma && vma->vm_mapping && !vma->vm_mapping->is_shmem)
		filemap_expect_read(r->mem, vma->vm_mapping,
				    file_index(r->mem, linear_page_index(vma, addr)));
}

/* A fault that succeeded shows that the file is so long: the trace may lack the call that made it so. */
static void believe_size(struct mmr_replay *r, struct mm_struct *mm, uint64_t addr)
{
	const struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct address_space *mapping = vma ? vma->vm_mapping : NULL;
	uint64_t index;

	if (!mapping || mapping->is_special || vma->vm_flags & VM_SPECIAL_MAP)
		return;
	index = file_index(r->mem, linear_page_index(vma, addr));
	if (mapping_nr_pages(r->mem, mapping) <= index)
		mapping->size_bytes = (index + 1) << r->mem->geo->page_shift;
}

static void compare_fault(struct mmr_replay *r, uint64_t min_before, uint64_t maj_before, uint64_t flags)
{
	const struct task_struct *task = r->mem->current;
	bool minor = task->min_flt != min_before, major = task->maj_flt != maj_before;

	if (flags & MMR_FAULT_FAILED)
		return;
	if (!minor && !major)
		diverge(r, DIVERGE_FAULT_ABSENT);
	else if (major && !(flags & MMR_FAULT_MAJOR))
		diverge(r, DIVERGE_FAULT_MAJOR);
	else if (!major && flags & MMR_FAULT_MAJOR)
		diverge(r, DIVERGE_FAULT_MINOR);
}

/* Faults that huge pages served. */
static uint64_t huge_faults(const struct memory *mem)
{
	return mem->vm_event[FAULT_ANON_HUGE] + mem->vm_event[FAULT_HUGETLB] + mem->vm_event[FAULT_HUGETLB_WP];
}

/*
 * Huge pages that only one of the two mapped: settings that the capture could not read, or memory
 * that was fragmented.
 */
static void compare_size(struct mmr_replay *r, uint64_t huge_before, uint64_t flags)
{
	unsigned shift = MMR_FAULT_SHIFT(flags);
	bool huge = huge_faults(r->mem) != huge_before;

	if (shift && (shift > r->mem->geo->page_shift) != huge)
		diverge(r, DIVERGE_FAULT_SIZE);
}

void ev_fault(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	uint64_t flags = ev->FAULT.flags, min_before, maj_before, huge_before;
	enum access_result result;

	r->counts.faults_observed++;
	r->counts.faults_major_observed += !!(flags & MMR_FAULT_MAJOR);
	if (!mm)
		return;
	if (!(flags & MMR_FAULT_FAILED))
		believe_size(r, mm, ev->FAULT.addr);
	if (!(flags & (MMR_FAULT_MAJOR | MMR_FAULT_FAILED)) && r->settings.system.implied_cache)
		imply_cache(r, mm, ev->FAULT.addr);
	if (flags & MMR_FAULT_MAJOR && r->settings.system.implied_cache)
		expect_major(r, mm, ev->FAULT.addr);
	min_before = r->mem->current->min_flt;
	maj_before = r->mem->current->maj_flt;
	huge_before = huge_faults(r->mem);
	result = mmu_access(r->mem, ev->FAULT.addr, kind_of(flags), 1, flags & MMR_FAULT_USER);
	if (result == ACCESS_OK || !(flags & MMR_FAULT_FAILED))
		note_result(r, result);
	if (result == ACCESS_OK) {
		compare_fault(r, min_before, maj_before, flags);
		compare_size(r, huge_before, flags);
	}
}

void ev_sample(struct mmr_replay *r, const struct mmr_event *ev)
{
	if (replay_mm(r, ev) && ev->SAMPLE.addr)
		note_result(r, mmu_access(r->mem, ev->SAMPLE.addr, kind_of(ev->SAMPLE.flags), 1,
					  ev->SAMPLE.flags & MMR_FAULT_USER));
}

/* ---- the kernel's copies ---- */

/* No system call copies more: MAX_RW_COUNT of include/linux/fs.h. */
#define KTOUCH_MAX_BYTES (2ull << 30)

/* A copy ends at the first page that it cannot touch, as copy_to_user() does. */
void ev_ktouch(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	uint64_t len = ev->KTOUCH.len < KTOUCH_MAX_BYTES ? ev->KTOUCH.len : KTOUCH_MAX_BYTES;
	uint64_t addr = ev->KTOUCH.addr, end = addr + len;
	enum access_kind kind = ev->KTOUCH.write ? ACCESS_WRITE : ACCESS_READ;
	enum access_result result = ACCESS_OK;

	while (mm && addr < end && result == ACCESS_OK) {
		result = mmu_access(r->mem, addr, kind, 1, false);
		touch_addr(r->mem, addr, kind == ACCESS_WRITE);
		note_result(r, result);
		r->counts.ktouch_pages++;
		addr = (addr | (page_size(mm) - 1)) + 1;
		if (!addr)
			break;
	}
}

/* ---- resident pages ---- */

/* Counters that pages from before the trace leave untouched. */
struct books {
	uint64_t vm_event[NR_VM_EVENT_ITEMS], memcg_event[NR_VM_EVENT_ITEMS];
	uint64_t min_flt, maj_flt, gup_flt, mm_min, mm_maj;
};

static void books_save(struct books *b, const struct memory *mem, const struct mm_struct *mm)
{
	memcpy(b->vm_event, mem->vm_event, sizeof(b->vm_event));
	if (mm->memcg)
		memcpy(b->memcg_event, mm->memcg->vm_event, sizeof(b->memcg_event));
	b->min_flt = mem->current->min_flt;
	b->maj_flt = mem->current->maj_flt;
	b->gup_flt = mem->current->gup_flt;
	b->mm_min = mm->nr_minflt;
	b->mm_maj = mm->nr_majflt;
}

static void books_restore(const struct books *b, struct memory *mem, struct mm_struct *mm)
{
	memcpy(mem->vm_event, b->vm_event, sizeof(b->vm_event));
	if (mm->memcg)
		memcpy(mm->memcg->vm_event, b->memcg_event, sizeof(b->memcg_event));
	mem->current->min_flt = b->min_flt;
	mem->current->maj_flt = b->maj_flt;
	mem->current->gup_flt = b->gup_flt;
	mm->nr_minflt = b->mm_min;
	mm->nr_majflt = b->mm_maj;
}

/* A page that is known to be mapped is in the cache, too. */
static void cache_page(struct mmr_replay *r, const struct vm_area_struct *vma, uint64_t addr)
{
	uint64_t index = file_index(r->mem, linear_page_index(vma, addr));

	if (vma->vm_mapping && !vma->vm_mapping->is_special &&
	    filemap_find(vma->vm_mapping, index) == PFN_NONE)
		filemap_populate(r->mem, vma->vm_mapping, index, 1, 255);
}

/* Makes the page at addr present, as its bits say; returns where the next one begins. */
static uint64_t make_resident(struct mmr_replay *r, struct vm_area_struct *vma, uint64_t addr,
			      uint64_t flags)
{
	bool write = flags & MMR_RES_ANON && !(flags & MMR_RES_ZERO);
	struct pgtable *table;
	unsigned level;
	pte_t *pte;

	if (flags & MMR_RES_FILE && vma->vm_flags & VM_SHARED)
		write = flags & MMR_RES_DIRTY && vma->vm_flags & VM_WRITE;
	cache_page(r, vma, addr);
	if (handle_mm_fault(vma, addr, FAULT_FLAG_GUP | (write ? FAULT_FLAG_WRITE : 0)) &
	    VM_FAULT_ERROR)
		diverge(r, DIVERGE_RESIDENT_FAILED);
	else
		r->counts.resident_pages++;
	pte = pgtable_walk(vma->vm_mm, addr, &level, &table);
	if (!pte_is_leaf(*pte))
		level = 0;
	return (addr | ((1ull << r->mem->geo->level[level].shift) - 1)) + 1;
}

/* The part of [addr, end) that lies in areas; RESIDENT says nothing of holes. */
static void make_range_resident(struct mmr_replay *r, struct mm_struct *mm, uint64_t addr,
				uint64_t end, uint64_t flags)
{
	struct vm_area_struct *vma;
	uint64_t stop, failed = r->counts.diverged[DIVERGE_RESIDENT_FAILED];

	for (vma = find_vma(mm, addr); vma && vma->vm_start < end; vma = vma_next(vma)) {
		addr = addr > vma->vm_start ? addr : vma->vm_start;
		stop = end < vma->vm_end ? end : vma->vm_end;
		while (addr < stop && !mm->oom_victim) {
			addr = make_resident(r, vma, addr, flags);
			if (failed != r->counts.diverged[DIVERGE_RESIDENT_FAILED])
				return;
		}
	}
}

void ev_resident(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);
	struct mm_struct *mm = st->task->mm;
	uint64_t bytes = ev->RESIDENT.nr << MMR_GRANULE_SHIFT, end;
	uint64_t around = r->mem->conf.fault_around_bytes, folio = r->mem->conf.fault_around_folio;
	struct books books;

	if (!mm)
		return;
	if (ev->RESIDENT.flags & MMR_RES_SWAPPED) {
		r->counts.diverged[DIVERGE_SWAPPED] += ev->RESIDENT.nr;
		return;
	}
	if (bytes >> MMR_GRANULE_SHIFT != ev->RESIDENT.nr ||
	    __builtin_add_overflow(ev->RESIDENT.addr, bytes, &end))
		end = UINT64_MAX;
	books_save(&books, r->mem, mm);
	/* Every page that is there is named: nothing beside it may come. */
	r->mem->conf.fault_around_bytes = page_size(mm);
	r->mem->conf.fault_around_folio = 0;
	make_range_resident(r, mm, ev->RESIDENT.addr, end, ev->RESIDENT.flags);
	r->mem->conf.fault_around_bytes = around;
	r->mem->conf.fault_around_folio = folio;
	if (!st->counts_resident)
		books_restore(&books, r->mem, mm);
}
