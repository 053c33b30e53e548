/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The model beside the kernel: `mmreplay validate`.
 *
 * For each process whose counters the trace has twice, at execve (or at the start) and at its end:
 *	cumulative counters	the difference of the two readings, of the kernel and of the model
 *	other counters		the reading at the end
 * A counter is right when |model - kernel| <= max(floor, kernel x percent): the tolerances are in
 * validate.c, and in the output.
 */
#ifndef REPORT_VALIDATE_H
#define REPORT_VALIDATE_H

#include "report/json.h"
#include "sim/replay.h"

#define VALIDATE_SCHEMA "mmreplay-validate/1"

struct verdict {
	uint64_t compared, exact, failed;
};

/* Adds the section `kernel_trace` when page events were replayed: report-ktrace.c. */
void validate_kernel_trace(json_t *root, const struct mmr_replay *r, struct verdict *v);

/* *ret_ok: there was something to compare, and all of it is within its tolerance. */
json_t *validation_build(struct mmr_replay *r, bool *ret_ok);

#endif
