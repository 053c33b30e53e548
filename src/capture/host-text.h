/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Parts of the metadata that come from texts of /proc: zones, the memory cgroup, single lines. */
#ifndef CAPTURE_HOST_TEXT_H
#define CAPTURE_HOST_TEXT_H

#include <sys/types.h>

#include <jansson.h>

/* "name\t: value" as in /proc/cpuinfo: the first value, without blanks around it; NULL when absent.
 */
char *text_line_value(const char *text, const char *name);

/* Array of {node, zone, present_pages, managed_pages, min, low, high, protection} of
 * /proc/zoneinfo. */
json_t *host_zones(void);
/* The same from a text, to be tested. */
json_t *host_zones_parse(const char *zoneinfo);

/* Memory cgroup of a process (0: ours): {version, limits ...}; NULL where there is none. */
json_t *host_cgroup(pid_t pid);

#endif
