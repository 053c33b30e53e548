/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * All settings of a replay: the tables of every subsystem behind one list of keys.
 *
 * In order of rising weight: the rows' defaults, what the trace says of its machine
 * (settings_captured()), what the user sets. `machine` is the one key that is no number: the name
 * of a profile, or an export of hwloc (*.xml), whose topology then counts; both may be given.
 *
 * Interface:
 *   - settings_init(), settings_captured(), settings_set(), settings_load_json(), settings_finish()
 *   - settings_table(): the tables in the order of the result's section `config`
 *   - settings_check(): refuses what the trace cannot support
 */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <stdbool.h>

#include "base/config.h"
#include "machine/tlb.h"
#include "mm/mm_types.h"
#include "sim/cgroups.h"
#include "sim/metadata.h"
#include "sim/start-state.h"
#include "sim/numa.h"

enum settings_topology { TOPOLOGY_CAPTURED, TOPOLOGY_PROFILE };

/* Every member is a uint64_t (base/config.h). */
struct system_config {
	uint64_t topology;	  /* machine.topology */
	uint64_t memory_bytes;	  /* machine.memory, 0 as captured or as the profile says */
	uint64_t nr_nodes;	  /* machine.nodes, 0 likewise */
	uint64_t nr_cpus;	  /* machine.cpus, 0 likewise */
	uint64_t remote_distance; /* machine.remote_distance, for machine.nodes */
	uint64_t ns_per_access;	  /* clock.ns_per_access */
	uint64_t implied_cache;	  /* replay.implied_cache */
	uint64_t replay_kernel;	  /* replay.kernel: enum kernel_mode */
	uint64_t timeline_ns;	  /* timeline.interval, 0 none */
	uint64_t timeline_samples; /* timeline.samples */
};
extern const struct config_table system_config_table;

struct settings {
	char *machine; /* name of the profile, NULL: by the trace's CPU */
	char *topology_file; /* export of hwloc, NULL: none */
	struct system_config system;
	struct numa_config numa;
	struct memcg_config memcg;
	struct cgroup_specs cgroups; /* groups of the user's own */
	struct fragmentation_config fragmentation;
	struct state_files state_files;
	struct mm_config mm;
	struct tlb_config tlb;
	struct mm_config captured_mm; /* as it was on the captured machine */
	struct memcg_config captured_memcg; /* likewise */
	bool user_min_free;	      /* vm.min_free_kbytes was set, not captured */
	bool force;		      /* do what the trace does not support */
};

struct settings_table {
	const struct config_table *table;
	void *conf; /* in struct settings; NULL when that was NULL */
};

#define NR_SETTINGS_TABLES 6

/* Keys that name a file. */
struct settings_file {
	const char *key, *help;
	size_t offset; /* of the char * in struct settings, NULL: none */
};
#define NR_SETTINGS_FILES 2
extern const struct settings_file settings_files[NR_SETTINGS_FILES];

void settings_init(struct settings *s);
void settings_finish(struct settings *s);
/* s may be NULL: the tables alone. */
struct settings_table settings_table(struct settings *s, size_t i);
/*
 * Takes over what the kernel of the trace was set to. Values that are out of range are left alone.
 */
void settings_captured(struct settings *s, const struct trace_meta *meta);
/* -ENOENT: no such key (the text names the nearest one); -EINVAL, -ERANGE: bad value. */
int settings_set(struct settings *s, const char *key, const char *value, struct mmr_error *err);
/*
 * Once all are set. The captured vm.min_free_kbytes is what the kernel computed for the captured
 * memory: a machine of other memory or nodes computes its own, unless the user set it.
 */
void settings_complete(struct settings *s);
/* {"vm.fault_around_bytes": "64K"} or nested {"vm": {"fault_around_bytes": 65536}}. */
int settings_load_json(struct settings *s, const char *text, size_t len, struct mmr_error *err);
/*
 * -ENOTSUP and the reason when the trace's basis cannot answer for a setting, unless s->force.
 * `bytes` and `page_shift` are what the machine came out with.
 */
int settings_check(const struct settings *s, const struct trace_meta *meta, uint64_t bytes,
		   unsigned page_shift, struct mmr_error *err);

#endif
