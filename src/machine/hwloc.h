/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Topologies of real machines: XML exports of hwloc (lstopo FILE.xml).
 *
 * Taken over: NUMA nodes in order of their numbers, their memory, CPUs in order of their numbers, distances, the
 * size of base pages, architecture and vendor. Numbers are made dense: node 33 of a sparse machine is the
 * fourth here if it is the fourth there.
 *	hwloc says which CPUs are near a node, not whose home it is: a CPU belongs to the nearest of them (the
 *	smallest set of CPUs), of several as near to the one with the lowest number that is not marked as special
 *	memory (subtype HBM, NVM, CXL ...). The others hold memory only.
 *	Distances that are not the kernel's (10 to itself) are scaled so.
 * Left out: caches, sockets, devices, memory attributes, restrictions by cgroups (all that the file shows is taken).
 * A build without libhwloc (meson option hwloc) says so: -ENOSYS.
 */
#ifndef MACHINE_HWLOC_H
#define MACHINE_HWLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/topology.h"

#define HWLOC_MAX_BYTES (16u << 20)

/* A machine as the file describes it. */
struct machine_export {
	struct topology topology;
	uint64_t base_page_bytes;	/* 0: not said */
	char *arch;			/* "x86_64", NULL: not said */
	char *cpu_vendor;		/* "AuthenticAMD", NULL: not said */
};

/* Does the name of a machine mean an export: does it end in ".xml"? */
bool hwloc_is_export(const char *name);
/* -EINVAL and what is wrong, -ENOSYS without libhwloc, or -errno of the file. */
int hwloc_load(const char *path, struct machine_export *ret, struct mmr_error *err);
/* The same from text; `where` names it in errors. */
int hwloc_parse(const char *text, size_t len, const char *where, struct machine_export *ret,
		struct mmr_error *err);
void machine_export_finish(struct machine_export *m);

#endif
