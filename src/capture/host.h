/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Facts about the host: the metadata of a trace, and the kernel's counters as text.
 *
 * The metadata is one JSON object (mmreplay-trace(5) tells each key). What cannot be read is
 * absent, never guessed; `fault_around_bytes` alone has the kernel's default where debugfs is
 * closed, and `fault_around_known` says which it is.
 *
 * Interface:
 *   - host_metadata() makes the object; the caller may add keys, then host_metadata_text()
 *   - host_read_file(), host_read_u64(): small files of /proc and /sys
 *   - host_counters(): one COUNTERS text (vmstat, buddyinfo, zoneinfo, pagetypeinfo, cgroup)
 */
#ifndef CAPTURE_HOST_H
#define CAPTURE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/strbuf.h"
#include "capture/capture.h"

/* What the method knows and the host does not. */
struct host_method {
	const char *name; /* "perf", "valgrind" */
	enum mmr_basis basis;
	const char *interleaving; /* "real", "serialized" */
	const char *clock;	  /* "monotonic", "none" */
	pid_t pid;		  /* of the traced process: its cgroup, limits and personality */
};

/* Never NULL: out of memory ends in xalloc's message. */
json_t *host_metadata(const struct capture_options *opt, const struct host_method *method);
/* Takes the reference; the text is the caller's to free. Keys stay in the order of insertion. */
char *host_metadata_text(json_t *meta);

/* Appends a whole small file (at most 16 MiB); 0 or a negative errno. */
int host_read_file(const char *path, struct strbuf *sb);
/* The first number in a file, decimal or 0x. */
int host_read_u64(const char *path, uint64_t *ret);
/*
 * Appends the text of a COUNTERS event: `name value` lines. `pid` (0 for self) chooses the cgroup.
 * MMR_SCOPE_PROCESS is the method's own business. 0 or a negative errno.
 */
int host_counters(enum mmr_scope scope, pid_t pid, struct strbuf *sb);

#endif
