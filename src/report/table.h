/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A JSON result as text for people. There is no second walk of the statistics: this reads the very
 * tree that is printed as JSON, so the two cannot disagree.
 *
 *	object			a headed section of `key value` lines
 *	object of objects with the same keys, or array of such: a table, one line each; below it
 *				lists of numbers, one line a row, then what has sections of its own
 *	null			"-"; the reasons stand in the section `unavailable`
 *	timeline		a line for each series: first, least, most, last
 *	zero			left out in long sections unless `all`, with a note of how many
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/strbuf.h"

void table_print(const json_t *root, bool all, struct strbuf *sb);

#endif
