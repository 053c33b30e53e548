/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay validate: the model beside the kernel that was captured. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/query.h"
#include "cli/replay-file.h"
#include "report/json.h"
#include "report/table.h"

static const struct cli_option options[] = {
	QUERY_OPTIONS("print JSON"),
};

static const struct cli_usage usage = {
	"validate",
	"[OPTION]... TRACE",
	"Replay a trace as it was captured and set the model's counters beside the kernel's own.\n"
	"Exit status 1 when one of them is beyond its tolerance, or there is nothing to compare.",
	options,
	ARRAY_SIZE(options),
};

static void to_text(const char *json, bool all, struct strbuf *sb)
{
	json_t *root = j_parse(json, strlen(json), NULL);

	table_print(root, all, sb);
	json_decref(root);
}

static int print_validation(struct replay_file *f, const struct query *args)
{
	struct strbuf sb = {0};
	int ok, status;
	char *json = mmr_report_validation(f->replay, &ok);

	if (args->json)
		strbuf_addstr(&sb, json);
	else
		to_text(json, args->verbose, &sb);
	status = output_write(args->output, sb.s, sb.len);
	free(json);
	strbuf_finish(&sb);
	return status ? status : ok ? CLI_OK : CLI_NEGATIVE;
}

static int validate(const struct query *args)
{
	struct replay_file f;
	int status = replay_file_open(&f, &args->file);

	if (status)
		return status;
	if (args->verbose)
		replay_file_explain(&f);
	status = replay_file_run(&f);
	if (!status && !args->file.quiet)
		trace_file_remarks(&f.trace);
	if (!status)
		status = print_validation(&f, args);
	replay_file_close(&f);
	return status;
}

int cmd_validate(int argc, char **argv)
{
	struct query q;
	int status;

	return query_parse(&q, &usage, argc, argv, &status) ? validate(&q) : status;
}
