/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a trace says of the machine and kernel it was captured on (mmreplay-trace(5), "Metadata").
 *
 * What the trace does not say is 0 or NULL here. A trace of another program may say anything: every
 * number is checked where it is used, against the range of the setting that it becomes.
 */
#ifndef SIM_METADATA_H
#define SIM_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

struct trace_meta {
	json_t *root;
	enum mmr_basis basis;	  /* 0 unknown */
	const char *basis_name;	  /* these point into root */
	const char *interleaving; /* "real", "serialized" */
	const char *method;	  /* "perf", "valgrind" */
	const char *arch;	  /* "x86_64" */
	const char *cpu_vendor, *cpu_model;
	uint64_t nr_cpus, memory_bytes, base_page_bytes, va_bits;
};

int trace_meta_parse(struct trace_meta *m, const char *text, struct mmr_error *err);
void trace_meta_finish(struct trace_meta *m);
/* The value at a path of keys separated by '/', NULL when there is none. */
const json_t *trace_meta_get(const struct trace_meta *m, const char *path);
uint64_t trace_meta_u64(const struct trace_meta *m,
			const char *path); /* 0 when absent or no integer */

#endif
