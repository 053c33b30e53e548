/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Commands that ask one trace something and print the answer: info, validate. */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include "cli/options.h"
#include "cli/trace-file.h"

struct query {
	struct trace_file_options file;
	const char *output; /* NULL: standard output */
	bool json, verbose;
};

enum { QUERY_JSON = 256, QUERY_RECOVER };

/* The rows of a query's options. */
#define QUERY_OPTIONS(JSON_HELP) \
	{QUERY_JSON, "json", NULL, JSON_HELP}, \
	{QUERY_RECOVER, "recover", NULL, "skip damaged blocks and say what is missing"}, \
	{'o', "output", "FILE", "write to FILE instead of standard output"}

/* False: the command is to end with *ret_status. */
bool query_parse(struct query *q, const struct cli_usage *usage, int argc, char **argv,
		 int *ret_status);

#endif
