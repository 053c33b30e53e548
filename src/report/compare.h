/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Two results beside each other, and rules for when the new one is worse.
 *
 * A result is flattened to paths: keys joined with dots, array elements by their index. Values are
 * held as integers of millionths, so that no comparison depends on floating point.
 *
 * The section `timeline` is left out: its samples stand at other times when the interval or the
 * length of the run differs, and all that they sum up to is in the other sections.
 *
 * A rule is PATTERN CONDITION:
 *	PATTERN		glob over the paths; "*" crosses dots
 *	>+N% >+N	fails when it grew by more than N percent, by more than N
 *	<-N% <-N	fails when it shrank by more than N percent, by more than N
 *	>N <N		fails when the new value is above, below N
 *	!=		fails when it changed
 * A base of 0 grows by more than any percentage with its first unit. A value that is null on either
 * side cannot be judged, and a rule that meets one fails: a gate must not open because a figure
 * went away.
 *
 * Interface: compare_rule_parse(), compare_results(), then compare_json() and compare_text()
 */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define COMPARE_SCHEMA "mmreplay-compare/1"

enum compare_op { COMPARE_GROWS, COMPARE_SHRINKS, COMPARE_ABOVE, COMPARE_BELOW, COMPARE_CHANGES };

struct compare_rule {
	const char *text; /* as written; the caller keeps it */
	char *pattern;
	enum compare_op op;
	bool percent;
	__int128 limit; /* millionths, of a unit or of a percent */
	uint64_t nr_matches;
	bool failed;
};

enum compare_kind { COMPARE_MISSING, COMPARE_NULL, COMPARE_NUMBER, COMPARE_TEXT };

struct compare_value {
	enum compare_kind kind;
	__int128 number;    /* millionths */
	const json_t *json; /* borrowed; NULL when missing */
};

struct compare_row {
	char *path;
	struct compare_value base, now;
	bool changed;
	const struct compare_rule *failed; /* the first rule that it breaks */
	const char *why;		   /* with `failed`: "grew", "cannot be judged: null" ... */
};

struct compare {
	VEC(struct compare_rule) rules;
	/* in the order of the base, what only the new one has at the end */
	VEC(struct compare_row) rows;
	bool failed;
};

int compare_rule_parse(struct compare *c, const char *text, struct mmr_error *err);
/* -EXDEV: they are of different traces, and `force` is not set. -EINVAL: not results of ours. */
int compare_results(struct compare *c, const json_t *base, const json_t *now, bool force,
		    struct mmr_error *err);
json_t *compare_json(const struct compare *c);
/* all: unchanged rows too. markdown: a table for a comment on a change. */
void compare_text(const struct compare *c, bool all, bool markdown, struct strbuf *sb);
void compare_finish(struct compare *c);

#endif
