/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* memory.stat: see memcg_stat.h. */
#include "report/memcg_stat.h"

#include "base/bug.h"

static const struct memcg_stat_line stat_lines[] = {
	STAT_LINE("anon", NR_ANON_MAPPED),
	STAT_LINE("file", NR_FILE_PAGES),
	{"kernel", STAT_MEMCG, UNIT_PAGES, MEMCG_KMEM_PAGES},
	{"kernel_stack", STAT_NODE, UNIT_KB, NR_KERNEL_STACK_KB},
	STAT_LINE("pagetables", NR_PAGETABLE),
	{"sec_pagetables", STAT_ZERO, 0, 0},
	{"percpu", STAT_ZERO, 0, 0},
	{"sock", STAT_ZERO, 0, 0},
	{"vmalloc", STAT_MEMCG, UNIT_PAGES, MEMCG_VMALLOC},
	STAT_LINE("shmem", NR_SHMEM),
	{"zswap", STAT_MEMCG, UNIT_ONE, MEMCG_ZSWAP_B},
	{"zswapped", STAT_MEMCG, UNIT_PAGES, MEMCG_ZSWAPPED},
	STAT_LINE("file_mapped", NR_FILE_MAPPED),
	STAT_LINE("file_dirty", NR_FILE_DIRTY),
	STAT_LINE("file_writeback", NR_WRITEBACK),
	STAT_LINE("swapcached", NR_SWAPCACHE),
	STAT_THP("anon_thp", NR_ANON_THPS),
	STAT_THP("file_thp", NR_FILE_THPS),
	STAT_THP("shmem_thp", NR_SHMEM_THPS),
	STAT_LINE("inactive_anon", NR_INACTIVE_ANON),
	STAT_LINE("active_anon", NR_ACTIVE_ANON),
	STAT_LINE("inactive_file", NR_INACTIVE_FILE),
	STAT_LINE("active_file", NR_ACTIVE_FILE),
	STAT_LINE("unevictable", NR_UNEVICTABLE),
	{"slab_reclaimable", STAT_MEMCG, UNIT_ONE, MEMCG_SLAB_RECLAIMABLE_B},
	{"slab_unreclaimable", STAT_MEMCG, UNIT_ONE, MEMCG_SLAB_UNRECLAIMABLE_B},
	{"slab", STAT_MEMCG, UNIT_ONE, NR_MEMCG_STAT},	/* both */
	STAT_COUNT("workingset_refault_anon", WORKINGSET_REFAULT_ANON),
	STAT_COUNT("workingset_refault_file", WORKINGSET_REFAULT_FILE),
	STAT_COUNT("workingset_activate_anon", WORKINGSET_ACTIVATE_ANON),
	STAT_COUNT("workingset_activate_file", WORKINGSET_ACTIVATE_FILE),
	STAT_COUNT("workingset_restore_anon", WORKINGSET_RESTORE_ANON),
	STAT_COUNT("workingset_restore_file", WORKINGSET_RESTORE_FILE),
	STAT_COUNT("workingset_nodereclaim", WORKINGSET_NODERECLAIM),
	STAT_COUNT("pgdemote_kswapd", PGDEMOTE_KSWAPD),
	STAT_COUNT("pgdemote_direct", PGDEMOTE_DIRECT),
	STAT_COUNT("pgdemote_khugepaged", PGDEMOTE_KHUGEPAGED),
	STAT_COUNT("pgdemote_proactive", PGDEMOTE_PROACTIVE),
	STAT_COUNT("pgpromote_success", PGPROMOTE_SUCCESS),
};

/* -1: the model has no such event. */
static const struct {
	const char *name;
	int item;
} event_lines[] = {
	{"pgscan_kswapd", PGSCAN_KSWAPD},
	{"pgscan_direct", PGSCAN_DIRECT},
	{"pgscan_khugepaged", PGSCAN_KHUGEPAGED},
	{"pgscan_proactive", PGSCAN_PROACTIVE},
	{"pgsteal_kswapd", PGSTEAL_KSWAPD},
	{"pgsteal_direct", PGSTEAL_DIRECT},
	{"pgsteal_khugepaged", PGSTEAL_KHUGEPAGED},
	{"pgsteal_proactive", PGSTEAL_PROACTIVE},
	{"pgfault", PGFAULT},
	{"pgmajfault", PGMAJFAULT},
	{"pgrefill", PGREFILL},
	{"pgactivate", PGACTIVATE},
	{"pgdeactivate", PGDEACTIVATE},
	{"pglazyfree", PGLAZYFREE},
	{"pglazyfreed", PGLAZYFREED},
	{"swpin_zero", -1},
	{"swpout_zero", -1},
	{"zswpin", ZSWPIN},
	{"zswpout", ZSWPOUT},
	{"zswpwb", ZSWPWB},
	{"thp_fault_alloc", THP_FAULT_ALLOC},
	{"thp_collapse_alloc", THP_COLLAPSE_ALLOC},
	{"thp_swpout", THP_SWPOUT},
	{"thp_swpout_fallback", THP_SWPOUT_FALLBACK},
	{"numa_pages_migrated", NUMA_PAGE_MIGRATE},
	{"numa_pte_updates", NUMA_PTE_UPDATES},
	{"numa_hint_faults", NUMA_HINT_FAULTS},
};

uint64_t memcg_stat_value(const struct mem_cgroup *memcg, const struct memcg_stat_line *line)
{
	const struct geometry *geo = memcg->mem->geo;
	uint64_t value;

	if (line->kind == STAT_ZERO)
		return 0;
	if (line->kind == STAT_NODE)
		value = memcg_page_state(memcg, (enum node_stat_item)line->item);
	else if (line->item == NR_MEMCG_STAT)
		value = memcg_stat(memcg, MEMCG_SLAB_RECLAIMABLE_B) + memcg_stat(memcg, MEMCG_SLAB_UNRECLAIMABLE_B);
	else
		value = memcg_stat(memcg, (enum memcg_stat_item)line->item);
	switch (line->unit) {
	case UNIT_PAGES:
		return value << geo->page_shift;
	case UNIT_KB:
		return value << 10;
	case UNIT_HUGE:
		return value << geo->level[1].shift;
	default:
		return value;
	}
}

void memcg_stat_each(const struct mem_cgroup *memcg,
		     void (*fn)(void *ctx, const char *name, uint64_t value, const char *unknown), void *ctx)
{
	uint64_t scan = 0, steal = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stat_lines); i++)
		fn(ctx, stat_lines[i].name, memcg_stat_value(memcg, &stat_lines[i]),
		   stat_lines[i].kind == STAT_ZERO ? "not charged to groups in the model" : NULL);
	for (unsigned i = 0; i < 4; i++) {
		scan += memcg_events(memcg, (enum vm_event_item)(PGSCAN_KSWAPD + i));
		steal += memcg_events(memcg, (enum vm_event_item)(PGSTEAL_KSWAPD + i));
	}
	fn(ctx, "pgscan", scan, NULL);
	fn(ctx, "pgsteal", steal, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(event_lines); i++) {
		int item = event_lines[i].item;

		fn(ctx, event_lines[i].name, item < 0 ? 0 : memcg_events(memcg, (enum vm_event_item)item),
		   item < 0 ? "the model does not know the contents of pages" : NULL);
	}
}
