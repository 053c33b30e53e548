/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading a trace for a command. */
#include "cli/trace-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

/* The reader's statistics cost a hash each time: not for every event. */
#define PROGRESS_ITEMS 256

/* For the estimate only; 0 for a pipe. */
static uint64_t file_size(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && stat(path, &st) == 0 && S_ISREG(st.st_mode)
		       ? (uint64_t)st.st_size
		       : 0;
}

int trace_file_open(struct trace_file *f, const struct trace_file_options *opt)
{
	struct mmr_reader_options ropt = {.recover = opt->recover};
	struct mmr_error err = {.text = ""};
	int rc;

	*f = (struct trace_file){.path = opt->path};
	rc = mmr_reader_open(&f->reader, opt->path, &ropt, &err);
	if (rc)
		return cli_input_error(opt->path, rc, &err);
	progress_init(&f->progress, opt->label, file_size(opt->path), opt->quiet);
	return CLI_OK;
}

void trace_file_progress(struct trace_file *f)
{
	if (f->progress.on && f->nr_items++ % PROGRESS_ITEMS == 0)
		progress_step(&f->progress, mmr_reader_stats(f->reader)->file_bytes);
}

int trace_file_next(struct trace_file *f, struct mmr_item *item)
{
	struct mmr_error err = {.text = ""};
	int rc = mmr_reader_next(f->reader, item, &err);

	if (progress_wants(&f->progress))
		trace_file_progress(f);
	if (rc == 1)
		return 1;
	progress_done(&f->progress);
	f->status = rc ? cli_input_error(f->path, rc, &err) : CLI_OK;
	return 0;
}

void trace_file_remarks(const struct trace_file *f)
{
	const struct mmr_reader_stats *s = mmr_reader_stats(f->reader);

	if (s->lost_events || s->lost_unknown)
		cli_error("%s: the capture lost %" PRIu64 " events%s", f->path, s->lost_events,
			  s->lost_unknown ? " and more that it could not count" : "");
	if (s->damaged_blocks || s->missing_blocks || s->damaged_bytes)
		cli_error("%s: %" PRIu64 " blocks are damaged, %" PRIu64 " missing, %" PRIu64
			  " bytes skipped",
			  f->path, s->damaged_blocks, s->missing_blocks, s->damaged_bytes);
	if (s->truncated || !s->has_end)
		cli_error("%s: the trace has no end: it was cut, or its capture was killed",
			  f->path);
}

void trace_file_close(struct trace_file *f)
{
	progress_done(&f->progress);
	mmr_reader_close(f->reader);
}
