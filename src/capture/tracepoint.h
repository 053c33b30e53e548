/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Kernel tracepoints: their numbers, and where their fields lie in a raw record.
 *
 * Formats are read from tracefs when a capture begins and never stored in a trace.
 *
 * Interface:
 *   - tracefs_find(): the folder of the events, from the usual places or a private mount
 *   - tp_load() reads one format; tp_parse() the same from a text
 *   - tp_flags(): what the bits of a flags field are called
 *   - tp_field() finds a field; tp_u64() and tp_string() read it from a record, bounds checked
 */
#ifndef CAPTURE_TRACEPOINT_H
#define CAPTURE_TRACEPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TP_FIELDS_MAX 16

struct tp_field {
	char name[32];
	uint16_t offset, size;
	bool is_signed;
	bool is_dynamic; /* __data_loc: the record holds offset and length */
};

struct tp_format {
	uint64_t id;
	unsigned nr_fields;
	struct tp_field field[TP_FIELDS_MAX];
};

struct tracefs {
	char path[64]; /* e.g. "/sys/kernel/tracing" */
	int dirfd;     /* of that folder; -1 when there is none */
	bool denied;   /* there is one, closed to this user */
};

/* 0, or -ENOENT (not mounted) or -EACCES (closed to us), with the cure in err. */
int tracefs_find(struct tracefs *fs, struct mmr_error *err);
void tracefs_close(struct tracefs *fs);

/* "sched", "sched_process_exec". -ENOENT when this kernel has no such event. */
int tp_load(const struct tracefs *fs, const char *system, const char *name, struct tp_format *ret,
	    struct mmr_error *err);
int tp_parse(const char *text, size_t len, const char *system, struct tp_format *ret,
	     struct mmr_error *err);

/*
 * Names and values of the flags that the event's print format spells out (__print_flags): what the
 * bits mean in the kernel that runs. In its order: combinations first, single bits last.
 */
typedef void tp_flag_fn(void *ctx, const char *name, uint64_t value);
int tp_flags(const struct tracefs *fs, const char *system, const char *name, tp_flag_fn *fn,
	     void *ctx);
int tp_flags_parse(const char *text, size_t len, const char *system, tp_flag_fn *fn, void *ctx);

/* NULL when the event has no such field. */
const struct tp_field *tp_field(const struct tp_format *fmt, const char *name);
/* 0 for a missing field or a record that is too short. Signed fields are sign extended. */
uint64_t tp_u64(const struct tp_field *f, const void *raw, size_t size);
/* Element i of an array of 64-bit words. */
uint64_t tp_word(const struct tp_field *f, unsigned i, const void *raw, size_t size);
/* Points into the record; "" when missing, too short or not terminated. */
const char *tp_string(const struct tp_field *f, const void *raw, size_t size);

#endif
