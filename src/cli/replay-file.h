/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Replaying a trace for a command: run and validate.
 *
 * Interface: replay_file_open(), settings, replay_file_run(), replay_file_close(). All but the last
 * return a cli_status, with the error printed.
 */
#ifndef CLI_REPLAY_FILE_H
#define CLI_REPLAY_FILE_H

#include <mmreplay/report.h>

#include "cli/trace-file.h"

struct replay_file {
	struct trace_file trace;
	struct mmr_replay *replay;
};

int replay_file_open(struct replay_file *f, const struct trace_file_options *opt);
/* KEY=VALUE */
int replay_file_set(struct replay_file *f, const char *text);
/* A JSON file with settings. */
int replay_file_set_file(struct replay_file *f, const char *path);
/* Prints each event on which model and trace do not agree on standard error. */
void replay_file_explain(struct replay_file *f);
int replay_file_run(struct replay_file *f);
void replay_file_close(struct replay_file *f);

#endif
