/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * memory.* of every group, as cgroup version 2 or, with memcg.v1, version 1 has them. Kernel counterpart: mm/memcontrol.c
 * (memory_stats, memcg_vm_event_stat), mm/memcontrol-v1.c (memcg1_stats). Lines and order are those of 6.18 with swap, zswap,
 * THP and NUMA balancing.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "mm/memcg.h"
#include "report/procfs.h"
#include "report/report.h"

enum stat_kind { STAT_NODE, STAT_MEMCG, STAT_ZERO };
enum stat_unit { UNIT_PAGES, UNIT_ONE, UNIT_KB, UNIT_HUGE };

struct stat_line {
	const char *name;
	uint8_t kind, unit;
	uint16_t item;
};

#define NODE(name, item)	{name, STAT_NODE, UNIT_PAGES, item}
#define COUNT(name, item)	{name, STAT_NODE, UNIT_ONE, item}
#define THP(name, item)		{name, STAT_NODE, UNIT_HUGE, item}

static const struct stat_line stat_lines[] = {
	NODE("anon", NR_ANON_MAPPED),
	NODE("file", NR_FILE_PAGES),
	{"kernel", STAT_MEMCG, UNIT_PAGES, MEMCG_KMEM_PAGES},
	{"kernel_stack", STAT_NODE, UNIT_KB, NR_KERNEL_STACK_KB},
	NODE("pagetables", NR_PAGETABLE),
	{"sec_pagetables", STAT_ZERO, 0, 0},
	{"percpu", STAT_ZERO, 0, 0},
	{"sock", STAT_ZERO, 0, 0},
	{"vmalloc", STAT_MEMCG, UNIT_PAGES, MEMCG_VMALLOC},
	NODE("shmem", NR_SHMEM),
	{"zswap", STAT_MEMCG, UNIT_ONE, MEMCG_ZSWAP_B},
	{"zswapped", STAT_MEMCG, UNIT_PAGES, MEMCG_ZSWAPPED},
	NODE("file_mapped", NR_FILE_MAPPED),
	NODE("file_dirty", NR_FILE_DIRTY),
	NODE("file_writeback", NR_WRITEBACK),
	NODE("swapcached", NR_SWAPCACHE),
	THP("anon_thp", NR_ANON_THPS),
	THP("file_thp", NR_FILE_THPS),
	THP("shmem_thp", NR_SHMEM_THPS),
	NODE("inactive_anon", NR_INACTIVE_ANON),
	NODE("active_anon", NR_ACTIVE_ANON),
	NODE("inactive_file", NR_INACTIVE_FILE),
	NODE("active_file", NR_ACTIVE_FILE),
	NODE("unevictable", NR_UNEVICTABLE),
	{"slab_reclaimable", STAT_MEMCG, UNIT_ONE, MEMCG_SLAB_RECLAIMABLE_B},
	{"slab_unreclaimable", STAT_MEMCG, UNIT_ONE, MEMCG_SLAB_UNRECLAIMABLE_B},
	{"slab", STAT_MEMCG, UNIT_ONE, NR_MEMCG_STAT},	/* both */
	COUNT("workingset_refault_anon", WORKINGSET_REFAULT_ANON),
	COUNT("workingset_refault_file", WORKINGSET_REFAULT_FILE),
	COUNT("workingset_activate_anon", WORKINGSET_ACTIVATE_ANON),
	COUNT("workingset_activate_file", WORKINGSET_ACTIVATE_FILE),
	COUNT("workingset_restore_anon", WORKINGSET_RESTORE_ANON),
	COUNT("workingset_restore_file", WORKINGSET_RESTORE_FILE),
	COUNT("workingset_nodereclaim", WORKINGSET_NODERECLAIM),
	COUNT("pgdemote_kswapd", PGDEMOTE_KSWAPD),
	COUNT("pgdemote_direct", PGDEMOTE_DIRECT),
	COUNT("pgdemote_khugepaged", PGDEMOTE_KHUGEPAGED),
	COUNT("pgdemote_proactive", PGDEMOTE_PROACTIVE),
	COUNT("pgpromote_success", PGPROMOTE_SUCCESS),
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

static uint64_t value_of(struct procfs *p, const struct mem_cgroup *memcg, const struct stat_line *line)
{
	unsigned page_shift = p->mem->geo->page_shift;
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
		return value << page_shift;
	case UNIT_KB:
		return value << 10;
	case UNIT_HUGE:
		return value << p->mem->geo->level[1].shift;
	default:
		return value;
	}
}

static void put_stat(struct procfs *p, const struct mem_cgroup *memcg, const char *path)
{
	uint64_t scan = 0, steal = 0;

	p->file = "sys/fs/cgroup/PATH/memory.stat";
	for (size_t i = 0; i < ARRAY_SIZE(stat_lines); i++) {
		if (stat_lines[i].kind == STAT_ZERO)
			procfs_unknown(p, stat_lines[i].name, "not charged to groups in the model");
		strbuf_addf(&p->text, "%s %" PRIu64 "\n", stat_lines[i].name, value_of(p, memcg, &stat_lines[i]));
	}
	for (unsigned i = 0; i < 4; i++) {
		scan += memcg_events(memcg, (enum vm_event_item)(PGSCAN_KSWAPD + i));
		steal += memcg_events(memcg, (enum vm_event_item)(PGSTEAL_KSWAPD + i));
	}
	strbuf_addf(&p->text, "pgscan %" PRIu64 "\npgsteal %" PRIu64 "\n", scan, steal);
	for (size_t i = 0; i < ARRAY_SIZE(event_lines); i++) {
		int item = event_lines[i].item;

		if (item < 0)
			procfs_unknown(p, event_lines[i].name, "the model does not know the contents of pages");
		strbuf_addf(&p->text, "%s %" PRIu64 "\n", event_lines[i].name,
			    item < 0 ? 0 : memcg_events(memcg, (enum vm_event_item)item));
	}
	procfs_done(p, "%s/memory.stat", path);
}

/* A limit in bytes, "max" for none. */
static void put_limit(struct procfs *p, const char *path, const char *name, uint64_t pages)
{
	if (pages >= PAGE_COUNTER_MAX)
		strbuf_addstr(&p->text, "max\n");
	else
		strbuf_addf(&p->text, "%" PRIu64 "\n", pages << p->mem->geo->page_shift);
	procfs_done(p, "%s/%s", path, name);
}

static void put_events(struct procfs *p, const char *path, const char *name, const uint64_t *events, unsigned first,
		       unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		const char *key = memcg_event_info[i].key;

		strbuf_addf(&p->text, "%s %" PRIu64 "\n", i >= MEMCG_SWAP_HIGH ? key + strlen("swap_") : key, events[i]);
	}
	procfs_done(p, "%s/%s", path, name);
}

static void put_v2(struct procfs *p, const struct mem_cgroup *memcg, const char *path)
{
	put_stat(p, memcg, path);
	procfs_put_pressure(p, &memcg->psi);
	procfs_done(p, "%s/memory.pressure", path);
	if (mem_cgroup_is_root(memcg))
		return;	/* the root has no limits, and no files of usage */
	put_limit(p, path, "memory.current", memcg->memory.usage);
	put_limit(p, path, "memory.peak", memcg->memory.watermark);
	put_limit(p, path, "memory.min", memcg->memory.min);
	put_limit(p, path, "memory.low", memcg->memory.low);
	put_limit(p, path, "memory.high", memcg->memory.high);
	put_limit(p, path, "memory.max", memcg->memory.max);
	put_limit(p, path, "memory.swap.current", memcg->swap.usage);
	put_limit(p, path, "memory.swap.peak", memcg->swap.watermark);
	put_limit(p, path, "memory.swap.high", memcg->swap.high);
	put_limit(p, path, "memory.swap.max", memcg->swap.max);
	put_events(p, path, "memory.events", memcg->memory_events, MEMCG_LOW, MEMCG_OOM_GROUP_KILL);
	put_events(p, path, "memory.events.local", memcg->memory_events_local, MEMCG_LOW, MEMCG_OOM_GROUP_KILL);
	put_events(p, path, "memory.swap.events", memcg->memory_events, MEMCG_SWAP_HIGH, MEMCG_SWAP_FAIL);
	strbuf_addf(&p->text, "%d\n", memcg->oom_group);
	procfs_done(p, "%s/memory.oom.group", path);
}

/* ---- version 1 ---- */

static const struct stat_line v1_lines[] = {
	NODE("cache", NR_FILE_PAGES),
	NODE("rss", NR_ANON_MAPPED),
	THP("rss_huge", NR_ANON_THPS),
	NODE("shmem", NR_SHMEM),
	NODE("mapped_file", NR_FILE_MAPPED),
	NODE("dirty", NR_FILE_DIRTY),
	NODE("writeback", NR_WRITEBACK),
	COUNT("workingset_refault_anon", WORKINGSET_REFAULT_ANON),
	COUNT("workingset_refault_file", WORKINGSET_REFAULT_FILE),
	{"swap", STAT_MEMCG, UNIT_PAGES, MEMCG_SWAP},
	NODE("swapcached", NR_SWAPCACHE),
};

static const struct {
	const char *name;
	unsigned item;
} v1_events[] = {{"pgpgin", PGPGIN}, {"pgpgout", PGPGOUT}, {"pgfault", PGFAULT}, {"pgmajfault", PGMAJFAULT}};

/* Of the group alone: what it has less what those below it have. */
static uint64_t local_value(struct procfs *p, const struct mem_cgroup *memcg, const struct stat_line *line)
{
	uint64_t value = value_of(p, memcg, line);
	const struct list_head *pos;

	list_for_each(pos, &memcg->children)
		value -= value_of(p, list_entry(pos, struct mem_cgroup, siblings), line);
	return value;
}

static void put_v1_block(struct procfs *p, const struct mem_cgroup *memcg, const char *prefix, bool total)
{
	for (size_t i = 0; i < ARRAY_SIZE(v1_lines); i++)
		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, v1_lines[i].name,
			    total ? value_of(p, memcg, &v1_lines[i]) : local_value(p, memcg, &v1_lines[i]));
	for (size_t i = 0; i < ARRAY_SIZE(v1_events); i++)
		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, v1_events[i].name,
			    total ? memcg_events(memcg, (enum vm_event_item)v1_events[i].item) :
				    memcg->vm_event[v1_events[i].item]);
	for (unsigned i = 0; i < NR_LRU_LISTS; i++) {
		static const char *const names[] = {"inactive_anon", "active_anon", "inactive_file", "active_file",
						    "unevictable"};
		const struct stat_line line = NODE(names[i], (uint16_t)(NR_INACTIVE_ANON + i));

		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, names[i],
			    total ? value_of(p, memcg, &line) : local_value(p, memcg, &line));
	}
}

/* "No limit" is a number in version 1. */
static uint64_t v1_limit(const struct procfs *p, uint64_t pages)
{
	uint64_t page = 1ull << p->mem->geo->page_shift;

	return pages >= PAGE_COUNTER_MAX ? (uint64_t)INT64_MAX / page * page : pages * page;
}

static void put_v1_file(struct procfs *p, const char *path, const char *name, uint64_t value)
{
	strbuf_addf(&p->text, "%" PRIu64 "\n", value);
	procfs_done(p, "%s/%s", path, name);
}

static void put_v1_counter(struct procfs *p, const char *path, const char *name, const struct page_counter *counter)
{
	char file[64];
	const struct {
		const char *suffix;
		uint64_t value;
	} files[] = {
		{"usage_in_bytes", v1_limit(p, counter->usage)},
		{"max_usage_in_bytes", v1_limit(p, counter->watermark)},
		{"limit_in_bytes", v1_limit(p, counter->max)},
		{"failcnt", counter->failcnt},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(file, sizeof(file), "memory.%s%s", name, files[i].suffix);
		put_v1_file(p, path, file, files[i].value);
	}
}

static void put_v1(struct procfs *p, const struct mem_cgroup *memcg, const char *path)
{
	uint64_t memory = PAGE_COUNTER_MAX, memsw = PAGE_COUNTER_MAX;

	for (const struct mem_cgroup *m = memcg; m; m = m->parent) {
		memory = m->memory.max < memory ? m->memory.max : memory;
		memsw = m->memsw.max < memsw ? m->memsw.max : memsw;
	}
	p->file = "sys/fs/cgroup/memory/PATH/memory.stat";
	put_v1_block(p, memcg, "", false);
	strbuf_addf(&p->text, "hierarchical_memory_limit %" PRIu64 "\nhierarchical_memsw_limit %" PRIu64 "\n",
		    v1_limit(p, memory), v1_limit(p, memsw));
	put_v1_block(p, memcg, "total_", true);
	procfs_done(p, "%s/memory.stat", path);
	put_v1_counter(p, path, "", &memcg->memory);
	put_v1_counter(p, path, "memsw.", &memcg->memsw);
	put_v1_counter(p, path, "kmem.", &memcg->kmem);
}

/* ---- all groups ---- */

static void path_of(struct strbuf *sb, const struct mem_cgroup *memcg, bool v1)
{
	if (memcg->parent)
		path_of(sb, memcg->parent, v1);
	else
		strbuf_addstr(sb, v1 ? "sys/fs/cgroup/memory" : "sys/fs/cgroup");
	if (memcg->parent)
		strbuf_addf(sb, "/%s", memcg->name);
}

void procfs_memcgs(struct procfs *p)
{
	bool v1 = p->mem->root_memcg && memcg_is_v1(p->mem);
	struct mem_cgroup *memcg = NULL;
	struct strbuf path = {0};

	while (p->mem->root_memcg && (memcg = mem_cgroup_iter(p->r->mem, NULL, memcg, NULL))) {
		path.len = 0;
		path_of(&path, memcg, v1);
		if (v1)
			put_v1(p, memcg, path.s);
		else
			put_v2(p, memcg, path.s);
	}
	strbuf_finish(&path);
}
