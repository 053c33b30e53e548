/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The rings of a perf session: mapping one, and ending the thread that empties them. */
#ifndef CAPTURE_PERF_RING_H
#define CAPTURE_PERF_RING_H

#include "capture/perf-session.h"

/* -EPERM when the limit of locked memory forbids this size. */
int perf_ring_map(struct perf_ring *ring, int fd, int cpu, size_t bytes);
void perf_ring_unmap(struct perf_ring *ring);
/* Ends the drain thread; nothing when there is none. */
void perf_ring_stop(struct perf_session *s);

#endif
