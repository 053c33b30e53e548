/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the kernel does on its own: work that falls due on the model's clock. It runs between two
 * items of the trace, in the order of the due times, and of the table where those are equal.
 *
 * The clock may jump (a program that slept). Each work then catches up, but on at most
 * KTHREAD_CATCH_UP periods: what was due before that is dropped, as a kernel timer that was
 * deferred while its CPU slept fires once. Due times stay on their grid.
 */
#ifndef SIM_KTHREADS_H
#define SIM_KTHREADS_H

#include <stdint.h>

struct mmr_replay;

#define KTHREAD_CATCH_UP 64
#define NR_KTHREADS_MAX 16
#define KTHREAD_NEVER UINT64_MAX

struct kthreads {
	uint64_t due_ns[NR_KTHREADS_MAX]; /* by row of the table, KTHREAD_NEVER: switched off */
	uint64_t next_ns;		  /* the earliest of them; while one runs, its time */
};

/* Asks every row for its period: after the settings stand. */
void kthreads_start(struct mmr_replay *r);
/* Runs all that is due at mem->now_ns. Call when that is >= kthreads.next_ns. */
void kthreads_run(struct mmr_replay *r);

#endif
