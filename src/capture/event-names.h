/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Event names as libpfm4 takes them: "perf::MINOR-FAULTS", "kmem:mm_page_alloc",
 * "skx::MEM_INST_...". This is the one file that sees libpfm4: its header defines struct
 * perf_event_attr once more.
 */
#ifndef CAPTURE_EVENT_NAMES_H
#define CAPTURE_EVENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The parts of a perf_event_attr that a name decides. */
struct event_code {
	uint32_t type;
	uint64_t config, config1, config2;
	unsigned precise_ip;
	bool exclude_user, exclude_kernel, exclude_hv;
	bool is_tracepoint;
	char *fstr; /* the full name, the caller's to free */
};

/* -EINVAL with libpfm4's reason for a name that it does not know. */
int event_encode(const char *name, struct event_code *ret, struct mmr_error *err);
void event_code_finish(struct event_code *code);

struct event_pmu {
	const char *name, *desc;
	bool is_present;
	int nr_events;
};
/* Row i of the tables that libpfm4 finds on this machine, software ones too; false past the last.
 */
bool event_pmu_next(int *pos, struct event_pmu *ret);

#endif
