/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * On which nodes the pages of an address space lie, by the policy that holds for them: what numa_maps says, summed up.
 *
 * A page counts where it is mapped; one that is mapped twice counts twice. Pages without memory of their own (zero
 * page, devices) count nowhere.
 */
#ifndef SIM_NUMA_USAGE_H
#define SIM_NUMA_USAGE_H

#include "mm/mempolicy.h"

/* Pages of all areas of one policy, by node. */
struct numa_usage_row {
	struct mempolicy policy; /* mode MPOL_DEFAULT: none */
	uint64_t pages[MAX_NUMNODES];
};

struct numa_usage {
	struct mempolicy task_policy; /* of the task that was asked */
	VEC(struct numa_usage_row) rows; /* in order of the first address */
};

/* Replaces what was there. */
void numa_usage_take(struct numa_usage *u, const struct task_struct *task);
void numa_usage_finish(struct numa_usage *u);

#endif
