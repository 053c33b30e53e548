/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Names, units and meanings of the counters, from the rows of vmstat.h. */
#include "mm/vmstat.h"

#define KERNEL_ROW(NAME, key, unit, meaning) [NAME] = { key, unit, meaning, 1 },
#define MODEL_ROW(NAME, key, unit, meaning) [NAME] = { key, unit, meaning, 0 },

const struct vmstat_info zone_stat_info[NR_VM_ZONE_STAT_ITEMS] = { VMSTAT_ZONE_ITEMS(KERNEL_ROW) };

const struct vmstat_info node_stat_info[NR_VM_NODE_STAT_ITEMS] = { VMSTAT_NODE_ITEMS(KERNEL_ROW) };

const struct vmstat_info mthp_stat_info[NR_MTHP_STATS] = { MTHP_STATS(KERNEL_ROW) };

const struct vmstat_info vm_event_info[NR_VM_EVENT_ITEMS] = {
	VMSTAT_EVENTS(KERNEL_ROW) VMSTAT_MODEL_EVENTS(MODEL_ROW)
};
