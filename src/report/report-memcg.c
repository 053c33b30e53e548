/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `memcg`: a row for each memory cgroup, parents first: limits, what it is charged with, how often it met a limit,
 * memory.stat, time lost. Figures of a group are those of its whole subtree, as in the kernel's files, but for events_local.
 */
#include <string.h>

#include "base/bug.h"
#include "mm/memcg.h"
#include "report/memcg_stat.h"
#include "report/report.h"

/* One row on its way. */
struct row {
	struct report *rep;
	const struct mem_cgroup *memcg;
	json_t *obj;
};

static uint64_t bytes_of(const struct row *row, uint64_t pages)
{
	return pages << row->memcg->mem->geo->page_shift;
}

static void put_limit(const struct row *row, json_t *obj, const char *key, uint64_t pages)
{
	if (pages >= PAGE_COUNTER_MAX)
		j_str(obj, key, "max");
	else
		j_u64(obj, key, bytes_of(row, pages));
}

static void put_limits(const struct row *row)
{
	const struct mem_cgroup *m = row->memcg;
	json_t *limits = j_object(row->obj, "limits");

	put_limit(row, limits, "max_bytes", m->memory.max);
	put_limit(row, limits, "high_bytes", m->memory.high);
	put_limit(row, limits, "low_bytes", m->memory.low);
	put_limit(row, limits, "min_bytes", m->memory.min);
	if (memcg_is_v1(m->mem)) {
		put_limit(row, limits, "memory_and_swap_bytes", m->memsw.max);
	} else {
		put_limit(row, limits, "swap_max_bytes", m->swap.max);
		put_limit(row, limits, "swap_high_bytes", m->swap.high);
	}
	if (m->swappiness == MEMCG_SWAPPINESS_GLOBAL)
		j_str(limits, "swappiness", "global");
	else
		j_u64(limits, "swappiness", m->swappiness);
	j_bool(limits, "oom_group", m->oom_group);
}

/* The root is charged for nothing itself, and its files have no usage. */
static void put_usage(const struct row *row)
{
	const struct mem_cgroup *m = row->memcg;

	j_u64(row->obj, "usage_bytes", bytes_of(row, m->memory.usage));
	j_u64(row->obj, "peak_bytes", bytes_of(row, m->memory.watermark));
	j_u64(row->obj, "kernel_bytes", bytes_of(row, m->kmem.usage));
	j_u64(row->obj, "swap_bytes", bytes_of(row, memcg_stat(m, MEMCG_SWAP)));
	if (memcg_is_v1(m->mem)) {
		j_u64(row->obj, "memory_and_swap_bytes", bytes_of(row, m->memsw.usage));
		j_u64(row->obj, "memory_and_swap_peak_bytes", bytes_of(row, m->memsw.watermark));
	} else {
		j_u64(row->obj, "swap_peak_bytes", bytes_of(row, m->swap.watermark));
	}
	j_u64(row->obj, "failcnt", m->memory.failcnt);
}

static void put_events(json_t *obj, const char *key, const uint64_t *events)
{
	json_t *all = j_object(obj, key);

	for (unsigned i = 0; i < NR_MEMCG_MEMORY_EVENTS; i++)
		j_u64(all, memcg_event_info[i].key, events[i]);
}

static void put_stat_line(void *ctx, const char *name, uint64_t value, const char *unknown)
{
	if (unknown)
		j_null(ctx, name);
	else
		j_u64(ctx, name, value);
}

static void path_of(struct strbuf *sb, const struct mem_cgroup *memcg)
{
	if (memcg->parent)
		path_of(sb, memcg->parent);
	if (memcg->parent)
		strbuf_addf(sb, "%s%s", memcg->parent->parent ? "/" : "", memcg->name);
	else
		strbuf_addstr(sb, "/");
}

void report_memcg_path(json_t *obj, const char *key, const struct mem_cgroup *memcg)
{
	struct strbuf path = {0};

	path_of(&path, memcg);
	j_bytes(obj, key, path.s, path.len);
	strbuf_finish(&path);
}

static void put_group(struct row *row)
{
	const struct mem_cgroup *m = row->memcg;

	report_memcg_path(row->obj, "path", m);
	j_u64(row->obj, "id", m->id);
	j_bool(row->obj, "offline", m->offline);
	j_u64(row->obj, "address_spaces", m->nr_mms);
	put_limits(row);
	put_usage(row);
	put_events(row->obj, "events", m->memory_events);
	put_events(row->obj, "events_local", m->memory_events_local);
	j_u64(row->obj, "high_stall_ns", m->high_stall_ns);
	report_pressure(row->obj, m->mem, &m->psi);
	memcg_stat_each(m, put_stat_line, j_object(row->obj, "stat"));
}

static void note_unknown(void *ctx, const char *name, uint64_t value, const char *unknown)
{
	struct report *rep = ctx;
	char path[96];

	(void)value;
	snprintf(path, sizeof(path), "memcg.groups.stat.%s", name);
	if (unknown)
		j_str(rep->unavailable, path, unknown);
}

void report_memcg(struct report *rep)
{
	struct memory *mem = rep->r->mem;
	struct mem_cgroup *memcg = NULL;
	json_t *section, *groups;

	if (mem_cgroup_disabled(mem)) {
		report_null(rep, rep->root, "memcg", "memcg", "no memory cgroups: memcg.enabled, a limit or a group makes some");
		return;
	}
	section = j_object(rep->root, "memcg");
	j_str(section, "version", memcg_is_v1(mem) ? "v1" : "v2");
	groups = j_array(section, "groups");
	while ((memcg = mem_cgroup_iter(mem, NULL, memcg, NULL))) {
		struct row row = {.rep = rep, .memcg = memcg, .obj = json_object()};

		put_group(&row);
		json_array_append_new(groups, row.obj);
	}
	memcg_stat_each(mem->root_memcg, note_unknown, rep);
}
