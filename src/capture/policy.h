/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies that are there before a capture begins, as /proc/PID/numa_maps writes them.
 *
 *	7f00 bind=static:0-1,3 anon=4 ...
 *	7f10 prefer (many):0 file=/lib/x.so ...
 *
 * numa_maps shows the task's policy for areas that have none. The main stack, which no program binds, so tells the
 * task's; areas that show another one have their own.
 */
#ifndef CAPTURE_POLICY_H
#define CAPTURE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define POLICY_WORDS 8 /* 512 nodes */

struct policy {
	uint64_t mode; /* MPOL_* and mode flags, as the system calls take them */
	uint64_t nodes[POLICY_WORDS];
};

/* The text behind the address. False: not understood. */
bool policy_parse(const char *text, struct policy *ret);
bool policy_equal(const struct policy *a, const struct policy *b);
/* "0-1,3" */
bool policy_parse_nodes(const char *text, uint64_t nodes[POLICY_WORDS]);
/* The mask as an event's data, little endian; returns its length, a multiple of 8. */
size_t policy_data(const uint64_t nodes[POLICY_WORDS], char data[POLICY_WORDS * 8]);
/* Nodes that the task's cpuset leaves it, where those are not all that have memory. False: all, or not known. */
bool policy_cpuset(pid_t pid, uint64_t nodes[POLICY_WORDS]);
/* The policy of this very process, which a command inherits. False: default, or not known. */
bool policy_own(struct policy *ret);

#endif
