/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The section `kernel`: entries by cause, stacks, vmalloc, direct map, and the kernel's own touches. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "machine/tlb.h"
#include "mm/kentry.h"
#include "mm/kstack.h"
#include "mm/vmalloc.h"
#include "report/report.h"

static const char *entry_reason(const struct mmr_replay *r, enum kernel_entry cause)
{
	bool exact = r->meta.basis == MMR_BASIS_EXACT;

	switch (cause) {
	case KERNEL_SHOOTDOWN:
		return exact ? NULL : "which CPUs ran a task meanwhile is not in the trace";
	case KERNEL_TIMER:
		return timer_is_known(r) ? NULL : "which CPUs ran is not in the trace";
	case KERNEL_SWITCH:
		return exact || r->mem->kernel_entries[cause] ? NULL : "the trace has no switches of tasks";
	default:
		return NULL;
	}
}

static void report_entries(struct report *rep, json_t *kernel)
{
	json_t *entries = j_object(kernel, "entries");
	char path[64];

	for (unsigned i = 0; i < NR_KERNEL_ENTRIES; i++) {
		const char *key = kernel_entry_info[i].key;
		const char *reason = entry_reason(rep->r, (enum kernel_entry)i);

		if (!reason) {
			j_u64(entries, key, rep->r->mem->kernel_entries[i]);
			continue;
		}
		snprintf(path, sizeof(path), "kernel.entries.%s", key);
		report_null(rep, entries, key, path, reason);
	}
}

static void report_stacks(const struct memory *mem, json_t *kernel)
{
	json_t *obj = j_object(kernel, "stacks");
	struct kstack_stats s;

	kstack_stats(mem, &s);
	j_u64(obj, "stack_bytes", thread_size(mem));
	j_u64(obj, "in_use", s.nr_stacks);
	j_u64(obj, "cached", s.nr_cached);
	j_u64(obj, "allocations", s.allocs);
	j_u64(obj, "cache_hits", s.cache_hits);
	j_u64(obj, "failures", s.failed);
}

static void report_vmalloc(const struct memory *mem, json_t *kernel)
{
	json_t *obj = j_object(kernel, "vmalloc");
	struct vmalloc_stats s;

	vmalloc_stats(mem, &s);
	j_u64(obj, "total_bytes", s.total_bytes);
	j_u64(obj, "areas", s.nr_areas);
	j_u64(obj, "area_bytes", s.used_bytes);
	j_u64(obj, "used_pages", s.nr_vmalloc_pages);
	j_u64(obj, "peak_pages", s.peak_pages);
	j_u64(obj, "ioremap_pages", s.nr_ioremap_pages);
	j_u64(obj, "lazy_pages", s.nr_lazy_pages);
	j_u64(obj, "pooled_areas", s.nr_pooled_areas);
	j_u64(obj, "free_areas", s.nr_free_areas);
	j_u64(obj, "largest_free_bytes", s.largest_free_bytes);
	j_u64(obj, "allocations", s.allocs);
	j_u64(obj, "frees", s.frees);
	j_u64(obj, "failures", s.failed);
	j_u64(obj, "pool_hits", s.pool_hits);
	j_u64(obj, "huge_areas", s.huge_areas);
	j_u64(obj, "purges", s.purges);
	j_u64(obj, "purged_areas", s.purged_areas);
	j_u64(obj, "flushes", s.flushes);
}

/* Pages of the direct map by size, as DirectMap4k, DirectMap2M ... of /proc/meminfo. */
static void report_direct_map(const struct memory *mem, json_t *kernel)
{
	json_t *obj = j_object(kernel, "direct_map_pages");
	const struct geometry *geo = mem->geo;
	char name[24];

	for (unsigned l = 0; l < geo->nr_levels; l++)
		if (geo->level[l].may_leaf)
			j_u64(obj, format_size(1ull << geo->level[l].shift, name, sizeof(name)),
			      mem->direct_map_pages[l]);
	j_u64(kernel, "page_table_bytes", mem->init_mm->pgtables_bytes);
	j_u64(kernel, "boot_page_table_bytes", mem->boot_pgtables_bytes);
}

static void report_touches(struct report *rep, json_t *kernel)
{
	const struct memory *mem = rep->r->mem;
	struct tlb_stats st;
	json_t *obj;
	uint64_t walks = 0, refs = 0;

	if (!mem->ktouch) {
		report_null(rep, kernel, "touches", "kernel.touches",
			    rep->r->settings.mm.ktouch ? report_no_accesses(rep->r) : "kernel.touches is off");
		return;
	}
	tlb_kernel_stats(mem->tlb, -1, &st);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		for (unsigned i = 0; i < MAX_PAGE_SIZES; i++)
			walks += st.stream[s].walks[i];
		for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
			refs += st.stream[s].walk_refs[l];
	}
	obj = j_object(kernel, "touches");
	j_u64(obj, "reads", st.reads);
	j_u64(obj, "writes", st.writes);
	j_u64(obj, "l1_misses", st.stream[TLB_DATA].total[TLB_L1].misses + st.stream[TLB_INSN].total[TLB_L1].misses);
	j_u64(obj, "walks", walks);
	j_u64(obj, "walk_references", refs);
}

void report_kernel(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	json_t *kernel = j_object(rep->root, "kernel");

	report_entries(rep, kernel);
	report_stacks(mem, kernel);
	report_vmalloc(mem, kernel);
	report_direct_map(mem, kernel);
	report_touches(rep, kernel);
}
