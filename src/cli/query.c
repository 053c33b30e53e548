/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The options of commands that ask one trace something: see query.h. */
#include "cli/query.h"

static bool fails(int status, int *ret_status)
{
	*ret_status = status;
	return false;
}

bool query_parse(struct query *q, const struct cli_usage *usage, int argc, char **argv,
		 int *ret_status)
{
	struct cli_args a;
	int opt;

	*q = (struct query){.file = {.label = usage->command}};
	cli_args_init(&a, usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0) {
		switch (opt) {
		case QUERY_JSON:
			q->json = true;
			break;
		case QUERY_RECOVER:
			q->file.recover = true;
			break;
		case 'o':
			q->output = a.value;
			break;
		default:
			if (q->file.path)
				return fails(cli_usage_error(usage, "one trace at a time"),
					     ret_status);
			q->file.path = a.value;
		}
	}
	if (opt != CLI_END)
		return fails(cli_args_status(&a), ret_status);
	if (!q->file.path)
		return fails(cli_usage_error(usage, "no trace given"), ret_status);
	q->file.quiet = a.quiet;
	q->verbose = a.verbose;
	return true;
}
