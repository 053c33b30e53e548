/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * System calls that change an address space, and the events they become.
 *
 * Interface:
 *   - syscalls_filter(): a tracepoint filter on `id` that lets just these through
 *   - syscalls_event(): one finished call as an event; false when it changed nothing
 *   - syscalls_maps(): whether an MMAP2 record inside the call says what it mapped (mmap, shmat)
 */
#ifndef CAPTURE_SYSCALLS_H
#define CAPTURE_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct syscall_call {
	long nr;
	uint64_t args[6];
	uint64_t ret;
};

/* What was mapped, from the MMAP2 record inside the call. */
struct syscall_map {
	uint32_t file; /* file id, 0 for none */
	uint64_t len;  /* of the area, 0 unknown */
};

char *syscalls_filter(void);
bool syscalls_known(long nr);
bool syscalls_maps(long nr);
/* munmap: its event may stand at the begin of the call (see perf-decode.c). */
bool syscalls_unmaps(long nr);
/* Fills kind and fields of `ev`; the rest is left alone. */
bool syscalls_event(const struct syscall_call *call, const struct syscall_map *map,
		    struct mmr_event *ev);

#endif
