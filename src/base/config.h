/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Settings: one table of rows per subsystem. The same rows parse `-s KEY=VALUE` and the JSON
 * configuration, print help and `mmreplay list keys`, echo the effective configuration into the
 * result, and are checked against mmreplay-config(5).
 *
 * Every setting is a uint64_t in the subsystem's struct, at row->offset: a bool is 0 or 1, a size
 * is bytes, a time is nanoseconds, a choice is the index of its name, a set of nodes has a bit for each. A list
 * is as many uint64_t in a row as `choices` has names for its numbers.
 *
 * Interface:
 *   - a subsystem defines const struct config_table foo_config = {"foo", rows, ARRAY_SIZE(rows)}
 *   - config_defaults() fills a struct in, config_set() sets one key from text
 *   - config_format() writes a value as text that config_set() takes
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum config_type {
	CONFIG_BOOL, CONFIG_UINT, CONFIG_SIZE, CONFIG_TIME, CONFIG_CHOICE,
	CONFIG_DECIMAL,	/* "1.25": thousandths, 1250 */
	CONFIG_LIMIT,	/* "512M", or "max" for none: UINT64_MAX */
	CONFIG_LIST,	/* "256,256,32": numbers of min to max */
	CONFIG_NODES,	/* "1,4-6", "none": numbers of 0 to 63 */
	CONFIG_WEIGHTS,	/* "3,1", "none": up to 64 numbers of 0 to 255, a byte each in 8 uint64_t */
	CONFIG_AREAS,	/* "4G:10:ssd,1G", "none": size[:priority[:kind]], CONFIG_MAX_AREAS uint64_t (config_area_*()) */
};

struct config_row {
	const char *key;		/* full name: "vm.overcommit_memory" */
	enum config_type type;
	size_t offset;			/* of the uint64_t in the subsystem's struct */
	const char *def;		/* default, as a user would write it */
	uint64_t min, max;		/* inclusive, for UINT, SIZE, TIME, DECIMAL (thousandths), LIMIT and LIST */
	/* NULL-terminated; CHOICE: the words, LIST: what each number is for, AREAS: kinds, LIMIT: another word than "max" */
	const char *const *choices;
	const char *help;		/* one line; names the kernel's file or sysctl, if any */
};

struct config_table {
	const char *name;
	const struct config_row *rows;
	size_t nr;
};

/*
 * One area of CONFIG_AREAS, 0 behind the last:
 *
 *	| 63-24 size in KiB | 23-16 kind, an index into `choices` | 15-0 priority, 0xffff none given |
 */
#define CONFIG_MAX_AREAS 8

static inline uint64_t config_area_bytes(uint64_t area)
{
	return area >> 24 << 10;
}

static inline unsigned config_area_kind(uint64_t area)
{
	return area >> 16 & 255;
}

/* -1: none given. */
static inline int config_area_prio(uint64_t area)
{
	return (area & 0xffff) == 0xffff ? -1 : (int)(area & 0xffff);
}

void config_defaults(const struct config_table *t, void *conf);
const struct config_row *config_find(const struct config_table *t, const char *key);
int config_set(const struct config_row *row, void *conf, const char *value, struct mmr_error *err);
/* How many uint64_t a setting takes. */
unsigned config_nr_values(const struct config_row *row);
/* At least CONFIG_TEXT bytes hold any value. */
#define CONFIG_TEXT 256
const char *config_format(const struct config_row *row, const void *conf, char *buf, size_t size);

#endif
