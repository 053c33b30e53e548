/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Keys, defaults, and what a trace brings along. */
#include "sim/settings-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "base/vec.h"
#include "base/xalloc.h"
#include "machine/hwloc.h"
#include "machine/topology.h"
#include "mm/mm_config.h"
#include "sim/replay-kernel.h"

#define AT(member)   offsetof(struct system_config, member)
#define MACHINE_KEY  "machine"
#define POLICY_KEY   "numa.policy"
#define MAX_DEPTH    8
#define TIMELINE_MAX_NS (1ull << 60)
#define MEMORY_SLACK (2ull << 20) /* memory is made in units of 2 MiB */

static const char *const topology_names[] = {"captured", "profile", NULL};

static const char *const kernel_names[] = {"auto", "off", "pages", "slab", NULL};

static const struct config_row rows[] = {
	{"machine.topology", CONFIG_CHOICE, AT(topology), "captured", 0, 0, topology_names,
	 "nodes, CPUs and memory: those of the trace where it says, or those of the machine profile"},
	{"machine.memory", CONFIG_SIZE, AT(memory_bytes), "0", 0, MACHINE_MAX_BYTES, NULL,
	 "memory of the machine, dealt out evenly to its nodes; 0: by machine.topology"},
	{"machine.nodes", CONFIG_UINT, AT(nr_nodes), "0", 0, MACHINE_MAX_NODES, NULL,
	 "NUMA nodes, CPUs and memory dealt out evenly; 0: by machine.topology"},
	{"machine.cpus", CONFIG_UINT, AT(nr_cpus), "0", 0, MACHINE_MAX_CPUS, NULL,
	 "CPUs; the trace's CPU n becomes n modulo this; 0: by machine.topology"},
	{"machine.remote_distance", CONFIG_UINT, AT(remote_distance), "20", 11, 254, NULL,
	 "distance between the nodes that machine.nodes makes (local is 10)"},
	{"clock.ns_per_access", CONFIG_UINT, AT(ns_per_access), "1", 1, 1000000, NULL,
	 "nanoseconds of the model's clock for each access of an exact trace"},
	{"replay.implied_cache", CONFIG_BOOL, AT(implied_cache), "on", 0, 0, NULL,
	 "a file page that an observed minor fault found is in the page cache, whoever read it in"},
	{"replay.kernel", CONFIG_CHOICE, AT(replay_kernel), "auto", 0, 0, kernel_names,
	 "which side of a trace of the whole machine is replayed: programs (off), page events, or slab "
	 "and vmalloc events; auto: page events where there are any"},
	{"timeline.interval", CONFIG_TIME, AT(timeline_ns), "0", 0, TIMELINE_MAX_NS, NULL,
	 "the result has a timeline, sampled so often on the model's clock; 0: it has none"},
	{"timeline.samples", CONFIG_UINT, AT(timeline_samples), "1000", 2, 100000, NULL,
	 "at most so many samples: then every second one goes and the interval doubles"},
};

const struct config_table system_config_table = {"system", rows, ARRAY_SIZE(rows)};

const struct settings_file settings_files[NR_SETTINGS_FILES] = {
	{"fragmentation.initial.buddyinfo",
	 "captured: a file with the text of /proc/buddyinfo (that of the trace)",
	 offsetof(struct settings, state_files.buddyinfo)},
	{"fragmentation.initial.pagetypeinfo",
	 "captured: a file with the text of /proc/pagetypeinfo (that of the trace)",
	 offsetof(struct settings, state_files.pagetypeinfo)},
};

void settings_init(struct settings *s)
{
	*s = (struct settings){0};
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		struct settings_table t = settings_table(s, i);

		config_defaults(t.table, t.conf);
	}
	s->captured_mm = s->mm;
	s->captured_memcg = s->memcg;
}

void settings_finish(struct settings *s)
{
	cgroup_specs_finish(&s->cgroups);
	free(s->machine);
	free(s->topology_file);
	s->machine = s->topology_file = NULL;
	free(s->state_files.buddyinfo);
	free(s->state_files.pagetypeinfo);
	s->state_files = (struct state_files){0};
}

struct settings_table settings_table(struct settings *s, size_t i)
{
	const struct settings_table tables[NR_SETTINGS_TABLES] = {
		{&system_config_table, s ? &s->system : NULL},
		{&numa_config_table, s ? &s->numa : NULL},
		{&memcg_config_table, s ? &s->memcg : NULL},
		{&fragmentation_config_table, s ? &s->fragmentation : NULL},
		{&mm_config_table, s ? &s->mm : NULL},
		{&tlb_config_table, s ? &s->tlb : NULL},
	};

	BUG_ON(i >= NR_SETTINGS_TABLES);
	return tables[i];
}

/* ---- keys ---- */

/* A value of the metadata as a user would write it. NULL when it is no plain value. */
const char *settings_json_text(const json_t *v, const struct config_row *row, char *buf, size_t size)
{
	json_int_t n = json_integer_value(v);

	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_boolean(v))
		return json_is_true(v) ? "on" : "off";
	if (!json_is_integer(v) || n < 0)
		return NULL;
	/* sysctls name a choice by its number */
	if (row && row->type == CONFIG_CHOICE) {
		for (json_int_t i = 0; row->choices[i]; i++)
			if (i == n)
				return row->choices[i];
		return NULL;
	}
	snprintf(buf, size, "%" JSON_INTEGER_FORMAT, n);
	return buf;
}

/* [256, 32] as "256,32". NULL when something else than numbers is in it. */
static const char *json_array_as_text(const json_t *v, char *buf, size_t size)
{
	size_t len = 0, i;
	json_t *e;

	buf[0] = '\0';
	json_array_foreach((json_t *)v, i, e)
	{
		if (!json_is_integer(e) || len >= size)
			return NULL;
		len += (size_t)snprintf(buf + len, size - len, "%s%" JSON_INTEGER_FORMAT,
					i ? "," : "", json_integer_value(e));
	}
	return len < size ? buf : NULL;
}

/* ["redis*", 4711] as "redis*,4711". NULL when something else than texts and numbers is in it. */
static const char *json_words_as_text(const json_t *v, struct strbuf *words)
{
	size_t i;
	json_t *e;

	strbuf_addstr(words, "");
	json_array_foreach((json_t *)v, i, e)
	{
		if (json_is_string(e))
			strbuf_addf(words, "%s%s", i ? "," : "", json_string_value(e));
		else if (json_is_integer(e))
			strbuf_addf(words, "%s%" JSON_INTEGER_FORMAT, i ? "," : "", json_integer_value(e));
		else
			return NULL;
	}
	return words->s;
}

const struct config_row *settings_find_row(struct settings *s, const char *key, void **ret_conf)
{
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		struct settings_table t = settings_table(s, i);
		const struct config_row *row = config_find(t.table, key);

		if (row) {
			*ret_conf = t.conf;
			return row;
		}
	}
	return NULL;
}

/* ---- what the user says ---- */

static int unknown_key(const char *key, struct mmr_error *err)
{
	VEC(const char *) names = {0};
	const char *near;

	*vec_push(&names) = MACHINE_KEY;
	for (size_t i = 0; i < NR_SETTINGS_FILES; i++)
		*vec_push(&names) = settings_files[i].key;
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		const struct config_table *t = settings_table(NULL, i).table;

		for (size_t k = 0; k < t->nr; k++)
			*vec_push(&names) = t->rows[k].key;
	}
	near = nearest(key, names.data, names.nr);
	vec_finish(&names);
	if (near)
		return err_set(err, -ENOENT, "unknown key '%s', did you mean '%s'?", key, near);
	return err_set(err, -ENOENT, "unknown key '%s' (mmreplay list keys)", key);
}

/* "bind:0-1" as numactl users think of it: both keys at once. */
static int set_policy_and_nodes(struct settings *s, const char *value, const char *colon,
				struct mmr_error *err)
{
	char *policy = xstrdup(value);
	int rc;

	policy[colon - value] = '\0';
	rc = settings_set(s, POLICY_KEY, policy, err);
	if (!rc)
		rc = settings_set(s, POLICY_KEY "_nodes", colon + 1, err);
	free(policy);
	return rc;
}

int settings_set(struct settings *s, const char *key, const char *value, struct mmr_error *err)
{
	const char *colon = strchr(value, ':');
	void *conf = NULL;
	const struct config_row *row;

	if (colon && !strcmp(key, POLICY_KEY))
		return set_policy_and_nodes(s, value, colon, err);
	if (!strncmp(key, CGROUP_KEY_PREFIX, strlen(CGROUP_KEY_PREFIX)))
		return cgroup_specs_set(&s->cgroups, key + strlen(CGROUP_KEY_PREFIX), value, err);

	if (!strcmp(key, MACHINE_KEY)) {
		char **name = hwloc_is_export(value) ? &s->topology_file : &s->machine;

		free(*name);
		*name = xstrdup(value);
		return 0;
	}
	for (size_t i = 0; i < NR_SETTINGS_FILES; i++)
		if (!strcmp(key, settings_files[i].key)) {
			char **name = (char **)((char *)s + settings_files[i].offset);

			free(*name);
			*name = *value ? xstrdup(value) : NULL;
			return 0;
		}
	row = settings_find_row(s, key, &conf);
	s->user_min_free |= !strcmp(key, "vm.min_free_kbytes");
	return row ? config_set(row, conf, value, err) : unknown_key(key, err);
}

static int load_object(struct settings *s, const char *prefix, const json_t *obj, unsigned depth,
		       struct mmr_error *err)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)obj, name, v)
	{
		struct strbuf key = {0}, words = {0};
		char buf[CONFIG_TEXT];
		const char *text = settings_json_text(v, NULL, buf, sizeof(buf));
		const struct config_row *row;
		void *conf;
		int rc;

		strbuf_addf(&key, "%s%s%s", prefix, *prefix ? "." : "", name);
		row = json_is_array(v) ? settings_find_row(s, key.s, &conf) : NULL;
		if (row && row->type == CONFIG_LIST)
			text = json_array_as_text(v, buf, sizeof(buf));
		if (json_is_array(v) && !strncmp(key.s, CGROUP_KEY_PREFIX, strlen(CGROUP_KEY_PREFIX)))
			text = json_words_as_text(v, &words);
		if (json_is_object(v) && depth < MAX_DEPTH)
			rc = load_object(s, key.s, v, depth + 1, err);
		else if (text)
			rc = settings_set(s, key.s, text, err);
		else
			rc = err_set(err, -EINVAL, "value of '%s' is no text, number or boolean",
				     key.s);
		strbuf_finish(&key);
		strbuf_finish(&words);
		if (rc)
			return rc;
	}
	return 0;
}

void settings_complete(struct settings *s)
{
	const struct system_config *c = &s->system;
	bool captured_machine = c->topology == TOPOLOGY_CAPTURED && !c->memory_bytes &&
				!c->nr_nodes && !s->topology_file;

	if (!captured_machine && !s->user_min_free)
		s->mm.min_free_kbytes = 0;
}

int settings_load_json(struct settings *s, const char *text, size_t len, struct mmr_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int rc;

	if (!root)
		return err_set(err, -EBADMSG, "not JSON: %s (line %d)", why.text, why.line);
	if (json_is_object(root))
		rc = load_object(s, "", root, 0, err);
	else
		rc = err_set(err, -EBADMSG, "not a JSON object");
	json_decref(root);
	return rc;
}

/* ---- what the trace can answer for ---- */

static bool smaller_pools(const struct settings *s)
{
	for (unsigned i = 0; i < HUGETLB_SIZES; i++)
		if (s->mm.hugetlb_nr[i] + s->mm.hugetlb_overcommit[i] <
		    s->captured_mm.hugetlb_nr[i] + s->captured_mm.hugetlb_overcommit[i])
			return true;
	return false;
}

/* Sizes of huge pages that fewer areas may use now: the switches stand in the order of what they allow. */
static bool fewer_sizes(const struct mm_config *now, const struct mm_config *captured)
{
	for (unsigned i = 0; i < ARRAY_SIZE(now->thp_hugepages); i++)
		if (now->thp_hugepages[i] < captured->thp_hugepages[i])
			return true;
	return false;
}

/*
 * On a trace of faults a page that was touched once is never heard of again. So nothing may make
 * the model take a page away, or map less at once than the captured kernel did: the touches that
 * would fault are missing.
 */
int settings_check(const struct settings *s, const struct trace_meta *meta, uint64_t bytes,
		   unsigned page_shift, struct mmr_error *err)
{
	static const struct memcg_config no_memcg = {.all = {.max = UINT64_MAX, .high = UINT64_MAX}};
	uint64_t base = meta->base_page_bytes ? meta->base_page_bytes : 4096;
	const char *what = NULL;

	/* Areas of a program are cut in its own kernel's pages; larger ones would cut through them. */
	if (1ull << page_shift > base)
		return err_set(err, -ENOTSUP,
			       "the trace was captured with pages of %u KiB, the machine has pages of %u "
			       "KiB: replaying on larger base pages is not supported",
			       (unsigned)(base >> 10), (1u << page_shift) >> 10);
	if (s->force || meta->basis == MMR_BASIS_EXACT)
		return 0;
	if (1ull << page_shift < meta->base_page_bytes)
		what = "pages smaller than those of the captured machine";
	else if (kernel_replay_mode(s->system.replay_kernel, meta) != KERNEL_OFF)
		return 0; /* every allocation of the kernel is in the trace: no touch is missing */
	else if (bytes + MEMORY_SLACK < meta->memory_bytes)
		what = "less memory than the captured machine has";
	else if (s->mm.thp_enabled < s->captured_mm.thp_enabled)
		what = "thp.enabled below that of the captured kernel";
	else if (fewer_sizes(&s->mm, &s->captured_mm))
		what = "sizes of huge pages switched off that the captured kernel used";
	else if (s->mm.fault_around_bytes < s->captured_mm.fault_around_bytes)
		what = "vm.fault_around_bytes below that of the captured kernel";
	else if (s->mm.fault_around_folio < s->captured_mm.fault_around_folio)
		what = "kernel.fault_around_folio off";
	else if (s->captured_mm.thp_enabled != THP_NEVER &&
		 (s->fragmentation.initial == INITIAL_AGED || s->fragmentation.pressure_rate))
		what = "memory more fragmented than that of the captured machine, whose huge pages may "
		       "then be small ones";
	else if (smaller_pools(s))
		what = "pools of huge pages smaller than those of the captured kernel";
	else if (s->memcg.all.max < s->captured_memcg.all.max)
		what = "memcg.max below that of the captured program's memory cgroup";
	else if (s->memcg.all.high < s->captured_memcg.all.high)
		what = "memcg.high below that of the captured program's memory cgroup";
	else if (cgroups_limit(&no_memcg, &s->cgroups))
		what = "limits of memory cgroups";
	else if (s->mm.numa_balancing)
		what = "numa.balancing";
	else if (s->mm.numa_demotion)
		what = "numa.demotion";
	if (!what)
		return 0;
	return err_set(
		err, -ENOTSUP,
		"the trace holds %s only, which cannot answer for %s: touches of pages that were mapped "
		"are not in it (--force replays all the same)",
		meta->basis == MMR_BASIS_FAULTS ? "faults" : "samples", what);
}
