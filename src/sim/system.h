/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A simulated machine: profile, topology, memory with its manager, TLBs. Built from settings and
 * from what a trace says of the machine it was captured on. Two systems can live in one process.
 */
#ifndef SIM_SYSTEM_H
#define SIM_SYSTEM_H

#include "base/strbuf.h"
#include "machine/profile.h"
#include "mm/mm_types.h"
#include "sim/metadata.h"
#include "sim/settings.h"

struct system {
	struct machine_profile *profile;
	struct topology topology;
	const char *topology_source; /* "trace", "profile", "hwloc" or "settings" */
	const struct geometry *geo; /* the captured machine's levels, or the profile's */
	struct memory *mem;
	struct pressure *pressure; /* what mem->pressure does */
};

/* -ENOENT: no such machine; -EINVAL: the settings do not go together. */
int system_create(struct system **ret, const struct settings *s, const struct trace_meta *meta,
		  struct mmr_error *err);
void system_destroy(struct system *sys);
/* Everything that must be true of the model. False with lines of what is not. */
bool system_consistent(const struct system *sys, struct strbuf *why);

#endif
