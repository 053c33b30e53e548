/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a capture can do on this host for this user, found out by trying it.
 *
 * Interface: probe_host() fills a list in the order in which it should be read; each row that is
 * not fine says why and what to do about it.
 */
#ifndef CAPTURE_PROBE_H
#define CAPTURE_PROBE_H

#include "base/vec.h"

enum probe_state {
	PROBE_OK,
	PROBE_LIMITED, /* works in part, or something optional is not there */
	PROBE_MISSING, /* a method does not work without it */
};

struct probe {
	const char *key;  /* stable name: "tracepoints" */
	const char *what; /* what it is for */
	enum probe_state state;
	char *finding; /* what was found */
	char *cause;   /* why it is not fine; NULL when it is */
	char *cure;    /* what to do; NULL when it is, or when nothing helps */
};

struct probes {
	struct probe *data;
	size_t nr, cap;
};

void probe_host(struct probes *out);
void probes_finish(struct probes *p);

#endif
