/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the kernel counts for the memory cgroup of a process while a capture runs: the sums of the tracepoint
 * memcg:count_memcg_events (6.10), which to the unit are the group's own counters, scans and steals of version 1 among
 * them, which no file shows. A BPF program adds them up in the kernel, so that no event of it comes this way.
 *
 * The group is that in which the process counts its first fault. It needs CAP_BPF and CAP_PERFMON (or root).
 *
 * Interface:
 *   - memcg_events_open(): -ENOENT, -EPERM and the like when it cannot be; memcg_events_close()
 *   - memcg_events_follow() says whose group; before that process does anything
 *   - memcg_events_text(): `events.NAME value` lines, with the names of /proc/vmstat; nothing before the first fault
 */
#ifndef CAPTURE_MEMCG_EVENTS_H
#define CAPTURE_MEMCG_EVENTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "capture/tracepoint.h"

struct memcg_events {
	bool open;
	int sums_fd, state_fd; /* maps: (group, item) -> sum; seed and group */
	int prog_fd, event_fd;
};

int memcg_events_open(struct memcg_events *m, const struct tracefs *fs, struct mmr_error *err);
void memcg_events_close(struct memcg_events *m);
void memcg_events_follow(struct memcg_events *m, pid_t pid);
void memcg_events_text(const struct memcg_events *m, struct strbuf *sb);

#endif
