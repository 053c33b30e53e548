/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Strict reading of JSON objects by tables of fields, with the place in every error.
 *
 * Interface:
 *   - json_read_object() hands each key of an object to the row of that name; an unknown key (with the nearest
 *     known one) and a missing required key are errors
 *   - a row's function gets the value, the place and the struct to fill in; it returns 0 or what
 *     json_error() gave
 */
#ifndef MACHINE_JSON_READ_H
#define MACHINE_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A place, linked upwards: "file.json: tlb.l1_data[0].ways". */
struct json_place {
	const struct json_place *up;
	const char *key;	/* NULL: an array's element */
	size_t index;
	struct mmr_error *err;
	const char *where;	/* of the root */
};

struct json_field {
	const char *key;
	bool required;
	int (*read)(const json_t *value, const struct json_place *at, void *dst);
};

int json_read_object(const json_t *object, const struct json_place *at, const struct json_field *fields, size_t nr,
		     void *dst);
/* Calls read for each element of an array of min to max elements; dst is handed through. */
int json_read_array(const json_t *array, const struct json_place *at, size_t min, size_t max,
		    int (*read)(const json_t *value, const struct json_place *at, void *dst), void *dst);
int json_read_string(const json_t *value, const struct json_place *at, const char **ret);
int json_read_uint(const json_t *value, const struct json_place *at, uint64_t min, uint64_t max, uint64_t *ret);
/* Returns -EINVAL. */
int json_error(const struct json_place *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
