/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * An input trace of a command: opened, with progress, with remarks on losses and damage.
 *
 * Interface: trace_file_open(), then trace_file_next() until it is not 1, trace_file_close().
 * Errors are printed; the functions return a cli_status instead of an errno.
 */
#ifndef CLI_TRACE_FILE_H
#define CLI_TRACE_FILE_H

#include <mmreplay/trace.h>

#include "base/progress.h"

struct trace_file {
	const char *path;
	struct mmr_reader *reader;
	struct progress progress;
	uint64_t nr_items; /* for progress */
	int status;	   /* CLI_OK, or why reading ended */
};

struct trace_file_options {
	const char *path;
	bool recover;
	bool quiet;
	const char *label; /* of the progress line */
};

int trace_file_open(struct trace_file *f, const struct trace_file_options *opt);
/* 1 and *item, 0 at the end or after an error (f->status). */
int trace_file_next(struct trace_file *f, struct mmr_item *item);
/* One more item was taken, by this or by another way. */
void trace_file_progress(struct trace_file *f);
/* Remarks on standard error: what was lost or damaged. */
void trace_file_remarks(const struct trace_file *f);
void trace_file_close(struct trace_file *f);

#endif
