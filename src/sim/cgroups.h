/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory cgroups of a replay: which there are, with which limits, and who is in which: keys `memcg.*`.
 *
 * memcg.max, memcg.high ... are the limits of one group, "trace", that all processes of the trace are in. It exists when
 * one of them is set, or with memcg.enabled. Groups of one's own come by their path, with '.' or '/' between a group and
 * those in it:
 *
 *	-s memcg.group.db.max=64M -s memcg.group.db.processes=redis*,4711 -s memcg.group.db/log.low=8M
 *	{"memcg": {"group": {"db": {"max": "64M", "processes": ["redis*", 4711], "log": {"low": "8M"}}}}}
 *
 * They are below "trace" where that exists, else below the root. A process is in the first group, in the order in which they
 * were named, that has its process id or, as a shell pattern, its name in `processes`; else in the one that it was forked
 * in; else in "trace". Names count when a program is executed, as if a shell had moved itself there and executed it;
 * process ids from the start. What is mapped already stays charged where it is.
 *
 * Interface:
 *   - cgroup_specs_set(): one key; cgroup_specs_finish()
 *   - cgroups_start() once the machine stands: makes the groups; cgroups_finish()
 *   - cgroups_match(), cgroups_home(): for processes
 */
#ifndef SIM_CGROUPS_H
#define SIM_CGROUPS_H

#include "base/config.h"
#include "base/vec.h"
#include "mm/memcg.h"

#define CGROUP_KEY_PREFIX "memcg.group."

/* Every member is a uint64_t (base/config.h). Bytes, UINT64_MAX: no limit. */
struct cgroup_limits {
	uint64_t max, high, low, min;
	uint64_t swap_max, swap_high;
	uint64_t swappiness;	/* UINT64_MAX: that of the machine */
	uint64_t oom_group;
};

struct memcg_config {
	uint64_t enabled;	/* memcg.enabled */
	uint64_t version;	/* memcg.version: enum memcg_version */
	uint64_t recursive_protection;
	struct cgroup_limits all;	/* of the group "trace" */
};
enum memcg_version { MEMCG_V1, MEMCG_V2 };
extern const struct config_table memcg_config_table;

/* A group of the user's. */
struct cgroup_spec {
	char *path;		/* "db/log" */
	char *processes;	/* "redis*,4711", NULL none */
	struct cgroup_limits limits;
	struct mem_cgroup *memcg;	/* once it is made */
};
struct cgroup_specs {
	VEC(struct cgroup_spec) all;
};

/* key: what stands behind the prefix. -ENOENT, -EINVAL, -ERANGE: bad key or value. */
int cgroup_specs_set(struct cgroup_specs *specs, const char *key, const char *value, struct mmr_error *err);
void cgroup_specs_finish(struct cgroup_specs *specs);
/* Calls fn for each property that is not as it is by default: the whole key, the value as text. */
void cgroup_specs_each(const struct cgroup_specs *specs, void (*fn)(void *ctx, const char *key, const char *value),
		       void *ctx);
/* Does anything limit memory, so that pages may have to go? */
bool cgroups_limit(const struct memcg_config *conf, const struct cgroup_specs *specs);
bool cgroups_wanted(const struct memcg_config *conf, const struct cgroup_specs *specs);

struct cgroups {
	const struct memcg_config *conf;
	struct cgroup_specs *specs;
	struct memory *mem;
	struct mem_cgroup *home;	/* NULL without groups */
};

/* -EINVAL: too many groups. Without groups nothing is done. Before the first user page. */
int cgroups_start(struct cgroups *g, const struct memcg_config *conf, struct cgroup_specs *specs, struct memory *mem,
		  struct mmr_error *err);
/* The group that a process is to be in by its id (0: does not count) or its name (NULL likewise); NULL: none in particular. */
struct mem_cgroup *cgroups_match(const struct cgroups *g, const char *comm, uint64_t pid);

#endif
