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
#include "report/memcg_stat.h"
#include "report/procfs.h"
#include "report/report.h"

static void put_stat_line(void *ctx, const char *name, uint64_t value, const char *unknown)
{
	struct procfs *p = ctx;

	if (unknown)
		procfs_unknown(p, name, unknown);
	strbuf_addf(&p->text, "%s %" PRIu64 "\n", name, value);
}

static void put_stat(struct procfs *p, const struct mem_cgroup *memcg, const char *path)
{
	p->file = "sys/fs/cgroup/PATH/memory.stat";
	memcg_stat_each(memcg, put_stat_line, p);
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

static const struct memcg_stat_line v1_lines[] = {
	STAT_LINE("cache", NR_FILE_PAGES),
	STAT_LINE("rss", NR_ANON_MAPPED),
	STAT_THP("rss_huge", NR_ANON_THPS),
	STAT_LINE("shmem", NR_SHMEM),
	STAT_LINE("mapped_file", NR_FILE_MAPPED),
	STAT_LINE("dirty", NR_FILE_DIRTY),
	STAT_LINE("writeback", NR_WRITEBACK),
	STAT_COUNT("workingset_refault_anon", WORKINGSET_REFAULT_ANON),
	STAT_COUNT("workingset_refault_file", WORKINGSET_REFAULT_FILE),
	{"swap", STAT_MEMCG, UNIT_PAGES, MEMCG_SWAP},
	STAT_LINE("swapcached", NR_SWAPCACHE),
};

static const struct {
	const char *name;
	unsigned item;
} v1_events[] = {{"pgpgin", PGPGIN}, {"pgpgout", PGPGOUT}, {"pgfault", PGFAULT}, {"pgmajfault", PGMAJFAULT}};

/* Of the group alone: what it has less what those below it have. */
static uint64_t local_value(const struct mem_cgroup *memcg, const struct memcg_stat_line *line)
{
	uint64_t value = memcg_stat_value(memcg, line);
	const struct list_head *pos;

	list_for_each(pos, &memcg->children)
		value -= memcg_stat_value(list_entry(pos, struct mem_cgroup, siblings), line);
	return value;
}

static void put_v1_block(struct procfs *p, const struct mem_cgroup *memcg, const char *prefix, bool total)
{
	for (size_t i = 0; i < ARRAY_SIZE(v1_lines); i++)
		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, v1_lines[i].name,
			    total ? memcg_stat_value(memcg, &v1_lines[i]) : local_value(memcg, &v1_lines[i]));
	for (size_t i = 0; i < ARRAY_SIZE(v1_events); i++)
		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, v1_events[i].name,
			    total ? memcg_events(memcg, (enum vm_event_item)v1_events[i].item) :
				    memcg->vm_event[v1_events[i].item]);
	for (unsigned i = 0; i < NR_LRU_LISTS; i++) {
		static const char *const names[] = {"inactive_anon", "active_anon", "inactive_file", "active_file",
						    "unevictable"};
		const struct memcg_stat_line line = STAT_LINE(names[i], (uint16_t)(NR_INACTIVE_ANON + i));

		strbuf_addf(&p->text, "%s%s %" PRIu64 "\n", prefix, names[i],
			    total ? memcg_stat_value(memcg, &line) : local_value(memcg, &line));
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
