/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Parts of the metadata that come from texts of /proc: zones, the memory cgroup, single lines. */
#ifndef CAPTURE_HOST_TEXT_H
#define CAPTURE_HOST_TEXT_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/* Adds a value to an object; NULL adds nothing. Takes the reference. */
void host_put(json_t *obj, const char *key, json_t *value);
/* Not every path or argument is UTF-8; JSON text is. Bytes that do not fit become U+FFFD. */
json_t *host_string(const char *s);
json_t *host_number(uint64_t v);
/* A file of one line: an integer when it is one, else the text; NULL when it cannot be read. */
json_t *host_file_value(const char *path);
/* A file of the form "always [madvise] never": the chosen word. */
json_t *host_file_choice(const char *path);

/* Everything about the memory manager: the object `memory` of the metadata. */
json_t *host_memory(pid_t pid);

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
