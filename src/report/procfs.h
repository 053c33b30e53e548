/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The simulated machine as the files of /proc and /sys that the kernel would show, in the text
 * formats of Linux 6.18 (fs/proc/task_mmu.c, meminfo.c, array.c, mm/vmstat.c, slab_common.c,
 * vmalloc.c, drivers/base/node.c), so that the tools people already have read them:
 *
 *	proc/buddyinfo pagetypeinfo zoneinfo vmstat meminfo slabinfo vmallocinfo swaps pressure/memory
 *	proc/PID/maps smaps smaps_rollup numa_maps status stat statm comm cmdline
 *	sys/devices/system/node/{online,possible,has_cpu,has_memory,has_normal_memory}
 *	sys/devices/system/node/nodeN/{cpulist,cpumap,distance,meminfo,numastat,vmstat}
 *	sys/fs/cgroup/[memory/]PATH/memory.* (of version 2, or of 1 with memcg.v1)
 *	mmreplay-unavailable.json
 *
 * Every file has the lines of the kernel's, in their order; a line for which the model has no figure
 * is 0, and mmreplay-unavailable.json says which lines those are and why, by file and key.
 *
 * This makes texts; where they go is the caller's business.
 *
 * Interface: procfs_begin(), procfs_system() and procfs_process(), procfs_end()
 */
#ifndef REPORT_PROCFS_H
#define REPORT_PROCFS_H

#include "report/json.h"
#include "sim/replay.h"

#define PROCFS_SCHEMA	"mmreplay-procfs/1"
#define PROCFS_MANIFEST "mmreplay-unavailable.json"

/* Takes one file; path is relative, with slashes. 0, or what procfs_end() is to return. */
typedef int procfs_put(void *ctx, const char *path, const char *text, size_t len);

struct procfs {
	struct mmr_replay *r;
	const struct memory *mem; /* of r, once it has begun */
	procfs_put *put;
	void *ctx;
	const char *file;    /* being made, as the manifest names it: "proc/PID/status" */
	struct strbuf text;  /* of it */
	uint64_t clock_ns;   /* when the system's files were made; set before: the moment they are of */
	json_t *unavailable; /* file -> key -> reason */
	json_t *processes;   /* pid -> the model's clock when its files were made */
	int rc;		     /* the first that put() returned; nothing is put after it */
};

/* The replay need not have begun. */
void procfs_begin(struct procfs *p, struct mmr_replay *r, procfs_put *put, void *ctx);
/* All that is not a process's. */
void procfs_system(struct procfs *p);
/* One process: index in r->tasks.processes, one of its threads that has an address space. */
void procfs_process(struct procfs *p, uint32_t index, const struct task_struct *task);
/* Every process that has an address space now. */
void procfs_processes(struct procfs *p);
/* The manifest; frees all. `at` says what moment the system's files are of. */
int procfs_end(struct procfs *p, const char *at);
/* Frees all without a manifest. Idempotent, also after procfs_end(). */
void procfs_drop(struct procfs *p);

/* ---- for the files (procfs-*.c) ---- */

/* The text so far is the file of this path; the next one begins. */
void procfs_done(struct procfs *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line of the file being made has a 0 that stands for "not known". */
void procfs_unknown(struct procfs *p, const char *key, const char *reason);

/* Zones that the kernel of this machine would have, in order. */
struct procfs_zone {
	const char *name;
	int type; /* enum zone_type, -1: device memory, of which the model has none */
};
size_t procfs_zones(const struct memory *mem, struct procfs_zone ret[MAX_NR_ZONES + 1]);

/*
 * The value of a counter by its kernel name, of one zone (NULL: all of the node), of one node
 * (NULL: the whole machine). False when the model has no such counter.
 */
bool procfs_counter(const struct memory *mem, const struct pglist_data *node,
		    const struct zone *zone, const char *key, uint64_t *ret);
/* The same for a line of the file being made: 0 and a word in the manifest when there is none. */
uint64_t procfs_count(struct procfs *p, const struct pglist_data *node, const char *key,
		      const char *line);
uint64_t procfs_kb(const struct memory *mem, uint64_t pages);
/* "Name:           %8u kB", as in meminfo and smaps: the unit begins in column 24 if it can. */
void procfs_kb_line(struct procfs *p, const char *name, uint64_t kb);
/* "0-1,4": bits of a mask as the kernel prints lists. */
void procfs_list(struct strbuf *sb, const uint64_t *mask, unsigned nr);

void procfs_vmstat(struct procfs *p);
void procfs_zoneinfo(struct procfs *p);
void procfs_buddyinfo(struct procfs *p);
void procfs_pagetypeinfo(struct procfs *p);
void procfs_meminfo(struct procfs *p);
void procfs_swaps(struct procfs *p);
void procfs_pressure(struct procfs *p);
/* The two lines of a pressure file. */
void procfs_put_pressure(struct procfs *p, const struct psi_group *group);
/* memory.* of every group. */
void procfs_memcgs(struct procfs *p);
void procfs_slabinfo(struct procfs *p);
void procfs_vmallocinfo(struct procfs *p);
void procfs_node_meminfo(struct procfs *p, const struct pglist_data *node);
void procfs_node_vmstat(struct procfs *p, const struct pglist_data *node);
void procfs_smaps(struct procfs *p, const struct task_struct *task, uint64_t pid);

#endif
