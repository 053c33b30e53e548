/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What every command shares: exit statuses, the command table's row, messages.
 *
 * The error contract: a message on standard error, lower case, the error first, the subject in
 * quotes, and one of the statuses below. Nothing is printed on standard output by a command that
 * fails with 2, 3 or 4, except by `dump`, which streams.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum cli_status {
	CLI_OK = 0,
	CLI_NEGATIVE = 1, /* compare, validate, check: the answer is no */
	CLI_USAGE = 2,
	CLI_BAD_INPUT = 3,
	CLI_HOST = 4, /* permission, memory, output */
	CLI_INTERRUPTED = 130,
};

struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc,
		   char **argv); /* argv[0] is the name of the command; returns the status */
};

int cmd_anonymize(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_cut(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_gen(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_merge_traces(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_validate(int argc, char **argv);

/* "mmreplay: TEXT" on standard error. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * The same for an error of a library, with the subject (a path, an option) and the place where it
 * has one.
 */
void cli_report_error(const char *subject, const struct mmr_error *err);
/*
 * An error of reading a trace or another input file: prints it, returns CLI_BAD_INPUT or CLI_HOST.
 */
int cli_input_error(const char *path, int errnum, const struct mmr_error *err);
/* "mmreplay: unknown WHAT 'WORD', did you mean 'NEAR'?" Returns CLI_USAGE. */
int cli_unknown(const char *what, const char *word, const char *const *names, size_t nr);

#endif
