/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The lines of memory.stat of a memory cgroup, under the kernel's names and in its order (6.18 with swap, zswap, THP and NUMA
 * balancing): for the files of a group (procfs-memcg.c) and for the result (report-memcg.c). Kernel counterpart:
 * mm/memcontrol.c (memory_stats, memcg_vm_event_stat).
 */
#ifndef REPORT_MEMCG_STAT_H
#define REPORT_MEMCG_STAT_H

#include "mm/memcg.h"

enum stat_kind { STAT_NODE, STAT_MEMCG, STAT_ZERO };
enum stat_unit { UNIT_PAGES, UNIT_ONE, UNIT_KB, UNIT_HUGE };

/* One line: what it counts, and in which unit that is counted. */
struct memcg_stat_line {
	const char *name;
	uint8_t kind, unit;
	uint16_t item;
};

#define STAT_LINE(name, item)	{name, STAT_NODE, UNIT_PAGES, item}
#define STAT_COUNT(name, item)	{name, STAT_NODE, UNIT_ONE, item}
#define STAT_THP(name, item)	{name, STAT_NODE, UNIT_HUGE, item}

/* In the unit of the file: bytes, or a number of things. With the groups below. */
uint64_t memcg_stat_value(const struct mem_cgroup *memcg, const struct memcg_stat_line *line);
/* Calls fn for each line; unknown: why the model has no figure, NULL when it has. */
void memcg_stat_each(const struct mem_cgroup *memcg,
		     void (*fn)(void *ctx, const char *name, uint64_t value, const char *unknown), void *ctx);

#endif
