/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The state of physical memory before the first event: fresh from boot, as the captured machine had it,
 * or fragmented on purpose (mm/ageing.h). Keys `fragmentation.`.
 *
 * A captured state is the text of /proc/pagetypeinfo and /proc/buddyinfo: of the files that the keys
 * name, else of the trace's metadata (`memory/pagetypeinfo`, `memory/buddyinfo`). pagetypeinfo goes
 * before buddyinfo, which serves where the kernel has cut a number off (">100000") or where it is all
 * there is: then every block is movable. Managed pages by zone come from `memory/zoneinfo` if that is
 * there, else from `memory/zones`.
 */
#ifndef SIM_START_STATE_H
#define SIM_START_STATE_H

#include "base/config.h"
#include "base/vec.h"
#include "mm/ageing.h"
#include "sim/metadata.h"

enum initial_state { INITIAL_FRESH, INITIAL_CAPTURED, INITIAL_AGED };

/* Every member is a uint64_t (base/config.h). */
struct fragmentation_config {
	uint64_t initial;	/* fragmentation.initial: enum initial_state */
	uint64_t degree;	/* thousandths */
	uint64_t order;		/* 0: that of a huge page */
	uint64_t used;		/* percent */
	uint64_t unmovable, reclaimable;	/* percent of what is in use */
	uint64_t seed;
	uint64_t compact;	/* fragmentation.initial.compact */
	uint64_t pressure_rate;	/* fragmentation.pressure.rate: allocations a second, 0 none */
	uint64_t pressure_order;	/* the largest */
	uint64_t pressure_lifetime_ns;
	uint64_t pressure_unmovable, pressure_reclaimable;	/* percent of allocations */
	uint64_t pressure_seed;
};
extern const struct config_table fragmentation_config_table;

/* Names of files, NULL: the trace's. */
struct state_files {
	char *buddyinfo, *pagetypeinfo;
};

typedef VEC(struct zone_state) zone_state_vec;

/*
 * Reads the two texts, either of which may be NULL. `zoneinfo` may be NULL. `names` are what the texts
 * are called in errors. -EBADMSG with name and line: a text says what none of these files can say.
 */
struct state_texts {
	const char *buddyinfo, *pagetypeinfo, *zoneinfo;
	const char *buddyinfo_name, *pagetypeinfo_name;
};
int zone_states_parse(zone_state_vec *states, const struct state_texts *t, unsigned max_order,
		      struct mmr_error *err);

/* Brings fresh memory into the state that is asked for. 0 or a negative errno with the reason. */
int start_state_apply(struct memory *mem, const struct fragmentation_config *conf,
		      const struct state_files *files, const struct trace_meta *meta,
		      struct mmr_error *err);

#endif
