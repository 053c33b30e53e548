/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Taking a snapshot of a process, and writing it as events.
 *
 * The page cache of a file is read here, at once, when the trace does not know the file yet: a
 * moment later the process would have read more of it in.
 */
#include "capture/snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/perf-session.h"

/* ---- taking ---- */

struct take {
	struct snapshot *snap;
	const struct ids *ids;
};

static int take_pages(void *ctx, const struct proc_pages *pages)
{
	struct take *t = ctx;

	*vec_push(&t->snap->pages) = *pages;
	return 0;
}

static bool seen_file(const struct take *t, const struct proc_map *map)
{
	if (ids_file_find(t->ids, map->dev, map->ino))
		return true;
	for (size_t i = 0; i < t->snap->maps.nr; i++) {
		const struct snapshot_map *m = &t->snap->maps.data[i];

		if (m->has_cached && m->map.dev == map->dev && m->map.ino == map->ino)
			return true;
	}
	return false;
}

static int take_map(void *ctx, const struct proc_map *map)
{
	struct take *t = ctx;
	struct snapshot_map m = {.map = *map};

	if (strcmp(map->name, "[vsyscall]") == 0)
		return 0;
	m.map.name = xstrdup(map->name);
	if (map->ino && t->ids->want_cache &&
	    ids_file_type(map->name, map->dev) == MMR_FILE_REGULAR && !seen_file(t, map))
		m.has_cached =
			file_cache_scan(map->name, t->snap->ref.pid, map->ino, &m.cached) == 0;
	*vec_push(&t->snap->maps) = m;
	/* A process that is gone meanwhile leaves the areas read so far. */
	proc_resident(t->snap->ref, map->start, map->end, take_pages, t);
	return 0;
}

static void take_exe(struct snapshot *snap)
{
	char link[64], path[PATH_MAX];
	unsigned char ident[EI_NIDENT];

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)snap->ref.pid);
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	path[n < 0 ? 0 : n] = '\0';
	snap->exe = xstrdup(path);
	int fd = open(link, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pread(fd, ident, sizeof(ident), 0) == (ssize_t)sizeof(ident))
		snap->is_32bit = ident[EI_CLASS] == ELFCLASS32;
	close(fd);
}

static void take_limits(struct snapshot *snap)
{
	static const int resources[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK};
	struct rlimit r;

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		if (prlimit(snap->ref.pid, resources[i], NULL, &r) < 0)
			continue;
		struct mmr_event *ev = vec_push(&snap->rlimits);

		memset(ev, 0, sizeof(*ev));
		ev->kind = MMR_RLIMIT;
		ev->RLIMIT.resource = (uint64_t)resources[i];
		ev->RLIMIT.cur = r.rlim_cur;
		ev->RLIMIT.max = r.rlim_max;
	}
}

static const struct {
	const char *word;
	uint64_t bit;
	int advice; /* MADV_*, 0 for none */
} vm_flags[] = {
	{" lo", SNAPSHOT_LOCKED, 0},
	{" hg", SNAPSHOT_HUGE, MADV_HUGEPAGE},
	{" nh", SNAPSHOT_NOHUGE, MADV_NOHUGEPAGE},
	{" dc", SNAPSHOT_DONTFORK, MADV_DONTFORK},
	{" rr", SNAPSHOT_RANDOM, MADV_RANDOM},
	{" sr", SNAPSHOT_SEQUENTIAL, MADV_SEQUENTIAL},
	{" gd", SNAPSHOT_GROWSDOWN, 0},
};

/* VmFlags of smaps: advice that was given before the capture came. */
static void take_advice(struct snapshot *snap)
{
	char path[64], *line = NULL;
	size_t size = 0, i = SIZE_MAX;
	uint64_t start;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)snap->ref.pid);
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	while (getline(&line, &size, f) > 0) {
		if (sscanf(line, "%" SCNx64 "-%*x ", &start) == 1 &&
		    line[strcspn(line, " -:")] == '-') {
			for (i = 0; i < snap->maps.nr && snap->maps.data[i].map.start != start;)
				i++;
		} else if (i < snap->maps.nr && strncmp(line, "VmFlags:", 8) == 0) {
			for (size_t k = 0; k < sizeof(vm_flags) / sizeof(vm_flags[0]); k++) {
				if (strstr(line, vm_flags[k].word))
					snap->maps.data[i].advice |= vm_flags[k].bit;
			}
		}
	}
	free(line);
	fclose(f);
}

/* Policies of areas, and of the task: that of its main stack (policy.h). */
static void take_policies(struct snapshot *snap)
{
	char path[64], *line = NULL;
	size_t size = 0, i = 0;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", (int)snap->ref.pid);
	FILE *f = fopen(path, "re");

	while (f && getline(&line, &size, f) > 0) {
		char *text;
		uint64_t start = strtoull(line, &text, 16);

		while (i < snap->maps.nr && snap->maps.data[i].map.start < start)
			i++;
		if (i == snap->maps.nr || snap->maps.data[i].map.start != start || *text != ' ' ||
		    !policy_parse(text + 1, &snap->maps.data[i].policy))
			continue;
		if (!strcmp(snap->maps.data[i].map.name, "[stack]"))
			snap->task_policy = snap->maps.data[i].policy;
	}
	free(line);
	if (f)
		fclose(f);
	snap->has_cpuset = policy_cpuset(snap->ref.pid, snap->cpuset);
}

struct snapshot *snapshot_take(struct proc_ref ref, enum mmr_when when, enum snapshot_what what,
			       const struct ids *ids)
{
	struct snapshot *snap = xcalloc(1, sizeof(*snap));
	struct take t = {.snap = snap, .ids = ids};
	struct strbuf sb = {0};

	snap->ref = ref;
	snap->when = when;
	snap->time_ns = perf_now_ns();
	if (proc_stat(ref, &snap->stat) || proc_counters(ref, &sb)) {
		strbuf_finish(&sb);
		snapshot_free(snap);
		return NULL;
	}
	snap->counters = sb.s;
	take_exe(snap);
	if (what == SNAPSHOT_SPACE) {
		proc_maps(ref, take_map, &t);
		take_limits(snap);
		if (when == MMR_WHEN_START) {
			take_advice(snap);
			take_policies(snap);
		}
		snap->has_space = true;
	}
	return snap;
}

void snapshot_free(struct snapshot *snap)
{
	if (snap == NULL)
		return;
	for (size_t i = 0; i < snap->maps.nr; i++) {
		free((char *)snap->maps.data[i].map.name);
		vec_finish(&snap->maps.data[i].cached);
	}
	vec_finish(&snap->maps);
	vec_finish(&snap->pages);
	vec_finish(&snap->rlimits);
	free(snap->counters);
	free(snap->exe);
	free(snap);
}

/* ---- writing ---- */

static int emit(struct ids *ids, const struct mmr_event *at, struct mmr_event *ev,
		struct mmr_error *err)
{
	ev->task = at->task;
	ev->cpu = at->cpu;
	ev->time_ns = at->time_ns;
	return ids->emit(ids->emit_ctx, ev, err);
}

static uint64_t vma_flags(const struct snapshot *snap, const struct snapshot_map *m)
{
	const char *name = m->map.name;
	uint64_t flags = m->map.shared ? MAP_SHARED : MAP_PRIVATE;

	if (m->map.ino == 0)
		flags |= MAP_ANONYMOUS;
	if (strcmp(name, "[stack]") == 0)
		flags |= MMR_VMA_STACK;
	else if (strcmp(name, "[heap]") == 0)
		flags |= MMR_VMA_HEAP;
	else if (name[0] == '[' && strncmp(name, "[anon", 5) != 0)
		flags |= MMR_VMA_SPECIAL;
	if (m->advice & SNAPSHOT_GROWSDOWN)
		flags |= MAP_GROWSDOWN;
	if (m->advice & SNAPSHOT_LOCKED)
		flags |= MAP_LOCKED;
	if (snap->when == MMR_WHEN_START)
		flags |= MMR_VMA_EXISTING;
	return flags;
}

static int emit_map(struct snapshot *snap, struct snapshot_map *m, struct ids *ids,
		    const struct mmr_event *at, struct mmr_error *err)
{
	struct ids_file_key key = {.dev = m->map.dev,
				   .ino = m->map.ino,
				   .path = m->map.name,
				   .pid = snap->ref.pid,
				   .cached = m->has_cached ? &m->cached : NULL};
	struct mmr_event ev = {.kind = MMR_VMA};
	uint32_t file = 0;
	int ret = m->map.ino ? ids_file(ids, &key, at, &file, err) : 0;

	if (ret)
		return ret;
	ev.VMA.addr = m->map.start;
	ev.VMA.len = m->map.end - m->map.start;
	ev.VMA.prot = (uint64_t)m->map.prot;
	ev.VMA.flags = vma_flags(snap, m);
	ev.VMA.file = file;
	ev.VMA.offset = m->map.offset;
	ev.data = m->map.name;
	ev.data_len = (uint32_t)strlen(m->map.name);
	ret = emit(ids, at, &ev, err);
	for (size_t i = 0; ret == 0 && i < sizeof(vm_flags) / sizeof(vm_flags[0]); i++) {
		if (!(m->advice & vm_flags[i].bit) || vm_flags[i].advice == 0)
			continue;
		ev = (struct mmr_event){.kind = MMR_MADVISE};
		ev.MADVISE.addr = m->map.start;
		ev.MADVISE.len = m->map.end - m->map.start;
		ev.MADVISE.advice = (uint64_t)vm_flags[i].advice;
		ret = emit(ids, at, &ev, err);
	}
	return ret;
}

/* The cpuset first: policies are made inside it. */
static int emit_task_policy(struct snapshot *snap, struct ids *ids, const struct mmr_event *at,
			    struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_CPUSET};
	char data[POLICY_WORDS * 8];
	int ret = 0;

	ev.data = data;
	if (snap->has_cpuset) {
		ev.CPUSET.existing = 1;
		ev.data_len = (uint32_t)policy_data(snap->cpuset, data);
		ret = emit(ids, at, &ev, err);
	}
	if (ret || !snap->task_policy.mode)
		return ret;
	ev = (struct mmr_event){.kind = MMR_SET_MEMPOLICY, .data = data};
	ev.SET_MEMPOLICY.mode = snap->task_policy.mode;
	ev.SET_MEMPOLICY.existing = 1;
	ev.data_len = (uint32_t)policy_data(snap->task_policy.nodes, data);
	return emit(ids, at, &ev, err);
}

static int emit_area_policy(const struct snapshot *snap, const struct snapshot_map *m,
			    struct ids *ids, const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_MBIND};
	char data[POLICY_WORDS * 8];

	if (!m->policy.mode || policy_equal(&m->policy, &snap->task_policy))
		return 0;
	ev.MBIND.addr = m->map.start;
	ev.MBIND.len = m->map.end - m->map.start;
	ev.MBIND.mode = m->policy.mode;
	ev.data = data;
	ev.data_len = (uint32_t)policy_data(m->policy.nodes, data);
	return emit(ids, at, &ev, err);
}

static int emit_brk(const struct snapshot *snap, struct ids *ids, const struct mmr_event *at,
		    struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_BRK};

	if (snap->stat.start_brk == 0)
		return 0;
	ev.BRK.start = snap->stat.start_brk;
	ev.BRK.brk = snap->stat.start_brk;
	for (size_t i = 0; i < snap->maps.nr; i++) {
		if (strcmp(snap->maps.data[i].map.name, "[heap]") == 0)
			ev.BRK.brk = snap->maps.data[i].map.end;
	}
	return emit(ids, at, &ev, err);
}

int snapshot_emit_space(struct snapshot *snap, struct ids *ids, const struct mmr_event *at,
			struct mmr_error *err)
{
	unsigned granules = (unsigned)(sysconf(_SC_PAGESIZE) >> MMR_GRANULE_SHIFT);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < snap->rlimits.nr; i++)
		ret = emit(ids, at, &snap->rlimits.data[i], err);
	if (ret == 0)
		ret = emit_brk(snap, ids, at, err);
	if (ret == 0)
		ret = emit_task_policy(snap, ids, at, err);
	for (size_t i = 0; ret == 0 && i < snap->maps.nr; i++) {
		ret = emit_map(snap, &snap->maps.data[i], ids, at, err);
		if (ret == 0)
			ret = emit_area_policy(snap, &snap->maps.data[i], ids, at, err);
	}
	for (size_t i = 0; ret == 0 && i < snap->pages.nr; i++) {
		const struct proc_pages *p = &snap->pages.data[i];
		struct mmr_event ev = {.kind = MMR_RESIDENT};

		ev.RESIDENT.addr = p->addr;
		ev.RESIDENT.nr = p->nr * granules;
		ev.RESIDENT.flags = p->flags;
		ev.RESIDENT.pfn = p->pfn;
		ret = emit(ids, at, &ev, err);
	}
	return ret;
}

int snapshot_emit_counters(const struct snapshot *snap, uint64_t nr_faults, struct ids *ids,
			   const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_COUNTERS};
	struct strbuf sb = {0};

	ev.COUNTERS.scope = MMR_SCOPE_PROCESS;
	ev.COUNTERS.when = snap->when;
	strbuf_addstr(&sb, snap->counters);
	strbuf_addf(&sb, "fault_events %" PRIu64 "\n", nr_faults);
	ev.data = sb.s;
	ev.data_len = (uint32_t)sb.len;
	int ret = emit(ids, at, &ev, err);

	strbuf_finish(&sb);
	return ret;
}
