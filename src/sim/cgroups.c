/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Memory cgroups of a replay: see cgroups.h. */
#include "sim/cgroups.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "base/xalloc.h"
#include "mm/lru.h"
#include "mm/memcontrol.h"

#define HOME_NAME	"trace"
#define PROCESSES	"processes"
#define MAX_GROUPS	4096
#define NAME_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+@:"

#define AT(member) offsetof(struct memcg_config, member)
#define LIMIT(member) offsetof(struct cgroup_limits, member)
#define NO_LIMIT UINT64_MAX

static const char *const version_names[] = {[MEMCG_V1] = "v1", [MEMCG_V2] = "v2", NULL};
static const char *const global_name[] = {"global", NULL};

static const struct config_row rows[] = {
	{"memcg.enabled", CONFIG_BOOL, AT(enabled), "off", 0, 0, NULL,
	 "memory is charged to the memory cgroup \"trace\", which holds all processes; implied by a limit or a group"},
	{"memcg.version", CONFIG_CHOICE, AT(version), "v2", 0, 0, version_names,
	 "v2: memory and swap are limited apart; v1: memory.swap_max is the limit of both together"},
	{"memcg.recursive_protection", CONFIG_BOOL, AT(recursive_protection), "on", 0, 0, NULL,
	 "low and min protect a subtree as a whole: mount option memory_recursiveprot"},
	{"memcg.max", CONFIG_LIMIT, AT(all.max), "max", 0, NO_LIMIT, NULL,
	 "limit of \"trace\": memory.max, memory.limit_in_bytes"},
	{"memcg.high", CONFIG_LIMIT, AT(all.high), "max", 0, NO_LIMIT, NULL,
	 "above it who allocates must reclaim, and is held up: memory.high"},
	{"memcg.low", CONFIG_LIMIT, AT(all.low), "0", 0, NO_LIMIT, NULL,
	 "below it reclaim spares \"trace\" while it can: memory.low"},
	{"memcg.min", CONFIG_LIMIT, AT(all.min), "0", 0, NO_LIMIT, NULL,
	 "below it reclaim never takes anything of \"trace\": memory.min"},
	{"memcg.swap_max", CONFIG_LIMIT, AT(all.swap_max), "max", 0, NO_LIMIT, NULL,
	 "limit of the swap of \"trace\": memory.swap.max; with v1 of memory and swap: memory.memsw.limit_in_bytes"},
	{"memcg.swap_high", CONFIG_LIMIT, AT(all.swap_high), "max", 0, NO_LIMIT, NULL,
	 "above it who allocates is held up: memory.swap.high"},
	{"memcg.swappiness", CONFIG_LIMIT, AT(all.swappiness), "global", 0, 200, global_name,
	 "how readily \"trace\" swaps: memory.swappiness of v1; global: vm.swappiness"},
	{"memcg.oom_group", CONFIG_BOOL, AT(all.oom_group), "off", 0, 0, NULL,
	 "the OOM killer takes all of \"trace\" or nothing of it: memory.oom.group"},
};
const struct config_table memcg_config_table = {"memcg", rows, ARRAY_SIZE(rows)};

/* The same of one group of the user's. */
static const struct config_row spec_rows[] = {
	{"max", CONFIG_LIMIT, LIMIT(max), "max", 0, NO_LIMIT, NULL, "memory.max"},
	{"high", CONFIG_LIMIT, LIMIT(high), "max", 0, NO_LIMIT, NULL, "memory.high"},
	{"low", CONFIG_LIMIT, LIMIT(low), "0", 0, NO_LIMIT, NULL, "memory.low"},
	{"min", CONFIG_LIMIT, LIMIT(min), "0", 0, NO_LIMIT, NULL, "memory.min"},
	{"swap_max", CONFIG_LIMIT, LIMIT(swap_max), "max", 0, NO_LIMIT, NULL, "memory.swap.max"},
	{"swap_high", CONFIG_LIMIT, LIMIT(swap_high), "max", 0, NO_LIMIT, NULL, "memory.swap.high"},
	{"swappiness", CONFIG_LIMIT, LIMIT(swappiness), "global", 0, 200, global_name, "memory.swappiness"},
	{"oom_group", CONFIG_BOOL, LIMIT(oom_group), "off", 0, 0, NULL, "memory.oom.group"},
};
static const struct config_table spec_table = {"memcg.group", spec_rows, ARRAY_SIZE(spec_rows)};

/* ---- what the user says ---- */

static int bad_property(const char *name, const char *path, struct mmr_error *err)
{
	const char *names[ARRAY_SIZE(spec_rows) + 1] = {PROCESSES}, *near;

	for (size_t i = 0; i < ARRAY_SIZE(spec_rows); i++)
		names[i + 1] = spec_rows[i].key;
	near = nearest(name, names, ARRAY_SIZE(names));
	return err_set(err, -ENOENT, "unknown property '%.60s' of the memory cgroup '%.100s'%s%s%s", name, path,
		       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "db.log" and "db/log" are "db/log". */
static int normal_path(char *path, const char *key, struct mmr_error *err)
{
	bool empty = true;

	for (char *at = path; *at; at++) {
		if (*at == '.')
			*at = '/';
		if (*at != '/' && !strchr(NAME_CHARS, *at))
			return err_set(err, -EINVAL, "a memory cgroup of '%s%.100s' has a '%c' in its name",
				       CGROUP_KEY_PREFIX, key, *at);
		if (*at == '/' && empty)
			break;
		empty = *at == '/';
	}
	return empty ? err_set(err, -EINVAL, "a memory cgroup of '%s%.100s' has no name", CGROUP_KEY_PREFIX, key) : 0;
}

static struct cgroup_spec *spec_of(struct cgroup_specs *specs, const char *path)
{
	struct cgroup_spec *spec;

	for (size_t i = 0; i < specs->all.nr; i++)
		if (!strcmp(specs->all.data[i].path, path))
			return &specs->all.data[i];
	spec = vec_push(&specs->all);
	*spec = (struct cgroup_spec){.path = xstrdup(path)};
	config_defaults(&spec_table, &spec->limits);
	return spec;
}

int cgroup_specs_set(struct cgroup_specs *specs, const char *key, const char *value, struct mmr_error *err)
{
	char *path = xstrdup(key), *dot = strrchr(path, '.');
	const struct config_row *row;
	struct cgroup_spec *spec;
	int rc = -ENOENT;

	if (!dot) {
		rc = err_set(err, rc, "'%s%.100s' names no property of a memory cgroup (as in %sdb.max)",
			     CGROUP_KEY_PREFIX, key, CGROUP_KEY_PREFIX);
		goto out;
	}
	*dot = '\0';
	rc = normal_path(path, key, err);
	if (rc)
		goto out;
	row = config_find(&spec_table, dot + 1);
	if (!row && strcmp(dot + 1, PROCESSES) != 0) {
		rc = bad_property(dot + 1, path, err);
		goto out;
	}
	spec = spec_of(specs, path);
	if (row) {
		rc = config_set(row, &spec->limits, value, err);
		if (rc)
			err_prefix(err, rc, "memory cgroup '%.100s'", path);
	} else {
		free(spec->processes);
		spec->processes = *value ? xstrdup(value) : NULL;
	}
	if (specs->all.nr > MAX_GROUPS)
		rc = err_set(err, -ERANGE, "more than %d memory cgroups", MAX_GROUPS);
out:
	free(path);
	return rc;
}

void cgroup_specs_finish(struct cgroup_specs *specs)
{
	for (size_t i = 0; i < specs->all.nr; i++) {
		free(specs->all.data[i].path);
		free(specs->all.data[i].processes);
	}
	vec_finish(&specs->all);
}

void cgroup_specs_each(const struct cgroup_specs *specs, void (*fn)(void *ctx, const char *key, const char *value),
		       void *ctx)
{
	struct cgroup_limits defaults;

	config_defaults(&spec_table, &defaults);
	for (size_t i = 0; i < specs->all.nr; i++) {
		const struct cgroup_spec *spec = &specs->all.data[i];
		struct strbuf key = {0};

		for (size_t k = 0; k < spec_table.nr; k++) {
			char text[CONFIG_TEXT], usual[CONFIG_TEXT];

			config_format(&spec_rows[k], &spec->limits, text, sizeof(text));
			if (!strcmp(text, config_format(&spec_rows[k], &defaults, usual, sizeof(usual))))
				continue;
			key.len = 0;
			strbuf_addf(&key, "%s%s.%s", CGROUP_KEY_PREFIX, spec->path, spec_rows[k].key);
			fn(ctx, key.s, text);
		}
		key.len = 0;
		strbuf_addf(&key, "%s%s.%s", CGROUP_KEY_PREFIX, spec->path, PROCESSES);
		if (spec->processes)
			fn(ctx, key.s, spec->processes);
		strbuf_finish(&key);
	}
}

static bool limits_memory(const struct cgroup_limits *l)
{
	return l->max != NO_LIMIT || l->high != NO_LIMIT;
}

static bool limits_anything(const struct cgroup_limits *l)
{
	return limits_memory(l) || l->low || l->min || l->swap_max != NO_LIMIT || l->swap_high != NO_LIMIT ||
	       l->swappiness != NO_LIMIT || l->oom_group;
}

bool cgroups_limit(const struct memcg_config *conf, const struct cgroup_specs *specs)
{
	for (size_t i = 0; i < specs->all.nr; i++)
		if (limits_memory(&specs->all.data[i].limits))
			return true;
	return limits_memory(&conf->all);
}

bool cgroups_wanted(const struct memcg_config *conf, const struct cgroup_specs *specs)
{
	return conf->enabled || specs->all.nr || limits_anything(&conf->all);
}

/* ---- making them ---- */

static uint64_t pages_of(const struct memory *mem, uint64_t bytes)
{
	uint64_t pages = bytes >> mem->geo->page_shift;

	return bytes == NO_LIMIT || pages > PAGE_COUNTER_MAX ? PAGE_COUNTER_MAX : pages;
}

static void set_limits(struct mem_cgroup *memcg, const struct cgroup_limits *l)
{
	const struct memory *mem = memcg->mem;

	memcg_set_min(memcg, pages_of(mem, l->min));
	memcg_set_low(memcg, pages_of(mem, l->low));
	memcg_set_high(memcg, pages_of(mem, l->high));
	memcg_set_max(memcg, pages_of(mem, l->max));
	memcg_set_swap_max(memcg, pages_of(mem, l->swap_max));
	memcg_set_swap_high(memcg, pages_of(mem, l->swap_high));
	memcg->swappiness = l->swappiness == NO_LIMIT ? MEMCG_SWAPPINESS_GLOBAL : (uint32_t)l->swappiness;
	memcg->oom_group = l->oom_group;
}

static struct mem_cgroup *child_of(struct mem_cgroup *parent, const char *name)
{
	struct list_head *pos;

	list_for_each(pos, &parent->children) {
		struct mem_cgroup *memcg = list_entry(pos, struct mem_cgroup, siblings);

		if (!strcmp(memcg->name, name))
			return memcg;
	}
	return mem_cgroup_create(parent, name);
}

/* The group of a path, made with those above it where they are not there. */
static struct mem_cgroup *make_path(struct mem_cgroup *parent, const char *path)
{
	char *copy = xstrdup(path), *rest = NULL;

	for (char *name = strtok_r(copy, "/", &rest); name && parent; name = strtok_r(NULL, "/", &rest))
		parent = child_of(parent, name);
	free(copy);
	return parent;
}

int cgroups_start(struct cgroups *g, const struct memcg_config *conf, struct cgroup_specs *specs, struct memory *mem,
		  struct mmr_error *err)
{
	*g = (struct cgroups){.conf = conf, .specs = specs, .mem = mem};
	if (!cgroups_wanted(conf, specs))
		return 0;
	lru_enable(mem);
	mem_cgroup_init(mem, conf->version == MEMCG_V1);
	memcg_set_recursive_protection(mem, conf->recursive_protection);
	g->home = mem->root_memcg;
	if (conf->enabled || limits_anything(&conf->all)) {
		g->home = mem_cgroup_create(mem->root_memcg, HOME_NAME);
		set_limits(g->home, &conf->all);
	}
	for (size_t i = 0; i < specs->all.nr; i++) {
		struct cgroup_spec *spec = &specs->all.data[i];

		spec->memcg = make_path(g->home, spec->path);
		if (!spec->memcg)
			return err_set(err, -EINVAL, "too many memory cgroups");
		set_limits(spec->memcg, &spec->limits);
	}
	return 0;
}

/* ---- who is in which ---- */

static bool names_process(const char *processes, const char *comm, uint64_t pid)
{
	char *copy = xstrdup(processes), *rest = NULL;
	bool found = false;

	for (char *word = strtok_r(copy, ", ", &rest); word && !found; word = strtok_r(NULL, ", ", &rest)) {
		uint64_t id;

		if (parse_u64(word, &id, NULL) == 0)
			found = pid && id == pid;
		else
			found = comm && fnmatch(word, comm, 0) == 0;
	}
	free(copy);
	return found;
}

struct mem_cgroup *cgroups_match(const struct cgroups *g, const char *comm, uint64_t pid)
{
	for (size_t i = 0; g->home && i < g->specs->all.nr; i++) {
		const struct cgroup_spec *spec = &g->specs->all.data[i];

		if (spec->processes && names_process(spec->processes, comm, pid))
			return spec->memcg;
	}
	return NULL;
}
