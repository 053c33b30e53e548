/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A progress line on standard error, with an estimate of the time left, when that is a terminal
 * and nobody asked for quiet. Redrawn at most ten times a second; never part of any result.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *label;
	uint64_t total;		/* 0 unknown */
	uint64_t start_ns, next_ns;
	bool on;
	uint32_t nr_asked;
};

void progress_init(struct progress *p, const char *label, uint64_t total, bool quiet);
void progress_step(struct progress *p, uint64_t done);
/* Once in 1024 times when it is on: for loops in which even finding out what is done would cost too much. */
static inline bool progress_wants(struct progress *p)
{
	return p->on && p->nr_asked++ % 1024 == 0;
}
void progress_done(struct progress *p);	/* wipes the line */

#endif
